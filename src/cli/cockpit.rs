//! A cockpit on a session that runs elsewhere: what `attach`, `watch` and `open` have in common.

use std::{env::VarError, io::IsTerminal};

use color_eyre::eyre::Result;

use crate::{
    attach::{
        client::{Connection, Link},
        protocol::Wants,
        sessions::{Found, Simulated},
    },
    cli::{
        Exit,
        appearance::Face,
        confine, inject,
        paths::Paths,
        place::{Place, said},
        print, way,
    },
    core::{
        command::Command,
        event::{TerminalSize, WorldKind},
    },
    domain::id::SessionId,
    telemetry::{self, Sink},
    tui::{
        app::{self, Appearance, End, Left},
        terminal::{signals::Signals, size},
        view::{Fate, Follow, Leaving, Unanswered},
    },
    words::{self, Names, absence},
};

/// Whether there is a terminal to draw on; says so if not.
/// # Errors
/// [`Exit::Usage`] without one.
pub fn terminal() -> Result<(), Exit> {
    const INSTEAD: &str = "nothing was attached; `cutover status` says how it stands in lines, and `cutover rollback` brings it home";
    if !(std::io::stdout().is_terminal() && std::io::stdin().is_terminal()) {
        let why = format!("a cockpit needs a terminal; {INSTEAD}; over ssh ask for one with `ssh -t`");
        return Err(said(why, Exit::Usage));
    }
    match std::env::var("TERM").as_deref() {
        Ok(kind) if !matches!(kind, "" | "dumb") => Ok(()),
        // What is not UTF-8 names a terminal that we know as little as any other.
        Err(VarError::NotUnicode(_)) => Ok(()),
        Ok("dumb") => Err(said(format!("a cockpit draws a whole screen, and this terminal has none (TERM=dumb); {INSTEAD}"), Exit::Usage)),
        Ok(_) | Err(VarError::NotPresent) => {
            let why = format!("TERM is not set, so whether this terminal can show a screen is not known; {INSTEAD}; or say TERM=xterm");
            Err(said(why, Exit::Usage))
        }
    }
}

/// Draws the session until its person or its terminal leaves. The session goes on either way. `signals` are caught before anything else is
/// done: a key that sends one while the terminal is not ours yet would end us without a word.
/// # Errors
/// When the terminal can't be had.
pub async fn fly(place: &Place, found: &Found, wants: Wants, mut signals: Signals, face: &Face, follow: Follow) -> Result<Exit> {
    let paths = Paths::find()?;
    telemetry::start(Sink::PaneAndFile(paths.log("cockpit")))?;
    confine::give_up_rights();
    // Who signs starts `ssh-keygen` for each signature; a face that need not starts nothing, whatever comes in from the host.
    if place.key.is_none() {
        confine::start_no_programs();
    }
    let size = size::of(&std::io::stdout());
    let terminal = Some(TerminalSize { columns: size.columns, rows: size.rows });
    let joined = tokio::select! {
        biased;
        () = signals.leave() => {
            let home = way::with_session("rollback", &found.card.session, place);
            let why = format!("a signal came before the session was joined; nothing was asked of it; this brings it home:\n  {home}");
            return Ok(said(why, Exit::Interrupted));
        }
        joined = place.attach(found, wants, terminal) => joined,
    };
    let link = match joined {
        Ok(link) => link,
        Err(exit) => return Ok(exit),
    };
    let left = draw(link, signals, face, &paths, Stay { simulated: found.card.simulated, follow, leaving: Leaving::Detaches }).await?;
    tell_unanswered(&left, place, &found.card.session);
    match left.end {
        End::Quit => {
            let session = &found.card.session;
            let runs = match left.connection {
                Connection::Connected if left.unanswered.is_empty() => "runs on",
                Connection::Closed { .. } => "is over for this cockpit",
                Connection::Connected | Connection::Silent { .. } | Connection::Reconnecting { .. } => "was not answering when you left",
            };
            print::out(&format!("Session {session} {runs}. Back to it: {} attach {session}\n", print::program()));
            Ok(if left.unanswered.is_empty() { Exit::Done } else { Exit::Unsettled })
        }
        End::Signal(number) => Ok(said(format!("signal {number} ended this cockpit, and the session runs on"), Exit::Interrupted)),
        End::Gone => Ok(Exit::Interrupted),
    }
}

/// The last words of a cockpit that was left while what it had asked for was not confirmed by anybody.
fn tell_unanswered(left: &Left, place: &Place, session: &SessionId) {
    let names = Names::of(&left.state);
    for (fate, heading) in [(Fate::Sent, words::TAKEN_WHEN_IT_GOES_ON), (Fate::Lost, words::TAKEN_OR_NOT)] {
        let asked: Vec<_> = left.unanswered.iter().filter(|asked| asked.fate == fate).collect();
        if !asked.is_empty() {
            print::err(heading);
        }
        for asked in asked {
            print::err(&format!("  {}", words::asked_at(&asked.key, &asked.command, asked.at, asked.age, names)));
        }
    }
    let goes_home = |asked: &Unanswered| matches!(asked.command, Command::Rollback { .. });
    if !left.unanswered.iter().any(goes_home) {
        return;
    }
    print::err(&format!(
        "nobody has confirmed the way home; ask again, and see what comes of it:\n  {}",
        way::with_session("rollback", session, place)
    ));
    let Some(opened) = &left.state.opened else { return };
    for route in &opened.plan.routes {
        print::err(&format!("{}\n  {}", absence::by_hand(&route.id, Some(opened.world)), opened.plan.home_by_hand(route)));
    }
}

/// How a cockpit stands to its session.
pub(super) struct Stay {
    /// Where the session's world is, if it is a simulated one.
    pub simulated: Option<Simulated>,
    pub follow: Follow,
    pub leaving: Leaving,
}

/// Draws what `link` tells until its person or its terminal leaves.
/// # Errors
/// When the terminal can't be had.
pub(super) async fn draw(link: Link, signals: Signals, face: &Face, paths: &Paths, stay: Stay) -> Result<Left> {
    let Stay { simulated, follow, leaving } = stay;
    let (appearance, keeper) = face.appearance(paths)?;
    let world = link.view.borrow().me.world;
    let speed = match world {
        WorldKind::Live => 1.0,
        WorldKind::Demo { speed } => f64::from(speed),
    };
    let plan = link.view.borrow().state.opened.as_ref().map(|opened| opened.plan.clone());
    let faults = plan.map_or_else(Vec::new, |plan| inject::faults_of(world, simulated, &plan));
    let appearance = Appearance { faults, speed, follow, leaving, ..appearance };
    let flown = app::run(link, appearance, signals, || std::process::exit(129)).await;
    keeper.finish();
    Ok(flown?.left)
}
