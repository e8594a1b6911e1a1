//! The names that the file declares, right or wrong in all else: what other parts of it may refer to.

use std::collections::BTreeMap;

use crate::domain::shown::Shown;
use crate::plan::{
    document::{Entry, Node, Value},
    lower::series::DeclaredSeries,
    model::readings::Source,
    reader::At,
};

#[derive(Debug)]
pub(super) struct Declared<'a> {
    pub routes: Vec<DeclaredRoute<'a>>,
    pub items: Vec<DeclaredItem<'a>>,
    pub steps: Vec<DeclaredStep<'a>>,
    /// Servers of figures by their names; `None` for one that has a mistake of its own.
    pub sources: BTreeMap<&'a str, Option<Source>>,
    /// What the plan declares beside the standard figures.
    pub series: DeclaredSeries<'a>,
    /// `None` where the plan has a mistake in it.
    pub project: Option<Shown>,
    pub region: Option<Shown>,
}

/// A line of the checklist.
#[derive(Debug)]
pub(super) struct DeclaredItem<'a> {
    pub name: &'a str,
    pub hour: Hour,
    /// The step that proves it.
    pub step: Option<&'a str>,
}

/// A step of a phase.
#[derive(Debug)]
pub(super) struct DeclaredStep<'a> {
    pub name: &'a str,
    /// Other steps that it needs.
    pub needs: Vec<&'a str>,
    /// Lines of the checklist that it needs.
    pub lines: Vec<&'a str>,
}

/// When a line can be done at the earliest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hour {
    Any,
    /// When all traffic is on the target.
    AfterTheMove,
}

#[derive(Debug)]
pub(super) struct DeclaredRoute<'a> {
    pub name: &'a str,
    pub home: Option<&'a str>,
    pub backends: Vec<DeclaredBackend<'a>>,
}

#[derive(Debug)]
pub(super) struct DeclaredBackend<'a> {
    pub name: &'a str,
    pub metrics: Metrics,
    /// Which sources are asked for its figures.
    pub sources: Vec<&'a str>,
    /// Which declared series it tells.
    pub series: Vec<&'a str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Metrics {
    Told,
    NotTold,
}

impl<'a> Declared<'a> {
    pub(super) fn of(root: &At<'a>) -> Declared<'a> {
        let stages = value(root.node, "checklist");
        let of_stage = |stage: &'static str| items(stages.and_then(|at| value(at, stage))).filter_map(move |node| item(node, stage));
        Declared {
            routes: items(value(root.node, "routes")).filter_map(route).collect(),
            sources: BTreeMap::new(),
            series: Vec::new(),
            project: None,
            region: None,
            steps: items(value(root.node, "phases")).flat_map(|phase| items(value(phase, "steps"))).filter_map(step).collect(),
            items: ["pre_migration", "during_migration", "post_migration"].into_iter().flat_map(of_stage).collect(),
        }
    }
    /// Whether the step `from` rests on the step `to`: by itself, by others, or by lines of the checklist that a step proves.
    pub(super) fn step_rests_on(&self, from: &'a str, to: &str) -> bool {
        let (mut open, mut seen) = (vec![from], vec![from]);
        while let Some(name) = open.pop() {
            if name == to {
                return true;
            }
            let Some(step) = self.steps.iter().find(|step| step.name == name) else { continue };
            for needed in step.needs.iter().copied().chain(step.lines.iter().filter_map(|line| self.step_of_line(line))) {
                if !seen.contains(&needed) {
                    seen.push(needed);
                    open.push(needed);
                }
            }
        }
        false
    }
    /// The step that proves a line of the checklist.
    pub(super) fn step_of_line(&self, line: &str) -> Option<&'a str> {
        self.items.iter().find(|item| item.name == line)?.step
    }
    /// Sources that no backend asks.
    pub(super) fn unused_sources(&self) -> Vec<&'a str> {
        let backends = self.routes.iter().flat_map(|route| &route.backends);
        let asked: Vec<&str> = backends.flat_map(|backend| backend.sources.iter().copied()).collect();
        self.sources.keys().copied().filter(|name| !asked.contains(name)).collect()
    }
    /// Series that some backend tells.
    pub(super) fn fed_series(&self) -> Vec<&'a str> {
        self.routes.iter().flat_map(|route| &route.backends).flat_map(|backend| backend.series.iter().copied()).collect()
    }
    pub(super) fn route(&self, name: &str) -> Option<&DeclaredRoute<'a>> {
        self.routes.iter().find(|route| route.name == name)
    }
    pub(super) fn route_names(&self) -> Vec<&'a str> {
        self.routes.iter().map(|route| route.name).collect()
    }
}

impl<'a> DeclaredRoute<'a> {
    pub(super) fn backend_names(&self) -> Vec<&'a str> {
        self.backends.iter().map(|backend| backend.name).collect()
    }
}

fn route(node: &Node) -> Option<DeclaredRoute<'_>> {
    Some(DeclaredRoute { name: text(node, "name")?, home: text(node, "home"), backends: backends_of(node) })
}

fn step(node: &Node) -> Option<DeclaredStep<'_>> {
    let of = |key| items(value(node, "needs")).filter_map(move |need| text(need, key)).collect();
    Some(DeclaredStep { name: text(node, "name")?, needs: of("step"), lines: of("line") })
}

fn item<'a>(node: &'a Node, stage: &str) -> Option<DeclaredItem<'a>> {
    let proven_late = text(node, "proof") == Some("all_traffic_on_target")
        || value(node, "proof").is_some_and(|proof| value(proof, "stable_for").is_some());
    let hour = if stage == "post_migration" || proven_late { Hour::AfterTheMove } else { Hour::Any };
    let step = value(node, "proof").and_then(|proof| text(proof, "step"));
    Some(DeclaredItem { name: text(node, "name")?, hour, step })
}

/// The backends that the route at `node` declares.
pub(super) fn backends_of(node: &Node) -> Vec<DeclaredBackend<'_>> {
    items(value(node, "backends")).filter_map(backend).collect()
}

fn backend(node: &Node) -> Option<DeclaredBackend<'_>> {
    let told = value(node, "metrics").or_else(|| value(node, "readings")).is_some();
    let metrics = if told { Metrics::Told } else { Metrics::NotTold };
    let asked = value(node, "readings").and_then(|readings| value(readings, "prometheus"));
    let told: &[Entry] = match value(node, "series").map(|node| &node.value) {
        Some(Value::Map(entries)) => entries,
        Some(Value::Empty | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::List(_)) | None => &[],
    };
    let sources = asked.into_iter().chain(told.iter().map(|entry| &entry.value)).filter_map(|asked| text(asked, "source")).collect();
    let series = told.iter().map(|entry| entry.key.as_str()).collect();
    Some(DeclaredBackend { name: text(node, "name")?, metrics, sources, series })
}

fn value<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    match &node.value {
        Value::Map(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value),
        Value::Empty | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::List(_) => None,
    }
}

fn items(node: Option<&Node>) -> impl Iterator<Item = &Node> {
    let nodes: &[Node] = match node.map(|node| &node.value) {
        Some(Value::List(nodes)) => nodes,
        Some(Value::Empty | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::Map(_)) | None => &[],
    };
    nodes.iter()
}

fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    match value(node, key).map(|node| &node.value) {
        Some(Value::Text(text)) => Some(text),
        Some(Value::Empty | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::List(_) | Value::Map(_)) | None => None,
    }
}
