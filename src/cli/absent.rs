//! A session whose host is gone, or does not answer: where its traffic was last known to be, the ways home that need no host, and how to
//! bring the host back.
//!
//! All of it comes from the journal, which is read and not taken up. Where that can't be read, because it is another account's or broken, the
//! plan's file still gives the commands, if it is the version that the session flew. A host that does not answer may come back, so of it
//! nothing is said that is so of a dead one alone.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::net::UnixStream;

use crate::{
    attach::{
        peer,
        sessions::{Found, Life},
    },
    cli::{
        Exit,
        bundle::{self, Bundle},
        current::{self, Open},
        living::{self, Return},
        paths::{self, Paths},
        place::{Place, said},
        print, reading,
        silence::{Line, Pid, Process, Silence},
        stop::unwatched,
        way::{self, Next, Opening, World},
    },
    core::{
        event::WorldKind,
        state::{RouteState, State},
        steer::Steers,
    },
    domain::{
        digest::Digest,
        head::Head,
        id::{RouteId, SessionId},
        time::{Millis, Timestamp},
    },
    journal::{
        error::{JournalError, ReadError},
        files::went_on_without,
    },
    plan::model::{Plan, Route},
    session::{clock::Clock, recorder::RecorderError, refold},
    words::{Names, absence, no_such_route},
};

/// A session whose host can't be asked.
pub struct Absent {
    pub session: SessionId,
    pub(super) host: Host,
    /// Live or simulated, where that is known.
    pub world: Option<WorldKind>,
    /// What is known of it.
    pub known: Known,
    /// What can be done about it; of a host that does not answer, once that was ended.
    pub next: Next,
    /// The file of its plan, where that was noted.
    pub plan_path: Option<PathBuf>,
    pub journal: PathBuf,
    /// The directory of its card, if it left one.
    pub folder: Option<PathBuf>,
    /// Its next host, where somebody starts one.
    returns: Option<Return>,
    /// The last record of its journal, as far as that is known.
    pub(super) head: Option<Head>,
}

/// Whoever starts a host again has noted so, or started it, this long after it died.
const NOTED_WITHIN: Duration = Duration::from_secs(3);

/// Why its host can't be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    Gone,
    /// It is there and does not answer; it may come back.
    Silent(Silence),
}

/// What is known of it, and whence.
pub enum Known {
    Journal(Box<State>),
    /// Why the journal can't be read, and the plan that it flew.
    PlanAlone(Unread, Box<Plan>),
    Nothing(Unread),
}

/// Why a journal can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// It is not what was written, so nobody can take it up.
    Broken(String),
    /// It may be read yet: by another account, by another version, once its disk answers, or once it is back in its place.
    NotNow(String),
}

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Unread::Broken(why) | Unread::NotNow(why)) = self;
        f.write_str(why)
    }
}

impl Known {
    fn is_broken(&self) -> bool {
        match self {
            Known::Journal(_) => false,
            Known::PlanAlone(why, _) | Known::Nothing(why) => matches!(why, Unread::Broken(_)),
        }
    }
    /// The routes of which nobody knows where their traffic is.
    fn routes(&self) -> Vec<RouteId> {
        match self {
            Known::PlanAlone(_, plan) => plan.routes.iter().map(|route| route.id.clone()).collect(),
            Known::Journal(_) | Known::Nothing(_) => Vec::new(),
        }
    }
}

impl Absent {
    /// What a host that died has left behind.
    pub fn of(found: &Found, place: &Place) -> Absent {
        let Read { known, head } = known(found);
        let next = next(found, &known, place);
        Absent::with(found, Host::Gone, Read { known, head }, next)
    }

    /// What can be said of a session whose host does not answer. Nobody waits for a disk that doesn't answer either.
    pub async fn silent(found: &Found, place: &Place) -> Absent {
        let listens = UnixStream::connect(&found.socket).await.and_then(|stream| stream.peer_cred());
        let (listening, line) = match listens {
            // One that can't be seen from here has no number here.
            Ok(who) => (who.pid().and_then(|pid| Pid::of(u32::try_from(pid).ok()?, found.owner)), Line::Unanswered),
            // As many wait as it takes.
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => (Absent::as_noted(found), Line::Unanswered),
            Err(error) => (Absent::as_noted(found), Line::NoSocket { socket: found.socket.clone(), why: error.to_string() }),
        };
        Absent::unheard(found, place, listening, line).await
    }

    /// The same of one that answers, and has no place for a question.
    pub async fn full(found: &Found, place: &Place) -> Absent {
        Absent::unheard(found, place, Absent::as_noted(found), Line::Full).await
    }

    /// The process that holds its journal, or, of another account's, the one of its card.
    fn as_noted(found: &Found) -> Option<Pid> {
        match found.owner == peer::own_uid() {
            true => living::holder(&found.card.journal),
            false => Pid::of(found.card.pid, found.owner),
        }
    }

    async fn unheard(found: &Found, place: &Place, pid: Option<Pid>, line: Line) -> Absent {
        let host = Host::Silent(Silence { pid, process: Process::of_known(pid), owner: found.owner, line });
        // As it would be without that host.
        let left = Found { life: Life::Dead, ..found.clone() };
        let (read, at) = (left.clone(), place.clone());
        let reading = move || {
            let read_of = known(&read);
            let next = next(&read, &read_of.known, &at);
            (read_of, next)
        };
        // The plan may lie on another disk than the journal, and nobody waits for one after the other.
        let (path, hash) = (found.card.plan_path.clone(), found.card.plan_hash);
        let (read, flown) = tokio::join!(reading::read(reading), reading::read(move || flown(&path, hash)));
        let (known, next) = read.unwrap_or_else(|| {
            let why = Unread::NotNow(format!("its disk has not answered within {} s", reading::ANSWERS_WITHIN.as_secs()));
            let known = match flown.flatten() {
                Some(plan) => Known::PlanAlone(why, Box::new(plan)),
                None => Known::Nothing(why),
            };
            (Read { known, head: None }, way::next(&left, peer::own_uid(), Some(found.card.plan_hash), place))
        });
        Absent::with(found, host, known, next)
    }

    fn with(found: &Found, host: Host, Read { known, head }: Read, next: Next) -> Absent {
        let card = &found.card;
        Absent {
            session: card.session.clone(),
            host,
            world: Some(card.world),
            known,
            next,
            plan_path: Some(card.plan_path.clone()),
            journal: card.journal.clone(),
            folder: found.socket.parent().map(Path::to_owned),
            returns: living::promised_return(&card.journal, Clock::live().now()),
            head,
        }
    }

    /// The sessions of this account that were begun and not ended, and whose hosts left nothing behind: they were ended, or the machine was.
    /// Of one that still holds its journal, noted as open or not, where it listens is not known. `found` are those with a card.
    pub fn without_card(found: &[Found], place: &Place) -> Vec<Absent> {
        Absent::without_card_where(found, place, |_| true)
    }

    /// Those of them that are meant; only their journals are read.
    pub fn without_card_where(found: &[Found], place: &Place, meant: impl Fn(&Open) -> bool) -> Vec<Absent> {
        let Ok(paths) = Paths::find() else { return Vec::new() };
        let open = Absent::open_without_card(found, &paths).into_iter().filter(meant);
        open.map(|one| Absent::open(one, &paths, place)).collect()
    }

    /// The names of them all; no journal is read.
    pub fn names_without_card(found: &[Found]) -> Vec<SessionId> {
        let open = Paths::find().map(|paths| Absent::open_without_card(found, &paths)).unwrap_or_default();
        open.into_iter().map(|one| one.session).collect()
    }

    fn open_without_card(found: &[Found], paths: &Paths) -> Vec<Open> {
        let mut open = current::all(paths);
        let held = living::held(paths).into_iter().map(|(session, _)| Open { session, plan: None });
        let unnoted: Vec<Open> = held.filter(|one| open.iter().all(|open| open.session != one.session)).collect();
        open.extend(unnoted);
        open.retain(|one| found.iter().all(|found| found.card.session != one.session));
        open
    }

    fn open(Open { session, plan }: Open, paths: &Paths, place: &Place) -> Absent {
        let journal = paths.journal(session.as_str());
        let (known, head) = match fold(journal.clone()) {
            Ok((state, head)) => (Known::Journal(state), head),
            Err(why) => (Known::Nothing(why), None),
        };
        let world = match &known {
            Known::Journal(state) => state.opened.as_ref().map(|opened| opened.world),
            Known::PlanAlone(..) | Known::Nothing(_) => None,
        };
        let flown = match &known {
            Known::Journal(state) => state.opened.as_ref().map(|opened| opened.plan.hash),
            Known::PlanAlone(..) | Known::Nothing(_) => None,
        };
        let next = match living::noted(&journal) {
            // As its last host was begun.
            Some(card) => {
                let left = Found { card, life: Life::Dead, socket: PathBuf::new(), owner: peer::own_uid() };
                next(&left, &known, place)
            }
            None if known.is_broken() => {
                let plan = plan.clone().unwrap_or_else(|| PathBuf::from("PLAN"));
                way::anew(&session, &known.routes(), &plan, Opening::default(), place)
            }
            None => back(&session, plan.clone(), flown, world, place),
        };
        let host = match living::holds(&journal) {
            true => {
                let pid = living::holder(&journal);
                Host::Silent(Silence { pid, process: Process::of_known(pid), owner: peer::own_uid(), line: Line::Unknown })
            }
            false => Host::Gone,
        };
        let returns = living::promised_return(&journal, Clock::live().now());
        Absent { session, host, world, known, next, plan_path: plan, journal, folder: None, returns, head }
    }

    /// Whether its traffic was in a world that ended with its host.
    pub(super) fn world_is_gone(&self) -> bool {
        match (&self.host, &self.next) {
            (Host::Gone, Next::ClearAway(_)) => true,
            (Host::Gone, Next::Join(_) | Next::TakeUp(_) | Next::TakeUpAt(_) | Next::Anew { .. } | Next::TheirsAlone(_))
            | (Host::Silent(_), _) => false,
        }
    }

    /// Whether it is on record that somebody stopped it.
    pub(super) fn was_stopped(&self) -> bool {
        match &self.known {
            Known::Journal(state) => state.stopped.is_some(),
            Known::PlanAlone(..) | Known::Nothing(_) => false,
        }
    }

    /// The routes whose objects it was known to steer; in a world that is gone, none.
    pub(super) fn claims(&self) -> Vec<RouteId> {
        match &self.known {
            Known::Journal(state) if !self.world_is_gone() => {
                let steers = |known: &RouteState| matches!(known.steering.stands, Steers::Us { .. });
                state.routes.iter().filter(|(_, known)| steers(known)).map(|(id, _)| id.clone()).collect()
            }
            Known::Journal(_) | Known::PlanAlone(..) | Known::Nothing(_) => Vec::new(),
        }
    }

    /// What nobody would watch over if it were left as it is, and why that matters.
    pub fn unwatched(&self) -> Vec<(RouteId, String)> {
        match &self.known {
            _ if self.world_is_gone() => Vec::new(),
            Known::Journal(state) => unwatched(state),
            Known::PlanAlone(_, plan) => {
                let unknown = |route: &Route| (route.id.clone(), "where its traffic is, is not known".to_owned());
                plan.routes.iter().map(unknown).collect()
            }
            Known::Nothing(_) => Vec::new(),
        }
    }

    /// How its host is brought back, in words, with the command on a line of its own.
    pub fn back(&self) -> String {
        match (&self.host, self.returns) {
            (Host::Gone, Some(Return { by, at })) => format!("{}; process {by} starts it", self.comes(at)),
            (Host::Gone, None) => self.next_step(),
            (Host::Silent(silence), _) => self.let_go_on_or_end(silence),
        }
    }

    fn comes(&self, at: Timestamp) -> String {
        match at.since(Clock::live().now()) {
            Millis(0) => "its next host comes by itself any moment".to_owned(),
            left => format!("its next host comes by itself in {left}"),
        }
    }

    /// Whether it is worth waiting for its host, which may answer again or is started again.
    pub(super) fn may_come_back(&self) -> bool {
        match self.host {
            Host::Gone => self.returns.is_some(),
            Host::Silent(_) => true,
        }
    }

    /// How long its next host may take to listen, counted from now; `None` where nothing starts one. Whoever asks between two hosts waits for so
    /// long, however little he wants to wait for what he asks.
    pub(super) fn next_within(&self) -> Option<Duration> {
        match &self.host {
            Host::Gone => match self.returns {
                Some(Return { at, .. }) => Some(at.since(Clock::live().now()).duration() + living::COMES_WITHIN.duration()),
                None if self.was_stopped() || self.world_is_gone() || self.known.is_broken() => None,
                None => Some(NOTED_WITHIN),
            },
            Host::Silent(Silence { process: Process::Stopped | Process::Dies, .. }) => None,
            Host::Silent(Silence { line: Line::NoSocket { .. } | Line::Unknown, .. }) => Some(living::COMES_WITHIN.duration()),
            Host::Silent(Silence { line: Line::Unanswered | Line::Full, .. }) => None,
        }
    }

    /// A host that does not answer is let go on, or ended; both are done to its process. To end it loses nothing that is on record.
    fn let_go_on_or_end(&self, Silence { pid, process, owner, line }: &Silence) -> String {
        if *owner != peer::own_uid() {
            let is = pid.map_or_else(String::new, |pid| format!(": it is process {pid}"));
            return format!("only account {owner} can let it go on or end it{is}");
        }
        let Some(pid) = pid else {
            return format!(
                "ask again, it may just be starting; or end it where it was started, what is on record stays: which process it is can't be seen \
                 from here, as in another container\nthen {}",
                self.next_step()
            );
        };
        let end = |signal| {
            format!(
                "end it, what is on record stays:\n  kill {signal} {pid}\nthen, unless it is started again by itself, {}",
                self.next_step()
            )
        };
        match (line, process) {
            (_, Process::Stopped) => format!("this lets it go on:\n  kill -CONT {pid}\nor {}", end("-KILL")),
            (_, Process::Dies) => {
                format!("it does not go on; once it is gone, and nobody has started it again by himself, {}", self.next_step())
            }
            (_, Process::WaitsForDisk) => format!("it goes on by itself when its disk answers; or {}", end("-KILL")),
            (Line::Full, Process::Unexplained) => {
                format!("ask again when something of this account has left it (`ss -xp` shows what is connected); or {}", end("-TERM"))
            }
            (Line::Unanswered, Process::Unexplained) => format!("ask again, it may have been busy; or {}", end("-KILL")),
            (Line::NoSocket { .. } | Line::Unknown, Process::Unexplained) => {
                format!("ask again, it may just be starting; or {}", end("-TERM"))
            }
        }
    }

    fn next_step(&self) -> String {
        match &self.next {
            Next::Join(line) => format!("it is back; join it:\n  {line}"),
            Next::TakeUp(line) => format!("this takes it up again:\n  {line}"),
            Next::TakeUpAt(line) => format!("this takes it up again, with the port of its simulated world:\n  {line}"),
            Next::ClearAway(line) => {
                let world = match self.host {
                    Host::Gone => "its simulated world is gone with it; ",
                    Host::Silent(_) => "as its simulated world ends with it, ",
                };
                format!("{world}this clears it away, its journal stays:\n  {line}")
            }
            Next::Anew { verify, line } => format!(
                "its journal is broken, so nobody can take it up; this says where:\n  {verify}\nthis clears it away, its journal stays, and begins \
                 another session where traffic stands:\n  {line}"
            ),
            Next::TheirsAlone(account) => format!("only account {account} can take it up again"),
        }
    }

    /// That its host can't be asked, and how that was found.
    pub fn why(&self) -> String {
        match &self.host {
            Host::Gone => format!("the host of session {} is gone", self.session),
            Host::Silent(silence) => format!("the host of session {} {}", self.session, silence.told()),
        }
    }

    pub fn plan(&self) -> Option<&Plan> {
        match &self.known {
            Known::Journal(state) => state.opened.as_ref().map(|opened| &*opened.plan),
            Known::PlanAlone(_, plan) => Some(plan),
            Known::Nothing(_) => None,
        }
    }

    /// Says what is known and what can be done; `only` of one route.
    pub fn tell(&self, only: Option<&RouteId>) -> Exit {
        let what = match self.host {
            Host::Gone if self.returns.is_some() => "nobody watches over it until its next host comes, and nothing was done",
            Host::Gone => "nobody watches over it, and nothing was done",
            Host::Silent(_) => "nothing was done",
        };
        self.tell_of(what, only)
    }

    /// The same to somebody who had asked for something when the host went: `what` became of that.
    pub fn tell_of(&self, what: &str, only: Option<&RouteId>) -> Exit {
        let exit = said(format!("{}; {what}", self.why()), Exit::Nobody);
        print::out(&self.lines(only));
        exit
    }

    pub fn lines(&self, only: Option<&RouteId>) -> String {
        let mut lines = self.stood_of(only);
        lines.extend(self.head.map(|head| format!("the record ends at {head}")));
        if let Some(plan) = self.plan().filter(|_| !self.world_is_gone()) {
            let command = |route: &Route| {
                format!("{}\n  {}", absence::by_hand(&route.id, self.world), absence::command_home(plan, route, self.world))
            };
            lines.extend(plan.routes.iter().filter(|route| only.is_none_or(|only| route.id == *only)).map(command));
        }
        lines.push(self.back());
        lines.join("\n") + "\n"
    }

    /// Since when nobody knows more, and where each route was then.
    pub fn stood(&self) -> Vec<String> {
        self.stood_of(None)
    }

    fn stood_of(&self, only: Option<&RouteId>) -> Vec<String> {
        let mut lines = vec![self.since()];
        let names = self.plan().map_or(Names::unknown(), Names::in_plan);
        let meant = |route: &&Route| only.is_none_or(|only| route.id == *only);
        if let Some(plan) = self.plan().filter(|plan| !plan.routes.iter().any(|route| meant(&route))) {
            lines.push(format!("  {}", no_such_route(Names::in_plan(plan))));
        }
        for route in self.plan().into_iter().flat_map(|plan| &plan.routes).filter(meant) {
            if let Known::Journal(state) = &self.known {
                lines.push(format!("  {}: {}", route.title, absence::stood(state, route, names)));
                lines.extend(absence::begun(state, route, names).into_iter().map(|begun| format!("    {begun}")));
            }
        }
        lines
    }

    /// Since when nobody knows more.
    pub fn since(&self) -> String {
        match &self.known {
            Known::Journal(state) => {
                let ago = match state.opened.as_ref().map(|opened| opened.world) {
                    Some(WorldKind::Live | WorldKind::Demo { speed: 0 | 1 }) => format!(", {} ago", Clock::live().now().since(state.now)),
                    Some(WorldKind::Demo { .. }) | None => String::new(),
                };
                let what = match &self.host {
                    Host::Gone if went_on_without(&self.journal).is_some() => {
                        "its host went on without the record for a while and may have brought traffic home; nothing of that is here"
                            .to_owned()
                    }
                    Host::Gone if self.world_is_gone() => "its simulated world ended with its host, and nobody is left there".to_owned(),
                    Host::Gone => "no trigger of it acts, and others may have moved traffic since; it was read last".to_owned(),
                    Host::Silent(Silence { process: Process::Stopped, .. }) => {
                        "while it is stopped no trigger of it acts, and others may have moved traffic since; it was read last".to_owned()
                    }
                    Host::Silent(Silence { process: Process::Dies, .. }) => {
                        "it was killed and no trigger of it acts any more; it may have moved traffic since".to_owned()
                    }
                    Host::Silent(_) => "whether its triggers act is not known, and it may have moved traffic since".to_owned(),
                };
                format!("nobody knows more since {}{ago}; {what}:", absence::moment(state.now))
            }
            Known::PlanAlone(why, _) => format!("where its traffic is, is not known: its journal can't be read ({why})"),
            Known::Nothing(why) => {
                format!("where its traffic is, is not known: its journal can't be read ({why}), nor the plan that it flew")
            }
        }
    }
}

/// What the journal of `found` knows, or else its plan.
fn known(found: &Found) -> Read {
    let card = &found.card;
    let why = match fold(card.journal.clone()) {
        Ok((state, head)) => return Read { known: Known::Journal(state), head },
        Err(why) => why,
    };
    let known = match flown(&card.plan_path, card.plan_hash) {
        Some(plan) => Known::PlanAlone(why, Box::new(plan)),
        None => Known::Nothing(why),
    };
    Read { known, head: None }
}

/// What was read of a session, and where its journal ends.
struct Read {
    known: Known,
    head: Option<Head>,
}

/// What can be done about it: what nobody can take up is not offered to be.
fn next(found: &Found, known: &Known, place: &Place) -> Next {
    let next = super::sessions::next(found, place);
    match (next, World::of(&found.card)) {
        (Next::TakeUp(_) | Next::TakeUpAt(_), Some(world)) if known.is_broken() => {
            let opening = Opening { world, roster: found.card.roster.as_deref(), ..Opening::default() };
            way::anew(&found.card.session, &known.routes(), &found.card.plan_path, opening, place)
        }
        (next, _) => next,
    }
}

/// The same for a session with a card, whose journal is read for it where that decides.
pub(super) fn next_of(found: &Found, place: &Place) -> Next {
    match super::sessions::next(found, place) {
        Next::TakeUp(_) | Next::TakeUpAt(_) => next(found, &known(found).known, place),
        next @ (Next::Join(_) | Next::ClearAway(_) | Next::Anew { .. } | Next::TheirsAlone(_)) => next,
    }
}

fn fold(journal: PathBuf) -> Result<(Box<State>, Option<Head>), Unread> {
    let journal = paths::readable(journal);
    if !journal.exists() {
        return Err(Unread::NotNow(format!("it is not at {} any more; put it back there first", journal.display())));
    }
    let what = format!("reading the journal {} …", journal.display());
    let (folded, head) = print::patiently(&what, || refold::look(&journal)).map_err(unread)?;
    let state = Some(folded.state).filter(|state| state.opened.is_some());
    state.map(|state| (Box::new(state), head)).ok_or_else(|| Unread::NotNow("nothing had happened in it yet".to_owned()))
}

fn unread(error: RecorderError) -> Unread {
    match &error {
        RecorderError::Read(ReadError::Broken(_)) | RecorderError::Journal(JournalError::Read(ReadError::Broken(_))) => {
            Unread::Broken(error.to_string())
        }
        RecorderError::Read(_)
        | RecorderError::Journal(_)
        | RecorderError::Kind(_)
        | RecorderError::Folder(_)
        | RecorderError::Encode(_)
        | RecorderError::NoAnswer { .. }
        | RecorderError::Overdue { .. }
        | RecorderError::PlanHash(_) => Unread::NotNow(error.to_string()),
    }
}

/// The plan in its file, if it is the version that was flown.
fn flown(path: &Path, hash: Digest) -> Option<Plan> {
    let bundle = Bundle::load(path).ok().filter(|bundle| bundle.hash() == hash)?;
    bundle.read().ok().map(|(plan, _)| plan)
}

/// `flown` is the version of its plan that it flew, where that is known.
fn back(session: &SessionId, plan: Option<PathBuf>, flown: Option<Digest>, world: Option<WorldKind>, place: &Place) -> Next {
    let is_otherwise = |path: &Path| flown.is_some() && bundle::hash(path) != flown;
    let more = plan.as_deref().is_some_and(is_otherwise).then_some("--keep-plan");
    let plan = plan.unwrap_or_else(|| PathBuf::from("PLAN"));
    let line = Opening { session: Some(session), world: World::Live, more, ..Opening::default() }.line(&plan, place);
    match world {
        Some(WorldKind::Demo { .. }) => Next::TakeUpAt(format!("{line} --simulated=PORT")),
        Some(WorldKind::Live) | None => Next::TakeUp(line),
    }
}
