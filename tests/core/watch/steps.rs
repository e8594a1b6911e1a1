//! Acts on steps: on a fresh look and against its version, one at a time, with what they need, wanted by whom the plan asks for.

use std::collections::BTreeMap;

use cutover::{
    core::{
        command::Command,
        decision::{Effect, Verdict},
        event::Event,
    },
    domain::{
        fact::{Fact, Known as Same},
        fault::{Outcome, Version},
        id::{EffectId, OperatorId, Seq, StepId},
        standing::{Act, Standing},
        time::{Millis, Timestamp},
    },
    plan::model::steps::{Consent, Need, Step},
};

use super::{Check, Seen, require};

/// What an act rests on may be this old.
const FRESH: Millis = Millis::from_secs(30);
/// An act of which looks see nothing may still take effect for so long.
const LATE: Millis = Millis::from_secs(60);

/// What was learnt of each step from the entries alone.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    steps: BTreeMap<StepId, Known>,
    of: BTreeMap<EffectId, StepId>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    /// When the newest look began, the entry that brought it, and what it found.
    look: Option<(Timestamp, Seq, Standing)>,
    /// What left and may still take effect.
    acting: Option<Acting>,
    /// When the newest act, or the host, last ended.
    ended: Option<(Timestamp, Seq)>,
    skipped: bool,
}

#[derive(Debug, Clone)]
struct Acting {
    effect: EffectId,
    act: Act,
    left_at: Timestamp,
    /// When it had an outcome, or was given up.
    ended_at: Option<Timestamp>,
    accepted: bool,
}

impl Ledger {
    pub(super) fn look(&mut self, seen: &Seen) -> Check {
        if seen.after.now < seen.before.now {
            self.go_back(seen.before.now.since(seen.after.now));
        }
        self.learn(seen);
        for effect in &seen.decision.effects {
            if let Effect::Act { step, act, version, by, approved_by } = &effect.what {
                let planned = seen.plan.steps().find(|planned| planned.id == *step).expect("a step of the plan");
                self.wanted(seen, planned, *act, by, approved_by.as_ref())?;
                self.may(seen, planned, *act, version)?;
                let known = self.steps.entry(step.clone()).or_default();
                known.acting = Some(Acting { effect: effect.id, act: *act, left_at: seen.after.now, ended_at: None, accepted: false });
                known.skipped = false;
                self.of.insert(effect.id, step.clone());
            }
        }
        Ok(())
    }

    fn go_back(&mut self, back: Millis) {
        for known in self.steps.values_mut() {
            let looks = known.look.iter_mut().map(|(at, _, _)| at);
            let ends = known.ended.iter_mut().map(|(at, _)| at);
            let acts = known.acting.iter_mut().flat_map(|acting| std::iter::once(&mut acting.left_at).chain(&mut acting.ended_at));
            looks.chain(ends).chain(acts).for_each(|at| *at = at.before(back));
        }
    }

    fn learn(&mut self, seen: &Seen) {
        let (now, seq) = (seen.after.now, seen.entry.seq);
        match &seen.entry.event {
            Event::Finished { effect, outcome, .. } => {
                let known = self.of.get(effect).and_then(|step| self.steps.get_mut(step));
                let Some(known) = known else { return };
                let Some(acting) = known.acting.as_mut().filter(|acting| acting.effect == *effect && acting.ended_at.is_none()) else {
                    return;
                };
                known.ended = Some((now, seq));
                match outcome {
                    Outcome::NotDone(_) => known.acting = None,
                    Outcome::Done(_) => (acting.ended_at, acting.accepted) = (Some(now), true),
                    Outcome::Unknown(_) => acting.ended_at = Some(now),
                }
            }
            Event::Restarted => {
                for known in self.steps.values_mut() {
                    known.ended = Some((now, seq));
                    if let Some(acting) = &mut known.acting {
                        acting.ended_at = acting.ended_at.or(Some(now));
                    }
                }
            }
            Event::Observed(observation) => {
                for fact in observation.result.iter().flatten() {
                    match fact {
                        Fact::Step { step, standing } => self.found(step, observation.asked_at, now, seq, standing),
                        // As before: what the session holds of it is what was seen.
                        Fact::Same(Same::Step(step)) => {
                            if let Some(known) = &seen.after.steps[step].seen {
                                self.found(step, observation.asked_at, now, seq, &known.standing);
                            }
                        }
                        _ => {}
                    }
                }
            }
            Event::Asked { command: Command::Skip { step, .. }, .. } => {
                let accepted = seen.decision.answer.as_ref().is_some_and(|answer| answer.verdict == Verdict::Accepted);
                self.steps.entry(step.clone()).or_default().skipped |= accepted;
            }
            _ => {}
        }
    }

    fn found(&mut self, step: &StepId, asked_at: Timestamp, now: Timestamp, seq: Seq, standing: &Standing) {
        let known = self.steps.entry(step.clone()).or_default();
        let is_old = known.look.as_ref().is_some_and(|(at, _, _)| asked_at < *at) || known.ended.is_some_and(|(at, _)| asked_at < at);
        if is_old || asked_at > now {
            return;
        }
        known.look = Some((asked_at, seq, standing.clone()));
        let Some(Acting { act, ended_at: Some(ended_at), .. }) = &known.acting else { return };
        let is_over = match (act, standing) {
            (Act::Run, Standing::Reached { .. }) | (Act::Undo, Standing::Apart { .. }) | (_, Standing::Foreign { .. }) => true,
            // Its work failed, or it never began.
            (Act::Run, Standing::Apart { failed, .. }) => failed.is_some() || now.since(*ended_at) >= LATE,
            (Act::Undo, Standing::Reached { .. }) => now.since(*ended_at) >= LATE,
            (_, Standing::Underway(_)) => false,
        };
        if is_over {
            known.acting = None;
        }
    }

    /// I9: who asked has the controls, and where the plan wants two, another one approved.
    fn wanted(&self, seen: &Seen, step: &Step, act: Act, by: &OperatorId, approved_by: Option<&OperatorId>) -> Check {
        let told = |what: &str| format!("{} {act:?} {what}: {:?}", step.id, seen.entry);
        let holds = seen.before.controls.holder.as_ref().is_some_and(|holder| holder.who == *by);
        require(holds, "I9", || told("for somebody who has no controls"))?;
        let accepted = seen.decision.answer.as_ref().is_some_and(|answer| answer.verdict == Verdict::Accepted);
        require(accepted, "I1", || told("without an accepted question"))?;
        match (&seen.entry.event, step.consent(act), approved_by) {
            (Event::Asked { by: asker, command: Command::Act { step: of, act: asked, .. }, .. }, Consent::Alone, None) => {
                require(asker.who == *by && *of == step.id && *asked == act, "I1", || told("was not asked for"))
            }
            (Event::Asked { by: approver, command: Command::Approve { .. }, .. }, Consent::SecondPerson, Some(second)) => {
                require(approver.who == *second && second != by, "I9", || told("was approved by nobody else"))
            }
            _ => require(false, "I9", || told("is wanted by too few")),
        }
    }

    /// I11: on a fresh look, against its version, with what it needs, once.
    fn may(&self, seen: &Seen, step: &Step, act: Act, version: &Version) -> Check {
        let now = seen.after.now;
        let known = self.steps.get(&step.id).cloned().unwrap_or_default();
        let told = |what: &str| format!("{} {act:?} {what}: {known:?}", step.id);
        require(known.acting.is_none(), "I1", || told("while another act may still take effect"))?;
        let look = known.look.as_ref().filter(|(at, seq, _)| known.ended.is_none_or(|(end, by)| *at >= end && *seq > by));
        let Some((at, _, standing)) = look else { return require(false, "I11", || told("without a look since the last act")) };
        require(now.since(*at) <= FRESH, "I11", || told("on an old look"))?;
        let right = matches!((act, standing), (Act::Run, Standing::Apart { .. }) | (Act::Undo, Standing::Reached { .. }));
        require(right && standing.version() == Some(version), "I11", || told("against what nobody saw"))?;
        let goes_home = seen.before.routes.iter().any(|(_, route)| route.motion.is_returning());
        require(!goes_home, "I11", || told("while a route goes home"))?;
        for need in step.needs.iter().filter(|_| act == Act::Run) {
            let Need::Step(needed) = need else { continue };
            let met = self.steps.get(needed).is_some_and(|needed| needed.skipped || needed.is_reached(now));
            require(met, "I11", || told(&format!("without {needed}")))?;
        }
        Ok(())
    }
}

impl Known {
    fn is_reached(&self, now: Timestamp) -> bool {
        let fresh = self.look.as_ref().filter(|(at, _, _)| now.since(*at) <= FRESH);
        self.acting.is_none() && fresh.is_some_and(|(_, _, standing)| matches!(standing, Standing::Reached { .. }))
    }
}
