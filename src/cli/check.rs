//! `cutover check PLAN`: everything that is wrong with a plan file, in one go.
//!
//! It reads the file, and the manifests that it names, and nothing else. Whether the world looks as the plan says is another question, which needs credentials: [`live`].

use std::path::{Path, PathBuf};

use color_eyre::eyre::Result;

use crate::{
    cli::{
        Exit, bounds,
        bundle::Bundle,
        check::{
            finding::{Finding, Id},
            report::{Format, Report},
        },
        compose::{Places, Proxied},
        place::said,
        print,
    },
    core::detection,
    domain::{id::ItemId, position::Position, shown::Shown, time::Millis, weight::PerMille},
    plan::{
        bundle::Remarks,
        diagnostic::{self, Diagnostic},
        document::Place,
        model::{
            Backend, Driver, MapPart, Plan, Proof, Route, RulePart, Stage, TriggerAction,
            clusters::ClusterWay,
            readings::{Asked, Author, Cadence, Feed, FeedSource, Gauge, PodPages, Readings, Server, Source},
        },
        units,
    },
    session::clock::Clock,
    sim::simulation::Endpoints,
    words,
};

pub mod finding;
pub mod live;
pub(in crate::cli) mod manifests;
pub mod report;
mod sightless;
mod spots;
pub(in crate::cli) mod undecided;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The plan file to read
    plan: PathBuf,
    /// Look also, once, at everything that the plan names; nothing is changed
    #[arg(long, conflicts_with = "simulated")]
    live: bool,
    /// The same at the world of `cutover sim --port PORT`, instead of `--live`
    #[arg(long, value_name = "PORT", allow_negative_numbers = true, value_parser = bounds::world_port)]
    simulated: Option<u16>,
    /// How many requests come to a route in all, to reckon what its triggers can see
    #[arg(long, value_name = "RATE", default_value = "100/s", value_parser = rate)]
    rate: f64,
    /// Text for people, or one document for programs: json, or sarif (2.1.0)
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

fn rate(text: &str) -> Result<f64, String> {
    units::rate(text).map_err(|error| format!("{}; allowed is {}", error.message, units::RATE_ALLOWED))
}

/// Prints what the check came to.
/// # Errors
/// When nothing can be sent from this machine; a plan that can't be read is an answer, and so are missing credentials.
pub async fn run(args: Args) -> Result<Exit> {
    let checked = check(&args.plan, args.rate);
    if args.format == Format::Text {
        print::out(&checked.text);
    }
    let file = args.plan.display().to_string();
    let mut findings = checked.findings;
    let (mut well, mut exit) = (Vec::new(), checked.exit);
    let digest = checked.plan.as_ref().map(|plan| plan.hash.to_string());
    let live = checked.plan.as_ref().filter(|_| args.live || args.simulated.is_some());
    if let Some(plan) = live {
        let places = args.simulated.map_or(Places::Live, |first| Places::Simulated(Endpoints::in_a_row(first)));
        let survey = tokio::select! {
            survey = live::survey(plan, &checked.source, &places, Clock::live()) => survey?,
            // Half a document would be none; whoever reads it is told by the code, and people by a word beside it.
            _ = tokio::signal::ctrl_c() => {
                return Ok(said("interrupted before everything was looked at; nothing was changed, and nothing is told of it", Exit::Interrupted));
            }
        };
        if args.format == Format::Text {
            print::out(&looked_at(&survey.proxied));
            // What the plan itself is remarked on for stands above; what forbids a flight is said once more.
            findings.retain(is_error);
        }
        findings.extend(survey.findings);
        well = survey.well;
        exit = if findings.iter().any(is_error) { Exit::Unsettled } else { Exit::Done };
    }
    let report = Report { file: &file, digest, findings: &findings, well: &well, live: live.is_some(), exit };
    match args.format {
        Format::Text if live.is_some() => print::out(&report.text()),
        Format::Text => {}
        Format::Json => print::out(&document(&report.json())),
        Format::Sarif => print::out(&document(&report.sarif())),
    }
    Ok(exit)
}

fn document(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

fn looked_at(proxied: &Proxied) -> String {
    let mut text = "\nlooking at everything it names:\n".to_owned();
    for (proxy, origins) in proxied {
        let origins: Vec<&str> = origins.iter().map(String::as_str).collect();
        text.push_str(&format!("  the proxy {proxy} (HTTPS_PROXY) carries what is sent to {}\n", origins.join(", ")));
    }
    text.push('\n');
    text
}

/// What a check came to: the text for the terminal, and `Done` for a plan that can be used, `Usage` for any other.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    pub text: String,
    pub exit: Exit,
    /// The same remarks, for programs.
    pub findings: Vec<Finding>,
    /// What was read, as text.
    pub source: String,
    /// What can be used, if it can.
    pub plan: Option<Plan>,
}

/// Checks the plan at `path`, for routes to which `rate` requests a second come.
pub fn check(path: &Path, rate: f64) -> Checked {
    let name = path.display().to_string();
    match Bundle::load(path) {
        Ok(bundle) => check_bundle(&bundle, rate),
        Err(error) => {
            let text =
                format!("error: {} can't be read: {error}; nothing was checked; name a plan file that you may read\n", Shown::new(&name));
            let why = format!("{error}; nothing was checked; name a plan file that you may read");
            let findings = vec![Finding::new(Id::PlanUnreadable, name, why)];
            Checked { text, exit: Exit::Usage, findings, source: String::new(), plan: None }
        }
    }
}

/// Checks a plan and its manifests.
pub(in crate::cli) fn check_bundle(bundle: &Bundle, rate: f64) -> Checked {
    let source = bundle.text(None);
    let undecided = undecided::questions(&source);
    match bundle.read() {
        Ok((plan, told)) => {
            let mut warnings: Vec<Diagnostic> = told.into_iter().filter(|told| told.of.is_none()).flat_map(|told| told.remarks).collect();
            let (sightless, first) = (sightless::warnings(&plan, &source, rate), sightless::first_shares(&plan, &source, rate));
            let told = remarks(&undecided, Id::PlanUndecided).chain(remarks(&warnings, Id::PlanDoubtful));
            let seen = remarks(&sightless, Id::TriggerTooFewRequests).chain(remarks(&first, Id::FirstShareBlind));
            let mut findings: Vec<Finding> = told.chain(seen).collect();
            warnings.extend(undecided.into_iter().chain(sightless).chain(first));
            let of_manifests = manifests::findings(&plan, bundle);
            let text =
                summary(&bundle.name(None), &plan, &warnings, &source) + &budget(&plan, rate) + &manifests::told(&of_manifests, bundle);
            findings.extend(of_manifests);
            let exit = if findings.iter().any(is_error) { Exit::Unsettled } else { Exit::Done };
            Checked { text, exit, findings, source, plan: Some(plan) }
        }
        Err(mut told) => {
            let mut findings: Vec<Finding> = Vec::new();
            for Remarks { of, remarks: found } in &told {
                let named = |finding: Finding| match of {
                    None => finding,
                    Some(id) => {
                        Finding { id: Id::ManifestInvalid, object: format!("the manifest {id}"), ..finding }.in_file(bundle.name(Some(id)))
                    }
                };
                findings.extend(remarks(found, Id::PlanDoubtful).map(named));
            }
            findings.extend(remarks(&undecided, Id::PlanUndecided));
            if let Some(plan) = told.first_mut() {
                plan.remarks.extend(undecided);
            }
            Checked { text: bundle.rendered(&told), exit: Exit::Usage, findings, source, plan: None }
        }
    }
}

fn is_error(finding: &Finding) -> bool {
    finding.severity == finding::Severity::Error
}

/// The reader's remarks as findings; `doubt` is what a warning of it is called.
fn remarks(diagnostics: &[Diagnostic], doubt: Id) -> impl Iterator<Item = Finding> {
    diagnostics.iter().map(move |remark| {
        let id = match remark.severity {
            diagnostic::Severity::Error => Id::PlanInvalid,
            diagnostic::Severity::Warning => doubt,
        };
        let (message, allowed, suggestion) = remark.told();
        let allowed = allowed.map_or_else(String::new, |allowed| format!("; allowed: {allowed}"));
        let help = suggestion.map_or_else(String::new, |help| format!("; {help}"));
        let object = if remark.path.is_empty() { "the plan".to_owned() } else { remark.path.clone() };
        Finding::new(id, object, format!("{message}{allowed}{help}")).at(Some(Place { line: remark.line, column: remark.column }))
    })
}

/// What was understood, so that a reader sees a slip that is no mistake.
fn summary(file: &str, plan: &Plan, warnings: &[Diagnostic], source: &str) -> String {
    let mut text = diagnostic::render_all(warnings, file, source);
    text.push_str(&format!("\n{}: {} ({}, {})\n", Shown::new(file), plan.name, plan.project, plan.region));
    text.push_str(&format!("  plan    {}\n", plan.hash.short()));
    if let Some(universe) = &plan.universe_domain {
        text.push_str(&format!("  domain  {universe}: all of Google's APIs are asked there, with credentials of that universe alone\n"));
    }
    for (cluster, way) in &plan.clusters {
        if let ClusterWay::Kubeconfig { context } = way {
            text.push_str(&format!(
                "  cluster {cluster}: by the context {context} of the host's kubeconfig, if its owner lets plans use it\n"
            ));
        }
    }
    text.push_str(&manifests::summary(plan));
    for route in &plan.routes {
        text.push_str(&format!("  route   {}\n", route_line(route)));
    }
    for backend in plan.routes.iter().flat_map(|route| &route.backends) {
        if let Some(readings) = &backend.readings {
            text.push_str(&format!("  figures {}\n", readings_line(plan, backend, readings)));
            text.push_str(&written(readings));
        }
        if let Some(pods) = &backend.pods {
            text.push_str(&format!("  figures {}\n", pods_line(plan, backend, pods)));
        }
        for feed in &backend.series {
            text.push_str(&format!("  series  {}\n", feed_line(plan, backend, feed)));
        }
    }
    for trigger in &plan.triggers {
        let action = match trigger.action {
            TriggerAction::Rollback => "roll back",
            TriggerAction::Hold => "hold",
        };
        let bound = trigger.metric.unit().show(trigger.limit);
        let (metric, bad) = (trigger.metric, trigger.metric.bad().name());
        let line = format!("{metric} of {}/{} {bad} {bound} for {}", trigger.route, trigger.backend, trigger.lasting);
        text.push_str(&format!("  trigger {line}: {action}\n"));
    }
    let counts = [Stage::PreMigration, Stage::DuringMigration, Stage::PostMigration]
        .map(|stage| plan.checklist.iter().filter(|item| item.stage == stage).count());
    let collected = plan.checklist.iter().filter(|item| item.proof != Proof::Signed).count();
    let [before, during, after] = counts;
    text.push_str(&format!("  items   {before} before, {during} during, {after} after; {collected} of them prove themselves\n"));
    for step in plan.steps() {
        text.push_str(&format!("  step    {}: {}\n", step.id, words::steps::desired(&step.desired)));
    }
    text
}

/// What each trigger can see at each rung of its route's ladder.
fn budget(plan: &Plan, rate: f64) -> String {
    let mut text = String::new();
    for trigger in &plan.triggers {
        let Some(route) = plan.routes.iter().find(|route| route.id == trigger.route) else { continue };
        let (bound, cadence) = (trigger.metric.unit().show(trigger.limit), plan.cadence_of(&trigger.backend, trigger.metric));
        let head = format!("{} of {} {} {bound}", trigger.metric, trigger.backend, trigger.metric.bad().name());
        text.push_str(&format!(
            "\nwhat `{}` can see ({head}), with {} on {}{}:\n",
            trigger.id,
            units::per_second(rate),
            route.id,
            if cadence.window == Millis(0) { String::new() } else { format!(" in windows of {}", cadence.window) }
        ));
        let seen = detection::budget(trigger, &route.ladder, cadence, rate);
        seen.iter().for_each(|seen| text.push_str(&format!("  {}\n", words::detection(seen, trigger.metric))));
        match seen.iter().find_map(|seen| seen.least.as_ref()) {
            Some(least) => {
                text.push_str(&format!("  made of {}\n", words::spans(least)));
                text.push_str(&format!("  and then, by `settle`, about {} until users have followed\n", route.settle));
            }
            None if seen.iter().any(|seen| seen.outage.is_some()) => {}
            None => text.push_str("  it can't act at any share; `--rate` says how much really comes\n"),
        }
    }
    text
}

/// Who is asked for a backend's figures, and how old they are.
fn readings_line(plan: &Plan, backend: &Backend, readings: &Readings) -> String {
    let (Source { name, server, .. }, cadence) = (&readings.source, plan.cadence(&backend.id));
    let server = match server {
        Server::Prometheus { url, .. } => url.to_string(),
        Server::Google { project } => format!("Google, project {project}"),
    };
    let Cadence { window, lateness, stale_after, .. } = cadence;
    let age = format!("at most {lateness} old when all is well, stale after {stale_after}");
    let newest = if readings.author == Author::Plan { format!("; newest by {}", readings.newest) } else { String::new() };
    format!("{} from {name} ({server}), over {window}, {age}{newest}", backend.id)
}

/// What the pages of a backend's pods are read for.
fn pods_line(plan: &Plan, backend: &Backend, pods: &PodPages) -> String {
    let PodPages { port, path, requests, status_label, failed_when, latency, without, .. } = pods;
    let Cadence { window, stale_after, .. } = plan.cadence(&backend.id);
    let status = status_label.as_ref().map_or_else(|| "the label with a status in digits".to_owned(), |label| format!("label `{label}`"));
    let failed = if failed_when.is_empty() { "5xx".to_owned() } else { listed(failed_when) };
    let latencies = latency.as_ref().map_or_else(|| "no latencies".to_owned(), |told| format!("latencies by `{}`", told.family));
    let others: Vec<String> = without.iter().map(|(label, begins)| format!("{label} {begins}…")).collect();
    let but = if others.is_empty() { String::new() } else { format!("; without {}", others.join(", ")) };
    format!(
        "{} from the page of each ready pod (port {port}, {path}), over {window}, stale after {stale_after}: requests by `{requests}`, failed where {status} holds {failed}, {latencies}{but}",
        backend.id
    )
}

fn listed(words: &[Shown]) -> String {
    words.iter().map(Shown::as_str).collect::<Vec<_>>().join(", ")
}

/// Where a declared series comes from, and what it is taken of.
fn feed_line(plan: &Plan, backend: &Backend, feed: &Feed) -> String {
    let Feed { series, from } = feed;
    let head = format!("{} of {} ({}, bad {})", series.name(), backend.id, series.unit.name(), series.bad.name());
    let Cadence { lateness, stale_after, .. } = Cadence::of_feed(from, plan.limits.scrape_every);
    match from {
        FeedSource::Asked(Asked { source, query, newest }) => format!(
            "{head} from {}: {query}; at most {lateness} old when all is well, stale after {stale_after}; newest by {newest}",
            source.name
        ),
        FeedSource::Gauge(Gauge { family, labels, over }) => {
            let labels: Vec<String> = labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
            let only = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let of = if backend.pods.is_some() { "the pages of all ready pods" } else { "its page" };
            format!("{head}: the {} of `{family}{only}` on {of}, stale after {stale_after}", over.name())
        }
    }
}

/// The queries that the plan doesn't write out itself.
fn written(readings: &Readings) -> String {
    let by = match &readings.author {
        Author::Plan => return String::new(),
        Author::LoadBalancer => "of the load balancer".to_owned(),
        Author::CloudRun => "of Cloud Run".to_owned(),
        Author::Preset(name) => format!("of the preset `{name}`"),
    };
    let mut text = format!("          the queries {by}:\n");
    for (key, query) in readings.queries() {
        text.push_str(&format!("            {key:<11}  {query}\n"));
    }
    if let Some(top) = readings.latencies.as_ref().and_then(|latencies| latencies.top_bucket) {
        text.push_str(&format!("          latencies are told up to {top}, the highest bucket; `top_bucket` says another\n"));
    }
    text
}

fn route_line(route: &Route) -> String {
    let below = std::iter::once(PerMille::ZERO).chain(route.ladder.iter().copied());
    let ladder: Vec<_> = route.ladder.iter().zip(below).map(|(rung, below)| rung_text(route, *rung, below)).collect();
    let place = match &route.driver {
        // What a route steers where it says nothing else.
        Driver::UrlMap(MapPart { position: Position::Default, region: None, project: None, .. }) | Driver::CloudRunRevisions { .. } => {
            String::new()
        }
        Driver::UrlMap(MapPart { url_map, position, region, project }) => {
            let of = |place: &Option<Shown>| place.as_ref().map_or_else(String::new, |place| format!(" of {place}"));
            format!("; {position} in {url_map}{}{}", of(region), of(project))
        }
        Driver::HttpRoute(RulePart { http_route, namespace, cluster, rule, shared_with, .. }) => {
            let names: Vec<&str> = shared_with.iter().map(Shown::as_str).collect();
            let others = if names.is_empty() { String::new() } else { format!(", whose weights {} leaves alone", names.join(" and ")) };
            format!("; {rule} of the HTTPRoute {namespace}/{http_route} in {cluster}{others}")
        }
    };
    format!("{}: {} → {} by {}, at most {} at once{place}", route.id, route.home, route.target, ladder.join(" "), route.step_max)
}

/// A rung with what has to be done before it.
fn rung_text(route: &Route, rung: PerMille, below: PerMille) -> String {
    let needs: Vec<&str> = route.gates.iter().filter(|gate| gate.above == below).flat_map(|gate| &gate.needs).map(ItemId::as_str).collect();
    if needs.is_empty() { rung.to_string() } else { format!("{rung} (needs {})", needs.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_bytes(file: &str, bytes: &[u8], rate: f64) -> Checked {
        check_bundle(&Bundle::new(Path::new(file), Vec::new(), bytes.to_vec()), rate)
    }

    #[test]
    fn a_good_plan_is_summed_up_and_a_bad_one_fails() {
        let good = check_bytes("plan.yaml", include_bytes!("../../plans/hexproperty.yaml"), 120.0);
        assert_eq!(good.exit, Exit::Done);
        assert!(good.text.contains("frontend: run → gke by 1% 5% 25% 50% 100%, at most 50% at once"), "{}", good.text);
        assert!(good.text.contains("at    1%     36 requests: 13.89% or more within 2m35s; if all fail, within 2m10s"), "{}", good.text);
        assert!(good.text.contains("at    1%     36 requests: too few, it sees nothing"), "{}", good.text);
        assert!(good.text.contains("5 before, 5 during, 5 after; 7 of them prove themselves"), "{}", good.text);
        assert_eq!(check_bytes("plan.yaml", b"name: x\n", 120.0).exit, Exit::Usage);
    }

    #[test]
    fn a_rule_of_an_http_route_is_said_with_its_cluster_and_who_else_applies_it() {
        let text =
            include_str!("../../plans/gke-to-gke.yaml").replacen("rule: 1\n", "rule: 1\n      shared_with: [argocd-controller]\n", 1);
        let checked = check_bytes("plan.yaml", text.as_bytes(), 120.0);
        let said = "; rules[1] of the HTTPRoute hexproperty/api in hexproperty-prod, whose weights argocd-controller leaves alone";
        assert!(checked.exit == Exit::Done && checked.text.contains(said), "{}", checked.text);
    }

    #[test]
    fn one_address_for_two_backends_is_an_error_at_the_second() {
        let text = include_str!("../../plans/hexproperty.yaml");
        for (key, address) in
            [("metrics", "https://frontend-gke.hexproperty.com/metrics"), ("probe", "https://frontend-gke.hexproperty.com/health")]
        {
            let twin = text.replacen(address, &address.replace("-gke", "-run"), 1);
            assert_ne!(twin, text, "{key}");
            let checked = check_bytes("plan.yaml", twin.as_bytes(), 120.0);
            assert_eq!(checked.exit, Exit::Usage, "{key}");
            assert!(checked.text.contains(&format!("`{key}` is the address of backend `run` too")), "{}", checked.text);
        }
    }

    #[test]
    fn what_a_rung_needs_stands_beside_it() {
        let text = include_str!("../../plans/hexproperty.yaml").replacen("5%, 25%,", "5%, { share: 25%, needs: [load-test] },", 1);
        let checked = check_bytes("plan.yaml", text.as_bytes(), 120.0);
        assert!(checked.text.contains("by 1% 5% 25% (needs load-test) 50% 100%, at most"), "{}", checked.text);
    }

    #[test]
    fn what_is_no_file_is_refused_with_its_name() {
        let directory = check(Path::new("/"), 120.0);
        assert_eq!(directory.exit, Exit::Usage);
        assert!(directory.text.contains("/ can't be read: it is no regular file"), "{}", directory.text);
        assert!(check(Path::new("/there/is/no/such/plan.yaml"), 120.0).text.contains("can't be read"));
    }
}
