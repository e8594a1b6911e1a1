//! The global external load balancer: its URL map as the API holds it, and the edge that carries it out.
//!
//! The URL map is kept as the JSON document that clients write, because merge-patching it, replacing it and
//! sending unknown fields back are exactly what must be true to life. What it means is read from it in
//! `url_map`.

use serde_json::{Value, json};

use super::{
    Leg,
    actor::Actor,
    former::Former,
    neighbours::{NEIGHBOURS, Name, Neighbour},
    operations::{Operation, Operations},
    propagation::{Edge, Span, Split},
    url_map,
    url_map_routing::Request,
};

/// Name of the one URL map.
pub const URL_MAP: &str = "hexproperty-lb";
/// The host that it serves.
pub const HOST: &str = "api.hexproperty.com";
/// A backend service of somebody else, in the same project.
pub const HOTFIX: &str = "frontend-hotfix";
/// A backend service of another project, which has the name of GKE's.
pub const NAMESAKE: &str = "https://www.googleapis.com/compute/v1/projects/hexproperty-staging/global/backendServices/frontend-gke";
/// Another project of the same people, whose backend services the map may lead to.
pub const SERVICES: &str = "hexproperty-services";
/// Prefix of every self link.
pub const LINK: &str = "https://www.googleapis.com/compute/v1/projects/hexproperty";
/// How long the control plane works on an accepted change, virtual milliseconds.
const OPERATION_MS: i64 = 2_500;
/// Request ids are remembered for this many writes.
const REQUESTS_KEPT: usize = 1_000;

/// How a write relates to what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// JSON merge patch.
    Patch,
    /// The whole document; needs the fingerprint.
    Replace,
}

/// Why a write was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The fingerprint is not the current one.
    #[error("Invalid fingerprint.")]
    Fingerprint,
    /// The document is no valid URL map.
    #[error("Invalid value for field 'resource': {0}")]
    Invalid(String),
}

/// Which kind of Application Load Balancer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// Global and external.
    #[default]
    GlobalExternal,
    /// Of a region, for everybody.
    RegionalExternal,
    /// Of a region, for its network.
    RegionalInternal,
}

impl Kind {
    /// Where its resources are.
    #[must_use]
    pub fn place(self) -> &'static str {
        match self {
            Self::GlobalExternal => "global",
            Self::RegionalExternal | Self::RegionalInternal => "regions/us-central1",
        }
    }

    /// What the log calls a change of its URL map: by `patch`, or else by an update.
    #[must_use]
    pub fn method(self, how: &str) -> &'static str {
        match (self, how) {
            (Self::GlobalExternal, "patch") => "v1.compute.urlMaps.patch",
            (Self::GlobalExternal, _) => "v1.compute.urlMaps.update",
            (_, "patch") => "v1.compute.regionUrlMaps.patch",
            (_, _) => "v1.compute.regionUrlMaps.update",
        }
    }
}

/// The load balancer.
#[derive(Debug, Clone)]
pub struct LoadBalancer {
    /// Which kind it is.
    pub kind: Kind,
    /// The data plane.
    pub edge: Edge,
    /// The other services, each with a data plane of its own.
    pub neighbours: Vec<Neighbour>,
    /// Operations of this API.
    pub operations: Operations,
    document: Value,
    version: u64,
    requests: Vec<(String, u64)>,
    former: Former<Value>,
}

/// A write that was accepted, or seen before.
#[derive(Debug, Clone, PartialEq)]
pub enum Accepted {
    /// It took effect now.
    Fresh(Operation),
    /// The same request id came before; this is the operation of that time.
    Repeated(Operation),
}

impl LoadBalancer {
    /// All traffic on Cloud Run, GKE present with weight zero.
    #[must_use]
    pub fn new(seed: u64, created_ms: i64, span: Span) -> Self {
        let document = url_map::initial(created_ms);
        let edge = Edge::new(seed, Split { run: 1.0, gke: 0.0, other: 0.0 }, span);
        let version = seed.wrapping_mul(31) % 90_000 + 1;
        let (operations, former) = (Operations::default(), Former::default());
        let neighbours = Neighbour::all(seed, created_ms, span);
        let mut balancer =
            Self { kind: Kind::default(), edge, neighbours, operations, document: Value::Null, version, requests: Vec::new(), former };
        balancer.show(document);
        balancer
    }

    /// What is read from now on bears the fingerprint of its version.
    fn show(&mut self, document: Value) {
        self.document = document;
        self.document["fingerprint"] = json!(self.fingerprint());
    }

    /// The URL map as the API shows it.
    #[must_use]
    pub fn url_map(&self) -> &Value {
        &self.document
    }

    /// The URL map as a read shows it that is so far behind.
    #[must_use]
    pub fn url_map_as_of(&self, at_ms: i64) -> &Value {
        self.former.as_of(at_ms).unwrap_or(&self.document)
    }

    /// The current fingerprint: eight bytes in padded base64, as clients decode it strictly.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        base64(&self.version.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes())
    }

    /// The weights that the API shows, per backend service, in document order.
    #[must_use]
    pub fn weights(&self) -> Vec<(String, u32)> {
        url_map::weights(&self.document, HOST)
    }

    /// Whether the map leads to backend services of the other project.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.document.to_string().contains(&format!("projects/{SERVICES}/"))
    }

    /// What every service's split stands at, the frontend's first.
    #[must_use]
    pub fn became(&self) -> String {
        let requests = std::iter::once(HOST.into()).chain(NEIGHBOURS.iter().map(Name::request));
        requests.map(|request: Request<'_>| url_map::became(&self.document, request)).collect::<Vec<_>>().join(" ")
    }

    /// How the map marks the answers of a leg to a request under this header, if it does.
    #[must_use]
    pub fn mark<'r>(&self, request: impl Into<Request<'r>>, leg: Leg, header: &str) -> Option<String> {
        url_map::mark(&self.document, request, header, |link| leg_of(link) == Some(leg))
    }

    /// Lets the changes that are due take effect everywhere.
    pub fn tick(&mut self, now_ms: i64) {
        self.edge.tick(now_ms);
        self.neighbours.iter_mut().for_each(|neighbour| neighbour.edge.tick(now_ms));
    }

    /// From now on a change takes up to this long to reach every point; `None` for as long as usual.
    pub fn slow(&mut self, max_ms: Option<f64>) {
        self.edge.slow(max_ms);
        self.neighbours.iter_mut().for_each(|neighbour| neighbour.edge.slow(max_ms));
    }

    /// What would be wrong with this document; empty when it would load.
    #[must_use]
    pub fn problems(&self, document: &Value) -> Vec<String> {
        url_map::problems(document)
    }

    /// Writes the URL map. The new weights are shown at once and reach the edge later.
    ///
    /// # Errors
    /// If the fingerprint is stale or the result would not be a valid URL map; nothing has changed then.
    pub fn write(&mut self, now_ms: i64, how: Write, body: &Value, request_id: Option<&str>, actor: &Actor) -> Result<Accepted, Refusal> {
        if let Some(operation) = request_id.and_then(|id| self.remembered(id)) {
            return Ok(Accepted::Repeated(operation));
        }
        self.check_fingerprint(how, body)?;
        let next = match how {
            Write::Patch => url_map::merged(&self.document, body),
            Write::Replace => url_map::replaced(&self.document, body),
        };
        if let Some(problem) = url_map::problems(&next).into_iter().next() {
            return Err(Refusal::Invalid(problem));
        }
        let before = self.document.clone();
        self.version += 1;
        self.show(next);
        self.edge.accept(now_ms, url_map::split(&self.document, HOST));
        for Neighbour { name, edge, .. } in &mut self.neighbours {
            let split = url_map::split(&self.document, name.request());
            if url_map::split(&before, name.request()) != split {
                edge.accept(now_ms, split);
            }
        }
        self.former.replaced(now_ms, before);
        let kind = match how {
            Write::Patch => "patch",
            Write::Replace => "update",
        };
        let operation = self.operations.begin(Operation {
            id: 0,
            kind: kind.to_owned(),
            target: URL_MAP.to_owned(),
            principal: actor.principal.clone(),
            started_ms: now_ms,
            ends_ms: now_ms + OPERATION_MS,
            failure: None,
        });
        if let Some(id) = request_id {
            if self.requests.len() >= REQUESTS_KEPT {
                self.requests.remove(0);
            }
            self.requests.push((id.to_owned(), operation.id));
        }
        Ok(Accepted::Fresh(operation))
    }

    /// Puts a document in force that the interface would not take, as only the provider itself can. The edge keeps what it had.
    pub fn dictate(&mut self, now_ms: i64, document: Value) {
        self.former.replaced(now_ms, self.document.clone());
        self.version += 1;
        self.show(document);
    }

    fn check_fingerprint(&self, how: Write, body: &Value) -> Result<(), Refusal> {
        let sent = body.get("fingerprint").and_then(Value::as_str).filter(|sent| !sent.is_empty());
        match (how, sent) {
            // Bytes travel in either alphabet of base64; the command line uses the one for addresses.
            (_, Some(sent)) if sent.replace('-', "+").replace('_', "/") == self.fingerprint() => Ok(()),
            // The command line's `url-maps import` patches without one, and the last writer wins.
            (Write::Patch, None) => Ok(()),
            (Write::Replace, None) | (_, Some(_)) => Err(Refusal::Fingerprint),
        }
    }

    fn remembered(&self, request_id: &str) -> Option<Operation> {
        let (_, operation) = self.requests.iter().find(|(id, _)| id == request_id)?;
        self.operations.find(*operation).cloned()
    }
}

/// The leg behind a backend service, by its name or any link to it.
#[must_use]
pub fn leg_of(backend_service: &str) -> Option<Leg> {
    if backend_service == NAMESAKE {
        return None;
    }
    let name = backend_service.rsplit('/').next()?;
    let leg = |service: &str| match name.strip_prefix(service) {
        Some("-run") => Some(Leg::Run),
        Some("-gke") => Some(Leg::Gke),
        _ => None,
    };
    std::iter::once("frontend").chain(NEIGHBOURS.iter().map(|neighbour| neighbour.service)).find_map(leg)
}

/// Whether there is a backend service of this name, by its name or any link to it.
#[must_use]
pub fn is_known(backend_service: &str) -> bool {
    let name = backend_service.rsplit('/').next();
    leg_of(backend_service).is_some() || backend_service == NAMESAKE || name == Some(HOTFIX) || name == Some(url_map::DOCS)
}

/// Standard base64 with padding.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = (0..3).fold(0_u32, |group, index| (group << 8) | u32::from(chunk.get(index).copied().unwrap_or(0)));
        for place in 0..4 {
            let letter = LETTERS[(group >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Accepted, LINK, LoadBalancer, Refusal, Write, base64};
    use crate::sim::world::{actor::Actor, propagation::Span};

    fn fresh() -> LoadBalancer {
        LoadBalancer::new(1, 0, Span::default())
    }

    fn ramp(fingerprint: &str, run: u32, gke: u32) -> serde_json::Value {
        let entry = |name: &str, weight: u32| json!({"backendService": format!("{LINK}/global/backendServices/{name}"), "weight": weight});
        json!({"fingerprint": fingerprint, "defaultRouteAction": {"weightedBackendServices": [entry("frontend-run", run), entry("frontend-gke", gke)]}})
    }

    #[test]
    fn base64_is_padded() {
        assert_eq!([base64(b"a"), base64(b"ab"), base64(b"abc"), base64(&[255, 254])], ["YQ==", "YWI=", "YWJj", "//4="]);
    }

    #[test]
    fn a_stale_fingerprint_changes_nothing() {
        let mut balancer = fresh();
        let actor = Actor::person("someone");
        let old = balancer.fingerprint();
        balancer.write(0, Write::Patch, &ramp(&old, 990, 10), None, &actor).unwrap();
        let before = balancer.url_map().clone();
        assert_eq!(balancer.write(0, Write::Patch, &ramp(&old, 500, 500), None, &actor), Err(Refusal::Fingerprint));
        assert_eq!(*balancer.url_map(), before);
    }

    #[test]
    fn a_repeated_request_id_is_one_change() {
        let mut balancer = fresh();
        let actor = Actor::person("someone");
        let body = ramp(&balancer.fingerprint(), 990, 10);
        let Ok(Accepted::Fresh(first)) = balancer.write(0, Write::Patch, &body, Some("id-1"), &actor) else { panic!("not fresh") };
        let after = balancer.url_map().clone();
        assert_eq!(balancer.write(9, Write::Patch, &body, Some("id-1"), &actor), Ok(Accepted::Repeated(first)));
        assert_eq!(*balancer.url_map(), after);
    }

    #[test]
    fn all_zero_unknown_and_oversized_weights_are_refused() {
        let mut balancer = fresh();
        let actor = Actor::person("someone");
        for (run, gke) in [(0, 0), (1001, 0)] {
            let body = ramp(&balancer.fingerprint(), run, gke);
            assert!(matches!(balancer.write(0, Write::Patch, &body, None, &actor), Err(Refusal::Invalid(_))), "{run}/{gke}");
        }
        let body =
            json!({"defaultRouteAction": {"weightedBackendServices": [{"backendService": "global/backendServices/nobody", "weight": 1}]}});
        assert!(matches!(balancer.write(0, Write::Patch, &body, None, &actor), Err(Refusal::Invalid(_))));
    }
}
