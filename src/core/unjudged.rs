//! A trigger that can't say on which side of its limit it is, without being blind for it: what it lacks, and what that forbids.
//!
//! No data is not good data, so it is never told as quiet. It is asked of the functions that act: `blind` says what such a gap forbids
//! and when it is blindness.

use crate::{
    core::{
        blind::{self, BLIND_AFTER},
        decision::Refusal,
        evidence,
        reason::Blindness,
        sight::Sight,
        standing,
        state::{Reading, State, TriggerState},
    },
    domain::{
        metric::{Gap, Metric},
        time::Timestamp,
    },
    plan::model::Trigger,
};

#[derive(Debug, Clone, PartialEq)]
pub struct Unjudged {
    /// Why; `None` where nothing was ever told.
    pub gap: Option<Gap>,
    /// What it has, where it lacks requests and how many there are is known.
    pub counted: Option<Counted>,
    pub patience: Patience,
    /// From when on it can judge, where all that it lacks is a window that fills: with the first look from then on.
    pub armed_at: Option<Timestamp>,
    /// Why it forbids an advance, if it does.
    pub bars: Option<Blindness>,
}

/// Requests within its window, and how many the plan wants for a judgment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    pub requests: u64,
    pub needed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// It is no blindness for as long as it lasts: there can't be more requests, or it sees and can't tell yet.
    Excused,
    /// It is blindness from then on.
    BlindAt(Timestamp),
}

/// What `trigger` lacks, if it has no reading.
pub(super) fn lacks(state: &State, trigger: &Trigger) -> Option<Unjudged> {
    let (sight, known) = (Sight::of(state)?, state.triggers.get(&trigger.id)?);
    match known.reading {
        Reading::None | Reading::Unknown { .. } => Some(unjudged(&sight, trigger, known)),
        Reading::Ok | Reading::Breach => None,
    }
}

/// The same for one whose reading is no reading and that is not blind.
pub(super) fn unjudged(sight: &Sight, trigger: &Trigger, known: &TriggerState) -> Unjudged {
    let gap = known.reading.gap();
    let forbids = blind::forbids(sight.state, sight.now, trigger, Some(gap));
    let bars = forbids.and_then(|refusal| if let Refusal::Blind { why, .. } = refusal { Some(why) } else { None });
    let spread = sight.route_of(trigger).and_then(|(_, stands)| standing::step_spreads_until(stands)).unwrap_or(sight.now);
    let arms_by = gap.and_then(|gap| blind::arms_by(sight, trigger, gap)).unwrap_or(sight.now);
    Unjudged {
        gap,
        armed_at: gap.and_then(|gap| blind::armed_at(sight.state, trigger, gap)),
        counted: gap.filter(|gap| lacks_requests(*gap)).and_then(|_| counted(sight, trigger)),
        patience: known.blind_since.map_or(Patience::Excused, |since| Patience::BlindAt((since + BLIND_AFTER).max(spread).max(arms_by))),
        bars,
    }
}

fn lacks_requests(gap: Gap) -> bool {
    gap == Gap::Undecided || blind::starved(gap)
}

/// What the figure itself rests on, else what the source counts of the backend within the same window.
pub(super) fn counted(sight: &Sight, trigger: &Trigger) -> Option<Counted> {
    let of = |metric| evidence::measured(sight.state, sight.now, &trigger.backend, metric).and_then(Result::ok);
    let sample = of(trigger.metric).or_else(|| of(Metric::RequestRate))?;
    Some(Counted { requests: sample.requests, needed: trigger.requests_min })
}
