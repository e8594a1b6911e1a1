//! Live flights, printed: `cargo test --bench flights [FLIGHTS [AT ONCE]]`, and one alone with `cargo test --bench flights seed N`.
//! `proof` flies two that have to be found bad.
//! `cargo test --bench flights idle PODS [prometheus|pods]` prints what an idle live session asks of others, by host.
//!
//! Each is flown by the real program without `--simulated`, on the real names of everything, over TLS, with tokens that are checked: `check
//! --live`, a host, a cockpit whose keys are pressed, the ladder, troubles that are no reason to go home, a fault that is one, and everybody
//! home. Figures come from a real Prometheus that scrapes each process of both platforms; their counters have a bad past. Credentials
//! are of each kind in turn, and so is the way to the cluster. The seed decides all of it.
//!
//! Each flight has a network, names and processes of its own, so several fly at once; that needs Linux and the right to namespaces. Without
//! them it says so and ends with 3. A flight in vain, or a fault that nobody went home from, ends it with 1.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    dead_code,
    reason = "a bench that meets a surprise stops and says what it saw; the terminal of the tests can do more than is flown"
)]

#[path = "flights/crowd.rs"]
mod crowd;
#[path = "flights/flight.rs"]
mod flight;
#[path = "flights/front.rs"]
mod front;
#[path = "flights/identity.rs"]
mod identity;
#[path = "flights/idle.rs"]
mod idle;
#[path = "flights/instances.rs"]
mod instances;
#[path = "flights/namespace.rs"]
mod namespace;
#[path = "flights/out.rs"]
mod out;
#[path = "flights/pilot.rs"]
mod pilot;
#[path = "../common/pty.rs"]
mod pty;
#[path = "flights/strangers.rs"]
mod strangers;
#[path = "flights/wire.rs"]
mod wire;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;

use namespace::{INSIDE, Way};

/// The word for figures of a session in which nothing happens.
const IDLE: &str = "idle";
const FLIGHTS: u64 = 20;
/// Each waits most of the time.
const AT_ONCE: u64 = 4;
/// Longer than any flight takes.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(600);

/// How one ended: with its figures, or how it failed and why.
struct Ended {
    seed: u64,
    outcome: Result<Value, (String, String)>,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let numbers: Vec<Option<u64>> = words.iter().map(|word| word.parse().ok()).collect();
    match (words.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), numbers.as_slice()) {
        ([INSIDE, _, folder], [_, Some(seed), _]) => inside(*seed, Path::new(folder)),
        ([], _) => fly(&(1..=FLIGHTS).collect::<Vec<_>>(), AT_ONCE),
        (["seed", _], [_, Some(seed)]) => fly(&[*seed], 1),
        (["proof"], _) => proof(),
        ([IDLE, _], [_, Some(pods)]) => idle(*pods, "prometheus"),
        ([IDLE, _, figures @ ("prometheus" | "pods")], [_, Some(pods), _]) => idle(*pods, figures),
        ([INSIDE, IDLE, _, figures, folder], [_, _, Some(pods), ..]) => idle_inside(*pods, figures, Path::new(folder)),
        (_, [Some(flights)]) => fly(&(1..=*flights).collect::<Vec<_>>(), AT_ONCE),
        (_, [Some(flights), Some(at_once @ 1..)]) => fly(&(1..=*flights).collect::<Vec<_>>(), *at_once),
        _ => {
            eprintln!(
                "say how many flights, and how many of them at once, as in `cargo test --bench flights 20 4`; `seed 7` for one; `proof` for the judge's own; or `idle 100` or `idle 100 pods`"
            );
            ExitCode::from(2)
        }
    }
}

fn inside(seed: u64, folder: &Path) -> ExitCode {
    match flight::fly(seed, folder) {
        Ok(figures) => {
            println!("{figures}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            out::note(&format!("{}: {}", failure.word(), failure.text()));
            println!("{}", serde_json::json!({"failed": failure.word(), "why": failure.text()}));
            ExitCode::FAILURE
        }
    }
}

/// Whether the judge finds what there is to be found: a flight in which somebody has to go home in vain, and one whose fault nobody sees.
fn proof() -> ExitCode {
    let way = match Way::find() {
        Ok(way) => way,
        Err(lacks) => {
            eprintln!("nothing was flown: {lacks}");
            return ExitCode::from(3);
        }
    };
    let wanted = [(flight::IN_VAIN, "false rollback"), (flight::UNSEEN, "missed")];
    let found: Vec<bool> = std::thread::scope(|scope| {
        let way = &way;
        let flown = wanted.map(|(seed, word)| {
            scope.spawn(move || {
                let outcome = one(way, seed);
                tell(seed, &outcome);
                outcome.is_err_and(|(found, _)| found == word)
            })
        });
        flown.into_iter().map(|flown| flown.join().unwrap_or(false)).collect()
    });
    println!("found, as they had to be: {found:?}");
    if found.iter().all(|found| *found) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Measures what an idle session asks of others.
fn idle(pods: u64, figures: &str) -> ExitCode {
    let way = match Way::find() {
        Ok(way) => way,
        Err(lacks) => {
            eprintln!("nothing was measured: {lacks}");
            return ExitCode::from(3);
        }
    };
    let folder = std::env::temp_dir().join(format!("cutover-idle-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("there is room for a folder");
    let measured = way.command().args([IDLE, &pods.to_string(), figures]).arg(&folder).stdin(Stdio::null()).status();
    fs::remove_dir_all(&folder).ok();
    if measured.is_ok_and(|status| status.success()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn idle_inside(pods: u64, figures: &str, folder: &Path) -> ExitCode {
    let figures = if figures == "pods" { idle::Figures::Pods } else { idle::Figures::Prometheus };
    match idle::measure(u32::try_from(pods).unwrap_or(u32::MAX), figures, folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{}", failure.text());
            ExitCode::FAILURE
        }
    }
}

fn fly(seeds: &[u64], at_once: u64) -> ExitCode {
    let way = match Way::find() {
        Ok(way) => way,
        Err(lacks) => {
            eprintln!("nothing was flown: {lacks}");
            return ExitCode::from(3);
        }
    };
    println!(
        "{:>4} {:<28} {:<8} {:>5} {:<12} {:>8} {:>8} {:>8} {:>6} {:>9} {:>7}",
        "seed", "credentials", "cluster", "at", "fault", "asked", "home", "seen", "took", "requests", "tokens"
    );
    let (next, ended) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    let outcome = one(&way, *seed);
                    tell(*seed, &outcome);
                    ended.lock().unwrap().push(Ended { seed: *seed, outcome });
                }
            });
        }
    });
    judge(&ended.into_inner().unwrap())
}

/// One flight in a machine of its own. Its folder stays where it failed.
fn one(way: &Way, seed: u64) -> Result<Value, (String, String)> {
    let folder: PathBuf = std::env::temp_dir().join(format!("cutover-flight-{}-{seed}", std::process::id()));
    let failed = |why: String| ("failed".to_owned(), why);
    fs::create_dir_all(&folder).map_err(|error| failed(error.to_string()))?;
    let log = File::create(folder.join("log")).map_err(|error| failed(error.to_string()))?;
    let answer = folder.join("answer");
    let out = File::create(&answer).map_err(|error| failed(error.to_string()))?;
    let mut command = way.command();
    command.arg(seed.to_string()).arg(&folder).stdin(Stdio::null()).stdout(out).stderr(log);
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    let until = Instant::now() + GIVEN_UP_AFTER;
    while child.try_wait().ok().flatten().is_none() {
        if Instant::now() > until {
            // Whatever runs inside ends with it.
            child.kill().ok();
            child.wait().ok();
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let told: Value = serde_json::from_str(&fs::read_to_string(&answer).unwrap_or_default()).unwrap_or_default();
    if told["seed"] == seed {
        fs::remove_dir_all(&folder).ok();
        return Ok(told);
    }
    let word = told["failed"].as_str().unwrap_or("failed").to_owned();
    Err((word, format!("see {}", folder.join("log").display())))
}

fn tell(seed: u64, outcome: &Result<Value, (String, String)>) {
    match outcome {
        Ok(told) => {
            let ms = |name: &str| format!("{:.1} s", told[name].as_f64().unwrap_or_default() / 1000.0);
            let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
            println!(
                "{seed:>4} {:<28} {:<8} {:>3} % {:<12} {:>8} {:>8} {:>8} {:>4} s {:>9} {:>7}",
                text("credentials"),
                text("endpoint"),
                told["at"],
                text("breach"),
                ms("asked_ms"),
                ms("home_ms"),
                ms("seen_ms"),
                told["took_s"],
                told["requests"],
                told["tokens"]
            );
        }
        Err((word, why)) => println!("{seed:>4} {word}: {why}"),
    }
}

fn judge(ended: &[Ended]) -> ExitCode {
    let failed = |wanted: &str| ended.iter().filter(|one| one.outcome.as_ref().is_err_and(|(word, _)| word == wanted)).count();
    let times = |name: &str| {
        let mut found: Vec<f64> = ended.iter().filter_map(|one| one.outcome.as_ref().ok()?[name].as_f64()).collect();
        found.sort_by(f64::total_cmp);
        let at = |place: usize| found.get(place).map_or_else(|| "-".to_owned(), |ms| format!("{:.1} s", ms / 1000.0));
        format!("p50 {}, worst {}", at(found.len().saturating_sub(1) / 2), at(found.len().saturating_sub(1)))
    };
    let (in_vain, missed, other) = (failed("false rollback"), failed("missed"), failed("failed"));
    println!("\nflights {}, false rollbacks {in_vain}, missed faults {missed}, failed otherwise {other}", ended.len());
    println!("from the fault to the write: {}", times("asked_ms"));
    println!("from the fault to the last user at home: {}", times("home_ms"));
    println!("from then until the program says so: {}", times("seen_ms"));
    let seeds: Vec<u64> = ended.iter().filter(|one| one.outcome.is_err()).map(|one| one.seed).collect();
    if seeds.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
