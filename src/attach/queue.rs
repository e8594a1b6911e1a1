//! The queue at a session's socket, taken from in handfuls: who storms it waits in the kernel's backlog, and costs the session little.
//!
//! Whoever comes is cheap to turn away and is not free, and a stranger can come as often as a processor lets him. So after some knocks in a short
//! time the queue is left alone for a few milliseconds after each handful. That bounds what a storm can take of the session's time, and holds
//! back a stranger who waits for his answer. A person who comes meanwhile waits as long at most where the backlog is not full, and behind a full
//! one for his turn in line (`dial`) and until it is emptied once. Who it is that comes is not asked here.

use std::{future::poll_fn, io, task::Poll, time::Duration};

use tokio::{
    net::{UnixListener, UnixStream},
    time::{Instant, sleep_until},
};

use crate::attach::pace::Bucket;

/// Connections that are taken at once.
const HANDFUL: usize = 64;
/// Knocks a second, after a burst of as many, that are no storm: more than all the terminals that have a place.
const KNOCKS_PER_SECOND: u32 = 256;
/// How long the queue is left alone in a storm. With the handful it says how fast a full backlog of 256 is emptied: in less than 50 ms.
const REST: Duration = Duration::from_millis(5);

/// Whoever waits to be let in.
#[derive(Debug)]
pub(super) struct Queue {
    listener: UnixListener,
    knocks: Bucket,
    rests_until: Option<Instant>,
}

impl Queue {
    pub(super) fn new(listener: UnixListener) -> Queue {
        Queue { listener, knocks: Bucket::new(KNOCKS_PER_SECOND, KNOCKS_PER_SECOND), rests_until: None }
    }

    /// From now on whoever comes to `listener`.
    pub(super) fn move_to(&mut self, listener: UnixListener) {
        self.listener = listener;
    }

    /// Those who came first, at least one. Nobody is lost when it is not waited for to its end.
    ///
    /// # Errors
    /// Nobody could be taken.
    pub(super) async fn handful(&mut self) -> io::Result<Vec<UnixStream>> {
        if let Some(until) = self.rests_until {
            sleep_until(until).await;
            self.rests_until = None;
        }
        let (first, _) = self.listener.accept().await?;
        let mut taken = vec![first];
        // Ready at once. What fails here fails again the next time, and is told then.
        poll_fn(|context| {
            while taken.len() < HANDFUL
                && let Poll::Ready(Ok((next, _))) = self.listener.poll_accept(context)
            {
                taken.push(next);
            }
            Poll::Ready(())
        })
        .await;
        let now = Instant::now();
        let in_pace = taken.iter().filter(|_| self.knocks.has_one(now)).count();
        if in_pace < taken.len() {
            self.rests_until = Some(now + REST);
        }
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many who came to a new queue, and stay.
    async fn visited(name: &str, visitors: usize) -> (Queue, Vec<UnixStream>) {
        let path = std::env::temp_dir().join(format!("cutover-queue-{name}-{}", std::process::id()));
        std::fs::remove_file(&path).ok();
        let queue = Queue::new(UnixListener::bind(&path).unwrap());
        let mut waiting = Vec::new();
        for _ in 0..visitors {
            waiting.push(UnixStream::connect(&path).await.unwrap());
        }
        std::fs::remove_file(&path).unwrap();
        (queue, waiting)
    }

    #[tokio::test(start_paused = true)]
    async fn everybody_is_taken_in_handfuls_and_a_storm_has_to_wait() {
        let visitors = 2 * KNOCKS_PER_SECOND as usize;
        let (mut queue, _waiting) = visited("storm", visitors).await;
        let start = Instant::now();
        let mut came = Vec::new();
        while came.iter().map(|(_, count)| count).sum::<usize>() < visitors {
            let handful = queue.handful().await.unwrap();
            assert!(handful.len() <= HANDFUL);
            came.push((start.elapsed(), handful.len()));
        }
        let at_once: usize = came.iter().filter(|(at, _)| at.is_zero()).map(|(_, count)| count).sum();
        assert!((KNOCKS_PER_SECOND as usize..=KNOCKS_PER_SECOND as usize + HANDFUL).contains(&at_once), "{came:?}");
        let apart = came.windows(2).skip_while(|two| two[1].0.is_zero()).all(|two| two[1].0 - two[0].0 >= REST);
        assert!(apart, "{came:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_second_ends_the_storm() {
        let (mut queue, _waiting) = visited("quiet", 2 * KNOCKS_PER_SECOND as usize).await;
        let mut taken = 0;
        while taken < KNOCKS_PER_SECOND as usize + HANDFUL {
            taken += queue.handful().await.unwrap().len();
        }
        assert!(queue.rests_until.is_some());
        tokio::time::advance(Duration::from_secs(1)).await;
        queue.handful().await.unwrap();
        assert_eq!(queue.rests_until, None);
    }
}
