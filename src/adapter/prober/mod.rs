//! Real requests, each over a connection of its own: what a user would meet now.
//!
//! The front-door prober tells by a header of the answer which backend gave it, and so observes the split that the data plane really makes.
//! The backend prober asks one backend past the front door. Both are polite: a fixed number of requests a look, few at a time. They follow no
//! redirect, keep no window and judge nothing but whether a probe was answered as the plan expects.

mod shot;

use std::collections::BTreeMap;

use reqwest::{Url, header::HeaderName};

use crate::{
    adapter::{Now, http::Client},
    domain::{
        answer::{AnswerClass, Answers, Expect},
        fact::{Fact, Probed, Served},
        fault::{Fault, FaultKind},
        id::{BackendId, RouteId, SourceId},
        shown::Shown,
        table::Table,
        time::{Millis, Timestamp},
    },
    port::{Answer, Sensor, Unattended},
};
use shot::{Aim, Shot, volley};

/// At most so many requests are open at a time.
pub const CONCURRENCY_MAX: usize = 8;
/// At most so many requests are sent in one look.
pub const REQUESTS_MAX: usize = 64;

/// How hard to knock. Both numbers are brought into their bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two looks.
    pub every: Millis,
    /// Requests in one look, 1 to [`REQUESTS_MAX`].
    pub requests: usize,
    /// Open at a time, 1 to [`CONCURRENCY_MAX`].
    pub concurrency: usize,
}

/// The front door of one route.
#[derive(Clone)]
pub struct FrontDoorConfig {
    pub source: SourceId,
    pub route: RouteId,
    /// Asked with GET; within the client's origin.
    pub url: Url,
    /// The header by which an answer says who gave it, usually `x-served-by`.
    pub served_by: HeaderName,
    /// That header's values; a value that is not here counts as unmarked.
    pub marks: BTreeMap<String, BackendId>,
    /// Looked for in each body, if the plan expects one.
    pub text: Option<Shown>,
    pub pace: Pace,
    pub now: Now,
}

pub struct FrontDoorProber {
    config: FrontDoorConfig,
    client: Client,
    last_look: Option<Timestamp>,
}

impl FrontDoorProber {
    /// `client` should be a [`Client::fresh`] one: a kept connection would see one backend only.
    pub fn new(config: FrontDoorConfig, client: Client) -> FrontDoorProber {
        FrontDoorProber { config, client, last_look: None }
    }

    async fn knock(&mut self) -> Result<Vec<Fact>, Fault> {
        let began = (self.config.now)();
        let FrontDoorConfig { url, served_by, text, pace, .. } = &self.config;
        let aim = Aim { url: url.clone(), served_by: served_by.clone(), text: text.clone() };
        let shots = volley(&self.client, &aim, *pace).await;
        reached(&shots)?;
        let ended = (self.config.now)();
        let span = ended.since(self.last_look.unwrap_or(began));
        self.last_look = Some(ended);
        Ok(vec![Fact::Served(self.counted(shots, span))])
    }

    /// Every answer counts once, for the backend that says it gave it, else for nobody.
    fn counted(&self, shots: Vec<Shot>, span: Millis) -> Served {
        let mut served = Served {
            route: self.config.route.clone(),
            span,
            by_backend: self.config.marks.values().map(|backend| (backend.clone(), 0)).collect(),
            answers: Table::default(),
            failed: 0,
            dropped: 0,
            unmarked: 0,
            unmarked_answers: Answers::default(),
        };
        for shot in shots {
            match shot {
                Shot::Answered { kind, mark, .. } => {
                    served.failed += u64::from(kind.class() == AnswerClass::ServerError);
                    match mark.and_then(|mark| self.config.marks.get(&mark)) {
                        Some(backend) => {
                            *served.by_backend.get_or_insert_with(backend, u64::default) += 1;
                            served.answers.get_or_insert_with(backend, Answers::default).add(&kind, 1);
                        }
                        None => {
                            served.unmarked += 1;
                            served.unmarked_answers.add(&kind, 1);
                        }
                    }
                }
                Shot::Dropped | Shot::NotConnected(_) => served.dropped += 1,
            }
        }
        served
    }
}

impl Sensor for FrontDoorProber {
    fn source(&self) -> SourceId {
        self.config.source.clone()
    }
    fn every(&self) -> Millis {
        self.config.pace.every
    }
    fn stale_after(&self) -> Millis {
        stale_after(self.config.pace)
    }
    fn look(&mut self) -> Answer<'_, Result<Vec<Fact>, Fault>> {
        Box::pin(self.knock())
    }
    fn unattended(&self) -> Unattended {
        Unattended::Void
    }
}

/// One backend, past the front door.
#[derive(Debug, Clone)]
pub struct BackendConfig {
    pub source: SourceId,
    pub backend: BackendId,
    /// Asked with GET; within the client's origin.
    pub url: Url,
    /// What must be answered there.
    pub expect: Expect,
    pub pace: Pace,
}

pub struct BackendProber {
    config: BackendConfig,
    client: Client,
}

impl BackendProber {
    /// `client` should be a [`Client::fresh`] one, so that each request proves that a connection can be had.
    pub fn new(config: BackendConfig, client: Client) -> BackendProber {
        BackendProber { config, client }
    }

    async fn knock(&self) -> Result<Vec<Fact>, Fault> {
        let BackendConfig { backend, url, expect, pace, .. } = &self.config;
        let aim = Aim { url: url.clone(), served_by: HeaderName::from_static("x-served-by"), text: expect.text.clone() };
        let shots = volley(&self.client, &aim, *pace).await;
        reached(&shots)?;
        let (sent, answers) = (shots.len() as u64, Answers::default());
        let mut probed = Probed { backend: backend.clone(), sent, failed: 0, dropped: 0, answers, slowest_ms: None };
        for shot in shots {
            match shot {
                Shot::Answered { kind, took_ms, .. } => {
                    probed.failed += u64::from(!expect.accepts(&kind));
                    probed.answers.add(&kind, 1);
                    probed.slowest_ms = Some(probed.slowest_ms.map_or(took_ms, |slowest| slowest.max(took_ms)));
                }
                Shot::Dropped | Shot::NotConnected(_) => probed.dropped += 1,
            }
        }
        Ok(vec![Fact::Probed(probed)])
    }
}

impl Sensor for BackendProber {
    fn source(&self) -> SourceId {
        self.config.source.clone()
    }
    fn every(&self) -> Millis {
        self.config.pace.every
    }
    fn stale_after(&self) -> Millis {
        stale_after(self.config.pace)
    }
    fn look(&mut self) -> Answer<'_, Result<Vec<Fact>, Fault>> {
        Box::pin(self.knock())
    }
    fn unattended(&self) -> Unattended {
        Unattended::Void
    }
}

/// Two looks and the time that one may take at worst.
fn stale_after(pace: Pace) -> Millis {
    Millis(pace.every.0.saturating_mul(2).saturating_add(shot::VOLLEY_MAX.0))
}

/// Where not one connection could be made there is nothing to be counted.
fn reached(shots: &[Shot]) -> Result<(), Fault> {
    let mut faults = shots.iter().map(|shot| match shot {
        Shot::NotConnected(fault) => Some(fault),
        Shot::Answered { .. } | Shot::Dropped => None,
    });
    match faults.next() {
        Some(Some(first)) if faults.all(|fault| fault.is_some()) => Err(first.clone()),
        Some(_) => Ok(()),
        None => Err(Fault::new(FaultKind::Unsupported, "the prober is set to send no requests")),
    }
}
