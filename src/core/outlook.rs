//! What will happen by itself, and what somebody should look at: the one public face of the core beside `step`.
//!
//! Cockpit, watcher's face, `status` and exit codes promise nothing that is not said here, and it is said by the functions that act: a
//! trigger's consequence is asked for here before its time has come and by `trigger` when it has. So what is promised happens unless the
//! outlook changed before, and nothing happens by itself that was not promised.

use std::cmp::Reverse;

use crate::{
    core::{
        assurance, at_door, blind, controls,
        decision::Refusal,
        drift, evidence, exposure, follows, gathered, home,
        home::Home,
        latch, loss,
        lost::lost,
        reason::{Blindness, DoorRule, Missing, Objection},
        record::{Keeping, Record, Slow},
        revisions,
        runbook::{self, Stage},
        settle,
        sight::Sight,
        standing,
        state::{Approval, ItemStatus, Motion, Otherwise, Reading, RouteState, ShiftTerms, SourceState, State, Terms, TriggerState},
        steer::{self, Steers},
        traffic, trigger,
        unjudged::{self, Counted, Patience, Unjudged, unjudged},
        unmarked::unmarked,
    },
    domain::{
        id::{BackendId, ClientId, InstanceId, RouteId, TriggerId},
        metric::Gap,
        time::{Millis, Timestamp},
        weight::{PerMille, Weights},
    },
    plan::model::{Route, Trigger, steps::Step},
};

mod attention;
mod database;
mod rank;
mod soonest;
mod steps;

pub use attention::{Apart, Attention, DoorBreach, Silence, Trouble};
pub use soonest::{Actor, Leads, Soonest, soonest};
pub use steps::may_act;

pub use crate::core::{assurance::against_home, unmarked::Unmarked};

/// What a trigger stands at, and what follows.
#[derive(Debug, Clone, PartialEq)]
pub enum Outlook {
    /// Nothing is beyond its limit.
    Quiet,
    /// Nothing is sent there, so there is nothing to judge.
    Idle,
    /// It can't be told on which side of its limit it is, and it is not blind for that, or not yet.
    Unjudged(Unjudged),
    /// Its clock runs. At `acts_at`, unless it clears: `then`.
    /// `lapses_at`: when the clock stops, if nothing proves the breach anew before; `None` where the newest figure proves it.
    /// `awaits`: what has to come besides.
    Running { since: Timestamp, acts_at: Timestamp, then: Then, lapses_at: Option<Timestamp>, awaits: Awaited },
    /// It was beyond its limit when it was last judged, and too long ago for that to be a proof: the clock begins anew with the next
    /// sample that is beyond it.
    /// `armed_at`: from when on it can judge again, where its window fills.
    Unproven { gap: Option<Gap>, uncleared: Uncleared, armed_at: Option<Timestamp> },
    /// It has not been able to see for too long. At `acts_at`, if that is known: `then`. What it was beyond its limit before, if that has not
    /// been seen to be over.
    Blind { since: Timestamp, gap: Option<Gap>, acts_at: Timestamp, then: Then, uncleared: Option<Uncleared> },
    /// It has acted, and nobody has re-armed the route since.
    Fired { at: Timestamp },
    /// The route is on its way home already, and nothing that is read changes that.
    GoingHome,
}

/// What a clock needs besides its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// Nothing that doesn't come all the time.
    Nothing,
    /// A failing answer after it, and those are seldom: its time may be over for long before one comes.
    FailingAnswer { every: Millis },
}

/// A breach of which nobody can tell any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uncleared {
    /// When it was last seen beyond its limit.
    pub last: Timestamp,
    /// How many of the requests came since that can show that it is over, where it is for want of them.
    pub counted: Option<Counted>,
}

/// What a trigger's time brings.
#[derive(Debug, Clone, PartialEq)]
pub enum Then {
    /// Traffic goes home by itself.
    GoesHome,
    /// Nothing advances; nobody moves traffic.
    Holds,
    /// It would go home, but home answers nobody. It goes as soon as home does.
    Withheld { home: BackendId },
    /// Nothing: going home by itself is not safe.
    Disarmed { instance: InstanceId },
    /// Nothing: home is not proven ready, and blindness alone proves nothing against the target.
    HomeNotProven { why: Objection },
    /// Nothing: nobody is sent there.
    NobodyThere,
    /// Nothing: it has brought the route home already.
    Done,
}

/// What a question would be answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Preview {
    Moves,
    /// It would start when the move in flight is over.
    Waits,
    /// It would wait for a second person.
    SecondPerson,
    Refused(Refusal),
}

/// Where a draft of `route` begins, or why none can begin: what the session wants, or what somebody else made of it.
/// # Errors
/// What keeps any move from being asked for now.
pub fn stands(state: &RouteState) -> Result<Weights, Refusal> {
    traffic::stands(state)
}

/// Whether somebody else's change of `route` could be adopted now: what was found holds nothing that the session could not steer.
pub fn is_adoptable(state: &State, route: &Route) -> bool {
    state.routes.get(&route.id).is_some_and(|known| known.drift.is_some() && drift::adoptable(route, known).is_ok())
}

/// What would be answered if `client` asked now to move `route` to `to`, and nothing else happened before.
pub fn preview(state: &State, client: Option<ClientId>, route: &RouteId, to: &Weights) -> Option<Preview> {
    let sight = Sight::of(state)?;
    let planned = sight.planned(route)?;
    if let Err(why) = has_controls(state, client) {
        return Some(Preview::Refused(why));
    }
    Some(traffic::examine(&sight, planned, to).unwrap_or_else(Preview::Refused))
}

/// Each reason for which a move of `route` to `to` would be refused now, as far as the route itself is concerned; the first is the one that
/// the answer would name.
pub fn refusals(state: &State, route: &RouteId, to: &Weights) -> Vec<Refusal> {
    let Some(sight) = Sight::of(state) else { return vec![Refusal::NotOpen] };
    let mut refusals = sight.planned(route).map_or_else(Vec::new, |route| traffic::refusals(&sight, route, to));
    // What has led to the latch ends with it, and nothing that clears would end it before.
    if refusals.iter().any(|why| matches!(why, Refusal::Latched { .. })) {
        let clock =
            |id: &TriggerId| matches!(outlook(state, id), Some(Outlook::Running { .. } | Outlook::Unproven { .. } | Outlook::Blind { .. }));
        refusals.retain(|why| {
            !matches!(why, Refusal::Breached { trigger } | Refusal::Blind { trigger, why: Blindness::NotCleared { .. } } if !clock(trigger))
        });
    }
    refusals
}

/// Whether `client` has the controls.
/// # Errors
/// Who has them, or that nobody does.
pub fn has_controls(state: &State, client: Option<ClientId>) -> Result<(), Refusal> {
    match &state.controls.holder {
        Some(holder) if Some(holder.client) == client => Ok(()),
        Some(_) | None => Err(controls::refusal(state)),
    }
}

/// Whether re-arming `route` would do something.
/// # Errors
/// Why it would not.
pub fn may_rearm(state: &State, route: &RouteId) -> Result<(), Refusal> {
    let sight = Sight::of(state).ok_or(Refusal::NotOpen)?;
    latch::may(&sight, sight.planned(route).ok_or(Refusal::Missing(Missing::Route))?)
}

/// Whether taking `route`'s object over would do something.
/// # Errors
/// Why it would not.
pub fn may_take_over(state: &State, route: &RouteId) -> Result<(), Refusal> {
    let sight = Sight::of(state).ok_or(Refusal::NotOpen)?;
    steer::may(&sight, sight.planned(route).ok_or(Refusal::Missing(Missing::Route))?)
}

/// What stands against going home where a trigger would bring it there: it goes all the same, and nobody can promise that it helps.
pub fn unassured(state: &State, id: &TriggerId) -> Option<Objection> {
    let sight = Sight::of(state)?;
    let trigger = sight.plan.triggers.iter().find(|trigger| trigger.id == *id)?;
    let (route, _) = sight.route_of(trigger)?;
    let goes = trigger::consequence(&sight, route, trigger) == Then::GoesHome;
    goes.then(|| against_home(state, route).into_iter().next())?
}

/// What `trigger` stands at; `None` for one that the plan doesn't name.
pub fn outlook(state: &State, id: &TriggerId) -> Option<Outlook> {
    let sight = Sight::of(state)?;
    let trigger = sight.plan.triggers.iter().find(|trigger| trigger.id == *id)?;
    Some(of_trigger(&sight, trigger, state.triggers.get(id)?))
}

fn of_trigger(sight: &Sight, trigger: &Trigger, known: &TriggerState) -> Outlook {
    let Some((route, stands)) = sight.route_of(trigger) else { return Outlook::Quiet };
    overtaken(sight.state, route, stands, by_itself(sight, route, stands, trigger, known))
}

/// What a rollback that is under way makes of what would otherwise alarm: it does already what that could lead to.
fn overtaken(state: &State, route: &Route, stands: &RouteState, outlook: Outlook) -> Outlook {
    let returns = stands.drift.is_none() && (stands.motion.is_returning() || standing::goes_home(route, stands));
    let alarms = matches!(outlook, Outlook::Unjudged(_) | Outlook::Running { .. } | Outlook::Unproven { .. } | Outlook::Blind { .. });
    match returns && alarms {
        true if home::home(state, route).is_reached() => Outlook::Idle,
        true => Outlook::GoingHome,
        false => outlook,
    }
}

/// What a trigger stands at, whatever its route does meanwhile.
fn by_itself(sight: &Sight, route: &Route, stands: &RouteState, trigger: &Trigger, known: &TriggerState) -> Outlook {
    if let Some(since) = known.pending_since {
        let then = trigger::consequence(sight, route, trigger);
        let fired = known.fired_at.filter(|_| stands.latch.as_ref().is_some_and(|latch| standing::names(latch, &trigger.id)));
        return match (then, fired, &stands.drift) {
            (Then::NobodyThere, ..) => Outlook::Idle,
            // Somebody moved traffic back out, so the breach is being proven anew.
            (Then::Done, _, Some(drift)) if !standing::is_contended(stands, sight.now) => {
                let since = since.max(drift.since);
                match known.last_breach_at.is_some_and(|last| last > drift.since) {
                    true => Outlook::Running {
                        since,
                        acts_at: since + trigger.lasting,
                        then: Then::GoesHome,
                        lapses_at: None,
                        awaits: Awaited::Nothing,
                    },
                    // What was read before they were there again proves nothing of now.
                    false => unproven(sight, trigger, known, since),
                }
            }
            (Then::Done, Some(at), _) => Outlook::Fired { at },
            (then, ..) => match (known.fires_at(trigger), blind(sight, route, trigger, known)) {
                (Some(acts_at), _) => {
                    Outlook::Running { since, acts_at, then, lapses_at: known.lapses_at(trigger, sight.now), awaits: Awaited::Nothing }
                }
                (None, Some(blind)) => blind,
                (None, None) => unproven(sight, trigger, known, since),
            },
        };
    }
    // Where somebody moved traffic back out it watches again.
    let watches = stands.drift.is_some() && !standing::is_contended(stands, sight.now);
    if let (Some(at), Some(latch)) = (known.fired_at, &stands.latch)
        && standing::names(latch, &trigger.id)
        && !watches
    {
        return Outlook::Fired { at };
    }
    if let Some(blind) = blind(sight, route, trigger, known) {
        return blind;
    }
    let unsent = exposure::has(sight.state, &route.id, &trigger.backend) == PerMille::ZERO;
    match known.reading {
        Reading::None | Reading::Unknown { .. } if unsent => Outlook::Idle,
        Reading::None | Reading::Unknown { .. } => Outlook::Unjudged(unjudged(sight, trigger, known)),
        // A human has re-armed it, and nothing was read since.
        Reading::Breach => {
            let uncleared = uncleared(trigger, known, known.value_at.unwrap_or(sight.now));
            Outlook::Unproven { gap: None, uncleared, armed_at: None }
        }
        Reading::Ok => Outlook::Quiet,
    }
}

fn uncleared(trigger: &Trigger, known: &TriggerState, since: Timestamp) -> Uncleared {
    Uncleared { last: known.last_breach_at.unwrap_or(since), counted: gathered::counted(known, trigger) }
}

fn unproven(sight: &Sight, trigger: &Trigger, known: &TriggerState, since: Timestamp) -> Outlook {
    let (gap, uncleared) = (known.reading.gap(), uncleared(trigger, known, since));
    Outlook::Unproven { gap, uncleared, armed_at: gap.and_then(|gap| blind::armed_at(sight.state, trigger, gap)) }
}

/// Whether a trigger sees nothing, and will be blind for it unless it sees again: until then nobody can say that all is well.
pub fn goes_blind(state: &State) -> bool {
    let Some(sight) = Sight::of(state) else { return false };
    sight.plan.triggers.iter().any(|trigger| match outlook(state, &trigger.id) {
        Some(Outlook::Unjudged(why)) => match why.patience {
            // Nobody is harmed by what nobody sees where nobody is; the first step is refused for it.
            Patience::Burns { then: Then::NobodyThere, .. } => false,
            Patience::Burns { .. } => true,
            Patience::Excused | Patience::Fills { .. } => false,
        },
        Some(
            Outlook::Quiet
            | Outlook::Idle
            | Outlook::Running { .. }
            | Outlook::Unproven { .. }
            | Outlook::Blind { .. }
            | Outlook::Fired { .. }
            | Outlook::GoingHome,
        )
        | None => false,
    })
}

/// How many requests the newest figure of `trigger` rests on, where that is known.
pub fn counted(state: &State, id: &TriggerId) -> Option<u64> {
    let sight = Sight::of(state)?;
    let trigger = sight.plan.triggers.iter().find(|trigger| trigger.id == *id)?;
    unjudged::counted(&sight, trigger).map(|counted| counted.requests)
}

/// When a trigger whose clock runs was last seen beyond its limit, where its newest figure is within it and nobody can judge that.
pub fn within_unjudged(state: &State, id: &TriggerId) -> Option<Timestamp> {
    let sight = Sight::of(state)?;
    let trigger = sight.plan.triggers.iter().find(|trigger| trigger.id == *id)?;
    let known = state.triggers.get(id)?;
    let within = known.value.is_some_and(|value| !trigger.is_beyond(value));
    known.last_breach_at.filter(|_| known.pending_since.is_some() && within && known.reading.gap().is_some())
}

/// What would follow if `trigger` were beyond its limit for its whole time as things stand now.
pub fn would(state: &State, id: &TriggerId) -> Option<Then> {
    let sight = Sight::of(state)?;
    let trigger = sight.plan.triggers.iter().find(|trigger| trigger.id == *id)?;
    Some(trigger::consequence(&sight, sight.route_of(trigger)?.0, trigger))
}

fn blind(sight: &Sight, route: &Route, trigger: &Trigger, known: &TriggerState) -> Option<Outlook> {
    let since = known.blind_since.filter(|since| sight.now.since(*since) >= blind::BLIND_AFTER)?;
    let then = trigger::blind_consequence(sight, route, trigger);
    let acts_at = since + blind::BLIND_ACTS_AFTER;
    // As long as a step still spreads, few requests are what is to be expected, and it is told before it acts all the same.
    if standing::step_spreads_until(sight.route(route)).is_some_and(|until| sight.now < until && until < acts_at) {
        return None;
    }
    // Nor as long as its window fills, and nothing else is wrong.
    let arms_by = known.reading.gap().and_then(|gap| blind::arms_by(sight, trigger, gap));
    if arms_by.is_some_and(|by| sight.now < by && by < acts_at) {
        return None;
    }
    // Nobody asks what nobody is sent to; before a first step it is asked, for blindness forbids that.
    if sight.route(route).latch.is_some() && exposure::has(sight.state, &route.id, &trigger.backend) == PerMille::ZERO {
        return None;
    }
    let uncleared = known.pending_since.map(|since| uncleared(trigger, known, since));
    Some(Outlook::Blind { since, gap: known.blind_for(), acts_at, then, uncleared })
}

/// Everything that somebody should know of, worst first.
pub fn attention(state: &State) -> Vec<Attention> {
    let Some(sight) = Sight::of(state) else { return Vec::new() };
    let alone = state.alone.map(|alone| Attention::SupervisorGone { process: alone.process, since: alone.since });
    let mut found: Vec<Attention> = of_record(&state.record).into_iter().chain(alone).collect();
    for route in &sight.plan.routes {
        if let Some(known) = state.routes.get(&route.id) {
            of_route(&sight, route, known, &mut found);
            of_door(&sight, route, known, &mut found);
        }
    }
    for trigger in &sight.plan.triggers {
        let Some(known) = state.triggers.get(&trigger.id) else { continue };
        let outlook = of_trigger(&sight, trigger, known);
        match outlook {
            // The rollback is what is left of it.
            Outlook::Running { then: Then::Done, .. } => {}
            Outlook::Running { .. } | Outlook::Unproven { .. } => found.push(Attention::Breach { trigger: trigger.id.clone(), outlook }),
            Outlook::Blind { .. } => found.push(Attention::Blind { trigger: trigger.id.clone(), outlook }),
            Outlook::Unjudged(why) => found.push(Attention::Unjudged { trigger: trigger.id.clone(), why }),
            Outlook::Quiet | Outlook::Idle | Outlook::Fired { .. } | Outlook::GoingHome => {}
        }
    }
    found.extend(sight.plan.database.iter().flat_map(|database| database::attention(database, state, sight.now)));
    let silent = state.sources.iter().filter(|(_, source)| source.fault.is_some());
    let silence = |source: &SourceState| match &state.stood_still {
        Some(still) if source.asked_at < still.until => Silence::StoodStill,
        Some(_) | None => Silence::Asked,
    };
    found.extend(silent.map(|(id, source)| Attention::SourceSilent { source: id.clone(), silence: silence(source) }));
    let failing = state.checklist.iter().filter(|(_, item)| item.status == ItemStatus::Failing);
    found.extend(failing.map(|(id, _)| Attention::ItemFailing { item: id.clone() }));
    found.extend(state.approvals.values().map(waits));
    found.extend(sight.plan.steps().filter_map(|step| trouble(&sight, step)));
    // Of two that weigh the same, what more users meet; then the one that acts first.
    found.sort_by_key(|found| (rank::rank(found), Reverse(rank::harm(&sight, found)), soonest::due(found)));
    found
}

fn trouble(sight: &Sight, step: &Step) -> Option<Attention> {
    let known = sight.state.steps.get(&step.id)?;
    let trouble = match runbook::seen(sight, step) {
        Stage::Acting { unknown: Some(_), since, .. } => Trouble::Unknown { since },
        Stage::Underway { is_late: true, since: Some(since), .. } => Trouble::TakesLong { since },
        Stage::Foreign { why } => Trouble::Foreign { why: why.clone() },
        Stage::Ready { failed: Some(why), .. } if known.last.is_some() => Trouble::NotDone { why: why.clone() },
        Stage::Ready { failed: None, .. } if known.vanished() => Trouble::DidNotHappen,
        Stage::Unseen { .. }
        | Stage::Waiting { .. }
        | Stage::Ready { .. }
        | Stage::Acting { .. }
        | Stage::Underway { .. }
        | Stage::Reached { .. }
        | Stage::Skipped(_) => return None,
    };
    Some(Attention::StepTrouble { step: step.id.clone(), trouble })
}

fn waits(open: &Approval) -> Attention {
    let (digest, by, until) = (open.digest, open.by.who.clone(), open.expires_at);
    match &open.terms {
        Terms::Shift(ShiftTerms { route, from, to, .. }) => {
            Attention::ApprovalOpen { digest, by, route: route.clone(), from: from.clone(), to: to.clone(), until }
        }
        Terms::Step(terms) => Attention::StepApprovalOpen { digest, by, step: terms.step.clone(), act: terms.act, until },
    }
}

/// How many good answers through a route's front door say nobody's name, where they are so many that where users are is known of the others
/// alone.
pub fn answers_unmarked(state: &State, route: &Route) -> Option<Unmarked> {
    unmarked(&Sight::of(state)?, route)
}

/// The breaches at a route's front door.
pub fn at_door(state: &State, route: &RouteId) -> Vec<DoorBreach> {
    let Some(sight) = Sight::of(state) else { return Vec::new() };
    sight.planned(route).map_or_else(Vec::new, |route| breaches(&sight, route))
}

fn breaches(sight: &Sight, route: &Route) -> Vec<DoorBreach> {
    let of = |breach: at_door::Breach<'_>| {
        let (outlook, newest) = at_door::outlook(sight, route, &breach);
        // Going home is no cure for what home fails at.
        let outlook = match outlook {
            outlook if *breach.backend == route.home => outlook,
            outlook => overtaken(sight.state, route, sight.route(route), outlook),
        };
        (outlook != Outlook::Idle).then(|| DoorBreach {
            backend: breach.backend.clone(),
            failed: breach.met.failed,
            answers: breach.met.answers,
            newest,
            unlike: match breach.rule {
                DoorRule::Unlike => breach.met.unlike.as_ref().map(|unlike| unlike.difference.clone()),
                DoorRule::Failing => None,
            },
            outlook,
        })
    };
    let unanswered = at_door::unanswered(sight, route).map(|(backend, since)| DoorBreach {
        backend: backend.clone(),
        failed: 0,
        answers: 0,
        newest: None,
        unlike: None,
        outlook: match (Outlook::Unproven { gap: None, uncleared: Uncleared { last: since, counted: None }, armed_at: None }) {
            outlook if *backend == route.home => outlook,
            outlook => overtaken(sight.state, route, sight.route(route), outlook),
        },
    });
    // Of what nobody has met since, a way home that is under way leaves nothing to be told.
    let unanswered = unanswered.filter(|breach| !matches!(breach.outlook, Outlook::GoingHome | Outlook::Idle));
    at_door::breaches(sight, route).into_iter().filter_map(of).chain(unanswered).collect()
}

fn of_door(sight: &Sight, route: &Route, known: &RouteState, found: &mut Vec<Attention>) {
    for breach in breaches(sight, route) {
        match breach.outlook {
            // Nobody is sent there, or the route goes home, or it has acted: what is left is the latch.
            Outlook::Running { then: Then::NobodyThere | Then::Done, .. } | Outlook::Fired { .. } | Outlook::GoingHome => {}
            Outlook::Running { .. }
            | Outlook::Unproven { .. }
            | Outlook::Blind { .. }
            | Outlook::Unjudged(_)
            | Outlook::Quiet
            | Outlook::Idle => {
                found.push(Attention::AtDoor { route: route.id.clone(), breach });
            }
        }
    }
    if let Some(met) = known.front_door.nobodys.as_ref().filter(|met| met.failing.is_some()) {
        found.push(Attention::FailingForNobody { route: route.id.clone(), failed: met.failed, answers: met.answers });
    }
    if let Some(Unmarked { unmarked, answers }) = unmarked(sight, route) {
        found.push(Attention::AnswersUnmarked { route: route.id.clone(), unmarked, answers });
    }
}

/// Whether some of its users were elsewhere before the newest change.
fn has_come_home(route: &Route, known: &RouteState) -> bool {
    known.before.as_ref().is_some_and(|before| before.of(&route.home) < PerMille::ALL)
}

/// What the record itself lacks: everything that happens stands in it, or nothing may follow from it.
fn of_record(record: &Record) -> Option<Attention> {
    let slow = || {
        let Slow { since, times, longest, place, .. } = record.slow.clone().filter(|slow| slow.times > 1)?;
        Some(Attention::RecordSlow { since, times, longest, place })
    };
    match record.keeping.clone() {
        Keeping::Kept => slow(),
        Keeping::Low { bytes, since, place } => Some(Attention::RecordLow { bytes, since, place }),
        Keeping::Hanging { kept, since, place, .. } => Some(Attention::RecordHangs { kept, since, place }),
        Keeping::Broken { why, kept, since, place } => Some(Attention::RecordBroken { why, kept, since, place }),
    }
}

fn of_route(sight: &Sight, route: &Route, known: &RouteState, found: &mut Vec<Attention>) {
    let id = || route.id.clone();
    match home::home(sight.state, route) {
        Home::NotHome { since, attempts, why } => found.push(Attention::NotHome { route: id(), since, attempts, why }),
        Home::Going { since, attempts, why } => found.push(Attention::RollingBack { route: id(), since, attempts, why }),
        // A person who re-arms it takes the latch away, and nobody's users home.
        Home::Accepted { since, at_most, due, .. } if known.latch.is_some() || has_come_home(route, known) => {
            found.push(Attention::HomeNotSeen { route: id(), since, at_most, due });
        }
        Home::Unread | Home::Away { .. } | Home::Accepted { .. } | Home::Unasked { .. } | Home::Seen { .. } => {}
    }
    match &known.motion {
        Motion::Returning(_) => {}
        Motion::NeedsHuman { why, since } => {
            found.push(Attention::NeedsHuman { route: id(), why: why.later(sight.now.since(*since)) });
        }
        Motion::Resolving { .. } => found.push(Attention::Unresolved { route: id() }),
        Motion::Unread => found.push(Attention::Unread { route: id(), why: home::unread(sight.state, route).map(|unread| unread.why) }),
        Motion::Settled | Motion::Writing { .. } | Motion::Propagating { .. } => {}
    }
    let missing = sight.state.record.missing.as_ref().filter(|missing| missing.held.contains(&route.id) && known.hold.is_some());
    found.extend(missing.map(|missing| Attention::RecordMissing { route: id(), since: missing.since, kept: missing.kept }));
    let taken_over = taken_over(known);
    let held = known.hold.as_ref().filter(|_| missing.is_none() && taken_over.is_none());
    found.extend(held.map(|hold| Attention::Held { route: id(), by: hold.by.clone(), since: hold.at }));
    if let Some((since, otherwise)) = taken_over {
        let apart = known.drift.as_ref().map(|drift| Apart { found: drift.found.clone(), expected: drift.expected.clone() });
        found.push(Attention::TakenOver { route: id(), since, otherwise, apart });
    }
    match &known.steering.stands {
        Steers::Another { claim, found_at } => {
            found.push(Attention::SteeredElsewhere { route: id(), claim: claim.clone(), since: *found_at });
        }
        Steers::Lost { found_at } => found.push(Attention::ClaimLost { route: id(), since: *found_at }),
        Steers::Untold | Steers::Nobody | Steers::Us { .. } => {}
    }
    if let (Some(drift), None) = (&known.drift, taken_over) {
        let (by, seen, expected) = (drift.by.clone(), drift.found.clone(), drift.expected.clone());
        found.push(Attention::Drifted { route: id(), by, found: seen, expected, follows: follows::follows(sight.state, route) });
    }
    let hindrances = known.accepted.iter().flat_map(|accepted| &accepted.hindrances);
    let barring = hindrances.filter(|found| found.bars_advance(&route.home));
    found.extend(barring.map(|why| Attention::Hindered { route: id(), why: why.clone() }));
    if let (Motion::Settled, Some(since)) = (&known.motion, known.against_since.filter(|since| settle::is_no_chance(*since, sight.now))) {
        found.push(Attention::RequestsDisagree { route: id(), since });
    }
    let unread = assurance::unread_for(known, sight.now).and(known.accepted_at);
    found.extend(unread.map(|since| Attention::WeightsUnread { route: id(), since }));
    let away = assurance::is_away(sight.state, route);
    // That the weights are not read is said above.
    let why = against_home(sight.state, route).into_iter().find(|why| !matches!(why, Objection::WeightsOld { .. }));
    if let (true, Some(why)) = (away && known.accepted.is_some(), why) {
        found.push(Attention::HomeNotReady { route: id(), why });
    }
    of_probes(sight, route, found);
    for backend in route.backend_ids() {
        let some = revisions::beside(sight.state, route, backend).into_iter().filter(|beside| beside.share < PerMille::ALL);
        found.extend(some.map(|beside| Attention::OtherRevision { route: id(), backend: backend.clone(), beside }));
    }
    let losses = loss::losses(sight.state, route);
    if !losses.is_empty() {
        found.push(Attention::ConnectionsDropped { route: id(), losses });
    }
    let lost = lost(sight.state, &route.id).filter(|_| known.drift.is_none() && !known.motion.is_under_way());
    found.extend(lost.map(|lost| Attention::MoveLost { route: id(), lost: Box::new(lost) }));
    if let (Some(latch), false) = (&known.latch, known.motion.is_returning()) {
        found.push(Attention::Latched { route: id(), at: latch.at, cause: latch.cause.clone(), was_home: latch.was_home });
    }
}

/// Direct requests that fail where users are, unless what users meet there fails too: that is said instead.
fn of_probes(sight: &Sight, route: &Route, found: &mut Vec<Attention>) {
    let at_door = breaches(sight, route);
    let is_beyond = |trigger: &Trigger| sight.state.triggers.get(&trigger.id).is_some_and(|known| known.reading == Reading::Breach);
    for backend in route.backend_ids().filter(|backend| exposure::has(sight.state, &route.id, backend) > PerMille::ZERO) {
        let beyond = sight.plan.triggers.iter().any(|trigger| trigger.backend == *backend && is_beyond(trigger));
        if beyond || at_door.iter().any(|breach| breach.backend == *backend) {
            continue;
        }
        let probe = sight.state.backends.get(backend).and_then(|known| evidence::failing_probe(known, sight.now));
        found.extend(probe.map(|(failed, sent)| Attention::ProbeFails { route: route.id.clone(), backend: backend.clone(), failed, sent }));
    }
}

/// Since when a route is held because this version decides otherwise than the one that began its session.
pub fn taken_over(known: &RouteState) -> Option<(Timestamp, Otherwise)> {
    let held = known.hold.as_ref()?;
    Some((held.at, held.otherwise?))
}
