//! One turn of the fold: the state being changed, the plan it is bound to, and the decision that grows.
//!
//! Every rule of the core takes a [`Turn`] and nothing else, so no rule can have an effect that is not in the decision, and none can
//! know a time that is not the entry's. The plan is lent from outside the state, so that rules may read it while they change the state.

use crate::{
    core::{
        acts,
        decision::{Decision, Effect, IssuedEffect},
        event::{Event, WorldKind},
        feed, marks,
        news::News,
        sight::Sight,
        state::{InFlight, Opened, RouteState, State},
    },
    domain::{
        id::{EffectId, OperatorId, RouteId, Seq, SessionId},
        time::{Millis, Timestamp},
    },
    plan::model::{Plan, Route},
};

pub(super) struct Turn<'a> {
    pub plan: &'a Plan,
    pub world: WorldKind,
    pub session: &'a SessionId,
    pub state: &'a mut State,
    pub seq: Seq,
    /// The entry's own time; compared only with times that other clocks of the same host wrote.
    pub at: Timestamp,
    /// The session's time, which small steps back don't move.
    pub now: Timestamp,
    /// The session's time at the entry before.
    pub earlier: Timestamp,
    /// Who asked, while what he asked for is done; signs what is told of it.
    pub who: Option<OperatorId>,
    /// Of each piece of news, who signs it.
    signed: Vec<Option<OperatorId>>,
    decision: Decision,
}

impl<'a> Turn<'a> {
    pub(super) fn new(opened: &'a Opened, state: &'a mut State, at: Timestamp, earlier: Timestamp) -> Turn<'a> {
        let (seq, now) = (state.seq, state.now);
        let decision = Decision::default();
        Turn {
            plan: &opened.plan,
            world: opened.world,
            session: &opened.session,
            state,
            seq,
            at,
            now,
            earlier: earlier.min(now),
            who: None,
            signed: Vec::new(),
            decision,
        }
    }

    /// Lets an effect leave, and remembers it until its outcome.
    pub(super) fn send(&mut self, deal: Effect) -> EffectId {
        let index = u16::try_from(self.decision.effects.len()).unwrap_or(u16::MAX);
        let id = EffectId { seq: self.seq, index };
        let route = match &deal {
            Effect::Write { route, .. } | Effect::Claim { route, .. } | Effect::Read { route } => Some(route.clone()),
            Effect::Act { .. } | Effect::Wake { .. } | Effect::Inject { .. } => None,
        };
        if !matches!(deal, Effect::Wake { .. }) {
            self.state.in_flight.insert(id, InFlight { route, since: self.now, deal: deal.clone(), taken: None });
        }
        self.decision.effects.push(IssuedEffect { id, what: deal });
        id
    }

    /// Tells people something, in the feed and in the record.
    pub(super) fn tell(&mut self, news: News) {
        self.decision.news.push(news);
        self.signed.push(self.who.clone());
    }

    pub(super) fn decision_mut(&mut self) -> &mut Decision {
        &mut self.decision
    }

    /// The same without being able to change it.
    pub(super) fn sight(&self) -> Sight<'_> {
        Sight { plan: self.plan, state: self.state, now: self.now }
    }

    pub(super) fn route(&self, route: &Route) -> &RouteState {
        self.state.routes.get(&route.id).expect("each route of the plan has a state since the session opened")
    }
    pub(super) fn route_mut(&mut self, route: &Route) -> &mut RouteState {
        self.state.routes.get_mut(&route.id).expect("each route of the plan has a state since the session opened")
    }
    pub(super) fn planned(&self, id: &RouteId) -> Option<&'a Route> {
        self.plan.routes.iter().find(|route| route.id == *id)
    }

    /// Whether `span` after `since` was reached with this very entry: true once, however many entries follow.
    pub(super) fn crossed(&self, since: Timestamp, span: Millis) -> bool {
        self.now.since(since) >= span && self.earlier.since(since) < span
    }

    /// Ends the turn: what was told, asked and sent becomes lines of the feed and marks of the charts.
    pub(super) fn finish(self, event: &Event) -> Decision {
        for (news, who) in self.decision.news.iter().zip(&self.signed) {
            feed::add(self.state, who.as_ref(), news);
            marks::note(self.state, self.plan, self.seq, self.now, news);
        }
        acts::note(self.state, event, &self.decision);
        self.decision
    }
}
