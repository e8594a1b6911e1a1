//! Steps of a phase: what one outside thing is to be, what it needs first, and who has to want it.

use strum::EnumCount;

use crate::{
    domain::{
        id::{ItemId, StepId},
        shown::Shown,
        time::Millis,
    },
    plan::{
        lower::{
            declared::Declared,
            name::{self, Names},
            some_share, span_within,
        },
        model::steps::{Consent, Desired, Need, Step},
        reader::{self, At, Fields, Problems},
    },
};

mod platform;
mod sql;

const KEYS: &[&str] = &[
    "name",
    "title",
    "sql_backup",
    "sql_high_availability",
    "sql_replica",
    "gke_cluster",
    "address",
    "home_floor",
    "needs",
    "consent",
    "patience",
    "owner",
    "expected",
];
/// Of these each step has one.
const KINDS: &[Kind] = &[
    Kind { key: "sql_backup", lower: sql::backup },
    Kind { key: "sql_high_availability", lower: sql::high_availability },
    Kind { key: "sql_replica", lower: sql::replica },
    Kind { key: "gke_cluster", lower: platform::gke_cluster },
    Kind { key: "address", lower: platform::address },
    Kind { key: "home_floor", lower: platform::home_floor },
];
const CONSENTS: &[(&str, Consent); Consent::COUNT] = &[("alone", Consent::Alone), ("second_person", Consent::SecondPerson)];
/// Longest that one piece of work of a vendor is waited for.
const PATIENCE_MOST: Millis = Millis::from_mins(7 * 24 * 60);

/// What a step can want: the key that says so, and what is read below it.
struct Kind {
    key: &'static str,
    lower: fn(&mut Problems, At<'_>) -> Option<Desired>,
}

pub(super) fn steps(problems: &mut Problems, names: &mut Names, at: &At<'_>, declared: &Declared<'_>) -> Option<Vec<Step>> {
    let entries = reader::list(problems, at, "steps")?;
    let found: Vec<_> = entries.into_iter().map(|entry| step(problems, names, entry, declared)).collect();
    found.into_iter().collect()
}

fn step(problems: &mut Problems, names: &mut Names, at: At<'_>, declared: &Declared<'_>) -> Option<Step> {
    let fields = Fields::open(problems, at, KEYS)?;
    let id: Option<StepId> = fields.required(problems, "name", "backup").and_then(|at| names.take(problems, &at));
    let title = fields.required(problems, "title", "Backup before anything moves").and_then(|at| reader::title(problems, &at));
    let desired = desired(problems, &fields);
    let needs = match fields.optional(problems, "needs") {
        Some(at) => needs(problems, &at, id.as_ref(), declared),
        None => Some(Vec::new()),
    };
    let consent = match fields.optional(problems, "consent") {
        Some(at) => reader::word(problems, &at, CONSENTS),
        None => Some(Consent::Alone),
    };
    let patience = fields.required(problems, "patience", "30m");
    let patience = patience.and_then(|at| span_within(problems, &at, Millis::from_secs(10), PATIENCE_MOST));
    let owner: Option<Option<Shown>> = match fields.optional(problems, "owner") {
        Some(at) => reader::title(problems, &at).map(Some),
        None => Some(None),
    };
    let expected = match fields.optional(problems, "expected") {
        Some(at) => span_within(problems, &at, Millis::from_secs(1), PATIENCE_MOST).map(Some),
        None => Some(None),
    };
    Some(Step {
        id: id?,
        title: title?,
        desired: desired?,
        needs: needs?,
        consent: consent?,
        patience: patience?,
        owner: owner?,
        expected: expected?,
    })
}

/// What the step wants: exactly one of its kinds.
fn desired(problems: &mut Problems, fields: &Fields<'_>) -> Option<Desired> {
    let mut wanted: Vec<(&Kind, At<'_>)> = Vec::new();
    for kind in KINDS {
        wanted.extend(fields.optional(problems, kind.key).map(|at| (kind, at)));
    }
    let [(kind, at)] = wanted.as_slice() else {
        let message = if wanted.is_empty() { "this step does not say what it wants" } else { "this step wants two things" };
        let keys: Vec<&str> = KINDS.iter().map(|kind| kind.key).collect();
        let help = (!wanted.is_empty()).then(|| "make each a step of its own".to_owned());
        problems.at(fields.at(), message).allowed(format!("one of {}", keys.join(", "))).maybe_help(help).error();
        return None;
    };
    (kind.lower)(problems, at.clone())
}

fn needs(problems: &mut Problems, at: &At<'_>, own: Option<&StepId>, declared: &Declared<'_>) -> Option<Vec<Need>> {
    let found: Vec<_> = reader::list(problems, at, "needs")?.into_iter().map(|entry| need(problems, entry, own, declared)).collect();
    found.into_iter().collect()
}

fn need(problems: &mut Problems, at: At<'_>, own: Option<&StepId>, declared: &Declared<'_>) -> Option<Need> {
    let place = at.clone();
    let fields = Fields::open(problems, at, &["step", "line", "route", "away"])?;
    let step = fields.optional(problems, "step");
    let line = fields.optional(problems, "line");
    let route = fields.optional(problems, "route");
    let away = fields.optional(problems, "away");
    match (step, line, route, away) {
        (Some(at), None, None, None) => {
            let known: Vec<&str> = declared.steps.iter().map(|step| step.name).collect();
            let id: StepId = name::reference(problems, &at, "step", &known)?;
            no_circle(problems, &at, id.as_str(), own, declared)?;
            Some(Need::Step(id))
        }
        (None, Some(at), None, None) => {
            let known: Vec<&str> = declared.items.iter().map(|item| item.name).collect();
            let id: ItemId = name::reference(problems, &at, "checklist line", &known)?;
            if let Some(step) = declared.step_of_line(id.as_str()) {
                no_circle(problems, &at, step, own, declared)?;
            }
            Some(Need::Line(id))
        }
        (None, None, Some(route), Some(away)) => {
            let route = name::reference(problems, &route, "route", &declared.route_names());
            let away_min = some_share(problems, &away);
            Some(Need::Share { route: route?, away_min: away_min? })
        }
        (_, _, _, _) => {
            let allowed = "`step: NAME`, `line: NAME` of the checklist, or `route: NAME` with `away: SHARE`, one a line";
            problems.at(&place, "this need is none that the program knows").allowed(allowed).error();
            None
        }
    }
}

/// Nothing where a step that this one needs rests on this one itself.
fn no_circle(problems: &mut Problems, at: &At<'_>, needed: &str, own: Option<&StepId>, declared: &Declared<'_>) -> Option<()> {
    let needed = declared.steps.iter().find(|step| step.name == needed)?.name;
    if own.is_none_or(|own| !declared.step_rests_on(needed, own.as_str())) {
        return Some(());
    }
    let message = format!("`{needed}` needs this step itself, so neither could ever begin");
    problems.at(at, message).allowed("needs without a circle").error();
    None
}
