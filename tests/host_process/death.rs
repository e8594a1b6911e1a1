//! How a host ends, and what the next one makes of it.

use cutover::core::{
    command::Command,
    decision::{Effect, Transition},
    event::Event,
};

use crate::account::{Account, wait_until};

fn writes(transitions: &[Transition]) -> usize {
    transitions
        .iter()
        .flat_map(|transition| &transition.decision.effects)
        .filter(|effect| matches!(effect.what, Effect::Write { .. }))
        .count()
}

/// Whatever words the notice uses: it is there while the host can't be reached, and gone afterwards.
fn is_cut_off(screen: &str) -> bool {
    let screen = screen.to_lowercase();
    ["not connected", "reconnect", "trying again", "can't be reached"].iter().any(|words| screen.contains(words))
}

#[test]
fn a_host_killed_in_mid_move_is_taken_up_again_and_nothing_advances_by_itself() {
    let account = Account::new();
    let session = account.open();
    let mut cockpit = account.cockpit_that_steps_out();
    wait_until("the intent is on disk", || (writes(&account.transitions()) == 1).then_some(()));
    account.signal("-KILL");

    cockpit.wait_until("the cockpit says that it is cut off", is_cut_off);
    let card = account.card().unwrap();
    assert_eq!(card["life"], "dead");
    for words in [&["status"][..], &["rollback"], &["attach"]] {
        let code = account.run(words).status.code();
        assert!(matches!(code, Some(7 | 2)), "{words:?} says that nobody is there: {code:?}");
    }

    assert_eq!(account.open(), session, "the same session, where its journal ends");
    cockpit.wait_until("the cockpit is back by itself", |screen| !is_cut_off(screen));
    let resolved = account.wait_until("the world was read", |status| {
        let motion = &status["routes"]["frontend"]["motion"];
        motion != "unread" && motion != "writing" && motion != "resolving"
    });
    let accepted = resolved["routes"]["frontend"]["accepted"]["gke"].as_f64();
    assert!(accepted == Some(0.0) || accepted == Some(0.01), "the write took effect, or it did not: {accepted:?}");
    assert_eq!(resolved["controls"], serde_json::Value::Null, "nobody steers until somebody takes the controls again");
    let transitions = account.transitions();
    assert_eq!(writes(&transitions), 1, "the write was not sent a second time");
    assert_eq!(transitions.iter().filter(|transition| transition.entry.event == Event::Restarted).count(), 1);

    // Whoever holds the same cockpit goes on with it.
    cockpit.keys("c");
    account.wait_until("the controls are taken again", |status| !status["controls"].is_null());
    // Accepted is at once; until it is seen as well, the command ends with 8.
    let home = account.run(&["rollback", "--wait", "5"]);
    assert!(matches!(home.status.code(), Some(0 | 8)), "{home:?}");
    assert_eq!(account.status()["routes"]["frontend"]["accepted"]["gke"], 0.0);
    let proof = account.run(&["audit", "verify", account.journal().to_str().unwrap()]);
    assert!(proof.status.success(), "one chain over both lives: {proof:?}");
    cockpit.keys("q");
    assert!(cockpit.ended().success());
}

#[test]
fn a_host_that_is_told_to_go_leaves_its_session_to_the_next_one() {
    let account = Account::new();
    let session = account.open();
    account.wait_until_ready();
    let cockpit = account.cockpit();
    cockpit.wait_for("HexProperty");
    let first = account.host_pid();
    account.signal("-HUP");
    account.wait_until("a hang-up means nothing", |status| status["session"] == session.as_str());
    assert_eq!(account.host_pid(), first);

    account.signal("-TERM");
    cockpit.wait_until("the cockpit says that it is cut off", is_cut_off);
    wait_until("the host has gone", || account.card().is_none().then_some(()));
    let before = account.transitions();
    assert_eq!(account.open(), session);
    assert_ne!(account.host_pid(), first);
    cockpit.wait_until("the cockpit is back by itself", |screen| !is_cut_off(screen));
    let after = account.transitions();
    assert_eq!(after[..before.len()], before[..], "its journal goes on where it ended");
    assert!(after[before.len()..].iter().any(|transition| transition.entry.event == Event::Restarted));
}

#[test]
fn two_who_open_the_same_plan_at_once_meet_in_one_session() {
    let account = Account::new();
    let openings: Vec<_> = (0..4).map(|_| account.opening().stdout(std::process::Stdio::piped()).spawn().unwrap()).collect();
    let names: Vec<String> = openings
        .into_iter()
        .map(|opening| {
            let output = opening.wait_with_output().unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        })
        .collect();
    assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
    let opened = account.transitions().into_iter().filter(|transition| matches!(transition.entry.event, Event::Opened { .. }));
    assert_eq!(opened.count(), 1);
}

#[test]
fn a_session_whose_traffic_moves_is_not_stopped_by_the_way() {
    let account = Account::new();
    let session = account.open();
    let cockpit = account.cockpit_that_steps_out();
    account.wait_until("a step is on its way", |status| status["routes"]["frontend"]["wanted"]["gke"] == 0.01);
    let refused = account.run(&["stop", &session]);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--abandon frontend"), "{refused:?}");
    let asked = account
        .transitions()
        .into_iter()
        .filter(|transition| matches!(&transition.entry.event, Event::Asked { command: Command::Shift { .. }, .. }));
    assert_eq!(asked.count(), 1);
    let stopped = account.run(&["stop", &session, "--abandon", "frontend"]);
    assert!(stopped.status.success(), "{stopped:?}");
    cockpit.wait_until("everybody is told", |screen| screen.contains("the session was stopped by "));
    assert!(account.card().is_none());
    let told = String::from_utf8(account.run(&["audit", "show", &session, "--transitions", "--grep", "cutover stop"]).stdout).unwrap();
    let asked: Vec<&str> = told.lines().collect();
    assert_eq!(asked.len(), 2, "what was refused is on record too: {told}");
    assert!(asked[0].contains("REFUSED") && asked[1].contains("also if nobody watches over Web frontend then | accepted"), "{told}");
    assert!(asked[1].contains("ended the session and left Web frontend as it stands; nobody watches over it now"), "{told}");
    assert_ne!(account.open(), session, "the plan's next session is a new one");
}

#[test]
fn a_journal_that_was_moved_away_is_never_begun_anew() {
    let account = Account::new();
    let session = account.open();
    account.wait_until_ready();
    let journal = account.journal();
    let proof = account.run(&["audit", "verify", &session]);
    assert!(proof.status.success(), "a session's name is enough: {proof:?}");
    let moved = journal.with_extension("moved");
    std::fs::rename(&journal, &moved).unwrap();
    // The host notices at its next record, and ends: nothing leaves that is not recorded.
    wait_until("the host has gone", || account.card().is_none_or(|card| card["life"] == "dead").then_some(()));
    let told = account.run(&["status"]);
    let said = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(!told.status.success() && said.contains("is not at"), "{told:?}");
    let refused = account.opening().output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("put the journal back") && said.contains("--new"), "{refused:?}");
    assert!(!journal.exists(), "no empty journal stands under its name");
    let proof = account.run(&["audit", "verify", &session]);
    assert_eq!(proof.status.code(), if journal.with_extension("checkpoint").exists() { Some(1) } else { Some(2) }, "{proof:?}");
    std::fs::rename(&moved, &journal).unwrap();
    assert_eq!(account.open(), session, "put back, it is taken up");
    assert!(account.run(&["audit", "verify", &session]).status.success());
}
