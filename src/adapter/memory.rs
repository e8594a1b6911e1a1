//! What a driver of an object leaves for the one after it: the object as it was last read, and as a write of ours made it.
//!
//! A write keeps what people wrote in the object, so it needs the object at the very version that it is made against. Whoever has just been
//! started has seen none, and could not bring anybody home while reads fail. What is left is no record: a write is a compare-and-set, so what
//! is old is refused and nothing is lost by having tried; what is damaged, too large or of another object is left alone, and a look brings the
//! next. It holds what the API answered, and nothing that was sent to it.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    domain::{digest::Digest, fault::Version},
    port::Keeper,
};

/// The newest read and what our newest write made; a read that is late tells the one that was before.
const OBJECTS_KEPT: usize = 2;
/// The interface takes maps of a tenth of it.
const OBJECT_BYTES_MAX: usize = 512 * 1024;

/// An object at one version, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    version: String,
    text: String,
}

/// As it is left.
#[derive(Debug, Serialize, Deserialize)]
struct Left {
    /// Which object, and how it is told.
    of: String,
    /// The oldest first.
    seen: VecDeque<Seen>,
    /// Of each version and text: what a disk has changed is sent nowhere.
    digest: Digest,
}

/// What is known of one object.
#[derive(Default)]
pub(super) struct Memory {
    known: Mutex<Known>,
    keeper: OnceLock<Keeper>,
}

#[derive(Default)]
struct Known {
    /// The oldest first.
    seen: VecDeque<Seen>,
    /// The keeper has not taken the newest yet.
    is_due: bool,
    is_said_to_be_large: bool,
}

impl Known {
    fn is_newest(&self, version: &str) -> bool {
        self.seen.back().is_some_and(|newest| newest.version == version)
    }

    fn take(&mut self, seen: Seen) {
        self.seen.retain(|older| older.version != seen.version);
        self.seen.push_back(seen);
        while self.seen.len() > OBJECTS_KEPT {
            self.seen.pop_front();
        }
        self.is_due = true;
    }
}

impl Memory {
    /// Notes that the object was `text` at `version`, and gives it to whoever keeps it where that is new.
    pub(super) fn note(&self, of: &str, version: &str, text: impl FnOnce() -> Option<String>) {
        let mut known = self.known();
        if !version.is_empty() && !known.is_newest(version) {
            match text().filter(|text| text.len() <= OBJECT_BYTES_MAX) {
                Some(text) => known.take(Seen { version: version.to_owned(), text }),
                None if std::mem::replace(&mut known.is_said_to_be_large, true) => {}
                None => tracing::warn!(of, "the object is too large to be kept; the next host can't write to it before a look of its own"),
            }
        }
        if let (true, Some(keeper)) = (known.is_due, self.keeper.get()) {
            let left = Left { of: of.to_owned(), digest: digest(&known.seen), seen: known.seen.clone() };
            known.is_due = !serde_json::to_string(&left).is_ok_and(keeper);
        }
    }

    /// Takes up what was left of the same object, and gives `keeper` what is new from now on.
    pub(super) fn take_up(&self, of: &str, left: Option<&str>, keeper: Keeper) {
        if let Some(left) = left {
            match believed(of, left) {
                Ok(found) => self.known().seen = found,
                Err(why) => tracing::warn!(of, why, "what the host before has left of the object is ignored; a look at it tells"),
            }
        }
        // Whoever took it up first keeps it.
        let _is_kept = self.keeper.set(keeper);
    }

    /// The object at exactly `version`, if it was seen there.
    pub(super) fn at<T: DeserializeOwned>(&self, version: &Version) -> Option<T> {
        let known = self.known();
        let found = known.seen.iter().find(|seen| seen.version == version.0)?;
        serde_json::from_str(&found.text).ok()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn believed(of: &str, left: &str) -> Result<VecDeque<Seen>, &'static str> {
    let left: Left = serde_json::from_str(left).map_err(|_| "it can't be read")?;
    if left.of != of {
        return Err("it is of another object");
    }
    if left.digest != digest(&left.seen) || left.seen.len() > OBJECTS_KEPT {
        return Err("it is damaged");
    }
    Ok(left.seen)
}

fn digest(seen: &VecDeque<Seen>) -> Digest {
    let parts = seen.iter().flat_map(|Seen { version, text }| [version, text]);
    let told: Vec<u8> = parts.flat_map(|part| (part.len() as u64).to_be_bytes().into_iter().chain(part.bytes())).collect();
    Digest::of(&told)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const OF: &str = "url-map/1 https://compute/p/m";

    fn version(name: &str) -> Version {
        Version(name.to_owned())
    }

    /// A memory with what was left before it, and what it leaves.
    fn memory(before: Option<&str>) -> (Memory, Arc<Mutex<Vec<String>>>) {
        let (memory, left) = (Memory::default(), Arc::new(Mutex::new(Vec::new())));
        let kept = Arc::clone(&left);
        let keeper: Keeper = Box::new(move |text| {
            kept.lock().unwrap().push(text);
            true
        });
        memory.take_up(OF, before, keeper);
        (memory, left)
    }

    fn noted(memory: &Memory, name: &str) {
        memory.note(OF, name, || Some(format!("{{\"is\":\"{name}\"}}")));
    }

    fn at(memory: &Memory, name: &str) -> Option<serde_json::Value> {
        memory.at(&version(name))
    }

    #[test]
    fn the_next_one_knows_the_two_newest_versions_and_nothing_is_kept_twice() {
        let (first, left) = memory(None);
        for name in ["a", "a", "b", "b", "a", "c", "c"] {
            noted(&first, name);
        }
        assert_eq!(left.lock().unwrap().len(), 4, "once for each change");
        let (next, again) = memory(left.lock().unwrap().last().map(String::as_str));
        assert_eq!(at(&next, "c"), Some(serde_json::json!({"is": "c"})));
        assert_eq!((at(&next, "a").is_some(), at(&next, "b")), (true, None));
        noted(&next, "c");
        assert_eq!(again.lock().unwrap().len(), 0, "what is kept already");
    }

    #[test]
    fn what_is_torn_damaged_or_of_another_object_is_ignored() {
        let (first, left) = memory(None);
        noted(&first, "a");
        let left = left.lock().unwrap().pop().unwrap();
        assert!(at(&memory(Some(&left)).0, "a").is_some());
        let wrong = [&left[..left.len() / 2], "", "[]", &left.replace("\"is", "\"iS"), &left.replace("p/m", "p/n")].map(str::to_owned);
        for wrong in wrong {
            assert_ne!(wrong, left);
            assert_eq!(at(&memory(Some(&wrong)).0, "a"), None, "{wrong}");
        }
    }

    #[test]
    fn what_nobody_took_is_offered_again_and_what_is_too_large_never() {
        let (memory, offers) = (Memory::default(), Arc::new(Mutex::new(0)));
        let counted = Arc::clone(&offers);
        let keeper: Keeper = Box::new(move |_| {
            let mut count = counted.lock().unwrap();
            *count += 1;
            *count > 2
        });
        memory.take_up(OF, None, keeper);
        (0..5).for_each(|_| noted(&memory, "a"));
        assert_eq!(*offers.lock().unwrap(), 3);
        memory.note(OF, "b", || Some("x".repeat(OBJECT_BYTES_MAX + 1)));
        assert_eq!((*offers.lock().unwrap(), at(&memory, "a").is_some()), (3, true));
    }
}
