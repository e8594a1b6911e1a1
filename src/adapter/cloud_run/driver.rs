//! Holds the weights of one route by the traffic between revisions of one service.
//!
//! The interface has an etag but no request ids: a second copy of a write meets an etag that the first has moved on, so its refusal says
//! nothing of the first, and a read has to tell. A write ends when the service itself says that it does what was asked for. With each read the route's own revisions are looked at too: one
//! that is gone or not ready can't be gone back to.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::future::join_all;

use super::{
    ServiceName, steerer,
    traffic::{split, targets},
    wire::{Operation, Patch, Revision, Service},
};
use crate::{
    adapter::{
        claim,
        http::{Ask, Client, Failure, Limits, kind_of},
        memory::Memory,
        patience::{Patience, Waiting},
        permission::Permission,
    },
    domain::{
        by_hand,
        fact::Accepted,
        fault::{Fault, FaultKind, Outcome, Receipt, Version, Written},
        hindrance::Hindrance,
        id::{BackendId, RouteId},
        shown::Shown,
        time::Timestamp,
        weight::Weights,
    },
    port::{Answer, Change, Driver, Intent, Keeper, Taken},
};

/// What the driver needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    pub route: RouteId,
    pub service: ServiceName,
    /// Each backend of the route with the name of its revision.
    pub backends: Vec<(BackendId, String)>,
    /// How long a change may take until the service has settled.
    pub patience: Duration,
}

/// Pauses between two looks at a change in progress grow by doubling between these.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
const PAUSE_MOST: Duration = Duration::from_secs(5);

/// A read of the weights may not wait long for what is beside them.
const BESIDE: Limits = Limits::READ.within(Duration::from_secs(2));

pub struct RevisionsDriver {
    pub(super) config: Config,
    pub(super) client: Client,
    permission: Permission,
    /// What the last read found, so that a write home waits for no read.
    known: Mutex<Option<Service>>,
    /// What our newest write made, for the next one: a read may still tell what was before it.
    made: Mutex<Option<Service>>,
    /// What the host before has read, and what the next one will need.
    memory: Memory,
}

impl RevisionsDriver {
    pub fn new(config: Config, client: Client) -> RevisionsDriver {
        RevisionsDriver {
            config,
            client,
            permission: Permission::new("run.services.update"),
            known: Mutex::new(None),
            made: Mutex::new(None),
            memory: Memory::default(),
        }
    }

    pub(super) async fn fetch(&self) -> Result<Service, Failure> {
        let service: Service = self.client.send(Ask::get(self.config.service.at(&self.client), Limits::READ)).await?.json()?;
        self.memory.note(&self.of(), &service.etag, || serde_json::to_string(&service).ok());
        Ok(service)
    }

    /// The service as it is called where it is remembered: as far as it is looked at, for its template may hold people's secrets.
    fn of(&self) -> String {
        format!("cloud-run/1 {}", self.config.service.at(&self.client))
    }

    async fn read_now(&self) -> Result<Accepted, Fault> {
        let permissions = (&self.client, self.config.service.permissions_at(&self.client));
        let (service, revisions, permission) = tokio::join!(self.fetch(), self.revisions(), self.permission.look(Some(permissions)));
        let service = service?;
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(service.clone());
        let mut split = split(&service, &self.config.backends)?;
        split.hindrances.extend(revisions);
        split.hindrances.extend(permission);
        split.hindrances.extend(steerer::no_room(&service));
        let claimed = steerer::claimed(&service);
        Ok(Accepted {
            route: self.config.route.clone(),
            weights: split.weights,
            version: Version(service.etag),
            actor: service.last_modifier.map(|who| Shown::new(&who)),
            changed_at: service.update_time.map(|at| Timestamp(at.as_millisecond())),
            hindrances: split.hindrances,
            claimed,
        })
    }

    /// Which of the route's revisions can't be sent anything. What could not be told is not held against them.
    async fn revisions(&self) -> Vec<Hindrance> {
        let looks = self.config.backends.iter().map(|(backend, name)| async move {
            let ask = Ask::get(self.config.service.revision_at(&self.client, name), BESIDE);
            let shown = || (backend.clone(), Shown::new(name));
            match self.client.send(ask).await.and_then(|reply| reply.json::<Revision>()) {
                Ok(revision) => revision.failure().map(|why| {
                    let ((backend, name), why) = (shown(), Shown::new(why));
                    Hindrance::RevisionNotReady { backend, name, why }
                }),
                Err(failure) if failure.fault.kind == FaultKind::NotFound => {
                    let (backend, name) = shown();
                    Some(Hindrance::RevisionGone { backend, name })
                }
                Err(_) => None,
            }
        });
        join_all(looks).await.into_iter().flatten().collect()
    }

    /// The service at exactly `version`, from memory, our own or that of the host before, or read anew.
    async fn at_version(&self, version: &Version) -> Result<Service, Fault> {
        let remembered = |memory: &Mutex<Option<Service>>| memory.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut remembered = remembered(&self.known).into_iter().chain(remembered(&self.made));
        let left = || self.memory.at(version).filter(|service: &Service| service.etag == version.0);
        if let Some(service) = remembered.find(|service| service.etag == version.0).or_else(left) {
            return Ok(service);
        }
        let service = self.fetch().await?;
        if service.etag == version.0 {
            return Ok(service);
        }
        let message = format!("service {} was changed since it was read; nothing was written, read it again", self.config.service.service);
        Err(Fault::new(FaultKind::Conflict, message))
    }

    /// What to send, made from the service at exactly `version`.
    pub(super) async fn prepared(&self, change: Change<'_>, version: &Version) -> Result<Patch, Fault> {
        let service = self.at_version(version).await?;
        let annotations = change.claim().and_then(|claim| steerer::annotations(&service, claim));
        let traffic = match change {
            Change::Split { to, .. } => Some(targets(&service, &self.config.backends, to)?),
            Change::Claim(_) => None,
        };
        if traffic.is_none() && annotations.is_none() {
            let message = "the service's annotations leave no room for the claim; nothing was written";
            return Err(Fault::new(FaultKind::Unsupported, message));
        }
        Ok(Patch { etag: service.etag.clone(), traffic, annotations })
    }

    /// Whether the service reads as `change` was to make it.
    fn reads_as(&self, service: &Service, change: Change<'_>) -> bool {
        let splits = match change {
            Change::Split { to, .. } => split(service, &self.config.backends).is_ok_and(|split| split.weights == *to),
            Change::Claim(_) => true,
        };
        splits && claim::bears(&steerer::claimed(service), change, steerer::no_room(service))
    }

    async fn write_now(&self, change: Change<'_>, version: &Version, intent: &Intent, taken: Taken) -> Written {
        let written = self.written(change, version, intent, taken).await;
        self.permission.learn(&written.outcome);
        written
    }

    async fn written(&self, change: Change<'_>, version: &Version, intent: &Intent, taken: Taken) -> Written {
        let patch = match self.prepared(change, version).await {
            Ok(patch) => patch,
            Err(fault) => return Outcome::NotDone(fault).into(),
        };
        let ask =
            || Ask::patch(self.config.service.at(&self.client), &patch, Limits::WRITE).query("updateMask", patch.mask()).because(intent);
        let sent = self.client.send_hedged(ask).await;
        let alone = sent.is_alone();
        let outcome = match sent.answer.and_then(|reply| reply.json::<Operation>()) {
            Ok(operation) => self.awaited(operation, change, taken).await,
            Err(failure) if alone => failure.outcome(),
            // The answer speaks of one copy only; another may have been done.
            Err(failure) => self.compared(change, failure.fault).await,
        };
        Written { outcome, attempts: sent.attempts }
    }

    /// Trusts the service: done if it does what was asked for, else nobody knows, for the reason of `doubt`.
    async fn compared(&self, change: Change<'_>, doubt: Fault) -> Outcome {
        let Ok(service) = self.fetch().await else { return Outcome::Unknown(doubt) };
        if self.reads_as(&service, change) && service.is_settled() { self.done(service, None) } else { Outcome::Unknown(doubt) }
    }

    fn done(&self, service: Service, operation: Option<Shown>) -> Outcome {
        let version = Some(Version(service.etag.clone()));
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(service);
        Outcome::Done(Receipt { version, operation })
    }

    async fn awaited(&self, mut operation: Operation, change: Change<'_>, taken: Taken) -> Outcome {
        let mut waiting = Patience { first: PAUSE_FIRST, most: PAUSE_MOST, total: self.config.patience }.begin();
        let name = Shown::new(&operation.name);
        taken.by(name.clone());
        while !operation.done {
            if waiting.is_over() {
                let message = format!("operation {name} is still running; it may end well later, look at it before anything else");
                return Outcome::Unknown(Fault::new(FaultKind::TimedOut, message));
            }
            waiting.pause().await;
            let path: Vec<&str> = std::iter::once("v2").chain(operation.name.split('/')).collect();
            match self.client.send(Ask::get(self.client.at(&path), Limits::READ)).await.and_then(|reply| reply.json()) {
                Ok(newer) => operation = newer,
                Err(failure) if failure.fault.kind == FaultKind::NotFound => {
                    let message = format!("operation {name} has vanished: {}", failure.fault.message);
                    return Outcome::Unknown(Fault::new(FaultKind::NotFound, message));
                }
                // The operation goes on without us; the deadline bounds how often this is tried.
                Err(_) => {}
            }
        }
        match operation.error {
            None => self.settled(change, name, waiting).await,
            Some(error) => {
                let fault = Fault::new(kind_of(error.http()), format!("operation {name} failed: {}", error.message));
                if error.http() >= 500 { Outcome::Unknown(fault) } else { Outcome::NotDone(fault) }
            }
        }
    }

    /// An operation that is done is a promise; the service's own word is the proof.
    async fn settled(&self, change: Change<'_>, operation: Shown, mut waiting: Waiting) -> Outcome {
        waiting.next_stage();
        let unknown = |kind, what: String| Outcome::Unknown(Fault::new(kind, format!("operation {operation} is done, but {what}")));
        loop {
            let seen = self.fetch().await;
            if let Ok(service) = &seen {
                if !self.reads_as(service, change) {
                    return unknown(FaultKind::Conflict, "the service does not read as wanted".to_owned());
                }
                if let Some(failure) = service.failure().filter(|_| !service.reconciling) {
                    return unknown(FaultKind::Rejected, format!("the service says: {failure}"));
                }
                if service.is_settled() {
                    return self.done(service.clone(), Some(operation));
                }
            }
            if waiting.is_over() {
                let what = seen.map_or_else(|failure| failure.fault.message.to_string(), |_| "the service has not settled yet".to_owned());
                return unknown(FaultKind::TimedOut, what);
            }
            waiting.pause().await;
        }
    }
}

impl Driver for RevisionsDriver {
    fn read(&self) -> Answer<'_, Result<Accepted, Fault>> {
        Box::pin(self.read_now())
    }

    fn write<'a>(&'a self, change: Change<'a>, version: &'a Version, intent: &'a Intent, taken: Taken) -> Answer<'a, Written> {
        Box::pin(self.write_now(change, version, intent, taken))
    }

    fn by_hand(&self, to: &Weights) -> String {
        let Config { service: ServiceName { project, region, service }, backends, .. } = &self.config;
        let legs: Vec<by_hand::Leg<'_>> = backends.iter().map(|(id, name)| by_hand::Leg { name, share: to.of(id) }).collect();
        by_hand::command(by_hand::Lever::CloudRunRevisions { project, region, service }, &legs)
    }

    fn take_up(&self, left: Option<&str>, keeper: Keeper) {
        self.memory.take_up(&self.of(), left, keeper);
    }
}
