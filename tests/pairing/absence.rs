//! The host goes and comes back: what the cockpit says in between, and after.

use std::time::Instant;

use cutover::{
    attach::client::{Connection, Listens},
    core::{
        command::Command,
        event::{Asker, Event},
    },
    domain::{id::ClientId, role::Role, shown::Shown, time::Millis},
    tui::input::Code,
};

use crate::{
    core_session::Session,
    table::{ANA, BEN, Table},
};

fn gone(seconds: u64) -> Connection {
    let since = Instant::now().checked_sub(std::time::Duration::from_secs(seconds)).unwrap_or_else(Instant::now);
    Connection::Reconnecting { since, attempts: 3, why: Shown::new("the host closed the line"), listens: Listens::NotKnown }
}

/// As the host does it when it comes back: the people of before are gone, and this one is here under a new number.
fn restarted(session: &mut Session, client: u64, who: &str, role: Role) {
    session.now = session.now + Millis::from_secs(20);
    session.step(Event::Restarted);
    session.step(Event::Joined { client: ClientId(client), who: who.parse().unwrap(), role, terminal: None, credentials: None });
}

#[tokio::test]
async fn a_lost_host_is_announced_and_a_restart_is_told_on_return() {
    let mut table = Table::set(250).await;
    table.keys(ANA, "5").await;
    table.see(BEN, "◇ ana 50%").await;
    table.connection(ANA, gone(40));
    table.see(ANA, "THE HOST IS GONE").await;
    table.see(ANA, "Trying again by itself, attempt 3").await;
    table.see(ANA, "NOT CONNECTED for 4").await;
    let before = table.session.state.seq;
    restarted(&mut table.session, 11, "ana", Role::Pilot);
    table.renumber(ANA, ClientId(11));
    table.connection(ANA, Connection::Connected);
    table.see(ANA, "THE HOST IS BACK").await;
    table.see(ANA, "was started again; nobody watched in between").await;
    let missed = table.session.state.seq.0 - before.0;
    assert!(missed >= 2);
    table.see(ANA, "records came meanwhile").await;
    table.see(ANA, "you had the controls; they are free now, c takes them").await;
    table.see(ANA, "frontend stands where it stood").await;
    table.see(ANA, "your draft is kept").await;
    // Esc closes it and nothing else: the draft is still there.
    table.press(ANA, Code::Esc).await;
    table.not_see(ANA, "THE HOST IS BACK").await;
    table.see(ANA, "◆ draft 50%").await;
}

#[tokio::test]
async fn what_moved_while_one_was_away_is_said() {
    let mut table = Table::set(250).await;
    table.connection(BEN, gone(9));
    table.see(BEN, "THE HOST IS GONE").await;
    let ana = Asker { client: ClientId(1), who: "ana".parse().unwrap(), role: Role::Pilot };
    assert!(matches!(table.session.rollback(&ana), cutover::core::decision::Verdict::Accepted));
    table.session.write_done();
    table.connection(BEN, Connection::Connected);
    table.see(BEN, "THE HOST IS BACK").await;
    table.see(BEN, "the session ran on, only the line was lost").await;
    table.see(BEN, "frontend stands at 0% on gke").await;
    // Any other key goes on with what it means.
    table.keys(BEN, "t").await;
    table.see(BEN, "To everybody here:").await;
    table.not_see(BEN, "THE HOST IS BACK").await;
}

#[tokio::test]
async fn a_host_that_was_stopped_is_not_called_a_lost_line_however_one_finds_it_again() {
    let mut table = Table::set(250).await;
    table.connection(BEN, gone(43));
    table.see(BEN, "THE HOST IS GONE").await;
    let since = table.session.now;
    table.session.now = table.session.now + Millis::from_secs(43);
    table.session.step(Event::StoodStill { since });
    table.connection(BEN, Connection::Connected);
    table.see(BEN, "THE HOST IS BACK").await;
    table.see(BEN, "the host did not run from").await;
    table.see(BEN, "no trigger watched").await;
    // Nobody has read the weights since.
    table.see(BEN, "frontend stood at 25% on gke when its weights were last").await;
    assert!(!table.page(BEN).contains("only the line was lost") && !table.page(BEN).contains("stands where it stood"));
}

#[tokio::test]
async fn the_notice_says_what_stands_now_and_not_what_stood_when_it_came_up() {
    let mut table = Table::set(250).await;
    table.connection(BEN, gone(9));
    table.see(BEN, "THE HOST IS GONE").await;
    table.connection(BEN, Connection::Connected);
    table.see(BEN, "frontend stands where it stood: 25% on gke").await;
    let ana = Asker { client: ClientId(1), who: "ana".parse().unwrap(), role: Role::Pilot };
    assert!(matches!(table.session.rollback(&ana), cutover::core::decision::Verdict::Accepted));
    table.publish();
    table.see(BEN, "frontend stands at 25% on gke; going home for").await;
    table.session.write_done();
    table.publish();
    table.see(BEN, "frontend stands at 0% on gke now").await;
    assert!(!table.page(BEN).contains("stands where it stood"));
}

#[tokio::test]
async fn a_line_that_comes_back_over_unread_weights_proves_no_watch() {
    let mut table = Table::set(250).await;
    table.connection(BEN, gone(43));
    table.see(BEN, "THE HOST IS GONE").await;
    table.session.now = table.session.now + Millis::from_secs(43);
    table.session.beats();
    table.connection(BEN, Connection::Connected);
    table.see(BEN, "whether the session watched").await;
}

#[tokio::test]
async fn a_blip_costs_one_line_and_no_notice() {
    let mut table = Table::set(250).await;
    table.connection(BEN, gone(0));
    table.see(BEN, "THE HOST IS GONE").await;
    table.connection(BEN, Connection::Connected);
    table.see(BEN, "nothing that matters happened meanwhile").await;
    assert!(!table.page(BEN).contains("THE HOST IS BACK"));
}

#[tokio::test]
async fn a_request_that_the_restart_voided_is_told_to_who_was_to_answer() {
    let mut table = Table::set(250).await;
    table.keys(ANA, "f").await;
    table.press(ANA, Code::Enter).await;
    table.see(BEN, "APPROVE?").await;
    table.connection(BEN, gone(30));
    table.see(BEN, "NOT CONNECTED").await;
    restarted(&mut table.session, 12, "ben", Role::Operator);
    table.renumber(BEN, ClientId(12));
    table.connection(BEN, Connection::Connected);
    table.see(BEN, "is void: the host was restarted").await;
    let approved = |session: &Session| {
        session.entries.iter().any(|entry| matches!(&entry.event, Event::Asked { command: Command::Approve { .. }, .. }))
    };
    assert!(!approved(&table.session));
}

#[tokio::test]
async fn the_end_of_the_session_is_not_called_an_absence() {
    let mut table = Table::set(250).await;
    table.connection(BEN, Connection::Closed { why: Shown::new("the session was stopped by its owner") });
    table.see(BEN, "OVER FOR THIS COCKPIT").await;
    table.see(BEN, "the session was stopped by its owner").await;
    assert!(!table.page(BEN).contains("Trying again"));
}
