//! What is not begun: over a dead session's traffic, without a person whom the host would let in, on a name that nobody has.

use std::{
    fs,
    process::{Command, Output},
};

use cutover::core::event::Event;

use crate::{
    account::{Account, wait_until},
    join::{commands, kill, open, running, said},
};

/// A session whose host was killed while 1 % of its traffic was away from home.
fn dead_away_from_home(account: &Account) -> String {
    let plan = account.own_plan();
    let session = running(account, &plan);
    let cockpit = account.cockpit_that_steps_out();
    account.wait_until("1 % is accepted", |status| status["routes"]["frontend"]["accepted"]["gke"] == 0.01);
    wait_until("it is recorded", || {
        let recorded = account.transitions();
        recorded.iter().any(|transition| format!("{:?}", transition.decision.news).contains("Accepted")).then_some(())
    });
    kill(account);
    drop(cockpit);
    session
}

/// Whoever names no session means everybody's users.
#[test]
fn a_rollback_without_a_name_and_a_status_tell_of_another_session_whose_users_nobody_watches() {
    let account = Account::new();
    let session = dead_away_from_home(&account);
    let own = open(&account, &account.own_plan(), &["--simulated"]);
    let name = String::from_utf8(own.stdout).unwrap().trim().to_owned();
    let named = |output: &Output| said(output).contains(&format!("beside session {name}, the host of session {session} is gone"));
    let home = account.run(&["rollback", "--wait", "60"]);
    assert!(String::from_utf8_lossy(&home.stdout).contains("everything is home"), "{home:?}");
    assert!(home.status.code() == Some(8) && named(&home) && said(&home).contains("1% on GKE"), "{home:?}");
    let status = account.run(&["status"]);
    assert!(status.status.code() == Some(8) && named(&status), "{status:?}");
    // Who names one is answered of that one.
    let home = account.run(&["rollback", &name, "--wait", "60"]);
    assert!(home.status.code() == Some(0) && !named(&home), "{home:?}");
    let attach = account.run(&["stop", &name, "--abandon", "frontend"]);
    assert!(attach.status.success(), "{attach:?}");
}

#[test]
fn no_session_is_begun_over_traffic_that_nobody_watches() {
    let account = Account::new();
    let session = dead_away_from_home(&account);
    let plan = account.own_plan();
    let world = account.world.argument();
    let before = account.transitions().len();
    let refused = open(&account, &plan, &[&world, "--new"]);
    let text = said(&refused);
    assert_eq!(refused.status.code(), Some(3), "{text}");
    assert!(text.contains(&format!("session {session} of this plan has died with traffic away from home")), "{text}");
    assert!(text.contains("nobody knows more since 20") && text.contains("Web frontend: 1% on GKE"), "{text}");
    assert!(text.contains("home by hand"), "{text}");
    let [take_up, clear_away] = commands(&text).try_into().unwrap();
    assert!(take_up.contains(&format!("--session {session}")), "{text}");
    assert!(clear_away.ends_with(&format!("stop {session} --abandon frontend")), "{text}");
    let named = open(&account, &plan, &[&world, "--session", "another"]);
    assert_eq!(named.status.code(), Some(3), "another name is another session: {named:?}");
    assert_eq!((account.transitions().len(), account.listed().len()), (before, 1), "nothing was begun");

    // Clearing it away is refused as well, until the route is named.
    let kept = account.run(&["stop", &session]);
    assert_eq!(kept.status.code(), Some(3), "{kept:?}");
    assert!(said(&kept).contains("--abandon frontend") && said(&kept).contains("Web frontend: 1% on GKE"), "{kept:?}");

    // A world of one's own touches nobody's traffic: it is begun, and what was left behind is told.
    let own = open(&account, &plan, &["--simulated"]);
    assert!(own.status.success() && said(&own).contains(&format!("the host of session {session} of this plan is gone")), "{own:?}");
    let name = String::from_utf8(own.stdout).unwrap().trim().to_owned();
    assert!(account.run(&["stop", &name, "--abandon", "frontend"]).status.success());

    let taken_up = account.typed(&take_up.replace(" open ", " open --no-attach "));
    assert!(taken_up.status.success(), "{take_up}: {taken_up:?}");
    let text = said(&taken_up);
    assert!(text.contains("Web frontend: 1% on GKE") && text.contains(&format!("session {session} is taken up")), "{text}");
    assert_eq!(account.status()["session"], session.as_str());
}

#[test]
fn a_dead_session_is_cleared_away_by_the_line_that_was_printed() {
    let account = Account::new();
    let session = dead_away_from_home(&account);
    let (plan, world) = (account.own_plan(), account.world.argument());
    let refused = open(&account, &plan, &[&world, "--new"]);
    let [_, clear_away] = commands(&said(&refused)).try_into().unwrap();
    assert!(account.typed(&clear_away).status.success(), "{clear_away}");
    let proof = account.run(&["audit", "verify", &session]);
    let verdict = String::from_utf8_lossy(&proof.stdout).into_owned();
    assert!(proof.status.success() && verdict.contains(", cutover stop after a host that died: "), "{proof:?}");
    assert!(verdict.contains("ended without a word of parting") && !verdict.contains("in order"), "{verdict}");
    let told = account.run(&["audit", "show", &session, "--grep", "cutover stop"]);
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains("| accepted | ") && told.contains("ended the session and left Web frontend as it stands"), "{told}");
    let again = open(&account, &plan, &[&world]);
    assert!(again.status.success(), "{again:?}");
    assert_ne!(String::from_utf8(again.stdout).unwrap().trim(), session);
    let all = String::from_utf8(account.run(&["sessions", "--all"]).stdout).unwrap();
    assert!(all.contains(&format!("{session}  simulated  a demo or a stopped session, of which its journal tells")), "{all}");
}

#[test]
fn whom_the_host_would_not_let_in_begins_nothing() {
    let account = Account::new();
    let plan = account.own_plan();
    let roster = plan.with_file_name("shared.toml");
    let user = std::process::Command::new("id").arg("-un").output().unwrap();
    let user = String::from_utf8(user.stdout).unwrap();
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI";
    let people = [("anna", "BpN5gI12RvvYKxIb3HYxEddAeasDlVfW16zDYpLxhh8"), ("ben", "Ff+gQsNQWxnVhn7bJq8O9CRQ0pXflkfLO6IDCCjX+my")];
    let person = |(name, end): (&str, &str)| {
        format!("[[person]]\nname = \"{name}\"\nuser = \"{}\"\nrole = \"pilot\"\nkey = \"{key}{end} {name}\"\n", user.trim())
    };
    fs::write(&roster, people.map(person).concat()).unwrap();
    let words = ["open", plan.to_str().unwrap(), &account.world.argument(), "--roster", roster.to_str().unwrap()];
    let mut pty = account.in_terminal(&words);
    pty.wait_for("this account is shared by anna, ben");
    pty.wait_for("no session was begun");
    assert!(!pty.ended().success());
    assert!(account.listed().is_empty(), "{:?}", account.listed());
    // Without a cockpit nobody has to be let in.
    let opened = open(&account, &plan, &[&account.world.argument(), "--roster", roster.to_str().unwrap()]);
    assert!(opened.status.success(), "{opened:?}");
    // Whoever waits for a host that will not take it from him is told before he waits.
    kill(&account);
    let asked = account.run(&["rollback", "--wait", "0"]);
    let told = said(&asked);
    assert_eq!(asked.status.code(), Some(7), "{told}");
    assert!(told.contains("will not take it from you as you ask now: this account is shared by anna, ben; say who you are"), "{told}");
}

#[test]
fn a_name_that_nobody_has_ends_with_7_and_the_names_that_there_are() {
    let account = Account::new();
    let session = account.open();
    for words in [
        &["audit", "verify"][..],
        &["audit", "show"],
        &["attach"],
        &["watch"],
        &["status"],
        &["status", "--json"],
        &["rollback"],
        &["stop"],
    ] {
        let told = account.run(&[words, &["nosuch"]].concat());
        assert_eq!(told.status.code(), Some(7), "{words:?}: {told:?}");
        assert!(said(&told).contains(&format!("there is no session nosuch here (there is: {session})")), "{words:?}: {told:?}");
    }
}

#[test]
fn a_rollback_by_a_command_line_is_asked_for_and_nobody_came_or_went() {
    let account = Account::new();
    account.open();
    account.wait_until_ready();
    let home = account.run(&["rollback", "--wait", "5"]);
    assert!(matches!(home.status.code(), Some(0 | 8)), "{home:?}");
    let transitions = account.transitions();
    assert!(transitions.iter().any(|transition| matches!(transition.entry.event, Event::Asked { .. })));
    let presence = |event: &Event| matches!(event, Event::Joined { .. } | Event::Left { .. } | Event::Beat { .. });
    assert!(!transitions.iter().any(|transition| presence(&transition.entry.event)));
}

/// A journal knows whose it is: under another name it would write in that one's name, beside the first.
#[test]
fn a_journal_that_was_copied_to_another_name_is_no_session_of_that_name() {
    let account = Account::new();
    let session = account.open();
    account.wait_until_ready();
    account.signal("-TERM");
    wait_until("the host has gone", || account.card().is_none().then_some(()));
    let journal = account.journal();
    let copy = journal.with_file_name("copy");
    assert!(Command::new("cp").arg("-a").args([&journal, &copy]).status().unwrap().success());
    let before = account.run(&["audit", "verify", "copy"]).stdout;
    for words in [&["host"][..], &["open", "--no-attach"]] {
        let world = account.world.argument();
        let told = account.run(&[words, &[&Account::plan(), &world, "--session", "copy"]].concat());
        let said = String::from_utf8_lossy(&told.stderr).into_owned();
        assert!(told.status.code() == Some(1) && said.contains(&format!("is of session {session}, and not of copy")), "{told:?}");
        assert!(said.contains(&format!("--session {session}")), "it says what to do: {said}");
        assert_eq!(account.run(&["audit", "verify", "copy"]).stdout, before, "it stays as it was");
    }
    fs::remove_dir_all(&copy).unwrap();
    let renamed = journal.with_file_name("renamed");
    fs::rename(&journal, &renamed).unwrap();
    let told = account.run(&["host", &Account::plan(), &account.world.argument(), "--session", "renamed"]);
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.status.code() == Some(1) && said.contains(&format!("their name back ({})", journal.display())), "{told:?}");
    fs::rename(&renamed, &journal).unwrap();
    assert_eq!(account.open(), session);
}

#[test]
fn a_folder_may_be_called_anything_and_breaks_no_line() {
    let account = Account::new();
    let journals = account.at("state/cutover/journals");
    fs::create_dir_all(journals.join("two\nlines\u{1b}[2J")).unwrap();
    let listed = account.run(&["sessions", "--all"]);
    let text = String::from_utf8(listed.stdout).unwrap();
    assert!(text.lines().count() == 1 && text.contains("two") && !text.contains('\u{1b}'), "{text:?}");
    let names = account.run(&["sessions", "--all", "--names"]);
    assert_eq!(String::from_utf8(names.stdout).unwrap(), "", "no command takes such a name");
    let json: serde_json::Value = serde_json::from_slice(&account.run(&["sessions", "--all", "--json"]).stdout).unwrap();
    assert_eq!(json[0]["session"], "two\nlines\u{1b}[2J");
    let told = account.run(&["audit", "verify", "no-such"]);
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(said.lines().count() == 1 && !said.contains('\u{1b}'), "{said:?}");
}
