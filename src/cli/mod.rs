//! The command line: one file a subcommand, and the only place where everything meets.
//!
//! A subcommand returns an [`Exit`]. Its text goes to standard output, talk and errors to standard error.

use std::{ffi::OsString, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};
use color_eyre::eyre::Result;
use strum::EnumCount;

mod absent;
mod appearance;
pub mod attach;
pub mod audit;
mod bounds;
mod bundle;
pub mod check;
pub mod cockpit;
pub mod completions;
pub mod compose;
mod confine;
pub mod current;
pub mod demo;
pub mod environment;
pub mod help;
pub mod host;
pub mod init;
pub mod inject;
pub mod join;
mod living;
mod notes;
pub mod open;
pub mod paths;
pub mod place;
mod predecessor;
pub mod print;
mod reading;
pub mod rollback;
pub mod roster;
pub mod rostering;
pub mod run;
mod running;
pub mod schema;
pub mod sessions;
mod signals;
mod silence;
pub mod sim;
mod stand;
pub mod status;
pub mod steps;
pub mod stop;
mod supervisor;
pub mod unit;
pub mod watch;
pub mod way;
pub mod witness;

/// How a subcommand ended. Its codes are the same everywhere; help and README print them from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumCount)]
pub enum Exit {
    Done,
    Failed,
    Usage,
    Refused,
    RolledBack,
    Drift,
    Locked,
    /// No such session, or nobody answers for it.
    Nobody,
    /// It is not known yet how it ends, or a human must look.
    Unsettled,
    /// A journal that ends in mid-record, or that lacks sectors.
    Damaged,
    Interrupted,
}

impl Exit {
    pub const ALL: [Exit; Exit::COUNT] = [
        Exit::Done,
        Exit::Failed,
        Exit::Usage,
        Exit::Refused,
        Exit::RolledBack,
        Exit::Drift,
        Exit::Locked,
        Exit::Nobody,
        Exit::Unsettled,
        Exit::Damaged,
        Exit::Interrupted,
    ];

    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
            Exit::RolledBack => 4,
            Exit::Drift => 5,
            Exit::Locked => 6,
            Exit::Nobody => 7,
            Exit::Unsettled => 8,
            Exit::Damaged => 9,
            Exit::Interrupted => 130,
        }
    }

    /// The exit of another process of this program; whatever else it ended with, it failed.
    fn of_code(code: i32) -> Exit {
        Exit::ALL.into_iter().find(|exit| i32::from(exit.code()) == code).unwrap_or(Exit::Failed)
    }

    pub fn meaning(self) -> &'static str {
        match self {
            Exit::Done => "done",
            Exit::Failed => "failed",
            Exit::Usage => "wrong usage or invalid plan",
            Exit::Refused => "refused or held",
            Exit::RolledBack => "rolled back",
            Exit::Drift => "somebody else changed the world",
            Exit::Locked => "the session is already open elsewhere",
            Exit::Nobody => "no such session, or its host is gone or does not answer",
            Exit::Unsettled => "not settled: needs a human or more time",
            Exit::Damaged => "a journal with a torn end or zeroed sectors: what stands before holds",
            Exit::Interrupted => "interrupted",
        }
    }

    /// Every code with its meaning, as a chapter of the manual.
    pub fn markdown() -> String {
        let rows: String = Exit::ALL.iter().map(|exit| format!("| {} | {} |\n", exit.code(), exit.meaning())).collect();
        format!("| code | meaning |\n|---|---|\n{rows}")
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// Printed under the help of every subcommand.
fn exits() -> String {
    let each: Vec<String> = Exit::ALL.iter().map(|exit| format!("{} {}", exit.code(), exit.meaning())).collect();
    format!("Exit codes: {}", each.join("; "))
}

/// Steer a live, zero-downtime migration from Cloud Run to GKE. Without a subcommand: the demo.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, propagate_version = true, disable_help_subcommand = true, after_help = exits())]
struct Line {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Fly the seed's migration against a simulated world, in one process.
    Demo(demo::Args),
    /// Fly a plan: begin its session, or join it, and attach a cockpit.
    Open(open::Args),
    /// Attach a cockpit to a running session.
    Attach(attach::Args),
    /// Watch a running session, read-only.
    Watch(watch::Args),
    /// List the sessions that there are here.
    Sessions(sessions::Args),
    /// Say where everything stands; exits with 8 when somebody should look.
    Status(status::Args),
    /// The runbook: every phase and step, and how each stands; exits with 8 when one of them wants somebody.
    Steps(steps::Args),
    /// Run a step of the plan, or take it back; shows first what it would change.
    Run(run::Args),
    /// Bring all traffic home: no cockpit, no controls, no second person needed.
    Rollback(rollback::Args),
    /// End a session for good; refused while its traffic moves, is split or was never read.
    Stop(stop::Args),
    /// Host a session in the foreground, for a service manager.
    Host(host::Args),
    /// Who may do what.
    Roster(roster::Args),
    /// Prove or read a journal.
    Audit(audit::Args),
    /// Run the simulated world alone, for gcloud, kubectl and curl.
    Sim(sim::Args),
    /// Read a plan and say everything that is wrong with it.
    Check(check::Args),
    /// Write a plan for what a project has; nothing is changed there.
    Init(init::Args),
    /// Print the JSON Schema of plans, for editors.
    Schema,
    /// Print the help of a command, or with `live` how a first live session goes.
    Help(help::Args),
    /// Print a completion script for a shell; it knows the sessions by name.
    Completions { shell: clap_complete::Shell },
}

/// Reads the command line and runs it to its end.
///
/// Not generic, so that all that is run from here is compiled with the library and not a second time with the program.
/// # Errors
/// What went wrong with us rather than with the input; the caller prints the report and exits with 1.
pub fn run(arguments: Vec<OsString>) -> Result<Exit> {
    let line = match Line::try_parse_from(arguments) {
        Ok(line) => line,
        Err(error) => {
            if error.use_stderr() {
                // What was typed is quoted in it.
                print::err(error.render().to_string().trim_end());
                return Ok(Exit::Usage);
            }
            // Help and version come here too and are no failure.
            print::note(error.print());
            return Ok(print::ends(Exit::Done));
        }
    };
    let exit = match line.what.unwrap_or_else(|| What::Demo(demo::Args::default())) {
        What::Demo(args) => block_on(Workers::One, demo::run(args)),
        What::Open(args) => block_on(Workers::One, open::run(args)),
        What::Attach(args) => block_on(Workers::One, attach::run(args)),
        What::Watch(args) => block_on(Workers::One, watch::run(args)),
        What::Sessions(args) => sessions::run(&args),
        What::Status(args) => block_on(Workers::One, status::run(args)),
        What::Steps(args) => block_on(Workers::One, steps::run(args)),
        What::Run(args) => block_on(Workers::One, run::run(args)),
        What::Rollback(args) => block_on(Workers::One, rollback::run(args)),
        What::Stop(args) => block_on(Workers::One, stop::run(args)),
        What::Host(args) => block_on(Workers::Two, host::run(args)),
        What::Roster(args) => roster::run(&args),
        What::Audit(args) => audit::run(&args),
        What::Sim(args) => block_on(Workers::One, sim::run(args)),
        What::Check(args) => block_on(Workers::One, check::run(args)),
        What::Init(args) => block_on(Workers::One, init::run(args)),
        What::Schema => schema::run(),
        What::Help(args) => help::run(&args, &mut Line::command()),
        What::Completions { shell } => {
            print::out(&completions::script(shell, &mut Line::command()));
            Ok(Exit::Done)
        }
    };
    crate::telemetry::finish();
    exit.map(print::ends)
}

/// Threads beside the first one, which draws.
#[derive(Debug, Clone, Copy)]
enum Workers {
    /// What little there is to do is done by turns, and nobody is woken up to look for more. In the demo, too, where both ends of each request
    /// are ours.
    One,
    /// A host goes on while somebody's large answer is read.
    Two,
}

fn block_on<T>(workers: Workers, future: impl Future<Output = Result<T>>) -> Result<T> {
    let workers = match workers {
        Workers::One => 1,
        Workers::Two => 2,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    let result = runtime.block_on(future);
    // A look that hangs must not keep the process: everything that matters has ended by now.
    runtime.shutdown_background();
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::keymap::Keymap;

    /// What stands between two marks of the README.
    fn chapter(name: &str) -> &'static str {
        let readme = include_str!("../../README.md");
        let (_, rest) = readme.split_once(&format!("<!-- {name}: begin -->\n")).expect("the chapter begins");
        rest.split_once(&format!("<!-- {name}: end -->")).expect("the chapter ends").0
    }

    #[test]
    fn the_readme_lists_the_exit_codes_that_there_are() {
        let printed = Exit::markdown();
        assert_eq!(chapter("exit codes"), printed, "README.md, exit codes; it should say\n{printed}");
    }

    #[test]
    fn the_readme_lists_the_keys_that_there_are() {
        let printed = Keymap::builtin().markdown();
        assert_eq!(chapter("keys"), printed, "README.md, keys; it should say\n{printed}");
    }

    #[test]
    fn the_readme_lists_the_commands_that_there_are() {
        let table = include_str!("../../README.md").split("\n## ").find(|chapter| chapter.starts_with("Commands\n"));
        let rows: String = table.expect("the chapter").lines().filter(|line| line.starts_with("| `")).collect();
        for command in Line::command().get_subcommands() {
            let name = format!("`cutover {}", command.get_name());
            assert!(rows.contains(&format!("{name}`")) || rows.contains(&format!("{name} ")), "README.md, Commands: {name}` is missing");
        }
    }

    #[test]
    fn no_two_endings_share_a_code() {
        for (index, exit) in Exit::ALL.iter().enumerate() {
            assert!(Exit::ALL[..index].iter().all(|other| other.code() != exit.code()), "{exit:?}");
        }
    }
}
