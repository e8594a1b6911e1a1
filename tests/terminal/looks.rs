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
    cockpit.until_deed("some readings", |transition| transition.entry.seq.0 > 30);
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

/// Everything that was ever drawn in a short flight through the screens.
fn drawn(env: &[(&str, &str)]) -> String {
    let mut cockpit = Cockpit::start_with(size(100, 30), env, Bond::Controlling);
    cockpit.until("a first frame", |cockpit| cockpit.screen().contains("frontend"));
    cockpit.until_deed("some readings", |transition| transition.entry.seq.0 > 60);
    let mut seen = String::new();
    for key in ["m", "J", "w", "?"] {
        cockpit.press(&[key]);
        std::thread::sleep(std::time::Duration::from_millis(300));
        seen.push_str(&cockpit.screen());
    }
    cockpit.press(&["\x1b"]);
    cockpit.until("help to close", |cockpit| !cockpit.screen().contains("while typing too"));
    cockpit.press(&["q"]);
    let ended = cockpit.wait();
    assert_eq!(ended.code, 0);
    seen + &ended.tail()
}

#[test]
fn a_terminal_without_unicode_gets_no_character_beyond_ascii() {
    let strange: String = drawn(&[("TERM", "xterm-256color"), ("LANG", "C")]).chars().filter(|character| !character.is_ascii()).collect();
    assert_eq!(strange, "", "on the screen and in its last words");
}

#[test]
fn a_linux_console_gets_what_its_font_has() {
    let seen = drawn(&[("TERM", "linux"), ("LANG", "C.UTF-8")]);
    assert!(seen.contains('┌') && seen.contains('√'), "{seen}");
    let strange: String = seen.chars().filter(|character| "╭╮╰╯┏┓┗┛━┃✓✗▁▂▃▅▆▇◆◇◀▸…⠁⣀".contains(*character)).collect();
    assert_eq!(strange, "");
}
