//! The steered rule of an HTTPRoute as a split, and back.
//!
//! Weights are proportions of their sum; an entry that says none has 1. One backend may stand there twice, and whatever the plan does not
//! name has its share under its own name. A write sets the whole split, so it takes strangers' shares away too; every other field of every
//! rule goes back as it came.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    Backend, managers, reach,
    status::{Following, following},
    wire::{Entry, HttpRoute, Patch, PatchedMetadata, PatchedSpec, Rule, Step},
};
use crate::{
    adapter::{annotation, claim, share::scaled, vendor_name},
    domain::{
        claim::Claimed,
        fault::{Fault, FaultKind},
        hindrance::Hindrance,
        http_route,
        id::BackendId,
        shown::Shown,
        weight::{PerMille, Weights},
    },
    port::Change,
};

/// Who has the share of requests that no entry's weight sends anywhere.
const NOBODY: &str = "nobody";
/// Who has the share of requests that are sent elsewhere.
const REDIRECT: &str = "redirect";
const PLACE: &str = "what is annotated on the HTTPRoute";

/// What of the plan a route is compared with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub name: &'a str,
    /// Where the route is, and its Services.
    pub namespace: &'a str,
    pub rule: &'a http_route::Rule,
    pub backends: &'a [Backend],
    /// The host that the route's users ask for, where the plan names it.
    pub host: Option<&'a str>,
    /// What they ask for there.
    pub path: &'a str,
    pub shared_with: &'a [String],
}

/// Which rule is steered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Steered {
    pub at: usize,
    /// It is not the one that the plan means.
    is_another: bool,
}

impl Known<'_> {
    /// Which rule is steered: the one that the plan means. Where that is gone or leads elsewhere, it is the only one that leads to all of the
    /// plan's backends, or to any: whoever renames a rule, or puts another before it, takes nobody's way home away. A rule that is named is the
    /// one while it leads to any of them; in a place, another may have come to stand.
    /// # Errors
    /// [`FaultKind::NotFound`] with the rules that there are, if the route has not the one that is meant and none that it could have become.
    pub(super) fn place(&self, route: &HttpRoute) -> Result<Steered, Fault> {
        let rules = route.rules();
        let held: Vec<usize> = (0..rules.len()).map(|at| self.holds(rules, at)).collect();
        let (meant, is_enough): (Option<usize>, fn(usize, usize) -> bool) = match self.rule {
            http_route::Rule::Only => ((rules.len() == 1).then_some(0), |_, _| true),
            http_route::Rule::At { index } => (Some(usize::from(*index)).filter(|at| *at < rules.len()), |held, all| held == all),
            http_route::Rule::Named { name } => (rules.iter().position(|rule| name_of(rule) == name.as_str()), |held, _| held > 0),
        };
        let only = |least: usize| {
            let mut found = held.iter().enumerate().filter(|(_, held)| **held >= least).map(|(at, _)| at);
            found.next().filter(|_| found.next().is_none())
        };
        let all = self.backends.len();
        let as_meant = |at: usize| Steered { at, is_another: false };
        if let Some(at) = meant.filter(|at| is_enough(held[*at], all)) {
            return Ok(as_meant(at));
        }
        let another = only(all).or_else(|| only(1)).filter(|at| meant != Some(*at)).map(|at| Steered { at, is_another: true });
        another.or(meant.map(as_meant)).ok_or_else(|| self.missing(rules))
    }

    /// To how many of the plan's backends a rule leads, with whatever weights.
    fn holds(&self, rules: &[Value], at: usize) -> usize {
        let rule = Rule::read(rules, at).unwrap_or_default();
        let mut led: Vec<&BackendId> = rule.backend_refs.iter().filter_map(|entry| self.backend(entry)).collect();
        led.sort();
        led.dedup();
        led.len()
    }

    fn missing(&self, rules: &[Value]) -> Fault {
        let what = match self.rule {
            http_route::Rule::Only => "has not one rule alone; say which is meant by `rule`, a number or a name".to_owned(),
            http_route::Rule::At { index } => format!("has no rules[{index}]"),
            http_route::Rule::Named { name } => format!("has no rule {name}"),
        };
        let names: Vec<String> =
            rules.iter().enumerate().map(|(at, rule)| format!("{at} {}", name_of(rule)).trim_end().to_owned()).collect();
        let there = if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
        Fault::new(FaultKind::NotFound, format!("HTTPRoute {} {what}; {there}", self.name))
    }

    /// That the rule which is steered is not the one that the plan means.
    fn moved(&self, route: &HttpRoute, steered: Steered) -> Option<Hindrance> {
        let name = route.rules().get(steered.at).map_or("", name_of);
        let found = if name.is_empty() { format!("rules[{}]", steered.at) } else { format!("rules[{}], named {name}", steered.at) };
        steered.is_another.then(|| Hindrance::RuleMoved { meant: Shown::new(&self.rule.to_string()), found: Shown::new(&found) })
    }

    /// The backend of the plan that an entry leads to.
    pub(super) fn backend(&self, entry: &Entry) -> Option<&BackendId> {
        let is_here = entry.namespace.as_deref().is_none_or(|namespace| namespace == self.namespace);
        let is_meant =
            |backend: &&Backend| backend.name == entry.name && backend.kind.kind() == entry.kind() && backend.kind.group() == entry.group;
        self.backends.iter().filter(|_| is_here).find(is_meant).map(|backend| &backend.id)
    }

    /// What an entry outside the plan leads to: its name, and where that is one of the plan's own, what or where it is as well.
    fn called(&self, entry: &Entry) -> String {
        let elsewhere = entry.namespace.as_deref().filter(|namespace| *namespace != self.namespace);
        let is_namesake = self.backends.iter().any(|backend| backend.name == entry.name);
        match elsewhere {
            Some(namespace) => format!("{namespace}/{}", entry.name),
            None if is_namesake => format!("{}/{}", entry.kind(), entry.name),
            None => entry.name.clone(),
        }
    }

    fn stranger(&self, called: &str) -> BackendId {
        vendor_name::stranger(called, self.backends.iter().map(|backend| &backend.id))
    }
}

fn name_of(rule: &Value) -> &str {
    rule.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// What the route says of its traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Split {
    pub weights: Weights,
    pub hindrances: Vec<Hindrance>,
}

/// The whole split, strangers included.
/// # Errors
/// [`FaultKind::NotFound`] if the route has not the steered rule; [`FaultKind::Unreadable`] if that can't be read.
pub(super) fn split(route: &HttpRoute, known: Known<'_>) -> Result<Split, Fault> {
    let steered = known.place(route)?;
    let rule = Rule::read(route.rules(), steered.at)?;
    let mut hindrances: Vec<Hindrance> = known.moved(route, steered).into_iter().collect();
    let mut held: BTreeMap<BackendId, u32> = known.backends.iter().map(|backend| (backend.id.clone(), 0)).collect();
    let mut strangers: BTreeMap<BackendId, Shown> = BTreeMap::new();
    for entry in &rule.backend_refs {
        let id = known.backend(entry).cloned().unwrap_or_else(|| {
            let called = known.called(entry);
            let id = known.stranger(&called);
            strangers.insert(id.clone(), Shown::new(&called));
            id
        });
        let weight = held.entry(id).or_default();
        *weight = weight.saturating_add(entry.weight());
    }
    if let Some(redirect) = rule.filters.iter().find(|filter| filter.kind == "RequestRedirect") {
        let to = redirect.request_redirect.hostname.as_deref().unwrap_or("elsewhere");
        hindrances.push(Hindrance::Redirect { to: Shown::new(to) });
        held = known.backends.iter().map(|backend| (backend.id.clone(), 0)).chain([(known.stranger(REDIRECT), 1)]).collect();
    } else {
        if held.values().all(|weight| *weight == 0) {
            hindrances.push(Hindrance::AllZero);
            held.insert(known.stranger(NOBODY), 1);
        }
        let missing =
            known.backends.iter().filter(|backend| rule.backend_refs.iter().all(|entry| known.backend(entry) != Some(&backend.id)));
        hindrances.extend(missing.map(|backend| Hindrance::NoEntry { backend: backend.id.clone(), name: Shown::new(&backend.name) }));
    }
    held.retain(|id, weight| *weight > 0 || !strangers.contains_key(id));
    let weights = scaled(&held)?;
    let shares = strangers.into_iter().map(|(id, name)| (weights.of(&id), id, name)).filter(|(share, _, _)| *share > PerMille::ZERO);
    hindrances.extend(shares.map(|(share, backend, name)| Hindrance::Stranger { backend, name, share }));
    hindrances.extend(reach::hindrances(route, known, steered.at));
    hindrances.extend(managers::declarers(route, known.shared_with));
    hindrances.extend(match following(route) {
        Following::Refuses(why) => Some(Hindrance::Failing { why: Shown::new(&why) }),
        Following::Nobody => Some(Hindrance::Failing { why: Shown::new("no gateway has taken the HTTPRoute up") }),
        Following::Follows | Following::Behind => None,
    });
    hindrances.extend(no_room(route));
    hindrances.sort();
    Ok(Split { weights, hindrances })
}

/// Whose claim the route bears.
pub(super) fn claimed(route: &HttpRoute) -> Claimed {
    annotation::claimed(&route.metadata.annotations)
}

fn no_room(route: &HttpRoute) -> Option<Hindrance> {
    annotation::no_room(&route.metadata.annotations, PLACE)
}

/// The patch that makes `change` of the route.
/// # Errors
/// [`FaultKind::Unsupported`] if it gives something to a backend that the route does not have and can't get, if the rule redirects, or if
/// there is no room for a claim that was to be written alone; [`FaultKind::NotFound`] if it has not the steered rule. Nothing is sent then.
pub(super) fn changed(route: &HttpRoute, known: Known<'_>, change: Change<'_>) -> Result<Patch, Fault> {
    let claim = change.claim().and_then(|claim| annotation::with(&route.metadata.annotations, claim, PLACE));
    let spec = match change {
        Change::Split { to, .. } => Some(PatchedSpec { rules: reweighted(route, known, to)? }),
        Change::Claim(_) if claim.is_none() => {
            return Err(Fault::new(FaultKind::Unsupported, format!("{PLACE} leaves no room for the claim; nothing was written")));
        }
        Change::Claim(_) => None,
    };
    let metadata = PatchedMetadata {
        uid: route.metadata.uid.clone(),
        resource_version: route.metadata.resource_version.clone(),
        annotations: claim.map(|text| (annotation::NAME.to_owned(), text)).into_iter().collect(),
    };
    Ok(Patch { metadata, spec })
}

/// The same change as a JSON patch that names no version, to be sent where others write beside us faster than a version can be read. It is
/// done only where the spec is that of the generation that was read, so that nobody's change of it is undone and no second copy does anything,
/// and where the line that says who steers reads as it did. The server itself tries again while others write labels, annotations and status.
/// # Errors
/// As [`changed`].
pub(super) fn guarded(route: &HttpRoute, known: Known<'_>, change: Change<'_>) -> Result<Vec<Step>, Fault> {
    let Patch { metadata, spec } = changed(route, known, change)?;
    let test = |path: &str, value: Value| Step::Test { path: path.to_owned(), value };
    let mut steps = vec![test("/metadata/uid", json!(metadata.uid)), test("/metadata/generation", json!(route.metadata.generation))];
    let (all, own) = ("/metadata/annotations".to_owned(), format!("/metadata/annotations/{}", annotation::NAME));
    // What is not there is tested as null; a server that takes that for a mistake refuses, and nothing is done.
    let (place, stands) = match route.metadata.annotations.get(annotation::NAME) {
        None if route.metadata.annotations.is_empty() => (all, Value::Null),
        stands => (own, stands.map_or(Value::Null, |text| json!(text))),
    };
    steps.push(test(&place, stands));
    if let Some(text) = metadata.annotations.get(annotation::NAME) {
        let value = if route.metadata.annotations.is_empty() { json!(metadata.annotations) } else { json!(text) };
        steps.push(Step::Add { path: place, value });
    }
    if let Some(PatchedSpec { rules }) = spec {
        let at = known.place(route)?.at;
        let entries = rules.get(at).and_then(|rule| rule.get("backendRefs")).cloned().unwrap_or_else(|| json!([]));
        steps.push(Step::Add { path: format!("/spec/rules/{at}/backendRefs"), value: entries });
    }
    Ok(steps)
}

/// Whether what was decided on `base` holds for `newer` too: nobody has changed what the route is to be, who declares it or who steers it.
/// Labels, other annotations and what gateways say of it may be different.
pub(super) fn stands(newer: &HttpRoute, base: &HttpRoute, known: Known<'_>) -> bool {
    let line = |route: &HttpRoute| route.metadata.annotations.get(annotation::NAME).cloned();
    newer.metadata.uid == base.metadata.uid
        && newer.metadata.generation == base.metadata.generation
        && newer.spec == base.spec
        && line(newer) == line(base)
        && managers::declarers(newer, known.shared_with) == managers::declarers(base, known.shared_with)
}

/// Whether the route reads as `change` was to make it.
pub(super) fn reads_as(route: &HttpRoute, known: Known<'_>, change: Change<'_>) -> bool {
    let splits = match change {
        Change::Split { to, .. } => split(route, known).is_ok_and(|split| split.weights == *to),
        Change::Claim(_) => true,
    };
    splits && claim::bears(&claimed(route), change, no_room(route))
}

/// All rules, of which the steered one has the whole split set to `to`. Strangers and second entries of one backend stay in it with
/// nothing.
fn reweighted(route: &HttpRoute, known: Known<'_>, to: &Weights) -> Result<Vec<Value>, Fault> {
    let unsupported = |why: String| Fault::new(FaultKind::Unsupported, format!("{why}; nothing was written"));
    let is_ours = |id: &BackendId| known.backends.iter().any(|backend| backend.id == *id);
    if let Some((stranger, _)) = to.iter().find(|(id, share)| *share > PerMille::ZERO && !is_ours(id)) {
        return Err(unsupported(format!("{stranger} is no backend of this route")));
    }
    let at = known.place(route)?.at;
    let rule = Rule::read(route.rules(), at)?;
    if rule.filters.iter().any(|filter| filter.kind == "RequestRedirect") {
        return Err(unsupported(format!("rules[{at}] redirects everybody, which goes together with no backend; take its filter away")));
    }
    let mut rules = route.rules().to_vec();
    let entries =
        rules.get_mut(at).and_then(|rule| rule.as_object_mut()).map(|rule| rule.entry("backendRefs").or_insert_with(|| json!([])));
    let Some(Value::Array(entries)) = entries else {
        return Err(unsupported(format!("rules[{at}] of the HTTPRoute has no list of backends")));
    };
    let mut given: Vec<&BackendId> = Vec::new();
    for (entry, read) in entries.iter_mut().zip(&rule.backend_refs) {
        let first = known.backend(read).filter(|id| !given.contains(id));
        entry["weight"] = first.map_or(0, |id| to.of(id).get()).into();
        given.extend(first);
    }
    for backend in known.backends.iter().filter(|backend| !given.contains(&&backend.id) && to.of(&backend.id) > PerMille::ZERO) {
        let ports: Vec<Option<u16>> =
            rule.backend_refs.iter().filter(|entry| known.backend(entry).is_some()).map(|entry| entry.port).collect();
        let Some(port) = ports.first().copied().filter(|port| ports.iter().all(|other| other == port)) else {
            // A rule that leads to none of ours is likely to be another one than was meant, and stays as it is.
            return Err(unsupported(format!("{} has no entry in rules[{at}], and nothing there tells its port; add one", backend.name)));
        };
        entries.push(fresh(backend, port, to.of(&backend.id)));
    }
    Ok(rules)
}

fn fresh(backend: &Backend, port: Option<u16>, share: PerMille) -> Value {
    let mut entry = Map::new();
    entry.insert("group".to_owned(), json!(backend.kind.group()));
    entry.insert("kind".to_owned(), json!(backend.kind.kind()));
    entry.insert("name".to_owned(), json!(backend.name));
    if let Some(port) = port {
        entry.insert("port".to_owned(), json!(port));
    }
    entry.insert("weight".to_owned(), json!(share.get()));
    Value::Object(entry)
}

#[cfg(test)]
mod tests;
