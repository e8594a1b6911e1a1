//! The only owner of the tty: raw mode, the alternate screen, mouse, focus and paste reports, and every byte of a frame.
//!
//! Whatever way the program ends, the terminal is put back by one byte-exact sequence that is written with plain `write` and that minds
//! no error, because a terminal that is gone must not keep us and a panic must not panic again. Frames leave through a thread of
//! their own with one in flight: a stalled line costs frames, never a key. Nothing else in the program writes to the terminal.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};

use ratatui::buffer::Buffer;
use rustix::termios;
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
        let before = termios::tcgetattr(&input)?;
        let mut raw = before.clone();
        raw.make_raw();
        let (input, output) = (Arc::new(input), Arc::new(output));
        let restorer = Restorer::new(Arc::clone(&input), Arc::clone(&output), before);
        termios::tcsetattr(&input, termios::OptionalActions::Now, &raw)?;
        let writer = writer::Writer::spawn(Arc::clone(&output), restorer.clone())?;
        let mut terminal = Terminal { tty: input, restorer, screen: frame::Screen::default(), writer };
        terminal.writer.send(restore::enter(mouse));
        Ok(terminal)
    }

    /// Starts reading; see [`reader::spawn`].
    /// # Errors
    /// If the thread can't be started.
    pub fn read(&self, inputs: Sender<Arrived>, leave: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let restorer = self.restorer.clone();
        reader::spawn(Arc::clone(&self.tty), inputs, move || {
            restorer.restore();
            leave();
        })
    }

    /// Sends what differs between `next` and what is shown. Leaves `next` holding an older frame.
    pub fn draw(&mut self, next: &mut Buffer) -> Drawn {
        if self.restorer.is_restored() || self.writer.is_gone() {
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

    /// The next frame is sent whole: after a resize, a suspension, or when somebody else wrote over the screen.
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
