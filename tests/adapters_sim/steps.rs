//! What every reconciler is held to, whatever kind of step it is for: one suite, run for each kind against its own thing in the simulated world.
//!
//! A new kind is one more subject here. Everything is seen through the adapter and compared with what the world's own log knows of it.

use std::{sync::Arc, time::Duration};

use cutover::{
    adapter::{
        address::AddressStep,
        cloud_run::{
            ServiceName,
            floor::{FloorConfig, FloorStep},
        },
        cloud_sql::steps::{
            StepConfig,
            availability::AvailabilityStep,
            backup::BackupStep,
            replica::{ReplicaConfig, ReplicaStep},
        },
        gke_cluster::GkeClusterStep,
    },
    domain::{
        cluster::{Autoscaling, WantedCluster},
        fault::{FaultKind, Outcome, Receipt, Version},
        shown::Shown,
        standing::{Act, Failed, Standing, Underway},
        time::Millis,
    },
    port::Reconciler,
    sim::{
        faults::{
            Api, DatabaseFault, Fault, SqlAsk, Trouble,
            platform::{Ending, PlatformFault},
            setup::Setup,
        },
        simulation::{Config, Simulation, Start},
        world::{actor::Actor, addresses, audit::Mutation, cloud_run::Desired, sql::OperationFault},
    },
};

use super::{google, intent, now};

#[path = "steps_of_sql.rs"]
mod of_sql;

/// A reconciler, and the thing of the world that it is for.
struct Subject {
    name: &'static str,
    make: fn(&Simulation) -> Arc<dyn Reconciler>,
    api: Api,
    /// The thing is brought to where an act would change something.
    begins: fn(&Simulation),
    /// What the world's log calls an act.
    method: &'static str,
    /// Without it an act is refused.
    permission: &'static str,
    /// Somebody else does what the step wants.
    outrun: fn(&Simulation),
    /// How the work that an act asks for ends from now on.
    ends: fn(&Simulation, Ends),
    /// What is told of work that failed: one of these.
    fails: &'static [&'static str],
    undo: Undo,
    /// Words of the command that does it by hand.
    by_hand: &'static [&'static str],
}

/// How work ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// With an error, and nothing is changed.
    Failing,
    /// Never.
    Never,
    /// Well, and nothing is changed.
    Hollow,
}

/// Whether what was done can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Undo {
    /// By an act; what the log calls it.
    ByAct(&'static str),
    /// Never.
    Never,
}

const SUBJECTS: [Subject; 7] = [
    Subject {
        name: "sql backup",
        make: |world| Arc::new(BackupStep::new(sql_step(world, "hexproperty-prod"), Millis::from_mins(6 * 60), google(world))),
        api: Api::Sql,
        begins: |_| {},
        method: "cloudsql.backupRuns.create",
        permission: "cloudsql.backupRuns.create",
        outrun: |world| database(world, DatabaseFault::Colleague { asks: SqlAsk::Backup }),
        ends: sql_ends,
        fails: &["INTERNAL_ERROR", "FAILED"],
        undo: Undo::Never,
        by_hand: &["gcloud sql backups create", "--instance=hexproperty-prod", "--project=hexproperty"],
    },
    Subject {
        name: "sql high availability",
        make: |world| Arc::new(AvailabilityStep::new(sql_step(world, "hexproperty-prod"), google(world))),
        api: Api::Sql,
        begins: |world| database(world, DatabaseFault::NoStandby),
        method: "cloudsql.instances.update",
        permission: "cloudsql.instances.update",
        outrun: |world| database(world, DatabaseFault::Colleague { asks: SqlAsk::Standby }),
        ends: sql_ends,
        fails: &["INTERNAL_ERROR", "FAILED"],
        undo: Undo::ByAct("cloudsql.instances.update"),
        by_hand: &["gcloud sql instances patch hexproperty-prod", "--availability-type=regional", "--project=hexproperty"],
    },
    Subject {
        name: "sql replica",
        make: |world| Arc::new(replica(world)),
        api: Api::Sql,
        begins: |_| {},
        method: "cloudsql.instances.create",
        permission: "cloudsql.instances.create",
        outrun: |world| database(world, DatabaseFault::Colleague { asks: SqlAsk::Replica { name: "hexproperty-dr", region: "us-east1" } }),
        ends: sql_ends,
        fails: &["INTERNAL_ERROR", "FAILED"],
        undo: Undo::ByAct("cloudsql.instances.delete"),
        by_hand: &["gcloud sql instances create hexproperty-dr", "--master-instance-name=hexproperty-prod", "--region=us-east1"],
    },
    Subject {
        name: "gke cluster that is not there",
        make: |world| Arc::new(cluster(world, "hexproperty-blue", 3)),
        api: Api::Container,
        begins: |_| {},
        method: "google.container.v1.ClusterManager.CreateCluster",
        permission: "container.clusters.create",
        outrun: |world| {
            world.control().with(|world| {
                let machine = serde_json::json!({"machineType": "e2-standard-2"});
                let scaling = serde_json::json!({"enabled": true, "minNodeCount": 3, "maxNodeCount": 6});
                let pool = serde_json::json!({"name": "default-pool", "initialNodeCount": 3, "config": machine, "autoscaling": scaling});
                let document = serde_json::json!({"name": "hexproperty-blue", "nodePools": [pool]});
                world.clusters.create("us-central1", &document, &Actor::person(COLLEAGUE)).unwrap();
            });
        },
        ends: |world, ends| platform(world, PlatformFault::ClusterWork { ending: ending(ends) }),
        fails: &["ERROR: GCE_STOCKOUT: "],
        undo: Undo::Never,
        by_hand: &["gcloud container clusters create hexproperty-blue", "--location=us-central1", "--num-nodes=3", "--max-nodes=6"],
    },
    Subject {
        name: "gke cluster with other bounds",
        make: |world| Arc::new(cluster(world, "hexproperty-prod", 3)),
        api: Api::Container,
        begins: |_| {},
        method: "google.container.v1.ClusterManager.UpdateCluster",
        permission: "container.clusters.update",
        outrun: |world| {
            world.control().with(|world| {
                let mut pools = world.clusters.find("us-central1", "hexproperty-prod").unwrap().spec["nodePools"].clone();
                pools[0]["autoscaling"] = serde_json::json!({"enabled": true, "minNodeCount": 3, "maxNodeCount": 6});
                let at = ("us-central1", "hexproperty-prod");
                world.clusters.update(at, serde_json::json!({ "nodePools": pools }), None, &Actor::person(COLLEAGUE)).unwrap();
            });
        },
        ends: |world, ends| platform(world, PlatformFault::ClusterWork { ending: ending(ends) }),
        fails: &["An internal error has occurred."],
        undo: Undo::Never,
        by_hand: &["gcloud container clusters create hexproperty-prod"],
    },
    Subject {
        name: "address",
        make: |world| Arc::new(AddressStep::new("hexproperty".to_owned(), "hexproperty-ip".to_owned(), None, google(world))),
        api: Api::Compute,
        begins: |_| {},
        method: "v1.compute.globalAddresses.insert",
        permission: "compute.globalAddresses.create",
        outrun: |world| {
            world.control().with(|world| {
                let wanted = addresses::Wanted { name: "hexproperty-ip", description: "", kind: "EXTERNAL", request: None };
                world.addresses.insert(addresses::Scope::Global, wanted, &Actor::person(COLLEAGUE)).unwrap();
            });
        },
        ends: |world, ends| platform(world, PlatformFault::AddressWork { ending: ending(ends) }),
        fails: &["QUOTA_EXCEEDED: "],
        undo: Undo::ByAct("v1.compute.globalAddresses.delete"),
        by_hand: &["gcloud compute addresses create hexproperty-ip", "--global", "--project=hexproperty"],
    },
    Subject {
        name: "home floor",
        make: |world| Arc::new(floor(world)),
        api: Api::Run,
        begins: |_| {},
        method: "google.cloud.run.v2.Services.UpdateService",
        permission: "run.services.update",
        outrun: |world| {
            world.control().with(|world| {
                let traffic = world.cloud_run.service("frontend").unwrap().traffic.clone();
                let desired = Desired { traffic, template: None, notes: None, least: Some(6) };
                world.cloud_run.write(world.now_ms, "frontend", desired, |_| Ok(()), &Actor::person(COLLEAGUE)).unwrap();
            });
        },
        ends: |world, ends| platform(world, PlatformFault::RunWork { ending: ending(ends) }),
        fails: &["Internal error"],
        undo: Undo::ByAct("google.cloud.run.v2.Services.UpdateService"),
        by_hand: &["gcloud run services update frontend", "--min=6", "--region=us-central1", "--project=hexproperty"],
    },
];

const COLLEAGUE: &str = "dana.ops@hexproperty.com";

/// With three to six nodes in each zone.
fn cluster(world: &Simulation, name: &str, nodes_per_zone: u32) -> GkeClusterStep {
    let wanted = WantedCluster {
        name: name.into(),
        location: "us-central1".into(),
        zones: ["a", "b", "c"].map(|zone| Shown::new(&format!("us-central1-{zone}"))).to_vec(),
        machine_type: "e2-standard-2".into(),
        nodes_per_zone,
        autoscaling: Some(Autoscaling::PerZone { min: 3, max: 6 }),
        channel: None,
        workload_pool: None,
        node_price: None,
    };
    GkeClusterStep::new("hexproperty".to_owned(), wanted, google(world))
}

fn floor(world: &Simulation) -> FloorStep {
    let service = ServiceName { project: "hexproperty".to_owned(), region: "us-central1".to_owned(), service: "frontend".to_owned() };
    FloorStep::new(FloorConfig { service, instances: 6, afterwards: 0 }, google(world))
}

fn platform(world: &Simulation, fault: PlatformFault) {
    world.control().inject(&Fault::Platform(fault));
}

fn ending(ends: Ends) -> Ending {
    match ends {
        Ends::Failing => Ending::Failing,
        Ends::Never => Ending::Never,
        Ends::Hollow => Ending::Hollow,
    }
}

fn sql_step(world: &Simulation, instance: &str) -> StepConfig {
    StepConfig { project: "hexproperty".to_owned(), instance: instance.parse().unwrap(), now: now(world) }
}

fn replica(world: &Simulation) -> ReplicaStep {
    let config = ReplicaConfig {
        step: sql_step(world, "hexproperty-dr"),
        primary: "hexproperty-prod".parse().unwrap(),
        region: "us-east1".to_owned(),
        tier: None,
    };
    ReplicaStep::new(config, google(world), google(world))
}

fn database(world: &Simulation, fault: DatabaseFault) {
    world.control().inject(&Fault::Database(fault));
}

fn sql_ends(world: &Simulation, ends: Ends) {
    let end = match ends {
        Ends::Failing => OperationFault::Failing,
        Ends::Never => OperationFault::Stuck,
        Ends::Hollow => OperationFault::Hollow,
    };
    database(world, DatabaseFault::Operations { end });
}

impl Subject {
    /// Fast, and begun at an hour at which last night's backup is eight hours old.
    async fn world(&self) -> Simulation {
        let config = Config { speed: 400.0, start: Start::At(1_795_000_000_000), ..Config::default() };
        let world = Simulation::start(config).await.unwrap();
        (self.begins)(&world);
        world
    }

    /// What an act would be made against, of a thing that is not as the step wants it.
    async fn apart(&self, reconciler: &dyn Reconciler) -> Version {
        match reconciler.look().await.unwrap() {
            Standing::Apart { version, changes, .. } => {
                assert!(!changes.is_empty(), "{}: an act would change something", self.name);
                version
            }
            other => panic!("{}: {other:?}", self.name),
        }
    }

    async fn run(&self, reconciler: &dyn Reconciler, version: &Version, seq: u64) -> Outcome {
        reconciler.act(Act::Run, version, &intent(seq)).await
    }

    /// An act that is accepted, by the name of its operation.
    async fn accepted(&self, reconciler: &dyn Reconciler, version: &Version, seq: u64) -> Shown {
        match self.run(reconciler, version, seq).await {
            Outcome::Done(Receipt { operation: Some(operation), .. }) => operation,
            other => panic!("{}: {other:?}", self.name),
        }
    }

    /// Looks until one finds what is wanted.
    async fn until(&self, reconciler: &dyn Reconciler, what: &str, wanted: impl Fn(&Standing) -> bool) -> Standing {
        let mut last = None;
        for _ in 0..3_000 {
            let seen = reconciler.look().await;
            if let Ok(standing) = &seen
                && wanted(standing)
            {
                return standing.clone();
            }
            last = Some(seen);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{}: never seen: {what}; last {last:?}", self.name)
    }

    async fn until_reached(&self, reconciler: &dyn Reconciler) -> Version {
        match self.until(reconciler, "its end", is_reached).await {
            Standing::Reached { version, evidence } => {
                assert!(!evidence.is_empty(), "{}: what is reached is shown", self.name);
                version
            }
            other => panic!("{}: {other:?}", self.name),
        }
    }

    fn ours(&self, world: &Simulation) -> Vec<Mutation> {
        let of_ours = |mutation: &Mutation| mutation.actor.reason.as_deref().is_some_and(|reason| reason.starts_with("cutover s1/"));
        world.control().truth().mutations.into_iter().filter(of_ours).collect()
    }

    fn says_why(&self, told: &str) -> bool {
        self.fails.iter().any(|words| told.contains(words))
    }

    fn troubles(&self, world: &Simulation, trouble: Trouble) {
        world.control().inject(&Fault::Api { api: self.api, trouble, for_s: 1e6 });
    }
}

fn is_reached(standing: &Standing) -> bool {
    matches!(standing, Standing::Reached { .. })
}

fn is_apart(standing: &Standing) -> bool {
    matches!(standing, Standing::Apart { .. })
}

fn is_conflict(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::NotDone(fault) if fault.kind == FaultKind::Conflict)
}

#[tokio::test]
async fn a_look_changes_nothing_and_the_next_one_finds_the_same() {
    for subject in &SUBJECTS {
        let world = subject.world().await;
        let reconciler = (subject.make)(&world);
        let first = reconciler.look().await.unwrap();
        assert!(is_apart(&first), "{}: {first:?}", subject.name);
        assert_eq!(reconciler.look().await.unwrap(), first, "{}", subject.name);
        assert_eq!(world.control().truth().mutations, [], "{}", subject.name);
        let by_hand = reconciler.by_hand(Act::Run).unwrap();
        assert!(subject.by_hand.iter().all(|word| by_hand.contains(word)), "{}: {by_hand}", subject.name);
        world.stop().await;
    }
}

#[tokio::test]
async fn an_act_is_accepted_followed_by_looks_and_reached_by_the_worlds_own_word() {
    for subject in &SUBJECTS {
        let world = subject.world().await;
        let reconciler = (subject.make)(&world);
        let version = subject.apart(&*reconciler).await;
        (subject.ends)(&world, Ends::Never);
        let operation = subject.accepted(&*reconciler, &version, 1).await;
        let seen = reconciler.look().await.unwrap();
        let Standing::Underway(Underway { operation: followed, since: Some(_), .. }) = seen else { panic!("{}: {seen:?}", subject.name) };
        assert_eq!(followed, operation, "{}", subject.name);
        world.control().calm();
        subject.until_reached(&*reconciler).await;
        let ours = subject.ours(&world);
        let told: Vec<_> = ours.iter().map(|mutation| (mutation.method, mutation.actor.reason.as_deref())).collect();
        assert_eq!(told, [(subject.method, Some("cutover s1/1.0/ab12"))], "{}: the cloud's log names the intent once", subject.name);
        world.stop().await;
    }
}

#[tokio::test]
async fn an_act_against_what_is_not_so_any_more_changes_nothing() {
    for subject in &SUBJECTS {
        let world = subject.world().await;
        let reconciler = (subject.make)(&world);
        let version = subject.apart(&*reconciler).await;
        let unknown = Version("999999999".to_owned());
        let outcome = subject.run(&*reconciler, &unknown, 1).await;
        assert!(is_conflict(&outcome), "{}: {outcome:?}", subject.name);
        (subject.ends)(&world, Ends::Never);
        subject.accepted(&*reconciler, &version, 2).await;
        // While the vendor works on it, and once it is done.
        let outcome = subject.run(&*reconciler, &version, 3).await;
        assert!(is_conflict(&outcome), "{}: {outcome:?}", subject.name);
        world.control().calm();
        subject.until_reached(&*reconciler).await;
        let outcome = subject.run(&*reconciler, &version, 4).await;
        assert!(is_conflict(&outcome), "{}: {outcome:?}", subject.name);
        assert_eq!(subject.ours(&world).len(), 1, "{}: {:?}", subject.name, subject.ours(&world));
        world.stop().await;
    }
}

#[tokio::test]
async fn what_somebody_else_did_first_is_seen_and_not_done_again() {
    for subject in &SUBJECTS {
        let world = subject.world().await;
        let reconciler = (subject.make)(&world);
        let version = subject.apart(&*reconciler).await;
        (subject.ends)(&world, Ends::Never);
        (subject.outrun)(&world);
        let outcome = subject.run(&*reconciler, &version, 1).await;
        assert!(is_conflict(&outcome), "{}: {outcome:?}", subject.name);
        let seen = reconciler.look().await.unwrap();
        assert!(matches!(seen, Standing::Underway(_)), "{}: whoever asked for it: {seen:?}", subject.name);
        world.control().calm();
        subject.until_reached(&*reconciler).await;
        let outcome = subject.run(&*reconciler, &version, 2).await;
        assert!(is_conflict(&outcome), "{}: {outcome:?}", subject.name);
        assert_eq!(subject.ours(&world), [], "{}", subject.name);
        world.stop().await;
    }
}

#[tokio::test]
async fn an_act_whose_answer_is_lost_is_unknown_and_a_look_tells_what_came_of_it() {
    for subject in &SUBJECTS {
        let world = subject.world().await;
        let reconciler = (subject.make)(&world);
        let version = subject.apart(&*reconciler).await;
        subject.troubles(&world, Trouble::LostReplies);
        let outcome = subject.run(&*reconciler, &version, 1).await;
        assert!(matches!(outcome, Outcome::Unknown(_)), "{}: {outcome:?}", subject.name);
        world.control().calm();
        subject.until_reached(&*reconciler).await;
        assert_eq!(subject.ours(&world).len(), 1, "{}: sent once: {:?}", subject.name, subject.ours(&world));
        world.stop().await;
    }
}

#[tokio::test]
async fn a_server_that_fails_shows_nothing_and_does_nothing() {
    for subject in &SUBJECTS {
        let world = subject.world().await;
        let reconciler = (subject.make)(&world);
        let version = subject.apart(&*reconciler).await;
        subject.troubles(&world, Trouble::Unavailable);
        assert_eq!(reconciler.look().await.unwrap_err().kind, FaultKind::Unavailable, "{}", subject.name);
        let outcome = subject.run(&*reconciler, &version, 1).await;
        // Whoever looks once more before he acts knows that nothing has left; whoever does not can't tell.
        let (Outcome::NotDone(fault) | Outcome::Unknown(fault)) = &outcome else { panic!("{}: {outcome:?}", subject.name) };
        assert_eq!(fault.kind, FaultKind::Unavailable, "{}: {outcome:?}", subject.name);
        world.control().calm();
        assert_eq!(subject.apart(&*reconciler).await, version, "{}", subject.name);
        assert_eq!(subject.ours(&world), [], "{}", subject.name);
        world.stop().await;
    }
}

#[tokio::test]
async fn the_next_host_looks_and_follows_what_the_one_before_has_begun() {
    for subject in &SUBJECTS {
        let world = subject.world().await;
        let first = (subject.make)(&world);
        let version = subject.apart(&*first).await;
        (subject.ends)(&world, Ends::Never);
        let operation = subject.accepted(&*first, &version, 1).await;
        drop(first);
        let next = (subject.make)(&world);
        let seen = next.look().await.unwrap();
        assert!(matches!(&seen, Standing::Underway(work) if work.operation == operation), "{}: {seen:?}", subject.name);
        world.control().calm();
        subject.until_reached(&*next).await;
        assert_eq!(subject.ours(&world).len(), 1, "{}", subject.name);
        world.stop().await;
    }
}

#[tokio::test]
async fn a_permission_that_is_missing_is_told_and_with_it_the_same_act_is_done() {
    for subject in &SUBJECTS {
        let world = subject.world().await;
        let reconciler = (subject.make)(&world);
        let version = subject.apart(&*reconciler).await;
        world.control().inject(&Fault::Setup(Setup::Lacks { permission: subject.permission.to_owned() }));
        let outcome = subject.run(&*reconciler, &version, 1).await;
        assert!(matches!(&outcome, Outcome::NotDone(fault) if fault.kind == FaultKind::Forbidden), "{}: {outcome:?}", subject.name);
        assert_eq!(subject.apart(&*reconciler).await, version, "{}: a look needs less", subject.name);
        world.control().calm();
        subject.accepted(&*reconciler, &version, 2).await;
        subject.until_reached(&*reconciler).await;
        assert_eq!(subject.ours(&world).len(), 1, "{}", subject.name);
        world.stop().await;
    }
}

#[tokio::test]
async fn work_that_fails_is_named_and_never_called_reached() {
    for subject in &SUBJECTS {
        let world = subject.world().await;
        let reconciler = (subject.make)(&world);
        let version = subject.apart(&*reconciler).await;
        (subject.ends)(&world, Ends::Failing);
        let operation = subject.accepted(&*reconciler, &version, 1).await;
        let is_over =
            |standing: &Standing| matches!(standing, Standing::Apart { .. } | Standing::Foreign { .. } | Standing::Reached { .. });
        match subject.until(&*reconciler, "how it failed", is_over).await {
            Standing::Apart { failed: Some(failed), .. } => {
                let Failed { operation: named, why } = *failed;
                assert_eq!(named, operation, "{}", subject.name);
                assert!(subject.says_why(why.message.as_str()), "{}: {why:?}", subject.name);
            }
            // What is left of a thing that could not be made is in the way of the next try.
            Standing::Foreign { why } => assert!(subject.says_why(why.as_str()), "{}: {why}", subject.name),
            other => panic!("{}: {other:?}", subject.name),
        }
        world.stop().await;
    }
}

#[tokio::test]
async fn work_that_ends_well_and_changes_nothing_is_not_reached() {
    for subject in &SUBJECTS {
        let world = subject.world().await;
        let reconciler = (subject.make)(&world);
        let version = subject.apart(&*reconciler).await;
        (subject.ends)(&world, Ends::Hollow);
        subject.accepted(&*reconciler, &version, 1).await;
        let is_over =
            |standing: &Standing| matches!(standing, Standing::Apart { .. } | Standing::Foreign { .. } | Standing::Reached { .. });
        let seen = subject.until(&*reconciler, "the end of it", is_over).await;
        assert!(matches!(&seen, Standing::Apart { failed: None, .. } | Standing::Foreign { .. }), "{}: {seen:?}", subject.name);
        world.stop().await;
    }
}

#[tokio::test]
async fn what_was_done_is_taken_back_or_never_touched() {
    for subject in &SUBJECTS {
        let world = subject.world().await;
        let reconciler = (subject.make)(&world);
        let before = reconciler.look().await.unwrap();
        let Standing::Apart { version, changes, .. } = before else { panic!("{}: {before:?}", subject.name) };
        subject.accepted(&*reconciler, &version, 1).await;
        let reached = subject.until_reached(&*reconciler).await;
        let undone = |version| {
            let (reconciler, version) = (reconciler.clone(), version);
            async move { reconciler.act(Act::Undo, &version, &intent(2)).await }
        };
        match subject.undo {
            Undo::ByAct(method) => {
                assert!(is_conflict(&undone(version).await), "{}: against what is seen and nothing older", subject.name);
                let outcome = undone(reached).await;
                assert!(matches!(outcome, Outcome::Done(_)), "{}: {outcome:?}", subject.name);
                let after = subject.until(&*reconciler, "as it was", is_apart).await;
                assert!(matches!(&after, Standing::Apart { changes: now, .. } if *now == changes), "{}: {after:?}", subject.name);
                let methods: Vec<_> = subject.ours(&world).iter().map(|mutation| mutation.method).collect();
                assert_eq!(methods, [subject.method, method], "{}", subject.name);
                assert!(reconciler.by_hand(Act::Undo).is_some(), "{}", subject.name);
            }
            Undo::Never => {
                let outcome = undone(reached).await;
                assert!(
                    matches!(&outcome, Outcome::NotDone(fault) if fault.kind == FaultKind::Unsupported),
                    "{}: {outcome:?}",
                    subject.name
                );
                assert!(is_reached(&reconciler.look().await.unwrap()), "{}", subject.name);
                assert_eq!((subject.ours(&world).len(), reconciler.by_hand(Act::Undo)), (1, None), "{}", subject.name);
            }
        }
        world.stop().await;
    }
}
