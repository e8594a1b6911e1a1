//! What the platforms say of the workloads, and what of it is news.
//!
//! A cluster in trouble changes its word several times a second: a pod crashes, waits, runs, crashes again. The first of such a series is
//! said at once; what follows is folded, and said with its sum at intervals that double while it goes on. A workload is well again when
//! nothing was wrong with it for a minute, not in the breath between two crashes.

use serde::{Deserialize, Serialize};

use crate::{
    core::{news::News, turn::Turn},
    domain::{
        fault::FaultKind,
        id::BackendId,
        platform::{Happening, Workload},
        shown::Shown,
        time::{Millis, Timestamp},
    },
};

/// Between the first and the second time that something is said.
const AGAIN_FIRST: Millis = Millis::from_mins(1);
const AGAIN_MOST: Millis = Millis::from_mins(32);
/// After so long without a restart the next one is the first of a new series.
const CALM: Millis = Millis::from_mins(10);
/// Without trouble for so long, a workload is well again.
const WELL: Millis = Millis::from_mins(1);
/// Kinds of events kept for each backend; of more the newest.
const HAPPENINGS_MAX: usize = 64;

/// What was said of a workload, so that it isn't said again and again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Announced {
    pub trouble: Option<Troubled>,
    pub restarts: Option<Restarted>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Troubled {
    /// What was said last.
    pub why: Shown,
    pub said_at: Timestamp,
    pub again: Millis,
    /// When the platform last spoke of any trouble.
    pub last_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restarted {
    /// How many there were when it was said last.
    pub count: u32,
    pub said_at: Timestamp,
    pub again: Millis,
    /// How many there are, and since when.
    pub seen: u32,
    pub last_at: Timestamp,
}

impl Announced {
    /// Every moment in it, for a clock that goes back.
    pub(super) fn moments(&mut self) -> impl Iterator<Item = &mut Timestamp> {
        let trouble = self.trouble.iter_mut().flat_map(|trouble| [&mut trouble.said_at, &mut trouble.last_at]);
        trouble.chain(self.restarts.iter_mut().flat_map(|restarts| [&mut restarts.said_at, &mut restarts.last_at]))
    }
}

pub(super) fn observed(turn: &mut Turn, id: &BackendId, seen: &Workload) {
    let now = turn.now;
    let Some(backend) = turn.state.backends.get_mut(id) else { return };
    let known = backend.workload.replace(seen.clone());
    backend.workload_at = Some(now);
    backend.ready_most = backend.ready_most.max(seen.scale.ready().unwrap_or(0));
    let mut news = Vec::new();
    news.extend(trouble(&mut backend.announced, id, seen, now));
    news.extend(restarts(&mut backend.announced, id, known.as_ref(), seen, now));
    if let Some(known) = &known {
        if known.version != seen.version && !seen.version.is_empty() {
            news.push(News::VersionChanged { backend: id.clone(), version: seen.version.clone() });
        }
        news.extend(parts(id, known, seen));
    } else {
        news.extend(parts(id, &Workload::default(), seen));
    }
    for news in news {
        turn.tell(news);
    }
}

/// Twice what it was, within bounds.
fn longer(again: Millis) -> Millis {
    Millis(again.0.saturating_mul(2)).min(AGAIN_MOST)
}

fn trouble(announced: &mut Announced, id: &BackendId, seen: &Workload, now: Timestamp) -> Option<News> {
    let (backend, scale) = (id.clone(), seen.scale);
    match (&seen.trouble, &mut announced.trouble) {
        (Some(why), None) => {
            announced.trouble = Some(Troubled { why: why.clone(), said_at: now, again: AGAIN_FIRST, last_at: now });
            Some(News::WorkloadTroubled { backend, why: why.clone(), scale })
        }
        (Some(why), Some(known)) => {
            known.last_at = now;
            if known.why == *why || now.since(known.said_at) < known.again {
                return None;
            }
            known.why = why.clone();
            (known.said_at, known.again) = (now, longer(known.again));
            Some(News::WorkloadTroubled { backend, why: why.clone(), scale })
        }
        (None, Some(known)) if now.since(known.last_at) >= WELL => {
            announced.trouble = None;
            Some(News::WorkloadWell { backend, scale })
        }
        (None, _) => None,
    }
}

fn restarts(announced: &mut Announced, id: &BackendId, known: Option<&Workload>, seen: &Workload, now: Timestamp) -> Option<News> {
    // What had restarted before the session looked is no news.
    let known = known?;
    let say = |more, over| Some(News::ContainersRestarted { backend: id.clone(), restarts: seen.restarts, more, over });
    let grown = seen.restarts > known.restarts;
    let Some(series) = announced.restarts.as_mut().filter(|series| !grown || now.since(series.last_at) < CALM) else {
        if !grown {
            return None;
        }
        announced.restarts = Some(Restarted { count: seen.restarts, said_at: now, again: AGAIN_FIRST, seen: seen.restarts, last_at: now });
        return say(seen.restarts - known.restarts, None);
    };
    if grown {
        series.last_at = now;
    }
    // Pods that are replaced take their restarts with them.
    series.count = series.count.min(seen.restarts);
    series.seen = seen.restarts;
    let (more, over) = (seen.restarts - series.count, now.since(series.said_at));
    if more == 0 || over < series.again {
        return None;
    }
    (series.count, series.said_at, series.again) = (seen.restarts, now, longer(series.again));
    say(more, Some(over))
}

/// A right that is missing stays so until somebody gives it; any other fault of a part passes, and the pane shows it.
fn parts(id: &BackendId, known: &Workload, seen: &Workload) -> Vec<News> {
    let is_lasting = |kind| matches!(kind, FaultKind::Forbidden | FaultKind::Denied | FaultKind::NotFound);
    let lasting = |workload: &Workload| workload.unread.iter().filter(|unread| is_lasting(unread.fault.kind)).cloned().collect::<Vec<_>>();
    let (before, now) = (lasting(known), lasting(seen));
    let lost = now.iter().filter(|unread| before.iter().all(|old| old.part != unread.part));
    let lost = lost.map(|unread| News::PartUnread { backend: id.clone(), part: unread.part.clone(), why: unread.fault.clone() });
    let found = before.iter().filter(|old| seen.unread.iter().all(|unread| old.part != unread.part));
    lost.chain(found.map(|old| News::PartRead { backend: id.clone(), part: old.part.clone() })).collect()
}

/// Events of one kind are one, with the newest of them.
pub(super) fn happened(turn: &mut Turn, id: &BackendId, happenings: &[Happening]) {
    let Some(backend) = turn.state.backends.get_mut(id) else { return };
    for happening in happenings {
        backend.happenings.retain(|known| !known.is_like(happening));
        backend.happenings.push_back(happening.clone());
    }
    let surplus = backend.happenings.len().saturating_sub(HAPPENINGS_MAX);
    backend.happenings.drain(..surplus);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::platform::Scale;

    fn at(second: i64) -> Timestamp {
        Timestamp(second * 1000)
    }

    fn gke() -> BackendId {
        "gke".parse().unwrap()
    }

    fn workload(restarts: u32, trouble: Option<&str>) -> Workload {
        let scale = Scale::Counted { ready: 5, desired: 6 };
        Workload { scale, restarts, trouble: trouble.map(Shown::from), ..Workload::default() }
    }

    #[test]
    fn a_crash_loop_is_said_at_once_and_then_folded() {
        let (mut announced, mut told, mut known) = (Announced::default(), Vec::new(), workload(3, None));
        // Four restarts a second for ten minutes.
        for tick in 1..=2400_u32 {
            let seen = workload(3 + tick, None);
            let now = Timestamp(i64::from(tick) * 250);
            if let Some(News::ContainersRestarted { more, over, .. }) = restarts(&mut announced, &gke(), Some(&known), &seen, now) {
                told.push((now.0 / 1000, more, over.map(|over| over.0 / 1000)));
            }
            known = seen;
        }
        assert_eq!(told, [(0, 1, None), (60, 240, Some(60)), (180, 480, Some(120)), (420, 960, Some(240))]);
        let after = workload(known.restarts + 1, None);
        assert!(restarts(&mut announced, &gke(), Some(&known), &after, at(600 + 601)).is_some(), "a new series begins");
    }

    #[test]
    fn pods_that_are_replaced_take_their_restarts_with_them() {
        let mut announced = Announced::default();
        assert!(restarts(&mut announced, &gke(), Some(&workload(0, None)), &workload(9, None), at(0)).is_some());
        assert_eq!(restarts(&mut announced, &gke(), Some(&workload(9, None)), &workload(2, None), at(90)), None);
        let again = restarts(&mut announced, &gke(), Some(&workload(2, None)), &workload(3, None), at(95));
        assert!(matches!(again, Some(News::ContainersRestarted { restarts: 3, more: 1, .. })), "{again:?}");
    }

    #[test]
    fn a_breath_between_two_crashes_is_not_well_again() {
        let mut announced = Announced::default();
        let mut told = Vec::new();
        for second in 0..300 {
            let why = if second < 200 && second % 10 < 7 {
                Some(["1 of 6 pods Error", "1 of 6 pods CrashLoopBackOff"][second as usize % 2])
            } else {
                None
            };
            told.extend(
                trouble(&mut announced, &gke(), &workload(0, why), at(second))
                    .map(|news| (second, matches!(news, News::WorkloadWell { .. }))),
            );
        }
        let (first, last) = (told[0], told[told.len() - 1]);
        assert_eq!((first, last), ((0, false), (256, true)));
        assert!(told.len() <= 4, "{told:?}");
    }
}
