//! Keys as other terminals and slow lines tell them, and lines of text that no hand has typed.

use std::{thread, time::Duration};

use cutover::core::{
    command::{Command, ControlsCommand},
    event::Event,
};

use crate::cockpit::Cockpit;

/// What the session was asked so far.
fn asked(cockpit: &Cockpit) -> Vec<Command> {
    let asked = |event: Event| if let Event::Asked { command, .. } = event { Some(command) } else { None };
    cockpit.transitions().into_iter().filter_map(|transition| asked(transition.entry.event)).collect()
}

fn goes_home(cockpit: &mut Cockpit) {
    cockpit.until("the way home", |cockpit| asked(cockpit).iter().any(|command| matches!(command, Command::Rollback { .. })));
}

fn quits(mut cockpit: Cockpit) {
    cockpit.press(&["q"]);
    let ended = cockpit.wait();
    assert_eq!(ended.code, 0, "{:?}", ended.tail());
    ended.assert_restored();
}

#[test]
fn function_keys_of_the_linux_console_are_keys_and_give_nothing_up() {
    let mut cockpit = Cockpit::flying();
    cockpit.press(&["c"]);
    cockpit.until("the controls", |cockpit| asked(cockpit) == [Command::Controls(ControlsCommand::Take)]);
    cockpit.press(&["\x1b[[A"]);
    cockpit.until("help", |cockpit| cockpit.screen().contains("Anywhere, while typing too"));
    cockpit.press(&["\x1b[[A", "\x1b[[B", "\x1b[[C", "\x1b[[D", "\x1b[[E", "\x1b[17~", "\x1b[20~"]);
    goes_home(&mut cockpit);
    assert_eq!(asked(&cockpit).len(), 2, "{:?}", asked(&cockpit));
    quits(cockpit);
}

#[test]
fn every_encoding_of_the_second_chord_goes_home() {
    for chord in ["\x1c", "\x1b[92;5u", "\x1b[27;5;92~"] {
        let mut cockpit = Cockpit::flying();
        cockpit.press(&[chord]);
        goes_home(&mut cockpit);
        quits(cockpit);
    }
}

#[test]
fn a_chord_that_a_slow_line_cuts_in_two_goes_home() {
    for (cut, pause) in [(1, 80), (1, 400), (2, 80), (3, 400), (4, 400)] {
        let mut cockpit = Cockpit::flying();
        let (first, rest) = "\x1b[20~".split_at(cut);
        cockpit.send(first.as_bytes());
        thread::sleep(Duration::from_millis(pause));
        cockpit.send(rest.as_bytes());
        goes_home(&mut cockpit);
        assert!(!cockpit.screen().contains("◆ draft"), "no digit of it is a draft:\n{}", cockpit.screen());
        quits(cockpit);
    }
}

#[test]
fn a_short_line_that_is_pasted_without_brackets_acts_on_nothing() {
    let mut cockpit = Cockpit::flying();
    cockpit.send(b"c\r");
    thread::sleep(Duration::from_millis(100));
    cockpit.send(b"]\rp\r");
    thread::sleep(Duration::from_millis(100));
    cockpit.press(&["\x1b[20~"]);
    goes_home(&mut cockpit);
    // Wishes keep their order, so nothing was asked before.
    assert_eq!(asked(&cockpit).len(), 1, "{:?}", asked(&cockpit));
    quits(cockpit);
}
