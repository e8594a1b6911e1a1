//! Our own arithmetic and our Prometheus client against the real program, both fed by the same page.
//!
//! A small server counts requests in a fixed pattern; Prometheus scrapes it once a second, and so do we. Then `rate` and
//! `histogram_quantile` are asked of the one and computed by the other. Without a `prometheus` on the machine the test says so and ends.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets a surprise has failed, and says what it saw"
)]

#[path = "real_prometheus/fire.rs"]
mod fire;
mod presets;

use std::{
    collections::BTreeMap,
    io::Write,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use cutover::{
    adapter::{
        Now,
        google_auth::Token,
        http::{Client, Origin, Reach},
        metrics::{self, MetricsSensor},
        prometheus::{Config, PrometheusSensor, Queries, Scale},
    },
    domain::{
        fact::Fact,
        metric::{Basis, Gap, Measured, Metric},
        time::{Millis, Timestamp},
    },
    port::Sensor,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// Window of all rates.
const WINDOW_S: u64 = 10;
/// Two samplers look at different moments; over the window that is at most so much of a relative difference.
const TOLERANCE: f64 = 0.15;

fn now() -> Now {
    Arc::new(|| Timestamp(jiff::Timestamp::now().as_millisecond()))
}

/// 200 requests a second; 4 % fail; a tenth takes between 0.1 and 0.4 s, the rest between 0 and 0.1 s.
fn page(since: Duration) -> String {
    let all = since.as_secs_f64() * 200.0;
    let (failed, slow) = ((all * 0.04).floor(), (all * 0.1).floor());
    let all = all.floor();
    format!(
        "# HELP http_requests_total Requests.\n# TYPE http_requests_total counter\n\
         http_requests_total{{code=\"200\",path=\"/a,b\"}} {}\nhttp_requests_total{{code=\"500\",path=\"/a,b\"}} {failed}\n\
         # TYPE http_request_duration_seconds histogram\n\
         http_request_duration_seconds_bucket{{le=\"0.1\"}} {}\nhttp_request_duration_seconds_bucket{{le=\"0.4\"}} {all}\n\
         http_request_duration_seconds_bucket{{le=\"+Inf\"}} {all}\nhttp_request_duration_seconds_sum {}\nhttp_request_duration_seconds_count {all}\n\
         # TYPE http_connections_dropped_total counter\nhttp_connections_dropped_total {}\n",
        all - failed,
        all - slow,
        all * 0.05,
        (all / 100.0).floor(),
    )
}

/// The same from a process that crashes every seven seconds and begins to count at zero.
fn crashing(since: Duration) -> String {
    let life = since.as_millis() % 7000;
    let born = (jiff::Timestamp::now().as_millisecond() - life as i64) / 1000;
    format!("{}process_start_time_seconds {born}\n", page(Duration::from_millis(life as u64)))
}

/// The same with a path that is asked for 50 times a second, all in vain, from the eighth second on.
fn growing(since: Duration) -> String {
    let late = (since.as_secs_f64() - 8.0).max(0.0) * 50.0;
    let mut text = page(since);
    if late >= 1.0 {
        text.push_str(&format!("http_requests_total{{code=\"500\",path=\"/new\"}} {}\n", late.floor()));
    }
    text
}

async fn serve(listener: TcpListener, began: Instant, page: fn(Duration) -> String) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut bytes = [0; 4096];
        // One read holds the whole of a scrape's request.
        if stream.read(&mut bytes).await.is_ok() {
            let body = page(began.elapsed());
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    }
}

/// The program and its folder; both go when it is dropped.
struct Prometheus {
    child: Child,
    folder: PathBuf,
    address: SocketAddr,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Prometheus {
    /// One that scrapes this address each second; `None` if there is no such program.
    async fn start(target: SocketAddr) -> Option<Prometheus> {
        let text =
            format!("global: {{scrape_interval: 1s}}\nscrape_configs: [{{job_name: gke, static_configs: [{{targets: ['{target}']}}]}}]\n");
        Prometheus::with(&text).await
    }

    /// One that is configured so; `None` if there is no such program.
    async fn with(text: &str) -> Option<Prometheus> {
        Command::new("prometheus").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
        // Whoever listens on port 0 is given a free one, which is free again a moment later.
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let folder = std::env::temp_dir().join(format!("cutover-prometheus-{}-{}", std::process::id(), address.port()));
        std::fs::create_dir_all(&folder).unwrap();
        let config = folder.join("prometheus.yml");
        std::fs::write(&config, text).unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Prometheus { child, folder, address })
    }
}

fn sensor(prometheus: &Prometheus) -> PrometheusSensor {
    let counted = |series: &str| format!("sum(increase({series}[{WINDOW_S}s]))");
    let quantile = |q: &str| format!("histogram_quantile({q}, sum by (le) (rate(http_request_duration_seconds_bucket[{WINDOW_S}s])))");
    let (origin, base) = Origin::split(&format!("http://{}/", prometheus.address), Reach::Loopback).unwrap();
    let config = Config {
        source: "prometheus/gke".parse().unwrap(),
        backend: "gke".parse().unwrap(),
        base,
        queries: Queries {
            newest: "max(timestamp(http_requests_total))".to_owned(),
            requests: counted("http_requests_total"),
            failures: Some(counted("http_requests_total{code=~\"5..\"}")),
            dropped: Some(counted("http_connections_dropped_total")),
            latencies: BTreeMap::from([
                (Metric::P50Latency, quantile("0.5")),
                (Metric::P95Latency, quantile("0.95")),
                (Metric::P99Latency, quantile("0.99")),
            ]),
            scale: Scale::SecondsToMillis,
            top_bucket: Some(400.0),
        },
        window: Millis::from_secs(WINDOW_S),
        every: Millis::from_secs(1),
        stale_after: Millis::from_secs(5),
        now: now(),
    };
    PrometheusSensor::new(config, Client::new(origin, Token::None).unwrap())
}

fn scraper(target: SocketAddr) -> MetricsSensor {
    let (origin, url) = Origin::split(&format!("http://{target}/metrics"), Reach::Loopback).unwrap();
    let mut config = metrics::Config::new("scrape/gke".parse().unwrap(), "gke".parse().unwrap(), url, Millis::from_secs(1), now());
    config.window = Millis::from_secs(WINDOW_S);
    MetricsSensor::new(config, Client::new(origin, Token::None).unwrap())
}

async fn values(sensor: &mut impl Sensor) -> Option<BTreeMap<Metric, Measured>> {
    sensor.look().await.ok()?.into_iter().find_map(|fact| match fact {
        Fact::Measured { values, .. } => Some(values),
        // When its window is full is told beside what it holds so far.
        Fact::Filling { .. } => None,
        other => panic!("{other:?}"),
    })
}

#[tokio::test]
async fn our_rates_and_quantiles_are_prometheus_own() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap();
    let server = tokio::spawn(serve(listener, Instant::now(), page));
    let Some(prometheus) = Prometheus::start(target).await else {
        // Not `println!`, which the harness swallows when the test passes.
        let _ = writeln!(std::io::stderr(), "SKIPPED: no prometheus on this machine, so nothing was compared with it");
        server.abort();
        return;
    };
    let (mut ours, mut theirs) = (scraper(target), sensor(&prometheus));
    let mut compared = None;
    for second in 0..40 {
        let (mine, other) = (values(&mut ours).await.unwrap(), values(&mut theirs).await);
        // Both need a full window, and Prometheus its start.
        if second > WINDOW_S + 4
            && let Some(other) = other
            && other.values().chain(mine.values()).all(Result::is_ok)
        {
            compared = Some((mine, other));
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let (mine, other) = compared.expect("both had every figure within 40 s");
    for metric in Metric::STANDARD {
        let (mine, other) = (mine[&metric].unwrap(), other[&metric].unwrap());
        let difference = (mine.value - other.value).abs() / other.value.max(1e-9);
        println!(
            "{metric}: ours {:.4} ({} requests), prometheus {:.4} ({} requests)",
            mine.value, mine.requests, other.value, other.requests
        );
        assert!(difference < TOLERANCE, "{metric}: ours {mine:?}, theirs {other:?}");
    }
    // So many failed of so many, and neither is more than what came.
    let told = other[&Metric::ErrorRate].unwrap();
    let Basis::Counted { failed } = told.basis else { panic!("{told:?}") };
    assert!((failed as f64 / told.requests as f64 - told.value).abs() < 1e-9 && (60..=100).contains(&failed), "4 % of 2000: {told:?}");
    // What is true is known: both must be near it, not only near each other.
    for (metric, truth) in
        [(Metric::RequestRate, 200.0), (Metric::ErrorRate, 0.04), (Metric::P50Latency, 55.6), (Metric::P95Latency, 250.0)]
    {
        let value = mine[&metric].unwrap().value;
        assert!((value - truth).abs() / truth < TOLERANCE, "{metric}: {value} is not {truth}");
    }
    server.abort();
    // The page is gone: the scraped series must go stale, though an instant query still echoes it.
    for _ in 0..15 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if values(&mut theirs).await.is_some_and(|values| matches!(values[&Metric::ErrorRate], Err(Gap::Stale | Gap::Missing))) {
            return;
        }
    }
    panic!("a dead series still looks alive");
}

/// Request rate and error rate of both, as soon as both have had `settled` seconds to see what is going on.
async fn both(page: fn(Duration) -> String, settled: u64) -> Option<[(f64, f64); 2]> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap();
    let server = tokio::spawn(serve(listener, Instant::now(), page));
    let Some(prometheus) = Prometheus::start(target).await else {
        let _ = writeln!(std::io::stderr(), "SKIPPED: no prometheus on this machine, so nothing was compared with it");
        server.abort();
        return None;
    };
    let (mut ours, mut theirs) = (scraper(target), sensor(&prometheus));
    let wanted = [Metric::RequestRate, Metric::ErrorRate];
    for second in 0..settled + 30 {
        let (mine, other) = (values(&mut ours).await.unwrap(), values(&mut theirs).await);
        if second > settled
            && let Some(other) = other
            && wanted.iter().all(|metric| mine[metric].is_ok() && other[metric].is_ok())
        {
            server.abort();
            return Some(wanted.map(|metric| (mine[&metric].unwrap().value, other[&metric].unwrap().value)));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("both had figures within {settled} s and half a minute");
}

fn alike(what: &str, [(rate, rate_there), (errors, errors_there)]: [(f64, f64); 2], tolerance: f64) {
    println!("{what}: ours {rate:.1}/s and {errors:.4}, prometheus {rate_there:.1}/s and {errors_there:.4}");
    assert!((rate - rate_there).abs() / rate_there < tolerance, "{what}: {rate} is not {rate_there}");
    assert!((errors - errors_there).abs() / errors_there < tolerance, "{what}: {errors} is not {errors_there}");
}

#[tokio::test]
async fn a_crash_loop_and_a_new_label_are_counted_as_prometheus_counts_them() {
    let (crashed, grown) = tokio::join!(both(crashing, 2 * WINDOW_S), both(growing, 8 + WINDOW_S + 2));
    // What either misses at a crash is up to a second of seven, and they look at different moments.
    if let Some(crashed) = crashed {
        alike("crash loop", crashed, 0.3);
        assert!(crashed[0].0 > 120.0, "a crash loop is no calm: {crashed:?}");
    }
    if let Some(grown) = grown {
        alike("new label", grown, TOLERANCE);
        assert!(grown[1].0 > 0.2, "58 of 250 fail: {grown:?}");
    }
}
