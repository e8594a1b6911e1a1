//! No data is not good data: what nobody can see does not advance, and the plan says what becomes of it.

use cutover::core::news::News;
use cutover::core::outlook::{Outlook, outlook};
use cutover::core::{
    command::Command,
    decision::{Cause, Refusal, Verdict},
    state::{Reading, State},
};

use crate::session::{Session, Sky, route_of, split};

fn inject(what: &str) -> Command {
    Command::Inject { inject: what.into() }
}

fn blind(state: &State) -> bool {
    state.triggers.values().all(|trigger| matches!(trigger.reading, Reading::Unknown { .. }))
}

/// At half, with GKE's page of metrics empty, and an advance refused for it.
async fn gone_blind_at_half(sky: Sky) -> Session {
    let mut session = Session::begin(sky).await;
    session.fly_to(500).await;
    assert_eq!(session.ask(inject("gke-metrics-gone")).await, Verdict::Accepted);
    session.until("blindness", blind).await;
    // As the outlook says it: half a minute without a sample. An earlier window that only filled is no news of now.
    let long = |state: &State| state.triggers.keys().all(|id| matches!(outlook(state, id), Some(Outlook::Blind { .. })));
    session.until("half a minute of blindness", long).await;
    let refused = session.ask(session.shift(1000)).await;
    assert!(matches!(refused, Verdict::Refused(Refusal::Blind { .. })), "{refused:?}");
    session
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blindness_that_lasts_goes_home_when_the_plan_says_so() {
    let mut session = gone_blind_at_half(Sky::calm("blind-home")).await;
    let state = session.until("a rollback", |state| route_of(state).latch.is_some()).await;
    let latch = route_of(&state).latch.clone().unwrap();
    assert!(matches!(&latch.cause, Cause::Blind { .. }), "{latch:?}");
    session.settled_at(0).await;
    let landed = session.land().await;
    let home: Vec<_> = landed.writes().into_iter().filter(|write| write.to == split(0)).map(|write| write.cause).collect();
    assert_eq!(home, [latch.cause]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blindness_that_lasts_holds_when_the_plan_says_so() {
    let sky = Sky { plan: &[("settle: 2m", "settle: 45s"), ("on_blind: rollback", "on_blind: hold")], ..Sky::calm("blind-hold") };
    let mut session = gone_blind_at_half(sky).await;
    let held = |state: &State| state.feed.iter().any(|line| matches!(line.news, News::BlindHeld { .. }));
    session.until("holding", held).await;
    assert_eq!(route_of(&session.state()).latch, None);
    assert!(matches!(session.ask(session.shift(1000)).await, Verdict::Refused(Refusal::Blind { .. })));
    assert_eq!(session.ask(inject("calm")).await, Verdict::Accepted);
    session.until("sight", |state| state.triggers.values().all(|trigger| trigger.reading == Reading::Ok)).await;
    session.fly_to(1000).await;
    let landed = session.land().await;
    assert_eq!(landed.writes().into_iter().map(|write| write.to).collect::<Vec<_>>(), [split(10), split(500), split(1000)]);
}

/// No window at one percent holds the requests that a verdict needs; several do, and the breach is over without anybody's word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_breach_at_one_percent_is_seen_to_be_over() {
    let mut session = Session::begin(Sky::calm("thin-breach")).await;
    session.fly_to(10).await;
    assert_eq!(session.ask(inject("gke-errors")).await, Verdict::Accepted);
    let pending = |state: &State| state.triggers.values().any(|trigger| trigger.pending_since.is_some());
    session.until("a breach", pending).await;
    assert_eq!(session.ask(inject("calm")).await, Verdict::Accepted);
    session.until("its end", |state| !pending(state)).await;
    assert_eq!(route_of(&session.state()).latch, None);
    session.fly_to(50).await;
    session.land().await;
}
