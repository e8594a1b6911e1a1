//! The second person: a step larger than the plan allows waits until somebody else has approved exactly that step.
//!
//! A request is bound to a digest of everything that it rests on: the action, where it leads from and to, the object's version, the
//! state of replication, the plan and the grant of the controls. If any of that changes, the request is void; nobody can approve what
//! he did not see. It lasts five minutes. Nobody approves his own, and an approval moves nothing that a plain request could not.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    core::{
        command::Command,
        decision::{Refusal, Tone, Verdict},
        event::Asker,
        motion,
        state::{Approval, ENDED_MAX, Ended, Ending, Motion, Wish},
        traffic,
        turn::Turn,
    },
    domain::{
        fact::ReplicaState,
        fault::Version,
        id::{AskId, BackendId, ClientId, RouteId},
        shown::Shown,
        time::Millis,
        weight::Weights,
    },
    plan::model::Route,
};

/// How long a request waits for its second person.
const LASTS: Millis = Millis::from_mins(5);

/// What a digest covers, in this order; field names and order are part of the digest.
#[derive(Serialize)]
struct Terms<'a> {
    action: &'static str,
    route: &'a RouteId,
    target: &'a BackendId,
    from: &'a Weights,
    to: &'a Weights,
    version: &'a Version,
    lag: String,
    plan: &'a str,
    epoch: u64,
}

impl Terms<'_> {
    /// SHA-256 over the canonical JSON, in hex. Maps are sorted by name and there are no floats, so equal terms have equal JSON.
    fn digest(&self) -> String {
        let json = serde_json::to_vec(self).expect("names, numbers and sorted maps always have a JSON form");
        Sha256::digest(&json).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn in_words(&self) -> Vec<(Shown, Shown)> {
        let line = |name: &str, text: String| (Shown::new(name), Shown::new(&text));
        vec![
            line("action", format!("{} {}", self.action, self.route)),
            line("target", self.target.to_string()),
            line("from", self.from.to_string()),
            line("to", self.to.to_string()),
            line("version", self.version.0.clone()),
            line("replication", self.lag.clone()),
            line("plan", self.plan.chars().take(12).collect()),
            line("controls", format!("grant {}", self.epoch)),
        ]
    }
}

fn terms<'a>(turn: &'a Turn, route: &'a Route, wish: &'a Wish) -> Option<Terms<'a>> {
    let version = &turn.route(route).accepted.as_ref()?.version;
    Some(Terms {
        action: "shift",
        route: &route.id,
        target: &route.target,
        from: &wish.from,
        to: &wish.to,
        version,
        lag: replication(turn),
        plan: &turn.plan.hash,
        epoch: wish.epoch,
    })
}

/// The state of replication as a request rests on it: whether it is within bounds, not the figure of the second, which never stands still.
fn replication(turn: &Turn) -> String {
    let Some(database) = &turn.plan.database else { return "no database in the plan".to_owned() };
    let of_replica = database.replicas.iter().map(|instance| {
        let Some(known) = turn.state.replication.get(instance) else { return format!("{instance} unknown") };
        match (known.now.state, known.now.lag) {
            (ReplicaState::Replicating, Ok(lag)) if lag.value <= database.lag_max.as_secs_f64() => format!("{instance} within bounds"),
            (ReplicaState::Replicating, Ok(_)) => format!("{instance} behind"),
            (ReplicaState::Replicating, Err(_)) | (ReplicaState::Unknown | ReplicaState::Untold, _) => format!("{instance} unknown"),
            (ReplicaState::Stopped, _) => format!("{instance} stopped"),
            (ReplicaState::Broken(_), _) => format!("{instance} broken"),
            (ReplicaState::Primary, _) => format!("{instance} is a primary"),
        }
    });
    of_replica.collect::<Vec<_>>().join(", ")
}

/// Opens a request for `wish`, which has passed every other rule. Only a settled route has terms that can hold for a while.
pub(super) fn request(turn: &mut Turn, route: &Route, wish: Wish, ask: AskId) -> Result<Verdict, Refusal> {
    let state = turn.route(route);
    if !matches!(state.motion, Motion::Settled) || !motion::is_fresh(state) {
        return Err(Refusal::Unsettled);
    }
    let Some(terms) = terms(turn, route, &wish) else { return Err(Refusal::NotKnown) };
    let (digest, words) = (terms.digest(), terms.in_words());
    void_route(turn, route, "a newer request took its place");
    let command = Command::Shift { route: route.id.clone(), from: wish.from.clone(), to: wish.to.clone() };
    let (at, expires_at) = (turn.now, turn.now + turn.world.of_people(LASTS));
    let text =
        format!("{} asks for {} from {} to {}; somebody else must approve it within {LASTS}", wish.by.who, route.id, wish.from, wish.to);
    let approval = Approval { digest: digest.clone(), by: wish.by, ask, command, terms: words, at, expires_at, epoch: wish.epoch };
    turn.state.approvals.insert(digest.clone(), approval);
    turn.note(Tone::Warning, text);
    Ok(Verdict::NeedsApproval { digest })
}

/// A request as it was opened, as a wish again.
fn wish(approval: &Approval) -> Option<(RouteId, Wish)> {
    let Command::Shift { route, from, to } = &approval.command else { return None };
    let wish = Wish { by: approval.by.clone(), from: from.clone(), to: to.clone(), at: approval.at, epoch: approval.epoch };
    Some((route.clone(), wish))
}

pub(super) fn approve(turn: &mut Turn, by: &Asker, digest: &str) -> Result<Verdict, Refusal> {
    let approval = open(turn, digest)?;
    if approval.by.who == by.who {
        return Err(Refusal::OwnRequest);
    }
    let void = |why: &str| Refusal::ApprovalVoid { why: Shown::new(why) };
    let (id, wish) = wish(&approval).ok_or_else(|| void("it asks for nothing that can be approved"))?;
    let route = turn.planned(&id).ok_or_else(|| void("the route is gone"))?;
    end(turn, digest, Ending::Approved { by: by.who.clone() });
    let started = traffic::approved(turn, route, wish, by);
    if let Err(refusal) = &started {
        let why = Shown::new(&refusal.to_string());
        turn.note(Tone::Warning, format!("what {} approved was not started: {why}", by.who));
        if let Some(ended) = turn.state.ended.back_mut() {
            ended.how = Ending::NotStarted { by: by.who.clone(), why };
        }
    }
    started
}

pub(super) fn deny(turn: &mut Turn, by: &Asker, digest: &str, reason: Option<&Shown>) -> Result<Verdict, Refusal> {
    open(turn, digest)?;
    end(turn, digest, Ending::Denied { by: by.who.clone(), reason: reason.cloned() });
    Ok(Verdict::Accepted)
}

pub(super) fn withdraw(turn: &mut Turn, by: &Asker, digest: &str) -> Result<Verdict, Refusal> {
    let approval = open(turn, digest)?;
    if approval.by.who != by.who {
        return Err(Refusal::NoSuch { what: Shown::new("request of yours") });
    }
    end(turn, digest, Ending::Withdrawn);
    Ok(Verdict::Accepted)
}

/// The request of this digest, if everything that it rests on still holds.
fn open(turn: &mut Turn, digest: &str) -> Result<Approval, Refusal> {
    expire(turn);
    let gone = || Refusal::ApprovalVoid { why: Shown::new("it expired, was withdrawn, or what it rests on changed") };
    turn.state.approvals.get(digest).cloned().ok_or_else(gone)
}

/// Voids what is too old, and what no longer has the terms that it was opened with.
pub(super) fn expire(turn: &mut Turn) {
    let mut void = Vec::new();
    for approval in turn.state.approvals.values() {
        if turn.now >= approval.expires_at {
            void.push((approval.digest.clone(), "nobody approved it in time"));
        } else if !holds(turn, approval) {
            void.push((approval.digest.clone(), "what it rests on has changed"));
        }
    }
    void.into_iter().for_each(|(digest, why)| drop_request(turn, &digest, why));
}

fn holds(turn: &Turn, approval: &Approval) -> bool {
    let Some((id, wish)) = wish(approval) else { return false };
    let Some(route) = turn.planned(&id) else { return false };
    let state = turn.route(route);
    let settled = matches!(state.motion, Motion::Settled) && state.drift.is_none() && state.wanted.as_ref() == Some(&wish.from);
    settled && wish.epoch == turn.state.controls.epoch && terms(turn, route, &wish).is_some_and(|terms| terms.digest() == approval.digest)
}

fn drop_request(turn: &mut Turn, digest: &str, why: &str) {
    end(turn, digest, Ending::Void { why: Shown::new(why) });
}

/// Closes a request and says to everybody how; remembered for a while, because who had it before his eyes must learn why it went.
fn end(turn: &mut Turn, digest: &str, how: Ending) {
    let Some(approval) = turn.state.approvals.remove(digest) else { return };
    let what = wish(&approval).map_or_else(String::new, |(route, wish)| format!("{route} from {} to {}", wish.from, wish.to));
    let Approval { digest, by, .. } = approval;
    let (tone, text) = match &how {
        Ending::Approved { by: second } => (Tone::Plain, format!("{second} approved what {} asked for: {what}", by.who)),
        Ending::Denied { by: second, reason } => {
            let why = reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
            (Tone::Warning, format!("{second} denied what {} asked for{why}", by.who))
        }
        Ending::Withdrawn => (Tone::Plain, format!("{} withdrew the request", by.who)),
        Ending::NotStarted { why, .. } | Ending::Void { why } => (Tone::Warning, format!("the request of {} is void: {why}", by.who)),
    };
    turn.note(tone, text);
    turn.state.ended.push_back(Ended { digest, by, what: Shown::new(&what), how, at: turn.now });
    while turn.state.ended.len() > ENDED_MAX {
        turn.state.ended.pop_front();
    }
}

pub(super) fn void_route(turn: &mut Turn, route: &Route, why: &str) {
    let of_route = |approval: &&Approval| matches!(&approval.command, Command::Shift { route: id, .. } if *id == route.id);
    let digests: Vec<String> = turn.state.approvals.values().filter(of_route).map(|approval| approval.digest.clone()).collect();
    digests.into_iter().for_each(|digest| drop_request(turn, &digest, why));
}

pub(super) fn void_all(turn: &mut Turn, why: &str) {
    let digests: Vec<String> = turn.state.approvals.keys().cloned().collect();
    digests.into_iter().for_each(|digest| drop_request(turn, &digest, why));
}

pub(super) fn asker_left(turn: &mut Turn, client: ClientId) {
    let of_client = |approval: &&Approval| approval.by.client == client;
    let digests: Vec<String> = turn.state.approvals.values().filter(of_client).map(|approval| approval.digest.clone()).collect();
    digests.into_iter().for_each(|digest| drop_request(turn, &digest, "who asked for it left"));
}
