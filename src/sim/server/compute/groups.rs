//! Network endpoint groups: serverless ones, which name what they lead to, and those of pods, one in each zone, which GKE's controller keeps.
//!
//! Read only. Their endpoints are the cluster's pods; they are asked for by the health of a backend service and not here.

use hyper::Method;
use serde_json::{Value, json};

use super::aggregated::{self, List, ZONES};
use crate::sim::{
    server::{
        google::{PROJECT, REGION, number_for},
        http::{Call, Reply},
    },
    world::{
        Leg, World,
        kubernetes::{resource::Resource, store::Key},
        load_balancer::{HOTFIX, LINK, leg_of},
        url_map,
    },
};

const COLLECTION: &str = "networkEndpointGroups";

/// Answers a call about groups; `None` for any other.
#[must_use]
pub(super) fn handle(world: &World, call: &Call, rest: &[&str]) -> Option<Reply> {
    if call.method != Method::GET {
        return None;
    }
    match rest {
        ["aggregated", COLLECTION] => {
            let of = List { name: COLLECTION, kind: "compute#networkEndpointGroupAggregatedList", zonal: true };
            Some(aggregated::list(world, call, of, all(world)))
        }
        [kind @ ("zones" | "regions"), place, COLLECTION] => {
            let here = format!("{LINK}/{kind}/{place}/");
            let items = all(world).into_iter().filter(|group| group["selfLink"].as_str().is_some_and(|link| link.starts_with(&here)));
            let path = format!("{kind}/{place}/{COLLECTION}");
            Some(Reply::ok(&json!({
                "kind": "compute#networkEndpointGroupList",
                "id": format!("projects/{PROJECT}/{path}"),
                "items": items.collect::<Vec<_>>(),
                "selfLink": format!("{LINK}/{path}"),
            })))
        }
        [kind @ ("zones" | "regions"), place, COLLECTION, name] => {
            let link = format!("{LINK}/{kind}/{place}/{COLLECTION}/{name}");
            let found = all(world).into_iter().find(|group| group["selfLink"] == link);
            Some(found.map_or_else(|| super::missing(&rest.join("/")), |group| Reply::ok(&group)))
        }
        _ => None,
    }
}

/// Every group behind the backend services.
fn all(world: &World) -> Vec<Value> {
    let names = super::names();
    names.flat_map(|name| if leg_of(&name) == Some(Leg::Gke) { pods(world, &name) } else { vec![serverless(&name)] }).collect()
}

fn serverless(service: &str) -> Value {
    let mut group = group(&format!("{service}-neg"), &format!("regions/{REGION}"), "SERVERLESS");
    group["region"] = json!(format!("{LINK}/regions/{REGION}"));
    match service {
        HOTFIX => group["cloudRun"] = json!({"service": "frontend", "tag": "hotfix"}),
        url_map::DOCS => group["appEngine"] = json!({"service": "docs"}),
        _ => group["cloudRun"] = json!({"service": service.trim_end_matches("-run")}),
    }
    group
}

/// One in each zone of the cluster.
fn pods(world: &World, service: &str) -> Vec<Value> {
    let workload = service.trim_end_matches("-gke");
    let cluster = world.kubernetes.store().get(&Key::new(Resource::Namespace, "", "kube-system"));
    // What the controller writes: whose pods these are.
    let description = json!({
        "cluster-uid": cluster.map(|namespace| namespace["metadata"]["uid"].clone()).unwrap_or_default(),
        "namespace": "hexproperty",
        "service-name": workload,
        "port": "80",
    });
    let one = |zone: &&str| {
        let mut group = group(&format!("{service}-neg"), &format!("zones/{zone}"), "GCE_VM_IP_PORT");
        group["zone"] = json!(format!("{LINK}/zones/{zone}"));
        group["description"] = json!(description.to_string());
        group["network"] = json!(format!("{LINK}/global/networks/default"));
        group["subnetwork"] = json!(format!("{LINK}/regions/{REGION}/subnetworks/default"));
        group["defaultPort"] = json!(8080);
        group["size"] = json!(super::pods_in(world, workload, zone).len());
        group
    };
    ZONES.iter().map(one).collect()
}

fn group(name: &str, place: &str, kind: &str) -> Value {
    let path = format!("{place}/{COLLECTION}/{name}");
    json!({
        "kind": "compute#networkEndpointGroup",
        "id": number_for(&path),
        "creationTimestamp": "2026-10-30T09:10:02.417-07:00",
        "name": name,
        "selfLink": format!("{LINK}/{path}"),
        "networkEndpointType": kind,
        "size": 0,
    })
}
