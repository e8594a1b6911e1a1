//! Where connections get their snapshots: one serialisation serves everybody who was waiting for it.
//!
//! A connection may use any snapshot that was asked for after it had subscribed. So whoever finds one that was asked for after his own
//! arrival takes it; a crowd that joins at once costs the session two snapshots and not one each.

use tokio::sync::{Mutex, mpsc, oneshot};

use std::sync::atomic::{AtomicU64, Ordering};

use crate::door::Snapshot;

#[derive(Debug)]
pub struct SnapshotCache {
    session: mpsc::Sender<oneshot::Sender<Snapshot>>,
    /// Orders arrivals and askings; it counts nothing else.
    turns: AtomicU64,
    newest: Mutex<Option<Stamped>>,
}

#[derive(Debug)]
struct Stamped {
    asked_at: u64,
    snapshot: Snapshot,
}

impl SnapshotCache {
    pub fn new(session: mpsc::Sender<oneshot::Sender<Snapshot>>) -> SnapshotCache {
        SnapshotCache { session, turns: AtomicU64::new(0), newest: Mutex::new(None) }
    }

    /// A snapshot that is not older than this call; `None` when the session is gone. Subscribe to the transitions before calling.
    pub async fn snapshot(&self) -> Option<Snapshot> {
        let arrived_at = self.turns.fetch_add(1, Ordering::SeqCst);
        let mut newest = self.newest.lock().await;
        if let Some(stamped) = newest.as_ref()
            && stamped.asked_at > arrived_at
        {
            return Some(stamped.snapshot.clone());
        }
        let asked_at = self.turns.fetch_add(1, Ordering::SeqCst);
        let (reply, answer) = oneshot::channel();
        self.session.send(reply).await.ok()?;
        let snapshot = answer.await.ok()?;
        *newest = Some(Stamped { asked_at, snapshot: snapshot.clone() });
        Some(snapshot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Seq;

    #[tokio::test]
    async fn a_crowd_costs_two_snapshots_and_everybody_gets_one_that_is_new_enough() {
        let (session, mut asked) = mpsc::channel::<oneshot::Sender<Snapshot>>(8);
        let snapshots = SnapshotCache::new(session);
        let serving = tokio::spawn(async move {
            let mut count = 0;
            while let Some(reply) = asked.recv().await {
                count += 1;
                tokio::task::yield_now().await;
                reply.send(Snapshot { seq: Seq(count), json: "{}".into() }).ok();
            }
            count
        });
        let crowd = futures::future::join_all((0..64).map(|_| snapshots.snapshot())).await;
        assert!(crowd.iter().all(Option::is_some));
        let late = snapshots.snapshot().await.unwrap();
        assert!(crowd.into_iter().flatten().all(|early| early.seq < late.seq), "who comes later gets a newer one");
        drop(snapshots);
        assert_eq!(serving.await.unwrap(), 3);
    }
}
