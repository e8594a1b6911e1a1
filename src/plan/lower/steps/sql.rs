//! What steps want of Cloud SQL.

use crate::{
    domain::{id::InstanceId, shown::Shown, time::Millis},
    plan::{
        lower::{name, span_within},
        model::steps::Desired,
        reader::{self, At, Fields, Problems},
    },
};

const AGE_LEAST: Millis = Millis::from_mins(5);
const AGE_MOST: Millis = Millis::from_mins(31 * 24 * 60);

pub(super) fn backup(problems: &mut Problems, at: At<'_>) -> Option<Desired> {
    let fields = Fields::open(problems, at, &["instance", "younger_than"])?;
    let instance = fields.required(problems, "instance", "my-instance").and_then(|at| instance(problems, &at));
    let younger_than = fields.required(problems, "younger_than", "24h");
    let younger_than = younger_than.and_then(|at| span_within(problems, &at, AGE_LEAST, AGE_MOST));
    Some(Desired::SqlBackup { instance: instance?, younger_than: younger_than? })
}

pub(super) fn high_availability(problems: &mut Problems, at: At<'_>) -> Option<Desired> {
    let fields = Fields::open(problems, at, &["instance"])?;
    let instance = fields.required(problems, "instance", "my-instance").and_then(|at| instance(problems, &at));
    Some(Desired::SqlHighAvailability { instance: instance? })
}

pub(super) fn replica(problems: &mut Problems, at: At<'_>) -> Option<Desired> {
    let fields = Fields::open(problems, at, &["instance", "primary", "region", "tier"])?;
    let instance_at = fields.required(problems, "instance", "my-replica");
    let instance = instance_at.as_ref().and_then(|at| self::instance(problems, at));
    let primary = fields.required(problems, "primary", "my-instance").and_then(|at| self::instance(problems, &at));
    let region = match fields.optional(problems, "region") {
        Some(at) => name::region(problems, &at).map(Some),
        None => Some(None),
    };
    let tier = match fields.optional(problems, "tier") {
        Some(at) => tier(problems, &at).map(Some),
        None => Some(None),
    };
    if let (Some(at), Some(instance), true) = (&instance_at, &instance, instance == primary) {
        problems.at(at, format!("`{instance}` can't follow itself")).allowed("a name of its own for the replica").error();
        return None;
    }
    Some(Desired::SqlReplica { instance: instance?, primary: primary?, region: region?, tier: tier? })
}

fn instance(problems: &mut Problems, at: &At<'_>) -> Option<InstanceId> {
    let name = name::resource(problems, at, name::SQL_INSTANCE)?;
    match name.as_str().parse() {
        Ok(instance) => Some(instance),
        Err(error) => {
            problems.at(at, format!("`{name}` is too long a name")).allowed(error.to_string()).error();
            None
        }
    }
}

/// The machine of an instance.
fn tier(problems: &mut Problems, at: &At<'_>) -> Option<Shown> {
    let text = reader::text(problems, at)?;
    let is_plain = text.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '-');
    if text.strip_prefix("db-").is_some_and(|rest| !rest.is_empty()) && is_plain && text.len() <= 63 {
        return Some(Shown::new(text));
    }
    problems
        .at(at, format!("`{text}` is no tier of Cloud SQL"))
        .allowed("a tier such as db-custom-4-16384 or db-perf-optimized-N-4")
        .error();
    None
}
