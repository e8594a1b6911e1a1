//! What a plan becomes: every driver and sensor of a session, made as for a live one, against the simulated world.

use std::sync::Arc;

use cutover::{
    cli::compose::{Places, World, compose},
    domain::{
        fault::Outcome,
        id::{EffectId, Seq},
        time::Timestamp,
        weight::{PerMille, Weights},
    },
    plan::{self, model::Plan},
    port::{Driver, Intent},
    session::clock::Clock,
    sim::simulation::{Config, Simulation},
};

const HEXPROPERTY: &str = include_str!("../plans/hexproperty.yaml");
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
    let driver: Arc<dyn Driver> = world.hands.drivers.values().next().unwrap().clone();
    let before = driver.read().await.unwrap();
    let split = |new: u16| {
        let shares = [("new", new), ("old", 1000 - new)].map(|(id, share)| (id.parse().unwrap(), PerMille::new(share).unwrap()));
        Weights::new(shares.into()).unwrap()
    };
    assert_eq!(before.weights, split(1000), "the service follows its newest revision");
    let intent = Intent { session: "s".to_owned(), effect: EffectId { seq: Seq(1), index: 0 }, head: "aa".to_owned() };
    let outcome = driver.write(&split(100), &before.version, &intent).await;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    let after = driver.read().await.unwrap();
    assert_eq!((after.weights, after.actor.unwrap().as_str()), (split(100), "cutover@hexproperty.iam.gserviceaccount.com"));
    let stale = driver.write(&split(500), &before.version, &intent).await;
    assert!(matches!(stale, Outcome::NotDone(_)), "a write against an old etag does nothing: {stale:?}");
    let serving = simulation.control().with(|world| world.cloud_run.service("frontend").unwrap().serving.clone());
    let shares: Vec<u32> = serving.iter().map(|target| target.percent).collect();
    assert_eq!(shares.iter().sum::<u32>(), 100);
    assert!(driver.by_hand(&split(100)).ends_with("--to-revisions=frontend-00041-kaz=90,frontend-00042-bim=10"));
}
