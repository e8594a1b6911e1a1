//! What a newer state says of what this person was told: a message that it contradicts goes, and a write of hers that was refused is said.

use crate::{
    core::{
        decision::{Cause, Refusal},
        fails::stranded,
        home::home,
        news::{News, Tone},
        outlook::{Outlook, is_adoptable, outlook},
        reason::Mover,
        state::State,
        topic::Told,
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
        Refusal::Drifted { .. } if route.is_some_and(|route| is_adoptable(state, route)) => (Action::AdoptDrift, "adopts"),
        // What has users outside the plan could not be adopted.
        Refusal::Drifted { .. } => (Action::Rollback, "rolls back"),
        Refusal::SteeredElsewhere { .. } | Refusal::ClaimLost => (Action::TakeOver, "takes over"),
        Refusal::LinesOpen { .. } => (Action::Sign, "signs a line"),
        Refusal::FailingAtDoor { .. } | Refusal::NotReady { .. } if route.is_some_and(|route| stranded(state, route).is_some()) => {
            (Action::CopyAwayByHand, "copies the way out by hand")
        }
        // Nobody is sent there any more who could clear it.
        Refusal::Breached { trigger } if matches!(outlook(state, trigger), Some(Outlook::Idle)) => (Action::Rearm, "re-arms"),
        // Where everybody is home, going there helps nobody.
        Refusal::Breached { .. }
        | Refusal::FailingAtDoor { .. }
        | Refusal::AnswersUnmarked { .. }
        | Refusal::UnlikeHome { .. }
        | Refusal::Blind { .. }
            if route.is_some_and(|route| home(state, route).is_reached()) =>
        {
            return String::new();
        }
        Refusal::Breached { .. }
        | Refusal::FailingAtDoor { .. }
        | Refusal::AnswersUnmarked { .. }
        | Refusal::UnlikeHome { .. }
        | Refusal::Blind { .. }
        | Refusal::NeedsHuman { .. }
        | Refusal::Contended
        | Refusal::RecordBroken { .. }
        | Refusal::RecordHangs { .. }
        | Refusal::Hindered { .. }
        | Refusal::RequestsDisagree { .. } => (Action::Rollback, "rolls back"),
        Refusal::NotMetAnyMore { .. } => (Action::Rearm, "re-arms"),
        Refusal::NotSignable
        | Refusal::Step(_)
        | Refusal::Role { .. }
        | Refusal::FirstStep { .. }
        | Refusal::Moved { .. }
        | Refusal::NotKnown
        | Refusal::StandsThere
        | Refusal::NoChange
        | Refusal::Empty
        | Refusal::NotReady { .. }
        // Going home helps no write.
        | Refusal::Writers { .. }
        | Refusal::Unresolved
        | Refusal::RollingBack
        | Refusal::Stranger
        | Refusal::Missing(_)
        | Refusal::ReasonMissing
        | Refusal::NotLatched
        | Refusal::NotHeld
        | Refusal::OwnRequest
        | Refusal::Barred { .. }
        | Refusal::ApprovalVoid { .. }
        | Refusal::NotADemo
        | Refusal::Unsettled
        | Refusal::CannotSign { .. }
        | Refusal::RecordLow { .. }
        | Refusal::Unwatched { .. }
        | Refusal::NotOpen => return String::new(),
    };
    format!(" \u{b7} {} {does}", words::key(view, action))
}

impl App {
    /// Looks at what is new since `before`.
    pub(super) fn take_news(&mut self, before: &State) {
        let state = std::sync::Arc::clone(&self.state);
        let fresh = state.feed.iter().filter(|line| line.seq > before.seq).map(|line| &line.news);
        if let Some(Notice { holds: Holds::WhileOpen(digest), .. }) = &self.view.notice
            && state.seq > before.seq
            && before.approvals.contains_key(digest)
            && !state.approvals.contains_key(digest)
        {
            self.view.notice = None;
        }
        if let Some(Notice { holds: Holds::UntilNewsOf(about), .. }) = &self.view.notice
            && fresh.clone().any(|news| news.told().route() == Some(about))
        {
            self.view.notice = None;
        }
        for (route, news) in missed(fresh) {
            if self.asked_for(before, route) {
                self.say(Tone::Alarm, crate::words::news(news, Names::of(&state)), Holds::UntilNewsOf(route.clone()));
            }
        }
        self.hear_of_steps(before);
    }

    /// Whether the newest move of `route` was this person's.
    fn asked_for(&self, state: &State, route: &RouteId) -> bool {
        let by = state.routes.get(route).and_then(|known| known.moved_by.as_ref());
        let me = self.view.me.as_ref().map(|me| &me.who);
        match by {
            Some(Mover::Us(Cause::Operator { who, .. })) => Some(who) == me,
            Some(
                Mover::Us(_)
                | Mover::Adopted { .. }
                | Mover::OurLateWrite
                | Mover::Steerer { .. }
                | Mover::Unrecorded { .. }
                | Mover::Foreign { .. },
            )
            | None => false,
        }
    }
}

/// What `fresh` tells of moves that did not come about as they were asked for. An unknown outcome that is told together with what became of
/// it is none any more.
fn missed<'a>(fresh: impl Iterator<Item = &'a News> + Clone) -> impl Iterator<Item = (&'a RouteId, &'a News)> {
    let all = fresh.clone();
    fresh.enumerate().filter_map(move |(place, news)| {
        let (News::NotMoved { route, .. } | News::DidNotHappen { route, .. } | News::OutcomeUnknown { route, .. }) = news else {
            return None;
        };
        let later = || all.clone().skip(place + 1).any(|later| later.told() == Told::Outcome(route));
        let resolved = matches!(news, News::OutcomeUnknown { .. }) && later();
        (!resolved).then_some((route, news))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        fault::{Fault, FaultKind},
        time::Millis,
    };

    #[test]
    fn an_outcome_that_is_known_by_now_is_not_said_to_be_unknown() {
        let route: RouteId = "frontend".parse().unwrap();
        let to: crate::domain::weight::Weights = serde_json::from_value(serde_json::json!({"gke": 0, "run": 1000})).unwrap();
        let why = Fault::new(FaultKind::TimedOut, "no answer");
        let unknown = News::OutcomeUnknown { route: route.clone(), to: to.clone(), why: why.clone() };
        let happened = News::DidHappen { route: route.clone(), to: to.clone() };
        let not_moved = News::NotMoved { route: route.clone(), at: to, why };
        assert_eq!(missed([&unknown].into_iter()).collect::<Vec<_>>(), [(&route, &unknown)]);
        assert_eq!(missed([&unknown, &happened].into_iter()).count(), 0);
        assert_eq!(missed([&not_moved, &happened].into_iter()).collect::<Vec<_>>(), [(&route, &not_moved)]);
        // That a rollback began, or failed, tells nothing of what became of the write.
        let began = News::WayHomeFailed { route: route.clone(), why: Fault::new(FaultKind::Forbidden, "not allowed"), attempt: 1 };
        assert_eq!(missed([&unknown, &began].into_iter()).collect::<Vec<_>>(), [(&route, &unknown)]);
        let home = News::HomeAccepted { route: route.clone(), after: Millis(0) };
        assert_eq!(missed([&unknown, &began, &home].into_iter()).count(), 0);
    }

    #[test]
    fn what_the_route_does_next_ends_an_older_answer_about_it_and_what_is_measured_does_not() {
        let route: RouteId = "frontend".parse().unwrap();
        let ana = || "ana".parse().unwrap();
        let ends = [
            News::Held { route: route.clone(), by: ana() },
            News::Resumed { route: route.clone(), by: ana() },
            News::Rearmed { route: route.clone(), reason: "repaired".into() },
            News::HomeSeen { route: route.clone(), after: Millis(0) },
            News::AgreesAgain { route: route.clone() },
        ];
        for news in &ends {
            assert_eq!(news.told().route(), Some(&route), "{news:?}");
        }
        let stays = [News::WayHomeAssured { route: route.clone() }, News::WeightsReadAgain { route: route.clone() }, News::SessionOpened];
        for news in &stays {
            assert_eq!(news.told().route(), None, "{news:?}");
        }
    }
}
