//! What each pod of a service counts by itself, with a beginning of its own; together they count what their leg counts from then on.
//!
//! Pods that were there before the world began have a past, and a bad one: who takes it for what happens now is found out.

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
    pod: String,
    started_ms: i64,
    meter: Meter,
}

/// All pods of a service.
#[derive(Debug, Clone)]
pub struct PodMeters {
    begun_ms: i64,
    own: Vec<Own>,
    /// Places of those that take requests.
    ready: Vec<usize>,
    next: usize,
}

impl PodMeters {
    /// Of a world that begins now.
    #[must_use]
    pub fn new(begun_ms: i64) -> Self {
        Self { begun_ms, own: Vec::new(), ready: Vec::new(), next: 0 }
    }

    /// Follows the cluster: containers that are new, or have started again, count from zero.
    pub fn follow(&mut self, running: &[Running]) {
        let mut before = std::mem::take(&mut self.own);
        for Running { name, started_ms, .. } in running {
            let known = before.iter().position(|own| own.pod == *name && own.started_ms == *started_ms);
            let own = match known {
                Some(place) => before.swap_remove(place),
                None => Own { pod: name.clone(), started_ms: *started_ms, meter: self.begun(*started_ms) },
            };
            self.own.push(own);
        }
        self.ready = running.iter().enumerate().filter(|(_, pod)| pod.is_ready).map(|(place, _)| place).collect();
    }

    fn begun(&self, started_ms: i64) -> Meter {
        let mut meter = Meter::new(started_ms);
        if started_ms < self.begun_ms {
            meter.requests[Code::Fine as usize] = PAST - PAST_FAILED;
            meter.requests[Code::Broken as usize] = PAST_FAILED;
            // All of them took long.
            meter.buckets[10] = PAST;
            meter.sum_s = PAST as f64 * 4.0;
        }
        meter
    }

    /// Counts one answered request at whichever pod has its turn.
    pub fn count(&mut self, code: Code, latency_ms: f64) {
        let Some(place) = self.ready.get(self.next % self.ready.len().max(1)) else { return };
        if let Some(own) = self.own.get_mut(*place) {
            own.meter.count(code, latency_ms);
        }
        self.next = self.next.wrapping_add(1);
    }

    /// Lets a step pass for the requests that are being answered.
    pub fn pass(&mut self, step_ms: i64) {
        self.own.iter_mut().for_each(|own| own.meter.pass(step_ms));
    }

    /// Begins every counter at zero, as processes do that all crash at once.
    pub fn restart(&mut self, now_ms: i64) {
        self.own.iter_mut().for_each(|own| own.meter = Meter::new(now_ms));
    }

    /// The counters of one pod, as long as its container runs.
    #[must_use]
    pub fn meter(&self, pod: &str) -> Option<&Meter> {
        self.own.iter().find(|own| own.pod == pod).map(|own| &own.meter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, started_ms: i64, is_ready: bool) -> Running {
        Running { name: name.to_owned(), started_ms, is_ready }
    }

    #[test]
    fn those_that_are_ready_take_turns_and_each_counts_from_its_own_beginning() {
        let mut pods = PodMeters::new(1000);
        pods.follow(&[pod("old", 500, true), pod("new", 1500, true), pod("waits", 1500, false)]);
        (0..10).for_each(|_| pods.count(Code::Fine, 50.0));
        let total = |pods: &PodMeters, name: &str| pods.meter(name).map(Meter::total);
        assert_eq!(["old", "new", "waits"].map(|name| total(&pods, name)), [Some(PAST + 5), Some(5), Some(0)]);
        // One is gone, one has started again, one is ready now.
        pods.follow(&[pod("waits", 1500, true), pod("new", 2000, true)]);
        (0..4).for_each(|_| pods.count(Code::Broken, 50.0));
        assert_eq!(["old", "new", "waits"].map(|name| total(&pods, name)), [None, Some(2), Some(2)]);
        assert_eq!(pods.meter("new").map(|meter| meter.started_ms), Some(2000));
        pods.restart(3000);
        assert_eq!(["new", "waits"].map(|name| total(&pods, name)), [Some(0), Some(0)]);
    }
}
