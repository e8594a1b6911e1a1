//! `cutover completions SHELL`: a completion script that knows the running sessions by name.
//!
//! The script is made from the command line's own definition. What that can't know, the names of sessions, is asked of
//! `cutover sessions --names` when the key is pressed.

use clap::Command;
use clap_complete::Shell;

const NAMES: &str = "cutover sessions --names 2>/dev/null";

#[expect(clippy::wildcard_enum_match_arm, reason = "clap's shells are clap's to extend")]
pub fn script(shell: Shell, command: &mut Command) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, command, "cutover", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        Shell::Bash => format!("{script}\n{}", bash(&of_sessions(command))),
        Shell::Zsh => zsh(&script),
        Shell::Fish => format!("{script}\n{}", fish(&of_sessions(command))),
        // Of the others clap's own script alone.
        _ => script,
    }
}

/// The subcommands whose first word is a session.
fn of_sessions(command: &Command) -> Vec<&str> {
    let first = |of: &Command| of.get_positionals().next().is_some_and(|argument| argument.get_id() == "session");
    command.get_subcommands().filter(|of| first(of)).map(Command::get_name).collect()
}

fn bash(of_sessions: &[&str]) -> String {
    let of_sessions = of_sessions.join("|");
    format!(
        "_cutover_or_session() {{\n\
         \x20   _cutover \"$@\"\n\
         \x20   local word=${{COMP_WORDS[COMP_CWORD]}}\n\
         \x20   if [[ $word == -* || ${{COMP_WORDS[COMP_CWORD-1]}} == --* ]]; then return; fi\n\
         \x20   case ${{COMP_WORDS[1]}} in\n\
         \x20       {of_sessions}) mapfile -t COMPREPLY < <(compgen -W \"$({NAMES})\" -- \"$word\") ;;\n\
         \x20   esac\n\
         }}\n\
         complete -F _cutover_or_session -o nosort -o bashdefault -o default cutover\n"
    )
}

/// clap completes a word that it knows nothing of by file names; here a session's name is meant.
fn zsh(script: &str) -> String {
    let is_session = |line: &str| line.contains("session --") && line.contains(":_default'");
    let lines =
        script.lines().map(|line| if is_session(line) { line.replace(":_default'", ":_cutover_session_names'") } else { line.to_owned() });
    let names = format!("_cutover_session_names() {{\n    local -a names\n    names=(${{(f)\"$({NAMES})\"}})\n    compadd -a names\n}}\n");
    // Before the last lines, which call the whole thing.
    let script = lines.collect::<Vec<_>>().join("\n") + "\n";
    match script.rfind("\nif [ ") {
        Some(end) => format!("{}\n{names}{}", &script[..end], &script[end..]),
        None => script + &names,
    }
}

fn fish(of_sessions: &[&str]) -> String {
    let subcommands = of_sessions.join(" ");
    format!("complete -c cutover -n '__fish_seen_subcommand_from {subcommands}' -f -a '({NAMES})'\n")
}
