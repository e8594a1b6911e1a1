//! Stopped and continued: the shell gets a usable terminal, and the cockpit gets its own back, the way home included.

use std::time::Duration;

use cutover::{
    core::{command::Command, event::Event},
    tui::terminal::restore::RESTORE,
};
use rustix::process::Signal;

use crate::cockpit::Cockpit;

/// The chord that goes home from anywhere.
const HOME: &str = "\x1b[20~";
/// Keys that were typed so long before they are read count no more; a stop may last longer.
const LONG: Duration = Duration::from_millis(2_300);

fn count(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).filter(|window| *window == wanted).count()
}

/// One press, and the session knows of it.
fn goes_home_at_once(cockpit: &mut Cockpit) {
    cockpit.press(&[HOME]);
    cockpit
        .until_deed("the way home", |transition| matches!(&transition.entry.event, Event::Asked { command: Command::Rollback { .. }, .. }));
}

fn is_whole(cockpit: &Cockpit) -> bool {
    let screen = cockpit.screen();
    screen.contains("frontend") && screen.contains("Automatic rollback") && screen.contains("F9") && !screen.contains("shell:")
}

#[test]
fn stopped_without_a_warning_and_continued_it_takes_the_terminal_again() {
    let mut cockpit = Cockpit::flying();
    let entered = count(&cockpit.bytes(), b"\x1b[?1006h");
    cockpit.signal(Signal::STOP);
    cockpit.until("standstill", Cockpit::is_stopped);
    cockpit.taken_over();
    std::thread::sleep(LONG);
    assert!(!cockpit.is_raw());
    // What is typed for the shell is not the cockpit's.
    cockpit.send(b"c\r");
    cockpit.signal(Signal::CONT);
    cockpit.until("a raw terminal", Cockpit::is_raw);
    cockpit.until("the whole picture", is_whole);
    assert_eq!(count(&cockpit.bytes(), b"\x1b[?1006h"), entered + 1, "the mouse is reported again");
    assert_eq!(count(&cockpit.bytes(), b"\x1b[?2004h"), entered + 1, "and so is a paste");
    goes_home_at_once(&mut cockpit);
    let asked = cockpit.transitions().into_iter().filter(|transition| matches!(transition.entry.event, Event::Asked { .. })).count();
    assert_eq!(asked, 1, "and nothing else was asked");
    cockpit.press(&["q"]);
    let ended = cockpit.wait();
    assert_eq!(ended.code, 0);
    ended.assert_restored();
    ended.assert_proved();
}

#[test]
fn what_goes_home_while_it_stands_still_is_not_lost() {
    let mut cockpit = Cockpit::flying();
    cockpit.signal(Signal::STOP);
    cockpit.until("standstill", Cockpit::is_stopped);
    cockpit.send(b"p");
    cockpit.send(HOME.as_bytes());
    std::thread::sleep(LONG);
    cockpit.signal(Signal::CONT);
    cockpit
        .until_deed("the way home", |transition| matches!(&transition.entry.event, Event::Asked { command: Command::Rollback { .. }, .. }));
    let asked = cockpit.transitions().into_iter().filter(|transition| matches!(transition.entry.event, Event::Asked { .. })).count();
    assert_eq!(asked, 1, "what was typed for another screen is asked for by nobody");
    cockpit.press(&["q"]);
    assert_eq!(cockpit.wait().code, 0);
}

#[test]
fn a_shell_stops_it_and_continues_it() {
    let mut cockpit = Cockpit::flying_as_a_job();
    cockpit.signal_job(Signal::TSTP);
    cockpit.until("the shell", |cockpit| cockpit.screen().contains("shell:"));
    assert_eq!(count(&cockpit.bytes(), RESTORE), 1, "the shell gets the terminal as it was");
    assert!(!cockpit.is_raw());
    cockpit.send(b"\n");
    cockpit.until("a raw terminal", Cockpit::is_raw);
    cockpit.until("the whole picture", is_whole);
    goes_home_at_once(&mut cockpit);
    cockpit.press(&["q"]);
    let ended = cockpit.wait();
    assert_eq!(count(&ended.bytes, RESTORE), 2, "once for the shell and once at the end: {:?}", ended.tail());
    assert!(ended.tail().contains("audit verify"), "{:?}", ended.tail());
    ended.assert_proved();
}

#[test]
fn where_nobody_could_continue_it_a_stop_is_not_obeyed() {
    let mut cockpit = Cockpit::flying();
    cockpit.signal(Signal::TSTP);
    goes_home_at_once(&mut cockpit);
    assert!(cockpit.is_raw() && !cockpit.is_stopped());
    cockpit.press(&["q"]);
    let ended = cockpit.wait();
    assert_eq!(ended.code, 0);
    ended.assert_restored();
}
