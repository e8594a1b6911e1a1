//! What the plan's earlier sessions have left behind, before another one is begun.
//!
//! A session whose host died with traffic away from home is the first thing that whoever opens its plan has to know: nobody watches over that
//! traffic, and a new session would know nothing of it. So none is begun over it until it was taken up, or somebody has said that its traffic
//! may stay as it is. Of the others it is told that they are there.

use crate::{
    attach::{
        sessions::{Found, Life, Simulated},
        socket::FolderError,
    },
    cli::{
        Exit,
        absent::{Absent, Host, Known},
        current,
        host::Options,
        paths::Paths,
        place::said,
        print,
        stop::unwatched,
        way,
    },
    core::{
        ending::{self, Unwatched},
        event::WorldKind,
        state::State,
    },
    domain::id::{RouteId, SessionId},
};

/// The sessions of the plan whose hosts are gone.
fn left(options: &Options) -> Result<Vec<Absent>, FolderError> {
    let found = options.place.of_our_own()?;
    let dead = found.iter().filter(|one| one.life == Life::Dead && one.card.plan_path == options.plan);
    let mut left: Vec<Absent> = dead.map(|one| Absent::of(one, &options.place)).collect();
    left.extend(without_card(&found, options).into_iter().filter(|absent| absent.host == Host::Gone));
    Ok(left)
}

/// The plan's session whose host lives, and which can't be reached; nothing is begun beside it.
pub(super) fn held(options: &Options) -> Result<Option<Absent>, FolderError> {
    let found = options.place.of_our_own()?;
    Ok(without_card(&found, options).into_iter().find(|absent| absent.host != Host::Gone))
}

fn without_card(found: &[Found], options: &Options) -> Vec<Absent> {
    Absent::without_card_where(found, &options.place, |open| open.plan.as_ref() == Some(&options.plan))
}

/// Whether a new session in the world that is asked for would be begun over traffic that nobody watches. A simulated world's traffic is nobody's
/// concern in a live session, and a world of one's own is nobody else's.
pub(super) fn concerns(world: Option<WorldKind>, options: &Options) -> bool {
    match (world, options.environment.world()) {
        (_, Some(Simulated::Own)) | (Some(WorldKind::Demo { .. }), None) => false,
        (Some(WorldKind::Demo { .. }), Some(Simulated::Port(_))) | (Some(WorldKind::Live) | None, None | Some(Simulated::Port(_))) => true,
    }
}

fn bars(absent: &Absent, options: &Options) -> bool {
    concerns(absent.world, options) && !absent.unwatched().is_empty()
}

/// What has to come before the command that begins another session beside this one whose host is gone: nothing, or clearing it away.
pub(super) fn over(session: &SessionId, state: &State, options: &Options) -> String {
    let left = unwatched(state);
    let in_the_way = concerns(state.opened.as_ref().map(|opened| opened.world), options) && !left.is_empty();
    if in_the_way { format!("{} && ", clearing_away(session, &left, options)) } else { String::new() }
}

/// Whether `session` may be begun as a new one.
/// # Errors
/// [`Exit::Refused`], with what was left behind and both ways on, on standard error.
pub(super) fn allow(session: &SessionId, options: &Options) -> Result<(), Exit> {
    let left = left(options).map_err(|error| said(error, Exit::Failed))?;
    let Some(absent) = left.iter().find(|absent| absent.session != *session && bars(absent, options)) else { return Ok(()) };
    let traffic = match &absent.known {
        Known::Journal(state) if ending::unwatched(state).iter().all(|(_, why)| *why == Unwatched::Unread) => {
            "and where its traffic is was never read"
        }
        Known::Journal(_) => "with traffic away from home",
        Known::PlanAlone(..) | Known::Nothing(_) => "and where its traffic is, is not known",
    };
    let why = format!("the host of session {} of this plan has died {traffic}; nobody watches over it", absent.session);
    let exit = said(format!("{why}; no new session was begun"), Exit::Refused);
    print::err(absent.lines(None).trim_end());
    print::err(&format!(
        "or leave its traffic as it stands, and clear the session away; its journal stays:\n  {}",
        clearing_away(&absent.session, &absent.unwatched(), options)
    ));
    Err(exit)
}

/// The command that clears a session away although its traffic is not home.
fn clearing_away(session: &SessionId, unwatched: &[(RouteId, String)], options: &Options) -> String {
    let flags: String = unwatched.iter().map(|(id, _)| format!(" --abandon {id}")).collect();
    way::with_session("stop", session, &options.place) + &flags
}

/// Says what was left behind, to whoever opens the plan, and gives the session that is to be taken up. What keeps a session from being begun is
/// said where it is.
pub(super) fn tell(options: &Options, paths: &Paths) -> Result<Option<SessionId>, FolderError> {
    let open = current::recall(paths, &options.plan).filter(|_| !options.new);
    let meant = options.session.clone().or(open).filter(|_| options.environment.world() != Some(Simulated::Own));
    let left = left(options)?;
    for absent in left.iter().filter(|absent| meant.as_ref() == Some(&absent.session) || !bars(absent, options)) {
        let back = if meant.as_ref() == Some(&absent.session) { String::new() } else { format!("\n{}", absent.back()) };
        print::err(&format!("the host of session {} of this plan is gone\n{}{back}", absent.session, absent.stood().join("\n")));
    }
    Ok(meant.filter(|meant| left.iter().any(|absent| absent.session == *meant)))
}
