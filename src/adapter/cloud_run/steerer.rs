//! Who steers a service: a claim in an annotation, which makes no revision.

use std::collections::BTreeMap;

use super::wire::Service;
use crate::{
    adapter::annotation,
    domain::{
        claim::{Claim, Claimed},
        hindrance::Hindrance,
    },
};

const PLACE: &str = "what is annotated on the service";

/// Whose claim the service bears.
pub(super) fn claimed(service: &Service) -> Claimed {
    annotation::claimed(&service.annotations)
}

pub(super) fn no_room(service: &Service) -> Option<Hindrance> {
    annotation::no_room(&service.annotations, PLACE)
}

/// All annotations with `claim` among them; nothing where it has no room.
pub(super) fn annotations(service: &Service, claim: &Claim) -> Option<BTreeMap<String, String>> {
    let text = annotation::with(&service.annotations, claim, PLACE)?;
    let mut annotations = service.annotations.clone();
    annotations.insert(annotation::NAME.to_owned(), text);
    Some(annotations)
}
