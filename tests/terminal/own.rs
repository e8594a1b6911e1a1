//! A person's own files: themes, keys, and the theme that was chosen last.

use cutover::core::{command::Command, event::Event};

use crate::cockpit::{Cockpit, Ended};

fn quits(mut cockpit: Cockpit) -> Ended {
    cockpit.press(&["q"]);
    let ended = cockpit.wait();
    assert_eq!(ended.code, 0, "{:?}", ended.tail());
    ended.assert_restored();
    ended
}

fn goes_home_by(cockpit: &mut Cockpit, chord: &str) {
    cockpit.press(&[chord]);
    cockpit
        .until_deed("the way home", |transition| matches!(&transition.entry.event, Event::Asked { command: Command::Rollback { .. }, .. }));
}

/// Whether a colour of 256 was ever the ground of a cell.
fn paints(cockpit: &Cockpit, ground: u8) -> bool {
    let wanted = format!("48;5;{ground}");
    String::from_utf8_lossy(&cockpit.bytes()).contains(&wanted)
}

#[test]
fn a_theme_is_chosen_once_and_for_all() {
    let mut cockpit = Cockpit::flying();
    assert_eq!(cockpit.file("cockpit.toml"), None);
    cockpit.press(&["T", "j"]);
    // Tried on is not chosen.
    cockpit.press(&["\x1b"]);
    cockpit.until("the list to close", |cockpit| !cockpit.screen().contains("colorblind"));
    assert_eq!(cockpit.file("cockpit.toml"), None);
    cockpit.press(&["T", "j", "\r"]);
    cockpit.until("the choice to be written", |cockpit| cockpit.file("cockpit.toml").is_some());
    let kept = cockpit.file("cockpit.toml").unwrap();
    assert!(kept.ends_with("theme = \"light\"\n"), "{kept}");
    quits(cockpit);
    let cockpit = Cockpit::flying_with_files(&[("cockpit.toml", &kept), ("themes/light.toml", LIGHT)]);
    assert!(paints(&cockpit, 196), "the next one begins with it");
    quits(cockpit);
}

/// Takes the word of a built-in theme, with a ground that no other has.
const LIGHT: &str = "name = \"Mine\"\ninherits = \"light\"\n[roles]\nbase = { fg = \"#000000\", bg = \"#ff0000\" }\n";

#[test]
fn own_keys_go_home() {
    let mut cockpit = Cockpit::flying_with_files(&[("keys.toml", "[keys]\nrollback = \"F12\"\nhelp = \"F9\"\n")]);
    // A frame may be read before its last row has come.
    cockpit.until("the key of its own", |cockpit| cockpit.screen().contains("F12 ROLL BACK"));
    cockpit.press(&["\x1b[20~"]);
    cockpit.until("help", |cockpit| cockpit.screen().contains("Anywhere, while typing too"));
    goes_home_by(&mut cockpit, "\x1b[24~");
    cockpit.press(&["\x1b"]);
    cockpit.until("help to close", |cockpit| !cockpit.screen().contains("while typing too"));
    quits(cockpit);
}

#[test]
fn mistakes_are_told_as_a_plans_are_and_what_is_built_in_stays() {
    let keys = "[keys]\nhold = \"y\"\nzoom = \"F9\"\n";
    let theme = "name = \"Bad\"\n[roles]\nbreech = \"red\"\n";
    let mut cockpit = Cockpit::flying_with_files(&[("keys.toml", keys), ("themes/bad.toml", theme)]);
    let said = String::from_utf8_lossy(&cockpit.bytes()).replace('\r', "");
    let before = said.split("\u{1b}[?1049h").next().unwrap();
    for wanted in [
        "keys.toml:3:8",
        "3 | zoom = \"F9\"\n  |        ^^^^",
        "`F9` is the way home",
        "help: say first which key goes home instead",
        "bad.toml:3:1",
        "help: did you mean `breach`?",
        "allowed: base, text,",
    ] {
        assert!(before.contains(wanted), "{wanted} in\n{before}");
    }
    cockpit.until("a word in the footer", |cockpit| cockpit.screen().contains("bad.toml:3:1"));
    goes_home_by(&mut cockpit, "\x1b[20~");
    quits(cockpit);
}
