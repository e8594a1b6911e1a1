//! Where users come in: the load balancer's front door, and each backend's own address.
//!
//! A request at the front door is really split by the edge's current weights and really takes its time,
//! shortened by the clock's speed. Its answer bears the mark that the URL map adds, if it adds one; the program on
//! Cloud Run adds its revision's name (`K_REVISION`) where no map puts another in its place. Past the front door, a
//! backend shows its health and its metrics as well.
//!
//! Behind the front door are several services, told apart by the host that is asked for, and where the map has rules by path, headers and
//! query; whoever can't name a host asks for `/@HOST/` before the path; the Gateway's users come in here too, by its host. Past the front door, a service beside the frontend has the same pages below `/NAME`.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    Shared,
    http::{Answer, Call, Handler, Reply},
    metrics,
};
use crate::sim::{
    faults::{Manner, Probing, setup::Page},
    world::{
        Leg, World,
        gateway::{self, Gateway},
        load_balancer::HOST,
        meter::Code,
        neighbours::NEIGHBOURS,
        traffic::Answerer,
        url_map,
        url_map_routing::{Request, held},
    },
};

/// The header by which this world's URL map marks answers, and the program on Cloud Run its own.
const MARK: &str = "x-served-by";
/// Where a redirect to the login page leads.
const LOGIN: &str = "https://login.hexproperty.com/?next=%2F";

/// What a health address says of how long its answer may be kept.
const KEPT: (&str, &str) = ("cache-control", "no-store");
/// How long a slow health address takes, virtual milliseconds.
const SLOW_MS: f64 = 2_000.0;

/// The handler of the front door (`leg` is `None`) or of one backend.
#[derive(Debug, Clone)]
pub struct Door {
    /// The world.
    pub shared: Shared,
    /// Which backend this is the address of.
    pub leg: Option<Leg>,
    /// Ends requests that wait.
    pub stop: CancellationToken,
}

impl Handler for Door {
    fn now_ms(&self) -> i64 {
        self.shared.clock().now_ms()
    }
    async fn handle(&self, call: Call) -> Option<Reply> {
        tokio::select! {
            () = self.stop.cancelled() => None,
            reply = self.answer(&call) => reply,
        }
    }
}

impl Door {
    async fn answer(&self, call: &Call) -> Option<Reply> {
        if let Some(reply) = self.beside(call).await {
            return Some(reply);
        }
        match (self.leg, call.path.as_str()) {
            (Some(leg), "/metrics") => self.metrics(leg).await,
            (Some(leg), "/health" | "/healthz" | "/ready" | "/readyz") => {
                let page = self.shared.with(|world| world.conditions.project.page(leg));
                if page == Some(Page::Slow) {
                    tokio::time::sleep(self.shared.clock().real(SLOW_MS)).await;
                }
                Some(self.health(leg, page, call))
            }
            (leg, _) => self.visit(leg, call).await,
        }
    }

    /// The answer of a service beside the frontend, where the request is for one.
    async fn beside(&self, call: &Call) -> Option<Reply> {
        let first = call.path.trim_start_matches('/').split('/').next().unwrap_or_default();
        if let Some(leg) = self.leg {
            NEIGHBOURS.iter().map(|neighbour| neighbour.service).chain(gateway::IMPORTS).find(|service| *service == first)?;
            let leg = gateway::leg_of(first).unwrap_or(leg);
            return match call.path.rsplit('/').next() {
                Some("metrics") => self.shared.with(|world| metrics::page_of(world, first, leg)),
                _ if gateway::leg_of(first).is_some() => Some(Reply::ok(&json!({"backend": first, "instancesReady": 3}))),
                _ => Some(Reply::ok(&json!({"backend": format!("{first}-{}", leg.label()), "instancesReady": 3}))),
            };
        }
        let (host, path) = match call.path.strip_prefix("/@") {
            Some(rest) => rest.split_once('/').map_or((rest, "/".to_owned()), |(host, path)| (host, format!("/{path}"))),
            None => (call.host.as_str(), call.path.clone()),
        };
        let host = host.to_ascii_lowercase();
        let request =
            Request { method: call.method.as_str(), host: &host, path: &path, query: Some(&call.query), headers: Some(&call.headers) };
        let (served, mark, label) = self.shared.with(|world| {
            if let (gateway::HOST, Some(gateway)) = (host.as_str(), &mut world.gateway) {
                let served = gateway.serve(None, &world.conditions);
                let mark = served.leg.zip(Gateway::route(&world.kubernetes)).and_then(|(leg, route)| gateway::mark(route, leg, MARK));
                let label = served.leg.map_or("nobody", gateway::import_of);
                return Some((Some(served), mark, label.to_owned()));
            }
            let (map, place) = (world.load_balancer.url_map(), held(world.load_balancer.url_map(), request).place);
            if held(map, HOST.into()).place == place {
                return None;
            }
            let Some(at) = NEIGHBOURS.iter().position(|name| held(map, name.request()).place == place) else {
                return by_weight(world, request).map(|(name, mark)| (None, mark, name));
            };
            let neighbour = &mut world.load_balancer.neighbours[at];
            let (served, service) = (neighbour.serve(&mut world.balancer), neighbour.name.service);
            let mark = served.leg.and_then(|leg| world.load_balancer.mark(request, leg, MARK));
            let label = served.leg.map_or_else(|| "elsewhere".to_owned(), |leg| format!("{service}-{}", leg.label()));
            Some((Some(served), mark, label))
        })?;
        let (latency_ms, code) = served.map_or((1.0, Some(Code::Fine)), |served| (served.latency_ms, served.code));
        tokio::time::sleep(self.shared.clock().real(latency_ms)).await;
        let reply = match code? {
            Code::Fine => Reply::ok(&json!({"served_by": label, "path": call.path})),
            Code::Found | Code::NotFound | Code::Broken | Code::BadGateway | Code::Unavailable => {
                Reply::text(500, "Internal Server Error\n")
            }
        };
        Some(match mark {
            Some(mark) => reply.header(MARK, mark),
            None => reply,
        })
    }

    async fn metrics(&self, leg: Leg) -> Option<Reply> {
        match self.shared.with(|world| metrics::page(world, leg)) {
            Answer::Now(reply) | Answer::Pending(reply) => Some(reply),
            Answer::After { ms, reply } => {
                tokio::time::sleep(self.shared.clock().real(ms)).await;
                Some(reply)
            }
            Answer::HangUp => None,
            Answer::Silence => std::future::pending().await,
        }
    }

    fn health(&self, leg: Leg, page: Option<Page>, call: &Call) -> Reply {
        match page {
            Some(Page::NoContent) => return Reply::text(204, "").header(KEPT.0, KEPT.1),
            Some(Page::Moved) => return Reply::text(302, "").header("location", "/live").header(KEPT.0, KEPT.1),
            Some(Page::AskedIn) => return Reply::text(302, "").header("location", "/login").header(KEPT.0, KEPT.1),
            Some(Page::Bare | Page::Long | Page::Slow) | None => {}
        }
        let (ready, conditions) = self.shared.with(|world| (world.ready_instances(leg), world.conditions.of(leg)));
        match (conditions.probing, conditions.manner) {
            (Probing::TurnedAway, _) => Reply::text(403, "Forbidden\n"),
            (Probing::WrongPath, _) | (Probing::Answered, Manner::NotFound) => not_found(),
            (Probing::Answered, Manner::LoginRedirect) => login(),
            (Probing::Answered, Manner::Proper | Manner::LoginPage) => {
                let status = if call.path.starts_with("/ready") && ready < 1.0 { 503 } else { 200 };
                let mut body = json!({"backend": leg.label(), "instancesReady": ready});
                if page == Some(Page::Long) {
                    body["checks"] = json!(vec!["database reachable, cache reachable, queue reachable"; 80]);
                }
                let reply = Reply::json(status, &body);
                if page == Some(Page::Bare) { reply } else { reply.header(KEPT.0, KEPT.1) }
            }
        }
    }

    async fn visit(&self, at: Option<Leg>, call: &Call) -> Option<Reply> {
        let (served, manner, mark) = self.shared.with(|world| {
            let served = world.serve(at);
            let manner = served.leg.map_or(Manner::Proper, |leg| world.conditions.of(leg).manner);
            let mark = served.leg.and_then(|leg| world.load_balancer.mark(HOST, leg, MARK));
            (served, manner, mark)
        });
        tokio::time::sleep(self.shared.clock().real(served.latency_ms)).await;
        let label = served.leg.map_or("hotfix", Leg::label);
        let reply = match (served.code?, manner) {
            (Code::Fine, Manner::LoginPage) => html(200, "<title>Sign in</title>\n"),
            (Code::Fine, Manner::Proper | Manner::NotFound | Manner::LoginRedirect) => {
                Reply::ok(&json!({"served_by": label, "path": call.path}))
            }
            (Code::Found, _) => login(),
            (Code::NotFound, _) => not_found(),
            (Code::Broken, _) => Reply::text(500, "Internal Server Error\n"),
            (Code::BadGateway, _) => html(502, "<title>502 Server Error</title>\n"),
            (Code::Unavailable, _) => Reply::text(503, "no healthy upstream\n"),
        };
        let added = match (at, served.by) {
            (None, Answerer::Leg) => mark,
            (None, Answerer::LoadBalancer) | (Some(_), _) => None,
        };
        Some(match added.or(served.revision) {
            Some(mark) => reply.header(MARK, mark),
            None => reply,
        })
    }
}

/// Whom the map's weights send a request to that none of the simulated users asks, with what its answer is marked by.
fn by_weight(world: &mut World, request: Request<'_>) -> Option<(String, Option<String>)> {
    let weights = url_map::weights(world.load_balancer.url_map(), request);
    let all: u32 = weights.iter().map(|(_, weight)| weight).sum();
    let mut drawn = u32::try_from(world.chance_worker(all as usize)).unwrap_or_default();
    let (name, _) = weights.into_iter().find(|(_, weight)| {
        let is_it = drawn < *weight;
        drawn = drawn.saturating_sub(*weight);
        is_it
    })?;
    let mark = url_map::mark(world.load_balancer.url_map(), request, MARK, |link| link.rsplit('/').next() == Some(name.as_str()));
    Some((name, mark))
}

fn not_found() -> Reply {
    Reply::text(404, "404 page not found\n")
}

fn login() -> Reply {
    Reply { content_type: "text/html; charset=utf-8", ..Reply::text(302, "") }.header("location", LOGIN)
}

fn html(status: u16, body: &str) -> Reply {
    Reply { content_type: "text/html; charset=UTF-8", ..Reply::text(status, body) }
}
