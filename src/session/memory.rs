//! What sensors remember, kept beside the journal for the host that takes the session up: without it each window would fill anew after a
//! restart, and no trigger could judge meanwhile.
//!
//! It is no part of the record: nothing is folded from it, and a host that finds none waits for its windows, as the first one did. So nobody
//! waits for its disk either. It is written by a thread of its own, and what comes too fast for that is not kept.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::mpsc::{self, Receiver, SyncSender},
};

use crate::{
    domain::{fact::Fact, fault::Fault, id::SourceId, time::Millis},
    journal::beside::{self, note_of},
    port::{Answer, Sensor, Unattended},
};

const ENDING: &str = "windows";
/// A page with so many series is not remembered, and its window fills anew.
const ONE_BYTES_MAX: usize = 1024 * 1024;
const ALL_BYTES_MAX: u64 = 16 * 1024 * 1024;
const WAITING_MAX: usize = 16;

/// The same sensors, each with what the one before it remembered; from now on what they remember is kept beside `journal`.
pub fn remembering(sensors: Vec<Box<dyn Sensor>>, journal: &Path) -> Vec<Box<dyn Sensor>> {
    let path = note_of(journal, ENDING);
    let known: BTreeMap<SourceId, String> = beside::read(&path, ALL_BYTES_MAX).unwrap_or_default();
    let (keeper, kept) = mpsc::sync_channel(WAITING_MAX);
    let before = known.clone();
    if let Err(error) = std::thread::Builder::new().name("windows".to_owned()).spawn(move || keep(&path, before, &kept)) {
        tracing::warn!(%error, "what sensors remember is not kept; the next host waits for its windows");
        return sensors;
    }
    let each = |mut sensor: Box<dyn Sensor>| -> Box<dyn Sensor> {
        if let Some(memory) = known.get(&sensor.source()) {
            sensor.recall(memory);
        }
        Box::new(Remembering { sensor, keeper: keeper.clone() })
    };
    sensors.into_iter().map(each).collect()
}

/// Of a session that is over nobody needs to go on.
pub fn forget(journal: &Path) {
    // It may never have been there.
    let _gone = fs::remove_file(note_of(journal, ENDING));
}

fn keep(path: &Path, mut known: BTreeMap<SourceId, String>, kept: &Receiver<(SourceId, String)>) {
    let mut is_told = false;
    while let Ok(first) = kept.recv() {
        known.extend(std::iter::once(first).chain(kept.try_iter()));
        if let Err(error) = beside::keep(path, &known)
            && !std::mem::replace(&mut is_told, true)
        {
            tracing::warn!(%error, "what sensors remember can't be kept; the next host waits for its windows");
        }
    }
}

/// A sensor whose memory is kept after each look.
struct Remembering {
    sensor: Box<dyn Sensor>,
    keeper: SyncSender<(SourceId, String)>,
}

impl Sensor for Remembering {
    fn source(&self) -> SourceId {
        self.sensor.source()
    }
    fn every(&self) -> Millis {
        self.sensor.every()
    }
    fn stale_after(&self) -> Millis {
        self.sensor.stale_after()
    }
    fn unattended(&self) -> Unattended {
        self.sensor.unattended()
    }
    fn look(&mut self) -> Answer<'_, Result<Vec<Fact>, Fault>> {
        Box::pin(async {
            let seen = self.sensor.look().await;
            if let Some(memory) = self.sensor.memory().filter(|memory| memory.len() <= ONE_BYTES_MAX) {
                // Where the disk is too slow for it, the next look's is as good.
                let _full = self.keeper.try_send((self.sensor.source(), memory));
            }
            seen
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Counts its looks, and goes on where the one before it was.
    struct Counting(u64, Arc<Mutex<Vec<u64>>>);

    impl Sensor for Counting {
        fn source(&self) -> SourceId {
            "counting".parse().unwrap()
        }
        fn every(&self) -> Millis {
            Millis(1)
        }
        fn stale_after(&self) -> Millis {
            Millis(1)
        }
        fn look(&mut self) -> Answer<'_, Result<Vec<Fact>, Fault>> {
            Box::pin(async {
                self.0 += 1;
                self.1.lock().unwrap().push(self.0);
                Ok(Vec::new())
            })
        }
        fn memory(&self) -> Option<String> {
            Some(self.0.to_string())
        }
        fn recall(&mut self, memory: &str) {
            self.0 = memory.parse().unwrap();
        }
    }

    #[tokio::test]
    async fn the_next_host_goes_on_where_the_one_before_was_and_a_damaged_file_is_none() {
        let folder = std::env::temp_dir().join(format!("cutover-memory-{}", std::process::id()));
        let _was_there = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let (journal, seen) = (folder.join("journal"), Arc::new(Mutex::new(Vec::new())));
        let host = || remembering(vec![Box::new(Counting(0, Arc::clone(&seen)))], &journal).remove(0);
        let mut first = host();
        first.look().await.unwrap();
        first.look().await.unwrap();
        while beside::read::<BTreeMap<SourceId, String>>(&note_of(&journal, ENDING), ALL_BYTES_MAX)
            .unwrap_or_default()
            .values()
            .all(|memory| memory != "2")
        {
            tokio::task::yield_now().await;
        }
        drop(first);
        host().look().await.unwrap();
        assert_eq!(*seen.lock().unwrap(), [1, 2, 3]);
        fs::write(note_of(&journal, ENDING), b"{\"counting\":").unwrap();
        host().look().await.unwrap();
        assert_eq!(seen.lock().unwrap().last(), Some(&1));
        forget(&journal);
        forget(&journal);
        fs::remove_dir_all(&folder).unwrap();
    }
}
