//! Claims about the database service that hold without any server.

use serde_json::json;

use super::{
    OperationFault, PRIMARY, REPLICA, Sql,
    instance::{Condition, Role},
    monitored::{Serving, Thread},
    operation::{End, Progress},
    request::{Promotion, Refusal, Request},
    trouble::STRANGER,
};
use crate::sim::faults::{DatabaseFault, Down, Member};

const NOW: i64 = 1_790_000_000_000;
const PILOT: &str = "pilot@hexproperty.com";

fn patch(availability: &str, settings_version: Option<u64>) -> Request {
    Request::Patch { settings: json!({"availabilityType": availability}), settings_version }
}

fn end(sql: &Sql, name: &str) -> Option<End> {
    match sql.operation(name).map(|operation| operation.progress) {
        Some(Progress::Done { end, .. }) => Some(end),
        Some(Progress::Pending | Progress::Running { .. }) | None => None,
    }
}

#[test]
fn a_calm_replica_is_close_behind_and_follows() {
    let mut sql = Sql::new(NOW, 1);
    assert_eq!(sql.writers(), [PRIMARY]);
    let before = (sql.written_bytes(), sql.applied_bytes());
    sql.tick(NOW + 10_000);
    assert!(sql.lag_seconds().is_some_and(|lag| (0.0..0.2).contains(&lag)));
    assert!(sql.network_lag_seconds().is_some_and(|lag| lag < 0.1));
    assert!(sql.written_bytes() > before.0 && sql.applied_bytes() > before.1);
    assert!(sql.applied_bytes() <= sql.written_bytes());
}

#[test]
fn a_broken_replication_reports_no_lag_and_its_position_stands() {
    let mut sql = Sql::new(NOW, 2);
    sql.tick(NOW + 5000);
    sql.suffer(DatabaseFault::ReceivesNothing);
    let stood = sql.applied_bytes();
    sql.tick(NOW + 65_000);
    assert_eq!((sql.lag_seconds(), sql.applied_bytes()), (Some(0.0), stood));
    let said = sql.monitored().replica.expect("it is up");
    assert_eq!((said.state, said.receiving, said.applying), (Serving::Error, Thread::No, Thread::Yes));
    assert!(!sql.monitored().connected);
    sql.calm();
    assert!(sql.lag_seconds().is_some_and(|lag| lag > 50.0), "it has to catch up");
    sql.tick(NOW + 90_000);
    assert!(sql.lag_seconds().is_some_and(|lag| lag < 0.2));
}

#[test]
fn what_faults_have_struck_is_put_back() {
    let mut sql = Sql::new(NOW, 2);
    let before = sql.instances.clone();
    sql.suffer(DatabaseFault::OtherPrimary);
    assert_eq!(sql.monitored().follows, STRANGER);
    for down in [Down::Suspended, Down::Maintenance, Down::Failed, Down::BeingCreated, Down::StoppedByOwner] {
        for member in [Member::Primary, Member::Replica] {
            sql.suffer(DatabaseFault::IsDown { member, down });
        }
        assert!(!sql.writers().contains(&PRIMARY) && sql.monitored().replica.is_none(), "{down:?}");
    }
    sql.calm();
    assert_eq!(sql.instances, before);
    assert_eq!(sql.monitored().replica.map(|said| said.state), Some(Serving::Running));
}

#[test]
fn the_applied_position_never_goes_back_when_the_lag_jumps() {
    let mut sql = Sql::new(NOW, 3);
    let mut applied = 0;
    for step in 1..=300 {
        if step == 50 {
            sql.set_replica_lag(900.0);
        }
        if step == 150 {
            sql.calm();
        }
        sql.tick(NOW + step * 1000);
        assert!(sql.applied_bytes() >= applied, "at step {step}");
        applied = sql.applied_bytes();
    }
    assert!(sql.lag_seconds().is_some_and(|lag| lag < 0.2));
}

#[test]
fn a_patch_runs_for_a_while_and_moves_the_settings_version() {
    let mut sql = Sql::new(NOW, 4);
    let version = sql.instance(PRIMARY).expect("it is there").settings_version;
    let name = sql.ask(PRIMARY, patch("ZONAL", Some(version)), PILOT).expect("it begins").name.clone();
    sql.tick(NOW + 20_000);
    assert_eq!(end(&sql, &name), None);
    assert_eq!(sql.instance(PRIMARY).expect("it is there").condition, Condition::Maintenance);
    assert_eq!(sql.ask(PRIMARY, Request::Restart, PILOT), Err(Refusal::Busy));
    sql.tick(NOW + 200_000);
    assert_eq!(end(&sql, &name), Some(End::Well));
    let after = sql.instance(PRIMARY).expect("it is there");
    assert_eq!((after.is_regional(), after.settings_version, after.is_running()), (false, version + 1, true));
    assert_eq!(sql.ask(PRIMARY, patch("REGIONAL", Some(version)), PILOT), Err(Refusal::Stale));
}

#[test]
fn a_promotion_leaves_two_writers_behind() {
    let mut sql = Sql::new(NOW, 5);
    let name = sql.ask(REPLICA, Request::Promote(Promotion::LeavesOldPrimary), PILOT).expect("it begins").name.clone();
    assert_eq!(sql.ask(PRIMARY, Request::Restart, PILOT), Err(Refusal::Busy));
    sql.tick(NOW + 120_000);
    assert_eq!(end(&sql, &name), Some(End::Well));
    assert_eq!(sql.writers(), [PRIMARY, REPLICA]);
    assert_eq!(sql.lag_seconds(), None);
    let again = sql.ask(REPLICA, Request::Promote(Promotion::LeavesOldPrimary), PILOT);
    assert!(matches!(again, Err(Refusal::Impossible(_))), "{again:?}");
}

#[test]
fn a_switchover_needs_another_region_and_can_go_back() {
    let mut sql = Sql::new(NOW, 6);
    assert!(matches!(sql.ask(REPLICA, Request::Switchover, PILOT), Err(Refusal::Impossible(_))));
    sql.add_distant_replica("hexproperty-dr", "us-east1");
    sql.ask("hexproperty-dr", Request::Switchover, PILOT).expect("it begins");
    sql.tick(NOW + 100_000);
    assert_eq!(sql.writers(), ["hexproperty-dr"]);
    assert_eq!(sql.instance(PRIMARY).expect("it is there").role, Role::Replica { of: "hexproperty-dr".to_owned() });
    sql.ask(PRIMARY, Request::Switchover, PILOT).expect("it begins");
    sql.tick(NOW + 200_000);
    assert_eq!(sql.writers(), [PRIMARY]);
}

#[test]
fn a_failed_or_hollow_operation_changes_nothing_and_a_stuck_one_ends_when_calm() {
    for (fault, expected) in
        [(OperationFault::Failing, Some(End::InternalError)), (OperationFault::Hollow, Some(End::Well)), (OperationFault::Stuck, None)]
    {
        let mut sql = Sql::new(NOW, 7);
        sql.set_operation_fault(fault);
        let name = sql.ask(REPLICA, Request::Promote(Promotion::LeavesOldPrimary), PILOT).expect("it begins").name.clone();
        sql.tick(NOW + 3_600_000);
        assert_eq!((end(&sql, &name), sql.writers()), (expected, vec![PRIMARY]), "{fault:?}");
        sql.calm();
        sql.tick(NOW + 3_700_000);
        assert!(end(&sql, &name).is_some(), "{fault:?}");
    }
}

#[test]
fn a_new_replica_takes_minutes_and_then_follows() {
    let mut sql = Sql::new(NOW, 8);
    let request = Request::CreateReplica { name: "second".to_owned(), region: "us-east1".to_owned(), settings: json!({}) };
    sql.ask(PRIMARY, request.clone(), PILOT).expect("it begins");
    assert_eq!(sql.instance("second").map(|instance| instance.condition), Some(Condition::PendingCreate));
    assert_eq!(sql.ask(PRIMARY, request, PILOT), Err(Refusal::NameTaken));
    sql.tick(NOW + 400_000);
    let second = sql.instance("second").expect("it is there");
    assert!(second.is_running() && second.replicates);
    assert!(!second.is_regional());
}

#[test]
fn one_long_tick_and_many_short_ones_give_the_same_state() {
    let mut long = Sql::new(NOW, 9);
    let mut short = Sql::new(NOW, 9);
    for sql in [&mut long, &mut short] {
        sql.ask(PRIMARY, patch("ZONAL", None), PILOT).expect("it begins");
    }
    long.tick(NOW + 300_000);
    (1..=300).for_each(|step| short.tick(NOW + step * 1000));
    let state = |sql: &Sql| format!("{:?} {:?} {}", sql.instances, sql.operations, sql.applied_bytes());
    assert_eq!(state(&long), state(&short));
}

#[test]
fn a_replica_that_could_not_be_made_is_left_behind_broken() {
    let mut sql = Sql::new(NOW, 10);
    sql.set_operation_fault(OperationFault::Failing);
    let request = Request::CreateReplica { name: "second".to_owned(), region: "us-east1".to_owned(), settings: json!({}) };
    sql.ask(PRIMARY, request, PILOT).expect("it begins");
    sql.tick(NOW + 400_000);
    let second = sql.instance("second").expect("it is in the way of the next one");
    assert_eq!((second.condition, second.replicates), (Condition::Failed, false));
}

#[test]
fn work_on_another_replica_leaves_the_products_own_alone() {
    let mut sql = Sql::new(NOW, 11);
    sql.add_distant_replica("hexproperty-dr", "us-east1");
    sql.ask("hexproperty-dr", Request::StopReplica, PILOT).expect("it begins");
    sql.tick(NOW + 60_000);
    assert!(sql.lag_seconds().is_some_and(|lag| lag < 1.0), "{:?}", sql.lag_seconds());
    let beside = sql.monitored().beside;
    assert_eq!(beside.iter().map(|one| (one.name.as_str(), one.said.state)).collect::<Vec<_>>(), [("hexproperty-dr", Serving::Stopped)]);
    sql.ask("hexproperty-dr", Request::Promote(Promotion::LeavesOldPrimary), PILOT).expect("it begins");
    sql.tick(NOW + 200_000);
    assert_eq!((sql.writers(), sql.monitored().beside), (vec!["hexproperty-dr", PRIMARY], vec![]));
    assert!(sql.lag_seconds().is_some_and(|lag| lag < 1.0), "{:?}", sql.lag_seconds());
}
