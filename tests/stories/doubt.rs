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
    domain::{fault::Outcome, hindrance::Hindrance},
    sim::faults::{Api, Fault, Trouble},
};

use crate::{
    landed::Landed,
    session::{Session, Sky, route_id, route_of, split},
};

fn trouble(trouble: Trouble, for_s: f64) -> Fault {
    Fault::Api { api: Api::Compute, trouble, for_s }
}

/// Each unknown outcome of a write is followed by a read before anything new is done to the route. Only the way home may be repeated as it
/// was before that read has answered, against the same version.
fn looks_after_every_doubt(landed: &Landed) -> usize {
    let unknown: Vec<_> =
        landed.writes().into_iter().filter(|write| matches!(write.outcome, Some(Outcome::Unknown(_)))).map(|write| write.effect).collect();
    for effect in &unknown {
        let at = landed
            .transitions
            .iter()
            .position(|told| matches!(&told.transition.entry.event, Event::Finished { effect: ended, .. } if ended == effect));
        let after = landed.transitions[at.unwrap()..].iter().flat_map(|told| &told.transition.decision.effects);
        let next = after.map(|effect| &effect.what).find(|what| matches!(what, Effect::Read { .. } | Effect::Write { again: None, .. }));
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
    let Home::NotHome { attempts, why: Obstacle::Hindered { why }, .. } = stands(&state) else { panic!("{:?}", stands(&state)) };
    let Hindrance::Forbidden { permission, why: Some(said) } = why else { panic!("{why:?}") };
    assert!(attempts > 1 && permission.as_str() == "compute.urlMaps.update", "{attempts} {permission}");
    assert!(said.as_str().contains("permission"), "{said}");
    session.until("home is seen", |state| matches!(stands(state), Home::Seen { .. })).await;
    let landed = session.land().await;
    assert_eq!(landed.told(|news| matches!(news, News::HomeSeen { .. })), 1);
    assert!(landed.truth.propagated.gke < 0.001);
}

/// The connections that are open take everything and give nothing back: the way home goes on a fresh one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_connections_keep_nobody_away_from_home() {
    let mut session = Session::begin(Sky::calm("dead-connections")).await;
    session.fly_to(400).await;
    session.control().inject(&trouble(Trouble::DeadConnections, 36_000.0));
    assert_eq!(session.ask(Command::Rollback { route: None, reason: None }).await, Verdict::Accepted);
    session.until("home", |state| !route_of(state).motion.is_returning()).await;
    session.settled_at(0).await;
    let landed = session.land().await;
    let copies = landed.transitions.iter().filter_map(|told| match &told.transition.entry.event {
        Event::Finished { attempts, .. } => Some(attempts.len()),
        _ => None,
    });
    assert!(copies.max() >= Some(2), "the write went out again");
    assert_eq!(landed.ours().len(), 2 + 1, "and was done once");
}

/// Reads are refused for as long as the test lasts, and the first write home failed: home is written all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_that_are_refused_keep_nobody_away_from_home() {
    let mut session = Session::begin(Sky::calm("reads-throttled")).await;
    session.fly_to(400).await;
    session.control().inject(&trouble(Trouble::Unavailable, 36_000.0));
    assert_eq!(session.ask(Command::Rollback { route: None, reason: None }).await, Verdict::Accepted);
    session.until("a write that failed", |state| matches!(&route_of(state).motion, Motion::Returning(back) if back.fault.is_some())).await;
    session.control().inject(&trouble(Trouble::ReadsThrottled, 36_000.0));
    let control = session.control().clone();
    session
        .until("home in the world", move |_| {
            control.truth().accepted.iter().all(|(service, weight)| *weight == 0 || service.contains("run"))
        })
        .await;
    assert!(route_of(&session.state()).motion.is_returning(), "and the session can't know it yet");
    session.control().calm();
    session.settled_at(0).await;
    let landed = session.land().await;
    assert_eq!(landed.ours().len(), 2 + 1, "it was done once");
}

/// The API takes the write home, and refuses to tell what came of it: that is told in its own words, and nothing is sent again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_home_that_was_taken_and_can_not_be_seen_says_why() {
    let mut session = Session::begin(Sky::calm("taken")).await;
    session.fly_to(400).await;
    session.control().inject(&trouble(Trouble::ReadsThrottled, 36_000.0));
    assert_eq!(session.ask(Command::Rollback { route: None, reason: None }).await, Verdict::Accepted);
    let stands = |state: &State| home(state, &state.opened.as_ref().unwrap().plan.routes[0]);
    let names_429 = |why: &Obstacle| match why {
        Obstacle::NotSeenYet { unread: Some(unread), .. } => unread.why.message.as_str().contains("429"),
        _ => false,
    };
    session
        .until("taken, and reads refused", move |state| match stands(state) {
            Home::Going { why, .. } | Home::NotHome { why, .. } => names_429(&why),
            _ => false,
        })
        .await;
    session.control().calm();
    session.settled_at(0).await;
    let landed = session.land().await;
    assert_eq!(landed.ours().len(), 2 + 1, "it was done once");
}

/// The same after the host has died: the one that comes back has had no look of its own, and knows what the one before has left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_comes_back_while_reads_fail_brings_everybody_home_without_a_look() {
    for (name, reads) in [("reads-hang", Trouble::ReadsHang), ("reads-refused", Trouble::ReadsThrottled)] {
        let mut session = Session::begin(Sky::calm(name)).await;
        session.fly_to(400).await;
        session.control().inject(&trouble(reads, 36_000.0));
        let mut session = session.die_and_come_back().await;
        assert_eq!(session.ask(Command::Rollback { route: None, reason: None }).await, Verdict::Accepted);
        let control = session.control().clone();
        let is_home = move |_: &State| control.truth().accepted.iter().all(|(service, weight)| *weight == 0 || service.contains("run"));
        session.until("home in the world", is_home).await;
        assert!(route_of(&session.state()).motion.is_returning(), "and the session can't know it yet");
        let map = session.control().with(|world| world.load_balancer.url_map().clone());
        let description = map["description"].as_str().unwrap();
        assert!(description.starts_with("api.hexproperty.com [cutover claim/"), "what people wrote is still there: {description}");
        session.control().calm();
        session.settled_at(0).await;
        let landed = session.land().await;
        let back = landed.transitions.iter().position(|told| told.transition.entry.event == Event::Restarted).unwrap();
        let looked = |told: &crate::landed::Line| match &told.transition.entry.event {
            Event::Observed(seen) => seen.source.as_str() == "weights/frontend" && seen.result.is_ok(),
            _ => false,
        };
        let left =
            |told: &crate::landed::Line| told.transition.decision.effects.iter().any(|effect| matches!(effect.what, Effect::Write { .. }));
        let after = &landed.transitions[back..];
        assert!(after.iter().position(left) < after.iter().position(looked), "{name}: it left before any look");
        assert_eq!(landed.ours().len(), 2 + 1, "{name}: it was done once");
    }
}

/// Reads tell what stood before a write for longer than its operation takes: it is looked up, and nobody is accused of a change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_reads_are_nobodys_change_and_keep_nobody_away_from_home() {
    let mut session = Session::begin(Sky::calm("old-reads")).await;
    session.control().inject(&trouble(Trouble::OldReads { ms: 16_000.0 }, 36_000.0));
    session.fly_to(400).await;
    assert_eq!(session.ask(Command::Rollback { route: None, reason: None }).await, Verdict::Accepted);
    session.settled_at(0).await;
    let landed = session.land().await;
    let accused = |news: &News| matches!(news, News::Drifted { .. } | News::CameFirst { .. } | News::RollbackUndone { .. });
    assert_eq!(landed.told(accused), 0);
    assert_eq!(landed.ours().len(), 2 + 1);
}
