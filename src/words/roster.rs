//! Who may come in, who stands behind a name, and who was turned away.

use crate::{
    core::{
        event::{AtTheDoor, Intrusion, Listed, Roster, TurnedAway},
        roster::{Change, Changed},
    },
    domain::{
        credentials::{Credentials, Fingerprint, Proven},
        digest::Digest,
        id::OperatorId,
        shown::Shown,
        time::Millis,
    },
};

/// The account, and what proved that it is this person, as the end of a line about him.
pub fn credentials(known: &Credentials) -> String {
    let account = account(known.uid, known.login.as_ref());
    match &known.proven {
        Proven::Account => account,
        Proven::Key(key) => format!("{account} \u{b7} key {}", key.short()),
        Proven::Signal => format!("{account} \u{b7} by a signal"),
    }
}

fn account(uid: u32, login: Option<&Shown>) -> String {
    login.map_or_else(|| format!("uid {uid}"), |login| format!("uid {uid} {login}"))
}

/// A name with who stands behind it.
pub(super) fn person(who: &OperatorId, known: Option<&Credentials>) -> String {
    known.map_or_else(|| who.to_string(), |known| format!("{who} ({})", credentials(known)))
}

/// Who may come in, on one line.
pub fn roster_in_short(roster: &Roster) -> String {
    let names: Vec<String> = roster.people.iter().map(|one| one.who.to_string()).collect();
    match roster.digest {
        Some(digest) => format!("roster {}: {}", digest.short(), names.join(", ")),
        None => format!("no roster; {} alone may come in", names.join(", ")),
    }
}

/// Why somebody can't be the second person of a request.
pub fn barred(who: &OperatorId, how: &Change, after: Millis) -> String {
    let what = match how {
        Change::Added { .. } => "was added to the roster",
        Change::Removed => "was taken off the roster",
        Change::Account { .. } => "was given another account",
        Change::Key { .. } => "was given another key",
        Change::Role { .. } => "was given another role",
    };
    format!("{who} {what} {after} after it was asked for")
}

pub(super) fn no_second(barred: &str) -> String {
    format!("{barred}; somebody else must approve it")
}

/// One line of a roster.
fn listed(listed: &Listed) -> String {
    let key = listed.key.as_ref().map_or_else(String::new, |key| format!(" \u{b7} key {}", key.short()));
    format!("{} {} \u{b7} {}{key}", listed.who, listed.role, account(listed.uid, listed.login.as_ref()))
}

/// A whole roster.
pub fn roster(roster: &Roster) -> String {
    let people: Vec<String> = roster.people.iter().map(listed).collect();
    format!("the roster{} lists {}", text(roster.digest.as_ref()), people.join("; "))
}

fn text(digest: Option<&Digest>) -> String {
    digest.map_or_else(String::new, |digest| format!(" {}", digest.short()))
}

pub(super) fn read(digest: Option<&Digest>, people: u32) -> String {
    match (digest, people) {
        (None, _) => "there is no roster: the host's own account alone may come in".to_owned(),
        (Some(_), 1) => format!("the roster{} lists one person", text(digest)),
        (Some(_), people) => format!("the roster{} lists {people} people", text(digest)),
    }
}

pub(super) fn changed(digest: Option<&Digest>, changed: &[Changed]) -> String {
    let text = text(digest);
    if changed.is_empty() {
        return format!("the roster's text is another now{text}; who may come in is as before");
    }
    let changes: Vec<String> = changed.iter().map(|Changed { who, how }| format!("{who} {}", change(how))).collect();
    format!("the roster has changed{text}: {}", changes.join(", "))
}

fn change(how: &Change) -> String {
    match how {
        Change::Added { role, uid, login } => format!("is new as {role} ({})", account(*uid, login.as_ref())),
        Change::Removed => "is not in it any more".to_owned(),
        Change::Account { uid, login } => format!("has another account ({})", account(*uid, login.as_ref())),
        Change::Key { key } => format!("has another key ({})", key_or_none(key.as_ref())),
        Change::Role { from, to } => format!("is {to} and no longer {from}"),
    }
}

fn key_or_none(key: Option<&Fingerprint>) -> String {
    key.map_or_else(|| "none: his account is enough".to_owned(), Fingerprint::short)
}

/// Who was turned away at the door, and why.
pub fn turned_away(turned: &TurnedAway) -> String {
    let whose = turned.uid.map_or_else(|| "several accounts".to_owned(), |uid| account(uid, turned.login.as_ref()));
    let what: Vec<String> = turned.refused.iter().map(refused).collect();
    format!("turned away at the door: {whose}: {}", what.join(", "))
}

fn refused(at_door: &AtTheDoor) -> String {
    let AtTheDoor { what, times, who } = at_door;
    let who = who.as_ref().map_or_else(String::new, |who| format!(" as {who}"));
    let times = if *times == 1 { String::new() } else { format!(", {times} times") };
    format!("{}{who}{times}", intrusion(*what))
}

fn intrusion(what: Intrusion) -> &'static str {
    match what {
        Intrusion::Stranger => "in no roster",
        Intrusion::AnotherName => "not this account's name",
        Intrusion::NoProof => "no proof of a key",
        Intrusion::ReplayedProof => "a proof of another text, as one sent before",
        Intrusion::ForgedApproval => "an approval without the right signature",
        Intrusion::ReplayedApproval => "an approval signed for another request",
        Intrusion::WatcherAsked => "a watcher asked for something",
        Intrusion::NotHisToAsk => "asked for what that connection may not ask",
    }
}
