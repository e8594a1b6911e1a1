//! A host lives as long as it holds its journal: a client that looks for sockets elsewhere is told so, reaches it where it listens, and clears
//! nothing of it away.

use std::{
    fs,
    os::unix::fs::DirBuilderExt,
    path::PathBuf,
    process::{Command, Output},
};

use crate::account::{Account, wait_until};

/// All that was printed, answers and complaints.
fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

/// The ways in which somebody comes to look in another directory.
fn elsewhere(account: &Account, words: &[&str]) -> [Command; 3] {
    let other = account.at("other");
    let mut named = account.command(words);
    named.env_remove("CUTOVER_RUNTIME_DIR").arg("--runtime-dir").arg(&other);
    let mut login = account.command(words);
    login.env_remove("CUTOVER_RUNTIME_DIR").env("XDG_RUNTIME_DIR", &other);
    let mut variable = account.command(words);
    variable.env("CUTOVER_RUNTIME_DIR", &other);
    [named, login, variable]
}

#[test]
fn a_living_host_is_reached_whatever_runtime_directory_a_client_has() {
    let account = Account::new();
    let session = account.open();
    account.wait_until_ready();
    for mut status in elsewhere(&account, &["status", &session, "--json"]) {
        let told = status.output().unwrap();
        let status: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap_or_else(|error| panic!("{error}: {told:?}"));
        assert_eq!(status["host"], "here", "{status}");
    }
    for mut sessions in elsewhere(&account, &["sessions"]) {
        let text = said(&sessions.output().unwrap());
        assert!(text.contains("runs as process") && !text.contains("died") && !text.contains("was ended"), "{text}");
    }
    for mut rollback in elsewhere(&account, &["rollback"]) {
        let told = rollback.output().unwrap();
        assert_eq!(told.status.code(), Some(0), "{}", said(&told));
    }
    fs::DirBuilder::new().mode(0o700).create(account.at("other")).unwrap();
    let [_, mut opening, _] = elsewhere(&account, &[]);
    opening.arg("open").arg(Account::plan()).args([&account.world.argument(), "--no-attach"]);
    assert!(said(&opening.output().unwrap()).contains("runs already"), "it is joined, and no second host is begun");
    let [mut hosting, ..] = elsewhere(&account, &["host", &Account::plan(), &account.world.argument()]);
    let told = hosting.output().unwrap();
    assert_eq!(told.status.code(), Some(6), "{}", said(&told));
    let [_, _, mut stop] = elsewhere(&account, &["stop", &session, "--abandon", "frontend"]);
    let text = said(&stop.output().unwrap());
    assert!(text.contains(&format!("session {session} is over")), "{text}");
}

#[test]
fn a_host_whose_socket_was_cleared_away_lives_and_nothing_of_it_is_cleared() {
    let account = Account::new();
    let session = account.open();
    account.wait_until_ready();
    let pid = account.host_pid();
    fs::remove_dir_all(account.at("run")).unwrap();
    // What stands in its socket's place is not the host's to remove.
    fs::DirBuilder::new().mode(0o700).create(account.at("run")).unwrap();
    let occupied = account.at("run").join(format!("{session}.sock"));
    fs::create_dir(&occupied).unwrap();
    for words in [&["status", &session][..], &["rollback", &session, "--wait", "0"], &["stop", &session, "--abandon", "frontend"]] {
        let told = account.run(words);
        let text = said(&told);
        assert_eq!(told.status.code(), Some(7), "{words:?}: {text}");
        assert!(text.contains(&format!("lives and can't be reached: process {pid} holds its journal")), "{words:?}: {text}");
        assert!(!text.contains("is gone") && !text.contains("cleared away") && text.contains("kill -TERM"), "{words:?}: {text}");
    }
    assert_eq!(account.card().unwrap()["life"], "running");
    fs::remove_dir(occupied).unwrap();
    account.wait_until("its socket was made again", |status| status["host"] == "here");
    fs::remove_dir_all(account.at("run")).unwrap();
    account.wait_until("its directory was made again", |status| status["host"] == "here");
    assert_eq!(account.run(&["rollback", &session]).status.code(), Some(0));
    account.signal("-TERM");
    wait_until("the host has gone", || account.card().is_none().then_some(()));
    assert_eq!(account.open(), session, "it is still the plan's open one");
}

/// The notes beside the journal by which a host is found elsewhere.
fn notes(account: &Account) -> [PathBuf; 2] {
    ["lock", "host"].map(|ending| account.journal().with_extension(ending))
}

#[test]
fn a_host_whose_notes_are_gone_or_empty_is_found_and_asked_and_makes_them_again() {
    let account = Account::new();
    let session = account.open();
    account.wait_until_ready();
    let pid = account.host_pid();
    let [lock, host] = notes(&account);
    let open: Vec<PathBuf> = fs::read_dir(account.at("state/cutover/current")).unwrap().flatten().map(|entry| entry.path()).collect();
    let spoil = |path: &PathBuf, is_emptied: bool| if is_emptied { fs::write(path, "").unwrap() } else { fs::remove_file(path).unwrap() };
    for spoilt in [vec![lock.clone()], vec![host.clone()], vec![lock.clone(), host.clone()], open] {
        for is_emptied in [true, false] {
            spoilt.iter().for_each(|path| spoil(path, is_emptied));
            for mut status in elsewhere(&account, &["status", &session, "--json"]) {
                let told = status.output().unwrap();
                let status: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap_or_else(|error| panic!("{error}: {told:?}"));
                assert_eq!(status["host"], "here", "{spoilt:?}: {status}");
            }
            for mut sessions in elsewhere(&account, &["sessions"]) {
                let text = said(&sessions.output().unwrap());
                assert!(text.contains(&format!("runs as process {pid}")) && !text.contains("process 0"), "{spoilt:?}: {text}");
            }
            let is_whole = |path: &PathBuf| fs::metadata(path).is_ok_and(|found| found.len() > 0);
            wait_until("the notes were made again", || spoilt.iter().all(is_whole).then_some(()));
        }
    }
    let noted = fs::read_to_string(&lock).unwrap();
    assert!(noted.starts_with(&format!("process {pid} of user ")), "{noted}");
    let [_, _, mut rollback] = elsewhere(&account, &["rollback", &session]);
    assert_eq!(rollback.output().unwrap().status.code(), Some(0));
}

#[test]
fn what_a_dead_host_noted_does_not_stand_for_the_next_one() {
    let account = Account::new();
    let session = account.open();
    account.wait_until_ready();
    let [lock, host] = notes(&account);
    let of_the_first = fs::read(&host).unwrap();
    account.signal("-KILL");
    wait_until("the host is dead", || account.card().filter(|card| card["life"] == "dead"));
    assert_eq!(account.open(), session);
    account.wait_until_ready();
    // As on a full disk, which took nothing of the next one.
    fs::write(&lock, "").unwrap();
    fs::write(&host, &of_the_first).unwrap();
    for mut rollback in elsewhere(&account, &["rollback", &session, "--wait", "0"]) {
        let told = rollback.output().unwrap();
        assert!(matches!(told.status.code(), Some(0 | 8)), "{}", said(&told));
    }
    wait_until("it has written its own", || (fs::read(&host).unwrap() != of_the_first).then_some(()));
}

#[test]
fn a_recorded_plan_needs_no_file() {
    let account = Account::new();
    let plan = account.own_plan();
    let opening = |more: &[&str]| {
        let mut command = account.command(&["open"]);
        command.arg(&plan).args([&account.world.argument(), "--no-attach", "--no-restart"]).args(more);
        command.output().unwrap()
    };
    assert!(opening(&[]).status.success());
    account.wait_until_ready();
    for change in ["name: [half", ""] {
        account.signal("-KILL");
        let dead = wait_until("the host is dead", || account.card().filter(|card| card["life"] == "dead"));
        match change {
            "" => fs::remove_file(&plan).unwrap(),
            text => fs::write(&plan, text).unwrap(),
        }
        let next = account.listed()[0]["next"].as_str().unwrap_or_default().to_owned();
        assert!(next.contains("--keep-plan"), "{dead}: {next}");
        let again = account.typed(&format!("{next} --no-attach --no-restart"));
        assert!(again.status.success(), "{}", said(&again));
        assert_eq!(account.status()["host"], "here");
    }
}

/// A full disk takes no card, and nobody's flight needs one: the host lives, its account finds it, and the card comes when there is room.
#[test]
fn a_host_whose_card_the_disk_does_not_take_lives_and_is_found() {
    let account = Account::new();
    let run = account.at("run");
    fs::DirBuilder::new().mode(0o700).create(&run).unwrap();
    // A disk without room refuses the draft; so does a folder in its place.
    let draft = run.join("night.json.new");
    fs::create_dir(&draft).unwrap();
    let opened = account.opening().args(["--session", "night"]).output().unwrap();
    assert!(opened.status.success(), "{opened:?}");
    account.wait_until_ready();
    assert!(!run.join("night.json").exists());
    assert_eq!(account.status()["session"], "night");
    fs::remove_dir(&draft).unwrap();
    wait_until("its card is there", || run.join("night.json").exists().then_some(()));
    // And again when somebody takes it away.
    fs::remove_file(run.join("night.json")).unwrap();
    wait_until("its card is there again", || run.join("night.json").exists().then_some(()));
    assert_eq!(account.status()["host"], "here");
}
