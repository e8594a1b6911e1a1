//! The checklist: three stages of items, each signed by a person or proved by the session itself.

use strum::EnumCount;

use crate::{
    domain::{age, time::Millis},
    plan::{
        document::Value,
        lower::{
            declared::DeclaredStep,
            name::{self, Names},
            span_within,
        },
        model::{Check, Item, Proof, Stage},
        reader::{self, At, Fields, Problems},
        units,
    },
};

const STAGES: &[&str; Stage::COUNT] = &["pre_migration", "during_migration", "post_migration"];
const KEYS: &[&str] = &["name", "title", "proof", "expires"];
const PLAIN: &[(&str, PlainProof); PlainProof::COUNT] = &[
    ("signed", PlainProof::Signed),
    ("monitoring_in_place", PlainProof::MonitoringInPlace),
    ("all_traffic_on_target", PlainProof::AllTrafficOnTarget),
];
const BOUNDED: &[&str] = &["error_rates_below", "latency_below", "replication_lag_below", "no_dropped_connections", "stable_for", "step"];
/// A signature is good for a month at most, which is as long as a migration takes.
const EXPIRES_MOST: Millis = Millis::from_mins(31 * 24 * 60);
const BOUND_MOST: Millis = Millis::from_mins(24 * 60);

/// Proofs that take no bound.
#[derive(Debug, Clone, Copy, EnumCount)]
enum PlainProof {
    Signed,
    MonitoringInPlace,
    AllTrafficOnTarget,
}

/// Whether the plan describes a database whose lag could prove anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lag {
    Measured,
    NotMeasured,
}

/// What the lines rest on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rests<'a> {
    pub lag: Lag,
    pub steps: &'a [DeclaredStep<'a>],
    /// How old a backend's figure gets before the next one is known; `None` where the plan doesn't say it as it should.
    pub figures: Option<Millis>,
}

impl Rests<'_> {
    /// How old the figure behind a line gets before the next one is known; `None` for one whose evidence is looked at there and then.
    fn age(self, proof: &Proof) -> Option<Millis> {
        match proof {
            Proof::Collected(Check::ReplicationLagBelow(_)) => Some(age::of_lag(age::DATABASE_EVERY)),
            Proof::Collected(Check::ErrorRatesBelow(_) | Check::LatencyBelow(_)) => self.figures,
            Proof::Signed
            | Proof::Collected(
                Check::MonitoringInPlace
                | Check::NoDroppedConnections(_)
                | Check::AllTrafficOnTarget
                | Check::StableFor(_)
                | Check::StepReached(_),
            ) => None,
        }
    }
}

pub(super) fn checklist(problems: &mut Problems, at: &At<'_>, rests: Rests<'_>) -> Option<Vec<Item>> {
    let fields = Fields::open(problems, at.clone(), STAGES)?;
    let mut names = Names::new("item");
    let mut found = Vec::new();
    for (key, stage) in STAGES.iter().zip([Stage::PreMigration, Stage::DuringMigration, Stage::PostMigration]) {
        let Some(at) = fields.optional(problems, key) else { continue };
        match reader::list(problems, &at, "items") {
            Some(entries) => found.extend(entries.into_iter().map(|entry| item(problems, &mut names, entry, stage, rests))),
            None => found.push(None),
        }
    }
    if found.is_empty() {
        problems.at(at, "the checklist has no items").allowed(STAGES.join(", ")).warning();
    }
    found.into_iter().collect()
}

fn item(problems: &mut Problems, names: &mut Names, at: At<'_>, stage: Stage, rests: Rests<'_>) -> Option<Item> {
    let fields = Fields::open(problems, at, KEYS)?;
    let id = fields.required(problems, "name", "load-test").and_then(|at| names.take(problems, &at));
    let title = fields.required(problems, "title", "Load testing completed").and_then(|at| reader::title(problems, &at));
    let proof = fields.required(problems, "proof", "signed").and_then(|at| proof(problems, at, rests));
    let expires_at = fields.required(problems, "expires", "7d");
    let expires = expires_at.as_ref().and_then(|at| span_within(problems, at, Millis::from_secs(10), EXPIRES_MOST));
    if let (Some(at), Some(expires), Some(age)) = (&expires_at, expires, proof.as_ref().and_then(|proof| rests.age(proof)))
        && expires <= age
    {
        let message = format!(
            "the figure behind this line gets {age} old before the next one is known, so it would stay undone, or be lost again and again"
        );
        problems.at(at, message).allowed(format!("more than {age}")).help(format!("`expires: {}m`", minutes_beyond(age))).warning();
    }
    Some(Item { id: id?, stage, title: title?, proof: proof?, expires: expires? })
}

/// The next whole number of minutes that is more than `age`.
fn minutes_beyond(age: Millis) -> u64 {
    age.0 / 60_000 + 1
}

fn proof(problems: &mut Problems, at: At<'_>, rests: Rests<'_>) -> Option<Proof> {
    if let Value::Text(typed) = &at.node.value {
        if BOUNDED.contains(&typed.as_str()) {
            problems.at(&at, format!("`{typed}` needs its bound")).help(format!("write `{typed}: …` on a line of its own")).error();
            return None;
        }
        return Some(match reader::word(problems, &at, PLAIN)? {
            PlainProof::Signed => Proof::Signed,
            PlainProof::MonitoringInPlace => Proof::Collected(Check::MonitoringInPlace),
            PlainProof::AllTrafficOnTarget => Proof::Collected(Check::AllTrafficOnTarget),
        });
    }
    let fields = Fields::open(problems, at, BOUNDED)?;
    let mut checks = Vec::new();
    for key in BOUNDED {
        if let Some(at) = fields.optional(problems, key) {
            checks.push(check(problems, &at, key, rests));
        }
    }
    if checks.len() != 1 {
        let words: Vec<_> = PLAIN.iter().map(|(word, _)| *word).chain(BOUNDED.iter().copied()).collect();
        problems.at(fields.at(), "an item has one proof").allowed(words.join(", ")).error();
        return None;
    }
    checks.pop()?.map(Proof::Collected)
}

fn check(problems: &mut Problems, at: &At<'_>, key: &str, rests: Rests<'_>) -> Option<Check> {
    match key {
        "error_rates_below" => reader::quantity(problems, at, units::FRACTION_ALLOWED, units::fraction).map(Check::ErrorRatesBelow),
        "latency_below" => {
            let span = span_within(problems, at, Millis(1), Millis::from_mins(10))?;
            Some(Check::LatencyBelow(span.0 as f64))
        }
        "replication_lag_below" => {
            if rests.lag == Lag::NotMeasured {
                let message = "this plan describes no database whose lag could be measured";
                problems.at(at, message).help("add `database: …`, or make the item `proof: signed`").error();
            }
            span_within(problems, at, Millis(100), BOUND_MOST).map(Check::ReplicationLagBelow)
        }
        "no_dropped_connections" => span_within(problems, at, Millis::from_secs(10), BOUND_MOST).map(Check::NoDroppedConnections),
        "stable_for" => span_within(problems, at, Millis::from_secs(10), BOUND_MOST).map(Check::StableFor),
        "step" => {
            let known: Vec<&str> = rests.steps.iter().map(|step| step.name).collect();
            name::reference(problems, at, "step", &known).map(Check::StepReached)
        }
        // The caller walks the same list of keys that opened the mapping.
        _ => None,
    }
}
