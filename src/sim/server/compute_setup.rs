//! Network endpoint groups, and the settings of the frontend's backend services where somebody has set them otherwise than a flight needs.

use serde_json::{Value, json};

use super::google::{REGION, number_for};
use crate::sim::{
    faults::setup::Flaw,
    world::{
        Leg, World,
        load_balancer::{LINK, leg_of},
    },
};

/// A network endpoint group by where it is and its name, as Compute describes it: zonal ones hold pods, regional ones stand for a service
/// of Cloud Run.
#[must_use]
pub fn group(place: &str, name: &str) -> Option<Value> {
    let service = name.strip_suffix("-neg")?;
    let described = |at: &str, kind: &str| {
        json!({
            "kind": "compute#networkEndpointGroup",
            "id": number_for(name),
            "creationTimestamp": "2026-10-30T09:05:12.410-07:00",
            "name": name,
            "selfLink": format!("{LINK}/{at}/networkEndpointGroups/{name}"),
            "networkEndpointType": kind,
        })
    };
    match leg_of(service) {
        Some(Leg::Gke) if place.starts_with(REGION) && place != REGION => {
            let mut found = described(&format!("zones/{place}"), "GCE_VM_IP_PORT");
            found["zone"] = json!(format!("{LINK}/zones/{place}"));
            found["network"] = json!(format!("{LINK}/global/networks/default"));
            found["subnetwork"] = json!(format!("{LINK}/regions/{REGION}/subnetworks/default"));
            found["size"] = json!(2);
            Some(found)
        }
        Some(Leg::Run) if place == REGION => {
            let mut found = described(&format!("regions/{REGION}"), "SERVERLESS");
            found["region"] = json!(format!("{LINK}/regions/{REGION}"));
            found["cloudRun"] = json!({"service": service.trim_end_matches("-run")});
            Some(found)
        }
        _ => None,
    }
}

/// Whether GKE's groups have no endpoint.
#[must_use]
pub fn is_empty(world: &World) -> bool {
    world.conditions.project.has(Leg::Gke, Flaw::NoEndpoints)
}

/// Sets a backend service as somebody has set it.
pub fn spoil(world: &World, leg: Leg, service: &mut Value) {
    let has = |flaw| world.conditions.project.has(leg, flaw);
    if has(Flaw::CookieAffinity) {
        service["sessionAffinity"] = json!("GENERATED_COOKIE");
        service["affinityCookieTtlSec"] = json!(3600);
    }
    if has(Flaw::ShortTimeout) {
        service["timeoutSec"] = json!(10);
    }
    if has(Flaw::NoDraining) {
        service["connectionDraining"] = json!({"drainingTimeoutSec": 0});
    }
    if has(Flaw::NoLog) {
        service["logConfig"] = json!({"enable": false});
    }
    if has(Flaw::SampledLog) {
        service["logConfig"] = json!({"enable": true, "sampleRate": 0.1});
    }
    if has(Flaw::Outliers) {
        service["outlierDetection"] = json!({"consecutiveErrors": 5, "baseEjectionTime": {"seconds": "30"}, "maxEjectionPercent": 50});
    }
    if let Some(fields) = service.as_object_mut() {
        if has(Flaw::NoHealthCheck) {
            fields.shift_remove("healthChecks");
        }
        // The interface leaves empty lists out.
        if has(Flaw::NoGroups) {
            fields.shift_remove("backends");
        }
    }
    if has(Flaw::Drained) {
        for backend in service.get_mut("backends").and_then(Value::as_array_mut).into_iter().flatten() {
            backend["capacityScaler"] = json!(0.0);
        }
    }
}
