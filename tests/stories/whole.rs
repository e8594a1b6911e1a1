//! The good day: 1, 5, 25, 50, 100 %, and a checklist that fills itself.

use cutover::core::reason::Evidence;
use cutover::core::state::{ItemStatus, State};

use crate::session::{Session, Sky, route_of, split};

/// The seven lines that nobody signs, in the order of the plan.
const COLLECTED: [&str; 7] =
    ["monitoring", "error-rates", "latency", "replication-lag", "dropped-connections", "all-traffic", "performance"];

fn status(state: &State, item: &str) -> ItemStatus {
    state.checklist[&item.parse().unwrap()].status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_calm_flight_goes_all_the_way_and_its_checklist_fills_itself() {
    let sky = Sky { plan: &[("settle: 2m", "settle: 45s"), ("stable_for: 30m", "stable_for: 2m")], ..Sky::calm("whole") };
    let mut session = Session::begin(sky).await;
    for to in [10, 50, 250, 500, 1000] {
        session.fly_to(to).await;
        // At 1 % there are too few requests to speak of a rate of errors; the session says so and doesn't guess.
        let seen =
            |item: &str| if to == 10 && matches!(item, "error-rates" | "monitoring") { ItemStatus::Unknown } else { ItemStatus::Done };
        let done = |state: &State| COLLECTED[..4].iter().all(|item| status(state, item) == seen(item));
        session.until(&format!("evidence at {to} per mille"), done).await;
    }
    let state = session.until("every line", |state| COLLECTED.iter().all(|item| status(state, item) == ItemStatus::Done)).await;
    for item in COLLECTED {
        let known = &state.checklist[&item.parse().unwrap()];
        assert!(known.evidence != Evidence::None && known.expires_at > known.seen_at && known.signed_by.is_none(), "{item}: {known:?}");
    }
    for (instance, replica) in &state.replication {
        let lag = replica.history.iter().flatten().count();
        assert_eq!(instance.as_str() == "hexproperty-replica", lag > 0, "{instance} has {lag} columns of lag");
    }
    let landed = session.land().await;
    let route = route_of(&landed.state);
    assert!(route.latch.is_none() && route.drift.is_none() && landed.state.in_flight.is_empty());
    let flown: Vec<_> = landed.writes().into_iter().map(|write| write.to).collect();
    assert_eq!(flown, [10, 50, 250, 500, 1000].map(split));
    assert_eq!(landed.ours().len(), 5);
    assert!(landed.truth.settled && landed.truth.propagated.gke > 0.999, "{:?}", landed.truth.propagated);
    assert_eq!((landed.truth.run.dropped, landed.truth.gke.dropped), (0, 0));
}
