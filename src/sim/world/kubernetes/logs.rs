//! What the containers write: start-up lines, probes, requests, and the reason of a crash.
//!
//! Lines are a pure function of the pod, its run and the second, so any span can be read again and gives the
//! same lines; nothing is stored. How many requests a pod serves is told by the world with
//! [`Kubernetes::set_request_rate`]; until then pods only see their probes.

use serde_json::Value;

use super::{
    Kubernetes, NAMESPACE,
    document::{self, text},
    fault::Sickness,
    kubelet::{Run, Stage},
    store::Key,
};
use crate::sim::world::random::Random;

/// One line of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was written, virtual milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// What it says, without a line end.
    pub text: String,
}

/// Since when a deployment's pods serve this many requests a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    since_ms: i64,
    per_second: f64,
}

/// Which life of the container is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// The running one, or the last if none runs.
    Present,
    /// The one before.
    Previous,
}

/// How many changes of a rate are remembered.
const RATES: usize = 256;
/// A container writes no more than this in a second; a log is for reading.
const LINES_MAX: usize = 40;

impl Kubernetes {
    /// Tells how many requests a second the deployment's pods serve in all. Small changes are not recorded.
    pub fn set_request_rate(&mut self, deployment: &str, per_second: f64) {
        // This is told many times a second, and the name is new only once.
        if !self.traffic.contains_key(deployment) {
            self.traffic.insert(deployment.to_owned(), Vec::new());
        }
        let Some(rates) = self.traffic.get_mut(deployment) else { return };
        let last = rates.last().map_or(0.0, |rate| rate.per_second);
        if (per_second - last).abs() <= last * 0.1 {
            return;
        }
        if rates.len() == RATES {
            rates.remove(0);
        }
        rates.push(Rate { since_ms: self.clock_ms, per_second });
    }

    /// The lines of a pod in `from_ms..to_ms` (virtual milliseconds since the Unix epoch), oldest first, and no
    /// more than the newest `limit` ones. `None` when that life of the container does not exist.
    #[must_use]
    pub fn log(&self, pod: &Key, life: Life, from_ms: i64, to_ms: i64, limit: usize) -> Option<Vec<Line>> {
        let (document, run) = (self.store.get(pod)?, self.runs.get(pod)?);
        let (start_ms, end_ms) = match (life, run.started_ms, run.last_exit) {
            (Life::Present, Some(started_ms), _) => (started_ms, None),
            (Life::Present, None, Some(exit)) => (exit.started_ms, Some(exit.finished_ms)),
            (Life::Previous, _, Some(exit)) if run.restarts > 0 => (exit.started_ms, Some(exit.finished_ms)),
            (_, _, _) => return None,
        };
        let upper = to_ms.min(end_ms.unwrap_or(self.clock_ms)).min(self.clock_ms);
        let lower = from_ms.max(start_ms);
        let mut lines = Vec::new();
        let mut second = upper.div_euclid(1000);
        while second >= lower.div_euclid(1000) && lines.len() < limit {
            let mut written = self.second(document, run, second, start_ms, end_ms);
            written.retain(|line| (lower..upper).contains(&line.at_ms));
            lines.extend(written.into_iter().rev());
            second -= 1;
        }
        lines.truncate(limit);
        lines.reverse();
        Some(lines)
    }

    /// All lines of one second of a container's life.
    fn second(&self, pod: &Value, run: &Run, second: i64, start_ms: i64, end_ms: Option<i64>) -> Vec<Line> {
        let mut random = Random::named(second as u64, document::uid(pod));
        let app = text(pod, "/metadata/labels/app");
        let mut lines = Vec::new();
        if start_ms.div_euclid(1000) == second {
            lines.push(Line { at_ms: start_ms, text: boot_line(start_ms, pod) });
            lines.push(Line { at_ms: start_ms, text: entry(start_ms, "info", "listening on 0.0.0.0:8080") });
        }
        if second % 5 == (start_ms / 1000) % 5 && second * 1000 > start_ms {
            let at_ms = second * 1000 + 130;
            let failing = run.stage == Stage::NotReady && run.sickness == Some(Sickness::NotReady);
            let code = if failing { 503 } else { 200 };
            let level = if failing { "warn" } else { "debug" };
            lines.push(Line { at_ms, text: entry(at_ms, level, &format!("GET /ready {code} 1ms kube-probe/1.32")) });
        }
        let count = (random.poisson(self.rate(pod, app, second * 1000)) as usize).min(LINES_MAX);
        for _ in 0..count {
            let at_ms = second * 1000 + random.index(1000) as i64;
            lines.push(Line { at_ms, text: request_line(&mut random, app, at_ms) });
        }
        if let Some(end_ms) = end_ms.filter(|end_ms| end_ms.div_euclid(1000) == second) {
            let text = entry(end_ms - 1, "error", "cannot reach the session store: connection refused; exiting with status 1");
            lines.push(Line { at_ms: end_ms - 1, text });
        }
        lines.sort_by_key(|line| line.at_ms);
        lines
    }

    /// Requests a second that fall to one pod at this moment.
    fn rate(&self, pod: &Value, app: &str, at_ms: i64) -> f64 {
        if document::namespace(pod) != NAMESPACE {
            return 0.0;
        }
        let rates = self.traffic.get(app).map_or(&[][..], Vec::as_slice);
        let total = rates.iter().rev().find(|rate| rate.since_ms <= at_ms).map_or(0.0, |rate| rate.per_second);
        total / f64::from(self.ready_pods(app).max(1))
    }
}

fn entry(at_ms: i64, level: &str, message: &str) -> String {
    let moment = jiff::Timestamp::from_millisecond(at_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{{\"time\":\"{moment:.3}\",\"severity\":\"{level}\",\"message\":\"{message}\"}}")
}

fn boot_line(at_ms: i64, pod: &Value) -> String {
    let image = text(pod, "/spec/containers/0/image");
    let release = image.rsplit_once(':').map_or("unknown", |(_, tag)| tag);
    entry(at_ms, "info", &format!("starting {} {release}", text(pod, "/metadata/labels/app")))
}

fn request_line(random: &mut Random, app: &str, at_ms: i64) -> String {
    const PAGES: [&str; 5] = ["/", "/listings", "/listings/4711", "/search?q=berlin", "/account"];
    const CALLS: [&str; 4] = ["/v1/listings", "/v1/listings/4711", "/v1/sessions", "/v1/offers"];
    let path = if app == "frontend" { PAGES[random.index(PAGES.len())] } else { CALLS[random.index(CALLS.len())] };
    let took = random.log_normal(90.0, 0.5);
    let code = if random.chance(0.002) { 500 } else { 200 };
    let level = if code == 200 { "info" } else { "error" };
    entry(at_ms, level, &format!("GET {path} {code} {took:.0}ms"))
}
