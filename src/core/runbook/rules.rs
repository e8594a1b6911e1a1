//! Who may run a step, take it back or skip it, and when.
//!
//! What is asked for names the version that the asker saw, so nobody runs what he did not see; and what is approved is examined once more.

use crate::{
    core::{
        approval, controls,
        decision::{Effect, Refusal, Verdict},
        event::Asker,
        news::News,
        reason::Missing,
        record,
        runbook::{
            stage::{self, unmet},
            state::{Doing, Skipped, StepNews, StepRefusal, StepTerms},
        },
        sight::Sight,
        turn::Turn,
    },
    domain::{
        fault::Version,
        id::{AskId, OperatorId, StepId},
        shown::Shown,
        standing::{Act, Change, Standing},
    },
    plan::model::steps::{Consent, Need, Step, Undoing},
};

/// What somebody wants done with a step.
#[derive(Debug, Clone, Copy)]
pub(in crate::core) struct Wanted<'a> {
    pub step: &'a StepId,
    pub act: Act,
    /// Of what the asker saw.
    pub version: &'a Version,
    /// What he typed, where the plan wants the target's name.
    pub named: Option<&'a Shown>,
}

/// Whether another step may rest on this one.
pub(super) fn is_done(sight: &Sight<'_>, id: &StepId) -> bool {
    let Some(known) = sight.state.steps.get(id) else { return false };
    let reached = || matches!(stage::fresh(sight, known), Ok(Standing::Reached { .. }));
    known.doing == Doing::Nothing && (known.skipped.is_some() || reached())
}

/// Runs a step, or takes it back.
pub(in crate::core) fn run(turn: &mut Turn, by: &Asker, ask: AskId, wanted: Wanted<'_>) -> Result<Verdict, Refusal> {
    let step = turn.plan.step(wanted.step).ok_or(Refusal::Missing(Missing::Step))?;
    controls::held_by(turn, by)?;
    let changes = examine(&turn.sight(), step, wanted.act, wanted.version)?;
    if step.is_final(wanted.act) && wanted.named.is_none_or(|named| named.as_str() != step.desired.target()) {
        return Err(refused(StepRefusal::NotNamed { target: Shown::new(step.desired.target()) }));
    }
    match step.consent(wanted.act) {
        Consent::SecondPerson => {
            let terms = terms(turn, step, wanted.act, (wanted.version.clone(), changes));
            approval::request_step(turn, by, ask, terms)
        }
        Consent::Alone => {
            begin(turn, step, (wanted.act, wanted.version.clone(), changes), by.who.clone(), None);
            Ok(Verdict::Accepted)
        }
    }
}

/// Starts what has been approved, after everything has been examined once more.
pub(in crate::core) fn approved(turn: &mut Turn, asker: &Asker, terms: &StepTerms, approver: &OperatorId) -> Result<Verdict, Refusal> {
    let step = turn.plan.step(&terms.step).ok_or(Refusal::Missing(Missing::Step))?;
    controls::held_by(turn, asker)?;
    let changes = examine(&turn.sight(), step, terms.act, &terms.version)?;
    begin(turn, step, (terms.act, terms.version.clone(), changes), asker.who.clone(), Some(approver.clone()));
    Ok(Verdict::Accepted)
}

/// Whether everything that these terms rest on is as it was when they were opened.
pub(in crate::core) fn holds(turn: &Turn, open: &StepTerms) -> bool {
    let Some(step) = turn.plan.step(&open.step) else { return false };
    let Ok(changes) = examine(&turn.sight(), step, open.act, &open.version) else { return false };
    open.epoch == turn.state.controls.epoch && terms(turn, step, open.act, (open.version.clone(), changes)) == *open
}

/// A person says that a step is not to be done; it counts as done for what rests on it, until it is run after all.
pub(in crate::core) fn skip(turn: &mut Turn, by: &Asker, id: &StepId, reason: &Shown) -> Result<Verdict, Refusal> {
    let step = turn.plan.step(id).ok_or(Refusal::Missing(Missing::Step))?;
    controls::held_by(turn, by)?;
    if reason.as_str().trim().is_empty() {
        return Err(Refusal::ReasonMissing);
    }
    let now = turn.now;
    let known = turn.state.steps.get(&step.id).ok_or(Refusal::Missing(Missing::Step))?;
    if known.doing != Doing::Nothing {
        return Err(refused(StepRefusal::Underway { operation: None }));
    }
    if known.skipped.as_ref().is_some_and(|skipped| skipped.reason == *reason) {
        return Err(Refusal::NoChange);
    }
    let skipped = Skipped { by: by.who.clone(), reason: reason.clone(), at: now };
    if let Some(known) = turn.state.steps.get_mut(&step.id) {
        known.skipped = Some(skipped);
    }
    turn.tell(News::Step { step: step.id.clone(), what: StepNews::Skipped { by: by.who.clone(), reason: reason.clone() } });
    Ok(Verdict::Accepted)
}

/// What `act` would change, if it may be done now against this version.
pub(in crate::core) fn examine(sight: &Sight<'_>, step: &Step, act: Act, version: &Version) -> Result<Vec<Change>, Refusal> {
    if let Some(why) = record::forbids(sight.state) {
        return Err(why);
    }
    if sight.state.routes.values().any(|route| route.motion.is_returning()) {
        return Err(refused(StepRefusal::GoingHome));
    }
    let known = sight.state.steps.get(&step.id).ok_or(Refusal::Missing(Missing::Step))?;
    if known.doing != Doing::Nothing {
        return Err(refused(StepRefusal::Underway { operation: None }));
    }
    let standing = stage::fresh(sight, known).map_err(refused)?;
    let changes = changes(step, act, standing).map_err(refused)?;
    if standing.version() != Some(version) {
        return Err(refused(StepRefusal::Changed));
    }
    match act {
        Act::Run => {
            let unmet: Vec<Need> = unmet(sight, step).into_iter().map(|unmet| unmet.need.clone()).collect();
            if unmet.is_empty() { Ok(changes) } else { Err(refused(StepRefusal::Needs { unmet })) }
        }
        Act::Undo => {
            let by: Vec<StepId> = resting_on(sight, step).cloned().collect();
            if !by.is_empty() {
                return Err(refused(StepRefusal::Needed { by }));
            }
            if known.is_ours() { Ok(changes) } else { Err(refused(StepRefusal::NotOurs)) }
        }
    }
}

fn changes(step: &Step, act: Act, standing: &Standing) -> Result<Vec<Change>, StepRefusal> {
    match (act, standing) {
        (_, Standing::Underway(work)) => Err(StepRefusal::Underway { operation: Some(work.operation.clone()) }),
        (_, Standing::Foreign { why }) => Err(StepRefusal::Foreign { why: why.clone() }),
        (Act::Run, Standing::Apart { changes, .. }) => Ok(changes.clone()),
        (Act::Run, Standing::Reached { .. }) => Err(StepRefusal::Reached),
        (Act::Undo, Standing::Apart { .. }) => Err(StepRefusal::NotReached),
        (Act::Undo, Standing::Reached { .. }) => match step.desired.undoing() {
            Undoing::Possible | Undoing::Destroys => Ok(Vec::new()),
            Undoing::Needless | Undoing::Impossible => Err(StepRefusal::NoUndo),
        },
    }
}

/// Steps that need this one and are done or under way themselves.
fn resting_on<'a>(sight: &'a Sight<'_>, step: &'a Step) -> impl Iterator<Item = &'a StepId> {
    let needs = |other: &&Step| other.needs.iter().any(|need| *need == Need::Step(step.id.clone()));
    let is_begun = |other: &&Step| {
        let known = sight.state.steps.get(&other.id);
        known.is_some_and(|known| {
            let reached = matches!(known.seen.as_ref().map(|seen| &seen.standing), Some(Standing::Reached { .. }));
            known.doing != Doing::Nothing || reached
        })
    };
    sight.plan.steps().filter(needs).filter(is_begun).map(|other| &other.id)
}

fn terms(turn: &Turn, step: &Step, act: Act, seen: (Version, Vec<Change>)) -> StepTerms {
    let (version, changes) = seen;
    StepTerms {
        step: step.id.clone(),
        act,
        target: Shown::new(step.desired.target()),
        version,
        changes,
        replication: approval::replication(turn),
        plan: turn.plan.hash,
        epoch: turn.state.controls.epoch,
    }
}

fn begin(turn: &mut Turn, step: &Step, what: (Act, Version, Vec<Change>), by: OperatorId, approved_by: Option<OperatorId>) {
    let (act, version, changes) = what;
    let effect = turn.send(Effect::Act { step: step.id.clone(), act, version, by: by.clone(), approved_by: approved_by.clone() });
    let since = turn.now;
    if let Some(known) = turn.state.steps.get_mut(&step.id) {
        known.doing = Doing::Acting { effect, act, by: by.clone(), since };
        known.skipped = None;
    }
    turn.tell(News::Step { step: step.id.clone(), what: StepNews::Begins { act, by, approved_by, changes } });
}

fn refused(why: StepRefusal) -> Refusal {
    Refusal::Step(Box::new(why))
}
