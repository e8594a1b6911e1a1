//! What was asked of a host that did not answer: it is carried out when the host goes on, whatever has become of the cockpit.

use cutover::core::{command::Command, decision::Transition, event::Event};

use crate::account::{Account, wait_until};

fn is_rollback(transition: &Transition) -> bool {
    matches!(&transition.entry.event, Event::Asked { command: Command::Rollback { .. }, .. })
}

#[test]
fn a_rollback_that_a_stopped_host_was_asked_for_outlives_its_cockpit() {
    let account = Account::new();
    let session = account.open();
    account.wait_until_ready();
    let mut leaves = account.cockpit();
    leaves.wait_for("HexProperty");
    account.signal("-STOP");
    leaves.keys("\x1c");
    leaves.wait_for("the host has not answered");
    leaves.wait_for("THE HOST IS SILENT");
    leaves.wait_for("carries it out when it goes on");
    leaves.keys("\x03");
    let last = leaves.wait_for("cutover rollback");
    assert_eq!(leaves.ended().exit_code(), 8, "nobody has confirmed it");
    for words in [": roll back every route, asked at", "nobody has confirmed the way home", session.as_str(), "url-maps"] {
        assert!(last.contains(words), "{words:?} in\n{last}");
    }

    account.signal("-CONT");
    let asked = wait_until("it is asked", || {
        let transitions = account.transitions();
        transitions.iter().any(is_rollback).then_some(transitions)
    });
    let asked = asked.iter().position(is_rollback);
    let left = wait_until("it has left", || {
        account.transitions().iter().position(|transition| matches!(transition.entry.event, Event::Left { .. }))
    });
    assert!(asked < Some(left), "it was asked before its asker had left");
}

#[test]
fn a_rollback_outlives_a_terminal_that_hangs_up() {
    let account = Account::new();
    account.open();
    account.wait_until_ready();
    let mut gone = account.cockpit();
    gone.wait_for("HexProperty");
    account.signal("-STOP");
    gone.keys("\x1c");
    gone.wait_for("the host has not answered");
    drop(gone);
    account.signal("-CONT");
    wait_until("it is asked", || account.transitions().iter().any(is_rollback).then_some(()));
}
