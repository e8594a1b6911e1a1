//! A figure that is older than its own limit says its age or is a gap, wherever it stands.

use std::sync::Arc;

use cutover::{
    core::state::{Reading, State},
    domain::{
        metric::{Gap, Metric},
        time::{Millis, Timestamp},
    },
    plan,
    tui::view::{Pane, Screen, View, Zoom},
    words::state_line::state_line,
};

use crate::{
    scenes::{self, NOW, ago, id},
    stories::{at_all_sizes, says},
};

/// Nothing was heard of the target for so many seconds, and nobody has judged that yet.
fn silent(seconds: u64) -> State {
    let mut state = scenes::calm();
    let gke = state.backends.get_mut(&id("gke")).unwrap();
    let at = |at: &mut Timestamp| *at = ago(seconds);
    gke.values.values_mut().flatten().for_each(|sample| at(&mut sample.at));
    gke.values_at = Some(ago(seconds));
    gke.workload_at = Some(ago(seconds));
    gke.probe.iter_mut().for_each(|probe| at(&mut probe.at));
    state.routes.get_mut(&id("frontend")).unwrap().observed.iter_mut().for_each(|observed| at(&mut observed.at));
    state
}

#[test]
fn a_health_pane_has_no_figure_of_a_time_that_is_over() {
    let fresh = at_all_sizes("ages-fresh", &silent(20), &scenes::view());
    says(&fresh, &["150ms", "0.18%"]);
    says(&fresh[1..], &["5/5 answered"]);
    let texts = at_all_sizes("ages-health", &silent(45), &scenes::view());
    says(&texts, &["last heard 45s ago", "stale"]);
    for text in texts {
        // The other side has its own figures, of now.
        let figures: Vec<&str> = text.lines().filter(|line| line.contains("p95  ")).collect();
        assert!(figures.iter().all(|line| !line.contains("150ms")) && text.contains("180ms"), "{text}");
        assert!(!text.lines().any(|line| line.contains("5/5 answered") && !line.contains("45s ago") && !line.contains("3s ago")), "{text}");
    }
}

#[test]
fn a_figure_that_comes_minutes_late_says_how_old_it_is() {
    let mut state = scenes::calm();
    let (plan, _) = plan::read(include_bytes!("../../plans/load_balancer.yaml")).unwrap();
    state.opened.as_mut().unwrap().plan = Arc::new(plan);
    state.sources.values_mut().for_each(|source| source.stale_after = Millis::from_secs(340));
    let gke = state.backends.get_mut(&id("gke")).unwrap();
    gke.values.values_mut().flatten().for_each(|sample| sample.at = ago(256));
    gke.values.insert(Metric::DropRate, Err(Gap::Missing));
    Metric::STANDARD.into_iter().for_each(|metric| gke.sources.insert(metric, id("scrape/gke")));
    let texts = at_all_sizes("ages-late", &state, &scenes::view());
    says(&texts, &["4m16s", "0.18%"]);
    says(&texts[1..], &["not counted"]);
}

#[test]
fn the_metrics_screen_tells_a_gap_where_nothing_is_young_enough() {
    let view = View { screen: Screen::Metrics, ..scenes::view() };
    says(&at_all_sizes("ages-metrics-fresh", &silent(20), &view), &["GKE error rate 0.18%"]);
    let texts = at_all_sizes("ages-metrics", &silent(45), &view);
    says(&texts, &["GKE error rate stale", "Cloud Run error rate 0.20%"]);
}

#[test]
fn a_zoomed_pane_tells_what_was_last_known_with_its_age() {
    let view = View { focus: Pane::Platforms, zoomed: Zoom::Focused, ..scenes::view() };
    let texts = at_all_sizes("ages-zoom", &silent(45), &view);
    says(&texts[1..], &["stale; last 150ms"]);
}

#[test]
fn workloads_say_how_old_they_are_before_what_they_say() {
    let view = View { screen: Screen::Kubernetes, ..scenes::view() };
    says(&at_all_sizes("ages-workloads", &silent(45), &view), &["last heard 45s ago: "]);
}

#[test]
fn what_requests_meet_is_told_of_now_or_not_at_all() {
    let texts = at_all_sizes("ages-requests", &silent(45), &scenes::view());
    says(&texts, &["not seen for 45s"]);
    assert!(texts.iter().all(|text| !text.contains("gets 24.7%") && !text.contains("requests seen")), "{}", texts[0]);
}

#[test]
fn a_breach_that_nobody_judges_any_more_tells_how_old_its_figure_is() {
    let mut state = scenes::breach();
    let known = state.triggers.get_mut(&id("error-rate")).unwrap();
    (known.reading, known.value_at) = (Reading::Unknown { gap: Gap::Unreachable }, Some(ago(25)));
    let plan = state.opened.as_ref().unwrap().plan.clone();
    let told = state_line(&state, &plan.routes[0], NOW).worst;
    assert!(told.long.contains("8.20% 25s ago of 5.00%") && told.short.contains("25s ago"), "{told:?}");
}
