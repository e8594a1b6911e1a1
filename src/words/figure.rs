//! The figure that is read first: where users are. What was given to somebody and what users get are two things while a change spreads, and
//! the second is what matters to them; the first stands beside it.

use crate::{
    core::{
        has::{Has, has, strangers},
        home::{Home, home},
        outlook,
        state::{RouteState, State},
    },
    domain::weight::PerMille,
    plan::model::Route,
    words::{Names, got, none_met, share, unseen},
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    pub share: String,
    /// What it is a share of, as the rest of a sentence.
    pub sentence: String,
    /// The same in three words, and what is given where that is another figure.
    pub label: String,
    pub given: Option<String>,
}

/// Where the users of `route` are. Whoever is outside the plan makes it the share that is away from home, and so does a way home that users
/// have not followed yet: of those the target's share would tell only a part.
pub fn figure(state: &State, route: &Route, known: &RouteState) -> Figure {
    let names = Names::of(state);
    let (target, at_home) = (names.backend(&route.target), names.backend(&route.home));
    let (of_target, of_home) = (has(state, &route.id, &route.target), has(state, &route.id, &route.home));
    let strange = !strangers(known, route).is_empty();
    let stands = home(state, route);
    let away = strange || matches!(stands, Home::Accepted { .. });
    let at_most = if let Home::Accepted { at_most, .. } = &stands { *at_most } else { PerMille::ALL };
    let given_away = of_home.given.map(|given| 1.0 - given.fraction());
    let title = &route.title;
    match (of_home.gets.filter(|_| away), of_target.given, of_target.gets) {
        (Some(at), ..) if !known.is_seen() || strange => Figure {
            share: if at.fraction < 1.0 { share(1.0 - at.fraction) } else { none_met(1.0 - at.low, at_most) },
            sentence: format!("of requests to {title} are not on {at_home}."),
            label: format!("not on {at_home}"),
            given: given_away.map(|given| format!("{} given away", share(given))),
        },
        (_, given, None) if of_target.or_given.is_some_and(|other| Some(other) > given) => Figure {
            share: of_target.or_given.map_or_else(|| "?".to_owned(), |other| other.to_string()),
            sentence: format!("of {title} may be given to {target}: a write has no outcome yet."),
            label: format!("may be on {target}"),
            given: given.map(|given| format!("{given} given for sure")),
        },
        (_, Some(given), Some(_)) if known.is_seen() => Figure {
            share: given.to_string(),
            sentence: if outlook::answers_unmarked(state, route).is_some() {
                format!("of {title} is on {target} by the answers that say who gave them; others say nobody's name.")
            } else {
                format!("of {title} is on {target}, and requests agree.")
            },
            label: format!("on {target}"),
            given: None,
        },
        (_, given, Some(gets)) => Figure {
            share: got(&of_target).unwrap_or_else(|| share(gets.fraction)),
            sentence: format!("of the requests to {title} reach {target} now."),
            label: format!("reach {target}"),
            given: given.map(|given| format!("{given} given")),
        },
        (_, Some(given), None) => Figure {
            share: given.to_string(),
            sentence: format!("of {title} is given to {target}; {}.", seen_by_requests(&of_target)),
            label: format!("given to {target}"),
            given: Some(unseen(&of_target)),
        },
        (_, None, None) => Figure {
            share: "?".to_owned(),
            sentence: "The weights have not been read yet.".to_owned(),
            label: "not read yet".to_owned(),
            given: None,
        },
    }
}

fn seen_by_requests(has: &Has) -> String {
    has.unseen_for.map_or_else(|| "not seen by requests yet".to_owned(), |span| format!("not seen by requests for {span}"))
}
