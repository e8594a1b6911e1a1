//! What Cloud Run does that no object of Kubernetes does, each as a question with what there is to choose from.

use serde_json::Value;

use crate::adapter::discovery::run_template::{RunContainer, RunTemplate, RunVolume, VpcAccess};

/// Requests at once of one instance where a service says nothing.
const CONCURRENCY: u32 = 80;
/// The longest that pods are waited for where their node is taken away by an autoscaler, in seconds.
pub(super) const GRACE_MAX: u64 = 600;

/// The questions, in the order of what goes wrong most often.
pub(super) fn of(template: &RunTemplate, target: &str) -> Vec<String> {
    let mut asked = Vec::new();
    let concurrency = match template.max_instance_request_concurrency {
        0 => CONCURRENCY,
        own => own,
    };
    asked.push(format!(
        "Cloud Run gives an instance {concurrency} requests at once, and no more; a pod gets whatever comes. Does the program hold its own limit, and is \
         CPU what says that it has enough? Else let the autoscaler go by requests."
    ));
    if template.containers.iter().any(|container| container.resources.cpu_idle) {
        asked.push(
            "Cloud Run gives CPU only while a request is answered; a pod has it all the time. What the program does between requests, timers and threads \
             included, begins to run now, and is paid for: is that right?"
                .to_owned(),
        );
    }
    let seconds = seconds(&template.timeout);
    asked.push(format!(
        "Cloud Run lets a request take {seconds} s; a backend service gives up after 30 s unless it is told otherwise: gcloud compute backend-services \
         update {target} --timeout={seconds}s"
    ));
    if seconds > GRACE_MAX - super::DRAIN_SECONDS {
        asked.push(format!(
            "a node that goes waits {GRACE_MAX} s for its pods, and a request may take {seconds} s: may the longest ones be cut off?"
        ));
    }
    asked.push(
        "Cloud Run asks who may call a service (roles/run.invoker) and from where (its ingress); before pods nobody does. Is everybody allowed in, or is \
         Identity-Aware Proxy or the program itself to ask?"
            .to_owned(),
    );
    asked.extend(template.vpc_access.as_ref().map(network));
    asked.extend(template.volumes.iter().filter_map(volume));
    asked.extend(sidecars(&template.containers));
    if template.session_affinity {
        asked.push(
            "Cloud Run keeps a user at his instance; a load balancer that splits by weight does not. Is anything kept in an instance's memory that he would miss?"
                .to_owned(),
        );
    }
    let others = [
        (
            template.encryption_key.is_some(),
            "its instances are encrypted with a key of your own; node pools have a setting of theirs (--boot-disk-kms-key)",
        ),
        (
            template.node_selector.is_some(),
            "its instances have an accelerator; pods need a node pool with one, a nodeSelector and a limit of nvidia.com/gpu",
        ),
        (template.service_mesh.is_some(), "it is in a service mesh; pods need the mesh of the cluster (Cloud Service Mesh) for the same"),
        (
            template.containers.iter().any(|container| container.resources.startup_cpu_boost),
            "it gets more CPU while it starts; a pod does not, so it starts more slowly: is the startupProbe patient enough?",
        ),
    ];
    asked.extend(others.into_iter().filter(|(is_so, _)| *is_so).map(|(_, what)| what.to_owned()));
    asked
}

/// Of a request; 300 where nothing is said.
pub(super) fn seconds(timeout: &str) -> u64 {
    timeout.trim_end_matches('s').split('.').next().and_then(|seconds| seconds.parse().ok()).unwrap_or(300)
}

fn network(access: &VpcAccess) -> String {
    let by = match &access.connector {
        Some(connector) => format!("the connector {}", connector.rsplit('/').next().unwrap_or_default()),
        None => "interfaces of its own".to_owned(),
    };
    let what = if access.egress.as_deref() == Some("ALL_TRAFFIC") { "all that it sends" } else { "what it sends to private addresses" };
    format!(
        "{what} goes into the network by {by}; pods are in the cluster's own network and have addresses of its range for pods. Do firewall rules, the \
         database's authorised networks and whoever knows callers by their address know those, and Cloud NAT's?"
    )
}

/// What a volume has become, where it is no volume of Kubernetes.
fn volume(volume: &RunVolume) -> Option<String> {
    let name = &volume.name;
    let text =
        |value: &Option<Value>, key: &str| value.as_ref().and_then(|value| Some(value.get(key)?.as_str()?.to_owned())).unwrap_or_default();
    if volume.empty_dir.is_some() || volume.nfs.is_some() {
        return None;
    }
    Some(if volume.cloud_sql_instance.is_some() {
        format!(
            "the volume {name} is Cloud SQL's socket; it is left out. Add the Cloud SQL Auth Proxy as a sidecar (an initContainer with restartPolicy: Always), \
             or let the program connect by a private address."
        )
    } else if volume.gcs.is_some() {
        let bucket = text(&volume.gcs, "bucket");
        format!(
            "the volume {name} is the bucket {bucket}; it is left out. Add it by the driver gcsfuse.csi.storage.gke.io, which the cluster has to have."
        )
    } else if volume.secret.is_some() {
        let secret = text(&volume.secret, "secret");
        format!(
            "the volume {name} is the secret {secret}; it is left out. Add it by Secret Manager's driver (secrets-store-gke.csi.k8s.io), or as a Secret."
        )
    } else {
        format!("the volume {name} is of a kind that is not known here; it is left out. What is in it, and how do pods get it?")
    })
}

fn sidecars(containers: &[RunContainer]) -> Option<String> {
    let beside: Vec<&str> =
        containers.iter().filter(|container| container.ports.is_empty()).map(|container| container.name.as_str()).collect();
    (containers.len() > 1).then(|| {
        format!(
            "{} run beside the program, and Cloud Run starts them in an order (dependsOn); containers of a pod start together. Must one be there first? Make \
             it an initContainer with restartPolicy: Always.",
            beside.join(", ")
        )
    })
}
