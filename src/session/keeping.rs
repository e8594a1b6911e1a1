//! What a journal that has little room, or none, or fails, means to the session that it is the record of.
//!
//! Room is a reading like any other: a change of it is an event. A failure is one too, and the last word of a session whose record broke
//! says what is kept, where traffic is, and what would bring it home by hand. Nothing is tried again: a disk that has failed once may
//! forget what it says that it kept.

use crate::{
    core::{
        decision::IssuedEffect,
        event::Event,
        home::is_home_now,
        record::{Keeping, RecordChange, RecordNumber},
        state::State,
    },
    domain::{
        fault::{Fault, FaultKind, Outcome},
        shown::Shown,
        weight::Weights,
    },
    journal::{
        error::{JournalError, Loss},
        room::Space,
    },
    plan::model::Route,
    session::{dispatch::Executors, recorder::RecorderError},
};

/// A journal that failed.
pub(super) struct Broken {
    pub error: RecorderError,
    /// The last record that is known to be kept.
    pub kept: RecordNumber,
}

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("{recorder}. {kept}. {traffic} To bring it home by hand: {by_hand}", kept = up_to(*.kept), traffic = whereabouts(*.traffic))]
    Recorder { recorder: Box<RecorderError>, kept: RecordNumber, traffic: Traffic, by_hand: String },
    #[error("the system has no thread for the journal: {0}; nothing was asked of the world; free some and start the host again")]
    Thread(#[source] std::io::Error),
    #[error("the entry could not be written as JSON: {0}; nothing was done with it")]
    Encode(#[from] serde_json::Error),
}

/// Where traffic is when a session without a record ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traffic {
    Home,
    Away,
}

fn up_to(kept: RecordNumber) -> String {
    format!("Record {kept} is the last that the disk confirmed; nothing but looks and the way home has left this process since")
}

const fn whereabouts(traffic: Traffic) -> &'static str {
    match traffic {
        Traffic::Home => "Traffic is home, accepted and seen.",
        Traffic::Away => "Traffic is not known to be home, and nobody watches over it now.",
    }
}

impl EngineError {
    /// Why the session ended, for those who were inside: their cockpits know the command by hand themselves.
    pub fn last_words(&self) -> String {
        match self {
            EngineError::Recorder { recorder, kept: last, traffic: stands, .. } => {
                format!("{recorder}. {}. {}", up_to(*last), whereabouts(*stands).trim_end_matches('.'))
            }
            EngineError::Thread(_) | EngineError::Encode(_) => self.to_string(),
        }
    }
}

/// The end of a session whose journal failed.
pub(super) fn ended(broken: Broken, state: &State, executors: &Executors) -> EngineError {
    let Broken { error, kept } = broken;
    let routes: Vec<&Route> = state.opened.iter().flat_map(|opened| &opened.plan.routes).collect();
    let traffic = if routes.iter().all(|route| is_home_now(state, route)) { Traffic::Home } else { Traffic::Away };
    let by_hand = routes.into_iter().filter_map(|route| {
        let home = Weights::all_on(&route.home, route.backend_ids());
        Some(executors.drivers.get(&route.id)?.by_hand(&home))
    });
    EngineError::Recorder { recorder: Box::new(error), kept, traffic, by_hand: by_hand.collect::<Vec<_>>().join(" ; ") }
}

/// Why the record broke, as the disk says it.
pub(super) fn why(error: &RecorderError) -> Shown {
    match error {
        RecorderError::Journal(JournalError::Lost(Loss { act, cause, .. }) | JournalError::Latched { first: Loss { act, cause, .. } }) => {
            Shown::new(&format!("{act} failed: {cause}"))
        }
        RecorderError::Journal(_)
        | RecorderError::Read(_)
        | RecorderError::Kind(_)
        | RecorderError::Folder(_)
        | RecorderError::Encode(_)
        | RecorderError::NoAnswer { .. }
        | RecorderError::Overdue { .. }
        | RecorderError::PlanHash(_) => Shown::new(&error.to_string()),
    }
}

/// The end of an effect that may not leave any more.
pub(super) fn nothing_left(effect: &IssuedEffect) -> Event {
    let fault = Fault::new(FaultKind::Unrecorded, "the disk of the record did not take this, so nothing left");
    Event::Finished { effect: effect.id, outcome: Outcome::NotDone(fault), attempts: Vec::new() }
}

/// What has changed of the room, if it has: its kind, or that only half is left of what was told.
pub(super) fn room(known: &Keeping, space: Space, place: impl FnOnce() -> Shown) -> Option<RecordChange> {
    match (space, known) {
        (_, Keeping::Hanging { .. } | Keeping::Broken { .. }) | (Space::Reserved { .. } | Space::Unreserved, Keeping::Kept) => None,
        (Space::Reserved { .. } | Space::Unreserved, Keeping::Low { .. }) => Some(RecordChange::Roomy),
        (Space::Low { bytes }, Keeping::Low { bytes: told, .. }) if bytes > told / 2 && bytes <= told.saturating_mul(2) => None,
        (Space::Low { bytes: 0 }, Keeping::Low { bytes: 0, .. }) => None,
        (Space::Low { bytes }, Keeping::Kept | Keeping::Low { .. }) => Some(RecordChange::Low { bytes, place: place() }),
    }
}
