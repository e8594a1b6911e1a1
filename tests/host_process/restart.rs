//! What `cutover open` leaves beside a host: somebody who starts it again.

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use cutover::{
    core::{decision::Transition, event::Event},
    domain::{
        fact::Fact,
        metric::{Measured, Metric},
    },
    sim::{
        faults::{Api, Fault, Trouble},
        simulation::{Config, Control, Ports, Simulation},
    },
};

use crate::{
    account::{Account, wait_until},
    world::World,
};

/// The process that started this one.
fn parent(pid: u32) -> u32 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // Behind the name, which may hold anything: the state, then the parent.
    stat.rsplit_once(')').unwrap().1.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

#[test]
fn a_host_that_is_killed_is_started_again_and_still_goes_home() {
    let account = Account::new();
    let session = account.open_for_good();
    let cockpit = account.cockpit_that_steps_out();
    account.wait_until("1 % is out", |status| status["routes"]["frontend"]["accepted"]["gke"] == 0.01);
    let (first, supervisor) = (account.host_pid(), parent(account.host_pid()));
    for process in [first, cockpit.child.process_id().unwrap()] {
        let given_up = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        assert!(given_up.contains("NoNewPrivs:\t1") && given_up.contains("Seccomp:\t2"), "it can start no program: {given_up}");
    }
    account.signal("-KILL");
    wait_until("another host has the session", || (account.host_pid() != first && lives(account.host_pid())).then_some(()));
    account.wait_until("it answers for the same session", |status| status["session"] == session.as_str());
    assert_eq!(parent(account.host_pid()), supervisor);
    let restarts = account.transitions().iter().filter(|transition| transition.entry.event == Event::Restarted).count();
    assert_eq!(restarts, 1);
    let home = account.run(&["rollback", "--wait", "5"]);
    assert!(matches!(home.status.code(), Some(0 | 8)), "{home:?}");
    assert_eq!(account.status()["routes"]["frontend"]["accepted"]["gke"], 0.0);
    drop(cockpit);

    // Whoever stops the session stops everything.
    let host = account.host_pid();
    let stopped = account.run(&["stop", &session, "--abandon", "frontend"]);
    assert!(stopped.status.success(), "{stopped:?}");
    wait_until("host and supervisor have ended", || (!lives(host) && !lives(supervisor)).then_some(()));
}

#[test]
fn who_ends_the_supervisor_ends_the_host_and_leaves_the_session_to_the_next_one() {
    let account = Account::new();
    let session = account.open_for_good();
    let (host, supervisor) = (account.host_pid(), parent(account.host_pid()));
    let told = Command::new("kill").args(["-TERM", &supervisor.to_string()]).status().unwrap();
    assert!(told.success());
    wait_until("both have ended", || (!lives(host) && !lives(supervisor)).then_some(()));
    assert_eq!(account.open(), session);
}

/// It does nothing but wait, so its own death has no other sign than this.
#[test]
fn a_host_whose_supervisor_is_gone_says_that_nobody_would_start_it_again() {
    let account = Account::new();
    account.open_for_good();
    account.wait_until_ready();
    let (host, supervisor) = (account.host_pid(), parent(account.host_pid()));
    let alone = |status: &serde_json::Value| status["attention"].as_array().unwrap().iter().any(|what| what["kind"] == "supervisor-gone");
    assert!(!alone(&account.status()), "it is there");
    let killed = Command::new("kill").args(["-KILL", &supervisor.to_string()]).status().unwrap();
    assert!(killed.success());
    account.wait_until("the host says so", alone);
    let told = account.run(&["status"]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("nobody would start this host again if it died") && told.contains(&supervisor.to_string()), "{told}");
    assert_eq!(account.host_pid(), host, "it flies on");
    let recorded = Event::SupervisorGone { process: supervisor };
    let times = || account.transitions().iter().filter(|transition| transition.entry.event == recorded).count();
    assert_eq!(wait_until("it is on record", || Some(times()).filter(|times| *times > 0)), 1);

    // Whoever ends it and opens the plan again has both.
    account.signal("-TERM");
    wait_until("the host has ended", || (!lives(host)).then_some(()));
    account.open_for_good();
    account.wait_until_ready();
    assert!(!alone(&account.status()));
}

/// What was told of home's requests by each look, and where a host came back in between.
fn looks_at_home(transitions: &[Transition]) -> Vec<Option<Measured>> {
    let told = |fact: &Fact| match fact {
        Fact::Measured { backend, values } if backend.as_str() == "run" => values.get(&Metric::RequestRate).copied(),
        _ => None,
    };
    let seen = transitions.iter().flat_map(|transition| match &transition.entry.event {
        Event::Restarted => vec![None],
        Event::Observed(observation) => observation.result.iter().flatten().filter_map(|fact| told(fact).map(Some)).collect(),
        _ => Vec::new(),
    });
    seen.collect()
}

#[test]
fn a_host_that_is_back_judges_with_its_first_look() {
    let account = Account::new();
    account.open_for_good();
    wait_until("a window is full", || {
        looks_at_home(&account.transitions()).into_iter().any(|look| matches!(look, Some(Ok(_)))).then_some(())
    });
    account.signal("-KILL");
    let first = wait_until("the next host looks", || {
        let looks = looks_at_home(&account.transitions());
        let back = looks.iter().position(Option::is_none)?;
        looks.get(back + 1).copied()
    });
    assert!(matches!(first, Some(Ok(_))), "{first:?}");
    let mode = fs::metadata(account.journal().with_extension("windows")).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
}

/// The more often a host dies the later the next one comes: a rollback that is asked for meanwhile waits for it, also one that waits for nothing
/// once it is on record.
#[test]
fn a_rollback_waits_for_the_next_host() {
    let account = Account::new();
    account.open_for_good();
    account.wait_until_ready();
    for death in 1..=4 {
        let before = account.host_pid();
        account.signal("-KILL");
        if death < 4 {
            wait_until("another host has the session", || {
                (account.host_pid() != before && lives(account.host_pid()) && account.status()["host"] == "here").then_some(())
            });
        }
    }
    wait_until("the host is gone", || account.card().filter(|card| card["life"] == "dead"));
    let status = account.run(&["status"]);
    let said = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(status.status.code() == Some(7) && said.contains("its next host comes by itself in"), "{status:?}");
    let home = account.run(&["rollback", "--wait", "0"]);
    let said = [home.stdout.as_slice(), home.stderr.as_slice()].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    assert!(said.contains("nothing was asked for yet; it is tried again") && said.contains("recorded: "), "{said}");
    assert!(matches!(home.status.code(), Some(0 | 8)), "on record, and left: {said}");
}

/// The command that is printed of a host that was stopped ends it; whoever waits for his rollback then waits for the next host.
#[test]
fn a_rollback_that_waits_for_a_stopped_host_is_taken_by_the_next_one() {
    for wait in ["0", "20"] {
        let account = Account::new();
        account.open_for_good();
        account.wait_until_ready();
        account.signal("-STOP");
        let stopped = account.host_pid();
        let asked = account.command(&["rollback", "--wait", wait]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(1_500));
        assert!(Command::new("kill").args(["-KILL", &stopped.to_string()]).status().unwrap().success());
        let home = asked.wait_with_output().unwrap();
        let said = [home.stdout.as_slice(), home.stderr.as_slice()].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
        assert!(said.contains("recorded: ") && matches!(home.status.code(), Some(0 | 8)), "--wait {wait}: {:?} {said}", home.status);
    }
}

fn is_home(control: &Control) -> bool {
    control.truth().accepted.iter().all(|(service, share)| *share == 0 || service == "frontend-run")
}

/// What the host before has read of the map lies beside the journal, so the next one needs no look to bring everybody home.
#[test]
fn a_host_that_is_killed_while_reads_hang_brings_everybody_home_when_it_is_back() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let simulation = runtime.block_on(Simulation::start(Config { ports: Ports::AnyRow, ..Config::default() })).unwrap();
    let (control, port) = (simulation.control(), simulation.endpoints().google.port());
    let account = Account::of(World::at(port));
    account.open_for_good();
    let cockpit = account.cockpit_that_steps_out();
    account.wait_until("1 % is out", |status| status["routes"]["frontend"]["accepted"]["gke"] == 0.01);
    let note = account.journal().with_extension("objects");
    wait_until("what the write has made is left", || {
        fs::read_to_string(&note).unwrap_or_default().contains("cutover claim/1").then_some(())
    });
    let mode = fs::metadata(&note).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
    let left = fs::read_to_string(&note).unwrap();
    assert!(!left.contains("Bearer") && !left.contains("cutover-demo"), "no word of ours to the API is in it");

    control.inject(&Fault::Api { api: Api::Compute, trouble: Trouble::ReadsHang, for_s: 36_000.0 });
    let first = account.host_pid();
    account.signal("-KILL");
    wait_until("another host has the session", || (account.host_pid() != first && lives(account.host_pid())).then_some(()));
    assert!(!is_home(&control));
    let home = account.run(&["rollback", "--wait", "0"]);
    assert!(home.status.code() == Some(8), "on record: {home:?}");
    wait_until("the world is home", || is_home(&control).then_some(()));
    let looked = |transition: &Transition| match &transition.entry.event {
        Event::Observed(seen) => seen.source.as_str() == "weights/frontend" && seen.result.is_ok(),
        _ => false,
    };
    let transitions = account.transitions();
    let back = transitions.iter().position(|transition| transition.entry.event == Event::Restarted).unwrap();
    assert!(!transitions[back..].iter().any(looked), "nothing was read since");
    control.calm();
    account.wait_until("it is known", |status| status["routes"]["frontend"]["accepted"]["gke"] == 0.0);
    drop(cockpit);
    drop(account);
    runtime.block_on(simulation.stop());
}
