//! The metrics and the journal screen, and zoomed panes: what is remembered, over the same time at every width.

use cutover::{
    domain::{id::Seq, time::Millis},
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
