//! The metrics and the journal screen, and zoomed panes: what is remembered, over the same time at every width.

use cutover::{
    core::state::{Reading, State, TriggerState},
    domain::{
        id::Seq,
        metric::{Metric, Sample, Unit},
        series::{Bad, Over, Series},
        time::Millis,
    },
    plan::model::{
        Trigger,
        readings::{Feed, FeedSource, Gauge},
    },
    tui::view::{Charts, Pane, Screen, View, Zoom},
};

use crate::{
    catalogue, frame, plain, scenes,
    stories::{SIZES, at_all_sizes, says},
};

fn metrics(charts: Charts) -> View {
    View { screen: Screen::Metrics, charts, ..scenes::view() }
}

#[test]
fn a_failure_is_on_the_charts_after_re_arming_at_every_size() {
    let texts = at_all_sizes("metrics", &scenes::remembered(), &metrics(Charts::new()));
    says(
        &texts,
        &[
            "15m",
            "02:57:45 to now",
            "R rollback",
            "B breach",
            "M move",
            "A re-arm",
            "O home seen",
            "5.00%",
            "given and got",
            "03:00",
            "now",
        ],
    );
    insta::assert_snapshot!("metrics_80x24", texts[0]);
    insta::assert_snapshot!("metrics_120x40", texts[1]);
}

#[test]
fn every_width_shows_the_same_time_and_every_key_another() {
    for span in Charts::SPANS {
        let charts = Charts { span, ..Charts::new() };
        let from = scenes::NOW + Millis::from_secs(5);
        let clock = cutover::tui::panes::words::clock(from.before(span));
        for (columns, rows) in SIZES {
            let text = plain(&frame(&scenes::remembered(), &metrics(charts), &catalogue().first(), columns, rows));
            assert!(text.contains(&format!("{clock} to now")), "{span} at {columns}x{rows}\n{text}");
        }
    }
}

#[test]
fn a_gap_is_drawn_as_a_gap_and_a_mark_tells_the_figures_of_its_moment() {
    let charts = Charts { mark: Some(Seq(4_652)), ..Charts::new() };
    let texts = at_all_sizes("metrics-mark", &scenes::remembered(), &metrics(charts));
    says(&texts, &["rollback of Web frontend", "was 8.20%"]);
    let wide = &texts[2];
    let gap = |line: &&str| line.trim_matches(|c| c == '\u{2502}').contains("   ");
    assert!(wide.lines().skip(6).take(6).any(|line| gap(&line)));
    insta::assert_snapshot!("metrics_mark_200x50", wide);
}

#[test]
fn the_journal_tells_refusals_and_writes_and_folds_what_comes_again() {
    let view = View { screen: Screen::Journal, ..scenes::view() };
    let texts = at_all_sizes("journal", &scenes::remembered(), &view);
    says(&texts, &["rollback of Web frontend", "bob", "\u{d7}3", "\u{d7}38", "38 times since 03:02:50", "audit show"]);
    says(&texts[1..], &["refused", "effect"]);
    says(&texts[2..], &["done after 1s"]);
    insta::assert_snapshot!("journal_80x24", texts[0]);
    insta::assert_snapshot!("journal_200x50", texts[2]);

    let view = View { filter: "refused".to_owned(), ..view };
    let texts = at_all_sizes("journal-refused", &scenes::remembered(), &view);
    says(&texts, &["asked to shift Web frontend", "3 times since", "re-arm", "asked by bob as operator"]);
    assert!(texts.iter().all(|text| !text.contains("restarted")), "the filter lets other lines through");
}

#[test]
fn the_cursor_of_the_journal_stays_on_its_line_while_it_grows() {
    let view = View { screen: Screen::Journal, line: Some((Seq(4_652), 0)), ..scenes::view() };
    let mut state = scenes::remembered();
    let texts = at_all_sizes("journal-line", &state, &view);
    says(&texts, &["entry 4652", "effect 4652.0"]);
    let newest = state.feed.back().cloned().expect("a line");
    state.feed.push_back(newest);
    says(&at_all_sizes("journal-line", &state, &view), &["entry 4652", "effect 4652.0"]);
}

#[test]
fn zoom_shows_what_the_pane_has_no_room_for() {
    let zoomed = |focus| View { focus, zoomed: Zoom::Focused, ..scenes::view() };
    let said = [
        (Pane::Traffic, vec!["band", "At the front door", "followed in", "by hand", "What happened to it", "weights/frontend"]),
        (Pane::Platforms, vec!["1800 requests", "limit 5.00%", "by GKE's own account", "scrape/gke"]),
        (Pane::Replication, vec!["PostgreSQL's apply + network", "bound of lag", "loses no writes"]),
        (Pane::Checklist, vec!["proven by", "holds for", "evidence"]),
    ];
    for (pane, words) in said {
        let texts = at_all_sizes(&format!("zoom-{}", pane.name()), &scenes::remembered(), &zoomed(pane));
        says(&texts[2..], &words);
    }
    let texts = at_all_sizes("zoom-traffic", &scenes::remembered(), &zoomed(Pane::Traffic));
    insta::assert_snapshot!("zoom_traffic_120x40", texts[1]);
    // What does not fit is counted, and scrolling brings it.
    assert!(texts[0].contains("more"), "{}", texts[0]);
    let mut view = zoomed(Pane::Traffic);
    view.scroll.insert(Pane::Traffic, 500);
    assert!(at_all_sizes("zoom-traffic-end", &scenes::remembered(), &view)[0].contains("stale after"));
}

/// A series that is bad above and beyond its limit at GKE, and one that is bad below; Cloud Run tells one of them.
fn declared() -> State {
    let mut state = scenes::remembered();
    let series = [("queue-depth", Unit::Count, Bad::Above), ("headroom", Unit::Fraction, Bad::Below)];
    let series = series.map(|(name, unit, bad)| Series::new(name, unit, bad).unwrap());
    let feed = |series: Series| Feed {
        series,
        from: FeedSource::Gauge(Gauge { family: "of_a_page".into(), labels: Vec::new(), over: Over::Max }),
    };
    let plan = std::sync::Arc::make_mut(&mut state.opened.as_mut().unwrap().plan);
    plan.series = series.to_vec();
    let (run, gke) = (0, 1);
    plan.routes[0].backends[run].series = vec![feed(series[0])];
    plan.routes[0].backends[gke].series = series.map(feed).to_vec();
    for (id, series, limit) in [("queue", series[0], 40.0), ("headroom", series[1], 0.2)] {
        let trigger = Trigger { id: scenes::id(id), metric: Metric::Declared(series), limit, requests_min: 0, ..plan.triggers[0].clone() };
        plan.triggers.push(trigger);
        state.triggers.insert(scenes::id(id), TriggerState { reading: Reading::Ok, ..TriggerState::default() });
    }
    for (backend, series, now, was) in [("run", series[0], 6.0, 4.0), ("gke", series[0], 52.0, 11.0), ("gke", series[1], 0.12, 0.61)] {
        let (metric, known) = (Metric::Declared(series), state.backends.get_mut(&scenes::id(backend)).unwrap());
        known.values.insert(metric, Ok(Sample::exact(now, 0, scenes::ago(2))));
        known.sources.insert(metric, scenes::id(&format!("scrape/{backend}")));
        let columns = known.history[&Metric::ErrorRate].len();
        let value = |place: usize| if place + 20 < columns { was + was * 0.1 * (place as f64 * 0.7).sin() } else { now };
        known.history.insert(metric, (0..columns).map(|place| Some(value(place))).collect());
    }
    for (id, value) in [("queue", 52.0), ("headroom", 0.12)] {
        let known = state.triggers.get_mut(&scenes::id(id)).unwrap();
        (known.reading, known.value, known.value_at) = (Reading::Breach, Some(value), Some(scenes::ago(2)));
    }
    state
}

#[test]
fn what_the_plan_declares_is_charted_in_its_unit_for_whoever_tells_it() {
    let state = declared();
    let texts = at_all_sizes("series", &state, &View { screen_scroll: 3, ..metrics(Charts::new()) });
    says(&texts, &["GKE queue depth 52", "limit 40", "Cloud Run queue depth 6"]);
    says(&texts[1..], &["GKE headroom 12.00%", "limit 20.00%"]);
    assert!(texts.iter().all(|text| !text.contains("Cloud Run headroom")), "who doesn't tell it has no chart of it");
    insta::assert_snapshot!("series_80x24", texts[0]);
    insta::assert_snapshot!("series_120x40", texts[1]);
    insta::assert_snapshot!("series_200x50", texts[2]);
}

#[test]
fn what_the_plan_declares_stands_on_cards_in_zoom_and_at_its_trigger() {
    let state = declared();
    let cards = at_all_sizes("series-main", &state, &scenes::view());
    says(
        &cards[2..],
        &["queue depth 52", "headroom 12.00%", "GKE queue depth 52  BREACH  limit 40", "GKE headroom 12.00%  BREACH  limit 20.00%"],
    );
    insta::assert_snapshot!("series_main_200x50", cards[2]);
    let view = View { focus: Pane::Platforms, zoomed: Zoom::Focused, ..scenes::view() };
    let zoomed = at_all_sizes("series-zoom", &state, &view);
    says(&zoomed[2..], &["queue depth", "52, 2s ago", "limit 40", "12.00%, 2s ago"]);
    assert!(!zoomed[2].contains(", 0 requests"), "{}", zoomed[2]);
}
