//! What is known of a step, and what is told of it.

use serde::{Deserialize, Serialize};

use crate::{
    core::{news::Tone, state::ReplicaTerm},
    domain::{
        credentials::Credentials,
        digest::Digest,
        fault::{Fault, Version},
        id::{EffectId, InstanceId, OperatorId, Seq, StepId},
        shown::Shown,
        standing::{Act, Change, Known, Standing},
        time::{Millis, Timestamp},
    },
    plan::model::steps::Need,
};

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StepState {
    /// The newest look that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
    #[serde(default)]
    pub doing: Doing,
    /// When the newest act ended, whatever came of it, and the entry that said so. What was seen before is not acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<(Timestamp, Seq)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<Skipped>,
    /// The newest act whose end is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Acted>,
}

/// What a look found, and when it began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub standing: Standing,
    pub at: Timestamp,
    pub seq: Seq,
}

/// How far an act of this session is. Where it ends is what looks say.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doing {
    #[default]
    Nothing,
    /// It has left, and has no outcome.
    Acting { effect: EffectId, act: Act, by: OperatorId, since: Timestamp },
    /// The vendor has accepted it, and works on it.
    Following { act: Act, by: OperatorId, since: Timestamp, operation: Option<Shown>, told_late: bool },
    /// Nobody knows whether it was accepted.
    Resolving {
        act: Act,
        by: OperatorId,
        since: Timestamp,
        unknown_at: Timestamp,
        /// What came instead of an answer; nothing where this host was not there to hear one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<Fault>,
    },
}

impl StepState {
    /// The newest act was a run that was asked for, and looks have seen nothing of it.
    pub fn vanished(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.act == Act::Run && last.how == Ended::DidNotHappen)
    }

    /// Whether it is as the step wants it because of an act of this session, as far as looks have seen.
    pub fn is_ours(&self) -> bool {
        self.last.as_ref().is_some_and(|last| match (last.act, &last.how) {
            (Act::Run, Ended::Done) | (Act::Undo, Ended::NotDone(_) | Ended::DidNotHappen) => true,
            (Act::Run, Ended::NotDone(_) | Ended::DidNotHappen) | (Act::Undo, Ended::Done) => false,
        })
    }

    /// Every moment that is kept here, for a clock that goes back.
    pub(in crate::core) fn moments(&mut self) -> impl Iterator<Item = &mut Timestamp> {
        let seen = self.seen.iter_mut().map(|seen| &mut seen.at);
        let ended = self.ended.iter_mut().map(|(at, _)| at);
        let skipped = self.skipped.iter_mut().map(|skipped| &mut skipped.at);
        let last = self.last.iter_mut().map(|last| &mut last.at);
        seen.chain(ended).chain(skipped).chain(last).chain(self.doing.moments())
    }
}

impl Doing {
    fn moments(&mut self) -> Vec<&mut Timestamp> {
        match self {
            Doing::Nothing => Vec::new(),
            Doing::Acting { since, .. } | Doing::Following { since, .. } => vec![since],
            Doing::Resolving { since, unknown_at, .. } => vec![since, unknown_at],
        }
    }
    /// Which act, by whom, and since when.
    pub fn act(&self) -> Option<(Act, &OperatorId, Timestamp)> {
        match self {
            Doing::Nothing => None,
            Doing::Acting { act, by, since, .. } | Doing::Following { act, by, since, .. } | Doing::Resolving { act, by, since, .. } => {
                Some((*act, by, *since))
            }
        }
    }
}

/// A person has said that it is not to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    pub by: OperatorId,
    pub reason: Shown,
    pub at: Timestamp,
}

/// An act that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acted {
    pub act: Act,
    pub by: OperatorId,
    pub at: Timestamp,
    /// From the request to the look that saw its end.
    pub took: Millis,
    pub how: Ended,
}

/// What came of an act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// A look has seen it done.
    Done,
    NotDone(Fault),
    /// It was accepted, or nobody knew, and looks see nothing of it.
    DidNotHappen,
}

/// What a second person approves; field names and order are part of the digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepTerms {
    pub step: StepId,
    pub act: Act,
    /// The thing itself, by its name.
    pub target: Shown,
    pub version: Version,
    pub changes: Vec<Change>,
    /// Each instance of the plan's database and how it stands.
    pub replication: Vec<(InstanceId, ReplicaTerm)>,
    pub plan: Digest,
    /// Of the controls under which it was asked.
    pub epoch: u64,
}

/// What happened with a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepNews {
    Begins {
        act: Act,
        by: OperatorId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approved_by: Option<OperatorId>,
        changes: Vec<Change>,
    },
    /// The vendor works on it.
    Accepted {
        act: Act,
        operation: Option<Shown>,
    },
    /// A look has seen its end, so long after it was asked for.
    Ended {
        act: Act,
        took: Millis,
        evidence: Vec<Known>,
    },
    NotDone {
        act: Act,
        why: Fault,
    },
    OutcomeUnknown {
        act: Act,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<Fault>,
    },
    /// A look has seen that it did not happen after all.
    DidNotHappen {
        act: Act,
    },
    /// It is still under way, longer than the plan has patience.
    TakesLong {
        act: Act,
        since: Timestamp,
    },
    /// It is as the plan wants it, and nobody here did that.
    FoundReached {
        evidence: Vec<Known>,
    },
    /// It was as the plan wants it, and somebody else has changed that.
    FoundApart {
        changes: Vec<Change>,
    },
    Skipped {
        by: OperatorId,
        reason: Shown,
    },
    Approved {
        by: OperatorId,
        asked_by: OperatorId,
        act: Act,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approver: Option<Box<Credentials>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asker: Option<Box<Credentials>>,
    },
    ApprovalAsked {
        by: OperatorId,
        act: Act,
        changes: Vec<Change>,
        within: Millis,
    },
}

impl StepNews {
    pub(in crate::core) fn tone(&self) -> Tone {
        match self {
            StepNews::Begins { .. } | StepNews::Accepted { .. } | StepNews::Approved { .. } => Tone::Plain,
            StepNews::Ended { .. } | StepNews::FoundReached { .. } => Tone::Good,
            StepNews::OutcomeUnknown { .. }
            | StepNews::DidNotHappen { .. }
            | StepNews::TakesLong { .. }
            | StepNews::FoundApart { .. }
            | StepNews::Skipped { .. }
            | StepNews::ApprovalAsked { .. } => Tone::Warning,
            StepNews::NotDone { .. } => Tone::Alarm,
        }
    }
}

/// Why a step was not run, taken back or skipped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepRefusal {
    /// Nobody has looked, or not since the last act, or too long ago.
    NotSeen {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ago: Option<Millis>,
    },
    /// It is not what the asker saw.
    Changed,
    /// It is so already.
    Reached,
    /// There is nothing to take back: the thing is not as the step wants it.
    NotReached,
    /// The vendor works on it, or an act of this session has no outcome yet.
    Underway {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        operation: Option<Shown>,
    },
    Foreign {
        why: Shown,
    },
    Needs {
        unmet: Vec<Need>,
    },
    /// Something later rests on it.
    Needed {
        by: Vec<StepId>,
    },
    /// A rollback is under way, and nothing else begins.
    GoingHome,
    /// What can't be taken back wants the name of its target typed.
    NotNamed {
        target: Shown,
    },
    NoUndo,
    /// No act of this session has made it so.
    NotOurs,
}
