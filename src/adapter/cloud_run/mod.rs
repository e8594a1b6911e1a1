//! Cloud Run Admin API v2: the split between revisions of one service, and how the service itself is.
//!
//! [`RevisionsDriver`] steers traffic inside Cloud Run; it can't reach GKE. [`floor`] keeps instances for a way home. [`ServiceSensor`] tells how the service is set up and which
//! of its revisions are ready. The API does not say how many instances run, so the sensor doesn't either.

mod driver;
mod extent;
pub mod floor;
mod rehearsal;
mod sensor;
mod steerer;
mod traffic;
mod wire;

pub use driver::{Config as DriverConfig, RevisionsDriver};
pub use sensor::{Backs, Config as SensorConfig, ServiceSensor};

use reqwest::Url;

use crate::adapter::http::Client;

/// One service's name in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceName {
    pub project: String,
    pub region: String,
    pub service: String,
}

impl ServiceName {
    fn at(&self, client: &Client) -> Url {
        client.at(&["v2", "projects", &self.project, "locations", &self.region, "services", &self.service])
    }
    fn revision_at(&self, client: &Client, revision: &str) -> Url {
        client.at(&["v2", "projects", &self.project, "locations", &self.region, "services", &self.service, "revisions", revision])
    }

    /// Where it tells which permissions its caller holds.
    pub fn permissions_at(&self, client: &Client) -> Url {
        let service = format!("{}:testIamPermissions", self.service);
        client.at(&["v2", "projects", &self.project, "locations", &self.region, "services", &service])
    }
}
