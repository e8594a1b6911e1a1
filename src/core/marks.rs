//! What charts mark on their time axis: moves, breaches, rollbacks and the like, remembered longer than the feed and apart from it.
//!
//! Re-arming takes a latch off and not the memory of why it was there. A breach lasts, so its mark has an end; one that comes and goes is
//! one mark with a count.

use serde::{Deserialize, Serialize};

use crate::{
    core::{
        news::News,
        state::State,
        topic::{Milestone, route_of},
    },
    domain::{
        id::{RouteId, Seq},
        time::{Millis, Timestamp},
    },
    plan::model::Plan,
};

/// Marks that are kept; with twenty moves a day that is a week.
pub const MARKS_MAX: usize = 160;
/// A breach that comes back within this long is the same one.
const SAME_BREACH: Millis = Millis::from_secs(120);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Of the entry that it stands for.
    pub seq: Seq,
    pub at: Timestamp,
    /// When a breach was over; `None` for what has no end, and while it lasts.
    pub until: Option<Timestamp>,
    /// How often a breach has come.
    pub times: u32,
    /// Whose charts it stands on; all of them without one.
    pub route: Option<RouteId>,
    pub kind: Milestone,
    pub news: News,
}

/// Remembers what of `news` is worth a mark.
pub(super) fn note(state: &mut State, plan: &Plan, seq: Seq, at: Timestamp, news: &News) {
    if let Some(lasting) = state.marks.iter_mut().rev().find(|mark| mark.until.is_none() && ends(news, &mark.news)) {
        lasting.until = Some(at);
        return;
    }
    let Some(kind) = news.milestone() else { return };
    if kind == Milestone::Breach
        && let Some(same) = state.marks.iter_mut().rev().find(|mark| news.repeats(&mark.news))
        && same.until.is_none_or(|until| at.since(until) <= SAME_BREACH)
    {
        same.times = same.times.saturating_add(1);
        same.until = None;
        return;
    }
    let mark = Mark { seq, at, until: None, times: 1, route: route_of(plan, news), kind, news: news.clone() };
    state.marks.push_back(mark);
    if state.marks.len() > MARKS_MAX {
        state.marks.pop_front();
    }
}

/// Whether `news` says that the breach of a mark is over. A rollback doesn't: the target may fail nobody and go on failing.
fn ends(news: &News, breach: &News) -> bool {
    let pair = matches!(
        (news, breach),
        (News::Cleared { .. }, News::Breached { .. })
            | (News::AnswersAtDoor { .. }, News::FailingAtDoor { .. })
            | (News::LikeHomeAgain { .. }, News::UnlikeHome { .. })
            | (News::ConnectionsKept { .. }, News::ConnectionsDropped { .. })
    );
    pair && news.about() == breach.about()
}
