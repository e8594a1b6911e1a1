//! What a live session asks of others while nothing happens: requests and bytes of a minute, by host, and what its queries cost Prometheus.
//!
//! A cockpit is attached, all traffic is at home, and the plan's own intervals are the defaults. Bytes are those of the wire, both ways, with
//! TLS and its handshakes. What was carried until then, lists above all, stands beside them.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::flight::{Failure, Flight, PLAN};

const MEASURED_FOR: Duration = Duration::from_secs(120);
/// Lists, first looks and windows that fill are over by then.
const SETTLED_AFTER: Duration = Duration::from_secs(45);

/// Where the target's figures come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figures {
    Prometheus,
    Pods,
}

/// With so many pods; prints a table.
pub(crate) fn measure(pods: u32, figures: Figures, folder: &Path) -> Result<(), Failure> {
    let plan = PLAN.replace("limits: { scrape_every: 2s, read_every: 2s }\n", "");
    let plan = match figures {
        Figures::Prometheus => plan,
        Figures::Pods => by_pods(&plan),
    };
    let mut flight = Flight::begin(0, folder, &plan)?;
    flight.front.crowd.pods.store(pods, Ordering::Relaxed);
    // Every window has to be full.
    std::thread::sleep(SETTLED_AFTER);
    flight.open()?;
    std::thread::sleep(SETTLED_AFTER);
    let load = || flight.front.seen.lock().unwrap().load();
    let queries = || flight.front.seen.lock().unwrap().queries.clone();
    let (before, asked_before) = (load(), queries());
    let began = Instant::now();
    std::thread::sleep(MEASURED_FOR);
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    println!("\n{pods} pods, figures of the target by {figures:?}, a minute of an idle live session:");
    println!("{:<62} {:>9} {:>12} {:>16}", "host", "requests", "bytes", "bytes until then");
    let mut all = [0.0; 3];
    for (host, now) in load() {
        let then = before.get(&host).copied().unwrap_or_default();
        let minute = [0, 1].map(|place| (now[place] - then[place]) as f64 / minutes);
        println!("{host:<62} {:>9.1} {:>12.0} {:>16}", minute[0], minute[1], then[1]);
        all = [all[0] + minute[0], all[1] + minute[1], all[2] + then[1] as f64];
    }
    println!("{:<62} {:>9.1} {:>12.0} {:>16.0}", "all", all[0], all[1], all[2]);
    tell_queries(&flight, &asked_before, &queries(), minutes)
}

/// The same plan with the pods' own pages.
fn by_pods(plan: &str) -> String {
    let (before, after) = plan.split_once("probe: https://frontend-gke.hexproperty.com/health\n").expect("the plan is ours");
    let (_, after) = after.split_once("    home: run\n").expect("the plan is ours");
    let pods = "        readings: { pods: { port: 8080, requests: http_requests_total, status_label: code, failed_when: [5xx],\n            latency: http_request_duration_seconds, latency_unit: s } }\n";
    format!("{before}probe: https://frontend-gke.hexproperty.com/health\n{pods}    home: run\n{after}")
}

/// What each query touches, by Prometheus' own word.
fn tell_queries(flight: &Flight, before: &BTreeMap<String, u64>, now: &BTreeMap<String, u64>, minutes: f64) -> Result<(), Failure> {
    println!("{:>8} {:>9} {:>9}  query", "a minute", "samples", "peak");
    let mut all = [0.0; 2];
    for (query, count) in now {
        let each = (count - before.get(query).copied().unwrap_or_default()) as f64 / minutes;
        let stats = stats(flight, query)?;
        let [samples, peak] = ["totalQueryableSamples", "peakSamples"].map(|name| stats[name].as_f64().unwrap_or(f64::NAN));
        println!("{each:>8.1} {samples:>9} {peak:>9}  {query}");
        all = [all[0] + each, all[1] + each * samples];
    }
    println!("{:>8.1} {:>9.0} samples a minute in all", all[0], all[1]);
    Ok(())
}

fn stats(flight: &Flight, query: &str) -> Result<Value, Failure> {
    let mut url = reqwest::Url::parse(&format!("http://{}/api/v1/query", flight.prometheus.address)).expect("an address is a URL");
    url.query_pairs_mut().append_pair("query", query).append_pair("stats", "all");
    let told = flight.ask(url).map_err(Failure::Other)?;
    Ok(told["data"]["stats"]["samples"].clone())
}
