//! Every process works, no counter sees an error, and the users get something else than the site: the commonest fault of such a flight.

use cutover::core::{
    command::Command,
    decision::{Cause, Refusal, Verdict},
    state::{Motion, State},
};

use crate::session::{Session, Sky, route_of};

fn inject(what: &str) -> Command {
    Command::Inject { inject: what.into() }
}

fn is_home(state: &State) -> bool {
    let route = route_of(state);
    route.latch.is_some() && !route.motion.is_returning() && !matches!(route.motion, Motion::Writing { .. })
}

/// A target that answers 404 everywhere, its probe included, is not even begun with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flight_to_a_site_that_is_not_there_ends_before_its_first_step() {
    let mut session = Session::begin(Sky::calm("no-site")).await;
    assert_eq!(session.ask(inject("gke-404")).await, Verdict::Accepted);
    let probed = |state: &State| {
        let probe = state.backends[&"gke".parse().unwrap()].probe.as_ref();
        probe.is_some_and(|probe| probe.sent > 0 && probe.failed == probe.sent)
    };
    session.until("a probe that finds no page", probed).await;
    let refused = session.ask(session.shift(10)).await;
    assert!(matches!(refused, Verdict::Refused(Refusal::Blind { .. })), "{refused:?}");
    let landed = session.land().await;
    assert!(landed.ours().is_empty());
}

/// The same once users are there, and what no probe sees either: it goes home by itself, and nothing advances in between.
async fn goes_home_for(fault: &'static str) {
    let mut session = Session::begin(Sky::calm(fault)).await;
    session.fly_to(250).await;
    assert_eq!(session.ask(inject(fault)).await, Verdict::Accepted);
    let unlike = |state: &State| route_of(state).front_door.met.values().any(|met| met.unlike.is_some());
    session.until("another site", unlike).await;
    let refused = session.ask(session.shift(500)).await;
    let refusal = matches!(refused, Verdict::Refused(Refusal::UnlikeHome { .. } | Refusal::RollingBack | Refusal::Latched { .. }));
    assert!(refusal, "{fault}: {refused:?}");
    let state = session.until("home", is_home).await;
    let latch = route_of(&state).latch.clone().unwrap();
    assert!(matches!(&latch.cause, Cause::UnlikeHome { backend, .. } if backend.as_str() == "gke"), "{fault}: {latch:?}");
    session.settled_at(0).await;
    let landed = session.land().await;
    assert_eq!(landed.ours().len(), 3, "{fault}: two steps out and one way home");
    assert!(landed.truth.propagated.gke < 0.001);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_who_get_404_are_brought_home() {
    goes_home_for("gke-404").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_who_are_sent_to_a_login_are_brought_home() {
    goes_home_for("gke-login").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_who_get_a_login_page_are_brought_home() {
    goes_home_for("gke-login-page").await;
}

/// The load balancer answers in GKE's stead, unmarked, and GKE's own counter stays clean.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_whom_the_load_balancer_turns_away_are_brought_home() {
    let mut session = Session::begin(Sky::calm("lb-502")).await;
    session.fly_to(50).await;
    assert_eq!(session.ask(inject("lb-502")).await, Verdict::Accepted);
    let failing = |state: &State| route_of(state).front_door.met.values().any(|met| met.failing.is_some());
    session.until("failures at the door", failing).await;
    assert!(matches!(session.ask(session.shift(250)).await, Verdict::Refused(_)));
    session.until("home", is_home).await;
    let landed = session.land().await;
    assert_eq!(landed.ours().len(), 3);
}
