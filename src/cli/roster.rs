//! `cutover roster check [FILE]`: who may do what, or everything that is wrong with the roster.

use std::path::PathBuf;

use color_eyre::eyre::Result;

use crate::{
    attach::{
        peer,
        proof::Candidate,
        roster::{Roster, RosterError},
    },
    cli::{Exit, paths::Paths, place::said, print},
    domain::role::Role,
};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Read a roster as a host of this account would
    Check {
        /// The file [default: roster.toml in the configuration directory]
        file: Option<PathBuf>,
    },
}

/// # Errors
/// When there is no home directory to look in.
pub fn run(args: &Args) -> Result<Exit> {
    let What::Check { file } = &args.what;
    let path = match file {
        Some(file) => file.clone(),
        None => default_path(&Paths::find()?),
    };
    let owner = peer::own_uid();
    match Roster::load(&path, owner) {
        Ok(roster) => {
            print::out(&roster.candidates().map(line).collect::<String>());
            remarks(&roster, owner).iter().for_each(|remark| print::err(&format!("note: {remark}")));
            Ok(Exit::Done)
        }
        Err(RosterError::Problems(problems)) => {
            problems.iter().for_each(|problem| print::err(&format!("{}:{}: {}", path.display(), problem.line, problem.text)));
            Ok(said("nobody is admitted by this roster until it is corrected", Exit::Usage))
        }
        Err(error) => Ok(said(error, Exit::Usage)),
    }
}

pub fn default_path(paths: &Paths) -> PathBuf {
    paths.config.join("roster.toml")
}

fn line(Candidate { identity: person, key, .. }: &Candidate) -> String {
    let may = match person.role {
        Role::Watcher => "sees everything",
        Role::Approver => "approves what others ask for",
        Role::Operator => "steers with the controls, rolls back at any time",
        Role::Pilot => "steers, and may take the controls from somebody",
    };
    let key = key.as_ref().map(|key| format!("; proves it with {key}")).unwrap_or_default();
    format!("{:<24} uid {:<8} {:<9} {may}{key}\n", person.who, person.uid, person.role)
}

/// What is valid, and perhaps not meant.
fn remarks(roster: &Roster, owner: u32) -> Vec<String> {
    let mut remarks = Vec::new();
    let count = |may: fn(Role) -> bool| roster.people().filter(|person| may(person.role)).count();
    if roster.identify(owner).is_none() {
        remarks.push(format!("you, the owner (uid {owner}), are not listed and can't attach to your own host"));
    }
    if count(Role::may_steer) == 0 {
        remarks.push("nobody may steer or roll back".to_owned());
    }
    if count(Role::may_approve) < 2 {
        remarks.push("fewer than two people may approve: what needs a second person can't be done".to_owned());
    }
    remarks
}
