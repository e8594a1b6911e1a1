//! The endpoint slice controller: one slice per service, with the addresses of the pods that it selects.
//!
//! Slices are never split; no service here has a hundred pods. The older Endpoints kind is not served.

use serde_json::{Value, json};

use super::{
    Kubernetes,
    document::{self, labels_match, list, stamp, text},
    resource::Resource,
    store::Key,
    write,
};

/// Writes the slice of this service as the pods are now.
pub(super) fn reconcile(cluster: &mut Kubernetes, key: &Key) {
    let Some(service) = cluster.store.get(key).cloned() else {
        return;
    };
    if !service["spec"]["selector"].is_object() {
        return;
    }
    let old = cluster
        .store
        .list(Resource::EndpointSlice, &key.namespace)
        .find(|slice| document::owned_by(slice, document::uid(&service)))
        .map(|slice| Value::clone(slice));
    let mut slice = match old {
        Some(slice) => slice,
        None => new_slice(cluster, key, &service),
    };
    slice["ports"] = ports(&service);
    slice["endpoints"] = Value::Array(endpoints(cluster, &service));
    cluster.store.put(Key::of(Resource::EndpointSlice, &slice), slice);
}

fn new_slice(cluster: &mut Kubernetes, key: &Key, service: &Value) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": format!("{}-{}", key.name, cluster.new_suffix(5)),
            "generateName": format!("{}-", key.name),
            "namespace": key.namespace,
            "uid": cluster.new_uid(),
            "generation": 1,
            "creationTimestamp": stamp(cluster.clock_ms),
            "labels": {
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                "kubernetes.io/service-name": key.name,
            },
            "ownerReferences": [write::owner_reference(Resource::Service, service)],
        },
        "addressType": "IPv4",
    })
}

fn ports(service: &Value) -> Value {
    let ports = list(service, "/spec/ports").iter().map(|port| {
        json!({
            "name": text(port, "/name"),
            "port": if port["targetPort"].is_i64() { port["targetPort"].clone() } else { port["port"].clone() },
            "protocol": port["protocol"],
        })
    });
    Value::Array(ports.collect())
}

fn endpoints(cluster: &Kubernetes, service: &Value) -> Vec<Value> {
    let selected = cluster.store.list(Resource::Pod, document::namespace(service)).filter(|pod| {
        labels_match(service["spec"].get("selector"), pod["metadata"].get("labels")) && !text(pod, "/status/podIP").is_empty()
    });
    selected
        .map(|pod| {
            let serving = document::condition(pod, "Ready") == "True";
            let terminating = pod["metadata"].get("deletionTimestamp").is_some();
            let zone = cluster
                .store
                .get(&Key::new(Resource::Node, "", text(pod, "/spec/nodeName")))
                .map(|node| node["metadata"]["labels"]["topology.kubernetes.io/zone"].clone());
            json!({
                "addresses": [pod["status"]["podIP"]],
                "conditions": {"ready": serving && !terminating, "serving": serving, "terminating": terminating},
                "nodeName": pod["spec"]["nodeName"],
                "zone": zone,
                "targetRef": {
                    "kind": "Pod",
                    "namespace": document::namespace(pod),
                    "name": document::name(pod),
                    "uid": document::uid(pod),
                },
            })
        })
        .collect()
}
