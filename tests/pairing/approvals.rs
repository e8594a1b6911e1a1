//! The second person: who is asked, who can't answer, and that everybody learns how it ended.

use std::time::Duration;

use cutover::{
    attach::client::ToHost,
    core::{command::Command, event::Event},
    domain::{id::ClientId, time::Millis},
    tui::{
        input::{Code, Input},
        terminal::Size,
    },
};

use crate::{
    core_session::Session,
    table::{ANA, BEN, EVE, LARGE, Table},
};

/// Ana asks for all of the traffic at once; ben's cockpit puts the terms before him.
async fn asked() -> Table {
    let mut table = Table::set(250).await;
    table.keys(ANA, "f").await;
    table.press(ANA, Code::Enter).await;
    table.see(BEN, "APPROVE?").await;
    table
}

#[tokio::test]
async fn a_key_that_was_meant_for_what_lay_there_before_is_not_taken() {
    let mut table = Table::set_with(250, Duration::from_secs(3_600)).await;
    table.keys(ANA, "f").await;
    table.press(ANA, Code::Enter).await;
    table.see(BEN, "APPROVE?").await;
    table.keys(BEN, "]").await;
    table.see(BEN, "] was pressed as the dialog came up, so it did nothing").await;
    table.press(BEN, Code::Esc).await;
    table.see(BEN, "put aside").await;
    // Whoever asks for it has his hands where he wants them.
    table.keys(BEN, "v").await;
    table.see(BEN, "APPROVE?").await;
    table.enter(BEN, "frontend-100").await;
    table.see(ANA, "ben approved what ana asked for").await;
}

#[tokio::test]
async fn the_key_that_reviews_is_no_letter_of_the_word() {
    let mut table = asked().await;
    table.keys(BEN, "vv").await;
    table.enter(BEN, "frontend-100").await;
    table.see(ANA, "ben approved what ana asked for").await;
}

#[tokio::test]
async fn the_dialog_says_what_would_be_refused_now() {
    let mut table = asked().await;
    table.happen(|session| {
        session.now = session.now + Millis::from_secs(1);
        session.workload(crate::core_session::run(), 0);
        session.beats();
    });
    table.see(BEN, "would be refused now: going back is not assured; restore home first").await;
}

/// Nobody approves what his terminal has no room to show; the way home needs none.
#[tokio::test]
async fn before_a_terminal_that_shows_no_terms_nothing_is_approved_or_moved_but_home() {
    for size in [Size { columns: 40, rows: 11 }, Size { columns: 39, rows: 40 }] {
        let mut table = Table::set_before(250, Duration::ZERO, [LARGE, size, LARGE]).await;
        table.keys(ANA, "f").await;
        table.press(ANA, Code::Enter).await;
        table.see(EVE, "waits for a second person's approval").await;
        let before = writes(&table.session);
        table.enter(BEN, "frontend-100").await;
        table.see(BEN, "Enter did nothing").await;
        table.keys(BEN, "c]").await;
        table.see(BEN, "] did nothing").await;
        assert!(table.seats[BEN].sent.iter().all(|sent| !matches!(sent, ToHost::Ask { .. })), "{:?}", table.seats[BEN].sent);
        assert_eq!((table.session.state.approvals.len(), writes(&table.session)), (1, before));
        table.press(BEN, Code::F(9)).await;
        table.until(|session| writes(session) > before).await;
    }
}

fn writes(session: &Session) -> usize {
    session.writes().len()
}

#[tokio::test]
async fn the_second_person_types_the_word_and_the_first_sees_it_move() {
    let mut table = asked().await;
    table.see(BEN, "ana asks to move 75% of frontend to gke").await;
    table.see(ANA, "your request waits for ben").await;
    table.see(EVE, "waits for a second person's approval").await;
    // A word for another share, and the name alone, decide nothing.
    for wrong in ["frontend", "frontend-50", "approve", ""] {
        table.enter(BEN, wrong).await;
        table.see(BEN, "nothing was decided").await;
        table.until(|session| session.state.approvals.len() == 1).await;
    }
    table.enter(BEN, "frontend-100").await;
    table.see(ANA, "ben approved what ana asked for").await;
    table.see(EVE, "ben approved what ana asked for").await;
    table.not_see(BEN, "APPROVE?").await;
    assert_eq!(writes(&table.session), 1);
}

#[tokio::test]
async fn the_asker_can_read_it_and_take_it_back_but_not_approve_it() {
    let mut table = asked().await;
    table.keys(ANA, "v").await;
    table.see(ANA, "Type withdraw to take it back. ben must answer").await;
    table.enter(ANA, "frontend-100").await;
    table.see(ANA, "type withdraw to take it back; nothing was decided").await;
    assert_eq!(writes(&table.session), 0);
    table.enter(ANA, "withdraw").await;
    table.see(BEN, "ana took the request back").await;
    assert!(table.session.state.approvals.is_empty() && writes(&table.session) == 0);
}

#[tokio::test]
async fn the_rollback_chord_acts_right_through_the_dialog() {
    let mut table = asked().await;
    table.keys(BEN, "front").await;
    table.press(BEN, Code::F(9)).await;
    table.until(|session| writes(session) == 1).await;
    assert_eq!(table.session.last_write().1, crate::core_session::split(0));
    // The request rests on what no longer holds; the dialog says so and waits for no word.
    table.see(BEN, "is void: a rollback began").await;
    table.see(ANA, "is void: a rollback began").await;
    table.press(BEN, Code::Enter).await;
    table.not_see(BEN, "Enter or Esc closes").await;
    assert_eq!(writes(&table.session), 1);
}

#[tokio::test]
async fn a_denial_reaches_the_asker_with_its_reason() {
    let mut table = asked().await;
    table.enter(BEN, "no, p95 is still climbing").await;
    table.see(ANA, "ben denied what ana asked for: p95 is still climbing").await;
    table.see(BEN, "ben denied what ana asked for: p95 is still climbing").await;
    assert!(table.session.state.approvals.is_empty() && writes(&table.session) == 0);
}

#[tokio::test]
async fn both_are_told_when_it_expires() {
    let mut table = asked().await;
    table.happen(|session| {
        for _ in 0..31 {
            session.now = session.now + Millis::from_secs(10);
            session.beats();
            session.weights(250);
        }
    });
    // The dialog stays and says how it ended, or ben would think that he had closed it himself.
    table.see(BEN, "nobody approved it in time").await;
    table.see(BEN, "Enter or Esc closes").await;
    table.see(ANA, "nobody approved it in time").await;
    table.press(BEN, Code::Esc).await;
    table.not_see(BEN, "Enter or Esc closes").await;
}

#[tokio::test]
async fn when_the_asker_is_gone_the_reason_is_that_and_not_the_controls() {
    let mut table = asked().await;
    table.happen(|session| {
        session.step(Event::Left { client: ClientId(1) });
    });
    table.see(BEN, "the request of ana is void: who asked for it left").await;
    table.press(BEN, Code::Enter).await;
    table.see(BEN, "controls: free").await;
}

#[tokio::test]
async fn put_aside_it_stays_aside_until_it_is_called_or_another_comes() {
    let mut table = asked().await;
    table.press(BEN, Code::Esc).await;
    table.see(BEN, "put aside, nothing was decided; v brings it back").await;
    table.happen(|session| session.calm(3));
    table.see(BEN, "ana asks for approval, v reviews it").await;
    assert!(!table.page(BEN).contains("APPROVE?"));
    table.keys(BEN, "v").await;
    table.see(BEN, "APPROVE?").await;
    table.press(BEN, Code::Esc).await;
    table.not_see(BEN, "APPROVE?").await;
    table.keys(ANA, "9").await;
    table.press(ANA, Code::Enter).await;
    table.see(BEN, "Type frontend-90").await;
}

#[tokio::test]
async fn it_waits_until_ben_has_finished_his_sentence() {
    let mut table = Table::set(250).await;
    table.keys(BEN, "t").await;
    table.see(BEN, "To everybody here:").await;
    table.keys(ANA, "f").await;
    table.press(ANA, Code::Enter).await;
    table.see(BEN, "ana asks for approval").await;
    table.enter(BEN, "one moment").await;
    table.see(ANA, "ben: one moment").await;
    table.see(BEN, "APPROVE?").await;
}

#[tokio::test]
async fn pasted_words_and_words_that_were_on_their_way_prove_nothing() {
    let mut table = asked().await;
    table.send(BEN, Input::Paste("frontend-100".to_owned())).await;
    table.see(BEN, "pasted text does nothing here").await;
    table.press(BEN, Code::Enter).await;
    table.see(BEN, "nothing was decided").await;
    table.until(|session| session.state.approvals.len() == 1 && writes(session) == 0).await;
}

#[tokio::test]
async fn a_watcher_sees_no_dialog_and_none_of_his_keys_leaves() {
    let mut table = asked().await;
    table.see(EVE, "waits for a second person's approval").await;
    table.keys(EVE, "vfcCpadst!x0]").await;
    table.press(EVE, Code::Enter).await;
    table.press(EVE, Code::F(9)).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    table.carry();
    assert!(!table.page(EVE).contains("APPROVE?"));
    let asked = |sent: &&cutover::attach::client::ToHost| matches!(sent, cutover::attach::client::ToHost::Ask { .. });
    assert_eq!(table.seats[EVE].sent.iter().filter(asked).count(), 0);
    let by_eve = |entry: &&cutover::core::event::Entry| matches!(&entry.event, Event::Asked { by, .. } if by.client == ClientId(3));
    assert_eq!(table.session.entries.iter().filter(by_eve).count(), 0);
}

#[tokio::test]
async fn what_was_approved_and_can_no_longer_start_is_told_to_both() {
    let mut table = asked().await;
    // Approved by ben in the very second in which the route is no longer safe: examined once more, and refused.
    let digest = *table.session.state.approvals.keys().next().expect("one is open");
    table.happen(|session| {
        session.now = session.now + Millis::from_secs(1);
        session.workload(crate::core_session::run(), 0);
        session.ask(&crate::core_session::ben(), Command::Approve { digest });
    });
    table.see(ANA, "ben approved what ana asked for, but not moved: going back is not assured").await;
    table.see(BEN, "ben approved what ana asked for, but not moved: going back is not assured").await;
    assert_eq!(writes(&table.session), 0);
}
