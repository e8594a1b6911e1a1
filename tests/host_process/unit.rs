//! The systemd unit that `cutover host --unit` prints, before systemd's own judge.

use std::{
    fs,
    io::Write,
    process::{Command, Stdio},
};

use crate::account::Account;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cutover");
/// What systemd before 254 does not know yet, as the unit says itself.
const NEWER: [&str; 2] = ["'RestartSteps'", "'RestartMaxDelaySec'"];

#[test]
fn systemd_takes_the_unit_whatever_stands_in_its_paths() {
    if !Command::new("systemd-analyze").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        // Not `eprintln!`, which the harness swallows when the test passes.
        let _ = writeln!(std::io::stderr(), "SKIPPED: no systemd-analyze on this machine: the unit was not judged");
        return;
    }
    let account = Account::new();
    let folder = account.at("a $HOME of 100%n");
    fs::create_dir_all(&folder).unwrap();
    let (program, plan) = (folder.join("cutover"), folder.join("the \"plan\".yaml"));
    fs::hard_link(PROGRAM, &program).or_else(|_| fs::copy(PROGRAM, &program).map(|_| ())).unwrap();
    fs::copy(Account::plan(), &plan).unwrap();
    let mut printing = Command::new(&program);
    printing.args(["host", "--unit", "--session", "night", "--syslog", "/dev/log"]).arg(&plan);
    let printed = printing.env("HTTPS_PROXY", "http://user:secret@proxy.example:8080").output().unwrap();
    assert!(printed.status.success(), "{printed:?}");
    let text = String::from_utf8(printed.stdout).unwrap();
    assert!(text.contains("of which a host reads") && text.contains("HTTPS_PROXY") && !text.contains("secret"), "{text}");
    let unit = account.at("cutover.service");
    fs::write(&unit, &text).unwrap();
    let mut judge = Command::new("systemd-analyze");
    judge.args(["--user", "verify", "--man=no"]).arg(&unit).env("XDG_RUNTIME_DIR", account.at("")).env("HOME", account.at(""));
    let judged = judge.output().unwrap();
    let said = String::from_utf8(judged.stderr).unwrap();
    let is_ours = |line: &&str| line.contains("cutover.service") && !NEWER.iter().any(|name| line.contains(name));
    assert_eq!(said.lines().filter(is_ours).collect::<Vec<_>>(), Vec::<&str>::new(), "{text}");
    assert!(judged.status.success(), "{said}");
}
