//! What each pod of the frontend counts by itself, with a beginning of its own; together they count what their leg counts from then on.
//!
//! Pods that were there before the world began have a past, and a bad one: who takes it for what happens now is found out.

use std::collections::BTreeMap;

use super::meter::{Code, Meter};

/// Requests of a pod's past, of which so many failed.
const PAST: u64 = 40_000;
const PAST_FAILED: u64 = 9_000;

/// A pod whose container runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Its name.
    pub name: String,
    /// When its container started, virtual milliseconds.
    pub started_ms: i64,
    /// Whether it takes requests.
    pub is_ready: bool,
}

/// A container's own counters.
#[derive(Debug, Clone)]
struct Own {
    started_ms: i64,
    meter: Meter,
}

/// All pods of a service.
#[derive(Debug, Clone)]
pub struct PodMeters {
    begun_ms: i64,
    own: BTreeMap<String, Own>,
    ready: Vec<String>,
    next: usize,
}

impl PodMeters {
    /// Of a world that begins now.
    #[must_use]
    pub fn new(begun_ms: i64) -> Self {
        Self { begun_ms, own: BTreeMap::new(), ready: Vec::new(), next: 0 }
    }

    /// Follows the cluster: containers that are new, or have started again, count from zero.
    pub fn follow(&mut self, running: &[Running]) {
        self.own.retain(|name, _| running.iter().any(|pod| pod.name == *name));
        for Running { name, started_ms, .. } in running {
            if self.own.get(name).is_none_or(|own| own.started_ms != *started_ms) {
                let mut meter = Meter::new(*started_ms);
                if *started_ms < self.begun_ms {
                    meter.requests[Code::Fine as usize] = PAST - PAST_FAILED;
                    meter.requests[Code::Broken as usize] = PAST_FAILED;
                    // All of them took long.
                    meter.buckets[10] = PAST;
                    meter.sum_s = PAST as f64 * 4.0;
                }
                self.own.insert(name.clone(), Own { started_ms: *started_ms, meter });
            }
        }
        self.ready = running.iter().filter(|pod| pod.is_ready).map(|pod| pod.name.clone()).collect();
    }

    /// Counts one answered request at whichever pod has its turn.
    pub fn count(&mut self, code: Code, latency_ms: f64) {
        let Some(name) = self.ready.get(self.next % self.ready.len().max(1)) else { return };
        if let Some(own) = self.own.get_mut(name) {
            own.meter.count(code, latency_ms);
        }
        self.next = self.next.wrapping_add(1);
    }

    /// Begins every counter at zero, as processes do that all crash at once.
    pub fn restart(&mut self, now_ms: i64) {
        self.own.values_mut().for_each(|own| own.meter = Meter::new(now_ms));
    }

    /// The counters of one pod, as long as its container runs.
    #[must_use]
    pub fn meter(&self, pod: &str) -> Option<&Meter> {
        self.own.get(pod).map(|own| &own.meter)
    }
}
