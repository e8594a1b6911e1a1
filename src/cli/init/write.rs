//! From a draft to the text of a plan, every line with where it was found, or with why it stands there.

use super::{
    behind::{Seen, Workload},
    draft::{Draft, Home, Route, Target, place, primaries},
    manifests,
    missing::{self, Missing},
    paper::{Paper, quoted},
    said::Said,
};
use crate::{
    adapter::discovery::{self, Database, Unread},
    domain::{platform::Endpoint, position::MapRule, shown::Shown},
};

/// The plan's text, and what is missing for a flight besides.
pub(super) fn plan(seen: Seen<'_>, draft: &Draft<'_>, unread: &[&Unread], manifests: &[manifests::Made]) -> (String, Vec<Missing>) {
    let mut paper = Paper::default();
    head(&mut paper, seen, draft, unread);
    if !manifests.is_empty() {
        paper.blank();
        paper.line(0, "manifests:", "files of the folder that has the plan's name");
        manifests.iter().for_each(|made| paper.line(2, &format!("- {}", quoted(&made.name)), ""));
    }
    clusters(&mut paper, seen, draft);
    sources(&mut paper, seen);
    paper.blank();
    paper.line(0, "routes:", "");
    for route in &draft.routes {
        self::route(&mut paper, seen, draft, route);
    }
    for left in &draft.left_out {
        paper.remark(2, &format!("Left out: {left}."));
    }
    triggers(&mut paper, draft);
    checklist(&mut paper);
    database(&mut paper, &seen.platforms.databases);
    rest(&mut paper);
    let missing = missing::of(seen, draft);
    missing::append(&mut paper, &missing);
    (paper.text(), missing)
}

fn head(paper: &mut Paper, seen: Seen<'_>, draft: &Draft<'_>, unread: &[&Unread]) {
    let map = &draft.map.name;
    paper.remark(
        0,
        &format!(
            "A plan for what stands behind the URL map {map}, as it was found; nothing was changed. Behind each line stands where it was found, \
             or why it is proposed. What nobody but you can know is a question that begins with DECIDE: take the # of the line below it away, or \
             write your own. Until then `cutover check` refuses this plan, and says what is left."
        ),
    );
    for Unread { what, fault } in unread {
        let fault = fault.to_string();
        paper.remark(0, &format!("NOT READ: {what}: {}. What they would have told is not in here.", fault.trim_end_matches('.')));
    }
    paper.blank();
    paper.key(0, "name", &format!("{map} from Cloud Run to GKE"), "what people read; yours to choose");
    paper.key(0, "project", seen.project, "the project that was asked");
    let first = draft.routes.first().map(|route| &route.home.run);
    let from = first.map_or_else(String::new, |run| format!("of the serverless group {}", run.group));
    paper.key(0, "region", draft.region.as_str(), &from);
}

/// Clusters that are not reached as clusters usually are.
fn clusters(paper: &mut Paper, seen: Seen<'_>, draft: &Draft<'_>) {
    let named = |name: &Shown| draft.routes.iter().any(|route| route.target.workload.cluster.value() == Some(name.as_str()));
    let other = seen.platforms.clusters.iter().filter(|cluster| cluster.endpoint != Endpoint::Public && named(&cluster.name));
    let other: Vec<_> = other.collect();
    if other.is_empty() {
        return;
    }
    paper.blank();
    paper.line(0, "clusters:", "which of their endpoints is asked");
    for cluster in other {
        let (word, why) = match cluster.endpoint {
            Endpoint::Public => ("public", "it takes everybody"),
            Endpoint::Private => ("private", "it takes nobody from outside; the host needs a way into its network"),
            Endpoint::Dns => ("dns", "its public address takes nobody, its name does"),
        };
        paper.line(2, &format!("{}: {{ endpoint: {word} }}", quoted(cluster.name.as_str())), why);
    }
}

/// Managed Prometheus, where a cluster collects for it.
fn sources(paper: &mut Paper, seen: Seen<'_>) {
    let collecting: Vec<&str> = collecting(seen).map(Shown::as_str).collect();
    if collecting.is_empty() {
        return;
    }
    paper.blank();
    let clusters = if collecting.len() == 1 { "cluster" } else { "clusters" };
    paper.remark(
        0,
        &format!("Managed Prometheus collects in the {clusters} {}. To read figures from it, take both # away:", collecting.join(", ")),
    );
    for line in ["sources:", "  managed:", "    prometheus: google", "    scrape_interval: 30s"] {
        paper.alternative(0, line);
    }
}

fn collecting<'a>(seen: Seen<'a>) -> impl Iterator<Item = &'a Shown> + use<'a> {
    seen.platforms.clusters.iter().filter(|cluster| cluster.has_managed_prometheus).map(|cluster| &cluster.name)
}

fn route(paper: &mut Paper, seen: Seen<'_>, draft: &Draft<'_>, route: &Route<'_>) {
    let Route { name, split, hosts, home, target } = route;
    if draft.routes.first().is_some_and(|first| first.name != *name) {
        paper.blank();
    }
    paper.line(2, &format!("- name: {}", quoted(name)), "the Cloud Run service that it begins with");
    paper.key(4, "title", name, "");
    paper.line(4, "driver:", "");
    let map = draft.map;
    let kind = if map.region.is_some() { "a regional" } else { "a global" };
    paper.key(6, "url_map", map.name.as_str(), &format!("{kind} URL map of the project"));
    if let Some(region) = &map.region {
        paper.key(6, "region", region.as_str(), "where the map is");
    }
    if let Some(matcher) = &split.matcher {
        let led = if hosts.is_empty() { "no host rule that could be asked for".to_owned() } else { joined(hosts) };
        paper.key(6, "path_matcher", matcher.as_str(), &format!("the map leads it: {led}"));
    }
    match &split.rule {
        Some(MapRule::Route { priority }) => {
            paper.line(6, &format!("route_rule: {priority}"), "its priority, which no other rule there has")
        }
        Some(MapRule::Path { path }) => paper.key(6, "path_rule", path.as_str(), "one of its paths"),
        None => {}
    }
    if split.rules > 0 {
        let (rules, place) = (split.rules, place(split));
        paper.remark(4, &format!("{place} has {rules} rules that go before its default; this route steers the default alone."));
    }
    let path = if split.rule.is_some() { split.path.as_ref().map(Shown::as_str) } else { Some("/") };
    match (hosts.first(), path) {
        (Some(host), Some(path)) => {
            paper.key(4, "front_door", &format!("https://{host}{path}"), "a host rule leads it here; any page that needs no login")
        }
        (Some(host), None) => paper.open(
            4,
            &format!("front_door: https://{host}/"),
            "which page does this rule take, whatever else a request carries? Requests are sent there to see who answers; they bear no headers \
             of their own, so leave it out where the rule asks for one.",
        ),
        (None, _) => paper.open(
            4,
            "front_door: https://www.example.com/",
            "where do users come in? The map does not say which hosts follow this place. Requests are sent there to see who answers.",
        ),
    }
    paper.line(4, "backends:", "");
    run(paper, home);
    gke(paper, seen, target);
    paper.blank();
    paper.key(4, "home", &home.id, &format!("Cloud Run; the map gives it {} of 1000 now", home.leg.weight));
    paper.key(4, "target", &target.id, "GKE");
    paper.line(4, "ladder: [1%, 5%, 25%, 50%, 100%]", "proposed: each rung shows some five times more than the one before");
    paper.line(4, "step_max: 50%", "proposed: more at once needs a second person");
    paper.line(4, "settle: 10m", "proposed: an edge may take five to ten minutes to follow");
}

fn joined(hosts: &[&Shown]) -> String {
    hosts.iter().map(|host| host.as_str()).collect::<Vec<_>>().join(", ")
}

fn run(paper: &mut Paper, home: &Home<'_>) {
    let Home { id, leg, run, found } = home;
    let from = if leg.mark.as_ref().is_some_and(|mark| mark.as_str() == id) { "what the map writes into x-served-by" } else { "proposed" };
    paper.line(6, &format!("- name: {}", quoted(id)), from);
    paper.key(8, "title", &format!("{} on Cloud Run", run.service), "");
    paper.line(8, "cloud_run:", "");
    paper.key(10, "service", run.service.as_str(), &format!("the serverless group {} of {} names it", run.group, run.region));
    paper.key(8, "backend_service", leg.service.name.as_str(), "the map leads to it");
    if let Some(tag) = &run.tag {
        paper.remark(8, &format!("The group leads to the revision with the tag {tag} alone."));
    }
    if !run.also.is_empty() {
        paper.remark(
            8,
            &format!(
                "The same backend service leads to Cloud Run in {} too; only one region is watched.",
                joined(&run.also.iter().collect::<Vec<_>>())
            ),
        );
    }
    match found {
        None => paper.remark(8, &format!("No Cloud Run service of this name was listed in {}.", run.region)),
        Some(service) => {
            let told = |target: &discovery::Target| {
                let which = target.revision.as_ref().map_or_else(|| "whatever was deployed last".to_owned(), ToString::to_string);
                format!("{}% to {which}", target.percent)
            };
            let split: Vec<String> = service.traffic.iter().map(told).collect();
            if !split.is_empty() {
                paper.remark(8, &format!("Its own traffic goes {}.", split.join(", ")));
            }
            if let Some(uri) = service.uri.as_ref().filter(|_| service.is_open) {
                let probe = format!("{}/", uri.as_str().trim_end_matches('/'));
                paper.key(
                    8,
                    "probe",
                    &probe,
                    "its own address, which takes requests from outside; any page that answers 2xx without a login",
                );
            }
        }
    }
}

fn gke(paper: &mut Paper, seen: Seen<'_>, target: &Target<'_>) {
    let Target { id, leg, name, workload, .. } = target;
    let marked = leg.and_then(|leg| leg.mark.as_ref()).is_some_and(|mark| mark.as_str() == id);
    paper.line(6, &format!("- name: {}", quoted(id)), if marked { "what the map writes into x-served-by" } else { "proposed" });
    let what = workload.deployment.value().or(name.value()).unwrap_or(id);
    paper.key(8, "title", &format!("{what} on GKE"), "");
    paper.line(8, "gke:", "");
    paper.said(10, "cluster", &workload.cluster);
    paper.said(10, "namespace", &workload.namespace);
    paper.said(10, "deployment", &workload.deployment);
    paper.said(8, "backend_service", name);
    paper.open(
        8,
        "readings: { load_balancer: {} }",
        "where do its figures come from? The load balancer's own are some minutes late; `pods: { port: 8080 }` reads each pod's page, and \
         `prometheus` asks a server, with your own series (README, Where figures come from). Without any, its triggers would see nothing.",
    );
    if collecting(seen).next().is_some() {
        by_prometheus(paper, workload);
    }
    paper.open(
        8,
        &format!("probe: https://{id}.example.com/health"),
        "which address leads to these pods alone, past the split, and answers 2xx without a login? While the first share brings fewer requests \
         than a trigger needs, only that lets it wait: without one it is blind then, and what `on_blind` says happens after five minutes. Leave it \
         out where `cutover check --rate` finds enough requests.",
    );
}

/// The same figures as Managed Prometheus has them, where a cluster collects for it: in the place of what is proposed before.
fn by_prometheus(paper: &mut Paper, workload: &Workload) {
    // Of a namespace alone, all its workloads would be counted together.
    let part = |said: &Said, other: &str| said.value().unwrap_or(other).replace(['"', '\\'], "");
    let of = format!("namespace=\"{}\", pod=~\"{}-.+\"", part(&workload.namespace, "default"), part(&workload.deployment, "my-deployment"));
    let count = |more: &str| format!("sum(increase(http_requests_total{{{of}{more}}}[2m]))");
    let bucket = format!("sum by (le) (rate(http_request_duration_seconds_bucket{{{of}}}[2m]))");
    let lines = [
        "readings:".to_owned(),
        "  prometheus:".to_owned(),
        "    source: managed".to_owned(),
        format!("    requests: {}", count("")),
        format!("    failures: {} or vector(0)", count(", code=~\"5..\"")),
        format!("    p95_latency: histogram_quantile(0.95, {bucket})"),
        "    latency_unit: s".to_owned(),
        "    top_bucket: 10s".to_owned(),
    ];
    paper.remark(
        8,
        "Or, from Managed Prometheus, in the place of the `readings` before: a backend has one, so the one excludes the other. Take both # away from \
         these lines, and from `sources` above.",
    );
    lines.iter().for_each(|line| paper.alternative(8, line));
}

fn triggers(paper: &mut Paper, draft: &Draft<'_>) {
    paper.blank();
    paper.line(0, "triggers:", "what brings the traffic home by itself");
    for Route { name, target, .. } in &draft.routes {
        let shared = |paper: &mut Paper, end: &str, metric: &str| {
            paper.line(2, &format!("- name: {}", quoted(&format!("{name}-{end}"))), "");
            paper.key(4, "route", name, "");
            paper.key(4, "backend", &target.id, "the target");
            paper.key(4, "metric", metric, "");
        };
        let blind = "what shall happen when there has been no figure for five minutes: go home, or stay and wait (`hold`)?";
        shared(paper, "errors", "error_rate");
        paper.open(
            4,
            "threshold: 5%",
            "which share of failed requests is a breach? What home fails on a bad day is no breach; what users bear is yours to say.",
        );
        paper.line(4, "duration: 2m", "proposed: `cutover check` prints how soon that acts at each rung");
        paper.line(4, "action: rollback", "proposed");
        paper.open(4, "on_blind: rollback", blind);
        shared(paper, "latency", "p95_latency");
        paper.open(4, "threshold: 1000ms", "which 95th percentile is too slow? Look at what home has at its busiest hour.");
        paper.line(4, "duration: 5m", "proposed: latencies swing more than error rates");
        paper.line(4, "action: rollback", "proposed");
        paper.open(4, "on_blind: rollback", blind);
    }
}

fn checklist(paper: &mut Paper) {
    paper.blank();
    paper.line(0, "checklist:", "proposed; lines of your own stand beside these");
    let stages = [
        (
            "pre_migration",
            &[
                ("monitoring", "Monitoring in place", "monitoring_in_place", "1m"),
                ("load-test", "Load testing completed", "signed", "14d"),
                ("rollback-tested", "Rollback plan tested", "signed", "7d"),
            ][..],
        ),
        ("post_migration", &[("all-traffic", "All traffic migrated", "all_traffic_on_target", "1m")][..]),
    ];
    for (stage, items) in stages {
        paper.line(2, &format!("{stage}:"), "");
        for (name, title, proof, expires) in items {
            paper.line(4, &format!("- {{ name: {name}, title: {title}, proof: {proof}, expires: {expires} }}"), "");
        }
    }
}

fn database(paper: &mut Paper, databases: &[Database]) {
    let all = primaries(databases);
    match &all[..] {
        [] => {}
        [(primary, replicas)] => {
            paper.blank();
            paper.line(0, "database:", "");
            paper.line(2, "mode: shared", "proposed: both platforms use the same primary, and nothing moves");
            paper.key(2, "primary", primary.name.as_str(), &told(primary, "the only primary of Cloud SQL"));
            if !replicas.is_empty() {
                let names: Vec<String> = replicas.iter().map(|replica| quoted(replica.name.as_str())).collect();
                paper.line(2, &format!("replicas: [{}]", names.join(", ")), "Cloud SQL says that they follow it");
            }
            paper.open(2, "lag_max: 1s", "how far may a replica be behind before somebody should look?");
        }
        several => {
            paper.blank();
            let names: Vec<String> = several.iter().map(|(primary, _)| told(primary, primary.name.as_str())).collect();
            paper.remark(
                0,
                &format!(
                    "Cloud SQL has several primaries: {}. If one of them belongs to this migration, take both # away:",
                    names.join("; ")
                ),
            );
            let first = several[0].0.name.as_str();
            for line in ["database:".to_owned(), "  mode: shared".to_owned(), format!("  primary: {first}"), "  lag_max: 1s".to_owned()] {
                paper.alternative(0, &line);
            }
        }
    }
}

fn told(database: &Database, what: &str) -> String {
    let Database { version, region, state, .. } = database;
    format!("{what} ({version}, {region}, {state})")
}

fn rest(paper: &mut Paper) {
    paper.blank();
    paper.line(0, "phases:", "proposed: what the screen calls the parts of the journey");
    for (name, title, from, to) in [
        ("parallel-infrastructure", "Parallel infrastructure", "0%", "0%"),
        ("service-migration", "Service migration", "0%", "50%"),
        ("validation-and-cutover", "Validation and cutover", "50%", "100%"),
    ] {
        paper.line(2, &format!("- {{ name: {name}, title: {title}, from: {from}, to: {to} }}"), "");
    }
    paper.blank();
    paper.line(0, "limits:", "");
    paper.line(2, "home_ready_min: 80%", "proposed: Cloud Run may let a fifth of its instances go by itself");
}
