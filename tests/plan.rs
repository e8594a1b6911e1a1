//! The reading of plans, seen from outside: the good plan, a corpus of broken ones, and whatever else anybody may feed it.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets a surprise has failed, and says what it saw"
)]

#[path = "plan/bundle.rs"]
mod bundle;
#[path = "plan/figures.rs"]
mod figures;
#[path = "plan/manifests.rs"]
mod manifests;
#[path = "plan/schema.rs"]
mod schema;

use std::collections::BTreeSet;

use cutover::{
    domain::{
        answer::{Expect, Statuses},
        digest::Digest,
        platform::Endpoint,
        shown::Shown,
        weight::PerMille,
    },
    plan::{
        self,
        diagnostic::{self, Severity},
        lexical,
        model::{Driver, Gate, Plan, UnlikeHome, clusters::ClusterWay, readings::Server},
    },
};

const GOOD: &str = include_str!("../plans/hexproperty.yaml");
const PROMETHEUS: &str = include_str!("../plans/prometheus.yaml");
const LOAD_BALANCER: &str = include_str!("../plans/load_balancer.yaml");
const MINIMAL: &str = include_str!("../plans/minimal.yaml");
const STEPS: &str = include_str!("../plans/steps.yaml");
const SERVICES: &str = include_str!("../plans/services.yaml");
const RULES: &str = include_str!("../plans/rules.yaml");
const CLUSTERS: &str = include_str!("../plans/gke-to-gke.yaml");

#[test]
fn the_plan_that_ships_has_nothing_to_remark_on() {
    let read = plan::read(GOOD.as_bytes());
    let shown = match &read {
        Ok((_, warnings)) => diagnostic::render_all(warnings, "hexproperty.yaml", GOOD),
        Err(problems) => diagnostic::render_all(problems, "hexproperty.yaml", GOOD),
    };
    assert_eq!(shown, "0 errors, 0 warnings\n");
}

#[test]
fn the_plan_with_a_prometheus_has_nothing_to_remark_on_either() {
    let (plan, warnings) = plan::read(PROMETHEUS.as_bytes())
        .unwrap_or_else(|problems| panic!("{}", diagnostic::render_all(&problems, "prometheus.yaml", PROMETHEUS)));
    assert_eq!(diagnostic::render_all(&warnings, "prometheus.yaml", PROMETHEUS), "0 errors, 0 warnings\n");
    let gke = plan.routes[0].backends.iter().find(|backend| backend.id.as_str() == "gke").unwrap();
    let readings = gke.readings.as_ref().unwrap();
    assert_eq!(readings.newest.as_str(), "max(timestamp(http_requests_total{job=\"frontend-gke\"}))");
    let cadence = plan.cadence(&gke.id);
    let seconds = [cadence.every, cadence.sampled, cadence.window, cadence.lateness, cadence.stale_after].map(|span| span.0 / 1000);
    assert_eq!(seconds, [5, 15, 60, 25, 50]);
    // A plan without readings is written as it always was.
    let (plain, _) = plan::read(GOOD.as_bytes()).unwrap();
    assert!(!serde_json::to_string(&plain).unwrap().contains("readings"));
}

#[test]
fn a_cluster_is_reached_as_the_plan_says_and_a_plan_that_says_nothing_is_written_as_it_always_was() {
    let with = |ways: &str| GOOD.replacen("\nroutes:", &format!("\nclusters:\n  hexproperty-prod: {ways}\n\nroutes:"), 1);
    let way = |ways: &str| {
        let (plan, warnings) = plan::read(with(ways).as_bytes()).unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(serde_json::from_value::<Plan>(serde_json::to_value(&plan).unwrap()).unwrap(), plan);
        plan.clusters.into_values().next().unwrap()
    };
    assert_eq!(
        way("{ endpoint: dns, project: hexproperty-network, location: us-central1-a }"),
        ClusterWay::Gke {
            endpoint: Endpoint::Dns,
            project: Some(Shown::new("hexproperty-network")),
            location: Some(Shown::new("us-central1-a"))
        }
    );
    assert_eq!(way("{ endpoint: private }"), ClusterWay::Gke { endpoint: Endpoint::Private, project: None, location: None });
    assert_eq!(way("{ proxy: http://127.0.0.1:8001 }"), ClusterWay::Proxy { url: Shown::new("http://127.0.0.1:8001") });
    assert_eq!(way("{ kubeconfig: { context: ops@prod } }"), ClusterWay::Kubeconfig { context: Shown::new("ops@prod") });
    let (plain, _) = plan::read(GOOD.as_bytes()).unwrap();
    assert!(!serde_json::to_string(&plain).unwrap().contains("clusters"));
}

#[test]
fn a_google_token_is_for_the_universe_that_the_plan_names_and_for_no_other() {
    let asks = |universe: &str, host: &str| {
        let text = PROMETHEUS.replacen("\nregion:", &format!("{universe}\nregion:"), 1);
        let (before, source) = text.split_once("prometheus: https://").unwrap();
        let (_, rest) = source.split_once("auth: bearer").unwrap();
        plan::read(format!("{before}prometheus: https://{host}\n    auth: google{rest}").as_bytes()).is_ok()
    };
    let other = "\nuniverse_domain: apis-tpc.goog";
    assert!(asks("", "monitoring.googleapis.com") && asks(other, "monitoring.apis-tpc.goog"));
    assert!(!asks("", "monitoring.apis-tpc.goog") && !asks(other, "monitoring.googleapis.com"));
    for wrong in ["https://googleapis.com", "googleapis", "169.254.169.254", "Googleapis.com", "metadata.google.internal"] {
        let text = GOOD.replacen("\nregion:", &format!("\nuniverse_domain: {wrong}\nregion:"), 1);
        let problems = plan::read(text.as_bytes()).unwrap_err();
        assert!(problems.len() == 1 && problems[0].message.ends_with("is the domain of no universe"), "{problems:?}");
    }
}

#[test]
fn the_smallest_plan_fits_on_one_screen() {
    assert!(MINIMAL.lines().count() <= 24, "a terminal has 24 rows at least");
    let (_, warnings) =
        plan::read(MINIMAL.as_bytes()).unwrap_or_else(|problems| panic!("{}", diagnostic::render_all(&problems, "minimal.yaml", MINIMAL)));
    assert_eq!(diagnostic::render_all(&warnings, "minimal.yaml", MINIMAL), "0 errors, 0 warnings\n");
}

#[test]
fn the_plan_with_steps_is_a_good_one() {
    let (plan, warnings) =
        plan::read(STEPS.as_bytes()).unwrap_or_else(|problems| panic!("{}", diagnostic::render_all(&problems, "steps.yaml", STEPS)));
    assert_eq!(diagnostic::render_all(&warnings, "steps.yaml", STEPS), "0 errors, 0 warnings\n");
    assert_eq!(plan.steps().count(), 6);
}

#[test]
fn services_behind_one_load_balancer_steer_a_place_of_its_map_each() {
    let (plan, warnings) = plan::read(SERVICES.as_bytes())
        .unwrap_or_else(|problems| panic!("{}", diagnostic::render_all(&problems, "services.yaml", SERVICES)));
    assert_eq!(diagnostic::render_all(&warnings, "services.yaml", SERVICES), "0 errors, 0 warnings\n");
    let positions: Vec<String> = plan
        .routes
        .iter()
        .map(|route| match &route.driver {
            Driver::UrlMap(part) => format!("{} of {}", part.position, part.url_map),
            Driver::CloudRunRevisions { .. } | Driver::HttpRoute(_) => panic!("it steers no map"),
        })
        .collect();
    let wanted = ["the default route", "path matcher backend", "the path matcher of partners.hexproperty.com"];
    assert_eq!(positions, wanted.map(|position| format!("{position} of hexproperty-lb")));
    let by_hand = plan.home_by_hand(&plan.routes[1]);
    assert!(by_hand.contains("BEGIN{n=\"backend\"}") && by_hand.contains("if(/\\/backend-run$/)w=1000;"), "{by_hand}");
}

#[test]
fn a_rule_of_an_http_route_is_a_driver_of_its_own() {
    let (plan, warnings) = plan::read(CLUSTERS.as_bytes())
        .unwrap_or_else(|problems| panic!("{}", diagnostic::render_all(&problems, "gke-to-gke.yaml", CLUSTERS)));
    assert_eq!(diagnostic::render_all(&warnings, "gke-to-gke.yaml", CLUSTERS), "0 errors, 0 warnings\n");
    let driver = |text: &str| plan::read(text.as_bytes()).unwrap().0.routes[0].driver.clone();
    let rules: Vec<String> = ["      rule: 1\n", "      rule: internal\n", ""]
        .map(|line| driver(&CLUSTERS.replacen("      rule: 1\n", line, 1)))
        .iter()
        .map(|driver| match driver {
            Driver::HttpRoute(part) => part.rule.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(rules, ["rules[1]", "the rule internal", "the only rule"]);
    let record = serde_json::to_value(&plan).unwrap();
    let route = &record["routes"][0];
    let wanted =
        serde_json::json!({"http_route": "api", "namespace": "hexproperty", "cluster": "hexproperty-prod", "rule": {"at": {"index": 1}}});
    assert_eq!(route["driver"], serde_json::json!({"http-route": wanted}), "a word that older programs can't read");
    assert_eq!(route["backends"][0]["ref_kind"], "service-import");
    assert_eq!(serde_json::from_value::<Plan>(record).unwrap(), plan);
    // The plans of before are written as they always were.
    assert!(!serde_json::to_string(&plan::read(GOOD.as_bytes()).unwrap().0).unwrap().contains("ref_kind"));
    let by_hand = plan.home_by_hand(&plan.routes[0]);
    let kubectl = "kubectl --context=gke_hexproperty_us-central1_hexproperty-prod";
    let at = "httproute api --namespace=hexproperty";
    assert!(by_hand.starts_with(&format!("{kubectl} get {at} -o go-template='{{{{range $i, $r := .spec.rules}}}}")), "{by_hand}");
    assert!(by_hand.contains("w[\"api-1\"]=1000;w[\"api-2\"]=0;"), "{by_hand}");
    assert!(by_hand.ends_with(&format!("' | {kubectl} patch {at} --type=json --patch-file=/dev/stdin")), "{by_hand}");
}

/// A program that knows no matchers would steer the default route of the same map: it must not be able to read such a plan.
#[test]
fn a_record_of_a_place_in_a_map_is_none_that_older_programs_take_for_the_default_route() {
    let record = |text: &str| serde_json::to_value(&plan::read(text.as_bytes()).unwrap().0).unwrap();
    let services = record(SERVICES);
    let drivers = |at: usize| services["routes"][at]["driver"].clone();
    assert_eq!(drivers(0), serde_json::json!({"url-map": {"url_map": "hexproperty-lb"}}), "as it always was");
    assert_eq!(drivers(0), record(GOOD)["routes"][0]["driver"]);
    assert_eq!(drivers(1)["url-map-part"]["position"], serde_json::json!({"path-matcher": {"name": "backend"}}));
    assert_eq!(drivers(2)["url-map-part"]["position"], serde_json::json!({"host": {"host": "partners.hexproperty.com"}}));
    let regional = record(&GOOD.replacen("url_map: hexproperty-lb", "url_map: hexproperty-lb\n      region: us-east1", 1));
    assert_eq!(regional["routes"][0]["driver"]["url-map-part"]["region"], "us-east1");
    assert_eq!(serde_json::from_value::<Plan>(services).unwrap(), plan::read(SERVICES.as_bytes()).unwrap().0);
    let rules = record(RULES);
    let position = |at: usize| rules["routes"][at]["driver"]["url-map-part"]["position"].clone();
    assert_eq!(position(1), serde_json::json!({"rule": {"of": {"name": {"name": "backend"}}, "rule": {"route": {"priority": 20}}}}));
    let host = serde_json::json!({"host": {"host": "partners.hexproperty.com"}});
    assert_eq!(position(2), serde_json::json!({"rule": {"of": host, "rule": {"path": {"path": "/v2/*"}}}}));
    assert_eq!(serde_json::from_value::<Plan>(rules).unwrap(), plan::read(RULES.as_bytes()).unwrap().0);
    assert!(!serde_json::to_string(&plan::read(GOOD.as_bytes()).unwrap().0).unwrap().contains("\"project\":null"), "as it always was");
    let shared = record(&GOOD.replacen("url_map: hexproperty-lb", "url_map: hexproperty-lb\n      project: shared-net", 1));
    assert_eq!(shared["routes"][0]["driver"]["url-map-elsewhere"]["project"], "shared-net");
    // Its backends are enough: a program of before would take one of them for its namesake in the plan's own project.
    let services =
        record(&GOOD.replacen("backend_service: frontend-run", "backend_service: frontend-run\n        project: run-services", 1));
    assert_eq!(services["routes"][0]["driver"]["url-map-elsewhere"]["project"], "hexproperty");
    assert_eq!(services["routes"][0]["backends"][0]["project"], "run-services");
    let own = record(&GOOD.replacen("url_map: hexproperty-lb", "url_map: hexproperty-lb\n      project: hexproperty", 1));
    assert_eq!(own["routes"][0]["driver"], record(GOOD)["routes"][0]["driver"], "what is the plan's own needs no word");
}

/// A load balancer of the network's project, its backends in the services' own.
#[test]
fn what_is_another_projects_is_asked_for_and_moved_by_hand_there() {
    let text = LOAD_BALANCER.replacen("url_map: hexproperty-lb", "url_map: hexproperty-lb, project: shared-net", 1);
    let text = text.replacen("backend_service: frontend-run", "backend_service: frontend-run\n        project: run-services", 1);
    let (plan, warnings) =
        plan::read(text.as_bytes()).unwrap_or_else(|problems| panic!("{}", diagnostic::render_all(&problems, "shared.yaml", &text)));
    assert_eq!(warnings, []);
    let route = &plan.routes[0];
    let owners: Vec<&str> = route.backends.iter().map(|backend| plan.project_of(backend).as_str()).collect();
    assert_eq!(owners, ["run-services", "hexproperty"]);
    let by_hand = plan.home_by_hand(route);
    assert!(
        by_hand.contains("export hexproperty-lb --global --project=shared-net |") && !by_hand.contains("--project=hexproperty"),
        "{by_hand}"
    );
    let server = route.backends[0].readings.as_ref().unwrap().source.server.clone();
    assert_eq!(server, Server::Google { project: "shared-net".into() }, "the load balancer's figures are its front end's project's");
}

#[test]
fn the_plan_with_splits_in_rules_has_nothing_to_remark_on_and_each_slip_gets_one_error() {
    let (_, warnings) =
        plan::read(RULES.as_bytes()).unwrap_or_else(|problems| panic!("{}", diagnostic::render_all(&problems, "rules.yaml", RULES)));
    assert_eq!(diagnostic::render_all(&warnings, "rules.yaml", RULES), "0 errors, 0 warnings\n");
    let slips = [
        ("      path_matcher: backend\n", "", "add `path_matcher: NAME`"),
        ("route_rule: 20\n", "route_rule: 20\n      path_rule: /v2/*\n", "never both"),
        ("route_rule: 20\n", "route_rule: first\n", "a whole number from 0 to 2147483647"),
        ("route_rule: 20\n", "route_rule: 2147483648\n", "a whole number from 0 to 2147483647"),
        ("route_rule: 20\n", "route_rul: 20\n", "did you mean `route_rule`?"),
        ("path_rule: /v2/*\n", "path_rule: /v2*\n", "did you mean `/v2/*`?"),
        ("path_rule: /v2/*\n", "path_rule: v2/*\n", "beginning with /"),
        ("path_rule: /v2/*\n", "path_rule: /v2/*?a=1\n", "a * only at the end"),
        ("path_rule: /v2/*\n", "path_rule: \"/v2/'\"\n", "is no path of a path rule"),
        ("path_rule: /v2/*\n", "path_rule: /v2/*\n      project: Shared\n", "is no project id"),
    ];
    for (good, slip, says) in slips {
        assert!(RULES.contains(good), "{good}");
        let text = RULES.replacen(good, slip, 1);
        let problems = plan::read(text.as_bytes()).expect_err(slip);
        let shown = diagnostic::render_all(&problems, "rules.yaml", &text);
        let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
        assert!(errors == 1 && shown.contains(says), "{slip}: {shown}");
    }
    let twice = RULES.replacen("host: partners.hexproperty.com\n      path_rule: /v2/*", "path_matcher: backend\n      route_rule: 20", 1);
    let shown = diagnostic::render_all(&plan::read(twice.as_bytes()).unwrap_err(), "rules.yaml", &twice);
    assert!(shown.contains("moves the same weights as route `backend`"), "{shown}");
    let revisions =
        GOOD.replacen("url_map: hexproperty-lb", "cloud_run_revisions: frontend\n      route_rule: 1\n      project: other-one", 1);
    let shown = diagnostic::render_all(&plan::read(revisions.as_bytes()).unwrap_err(), "revisions.yaml", &revisions);
    assert!(
        shown.contains("`route_rule` says something of a URL map") && shown.contains("`project` says something of a URL map"),
        "{shown}"
    );
}

#[test]
fn each_slip_in_a_place_of_a_map_gets_one_error_that_says_what_to_do() {
    let (matcher, host) = ("path_matcher: backend\n", "host: partners.hexproperty.com\n");
    let slips = [
        (matcher, "path_matcher: backend\n      host: backend.hexproperty.com\n", "keep `path_matcher`"),
        (matcher, "path_matchr: backend\n", "did you mean `path_matcher`?"),
        (matcher, "path_matcher: Backend\n", "did you mean `backend`?"),
        (matcher, "path_matcher:\n", "path_matcher"),
        (host, "host: https://partners.hexproperty.com/v1\n", "did you mean `partners.hexproperty.com`?"),
        (host, "host: '*.hexproperty.com'\n", "did you mean `hexproperty.com`?"),
        (host, "host: Partners.hexproperty.com\n", "did you mean `partners.hexproperty.com`?"),
        (host, "host: partners\n", "one host in full"),
        (host, "host: partners.hexproperty.com\n      region: us-central1-a\n", "did you mean `us-central1`?"),
        (host, "path_matcher: backend\n", "moves the same weights as route `backend`"),
        ("      - name: backend-run\n", "      - name: run\n", "a name of its own for each backend"),
    ];
    for (good, slip, says) in slips {
        assert!(SERVICES.contains(good), "{good}");
        let text = SERVICES.replacen(good, slip, 1).replacen(
            "home: backend-run",
            if slip.contains("name: run") { "home: run" } else { "home: backend-run" },
            1,
        );
        let problems = plan::read(text.as_bytes()).expect_err(slip);
        let shown = diagnostic::render_all(&problems, "services.yaml", &text);
        let errors: Vec<_> = problems.iter().filter(|problem| problem.severity == Severity::Error).collect();
        assert!(errors.len() == 1 && shown.contains(says), "{slip}: {shown}");
    }
    let revisions = GOOD.replacen("url_map: hexproperty-lb", "cloud_run_revisions: frontend\n      path_matcher: api", 1);
    let problems = plan::read(revisions.as_bytes()).unwrap_err();
    let shown = diagnostic::render_all(&problems, "revisions.yaml", &revisions);
    assert!(shown.contains("`path_matcher` says something of a URL map, and this route has none"), "{shown}");
}

#[test]
fn each_slip_in_a_source_or_a_reading_gets_one_error_that_says_what_to_do() {
    let slips = [
        ("https://prometheus.hexproperty.com\n", "googel\n", "did you mean `google`?"),
        ("prometheus.hexproperty.com\n", "prometheus.hexproperty.com/api/v1/query\n", "did you mean `https://prometheus.hexproperty.com`?"),
        ("auth: bearer  ", "auth: google", "bearer"),
        ("auth: bearer  ", "bearer_file: id_token", "auth: bearer"),
        ("scrape_interval: 15s", "scrape_interval: 15", "15s"),
        ("scrape_interval: 15s", "scrape_interval: 30s", "2m"),
        ("delay: 10s", "delay: 270s", "no server finds one older"),
        ("source: monitoring", "source: monitorin", "did you mean `monitoring`?"),
        ("failures: sum(increase", "failures: sum(rate", "increase"),
        ("failures: sum", "error_rate: 0.05\n            failures: sum", "counts"),
        ("code=~\"5..\"}[1m]", "code=~\"5..\"}[5m]", "[1m]"),
        ("frontend-run\"}[1m]))\n", "frontend-run\"}[$__rate_interval]))\n", "written out|write the time out"),
        ("frontend-run\"}[1m]))\n", "frontend-run\"}[1m])\n", "pair the parentheses"),
        ("            latency_unit: s\n", "", "latency_unit: ms"),
        ("latency_unit: s\n", "latency_unit: seconds\n", "s, ms"),
        (
            "        probe: https://frontend-run",
            "        metrics: https://frontend-run.hexproperty.com/metrics\n        probe: https://frontend-run",
            "remove one",
        ),
        ("threshold: 1000ms", "threshold: 10s", "below 10s"),
        ("metric: p95_latency", "metric: p99_latency", "p99_latency"),
    ];
    for (good, slip, says) in slips {
        assert!(PROMETHEUS.contains(good), "{good}");
        let text = PROMETHEUS.replacen(good, slip, 1);
        let problems = plan::read(text.as_bytes()).expect_err(slip);
        let shown = diagnostic::render_all(&problems, "prometheus.yaml", &text);
        let errors: Vec<_> = problems.iter().filter(|problem| problem.severity == Severity::Error).collect();
        assert!(says.split('|').any(|says| shown.contains(says)), "{slip}: {shown}");
        // What is wrong with a source, or with what all counts rest on, is said where each backend rests on it.
        let places: BTreeSet<_> = errors.iter().map(|problem| &problem.message).collect();
        assert!((1..=2).contains(&places.len()), "{slip}: {shown}");
    }
}

#[test]
fn a_token_is_sent_to_no_server_that_the_plan_could_choose() {
    let google = PROMETHEUS.replacen("https://prometheus.hexproperty.com", "google", 1).replacen("auth: bearer  ", "auth: google", 1);
    let (plan, _) = plan::read(google.as_bytes()).unwrap();
    let server = plan.routes[0].backends[0].readings.as_ref().map(|readings| readings.source.server.clone());
    assert_eq!(server, Some(Server::Google { project: plan.project.clone() }));
    for url in ["https://monitoring.googleapis.com.evil.example", "https://evil.example/monitoring.googleapis.com"] {
        let text = PROMETHEUS.replacen("https://prometheus.hexproperty.com", url, 1).replacen("auth: bearer  ", "auth: google", 1);
        assert!(plan::read(text.as_bytes()).is_err(), "{url}");
    }
}

/// Every broken plan of the corpus and what is said about it. The corpus grows with each plan that was misunderstood.
#[test]
fn each_broken_plan_is_explained() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/plans");
    let mut files: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    assert!(files.len() >= 17, "the corpus is there: {files:?}");
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let bytes = std::fs::read(&file).unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        let said = match plan::read(&bytes) {
            Ok((_, warnings)) => diagnostic::render_all(&warnings, name, &text),
            Err(problems) => diagnostic::render_all(&problems, name, &text),
        };
        insta::with_settings!({ snapshot_path => "plans", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name.trim_end_matches(".yaml"), said);
        });
    }
}

#[test]
fn ten_mistakes_get_ten_remarks() {
    let problems = plan::read(include_bytes!("plans/ten.yaml")).unwrap_err();
    let lines: BTreeSet<_> = problems.iter().map(|problem| problem.line).collect();
    assert_eq!((problems.len(), lines.len()), (10, 10), "{problems:#?}");
    assert!(problems.iter().all(|problem| problem.severity == Severity::Error && problem.allowed.is_some()), "{problems:#?}");
}

#[test]
fn each_single_slip_gets_exactly_one_error() {
    let slips = [
        ("threshold: 0.05", "threshold: 5"),
        ("duration: 2m", "duration: 2"),
        ("    action: rollback\n    on_blind: rollback\n\n  - name: p95", "    action: rollback\n\n  - name: p95"),
        ("home: run ", "home: rum "),
        ("[1%, 5%", "[5%, 1%"),
        ("cluster: hexproperty-prod", "cluster: ../hexproperty-prod"),
        ("project: hexproperty", "project: hexproperty/../other"),
        ("proof: signed\n", "proof: sined\n"),
        ("name: dns-ttl", "name: database-backup"),
        ("https://api.hexproperty.com/", "https://169.254.169.254/"),
        ("mode: shared", "mode: shard"),
        ("step_max: 50%", "step_max: 50%\n    step_max: 50%"),
        ("    from: 50%", "    from: 40%"),
    ];
    for (good, slip) in slips {
        assert!(GOOD.contains(good), "{good}");
        let problems = plan::read(GOOD.replacen(good, slip, 1).as_bytes()).expect_err(slip);
        assert_eq!(problems.len(), 1, "{slip}: {problems:#?}");
    }
}

const LADDER: &str = "ladder: [1%, 5%, 25%, 50%, 100%]";

fn with_ladder(ladder: &str) -> String {
    assert!(GOOD.contains(LADDER));
    GOOD.replacen(LADDER, &format!("ladder: {ladder}"), 1)
}

#[test]
fn a_rung_may_need_lines_of_the_checklist() {
    let (plan, _) = plan::read(with_ladder("[1%, 5%, { share: 25%, needs: [load-test, dns-ttl] }, 50%, 100%]").as_bytes()).unwrap();
    let share = |share| PerMille::new(share).unwrap();
    assert_eq!(plan.routes[0].ladder, [10, 50, 250, 500, 1000].map(share), "a rung is a rung, whatever it needs");
    let needs = ["load-test", "dns-ttl"].map(|name| name.parse().unwrap()).to_vec();
    assert_eq!(plan.routes[0].gates, [Gate { above: share(50), needs }]);
    let (plain, _) = plan::read(GOOD.as_bytes()).unwrap();
    assert_eq!(plain.routes[0].gates, []);
    assert!(!serde_json::to_string(&plain).unwrap().contains("gates"), "a plan without them is written as it always was");
}

#[test]
fn what_a_rung_can_not_need_is_said_at_its_place() {
    let needs = |needs: &str| with_ladder(&format!("[1%, 5%, {{ share: 25%, needs: {needs} }}, 50%, 100%]"));
    let line = GOOD.lines().position(|line| line.contains(LADDER)).unwrap() + 1;
    let wrong = [
        (needs("[load-tst]"), "there is no checklist line named `load-tst`"),
        (needs("[load-test, load-test]"), "needed twice"),
        (needs("[all-traffic]"), "only after the move"),
        (needs("[]"), "the list is empty"),
        (needs("load-test"), "expected a list"),
        (with_ladder("[1%, 5%, { share: 25% }, 50%, 100%]"), "`needs` is missing"),
        (with_ladder("[1%, 5%, { needs: [load-test] }, 50%, 100%]"), "`share` is missing"),
        (with_ladder("[1%, 5%, { share: 4%, needs: [load-test] }, 50%, 100%]"), "does not rise"),
        (with_ladder("[1%, 5%, { share: 25%, need: [load-test], needs: [dns-ttl] }, 50%, 100%]"), "there is no key `need`"),
    ];
    for (text, said) in wrong {
        let problems = plan::read(text.as_bytes()).expect_err(said);
        assert_eq!(problems.len(), 1, "{said}: {problems:#?}");
        assert!(problems[0].message.contains(said), "{problems:#?}");
        assert_eq!(problems[0].line, line, "{problems:#?}");
        assert!(problems[0].column > 13, "{problems:#?}");
    }
}

#[test]
fn a_plan_says_what_an_answer_must_be_and_what_may_differ_from_home() {
    let front_door = "front_door: https://api.hexproperty.com/";
    let asked = "front_door: { url: https://api.hexproperty.com/, expect: { status: [2xx, 304], text: <title>Hex } }\n    \
                 unlike_home: { action: hold, reason: the new site has another start page }";
    let probe = "probe: https://frontend-gke.hexproperty.com/health";
    let told = "probe: { url: https://frontend-gke.hexproperty.com/health, expect: { status: 204 } }";
    let (plan, _) = plan::read(GOOD.replacen(front_door, asked, 1).replacen(probe, told, 1).as_bytes()).unwrap();
    let route = &plan.routes[0];
    let expect = Expect { statuses: vec![Statuses::Hundred(2), Statuses::One(304)], text: Some("<title>Hex".into()) };
    assert_eq!((route.front_door.as_ref().unwrap().as_str(), &route.expect), ("https://api.hexproperty.com/", &Some(expect)));
    assert_eq!(route.unlike_home, UnlikeHome::Hold { reason: "the new site has another start page".into() });
    let gke = route.backend(&route.target).unwrap();
    assert_eq!(gke.probe_url.as_ref().unwrap().as_str(), "https://frontend-gke.hexproperty.com/health");
    assert_eq!(gke.probe_expect, Some(Expect { statuses: vec![Statuses::One(204)], text: None }));
    let (plain, _) = plan::read(GOOD.as_bytes()).unwrap();
    assert_eq!((&plain.routes[0].expect, &plain.routes[0].unlike_home), (&None, &UnlikeHome::Rollback));
}

#[test]
fn what_was_reviewed_is_what_is_hashed() {
    let (plan, _) = plan::read(GOOD.as_bytes()).unwrap();
    let (other, _) = plan::read(format!("{GOOD}\n# a remark\n").as_bytes()).unwrap();
    assert_eq!(plan.hash, Digest::of(GOOD.as_bytes()));
    assert_ne!(plan.hash, other.hash);
    assert_eq!(Plan { hash: plan.hash, ..other }, plan, "a comment changes nothing but the hash");
}

#[test]
fn the_budget_ends_the_reading_and_not_a_clock() {
    let too_large = format!("{GOOD}{}", "#".repeat(lexical::BYTES_MAX));
    assert_eq!(plan::read(too_large.as_bytes()).unwrap_err().len(), 1);
    let many_keys: String = (0..20_000).map(|number| format!("k{number}: 1\n")).collect();
    assert_eq!(plan::read(many_keys.as_bytes()).unwrap_err().len(), 1);
    // As many mistakes as fit: the report is bounded too, and says that there are more.
    let mistakes: String = (0..4000).map(|number| format!("k{number}: 1\n")).collect();
    let problems = plan::read(mistakes.as_bytes()).unwrap_err();
    assert_eq!(problems.len(), 100);
    assert!(problems.last().is_some_and(|last| last.message.contains("more problems")), "{:?}", problems.last());
    for bomb in ["[", "{", "- ", "? ", "{a: ", "&a [", "*", "! "] {
        let flood = bomb.repeat(lexical::BYTES_MAX / bomb.len());
        assert!((1..=101).contains(&plan::read(flood.as_bytes()).unwrap_err().len()), "{bomb}");
    }
}

/// What a remark points at is in the file, and drawing it works, whatever the file holds.
fn reads_without_panic(bytes: &[u8]) {
    let remarks = match plan::read(bytes) {
        Ok((plan, warnings)) => {
            // What was accepted can be journaled and comes back the same.
            let json = serde_json::to_string(&plan).unwrap();
            assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
            warnings
        }
        Err(problems) => {
            assert!(problems.iter().any(|problem| problem.severity == Severity::Error));
            problems
        }
    };
    let text = String::from_utf8_lossy(bytes);
    let lines = text.split('\n').count();
    assert!(remarks.iter().all(|remark| (1..=lines + 1).contains(&remark.line) && remark.column >= 1), "{remarks:#?}");
    assert!(diagnostic::render_all(&remarks, "plan.yaml", &text).ends_with('\n'));
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        reads_without_panic(&bytes);
    }

    #[test]
    fn any_yaml_like_text_is_read_without_panic(text in "([a-z_]{1,8}|[-:?&*!|>%@,#'\"\\[\\]{}\n ]|[0-9.]{1,4}|: |\n {0,6}- |é|\t){0,80}") {
        reads_without_panic(text.as_bytes());
    }

    /// A line lost, doubled, swapped or cut in two, or a few characters replaced: what happens to a plan in an editor.
    #[test]
    fn mutated_plans_are_read_without_panic(
        cuts in proptest::collection::vec((0usize..200, 0u8..5, "[ -~]{0,6}|é|\\$\\{x\\}|\u{202e}"), 1..6),
    ) {
        let mut lines: Vec<String> = GOOD.lines().map(str::to_owned).collect();
        for (place, how, piece) in cuts {
            let place = place % lines.len();
            match how {
                0 => _ = lines.remove(place),
                1 => lines.insert(place, lines[place].clone()),
                2 => lines.swap(place, 0),
                3 => lines[place] = lines[place].chars().skip(3).collect::<String>() + &piece,
                _ => lines[place] = lines[place].replace(':', &piece),
            }
        }
        reads_without_panic(lines.join("\n").as_bytes());
    }
}
