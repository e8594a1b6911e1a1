//! What a plan becomes: every driver and sensor of a session, made as for a live one, against the simulated world.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets a surprise has failed, and says what it saw"
)]

#[path = "compose/preflight.rs"]
mod preflight;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use cutover::{
    cli::{
        check::finding::{Id, Severity},
        compose::{Composer, Places, World, compose},
    },
    domain::{
        fact::Fact,
        fault::{FaultKind, Outcome},
        id::{EffectId, Seq},
        metric::{Basis, Gap, Measured, Metric},
        time::Timestamp,
        weight::{PerMille, Weights},
    },
    plan::{self, model::Plan},
    port::{Change, Driver, Intent, Sensor, Taken},
    session::clock::Clock,
    sim::{
        faults::{Api, Damage, Fault, Trouble},
        simulation::{Config, Simulation},
        world::Leg,
    },
};

use preflight::{found_in, told};

const HEXPROPERTY: &str = include_str!("../plans/hexproperty.yaml");
const SERVICES: &str = include_str!("../plans/services.yaml");
const RULES: &str = include_str!("../plans/rules.yaml");
const PROMETHEUS: &str = include_str!("../plans/prometheus.yaml");
const LOAD_BALANCER: &str = include_str!("../plans/load_balancer.yaml");
const CLUSTERS: &str = include_str!("../plans/gke-to-gke.yaml");
const REVISIONS: &str = include_str!("../plans/revisions.yaml");

fn read(text: &str) -> Plan {
    match plan::read(text.as_bytes()) {
        Ok((plan, _)) => plan,
        Err(problems) => panic!("{}", plan::diagnostic::render_all(&problems, "plan.yaml", text)),
    }
}

/// Virtual seconds in a real one.
const SPEED: f64 = 20.0;

async fn composed(plan: &Plan) -> (Simulation, World) {
    let simulation = Simulation::start(Config { speed: SPEED, ..Config::default() }).await.unwrap();
    let clock = Clock::paced(Timestamp(simulation.clock().now_ms()), SPEED);
    let world = compose(plan, &Places::Simulated(*simulation.endpoints()), clock, None).unwrap();
    (simulation, world)
}

#[tokio::test]
async fn every_sensor_of_the_plan_sees_something() {
    let (_simulation, world) = composed(&read(HEXPROPERTY)).await;
    let mut sources = Vec::new();
    for mut sensor in world.sensors {
        let facts = sensor.look().await.unwrap_or_else(|fault| panic!("{}: {fault}", sensor.source()));
        assert!(!facts.is_empty(), "{} saw nothing at all", sensor.source());
        sources.push(sensor.source().to_string());
    }
    sources.sort();
    let wanted = [
        "front-door/frontend",
        "platform/gke",
        "platform/run",
        "probe/gke",
        "probe/run",
        "scrape/gke",
        "scrape/run",
        "sql/hexproperty-prod",
        "sql/hexproperty-replica",
        "weights/frontend",
    ];
    assert_eq!(sources, wanted);
}

#[tokio::test]
async fn a_route_inside_cloud_run_is_steered_by_its_revisions() {
    let (simulation, world) = composed(&read(REVISIONS)).await;
    let driver: Arc<dyn Driver> = world.executors.drivers.values().next().unwrap().clone();
    let before = driver.read().await.unwrap();
    let split = |new: u16| {
        let shares = [("new", new), ("old", 1000 - new)].map(|(id, share)| (id.parse().unwrap(), PerMille::new(share).unwrap()));
        Weights::new(shares.into()).unwrap()
    };
    assert_eq!(before.weights, split(1000), "the service follows its newest revision");
    let intent = Intent {
        session: "s".to_owned(),
        effect: EffectId { seq: Seq(1), index: 0 },
        first: EffectId { seq: Seq(1), index: 0 },
        head: "aa".to_owned(),
    };
    let outcome = driver.write(Change::Split { to: &split(100), claim: None }, &before.version, &intent, Taken::told().0).await.outcome;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    let after = driver.read().await.unwrap();
    assert_eq!((after.weights, after.actor.unwrap().as_str()), (split(100), "cutover@hexproperty.iam.gserviceaccount.com"));
    let stale = driver.write(Change::Split { to: &split(500), claim: None }, &before.version, &intent, Taken::told().0).await.outcome;
    assert!(matches!(stale, Outcome::NotDone(_)), "a write against an old etag does nothing: {stale:?}");
    let serving = simulation.control().with(|world| world.cloud_run.service("frontend").unwrap().serving.clone());
    let shares: Vec<u32> = serving.iter().map(|target| target.percent).collect();
    assert_eq!(shares.iter().sum::<u32>(), 100);
    assert!(driver.by_hand(&split(100)).ends_with("--to-revisions=frontend-00041-kaz=90,frontend-00042-bim=10"));
}

#[tokio::test]
async fn a_live_check_says_what_there_is_where_a_name_is_none() {
    let simulation = Simulation::start(Config::default()).await.unwrap();
    let text = HEXPROPERTY.replace("cluster: hexproperty-prod", "cluster: hexproperty-proud");
    let said = told(&found_in(&simulation, &text).await);
    assert!(said.contains("has no cluster hexproperty-proud; it has hexproperty-prod (us-central1)"), "{said}");

    let text = SERVICES.replace("path_matcher: backend", "path_matcher: backnd").replace("host: partners", "host: partner");
    let found = found_in(&simulation, &text).await;
    let missing: Vec<&str> = found.findings.iter().filter(|found| found.id == Id::NotFound).map(|found| found.object.as_str()).collect();
    assert_eq!(missing, ["weights/backend", "weights/api"], "{}", told(&found));
    let said = told(&found);
    assert!(said.contains("URL map hexproperty-lb has no path matcher backnd; it has backend, api, docs"), "{said}");
    assert!(said.contains("no host rule for partner.hexproperty.com") && said.contains("partners.hexproperty.com (to api)"), "{said}");
}

#[tokio::test]
async fn in_another_universe_every_host_of_google_is_of_that_one() {
    let text = HEXPROPERTY.replacen("\nregion:", "\nuniverse_domain: apis-tpc.goog\nregion:", 1);
    for (plan, domain) in [(read(&text), "apis-tpc.goog"), (read(HEXPROPERTY), "googleapis.com")] {
        let composer = Composer::new(&plan, &Places::Live, Clock::live()).unwrap();
        for service in ["compute", "run", "container", "sqladmin", "monitoring", "logging", "cloudresourcemanager"] {
            let client = composer.google(&format!("{service}.googleapis.com")).unwrap();
            assert_eq!(client.origin().to_string(), format!("https://{service}.{domain}"));
        }
    }
}

/// What Prometheus says of GKE, looked at again and again until it is as wanted.
async fn gke_says(sensor: &mut Box<dyn Sensor>, wanted: impl Fn(&BTreeMap<Metric, Measured>) -> bool) -> BTreeMap<Metric, Measured> {
    let mut last = BTreeMap::new();
    for _ in 0..200 {
        let facts = sensor.look().await.unwrap();
        let [Fact::Measured { values, .. }] = facts.as_slice() else { panic!("{facts:?}") };
        last.clone_from(values);
        if wanted(values) {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it never says so: {last:?}");
}

#[tokio::test]
async fn figures_come_from_prometheus_by_the_plans_own_queries() {
    let plan = read(PROMETHEUS);
    let (simulation, world) = composed(&plan).await;
    let names: Vec<String> = world.sensors.iter().map(|sensor| sensor.source().to_string()).collect();
    assert!(names.iter().any(|name| name == "prometheus/run") && !names.iter().any(|name| name.starts_with("scrape/")), "{names:?}");
    let mut gke = world.sensors.into_iter().find(|sensor| sensor.source().to_string() == "prometheus/gke").unwrap();
    let control = simulation.control();
    control.inject(&Fault::ForeignWriter { gke_per_mille: 500, principal: "dana".to_owned() });
    control.inject(&Fault::Errors { leg: Leg::Gke, rate: 0.1 });
    let errors = |values: &BTreeMap<Metric, Measured>| values[&Metric::ErrorRate].ok().filter(|sample| sample.requests > 2000);
    let values = gke_says(&mut gke, |values| errors(values).is_some_and(|sample| sample.value > 0.08)).await;
    let told = errors(&values).unwrap();
    let Basis::Counted { failed } = told.basis else { panic!("{told:?}") };
    assert!((0.08..0.13).contains(&told.value) && failed > 150, "{told:?}");
    assert!((10.0..2000.0).contains(&values[&Metric::P95Latency].unwrap().value), "{values:?}");
    assert_eq!(values[&Metric::P99Latency], Err(Gap::Missing), "the plan asks for none");

    let clock = Clock::paced(Timestamp(simulation.clock().now_ms()), SPEED);
    let survey = cutover::cli::check::live::survey(&plan, PROMETHEUS, &Places::Simulated(*simulation.endpoints()), clock).await.unwrap();
    let finding = survey.findings.iter().find(|finding| finding.object == "prometheus/gke").unwrap();
    assert_eq!(
        (finding.id, finding.severity),
        (Id::FigureMissing, Severity::Note),
        "there is no 99th percentile: {}",
        preflight::told(&survey)
    );

    control.inject(&Fault::LateReadings { delay_s: 120.0 });
    gke_says(&mut gke, |values| values.values().all(|value| *value == Err(Gap::Stale))).await;
    control.inject(&Fault::LateReadings { delay_s: 5.0 });
    control.inject(&Fault::Metrics { leg: Leg::Gke, damage: Damage::Failing });
    gke_says(&mut gke, |values| values.values().all(|value| *value == Err(Gap::Missing))).await;
    control.inject(&Fault::Api { api: Api::Monitoring, trouble: Trouble::Unavailable, for_s: 600.0 });
    assert_eq!(gke.look().await.unwrap_err().kind, FaultKind::Unavailable);
}

/// A minute is a second and less of a test's, since this source is minutes late.
const FAST: f64 = 120.0;

#[tokio::test]
async fn figures_come_from_what_the_load_balancer_counts_minutes_later() {
    let plan = read(LOAD_BALANCER);
    let simulation = Simulation::start(Config { speed: FAST, ..Config::default() }).await.unwrap();
    let (clock, places) = (Clock::paced(Timestamp(simulation.clock().now_ms()), FAST), Places::Simulated(*simulation.endpoints()));
    let survey = cutover::cli::check::live::survey(&plan, LOAD_BALANCER, &places, clock).await.unwrap();
    assert!(survey.findings.is_empty(), "{}", preflight::told(&survey));
    let mut sensors = compose(&plan, &places, clock, None).unwrap().sensors;
    let sensor = |sensors: &mut Vec<Box<dyn Sensor>>, name: &str| {
        let place = sensors.iter().position(|sensor| sensor.source().to_string() == name).unwrap();
        sensors.swap_remove(place)
    };
    let (mut gke, mut run) = (sensor(&mut sensors, "load-balancer/gke"), sensor(&mut sensors, "load-balancer/run"));
    let before = gke_says(&mut gke, |_| true).await;
    assert_eq!(before[&Metric::RequestRate].map(|sample| sample.requests), Ok(0), "it was asked nothing, and the source is alive");
    for metric in [Metric::ErrorRate, Metric::P50Latency, Metric::P95Latency, Metric::P99Latency] {
        assert_eq!(before[&metric], Err(Gap::LowVolume), "{metric}: too few requests, and no series that is not there");
    }
    assert_eq!(before[&Metric::DropRate], Err(Gap::Missing));
    let at_home = gke_says(&mut run, |_| true).await;
    let (rate, errors) = (at_home[&Metric::RequestRate].unwrap(), at_home[&Metric::ErrorRate].unwrap());
    assert!((100.0..140.0).contains(&rate.value) && errors.value < 0.01 && errors.requests > 20_000, "{at_home:?}");
    assert!((120.0..260.0).contains(&at_home[&Metric::P95Latency].unwrap().value), "milliseconds: {at_home:?}");
    // The newest minute that can be seen ended three and a half minutes ago or more, and less than a minute more than that.
    let age = simulation.clock().now_ms() - rate.at.0;
    assert!((210_000..=290_000).contains(&age), "{age} ms old");

    let control = simulation.control();
    control.inject(&Fault::ForeignWriter { gke_per_mille: 500, principal: "dana".to_owned() });
    control.inject(&Fault::Errors { leg: Leg::Gke, rate: 0.1 });
    control.inject(&Fault::BadGateway { leg: Leg::Gke, fraction: 0.2 });
    let errors = |values: &BTreeMap<Metric, Measured>| values[&Metric::ErrorRate].ok().filter(|sample| sample.requests > 10_000);
    let values = gke_says(&mut gke, |values| errors(values).is_some_and(|sample| sample.value > 0.25)).await;
    let told = errors(&values).unwrap();
    assert!((0.25..0.32).contains(&told.value), "its own errors and the load balancer's: {told:?}");

    control.inject(&Fault::LateReadings { delay_s: 600.0 });
    gke_says(&mut gke, |values| values.values().all(|value| *value == Err(Gap::Missing))).await;
    control.inject(&Fault::Api { api: Api::Monitoring, trouble: Trouble::Unavailable, for_s: 6000.0 });
    assert_eq!(gke.look().await.unwrap_err().kind, FaultKind::Unavailable);
}

/// One address leads to both, and Cloud Run counts each by itself.
#[tokio::test]
async fn figures_of_two_revisions_of_one_service_come_apart() {
    let plan = read(REVISIONS);
    let simulation = Simulation::start(Config { speed: FAST, ..Config::default() }).await.unwrap();
    let (clock, places) = (Clock::paced(Timestamp(simulation.clock().now_ms()), FAST), Places::Simulated(*simulation.endpoints()));
    let mut world = compose(&plan, &places, clock, None).unwrap();
    let mut sensor = |name: &str| {
        let place = world.sensors.iter().position(|sensor| sensor.source().to_string() == name).unwrap();
        world.sensors.swap_remove(place)
    };
    let (mut old, mut new) = (sensor("cloud-run/old"), sensor("cloud-run/new"));
    // The service follows its newest revision.
    let at_new = gke_says(&mut new, |_| true).await;
    let (rate, p95) = (at_new[&Metric::RequestRate].unwrap(), at_new[&Metric::P95Latency].unwrap());
    assert!((100.0..140.0).contains(&rate.value) && (120.0..260.0).contains(&p95.value), "{at_new:?}");
    let age = simulation.clock().now_ms() - rate.at.0;
    assert!((180_000..=260_000).contains(&age), "{age} ms old");
    let at_old = gke_says(&mut old, |_| true).await;
    assert_eq!(at_old[&Metric::RequestRate].map(|sample| sample.requests), Ok(0), "it was asked nothing, and the source is alive");
    assert_eq!(at_old[&Metric::ErrorRate], Err(Gap::LowVolume));

    let driver: Arc<dyn Driver> = world.executors.drivers.values().next().unwrap().clone();
    let shares = [("new", 250), ("old", 750)].map(|(id, share)| (id.parse().unwrap(), PerMille::new(share).unwrap()));
    let split = Weights::new(shares.into()).unwrap();
    let first = EffectId { seq: Seq(1), index: 0 };
    let intent = Intent { session: "s".to_owned(), effect: first, first, head: "aa".to_owned() };
    let version = driver.read().await.unwrap().version;
    let outcome = driver.write(Change::Split { to: &split, claim: None }, &version, &intent, Taken::told().0).await.outcome;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    let about = |values: &BTreeMap<Metric, Measured>, wanted: f64| {
        values[&Metric::RequestRate].is_ok_and(|rate| (wanted * 0.8..wanted * 1.2).contains(&rate.value))
    };
    gke_says(&mut old, |values| about(values, 90.0) && values[&Metric::ErrorRate].is_ok()).await;
    gke_says(&mut new, |values| about(values, 30.0) && values[&Metric::P95Latency].is_ok()).await;
}

/// The pages of each pod hold a bad past: nine thousand failures of forty thousand requests, and all of them slow.
#[tokio::test]
async fn figures_come_from_the_pages_of_each_pod_and_what_they_counted_before_counts_for_nothing() {
    let page = "metrics: https://frontend-gke.hexproperty.com/metrics";
    assert!(HEXPROPERTY.contains(page));
    let plan = read(&HEXPROPERTY.replace(page, "readings: { pods: { port: 8080 } }"));
    let (simulation, world) = composed(&plan).await;
    let mut gke = world.sensors.into_iter().find(|sensor| sensor.source().to_string() == "pods/gke").unwrap();
    let control = simulation.control();
    control.inject(&Fault::ForeignWriter { gke_per_mille: 500, principal: "dana".to_owned() });
    let told =
        |facts: Vec<Fact>| facts.into_iter().find_map(|fact| if let Fact::Measured { values, .. } = fact { Some(values) } else { None });
    let mut looks = Vec::new();
    let mut until = async |wanted: &(dyn Fn(&BTreeMap<Metric, Measured>) -> bool + Sync)| {
        for _ in 0..200 {
            let values = told(gke.look().await.unwrap()).unwrap();
            looks.push(values.clone());
            if wanted(&values) {
                return values;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        panic!("it never says so: {:#?}", looks.last());
    };
    let busy = |values: &BTreeMap<Metric, Measured>| values[&Metric::ErrorRate].is_ok_and(|sample| sample.requests > 1200);
    let values = until(&busy).await;
    let (errors, p95) = (values[&Metric::ErrorRate].unwrap(), values[&Metric::P95Latency].unwrap());
    assert!(errors.value < 0.02 && p95.value < 400.0, "none of the past: {values:?}");
    // Six pods of which two thirds go, and come back under other names or begin anew: no rate falls or leaps for it.
    control.inject(&Fault::Restart { leg: Leg::Gke });
    control.inject(&Fault::BadPods { fraction: 0.5 });
    for _ in 0..20 {
        let values = until(&|_| true).await;
        if let Ok(rate) = values[&Metric::RequestRate] {
            assert!((20.0..90.0).contains(&rate.value), "{values:?}");
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    control.calm();
    control.inject(&Fault::Errors { leg: Leg::Gke, rate: 0.1 });
    let failing = |values: &BTreeMap<Metric, Measured>| values[&Metric::ErrorRate].is_ok_and(|sample| sample.value > 0.08);
    let told = until(&failing).await[&Metric::ErrorRate].unwrap();
    assert!(matches!(told.basis, Basis::Counted { failed } if failed > 80), "{told:?}");
    control.inject(&Fault::Metrics { leg: Leg::Gke, damage: Damage::Vanished });
    until(&|values| values.values().all(|value| *value == Err(Gap::Missing))).await;
    control.inject(&Fault::Metrics { leg: Leg::Gke, damage: Damage::Failing });
    assert_eq!(gke_fault(&mut gke).await, FaultKind::Unavailable);
}

async fn gke_fault(sensor: &mut Box<dyn Sensor>) -> FaultKind {
    sensor.look().await.unwrap_err().kind
}
