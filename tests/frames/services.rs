//! Several services of one load balancer on one screen.

use cutover::{core::state::State, plan};

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
