//! What the plan wants done before a rung of the ladder.

use cutover::{
    core::{
        command::{Command, ControlsCommand},
        decision::{Refusal, Verdict},
        outlook::{Preview, preview},
        reason::Undone,
        state::State,
    },
    domain::{id::ItemId, time::Millis, weight::PerMille},
    plan::model::{Gate, Item, Plan, Proof, Stage},
};

use crate::session::{Session, ana, plan, refused, route, split};

fn item(name: &str) -> ItemId {
    name.parse().unwrap()
}

fn share(share: u16) -> PerMille {
    PerMille::new(share).unwrap()
}

/// 25 % needs a load test, 50 % a backup as well.
fn gated() -> Plan {
    let mut plan = plan();
    let line = |name: &str| Item {
        id: item(name),
        stage: Stage::PreMigration,
        title: name.into(),
        proof: Proof::Signed,
        expires: Millis::from_mins(60),
    };
    plan.checklist = vec![line("load-test"), line("backup")];
    let gate = |above, needs: &str| Gate { above: share(above), needs: vec![item(needs)] };
    plan.routes[0].gates = vec![gate(50, "load-test"), gate(250, "backup")];
    plan
}

fn sign(session: &mut Session, name: &str) {
    let note = "seen with my own eyes".into();
    assert_eq!(session.ask(&ana(), Command::Sign { item: item(name), note }), Verdict::Accepted);
}

fn open(most: u16, lines: &[(&str, Undone)]) -> Refusal {
    Refusal::LinesOpen { most: share(most), open: lines.iter().map(|(name, how)| (item(name), *how)).collect() }
}

fn foretold(state: &State, to: u16) -> Option<Preview> {
    preview(state, Some(ana().client), &route(), &split(to))
}

#[test]
fn a_rung_that_needs_a_line_is_not_climbed_to_without_it() {
    let mut session = Session::with(gated(), 50);
    let why = open(50, &[("load-test", Undone::Open)]);
    assert_eq!(foretold(&session.state, 250), Some(Preview::Refused(why.clone())));
    assert_eq!(refused(session.shift(50, 250)), why);
    assert_eq!(refused(session.shift(50, 51)), why, "it is the way to the rung that is barred, not the rung alone");
    assert_eq!(session.writes(), []);
    sign(&mut session, "load-test");
    assert_eq!(foretold(&session.state, 250), Some(Preview::Moves));
    assert_eq!(session.shift(50, 250), Verdict::Accepted);
}

#[test]
fn every_gate_that_a_move_passes_counts_and_going_back_passes_none() {
    let mut session = Session::with(gated(), 250);
    let both = open(50, &[("load-test", Undone::Open), ("backup", Undone::Open)]);
    assert_eq!(refused(session.shift(250, 500)), both);
    sign(&mut session, "load-test");
    assert_eq!(refused(session.shift(250, 500)), open(250, &[("backup", Undone::Open)]));
    assert_eq!(session.ask(&ana(), Command::Unsign { item: item("load-test") }), Verdict::Accepted);
    assert_eq!(session.shift(250, 100), Verdict::Accepted, "towards home nothing is asked for");
}

#[test]
fn a_signature_that_is_too_old_is_none() {
    let mut session = Session::with(gated(), 50);
    sign(&mut session, "load-test");
    session.now = session.now + Millis::from_mins(61);
    session.calm(31);
    assert_eq!(session.ask(&ana(), Command::Controls(ControlsCommand::Take)), Verdict::Accepted, "an hour of silence has freed them");
    assert_eq!(refused(session.shift(50, 250)), open(50, &[("load-test", Undone::Expired)]));
}

/// A large step is asked for, its line is taken back, and then a second person approves: what was examined is examined again.
#[test]
fn a_line_that_is_taken_back_stops_what_is_approved_after_it() {
    let mut plan = gated();
    plan.routes[0].step_max = share(100);
    let mut session = Session::with(plan, 50);
    sign(&mut session, "load-test");
    let Verdict::NeedsApproval { digest } = session.shift(50, 250) else { panic!("a large step needs a second person") };
    assert_eq!(session.ask(&ana(), Command::Unsign { item: item("load-test") }), Verdict::Accepted);
    let answer = session.ask(&crate::session::ben(), Command::Approve { digest });
    assert_eq!(refused(answer), open(50, &[("load-test", Undone::Open)]));
    assert_eq!(session.writes(), []);
}
