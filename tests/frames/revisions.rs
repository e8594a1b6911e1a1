//! Whom home sends its users to is told where users are, and not only where workloads are listed.

use cutover::{
    core::state::State,
    domain::{
        platform::{Revision, RevisionState},
        weight::PerMille,
    },
};

use crate::{
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
