//! A write that is sent again while nobody answers it.
//!
//! A reply can be lost, and a connection can swallow what it is given. The caller makes sure that a second copy can do nothing that the
//! first has not done: both carry the same request id, or the version that both name has moved on when the second arrives. So a copy
//! costs nothing, and waiting for the end of a deadline can cost minutes of errors. Each copy goes on a fresh connection.

use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::time::Instant;

use super::{
    client::{Ask, Client, Reply},
    failure::{Failure, Progress},
};
use crate::domain::{
    fault::{Attempt, FaultKind},
    time::Millis,
};

/// How long an answer may take before the next copy leaves.
const NEXT_AFTER: Duration = Duration::from_secs(2);

/// What came of a write that was sent once or more.
#[derive(Debug)]
pub struct Sent {
    /// The first answer that says something of all copies: a whole 2xx, or why there is none.
    pub answer: Result<Reply, Failure>,
    /// When the copies left.
    pub attempts: Vec<Attempt>,
}

impl Sent {
    /// Whether another copy than the one that was answered may have been done.
    pub fn is_alone(&self) -> bool {
        self.attempts.len() <= 1
    }
}

impl Client {
    /// Sends `ask`, and again every two seconds for as long as a copy is unanswered, until the deadline of the first.
    pub async fn send_hedged(&self, ask: impl Fn() -> Ask) -> Sent {
        let started = Instant::now();
        let deadline = ask().deadline();
        let mut under_way = FuturesUnordered::new();
        let mut attempts = Vec::new();
        loop {
            let elapsed = started.elapsed();
            let left = deadline.saturating_sub(elapsed);
            if !attempts.is_empty() {
                self.retire_kept();
                tracing::warn!(copy = attempts.len() + 1, ?elapsed, "a write is not answered, it is sent again on a fresh connection");
            }
            attempts.push(Attempt { after: millis(elapsed), within: millis(left) });
            under_way.push(self.send(ask().within(left)));
            let next = tokio::time::sleep(NEXT_AFTER.min(left));
            tokio::pin!(next);
            loop {
                tokio::select! {
                    () = &mut next => break,
                    Some(ended) = under_way.next() => match ended {
                        Ok(reply) => return Sent { answer: Ok(reply), attempts },
                        Err(failure) if says_nothing(&failure, attempts.len()) && !under_way.is_empty() => {}
                        // What broke is repeated at once; a peer that breaks each connection is not hammered.
                        Err(failure) if failure.fault.kind == FaultKind::Broken && attempts.len() == 1 => break,
                        Err(failure) => return Sent { answer: Err(failure), attempts },
                    },
                }
            }
            if started.elapsed() >= deadline {
                let late = format!("{} gave no whole answer within {}s", ask().about(), deadline.as_secs());
                return Sent { answer: Err(Failure::new(Progress::Open, FaultKind::TimedOut, late)), attempts };
            }
        }
    }
}

/// Whether a failure leaves open what became of the other copies, so that one of their answers may tell more.
fn says_nothing(failure: &Failure, copies: usize) -> bool {
    match failure.progress {
        Progress::Open | Progress::NeverSent => copies > 1,
        Progress::TurnedDown => false,
    }
}

fn millis(span: Duration) -> Millis {
    Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}
