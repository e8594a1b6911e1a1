//! Going back, always: what a rollback leaves behind, and what it would find if somebody asked for it now (I2, I4, I10).

use cutover::{
    core::{
        command::Command,
        decision::{Cause, Effect, IssuedEffect, Verdict},
        event::{Asker, Entry, Event},
        state::{Motion, ReturnStage, RouteState, State},
        step::step,
    },
    domain::{
        id::{AskId, ClientId, Seq},
        role::Role,
        weight::Weights,
    },
    plan::model::Route,
};

use super::{Check, Seen, Stood, readings::causes, require, writing};

/// Causes beside the first that are kept.
const JOINED_MAX: usize = 16;

pub(super) fn look(seen: &Seen) -> Check {
    rollback_is_recorded(seen)?;
    for route in &seen.plan.routes {
        let Some(before) = seen.before.routes.get(&route.id) else { continue };
        latch_is_taken_off_by_a_reason(seen, route, before)?;
        arrives_only_at_home(seen, route, before)?;
    }
    restart_advances_nothing(seen)
}

/// I2, I10: a rollback that was asked for is taken, and its cause kept.
fn rollback_is_recorded(seen: &Seen) -> Check {
    let Event::Asked { by, command: Command::Rollback { route: of, reason }, .. } = &seen.entry.event else { return Ok(()) };
    let known = of.as_ref().is_none_or(|of| seen.plan.routes.iter().any(|route| route.id == *of));
    if by.role < Role::Operator || !known {
        return Ok(());
    }
    let verdict = seen.decision.answer.as_ref().map(|answer| &answer.verdict);
    require(matches!(verdict, Some(Verdict::Accepted | Verdict::Joined | Verdict::HomeAlready)), "I10", || {
        format!("a rollback was answered {verdict:?}")
    })?;
    let cause = Cause::Operator { who: by.who.clone(), reason: reason.clone(), approved_by: None };
    for route in seen.plan.routes.iter().filter(|route| of.as_ref().is_none_or(|of| *of == route.id)) {
        let state = &seen.after.routes[&route.id];
        let latch = state.latch.as_ref();
        let kept = latch.is_some_and(|latch| latch.joined.len() >= JOINED_MAX || causes(latch).any(|known| *known == cause));
        require(kept, "I2", || format!("{cause:?} is not among the causes of {latch:?}"))?;
        goes_or_is_there(seen.after, route, state)?;
    }
    Ok(())
}

/// Latched, nothing waits, and the way home is under way or over.
fn goes_or_is_there(after: &State, route: &Route, state: &RouteState) -> Check {
    let home = Weights::all_on(&route.home, route.backend_ids());
    let told = || format!("{} after a rollback: {state:?}", route.id);
    require(state.queued.is_none() && state.wanted.as_ref() == Some(&home), "I10", told)?;
    let there = state.accepted.as_ref().is_some_and(|accepted| accepted.weights == home);
    require(state.motion.is_returning() || there, "I10", told)?;
    let Motion::Returning(back) = &state.motion else { return Ok(()) };
    // It waits for something that is on its way, or for a moment that the core has named.
    let writes = writing(after).values().any(|of| *of == route.id);
    let reads = after.in_flight.values().any(|flight| flight.route.as_ref() == Some(&route.id));
    let waits = matches!(back.stage, ReturnStage::Retry { .. } | ReturnStage::Resolve { .. }) || state.read_again_at.is_some();
    require(writes || reads || waits, "I10", told)
}

fn latch_is_taken_off_by_a_reason(seen: &Seen, route: &Route, before: &Stood) -> Check {
    let after = &seen.after.routes[&route.id];
    if before.latch.is_none() || after.latch.is_some() {
        return Ok(());
    }
    let holder = seen.before.controls.holder.as_ref().map(|holder| holder.client);
    let by_reason = match &seen.entry.event {
        Event::Asked { by, command: Command::Rearm { route: of, reason }, .. } => {
            *of == route.id && !reason.as_str().trim().is_empty() && holder == Some(by.client)
        }
        _ => false,
    };
    require(by_reason && !before.motion.is_returning(), "I10", || format!("{} was unlatched by {:?}", route.id, seen.entry.event))
}

fn arrives_only_at_home(seen: &Seen, route: &Route, before: &Stood) -> Check {
    let after = &seen.after.routes[&route.id];
    if !before.motion.is_returning() || after.motion.is_returning() {
        return Ok(());
    }
    let home = Weights::all_on(&route.home, route.backend_ids());
    let there = after.accepted.as_ref().is_some_and(|accepted| accepted.weights == home);
    require(there, "I10", || format!("the rollback of {} ended at {:?}", route.id, after.accepted))
}

/// I4 (d): a host that came back writes nothing by itself, and has nothing left that would.
fn restart_advances_nothing(seen: &Seen) -> Check {
    if seen.entry.event != Event::Restarted {
        return Ok(());
    }
    let wrote = |effect: &&IssuedEffect| {
        matches!(effect.what, Effect::Write { .. } | Effect::Claim { .. } | Effect::Act { .. } | Effect::Inject { .. })
    };
    require(seen.decision.effects.iter().find(wrote).is_none(), "I4", || format!("after a restart: {:?}", seen.decision.effects))?;
    let after = seen.after;
    let idle = after.routes.values().all(|route| route.queued.is_none()) && after.controls.holder.is_none() && after.approvals.is_empty();
    require(idle, "I4", || "something waits that would move traffic after a restart".to_owned())?;
    // No write is forgotten: it may still take effect, and until that is settled it is a unresolved.
    for route in &seen.plan.routes {
        let lost = seen.before.writing.values().filter(|of| **of == route.id).count();
        let unresolved = after.routes[&route.id].unresolved.len();
        require(unresolved >= lost, "I4", || format!("{lost} writes of {} were under way, {unresolved} are remembered", route.id))?;
    }
    Ok(())
}

/// In this very state, on a copy. I6: a request to advance by an operator without the controls is refused, and changes nothing. I10: his
/// request for a rollback is taken.
pub(crate) fn what_if(state: &State) -> Check {
    let Some(opened) = &state.opened else { return Ok(()) };
    let by = Asker { client: ClientId(900), who: "eve".parse().expect("a name"), role: Role::Operator };
    let ask = |command: Command| {
        let event = Event::Asked { by: by.clone(), ask: AskId(1), key: None, command, credentials: None };
        Entry { seq: Seq(state.seq.0 + 1), at: state.now, event }
    };
    for route in &opened.plan.routes {
        let mut copy = state.clone();
        if let Some(from) = state.routes[&route.id].wanted.clone() {
            let entry = ask(Command::Shift { route: route.id.clone(), from, to: Weights::all_on(&route.target, route.backend_ids()) });
            let decision = step(&mut copy, &entry);
            let refused = decision.answer.as_ref().is_some_and(|answer| matches!(answer.verdict, Verdict::Refused(_)));
            require(refused, "I6", || format!("who has no controls was answered {:?}", decision.answer))?;
            let wrote = decision.effects.iter().any(|effect| matches!(effect.what, Effect::Write { .. }));
            require(!wrote, "I6", || format!("what was refused moves all the same: {:?}", decision.effects))?;
        }
        let before = super::Before::of(&copy);
        let entry = Entry { seq: Seq(copy.seq.0 + 1), ..ask(Command::Rollback { route: Some(route.id.clone()), reason: None }) };
        let decision = step(&mut copy, &entry);
        rollback_is_recorded(&Seen { plan: &opened.plan, before: &before, entry: &entry, decision: &decision, after: &copy })?;
    }
    Ok(())
}
