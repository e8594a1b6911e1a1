//! Terminals that can do little, and people who want little.

use crate::cockpit::{Bond, Cockpit, size};

/// Parameters of every sequence that sets looks.
fn styles(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let sequences = text.split("\x1b[").skip(1).filter_map(|rest| {
        let end = rest.find(|character: char| !character.is_ascii_digit() && character != ';')?;
        rest[end..].starts_with('m').then(|| rest[..end].to_owned())
    });
    sequences.collect()
}

fn has_colour(style: &str) -> bool {
    let number = |part: &str| part.parse::<u16>().unwrap_or(0);
    style.split(';').map(number).any(|number| matches!(number, 30..=38 | 40..=48 | 90..=97 | 100..=107))
}

fn is_without_colour(env: &[(&str, &str)]) {
    let mut cockpit = Cockpit::start_with(size(100, 30), env, Bond::Controlling);
    cockpit.until("a first frame", |cockpit| cockpit.screen().contains("frontend"));
    cockpit.until_deed("some readings", |deed| deed.entry.seq.0 > 30);
    cockpit.press(&["q"]);
    let ended = cockpit.wait();
    assert_eq!(ended.code, 0);
    ended.assert_restored();
    let coloured: Vec<_> = styles(&ended.bytes).into_iter().filter(|style| has_colour(style)).collect();
    assert!(coloured.is_empty(), "{coloured:?}");
}

#[test]
fn a_colour_terminal_gets_colour() {
    let mut cockpit = Cockpit::flying();
    cockpit.press(&["q"]);
    let ended = cockpit.wait();
    assert!(styles(&ended.bytes).iter().any(|style| has_colour(style)));
}

#[test]
fn who_wants_no_colour_gets_none() {
    is_without_colour(&[("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("NO_COLOR", "1")]);
}

#[test]
fn a_dumb_terminal_gets_no_colour() {
    is_without_colour(&[("TERM", "dumb")]);
}
