//! Why something was not done: what failed, what still holds, what to do next.

use crate::{
    core::{
        decision::Refusal,
        reason::{Blindness, Missing, Mover, Undone},
        replication::Writers,
        runbook::StepRefusal,
        state::Otherwise,
        unjudged::Counted,
    },
    domain::{id::ItemId, weight::PerMille},
    words::{
        Names, blindness, cause,
        cause::{not_met, unlike},
        claim::steered_by,
        database,
        evidence::need,
        hindrance, mover, objection, record, roster, steps, void,
    },
};

/// A refusal for people.
pub fn refusal(refusal: &Refusal, names: Names) -> String {
    format!("{}: {}", verdict(refusal), why_refused(refusal, names))
}

/// Why, and what to do; the cause comes last, so that a line that is cut still says what to do.
#[expect(clippy::too_many_lines, reason = "a list of a closed enum's cases is read like a table")]
pub fn why_refused(refusal: &Refusal, names: Names) -> String {
    match refusal {
        Refusal::Role { role } => format!("a {role} may not do that; ask an operator"),
        Refusal::NoControls { holder } => format!("{holder} has the controls; ask for them"),
        Refusal::ControlsFree => "nobody has the controls; take them first".to_owned(),
        Refusal::ControlsHeld { who } => {
            format!("{who} has the controls, and only a pilot may take them from somebody; ask for them")
        }
        Refusal::Moved { now, by } => moved(now.to_string(), by.as_ref(), names),
        Refusal::NotKnown => "the weights of this route have not been read yet; look whether the source answers".to_owned(),
        Refusal::StandsThere => "the route stands there already".to_owned(),
        Refusal::NoChange => "it is so already".to_owned(),
        Refusal::Empty => "nothing was written".to_owned(),
        Refusal::Unwatched { routes } => left_alone(&names.routes(routes)),
        Refusal::Latched { cause: why } => {
            format!("the route is latched since its rollback; re-arm it with a reason first ({})", cause(why, names))
        }
        Refusal::Held { otherwise: Some(Otherwise { from, to }), .. } => format!(
            "the route is held: another version of cutover (fold {from}) decided otherwise than this one (fold {to}) would; look where it stands, \
             then resume it"
        ),
        Refusal::Held { by, otherwise: None } => format!("{by} holds the route; resume it first"),
        Refusal::Breached { trigger } => {
            format!("the {} is beyond its limit; wait until it clears, or roll back", names.watched(trigger))
        }
        Refusal::Blind { trigger, why: Blindness::NotCleared { ago, counted: Some(Counted { requests, needed }), .. } } => format!(
            "nobody can tell whether the {} is within its limit again; wait for {needed} requests that show it, re-arm the route with a reason, or \
             roll back (it was beyond it {ago} ago, and {requests} came since)",
            names.watched(trigger)
        ),
        Refusal::Blind { trigger, why: why @ Blindness::NotCleared { ago, counted: None, .. } } => format!(
            "nobody can tell whether the {} is within its limit again; wait until it can be judged, re-arm the route with a reason, or roll back \
             (it was beyond it {ago} ago; {})",
            names.watched(trigger),
            blindness(why, names)
        ),
        Refusal::Blind { trigger, why } => {
            format!("nobody can judge the {}; going back is still possible ({})", names.watched(trigger), blindness(why, names))
        }
        Refusal::NotMetAnyMore { backend, ago } => {
            format!("{}; wait for its answers, or re-arm the route with a reason", not_met(&names.backend(backend), *ago))
        }
        Refusal::FailingAtDoor { backend: Some(backend), failed, answers } if names.is_home(backend) => format!(
            "{failed} of {answers} requests through the front door fail on {}, and nothing advances from a home that fails; restore it first",
            names.backend(backend)
        ),
        Refusal::FailingAtDoor { backend: Some(backend), failed, answers } => format!(
            "{failed} of {answers} requests through the front door fail on {}; wait until they are answered, or roll back",
            names.backend(backend)
        ),
        Refusal::FailingAtDoor { backend: None, failed, answers } => {
            format!("{failed} of {answers} requests through the front door fail, and no answer says whose; look at the load balancer")
        }
        Refusal::AnswersUnmarked { unmarked, answers } => format!(
            "{unmarked} of {answers} answers through the front door say nobody's name, so nobody would see whom users meet; let every backend say its \
             name in x-served-by, or roll back"
        ),
        Refusal::UnlikeHome { backend, difference } => {
            format!("users would get another site; put it right or roll back ({})", unlike(&names.backend(backend), difference))
        }
        Refusal::FirstStep { most } => format!("a first step away from home ends at {most}; go there and look"),
        Refusal::LinesOpen { most, open } => lines_open(*most, open, names),
        Refusal::NotReady { why } => format!("going back is not assured; restore home first ({})", objection(why, names)),
        Refusal::Writers { writers: Writers::Several(several) } => {
            format!(
                "writes go apart, and more users would make it worse; leave one primary ({})",
                database::writers(&Writers::Several(several.clone()))
            )
        }
        Refusal::Writers { writers } => {
            format!("users' writes fail on every platform; bring the database back first ({})", database::writers(writers))
        }
        Refusal::Drifted { found } if names.has_strangers(found) => {
            format!("somebody else gave users to what is outside the plan; put that right by hand or roll back ({found})")
        }
        Refusal::Drifted { found } => format!("somebody else changed this route; adopt that or roll back ({found})"),
        Refusal::Unresolved => "the outcome of the last write is not known; it is being read back".to_owned(),
        Refusal::RollingBack => "a rollback is running; nothing else moves this route until it is over".to_owned(),
        Refusal::Stranger => "the split names a backend that this route does not have".to_owned(),
        Refusal::Missing(Missing::Route) => no_such_route(names),
        Refusal::Missing(what) => format!("there is no such {}", missing(*what)),
        Refusal::NotSignable => "this line collects its own evidence".to_owned(),
        Refusal::ReasonMissing => "a reason is needed; write one".to_owned(),
        Refusal::NotLatched => "the route is not latched, and no trigger is pending".to_owned(),
        Refusal::NotHeld => "the route is not held".to_owned(),
        Refusal::OwnRequest => "you asked for this yourself; somebody else must approve it".to_owned(),
        Refusal::Barred { who, how, after } => roster::no_second(&roster::barred(who, how, *after)),
        Refusal::ApprovalVoid { why } => format!("that request is no longer open; ask again ({})", void(*why)),
        Refusal::NotADemo => "this is a live session; faults are for the simulated world".to_owned(),
        Refusal::Contended => "others keep changing this route; stop them, then adopt what you find or roll back".to_owned(),
        Refusal::NeedsHuman { why } => format!("this route needs a human; put it right or roll back ({})", need(why)),
        Refusal::Hindered { why } => format!("put the route right by hand first, or roll back ({})", hindrance(why, names)),
        Refusal::RequestsDisagree { .. } => "requests meet something else than the weights say; find out why, or roll back".to_owned(),
        Refusal::Unsettled => "the last move has not settled; ask for a step this large when it has".to_owned(),
        Refusal::CannotSign { trigger } => {
            format!("nobody can judge the {}; sign when it can be read", names.watched(trigger))
        }
        Refusal::RecordLow { bytes, place, .. } => {
            format!(
                "the disk of the record is nearly full, and what is left is for looking and going home; make room at {place} ({} left)",
                record::room_left(*bytes)
            )
        }
        Refusal::RecordHangs { kept, .. } => {
            format!(
                "the disk of the record does not answer, so only a rollback leaves; wait until it does, or roll back (the disk confirmed up to record {kept})"
            )
        }
        Refusal::RecordBroken { kept, .. } => {
            format!(
                "what happens is not recorded any more, so only a rollback leaves; roll back, then see to the disk (the disk confirmed up to record {kept})"
            )
        }
        Refusal::SteeredElsewhere { claim } => format!(
            "this route is {}; agree with whoever flies it, or take the route over with a reason; going back is possible",
            steered_by(claim)
        ),
        Refusal::ClaimLost => {
            "the line that this session steers has gone from the object, so another may have; look, then take the route over with a reason"
                .to_owned()
        }
        Refusal::Step(why) => steps::refusal(why, names),
        Refusal::NotOpen => "the session is not open yet; try again".to_owned(),
    }
}

fn left_alone(routes: &str) -> String {
    format!("nobody would watch over {routes} any more; roll back first, or name it as abandoned")
}

/// What came of the question.
fn verdict(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::StandsThere | Refusal::NoChange | Refusal::NotLatched | Refusal::NotHeld => "nothing to do",
        Refusal::Step(why) => match **why {
            StepRefusal::Reached | StepRefusal::NotReached => "nothing to do",
            StepRefusal::NotSeen { .. }
            | StepRefusal::Changed
            | StepRefusal::Underway { .. }
            | StepRefusal::Foreign { .. }
            | StepRefusal::Needs { .. }
            | StepRefusal::Needed { .. }
            | StepRefusal::GoingHome
            | StepRefusal::NotNamed { .. }
            | StepRefusal::NotOurs
            | StepRefusal::NoUndo => "not done",
        },
        Refusal::Unsettled => "not asked",
        Refusal::NotSignable | Refusal::CannotSign { .. } => "not signed",
        Refusal::OwnRequest | Refusal::Barred { .. } => "not approved",
        Refusal::Role { .. }
        | Refusal::NoControls { .. }
        | Refusal::ControlsFree
        | Refusal::ControlsHeld { .. }
        | Refusal::NotKnown
        | Refusal::Empty
        | Refusal::Stranger
        | Refusal::Missing(_)
        | Refusal::ReasonMissing
        | Refusal::ApprovalVoid { .. }
        | Refusal::NotADemo
        | Refusal::RecordBroken { .. }
        | Refusal::RecordHangs { .. }
        | Refusal::Unwatched { .. }
        | Refusal::NotOpen => "not done",
        Refusal::Moved { .. }
        | Refusal::SteeredElsewhere { .. }
        | Refusal::ClaimLost
        | Refusal::RecordLow { .. }
        | Refusal::Latched { .. }
        | Refusal::Held { .. }
        | Refusal::Breached { .. }
        | Refusal::Blind { .. }
        | Refusal::FailingAtDoor { .. }
        | Refusal::AnswersUnmarked { .. }
        | Refusal::UnlikeHome { .. }
        | Refusal::NotMetAnyMore { .. }
        | Refusal::FirstStep { .. }
        | Refusal::LinesOpen { .. }
        | Refusal::NotReady { .. }
        | Refusal::Writers { .. }
        | Refusal::Drifted { .. }
        | Refusal::Unresolved
        | Refusal::RollingBack
        | Refusal::Contended
        | Refusal::NeedsHuman { .. }
        | Refusal::Hindered { .. }
        | Refusal::RequestsDisagree { .. } => "not moved",
    }
}

/// The cause comes last: of many lines the first ones say enough.
fn lines_open(most: PerMille, open: &[(ItemId, Undone)], names: Names) -> String {
    let what = if open.len() == 1 { "a line".to_owned() } else { format!("{} lines", open.len()) };
    let until = if most == PerMille::ZERO { "before anything moves".to_owned() } else { format!("beyond {most}") };
    let lines: Vec<String> = open.iter().map(|(item, how)| format!("{}: {}", names.item(item), undone(*how))).collect();
    format!("{until} the plan needs {what} of the checklist; do that first ({})", lines.join("; "))
}

fn undone(how: Undone) -> &'static str {
    match how {
        Undone::Open => "not done",
        Undone::Failing => "the evidence speaks against it",
        Undone::Unknown => "not known",
        Undone::Expired => "expired",
    }
}

fn moved(now: String, by: Option<&Mover>, names: Names) -> String {
    let by = by.map_or_else(String::new, |by| format!(", moved by {}", mover(by, names)));
    format!("the route no longer stands where your draft began; look, and ask again (it is at {now}{by})")
}

/// With the names that a command takes.
pub fn no_such_route(names: Names) -> String {
    match names.route_ids().as_slice() {
        [] => format!("there is no such {}", missing(Missing::Route)),
        ids => format!("there is no such {}; its routes are {}", missing(Missing::Route), ids.join(", ")),
    }
}

fn missing(what: Missing) -> &'static str {
    match what {
        Missing::Step => "step in the plan",
        Missing::Route => "route in the plan",
        Missing::Item => "line on the checklist",
        Missing::OwnRequest => "open request of yours",
        Missing::OperatorHere => "operator here",
    }
}
