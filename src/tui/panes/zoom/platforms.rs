//! Both platforms in full: each figure with what it rests on, what the backend answers to direct requests, its revisions and pods, its
//! warnings, and the sources of it all.

use ratatui::text::Span;

use super::{Room, Section};
use crate::{
    core::{
        condition::{Condition, condition},
        figures,
        state::BackendState,
    },
    domain::time::Timestamp,
    domain::{
        metric::{Basis, Metric, Sample},
        platform::{Readiness, Workload},
    },
    plan::model::{Backend, Route},
    tui::panes::{charts, words},
    words::{self as say, Names, platform},
};

/// Rows of a list that goes on: the workloads screen has the rest.
const LISTED: usize = 8;

pub(super) fn sections(room: &Room) -> Vec<Section> {
    let nothing = BackendState::default();
    let each = words::backends(room.state).into_iter().flat_map(|(route, backend)| {
        let seen = room.state.backends.get(&backend.id).unwrap_or(&nothing);
        let mut found = vec![figures_of(route, backend, seen, room)];
        found.extend(seen.workload.as_ref().map(|workload| workload_of(backend, seen, workload, room)));
        found.extend(warnings(backend, seen, room));
        found
            .extend(room.sources(backend.id.as_str()).map(|section| Section { title: format!("Sources of {}", backend.title), ..section }));
        found
    });
    each.collect()
}

fn figures_of(route: &Route, backend: &Backend, seen: &BackendState, room: &Room) -> Section {
    let (theme, view) = (room.theme, room.view);
    let mut section = Section::new(backend.title.to_string(), theme).ink(words::backend_style(route, &backend.id, theme));
    section.fact("as it is", &told(&condition(room.state, route, &backend.id), view.now, Names::of(room.state)), theme.text, room);
    for metric in backend.metrics() {
        let limit = charts::limit(room.state, backend, metric);
        let bound = limit.map_or_else(String::new, |limit| format!(" {} limit {}", theme.glyphs.dot, metric.unit().show(limit)));
        let (figure, style) = match (figures::measured(room.state, view.now, &backend.id, metric), seen.values.get(&metric)) {
            (Some(Ok(sample)), _) => {
                let beyond = limit.is_some_and(|limit| metric.bad().is_beyond(sample.value, limit));
                (rests_on(metric, &sample, room), if beyond { theme.breach } else { theme.figure })
            }
            (Some(Err(gap)), Some(Ok(last))) => (format!("{}; last {}", say::gap(gap), rests_on(metric, last, room)), theme.unknown),
            (Some(Err(gap)), _) => (say::gap(gap), theme.unknown),
            (None, _) => ("no figure yet".to_owned(), theme.unknown),
        };
        let source = seen.sources.get(&metric).map_or_else(String::new, |source| format!(" {} {source}", theme.glyphs.dot));
        section.fact(&words::metric(metric), &format!("{figure}{bound}{source}"), style, room);
    }
    if let Some(probe) = &seen.probe {
        let kinds: Vec<String> = probe.answers.iter().map(|(kind, count)| format!("{count} of {kind}")).collect();
        let slowest = probe.slowest_ms.map_or_else(String::new, |ms| format!(", slowest {ms:.0}ms"));
        let told = format!(
            "{} sent, {} failed, {} dropped{slowest}, {}{}{}",
            probe.sent,
            probe.failed,
            probe.dropped,
            words::age(view.age(probe.at)),
            if kinds.is_empty() { "" } else { "; " },
            kinds.join(", ")
        );
        let style = match (figures::is_old(probe.at, view.now), probe.failed + probe.dropped) {
            (true, _) => theme.stale,
            (false, 0) => theme.text,
            (false, _) => theme.breach,
        };
        section.fact("probe", &told, style, room);
    }
    if let Some(at) = seen.dropped_at {
        section.fact("dropped", &format!("a connection {}", words::age(view.age(at))), theme.warn, room);
    }
    section
}

fn rests_on(metric: Metric, sample: &Sample, room: &Room) -> String {
    let (least, failed) = match sample.basis {
        Basis::Exact => ("", String::new()),
        Basis::AtLeast => ("at least ", String::new()),
        Basis::Counted { failed } => ("", format!("{failed} of ")),
    };
    let age = words::age(room.view.age(sample.at));
    let value = metric.unit().show(sample.value);
    match metric {
        Metric::Declared(_) => format!("{value}, {age}"),
        Metric::RequestRate | Metric::ErrorRate | Metric::P50Latency | Metric::P95Latency | Metric::P99Latency | Metric::DropRate => {
            format!("{least}{value}, {failed}{} requests, {age}", sample.requests)
        }
    }
}

fn told(condition: &Condition, now: Timestamp, names: Names) -> String {
    match condition {
        Condition::Breached { trigger } => format!("{} is beyond its limit", names.watched(trigger)),
        Condition::FailsAtDoor { breach } | Condition::NotMet { breach } => say::met_at_door(breach, names),
        Condition::HomeBeyond { metric, value, limit } => {
            let figure = |value| metric.unit().show(value);
            format!("{metric} is {}, {} the {} that the target may have", figure(*value), metric.bad().name(), figure(*limit))
        }
        Condition::Drops { losing } => format!("{} of {} connections are dropped", losing.dropped, losing.of),
        Condition::ProbeFails { failed, sent } => format!("{failed} of {sent} direct requests fail"),
        Condition::Blind { trigger } => format!("nobody can judge the {}", names.watched(trigger)),
        Condition::Unjudged { trigger, why } => {
            format!("the {} is not judged: {}", names.watched(trigger), say::short::unjudged(why, now).long)
        }
        Condition::Untold => "no figures yet".to_owned(),
        Condition::Idle => "gets nothing".to_owned(),
        Condition::Well => "everything that is read of it is within its limits".to_owned(),
    }
}

/// What the platform tells: how many, which revisions, which pods.
fn workload_of(backend: &Backend, seen: &BackendState, workload: &Workload, room: &Room) -> Section {
    let (theme, view) = (room.theme, room.view);
    let mut section = Section::new(format!("{} by {}'s own account", backend.title, backend.platform), theme);
    let mut fact = |label: &str, told: &str, style| section.fact(label, told, style, room);
    fact("instances", &platform::scale(workload.scale), theme.figure);
    fact("version", workload.version.as_str(), theme.text);
    if let (Some(rollout), Some(desired)) = (&workload.rollout, workload.scale.kept()) {
        fact("rollout", &platform::rollout(rollout, desired), theme.text);
    }
    if let Some(trouble) = &workload.trouble {
        fact("trouble", trouble.as_str(), theme.breach);
    }
    if workload.restarts > 0 {
        fact("restarts", &workload.restarts.to_string(), theme.warn);
    }
    for unread in &workload.unread {
        fact("unread", &platform::unread(unread), theme.unknown);
    }
    if let Some(at) = seen.workload_at {
        fact("heard", &words::age(view.age(at)), if figures::is_old(at, view.now) { theme.stale } else { theme.dim });
    }
    for revision in workload.revisions.iter().take(LISTED) {
        let why = revision.why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        let told = format!(
            "{} gets {}, {}{why} {}",
            revision.name,
            revision.share,
            platform::revision_state(revision.state),
            platform::revision_bounds(revision)
        );
        section.fact("revision", told.trim_end(), theme.text, room);
    }
    let mut pods: Vec<_> = workload.pods.iter().collect();
    pods.sort_by_key(|pod| pod.ready == Readiness::Ready);
    for pod in pods.iter().take(LISTED) {
        let style = if pod.ready == Readiness::Ready { theme.text } else { theme.warn };
        let reason = pod.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
        let age = pod.created_at.map_or_else(String::new, |at| format!(" {}", view.age(at)));
        let line = format!("{} {} {}, {} restarts{age}{reason}", pod.containers, pod.status, pod.name, pod.restarts);
        section.row(vec![Span::styled(line, style)], room);
    }
    let more = pods.len().saturating_sub(LISTED) + workload.pods_more as usize;
    if more > 0 {
        let key = words::key(view, crate::tui::keymap::Action::Show(crate::tui::view::Screen::Kubernetes));
        section.row(vec![Span::styled(format!("{more} more pods; {key} shows them"), theme.dim)], room);
    }
    section
}

/// The platform's newest warnings, folded as it told them.
fn warnings(backend: &Backend, seen: &BackendState, room: &Room) -> Option<Section> {
    let theme = room.theme;
    let mut section = Section::new(format!("Warnings of {}", backend.title), theme);
    for happening in seen.happenings.iter().rev().filter(|happening| happening.kind.as_str() == "Warning").take(LISTED) {
        let repeats = platform::repeats(happening, theme.glyphs.times);
        let told = format!("{} {}: {} {repeats}", words::age(room.view.age(happening.at)), happening.object, happening.message);
        section.fact(happening.reason.as_str(), told.trim_end(), theme.warn, room);
    }
    (!section.lines.is_empty()).then_some(section)
}
