//! What a newer state says of what this person was told: a message that it contradicts goes, and a write of hers that was refused is said.

use crate::{
    core::{
        decision::{Cause, Refusal},
        fails::stranded,
        home::home,
        news::{News, Tone},
        reason::Mover,
        state::State,
    },
    domain::id::RouteId,
    tui::{
        app::App,
        keymap::Action,
        panes::words,
        view::{Holds, Notice, View},
    },
    words::Names,
};

/// The key that leads on from a refusal, as the end of a message; nothing where only waiting helps.
pub(super) fn way_on(refusal: &Refusal, state: &State, view: &View) -> String {
    let route = words::route(state, view.route);
    let (action, does) = match refusal {
        Refusal::NoControls { .. } | Refusal::ControlsHeld { .. } => (Action::Controls, "asks for the controls"),
        Refusal::ControlsFree => (Action::Controls, "takes the controls"),
        Refusal::Latched { .. } => (Action::Rearm, "re-arms"),
        Refusal::Held { .. } => (Action::Hold, "resumes"),
        Refusal::Drifted { .. } => (Action::AdoptDrift, "adopts"),
        Refusal::LinesOpen { .. } => (Action::Sign, "signs a line"),
        Refusal::FailingAtDoor { .. } | Refusal::NotReady { .. } if route.is_some_and(|route| stranded(state, route).is_some()) => {
            (Action::CopyAwayByHand, "copies the way out by hand")
        }
        // Where everybody is home, going there helps nobody.
        Refusal::Breached { .. } | Refusal::FailingAtDoor { .. } | Refusal::UnlikeHome { .. } | Refusal::Blind { .. }
            if route.is_some_and(|route| home(state, route).is_reached()) =>
        {
            return String::new();
        }
        Refusal::Breached { .. }
        | Refusal::FailingAtDoor { .. }
        | Refusal::UnlikeHome { .. }
        | Refusal::Blind { .. }
        | Refusal::NeedsHuman { .. }
        | Refusal::Contended
        | Refusal::Hindered { .. }
        | Refusal::RequestsDisagree { .. } => (Action::Rollback, "rolls back"),
        Refusal::NotSignable
        | Refusal::Role { .. }
        | Refusal::FirstStep { .. }
        | Refusal::Moved { .. }
        | Refusal::NotKnown
        | Refusal::StandsThere
        | Refusal::NoChange
        | Refusal::Empty
        | Refusal::NotReady { .. }
        | Refusal::Unresolved
        | Refusal::RollingBack
        | Refusal::Stranger
        | Refusal::Missing(_)
        | Refusal::ReasonMissing
        | Refusal::NotLatched
        | Refusal::NotHeld
        | Refusal::OwnRequest
        | Refusal::ApprovalVoid { .. }
        | Refusal::NotADemo
        | Refusal::Unsettled
        | Refusal::CannotSign { .. }
        | Refusal::NotOpen => return String::new(),
    };
    format!(" \u{b7} {} {does}", words::key(view, action))
}

impl App {
    /// Appearance at what is new since `before`.
    pub(super) fn take_news(&mut self, before: &State) {
        let state = std::sync::Arc::clone(&self.state);
        let fresh = state.feed.iter().filter(|line| line.seq > before.seq).map(|line| &line.news);
        for news in fresh.clone() {
            let Some(route) = told_of(news) else { continue };
            if matches!(&self.view.notice, Some(Notice { holds: Holds::UntilNewsOf(about), .. }) if about == route) {
                self.view.notice = None;
            }
        }
        if let Some(Notice { holds: Holds::WhileOpen(digest), .. }) = &self.view.notice
            && state.seq > before.seq
            && before.approvals.contains_key(digest)
            && !state.approvals.contains_key(digest)
        {
            self.view.notice = None;
        }
        for news in fresh {
            if let News::NotMoved { route, .. } | News::DidNotHappen { route, .. } | News::OutcomeUnknown { route, .. } = news
                && self.asked_for(before, route)
            {
                self.say(Tone::Alarm, crate::words::news(news, Names::of(&state)), Holds::UntilNewsOf(route.clone()));
            }
        }
    }

    /// Whether the newest move of `route` was this person's.
    fn asked_for(&self, state: &State, route: &RouteId) -> bool {
        let by = state.routes.get(route).and_then(|known| known.moved_by.as_ref());
        let me = self.view.me.as_ref().map(|me| &me.who);
        match by {
            Some(Mover::Us(Cause::Operator { who, .. })) => Some(who) == me,
            Some(Mover::Us(_) | Mover::Adopted { .. } | Mover::OurLateWrite | Mover::Foreign { .. }) | None => false,
        }
    }
}

/// The route whose course a piece of news tells, after which an older answer about it says nothing any more.
fn told_of(news: &News) -> Option<&RouteId> {
    let (News::Accepted { route, .. }
    | News::NotMoved { route, .. }
    | News::OutcomeUnknown { route, .. }
    | News::DidHappen { route, .. }
    | News::DidNotHappen { route, .. }
    | News::QueuedDropped { route, .. }
    | News::Settled { route, .. }
    | News::NeedsHuman { route, .. }
    | News::RollbackBegan { route, .. }
    | News::HomeAccepted { route, .. }
    | News::Drifted { route, .. }) = news
    else {
        return None;
    };
    Some(route)
}
