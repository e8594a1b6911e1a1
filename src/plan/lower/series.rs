//! Figures that the plan declares beside the standard ones, and where each backend tells them: a query of its own, or a gauge on the pages
//! that its other figures come from.

use strum::EnumCount;

use crate::{
    domain::{
        id::BackendId,
        metric::{Metric, Unit},
        series::{Bad, NAME_CHARS_MAX, Over, Series},
        shown::Shown,
    },
    plan::{
        document::Value,
        lower::readings::{self, Sources, pods, preset},
        model::readings::{Asked, Feed, FeedSource, Gauge},
        reader::{self, At, Fields, Problems},
    },
};

const KEYS: &[&str] = &["name", "unit", "bad"];
const FEED_KEYS: &[&str] = &["source", "query", "newest", "gauge", "labels", "over"];
const ASKED_KEYS: &[&str] = &["source", "query", "newest"];
const GAUGE_KEYS: &[&str] = &["gauge", "labels", "over"];
const OVERS: &[(&str, Over); Over::COUNT] = &[("sum", Over::Sum), ("max", Over::Max), ("min", Over::Min), ("mean", Over::Mean)];
/// More than these nobody looks at, and each is asked for all the time.
const SERIES_MAX: usize = 20;

/// What is declared, in the plan's order; `None` for a series that has a mistake of its own, so that who refers to it is not called wrong.
pub(super) type DeclaredSeries<'a> = Vec<(&'a str, Option<Series>)>;

pub(super) fn declared<'a>(problems: &mut Problems, at: &At<'a>) -> DeclaredSeries<'a> {
    let entries = reader::list(problems, at, "series").unwrap_or_default();
    if entries.len() > SERIES_MAX {
        problems.at(at, format!("{} series", entries.len())).allowed(format!("at most {SERIES_MAX}")).error();
    }
    let mut found: DeclaredSeries<'a> = Vec::new();
    for entry in entries {
        let Some((name, series)) = one(problems, entry.clone()) else { continue };
        if found.iter().any(|(known, _)| *known == name) {
            problems
                .at(&entry, format!("the series `{name}` is declared twice"))
                .allowed("each name once")
                .help("remove one of them")
                .error();
        }
        // Of two that have one name, neither is known to be meant.
        found.push((name, series.filter(|_| !found.iter().any(|(known, _)| *known == name))));
    }
    found
}

fn one<'a>(problems: &mut Problems, at: At<'a>) -> Option<(&'a str, Option<Series>)> {
    let fields = Fields::open(problems, at, KEYS)?;
    let name_at = fields.required(problems, "name", "queue-depth");
    let units = Unit::ALL.map(|unit| (unit.name(), unit));
    let unit = fields.required(problems, "unit", "count").and_then(|at| reader::word(problems, &at, &units));
    let sides = Bad::ALL.map(|bad| (bad.name(), bad));
    let bad = fields.required(problems, "bad", "above").and_then(|at| reader::word(problems, &at, &sides));
    let at = name_at?;
    let name = reader::text(problems, &at)?;
    if let Some(standard) = Metric::STANDARD.iter().find(|metric| metric.name().replace('_', "-") == name.replace('_', "-")) {
        let message = format!("every backend has a figure called `{}` already", standard.name());
        problems.at(&at, message).allowed("a name of its own").error();
        return Some((name, None));
    }
    // Unit and side are asked for above; whether the name is one does not depend on them.
    if let Err(error) = Series::new(name, Unit::Count, Bad::Above) {
        let allowed = format!("1 to {NAME_CHARS_MAX} of a-z 0-9 -, such as queue-depth");
        problems.at(&at, format!("`{name}` is no name: {error}")).allowed(allowed).error();
        return Some((name, None));
    }
    let series = unit.zip(bad).and_then(|(unit, bad)| Series::new(name, unit, bad).ok());
    Some((name, series))
}

/// Says at its own place that no backend tells a series.
pub(super) fn remark_on_unfed(problems: &mut Problems, at: &At<'_>, fed: &[&str]) {
    let Value::List(nodes) = &at.node.value else { return };
    for (place, node) in nodes.iter().enumerate() {
        let Value::Map(entries) = &node.value else { continue };
        let Some(entry) = entries.iter().find(|entry| entry.key == "name") else { continue };
        if let Value::Text(name) = &entry.value.value
            && !fed.contains(&name.as_str())
        {
            let at = At { node: &entry.value, path: format!("{}[{place}].name", at.path) };
            let help = format!("remove it, or add `series: {{ {name}: {{ source: …, query: … }} }}` to a backend");
            problems.at(&at, format!("no backend tells the series `{name}`")).help(help).warning();
        }
    }
}

/// What a backend is to the series that it tells.
#[derive(Clone, Copy)]
pub(super) struct Telling<'a> {
    pub declared: &'a DeclaredSeries<'a>,
    pub sources: &'a Sources<'a>,
    pub pages: Pages,
}

/// Whether pages of the backend are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pages {
    Read,
    NotRead,
}

/// What `NAME: { … }` under a backend's `series` comes to.
pub(super) fn feeds(problems: &mut Problems, at: &At<'_>, telling: Telling<'_>) -> Option<Vec<Feed>> {
    let Value::Map(entries) = &at.node.value else {
        let message = format!("expected declared series by their names, found {}", at.node.value.kind());
        problems.at(at, message).allowed("`NAME: { source: …, query: … }` or `NAME: { gauge: …, over: sum }`").error();
        return None;
    };
    let names: Vec<&str> = telling.declared.iter().filter(|(_, series)| series.is_some()).map(|(name, _)| *name).collect();
    let mut found = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        let at = At { node: &entry.value, path: reader::join(&at.path, &entry.key) };
        if entries[..place].iter().any(|earlier| earlier.key == entry.key) {
            problems.at(&at, format!("the series `{}` is told twice", entry.key)).help("remove one of them").error();
        }
        let known = telling.declared.iter().find(|(name, _)| *name == entry.key);
        if known.is_none() {
            let message = format!("the plan declares no series `{}`", entry.key);
            let note = problems.at(&at, message);
            let note = if names.is_empty() {
                note.help(format!("add at the top of the plan: `series: [{{ name: {}, unit: count, bad: above }}]`", entry.key))
            } else {
                note.one_of(&entry.key, &names)
            };
            note.error();
        }
        let from = feed(problems, at, telling);
        found.push(known.and_then(|(_, series)| Some(Feed { series: (*series)?, from: from? })));
    }
    found.into_iter().collect()
}

fn feed(problems: &mut Problems, at: At<'_>, telling: Telling<'_>) -> Option<FeedSource> {
    let fields = Fields::open(problems, at, FEED_KEYS)?;
    let has = |keys: &[&'static str]| keys.iter().any(|key| fields.has(key));
    match (has(ASKED_KEYS), has(GAUGE_KEYS)) {
        (true, true) => {
            let message = "a series comes from a query or from a gauge on a page, and here stand both";
            problems.at(fields.at(), message).allowed("`source` and `query`, or `gauge` and `over`").help("keep one of them").error();
            None
        }
        (false, true) => gauge(problems, &fields, telling.pages).map(FeedSource::Gauge),
        (true | false, false) => asked(problems, &fields, telling.sources).map(FeedSource::Asked),
    }
}

fn asked(problems: &mut Problems, fields: &Fields<'_>, sources: &Sources<'_>) -> Option<Asked> {
    let source = fields.required(problems, "source", "NAME").and_then(|at| readings::source(problems, &at, sources));
    let query_at = fields.required(problems, "query", "sum(http_requests_in_flight{…})");
    let query = query_at.as_ref().and_then(|at| readings::query(problems, at));
    let newest = match fields.optional(problems, "newest") {
        Some(at) => readings::query(problems, &at).map(|query| query.text),
        None => {
            let series = query.as_ref().and_then(|query| query.first_series());
            if let (Some(_), None, Some(at)) = (&query, &series, &query_at) {
                let message = "`newest` is missing, and the query doesn't tell which series it begins with";
                problems.at(at, message).help("add `newest: max(timestamp(http_requests_in_flight{…}))`").error();
            }
            series.map(|series| format!("max(timestamp({series}))"))
        }
    };
    Some(Asked { source: source?, query: Shown::new(&query?.text), newest: Shown::new(&newest?) })
}

fn gauge(problems: &mut Problems, fields: &Fields<'_>, pages: Pages) -> Option<Gauge> {
    let family_at = fields.required(problems, "gauge", "http_requests_in_flight");
    let family = family_at.as_ref().and_then(|at| pods::name(problems, at));
    if let (Some(at), Some(family)) = (&family_at, &family)
        && ["_total", "_count", "_sum", "_bucket"].iter().any(|end| family.as_str().ends_with(end))
    {
        let message = format!("`{family}` is a counter by its name, which only grows, and a gauge is taken as it stands");
        problems.at(at, message).help("ask a Prometheus for its `rate`, by `source` and `query`").error();
    }
    if let (Pages::NotRead, Some(at)) = (pages, &family_at) {
        let message = "no page of this backend is read, so nothing on one can be told";
        let help = "add `metrics: https://…/metrics` or `readings: { pods: { port: … } }` to the backend, or use `source` and `query`";
        problems.at(at, message).help(help).error();
    }
    let labels = match fields.optional(problems, "labels") {
        Some(at) => preset::label_pairs(problems, &at),
        None => Some(Vec::new()),
    };
    let over = fields.required(problems, "over", "sum").and_then(|at| reader::word(problems, &at, OVERS));
    Some(Gauge { family: family?, labels: labels?, over: over? })
}

/// What backends of one route ask so far: one query tells of one of them.
#[derive(Default)]
pub(super) struct AskedSoFar(Vec<(BackendId, Asked)>);

impl AskedSoFar {
    /// Notes where a backend asks for what another one asks for already.
    pub(super) fn take(&mut self, problems: &mut Problems, at: &At<'_>, id: &BackendId, feeds: &[Feed]) {
        for feed in feeds {
            let FeedSource::Asked(asked) = &feed.from else { continue };
            let same = |known: &&(BackendId, Asked)| known.1.source == asked.source && known.1.query == asked.query && known.0 != *id;
            if let Some((other, _)) = self.0.iter().find(same) {
                let message = format!("`{}` asks for the same as backend `{other}` does; each would be judged by both", feed.series.name());
                problems.at(at, message).allowed("series of its own for each backend of a route").help("compare the labels").error();
            }
            self.0.push((id.clone(), asked.clone()));
        }
    }
}
