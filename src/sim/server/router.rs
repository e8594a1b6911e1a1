//! One address for all Google APIs: which API a request is for, and what its current trouble does to it.
//!
//! The host name decides first, because several APIs share the prefix `/v1/projects/`; only for a bare
//! loopback host does the path decide. An API that is in trouble never reaches its handler, except where the
//! trouble is that the answer gets lost.

use std::time::Duration;

use hyper::Method;
use tokio_util::sync::CancellationToken;

use super::{
    Shared, compute,
    container::{self, Cluster},
    http::{Answer, Call, Handler, Reply},
    iam, logging, monitoring, projects, regional, run_v1, run_v2, service_project, service_usage, sql,
};
use crate::sim::{
    faults::{Api, Trouble},
    world::World,
};

/// Longest wait of a `wait` method, virtual milliseconds: two minutes, as the real ones promise.
const WAIT_MAX_MS: f64 = 120_000.0;
/// How often a waiting request looks again, real milliseconds.
const LOOK_MS: u64 = 20;

/// The handler of the Google address.
#[derive(Debug, Clone)]
pub struct Google {
    /// The world.
    pub shared: Shared,
    /// The cluster as Container shows it.
    pub cluster: Cluster,
    /// Ends requests that wait.
    pub stop: CancellationToken,
}

impl Handler for Google {
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

impl Google {
    async fn answer(&self, call: &Call) -> Option<Reply> {
        let Some(face) = Face::of(call) else { return Some(not_found(call)) };
        let clock = self.shared.clock();
        let until_ms = clock.now_ms() + WAIT_MAX_MS as i64;
        loop {
            match self.shared.with(|world| troubled(world, call, face, &self.cluster)) {
                Answer::Now(reply) => return Some(reply),
                Answer::After { ms, reply } => {
                    tokio::time::sleep(clock.real(ms)).await;
                    return Some(reply);
                }
                Answer::Pending(reply) if clock.now_ms() >= until_ms => return Some(reply),
                Answer::Pending(_) => tokio::time::sleep(Duration::from_millis(LOOK_MS)).await,
                Answer::HangUp => return None,
                Answer::Silence => std::future::pending().await,
            }
        }
    }
}

/// One API in one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Face {
    RunV1,
    RunV2,
    Compute,
    Monitoring,
    Container,
    Sql,
    Logging,
    ServiceUsage,
    Projects,
}

impl Face {
    fn of(call: &Call) -> Option<Self> {
        let parts = call.parts();
        let name = call.host.strip_suffix(".googleapis.com").unwrap_or_default();
        match (name, parts.as_slice()) {
            (run, [first, ..]) if run == "run" || run.ends_with("-run") => Some(if *first == "v2" { Self::RunV2 } else { Self::RunV1 }),
            ("compute", _) => Some(Self::Compute),
            ("monitoring", _) => Some(Self::Monitoring),
            ("container", _) => Some(Self::Container),
            ("sqladmin", _) => Some(Self::Sql),
            ("logging", _) => Some(Self::Logging),
            ("serviceusage", _) => Some(Self::ServiceUsage),
            ("cloudresourcemanager", _) => Some(Self::Projects),
            (_, path) => Self::of_path(path),
        }
    }

    fn of_path(path: &[&str]) -> Option<Self> {
        match path {
            ["compute", ..] | ["projects", _, "global" | "aggregated" | "regions" | "zones", ..] => Some(Self::Compute),
            ["apis", "serving.knative.dev", ..] | ["v1", "projects", _, "locations", _, "services", ..] => Some(Self::RunV1),
            ["v2", "entries:list"] => Some(Self::Logging),
            ["v2", ..] => Some(Self::RunV2),
            ["v3", ..] | ["v1", "projects", _, "location", "global", "prometheus", ..] => Some(Self::Monitoring),
            ["sql", ..] | ["v1", "projects", _, "instances" | "operations", ..] => Some(Self::Sql),
            ["v1", "projects", _, "locations" | "zones", ..] => Some(Self::Container),
            ["v1", "projects", _, "services", ..] => Some(Self::ServiceUsage),
            ["v1", "projects", project] if project.ends_with(":testIamPermissions") => Some(Self::Projects),
            _ => None,
        }
    }

    fn api(self) -> Option<Api> {
        match self {
            Self::RunV1 | Self::RunV2 => Some(Api::Run),
            Self::Compute => Some(Api::Compute),
            Self::Monitoring => Some(Api::Monitoring),
            Self::Container => Some(Api::Container),
            Self::Sql => Some(Api::Sql),
            Self::Logging => Some(Api::Logging),
            Self::ServiceUsage | Self::Projects => None,
        }
    }
}

fn troubled(world: &mut World, call: &Call, face: Face, cluster: &Cluster) -> Answer {
    let trouble = face.api().and_then(|api| world.conditions.trouble_on(world.now_ms, api, call.connected_ms));
    match trouble {
        None => route(world, call, face, cluster),
        Some(Trouble::Unavailable) => Reply::error(503, "UNAVAILABLE", "The service is currently unavailable.").into(),
        Some(Trouble::HalfOpen | Trouble::DeadConnections) => Answer::Silence,
        Some(Trouble::ReadsThrottled) if !writes(call) => {
            let why = "Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute'.";
            Reply::error(429, "RESOURCE_EXHAUSTED", why).into()
        }
        Some(Trouble::ReadsHang) if !writes(call) => Answer::Silence,
        // What they read is told where it is read.
        Some(Trouble::ReadsThrottled | Trouble::ReadsHang | Trouble::OldReads { .. }) => route(world, call, face, cluster),
        Some(Trouble::ReadOnly) if writes(call) => {
            Reply::error(403, "PERMISSION_DENIED", "Required permission was denied on this resource.").into()
        }
        Some(Trouble::ReadOnly) => route(world, call, face, cluster),
        Some(Trouble::Slow { ms }) => {
            let answer = route(world, call, face, cluster);
            if let Answer::Now(reply) = answer { Answer::After { ms, reply } } else { answer }
        }
        Some(Trouble::LostReplies) => {
            let answer = route(world, call, face, cluster);
            let applied = matches!(&answer, Answer::Now(reply) if reply.status < 300);
            if applied && writes(call) { Answer::HangUp } else { answer }
        }
    }
}

fn route(world: &mut World, call: &Call, face: Face, cluster: &Cluster) -> Answer {
    if service_project::is_asked(call) {
        return service_project::answer(world, call, |world, call| in_first_project(world, call, face, cluster));
    }
    if service_project::has_left(world, call) {
        return service_project::missing(call).into();
    }
    in_first_project(world, call, face, cluster)
}

/// Where the load balancer is.
fn in_first_project(world: &mut World, call: &Call, face: Face, cluster: &Cluster) -> Answer {
    if face == Face::Compute && compute::addresses::is_asked(world, call) {
        let refused = iam::gate(world, Api::Compute).or_else(|| iam::denied(world, call, Api::Compute));
        return refused.map_or_else(|| compute::addresses::handle(world, call), Answer::from);
    }
    if face == Face::Compute && regional::is_elsewhere(world, call) {
        return regional::missing(call).into();
    }
    if face == Face::Compute && regional::is_asked(world, call) {
        return match iam::denied(world, call, Api::Compute) {
            Some(reply) => reply.into(),
            None => regional::answer(world, call, |world, call| answered(world, call, face, cluster)),
        };
    }
    answered(world, call, face, cluster)
}

fn answered(world: &mut World, call: &Call, face: Face, cluster: &Cluster) -> Answer {
    let refused = face.api().and_then(|api| iam::gate(world, api).or_else(|| iam::denied(world, call, api)));
    if let Some(reply) = refused {
        return reply.into();
    }
    match face {
        Face::RunV1 => run_v1::handle(world, call),
        Face::RunV2 => run_v2::handle(world, call),
        Face::Compute => compute::handle(world, call),
        Face::Monitoring => monitoring::handle(world, call),
        Face::Container => container::handle(world, call, cluster),
        Face::Sql => sql::handle(world, call),
        Face::Logging => logging::handle(world, call),
        Face::ServiceUsage => service_usage::handle(world, call),
        Face::Projects => projects::handle(world, call),
    }
}

/// Whether a request changes something, judged as a proxy could.
fn writes(call: &Call) -> bool {
    let reads = call.path.ends_with(":wait")
        || call.path.ends_with("/wait")
        || call.path.ends_with("/getHealth")
        || call.path.ends_with("/validate")
        || call.path.ends_with("/prometheus/api/v1/query")
        || call.path.ends_with("/prometheus/api/v1/query_range")
        || call.path.ends_with(":list")
        || call.path.ends_with(":testIamPermissions")
        || call.path.ends_with("/testIamPermissions");
    call.method != Method::GET && !reads
}

/// What Google says to a path that is none.
#[must_use]
pub fn not_found(call: &Call) -> Reply {
    Reply::error(404, "NOT_FOUND", &format!("The requested URL {} was not found on this server.", call.path))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hyper::Method;
    use serde_json::Value;

    use super::{Call, Face};
    use crate::sim::world::actor::Actor;

    fn face(host: &str, path: &str) -> Option<Face> {
        let segments = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let actor = Actor::person("someone");
        Face::of(&Call {
            method: Method::GET,
            host: host.to_owned(),
            path: path.to_owned(),
            segments,
            query: BTreeMap::new(),
            headers: BTreeMap::new(),
            body: Value::Null,
            actor,
            connected_ms: 0,
        })
    }

    #[test]
    fn the_host_decides_before_the_path() {
        let path = "/v1/projects/hexproperty/locations/-/services";
        assert_eq!(face("us-central1-run.googleapis.com", path), Some(Face::RunV1));
        assert_eq!(face("run.googleapis.com", "/v2/projects/p/locations/l/services"), Some(Face::RunV2));
        assert_eq!(face("container.googleapis.com", "/v1/projects/p/locations/l/operations/o"), Some(Face::Container));
        assert_eq!(face("sqladmin.googleapis.com", "/v1/projects/p/instances"), Some(Face::Sql));
    }

    #[test]
    fn a_bare_host_is_routed_by_path() {
        assert_eq!(face("127.0.0.1", "/v1/projects/p/locations/-/services"), Some(Face::RunV1));
        assert_eq!(face("127.0.0.1", "/v1/projects/p/locations/us-central1/clusters"), Some(Face::Container));
        assert_eq!(face("127.0.0.1", "/v1/projects/p/operations/o"), Some(Face::Sql));
        assert_eq!(face("127.0.0.1", "/v2/entries:list"), Some(Face::Logging));
        assert_eq!(face("127.0.0.1", "/nothing"), None);
    }
}
