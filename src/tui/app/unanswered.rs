//! What was asked for and has no answer: shown while it waits, and told when its cockpit leaves.
//!
//! A question that reached the host's socket is taken in, whatever becomes of the cockpit; one whose line broke may have been or not. Both are
//! kept until they are answered, or until the host is back and the state tells.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, timeout};

use crate::{
    attach::client::{Approving, Connection, Link, Reply},
    core::{command::Command, state::State},
    domain::{
        id::AskId,
        time::{Millis, Timestamp},
    },
    tui::{
        app::{App, End, NOTICE},
        view::{ANSWER_DUE, Fate, Hearing, Unanswered},
    },
};

/// Whoever leaves right after a key waits this long for the answer, and for what he asked to be on its way.
const ANSWER_AT_END: Duration = Duration::from_secs(1);
const SENT_AT_END: Duration = Duration::from_millis(500);

/// What a cockpit leaves behind.
#[derive(Debug, Clone, PartialEq)]
pub struct Left {
    pub end: End,
    /// What nobody has confirmed.
    pub unanswered: Vec<Unanswered>,
    /// As it was last heard, and how the line was then.
    pub state: Arc<State>,
    pub connection: Connection,
}

impl App {
    pub(super) fn wait_for(&mut self, ask: AskId, key: &str, command: Command) {
        // The host is not asked before it is signed, and a signature may take a person's hand.
        if self.link.approving == Approving::Signed && matches!(command, Command::Approve { .. }) {
            return;
        }
        let at = Timestamp(jiff::Timestamp::now().as_millisecond());
        let asked = Unanswered { key: key.to_owned(), command, at, age: Millis(0), fate: Fate::Sent };
        self.unanswered.insert(ask, (Instant::now(), asked));
    }

    /// What became of a question.
    pub(super) fn note(&mut self, reply: &Reply) {
        match reply {
            Reply::Answered { ask, .. } | Reply::NotSent { ask, .. } => drop(self.unanswered.remove(ask)),
            Reply::Lost { ask, .. } => {
                if let Some((_, asked)) = self.unanswered.get_mut(ask) {
                    asked.fate = Fate::Lost;
                }
            }
        }
    }

    /// When the next question has waited too long to be left without a word.
    pub(super) fn unanswered_due(&self) -> Option<Instant> {
        let due = self.unanswered.values().map(|(since, _)| *since + Duration::from_millis(ANSWER_DUE.0));
        due.filter(|due| *due > Instant::now()).min()
    }

    pub(super) fn age_unanswered(&mut self) {
        let is_connected = self.view.hearing == Hearing::Connected;
        // With the host there, the state tells what became of a question whose answer was lost.
        self.unanswered.retain(|_, (since, asked)| !(is_connected && asked.fate == Fate::Lost && since.elapsed() > NOTICE));
        let home = self.unasked_home();
        let asked = self.unanswered.values().map(|(since, asked)| Unanswered { age: age(*since), ..asked.clone() });
        self.view.unanswered = asked.chain(home).collect();
    }

    /// The questions whose line broke, once the host is back: the state tells from here on.
    pub(super) fn take_lost(&mut self) -> Vec<Unanswered> {
        let lost = self.unanswered.extract_if(.., |_, (_, asked)| asked.fate == Fate::Lost);
        lost.map(|(_, (since, asked))| Unanswered { age: age(since), ..asked }).collect()
    }

    /// Leaves: what was asked is let out, and what comes back at once is heard.
    pub(super) async fn leave(mut self, end: End) -> Left {
        let deadline = Instant::now() + ANSWER_AT_END;
        while self.unanswered.values().any(|(_, asked)| asked.fate == Fate::Sent) {
            let Ok(Some(reply)) = tokio::time::timeout_at(deadline, self.link.replies.recv()).await else { break };
            self.note(&reply);
        }
        // A way home that the line has never taken is as open as one whose line broke.
        let kept = self.kept_home();
        let unanswered = self.unanswered.into_values().map(|(since, asked)| Unanswered { age: age(since), ..asked }).chain(kept).collect();
        let Link { view, asks, mut replies, .. } = self.link;
        let connection = view.borrow().connection.clone();
        let state = view.borrow().state.clone();
        // The line closes once everything has gone out.
        drop((asks, view));
        timeout(SENT_AT_END, async { while replies.recv().await.is_some() {} }).await.ok();
        Left { end, unanswered, state, connection }
    }
}

pub(super) fn age(since: Instant) -> Millis {
    Millis(u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX))
}
