//! The ways in which a terminal or its program ends.

use std::time::Duration;

use cutover::core::event::Event;
use rustix::process::Signal;

use crate::cockpit::{Bond, Cockpit, Ended, size};

/// Gone at once, not by the grace after which a program without a terminal is ended by force; a busy machine is given its time.
const SOON: Duration = Duration::from_secs(6);
/// A program that spins until it is ended uses more than this.
const CPU_MAX: Duration = Duration::from_millis(900);

fn assert_went_quietly(ended: &Ended) {
    println!("gone after {:?} with {:?} of processor time", ended.took, ended.cpu);
    assert!(ended.took < SOON, "gone after {:?}", ended.took);
    assert!(ended.cpu < CPU_MAX, "used {:?} of processor time in {:?}", ended.cpu, ended.took);
    ended.assert_proved();
}

fn ends_on(signal: Signal) {
    let mut cockpit = Cockpit::flying();
    cockpit.signal(signal);
    let ended = cockpit.wait();
    assert_eq!(ended.code, 130, "it was interrupted: {:?}", ended.tail());
    ended.assert_restored();
    assert_went_quietly(&ended);
}

#[test]
fn a_polite_kill_restores_the_terminal() {
    ends_on(Signal::TERM);
}

#[test]
fn an_interrupt_restores_the_terminal() {
    ends_on(Signal::INT);
}

#[test]
fn a_quit_signal_restores_the_terminal() {
    ends_on(Signal::QUIT);
}

#[test]
fn a_hang_up_signal_restores_the_terminal() {
    ends_on(Signal::HUP);
}

#[test]
fn a_terminal_that_is_gone_ends_the_program_without_spinning() {
    let ended = Cockpit::flying().hang_up();
    assert_went_quietly(&ended);
}

#[test]
fn a_terminal_that_is_gone_without_a_signal_ends_the_program_too() {
    let ended = Cockpit::flying_with(Bond::Loose).hang_up();
    assert_went_quietly(&ended);
}

#[test]
fn a_killed_program_leaves_a_journal_that_is_proved() {
    let mut cockpit = Cockpit::flying();
    cockpit.press(&["c"]);
    cockpit.until_deed("some readings", |transition| transition.entry.seq.0 > 40);
    let asked =
        |cockpit: &Cockpit| cockpit.transitions().iter().filter(|transition| matches!(transition.entry.event, Event::Asked { .. })).count();
    assert_eq!(asked(&cockpit), 1);
    cockpit.signal(Signal::KILL);
    let ended = cockpit.killed();
    ended.assert_proved();
}

#[test]
fn a_storm_of_sizes_ends_in_a_whole_picture() {
    let mut cockpit = Cockpit::flying();
    for number in 0..300u16 {
        cockpit.resize(1 + number * 37 % 400, 1 + number * 23 % 120);
    }
    cockpit.resize(100, 30);
    let whole = |cockpit: &Cockpit| {
        let screen = cockpit.screen();
        screen.contains("frontend") && screen.lines().count() >= 28
    };
    cockpit.until("a whole picture", whole);
    cockpit.press(&["q"]);
    let ended = cockpit.wait();
    assert_eq!(ended.code, 0);
    ended.assert_restored();
}

#[test]
fn a_terminal_without_a_size_is_drawn_as_a_usual_one() {
    let mut cockpit = Cockpit::start(size(0, 0));
    cockpit.until("a first frame", |cockpit| cockpit.screen().contains("frontend"));
    cockpit.press(&["q"]);
    let ended = cockpit.wait();
    assert_eq!(ended.code, 0);
    ended.assert_restored();
}

#[test]
fn a_terminal_of_one_cell_is_survived() {
    let mut cockpit = Cockpit::start(size(1, 1));
    cockpit.until("a first frame", |cockpit| cockpit.bytes().windows(8).any(|window| window == b"\x1b[?2026l"));
    cockpit.until_deed("life", |transition| transition.entry.seq.0 > 20);
    cockpit.press(&["q"]);
    let ended = cockpit.wait();
    assert_eq!(ended.code, 0);
    ended.assert_restored();
}
