//! A step that was asked for and not made: refused by the API, overtaken by somebody else's change, or dropped while it waited.
//!
//! Whoever asked for it is answered long before that is known, and everybody else has only seen it asked. So it is told to all, for as long as the route has
//! not gone on since, and not for ever: what nobody has taken up by then is the journal's.

use crate::{
    core::{
        decision::Cause,
        news::{Fate, News},
        reason::Drop,
        state::{FeedLine, State},
        topic::Told,
    },
    domain::{
        fault::Fault,
        id::RouteId,
        time::{Millis, Timestamp},
        weight::Weights,
    },
};

/// In people's time.
const TOLD_FOR: Millis = Millis::from_mins(10);

/// What became of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Lost {
    pub at: Timestamp,
    /// Where it was to lead, as far as that is still known.
    pub to: Option<Weights>,
    /// For what; unknown of one that waited.
    pub cause: Option<Cause>,
    pub why: Why,
}

/// Why it was not made.
#[derive(Debug, Clone, PartialEq)]
pub enum Why {
    /// The API's word, or our own before anything was sent.
    NotMoved(Fault),
    /// Nobody answered it, and it is not what is read since.
    DidNotHappen(Fate),
    Dropped(Drop),
}

/// The newest move of `route`, where it was lost and nothing has been told since of the route's course.
pub fn lost(state: &State, route: &RouteId) -> Option<Lost> {
    let world = state.opened.as_ref()?.world;
    let mut lines = state.feed.iter().rev().skip_while(|line| !is_of(&line.news, route));
    let newest = lines.next()?;
    let (at, why) = (newest.at, why(&newest.news)?);
    if state.now.since(at) >= world.of_people(TOLD_FOR) {
        return None;
    }
    let (to, cause) = match &why {
        // It was not begun.
        Why::Dropped(_) => (of_queued(&newest.news), None),
        Why::NotMoved(_) | Why::DidNotHappen(_) => asked(lines, route).unzip(),
    };
    Some(Lost { at, to, cause, why })
}

/// Whether it tells of where the route goes, or that it goes.
fn is_of(news: &News, route: &RouteId) -> bool {
    match news.told() {
        Told::Outcome(of) | Told::Course(of) => of == route,
        Told::Nothing => matches!(news, News::Moving { route: of, .. } | News::Queued { route: of, .. } if of == route),
    }
}

fn why(news: &News) -> Option<Why> {
    if let News::NotMoved { why, .. } = news {
        return Some(Why::NotMoved(why.clone()));
    }
    if let News::DidNotHappen { fate, .. } = news {
        return Some(Why::DidNotHappen(*fate));
    }
    let News::QueuedDropped { why, .. } = news else { return None };
    match why {
        // A person wanted it so, or a rollback goes before, and both are told by themselves.
        Drop::TakenBack | Drop::RollbackBegan | Drop::Held => None,
        Drop::ControlsPassed | Drop::HostRestarted | Drop::Refused(_) => Some(Why::Dropped(why.clone())),
    }
}

fn of_queued(news: &News) -> Option<Weights> {
    if let News::QueuedDropped { to, .. } = news { Some(to.clone()) } else { None }
}

/// The move that was begun before.
fn asked<'a>(lines: impl Iterator<Item = &'a FeedLine>, route: &RouteId) -> Option<(Weights, Cause)> {
    let begun =
        lines.filter_map(|line| if let News::Moving { route: of, to, cause, .. } = &line.news { Some((of, to, cause)) } else { None });
    begun.filter(|(of, ..)| *of == route).map(|(_, to, cause)| (to.clone(), cause.clone())).next()
}
