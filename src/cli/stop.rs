//! `cutover stop SESSION`: ends a session for good. Its host goes, its journal stays, and the plan's next session is a new one.
//!
//! While traffic moves or is split, the session is what watches over it. So stopping is refused then, unless the command names each route
//! that it abandons. Only the host's own account may do this, and the host is told by a signal: a client has no word for it.

use std::time::Duration;

use color_eyre::eyre::Result;
use rustix::{
    net::RecvFlags,
    process::{Pid, PidfdFlags, Signal},
};
use tokio::net::UnixStream;

use crate::{
    attach::{
        peer,
        sessions::{Found, Life},
        socket::Folder,
    },
    cli::{
        Exit,
        absent::Absent,
        current,
        paths::Paths,
        place::{Meant, Place, glance, said},
        print,
        way::Next,
    },
    core::{
        home::{Home, home},
        requests::{Requests, requests},
        state::{Motion, State},
    },
    domain::id::RouteId,
};

/// The host says goodbye to everybody and writes its journal out; that takes a moment.
const ENDS_WITHIN: Duration = Duration::from_secs(15);
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
        Meant::Absent(absent) => return clear_away(&absent, &args, paths),
    };
    if found.owner != peer::own_uid() {
        return Err(theirs(found.owner));
    }
    abandons(&unwatched(&glance(&found).await?.state), &args.abandon, "roll back")?;
    end(&found).await.map_err(|error| failed(&error))?;
    let deadline = tokio::time::Instant::now() + ENDS_WITHIN;
    while tokio::time::Instant::now() < deadline {
        let there = args.place.sessions().map_err(|error| failed(&error))?;
        if !there.iter().any(|one| one.card.session == found.card.session && one.life == Life::Running) {
            print::out(&format!("session {} is over; its journal: {}\n", found.card.session, found.card.journal.display()));
            return Ok(Exit::Done);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Err(said("the host was told, and has not ended within 15 s; look at its log", Exit::Unsettled))
}

fn theirs(owner: u32) -> Exit {
    said(format!("the host is account {owner}'s; only that account may stop it; nothing was done"), Exit::Refused)
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
    let mut left = Vec::new();
    for (id, route) in &state.routes {
        let moves = !matches!(route.motion, Motion::Settled | Motion::Unread) || !route.unresolved.is_empty();
        let split = route.accepted.as_ref().filter(|accepted| accepted.weights.iter().filter(|(_, share)| share.get() > 0).count() > 1);
        let planned = state.opened.iter().flat_map(|opened| &opened.plan.routes).find(|planned| planned.id == *id);
        let elsewhere = planned.filter(|planned| match home(state, planned) {
            Home::NotHome { .. } | Home::Going { .. } => true,
            Home::Accepted { .. } => matches!(requests(route), Requests::Disagree { .. }) || route.latch.is_some(),
            Home::Unread | Home::Away { .. } | Home::Unasked { .. } | Home::Seen { .. } => false,
        });
        match (moves, split) {
            (false, None) if elsewhere.is_some() => {
                left.push((id.clone(), "home is accepted, and requests have not shown yet that everybody is there".to_owned()));
            }
            (true, _) => left.push((id.clone(), "its traffic is moving".to_owned())),
            (false, Some(split)) => left.push((id.clone(), format!("its traffic is split ({})", split.weights))),
            (false, None) => {}
        }
    }
    left
}

/// Tells the process that listens on the socket, and no other: the kernel names it, and a descriptor of it can't come to mean another.
async fn end(found: &Found) -> std::io::Result<()> {
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
    if let Err(exit) = abandons(&absent.unwatched(), &args.abandon, "take it up and roll back") {
        print::err(absent.lines(None).trim_end());
        return Err(exit);
    }
    let folder = absent.folder.as_deref().map_or_else(|| args.place.own(), Folder::own).map_err(|error| failed(&error))?;
    let lease = folder.claim_session(&absent.session).map_err(|error| failed(&error))?;
    folder.retire(lease);
    absent.plan_path.iter().for_each(|plan| current::forget(paths, plan, &absent.session));
    print::out(&format!("session {} was dead and is cleared away; its journal: {}\n", absent.session, absent.journal.display()));
    Ok(Exit::Done)
}
