//! News in words: one sentence each, subject first.

use crate::{
    core::{
        news::{Fate, Freed, News, Settling, Taking},
        reason::Drop,
    },
    domain::{
        credentials::Credentials,
        fault::{Fault, FaultKind},
        id::OperatorId,
        role::Role,
        time::Millis,
    },
    plan::model::Trigger,
    words::{
        Names, cause,
        cause::{came_first, unlike},
        claimant, database, evidence, gap, hindrance, lack, loss, mover, mover_name, need, objection, obstacle, platform, record, refusal,
        roster, steers, steps, supervisor_gone, void,
    },
};

/// What happened, for people.
#[expect(clippy::too_many_lines, reason = "a list of a closed enum's cases is read like a table")]
pub fn news(news: &News, names: Names) -> String {
    match news {
        News::SessionOpened => "the session is open".to_owned(),
        News::TakenOver { from, to } => format!(
            "this version of cutover decides otherwise than the one that wrote the journal (fold {from}, now {to}); every route is held; look, then resume"
        ),
        News::StoodStill { lasted } => format!("the host did not run for {lasted}: no trigger watched, and nothing was read meanwhile"),
        News::SupervisorGone { process } => supervisor_gone(*process),
        News::HostReturned => "the host came back; nothing advances by itself; what was under way is read back".to_owned(),
        News::Record(change) => record::change(change),
        News::Stopped { by, abandoned, .. } if abandoned.is_empty() => {
            format!("{by} ended the session; no route was known to move or to be away from home")
        }
        News::Stopped { by, abandoned, unread } => {
            let unread = match unread.as_slice() {
                [] => String::new(),
                unread => format!("; where traffic of {} is was never read", names.routes(unread)),
            };
            format!("{by} ended the session and left {} as it stands; nobody watches over it now{unread}", names.routes(abandoned))
        }
        News::Joined { who, role, credentials } => joined(who, *role, credentials.as_deref()),
        News::RosterRead { digest, people } => roster::read(digest.as_ref(), *people),
        News::RosterChanged { digest, changed } => roster::changed(digest.as_ref(), changed),
        News::TurnedAway(turned) => roster::turned_away(turned),
        News::Left { who } => format!("{who} left"),
        News::Said { by, text } => format!("{by}: {text}"),
        News::LookHere { by, pane } => format!("{by} says: look at {pane}"),
        News::FaultInjected { fault } => format!("the simulated world is asked for the fault {fault}"),
        News::FaultNotInjected { fault, why } => format!("the fault {fault} could not be injected: {why}"),
        News::Step { step, what } => steps::news(step, what, names),
        News::Stands { route, at } => format!("{} stands at {}", names.route(route), names.split(route, at)),
        News::Moving { route, from, to, cause: why } => {
            format!("{} moves from {} to {}: {}", names.route(route), names.split(route, from), names.split(route, to), cause(why, names))
        }
        News::Accepted { route, to } => format!("{} is accepted at {}; traffic follows", names.route(route), names.split(route, to)),
        News::NotMoved { route, at, why } => not_moved(names.route(route), names.split(route, at), why),
        News::OutcomeUnknown { route, to, why } => {
            format!("nobody knows whether {} moved to {}; reading it back ({why})", names.route(route), names.split(route, to))
        }
        News::DidHappen { route, to } => {
            format!("the move of {} to {} did happen; traffic follows", names.route(route), names.split(route, to))
        }
        News::DidNotHappen { route, to, fate } => {
            let fate = match fate {
                Fate::NotDone => "did not happen",
                Fate::NotDoneOrOverwritten | Fate::MayBeDone => "did not happen or was overwritten",
            };
            format!("the move of {} to {} {fate}; ask again if it is still wanted", names.route(route), names.split(route, to))
        }
        News::SteeredElsewhere { route, claim, before } => {
            let until = if before.is_some() { "this session steered it until then; " } else { "" };
            format!("{} is steered by {}; {until}here nothing moves it but a rollback", names.route(route), steers(claim))
        }
        News::MovedElsewhere { route, at, claim } => {
            format!("{} moved {} to {}", claimant(claim), names.route(route), names.split(route, at))
        }
        News::ClaimLost { route } => format!(
            "somebody took the line that this session steers {} off the object; nothing advances until somebody takes the route over with a reason",
            names.route(route)
        ),
        News::NobodySteers { route, before } => {
            format!("{} is steered by nobody any more; until then it was {}", names.route(route), claimant(before))
        }
        News::Steers { route, claim, before } => {
            let before = before.as_ref().map_or_else(String::new, |before| format!(", in the place of {}", claimant(before)));
            format!("this session steers {} from here on, epoch {}{before}", names.route(route), claim.epoch)
        }
        News::ClaimNotWritten { route, why, fate } => {
            let fate = match fate {
                Fate::NotDone | Fate::NotDoneOrOverwritten => "was not written; nothing has changed",
                Fate::MayBeDone => "may have been written; looking",
            };
            format!("who steers {} {fate} ({why})", names.route(route))
        }
        News::LetGo { route } => format!("nobody steers {} from here on", names.route(route)),
        News::OvertakenEnded { route, to, fate } => {
            let fate = match fate {
                Fate::NotDone | Fate::NotDoneOrOverwritten => "was not done",
                Fate::MayBeDone => "may have been done; looking",
            };
            format!("the overtaken move of {} to {} {fate}", names.route(route), names.split(route, to))
        }
        News::Queued { route, to } => {
            format!("{} waits for the move in flight, then goes to {}", names.route(route), names.split(route, to))
        }
        News::QueuedDropped { route, to, why } => {
            format!("the queued move of {} to {} {}", names.route(route), names.split(route, to), dropped(why, names))
        }
        News::Settled { route, how } => settled(names.route(route), *how),
        News::NeedsHuman { route, why } => format!("{} needs a human: {}", names.route(route), need(why)),
        News::AgreesAgain { route } => format!("{}: requests agree with the weights again", names.route(route)),
        News::Hindered { route, why } => format!("{}: {}; no advance until that is put right", names.route(route), hindrance(why, names)),
        News::HindranceGone { route, why } => format!("{}: this has been put right: {}", names.route(route), hindrance(why, names)),
        News::RollbackBegan { route, cause: why } => format!("rollback of {}: {}", names.route(route), cause(why, names)),
        News::RollbackJoined { route, cause: why } => format!("joined to the rollback of {}: {}", names.route(route), cause(why, names)),
        News::HomeAlready { route } => {
            format!(
                "{}: nothing to bring home, home is accepted already; it is latched, and nothing advances until it is re-armed",
                names.route(route)
            )
        }
        News::HomeNotProven { why, .. } => format!("home is not proven ready; going back all the same ({})", objection(why, names)),
        News::WayHomeDoubted { route, why } => {
            format!("going back of {} is not assured any more: {}", names.route(route), objection(why, names))
        }
        News::WayHomeAssured { route } => format!("going back of {} is assured again", names.route(route)),
        News::HomeAccepted { route, after } => {
            format!("{}: home on {} is accepted after {after}; users follow", names.route(route), names.home(route))
        }
        News::HomeSeen { route, after } => {
            format!("{} is home: requests meet {} alone, {after} after it was accepted", names.route(route), names.home(route))
        }
        News::HomeNotSeen { route, after, how } => home_not_seen(names.route(route), *after, *how),
        News::WayHomeFailed { route, why, attempt } if why.kind == FaultKind::Conflict => {
            format!("{} was changed since it was read, so attempt {attempt} to go home was not done; looking by whom", names.route(route))
        }
        News::WayHomeFailed { route, why, attempt } => {
            format!("the way home of {} failed, attempt {attempt}; trying again ({why})", names.route(route))
        }
        News::NotHome { route, after, why } => {
            let (route, why) = (names.route(route), obstacle(why, names));
            format!("{route} is NOT HOME after {after}; still trying; do it by hand with the command that stands beside it ({why})")
        }
        News::Rearmed { route, reason } => format!("{} is re-armed: {reason}", names.route(route)),
        News::Held { route, by } => format!("{by} holds {}; triggers stay armed", names.route(route)),
        News::Resumed { route, by } => format!("{by} resumes {}", names.route(route)),
        News::Drifted { route, expected, found, by } => format!(
            "{} changed {} to {}, expected was {}; nothing advances until you adopt it or roll back",
            mover_name(by, names),
            names.route(route),
            names.split(route, found),
            names.split(route, expected)
        ),
        News::DriftNamed { route, found, by } => {
            format!("it was {by} who changed {} to {}", names.route(route), names.split(route, found))
        }
        News::BackAgain { route, at, by } => {
            format!("{} is back at {}, by {}", names.route(route), names.split(route, at), mover(by, names))
        }
        News::LateWriteLanded { route, found } => {
            format!("a late write of this session moved {} to {}; going home again", names.route(route), names.split(route, found))
        }
        News::OldRead { route, found } => {
            let (route, found) = (names.route(route), names.split(route, found));
            format!("the API still tells {found} of {route}, as it was before our write; asking again")
        }
        News::CameFirst { route, found, by } => {
            let (by, route, found) = (came_first(by, names), names.route(route), names.split(route, found));
            format!("{by} set {route} to {found} before the write home arrived; going home from there")
        }
        News::RollbackUndone { route, found } => {
            format!("somebody undid the rollback of {}, to {}; going home once more", names.route(route), names.split(route, found))
        }
        News::Adopted { route, found, by } => {
            format!("{by} adopted {} as what {} should be", names.split(route, found), names.route(route))
        }
        News::Breached { trigger, value, acts_in } => {
            let beyond = |known: &Trigger| format!("{} {}", known.metric.bad().name(), names.value(trigger, known.limit));
            let beyond = names.trigger_planned(trigger).map_or_else(|| "beyond its limit".to_owned(), beyond);
            let acts = acts_in.map_or_else(String::new, |span| format!("; it acts in {span} unless it clears"));
            format!("the {} is {}, {beyond}{acts}", names.watched(trigger), names.value(trigger, *value))
        }
        News::BlindExcused { trigger, gap: why } => format!(
            "the {} is not judged still ({}), as is to be expected there now: it counts as blind no more, and its clock has stopped",
            names.watched(trigger),
            gap(*why)
        ),
        News::NotProvenAnyMore { trigger, gap: why } => {
            let why = why.map_or_else(|| "no reading".to_owned(), gap);
            format!(
                "whether the {} is still beyond its limit was not proven for too long ({why}): its clock stopped, and begins anew with the next \
                 sample that proves it",
                names.watched(trigger)
            )
        }
        News::Cleared { trigger, value } => {
            format!("the {} is {}, within its limit again", names.watched(trigger), names.value(trigger, *value))
        }
        News::FailingAtDoor { backend, failed, answers, limit, acts_in, .. } => format!(
            "{failed} of {answers} requests through the front door fail on {}, above {:.1}%; {}",
            names.backend(backend),
            limit * 100.0,
            follows(*acts_in)
        ),
        News::AnswersAtDoor { backend, .. } => format!("{} answers at the front door again", names.backend(backend)),
        News::NotMetAnyMore { backend, after, .. } => {
            format!(
                "nothing has come from {} through the front door for {after}; what failed there is not known any more",
                names.backend(backend)
            )
        }
        News::UnlikeHome { backend, difference, acts_in, .. } => {
            format!("{}; {}", unlike(&names.backend(backend), difference), follows(*acts_in))
        }
        News::LikeHomeAgain { backend, .. } => format!("{} answers as home does again", names.backend(backend)),
        News::WithheldAtDoor { backend, home, .. } => format!(
            "{} should be left, but {} answers nobody; not rolled back; restore it, then it goes home by itself",
            names.backend(backend),
            names.backend(home)
        ),
        News::Blind { trigger, gap: why } => {
            let why = lack(*why);
            format!("nobody can judge the {}: {why}; nothing advances until it can be read", names.watched(trigger))
        }
        News::SeesAgain { trigger } => format!("the {} can be read again", names.watched(trigger)),
        News::Fired { trigger } => format!("the {} stayed beyond its limit; nothing advances until it is clear", names.watched(trigger)),
        News::Withheld { trigger, home } => format!(
            "the {} stayed beyond its limit, but {} answers nobody; not rolled back; restore it, then traffic goes home by itself",
            names.watched(trigger),
            names.backend(home)
        ),
        News::BlindHeld { trigger, gap: why, home_unproven } => {
            let why = lack(*why);
            let rest = if *home_unproven { "home is not proven ready, so it is not rolled back" } else { "the plan says hold" };
            format!("nobody has been able to judge the {} for five minutes ({why}); {rest}", names.watched(trigger))
        }
        News::ApprovalAsked { by, route, from, to, within } => format!(
            "{by} asks for {} from {} to {}; somebody else must approve it within {within}",
            names.route(route),
            names.split(route, from),
            names.split(route, to)
        ),
        News::Approved { by, asked_by, route, from, to, approver, asker } => format!(
            "{} approved what {} asked for: {} from {} to {}",
            roster::person(by, approver.as_deref()),
            roster::person(asked_by, asker.as_deref()),
            names.route(route),
            names.split(route, from),
            names.split(route, to)
        ),
        News::ApprovedNotStarted { by, why } => format!("what {by} approved was not started: {}", refusal(why, names)),
        News::Denied { by, asked_by, reason } => {
            format!("{by} denied what {asked_by} asked for{}", reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}")))
        }
        News::Withdrawn { by } => format!("{by} withdrew the request"),
        News::RequestVoid { asked_by, why } => format!("the request of {asked_by} is void: {}", void(*why)),
        News::ControlsTaken { by, how: Taking::WereFree } => format!("{by} has the controls"),
        News::ControlsTaken { by, how: Taking::OtherTerminal } => format!("{by} has the controls at another terminal now"),
        News::ControlsTaken { by, how: Taking::From(holder) } => format!("{by} took the controls from {holder}"),
        News::ControlsAsked { by } => format!("{by} asks for the controls"),
        News::ControlsHanded { from, to } => format!("{from} handed the controls to {to}"),
        News::ControlsFree { from, why: Freed::GivenUp } => format!("{from} gave up the controls"),
        News::ControlsFree { from, why: Freed::HolderLeft } => format!("{from} left with the controls; they are free"),
        News::ControlsFree { from, why: Freed::HolderSilent { after } } => {
            format!("{from} has been silent for {after}; the controls are free")
        }
        News::Signed { item, by, note } => format!("{by} signed \"{}\": {note}", names.item(item)),
        News::Unsigned { item, by } => format!("{by} took back the signature under \"{}\"", names.item(item)),
        News::SignatureExpired { item } => format!("{}: the signature is too old now; sign it again", names.item(item)),
        News::ItemFailing { item, evidence: found } | News::ItemProven { item, evidence: found } => {
            format!("{}: {}", names.item(item), evidence(found, names))
        }
        News::SourceSilent { source, why, last } => {
            let last = last.map_or_else(|| "it never did".to_owned(), |ago| format!("last {ago} ago"));
            format!("{source} does not answer; {last} ({why})")
        }
        News::SourceAnswers { source } => format!("{source} answers again"),
        News::WeightsUnread { route, ago } => {
            format!("the weights of {} were last read {ago} ago; what they are now is not known, and nothing advances", names.route(route))
        }
        News::WeightsReadAgain { route } => format!("the weights of {} are read again", names.route(route)),
        News::ConnectionsDropped { witness, dropped, of } => {
            format!("{}; nothing goes home for it by itself", loss::dropped(witness, *dropped, *of, names))
        }
        News::ConnectionsKept { witness, lasted } => format!("{} again, after {lasted}", loss::kept(witness, names)),
        News::WorkloadTroubled { backend, why, scale } => format!("{}: {why}; {}", names.backend(backend), platform::scale(*scale)),
        News::WorkloadWell { backend, scale } => format!("{} is well again; {}", names.backend(backend), platform::scale(*scale)),
        News::ContainersRestarted { backend, restarts, more, over } => {
            format!("{}: {}", names.backend(backend), platform::restarted(*restarts, *more, *over))
        }
        News::PartUnread { backend, part, why } => {
            format!("{}: {part} can't be read ({}); the rest is", names.backend(backend), why.kind)
        }
        News::PartRead { backend, part } => format!("{}: {part} can be read again", names.backend(backend)),
        News::VersionChanged { backend, version } => format!("{} runs another version now: {version}", names.backend(backend)),
        News::DatabaseStands { instance, standing } => format!("{instance} {}", database(standing)),
    }
}

/// Who came, and who stands behind the name.
pub fn joined(who: &OperatorId, role: Role, credentials: Option<&Credentials>) -> String {
    let known = credentials.map_or_else(String::new, |known| format!(" \u{b7} {}", roster::credentials(known)));
    format!("{who} joined as {role}{known}")
}

fn not_moved(route: String, at: String, why: &Fault) -> String {
    if why.kind == FaultKind::Conflict {
        format!("{route} was not moved: it was changed since it was read; looking by whom")
    } else {
        format!("{route} was not moved and stays at {at} ({why})")
    }
}

fn home_not_seen(route: String, after: Millis, how: Settling) -> String {
    match how {
        Settling::Proven { .. } | Settling::Fits => {
            format!("{route}: home is accepted for {after}, and requests can't tell yet whether some still meet what was before")
        }
        Settling::Unconfirmed { .. } => {
            format!("{route}: home is accepted for {after} and not seen: too few answers through the front door say who gave them")
        }
    }
}

fn settled(route: String, how: Settling) -> String {
    match how {
        Settling::Proven { after } => format!("{route} has settled: requests agree after {after}"),
        Settling::Fits => format!("{route} has had its time to settle; requests don't show yet whether users have followed"),
        Settling::Unconfirmed { after } => {
            format!("{route} has had {after} to settle; too few answers through the front door say who gave them to confirm it")
        }
    }
}

pub(super) fn dropped(why: &Drop, names: Names) -> String {
    match why {
        Drop::TakenBack => "was taken back".to_owned(),
        Drop::RollbackBegan => "was dropped: a rollback began".to_owned(),
        Drop::Held => "was dropped: the route is held".to_owned(),
        Drop::ControlsPassed => "was dropped with the controls".to_owned(),
        Drop::HostRestarted => "was dropped: the host was restarted".to_owned(),
        Drop::Refused(why) => format!("was dropped: {}", refusal(why, names)),
    }
}

/// What a breach at the front door leads to.
fn follows(acts_in: Option<Millis>) -> String {
    match acts_in {
        Some(span) => format!("it goes home in {span} unless it clears"),
        None => "nothing advances until it clears".to_owned(),
    }
}
