//! What a plan declares beside the standard figures: it breaches, blinds and is remembered like any of them, on its own side of its limit.

use cutover::{
    core::{
        decision::{Cause, Refusal},
        figures,
        reason::{Blindness, Objection},
        state::Reading,
    },
    domain::{
        fact::Fact,
        metric::{Gap, Measured, Metric, Sample, Unit},
        series::{Bad, Over, Series},
        time::Millis,
    },
    plan::model::{
        Plan,
        readings::{Feed, FeedSource, Gauge},
    },
    words,
};

use crate::session::{SECOND, Session, gke, refused, run, trigger};

fn series(name: &str, unit: Unit, bad: Bad) -> Series {
    Series::new(name, unit, bad).unwrap()
}

fn headroom() -> Series {
    series("headroom", Unit::Count, Bad::Below)
}

/// A plan in which both backends tell `told`, and a trigger guards it at the target.
fn plan(told: Series, limit: f64) -> Plan {
    let mut plan = crate::session::plan();
    let gauge = Gauge { family: "slots".into(), labels: Vec::new(), over: Over::Sum };
    for backend in &mut plan.routes[0].backends {
        backend.series = vec![Feed { series: told, from: FeedSource::Gauge(gauge.clone()) }];
    }
    plan.series = vec![told];
    let mut guard = trigger("guard", Metric::Declared(told), limit, Millis::from_mins(1));
    guard.requests_min = 0;
    plan.triggers.push(guard);
    plan
}

/// A second in which all is well but what the target says of its series, by a source of its own.
fn second(session: &mut Session, told: Series, value: Result<f64, Gap>) {
    session.now = session.now + SECOND;
    session.healthy();
    session.beats();
    session.weights(250);
    let value: Measured = value.map(|value| Sample::exact(value, 0, session.now));
    let values = [(Metric::Declared(told), value)].into();
    session.see("series/gke", vec![Fact::Measured { backend: gke(), values }]);
}

#[test]
fn too_few_of_what_is_bad_below_bring_everything_home_once() {
    let mut session = Session::with(plan(headroom(), 10.0), 250);
    for at in 0..=61 {
        let value = Ok(if at == 0 { 10.0 } else { 9.0 });
        second(&mut session, headroom(), value);
        assert_eq!(session.route().latch.is_some(), at == 61, "second {at}");
    }
    let latch = session.route().latch.clone().unwrap();
    let Cause::Triggers(fired) = &latch.cause else { panic!("{latch:?}") };
    assert_eq!((fired.len(), fired[0].trigger.as_str(), fired[0].value), (1, "guard", Some(9.0)));
    let said = words::cause(&latch.cause, words::Names::of(&session.state));
    assert_eq!(said, "the headroom of gke was 9, below 10, not cleared for 1m00s");
}

#[test]
fn no_data_of_a_declared_series_is_no_good_data() {
    let mut session = Session::with(plan(headroom(), 10.0), 250);
    second(&mut session, headroom(), Ok(50.0));
    let reading = |session: &Session| session.state.triggers[&"guard".parse().unwrap()].reading.clone();
    assert_eq!(reading(&session), Reading::Ok);
    for _ in 0..31 {
        second(&mut session, headroom(), Err(Gap::Partial));
    }
    assert_eq!(reading(&session), Reading::Unknown { gap: Gap::Partial });
    let refusal = refused(session.shift(250, 500));
    assert!(
        matches!(&refusal, Refusal::Blind { trigger, why: Blindness::Gap(Gap::Partial) } if trigger.as_str() == "guard"),
        "{refusal:?}"
    );
}

#[test]
fn its_source_makes_no_other_figure_younger() {
    let mut session = Session::with(plan(headroom(), 10.0), 250);
    let full_at = session.now + Millis::from_secs(40);
    let errors = Metric::ErrorRate;
    let scrape = Fact::Measured { backend: gke(), values: [(errors, Err(Gap::TooEarly))].into() };
    session.see("scrape/gke", vec![scrape, Fact::Filling { backend: gke(), full_at }]);
    let seen = session.state.backends[&gke()].values_at;
    session.now = session.now + SECOND;
    let values = [(Metric::Declared(headroom()), Ok(Sample::exact(50.0, 0, session.now)))].into();
    session.see("series/gke", vec![Fact::Measured { backend: gke(), values }]);
    let known = &session.state.backends[&gke()];
    assert_eq!((known.values_at, known.full_at), (seen, Some(full_at)));
    assert_eq!(figures::measured(&session.state, session.now, &gke(), errors), Some(Err(Gap::TooEarly)));
}

#[test]
fn of_home_only_what_does_not_grow_with_its_share_is_held_to_the_same_limit() {
    for (unit, stands_against) in
        [(Unit::Count, false), (Unit::Bytes, false), (Unit::PerSecond, false), (Unit::Fraction, true), (Unit::Seconds, true)]
    {
        let told = series("fill", unit, Bad::Above);
        let mut session = Session::with(plan(told, 0.5), 250);
        let values = [(Metric::Declared(told), Ok(Sample::exact(0.9, 0, session.now)))].into();
        session.see("series/run", vec![Fact::Measured { backend: run(), values }]);
        session.calm(1);
        let beyond = |why: &Objection| matches!(why, Objection::BeyondLimit { metric, .. } if *metric == Metric::Declared(told));
        assert_eq!(session.route().readiness.against.iter().any(beyond), stands_against, "{unit:?}");
    }
}

#[test]
fn it_is_remembered_of_whoever_tells_it_and_of_nobody_else() {
    let mut plan = plan(headroom(), 10.0);
    plan.routes[0].backends[0].series.clear();
    let mut session = Session::with(plan, 250);
    for _ in 0..12 {
        second(&mut session, headroom(), Ok(50.0));
    }
    let metric = Metric::Declared(headroom());
    let columns = |id| session.state.backends[&id].history.get(&metric).map(|columns| columns.iter().flatten().count());
    assert_eq!(columns(run()), None);
    assert!(columns(gke()).is_some_and(|columns| columns >= 2), "{:?}", columns(gke()));
    let kept = serde_json::to_string(&session.state.backends[&gke()]).unwrap();
    assert!(kept.contains("\"series:headroom:count:below\""), "{kept}");
    let read: cutover::core::state::BackendState = serde_json::from_str(&kept).unwrap();
    assert_eq!(read, session.state.backends[&gke()]);
}
