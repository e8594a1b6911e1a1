//! Time as it is measured here: of the CPU for what computes, of the wall for what waits; and how a list of times is told.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// CPU time that this process has used, all threads together.
pub(crate) fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// CPU time that this thread has used.
pub(crate) fn own_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// CPU time that `work` takes, and what it gives.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let before = cpu();
    let made = work();
    (cpu() - before, made)
}

/// Wall time of one call.
pub(crate) fn waited(work: impl FnOnce()) -> Duration {
    let before = Instant::now();
    work();
    before.elapsed()
}

/// The least of several runs: what the work costs when nobody disturbs it.
pub(crate) fn least<T>(runs: usize, mut work: impl FnMut() -> T) -> Duration {
    (0..runs).map(|_| timed(&mut work).0).min().unwrap_or_default()
}

pub(crate) struct Spread {
    pub p50: Duration,
    pub p99: Duration,
}

pub(crate) fn spread(mut times: Vec<Duration>) -> Spread {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    Spread { p50: at(0.5), p99: at(0.99) }
}

pub(crate) fn row(what: &str, figure: String) {
    println!("  {what:<58} {figure}");
}

pub(crate) fn ms(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1000.0)
}
