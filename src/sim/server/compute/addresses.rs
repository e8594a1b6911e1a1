//! Static addresses, global ones and those of a region, and the operations that reserve them and give them back.

use hyper::Method;
use serde_json::{Value, json};

use super::{failed, missing};
use crate::sim::{
    faults::Api,
    server::{
        google::{PROJECT, listing, page},
        http::{Answer, Call, Reply},
        router::not_found,
    },
    world::{
        World,
        addresses::{self, Address, Operation, Refusal, Scope, Wanted, Work},
        audit::Mutation,
        load_balancer::LINK,
        stamp,
    },
};

/// The audit log knows operations by numbers, and those of the URL map begin at one.
const OPERATIONS_FROM: u64 = 1 << 40;

/// What a call is about.
enum Asked<'a> {
    All(Scope),
    One(Scope, &'a str),
    /// Operations of a scope in which nothing else has any.
    Operations(Scope),
    Operation(Operation),
    Wait(Operation),
}

/// Whether a call is answered here: it is about an address, or about work on one.
#[must_use]
pub fn is_asked(world: &World, call: &Call) -> bool {
    asked(world, &call.parts()).is_some()
}

/// Answers it.
#[must_use]
pub fn handle(world: &mut World, call: &Call) -> Answer {
    let parts = call.parts();
    let Some(asked) = asked(world, &parts) else { return not_found(call).into() };
    let reply = match (&call.method, asked) {
        (&Method::GET, Asked::All(scope)) => list(world, call, &scope),
        (&Method::POST, Asked::All(scope)) => insert(world, call, scope),
        (&Method::GET, Asked::One(scope, name)) => {
            let as_of = world.conditions.read_as_of(world.now_ms, Api::Compute);
            let found = world.addresses.as_of(as_of).iter().find(|address| address.scope == scope && address.name == name);
            found.map_or_else(|| missing(&addresses::path(&scope, name)), |found| Reply::ok(&document(world, found)))
        }
        (&Method::DELETE, Asked::One(scope, name)) => {
            let begun = world.addresses.delete(scope.clone(), name, call.parameter("requestId"), &call.actor);
            let method = if scope == Scope::Global { "v1.compute.globalAddresses.delete" } else { "v1.compute.addresses.delete" };
            accepted(world, call, method, begun)
        }
        (&Method::GET, Asked::Operations(scope)) => operations(world, call, &scope),
        (&Method::GET, Asked::Operation(operation)) => Reply::ok(&operation_json(&operation, world.now_ms)),
        (&Method::POST, Asked::Wait(operation)) => {
            let reply = Reply::ok(&operation_json(&operation, world.now_ms));
            return if operation.ends_ms <= world.now_ms { Answer::Now(reply) } else { Answer::Pending(reply) };
        }
        (_, Asked::All(_) | Asked::One(..) | Asked::Operations(_) | Asked::Operation(_) | Asked::Wait(_)) => not_found(call),
    };
    reply.into()
}

fn asked<'a>(world: &World, parts: &[&'a str]) -> Option<Asked<'a>> {
    let path = parts.strip_prefix(&["compute", "v1"][..]).unwrap_or(parts);
    let (scope, rest) = match path {
        ["projects", PROJECT, "global", rest @ ..] => (Scope::Global, rest),
        ["projects", PROJECT, "regions", region, rest @ ..] => (Scope::Region((*region).to_owned()), rest),
        _ => return None,
    };
    let work = |name: &str| world.addresses.operations().iter().find(|work| work.scope == scope && name_of(work) == name).cloned();
    match rest {
        ["addresses"] => Some(Asked::All(scope)),
        ["addresses", name] => Some(Asked::One(scope, name)),
        // Where those of the URL map are, all are told together.
        ["operations"] if scope.path() != world.load_balancer.kind.place() => Some(Asked::Operations(scope)),
        ["operations", name] => work(name).map(Asked::Operation),
        ["operations", name, "wait"] => work(name).map(Asked::Wait),
        _ => None,
    }
}

fn list(world: &World, call: &Call, scope: &Scope) -> Reply {
    let as_of = world.conditions.read_as_of(world.now_ms, Api::Compute);
    let here = world.addresses.as_of(as_of).iter().filter(|address| address.scope == *scope).map(|address| document(world, address));
    paged(call, here.collect(), "compute#addressList")
}

fn operations(world: &World, call: &Call, scope: &Scope) -> Reply {
    paged(call, of_scope(world, &scope.path()), "compute#operationList")
}

fn paged(call: &Call, items: Vec<Value>, kind: &str) -> Reply {
    let Some(page) = page(call, items, 500) else { return failed(400, "invalid", "Invalid value for field 'pageToken'.") };
    let mut body = listing("items", page);
    body["kind"] = json!(kind);
    // The interface leaves an empty list out.
    if let Some(fields) = body.as_object_mut().filter(|fields| fields["items"] == json!([])) {
        fields.shift_remove("items");
    }
    Reply::ok(&body)
}

/// Work on the addresses of a scope, the newest first.
#[must_use]
pub(super) fn of_scope(world: &World, scope: &str) -> Vec<Value> {
    let here = world.addresses.operations().iter().rev().filter(|operation| operation.scope.path() == scope);
    here.map(|operation| operation_json(operation, world.now_ms)).collect()
}

fn insert(world: &mut World, call: &Call, scope: Scope) -> Reply {
    let text = |field: &str| call.body[field].as_str().unwrap_or_default();
    if !call.body.is_object() {
        return failed(400, "required", "Required field 'resource' not specified");
    }
    let kind = if text("addressType") == "INTERNAL" { "INTERNAL" } else { "EXTERNAL" };
    let wanted = Wanted { name: text("name"), description: text("description"), kind, request: call.parameter("requestId") };
    let method = if scope == Scope::Global { "v1.compute.globalAddresses.insert" } else { "v1.compute.addresses.insert" };
    let begun = world.addresses.insert(scope, wanted, &call.actor);
    accepted(world, call, method, begun)
}

fn accepted(world: &mut World, call: &Call, method: &'static str, begun: Result<Operation, Refusal>) -> Reply {
    match begun {
        Ok(operation) => {
            let number = operation.id + OPERATIONS_FROM;
            if world.audit.all().iter().all(|known| known.operation != number) {
                world.audit.note(Mutation {
                    at_ms: world.now_ms,
                    service: "compute.googleapis.com",
                    method,
                    resource: format!("projects/{PROJECT}/{}", addresses::path(&operation.scope, &operation.name)),
                    actor: call.actor.clone(),
                    became: kind(operation.work).to_owned(),
                    operation: number,
                });
            }
            Reply::ok(&operation_json(&operation, world.now_ms))
        }
        Err(refusal) => {
            let (code, reason) = match &refusal {
                Refusal::Exists(_) => (409, "alreadyExists"),
                Refusal::Missing(_) => (404, "notFound"),
                Refusal::InUse(..) => (400, "resourceInUseByAnotherResource"),
                Refusal::Invalid(_) => (400, "invalid"),
            };
            failed(code, reason, &refusal.to_string())
        }
    }
}

fn document(world: &World, address: &Address) -> Value {
    let Address { scope, name, description, kind, ip, id, created_ms, users } = address;
    let mut shown = json!({
        "kind": "compute#address",
        "id": id.to_string(),
        "creationTimestamp": stamp(*created_ms),
        "name": name,
        "description": description,
        "address": ip,
        "status": match (world.addresses.is_reserving(address), users.is_empty()) {
            (true, _) => "RESERVING",
            (false, true) => "RESERVED",
            (false, false) => "IN_USE",
        },
        "addressType": kind,
        "networkTier": "PREMIUM",
        "ipVersion": "IPV4",
        "labelFingerprint": "42WmSpB8rSM=",
        "selfLink": format!("{LINK}/{}", addresses::path(scope, name)),
    });
    if let Scope::Region(region) = scope {
        shown["region"] = json!(format!("{LINK}/regions/{region}"));
    }
    if !users.is_empty() {
        shown["users"] = json!(users);
    }
    shown
}

fn kind(work: Work) -> &'static str {
    match work {
        Work::Insert => "insert",
        Work::Delete => "delete",
    }
}

/// As Compute calls it: by when it began, and numbers of its own.
fn name_of(operation: &Operation) -> String {
    let mix = operation.id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("operation-{}-{:013x}-{:08x}-{:08x}", operation.started_ms, operation.id, mix >> 32, mix & 0xffff_ffff)
}

fn operation_json(operation: &Operation, now_ms: i64) -> Value {
    let Operation { work, scope, name, target, user, started_ms, ends_ms, failure, .. } = operation;
    let is_done = *ends_ms <= now_ms;
    let own = name_of(operation);
    let mut body = json!({
        "kind": "compute#operation",
        "id": (operation.id + 4_100_000_000_000_000_000).to_string(),
        "name": own,
        "operationType": kind(*work),
        "targetLink": format!("{LINK}/{}", addresses::path(scope, name)),
        "targetId": target.to_string(),
        "status": if is_done { "DONE" } else { "RUNNING" },
        "user": user,
        "progress": if is_done { 100 } else { 0 },
        "insertTime": stamp(*started_ms),
        "startTime": stamp(*started_ms),
        "selfLink": format!("{LINK}/{}/operations/{own}", scope.path()),
    });
    if let Scope::Region(region) = scope {
        body["region"] = json!(format!("{LINK}/regions/{region}"));
    }
    if is_done {
        body["endTime"] = json!(stamp(*ends_ms));
        if let Some((code, message)) = failure {
            let (status, words) = if *work == Work::Insert { (403, "FORBIDDEN") } else { (500, "INTERNAL SERVER ERROR") };
            body["error"] = json!({"errors": [{"code": code, "message": message}]});
            body["httpErrorStatusCode"] = json!(status);
            body["httpErrorMessage"] = json!(words);
        }
    }
    body
}
