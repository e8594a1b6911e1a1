//! Evidence that was there and goes: what can't be shown any more is not done, and a way back that is not assured lets nobody advance.

use cutover::core::{
    command::Command,
    decision::{Refusal, Verdict},
    state::{ItemStatus, State},
};

use crate::session::{Session, Sky, route_of};

fn inject(what: &str) -> Command {
    Command::Inject { inject: what.into() }
}

fn is(item: &str, wanted: ItemStatus) -> impl Fn(&State) -> bool {
    let item = item.parse().unwrap();
    move |state: &State| state.checklist[&item].status == wanted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_of_the_checklist_turns_red_when_it_stops_being_true() {
    let mut session = Session::begin(Sky::calm("evidence")).await;
    let lines = ["monitoring", "error-rates", "latency", "replication-lag"];
    for item in lines {
        session.until(&format!("{item} done"), is(item, ItemStatus::Done)).await;
    }
    for fault in ["replica-lag", "dropped-connections", "gke-metrics-nan", "run-errors"] {
        assert_eq!(session.ask(inject(fault)).await, Verdict::Accepted, "{fault}");
    }
    for item in ["replication-lag", "dropped-connections", "error-rates"] {
        session.until(&format!("{item} failing"), is(item, ItemStatus::Failing)).await;
    }
    session.until("a blind trigger", is("monitoring", ItemStatus::Failing)).await;
    let lag =
        |state: &State| state.replication.values().filter_map(|replica| replica.history.iter().flatten().last()).any(|lag| *lag > 1.0);
    session.until("a gauge that shows the lag", lag).await;
    assert_eq!(session.ask(inject("calm")).await, Verdict::Accepted);
    for item in lines {
        session.until(&format!("{item} done again"), is(item, ItemStatus::Done)).await;
    }
    let landed = session.land().await;
    assert!(landed.ours().is_empty(), "a checklist moves nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_home_that_could_not_take_everything_back_lets_nobody_advance() {
    let mut session = Session::begin(Sky::calm("readiness")).await;
    session.fly_to(250).await;
    assert_eq!(session.ask(inject("shrunken-source")).await, Verdict::Accepted);
    let state = session.until("doubt", |state| !route_of(state).readiness.against.is_empty()).await;
    println!("{:?}", route_of(&state).readiness);
    let refused = session.ask(session.shift(500)).await;
    assert!(matches!(refused, Verdict::Refused(Refusal::NotReady { .. })), "{refused:?}");
    assert_eq!(session.ask(inject("calm")).await, Verdict::Accepted);
    session.fly_to(500).await;
    let landed = session.land().await;
    assert_eq!(landed.ours().len(), 3);
}
