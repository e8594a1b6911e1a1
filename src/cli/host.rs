//! `cutover host PLAN`: the session itself, in the foreground, for systemd or for `cutover open`.
//!
//! It outlives every terminal. SIGHUP means nothing to it; SIGTERM and SIGINT end the process and leave the session to be taken up again,
//! in the state that its journal holds; SIGUSR1, which a `cutover stop` of an earlier version sends, ends the session for good, as `cutover
//! stop` does through the socket. It has no terminal of its own and asks nobody anything: people come in through the socket.

use std::{path::PathBuf, time::Duration};

use color_eyre::eyre::{Result, WrapErr};
use tokio::{
    signal::unix::{Signal, SignalKind},
    sync::mpsc,
    task::JoinHandle,
};

use crate::{
    adapter::syslog::Syslog,
    attach::{
        connection::Farewell,
        peer,
        protocol::Then,
        roster::{Roster, login_of, passwd},
        sessions::{self, Card, ClaimError, Lease, Life, Simulated},
        socket::{Folder, FolderError},
    },
    cli::{
        Exit,
        bundle::Bundle,
        confine, current,
        environment::{Environment, World},
        join, living,
        notes::{Kept, Notes},
        paths::{self, Paths},
        place::{Place, said},
        predecessor, print,
        rostering::Rostering,
        running::{Ended, Opening, Running},
        signals::{self, Signals},
        silence::Pid,
        stand::Stand,
        supervisor, unit, way,
        witness::{self, Seen, Told},
    },
    core::steer::Order,
    domain::{
        credentials::{Credentials, Proven},
        id::{OperatorId, RouteId, SessionId},
        shown::Shown,
    },
    journal::{checkpoint, error::JournalError},
    plan::model::Plan,
    session::{
        memory,
        recorder::{Found, RecorderError},
    },
    telemetry::{self, Sink},
};

/// Whether it can still be found is looked at this often.
const LOOKED_AFTER_EVERY: Duration = Duration::from_secs(5);

/// The machine's log is told within this time that the host ends.
const LAST_WORD_WITHIN: Duration = Duration::from_millis(250);

/// What a session is made of, for `host` and for `open`, which starts one.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The plan file
    pub plan: PathBuf,
    /// Name of the session to take up or to begin [default: the plan's open one, or a new name]
    #[arg(long)]
    pub session: Option<SessionId>,
    /// Begin a new session although the plan has one whose host is gone; that one's journal is kept
    #[arg(long)]
    pub new: bool,
    /// Take the session up under the plan that it was begun with, whatever became of the file since
    #[arg(long, conflicts_with = "new")]
    pub keep_plan: bool,
    /// Take over what another session steers, as it says itself on the object: why
    #[arg(long, value_name = "REASON")]
    pub take_over: Option<Shown>,
    /// Who may attach [default: roster.toml in the configuration directory; without it, you alone]
    #[arg(long, value_name = "FILE")]
    pub roster: Option<PathBuf>,
    /// The machine's log, which is told where the journal ends: a socket, or `none` [default: /dev/log; none for a simulated world]
    #[arg(long, value_name = "SOCKET")]
    pub syslog: Option<Told>,
    #[command(flatten)]
    pub environment: Environment,
    #[command(flatten)]
    pub place: Place,
}

impl Options {
    /// The same options with the plan's own path, by which its sessions know it. Under the recorded plan its file need not be there.
    /// # Errors
    /// There is no such file.
    pub fn located(mut self) -> std::io::Result<Options> {
        self.plan = match std::fs::canonicalize(&self.plan) {
            Err(_) if self.keep_plan => std::path::absolute(&self.plan)?,
            located => located?,
        };
        Ok(self)
    }

    /// The same options wherever the process that gets them stands.
    /// # Errors
    /// When there is no current directory.
    pub fn absolute(mut self) -> std::io::Result<Options> {
        let log = match &mut self.syslog {
            Some(Told::Socket(path)) => Some(path),
            Some(Told::Nobody) | None => None,
        };
        for path in [self.roster.as_mut(), self.place.runtime_dir.as_mut(), log].into_iter().flatten() {
            *path = std::path::absolute(&path)?;
        }
        Ok(self)
    }
}

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    options: Options,
    /// Print a systemd user unit for this host and do nothing else
    #[arg(long)]
    unit: bool,
    /// Leave the terminal's session first, and start the host again when it dies
    #[arg(long, hide = true)]
    detached: bool,
    /// Leave the terminal's session, and no more
    #[arg(long, hide = true, requires = "detached")]
    no_restart: bool,
    /// The process that starts this host again when it dies
    #[arg(long, hide = true, value_name = "PID")]
    kept_by: Option<u32>,
}

/// Runs the host until it is told to end, or its journal fails.
/// # Errors
/// What keeps the session from beginning; nothing has been asked of the world then.
pub async fn run(args: Args) -> Result<Exit> {
    if let Err(exit) = args.options.environment.is_consistent() {
        return Ok(exit);
    }
    let named = args.options.plan.display().to_string();
    let kept_by = args.kept_by;
    let options = match args.options.located() {
        Ok(options) => options.absolute()?,
        Err(error) => return Ok(said(format!("{named}: {error}; no session was begun"), Exit::Usage)),
    };
    if args.unit {
        print::out(&unit::text(&std::env::current_exe()?, &options, |name| std::env::var_os(name).is_some())?);
        return Ok(Exit::Done);
    }
    if args.detached {
        // Refused only to the leader of a process group, which a freshly started child is not.
        rustix::process::setsid().wrap_err("the terminal's session could not be left")?;
    }
    confine::give_up_rights();
    // A world that lives in the host dies with it, and its session can't be taken up.
    if args.detached && !args.no_restart && !options.environment.is_in_the_host() {
        return supervisor::run(&options).await;
    }
    die_of_any_panic();
    let paths = Paths::find()?;
    if let Err(error) = telemetry::start(Sink::FileOnly(paths.log("host"))) {
        print::err(&format!("note: this host's log can't be written ({error}); the session doesn't need it"));
    }
    // Before anybody can be let in: who was just told that the session runs may already end it, and no signal may then end the process by itself.
    let (signals, stop) = (Signals::listen()?, signals::heard(SignalKind::user_defined1())?);
    let early = tokio::spawn(end_before_it_begins(Signals::listen()?));
    match begin(options, paths).await? {
        Ok(hosted) => {
            early.abort();
            confine::start_no_programs();
            hosted.until_the_end(signals, stop, kept_by).await
        }
        Err(exit) => Ok(exit),
    }
}

/// Ends the process where it is told to end while it opens its journal, whatever holds that up. The journal bears an end at any moment.
async fn end_before_it_begins(mut signals: Signals) {
    signals.asked_to_end().await;
    tracing::info!("the host was told to end before its session ran");
    telemetry::finish();
    std::process::exit(Exit::Done.code().into());
}

/// A task that panicked leaves a session that looks alive and lacks something. The next host takes it up whole.
fn die_of_any_panic() {
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        told(panic);
        telemetry::finish();
        std::process::abort();
    }));
}

/// A session that runs, and lets people in.
struct Hosted {
    options: Options,
    paths: Paths,
    session: SessionId,
    stand: Stand,
    running: Running,
    serving: JoinHandle<()>,
    /// Ends with the session, behind its last word.
    witness: Option<JoinHandle<()>>,
    /// Of the plan that it flies.
    routes: Vec<RouteId>,
}

async fn begin(options: Options, paths: Paths) -> Result<Result<Hosted, Exit>> {
    let plan = match plan_now(&options) {
        Err(unusable) if !options.keep_plan => return Ok(Err(unusable.tell())),
        plan => plan,
    };
    let folder = match options.place.own() {
        Ok(folder) => folder,
        Err(error) => return Ok(Err(said(error, Exit::Failed))),
    };
    // Before anything is begun: a session that nobody can join would fly alone.
    let rostering = Rostering::begin(options.roster.clone(), &paths)?;
    let claimed = |claim: Result<Lease, ClaimError>| match claim {
        Ok(lease) => Ok(Ok(lease)),
        Err(error @ ClaimError::Held { .. }) => Ok(Err(said(error, Exit::Locked))),
        Err(ClaimError::Folder(error)) => Err(error),
    };
    let plan_lease = match claimed(folder.claim_plan(&current::path_hash(&options.plan)))? {
        Ok(lease) => lease,
        Err(exit) => return Ok(Err(exit)),
    };
    // The lease is of one directory; a host may have been told another.
    let elsewhere = options.place.of_our_own()?.into_iter().find(|one| one.life == Life::Running && one.card.plan_path == options.plan);
    if let Some(found) = elsewhere {
        let process = Pid::of(found.card.pid, found.owner).map_or_else(String::new, |pid| format!(" and process {pid}"));
        let what = format!("this plan, as session {}{process},", found.card.session);
        return Ok(Err(said(ClaimError::Held { what }, Exit::Locked)));
    }
    let world = World::enter(&options.environment).await?;
    let mut opening = match open_book(&options, &paths, plan, &world, &folder) {
        Ok(opening) => opening,
        Err(OpenError::Another(exit)) => return Ok(Err(exit)),
        Err(error @ OpenError::Recorder(RecorderError::Journal(JournalError::InUse { .. }))) => return Ok(Err(said(error, Exit::Locked))),
        Err(error) => return Ok(Err(said(error, Exit::Failed))),
    };
    let lease = match claimed(folder.claim_session(&opening.session))? {
        Ok(lease) => lease,
        Err(exit) => return Ok(Err(exit)),
    };
    let listener = folder.listen_for(&lease)?;
    opening.takes_over = options.take_over.clone().map(|reason| Order { by: owner(), reason });
    let card = card(&opening, &options, &world);
    let noted_by_its_writer = opening.noted();
    let routes = opening.plan.routes.iter().map(|route| route.id.clone()).collect();
    let can_be_taken_up = !world.is_our_own();
    let running = match Running::start(opening, world, rostering.first()).await {
        Ok(running) => running,
        Err(error) => return Ok(Err(said(format!("{error:#}"), Exit::Failed))),
    };
    let witness = witness(&options, running.seen());
    let host = running.host.clone();
    let roster = rostering.keep(host.clone());
    let (moves, moved) = mpsc::channel(1);
    let serving = tokio::spawn(async move { host.serve(listener, moved, roster).await });
    let (session, journal) = (card.session.clone(), card.journal.clone());
    if can_be_taken_up {
        noted(&paths, &options, &session);
    }
    let open = can_be_taken_up.then(|| paths.clone());
    let notes = Notes::begin(Kept { folder: folder.path().to_owned(), card: card.clone(), noted: noted_by_its_writer, open });
    let stand = Stand::new(&options.place, folder, (lease, plan_lease), notes, card, moves);
    print::err(&format!("session {session} runs; its journal: {}", journal.display()));
    Ok(Ok(Hosted { options, paths, session, stand, running, serving, witness, routes }))
}

/// Has the machine's log told where the journal ends. The session does not need it, so one that is not there costs a word in our own.
fn witness(options: &Options, seen: Seen) -> Option<JoinHandle<()>> {
    let told = options.syslog.clone().unwrap_or_else(|| Told::by_default(options.environment.world().is_none()));
    let Told::Socket(path) = told else { return None };
    match Syslog::at(&path) {
        Ok(log) => Some(tokio::spawn(witness::tell(seen, log))),
        Err(error) => {
            tracing::warn!(%error, "the machine's log can't be told where the journal ends");
            None
        }
    }
}

/// Notes the session as its plan's open one. Nothing that happens in it needs the note, so one that can't be written only costs a word.
fn noted(paths: &Paths, options: &Options, session: &SessionId) {
    if let Err(error) = current::remember(paths, &options.plan, session) {
        tracing::warn!(%error, "the session could not be noted as the plan's open one");
        print::err(&format!(
            "note: {session} could not be noted as the plan's open session ({error}), which is tried again; until then, take it up again with --session {session}"
        ));
    }
}

/// Of a session that is over nobody needs what the next host would go on with.
fn forget(paths: &Paths, options: &Options, session: &SessionId) {
    memory::forget(&paths.journal(session.as_str()));
    current::forget(paths, &options.plan, session);
}

/// What is told of the session to whoever lists them.
fn card(opening: &Opening, options: &Options, world: &World) -> Card {
    Card {
        session: opening.session.clone(),
        plan: opening.plan.name.clone(),
        plan_path: options.plan.clone(),
        plan_hash: opening.plan.hash,
        world: world.kind(),
        simulated: options.environment.world(),
        roster: options.roster.clone(),
        pid: std::process::id(),
        journal: opening.journal.clone(),
        started_at: world.clock().now(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Why the plan's file gives no plan.
pub(super) enum Unusable {
    Unread(String),
    /// What is wrong with it.
    Invalid(String),
}

impl Unusable {
    pub(super) fn tell(&self) -> Exit {
        match self {
            Unusable::Unread(why) => said(format!("{why}; no session was begun"), Exit::Usage),
            Unusable::Invalid(problems) => {
                print::err(problems);
                said("no session was begun; correct the plan; `cutover check` says the same", Exit::Usage)
            }
        }
    }
}

/// The plan as its file has it now.
pub(super) fn plan_now(options: &Options) -> Result<Plan, Unusable> {
    let name = options.plan.display().to_string();
    let bundle = Bundle::load(&options.plan).map_err(|error| Unusable::Unread(format!("{name} can't be read: {error}")))?;
    bundle.read().map(|(plan, _)| plan).map_err(|remarks| Unusable::Invalid(bundle.rendered(&remarks)))
}

/// Why no session was begun or taken up; nothing has been asked of the world then.
#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error(transparent)]
    Recorder(#[from] RecorderError),
    #[error(
        "session {session} is this plan's open one, and its journal is not at {}; nothing was begun in its place; put the journal back where \
         it was, or clear the session away (cutover stop {session}) and begin another with --new",
        .journal.display()
    )]
    Gone { session: SessionId, journal: PathBuf },
    #[error(
        "session {session} was begun before, with its journal at {}, which is not where this shell looks for it; nothing was begun in its \
         place; use the XDG_STATE_HOME of then, put the journal back where it was, or clear the session away (cutover stop {session}) and \
         begin another with --new",
        .journal.display()
    )]
    Begun { session: SessionId, journal: PathBuf },
    #[error(
        "the journal at {} is of session {own}, and not of {session}: somebody has copied it or given it another name; nothing was begun, and it \
         stays as it is; {advice}",
        .journal.display()
    )]
    Renamed { session: SessionId, journal: PathBuf, own: SessionId, advice: String },
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// It is another session than the one that was asked for, and that was said.
    #[error("the session is another than the one that was asked for")]
    Another(Exit),
    #[error("a hundred sessions of this plan began this minute; name one with --session")]
    NoName,
}

/// Takes up the session that is meant where its journal exists, else begins it. Where there was one, none is begun in its place.
/// What the plan's file is worth is asked only where no recorded plan suffices.
fn open_book(options: &Options, paths: &Paths, plan: Result<Plan, Unusable>, world: &World, folder: &Folder) -> Result<Opening, OpenError> {
    let usable = |plan: Result<Plan, Unusable>| plan.map_err(|unusable| OpenError::Another(unusable.tell()));
    let open = if options.new || world.is_our_own() { None } else { current::recall(paths, &options.plan) };
    let (session, plan) = match options.session.clone().or_else(|| open.clone()) {
        Some(session) => (session, plan),
        None => {
            let plan = usable(plan)?;
            (new_name(&plan, paths, &options.place.of_our_own()?)?, Ok(plan))
        }
    };
    let journal = paths.journal(session.as_str());
    let holder = format!("process {}", std::process::id());
    let is_there = paths::readable(journal.clone()).exists();
    if !is_there && open.as_ref() == Some(&session) {
        return Err(OpenError::Gone { session, journal });
    }
    if !is_there {
        // Its journal may be of another state directory, or of a disk that is not mounted. So may that of the plan's own session, which nobody
        // has ended, where none was named.
        let is_any = options.session.is_none() && !options.new;
        let is_out_of_sight = |card: &Card| {
            let is_of_plan = card.plan_path == options.plan && predecessor::concerns(Some(card.world), options);
            is_any && is_of_plan && card.journal != paths.journal(card.session.as_str())
        };
        let mut begun = options.place.of_our_own()?.into_iter().map(|found| found.card);
        if let Some(card) = begun.find(|card| card.session == session || is_out_of_sight(card)) {
            return Err(OpenError::Begun { session: card.session, journal: card.journal });
        }
        let plan = usable(plan)?;
        predecessor::allow(&session, options).map_err(OpenError::Another)?;
        return Ok(Opening::new(session, plan, &journal, &holder, world)?);
    }
    // A refusal leaves no trace: it is taken up only when nothing is left that could speak against it.
    let found = Found::at(&journal, &holder)?;
    if let Some(own) = found.session().filter(|own| *own != session) {
        let advice = renamed(paths, options, &own);
        return Err(OpenError::Renamed { session, journal, own, advice });
    }
    let Some(opened) = &found.folded.state.opened else {
        return Ok(Opening::again(session, usable(plan)?, &journal, found, world)?);
    };
    let card = folder.sessions()?.into_iter().map(|found| found.card).find(|card| card.session == session);
    let card = card.or_else(|| living::noted(&journal));
    let now = plan.as_ref().ok();
    join::taken_up(&session, &found.folded.state, opened, card.as_ref(), options, now).map_err(OpenError::Another)?;
    if now.is_none_or(|now| opened.plan.hash != now.hash) {
        tracing::warn!(%session, "the plan file has changed since the session began; the session goes on under the plan of its journal");
        print::err(&join::note(opened, now, &options.plan));
    }
    let recorded = (*opened.plan).clone();
    Ok(Opening::again(session, recorded, &journal, found, world)?)
}

/// What to do about a journal that lies under another name than its session's. Two of one session would each say that the same writes are its own.
fn renamed(paths: &Paths, options: &Options, own: &SessionId) -> String {
    let place = paths.journal(own.as_str());
    if paths::readable(place.clone()).exists() {
        let plan = way::quoted(&options.plan.display().to_string());
        let at = match options.environment.world() {
            None => String::new(),
            Some(Simulated::Own) => " --simulated".to_owned(),
            Some(Simulated::Port(port)) => format!(" --simulated={port}"),
        };
        format!("take the session up by its own name, whose journal is there: cutover open {plan} --session {own}{at}")
    } else {
        format!("if it was renamed, give the folder and what lies beside it their name back ({}), and take up {own}", place.display())
    }
}

/// The plan's name and the minute, in the grammar of names; no other than one that neither a journal here nor a host of this account bears.
fn new_name(plan: &Plan, paths: &Paths, known: &[sessions::Found]) -> Result<SessionId, OpenError> {
    let simple = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let slug: String = plan.name.as_str().chars().map(simple).collect();
    let slug: Vec<&str> = slug.split('-').filter(|part| !part.is_empty()).collect();
    let slug: String = slug.join("-").chars().take(40).collect();
    let slug = if slug.is_empty() { "session".to_owned() } else { slug };
    let minute = jiff::Zoned::now().strftime("%Y%m%d-%H%M").to_string();
    let names = (1..100).map(|count| if count == 1 { format!("{slug}-{minute}") } else { format!("{slug}-{minute}-{count}") });
    let taken = |name: &String| {
        let journal = paths.journal(name);
        let is_known = known.iter().any(|found| found.card.session.as_str() == name);
        is_known || checkpoint::of_journal(&journal).is_some() || paths::readable(journal).exists()
    };
    let free = names.into_iter().find(|name| !taken(name));
    free.and_then(|name| name.parse().ok()).ok_or(OpenError::NoName)
}

/// Whoever this account is, for the record.
pub(super) fn owner() -> OperatorId {
    let uid = peer::own_uid();
    Roster::of_owner(uid, &passwd()).identify(uid).expect("the owner is in a roster of the owner").who
}

/// What stands behind that name.
pub(super) fn own_credentials() -> Credentials {
    let uid = peer::own_uid();
    Credentials { uid, login: login_of(uid, &passwd()), proven: Proven::Account }
}

/// Why the host ends.
enum Call {
    /// The process goes, the session stays.
    Pause,
    /// The session is over, and its engine has ended.
    Stopped,
}

impl Hosted {
    async fn until_the_end(mut self, mut signals: Signals, mut stop: Signal, mut kept_by: Option<u32>) -> Result<Exit> {
        let mut looks = tokio::time::interval(LOOKED_AFTER_EVERY);
        let call = loop {
            tokio::select! {
                () = signals.asked_to_end() => break Call::Pause,
                _ = stop.recv() => self.running.host.stop_on_signal(owner(), "SIGUSR1", self.routes.clone()).await,
                ended = self.running.ended() => match ended {
                    Ended::Stopped(by) => {
                        tracing::info!(%by, "the session was stopped");
                        break Call::Stopped;
                    }
                    Ended::Failed(why) => {
                        tracing::error!("{why}");
                        self.running.see_out_untold(Farewell::new(&why, Then::StayAway));
                        self.serving.await?;
                        return Ok(said(why, Exit::Failed));
                    }
                },
                _ = looks.tick() => {
                    if let Some(gone) = kept_by.take_if(|kept_by| supervisor::is_gone(*kept_by)) {
                        self.running.host.supervisor_gone(gone).await;
                    }
                    self.stand.look_after().await;
                }
            }
        };
        self.stand.leave_notes();
        match call {
            Call::Pause => {
                let last_words = Farewell::new("the host was ended; the session waits in its journal for the next one", Then::ComeBack);
                self.running.see_out(last_words);
                self.serving.await?;
                let state = match self.running.end().await {
                    Ok(state) => state,
                    Err(error) => return Ok(said(error, Exit::Failed)),
                };
                // Somebody may have stopped it in the same moment.
                if state.stopped.is_some() {
                    forget(&self.paths, &self.options, &self.session);
                } else if !self.options.environment.is_in_the_host() {
                    print::err(&format!(
                        "the host was ended; session {} waits in its journal, and no trigger acts until another host takes it up; cutover sessions prints how",
                        self.session
                    ));
                }
            }
            Call::Stopped => {
                self.serving.await?;
                self.running.leave().await;
                forget(&self.paths, &self.options, &self.session);
            }
        }
        if let Some(witness) = self.witness {
            // Nobody waits for a log.
            tokio::time::timeout(LAST_WORD_WITHIN, witness).await.ok();
        }
        self.stand.retire();
        Ok(Exit::Done)
    }
}
