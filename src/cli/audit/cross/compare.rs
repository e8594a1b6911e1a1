//! The comparison, both ways: each write of the journal against the log, and each change in the log against the journal.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    book::{Book, Fate, Write},
    log::{Entry, Log, Reason},
};
use crate::{
    domain::id::{EffectId, RouteId},
    plan::model::{Driver, MapPart, Plan, Route, RulePart},
};

/// What was found out about a write of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli::audit) enum Finding {
    /// Done, and the log has it.
    Agrees,
    /// Not done, and the log has no change of it.
    AgreesNotDone,
    /// The journal does not know; the log has it.
    WasDone,
    /// The journal does not know; the log says that it was refused.
    WasRefused,
    /// The journal does not know; the log has nothing of it.
    NeverArrived,
    /// The journal does not know yet; nor does the log, which may have its beginning.
    NotYet,
    /// The journal says that it was done; the log does not have it.
    NotInLog,
    /// The journal says that it was not done; the log has it.
    DoneAfterAll,
}

impl Finding {
    pub(in crate::cli::audit) const fn contradicts(self) -> bool {
        match self {
            Finding::NotInLog | Finding::DoneAfterAll => true,
            Finding::Agrees | Finding::AgreesNotDone | Finding::WasDone | Finding::WasRefused | Finding::NeverArrived | Finding::NotYet => {
                false
            }
        }
    }

    /// For programs.
    pub(in crate::cli::audit) const fn code(self) -> &'static str {
        match self {
            Finding::Agrees => "agrees",
            Finding::AgreesNotDone => "agrees-not-done",
            Finding::WasDone => "was-done",
            Finding::WasRefused => "was-refused",
            Finding::NeverArrived => "never-arrived",
            Finding::NotYet => "not-yet",
            Finding::NotInLog => "not-in-log",
            Finding::DoneAfterAll => "done-after-all",
        }
    }
}

/// Whose a change is that no write of the journal stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli::audit) enum Stranger {
    /// Its reason names this session and a write that the journal does not have, or not so.
    InOurName,
    /// It was made by the account that our writes are made by, and gives no reason of ours.
    ByOurAccount,
    /// Another session of this program.
    AnotherSession,
    Somebody,
}

impl Stranger {
    pub(in crate::cli::audit) const fn contradicts(self) -> bool {
        match self {
            Stranger::InOurName | Stranger::ByOurAccount => true,
            Stranger::AnotherSession | Stranger::Somebody => false,
        }
    }

    /// For programs.
    pub(in crate::cli::audit) const fn code(self) -> &'static str {
        match self {
            Stranger::InOurName => "in-our-name",
            Stranger::ByOurAccount => "by-our-account",
            Stranger::AnotherSession => "another-session",
            Stranger::Somebody => "somebody",
        }
    }
}

#[derive(Debug)]
pub(in crate::cli::audit) struct Comparison<'a> {
    /// Each write with what the log has of it.
    pub writes: Vec<(&'a Write, Finding, Vec<&'a Entry>)>,
    pub strangers: Vec<(Stranger, &'a Entry)>,
    /// Changes of other objects or of another time, and what was refused to others.
    pub elsewhere: usize,
}

pub(in crate::cli::audit) fn compare<'a>(book: &'a Book, log: &'a Log) -> Comparison<'a> {
    let objects: BTreeMap<&RouteId, String> = book.plan.routes.iter().map(|route| (&route.id, object(&book.plan, route))).collect();
    let acts: BTreeMap<String, u64> = book.acts.iter().map(|(effect, record)| (effect.to_string(), *record)).collect();
    let named: BTreeMap<String, &Write> = book.writes.iter().map(|write| (write.effect.to_string(), write)).collect();
    let mut ours: BTreeMap<EffectId, Vec<&Entry>> = BTreeMap::new();
    // What repeats a write under its request id is that write: the cloud does and logs it once.
    let mut done: BTreeSet<EffectId> = BTreeSet::new();
    let (mut others, mut elsewhere) = (Vec::new(), 0);
    for entry in &log.entries {
        match write_of(book, &named, &objects, entry) {
            Some(write) => {
                ours.entry(write.effect).or_default().push(entry);
                if entry.refused.is_none() {
                    done.insert(write.first);
                }
            }
            None if is_of_a_step(book, &acts, entry) => elsewhere += 1,
            None if is_in_our_name(book, entry) => others.push(entry),
            // What was refused to others changed nothing.
            None if entry.refused.is_some() => elsewhere += 1,
            None if !objects.values().any(|object| *object == entry.resource) || !is_of_its_time(book, entry) => elsewhere += 1,
            None => others.push(entry),
        }
    }
    let accounts: Vec<_> = ours.values().flatten().map(|entry| &entry.who).collect();
    let whose = |entry: &Entry| match &entry.reason {
        _ if is_in_our_name(book, entry) => Stranger::InOurName,
        Some(_) => Stranger::AnotherSession,
        None if accounts.contains(&&entry.who) => Stranger::ByOurAccount,
        None => Stranger::Somebody,
    };
    let strangers = others.iter().map(|entry| (whose(entry), *entry)).collect();
    let told = |write: &'a Write| {
        let own = ours.remove(&write.effect).unwrap_or_default();
        (write, found(write, &own, done.contains(&write.first)), own)
    };
    let writes = book.writes.iter().map(told).collect();
    Comparison { writes, strangers, elsewhere }
}

fn found(write: &Write, own: &[&Entry], was_done: bool) -> Finding {
    let has_own = own.iter().any(|entry| entry.refused.is_none());
    match &write.fate {
        Fate::Done if was_done => Finding::Agrees,
        Fate::Done => Finding::NotInLog,
        Fate::NotDone(_) | Fate::Kept if has_own => Finding::DoneAfterAll,
        Fate::NotDone(_) | Fate::Kept => Finding::AgreesNotDone,
        // An operation that has begun may fail yet.
        Fate::UnderWay if has_own || own.is_empty() => Finding::NotYet,
        Fate::UnderWay => Finding::WasRefused,
        Fate::Unknown(_) | Fate::Open if was_done => Finding::WasDone,
        Fate::Unknown(_) | Fate::Open if !own.is_empty() => Finding::WasRefused,
        Fate::Unknown(_) | Fate::Open => Finding::NeverArrived,
    }
}

fn is_in_our_name(book: &Book, entry: &Entry) -> bool {
    entry.reason.as_ref().is_some_and(|reason| reason.session == book.session)
}

/// The write that an entry is of: its reason names it, and the hash of a record of this very journal, not newer than the write's own.
fn write_of<'a>(
    book: &Book,
    named: &BTreeMap<String, &'a Write>,
    objects: &BTreeMap<&RouteId, String>,
    entry: &Entry,
) -> Option<&'a Write> {
    let Reason { session, effect, head } = entry.reason.as_ref()?;
    let write = *named.get(effect.as_ref()?)?;
    let seq = book.found.get(head)?;
    let is_its_object = objects.get(&write.route).is_some_and(|object| *object == entry.resource);
    (*session == book.session && *seq <= write.record && is_its_object).then_some(write)
}

/// The same of an act on a step, whose object is none of the routes'.
fn is_of_a_step(book: &Book, acts: &BTreeMap<String, u64>, entry: &Entry) -> bool {
    let Some(Reason { session, effect: Some(effect), head }) = &entry.reason else { return false };
    let (record, seq) = (acts.get(effect), book.found.get(head));
    *session == book.session && record.zip(seq).is_some_and(|(record, seq)| seq <= record)
}

fn is_of_its_time(book: &Book, entry: &Entry) -> bool {
    entry.at.is_none_or(|at| book.from <= at && at <= book.to)
}

/// What the log calls the object that holds a route's weights.
pub(in crate::cli::audit) fn object(plan: &Plan, route: &Route) -> String {
    let Plan { project, region, .. } = plan;
    match &route.driver {
        Driver::UrlMap(part) => {
            let MapPart { url_map, region, position: _, project: _ } = part;
            let place = region.as_ref().map_or_else(|| "global".to_owned(), |region| format!("regions/{region}"));
            format!("projects/{}/{place}/urlMaps/{url_map}", plan.project_of_map(part))
        }
        Driver::CloudRunRevisions { service } => format!("projects/{project}/locations/{region}/services/{service}"),
        Driver::HttpRoute(RulePart { http_route, namespace, cluster, .. }) => {
            in_cluster(cluster.as_str(), &format!("gateway.networking.k8s.io/v1/namespaces/{namespace}/httproutes/{http_route}"))
        }
    }
}

/// An object of a cluster, as its own log calls it, by the cluster too: others have objects of that name.
pub(in crate::cli::audit) fn in_cluster(cluster: &str, object: &str) -> String {
    format!("clusters/{cluster}/{object}")
}
