//! One steerer of one object: whose claim stands on it, what that forbids, and who may change it.
//!
//! The object that holds a route's weights says itself which session steers it, in the version that every write is made against. So a
//! write can't land on a claim that its session has not seen and judged: a host that was paused for however long, or cut off, meets another
//! version, looks, finds the newer epoch and fences itself. No clock is asked. A claim stands until its own session ends it or a person
//! takes over with a reason, which raises the epoch, and is written to the object at once.
//!
//! - Nobody's object, or one whose session has ended: the next write of this session claims it.
//! - Another session's: nothing of this session's own moves it but a rollback. What moves there is that session's doing, and no drift.
//! - This session's claim has gone, and no other stands there: somebody took it away, and another may have steered meanwhile. A person's
//!   word is asked for, as if it were another's.
//! - A rollback writes home from wherever it finds the object, under a newer epoch than any that it has seen. It takes away the claim that
//!   stood there when it began, even where everybody is home already; whatever claim it meets there later, at home, is another rollback's
//!   and is left alone, so that two of them never contend.

use serde::{Deserialize, Serialize};

use crate::{
    core::{
        controls,
        decision::{Effect, Refusal, Verdict},
        event::{Asker, Hosted},
        news::{Fate, News},
        reason::Missing,
        record, replaced,
        sight::Sight,
        standing,
        state::{Motion, RouteState},
        turn::Turn,
    },
    domain::{
        claim::{Claim, Claimant, Claimed, Claims, Epoch, Machine},
        fault::{FaultKind, Outcome, Version},
        id::{EffectId, OperatorId, RouteId},
        shown::Shown,
        time::Timestamp,
    },
    plan::model::Route,
};

/// So often a rollback that has everybody home tries to take another's claim away where nobody answers.
const FENCE_TRIES: u32 = 5;

/// What the session knows of who steers a route's object.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Steering {
    pub stands: Steers,
    /// The highest epoch that was seen there, or sent.
    pub epoch: Epoch,
    /// The highest that this session has sent itself.
    pub sent: Option<Epoch>,
    /// The next write begins an epoch of its own: the host came back, and whoever goes on with a copy of the journal must not share one.
    #[serde(default)]
    pub renews: bool,
    /// A write of the claim alone that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writing: Option<EffectId>,
    /// Whoever started the host takes over what it finds first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
}

/// Who steers, by the newest look.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Steers {
    /// Nobody has looked, or the look does not tell.
    #[default]
    Untold,
    Nobody,
    Us {
        claim: Box<Claim>,
    },
    Another {
        claim: Box<Claim>,
        /// When this session found it.
        found_at: Timestamp,
    },
    /// This session's claim stood there, and has gone.
    Lost {
        found_at: Timestamp,
    },
}

/// A person's word that came with the start of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub by: OperatorId,
    pub reason: Shown,
}

impl Steering {
    pub fn is_untold(&self) -> bool {
        *self == Steering::default()
    }
    /// The claim of another session that stands there.
    pub fn another(&self) -> Option<&Claim> {
        match &self.stands {
            Steers::Another { claim, .. } => Some(claim),
            Steers::Untold | Steers::Nobody | Steers::Us { .. } | Steers::Lost { .. } => None,
        }
    }
}

/// Which machine this is, from here on, and what its starter wants done.
pub(super) fn hosted(turn: &mut Turn, hosted: &Hosted) {
    // The token is the session's for good; the host may move.
    let token = turn.state.host.as_ref().map_or(hosted.token, |known| known.token);
    turn.state.host = Some(Hosted { token, takes_over: None, ..hosted.clone() });
    for route in &turn.plan.routes {
        turn.route_mut(route).steering.order = hosted.takes_over.clone();
    }
}

/// What was on its way from the host that died is told by the next look; whoever asked for it asks again.
pub(super) fn restarted(state: &mut RouteState) {
    // Who has claimed nothing yet begins with an epoch of its own.
    state.steering.renews = state.steering.sent.is_some();
    state.steering.writing = None;
}

/// Whether this session may move the route further out, or anywhere but home.
pub(super) fn may_steer(state: &RouteState) -> Result<(), Refusal> {
    match &state.steering.stands {
        Steers::Another { claim, .. } => Err(Refusal::SteeredElsewhere { claim: claim.clone() }),
        Steers::Lost { .. } => Err(Refusal::ClaimLost),
        Steers::Untold | Steers::Nobody | Steers::Us { .. } => Ok(()),
    }
}

/// A look has come: whose claim it found.
pub(super) fn seen(turn: &mut Turn, route: &Route) {
    let (now, session, host) = (turn.now, turn.session, turn.state.host.as_ref().map(|host| (host.token, host.machine.clone())));
    let state = turn.route_mut(route);
    let Some(accepted) = &state.accepted else { return };
    let steering = &mut state.steering;
    let stands = match &accepted.claimed {
        Claimed::Untold => return,
        Claimed::Nobody => match &steering.stands {
            Steers::Us { .. } => Steers::Lost { found_at: now },
            Steers::Lost { found_at } => Steers::Lost { found_at: *found_at },
            Steers::Untold | Steers::Nobody | Steers::Another { .. } => Steers::Nobody,
        },
        Claimed::By(claim) => {
            steering.epoch = steering.epoch.max(claim.epoch);
            // Of the epoch that was sent last only what this machine wrote is this host's: one that goes on with a copy of the journal
            // begins the same.
            let is_ours = host.as_ref().is_some_and(|(token, machine)| claim.is_of(session, *token) && sent(steering, claim, machine));
            match (claim.claims, &steering.stands) {
                // Whoever took over meanwhile has ended, and may have moved it.
                (Claims::Ended, Steers::Us { .. }) if !is_ours => Steers::Lost { found_at: now },
                (Claims::Ended, Steers::Lost { found_at }) if !is_ours => Steers::Lost { found_at: *found_at },
                (Claims::Ended, _) => Steers::Nobody,
                (Claims::Steers, _) if is_ours => Steers::Us { claim: claim.clone() },
                (Claims::Steers, _) => Steers::Another { claim: claim.clone(), found_at: now },
            }
        }
    };
    stand(turn, route, stands);
}

/// Whether this host, or one before it on the same record, sent this claim.
fn sent(steering: &Steering, claim: &Claim, machine: &Machine) -> bool {
    steering.sent.is_some_and(|sent| claim.epoch < sent || claim.epoch == sent && (steering.renews || claim.by.machine == *machine))
}

/// From here on it is so; what is not as it was is told.
fn stand(turn: &mut Turn, route: &Route, stands: Steers) {
    let id = route.id.clone();
    let before = std::mem::take(&mut turn.route_mut(route).steering.stands);
    let (news, stands) = match (before, stands) {
        (Steers::Another { claim: known, found_at }, Steers::Another { claim, .. }) if known.is_same(&claim) => {
            (None, Steers::Another { claim, found_at })
        }
        (before, Steers::Another { claim, found_at }) => {
            let before = match before {
                Steers::Us { claim } => Some(claim),
                Steers::Untold | Steers::Nobody | Steers::Another { .. } | Steers::Lost { .. } => None,
            };
            (Some(News::SteeredElsewhere { route: id, claim: claim.clone(), before }), Steers::Another { claim, found_at })
        }
        (Steers::Another { claim: before, .. }, Steers::Us { claim }) => {
            (Some(News::Steers { route: id, claim: claim.clone(), before: Some(before) }), Steers::Us { claim })
        }
        (Steers::Lost { .. }, Steers::Us { claim }) => {
            (Some(News::Steers { route: id, claim: claim.clone(), before: None }), Steers::Us { claim })
        }
        (Steers::Another { claim, .. }, Steers::Nobody) => (Some(News::NobodySteers { route: id, before: claim }), Steers::Nobody),
        (Steers::Lost { .. }, stands @ Steers::Lost { .. }) => (None, stands),
        (_, stands @ Steers::Lost { .. }) => (Some(News::ClaimLost { route: id }), stands),
        (Steers::Untold | Steers::Nobody | Steers::Us { .. } | Steers::Lost { .. }, stands @ (Steers::Untold | Steers::Nobody))
        | (Steers::Another { .. }, stands @ Steers::Untold)
        | (Steers::Untold | Steers::Nobody | Steers::Us { .. }, stands @ Steers::Us { .. }) => (None, stands),
    };
    turn.route_mut(route).steering.stands = stands;
    if let Some(news) = news {
        turn.tell(news);
    }
}

/// The claim that a write of this session carries: its own that stands there, or one of a newer epoch than any that was seen.
pub(super) fn claim(turn: &mut Turn, route: &Route, person: Option<&OperatorId>) -> Option<Box<Claim>> {
    let steering = &turn.route(route).steering;
    match &steering.stands {
        Steers::Us { claim } if !steering.renews && steering.sent == Some(claim.epoch) => Some(claim.clone()),
        Steers::Untold | Steers::Nobody | Steers::Us { .. } | Steers::Another { .. } | Steers::Lost { .. } => {
            newer(turn, route, person, Claims::Steers)
        }
    }
}

fn newer(turn: &mut Turn, route: &Route, person: Option<&OperatorId>, claims: Claims) -> Option<Box<Claim>> {
    let Hosted { token, machine, .. } = turn.state.host.clone()?;
    let by = Claimant { session: turn.session.clone(), token, machine };
    // Whole seconds, as a claim tells them.
    let since = Timestamp(turn.now.0.div_euclid(1000).saturating_mul(1000));
    let steering = &mut turn.route_mut(route).steering;
    let epoch = steering.epoch.next();
    (steering.epoch, steering.sent, steering.renews) = (epoch, Some(epoch), false);
    Some(Box::new(Claim { by, epoch, since, person: person.cloned(), claims }))
}

/// A write of this session's was done, and its claim with it.
pub(super) fn landed(turn: &mut Turn, route: &Route, claim: Option<&Claim>) {
    let Some(claim) = claim else { return };
    let state = turn.route(route);
    let bears_it = state.accepted.as_ref().is_some_and(|accepted| accepted.has_room());
    // Its word may come after a look that has found a newer one.
    if !bears_it || claim.epoch < state.steering.epoch {
        return;
    }
    if let Some(accepted) = &mut turn.route_mut(route).accepted {
        accepted.claimed = Claimed::By(Box::new(claim.clone()));
    }
    let stands = match claim.claims {
        Claims::Steers => Steers::Us { claim: Box::new(claim.clone()) },
        Claims::Ended => Steers::Nobody,
    };
    stand(turn, route, stands);
}

/// A person takes the object over from the session whose claim he saw on it, or from nobody where this one's has gone.
pub(super) fn take_over(turn: &mut Turn, by: &Asker, id: &RouteId, (from, reason): (Option<&Claim>, &Shown)) -> Result<Verdict, Refusal> {
    let route = turn.planned(id).ok_or(Refusal::Missing(Missing::Route))?;
    controls::held_by(turn, by)?;
    if reason.as_str().trim().is_empty() {
        return Err(Refusal::ReasonMissing);
    }
    may(&turn.sight(), route)?;
    match (from, turn.route(route).steering.another()) {
        (Some(saw), Some(stands)) if saw.is_same(stands) => {}
        (None, None) => {}
        (_, Some(stands)) => return Err(Refusal::SteeredElsewhere { claim: Box::new(stands.clone()) }),
        (Some(_), None) => return Err(Refusal::ClaimLost),
    }
    write(turn, route, &by.who, Some(reason));
    Ok(Verdict::Accepted)
}

/// Whether there is something to take over, and nothing of ours in the way of it.
pub(super) fn may(sight: &Sight, route: &Route) -> Result<(), Refusal> {
    record::kept(sight.state)?;
    let state = sight.route(route);
    let steering = &state.steering;
    if may_steer(state).is_ok() || steering.writing.is_some() {
        return Err(Refusal::NoChange);
    }
    match &state.motion {
        Motion::Returning(_) => Err(Refusal::RollingBack),
        Motion::Writing { .. } | Motion::Resolving { .. } => Err(Refusal::Unresolved),
        Motion::Unread => Err(Refusal::NotKnown),
        Motion::Settled | Motion::Propagating { .. } | Motion::NeedsHuman { .. } if !standing::is_fresh(state) => Err(Refusal::NotKnown),
        Motion::Settled | Motion::Propagating { .. } | Motion::NeedsHuman { .. } => {
            let found = state.accepted.iter().flat_map(|accepted| &accepted.hindrances).find(|found| found.bars_claim());
            found.map_or(Ok(()), |why| Err(Refusal::Hindered { why: why.clone() }))
        }
    }
}

/// What whoever started this host has said of whatever it would find: with the first look, or the first that it can be followed at.
pub(super) fn follow(turn: &mut Turn, route: &Route) {
    let state = turn.route(route);
    let is_told = state.steering.stands != Steers::Untold && state.motion != Motion::Unread && standing::is_fresh(state);
    if state.steering.order.is_none() || !is_told {
        return;
    }
    let Some(order) = turn.route_mut(route).steering.order.take() else { return };
    match may(&turn.sight(), route) {
        Ok(()) => write(turn, route, &order.by, Some(&order.reason)),
        // There is nothing to be taken over.
        Err(Refusal::NoChange) => {}
        // It stands until it can be followed.
        Err(_) => turn.route_mut(route).steering.order = Some(order),
    }
}

/// The session ends: what it steers is nobody's from here on.
pub(super) fn let_go(turn: &mut Turn, by: &OperatorId) {
    for route in &turn.plan.routes {
        let state = turn.route(route);
        let steers = matches!(state.steering.stands, Steers::Us { .. }) && state.steering.writing.is_none();
        let at_rest = match state.motion {
            Motion::Settled | Motion::NeedsHuman { .. } | Motion::Propagating { .. } => standing::is_fresh(state),
            Motion::Unread | Motion::Writing { .. } | Motion::Resolving { .. } | Motion::Returning(_) => false,
        };
        if steers && at_rest {
            write(turn, route, by, None);
        }
    }
}

/// Writes the claim and no weight: of a taking over with its reason, or of the session's end.
fn write(turn: &mut Turn, route: &Route, by: &OperatorId, reason: Option<&Shown>) {
    let claims = if reason.is_some() { Claims::Steers } else { Claims::Ended };
    let Some(version) = turn.route(route).accepted.as_ref().map(|accepted| accepted.version.clone()) else { return };
    let Some(claim) = newer(turn, route, Some(by), claims) else { return };
    let effect = turn.send(Effect::Claim { route: route.id.clone(), version, claim, reason: reason.cloned() });
    turn.route_mut(route).steering.writing = Some(effect);
}

/// The end of such a write.
pub(super) fn ended(turn: &mut Turn, id: &RouteId, (claim, against): (&Claim, &Version), outcome: &Outcome) {
    let Some(route) = turn.planned(id) else { return };
    let (at, now, seq) = (turn.at, turn.now, turn.seq);
    let state = turn.route_mut(route);
    replaced::ended(state, against, outcome, now);
    (state.outcome_at, state.outcome_seq, state.read_again_at) = (Some(at), Some(seq), None);
    state.steering.writing = None;
    match outcome {
        Outcome::Done(receipt) => {
            if let (Some(accepted), Some(version)) = (&mut state.accepted, &receipt.version) {
                accepted.version = version.clone();
            }
            landed(turn, route, Some(claim));
            if claim.claims == Claims::Ended {
                turn.tell(News::LetGo { route: id.clone() });
            }
        }
        Outcome::NotDone(why) => turn.tell(News::ClaimNotWritten { route: id.clone(), why: why.clone(), fate: Fate::NotDone }),
        Outcome::Unknown(why) => turn.tell(News::ClaimNotWritten { route: id.clone(), why: why.clone(), fate: Fate::MayBeDone }),
    }
}

/// Whether a rollback still has to take away the claim that it found when it began. Where that is refused, home is home all the same.
pub(super) fn is_to_be_fenced(state: &RouteState) -> bool {
    let Motion::Returning(back) = &state.motion else { return false };
    let (Some(found), Some(stands)) = (&back.fences, state.steering.another()) else { return false };
    let refused = back
        .fault
        .as_ref()
        .is_some_and(|fault| fault.kind != FaultKind::Conflict && (!fault.kind.is_passing() || back.writes >= FENCE_TRIES));
    found.is_same(stands) && !refused
}
