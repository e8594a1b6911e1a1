//! A short flight by hand.

use cutover::core::{
    command::{Command, ControlsCommand},
    decision::{Effect, Transition, Verdict},
    event::Event,
};

use crate::cockpit::{CUTOVER, Cockpit, FOLDERS, folder};

fn accepted(transition: &Transition, wanted: impl Fn(&Command) -> bool) -> bool {
    let answered = transition.decision.answer.as_ref().is_some_and(|answer| answer.verdict == Verdict::Accepted);
    matches!(&transition.entry.event, Event::Asked { command, .. } if wanted(command)) && answered
}

#[test]
fn keys_take_the_controls_and_move_traffic_and_quitting_leaves_all_as_it_was() {
    let mut cockpit = Cockpit::flying();
    cockpit.press(&["c"]);
    cockpit.until_deed("the controls", |transition| accepted(transition, |command| *command == Command::Controls(ControlsCommand::Take)));
    // The first readings may not be complete yet; then the session says so and the hand tries again.
    let moved = |cockpit: &Cockpit| {
        let writes = |transition: &Transition| transition.decision.effects.iter().any(|effect| matches!(effect.what, Effect::Write { .. }));
        cockpit
            .transitions()
            .iter()
            .any(|transition| accepted(transition, |command| matches!(command, Command::Shift { .. })) && writes(transition))
    };
    for _ in 0..50 {
        if moved(&cockpit) {
            break;
        }
        cockpit.press(&["]", "\r"]);
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    cockpit.until("a move", moved);
    cockpit.until_deed("its outcome", |transition| matches!(transition.entry.event, Event::Finished { .. }));
    cockpit.press(&["q"]);
    let ended = cockpit.wait();
    assert_eq!(ended.code, 0);
    ended.assert_restored();
    assert!(ended.tail().contains("audit verify"), "{:?}", ended.tail());
    ended.assert_proved();
}

#[test]
fn without_a_terminal_it_says_so_and_starts_nothing() {
    let folder = folder();
    let journal = folder.join("flight.jsonl");
    let mut command = std::process::Command::new(CUTOVER);
    command.env_clear().args(["demo", "--journal"]).arg(&journal).stdin(std::process::Stdio::null());
    command.envs(FOLDERS.map(|name| (name, &folder)));
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.contains("needs a terminal"), output.stdout.is_empty()), (Some(2), true, true), "{said}");
    assert!(!journal.exists());
    std::fs::remove_dir_all(folder).unwrap();
}
