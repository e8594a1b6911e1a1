//! Queries by the name of an exporter: what a plan would write out, written by the table in [`crate::plan::preset`].

use std::collections::BTreeMap;

use crate::{
    domain::{metric::Metric, shown::Shown, time::Millis},
    plan::{
        document::Value,
        lower::{readings::window_fits, span_within},
        model::readings::{Author, Latencies, Readings, Source},
        preset::{Own, PRESETS, Preset},
        promql,
        reader::{self, At, Fields, Problems},
        units,
    },
};

/// What a preset writes by itself.
const WRITTEN: &[&str] = &["requests", "failures", "dropped", "p50_latency", "p95_latency", "p99_latency", "latency_unit", "newest"];
const LABELS_MAX: usize = 10;

pub(super) fn readings(problems: &mut Problems, fields: &Fields<'_>, source: Option<Source>) -> Option<Readings> {
    let names: Vec<(&str, &Preset)> = PRESETS.iter().map(|preset| (preset.name, preset)).collect();
    let preset = fields.required(problems, "preset", "spring_boot").and_then(|at| reader::word(problems, &at, &names));
    for key in WRITTEN {
        if let Some(at) = fields.entry(key) {
            let message = format!("`{key}` is written by the preset");
            problems.at(&at, message).allowed("`preset`, or queries of the plan's own").help("remove one of them").error();
        }
    }
    let labels = fields.required(problems, "labels", "{ job: web }").and_then(|at| labels(problems, &at));
    let window_at = fields.required(problems, "window", "1m");
    let window = window_at.as_ref().and_then(|at| {
        let window = reader::quantity(problems, at, units::SPAN_ALLOWED, units::span)?;
        window_fits(problems, at, window, source.as_ref())?;
        Some(window)
    });
    let top_at = fields.optional(problems, "top_bucket");
    let top_bucket = match &top_at {
        Some(at) => span_within(problems, at, Millis(1), Millis::from_mins(60)).map(Some),
        None => Some(None),
    };
    let preset = preset?;
    if let (Some(at), None) = (&top_at, &preset.latency) {
        problems.at(at, format!("`{}` tells no latencies", preset.name)).help("remove the line").error();
    }
    Some(of(preset, &labels?, window?, source?, top_bucket?))
}

fn of(preset: &Preset, labels: &str, window: Millis, source: Source, top_bucket: Option<Millis>) -> Readings {
    let range = promql::range_text(window);
    let series = |family: &str, own: &[Own], further: Option<String>| {
        let own = own.iter().map(|own| own.matcher()).chain(further).map(|matcher| format!(",{matcher}"));
        format!("{family}{{{labels}{}}}", own.collect::<String>())
    };
    let counted = |family: &str, own: &[Own], further: Option<String>| format!("sum(increase({}[{range}]))", series(family, own, further));
    let latencies = preset.latency.as_ref().map(|told| {
        let buckets = format!("sum by (le) (rate({}[{range}]))", series(&format!("{}_bucket", told.family), told.own, None));
        let quantiles = [(Metric::P50Latency, 0.5), (Metric::P95Latency, 0.95), (Metric::P99Latency, 0.99)];
        let quantile = |of: f64| Shown::new(&format!("histogram_quantile({of}, {buckets})"));
        Latencies {
            quantiles: BTreeMap::from(quantiles.map(|(metric, quantile_of)| (metric, quantile(quantile_of)))),
            unit: told.unit,
            top_bucket: Some(top_bucket.unwrap_or(told.top_bucket)),
        }
    });
    let requests = &preset.requests;
    Readings {
        source,
        author: Author::Preset(Shown::new(preset.name)),
        window,
        requests: Shown::new(&counted(requests.family, requests.own, None)),
        failures: preset.failures.as_ref().map(|told| {
            let failed = counted(told.of.family, told.of.own, Some(format!("{}=~\"{}\"", told.status, told.is)));
            // Where nothing has failed yet there is no series, and that is zero only if answers are told apart by this label.
            let any = counted(told.of.family, told.of.own, Some(format!("{}!=\"\"", told.status)));
            Shown::new(&format!("{failed} or 0 * {any}"))
        }),
        dropped: preset
            .dropped
            .as_ref()
            .map(|dropped| Shown::new(&format!("{} - {}", counted(dropped.taken, &[], None), counted(dropped.answered, &[], None)))),
        latencies,
        newest: Shown::new(&format!("max(timestamp({}))", series(requests.family, requests.own, None))),
    }
}

/// `{ job: web, namespace: shop }` as matchers.
fn labels(problems: &mut Problems, at: &At<'_>) -> Option<String> {
    let pairs = label_pairs(problems, at)?;
    let matchers: Vec<String> = pairs.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
    Some(matchers.join(","))
}

/// Labels with the values that they have to hold.
pub(in crate::plan::lower) fn label_pairs(problems: &mut Problems, at: &At<'_>) -> Option<Vec<(Shown, Shown)>> {
    let Value::Map(entries) = &at.node.value else {
        let message = format!("expected labels with their values, found {}", at.node.value.kind());
        problems.at(at, message).allowed("`{ LABEL: VALUE }`, such as `{ job: web }`").error();
        return None;
    };
    if entries.is_empty() || entries.len() > LABELS_MAX {
        let message = if entries.is_empty() {
            "without a label every series of the server is counted".to_owned()
        } else {
            format!("{} labels", entries.len())
        };
        problems.at(at, message).allowed(format!("from 1 to {LABELS_MAX} labels that only this backend's series have")).error();
        return None;
    }
    let mut pairs = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        let at = At { node: &entry.value, path: reader::join(&at.path, &entry.key) };
        let first = |c: char| c.is_ascii_alphabetic() || c == '_';
        let is_label = entry.key.starts_with(first) && entry.key.chars().all(|c| first(c) || c.is_ascii_digit()) && entry.key != "__name__";
        if !is_label {
            problems.at(&at, format!("`{}` is no label of a series", entry.key)).allowed("letters, digits and _, no digit first").error();
        }
        if entries[..place].iter().any(|earlier| earlier.key == entry.key) {
            problems.at(&at, format!("the label `{}` is written twice", entry.key)).help("remove one of them").error();
        }
        pairs.push(value(problems, &at).filter(|_| is_label).map(|value| (Shown::new(&entry.key), Shown::new(value))));
    }
    pairs.into_iter().collect()
}

fn value<'a>(problems: &mut Problems, at: &At<'a>) -> Option<&'a str> {
    let text = reader::text(problems, at)?;
    if text.chars().all(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\')) {
        return Some(text);
    }
    problems
        .at(at, "a label's value is compared as it stands, and this would end or change it")
        .allowed("plain characters without \" and \\")
        .error();
    None
}
