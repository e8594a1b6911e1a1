//! Why traffic was moved, and by whom.

use crate::{
    core::{
        decision::{Cause, Fired},
        door::{ANSWERS_TELL, Difference},
        reason::Mover,
    },
    domain::{
        answer::{AnswerKind, Redirect, TextMatch},
        time::Millis,
    },
    words::{Names, claim::claimant, lack},
};

/// A cause as the end of a sentence: `anna asked: too slow`, `the error rate of GKE was 6.20%`.
pub fn cause(cause: &Cause, names: Names) -> String {
    match cause {
        Cause::Operator { who, reason, approved_by } => {
            let why = reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
            let second = approved_by.as_ref().map_or_else(String::new, |by| format!(", {by} approved"));
            format!("{who} asked{why}{second}")
        }
        Cause::Triggers(fired) => fired.iter().map(|one| trigger(one, names)).collect::<Vec<_>>().join("; "),
        Cause::Blind { trigger, gap: why } => {
            format!("nobody could judge the {} ({})", names.watched(trigger), lack(*why))
        }
        Cause::FailingAtDoor { backend, failed, answers } => {
            format!("{failed} of {answers} requests through the front door failed on {}", names.backend(backend))
        }
        Cause::UnlikeHome { backend, difference } => unlike(&names.backend(backend), difference),
        Cause::Adopted { by } => format!("{by} adopted it"),
    }
}

/// `GKE answers 404 text/plain where home answers 200 text/html`.
pub(super) fn unlike(backend: &str, difference: &Difference) -> String {
    format!("{backend} answers {} where home answers {}", answer(&difference.answer), answer(&difference.home))
}

/// Whose change a write home met.
pub(super) fn came_first(by: &Mover, names: Names) -> String {
    match by {
        Mover::OurLateWrite => "an earlier write of this session".to_owned(),
        Mover::Us(_) | Mover::Adopted { .. } | Mover::Steerer { .. } | Mover::Unrecorded { .. } | Mover::Foreign { .. } => {
            mover_name(by, names)
        }
    }
}

/// A breach was seen, and nothing is known of it any more: what is missing, and when it will be known.
pub(super) fn not_met(backend: &str, ago: Millis) -> String {
    format!(
        "no answer of {backend} has come through the front door since it failed there {ago} ago; it is known again with its next {ANSWERS_TELL}"
    )
}

/// A kind of answer as one says it.
pub fn answer(kind: &AnswerKind) -> String {
    let leads = match kind.redirect() {
        Redirect::Nowhere => String::new(),
        Redirect::SameHost => ", a redirect".to_owned(),
        Redirect::OtherHost(host) => format!(", a redirect to {host}"),
    };
    let text = match kind.text() {
        TextMatch::NotAsked | TextMatch::Found => "",
        TextMatch::Missing => " without the expected text",
    };
    match kind.media() {
        "-" => format!("{}{leads}{text}", kind.status()),
        media => format!("{} {media}{leads}{text}", kind.status()),
    }
}

fn trigger(fired: &Fired, names: Names) -> String {
    let watched = names.watched(&fired.trigger);
    let value = fired.value.map_or_else(|| "unknown".to_owned(), |value| names.value(&fired.trigger, value));
    match names.trigger_planned(&fired.trigger) {
        Some(trigger) => {
            // Between the first figure beyond it and the last there may have been some within it that proved nothing.
            let (bad, limit) = (trigger.metric.bad().name(), names.value(&fired.trigger, trigger.limit));
            format!("the {watched} was {value}, {bad} {limit}, not cleared for {}", trigger.lasting)
        }
        None => format!("the {watched} was {value}"),
    }
}

/// Who moved a route last, as the end of `moved by`.
pub fn mover(mover: &Mover, names: Names) -> String {
    match mover {
        Mover::Us(Cause::Operator { who, .. } | Cause::Adopted { by: who }) => who.to_string(),
        Mover::Us(why @ (Cause::Triggers(_) | Cause::Blind { .. } | Cause::FailingAtDoor { .. } | Cause::UnlikeHome { .. })) => {
            format!("cutover itself: {}", cause(why, names))
        }
        Mover::Adopted { by } => format!("{by}, who adopted it"),
        Mover::OurLateWrite => "a late write of this session".to_owned(),
        Mover::Steerer { claim } => claimant(claim),
        Mover::Unrecorded { actor: None } => "this session while it had no record, or somebody else".to_owned(),
        Mover::Unrecorded { actor: Some(actor) } => {
            format!("this session while it had no record, or somebody else (the cloud says {actor}),")
        }
        Mover::Foreign { actor } => actor.as_ref().map_or_else(|| "somebody unknown".to_owned(), ToString::to_string),
    }
}

/// The same as a subject: `somebody else` where no name is known.
pub fn mover_name(by: &Mover, names: Names) -> String {
    match by {
        Mover::Foreign { actor: None } => "somebody else".to_owned(),
        Mover::Us(_)
        | Mover::Adopted { .. }
        | Mover::OurLateWrite
        | Mover::Steerer { .. }
        | Mover::Unrecorded { .. }
        | Mover::Foreign { actor: Some(_) } => mover(by, names),
    }
}
