//! Reading what lies on a disk that may not answer, for whoever can't wait for it.
//!
//! The limit is the disk's and not our own work's: how long reading and folding take depends on the machine and on what else it does, and says
//! nothing of the disk. So the kernel is asked what the thread that reads is doing: a disk that does not answer leaves it in one single wait.

use std::{fs, time::Duration};

use tokio::{
    sync::oneshot,
    time::{Instant, MissedTickBehavior, interval},
};

/// A disk that has not answered one question within this time is not waited for.
pub(super) const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What `work` gives, however long it takes; nothing where the disk that it reads does not answer.
pub(super) async fn read<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (tell, told) = oneshot::channel();
    let mut reading = tokio::task::spawn_blocking(move || {
        // Whoever waits has gone with the one who asked.
        tell.send(rustix::thread::gettid().as_raw_nonzero().get()).ok();
        work()
    });
    let thread = told.await.ok()?;
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut waits: Option<(Wait, Instant)> = None;
    loop {
        tokio::select! {
            biased;
            done = &mut reading => return done.ok(),
            _ = looks.tick() => {}
        }
        let status = fs::read_to_string(format!("/proc/self/task/{thread}/status")).unwrap_or_default();
        waits = Wait::of(&status).map(|wait| match waits {
            Some((known, since)) if known == wait => (wait, since),
            Some(_) | None => (wait, Instant::now()),
        });
        if waits.is_some_and(|(_, since)| since.elapsed() >= ANSWERS_WITHIN) {
            return None;
        }
    }
}

/// One wait of a thread, told from the next by how many came before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wait(u64);

impl Wait {
    /// The wait that a thread is in by its `status`; none where it runs, or would if it had a processor.
    fn of(status: &str) -> Option<Wait> {
        let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let waits = value("State:")?.starts_with(['S', 'D']);
        waits.then(|| value("voluntary_ctxt_switches:")?.parse().ok().map(Wait)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_waits_is_told_from_one_that_works() {
        let status = |state: &str, before: u64| format!("Name:\tcutover\nState:\t{state}\nvoluntary_ctxt_switches:\t{before}\n");
        assert_eq!(Wait::of(&status("D (disk sleep)", 3)), Some(Wait(3)));
        assert_eq!(Wait::of(&status("S (sleeping)", 4)), Some(Wait(4)));
        assert_eq!(Wait::of(&status("R (running)", 4)), None);
        assert_eq!(Wait::of(""), None);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_disk_that_does_not_answer_is_given_up_and_work_that_takes_long_is_not() {
        let work = || {
            let since = std::time::Instant::now();
            while since.elapsed() < ANSWERS_WITHIN + Duration::from_millis(300) {
                std::hint::spin_loop();
            }
            "read"
        };
        assert_eq!(read(work).await, Some("read"));
        // As of a disk that hangs, for as long as nobody writes.
        let (write, hangs) = std::sync::mpsc::channel::<()>();
        assert_eq!(read(move || hangs.recv()).await, None);
        drop(write);
    }
}
