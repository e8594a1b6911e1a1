//! What is particular to steps of Cloud SQL: what counts as reached, what is in the way, and what is nobody's to delete.

use std::{sync::Arc, time::Duration};

use cutover::{
    adapter::cloud_sql::steps::{
        StepConfig,
        availability::AvailabilityStep,
        backup::BackupStep,
        replica::{ReplicaConfig, ReplicaStep},
    },
    domain::{
        fault::{FaultKind, Outcome, Version},
        standing::{Act, Known, Standing},
        time::Millis,
    },
    port::{Intent, Reconciler},
    sim::{
        faults::{Api, DatabaseFault, Down, Fault, Member, SqlAsk, Trouble},
        simulation::{Config, Simulation, Start},
        world::{
            actor::Actor,
            sql::{
                OperationFault,
                instance::Engine,
                request::{Promotion, Request},
            },
        },
    },
};
use serde_json::json;

use crate::{google, intent, now};

const PRIMARY: &str = "hexproperty-prod";
const DISTANT: &str = "hexproperty-dr";

/// Last night's backup is eight hours old.
async fn world() -> Simulation {
    Simulation::start(Config { speed: 400.0, start: Start::At(1_795_000_000_000), ..Config::default() }).await.unwrap()
}

fn step(world: &Simulation, instance: &str) -> StepConfig {
    StepConfig { project: "hexproperty".to_owned(), instance: instance.parse().unwrap(), now: now(world) }
}

fn backup(world: &Simulation, younger_than: Millis) -> BackupStep {
    BackupStep::new(step(world, PRIMARY), younger_than, google(world))
}

fn standby(world: &Simulation) -> AvailabilityStep {
    AvailabilityStep::new(step(world, PRIMARY), google(world))
}

fn replica(world: &Simulation, instance: &str, region: &str) -> ReplicaStep {
    let config = ReplicaConfig {
        step: step(world, instance),
        primary: PRIMARY.parse().unwrap(),
        region: region.to_owned(),
        tier: Some("db-perf-optimized-N-2".to_owned()),
    };
    ReplicaStep::new(config, google(world), google(world))
}

fn inject(world: &Simulation, fault: DatabaseFault) {
    world.control().inject(&Fault::Database(fault));
}

/// Somebody asks for work past us.
fn asked(world: &Simulation, instance: &str, request: Request) {
    world.control().with(|world| world.ask_database(instance, request, &Actor::person("eve@hexproperty.com"))).unwrap();
}

async fn until(reconciler: &dyn Reconciler, what: &str, wanted: impl Fn(&Standing) -> bool) -> Standing {
    for _ in 0..3_000 {
        match reconciler.look().await {
            Ok(standing) if wanted(&standing) => return standing,
            _ => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
    panic!("never seen: {what}; last {:?}", reconciler.look().await)
}

async fn reached(reconciler: &dyn Reconciler) -> (Version, Vec<Known>) {
    match until(reconciler, "its end", |standing| matches!(standing, Standing::Reached { .. })).await {
        Standing::Reached { version, evidence } => (version, evidence),
        other => panic!("{other:?}"),
    }
}

/// Looks until just this is in the way.
async fn stands(reconciler: &dyn Reconciler, wanted: &str) {
    let is_that = |standing: &Standing| matches!(standing, Standing::Foreign { why } if why.as_str().contains(wanted));
    until(reconciler, wanted, is_that).await;
}

/// What is in the way, in words.
async fn foreign(reconciler: &dyn Reconciler) -> String {
    match until(reconciler, "what is in the way", |standing| matches!(standing, Standing::Foreign { .. })).await {
        Standing::Foreign { why } => why.to_string(),
        other => panic!("{other:?}"),
    }
}

fn value<'a>(evidence: &'a [Known], what: &str) -> &'a str {
    evidence.iter().find(|known| known.what.as_str() == what).unwrap().value.as_str()
}

async fn created(world: &Simulation) -> (Arc<ReplicaStep>, Version) {
    let replica = Arc::new(replica(world, DISTANT, "us-east1"));
    let Standing::Apart { version, .. } = replica.look().await.unwrap() else { panic!("nothing is there yet") };
    let outcome = replica.act(Act::Run, &version, &intent(1)).await;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    let (version, _) = reached(&*replica).await;
    (replica, version)
}

fn refused(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::NotDone(fault) if fault.kind == FaultKind::Refused => fault.message.as_str(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_backup_of_last_night_will_do_until_it_is_too_old_and_a_newer_one_that_is_being_taken_makes_it_no_worse() {
    let world = world().await;
    inject(&world, DatabaseFault::Operations { end: OperationFault::Stuck });
    inject(&world, DatabaseFault::Colleague { asks: SqlAsk::Backup });
    let (version, evidence) = reached(&backup(&world, Millis::from_mins(12 * 60))).await;
    assert_eq!((value(&evidence, "type"), value(&evidence, "backupRun")), ("AUTOMATED", version.0.as_str()));
    // For a plan that wants a younger one it is under way.
    let strict = backup(&world, Millis::from_mins(20));
    assert!(matches!(strict.look().await.unwrap(), Standing::Underway(_)));
    world.control().calm();
    let (_, evidence) = reached(&strict).await;
    assert_eq!(value(&evidence, "type"), "ON_DEMAND");
    // 20 virtual minutes pass in three seconds.
    until(&strict, "that it is too old", |standing| matches!(standing, Standing::Apart { .. })).await;
    world.stop().await;
}

#[tokio::test]
async fn a_standby_is_not_in_question_while_a_backup_is_taken_and_is_while_settings_change() {
    let world = world().await;
    let standby = standby(&world);
    inject(&world, DatabaseFault::Operations { end: OperationFault::Stuck });
    inject(&world, DatabaseFault::Colleague { asks: SqlAsk::Backup });
    let (_, evidence) = reached(&standby).await;
    assert_eq!((value(&evidence, "availabilityType"), value(&evidence, "secondaryGceZone")), ("REGIONAL", "us-central1-c"));
    world.control().calm();
    reached(&backup(&world, Millis::from_mins(60))).await;
    inject(&world, DatabaseFault::Operations { end: OperationFault::Stuck });
    inject(&world, DatabaseFault::Colleague { asks: SqlAsk::NoStandby });
    let seen = standby.look().await.unwrap();
    let Standing::Underway(work) = &seen else { panic!("{seen:?}") };
    assert!(work.doing.as_ref().is_some_and(|doing| doing.as_str().ends_with("by dana.ops@hexproperty.com")), "{work:?}");
    world.control().calm();
    until(&standby, "that somebody took it away", |standing| matches!(standing, Standing::Apart { .. })).await;
    world.stop().await;
}

#[tokio::test]
async fn nothing_is_done_to_an_instance_that_is_down_or_is_no_primary() {
    let world = world().await;
    for (down, word) in [(Down::Suspended, "SUSPENDED"), (Down::Maintenance, "MAINTENANCE"), (Down::StoppedByOwner, "NEVER")] {
        inject(&world, DatabaseFault::IsDown { member: Member::Primary, down });
        for seen in [foreign(&standby(&world)).await, foreign(&replica(&world, DISTANT, "us-east1")).await] {
            assert!(seen.contains(word), "{down:?}: {seen}");
        }
        world.control().calm();
    }
    let of_replica = AvailabilityStep::new(step(&world, "hexproperty-replica"), google(&world));
    assert!(foreign(&of_replica).await.starts_with("READ_REPLICA_INSTANCE of hexproperty:hexproperty-prod"));
    let missing = AvailabilityStep::new(step(&world, "hexproperty-prd"), google(&world));
    assert_eq!(missing.look().await.unwrap_err().kind, FaultKind::NotFound);
    world.stop().await;
}

#[tokio::test]
async fn what_the_vendor_does_not_take_is_told_in_its_words() {
    let world = world().await;
    world.control().with(|world| world.sql.set_engine(Engine::MySql));
    inject(&world, DatabaseFault::NoStandby);
    let standby = standby(&world);
    let Standing::Apart { version, .. } = standby.look().await.unwrap() else { panic!("it has no standby") };
    let outcome = standby.act(Act::Run, &version, &intent(1)).await;
    let Outcome::NotDone(fault) = &outcome else { panic!("{outcome:?}") };
    assert_eq!(fault.kind, FaultKind::Rejected);
    assert!(fault.message.as_str().contains("need to have binary logging enabled"), "{fault}");
    world.stop().await;
}

#[tokio::test]
async fn a_replica_is_made_as_the_plan_and_its_primary_say() {
    let world = world().await;
    let (replica, _) = created(&world).await;
    let made = world.control().with(|world| world.sql.instance(DISTANT).unwrap().clone());
    assert_eq!((made.follows(), made.region.as_str(), made.database_version.as_str()), (Some(PRIMARY), "us-east1", "POSTGRES_15"));
    assert_eq!((&made.settings["tier"], &made.settings["edition"]), (&json!("db-perf-optimized-N-2"), &json!("ENTERPRISE_PLUS")));
    assert_eq!(made.settings["userLabels"]["cutover-session"], "s1");
    let (_, evidence) = reached(&*replica).await;
    assert_eq!((value(&evidence, "masterInstanceName"), value(&evidence, "replication/state")), (PRIMARY, "Running"));
    // The product's own one, which others made, is as good.
    let (_, evidence) = reached(&self::replica(&world, "hexproperty-replica", "us-central1")).await;
    assert_eq!(value(&evidence, "region"), "us-central1");
    world.stop().await;
}

#[tokio::test]
async fn a_replica_is_deleted_by_the_session_that_made_it_and_by_no_other() {
    let world = world().await;
    // Nobody's label, ours not on it.
    let theirs = replica(&world, "hexproperty-replica", "us-central1");
    let (version, _) = reached(&theirs).await;
    let outcome = theirs.act(Act::Undo, &version, &intent(2)).await;
    assert!(refused(&outcome).contains("was not created by this session; if it is to go, by hand: gcloud sql instances delete"));
    let (ours, version) = created(&world).await;
    let other = Intent { session: "s2".to_owned(), ..intent(3) };
    assert!(refused(&ours.act(Act::Undo, &version, &other).await).contains("was created by the session s1"));
    let mutations = world.control().truth().mutations;
    assert!(mutations.iter().all(|mutation| mutation.method != "cloudsql.instances.delete"), "{mutations:?}");
    let outcome = ours.act(Act::Undo, &version, &intent(4)).await;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    world.stop().await;
}

#[tokio::test]
async fn a_replica_that_was_promoted_is_nobodys_to_delete_neither_while_nor_after() {
    let world = world().await;
    let (replica, version) = created(&world).await;
    inject(&world, DatabaseFault::Operations { end: OperationFault::Stuck });
    asked(&world, DISTANT, Request::Promote(Promotion::LeavesOldPrimary));
    assert!(foreign(&*replica).await.starts_with("it is being made something else"));
    for _ in 0..2 {
        let outcome = replica.act(Act::Undo, &version, &intent(2)).await;
        assert!(matches!(&outcome, Outcome::NotDone(fault) if fault.kind == FaultKind::Conflict), "{outcome:?}");
        world.control().calm();
        until(
            &*replica,
            "that it is a primary",
            |standing| matches!(standing, Standing::Foreign { why } if why.as_str() == "CLOUD_SQL_INSTANCE, RUNNABLE"),
        )
        .await;
    }
    assert!(world.control().with(|world| world.sql.instance(DISTANT).is_some_and(|promoted| promoted.accepts_writes())));
    world.stop().await;
}

#[tokio::test]
async fn what_stands_in_a_replicas_place_is_named() {
    let world = world().await;
    assert_eq!(foreign(&replica(&world, "hexproperty-replica", "europe-west1")).await, "it is in us-central1, not in europe-west1");
    assert_eq!(foreign(&replica(&world, PRIMARY, "us-central1")).await, "CLOUD_SQL_INSTANCE, RUNNABLE");
    let own = replica(&world, "hexproperty-replica", "us-central1");
    reached(&own).await;
    asked(&world, "hexproperty-replica", Request::StopReplica);
    stands(&own, "its replication was stopped by hand").await;
    asked(&world, "hexproperty-replica", Request::StartReplica);
    reached(&own).await;
    inject(&world, DatabaseFault::ReceivesNothing);
    stands(&own, "its replication is broken").await;
    world.control().calm();
    reached(&own).await;
    inject(&world, DatabaseFault::OtherPrimary);
    stands(&own, "of hexproperty:hexproperty-staging").await;
    world.control().calm();
    // Without Monitoring's word nobody knows whether it replicates: no data is not good data.
    world.control().inject(&Fault::Api { api: Api::Monitoring, trouble: Trouble::Unavailable, for_s: 1e6 });
    assert_eq!(own.look().await.unwrap_err().kind, FaultKind::Unavailable);
    world.stop().await;
}
