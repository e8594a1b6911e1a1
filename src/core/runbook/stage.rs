//! How a step stands, for faces and for rules alike: one word of a closed list.

use crate::{
    core::{
        evidence,
        runbook::{Act, Doing, Ended, Skipped, StepRefusal, StepState, rules},
        sight::Sight,
        state::{ItemStatus, State},
    },
    domain::{
        fault::Fault,
        id::StepId,
        shown::Shown,
        standing::{Change, Known, Standing, Underway},
        time::{Millis, Timestamp},
        weight::PerMille,
    },
    plan::model::steps::{Need, Step},
};

/// Each excludes the others.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage<'a> {
    /// Nobody has looked since the session opened, or for so long.
    Unseen {
        ago: Option<Millis>,
    },
    /// It is not as the plan wants it, and can't be begun yet.
    Waiting {
        on: Vec<Unmet<'a>>,
        changes: &'a [Change],
    },
    /// It can be run.
    Ready {
        changes: &'a [Change],
        failed: Option<&'a Fault>,
    },
    /// Its act has left, or nobody knows what came of it.
    Acting {
        act: Act,
        since: Timestamp,
        unknown: Option<Option<&'a Fault>>,
    },
    /// The vendor works on it: for this session since `since`, or for somebody else.
    Underway {
        act: Option<Act>,
        since: Option<Timestamp>,
        work: Option<&'a Underway>,
        is_late: bool,
    },
    Reached {
        evidence: &'a [Known],
    },
    Foreign {
        why: &'a Shown,
    },
    Skipped(&'a Skipped),
}

/// A need that is not met.
#[derive(Debug, Clone, PartialEq)]
pub struct Unmet<'a> {
    pub need: &'a Need,
    pub why: Why,
}

/// Why not.
#[derive(Debug, Clone, PartialEq)]
pub enum Why {
    /// The other step is not reached.
    NotReached(StepId),
    /// The line of the checklist is not done.
    NotDone(ItemStatus),
    /// So much has left home.
    Away(PerMille),
    /// The weights are not known, or something moves.
    NotKnown,
}

/// How `step` stands.
pub fn stage<'a>(state: &'a State, step: &'a Step) -> Stage<'a> {
    Sight::of(state).map_or(Stage::Unseen { ago: None }, |sight| seen(&sight, step))
}

/// The same, for rules.
pub(in crate::core) fn seen<'a>(sight: &Sight<'a>, step: &'a Step) -> Stage<'a> {
    let Some(known) = sight.state.steps.get(&step.id) else { return Stage::Unseen { ago: None } };
    let fresh = fresh(sight, known);
    match (&known.doing, &known.skipped) {
        (Doing::Acting { act, since, .. }, _) => return Stage::Acting { act: *act, since: *since, unknown: None },
        (Doing::Resolving { act, since, why, .. }, _) => return Stage::Acting { act: *act, since: *since, unknown: Some(why.as_ref()) },
        (Doing::Following { act, since, told_late, .. }, _) => {
            let work = fresh.ok().and_then(|standing| if let Standing::Underway(work) = standing { Some(work) } else { None });
            return Stage::Underway { act: Some(*act), since: Some(*since), work, is_late: *told_late };
        }
        // What the world says comes before what a person said of it.
        (Doing::Nothing, Some(skipped)) if !matches!(fresh, Ok(Standing::Reached { .. })) => return Stage::Skipped(skipped),
        (Doing::Nothing, _) => {}
    }
    match fresh {
        Err(StepRefusal::NotSeen { ago }) => Stage::Unseen { ago },
        Err(_) => Stage::Unseen { ago: None },
        Ok(Standing::Underway(work)) => Stage::Underway { act: None, since: work.since, work: Some(work), is_late: false },
        Ok(Standing::Reached { evidence, .. }) => Stage::Reached { evidence },
        Ok(Standing::Foreign { why }) => Stage::Foreign { why },
        Ok(Standing::Apart { changes, failed, .. }) => {
            let on = unmet(sight, step);
            let own = known.last.as_ref().and_then(|last| match (&last.how, last.act) {
                (Ended::NotDone(why), Act::Run) => Some(why),
                (Ended::NotDone(_), Act::Undo) | (Ended::Done | Ended::DidNotHappen, _) => None,
            });
            let failed = own.or(failed.as_ref().map(|failed| &failed.why));
            if on.is_empty() { Stage::Ready { changes, failed } } else { Stage::Waiting { on, changes } }
        }
    }
}

/// What of a step's needs is not met now.
pub(super) fn unmet<'a>(sight: &Sight<'_>, step: &'a Step) -> Vec<Unmet<'a>> {
    step.needs.iter().filter_map(|need| Some(Unmet { need, why: why_not(sight, need)? })).collect()
}

fn why_not(sight: &Sight<'_>, need: &Need) -> Option<Why> {
    match need {
        Need::Step(id) => (!rules::is_done(sight, id)).then(|| Why::NotReached(id.clone())),
        Need::Line(id) => {
            let status = sight.state.checklist.get(id).map_or(ItemStatus::Open, |known| known.status);
            (status != ItemStatus::Done).then_some(Why::NotDone(status))
        }
        Need::Share { route, away_min } => {
            let known = sight.planned(route).map(|planned| (planned, sight.route(planned)));
            let Some((planned, known)) = known else { return Some(Why::NotKnown) };
            let settled = !known.motion.is_under_way();
            let accepted = known.accepted.as_ref().filter(|_| settled && crate::core::standing::is_fresh(known));
            let Some(accepted) = accepted else { return Some(Why::NotKnown) };
            let away = PerMille::ZERO.saturating_add(PerMille::ALL.get() - accepted.weights.of(&planned.home).get());
            (away < *away_min).then_some(Why::Away(away))
        }
    }
}

/// What was seen, if it may be acted on: the look began after the newest act had ended, and not too long ago.
pub(super) fn fresh<'a>(sight: &Sight<'_>, known: &'a StepState) -> Result<&'a Standing, StepRefusal> {
    let Some(seen) = &known.seen else { return Err(StepRefusal::NotSeen { ago: None }) };
    let is_newer = known.ended.is_none_or(|(at, seq)| seen.at >= at && seen.seq > seq);
    let ago = sight.now.since(seen.at);
    if is_newer && ago <= evidence::FRESH { Ok(&seen.standing) } else { Err(StepRefusal::NotSeen { ago: Some(ago) }) }
}
