//! Input that no hand makes: it acts on nothing, and the way home stays open.

use std::{thread, time::Duration};

use cutover::core::{command::Command, event::Event};

use crate::cockpit::Cockpit;

const PASTE_BEGIN: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";
/// The chord that goes home from anywhere.
const HOME: &str = "\x1b[20~";

/// What the session was asked so far.
fn asked(cockpit: &Cockpit) -> Vec<Command> {
    let asked = |event: Event| if let Event::Asked { command, .. } = event { Some(command) } else { None };
    cockpit.transitions().into_iter().filter_map(|transition| asked(transition.entry.event)).collect()
}

fn goes_home(cockpit: &mut Cockpit) {
    // A flood may take its time until it is read; the hand insists.
    for _ in 0..40 {
        cockpit.press(&[HOME]);
        thread::sleep(Duration::from_millis(500));
        if !asked(cockpit).is_empty() {
            break;
        }
    }
    cockpit.until("the way home", |cockpit| asked(cockpit).iter().any(|command| matches!(command, Command::Rollback { .. })));
    assert!(asked(cockpit).iter().all(|command| matches!(command, Command::Rollback { .. })), "{:?}", asked(cockpit));
}

fn quits(mut cockpit: Cockpit) {
    cockpit.press(&["q"]);
    let ended = cockpit.wait();
    assert_eq!(ended.code, 0, "{:?}", ended.tail());
    ended.assert_restored();
    ended.assert_proved();
}

/// Every key that would do something, over and over.
fn bomb(bytes: usize) -> Vec<u8> {
    b"c]\rapdsv!\x03q\x1b[20~5\r".iter().copied().cycle().take(bytes).collect()
}

#[test]
fn a_megabyte_that_is_pasted_acts_on_nothing() {
    let mut cockpit = Cockpit::flying();
    cockpit.send(PASTE_BEGIN);
    cockpit.send(&bomb(1 << 20));
    cockpit.send(PASTE_END);
    thread::sleep(Duration::from_secs(1));
    assert_eq!(asked(&cockpit), []);
    goes_home(&mut cockpit);
    quits(cockpit);
}

#[test]
fn a_paste_that_never_ends_does_not_close_the_way_home() {
    let mut cockpit = Cockpit::flying();
    cockpit.send(PASTE_BEGIN);
    cockpit.send(&bomb(1 << 20));
    goes_home(&mut cockpit);
    quits(cockpit);
}

#[test]
fn random_bytes_neither_panic_nor_leave_the_terminal_raw() {
    // A small generator of its own, so that a seed is a case for ever.
    for seed in [1u64, 2, 3] {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        };
        let mut cockpit = Cockpit::flying();
        for _ in 0..40 {
            let piece: Vec<u8> = (0..200).map(|_| next()).filter(|byte| !matches!(byte, b'q' | 0x03)).collect();
            cockpit.send(&piece);
            thread::sleep(Duration::from_millis(10));
        }
        cockpit.until_deed("life after it", |_| true);
        // Whatever was opened is closed; then it is left by the key that works everywhere.
        cockpit.press_until_it_ends("\x03");
        let ended = cockpit.wait();
        assert_eq!(ended.code, 0, "seed {seed}: {:?}", ended.tail());
        ended.assert_restored();
        ended.assert_proved();
    }
}
