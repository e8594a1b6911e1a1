//! Several services of one load balancer on one screen.

use cutover::{
    core::state::{Proof, State},
    domain::weight::{PerMille, Weights},
    plan,
    tui::view::{Screen, View},
};

use crate::{
    scenes,
    stories::{at_all_sizes, says},
};

/// Three routes, and six backends, which have no room beside each other.
fn three() -> State {
    let mut state = scenes::calm();
    let (plan, _) = plan::read(include_bytes!("../../plans/services.yaml")).expect("our own plan");
    let frontend = state.routes.get(&scenes::id("frontend")).unwrap().clone();
    state.routes = plan.routes.iter().map(|route| (route.id.clone(), frontend.clone())).collect();
    state.opened.as_mut().unwrap().plan = plan.into();
    state
}

#[test]
fn the_cards_are_of_the_chosen_route_where_those_of_all_could_not_be_read() {
    for (route, cards, others) in [
        (0, ["╮╭ Frontend on Cloud Run ", "╭ Frontend on GKE "], "╭ Backend on GKE "),
        (1, ["╮╭ Backend on Cloud Run ", "╭ Backend on GKE "], "╭ Frontend on GKE "),
    ] {
        let mut view = scenes::view();
        view.route = route;
        let texts = at_all_sizes(&format!("services-{route}"), &three(), &view);
        says(&texts[1..], &cards);
        assert!(texts.iter().all(|text| !text.contains(others)), "{others}: {}", texts[1]);
    }
}

/// One service is home, and half of another's users are not.
#[test]
fn nobody_reads_that_all_is_home_while_another_service_is_away() {
    let mut state = three();
    let plan = state.opened.as_ref().unwrap().plan.clone();
    for (place, route) in plan.routes.iter().enumerate() {
        let known = state.routes.get_mut(&route.id).unwrap();
        let ids: Vec<_> = route.backends.iter().map(|backend| backend.id.clone()).collect();
        let home = Weights::all_on(&route.home, &ids);
        let half = home.with(&route.target, PerMille::percent(50).unwrap()).unwrap();
        let weights = if place == 2 { half } else { home };
        known.wanted = Some(weights.clone());
        known.accepted.as_mut().unwrap().weights = weights;
        known.proof = Proof::Proven { at: scenes::ago(660) };
        known.observed = None;
    }
    let view = scenes::view();
    let says_so = |name: &str, state: &State, view: &View| {
        let texts = at_all_sizes(name, state, view);
        assert!(texts.iter().all(|text| !text.to_lowercase().contains("all traffic is")), "{}", texts[1]);
        texts
    };
    says(&says_so("services-away", &state, &view), &["Partners' API home too", "Web frontend is home on"]);
    let narrow = &at_all_sizes("services-away", &state, &view)[0];
    assert!(narrow.lines().any(|line| line.contains("Partners' API") && line.contains("50% ")), "{narrow}");
    let watched = View { screen: Screen::Watch, ..scenes::view() };
    says(&says_so("services-away-watched", &state, &watched), &["Partners' API"]);
    state.routes.get_mut(&scenes::id("frontend")).unwrap().latch = scenes::latched().routes[&scenes::id("frontend")].latch.clone();
    says(&says_so("services-latched-and-away", &state, &view)[1..], &["Web frontend is home on"]);
}
