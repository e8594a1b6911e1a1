//! Reading objects: one by name, or a list, whole or in pages, as of now or as of a past version.
//!
//! Pages of one list are all of the version of the first page; when the history no longer reaches back to it,
//! the caller is told to begin again.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Call,
    answer::{self, Failure, Reply},
    route::Target,
    selector::{self, Selector},
    table,
};
use crate::sim::world::kubernetes::{Kubernetes, resource::Resource, store::Key};

/// Whether the caller may read what he asks for; who he is makes no difference here.
///
/// # Errors
/// 403 with the sentence of the real server.
pub fn allowed(cluster: &Kubernetes, call: &Call) -> Result<(), Failure> {
    let (resource, namespace, verb) = match &call.target {
        Target::Collection { resource, namespace } if call.query.is_set("watch") => (*resource, namespace, "watch"),
        Target::Collection { resource, namespace } => (*resource, namespace, "list"),
        Target::Object(key) | Target::Part(key, _) => (key.resource, &key.namespace, "get"),
        // To read a pod is no right to ask it something.
        Target::Passed { .. } if cluster.may_pass() => return Ok(()),
        Target::Passed { pod, port, .. } => return Err(Failure::may_not_pass(pod, port.as_deref())),
        Target::Unknown | Target::Discovery(_) | Target::Health | Target::Review => return Ok(()),
    };
    if cluster.may_read(resource) { Ok(()) } else { Err(Failure::forbidden(resource, namespace, verb)) }
}

/// Answers with one object.
///
/// # Errors
/// 404 when there is none.
pub fn get(cluster: &mut Kubernetes, call: &Call, key: &Key) -> Result<Reply, Failure> {
    let object = cluster.store().get(key).ok_or_else(|| Failure::not_found(key))?;
    Ok(answer::json(&table::one(cluster, key.resource, object, call)))
}

/// Answers with a list.
///
/// # Errors
/// 400 for selectors, versions or page marks that cannot be read; 410 when a page or a past version is gone.
pub fn list(cluster: &mut Kubernetes, call: &Call) -> Result<Reply, Failure> {
    let Target::Collection { resource, namespace } = &call.target else {
        return Err(Failure::no_such_path());
    };
    let selector = Selector::of(*resource, &call.query)?;
    let current = cluster.store().version();
    let mark = Mark::of(call.query.get("continue"))?;
    let version = match &mark {
        Some(mark) => mark.version,
        None => wanted_version(call, current)?,
    };
    let objects = if version == current {
        cluster.store().list(*resource, namespace).cloned().collect()
    } else {
        let past = cluster.store().list_at(*resource, namespace, version);
        past.map_err(|expired| if mark.is_some() { Failure::stale_page() } else { expired.into() })?
    };
    let mut objects: Vec<Arc<Value>> = objects.into_iter().filter(|object| selector.matches(object)).collect();
    if let Some(mark) = &mark {
        objects.retain(|object| selector::place(object) > (mark.namespace.as_str(), mark.name.as_str()));
    }
    let mut metadata = json!({"resourceVersion": version.to_string()});
    let limit = call.query.number("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(0);
    if limit > 0 && objects.len() > limit {
        metadata["remainingItemCount"] = json!(objects.len() - limit);
        objects.truncate(limit);
        if let Some(last) = objects.last() {
            let (namespace, name) = selector::place(last);
            metadata["continue"] = json!(Mark { version, namespace: namespace.to_owned(), name: name.to_owned() }.text());
        }
    }
    Ok(answer::json(&table::many(cluster, *resource, &objects, &metadata, call)))
}

/// An exact version is served from the history; any other wish is met by the newest state.
fn wanted_version(call: &Call, current: u64) -> Result<u64, Failure> {
    let Some(asked) = version(call.query.get("resourceVersion"))? else {
        return Ok(current);
    };
    if asked > current {
        return Err(Failure::too_new(asked, current));
    }
    Ok(if call.query.get("resourceVersionMatch") == "Exact" { asked } else { current })
}

/// Reads a version; none is meant by an empty text and by `0`.
///
/// # Errors
/// 400 for anything that is not a number.
pub fn version(text: &str) -> Result<Option<u64>, Failure> {
    match text {
        "" | "0" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            let message = format!("resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax");
            Failure::bad_request(message)
        }),
    }
}

/// Where the next page begins. Clients hand it back as they got it.
struct Mark {
    version: u64,
    namespace: String,
    name: String,
}

impl Mark {
    fn of(text: &str) -> Result<Option<Self>, Failure> {
        if text.is_empty() {
            return Ok(None);
        }
        let mut parts = text.splitn(3, '~');
        match (parts.next().and_then(|version| version.parse().ok()), parts.next(), parts.next()) {
            (Some(version), Some(namespace), Some(name)) => {
                Ok(Some(Self { version, namespace: namespace.to_owned(), name: name.to_owned() }))
            }
            (_, _, _) => Err(Failure::bad_request("continue key is not valid: it was not made by this server")),
        }
    }

    fn text(&self) -> String {
        format!("{}~{}~{}", self.version, self.namespace, self.name)
    }
}

/// `PodList` for pods, and so on.
#[must_use]
pub fn list_kind(resource: Resource) -> String {
    format!("{}List", resource.names().kind)
}
