//! Pages of pods through an API server, when it refuses, a pod is silent, or there are too many.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use cutover::{
    adapter::{
        Now,
        kubernetes::{Access, Pages, Shown, Way},
        metrics::{
            Families,
            pods::{Config, PODS_MAX, PodsSensor},
        },
    },
    domain::{
        fact::Fact,
        fault::{Fault, FaultKind},
        metric::{Basis, Gap, Measured, Metric},
        time::{Millis, Timestamp},
    },
    port::Sensor,
};
use serde_json::{Value, json};

use super::{
    NIGHT, id,
    server::{Reaction, Server},
};

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Pods by their names, each with what it answers at a look.
type Pods = Arc<Mutex<BTreeMap<String, Reaction>>>;

struct Cluster {
    server: Server,
    pods: Pods,
    sensor: PodsSensor,
    time: Arc<AtomicI64>,
}

fn status(code: u16, reason: &str, message: &str) -> Reaction {
    Reaction::json(
        code,
        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message}),
    )
}

fn pod(name: &str) -> Value {
    json!({
        "metadata": {"name": name, "uid": format!("uid-{name}"), "resourceVersion": "7", "creationTimestamp": "2026-11-25T00:00:00Z"},
        "spec": {"containers": [{"name": "web"}]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "web", "ready": true, "started": true, "restartCount": 0, "state": {"running": {}}}],
        },
    })
}

fn page(fine: u64, failed: u64) -> Reaction {
    let text = format!(
        "http_requests_total{{code=\"200\",path=\"/\"}} {fine}\nhttp_requests_total{{code=\"500\",path=\"/\"}} {failed}\n\
         http_requests_total{{code=\"200\",path=\"/health\"}} {}\n",
        fine * 1000
    );
    Reaction::text(200, TEXT, &text)
}

impl Cluster {
    async fn new() -> Cluster {
        let pods = Pods::default();
        let answers = pods.clone();
        let server = Server::start(move |asked, _| {
            let path = asked.path.split('?').next().unwrap_or_default();
            let pods = answers.lock().unwrap();
            if let Some(passed) = path.strip_prefix("/api/v1/namespaces/shop/pods/") {
                let name = passed.split(':').next().unwrap_or_default();
                assert_eq!(passed, format!("{name}:9090/proxy/stats/prometheus"));
                return pods.get(name).cloned().unwrap_or_else(|| status(404, "NotFound", &format!("pods \"{name}\" not found")));
            }
            let list = |kind: &str, items: Vec<Value>| {
                Reaction::json(200, json!({"kind": kind, "metadata": {"resourceVersion": "9"}, "items": items}))
            };
            match path {
                "/apis/apps/v1/namespaces/shop/deployments" => {
                    let metadata = json!({"name": "web", "uid": "d", "resourceVersion": "5", "generation": 1});
                    let selector = json!({"matchLabels": {"app": "web"}});
                    let template = json!({"spec": {"containers": [{"name": "web", "image": "web:1"}]}});
                    list("DeploymentList", vec![json!({"metadata": metadata, "spec": {"selector": selector, "replicas": 2, "template": template}, "status": {}})])
                }
                "/api/v1/namespaces/shop/pods" => {
                    assert!(asked.path.contains("labelSelector=app%3Dweb"), "{}", asked.path);
                    let given = |name: &str| {
                        let (_, rest) = asked.path.split_once(name)?;
                        rest.split('&').next()?.parse::<usize>().ok()
                    };
                    let (limit, from) = (given("limit=").unwrap_or(usize::MAX), given("continue=").unwrap_or(0));
                    let rest = pods.len().saturating_sub(from);
                    let next = if rest > limit { (from + limit).to_string() } else { String::new() };
                    let items: Vec<Value> = pods.keys().skip(from).take(limit).map(|name| pod(name)).collect();
                    Reaction::json(
                        200,
                        json!({"kind": "PodList", "metadata": {"resourceVersion": "9", "continue": next}, "items": items}),
                    )
                }
                other => panic!("nobody asks for {other}"),
            }
        })
        .await;
        let time = Arc::new(AtomicI64::new(NIGHT));
        let clock = time.clone();
        let now: Now = Arc::new(move || Timestamp(clock.load(Ordering::SeqCst)));
        let way = Way::Known(Access::loopback(&server.url("/")).unwrap());
        let (namespace, deployment) = ("shop".to_owned(), "web".to_owned());
        let shown = Shown { namespace, deployment, port: 9090, path: "/stats/prometheus".to_owned() };
        let families = Families { without: vec![("path".to_owned(), "/health".to_owned())], ..Families::default() };
        let config = Config {
            source: "pods/gke".parse().unwrap(),
            backend: id("gke"),
            every: Millis::from_secs(5),
            families,
            window: Millis::from_secs(30),
            must_tell: BTreeMap::new(),
            now,
        };
        Cluster { sensor: PodsSensor::new(config, Pages::new(way, shown)), server, pods, time }
    }

    /// A look five seconds after the one before, at pods that answer so.
    async fn look(&mut self, pods: &[(&str, Reaction)]) -> Result<BTreeMap<Metric, Measured>, Fault> {
        *self.pods.lock().unwrap() = pods.iter().map(|(name, reaction)| ((*name).to_owned(), reaction.clone())).collect();
        let facts = self.sensor.look().await;
        self.time.fetch_add(5000, Ordering::SeqCst);
        facts?.into_iter().find_map(|fact| if let Fact::Measured { values, .. } = fact { Some(Ok(values)) } else { None }).unwrap()
    }
}

#[tokio::test]
async fn each_pod_counts_by_itself_and_health_checks_and_the_past_count_for_nothing() {
    let mut cluster = Cluster::new().await;
    let mut last = BTreeMap::new();
    for look in 0..7 {
        last = cluster.look(&[("a", page(10 * look, 500 + look)), ("b", page(9000 + 30 * look, 0))]).await.unwrap();
    }
    let (rate, errors) = (last[&Metric::RequestRate].unwrap(), last[&Metric::ErrorRate].unwrap());
    assert_eq!((rate.requests, rate.value), (6 * 41, 6.0 * 41.0 / 30.0));
    assert_eq!((errors.requests, errors.basis), (6 * 41, Basis::Counted { failed: 6 }));
    assert_eq!(last[&Metric::P95Latency], Err(Gap::Missing), "these pages have no histogram");
    // A pod that is not there when it is asked makes the next look list them again, and is no fault of the others.
    cluster.look(&[("a", page(70, 507))]).await.unwrap();
    let gone = cluster.look(&[("a", page(80, 508))]).await.unwrap();
    assert_eq!(gone[&Metric::RequestRate].unwrap().requests, 4 * 41 + 2 * 11);
}

#[tokio::test]
async fn a_pod_that_is_silent_for_two_looks_makes_the_figures_partial() {
    let mut cluster = Cluster::new().await;
    let refused =
        || status(503, "ServiceUnavailable", "error trying to reach service: dial tcp 10.0.0.1:9090: connect: connection refused");
    for look in 0..7 {
        cluster.look(&[("a", page(10 * look, 0)), ("b", page(30 * look, 0))]).await.unwrap();
    }
    for (look, wanted) in [(7, None), (8, None), (9, Some(Gap::Partial))] {
        let values = cluster.look(&[("a", page(10 * look, 0)), ("b", refused())]).await.unwrap();
        assert_eq!(values[&Metric::RequestRate].err(), wanted, "{look}");
    }
    let values = cluster.look(&[("a", page(100, 0)), ("b", page(300, 0))]).await.unwrap();
    assert_eq!(values[&Metric::RequestRate].unwrap().requests, 6 * 40, "what it counted meanwhile is not lost");
    let fault = cluster.look(&[("a", refused()), ("b", refused())]).await.unwrap_err();
    assert!(fault.kind == FaultKind::Unavailable && fault.to_string().contains("connection refused"), "{fault}");
}

#[tokio::test]
async fn a_right_that_is_missing_and_too_many_pods_are_said() {
    let mut cluster = Cluster::new().await;
    let forbidden = status(403, "Forbidden", "pods \"a\" is forbidden: User \"viewer\" cannot get resource \"pods/proxy\"");
    let fault = cluster.look(&[("a", forbidden), ("b", page(1, 0))]).await.unwrap_err();
    assert!(fault.kind == FaultKind::Forbidden && fault.to_string().contains("pods/proxy"), "{fault}");
    let html = Reaction::text(200, "text/html", "<html>sign in</html>");
    let fault = cluster.look(&[("a", html)]).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unreadable, "{fault}");
    let none = cluster.look(&[]).await;
    assert!(none.is_ok_and(|values| values.values().all(|value| *value == Err(Gap::Missing))), "nobody is ready, so nobody tells");
    let names: Vec<String> = (0..PODS_MAX * 3).map(|number| format!("p{number:03}")).collect();
    let many: Vec<(&str, Reaction)> = names.iter().map(|name| (name.as_str(), page(1, 0))).collect();
    let before = cluster.server.asked().len();
    let mut said = None;
    for _ in 0..4 {
        said = cluster.look(&many).await.err().or(said);
    }
    let fault = said.unwrap();
    assert!(fault.kind == FaultKind::Unsupported && fault.to_string().contains("more than 100 pods of shop/web are ready"), "{fault}");
    assert_eq!(fault.retry_after, Some(Millis::from_secs(60)), "so many are not listed at each look");
    let asked = cluster.server.asked();
    let asked: Vec<&str> = asked[before..].iter().map(|asked| asked.path.as_str()).collect();
    assert!(asked.iter().all(|path| !path.contains("/proxy/p") && !path.contains("continue=")), "no page, and no further list: {asked:?}");
    assert!(asked.iter().filter(|path| path.contains("/pods?")).all(|path| path.contains("limit=101")), "{asked:?}");
}
