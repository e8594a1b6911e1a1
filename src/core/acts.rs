//! What was asked and what was done about it, for the journal screen: every answer that no news tells of, refusals above all, and every
//! write with its outcome. Reads are not among them: there is one every few seconds, and the record has them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    core::{
        command::Command,
        decision::{Decision, Effect, Verdict},
        event::{Asker, Event},
        state::State,
    },
    domain::{
        fault::Outcome,
        id::{EffectId, Seq},
        time::{Millis, Timestamp},
    },
};

/// Acts that are kept.
const ACTS_MAX: usize = 120;
/// The same question of the same person within this long is one line with a count.
const SAME_QUESTION: Millis = Millis::from_mins(10);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Act {
    pub seq: Seq,
    pub at: Timestamp,
    /// Since when it has been asked, and how often, if it was asked again and again.
    pub since: Timestamp,
    pub times: u32,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    Answered { by: Asker, command: Box<Command>, verdict: Box<Verdict> },
    Sent { effect: EffectId, what: Box<Effect>, ended: Option<(Timestamp, Outcome)> },
}

/// Remembers what of an entry and its decision no news tell.
pub(super) fn note(state: &mut State, event: &Event, decision: &Decision) {
    let (seq, at) = (state.seq, state.now);
    let mut acts = Vec::new();
    if let (Event::Asked { by, command, .. }, Some(answer)) = (event, &decision.answer) {
        let told = answer.verdict == Verdict::Accepted && !decision.news.is_empty();
        let what = What::Answered { by: by.clone(), command: Box::new(command.clone()), verdict: Box::new(answer.verdict.clone()) };
        acts.extend((!told).then_some(what));
    }
    if let Event::Finished { effect, outcome, .. } = event {
        let sent = state.acts.iter_mut().rev().find(|act| matches!(&act.what, What::Sent { effect: id, .. } if id == effect));
        if let Some(What::Sent { ended, .. }) = sent.map(|act| &mut Arc::make_mut(act).what) {
            *ended = Some((at, outcome.clone()));
        }
    }
    for issued in &decision.effects {
        if matches!(issued.what, Effect::Write { .. } | Effect::Claim { .. } | Effect::Act { .. } | Effect::Inject { .. }) {
            acts.push(What::Sent { effect: issued.id, what: Box::new(issued.what.clone()), ended: None });
        }
    }
    for what in acts {
        let again = state.acts.back_mut().filter(|last| last.what == what && at.since(last.at) <= SAME_QUESTION);
        if let Some(last) = again.map(Arc::make_mut) {
            (last.seq, last.at, last.times) = (seq, at, last.times.saturating_add(1));
        } else {
            state.acts.push_back(Arc::new(Act { seq, at, since: at, times: 1, what }));
        }
    }
    let surplus = state.acts.len().saturating_sub(ACTS_MAX);
    state.acts.drain(..surplus);
}
