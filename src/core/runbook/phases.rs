//! How far the runbook is, for faces: which phase it is in, what of that is done, and what comes next.

use crate::{
    core::{
        runbook::{
            Doing, Stage, Unmet,
            stage::{self, stage},
        },
        sight::Sight,
        state::State,
    },
    domain::{standing::Standing, weight::PerMille},
    plan::model::{Phase, steps::Step},
};

/// How many of a phase's steps are reached or skipped, as far as is known. What was seen last counts: no phase begins anew because an API is silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub done: usize,
    pub of: usize,
}

impl Progress {
    pub fn is_whole(self) -> bool {
        self.done == self.of
    }
}

pub fn progress(state: &State, phase: &Phase) -> Progress {
    Progress { done: phase.steps.iter().filter(|step| was_done(state, step)).count(), of: phase.steps.len() }
}

/// What of a step's needs is not met now, whatever its own stage.
pub fn lacks<'a>(state: &State, step: &'a Step) -> Vec<Unmet<'a>> {
    Sight::of(state).map_or_else(Vec::new, |sight| stage::unmet(&sight, step))
}

fn was_done(state: &State, step: &Step) -> bool {
    state.steps.get(&step.id).is_some_and(|known| {
        let reached = || known.seen.as_ref().is_some_and(|seen| matches!(seen.standing, Standing::Reached { .. }));
        known.doing == Doing::Nothing && (known.skipped.is_some() || reached())
    })
}

/// The phase that the runbook is in, by its place in the plan, while the target has `share`: the first of which a step is not done, or whose end
/// traffic has not reached; the last one where there is none. Nothing where the plan has no steps.
pub fn phase(state: &State, share: PerMille) -> Option<usize> {
    let plan = &state.opened.as_ref()?.plan;
    plan.steps().next()?;
    let is_open = |phase: &Phase| !progress(state, phase).is_whole() || share < phase.target_to;
    plan.phases.iter().position(is_open).or(plan.phases.len().checked_sub(1))
}

/// What is to be looked at next, in the order of its worth: what is under way or stuck anywhere in the plan, then what can be run, then what waits,
/// of the first phase that has such.
pub fn next(state: &State) -> Vec<&Step> {
    let Some(opened) = &state.opened else { return Vec::new() };
    let worth = |step: &Step| match stage(state, step) {
        Stage::Foreign { .. } | Stage::Ready { failed: Some(_), .. } => Some(0),
        Stage::Acting { .. } | Stage::Underway { .. } => Some(1),
        Stage::Ready { failed: None, .. } => Some(2),
        Stage::Waiting { .. } | Stage::Unseen { .. } => Some(3),
        Stage::Reached { .. } | Stage::Skipped(_) => None,
    };
    let all = opened.plan.phases.iter().enumerate().flat_map(|(place, phase)| phase.steps.iter().map(move |step| (place, step)));
    let mut open: Vec<(u8, usize, &Step)> = all.filter_map(|(place, step)| Some((worth(step)?, place, step))).collect();
    let first = open.iter().map(|(_, place, _)| *place).min();
    open.retain(|(worth, place, _)| *worth < 2 || Some(*place) == first);
    open.sort_by_key(|(worth, place, _)| (*worth, *place));
    open.into_iter().map(|(_, _, step)| step).collect()
}
