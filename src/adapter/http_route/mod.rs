//! The split between two clusters, or two Services of one: `backendRefs[].weight` in one rule of an HTTPRoute of the Gateway API.
//!
//! # How it is written, and why not by apply
//! In the schema of an HTTPRoute `rules`, and `backendRefs` within it, are atomic lists: the server knows one owner of all rules and
//! weights together, and an apply replaces the whole list. So there is no apply of the weights alone. An apply of all rules is refused, unless
//! it is forced, for as long as anybody else owns them, and whoever made the route does: also a person's `kubectl edit` in the middle of a
//! flight would take the way home away. And what an applier leaves out the next time is taken from the object: a claim that was applied
//! without the rules would delete them.
//!
//! What an apply that is not forced protects from is kept otherwise, and stricter. Whose fields these are stands in the object itself
//! (`managedFields`): whoever declares the rules beside us stands against every advance as a hindrance with his name, until he gives them up or
//! the plan says that he leaves the weights alone; the way home waits for nobody (`managers`). Each write is a merge patch that names the
//! version that this was read at, so it does nothing where anybody has changed the object since, its owners included: the server answers 409.
//! It sends the rules as they were found, with other weights, and the annotation that says who steers, in the same compare-and-set.
//! Somebody else's apply that is not forced then meets our name in the server's refusal, as it should.
//!
//! The version counts each label and each word of a controller too, and where one writes such things without end no read is young enough. So
//! where a version was refused and the newer object has the same rules, owners and steerer, the write goes on as a JSON patch that tests
//! these (`split::guarded`), and nobody who writes beside the rules keeps anybody from going home.
//!
//! # When it is done
//! A server that has stored a route has moved nobody: a write ends when each gateway says that it follows the generation that the write made
//! (`status`). That is the control plane's word; how soon requests follow is the front door's to see.

mod managers;
mod reach;
mod rehearsal;
mod split;
mod status;
mod wire;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use reqwest::Url;

pub use rehearsal::Rehearsal;

use self::{
    split::Known,
    status::{Following, following},
    wire::{Attributes, HttpRoute, Review, ReviewSpec, Reviewed},
};
use crate::{
    adapter::{
        http::{Ask, Client, Failure, Limits, Progress, Reason, Reply},
        kubernetes::Way,
        memory::Memory,
        patience::Patience,
        permission::{self, Permission},
    },
    domain::{
        by_hand::{self, Kubectl},
        fact::Accepted,
        fault::{Attempt, Fault, FaultKind, Outcome, Receipt, Version, Written},
        http_route::{RefKind, Rule},
        id::{BackendId, RouteId},
        shown::Shown,
        weight::Weights,
    },
    port::{Answer, Change, Driver, Intent, Keeper, Taken},
};

/// One backend as entries name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    pub id: BackendId,
    pub kind: RefKind,
    pub name: String,
}

/// By what the cluster is known to its own tools.
#[derive(Debug, Clone)]
pub struct Place {
    pub project: String,
    pub region: String,
    pub cluster: String,
}

/// What the driver needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    pub route: RouteId,
    pub place: Place,
    /// For the command by hand.
    pub kubectl: Kubectl,
    pub namespace: String,
    pub http_route: String,
    pub rule: Rule,
    pub backends: Vec<Backend>,
    /// Field managers that declare the rules too and leave the weights alone.
    pub shared_with: Vec<String>,
    /// The host that the route's users ask for, in lower case.
    pub host: Option<String>,
    /// What they ask for there.
    pub path: String,
    pub patience: Patience,
}

/// With which gateways are waited for.
pub const PATIENCE: Patience = Patience { first: Duration::from_millis(250), most: Duration::from_secs(5), total: Duration::from_secs(90) };

const GROUP: &str = "gateway.networking.k8s.io";
const RESOURCE: &str = "httproutes";
/// As roles name it: the verb, and what it is about.
const PERMISSION: &str = "patch httproutes.gateway.networking.k8s.io";
/// How often a write goes on beside others who change nothing of what it rests on; each gateway says several things of one generation.
const TRIES_MAX: u32 = 5;

/// What keeps a write from undoing what somebody else has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guard {
    /// The version that it was decided on.
    Version,
    /// What it was decided on: the generation of the spec, and the line that says who steers.
    Content,
}

/// Holds one route by one rule of an HTTPRoute.
pub struct HttpRouteDriver {
    config: Config,
    way: Way,
    /// Made when it is first needed, and anew when the server can't be reached: it may have moved.
    client: Mutex<Option<Client>>,
    /// What the last read found, so that a write home waits for no read.
    known: Mutex<Option<HttpRoute>>,
    /// What our newest write made, for the next one: a read may still tell what was before it.
    made: Mutex<Option<HttpRoute>>,
    /// What the host before has read, and what the next one will need.
    memory: Memory,
    permission: Permission,
}

impl HttpRouteDriver {
    pub fn new(config: Config, way: Way) -> HttpRouteDriver {
        HttpRouteDriver {
            config,
            way,
            client: Mutex::new(None),
            known: Mutex::new(None),
            made: Mutex::new(None),
            memory: Memory::default(),
            permission: Permission::new(PERMISSION),
        }
    }

    fn known(&self) -> Known<'_> {
        let Config { namespace, http_route, rule, backends, shared_with, host, path, .. } = &self.config;
        Known { name: http_route, namespace, rule, backends, host: host.as_deref(), path, shared_with }
    }

    async fn client(&self) -> Result<Client, Fault> {
        let kept = self.client.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(client) = kept {
            return Ok(client);
        }
        let client = self.way.access().await?.http()?;
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = Some(client.clone());
        Ok(client)
    }

    /// Lets the next request ask for the way again, where this one met nobody.
    fn learn_way<T>(&self, met: Result<T, Failure>) -> Result<T, Failure> {
        if met.as_ref().is_err_and(|failure| self.way.is_outdated_by(failure.fault.kind)) {
            *self.client.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        met
    }

    fn url(&self, client: &Client) -> Url {
        client.at(&["apis", GROUP, "v1", "namespaces", &self.config.namespace, RESOURCE, &self.config.http_route])
    }

    /// As messages and the host after this one name it.
    fn of(&self) -> String {
        let Config { place: Place { project, region, cluster }, namespace, http_route, .. } = &self.config;
        format!("http-route/1 {project}/{region}/{cluster}/{namespace}/{http_route}")
    }

    async fn fetch(&self) -> Result<HttpRoute, Failure> {
        let client = self.client().await.map_err(|fault| Failure { fault, progress: Progress::NeverSent, reason: Reason::Untold })?;
        let answer = client.send(Ask::get(self.url(&client), Limits::READ)).await.and_then(|reply| reply.json());
        let route: HttpRoute = self.learn_way(answer)?;
        self.note(&route);
        Ok(route)
    }

    fn note(&self, route: &HttpRoute) {
        self.memory.note(&self.of(), &route.metadata.resource_version, || serde_json::to_string(route).ok());
    }

    /// Whether we lack the right to write; `None` if nobody tells.
    async fn lacks(&self) -> Option<bool> {
        let client = self.client().await.ok()?;
        let at = client.at(&["apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"]);
        let Config { namespace, http_route, .. } = &self.config;
        let resource_attributes = Attributes { namespace, verb: "patch", group: GROUP, resource: RESOURCE, name: http_route };
        let spec = ReviewSpec { resource_attributes };
        let review = Review { api_version: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview", spec };
        let reply = client.send(Ask::post(at, &review, Limits::READ.within(permission::DEADLINE))).await.ok()?;
        let reviewed: Reviewed = reply.json().ok()?;
        Some(!reviewed.status.allowed)
    }

    async fn read_now(&self) -> Result<Accepted, Fault> {
        let (route, permission) = tokio::join!(self.fetch(), self.permission.look_by(Some(self.lacks())));
        let route = route?;
        let mut split = split::split(&route, self.known())?;
        split.hindrances.extend(permission);
        let (version, claimed) = (Version(route.metadata.resource_version.clone()), split::claimed(&route));
        let author = managers::author(&route);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(route);
        Ok(Accepted {
            route: self.config.route.clone(),
            weights: split.weights,
            version,
            actor: author.as_ref().map(|(who, _)| who.clone()),
            changed_at: author.and_then(|(_, at)| at),
            hindrances: split.hindrances,
            claimed,
        })
    }

    fn conflict(&self) -> Fault {
        let message = format!("HTTPRoute {} was changed since it was read; nothing was written, read it again", self.config.http_route);
        Fault::new(FaultKind::Conflict, message)
    }

    /// The route at exactly `version`, from memory, our own or that of the host before, or read anew.
    async fn at_version(&self, version: &Version) -> Result<HttpRoute, Fault> {
        let remembered = |memory: &Mutex<Option<HttpRoute>>| memory.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_it = |route: &HttpRoute| route.metadata.resource_version == version.0;
        let held = remembered(&self.known).into_iter().chain(remembered(&self.made)).find(is_it);
        if let Some(route) = held.or_else(|| self.memory.at(version).filter(is_it)) {
            return Ok(route);
        }
        let route = self.fetch().await?;
        if is_it(&route) { Ok(route) } else { Err(self.conflict()) }
    }

    async fn write_now(&self, change: Change<'_>, version: &Version, intent: &Intent, taken: Taken) -> Written {
        let written = self.written(change, version, intent, taken).await;
        self.permission.learn(&written.outcome);
        written
    }

    async fn written(&self, change: Change<'_>, version: &Version, intent: &Intent, taken: Taken) -> Written {
        let mut attempts: Vec<Attempt> = Vec::new();
        let mut base = match self.at_version(version).await {
            Ok(route) => route,
            Err(fault) => return Outcome::NotDone(fault).into(),
        };
        let mut guard = Guard::Version;
        for _ in 0..TRIES_MAX {
            let (answer, copies) = match self.sent(&base, guard, change, intent).await {
                Ok(sent) => sent,
                Err(fault) => return Written { outcome: Outcome::NotDone(fault), attempts },
            };
            let is_alone = copies.len() <= 1;
            attempts.extend(copies);
            let outcome = match answer.and_then(|reply| reply.json::<HttpRoute>()) {
                Ok(route) => self.followed(route, change, taken).await,
                Err(failure) if is_alone && is_refused_by(guard, failure.fault.kind) => match self.moved_beside(&base).await {
                    Some(Beside { newer, stands: true }) => {
                        (base, guard) = (newer, Guard::Content);
                        continue;
                    }
                    Some(Beside { stands: false, .. }) => Outcome::NotDone(self.conflict()),
                    None => failure.outcome(),
                },
                Err(failure) if is_alone => failure.outcome(),
                // The answer speaks of one copy only; another may have been done.
                Err(failure) => self.compared(change, failure.fault, taken).await,
            };
            return Written { outcome, attempts };
        }
        Written { outcome: Outcome::NotDone(self.conflict()), attempts }
    }

    /// The answer to the patch that makes `change` of `base`, and the copies that left for it.
    /// # Errors
    /// Why there is no such patch, or no way to the server; nothing was sent then.
    async fn sent(&self, base: &HttpRoute, guard: Guard, change: Change<'_>, intent: &Intent) -> Result<Answers, Fault> {
        let known = self.known();
        let sent = match guard {
            Guard::Version => {
                let patch = split::changed(base, known, change)?;
                let client = self.client().await?;
                client.send_hedged(|| self.named(Ask::merge_patch(self.url(&client), &patch, Limits::WRITE), intent)).await
            }
            Guard::Content => {
                let steps = split::guarded(base, known, change)?;
                let client = self.client().await?;
                client.send_hedged(|| self.named(Ask::json_patch(self.url(&client), &steps, Limits::WRITE), intent)).await
            }
        };
        Ok((self.learn_way(sent.answer), sent.attempts))
    }

    fn named(&self, ask: Ask, intent: &Intent) -> Ask {
        ask.query("fieldManager", managers::OURS).named_after(intent)
    }

    /// The route as it is now, where somebody has written it since `base`: the version counts each label too, and what was decided on an
    /// older one may hold for a newer.
    async fn moved_beside(&self, base: &HttpRoute) -> Option<Beside> {
        let newer = self.fetch().await.ok().filter(|newer| newer.metadata.resource_version != base.metadata.resource_version)?;
        let stands = split::stands(&newer, base, self.known());
        Some(Beside { newer, stands })
    }

    /// Trusts the object: stored if it reads as wanted, else nobody knows, for the reason of `doubt`.
    async fn compared(&self, change: Change<'_>, doubt: Fault, taken: Taken) -> Outcome {
        match self.fetch().await {
            Ok(route) if split::reads_as(&route, self.known(), change) => self.followed(route, change, taken).await,
            Ok(_) | Err(_) => Outcome::Unknown(doubt),
        }
    }

    fn done(&self, route: HttpRoute) -> Outcome {
        let version = Some(Version(route.metadata.resource_version.clone()));
        let operation = Some(operation(&route));
        self.note(&route);
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(route);
        Outcome::Done(Receipt { version, operation })
    }

    /// What is stored is a promise; the gateways' own word is the proof.
    async fn followed(&self, mut route: HttpRoute, change: Change<'_>, taken: Taken) -> Outcome {
        let mut waiting = self.config.patience.begin();
        let (name, generation) = (operation(&route), route.metadata.generation);
        let unknown = |kind, what: &str| Outcome::Unknown(Fault::new(kind, format!("{name} is stored, but {what}")));
        let mut taken = Some(taken);
        loop {
            if !split::reads_as(&route, self.known(), change) {
                return unknown(FaultKind::Conflict, "the HTTPRoute does not read as wanted");
            }
            match following(&route) {
                Following::Follows => return self.done(route),
                // Nothing but the annotation was written, and no gateway has a word on that.
                Following::Behind | Following::Nobody | Following::Refuses(_) if matches!(change, Change::Claim(_)) => {
                    return self.done(route);
                }
                Following::Refuses(why) => return unknown(FaultKind::Rejected, &why),
                Following::Behind | Following::Nobody => {}
            }
            if let Some(taken) = taken.take() {
                taken.by(name.clone());
            }
            if waiting.is_over() {
                return unknown(FaultKind::TimedOut, &format!("not every gateway has said yet that it follows generation {generation}"));
            }
            waiting.pause().await;
            match self.fetch().await {
                Ok(newer) => route = newer,
                // The gateways go on without us; the deadline bounds how often this is tried.
                Err(failure) if failure.fault.kind.is_passing() => {}
                Err(failure) => return unknown(failure.fault.kind, failure.fault.message.as_str()),
            }
        }
    }
}

/// What came of a patch, and the copies of it.
type Answers = (Result<Reply, Failure>, Vec<Attempt>);

/// The route as somebody else has written it meanwhile.
struct Beside {
    newer: HttpRoute,
    /// Whether what the write rests on is as it was.
    stands: bool,
}

/// Whether a refusal of this kind may be one of what guards the write: a server answers 409 to a version, and 422 to a test that fails.
fn is_refused_by(guard: Guard, kind: FaultKind) -> bool {
    kind == FaultKind::Conflict || (guard == Guard::Content && kind == FaultKind::Rejected)
}

/// What gateways work on, as the object calls it.
fn operation(route: &HttpRoute) -> Shown {
    Shown::new(&format!("generation {}", route.metadata.generation))
}

impl Driver for HttpRouteDriver {
    fn read(&self) -> Answer<'_, Result<Accepted, Fault>> {
        Box::pin(self.read_now())
    }

    fn write<'a>(&'a self, change: Change<'a>, version: &'a Version, intent: &'a Intent, taken: Taken) -> Answer<'a, Written> {
        Box::pin(self.write_now(change, version, intent, taken))
    }

    fn by_hand(&self, to: &Weights) -> String {
        let Config { kubectl, namespace, http_route, rule, backends, .. } = &self.config;
        let legs: Vec<by_hand::Leg<'_>> =
            backends.iter().map(|backend| by_hand::Leg { name: &backend.name, share: to.of(&backend.id) }).collect();
        by_hand::command(by_hand::Lever::HttpRoute { kubectl, namespace, http_route, rule }, &legs)
    }

    fn take_up(&self, left: Option<&str>, keeper: Keeper) {
        self.memory.take_up(&self.of(), left, keeper);
    }
}
