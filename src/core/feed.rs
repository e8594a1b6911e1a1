//! The feed: the newest remarks, with repeats folded so that what happens again and again pushes nothing away.

use crate::{
    core::{
        news::News,
        state::{FEED_LINES_MAX, FeedLine, Repeats, State},
        topic::{Milestone, Topic},
    },
    domain::{id::OperatorId, time::Millis},
};

/// What comes back after this long is an episode of its own.
const SAME_EPISODE: Millis = Millis::from_mins(10);

/// Adds a remark, or moves the one that it repeats to the end with a count.
pub(super) fn add(state: &mut State, who: Option<&OperatorId>, news: &News) {
    let (seq, at) = (state.seq, state.now);
    let repeats = place(state, who, news).and_then(|place| state.feed.remove(place)).map(|earlier| {
        let before = earlier.repeats.unwrap_or(Repeats { since: earlier.at, times: 1 });
        Repeats { times: before.times.saturating_add(1), ..before }
    });
    state.feed.push_back(FeedLine { seq, at, who: who.cloned(), news: news.clone(), repeats });
    while state.feed.len() > FEED_LINES_MAX {
        state.feed.pop_front();
    }
}

/// The line that `news` repeats. What a move or a rollback may have caused or ended is not folded across it.
fn place(state: &State, who: Option<&OperatorId>, news: &News) -> Option<usize> {
    let across = matches!(news.about().0, Topic::Source | Topic::Workload);
    let lines = state.feed.iter().enumerate().rev();
    let lines = lines.take_while(|(_, line)| state.now.since(line.at) <= SAME_EPISODE);
    let mut lines = lines.take_while(|(_, line)| across || matches!(line.news.milestone(), None | Some(Milestone::Breach)));
    lines.find(|(_, line)| line.who.as_ref() == who && news.repeats(&line.news)).map(|(place, _)| place)
}
