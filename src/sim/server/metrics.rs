//! The `/metrics` page of a backend, in the text format that Prometheus scrapes, and the ways in which such pages lie.

use std::fmt::Write;

use crate::sim::{
    faults::Damage,
    world::{
        Leg, World,
        meter::{BOUNDS_S, Code, Meter},
        scrapes::Exposed,
    },
};

use super::{
    http::{Answer, Reply},
    kubernetes::passed,
    lengthy::Rest,
    shape::{Length, Paths, Shape, Stamp, Status, WORKERS, Workers},
};

/// How often a path is asked for that never was before.
const PATH_EVERY_MS: i64 = 20_000;
/// Paths that are counted each for itself, where nobody has bounded them.
const MANY_PATHS: i64 = 25_000;
/// Characters of a label that holds what a person typed.
const LONG_LABEL: usize = 20_000;
/// How long a slow page takes: longer than anybody waits for one.
const SLOW_MS: f64 = 6_000.0;
/// The highest bound of a histogram that was made for faster answers.
const LOW_BOUND_S: f64 = 0.25;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The page of one backend, as far as its current damage lets it through.
#[must_use]
pub fn page(world: &mut World, leg: Leg) -> Answer {
    let damage = world.conditions.of(leg).damage;
    let worker = world.chance_worker(WORKERS);
    if damage == Damage::Failing {
        return Reply::text(500, "collector failed\n").into();
    }
    let text = text(&world.exposed(leg, worker));
    let content_type = if damage == Damage::Seconds { OPEN_METRICS } else { TEXT };
    let reply = lengthened(Reply { content_type, ..Reply::text(200, text) }, damage);
    if damage == Damage::Slow { Answer::After { ms: SLOW_MS, reply } } else { Answer::Now(reply) }
}

/// The page of one backend of a service beside the frontend.
#[must_use]
pub fn page_of(world: &World, service: &str, leg: Leg) -> Option<Reply> {
    let exposed = world.exposed_of(service, leg)?;
    Some(Reply { content_type: TEXT, ..Reply::text(200, text(&exposed)) })
}

/// What a pod of the frontend answers to this path, if its container runs: its own counters, as far as their damage lets them through.
#[must_use]
pub fn page_of_pod(world: &World, pod: &str, path: &str) -> Option<passed::Page> {
    let exposed = world.exposed_pod(pod)?;
    Some(match (path, exposed.damage) {
        ("/metrics", Damage::Failing) => passed::Page::plain(500, "collector failed\n"),
        ("/metrics", damage) => {
            let content_type = if damage == Damage::Seconds { OPEN_METRICS } else { TEXT };
            let after_ms = if damage == Damage::Slow { SLOW_MS as i64 } else { 0 };
            passed::Page { status: 200, content_type, text: text(&exposed), after_ms }
        }
        (_, _) => passed::Page::plain(404, "404 page not found\n"),
    })
}

/// Bytes of other people's families that come at a time.
const BLOCK_BYTES: usize = 256 << 10;

/// The page with other people's families behind it, where its damage has any.
fn lengthened(reply: Reply, damage: Damage) -> Reply {
    let Some(Length { times, form }) = Shape::of(damage).others else { return reply };
    let block = "jvm_gc_collection_seconds_count{gc=\"G1 Young Generation\",pool=\"eden\"} 4071\n".repeat(BLOCK_BYTES / 78);
    Reply { rest: Some(Rest { block, times, form }), ..reply }
}

/// The page that is made of this.
#[must_use]
pub fn text(exposed: &Exposed) -> String {
    if exposed.damage == Damage::Vanished { String::new() } else { Text::of(exposed).finish() }
}

/// The counters of one of several processes: an even part of all, and a little ahead or behind.
fn part(meter: &Meter, worker: usize, workers: Workers) -> Meter {
    let worker = worker % workers.count;
    let (count, ahead) = (workers.count as u64, worker as u64 * workers.ahead);
    let mut part = meter.clone();
    part.requests = meter.requests.map(|all| all / count);
    part.requests[Code::Fine as usize] += ahead;
    part.buckets = meter.buckets.map(|all| all / count);
    part.buckets[0] += ahead;
    part.started_ms = meter.started_ms + worker as i64 * workers.apart_ms;
    part
}

/// A page being written.
struct Text {
    page: String,
    damage: Damage,
    backend: &'static str,
    /// What each sample is stamped with, if at all.
    stamp: Option<String>,
}

impl Text {
    fn of(exposed: &Exposed) -> Text {
        let Exposed { leg, at_ms, damage, damaged_ms: since_ms, meter, instances, worker } = exposed;
        let (leg, at_ms, damage, since_ms) = (*leg, *at_ms, *damage, *since_ms);
        let shape = Shape::of(damage);
        let meter = shape.workers.map_or_else(|| meter.clone(), |workers| part(meter, *worker, workers));
        let stamp = match shape.stamp {
            Stamp::InSeconds => Some((at_ms / 1000).to_string()),
            Stamp::StandsStill => Some(since_ms.to_string()),
            Stamp::Absent => None,
        };
        let mut text = Text { page: String::new(), damage, backend: leg.label(), stamp };
        let paths = match shape.paths {
            Paths::Growing => (at_ms - since_ms) / PATH_EVERY_MS + 1,
            Paths::Many => MANY_PATHS,
            Paths::Bounded => 0,
        };
        text.counter("http_requests", "Requests answered.", &text.requests(&meter, paths));
        text.family("http_request_duration_seconds", "histogram", "Time from request to answer.", &text.histogram(&meter));
        let one = |name: &str, value: f64| vec![(format!("{name}{{backend=\"{}\"}}", leg.label()), value)];
        let in_flight = meter.in_flight() / shape.workers.map_or(1, |workers| workers.count);
        text.family("http_requests_in_flight", "gauge", "Requests being answered.", &one("http_requests_in_flight", in_flight as f64));
        let dropped = one("http_connections_dropped_total", meter.dropped as f64);
        text.counter("http_connections_dropped", "Connections that ended without an answer.", &dropped);
        text.family("sessions_active", "gauge", "User sessions with recent requests.", &one("sessions_active", meter.sessions.round()));
        text.family("instances_ready", "gauge", "Instances or pods that take requests.", &one("instances_ready", *instances));
        let started = one("process_start_time_seconds", meter.started_ms as f64 / 1000.0);
        text.family("process_start_time_seconds", "gauge", "Start of the oldest process since the Unix epoch.", &started);
        text
    }

    /// OpenMetrics names a counter's family without the suffix of its samples.
    fn counter(&mut self, name: &str, help: &str, samples: &[(String, f64)]) {
        if self.damage == Damage::Seconds {
            self.family(name, "counter", help, samples);
        } else {
            self.family(&format!("{name}_total"), "counter", help, samples);
        }
    }

    fn family(&mut self, name: &str, kind: &str, help: &str, samples: &[(String, f64)]) {
        // Writing to a String can't fail.
        let _ = writeln!(self.page, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (series, value) in samples {
            let value = if self.damage == Damage::NotANumber { "NaN".to_owned() } else { value.to_string() };
            let _ = match &self.stamp {
                Some(stamp) => writeln!(self.page, "{series} {value} {stamp}"),
                None => writeln!(self.page, "{series} {value}"),
            };
        }
    }

    fn requests(&self, meter: &Meter, paths: i64) -> Vec<(String, f64)> {
        let backend = self.backend;
        let series = |labels: String| format!("http_requests_total{{backend=\"{backend}\"{labels}}}");
        let of = |code: Code| meter.requests[code as usize] as f64;
        let failed = of(Code::Broken) + of(Code::Unavailable);
        match Shape::of(self.damage).status {
            Status::NotTold => vec![(series(String::new()), of(Code::Fine) + failed)],
            Status::InWords => {
                vec![(series(",status=\"success\"".to_owned()), of(Code::Fine)), (series(",status=\"error\"".to_owned()), failed)]
            }
            Status::Twice => Code::ALL.map(|code| (series(format!(",code=\"200\",status=\"{}\"", code.number())), of(code))).to_vec(),
            Status::Code => {
                let long =
                    (self.damage == Damage::LongLine).then(|| (series(format!(",code=\"200\",path=\"/{}\"", "x".repeat(LONG_LABEL))), 1.0));
                let all = Code::ALL.map(|code| (series(format!(",code=\"{}\"", code.number())), of(code)));
                let path = |number: i64| (series(format!(",code=\"200\",path=\"/items/{}\"", 1000 + number)), 1.0);
                all.into_iter().chain((0..paths).map(path)).chain(long).collect()
            }
        }
    }

    fn histogram(&self, meter: &Meter) -> Vec<(String, f64)> {
        let (name, backend) = ("http_request_duration_seconds", self.backend);
        let highest = if self.damage == Damage::LowBuckets { LOW_BOUND_S } else { f64::INFINITY };
        let mut below = 0;
        let mut samples: Vec<(String, f64)> = BOUNDS_S
            .iter()
            .zip(meter.buckets)
            .filter(|(bound, _)| **bound <= highest)
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

    fn finish(mut self) -> String {
        if self.damage == Damage::Seconds {
            self.page.push_str("# EOF\n");
        }
        self.page
    }
}
