//! The shape of `cutover status --json`: this file's own and not the state's, so that scripts may rely on it while the state changes.
//!
//! Whatever the text for people says stands here for machines too: a word from a closed list or a figure beside each sentence. Fields are added
//! and never renamed.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::{
    core::{
        assurance::unread_for,
        door::Met,
        event::WorldKind,
        fails::stranded,
        figures,
        has::{is_reached, strangers},
        home::{Home, home},
        outlook::{self, Attention, Outlook, Then},
        reason::{Mover, Objection},
        requests::{Requests, requests},
        runbook::Act,
        state::{Approval, Goal, ItemStatus, Motion, Otherwise, Person, Reading, RouteState, Share, State, Terms, TriggerState},
        steer::{Steering, Steers},
        unjudged::{Patience, Unjudged},
        unresolved,
    },
    domain::{
        credentials::Proven,
        id::RouteId,
        metric::{Gap, Metric},
        time::Timestamp,
        weight::Weights,
    },
    plan::model::Trigger,
    words::{self, Names, absence},
};

mod attention;

use attention::kind;

#[derive(Debug, Serialize)]
pub(super) struct Status {
    pub(super) session: String,
    pub(super) plan: String,
    pub(super) world: WorldKind,
    pub(super) host: Host,
    /// Number of the newest entry.
    pub(super) seq: u64,
    /// The last record of the journal that is on the disk, as `SEQ:HASH`: a witness for `audit verify`. Where the host is gone, as the journal says.
    pub(super) head: Option<String>,
    /// Milliseconds since 1970, as every time here. Where the host is gone, nobody knows more since then.
    pub(super) at: i64,
    /// Whether somebody should look now; then the exit code says the same.
    pub(super) needs_human: bool,
    /// What somebody should know of, worst first.
    pub(super) attention: Vec<AttentionLine>,
    pub(super) routes: BTreeMap<String, RouteStatus>,
    pub(super) triggers: BTreeMap<String, TriggerStatus>,
    pub(super) checklist_done: usize,
    pub(super) checklist_items: usize,
    pub(super) controls: Option<String>,
    pub(super) people: Vec<Present>,
    pub(super) approvals_open: usize,
    /// What waits for a second person, oldest first.
    pub(super) approvals: Vec<ApprovalStatus>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Host {
    Here,
    /// All of it is as old as the journal's last entry; nothing happens by itself.
    Gone,
    /// As old as that, too: the host is there and does not answer. It may come back, and may be acting meanwhile.
    Silent,
}

#[derive(Debug, Serialize)]
pub(super) struct AttentionLine {
    pub(super) urgent: bool,
    /// What it is: a word from a closed list.
    pub(super) kind: &'static str,
    /// The route, trigger, instance, source or item that it is about, by its name in the plan.
    pub(super) about: Option<String>,
    pub(super) text: String,
}

/// Every share is a fraction of the whole, 0.0 to 1.0.
#[derive(Debug, Serialize)]
pub(super) struct RouteStatus {
    pub(super) wanted: Option<Shares>,
    pub(super) accepted: Option<Shares>,
    /// When somebody last read that.
    pub(super) accepted_at: Option<i64>,
    /// What writes of the session's own whose outcome is not known may have made of it instead, or may make of it yet.
    pub(super) may_be: Vec<Shares>,
    /// What requests since the newest change met; without one, nothing has been seen yet.
    pub(super) seen: Option<Seen>,
    /// How many answers through the front door fail, by what the plan expects, those before the newest change among them; without one, that
    /// is not known yet.
    pub(super) failing: Option<Failing>,
    /// Backends outside the plan that have users: nobody judges those.
    pub(super) outside: Vec<String>,
    /// `unread`, `settled`, `writing`, `resolving`, `returning`, `propagating` or `needs-human`.
    pub(super) motion: &'static str,
    pub(super) motion_text: String,
    /// What requests say of the split that is accepted: `spreading`, `unproven`, `proven`, `fits`, `unasked` or `disagree`.
    pub(super) requests_say: &'static str,
    /// Since when, and until when at most, what is under way is under way.
    pub(super) motion_since: Option<i64>,
    pub(super) motion_until: Option<i64>,
    pub(super) latched: bool,
    pub(super) held: bool,
    pub(super) held_by: Option<String>,
    pub(super) held_since: Option<i64>,
    /// Versions of the fold, where the route is held because the program that took the session up decides otherwise than the one before.
    pub(super) taken_over: Option<Otherwise>,
    pub(super) drift: Option<DriftStatus>,
    pub(super) steering: SteeringStatus,
    /// Empty when going back is assured.
    pub(super) against_going_back: Vec<String>,
    /// The command for a shell that brings it home without us.
    pub(super) by_hand: Option<String>,
    /// Where home fails those who are there and nothing speaks against the target: the command that moves them there, past what we do.
    pub(super) out_by_hand: Option<String>,
}

pub(super) type Shares = BTreeMap<String, f64>;

#[derive(Debug, Serialize)]
pub(super) struct Seen {
    /// When the newest of them came.
    pub(super) at: i64,
    pub(super) requests: u64,
    /// Of `answers`, by what the plan expects.
    pub(super) failed: u64,
    pub(super) answers: u64,
    pub(super) shares: BTreeMap<String, Share>,
}

#[derive(Debug, Serialize)]
pub(super) struct Failing {
    pub(super) failed: u64,
    pub(super) answers: u64,
    /// When the newest of them came.
    pub(super) at: i64,
    /// The same of each backend's own answers.
    pub(super) by_backend: BTreeMap<String, FailingOf>,
}

#[derive(Debug, Serialize)]
pub(super) struct FailingOf {
    pub(super) failed: u64,
    pub(super) answers: u64,
}

/// Which session steers the route's object, by the object's own word.
#[derive(Debug, Serialize)]
pub(super) struct SteeringStatus {
    /// `untold`, `nobody`, `us`, `another` or `lost`.
    pub(super) who: &'static str,
    pub(super) session: Option<String>,
    pub(super) machine: Option<String>,
    pub(super) epoch: Option<u64>,
    /// By that session's own clock.
    pub(super) since: Option<i64>,
    /// At whose word, where it was a person's.
    pub(super) person: Option<String>,
    pub(super) text: String,
}

fn steering(steering: &Steering) -> SteeringStatus {
    let (who, claim) = match &steering.stands {
        Steers::Untold => ("untold", None),
        Steers::Nobody => ("nobody", None),
        Steers::Us { claim } => ("us", Some(claim)),
        Steers::Another { claim, .. } => ("another", Some(claim)),
        Steers::Lost { .. } => ("lost", None),
    };
    SteeringStatus {
        who,
        session: claim.map(|claim| claim.by.session.to_string()),
        machine: claim.map(|claim| claim.by.machine.to_string()),
        epoch: claim.map(|claim| claim.epoch.get()),
        since: claim.map(|claim| claim.since.0),
        person: claim.and_then(|claim| claim.person.as_ref()).map(ToString::to_string),
        text: words::steering(steering),
    }
}

/// What somebody else made of the weights.
#[derive(Debug, Serialize)]
pub(super) struct DriftStatus {
    pub(super) found: Shares,
    pub(super) expected: Shares,
    /// Empty until the cloud's audit log tells.
    pub(super) by: Option<String>,
    pub(super) since: i64,
}

#[derive(Debug, Serialize)]
pub(super) struct TriggerStatus {
    /// The plan's word for it.
    #[serde(serialize_with = "by_name")]
    pub(super) metric: Metric,
    /// `ok`, `breach`, `unknown` or `none`.
    pub(super) reading: &'static str,
    /// Why it is unknown, for people.
    pub(super) gap: Option<String>,
    /// The same as a word from a closed list.
    pub(super) gap_kind: Option<Gap>,
    /// `count`, `ratio`, `milliseconds`, `seconds`, `bytes` or `per_second`.
    pub(super) unit: &'static str,
    /// On which side of the limit it is bad: `above` or `below`.
    pub(super) bad: &'static str,
    /// In that unit; the newest usable one, and when it was measured.
    pub(super) value: Option<f64>,
    pub(super) value_at: Option<i64>,
    pub(super) limit: f64,
    /// What it rests on: requests within the window, where they are known, and how many the plan wants before a sample is in order.
    pub(super) requests: Option<u64>,
    pub(super) requests_min: u64,
    /// What it stands at: `quiet`, `idle`, `unjudged`, `running`, `unproven`, `blind`, `fired` or `going-home`.
    pub(super) outlook: &'static str,
    /// Since when; without one, it just is so.
    pub(super) since: Option<i64>,
    /// What its time brings: `goes-home`, `holds`, `withheld`, `disarmed`, `home-not-proven`, `nobody-there` or `done`.
    pub(super) then: Option<&'static str>,
    /// When it acts by itself, if its clock runs and nothing changes.
    pub(super) acts_at: Option<i64>,
    /// When it counts as blind, if it can't be judged until then.
    pub(super) blind_at: Option<i64>,
    /// From when on it can judge, where all that it lacks is a window that fills: with the first look from then on.
    pub(super) armed_at: Option<i64>,
    /// When its clock stops, if nothing proves the breach anew before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lapses_at: Option<i64>,
    pub(super) text: String,
}

/// A request as it was opened.
#[derive(Debug, Serialize)]
pub(super) struct ApprovalStatus {
    pub(super) digest: String,
    pub(super) by: String,
    /// Of a move of traffic; with it, from where to where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) route: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<Shares>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<Shares>,
    /// Of a step; with it, whether it is run or taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) step: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) act: Option<&'static str>,
    pub(super) asked_at: i64,
    /// From then on nobody can approve it any more.
    pub(super) expires_at: i64,
}

#[derive(Debug, Serialize)]
pub(super) struct Present {
    pub(super) who: String,
    pub(super) role: String,
    /// The account behind the name, and the fingerprint of the key that proved it where one did.
    pub(super) uid: Option<u32>,
    pub(super) login: Option<String>,
    pub(super) key: Option<String>,
}

pub(super) fn status(state: &State, session: String, plan: String) -> Status {
    let names = Names::of(state);
    let plan_of = state.opened.as_ref().map(|opened| &*opened.plan);
    let planned = |id: &RouteId| plan_of.and_then(|plan| Some((plan, plan.routes.iter().find(|route| route.id == *id)?)));
    let world = state.opened.as_ref().map(|opened| opened.world);
    let by_hand = |id: &RouteId| ByHand {
        home: planned(id).map(|(plan, route)| absence::command_home(plan, route, world)),
        out: planned(id)
            .and_then(|(plan, route)| stranded(state, route).map(|stranded| absence::command(plan, route, stranded.target, world))),
    };
    let of = |(id, route)| {
        let stands = planned(id).map_or(Home::Unread, |(_, planned)| home(state, planned));
        let against = planned(id).map_or_else(Vec::new, |(_, planned)| outlook::against_home(state, planned));
        let may_be = unresolved::may_be(state, id).into_iter().map(shares).collect();
        let outside = planned(id).map_or_else(Vec::new, |(_, planned)| strangers(route, planned));
        let outside = outside.into_iter().map(ToString::to_string).collect();
        (RouteId::to_string(id), RouteStatus { may_be, outside, ..route_status(route, &stands, &against, by_hand(id), state.now, names) })
    };
    let routes = state.routes.iter().map(of).collect();
    let attention = outlook::attention(state);
    Status {
        session,
        plan,
        host: Host::Here,
        world: state.opened.as_ref().map_or(WorldKind::Live, |opened| opened.world),
        seq: state.seq.0,
        head: None,
        at: state.now.0,
        needs_human: attention.iter().any(Attention::is_urgent),
        attention: attention.iter().map(|what| told(what, state)).collect(),
        routes,
        triggers: triggers(state, names),
        checklist_done: state.checklist.values().filter(|item| item.status == ItemStatus::Done).count(),
        checklist_items: state.checklist.len(),
        controls: state.controls.holder.as_ref().map(|holder| holder.who.to_string()),
        people: state.people.values().map(present).collect(),
        approvals_open: state.approvals.len(),
        approvals: approvals(state),
    }
}

fn approvals(state: &State) -> Vec<ApprovalStatus> {
    let mut open: Vec<&Approval> = state.approvals.values().collect();
    open.sort_by_key(|open| open.at);
    let told = |open: &&Approval| {
        let (shift, step) = match &open.terms {
            Terms::Shift(terms) => (Some(terms), None),
            Terms::Step(terms) => (None, Some(terms)),
        };
        ApprovalStatus {
            digest: open.digest.to_string(),
            by: open.by.who.to_string(),
            route: shift.map(|terms| terms.route.to_string()),
            from: shift.map(|terms| shares(&terms.from)),
            to: shift.map(|terms| shares(&terms.to)),
            step: step.map(|terms| terms.step.to_string()),
            act: step.map(|terms| match terms.act {
                Act::Run => "run",
                Act::Undo => "undo",
            }),
            asked_at: open.at.0,
            expires_at: open.expires_at.0,
        }
    };
    open.iter().map(told).collect()
}

fn present(one: &Person) -> Present {
    let known = one.credentials.as_ref();
    let key = known.and_then(|known| match &known.proven {
        Proven::Key(key) => Some(key.to_string()),
        Proven::Account | Proven::Signal => None,
    });
    let login = known.and_then(|known| known.login.as_ref()).map(ToString::to_string);
    Present { who: one.who.to_string(), role: one.role.to_string(), uid: known.map(|known| known.uid), login, key }
}

pub(super) fn told(what: &Attention, state: &State) -> AttentionLine {
    let (kind, about) = kind(what);
    AttentionLine { urgent: what.is_urgent(), kind, about, text: words::attention(what, state.now, Names::of(state)) }
}

fn shares(weights: &Weights) -> Shares {
    weights.iter().map(|(backend, share)| (backend.to_string(), share.fraction())).collect()
}

/// Commands for a shell.
struct ByHand {
    home: Option<String>,
    out: Option<String>,
}

fn route_status(route: &RouteState, home: &Home, against: &[Objection], by_hand: ByHand, now: Timestamp, names: Names) -> RouteStatus {
    let failing = failing(route, now);
    let seen = route.observed.as_ref().filter(|observed| observed.requests > 0).map(|observed| Seen {
        at: figures::answered_at(observed).0,
        requests: observed.requests,
        failed: failing.as_ref().map_or(observed.failed, |failing| failing.failed),
        answers: failing.as_ref().map_or(observed.requests, |failing| failing.answers),
        shares: observed.shares.iter().map(|(backend, share)| (backend.to_string(), *share)).collect(),
    });
    let (motion_since, motion_until) = span(&route.motion, home);
    RouteStatus {
        wanted: route.wanted.as_ref().map(shares),
        accepted: route.accepted.as_ref().map(|accepted| shares(&accepted.weights)),
        accepted_at: route.accepted_at.map(|at| at.0),
        may_be: Vec::new(),
        seen,
        failing,
        outside: Vec::new(),
        motion: motion(route, now),
        motion_text: words::following(route, home, now),
        requests_say: match requests(route) {
            Requests::Spreading => "spreading",
            Requests::Disagree { .. } => "disagree",
            Requests::Unproven => "unproven",
            Requests::Proven => "proven",
            Requests::Fits => "fits",
            Requests::Unasked => "unasked",
        },
        motion_since,
        motion_until,
        latched: route.latch.is_some(),
        held: route.hold.is_some(),
        held_by: route.hold.as_ref().filter(|hold| hold.otherwise.is_none()).map(|hold| hold.by.to_string()),
        held_since: route.hold.as_ref().map(|hold| hold.at.0),
        taken_over: outlook::taken_over(route).map(|(_, otherwise)| otherwise),
        drift: route.drift.as_ref().map(|drift| DriftStatus {
            found: shares(&drift.found),
            expected: shares(&drift.expected),
            by: match &drift.by {
                Mover::Foreign { actor: None } => None,
                by @ (Mover::Us(_)
                | Mover::Adopted { .. }
                | Mover::OurLateWrite
                | Mover::Steerer { .. }
                | Mover::Unrecorded { .. }
                | Mover::Foreign { .. }) => Some(words::mover(by, names)),
            },
            since: drift.since.0,
        }),
        steering: steering(&route.steering),
        against_going_back: against.iter().map(|why| words::objection(why, names)).collect(),
        by_hand: by_hand.home,
        out_by_hand: by_hand.out,
    }
}

/// As the plan judges answers, over the door's own window and whatever was moved within it; nothing that is too old to speak of now, or of where
/// nobody is any more.
fn failing(route: &RouteState, now: Timestamp) -> Option<Failing> {
    let tells = |met: &&Met| met.answers > 0 && met.unanswered(now).is_none();
    let own = || route.front_door.met.iter().filter(|(id, met)| tells(met) && is_reached(route, id));
    let by_backend = own().map(|(id, met)| (id.to_string(), FailingOf { failed: met.failed, answers: met.answers })).collect();
    let none = Failing { failed: 0, answers: 0, at: i64::MIN, by_backend };
    let door = own().map(|(_, met)| met).chain(route.front_door.nobodys.iter().filter(tells));
    let all = door.fold(none, |sum, met| Failing {
        failed: sum.failed + met.failed,
        answers: sum.answers + met.answers,
        at: sum.at.max(met.answered.unwrap_or(met.at).0),
        ..sum
    });
    (all.answers > 0).then_some(all)
}

/// For scripts, which must not read English. Nothing is called settled whose weights nobody has read lately, that somebody else has moved, or that no
/// request has shown.
fn motion(route: &RouteState, now: Timestamp) -> &'static str {
    match &route.motion {
        Motion::Unread => "unread",
        Motion::Settled if unread_for(route, now).is_some() => "unknown",
        Motion::Settled if route.drift.is_some() => "drifted",
        Motion::Settled => match requests(route) {
            Requests::Unproven | Requests::Unasked => "unseen",
            Requests::Spreading | Requests::Disagree { .. } | Requests::Proven | Requests::Fits => "settled",
        },
        Motion::Writing { .. } => "writing",
        Motion::Resolving { .. } => "resolving",
        Motion::Returning(_) => "returning",
        Motion::Propagating { .. } => "propagating",
        Motion::NeedsHuman { .. } => "needs-human",
    }
}

/// Since when, and until when it should be over: of a rollback that is accepted by the time that every face tells until home is seen.
fn span(motion: &Motion, home: &Home) -> (Option<i64>, Option<i64>) {
    match motion {
        Motion::Propagating { since, goal: Goal::Rollback, .. } => {
            let due = if let Home::Accepted { due, .. } = home { Some(due.0) } else { None };
            (Some(since.0), due)
        }
        Motion::Unread | Motion::Settled => (None, None),
        Motion::Writing { since, .. } | Motion::Resolving { since, .. } | Motion::NeedsHuman { since, .. } => (Some(since.0), None),
        Motion::Returning(back) => (Some(back.since.0), None),
        Motion::Propagating { since, until, .. } => (Some(since.0), Some(until.0)),
    }
}

fn triggers(state: &State, names: Names) -> BTreeMap<String, TriggerStatus> {
    let planned = state.opened.iter().flat_map(|opened| &opened.plan.triggers);
    let status = |trigger: &Trigger| {
        let known = state.triggers.get(&trigger.id)?;
        let outlook = outlook::outlook(state, &trigger.id)?;
        let requests = outlook::counted(state, &trigger.id);
        Some((
            trigger.id.to_string(),
            trigger_status(trigger, known, &outlook, requests, words::outlook(&outlook, &trigger.id, state.now, names)),
        ))
    };
    planned.filter_map(status).collect()
}

fn trigger_status(trigger: &Trigger, known: &TriggerState, outlook: &Outlook, requests: Option<u64>, text: String) -> TriggerStatus {
    let (reading, gap) = match &known.reading {
        Reading::None => ("none", None),
        Reading::Ok => ("ok", None),
        Reading::Breach => ("breach", None),
        Reading::Unknown { gap } => ("unknown", Some(*gap)),
    };
    let blind_at = match outlook {
        Outlook::Unjudged(Unjudged { patience: Patience::Fills { blind_at } | Patience::Burns { blind_at, .. }, .. }) => Some(blind_at.0),
        Outlook::Unjudged(Unjudged { patience: Patience::Excused, .. })
        | Outlook::Quiet
        | Outlook::Idle
        | Outlook::Running { .. }
        | Outlook::Unproven { .. }
        | Outlook::Blind { .. }
        | Outlook::Fired { .. }
        | Outlook::GoingHome => None,
    };
    let armed_at = match outlook {
        Outlook::Unjudged(Unjudged { armed_at, .. }) | Outlook::Unproven { armed_at, .. } => *armed_at,
        Outlook::Quiet | Outlook::Idle | Outlook::Running { .. } | Outlook::Blind { .. } | Outlook::Fired { .. } | Outlook::GoingHome => {
            None
        }
    };
    let lapses_at = if let Outlook::Running { lapses_at, .. } = outlook { *lapses_at } else { None };
    let (kind, since, leads) = match outlook {
        Outlook::Quiet => ("quiet", None, None),
        Outlook::Idle => ("idle", None, None),
        Outlook::Unjudged(_) => ("unjudged", None, None),
        Outlook::Running { since, acts_at, then, .. } => ("running", Some(since), Some((acts_at, then))),
        Outlook::Unproven { uncleared, .. } => ("unproven", Some(&uncleared.last), None),
        Outlook::Blind { since, acts_at, then, .. } => ("blind", Some(since), Some((acts_at, then))),
        Outlook::Fired { at } => ("fired", Some(at), None),
        Outlook::GoingHome => ("going-home", None, None),
    };
    TriggerStatus {
        metric: trigger.metric,
        unit: trigger.metric.unit().name(),
        bad: trigger.metric.bad().name(),
        reading,
        gap: gap.map(words::gap),
        gap_kind: gap,
        value: known.value,
        value_at: known.value_at.map(|at| at.0),
        limit: trigger.limit,
        requests,
        requests_min: trigger.requests_min,
        outlook: kind,
        since: since.map(|since| since.0),
        then: leads.map(|(_, leads)| consequence(leads)),
        acts_at: leads.filter(|(_, leads)| **leads == Then::GoesHome).map(|(acts_at, _)| acts_at.0),
        blind_at,
        armed_at: armed_at.map(|at| at.0),
        lapses_at: lapses_at.map(|at| at.0),
        text,
    }
}

fn by_name<S: Serializer>(metric: &Metric, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(metric.name())
}

fn consequence(then: &Then) -> &'static str {
    match then {
        Then::GoesHome => "goes-home",
        Then::Holds => "holds",
        Then::Withheld { .. } => "withheld",
        Then::Disarmed { .. } => "disarmed",
        Then::HomeNotProven { .. } => "home-not-proven",
        Then::NobodyThere => "nobody-there",
        Then::Done => "done",
    }
}
