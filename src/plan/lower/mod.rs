//! From the tree to the plan: what is written is checked against what it may be and against everything else that is written.
//!
//! Names are collected before anything is lowered, so a trigger of a route that has a mistake of its own is not called dangling.

use std::collections::BTreeMap;

use strum::EnumCount;

use crate::{
    domain::{
        age,
        digest::Digest,
        id::{BackendId, InstanceId, RouteId},
        metric::Metric,
        shown::Shown,
        time::Millis,
        weight::PerMille,
    },
    plan::{
        model::{Backend, Database, DatabaseMode, Limits, Phase, Plan, Route, readings::Cadence},
        reader::{self, At, Fields, Problems},
        units,
    },
};

mod checklist;
mod clusters;
mod declared;
mod expect;
mod http_route;
mod ladder;
mod manifests;
mod map_part;
mod name;
mod readings;
mod route;
mod series;
mod sources;
mod steps;
mod trigger;

use checklist::{Lag, Rests};
use declared::Declared;
use name::Names;

const KEYS: &[&str] = &[
    "name",
    "project",
    "region",
    "universe_domain",
    "clusters",
    "manifests",
    "sources",
    "series",
    "routes",
    "triggers",
    "checklist",
    "database",
    "phases",
    "limits",
];

/// The whole plan, or `None` where a problem was noted that leaves a hole in it.
pub(super) fn plan(problems: &mut Problems, root: &At<'_>, hash: Digest) -> Option<Plan> {
    reader::refuse_expansion(problems, root);
    let fields = Fields::open(problems, root.clone(), KEYS)?;
    let mut declared = Declared::of(root);
    let limits = limits(problems, &fields);
    let name = fields.required(problems, "name", "My migration").and_then(|at| reader::title(problems, &at));
    let project = fields.required(problems, "project", "my-project").and_then(|at| name::project(problems, &at));
    let region = fields.required(problems, "region", "us-central1").and_then(|at| name::region(problems, &at));
    let universe_domain = match fields.optional(problems, "universe_domain") {
        Some(at) => name::universe(problems, &at).map(Some),
        None => Some(None),
    };
    if let Some(at) = fields.optional(problems, "sources") {
        let home = sources::Home { project: project.as_ref(), universe: universe_domain.clone().flatten().unwrap_or_default() };
        declared.sources = sources::sources(problems, &at, &home);
        sources::remark_on_unused(problems, &at, &declared.unused_sources());
    }
    if let Some(at) = fields.optional(problems, "series") {
        declared.series = series::declared(problems, &at);
        series::remark_on_unfed(problems, &at, &declared.fed_series());
    }
    if let Some(at) = fields.optional(problems, "manifests") {
        manifests::named(problems, &at);
    }
    declared.project = project.clone();
    declared.region = region.clone();
    let routes = fields.required(problems, "routes", "[…]").and_then(|at| route::routes(problems, &at, &declared));
    let clusters = match fields.optional(problems, "clusters") {
        Some(at) => {
            // Of routes with a mistake nobody knows where they run.
            if let Some(routes) = &routes {
                clusters::remark_on_unused(problems, &at, routes);
            }
            clusters::clusters(problems, &at)
        }
        None => Some(BTreeMap::new()),
    };
    let scrape_every = limits.as_ref().map(|limits| limits.scrape_every);
    let told = Told { scrape_every, routes: routes.as_deref().unwrap_or_default() };
    let triggers = match fields.required(problems, "triggers", "[…]") {
        Some(at) => trigger::triggers(problems, &at, &declared, told),
        None => None,
    };
    let lag = if fields.has("database") { Lag::Measured } else { Lag::NotMeasured };
    let checklist = match fields.required(problems, "checklist", "{…}") {
        Some(at) => checklist::checklist(problems, &at, Rests { lag, steps: &declared.steps, figures: told.age() }),
        None => None,
    };
    let database = match fields.optional(problems, "database") {
        Some(at) => database(problems, at).map(Some),
        None => Some(None),
    };
    let phases = fields.required(problems, "phases", "[…]").and_then(|at| phases(problems, &at, &declared));
    Some(Plan {
        name: name?,
        hash,
        project: project?,
        region: region?,
        series: declared.series.iter().map(|(_, series)| *series).collect::<Option<_>>()?,
        universe_domain: universe_domain?,
        clusters: clusters?,
        manifests: Vec::new(), // `bundle` puts in what they hold
        routes: routes?,
        triggers: triggers?,
        checklist: checklist?,
        database: database?,
        phases: phases?,
        limits: limits?,
    })
}

/// How figures come, as far as that is known already.
#[derive(Clone, Copy)]
struct Told<'a> {
    scrape_every: Option<Millis>,
    /// Those without a mistake.
    routes: &'a [Route],
}

impl Told<'_> {
    fn backend(&self, route: &RouteId, id: &BackendId) -> Option<&Backend> {
        self.routes.iter().find(|known| known.id == *route)?.backend(id)
    }
    /// Where the plan doesn't say how often it looks, no time is too short.
    fn cadence(&self, backend: Option<&Backend>) -> Cadence {
        let every = self.scrape_every.unwrap_or(Millis(1));
        backend.and_then(|backend| backend.readings.as_ref()).map_or(Cadence::of_page(every), |readings| Cadence::of(readings, every))
    }
    /// The same of one figure.
    fn cadence_of(&self, backend: Option<&Backend>, metric: Option<Metric>) -> Cadence {
        let feed = match metric {
            Some(Metric::Declared(series)) => backend.and_then(|backend| backend.feed(series)),
            Some(_) | None => None,
        };
        feed.map_or_else(|| self.cadence(backend), |feed| Cadence::of_feed(feed, self.scrape_every.unwrap_or(Millis(1))))
    }
    /// How old a figure gets before the next one is known, of the backend whose figures come latest.
    fn age(&self) -> Option<Millis> {
        let every = self.scrape_every?;
        let latest = self.routes.iter().flat_map(|route| &route.backends).map(|backend| self.cadence(Some(backend)).lateness).max();
        Some(Millis(age::of_figures(every).0 + latest.map_or(0, |latest| latest.0)))
    }
}

const LIMIT_KEYS: &[&str] = &["scrape_every", "read_every", "home_ready_min"];
/// Five seconds between scrapes keep the time from breach to rollback within the trigger's own duration plus nine seconds.
const SCRAPE_EVERY: Millis = Millis::from_secs(5);
/// Somebody else's change of the weights is to be seen within 15 s; three reads fit into that.
const READ_EVERY: Millis = Millis::from_secs(5);

fn limits(problems: &mut Problems, fields: &Fields<'_>) -> Option<Limits> {
    let Some(at) = fields.optional(problems, "limits") else {
        return Some(Limits { scrape_every: SCRAPE_EVERY, read_every: READ_EVERY, home_ready_min: PerMille::ALL });
    };
    let fields = Fields::open(problems, at, LIMIT_KEYS)?;
    let scrape_every = match fields.optional(problems, "scrape_every") {
        Some(at) => span_within(problems, &at, Millis::from_secs(1), Millis::from_mins(1)),
        None => Some(SCRAPE_EVERY),
    };
    let read_every = match fields.optional(problems, "read_every") {
        Some(at) => span_within(problems, &at, Millis::from_secs(1), Millis::from_secs(15)),
        None => Some(READ_EVERY),
    };
    let home_ready_min = match fields.optional(problems, "home_ready_min") {
        Some(at) => some_share(problems, &at),
        None => Some(PerMille::ALL),
    };
    Some(Limits { scrape_every: scrape_every?, read_every: read_every?, home_ready_min: home_ready_min? })
}

const DATABASE_KEYS: &[&str] = &["mode", "primary", "replicas", "lag_max"];
const MODES: &[(&str, DatabaseMode); DatabaseMode::COUNT] =
    &[("shared", DatabaseMode::Shared), ("switchover", DatabaseMode::Switchover), ("promote", DatabaseMode::Promote)];

fn database(problems: &mut Problems, at: At<'_>) -> Option<Database> {
    let fields = Fields::open(problems, at, DATABASE_KEYS)?;
    let mode_at = fields.required(problems, "mode", "shared");
    let mode = mode_at.as_ref().and_then(|at| reader::word(problems, at, MODES));
    let mut names = Names::new("instance");
    let primary = match fields.required(problems, "primary", "my-instance") {
        Some(at) => instance(problems, &mut names, &at),
        None => None,
    };
    let replicas = match fields.optional(problems, "replicas") {
        Some(at) => replicas(problems, &mut names, &at),
        None => Some(Vec::new()),
    };
    let lag_max = fields.required(problems, "lag_max", "1s");
    let lag_max = lag_max.and_then(|at| span_within(problems, &at, Millis(100), Millis::from_mins(10)));
    let (Some(mode_at), Some(mode), Some(replicas)) = (mode_at, mode, replicas) else {
        return None;
    };
    if mode != DatabaseMode::Shared && replicas.is_empty() {
        let message = "this mode needs a replica to move to, and the plan names none";
        problems.at(&mode_at, message).help("add `replicas: [my-replica]`, or use `mode: shared`").error();
    }
    if mode == DatabaseMode::Promote {
        let message = "a promotion is a point of no return: it can't be undone, and traffic rollback is disarmed after it";
        let help = "this program shows the replica and does not promote it; use `shared` unless the database itself has to move";
        problems.at(&mode_at, message).help(help).warning();
    }
    Some(Database { mode, primary: primary?, replicas, lag_max: lag_max? })
}

fn replicas(problems: &mut Problems, names: &mut Names, at: &At<'_>) -> Option<Vec<InstanceId>> {
    let found: Vec<_> = reader::list(problems, at, "instance names")?.iter().map(|at| instance(problems, names, at)).collect();
    found.into_iter().collect()
}

fn instance(problems: &mut Problems, names: &mut Names, at: &At<'_>) -> Option<InstanceId> {
    name::resource(problems, at, name::SQL_INSTANCE)?;
    names.take(problems, at)
}

const PHASE_KEYS: &[&str] = &["name", "title", "from", "to", "steps"];

fn phases(problems: &mut Problems, at: &At<'_>, declared: &Declared<'_>) -> Option<Vec<Phase>> {
    let mut names = (Names::new("phase"), Names::new("step"));
    let entries = reader::list(problems, at, "phases")?;
    let mut found = Vec::new();
    for entry in &entries {
        found.push(phase(problems, &mut names, entry.clone(), declared));
    }
    let phases: Vec<Phase> = found.into_iter().collect::<Option<_>>()?;
    for (place, (phase, entry)) in phases.iter().zip(&entries).enumerate() {
        let expected = if place == 0 { PerMille::ZERO } else { phases[place - 1].target_to };
        if phase.target_from != expected {
            let message = format!("this phase begins at {}, and the one before ends at {expected}", phase.target_from);
            problems
                .at(entry, message)
                .allowed("phases that follow each other from 0% to 100%")
                .help(format!("`from: {expected}`"))
                .error();
        }
        if phase.target_to < phase.target_from {
            let message = format!("this phase goes back from {} to {}", phase.target_from, phase.target_to);
            problems.at(entry, message).allowed("`to` not below `from`; going back is a rollback, not a phase").error();
        }
    }
    if let (Some(last), Some(entry)) = (phases.last(), entries.last())
        && last.target_to != PerMille::ALL
    {
        let message = format!("the last phase ends at {} of the target", last.target_to);
        problems.at(entry, message).allowed("phases that follow each other from 0% to 100%").help("`to: 100%`").error();
    }
    Some(phases)
}

fn phase(problems: &mut Problems, names: &mut (Names, Names), at: At<'_>, declared: &Declared<'_>) -> Option<Phase> {
    let fields = Fields::open(problems, at, PHASE_KEYS)?;
    let id = fields.required(problems, "name", "service-migration").and_then(|at| names.0.take(problems, &at));
    let title = fields.required(problems, "title", "Service migration").and_then(|at| reader::title(problems, &at));
    let from = fields.required(problems, "from", "0%").and_then(|at| share(problems, &at));
    let to = fields.required(problems, "to", "50%").and_then(|at| share(problems, &at));
    let steps = match fields.optional(problems, "steps") {
        Some(at) => steps::steps(problems, &mut names.1, &at, declared),
        None => Some(Vec::new()),
    };
    Some(Phase { id: id?, title: title?, target_from: from?, target_to: to?, steps: steps? })
}

fn share(problems: &mut Problems, at: &At<'_>) -> Option<PerMille> {
    reader::quantity(problems, at, units::SHARE_ALLOWED, units::share)
}

/// A share above zero.
fn some_share(problems: &mut Problems, at: &At<'_>) -> Option<PerMille> {
    let share = share(problems, at)?;
    if share == PerMille::ZERO {
        problems.at(at, "0% is nothing").allowed("a share above 0%, up to 100%").error();
        return None;
    }
    Some(share)
}

fn span_within(problems: &mut Problems, at: &At<'_>, least: Millis, most: Millis) -> Option<Millis> {
    let span = reader::quantity(problems, at, units::SPAN_ALLOWED, units::span)?;
    if span < least || span > most {
        let message = format!("{span} is out of bounds");
        problems.at(at, message).allowed(format!("from {least} to {most}")).error();
        return None;
    }
    Some(span)
}

fn address(problems: &mut Problems, at: &At<'_>) -> Option<Shown> {
    let text = reader::text(problems, at)?;
    match crate::plan::address::url(text) {
        Ok(url) => Some(Shown::new(url)),
        Err(error) => {
            problems.at(at, error.message).allowed(crate::plan::address::ALLOWED).maybe_help(error.suggestion).error();
            None
        }
    }
}
