//! A host that is there and does not answer: within seconds the command line says so, with what a dead host's would say, and calls it not gone.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Output, Stdio},
};

use cutover::core::event::Event;

use crate::account::Account;

/// All that was printed, answers and complaints.
fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

fn by_hand(account: &Account) -> String {
    let opened = account.transitions().into_iter().find_map(|transition| match transition.entry.event {
        Event::Opened { plan, .. } => Some(plan),
        _ => None,
    });
    let plan = opened.expect("a journal begins with its plan");
    plan.home_by_hand(&plan.routes[0])
}

#[test]
fn a_host_that_hangs_is_said_with_the_way_home_by_hand_and_may_come_back() {
    let account = Account::new();
    let session = account.open();
    account.wait_until_ready();
    let pid = account.host_pid();
    account.signal("-STOP");
    for words in [&["status"][..], &["stop", &session, "--abandon", "frontend"], &["rollback", "--wait", "0"]] {
        let told = account.run(words);
        let text = said(&told);
        assert_eq!(told.status.code(), Some(7), "{words:?}: {text}");
        assert!(text.contains(&format!("the host of session {session} does not answer: process {pid}")), "{words:?}: {text}");
        assert!(text.contains("it was stopped by a signal"), "{words:?}: {text}");
        assert!(text.contains(&format!("kill -CONT {pid}")) && text.contains(&format!("kill -KILL {pid}")), "{words:?}: {text}");
        assert!(text.contains(&by_hand(&account)) && !text.contains("is gone"), "{words:?}: {text}");
    }
    let status = account.status();
    assert_eq!((&status["host"], &status["needs_human"]), (&"silent".into(), &true.into()));
    assert_eq!(status["triggers"], serde_json::json!({}), "nothing is promised of them");
    let opened = account.opening().output().unwrap();
    assert_eq!(opened.status.code(), Some(7), "{opened:?}");
    let listed = said(&account.run(&["sessions"]));
    assert!(listed.contains("is stopped") && listed.contains(&format!("kill -CONT {pid}")), "{listed}");

    account.signal("-CONT");
    account.wait_until("it is back", |status| status["host"] == "here");
    let asked = account.transitions().into_iter().any(|transition| matches!(transition.entry.event, Event::Asked { .. }));
    assert!(!asked, "what was refused was not asked");
    let stood_still = account.transitions().into_iter().filter(|transition| matches!(transition.entry.event, Event::StoodStill { .. }));
    assert_eq!(stood_still.count(), 1, "that it did not run is on the record");
}

#[test]
fn a_rollback_says_at_once_that_the_host_hangs_and_waits_for_it() {
    let account = Account::new();
    account.open();
    account.wait_until_ready();
    account.signal("-STOP");
    let mut asked = account.command(&["rollback", "--wait", "60"]);
    let mut rollback = asked.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = String::new();
    let mut errors = BufReader::new(rollback.stderr.take().unwrap());
    errors.read_line(&mut told).unwrap();
    assert!(told.contains("does not answer") && told.contains("nothing was asked for yet; it is tried again"), "{told}");
    account.signal("-CONT");
    let mut out = String::new();
    rollback.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert!(out.contains(&by_hand(&account)) && out.contains("recorded: "), "{out}");
    assert_eq!(rollback.wait().unwrap().code(), Some(0), "{out}");
}

#[test]
fn without_a_wait_a_rollback_is_recorded_and_left() {
    let account = Account::new();
    account.open();
    let cockpit = account.cockpit_that_steps_out();
    account.wait_until("1 % is accepted", |status| status["routes"]["frontend"]["accepted"]["gke"] == 0.01);
    let told = account.run(&["rollback", "--wait", "0"]);
    let text = said(&told);
    assert_eq!(told.status.code(), Some(8), "{text}");
    assert!(text.contains("recorded: going home") && text.contains("the session goes on with it"), "{text}");
    drop(cockpit);
}

#[test]
fn what_has_no_say_in_a_session_that_runs_is_said() {
    let account = Account::new();
    let open = |more: &[&str]| {
        let mut command = account.command(&["open"]);
        command.arg(account.own_plan()).args(["--simulated", "--no-attach"]).args(more);
        command.output().unwrap()
    };
    let first = open(&["--speed", "20"]);
    assert!(first.status.success(), "{first:?}");
    let joined = open(&["--speed", "5", "--seed", "7"]);
    let text = said(&joined);
    assert!(joined.status.success(), "{text}");
    assert!(text.contains("its world runs at speed 20 and goes on so; --speed 5 is for one that begins"), "{text}");
    assert!(text.contains("--seed did nothing"), "{text}");
    let same = said(&open(&["--speed", "20"]));
    assert!(!same.contains("note: "), "{same}");
}
