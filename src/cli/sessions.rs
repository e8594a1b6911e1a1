//! `cutover sessions`: which sessions there are here, the living and the dead, and for each the command that comes next.

use color_eyre::eyre::Result;

use crate::{
    attach::{
        peer,
        sessions::{Found, Life, Simulated},
    },
    cli::{
        Exit, check,
        place::{Place, said},
        print,
        way::{self, Next},
    },
    core::event::WorldKind,
    domain::digest::Digest,
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
    let listed: Vec<Listed> = found.iter().map(|one| Listed { found: one, next: next(one, &args.place) }).collect();
    if args.json {
        let cards: Vec<_> = listed.iter().map(Listed::json).collect();
        print::out(&format!("{}\n", serde_json::to_string_pretty(&cards)?));
    } else if args.names {
        print::out(&found.iter().map(|one| format!("{}\n", one.card.session)).collect::<String>());
    } else if found.is_empty() {
        print::err("no session runs here; start one with `cutover open PLAN`");
    } else {
        print::out(&listed.iter().map(Listed::lines).collect::<String>());
    }
    Ok(Exit::Done)
}

/// What can be done about a session, given the plan's file as it is now.
pub fn next(found: &Found, place: &Place) -> Next {
    let file = check::load(&found.card.plan_path).ok().map(|bytes| Digest::of(&bytes));
    way::next(found, peer::own_uid(), file, place)
}

struct Listed<'a> {
    found: &'a Found,
    next: Next,
}

impl Listed<'_> {
    fn json(&self) -> serde_json::Value {
        let command = match &self.next {
            Next::Join(line) | Next::TakeUp(line) | Next::PutBack(line) | Next::ClearAway(line) => Some(line),
            Next::TheirsAlone => None,
        };
        serde_json::json!({ "life": life(self.found), "card": self.found.card, "next": command })
    }

    fn lines(&self) -> String {
        let card = &self.found.card;
        let world = match (card.world, card.simulated) {
            (WorldKind::Live, _) => "LIVE".to_owned(),
            (WorldKind::Demo { .. }, Some(Simulated::Port(port))) => format!("simulated, port {port}"),
            (WorldKind::Demo { .. }, Some(Simulated::Own) | None) => "simulated".to_owned(),
        };
        let what = match &self.next {
            Next::Join(line) => format!("runs as process {}; join it:\n  {line}", card.pid),
            Next::TakeUp(line) => format!("its host died; take it up again:\n  {line}"),
            Next::PutBack(line) => {
                format!("its host died, and {} is gone; put it back, then take the session up again:\n  {line}", card.plan_path.display())
            }
            Next::ClearAway(line) => {
                format!("its host died, and its simulated world with it; clear it away, its journal stays:\n  {line}")
            }
            Next::TheirsAlone => format!("its host died; only account {} can take it up again", self.found.owner),
        };
        format!("{}  {world}  {}  {what}\n", card.session, card.plan)
    }
}

fn life(found: &Found) -> &'static str {
    match found.life {
        Life::Running => "running",
        Life::Dead => "dead",
    }
}
