//! `cutover demo`: the seed's migration against the simulated world, host and cockpit in one process.
//!
//! Nothing here is pretended: the adapters speak HTTP to servers on loopback, the journal is a real one, and the cockpit is an ordinary
//! client of the host over a pair of sockets. Only the world behind the wire is a model.

use std::path::PathBuf;

use color_eyre::eyre::{Result, WrapErr, eyre};
use tokio::net::UnixStream;

use crate::{
    attach::{
        client,
        connection::Farewell,
        dial::Dial,
        peer,
        protocol::{Then, Wants},
        roster::{Roster, passwd},
        sessions::Simulated,
    },
    cli::{
        Exit,
        appearance::Face,
        bounds, cockpit,
        cockpit::Stay,
        environment::World,
        paths::Paths,
        print,
        running::{Opening, Running},
    },
    core::{event::TerminalSize, state::State},
    domain::id::SessionId,
    plan::{bundle, model::Plan},
    sim::{
        scenario::Scenario,
        simulation::{Config, Ports},
    },
    telemetry::{self, Sink},
    tui::{
        app::{End, Left},
        terminal::{signals::Signals, size},
        view::{Follow, Leaving},
    },
};

/// The seed's plan, as it stands in `plans/`.
const PLAN: &str = include_str!("../../plans/hexproperty.yaml");
/// What it names.
const MANIFESTS: [(&str, &str); 5] = [
    ("frontend", include_str!("../../plans/hexproperty/frontend.yaml")),
    ("network", include_str!("../../plans/hexproperty/network.yaml")),
    ("monitoring", include_str!("../../plans/hexproperty/monitoring.yaml")),
    ("sessions", include_str!("../../plans/hexproperty/sessions.yaml")),
    ("secrets", include_str!("../../plans/hexproperty/secrets.yaml")),
];

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What chance is drawn from; the same seed is the same night
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// World seconds in one real second, 1 to 100
    #[arg(long, default_value = "10", allow_negative_numbers = true, value_parser = bounds::session_speed)]
    speed: f64,
    /// What goes wrong by itself: calm, error-burst, latency, bad-pods, replica-lag, api-503, lost-replies, foreign-writer, storm
    #[arg(long, default_value_t = Scenario::Calm)]
    scenario: Scenario,
    /// First of five ports of the world on 127.0.0.1, for gcloud and kubectl; without it or with 0, free ones
    #[arg(long, allow_negative_numbers = true, value_parser = bounds::own_port)]
    port: Option<u16>,
    /// Where the journal is kept; a new folder
    #[arg(long)]
    journal: Option<PathBuf>,
    #[command(flatten)]
    face: Face,
}

impl Default for Args {
    fn default() -> Args {
        Args { seed: 1, speed: 10.0, scenario: Scenario::Calm, port: None, journal: None, face: Face::default() }
    }
}

/// Runs the demo until its cockpit is left.
/// # Errors
/// When the world, the journal or the terminal can't be had; the message says which.
pub async fn run(args: Args) -> Result<Exit> {
    if let Err(exit) = cockpit::terminal() {
        print::err("a demo without a cockpit is `cutover sim`, or `cutover open PLAN --simulated --no-attach`");
        return Ok(exit);
    }
    let paths = Paths::find()?;
    telemetry::start(Sink::PaneAndFile(paths.log("demo")))?;
    let plan = plan()?;
    let ports = Ports::of(args.port);
    let world = World::own(Config { seed: args.seed, speed: args.speed, scenario: args.scenario, ports, ..Config::default() }).await?;
    // A process's number comes again, and its journal is found by the session's name.
    let session: SessionId = format!("demo-{}-{}", std::process::id(), world.clock().now().0).parse()?;
    let journal = args.journal.clone().unwrap_or_else(|| paths.journal(session.as_str()));
    let opening = Opening::new(session, plan, &journal, "the demo", &world)?;
    let running = Running::start(opening, world, &Roster::of_owner(peer::own_uid(), &passwd())).await?;
    let flown = fly(&running, &args.face, &paths).await;
    let end = running.end().await;
    let (flown, state) = (flown?, end?);
    print::out(&format!(
        "{stands}\nThe journal of this flight: {path}\nWhat it proves:             {program} audit verify {path}\n",
        stands = stands(&state),
        path = journal.display(),
        program = print::program()
    ));
    match flown.end {
        End::Quit => Ok(Exit::Done),
        End::Gone | End::Signal(_) => Ok(Exit::Interrupted),
    }
}

/// The one cockpit, an ordinary client over a pair of sockets. Whoever started the demo is its pilot.
async fn fly(running: &Running, face: &Face, paths: &Paths) -> Result<Left> {
    let signals = Signals::new()?;
    let uid = peer::own_uid();
    let who = Roster::of_owner(uid, &passwd()).identify(uid).expect("the owner is in a roster of the owner");
    let (ours, theirs) = UnixStream::pair()?;
    let host = running.host.clone();
    let serving = tokio::spawn(async move { host.serve_stream(theirs, who).await });
    let size = size::of(&std::io::stdout());
    let terminal = Some(TerminalSize { columns: size.columns, rows: size.rows });
    let link = client::connect(Dial::once(ours), Wants::Cockpit, terminal).await?;
    let left =
        cockpit::draw(link, signals, face, paths, Stay { simulated: Some(Simulated::Own), follow: Follow::No, leaving: Leaving::Ends })
            .await;
    running.see_out(Farewell::new("the demo is over", Then::StayAway));
    serving.await.wrap_err("the cockpit's line broke")?;
    left
}

/// Where the traffic stood when the cockpit was left.
fn stands(state: &State) -> String {
    let stands = state.routes.iter().map(|(id, known)| match &known.accepted {
        Some(accepted) => format!("{id} stands at {}", accepted.weights),
        None => format!("{id} was not read before you left"),
    });
    stands.collect::<Vec<_>>().join("; ")
}

fn file((name, text): (&str, &str)) -> Result<bundle::File> {
    Ok(bundle::File { id: name.parse()?, found: Ok(text.as_bytes().to_vec()) })
}

fn plan() -> Result<Plan> {
    let files = MANIFESTS.into_iter().map(file).collect::<Result<Vec<_>>>()?;
    let (plan, _) = bundle::read(PLAN.as_bytes(), &files).map_err(|remarks| eyre!("the embedded plan is broken:\n{remarks:#?}"))?;
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_flies_the_plan_with_all_that_it_names() {
        let plan = plan().unwrap();
        let held: Vec<&str> = plan.manifests.iter().map(|manifest| manifest.id.as_str()).collect();
        assert_eq!(held, MANIFESTS.map(|(name, _)| name));
        let named = bundle::names(PLAN.as_bytes());
        assert_eq!(named.iter().map(|name| name.as_str()).collect::<Vec<_>>(), held);
    }
}
