//! Where figures come from, as plans say it: the load balancer, presets, pods, and each slip on the way.

use std::collections::BTreeSet;

use cutover::{
    domain::{shown::Shown, time::Millis},
    plan::{
        self, diagnostic,
        model::{
            Plan,
            readings::{Author, LatencyUnit, Readings, Server},
        },
        preset::PRESETS,
        promql,
    },
};

use super::{LOAD_BALANCER, PROMETHEUS};

/// The queries of this backend, and what it is asked by.
fn readings(text: &str, backend: usize) -> Readings {
    let (plan, warnings) =
        plan::read(text.as_bytes()).unwrap_or_else(|problems| panic!("{}", diagnostic::render_all(&problems, "plan.yaml", text)));
    assert_eq!(diagnostic::render_all(&warnings, "plan.yaml", text), "0 errors, 0 warnings\n");
    plan.routes[0].backends[backend].readings.clone().unwrap()
}

fn queries(readings: &Readings) -> Vec<String> {
    readings.queries().map(|(key, query)| format!("{key} {query}")).collect()
}

/// The queries for what Cloud Monitoring counts: of failures and of all other answers, by their class.
fn wanted([requests, latencies]: &[String; 2], own: &str, whole: &str, [failed, others]: [&str; 2]) -> [String; 6] {
    let counted = |of: &str| format!("sum(increase({requests}{{{own}{of}}}[4m]))");
    let class = |of: &str| counted(&format!(",response_code_class{of}"));
    let quantile = |q: &str| format!("histogram_quantile({q}, sum by (le) (rate({latencies}_bucket{{{own}}}[4m])))");
    [
        format!("requests {} or vector(0)", counted("")),
        format!("failures {} or 0 * {}", class(failed), class(others)),
        format!("p50_latency {}", quantile("0.5")),
        format!("p95_latency {}", quantile("0.95")),
        format!("p99_latency {}", quantile("0.99")),
        format!("newest max(timestamp({latencies}_count{{{whole}}}))"),
    ]
}

#[test]
fn the_load_balancer_is_asked_for_what_it_counts_of_the_backend_service() {
    let told = readings(LOAD_BALANCER, 1);
    assert_eq!((&told.author, told.window), (&Author::LoadBalancer, Millis::from_mins(4)));
    assert_eq!(told.source.server, Server::Google { project: Shown::new("hexproperty") });
    let map = "monitored_resource=\"https_lb_rule\",url_map_name=\"hexproperty-lb\"";
    let own = format!("{map},backend_target_name=\"frontend-gke\",cache_result!=\"HIT\"");
    let lb = "loadbalancing_googleapis_com:https";
    let metrics = [format!("{lb}_request_count"), format!("{lb}_backend_latencies")];
    assert_eq!(queries(&told), wanted(&metrics, &own, map, ["=\"500\"", "=~\"0|200|300|400\""]));
    let (plan, _) = plan::read(LOAD_BALANCER.as_bytes()).unwrap();
    let cadence = plan.cadence(&plan.routes[0].target);
    let seconds = [cadence.every, cadence.sampled, cadence.window, cadence.lateness, cadence.stale_after].map(|span| span.0 / 1000);
    assert_eq!(seconds, [5, 60, 240, 270, 340]);
    // A record of it is read again, and one without an author is that of a plan's own words.
    let record = serde_json::to_value(&plan).unwrap();
    assert_eq!(serde_json::from_value::<Plan>(record).unwrap(), plan);
    let record = serde_json::to_value(readings(PROMETHEUS, 1)).unwrap();
    assert!(record.get("author").is_none());
    assert_eq!(serde_json::from_value::<Readings>(record).unwrap().author, Author::Plan);
}

#[test]
fn cloud_run_is_asked_for_what_it_counts_of_each_revision() {
    let text = include_str!("../../plans/revisions.yaml");
    let told = readings(text, 1);
    assert_eq!((&told.author, told.window), (&Author::CloudRun, Millis::from_mins(4)));
    assert_eq!(told.source.server, Server::Google { project: Shown::new("hexproperty") });
    let service = "monitored_resource=\"cloud_run_revision\",location=\"us-central1\",service_name=\"frontend\"";
    let own = format!("{service},revision_name=\"frontend-00042-bim\"");
    let run = "run_googleapis_com:request";
    let metrics = [format!("{run}_count"), format!("{run}_latencies")];
    assert_eq!(queries(&told), wanted(&metrics, &own, service, ["=\"5xx\"", "=~\"1xx|2xx|3xx|4xx\""]));
    // Behind a load balancer it is the service that is steered, whichever revision answers; of a deployment Cloud Run knows nothing.
    let whole = readings(&LOAD_BALANCER.replacen("readings: { load_balancer: {} }", "readings: { cloud_run: {} }", 1), 0);
    assert!(whole.requests.as_str().contains("service_name=\"frontend\"}"), "{}", whole.requests);
    let place = "readings: { load_balancer: {} }\n    home";
    let text = LOAD_BALANCER.replace(place, "readings: { cloud_run: {} }\n    home");
    let shown = diagnostic::render_all(&plan::read(text.as_bytes()).unwrap_err(), "plan.yaml", &text);
    assert!(shown.contains("this backend is a deployment"), "{shown}");
}

#[test]
fn each_kind_of_load_balancer_is_asked_by_its_own_names() {
    let of = |region: &str, scheme: &str| {
        let text = LOAD_BALANCER.replace("{ url_map: hexproperty-lb }", &format!("{{ url_map: hexproperty-lb{region} }}"));
        readings(&text.replace("load_balancer: {}", &format!("load_balancer: {{ {scheme} }}")), 1)
    };
    let region = ", region: us-central1";
    for (region, scheme, prefix, resource, delay_s) in [
        ("", "scheme: external", "https_request", "https_lb_rule", 210),
        ("", "scheme: internal", "https_internal_request", "internal_http_lb_rule", 90),
        (region, "scheme: internal", "https_internal_request", "internal_http_lb_rule", 90),
        (region, "scheme: external", "https_external_regional_request", "http_external_regional_lb_rule", 210),
    ] {
        let told = of(region, scheme);
        let begins = format!("sum(increase(loadbalancing_googleapis_com:{prefix}_count{{monitored_resource=\"{resource}\",");
        assert!(told.requests.as_str().starts_with(&begins), "{}", told.requests);
        assert_eq!(told.source.delay, Millis::from_secs(delay_s));
    }
    let other = of("", "project: another-project, window: 10m");
    assert_eq!((other.source.server, other.window), (Server::Google { project: Shown::new("another-project") }, Millis::from_mins(10)));
}

const PODS: &str = "readings: { pods: { port: 8080, path: /actuator/prometheus, preset: spring_boot, exclude_paths: { label: uri, begins: [/health, /probe] } } }";

#[test]
fn pods_are_read_by_the_names_of_a_preset_or_by_the_plans_own() {
    let place = "readings: { load_balancer: {} }\n    home";
    let of = |readings: &str| {
        let text = LOAD_BALANCER.replace(place, &format!("{readings}\n    home"));
        plan::read(text.as_bytes()).map(|(plan, _)| plan).map_err(|problems| diagnostic::render_all(&problems, "plan.yaml", &text))
    };
    let plan = of(PODS).unwrap();
    let gke = &plan.routes[0].backends[1];
    let pods = gke.pods.as_ref().unwrap();
    let pairs = |pairs: &[(Shown, Shown)]| pairs.iter().map(|(label, text)| format!("{label} {text}")).collect::<Vec<_>>();
    assert_eq!(
        (pods.port, pods.path.as_str(), pods.requests.as_str()),
        (8080, "/actuator/prometheus", "http_server_requests_seconds_count")
    );
    assert_eq!(pods.status_label.as_ref().map(Shown::as_str), Some("status"));
    assert_eq!(pairs(&pods.without), ["uri /actuator", "uri /health", "uri /probe"]);
    assert_eq!(pods.latency.as_ref().map(|latency| latency.unit), Some(LatencyUnit::Seconds));
    assert_eq!(plan.cadence(&gke.id).lateness, Millis(0));
    assert_eq!(serde_json::from_value::<Plan>(serde_json::to_value(&plan).unwrap()).unwrap(), plan);
    // A record of before has no such word, and is read.
    let mut record = serde_json::to_value(of("readings: { load_balancer: {} }").unwrap()).unwrap();
    assert!(record["routes"][0]["backends"][1].as_object_mut().unwrap().remove("pods").is_none());
    let plain = of("readings: { pods: { port: 9090 } }").unwrap();
    let pods = plain.routes[0].backends[1].pods.clone().unwrap();
    assert_eq!((pods.requests.as_str(), pods.path.as_str(), pods.status_label), ("http_requests_total", "/metrics", None));
    let own = "readings: { pods: { port: 80, requests: rpc_total, status_label: outcome, failed_when: [error, 504], latency: rpc_ms, latency_unit: ms } }";
    let own = of(own).unwrap().routes[0].backends[1].pods.clone().unwrap();
    assert_eq!(own.failed_when.iter().map(Shown::as_str).collect::<Vec<_>>(), ["error", "504"]);
    assert_eq!(own.latency.map(|latency| latency.unit), Some(LatencyUnit::Milliseconds));
    for (readings, says) in [
        ("readings: { pods: {} }", "add `port: 8080`"),
        ("readings: { pods: { port: 70000 } }", "from 1 to 65535"),
        ("readings: { pods: { port: 80, path: metrics } }", "is no path of a page"),
        ("readings: { pods: { port: 80, path: /../../secrets } }", "is no path of a page"),
        ("readings: { pods: { port: 80, path: '/metrics?all=1' } }", "is no path of a page"),
        ("readings: { pods: { port: 80, preset: envoy } }", "has no counter that tells how requests ended"),
        ("readings: { pods: { port: 80, preset: otel, requests: x_total } }", "`requests` is said by the preset"),
        ("readings: { pods: { port: 80, failed_when: 5xx } }", "add `status_label: code`"),
        ("readings: { pods: { port: 80, latency: rpc_time } }", "seconds or milliseconds?"),
        ("readings: { pods: { port: 80, requests: rpc-total } }", "is no name of a family or label"),
        ("readings: { pods: { port: 80, exclude_paths: { label: path, begin: /x } } }", "did you mean `begins`?"),
        ("readings: { pods: { port: 80 }, load_balancer: {} }", "have one source"),
    ] {
        let shown = of(readings).unwrap_err();
        assert!(shown.contains(says), "{readings}: {shown}");
    }
    let run = LOAD_BALANCER.replacen("readings: { load_balancer: {} } ", "readings: { pods: { port: 80 } } ", 1);
    let shown = diagnostic::render_all(&plan::read(run.as_bytes()).unwrap_err(), "plan.yaml", &run);
    assert!(shown.contains("Cloud Run lets nobody ask one instance by its name"), "{shown}");
}

const PRESET: &str = "          prometheus: { source: monitoring, preset: istio, labels: { destination_workload: web, destination_workload_namespace: shop }, window: 90s }\n";

/// The plan with its target's queries written by a preset.
fn with_preset() -> String {
    let (head, tail) = PROMETHEUS.rsplit_once("          prometheus:\n").unwrap();
    let (_, tail) = tail.split_once("        series:\n").unwrap();
    format!("{head}{PRESET}\n        series:\n{tail}")
}

#[test]
fn a_preset_is_what_a_person_would_write_out() {
    let told = readings(&with_preset(), 1);
    let own = "destination_workload=\"web\",destination_workload_namespace=\"shop\",reporter=\"destination\"";
    let counted = |status: &str| format!("sum(increase(istio_requests_total{{{own}{status}}}[90s]))");
    let quantile =
        |q: &str| format!("histogram_quantile({q}, sum by (le) (rate(istio_request_duration_milliseconds_bucket{{{own}}}[90s])))");
    let wanted = [
        format!("requests {}", counted("")),
        format!("failures {} or 0 * {}", counted(",response_code=~\"5..\""), counted(",response_code!=\"\"")),
        format!("p50_latency {}", quantile("0.5")),
        format!("p95_latency {}", quantile("0.95")),
        format!("p99_latency {}", quantile("0.99")),
        format!("newest max(timestamp(istio_requests_total{{{own}}}))"),
    ];
    assert_eq!(queries(&told), wanted);
    assert_eq!(told.author, Author::Preset(Shown::new("istio")));
    let latencies = told.latencies.unwrap();
    assert_eq!((latencies.unit, latencies.top_bucket), (LatencyUnit::Milliseconds, Some(Millis::from_mins(60))));
    // Each of them is a query that a plan could hold, and counts over its window alone.
    for preset in PRESETS {
        let text = with_preset().replace("preset: istio", &format!("preset: {}", preset.name));
        let text =
            if preset.failures.is_none() { text.replace("backend: gke", "backend: run").replace("rollback\n", "hold\n") } else { text };
        let (plan, _) = plan::read(text.as_bytes()).unwrap();
        for (key, query) in plan.routes[0].backends[1].readings.as_ref().unwrap().queries() {
            let read = promql::query(query.as_str()).unwrap_or_else(|error| panic!("{} {key}: {}", preset.name, error.message));
            assert!(read.ranges.iter().all(|range| *range == Millis::from_secs(90)), "{} {key}: {query}", preset.name);
        }
    }
}

#[test]
fn each_slip_in_where_figures_come_from_gets_one_error_that_says_what_to_do() {
    let (balancer, preset) = (LOAD_BALANCER.to_owned(), with_preset());
    let ladder = "readings: { load_balancer: {} }\n    home";
    let slips = [
        (&balancer, ladder, "readings: { load_balancer: { window: 2m } }\n    home", "from 4m00s to 30m00s"),
        (&balancer, ladder, "readings: { load_balancer: { windows: 5m } }\n    home", "did you mean `window`?"),
        (&balancer, ladder, "readings: { load_balancer: { scheme: inner } }\n    home", "external, internal"),
        (
            &balancer,
            ladder,
            "readings: { load_balancer: {}, prometheus: { source: x } }\n    home",
            "have one source, and here are load_balancer and prometheus",
        ),
        (&balancer, ladder, "readings: {}\n    home", "add `load_balancer: {}`"),
        (&balancer, ladder, "readings: { load_balancer: }\n    home", "`load_balancer` has no value"),
        (&balancer, "hexproperty-lb }", "hexproperty-lb, region: us-central1 }", "add `scheme: external`"),
        (&balancer, "metric: p95_latency\n    threshold: 1000ms", "metric: drop_rate\n    threshold: 1/s", "doesn't count the drop rate"),
        (&balancer, "duration: 2m  ", "duration: 90s  ", "the source takes one each 1m00s"),
        (&balancer, "        probe: https://frontend-gke.hexproperty.com/health\n", "", "would take the first step back"),
        (&preset, "preset: istio", "preset: spring-boot", "did you mean `spring_boot`?"),
        (&preset, "labels: {", "lables: {", "did you mean `labels`?"),
        (&preset, "window: 90s", "window: 40s", "in 40s there are too few samples"),
        (&preset, "window: 90s", "window: 90s, failures: up", "`failures` is written by the preset"),
        (&preset, "destination_workload: web", "destination-workload: web", "is no label of a series"),
        (&preset, "destination_workload: web", "destination_workload: 'we\"b'", "would end or change it"),
        (&preset, "preset: istio", "preset: nginx", "what `nginx` exports doesn't tell the error rate"),
        (&preset, "window: 90s", "window: 90s, top_bucket: 500ms", "the histogram ends at 500ms"),
    ];
    for (plan, good, slip, says) in slips {
        assert!(plan.contains(good), "{good}");
        let text = plan.replace(good, slip);
        let problems = plan::read(text.as_bytes()).expect_err(slip);
        let shown = diagnostic::render_all(&problems, "plan.yaml", &text);
        assert!(shown.contains(says), "{slip}: {shown}");
        let places: BTreeSet<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
        assert!(places.len() <= 2, "{slip}: {shown}");
    }
    let twice = preset.replacen("job=\"frontend-run\"", "job=\"frontend-gke\"", 5);
    let (head, tail) = PROMETHEUS.split_once("      - name: gke\n").unwrap();
    let same = format!("{}      - name: gke\n{tail}", head.replace("job=\"frontend-run\"", "job=\"frontend-gke\""));
    assert!(plan::read(twice.as_bytes()).is_ok(), "the other one asks for something else");
    let shown = diagnostic::render_all(&plan::read(same.as_bytes()).unwrap_err(), "plan.yaml", &same);
    assert!(shown.contains("this counts the same requests as backend `run`"), "{shown}");
    let shared = PROMETHEUS.replace("in_flight{job=\"frontend-run\"}", "in_flight{job=\"frontend-gke\"}");
    let shown = diagnostic::render_all(&plan::read(shared.as_bytes()).unwrap_err(), "plan.yaml", &shared);
    assert!(shown.contains("`concurrency` asks for the same as backend `run` does"), "{shown}");
    let revisions = include_str!("../../plans/revisions.yaml");
    let own = "readings: { cloud_run: {} }";
    assert!(revisions.contains(own));
    let text = revisions.replace(own, "readings: { load_balancer: {} }");
    let shown = diagnostic::render_all(&plan::read(text.as_bytes()).unwrap_err(), "plan.yaml", &text);
    assert!(shown.contains("the load balancer counts by backend service"), "{shown}");
}
