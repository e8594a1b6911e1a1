//! The database is made ready by steps, while the host dies in the middle of each long operation, and somebody else is quicker with one.

use std::sync::Arc;

use cutover::{
    core::{
        command::Command,
        decision::Verdict,
        news::News,
        runbook::{Doing, StepNews},
        state::State,
    },
    domain::{
        id::StepId,
        shown::Shown,
        standing::{Act, Standing},
    },
    sim::faults::{DatabaseFault, Fault, SqlAsk},
};

use crate::session::{Session, Sky};

const NONE: &str = "    from: 0%\n    to: 0%\n";
const STEPS: &str = "    from: 0%
    to: 0%
    steps:
      - { name: backup, title: Backup, sql_backup: { instance: hexproperty-prod, younger_than: 30m }, patience: 30m }
      - { name: standby, title: Standby, sql_high_availability: { instance: hexproperty-prod }, patience: 30m }
      - name: replica
        title: A distant replica
        sql_replica: { instance: hexproperty-dr, primary: hexproperty-prod, region: us-east1 }
        patience: 1h
";

fn id(step: &str) -> StepId {
    step.parse().unwrap()
}

fn standing<'a>(state: &'a State, step: &str) -> Option<&'a Standing> {
    Some(&state.steps[&id(step)].seen.as_ref()?.standing)
}

/// Runs a step as soon as a look finds something to do.
async fn run(session: &mut Session, step: &'static str) {
    loop {
        let is_apart = |state: &State| matches!(standing(state, step), Some(Standing::Apart { .. }));
        let state = session.until(&format!("{step} can be run"), is_apart).await;
        let Some(Standing::Apart { version, .. }) = standing(&state, step) else { unreachable!() };
        match session.ask(Command::Act { step: id(step), act: Act::Run, version: version.clone(), named: None }).await {
            Verdict::Accepted => return,
            // The next look is on its way.
            Verdict::Refused(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            other => panic!("{step}: {other:?}"),
        }
    }
}

async fn reached(session: &mut Session, step: &'static str) -> Arc<State> {
    let is_reached =
        |state: &State| state.steps[&id(step)].doing == Doing::Nothing && matches!(standing(state, step), Some(Standing::Reached { .. }));
    session.until(&format!("{step} is reached"), is_reached).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_step_is_done_once_although_the_host_dies_while_it_is_under_way() {
    let mut session = Session::begin(Sky { plan: &[(NONE, STEPS)], ..Sky::calm("steps") }).await;
    session.control().inject(&Fault::Database(DatabaseFault::NoStandby));
    for step in ["backup", "standby", "replica"] {
        run(&mut session, step).await;
        let is_followed = |state: &State| matches!(state.steps[&id(step)].doing, Doing::Following { .. });
        session.until(&format!("{step} is accepted"), is_followed).await;
        session = session.die_and_come_back().await;
        session.take_controls().await;
        let state = reached(&mut session, step).await;
        assert!(state.steps[&id(step)].is_ours(), "{step}: {:?}", state.steps[&id(step)]);
    }
    let landed = session.land().await;
    let ours: Vec<&str> = landed.ours().iter().filter(|one| one.service == "cloudsql.googleapis.com").map(|one| one.method).collect();
    assert_eq!(ours, ["cloudsql.backupRuns.create", "cloudsql.instances.update", "cloudsql.instances.create"]);
    let ended = |news: &News| matches!(news, News::Step { what: StepNews::Ended { act: Act::Run, .. }, .. });
    assert_eq!(landed.told(ended), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_colleague_did_first_is_found_and_taken_back_by_nobody_here() {
    let mut session = Session::begin(Sky { plan: &[(NONE, STEPS)], ..Sky::calm("adopted") }).await;
    session.control().inject(&Fault::Database(DatabaseFault::NoStandby));
    session.until("it has no standby", |state| matches!(standing(state, "standby"), Some(Standing::Apart { .. }))).await;
    session.control().inject(&Fault::Database(DatabaseFault::Colleague { asks: SqlAsk::Standby }));
    let state = reached(&mut session, "standby").await;
    let Some(Standing::Reached { version, .. }) = standing(&state, "standby") else { unreachable!() };
    let undo = Command::Act { step: id("standby"), act: Act::Undo, version: version.clone(), named: Some(Shown::new("hexproperty-prod")) };
    let refused = session.ask(undo).await;
    assert!(matches!(&refused, Verdict::Refused(why) if format!("{why:?}").contains("NotOurs")), "{refused:?}");
    let landed = session.land().await;
    assert!(landed.ours().iter().all(|one| one.service != "cloudsql.googleapis.com"));
    let found = |news: &News| matches!(news, News::Step { what: StepNews::FoundReached { .. }, .. });
    assert!(landed.told(found) >= 1);
}
