//! `cutover watch [SESSION]`: the same session, read-only. Whoever may do more asks for less here, and the host holds him to it.

use color_eyre::eyre::Result;

use crate::{
    attach::protocol::Wants,
    cli::{Exit, appearance::Face, cockpit, place::Place},
    tui::{terminal::signals::Signals, view::Follow},
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The session; may be left out when only one runs
    session: Option<String>,
    /// Let the pane that matters come up by itself: a breach its chart, a move its weights, a rollback its cause
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    face: Face,
}

/// # Errors
/// When the terminal can't be had.
pub async fn run(args: Args) -> Result<Exit> {
    let signals = Signals::new()?;
    // Which session is meant comes first: a terminal helps nobody to one that is not there.
    let found = match args.place.find(args.session.as_deref()).and_then(|found| cockpit::terminal().map(|()| found)) {
        Ok(found) => found,
        Err(exit) => return Ok(exit),
    };
    let follow = if args.follow { Follow::Yes } else { Follow::No };
    cockpit::fly(&args.place, &found, Wants::Watch, signals, &args.face, follow).await
}
