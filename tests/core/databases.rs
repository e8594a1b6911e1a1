//! What is made of the database: when a replica counts as one that follows, what is said of it, and what rests on it.

use cutover::{
    core::{
        decision::{Decision, Refusal, Verdict},
        has::{self, Writes},
        news::{News, Tone},
        outlook::{self, Attention},
        reason::Evidence,
        replication::{self, DatabaseStanding, Soundness, Writers},
        state::{ItemState, ItemStatus, ReplicaTerm},
    },
    domain::{
        database::{Broken, Engine, Movement, Serving},
        fact::{Fact, ReplicaState, Replication, Writable},
        id::InstanceId,
        metric::{Gap, Sample},
        time::{Millis, Timestamp},
    },
    plan::model::{Check, Database, DatabaseMode, Item, Plan, Proof, Stage},
    words::{self, Names},
};

use crate::session::{START, Session, plan};

fn name(name: &str) -> InstanceId {
    name.parse().expect("a name")
}

fn database(mode: DatabaseMode) -> Database {
    Database { mode, primary: name("prod"), replicas: vec![name("replica")], lag_max: Millis::from_secs(1) }
}

fn with_database(mode: DatabaseMode) -> Plan {
    let check = Check::ReplicationLagBelow(Millis::from_secs(1));
    let lag = Item {
        id: "lag".parse().expect("a name"),
        stage: Stage::DuringMigration,
        title: "Lag".into(),
        proof: Proof::Collected(check),
        expires: Millis::from_mins(5),
    };
    Plan { database: Some(database(mode)), checklist: vec![lag], ..plan() }
}

/// A replica that is well: 0.2 s behind, half a minute ago.
fn replica(at: Timestamp) -> Replication {
    Replication {
        instance: name("replica"),
        primary: Some(name("prod")),
        state: ReplicaState::Replicating,
        serving: Serving::Running,
        engine: Some(Engine::MySql),
        lag: Ok(Sample::exact(0.2, 10, at.before(Millis::from_secs(30)))),
        behind_bytes: None,
        movement: Movement::Moves,
        writable: Writable::ReadOnly,
        operation: None,
    }
}

fn primary() -> Replication {
    Replication {
        instance: name("prod"),
        primary: None,
        state: ReplicaState::Primary,
        lag: Err(Gap::Missing),
        writable: Writable::AcceptsWrites,
        ..replica(START)
    }
}

fn see(session: &mut Session, seen: Replication) -> Decision {
    session.see(&format!("sql/{}", seen.instance), vec![Fact::Replication(seen)])
}

/// A session whose primary is well, and whose replica is this.
fn with(seen: impl Fn(&mut Replication)) -> Session {
    let mut session = Session::with(with_database(DatabaseMode::Shared), 0);
    see(&mut session, primary());
    let mut changed = replica(session.now);
    seen(&mut changed);
    see(&mut session, changed);
    session.wait(Millis::from_secs(1));
    session
}

fn standing(session: &Session, instance: &str) -> DatabaseStanding {
    let instance = name(instance);
    replication::standing(&database(DatabaseMode::Shared), &instance, session.state.replication.get(&instance), session.now)
}

fn line(session: &Session) -> &ItemState {
    session.state.checklist.values().next().expect("the plan has a line")
}

#[test]
fn a_replica_is_well_only_if_everything_says_so() {
    let session = with(|_| ());
    assert!(matches!(standing(&session, "replica"), DatabaseStanding::Follows { lag, .. } if lag.value == 0.2));
    assert_eq!(line(&session).status, ItemStatus::Done);

    type Change = fn(&mut Replication);
    let nothing_behind = |seen: &mut Replication| seen.lag = seen.lag.map(|lag| Sample { value: 0.0, ..lag });
    let cases: [(Change, DatabaseStanding, ItemStatus); 11] = [
        (|seen| seen.state = ReplicaState::Stopped, DatabaseStanding::Stopped, ItemStatus::Failing),
        (
            |seen| seen.state = ReplicaState::Broken(Broken::Receiving),
            DatabaseStanding::Broken { broken: Broken::Receiving },
            ItemStatus::Failing,
        ),
        (|seen| seen.primary = Some(name("staging")), DatabaseStanding::Stranger { of: Some(name("staging")) }, ItemStatus::Failing),
        (|seen| seen.primary = None, DatabaseStanding::Stranger { of: None }, ItemStatus::Failing),
        (|seen| seen.state = ReplicaState::Primary, DatabaseStanding::Promoted, ItemStatus::Failing),
        (|seen| seen.serving = Serving::Suspended, DatabaseStanding::Down { serving: Serving::Suspended }, ItemStatus::Failing),
        (|seen| seen.serving = Serving::Untold, DatabaseStanding::Down { serving: Serving::Untold }, ItemStatus::Unknown),
        (|seen| seen.movement = Movement::FallsBack, DatabaseStanding::FallsBack, ItemStatus::Failing),
        (|seen| seen.movement = Movement::Idle, DatabaseStanding::Idle, ItemStatus::Unknown),
        (|seen| seen.lag = Err(Gap::Stale), DatabaseStanding::LagUnknown { gap: Gap::Stale }, ItemStatus::Unknown),
        (
            |seen| (seen.state, seen.lag) = (ReplicaState::Untold, Err(Gap::Unreachable)),
            DatabaseStanding::Untold { gap: Gap::Unreachable },
            ItemStatus::Unknown,
        ),
    ];
    for (change, expected, status) in cases {
        let session = with(|seen| {
            // Whatever is wrong, the lag is reported as nothing.
            nothing_behind(seen);
            change(seen);
        });
        let stands = standing(&session, "replica");
        assert_eq!(stands, expected);
        assert_eq!(stands.lag(), None, "{expected:?} has no lag, least of all one of nothing");
        assert_ne!(stands.soundness(), Soundness::Sound, "{expected:?}");
        assert_eq!(line(&session).status, status, "{expected:?}");
        assert_eq!(line(&session).evidence, Evidence::Instance { instance: name("replica"), standing: expected });
    }
}

#[test]
fn a_lag_whose_position_is_not_told_proves_nothing() {
    let session = with(|seen| seen.movement = Movement::Untold);
    assert!(matches!(standing(&session, "replica"), DatabaseStanding::Unmoved { .. }));
    assert_eq!(line(&session).status, ItemStatus::Unknown);
}

#[test]
fn a_line_is_as_old_as_its_figure_and_holds_no_longer_than_it_may() {
    let told = |ago: u64, value: f64| {
        with(move |seen| seen.lag = seen.lag.map(|lag| Sample { value, at: lag.at.before(Millis::from_secs(ago - 30)), ..lag }))
    };
    let session = told(180, 0.2);
    let stands = standing(&session, "replica");
    assert!(matches!(stands, DatabaseStanding::Follows { age, .. } if age == Millis::from_secs(181)), "{stands:?}");
    assert!(words::database(&stands).contains("0.2s behind 3m01s ago"), "{}", words::database(&stands));
    assert_eq!((line(&session).status, line(&session).seen_at), (ItemStatus::Done, Some(session.now.before(Millis::from_secs(181)))));
    // The look is a second old; the line holds for five minutes, and the figure is older.
    let session = told(300, 0.2);
    assert_eq!(line(&session).status, ItemStatus::Unknown);
    assert!(matches!(&line(&session).evidence, Evidence::LagOld { holds, .. } if *holds == Millis::from_mins(5)), "{:?}", line(&session));
    let session = told(300, 9.0);
    assert_eq!((line(&session).status, line(&session).seen_at), (ItemStatus::Failing, Some(session.now.before(Millis::from_secs(301)))));
}

#[test]
fn a_primary_that_is_down_or_none_is_a_breach_of_the_line_although_its_replica_is_well() {
    type Change = (fn(&mut Replication), DatabaseStanding);
    let change: [Change; 3] = [
        (|seen| seen.serving = Serving::Suspended, DatabaseStanding::Down { serving: Serving::Suspended }),
        (|seen| seen.serving = Serving::Maintenance, DatabaseStanding::Down { serving: Serving::Maintenance }),
        (
            |seen| (seen.state, seen.primary) = (ReplicaState::Replicating, Some(name("replica"))),
            DatabaseStanding::Follower { of: Some(name("replica")) },
        ),
    ];
    for (change, expected) in change {
        let mut session = with(|_| ());
        let mut seen = primary();
        change(&mut seen);
        let decision = see(&mut session, seen);
        assert_eq!(standing(&session, "prod"), expected);
        let news = News::DatabaseStands { instance: name("prod"), standing: expected.clone() };
        assert_eq!((decision.news.as_slice(), news.tone()), ([news.clone()].as_slice(), Tone::Alarm));
        session.wait(Millis::from_secs(1));
        assert_eq!(line(&session).status, ItemStatus::Failing, "{expected:?}");
    }
}

#[test]
fn what_was_heard_a_minute_ago_is_not_what_is() {
    let mut session = with(|_| ());
    session.calm(60);
    assert_eq!(standing(&session, "replica"), DatabaseStanding::Silent { age: Millis::from_secs(61) });
    assert_eq!(line(&session).status, ItemStatus::Unknown);
    assert_eq!(replication::writers(&database(DatabaseMode::Shared), &session.state, session.now), Writers::Unknown);
}

#[test]
fn a_change_is_said_once_and_a_figure_that_moves_is_none() {
    let mut session = with(|_| ());
    let said = |session: &mut Session, change: fn(&mut Replication)| {
        let mut seen = replica(session.now);
        change(&mut seen);
        see(session, seen).news
    };
    assert_eq!(said(&mut session, |_| ()), []);
    let behind: fn(&mut Replication) = |seen| seen.lag = seen.lag.map(|lag| Sample { value: 9.0, ..lag });
    assert_eq!(said(&mut session, behind), []);
    let broken: fn(&mut Replication) = |seen| seen.state = ReplicaState::Broken(Broken::Applying);
    let standing = DatabaseStanding::Broken { broken: Broken::Applying };
    assert_eq!(said(&mut session, broken), [News::DatabaseStands { instance: name("replica"), standing }]);
    assert_eq!(said(&mut session, broken), []);
    let silent: fn(&mut Replication) = |seen| (seen.state, seen.lag) = (ReplicaState::Untold, Err(Gap::TimedOut));
    assert_eq!(said(&mut session, silent), [], "a source that is away for a moment is no news of the database");
    assert_eq!(said(&mut session, broken), []);
    let well = said(&mut session, |_| ());
    assert!(matches!(well.as_slice(), [News::DatabaseStands { standing: DatabaseStanding::Follows { .. }, .. }]), "{well:?}");
    assert_eq!(well[0].tone(), Tone::Good);
}

#[test]
fn the_charts_have_no_lag_where_none_is_proven() {
    let mut session = with(|seen| seen.state = ReplicaState::Broken(Broken::Receiving));
    session.calm(20);
    let history = &session.state.replication[&name("replica")].history;
    assert!(!history.is_empty() && history.iter().all(Option::is_none), "{history:?}");
}

#[test]
fn two_that_accept_writes_are_named() {
    let session = with(|seen| (seen.state, seen.writable) = (ReplicaState::Primary, Writable::AcceptsWrites));
    let writers = replication::writers(&database(DatabaseMode::Shared), &session.state, session.now);
    assert_eq!(writers, Writers::Several(vec![name("prod"), name("replica")]));
    let mut session = with(|_| ());
    let down = Replication { serving: Serving::Suspended, writable: Writable::Unknown, ..primary() };
    see(&mut session, down);
    assert_eq!(replication::writers(&database(DatabaseMode::Shared), &session.state, session.now), Writers::Nobody);
}

/// Where users' writes fail on every platform, or go apart, nobody more is sent away; whoever is away may go home.
#[test]
fn nothing_advances_while_no_primary_or_several_accept_writes() {
    let down = |_: Timestamp| Replication { serving: Serving::Stopped, writable: Writable::Unknown, ..primary() };
    let split = |now| Replication { state: ReplicaState::Primary, writable: Writable::AcceptsWrites, ..replica(now) };
    let nobody: (fn(Timestamp) -> Replication, Writers) = (down, Writers::Nobody);
    for (trouble, expected) in [nobody, (split, Writers::Several(vec![name("prod"), name("replica")]))] {
        let mut session = with(|_| ());
        session.calm(3);
        assert_eq!(session.shift(0, 10), Verdict::Accepted);
        session.settle();
        let now = session.now;
        see(&mut session, primary());
        see(&mut session, replica(now));
        see(&mut session, trouble(now));
        let why = Refusal::Writers { writers: expected.clone() };
        assert_eq!(session.shift(10, 20), Verdict::Refused(why.clone()));
        let route = with_database(DatabaseMode::Shared).routes.remove(0);
        assert!(words::refusal(&why, Names::of(&session.state)).contains(&words::writers(&expected)));
        assert_eq!(has::writes(&session.state, &route), Writes::Doubtful(expected));
        assert_eq!(session.shift(10, 5), Verdict::Accepted, "towards home nothing of that forbids");
    }
    let mut session = with(|_| ());
    let route = with_database(DatabaseMode::Shared).routes.remove(0);
    assert_eq!(has::writes(&session.state, &route), Writes::Kept);
    session.calm(61);
    assert_eq!(has::writes(&session.state, &route), Writes::Doubtful(Writers::Unknown), "what was heard a minute ago is not what is");
}

#[test]
fn an_approval_rests_on_how_every_instance_stands() {
    let mut session = with(|seen| seen.state = ReplicaState::Broken(Broken::Receiving));
    session.calm(3);
    assert_eq!(session.shift(0, 10), Verdict::Accepted);
    session.settle();
    see(&mut session, primary());
    let broken = Replication { state: ReplicaState::Broken(Broken::Receiving), ..replica(session.now) };
    see(&mut session, broken);
    let Verdict::NeedsApproval { digest } = session.shift(10, 600) else { panic!("a large step needs a second person") };
    let terms = &session.state.approvals[&digest].terms.shift().expect("a move").replication;
    assert_eq!(*terms, [(name("prod"), ReplicaTerm::AcceptsWrites), (name("replica"), ReplicaTerm::Broken)]);
    let well = replica(session.now);
    let decision = see(&mut session, well);
    assert!(session.state.approvals.is_empty(), "what it rested on has changed: {decision:?}");
}

#[test]
fn a_promotion_is_not_forgotten_because_the_next_answer_says_nothing() {
    let mut session = Session::with(with_database(DatabaseMode::Promote), 0);
    let promoted = Replication { state: ReplicaState::Primary, writable: Writable::AcceptsWrites, ..replica(session.now) };
    see(&mut session, promoted);
    session.wait(Millis::from_secs(1));
    let against = |session: &Session| session.state.routes.values().next().expect("a route").readiness.against.clone();
    let disarmed = against(&session);
    assert!(!disarmed.is_empty());
    let unsaid = Replication { state: ReplicaState::Unknown, writable: Writable::Unknown, ..replica(session.now) };
    see(&mut session, unsaid);
    session.healthy();
    session.wait(Millis::from_secs(1));
    assert_eq!(against(&session), disarmed);
}

#[test]
fn somebody_should_look_at_a_primary_that_is_down_and_at_a_replica_that_does_not_follow() {
    let mut session = with(|seen| seen.state = ReplicaState::Broken(Broken::Receiving));
    let broken = DatabaseStanding::Broken { broken: Broken::Receiving };
    let of_replica = Attention::ReplicaUnsound { instance: name("replica"), standing: broken };
    let seen = outlook::attention(&session.state);
    assert!(seen.contains(&of_replica) && !of_replica.is_urgent(), "{seen:?}");
    let suspended = Replication { serving: Serving::Suspended, writable: Writable::Unknown, ..primary() };
    see(&mut session, suspended);
    let down = DatabaseStanding::Down { serving: Serving::Suspended };
    let of_primary = Attention::WritesAtRisk { instance: name("prod"), standing: down };
    let seen = outlook::attention(&session.state);
    assert!(seen.contains(&of_primary) && of_primary.is_urgent(), "{seen:?}");
}

#[test]
fn what_can_wait_stands_behind_everything_that_can_not() {
    let mut session = with(|seen| seen.state = ReplicaState::Broken(Broken::Receiving));
    session.rollback(&crate::session::ben());
    let seen = outlook::attention(&session.state);
    let urgent: Vec<bool> = seen.iter().map(Attention::is_urgent).collect();
    assert!(urgent.contains(&true) && urgent.contains(&false) && urgent.is_sorted_by(|a, b| a >= b), "{seen:?}");
    assert!(seen.iter().any(|found| matches!(found, Attention::Latched { .. })), "{seen:?}");
}
