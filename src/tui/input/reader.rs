//! The thread that reads the terminal and notices when it is gone.
//!
//! It waits for bytes and for the hang-up in one `poll`, looks once a second whether the terminal still answers, and never spins. When
//! the terminal is gone it says so; if nobody has acted on that within the grace, it ends the process by the way that it was given,
//! because a cockpit without a terminal holds controls that somebody else needs.

use std::{
    collections::BTreeMap,
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    termios,
};
use tokio::sync::mpsc::{Sender, error::TrySendError};

use super::{Arrived, Code, Held, Input, Key, parse::Parser};

/// Inputs that may wait for the cockpit; a later one is dropped, since whoever is that far behind draws nothing anyway. A chord is kept,
/// since it may be the way home.
pub const INPUTS_MAX: usize = 4096;
/// Between two looks at a silent terminal.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often a chord that found no room is offered again.
const OFFER_EVERY: Duration = Duration::from_millis(50);
/// After a hang-up, the cockpit has this long to leave by itself.
const GRACE: Duration = Duration::from_millis(1_500);
/// This much between two turns means that the process stood still: what is read then may have been typed at any time in between.
const STOOD_STILL: Duration = Duration::from_secs(2);

/// Reads `tty` until it is gone or nobody listens. `leave` is called when the terminal has been gone for the grace and the other end of
/// `inputs` is still held. `taken` changes when the terminal was taken again after a stop, and whatever was typed before then was dropped.
pub fn spawn(
    tty: impl AsFd + Send + 'static,
    taken: Arc<AtomicU32>,
    inputs: Sender<Arrived>,
    leave: impl FnOnce() + Send + 'static,
) -> std::io::Result<()> {
    let read = move || {
        listen(&tty, &taken, &inputs);
        // No room means that nobody listens; the grace below covers that.
        let _ = inputs.try_send(Arrived { at: Instant::now(), input: Input::Gone });
        let end = Instant::now() + GRACE;
        while Instant::now() < end {
            if inputs.is_closed() {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        leave();
    };
    thread::Builder::new().name("terminal input".to_owned()).spawn(read).map(drop)
}

/// Returns when the terminal is gone or nobody listens.
fn listen(tty: &impl AsFd, taken: &AtomicU32, inputs: &Sender<Arrived>) {
    let mut parser = Parser::default();
    let mut parsed = Vec::new();
    let mut buffer = vec![0u8; 16 * 1024];
    let mut last_turn = Instant::now();
    let mut known = taken.load(Ordering::SeqCst);
    let mut kept = BTreeMap::new();
    loop {
        let longest = if kept.is_empty() { LOOK_EVERY } else { OFFER_EVERY };
        let wait = parser.deadline().map_or(longest, |at| at.saturating_duration_since(Instant::now()).min(longest));
        let event = match look(tty, wait) {
            Ok(event) => event,
            Err(Errno::INTR) => continue,
            Err(_) => return,
        };
        let now = Instant::now();
        let found = taken.load(Ordering::SeqCst);
        if known != found {
            // We stood still, but what comes now is new.
            (known, last_turn) = (found, now);
        }
        let at = if now.duration_since(last_turn) > STOOD_STILL { last_turn } else { now };
        last_turn = now;
        if event.contains(PollFlags::IN) {
            match rustix::io::read(tty, &mut buffer) {
                Ok(0) => return,
                Ok(length) => parser.feed(&buffer[..length], now, &mut parsed),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => return,
            }
        } else if event.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) || termios::tcgetattr(tty).is_err() {
            return;
        }
        parser.tick(now, &mut parsed);
        offer(&mut kept, inputs);
        for input in parsed.drain(..) {
            if let Err(TrySendError::Full(Arrived { at, input: Input::Key(key) })) = inputs.try_send(Arrived { at, input })
                && is_chord(key)
            {
                kept.insert(key, at);
            }
        }
        if inputs.is_closed() {
            return;
        }
    }
}

/// What goes home is such a key, whatever key that is for this person; so only a handful can wait.
fn is_chord(key: Key) -> bool {
    matches!(key.code, Code::F(_)) || key.mods.ctrl == Held::Yes || key.mods.alt == Held::Yes
}

/// Sends what found no room before, as soon as there is some.
fn offer(kept: &mut BTreeMap<Key, Instant>, inputs: &Sender<Arrived>) {
    kept.retain(|key, at| inputs.try_send(Arrived { at: *at, input: Input::Key(*key) }).is_err());
}

fn look(tty: &impl AsFd, wait: Duration) -> Result<PollFlags, Errno> {
    let mut fds = [PollFd::new(tty, PollFlags::IN)];
    // Rounded up, or the last millisecond before a deadline would be spent spinning.
    let timeout = Timespec::try_from(wait + Duration::from_millis(1)).map_err(|_| Errno::INVAL)?;
    poll(&mut fds, Some(&timeout))?;
    Ok(fds[0].revents())
}
