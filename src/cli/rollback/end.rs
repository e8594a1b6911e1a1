//! What is said when everybody who was meant is home: what fails there all the same, and who was not meant.

use super::{SEE_STATUS, meant};
use crate::{
    attach::client::View,
    cli::print,
    core::{
        fails::home_fails,
        home::{home, is_home_now},
        outlook::{Attention, attention},
    },
    domain::id::RouteId,
    words::{Names, attention as attention_words, home_failing, home_now},
};

/// What to say where everybody is home and home fails them: that is no good end, and no rollback mends it.
pub(super) fn failing_home(view: &View, only: Option<&RouteId>) -> Option<String> {
    let (state, names) = (&view.state, Names::of(&view.state));
    let failing = meant(view, only).filter(|(_, route)| home_fails(state, route)).map(|(_, route)| home_failing(state, route, names));
    // Failures that no answer lays at anybody's door are met at home all the same.
    let is_nobodys = |found: &Attention| matches!(found, Attention::FailingForNobody { route, .. } if meant(view, only).any(|(_, known)| known.id == *route));
    let nobodys = attention(state).into_iter().filter(is_nobodys).map(|found| attention_words(&found, state.now, names));
    let failing: Vec<String> = failing.chain(nobodys).collect();
    (!failing.is_empty()).then(|| format!("everybody is home, and home fails them: {}; {SEE_STATUS}", failing.join("; ")))
}

/// Where the routes are that nobody asked for and that are not home.
pub(super) fn say_of_others(view: &View, only: Option<&RouteId>) {
    let others = meant(view, None).filter(|(_, route)| only.is_some_and(|only| route.id != *only));
    for (_, route) in others.filter(|(_, route)| !is_home_now(&view.state, route)) {
        let stands = home(&view.state, route);
        let words = home_now(&stands, &view.state, route, view.state.now);
        print::out(&format!("not asked for: {}: {words}\n", route.id));
    }
}
