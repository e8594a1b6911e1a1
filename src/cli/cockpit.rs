//! A cockpit on a session that runs elsewhere: what `attach`, `watch` and `open` have in common.

use std::{env::VarError, io::IsTerminal};

use color_eyre::eyre::Result;

use crate::{
    attach::{client::Link, protocol::Wants, sessions::Found},
    cli::{
        Exit,
        appearance::Face,
        environment,
        paths::Paths,
        place::{Place, said},
        print,
    },
    core::event::{TerminalSize, WorldKind},
    telemetry::{self, Sink},
    tui::{
        app::{self, Appearance, End},
        terminal::size,
        view::{Follow, Leaving},
    },
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

/// Draws the session until its person or its terminal leaves. The session goes on either way.
/// # Errors
/// When the terminal can't be had.
pub async fn fly(place: &Place, found: &Found, wants: Wants, face: &Face, follow: Follow) -> Result<Exit> {
    let paths = Paths::find()?;
    telemetry::start(Sink::PaneAndFile(paths.log("cockpit")))?;
    let size = size::of(&std::io::stdout());
    let link = match place.attach(found, wants, Some(TerminalSize { columns: size.columns, rows: size.rows })).await {
        Ok(link) => link,
        Err(exit) => return Ok(exit),
    };
    match draw(link, face, &paths, follow, Leaving::Detaches).await? {
        End::Quit => {
            let session = &found.card.session;
            print::out(&format!("Session {session} runs on. Back to it: {} attach {session}\n", print::program()));
            Ok(Exit::Done)
        }
        End::Gone | End::Signal(_) => Ok(Exit::Interrupted),
    }
}

/// Draws what `link` tells until its person or its terminal leaves.
/// # Errors
/// When the terminal can't be had.
pub(super) async fn draw(link: Link, face: &Face, paths: &Paths, follow: Follow, leaving: Leaving) -> Result<End> {
    let (appearance, keeper) = face.appearance(paths)?;
    let (faults, speed) = match link.view.borrow().me.world {
        WorldKind::Live => (Vec::new(), 1.0),
        WorldKind::Demo { speed } => (environment::faults(), f64::from(speed)),
    };
    let faults = faults.into_iter().map(|(name, what)| (name.to_string(), what.to_string())).collect();
    let appearance = Appearance { faults, speed, follow, leaving, ..appearance };
    let flown = app::run(link, appearance, || std::process::exit(129)).await;
    keeper.finish();
    Ok(flown?.end)
}
