//! A session that Anna has begun over ssh, in a simulated world that runs beside it, and what is known of it without a cockpit.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use cutover::{
    core::{
        decision::{Effect, Transition},
        event::Event,
    },
    journal::{record::Body, walk::Whole},
};
use serde_json::Value;

use crate::{accounts::Who, machine::Machine, pty::Pty, world::World};

/// The plan gives a move two minutes to settle.
const SETTLES: Duration = Duration::from_secs(200);
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Drafts with `key` and asks for the draft; one key after the other, for both in one write would be a paste.
pub(crate) fn ask_for(cockpit: &mut Pty, key: &str, draft: &str) {
    cockpit.keys(key);
    cockpit.wait_for(draft);
    cockpit.keys("\r");
}

pub(crate) struct Flight {
    pub machine: Machine,
    pub world: World,
    pub session: String,
    journal: PathBuf,
}

impl Flight {
    /// Begun and settled at home; `None` where there can be no test over ssh.
    pub(crate) fn begin() -> Option<Flight> {
        let machine = Machine::start()?;
        let world = World::start(&machine.program());
        let opened = machine.ssh(Who::Anna, &["cutover", "open", &machine.plan(), &world.argument(), "--no-attach", "--no-restart"]);
        assert!(opened.status.success(), "{opened:?}");
        let session = String::from_utf8(opened.stdout).unwrap().trim().to_owned();
        let listed = machine.ssh(Who::Anna, &["cutover", "sessions", "--json"]);
        let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
        let journal = PathBuf::from(listed[0]["card"]["journal"].as_str().unwrap());
        let flight = Flight { machine, world, session, journal };
        flight.wait_until("the session can go back", |status| {
            let route = &status["routes"]["frontend"];
            route["motion"] == "settled" && route["against_going_back"].as_array().is_some_and(Vec::is_empty)
        });
        Some(flight)
    }

    /// As the one with the least rights sees it.
    pub(crate) fn status(&self) -> Value {
        let output = self.machine.ssh(Who::Eva, &["cutover", "status", "--json"]);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    pub(crate) fn wait_until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        self.wait_within(PATIENCE, what, holds)
    }

    pub(crate) fn wait_within(&self, patience: Duration, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + patience;
        loop {
            let status = self.status();
            if holds(&status) {
                return status;
            }
            assert!(Instant::now() < deadline, "not true yet: {what}; the status: {status:#}");
            std::thread::sleep(LOOK_EVERY);
        }
    }

    pub(crate) fn wait_for_controls(&self, who: Option<Who>) {
        let holder = who.map_or(Value::Null, |who| who.name().into());
        self.wait_until(&format!("the controls are with {holder}"), |status| status["controls"] == holder);
    }

    /// At the first step, settled: whoever steers `cockpit` has asked for it.
    pub(crate) fn step_out(&self, cockpit: &mut Pty) {
        ask_for(cockpit, "]", "draft 1%");
        self.wait_until("a step is on its way", |status| status["routes"]["frontend"]["wanted"]["gke"] == 0.01);
        self.wait_within(SETTLES, "the first step has settled", |status| status["routes"]["frontend"]["motion"] == "settled");
    }

    /// Everything that the journal holds by now.
    pub(crate) fn transitions(&self) -> Vec<Transition> {
        let records = Whole::<Transition>::open(&self.journal).expect("a journal").map_while(Result::ok);
        records.filter_map(|record| if let Body::Entry { payload, .. } = record.body { Some(payload) } else { None }).collect()
    }

    /// What anybody asked for, and what was done to the world.
    pub(crate) fn actions(&self) -> Vec<Transition> {
        let acts = |transition: &Transition| {
            let asked = matches!(transition.entry.event, Event::Asked { .. } | Event::Looked { .. });
            asked || transition.decision.effects.iter().any(|effect| matches!(effect.what, Effect::Write { .. } | Effect::Inject { .. }))
        };
        self.transitions().into_iter().filter(acts).collect()
    }
}
