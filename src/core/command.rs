//! What a person can ask of the session. Every one is journaled with its answer, refusals included.

use serde::{Deserialize, Serialize};
use strum::EnumCount;

use crate::{
    core::runbook::Act,
    domain::{
        claim::Claim,
        digest::Digest,
        fault::Version,
        id::{ItemId, OperatorId, RouteId, StepId},
        shown::Shown,
        weight::Weights,
    },
};

/// What is asked. Only `core::step` turns one into an effect.
#[derive(Debug, Clone, PartialEq, EnumCount, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Move `route` to `to`, if it still stands at `from`. Needs the controls.
    Shift {
        route: RouteId,
        from: Weights,
        to: Weights,
    },
    /// Everything back home: one route, or all of them. Any operator, any time, with or without the controls.
    Rollback {
        route: Option<RouteId>,
        reason: Option<Shown>,
    },
    /// Refuse to advance until `Resume`; drops what is queued. Triggers stay armed.
    Hold {
        route: RouteId,
    },
    Resume {
        route: RouteId,
    },
    /// Takes the latch off after a rollback. The reason is not optional.
    Rearm {
        route: RouteId,
        reason: Shown,
    },
    /// Takes the weights that somebody else wrote as the session's own.
    AdoptDrift {
        route: RouteId,
        found: Weights,
    },
    /// Takes the route's object over from the session that steers it by the object's own word; without one, from nobody, where this session's
    /// claim has gone. The reason is not optional.
    TakeOver {
        route: RouteId,
        from: Option<Box<Claim>>,
        reason: Shown,
    },
    /// Signs a line of the checklist, with a note.
    Sign {
        item: ItemId,
        note: Shown,
    },
    Unsign {
        item: ItemId,
    },
    /// Runs a step of the plan, or takes it back, if its thing still has the version that the asker saw. Needs the controls.
    Act {
        step: StepId,
        act: Act,
        version: Version,
        /// The name of the target, where what is asked for can't be taken back.
        named: Option<Shown>,
    },
    /// Says that a step is not to be done. The reason is not optional.
    Skip {
        step: StepId,
        reason: Shown,
    },
    Controls(ControlsCommand),
    /// Approves or denies the pending action that has this digest.
    Approve {
        digest: Digest,
    },
    Deny {
        digest: Digest,
        reason: Option<Shown>,
    },
    /// The asker withdraws his own pending request.
    Withdraw {
        digest: Digest,
    },
    Say {
        text: Shown,
    },
    /// Calls everybody's attention to a pane.
    LookHere {
        pane: Shown,
    },
    /// Ends the session for good. What nobody would watch over any more has to be named. Only the host's own account gets to ask this.
    Stop {
        abandon: Vec<RouteId>,
    },
    /// Demo only: faults the simulated world. Refused in a live session.
    Inject {
        inject: Shown,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, EnumCount, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlsCommand {
    /// Takes them if they are free; a pilot also takes them from the holder.
    Take,
    GiveUp,
    /// Asks the holder for them; everybody sees it.
    AskFor,
    HandTo(OperatorId),
}

/// What a person did that asks nothing of the session. Journaled too, without waiting for the disk.
#[derive(Debug, Clone, PartialEq, Eq, EnumCount, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Look {
    /// The pane that has the focus now; others see it.
    Focus { pane: Shown },
    /// A draft of the slider, shown to the others as a ghost; `None` drops it.
    Draft { route: RouteId, to: Option<Weights> },
    /// Anything else: scroll, theme, screen; named as the keymap names it.
    Other { action: Shown },
}
