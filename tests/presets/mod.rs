//! The presets over the pages of the exporters that they are named after, evaluated by the real Prometheus.
//!
//! Each pair of pages was made by the program in `generators/`, or by hand where no registry has the exporter; the first line of a page says
//! which. Between the two of a pair are sixty requests, of which twelve fail. Prometheus scrapes the one and then the other, and what it
//! answers to the queries of a plan with that preset must be what happened between them.

use std::{
    collections::BTreeMap,
    io::Write,
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use cutover::{
    adapter::{
        google_auth::Token,
        http::{Client, Origin, Reach},
        prometheus::{Config, PrometheusSensor, Queries, Scale},
    },
    domain::{
        metric::{Basis, Gap, Measured, Metric},
        time::Millis,
    },
    plan::{
        self,
        model::readings::{LatencyUnit, Readings},
        preset::{PRESETS, Preset},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{Prometheus, now, values};

/// What happened between two pages.
const REQUESTS: u64 = 60;
const FAILED: u64 = 12;
/// So many scrapes meet the first page.
const BEFORE: usize = 3;
const PLAN: &str = include_str!("../../plans/prometheus.yaml");

/// The queries of a plan whose second backend is read by this preset.
fn expanded(preset: &str) -> Readings {
    let (head, tail) = PLAN.rsplit_once("          prometheus:\n").unwrap();
    let (written, tail) = tail.split_once("    home: run\n").unwrap();
    // What the plan declares beside them is told as before.
    let series = written.find("        series:").map_or("", |at| &written[at..]);
    let own = format!(
        "          prometheus: {{ source: monitoring, preset: {preset}, labels: {{ job: {preset} }}, window: 1m }}\n{series}\n    home: run\n"
    );
    // One that tells no failures or latencies can't be what the shipped triggers watch.
    let tail = if preset == "nginx" {
        tail.replace("backend: gke", "backend: run").replace("action: rollback", "action: hold")
    } else {
        tail.to_owned()
    };
    let text = format!("{head}{own}{tail}");
    let (plan, _) =
        plan::read(text.as_bytes()).unwrap_or_else(|problems| panic!("{}", plan::diagnostic::render_all(&problems, preset, &text)));
    plan.routes[0].backends[1].readings.clone().unwrap()
}

fn page(preset: &str, which: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/presets/{preset}-{which}.txt"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `/NAME` is the page of the preset of that name.
async fn serve(listener: TcpListener) {
    let mut scraped: BTreeMap<String, usize> = BTreeMap::new();
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut bytes = [0; 4096];
        let Ok(count) = stream.read(&mut bytes).await else { continue };
        let asked = String::from_utf8_lossy(&bytes[..count]).into_owned();
        let preset = asked.split_whitespace().nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
        let scrapes = scraped.entry(preset.clone()).or_default();
        *scrapes += 1;
        let body = page(&preset, if *scrapes <= BEFORE { "before" } else { "after" });
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    }
}

fn sensor(prometheus: SocketAddr, readings: &Readings) -> PrometheusSensor {
    let (origin, base) = Origin::split(&format!("http://{prometheus}/"), Reach::Loopback).unwrap();
    let latencies = readings.latencies.as_ref();
    let queries = Queries {
        newest: readings.newest.to_string(),
        requests: readings.requests.to_string(),
        failures: readings.failures.as_ref().map(ToString::to_string),
        dropped: readings.dropped.as_ref().map(ToString::to_string),
        latencies: latencies.into_iter().flat_map(|told| &told.quantiles).map(|(metric, query)| (*metric, query.to_string())).collect(),
        scale: match latencies.map(|told| told.unit) {
            Some(LatencyUnit::Milliseconds) => Scale::AsIs,
            Some(LatencyUnit::Seconds) | None => Scale::SecondsToMillis,
        },
        top_bucket: latencies.and_then(|told| told.top_bucket).map(|top| top.0 as f64),
    };
    let config = Config {
        source: "prometheus/gke".parse().unwrap(),
        backend: "gke".parse().unwrap(),
        base,
        queries,
        window: readings.window,
        every: Millis::from_secs(1),
        stale_after: Millis::from_secs(10),
        now: now(),
    };
    PrometheusSensor::new(config, Client::new(origin, Token::None).unwrap())
}

/// What is odd about a preset's figures, where something is.
fn odd(preset: &Preset, values: &BTreeMap<Metric, Measured>) -> Option<String> {
    let value = |metric| values[&metric];
    // The server extrapolates to the ends of the window, by half a scrape and a few percent.
    let about = |found: u64, wanted: u64| (wanted..=wanted + wanted / 5 + 1).contains(&found);
    match value(Metric::RequestRate) {
        Ok(sample) if about(sample.requests, REQUESTS) => {}
        other => return Some(format!("requests: {other:?}")),
    }
    match (value(Metric::ErrorRate), &preset.failures) {
        (Err(Gap::Missing), None) => {}
        (Ok(sample), Some(_)) if matches!(sample.basis, Basis::Counted { failed } if about(failed, FAILED)) => {}
        (other, _) => return Some(format!("failures: {other:?}")),
    }
    for metric in [Metric::P50Latency, Metric::P95Latency, Metric::P99Latency] {
        match (value(metric), &preset.latency) {
            (Err(Gap::Missing), None) => {}
            // All of them were answered by this machine's own memory, or were made up as if they had been.
            (Ok(sample), Some(_)) if sample.value > 0.0 && sample.value < 250.0 && sample.basis == Basis::Exact => {}
            (other, _) => return Some(format!("{metric}: {other:?}")),
        }
    }
    match (value(Metric::DropRate), &preset.dropped) {
        (Err(Gap::Missing), None) => None,
        (Ok(sample), Some(_)) if sample.value == 0.0 => None,
        (other, _) => Some(format!("dropped: {other:?}")),
    }
}

#[tokio::test]
async fn each_preset_counts_what_happened_between_two_pages_of_its_exporter() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap();
    let server = tokio::spawn(serve(listener));
    let job = |preset: &Preset| {
        let name = preset.name;
        format!("  - {{job_name: {name}, metrics_path: /{name}, static_configs: [{{targets: ['{target}']}}]}}\n")
    };
    let jobs: String = PRESETS.iter().map(job).collect();
    let Some(prometheus) = Prometheus::with(&format!("global: {{scrape_interval: 1s}}\nscrape_configs:\n{jobs}")).await else {
        let _ = writeln!(std::io::stderr(), "SKIPPED: no prometheus on this machine, so no preset was asked for");
        server.abort();
        return;
    };
    let mut left: BTreeMap<&str, String> = PRESETS.iter().map(|preset| (preset.name, "never asked".to_owned())).collect();
    let deadline = Instant::now() + Duration::from_secs(45);
    while !left.is_empty() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_secs(1)).await;
        for preset in PRESETS.iter().filter(|preset| left.contains_key(preset.name)).collect::<Vec<_>>() {
            match values(&mut sensor(prometheus.address, &expanded(preset.name))).await.map(|values| odd(preset, &values)) {
                Some(None) => left.remove(preset.name),
                Some(Some(odd)) => left.insert(preset.name, odd),
                None => left.insert(preset.name, "the server does not answer".to_owned()),
            };
        }
    }
    server.abort();
    assert!(left.is_empty(), "{left:#?}");
}

/// A page says who made it; a later one of the same exporter can be compared with it.
#[test]
fn each_page_says_in_its_first_line_who_made_it() {
    for preset in PRESETS {
        for which in ["before", "after"] {
            let page = page(preset.name, which);
            let first = page.lines().next().unwrap();
            let by_hand = first.starts_with("# by hand, after ");
            assert!(by_hand || (first.starts_with("# ") && first.contains(|c: char| c.is_ascii_digit())), "{}: {first}", preset.name);
            assert_eq!(by_hand, matches!(preset.name, "istio" | "spring_boot"), "{}: {first}", preset.name);
        }
    }
}
