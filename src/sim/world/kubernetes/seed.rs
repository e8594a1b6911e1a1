//! How the cluster looks when the world begins: nodes, namespaces, services and three deployments.
//!
//! The workloads are created some days before the present and then run through the ordinary controllers, so
//! that ages, revisions and replica sets are what such a history leaves behind.

use serde_json::{Value, json};

use super::{
    Kubernetes, NAMESPACE,
    document::{set, stamp},
    resource::Resource,
    store::Key,
};

const DAY_MS: i64 = 86_400_000;
const ZONES: [&str; 3] = ["us-central1-a", "us-central1-b", "us-central1-c"];
const NODES_PER_ZONE: usize = 3;

/// One deployment and its service.
struct Workload {
    name: &'static str,
    replicas: u32,
    first_release: &'static str,
    release: &'static str,
}

const WORKLOADS: [Workload; 3] = [
    Workload { name: "frontend", replicas: 6, first_release: "1.41.3", release: "1.42.0" },
    Workload { name: "backend", replicas: 3, first_release: "2.17.1", release: "2.18.0" },
    Workload { name: "api", replicas: 3, first_release: "3.5.0", release: "3.5.2" },
];

/// Fills an empty cluster and leaves it a little before `now_ms`. The first release never ran here: it was tried on
/// Cloud Run, so its replica set is empty, and there is only one roll-out to live through.
pub(super) fn furnish(cluster: &mut Kubernetes, now_ms: i64) {
    cluster.clock_ms = now_ms - 12 * DAY_MS;
    for name in ["default", "kube-system", "kube-public", "kube-node-lease", NAMESPACE] {
        let labels = json!({"kubernetes.io/metadata.name": name});
        let document = json!({"metadata": {"name": name, "labels": labels}, "spec": {"finalizers": ["kubernetes"]}});
        create(cluster, Resource::Namespace, "", document);
    }
    for (index, zone) in ZONES.into_iter().enumerate() {
        let group = format!("{:08x}", cluster.random.bits() as u32);
        for place in 0..NODES_PER_ZONE {
            let name = format!("gke-hexproperty-prod-default-pool-{group}-{}", cluster.new_suffix(4));
            let number = index * NODES_PER_ZONE + place;
            let document = node(&name, zone, number, cluster.clock_ms);
            create(cluster, Resource::Node, "", document);
            let lease = json!({
                "metadata": {"name": name},
                "spec": {"holderIdentity": name, "leaseDurationSeconds": 40},
            });
            create(cluster, Resource::Lease, "kube-node-lease", lease);
        }
    }
    create(cluster, Resource::Service, "default", api_service());
    cluster.tick(now_ms - 5 * DAY_MS);
    for workload in &WORKLOADS {
        create(cluster, Resource::Service, NAMESPACE, service(workload));
        create(cluster, Resource::Deployment, NAMESPACE, deployment(workload));
    }
    cluster.tick(now_ms - 2 * DAY_MS);
    for workload in &WORKLOADS {
        release(cluster, workload);
    }
}

fn create(cluster: &mut Kubernetes, resource: Resource, namespace: &str, document: Value) {
    cluster.create(resource, namespace, document).expect("the documents of the first hour are sound");
}

fn release(cluster: &mut Kubernetes, workload: &Workload) {
    let key = Key::new(Resource::Deployment, NAMESPACE, workload.name);
    let Some(found) = cluster.store.get(&key) else {
        return;
    };
    let mut next = Value::clone(found);
    next["spec"]["replicas"] = json!(workload.replicas);
    next["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image(workload.name, workload.release));
    let cause = format!("release {} {}", workload.name, workload.release);
    set(&mut next, &["metadata", "annotations", "kubernetes.io/change-cause"], json!(cause));
    cluster.replace_spec(key, next);
}

fn image(name: &str, release: &str) -> String {
    format!("us-central1-docker.pkg.dev/hexproperty/web/{name}:{release}")
}

fn deployment(workload: &Workload) -> Value {
    let labels = json!({"app": workload.name});
    json!({
        "metadata": {
            "name": workload.name,
            "labels": {"app": workload.name, "app.kubernetes.io/part-of": "hexproperty"},
            "annotations": {"kubernetes.io/change-cause": format!("release {} {}", workload.name, workload.first_release)},
        },
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container(workload)]},
            },
        },
    })
}

fn container(workload: &Workload) -> Value {
    json!({
        "name": workload.name,
        "image": image(workload.name, workload.first_release),
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [
            {"name": "PORT", "value": "8080"},
            {"name": "DATABASE_HOST", "value": "10.60.0.3"},
        ],
        "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}},
        "livenessProbe": {
            "httpGet": {"path": "/health", "port": 8080, "scheme": "HTTP"},
            "initialDelaySeconds": 30,
            "periodSeconds": 10,
        },
        "readinessProbe": {
            "httpGet": {"path": "/ready", "port": 8080, "scheme": "HTTP"},
            "initialDelaySeconds": 5,
            "periodSeconds": 5,
        },
    })
}

fn service(workload: &Workload) -> Value {
    let group = format!("{}-gke-neg", workload.name);
    let wanted = json!({"exposed_ports": {"80": {"name": group}}}).to_string();
    let made = json!({"network_endpoint_groups": {"80": group}, "zones": ZONES}).to_string();
    let annotations = json!({"cloud.google.com/neg": wanted, "cloud.google.com/neg-status": made});
    json!({
        "metadata": {"name": workload.name, "labels": {"app": workload.name}, "annotations": annotations},
        "spec": {
            "selector": {"app": workload.name},
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}],
        },
    })
}

fn api_service() -> Value {
    json!({
        "metadata": {"name": "kubernetes", "labels": {"component": "apiserver", "provider": "kubernetes"}},
        "spec": {
            "clusterIP": "34.118.224.1",
            "clusterIPs": ["34.118.224.1"],
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 443}],
        },
    })
}

fn node(name: &str, zone: &str, number: usize, now_ms: i64) -> Value {
    let since = stamp(now_ms);
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": since, "lastTransitionTime": since,
        })
    };
    json!({
        "metadata": {"name": name, "labels": {
            "beta.kubernetes.io/instance-type": "e2-standard-2",
            "cloud.google.com/gke-nodepool": "default-pool",
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
            "node.kubernetes.io/instance-type": "e2-standard-2",
            "topology.kubernetes.io/region": "us-central1",
            "topology.kubernetes.io/zone": zone,
        }},
        "spec": {
            "podCIDR": format!("10.8.{number}.0/24"),
            "podCIDRs": [format!("10.8.{number}.0/24")],
            "providerID": format!("gce://hexproperty/{zone}/{name}"),
        },
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": format!("10.128.0.{}", 10 + number)},
                {"type": "Hostname", "address": name},
            ],
            "allocatable": {"cpu": "1930m", "ephemeral-storage": "47060071478", "memory": "5969124Ki", "pods": "110"},
            "capacity": {"cpu": "2", "ephemeral-storage": "98831908Ki", "memory": "8145124Ki", "pods": "110"},
            "conditions": [
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
            ],
            "nodeInfo": {
                "architecture": "amd64", "operatingSystem": "linux", "kubeletVersion": "v1.32.4-gke.1415000",
                "kubeProxyVersion": "v1.32.4-gke.1415000", "containerRuntimeVersion": "containerd://1.7.24",
                "kernelVersion": "6.6.72+", "osImage": "Container-Optimized OS from Google",
                "machineID": format!("{:032x}", number + 0x5eed), "systemUUID": format!("{:032x}", number + 0xcafe),
                "bootID": format!("{:032x}", number + 0xb007),
            },
        },
    })
}
