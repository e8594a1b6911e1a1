//! What a host keeps beside its journal for whoever looks for it: who writes the journal, where the host listens, and that its session is the plan's open
//! one. A full disk takes none of it and somebody may clear it away, so it is looked after as long as the host has the journal, on a thread of its own:
//! nobody waits for a disk that does not answer.

use std::{
    io,
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    time::Duration,
};

use crate::{
    attach::sessions::Card,
    cli::{current, living, paths::Paths},
    journal::held::Noted,
};

/// Whether it still stands there is looked at this often.
const EVERY: Duration = Duration::from_secs(5);
/// Whoever ends waits so long for a note that is being written.
const ENDS_WITHIN: Duration = Duration::from_secs(2);

pub(super) struct Kept {
    /// The directory of the socket.
    pub folder: PathBuf,
    pub card: Card,
    pub noted: Noted,
    /// Where the session is noted as its plan's open one, if it can be taken up.
    pub open: Option<Paths>,
}

impl Kept {
    /// Writes what is not there as it was written.
    fn look_after(&self) -> io::Result<()> {
        // Whoever has the journal now writes his own.
        if !self.noted.is_held() {
            return Ok(());
        }
        let open = self.open.as_ref().map_or(Ok(()), |paths| current::remember(paths, &self.card.plan_path, &self.card.session));
        // Each is tried, whatever became of the others.
        let all = [self.noted.look_after(), living::note(&self.folder, &self.card), open];
        all.into_iter().collect()
    }
}

/// The notes of a host.
pub(super) struct Notes {
    moves: Sender<PathBuf>,
    over: Receiver<()>,
}

impl Notes {
    /// Writes them, and looks after them from now on.
    pub(super) fn begin(kept: Kept) -> Notes {
        let (moves, moved) = mpsc::channel();
        let (ends, over) = mpsc::channel();
        let told = tell_of(kept.look_after(), false);
        if let Err(error) = std::thread::Builder::new().name("notes".to_owned()).spawn(move || look_after(kept, &moved, told, &ends)) {
            tracing::warn!(%error, "nobody looks after what is noted beside the journal");
        }
        Notes { moves, over }
    }

    /// The host listens in another directory.
    pub(super) fn moved(&self, folder: &Path) {
        // Without the thread, that was told.
        self.moves.send(folder.to_owned()).ok();
    }

    /// Nothing is written any more once this is done, unless its disk does not answer.
    pub(super) fn end(self) {
        drop(self.moves);
        self.over.recv_timeout(ENDS_WITHIN).ok();
    }
}

/// Until the other end is dropped; so is `_ends` then.
fn look_after(mut kept: Kept, moved: &Receiver<PathBuf>, mut is_told: bool, _ends: &Sender<()>) {
    loop {
        match moved.recv_timeout(EVERY) {
            Ok(folder) => kept.folder = folder,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        is_told = tell_of(kept.look_after(), is_told);
    }
}

/// Says once in a row that they can't be written.
fn tell_of(written: io::Result<()>, is_told: bool) -> bool {
    match written {
        Ok(()) => false,
        Err(error) => {
            if !is_told {
                tracing::warn!(%error, "what whoever looks for this host needs can't be noted beside its journal; it is tried again");
            }
            true
        }
    }
}
