//! Events that say the same, folded into one with a count.
//!
//! A cluster in trouble writes an event for each pod and counts it up each time. What a person wants to know is what is said, how often,
//! and when last. Two events are alike when their messages are, but for names and numbers.

use std::collections::{BTreeMap, BTreeSet};

use super::wire::SlimEvent;
use crate::domain::{platform::Happening, shown::Shown, time::Timestamp};

/// Events remembered as counted; above that the memory is emptied and old ones may be counted once more.
const COUNTED_MAX: usize = 10_000;
/// Kinds of events that are kept; of more those that were seen last.
const FOLDS_MAX: usize = 100;
/// Objects of one kind of event that are told apart.
const OBJECTS_MAX: usize = 1_000;

#[derive(Default)]
pub(super) struct Folds {
    /// Uid and count of the events that were taken in.
    counted: BTreeMap<String, u32>,
    folds: BTreeMap<Key, Fold>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    kind: String,
    reason: String,
    object_kind: String,
    shape: String,
}

struct Fold {
    happening: Happening,
    objects: BTreeSet<String>,
    told: Announced,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Announced {
    Yes,
    No,
}

impl Folds {
    /// Whether there was anything new in it.
    pub(super) fn take_in(&mut self, event: SlimEvent) -> bool {
        let Some(at) = event.at.map(|at| Timestamp(at.as_millisecond())) else { return false };
        let before = self.counted.get(&event.uid).copied().unwrap_or(0);
        if before == event.count {
            return false;
        }
        if self.counted.len() >= COUNTED_MAX {
            self.counted.clear();
        }
        // One that counts less than before was begun anew under its old name.
        let more = if event.count > before { event.count - before } else { event.count };
        self.counted.insert(event.uid.clone(), event.count);
        let shape = shape(&event);
        let object = format!("{}/{}", event.object_kind.to_ascii_lowercase(), event.object_name);
        let happening = || Happening {
            at,
            kind: Shown::new(&event.kind),
            reason: Shown::new(&event.reason),
            object: Shown::new(&object),
            message: Shown::new(&event.message),
            count: 0,
            shape: Shown::new(&shape),
            objects: 0,
        };
        let key =
            Key { kind: event.kind.clone(), reason: event.reason.clone(), object_kind: event.object_kind.clone(), shape: shape.clone() };
        let fold = self.folds.entry(key).or_insert_with(|| Fold { happening: happening(), objects: BTreeSet::new(), told: Announced::No });
        let count = fold.happening.count.saturating_add(more);
        if at >= fold.happening.at {
            fold.happening = happening();
        }
        if fold.objects.len() < OBJECTS_MAX {
            fold.objects.insert(event.object_name);
        }
        fold.happening.count = count;
        fold.happening.objects = u32::try_from(fold.objects.len()).unwrap_or(u32::MAX);
        fold.told = Announced::No;
        self.bound();
        true
    }

    /// What has been removed may be written anew under the same name.
    pub(super) fn forget(&mut self, uid: &str) {
        self.counted.remove(uid);
    }

    /// What has news since the last time, oldest first.
    pub(super) fn tell(&mut self) -> Vec<Happening> {
        let fresh = self.folds.values_mut().filter(|fold| fold.told == Announced::No);
        let mut happenings: Vec<Happening> = fresh
            .map(|fold| {
                fold.told = Announced::Yes;
                fold.happening.clone()
            })
            .collect();
        happenings.sort_by_key(|happening| happening.at);
        happenings
    }

    fn bound(&mut self) {
        if self.folds.len() > FOLDS_MAX
            && let Some(oldest) = self.folds.iter().min_by_key(|(_, fold)| fold.happening.at).map(|(key, _)| key.clone())
        {
            self.folds.remove(&oldest);
        }
    }
}

/// The message with an ellipsis for each word that has a digit in it or names the object.
fn shape(event: &SlimEvent) -> String {
    let varies = |word: &&str| {
        word.contains(|sign: char| sign.is_ascii_digit()) || (!event.object_name.is_empty() && word.contains(event.object_name.as_str()))
    };
    let mut shape: Vec<&str> = Vec::new();
    for word in event.message.split_whitespace() {
        match (varies(&word), shape.last()) {
            (true, Some(&"…")) => {}
            (true, _) => shape.push("…"),
            (false, _) => shape.push(word),
        }
    }
    shape.join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(uid: &str, pod: &str, count: u32, minute: u32) -> SlimEvent {
        let message = format!("Back-off restarting failed container web in pod {pod}_shop(0b1f-{uid})");
        serde_json::from_value(json!({"metadata": {"name": "e", "uid": uid}, "involvedObject": {"kind": "Pod", "name": pod},
            "reason": "BackOff", "type": "Warning", "message": message, "count": count, "lastTimestamp": format!("2026-11-23T22:{minute:02}:00Z")}))
        .unwrap()
    }

    #[test]
    fn events_of_many_pods_are_one_with_a_count() {
        let mut folds = Folds::default();
        for (place, pod) in ["web-7d9-a", "web-7d9-b", "web-7d9-c"].into_iter().enumerate() {
            assert!(folds.take_in(event(pod, pod, 4, place as u32)));
        }
        let told = folds.tell();
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].count, told[0].objects, told[0].object.as_str()), (12, 3, "pod/web-7d9-c"));
        assert_eq!(told[0].shape.as_str(), "Back-off restarting failed container web in pod …");
        assert_eq!(folds.tell(), []);
    }

    #[test]
    fn an_event_counts_once_and_again_by_what_it_counts_up() {
        let mut folds = Folds::default();
        folds.take_in(event("u1", "web-7d9-a", 4, 1));
        assert!(!folds.take_in(event("u1", "web-7d9-a", 4, 1)));
        folds.take_in(event("u1", "web-7d9-a", 9, 2));
        assert_eq!(folds.tell()[0].count, 9);
        // Begun anew under the same name.
        folds.take_in(event("u1", "web-7d9-a", 1, 3));
        assert_eq!(folds.tell()[0].count, 10);
    }
}
