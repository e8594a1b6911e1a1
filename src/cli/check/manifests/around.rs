//! What stands around a workload: monitors and alerts, caches, secrets, and pipelines that write where the plan does.

use std::collections::BTreeSet;

use crate::{
    cli::check::{
        finding::{Finding, Id, Severity},
        manifests::{
            book::{Book, Doc},
            labels::Labels,
        },
    },
    plan::document::Node,
};

pub(super) fn look(book: &Book<'_>, found: &mut Vec<Finding>) {
    for monitor in book.of_kind("ServiceMonitor") {
        self::monitor(book, monitor, found);
    }
    let recorded: BTreeSet<&str> = rules(book).filter_map(|(_, rule)| rule.get("record")?.text()).collect();
    for (doc, rule) in rules(book).filter(|(_, rule)| rule.get("alert").is_some()) {
        alert(doc, rule, &recorded, found);
    }
    for config in book.of_kind("ConfigMap") {
        cache(config, found);
    }
    for secret in book.of_kind("SecretManagerSecret") {
        if secret.root().at(&["spec", "rotation"]).is_none() {
            let why = "it declares where the secret's copies lie and no rotation: nothing renews it, and nobody is reminded to";
            let fix = "rotation: { nextRotationTime: …, rotationPeriod: 7776000s } with a topic; it reminds, and a program of yours renews";
            found.push(secret.find(Id::SecretNeverRotates, secret.nearest(&["spec"]), why).mend(fix));
        }
    }
    for doc in book.docs().filter(|doc| doc.kind().is_empty()) {
        for step in doc.root().get("steps").map(Node::items).unwrap_or_default() {
            pipeline(doc, step, found);
        }
    }
}

fn monitor(book: &Book<'_>, monitor: Doc<'_>, found: &mut Vec<Finding>) {
    let endpoints = monitor.root().at(&["spec", "endpoints"]).map(Node::items).unwrap_or_default();
    let Some(selector) = monitor.root().at(&["spec", "selector"]) else {
        let why = "a ServiceMonitor needs `selector`, by the labels of Services; the API refuses it without";
        let fix = "selector: { matchLabels: { app: … } }, and `port` of each endpoint, by its name in the Service";
        found.push(monitor.find(Id::MonitorWithoutSelector, monitor.nearest(&["spec"]), why).mend(fix));
        return;
    };
    let services: Vec<Doc<'_>> = book.of_kind("Service").filter(|service| service.is_beside(monitor)).collect();
    let selected: Vec<&Doc<'_>> = services.iter().filter(|service| Labels::of(service.root()).fit(selector)).collect();
    if selected.is_empty() && !services.is_empty() {
        let why = "its selector matches no Service that is described beside it, so nothing is scraped";
        let finding = monitor.find(Id::SelectorMatchesNothing, selector, why).graver(Severity::Warning);
        found.push(finding.mend("give it the labels of the Service itself, not those of its pods"));
    }
    for endpoint in endpoints {
        let Some(port) = endpoint.get("port").or_else(|| endpoint.get("targetPort")) else {
            let why = "an endpoint names no `port`, so nothing is scraped";
            found.push(monitor.find(Id::MonitorWithoutSelector, endpoint, why).mend("port: …, by its name in the Service"));
            continue;
        };
        let has = |service: &&Doc<'_>| {
            let ports = service.root().at(&["spec", "ports"]).map(Node::items).unwrap_or_default();
            ports.iter().any(|own| own.get("name").and_then(Node::text) == port.text())
        };
        if endpoint.get("port").is_some() && !selected.is_empty() && !selected.iter().any(has) {
            let why = format!("the Services that it selects have no port named {}", port.json());
            found.push(monitor.find(Id::PortNotServed, port, why).mend("write the port's name of the Service"));
        }
    }
}

/// Each rule of Prometheus, in an object or in a file of them.
fn rules<'a>(book: &Book<'a>) -> impl Iterator<Item = (Doc<'a>, &'a Node)> {
    book.docs().flat_map(|doc| {
        let of_object = if doc.kind() == "PrometheusRule" { doc.root().at(&["spec", "groups"]) } else { None };
        let of_file = if doc.kind().is_empty() { doc.root().get("groups") } else { None };
        let groups = of_object.or(of_file).map(Node::items).unwrap_or_default();
        groups.iter().flat_map(|group| group.get("rules").map(Node::items).unwrap_or_default()).map(move |rule| (doc, rule))
    })
}

fn alert(doc: Doc<'_>, rule: &Node, recorded: &BTreeSet<&str>, found: &mut Vec<Finding>) {
    let Some((node, query)) = rule.get("expr").and_then(|node| Some((node, node.text()?))) else { return };
    let name = rule.get("alert").and_then(Node::text).unwrap_or_default();
    for series in series_of(query).into_iter().filter(|series| !recorded.contains(series)) {
        let (why, fix) = if is_of_histogram(series) {
            let why = format!(
                "{series} is a histogram's name: what is told are {series}_bucket, _sum and _count, so the alert {name} never fires"
            );
            let fix = format!("histogram_quantile(0.95, sum by (le) (rate({series}_bucket[5m]))) > …");
            (why, fix)
        } else if SHARES.contains(&series) {
            let why = format!("no exporter tells {series}, and no rule here records it, so the alert {name} never fires");
            let fix =
                "divide two rates: sum(rate(http_requests_total{code=~\"5..\"}[5m])) / sum(rate(http_requests_total[5m])) > …".to_owned();
            (why, fix)
        } else {
            continue;
        };
        found.push(doc.find(Id::AlertNeverFires, node, why).mend(fix));
    }
}

/// What people call figures that no exporter tells as such.
const SHARES: [&str; 8] =
    ["error_rate", "error_ratio", "success_rate", "request_rate", "latency", "p50_latency", "p95_latency", "p99_latency"];

fn is_of_histogram(series: &str) -> bool {
    ["duration_seconds", "latency_seconds", "duration_milliseconds", "latency_milliseconds", "duration_ms", "latency_ms"]
        .iter()
        .any(|end| series.ends_with(end))
}

/// The names in a query that stand for series: not those of functions, labels and quoted text.
fn series_of(query: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut braces, mut quote, mut grouping) = (0_usize, None, false);
    let mut at = 0;
    while let Some(character) = query[at..].chars().next() {
        let width = character.len_utf8();
        let length = query[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || ['_', ':'].contains(c)).count();
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(character),
            (None, '{' | '[') => braces += 1,
            (None, '}' | ']') => braces = braces.saturating_sub(1),
            (None, ')') => grouping = false,
            (None, _) if length > 0 => {
                let word = &query[at..at + length];
                // `sum by (le) (…)` calls as `sum(…)` does.
                let rest = query[at + length..].trim_start();
                let is_called = rest.starts_with('(') || ["by", "without"].iter().any(|word| is_word_at(rest, word));
                let is_name = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
                let is_grouping = ["by", "without", "on", "ignoring", "group_left", "group_right"].contains(&word);
                grouping |= is_grouping && is_called;
                let is_keyword = is_grouping || ["and", "or", "unless", "bool", "offset"].contains(&word);
                if is_name && braces == 0 && !grouping && !is_called && !is_keyword {
                    found.push(word);
                }
                at += length;
                continue;
            }
            (None, _) => {}
        }
        at += width;
    }
    found
}

fn is_word_at(text: &str, word: &str) -> bool {
    text.strip_prefix(word).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
}

fn cache(config: Doc<'_>, found: &mut Vec<Finding>) {
    for entry in config.root().get("data").map(Node::entries).unwrap_or_default() {
        let lines = entry.value.text().unwrap_or_default().lines();
        let policy = lines
            .filter_map(|line| line.trim().strip_prefix("maxmemory-policy"))
            .map(str::trim)
            .find(|policy| policy.starts_with("allkeys-"));
        if let Some(policy) = policy {
            let why = format!("{policy} evicts any key when memory is full, sessions of users who are signed in included");
            let fix = "maxmemory-policy noeviction, or volatile-lru where every key but the sessions expires; and watch evicted_keys";
            found.push(config.find(Id::SessionsEvicted, &entry.value, why).mend(fix));
        }
    }
}

/// A step of a pipeline that writes to what the plan moves.
fn pipeline(doc: Doc<'_>, step: &Node, found: &mut Vec<Finding>) {
    let arguments = step.get("args").map(Node::items).unwrap_or_default();
    let words: Vec<&str> = arguments.iter().filter_map(Node::text).flat_map(str::split_whitespace).collect();
    let is_run = |what: &[&str]| words.windows(what.len()).any(|window| window == what);
    let moves = is_run(&["services", "update-traffic"]);
    let deploys =
        is_run(&["run", "deploy"]) || is_run(&["services", "update"]) || is_run(&["services", "replace"]) || is_run(&["set", "image"]);
    let node = step.get("args").unwrap_or(step);
    if moves || deploys {
        let what = if moves { "moves traffic between revisions of a service" } else { "changes a service" };
        let why =
            format!("a step of Cloud Build {what} whenever somebody pushes; the session takes that for a stranger's write, and holds");
        let fix = "pause the trigger while the session is open: gcloud builds triggers update … --inline-config, or its `disabled: true`";
        found.push(doc.find(Id::ForeignWriter, node, why).mend(fix));
        if is_run(&["run"]) && !words.iter().any(|word| word.starts_with("--region")) {
            let why = "the command names no region, and Cloud Build has none to take instead: it fails, or asks, which nobody answers";
            found.push(doc.find(Id::RegionUnsaid, node, why).mend("add --region=…"));
        }
    }
    for argument in arguments {
        let Some(revisions) = argument.text().and_then(|text| text.strip_prefix("--to-revisions=")) else { continue };
        let names = revisions.split(',').filter_map(|share| share.split('=').next());
        for name in names.filter(|name| ["LATEST", "previous", "latest", "current", "stable"].contains(name)) {
            let why = match name {
                "LATEST" => {
                    "LATEST follows each deploy, so what has the share changes by itself; it moves within Cloud Run, and never to GKE"
                }
                _ => "there is no such word: a revision is named in full, and the command fails",
            };
            let fix =
                "name revisions in full (gcloud run revisions list --service …); give LATEST everything again when the migration is over";
            found.push(doc.find(Id::RevisionByAlias, argument, format!("`{name}`: {why}")).mend(fix));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_of_a_query_are_told_from_its_other_words() {
        assert_eq!(series_of("http_request_duration_seconds > 2"), ["http_request_duration_seconds"]);
        assert_eq!(
            series_of("sum by (le, job) (rate(a:b_bucket{job=\"x\", le!~'y'}[5m] offset 1h)) / on (job) c > bool 0.5"),
            ["a:b_bucket", "c"]
        );
        assert_eq!(series_of("error_rate and \"p95_latency\""), ["error_rate"]);
        assert!(is_of_histogram("http_request_duration_seconds") && !is_of_histogram("process_start_time_seconds"));
    }
}
