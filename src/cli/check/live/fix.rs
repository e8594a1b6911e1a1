//! Commands that mend what was found, as somebody would paste them.
//!
//! Who we are is not known here: credentials name an account only to those whom they are shown. So a grant is made for whoever `gcloud`
//! acts as, which is the same person where both signed in.

use super::api::Api;
pub(super) use crate::domain::by_hand::quoted;
use crate::{
    domain::shown::Shown,
    plan::model::{MapPart, Plan},
};

/// Gives us a permission in a project, by the smallest of Google's own roles that has it.
pub(super) fn grant(project: &str, permission: &str) -> String {
    let role = match permission.split('.').next().unwrap_or_default() {
        "run" => "roles/run.developer",
        "monitoring" => "roles/monitoring.viewer",
        "logging" => "roles/logging.viewer",
        "cloudsql" if permission == "cloudsql.instances.create" => "roles/cloudsql.admin",
        "cloudsql" if permission.ends_with(".update") || permission.ends_with(".create") => "roles/cloudsql.editor",
        "cloudsql" => "roles/cloudsql.viewer",
        "container" if permission.ends_with(".create") || permission.ends_with(".update") => "roles/container.clusterAdmin",
        "container" => "roles/container.viewer",
        _ => "roles/compute.loadBalancerAdmin",
    };
    format!("gcloud projects add-iam-policy-binding {} --role={role} --member=\"user:$(gcloud config get account)\"", quoted(project))
}

/// Lets us read one kind of object in a namespace of a cluster.
pub(super) fn grant_in_cluster(namespace: &str) -> String {
    let namespace = quoted(namespace);
    format!("kubectl create rolebinding cutover-view --clusterrole=view --namespace={namespace} --user=\"$(gcloud config get account)\"")
}

/// Lets us read the pages that pods show in a namespace of a cluster; no role of Kubernetes' own that only reads has it.
pub(super) fn grant_pages(namespace: &str) -> String {
    let namespace = quoted(namespace);
    format!(
        "kubectl create role cutover-pages --namespace={namespace} --verb=get --resource=pods/proxy && \
         kubectl create rolebinding cutover-pages --namespace={namespace} --role=cutover-pages --user=\"$(gcloud config get account)\""
    )
}

/// Lets us move the weights of HTTPRoutes in a namespace of a cluster.
pub(super) fn grant_routes(namespace: &str) -> String {
    let namespace = quoted(namespace);
    format!(
        "kubectl create role cutover-steer --namespace={namespace} --verb=get,patch --resource=httproutes.gateway.networking.k8s.io && \
         kubectl create rolebinding cutover-steer --namespace={namespace} --role=cutover-steer --user=\"$(gcloud config get account)\""
    )
}

pub(super) fn enable(api: Api, project: &str) -> String {
    format!("gcloud services enable {} --project={}", api.host(), quoted(project))
}

pub(super) const SIGN_IN: &str = "gcloud auth application-default login";

/// Changes a backend service by these flags.
pub(super) fn backend_service(part: &MapPart, project: &str, service: &str, flags: &str) -> String {
    format!("gcloud compute backend-services update {} {} --project={} {flags}", quoted(service), scope(part), quoted(project))
}

/// Shows how the endpoints of a backend service are.
pub(super) fn health(part: &MapPart, project: &str, service: &str) -> String {
    format!("gcloud compute backend-services get-health {} {} --project={}", quoted(service), scope(part), quoted(project))
}

/// Attaches a group of pods, of whichever zone, to a backend service.
pub(super) fn attach(part: &MapPart, project: &str, service: &str) -> String {
    format!(
        "gcloud compute backend-services add-backend {} {} --project={} --network-endpoint-group=NEG --network-endpoint-group-zone=ZONE \
         --balancing-mode=RATE --max-rate-per-endpoint=100",
        quoted(service),
        scope(part),
        quoted(project)
    )
}

/// Writes the map into a file, and says what writes it back.
pub(super) fn edit_map(part: &MapPart, project: &str) -> String {
    in_a_file("url-maps", part.url_map.as_str(), part, project, "edit it")
}

/// An editor would wait where there is no terminal; what is pasted writes the file, and the rest of the line is for afterwards.
fn in_a_file(kind: &str, name: &str, part: &MapPart, project: &str, what: &str) -> String {
    let (at, file) = (format!("{} {} --project={}", quoted(name), scope(part), quoted(project)), quoted(&format!("{name}.yaml")));
    format!(
        "gcloud compute {kind} export {at} --destination={file} --quiet  # {what}, then: gcloud compute {kind} import {at} --source={file} --quiet"
    )
}

fn scope(part: &MapPart) -> String {
    part.region.as_ref().map_or_else(|| "--global".to_owned(), |region| format!("--region={}", quoted(region.as_str())))
}

/// Takes outlier detection out of a backend service.
pub(super) fn without_outliers(part: &MapPart, project: &str, service: &str) -> String {
    in_a_file("backend-services", service, part, project, "take outlierDetection out of it")
}

/// Gives a group of a backend service its capacity back; `place` is `zones/ZONE/networkEndpointGroups/NAME` or the like.
pub(super) fn refilled(part: &MapPart, project: &str, service: &str, place: &str) -> String {
    let parts: Vec<&str> = place.split('/').collect();
    let group = match parts.as_slice() {
        [.., "zones", zone, "networkEndpointGroups", name] => {
            format!("--network-endpoint-group={} --network-endpoint-group-zone={}", quoted(name), quoted(zone))
        }
        [.., "regions", region, "networkEndpointGroups", name] => {
            format!("--network-endpoint-group={} --network-endpoint-group-region={}", quoted(name), quoted(region))
        }
        [.., "zones", zone, "instanceGroups", name] => format!("--instance-group={} --instance-group-zone={}", quoted(name), quoted(zone)),
        [.., "regions", region, "instanceGroups", name] => {
            format!("--instance-group={} --instance-group-region={}", quoted(name), quoted(region))
        }
        [.., name] => format!("--network-endpoint-group={} --global-network-endpoint-group", quoted(name)),
        [] => String::new(),
    };
    let at = format!("{} {} --project={}", quoted(service), scope(part), quoted(project));
    format!("gcloud compute backend-services update-backend {at} {group} --capacity-scaler=1.0")
}

/// Gives a deployment pods again that somebody has scaled to nothing.
pub(super) fn scale(plan: &Plan, cluster: &Shown, namespace: &str, deployment: &str) -> String {
    format!("{} scale deployment {} --namespace={} --replicas=1", plan.kubectl(cluster), quoted(deployment), quoted(namespace))
}

/// Shows what keeps a deployment's pods from being ready.
pub(super) fn pods(plan: &Plan, cluster: &Shown, namespace: &str) -> String {
    format!("{} get pods,events --namespace={}", plan.kubectl(cluster), quoted(namespace))
}

/// Lets a Cloud Run service scale by itself again.
pub(super) fn scale_run(plan: &Plan, service: &str) -> String {
    let (region, project) = (quoted(plan.region.as_str()), quoted(plan.project.as_str()));
    format!("gcloud run services update {} --region={region} --project={project} --scaling=auto", quoted(service))
}
