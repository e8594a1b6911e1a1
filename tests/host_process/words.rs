//! What is said about the program: the exit codes of the README are those of the help, and names complete in a shell.

use std::process::Command;

use crate::account::Account;

#[test]
fn the_readme_lists_the_exit_codes_of_the_help() {
    let help = Command::new(env!("CARGO_BIN_EXE_cutover")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    let said = help.split("Exit codes: ").nth(1).expect("the help names them");
    let readme = include_str!("../../README.md");
    let table = readme.split("<!-- exit codes: begin -->").nth(1).and_then(|rest| rest.split("<!-- exit codes: end -->").next()).unwrap();
    let rows: Vec<(&str, &str)> = table.lines().filter_map(|line| line.trim_matches(['|', ' ']).split_once(" | ")).skip(1).collect();
    assert!(rows.len() >= 10, "{rows:?}");
    for (code, meaning) in rows {
        assert!(said.contains(&format!("{code} {meaning}")), "{code} {meaning:?} is not in: {said}");
    }
}

#[test]
fn a_shell_completes_the_names_of_sessions() {
    let account = Account::new();
    let session = account.open();
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_cutover")).parent().unwrap().display().to_string();
    let completed = |typed: &str| {
        let words = format!("COMP_WORDS=({typed} \"{}\"); COMP_CWORD=2; COMP_LINE='{typed} '; COMP_POINT=${{#COMP_LINE}}", &session[..4]);
        let script = format!(
            "PATH={folder}:$PATH; source <(cutover completions bash); {words}; _cutover_or_session cutover; echo \"${{COMPREPLY[@]}}\""
        );
        // The account's own folders are in the environment of what it runs.
        let mut bash = Command::new("bash");
        bash.args(["-c", &script]);
        account.command(&[]).get_envs().for_each(|(name, value)| {
            bash.env(name, value.unwrap());
        });
        String::from_utf8(bash.output().unwrap().stdout).unwrap().trim().to_owned()
    };
    for subcommand in ["attach", "watch", "status", "steps", "rollback", "stop"] {
        assert_eq!(completed(&format!("cutover {subcommand}")), session, "{subcommand}");
    }
    assert_ne!(completed("cutover check"), session);
}
