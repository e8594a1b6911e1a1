//! `cutover stop SESSION`: ends a session for good. Its host goes, its journal stays, and the plan's next session is a new one.
//!
//! While traffic moves or is split, the session is what watches over it. So stopping is refused then, unless the command names each route
//! that it abandons. Only the host's own account may do this. The host records who asked, and which routes were abandoned; of a session whose
//! host is gone, this records it in the journal.

use std::time::Duration;

use color_eyre::eyre::Result;
use rustix::{
    net::RecvFlags,
    process::{Pid, PidfdFlags, Signal},
};
use tokio::net::UnixStream;

use crate::{
    attach::{
        client::{Reply, ToHost},
        peer,
        sessions::{Found, Life},
        socket::Folder,
    },
    cli::{
        Exit,
        absent::{Absent, Host, Known},
        current, host, living,
        paths::{self, Paths},
        place::{Meant, Place, Unheard, said},
        print,
        silence::ANSWERS_WITHIN,
        way::Next,
    },
    core::{
        command::Command,
        decision::{Refusal, Transition, Verdict},
        ending::{self, Unwatched},
        event::{Asker, Entry, Event, WorldKind},
        runbook::Doing,
        state::State,
        step::step,
    },
    domain::{
        id::{AskId, ClientId, RouteId, StepId},
        role::Role,
        shown::Shown,
    },
    journal::files::{LastWriter, last_writer},
    plan::model::Plan,
    session::{
        clock::Clock,
        memory,
        recorder::{self, RecorderError, Weight},
        refold,
    },
    words::{self, Names},
};

/// The host says goodbye to everybody and writes its journal out; that takes a moment.
const ENDS_WITHIN: Duration = Duration::from_secs(15);
/// A host that ended the line and lives on after this time has not understood what it was asked.
const UNDERSTANDS_WITHIN: Duration = Duration::from_secs(8);
/// By which name this closes the journal of a host that is gone; what follows says whether that one had closed it.
pub(super) const CLEARS_AWAY: &str = "cutover stop";
pub(super) const AFTER_A_DEATH: &str = "cutover stop after a host that died";
const LOOK_EVERY: Duration = Duration::from_millis(50);

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The session
    session: String,
    /// A route that may be left as it stands, unwatched; once for each
    #[arg(long, value_name = "ROUTE")]
    abandon: Vec<RouteId>,
    #[command(flatten)]
    place: Place,
}

/// # Errors
/// When there is no home directory.
pub async fn run(args: Args) -> Result<Exit> {
    let paths = Paths::find()?;
    Ok(stop(args, &paths).await.unwrap_or_else(|exit| exit))
}

async fn stop(args: Args, paths: &Paths) -> Result<Exit, Exit> {
    let failed = |error: &dyn std::fmt::Display| said(error, Exit::Failed);
    let found = match args.place.meant(Some(&args.session))? {
        Meant::Running(found) => found,
        Meant::Absent(absent) => match absent.host {
            Host::Gone => return clear_away(&absent, &args, paths),
            // It lives, and what it holds is not cleared away.
            Host::Silent(_) => return Err(absent.tell(None)),
        },
    };
    if found.owner != peer::own_uid() {
        return Err(theirs(found.owner));
    }
    let (asked, left) = ask(&found, &args).await?;
    let is_over = match asked {
        Asked::Taken => ends(&found, &args, ENDS_WITHIN).await?,
        Asked::Unanswered => {
            let ended = ends(&found, &args, UNDERSTANDS_WITHIN).await?;
            if !ended {
                let seen = args.place.glance(&found).await.map_err(Unheard::tell)?;
                abandons(&unwatched(&seen.state), &args.abandon, "roll back")?;
                print::err(
                    "note: its host took no question, as one of an earlier version does; it is told by a signal, which names nobody",
                );
                signal(&found).await.map_err(|error| failed(&error))?;
            }
            ended || ends(&found, &args, ENDS_WITHIN).await?
        }
    };
    if !is_over {
        return Err(said("the host was told, and has not ended within 15 s; look at its log", Exit::Unsettled));
    }
    print::out(&format!("session {} is over; its journal: {}\n", found.card.session, found.card.journal.display()));
    tell_unread(&left.unread);
    left.steps.iter().for_each(|id| print::out(&format!("{id}: what was asked for goes on without the session, and nobody follows it\n")));
    Ok(Exit::Done)
}

/// Says of the routes that were left which of them nobody knows anything of.
fn tell_unread(unread: &[RouteId]) {
    unread.iter().for_each(|id| print::out(&format!("{id}: {}; it stays as it is\n", words::unwatched(&Unwatched::Unread))));
}

/// Whether the host of `found` is gone within this time.
async fn ends(found: &Found, args: &Args, within: Duration) -> Result<bool, Exit> {
    let deadline = tokio::time::Instant::now() + within;
    loop {
        let there = args.place.sessions().map_err(|error| said(error, Exit::Failed))?;
        if !there.iter().any(|one| one.card.session == found.card.session && one.life == Life::Running) {
            return Ok(true);
        }
        if tokio::time::Instant::now() >= deadline {
            return Ok(false);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn theirs(owner: u32) -> Exit {
    said(format!("the host is account {owner}'s; only that account may stop it; nothing was done"), Exit::Refused)
}

/// Whether the plan has each route that was named: a slip must not pass for an abandoned route.
fn are_known(args: &Args, plan: Option<&Plan>) -> Result<(), Exit> {
    let Some(plan) = plan else { return Ok(()) };
    let Some(unknown) = args.abandon.iter().find(|id| plan.routes.iter().all(|route| route.id != **id)) else { return Ok(()) };
    let names: Vec<&str> = plan.routes.iter().map(|route| route.id.as_str()).collect();
    let why = format!("session {} has no route {unknown} (there is: {}); nothing was stopped", args.session, names.join(", "));
    Err(said(why, Exit::Usage))
}

/// Whether each route that nobody would watch over any more was named.
fn abandons(unwatched: &[(RouteId, String)], named: &[RouteId], first: &str) -> Result<(), Exit> {
    let missing: Vec<&(RouteId, String)> = unwatched.iter().filter(|(id, _)| !named.contains(id)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    missing.iter().for_each(|(id, why)| print::err(&format!("{id}: {why}")));
    let flags: String = missing.iter().map(|(id, _)| format!(" --abandon {id}")).collect();
    let why = format!("nobody would watch over that; nothing was stopped; {first} first, or leave it as it stands with{flags}");
    Err(said(why, Exit::Refused))
}

/// What would be left alone, and why that matters.
pub(super) fn unwatched(state: &State) -> Vec<(RouteId, String)> {
    ending::unwatched(state).into_iter().map(|(id, why)| (id, words::unwatched(&why))).collect()
}

/// What became of the question whether the session may end.
enum Asked {
    /// It is on record.
    Taken,
    /// The line ended before an answer came: the session ended sooner, or its host is of an earlier version and knows no such question.
    Unanswered,
}

/// What is left as it stands.
struct Left {
    /// Routes of which nobody knows anything.
    unread: Vec<RouteId>,
    /// Steps that are under way.
    steps: Vec<StepId>,
}

impl Left {
    fn by(state: &State) -> Left {
        let steps = state.steps.iter().filter(|(_, known)| known.doing != Doing::Nothing);
        Left { unread: ending::never_read(&ending::unwatched(state)), steps: steps.map(|(id, _)| id.clone()).collect() }
    }
}

/// Asks the host to end the session; the host records who asked. With it, what is left as it stands.
async fn ask(found: &Found, args: &Args) -> Result<(Asked, Left), Exit> {
    let mut link = args.place.errand(found).await.map_err(Unheard::tell)?;
    let view = link.view.borrow().clone();
    let left = || Left::by(&view.state);
    are_known(args, view.state.opened.as_ref().map(|opened| &*opened.plan))?;
    let command = Command::Stop { abandon: args.abandon.clone() };
    let question = ToHost::Ask { ask: AskId(1), key: Some(Shown::new("cutover stop")), command };
    if link.asks.send(question).await.is_err() {
        return Ok((Asked::Unanswered, left()));
    }
    match tokio::time::timeout(ANSWERS_WITHIN, link.replies.recv()).await {
        Ok(Some(Reply::Answered { verdict: Verdict::Refused(refusal), .. })) => {
            if let Refusal::Unwatched { .. } = refusal {
                abandons(&unwatched(&link.view.borrow().state), &args.abandon, "roll back")?;
            }
            let names = Names::of(&view.state);
            Err(said(format!("{}; nothing was stopped", words::refusal(&refusal, names)), Exit::Refused))
        }
        Ok(Some(Reply::Answered { .. })) => Ok((Asked::Taken, left())),
        Ok(Some(Reply::NotSent { .. } | Reply::Lost { .. }) | None) => Ok((Asked::Unanswered, left())),
        Err(_) => {
            let absent = Absent::silent(found, &args.place).await;
            Err(absent.tell_of("it was asked to end the session, and does so if it comes back", None))
        }
    }
}

/// Tells the process that listens on the socket, and no other: the kernel names it, and a descriptor of it can't come to mean another.
async fn signal(found: &Found) -> std::io::Result<()> {
    let stream = UnixStream::connect(&found.socket).await?;
    let pid = stream.peer_cred()?.pid().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| std::io::Error::other("the kernel does not say which process the host is; end it by its service"))?;
    let process = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
    // A host that is still at the other end had that number when the descriptor was opened, so the descriptor is of the host.
    match rustix::net::recv(&stream, &mut [0u8; 1][..], RecvFlags::DONTWAIT | RecvFlags::PEEK) {
        Err(rustix::io::Errno::WOULDBLOCK) => {}
        Ok(_) | Err(_) => return Err(std::io::Error::other("the host hung up meanwhile; see `cutover sessions`")),
    }
    Ok(rustix::process::pidfd_send_signal(process, Signal::USR1)?)
}

/// A session whose host is gone needs no stopping, only clearing away. Where its traffic is split, that leaves it so.
fn clear_away(absent: &Absent, args: &Args, paths: &Paths) -> Result<Exit, Exit> {
    let failed = |error: &dyn std::fmt::Display| said(error, Exit::Failed);
    if let Next::TheirsAlone(owner) = absent.next {
        return Err(theirs(owner));
    }
    are_known(args, absent.plan())?;
    if let Err(exit) = abandons(&absent.unwatched(), &args.abandon, "take it up and roll back") {
        print::err(absent.lines(None).trim_end());
        return Err(exit);
    }
    let folder = absent.folder.as_deref().map_or_else(|| args.place.own(), Folder::own).map_err(|error| failed(&error))?;
    let lease = folder.claim_session(&absent.session).map_err(|error| failed(&error))?;
    if living::holds(&absent.journal) {
        let why = format!("session {}: somebody holds its journal meanwhile; nothing was cleared away; ask again", absent.session);
        return Err(said(why, Exit::Locked));
    }
    if let Known::Journal(state) = &absent.known {
        // What can't be recorded keeps nobody from clearing away; that it is not on record is said.
        if let Err(why) = record(absent, state, args) {
            print::err(&format!("note: that you cleared it away is not on record: {why}"));
        }
    }
    for route in absent.claims() {
        print::err(&format!(
            "note: the object of {route} still says that this session steers it; the next one takes it over, with open --take-over REASON or by key"
        ));
    }
    folder.retire(lease);
    absent.plan_path.iter().for_each(|plan| current::forget(paths, plan, &absent.session));
    memory::forget(&absent.journal);
    print::out(&format!("session {} was dead and is cleared away; its journal: {}\n", absent.session, absent.journal.display()));
    if let Known::Journal(state) = &absent.known
        && !absent.world_is_gone()
    {
        tell_unread(&ending::never_read(&ending::unwatched(state)));
    }
    Ok(Exit::Done)
}

/// Records in the journal of a session whose host is gone that it was ended, and by whom. Nothing leaves for the world: what a host would do on
/// its return, none does.
fn record(absent: &Absent, state: &State, args: &Args) -> Result<(), RecorderError> {
    let every = || state.routes.keys().cloned().collect();
    let abandon = if absent.world_is_gone() { every() } else { args.abandon.clone() };
    let by = match last_writer(&paths::readable(absent.journal.clone())) {
        LastWriter::Closed { .. } => CLEARS_AWAY,
        LastWriter::Writing { .. } | LastWriter::Lost { .. } | LastWriter::WithoutRecord { .. } | LastWriter::Unknown => AFTER_A_DEATH,
    };
    let found = recorder::Found::at(&absent.journal, by)?;
    let (mut recorder, folded) = found.take_up()?;
    let by = Asker { client: ClientId(recorder.last_client().0 + 1), who: host::owner(), role: Role::Pilot };
    let key = Some(Shown::new("cutover stop"));
    let asked =
        Event::Asked { by, ask: AskId(1), key, command: Command::Stop { abandon }, credentials: Some(Box::new(host::own_credentials())) };
    let first = recorder::returning(&folded);
    let mut state = folded.state;
    for event in first.into_iter().chain([asked]) {
        // A simulated world's time is its own; nothing happened in it since.
        let at = match state.opened.as_ref().map(|opened| opened.world) {
            Some(WorldKind::Live) | None => Clock::live().now(),
            Some(WorldKind::Demo { .. }) => state.now,
        };
        let entry = Entry { seq: recorder.next_seq(), at, event };
        let decision = step(&mut state, &entry);
        recorder.append(at, Weight::Durable, &refold::recorded(&Transition { entry, decision })?)?;
    }
    recorder.close()
}
