//! Who was turned away, on its way into the record: counted by account and kind, and told of an account once a minute at most.
//!
//! A stranger can knock ten thousand times a second. The record shall say so, and he shall not be able to fill a disk with it: the first knock
//! is told at once, and what follows within the minute is a number in the next record. Of many accounts at once, those beyond the first few
//! are counted together.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::mpsc, time::Instant};

use crate::{
    attach::roster::{login_of, passwd},
    core::event::{AtTheDoor, Intrusion, TurnedAway},
    domain::id::OperatorId,
    door::Presence,
};

/// Of one account there is no more than one record in this time.
const TOLD_EVERY: Duration = Duration::from_secs(60);
/// Accounts that are counted each alone.
const ACCOUNTS_MAX: usize = 16;

/// What is still to be told.
#[derive(Debug)]
pub(super) struct Tally {
    presence: mpsc::Sender<Presence>,
    /// By account; those that are not counted alone are one.
    accounts: Mutex<BTreeMap<Option<u32>, Knocks>>,
}

#[derive(Debug)]
struct Knocks {
    tell_at: Instant,
    refused: BTreeMap<Intrusion, (u64, Option<OperatorId>)>,
}

/// Somebody of whom it may have to be told.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub tally: Arc<Tally>,
    pub uid: u32,
    pub who: OperatorId,
}

impl Visitor {
    pub(super) fn refused(&self, what: Intrusion) {
        self.tally.note(self.uid, what, Some(&self.who));
    }
}

impl Tally {
    pub(super) fn new(presence: mpsc::Sender<Presence>) -> Tally {
        Tally { presence, accounts: Mutex::default() }
    }

    pub(super) fn note(&self, uid: u32, what: Intrusion, who: Option<&OperatorId>) {
        let now = Instant::now();
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let alone = accounts.contains_key(&Some(uid)) || accounts.len() < ACCOUNTS_MAX;
        let account = if alone { Some(uid) } else { None };
        let knocks = accounts.entry(account).or_insert_with(|| Knocks { tell_at: now, refused: BTreeMap::new() });
        let (times, last) = knocks.refused.entry(what).or_default();
        *times = times.saturating_add(1);
        *last = who.cloned().or(last.take());
        if knocks.tell_at <= now {
            knocks.tell(account, now, &self.presence);
        }
    }

    /// Tells what is due, and forgets who has been quiet since.
    pub(super) fn tell_due(&self) {
        let now = Instant::now();
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.retain(|account, knocks| {
            if knocks.tell_at > now {
                return true;
            }
            let is_quiet = knocks.refused.is_empty();
            if !is_quiet {
                knocks.tell(*account, now, &self.presence);
            }
            !is_quiet
        });
    }

    /// Tells whatever is left, when the host ends.
    pub(super) fn tell_all(&self) {
        let now = Instant::now();
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.iter_mut().filter(|(_, knocks)| !knocks.refused.is_empty()).for_each(|(account, knocks)| {
            knocks.tell(*account, now, &self.presence);
        });
    }
}

impl Knocks {
    /// A session that is busy is told the next time.
    fn tell(&mut self, uid: Option<u32>, now: Instant, presence: &mpsc::Sender<Presence>) {
        let Ok(place) = presence.try_reserve() else { return };
        let at_the_door = |(what, (times, who)): (Intrusion, (u64, Option<OperatorId>))| AtTheDoor { what, times, who };
        let refused = std::mem::take(&mut self.refused).into_iter().map(at_the_door).collect();
        place.send(Presence::TurnedAway(TurnedAway { uid, login: uid.and_then(|uid| login_of(uid, &passwd())), refused }));
        self.tell_at = now + TOLD_EVERY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(presences: &mut mpsc::Receiver<Presence>) -> Vec<(Option<u32>, u64)> {
        let mut all = Vec::new();
        while let Ok(presence) = presences.try_recv() {
            let Presence::TurnedAway(turned) = presence else { panic!("{presence:?}") };
            all.push((turned.uid, turned.refused.iter().map(|one| one.times).sum()));
        }
        all
    }

    #[tokio::test(start_paused = true)]
    async fn a_storm_at_the_door_is_one_record_a_minute_and_no_knock_is_forgotten() {
        let (presence, mut presences) = mpsc::channel(256);
        let tally = Tally::new(presence);
        for _ in 0..10_000 {
            tally.note(4_000_001, Intrusion::Stranger, None);
        }
        assert_eq!(heard(&mut presences), [(Some(4_000_001), 1)], "the first is told at once");
        tokio::time::advance(TOLD_EVERY / 2).await;
        tally.tell_due();
        assert_eq!(heard(&mut presences), []);
        tokio::time::advance(TOLD_EVERY / 2).await;
        tally.tell_due();
        assert_eq!(heard(&mut presences), [(Some(4_000_001), 9_999)]);
        tokio::time::advance(TOLD_EVERY).await;
        tally.tell_due();
        assert_eq!(heard(&mut presences), [], "who is quiet is forgotten");
        assert!(tally.accounts.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_accounts_are_seventeen_records() {
        let (presence, mut presences) = mpsc::channel(256);
        let tally = Tally::new(presence);
        (0..10_000).for_each(|uid| tally.note(5_000_000 + uid, Intrusion::Stranger, None));
        tally.tell_all();
        let heard = heard(&mut presences);
        assert_eq!(heard.iter().map(|(_, times)| times).sum::<u64>(), 10_000);
        assert_eq!(heard.iter().filter(|(uid, _)| uid.is_some()).count(), ACCOUNTS_MAX);
        assert_eq!(heard.len(), ACCOUNTS_MAX + 2, "the first of the others, and the rest of them when it ends");
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_that_is_busy_is_told_later() {
        let (presence, mut presences) = mpsc::channel(1);
        let tally = Tally::new(presence);
        [1, 2].into_iter().for_each(|uid| tally.note(uid, Intrusion::Stranger, None));
        assert_eq!(heard(&mut presences), [(Some(1), 1)]);
        tally.tell_due();
        assert_eq!(heard(&mut presences), [(Some(2), 1)]);
    }
}
