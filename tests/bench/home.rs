//! How long the way home takes while something is wrong with what carries it, printed: `cargo bench --bench home [RUNS]`, and with a network
//! between in which packets are lost: `cargo bench --bench home network [RUNS]`.
//!
//! Each run is a session of its own against the simulated world at the speed of real time: engine, journal, host, client and HTTP are those
//! of a live session. Somebody else has sent 40 % to GKE and the session has adopted that; then the fault begins, and after a while that
//! differs from run to run the pilot asks for the rollback. Printed is the real time from that request to the moment at which the load
//! balancer of the world has home's weights. How long the edge takes to follow is not ours and not in it.
//!
//! The first table's faults are the API's own. The second's are the kernel's: packets that are dropped, a peer that is stopped and whose
//! kernel acknowledges on. It needs a network namespace; where none is to be had it says so and measures nothing. There is no HTTP/2 in
//! either: each client speaks HTTP/1.1, one request to a connection, so a dead one takes nobody else with it.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    dead_code,
    reason = "a bench that meets a surprise stops and says what it saw; the stories' session can do more than is measured"
)]

use std::{
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use cutover::{
    core::{command::Command, decision::Verdict, state::Motion},
    sim::{
        faults::{Api, Fault, Trouble},
        simulation::{Config, Control, Simulation},
    },
};
use futures::{StreamExt, stream};

#[path = "../stories/landed.rs"]
mod landed;
#[path = "home/network.rs"]
mod network;
#[path = "home/relay.rs"]
mod relay;
#[path = "../stories/session.rs"]
mod session;

use network::Loss;
use relay::Relay;
use session::{Session, Sky, route_id, route_of, split};

/// Sessions that run beside each other; each sleeps most of the time.
const AT_ONCE: usize = 6;
const RUNS: usize = 30;
/// Longer than any fault below lasts.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(60);
const AWAY: u16 = 400;
/// How often the world is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Nothing,
    /// Compute's API is in trouble, for so many seconds.
    Api(Trouble, f64),
    /// Packets to it and from it are lost, for so long.
    Packets(Loss, Duration),
    /// The flows that are open are forgotten between; new ones work.
    Flows,
    /// The process that answers there is stopped for so long; its kernel acknowledges on.
    Stopped(Duration),
    /// It is stopped for good, and another takes its place.
    Replaced,
}

const LONG: f64 = 600.0;
const SHORT: Duration = Duration::from_secs(3);

/// What the API does, and what it is called in the table.
const APIS: [(&str, Harm); 9] = [
    ("nothing is wrong", Harm::Nothing),
    ("open connections swallow everything", Harm::Api(Trouble::DeadConnections, LONG)),
    ("reads get 429, their quota is used up", Harm::Api(Trouble::ReadsThrottled, LONG)),
    ("reads tell what was until 5 s after a write", Harm::Api(Trouble::OldReads { ms: 5_000.0 }, LONG)),
    ("writes are done, their answers are lost", Harm::Api(Trouble::LostReplies, LONG)),
    ("each answer takes 1.5 s", Harm::Api(Trouble::Slow { ms: 1_500.0 }, LONG)),
    ("each answer takes 5 s", Harm::Api(Trouble::Slow { ms: 5_000.0 }, LONG)),
    ("nothing is answered for 3 s", Harm::Api(Trouble::HalfOpen, 3.0)),
    ("503 for 3 s", Harm::Api(Trouble::Unavailable, 3.0)),
];

/// What becomes of packets and peers.
const NETWORK: [(&str, Harm); 7] = [
    ("nothing is wrong", Harm::Nothing),
    ("open flows are dropped", Harm::Flows),
    ("one packet of five is lost, each way", Harm::Packets(Loss::ByChance, Duration::MAX)),
    ("the peer is a black hole for 3 s", Harm::Packets(Loss::Everything, SHORT)),
    ("what comes back is lost for 3 s", Harm::Packets(Loss::Answers, SHORT)),
    ("the peer is stopped for 3 s", Harm::Stopped(SHORT)),
    ("the peer is stopped, another takes its place", Harm::Replaced),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [] => table("rollback asked → weights are home", &APIS, &RUNS.to_string()),
        ["network"] => network::enter(&RUNS.to_string()),
        ["network", runs] => network::enter(runs),
        [network::INSIDE, runs] => match network::set_up() {
            Ok(()) => table("the same, packets lost between", &NETWORK, runs),
            Err(lacks) => {
                eprintln!("nothing was measured: {lacks}");
                ExitCode::from(3)
            }
        },
        [relay::RELAY, own, to] => relay::run(own, to),
        [runs] => table("rollback asked → weights are home", &APIS, runs),
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("say how many runs each fault gets, as in `cargo bench --bench home 30` and `cargo bench --bench home network 30`");
    ExitCode::from(2)
}

fn table(what: &str, faults: &[(&str, Harm)], runs: &str) -> ExitCode {
    let Ok(runs) = runs.parse::<usize>() else { return usage() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("{what:<46} {:>5} {:>9} {:>9} {:>9} {:>9}", "runs", "p50", "p99", "worst", "not home");
    let mut lost = 0;
    for (what, harm) in faults {
        let runs_of_it = stream::iter(0..runs).map(|run| tokio::spawn(one(run, *harm))).buffer_unordered(AT_ONCE);
        let mut took: Vec<Option<Duration>> = runtime.block_on(runs_of_it.map(Result::unwrap).collect());
        took.sort_by_key(|took| took.unwrap_or(Duration::MAX));
        let home: Vec<Duration> = took.iter().copied().flatten().collect();
        let at = |share: f64| home.get(((home.len() as f64 * share).ceil() as usize).max(1) - 1).map_or_else(|| "-".to_owned(), shown);
        println!("{what:<46} {runs:>5} {:>9} {:>9} {:>9} {:>9}", at(0.5), at(0.99), at(1.0), took.len() - home.len());
        lost += took.len() - home.len();
    }
    if lost == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn shown(took: &Duration) -> String {
    format!("{:.0} ms", took.as_secs_f64() * 1000.0)
}

async fn one(run: usize, harm: Harm) -> Option<Duration> {
    let name: &'static str = Box::leak(format!("bench-home-{run}").into_boxed_str());
    let sky = Sky { speed: 1.0, seed: run as u64, ..Sky::calm(name) };
    let config = Config { speed: sky.speed, seed: sky.seed, propagation: sky.edge, ..Config::default() };
    let world = Arc::new(Simulation::start(config).await.unwrap());
    let google = world.endpoints().google;
    let mut way = Way { relay: None, next: None, google };
    let mut session = match harm {
        Harm::Stopped(_) | Harm::Replaced => {
            let relay = Relay::start(0, google);
            let address = relay.address;
            way.relay = Some(relay);
            Session::begin_behind(address, world, sky).await
        }
        Harm::Nothing | Harm::Api(..) | Harm::Packets(..) | Harm::Flows => Session::begin_in(world, sky, 1).await,
    };
    session.control().inject(&Fault::ForeignWriter { gke_per_mille: AWAY.into(), principal: "eva@example.com".to_owned() });
    session.until("the foreign weights", |state| route_of(state).drift.is_some()).await;
    let adopted = session.ask(Command::AdoptDrift { route: route_id(), found: split(AWAY) }).await;
    assert_eq!(adopted, Verdict::Accepted, "{}", session.story());
    session.until("they are ours", |state| route_of(state).wanted == Some(split(AWAY))).await;
    let control = session.control();
    let ends_in = way.begin(harm, &control);
    let began = Instant::now();
    // Anywhere between two looks at the weights.
    tokio::time::sleep(Duration::from_millis((run as u64 * 337) % 2_500)).await;
    let asked = Instant::now();
    session.send(Command::Rollback { route: None, reason: None }).await;
    let home = home_after(&control, asked);
    let ending = async {
        tokio::time::sleep(ends_in.saturating_sub(began.elapsed())).await;
        way.end(harm, &control);
        std::future::pending().await
    };
    let took = tokio::select! {
        took = home => took,
        never = ending => never,
    };
    way.end(harm, &control);
    session.until("the session knows", |state| matches!(route_of(state).motion, Motion::Settled | Motion::Propagating { .. })).await;
    session.leave().await;
    took
}

/// What stands between a session and its world.
struct Way {
    relay: Option<Relay>,
    /// It has taken the place of the one before it.
    next: Option<Relay>,
    google: SocketAddr,
}

impl Way {
    /// Lets it begin, and says how long it lasts.
    fn begin(&mut self, harm: Harm, control: &Control) -> Duration {
        match harm {
            Harm::Nothing => Duration::MAX,
            Harm::Api(trouble, for_s) => {
                control.inject(&Fault::Api { api: Api::Compute, trouble, for_s });
                Duration::MAX
            }
            Harm::Packets(loss, lasts) => {
                loss.begin(self.google);
                lasts
            }
            Harm::Flows => {
                network::drop_flows(self.google);
                Duration::MAX
            }
            Harm::Stopped(lasts) => {
                self.relay.iter().for_each(Relay::stop);
                lasts
            }
            Harm::Replaced => {
                if let Some(relay) = &mut self.relay {
                    relay.close_door();
                    relay.stop();
                    self.next = Some(Relay::start(relay.address.port(), self.google));
                }
                Duration::MAX
            }
        }
    }

    fn end(&mut self, harm: Harm, control: &Control) {
        match harm {
            Harm::Packets(loss, _) => loss.end(self.google),
            Harm::Stopped(_) => self.relay.iter().for_each(Relay::go_on),
            Harm::Nothing | Harm::Api(..) | Harm::Flows | Harm::Replaced => control.calm(),
        }
    }
}

async fn home_after(control: &Control, asked: Instant) -> Option<Duration> {
    while asked.elapsed() < GIVEN_UP_AFTER {
        if control.with(|world| world.load_balancer.weights()).iter().all(|(name, weight)| name.contains("run") || *weight == 0) {
            return Some(asked.elapsed());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    None
}
