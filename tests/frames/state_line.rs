//! The second line of the screen: a time stands beside what it belongs to, and is never what is cut.

use cutover::{
    attach::client::Listens,
    core::{
        outlook::Attention,
        state::{Reading, RouteState, State, TriggerState},
    },
    domain::{metric::Gap, time::Millis, weight::PerMille},
    tui::{
        draw::watch::{Matter, matter::matter},
        view::{Hearing, Then, View},
    },
};

use crate::{
    catalogue, frame, plain,
    scenes::{self, ago, id},
    stories::{at_all_sizes, says},
};

fn line(state: &State, view: &View, columns: u16) -> String {
    plain(&frame(state, view, &catalogue().first(), columns, 24)).lines().nth(1).unwrap_or_default().to_owned()
}

fn lines(state: &State) -> Vec<String> {
    [60, 80, 120, 160, 200].map(|columns| line(state, &scenes::view(), columns)).to_vec()
}

/// Both triggers are beyond their limits, and the second of the plan acts first.
fn two_breaches() -> State {
    let mut state = scenes::breach();
    let known = TriggerState {
        reading: Reading::Breach,
        pending_since: Some(ago(290)),
        breaches: 50,
        last_breach_at: Some(ago(2)),
        value: Some(1_800.0),
        value_at: Some(ago(2)),
        ..TriggerState::default()
    };
    state.triggers.insert(id("p95-latency"), known);
    state
}

/// One trigger is beyond its limit, the other has been blind for so long that it acts first.
fn breach_and_blindness() -> State {
    let mut state = scenes::breach();
    let reading = Reading::Unknown { gap: Gap::Unreachable };
    state.triggers.insert(id("p95-latency"), TriggerState { reading, blind_since: Some(ago(290)), ..TriggerState::default() });
    state
}

#[test]
fn of_two_breaches_the_one_that_acts_first_is_named_with_its_time() {
    for line in lines(&two_breaches()) {
        assert!(line.contains("p95 latency 1.80s of 1.00s +1") && line.contains("in 10s"), "{line}");
        assert!(!line.contains("error rate"), "{line}");
    }
    // What a watcher reads first is what the line names.
    assert_eq!(matter(&two_breaches(), &scenes::view()), Matter::Breach(id("p95-latency")));
}

#[test]
fn a_time_of_another_cause_than_the_one_that_is_named_names_its_own() {
    for line in lines(&breach_and_blindness()) {
        assert!(line.contains("error rate 8.20%") && line.contains("in 10s (blind: "), "{line}");
    }
    let watching = View { screen: cutover::tui::view::Screen::Watch, ..scenes::view() };
    let texts = at_all_sizes("watch-two-causes", &breach_and_blindness(), &watching);
    says(&texts, &["Home by itself in 10s (blind: GKE p95 latency)."]);
}

#[test]
fn when_it_acts_is_never_what_is_cut() {
    let mut state = breach_and_blindness();
    rename(&mut state, "frontend-of-the-property-portal-on-gke-autopilot-in-europe");
    for columns in 40..200 {
        let line = line(&state, &scenes::view(), columns);
        assert!(line.contains("in 10s (blind: ") && line.contains('✗'), "{columns}: {line}");
    }
}

fn rename(state: &mut State, title: &str) {
    let opened = state.opened.as_mut().expect("opened");
    let mut plan = (*opened.plan).clone();
    plan.routes[0].backends.iter_mut().filter(|backend| backend.id == id("gke")).for_each(|backend| backend.title = title.into());
    opened.plan = plan.into();
}

#[test]
fn what_is_true_of_another_route_says_so() {
    let mut state = two_breaches();
    let opened = state.opened.as_mut().expect("opened");
    let mut plan = (*opened.plan).clone();
    let mut other = plan.routes[0].clone();
    (other.id, other.title) = (id("reports"), "Reports".into());
    for backend in &mut other.backends {
        backend.id = id(&format!("reports-{}", backend.id));
    }
    (other.home, other.target) = (id("reports-run"), id("reports-gke"));
    plan.routes.push(other);
    state.routes.insert(id("reports"), RouteState::default());
    opened.plan = plan.into();
    let view = View { route: 1, ..scenes::view() };
    let told = line(&state, &view, 120);
    assert!(told.contains("Web frontend: ") && told.contains("p95 latency 1.80s") && told.contains("in 10s"), "{told}");
}

#[test]
fn nothing_is_promised_of_a_host_that_is_not_heard() {
    for then in [Then::Listen, Then::TryAgain { attempts: 2, listens: Listens::NotKnown }, Then::Nothing] {
        let hearing = Hearing::Lost { why: "the host closed the line".to_owned(), then, gone: Millis::from_secs(42) };
        for columns in [60, 80, 160] {
            let told = line(&scenes::breach(), &View { hearing: hearing.clone(), ..scenes::view() }, columns);
            assert!(told.contains("error rate") && !told.contains("home"), "{told}");
        }
    }
}

/// The host is back, and the windows of its pages fill.
fn filling() -> State {
    let mut state = scenes::calm();
    let gke = state.backends.get_mut(&id("gke")).unwrap();
    gke.full_at = Some(scenes::NOW + Millis::from_secs(20));
    gke.values.values_mut().for_each(|measured| *measured = Err(Gap::TooEarly));
    for known in state.triggers.values_mut() {
        let reading = Reading::Unknown { gap: Gap::TooEarly };
        *known = TriggerState { reading, blind_since: Some(ago(5)), ..TriggerState::default() };
    }
    state
}

#[test]
fn a_trigger_whose_window_fills_says_on_every_face_when_it_is_armed() {
    for columns in [80, 120, 200] {
        let line = line(&filling(), &scenes::view(), columns);
        assert!(line.contains("armed in 20s"), "{line}");
    }
    let texts = at_all_sizes("state_line_filling", &filling(), &scenes::view());
    for text in texts {
        assert!(text.matches("armed in 20s").count() > 1, "the line and the pane: {text}");
    }
}

#[test]
fn where_users_are_is_told_of_a_blind_cockpit_too() {
    let mut state = scenes::breach();
    let known = state.triggers.get_mut(&id("error-rate")).expect("of the plan");
    (known.reading, known.blind_since, known.pending_since) = (Reading::Unknown { gap: Gap::Stale }, Some(ago(80)), None);
    state.routes.get_mut(&id("frontend")).expect("of the plan").observed.as_mut().expect("seen").at = ago(130);
    let told = line(&state, &scenes::view(), 80);
    assert!(told.contains("GKE 25% (unseen 2m10s)") && told.contains("blind"), "{told}");
}

#[test]
fn a_home_that_comes_later_than_expected_says_so_and_counts_on() {
    let at = |seconds| View { now: scenes::NOW + Millis::from_secs(seconds), ..scenes::view() };
    let state = scenes::rollback();
    assert!(line(&state, &at(0), 200).contains("home in about 1m23s"), "{}", line(&state, &at(0), 200));
    // No entry came in between.
    assert!(line(&state, &at(20), 200).contains("home in about 1m03s"), "{}", line(&state, &at(20), 200));
}

/// Taking the latch off brings nobody home sooner or later.
#[test]
fn a_rollback_that_is_re_armed_tells_the_same_time_until_home_is_seen_everywhere() {
    let mut state = scenes::rollback();
    state.routes.get_mut(&id("frontend")).expect("of the plan").latch = None;
    for columns in [80, 120, 200] {
        let told = line(&state, &scenes::view(), columns);
        assert!(told.contains("1m23s") && told.matches("1m").count() == 1, "one time, and the same: {told}");
    }
    let found = cutover::core::outlook::attention(&state);
    let home = found.iter().find(|found| matches!(found, Attention::HomeNotSeen { .. })).expect("it is accepted, and not seen");
    let said = cutover::words::attention(home, scenes::NOW, cutover::words::Names::of(&state));
    assert!(said.contains("about 1m23s more"), "{said}");
}

#[test]
fn nobody_is_said_to_be_perhaps_elsewhere_where_that_is_nobody() {
    let attention = |at_most| Attention::HomeNotSeen { route: id("frontend"), since: ago(9), at_most, due: ago(4) };
    let told = |at_most| {
        let (state, at_most) = (scenes::rollback(), PerMille::percent(at_most).expect("a share"));
        let said = cutover::words::short::attention(&attention(at_most), &state, scenes::NOW);
        let sentence = cutover::words::attention(&attention(at_most), scenes::NOW, cutover::words::Names::of(&state));
        format!("{} | {} | {sentence}", said.long, said.short)
    };
    assert!(told(5).contains("up to 5% may still") && told(5).contains("expected 4s ago"), "{}", told(5));
    assert!(!told(0).contains("0%"), "{}", told(0));
}
