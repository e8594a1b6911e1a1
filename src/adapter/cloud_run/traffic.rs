//! The traffic list of a service as a split of the plan's backends, and back.
//!
//! The list is always sent whole, so a tag that is not sent again would be gone, and an empty list would mean everything to the newest.

use std::collections::BTreeMap;

use super::wire::{LATEST, REVISION, Service, Target, last_segment};
use crate::{
    adapter::share::scaled,
    domain::{
        fault::{Fault, FaultKind},
        id::BackendId,
        shown::Shown,
        weight::Weights,
    },
};

/// Each backend with the name of its revision.
pub type Backends = [(BackendId, String)];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    pub weights: Weights,
    pub trouble: Option<Shown>,
}

/// # Errors
/// If none of the plan's revisions receives anything.
pub fn split(service: &Service, backends: &Backends) -> Result<Split, Fault> {
    let mut held: BTreeMap<BackendId, u32> = backends.iter().map(|(id, _)| (id.clone(), 0)).collect();
    let mut troubles = Vec::new();
    let newest = [Target { kind: LATEST.to_owned(), revision: String::new(), percent: 100, tag: String::new() }];
    let traffic = if service.traffic.is_empty() { &newest[..] } else { &service.traffic };
    for target in traffic.iter().filter(|target| target.percent > 0) {
        let revision = service.revision_of(target);
        match backends.iter().find(|(_, name)| name == revision) {
            Some((id, _)) => *held.entry(id.clone()).or_default() += target.percent,
            None => troubles.push(format!("{revision} receives {}% and is not in the plan", target.percent)),
        }
    }
    troubles.extend(service.failure().map(str::to_owned));
    let trouble = (!troubles.is_empty()).then(|| Shown::new(&troubles.join("; ")));
    Ok(Split { weights: scaled(&held)?, trouble })
}

/// The list that makes the split `to`, with every tag kept.
/// # Errors
/// [`FaultKind::Unsupported`] for shares that are no whole percents, or if the list leads to a revision that the plan does not know.
pub fn targets(service: &Service, backends: &Backends, to: &Weights) -> Result<Vec<Target>, Fault> {
    let unsupported = |why: String| Fault::new(FaultKind::Unsupported, format!("{why}; nothing was written"));
    if let Some((id, share)) = to.iter().find(|(_, share)| !share.get().is_multiple_of(10)) {
        return Err(unsupported(format!("Cloud Run splits in whole percents and can't give {id} {share}")));
    }
    if let Some((id, _)) = to.iter().find(|(id, _)| backends.iter().all(|(known, _)| known != *id)) {
        return Err(unsupported(format!("{id} is no revision of this route")));
    }
    let is_ours = |revision: &str| backends.iter().any(|(_, name)| name == revision);
    if let Some(stranger) = service.traffic.iter().find(|target| target.percent > 0 && !is_ours(service.revision_of(target))) {
        let revision = service.revision_of(stranger);
        return Err(unsupported(format!("{revision} receives {}% and is not in the plan", stranger.percent)));
    }
    let shares = backends.iter().filter(|(id, _)| to.of(id).get() > 0).map(|(id, revision)| Target {
        kind: REVISION.to_owned(),
        revision: revision.clone(),
        percent: u32::from(to.of(id).get() / 10),
        tag: String::new(),
    });
    // A tag is an address of its own; it stays where it leads, without a share.
    let tags = service.traffic.iter().filter(|target| !target.tag.is_empty()).map(|target| Target {
        percent: 0,
        revision: last_segment(&target.revision).to_owned(),
        ..target.clone()
    });
    Ok(shares.chain(tags).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::weight::PerMille;

    fn backends() -> Vec<(BackendId, String)> {
        [("old", "frontend-00041-kaz"), ("new", "frontend-00042-bim")].map(|(id, name)| (id.parse().unwrap(), name.to_owned())).to_vec()
    }

    fn service(traffic: Value) -> Service {
        let name = "projects/p/locations/r/services/frontend/revisions/frontend-00042-bim";
        serde_json::from_value(json!({"etag": "\"e\"", "traffic": traffic, "latestReadyRevision": name})).unwrap()
    }

    fn weights(new: u16) -> Weights {
        let shares = [("new", new), ("old", 1000 - new)].map(|(id, share)| (id.parse().unwrap(), PerMille::new(share).unwrap()));
        Weights::new(shares.into()).unwrap()
    }

    #[test]
    fn latest_and_an_empty_list_both_mean_the_newest_ready_revision() {
        assert_eq!(split(&service(json!([])), &backends()).unwrap().weights, weights(1000));
        let latest = service(json!([{"type": LATEST, "percent": 95}, {"type": REVISION, "revision": "frontend-00041-kaz", "percent": 5}]));
        assert_eq!(split(&latest, &backends()).unwrap(), Split { weights: weights(950), trouble: None });
    }

    #[test]
    fn tags_survive_and_the_newest_is_pinned() {
        let before = service(
            json!([{"type": LATEST, "percent": 100, "tag": "live"}, {"type": REVISION, "revision": "frontend-00039-old", "tag": "canary"}]),
        );
        let sent = serde_json::to_value(targets(&before, &backends(), &weights(900)).unwrap()).unwrap();
        assert_eq!(
            sent,
            json!([
                {"type": REVISION, "revision": "frontend-00041-kaz", "percent": 10},
                {"type": REVISION, "revision": "frontend-00042-bim", "percent": 90},
                {"type": LATEST, "percent": 0, "tag": "live"},
                {"type": REVISION, "revision": "frontend-00039-old", "percent": 0, "tag": "canary"},
            ])
        );
    }

    #[test]
    fn what_cloud_run_cannot_express_is_not_sent() {
        let fault = targets(&service(json!([])), &backends(), &weights(5)).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unsupported);
        let strange =
            service(json!([{"type": REVISION, "revision": "frontend-00099-zzz", "percent": 40}, {"type": LATEST, "percent": 60}]));
        assert!(targets(&strange, &backends(), &weights(500)).is_err());
        assert!(split(&strange, &backends()).unwrap().trouble.unwrap().as_str().contains("frontend-00099-zzz"));
    }
}
