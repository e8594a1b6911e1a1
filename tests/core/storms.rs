//! Nights of storm, as tests: how many, and how to see one again.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    chance::asked_for,
    storm::{
        night,
        night::{Checks, Course, Summary},
    },
};

/// Seeds that once failed; they stay.
const REMEMBERED: [u64; 0] = [];

#[test]
fn every_storm_ends_in_a_calm_that_is_settled_or_says_why() {
    let nights = all_of(Course::STORM, asked_for("CUTOVER_STORMS", 12));
    assert!(nights.iter().all(|night| night.unrecorded == 0));
}

#[test]
fn whatever_record_the_disk_breaks_at_nothing_but_the_way_home_leaves_behind_it() {
    let nights = all_of(Course::BREAKING, asked_for("CUTOVER_STORMS", 12));
    assert!(nights.iter().any(|night| night.unrecorded > 0), "no rollback left without a record in {} nights", nights.len());
}

#[test]
fn behind_a_disk_that_hangs_only_the_way_home_leaves_and_when_it_answers_nothing_is_missing() {
    let nights = all_of(Course::WAVERING, asked_for("CUTOVER_STORMS", 12));
    assert!(nights.iter().map(|night| night.hangs).sum::<u64>() > 20, "{nights:?}");
    assert!(nights.iter().any(|night| night.unrecorded > 0), "no rollback left behind a hanging disk in {} nights", nights.len());
}

/// As many nights as are asked for, of which none may fail.
fn all_of(course: Course, nights: u64) -> Vec<Summary> {
    let seeds: Vec<u64> = match std::env::var("CUTOVER_STORM").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => vec![seed],
        None => REMEMBERED.into_iter().chain(0..nights).collect(),
    };
    let next = AtomicU64::new(0);
    let came_of: Vec<Result<Summary, String>> = std::thread::scope(|scope| {
        let work = || {
            let mut came_of = Vec::new();
            while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                let told = |what| format!("{what}\nthe same again: CUTOVER_STORM={seed} cargo test --test core storm");
                came_of.push(night(*seed, course, Checks::On).map_err(told));
            }
            came_of
        };
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a night that panicked says so itself")).collect()
    });
    let failures: Vec<&String> = came_of.iter().filter_map(|night| night.as_ref().err()).collect();
    let listed = failures.iter().map(|what| what.as_str()).collect::<Vec<_>>().join("\n\n");
    assert!(failures.is_empty(), "{} of {} nights failed\n{listed}", failures.len(), seeds.len());
    came_of.into_iter().flatten().collect()
}

#[test]
fn a_night_is_its_seed() {
    let course = Course { storm: cutover::domain::time::Millis::from_mins(4), ..Course::STORM };
    let first = night(11, course, Checks::Off);
    assert_eq!(first, night(11, course, Checks::Off));
    assert_ne!(first, night(12, course, Checks::Off));
}
