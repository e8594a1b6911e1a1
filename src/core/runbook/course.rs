//! From an act that left to what looks see of it: outcomes, reading back, and what others do meanwhile.

use crate::{
    core::{
        news::News,
        runbook::state::{Acted, Doing, Ended, Seen, StepNews, StepState},
        turn::Turn,
    },
    domain::{
        fault::{Fault, FaultKind, Outcome},
        id::{EffectId, StepId},
        shown::Shown,
        standing::{Act, Known, Standing},
        time::{Millis, Timestamp},
    },
    plan::model::Plan,
};

/// An act that has not ended after this is taken as unknown; whoever sends it ends sooner.
const ACT_LOST: Millis = Millis::from_secs(120);
/// For so long an act without an outcome may still take effect, and one that was accepted may be seen of no look.
const LATE_MAX: Millis = Millis::from_secs(60);

pub(in crate::core) fn opened(plan: &Plan) -> impl Iterator<Item = (StepId, StepState)> {
    plan.steps().map(|step| (step.id.clone(), StepState::default()))
}

/// A look. One that began before the newest end of an act, or before a look that we have, is no news.
pub(in crate::core) fn observed(turn: &mut Turn, asked_at: Timestamp, id: &StepId, standing: &Standing) {
    let (at, now, seq) = (turn.at, turn.now, turn.seq);
    let Some(known) = turn.state.steps.get_mut(id) else { return };
    let newest = known.seen.as_ref().map(|seen| seen.at).max(known.ended.map(|(at, _)| at));
    if newest.is_some_and(|newest| asked_at < newest) || asked_at > at {
        return;
    }
    let before = known.seen.replace(Seen { standing: standing.clone(), at: asked_at, seq });
    let told = match known.doing.clone() {
        Doing::Acting { .. } => None,
        Doing::Nothing => {
            // What this session had done is gone, whoever may do it next.
            if known.is_ours() && matches!(standing, Standing::Apart { .. }) {
                known.last = None;
            }
            by_others(before.as_ref().map(|seen| &seen.standing), standing)
        }
        Doing::Following { act, since, operation, .. } => match end(act, standing) {
            End::Reached(evidence) => Some(ended(known, now, Ok(evidence))),
            End::Underway => {
                follow_on(known, standing);
                None
            }
            End::Foreign(why) => Some(ended(known, now, Err(why))),
            End::NotYet(Some((name, why))) if operation.as_ref() == Some(&name) => Some(ended(known, now, Err(why))),
            End::NotYet(_) if now.since(since) >= LATE_MAX && known.ended.is_some_and(|(at, _)| now.since(at) >= LATE_MAX) => {
                Some(did_not_happen(known, now, act))
            }
            End::NotYet(_) => None,
        },
        Doing::Resolving { act, by, since, unknown_at, .. } => match end(act, standing) {
            End::Reached(evidence) => Some(ended(known, now, Ok(evidence))),
            End::Underway => {
                known.doing = Doing::Following { act, by, since, operation: None, told_late: false };
                follow_on(known, standing);
                None
            }
            End::Foreign(why) => Some(ended(known, now, Err(why))),
            End::NotYet(_) if asked_at.since(unknown_at) >= LATE_MAX => Some(did_not_happen(known, now, act)),
            End::NotYet(_) => None,
        },
    };
    if let Some(what) = told {
        turn.tell(News::Step { step: id.clone(), what });
    }
}

/// What a look says of the end of an act.
enum End {
    Reached(Vec<Known>),
    Underway,
    /// It stands where it stood; and how the newest work on it failed, if any did.
    NotYet(Option<(Shown, Fault)>),
    Foreign(Fault),
}

fn end(act: Act, standing: &Standing) -> End {
    match (act, standing) {
        (_, Standing::Underway(_)) => End::Underway,
        (_, Standing::Foreign { why }) => End::Foreign(Fault::new(FaultKind::Rejected, why.as_str())),
        (Act::Run, Standing::Reached { evidence, .. }) => End::Reached(evidence.clone()),
        (Act::Undo, Standing::Apart { .. }) => End::Reached(Vec::new()),
        (Act::Run, Standing::Apart { failed, .. }) => {
            End::NotYet(failed.as_ref().map(|failed| (failed.operation.clone(), failed.why.clone())))
        }
        (Act::Undo, Standing::Reached { .. }) => End::NotYet(None),
    }
}

fn by_others(before: Option<&Standing>, now: &Standing) -> Option<StepNews> {
    match (before?, now) {
        (Standing::Reached { .. }, Standing::Apart { changes, .. }) => Some(StepNews::FoundApart { changes: changes.clone() }),
        (Standing::Apart { .. } | Standing::Underway(_) | Standing::Foreign { .. }, Standing::Reached { evidence, .. }) => {
            Some(StepNews::FoundReached { evidence: evidence.clone() })
        }
        (Standing::Reached { .. }, Standing::Reached { .. } | Standing::Underway(_) | Standing::Foreign { .. })
        | (
            Standing::Apart { .. } | Standing::Underway(_) | Standing::Foreign { .. },
            Standing::Apart { .. } | Standing::Underway(_) | Standing::Foreign { .. },
        ) => None,
    }
}

/// The vendor's own name for what it does, once a look tells it.
fn follow_on(known: &mut StepState, standing: &Standing) {
    if let (Doing::Following { operation, .. }, Standing::Underway(work)) = (&mut known.doing, standing) {
        operation.get_or_insert_with(|| work.operation.clone());
    }
}

fn ended(known: &mut StepState, now: Timestamp, how: Result<Vec<Known>, Fault>) -> StepNews {
    let Some((act, by, since)) = known.doing.act().map(|(act, by, since)| (act, by.clone(), since)) else {
        return StepNews::FoundReached { evidence: how.unwrap_or_default() };
    };
    let took = now.since(since);
    known.doing = Doing::Nothing;
    known.last = Some(Acted { act, by, at: now, took, how: how.as_ref().err().cloned().map_or(Ended::Done, Ended::NotDone) });
    match how {
        Ok(evidence) => StepNews::Ended { act, took, evidence },
        Err(why) => StepNews::NotDone { act, why },
    }
}

fn did_not_happen(known: &mut StepState, now: Timestamp, act: Act) -> StepNews {
    if let Some((_, by, since)) = known.doing.act().map(|(act, by, since)| (act, by.clone(), since)) {
        known.last = Some(Acted { act, by, at: now, took: now.since(since), how: Ended::DidNotHappen });
    }
    known.doing = Doing::Nothing;
    StepNews::DidNotHappen { act }
}

/// An act has an outcome. Where it was accepted, or nobody knows, looks say what becomes of it.
pub(in crate::core) fn finished(turn: &mut Turn, effect: EffectId, id: &StepId, outcome: &Outcome) {
    let (at, now, seq) = (turn.at, turn.now, turn.seq);
    let Some(known) = turn.state.steps.get_mut(id) else { return };
    let Doing::Acting { effect: current, act, by, since } = known.doing.clone() else { return };
    if current != effect {
        return;
    }
    known.ended = Some((at, seq));
    let what = match outcome {
        Outcome::Done(receipt) => {
            let operation = receipt.operation.clone();
            known.doing = Doing::Following { act, by, since, operation: operation.clone(), told_late: false };
            StepNews::Accepted { act, operation }
        }
        Outcome::NotDone(fault) => ended(known, now, Err(fault.clone())),
        Outcome::Unknown(fault) => unknown(known, now, Some(fault.clone()), act),
    };
    turn.tell(News::Step { step: id.clone(), what });
}

fn unknown(known: &mut StepState, now: Timestamp, why: Option<Fault>, act: Act) -> StepNews {
    if let Some((act, by, since)) = known.doing.act().map(|(act, by, since)| (act, by.clone(), since)) {
        known.doing = Doing::Resolving { act, by, since, unknown_at: now, why: why.clone() };
    }
    StepNews::OutcomeUnknown { act, why }
}

/// The host came back: of what had left nobody has heard, and a look tells.
pub(in crate::core) fn restarted(turn: &mut Turn) {
    let (at, now, seq) = (turn.at, turn.now, turn.seq);
    for known in turn.state.steps.values_mut() {
        // Nothing that was seen before is acted on.
        known.ended = Some((at, seq));
        if let Doing::Acting { act, .. } = known.doing {
            unknown(known, now, None, act);
        }
    }
}

/// What time alone brings: patience that is over, and acts of which nobody hears.
pub(in crate::core) fn follow(turn: &mut Turn) {
    let (at, now, seq) = (turn.at, turn.now, turn.seq);
    let mut told = Vec::new();
    for step in turn.plan.steps() {
        let Some(known) = turn.state.steps.get_mut(&step.id) else { continue };
        match &mut known.doing {
            Doing::Acting { effect, act, since, .. } if now.since(*since) >= ACT_LOST => {
                let (effect, act) = (*effect, *act);
                turn.state.in_flight.remove(&effect);
                known.ended = Some((at, seq));
                told.push((step.id.clone(), unknown(known, now, None, act)));
            }
            Doing::Following { act, since, told_late, .. } if !*told_late && now.since(*since) >= step.patience => {
                *told_late = true;
                told.push((step.id.clone(), StepNews::TakesLong { act: *act, since: *since }));
            }
            Doing::Nothing | Doing::Acting { .. } | Doing::Following { .. } | Doing::Resolving { .. } => {}
        }
    }
    for (step, what) in told {
        turn.tell(News::Step { step, what });
    }
}
