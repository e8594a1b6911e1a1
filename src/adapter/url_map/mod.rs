//! The split between Cloud Run and GKE: `weightedBackendServices` in the default route of a URL map or of one of its path matchers, or in a
//! rule of one.
//!
//! Each write is a compare-and-set against the map's fingerprint and carries a request id made from the recorded intent, so that the same
//! intent can never be done twice. A write ends when the operation is over *and* the map reads as wanted: an operation's word alone is not
//! believed. It edits one place of the map and keeps the rest of that place, and everything beside it, as it is: other routes of the plan,
//! and other people, have places of their own in the same map. Whatever else has a share of the place is reported under its own name; what
//! leads the route's users past it, or would keep a write from being done, is reported too.

mod asked;
mod audit;
mod book;
mod link;
mod mark;
mod position;
mod rehearsal;
mod route;
mod rules;
mod scheme;
mod wire;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use reqwest::Url;

use crate::{
    adapter::{
        http::{Ask, Client, Failure, Limits, kind_of},
        memory::Memory,
        patience::Patience,
        permission::Permission,
        request_id,
    },
    domain::{
        by_hand,
        fact::Accepted,
        fault::{Fault, FaultKind, Outcome, Receipt, Version, Written},
        hindrance::Hindrance,
        id::{BackendId, RouteId},
        position::Position,
        shown::Shown,
        weight::Weights,
    },
    port::{Answer, Change, Driver, Intent, Keeper, Taken},
};
use audit::Author;
pub use book::Book;
pub use rehearsal::{Marks, Rehearsal};
use scheme::Scheme;
use wire::{Operation, UrlMap};

/// What the driver needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    pub route: RouteId,
    /// Where the map is.
    pub project: String,
    /// `None` for a global map.
    pub region: Option<String>,
    pub url_map: String,
    /// Where in the map the route's split stands.
    pub position: Position,
    /// What the plan's other routes steer of the same map.
    pub beside: Vec<(RouteId, Position)>,
    /// Each backend of the route with its backend service.
    pub backends: Vec<(BackendId, Service)>,
    /// The host that the route's users ask for, in lower case; without it no host rule can be told to be somebody else's.
    pub host: Option<String>,
    /// What they ask for there, with its query if it has one; only a rule of the steered matcher that takes it leads them past its split.
    pub path: String,
    pub patience: Patience,
}

/// A backend service as the plan names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    pub name: String,
    /// Where it is not in the map's own project.
    pub project: Option<String>,
}

impl From<&str> for Service {
    fn from(name: &str) -> Service {
        Service { name: name.to_owned(), project: None }
    }
}

impl Service {
    fn link<'a>(&'a self, project: &'a str, region: Option<&'a str>) -> link::Target<'a> {
        link::Target { project: self.project.as_deref().unwrap_or(project), region, name: &self.name }
    }
}

impl Config {
    fn known(&self) -> route::Known<'_> {
        route::Known {
            backends: &self.backends,
            host: self.host.as_deref(),
            path: &self.path,
            project: &self.project,
            region: self.region.as_deref(),
            url_map: &self.url_map,
            position: &self.position,
            beside: &self.beside,
        }
    }

    /// Where things are that have the map's reach, in this project, as paths and the log name it.
    fn scope<'a>(&'a self, project: &'a str) -> Vec<&'a str> {
        let within = self.region.as_ref().map_or_else(|| vec!["global"], |region| vec!["regions", region]);
        ["projects", project].into_iter().chain(within).collect()
    }

    /// As the log names it.
    fn resource(&self) -> String {
        format!("{}/urlMaps/{}", self.scope(&self.project).join("/"), self.url_map)
    }
}

/// With which an operation of Google's is waited for.
pub const PATIENCE: Patience =
    Patience { first: Duration::from_millis(500), most: Duration::from_secs(15), total: Duration::from_secs(180) };

/// Holds one route by one URL map.
pub struct UrlMapDriver {
    config: Config,
    compute: Client,
    beside: Beside,
    /// What the last read found, so that a write need not read again and the audit log is asked only about changes.
    known: Mutex<Option<Known>>,
    /// What our newest write made, for the next one: a read may still tell what was before it.
    made: Mutex<Option<UrlMap>>,
    /// What the host before has read, and what the next one will need.
    memory: Memory,
    permission: Permission,
    scheme: Scheme,
}

/// Further APIs of the same project that the driver asks when it has them.
#[derive(Default)]
pub struct Beside {
    /// Asked who changed the map last; without it changes stay anonymous.
    pub logging: Option<Client>,
    /// Asked which permissions we have; without it only a refused write tells.
    pub projects: Option<Client>,
    /// What this session's drivers of the same map write; each of them has the same.
    pub book: Arc<Book>,
}

#[derive(Clone)]
struct Known {
    map: UrlMap,
    author: Option<Author>,
    /// The newest entry of the log before this fingerprint was seen; it belongs to an older change.
    earlier: Option<Author>,
    /// How often the log was asked about this fingerprint.
    asked: u8,
}

/// What a write of the map needs. URL maps have no policy of their own, so the project's is asked.
const PERMISSION: &str = "compute.urlMaps.update";
const PERMISSION_REGIONAL: &str = "compute.regionUrlMaps.update";
/// The log shows a change some seconds late, so it is asked again, but not for ever.
const AUTHOR_ASKS_MAX: u8 = 6;

impl UrlMapDriver {
    pub fn new(config: Config, compute: Client, beside: Beside) -> UrlMapDriver {
        let (known, made) = (Mutex::new(None), Mutex::new(None));
        let permission = Permission::new(if config.region.is_some() { PERMISSION_REGIONAL } else { PERMISSION });
        UrlMapDriver { config, compute, beside, known, made, memory: Memory::default(), permission, scheme: Scheme::default() }
    }

    /// Something that is where the map is.
    fn at(&self, kind: &str, name: &str) -> Url {
        self.in_project(&self.config.project, kind, name)
    }

    fn in_project(&self, project: &str, kind: &str, name: &str) -> Url {
        let path: Vec<&str> = ["compute", "v1"].into_iter().chain(self.config.scope(project)).chain([kind, name]).collect();
        self.compute.at(&path)
    }

    fn url(&self) -> Url {
        self.at("urlMaps", &self.config.url_map)
    }

    async fn fetch(&self) -> Result<UrlMap, Failure> {
        let reply = self.compute.send(Ask::get(self.url(), Limits::READ)).await?;
        let map: UrlMap = reply.json()?;
        self.memory.note(&self.of(), &map.fingerprint, || String::from_utf8(reply.body).ok());
        Ok(map)
    }

    /// The map as it is called where it is remembered: whole, as the API tells it.
    fn of(&self) -> String {
        format!("url-map/1 {}", self.url())
    }

    async fn scheme_now(&self) -> Option<Hindrance> {
        let services = self.config.backends.iter().map(|(_, service)| {
            let project = service.project.as_deref().unwrap_or(&self.config.project);
            (service.name.as_str(), self.in_project(project, "backendServices", &service.name))
        });
        self.scheme.look(&self.compute, services).await
    }

    async fn permission_now(&self) -> Option<Hindrance> {
        let at = |projects: &Client| projects.at(&["v1", "projects", &format!("{}:testIamPermissions", self.config.project)]);
        self.permission.look(self.beside.projects.as_ref().map(|projects| (projects, at(projects)))).await
    }

    fn remembered(&self) -> Option<Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, known: Known) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
    }

    async fn read_now(&self) -> Result<Accepted, Fault> {
        let (map, scheme, permission) = tokio::join!(self.fetch(), self.scheme_now(), self.permission_now());
        let map = map?;
        let mut split = route::split(&map, self.config.known())?;
        split.hindrances.extend(scheme.into_iter().chain(permission));
        let mut known = match self.remembered() {
            Some(known) if known.map.fingerprint == map.fingerprint => Known { map, ..known },
            Some(older) => Known { map, author: None, earlier: older.author.or(older.earlier), asked: 0 },
            None => Known { map, author: None, earlier: None, asked: 0 },
        };
        if let (None, Some(logging), 0..AUTHOR_ASKS_MAX) = (&known.author, &self.beside.logging, known.asked) {
            known.asked += 1;
            let book = &self.beside.book;
            let sought = audit::Sought { project: &self.config.project, resource: &self.config.resource() };
            // What a sibling wrote left this route's place as it was: it hides nobody who changed that before.
            let newest = audit::last_author(logging, sought, |reason| book.is_of_another_route(reason, &self.config.route)).await;
            let fits = |author: &Author| {
                known.earlier.as_ref() != Some(author) && !book.is_of_another_split(author.reason.as_deref(), &split.weights)
            };
            known.author = newest.filter(fits);
        }
        let (version, author) = (Version(known.map.fingerprint.clone()), known.author.clone());
        let claimed = route::claimed(&known.map, self.config.known());
        self.remember(known);
        Ok(Accepted {
            route: self.config.route.clone(),
            weights: split.weights,
            version,
            actor: author.as_ref().map(|author| author.who.clone()),
            changed_at: author.and_then(|author| author.at),
            hindrances: split.hindrances,
            claimed,
        })
    }

    /// The map at exactly `version`, from memory, our own or that of the host before, or read anew.
    async fn at_version(&self, version: &Version) -> Result<UrlMap, Fault> {
        let made = || self.made.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let remembered = self.remembered().map(|known| known.map).into_iter().chain(made()).find(|map| map.fingerprint == version.0);
        let left = || self.memory.at(version).filter(|map: &UrlMap| map.fingerprint == version.0);
        if let Some(map) = remembered.or_else(left) {
            return Ok(map);
        }
        let map = self.fetch().await?;
        if map.fingerprint == version.0 {
            return Ok(map);
        }
        let message = format!("URL map {} was changed since it was read; nothing was written, read it again", self.config.url_map);
        Err(Fault::new(FaultKind::Conflict, message))
    }

    async fn write_now(&self, change: Change<'_>, version: &Version, intent: &Intent, taken: Taken) -> Written {
        let written = self.written(change, version, intent, taken).await;
        self.permission.learn(&written.outcome);
        written
    }

    async fn written(&self, change: Change<'_>, version: &Version, intent: &Intent, taken: Taken) -> Written {
        let prepared = match self.at_version(version).await {
            Ok(map) => route::changed(map, self.config.known(), change),
            Err(fault) => Err(fault),
        };
        let body = match prepared {
            Ok(body) => body,
            Err(fault) => return Outcome::NotDone(fault).into(),
        };
        // All copies have the same id, which can't be done twice.
        let id = id_of(intent, change);
        let patch = || Ask::patch(self.url(), &body, Limits::WRITE).query("requestId", &id).because(intent);
        let sent = self.compute.send_hedged(patch).await;
        let alone = sent.is_alone();
        let outcome = match sent.answer.and_then(|reply| reply.json::<Operation>()) {
            Ok(operation) => self.awaited(operation, change, taken).await,
            Err(failure) if alone => failure.outcome(),
            // The answer speaks of one copy only; another may have been done.
            Err(failure) => self.compared(change, failure.fault).await,
        };
        Written { outcome, attempts: sent.attempts }
    }

    async fn awaited(&self, mut operation: Operation, change: Change<'_>, taken: Taken) -> Outcome {
        let mut waiting = self.config.patience.begin();
        let name = Shown::new(&operation.name);
        if !operation.is_done() {
            taken.by(name.clone());
        }
        while !operation.is_done() {
            if waiting.is_over() {
                let message =
                    format!("operation {name} is still {}; it may end well later, look at it before anything else", operation.status);
                return Outcome::Unknown(Fault::new(FaultKind::TimedOut, message));
            }
            waiting.pause().await;
            match self.compute.send(Ask::get(self.at("operations", &operation.name), Limits::READ)).await.and_then(|reply| reply.json()) {
                Ok(newer) => operation = newer,
                // The operation goes on without us.
                Err(failure) if failure.fault.kind.is_passing() => {}
                Err(failure) => {
                    let message = format!("operation {name} can't be followed any more: {}", failure.fault.message);
                    return Outcome::Unknown(Fault::new(failure.fault.kind, message));
                }
            }
        }
        match operation.failure() {
            None => {
                let map = match self.fetch().await {
                    Ok(map) => map,
                    // What could not be read speaks for nobody's change.
                    Err(Failure { fault, .. }) => {
                        let doubt = format!("operation {name} is done, and the URL map could not be read since: {}", fault.message);
                        return Outcome::Unknown(Fault::new(fault.kind, doubt));
                    }
                };
                let doubt = format!("operation {name} says that it is done, but the URL map does not read as wanted");
                self.judged(map, change, Some(name), Fault::new(FaultKind::Conflict, doubt))
            }
            Some((status, message)) => {
                let fault = Fault::new(kind_of(status), format!("operation {name} failed: {message}"));
                if status >= 500 { Outcome::Unknown(fault) } else { Outcome::NotDone(fault) }
            }
        }
    }

    /// Trusts the object: done if the map reads as wanted, else nobody knows, for the reason of `doubt`.
    async fn compared(&self, change: Change<'_>, doubt: Fault) -> Outcome {
        let Ok(map) = self.fetch().await else { return Outcome::Unknown(doubt) };
        self.judged(map, change, None, doubt)
    }

    fn judged(&self, map: UrlMap, change: Change<'_>, operation: Option<Shown>, doubt: Fault) -> Outcome {
        if route::reads_as(&map, self.config.known(), change) {
            let version = Version(map.fingerprint.clone());
            *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(map);
            Outcome::Done(Receipt { version: Some(version), operation })
        } else {
            Outcome::Unknown(doubt)
        }
    }
}

/// One intent, one id, also of what repeats it. Two hosts may give sessions of one plan the same name; by what they claim they are told apart.
fn id_of(intent: &Intent, change: Change<'_>) -> String {
    request_id::of(intent, &change.claim().map_or_else(String::new, ToString::to_string))
}

impl Driver for UrlMapDriver {
    fn read(&self) -> Answer<'_, Result<Accepted, Fault>> {
        Box::pin(self.read_now())
    }

    fn write<'a>(&'a self, change: Change<'a>, version: &'a Version, intent: &'a Intent, taken: Taken) -> Answer<'a, Written> {
        self.beside.book.note(&self.config.route, change, intent);
        Box::pin(self.write_now(change, version, intent, taken))
    }

    fn by_hand(&self, to: &Weights) -> String {
        let Config { url_map, project, region, position, backends, .. } = &self.config;
        let legs: Vec<by_hand::Leg<'_>> =
            backends.iter().map(|(id, service)| by_hand::Leg { name: &service.name, share: to.of(id) }).collect();
        by_hand::command(by_hand::Lever::UrlMap { project, region: region.as_deref(), url_map, position }, &legs)
    }

    fn take_up(&self, left: Option<&str>, keeper: Keeper) {
        self.memory.take_up(&self.of(), left, keeper);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        claim::Claim,
        id::{EffectId, Seq},
    };

    #[test]
    fn one_intent_has_one_request_id_and_so_has_what_repeats_it() {
        let id = |seq| EffectId { seq: Seq(seq), index: 0 };
        let intent = |seq| Intent { session: "s".to_owned(), effect: id(seq), first: id(seq), head: "aa".to_owned() };
        let to = Weights::all_on(&"run".parse().unwrap(), []);
        let text = |token: &str| format!("[cutover claim/1 s {token} epoch 1 since 5 on ops-1 by - steers]").parse().unwrap();
        let claims: [Claim; 2] = [text("00000001"), text("00000002")];
        let of = |intent: Intent, claim| id_of(&intent, Change::Split { to: &to, claim });
        assert_eq!(of(intent(17), None), of(Intent { effect: id(18), head: "bb".to_owned(), ..intent(17) }, None));
        assert_ne!(of(intent(17), None), of(intent(18), None));
        assert_ne!(of(intent(17), Some(&claims[0])), of(intent(17), Some(&claims[1])), "two hosts, one name");
        let id = of(intent(17), None);
        assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert_eq!(&id[14..15], "5");
    }
}
