//! Triggers: the rules that roll back by themselves, and therefore the part of a plan that is worst when it is silently wrong.

use strum::EnumCount;

use crate::{
    domain::{
        id::{BackendId, RouteId},
        metric::{Metric, Unit},
        series::{Bad, Series},
        shown::Shown,
        time::Millis,
    },
    plan::{
        lower::{
            Told,
            declared::{Declared, DeclaredRoute, Metrics},
            name::{self, Names},
            span_within,
        },
        model::{
            AtOnce, Backend, OnBlind, Trigger, TriggerAction,
            readings::{Author, Cadence, Readings},
        },
        reader::{self, At, Fields, Problems},
        units,
    },
};

const KEYS: &[&str] =
    &["name", "title", "route", "backend", "metric", "threshold", "duration", "requests_min", "action", "on_blind", "at_once"];
const AT_ONCE_KEYS: &[&str] = &["above", "below", "for"];
const ACTIONS: &[(&str, TriggerAction); TriggerAction::COUNT] = &[("rollback", TriggerAction::Rollback), ("hold", TriggerAction::Hold)];
const ON_BLIND: &[(&str, OnBlind); OnBlind::COUNT] = &[("rollback", OnBlind::Rollback), ("hold", OnBlind::Hold)];
/// Below 100 requests a quantile is little more than the slowest of them, and no failure among them is no proof of health: at 5 % of
/// failures, 12 requests show none in half of all windows, 100 in 0.6 %.
const REQUESTS_MIN: u64 = 100;
const REQUESTS_MOST: u64 = 1_000_000_000;
/// More requests a second than one backend of this kind of service ever takes.
const RATE_MOST: u64 = 100_000;
/// Fewest samples that a proof consists of.
const SAMPLES_MIN: u64 = 2;
const DURATION_MOST: Millis = Millis::from_mins(60);
/// Longest threshold of what is told in seconds: an age of what waits in a queue, say.
const SECONDS_MOST: Millis = Millis::from_mins(24 * 60);
/// Five minutes without a figure are blindness that acts; two are left for users to come, and for their requests to be enough.
const LATE: Millis = Millis::from_mins(3);

pub(super) fn triggers(problems: &mut Problems, at: &At<'_>, declared: &Declared<'_>, told: Told<'_>) -> Option<Vec<Trigger>> {
    let mut names = Names::new("trigger");
    let entries = reader::list(problems, at, "triggers")?;
    let mut found = Vec::new();
    for entry in entries {
        found.push(trigger(problems, &mut names, entry, declared, told));
    }
    let triggers: Vec<Trigger> = found.into_iter().collect::<Option<_>>()?;
    for route in declared.route_names() {
        let rolls_back = |trigger: &Trigger| trigger.route.as_str() == route && trigger.action == TriggerAction::Rollback;
        if !triggers.iter().any(rolls_back) {
            let message = format!("no trigger rolls route `{route}` back; that would be left to people");
            problems.at(at, message).help(format!("add a trigger with `route: {route}` and `action: rollback`")).warning();
        }
    }
    Some(triggers)
}

fn trigger(problems: &mut Problems, names: &mut Names, at: At<'_>, declared: &Declared<'_>, told: Told<'_>) -> Option<Trigger> {
    let fields = Fields::open(problems, at, KEYS)?;
    let id = fields.required(problems, "name", "error-rate").and_then(|at| names.take(problems, &at));
    let route_at = fields.required(problems, "route", "frontend");
    let route: Option<RouteId> = route_at.as_ref().and_then(|at| name::reference(problems, at, "route", &declared.route_names()));
    let declared_route = route.as_ref().and_then(|route| declared.route(route.as_str()));
    let metric_at = fields.required(problems, "metric", "error_rate");
    let metric = metric_at.and_then(|at| metric_named(problems, &at, declared));
    let threshold_at = fields.required(problems, "threshold", example(metric));
    let above = threshold_at.as_ref().zip(metric).and_then(|(at, metric)| threshold(problems, at, metric));
    let action_at = fields.required(problems, "action", "rollback");
    let action = action_at.and_then(|at| reader::word(problems, &at, ACTIONS));
    let backend_at = fields.required(problems, "backend", "gke");
    let watched_at = backend_at.clone();
    let backend = backend_at.zip(declared_route).and_then(|(at, route)| backend(problems, &at, route, action, metric));
    let known = route.as_ref().zip(backend.as_ref()).and_then(|(route, backend)| told.backend(route, backend));
    let cadence = told.cadence_of(known, metric);
    if let (Some(at), Some(known), Some(Metric::Declared(series))) = (&watched_at, known, metric) {
        unfed(problems, at, known, series);
    } else if let (Some(at), Some(readings), Some(metric)) = (&watched_at, known.and_then(|known| known.readings.as_ref()), metric) {
        untold(problems, at, readings, metric, above);
    }
    if let (Some(at), Some(pods), Some(metric)) = (&watched_at, known.and_then(|known| known.pods.as_ref()), metric)
        && metric.place().is_ok()
        && !pods.tells(metric)
    {
        let message = format!("the pages of this backend's pods don't tell the {metric}, so this trigger would be blind for ever");
        problems.at(at, message).help("use another metric, or name its family").error();
    }
    let duration = fields.required(problems, "duration", "2m");
    let lasting = duration.and_then(|at| lasting(problems, &at, cadence));
    let requests_min = match fields.optional(problems, "requests_min") {
        Some(at) => requests_min(problems, &at, metric, cadence),
        None => Some(if let Some(Metric::Declared(_)) = metric { 0 } else { REQUESTS_MIN }),
    };
    let on_blind = on_blind(problems, &fields);
    if let (Some(at), Some(OnBlind::Rollback), Some(known)) = (&watched_at, on_blind, known) {
        unprobed(problems, at, known, cadence);
    }
    let at_once = match fields.optional(problems, "at_once") {
        Some(at) => at_once(problems, at, metric, cadence, above.zip(lasting)).map(Some),
        None => Some(None),
    };
    let title = match fields.optional(problems, "title") {
        Some(at) => reader::title(problems, &at),
        None => metric.map(|metric| Shown::new(metric.name())),
    };
    Some(Trigger {
        id: id?,
        title: title?,
        route: route?,
        backend: backend?,
        metric: metric?,
        limit: above?,
        lasting: lasting?,
        requests_min: requests_min?,
        action: action?,
        on_blind: on_blind?,
        at_once: at_once?,
    })
}

/// How a threshold may look, in the metric's own unit.
fn example(metric: Option<Metric>) -> &'static str {
    match metric.map(Metric::unit) {
        Some(Unit::Fraction) | None => "5%",
        Some(Unit::Milliseconds) => "1000ms",
        Some(Unit::Seconds) => "30s",
        Some(Unit::Count) => "100",
        Some(Unit::Bytes) => "512MiB",
        Some(Unit::PerSecond) => "20/s",
    }
}

/// One of the standard figures, or of those that the plan declares.
fn metric_named(problems: &mut Problems, at: &At<'_>, declared: &Declared<'_>) -> Option<Metric> {
    let standard = Metric::STANDARD.iter().map(|metric| (metric.name(), Some(*metric)));
    let series = declared.series.iter().map(|(name, series)| (*name, series.map(Metric::Declared)));
    let known: Vec<(&str, Option<Metric>)> = standard.chain(series).collect();
    reader::word(problems, at, &known)?
}

/// Nobody tells the declared series of this backend.
fn unfed(problems: &mut Problems, at: &At<'_>, known: &Backend, series: Series) {
    if known.feed(series).is_none() {
        let message =
            format!("backend `{}` doesn't tell the series `{}`, so this trigger would be blind for ever", known.id, series.name());
        let help = format!("add `series: {{ {}: {{ source: …, query: … }} }}` to the backend", series.name());
        problems.at(at, message).help(help).error();
    }
}

/// A trigger fires on two samples at least that span its duration, so there has to be room for them.
fn lasting(problems: &mut Problems, at: &At<'_>, cadence: Cadence) -> Option<Millis> {
    let lasting = span_within(problems, at, Millis(1), DURATION_MOST)?;
    let every = cadence.sampled;
    let least = Millis(every.0.saturating_mul(SAMPLES_MIN));
    if lasting < least {
        let (message, help) = if cadence.sampled > cadence.every {
            let message = format!("in {lasting} there is no second sample, and one proves nothing: the source takes one each {every}");
            (message, format!("use {least} or more, or a source with a shorter `scrape_interval`"))
        } else {
            let message = format!("in {lasting} there is no second sample, and one proves nothing: the pages are read each {every}");
            (message, format!("use {least} or more, or read more often with `limits: {{ scrape_every: … }}`"))
        };
        problems.at(at, message).allowed(format!("from {least} to {DURATION_MOST}")).help(help).error();
        return None;
    }
    Some(lasting)
}

/// A second limit for disasters is one only if it is further away than the first and proven sooner.
fn at_once(
    problems: &mut Problems,
    at: At<'_>,
    metric: Option<Metric>,
    cadence: Cadence,
    ordinary: Option<(f64, Millis)>,
) -> Option<AtOnce> {
    let fields = Fields::open(problems, at, AT_ONCE_KEYS)?;
    let bad = metric.map_or(Bad::Above, Metric::bad);
    for other in Bad::ALL.into_iter().filter(|other| metric.is_some() && *other != bad) {
        if let (Some(at), Some(metric)) = (fields.entry(other.name()), metric) {
            let message = format!("the {metric} is bad {} a limit, and not {} one", bad.name(), other.name());
            problems.at(&at, message).allowed(format!("`{}`", bad.name())).help(format!("write `{}`", bad.name())).error();
            return None;
        }
    }
    let above_at = fields.required(problems, bad.name(), "50%");
    let above = above_at.as_ref().zip(metric).and_then(|(at, metric)| threshold(problems, at, metric));
    let for_at = fields.required(problems, "for", "10s");
    let lasting = for_at.as_ref().and_then(|at| lasting(problems, at, cadence));
    let (above_at, above, for_at, lasting) = (above_at?, above?, for_at?, lasting?);
    if let (Some((limit, duration)), Some(metric)) = (ordinary, metric) {
        if !bad.is_beyond(above, limit) {
            let message = format!("{} is not {} the trigger's own threshold", metric.unit().show(above), bad.name());
            let than = if bad == Bad::Above { "more than" } else { "less than" };
            problems.at(&above_at, message).allowed(format!("{than} {}", metric.unit().show(limit))).error();
            return None;
        }
        if lasting >= duration {
            let message = format!("{lasting} is not sooner than the trigger itself, which fires after {duration}");
            problems.at(&for_at, message).allowed(format!("less than {duration}")).error();
            return None;
        }
    }
    Some(AtOnce { limit: above, lasting })
}

/// What to do without data is a decision about risk; nobody but the plan's author can take it, so there is no default.
fn on_blind(problems: &mut Problems, fields: &Fields<'_>) -> Option<OnBlind> {
    if !fields.has("on_blind") {
        let message = "`on_blind` is missing: what is to happen when there has been no data for five minutes?";
        let help = "add `on_blind: rollback` to go home when nothing can be seen, `on_blind: hold` to stay and wait";
        problems.at(fields.at(), message).allowed("rollback, hold; there is no default").help(help).error();
        return None;
    }
    let at = fields.optional(problems, "on_blind")?;
    reader::word(problems, &at, ON_BLIND)
}

fn backend(
    problems: &mut Problems,
    at: &At<'_>,
    route: &DeclaredRoute<'_>,
    action: Option<TriggerAction>,
    metric: Option<Metric>,
) -> Option<BackendId> {
    let id: BackendId = name::reference(problems, at, "backend of this route", &route.backend_names())?;
    let declared = route.backends.iter().find(|backend| backend.name == id.as_str())?;
    if action == Some(TriggerAction::Rollback) && route.home == Some(declared.name) {
        let message = format!("`{id}` is where a rollback leads; when it fails, rolling back would send it even more");
        problems.at(at, message).help("watch the target, or use `action: hold`").error();
    }
    if declared.metrics == Metrics::NotTold && metric.is_none_or(|metric| metric.place().is_ok()) {
        let message = format!("backend `{id}` has no `metrics` and no `readings`, so this trigger would be blind for ever");
        let help = "add `readings: { load_balancer: {} }`, `readings: { prometheus: … }` or `metrics: https://…/metrics` to the backend";
        problems.at(at, message).help(help).error();
    }
    Some(id)
}

/// What the source of the backend's figures is not asked for, or can't tell.
fn untold(problems: &mut Problems, at: &At<'_>, readings: &Readings, metric: Metric, above: Option<f64>) {
    if !readings.tells(metric) {
        let key = match metric {
            Metric::ErrorRate => "failures",
            Metric::DropRate => "dropped",
            Metric::RequestRate => "requests",
            Metric::P50Latency | Metric::P95Latency | Metric::P99Latency | Metric::Declared(_) => metric.name(),
        };
        let (message, help) = match &readings.author {
            Author::Plan => {
                (format!("the readings of this backend don't ask for the {metric}"), format!("add `{key}: …` to its `readings`"))
            }
            Author::CloudRun => {
                (format!("Cloud Run doesn't count the {metric}"), "use another metric, or `prometheus` with a query of your own".to_owned())
            }
            Author::LoadBalancer => (
                format!("the load balancer doesn't count the {metric}"),
                "use another metric, or `prometheus` with a query of your own".to_owned(),
            ),
            Author::Preset(name) => {
                let message = format!("what `{name}` exports doesn't tell the {metric}");
                (message, "use another metric, or write the queries out".to_owned())
            }
        };
        problems.at(at, format!("{message}, so this trigger would be blind for ever")).help(help).error();
    }
    let top = readings.latencies.as_ref().and_then(|latencies| latencies.top_bucket).filter(|_| metric.unit() == Unit::Milliseconds);
    if let (Some(top), Some(above)) = (top, above)
        && top.0 as f64 <= above
    {
        let message = format!("the histogram ends at {top}, so it never tells more than this trigger's threshold");
        problems.at(at, message).allowed(format!("a threshold below {top}, or a histogram with a higher bucket")).error();
    }
}

/// After a first step figures that come late tell nothing for minutes. That is excused while the backend answers the prober, and is
/// blindness where nobody asks it.
fn unprobed(problems: &mut Problems, at: &At<'_>, backend: &Backend, cadence: Cadence) {
    if cadence.lateness > LATE && backend.probe_url.is_none() {
        let message = format!(
            "the figures of `{}` come up to {} late, and nothing else is seen of it: `on_blind: rollback` would take the first step back",
            backend.id, cadence.lateness
        );
        let help = "add `probe: https://…` to the backend, or use `on_blind: hold`";
        problems.at(at, message).allowed("a probe, or figures that come sooner").help(help).error();
    }
}

/// In the metric's own unit.
fn threshold(problems: &mut Problems, at: &At<'_>, metric: Metric) -> Option<f64> {
    match metric.unit() {
        Unit::Fraction => reader::quantity(problems, at, units::FRACTION_ALLOWED, units::fraction),
        Unit::PerSecond => reader::quantity(problems, at, units::RATE_ALLOWED, units::rate),
        Unit::Count => reader::quantity(problems, at, units::NUMBER_ALLOWED, units::number),
        Unit::Bytes => reader::quantity(problems, at, units::BYTES_ALLOWED, units::bytes),
        Unit::Seconds => Some(span_within(problems, at, Millis(1), SECONDS_MOST)?.as_secs_f64()),
        Unit::Milliseconds => {
            let span = span_within(problems, at, Millis(1), Millis::from_mins(10))?;
            Some(span.0 as f64)
        }
    }
}

fn requests_min(problems: &mut Problems, at: &At<'_>, metric: Option<Metric>, cadence: Cadence) -> Option<u64> {
    if let Some(metric @ Metric::Declared(_)) = metric {
        problems.at(at, format!("the {metric} is taken as it stands, and rests on no requests")).help("remove the line").error();
        return None;
    }
    let window = cadence.window;
    let most = window.0 / 1000 * RATE_MOST;
    let count = reader::count(problems, at, 1, REQUESTS_MOST)?;
    if count > most {
        let message = format!("no backend is asked {count} times in {window}, so this trigger would never find anything in order");
        problems.at(at, message).allowed(format!("a whole number from 1 to {most}")).help(format!("{REQUESTS_MIN} is the default")).error();
        return None;
    }
    if count < REQUESTS_MIN {
        let message = match metric {
            // A share of failures is judged by how many failed of how many, so few requests can't set it off by chance.
            Some(Metric::ErrorRate) => format!("{count} requests without a failure prove little, and would count as being in order"),
            Some(
                Metric::RequestRate | Metric::P50Latency | Metric::P95Latency | Metric::P99Latency | Metric::DropRate | Metric::Declared(_),
            )
            | None => {
                format!("with {count} requests in a window, chance alone will set this trigger off")
            }
        };
        problems.at(at, message).help(format!("use {REQUESTS_MIN} or more; a window with fewer counts as no data")).warning();
    }
    Some(count)
}
