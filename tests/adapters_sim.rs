//! The adapters against the simulated world, over real sockets: two parties that share no wire types must agree on the wire.

#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::print_stdout, clippy::wildcard_enum_match_arm, reason = "a surprise fails")]

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use cutover::{
    adapter::{
        Now,
        cloud_run::{self, Backs, RevisionsDriver, ServiceName, ServiceSensor},
        cloud_sql::{self, CloudSqlSensor},
        google_auth::Token,
        http::{Ask, Client, Limits, Origin, Reach},
        metrics::{self, MetricsSensor},
        prober::{BackendConfig, BackendProber, FrontDoorConfig, FrontDoorProber, Pace},
        url_map::UrlMapDriver,
    },
    domain::{
        answer::Expect,
        database::{Broken, Movement, Serving},
        fact::{Fact, ReplicaState, Replication, Writable},
        fault::{FaultKind, Outcome, Version},
        hindrance::Hindrance,
        id::{BackendId, EffectId, Seq},
        metric::{Basis, Gap, Metric, Sample},
        platform::{RevisionState, Scale, Workload},
        secret::Secret,
        time::{Millis, Timestamp},
        weight::{PerMille, Weights},
    },
    port::{Change, Driver, Intent, Sensor, Taken},
    sim::{
        faults::{self, Api, Damage, Edit, Fault, Scaling, Trouble},
        simulation::{Config, Simulation},
        world::{Leg, sql::instance::Engine},
    },
};

/// Virtual seconds in a real one: operations and scrapes of half a minute pass in fractions of a second.
const SPEED: f64 = 40.0;

#[path = "adapters_sim/conformance.rs"]
mod conformance;
#[path = "adapters_sim/gateway.rs"]
mod gateway;
#[path = "adapters_sim/old_reads.rs"]
mod old_reads;
#[path = "adapters_sim/platform.rs"]
mod platform;
#[path = "adapters_sim/steering.rs"]
mod steering;
#[path = "adapters_sim/steps.rs"]
mod steps;

use steering::driver;

async fn world() -> Simulation {
    Simulation::start(Config { speed: SPEED, ..Config::default() }).await.expect("loopback ports are to be had")
}

fn origin(address: SocketAddr) -> Origin {
    Origin::new(&format!("http://{address}"), Reach::Loopback).unwrap()
}

fn google(world: &Simulation) -> Client {
    Client::new(origin(world.endpoints().google), Token::Static(Secret::new("cutover-demo"))).unwrap()
}

fn now(world: &Simulation) -> Now {
    let clock = world.clock();
    Arc::new(move || Timestamp(clock.now_ms()))
}

fn id(name: &str) -> BackendId {
    name.parse().unwrap()
}

fn split(gke: u16) -> Weights {
    let share = |share| PerMille::new(share).unwrap();
    Weights::new(BTreeMap::from([(id("run"), share(1000 - gke)), (id("gke"), share(gke))])).unwrap()
}

fn to(to: &Weights) -> Change<'_> {
    Change::Split { to, claim: None }
}

fn intent(seq: u64) -> Intent {
    let effect = EffectId { seq: Seq(seq), index: 0 };
    Intent { session: "s1".to_owned(), effect, first: effect, head: "ab12".to_owned() }
}

#[tokio::test]
async fn the_url_map_moves_by_compare_and_set() {
    let world = world().await;
    let driver = driver(&world);
    let before = driver.read().await.unwrap();
    assert_eq!((before.weights.clone(), before.hindrances.clone()), (split(0), vec![]));
    let first = driver.write(to(&split(50)), &before.version, &intent(1), Taken::told().0).await.outcome;
    let Outcome::Done(receipt) = first else { panic!("{first:?}") };
    assert!(receipt.operation.is_some());
    let after = driver.read().await.unwrap();
    assert_eq!((Some(after.version.clone()), after.weights), (receipt.version, split(50)));
    assert!(world.control().truth().accepted.contains(&("frontend-gke".to_owned(), 50)));
    let stale = driver.write(to(&split(250)), &before.version, &intent(2), Taken::told().0).await.outcome;
    assert!(matches!(&stale, Outcome::NotDone(fault) if fault.kind == FaultKind::Conflict), "{stale:?}");
    world.stop().await;
}

#[tokio::test]
async fn a_lost_reply_is_resolved_by_reading_and_done_once() {
    let world = world().await;
    let driver = driver(&world);
    let before = driver.read().await.unwrap();
    world.control().inject(&faults::Fault::Api { api: Api::Compute, trouble: Trouble::LostReplies, for_s: 20.0 });
    let outcome = driver.write(to(&split(100)), &before.version, &intent(3), Taken::told().0).await.outcome;
    let truth = world.control().truth();
    assert_eq!(truth.mutations.iter().filter(|mutation| mutation.actor.reason.is_some()).count(), 1, "{:?}", truth.mutations);
    assert!(!matches!(outcome, Outcome::NotDone(_)), "{outcome:?} although the world holds {:?}", truth.accepted);
    world.stop().await;
}

#[tokio::test]
async fn an_unavailable_api_leaves_a_write_unknown_and_a_read_faulty() {
    let world = world().await;
    let driver = driver(&world);
    let before = driver.read().await.unwrap();
    world.control().inject(&faults::Fault::Api { api: Api::Compute, trouble: Trouble::Unavailable, for_s: 600.0 });
    assert_eq!(driver.read().await.unwrap_err().kind, FaultKind::Unavailable);
    let outcome = driver.write(to(&split(100)), &before.version, &intent(4), Taken::told().0).await.outcome;
    assert!(matches!(&outcome, Outcome::Unknown(fault) if fault.kind == FaultKind::Unavailable), "{outcome:?}");
    world.stop().await;
}

/// Somebody else moves the weights, and no other name is told until the log tells that one.
async fn eve_is_named(world: &Simulation, driver: &UrlMapDriver) {
    world.control().inject(&faults::Fault::ForeignWriter { gke_per_mille: 300, principal: "eve@hexproperty.com".to_owned() });
    for _ in 0..100 {
        let seen = driver.read().await.unwrap();
        assert_eq!(seen.weights, split(300));
        if let Some(actor) = seen.actor {
            assert_eq!(actor.as_str(), "eve@hexproperty.com");
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    }
    panic!("the log never told");
}

#[tokio::test]
async fn somebody_elses_change_is_seen_with_their_name() {
    let world = world().await;
    let driver = driver(&world);
    driver.read().await.unwrap();
    eve_is_named(&world, &driver).await;
    world.stop().await;
}

#[tokio::test]
async fn a_change_right_after_ours_is_never_called_ours() {
    let world = Simulation::start(Config { speed: 10.0, ..Config::default() }).await.unwrap();
    let driver = driver(&world);
    let before = driver.read().await.unwrap();
    assert!(matches!(driver.write(to(&split(50)), &before.version, &intent(6), Taken::told().0).await.outcome, Outcome::Done(_)));
    // The log shows a change three seconds late: for as long, its newest entry is the one of our write.
    eve_is_named(&world, &driver).await;
    world.stop().await;
}

#[tokio::test]
async fn a_scraped_backend_gives_figures_once_its_window_is_full() {
    let world = world().await;
    let address = origin(world.endpoints().run_direct);
    let url = address.at(&["metrics"]);
    let config = metrics::Config::new("scrape/run".parse().unwrap(), id("run"), url, Millis::from_secs(2), now(&world));
    let mut sensor = MetricsSensor::new(config, Client::new(address, Token::None).unwrap());
    let mut first = None;
    for _ in 0..200 {
        let facts = sensor.look().await.unwrap();
        let [Fact::Measured { backend, values }, ..] = facts.as_slice() else { panic!("{facts:?}") };
        assert_eq!(*backend, id("run"));
        assert_eq!(values.len(), Metric::STANDARD.len());
        first.get_or_insert(values[&Metric::RequestRate]);
        if let (Ok(rate), Ok(errors), Ok(p95)) = (values[&Metric::RequestRate], values[&Metric::ErrorRate], values[&Metric::P95Latency]) {
            assert_eq!(first, Some(Err(Gap::TooEarly)));
            assert!((60.0..240.0).contains(&rate.value), "{rate:?}");
            assert!(errors.value < 0.02 && errors.requests > 1000, "{errors:?}");
            assert!((50.0..600.0).contains(&p95.value), "{p95:?}");
            return world.stop().await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the window never filled");
}

/// What the scraper says of `metric` of Cloud Run under this fault, after so many looks, of which 14 are a window and a half.
async fn under(looks: usize, fault: faults::Fault, metric: Metric) -> Result<Sample, Gap> {
    // A long page takes a busy machine a while, in which the window must not run out.
    let speed = if matches!(fault, faults::Fault::Metrics { damage: Damage::Large, .. }) { 8.0 } else { 40.0 };
    let world = Simulation::start(Config { speed, ..Config::default() }).await.unwrap();
    world.control().inject(&faults::Fault::Errors { leg: Leg::Run, rate: 0.5 });
    world.control().inject(&fault);
    let address = origin(world.endpoints().run_direct);
    let url = address.at(&["metrics"]);
    let mut config = metrics::Config::new("scrape/run".parse().unwrap(), id("run"), url, Millis::from_secs(5), now(&world));
    config.must_tell = [(Metric::P95Latency, 1000.0)].into();
    config.twins = if matches!(fault, faults::Fault::Metrics { damage: Damage::Alike, .. }) { 24 } else { 0 };
    let mut sensor = MetricsSensor::new(config, Client::new(address, Token::None).unwrap());
    let mut told = Err(Gap::TooEarly);
    for _ in 0..looks {
        told = match sensor.look().await {
            Ok(facts) => {
                let [Fact::Measured { values, .. }, ..] = facts.as_slice() else { panic!("{facts:?}") };
                values[&metric]
            }
            Err(fault) => Err(fault.kind.into()),
        };
        tokio::time::sleep(std::time::Duration::from_secs_f64(5.0 / speed)).await;
    }
    world.stop().await;
    told
}

/// Half of all answers are errors, whatever the page makes of it: the right figure, or a gap that says why there is none.
#[tokio::test]
async fn each_way_in_which_a_page_lies_has_its_name() {
    let page = |damage| faults::Fault::Metrics { leg: Leg::Run, damage };
    let errors = async |fault| under(14, fault, Metric::ErrorRate).await;
    let crashing = faults::Fault::CrashLoop { leg: Leg::Run, every_s: 25.0 };
    let right = tokio::join!(
        errors(page(Damage::None)),
        errors(page(Damage::Seconds)),
        errors(page(Damage::NewSeries)),
        errors(page(Damage::LowBuckets)),
        errors(crashing),
    );
    for seen in <[_; 5]>::from(right) {
        let sample = seen.unwrap();
        assert!((0.4..0.6).contains(&sample.value) && matches!(sample.basis, Basis::Counted { failed } if failed > 100), "{sample:?}");
    }
    let gaps = tokio::join!(
        errors(page(Damage::NoStatus)),
        errors(page(Damage::WordStatus)),
        errors(page(Damage::TwoStatuses)),
        errors(page(Damage::StampsStandStill)),
        errors(page(Damage::StandsStill)),
        errors(page(Damage::Workers)),
        errors(page(Damage::Alike)),
        under(14, page(Damage::LowBuckets), Metric::P95Latency),
    );
    let names = [
        Gap::StatusNotTold,
        Gap::StatusNotTold,
        Gap::StatusAmbiguous,
        Gap::Stale,
        Gap::LowVolume,
        Gap::SeveralProcesses,
        Gap::SeveralProcesses,
        Gap::TopBucketLow,
    ];
    assert_eq!(<[_; 8]>::from(gaps), names.map(Err));
}

/// What is not read of a page costs no figure; what can't be read of it has a name, and the host is asked for no more memory.
#[tokio::test]
async fn a_page_beyond_a_limit_has_its_name_and_a_long_one_its_figure() {
    let page = |damage| faults::Fault::Metrics { leg: Leg::Run, damage };
    assert_eq!(under(1, page(Damage::LongLine), Metric::RequestRate).await, Err(Gap::LineTooLong));
    assert_eq!(under(1, page(Damage::ManySeries), Metric::RequestRate).await, Err(Gap::TooManySeries));
    assert_eq!(under(1, page(Damage::Endless), Metric::RequestRate).await, Err(Gap::PageTooLong));
    assert_eq!(under(1, page(Damage::Bomb), Metric::RequestRate).await, Err(Gap::PageTooLong));
    assert!((0.4..0.6).contains(&under(14, page(Damage::Large), Metric::ErrorRate).await.unwrap().value));
}

#[tokio::test]
async fn probers_see_who_answers() {
    let world = world().await;
    let pace = Pace { every: Millis::from_secs(2), requests: 24, concurrency: 8 };
    let front = origin(world.endpoints().front_door);
    let config = FrontDoorConfig {
        source: "prober/frontend".parse().unwrap(),
        route: "frontend".parse().unwrap(),
        url: front.at(&[""]),
        served_by: "x-served-by".parse().unwrap(),
        marks: BTreeMap::from([("run".to_owned(), id("run")), ("gke".to_owned(), id("gke"))]),
        text: None,
        pace,
        now: now(&world),
    };
    let mut prober = FrontDoorProber::new(config, Client::fresh(front).unwrap());
    let facts = prober.look().await.unwrap();
    let [Fact::Served(served)] = facts.as_slice() else { panic!("{facts:?}") };
    assert_eq!((served.by_backend[&id("run")] + served.dropped, served.by_backend[&id("gke")], served.unmarked), (24, 0, 0));
    world.control().inject(&faults::Fault::FrontDoorDrops { fraction: 1.0 });
    let facts = prober.look().await.unwrap();
    let [Fact::Served(served)] = facts.as_slice() else { panic!("{facts:?}") };
    assert_eq!(served.dropped, 24, "{served:?}");
    let direct = origin(world.endpoints().gke_direct);
    let config = BackendConfig {
        source: "probe/gke".parse().unwrap(),
        backend: id("gke"),
        url: direct.at(&["ready"]),
        expect: Expect::success(),
        pace,
    };
    let facts = BackendProber::new(config, Client::fresh(direct).unwrap()).look().await.unwrap();
    let [Fact::Probed(probed)] = facts.as_slice() else { panic!("{facts:?}") };
    assert_eq!((probed.sent, probed.failed, probed.dropped), (24, 0, 0));
    assert!(probed.slowest_ms.is_some());
    world.stop().await;
}

#[tokio::test]
async fn a_stale_version_writes_nothing() {
    let world = world().await;
    let outcome = driver(&world).write(to(&split(100)), &Version("c3RhbGU=".to_owned()), &intent(5), Taken::told().0).await.outcome;
    assert!(matches!(&outcome, Outcome::NotDone(fault) if fault.kind == FaultKind::Conflict), "{outcome:?}");
    assert!(world.control().truth().mutations.is_empty());
    world.stop().await;
}

fn edited(world: &Simulation, edit: Edit) {
    world.control().inject(&faults::Fault::Edit { edit, principal: "dana.ops@hexproperty.com".to_owned() });
}

/// Writes everything home against what is read now, and says how the world stands after that.
async fn brought_home(world: &Simulation, driver: &UrlMapDriver, seq: u64) -> Vec<(String, u32)> {
    let before = driver.read().await.unwrap();
    let outcome = driver.write(to(&split(0)), &before.version, &intent(seq), Taken::told().0).await.outcome;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert_eq!(driver.read().await.unwrap().weights, split(0));
    world.control().truth().accepted
}

fn named(list: &[(&str, u32)]) -> Vec<(String, u32)> {
    list.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect()
}

#[tokio::test]
async fn whatever_somebody_makes_of_the_split_one_write_brings_it_home() {
    let world = world().await;
    let driver = driver(&world);
    edited(&world, Edit::Stranger { per_mille: 400 });
    let seen = driver.read().await.unwrap();
    assert_eq!(seen.weights.of(&id("frontend-hotfix")), PerMille::new(400).unwrap());
    assert_eq!((seen.weights.of(&id("run")).get(), seen.weights.of(&id("gke")).get()), (600, 0));
    assert!(matches!(seen.hindrances.as_slice(), [Hindrance::Stranger { .. }]), "{:?}", seen.hindrances);
    let home = named(&[("frontend-run", 1000), ("frontend-gke", 0), ("frontend-hotfix", 0)]);
    assert_eq!(brought_home(&world, &driver, 10).await, home);
    edited(&world, Edit::Stranger { per_mille: 0 });
    let idle = driver.read().await.unwrap();
    assert_eq!((idle.weights, idle.hindrances), (split(0), vec![]));
    assert_eq!(brought_home(&world, &driver, 11).await, home);
    world.control().inject(&faults::Fault::ForeignWriter { gke_per_mille: 250, principal: "dana.ops@hexproperty.com".to_owned() });
    edited(&world, Edit::Twin);
    let twin = driver.read().await.unwrap();
    assert_eq!((twin.weights, twin.hindrances), (split(250), vec![]));
    let home = named(&[("frontend-run", 1000), ("frontend-gke", 0), ("frontend-gke", 0)]);
    assert_eq!(brought_home(&world, &driver, 12).await, home);
    edited(&world, Edit::AllZero);
    let zero = driver.read().await.unwrap();
    assert_eq!((zero.weights.of(&id("nobody")), zero.hindrances), (PerMille::ALL, vec![Hindrance::AllZero]));
    assert_eq!(brought_home(&world, &driver, 13).await, home);
    world.stop().await;
}

#[tokio::test]
async fn what_keeps_users_or_writes_away_is_said_with_the_weights() {
    let world = world().await;
    edited(&world, Edit::Matcher { gke_per_mille: 0 });
    let rule = Hindrance::HostRule { host: "api.hexproperty.com".into(), matcher: "api-users".into() };
    assert_eq!(driver(&world).read().await.unwrap().hindrances, std::slice::from_ref(&rule));
    world.control().inject(&faults::Fault::Classic);
    world.control().inject(&faults::Fault::Api { api: Api::Compute, trouble: Trouble::ReadOnly, for_s: 1e6 });
    let driver = driver(&world);
    let seen = driver.read().await.unwrap();
    let classic = Hindrance::ClassicLoadBalancer { service: "frontend-run".into(), scheme: "EXTERNAL".into() };
    let forbidden = Hindrance::Forbidden { permission: "compute.urlMaps.update".into(), why: None };
    assert_eq!(seen.hindrances, [rule, classic, forbidden]);
    let outcome = driver.write(to(&split(50)), &seen.version, &intent(20), Taken::told().0).await.outcome;
    assert!(matches!(&outcome, Outcome::NotDone(fault) if fault.kind == FaultKind::Forbidden), "{outcome:?}");
    world.stop().await;
}

fn revisions(world: &Simulation) -> RevisionsDriver {
    let backends = [("old", "frontend-00041-kaz"), ("new", "frontend-00042-bim")].map(|(name, revision)| (id(name), revision.to_owned()));
    let config = cloud_run::DriverConfig {
        route: "revisions".parse().unwrap(),
        service: service_name(),
        backends: backends.to_vec(),
        patience: std::time::Duration::from_secs(60),
    };
    RevisionsDriver::new(config, google(world))
}

fn service_name() -> ServiceName {
    ServiceName { project: "hexproperty".to_owned(), region: "us-central1".to_owned(), service: "frontend".to_owned() }
}

fn revision_split(new: u16) -> Weights {
    let share = |share| PerMille::new(share).unwrap();
    Weights::new(BTreeMap::from([(id("old"), share(1000 - new)), (id("new"), share(new))])).unwrap()
}

#[tokio::test]
async fn revisions_move_by_compare_and_set_and_the_service_tells_who_did_it() {
    let world = world().await;
    let driver = revisions(&world);
    let config = cloud_run::SensorConfig {
        source: "workload/run".parse().unwrap(),
        backend: id("run"),
        service: service_name(),
        backs: Backs::Service,
        every: Millis::from_secs(5),
    };
    let mut sensor = ServiceSensor::new(config, google(&world));
    let facts = sensor.look().await.unwrap();
    let [Fact::Workload { workload, .. }] = facts.as_slice() else { panic!("{facts:?}") };
    assert_eq!((workload.version.as_str(), &workload.trouble), ("frontend-00042-bim", &None));
    assert_eq!(workload.scale, Scale::Automatic { min: 2, max: Some(20) });
    let [revision] = &workload.revisions[..] else { panic!("{workload:?}") };
    assert_eq!((revision.name.as_str(), revision.share, revision.state), ("frontend-00042-bim", PerMille::ALL, RevisionState::Ready));
    let before = driver.read().await.unwrap();
    assert_eq!((before.weights.clone(), before.hindrances.clone()), (revision_split(1000), vec![]));
    let outcome = driver.write(to(&revision_split(900)), &before.version, &intent(1), Taken::told().0).await.outcome;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert_eq!(driver.read().await.unwrap().weights, revision_split(900));
    let stale = driver.write(to(&revision_split(500)), &before.version, &intent(2), Taken::told().0).await.outcome;
    assert!(matches!(&stale, Outcome::NotDone(fault) if fault.kind == FaultKind::Conflict), "{stale:?}");
    let facts = sensor.look().await.unwrap();
    assert!(matches!(facts.as_slice(), [Fact::Workload { .. }, Fact::Happened { .. }]), "{facts:?}");
    world.stop().await;
}

async fn replication(sensor: &mut CloudSqlSensor) -> Replication {
    let facts = sensor.look().await.unwrap();
    let [Fact::Replication(replication)] = facts.as_slice() else { panic!("{facts:?}") };
    replication.clone()
}

fn database(world: &Simulation, instance: &str) -> CloudSqlSensor {
    let config = cloud_sql::Config {
        source: "database/replica".parse().unwrap(),
        project: "hexproperty".to_owned(),
        instance: instance.parse().unwrap(),
        every: Millis::from_secs(15),
        now: now(world),
    };
    CloudSqlSensor::new(config, google(world), google(world))
}

/// Appearance until what is seen is as wanted; Monitoring is minutes late.
async fn until(sensor: &mut CloudSqlSensor, what: &str, wanted: impl Fn(&Replication) -> bool) -> Replication {
    for _ in 0..400 {
        let seen = replication(sensor).await;
        if wanted(&seen) {
            return seen;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("never seen: {what}; last {:?}", replication(sensor).await);
}

#[tokio::test]
async fn a_broken_replication_never_reads_nothing_behind_whatever_the_engine() {
    for (engine, broken) in [(Engine::Postgres, Broken::Error), (Engine::MySql, Broken::Receiving), (Engine::SqlServer, Broken::Error)] {
        let world = Simulation::start(Config { speed: 400.0, ..Config::default() }).await.unwrap();
        world.control().with(|world| world.sql.set_engine(engine));
        let mut sensor = database(&world, "hexproperty-replica");
        let well = until(&mut sensor, "a replica that is well", |seen| seen.movement == Movement::Moves).await;
        assert_eq!((well.state, well.lag.is_ok()), (ReplicaState::Replicating, true), "{engine:?}");
        world.control().inject(&faults::Fault::Database(faults::DatabaseFault::ReceivesNothing));
        let seen = until(&mut sensor, "the breakage", |seen| seen.state != ReplicaState::Replicating).await;
        assert_eq!((seen.state, seen.lag), (ReplicaState::Broken(broken), Err(Gap::Missing)), "{engine:?}");
        world.control().calm();
        until(&mut sensor, "the end of it", |seen| seen.state == ReplicaState::Replicating && seen.movement == Movement::Moves).await;
        world.control().inject(&faults::Fault::Database(faults::DatabaseFault::StandsStill));
        let seen = until(&mut sensor, "a position that stands", |seen| seen.movement == Movement::FallsBack).await;
        assert_eq!((seen.state, seen.lag.map(|lag| lag.value)), (ReplicaState::Replicating, Ok(0.0)), "{engine:?}");
        world.stop().await;
    }
}

#[tokio::test]
async fn what_an_instance_is_said_to_be_is_seen() {
    use faults::{DatabaseFault, Down, Fault, Member};
    let world = Simulation::start(Config { speed: 200.0, ..Config::default() }).await.unwrap();
    let (mut primary, mut replica) = (database(&world, "hexproperty-prod"), database(&world, "hexproperty-replica"));
    for (down, serving) in [
        (Down::Suspended, Serving::Suspended),
        (Down::Maintenance, Serving::Maintenance),
        (Down::Failed, Serving::Failed),
        (Down::BeingCreated, Serving::PendingCreate),
        (Down::StoppedByOwner, Serving::Stopped),
    ] {
        world.control().inject(&Fault::Database(DatabaseFault::IsDown { member: Member::Primary, down }));
        world.control().inject(&Fault::Database(DatabaseFault::IsDown { member: Member::Replica, down }));
        let seen = replication(&mut primary).await;
        assert_eq!((seen.state, seen.serving, seen.writable), (ReplicaState::Primary, serving, Writable::Unknown));
        let seen = replication(&mut replica).await;
        assert_eq!((seen.serving, seen.lag), (serving, Err(Gap::Missing)));
        world.control().calm();
    }
    world.control().inject(&Fault::Database(DatabaseFault::OtherPrimary));
    let seen = replication(&mut replica).await;
    assert_eq!(seen.primary.map(String::from).as_deref(), Some("hexproperty-staging"));
    world.control().calm();
    world.control().inject(&Fault::Database(DatabaseFault::PrimaryIdle));
    until(&mut replica, "a primary that writes nothing", |seen| seen.movement == Movement::Idle).await;
    world.stop().await;
}

#[tokio::test]
async fn a_replica_tells_its_lag_and_a_stopped_one_none() {
    // Monitoring is minutes late; at this speed that is a second.
    let world = Simulation::start(Config { speed: 200.0, ..Config::default() }).await.unwrap();
    let mut sensor = database(&world, "hexproperty-replica");
    let seen = replication(&mut sensor).await;
    assert_eq!((seen.state, seen.writable), (ReplicaState::Replicating, Writable::ReadOnly));
    assert_eq!(seen.primary.map(String::from).as_deref(), Some("hexproperty-prod"));
    assert!(seen.lag.unwrap().value < 1.0, "{:?}", seen.lag);
    let primary = replication(&mut database(&world, "hexproperty-prod")).await;
    assert_eq!((primary.state, primary.writable, primary.lag), (ReplicaState::Primary, Writable::AcceptsWrites, Err(Gap::Missing)));
    world.control().inject(&faults::Fault::ReplicaLag { seconds: 45.0 });
    let mut grown = false;
    for _ in 0..200 {
        grown = replication(&mut sensor).await.lag.is_ok_and(|lag| lag.value > 30.0);
        if grown {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(grown, "the lag was never seen");

    let client = google(&world);
    let url = client.at(&["v1", "projects", "hexproperty", "instances", "hexproperty-replica", "stopReplica"]);
    client.send(Ask::post(url, &BTreeMap::<String, String>::new(), Limits::WRITE)).await.unwrap();
    for _ in 0..200 {
        let seen = replication(&mut sensor).await;
        if seen.state == ReplicaState::Stopped {
            assert_eq!(seen.lag, Err(Gap::Missing));
            return world.stop().await;
        }
        assert!(seen.operation.is_some(), "the stop is under way: {seen:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the stop was never seen");
}

fn service_sensor(world: &Simulation, backend: &str, backs: Backs) -> ServiceSensor {
    let source = format!("platform/{backend}").parse().unwrap();
    let config = cloud_run::SensorConfig { source, backend: id(backend), service: service_name(), backs, every: Millis::from_secs(5) };
    ServiceSensor::new(config, google(world))
}

async fn workload(sensor: &mut ServiceSensor) -> Workload {
    let facts = sensor.look().await.unwrap();
    let Some(Fact::Workload { workload, .. }) = facts.into_iter().next() else { panic!("a workload comes first") };
    workload
}

#[tokio::test]
async fn a_service_tells_its_bounds_and_never_a_count() {
    let world = world().await;
    let mut sensor = service_sensor(&world, "run", Backs::Service);
    let control = world.control();
    control.inject(&Fault::Scaling(Scaling::ToZero));
    let asleep = workload(&mut sensor).await;
    assert_eq!((asleep.scale, asleep.scale.ready(), asleep.trouble), (Scale::Automatic { min: 0, max: Some(20) }, None, None));
    control.inject(&Fault::Scaling(Scaling::Manual { instances: 3 }));
    assert_eq!(workload(&mut sensor).await.scale, Scale::Manual { instances: 3 });
    control.inject(&Fault::Scaling(Scaling::Off));
    let off = workload(&mut sensor).await;
    assert_eq!((off.scale, off.scale.ready(), off.trouble.is_some()), (Scale::Off, Some(0), true));
    control.calm();
    control.inject(&Fault::SourceShrunk { max_instances: 2 });
    assert_eq!(workload(&mut sensor).await.scale, Scale::Automatic { min: 2, max: Some(2) });
    control.calm();
    assert_eq!(workload(&mut sensor).await.scale, Scale::Automatic { min: 2, max: Some(20) });
}

#[tokio::test]
async fn each_backend_that_is_a_revision_tells_of_itself() {
    let world = world().await;
    let driver = revisions(&world);
    let before = driver.read().await.unwrap();
    let outcome = driver.write(to(&revision_split(900)), &before.version, &intent(1), Taken::told().0).await.outcome;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    for (name, revision, share) in [("old", "frontend-00041-kaz", 100), ("new", "frontend-00042-bim", 900)] {
        let told = workload(&mut service_sensor(&world, name, Backs::Revision(revision.to_owned()))).await;
        assert_eq!((told.version.as_str(), &told.trouble), (revision, &None));
        let own = told.revisions.iter().find(|own| own.name.as_str() == revision).unwrap();
        assert_eq!((own.share.get(), own.state, own.min), (share, RevisionState::Ready, Some(2)));
        // Without a tag nothing of it stays once its share is gone.
        assert_eq!(told.scale, Scale::Automatic { min: 0, max: Some(20) });
    }
    let missing = workload(&mut service_sensor(&world, "none", Backs::Revision("frontend-00099-zzz".to_owned()))).await;
    assert_eq!(missing.trouble.unwrap().as_str(), "revision frontend-00099-zzz does not exist");
    assert_eq!(missing.scale, Scale::Untold);
}
