//! A series as a session judges it: figures of the sensor that asks a Prometheus, and the core on the machine's own clock.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use cutover::{
    adapter::{
        google_auth::Token,
        http::{Client, Origin, Reach},
        prometheus::{Config, PrometheusSensor, Queries, Scale},
    },
    core::{
        decision::{Cause, Verdict},
        event::Event,
    },
    domain::{
        fact::Observation,
        metric::Metric,
        shown::Shown,
        time::{Millis, Timestamp},
    },
    plan::model::{
        Plan,
        readings::{Auth, Author, Cadence, Latencies, LatencyUnit, Readings, Server, Source},
    },
    port::Sensor,
};
use tokio::time::MissedTickBehavior;

use super::{
    STEP, STEPS, lasting,
    pages::now,
    prometheus::Promql,
    series::{About, Case, Scrape},
    session::{Session, gke, plan},
};

/// What came of a series.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    /// When its trigger brought everybody home.
    pub fired_at: Option<Timestamp>,
    /// Where it did not: since when people are told that it sees nothing.
    pub blind_at: Option<Timestamp>,
    /// Of all looks.
    pub slowest: Duration,
    /// Looks that took longer than until the next one was due.
    pub late: usize,
}

/// Between two samples, two evaluations and two looks.
const EVERY: Millis = Millis::from_secs(1);
const WINDOW: Millis = Millis::from_secs(6);
/// By which a session has come to a quarter, and is settled there.
const BEFORE: Millis = Millis::from_secs(65);

/// Lives through the series, second by second.
pub(crate) async fn live(case: &Case, place: usize, prometheus: SocketAddr) -> Judged {
    let readings = readings(case, place, prometheus);
    let mut sensor = sensor(&readings, prometheus);
    let mut session = session(case.about, readings);
    let mut judged = Judged::default();
    let writes = session.writes().len();
    let mut due = tokio::time::interval(STEP);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..STEPS {
        due.tick().await;
        session.now = now().max(session.now);
        session.home_healthy();
        session.workload(gke(), 6);
        session.probe(gke(), 0);
        session.beats();
        session.weights(250);
        let (asked_at, began) = (session.now, Instant::now());
        let result = sensor.look().await;
        judged.slowest = judged.slowest.max(began.elapsed());
        judged.late += usize::from(began.elapsed() > STEP);
        session.now = now().max(session.now);
        session.step(Event::Observed(Observation { source: sensor.source(), asked_at, stale_after: sensor.stale_after(), result }));
        let known = session.state.triggers.values().next().expect("there is one trigger");
        judged.blind_at = known.blind_said_at;
        if session.writes().len() > writes {
            let at = Some(session.now);
            match session.route().latch.as_ref().map(|latch| &latch.cause) {
                Some(Cause::Triggers(_)) => judged.fired_at = at,
                _ => judged.blind_at = at,
            }
            break;
        }
    }
    judged
}

/// At a quarter, settled, with the one trigger that watches the series.
fn session(about: About, readings: Readings) -> Session {
    let watched = match about {
        About::Errors => Metric::ErrorRate,
        About::Latency => Metric::P95Latency,
    };
    let mut plan: Plan = plan();
    plan.triggers.retain(|trigger| trigger.metric == watched);
    plan.triggers.iter_mut().for_each(|trigger| trigger.lasting = Millis::from_secs(lasting(about).as_secs()));
    plan.limits.scrape_every = EVERY;
    let backend = plan.routes[0].backends.iter_mut().find(|backend| backend.id == gke()).expect("the plan has it");
    backend.readings = Some(readings);
    let mut session = Session::with_on(now().before(BEFORE), plan, 10);
    assert_eq!(session.shift(10, 250), Verdict::Accepted);
    session.settle();
    session
}

/// As a plan says them.
fn readings(case: &Case, place: usize, prometheus: SocketAddr) -> Readings {
    let promql = Promql::of(place);
    let url = Shown::new(&format!("http://{prometheus}"));
    let server = Server::Prometheus { url, auth: Auth::None };
    let latencies = (case.about == About::Latency).then(|| Latencies {
        quantiles: BTreeMap::from([(Metric::P95Latency, Shown::new(&promql.p95))]),
        unit: LatencyUnit::Seconds,
        top_bucket: top_bucket(&case.targets[0][0]),
    });
    Readings {
        source: Source { name: Shown::new("monitoring"), server, scrape_interval: EVERY, delay: Millis(0) },
        author: Author::Plan,
        window: WINDOW,
        requests: Shown::new(&promql.requests),
        failures: Some(Shown::new(&format!("{} or vector(0)", promql.failures))),
        dropped: None,
        latencies,
        newest: Shown::new(&promql.newest),
    }
}

/// As a session makes it of the plan.
fn sensor(readings: &Readings, prometheus: SocketAddr) -> PrometheusSensor {
    let cadence = Cadence::of(readings, EVERY);
    let (origin, base) = Origin::split(&format!("http://{prometheus}/"), Reach::Loopback).expect("a page of this machine");
    let latencies = readings.latencies.iter();
    let config = Config {
        // The session that is stepped by hand has its figures from there until now.
        source: "scrape/gke".parse().expect("a name"),
        backend: gke(),
        base,
        queries: Queries {
            newest: readings.newest.to_string(),
            requests: readings.requests.to_string(),
            failures: readings.failures.as_ref().map(ToString::to_string),
            dropped: None,
            latencies: latencies.clone().flat_map(|told| &told.quantiles).map(|(metric, query)| (*metric, query.to_string())).collect(),
            scale: Scale::SecondsToMillis,
            top_bucket: latencies.clone().find_map(|told| told.top_bucket).map(|top| top.0 as f64),
        },
        window: cadence.window,
        every: cadence.every,
        stale_after: cadence.stale_after,
        now: Arc::new(now),
    };
    PrometheusSensor::new(config, Client::new(origin, Token::None).expect("a client"))
}

/// The highest bound beside `+Inf`.
fn top_bucket(page: &Scrape) -> Option<Millis> {
    let bound =
        |series: &String| series.split_once("le=\"")?.1.trim_end_matches("\"}").parse::<f64>().ok().filter(|bound| bound.is_finite());
    let top = page.iter().flat_map(BTreeMap::keys).filter_map(bound).max_by(f64::total_cmp)?;
    Some(Millis((top * 1000.0) as u64))
}
