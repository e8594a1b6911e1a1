//! The disk fails in flight: nothing leaves any more but the way home, everybody is told, and the next host knows that a time is missing.

use cutover::{
    core::{
        command::Command,
        decision::{Refusal, Verdict},
        home::is_home_now,
        outlook::{Attention, attention},
        reason::Mover,
        record::is_broken,
        state::State,
    },
    session::keeping::{EngineError, Traffic},
};

use crate::session::{Session, Sky, route_id, route_of, split};

fn is_home(state: &State) -> bool {
    let plan = &state.opened.as_ref().unwrap().plan;
    plan.routes.iter().all(|route| is_home_now(state, route))
}

fn says() -> Command {
    Command::Say { text: "is anybody here?".into() }
}

/// The host has ended at home; the next one holds the route, and doesn't call its own write somebody else's.
async fn comes_back_and_holds(session: Session) -> Session {
    let (error, mut session) = session.end_and_come_back().await;
    let EngineError::Recorder { traffic, kept, .. } = &error else { panic!("{error}") };
    assert_eq!(*traffic, Traffic::Home, "{error}");
    assert!(kept.0 > 0 && error.to_string().contains(&format!("Record {kept} is the last")), "{error}");
    let state = session.until("the weights are read", |state| route_of(state).drift.is_some()).await;
    let route = route_of(&state);
    assert!(route.hold.is_some());
    let drift = route.drift.as_ref().unwrap();
    assert!(matches!(drift.by, Mover::Unrecorded { .. }), "{drift:?}");
    assert_eq!(drift.found, split(0));
    assert!(attention(&state).iter().any(|found| matches!(found, Attention::RecordMissing { .. })));
    session.take_controls().await;
    let adopted = Command::AdoptDrift { route: route_id(), found: split(0) };
    assert_eq!(session.ask(adopted).await, Verdict::Accepted);
    assert_eq!(session.ask(Command::Resume { route: route_id() }).await, Verdict::Accepted);
    let state = session.until("it is looked at", |state| state.record.missing.is_none()).await;
    assert!(!attention(&state).iter().any(|found| matches!(found, Attention::RecordMissing { .. })));
    session
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_goes_home_after_the_record_broke_and_the_next_host_holds() {
    let mut session = Session::begin(Sky::calm("disk-person")).await;
    session.fly_to(50).await;
    session.lose_journal();
    let state = session.until("the record is broken", is_broken).await;
    assert!(attention(&state)[0].is_urgent() && attention(&state).iter().any(|found| matches!(found, Attention::RecordBroken { .. })));
    for command in [says(), session.shift(100), session.shift(0), Command::Hold { route: route_id() }] {
        let verdict = session.ask(command).await;
        assert!(matches!(verdict, Verdict::Refused(Refusal::RecordBroken { .. })), "{verdict:?}");
    }
    assert_eq!(route_of(&session.state()).accepted.as_ref().unwrap().weights, split(50));
    assert_eq!(session.ask(Command::Rollback { route: None, reason: None }).await, Verdict::Accepted);
    session.until("everybody is home", is_home).await;
    comes_back_and_holds(session).await.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trigger_goes_home_after_the_record_broke() {
    let mut session = Session::begin(Sky::calm("disk-trigger")).await;
    session.fly_to(500).await;
    assert_eq!(session.ask(Command::Inject { inject: "gke-errors".into() }).await, Verdict::Accepted);
    session.lose_journal();
    let state = session.until("a rollback", |state| route_of(state).latch.is_some()).await;
    assert!(is_broken(&state));
    session.until("everybody is home", is_home).await;
    comes_back_and_holds(session).await.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_breaks_at_home_ends_the_host_at_once() {
    let mut session = Session::begin(Sky::calm("disk-home")).await;
    session.until("everybody is home", is_home).await;
    session.lose_journal();
    let (error, session) = session.end_and_come_back().await;
    assert!(matches!(error, EngineError::Recorder { traffic: Traffic::Home, .. }), "{error}");
    session.leave().await;
}
