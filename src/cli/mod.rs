//! The command line: one file a subcommand, and the only place where everything meets.
//!
//! A subcommand returns an [`Exit`]. Its text goes to standard output, talk and errors to standard error. Exit codes, everywhere:
//! 0 done · 1 failed · 2 wrong usage or invalid plan · 3 refused or held · 4 rolled back · 5 somebody else changed the world ·
//! 6 the session is already open elsewhere · 7 no such session, or its host can't be reached · 8 not settled: needs a human or more
//! time · 130 interrupted.

use std::{ffi::OsString, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};
use color_eyre::eyre::Result;

pub mod attach;
pub mod audit;
pub mod check;
pub mod cockpit;
pub mod compose;
pub mod current;
pub mod demo;
pub mod ground;
pub mod host;
pub mod open;
pub mod paths;
pub mod place;
pub mod print;
pub mod rollback;
pub mod roster;
pub mod rostering;
pub mod sessions;
pub mod sim;
pub mod status;
pub mod stop;
pub mod unit;
pub mod watch;

/// How a subcommand ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
            Exit::RolledBack => 4,
            Exit::Drift => 5,
            Exit::Locked => 6,
            Exit::Nobody => 7,
            Exit::Unsettled => 8,
            Exit::Interrupted => 130,
        })
    }
}

/// Printed under the help of every subcommand.
const EXITS: &str = "Exit codes: 0 done, 1 failed, 2 wrong usage or invalid plan, 3 refused or held, 4 rolled back, 5 somebody else \
changed the world, 6 already open elsewhere, 7 no such session or its host can't be reached, 8 not settled: needs a human or more time, \
130 interrupted";

/// Steer a live, zero-downtime migration from Cloud Run to GKE. Without a subcommand: the demo.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, propagate_version = true, after_help = EXITS)]
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
    /// Bring all traffic home: no cockpit, no controls, no second person needed.
    Rollback(rollback::Args),
    /// End a session for good; refused while its traffic moves or is split.
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
    /// Print a completion script for a shell.
    Completions { shell: clap_complete::Shell },
}

/// Reads the command line and runs it to its end.
/// # Errors
/// What went wrong with us rather than with the input; the caller prints the report and exits with 1.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<Exit> {
    let line = match Line::try_parse_from(arguments) {
        Ok(line) => line,
        Err(error) => {
            // Help and version come here too and are no failure.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            error.print()?;
            return Ok(exit);
        }
    };
    match line.what.unwrap_or_else(|| What::Demo(demo::Args::default())) {
        What::Demo(args) => block_on(demo::run(args)),
        What::Open(args) => block_on(open::run(args)),
        What::Attach(args) => block_on(attach::run(args)),
        What::Watch(args) => block_on(watch::run(args)),
        What::Sessions(args) => sessions::run(&args),
        What::Status(args) => block_on(status::run(args)),
        What::Rollback(args) => block_on(rollback::run(args)),
        What::Stop(args) => block_on(stop::run(args)),
        What::Host(args) => block_on(host::run(args)),
        What::Roster(args) => roster::run(&args),
        What::Audit(args) => audit::run(&args),
        What::Sim(args) => block_on(sim::run(args)),
        What::Check(args) => check::run(&args),
        What::Completions { shell } => {
            clap_complete::generate(shell, &mut Line::command(), "cutover", &mut std::io::stdout());
            Ok(Exit::Done)
        }
    }
}

fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(future);
    // A look that hangs must not keep the process: everything that matters has ended by now.
    runtime.shutdown_background();
    result
}
