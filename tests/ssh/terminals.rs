//! Terminals as ssh gives them: none, one without a size, one that hangs up, one that nobody reads.

use std::{
    io::{Read, Write},
    process::{Command, Output, Stdio},
};

use crate::{
    accounts::Who,
    flight::{Flight, ask_for},
};

fn signal(pid: u32, signal: &str) {
    let status = Command::new("kill").args([signal, &pid.to_string()]).stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "process {pid} is there to be told {signal}");
}

fn assert_wants_a_terminal(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("needs a terminal") && said.contains("ssh -t"), "{said}");
}

#[test]
fn without_a_terminal_a_cockpit_says_what_to_do_and_the_rest_works() {
    let Some(flight) = Flight::begin() else { return };
    let machine = &flight.machine;
    assert_wants_a_terminal(&machine.ssh(Who::Ben, &["cutover", "attach"]));
    assert_wants_a_terminal(&machine.ssh(Who::Eva, &["cutover", "watch"]));
    assert_wants_a_terminal(&machine.ssh(Who::Anna, &["cutover", "open", &machine.plan(), &flight.world.argument()]));
    let listed = machine.ssh(Who::Eva, &["cutover", "sessions", "--names"]);
    assert_eq!(String::from_utf8_lossy(&listed.stdout).trim(), flight.session);
    let before = flight.transitions().len();
    assert_eq!(flight.status()["people"].as_array().map(Vec::len), Some(0), "who only asks how it stands is not here");
    let visits = flight.transitions().into_iter().skip(before);
    let presence = visits.filter(|transition| format!("{:?}", transition.entry.event).starts_with("Joined")).count();
    assert_eq!(presence, 0, "and leaves no trace in the journal");
}

#[test]
fn a_terminal_of_no_size_is_drawn_on_and_left_in_order() {
    let Some(flight) = Flight::begin() else { return };
    let mut client = flight.machine.spawn(Who::Eva, &["-tt"], &["stty size; cutover watch"]);
    let mut out = client.stdout.take().unwrap();
    let mut seen = Vec::new();
    let mut bytes = [0u8; 4096];
    while !String::from_utf8_lossy(&seen).contains("WATCH") {
        let count = out.read(&mut bytes).unwrap();
        assert!(count > 0, "it ended instead: {:?}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&bytes[..count]);
    }
    assert!(seen.starts_with(b"0 0"), "ssh gives such a terminal no size: {:?}", String::from_utf8_lossy(&seen[..40]));
    client.stdin.as_mut().unwrap().write_all(b"q").unwrap();
    out.read_to_end(&mut seen).unwrap();
    let output = client.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&seen);
    assert!(text.contains("\u{1b}[?1049l"), "the screen was given back");
    assert!(text.contains("runs on"), "and the way back was named");
}

#[test]
fn a_dead_line_or_client_frees_the_controls_and_leaves_the_host_alone() {
    let Some(flight) = Flight::begin() else { return };
    let machine = &flight.machine;
    let host = machine.cutovers(Who::Anna, "host").iter().map(|one| one.pid).next().or_else(|| host(&flight)).unwrap();

    // The line is cut: ssh dies without a word.
    let mut ben = machine.cockpit(Who::Ben, &["attach"], (80, 24));
    ben.wait_for("HexProperty");
    ben.keys("c");
    flight.wait_for_controls(Some(Who::Ben));
    signal(ben.child.process_id().unwrap(), "-KILL");
    let took = machine.wait_until_gone(Who::Ben, "attach");
    writeln!(std::io::stderr(), "a client was gone {} ms after its line was cut", took.as_millis()).ok();
    flight.wait_for_controls(None);

    // The client itself is killed, then another one is asked to go.
    for (how, restored) in [("-KILL", false), ("-TERM", true), ("-HUP", true)] {
        let mut ben = machine.cockpit(Who::Ben, &["attach"], (80, 24));
        ben.wait_for("HexProperty");
        ben.keys("c");
        flight.wait_for_controls(Some(Who::Ben));
        signal(machine.cutovers(Who::Ben, "attach")[0].pid, how);
        ben.ended();
        machine.wait_until_gone(Who::Ben, "attach");
        flight.wait_for_controls(None);
        assert!(!restored || !ben.text().contains("Cloud Run"), "{how}: the screen is given back:\n{}", ben.text());
    }
    assert_eq!(host, self::host(&flight).unwrap(), "the same host all the time");
}

fn host(flight: &Flight) -> Option<u32> {
    let listed = flight.machine.ssh(Who::Eva, &["cutover", "sessions", "--json"]);
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).ok()?;
    u32::try_from(listed[0]["card"]["pid"].as_u64()?).ok()
}

#[test]
fn who_does_not_look_for_a_while_sees_the_newest_state_then() {
    let Some(flight) = Flight::begin() else { return };
    let mut anna = flight.machine.cockpit(Who::Anna, &["attach"], (120, 40));
    let eva = flight.machine.cockpit(Who::Eva, &["watch"], (120, 40));
    anna.wait_for("HexProperty");
    eva.wait_for("WATCH");
    // Ctrl-S, a suspended laptop: her ssh takes nothing any more.
    signal(eva.child.process_id().unwrap(), "-STOP");
    anna.keys("c");
    flight.wait_for_controls(Some(Who::Anna));
    for _ in 0..20 {
        anna.keys("lh");
    }
    anna.keys("C");
    flight.wait_for_controls(None);
    anna.keys("c");
    flight.wait_for_controls(Some(Who::Anna));
    ask_for(&mut anna, "]", "draft 1%");
    flight.wait_until("a step is on its way", |status| status["routes"]["frontend"]["wanted"]["gke"] == 0.01);
    assert!(!eva.text().contains("wanted 1%"));
    signal(eva.child.process_id().unwrap(), "-CONT");
    eva.wait_for("wanted 1%");
}
