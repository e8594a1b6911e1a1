//! Commands that mend what was found, as somebody would paste them.
//!
//! Who we are is not known here: credentials name an account only to those whom they are shown. So a grant is made for whoever `gcloud`
//! acts as, which is the same person where both signed in.

use super::api::Api;
pub(super) use crate::domain::by_hand::quoted;
use crate::plan::model::MapPart;

/// Gives us a permission in a project, by the smallest of Google's own roles that has it.
pub(super) fn grant(project: &str, permission: &str) -> String {
    let role = match permission.split('.').next().unwrap_or_default() {
        "run" => "roles/run.developer",
        "monitoring" => "roles/monitoring.viewer",
        "logging" => "roles/logging.viewer",
        "cloudsql" => "roles/cloudsql.viewer",
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

/// Opens the map in an editor.
pub(super) fn edit_map(part: &MapPart, project: &str) -> String {
    format!("gcloud compute url-maps edit {} {} --project={}", quoted(part.url_map.as_str()), scope(part), quoted(project))
}

fn scope(part: &MapPart) -> String {
    part.region.as_ref().map_or_else(|| "--global".to_owned(), |region| format!("--region={}", quoted(region.as_str())))
}

/// Opens a backend service, with the capacity of each of its groups, in an editor.
pub(super) fn edit_backends(part: &MapPart, project: &str, service: &str) -> String {
    format!("gcloud compute backend-services edit {} {} --project={}", quoted(service), scope(part), quoted(project))
}
