//! Alarms that the core asked for, and the tick that it gets when nothing else has happened for a second.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use tokio::time::{Instant, sleep_until};

use crate::{core::event::Alarm, domain::time::Timestamp, session::clock::Clock};

/// Real time without any entry after which the core is told that time has passed.
const QUIET_MAX: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub struct Timers {
    clock: Clock,
    /// (due, order of arrival, alarm), earliest first.
    due: BinaryHeap<Reverse<(Timestamp, u64, AlarmSlot)>>,
    arrivals: u64,
    quiet_since: Instant,
}

/// Alarms are compared by due time and arrival only.
#[derive(Debug, Clone)]
struct AlarmSlot(Alarm);

impl PartialEq for AlarmSlot {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for AlarmSlot {}
impl PartialOrd for AlarmSlot {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for AlarmSlot {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl Timers {
    pub fn new(clock: Clock) -> Timers {
        Timers { clock, due: BinaryHeap::new(), arrivals: 0, quiet_since: Instant::now() }
    }
    pub fn wake(&mut self, at: Timestamp, alarm: Alarm) {
        self.arrivals += 1;
        self.due.push(Reverse((at, self.arrivals, AlarmSlot(alarm))));
    }
    /// Some entry happened: the next tick is a whole quiet second away.
    pub fn touch(&mut self) {
        self.quiet_since = Instant::now();
    }
    /// Waits for the next alarm or tick. Cancel-safe: an alarm leaves the heap only when it is returned.
    pub async fn next(&mut self) -> Alarm {
        let tick = self.quiet_since + QUIET_MAX;
        let alarm = self.due.peek().map(|Reverse((at, _, _))| Instant::now() + self.clock.until(*at));
        match alarm {
            Some(at) if at <= tick => {
                sleep_until(at).await;
                let Reverse((_, _, AlarmSlot(alarm))) = self.due.pop().expect("the alarm that was peeked at; nobody else pops");
                alarm
            }
            Some(_) | None => {
                sleep_until(tick).await;
                self.touch();
                Alarm::Tick
            }
        }
    }
}
