//! Who steers an object, in an annotation of its own, beside all that others wrote.
//!
//! Its name has no domain, as is the custom for what belongs to nobody's system.

use std::collections::BTreeMap;

use super::claim;
use crate::domain::{
    claim::{Claim, Claimed},
    hindrance::Hindrance,
};

pub(super) const NAME: &str = "cutover-claim";
/// The most that an object's annotations may have together, names and all, in bytes; Cloud Run and Kubernetes have the same bound.
const ALL_MAX: usize = 256 * 1024;

type Annotations = BTreeMap<String, String>;

fn text(annotations: &Annotations) -> &str {
    annotations.get(NAME).map_or("", String::as_str)
}

/// Whose claim stands there.
pub(super) fn claimed(annotations: &Annotations) -> Claimed {
    claim::claimed(text(annotations))
}

/// That what is annotated at `place` leaves no room for a claim.
pub(super) fn no_room(annotations: &Annotations, place: &str) -> Option<Hindrance> {
    let others = annotations.iter().filter(|(name, _)| *name != NAME).map(|(name, value)| name.len() + value.len());
    let left = ALL_MAX.saturating_sub(others.sum::<usize>() + NAME.len());
    claim::no_room(text(annotations), left, place)
}

/// The text of the annotation with `claim` in it; nothing where it has no room.
pub(super) fn with(annotations: &Annotations, claim: &Claim, place: &str) -> Option<String> {
    no_room(annotations, place).is_none().then(|| claim::beside(text(annotations), claim))
}
