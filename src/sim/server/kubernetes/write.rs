//! Writing objects: create, replace, patch, delete.
//!
//! A dry run works on a copy of the cluster and throws it away, so it meets every check that the real write
//! would meet. Every writer is noted as the owner of what it changed, see [`ownership`].

use serde_json::{Value, json};

use super::{
    Call,
    answer::{self, Failure, Reply},
    apply, ownership, patch,
    route::Target,
    selector::Selector,
    table,
};
use crate::sim::world::kubernetes::{
    Kubernetes,
    document::{set, text},
    resource::{Resource, Subresource},
    store::Key,
    write::{Deletion, Owned, Part},
};

/// Creates an object.
///
/// # Errors
/// 400 for a body that cannot be read or belongs elsewhere, and what the cluster refuses.
pub fn create(cluster: &mut Kubernetes, call: &Call) -> Result<Reply, Failure> {
    let Target::Collection { resource, namespace } = &call.target else {
        return Err(Failure::no_such_path());
    };
    let mut object = read_body(call)?;
    expect_kind(*resource, &object)?;
    let named = text(&object, "/metadata/namespace");
    if !named.is_empty() && named != namespace {
        return Err(Failure::bad_request("the namespace of the provided object does not match the namespace sent on the request"));
    }
    ownership::note(cluster, call, None, &mut object);
    let made = attempt(cluster, call, |cluster| cluster.create(*resource, namespace, object).map_err(Failure::from))?;
    Ok(answer::created(&table::one(cluster, *resource, &made, call)))
}

/// Replaces an object, or its status.
///
/// # Errors
/// 400 for a body that cannot be read or belongs elsewhere, and what the cluster refuses.
pub fn replace(cluster: &mut Kubernetes, call: &Call, key: &Key) -> Result<Reply, Failure> {
    let mut object = read_body(call)?;
    expect_kind(key.resource, &object)?;
    if text(&object, "/metadata/name") != key.name {
        return Err(Failure::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({})",
            text(&object, "/metadata/name"),
            key.name
        )));
    }
    let old = cluster.store().get(key).cloned().ok_or_else(|| Failure::not_found(key))?;
    admitted(cluster, key.resource)?;
    ownership::note(cluster, call, Some(&old), &mut object);
    let made = attempt(cluster, call, |cluster| cluster.update(key, object, part(call)).map_err(Failure::from))?;
    Ok(answer::json(&table::one(cluster, key.resource, &made, call)))
}

/// Changes some fields of an object, or of its status.
///
/// # Errors
/// 400 or 422 for a patch that cannot be applied, 415 for an unknown kind of patch, and what the cluster refuses.
pub fn patch(cluster: &mut Kubernetes, call: &Call, key: &Key) -> Result<Reply, Failure> {
    let old = cluster.store().get(key).cloned();
    if call.content_type.starts_with(apply::CONTENT_TYPE) {
        let next = apply::apply(cluster, call, key, old.as_deref())?;
        admitted(cluster, key.resource)?;
        expect_kind(key.resource, &next)?;
        let made = attempt(cluster, call, |cluster| match &old {
            Some(_) => cluster.update(key, next, part(call)).map_err(Failure::from),
            None => cluster.create(key.resource, &key.namespace, next).map_err(Failure::from),
        })?;
        let shown = table::one(cluster, key.resource, &made, call);
        return Ok(if old.is_some() { answer::json(&shown) } else { answer::created(&shown) });
    }
    let old = old.ok_or_else(|| Failure::not_found(key))?;
    let mut next = patch::apply(key, &old, &call.content_type, &call.body)?;
    admitted(cluster, key.resource)?;
    ownership::note(cluster, call, Some(&old), &mut next);
    let made = attempt(cluster, call, |cluster| cluster.update(key, next, part(call)).map_err(Failure::from))?;
    Ok(answer::json(&table::one(cluster, key.resource, &made, call)))
}

/// Deletes an object.
///
/// # Errors
/// 400 for options that cannot be read, and what the cluster refuses.
pub fn delete(cluster: &mut Kubernetes, call: &Call, key: &Key) -> Result<Reply, Failure> {
    let deletion = deletion(call)?;
    let last = attempt(cluster, call, |cluster| cluster.delete(key, &deletion).map_err(Failure::from))?;
    let stays = key.resource == Resource::Pod && cluster.store().get(key).is_some();
    Ok(answer::json(&if stays { Value::clone(&last) } else { answer::success(key.resource, &last) }))
}

/// Deletes every selected object of a collection.
///
/// # Errors
/// 400 for options or selectors that cannot be read, and what the cluster refuses.
pub fn delete_all(cluster: &mut Kubernetes, call: &Call) -> Result<Reply, Failure> {
    let Target::Collection { resource, namespace } = &call.target else {
        return Err(Failure::no_such_path());
    };
    let selector = Selector::of(*resource, &call.query)?;
    let deletion = deletion(call)?;
    let objects: Vec<_> = cluster.store().list(*resource, namespace).filter(|object| selector.matches(object)).cloned().collect();
    attempt(cluster, call, |cluster| {
        for object in &objects {
            cluster.delete(&Key::of(*resource, object), &deletion)?;
        }
        Ok(())
    })?;
    let metadata = json!({"resourceVersion": cluster.store().version().to_string()});
    Ok(answer::json(&table::many(cluster, *resource, &objects, &metadata, call)))
}

/// Stops a pod, as draining a node does. Budgets for disruption are not modelled, so nothing holds it back.
///
/// # Errors
/// What the cluster refuses.
pub fn evict(cluster: &mut Kubernetes, call: &Call, key: &Key) -> Result<Reply, Failure> {
    let deletion = Deletion { grace_s: None, owned: Owned::Removed, uid: None, version: None };
    attempt(cluster, call, |cluster| cluster.delete(key, &deletion).map_err(Failure::from))?;
    Ok(answer::created(&json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})))
}

/// Answers whether the caller may do something: he may, unless it is a read of what nobody may read, or a write where he `may_write` nothing.
///
/// # Errors
/// 400 for a body that cannot be read.
pub fn review(cluster: &Kubernetes, call: &Call, may_write: bool) -> Result<Reply, Failure> {
    let asked = read_body(call)?;
    let of = |field: &str| text(&asked, &format!("/spec/resourceAttributes/{field}"));
    let resource = Resource::ALL.into_iter().find(|resource| {
        let names = resource.names();
        (names.group, names.plural) == (of("group"), of("resource"))
    });
    let reads = ["get", "list", "watch"].contains(&of("verb"));
    let allowed = match (of("resource"), of("subresource")) {
        ("pods", "proxy") => cluster.may_pass(),
        _ if reads => resource.is_none_or(|resource| cluster.may_read(resource)),
        _ => may_write,
    };
    // The real server leaves the reason out where no rule denies it and none allows it.
    let status =
        if allowed { json!({"allowed": true, "reason": "RBAC: allowed by ClusterRoleBinding"}) } else { json!({"allowed": false}) };
    Ok(answer::created(&json!({
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {"creationTimestamp": null},
        "spec": asked["spec"],
        "status": status,
    })))
}

/// Asks the cluster's policies, a dry run too.
fn admitted(cluster: &Kubernetes, resource: Resource) -> Result<(), Failure> {
    if !cluster.is_guarded(resource) {
        return Ok(());
    }
    Err(Failure::denied("validation.gatekeeper.sh", "[frozen] routes are frozen until Monday"))
}

/// Does a write for good, or on a copy if the caller only wants to see.
pub fn attempt<R>(cluster: &mut Kubernetes, call: &Call, write: impl FnOnce(&mut Kubernetes) -> Result<R, Failure>) -> Result<R, Failure> {
    let strictness = call.query.get("fieldValidation");
    if !["", "Ignore", "Warn", "Strict"].contains(&strictness) {
        let allowed = "\"\", \"Ignore\", \"Strict\", \"Warn\"";
        return Err(Failure::bad_request(format!("fieldValidation: Unsupported value: \"{strictness}\": supported values: {allowed}")));
    }
    match call.query.get("dryRun") {
        "" => write(cluster),
        "All" => write(&mut cluster.clone()),
        other => Err(Failure::bad_request(format!("dryRun: Unsupported value: \"{other}\": supported values: \"All\""))),
    }
}

/// The body as a document; JSON and YAML are both read.
///
/// # Errors
/// 415 for protobuf, 400 for what cannot be read.
pub fn read_body(call: &Call) -> Result<Value, Failure> {
    if call.content_type.contains("protobuf") {
        return Err(Failure::unsupported("application/json, application/yaml"));
    }
    let parsed: Result<Value, String> = if call.content_type.contains("yaml") {
        serde_yaml::from_slice(&call.body).map_err(|error| error.to_string())
    } else {
        serde_json::from_slice(&call.body).map_err(|error| error.to_string())
    };
    match parsed {
        Ok(document) if document.is_object() => Ok(document),
        Ok(_) => Err(Failure::bad_request("the object provided is unrecognized: it is not an object")),
        Err(error) => Err(Failure::bad_request(format!("the object provided is unrecognized: {error}"))),
    }
}

fn part(call: &Call) -> Part {
    match call.target {
        Target::Part(_, Subresource::Status) => Part::Status,
        Target::Part(_, Subresource::Scale | Subresource::Log | Subresource::Eviction | Subresource::Proxy)
        | Target::Object(_)
        | Target::Collection { .. }
        | Target::Discovery(_)
        | Target::Health
        | Target::Review
        | Target::Passed { .. }
        | Target::Unknown => Part::Main,
    }
}

fn expect_kind(resource: Resource, object: &Value) -> Result<(), Failure> {
    let (kind, version) = (text(object, "/kind"), text(object, "/apiVersion"));
    let kind_fits = kind.is_empty() || kind == resource.names().kind;
    if kind_fits && (version.is_empty() || version == resource.api_version()) {
        return Ok(());
    }
    Err(Failure::bad_request(format!(
        "the API version or kind in the data ({version}, {kind}) does not match the expected ({}, {})",
        resource.api_version(),
        resource.names().kind
    )))
}

fn deletion(call: &Call) -> Result<Deletion, Failure> {
    let mut options = if call.body.is_empty() { json!({}) } else { read_body(call)? };
    for name in ["gracePeriodSeconds", "propagationPolicy"] {
        let value = call.query.get(name);
        if !value.is_empty() {
            set(&mut options, &[name], value.parse::<i64>().map_or_else(|_| json!(value), |number| json!(number)));
        }
    }
    let said = |pointer: &str| Some(text(&options, pointer).to_owned()).filter(|value| !value.is_empty());
    Ok(Deletion {
        grace_s: options["gracePeriodSeconds"].as_i64(),
        owned: match text(&options, "/propagationPolicy") {
            "Orphan" => Owned::Orphaned,
            "" | "Background" | "Foreground" => Owned::Removed,
            other => {
                return Err(Failure::bad_request(format!("propagationPolicy: Unsupported value: \"{other}\"")));
            }
        },
        uid: said("/preconditions/uid"),
        version: said("/preconditions/resourceVersion"),
    })
}
