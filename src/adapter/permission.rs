//! Whether we may write: by the API's word on our permissions, and by what it said to a write.
//!
//! Permissions seldom change, so they are asked for once in a while; what could not be told is as it was. A write that is refused is the
//! surest word of all. It is held against the next one until a write is done, or for as long as a person needs to give the permission. Where a
//! policy refused it, no permission would help, and that is said instead.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use reqwest::Url;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::http::{Ask, Client, Limits};
use crate::domain::{
    fault::{Fault, FaultKind, Outcome},
    hindrance::Hindrance,
    shown::Shown,
};

/// Between two questions.
const EVERY: Duration = Duration::from_secs(60);
/// Between two questions while the answer is no, or there was none.
const EVERY_IN_DOUBT: Duration = Duration::from_secs(15);
/// How long a refused write is held against the next one.
const REFUSED_FOR: Duration = Duration::from_secs(120);
/// A read of the weights may not wait long for this.
pub(super) const DEADLINE: Duration = Duration::from_secs(2);

/// What is known of one permission.
#[derive(Debug)]
pub(super) struct Permission {
    name: &'static str,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    again_at: Option<Instant>,
    lacking: bool,
    refused: Option<Refused>,
}

/// What was said to the newest write that was refused.
#[derive(Debug)]
struct Refused {
    at: Instant,
    why: Shown,
    by_policy: bool,
}

/// Body and answer of `:testIamPermissions`.
#[derive(Serialize, Deserialize)]
struct Permissions {
    #[serde(default)]
    permissions: Vec<String>,
}

impl Permission {
    pub(super) fn new(name: &'static str) -> Permission {
        Permission { name, known: Mutex::default() }
    }

    /// What stands against a write; `at` is where the API tells of permissions, if it does at all.
    pub(super) async fn look(&self, asked: Option<(&Client, Url)>) -> Option<Hindrance> {
        self.look_by(asked.map(|(client, at)| self.ask(client, at))).await
    }

    /// The same where an API has a question of its own; `asking` is not begun before it is due, and says whether the permission is lacking,
    /// or nothing where nobody tells.
    pub(super) async fn look_by(&self, asking: Option<impl Future<Output = Option<bool>>>) -> Option<Hindrance> {
        let now = Instant::now();
        let due = self.with(|known| known.again_at.is_none_or(|at| at <= now));
        if let Some(asking) = asking.filter(|_| due) {
            let lacking = asking.await;
            self.with(|known| {
                known.again_at = Some(now + if lacking == Some(false) { EVERY } else { EVERY_IN_DOUBT });
                known.lacking = lacking.unwrap_or(known.lacking);
            });
        }
        let hindrance = |why| Hindrance::Forbidden { permission: Shown::new(self.name), why };
        self.with(|known| {
            let refused = known.refused.as_ref().filter(|refused| now.duration_since(refused.at) < REFUSED_FOR);
            match refused {
                Some(Refused { why, by_policy: true, .. }) => Some(Hindrance::Denied { why: why.clone() }),
                Some(Refused { why, by_policy: false, .. }) => Some(hindrance(Some(why.clone()))),
                None => known.lacking.then(|| hindrance(None)),
            }
        })
    }

    /// What the end of a write says.
    pub(super) fn learn(&self, outcome: &Outcome) {
        let at = Instant::now();
        self.with(|known| match outcome {
            Outcome::Done(_) => known.refused = None,
            Outcome::NotDone(Fault { kind: kind @ (FaultKind::Forbidden | FaultKind::Denied), message, .. }) => {
                known.refused = Some(Refused { at, why: message.clone(), by_policy: *kind == FaultKind::Denied });
            }
            Outcome::NotDone(_) | Outcome::Unknown(_) => {}
        });
    }

    /// Whether it is lacking; `None` if nobody tells.
    async fn ask(&self, client: &Client, at: Url) -> Option<bool> {
        let body = Permissions { permissions: vec![self.name.to_owned()] };
        let held: Permissions = client.send(Ask::post(at, &body, Limits::READ.within(DEADLINE))).await.ok()?.json().ok()?;
        Some(!held.permissions.iter().any(|held| held == self.name))
    }

    fn with<R>(&self, work: impl FnOnce(&mut Known) -> R) -> R {
        work(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
