//! The signals that end a host and what watches over it. Once they are listened to, none of them ends the process by itself.

use color_eyre::eyre::{Result, WrapErr as _};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What the process is told by signals.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// Heard, so that it ends nothing.
    _hangup: Signal,
}

impl Signals {
    /// # Errors
    /// The kernel lets none be heard.
    pub(super) fn listen() -> Result<Signals> {
        Ok(Signals {
            terminate: heard(SignalKind::terminate())?,
            interrupt: heard(SignalKind::interrupt())?,
            _hangup: heard(SignalKind::hangup())?,
        })
    }

    /// Returns when the process is told to end.
    pub(super) async fn asked_to_end(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// # Errors
/// The kernel does not let it be heard.
pub(super) fn heard(kind: SignalKind) -> Result<Signal> {
    signal(kind).wrap_err("signals can't be heard")
}
