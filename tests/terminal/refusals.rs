//! What is said when nothing comes of a subcommand: a plain line with its cause, no source line, no colour, and nobody else's escapes.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

use crate::cockpit::{CUTOVER, FOLDERS, folder};

/// How it ended, and all that it said.
fn refused(env: &[(&str, &str)], arguments: &[&str]) -> (Option<i32>, String) {
    let home = folder();
    let mut command = Command::new(CUTOVER);
    command.env_clear().args(arguments).stdin(Stdio::null());
    command.envs(FOLDERS.map(|name| (name, &home))).envs(env.iter().copied());
    let output = command.output().unwrap();
    fs::remove_dir_all(home).unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

fn assert_plain(said: &str) {
    assert!(said.chars().all(|character| !character.is_control() || character == '\n'), "{said:?}");
    for trace in ["Location", "src/", "Backtrace", "RUST_BACKTRACE", ".rs:"] {
        assert!(!said.contains(trace), "{trace} in {said}");
    }
}

#[test]
fn ordinary_refusals_are_one_plain_line() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let open = folder();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
    let plan = concat!(env!("CARGO_MANIFEST_DIR"), "/plans/hexproperty.yaml");
    let place = open.to_str().unwrap();
    for env in [&[][..], &[("NO_COLOR", "1")], &[("RUST_BACKTRACE", "1"), ("TERM", "xterm-256color")]] {
        for arguments in [
            &["sim", "--port", &port][..],
            &["host", plan, "--simulated", "--runtime-dir", place],
            &["sessions", "--runtime-dir", place],
            &["host", "/nowhere/plan.yaml"],
        ] {
            let (code, said) = refused(env, arguments);
            assert!(code.is_some_and(|code| code != 0), "{arguments:?}: {said}");
            assert!(said.starts_with("cutover: ") && said.lines().count() <= 2, "{arguments:?}: {said}");
            assert_plain(&said);
        }
        let (_, said) = refused(env, &["sim", "--port", &port]);
        assert!(said.contains(&format!("port {port} of 127.0.0.1, for Google's APIs, can't be had")), "{said}");
        assert!(said.contains("choose another --port"), "{said}");
    }
    fs::remove_dir_all(open).unwrap();
}

#[test]
fn escapes_in_what_was_typed_are_shown_and_not_sent() {
    let strange = "\u{1b}[31mx\u{9b}2J\u{202e}";
    // Its parent is not there, so it can't be made.
    let nowhere = "\u{1b}[31mx\u{9b}2J\u{202e}/x";
    let plan = concat!(env!("CARGO_MANIFEST_DIR"), "/plans/hexproperty.yaml");
    for arguments in [
        &["rollback", strange][..],
        &["attach", strange],
        &["status", strange],
        &["stop", strange],
        &["check", strange],
        &["audit", "verify", strange],
        &["audit", "verify", plan, "--against", strange],
        &["audit", "show", strange],
        &["audit", "show", plan, "--since", strange],
        &["audit", "cross-check", strange],
        &["audit", "cross-check", plan, "--log", strange],
        &["audit", strange],
        &["watch", strange],
        &["rollback", "x", "--reason", strange, "--route", strange],
        &["rollback", "x", "--reason", strange],
        &["stop", "x", "--abandon", strange],
        &["roster", "check", strange],
        &["host", strange],
        &["host", plan, "--session", strange],
        &["host", plan, "--roster", strange, "--simulated", "--runtime-dir", nowhere],
        &["host", plan, "--simulated", "--runtime-dir", nowhere],
        &["sessions", "--runtime-dir", strange],
        &["attach", "--person", strange, "--key", strange],
        &["check", plan, "--rate", strange],
        &["completions", strange],
        &["open", strange, "--no-attach"],
        &[strange],
        &["demo", "--scenario", strange],
    ] {
        let (code, said) = refused(&[], arguments);
        // A directory without a session is an answer.
        let is_answered = arguments[0] == "sessions";
        assert!(code.is_some_and(|code| is_answered || code != 0), "{arguments:?}: {said}");
        assert!(said.chars().all(|character| (!character.is_control() || character == '\n') && character != '\u{202e}'), "{said:?}");
    }
}

#[test]
fn a_number_that_makes_no_sense_is_refused_with_what_does() {
    let plan = concat!(env!("CARGO_MANIFEST_DIR"), "/plans/hexproperty.yaml");
    for (arguments, allowed) in [
        (&["sim", "--speed", "0"][..], "a speed is a number from 0.01 to 1000"),
        (&["sim", "--speed=-1"], "a speed is a number from 0.01 to 1000"),
        (&["sim", "--port", "65533"], "from 1 to 65531, or 0 for any five that are free"),
        (&["demo", "--speed", "0"], "a speed is a number from 1 to 100"),
        (&["demo", "--speed", "NaN"], "a speed is a number from 1 to 100"),
        (&["open", plan, "--no-attach", "--simulated", "--speed", "0"], "a speed is a number from 1 to 100"),
        (&["open", plan, "--no-attach", "--simulated=0"], "from 1 to 65531"),
        (&["check", plan, "--simulated=70000"], "from 1 to 65531"),
        (&["rollback", "--wait", "18446744073709551615"], "a whole number of seconds from 0 to 604800"),
        (&["rollback", "--wait=-1"], "a whole number of seconds from 0 to 604800"),
        (&["open", plan, "--no-attach", "--simulated=9000", "--speed", "5"], "give --speed to its `cutover sim`"),
        (&["audit", "show", "x", "--since", "1m", "--until", "1h"], "--since is later than --until"),
        (&["open", plan, "--no-attach", "--theme", "dark"], "cannot be used with"),
    ] {
        let (code, said) = refused(&[], arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {said}");
        assert!(said.contains(allowed), "{arguments:?}: {said}");
        assert_plain(&said);
    }
}

/// In a pseudo-terminal, because only there it would be drawn.
#[test]
fn a_terminal_without_a_screen_is_told_what_works_instead() {
    for (term, why) in [(Some("dumb"), "TERM=dumb"), (None, "TERM is not set"), (Some(""), "TERM is not set")] {
        let home = folder();
        let mut command = portable_pty::CommandBuilder::new(CUTOVER);
        command.env_clear();
        command.args(["demo"]);
        FOLDERS.iter().for_each(|name| command.env(name, &home));
        term.iter().for_each(|term| command.env("TERM", term));
        let pair = portable_pty::native_pty_system().openpty(portable_pty::PtySize::default()).unwrap();
        let mut child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let status = child.wait().unwrap();
        let mut said = vec![0; 4096];
        let read = std::io::Read::read(&mut pair.master.try_clone_reader().unwrap(), &mut said).unwrap();
        let said = String::from_utf8_lossy(&said[..read]).into_owned();
        assert_eq!(status.exit_code(), 2, "{term:?}: {said}");
        assert!(said.contains(why) && said.contains("`cutover status`"), "{term:?}: {said}");
        assert!(!said.contains('\u{1b}'), "{term:?}: {said:?}");
        fs::remove_dir_all(home).unwrap();
    }
}
