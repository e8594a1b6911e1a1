//! A trigger that can't say on which side of its limit it is, without being blind for it: what it lacks, and what that forbids.
//!
//! No data is not good data, so it is never told as quiet. It is asked of the functions that act: `blind` says what such a gap forbids
//! and when it is blindness.

use serde::{Deserialize, Serialize};

use crate::{
    core::{
        blind::{self, BLIND_ACTS_AFTER, BLIND_AFTER},
        decision::Refusal,
        evidence,
        outlook::Then,
        reason::Blindness,
        sight::Sight,
        standing,
        state::{Reading, State, TriggerState},
        trigger,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    pub requests: u64,
    pub needed: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Patience {
    /// It is no blindness for as long as it lasts: there can't be more requests, or it sees and can't tell yet.
    Excused,
    /// A window fills after a move, as it has to: if that goes on, it is blindness from then on.
    Fills { blind_at: Timestamp },
    /// It is blindness from then on, and at `acts_at` that leads to `then`, unless it sees before.
    Burns { blind_at: Timestamp, acts_at: Timestamp, then: Then },
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
    Unjudged {
        gap,
        armed_at: gap.and_then(|gap| blind::armed_at(sight.state, trigger, gap)),
        counted: gap.filter(|gap| lacks_requests(*gap)).and_then(|_| counted(sight, trigger)),
        patience: patience(sight, trigger, known),
        bars,
    }
}

fn patience(sight: &Sight, trigger: &Trigger, known: &TriggerState) -> Patience {
    let (Some(since), Some((route, stands))) = (known.blind_since, sight.route_of(trigger)) else { return Patience::Excused };
    let (gap, blind_at) = (known.reading.gap(), since + BLIND_AFTER);
    let spread = standing::step_spreads_until(stands).unwrap_or(sight.now);
    let until = gap.and_then(|gap| blind::arms_by(sight, trigger, gap)).unwrap_or(sight.now).max(spread);
    let fills = gap.is_some_and(|gap| blind::is_filling(sight, trigger, gap, since));
    if fills || until > blind_at {
        return Patience::Fills { blind_at: blind_at.max(until) };
    }
    Patience::Burns { blind_at, acts_at: since + BLIND_ACTS_AFTER, then: trigger::blind_consequence(sight, route, trigger) }
}

/// Whether it is for want of requests that nothing can be said.
pub(super) fn lacks_requests(gap: Gap) -> bool {
    gap == Gap::Undecided || gap.is_starved()
}

/// What the figure itself rests on, else what the source counts of the backend within the same window. What a plan declares rests on none.
pub(super) fn counted(sight: &Sight, trigger: &Trigger) -> Option<Counted> {
    if let Metric::Declared(_) = trigger.metric {
        return None;
    }
    let of = |metric| evidence::measured(sight.state, sight.now, &trigger.backend, metric).and_then(Result::ok);
    let sample = of(trigger.metric).or_else(|| of(Metric::RequestRate))?;
    Some(Counted { requests: sample.requests, needed: trigger.requests_min })
}
