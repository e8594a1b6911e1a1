//! The forms in which objects can be sent: whole, as metadata only, or as a table ready to print.
//!
//! `kubectl get` asks for tables; the columns are those of the real server, so that people see what they know.
//! The cells themselves are computed in [`super::cell`].

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Call, cell, heartbeat, read};
use crate::sim::world::kubernetes::{Kubernetes, fault::EmptyLists, resource::Resource};

/// How a caller wants objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Whole.
    Objects,
    /// Type and metadata only.
    Metadata,
    /// Rows and columns.
    Table,
}

impl Form {
    /// The first form that an `Accept` header names and that is known here.
    #[must_use]
    pub fn of(accept: &str) -> Self {
        for wish in accept.split(',') {
            let form = wish.split(';').find_map(|part| part.trim().strip_prefix("as="));
            match form {
                Some("Table") => return Self::Table,
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") => {
                    return Self::Metadata;
                }
                Some(_) => {}
                None => return Self::Objects,
            }
        }
        Self::Objects
    }
}

/// One object in the form that the caller wants.
#[must_use]
pub fn one(cluster: &Kubernetes, resource: Resource, object: &Value, call: &Call) -> Value {
    let object = &heartbeat::freshen(cluster, resource, object);
    match call.form {
        Form::Objects => object.clone(),
        Form::Metadata => metadata_only(object),
        Form::Table => {
            let version = object["metadata"]["resourceVersion"].clone();
            let rows = vec![row(cluster, resource, object, call)];
            table(resource, json!({"resourceVersion": version}), rows)
        }
    }
}

/// A list in the form that the caller wants.
#[must_use]
pub fn many(cluster: &Kubernetes, resource: Resource, objects: &[Arc<Value>], metadata: &Value, call: &Call) -> Value {
    match call.form {
        Form::Objects => {
            let items: Vec<Value> = objects.iter().map(|object| Value::clone(object)).collect();
            let items = match cluster.empty_lists() {
                EmptyLists::Lists => Value::Array(items),
                EmptyLists::Nulls => nulled(items),
            };
            json!({
                "kind": read::list_kind(resource), "apiVersion": resource.api_version(), "metadata": metadata, "items": items,
            })
        }
        Form::Metadata => {
            let items: Vec<Value> = objects.iter().map(|object| metadata_only(object)).collect();
            json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "items": items})
        }
        Form::Table => {
            let rows = objects.iter().map(|object| row(cluster, resource, object, call)).collect();
            table(resource, metadata.clone(), rows)
        }
    }
}

/// Items whose lists are `null` where nothing is in them, as some servers and proxies write it.
fn nulled(mut items: Vec<Value>) -> Value {
    const LISTS: [(&str, &str); 4] =
        [("spec", "initContainers"), ("status", "initContainerStatuses"), ("status", "containerStatuses"), ("status", "conditions")];
    if items.is_empty() {
        return Value::Null;
    }
    for item in &mut items {
        for (part, list) in LISTS {
            if item[part].is_object() && item[part].get(list).is_none_or(|list| list.as_array().is_some_and(Vec::is_empty)) {
                item[part][list] = Value::Null;
            }
        }
    }
    Value::Array(items)
}

/// A table without columns, as watches send it after their first event.
#[must_use]
pub fn without_columns(mut table: Value) -> Value {
    if table["kind"] == "Table" {
        table["columnDefinitions"] = Value::Null;
    }
    table
}

fn metadata_only(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

fn table(resource: Resource, metadata: Value, rows: Vec<Value>) -> Value {
    let columns: Vec<Value> = cell::columns(resource)
        .iter()
        .map(|column| {
            json!({
                "name": column.name,
                "type": column.kind,
                "format": if column.name == "Name" { "name" } else { "" },
                "description": column.name,
                "priority": column.priority,
            })
        })
        .collect();
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": columns, "rows": rows})
}

fn row(cluster: &Kubernetes, resource: Resource, object: &Value, call: &Call) -> Value {
    let shown = match call.query.get("includeObject") {
        "None" => Value::Null,
        "Object" => object.clone(),
        _ => metadata_only(object),
    };
    json!({"cells": cell::cells(resource, object, cluster.now_ms()), "object": shown})
}
