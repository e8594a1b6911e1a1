//! Lines that prove themselves count what sees now, not what is listed or once saw.

use cutover::{
    core::{
        reason::Evidence,
        state::{ItemState, ItemStatus},
    },
    domain::{
        fact::{Fact, Probed},
        time::Millis,
    },
    plan::model::{Check, Item, Plan, Proof, Stage},
};

use crate::session::{Session, gke, plan, run};

fn with_line(check: Check) -> Plan {
    let mut plan = plan();
    let proof = Proof::Collected(check);
    let expires = Millis::from_mins(5);
    plan.checklist = vec![Item { id: "line".parse().unwrap(), stage: Stage::DuringMigration, title: "line".into(), proof, expires }];
    plan
}

fn line(session: &Session) -> &ItemState {
    session.state.checklist.values().next().unwrap()
}

/// Both backends' probers report for so many seconds, or home's alone.
fn probed(session: &mut Session, seconds: u64, target_too: bool) {
    for _ in 0..seconds {
        session.wait(Millis::from_secs(1));
        session.probe(run(), 0);
        if target_too {
            session.probe(gke(), 0);
        }
    }
}

#[test]
fn a_prober_that_has_stopped_watches_no_connections() {
    let mut session = Session::with(with_line(Check::NoDroppedConnections(Millis::from_secs(60))), 10);
    probed(&mut session, 61, true);
    assert_eq!((line(&session).status, &line(&session).evidence), (ItemStatus::Done, &Evidence::NoDrops { span: Millis::from_secs(60) }));
    probed(&mut session, 32, false);
    assert_eq!(line(&session).evidence, Evidence::FewerWatch { watching: 1, of: 2 });
    assert_ne!(line(&session).status, ItemStatus::Done, "half of those who look are not enough");
    // Back again, it has its time still before it.
    probed(&mut session, 30, true);
    assert_eq!(line(&session).status, ItemStatus::Open, "{:?}", line(&session));
    probed(&mut session, 32, true);
    assert_eq!(line(&session).status, ItemStatus::Done, "{:?}", line(&session));
}

#[test]
fn a_prober_that_sends_nothing_watches_nothing() {
    let mut session = Session::with(with_line(Check::NoDroppedConnections(Millis::from_secs(60))), 10);
    for _ in 0..70 {
        session.wait(Millis::from_secs(1));
        session.probe(run(), 0);
        let idle = Probed { backend: gke(), sent: 0, failed: 0, dropped: 0, answers: Default::default(), slowest_ms: None };
        session.see("probe/gke", vec![Fact::Probed(idle)]);
    }
    assert_eq!(line(&session).evidence, Evidence::FewerWatch { watching: 1, of: 2 });
}

/// The plan lists two probers and a front door, and one of them has never said a word.
#[test]
fn a_prober_that_never_reported_is_missed() {
    let mut plan = with_line(Check::NoDroppedConnections(Millis::from_secs(10)));
    plan.routes[0].front_door = Some("https://www.example.com/".into());
    plan.routes[0].backends.iter_mut().for_each(|backend| backend.probe_url = Some("https://www.example.com/health".into()));
    let mut session = Session::with(plan, 10);
    probed(&mut session, 12, true);
    assert_eq!(line(&session).evidence, Evidence::FewerWatch { watching: 2, of: 3 });
    for _ in 0..12 {
        probed(&mut session, 1, true);
        session.served(99, 1);
    }
    assert_eq!(line(&session).status, ItemStatus::Done, "{:?}", line(&session));
}
