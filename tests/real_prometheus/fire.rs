//! When a trigger fires, and when an alert of Prometheus does that says the same, on series of every kind that misleads somebody.
//!
//! Both are given the same samples at the same moments of a clock that is made. Prometheus' engine is that of `promtool`, with a rule and its
//! `for:`; ours is the core, fed by the sensor that asks a Prometheus, whose answers are what that engine makes of each query, and by the
//! sensor that reads pages itself. They agree within one evaluation, or the table says why not.

#[path = "../core/session.rs"]
mod session;

#[path = "fired.rs"]
mod fired;
#[path = "promtool.rs"]
mod promtool;
#[path = "series.rs"]
mod series;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use cutover::{
    adapter::{
        Now,
        http::{Client, Origin, Reach},
        metrics::{Config as PageConfig, MetricsSensor},
        prometheus::{Config, PrometheusSensor, Queries, Scale},
    },
    core::decision::{Cause, Verdict},
    domain::{
        metric::Metric,
        time::{Millis, Timestamp},
    },
    port::Sensor,
};
use fired::Fired;
use promtool::Rule;
use reqwest::Url;
use serde_json::{Value, json};
use series::{About, Case, EVERY_S, Scrape, cases};
use session::{SECOND, Session, gke, plan};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const NEWEST: &str = "max(timestamp(http_requests_total))";
const REQUESTS: &str = "sum(increase(http_requests_total[30s]))";
const FAILURES: &str = r#"sum(increase(http_requests_total{code=~"5.."}[30s]))"#;
const P95: &str = "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[30s])))";
const FIRING: &str = r#"count(ALERTS{alertstate="firing"})"#;

fn rule(about: About) -> Rule {
    match about {
        About::Errors => Rule {
            expr: r#"sum(increase(http_requests_total{code=~"5.."}[30s])) / sum(increase(http_requests_total[30s])) > 0.05"#,
            lasting: "2m",
        },
        About::Latency => {
            Rule { expr: "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[30s]))) > 1", lasting: "5m" }
        }
    }
}

/// In seconds.
fn shown(fired: Fired) -> String {
    match fired {
        Fired::Never => "never".to_owned(),
        Fired::At(second) => format!("{second} s"),
        Fired::Blind(second) => format!("blind {second} s"),
    }
}

/// What is served, and at which scrape the clock stands.
struct Served {
    scrape: AtomicUsize,
    began: Timestamp,
    page: Vec<Scrape>,
    /// What Prometheus answers to each query at each scrape.
    told: BTreeMap<String, Vec<Vec<f64>>>,
}

impl Served {
    fn answer(&self, path: &str) -> (u16, String) {
        let scrape = self.scrape.load(Ordering::SeqCst);
        if path == "/metrics" {
            return match &self.page[scrape] {
                Some(page) => (200, page.iter().map(|(series, value)| format!("{series} {}\n", self.shown(series, *value))).collect()),
                None => (500, String::new()),
            };
        }
        let url = Url::parse(&format!("http://here{path}")).unwrap();
        let given: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        let at = given
            .get("time")
            .map_or(scrape, |time| ((time.parse::<f64>().unwrap() * 1000.0) as i64 - self.began.0) as usize / (EVERY_S * 1000));
        let is_newest = given["query"] == NEWEST;
        let values = &self.told.get(&given["query"]).unwrap_or_else(|| panic!("nobody evaluated {}", given["query"]))[at];
        // Its engine begins to count at zero.
        let offset = if is_newest { self.began.0 as f64 / 1000.0 } else { 0.0 };
        let result: Vec<Value> = values.iter().map(|value| json!({"metric": {}, "value": [0, text(value + offset)]})).collect();
        (200, json!({"status": "success", "data": {"resultType": "vector", "result": result}}).to_string())
    }

    /// A process' start is told in the world's own time.
    fn shown(&self, series: &str, value: f64) -> String {
        let is_start = series == "process_start_time_seconds";
        text(if is_start { value + self.began.0 as f64 / 1000.0 } else { value })
    }
}

fn text(value: f64) -> String {
    if value.is_nan() { "NaN".to_owned() } else { value.to_string() }
}

async fn serve(served: Arc<Served>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = vec![0; 8192];
            let Ok(read) = stream.read(&mut bytes).await else { continue };
            let asked = String::from_utf8_lossy(&bytes[..read]).into_owned();
            let path = asked.split(' ').nth(1).unwrap_or("/").to_owned();
            let (status, body) = served.answer(&path);
            let kind = if path == "/metrics" { "text/plain; version=0.0.4" } else { "application/json" };
            let head =
                format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    address
}

/// A session at a quarter whose pages are read each five seconds.
fn session(about: About) -> Session {
    let mut plan = plan();
    let watched = if about == About::Errors { Metric::ErrorRate } else { Metric::P95Latency };
    plan.triggers.retain(|trigger| trigger.metric == watched);
    plan.limits.scrape_every = Millis::from_secs(EVERY_S as u64);
    let mut session = Session::with(plan, 10);
    assert_eq!(session.shift(10, 250), Verdict::Accepted);
    session.settle();
    session
}

/// Lives through the series, second by second, and says when its trigger fired.
async fn lived(mut session: Session, served: &Served, sensor: &mut impl Sensor) -> Fired {
    let writes = session.writes().len();
    for second in 0..served.page.len() * EVERY_S {
        session.now = served.began + Millis::from_secs(second as u64);
        if second > 0 {
            session.home_healthy();
            session.workload(gke(), 6);
            session.probe(gke(), 0);
            session.beats();
            session.weights(250);
        }
        if second % EVERY_S == 0 {
            served.scrape.store(second / EVERY_S, Ordering::SeqCst);
            let looked = sensor.look().await;
            session.see_since("scrape/gke", session.now, looked);
        }
        if session.writes().len() > writes {
            return match session.route().latch.as_ref().map(|latch| &latch.cause) {
                Some(Cause::Triggers(_)) => Fired::At(second),
                _ => Fired::Blind(second),
            };
        }
        session.now = session.now + SECOND;
    }
    Fired::Never
}

/// The highest bound beside `+Inf`, in milliseconds, as the plan says it.
fn top_bucket(page: &Scrape) -> Option<f64> {
    let bound =
        |series: &String| series.split_once("le=\"")?.1.trim_end_matches("\"}").parse::<f64>().ok().filter(|bound| bound.is_finite());
    page.iter().flat_map(BTreeMap::keys).filter_map(bound).max_by(f64::total_cmp).map(|seconds| seconds * 1000.0)
}

fn by_prometheus(address: SocketAddr, case: &Case, now: Now) -> PrometheusSensor {
    let (origin, base) = Origin::split(&format!("http://{address}/"), Reach::Loopback).unwrap();
    let is_latency = case.about == About::Latency;
    let config = Config {
        source: "prometheus/gke".parse().unwrap(),
        backend: gke(),
        base,
        queries: Queries {
            newest: NEWEST.to_owned(),
            requests: REQUESTS.to_owned(),
            failures: Some(format!("{FAILURES} or vector(0)")),
            dropped: None,
            latencies: is_latency.then(|| (Metric::P95Latency, P95.to_owned())).into_iter().collect(),
            scale: Scale::SecondsToMillis,
            top_bucket: top_bucket(&case.targets[0][0]),
        },
        window: Millis::from_secs(30),
        every: Millis::from_secs(EVERY_S as u64),
        stale_after: Millis::from_secs(20),
        now,
    };
    PrometheusSensor::new(config, Client::fresh(origin).unwrap())
}

fn by_page(address: SocketAddr, now: Now) -> MetricsSensor {
    let (origin, url) = Origin::split(&format!("http://{address}/metrics"), Reach::Loopback).unwrap();
    let mut config = PageConfig::new("scrape/gke".parse().unwrap(), gke(), url, Millis::from_secs(EVERY_S as u64), now);
    config.must_tell = BTreeMap::from([(Metric::P95Latency, 1000.0)]);
    MetricsSensor::new(config, Client::fresh(origin).unwrap())
}

/// When Prometheus fires, when we do by its figures, and when we do by the page; the last only where there is one page.
async fn run(case: &Case, folder: &std::path::Path) -> (Fired, Fired, Option<Fired>) {
    let failures = format!("{FAILURES} or vector(0)");
    let mut exprs = vec![FIRING, NEWEST, REQUESTS, &failures];
    exprs.extend((case.about == About::Latency).then_some(P95));
    let evaluated = promtool::evaluated(case, &rule(case.about), &exprs, folder);
    let theirs = evaluated[0].iter().position(|firing| !firing.is_empty()).map_or(Fired::Never, |scrape| Fired::At(scrape * EVERY_S));
    let told = exprs.iter().map(|expr| (*expr).to_owned()).zip(evaluated.iter().cloned()).collect();
    let began = session(case.about).now;
    let served = Arc::new(Served { scrape: AtomicUsize::new(0), began, page: case.targets[0].clone(), told });
    let address = serve(served.clone()).await;
    let clock = served.clone();
    let now: Now = Arc::new(move || clock.began + Millis::from_secs((clock.scrape.load(Ordering::SeqCst) * EVERY_S) as u64));
    let ours = lived(session(case.about), &served, &mut by_prometheus(address, case, now.clone())).await;
    let by_page = match case.targets.as_slice() {
        [_] => Some(lived(session(case.about), &served, &mut by_page(address, now)).await),
        _ => None,
    };
    (theirs, ours, by_page)
}

#[tokio::test]
async fn triggers_fire_when_prometheus_alerts_do_or_better() {
    if !promtool::is_here() {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "SKIPPED: no promtool on this machine, so no fire times were compared with its");
        return;
    }
    let folder = std::env::temp_dir().join(format!("cutover-fire-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    println!("{:<46} {:>10} {:>12} {:>12}", "series", "for:", "by queries", "by pages");
    let mut wrong = Vec::new();
    for case in cases() {
        let (theirs, ours, page) = run(&case, &folder).await;
        let by_page = page.map_or_else(|| "-".to_owned(), shown);
        let because = case.better.map_or("", |(_, because)| because);
        println!("{:<46} {:>10} {:>12} {by_page:>12}  {because}", case.name, shown(theirs), shown(ours));
        let each: Vec<Fired> = std::iter::once(ours).chain(page).collect();
        let is_well = |ours: &Fired| theirs.is_near(*ours, EVERY_S) || case.better.is_some_and(|(how, _)| ours.is(how, theirs));
        let differs = each.iter().any(|ours| !theirs.is_near(*ours, EVERY_S));
        if !each.iter().all(is_well) || differs != case.better.is_some() {
            wrong.push(case.name);
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(wrong, Vec::<&str>::new(), "they agree within one evaluation, or it is said why not");
}
