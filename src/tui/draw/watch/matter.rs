//! What matters at this moment, and the one sentence about it.

use ratatui::style::Style;

use crate::{
    core::state::{Motion, Reading, RouteState, State},
    domain::{
        id::{RouteId, TriggerId},
        time::Millis,
        weight::PerMille,
    },
    plan::model::{Route, Trigger, TriggerAction},
    tui::{draw::watch::parts, panes::words, theme::Theme, view::View},
    words::Names,
};

/// A rollback that has arrived is still what matters for so long, in real time.
const AFTER_ROLLBACK: Millis = Millis::from_secs(60);

/// What a follower is shown, by rising weight.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matter {
    Calm,
    Move(RouteId),
    Breach(TriggerId),
    Rollback(RouteId),
}

/// The weightiest of what goes on.
pub fn matter(state: &State, view: &View) -> Matter {
    let is_fresh =
        |latch: &crate::core::state::Latch| view.age(latch.at).as_secs_f64() < AFTER_ROLLBACK.as_secs_f64() * view.speed.max(1.0);
    let home = |known: &RouteState| known.motion.is_returning() || known.latch.as_ref().is_some_and(is_fresh);
    if let Some((route, _)) = state.routes.iter().find(|(_, known)| home(known)) {
        return Matter::Rollback(route.clone());
    }
    if let Some((trigger, _)) = next_to_fire(state) {
        return Matter::Breach(trigger.id.clone());
    }
    match state.routes.iter().find(|(_, known)| is_moving(known)) {
        Some((route, _)) => Matter::Move(route.clone()),
        None => Matter::Calm,
    }
}

fn is_moving(known: &RouteState) -> bool {
    match known.motion {
        Motion::Writing { .. } | Motion::Resolving { .. } | Motion::Returning(_) | Motion::Propagating { .. } => true,
        Motion::Unread | Motion::Settled | Motion::NeedsHuman { .. } => false,
    }
}

/// The trigger whose clock runs out first.
pub fn next_to_fire(state: &State) -> Option<(&Trigger, crate::domain::time::Timestamp)> {
    let triggers = &words::plan(state)?.triggers;
    let pending = triggers.iter().filter_map(|trigger| Some((trigger, state.triggers.get(&trigger.id)?.pending_since?)));
    pending.min_by_key(|(trigger, since)| *since + trigger.lasting)
}

/// One sentence with its sign.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    pub glyph: &'static str,
    pub text: String,
    pub style: Style,
}

/// What a calm face says about safety. All is well only where everything is known to be.
pub fn verdict(state: &State, view: &View, theme: &Theme) -> Verdict {
    let glyphs = &theme.glyphs;
    let say = |glyph, text: String, style| Verdict { glyph, text, style };
    if let Some((trigger, since)) = next_to_fire(state) {
        let then = match trigger.action {
            TriggerAction::Rollback => "traffic goes home by itself",
            TriggerAction::Hold => "the route is held by itself",
        };
        let left = (since + trigger.lasting).since(view.now);
        let what = format!("{} of {}", trigger.metric.name().replace('_', " "), parts::platform(state, trigger));
        return say(glyphs.breach, format!("The {what} is beyond its limit; {then} in {left} unless it clears."), theme.breach);
    }
    let routes = words::plan(state).map(|plan| plan.routes.as_slice()).unwrap_or_default();
    let troubled = routes.iter().find_map(|route| trouble(state, route, state.routes.get(&route.id)?, view, theme));
    if let Some(verdict) = troubled {
        return verdict;
    }
    let unknown = words::plan(state).into_iter().flat_map(|plan| &plan.triggers).find_map(|trigger| {
        let seen = state.triggers.get(&trigger.id)?;
        // A backend that takes no traffic has too few requests to be judged, and nothing to be guarded.
        let route = routes.iter().find(|route| route.id == trigger.route)?;
        let accepted = state.routes.get(&route.id).and_then(|known| known.accepted.as_ref());
        let takes = accepted.is_none_or(|accepted| accepted.weights.of(&trigger.backend) > PerMille::ZERO);
        if !takes && seen.blind_since.is_none() {
            return None;
        }
        match &seen.reading {
            Reading::Unknown { gap } => Some((trigger, crate::words::gap(*gap))),
            Reading::None => Some((trigger, "no sample yet".to_owned())),
            Reading::Ok | Reading::Breach => None,
        }
    });
    if let Some((trigger, why)) = unknown {
        let what = format!("{} of {}", trigger.metric.name().replace('_', " "), parts::platform(state, trigger));
        let text = format!("The {what} can't be judged ({why}). Nothing advances until it can; going back is still possible.");
        return say(glyphs.unknown, text, theme.unknown);
    }
    if let Some(open) = state.approvals.values().min_by_key(|open| open.at) {
        return say(glyphs.busy, format!("{} waits for a second person's approval of the next step.", open.by.who), theme.busy);
    }
    let away = routes.iter().filter_map(|route| Some((route, state.routes.get(&route.id)?)));
    let away = away.filter(|(route, known)| known.accepted.as_ref().is_some_and(|now| now.weights.of(&route.target) > PerMille::ZERO));
    let takes = away.map(|(_, known)| known.readiness.takes).max();
    let back = takes.map_or_else(|| "all traffic is at home".to_owned(), |takes| format!("going back would take {takes}"));
    say(glyphs.ok, format!("All is well: nothing is beyond its limit, and {back}."), theme.ok)
}

/// What stands in the way of a route, if anything does.
fn trouble(state: &State, route: &Route, known: &RouteState, view: &View, theme: &Theme) -> Option<Verdict> {
    let glyphs = &theme.glyphs;
    let say = |glyph, text: String, style| Some(Verdict { glyph, text, style });
    if let Motion::NeedsHuman { why, .. } = &known.motion {
        return say(glyphs.breach, format!("{} needs somebody: {}", route.title, crate::words::need(why)), theme.breach);
    }
    if let Some(drift) = &known.drift {
        let actor = crate::words::mover_name(&drift.by, Names::of(state));
        let (found, expected) = (drift.found.of(&route.target), drift.expected.of(&route.target));
        return say(glyphs.warn, format!("{actor} set {found} where {expected} was meant; the crew is deciding."), theme.warn);
    }
    if let Some(latch) = &known.latch {
        let text = format!(
            "Rolled back {}: {}. Nothing advances until somebody re-arms it.",
            words::age(view.age(latch.at)),
            words::cause(state, &latch.cause)
        );
        return say(glyphs.latch, text, theme.warn);
    }
    let against = known.readiness.against.first()?;
    let away = known.accepted.as_ref().is_some_and(|accepted| accepted.weights.of(&route.target) > PerMille::ZERO);
    if away {
        say(glyphs.breach, format!("Going back is not assured: {}.", crate::words::objection(against, Names::of(state))), theme.breach)
    } else {
        None
    }
}
