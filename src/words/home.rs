//! Where a route's users are as far as home goes, in words: accepted and seen are two things, and the second is never said of the first.

use crate::{
    core::{
        assurance::unread_for,
        fails::fails,
        home::{Home, unread},
        outlook::{Unmarked, answers_unmarked},
        state::State,
    },
    domain::{fault::Fault, metric::Unit, time::Timestamp, weight::PerMille},
    plan::model::Route,
    words::{Names, failed, obstacle, share},
};

/// The same, with the age of what it rests on where that is too old to be so now.
pub fn home_now(stands: &Home, state: &State, route: &Route, now: Timestamp) -> String {
    let told = if *stands == Home::Unread { weights_never_read(state, route) } else { home(stands, state, route, now) };
    match state.routes.get(&route.id).and_then(|known| unread_for(known, now)) {
        Some(ago) if stands.is_reached() => format!("{told}; that was last read {ago} ago, and what the weights are now is not known"),
        Some(_) | None => told,
    }
}

/// What fails at home, where everybody is, and that only home itself can mend it.
pub fn home_failing(state: &State, route: &Route, names: Names) -> String {
    let at = names.backend(&route.home);
    let seen = fails(state, route, &route.home);
    let found = match (seen.at_door.filter(|met| met.failed > 0), seen.own) {
        (Some(met), _) => format!("{} of {} requests through the front door fail on {at}", met.failed, met.answers),
        (None, Some(own)) => format!("{at} counts {} errors", Unit::Fraction.show(own.value)),
        (None, None) => format!("{at} answers no direct request"),
    };
    format!("{found}, and a rollback cures nothing there; put it right")
}

/// How long it should take until a home that is accepted is seen; once that is over, how long ago it should have been.
pub fn due(due: Timestamp, now: Timestamp) -> String {
    if now < due { format!(", about {} more", due.since(now)) } else { format!(", expected {} ago", now.since(due)) }
}

/// The most that may still not be home; where requests exclude nothing yet, and nothing was given away, that is no figure.
pub(super) fn perhaps_elsewhere(at_most: PerMille) -> Option<String> {
    (at_most > PerMille::ZERO).then(|| format!("up to {at_most} may still meet something else"))
}

/// That weights were never read, and why.
pub(super) fn never_read(why: Option<&Fault>) -> String {
    why.map_or_else(|| "have not been read yet".to_owned(), |why| format!("can't be read ({why})"))
}

/// The same of `route`.
pub fn weights_never_read(state: &State, route: &Route) -> String {
    format!("the weights {}", never_read(unread(state, route).as_ref().map(|unread| &unread.why)))
}

/// Where the users of `route` are.
pub fn home(home: &Home, state: &State, route: &Route, now: Timestamp) -> String {
    let names = Names::of(state);
    let at = names.backend(&route.home);
    match home {
        Home::Unread => "the weights have not been read yet".to_owned(),
        Home::Away { given } => format!("{given} is given to others than {at}"),
        Home::Going { since, attempts, why } => {
            let failed = if *attempts > 0 { format!(", {}", failed(*attempts)) } else { String::new() };
            format!("going home for {}{failed}: {}", now.since(*since), obstacle(why, names))
        }
        Home::Accepted { elsewhere: seen, at_most, due: by, .. } => {
            let left = due(*by, now);
            match seen.map(|seen| seen.fraction) {
                Some(some) if some > 0.0 => format!("home accepted; {} of requests still meet others than {at}{left}", share(some)),
                Some(_) if *at_most > PerMille::ZERO => {
                    format!("home accepted; requests meet {at} alone, and can't exclude yet that {at_most} still meet others{left}")
                }
                Some(_) => format!("home accepted; requests meet {at}, too few yet to be sure{left}"),
                None => format!("home accepted; not seen by requests yet{left}"),
            }
        }
        Home::Unasked { since } => {
            format!("home accepted for {}; not seen: too few requests through the front door", now.since(*since))
        }
        Home::Seen { .. } => match answers_unmarked(state, route) {
            None => format!("home: accepted, and requests meet {at} alone"),
            Some(Unmarked { unmarked, answers }) => format!(
                "home: accepted, and the answers that say who gave them come from {at} alone; {unmarked} of {answers} say nobody's name"
            ),
        },
        Home::NotHome { since, attempts, why } => {
            let failed = if *attempts > 0 { format!(", {}, still trying", failed(*attempts)) } else { String::new() };
            format!("NOT HOME for {}{failed}: {}", now.since(*since), obstacle(why, names))
        }
    }
}
