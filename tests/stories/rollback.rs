//! The bad night: a trigger, or a person, brings everything home; once, with its cause, and latched until somebody says why not.

use std::time::Duration;

use cutover::{core::news::News, words};
use cutover::{
    core::{
        command::Command,
        decision::{Cause, Refusal, Verdict},
        state::{Motion, Reading, State},
    },
    domain::fault::Outcome,
};

use crate::{
    landed::Landed,
    session::{LOAD_BALANCER, PROMETHEUS, Session, Sky, backend, route_id, route_of, split},
};

fn inject(what: &str) -> Command {
    Command::Inject { inject: what.into() }
}

fn rearm(reason: &str) -> Command {
    Command::Rearm { route: route_id(), reason: reason.into() }
}

fn is_home(state: &State) -> bool {
    let route = route_of(state);
    !route.motion.is_returning() && route.accepted.as_ref().is_some_and(|accepted| accepted.weights == split(0))
}

fn latched(state: &State) -> bool {
    route_of(state).latch.is_some()
}

/// The writes that brought everything home.
fn homeward(landed: &Landed) -> Vec<Cause> {
    let home = landed.writes().into_iter().filter(|write| write.to == split(0));
    home.inspect(|write| assert!(matches!(write.outcome, Some(Outcome::Done(_))), "{write:?}")).map(|write| write.cause).collect()
}

/// One trigger's whole story: it fires once, the latch holds, a reason takes it off, and the flight goes on to the end.
async fn goes_home_once_and_on_again(sky: Sky, fault: &str, trigger: &str, metric: &str) {
    let mut session = Session::begin(sky).await;
    session.fly_to(500).await;
    assert_eq!(session.ask(inject(fault)).await, Verdict::Accepted);
    let id = trigger.parse().unwrap();
    let state = session.until("a breach", |state| state.triggers[&id].reading == Reading::Breach).await;
    assert!(route_of(&state).latch.is_none(), "a breach alone is no rollback");
    let mut refused = session.ask(session.shift(1000)).await;
    // A backend that answers late is met less than its share for a moment.
    while matches!(refused, Verdict::Refused(Refusal::RequestsDisagree { .. })) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        refused = session.ask(session.shift(1000)).await;
    }
    assert_eq!(refused, Verdict::Refused(Refusal::Breached { trigger: id.clone() }));

    let state = session.until("a rollback", latched).await;
    let lasting = state.opened.as_ref().unwrap().plan.triggers.iter().find(|planned| planned.id == id).unwrap().lasting;
    let latch = route_of(&state).latch.clone().unwrap();
    let pending = state.triggers[&id].pending_since.expect("the breach is not over");
    assert!(latch.at.since(pending) >= lasting, "{latch:?} after {pending:?}");
    let Cause::Triggers(fired) = &latch.cause else { panic!("{latch:?}") };
    assert!(fired.len() == 1 && fired[0].trigger == id && fired[0].value.is_some(), "{fired:?}");
    let said = words::cause(&latch.cause, words::Names::of(&state));
    assert!(said.contains(metric) && said.contains("GKE"), "{said}");

    let asked = session.send(session.shift(1000)).await;
    assert!(matches!(
        session.answer(asked).await,
        Verdict::Refused(Refusal::RollingBack | Refusal::Latched { .. } | Refusal::Moved { .. })
    ));
    session.until("home", is_home).await;
    session.settled_at(0).await;
    assert!(matches!(session.ask(session.shift(10)).await, Verdict::Refused(Refusal::Latched { .. })));
    assert_eq!(session.ask(inject("calm")).await, Verdict::Accepted);
    // As long as the window holds answers to the last users, a trigger that is re-armed is beyond its limit again, and nobody clears it.
    session.until("an empty window", |state| state.triggers[&id].reading != Reading::Breach).await;
    assert_eq!(session.ask(rearm("  ")).await, Verdict::Refused(Refusal::ReasonMissing));
    assert_eq!(session.ask(rearm("the bad build was taken back")).await, Verdict::Accepted);
    session.fly_to(500).await;
    session.fly_to(1000).await;

    let landed = session.land().await;
    assert_eq!(homeward(&landed), [latch.cause], "one rollback");
    assert_eq!(landed.told(|news| matches!(news, News::RollbackBegan { cause: Cause::Triggers(_), .. })), 1);
    assert_eq!(landed.told(|news| matches!(news, News::Rearmed { reason, .. } if reason.as_str() == "the bad build was taken back")), 1);
    assert_eq!(landed.ours().len(), 6);
    assert!(landed.truth.settled && landed.truth.propagated.gke > 0.999);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_burst_at_half_brings_everything_home_once() {
    goes_home_once_and_on_again(Sky::calm("errors"), "gke-errors", "error-rate", "error").await;
}

/// Of latency nobody tells but Prometheus; failures the front door would meet sooner than a server that is asked seconds later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_breach_that_prometheus_tells_brings_everything_home_once() {
    // What piles up meanwhile is another story.
    const PLAN: &[(&str, &str)] = &[("settle: 2m", "settle: 45s"), ("threshold: 30\n", "threshold: 30000\n")];
    goes_home_once_and_on_again(Sky { text: PROMETHEUS, plan: PLAN, ..Sky::calm("prometheus") }, "gke-latency", "p95-latency", "p95").await;
}

/// A series of the plan's own: a gauge on each pod's page, added up over all of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gauge_on_the_pages_of_pods_brings_everything_home_once() {
    const PODS: &[(&str, &str)] = &[
        ("settle: 2m", "settle: 45s"),
        ("routes:\n", "series: [{ name: concurrency, unit: count, bad: above }]\n\nroutes:\n"),
        (
            "metrics: https://frontend-gke.hexproperty.com/metrics",
            "readings: { pods: { port: 8080 } }\n        series: { concurrency: { gauge: http_requests_in_flight, over: sum } }",
        ),
        (
            "triggers:\n",
            "triggers:\n  - { name: concurrency, route: frontend, backend: gke, metric: concurrency, threshold: 30, duration: 2m, action: rollback, on_blind: rollback }\n",
        ),
    ];
    goes_home_once_and_on_again(Sky { plan: PODS, ..Sky::calm("pod-gauge") }, "gke-latency", "concurrency", "concurrency").await;
}

/// It is minutes late, and nobody is called blind for that; and what it tells in the end brings everything home, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_breach_that_the_load_balancer_tells_minutes_later_brings_everything_home_once() {
    let sky = Sky { text: LOAD_BALANCER, speed: 60.0, ..Sky::calm("load-balancer") };
    goes_home_once_and_on_again(sky, "gke-latency", "p95-latency", "p95").await;
}

/// Each pod's page holds a past of errors and slow answers, which is no breach: only what they count from now on is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_breach_on_the_pages_of_pods_brings_everything_home_once() {
    const PODS: &[(&str, &str)] =
        &[("settle: 2m", "settle: 45s"), ("metrics: https://frontend-gke.hexproperty.com/metrics", "readings: { pods: { port: 8080 } }")];
    goes_home_once_and_on_again(Sky { plan: PODS, ..Sky::calm("pods") }, "gke-latency", "p95-latency", "p95").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_answers_at_half_bring_everything_home_once() {
    goes_home_once_and_on_again(Sky::calm("latency"), "gke-latency", "p95-latency", "p95").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_goes_back_in_the_middle_of_a_move() {
    let mut session = Session::begin(Sky::calm("operator")).await;
    session.fly_to(250).await;
    // Both leave before either is answered: the way back meets a write that is on the wire.
    let (out, back) = (session.shift(500), Command::Rollback { route: None, reason: Some("the phones ring".into()) });
    let (out, back) = (session.send(out).await, session.send(back).await);
    assert_eq!(session.answer(out).await, Verdict::Accepted);
    assert_eq!(session.answer(back).await, Verdict::Accepted);
    let again = session.ask(Command::Rollback { route: Some(route_id()), reason: None }).await;
    assert_eq!(again, Verdict::Joined);
    let state = session.until("home", is_home).await;
    let cause = Cause::Operator { who: "anna".parse().unwrap(), reason: Some("the phones ring".into()), approved_by: None };
    assert_eq!(route_of(&state).latch.as_ref().map(|latch| &latch.cause), Some(&cause));
    session.settled_at(0).await;

    let landed = session.land().await;
    let mut overtook = false;
    landed.replay(|before, after| {
        let moving = matches!(route_of(before).motion, Motion::Writing { .. });
        overtook |= moving && route_of(before).latch.is_none() && latched(after);
    });
    assert!(overtook, "the rollback began while the write was on its way");
    let last = landed.writes().pop().unwrap();
    assert_eq!((last.to, last.cause), (split(0), cause));
    assert!(route_of(&landed.state).unresolved.is_empty(), "nothing of ours is on its way any more");
    assert!(landed.truth.settled && landed.truth.propagated.gke < 0.001);
    assert_eq!(landed.state.routes[&route_id()].accepted.as_ref().unwrap().weights.of(&backend("run")).get(), 1000);
}
