//! What two people at two cockpits of one session see of each other.

use cutover::core::{
    news::{News, Taking},
    reason::Void,
    roster::{Barred, Change},
};
use cutover::{
    core::{
        event::Asker,
        state::{Ended, Ending, FeedLine, Holder, LookHere, Said, State},
    },
    domain::{
        id::{ClientId, Seq},
        role::Role,
        shown::Shown,
        time::Millis,
    },
    tui::{
        overlay::{Came, Overlay, Purpose},
        view::{Me, Screen, View},
        widgets::line::LineEdit,
    },
};

use crate::{
    scenes::{self, NOW, ago, gke, id},
    stories::{at_all_sizes, says},
};

/// The view of somebody else than the pilot.
fn view_of(client: u64, who: &str, role: Role) -> View {
    View { me: Some(Me { client: ClientId(client), who: id(who), role }), ..scenes::view() }
}

/// The dialog alone, so that a change of the panes behind it is no change of the dialog.
pub(crate) fn keep_dialogs(name: &str, texts: &[String]) {
    let dialogs: Vec<String> = texts.iter().map(|text| dialog(text)).collect();
    keep_all(name, &dialogs);
}

/// What the lowest thick frame of the screen holds, frame included.
fn dialog(text: &str) -> String {
    let rows: Vec<Vec<char>> = text.lines().map(|row| row.chars().collect()).collect();
    let bottom = rows.iter().rposition(|row| row.contains(&'┗')).expect("a dialog");
    let left = rows[bottom].iter().position(|cell| *cell == '┗').expect("its corner");
    let right = rows[bottom].iter().position(|cell| *cell == '┛').expect("its corner");
    let top = rows[..bottom].iter().rposition(|row| row.get(left) == Some(&'┏')).expect("its top");
    rows[top..=bottom].iter().map(|row| row[left..=right].iter().collect::<String>()).collect::<Vec<_>>().join("\n")
}

/// Keeps each size as a snapshot of its own.
pub(crate) fn keep_all(name: &str, texts: &[String]) {
    for (text, size) in texts.iter().zip(["80x24", "120x40", "200x50"]) {
        insta::assert_snapshot!(format!("{name}_{size}"), text);
    }
}

fn review(state: &State, typed: &str) -> Option<Overlay> {
    let approval = Box::new(scenes::approval().approvals.values().next().expect("one is open").clone());
    assert!(state.approvals.len() <= 1);
    Some(Overlay::Review { approval, line: LineEdit::with(typed), came: Came::Asked, page: 0 })
}

#[test]
fn every_approver_reads_all_terms_before_the_word() {
    let state = scenes::approval();
    let view = View { overlay: review(&state, "front"), ..scenes::view() };
    let texts = at_all_sizes("review", &state, &view);
    let terms = ["APPROVE?", "bob asks to move 75% of frontend to gke", "before", "after", "version b1a7", "grant 3"];
    says(&texts, &terms);
    says(&texts, &["(lag 0.3s, 2m10s ago)", "in 4m40s", "Type frontend-100 and Enter to approve", "F9 still rolls back"]);
    keep_dialogs("review", &texts);
}

#[test]
fn the_dialog_says_who_stands_behind_the_asker_and_who_was_made_for_the_answer() {
    let mut state = scenes::identified(scenes::approval());
    let how = Change::Added { role: Role::Approver, uid: 1001, login: None };
    let barred = Barred { how, after: Millis::from_secs(40) };
    state.approvals.values_mut().for_each(|open| drop(open.barred.insert(id("ada2"), barred.clone())));
    let approval = Box::new(state.approvals.values().next().expect("one is open").clone());
    let overlay = Some(Overlay::Review { approval, line: LineEdit::with(""), came: Came::Asked, page: 0 });
    let texts = at_all_sizes("review-known", &state, &View { overlay, ..scenes::view() });
    says(&texts, &["bob · uid 1002 ops · key SHA256:bbbbbbbb..", "ada2 was added to the roster 40s after it was asked for"]);
    says(&texts, &["Type frontend-100 and Enter to approve", "in 4m40s"]);
    keep_dialogs("review_known", &texts);
}

#[test]
fn who_stands_behind_the_asker_is_never_what_has_no_room() {
    let mut state = scenes::identified(scenes::approval());
    for number in 0..6 {
        let how = Change::Added { role: Role::Approver, uid: 1001 + number, login: None };
        let barred = Barred { how, after: Millis::from_secs(40) };
        state.approvals.values_mut().for_each(|open| drop(open.barred.insert(id(&format!("ada{number}")), barred.clone())));
    }
    let approval = Box::new(state.approvals.values().next().expect("one is open").clone());
    let overlay = Some(Overlay::Review { approval, line: LineEdit::with(""), came: Came::Asked, page: 0 });
    let texts = at_all_sizes("review-full", &state, &View { overlay, ..scenes::view() });
    says(&texts, &["by bob \u{b7} uid 1002 ops \u{b7} key SHA256:bbbbbbbb..", "in 4m40s", "before", "after", "Type frontend-100"]);
    assert!(texts[0].contains("page 1 of 2; PgDn shows the next one") && !texts[0].contains("grant 3"), "{}", texts[0]);
    // What has no room is a key away, and past the end it begins anew.
    let turned = |page| {
        let approval = Box::new(state.approvals.values().next().expect("one is open").clone());
        let overlay = Some(Overlay::Review { approval, line: LineEdit::with("front"), came: Came::Asked, page });
        at_all_sizes("review-turned", &state, &View { overlay, ..scenes::view() }).remove(0)
    };
    let next = turned(1);
    assert!(next.contains("page 2 of 2") && next.contains("grant 3") && next.contains("> front"), "{next}");
    assert_eq!(turned(2), turned(0));
}

#[test]
fn the_asker_sees_the_same_terms_and_can_only_take_it_back() {
    let state = scenes::approval();
    let view = View { overlay: review(&state, ""), ..view_of(2, "bob", Role::Operator) };
    let texts = at_all_sizes("review-own", &state, &view);
    says(&texts, &["version b1a7", "Type withdraw to take it back. ada must answer", "in 4m40s"]);
    assert!(texts.iter().all(|text| !text.contains("to approve")), "{}", texts[0]);
    keep_dialogs("review_own", &texts);
}

#[test]
fn a_request_that_ends_under_ones_eyes_says_how() {
    let open = scenes::approval();
    let by = Asker { client: ClientId(2), who: id("bob"), role: Role::Operator };
    let endings = [
        (Ending::Void { why: Void::InTime }, "the request of bob is void: nobody approved it in time"),
        (Ending::Void { why: Void::AskerLeft }, "who asked for it left"),
        (Ending::Denied { by: id("pia"), reason: Some(Shown::new("p95 first")) }, "pia denied what bob asked for: p95 first"),
        (Ending::Approved { by: id("pia") }, "pia approved what bob asked for: Web frontend"),
        (Ending::Withdrawn, "bob took the request back"),
    ];
    for (how, words) in endings {
        let (digest, terms) = open.approvals.values().map(|open| (open.digest, open.terms.clone())).next().expect("one is open");
        let ended = Ended { digest, by: by.clone(), terms: terms.clone(), how, at: ago(2) };
        let mut state = open.clone();
        state.approvals.clear();
        state.ended.push_back(ended);
        let before_it = View { overlay: review(&state, "frontend-10"), ..scenes::view() };
        let texts = at_all_sizes("review-over", &state, &before_it);
        says(&texts, &[&words[..40.min(words.len())], "Enter or Esc closes"]);
        assert!(texts.iter().all(|text| !text.contains("to approve,")), "{}", texts[0]);
        // Whoever has nothing open is told above the footer, the asker among them.
        for view in [scenes::view(), view_of(2, "bob", Role::Operator), view_of(3, "eve", Role::Watcher)] {
            says(&at_all_sizes("ended", &state, &view), &[&words[..40.min(words.len())]]);
        }
    }
}

#[test]
fn the_banner_tells_the_asker_whom_he_waits_for_and_a_watcher_no_key() {
    let state = scenes::approval();
    says(&at_all_sizes("asked", &state, &scenes::view()), &["bob asks for approval, v reviews it", "4m40s left"]);
    let own = at_all_sizes("asked-own", &state, &view_of(2, "bob", Role::Operator));
    says(&own, &["your request waits for ada, 4m40s left"]);
}

/// Two at work: bob drafts and calls, they talk, and he asks for the controls.
fn pairing() -> State {
    let mut state = scenes::calm();
    let bob = state.people.get_mut(&ClientId(2)).expect("here");
    bob.drafts.insert(id("frontend"), gke(50));
    bob.focus = Some(Shown::new("triggers"));
    let mut carl = bob.clone();
    (carl.who, carl.focus) = (id("carl"), Some(Shown::new("traffic")));
    carl.drafts.clear();
    state.people.insert(ClientId(4), carl);
    state.look_here = Some(LookHere { by: id("bob"), pane: Shown::new("triggers"), at: ago(4) });
    let said = |seconds: u64, client: u64, who: &str, text: &str| Said {
        seq: Seq(4_700),
        client: ClientId(client),
        by: id(who),
        text: Shown::new(text),
        at: ago(seconds),
    };
    state.said.push_back(said(70, 1, "ada", "ready when you are"));
    state.said.push_back(said(9, 2, "bob", "50 next? p95 has room"));
    state
}

#[test]
fn a_pair_sees_each_others_eyes_drafts_and_words() {
    let texts = at_all_sizes("pairing", &pairing(), &scenes::view());
    says(&texts, &["◇ bob 50%", "▸carl", "bob: look here", "bob: 50 next? p95 has room", "Space goes there"]);
    assert!(texts.iter().all(|text| !text.contains("◆")), "somebody else's draft looks like one's own\n{}", texts[0]);
    assert!(texts.iter().all(|text| !text.contains("ready when you are")), "an old line is still in the way");
    keep_all("pairing", &texts);
}

#[test]
fn ones_own_draft_and_anothers_stand_side_by_side() {
    let mut view = scenes::view();
    view.drafts.insert(id("frontend"), gke(30));
    says(&at_all_sizes("drafts", &pairing(), &view), &["◆ draft 30%", "bob drafts 50%"]);
    view.drafts.insert(id("frontend"), gke(10));
    says(&at_all_sizes("drafts-apart", &pairing(), &view), &["◆ draft 10%", "◇ bob 50%"]);
}

#[test]
fn who_talks_sees_what_was_said() {
    let view = View { overlay: Some(Overlay::Typing { purpose: Purpose::Say, line: LineEdit::with("yes") }), ..scenes::view() };
    says(&at_all_sizes("say", &pairing(), &view), &["> yes", "ada: ready when you are", "bob: 50 next?"]);
}

#[test]
fn the_list_of_people_says_who_holds_who_asks_and_what_enter_would_do() {
    let mut state = scenes::identified(pairing());
    state.controls.asked_by.push(id("bob"));
    let view = |chosen| View { overlay: Some(Overlay::People { chosen }), ..scenes::view() };
    let texts = at_all_sizes("people", &state, &view(1));
    says(
        &texts,
        &[
            "ada (you)",
            "pilot",
            "120x40",
            "idle 20s",
            "asks for the controls",
            "Enter hands the controls to bob",
            "grant 3",
            "bob · uid 1002 ops · key SHA256:bbbbbbbb..",
            "roster ",
            ": ada, bob, eve",
        ],
    );
    keep_dialogs("people", &texts);
    says(&at_all_sizes("people-own", &state, &view(0)), &["C gives the controls up"]);
    says(&at_all_sizes("people-watcher", &state, &view(3)), &["that person may not steer"]);
    let bobs = View { overlay: Some(Overlay::People { chosen: 0 }), ..view_of(2, "bob", Role::Operator) };
    says(&at_all_sizes("people-bob", &state, &bobs), &["Enter asks ada for the controls"]);
    let eves = View { overlay: Some(Overlay::People { chosen: 0 }), ..view_of(3, "eve", Role::Watcher) };
    for text in at_all_sizes("people-eve", &state, &eves) {
        assert!(!text.contains("Enter") && !text.contains("F9 still"), "{text}");
    }
    state.controls.holder = None;
    says(&at_all_sizes("people-free", &state, &view(1)), &["nobody has the controls", "Enter takes the controls"]);
}

#[test]
fn the_holder_is_told_who_asks_until_she_answers_and_everybody_when_they_pass() {
    let mut state = scenes::calm();
    state.controls.asked_by.push(id("bob"));
    says(&at_all_sizes("asks", &state, &scenes::view()), &["bob asks for the controls; c hands them over"]);
    state.controls.asked_by.clear();
    state.controls.holder = Some(Holder { client: ClientId(2), who: id("bob"), since: ago(3), beat_at: ago(1) });
    says(&at_all_sizes("passed", &state, &scenes::view()), &["bob has the controls", "controls: bob"]);
    says(&at_all_sizes("passed-own", &state, &view_of(2, "bob", Role::Operator)), &["you have the controls", "controls: you"]);
}

#[test]
fn a_holder_who_falls_silent_is_counted_down_before_the_eyes_of_all() {
    let mut state = scenes::calm();
    let holder = state.controls.holder.as_mut().expect("ada");
    holder.beat_at = NOW.before(Millis::from_secs(9));
    says(&at_all_sizes("silent", &state, &view_of(2, "bob", Role::Operator)), &["controls: ada, silent 9s, free in 6s"]);
}

#[test]
fn the_journal_names_who_did_it_once() {
    let mut state = scenes::calm();
    state.feed.clear();
    let told = [
        News::ControlsTaken { by: id("ada"), how: Taking::WereFree },
        News::Said { by: id("ada"), text: "who signs the backup?".into() },
        News::Queued { route: id("frontend"), to: scenes::gke(50) },
        News::Left { who: id("adams") },
    ];
    for news in told {
        state.feed.push_back(FeedLine { seq: Seq(1), at: ago(60), who: Some(id("ada")), news, repeats: None });
    }
    let view = View { screen: Screen::Journal, ..scenes::view() };
    let texts = at_all_sizes("journal-names", &state, &view);
    let told =
        ["· ada has the controls", "· ada: who signs the backup?", "· ada Web frontend waits for the move in flight", "· ada adams left"];
    says(&texts, &told);
    assert!(texts.iter().all(|text| !text.contains("ada ada has") && !text.contains("ada ada:")), "{}", texts[0]);
}

/// Whoever asked for it has a message that stays; the others see for a while that the step which they saw asked for was not made.
#[test]
fn a_step_that_was_lost_is_seen_at_every_cockpit() {
    let mut state = scenes::calm();
    let cause = cutover::core::decision::Cause::Operator { who: id("ada"), reason: None, approved_by: None };
    let moving = News::Moving { route: id("frontend"), from: gke(25), to: gke(50), cause };
    let why = cutover::domain::fault::Fault::new(cutover::domain::fault::FaultKind::Conflict, "PATCH the map answered 412");
    let lost = News::NotMoved { route: id("frontend"), at: gke(25), why };
    for (seconds, news) in [(6, moving), (4, lost)] {
        let line = FeedLine { seq: Seq(4_700 - seconds), at: ago(seconds), who: None, news, repeats: None };
        state.feed.push_back(line);
    }
    let flat = |text: &String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let by_whom = "that ada asked for was not made, 4s ago";
    for text in at_all_sizes("lost-step", &state, &view_of(2, "bob", Role::Operator)) {
        assert!(flat(&text).contains(by_whom), "{text}");
    }
    for text in at_all_sizes("lost-step-own", &state, &scenes::view()) {
        assert!(!flat(&text).contains(by_whom) && text.contains("not made"), "her own message tells her: {text}");
    }
    let watched = View { screen: Screen::Watch, ..view_of(3, "eve", Role::Watcher) };
    for text in at_all_sizes("lost-step-watch", &state, &watched) {
        assert!(flat(&text).contains("was not made"), "{text}");
    }
}
