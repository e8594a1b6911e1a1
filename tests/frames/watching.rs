//! The watcher's face at its moments: nothing on it can be pressed in vain, and what matters is large.

use cutover::{
    core::state::{Goal, Held, Motion, State},
    domain::{id::ClientId, role::Role, time::Millis},
    tui::{
        draw::watch::{Matter, matter::matter},
        view::{Follow, Me, Screen, View},
    },
};

use crate::{
    pairs::keep_all,
    scenes::{self, NOW, ago, gke, id},
    stories::{at_all_sizes, says},
};

fn eve() -> View {
    let me = Me { client: ClientId(3), who: id("eve"), role: Role::Watcher };
    View { me: Some(me), screen: Screen::Watch, ..scenes::view() }
}

/// The face of somebody who follows, with what matters in `state` before him.
fn following(state: &State) -> View {
    let view = View { follow: Follow::Yes, ..eve() };
    View { matter: matter(state, &view), ..view }
}

/// Half of the traffic asked for, a quarter and more of it there.
pub(crate) fn moving() -> State {
    let mut state = scenes::calm();
    let route = state.routes.get_mut(&id("frontend")).expect("of the plan");
    route.wanted = Some(gke(50));
    route.accepted.as_mut().expect("read").weights = gke(50);
    let cause = cutover::core::decision::Cause::Operator { who: id("ada"), reason: None, approved_by: None };
    let (since, until) = (ago(14), NOW + Millis::from_secs(106));
    route.moved_by = Some(cutover::core::reason::Mover::Us(cause.clone()));
    route.motion = Motion::Propagating { to: gke(50), since, until, cause, goal: Goal::Advance };
    let share = cutover::core::state::Share { fraction: 0.338, low: 0.32, high: 0.356 };
    route.observed.as_mut().expect("seen").shares.insert(id("gke"), share);
    let rest = cutover::core::state::Share { fraction: 0.662, low: 0.644, high: 0.68 };
    route.observed.as_mut().expect("seen").shares.insert(id("run"), rest);
    route.proof = cutover::core::state::Proof::Unproven;
    state
}

#[test]
fn a_calm_face_answers_where_whether_and_who() {
    let texts = at_all_sizes("watch-calm", &scenes::calm(), &eve());
    says(&texts, &["WATCH", "of Web frontend is on GKE", "requests agree", "Cloud Run 75%", "All is well: nothing is beyond its limit"]);
    says(
        &texts,
        &["Going back to Cloud Run would take 34s", "error rate of GKE", "limit 5.00%", "ada has the controls, bob beside, 1 watches"],
    );
    keep_all("watch_calm", &texts);
}

#[test]
fn no_face_names_a_key_that_a_watcher_does_not_have() {
    let mut approval = scenes::approval();
    approval.controls.holder = None;
    let moments =
        [scenes::calm(), scenes::breach(), scenes::rollback(), scenes::stale(), scenes::drift(), scenes::drift(), approval, moving()];
    for state in moments {
        for view in [eve(), following(&state)] {
            for text in at_all_sizes("watch", &state, &view) {
                for hint in ["F9", "Enter", "re-arms with", "adopts", "(c ", "v reviews", "draft", "(s)", "Esc drops", "Right"] {
                    assert!(!text.contains(hint), "{hint:?} is offered to a watcher\n{text}");
                }
            }
        }
    }
}

/// `state` with its plan changed so.
fn replanned(mut state: State, change: impl FnOnce(&mut cutover::plan::model::Plan)) -> State {
    let opened = state.opened.as_mut().expect("open");
    let mut plan = (*opened.plan).clone();
    change(&mut plan);
    opened.plan = std::sync::Arc::new(plan);
    state
}

/// On the smallest screen, too, each bar says whose it is, or how many are left out.
#[test]
fn the_bars_of_several_routes_bear_their_names() {
    let mut state = replanned(scenes::calm(), |plan| {
        let mut second = plan.routes[0].clone();
        (second.id, second.title) = (id("partners"), "Partners' API".into());
        plan.routes.push(second);
    });
    let known = state.routes[&id("frontend")].clone();
    state.routes.insert(id("partners"), known);
    let texts = at_all_sizes("watch-routes", &state, &eve());
    for text in &texts {
        let says = |name: &str| text.lines().any(|line| line.trim() == name);
        assert!(says("Web frontend") && (says("Partners' API") || says("and 1 more route")), "{text}");
    }
    assert!(texts[2].lines().any(|line| line.trim() == "Partners' API"), "{}", texts[2]);
}

/// The plan lists two guards before it that have nothing to tell, and the smallest screen has room for two.
#[test]
fn a_guard_that_fired_comes_before_those_of_which_nothing_is_to_be_told() {
    let mut state = replanned(scenes::latched(), |plan| {
        let still = plan.triggers.iter().find(|trigger| trigger.id == id("p95")).or(plan.triggers.last()).expect("it has some").clone();
        let more = ["idle-one", "idle-two", "idle-three"].map(|name| cutover::plan::model::Trigger { id: id(name), ..still.clone() });
        plan.triggers.splice(0..0, more);
    });
    let still = state.triggers.values().find(|known| known.fired_at.is_none()).expect("one is still").clone();
    for name in ["idle-one", "idle-two", "idle-three"] {
        state.triggers.insert(id(name), still.clone());
    }
    for text in at_all_sizes("watch-guards", &state, &eve()) {
        let place = |wanted: &dyn Fn(&str) -> bool| text.lines().position(wanted);
        let (fired, idle) =
            (place(&|line| line.contains("FIRED")), place(&|line| line.contains("p95 latency of GKE") && line.contains("limit")));
        assert!(fired.is_some() && idle.is_none_or(|idle| fired < Some(idle)), "{text}");
    }
}

#[test]
fn a_breach_brings_its_chart_and_its_clock() {
    let state = scenes::breach();
    let view = following(&state);
    assert_eq!(view.matter, Matter::Breach(id("error-rate")));
    let texts = at_all_sizes("watch-breach", &state, &view);
    says(
        &texts,
        &[
            "is the error rate of GKE; its limit is 5.00%",
            "In 46s traffic goes home by itself",
            "Home by itself in 46s.",
            "gets 24.7%",
            "way home",
            "now",
        ],
    );
    keep_all("watch_breach", &texts);
    // Whoever does not follow is told by the sentence.
    let calm = at_all_sizes("watch-breach-calm", &state, &eve());
    says(&calm, &["The error rate of GKE has been beyond its limit for 1m14s; in 46s traffic", "Home by itself in 46s."]);
}

#[test]
fn a_move_brings_what_was_asked_accepted_and_met() {
    let state = moving();
    let view = following(&state);
    assert_eq!(view.matter, Matter::Move(id("frontend")));
    let texts = at_all_sizes("watch-move", &state, &view);
    says(&texts, &["reach GKE now.", "On the way to 50% on GKE: accepted", "GKE 50% (gets 33.8%)", "Should settle in 1m46s."]);
    keep_all("watch_move", &texts);
}

#[test]
fn a_rollback_brings_its_cause_and_how_far_it_is() {
    let state = scenes::rollback();
    let view = following(&state);
    assert_eq!(view.matter, Matter::Rollback(id("frontend")));
    let texts = at_all_sizes("watch-rollback", &state, &view);
    says(
        &texts,
        &[
            "ROLLING BACK to Cloud Run for 12s",
            "error rate of GKE was 8.20%",
            "gets 13%",
            "are not on Cloud Run.",
            "13% of requests still meet others",
        ],
    );
    keep_all("watch_rollback", &texts);
}

#[test]
fn what_is_not_known_is_never_called_well() {
    for view in [eve(), following(&scenes::stale())] {
        let texts = at_all_sizes("watch-stale", &scenes::stale(), &view);
        says(&texts, &["Nobody can judge the error rate of GKE"]);
        assert!(texts.iter().all(|text| !text.contains("All is well")), "{}", texts[0]);
    }
    let texts = at_all_sizes("watch-drift", &scenes::drift(), &eve());
    says(&texts, &["mallory@hexproperty.com set Web frontend to 60% on GKE where 25% on GKE"]);
}

#[test]
fn the_weightier_matter_wins() {
    let mut state = scenes::breach();
    state.routes.get_mut(&id("frontend")).expect("of the plan").motion = moving().routes[&id("frontend")].motion.clone();
    assert_eq!(matter(&state, &eve()), Matter::Breach(id("error-rate")));
    assert_eq!(matter(&scenes::calm(), &eve()), Matter::Calm);
    let mut old = scenes::latched();
    let at = |state: &mut State, seconds| {
        state.routes.get_mut(&id("frontend")).expect("of the plan").latch.as_mut().expect("latched").at = ago(seconds)
    };
    at(&mut old, 12);
    assert_eq!(matter(&old, &eve()), Matter::Rollback(id("frontend")), "just arrived");
    at(&mut old, 90);
    assert_eq!(matter(&old, &eve()), Matter::Calm);
    let mut spreading = scenes::rollback();
    at(&mut spreading, 90);
    assert_eq!(matter(&spreading, &eve()), Matter::Rollback(id("frontend")), "nobody has seen that all are home");
    assert_eq!(matter(&scenes::not_found(), &eve()), Matter::Door(id("frontend"), id("gke")));
}

#[test]
fn each_bad_moment_says_where_traffic_is_what_follows_by_itself_and_the_way_home() {
    let by_itself = |text: &str| text.lines().find(|line| line.contains("by itself  ")).unwrap_or_default().to_owned();
    let moments = [
        ("stuck", scenes::stuck(), "NOT HOME for 1m12s", "Trying again by itself."),
        ("stranger", scenes::stranger(), "hotfix 10% (gets 9.8%) outside the plan", "Nothing: traffic stays where it is."),
        ("not_found", scenes::not_found(), "GKE answers 404 text/plain where home answers 200 text/html", "Home by itself in 18s."),
        ("latched", scenes::latched(), "rolled back 2m12s ago", "Nothing: traffic stays where it is."),
        ("thin", scenes::thin(), "too few requests, 34 of 100", "Nothing: traffic stays where it is."),
    ];
    for (name, state, said, next) in moments {
        for view in [eve(), following(&state)] {
            let texts = at_all_sizes(&format!("watch-{name}"), &state, &view);
            says(&texts, &[said, "way home"]);
            for text in &texts {
                assert!(by_itself(text).contains(next), "{next:?} is not said in\n{text}");
                assert!(!text.contains("All is well"), "{text}");
            }
            if view.follow == Follow::Yes {
                keep_all(&format!("watch_{name}"), &texts);
            }
        }
    }
    says(&at_all_sizes("watch-stuck", &scenes::stuck(), &eve()), &["gcloud compute url-maps"]);
    says(&at_all_sizes("watch-not_found", &scenes::not_found(), &eve()), &["100.00%"]);
}

#[test]
fn after_a_rollback_no_other_is_promised() {
    for state in [scenes::rollback(), scenes::latched()] {
        for view in [eve(), following(&state)] {
            for text in at_all_sizes("watch-after", &state, &view) {
                assert!(!text.contains("goes home by itself") && !text.contains("home by itself in"), "{text}");
                assert!(text.contains("error rate of GKE was 8.20%"), "{text}");
            }
        }
    }
}

#[test]
fn a_hold_is_told_with_who_and_since_when() {
    let mut state = scenes::calm();
    let hold = Held { by: id("bob"), at: ago(190), otherwise: None };
    state.routes.get_mut(&id("frontend")).expect("of the plan").hold = Some(hold);
    says(&at_all_sizes("watch-held", &state, &eve()), &["is held by bob for 3m10s: nothing advances"]);
    says(&at_all_sizes("held", &state, &scenes::view()), &["held by bob for 3m10s"]);
}

#[test]
fn a_request_for_approval_is_told_with_what_it_asks_and_until_when() {
    let texts = at_all_sizes("watch-approval", &scenes::approval(), &eve());
    says(&texts, &["from 25% on GKE to 100% on GKE", "until 03:17:20Z"]);
}
