//! The watcher: a face of his own, what matters comes up by itself, and whatever he presses stays with him.

use cutover::{
    attach::client::ToHost,
    domain::{metric::Metric, time::Millis},
    tui::input::Code,
};

use crate::table::{ANA, EVE, Table};

#[tokio::test]
async fn a_watcher_has_a_face_of_his_own_and_comes_back_to_it() {
    let mut table = Table::set(250).await;
    table.see(EVE, "way home").await;
    assert!(!table.page(EVE).contains("F9"), "{}", table.page(EVE));
    table.keys(EVE, "m").await;
    table.see(EVE, "limit 5.00%").await;
    table.press(EVE, Code::Esc).await;
    table.see(EVE, "way home").await;
    table.press(EVE, Code::F(6)).await;
    table.see(EVE, "Automatic rollback").await;
    table.press(EVE, Code::Esc).await;
    table.see(EVE, "way home").await;
}

#[tokio::test]
async fn what_matters_comes_up_by_itself_and_a_weightier_matter_takes_its_place() {
    let mut table = Table::set(250).await;
    table.keys(ANA, "4").await;
    table.press(ANA, Code::Enter).await;
    table.see(EVE, "On the way to 40%").await;
    table.happen(|session| {
        session.settle();
        for _ in 0..30 {
            session.now = session.now + Millis::from_secs(2);
            session.beats();
            session.sample(Metric::ErrorRate, 0.12);
        }
    });
    table.see(EVE, "is the error rate of gke; its limit is 5.00%").await;
    table.see(EVE, "traffic goes home by itself").await;
    table.press(ANA, Code::F(9)).await;
    table.see(EVE, "ROLLING BACK to run").await;
    // He may have it calm, too.
    table.keys(EVE, "F").await;
    table.see(EVE, "way home").await;
    let acts = |sent: &&ToHost| !matches!(sent, ToHost::Resize(_) | ToHost::Look { .. });
    assert_eq!(table.seats[EVE].sent.iter().filter(acts).count(), 0);
}
