//! Figures: what the core, a night, a frame, the journal and a metrics page cost on this machine, in one run of a minute or two.
//!
//! `cargo bench` prints all of them, `cargo bench -- frames journal` only those. Nothing is asserted: a figure is a fact about a machine and
//! an hour. They are of a program that is built for speed; `cargo bench --profile small` prints those of the one that is shipped. What is
//! computing is measured in CPU time, so that a busy neighbour changes little; what waits for a disk is measured in wall time, beside the bare
//! `fdatasync` of the same disk in the same loop.
//!
//! Allocations are not counted here, since a counting allocator takes unsafe code. Instructions and allocations of a frame, per size:
//! `valgrind --tool=callgrind BENCH frame-200x50` and `valgrind --tool=dhat BENCH frame-200x50`, each with `frame-200x50-twice` beside it; the
//! difference of the two is the cost of 200 frames. BENCH is the program that `cargo bench --profile small --no-run` names.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets a surprise has failed, and says what it saw"
)]

mod clock;
mod frames;
mod journal;
mod nights;
mod pages;
#[path = "../frames/scenes.rs"]
#[allow(dead_code, reason = "the frames' scenes; one of them is drawn here")]
mod scenes;
#[path = "../core/storm/mod.rs"]
mod storm;
#[path = "../core/watch/mod.rs"]
#[allow(dead_code, reason = "the watchman is the tests' own; nights are run with and without him")]
mod watch;
mod weeks;

use std::process::ExitCode;

const SECTIONS: [(&str, fn()); 6] = [
    ("steps", nights::steps),
    ("nights", nights::nights),
    ("frames", frames::frames),
    ("journal", journal::journal),
    ("pages", pages::pages),
    ("weeks", weeks::weeks),
];
/// What takes minutes, and is only done when it is asked for.
const LONG: [(&str, fn()); 1] = [("four-weeks", weeks::four_weeks)];

fn main() -> ExitCode {
    // Cargo says `--bench` to every benchmark.
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    if let Some(single) = asked.first().and_then(|word| word.strip_prefix("frame-")) {
        return frames::single(single);
    }
    let unknown = asked.iter().find(|word| SECTIONS.iter().chain(&LONG).all(|(name, _)| name != word));
    if let Some(word) = unknown {
        eprintln!(
            "there are no figures called {word:?}; choose of steps, nights, frames, journal, pages, weeks, four-weeks, frame-COLUMNSxROWS"
        );
        return ExitCode::from(2);
    }
    for (name, section) in SECTIONS.into_iter().chain(LONG) {
        let is_long = LONG.iter().any(|(long, _)| *long == name);
        if (asked.is_empty() && !is_long) || asked.iter().any(|word| word == name) {
            println!("{name}");
            section();
            println!();
        }
    }
    ExitCode::SUCCESS
}
