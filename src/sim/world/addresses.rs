//! Static addresses of the project, as Compute keeps them: reserved, in use by something, or on their way.

use super::{actor::Actor, former::Former};
use crate::sim::faults::platform::Ending;

/// How long the control plane works on a change, virtual milliseconds.
const OPERATION_MS: i64 = 3_000;
/// Request ids and operations that are remembered.
const KEPT: usize = 500;

/// The scope of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    Global,
    Region(String),
}

impl Scope {
    /// As paths have it.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::Global => "global".to_owned(),
            Self::Region(region) => format!("regions/{region}"),
        }
    }
}

/// One address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub scope: Scope,
    pub name: String,
    pub description: String,
    /// `EXTERNAL` or `INTERNAL`.
    pub kind: String,
    pub ip: String,
    pub id: u64,
    pub created_ms: i64,
    /// Links of what uses it.
    pub users: Vec<String>,
}

/// What is done with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    Insert,
    Delete,
}

/// A piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    pub id: u64,
    pub work: Work,
    pub scope: Scope,
    pub name: String,
    /// Of the address.
    pub target: u64,
    pub user: String,
    pub started_ms: i64,
    /// The end of all time for what hangs.
    pub ends_ms: i64,
    /// Its code and its message.
    pub failure: Option<(&'static str, String)>,
    /// It ends as if it were well, and nothing comes of it.
    pub is_hollow: bool,
}

/// Why something was not begun. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("The resource 'projects/hexproperty/{0}' already exists")]
    Exists(String),
    #[error("The resource 'projects/hexproperty/{0}' was not found")]
    Missing(String),
    #[error("The address resource 'projects/hexproperty/{0}' is already being used by '{1}'")]
    InUse(String, String),
    #[error("Invalid value for field '{0}'.")]
    Invalid(&'static str),
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub struct Addresses {
    list: Vec<Address>,
    operations: Vec<Operation>,
    requests: Vec<(String, u64)>,
    last_id: u64,
    former: Former<Vec<Address>>,
    /// How work ends that begins from now on.
    pub ending: Ending,
    now_ms: i64,
}

impl Addresses {
    /// All that are there at this virtual time.
    #[must_use]
    pub fn as_of(&self, at_ms: i64) -> &[Address] {
        self.former.as_of(at_ms).unwrap_or(&self.list)
    }

    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Lets end what is due.
    pub fn tick(&mut self, now_ms: i64) {
        let due: Vec<Operation> =
            self.operations.iter().filter(|operation| self.now_ms < operation.ends_ms && operation.ends_ms <= now_ms).cloned().collect();
        self.now_ms = now_ms;
        for operation in due {
            let is_in_vain = operation.failure.is_some() || operation.is_hollow;
            if is_in_vain == (operation.work == Work::Insert) {
                self.note();
                self.list.retain(|address| address.id != operation.target);
            }
        }
    }

    /// Whether an address is not ready to be used yet.
    #[must_use]
    pub fn is_reserving(&self, address: &Address) -> bool {
        self.operations
            .iter()
            .any(|operation| operation.target == address.id && operation.work == Work::Insert && operation.ends_ms > self.now_ms)
    }

    /// Begins to reserve an address.
    ///
    /// # Errors
    /// If the name is taken or is none.
    pub fn insert(&mut self, scope: Scope, wanted: Wanted<'_>, actor: &Actor) -> Result<Operation, Refusal> {
        if let Some(operation) = self.repeated(wanted.request) {
            return Ok(operation);
        }
        let Wanted { name, description, kind, request } = wanted;
        let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.len() <= 63
            && !name.ends_with('-')
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !is_name {
            return Err(Refusal::Invalid("resource.name"));
        }
        if self.find(&scope, name).is_some() {
            return Err(Refusal::Exists(path(&scope, name)));
        }
        self.note();
        self.last_id += 1;
        let target = self.last_id + 7_214_000_000_000_000_000;
        let ip =
            if kind == "INTERNAL" { format!("10.128.0.{}", 40 + self.list.len()) } else { format!("203.0.113.{}", 10 + self.list.len()) };
        self.list.push(Address {
            scope: scope.clone(),
            name: name.to_owned(),
            description: description.to_owned(),
            kind: kind.to_owned(),
            ip,
            id: target,
            created_ms: self.now_ms,
            users: Vec::new(),
        });
        Ok(self.begin(Work::Insert, (scope, name, target), request, actor))
    }

    /// Begins to give an address back.
    ///
    /// # Errors
    /// If there is none, or something uses it.
    pub fn delete(&mut self, scope: Scope, name: &str, request: Option<&str>, actor: &Actor) -> Result<Operation, Refusal> {
        if let Some(operation) = self.repeated(request) {
            return Ok(operation);
        }
        let found = self.find(&scope, name).ok_or_else(|| Refusal::Missing(path(&scope, name)))?;
        if let Some(user) = found.users.first() {
            let user = user.rsplit_once("/compute/v1/").map_or(user.as_str(), |(_, user)| user);
            return Err(Refusal::InUse(path(&scope, name), user.to_owned()));
        }
        let target = found.id;
        Ok(self.begin(Work::Delete, (scope, name, target), request, actor))
    }

    /// Something begins to use an address.
    pub fn occupy(&mut self, name: &str, user: &str) {
        self.note();
        self.list.iter_mut().filter(|address| address.name == name).for_each(|address| address.users = vec![user.to_owned()]);
    }

    /// It is used no more.
    pub fn vacate(&mut self, name: &str) {
        self.note();
        self.list.iter_mut().filter(|address| address.name == name).for_each(|address| address.users.clear());
    }

    fn find(&self, scope: &Scope, name: &str) -> Option<&Address> {
        self.list.iter().find(|address| address.scope == *scope && address.name == name)
    }

    fn note(&mut self) {
        self.former.replaced(self.now_ms, self.list.clone());
    }

    fn repeated(&self, request: Option<&str>) -> Option<Operation> {
        let (_, id) = self.requests.iter().find(|(known, _)| Some(known.as_str()) == request)?;
        self.operations.iter().find(|operation| operation.id == *id).cloned()
    }

    /// Ends what keeps work from ending well.
    pub fn calm(&mut self) {
        self.ending = Ending::Well;
        for operation in self.operations.iter_mut().filter(|operation| operation.ends_ms == i64::MAX) {
            operation.ends_ms = self.now_ms + OPERATION_MS;
        }
    }

    fn begin(&mut self, work: Work, (scope, name, target): (Scope, &str, u64), request: Option<&str>, actor: &Actor) -> Operation {
        self.last_id += 1;
        let (id, started_ms) = (self.last_id, self.now_ms);
        let (name, user) = (name.to_owned(), actor.principal.clone());
        let ends_ms = if self.ending == Ending::Never { i64::MAX } else { started_ms + OPERATION_MS };
        let failure = (self.ending == Ending::Failing).then(|| failure(work, &scope));
        let is_hollow = self.ending == Ending::Hollow;
        let operation = Operation { id, work, scope, name, target, user, started_ms, ends_ms, failure, is_hollow };
        if self.operations.len() >= KEPT {
            self.operations.remove(0);
            self.requests.retain(|(_, known)| self.operations.iter().any(|operation| operation.id == *known));
        }
        self.operations.push(operation.clone());
        self.requests.extend(request.map(|request| (request.to_owned(), id)));
        operation
    }
}

fn failure(work: Work, scope: &Scope) -> (&'static str, String) {
    let place = match scope {
        Scope::Global => "globally".to_owned(),
        Scope::Region(region) => format!("in region {region}"),
    };
    match work {
        Work::Insert => ("QUOTA_EXCEEDED", format!("Quota 'STATIC_ADDRESSES' exceeded.  Limit: 8.0 {place}.")),
        Work::Delete => ("INTERNAL_ERROR", "Internal error.  Please try again or contact Google Support.".to_owned()),
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub name: &'a str,
    pub description: &'a str,
    pub kind: &'a str,
    pub request: Option<&'a str>,
}

/// Where an address is, as messages name it.
#[must_use]
pub fn path(scope: &Scope, name: &str) -> String {
    format!("{}/addresses/{name}", scope.path())
}
