//! A step that was not made, in words.

use crate::{
    core::{
        decision::Cause,
        lost::{Lost, Why},
        news::Fate,
    },
    domain::{fault::FaultKind, id::RouteId, time::Timestamp},
    words::{Names, cause, news::dropped},
};

/// Whose step it was, where it was to lead, and why it was not made.
pub fn move_lost(route: &RouteId, lost: &Lost, now: Timestamp, names: Names) -> String {
    let Lost { at, to, cause: asked, why } = lost;
    let to = to.as_ref().map_or_else(String::new, |to| format!(" to {}", names.split(route, to)));
    let whose = match asked {
        Some(Cause::Operator { who, .. }) => format!(" that {who} asked for"),
        Some(other) => format!(" ({})", cause(other, names)),
        None => String::new(),
    };
    let (route, ago, why) = (names.route(route), now.since(*at), because(why, names));
    format!("the move of {route}{to}{whose} was not made, {ago} ago: {why}; ask again if it is still wanted")
}

pub(super) fn because(why: &Why, names: Names) -> String {
    match why {
        Why::NotMoved(fault) if fault.kind == FaultKind::Conflict => "what holds the weights was changed since it was read".to_owned(),
        Why::NotMoved(fault) => fault.to_string(),
        Why::DidNotHappen(Fate::NotDone) => "nobody answered it, and it did not happen".to_owned(),
        Why::DidNotHappen(Fate::NotDoneOrOverwritten | Fate::MayBeDone) => {
            "nobody answered it, and it did not happen or was overwritten".to_owned()
        }
        Why::Dropped(why) => format!("while it waited, it {}", dropped(why, names)),
    }
}
