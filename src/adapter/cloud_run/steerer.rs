//! Who steers a service: a claim in an annotation of its own, beside all that others wrote.
//!
//! An annotation of the service makes no revision. Its name has no domain, as is the custom for what belongs to nobody's system.

use std::collections::BTreeMap;

use super::wire::Service;
use crate::{
    adapter::claim,
    domain::{
        claim::{Claim, Claimed},
        hindrance::Hindrance,
    },
};

const ANNOTATION: &str = "cutover-claim";
/// The most that an object's annotations may have together, names and all, in bytes.
const ANNOTATIONS_MAX: usize = 256 * 1024;

fn text(service: &Service) -> &str {
    service.annotations.get(ANNOTATION).map_or("", String::as_str)
}

/// Whose claim the service bears.
pub(super) fn claimed(service: &Service) -> Claimed {
    claim::claimed(text(service))
}

pub(super) fn no_room(service: &Service) -> Option<Hindrance> {
    let others = service.annotations.iter().filter(|(name, _)| *name != ANNOTATION).map(|(name, value)| name.len() + value.len());
    let left = ANNOTATIONS_MAX.saturating_sub(others.sum::<usize>() + ANNOTATION.len());
    claim::no_room(text(service), left, "what is annotated on the service")
}

/// All annotations with `claim` among them; nothing where it has no room.
pub(super) fn annotations(service: &Service, claim: &Claim) -> Option<BTreeMap<String, String>> {
    no_room(service).is_none().then(|| {
        let mut annotations = service.annotations.clone();
        annotations.insert(ANNOTATION.to_owned(), claim::beside(text(service), claim));
        annotations
    })
}
