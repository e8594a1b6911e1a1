//! Who steers: one person at one terminal at a time, by an explicit act that everybody sees.
//!
//! Free controls are not given to anybody silently. Each grant has a number, and a request made under an older one is void. The hold lasts
//! as long as the holder's terminal lives; when it falls silent for 15 s the controls are free. Nothing here stops a rollback.

use crate::{
    core::{
        approval,
        command::ControlsCommand,
        decision::{Refusal, Verdict},
        event::Asker,
        news::{Freed, News, Taking},
        reason::{Drop, Missing, Void},
        state::{HOLD_LASTS, Holder, State},
        turn::Turn,
    },
    domain::{
        id::{ClientId, OperatorId},
        role::Role,
    },
};

/// Whether the asker, at this very terminal, has the controls.
pub(super) fn held_by(turn: &Turn, by: &Asker) -> Result<(), Refusal> {
    match &turn.state.controls.holder {
        Some(holder) if holder.client == by.client => Ok(()),
        Some(_) | None => Err(refusal(turn.state)),
    }
}

/// What somebody without the controls is told.
pub(super) fn refusal(state: &State) -> Refusal {
    match &state.controls.holder {
        Some(holder) => Refusal::NoControls { holder: holder.who.clone() },
        None => Refusal::ControlsFree,
    }
}

pub(super) fn asked(turn: &mut Turn, by: &Asker, pending: &ControlsCommand) -> Result<Verdict, Refusal> {
    match pending {
        ControlsCommand::Take => take(turn, by),
        ControlsCommand::GiveUp => {
            held_by(turn, by)?;
            release(turn, by.who.clone(), Freed::GivenUp);
            Ok(Verdict::Accepted)
        }
        ControlsCommand::AskFor => ask_for(turn, by),
        ControlsCommand::HandTo(who) => hand_to(turn, by, who),
    }
}

fn take(turn: &mut Turn, by: &Asker) -> Result<Verdict, Refusal> {
    let how = match &turn.state.controls.holder {
        None => Taking::WereFree,
        Some(holder) if holder.client == by.client => return Err(Refusal::NoChange),
        Some(holder) if holder.who == by.who => Taking::OtherTerminal,
        Some(holder) if by.role == Role::Pilot => Taking::From(holder.who.clone()),
        Some(holder) => return Err(Refusal::ControlsHeld { who: holder.who.clone() }),
    };
    grant(turn, by.client, &by.who, News::ControlsTaken { by: by.who.clone(), how });
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
    turn.tell(News::ControlsAsked { by: by.who.clone() });
    Ok(Verdict::Accepted)
}

fn hand_to(turn: &mut Turn, by: &Asker, who: &OperatorId) -> Result<Verdict, Refusal> {
    held_by(turn, by)?;
    if *who == by.who {
        return Err(Refusal::NoChange);
    }
    let able = turn.state.people.iter().filter(|(_, person)| person.who == *who && person.role.may_steer());
    let client = able.max_by_key(|(client, person)| (person.active_at, **client)).map(|(client, _)| *client);
    let client = client.ok_or(Refusal::Missing(Missing::OperatorHere))?;
    grant(turn, client, who, News::ControlsHanded { from: by.who.clone(), to: who.clone() });
    Ok(Verdict::Accepted)
}

fn grant(turn: &mut Turn, client: ClientId, who: &OperatorId, news: News) {
    let now = turn.now;
    let controls = &mut turn.state.controls;
    controls.epoch = controls.epoch.saturating_add(1);
    controls.asked_by.retain(|asker| asker != who);
    controls.holder = Some(Holder { client, who: who.clone(), since: now, beat_at: now });
    turn.tell(news);
    drop_wishes(turn);
}

fn release(turn: &mut Turn, from: OperatorId, why: Freed) {
    turn.state.controls.holder = None;
    // Whoever asked, asked the holder. Free controls are taken, not waited for.
    turn.state.controls.asked_by.clear();
    turn.tell(News::ControlsFree { from, why });
    drop_wishes(turn);
}

/// What was asked for under controls that have passed on is void.
fn drop_wishes(turn: &mut Turn) {
    for route in &turn.plan.routes {
        if let Some(pending) = turn.route_mut(route).queued.take() {
            turn.tell(News::QueuedDropped { route: route.id.clone(), to: pending.to, why: Drop::ControlsPassed });
        }
    }
    approval::void_all(turn, Void::ControlsPassed);
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
        release(turn, holder.who, Freed::HolderLeft);
    }
}

pub(super) fn expire(turn: &mut Turn) {
    let (now, lasts) = (turn.now, turn.world.of_people(HOLD_LASTS));
    let silent = |holder: &&Holder| now.since(holder.beat_at) >= lasts;
    if let Some(holder) = turn.state.controls.holder.as_ref().filter(silent).cloned() {
        release(turn, holder.who, Freed::HolderSilent { after: lasts });
    }
}
