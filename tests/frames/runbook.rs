//! The runbook before, during and after its steps: what can be done, how far it is, what keeps it from its end.

use std::collections::BTreeMap;

use cutover::{
    core::{
        event::Asker,
        news::News,
        runbook::{Acted, Doing, Ended, Seen, StepNews, StepState, StepTerms},
        state::{Approval, FeedLine, Holder, ReplicaTerm, State, Terms},
    },
    domain::{
        digest::Digest,
        fault::{Fault, FaultKind, Version},
        id::{AskId, ClientId, Seq, StepId},
        role::Role,
        shown::Shown,
        standing::{Act, Change, Known, Standing, Underway},
        time::Millis,
        weight::PerMille,
    },
    plan::model::steps::{Consent, Desired, Need, Step},
    tui::{
        overlay::{Came, Overlay},
        view::{Me, Pane, Screen, View, Zoom},
        widgets::line::LineEdit,
    },
};

use crate::{
    pairs::{keep_all, keep_dialogs},
    scenes::{self, NOW, ago, id},
    stories::{at_all_sizes, says},
};

const MINUTE: u64 = 60;

fn step(name: &str, title: &str, desired: Desired) -> Step {
    Step {
        id: id(name),
        title: Shown::new(title),
        desired,
        needs: Vec::new(),
        consent: Consent::Alone,
        patience: Millis::from_mins(30),
        owner: None,
        expected: Some(Millis::from_mins(10)),
    }
}

fn backup(name: &str, title: &str, instance: &str) -> Step {
    step(name, title, Desired::SqlBackup { instance: id(instance), younger_than: Millis::from_mins(24 * 60) })
}

fn standby(name: &str, title: &str, instance: &str) -> Step {
    step(name, title, Desired::SqlHighAvailability { instance: id(instance) })
}

/// The steps of the three phases.
fn steps() -> [Vec<Step>; 3] {
    let needs = |step: Step, needs: Vec<Need>| Step { needs, ..step };
    let share = |percent| Need::Share { route: id("frontend"), away_min: PerMille::percent(percent).unwrap() };
    let first = Step { owner: Some("The database team".into()), ..backup("backup", "Backup before anything moves", "hexproperty-prod") };
    let second = Step {
        consent: Consent::SecondPerson,
        patience: Millis::from_mins(60),
        expected: Some(Millis::from_mins(15)),
        ..needs(standby("standby", "Standby in another zone", "hexproperty-prod"), vec![Need::Step(id("backup"))])
    };
    let half = needs(backup("half-way", "Backup at half of the traffic", "hexproperty-prod"), vec![share(50), Need::Step(id("standby"))]);
    let last = needs(backup("cutover", "Backup before the cutover", "hexproperty-prod"), vec![share(100), Need::Line(id("load-test"))]);
    let beside = Desired::SqlReplica { instance: id("hexproperty-gke"), primary: id("hexproperty-prod"), region: None, tier: None };
    let replica = needs(step("replica", "A replica beside GKE", beside), vec![Need::Step(id("cutover"))]);
    [vec![first, second], vec![half], vec![last, replica]]
}

fn seen(standing: Standing) -> StepState {
    StepState { seen: Some(Seen { standing, at: ago(4), seq: Seq(4_705) }), ..StepState::default() }
}

fn change(what: &str, from: Option<&str>, to: &str) -> Change {
    Change { what: what.into(), from: from.map(Shown::new), to: Some(to.into()) }
}

fn no_backup() -> Standing {
    Standing::Apart { version: Version(String::new()), changes: vec![change("backupRun", None, "ON_DEMAND")], failed: None }
}

fn zonal() -> Standing {
    Standing::Apart { version: Version("7".to_owned()), changes: vec![change("availabilityType", Some("ZONAL"), "REGIONAL")], failed: None }
}

fn no_replica() -> Standing {
    let changes = vec![change("hexproperty-gke", None, "READ_REPLICA_INSTANCE of hexproperty-prod")];
    Standing::Apart { version: Version(String::new()), changes, failed: None }
}

fn replicates() -> Standing {
    let evidence = vec![Known { what: "replicates".into(), value: "hexproperty-prod, 0.2s behind".into() }];
    Standing::Reached { version: Version("etag-3".to_owned()), evidence }
}

fn backed_up() -> Standing {
    let known = |what: &str, value: &str| Known { what: what.into(), value: value.into() };
    let evidence = vec![known("backupRun", "1795489123456"), known("endTime", "2026-11-24T02:51:00Z"), known("type", "ON_DEMAND")];
    Standing::Reached { version: Version("1795489123456".to_owned()), evidence }
}

fn regional() -> Standing {
    let evidence = vec![Known { what: "availabilityType".into(), value: "REGIONAL".into() }];
    Standing::Reached { version: Version("8".to_owned()), evidence }
}

fn acted(how: Ended, took: u64, seconds: u64) -> Option<Acted> {
    Some(Acted { act: Act::Run, by: id("ada"), at: ago(seconds), took: Millis::from_secs(took), how })
}

fn tells(state: &mut State, step: &str, seconds: u64, what: StepNews) {
    let news = News::Step { step: id(step), what };
    state.feed.push_back(FeedLine { seq: Seq(4_700), at: ago(seconds), who: None, news, repeats: None });
    state.feed.make_contiguous().sort_by_key(|line| line.at);
}

/// A plan of traffic alone.
fn without_steps() -> State {
    let mut state = scenes::calm();
    let plan = &mut state.opened.as_mut().unwrap().plan;
    let mut changed = (**plan).clone();
    changed.phases.iter_mut().for_each(|phase| phase.steps.clear());
    *plan = changed.into();
    state.steps.clear();
    state
}

/// Nothing is done yet; the first step can be run.
pub(crate) fn before() -> State {
    let mut state = without_steps();
    let plan = &mut state.opened.as_mut().unwrap().plan;
    let mut changed = (**plan).clone();
    for (phase, steps) in changed.phases.iter_mut().zip(steps()) {
        phase.steps = steps;
    }
    *plan = changed.into();
    for (name, standing) in
        [("backup", no_backup()), ("standby", zonal()), ("half-way", no_backup()), ("cutover", no_backup()), ("replica", no_replica())]
    {
        state.steps.insert(id(name), seen(standing));
    }
    state
}

/// The backup is taken, by ada.
fn backed() -> State {
    let mut state = before();
    for name in ["backup", "half-way", "cutover"] {
        state.steps.insert(id(name), seen(backed_up()));
    }
    state.steps.get_mut(&id::<StepId>("backup")).unwrap().last = acted(Ended::Done, 252, 22 * MINUTE);
    let evidence = if let Standing::Reached { evidence, .. } = backed_up() { evidence } else { Vec::new() };
    let began = StepNews::Begins { act: Act::Run, by: id("ada"), approved_by: None, changes: vec![change("backupRun", None, "ON_DEMAND")] };
    tells(&mut state, "backup", 26 * MINUTE, began);
    let ended = StepNews::Ended { act: Act::Run, took: Millis::from_secs(252), evidence };
    tells(&mut state, "backup", 22 * MINUTE, ended);
    state
}

/// The instance gets its standby, and the API tells how far it is.
pub(crate) fn running() -> State {
    let mut state = backed();
    let since = ago(6 * MINUTE + 12);
    let work = Underway {
        operation: "2f1c7a9e-0000-4b1d-9a43-6f5e00000032".into(),
        since: Some(since),
        progress: Some(PerMille::new(430).unwrap()),
        doing: Some("UPDATE".into()),
    };
    let known = state.steps.get_mut(&id::<StepId>("standby")).unwrap();
    *known = seen(Standing::Underway(work));
    known.doing = Doing::Following {
        act: Act::Run,
        by: id("ada"),
        since,
        operation: Some("2f1c7a9e-0000-4b1d-9a43-6f5e00000032".into()),
        told_late: false,
    };
    let changes = vec![change("availabilityType", Some("ZONAL"), "REGIONAL")];
    let began = StepNews::Begins { act: Act::Run, by: id("ada"), approved_by: Some(id("bob")), changes };
    tells(&mut state, "standby", 6 * MINUTE + 12, began);
    let accepted = StepNews::Accepted { act: Act::Run, operation: Some("2f1c7a9e-0000-4b1d-9a43-6f5e00000032".into()) };
    tells(&mut state, "standby", 6 * MINUTE + 11, accepted);
    state
}

/// The same without a word of the API on how far it is, beyond the plan's patience.
fn late() -> State {
    let mut state = running();
    let known = state.steps.get_mut(&id::<StepId>("standby")).unwrap();
    if let Some(Seen { standing: Standing::Underway(work), .. }) = &mut known.seen {
        (work.progress, work.since) = (None, Some(ago(74 * MINUTE)));
    }
    if let Doing::Following { since, told_late, .. } = &mut known.doing {
        (*since, *told_late) = (ago(74 * MINUTE), true);
    }
    state
}

/// The API has refused it.
fn failed() -> State {
    let mut state = backed();
    let why = Fault::new(FaultKind::Rejected, "Insufficient quota 'CPUS' in region us-central1: limit 24, needed 28");
    let known = state.steps.get_mut(&id::<StepId>("standby")).unwrap();
    known.last = acted(Ended::NotDone(why.clone()), 41, 3 * MINUTE);
    tells(&mut state, "standby", 3 * MINUTE, StepNews::NotDone { act: Act::Run, why });
    state
}

/// Bob has the controls, and waits for a second person.
fn asked() -> State {
    let mut state = backed();
    let by = Asker { client: ClientId(2), who: id("bob"), role: Role::Operator };
    state.controls.holder = Some(Holder { client: by.client, who: by.who.clone(), since: ago(5_000), beat_at: ago(2) });
    let digest = Digest::of(b"bob's step");
    let terms = Terms::Step(StepTerms {
        step: id("standby"),
        act: Act::Run,
        target: "hexproperty-prod".into(),
        version: Version("7".to_owned()),
        changes: vec![change("availabilityType", Some("ZONAL"), "REGIONAL")],
        replication: vec![(id("hexproperty-prod"), ReplicaTerm::AcceptsWrites), (id("hexproperty-replica"), ReplicaTerm::WithinBounds)],
        plan: state.opened.as_ref().unwrap().plan.hash,
        epoch: 3,
    });
    let (expires_at, stood_still, barred) = (NOW + Millis::from_secs(280), Millis(0), BTreeMap::new());
    let open = Approval { digest, by, ask: AskId(7), terms, at: ago(20), expires_at, stood_still, barred };
    state.approvals.insert(digest, open);
    state
}

/// Everything is reached.
pub(crate) fn after() -> State {
    let mut state = backed();
    for (name, standing, took, seconds) in [("standby", regional(), 702, 20 * MINUTE), ("replica", replicates(), 655, 5 * MINUTE)] {
        state.steps.insert(id(name), seen(standing));
        state.steps.get_mut(&id::<StepId>(name)).unwrap().last = acted(Ended::Done, took, seconds);
    }
    state
}

/// The runbook on the whole screen, with the cursor on a step.
fn whole(step: usize) -> View {
    View { focus: Pane::Steps, zoomed: Zoom::Focused, step, ..scenes::view() }
}

#[test]
fn before_anything_is_done_the_next_step_is_ready_and_the_others_say_what_they_wait_for() {
    let texts = at_all_sizes("runbook-before", &before(), &whole(0));
    says(
        &texts,
        &["Runbook", "0 of 5", "▸ 1 Parallel infrastructure", "○ Backup before anything moves", "ready", "· Standby in another zone"],
    );
    says(&texts, &["backupRun: nothing → ON_DEMAND", "r run", "X skip", "b copy step"]);
    says(&texts[1..], &["gcloud sql backups create", "The database team", "about 10m00s"]);
    keep_all("runbook_before", &texts);
}

#[test]
fn a_long_operation_says_how_far_it_is_since_when_and_what_it_is_called() {
    let texts = at_all_sizes("runbook-running", &running(), &whole(1));
    says(&texts, &["» Standby in another zone", "running", "6m12s of 15m00s", "████", "43%", "2f1c7a9e", "ada"]);
    keep_all("runbook_running", &texts);
    let texts = at_all_sizes("main-running", &running(), &scenes::view());
    says(&texts, &["Runbook", "» Standby in another zone", "running", "6m12s of 15m00s"]);
    assert!(texts[2].contains("phase 1 of 3: Parallel infrastructure"), "the phase is the runbook's\n{}", texts[2]);
    keep_all("main_running", &texts);
}

#[test]
fn a_step_that_failed_or_takes_long_says_why_and_how_to_go_on() {
    let texts = at_all_sizes("runbook-failed", &failed(), &whole(1));
    says(&texts, &["✗ Standby in another zone", "failed", "Insufficient quota 'CPUS'", "r run again", "X skip"]);
    keep_all("runbook_failed", &texts);
    let texts = at_all_sizes("runbook-late", &late(), &whole(1));
    says(&texts, &["▲ Standby in another zone", "late", "1h14m of 15m00s"]);
    keep_all("runbook_late", &texts);
}

#[test]
fn an_open_approval_says_who_waits_and_until_when() {
    let texts = at_all_sizes("runbook-approval", &asked(), &whole(1));
    says(&texts, &["▲ Standby in another zone", "approval", "bob waits for a second person until 03:17:20Z", "v reviews it"]);
    keep_all("runbook_approval", &texts);
    let open = asked().approvals.into_values().next().unwrap();
    let overlay = Overlay::Review { approval: Box::new(open), line: LineEdit::default(), came: Came::Asked, page: 0 };
    let view = View { overlay: Some(overlay), ..scenes::view() };
    let texts = at_all_sizes("runbook-review", &asked(), &view);
    says(&texts, &["bob asks to run \"Standby in another zone\" of hexproperty-prod", "ZONAL → REGIONAL", "standby-hexproperty-prod"]);
    keep_dialogs("runbook_review", &texts);
}

#[test]
fn afterwards_every_step_tells_what_shows_it_and_how_long_it_took() {
    let texts = at_all_sizes("runbook-after", &after(), &whole(1));
    says(&texts, &["5 of 5", "✓ Standby in another zone", "reached", "11m42s of 15m00s", "REGIONAL", "u take back"]);
    keep_all("runbook_after", &texts);
}

#[test]
fn the_dialog_shows_what_is_asked_for_and_what_would_be_answered() {
    let dialog = |step: &str, act, version: &str, changes| {
        Some(Overlay::Step { step: id(step), act, version: Version(version.to_owned()), changes, line: LineEdit::default() })
    };
    let changes = vec![change("availabilityType", Some("ZONAL"), "REGIONAL")];
    let view = View { overlay: dialog("standby", Act::Run, "7", changes.clone()), ..whole(1) };
    let texts = at_all_sizes("step-dialog", &backed(), &view);
    says(&texts, &["Run \"Standby in another zone\"?", "ZONAL → REGIONAL", "a second person has to approve it", "F9 still rolls back"]);
    keep_dialogs("step_dialog", &texts);
    // What takes something away wants its name typed.
    let view = View { overlay: dialog("replica", Act::Undo, "etag-3", Vec::new()), ..whole(4) };
    let texts = at_all_sizes("step-dialog-final", &after(), &view);
    says(&texts, &["Take back \"A replica beside GKE\"?", "deletes what it has made", "Type hexproperty-gke:"]);
    keep_dialogs("step_dialog_final", &texts);
    // Somebody has changed the instance since the dialog was opened.
    let view = View { overlay: dialog("standby", Act::Run, "6", changes), ..whole(1) };
    says(&at_all_sizes("step-dialog-changed", &backed(), &view), &["it is not what you saw any more", "Enter would be refused"]);
}

#[test]
fn the_watchers_face_tells_of_a_step_that_goes_on_or_does_not() {
    let me = Me { client: ClientId(3), who: id("eve"), role: Role::Watcher };
    let eve = View { me: Some(me), screen: Screen::Watch, ..scenes::view() };
    let texts = at_all_sizes("watch-running", &running(), &eve);
    says(&texts, &["runbook", "Standby in another zone: running, 6m12s of 15m00s"]);
    let texts = at_all_sizes("watch-failed", &failed(), &eve);
    says(&texts, &["was not done: ", "Insufficient quota 'CPUS'"]);
    let texts = at_all_sizes("watch-before", &before(), &eve);
    assert!(
        texts.iter().all(|text| !text.contains("\nrunbook") && !text.contains("anything moves")),
        "a step that nobody has begun is nothing to watch\n{}",
        texts[0]
    );
}

#[test]
fn a_plan_without_steps_has_no_runbook() {
    let texts = at_all_sizes("no-runbook", &without_steps(), &scenes::view());
    assert!(texts.iter().all(|text| !text.contains("Runbook")), "{}", texts[2]);
    let texts = at_all_sizes("no-runbook-zoom", &without_steps(), &whole(0));
    says(&texts, &["no steps in the plan"]);
}
