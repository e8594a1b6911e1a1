//! Two people fly one migration from two logins: an approval, a hand-over while traffic moves, and home again without a terminal.

use std::time::{Duration, Instant};

use cutover::core::{
    command::Command,
    decision::{Refusal, Verdict},
    event::Event,
};

use crate::{
    accounts::Who,
    flight::{Flight, ask_for},
    pty::Pty,
};

/// What somebody was told when he last asked for such a thing, by the journal.
fn last_verdict(flight: &Flight, who: Who, such: impl Fn(&Command) -> bool) -> Option<Verdict> {
    let transitions = flight.transitions().into_iter().rev();
    transitions.into_iter().find_map(|transition| match transition.entry.event {
        Event::Asked { by, command, .. } if by.who.as_str() == who.name() && such(&command) => {
            transition.decision.answer.map(|one| one.verdict)
        }
        _ => None,
    })
}

fn wait_for_verdict(flight: &Flight, who: Who, such: impl Fn(&Command) -> bool) -> Verdict {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(verdict) = last_verdict(flight, who, &such) {
            return verdict;
        }
        assert!(Instant::now() < deadline, "{}'s request is not in the journal", who.name());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn is_shift(command: &Command) -> bool {
    matches!(command, Command::Shift { .. })
}

/// Types the word that the dialog asks for, which comes up by itself and is not known before it is on the screen.
fn approve(cockpit: &mut Pty) {
    let screen = cockpit.wait_until("the dialog", |text| text.contains("Type ") && text.contains(" to approve"));
    let word = screen.split("Type ").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap().to_owned();
    // What is typed in the half second in which the dialog came up was meant for something else.
    std::thread::sleep(Duration::from_millis(1_500));
    // One key after the other, as a hand types: all in one write would be a burst.
    for letter in word.chars() {
        cockpit.keys(&letter.to_string());
        std::thread::sleep(Duration::from_millis(150));
    }
    cockpit.wait_for(&format!("> {word}"));
    cockpit.keys("\r");
}

/// Asks for 60 % until the small share has stood for long enough to be judged; a refused draft stays on the slider.
fn ask_until_open(flight: &Flight, cockpit: &mut Pty) {
    ask_for(cockpit, "6", "draft 60%");
    let deadline = Instant::now() + Duration::from_secs(200);
    while flight.status()["approvals_open"] != 1 {
        assert!(Instant::now() < deadline, "no request was opened: {:?}", last_verdict(flight, Who::Anna, is_shift));
        std::thread::sleep(Duration::from_secs(2));
        cockpit.keys("\r");
    }
}

#[test]
fn a_pair_approves_hands_over_and_comes_home_over_ssh() {
    let Some(flight) = Flight::begin() else { return };
    let plan = flight.machine.plan();
    let mut anna = flight.machine.cockpit(Who::Anna, &["open", &plan, &flight.world.argument()], (120, 40));
    let mut ben = flight.machine.cockpit(Who::Ben, &["attach"], (100, 30));
    let eva = flight.machine.cockpit(Who::Eva, &["watch", &flight.session], (80, 24));
    anna.wait_for("HexProperty");
    ben.wait_for("HexProperty");
    eva.wait_for("WATCH");
    for who in Who::ALL {
        let here = |one: &serde_json::Value| one["who"] == who.name() && one["role"] == who.role();
        flight.wait_until(&format!("{} is here", who.name()), |status| status["people"].as_array().unwrap().iter().any(here));
    }

    // A first step, and then more at once than the plan lets one person move.
    anna.keys("c");
    flight.wait_for_controls(Some(Who::Anna));
    flight.step_out(&mut anna);
    ask_until_open(&flight, &mut anna);
    assert!(matches!(last_verdict(&flight, Who::Anna, is_shift), Some(Verdict::NeedsApproval { .. })));
    assert_eq!(flight.status()["routes"]["frontend"]["wanted"]["gke"], 0.01, "nothing more has moved yet");
    approve(&mut ben);
    assert_eq!(wait_for_verdict(&flight, Who::Ben, |one| matches!(one, Command::Approve { .. })), Verdict::Accepted);
    flight.wait_until("the approved step is on its way", |status| status["routes"]["frontend"]["wanted"]["gke"] == 0.6);

    // Handed over in the middle of it.
    ben.keys("c");
    flight.wait_until("Ben has asked", |_| last_verdict(&flight, Who::Ben, |one| matches!(one, Command::Controls(_))).is_some());
    anna.wait_for("asks for the controls");
    anna.keys("c");
    flight.wait_for_controls(Some(Who::Ben));
    assert_ne!(flight.status()["routes"]["frontend"]["motion"], "settled", "the edge takes its time, and the hand-over came first");
    let before = flight.actions().len();
    ask_for(&mut anna, "7", "draft 70%");
    flight.wait_until("Anna's request is recorded", |_| {
        flight.actions().len() > before && last_verdict(&flight, Who::Anna, is_shift).is_some()
    });
    let refused = wait_for_verdict(&flight, Who::Anna, |one| matches!(one, Command::Shift { to, .. } if to.to_string().contains("70%")));
    assert_eq!(refused, Verdict::Refused(Refusal::NoControls { holder: "ben".parse().unwrap() }));

    // Home with one command, without a terminal and without the controls.
    let home = flight.machine.ssh(Who::Anna, &["cutover", "rollback", "--wait", "5"]);
    let said = String::from_utf8_lossy(&home.stdout);
    // Accepted is at once; until it is seen as well, the command ends with 8.
    assert!(matches!(home.status.code(), Some(0 | 8)) && said.contains("recorded: going home"), "{home:?}");
    let status = flight.status();
    assert_eq!(status["routes"]["frontend"]["accepted"]["gke"], 0.0);
    assert_eq!(status["routes"]["frontend"]["latched"], true);
    // Everybody sees the same.
    for cockpit in [&anna, &ben, &eva] {
        let words = ["home accepted", "home not seen yet", "all on Cloud Run"];
        cockpit.wait_until("where users are on their way home", |text| words.iter().any(|word| text.contains(word)));
    }

    let denied = flight.machine.ssh(Who::Ben, &["cutover", "stop", &flight.session, "--abandon", "frontend"]);
    assert_eq!(denied.status.code(), Some(3), "only the host's owner stops it: {denied:?}");
    let refused = flight.machine.ssh(Who::Eva, &["cutover", "rollback"]);
    assert_eq!(refused.status.code(), Some(3), "a watcher can't even go home: {refused:?}");
    anna.keys("q");
    assert!(anna.ended().success());
    let stopped = flight.machine.ssh(Who::Anna, &["cutover", "stop", &flight.session, "--abandon", "frontend"]);
    assert!(stopped.status.success(), "{stopped:?}");
    ben.wait_until("Ben is told", |text| text.contains("was stopped by anna"));
}
