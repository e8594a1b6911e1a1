//! The fold itself: one entry in, the next state and a decision out.
//!
//! Each entry goes the same way: the clock, what has expired, what happened, and then every rule that time alone can bring to act, in
//! one fixed order: expiries, the record, readings, readiness, triggers, drift, going home, motion, the queue, the checklist, the charts. An alarm
//! may come seldom, so no rule waits for one.

use crate::{
    core::{
        alone, approval, assurance, at_door, checklist, clock,
        command::Command,
        controls,
        decision::{Answer, Decision, Refusal, Verdict},
        drift, ending,
        event::{Asker, Entry, Event},
        history, latch, loss, motion,
        news::News,
        observe, people, readiness,
        reason::Void,
        record, restart, rollback, roster,
        runbook::{self, Wanted},
        standstill,
        state::{State, Terms},
        steer, traffic, trigger,
        turn::Turn,
    },
    domain::{digest::Digest, id::AskId},
};

/// Applies `entry` to `state` and says what follows from it.
pub fn step(state: &mut State, entry: &Entry) -> Decision {
    let earlier = state.now;
    if state.opened.is_none() {
        state.now = entry.at;
    } else {
        clock::advance(state, entry.at);
    }
    state.seq = entry.seq;
    if let Event::Opened { session, plan, world } = &entry.event
        && state.opened.is_none()
    {
        restart::open(state, session, plan, *world);
    }
    if let Event::StoodStill { since } = &entry.event {
        standstill::discount(state, *since);
    }
    let Some(mut opened) = state.opened.take() else {
        return unopened(&entry.event);
    };
    if entry.event == Event::Restarted {
        opened.restarts = opened.restarts.saturating_add(1);
    }
    let mut turn = Turn::new(&opened, state, entry.at, earlier);
    // Before it happens: a word that comes too late must not revive what ended in the silence before it. What a host that died left
    // open is void for that, however long it was away.
    if entry.event == Event::Restarted {
        approval::void_all(&mut turn, Void::HostRestarted);
    }
    expire(&mut turn);
    happen(&mut turn, &entry.event);
    // What follows by itself is nobody's doing.
    turn.who = None;
    follow(&mut turn);
    let decision = turn.finish(&entry.event);
    state.opened = Some(opened);
    decision
}

/// Before the first entry there is nothing to decide on; a question still gets its answer.
fn unopened(event: &Event) -> Decision {
    let answer = match event {
        Event::Asked { by, ask, .. } => Some(Answer { client: by.client, ask: *ask, verdict: Verdict::Refused(Refusal::NotOpen) }),
        Event::Opened { .. }
        | Event::Restarted
        | Event::StoodStill { .. }
        | Event::TakenOver { .. }
        | Event::Looked { .. }
        | Event::Observed(_)
        | Event::Finished { .. }
        | Event::Taken { .. }
        | Event::Rang(_)
        | Event::Record(_)
        | Event::Joined { .. }
        | Event::Resized { .. }
        | Event::Beat { .. }
        | Event::Left { .. }
        | Event::Hosted(_)
        | Event::Roster(_)
        | Event::TurnedAway(_)
        | Event::SupervisorGone { .. } => None,
    };
    Decision { answer, ..Decision::default() }
}

fn happen(turn: &mut Turn, event: &Event) {
    match event {
        Event::Opened { .. } => turn.tell(News::SessionOpened),
        Event::Restarted => restart::restarted(turn),
        Event::StoodStill { since } => standstill::is_over(turn, *since),
        Event::TakenOver { from, to, .. } => restart::taken_over(turn, *from, *to),
        Event::Asked { by, ask, command, .. } => {
            assess(turn);
            turn.who = Some(by.who.clone());
            people::active(turn, by);
            let verdict = answer(turn, by, *ask, command).unwrap_or_else(Verdict::Refused);
            turn.decision_mut().answer = Some(Answer { client: by.client, ask: *ask, verdict });
        }
        Event::Looked { by, look, .. } => people::looked(turn, by, look),
        Event::Observed(observation) => observe::observed(turn, observation),
        Event::Finished { effect, outcome, .. } => motion::finished(turn, *effect, outcome),
        Event::Taken { effect, operation } => motion::taken(turn, *effect, operation),
        // Every rule looks at the time on every entry; an alarm only makes sure that there is one.
        Event::Rang(_) => {}
        Event::Record(change) => record::changed(turn, change),
        Event::Joined { client, who, role, terminal, credentials } => {
            people::joined(turn, *client, who, *role, (*terminal, credentials.as_deref()));
        }
        Event::Resized { client, terminal } => people::resized(turn, *client, *terminal),
        Event::Beat { client } => people::beat(turn, *client),
        Event::Left { client } => people::left(turn, *client),
        Event::Hosted(hosted) => steer::hosted(turn, hosted),
        Event::Roster(read) => roster::read(turn, read),
        Event::TurnedAway(turned) => turn.tell(News::TurnedAway(turned.clone())),
        Event::SupervisorGone { process } => alone::supervisor_gone(turn, *process),
    }
}

fn answer(turn: &mut Turn, by: &Asker, ask: AskId, command: &Command) -> Result<Verdict, Refusal> {
    people::may(by, command)?;
    record::may(turn.state, command)?;
    match command {
        Command::Shift { route, from, to } => traffic::shift(turn, by, ask, route, (from, to)),
        Command::Rollback { route, reason } => rollback::asked(turn, by, route.as_ref(), reason.as_ref()),
        Command::Hold { route } => traffic::hold(turn, by, route),
        Command::Resume { route } => traffic::resume(turn, by, route),
        Command::Rearm { route, reason } => latch::rearm(turn, by, route, reason),
        Command::AdoptDrift { route, found } => drift::adopt(turn, by, route, found),
        Command::TakeOver { route, from, reason } => steer::take_over(turn, by, route, (from.as_deref(), reason)),
        Command::Controls(pending) => controls::asked(turn, by, pending),
        Command::Sign { item, note } => checklist::sign(turn, by, item, note),
        Command::Unsign { item } => checklist::unsign(turn, by, item),
        Command::Act { step, act, version, named } => {
            runbook::run(turn, by, ask, Wanted { step, act: *act, version, named: named.as_ref() })
        }
        Command::Skip { step, reason } => runbook::skip(turn, by, step, reason),
        Command::Approve { digest } => approve(turn, by, digest),
        Command::Deny { digest, reason } => approval::deny(turn, by, digest, reason.as_ref()),
        Command::Withdraw { digest } => approval::withdraw(turn, by, digest),
        Command::Say { text } => people::say(turn, by, text),
        Command::LookHere { pane } => people::look_here(turn, by, pane),
        Command::Stop { abandon } => ending::stop(turn, by, abandon),
        Command::Inject { inject } => people::inject(turn, inject),
    }
}

/// Takes what `by` approves and starts it, after everything has been examined once more.
fn approve(turn: &mut Turn, by: &Asker, digest: &Digest) -> Result<Verdict, Refusal> {
    let approval = approval::take(turn, by, digest)?;
    let started = match &approval.terms {
        Terms::Shift(terms) => traffic::approved(turn, approval.pending(terms), &terms.route, by),
        Terms::Step(terms) => runbook::approved(turn, &approval.by, terms, &by.who),
    };
    if let Err(refusal) = &started {
        approval::not_started(turn, by, refusal);
    }
    started
}

fn follow(turn: &mut Turn) {
    expire(turn);
    record::watch(turn);
    assess(turn);
    loss::watch(turn);
    trigger::fire(turn);
    for route in &turn.plan.routes {
        at_door::fire(turn, route);
        drift::watch(turn, route);
        rollback::drive(turn, route);
        motion::follow(turn, route);
        steer::follow(turn, route);
        traffic::start_queued(turn, route);
        motion::read_if_due(turn, route);
        assurance::watch(turn, route);
    }
    runbook::follow(turn);
    checklist::review(turn);
    history::record(turn);
}

fn expire(turn: &mut Turn) {
    controls::expire(turn);
    approval::expire(turn);
}

/// What the newest readings mean at this instant.
fn assess(turn: &mut Turn) {
    trigger::read(turn);
    for route in &turn.plan.routes {
        readiness::weigh(turn, route);
    }
}
