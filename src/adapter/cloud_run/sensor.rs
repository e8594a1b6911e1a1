//! How one Cloud Run service is set up, how its revisions are, and who changed it.
//!
//! A backend is either a whole service (behind a load balancer) or one revision of it; each is told of itself. Only the service's own
//! answer decides whether the look has failed; a revision that can't be read is named as unread, and the rest is told.

use std::collections::BTreeMap;

use super::{
    ServiceName,
    extent::{Described, RevisionWire, untold},
    wire::last_segment,
};
use crate::{
    adapter::http::{Ask, Client, Limits},
    domain::{
        fact::Fact,
        fault::{Fault, FaultKind},
        id::{BackendId, SourceId},
        platform::{Happening, Part, Revision, RevisionState, Scale, Unread, Workload},
        shown::Shown,
        time::{Millis, Timestamp},
        weight::PerMille,
    },
    port::{Answer, Sensor},
};

/// Which service to look at.
#[derive(Debug, Clone)]
pub struct Config {
    pub source: SourceId,
    pub backend: BackendId,
    pub service: ServiceName,
    pub backs: Backs,
    pub every: Millis,
}

/// What a backend is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backs {
    /// The service with whatever revisions it sends requests to.
    Service,
    /// This revision alone.
    Revision(String),
}

/// Revisions read in one look; a service that spreads over more tells the shares of the rest and nothing else.
const REVISIONS_READ_MAX: usize = 6;

pub struct ServiceSensor {
    config: Config,
    client: Client,
    /// Generation that was seen last; a new one is told as an event.
    generation: Option<String>,
    /// How often each of those who changed it has done so.
    changes: BTreeMap<Shown, u32>,
}

/// One look.
struct Look {
    service: Described,
    shares: Vec<(String, PerMille)>,
    read: BTreeMap<String, Result<RevisionWire, Fault>>,
}

impl ServiceSensor {
    pub fn new(config: Config, client: Client) -> ServiceSensor {
        ServiceSensor { config, client, generation: None, changes: BTreeMap::new() }
    }

    async fn examine(&mut self) -> Result<Vec<Fact>, Fault> {
        let ask = Ask::get(self.config.service.at(&self.client), Limits::READ);
        let service: Described = self.client.send(ask).await?.json().map_err(Fault::from)?;
        if service.name.is_empty() || service.service.generation.is_empty() {
            let message = format!("the answer describes no service {}", self.config.service.service);
            return Err(Fault::new(FaultKind::Unreadable, message));
        }
        let look = self.revisions(service).await;
        let backend = self.config.backend.clone();
        let mut facts = vec![Fact::Workload { backend: backend.clone(), workload: workload(&look, &self.config.backs) }];
        let generation = look.service.service.generation.clone();
        let before = self.generation.replace(generation.clone());
        if before.is_some_and(|before| before != generation) {
            let happened = self.changed(&look.service);
            facts.extend(happened.map(|happening| Fact::Happened { backend, happenings: vec![happening] }));
        }
        Ok(facts)
    }

    /// Reads the revisions that matter: the backend's own, those with a share, and the newest.
    async fn revisions(&self, service: Described) -> Look {
        let shares = service.shares();
        let own = match &self.config.backs {
            Backs::Service => Vec::new(),
            Backs::Revision(name) => vec![name.clone()],
        };
        let newest = last_segment(&service.service.latest_created_revision).to_owned();
        let mut wanted: Vec<String> = Vec::new();
        for name in own.into_iter().chain(shares.iter().map(|(name, _)| name.clone())).chain([newest]) {
            if !name.is_empty() && !wanted.contains(&name) {
                wanted.push(name);
            }
        }
        wanted.truncate(REVISIONS_READ_MAX);
        let ServiceName { project, region, service: of } = &self.config.service;
        let read = wanted.into_iter().map(|name| async move {
            let url = self.client.at(&["v2", "projects", project, "locations", region, "services", of, "revisions", &name]);
            let told = match self.client.send(Ask::get(url, Limits::READ)).await {
                Ok(reply) => reply.json::<RevisionWire>().map_err(Fault::from),
                Err(failure) => Err(failure.into()),
            };
            (name, told)
        });
        let read = futures::future::join_all(read).await.into_iter().collect();
        Look { service, shares, read }
    }

    fn changed(&mut self, described: &Described) -> Option<Happening> {
        let service = &described.service;
        let at = service.update_time?;
        let (who, with) =
            (service.last_modifier.as_deref().unwrap_or("somebody"), service.client.as_deref().unwrap_or("an unnamed client"));
        let message = Shown::new(&format!("changed by {who} with {with}"));
        let count = self.changes.entry(message.clone()).or_default();
        *count = count.saturating_add(1);
        Some(Happening {
            at: Timestamp(at.as_millisecond()),
            kind: Shown::new("Normal"),
            reason: Shown::new("Modified"),
            object: Shown::new(&format!("service/{}", self.config.service.service)),
            shape: message.clone(),
            message,
            count: *count,
            objects: 1,
        })
    }
}

fn workload(look: &Look, backs: &Backs) -> Workload {
    let share = |name: &str| look.shares.iter().find(|(known, _)| known == name).map_or(PerMille::ZERO, |(_, share)| *share);
    let told = |name: &str| match look.read.get(name) {
        Some(Ok(revision)) => revision.told(share(name)),
        Some(Err(_)) | None => untold(name, share(name)),
    };
    let mut names: Vec<&str> = look.shares.iter().map(|(name, _)| name.as_str()).collect();
    names.extend(look.read.keys().map(String::as_str).filter(|name| share(name) == PerMille::ZERO));
    let unread = look
        .read
        .iter()
        .filter_map(|(name, read)| Some(Unread { part: Part::Revision(Shown::new(name)), fault: read.as_ref().err()?.clone() }));
    let unread = unread.collect();
    let revisions: Vec<Revision> = names.into_iter().map(told).collect();
    let (scale, version, trouble) = match backs {
        Backs::Service => whole(look, &revisions),
        Backs::Revision(name) => one(look, name, &told(name)),
    };
    let trouble = (scale == Scale::Off).then(|| "the service is switched off: its scaling is set to 0 by hand".to_owned()).or(trouble);
    Workload {
        scale,
        version: Shown::new(&version),
        trouble: trouble.map(|text| Shown::new(&text)),
        revisions,
        unread,
        ..Workload::default()
    }
}

/// A service with whatever it sends requests to.
fn whole(look: &Look, revisions: &[Revision]) -> (Scale, String, Option<String>) {
    let service = &look.service.service;
    let serving: Vec<RevisionWire> = look.shares.iter().filter_map(|(name, _)| look.read.get(name)?.as_ref().ok().cloned()).collect();
    // With a revision unread, the sum of the minimums isn't known; the template's stands for it.
    let serving = if serving.len() == look.shares.len() { serving } else { Vec::new() };
    let (ready, created) = (last_segment(&service.latest_ready_revision), last_segment(&service.latest_created_revision));
    let lagging =
        (ready != created && !service.reconciling).then(|| match revisions.iter().find(|revision| revision.name.as_str() == created) {
            Some(Revision { why: Some(why), .. }) => format!("revision {created} is not ready: {why}"),
            Some(_) | None => format!("revision {created} is not ready"),
        });
    let version = look.shares.first().map_or(ready, |(name, _)| name.as_str()).to_owned();
    let none = look.shares.is_empty().then(|| "no revision gets any request".to_owned());
    (look.service.scale(&serving), version, service.failure().map(str::to_owned).or(lagging).or(none))
}

/// One revision: what the others are like is not its trouble.
fn one(look: &Look, name: &str, told: &Revision) -> (Scale, String, Option<String>) {
    let (scale, missing) = match look.read.get(name) {
        Some(Ok(revision)) => (look.service.scale_of(revision), None),
        Some(Err(fault)) if fault.kind == FaultKind::NotFound => (Scale::Untold, Some(format!("revision {name} does not exist"))),
        Some(Err(_)) | None => (Scale::Untold, None),
    };
    let failed = match told.state {
        RevisionState::Failed => Some(told.why.as_ref().map_or_else(|| format!("revision {name} is not ready"), Shown::to_string)),
        RevisionState::Ready | RevisionState::Pending | RevisionState::Untold => None,
    };
    (scale, name.to_owned(), missing.or(failed))
}

impl Sensor for ServiceSensor {
    fn source(&self) -> SourceId {
        self.config.source.clone()
    }
    fn every(&self) -> Millis {
        self.config.every
    }
    /// Two intervals and the deadlines of two reads in a row.
    fn stale_after(&self) -> Millis {
        Millis(self.config.every.0.saturating_mul(2).saturating_add(2 * Limits::READ.deadline.as_millis() as u64))
    }
    fn look(&mut self) -> Answer<'_, Result<Vec<Fact>, Fault>> {
        Box::pin(self.examine())
    }
}
