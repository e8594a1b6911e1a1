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
    sql::{PROJECT, Sql},
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
            listed(call, items, page_max, "sql#instancesList")
        }
        ["instances", name] => {
            let instance = sql.instance(name).ok_or_else(Failure::no_instance)?;
            Ok(view.instance(sql, instance))
        }
        ["instances", name, "backupRuns"] => {
            sql.instance(name).ok_or_else(Failure::no_instance)?;
            let items: Vec<Value> = sql.backups(name).map(|backup| view.backup(sql, backup)).collect();
            listed(call, items, page_max, "sql#backupRunsList")
        }
        ["instances", name, "backupRuns", id] => {
            let backup = sql.backups(name).find(|backup| backup.id.to_string() == *id);
            backup.map(|backup| view.backup(sql, backup)).ok_or_else(Failure::no_backup)
        }
        ["instances", name, "getLatestRecoveryTime"] => {
            let instance = sql.instance(name).ok_or_else(Failure::no_instance)?;
            view.recovery_time(sql, instance).ok_or_else(Failure::no_recovery)
        }
        ["operations"] => {
            let wanted = call.parameter("instance");
            let chosen = sql.operations().filter(|operation| wanted.is_none_or(|wanted| operation.instance == wanted));
            listed(call, chosen.map(|operation| view.operation(operation)).collect(), page_max, "sql#operationsList")
        }
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
    let operation = world.ask_database(&instance, request, &call.actor)?;
    Ok(View { version }.operation(&operation))
}

fn listed(call: &Call, items: Vec<Value>, page_max: usize, kind: &str) -> Result<Value, Failure> {
    let page = page_at_most(call, items, 500, page_max).ok_or_else(|| Failure::bad("Invalid value for pageToken."))?;
    let mut list = listing("items", page);
    list["kind"] = json!(kind);
    Ok(list)
}
