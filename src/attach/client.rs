//! A cockpit's end of the line: the newest state, a way to ask, and the answers.
//!
//! The cockpit never sees frames or sockets. It draws from a watch channel in which the newest [`View`] wins, so a slow screen skips
//! states instead of queueing them, and it asks through a bounded channel. When the host goes away the last state stays, marked, and the
//! link comes back by itself with a new snapshot. It sends no command twice: what had no answer by then is reported as lost, and whoever asked
//! decides what follows.

use std::{sync::Arc, time::Instant};

use tokio::sync::{mpsc, watch};

use crate::{
    attach::{
        dial::Dial,
        frame::FrameError,
        line,
        protocol::{Hello, Refused, VERSION, Wants, Welcome},
    },
    core::{
        command::{Command, Look},
        decision::Verdict,
        event::TerminalSize,
        state::State,
    },
    domain::{head::Head, id::AskId, shown::Shown},
    door::OnRecord,
};

/// What a cockpit holds. Dropping it says goodbye to the host.
#[derive(Debug)]
pub struct Link {
    /// The newest view; never empty, because connecting waits for the first snapshot.
    pub view: watch::Receiver<Arc<View>>,
    pub asks: mpsc::Sender<ToHost>,
    pub replies: mpsc::Receiver<Reply>,
    pub approving: Approving,
}

/// How an approval of this person gets to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approving {
    /// Asked for like everything.
    Asked,
    /// It is signed first, and the host hears of it when that is done.
    Signed,
}

/// Everything that a cockpit knows of the session at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// The fold up to and including `state.seq`. Old, but kept, while the connection is anything else than `Connected`.
    pub state: Arc<State>,
    pub connection: Connection,
    /// As the host last greeted this client; after a reconnection the client number is another.
    pub me: Welcome,
    /// How often this client's own fold came to another decision than the host's and was replaced by a snapshot. Not zero is a defect.
    pub disagreements: u64,
    /// Where the journal ended when the host last said so; `None` until it did.
    pub head: Option<Head>,
}

/// Whether the host is still there, as far as its socket tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listens {
    /// It has not been asked since the line was lost, or what it says is no answer.
    NotKnown,
    /// Nobody listens there: the kernel keeps a host's socket open as long as its process lives.
    Nobody,
}

/// How the line to the host is. `since` is this process's own clock, for "4 s ago" on the screen.
#[derive(Debug, Clone, PartialEq)]
pub enum Connection {
    Connected,
    /// The socket is open, but the host has said nothing for longer than it ever should; what is shown is old.
    Silent {
        since: Instant,
    },
    /// The host is gone; trying again by itself.
    Reconnecting {
        since: Instant,
        attempts: u32,
        why: Shown,
        listens: Listens,
    },
    /// Over for good: the session ended, or this client is not welcome any more.
    Closed {
        why: Shown,
    },
}

/// What a cockpit may send. From a watcher's link, what has an effect is refused here already and never leaves the process.
#[derive(Debug, Clone, PartialEq)]
pub enum ToHost {
    /// `key` is what was pressed, for the journal.
    Ask {
        ask: AskId,
        key: Option<Shown>,
        command: Command,
    },
    Look {
        key: Option<Shown>,
        look: Look,
    },
    Resize(TerminalSize),
}

/// What became of a question.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    Answered {
        ask: AskId,
        verdict: Verdict,
        on_record: OnRecord,
    },
    /// It never left: nothing was asked of anybody.
    NotSent {
        ask: AskId,
        why: Shown,
    },
    /// The answer can't come any more (the line broke, or was too slow). It may have been taken or not: the state tells.
    Lost {
        ask: AskId,
        why: Shown,
    },
}

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("nobody answers for the session's host ({0}); whether it runs and its triggers watch is not known; `cutover sessions` tells")]
    Unreachable(std::io::Error),
    #[error("the host does not let you in: {}", .0.why)]
    Refused(Refused),
    #[error("{0}")]
    Broken(FrameError),
    #[error("you could not prove who you are: {0}; nothing was opened; check --person and --key, and that the agent holds the key")]
    NoProof(std::io::Error),
    #[error("the host sent no state; use the same version of cutover on both sides")]
    NoSnapshot,
}

/// Attaches and waits for the first state, at most 10 s. The link then lives until its `asks` is dropped.
///
/// # Errors
/// Nobody answers, or the host doesn't want this client.
pub async fn connect(dial: Dial, wants: Wants, terminal: Option<TerminalSize>) -> Result<Link, ConnectError> {
    let person = dial.signer().map(|signer| signer.person.clone());
    line::open(dial, Hello { version: VERSION, wants, terminal, person }).await
}

/// How it stood when the host was asked.
#[derive(Debug)]
pub struct Glance {
    pub me: Welcome,
    pub state: Box<State>,
    /// Where the journal ends; a host that closes at once has not said it.
    pub head: Option<Head>,
}

/// Asks for the state once, without being announced to anybody.
///
/// # Errors
/// As [`connect`].
pub async fn glance(dial: Dial) -> Result<Glance, ConnectError> {
    line::glance(dial, Hello { version: VERSION, wants: Wants::Glance, terminal: None, person: None }).await
}
