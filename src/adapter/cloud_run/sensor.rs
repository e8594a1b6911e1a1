//! How one Cloud Run service is, and who changed it.

use super::{
    ServiceName,
    wire::{Service, last_segment},
};
use crate::{
    adapter::http::{Ask, Client, Limits},
    domain::{
        fact::Fact,
        fault::Fault,
        id::{BackendId, SourceId},
        platform::{Happening, Workload},
        shown::Shown,
        time::{Millis, Timestamp},
    },
    port::{Answer, Sensor},
};

/// Which service to look at.
#[derive(Debug, Clone)]
pub struct Config {
    pub source: SourceId,
    pub backend: BackendId,
    pub service: ServiceName,
    pub every: Millis,
}

pub struct ServiceSensor {
    config: Config,
    client: Client,
    /// Generation that was seen last; a new one is told as an event.
    generation: Option<String>,
}

impl ServiceSensor {
    pub fn new(config: Config, client: Client) -> ServiceSensor {
        ServiceSensor { config, client, generation: None }
    }

    async fn examine(&mut self) -> Result<Vec<Fact>, Fault> {
        let ask = Ask::get(self.config.service.at(&self.client), Limits::READ);
        let service: Service = self.client.send(ask).await?.json().map_err(Fault::from)?;
        let backend = self.config.backend.clone();
        let mut facts = vec![Fact::Workload { backend: backend.clone(), workload: workload(&service) }];
        let before = self.generation.replace(service.generation.clone());
        if before.is_some_and(|before| before != service.generation) {
            facts.extend(
                changed(&service, &self.config.service.service).map(|happening| Fact::Happened { backend, happenings: vec![happening] }),
            );
        }
        Ok(facts)
    }
}

/// The API counts no instances: the configured minimum (at least one) stands for them, ready if requests are routed, else not at all.
fn workload(service: &Service) -> Workload {
    let desired = service.scaling.min_instance_count.max(service.template.scaling.min_instance_count).max(1);
    let (ready_revision, created_revision) = (last_segment(&service.latest_ready_revision), last_segment(&service.latest_created_revision));
    let lagging = (ready_revision != created_revision && !service.reconciling).then(|| format!("revision {created_revision} is not ready"));
    let trouble = service.failure().map(str::to_owned).or(lagging);
    Workload {
        desired,
        ready: if service.is_serving() { desired } else { 0 },
        restarts: 0,
        version: Shown::new(ready_revision),
        trouble: trouble.map(|text| Shown::new(&text)),
        pods: Vec::new(),
    }
}

fn changed(service: &Service, name: &str) -> Option<Happening> {
    let at = service.update_time?;
    let (who, with) = (service.last_modifier.as_deref().unwrap_or("somebody"), service.client.as_deref().unwrap_or("an unnamed client"));
    Some(Happening {
        at: Timestamp(at.as_millisecond()),
        kind: Shown::new("Normal"),
        reason: Shown::new("Modified"),
        object: Shown::new(&format!("service/{name}")),
        message: Shown::new(&format!("changed by {who} with {with}")),
        count: 1,
    })
}

impl Sensor for ServiceSensor {
    fn source(&self) -> SourceId {
        self.config.source.clone()
    }
    fn every(&self) -> Millis {
        self.config.every
    }
    /// Two intervals and the deadline of one read.
    fn stale_after(&self) -> Millis {
        Millis(self.config.every.0.saturating_mul(2).saturating_add(Limits::READ.deadline.as_millis() as u64))
    }
    fn look(&mut self) -> Answer<'_, Result<Vec<Fact>, Fault>> {
        Box::pin(self.examine())
    }
}
