//! Who steers: one person at one terminal at a time, by an explicit act that everybody sees.
//!
//! Free controls are not given to anybody silently. Each grant has a number, and a wish made under an older one is void. The hold lasts
//! as long as the holder's terminal lives; when it falls silent for 15 s the controls are free. Nothing here stops a rollback.

use crate::{
    core::{
        approval,
        command::ControlsCommand,
        decision::{Refusal, Tone, Verdict},
        event::Asker,
        state::{HOLD_LASTS, Holder},
        turn::Turn,
    },
    domain::{
        id::{ClientId, OperatorId},
        role::Role,
        shown::Shown,
    },
};

/// Whether the asker, at this very terminal, has the controls.
pub(super) fn held_by(turn: &Turn, by: &Asker) -> Result<(), Refusal> {
    match &turn.state.controls.holder {
        Some(holder) if holder.client == by.client => Ok(()),
        Some(holder) => Err(Refusal::NoControls { holder: holder.who.clone() }),
        None => Err(Refusal::ControlsFree),
    }
}

pub(super) fn asked(turn: &mut Turn, by: &Asker, wish: &ControlsCommand) -> Result<Verdict, Refusal> {
    match wish {
        ControlsCommand::Take => take(turn, by),
        ControlsCommand::GiveUp => {
            held_by(turn, by)?;
            release(turn, &format!("{} gave up the controls", by.who), Tone::Plain);
            Ok(Verdict::Accepted)
        }
        ControlsCommand::AskFor => ask_for(turn, by),
        ControlsCommand::HandTo(who) => hand_to(turn, by, who),
    }
}

fn take(turn: &mut Turn, by: &Asker) -> Result<Verdict, Refusal> {
    let text = match &turn.state.controls.holder {
        None => format!("{} has the controls", by.who),
        Some(holder) if holder.client == by.client => return Err(Refusal::NoChange),
        Some(holder) if holder.who == by.who => format!("{} has the controls at another terminal now", by.who),
        Some(holder) if by.role == Role::Pilot => format!("{} took the controls from {}", by.who, holder.who),
        Some(holder) => return Err(Refusal::ControlsHeld { who: holder.who.clone() }),
    };
    grant(turn, by.client, &by.who, &text);
    Ok(Verdict::Accepted)
}

fn ask_for(turn: &mut Turn, by: &Asker) -> Result<Verdict, Refusal> {
    match &turn.state.controls.holder {
        None => return Err(Refusal::ControlsFree),
        Some(holder) if holder.client == by.client => return Err(Refusal::NoChange),
        Some(_) => {}
    }
    if !turn.state.controls.asked_by.contains(&by.who) {
        turn.state.controls.asked_by.push(by.who.clone());
    }
    turn.note(Tone::Warning, format!("{} asks for the controls", by.who));
    Ok(Verdict::Accepted)
}

fn hand_to(turn: &mut Turn, by: &Asker, who: &OperatorId) -> Result<Verdict, Refusal> {
    held_by(turn, by)?;
    if *who == by.who {
        return Err(Refusal::NoChange);
    }
    let able = turn.state.people.iter().filter(|(_, person)| person.who == *who && person.role.may_steer());
    let client = able.max_by_key(|(client, person)| (person.active_at, **client)).map(|(client, _)| *client);
    let client = client.ok_or_else(|| Refusal::NoSuch { what: Shown::new("operator here") })?;
    grant(turn, client, who, &format!("{} handed the controls to {who}", by.who));
    Ok(Verdict::Accepted)
}

fn grant(turn: &mut Turn, client: ClientId, who: &OperatorId, text: &str) {
    let now = turn.now;
    let controls = &mut turn.state.controls;
    controls.epoch = controls.epoch.saturating_add(1);
    controls.asked_by.retain(|asker| asker != who);
    controls.holder = Some(Holder { client, who: who.clone(), since: now, beat_at: now });
    turn.note(Tone::Plain, text);
    drop_wishes(turn);
}

fn release(turn: &mut Turn, text: &str, tone: Tone) {
    turn.state.controls.holder = None;
    // Whoever asked, asked the holder. Free controls are taken, not waited for.
    turn.state.controls.asked_by.clear();
    turn.note(tone, text);
    drop_wishes(turn);
}

/// What was asked for under controls that have passed on is void.
fn drop_wishes(turn: &mut Turn) {
    for route in &turn.plan.routes {
        if let Some(wish) = turn.route_mut(route).queued.take() {
            turn.note(Tone::Warning, format!("the queued move of {} to {} was dropped with the controls", route.id, wish.to));
        }
    }
    approval::void_all(turn, "the controls passed on");
}

/// The holder's terminal lives.
pub(super) fn beat(turn: &mut Turn, client: ClientId) {
    let now = turn.now;
    if let Some(holder) = turn.state.controls.holder.as_mut().filter(|holder| holder.client == client) {
        holder.beat_at = now;
    }
}

/// Frees the controls of a terminal that is gone, and forgets that somebody who is gone asked for them.
pub(super) fn left(turn: &mut Turn, client: ClientId) {
    let people = &turn.state.people;
    turn.state.controls.asked_by.retain(|asker| people.values().any(|person| person.who == *asker));
    if let Some(holder) = turn.state.controls.holder.clone().filter(|holder| holder.client == client) {
        release(turn, &format!("{} left with the controls; they are free", holder.who), Tone::Warning);
    }
}

pub(super) fn expire(turn: &mut Turn) {
    let (now, lasts) = (turn.now, turn.world.of_people(HOLD_LASTS));
    if let Some(holder) = turn.state.controls.holder.clone().filter(|holder| now.since(holder.beat_at) >= lasts) {
        release(turn, &format!("{} has been silent for {lasts}; the controls are free", holder.who), Tone::Warning);
    }
}
