//! `cutover sim`: runs the simulated world alone, for `gcloud`, `kubectl` and `curl` to play with.

use std::io::{self, Write};

use color_eyre::eyre::Result;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    cli::{Exit, bounds, place::said},
    sim::{
        commands::commands,
        scenario::Scenario,
        simulation::{Config, Endpoints, Ports, Simulation},
    },
};

/// Options of the subcommand.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What chance is drawn from; the same seed is the same night.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Virtual seconds in one real second (0.01 to 1000).
    #[arg(long, default_value = "1", allow_negative_numbers = true, value_parser = bounds::world_speed)]
    speed: f64,
    /// What goes wrong: calm, error-burst, latency, bad-pods, replica-lag, api-503, lost-replies, foreign-writer or storm.
    #[arg(long, default_value_t = Scenario::Calm)]
    scenario: Scenario,
    /// First of five ports on 127.0.0.1; with 0, any five in a row that are free.
    #[arg(long, default_value = "0", allow_negative_numbers = true, value_parser = bounds::own_port)]
    port: u16,
}

/// Runs until SIGINT or SIGTERM.
///
/// # Errors
/// If a port can't be had or standard output is closed.
pub async fn run(arguments: Args) -> Result<Exit> {
    let Args { seed, speed, scenario, port } = arguments;
    let (mut interrupted, mut terminated) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let ports = Ports::of(Some(port));
    let simulation = match Simulation::start(Config { seed, speed, scenario, ports, ..Config::default() }).await {
        Ok(simulation) => simulation,
        Err(error) => return Ok(said(format!("the simulated world could not start: {error}"), Exit::Failed)),
    };
    let Endpoints { google, kubernetes, front_door, run_direct, gke_direct } = simulation.endpoints();
    let mut out = io::stdout();
    write!(
        out,
        "# the simulated world: seed {seed}, speed {speed}, scenario {scenario}; it ends with ctrl-c\n\
         # google {google}  kubernetes {kubernetes}  front door {front_door}  run {run_direct}  gke {gke_direct}\n\
         # for `cutover open PLAN` it is --simulated={}\n\n{}",
        google.port(),
        commands(simulation.endpoints())
    )?;
    out.flush()?;
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    simulation.stop().await;
    Ok(Exit::Done)
}
