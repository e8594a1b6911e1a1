//! What `cutover check` finds in the manifests of a plan: nothing in those that ship, everything in those of the seed as they were written, and
//! each fault where it is put into good ones.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use cutover::cli::{
    Exit,
    check::{
        check,
        finding::{Finding, Severity},
    },
};

fn plans() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("plans")
}

/// File, line and id of each finding, in the order in which they are told.
fn places(findings: &[Finding]) -> Vec<(String, usize, &'static str)> {
    let of = |finding: &Finding| {
        let file = finding.file.as_deref().map(Path::new).and_then(|file| file.file_stem()).and_then(|stem| stem.to_str());
        (file.unwrap_or("the plan").to_owned(), finding.place.map_or(0, |place| place.line), finding.id.word())
    };
    findings.iter().map(of).collect()
}

#[test]
fn in_the_bundle_that_ships_nothing_is_found() {
    let checked = check(&plans().join("hexproperty.yaml"), 100.0);
    assert_eq!((places(&checked.findings), checked.exit), (vec![], Exit::Done), "{}", checked.text);
    assert!(
        checked.text.contains("  objects frontend: Namespace hexproperty, ServiceAccount frontend, Deployment frontend, "),
        "{}",
        checked.text
    );
    assert_eq!(checked.plan.unwrap().manifests.len(), 5);
}

/// Every row of the seed's problems that stands in a manifest of it. The others are of its shell commands, which a plan has no place for: how many
/// nodes a regional cluster gets, promotions, `kubectl delete` as a way back, the count of errors as a proof of consistency.
#[test]
fn in_the_seeds_snippets_as_they_were_written_everything_is_found() {
    let checked = check(&plans().join("hexproperty-as-written.yaml"), 100.0);
    let wanted = [
        // A promotion is one-way, which the plan's own reader says.
        ("the plan", 161, "plan-doubtful"),
        ("ingress", 3, "ingress-no-weights"),
        ("ingress", 5, "namespace-unsaid"),
        ("ingress", 13, "ingress-path-type"),
        ("ingress", 16, "reference-missing"),
        ("traffic-split", 2, "manifest-no-object"),
        ("traffic-split", 5, "foreign-writer"),
        ("traffic-split", 5, "region-unsaid"),
        ("traffic-split", 9, "revision-by-alias"),
        ("traffic-split", 9, "revision-by-alias"),
        ("rollout", 2, "manifest-no-object"),
        ("health", 1, "manifest-no-object"),
        ("monitor", 5, "namespace-unsaid"),
        ("monitor", 7, "monitor-without-selector"),
        ("traffic", 2, "api-version-not-served"),
        ("traffic", 5, "namespace-unsaid"),
        ("traffic", 10, "reference-missing"),
        ("traffic", 14, "multi-cluster-no-weights"),
        ("sessions", 5, "namespace-unsaid"),
        ("sessions", 7, "sessions-evicted"),
        ("alerts", 2, "manifest-no-object"),
        ("alerts", 6, "alert-never-fires"),
        ("alerts", 9, "alert-never-fires"),
        ("dashboard", 2, "manifest-no-object"),
        ("error-trigger", 2, "manifest-no-object"),
        ("latency-trigger", 1, "manifest-no-object"),
        ("resources", 2, "manifest-no-object"),
        ("budget", 2, "manifest-no-object"),
        ("secret", 5, "namespace-unsaid"),
        ("secret", 7, "secret-never-rotates"),
        ("network", 5, "namespace-unsaid"),
        ("network", 8, "selector-matches-nothing"),
        ("network", 11, "policy-blocks-health-checks"),
    ];
    let found = places(&checked.findings);
    let found: Vec<(&str, usize, &str)> = found.iter().map(|(file, line, id)| (file.as_str(), *line, *id)).collect();
    assert_eq!(found, wanted, "{}", checked.text);
    assert_eq!(checked.exit, Exit::Unsettled);
    let mut of_manifests = checked.findings.iter().filter(|finding| finding.file.is_some());
    assert!(of_manifests.all(|finding| finding.fix.is_some()), "each says what mends it");

    assert!(checked.text.contains("hexproperty-as-written/ingress.yaml:13:9\n   |\n13 |       - path: /*\n"), "{}", checked.text);
    assert!(checked.text.contains("\nof the manifests: "), "{}", checked.text);
}

/// A copy of the bundle that ships, which is gone with it.
struct Copy(PathBuf);

impl Copy {
    fn new() -> Copy {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("cutover-manifests-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let root = std::env::temp_dir().join(name);
        fs::create_dir_all(root.join("plan")).unwrap();
        fs::copy(plans().join("hexproperty.yaml"), root.join("plan.yaml")).unwrap();
        for entry in fs::read_dir(plans().join("hexproperty")).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, root.join("plan").join(path.file_name().unwrap())).unwrap();
        }
        Copy(root)
    }
    fn plan(&self) -> PathBuf {
        self.0.join("plan.yaml")
    }
    fn manifest(&self, name: &str) -> PathBuf {
        self.0.join("plan").join(format!("{name}.yaml"))
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // What is left lies in the system's own place for such things.
        let _left = fs::remove_dir_all(&self.0);
    }
}

/// What is found when `from` is `to` in one manifest.
fn found_with(manifest: &str, from: &str, to: &str) -> Vec<Finding> {
    let copy = Copy::new();
    let text = fs::read_to_string(copy.manifest(manifest)).unwrap();
    assert!(text.contains(from), "{manifest}: {from}");
    fs::write(copy.manifest(manifest), text.replacen(from, to, 1)).unwrap();
    let checked = check(&copy.plan(), 100.0);
    assert!(checked.plan.is_some(), "{}", checked.text);
    assert!(checked.findings.iter().all(|finding| finding.fix.is_some()), "{:?}", checked.findings);
    checked.findings
}

/// The part of `manifest` from `begin` up to `end`.
fn part(manifest: &str, begin: &str, end: &str) -> String {
    let text = fs::read_to_string(plans().join("hexproperty").join(format!("{manifest}.yaml"))).unwrap();
    let from = text.find(begin).unwrap();
    let to = from + text[from..].find(end).unwrap();
    text[from..to].to_owned()
}

fn assert_each(manifest: &str, slips: &[(&str, &str, &[&str])]) {
    for (from, to, wanted) in slips {
        let found = found_with(manifest, from, to);
        let ids: Vec<&str> = found.iter().map(|finding| finding.id.word()).collect();
        assert_eq!(ids, *wanted, "{from} → {to}: {found:#?}");
    }
}

#[test]
fn each_fault_of_a_container_is_found() {
    let frontend = |begin, end| part("frontend", begin, end);
    let digest = frontend("@sha256:", "\n");
    let (resources, requests) =
        (frontend("          resources:", "          livenessProbe:"), frontend("            requests:", "            limits:"));
    let (liveness, readiness) =
        (frontend("          livenessProbe:", "          readinessProbe:"), frontend("          readinessProbe:", "          lifecycle:"));
    let lifecycle = frontend("          lifecycle:", "---\n# Not behind");
    let secret = frontend("              valueFrom:", "          resources:");
    assert_each(
        "frontend",
        &[
            (&digest, ":v1", &["image-floats"]),
            (&digest, "@sha256:0123", &["image-floats"]),
            (&resources, "", &["requests-missing", "limits-missing", "autoscaler-without-requests"]),
            (&requests, "", &[]),
            ("memory: 512Mi", "memory: 128Mi", &["limits-missing"]),
            (&liveness, "", &["probe-missing"]),
            (&readiness, "", &["probe-missing"]),
            ("httpGet:\n              path: /ready\n", "tcpSocket:\n", &["probe-shallow"]),
            ("path: /ready\n              port: http", "path: /ready\n              port: web", &["port-not-served"]),
            ("path: /ready\n              port: http", "path: /ready\n              port: 9090", &["port-not-served"]),
            ("path: /ready\n              port: http", "path: /ready\n              port: 8080", &[]),
            (&lifecycle, "", &["pre-stop-missing"]),
            ("seconds: 20", "seconds: 90", &["termination-too-short"]),
            ("sleep:\n                seconds: 20", "exec:\n                command: [sh, -c, sleep 90]", &["termination-too-short"]),
            ("sleep:\n                seconds: 20", "exec:\n                command: [/bin/sleep, '15']", &[]),
            (&secret, "              value: sk-live-1\n", &["secret-in-plain"]),
            ("          env:", "          envFrom: [{ configMapRef: { name: settings } }]\n          env:", &["reference-missing"]),
            ("          env:", "          envFrom: [{ configMapRef: { name: settings, optional: true } }]\n          env:", &[]),
        ],
    );
    let number = found_with("frontend", "path: /ready\n              port: http", "path: /ready\n              port: 9090");
    assert_eq!(number[0].severity, Severity::Warning, "it may be listened on all the same");
}

#[test]
fn a_secret_that_was_found_is_not_shown() {
    let copy = Copy::new();
    let text = fs::read_to_string(copy.manifest("frontend")).unwrap();
    let from = part("frontend", "            - name: API_KEY", "          resources:");
    fs::write(copy.manifest("frontend"), text.replacen(&from, "            - { name: API_KEY, value: sk-live-1 }\n", 1)).unwrap();
    let checked = check(&copy.plan(), 100.0);
    let told = format!("{} {:?}", checked.text, checked.findings);
    assert!(told.contains("secret-in-plain") && !told.contains("sk-live-1"), "{told}");
}

#[test]
fn each_fault_of_a_workload_and_of_what_is_around_it_is_found() {
    let frontend = |begin, end| part("frontend", begin, end);
    let account = frontend("  annotations:\n    iam.gke", "---\napiVersion: apps/v1");
    let neg = frontend("  annotations:\n    cloud.google", "spec:\n  type: ClusterIP");
    let budget = frontend("---\napiVersion: policy/v1", "  maxUnavailable");
    assert_each(
        "frontend",
        &[
            ("spec:\n  # No", "spec:\n  replicas: 5\n  # No", &["replicas-with-autoscaler"]),
            ("spec:\n  # No", "spec:\n  replicas: 2\n  # No", &["autoscaler-bounds"]),
            ("minReplicas: 3", "minReplicas: 1", &["single-replica"]),
            ("minReplicas: 3", "minReplicas: 20", &["autoscaler-bounds"]),
            ("kind: Deployment\n    name: frontend", "kind: Deployment\n    name: web", &["single-replica", "reference-missing"]),
            ("type: RollingUpdate", "type: Recreate", &["rollout-stops-all"]),
            ("maxUnavailable: 1\n", "maxUnavailable: 0\n", &["disruption-budget"]),
            (
                "maxUnavailable: 1\n  selector:\n    matchLabels:\n      app: frontend",
                "maxUnavailable: 1\n  selector:\n    matchLabels:\n      app: web",
                &["disruption-budget", "selector-matches-nothing"],
            ),
            (&account, "", &["no-workload-identity"]),
            ("      serviceAccountName: frontend\n", "", &["no-workload-identity"]),
            ("serviceAccountName: frontend", "serviceAccountName: web", &["reference-missing"]),
            ("  selector:\n    matchLabels:\n      app: frontend", "  selector:\n    matchLabels:\n      app: web", &["selector-differs"]),
            ("  selector:\n    app: frontend", "  selector:\n    app: backend", &["selector-matches-nothing"]),
            ("targetPort: http", "targetPort: https", &["port-not-served"]),
            (&neg, "", &["service-without-neg"]),
            ("{\"80\":", "{\"8080\":", &["port-not-served"]),
            ("{\"80\":", "{80:", &["service-without-neg"]),
            ("apiVersion: policy/v1", "apiVersion: policy/v1beta1", &["api-version-not-served"]),
            ("autoscaling/v2\n", "autoscaling/v2beta2\n", &["api-version-not-served"]),
            (&budget, &budget.replace("  namespace: hexproperty\n", ""), &["disruption-budget", "namespace-unsaid"]),
            (
                "kind: Deployment\nmetadata:\n  name: frontend",
                "kind: Deployment\nmetadata:\n  name: web",
                &["workload-not-described", "single-replica", "reference-missing"],
            ),
        ],
    );
    let removed = found_with("frontend", "apiVersion: policy/v1", "apiVersion: policy/v1beta1");
    assert!(
        removed[0].why.contains("removed in Kubernetes 1.25") && removed[0].fix.as_deref() == Some("apiVersion: policy/v1"),
        "{removed:?}"
    );
}

#[test]
fn each_fault_of_the_other_manifests_is_found() {
    let network = fs::read_to_string(plans().join("hexproperty/network.yaml")).unwrap();
    assert_each(
        "network",
        &[
            ("130.211.0.0/22", "130.211.0.0/24", &["policy-blocks-health-checks"]),
            ("35.191.0.0/16", "10.0.0.0/8", &["policy-blocks-health-checks"]),
            ("35.191.0.0/16", "35.0.0.0/8", &[]),
            ("policyTypes: [Ingress]", "policyTypes: [Egress]", &[]),
            ("app: frontend", "app: api", &["selector-matches-nothing"]),
            ("# Who may speak", &format!("{network}---\n# Who may speak"), &["manifest-twice"]),
        ],
    );
    assert_each(
        "monitoring",
        &[
            ("  selector:\n    matchLabels:\n      app: frontend\n", "", &["monitor-without-selector"]),
            ("    - port: http\n      interval", "    - interval", &["monitor-without-selector"]),
            ("    - port: http\n", "    - port: metrics\n", &["port-not-served"]),
            ("app: frontend", "app: api", &["selector-matches-nothing"]),
            ("http_request_duration_seconds_bucket[5m]", "http_request_duration_seconds[5m]", &["alert-never-fires"]),
        ],
    );
    let recorded = "        - record: error_rate\n          expr: sum(rate(http_requests_total[2m]))\n        - alert: ErrorSpike";
    let asked = part("monitoring", "sum(rate(http_requests_total{code", "\n          for: 2m");
    assert_each("monitoring", &[(&asked, "error_rate > 0.01", &["alert-never-fires"])]);
    let alert = part("monitoring", "        - alert: ErrorSpike", "\n          for: 2m");
    assert_each("monitoring", &[(&alert, &format!("{recorded}\n          expr: error_rate > 0.01"), &[])]);
    assert_each("sessions", &[("noeviction", "allkeys-lfu", &["sessions-evicted"]), ("noeviction", "volatile-lru", &[])]);
    assert_each("secrets", &[(&part("secrets", "  rotation:", "  topics:"), "", &["secret-never-rotates"])]);
}

#[test]
fn ingresses_are_followed_to_their_services() {
    let ingress = "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: { name: web, namespace: hexproperty }\nspec:\n  ingressClassName: CLASS\n  rules:\n    - http: { paths: [{ path: /PATH, pathType: TYPE, backend: { service: { name: NAME, port: { number: PORT } } } }] }\n";
    let found = |class: &str, path: &str, kind: &str, name: &str, port: &str| {
        let words = [("CLASS", class), ("PATH", path), ("TYPE", kind), ("NAME", name), ("PORT", port)];
        let text = words.iter().fold(ingress.to_owned(), |text, (word, value)| text.replacen(word, value, 1));
        found_with("network", "# Who may speak", &format!("# before\n{text}---\n# Who may speak"))
            .iter()
            .map(|finding| finding.id.word())
            .collect::<Vec<_>>()
    };
    assert_eq!(found("nginx", "", "Prefix", "frontend", "80"), [""; 0]);
    assert_eq!(found("gce", "", "Prefix", "frontend", "80"), ["ingress-no-weights"]);
    assert_eq!(found("nginx", "*", "Prefix", "frontend", "80"), ["ingress-path-type"]);
    assert_eq!(found("nginx", "*", "ImplementationSpecific", "frontend", "80"), [""; 0]);
    assert_eq!(found("nginx", "", "Prefix", "backend", "80"), ["reference-missing"]);
    assert_eq!(found("nginx", "", "Prefix", "frontend", "8080"), ["port-not-served"]);
}

#[test]
fn what_the_folder_has_beside_and_what_it_lacks_is_said() {
    let copy = Copy::new();
    fs::copy(copy.manifest("network"), copy.manifest("network-2")).unwrap();
    let unnamed = check(&copy.plan(), 100.0);
    assert_eq!(places(&unnamed.findings), [("the plan".to_owned(), 0, "manifest-unnamed")]);
    assert_eq!((unnamed.findings[0].object.as_str(), unnamed.exit), ("network-2.yaml", Exit::Done));
    fs::remove_file(copy.manifest("network")).unwrap();
    fs::write(copy.manifest("sessions"), "a: 1\na: 2\n").unwrap();
    let broken = check(&copy.plan(), 100.0);
    assert_eq!(broken.exit, Exit::Usage, "a plan whose manifests can't be read is none");
    let line = fs::read_to_string(copy.plan()).unwrap().lines().position(|line| line.starts_with("manifests:")).unwrap() + 1;
    let wanted = [("the plan".to_owned(), line, "plan-invalid"), ("sessions".to_owned(), 2, "manifest-invalid")];
    assert_eq!(places(&broken.findings), wanted, "{}", broken.text);
    assert!(broken.text.contains("plan/sessions.yaml:2:1"), "{}", broken.text);
}
