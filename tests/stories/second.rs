//! Two sessions on one object, each with an engine, a journal and adapters of its own: who steers, who is fenced, and who brings home.

use std::sync::Arc;

use cutover::{
    core::{
        command::Command,
        decision::{Refusal, Verdict},
        home::home,
        state::State,
        steer::Steers,
    },
    domain::claim::Claim,
};

use crate::session::{Session, Sky, route_id, route_of};

fn another(state: &State) -> Option<Box<Claim>> {
    route_of(state).steering.another().cloned().map(Box::new)
}

fn is_home(state: &State) -> bool {
    home(state, &state.opened.as_ref().expect("it is open").plan.routes[0]).is_reached()
}

async fn is_refused(session: &mut Session, to: u16) -> bool {
    let request = session.shift(to);
    matches!(session.ask(request).await, Verdict::Refused(Refusal::SteeredElsewhere { .. }))
}

#[tokio::test]
async fn a_second_host_takes_over_with_a_reason_and_a_rollback_of_the_first_fences_it() {
    let mut first = Session::begin(Sky::calm("first-host")).await;
    first.fly_to(10).await;
    let mut second = Session::begin_in(Arc::clone(&first.world), Sky::calm("second-host"), 2).await;
    let state = second.until("the first one's claim", |state| another(state).is_some()).await;
    let stands = another(&state).unwrap();
    assert_eq!((stands.by.session.as_str(), stands.epoch.get()), ("story-first-host", 1));
    assert!(is_refused(&mut second, 50).await, "{}", second.story());

    let take = Command::TakeOver { route: route_id(), from: Some(stands), reason: "first-host has no pilot".into() };
    assert_eq!(second.ask(take).await, Verdict::Accepted);
    second.until("it steers", |state| matches!(route_of(state).steering.stands, Steers::Us { .. })).await;
    let state = first.until("it is fenced", |state| another(state).is_some()).await;
    let newer = another(&state).unwrap();
    let person = newer.person.as_ref().map(ToString::to_string);
    assert_eq!((newer.by.session.as_str(), newer.epoch.get(), person.as_deref()), ("story-second-host", 2, Some("anna")));
    assert!(is_refused(&mut first, 50).await, "{}", first.story());
    second.fly_to(50).await;
    let state = first.settled_at(50).await;
    assert_eq!(route_of(&state).drift, None, "what moves there is the second one's doing\n{}", first.story());

    // Both go home at once; the one that comes later finds it done.
    let (one, two) = (Command::Rollback { route: None, reason: None }, Command::Rollback { route: None, reason: None });
    let sent = (first.send(one).await, second.send(two).await);
    assert_eq!((first.answer(sent.0).await, second.answer(sent.1).await), (Verdict::Accepted, Verdict::Accepted));
    first.until("it is home", is_home).await;
    second.until("it is home", is_home).await;
    let text = first.control().truth();
    assert!(text.accepted.contains(&("frontend-gke".to_owned(), 0)), "{:?}", text.accepted);
    let written = text.mutations.iter().filter(|mutation| mutation.actor.reason.is_some()).count();
    assert!(written <= 6, "two steps, a taking over, and at most three to bring both home: {:?}", text.mutations);
    second.land().await;
    first.land().await;
}
