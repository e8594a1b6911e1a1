//! Into the cockpit and back out: the bytes that change the terminal's modes, and the one way to undo them.

use std::{
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    termios::{self, OptionalActions, QueueSelector, Termios},
};

use super::MouseReports;

/// Alternate screen, cleared; no cursor; focus and paste reports.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[2J\x1b[?25l\x1b[?1004h\x1b[?2004h";
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1002h\x1b[?1006h";

/// Everything that we ever switch on, switched off, whether it was on or not: synchronised output, mouse, paste and focus reports,
/// styles; then the cursor and the screen from before. It begins with what cancels a half-written sequence.
pub const RESTORE: &[u8] = b"\x18\x1b[?2026l\x1b[?1006l\x1b[?1002l\x1b[?1000l\x1b[?2004l\x1b[?1004l\x1b[0m\x1b[?25h\x1b[?1049l";

/// How long a frame on its way may delay the restoration, and how long we wait for room to write it.
const PATIENCE: Duration = Duration::from_millis(200);

pub(super) fn enter(mouse: MouseReports) -> Vec<u8> {
    match mouse {
        MouseReports::On => [ENTER, MOUSE_ON].concat(),
        MouseReports::Off => ENTER.to_vec(),
    }
}

/// Whose the terminal is, as long as the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Whose {
    Ours,
    /// Put back while we stand still, for the shell that stopped us.
    Lent,
    /// Put back for good.
    Over,
}

/// What became of that which was typed while we stood still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Typed {
    Kept,
    Dropped,
}

/// Puts the terminal back, from any thread: once for good, and before that as often as somebody stops and continues the program. Clones
/// share one terminal.
#[derive(Debug, Clone)]
pub struct Restorer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    input: Arc<OwnedFd>,
    output: Arc<OwnedFd>,
    before: Termios,
    raw: Termios,
    /// A [`Whose`].
    whose: AtomicU8,
    /// A frame is being written.
    writing: AtomicBool,
}

impl Restorer {
    /// Makes the terminal raw; from now on it has to be put back.
    pub(super) fn take(input: Arc<OwnedFd>, output: Arc<OwnedFd>) -> rustix::io::Result<Restorer> {
        let before = termios::tcgetattr(&input)?;
        let mut raw = before.clone();
        raw.make_raw();
        termios::tcsetattr(&input, OptionalActions::Now, &raw)?;
        let shared = Shared { input, output, before, raw, whose: AtomicU8::new(Whose::Ours as u8), writing: AtomicBool::new(false) };
        Ok(Restorer { shared: Arc::new(shared) })
    }

    /// Puts back modes, cursor and screen for good. The second call does nothing. Minds no error: a terminal that is gone needs nothing.
    pub fn restore(&self) {
        if self.shared.whose.swap(Whose::Over as u8, Ordering::SeqCst) == Whose::Ours as u8 {
            self.put_back();
        }
    }

    /// Puts everything back until [`Restorer::take_again`].
    pub(super) fn lend(&self) {
        if self.change(Whose::Ours, Whose::Lent) {
            self.put_back();
        }
    }

    /// Makes the terminal raw again after somebody has continued us, whether it was lent or taken away without a word. What was typed
    /// meanwhile was typed for others and is dropped; where nobody else has had the terminal it was typed for us, and is kept, for it may be
    /// the way home. In the background the kernel stops us here until we are in front again.
    pub(super) fn take_again(&self) -> Typed {
        if self.shared.whose.load(Ordering::SeqCst) == Whose::Over as u8 {
            return Typed::Kept;
        }
        let still_raw = termios::tcgetattr(&self.shared.input).is_ok_and(|now| now.local_modes == self.shared.raw.local_modes);
        let typed = if still_raw && self.is_ours() { Typed::Kept } else { Typed::Dropped };
        // A terminal that takes no modes any more is found gone by its reader.
        let _ = termios::tcsetattr(&self.shared.input, OptionalActions::Now, &self.shared.raw);
        if typed == Typed::Dropped {
            let _ = termios::tcflush(&self.shared.input, QueueSelector::IFlush);
        }
        self.change(Whose::Lent, Whose::Ours);
        typed
    }

    /// Whether bytes may be written to it now.
    pub fn is_ours(&self) -> bool {
        self.shared.whose.load(Ordering::SeqCst) == Whose::Ours as u8
    }
    pub(super) fn is_lent(&self) -> bool {
        self.shared.whose.load(Ordering::SeqCst) == Whose::Lent as u8
    }

    fn change(&self, from: Whose, to: Whose) -> bool {
        self.shared.whose.compare_exchange(from as u8, to as u8, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    fn put_back(&self) {
        let end = Instant::now() + PATIENCE;
        while self.shared.writing.load(Ordering::SeqCst) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        if self.has_room() {
            let mut rest = RESTORE;
            while let Ok(written @ 1..) = rustix::io::write(&self.shared.output, rest) {
                rest = &rest[written..];
                if rest.is_empty() {
                    break;
                }
            }
        }
        // Not after draining: a stalled line would hold us for ever.
        let _ = termios::tcsetattr(&self.shared.input, OptionalActions::Now, &self.shared.before);
    }

    /// Chains a panic hook in front of the present one: first the terminal, then whatever reports.
    pub fn on_panic(&self) {
        let restorer = self.clone();
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restorer.restore();
            report(panic);
        }));
    }

    pub(super) fn begin_write(&self) -> bool {
        self.shared.writing.store(true, Ordering::SeqCst);
        self.is_ours()
    }
    pub(super) fn end_write(&self) {
        self.shared.writing.store(false, Ordering::SeqCst);
    }

    fn has_room(&self) -> bool {
        let mut fds = [PollFd::new(&self.shared.output, PollFlags::OUT)];
        let Ok(timeout) = Timespec::try_from(PATIENCE) else { return false };
        poll(&mut fds, Some(&timeout)).is_ok() && fds[0].revents().contains(PollFlags::OUT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_restoration_undoes_whatever_entering_does() {
        let entered = String::from_utf8(enter(MouseReports::On)).expect("ASCII");
        let restored = String::from_utf8(RESTORE.to_vec()).expect("ASCII");
        for mode in entered.split("\x1b[?").filter_map(|part| part.strip_suffix('h').or_else(|| part.split_once('h').map(|(mode, _)| mode)))
        {
            assert!(restored.contains(&format!("\x1b[?{mode}l")), "mode {mode} stays on");
        }
        assert!(restored.contains("\x1b[?25h"), "the cursor stays hidden");
    }
}
