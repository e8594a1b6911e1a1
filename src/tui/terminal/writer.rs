//! The thread that writes frames, so that a line that stalls never holds up a key.

use std::{
    io,
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use rustix::io::Errno;
use tokio::sync::Notify;

use super::Restorer;

/// Between two pieces the restoration gets its turn.
const PIECE_BYTES: usize = 4096;

#[derive(Debug)]
pub(super) struct Writer {
    frames: mpsc::Sender<Vec<u8>>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: AtomicUsize,
    gone: AtomicBool,
    free: Notify,
}

impl Writer {
    pub(super) fn spawn(tty: Arc<OwnedFd>, restorer: Restorer) -> io::Result<Writer> {
        let (frames, waiting) = mpsc::channel::<Vec<u8>>();
        let shared = Arc::new(Shared::default());
        let mine = Arc::clone(&shared);
        thread::Builder::new().name("terminal output".to_owned()).spawn(move || {
            for frame in waiting {
                match write(&tty, &restorer, &frame) {
                    // What is cut off because somebody stops us is drawn again when he continues us.
                    Ok(()) | Err(Stop::NotOurs) => {}
                    Err(Stop::Gone) => mine.gone.store(true, Ordering::SeqCst),
                }
                mine.waiting.fetch_sub(1, Ordering::SeqCst);
                mine.free.notify_one();
            }
        })?;
        Ok(Writer { frames, shared })
    }

    /// Hands over bytes. The caller asks [`Writer::is_busy`] first, so at most the entering sequence and one frame wait.
    pub(super) fn send(&mut self, bytes: Vec<u8>) {
        self.shared.waiting.fetch_add(1, Ordering::SeqCst);
        if self.frames.send(bytes).is_err() {
            self.shared.gone.store(true, Ordering::SeqCst);
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.shared.waiting.load(Ordering::SeqCst) > 0
    }
    pub(super) fn is_gone(&self) -> bool {
        self.shared.gone.load(Ordering::SeqCst)
    }
    pub(super) async fn free(&self) {
        while self.is_busy() && !self.is_gone() {
            self.shared.free.notified().await;
        }
    }
}

/// Why a frame was not written to its end.
enum Stop {
    /// The terminal was put back meanwhile.
    NotOurs,
    /// It takes no bytes any more.
    Gone,
}

fn write(tty: &OwnedFd, restorer: &Restorer, frame: &[u8]) -> Result<(), Stop> {
    for piece in frame.chunks(PIECE_BYTES) {
        let mut rest = piece;
        let ours = restorer.begin_write();
        while ours && !rest.is_empty() {
            match rustix::io::write(tty, rest) {
                Ok(0) => break,
                Ok(written) => rest = &rest[written..],
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => break,
            }
        }
        restorer.end_write();
        if !ours {
            return Err(Stop::NotOurs);
        }
        if !rest.is_empty() {
            return Err(Stop::Gone);
        }
    }
    Ok(())
}
