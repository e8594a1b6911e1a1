//! Our own arithmetic and our Prometheus client against the real program, both fed by the same page.
//!
//! A small server counts requests in a fixed pattern; Prometheus scrapes it once a second, and so do we. Then `rate` and
//! `histogram_quantile` are asked of the one and computed by the other. Without a `prometheus` on the machine the test says so and ends.

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
        prometheus::{Config, PrometheusSensor, Query, Scale},
    },
    domain::{
        fact::Fact,
        metric::{Gap, Measured, Metric},
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

async fn serve(listener: TcpListener, began: Instant) {
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
    /// `None` if there is no such program.
    async fn start(target: SocketAddr) -> Option<Prometheus> {
        Command::new("prometheus").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
        // Whoever listens on port 0 is given a free one, which is free again a moment later.
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let folder = std::env::temp_dir().join(format!("cutover-prometheus-{}-{}", std::process::id(), address.port()));
        std::fs::create_dir_all(&folder).unwrap();
        let config = folder.join("prometheus.yml");
        let text =
            format!("global: {{scrape_interval: 1s}}\nscrape_configs: [{{job_name: gke, static_configs: [{{targets: ['{target}']}}]}}]\n");
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
    let query = |promql: String, scale| Query { promql, scale, capped_at: None };
    let rate = |metric: &str| format!("sum(rate({metric}[{WINDOW_S}s]))");
    let quantile = |q: &str| {
        let buckets = format!("sum by (le) (rate(http_request_duration_seconds_bucket[{WINDOW_S}s]))");
        query(format!("histogram_quantile({q}, {buckets})"), Scale::SecondsToMillis)
    };
    let errors = format!("{} / {}", rate("http_requests_total{code=~\"5..\"}"), rate("http_requests_total"));
    let (origin, base) = Origin::split(&format!("http://{}/", prometheus.address), Reach::Loopback).unwrap();
    let config = Config {
        source: "prometheus/gke".parse().unwrap(),
        backend: "gke".parse().unwrap(),
        base,
        queries: BTreeMap::from([
            (Metric::RequestRate, query(rate("http_requests_total"), Scale::AsIs)),
            (Metric::ErrorRate, query(errors, Scale::AsIs)),
            (Metric::P50Latency, quantile("0.5")),
            (Metric::P95Latency, quantile("0.95")),
            (Metric::P99Latency, quantile("0.99")),
            (Metric::DropRate, query(rate("http_connections_dropped_total"), Scale::AsIs)),
        ]),
        requests: Some(format!("sum(increase(http_requests_total[{WINDOW_S}s]))")),
        newest: Some("max(timestamp(http_requests_total))".to_owned()),
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
    match sensor.look().await.ok()?.pop()? {
        Fact::Measured { values, .. } => Some(values),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn our_rates_and_quantiles_are_prometheus_own() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap();
    let server = tokio::spawn(serve(listener, Instant::now()));
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
    for metric in Metric::ALL {
        let (mine, other) = (mine[&metric].unwrap(), other[&metric].unwrap());
        let difference = (mine.value - other.value).abs() / other.value.max(1e-9);
        println!(
            "{metric}: ours {:.4} ({} requests), prometheus {:.4} ({} requests)",
            mine.value, mine.requests, other.value, other.requests
        );
        assert!(difference < TOLERANCE, "{metric}: ours {mine:?}, theirs {other:?}");
    }
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
