//! Why something was not done: what failed, what still holds, what to do next.

use crate::{
    core::{
        decision::Refusal,
        reason::{Missing, Mover, Undone},
    },
    domain::{id::ItemId, weight::PerMille},
    words::{Names, blindness, cause, cause::unlike, evidence::need, hindrance, mover, objection, void},
};

/// A refusal for people. The cause comes last, so that a line that is cut still says what to do.
pub fn refusal(refusal: &Refusal, names: Names) -> String {
    match refusal {
        Refusal::Role { role } => format!("not done: a {role} may not do that; ask an operator"),
        Refusal::NoControls { holder } => format!("not done: {holder} has the controls; ask for them"),
        Refusal::ControlsFree => "not done: nobody has the controls; take them first".to_owned(),
        Refusal::ControlsHeld { who } => {
            format!("not done: {who} has the controls, and only a pilot may take them from somebody; ask for them")
        }
        Refusal::Moved { now, by } => moved(now.to_string(), by.as_ref(), names),
        Refusal::NotKnown => "not done: the weights of this route have not been read yet; look whether the source answers".to_owned(),
        Refusal::StandsThere => "nothing to do: the route stands there already".to_owned(),
        Refusal::NoChange => "nothing to do: it is so already".to_owned(),
        Refusal::Empty => "not done: nothing was written".to_owned(),
        Refusal::Latched { cause: why } => {
            format!("not moved: the route is latched since its rollback; re-arm it with a reason first ({})", cause(why, names))
        }
        Refusal::Held { by } => format!("not moved: {by} holds the route; resume it first"),
        Refusal::Breached { trigger } => {
            format!("not moved: the {} is beyond its limit; wait until it clears, or roll back", names.watched(trigger))
        }
        Refusal::Blind { trigger, why } => {
            format!("not moved: nobody can judge the {}; going back is still possible ({})", names.watched(trigger), blindness(why, names))
        }
        Refusal::FailingAtDoor { backend: Some(backend), failed, answers } => format!(
            "not moved: {failed} of {answers} requests through the front door fail on {}; wait until they are answered, or roll back",
            names.backend(backend)
        ),
        Refusal::FailingAtDoor { backend: None, failed, answers } => format!(
            "not moved: {failed} of {answers} requests through the front door fail, and no answer says whose; look at the load balancer"
        ),
        Refusal::UnlikeHome { backend, difference } => {
            format!("not moved: users would get another site; put it right or roll back ({})", unlike(&names.backend(backend), difference))
        }
        Refusal::FirstStep { most } => format!("not moved: a first step away from home ends at {most}; go there and look"),
        Refusal::LinesOpen { most, open } => lines_open(*most, open, names),
        Refusal::NotReady { why } => format!("not moved: going back is not assured; restore home first ({})", objection(why, names)),
        Refusal::Drifted { found } => format!("not moved: somebody else changed this route; adopt that or roll back ({found})"),
        Refusal::Unresolved => "not moved: the outcome of the last write is not known; it is being read back".to_owned(),
        Refusal::RollingBack => "not moved: a rollback is running; nothing else moves this route until it is over".to_owned(),
        Refusal::Stranger => "not done: the split names a backend that this route does not have".to_owned(),
        Refusal::Missing(what) => format!("not done: there is no such {}", missing(*what)),
        Refusal::NotSignable => "not signed: this line collects its own evidence".to_owned(),
        Refusal::ReasonMissing => "not done: a reason is needed; write one".to_owned(),
        Refusal::NotLatched => "nothing to do: the route is not latched, and no trigger is pending".to_owned(),
        Refusal::NotHeld => "nothing to do: the route is not held".to_owned(),
        Refusal::OwnRequest => "not approved: you asked for this yourself; somebody else must approve it".to_owned(),
        Refusal::ApprovalVoid { why } => format!("not done: that request is no longer open; ask again ({})", void(*why)),
        Refusal::NotADemo => "not done: this is a live session; faults are for the simulated world".to_owned(),
        Refusal::Contended => "not moved: others keep changing this route; stop them, then adopt what you find or roll back".to_owned(),
        Refusal::NeedsHuman { why } => format!("not moved: this route needs a human; put it right or roll back ({})", need(why)),
        Refusal::Hindered { why } => format!("not moved: put the route right by hand first, or roll back ({})", hindrance(why, names)),
        Refusal::RequestsDisagree { .. } => {
            "not moved: requests meet something else than the weights say; find out why, or roll back".to_owned()
        }
        Refusal::Unsettled => "not asked: the last move has not settled; ask for a step this large when it has".to_owned(),
        Refusal::CannotSign { trigger } => {
            format!("not signed: nobody can judge the {}; sign when it can be read", names.watched(trigger))
        }
        Refusal::NotOpen => "not done: the session is not open yet; try again".to_owned(),
    }
}

/// The cause comes last: of many lines the first ones say enough.
fn lines_open(most: PerMille, open: &[(ItemId, Undone)], names: Names) -> String {
    let what = if open.len() == 1 { "a line".to_owned() } else { format!("{} lines", open.len()) };
    let until = if most == PerMille::ZERO { "before anything moves".to_owned() } else { format!("beyond {most}") };
    let lines: Vec<String> = open.iter().map(|(item, how)| format!("{}: {}", names.item(item), undone(*how))).collect();
    format!("not moved: {until} the plan needs {what} of the checklist; do that first ({})", lines.join("; "))
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
    format!("not moved: the route no longer stands where your draft began; look, and ask again (it is at {now}{by})")
}

fn missing(what: Missing) -> &'static str {
    match what {
        Missing::Route => "route in the plan",
        Missing::Item => "line on the checklist",
        Missing::OwnRequest => "open request of yours",
        Missing::OperatorHere => "operator here",
    }
}
