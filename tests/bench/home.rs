//! How long the way home takes while something is wrong with what carries it, printed: `cargo bench --bench home [RUNS]`.
//!
//! Each run is a session of its own against the simulated world at the speed of real time: engine, journal, host, client and HTTP are those
//! of a live session. Somebody else has sent 40 % to GKE and the session has adopted that; then the fault begins, and after a while that
//! differs from run to run the pilot asks for the rollback. Printed is the real time from that request to the moment at which the load
//! balancer of the world has home's weights. How long the edge takes to follow is not ours and not in it.
//!
//! What needs a network between (packets that are dropped, a peer that is switched off) can't be done on loopback without rights and is
//! not measured.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    dead_code,
    reason = "a bench that meets a surprise stops and says what it saw; the stories' session can do more than is measured"
)]

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use cutover::{
    core::{command::Command, decision::Verdict, state::Motion},
    sim::{
        faults::{Api, Fault, Trouble},
        simulation::Control,
    },
};
use futures::{StreamExt, stream};

#[path = "../stories/landed.rs"]
mod landed;
#[path = "../stories/session.rs"]
mod session;

use session::{Session, Sky, route_id, route_of, split};

/// Sessions that run beside each other; each sleeps most of the time.
const AT_ONCE: usize = 6;
const RUNS: usize = 30;
/// Longer than any fault below lasts.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(60);
const AWAY: u16 = 400;
/// How often the world is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// What goes wrong, for how many seconds, and what it is called in the table.
const FAULTS: [(&str, Option<(Trouble, f64)>); 8] = [
    ("nothing is wrong", None),
    ("open connections swallow everything", Some((Trouble::DeadConnections, 600.0))),
    ("reads get 429, their quota is used up", Some((Trouble::ReadsThrottled, 600.0))),
    ("writes are done, their answers are lost", Some((Trouble::LostReplies, 600.0))),
    ("each answer takes 1.5 s", Some((Trouble::Slow { ms: 1_500.0 }, 600.0))),
    ("each answer takes 5 s", Some((Trouble::Slow { ms: 5_000.0 }, 600.0))),
    ("nothing is answered for 3 s", Some((Trouble::HalfOpen, 3.0))),
    ("503 for 3 s", Some((Trouble::Unavailable, 3.0))),
];

fn main() -> ExitCode {
    let asked = std::env::args().skip(1).find(|word| !word.starts_with("--"));
    let Ok(runs) = asked.map_or(Ok(RUNS), |word| word.parse::<usize>()) else {
        eprintln!("say how many runs each fault gets, as in `cargo bench --bench home 30`");
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("{:<42} {:>5} {:>9} {:>9} {:>9} {:>9}", "rollback asked → weights are home", "runs", "p50", "p99", "worst", "not home");
    for (what, fault) in FAULTS {
        let runs_of_it = stream::iter(0..runs).map(|run| tokio::spawn(one(run, fault))).buffer_unordered(AT_ONCE);
        let mut took: Vec<Option<Duration>> = runtime.block_on(runs_of_it.map(Result::unwrap).collect());
        took.sort_by_key(|took| took.unwrap_or(Duration::MAX));
        let home: Vec<Duration> = took.iter().copied().flatten().collect();
        let at = |share: f64| home.get(((home.len() as f64 * share).ceil() as usize).max(1) - 1).map_or_else(|| "-".to_owned(), shown);
        println!("{what:<42} {runs:>5} {:>9} {:>9} {:>9} {:>9}", at(0.5), at(0.99), at(1.0), took.len() - home.len());
    }
    ExitCode::SUCCESS
}

fn shown(took: &Duration) -> String {
    format!("{:.0} ms", took.as_secs_f64() * 1000.0)
}

async fn one(run: usize, fault: Option<(Trouble, f64)>) -> Option<Duration> {
    let name: &'static str = Box::leak(format!("bench-home-{run}").into_boxed_str());
    let mut session = Session::begin(Sky { speed: 1.0, seed: run as u64, ..Sky::calm(name) }).await;
    session.control().inject(&Fault::ForeignWriter { gke_per_mille: AWAY.into(), principal: "eva@example.com".to_owned() });
    session.until("the foreign weights", |state| route_of(state).drift.is_some()).await;
    let adopted = session.ask(Command::AdoptDrift { route: route_id(), found: split(AWAY) }).await;
    assert_eq!(adopted, Verdict::Accepted, "{}", session.story());
    session.until("they are ours", |state| route_of(state).wanted == Some(split(AWAY))).await;
    if let Some((trouble, for_s)) = fault {
        session.control().inject(&Fault::Api { api: Api::Compute, trouble, for_s });
    }
    // Anywhere between two looks at the weights.
    tokio::time::sleep(Duration::from_millis((run as u64 * 337) % 2_500)).await;
    let control = session.control();
    let asked = Instant::now();
    session.send(Command::Rollback { route: None, reason: None }).await;
    let took = home_after(&control, asked).await;
    session.control().calm();
    session.until("the session knows", |state| matches!(route_of(state).motion, Motion::Settled | Motion::Propagating { .. })).await;
    session.leave().await;
    took
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
