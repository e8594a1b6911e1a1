//! Anything in any order: what holds after every entry, whatever happens.
//!
//! The cases are drawn from a fixed seed, so that a run of the tests is the same everywhere. `CUTOVER_CASES=20000 CUTOVER_SEED=7 cargo
//! test --test core any_order` looks at others; a failure is shrunk to the shortest run that still fails and printed word by word.

pub(crate) mod hand;
pub(crate) mod object;
pub(crate) mod ops;
pub(crate) mod run;

use cutover::{
    domain::{
        id::{InstanceId, ItemId, StepId},
        metric::Metric,
        platform::Platform,
        shown::Shown,
        time::Millis,
        weight::PerMille,
    },
    plan::model::{
        Database, DatabaseMode, Gate, Item, Phase, Plan, Proof, Stage, TriggerAction,
        steps::{Consent, Desired, Need, Step},
    },
};
use proptest::{
    collection::vec,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner},
};

use crate::{session, watch::Violation};
use object::Object;
use ops::{Op, Request, Who, op};
use run::Run;

/// Two routes with a trigger or two each, a replica that may turn out to be promoted, and an item to sign.
pub(crate) fn plan() -> Plan {
    let mut plan = session::plan();
    let mut second = plan.routes[0].clone();
    second.id = "api".parse().expect("a name");
    for (backend, name, platform) in [(0, "api-run", Platform::CloudRun), (1, "api-gke", Platform::Gke)] {
        second.backends[backend].id = name.parse().expect("a name");
        second.backends[backend].platform = platform;
    }
    second.home = second.backends[0].id.clone();
    second.target = second.backends[1].id.clone();
    let mut errors = session::trigger("api-errors", Metric::ErrorRate, 0.05, Millis::from_secs(30));
    (errors.route, errors.backend) = (second.id.clone(), second.target.clone());
    let mut home = session::trigger("home-errors", Metric::ErrorRate, 0.05, Millis::from_secs(30));
    (home.backend, home.action) = (session::run(), TriggerAction::Hold);
    plan.triggers.extend([errors, home]);
    plan.routes.push(second);
    let replica = "replica".parse().expect("a name");
    let primary = "primary".parse().expect("a name");
    plan.database = Some(Database { mode: DatabaseMode::Promote, primary, replicas: vec![replica], lag_max: Millis::from_secs(1) });
    let backup: ItemId = "backup-taken".parse().expect("a name");
    let hour = Millis::from_mins(60);
    // More than half of the traffic waits for what is signed here, on one of the two routes.
    plan.routes[0].gates = vec![Gate { above: PerMille::new(500).expect("at most 1000"), needs: vec![backup.clone()] }];
    plan.checklist = vec![Item { id: backup, stage: Stage::DuringMigration, title: "backup".into(), proof: Proof::Signed, expires: hour }];
    plan.phases = vec![Phase {
        id: "prepare".parse().expect("a name"),
        title: "Prepare".into(),
        target_from: PerMille::ZERO,
        target_to: PerMille::ALL,
        steps: steps(),
    }];
    plan
}

/// A backup that one person runs, and a standby that rests on it and wants a second one.
fn steps() -> Vec<Step> {
    let instance: InstanceId = "primary".parse().expect("a name");
    let backup: StepId = "backup".parse().expect("a name");
    let minutes = Millis::from_mins;
    let step = |id: StepId, desired, needs, consent| Step {
        title: Shown::new(id.as_str()),
        id,
        desired,
        needs,
        consent,
        patience: minutes(2),
        owner: None,
        expected: None,
    };
    vec![
        step(backup.clone(), Desired::SqlHighAvailability { instance: instance.clone() }, Vec::new(), Consent::Alone),
        step(
            "standby".parse().expect("a name"),
            Desired::SqlHighAvailability { instance },
            vec![Need::Step(backup)],
            Consent::SecondPerson,
        ),
    ]
}

pub(crate) fn objects() -> Vec<Object> {
    vec![Object::new("frontend", "run", "gke"), Object::new("api", "api-run", "api-gke")]
}

fn holds(ops: &[Op]) -> Result<(), Violation> {
    let mut run = Run::open(plan(), objects())?;
    run.everybody_joins()?;
    run.healthy()?;
    run.ask(Who::Ana, Request::Take)?;
    for op in ops {
        run.apply_and_ask(op)?;
    }
    run.comes_to_rest()?;
    run.mutations_have_intents()?;
    run.acts_are_taken_once()?;
    run.replays()
}

/// A number from the environment, for longer runs than a test should take.
pub(crate) fn asked_for(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn any_order_of_events_keeps_the_contract() {
    let seed = asked_for("CUTOVER_SEED", 1);
    let cases = asked_for("CUTOVER_CASES", 64);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases: u32::try_from(cases).unwrap(), failure_persistence: None, max_shrink_time: 60_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let outcome = runner.run(&vec(op(), 1..100), |ops| holds(&ops).map_err(|violation| TestCaseError::fail(violation.to_string())));
    if let Err(failure) = outcome {
        panic!("{failure}\nthe same again: CUTOVER_SEED={seed} CUTOVER_CASES={cases} cargo test --test core any_order");
    }
}
