//! Whether answers through a front door say who gave them: what bears nobody's mark may be anybody's, and is proven of nobody. Going back is
//! never refused for it; going on is, for nobody would see whom the next users meet.
//!
//! A load balancer's own error bears no mark anywhere, so only good answers tell. A backend outside the plan bears none of ours, and where one
//! has users that is said instead.

use crate::{
    core::{decision::Refusal, door::WINDOW, evidence, sight::Sight},
    domain::{answer::Answers, weight::PerMille},
    plan::model::Route,
};

/// Where some good answers say nobody's name, others do: one backend's entry alone can lack its mark, at one percent too. Two may be what was
/// still on its way while somebody mended the marks.
const SOME: u64 = 3;

pub(super) fn forbids(sight: &Sight, route: &Route) -> Option<Refusal> {
    unmarked(sight, route).map(|Unmarked { unmarked, answers }| Refusal::AnswersUnmarked { unmarked, answers })
}

/// Good answers of the newest minute that say nobody's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unmarked {
    pub unmarked: u64,
    /// All answers of that minute.
    pub answers: u64,
}

/// Nothing where answers say who gave them, where a stranger's share explains it, and where too few were met to tell.
pub(super) fn unmarked(sight: &Sight, route: &Route) -> Option<Unmarked> {
    let known = sight.route(route);
    let weights = known.accepted.iter().flat_map(|accepted| accepted.weights.iter());
    let has_strangers = weights.chain(known.fading.iter().map(|(id, share)| (id, *share)));
    if has_strangers.filter(|(id, share)| *share > PerMille::ZERO && route.backend(id).is_none()).count() > 0 {
        return None;
    }
    let door = &known.front_door;
    door.looks.back().filter(|newest| sight.now.since(newest.at) <= evidence::FRESH)?;
    let (mut unmarked, mut marked, mut answers) = (0_u64, 0_u64, 0_u64);
    for look in door.looks.iter().rev().take_while(|look| sight.now.since(look.at) <= WINDOW) {
        unmarked = unmarked.saturating_add(look.unmarked.count(|kind| door.accepts(route, kind)));
        marked = look.answers.values().map(Answers::total).fold(marked, u64::saturating_add);
        answers = answers.saturating_add(look.unmarked.total());
    }
    (unmarked >= SOME).then_some(Unmarked { unmarked, answers: answers.saturating_add(marked) })
}
