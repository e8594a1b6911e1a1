//! What steps want of Cloud SQL.

use crate::{
    domain::{id::InstanceId, time::Millis},
    plan::{
        lower::{name, span_within},
        model::steps::Desired,
        reader::{At, Fields, Problems},
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

fn instance(problems: &mut Problems, at: &At<'_>) -> Option<InstanceId> {
    name::resource(problems, at, name::SQL_INSTANCE)?.as_str().parse().ok()
}
