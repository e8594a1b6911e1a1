//! I23: what `outlook` said would happen by itself happens, and nothing happens by itself that was not said.

use cutover::{
    core::{
        decision::Cause,
        outlook::{DoorBreach, Outlook, Then, at_door, outlook},
        state::Latch,
        unjudged::Unjudged,
    },
    domain::{
        id::{RouteId, TriggerId},
        table::Table,
        time::{Millis, Timestamp},
    },
    plan::model::{Route, Trigger},
};

use super::{Check, Seen, readings::causes, require};

/// Two looks, and what a look may take.
const ARMS_WITHIN: Millis = Millis::from_secs(15);

/// What was promised after the entry before.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    promised: Table<TriggerId, Outlook>,
    at_door: Table<RouteId, Vec<DoorBreach>>,
}

impl Ledger {
    pub(super) fn look(&mut self, seen: &Seen) -> Check {
        for trigger in &seen.plan.triggers {
            let now = outlook(seen.after, &trigger.id);
            self.was_promised(seen, trigger)?;
            kept(seen, trigger, now.as_ref())?;
            arms(seen, trigger, now.as_ref())?;
            if let Some(now) = now {
                self.promised.insert(trigger.id.clone(), now);
            }
        }
        for route in &seen.plan.routes {
            self.door_was_promised(seen, route)?;
            let now = at_door(seen.after, &route.id);
            door_kept(seen, route, &now)?;
            self.at_door.insert(route.id.clone(), now);
        }
        Ok(())
    }

    /// What is met at the front door sends nobody home that had not been told of it.
    fn door_was_promised(&self, seen: &Seen, route: &Route) -> Check {
        let before = seen.before.routes.get(&route.id).and_then(|known| known.latch.as_ref());
        let after = seen.after.routes.get(&route.id).and_then(|known| known.latch.as_ref());
        let (Some(after), None) = (after, before) else { return Ok(()) };
        let (backend, unlike) = match &after.cause {
            Cause::FailingAtDoor { backend, .. } => (backend, false),
            Cause::UnlikeHome { backend, .. } => (backend, true),
            Cause::Operator { .. } | Cause::Adopted { .. } | Cause::Triggers(_) | Cause::Blind { .. } => return Ok(()),
        };
        let promised = self.at_door.get(&route.id);
        let told = promised.into_iter().flatten().any(|breach| {
            let running = matches!(&breach.outlook, Outlook::Running { .. });
            breach.backend == *backend && breach.unlike.is_some() == unlike && running
        });
        require(told, "I23", || format!("{:?} at the front door acted, and what was promised was {promised:?}", after.cause))
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
            | Outlook::Unjudged(_)
            | Outlook::Fired { .. }
            | Outlook::GoingHome,
        )
        | None => false,
    };
    require(!overdue, "I23", || format!("{} should have acted: {now:?}", trigger.id))
}

/// Whoever is said to be armed at a time judges with the next look or two, if the looks come.
fn arms(seen: &Seen, trigger: &Trigger, now: Option<&Outlook>) -> Check {
    let Some(Outlook::Unjudged(Unjudged { armed_at: Some(at), .. }) | Outlook::Unproven { armed_at: Some(at), .. }) = now else {
        return Ok(());
    };
    require(seen.after.now.since(*at) < ARMS_WITHIN, "I23", || format!("{} should be armed: {now:?}", trigger.id))
}

/// At its time a breach at the front door goes home with the next answer that speaks for it.
fn door_kept(seen: &Seen, route: &Route, now: &[DoorBreach]) -> Check {
    for breach in now {
        let Outlook::Running { acts_at, then: Then::GoesHome, since, .. } = &breach.outlook else { continue };
        let met = &seen.after.routes[&route.id].front_door.met[&breach.backend];
        let proof = if breach.unlike.is_some() { met.unlike.as_ref().map(|unlike| unlike.proof) } else { met.failing };
        let overdue = proof.is_some_and(|proof| proof.since == *since && proof.last >= *acts_at);
        require(!overdue, "I23", || format!("{} should have gone home: {breach:?}", route.id))?;
    }
    Ok(())
}

fn names(latch: &Latch, trigger: &TriggerId) -> bool {
    causes(latch).any(|cause| match cause {
        Cause::Triggers(fired) => fired.iter().any(|fired| fired.trigger == *trigger),
        Cause::Blind { trigger: blind, .. } => blind == trigger,
        Cause::Operator { .. } | Cause::Adopted { .. } | Cause::FailingAtDoor { .. } | Cause::UnlikeHome { .. } => false,
    })
}
