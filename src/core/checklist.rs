//! The checklist: what people sign, and what the session finds out by itself.
//!
//! A signature holds for as long as the plan says. Everything else is looked at again once a second and is only ever as good as its
//! newest evidence: what can't be known is not done, and what was done once and can't be shown any more has expired. Ticking off is
//! not permission; a move waits for a line only where the plan says so, at a rung of the ladder.

use crate::{
    core::{
        blind::BLIND_AFTER,
        check,
        decision::{Refusal, Verdict},
        event::Asker,
        news::News,
        reason::{Evidence, Missing},
        state::{ItemState, ItemStatus},
        turn::Turn,
    },
    domain::{
        id::ItemId,
        shown::Shown,
        time::{Millis, Timestamp},
    },
    plan::model::{Check, Item, Proof, Stage},
};

/// Between two rounds through the checklist.
const EVERY: Millis = Millis::from_secs(1);

/// What the evidence for an item comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Finding {
    Holds {
        seen_at: Timestamp,
        evidence: Evidence,
    },
    Against {
        seen_at: Timestamp,
        evidence: Evidence,
    },
    /// Not so far: it needs more time, or its hour has not come.
    NotYet(Evidence),
    Unknown(Evidence),
}

pub(super) fn review(turn: &mut Turn) {
    if turn.state.checked_at.is_some_and(|at| turn.now.since(at) < EVERY) {
        return;
    }
    let before = turn.state.checked_at.replace(turn.now);
    check::watch_stability(turn, before);
    for item in &turn.plan.checklist {
        match &item.proof {
            Proof::Signed => expire_signature(turn, item),
            Proof::Collected(wanted) => collect(turn, item, wanted),
        }
    }
}

fn expire_signature(turn: &mut Turn, item: &Item) {
    let now = turn.now;
    let Some(known) = turn.state.checklist.get_mut(&item.id) else { return };
    if known.status == ItemStatus::Done && known.expires_at.is_some_and(|expires| now >= expires) {
        known.status = ItemStatus::Expired;
        known.since = Some(now);
        turn.tell(News::SignatureExpired { item: item.id.clone() });
    }
}

fn collect(turn: &mut Turn, item: &Item, wanted: &Check) {
    let finding = check::look(turn, wanted, item.expires);
    let now = turn.now;
    let Some(known) = turn.state.checklist.get_mut(&item.id) else { return };
    let before = known.status;
    let was_good = matches!(before, ItemStatus::Done | ItemStatus::Expired);
    let evidence = match finding {
        Finding::Holds { seen_at, evidence } => {
            known.status = ItemStatus::Done;
            known.seen_at = Some(seen_at);
            known.expires_at = Some(seen_at + item.expires);
            evidence
        }
        Finding::Against { seen_at, evidence } => {
            known.status = ItemStatus::Failing;
            known.seen_at = Some(seen_at);
            known.expires_at = None;
            evidence
        }
        Finding::NotYet(evidence) => {
            known.status = ItemStatus::Open;
            known.expires_at = None;
            evidence
        }
        Finding::Unknown(evidence) => {
            let expired = was_good && known.expires_at.is_some_and(|expires| now >= expires);
            known.status = if expired { ItemStatus::Expired } else { ItemStatus::Unknown };
            evidence
        }
    };
    if known.status == before {
        known.evidence = evidence;
        return;
    }
    known.evidence = evidence.clone();
    known.since = Some(now);
    let status = known.status;
    announce(turn, item, before, status, evidence);
}

fn announce(turn: &mut Turn, item: &Item, before: ItemStatus, after: ItemStatus, evidence: Evidence) {
    match (before, after) {
        (_, ItemStatus::Failing) => turn.tell(News::ItemFailing { item: item.id.clone(), evidence }),
        (ItemStatus::Open | ItemStatus::Failing, ItemStatus::Done) => turn.tell(News::ItemProven { item: item.id.clone(), evidence }),
        (_, ItemStatus::Done | ItemStatus::Open | ItemStatus::Unknown | ItemStatus::Expired) => {}
    }
}

pub(super) fn sign(turn: &mut Turn, by: &Asker, id: &ItemId, note: &Shown) -> Result<Verdict, Refusal> {
    let item = find(turn, id)?;
    if note.as_str().trim().is_empty() {
        return Err(Refusal::ReasonMissing);
    }
    sees_enough(turn, item)?;
    let now = turn.now;
    let signed = ItemState {
        status: ItemStatus::Done,
        evidence: Evidence::Note(note.clone()),
        seen_at: Some(now),
        since: Some(now),
        expires_at: Some(now + item.expires),
        signed_by: Some(by.who.clone()),
    };
    turn.state.checklist.insert(item.id.clone(), signed);
    turn.tell(News::Signed { item: item.id.clone(), by: by.who.clone(), note: note.clone() });
    Ok(Verdict::Accepted)
}

pub(super) fn unsign(turn: &mut Turn, by: &Asker, id: &ItemId) -> Result<Verdict, Refusal> {
    let item = find(turn, id)?;
    let known = turn.state.checklist.get_mut(&item.id).filter(|known| known.signed_by.is_some());
    let Some(known) = known else { return Err(Refusal::NoChange) };
    *known = ItemState::default();
    turn.tell(News::Unsigned { item: item.id.clone(), by: by.who.clone() });
    Ok(Verdict::Accepted)
}

fn find<'a>(turn: &Turn<'a>, id: &ItemId) -> Result<&'a Item, Refusal> {
    let item = turn.plan.checklist.iter().find(|item| item.id == *id).ok_or(Refusal::Missing(Missing::Item))?;
    match item.proof {
        Proof::Signed => Ok(item),
        Proof::Collected(_) => Err(Refusal::NotSignable),
    }
}

/// From the move on, nobody signs that something holds while a trigger is blind. What is prepared before it rests on no reading.
fn sees_enough(turn: &Turn, item: &Item) -> Result<(), Refusal> {
    if item.stage == Stage::PreMigration {
        return Ok(());
    }
    let blind = turn.state.triggers.iter().find(|(_, known)| known.blind_since.is_some_and(|since| turn.now.since(since) >= BLIND_AFTER));
    match blind {
        Some((id, _)) => Err(Refusal::CannotSign { trigger: id.clone() }),
        None => Ok(()),
    }
}
