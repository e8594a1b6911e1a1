//! Whom home sends its users to is told where users are, and not only where workloads are listed.

use cutover::{
    core::state::State,
    domain::{
        platform::{Platform, Revision, RevisionState},
        weight::PerMille,
    },
};

use ratatui::layout::Rect;

use crate::{
    catalogue, frame,
    scenes::{self, ago, id},
    stories::{at_all_sizes, says},
};

/// Home is one service, and somebody has deployed another revision of it ten minutes ago, which gets `percent`.
fn deployed(percent: u16) -> State {
    let mut state = scenes::calm();
    let one = |name: &str, percent: u16, seconds| Revision {
        name: name.into(),
        share: PerMille::percent(percent).unwrap(),
        state: RevisionState::Ready,
        why: None,
        min: None,
        max: None,
        created_at: Some(ago(seconds)),
    };
    let run = state.backends.get_mut(&id("run")).unwrap();
    run.workload.as_mut().unwrap().revisions =
        vec![one("frontend-00043-fix", percent, 600), one("frontend-00042-bim", 100 - percent, 90_000)];
    state
}

#[test]
fn a_revision_beside_home_s_own_stands_in_the_state_line() {
    for text in at_all_sizes("deployed", &deployed(60), &scenes::view()) {
        let line = text.lines().nth(1).unwrap_or_default();
        assert!(line.contains("60%") && line.contains("on frontend-00043-fix") && line.contains("GKE 25%"), "{line}");
    }
    assert!(at_all_sizes("not-deployed", &deployed(0), &scenes::view()).iter().all(|text| !text.contains("00043")));
}

#[test]
fn a_revision_that_has_taken_home_over_stands_in_the_traffic_pane() {
    let texts = at_all_sizes("deployed-whole", &deployed(100), &scenes::view());
    says(&texts[1..], &["Cloud Run runs frontend-00043-fix, new since the session began"]);
    assert!(texts[0].contains("nothing is beyond its limit"), "{}", texts[0]);
}

/// Between two clusters, or two revisions, the platform tells nobody apart.
#[test]
fn home_and_target_on_one_platform_have_colours_of_their_own() {
    for platform in [Platform::CloudRun, Platform::Gke] {
        let mut state = scenes::calm();
        let plan = std::sync::Arc::make_mut(&mut state.opened.as_mut().unwrap().plan);
        plan.routes[0].backends.iter_mut().for_each(|backend| backend.platform = platform);
        for theme in catalogue().words().iter().map(|word| catalogue().theme(word).unwrap()) {
            let buf = frame(&state, &scenes::view(), &theme, 120, 40);
            let text = |row: Rect| row.positions().map(|at| buf[at].symbol()).collect::<String>();
            let rail = buf.area.rows().find(|row| text(*row).contains(" 25% ") && text(*row).contains(" 75% ")).expect("the rail");
            // What each end of the rail looks like, well away from where they meet; without colours it differs by its signs.
            let at = |column: u16| {
                let cell = &buf[(column, rail.y)];
                (cell.symbol().to_owned(), cell.fg, cell.bg, cell.modifier)
            };
            assert_ne!(at(20), at(90), "{platform}: {}", text(rail));
        }
    }
}
