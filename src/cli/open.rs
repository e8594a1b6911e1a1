//! `cutover open PLAN`: a cockpit on the plan's session, which is begun, or taken up again, if it doesn't run.
//!
//! The session gets a process of its own that has no terminal: it outlives this one, and whoever presses Ctrl-C here stops nothing.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Seek, SeekFrom},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use color_eyre::eyre::{Result, WrapErr};
use rustix::{
    fs::{FallocateFlags, MemfdFlags},
    io::Errno,
};

use crate::{
    attach::{
        peer,
        protocol::Wants,
        roster::{Signs, passwd, user_of},
        sessions::{Found, Life},
        socket::FolderError,
    },
    cli::{
        Exit,
        appearance::Face,
        cockpit, current, host, join,
        paths::Paths,
        place::{Unheard, said},
        predecessor, print, rostering, unit, way,
    },
    core::outlook::{Attention, attention},
    tui::{terminal::signals::Signals, view::Follow},
    words::{self, Names},
};

/// A host answers within this time, or says why not: a long journal is read in a second, on a machine that has other things to do in many.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);
/// A wait that lasts longer is said.
const SHORT: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(30);
/// Of what a host said before it failed.
const TAIL_BYTES: usize = 4096;
/// Room for them in its log.
const WORDS_BYTES: u64 = 16 * 1024;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    options: host::Options,
    /// Only see to it that the session runs, and print its name
    #[arg(long, conflicts_with_all = ["theme", "ascii", "color", "no_mouse"])]
    no_attach: bool,
    /// Leave the session alone when its host dies, instead of starting another one
    #[arg(long)]
    no_restart: bool,
    #[command(flatten)]
    face: Face,
}

/// Whether a cockpit follows.
#[derive(Clone, Copy)]
enum Attaches {
    Yes,
    No,
}

/// # Errors
/// When the host's process can't be started, or the terminal can't be had.
pub async fn run(args: Args) -> Result<Exit> {
    if let Err(exit) = args.options.environment.is_consistent() {
        return Ok(exit);
    }
    if !args.no_attach
        && let Err(exit) = cockpit::terminal()
    {
        return Ok(exit);
    }
    let named = args.options.plan.display().to_string();
    let options = match args.options.located() {
        Ok(options) => options.absolute()?,
        Err(error) => return Ok(said(format!("{named}: {error}; nothing was started"), Exit::Usage)),
    };
    let attaches = if args.no_attach { Attaches::No } else { Attaches::Yes };
    let restarts = if args.no_restart { Restarts::No } else { Restarts::Yes };
    let found = match find_or_start(&options, attaches, restarts).await? {
        Ok(found) => found,
        Err(exit) => return Ok(exit),
    };
    if args.no_attach {
        print::out(&format!("{}\n", found.card.session));
        return Ok(Exit::Done);
    }
    cockpit::fly(&options.place, &found, Wants::Cockpit, Signals::new()?, &args.face, Follow::No).await
}

/// Whether somebody stays who starts the host again when it dies.
#[derive(Clone, Copy)]
enum Restarts {
    Yes,
    No,
}

/// The plan's session: the one that runs, if it is what was asked for, or one that is begun or taken up.
async fn find_or_start(options: &host::Options, attaches: Attaches, restarts: Restarts) -> Result<Result<Found, Exit>> {
    if let Some(other) = of_another_plan(options)? {
        return Ok(Err(other));
    }
    let found = match settled(options).await {
        Ok(found) => found,
        Err(error) => return Ok(Err(said(error, Exit::Failed))),
    };
    let Some(found) = found else {
        let paths = Paths::find()?;
        if let Err(exit) = admitted(options, attaches, &paths) {
            return Ok(Err(exit));
        }
        if let Some(held) = predecessor::held(options)? {
            return Ok(Err(held.tell(None)));
        }
        let again = predecessor::tell(options, &paths)?;
        let started = start(options, &paths, restarts).await?;
        if let (Ok(found), Some(again)) = (&started, again)
            && found.card.session == again
        {
            print::err(&format!("session {again} is taken up where its journal ends"));
        }
        return Ok(started);
    };
    Ok(joined(found, options).await)
}

/// Whether the host that is about to be started would let this person in. If not, nothing is begun.
fn admitted(options: &host::Options, attaches: Attaches, paths: &Paths) -> Result<(), Exit> {
    let roster = match (rostering::read(options.roster.as_deref(), paths), attaches) {
        (Ok(roster), Attaches::Yes) => roster,
        (Ok(_), Attaches::No) => return Ok(()),
        (Err(error), _) => return Err(said(format!("{error}; no session was begun"), Exit::Failed)),
    };
    let signs = if options.place.key.is_some() { Signs::Yes } else { Signs::No };
    let admits = roster.would_admit(peer::own_uid(), options.place.person.as_ref(), signs);
    admits.map_err(|why| said(format!("the host would not let you in: {why}; no session was begun"), Exit::Refused))
}

async fn joined(found: Found, options: &host::Options) -> Result<Found, Exit> {
    let seen = match options.place.glance(&found).await {
        Ok(seen) => Some(seen),
        Err(absent @ Unheard::Absent(_)) => return Err(absent.tell()),
        // A host that does not let us look flies its version all the same.
        Err(Unheard::Kept(_)) => None,
    };
    let plan = match host::plan_now(options) {
        Ok(plan) => Some(plan),
        // It flies under the recorded one.
        Err(_) if options.keep_plan => None,
        Err(unusable) => {
            let exit = unusable.tell();
            let attach = way::with_session("attach", &found.card.session, &options.place);
            print::err(&format!("session {} runs under the version that it began with; join it:\n  {attach}", found.card.session));
            return Err(exit);
        }
    };
    join::running(&found, seen.as_ref().map(|seen| &*seen.state), options, plan.as_ref())?;
    print::err(&format!("session {} runs already; joining it", found.card.session));
    if options.take_over.is_some() {
        print::err("note: --take-over is a word for the start of a host, and this one runs already; take the route over in its cockpit");
    }
    join::unheard(&found.card, options).iter().for_each(|note| print::err(&format!("note: {note}")));
    Ok(found)
}

/// The plan's session, if a host of this account has it, wherever that listens.
fn running(options: &host::Options) -> Result<Option<Found>, FolderError> {
    let found = options.place.of_our_own()?;
    Ok(found.into_iter().find(|one| one.life == Life::Running && one.card.plan_path == options.plan))
}

/// Whether the session that was named runs under another plan's file; what it is, is said then.
fn of_another_plan(options: &host::Options) -> Result<Option<Exit>, FolderError> {
    let Some(named) = &options.session else { return Ok(None) };
    let found = options.place.of_our_own()?;
    let is_other = |one: &Found| one.life == Life::Running && one.card.session == *named && one.card.plan_path != options.plan;
    let Some(found) = found.into_iter().find(is_other) else { return Ok(None) };
    let (plan, asked) = (found.card.plan_path.display(), options.plan.display());
    let attach = way::with_session("attach", named, &options.place);
    let why = format!("session {named} runs already and flies {plan}, not {asked}; nothing was started; join it:\n  {attach}");
    Ok(Some(said(why, Exit::Locked)))
}

/// The same once it listens: a host that is just starting reads its journal first.
async fn settled(options: &host::Options) -> Result<Option<Found>, FolderError> {
    let begun = tokio::time::Instant::now();
    let (deadline, mut wait_is_said) = (begun + ANSWERS_WITHIN, false);
    loop {
        let Some(found) = running(options)? else { return Ok(None) };
        let starts = match tokio::net::UnixStream::connect(&found.socket).await {
            Err(error) => matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused),
            Ok(_) => false,
        };
        if !starts || tokio::time::Instant::now() >= deadline {
            return Ok(Some(found));
        }
        if !wait_is_said && begun.elapsed() > SHORT {
            wait_is_said = true;
            let (session, most) = (&found.card.session, ANSWERS_WITHIN.as_secs());
            print::err(&format!("the host of session {session} holds its journal and does not listen yet; waiting up to {most} s …"));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Starts the host and waits until it lets people in.
async fn start(options: &host::Options, paths: &Paths, restarts: Restarts) -> Result<Result<Found, Exit>> {
    let log = paths.log(&format!("host-{:.12}", current::path_hash(&options.plan)));
    let (file, from) = words_of_host(&log).wrap_err("what the host says can't be kept anywhere; nothing was started")?;
    let mut child = detach(options, &file, restarts)?;
    let mut quicker = false;
    let begun = tokio::time::Instant::now();
    let (deadline, mut wait_is_said) = (begun + ANSWERS_WITHIN, false);
    while tokio::time::Instant::now() < deadline {
        if let Some(found) = running(options)?
            && tokio::net::UnixStream::connect(&found.socket).await.is_ok()
        {
            // Somebody who started at the same time may have named another.
            if options.session.as_ref().is_some_and(|named| *named != found.card.session) {
                return Ok(joined(found, options).await);
            }
            if quicker {
                return Ok(joined(found, options).await);
            }
            about_logout();
            about_the_record(options, &found).await;
            return Ok(Ok(found));
        }
        if let Some(status) = child.try_wait()? {
            // Somebody else may have been quicker; then his host is the one to join, as soon as it lets people in.
            quicker = status.code() == Some(i32::from(Exit::Locked.code()));
            if !quicker {
                print::err(&last_words(&file, from, &log));
                return Ok(Err(not_started(status)));
            }
        }
        if !wait_is_said && begun.elapsed() > SHORT {
            wait_is_said = true;
            let most = ANSWERS_WITHIN.as_secs();
            print::err(&format!("the host is starting; one that takes a session up reads its journal first; waiting up to {most} s …"));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    print::err(&tail(&file, from));
    let why = format!("the host does not answer yet; it was left running; see {} and `cutover sessions`", log.display());
    Ok(Err(said(why, Exit::Unsettled)))
}

/// What the host's own exit means for whoever wanted it. Its reason has been said.
fn not_started(status: ExitStatus) -> Exit {
    let same = |exit: Exit| status.code() == Some(i32::from(exit.code()));
    if same(Exit::Refused) {
        return Exit::Refused;
    }
    let exit = if same(Exit::Usage) { Exit::Usage } else { Exit::Failed };
    said(format!("the host did not start ({status}); nothing was asked of the world"), exit)
}

/// Where a host that is being started can say why it doesn't, and where that begins: its log, or memory where the disk has no room for it.
fn words_of_host(log: &Path) -> std::io::Result<(File, u64)> {
    let kept = log_file(log).and_then(|mut file| {
        let end = file.seek(SeekFrom::End(0))?;
        match rustix::fs::fallocate(&file, FallocateFlags::KEEP_SIZE, end, WORDS_BYTES) {
            // A file system that makes no promises may have room all the same.
            Ok(()) | Err(Errno::OPNOTSUPP) => Ok((file, end)),
            Err(error) => Err(error.into()),
        }
    });
    kept.or_else(|error| {
        print::err(&format!("note: {} can't be written ({error}); what the host says is shown here and kept nowhere", log.display()));
        Ok((rustix::fs::memfd_create("cutover-host", MemfdFlags::CLOEXEC)?.into(), 0))
    })
}

fn log_file(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(path)
}

fn detach(options: &host::Options, log: &File, restarts: Restarts) -> Result<Child> {
    let mut arguments = unit::arguments(options);
    arguments.insert(1, "--detached".into());
    if let Restarts::No = restarts {
        arguments.insert(2, "--no-restart".into());
    }
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments).current_dir("/").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log.try_clone()?);
    command.spawn().wrap_err("the host's process could not be started")
}

fn tail(words: &File, from: u64) -> String {
    let mut said = vec![0; TAIL_BYTES];
    match words.read_at(&mut said, from) {
        Ok(bytes) => String::from_utf8_lossy(&said[..bytes]).trim_end().to_owned(),
        Err(error) => format!("what it said can't be read: {error}"),
    }
}

/// What a host said before it failed; where it said nothing, its disk may have taken nothing.
fn last_words(words: &File, from: u64, log: &Path) -> String {
    let said = tail(words, from);
    if !said.is_empty() {
        return said;
    }
    let log_is = format!("the host has left no word in {}", log.display());
    match log.parent().and_then(|folder| rustix::fs::statvfs(folder).ok()) {
        Some(disk) if disk.f_bavail.saturating_mul(disk.f_frsize) < DISK_LEAST => format!("{log_is}: the disk there is full"),
        Some(_) | None => log_is,
    }
}

/// With less than this a disk may take no line any more.
const DISK_LEAST: u64 = 64 * 1024;

/// A session that begins on a disk without room can do nothing but go home, and may end at once: whoever begins it is told before he looks.
async fn about_the_record(options: &host::Options, found: &Found) {
    // A host that does not let us look tells whom it lets in.
    let Ok(seen) = options.place.glance(found).await else { return };
    let concerns =
        |what: &&Attention| matches!(what, Attention::RecordBroken { .. } | Attention::RecordHangs { .. } | Attention::RecordLow { .. });
    let names = Names::of(&seen.state);
    for what in attention(&seen.state).iter().filter(concerns) {
        print::err(&format!("note: {}", words::attention(what, seen.state.now, names)));
    }
}

/// A login manager may end everything of a person who logs out, hosts included, unless told otherwise.
fn about_logout() {
    let managed = Path::new("/run/systemd/system").exists();
    let lingers = user_of(peer::own_uid(), &passwd()).is_some_and(|user| Path::new("/var/lib/systemd/linger").join(user).exists());
    if managed && !lingers {
        print::err("note: this session outlives your terminal; to let it outlive your logout too: loginctl enable-linger");
    }
}
