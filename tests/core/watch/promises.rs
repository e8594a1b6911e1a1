//! I23: what `outlook` said would happen by itself happens, and nothing happens by itself that was not said.

use std::collections::BTreeMap;

use cutover::{
    core::{
        decision::Cause,
        outlook::{Outlook, Then, outlook},
        state::Latch,
    },
    domain::{id::TriggerId, time::Timestamp},
    plan::model::Trigger,
};

use super::{Check, Seen, readings::causes, require};

/// What was promised after the entry before.
#[derive(Debug, Default)]
pub struct Book {
    promised: BTreeMap<TriggerId, Outlook>,
}

impl Book {
    pub fn look(&mut self, seen: &Seen) -> Check {
        for trigger in &seen.plan.triggers {
            let now = outlook(seen.after, &trigger.id);
            self.was_promised(seen, trigger)?;
            kept(seen, trigger, now.as_ref())?;
            if let Some(now) = now {
                self.promised.insert(trigger.id.clone(), now);
            }
        }
        Ok(())
    }

    /// Whoever acts by itself had its clock on every screen before.
    fn was_promised(&self, seen: &Seen, trigger: &Trigger) -> Check {
        let latch = |latch: Option<&Latch>| latch.is_some_and(|latch| names(latch, &trigger.id));
        let Some(after) = seen.after.routes.get(&trigger.route) else { return Ok(()) };
        let before = seen.before.routes.get(&trigger.route);
        if !latch(after.latch.as_ref()) || latch(before.and_then(|route| route.latch.as_ref())) {
            return Ok(());
        }
        let promised = self.promised.get(&trigger.id);
        let told = matches!(promised, Some(Outlook::Running { .. } | Outlook::Blind { .. }));
        require(told, "I23", || format!("{} acted, and what was promised was {promised:?}", trigger.id))
    }
}

/// No promise to go home is overdue: at its time the trigger acts, or the promise is another one.
fn kept(seen: &Seen, trigger: &Trigger, now: Option<&Outlook>) -> Check {
    let due = |at: &Timestamp| seen.after.now >= *at;
    let overdue = match now {
        Some(Outlook::Running { acts_at, then: Then::GoesHome, .. }) => due(acts_at) && seen.after.triggers[&trigger.id].breaches >= 2,
        Some(Outlook::Blind { acts_at, then: Then::GoesHome, .. }) => due(acts_at),
        Some(
            Outlook::Running { .. }
            | Outlook::Unproven { .. }
            | Outlook::Blind { .. }
            | Outlook::Quiet
            | Outlook::Idle
            | Outlook::Fired { .. },
        )
        | None => false,
    };
    require(!overdue, "I23", || format!("{} should have acted: {now:?}", trigger.id))
}

fn names(latch: &Latch, trigger: &TriggerId) -> bool {
    causes(latch).any(|cause| match cause {
        Cause::Triggers(fired) => fired.iter().any(|fired| fired.trigger == *trigger),
        Cause::Blind { trigger: blind, .. } => blind == trigger,
        Cause::Operator { .. } | Cause::Adopted { .. } => false,
    })
}
