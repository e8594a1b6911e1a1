//! The only owner of the tty: raw mode, the alternate screen, mouse, focus and paste reports, and every byte of a frame.
//!
//! Whatever way the program ends, the terminal is put back by one byte-exact sequence that is written with plain `write` and that minds
//! no error, because a terminal that is gone must not keep us and a panic must not panic again. Frames leave through a thread of
//! their own with one in flight: a stalled line costs frames, never a key. Nothing else in the program writes to the terminal.
//!
//! Whoever stops the program gets the terminal as it was before; whoever continues it gets the whole picture back, also where it was
//! stopped in a way that leaves no time for anything.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use ratatui::buffer::Buffer;
use rustix::{process, termios};
use tokio::sync::mpsc::Sender;

use crate::tui::input::{Arrived, reader};

pub mod frame;
pub mod restore;
pub mod signals;
pub mod size;
mod writer;

pub use frame::Stats;
pub use restore::Restorer;
pub use size::Size;

/// Whether the terminal reports what the mouse does. Without reports its own selection works as usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MouseReports {
    On,
    Off,
}

#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    #[error("{0} is not a terminal; nothing was started; use `cutover status` or attach from a terminal")]
    NoTerminal(&'static str),
    #[error("the terminal could not be prepared: {0}; nothing was started and it is as it was")]
    Io(#[from] io::Error),
}

impl From<rustix::io::Errno> for TerminalError {
    fn from(errno: rustix::io::Errno) -> TerminalError {
        TerminalError::Io(errno.into())
    }
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawn {
    /// On its way, or nothing had changed.
    Sent,
    /// The one before is still on its way; draw again when [`Terminal::free`] says so.
    Busy,
    /// The terminal takes no bytes any more.
    Gone,
}

/// A terminal in the cockpit's hands. Dropping it puts the terminal back.
#[derive(Debug)]
pub struct Terminal {
    tty: Arc<OwnedFd>,
    restorer: Restorer,
    screen: frame::Screen,
    writer: writer::Writer,
    mouse: MouseReports,
    /// How often it was taken again; the reader looks whether it has changed.
    taken: Arc<AtomicU32>,
}

impl Terminal {
    /// Takes over standard input and output.
    /// # Errors
    /// [`TerminalError::NoTerminal`] if one of them is none; otherwise whatever the terminal answers.
    pub fn open(mouse: MouseReports) -> Result<Terminal, TerminalError> {
        let (input, output) = (io::stdin(), io::stdout());
        if !termios::isatty(&input) {
            return Err(TerminalError::NoTerminal("standard input"));
        }
        if !termios::isatty(&output) {
            return Err(TerminalError::NoTerminal("standard output"));
        }
        Self::over(input.as_fd().try_clone_to_owned()?, output.as_fd().try_clone_to_owned()?, mouse)
    }

    /// Takes over any terminal, for tests on a pseudo-terminal.
    /// # Errors
    /// Whatever the terminal answers.
    pub fn over(input: OwnedFd, output: OwnedFd, mouse: MouseReports) -> Result<Terminal, TerminalError> {
        // The library would drop bold and reverse together with colour when NO_COLOR is set; our themes decide that themselves.
        crossterm::style::force_color_output(true);
        let (input, output) = (Arc::new(input), Arc::new(output));
        let restorer = Restorer::take(Arc::clone(&input), Arc::clone(&output))?;
        let writer = writer::Writer::spawn(Arc::clone(&output), restorer.clone()).inspect_err(|_| restorer.restore())?;
        let (screen, taken) = (frame::Screen::default(), Arc::new(AtomicU32::new(0)));
        let mut terminal = Terminal { tty: input, restorer, screen, writer, mouse, taken };
        terminal.writer.send(restore::enter(mouse));
        Ok(terminal)
    }

    /// Starts reading; see [`reader::spawn`].
    /// # Errors
    /// If the thread can't be started.
    pub fn read(&self, inputs: Sender<Arrived>, leave: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let restorer = self.restorer.clone();
        reader::spawn(Arc::clone(&self.tty), Arc::clone(&self.taken), inputs, move || {
            restorer.restore();
            leave();
        })
    }

    /// Sends what differs between `next` and what is shown. Leaves `next` holding an older frame.
    pub fn draw(&mut self, next: &mut Buffer) -> Drawn {
        if self.restorer.is_lent() {
            // We stand still, or are about to; what is drawn now nobody sees, and the next frame is sent whole.
            return Drawn::Sent;
        }
        if !self.restorer.is_ours() || self.writer.is_gone() {
            return Drawn::Gone;
        }
        if self.writer.is_busy() {
            self.screen.stats.dropped += 1;
            return Drawn::Busy;
        }
        let bytes = self.screen.encode(next);
        if !bytes.is_empty() {
            self.writer.send(bytes);
        }
        Drawn::Sent
    }

    /// Puts `text` into the clipboard by OSC 52. A terminal that has none, or lets no program write it, ignores that.
    pub fn copy(&mut self, text: &str) {
        let mut bytes = Vec::new();
        if crossterm::queue!(bytes, crossterm::clipboard::CopyToClipboard::to_clipboard_from(text)).is_ok() && !self.writer.is_gone() {
            self.writer.send(bytes);
        }
    }

    /// Waits until a frame can be sent again.
    pub async fn free(&self) {
        self.writer.free().await;
    }

    /// Gives the terminal back and stands still, as whoever sent SIGTSTP wants it. Where nobody could ever continue us, because our
    /// process group is the one that its session began with, nothing happens, which is what the kernel does with that signal there.
    pub fn stop(&mut self) {
        if process::getsid(None).is_ok_and(|session| session == process::getpgrp()) {
            return;
        }
        self.restorer.lend();
        if process::kill_process(process::getpid(), process::Signal::STOP).is_err() {
            self.resume();
        }
    }

    /// Somebody has continued us: takes the terminal again, whatever its modes have become, and sends the next frame whole.
    pub fn resume(&mut self) {
        match self.restorer.take_again() {
            restore::Typed::Dropped => drop(self.taken.fetch_add(1, Ordering::SeqCst)),
            // What waits may be as old as the standstill.
            restore::Typed::Kept => {}
        }
        self.screen.forget();
        self.writer.send(restore::enter(self.mouse));
    }

    /// The next frame is sent whole: after a resize, or when somebody else wrote over the screen.
    pub fn forget(&mut self) {
        self.screen.forget();
    }

    pub fn size(&self) -> Size {
        size::of(&self.tty)
    }
    pub fn stats(&self) -> Stats {
        self.screen.stats
    }
    /// For panic hooks: puts the terminal back from anywhere.
    pub fn restorer(&self) -> Restorer {
        self.restorer.clone()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.restorer.restore();
    }
}
