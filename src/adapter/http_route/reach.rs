//! Whether the route's users come to the rule that is steered, and what else leads to the same backends.
//!
//! Hosts and rules are matched as the Gateway API says it: an exact path before the longest prefix, and of equals the first in the list.
//! Only a plain GET is followed here, as the front door is asked: what matches headers, parameters or another method is for other users,
//! and a regular expression is left to the gateway, for each has its own order for those.

use super::{
    split::Known,
    wire::{HttpRoute, Match, Rule},
};
use crate::domain::{
    hindrance::{Hindrance, Way},
    shown::Shown,
};

/// How strongly a match takes a path: exactly, or by so long a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    Prefix(usize),
    Exact,
}

pub(super) fn hindrances(route: &HttpRoute, known: Known<'_>, steered: usize) -> Vec<Hindrance> {
    let mut found = Vec::new();
    let rules: Vec<Rule> = (0..route.rules().len()).filter_map(|at| Rule::read(route.rules(), at).ok()).collect();
    let named = |at: usize| {
        let name = rules.get(at).map(|rule| rule.name.as_str()).filter(|name| !name.is_empty());
        Way::Rule { name: Shown::new(&name.map_or_else(|| format!("rules[{at}] of the HTTPRoute"), |name| format!("the rule {name}"))) }
    };
    if let Some(host) = known.host.filter(|_| known.path.starts_with('/')) {
        let mut hosts = route.hostnames().peekable();
        if hosts.peek().is_some() && !hosts.any(|pattern| takes_host(pattern, host)) {
            found.push(Hindrance::NotReached { from: Shown::new(host), follows: Way::AnotherRoute });
        } else if let Some(followed) = followed(&rules, known.path).filter(|followed| *followed != steered) {
            found.push(Hindrance::NotReached { from: Shown::new(&format!("{host}{}", known.path)), follows: named(followed) });
        }
    }
    for (at, rule) in rules.iter().enumerate().filter(|(at, _)| *at != steered) {
        let led = rule.backend_refs.iter().filter(|entry| entry.weight() > 0).filter_map(|entry| known.backend(entry).cloned());
        let mut backends: Vec<_> = led.collect();
        backends.sort();
        backends.dedup();
        if !backends.is_empty() {
            found.push(Hindrance::LeadsPast { way: named(at), backends });
        }
    }
    found
}

/// `*.example.com` takes every name below, and not the domain itself.
fn takes_host(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(ending) => host.len() > ending.len() && host.to_ascii_lowercase().ends_with(&ending.to_ascii_lowercase()),
        None => pattern.eq_ignore_ascii_case(host),
    }
}

/// The rule that a plain GET of this path follows.
fn followed(rules: &[Rule], path: &str) -> Option<usize> {
    let strongest = |rule: &Rule| match rule.matches.as_slice() {
        [] => Some(Strength::Prefix(0)),
        matches => matches.iter().filter_map(|found| takes_path(found, path)).max(),
    };
    let mut best: Option<(Strength, usize)> = None;
    for (at, rule) in rules.iter().enumerate() {
        if let Some(strength) = strongest(rule).filter(|strength| best.is_none_or(|(known, _)| *strength > known)) {
            best = Some((strength, at));
        }
    }
    best.map(|(_, at)| at)
}

fn takes_path(found: &Match, path: &str) -> Option<Strength> {
    if !found.headers.is_empty() || !found.query_params.is_empty() || found.method.as_deref().is_some_and(|method| method != "GET") {
        return None;
    }
    let wanted = found.path.as_ref();
    let value = wanted.and_then(|path| path.value.as_deref()).unwrap_or("/");
    match wanted.and_then(|path| path.kind.as_deref()).unwrap_or("PathPrefix") {
        "Exact" => (value == path).then_some(Strength::Exact),
        "PathPrefix" => {
            // A prefix ends where an element of the path does.
            let prefix = value.trim_end_matches('/');
            let rest = path.strip_prefix(prefix)?;
            (rest.is_empty() || rest.starts_with('/')).then_some(Strength::Prefix(value.len()))
        }
        _ => None,
    }
}
