//! The second person: a step larger than the plan allows waits until somebody else has approved exactly that step.
//!
//! A request is bound to a digest of everything that it rests on: the action, where it leads from and to, the object's version, the
//! state of replication, the plan and the grant of the controls. If any of that changes, the request is void; nobody can approve what
//! he did not see. It lasts five minutes, in which the host may stand still: those who approve judge what they see, and that is
//! then as old. Nobody approves his own, and an approval moves nothing that a plain request could not.

use std::collections::BTreeMap;

use crate::{
    core::{
        decision::{Refusal, Verdict},
        event::Asker,
        news::News,
        reason::{Missing, Void},
        replication::{self, DatabaseStanding},
        roster::Barred,
        runbook::{self, StepNews, StepTerms},
        standing,
        state::{Approval, ENDED_MAX, Ended, Ending, Motion, PendingShift, ReplicaTerm, ShiftTerms, Terms},
        turn::Turn,
    },
    domain::{
        credentials::Credentials,
        database::Serving,
        digest::Digest,
        id::{AskId, ClientId, InstanceId, OperatorId},
        shown::Shown,
        time::Millis,
    },
    plan::model::Route,
};

/// How long a request waits for its second person.
const LASTS: Millis = Millis::from_mins(5);

/// SHA-256 over the terms' canonical JSON. Maps are sorted by name and there are no floats, so equal terms have equal JSON.
fn digest(terms: &Terms) -> Digest {
    let json = match terms {
        Terms::Shift(terms) => serde_json::to_vec(&("shift", terms)),
        Terms::Step(terms) => serde_json::to_vec(&("step", terms)),
    };
    Digest::of(&json.expect("names, numbers and sorted maps always have a JSON form"))
}

fn terms(turn: &Turn, route: &Route, pending: &PendingShift) -> Option<ShiftTerms> {
    let version = turn.route(route).accepted.as_ref()?.version.clone();
    Some(ShiftTerms {
        route: route.id.clone(),
        target: route.target.clone(),
        from: pending.from.clone(),
        to: pending.to.clone(),
        version,
        replication: replication(turn),
        plan: turn.plan.hash,
        epoch: pending.epoch,
    })
}

pub(super) fn replication(turn: &Turn) -> Vec<(InstanceId, ReplicaTerm)> {
    let Some(database) = &turn.plan.database else { return Vec::new() };
    let term = |instance: &InstanceId| match replication::standing(database, instance, turn.state.replication.get(instance), turn.now) {
        DatabaseStanding::Primary { .. } => ReplicaTerm::AcceptsWrites,
        DatabaseStanding::Follows { .. } => ReplicaTerm::WithinBounds,
        DatabaseStanding::Behind { .. } | DatabaseStanding::FallsBack => ReplicaTerm::Behind,
        DatabaseStanding::Stopped => ReplicaTerm::Stopped,
        DatabaseStanding::Broken { .. } => ReplicaTerm::Broken,
        DatabaseStanding::Promoted => ReplicaTerm::Primary,
        DatabaseStanding::Follower { .. } => ReplicaTerm::NoPrimary,
        DatabaseStanding::Stranger { .. } => ReplicaTerm::OfAnotherPrimary,
        DatabaseStanding::Down { serving: Serving::Untold } => ReplicaTerm::Unknown,
        DatabaseStanding::Down { .. } => ReplicaTerm::Down,
        DatabaseStanding::NotSeen
        | DatabaseStanding::Silent { .. }
        | DatabaseStanding::Unsaid
        | DatabaseStanding::Untold { .. }
        | DatabaseStanding::Idle
        | DatabaseStanding::Unmoved { .. }
        | DatabaseStanding::LagUnknown { .. } => ReplicaTerm::Unknown,
    };
    database.instances().map(|instance| (instance.clone(), term(instance))).collect()
}

/// Opens a request for `pending`, which has passed every other rule. Only a settled route has terms that can hold for a while.
pub(super) fn request(turn: &mut Turn, route: &Route, pending: PendingShift, ask: AskId) -> Result<Verdict, Refusal> {
    let state = turn.route(route);
    if !matches!(state.motion, Motion::Settled) || !standing::is_fresh(state) {
        return Err(Refusal::Unsettled);
    }
    let Some(terms) = terms(turn, route, &pending) else { return Err(Refusal::NotKnown) };
    void_route(turn, route, Void::Replaced);
    let news =
        News::ApprovalAsked { by: pending.by.who.clone(), route: route.id.clone(), from: pending.from, to: pending.to, within: LASTS };
    Ok(await_second(turn, pending.by, ask, Terms::Shift(terms), news))
}

/// Opens a request for an act on a step, which has passed every other rule.
pub(super) fn request_step(turn: &mut Turn, by: &Asker, ask: AskId, terms: StepTerms) -> Result<Verdict, Refusal> {
    void(turn, Void::Replaced, |open| matches!(&open.terms, Terms::Step(known) if known.step == terms.step));
    let what = StepNews::ApprovalAsked { by: by.who.clone(), act: terms.act, changes: terms.changes.clone(), within: LASTS };
    let news = News::Step { step: terms.step.clone(), what };
    Ok(await_second(turn, by.clone(), ask, Terms::Step(terms), news))
}

fn await_second(turn: &mut Turn, by: Asker, ask: AskId, terms: Terms, news: News) -> Verdict {
    let digest = digest(&terms);
    let (at, expires_at) = (turn.now, turn.now + turn.world.of_people(LASTS));
    let open = Approval { digest, by, ask, terms, at, expires_at, stood_still: Millis(0), barred: BTreeMap::new() };
    turn.state.approvals.insert(digest, open);
    turn.tell(news);
    Verdict::NeedsApproval { digest }
}

impl Approval {
    /// What it asks for, as a pending again.
    pub(super) fn pending(&self, terms: &ShiftTerms) -> PendingShift {
        let ShiftTerms { from, to, epoch, .. } = terms;
        PendingShift { by: self.by.clone(), from: from.clone(), to: to.clone(), at: self.at, epoch: *epoch }
    }
}

/// Takes the request of this digest for `by`, who approves it: closed, to be examined once more.
pub(super) fn take(turn: &mut Turn, by: &Asker, digest: &Digest) -> Result<Approval, Refusal> {
    let approval = open(turn, digest)?;
    if approval.by.who == by.who {
        return Err(Refusal::OwnRequest);
    }
    if let Some(Barred { how, after }) = approval.barred.get(&by.who) {
        return Err(Refusal::Barred { who: by.who.clone(), how: how.clone(), after: *after });
    }
    end(turn, digest, Ending::Approved { by: by.who.clone() });
    Ok(approval)
}

/// What was approved did not pass the rules any more.
pub(super) fn not_started(turn: &mut Turn, by: &Asker, refusal: &Refusal) {
    turn.tell(News::ApprovedNotStarted { by: by.who.clone(), why: Box::new(refusal.clone()) });
    if let Some(ended) = turn.state.ended.back_mut() {
        ended.how = Ending::NotStarted { by: by.who.clone(), why: Box::new(refusal.clone()) };
    }
}

pub(super) fn deny(turn: &mut Turn, by: &Asker, digest: &Digest, reason: Option<&Shown>) -> Result<Verdict, Refusal> {
    open(turn, digest)?;
    end(turn, digest, Ending::Denied { by: by.who.clone(), reason: reason.cloned() });
    Ok(Verdict::Accepted)
}

pub(super) fn withdraw(turn: &mut Turn, by: &Asker, digest: &Digest) -> Result<Verdict, Refusal> {
    let approval = open(turn, digest)?;
    if approval.by.who != by.who {
        return Err(Refusal::Missing(Missing::OwnRequest));
    }
    end(turn, digest, Ending::Withdrawn);
    Ok(Verdict::Accepted)
}

/// The request of this digest, if everything that it rests on still holds.
fn open(turn: &mut Turn, digest: &Digest) -> Result<Approval, Refusal> {
    expire(turn);
    turn.state.approvals.get(digest).cloned().ok_or(Refusal::ApprovalVoid { why: Void::Gone })
}

/// Voids what is too old, and what no longer has the terms that it was opened with.
pub(super) fn expire(turn: &mut Turn) {
    let mut void = Vec::new();
    for approval in turn.state.approvals.values() {
        if turn.now >= approval.expires_at {
            let unheard = turn.state.stood_still.is_some_and(|stood| stood.covers(approval.expires_at));
            void.push((approval.digest, if unheard { Void::StoodStill } else { Void::InTime }));
        } else if !holds(turn, approval) {
            void.push((approval.digest, Void::TermsChanged));
        }
    }
    void.into_iter().for_each(|(digest, why)| end(turn, &digest, Ending::Void { why }));
}

fn holds(turn: &Turn, approval: &Approval) -> bool {
    let open = match &approval.terms {
        Terms::Shift(terms) => terms,
        Terms::Step(terms) => return runbook::holds(turn, terms),
    };
    let Some(route) = turn.planned(&open.route) else { return false };
    let (pending, state) = (approval.pending(open), turn.route(route));
    let settled = matches!(state.motion, Motion::Settled) && state.drift.is_none() && state.wanted.as_ref() == Some(&pending.from);
    settled
        && pending.epoch == turn.state.controls.epoch
        && terms(turn, route, &pending).is_some_and(|terms| digest(&Terms::Shift(terms)) == approval.digest)
}

/// Closes a request and says to everybody how; remembered for a while, because who had it before his eyes must learn why it went.
fn end(turn: &mut Turn, digest: &Digest, how: Ending) {
    let Some(approval) = turn.state.approvals.remove(digest) else { return };
    let Approval { digest, by, terms, .. } = approval;
    let asked_by = by.who.clone();
    let news = match &how {
        Ending::Approved { by } => {
            let (approver, asker) = (who_is(turn, by), who_is(turn, &asked_by));
            match &terms {
                Terms::Shift(terms) => {
                    let (route, from, to) = (terms.route.clone(), terms.from.clone(), terms.to.clone());
                    News::Approved { by: by.clone(), asked_by, route, from, to, approver, asker }
                }
                Terms::Step(terms) => {
                    let what = StepNews::Approved { by: by.clone(), asked_by, act: terms.act, approver, asker };
                    News::Step { step: terms.step.clone(), what }
                }
            }
        }
        Ending::Denied { by, reason } => News::Denied { by: by.clone(), asked_by, reason: reason.clone() },
        Ending::Withdrawn => News::Withdrawn { by: asked_by },
        Ending::NotStarted { by, why } => News::ApprovedNotStarted { by: by.clone(), why: why.clone() },
        Ending::Void { why } => News::RequestVoid { asked_by, why: *why },
    };
    turn.tell(news);
    turn.state.ended.push_back(Ended { digest, by, terms, how, at: turn.now });
    while turn.state.ended.len() > ENDED_MAX {
        turn.state.ended.pop_front();
    }
}

/// Who stands behind the name of somebody who is here; of his terminals the newest.
fn who_is(turn: &Turn, who: &OperatorId) -> Option<Box<Credentials>> {
    let person = turn.state.people.values().rev().find(|person| person.who == *who)?;
    person.credentials.clone().map(Box::new)
}

/// Closes every open request that `meant` picks.
fn void(turn: &mut Turn, why: Void, meant: impl Fn(&Approval) -> bool) {
    let digests: Vec<Digest> = turn.state.approvals.values().filter(|approval| meant(approval)).map(|approval| approval.digest).collect();
    digests.into_iter().for_each(|digest| end(turn, &digest, Ending::Void { why }));
}

pub(super) fn void_route(turn: &mut Turn, route: &Route, why: Void) {
    void(turn, why, |approval| matches!(&approval.terms, Terms::Shift(terms) if terms.route == route.id));
}

pub(super) fn void_all(turn: &mut Turn, why: Void) {
    void(turn, why, |_| true);
}

pub(super) fn asker_left(turn: &mut Turn, client: ClientId) {
    void(turn, Void::AskerLeft, |approval| approval.by.client == client);
}
