//! `cutover completions SHELL`: a completion script that knows the running sessions by name.
//!
//! The script is made from the command line's own definition. What that can't know, the names of sessions, is asked of
//! `cutover sessions --names` when the key is pressed; the names of steps, of `cutover steps --names`.

use clap::Command;
use clap_complete::Shell;

const NAMES: &str = "cutover sessions --names 2>/dev/null";
const STEPS: &str = "cutover steps --names 2>/dev/null";

#[expect(clippy::wildcard_enum_match_arm, reason = "clap's shells are clap's to extend")]
pub fn script(shell: Shell, command: &mut Command) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, command, "cutover", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        Shell::Bash => format!("{script}\n{}", bash(&first_is(command, "session"), &first_is(command, "step"))),
        Shell::Zsh => zsh(&script),
        Shell::Fish => {
            let (sessions, steps) = (fish(&first_is(command, "session"), NAMES), fish(&first_is(command, "step"), STEPS));
            format!("{script}\n{sessions}{steps}")
        }
        // Of the others clap's own script alone.
        _ => script,
    }
}

/// The subcommands whose first word is a session, or a step.
fn first_is<'a>(command: &'a Command, what: &str) -> Vec<&'a str> {
    let first = |of: &Command| of.get_positionals().next().is_some_and(|argument| argument.get_id() == what);
    command.get_subcommands().filter(|of| first(of)).map(Command::get_name).collect()
}

fn bash(of_sessions: &[&str], of_steps: &[&str]) -> String {
    let (of_sessions, of_steps) = (of_sessions.join("|"), of_steps.join("|"));
    format!(
        "_cutover_or_session() {{\n\
         \x20   _cutover \"$@\"\n\
         \x20   local word=${{COMP_WORDS[COMP_CWORD]}}\n\
         \x20   if [[ $word == -* || ${{COMP_WORDS[COMP_CWORD-1]}} == --* ]]; then return; fi\n\
         \x20   case ${{COMP_WORDS[1]}} in\n\
         \x20       {of_sessions}) mapfile -t COMPREPLY < <(compgen -W \"$({NAMES})\" -- \"$word\") ;;\n\
         \x20       {of_steps}) mapfile -t COMPREPLY < <(compgen -W \"$({STEPS})\" -- \"$word\") ;;\n\
         \x20   esac\n\
         }}\n\
         complete -F _cutover_or_session -o nosort -o bashdefault -o default cutover\n"
    )
}

/// clap completes a word that it knows nothing of by file names; here a session's name is meant.
fn zsh(script: &str) -> String {
    let is_meant = |line: &str, what: &str| line.contains(&format!("{what} --")) && line.contains(":_default'");
    let named = |line: &str| match (is_meant(line, "session"), is_meant(line, "step")) {
        (true, _) => line.replace(":_default'", ":_cutover_session_names'"),
        (false, true) => line.replace(":_default'", ":_cutover_step_names'"),
        (false, false) => line.to_owned(),
    };
    let lines = script.lines().map(named);
    let list = |of: &str, asks: &str| {
        format!("_cutover_{of}_names() {{\n    local -a names\n    names=(${{(f)\"$({asks})\"}})\n    compadd -a names\n}}\n")
    };
    let names = list("session", NAMES) + &list("step", STEPS);
    // Before the last lines, which call the whole thing.
    let script = lines.collect::<Vec<_>>().join("\n") + "\n";
    match script.rfind("\nif [ ") {
        Some(end) => format!("{}\n{names}{}", &script[..end], &script[end..]),
        None => script + &names,
    }
}

fn fish(subcommands: &[&str], asks: &str) -> String {
    let subcommands = subcommands.join(" ");
    format!("complete -c cutover -n '__fish_seen_subcommand_from {subcommands}' -f -a '({asks})'\n")
}
