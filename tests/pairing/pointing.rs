//! Talking and pointing: what the one says, shows and thinks of is before the other's eyes, and in the journal.

use cutover::{
    core::{
        command::{Command, Look},
        event::Event,
    },
    domain::id::ClientId,
    tui::input::Code,
};

use crate::table::{ANA, BEN, EVE, Table};

#[tokio::test]
async fn a_line_of_chat_is_seen_by_all_and_journaled() {
    let mut table = Table::set(250).await;
    table.keys(BEN, "t").await;
    table.see(BEN, "To everybody here:").await;
    table.enter(BEN, "p95 looks fine to me").await;
    for seat in [ANA, BEN, EVE] {
        table.see(seat, "ben: p95 looks fine to me").await;
    }
    let said =
        |event: &Event| matches!(event, Event::Asked { command: Command::Say { text }, .. } if text.as_str() == "p95 looks fine to me");
    assert!(table.session.entries.iter().any(|entry| said(&entry.event)));
}

#[tokio::test]
async fn where_the_other_looks_stands_on_the_pane() {
    let mut table = Table::set(250).await;
    // SignalEvent when he came, not only when he moves.
    table.see(ANA, "▸ben").await;
    assert_eq!(table.session.state.people[&ClientId(2)].focus.as_ref().map(|pane| pane.as_str()), Some("traffic"));
    table.press(BEN, Code::Tab).await;
    table.until(|session| session.state.people[&ClientId(2)].focus.as_ref().is_some_and(|pane| pane.as_str() == "platforms")).await;
    // Another screen is a place too.
    table.keys(BEN, "m").await;
    table.until(|session| session.state.people[&ClientId(2)].focus.as_ref().is_some_and(|pane| pane.as_str() == "metrics")).await;
    table.keys(ANA, "P").await;
    table.see(ANA, "looks at metrics").await;
}

#[tokio::test]
async fn look_here_lights_the_pane_and_one_key_goes_there() {
    let mut table = Table::set(250).await;
    table.press(BEN, Code::Tab).await;
    table.press(BEN, Code::Tab).await;
    table.keys(BEN, "!").await;
    table.see(ANA, "ben: look here").await;
    table.see(ANA, "ben: look at triggers; Space goes there").await;
    table.keys(ANA, " ").await;
    table.until(|session| session.state.people[&ClientId(1)].focus.as_ref().is_some_and(|pane| pane.as_str() == "triggers")).await;
    table.keys(BEN, "m!").await;
    table.see(ANA, "ben: look at metrics").await;
    table.keys(ANA, " ").await;
    table.see(ANA, "limit 5.00%").await;
}

#[tokio::test]
async fn a_draft_is_the_others_ghost_until_it_is_dropped() {
    let mut table = Table::set(250).await;
    table.keys(BEN, "5").await;
    table.see(ANA, "◇ ben 50%").await;
    assert!(!table.page(ANA).contains('◆'), "ben's draft is no draft of ana's");
    table.see(BEN, "◆ draft 50%").await;
    table.press(BEN, Code::Esc).await;
    table.not_see(ANA, "◇").await;
}

#[tokio::test]
async fn under_another_number_the_others_still_see_focus_and_draft() {
    let mut table = Table::set(250).await;
    table.keys(BEN, "5").await;
    table.see(ANA, "◇ ben 50%").await;
    table.renumber(BEN, ClientId(9));
    table.happen(|session| {
        session.step(Event::Left { client: ClientId(2) });
        let (client, role) = (ClientId(9), cutover::domain::role::Role::Operator);
        session.step(Event::Joined { client, who: "ben".parse().unwrap(), role, terminal: None, credentials: None });
    });
    table.until(|session| session.state.people.get(&ClientId(9)).is_some_and(|ben| !ben.drafts.is_empty() && ben.focus.is_some())).await;
    table.see(ANA, "◇ ben 50%").await;
    let told =
        |sent: &&cutover::attach::client::ToHost| matches!(sent, cutover::attach::client::ToHost::Look { look: Look::Focus { .. }, .. });
    assert_eq!(table.seats[BEN].sent.iter().filter(told).count(), 2);
}
