//! The second platform's steps against the world: a cluster and an address, from nothing to done, and whatever comes between.

use std::time::Duration;

use cutover::{
    adapter::{
        address::AddressStep,
        cloud_run::{
            ServiceName,
            floor::{FloorConfig, FloorStep},
        },
        gke_cluster::GkeClusterStep,
    },
    domain::{
        cluster::{Autoscaling, ReleaseChannel, WantedCluster},
        fault::{FaultKind, Outcome, Version},
        shown::Shown,
        standing::{Act, Change, Standing, Underway},
        weight::PerMille,
    },
    port::Reconciler,
    sim::{
        faults::{
            Api, Fault, Scaling, Trouble,
            platform::{Ending, PlatformFault},
        },
        simulation::{Config, Simulation},
        world::{actor::Actor, addresses, audit::Mutation},
    },
};

use super::{google, intent};

/// A creation of six minutes takes two thirds of a second.
const SPEED: f64 = 540.0;

async fn world() -> Simulation {
    Simulation::start(Config { speed: SPEED, ..Config::default() }).await.expect("loopback ports are to be had")
}

/// As the seed asks for it.
fn seed(name: &str) -> WantedCluster {
    WantedCluster {
        name: name.into(),
        location: "us-central1".into(),
        zones: ["a", "b", "c"].map(|zone| Shown::new(&format!("us-central1-{zone}"))).to_vec(),
        machine_type: "e2-standard-2".into(),
        nodes_per_zone: 3,
        autoscaling: Some(Autoscaling::PerZone { min: 3, max: 6 }),
        channel: Some(ReleaseChannel::Regular),
        workload_pool: Some("hexproperty.svc.id.goog".into()),
        node_price: None,
    }
}

/// As the one is that was there before.
fn adopted() -> WantedCluster {
    WantedCluster { nodes_per_zone: 2, autoscaling: Some(Autoscaling::PerZone { min: 1, max: 4 }), ..seed("hexproperty-prod") }
}

fn cluster(world: &Simulation, wanted: WantedCluster) -> GkeClusterStep {
    GkeClusterStep::new("hexproperty".to_owned(), wanted, google(world))
}

fn address(world: &Simulation, region: Option<&str>) -> AddressStep {
    AddressStep::new("hexproperty".to_owned(), "hexproperty-ip".to_owned(), region.map(str::to_owned), google(world))
}

fn floor(world: &Simulation, instances: u32) -> FloorStep {
    let service = ServiceName { project: "hexproperty".to_owned(), region: "us-central1".to_owned(), service: "frontend".to_owned() };
    FloorStep::new(FloorConfig { service, instances, afterwards: 1 }, google(world))
}

fn struck(world: &Simulation, fault: PlatformFault) {
    world.control().inject(&Fault::Platform(fault));
}

fn troubled(world: &Simulation, api: Api, trouble: Trouble) {
    world.control().inject(&Fault::Api { api, trouble, for_s: 100_000.0 });
}

fn mutations(world: &Simulation) -> Vec<Mutation> {
    world.control().truth().mutations
}

fn apart(standing: &Standing) -> (Version, Vec<Change>) {
    let Standing::Apart { version, changes, .. } = standing else { panic!("{standing:?}") };
    (version.clone(), changes.clone())
}

fn told<'a>(changes: &'a [Change]) -> Vec<(&'a str, Option<&'a str>, Option<&'a str>)> {
    let text = |shown: &'a Option<Shown>| shown.as_ref().map(Shown::as_str);
    changes.iter().map(|change| (change.what.as_str(), text(&change.from), text(&change.to))).collect()
}

/// Looks again and again until it is so, and gives every look.
async fn until(step: &dyn Reconciler, what: &str, wanted: impl Fn(&Standing) -> bool) -> Vec<Standing> {
    let mut seen = Vec::new();
    for _ in 0..600 {
        let standing = step.look().await.unwrap();
        let is_it = wanted(&standing);
        seen.push(standing);
        if is_it {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} never came; the last look saw {:?}", seen.last())
}

fn reached(standing: &Standing) -> bool {
    matches!(standing, Standing::Reached { .. })
}

fn known(standing: &Standing, name: &str) -> String {
    let Standing::Reached { evidence, .. } = standing else { panic!("{standing:?}") };
    evidence.iter().find(|known| known.what.as_str() == name).map_or_else(String::new, |known| known.value.to_string())
}

fn accepted(outcome: &Outcome) -> Shown {
    let Outcome::Done(receipt) = outcome else { panic!("{outcome:?}") };
    receipt.operation.clone().unwrap()
}

fn refused(outcome: &Outcome) -> (FaultKind, &str) {
    let Outcome::NotDone(fault) = outcome else { panic!("{outcome:?}") };
    (fault.kind, fault.message.as_str())
}

#[tokio::test]
async fn a_cluster_is_made_once_and_followed_to_its_end() {
    let world = world().await;
    let step = cluster(&world, seed("hexproperty-blue"));
    let (version, changes) = apart(&step.look().await.unwrap());
    assert!(
        told(&changes).starts_with(&[
            ("cluster", None, Some("hexproperty-blue in us-central1")),
            ("locations", None, Some("us-central1-a us-central1-b us-central1-c")),
            ("nodes", None, Some("9 (3 × 3 zones)")),
            ("machineType", None, Some("e2-standard-2")),
            ("autoscaling", None, Some("9–18 (3–6 × 3 zones)")),
        ]),
        "{changes:?}"
    );
    let operation = accepted(&step.act(Act::Run, &version, &intent(1)).await);
    let again = step.act(Act::Run, &version, &intent(2)).await;
    assert_eq!(refused(&again).0, FaultKind::Conflict, "{again:?}");
    let looks = until(&step, "the cluster", reached).await;
    let (last, before) = looks.split_last().unwrap();
    let mut progress: Vec<Option<PerMille>> = Vec::new();
    for look in before {
        let Standing::Underway(Underway { operation: name, since: Some(_), progress: so_far, doing: Some(doing) }) = look else {
            panic!("{look:?}")
        };
        assert_eq!(*name, operation);
        assert!(doing.as_str().starts_with("CREATE_CLUSTER: CLUSTER_"), "{doing}");
        progress.push(*so_far);
    }
    assert!(progress.is_sorted() && progress.iter().all(Option::is_some), "{progress:?}");
    assert_eq!((known(last, "machineType").as_str(), known(last, "autoscaling").as_str()), ("e2-standard-2", "9–18 (3–6 × 3 zones)"));
    assert_eq!(mutations(&world).len(), 1, "{:?}", mutations(&world));
    assert_eq!(refused(&step.act(Act::Undo, last.version().unwrap(), &intent(3)).await).0, FaultKind::Unsupported);
    world.stop().await;
}

#[tokio::test]
async fn a_cluster_that_fits_is_taken_as_it_is_and_one_that_goes_is_missed() {
    let world = world().await;
    let step = cluster(&world, adopted());
    let standing = step.look().await.unwrap();
    assert_eq!(known(&standing, "status"), "RUNNING");
    let nothing = step.act(Act::Run, standing.version().unwrap(), &intent(1)).await;
    assert_eq!(refused(&nothing).0, FaultKind::Conflict);
    assert!(mutations(&world).is_empty());
    struck(&world, PlatformFault::Upgrading);
    let Standing::Underway(work) = step.look().await.unwrap() else { panic!("an upgrade is no end") };
    assert_eq!(work.doing, Some("UPGRADE_MASTER".into()));
    until(&step, "the end of the upgrade", reached).await;
    struck(&world, PlatformFault::ClusterGone);
    assert!(matches!(step.look().await.unwrap(), Standing::Apart { .. }));
    world.stop().await;
}

#[tokio::test]
async fn what_one_request_can_change_is_changed_against_what_was_seen() {
    let world = world().await;
    let step = cluster(&world, WantedCluster { autoscaling: Some(Autoscaling::InAll { min: 9, max: 18 }), ..adopted() });
    let (version, changes) = apart(&step.look().await.unwrap());
    assert_eq!(told(&changes), [("autoscaling", Some("3–12 (1–4 × 3 zones)"), Some("9–18"))]);
    struck(&world, PlatformFault::Rescaled { min: 1, max: 2 });
    let stale = step.act(Act::Run, &version, &intent(1)).await;
    assert_eq!(refused(&stale).0, FaultKind::Conflict, "somebody else was quicker");
    assert!(mutations(&world).is_empty());
    let (version, changes) = apart(&step.look().await.unwrap());
    assert_eq!(told(&changes), [("autoscaling", Some("3–6 (1–2 × 3 zones)"), Some("9–18"))]);
    accepted(&step.act(Act::Run, &version, &intent(2)).await);
    let Standing::Underway(work) = step.look().await.unwrap() else { panic!("a change takes its time") };
    assert_eq!(work.doing, Some("UPDATE_CLUSTER".into()));
    let looks = until(&step, "the other bounds", reached).await;
    assert_eq!(known(looks.last().unwrap(), "autoscaling"), "9–18");
    world.stop().await;
}

#[tokio::test]
async fn what_no_act_makes_fit_is_said() {
    let world = world().await;
    let foreign = async |wanted| {
        let Standing::Foreign { why } = cluster(&world, wanted).look().await.unwrap() else { panic!("it does not fit") };
        why.to_string()
    };
    let machine = WantedCluster { machine_type: "e2-standard-8".into(), ..adopted() };
    assert_eq!(
        foreign(machine).await,
        "the nodes of default-pool are e2-standard-2 and not e2-standard-8; to change it makes every node anew"
    );
    let two = WantedCluster { channel: Some(ReleaseChannel::Stable), ..seed("hexproperty-prod") };
    assert!(foreign(two).await.starts_with("it differs in autoscaling and releaseChannel"));
    let pool = WantedCluster { workload_pool: Some("another-one.svc.id.goog".into()), ..adopted() };
    assert!(foreign(pool).await.starts_with("its workload pool is hexproperty.svc.id.goog and not another-one.svc.id.goog"));
    struck(&world, PlatformFault::Degraded);
    assert!(foreign(adopted()).await.starts_with("DEGRADED: GKE_SERVICE_ACCOUNT_DELETED: "));
    world.control().calm();
    assert!(reached(&cluster(&world, adopted()).look().await.unwrap()));
    world.stop().await;
}

#[tokio::test]
async fn a_creation_that_fails_says_why_before_and_after_its_wreck_is_gone() {
    let world = world().await;
    let step = cluster(&world, seed("hexproperty-blue"));
    struck(&world, PlatformFault::NoQuota);
    let (version, _) = apart(&step.look().await.unwrap());
    let turned_away = step.act(Act::Run, &version, &intent(1)).await;
    let (kind, message) = refused(&turned_away);
    assert!(kind == FaultKind::Forbidden && message.contains("resource \"CPUS\": request requires '18.0'"), "{message}");
    world.control().calm();
    struck(&world, PlatformFault::ClusterWork { ending: Ending::Failing });
    let operation = accepted(&step.act(Act::Run, &version, &intent(2)).await);
    let looks = until(&step, "the stockout", |standing| matches!(standing, Standing::Foreign { .. })).await;
    let Some(Standing::Foreign { why }) = looks.last() else { unreachable!() };
    assert!(why.as_str().starts_with("ERROR: GCE_STOCKOUT: Try a different location"), "{why}");
    let looks = until(&step, "the end of the wreck", |standing| matches!(standing, Standing::Apart { .. })).await;
    let Some(Standing::Apart { version: next, failed: Some(failed), .. }) = looks.last() else { panic!("{:?}", looks.last()) };
    assert_eq!(failed.operation, operation);
    assert!(failed.why.message.as_str().contains("does not have enough resources available"), "{failed:?}");
    assert_ne!(*next, version, "whoever agreed to the first try has not agreed to the second");
    world.control().calm();
    accepted(&step.act(Act::Run, next, &intent(3)).await);
    until(&step, "the second try", reached).await;
    world.stop().await;
}

#[tokio::test]
async fn a_creation_that_hangs_stays_under_way() {
    let world = world().await;
    let step = cluster(&world, seed("hexproperty-blue"));
    struck(&world, PlatformFault::ClusterWork { ending: Ending::Never });
    let (version, _) = apart(&step.look().await.unwrap());
    accepted(&step.act(Act::Run, &version, &intent(1)).await);
    let far = PerMille::new(500).unwrap();
    let is_far = |standing: &Standing| matches!(standing, Standing::Underway(work) if work.progress >= Some(far));
    until(&step, "its second stage", is_far).await;
    let looks = until(&step, "nothing", |_| true).await;
    assert!(matches!(looks.last(), Some(Standing::Underway(work)) if work.progress < PerMille::new(1000).ok()), "{looks:?}");
    world.control().calm();
    until(&step, "the cluster", reached).await;
    world.stop().await;
}

/// Each step, from nothing, with an API that fails it.
#[tokio::test]
async fn an_api_that_fails_is_never_taken_for_done_and_never_asked_twice() {
    for (api, is_cluster) in [(Api::Container, true), (Api::Compute, false)] {
        let world = world().await;
        let step: Box<dyn Reconciler> =
            if is_cluster { Box::new(cluster(&world, seed("hexproperty-blue"))) } else { Box::new(address(&world, None)) };
        let (version, _) = apart(&step.look().await.unwrap());
        troubled(&world, api, Trouble::Unavailable);
        assert_eq!(step.look().await.unwrap_err().kind, FaultKind::Unavailable);
        assert_eq!(refused(&step.act(Act::Run, &version, &intent(1)).await).0, FaultKind::Unavailable, "nothing had left");
        world.control().calm();
        troubled(&world, api, Trouble::ReadOnly);
        assert_eq!(refused(&step.act(Act::Run, &version, &intent(2)).await).0, FaultKind::Forbidden);
        world.control().calm();
        assert!(mutations(&world).is_empty());
        troubled(&world, api, Trouble::LostReplies);
        let lost = step.act(Act::Run, &version, &intent(3)).await;
        assert!(matches!(lost, Outcome::Unknown(_)), "{lost:?}");
        world.control().calm();
        until(&*step, "what was begun", reached).await;
        assert_eq!(mutations(&world).len(), 1, "{:?}", mutations(&world));
        world.stop().await;
    }
}

#[tokio::test]
async fn an_address_is_reserved_kept_while_it_is_used_and_given_back() {
    for region in [None, Some("us-central1")] {
        let world = world().await;
        let step = address(&world, region);
        let (version, changes) = apart(&step.look().await.unwrap());
        let place = region.map_or_else(|| "global".to_owned(), |region| format!("regions/{region}"));
        assert_eq!(told(&changes), [("address", None, Some(format!("{place}/addresses/hexproperty-ip").as_str()))]);
        let operation = accepted(&step.act(Act::Run, &version, &intent(1)).await);
        let looks = until(&step, "the address", reached).await;
        let is_ours = |standing: &&Standing| matches!(standing, Standing::Underway(work) if work.operation == operation);
        assert!(looks.iter().filter(|standing| !reached(standing)).all(|standing| is_ours(&standing)), "{looks:?}");
        let standing = looks.last().unwrap();
        assert_eq!((known(standing, "status").as_str(), known(standing, "address").as_str()), ("RESERVED", "203.0.113.10"));
        let again = step.act(Act::Run, &version, &intent(2)).await;
        assert_eq!(refused(&again).0, FaultKind::Conflict);
        let user = format!("https://www.googleapis.com/compute/v1/projects/hexproperty/{place}/forwardingRules/hexproperty-https");
        world.control().with(|world| world.addresses.occupy("hexproperty-ip", &user));
        let used = step.look().await.unwrap();
        assert_eq!(known(&used, "status"), "IN_USE");
        let kept = step.act(Act::Undo, used.version().unwrap(), &intent(3)).await;
        assert!(refused(&kept).1.contains("forwardingRules/hexproperty-https"), "{kept:?}");
        world.control().with(|world| world.addresses.vacate("hexproperty-ip"));
        accepted(&step.act(Act::Undo, used.version().unwrap(), &intent(4)).await);
        until(&step, "its end", |standing| matches!(standing, Standing::Apart { failed: None, .. })).await;
        world.stop().await;
    }
}

#[tokio::test]
async fn an_address_that_somebody_else_reserved_is_taken_and_never_given_back() {
    let world = world().await;
    world.control().with(|world| {
        let wanted = addresses::Wanted { name: "hexproperty-ip", description: "", kind: "EXTERNAL", request: None };
        world.addresses.insert(addresses::Scope::Global, wanted, &Actor::person("dana.ops@hexproperty.com")).unwrap();
    });
    let step = address(&world, None);
    let looks = until(&step, "the address", reached).await;
    let version = looks.last().unwrap().version().unwrap().clone();
    let kept = step.act(Act::Undo, &version, &intent(1)).await;
    assert!(refused(&kept).1.contains("was not reserved here"), "{kept:?}");
    let stale = step.act(Act::Undo, &Version("1".to_owned()), &intent(2)).await;
    assert_eq!(refused(&stale).0, FaultKind::Conflict);
    assert!(reached(&step.look().await.unwrap()) && mutations(&world).is_empty());
    world.stop().await;
}

#[tokio::test]
async fn an_address_beyond_the_quota_is_told_and_an_internal_one_is_foreign() {
    let world = world().await;
    struck(&world, PlatformFault::AddressWork { ending: Ending::Failing });
    let step = address(&world, None);
    let (version, _) = apart(&step.look().await.unwrap());
    let operation = accepted(&step.act(Act::Run, &version, &intent(1)).await);
    let looks = until(&step, "the end of the try", |standing| matches!(standing, Standing::Apart { .. })).await;
    let Some(Standing::Apart { failed: Some(failed), .. }) = looks.last() else { panic!("{looks:?}") };
    assert_eq!((&failed.operation, failed.why.message.as_str().starts_with("QUOTA_EXCEEDED: ")), (&operation, true));
    world.control().calm();
    world.control().with(|world| {
        let wanted = addresses::Wanted { name: "hexproperty-ip", description: "", kind: "INTERNAL", request: None };
        world.addresses.insert(addresses::Scope::Global, wanted, &Actor::person("dana.ops@hexproperty.com")).unwrap();
    });
    assert!(matches!(step.look().await.unwrap(), Standing::Foreign { why } if why.as_str().ends_with("is INTERNAL")));
    world.stop().await;
}

#[tokio::test]
async fn home_keeps_its_instances_without_a_new_revision_and_lets_them_go() {
    let world = world().await;
    let revision = |world: &Simulation| world.control().with(|world| world.cloud_run.service("frontend").unwrap().latest().to_owned());
    let (step, before) = (floor(&world, 18), revision(&world));
    let (version, changes) = apart(&step.look().await.unwrap());
    assert_eq!(told(&changes), [("scaling.minInstanceCount", Some("0"), Some("18"))]);
    let operation = accepted(&step.act(Act::Run, &version, &intent(1)).await);
    let looks = until(&step, "the floor", reached).await;
    for look in looks.iter().filter(|look| !reached(look)) {
        assert!(matches!(look, Standing::Underway(work) if work.operation == operation), "{look:?}");
    }
    assert_eq!((known(looks.last().unwrap(), "scaling.minInstanceCount").as_str(), revision(&world)), ("18", before.clone()));
    for _ in 0..600 {
        if world.control().truth().run_instances >= 18 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(world.control().truth().run_instances, 18, "they are really there");
    let stale = step.act(Act::Undo, &version, &intent(2)).await;
    assert_eq!(refused(&stale).0, FaultKind::Conflict);
    accepted(&step.act(Act::Undo, looks.last().unwrap().version().unwrap(), &intent(3)).await);
    let looks = until(&step, "as it was to be", |standing| matches!(standing, Standing::Apart { .. })).await;
    assert_eq!(told(&apart(looks.last().unwrap()).1), [("scaling.minInstanceCount", Some("1"), Some("18"))]);
    assert_eq!((mutations(&world).len(), revision(&world)), (2, before));
    world.stop().await;
}

#[tokio::test]
async fn a_floor_is_set_against_what_was_seen_and_not_under_a_hand() {
    let world = world().await;
    let step = floor(&world, 6);
    let (version, _) = apart(&step.look().await.unwrap());
    world.control().inject(&Fault::Deployed { percent: 10 });
    let stale = step.act(Act::Run, &version, &intent(1)).await;
    assert_eq!(refused(&stale).0, FaultKind::Conflict);
    world.control().inject(&Fault::Scaling(Scaling::Manual { instances: 3 }));
    let looks = until(&step, "the hand", |standing| matches!(standing, Standing::Foreign { .. })).await;
    assert!(matches!(looks.last(), Some(Standing::Foreign { why }) if why.as_str().contains("MANUAL")));
    world.stop().await;
}
