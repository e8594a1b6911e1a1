//! Who is here, where they look, and what each may ask for.
//!
//! Presence never has an effect on the world. A watcher's only trace in the state is that he is here.

use std::collections::BTreeMap;

use crate::{
    core::{
        approval,
        command::{Command, Look},
        controls,
        decision::{Effect, Refusal, Verdict},
        event::{Asker, TerminalSize, WorldKind},
        news::News,
        state::{LookHere, Person, SAID_MAX, Said},
        turn::Turn,
    },
    domain::{
        credentials::Credentials,
        id::{ClientId, OperatorId, RouteId},
        role::Role,
        shown::Shown,
    },
};

/// Whether the asker's role allows the command at all.
pub(super) fn may(by: &Asker, command: &Command) -> Result<(), Refusal> {
    let allowed = match command {
        Command::Shift { .. }
        | Command::Rollback { .. }
        | Command::Hold { .. }
        | Command::Resume { .. }
        | Command::Rearm { .. }
        | Command::AdoptDrift { .. }
        | Command::TakeOver { .. }
        | Command::Sign { .. }
        | Command::Unsign { .. }
        | Command::Act { .. }
        | Command::Skip { .. }
        | Command::Controls(_)
        | Command::Withdraw { .. }
        | Command::Stop { .. }
        | Command::Inject { .. } => by.role.may_steer(),
        Command::Approve { .. } | Command::Deny { .. } | Command::Say { .. } | Command::LookHere { .. } => by.role.may_approve(),
    };
    if allowed { Ok(()) } else { Err(Refusal::Role { role: by.role }) }
}

pub(super) fn joined(turn: &mut Turn, client: ClientId, who: &OperatorId, role: Role, with: (Option<TerminalSize>, Option<&Credentials>)) {
    let (terminal, credentials) = with;
    let (joined_at, active_at) = (turn.now, turn.now);
    let person = Person {
        who: who.clone(),
        role,
        joined_at,
        active_at,
        terminal,
        credentials: credentials.cloned(),
        focus: None,
        drafts: BTreeMap::new(),
    };
    turn.state.people.insert(client, person);
    turn.tell(News::Joined { who: who.clone(), role, credentials: credentials.cloned().map(Box::new) });
}

pub(super) fn resized(turn: &mut Turn, client: ClientId, terminal: TerminalSize) {
    if let Some(person) = turn.state.people.get_mut(&client) {
        person.terminal = Some(terminal);
    }
}

pub(super) fn beat(turn: &mut Turn, client: ClientId) {
    controls::beat(turn, client);
}

pub(super) fn left(turn: &mut Turn, client: ClientId) {
    if let Some(person) = turn.state.people.remove(&client) {
        turn.tell(News::Left { who: person.who });
    }
    // Before the controls: who asks for approval holds them, and a request is void because its asker left, not because they are free.
    approval::asker_left(turn, client);
    controls::left(turn, client);
}

/// A person who asks is here and alive.
pub(super) fn active(turn: &mut Turn, by: &Asker) {
    let now = turn.now;
    if let Some(person) = turn.state.people.get_mut(&by.client) {
        person.active_at = now;
    }
    controls::beat(turn, by.client);
}

pub(super) fn looked(turn: &mut Turn, by: &Asker, look: &Look) {
    active(turn, by);
    let known = |id: &RouteId| turn.plan.routes.iter().any(|route| route.id == *id);
    let draft_known = match look {
        Look::Draft { route, .. } => known(route),
        Look::Focus { .. } | Look::Other { .. } => false,
    };
    let Some(person) = turn.state.people.get_mut(&by.client) else { return };
    match look {
        Look::Focus { pane } => person.focus = Some(pane.clone()),
        Look::Draft { route, to: Some(to) } if draft_known => {
            person.drafts.insert(route.clone(), to.clone());
        }
        Look::Draft { route, .. } => {
            person.drafts.remove(route);
        }
        Look::Other { .. } => {}
    }
}

pub(super) fn say(turn: &mut Turn, by: &Asker, text: &Shown) -> Result<Verdict, Refusal> {
    if text.as_str().trim().is_empty() {
        return Err(Refusal::Empty);
    }
    let said = Said { seq: turn.seq, client: by.client, by: by.who.clone(), text: text.clone(), at: turn.now };
    turn.state.said.push_back(said);
    while turn.state.said.len() > SAID_MAX {
        turn.state.said.pop_front();
    }
    turn.tell(News::Said { by: by.who.clone(), text: text.clone() });
    Ok(Verdict::Accepted)
}

pub(super) fn look_here(turn: &mut Turn, by: &Asker, pane: &Shown) -> Result<Verdict, Refusal> {
    turn.state.look_here = Some(LookHere { by: by.who.clone(), pane: pane.clone(), at: turn.now });
    turn.tell(News::LookHere { by: by.who.clone(), pane: pane.clone() });
    Ok(Verdict::Accepted)
}

/// Demo only: something happens to the simulated world.
pub(super) fn inject(turn: &mut Turn, inject: &Shown) -> Result<Verdict, Refusal> {
    match turn.world {
        WorldKind::Live => Err(Refusal::NotADemo),
        WorldKind::Demo { .. } => {
            turn.send(Effect::Inject { inject: inject.clone() });
            turn.tell(News::FaultInjected { fault: inject.clone() });
            Ok(Verdict::Accepted)
        }
    }
}
