//! What would be answered to whoever wants something done with a step of the plan.

use crate::{
    core::{decision::Refusal, reason::Missing, runbook, sight::Sight, state::State},
    domain::{
        fault::Version,
        id::StepId,
        standing::{Act, Change},
    },
    plan::model::steps::Consent,
};

/// Who has to want `act` and what it would change, if it may be done now against `version`, whoever has the controls.
/// # Errors
/// Why it would be refused.
pub fn may_act(state: &State, step: &StepId, act: Act, version: &Version) -> Result<(Consent, Vec<Change>), Refusal> {
    let sight = Sight::of(state).ok_or(Refusal::NotOpen)?;
    let step = sight.plan.step(step).ok_or(Refusal::Missing(Missing::Step))?;
    Ok((step.consent(act), runbook::examine(&sight, step, act, version)?))
}
