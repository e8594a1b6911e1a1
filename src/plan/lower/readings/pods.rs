//! The pages of a backend's own pods: where each shows it, and what on it is counted. Names are those of a preset, or the plan's own, whose
//! defaults are the usual ones.

use crate::{
    domain::shown::Shown,
    plan::{
        document::Value,
        lower::readings::{Behind, UNITS},
        model::{
            WorkloadRef,
            readings::{LatencyUnit, PodLatency, PodPages},
        },
        preset::{Own, PRESETS, Preset},
        reader::{self, At, Fields, Problems},
    },
};

const KEYS: &[&str] =
    &["port", "path", "preset", "requests", "status_label", "failed_when", "latency", "latency_unit", "dropped", "exclude_paths"];
const EXCLUDE_KEYS: &[&str] = &["label", "begins"];
/// What a preset says by itself.
const WRITTEN: &[&str] = &["requests", "status_label", "failed_when", "latency", "latency_unit", "dropped"];
const LIST_MAX: usize = 20;
const TEXT_CHARS_MAX: usize = 100;

pub(super) fn readings(problems: &mut Problems, at: At<'_>, behind: Behind<'_>) -> Option<PodPages> {
    let fields = Fields::open(problems, at, KEYS)?;
    if let Some(WorkloadRef::CloudRunService { .. }) = behind.workload {
        let message = "Cloud Run lets nobody ask one instance by its name, so its pages can't be read one by one";
        problems.at(fields.at(), message).help("use `load_balancer: {}`, or `prometheus: { … }`").error();
        return None;
    }
    let port_at = fields.required(problems, "port", "8080");
    let port = port_at.and_then(|at| reader::count(problems, &at, 1, u64::from(u16::MAX))).and_then(|port| u16::try_from(port).ok());
    let path = match fields.optional(problems, "path") {
        Some(at) => path(problems, &at),
        None => Some(Shown::new("/metrics")),
    };
    let without = match fields.optional(problems, "exclude_paths") {
        Some(at) => exclude(problems, at),
        None => Some(Vec::new()),
    };
    let pages = if fields.has("preset") { by_preset(problems, &fields) } else { by_names(problems, &fields) };
    let pages = pages?;
    let without = [pages.without, without?].concat();
    Some(PodPages { port: port?, path: path?, without, ..pages })
}

/// Port and path are put in by whoever calls this.
fn of(requests: Shown) -> PodPages {
    PodPages {
        port: 0,
        path: Shown::new("/"),
        preset: None,
        requests,
        status_label: None,
        failed_when: Vec::new(),
        latency: None,
        dropped: None,
        only: Vec::new(),
        without: Vec::new(),
    }
}

fn by_preset(problems: &mut Problems, fields: &Fields<'_>) -> Option<PodPages> {
    for key in WRITTEN {
        if let Some(at) = fields.entry(key) {
            let message = format!("`{key}` is said by the preset");
            problems.at(&at, message).allowed("`preset`, or names of the plan's own").help("remove one of them").error();
        }
    }
    let names: Vec<(&str, &Preset)> = PRESETS.iter().map(|preset| (preset.name, preset)).collect();
    let at = fields.optional(problems, "preset")?;
    let preset = reader::word(problems, &at, &names)?;
    // One counter has to tell both how many came and how they ended.
    let told = preset.failures.as_ref().filter(|told| told.of.family == preset.requests.family);
    let Some(told) = told else {
        let message =
            format!("what `{}` exports is not that of a pod's own program, or has no counter that tells how requests ended", preset.name);
        problems.at(&at, message).help("use it with `prometheus: { … }`, or name the families").error();
        return None;
    };
    let own = |is: fn(&Own) -> Option<(Shown, Shown)>| preset.requests.own.iter().filter_map(is).collect();
    Some(PodPages {
        preset: Some(Shown::new(preset.name)),
        status_label: Some(Shown::new(told.status)),
        failed_when: vec![Shown::new("5xx")],
        latency: preset.latency.as_ref().map(|latency| PodLatency { family: Shown::new(latency.family), unit: latency.unit }),
        only: own(|own| match own {
            Own::Is(label, value) => Some((Shown::new(label), Shown::new(value))),
            Own::NotBelow(..) => None,
        }),
        without: own(|own| match own {
            Own::NotBelow(label, begins) => Some((Shown::new(label), Shown::new(begins))),
            Own::Is(..) => None,
        }),
        ..of(Shown::new(preset.requests.family))
    })
}

fn by_names(problems: &mut Problems, fields: &Fields<'_>) -> Option<PodPages> {
    let family = |problems: &mut Problems, key: &'static str| match fields.optional(problems, key) {
        Some(at) => name(problems, &at).map(Some),
        None => Some(None),
    };
    let (requests, status_label) = (family(problems, "requests"), family(problems, "status_label"));
    let (latency, dropped) = (family(problems, "latency"), family(problems, "dropped"));
    let failed_when = match fields.optional(problems, "failed_when") {
        Some(at) => texts(problems, &at, "5xx"),
        None => Some(Vec::new()),
    };
    if let (Some(at), Some(None)) = (fields.entry("failed_when"), &status_label) {
        problems.at(&at, "in which label that stands is missing").help("add `status_label: code`").error();
        return None;
    }
    let unit_at = fields.optional(problems, "latency_unit");
    let unit = match &unit_at {
        Some(at) => reader::word(problems, at, UNITS).map(Some),
        None => Some(None),
    };
    let unit = match (&latency, unit?) {
        (_, Some(unit)) => unit,
        // A family whose name says its unit leaves no question.
        (Some(Some(family)), None) if family.as_str().ends_with("_seconds") => LatencyUnit::Seconds,
        (Some(Some(family)), None) if family.as_str().ends_with("_milliseconds") => LatencyUnit::Milliseconds,
        (Some(Some(_)), None) => {
            let message = "`latency_unit` is missing: are these buckets seconds or milliseconds?";
            problems.at(fields.at(), message).allowed("s, ms").help("add `latency_unit: s`, or `latency_unit: ms`").error();
            return None;
        }
        (Some(None) | None, None) => LatencyUnit::Seconds,
    };
    let usual = |given: Option<Shown>, usual: &str| given.unwrap_or_else(|| Shown::new(usual));
    Some(PodPages {
        status_label: status_label?,
        failed_when: failed_when?,
        latency: Some(PodLatency { family: usual(latency?, "http_request_duration_seconds"), unit }),
        dropped: Some(usual(dropped?, "http_connections_dropped_total")),
        ..of(usual(requests?, "http_requests_total"))
    })
}

/// The name of a family or a label.
pub(in crate::plan::lower) fn name(problems: &mut Problems, at: &At<'_>) -> Option<Shown> {
    let text = reader::text(problems, at)?;
    let first = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ':');
    if text.len() <= TEXT_CHARS_MAX && text.starts_with(first) && text.chars().all(|c| first(c) || c.is_ascii_digit()) {
        return Some(Shown::new(text));
    }
    problems.at(at, format!("`{text}` is no name of a family or label")).allowed("letters, digits, _ and :, no digit first").error();
    None
}

fn path(problems: &mut Problems, at: &At<'_>) -> Option<Shown> {
    let text = reader::text(problems, at)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.' | '~');
    if text.len() <= TEXT_CHARS_MAX && text.starts_with('/') && text.chars().all(plain) && !text.split('/').any(|part| part == "..") {
        return Some(Shown::new(text));
    }
    problems.at(at, format!("`{text}` is no path of a page")).allowed("/ and plain characters, such as /actuator/prometheus").error();
    None
}

/// A list of plain words, such as a label holds.
fn texts(problems: &mut Problems, at: &At<'_>, example: &str) -> Option<Vec<Shown>> {
    let entries = match &at.node.value {
        Value::List(_) => reader::list(problems, at, "texts")?,
        Value::Empty | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::Map(_) => vec![at.clone()],
    };
    if entries.len() > LIST_MAX {
        problems.at(at, format!("{} entries", entries.len())).allowed(format!("at most {LIST_MAX}")).error();
        return None;
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.' | '~' | ':');
    let mut word = |at: &At<'_>| {
        let text = match &at.node.value {
            Value::Integer(number) => number.to_string(),
            Value::Empty | Value::Bool(_) | Value::Float(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => {
                reader::text(problems, at)?.to_owned()
            }
        };
        if text.len() <= TEXT_CHARS_MAX && text.chars().all(plain) {
            return Some(Shown::new(&text));
        }
        problems.at(at, format!("`{text}` is compared as it stands")).allowed(format!("plain characters, such as {example}")).error();
        None
    };
    entries.iter().map(&mut word).collect()
}

fn exclude(problems: &mut Problems, at: At<'_>) -> Option<Vec<(Shown, Shown)>> {
    let fields = Fields::open(problems, at, EXCLUDE_KEYS)?;
    let label = fields.required(problems, "label", "path").and_then(|at| name(problems, &at));
    let begins = fields.required(problems, "begins", "[/health, /metrics]").and_then(|at| texts(problems, &at, "/health"));
    let label = label?;
    Some(begins?.into_iter().map(|begins| (label.clone(), begins)).collect())
}
