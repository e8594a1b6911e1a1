//! Who may come in, as far as the record knows it, and what a change of that means for what is open.
//!
//! The door admits by the roster; the core only remembers it, tells everybody what changed, and bars whoever changed in it from requests that
//! were open by then. A second person is somebody who was there to be asked, not somebody who was made for the answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    core::{
        event::{Listed, Roster},
        news::News,
        turn::Turn,
    },
    domain::{credentials::Fingerprint, id::OperatorId, role::Role, shown::Shown, time::Millis},
};

/// How a person stands otherwise in the roster than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    pub who: OperatorId,
    pub how: Change,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    Added { role: Role, uid: u32, login: Option<Shown> },
    Removed,
    Account { uid: u32, login: Option<Shown> },
    Key { key: Option<Fingerprint> },
    Role { from: Role, to: Role },
}

/// Who may not approve a request, because he stands otherwise in the roster since it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Barred {
    pub how: Change,
    /// So long after the request was opened.
    pub after: Millis,
}

/// What is otherwise in `now`; of one person the weightiest comes first.
fn changes(before: &Roster, now: &Roster) -> Vec<Changed> {
    let by_name = |roster: &'_ Roster| roster.people.iter().map(|one| (one.who.clone(), one.clone())).collect::<BTreeMap<_, _>>();
    let (before, now) = (by_name(before), by_name(now));
    let gone = before.keys().filter(|who| !now.contains_key(*who)).map(|who| Changed { who: who.clone(), how: Change::Removed });
    let here = now.values().flat_map(|listed| {
        let how = of_one(before.get(&listed.who), listed);
        how.into_iter().map(|how| Changed { who: listed.who.clone(), how }).collect::<Vec<_>>()
    });
    here.chain(gone).collect()
}

fn of_one(before: Option<&Listed>, now: &Listed) -> Vec<Change> {
    let Listed { role, uid, login, key, .. } = now.clone();
    let Some(before) = before else { return vec![Change::Added { role, uid, login }] };
    let account = (before.uid != uid).then_some(Change::Account { uid, login });
    let other_key = (before.key != key).then_some(Change::Key { key });
    let other_role = (before.role != role).then_some(Change::Role { from: before.role, to: role });
    account.into_iter().chain(other_key).chain(other_role).collect()
}

/// The host has read its roster.
pub(super) fn read(turn: &mut Turn, read: &Roster) {
    let before = turn.state.roster.replace(read.clone());
    let digest = read.digest;
    let Some(before) = before else {
        let people = u32::try_from(read.people.len()).unwrap_or(u32::MAX);
        turn.tell(News::RosterRead { digest, people });
        return;
    };
    let changed = changes(&before, read);
    let now = turn.now;
    for approval in turn.state.approvals.values_mut() {
        let after = now.since(approval.at);
        for Changed { who, how } in &changed {
            approval.barred.entry(who.clone()).or_insert_with(|| Barred { how: how.clone(), after });
        }
    }
    if !changed.is_empty() || before.digest != digest {
        turn.tell(News::RosterChanged { digest, changed });
    }
}
