//! What Cloud Run says to a write that is not made, and how long it lets an answer take.

use serde::Deserialize;

use super::{RevisionsDriver, ServiceName};
use crate::{
    adapter::http::{Ask, Client, Failure, Limits, Progress},
    domain::{fault::Version, weight::Weights},
    port::Change,
};

impl RevisionsDriver {
    /// Sends a split of `to` to be validated alone (`validateOnly`), against the service as it is now.
    /// # Errors
    /// What the service has against it, or whatever kept it from being asked.
    pub async fn rehearse(&self, to: &Weights) -> Result<(), Failure> {
        let version = Version(self.fetch().await?.etag);
        let prepared = self.prepared(Change::Split { to, claim: None }, &version).await;
        let patch = prepared.map_err(|fault| Failure::new(Progress::NeverSent, fault.kind, fault.message.as_str()))?;
        let at = self.config.service.at(&self.client);
        let ask = Ask::patch(at, &patch, Limits::READ).query("updateMask", patch.mask()).query("validateOnly", "true");
        self.client.send(ask).await.map(|_| ())
    }
}

impl ServiceName {
    /// Seconds that a request may take there; nothing where the service does not say.
    /// # Errors
    /// Whatever Cloud Run says.
    pub async fn timeout_s(&self, client: &Client) -> Result<Option<u32>, Failure> {
        #[derive(Deserialize)]
        struct Described {
            template: Option<Template>,
        }
        #[derive(Deserialize)]
        struct Template {
            timeout: Option<String>,
        }
        let service: Described = client.send(Ask::get(self.at(client), Limits::READ)).await?.json()?;
        // A duration in JSON is a number of seconds and an `s`; fractions are cut.
        let timeout = service.template.and_then(|template| template.timeout);
        Ok(timeout.and_then(|text| text.trim_end_matches('s').split('.').next()?.parse().ok()))
    }
}
