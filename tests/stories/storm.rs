//! A night on which a bit of everything goes wrong, flown by somebody who never gives up; then the calm, in which all must come to rest.
//!
//! What must hold in between is judged from the journal at the landing. Another night: `CUTOVER_STORM=7 cargo test --test stories storm`.

use std::time::{Duration, Instant};

use cutover::{
    core::{
        command::{Command, ControlsCommand},
        state::{Motion, State},
    },
    sim::scenario::Scenario,
};

use crate::session::{Session, Sky, route_id, route_of};

/// Real time that the storm lasts; eight minutes of the world's.
const LASTS: Duration = Duration::from_secs(20);
const WISH_EVERY: Duration = Duration::from_millis(250);

/// What somebody who wants to get there asks for next.
fn request(session: &Session, round: usize) -> Command {
    let state = session.state();
    let route = route_of(&state);
    if state.controls.holder.is_none() {
        return Command::Controls(ControlsCommand::Take);
    }
    if let Some(drift) = &route.drift {
        let adopt = Command::AdoptDrift { route: route_id(), found: drift.found.clone() };
        return if round.is_multiple_of(2) && route.latch.is_none() { adopt } else { Command::Rollback { route: None, reason: None } };
    }
    if route.latch.is_some() {
        return Command::Rearm { route: route_id(), reason: "we go on".into() };
    }
    let stands = route.wanted.as_ref().map_or(0, |wanted| wanted.of(&"gke".parse().unwrap()).get());
    let next = [10, 50, 250, 500, 1000].into_iter().find(|step| *step > stands).unwrap_or(500);
    session.shift(next)
}

/// Nothing is on its way, and if it is not as it was wanted, somebody is told why.
fn at_rest(state: &State) -> bool {
    let route = route_of(state);
    let rests = matches!(route.motion, Motion::Settled | Motion::NeedsHuman { .. }) && route.unresolved.is_empty();
    let agrees = route.accepted.as_ref().map(|accepted| &accepted.weights) == route.wanted.as_ref() || route.drift.is_some();
    rests && agrees && route.queued.is_none()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_storm_everything_comes_to_rest() {
    let seed = std::env::var("CUTOVER_STORM").map_or(1, |seed| seed.parse().expect("a storm has a number"));
    let mut session = Session::begin(Sky { scenario: Scenario::Storm, seed, ..Sky::calm("storm") }).await;
    let began = Instant::now();
    for round in 0.. {
        if began.elapsed() >= LASTS {
            break;
        }
        let request = request(&session, round);
        session.ask(request).await;
        tokio::time::sleep(WISH_EVERY).await;
    }
    session.control().calm();
    session.until("rest", at_rest).await;
    // What the world did in the last moment is seen with the next reading.
    let truth = session.control().truth();
    session.until("a fresh look", |state| route_of(state).accepted_at.is_some_and(|at| at.0 > truth.now_ms) && at_rest(state)).await;
    if std::env::var_os("CUTOVER_STORM").is_some() {
        println!("{}", session.story());
    }
    let landed = session.land().await;
    assert!(!landed.writes().is_empty());
}
