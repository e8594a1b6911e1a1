//! A Gateway before two clusters: an HTTPRoute as the API holds it, the controller that reads it, and the edge that carries it out.
//!
//! The route lives in the first cluster, as a fleet's config cluster holds it, and leads to one service of each cluster by ServiceImports.
//! The controller follows a change some seconds later and says so in the route's status; the edge follows within its span, as the load
//! balancer's does. The edge's two legs are the clusters: the first stands where Cloud Run stands in the world's other edge. What befalls
//! GKE befalls the second cluster's service too; nothing else does. Rules are chosen by the path `/` alone, which is all that users ask for.

mod suffered;

use serde_json::{Value, json};

use self::suffered::Suffered;
use super::{
    Leg,
    conditions::Conditions,
    kubernetes::{
        Kubernetes, NAMESPACE,
        document::{self, list, number, set, stamp, text},
        resource::Resource,
        store::Key,
    },
    meter::{Code, Meter},
    propagation::{Edge, Span, Split},
    random::Random,
    traffic::{Answerer, Served, latency_ms},
};

/// Name of the HTTPRoute.
pub const ROUTE: &str = "api";
/// The host that it is for.
pub const HOST: &str = "api.internal.hexproperty.com";
/// The ServiceImports of the two clusters, the first cluster's first.
pub const IMPORTS: [&str; 2] = ["api-1", "api-2"];
/// How the entries of the two mark their answers.
const MARKS: [&str; 2] = ["cluster-1", "cluster-2"];
const GATEWAY: &str = "internal-http";
const CONTROLLER: &str = "networking.gke.io/gateway";
/// What a ServiceImport is, in Google's fleets.
const IMPORT: (&str, &str) = ("net.gke.io", "ServiceImport");

/// Mean arrivals in virtual requests per second.
const RATE: f64 = 60.0;
/// Share of requests that fails on a good day.
const BASELINE: f64 = 0.001;
/// How long the controller takes to see a change, virtual milliseconds.
const REACTION_MS: (f64, f64) = (1_000.0, 4_000.0);

/// What somebody who can't name a host asks the front door for, to be served as the Gateway's users are.
#[must_use]
pub fn door(host: Option<&str>) -> String {
    if host == Some(HOST) { format!("/@{HOST}/") } else { "/".to_owned() }
}

/// Where GKE's own address has this page of the service behind a ServiceImport.
#[must_use]
pub fn page(import: &str, page: &str) -> String {
    format!("/{import}{page}")
}

/// The Gateway, its users and the second cluster.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// The cluster that the route's second service is in: a twin of the first, to which other things happen from now on.
    pub second: Kubernetes,
    /// Who gets a request.
    pub edge: Edge,
    meters: [Meter; 2],
    /// The generation that the controller has taken over.
    observed: i64,
    /// When it takes over the next one.
    due_ms: Option<i64>,
    random: Random,
    visitors: Random,
    suffered: Suffered,
}

impl Gateway {
    /// One whose users are all in the first cluster, which gets the route.
    #[must_use]
    pub fn open(first: &mut Kubernetes, now_ms: i64, seed: u64, span: Span) -> Self {
        // What happens by chance in the first cluster happens with and without a Gateway.
        let mut random = Random::named(seed, "gateway");
        let uid = random.uuid();
        // Another history would take as long to live through as the rest of this world takes to be made.
        let second = first.fated(seed ^ 0x5ec0_0d00);
        first.admit(Resource::HttpRoute, NAMESPACE, &uid, route());
        let mut gateway = Self {
            second,
            edge: Edge::new(seed ^ 0x6a7e, Split { run: 1.0, gke: 0.0, other: 0.0 }, span),
            meters: [Meter::new(now_ms - 9 * 3_600_000), Meter::new(now_ms - 2 * 3_600_000)],
            observed: 0,
            due_ms: None,
            random,
            visitors: Random::named(seed, "gateway visitors"),
            suffered: Suffered::default(),
        };
        gateway.take_over(now_ms, first);
        gateway
    }

    /// The route as the API shows it; `None` where somebody has deleted it.
    #[must_use]
    pub fn route(first: &Kubernetes) -> Option<&Value> {
        first.store().get(&key()).map(|object| &**object)
    }

    /// The weights that the API shows, by the names of the entries, in the order of the document.
    #[must_use]
    pub fn weights(first: &Kubernetes) -> Vec<(String, u32)> {
        let entries = Self::route(first).map_or(&[][..], entries);
        entries.iter().map(|entry| (text(entry, "/name").to_owned(), weight(entry))).collect()
    }

    /// Moves controller, edge and second cluster to this virtual time.
    pub fn tick(&mut self, now_ms: i64, first: &mut Kubernetes) {
        self.second.tick(now_ms);
        self.annotate(now_ms, first);
        let generation = Self::route(first).map_or(0, |route| number(route, "/metadata/generation"));
        if generation != self.observed && self.due_ms.is_none() {
            self.due_ms = Some(now_ms + self.random.between(REACTION_MS.0, REACTION_MS.1) as i64);
        }
        if self.due_ms.is_some_and(|due_ms| due_ms <= now_ms) {
            self.take_over(now_ms, first);
        }
        self.edge.tick(now_ms);
    }

    /// When something happens next by itself.
    #[must_use]
    pub fn due_ms(&self) -> Option<i64> {
        [self.due_ms, self.second.due_ms()].into_iter().flatten().min()
    }

    /// The controller reads the route as it is now, and says what it makes of it.
    fn take_over(&mut self, now_ms: i64, first: &mut Kubernetes) {
        self.due_ms = None;
        let Some(route) = Self::route(first) else {
            self.observed = 0;
            self.edge.accept(now_ms, Split { run: 0.0, gke: 0.0, other: 1.0 });
            return;
        };
        let generation = number(route, "/metadata/generation");
        let (split, unknown) = carried(route);
        let before = std::mem::replace(&mut self.observed, generation);
        if before == 0 {
            self.edge = self.edge.serving(split);
        } else {
            self.edge.accept(now_ms, split);
        }
        let status = status(route, generation, now_ms, &unknown);
        first.tell_status(&key(), status);
    }

    /// The counters of one of the two services.
    #[must_use]
    pub fn meter(&self, leg: Leg) -> &Meter {
        match leg {
            Leg::Run => &self.meters[0],
            Leg::Gke => &self.meters[1],
        }
    }

    /// One step of background traffic.
    pub fn step(&mut self, step_ms: i64, conditions: &Conditions) {
        let mut random = self.random.clone();
        let mut to = [0, 0];
        for _ in 0..random.poisson(RATE * step_ms as f64 / 1000.0) {
            match self.served(None, conditions, &mut random).leg {
                Some(Leg::Run) => to[0] += 1,
                Some(Leg::Gke) => to[1] += 1,
                None => {}
            }
        }
        self.random = random;
        self.meters.iter_mut().zip(to).for_each(|(meter, requests)| {
            meter.follow_sessions(requests, step_ms);
            meter.pass(step_ms);
        });
    }

    /// Serves one request of a real client, at the Gateway (`None`) or at one service directly.
    pub fn serve(&mut self, at: Option<Leg>, conditions: &Conditions) -> Served {
        let mut random = self.visitors.clone();
        let served = self.served(at, conditions, &mut random);
        self.visitors = random;
        served
    }

    fn served(&mut self, at: Option<Leg>, conditions: &Conditions, random: &mut Random) -> Served {
        if at.is_none() && self.suffered.errors > 0.0 && random.chance(self.suffered.errors) {
            return Served { leg: None, code: Some(Code::Broken), by: Answerer::LoadBalancer, revision: None, latency_ms: 2.0 };
        }
        let leg = at.or_else(|| self.edge.choose(random));
        let (errors, slower) = match leg {
            Some(Leg::Gke) => (conditions.gke.errors, conditions.gke.latency),
            Some(Leg::Run) => (0.0, 1.0),
            // A route that leads nowhere is answered with an error.
            None => (1.0, 1.0),
        };
        let latency_ms = latency_ms(leg, random) * slower;
        let code = if random.chance(BASELINE + errors) { Code::Broken } else { Code::Fine };
        match leg {
            Some(Leg::Run) => self.meters[0].count(code, latency_ms),
            Some(Leg::Gke) => self.meters[1].count(code, latency_ms),
            None => {}
        }
        let by = if leg.is_some() { Answerer::Leg } else { Answerer::LoadBalancer };
        Served { leg, code: Some(code), by, revision: None, latency_ms }
    }
}

/// The leg behind a ServiceImport.
#[must_use]
pub fn leg_of(import: &str) -> Option<Leg> {
    IMPORTS.iter().position(|known| *known == import).map(|place| if place == 0 { Leg::Run } else { Leg::Gke })
}

/// The ServiceImport of a leg.
#[must_use]
pub fn import_of(leg: Leg) -> &'static str {
    match leg {
        Leg::Run => IMPORTS[0],
        Leg::Gke => IMPORTS[1],
    }
}

/// How the route marks the answers of a leg under this header, by the entry's own filter.
#[must_use]
pub fn mark(route: &Value, leg: Leg, header: &str) -> Option<String> {
    let entry = entries(route).iter().find(|entry| text(entry, "/name") == import_of(leg))?;
    let modified = list(entry, "/filters")
        .iter()
        .flat_map(|filter| ["set", "add"].into_iter().flat_map(|how| list(filter, &format!("/responseHeaderModifier/{how}")).iter()));
    let mut found = modified.filter(|added| text(added, "/name").eq_ignore_ascii_case(header));
    found.next().map(|added| text(added, "/value").to_owned())
}

fn key() -> Key {
    Key::new(Resource::HttpRoute, NAMESPACE, ROUTE)
}

/// The entries of the rule that a request for `/` follows: the first that takes every path.
fn entries(route: &Value) -> &[Value] {
    list(route, "/spec/rules").iter().find(|rule| is_followed(rule)).map_or(&[], |rule| list(rule, "/backendRefs"))
}

/// Whether a rule takes every path.
fn is_followed(rule: &Value) -> bool {
    let matches = list(rule, "/matches");
    matches.is_empty() || matches.iter().any(|found| text(found, "/path/value") == "/" && found.get("headers").is_none())
}

fn weight(entry: &Value) -> u32 {
    entry.get("weight").map_or(1, |weight| u32::try_from(weight.as_u64().unwrap_or(0)).unwrap_or(0))
}

/// The shares that follow from a route, and the entries that lead to nothing there is.
fn carried(route: &Value) -> (Split, Vec<String>) {
    let is_import = |entry: &Value| (text(entry, "/group"), text(entry, "/kind")) == IMPORT;
    let leg = |entry: &Value| leg_of(text(entry, "/name")).filter(|_| is_import(entry));
    let sum =
        |wanted: Option<Leg>| entries(route).iter().filter(|entry| leg(entry) == wanted).map(|entry| f64::from(weight(entry))).sum::<f64>();
    let (run, gke, other) = (sum(Some(Leg::Run)), sum(Some(Leg::Gke)), sum(None));
    let unknown = entries(route).iter().filter(|entry| leg(entry).is_none()).map(|entry| text(entry, "/name").to_owned());
    let total = run + gke + other;
    if total == 0.0 {
        return (Split { run: 0.0, gke: 0.0, other: 1.0 }, unknown.collect());
    }
    (Split { run: run / total, gke: gke / total, other: other / total }, unknown.collect())
}

/// What the controller says of this generation.
fn status(route: &Value, generation: i64, now_ms: i64, unknown: &[String]) -> Value {
    let before = list(route, "/status/parents/0/conditions");
    let condition = |kind: &str, holds: bool, reason: &str, message: &str| {
        let status = if holds { "True" } else { "False" };
        let known = before.iter().find(|known| known["type"] == kind && known["status"] == status);
        let since = known.map_or_else(|| stamp(now_ms), |known| known["lastTransitionTime"].clone());
        json!({
            "type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": generation, "lastTransitionTime": since,
        })
    };
    let resolved = match unknown.first() {
        None => condition("ResolvedRefs", true, "ResolvedRefs", ""),
        Some(name) => condition("ResolvedRefs", false, "BackendNotFound", &format!("backend {name:?} not found")),
    };
    let conditions =
        json!([condition("Accepted", true, "Accepted", ""), resolved, condition("Reconciled", true, "ReconciliationSucceeded", "")]);
    let parent = json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": GATEWAY});
    json!({"parents": [{"parentRef": parent, "controllerName": CONTROLLER, "conditions": conditions}]})
}

/// The route as somebody has made it, with weights of his own scale, and a second rule that is nobody's business here.
fn route() -> Value {
    let entry = |place: usize, weight: u32| {
        let set = json!([{"name": "x-served-by", "value": MARKS[place]}]);
        let filter = json!({"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": set}});
        json!({
            "group": IMPORT.0, "kind": IMPORT.1, "name": IMPORTS[place], "port": 8080, "weight": weight, "filters": [filter],
        })
    };
    let mut route = json!({
        "metadata": {"name": ROUTE, "labels": {"app": ROUTE, "gateway": GATEWAY}, "annotations": {"hexproperty.com/owner": "platform"}},
        "spec": {
            "parentRefs": [{"name": GATEWAY}],
            "hostnames": [HOST],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": "/docs"}}],
                    "filters": [{"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}],
                    "backendRefs": [{"name": "docs", "port": 80}],
                },
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                    "timeouts": {"request": "30s"},
                    "backendRefs": [entry(0, 100), entry(1, 0)],
                },
            ],
        },
    });
    set(&mut route, &["metadata", "namespace"], json!(NAMESPACE));
    debug_assert_eq!(document::name(&route), ROUTE);
    route
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{faults::gateway::GatewayFault, world::kubernetes::write::Part};

    fn both() -> (Kubernetes, Gateway) {
        let mut first = Kubernetes::new(1_795_900_000_000, 7);
        let gateway = Gateway::open(&mut first, 1_795_900_000_000, 7, Span { min_ms: 5_000.0, max_ms: 20_000.0 });
        (first, gateway)
    }

    fn reweighted(first: &mut Kubernetes, weights: [u32; 2]) {
        let mut next = Gateway::route(first).unwrap().clone();
        for (place, weight) in weights.into_iter().enumerate() {
            next["spec"]["rules"][1]["backendRefs"][place]["weight"] = json!(weight);
        }
        first.update(&key(), next, Part::Main).unwrap();
    }

    #[test]
    fn the_controller_says_when_it_follows_and_the_edge_follows_after_it() {
        let (mut first, mut gateway) = both();
        let observed = |first: &Kubernetes| number(Gateway::route(first).unwrap(), "/status/parents/0/conditions/0/observedGeneration");
        assert_eq!((observed(&first), gateway.edge.split().gke), (1, 0.0));
        let start = first.now_ms();
        reweighted(&mut first, [90, 10]);
        gateway.tick(start, &mut first);
        assert_eq!(observed(&first), 1, "it was stored, and nobody follows yet");
        gateway.tick(start + 5_000, &mut first);
        assert_eq!((observed(&first), gateway.edge.split().gke), (2, 0.0), "the controller follows, and no request does");
        gateway.tick(start + 30_000, &mut first);
        assert!((gateway.edge.split().gke - 0.1).abs() < 1e-9, "{:?}", gateway.edge.split());
    }

    #[test]
    fn what_leads_to_nothing_is_said_and_answered_with_errors() {
        let (mut first, mut gateway) = both();
        let start = first.now_ms();
        reweighted(&mut first, [0, 0]);
        [0, 5_000, 60_000].into_iter().for_each(|after| gateway.tick(start + after, &mut first));
        let conditions = Conditions::default();
        assert!((0..20).all(|_| gateway.serve(None, &conditions).code == Some(Code::Broken)), "every weight is nothing");
        let mut next = Gateway::route(&first).unwrap().clone();
        next["spec"]["rules"][1]["backendRefs"][1]["name"] = json!("api-3");
        first.update(&key(), next, Part::Main).unwrap();
        gateway.tick(start + 61_000, &mut first);
        gateway.tick(start + 66_000, &mut first);
        let resolved = &Gateway::route(&first).unwrap()["status"]["parents"][0]["conditions"][1];
        assert_eq!((text(resolved, "/status"), text(resolved, "/reason")), ("False", "BackendNotFound"));
    }

    #[test]
    fn what_the_gateway_answers_itself_reaches_no_service_and_what_others_write_beside_the_rules_moves_nobody() {
        let (mut first, mut gateway) = both();
        let (start, conditions) = (first.now_ms(), Conditions::default());
        gateway.suffer(start, GatewayFault::Errors { rate: 1.0 }, &mut first);
        let own = gateway.serve(None, &conditions);
        assert_eq!((own.leg, own.code, own.by), (None, Some(Code::Broken), Answerer::LoadBalancer));
        assert!(gateway.serve(Some(Leg::Gke), &conditions).leg.is_some(), "who asks a service asks no Gateway");
        gateway.suffer(start, GatewayFault::Annotated { per_s: 120.0 }, &mut first);
        let version = |first: &Kubernetes| text(Gateway::route(first).unwrap(), "/metadata/resourceVersion").to_owned();
        let seen: Vec<String> = [0, 8, 16].map(|after| (gateway.tick(start + after, &mut first), version(&first)).1).into();
        assert!(seen[0] != seen[1] && seen[1] != seen[2], "{seen:?}");
        for fault in [GatewayFault::RuleRenamed, GatewayFault::RuleBefore] {
            gateway.suffer(start, fault, &mut first);
        }
        let route = Gateway::route(&first).unwrap();
        assert_eq!((list(route, "/spec/rules").len(), text(route, "/spec/rules/2/name")), (3, "renamed"));
        assert_eq!(number(route, "/metadata/generation"), 3, "labels and annotations are no change of the spec");
        assert_eq!(Gateway::weights(&first), [("api-1".to_owned(), 100), ("api-2".to_owned(), 0)]);
        gateway.calm(&mut first);
        assert!(gateway.serve(None, &conditions).leg.is_some());
        let rules = list(Gateway::route(&first).unwrap(), "/spec/rules");
        assert!(rules.len() == 2 && text(&rules[1], "/name") != "renamed", "what others have made of the rules is taken back: {rules:?}");
    }
}
