//! The Cloud SQL Admin API, in both versions that are in use: `v1` and `sql/v1beta4`.
//!
//! Both are views of the same instances and operations. A router that knows the host name hands requests in;
//! connections, authentication and faults of the network are its affair. Users, databases, certificates and
//! flags are not served.

pub mod answer;
pub mod document;
pub mod request;

use hyper::Method;
use serde_json::{Value, json};

use self::{
    answer::Failure,
    document::View,
    request::{Path, Version},
};
use super::{
    google::{listing, page_at_most},
    http::{Answer, Call, Reply},
};
use crate::sim::world::{
    World,
    audit::Mutation,
    sql::{PROJECT, Sql, operation::Work},
};

/// Answers one call.
pub fn handle(world: &mut World, call: &Call) -> Answer {
    let Some(path) = Path::of(&call.parts()) else { return Failure::no_such_method().reply().into() };
    if path.project != PROJECT {
        return Failure::foreign_project(&path.project).reply().into();
    }
    let parts: Vec<&str> = path.parts.iter().map(String::as_str).collect();
    let answer = match call.method {
        Method::GET => read(&world.sql, call, path.version, &parts, world.conditions.page_max),
        _ => write(world, call, path.version, &parts),
    };
    answer.map_or_else(Failure::reply, |document| Reply::ok(&document)).into()
}

fn read(sql: &Sql, call: &Call, version: Version, parts: &[&str], page_max: usize) -> Result<Value, Failure> {
    let view = View { version };
    match parts {
        ["instances"] => {
            let items: Vec<Value> = sql.instances().map(|instance| view.instance(sql, instance)).collect();
            let page = page_at_most(call, items, 500, page_max).ok_or_else(|| Failure::bad("Invalid value for pageToken."))?;
            let mut list = listing("items", page);
            list["kind"] = json!("sql#instancesList");
            Ok(list)
        }
        ["instances", name] => {
            let instance = sql.instance(name).ok_or_else(Failure::no_instance)?;
            Ok(view.instance(sql, instance))
        }
        ["instances", name, "backupRuns"] => {
            sql.instance(name).ok_or_else(Failure::no_instance)?;
            let items: Vec<Value> = sql.backups(name).map(|backup| view.backup(backup)).collect();
            Ok(json!({"kind": "sql#backupRunsList", "items": items}))
        }
        ["instances", name, "backupRuns", id] => {
            let backup = sql.backups(name).find(|backup| backup.id.to_string() == *id);
            backup.map(|backup| view.backup(backup)).ok_or_else(Failure::no_backup)
        }
        ["instances", name, "getLatestRecoveryTime"] => {
            let instance = sql.instance(name).ok_or_else(Failure::no_instance)?;
            view.recovery_time(sql, instance).ok_or_else(Failure::no_recovery)
        }
        ["operations"] => Ok(operations(sql, call, view)),
        ["operations", name] => sql.operation(name).map(|operation| view.operation(operation)).ok_or_else(Failure::no_operation),
        _ => Err(Failure::no_such_method()),
    }
}

fn write(world: &mut World, call: &Call, version: Version, parts: &[&str]) -> Result<Value, Failure> {
    let (instance, request) = match (&call.method, parts) {
        (&Method::POST, ["instances"]) => request::create(&call.body)?,
        (_, ["instances", name, rest @ ..]) => ((*name).to_owned(), request::request(call, rest)?),
        _ => return Err(Failure::no_such_method()),
    };
    let operation = world.sql.ask(&instance, request, &call.actor.principal)?.clone();
    let work = &operation.work;
    let became = if let Work::Update { settings } = work { settings.to_string() } else { document::kind(work).to_owned() };
    world.audit.note(Mutation {
        at_ms: world.now_ms,
        service: "cloudsql.googleapis.com",
        method: document::audited(&operation.work),
        resource: format!("projects/{PROJECT}/instances/{}", operation.instance),
        actor: call.actor.clone(),
        became,
        operation: number(&operation.name),
    });
    Ok(View { version }.operation(&operation))
}

/// The audit log knows operations by number; names here are longer, and their first part is enough.
fn number(operation: &str) -> u64 {
    operation.split('-').next().and_then(|part| u64::from_str_radix(part, 16).ok()).unwrap_or_default()
}

fn operations(sql: &Sql, call: &Call, view: View) -> Value {
    let wanted = call.parameter("instance");
    let most = call.parameter("maxResults").and_then(|most| most.parse().ok()).unwrap_or(usize::MAX);
    let chosen = sql.operations().filter(|operation| wanted.is_none_or(|wanted| operation.instance == wanted));
    let items: Vec<Value> = chosen.take(most).map(|operation| view.operation(operation)).collect();
    json!({"kind": "sql#operationsList", "items": items})
}
