//! The `/metrics` page of a backend, in the text format that Prometheus scrapes.

use std::fmt::Write;

use crate::sim::{
    faults::Damage,
    world::{
        Leg, World,
        meter::{BOUNDS_S, Code, Meter},
    },
};

use super::http::Reply;

/// The page of one backend, as far as its current damage lets it through.
#[must_use]
pub fn page(world: &World, leg: Leg) -> Reply {
    let text = match world.conditions.of(leg).damage {
        Damage::None => render(world, leg, world.traffic.meter(leg), |value| value.to_string()),
        Damage::Frozen => render(world, leg, world.traffic.frozen(leg), |value| value.to_string()),
        Damage::NotANumber => render(world, leg, world.traffic.meter(leg), |_| "NaN".to_owned()),
        Damage::Vanished => String::new(),
        Damage::Failing => return Reply::text(500, "collector failed\n"),
    };
    Reply { content_type: "text/plain; version=0.0.4; charset=utf-8", ..Reply::text(200, text) }
}

fn render(world: &World, leg: Leg, meter: &Meter, shown: impl Fn(f64) -> String) -> String {
    let backend = leg.label();
    let mut page = String::new();
    let mut family = |name: &str, kind: &str, help: &str, samples: &[(String, f64)]| {
        // Writing to a String can't fail.
        let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (series, value) in samples {
            let _ = writeln!(page, "{series} {}", shown(*value));
        }
    };
    let one = |name: &str, value: f64| vec![(format!("{name}{{backend=\"{backend}\"}}"), value)];
    let requests = Code::ALL.map(|code| {
        (format!("http_requests_total{{backend=\"{backend}\",code=\"{}\"}}", code.number()), meter.requests[code as usize] as f64)
    });
    family("http_requests_total", "counter", "Requests answered.", &requests);
    family("http_request_duration_seconds", "histogram", "Time from request to answer.", &histogram(meter, backend));
    family(
        "http_connections_dropped_total",
        "counter",
        "Connections that ended without an answer.",
        &one("http_connections_dropped_total", meter.dropped as f64),
    );
    family("sessions_active", "gauge", "User sessions with recent requests.", &one("sessions_active", meter.sessions.round()));
    family("instances_ready", "gauge", "Instances or pods that take requests.", &one("instances_ready", instances(world, leg)));
    family(
        "process_start_time_seconds",
        "gauge",
        "Start of the oldest process since the Unix epoch.",
        &one("process_start_time_seconds", meter.started_ms as f64 / 1000.0),
    );
    page
}

fn histogram(meter: &Meter, backend: &str) -> Vec<(String, f64)> {
    let name = "http_request_duration_seconds";
    let mut below = 0;
    let mut samples: Vec<(String, f64)> = BOUNDS_S
        .iter()
        .zip(meter.buckets)
        .map(|(bound, count)| {
            below += count;
            (format!("{name}_bucket{{backend=\"{backend}\",le=\"{bound}\"}}"), below as f64)
        })
        .collect();
    let total = meter.total() as f64;
    samples.push((format!("{name}_bucket{{backend=\"{backend}\",le=\"+Inf\"}}"), total));
    samples.push((format!("{name}_sum{{backend=\"{backend}\"}}"), meter.sum_s));
    samples.push((format!("{name}_count{{backend=\"{backend}\"}}"), total));
    samples
}

/// How many instances or pods of a leg take requests.
#[must_use]
pub fn instances(world: &World, leg: Leg) -> f64 {
    match leg {
        Leg::Run => f64::from(world.traffic.fleet.warm),
        Leg::Gke => (f64::from(world.peers.gke_pods) * world.peers.gke_ready).round(),
    }
}
