//! What became of hosts that were killed with `kill -9`, printed: `cargo bench --bench kills [LIVES [AT ONCE]]`.
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

use std::{
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

#[path = "../host_process/account.rs"]
mod account;
#[path = "../host_process/kills.rs"]
mod kills;
#[path = "../common/pty.rs"]
mod pty;
#[path = "../common/world.rs"]
mod world;

use kills::Figures;

/// Lives of one session; then the next one begins.
const OF_A_SESSION: usize = 100;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let numbers: Result<Vec<usize>, _> = words.iter().map(|word| word.parse()).collect();
    let (lives, beside) = match numbers.as_deref() {
        Ok([]) => (OF_A_SESSION, 1),
        Ok([lives]) => (*lives, 1),
        Ok([lives, beside]) => (*lives, (*beside).max(1)),
        Ok(_) | Err(_) => {
            eprintln!("say how many lives, and of how many sessions at once, as in `cargo bench --bench kills 10000 4`");
            return ExitCode::from(2);
        }
    };
    let (began, next, all) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Figures::default()));
    std::thread::scope(|scope| {
        for _ in 0..beside {
            scope.spawn(|| {
                while let Some(of_it) = some_of(&began, lives) {
                    let account = account::Account::new();
                    let flown = kills::fly(&account, of_it, next.fetch_add(1, Ordering::Relaxed) as u64);
                    add(&mut all.lock().unwrap(), flown);
                }
            });
        }
    });
    let mut back = all.into_inner().unwrap().back;
    back.sort();
    let at = |share: f64| back[((back.len() as f64 * share).ceil() as usize).max(1) - 1].as_secs_f64() * 1000.0;
    println!("back after p50 {:.0} ms, p99 {:.0} ms, at most {:.0} ms", at(0.5), at(0.99), at(1.0));
    ExitCode::SUCCESS
}

/// The lives of one more session, of those that are left.
fn some_of(began: &AtomicUsize, lives: usize) -> Option<usize> {
    let before = began.fetch_add(OF_A_SESSION, Ordering::Relaxed);
    let left = lives.checked_sub(before)?.min(OF_A_SESSION);
    (left > 0).then_some(left)
}

fn add(all: &mut Figures, flown: Figures) {
    let Figures { lives, back, torn, asked, writes, overtaken } = flown;
    all.lives += lives;
    all.back.extend(back);
    (all.torn, all.asked, all.writes, all.overtaken) = (all.torn + torn, all.asked + asked, all.writes + writes, all.overtaken + overtaken);
    let Figures { lives, asked, writes, overtaken, torn, .. } = all;
    println!(
        "{lives} lives: {asked} questions, {writes} writes, {overtaken} of them overtaken by a death, {torn} torn tails; every journal proven"
    );
}
