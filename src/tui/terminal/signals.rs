//! What the system tells a program with a terminal.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal that the cockpit acts upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// SIGWINCH: another size.
    Resized,
    /// SIGCONT: we stood still, and somebody may have drawn over us.
    Continued,
    /// SIGINT, SIGTERM or SIGHUP, by number: leave.
    Leave(i32),
}

#[derive(Debug)]
pub struct Signals {
    resized: Signal,
    continued: Signal,
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    /// From now on these signals are ours. Needs a tokio runtime.
    /// # Errors
    /// If the system refuses a handler.
    pub fn new() -> io::Result<Signals> {
        Ok(Signals {
            resized: signal(SignalKind::window_change())?,
            continued: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    pub async fn next(&mut self) -> Told {
        let number = |kind: SignalKind| kind.as_raw_value();
        tokio::select! {
            biased;
            _ = self.hang_up.recv() => Told::Leave(number(SignalKind::hangup())),
            _ = self.terminate.recv() => Told::Leave(number(SignalKind::terminate())),
            _ = self.interrupt.recv() => Told::Leave(number(SignalKind::interrupt())),
            _ = self.continued.recv() => Told::Continued,
            _ = self.resized.recv() => Told::Resized,
        }
    }
}
