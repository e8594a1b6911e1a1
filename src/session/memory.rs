//! What sensors and drivers remember, kept beside the journal for the host that takes the session up: without it each window would fill anew
//! after a restart, and no trigger could judge meanwhile; and nobody could be brought home before the first look at an object.
//!
//! It is no part of the record: nothing is folded from it, and a host that finds none waits for its windows and its looks, as the first one did.
//! So nobody waits for its disk either. It is written by threads of its own; what comes too fast for that is not kept, or offered again.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    },
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    domain::{
        fact::Fact,
        fault::Fault,
        id::{RouteId, SourceId},
        time::Millis,
    },
    journal::beside::{self, note_of},
    port::{Answer, Driver, Sensor, Unattended},
};

/// What sensors remember.
const WINDOWS: &str = "windows";
/// The objects that drivers write to, as they were last seen.
const OBJECTS: &str = "objects";
/// A page with so many series is not remembered, and its window fills anew.
const ONE_BYTES_MAX: usize = 1024 * 1024;
const ALL_BYTES_MAX: u64 = 16 * 1024 * 1024;
const WAITING_MAX: usize = 16;

/// What is not on disk yet is written again after so long; nobody may bring anything newer for hours.
const AGAIN: Duration = Duration::from_secs(5);

/// The same sensors, each with what the one before it remembered; from now on what they remember is kept beside `journal`.
pub fn remembering(sensors: Vec<Box<dyn Sensor>>, journal: &Path) -> Vec<Box<dyn Sensor>> {
    let known: BTreeMap<SourceId, String> = left(journal, WINDOWS);
    let Some(keeper) = keeper(journal, WINDOWS, known.clone()) else { return sensors };
    let each = |mut sensor: Box<dyn Sensor>| -> Box<dyn Sensor> {
        if let Some(memory) = known.get(&sensor.source()) {
            sensor.recall(memory);
        }
        Box::new(Remembering { sensor, keeper: keeper.clone() })
    };
    sensors.into_iter().map(each).collect()
}

/// Has each driver go on with what the one before it has left; from now on what the next one needs is kept beside `journal`.
pub fn take_up(drivers: &BTreeMap<RouteId, Arc<dyn Driver>>, journal: &Path) {
    let known: BTreeMap<RouteId, String> = left(journal, OBJECTS);
    let Some(keeper) = keeper(journal, OBJECTS, known.clone()) else { return };
    for (route, driver) in drivers {
        let (of, keeper) = (route.clone(), keeper.clone());
        let keeps = move |memory: String| memory.len() > ONE_BYTES_MAX || keeper.try_send((of.clone(), memory)).is_ok();
        driver.take_up(known.get(route).map(String::as_str), Box::new(keeps));
    }
}

/// Of a session that is over nobody needs to go on, and one that begins goes on with nothing.
pub fn forget(journal: &Path) {
    for ending in [WINDOWS, OBJECTS] {
        // It may never have been there.
        let _gone = fs::remove_file(note_of(journal, ending));
    }
}

/// What a host before has left in the note that is called `ending`; nothing where that can't be read.
fn left<K: Ord + DeserializeOwned>(journal: &Path, ending: &str) -> BTreeMap<K, String> {
    let note = note_of(journal, ending);
    beside::read(&note, ALL_BYTES_MAX).unwrap_or_else(|| {
        let note = note.display();
        if fs::symlink_metadata(note_of(journal, ending)).is_ok() {
            tracing::warn!(%note, "what the host before has left can't be read and is ignored; looks tell it anew");
        }
        BTreeMap::new()
    })
}

/// Where to send what is to be kept in the note that is called `ending`, with what is known from before.
fn keeper<K: Ord + Serialize + Send + 'static>(
    journal: &Path,
    ending: &'static str,
    known: BTreeMap<K, String>,
) -> Option<SyncSender<(K, String)>> {
    let (note, (keeper, kept)) = (note_of(journal, ending), mpsc::sync_channel(WAITING_MAX));
    match std::thread::Builder::new().name(ending.to_owned()).spawn(move || keep(&note, known, &kept, AGAIN)) {
        Ok(_at_work) => Some(keeper),
        Err(error) => {
            tracing::warn!(%error, ending, "what a next host would go on with is not kept; it waits for its own looks");
            None
        }
    }
}

fn keep<K: Ord + Serialize>(note: &Path, mut known: BTreeMap<K, String>, kept: &Receiver<(K, String)>, again: Duration) {
    let (mut is_told, mut is_due) = (false, false);
    loop {
        let came = if is_due { kept.recv_timeout(again) } else { kept.recv().map_err(|_| RecvTimeoutError::Disconnected) };
        match came {
            Ok(first) => known.extend(std::iter::once(first).chain(kept.try_iter())),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let written = beside::keep(note, &known);
        is_due = written.is_err();
        if let Err(error) = written
            && !std::mem::replace(&mut is_told, true)
        {
            tracing::warn!(%error, note = %note.display(), "what a next host would go on with can't be kept; it is tried again");
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
    use std::sync::Mutex;

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
        while beside::read::<BTreeMap<SourceId, String>>(&note_of(&journal, WINDOWS), ALL_BYTES_MAX)
            .unwrap_or_default()
            .values()
            .all(|memory| memory != "2")
        {
            tokio::task::yield_now().await;
        }
        drop(first);
        host().look().await.unwrap();
        assert_eq!(*seen.lock().unwrap(), [1, 2, 3]);
        fs::write(note_of(&journal, WINDOWS), b"{\"counting\":").unwrap();
        host().look().await.unwrap();
        assert_eq!(seen.lock().unwrap().last(), Some(&1));
        forget(&journal);
        forget(&journal);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_a_full_disk_did_not_take_is_written_when_it_has_room_again() {
        let folder = std::env::temp_dir().join(format!("cutover-memory-full-{}", std::process::id()));
        let _was_there = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let (note, draft) = (folder.join("night.objects"), folder.join("night.objects-new"));
        // A disk without room refuses the draft; so does a folder in its place.
        fs::create_dir(&draft).unwrap();
        let (keeper, kept) = mpsc::sync_channel(WAITING_MAX);
        let at = note.clone();
        let keeps = std::thread::spawn(move || keep(&at, BTreeMap::new(), &kept, Duration::from_millis(1)));
        keeper.send(("frontend".to_owned(), "a map".to_owned())).unwrap();
        fs::remove_dir(&draft).unwrap();
        while beside::read::<BTreeMap<String, String>>(&note, ALL_BYTES_MAX).is_none() {
            std::thread::yield_now();
        }
        drop(keeper);
        keeps.join().unwrap();
        fs::remove_dir_all(&folder).unwrap();
    }
}
