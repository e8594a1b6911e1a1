//! Nights of storm, as tests: how many, and how to see one again.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    chance::asked_for,
    storm::{
        night,
        night::{Checks, Course},
    },
};

/// Seeds that once failed; they stay.
const REMEMBERED: [u64; 0] = [];

#[test]
fn every_storm_ends_in_a_calm_that_is_settled_or_says_why() {
    let seeds: Vec<u64> = match std::env::var("CUTOVER_STORM").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => vec![seed],
        None => REMEMBERED.into_iter().chain(0..asked_for("CUTOVER_STORMS", 12)).collect(),
    };
    let next = AtomicU64::new(0);
    let failures: Vec<String> = std::thread::scope(|scope| {
        let work = || {
            let mut failures = Vec::new();
            while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                if let Err(what) = night(*seed, Course::STORM, Checks::On) {
                    failures.push(format!("{what}\nthe same again: CUTOVER_STORM={seed} cargo test --test core storm"));
                }
            }
            failures
        };
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a night that panicked says so itself")).collect()
    });
    assert!(failures.is_empty(), "{} of {} nights failed\n{}", failures.len(), seeds.len(), failures.join("\n\n"));
}

#[test]
fn a_night_is_its_seed() {
    let course = Course { storm: cutover::domain::time::Millis::from_mins(4), ..Course::STORM };
    let first = night(11, course, Checks::Off);
    assert_eq!(first, night(11, course, Checks::Off));
    assert_ne!(first, night(12, course, Checks::Off));
}
