//! What the system tells a program with a terminal.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal that the cockpit acts upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalEvent {
    /// SIGWINCH: another size.
    Resized,
    /// SIGTSTP: somebody wants the terminal for a while.
    Stop,
    /// SIGCONT: we stood still, and whoever had the terminal meanwhile has left it as he likes it.
    Continued,
    /// SIGINT, SIGQUIT, SIGTERM or SIGHUP, by number: leave.
    Leave(i32),
}

#[derive(Debug)]
pub struct Signals {
    resized: Signal,
    stop: Signal,
    continued: Signal,
    interrupt: Signal,
    quit: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    /// From now on these signals are ours. Needs a tokio runtime.
    /// # Errors
    /// If the system refuses a handler.
    pub fn new() -> io::Result<Signals> {
        let by_number = |number: rustix::process::Signal| signal(SignalKind::from_raw(number.as_raw()));
        Ok(Signals {
            resized: signal(SignalKind::window_change())?,
            stop: by_number(rustix::process::Signal::TSTP)?,
            continued: by_number(rustix::process::Signal::CONT)?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits until one tells us to leave, before there is a screen that the others would matter to.
    pub async fn leave(&mut self) {
        loop {
            match self.next().await {
                SignalEvent::Leave(_) => return,
                SignalEvent::Resized | SignalEvent::Continued => {}
                // As it would be had nobody asked for it.
                SignalEvent::Stop => drop(rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP)),
            }
        }
    }

    pub async fn next(&mut self) -> SignalEvent {
        let number = |kind: SignalKind| kind.as_raw_value();
        tokio::select! {
            biased;
            _ = self.hang_up.recv() => SignalEvent::Leave(number(SignalKind::hangup())),
            _ = self.terminate.recv() => SignalEvent::Leave(number(SignalKind::terminate())),
            _ = self.interrupt.recv() => SignalEvent::Leave(number(SignalKind::interrupt())),
            _ = self.quit.recv() => SignalEvent::Leave(number(SignalKind::quit())),
            _ = self.stop.recv() => SignalEvent::Stop,
            _ = self.continued.recv() => SignalEvent::Continued,
            _ = self.resized.recv() => SignalEvent::Resized,
        }
    }
}
