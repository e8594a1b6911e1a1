//! What adapters really ask of an API server, against what `check --live` asks whether we may, and what README gives a session.

use std::{collections::BTreeSet, time::Duration};

use cutover::{
    adapter::kubernetes::{Access, Config, KubernetesSensor, Pages, READS_PAGES, STEERS, Shown, WATCHES, Way, Wish},
    domain::fault::Outcome,
    port::{Change, Driver, Sensor, Taken},
};
use serde_json::{Value, json};

use super::{
    http_route::{driver, route},
    id, intent,
    server::{Asked, Reaction, Server},
    split,
};

/// Group, kind with what is below it, and verb.
type Right = (String, String, String);

/// What a request needs, by the rules after which an API server reads it.
fn needed(asked: &Asked) -> Option<Right> {
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (group, rest) = match parts.as_slice() {
        ["api", _, rest @ ..] => ("", rest),
        ["apis", group, _, rest @ ..] => (*group, rest),
        _ => return None,
    };
    let ["namespaces", _, resource, rest @ ..] = rest else { return None };
    let verb = match (asked.method.as_str(), rest) {
        ("GET", []) if query.split('&').any(|pair| ["watch=true", "watch=1"].contains(&pair)) => "watch",
        ("GET", []) => "list",
        ("GET", _) => "get",
        ("PATCH", _) => "patch",
        (other, _) => panic!("nobody asks by {other}: {path}"),
    };
    let kind = rest.get(1).map_or_else(|| (*resource).to_owned(), |below| format!("{resource}/{below}"));
    Some((group.to_owned(), kind, verb.to_owned()))
}

fn right(wish: &Wish) -> Right {
    (wish.group.to_owned(), wish.to_string(), wish.verb.to_owned())
}

fn answer(asked: &Asked) -> Reaction {
    let path = asked.path.split('?').next().unwrap_or_default();
    let list = |items: Vec<Value>| Reaction::json(200, json!({"metadata": {"resourceVersion": "9"}, "items": items}));
    if asked.path.contains("watch=") {
        return Reaction::text(200, "application/json", "");
    }
    match path.rsplit('/').next().unwrap_or_default() {
        "deployments" => list(vec![json!({
            "metadata": {"name": "web", "uid": "d", "resourceVersion": "5", "generation": 1},
            "spec": {"selector": {"matchLabels": {"app": "web"}}, "replicas": 1, "template": {"spec": {"containers": [{"name": "web", "image": "web:1"}]}}},
            "status": {},
        })]),
        "pods" => list(vec![json!({
            "metadata": {"name": "web-1", "uid": "p", "resourceVersion": "7", "creationTimestamp": "2026-11-25T00:00:00Z"},
            "spec": {"containers": [{"name": "web"}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [{"name": "web", "ready": true, "started": true, "restartCount": 0, "state": {"running": {}}}]},
        })]),
        "events" => list(vec![]),
        "metrics" => Reaction::text(200, "text/plain; version=0.0.4", "up 1\n"),
        "selfsubjectaccessreviews" => Reaction::json(201, json!({"status": {"allowed": true}})),
        _ if asked.method == "PATCH" => Reaction::json(200, route(250, 42, 4, 4)),
        _ => Reaction::json(200, route(0, 41, 3, 3)),
    }
}

struct Swallowed;

impl cutover::adapter::http::Sink for Swallowed {
    fn begins(&mut self, _headers: &reqwest::header::HeaderMap) -> std::ops::ControlFlow<()> {
        std::ops::ControlFlow::Continue(())
    }
    fn take(&mut self, _bytes: &[u8]) -> std::ops::ControlFlow<()> {
        std::ops::ControlFlow::Continue(())
    }
}

/// Everything that a session asks of clusters: the workload's watches, pages of pods, an HTTPRoute read, tried and written.
async fn asked_for() -> BTreeSet<Right> {
    let server = Server::start(|asked, _| answer(asked)).await;
    let way = || Way::Known(Access::loopback(&server.url("/")).unwrap());
    let rights = || server.asked().iter().filter_map(needed).collect::<BTreeSet<Right>>();
    let page = Shown { namespace: "shop".to_owned(), deployment: "web".to_owned(), port: 80, path: "/metrics".to_owned() };
    let mut pages = Pages::new(way(), page);
    let pods = pages.ready(100).await.unwrap();
    pages.pour(&pods[0].name, &mut Swallowed).await.unwrap();

    let steered = driver(&server);
    let version = steered.read().await.unwrap().version;
    steered.rehearse(&split(250)).await.unwrap();
    let outcome = steered.write(Change::Split { to: &split(250), claim: None }, &version, &intent(), Taken::told().0).await.outcome;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");

    let mut config = Config::new("platform/gke".parse().unwrap(), id("gke"), "shop", "web");
    config.life = Duration::from_millis(300);
    let mut sensor = KubernetesSensor::new(config, way());
    // Each watch ends at once, so that soon all of them have begun.
    for _ in 0..100 {
        let _ = tokio::time::timeout(Duration::from_millis(200), sensor.look()).await;
        if rights().iter().filter(|(_, _, verb)| verb == "watch").count() == 3 {
            break;
        }
    }
    rights()
}

#[tokio::test]
async fn what_is_asked_of_a_cluster_is_what_check_asks_whether_we_may_and_what_readme_gives() {
    let asked = asked_for().await;
    let wished: BTreeSet<Right> = WATCHES.iter().chain(&READS_PAGES).chain(&STEERS).map(right).collect();
    assert_eq!(asked, wished, "src/adapter/kubernetes/review.rs, which `check --live` asks by");

    let readme = include_str!("../../README.md");
    let chapter = readme.split_once("<!-- cluster role: begin -->").unwrap().1.split_once("<!-- cluster role: end -->").unwrap().0;
    let yaml = chapter.split_once("```yaml\n").unwrap().1.split_once("```").unwrap().0;
    let role: Value = serde_yaml::from_str(yaml).unwrap();
    let texts = |value: &Value| value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let mut given = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        for group in texts(&rule["apiGroups"]) {
            for kind in texts(&rule["resources"]) {
                given.extend(texts(&rule["verbs"]).into_iter().map(|verb| (group.clone(), kind.clone(), verb)));
            }
        }
    }
    assert_eq!(given, asked, "README.md, cluster role");
}
