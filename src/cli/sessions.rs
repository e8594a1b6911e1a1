//! `cutover sessions`: which sessions there are here, the living and the dead.

use color_eyre::eyre::Result;

use crate::{
    attach::sessions::{Found, Life},
    cli::{
        Exit,
        place::{Place, said},
        print,
    },
    core::event::WorldKind,
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// As JSON, one array of objects
    #[arg(long, conflicts_with = "names")]
    json: bool,
    /// Only the names, one a line; for completion scripts
    #[arg(long)]
    names: bool,
    #[command(flatten)]
    place: Place,
}

/// # Errors
/// None.
pub fn run(args: &Args) -> Result<Exit> {
    let found = match args.place.sessions() {
        Ok(found) => found,
        Err(error) => return Ok(said(error, Exit::Failed)),
    };
    if args.json {
        let cards: Vec<_> = found.iter().map(|one| serde_json::json!({ "life": life(one), "card": one.card })).collect();
        print::out(&format!("{}\n", serde_json::to_string_pretty(&cards)?));
    } else if args.names {
        print::out(&found.iter().map(|one| format!("{}\n", one.card.session)).collect::<String>());
    } else if found.is_empty() {
        print::err("no session runs here; start one with `cutover open PLAN`");
    } else {
        print::out(&found.iter().map(line).collect::<String>());
    }
    Ok(Exit::Done)
}

fn life(found: &Found) -> &'static str {
    match found.life {
        Life::Running => "running",
        Life::Dead => "dead",
    }
}

fn line(found: &Found) -> String {
    let card = &found.card;
    let world = match card.world {
        WorldKind::Live => "live",
        WorldKind::Demo { .. } => "demo",
    };
    let what = match found.life {
        Life::Running => format!("runs as process {}", card.pid),
        Life::Dead => format!("its host died; `cutover open {}` takes it up again", card.plan_path.display()),
    };
    format!("{}  {world}  {}  {what}\n", card.session, card.plan)
}
