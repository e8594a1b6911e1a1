//! Who else writes an HTTPRoute, from the book that the server keeps of its fields.
//!
//! The list of rules is owned as a whole, so whoever has declared the route's rules has declared its weights too, and puts them back when he
//! applies the route again: a person with `kubectl apply`, or a program that reconciles a repository. Whoever has edited it once does not
//! come back for it.

use super::wire::{HttpRoute, Managed};
use crate::domain::{hindrance::Hindrance, shown::Shown, time::Timestamp};

/// Under which name our writes are kept.
pub(super) const OURS: &str = "cutover";

/// Who declares without the server's knowing it, by the names under which they write: `kubectl apply` as it is by default, and what works
/// as it does.
const DECLARE_BY_UPDATE: [&str; 3] = ["kubectl-client-side-apply", "argocd-controller", "helm"];

fn owns_rules(entry: &Managed) -> bool {
    entry.subresource.is_empty() && entry.fields.pointer("/f:spec/f:rules").is_some()
}

/// Who changed the rules last, and when.
pub(super) fn author(route: &HttpRoute) -> Option<(Shown, Option<Timestamp>)> {
    let owners = route.metadata.managed_fields.iter().filter(|entry| owns_rules(entry));
    let newest = owners.max_by_key(|entry| entry.time)?;
    Some((Shown::new(&newest.manager), newest.time.map(|at| Timestamp(at.as_millisecond()))))
}

/// Whoever declares the rules beside us, but for those who are known to leave the weights alone.
pub(super) fn declarers(route: &HttpRoute, shared_with: &[String]) -> Vec<Hindrance> {
    let declares = |entry: &&Managed| entry.operation == "Apply" || DECLARE_BY_UPDATE.contains(&entry.manager.as_str());
    let others = route.metadata.managed_fields.iter().filter(|entry| owns_rules(entry)).filter(declares);
    let mut names: Vec<&str> = others.map(|entry| entry.manager.as_str()).filter(|name| *name != OURS).collect();
    names.retain(|name| shared_with.iter().all(|known| known != name));
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|by| Hindrance::Managed { by: Shown::new(by) }).collect()
}
