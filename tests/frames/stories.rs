//! Each moment at each size, and what must be readable in it.

use cutover::core::state::{Held, Motion, Otherwise, ReturnStage};
use cutover::domain::fault::{Fault, FaultKind};
use cutover::domain::role::Role;
use cutover::tui::{
    draw::places::places,
    input::Key,
    keymap::{Keymap, pane_key},
    overlay::{Offer, Overlay, Purpose, entries},
    scene::Scene,
    theme::{Catalogue, Charset, Depth},
    view::{Pane, Screen, View},
    widgets::line::LineEdit,
};
use ratatui::layout::Rect;

use crate::{catalogue, frame, keep, plain, scenes};

pub(crate) const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 50)];

/// Draws `state` at every size and gives the texts.
pub(crate) fn at_all_sizes(name: &str, state: &cutover::core::state::State, view: &View) -> Vec<String> {
    let theme = catalogue().first();
    let drawn = SIZES.map(|(columns, rows)| {
        let buf = frame(state, view, &theme, columns, rows);
        keep(&format!("{name}-{columns}x{rows}"), &buf);
        plain(&buf)
    });
    drawn.to_vec()
}

pub(crate) fn says(texts: &[String], words: &[&str]) {
    for text in texts {
        for word in words {
            assert!(text.contains(word), "{word:?} is not said in\n{text}");
        }
    }
}

#[test]
fn a_calm_night_says_where_traffic_is_that_it_is_safe_and_how_to_go_back() {
    let texts = at_all_sizes("calm", &scenes::calm(), &scenes::view());
    says(&texts, &["LIVE", "25%", "75%", "gets 24.7%", "healthy", "armed", "settled", "F9", "takes all home", "0.3s behind"]);
    insta::assert_snapshot!("calm_80x24", texts[0]);
}

#[test]
fn a_breach_shows_its_running_clock_and_the_way_home() {
    let texts = at_all_sizes("breach", &scenes::breach(), &scenes::view());
    says(&texts, &["8.20%", "rolls back in 46s", "rolls back by itself in 46s", "clock running", "CrashLoopBackOff", "F9", "75%"]);
    insta::assert_snapshot!("breach_80x24", texts[0]);
}

#[test]
fn a_rollback_says_its_cause_and_how_far_it_is() {
    let texts = at_all_sizes("rollback", &scenes::rollback(), &scenes::view());
    says(&texts, &["ROLLING BACK to Cloud Run", "error rate of GKE was 8.20%, above 5.00%", "gets 13%", "wanted 0%", "100%"]);
    insta::assert_snapshot!("rollback_80x24", texts[0]);
}

#[test]
fn a_stale_source_is_named_and_its_figures_are_not_shown_as_live() {
    let texts = at_all_sizes("stale", &scenes::stale(), &scenes::view());
    says(&texts, &["blind", "stale", "last heard 2m10s ago", "F9"]);
    assert!(texts.iter().all(|text| !text.contains("0.18%")), "a figure of a dead source is on the screen");
    insta::assert_snapshot!("stale_80x24", texts[0]);
}

#[test]
fn the_state_line_stands_on_every_screen_and_zoom_and_under_every_dialog() {
    let overlays = [None, Some(Overlay::Help { scroll: 0 }), Some(Overlay::People { chosen: 0 })];
    for screen in Screen::ALL {
        for pane in Pane::ALL {
            for overlay in overlays.clone() {
                let zoomed = cutover::tui::view::Zoom::Focused;
                let view = View { screen, focus: pane, zoomed, overlay, ..scenes::view() };
                for (columns, rows) in [(60, 18), (80, 24), (200, 50)] {
                    let text = plain(&frame(&scenes::breach(), &view, &catalogue().first(), columns, rows));
                    let line = text.lines().nth(1).expect("a second line");
                    assert!(line.contains("error rate 8.20% of 5.00%") && line.contains("home"), "{line}");
                }
            }
        }
    }
    let line = |state: &cutover::core::state::State, columns| {
        plain(&frame(state, &scenes::view(), &catalogue().first(), columns, 24)).lines().nth(1).unwrap_or_default().to_owned()
    };
    insta::assert_snapshot!(
        "state_lines",
        [
            scenes::calm(),
            scenes::breach(),
            scenes::rollback(),
            scenes::stuck(),
            scenes::stranger(),
            scenes::stale(),
            scenes::unproven(),
            scenes::latched()
        ]
        .iter()
        .flat_map(|state| [60, 80, 160].map(|columns| line(state, columns)))
        .collect::<Vec<_>>()
        .join("\n")
    );
}

#[test]
fn a_stranger_stands_on_the_rail_and_in_the_sum() {
    let texts = at_all_sizes("stranger", &scenes::stranger(), &scenes::view());
    says(&texts, &["hotfix 10%", "25%", "65%"]);
    insta::assert_snapshot!("stranger_80x24", texts[0]);
}

#[test]
fn a_stuck_rollback_says_why_since_when_and_the_command_by_hand() {
    let texts = at_all_sizes("stuck", &scenes::stuck(), &scenes::view());
    says(
        &texts,
        &[
            "NOT HOME for 1m12s",
            "not allowed",
            "compute.urlMaps.update",
            "7 attempts",
            "next in 3s",
            "gcloud compute url-maps",
            "y copies it",
        ],
    );
    assert!(texts.iter().all(|text| !text.contains("armed") && !text.contains("healthy  6")), "{}", texts[0]);
    insta::assert_snapshot!("stuck_80x24", texts[0]);
}

#[test]
fn a_rollback_that_is_refused_says_so_from_the_first_failed_write() {
    let texts = at_all_sizes("refused", &scenes::refused(), &scenes::view());
    let said = ["ROLLING BACK for 6s", "the write home fails", "compute.urlMaps.update", "2 attempts failed", "next in 3s", "y copies"];
    says(&texts, &said);
    // Where the whole command has room it stands there whole, and half of one stands nowhere.
    assert!(texts[1].contains("gcloud compute url-maps") && texts[2].contains("gcloud compute url-maps"), "{}", texts[1]);
    for text in &texts {
        let title = text.lines().find(|line| line.contains("Traffic")).unwrap();
        assert!(title.contains("GOING HOME, 2 attempts failed"), "{title}");
        assert!(!text.contains("NOT HOME"), "{text}");
    }
}

#[test]
fn a_rollback_that_nobody_answers_says_so_before_any_attempt_has_failed() {
    let mut state = scenes::refused();
    let route = state.routes.get_mut(&scenes::id("frontend")).unwrap();
    if let Motion::Returning(back) = &mut route.motion {
        (back.writes, back.failures, back.fault) = (1, 0, Some(Fault::new(FaultKind::TimedOut, "no answer within 10s")));
        back.stage = ReturnStage::Resolve { since: scenes::ago(1) };
    }
    let texts = at_all_sizes("unanswered-home", &state, &scenes::view());
    says(&texts, &["ROLLING BACK for 6s", "nobody knows what became of the write home", "y copies", "GOING HOME, not answered"]);
}

#[test]
fn the_largest_figure_tells_where_users_are_and_not_what_is_given() {
    for (name, state, share, given) in
        [("figure-home", scenes::rollback(), "13", "0% given away"), ("figure-stranger", scenes::stranger(), "34", "35")]
    {
        let plan = &state.opened.as_ref().unwrap().plan;
        let told = cutover::words::figure(&state, &plan.routes[0], &state.routes[&scenes::id("frontend")]);
        assert!(told.share.starts_with(share) && told.label == "not on Cloud Run", "{told:?}");
        assert!(told.given.as_ref().is_some_and(|told| told.starts_with(given)), "{told:?}");
        let watch = View { screen: cutover::tui::view::Screen::Watch, ..scenes::view() };
        says(&at_all_sizes(name, &state, &watch), &["are not on Cloud Run."]);
        assert!(at_all_sizes(name, &state, &scenes::view())[2].contains("given away"), "{name}");
    }
}

#[test]
fn in_a_simulated_world_the_command_by_hand_moves_nothing_real() {
    let mut state = scenes::stuck();
    state.opened.as_mut().unwrap().world = cutover::core::event::WorldKind::Demo { speed: 1 };
    for screen in [cutover::tui::view::Screen::Main, cutover::tui::view::Screen::Watch] {
        let texts = at_all_sizes("stuck-demo", &state, &View { screen, ..scenes::view() });
        says(&texts, &["# gcloud compute url-maps", "it steers the real project"]);
    }
}

#[test]
fn home_that_nobody_has_seen_is_not_called_home() {
    let texts = at_all_sizes("home-accepted", &scenes::rollback(), &scenes::view());
    says(&texts, &["home accepted", "13% ", "given 0%, gets 13%", "error rate 8.20% of 5.00%"]);
    for text in texts {
        assert!(!text.contains("all traffic is home") && !text.contains("✓ settled"), "{text}");
    }
}

#[test]
fn nothing_seen_is_never_settled_and_never_a_number() {
    let texts = at_all_sizes("unproven", &scenes::unproven(), &scenes::view());
    says(&texts, &["not seen by requests yet", "not seen yet"]);
    assert!(texts.iter().all(|text| !text.contains("✓ settled") && !text.contains("gets 0")), "{}", texts[0]);
    insta::assert_snapshot!("unproven_80x24", texts[0]);
}

#[test]
fn a_backend_whose_answers_fail_is_not_called_healthy() {
    let texts = at_all_sizes("not-found", &scenes::not_found(), &scenes::view());
    says(&texts, &["GKE answers 404 text/plain where home answers 200 text/html", "100.00%", "answers unlike home", "0.18% own"]);
    assert!(texts.iter().all(|text| !text.contains("✓ healthy  6/6") && !text.contains("✓ settled")), "{}", texts[0]);
    // What leads home by itself stands among what does, with its clock.
    says(&texts, &["door, GKE", "clock running"]);
    assert!(texts.iter().all(|text| !text.contains("✓ armed")), "{}", texts[0]);
    let metrics = View { screen: cutover::tui::view::Screen::Metrics, ..scenes::view() };
    says(&at_all_sizes("not-found-metrics", &scenes::not_found(), &metrics)[1..], &["door: unlike home"]);
    insta::assert_snapshot!("not_found_80x24", texts[0]);
}

#[test]
fn a_draft_shows_what_it_would_bring_and_what_would_be_refused() {
    let mut view = scenes::view();
    view.drafts.insert(scenes::id("frontend"), scenes::gke(50));
    let mut open = scenes::calm();
    open.checklist.get_mut(&scenes::id("load-test")).expect("of the plan").status = cutover::core::state::ItemStatus::Open;
    let texts = at_all_sizes("preview", &open, &view);
    says(&texts, &["after", "50%", "would begin at once", "not done before the move", "Enter asks"]);
    says(
        &texts[1..],
        &["before", "GKE 60/s (10/s per ready instance, 5.0/s now)", "settles in about 34s", "going home from there takes about 1m37s"],
    );
    insta::assert_snapshot!("preview_120x40", texts[1]);
    let breached = at_all_sizes("preview-refused", &scenes::breach(), &view);
    says(&breached, &["would be refused now"]);
    let latched = at_all_sizes("preview-latched", &scenes::latched(), &view);
    says(&latched, &["the route is latched, a re-arms it first", "LATCHED"]);
    assert!(latched.iter().all(|text| !text.contains("Enter asks") && !text.contains("Enter ask")), "{}", latched[0]);
    insta::assert_snapshot!("preview_latched_80x24", latched[0]);
}

/// What is on the screen as running text, without frames and the ends of rows.
fn running(text: &str) -> String {
    text.split(|letter: char| letter.is_whitespace() || letter == '│' || letter == '┃')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn a_reason_goes_on_in_the_next_row_and_is_never_cut_at_what_to_do() {
    let mut view = scenes::view();
    view.drafts.insert(scenes::id("frontend"), scenes::gke(50));
    let mut held = scenes::calm();
    let hold = Held { by: scenes::id("cutover"), at: scenes::ago(90), otherwise: Some(Otherwise { from: 2, to: 3 }) };
    held.routes.get_mut(&scenes::id("frontend")).expect("of the plan").hold = Some(hold);
    let drafted = at_all_sizes("preview-held", &held, &view);
    let advice = "the route is held: another version of cutover (fold 2) decided otherwise than this one (fold 3) would; look where it stands, then resume it";
    for text in drafted.iter().map(|text| running(text)) {
        assert!(text.contains(advice), "{text}");
        assert!(!text.contains("held by cutover"), "{text}");
    }
    insta::assert_snapshot!("preview_held_80x24", drafted[0]);
    // Nobody drafts: the row under the bar says the same of the next step.
    let texts = at_all_sizes("held-over", &held, &scenes::view());
    for text in texts.iter().map(|text| running(text)) {
        assert!(text.contains("decided otherwise than this one (fold 3) would; p resumes"), "{text}");
    }
    let breached = at_all_sizes("preview-unlike", &scenes::not_found(), &view);
    for text in breached.iter().map(|text| running(text)) {
        assert!(text.contains("users would get another site; put it right or roll back (GKE answers 404"), "{text}");
    }
    insta::assert_snapshot!("preview_unlike_80x24", breached[0]);
}

#[test]
fn drift_names_the_stranger_and_both_ways_out() {
    let texts = at_all_sizes("drift", &scenes::drift(), &scenes::view());
    says(&texts, &["DRIFT: mallory@hexproperty.com set 60%, expected 25%", "d adopts", "F9"]);
}

#[test]
fn a_draft_says_that_it_is_one() {
    let mut view = scenes::view();
    view.drafts.insert(scenes::id("frontend"), scenes::gke(50));
    let texts = at_all_sizes("draft", &scenes::calm(), &view);
    says(&texts, &["draft 50%", "Enter asks", "Esc drops it", "wanted 25%"]);
    view.drafts.insert(scenes::id("frontend"), scenes::gke(100));
    says(&at_all_sizes("draft-large", &scenes::calm(), &view), &["over 50% needs a second person"]);
}

#[test]
fn every_screen_and_overlay_is_drawn() {
    let what = "GKE answers a tenth of its requests with errors".to_owned();
    let faults = [Offer { name: "error-burst".to_owned(), what, lacks: None }];
    let themes: Vec<String> = catalogue().words().to_vec();
    let overlays = [
        ("help", Overlay::Help { scroll: 0 }, "Bring all traffic of every route home"),
        (
            "palette",
            Overlay::Palette { line: LineEdit::default(), chosen: 1, entries: entries(&Keymap::builtin(), Role::Pilot, &faults, &themes) },
            "screen metrics",
        ),
        ("themes", Overlay::Themes { words: themes.clone(), chosen: 0, before: "dark".to_owned() }, "colorblind"),
        (
            "rearm",
            Overlay::Typing { purpose: Purpose::Rearm { route: scenes::id("frontend") }, line: LineEdit::with("pods are fixed") },
            "pods are fixed",
        ),
    ];
    for (name, overlay, word) in overlays {
        let view = View { overlay: Some(overlay), ..scenes::view() };
        let texts = at_all_sizes(name, &scenes::calm(), &view);
        if name != "palette" {
            says(&texts, &[word]);
        }
    }
    for (screen, word) in
        [(Screen::Metrics, "limit 5.00%"), (Screen::Journal, "3x peak for an hour"), (Screen::Kubernetes, "frontend-6c9d7b01")]
    {
        let view = View { screen, ..scenes::view() };
        says(&at_all_sizes(screen.name(), &scenes::breach(), &view), &[word, "F9"]);
    }
}

#[test]
fn every_pane_has_its_place_and_its_digit() {
    let (state, view, theme) = (crate::runbook::before(), scenes::view(), catalogue().first());
    let placed = places(Scene { state: &state, view: &view, theme: &theme }, Rect::new(0, 0, 200, 50)).panes;
    for (number, pane) in (1..).zip(Pane::ALL) {
        assert!(placed.iter().any(|(one, area)| *one == pane && !area.is_empty()), "{pane:?} has no place on a large screen");
        assert_eq!(char::from_digit(number, 10).and_then(|digit| pane_key(Key::alt(digit))), Some(pane));
    }
}

#[test]
fn a_watcher_is_offered_no_key_that_acts() {
    let mut view = scenes::view();
    view.me.as_mut().expect("somebody").role = Role::Watcher;
    for text in at_all_sizes("watcher", &scenes::calm(), &view) {
        let footer = text.lines().last().expect("a footer");
        assert!(text.contains("WATCH") && !footer.contains("F9") && !footer.contains("ask"), "{footer}");
    }
}

#[test]
fn without_colour_and_without_unicode_the_story_is_the_same() {
    let catalogue = Catalogue::new(Depth::Monochrome, Charset::Ascii);
    let theme = catalogue.first();
    for (name, state) in
        [("calm", scenes::calm()), ("breach", scenes::breach()), ("rollback", scenes::rollback()), ("stale", scenes::stale())]
    {
        let buf = frame(&state, &scenes::view(), &theme, 80, 24);
        keep(&format!("{name}-ascii-80x24"), &buf);
        let text = plain(&buf);
        let strange: String = text.chars().filter(|character| !character.is_ascii()).collect();
        assert_eq!(strange, "", "{text}");
    }
    let text = plain(&frame(&scenes::breach(), &scenes::view(), &theme, 80, 24));
    assert!(text.contains("X GKE error rate") && text.contains("rolls back in 46s"), "{text}");
}

#[test]
fn every_theme_draws_every_moment() {
    let catalogue = catalogue();
    for word in catalogue.words() {
        let theme = catalogue.theme(word).expect("embedded");
        keep(&format!("theme-{word}"), &frame(&scenes::breach(), &scenes::view(), &theme, 120, 40));
    }
    let sixteen = Catalogue::new(Depth::Sixteen, Charset::Unicode);
    for word in ["dark", "light"] {
        keep(&format!("sixteen-{word}"), &frame(&scenes::breach(), &scenes::view(), &sixteen.theme(word).expect("embedded"), 120, 40));
    }
}

#[test]
fn no_size_from_nothing_to_400x120_panics() {
    let theme = catalogue().first();
    let widths = (0..=45).chain([59, 79, 80, 99, 100, 119, 120, 159, 160, 199, 200, 399, 400]);
    for width in widths {
        for height in (0..=45).step_by(if width % 10 == 0 { 1 } else { 9 }).chain([50, 119, 120]) {
            for state in [scenes::breach(), scenes::rollback(), cutover::core::state::State::default()] {
                frame(&state, &scenes::view(), &theme, width, height);
            }
        }
    }
    for screen in Screen::ALL {
        for pane in Pane::ALL {
            for (width, height) in [(40, 12), (41, 13), (80, 24), (400, 120), (1, 1)] {
                let view = View { screen, focus: pane, zoomed: cutover::tui::view::Zoom::Focused, ..scenes::view() };
                frame(&scenes::approval(), &view, &theme, width, height);
            }
        }
    }
}
