//! `cutover demo`: the seed's migration against the simulated world, host and cockpit in one process.
//!
//! Nothing here is pretended: the adapters speak HTTP to servers on loopback, the journal is a real one, and the cockpit is an ordinary
//! client of the host over a pair of sockets. Only the world behind the wire is a model.

use std::{io::IsTerminal, path::PathBuf, sync::Arc};

use color_eyre::eyre::{Result, WrapErr, eyre};
use tokio::{net::UnixStream, sync::watch};

use crate::{
    attach::{
        client,
        dial::Dial,
        host::{About, Host},
        peer,
        protocol::Wants,
        roster::{Identity, passwd, user_of},
    },
    cli::{Exit, appearance::Face, compose, paths::Paths, print},
    core::{
        event::{Event, TerminalSize, WorldKind},
        state::State,
    },
    domain::{
        fault::{Fault, FaultKind},
        id::{ClientId, OperatorId, SessionId},
        role::Role,
        shown::Shown,
        time::Timestamp,
    },
    door::door,
    plan::{self, diagnostic, model::Plan},
    port::FaultInjector,
    session::{
        clock::Clock,
        engine::{self, Parts},
        recorder::Recorder,
    },
    sim::{
        faults,
        scenario::Scenario,
        simulation::{Config, Control, Ports, Simulation},
    },
    telemetry::{self, Sink},
    tui::{
        app::{self, Appearance, End},
        terminal::size,
        view::Leaving,
    },
};

/// The seed's plan, as it stands in `plans/`.
const PLAN: &str = include_str!("../../plans/hexproperty.yaml");

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What chance is drawn from; the same seed is the same night
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// World seconds in one real second, 1 to 100
    #[arg(long, default_value_t = 10.0)]
    speed: f64,
    /// What goes wrong by itself: calm, error-burst, latency, bad-pods, replica-lag, api-503, lost-replies, foreign-writer, storm
    #[arg(long, default_value_t = Scenario::Calm)]
    scenario: Scenario,
    /// First of five ports of the world on 127.0.0.1, for gcloud and kubectl; without it, free ones
    #[arg(long)]
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
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        print::err("cutover demo needs a terminal; nothing was started; run it in one, or use `cutover sim` for the world alone");
        return Ok(Exit::Usage);
    }
    let paths = Paths::find()?;
    telemetry::start(Sink::PaneAndFile(paths.log("demo")))?;
    let plan = plan()?;
    let ports = args.port.map_or(Ports::Any, Ports::Fixed);
    let config = Config { seed: args.seed, speed: args.speed.clamp(1.0, 100.0), scenario: args.scenario, ports, ..Config::default() };
    let world = Simulation::start(config).await.wrap_err("the simulated world could not start; choose another --port, or none")?;
    let speed = world.clock().speed();
    let clock = Clock::paced(Timestamp(world.clock().now_ms()), speed);
    let session: SessionId = format!("demo-{}", std::process::id()).parse()?;
    let opened = clock.now();
    let journal = args.journal.clone().unwrap_or_else(|| paths.journal(&format!("{session}-{}", opened.0)));
    let who = identity()?;
    let recorder = Recorder::create(&journal, opened, &session, &plan.hash.to_string(), who.who.as_str())?;
    let ended = fly(&args, &paths, &world, plan, session, clock, recorder, who).await;
    world.stop().await;
    let Left { end, stands } = ended?;
    print::out(&format!(
        "{stands}\nThe journal of this flight: {path}\nWhat it proves:             {program} audit verify {path}\n",
        path = journal.display(),
        program = print::program()
    ));
    match end {
        End::Quit => Ok(Exit::Done),
        End::Gone | End::Signal(_) => Ok(Exit::Interrupted),
    }
}

/// How the cockpit was left, and where the traffic stood then.
struct Left {
    end: End,
    stands: String,
}

async fn fly(
    args: &Args,
    paths: &Paths,
    world: &Simulation,
    plan: Plan,
    session: SessionId,
    clock: Clock,
    recorder: Recorder,
    who: Identity,
) -> Result<Left> {
    let speed = world.clock().speed();
    let fault_injector = Arc::new(Hand(world.control()));
    let faults = fault_injector.choices().into_iter().map(|(name, what)| (name.to_string(), what.to_string())).collect();
    let places = compose::Places::Simulated(*world.endpoints());
    let composed = compose::compose(&plan, &places, clock, Some(fault_injector))?;
    let (outside, inside) = door();
    let (stop, stopped) = watch::channel(false);
    let (closing, closed) = watch::channel(None);
    let kind = WorldKind::Demo { speed: speed.round() as u32 };
    let about = About { session: session.clone(), plan: plan.name.clone(), world: kind, first_client: ClientId(1) };
    let host = Host::new(outside, about, closed);
    let first = vec![Event::Opened { session, plan: Box::new(plan), world: kind }];
    let parts = Parts { clock, executors: composed.executors, sensors: composed.sensors, inside, stop: stopped };
    let engine = tokio::spawn(engine::run(State::default(), recorder, first, parts));
    let (ours, theirs) = UnixStream::pair()?;
    let serving = host.clone();
    let served = tokio::spawn(async move { serving.serve_stream(theirs, who).await });
    let size = size::of(&std::io::stdout());
    let terminal = Some(TerminalSize { columns: size.columns, rows: size.rows });
    let link = client::connect(Dial::once(ours), Wants::Cockpit, terminal).await?;
    let (appearance, keeper) = args.face.appearance(paths)?;
    let appearance = Appearance { faults, speed, leaving: Leaving::Ends, ..appearance };
    let left = app::run(link, appearance, || std::process::exit(129)).await;
    keeper.finish();
    drop(closing);
    let _ = stop.send(true);
    let state = engine.await??;
    served.abort();
    let stands = state.routes.iter().map(|(id, known)| match &known.accepted {
        Some(accepted) => format!("{id} stands at {}", accepted.weights),
        None => format!("{id} was not read before you left"),
    });
    Ok(Left { end: left?.end, stands: stands.collect::<Vec<_>>().join("; ") })
}

fn plan() -> Result<Plan> {
    let read = plan::read(PLAN.as_bytes());
    let (plan, _) = read
        .map_err(|problems| eyre!("the embedded plan is broken:\n{}", diagnostic::render_all(&problems, "plans/hexproperty.yaml", PLAN)))?;
    Ok(plan)
}

/// Whoever started the demo is its pilot.
fn identity() -> Result<Identity> {
    let uid = peer::own_uid();
    let name = user_of(uid, &passwd()).unwrap_or_else(|| format!("uid-{uid}"));
    let who: OperatorId = name.to_lowercase().parse().or_else(|_| format!("uid-{uid}").parse())?;
    Ok(Identity { uid, who, role: Role::Pilot })
}

/// What can be injected: (name, what it does).
pub fn faults() -> Vec<(Shown, Shown)> {
    let calm = (Shown::new("calm"), Shown::new("ends every fault"));
    let faults = faults::choices().into_iter().map(|choice| (Shown::new(choice.name), Shown::new(choice.what)));
    std::iter::once(calm).chain(faults).collect()
}

/// The operator's hand in the bottle.
pub struct Hand(pub Control);

impl FaultInjector for Hand {
    fn choices(&self) -> Vec<(Shown, Shown)> {
        faults()
    }
    fn inject(&self, what: &str) -> Result<(), Fault> {
        if what == "calm" {
            self.0.calm();
            return Ok(());
        }
        let choice = faults::choices().into_iter().find(|choice| choice.name == what);
        let choice = choice.ok_or_else(|| Fault::new(FaultKind::Unsupported, format!("there is nothing called {what} to inject")))?;
        self.0.inject(&choice.fault);
        Ok(())
    }
}
