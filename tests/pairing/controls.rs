//! The controls: asked for, handed over, taken, given up and lost, each before the eyes of all.

use cutover::{
    core::event::Event,
    domain::{id::ClientId, time::Millis},
    tui::input::Code,
};

use crate::{
    core_session::{Session, ben},
    table::{ANA, BEN, EVE, Table},
};

fn holder(session: &Session) -> Option<ClientId> {
    session.state.controls.holder.as_ref().map(|holder| holder.client)
}

#[tokio::test]
async fn one_key_asks_and_one_key_hands_over() {
    let mut table = Table::set(250).await;
    let epoch = table.session.state.controls.epoch;
    table.keys(BEN, "c").await;
    table.see(ANA, "ben asks for the controls; c hands them over").await;
    assert_eq!(holder(&table.session), Some(ClientId(1)));
    table.keys(ANA, "c").await;
    table.see(BEN, "controls: you").await;
    table.see(BEN, "you have the controls").await;
    table.see(ANA, "controls: ben").await;
    table.see(EVE, "ben").await;
    assert_eq!(table.session.state.controls.epoch, epoch + 1);
}

#[tokio::test]
async fn the_list_hands_them_to_whom_one_chooses() {
    let mut table = Table::set(250).await;
    table.keys(ANA, "P").await;
    table.see(ANA, "Who is here").await;
    table.see(ANA, "C gives the controls up").await;
    table.press(ANA, Code::Enter).await;
    table.see(ANA, "nothing was changed").await;
    table.see(ANA, "Who is here").await;
    table.press(ANA, Code::Down).await;
    table.see(ANA, "Enter hands the controls to ben").await;
    table.press(ANA, Code::Enter).await;
    table.until(|session| holder(session) == Some(ClientId(2))).await;
    // A pilot takes them back from the same list, and that is announced too.
    table.keys(ANA, "P").await;
    table.see(ANA, "Enter takes the controls from ben").await;
    table.press(ANA, Code::Enter).await;
    table.see(BEN, "ana has the controls").await;
    table.until(|session| holder(session) == Some(ClientId(1))).await;
}

#[tokio::test]
async fn the_list_gives_them_up_by_the_key_that_it_names() {
    let mut table = Table::set(250).await;
    table.keys(ANA, "P").await;
    table.see(ANA, "C gives the controls up").await;
    table.press(ANA, Code::Enter).await;
    table.see(ANA, "nothing was changed").await;
    assert_eq!(holder(&table.session), Some(ClientId(1)));
    table.keys(ANA, "C").await;
    table.until(|session| holder(session).is_none()).await;
}

#[tokio::test]
async fn who_is_no_pilot_can_only_ask() {
    let mut table = Table::set(250).await;
    table.keys(BEN, "P").await;
    table.see(BEN, "Enter asks ana for the controls").await;
    table.press(BEN, Code::Enter).await;
    table.see(ANA, "ben asks for the controls").await;
    assert_eq!(holder(&table.session), Some(ClientId(1)));
}

#[tokio::test]
async fn given_up_they_are_free_and_nobody_waits_for_them_any_more() {
    let mut table = Table::set(250).await;
    table.keys(BEN, "c").await;
    table.see(ANA, "ben asks for the controls").await;
    table.keys(ANA, "C").await;
    table.see(BEN, "controls: free (c takes)").await;
    assert!(table.session.state.controls.asked_by.is_empty());
    table.keys(BEN, "c").await;
    table.see(ANA, "controls: ben").await;
}

#[tokio::test]
async fn a_silent_holder_is_counted_down_and_then_they_are_free() {
    let mut table = Table::set(250).await;
    table.happen(|session| {
        for _ in 0..10 {
            session.now = session.now + Millis::from_secs(1);
            session.step(Event::Beat { client: ben().client });
        }
    });
    table.see(BEN, "controls: ana, silent 1").await;
    table.happen(|session| {
        for _ in 0..6 {
            session.now = session.now + Millis::from_secs(1);
            session.step(Event::Beat { client: ben().client });
        }
    });
    table.see(BEN, "controls: free (c takes)").await;
    // Expiry takes nothing from going home: ben has no controls and rolls back.
    table.press(BEN, Code::F(9)).await;
    table.until(|session| session.writes().len() == 1).await;
}

#[tokio::test]
async fn whoever_asked_and_left_is_in_nobodys_way() {
    let mut table = Table::set(250).await;
    table.keys(BEN, "c").await;
    table.see(ANA, "ben asks for the controls").await;
    table.happen(|session| {
        session.step(Event::Left { client: ClientId(2) });
    });
    table.not_see(ANA, "ben asks for the controls;").await;
    table.keys(ANA, "c").await;
    table.see(ANA, "nobody asks for them").await;
}

/// A key that was held down, and a host that takes nothing for a while: the line keeps its place for the way home.
#[tokio::test]
async fn held_keys_leave_the_line_free_for_a_rollback() {
    let mut table = Table::set(250).await;
    for _ in 0..300 {
        table.press(ANA, Code::Tab).await;
    }
    table.press(ANA, Code::F(9)).await;
    table.until(|session| session.route().latch.is_some()).await;
    let looked = |event: &Event| matches!(event, Event::Looked { .. });
    let looks = table.session.entries.iter().filter(|entry| looked(&entry.event)).count();
    // How many depends on how long it takes to press them all; what counts is that most of them are told as one.
    assert!((2..150).contains(&looks), "each look that is told is a record: {looks}");
}
