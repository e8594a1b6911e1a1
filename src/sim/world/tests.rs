//! Claims about the whole model: who gets the traffic, what faults do to it, and that it replays.

use super::{Leg, World, propagation::Span, traffic::Tally};
use crate::sim::{
    faults::{Api, Fault, Trouble},
    scenario::Scenario,
};

const START_MS: i64 = 1_795_000_000_000;
const MINUTE_MS: i64 = 60_000;

fn world() -> World {
    World::new(START_MS, 11, Span::default())
}

fn foreign(gke_per_mille: u32) -> Fault {
    Fault::ForeignWriter { gke_per_mille, principal: "mallory@hexproperty.com".to_owned() }
}

/// What one leg did while the world moved on by `minutes`.
fn during(world: &mut World, leg: Leg, minutes: i64) -> Tally {
    let of = |world: &World| match leg {
        Leg::Run => world.traffic.run_tally,
        Leg::Gke => world.traffic.gke_tally,
    };
    let before = of(world);
    world.tick(world.now_ms + minutes * MINUTE_MS);
    let after = of(world);
    Tally { served: after.served - before.served, failed: after.failed - before.failed, dropped: after.dropped - before.dropped }
}

fn failing(tally: Tally) -> f64 {
    tally.failed as f64 / tally.served.max(1) as f64
}

#[test]
fn same_seed_and_scenario_give_the_same_world_however_it_is_ticked() {
    let mut coarse = world();
    let mut fine = world();
    for world in [&mut coarse, &mut fine] {
        world.follow(Scenario::Storm, 11);
    }
    coarse.tick(START_MS + 10 * MINUTE_MS);
    for second in 1..=600 {
        fine.tick(START_MS + second * 1000);
    }
    assert_eq!(format!("{coarse:?}"), format!("{fine:?}"));
    let mut other = World::new(START_MS, 12, Span::default());
    other.tick(START_MS + 10 * MINUTE_MS);
    assert_ne!(coarse.truth().run, other.truth().run);
}

#[test]
fn a_calm_minute_is_about_120_requests_a_second_and_nearly_without_errors() {
    let mut world = world();
    let run = during(&mut world, Leg::Run, 20);
    let rate = run.served as f64 / 1200.0;
    assert!((rate - 120.0).abs() < 3.0, "{rate}");
    assert!(failing(run) < 0.004, "{run:?}");
    assert_eq!(world.traffic.gke_tally, Tally::default());
}

#[test]
fn traffic_follows_the_propagated_weights_not_the_accepted_ones() {
    let mut world = world();
    world.inject(&foreign(250));
    assert_eq!(world.truth().accepted[1].1, 250);
    world.tick(START_MS + 15_000);
    assert_eq!(world.traffic.gke_tally.served, 0);
    world.tick(START_MS + 2 * MINUTE_MS);
    assert!(world.truth().settled);
    let run = world.traffic.run_tally.served;
    let gke = during(&mut world, Leg::Gke, 10).served as f64;
    let share = gke / (gke + (world.traffic.run_tally.served - run) as f64);
    assert!((share - 0.25).abs() < 0.02, "{share}");
}

#[test]
fn latencies_match_the_platforms() {
    let mut world = world();
    world.inject(&foreign(500));
    world.tick(START_MS + 20 * MINUTE_MS);
    for (leg, low, high) in [(Leg::Run, 0.15, 0.25), (Leg::Gke, 0.1, 0.25)] {
        let meter = world.traffic.meter(leg);
        let mut below = 0;
        let bucket = meter.buckets.iter().position(|count| {
            below += count;
            below as f64 >= 0.95 * meter.total() as f64
        });
        let bound = super::meter::BOUNDS_S[bucket.unwrap()];
        assert!(bound > low && bound <= high, "{leg:?} {bound}");
    }
}

#[test]
fn errors_hit_their_leg_alone_and_calm_ends_them() {
    let mut world = world();
    world.inject(&foreign(500));
    world.tick(START_MS + 2 * MINUTE_MS);
    world.inject(&Fault::Errors { leg: Leg::Gke, rate: 0.2 });
    let run = world.traffic.run_tally;
    let gke = during(&mut world, Leg::Gke, 3);
    assert!((failing(gke) - 0.2).abs() < 0.03, "{gke:?}");
    let run_failed = world.traffic.run_tally.failed - run.failed;
    assert!((run_failed as f64) < 0.01 * (world.traffic.run_tally.served - run.served) as f64);
    world.calm();
    assert!(failing(during(&mut world, Leg::Gke, 3)) < 0.01);
}

#[test]
fn a_leg_without_ready_pods_keeps_its_share_and_answers_503() {
    let mut world = world();
    world.inject(&foreign(100));
    world.tick(START_MS + 2 * MINUTE_MS);
    world.inject(&Fault::BadPods { fraction: 1.0 });
    // Pods fall ill one after the other, within some seconds.
    world.tick(START_MS + 2 * MINUTE_MS + 15_000);
    let gke = during(&mut world, Leg::Gke, 2);
    assert!(gke.served > 1_000 && gke.failed >= gke.served - 20, "{gke:?}");
}

#[test]
fn half_the_pods_carry_a_tenth_of_the_users_but_not_all_of_them() {
    let mut world = world();
    world.inject(&Fault::BadPods { fraction: 0.5 });
    world.inject(&foreign(100));
    world.tick(START_MS + 2 * MINUTE_MS);
    assert!(failing(during(&mut world, Leg::Gke, 3)) < 0.01);
    world.inject(&foreign(1000));
    world.tick(world.now_ms + 2 * MINUTE_MS);
    assert!(failing(during(&mut world, Leg::Gke, 3)) > 0.05);
}

#[test]
fn a_cold_source_is_slow_for_a_while_and_a_shrunken_one_fails() {
    let mut world = world();
    world.tick(START_MS + MINUTE_MS);
    let slow = |world: &World| world.traffic.run.buckets[6..].iter().sum::<u64>();
    let before = slow(&world);
    world.inject(&Fault::SourceCold);
    world.tick(world.now_ms + MINUTE_MS);
    assert!(slow(&world) - before > 300, "{}", slow(&world) - before);
    world.inject(&Fault::SourceShrunk { max_instances: 2 });
    world.tick(world.now_ms + MINUTE_MS);
    assert!(failing(during(&mut world, Leg::Run, 1)) > 0.2);
}

#[test]
fn a_restart_begins_the_counters_again_but_not_the_truth() {
    let mut world = world();
    world.tick(START_MS + MINUTE_MS);
    let served = world.traffic.run_tally.served;
    world.inject(&Fault::Restart { leg: Leg::Run });
    assert_eq!(world.traffic.run.total(), 0);
    assert_eq!(world.traffic.run.started_ms, world.now_ms);
    assert_eq!(world.traffic.run_tally.served, served);
}

#[test]
fn trouble_of_an_api_ends_by_itself() {
    let mut world = world();
    world.inject(&Fault::Api { api: Api::Compute, trouble: Trouble::Unavailable, for_s: 30.0 });
    assert_eq!(world.conditions.trouble(START_MS + 29_000, Api::Compute), Some(Trouble::Unavailable));
    assert_eq!(world.conditions.trouble(START_MS + 29_000, Api::Run), None);
    assert_eq!(world.conditions.trouble(START_MS + 30_000, Api::Compute), None);
}

#[test]
fn real_visitors_do_not_change_the_night() {
    let mut alone = world();
    let mut visited = world();
    for _ in 0..50 {
        visited.serve(None);
    }
    let own = visited.traffic.run_tally.served;
    alone.tick(START_MS + MINUTE_MS);
    visited.tick(START_MS + MINUTE_MS);
    assert_eq!(alone.traffic.run_tally.served, visited.traffic.run_tally.served - own);
}

#[test]
fn a_foreign_write_is_in_the_audit_log_with_its_author() {
    let mut world = world();
    world.inject(&foreign(300));
    let mutation = &world.truth().mutations[0];
    let became = "frontend-run=700 frontend-gke=300 backend-run=1000 backend-gke=0 api-run=1000 api-gke=0";
    assert_eq!((mutation.actor.principal.as_str(), mutation.became.as_str()), ("mallory@hexproperty.com", became));
    assert_eq!(world.audit.visible(world.now_ms).count(), 0);
    assert_eq!(world.audit.visible(world.now_ms + 3_000).count(), 1);
}
