//! What became of hosts that were killed with `kill -9`, printed: `cargo bench --bench kills [LIVES]`.
//!
//! Each life is a `cutover host` of its own on one session that flies out and home again against a simulated world; it ends at any moment of
//! that. After each the journal is proven, and at the end it is judged as a whole: what breaks a promise ends the run.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    dead_code,
    reason = "a bench that meets a surprise stops and says what it saw; the tests' helpers can do more than is measured"
)]

use std::{process::ExitCode, time::Duration};

#[path = "../host_process/account.rs"]
mod account;
#[path = "../host_process/kills.rs"]
mod kills;
#[path = "../common/pty.rs"]
mod pty;
#[path = "../common/world.rs"]
mod world;

/// Lives of one session; then the next one begins.
const OF_A_SESSION: usize = 250;

fn main() -> ExitCode {
    let asked = std::env::args().skip(1).find(|word| !word.starts_with("--"));
    let Ok(lives) = asked.map_or(Ok(OF_A_SESSION), |word| word.parse::<usize>()) else {
        eprintln!("say how many lives, as in `cargo bench --bench kills 10000`");
        return ExitCode::from(2);
    };
    let mut back: Vec<Duration> = Vec::new();
    let (mut done, mut torn, mut asked, mut writes, mut overtaken) = (0, 0, 0, 0, 0);
    while done < lives {
        let account = account::Account::new();
        let flown = kills::fly(&account, OF_A_SESSION.min(lives - done), done as u64);
        done += flown.lives;
        (torn, asked, writes, overtaken) = (torn + flown.torn, asked + flown.asked, writes + flown.writes, overtaken + flown.overtaken);
        back.extend(flown.back);
        println!(
            "{done} lives: {asked} questions, {writes} writes, {overtaken} of them overtaken by a death, {torn} torn tails; every journal proven"
        );
    }
    back.sort();
    let at = |share: f64| back[((back.len() as f64 * share).ceil() as usize).max(1) - 1].as_secs_f64() * 1000.0;
    println!("back after p50 {:.0} ms, p99 {:.0} ms, at most {:.0} ms", at(0.5), at(0.99), at(1.0));
    ExitCode::SUCCESS
}
