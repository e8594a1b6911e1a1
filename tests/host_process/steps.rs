//! Steps of the plan from the command line: shown first, asked for as shown, refused with a reason, followed to their end.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::account::{Account, wait_until};

const STEPS: &str = "
phases:
  - name: parallel-infrastructure
    title: Parallel infrastructure
    from: 0%
    to: 0%
    steps:
      - name: backup
        title: Backup before anything moves
        sql_backup: { instance: hexproperty-prod, younger_than: 5m }
        patience: 30m
        expected: 2m
      - name: standby
        title: Standby in another zone
        sql_high_availability: { instance: hexproperty-prod }
        patience: 1h
      - name: second-backup
        title: A second backup
        sql_backup: { instance: hexproperty-prod, younger_than: 6m }
        needs: [{ step: backup }]
        patience: 30m
  - name: cutover
    title: Cutover
    from: 0%
    to: 100%
";

/// The seed's plan with steps of this test.
fn plan(account: &Account) -> PathBuf {
    let path = account.own_plan();
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("\nphases:").expect("the plan has phases");
    let (_, after) = rest.split_once("\n# ---").expect("something comes after them");
    fs::write(&path, format!("{before}{STEPS}\n# ---{after}")).unwrap();
    path
}

fn step(account: &Account, name: &str) -> Option<Value> {
    let output = account.run(&["steps", "--json"]);
    let tree: Value = serde_json::from_slice(&output.stdout).ok()?;
    tree["phases"]
        .as_array()?
        .iter()
        .flat_map(|phase| phase["steps"].as_array().cloned().unwrap_or_default())
        .find(|step| step["name"] == name)
}

fn said(output: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_step_is_shown_asked_for_as_shown_and_followed() {
    let account = Account::new();
    let plan = plan(&account);
    let output = account.run(&["open", plan.to_str().unwrap(), &account.world.argument(), "--no-attach", "--no-restart"]);
    assert!(output.status.success(), "{output:?}");
    let stands = |name: &str, word: &str| {
        wait_until(&format!("{name} stands as {word}"), || step(&account, name).filter(|step| step["stands"] == word))
    };
    let backup = stands("backup", "ready");

    let unknown = account.run(&["run", "backap"]);
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
    assert!(said(&unknown).contains("did you mean backup?"), "{}", said(&unknown));

    // What somebody else has done is reached, and nothing is asked for.
    stands("standby", "reached");
    let reached = account.run(&["run", "standby", "--yes"]);
    assert_eq!(reached.status.code(), Some(0), "{reached:?}");
    assert!(said(&reached).contains("it is so already"), "{}", said(&reached));

    let waits = account.run(&["run", "second-backup", "--yes"]);
    assert_eq!(waits.status.code(), Some(3), "{waits:?}");
    assert!(said(&waits).contains("first the plan needs \"Backup before anything moves\""), "{}", said(&waits));

    let shown = account.run(&["run", "backup"]);
    assert_eq!(shown.status.code(), Some(0), "{shown:?}");
    assert!(said(&shown).contains("changes  backupRun") && said(&shown).contains("nothing was asked for"), "{}", said(&shown));
    assert_eq!(step(&account, "backup").unwrap()["stands"], "ready");

    // What was shown is not what is there: the session refuses.
    let stale = account.run(&["run", "backup", "--seen", "1"]);
    assert_eq!(stale.status.code(), Some(3), "{stale:?}");
    assert!(said(&stale).contains("it is not what you saw any more"), "{}", said(&stale));

    let version = backup["version"].as_str().unwrap();
    let begun = account.run(&["run", "backup", "--seen", version, "--wait", "0"]);
    assert_eq!(begun.status.code(), Some(8), "{begun:?}");
    stands("backup", "running");
    let again = account.run(&["run", "backup", "--yes"]);
    assert_eq!(again.status.code(), Some(3), "{again:?}");
    assert!(said(&again).contains("it is under way already"), "{}", said(&again));
    // The controls that it took for that are free again.
    account.wait_until("nobody has the controls", |status| status["controls"].is_null());
}
