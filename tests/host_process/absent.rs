//! A session whose host is gone: the command line says where its traffic was last known to be, gives the command by hand, and how to bring
//! the host back; from the journal alone, which stays as it was.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::{Output, Stdio},
};

use cutover::core::event::Event;

use crate::account::{Account, wait_until};

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What the plan in the journal says of the way home by hand.
fn by_hand(account: &Account) -> String {
    let opened = account.transitions().into_iter().find_map(|transition| match transition.entry.event {
        Event::Opened { plan, .. } => Some(plan),
        _ => None,
    });
    let plan = opened.expect("a journal begins with its plan");
    // The world is a simulated one, and the command is not for that.
    format!("# {}", plan.home_by_hand(&plan.routes[0]))
}

fn at_one_percent(account: &Account) -> (String, crate::pty::Pty) {
    let session = account.open();
    let cockpit = account.cockpit_that_steps_out();
    account.wait_until("1 % is accepted", |status| status["routes"]["frontend"]["accepted"]["gke"] == 0.01);
    // What was accepted is on disk with the next record that waits for it.
    wait_until("it is recorded", || {
        let recorded = account.transitions();
        recorded.iter().any(|transition| format!("{:?}", transition.decision.news).contains("Accepted")).then_some(())
    });
    (session, cockpit)
}

#[test]
fn a_killed_host_leaves_the_last_known_split_and_the_command_by_hand() {
    let account = Account::new();
    let (session, cockpit) = at_one_percent(&account);
    account.signal("-KILL");
    wait_until("the host is dead", || account.card().filter(|card| card["life"] == "dead"));
    let before = account.transitions().len();
    let proof = printed(&account.run(&["audit", "verify", &session]));
    assert!(proof.contains("\nwriter   ended without a word of parting: process "), "{proof}");
    for words in [&["rollback"][..], &["status"], &["rollback", "--route", "frontend"], &["status", &session]] {
        let told = account.run(words);
        let text = printed(&told);
        assert_eq!(told.status.code(), Some(7), "{words:?}: {told:?}");
        assert!(text.contains("nobody knows more since 20") && text.contains(", read at 20"), "{words:?}: {text}");
        assert!(text.contains("others may have moved traffic since") && !text.contains("traffic stays"), "{words:?}: {text}");
        assert!(text.contains("Web frontend: 1% on GKE"), "{words:?}: {text}");
        let labelled = "to bring frontend home by hand (it steers the real project, and not this simulated world):";
        assert!(text.contains(&format!("{labelled}\n  {}\n", by_hand(&account))), "{words:?}: {text}");
        assert!(text.contains("this takes it up again:\n  ") && text.contains(&session), "{words:?}: {text}");
    }
    let told = account.run(&["status", "--json"]);
    assert_eq!(told.status.code(), Some(7));
    let status = account.status();
    assert_eq!((&status["host"], &status["needs_human"]), (&"gone".into(), &true.into()));
    assert!(proof.contains(&format!("\nhead     {}\n", status["head"].as_str().expect("a head"))), "{proof}");
    assert_eq!(status["routes"]["frontend"]["accepted"]["gke"], 0.01);
    assert_eq!(status["routes"]["frontend"]["by_hand"], by_hand(&account));
    assert_eq!(status["triggers"], serde_json::json!({}), "without a host no trigger promises anything");
    assert_eq!(account.transitions().len(), before, "it was read and not taken up");

    // The cockpit that lost it says the same.
    cockpit.wait_until("the notice", |screen| {
        screen.contains("THE HOST IS")
            && screen.contains("Web frontend: 1% on GKE")
            && screen.contains("home by hand")
            && screen.contains("y copies it")
    });
    assert_eq!(account.open(), session);
    assert!(account.run(&["audit", "verify", &session]).status.success());
    assert_eq!(account.status()["host"], "here");
}

/// The host was ended, or the machine was: nothing lies beside the socket any more.
#[test]
fn a_session_without_a_trace_in_the_runtime_directory_is_found_by_its_journal() {
    let account = Account::new();
    let (session, _cockpit) = at_one_percent(&account);
    account.signal("-TERM");
    wait_until("the host has gone", || account.card().is_none().then_some(()));
    let proof = printed(&account.run(&["audit", "verify", &session]));
    assert!(proof.contains("\nwriter   closed by process "), "{proof}");
    let listed = printed(&account.run(&["sessions"]));
    assert!(listed.contains("its host was ended, or the machine was") && listed.contains("Web frontend: 1% on GKE"), "{listed}");
    assert!(listed.contains(&format!("--session {session} {}", account.world.argument())), "{listed}");
    for words in [&["rollback"][..], &["status"], &["status", &session], &["attach"]] {
        let told = account.run(words);
        let text = printed(&told);
        assert_eq!(told.status.code(), Some(7), "{words:?}: {told:?}");
        assert!(text.contains("Web frontend: 1% on GKE") && text.contains(&by_hand(&account)), "{words:?}: {text}");
        assert!(text.contains("hexproperty.yaml") && text.contains(&format!("--session {session}")), "{words:?}: {text}");
    }
    assert_eq!(account.run(&["rollback", "another"]).status.code(), Some(7));
    assert_eq!(account.open(), session);
    let proof = printed(&account.run(&["audit", "verify", &session]));
    assert!(proof.contains("\nwriter   still being written by process "), "{proof}");
}

#[test]
fn without_its_journal_the_plan_alone_gives_the_command() {
    let account = Account::new();
    account.open();
    account.wait_until_ready();
    let command = by_hand(&account);
    account.signal("-KILL");
    wait_until("the host is dead", || account.card().filter(|card| card["life"] == "dead"));
    let journal = account.journal();
    let moved = journal.with_extension("moved");
    fs::rename(&journal, &moved).unwrap();
    let told = account.run(&["rollback"]);
    let text = printed(&told);
    assert_eq!(told.status.code(), Some(7), "{told:?}");
    assert!(text.contains("is not known") && text.contains("is not at") && text.contains(&command), "{text}");
    let status = account.status();
    assert_eq!((&status["host"], &status["routes"]["frontend"]["by_hand"]), (&"gone".into(), &command.into()));
    fs::rename(&moved, &journal).unwrap();
}

/// What a rollback says whose host goes after it was recorded; `goes` lets it go.
fn cut_short(account: &Account, goes: impl FnOnce()) -> (Option<i32>, String) {
    let mut asked = account.command(&["rollback", "--wait", "60"]);
    let mut rollback = asked.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(rollback.stdout.take().unwrap());
    let mut text = String::new();
    out.read_line(&mut text).unwrap();
    assert!(text.starts_with("recorded: "), "{text}");
    goes();
    out.read_to_string(&mut text).unwrap();
    let ended = rollback.wait_with_output().unwrap();
    (ended.status.code(), text + &String::from_utf8(ended.stderr).unwrap())
}

#[test]
fn a_rollback_whose_host_dies_meanwhile_says_what_a_dead_hosts_rollback_says() {
    let account = Account::new();
    let (session, _cockpit) = at_one_percent(&account);
    for signal in ["-KILL", "-TERM"] {
        let (code, text) = cut_short(&account, || account.signal(signal));
        assert_eq!(code, Some(7), "{signal}: {text}");
        assert!(
            text.contains(&format!("the host of session {session} is gone; nobody watches over it; the rollback is on record")),
            "{text}"
        );
        assert!(!text.contains("the session goes on with it"), "{signal}: {text}");
        assert!(text.contains("nobody knows more since 20") && text.contains(&by_hand(&account)), "{signal}: {text}");
        assert!(text.contains("this takes it up again") && text.contains(&session), "{signal}: {text}");
        assert_eq!(account.open(), session);
        account.wait_until("the world was read", |status| status["routes"]["frontend"]["motion"] != "unread");
    }
    let (code, text) = cut_short(&account, || {
        let stopped = account.run(&["stop", &session, "--abandon", "frontend"]);
        assert!(stopped.status.success(), "{stopped:?}");
    });
    assert_eq!(code, Some(7), "{text}");
    assert!(text.contains("the session is over (the session was stopped by ") && text.contains(&by_hand(&account)), "{text}");
}

/// A byte in the middle of its newest segment is another: what is on record can't be believed, and nobody goes on from it.
fn spoil(account: &Account) {
    let segments = fs::read_dir(account.journal()).unwrap().map(|entry| entry.unwrap().path());
    let newest = segments.filter(|path| path.extension().is_some_and(|ending| ending == "jsonl")).max().expect("a segment");
    let mut bytes = fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&newest, bytes).unwrap();
}

/// What is offered is what works: it is done as it was printed.
#[test]
fn a_broken_journal_is_not_offered_to_be_taken_up() {
    let account = Account::new();
    let (session, _cockpit) = at_one_percent(&account);
    account.signal("-KILL");
    wait_until("the host is dead", || account.card().filter(|card| card["life"] == "dead"));
    let command = by_hand(&account);
    spoil(&account);
    for words in [&["status"][..], &["rollback"], &["sessions"]] {
        let text = printed(&account.run(words));
        assert!(!text.contains("takes it up again") && !text.contains("take it up again"), "{words:?}: {text}");
        assert!(text.contains("its journal is broken, so nobody can take it up"), "{words:?}: {text}");
        assert!(text.contains(&format!("audit verify {session}")) && text.contains("--abandon frontend && "), "{words:?}: {text}");
    }
    let told = printed(&account.run(&["status"]));
    assert!(told.contains(&command), "{told}");
    let listed = account.run(&["sessions"]);
    let line = printed(&listed).lines().find(|line| line.contains(" && ")).expect("a command").trim().to_owned();
    assert_eq!(account.card().unwrap()["next"], line, "machines are told the same");
    let done = account.typed(&format!("{line} --no-attach"));
    assert!(done.status.success(), "{line}: {done:?}");
    account.wait_until("another session sees where traffic stands", |status| status["routes"]["frontend"]["accepted"]["gke"] == 0.01);
    assert_ne!(account.card().unwrap()["session"], session.as_str());
}
