//! Which session is joined or taken up, which is left alone, and whether the commands that are printed work as they stand.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use crate::account::{Account, wait_until};

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The commands that a text prints: what stands behind two blanks and begins with the program.
pub(crate) fn commands(text: &str) -> Vec<String> {
    let program = env!("CARGO_BIN_EXE_cutover");
    let after = |line: &str| line.starts_with("  ").then(|| line.find(program).map(|at| line[at..].to_owned())).flatten();
    text.lines().filter_map(after).collect()
}

pub(crate) fn open(account: &Account, plan: &Path, more: &[&str]) -> Output {
    let mut words = vec!["open", plan.to_str().unwrap(), "--no-attach", "--no-restart"];
    words.extend(more);
    account.run(&words)
}

/// Sees to it that a session of this plan runs in the account's world.
pub(crate) fn running(account: &Account, plan: &Path) -> String {
    let output = open(account, plan, &[&account.world.argument()]);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn edit(plan: &PathBuf) {
    let text = fs::read_to_string(plan).unwrap();
    let edited = text.replacen("lag_max: 1s", "lag_max: 2s", 1);
    assert_ne!(text, edited, "the plan has a bound for the lag");
    fs::write(plan, edited).unwrap();
}

fn listed(account: &Account) -> String {
    String::from_utf8(account.run(&["sessions"]).stdout).unwrap()
}

pub(crate) fn kill(account: &Account) {
    account.signal("-KILL");
    wait_until("the host is dead", || account.card().filter(|card| card["life"] == "dead"));
}

#[test]
fn a_session_of_another_kind_of_world_is_not_joined() {
    let account = Account::new();
    let plan = account.own_plan();
    let session = running(&account, &plan);
    let port = account.world.argument().replace("--simulated=", "");
    for (more, asked) in [(&[][..], "LIVE"), (&["--simulated"], "a simulated world of its own")] {
        let refused = open(&account, &plan, more);
        let text = said(&refused);
        assert_eq!(refused.status.code(), Some(3), "{text}");
        assert!(text.contains(&format!("session {session} flies the simulated world on port {port}, and you asked for {asked}")), "{text}");
        let [attach, end] = commands(&text).try_into().unwrap();
        assert!(attach.ends_with(&format!("attach {session}")) && end.contains(&format!("stop {session} && ")), "{text}");
        assert!(!text.contains("Backtrace") && !text.contains(".rs:"), "{text}");
    }
    assert_eq!(running(&account, &plan), session, "the same world is the same session");
    let another = said(&open(&account, &plan, &[&account.world.argument(), "--new"]));
    assert!(another.contains(&format!("session {session} runs already")), "{another}");
}

#[test]
fn a_session_that_flies_another_version_of_the_plan_is_not_joined() {
    let account = Account::new();
    let plan = account.own_plan();
    let session = running(&account, &plan);
    edit(&plan);
    let refused = open(&account, &plan, &[&account.world.argument()]);
    let text = said(&refused);
    assert_eq!(refused.status.code(), Some(3), "{text}");
    let flown = account.card().unwrap()["card"]["plan_hash"].as_str().unwrap()[..12].to_owned();
    assert!(text.contains(&format!("session {session} flies another version of this plan: {flown}, and the file is ")), "{text}");
    assert!(text.contains("database.lag_max: 1000, and in the file 2000"), "{text}");
    let [_, end] = commands(&text).try_into().unwrap();
    let line = end.replace(" open ", " open --no-attach ");
    let opened = account.typed(&line);
    assert!(opened.status.success(), "{line}: {opened:?}");
    assert!(account.card().is_some_and(|card| card["card"]["session"] != session.as_str() && card["life"] == "running"));
}

/// What the cluster is to hold is a part of the plan, and the journal keeps it.
#[test]
fn a_change_of_a_manifest_is_another_version_and_without_any_of_them_the_session_goes_on_under_its_own() {
    let account = Account::new();
    let plan = account.own_plan();
    let session = running(&account, &plan);
    let manifest = plan.with_extension("").join("frontend.yaml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replacen("cpu: 200m", "cpu: 300m", 1)).unwrap();
    let refused = open(&account, &plan, &[&account.world.argument()]);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    let line = text.lines().position(|line| line.contains("cpu: 200m")).unwrap() + 1;
    let said_so = said(&refused);
    assert!(said_so.contains(&format!("manifests.frontend.text line {line}: cpu: 200m, and in the file cpu: 300m")), "{said_so}");
    kill(&account);
    fs::remove_dir_all(plan.with_extension("")).unwrap();
    let without = open(&account, &plan, &["--session", &session, &account.world.argument()]);
    assert_eq!(without.status.code(), Some(2), "{without:?}");
    assert!(said(&without).contains("the manifest `frontend` can't be read: No such file or directory"), "{without:?}");
    let kept = open(&account, &plan, &["--session", &session, "--keep-plan", &account.world.argument()]);
    assert!(kept.status.success(), "{kept:?}");
    assert_eq!(String::from_utf8(kept.stdout).unwrap().trim(), session);
    let opened = account.transitions().into_iter().next().unwrap();
    assert!(serde_json::to_string(&opened).unwrap().contains("cpu: 200m"), "the journal has what was flown");
}

#[test]
fn what_is_printed_for_a_dead_session_takes_it_up_where_it_was() {
    let account = Account::new();
    let plan = account.own_plan();
    let session = running(&account, &plan);
    assert!(listed(&account).contains(&format!("attach {session}")), "{}", listed(&account));
    kill(&account);
    let status = account.run(&["status"]);
    assert_eq!(status.status.code(), Some(7));
    let [of_status] = commands(&String::from_utf8_lossy(&status.stdout)).try_into().unwrap();
    let [line] = commands(&listed(&account)).try_into().unwrap();
    assert_eq!(line, of_status, "one way on, whoever prints it");
    let live = open(&account, &plan, &[]);
    assert_eq!(live.status.code(), Some(3), "a simulated session is never taken up live: {live:?}");
    assert!(said(&live).contains("flies the simulated world on port") && !said(&live).contains(".rs:"), "{live:?}");

    edit(&plan);
    let edited = open(&account, &plan, &["--session", &session, &account.world.argument()]);
    assert_eq!(edited.status.code(), Some(3), "{edited:?}");
    assert!(said(&edited).contains("database.lag_max"), "{edited:?}");
    assert_eq!(commands(&said(&edited)).len(), 2, "both ways on can be pasted: {edited:?}");
    let [line] = commands(&listed(&account)).try_into().unwrap();
    assert!(line.contains("--keep-plan"), "{line}");
    let opened = account.typed(&line.replace(" open ", " open --no-attach "));
    assert!(opened.status.success(), "{line}: {opened:?}");
    assert_eq!(String::from_utf8_lossy(&opened.stdout).trim(), session);
    assert_eq!(account.card().unwrap()["life"], "running");
}

#[test]
fn a_session_whose_simulated_world_died_with_its_host_is_cleared_away() {
    let account = Account::new();
    let plan = account.own_plan();
    let output = open(&account, &plan, &["--simulated"]);
    assert!(output.status.success(), "{output:?}");
    let session = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    kill(&account);
    let again = open(&account, &plan, &["--simulated", "--session", &session]);
    assert_eq!(again.status.code(), Some(3), "{again:?}");
    assert!(said(&again).contains("ended with its host"), "{again:?}");
    let [line] = commands(&listed(&account)).try_into().unwrap();
    let cleared = account.typed(&line);
    assert!(cleared.status.success(), "{line}: {cleared:?}");
    assert!(account.card().is_none());
}

#[test]
fn a_refusal_leaves_no_trace_in_the_journal_of_a_session_that_ended_in_order() {
    let account = Account::new();
    let plan = account.own_plan();
    let session = running(&account, &plan);
    account.wait_until_ready();
    let stopped = account.run(&["stop", &session, "--abandon", "frontend"]);
    assert!(stopped.status.success(), "{stopped:?}");
    let verified = || String::from_utf8(account.run(&["audit", "verify", &session]).stdout).unwrap();
    let before = verified();
    assert!(before.starts_with("PROVED") && before.contains("\nwriter   closed by process "), "{before}");
    for more in [&["--session", &session][..], &["--session", &session, "--simulated"]] {
        let refused = open(&account, &plan, more);
        assert_eq!(refused.status.code(), Some(3), "{refused:?}");
        assert_eq!(verified(), before, "{more:?}");
    }

    // The last record of an orderly end is vouched for: it can't go missing by accident.
    let segment = account.journal().join("00000001.jsonl");
    let bytes = fs::read(&segment).unwrap();
    let last = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    fs::write(&segment, &bytes[..last]).unwrap();
    let cut = account.run(&["audit", "verify", &session]);
    assert!(!cut.status.success() && String::from_utf8_lossy(&cut.stdout).starts_with("BROKEN"), "{cut:?}");
}

#[test]
fn a_session_that_runs_under_another_plan_file_is_named_at_once_and_nothing_is_started() {
    let account = Account::new();
    let plan = account.own_plan();
    let session = running(&account, &plan);
    let other = account.at("other plan.yaml");
    fs::copy(&plan, &other).unwrap();
    let refused = open(&account, &other, &[&account.world.argument(), "--session", &session]);
    let text = said(&refused);
    assert_eq!(refused.status.code(), Some(6), "{text}");
    assert!(text.contains(&format!("session {session} runs already and flies {}", plan.display())), "{text}");
    assert!(text.contains("nothing was started") && !text.contains("left running"), "{text}");
    let [attach] = commands(&text).try_into().unwrap();
    assert!(attach.ends_with(&format!("attach {session}")), "{attach}");
}

/// As in a shell with another state directory, or without the disk that holds the journal.
#[test]
fn where_the_journal_of_a_session_is_out_of_sight_none_is_begun_under_its_name() {
    let account = Account::new();
    let plan = account.own_plan();
    let session = running(&account, &plan);
    kill(&account);
    let (state, elsewhere) = (account.at("state"), account.at("unmounted"));
    fs::rename(&state, &elsewhere).unwrap();
    let again = || open(&account, &plan, &[&account.world.argument(), "--session", &session]);
    let refused = again();
    let text = said(&refused);
    assert!(!refused.status.success() && text.contains(&format!("session {session} was begun before, with its journal at ")), "{text}");
    assert!(text.contains("nothing was begun in its place") && !text.contains("is taken up where its journal ends"), "{text}");
    assert!(!state.join("cutover/journals").join(&session).exists(), "{text}");
    fs::remove_dir_all(&state).ok();
    fs::rename(&elsewhere, &state).unwrap();
    // Nor one under another name, which would know nothing of what the first has left.
    let elsewhere = account
        .command(&["open", plan.to_str().unwrap(), &account.world.argument(), "--no-attach", "--no-restart"])
        .env("XDG_STATE_HOME", account.at("another"))
        .output()
        .unwrap();
    assert!(!elsewhere.status.success() && said(&elsewhere).contains("was begun before, with its journal at "), "{elsewhere:?}");
    let back = again();
    assert!(back.status.success() && said(&back).contains("is taken up where its journal ends"), "{back:?}");
}
