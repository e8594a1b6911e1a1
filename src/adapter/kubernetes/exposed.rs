//! Which services of a cluster have their pods in network endpoint groups, and whose pods these are: listed once, and not followed.
//!
//! GKE writes the groups that it has made into an annotation of the service. Which deployment stands behind it says the service's selector,
//! compared with the labels that a deployment gives its pods.

use std::{collections::BTreeMap, time::Duration};

use kube::{Client, api::ListParams, core::Request};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::time::timeout;

use super::{access::fault_of, gke::Way};
use crate::{
    adapter::{discovery::Exposed, lenient},
    domain::{
        fault::{Fault, FaultKind},
        shown::Shown,
    },
};

/// For everything that one cluster is asked.
const DEADLINE: Duration = Duration::from_secs(20);
const PAGE_SIZE: u32 = 250;
/// The kind, with its path for all namespaces and the part of it before a namespace.
const SERVICES: (&str, &str) = ("services", "/api/v1/");
const DEPLOYMENTS: (&str, &str) = ("deployments", "/apis/apps/v1/");

/// What is exposed, as far as it can be read, and what stood in the way.
pub async fn look(way: &Way, namespaces: &[Shown]) -> (Vec<Exposed>, Option<Fault>) {
    match timeout(DEADLINE, looked(way, namespaces)).await {
        Ok(Ok(seen)) => seen,
        Ok(Err(fault)) => (Vec::new(), Some(fault)),
        Err(_) => {
            let message = format!("the cluster's API server gave no whole answer within {}s", DEADLINE.as_secs());
            (Vec::new(), Some(Fault::new(FaultKind::TimedOut, message)))
        }
    }
}

async fn looked(way: &Way, namespaces: &[Shown]) -> Result<(Vec<Exposed>, Option<Fault>), Fault> {
    let client = way.access().await?.client()?;
    let services = everywhere::<Service>(&client, SERVICES, namespaces).await?;
    // Without them it is still known which service a group belongs to.
    let (deployments, fault) = match everywhere::<Deployment>(&client, DEPLOYMENTS, namespaces).await {
        Ok(deployments) => (deployments, None),
        Err(fault) => (Vec::new(), Some(fault)),
    };
    let exposed = services.into_iter().filter_map(|service| service.exposed(&deployments));
    Ok((exposed.collect(), fault))
}

/// All of a kind, or those of the namespaces where no more is allowed.
async fn everywhere<K: DeserializeOwned>(client: &Client, kind: (&str, &str), namespaces: &[Shown]) -> Result<Vec<K>, Fault> {
    let (plural, path) = kind;
    let all = list(client, plural, format!("{path}{plural}")).await;
    let Err(Fault { kind: FaultKind::Forbidden, .. }) = &all else { return all };
    if namespaces.is_empty() {
        return all;
    }
    let mut found = Vec::new();
    for namespace in namespaces {
        found.extend(list(client, plural, format!("{path}namespaces/{namespace}/{plural}")).await?);
    }
    Ok(found)
}

async fn list<K: DeserializeOwned>(client: &Client, plural: &str, path: String) -> Result<Vec<K>, Fault> {
    let about = format!("listing {plural}");
    let mut params = ListParams::default().limit(PAGE_SIZE);
    let mut items = Vec::new();
    loop {
        let request = Request::new(path.as_str()).list(&params);
        let request = request.map_err(|error| Fault::new(FaultKind::Unsupported, format!("{about}: {error}")))?;
        let text = client.request_text(request).await.map_err(|error| fault_of(&about, &error))?;
        let page: Page<K> = serde_json::from_str(&text).map_err(|error| Fault::new(FaultKind::Unreadable, format!("{about}: {error}")))?;
        items.extend(page.items);
        if page.metadata.next.is_empty() {
            return Ok(items);
        }
        params.continue_token = Some(page.metadata.next);
    }
}

#[derive(Deserialize)]
#[serde(bound = "K: DeserializeOwned")]
struct Page<K> {
    metadata: PageMeta,
    #[serde(default, deserialize_with = "lenient")]
    items: Vec<K>,
}

#[derive(Deserialize)]
struct PageMeta {
    #[serde(rename = "continue", default, deserialize_with = "lenient")]
    next: String,
}

#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default, deserialize_with = "lenient")]
    name: String,
    #[serde(default, deserialize_with = "lenient")]
    namespace: String,
    #[serde(default, deserialize_with = "lenient")]
    annotations: Annotations,
    #[serde(default, deserialize_with = "lenient")]
    labels: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
struct Annotations {
    #[serde(rename = "cloud.google.com/neg-status", default, deserialize_with = "lenient")]
    groups: String,
}

/// What GKE writes into that annotation: each port with its group.
#[derive(Deserialize)]
struct GroupStatus {
    #[serde(default, deserialize_with = "lenient")]
    network_endpoint_groups: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Service {
    metadata: Meta,
    #[serde(default, deserialize_with = "lenient")]
    spec: ServiceSpec,
}

#[derive(Default, Deserialize)]
struct ServiceSpec {
    #[serde(default, deserialize_with = "lenient")]
    selector: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Deployment {
    metadata: Meta,
    spec: DeploymentSpec,
}

#[derive(Deserialize)]
struct DeploymentSpec {
    template: Template,
}

#[derive(Deserialize)]
struct Template {
    #[serde(default, deserialize_with = "lenient")]
    metadata: Meta,
}

impl Service {
    /// `None` for one that is in no group.
    fn exposed(self, deployments: &[Deployment]) -> Option<Exposed> {
        let Service { metadata: Meta { name, namespace, annotations, .. }, spec: ServiceSpec { selector } } = self;
        let GroupStatus { network_endpoint_groups } = serde_json::from_str(&annotations.groups).ok()?;
        let groups: Vec<Shown> = network_endpoint_groups.values().map(|group| Shown::new(group)).collect();
        let selects = |deployment: &&Deployment| {
            let labels = &deployment.spec.template.metadata.labels;
            // A service without a selector selects nothing.
            deployment.metadata.namespace == namespace
                && !selector.is_empty()
                && selector.iter().all(|(label, value)| labels.get(label) == Some(value))
        };
        let behind = deployments.iter().filter(selects).map(|deployment| Shown::new(&deployment.metadata.name)).collect();
        Some(Exposed { namespace: Shown::new(&namespace), service: Shown::new(&name), groups, deployments: behind })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_service_is_followed_to_the_deployment_whose_pods_it_selects() {
        let status = r#"{"network_endpoint_groups":{"80":"web-neg"},"zones":["us-central1-a"]}"#;
        let service = |annotations, selector| {
            Service::deserialize(json!({
                "metadata": {"name": "web", "namespace": "shop", "annotations": annotations}, "spec": {"selector": selector},
            }))
            .unwrap()
        };
        let deployment = |namespace, labels| {
            let template = json!({"metadata": {"labels": labels}});
            Deployment::deserialize(json!({"metadata": {"name": "web-v2", "namespace": namespace}, "spec": {"template": template}}))
                .unwrap()
        };
        let all = [
            deployment("shop", json!({"app": "web", "version": "2"})),
            deployment("other", json!({"app": "web"})),
            deployment("shop", json!({"app": "api"})),
            deployment("shop", serde_json::Value::Null),
        ];
        let marked = json!({"cloud.google.com/neg-status": status});
        let seen = service(marked.clone(), json!({"app": "web"})).exposed(&all).unwrap();
        assert_eq!((seen.groups, seen.deployments), (vec!["web-neg".into()], vec!["web-v2".into()]));
        assert_eq!(service(marked, json!({})).exposed(&all).unwrap().deployments, []);
        assert!(service(json!(null), json!({"app": "web"})).exposed(&all).is_none(), "no group");
        assert!(service(json!({"cloud.google.com/neg-status": "soon"}), json!({"app": "web"})).exposed(&all).is_none());
    }
}
