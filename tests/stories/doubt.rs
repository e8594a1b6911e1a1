//! Answers that never come: an unknown outcome is looked up and never repeated on a guess.

use cutover::core::news::News;
use cutover::{
    core::{
        command::Command,
        decision::{Effect, Verdict},
        event::Event,
        home::{Home, home},
        reason::Obstacle,
        state::{Motion, State},
    },
    domain::fault::{FaultKind, Outcome},
    sim::faults::{Api, Fault, Trouble},
};

use crate::{
    landed::Landed,
    session::{Session, Sky, route_id, route_of, split},
};

fn trouble(trouble: Trouble, for_s: f64) -> Fault {
    Fault::Api { api: Api::Compute, trouble, for_s }
}

/// Each unknown outcome of a write is followed by a read before anything else is done to the route.
fn looks_after_every_doubt(landed: &Landed) -> usize {
    let unknown: Vec<_> =
        landed.writes().into_iter().filter(|write| matches!(write.outcome, Some(Outcome::Unknown(_)))).map(|write| write.effect).collect();
    for effect in &unknown {
        let at = landed
            .transitions
            .iter()
            .position(|told| matches!(&told.transition.entry.event, Event::Finished { effect: ended, .. } if ended == effect));
        let after = landed.transitions[at.unwrap()..].iter().flat_map(|told| &told.transition.decision.effects);
        let next = after.map(|effect| &effect.what).find(|what| matches!(what, Effect::Read { .. } | Effect::Write { .. }));
        assert!(matches!(next, Some(Effect::Read { .. })), "after {effect}: {next:?}");
    }
    unknown.len()
}

fn calm(state: &State) -> bool {
    matches!(route_of(state).motion, Motion::Settled) && route_of(state).unresolved.is_empty()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_that_are_lost_move_nothing_twice() {
    let mut session = Session::begin(Sky::calm("lost")).await;
    session.fly_to(100).await;
    session.control().inject(&trouble(Trouble::LostReplies, 60.0));
    session.advance(400).await;
    session.settled_at(400).await;
    session.fly_to(900).await;
    let landed = session.land().await;
    looks_after_every_doubt(&landed);
    assert_eq!(landed.ours().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_that_is_down_leaves_doubt_and_the_doubt_is_resolved_by_looking() {
    let mut session = Session::begin(Sky::calm("down")).await;
    session.fly_to(100).await;
    session.control().inject(&trouble(Trouble::Unavailable, 60.0));
    session.advance(400).await;
    session.until("doubt", |state| matches!(route_of(state).motion, Motion::Resolving { .. })).await;
    session.until("certainty", calm).await;
    assert_eq!(route_of(&session.state()).accepted.as_ref().unwrap().weights, split(100), "nothing was moved");
    session.fly_to(400).await;
    let landed = session.land().await;
    assert!(looks_after_every_doubt(&landed) >= 1);
    assert_eq!(landed.ours().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_that_says_nothing_holds_up_nobody_for_ever() {
    let mut session = Session::begin(Sky::calm("silent")).await;
    session.fly_to(400).await;
    session.control().inject(&trouble(Trouble::HalfOpen, 90.0));
    session.advance(900).await;
    assert_eq!(session.ask(Command::Rollback { route: None, reason: None }).await, Verdict::Accepted);
    session.until("home", |state| !route_of(state).motion.is_returning()).await;
    session.settled_at(0).await;
    let landed = session.land().await;
    looks_after_every_doubt(&landed);
    assert!(landed.truth.propagated.gke < 0.001);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_dies_in_the_middle_of_a_move_finds_out_and_advances_nothing() {
    let mut session = Session::begin(Sky::calm("died")).await;
    session.fly_to(100).await;
    // Every answer takes its time, so the write is still on its way when the host dies; on a machine that stood still it may have ended.
    session.control().inject(&trouble(Trouble::Slow { ms: 10_000.0 }, 60.0));
    session.advance(400).await;
    let next = Command::Shift { route: route_id(), from: split(400), to: split(600) };
    assert_eq!(session.ask(next).await, Verdict::Queued);
    let motion = route_of(&session.state()).motion.clone();
    assert!(matches!(motion, Motion::Writing { .. } | Motion::Propagating { .. }), "{motion:?}");
    let mut session = session.die_and_come_back().await;
    let state =
        session.until("certainty", |state| !matches!(route_of(state).motion, Motion::Writing { .. } | Motion::Resolving { .. })).await;
    assert_eq!(state.opened.as_ref().map(|opened| opened.restarts), Some(1));
    let stands = route_of(&state).accepted.as_ref().unwrap().weights.clone();
    assert!(stands == split(100) || stands == split(400), "{stands}");
    session.settled_at(stands.of(&"gke".parse().unwrap()).get()).await;
    session.take_controls().await;
    session.fly_to(800).await;
    let landed = session.land().await;
    assert!(landed.writes().iter().all(|write| write.to != split(600)), "what was queued is dropped");
    assert_eq!(landed.told(|news| *news == News::HostReturned), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_home_is_tried_until_the_api_is_back() {
    let mut session = Session::begin(Sky::calm("home-503")).await;
    session.fly_to(400).await;
    session.control().inject(&trouble(Trouble::Unavailable, 60.0));
    assert_eq!(session.ask(Command::Rollback { route: None, reason: None }).await, Verdict::Accepted);
    session.until("home", |state| !route_of(state).motion.is_returning()).await;
    session.settled_at(0).await;
    let landed = session.land().await;
    looks_after_every_doubt(&landed);
    assert_eq!(landed.told(|news| matches!(news, News::NotHome { .. })), 1, "the second lever was called for, once");
    assert!(landed.truth.propagated.gke < 0.001);
}

/// Writes are refused with 403: half a minute later the route is NOT HOME, in the API's words, and it comes home when they are let in again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_way_home_says_so_until_somebody_gives_the_permission_back() {
    let mut session = Session::begin(Sky::calm("read-only")).await;
    session.fly_to(400).await;
    session.control().inject(&trouble(Trouble::ReadOnly, 60.0));
    assert_eq!(session.ask(Command::Rollback { route: None, reason: None }).await, Verdict::Accepted);
    let stands = |state: &State| home(state, &state.opened.as_ref().expect("it is open").plan.routes[0]);
    let state = session.until("NOT HOME", |state| matches!(stands(state), Home::NotHome { .. })).await;
    let Home::NotHome { attempts, why: Obstacle::WriteFailed { why }, .. } = stands(&state) else { panic!("{:?}", stands(&state)) };
    assert!(attempts > 1 && why.kind == FaultKind::Forbidden && why.message.as_str().contains("permission"), "{attempts} {why}");
    session.until("home is seen", |state| matches!(stands(state), Home::Seen { .. })).await;
    let landed = session.land().await;
    assert_eq!(landed.told(|news| matches!(news, News::HomeSeen { .. })), 1);
    assert!(landed.truth.propagated.gke < 0.001);
}
