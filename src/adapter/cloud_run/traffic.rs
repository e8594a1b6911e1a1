//! The traffic list of a service as a split, and back.
//!
//! Every entry counts, whichever revision it leads to: one that the plan does not know has its share under its own name, and `LATEST`
//! leads to the newest ready revision, whichever that is. The list is always sent whole, so a tag that is not sent again would be gone,
//! and an empty list would mean everything to the newest.

use std::collections::BTreeMap;

use super::wire::{LATEST, REVISION, Service, Target, last_segment};
use crate::{
    adapter::{share::scaled, vendor_name},
    domain::{
        fault::{Fault, FaultKind},
        hindrance::Hindrance,
        id::BackendId,
        shown::Shown,
        weight::{PerMille, Weights},
    },
};

/// Each backend with the name of its revision.
pub(super) type Backends = [(BackendId, String)];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Split {
    pub weights: Weights,
    pub hindrances: Vec<Hindrance>,
}

/// The whole split, revisions outside the plan included.
/// # Errors
/// [`FaultKind::Unsupported`] if the list sends nothing anywhere.
pub(super) fn split(service: &Service, backends: &Backends) -> Result<Split, Fault> {
    let mut held: BTreeMap<BackendId, u32> = backends.iter().map(|(id, _)| (id.clone(), 0)).collect();
    let mut strangers: BTreeMap<BackendId, &str> = BTreeMap::new();
    let newest = [Target { kind: LATEST.to_owned(), revision: String::new(), percent: 100, tag: String::new() }];
    let traffic = if service.traffic.is_empty() { &newest[..] } else { &service.traffic };
    for target in traffic.iter().filter(|target| target.percent > 0) {
        let revision = service.name_of(target);
        let planned = backends.iter().find(|(_, name)| name == revision).map(|(id, _)| id.clone());
        let id = planned.unwrap_or_else(|| {
            let id = vendor_name::stranger(revision, backends.iter().map(|(id, _)| id));
            strangers.insert(id.clone(), revision);
            id
        });
        let percent = held.entry(id).or_default();
        *percent = percent.saturating_add(target.percent);
    }
    let weights = scaled(&held)?;
    let stranger = |(backend, name): (BackendId, &str)| {
        let share = weights.of(&backend);
        Hindrance::Stranger { backend, name: Shown::new(name), share }
    };
    let mut hindrances: Vec<Hindrance> = strangers.into_iter().map(stranger).collect();
    hindrances.extend(service.failure().map(|why| Hindrance::Failing { why: Shown::new(why) }));
    Ok(Split { weights, hindrances })
}

/// The list that makes the whole split `to`, with every tag kept. Whatever else had a share has none then.
/// # Errors
/// [`FaultKind::Unsupported`] for shares that are no whole percents, or if `to` gives something to a revision that is none of the route's.
pub(super) fn targets(service: &Service, backends: &Backends, to: &Weights) -> Result<Vec<Target>, Fault> {
    let unsupported = |why: String| Fault::new(FaultKind::Unsupported, format!("{why}; nothing was written"));
    if let Some((id, share)) = to.iter().find(|(_, share)| !share.get().is_multiple_of(10)) {
        return Err(unsupported(format!("Cloud Run splits in whole percents and can't give {id} {share}")));
    }
    let is_ours = |id: &BackendId| backends.iter().any(|(known, _)| known == id);
    if let Some((id, _)) = to.iter().find(|(id, share)| *share > PerMille::ZERO && !is_ours(id)) {
        return Err(unsupported(format!("{id} is no revision of this route")));
    }
    let shares = backends.iter().filter(|(id, _)| to.of(id) > PerMille::ZERO).map(|(id, revision)| Target {
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
        assert_eq!(split(&latest, &backends()).unwrap(), Split { weights: weights(950), hindrances: vec![] });
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
    }

    fn shares(list: &[(&str, u16)]) -> Weights {
        Weights::new(list.iter().map(|(id, share)| (id.parse().unwrap(), PerMille::new(*share).unwrap())).collect()).unwrap()
    }

    #[test]
    fn a_revision_outside_the_plan_has_its_true_share_and_is_taken_home() {
        let mut deployed = service(json!([
            {"type": LATEST, "percent": 30, "tag": "live"},
            {"type": REVISION, "revision": "frontend-00041-kaz", "percent": 45},
            {"type": REVISION, "revision": "frontend-00042-bim", "percent": 25}]));
        deployed.latest_ready_revision = "projects/p/locations/r/services/frontend/revisions/frontend-00043-wow".to_owned();
        let split = split(&deployed, &backends()).unwrap();
        assert_eq!(split.weights, shares(&[("old", 450), ("new", 250), ("frontend-00043-wow", 300)]));
        let share = PerMille::new(300).unwrap();
        let stranger = Hindrance::Stranger { backend: "frontend-00043-wow".parse().unwrap(), name: "frontend-00043-wow".into(), share };
        assert_eq!(split.hindrances, [stranger]);
        let sent = serde_json::to_value(targets(&deployed, &backends(), &weights(0)).unwrap()).unwrap();
        let home = json!([
            {"type": REVISION, "revision": "frontend-00041-kaz", "percent": 100}, {"type": LATEST, "percent": 0, "tag": "live"}]);
        assert_eq!(sent, home);
    }

    #[test]
    fn a_revision_that_stands_there_twice_has_the_sum() {
        let twice = service(json!([
            {"type": LATEST, "percent": 20},
            {"type": REVISION, "revision": "frontend-00042-bim", "percent": 5, "tag": "b"},
            {"type": REVISION, "revision": "frontend-00041-kaz", "percent": 75}]));
        assert_eq!(split(&twice, &backends()).unwrap().weights, weights(250));
    }

    #[test]
    fn a_newest_revision_that_is_not_told_is_a_stranger_all_the_same() {
        let mut untold = service(json!([]));
        untold.latest_ready_revision = String::new();
        assert_eq!(split(&untold, &backends()).unwrap().weights, shares(&[("old", 0), ("new", 0), ("latest", 1000)]));
    }
}
