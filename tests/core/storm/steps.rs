//! Steps of a night: looks at their things, what people do with them, and acts on their way.

use cutover::{
    core::{
        command::Command,
        runbook::{Doing, Stage, stage},
    },
    domain::{
        fact::{Fact, Observation},
        fault::{Fault, FaultKind, Outcome, Version},
        id::{EffectId, StepId},
        shown::Shown,
        standing::Act,
        time::{Millis, Timestamp},
    },
    plan::model::Plan,
    sim::faults::{Api, Trouble},
};

use super::{
    network::WRITE_DEADLINE,
    night::Night,
    thing::{Happening, Thing},
};
use crate::watch::{Check, require};

/// What the plan of a night wants done beside moving traffic.
pub(crate) const STEPS: &str = r#"    to: 0%
    steps:
      - { name: standby, title: A standby, sql_high_availability: { instance: hexproperty-prod }, patience: 2m }
      - name: backup
        title: A backup
        sql_backup: { instance: hexproperty-prod, younger_than: 24h }
        needs: [{ step: standby }]
        consent: second_person
        patience: 2m
"#;

/// Between two looks at a thing.
const EVERY: Millis = Millis::from_secs(10);

#[derive(Debug, Default)]
pub(crate) struct Steps {
    pub things: Vec<Thing>,
    due: Timestamp,
}

impl Steps {
    pub(crate) fn of(plan: &Plan) -> Steps {
        Steps { things: plan.steps().map(|step| Thing::new(step.id.as_str())).collect(), due: Timestamp(0) }
    }
}

impl Night {
    /// The vendor works on, and what is due is looked at.
    pub(crate) fn sense_steps(&mut self) -> Check {
        if self.now < self.senses.steps.due {
            return Ok(());
        }
        self.senses.steps.due = self.now + EVERY;
        self.late_acts();
        for place in 0..self.senses.steps.things.len() {
            let happening = match self.random.index(20) {
                0 => Some(Happening::Fails),
                1..8 => Some(Happening::Ends),
                8 => Some(Happening::Others(self.random.chance(0.5))),
                9 => Some(Happening::OthersWork(self.random.chance(0.5))),
                _ => None,
            };
            let foul = self.world.conditions.trouble(self.now.0, Api::Sql);
            let thing = &mut self.senses.steps.things[place];
            if let Some(happening) = happening {
                thing.happen(happening);
            }
            let unwell = |kind| Err(Fault::new(kind, "the API is not well"));
            let result = match foul {
                None | Some(Trouble::ReadOnly | Trouble::Slow { .. } | Trouble::OldReads { .. }) => {
                    Ok(vec![Fact::Step { step: thing.step.clone(), standing: thing.look() }])
                }
                Some(Trouble::Unavailable | Trouble::ReadsThrottled) => unwell(FaultKind::Unavailable),
                Some(Trouble::LostReplies | Trouble::HalfOpen | Trouble::ReadsHang | Trouble::DeadConnections) => {
                    unwell(FaultKind::TimedOut)
                }
            };
            let source = format!("step/{}", thing.step).parse().expect("a name");
            let seen = Observation { source, asked_at: self.now, stale_after: Millis(EVERY.0 * 3), result };
            self.happen(cutover::core::event::Event::Observed(seen))?;
        }
        Ok(())
    }

    /// What a pilot wants done with a step, now and then.
    pub(crate) fn pilot_wants_a_step(&mut self) -> Option<Command> {
        let steps: Vec<_> = self.plan.steps().collect();
        let step = (*steps.get(self.random.index(steps.len().max(1)))?).clone();
        let known = self.state.steps.get(&step.id)?;
        let version = known.seen.as_ref()?.standing.version()?.clone();
        let act = match stage(&self.state, &step) {
            Stage::Reached { .. } if self.random.chance(0.2) => Act::Undo,
            Stage::Waiting { .. } if self.random.chance(0.1) => {
                return Some(Command::Skip { step: step.id, reason: Shown::new("by hand") });
            }
            _ => Act::Run,
        };
        Some(Command::Act { step: step.id, act, version, named: None })
    }

    pub(crate) fn send_act(&mut self, effect: EffectId, step: &StepId, act: Act, version: Version) -> Check {
        let on_the_way = Millis(20 + self.random.index(400) as u64);
        let foul = self.world.conditions.trouble(self.now.0, Api::Sql);
        let lost = self.random.chance(0.5);
        let later = self.random.chance(0.5);
        self.has_intent(effect)?;
        let thing = self.senses.steps.things.iter_mut().find(|thing| thing.step == *step).expect("a step of the plan");
        let unknown = |kind| Outcome::Unknown(Fault::new(kind, "no answer"));
        let (after, outcome) = match foul {
            None | Some(Trouble::ReadsThrottled | Trouble::ReadsHang | Trouble::OldReads { .. }) => {
                (on_the_way, thing.take(effect, act, &version))
            }
            Some(Trouble::Unavailable) => (on_the_way, Outcome::NotDone(Fault::new(FaultKind::Unavailable, "503"))),
            Some(Trouble::ReadOnly) => (on_the_way, Outcome::NotDone(Fault::new(FaultKind::Forbidden, "403"))),
            Some(Trouble::LostReplies | Trouble::Slow { .. }) => {
                thing.take(effect, act, &version);
                (WRITE_DEADLINE, unknown(FaultKind::Broken))
            }
            // It arrives, or never does, or much later.
            Some(Trouble::HalfOpen | Trouble::DeadConnections) => {
                match (lost, later) {
                    (true, _) => {}
                    (false, false) => _ = thing.take(effect, act, &version),
                    (false, true) => thing.leave_open(effect, act, version),
                }
                (WRITE_DEADLINE, unknown(FaultKind::TimedOut))
            }
        };
        self.finish(after, effect, outcome);
        Ok(())
    }

    /// What was sent long ago arrives after all.
    fn late_acts(&mut self) {
        let land = self.random.chance(0.2);
        for thing in self.senses.steps.things.iter_mut().filter(|_| land) {
            thing.land(0);
        }
    }

    /// No act is followed for ever, and none was taken up twice.
    pub(crate) fn steps_rest(&self) -> Check {
        let twice = self.senses.steps.things.iter().find(|thing| thing.twice.is_some());
        require(twice.is_none(), "I1", || format!("{twice:?}"))?;
        let followed = self.state.steps.iter().find(|(_, known)| matches!(known.doing, Doing::Acting { .. } | Doing::Resolving { .. }));
        require(followed.is_none(), "I19", || format!("after the calm: {followed:?}"))
    }
}
