//! How far a service may grow, and how each of its revisions is: the part of Cloud Run's JSON that only the sensor looks at.
//!
//! The interface leaves out what is zero or empty, so a scaling block without a minimum means none; a service without a template was not
//! described at all.

use serde::Deserialize;

use super::wire::{Condition, Service, last_segment};
use crate::domain::{
    platform::{Revision, RevisionState, Scale},
    shown::Shown,
    time::Timestamp,
    weight::PerMille,
};

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Described {
    #[serde(flatten)]
    pub service: Service,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    scaling: Scaling,
    pub template: Option<Template>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scaling {
    #[serde(default)]
    min_instance_count: u32,
    max_instance_count: Option<u32>,
    #[serde(default)]
    scaling_mode: Mode,
    manual_instance_count: Option<u32>,
}

/// Only services have one; revisions scale as their service does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
enum Mode {
    #[serde(rename = "MANUAL")]
    Manual,
    #[default]
    #[serde(other)]
    Automatic,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Template {
    #[serde(default)]
    scaling: Scaling,
}

/// One revision as `revisions.get` tells it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RevisionWire {
    #[serde(default)]
    pub name: String,
    create_time: Option<jiff::Timestamp>,
    #[serde(default)]
    conditions: Vec<Condition>,
    #[serde(default)]
    scaling: Scaling,
}

impl Described {
    /// How many instances the service keeps without a request.
    pub(super) fn scale(&self, serving: &[RevisionWire]) -> Scale {
        let Some(template) = &self.template else { return Scale::Untold };
        if let Some(set) = self.by_hand() {
            return set;
        }
        // A revision that gets requests keeps its own minimum whatever the service says, and a service's is spread over its revisions.
        // The template is the next revision's, and says nothing of those that serve.
        let (own, most) = if serving.is_empty() {
            (template.scaling.min_instance_count, template.scaling.max_instance_count)
        } else {
            let each = || serving.iter().map(|revision| &revision.scaling);
            let least = each().fold(0, |sum: u32, scaling| sum.saturating_add(scaling.min_instance_count));
            (least, each().try_fold(0, |sum: u32, scaling| Some(sum.saturating_add(scaling.max_instance_count?))))
        };
        let max = [self.scaling.max_instance_count, most].into_iter().flatten().min();
        Scale::Automatic { min: self.scaling.min_instance_count.max(own), max }
    }

    /// How many instances one revision keeps once it gets no share of the requests: none of the service's minimum, and its own only while
    /// a tag makes it an address of its own.
    pub(super) fn scale_of(&self, revision: &RevisionWire) -> Scale {
        if self.template.is_none() {
            return Scale::Untold;
        }
        if let Some(set) = self.by_hand() {
            return set;
        }
        let name = last_segment(&revision.name);
        let tagged = self.service.traffic.iter().any(|target| !target.tag.is_empty() && self.service.revision_of(target) == name);
        let min = if tagged { revision.scaling.min_instance_count } else { 0 };
        let max = [self.scaling.max_instance_count, revision.scaling.max_instance_count].into_iter().flatten().min();
        Scale::Automatic { min, max }
    }

    fn by_hand(&self) -> Option<Scale> {
        match (self.scaling.scaling_mode, self.scaling.manual_instance_count.unwrap_or(0)) {
            (Mode::Automatic, _) => None,
            (Mode::Manual, 0) => Some(Scale::Off),
            (Mode::Manual, instances) => Some(Scale::Manual { instances }),
        }
    }

    /// Revisions with the share of requests that the service says it sends there, the largest first.
    pub(super) fn shares(&self) -> Vec<(String, PerMille)> {
        let Service { traffic, traffic_statuses, .. } = &self.service;
        let told = if traffic_statuses.is_empty() { traffic } else { traffic_statuses };
        let mut shares: Vec<(String, u32)> = Vec::new();
        for target in told.iter().filter(|target| target.percent > 0) {
            let name = self.service.revision_of(target);
            match shares.iter_mut().find(|(known, _)| known == name) {
                Some((_, share)) => *share += target.percent,
                None => shares.push((name.to_owned(), target.percent)),
            }
        }
        if told.is_empty() && !self.service.latest_ready_revision.is_empty() {
            shares.push((last_segment(&self.service.latest_ready_revision).to_owned(), 100));
        }
        shares.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        let share = |percent: u32| u16::try_from(percent).ok().and_then(|percent| PerMille::percent(percent).ok()).unwrap_or(PerMille::ALL);
        shares.into_iter().map(|(name, percent)| (name, share(percent))).collect()
    }
}

impl RevisionWire {
    pub(super) fn told(&self, share: PerMille) -> Revision {
        let ready = self.conditions.iter().find(|condition| condition.kind == "Ready");
        let state = match ready.map(|condition| condition.state.as_str()) {
            Some("CONDITION_SUCCEEDED") => RevisionState::Ready,
            Some("CONDITION_FAILED") => RevisionState::Failed,
            Some("CONDITION_PENDING" | "CONDITION_RECONCILING") => RevisionState::Pending,
            Some(_) | None => RevisionState::Untold,
        };
        // A revision that no request is sent to is retired, and no longer active; that is no fault.
        let failed = self.conditions.iter().filter(|condition| condition.kind != "Active");
        let why = ready.filter(|condition| condition.is_failed()).or_else(|| failed.into_iter().find(|condition| condition.is_failed()));
        Revision {
            name: Shown::new(last_segment(&self.name)),
            share,
            state,
            why: why.map(|condition| Shown::new(if condition.message.is_empty() { &condition.kind } else { &condition.message })),
            min: Some(self.scaling.min_instance_count),
            max: self.scaling.max_instance_count,
            created_at: self.create_time.map(|at| Timestamp(at.as_millisecond())),
        }
    }
}

/// A revision of which nothing but its share is known.
pub(super) fn untold(name: &str, share: PerMille) -> Revision {
    Revision { name: Shown::new(name), share, state: RevisionState::Untold, why: None, min: None, max: None, created_at: None }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn described(scaling: Value, template: Value) -> Described {
        let name = "projects/p/locations/r/services/frontend/revisions/frontend-00042-bim";
        serde_json::from_value(json!({"name": "projects/p/locations/r/services/frontend", "latestReadyRevision": name, "scaling": scaling,
            "template": {"scaling": template}}))
        .unwrap()
    }

    #[test]
    fn what_is_left_out_is_zero_and_what_is_set_by_hand_counts_alone() {
        let template = json!({"minInstanceCount": 2, "maxInstanceCount": 20});
        assert_eq!(described(json!({}), template.clone()).scale(&[]), Scale::Automatic { min: 2, max: Some(20) });
        let service = json!({"minInstanceCount": 3, "maxInstanceCount": 10, "scalingMode": "AUTOMATIC"});
        assert_eq!(described(service, template.clone()).scale(&[]), Scale::Automatic { min: 3, max: Some(10) });
        assert_eq!(described(json!({}), json!({"maxInstanceCount": 1})).scale(&[]), Scale::Automatic { min: 0, max: Some(1) });
        let manual = |count: Value| json!({"scalingMode": "MANUAL", "manualInstanceCount": count});
        assert_eq!(described(manual(json!(0)), template.clone()).scale(&[]), Scale::Off);
        assert_eq!(described(json!({"scalingMode": "MANUAL"}), template.clone()).scale(&[]), Scale::Off);
        assert_eq!(described(manual(json!(4)), template).scale(&[]), Scale::Manual { instances: 4 });
        let nothing: Described = serde_json::from_value(json!({})).unwrap();
        assert_eq!(nothing.scale(&[]), Scale::Untold);
    }

    #[test]
    fn what_serves_scales_as_it_was_made_and_not_as_the_next_one_will_be() {
        let revision =
            |scaling: Value| serde_json::from_value::<RevisionWire>(json!({"name": "x/revisions/r", "scaling": scaling})).unwrap();
        let next = described(json!({}), json!({"maxInstanceCount": 1}));
        let warm = revision(json!({"minInstanceCount": 2, "maxInstanceCount": 20}));
        assert_eq!(next.scale(std::slice::from_ref(&warm)), Scale::Automatic { min: 2, max: Some(20) });
        let two = [warm, revision(json!({"maxInstanceCount": 5}))];
        assert_eq!(next.scale(&two), Scale::Automatic { min: 2, max: Some(25) });
        assert_eq!(described(json!({"maxInstanceCount": 10}), json!({})).scale(&two), Scale::Automatic { min: 2, max: Some(10) });
        assert_eq!(next.scale(&[revision(json!({}))]), Scale::Automatic { min: 0, max: None });
    }

    #[test]
    fn a_revision_without_a_share_keeps_instances_only_behind_a_tag() {
        let revision: RevisionWire = serde_json::from_value(
            json!({"name": "projects/p/locations/r/services/frontend/revisions/frontend-00041-kaz", "scaling": {"minInstanceCount": 2}}),
        )
        .unwrap();
        let mut service = described(json!({"minInstanceCount": 5}), json!({}));
        assert_eq!(service.scale_of(&revision), Scale::Automatic { min: 0, max: None });
        service.service.traffic = serde_json::from_value(json!([
            {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": "frontend-00041-kaz", "tag": "home"}
        ]))
        .unwrap();
        assert_eq!(service.scale_of(&revision), Scale::Automatic { min: 2, max: None });
    }

    #[test]
    fn a_retired_revision_is_no_fault_and_a_failed_one_says_why() {
        let told = |conditions: Value| {
            let revision: RevisionWire = serde_json::from_value(json!({"name": "x/revisions/r1", "conditions": conditions})).unwrap();
            let told = revision.told(PerMille::ZERO);
            (told.state, told.why.map(|why| why.to_string()))
        };
        let retired = json!([{"type": "Ready", "state": "CONDITION_SUCCEEDED"}, {"type": "Active", "state": "CONDITION_FAILED", "message": "Revision retired."}]);
        assert_eq!(told(retired), (RevisionState::Ready, None));
        let failed = json!([{"type": "Ready", "state": "CONDITION_FAILED", "message": "The container failed to start."}]);
        assert_eq!(told(failed), (RevisionState::Failed, Some("The container failed to start.".to_owned())));
        assert_eq!(told(json!([])), (RevisionState::Untold, None));
    }
}
