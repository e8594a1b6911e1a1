//! When triggers fire, and when the alerts of a Prometheus do that scrapes the same pages, printed: `cargo test --bench scraped [PART OF A NAME]`.
//!
//! The series are those of `tests/real_prometheus`, where a clock is made. Here it is the machine's: a real Prometheus scrapes their pages
//! once a second and evaluates its rules as often, our sensor asks it for figures, and the core judges them. Everything of theirs that takes
//! time takes a fifth of it: windows of 6 s, `for:` of 24 s and of a minute. What is no figure, the load balancer and the platforms, is said
//! to be well.
//!
//! Nothing is asserted: how far the two are apart is a fact about a machine and an hour. Without a `prometheus` it says so and ends with 3.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a bench that meets a surprise stops and says what it saw"
)]

#[path = "../real_prometheus/fired.rs"]
mod fired;
#[path = "scraped/judged.rs"]
mod judged;
#[path = "scraped/pages.rs"]
mod pages;
#[path = "scraped/prometheus.rs"]
mod prometheus;
#[path = "../real_prometheus/series.rs"]
mod series;
#[path = "../core/session.rs"]
mod session;

use std::{process::ExitCode, sync::Arc, time::Duration};

use cutover::domain::time::Timestamp;
use futures::future::join_all;

use fired::Fired;
use judged::Judged;
use pages::Pages;
use prometheus::{Alert, Prometheus};
use series::{About, Better, Case, cases};

/// So much of each series is shown; by then everything has fired that does.
const STEPS: usize = 130;
/// Of a step of the series, of a scrape, of an evaluation and of a look.
const STEP: Duration = Duration::from_secs(1);
/// How much faster it goes than the series were made for.
const FASTER: usize = series::EVERY_S;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let cases: Vec<Case> = cases().into_iter().filter(|case| words.iter().all(|word| case.name.contains(word))).collect();
    if cases.is_empty() {
        eprintln!("no series is called so; without a word all of them are shown");
        return ExitCode::from(2);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(compared(cases))
}

async fn compared(cases: Vec<Case>) -> ExitCode {
    // Losing the race against another client is as good as winning it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let pages = Pages::serve(cases).await;
    let Some(prometheus) = Prometheus::start(&pages).await else {
        eprintln!("nothing was compared: there is no `prometheus` here; it is in the package prometheus");
        return ExitCode::from(3);
    };
    pages.all_are_scraped().await;
    println!("{} series for {STEPS} s", pages.cases.len());
    let ours = join_all(pages.cases.iter().enumerate().map(|(place, case)| judged::live(case, place, prometheus.address))).await;
    let alerts = prometheus.alerts().await;
    tell(&pages, &ours, &alerts);
    ExitCode::SUCCESS
}

/// The evaluation of Prometheus' at or before `at`, counted from a series' first scrape.
struct Evaluations {
    /// Where in a second they take place, in milliseconds.
    phase_ms: i64,
}

impl Evaluations {
    fn until(&self, at: Timestamp, began: Timestamp) -> usize {
        let ordinal = |at: Timestamp| (at.0 - self.phase_ms).div_euclid(STEP.as_millis() as i64);
        (ordinal(at) - ordinal(began)).max(0) as usize
    }
}

fn tell(pages: &Arc<Pages>, ours: &[Judged], alerts: &[Alert]) {
    let evaluations = Evaluations { phase_ms: alerts.first().map_or(0, |alert| alert.at.0.rem_euclid(STEP.as_millis() as i64)) };
    let mut counts = [0; 3];
    println!("{:<46} {:>10} {:>14} {:>12}  verdict", "series", "Prometheus", "we", "evaluations");
    for (place, (case, judged)) in pages.cases.iter().zip(ours).enumerate() {
        let began = pages.began(place);
        let alert = alerts.iter().find(|alert| alert.place == place);
        let until = |at: Timestamp| evaluations.until(at, began);
        let theirs = alert.map_or(Fired::Never, |alert| Fired::At(until(alert.at)));
        let mine = match (judged.fired_at, judged.blind_at) {
            (Some(at), _) => Fired::At(until(at)),
            (None, Some(at)) => Fired::Blind(until(at)),
            (None, None) => Fired::Never,
        };
        let (count, verdict) = verdict(case, mine, theirs);
        counts[count] += 1;
        let seconds = |at: Timestamp| format!("{:.1} s", (at.0 - began.0) as f64 / 1000.0);
        let shown = alert.map_or_else(|| "never".to_owned(), |alert| seconds(alert.at));
        let own = match (judged.fired_at, judged.blind_at) {
            (Some(at), _) => seconds(at),
            (None, Some(at)) => format!("blind {}", seconds(at)),
            (None, None) => "never".to_owned(),
        };
        let apart = match (theirs, mine) {
            (Fired::At(theirs), Fired::At(mine)) => format!("{:+}", mine as i64 - theirs as i64),
            (Fired::Never, Fired::Never) => "0".to_owned(),
            (Fired::Never | Fired::At(_) | Fired::Blind(_), _) => "-".to_owned(),
        };
        println!("{:<46} {shown:>10} {own:>14} {apart:>12}  {verdict}", case.name);
    }
    let [near, told, untold] = counts;
    println!("\nwithin one evaluation {near}, otherwise for the reason beside it {told}, otherwise without one {untold}");
    let slowest = ours.iter().map(|judged| judged.slowest).max().unwrap_or_default();
    println!(
        "slowest look {:.2} s, looks that were late for the next one {}, steps of a series that no scrape has met {}",
        slowest.as_secs_f64(),
        ours.iter().map(|judged| judged.late).sum::<usize>(),
        pages.unmet()
    );
}

/// Which of the three counts it belongs to, and in words.
fn verdict(case: &Case, ours: Fired, theirs: Fired) -> (usize, String) {
    if ours.is_near(theirs, 1) {
        return (0, "agrees".to_owned());
    }
    match case.better {
        Some((how, because)) if ours.is(how, theirs) => (1, format!("{}: {because}", word(how))),
        _ => (2, "DIFFERS".to_owned()),
    }
}

fn word(how: Better) -> &'static str {
    match how {
        Better::Sooner => "sooner",
        Better::Unproven => "not fired",
        Better::Blind => "says that it is blind",
    }
}

/// What a series is watched by, a fifth as long as an alert of that kind would take.
fn lasting(about: About) -> Duration {
    match about {
        About::Errors => Duration::from_secs(24),
        About::Latency => Duration::from_secs(60),
    }
}
