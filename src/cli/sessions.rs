//! `cutover sessions`: which sessions there are here, the living and the dead, and for each the command that comes next. Of a session that left
//! no card, its journal tells.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use color_eyre::eyre::Result;

use crate::{
    attach::{
        peer,
        sessions::{Found, Life, Simulated},
    },
    cli::{
        Exit,
        absent::{Absent, Host, Known, next_of},
        bundle,
        paths::Paths,
        place::{Place, said},
        print,
        silence::{Pid, Process},
        way::{self, Next},
    },
    core::{
        decision::Transition,
        event::{Entry, Event, WorldKind},
    },
    domain::{id::SessionId, shown::Shown},
    journal::{reader::Step, walk::Walk},
};

/// A session is opened by its first record; what a journal writes for itself may stand before that.
const OPENED_WITHIN: usize = 4;
/// More names than these are only counted.
const NAMES_MAX: usize = 8;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// As JSON, one array of objects
    #[arg(long, conflicts_with = "names")]
    json: bool,
    /// Only the names, one a line; for completion scripts
    #[arg(long)]
    names: bool,
    /// Those too of which only the journal is left
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    place: Place,
}

/// # Errors
/// When there is no home directory.
pub fn run(args: &Args) -> Result<Exit> {
    let found = match args.place.sessions() {
        Ok(found) => found,
        Err(error) => return Ok(said(error, Exit::Failed)),
    };
    let without_card = Absent::without_card(&found, &args.place);
    // What could be done about it is in its journal; a shell that completes names asks for none of that.
    let listed = || found.iter().map(|one| Listed { found: one, next: next_of(one, &args.place) }).collect::<Vec<_>>();
    let names = || found.iter().map(|one| &one.card.session).chain(without_card.iter().map(|absent| &absent.session));
    let alone = if args.all { journals_alone(&Paths::find()?, names()) } else { Vec::new() };
    if args.json {
        let listed = listed();
        let here = listed.iter().map(Listed::json).chain(without_card.iter().map(json_without_card));
        let all: Vec<_> = here.chain(alone.iter().map(JournalAlone::json)).collect();
        print::out(&format!("{}\n", serde_json::to_string_pretty(&all)?));
    } else if args.names {
        // What is no name can't be given to any command.
        let alone = alone.iter().filter_map(|one| one.session.parse::<SessionId>().ok());
        print::out(&names().cloned().chain(alone).map(|name| format!("{name}\n")).collect::<String>());
    } else {
        let listed = listed();
        let here = listed.iter().map(Listed::lines).chain(without_card.iter().map(lines_without_card));
        let text: String = here.chain(alone.iter().map(JournalAlone::line)).collect();
        print::out(&text);
        if text.is_empty() {
            print::err(
                "no session runs here; start one with `cutover open PLAN`; those of which a journal is left: `cutover sessions --all`",
            );
        }
    }
    Ok(Exit::Done)
}

/// A session that was begun and not ended, and whose host left no card: what its journal says.
fn lines_without_card(absent: &Absent) -> String {
    let state = match &absent.known {
        Known::Journal(state) => Some(state),
        Known::PlanAlone(..) | Known::Nothing(_) => None,
    };
    let opened = state.and_then(|state| state.opened.as_ref());
    let what = match absent.world {
        Some(WorldKind::Live) => "LIVE",
        Some(WorldKind::Demo { .. }) => "simulated",
        None => "live or simulated",
    };
    let plan = opened.map_or_else(|| "of a plan that is not known".to_owned(), |opened| opened.plan.name.to_string());
    let told: String = absent.stood().iter().map(|line| format!("  {line}\n")).collect();
    let host = match &absent.host {
        Host::Gone => "its host was ended, or the machine was".to_owned(),
        Host::Silent(silence) => format!("its host {}", silence.told()),
    };
    format!("{}  {what}  {plan}  {host}; {}\n{told}", absent.session, absent.back())
}

fn json_without_card(absent: &Absent) -> serde_json::Value {
    let life = match absent.host {
        Host::Gone => "dead",
        Host::Silent(_) => "running",
    };
    serde_json::json!({
        "session": absent.session, "life": life, "card": null, "next": absent.next.command(),
        "plan_path": absent.plan_path, "journal": absent.journal, "known": absent.stood(),
    })
}

/// A session of which only the journal is left: it was stopped, or another took its place.
pub(super) struct JournalAlone {
    session: String,
    journal: PathBuf,
    written_at: Option<SystemTime>,
}

impl JournalAlone {
    fn json(&self) -> serde_json::Value {
        let written_at = self.written_at.and_then(|at| Some(at.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_millis() as u64));
        serde_json::json!({
            "session": self.session, "life": "journal", "card": null, "next": null, "journal": self.journal, "written_at": written_at,
            "world": self.world(),
        })
    }

    fn line(&self) -> String {
        let at = self.written_at.and_then(|at| jiff::Timestamp::try_from(at).ok()).map_or("?".to_owned(), |at| format!("{at:.0}"));
        let what = match self.world() {
            Some(WorldKind::Live) => "LIVE  only its journal is left",
            // A demo has no card, whether it runs or not.
            Some(WorldKind::Demo { .. }) => "simulated  a demo or a stopped session, of which its journal tells",
            None => "only its journal is left",
        };
        // A folder may be called anything.
        let (session, journal) = (Shown::new(&self.session), Shown::new(&self.journal.display().to_string()));
        format!("{session}  {what}, written last at {at}: {journal}\n")
    }

    /// Which world it was, if its journal's first records tell.
    fn world(&self) -> Option<WorldKind> {
        let mut walk = Walk::open(&self.journal).ok()?;
        for _ in 0..OPENED_WITHIN {
            let Ok(Step::Line { line, .. }) = walk.advance() else { return None };
            if let Ok(Transition { entry: Entry { event: Event::Opened { world, .. }, .. }, .. }) = serde_json::from_slice(line.body) {
                return Some(world);
            }
        }
        None
    }
}

/// The sessions of which only the journal is left, newest first. `known` are the others.
pub(super) fn journals_alone<'a>(paths: &Paths, known: impl Iterator<Item = &'a SessionId>) -> Vec<JournalAlone> {
    let known: Vec<&str> = known.map(SessionId::as_str).collect();
    let mut found: Vec<JournalAlone> = journals(paths).into_iter().filter(|one| !known.contains(&one.session.as_str())).collect();
    found.sort_by(|one, other| other.written_at.cmp(&one.written_at).then_with(|| one.session.cmp(&other.session)));
    found
}

/// Every journal of this account: a folder, or the single file of an earlier program. What lies beside one has an ending of its own.
fn journals(paths: &Paths) -> Vec<JournalAlone> {
    let entries = std::fs::read_dir(paths.journals()).into_iter().flatten().flatten();
    let journal = |entry: std::fs::DirEntry| {
        let (path, name) = (entry.path(), entry.file_name().into_string().ok()?);
        let session = if path.is_dir() { Some(name.as_str()) } else { name.strip_suffix(".jsonl") };
        let session = session.filter(|name| !name.contains(".new-"))?.replace('%', "/");
        // What was written last inside a folder tells, not when a file came into it.
        let newest =
            std::fs::read_dir(&path).into_iter().flatten().flatten().filter_map(|inside| inside.metadata().ok()?.modified().ok()).max();
        Some(JournalAlone { session, written_at: newest.or_else(|| entry.metadata().ok()?.modified().ok()), journal: path })
    };
    entries.filter_map(journal).collect()
}

/// The newest names among all journals, for whoever named one that is not there.
pub(super) fn journal_names(paths: &Paths) -> Vec<String> {
    let all = journals_alone(paths, std::iter::empty());
    let more = all.len().saturating_sub(NAMES_MAX);
    let rest = (more > 0).then(|| format!("and {more} more"));
    all.into_iter().take(NAMES_MAX).map(|one| Shown::new(&one.session).to_string()).chain(rest).collect()
}

/// What can be done about a session, given the plan's file as it is now.
pub fn next(found: &Found, place: &Place) -> Next {
    let file = bundle::hash(&found.card.plan_path);
    way::next(found, peer::own_uid(), file, place)
}

struct Listed<'a> {
    found: &'a Found,
    next: Next,
}

impl Listed<'_> {
    fn json(&self) -> serde_json::Value {
        let card = &self.found.card;
        serde_json::json!({ "session": card.session, "life": life(self.found), "card": card, "next": self.next.command() })
    }

    fn lines(&self) -> String {
        let card = &self.found.card;
        let world = match (card.world, card.simulated) {
            (WorldKind::Live, _) => "LIVE".to_owned(),
            (WorldKind::Demo { .. }, Some(Simulated::Port(port))) => format!("simulated, port {port}"),
            (WorldKind::Demo { .. }, Some(Simulated::Own) | None) => "simulated".to_owned(),
        };
        let pid = Pid::of(card.pid, self.found.owner);
        let process = pid.map_or_else(String::new, |pid| format!(", process {pid},"));
        let what = match (&self.next, pid) {
            (Next::Join(_), Some(pid)) if Process::of(pid.get()) == Process::Stopped => {
                format!("its host{process} is stopped and does nothing; this lets it go on:\n  kill -CONT {pid}")
            }
            (Next::Join(_), _) if is_missing(&self.found.socket) => {
                let socket = self.found.socket.display();
                format!("its host{process} lives, and its socket is not at {socket}; see cutover status {}", card.session)
            }
            (Next::Join(line), Some(pid)) => format!("runs as process {pid}; join it:\n  {line}"),
            (Next::Join(line), None) => format!("runs; join it:\n  {line}"),
            (Next::TakeUp(line) | Next::TakeUpAt(line), _) => format!("its host died; take it up again:\n  {line}"),
            (Next::ClearAway(line), _) => {
                format!("its host died, and its simulated world with it; clear it away, its journal stays:\n  {line}")
            }
            (Next::Anew { verify, line }, _) => format!(
                "its host died, and its journal is broken, so nobody can take it up; this says where:\n  {verify}\nthis clears it away, its \
                 journal stays, and begins another session where traffic stands:\n  {line}"
            ),
            (Next::TheirsAlone(account), _) => format!("its host died; only account {account} can take it up again"),
        };
        format!("{}  {world}  {}  {what}\n", card.session, card.plan)
    }
}

fn is_missing(socket: &Path) -> bool {
    std::fs::symlink_metadata(socket).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

fn life(found: &Found) -> &'static str {
    match found.life {
        Life::Running => "running",
        Life::Dead => "dead",
    }
}
