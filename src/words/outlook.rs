//! What will happen by itself, and what somebody should look at, in words.

use crate::{
    core::{
        outlook::{Apart, Attention, Awaited, DoorBreach, Outlook, Silence, Then, Uncleared},
        reason::{Blindness, Mover},
        revisions::Beside,
        state::Otherwise,
        unjudged::{Counted, Patience, Unjudged},
    },
    domain::{
        id::{BackendId, RouteId, TriggerId},
        metric::Gap,
        time::Timestamp,
        weight::Weights,
    },
    plan::model::Trigger,
    words::{
        Names,
        alone::unsupervised,
        cause,
        cause::{not_met, unlike},
        claim::steers,
        clock, database, hindrance,
        home::{due, never_read, perhaps_elsewhere},
        lack, loss, move_lost, mover_name, need, objection, obstacle, record, share, short, steps,
    },
};

/// What the end of a trigger's time brings, as the end of a sentence that began with the time: `in 1m23s traffic goes home`.
fn then(then: &Then, names: Names) -> String {
    match then {
        Then::GoesHome => "traffic goes home by itself".to_owned(),
        Then::Holds => "the route is held".to_owned(),
        Then::Withheld { home } => {
            format!("traffic stays, for {} answers nobody; it goes home as soon as that answers", names.backend(home))
        }
        Then::Disarmed { instance } => format!("nothing moves by itself, for {instance} was promoted"),
        Then::HomeNotProven { why } => format!("nothing moves by itself, for home is not proven ready ({})", objection(why, names)),
        Then::NobodyThere => "nothing moves, for nobody is sent there".to_owned(),
        Then::Done => "nothing more happens by itself".to_owned(),
    }
}

/// What a trigger does once a breach has lasted, as far as it would do so now.
pub fn rule(would: &Then, trigger: &Trigger, names: Names) -> String {
    let (lasting, bad) = (trigger.lasting, trigger.metric.bad().name());
    match would {
        // Nobody can be brought home from where nobody is; it is so from the first step on.
        Then::GoesHome | Then::NobodyThere => format!("rolls back after {lasting} {bad} it"),
        Then::Holds => format!("holds after {lasting} {bad} it"),
        Then::Withheld { home } => format!("would not roll back now: {} answers nobody", names.backend(home)),
        Then::Disarmed { instance } => format!("rolls nobody back: {instance} was promoted"),
        Then::HomeNotProven { why } => format!("would not roll back now: {}", objection(why, names)),
        Then::Done => "the route goes home already".to_owned(),
    }
}

/// What follows by itself, and when; nothing where nothing follows.
pub fn follows(outlook: &Outlook, now: Timestamp, names: Names) -> Option<String> {
    let (acts_at, leads, lapses_at, awaits) = match outlook {
        Outlook::Running { acts_at, then, lapses_at, awaits, .. } => (*acts_at, then, *lapses_at, *awaits),
        Outlook::Blind { acts_at, then, .. } => (*acts_at, then, None, Awaited::Nothing),
        Outlook::Quiet | Outlook::Idle | Outlook::Unjudged(_) | Outlook::Unproven { .. } | Outlook::Fired { .. } | Outlook::GoingHome => {
            return None;
        }
    };
    let due = begins(acts_at, awaits, now);
    Some(format!("{due}{}{}, unless it clears", then(leads, names), short::lapses(lapses_at, now)))
}

/// When what follows comes, as the beginning of it; nothing where its time is over.
fn begins(acts_at: Timestamp, awaits: Awaited, now: Timestamp) -> String {
    match awaits {
        Awaited::Nothing if now >= acts_at => String::new(),
        Awaited::Nothing | Awaited::FailingAnswer { .. } => format!("{} ", short::due(acts_at, awaits, now)),
    }
}

/// What a trigger stands at.
pub fn outlook(outlook: &Outlook, id: &TriggerId, now: Timestamp, names: Names) -> String {
    match outlook {
        Outlook::Quiet => format!("the {} is within its limit", names.watched(id)),
        Outlook::Idle => format!("nothing to judge: nobody is sent where the {} is measured", names.watched(id)),
        Outlook::Unjudged(why) => format!("the {} {}", names.watched(id), unjudged(why, now, names)),
        Outlook::Running { since, acts_at, then: what, lapses_at, awaits } => {
            let (lasted, watched) = (now.since(*since), names.watched(id));
            let due = begins(*acts_at, *awaits, now);
            let what = format!("{due}{}{}", then(what, names), short::lapses(*lapses_at, now));
            match lapses_at {
                Some(_) => format!(
                    "the {watched} was beyond its limit, first {lasted} ago, and the newest figure proves nothing; {what}, unless it clears"
                ),
                None => format!("the {watched} has been beyond its limit for {lasted}; {what}, unless it clears"),
            }
        }
        Outlook::Unproven { gap: why, uncleared, armed_at } => {
            let armed = armed_at.map_or_else(String::new, |at| format!("; {}", short::armed(at, now)));
            format!("{}{armed}; nothing advances", not_cleared(uncleared, *why, id, now, names))
        }
        Outlook::Blind { gap: why, acts_at, then: what, uncleared: Some(uncleared), .. } => {
            let due = if now < *acts_at { format!("in {} {}", acts_at.since(now), then(what, names)) } else { then(what, names) };
            format!("{}; nothing advances; {due}, unless it clears", not_cleared(uncleared, *why, id, now, names))
        }
        Outlook::Blind { since, gap: why, acts_at, then: what, uncleared: None } => {
            let why = lack(*why);
            let follows = !matches!(what, Then::NobodyThere | Then::Done);
            let due =
                if now < *acts_at && follows { format!("in {} {}", acts_at.since(now), then(what, names)) } else { then(what, names) };
            format!("nobody can judge the {} for {} ({why}); nothing advances; {due}", names.watched(id), now.since(*since))
        }
        Outlook::Fired { at } => format!("the {} rolled back {} ago", names.watched(id), now.since(*at)),
        Outlook::GoingHome => format!("the route is on its way home already, whatever the {} reads", names.watched(id)),
    }
}

/// A breach of which nobody can tell whether it is over, and what would show that.
fn not_cleared(known: &Uncleared, why: Option<Gap>, id: &TriggerId, now: Timestamp, names: Names) -> String {
    let why = lack(why);
    let lacks = match known.counted {
        Some(Counted { requests, needed }) => format!("{why}; {requests} of the {needed} came that can clear it"),
        None => why,
    };
    format!("the {} was beyond its limit {} ago and can't be judged since ({lacks})", names.watched(id), now.since(known.last))
}

/// What a trigger lacks to judge, and what that brings.
fn unjudged(why: &Unjudged, now: Timestamp, names: Names) -> String {
    let lacks = short::unjudged(why, now).long;
    let waits = match &why.bars {
        None => String::new(),
        Some(Blindness::StandsTooShort { left, .. }) => format!("; the next step waits for another {left}"),
        Some(Blindness::NoSignOfLife { backend }) => {
            format!("; nothing advances, for nothing proves that {} answers", names.backend(backend))
        }
        Some(Blindness::NoReadingYet | Blindness::Gap(_) | Blindness::NotCleared { .. }) => "; nothing advances".to_owned(),
    };
    let blind = match &why.patience {
        Patience::Excused => String::new(),
        Patience::Fills { blind_at } => format!("; in {} it counts as blind", blind_at.since(now)),
        Patience::Burns { blind_at, acts_at, then: Then::GoesHome } => {
            format!("; in {} it counts as blind, and in {} traffic goes home for that", blind_at.since(now), acts_at.since(now))
        }
        Patience::Burns { blind_at, .. } => format!("; in {} it counts as blind", blind_at.since(now)),
    };
    format!("can't be judged yet: {lacks}{waits}{blind}")
}

/// How often a write home has failed.
pub fn failed(attempts: u32) -> String {
    if attempts == 1 { "1 attempt failed".to_owned() } else { format!("{attempts} attempts failed") }
}

/// One thing that somebody should know of, in a sentence.
#[expect(clippy::too_many_lines, reason = "a list of a closed enum's cases is read like a table")]
pub fn attention(what: &Attention, now: Timestamp, names: Names) -> String {
    match what {
        Attention::NotHome { route, since, attempts, why } => {
            let failed = if *attempts > 0 { format!(", {}, still trying", failed(*attempts)) } else { String::new() };
            format!("{} is NOT HOME for {}{failed}: {}", names.route(route), now.since(*since), obstacle(why, names))
        }
        Attention::RecordBroken { why, kept, since, place } => record::broken(why, *kept, now.since(*since), place),
        Attention::RecordHangs { kept, since, place } => record::hangs(*kept, now.since(*since), place),
        Attention::RecordLow { bytes, place, .. } => record::low(*bytes, place),
        Attention::RecordSlow { since, times, longest, place } => record::slow(now.since(*since), *times, *longest, place),
        Attention::MoveLost { route, lost } => move_lost(route, lost, now, names),
        Attention::SupervisorGone { process, since } => unsupervised(*process, now.since(*since)),
        Attention::RecordMissing { route, since, kept } => record::missing(names.route(route), now.since(*since), *kept),
        Attention::Breach { trigger, outlook: stands } | Attention::Blind { trigger, outlook: stands } => {
            outlook(stands, trigger, now, names)
        }
        Attention::Unjudged { trigger, why } => format!("the {} {}", names.watched(trigger), unjudged(why, now, names)),
        Attention::AtDoor { breach, .. } => at_door(breach, now, names),
        Attention::FailingForNobody { route, failed, answers } => format!(
            "{failed} of {answers} requests through the front door of {} fail, and no answer says whose; nothing advances",
            names.route(route)
        ),
        Attention::AnswersUnmarked { route, unmarked, answers } => format!(
            "{unmarked} of {answers} answers through the front door of {} say nobody's name, so whose they are is not known, and what requests \
             show is not all; let the answers of each backend bear its name in the header x-served-by",
            names.route(route)
        ),
        Attention::ConnectionsDropped { losses, .. } => {
            format!("{}; nothing goes home for it by itself", loss::losses(losses, names))
        }
        Attention::OtherRevision { backend, beside, .. } => other_revision(backend, beside, names),
        Attention::ProbeFails { backend, failed, sent, .. } => {
            format!("{failed} of {sent} direct requests to {} fail", names.backend(backend))
        }
        Attention::WeightsUnread { route, since } => format!(
            "the weights of {} were last read {} ago: what they are now is not known, and going back is not assured",
            names.route(route),
            now.since(*since)
        ),
        Attention::NeedsHuman { route, why } => format!("{} needs a human: {}", names.route(route), need(why)),
        Attention::TakenOver { route, since, otherwise: Otherwise { from, to }, apart } => {
            let apart = apart.as_ref().map_or_else(String::new, |Apart { found, expected }| {
                let (found, expected) = (names.split(route, found), names.split(route, expected));
                format!("; it stands at {found}, where this version would have had {expected}: adopt that, or roll back")
            });
            format!(
                "another version of cutover (fold {from}) decided otherwise than this one (fold {to}) would, so {} is held for {}{apart}; look at \
                 where it stands, then resume it; the way home is open",
                names.route(route),
                now.since(*since)
            )
        }
        Attention::SteeredElsewhere { route, claim, .. } => format!(
            "{} is steered by {}; here nothing moves it but a rollback; agree with whoever flies it, or take it over with a reason",
            names.route(route),
            steers(claim)
        ),
        Attention::ClaimLost { route, since } => format!(
            "the line that this session steers {} has gone from the object, found {} ago, so another may have steered it; look where it stands, \
             then take it over with a reason; the way home is open",
            names.route(route),
            now.since(*since)
        ),
        Attention::Drifted { route, by, found, expected, follows } => {
            let follow = follows.as_ref().map_or_else(String::new, |change| {
                format!("; users follow it for {}, {} more at most", now.since(change.since), change.left(now))
            });
            format!("{}{follow}", drifted(route, by, found, expected, names))
        }
        Attention::RollingBack { route, since, attempts, why } => {
            let failed = if *attempts > 0 { format!(", {}", failed(*attempts)) } else { String::new() };
            let why = if why.keeps_away() { format!(": {}", obstacle(why, names)) } else { String::new() };
            format!("{} has been going home for {}{failed}{why}", names.route(route), now.since(*since))
        }
        Attention::HomeNotSeen { route, at_most, due: by, .. } => {
            let perhaps = perhaps_elsewhere(*at_most).unwrap_or_else(|| "requests have not shown it yet".to_owned());
            format!("{}: home accepted; {perhaps}{}", names.route(route), due(*by, now))
        }
        Attention::Hindered { route, why } => format!("{}: {}", names.route(route), hindrance(why, names)),
        Attention::RequestsDisagree { route, since } => {
            format!("{}: requests meet something else than the weights say, for {}", names.route(route), now.since(*since))
        }
        Attention::HomeNotReady { route, why } => format!("going back of {} is not assured: {}", names.route(route), objection(why, names)),
        Attention::Unresolved { route } => format!("nobody knows yet whether the last write to {} happened", names.route(route)),
        Attention::Unread { route, why } => format!("the weights of {} {}", names.route(route), never_read(why.as_ref())),
        Attention::WritesAtRisk { instance, standing } | Attention::ReplicaUnsound { instance, standing } => {
            format!("{instance} {}", database(standing))
        }
        Attention::SourceSilent { source, silence: Silence::Asked } => format!("{source} does not answer"),
        Attention::SourceSilent { source, silence: Silence::StoodStill } => {
            format!("{source} has not been asked since the host stood still")
        }
        Attention::ItemFailing { item } => format!("the evidence speaks against \"{}\"", names.item(item)),
        Attention::Latched { route, at, cause: why, was_home: true } => format!(
            "{} was accepted at home already when a rollback was asked for {} ago: {}; nothing advances until somebody re-arms it with a reason",
            names.route(route),
            now.since(*at),
            cause(why, names)
        ),
        Attention::Latched { route, at, cause: why, was_home: false } => format!(
            "{} was rolled back {} ago: {}; nothing advances until somebody re-arms it with a reason",
            names.route(route),
            now.since(*at),
            cause(why, names)
        ),
        Attention::Held { route, by, since } => format!(
            "{} is held by {by} for {}: nothing advances until somebody resumes it; triggers stay armed",
            names.route(route),
            now.since(*since)
        ),
        Attention::StepApprovalOpen { by, step, act, until, .. } => {
            format!("{by} asks to {} \"{}\" and waits for a second person until {}Z", steps::act(*act), names.step(step), clock(*until))
        }
        Attention::StepTrouble { step, trouble } => steps::trouble(step, trouble, now, names),
        Attention::ApprovalOpen { by, route, from, to, until, .. } => format!(
            "{by} asks to move {} from {} to {} and waits for a second person until {}Z",
            names.route(route),
            names.split(route, from),
            names.split(route, to),
            clock(*until)
        ),
    }
}

/// Users of a backend who are on another revision than its main one.
fn other_revision(backend: &BackendId, beside: &Beside, names: Names) -> String {
    let told = if beside.is_new { "deployed since the session began" } else { "beside its main one" };
    let back = if names.is_home(backend) { "; whoever goes home may meet it too" } else { "" };
    format!("{} of the users of {} are on revision {}, {told}{back}", share(beside.share.fraction()), names.backend(backend), beside.name)
}

fn drifted(route: &RouteId, by: &Mover, found: &Weights, expected: &Weights, names: Names) -> String {
    // What holds a backend outside the plan can't be adopted, and no trigger looks there.
    let way = match names.is_planned(route, found) {
        true => "somebody has to adopt it or roll back",
        false => "no trigger judges what is outside the plan; somebody has to put the route right by hand or roll back",
    };
    format!(
        "{} set {} to {} where {} was meant; {way}",
        mover_name(by, names),
        names.route(route),
        names.split(route, found),
        names.split(route, expected)
    )
}

/// A breach at the front door alone.
pub fn met_at_door(breach: &DoorBreach, names: Names) -> String {
    let backend = names.backend(&breach.backend);
    match &breach.unlike {
        Some(difference) => unlike(&backend, difference),
        None if breach.is_unknown() => {
            format!("what {backend} answers at the front door is not known: it failed there, and none came since")
        }
        None => {
            let newest = if breach.newest.is_some() { "the newest " } else { "" };
            format!("{} of {newest}{} requests through the front door fail on {backend}", breach.failed_now(), breach.answers_now())
        }
    }
}

/// A breach at the front door, and what it leads to.
pub fn at_door(breach: &DoorBreach, now: Timestamp, names: Names) -> String {
    let what = met_at_door(breach, names);
    match &breach.outlook {
        Outlook::Running { then: leads, .. } | Outlook::Blind { then: leads, .. } => match leads {
            Then::Holds if names.is_home(&breach.backend) => {
                format!("{what}; nothing advances from a home that fails, so restore it")
            }
            Then::Holds => format!("{what}; nothing advances until it clears"),
            Then::GoesHome
            | Then::Disarmed { .. }
            | Then::HomeNotProven { .. }
            | Then::NobodyThere
            | Then::Done
            | Then::Withheld { .. } => {
                let follows = follows(&breach.outlook, now, names).unwrap_or_else(|| format!("{}, unless it clears", then(leads, names)));
                format!("{what}; {follows}")
            }
        },
        Outlook::Fired { at } => format!("{what}; it rolled back {} ago", now.since(*at)),
        Outlook::Unproven { uncleared, .. } => {
            format!("{}; nothing advances", not_met(&names.backend(&breach.backend), now.since(uncleared.last)))
        }
        Outlook::Quiet | Outlook::Idle | Outlook::Unjudged(_) | Outlook::GoingHome => what,
    }
}
