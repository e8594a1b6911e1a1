//! A static external IPv4 address of Compute Engine, global or of a region: reserved where there is none, and given back while nothing uses it.
//!
//! Compute knows no version of an address, but a name is taken once and a request id is done once. What was there before is never given back:
//! an address that was reserved here says so in its description, and only that is deleted.

use reqwest::Url;
use serde::Deserialize;
use serde_json::json;

use crate::{
    adapter::{
        http::{Ask, Client, Failure, Limits},
        request_id,
    },
    domain::{
        by_hand,
        fault::{Fault, FaultKind, Outcome, Version},
        shown::Shown,
        standing::{Act, Change, Failed, Known, Standing, Underway},
        time::Timestamp,
        weight::PerMille,
    },
    port::{Answer, Intent, Reconciler},
};

pub struct AddressStep {
    project: String,
    name: String,
    /// `None` for a global one.
    region: Option<String>,
    compute: Client,
}

/// The version of an address that is not there.
const ABSENT: &str = "absent";
/// With which the description of what was reserved here begins, as [`Intent::reason`] does.
const OURS: &str = "cutover ";
/// So many of the newest operations are looked through; an address takes seconds.
const OPERATIONS: &str = "100";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Address {
    id: String,
    address: String,
    description: String,
    status: String,
    /// External where it is left out.
    address_type: String,
    /// The fourth where it is left out.
    ip_version: String,
    users: Vec<String>,
    creation_timestamp: String,
}

#[derive(Debug, Default, Deserialize)]
struct Operations {
    #[serde(default)]
    items: Vec<Operation>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Operation {
    name: String,
    operation_type: String,
    status: String,
    target_link: String,
    insert_time: Option<jiff::Timestamp>,
    start_time: Option<jiff::Timestamp>,
    progress: u16,
    error: Option<Errors>,
}

#[derive(Debug, Default, Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Vec<OneError>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OneError {
    code: String,
    message: String,
}

impl Operation {
    fn is_open(&self) -> bool {
        self.status != "DONE"
    }

    fn underway(&self) -> Underway {
        let since = self.start_time.or(self.insert_time).map(|at| Timestamp(at.as_millisecond()));
        let progress = PerMille::new(self.progress.min(100) * 10).ok();
        Underway { operation: Shown::new(&self.name), since, progress, doing: Some(Shown::new(&self.operation_type)) }
    }

    fn failed(&self) -> Option<Box<Failed>> {
        let errors = self.error.as_ref().filter(|_| !self.is_open())?;
        let told: Vec<String> = errors.errors.iter().map(|error| format!("{}: {}", error.code, error.message)).collect();
        let why = Fault::new(FaultKind::Rejected, told.join("; "));
        Some(Box::new(Failed { operation: Shown::new(&self.name), why }))
    }
}

impl AddressStep {
    /// `compute` goes to `compute.googleapis.com`.
    pub fn new(project: String, name: String, region: Option<String>, compute: Client) -> AddressStep {
        AddressStep { project, name, region, compute }
    }

    fn place(&self) -> Vec<&str> {
        match &self.region {
            Some(region) => vec!["regions", region],
            None => vec!["global"],
        }
    }

    fn at(&self, more: &[&str]) -> Url {
        let path = ["compute", "v1", "projects", &self.project].into_iter().chain(self.place()).chain(more.iter().copied());
        self.compute.at(&path.collect::<Vec<_>>())
    }

    async fn address(&self) -> Result<Option<Address>, Failure> {
        match self.compute.send(Ask::get(self.at(&["addresses", &self.name]), Limits::READ)).await {
            Ok(reply) => reply.json().map(Some),
            Err(failure) if failure.fault.kind == FaultKind::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// The newest that Compute does or did about the address.
    async fn operation(&self) -> Result<Option<Operation>, Failure> {
        let ask = Ask::get(self.at(&["operations"]), Limits::READ);
        let ask = ask.query("maxResults", OPERATIONS).query("orderBy", "creationTimestamp desc");
        let all: Operations = self.compute.send(ask).await?.json()?;
        let target = format!("/projects/{}/{}/addresses/{}", self.project, self.place().join("/"), self.name);
        Ok(all.items.into_iter().find(|operation| operation.target_link.ends_with(&target)))
    }

    async fn examine(&self) -> Result<(Standing, Option<Address>), Failure> {
        let (address, operation) = tokio::join!(self.address(), self.operation());
        let (address, operation) = (address?, operation?);
        let standing = match (&address, &operation) {
            (None, Some(open)) if open.is_open() => Standing::Underway(open.underway()),
            (None, newest) => {
                let failed = newest.as_ref().filter(|newest| newest.operation_type == "insert").and_then(Operation::failed);
                let place = self.place().join("/");
                let change =
                    Change { what: "address".into(), from: None, to: Some(Shown::new(&format!("{place}/addresses/{}", self.name))) };
                Standing::Apart { version: Version(ABSENT.to_owned()), changes: vec![change], failed }
            }
            (Some(address), newest) => found(address, newest.as_ref()),
        };
        Ok((standing, address))
    }

    async fn act_now(&self, act: Act, version: &Version, intent: &Intent) -> Outcome {
        // Nothing has left yet, so whatever keeps it from looking keeps it from acting.
        let (standing, address) = match self.examine().await {
            Ok(found) => found,
            Err(failure) => return Outcome::NotDone(failure.fault),
        };
        if standing.version() != Some(version) {
            let message = format!("{} is not as it was when it was looked at; nothing was asked for", self.name);
            return Outcome::NotDone(Fault::new(FaultKind::Conflict, message));
        }
        let ask = match (act, address) {
            (Act::Run, None) => {
                let body = json!({"name": self.name, "description": intent.reason(), "addressType": "EXTERNAL"});
                Ask::post(self.at(&["addresses"]), &body, Limits::WRITE)
            }
            (Act::Undo, Some(address)) => match self.stands_against_giving_back(&address) {
                Some(fault) => return Outcome::NotDone(fault),
                None => Ask::delete(self.at(&["addresses", &self.name]), Limits::WRITE),
            },
            (Act::Run, Some(_)) | (Act::Undo, None) => {
                let message = format!("{} is so already; nothing was asked for", self.name);
                return Outcome::NotDone(Fault::new(FaultKind::Conflict, message));
            }
        };
        let ask = ask.query("requestId", &request_id::of(intent, "")).because(intent);
        self.compute.begin(ask, &self.name).await
    }

    fn stands_against_giving_back(&self, address: &Address) -> Option<Fault> {
        let Address { address: ip, status, users, description, .. } = address;
        let name = &self.name;
        if status != "RESERVED" || !users.is_empty() {
            let message = format!("{name} ({ip}) is {status} by {}; it stays, take that away first", users.join(", "));
            return Some(Fault::new(FaultKind::Conflict, message));
        }
        if !description.starts_with(OURS) {
            let message =
                format!("{name} ({ip}) was not reserved here, and stays; whoever knows that nobody needs it gives it back by hand");
            return Some(Fault::new(FaultKind::Unsupported, message));
        }
        None
    }
}

/// How an address that is there stands.
fn found(address: &Address, newest: Option<&Operation>) -> Standing {
    let Address { id, address: ip, description, status, address_type, ip_version, users, creation_timestamp } = address;
    if !matches!(address_type.as_str(), "" | "EXTERNAL") {
        return Standing::Foreign { why: Shown::new(&format!("an address of this name is there, and is {address_type}")) };
    }
    if ip_version == "IPV6" {
        return Standing::Foreign { why: "an address of this name is there, and is IPV6".into() };
    }
    // Both are read at once, so what is done by the one may still go on by the other.
    match (status.as_str(), newest.filter(|newest| newest.is_open() || status == "RESERVING")) {
        ("RESERVED" | "IN_USE", Some(open)) if open.operation_type == "delete" => Standing::Underway(open.underway()),
        ("RESERVED" | "IN_USE", _) => {
            let known = |what: &str, value: &str| Known { what: Shown::new(what), value: Shown::new(value) };
            let mut evidence = vec![known("address", ip), known("status", status), known("creationTimestamp", creation_timestamp)];
            evidence.extend((!users.is_empty()).then(|| known("users", &users.join(" "))));
            evidence.extend((!description.is_empty()).then(|| known("description", description)));
            Standing::Reached { version: Version(id.clone()), evidence }
        }
        (_, Some(open)) => Standing::Underway(open.underway()),
        ("RESERVING", None) => Standing::Underway(Underway { operation: Shown::new(status), since: None, progress: None, doing: None }),
        (other, None) => Standing::Foreign { why: Shown::new(&format!("an address of this name is there, and is {other}")) },
    }
}

impl Reconciler for AddressStep {
    fn look(&self) -> Answer<'_, Result<Standing, Fault>> {
        Box::pin(async { self.examine().await.map(|(standing, _)| standing).map_err(Fault::from) })
    }

    fn act<'a>(&'a self, act: Act, version: &'a Version, intent: &'a Intent) -> Answer<'a, Outcome> {
        Box::pin(self.act_now(act, version, intent))
    }

    fn by_hand(&self, act: Act) -> Option<String> {
        Some(by_hand::address(&self.project, &self.name, self.region.as_deref(), act == Act::Run))
    }
}
