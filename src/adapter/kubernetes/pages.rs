//! Pages that a Deployment's pods show, each asked of the API server, which passes it on:
//! `/api/v1/namespaces/NAMESPACE/pods/POD:PORT/proxy/PATH`, for which the right to `get` `pods/proxy` is needed.
//!
//! What a pod answers goes to whoever asked while it comes, and is neither kept nor read here.

use std::{ops::ControlFlow, time::Duration};

use http_body_util::BodyExt;
use kube::{Client, client::Body};
use tokio::time::timeout;

use super::{
    access::fault_of,
    gke::Way,
    list::{self, Scope},
    pod::SlimPod,
    wire::SlimDeployment,
};
use crate::{
    adapter::http::{Sink, kind_of},
    domain::{
        fault::{Fault, FaultKind},
        platform::Readiness,
    },
};

/// A page of a pod has so long to come, on the machine's own clock.
const DEADLINE: Duration = Duration::from_secs(4);
/// So much is read of an answer that is none, for its words.
const WORDS_MAX: usize = 2_000;

/// Which page of which Deployment's pods.
#[derive(Debug, Clone)]
pub struct Shown {
    pub namespace: String,
    pub deployment: String,
    pub port: u16,
    /// With its slash.
    pub path: String,
}

/// A pod that gets traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyPod {
    pub uid: String,
    pub name: String,
}

pub struct Pages {
    way: Way,
    shown: Shown,
    /// Made when it is first needed.
    client: Option<Client>,
    /// Of a Deployment it never changes.
    selector: Option<String>,
}

impl Pages {
    pub fn new(way: Way, shown: Shown) -> Pages {
        Pages { way, shown, client: None, selector: None }
    }

    pub fn shown(&self) -> &Shown {
        &self.shown
    }

    /// The pods that are ready now; where there are more than `most`, so many that this can be seen, and the rest isn't asked for.
    /// # Errors
    /// The cluster's own, and [`FaultKind::NotFound`] without the Deployment.
    pub async fn ready(&mut self, most: usize) -> Result<Vec<ReadyPod>, Fault> {
        let found = self.listed(most).await;
        if found.as_ref().is_err_and(|fault| self.way.is_outdated_by(fault.kind)) {
            self.client = None;
        }
        found
    }

    async fn listed(&mut self, most: usize) -> Result<Vec<ReadyPod>, Fault> {
        let client = match &self.client {
            Some(client) => client.clone(),
            None => self.client.insert(self.way.access().await?.client()?).clone(),
        };
        let Shown { namespace, deployment, .. } = &self.shown;
        let scope = Scope { namespace: namespace.clone(), labels: None, fields: None };
        let selector = match &self.selector {
            Some(selector) => selector.clone(),
            None => {
                let only = Scope { fields: Some(format!("metadata.name={deployment}")), ..scope.clone() };
                let (found, _) = list::list::<SlimDeployment>(&client, &only).await?;
                let missing = || Fault::new(FaultKind::NotFound, format!("there is no deployment {deployment} in {namespace}"));
                let found = found.into_iter().next().ok_or_else(missing)?;
                self.selector.insert(found.selector).clone()
            }
        };
        let is_ready = |pod: &&SlimPod| pod.ready == Readiness::Ready;
        let too_many = |pods: &[SlimPod]| pods.iter().filter(is_ready).count() > most;
        let page_size = u32::try_from(most + 1).unwrap_or(u32::MAX);
        let (pods, _) = list::list_until(&client, &Scope { labels: Some(selector), ..scope }, page_size, too_many).await?;
        let ready = pods.into_iter().filter(|pod| is_ready(&pod));
        Ok(ready.map(|pod| ReadyPod { uid: pod.uid, name: pod.name }).collect())
    }

    /// Lets a pod's page flow into `sink`.
    /// # Errors
    /// The cluster's or the pod's own, and [`FaultKind::TimedOut`].
    pub async fn pour(&self, pod: &str, sink: &mut dyn Sink) -> Result<(), Fault> {
        match timeout(DEADLINE, self.poured(pod, sink)).await {
            Ok(poured) => poured,
            Err(_) => Err(Fault::new(FaultKind::TimedOut, format!("pod {pod} showed no whole page within {}s", DEADLINE.as_secs()))),
        }
    }

    async fn poured(&self, pod: &str, sink: &mut dyn Sink) -> Result<(), Fault> {
        let Shown { namespace, port, path, .. } = &self.shown;
        let (about, asked) = (format!("the page of pod {pod}"), format!("/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy{path}"));
        let unsupported = |error: &dyn std::fmt::Display| Fault::new(FaultKind::Unsupported, format!("{about}: {error}"));
        let client = self.client.as_ref().ok_or_else(|| unsupported(&"nobody has listed the pods"))?;
        let request = hyper::Request::get(asked).body(Body::empty()).map_err(|error| unsupported(&error))?;
        let answer = client.send(request).await.map_err(|error| fault_of(&about, &error))?;
        let (head, mut body) = answer.into_parts();
        if head.status.is_success() && sink.begins(&head.headers).is_break() {
            return Ok(());
        }
        let mut words = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| fault_of(&about, &error))?;
            let Ok(bytes) = frame.into_data() else { continue };
            if head.status.is_success() {
                if let ControlFlow::Break(()) = sink.take(&bytes) {
                    return Ok(());
                }
            } else {
                words.extend_from_slice(&bytes[..bytes.len().min(WORDS_MAX - words.len().min(WORDS_MAX))]);
                if words.len() >= WORDS_MAX {
                    break;
                }
            }
        }
        if head.status.is_success() {
            return Ok(());
        }
        let status = serde_json::from_slice::<serde_json::Value>(&words).ok();
        let said = status.as_ref().and_then(|status| status["message"].as_str().map(str::to_owned));
        let said = said.unwrap_or_else(|| String::from_utf8_lossy(&words).trim().chars().take(200).collect());
        let code = head.status.as_u16();
        Err(Fault::new(kind_of(code), format!("{about}: {code} {said}")))
    }
}
