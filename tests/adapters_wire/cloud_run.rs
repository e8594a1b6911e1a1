//! The revisions' driver when Cloud Run fails half-way.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use cutover::{
    adapter::cloud_run::{Backs, DriverConfig, RevisionsDriver, SensorConfig, ServiceName, ServiceSensor},
    domain::{
        claim::{Claim, Claimed},
        fact::Fact,
        fault::{Fault, FaultKind, Outcome},
        hindrance::Hindrance,
        platform::{Part, RevisionState, Workload},
        time::Millis,
    },
    port::{Change, Driver, Sensor, Taken},
};
use serde_json::{Value, json};

use super::{
    client, id, intent,
    server::{Reaction, Server},
    split,
};

fn driver(server: &Server) -> RevisionsDriver {
    let config = DriverConfig {
        route: "frontend".parse().unwrap(),
        service: ServiceName { project: "hexproperty".to_owned(), region: "us-central1".to_owned(), service: "frontend".to_owned() },
        backends: vec![(id("run"), "frontend-00041-kaz".to_owned()), (id("gke"), "frontend-00042-bim".to_owned())],
        patience: Duration::from_millis(600),
    };
    RevisionsDriver::new(config, client(server))
}

fn service(new: u32, condition: &str) -> Value {
    let target =
        |revision: &str, percent: u32| json!({"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": revision, "percent": percent});
    let traffic = json!([target("frontend-00041-kaz", 100 - new), target("frontend-00042-bim", new)]);
    json!({"name": "projects/hexproperty/locations/us-central1/services/frontend", "etag": format!("\"e{new}\""), "generation": "7", "observedGeneration": "7",
        "latestReadyRevision": "projects/p/locations/r/services/frontend/revisions/frontend-00042-bim",
        "traffic": traffic, "trafficStatuses": traffic, "terminalCondition": {"type": "Ready", "state": condition, "message": "no route"}})
}

const OPERATION: &str = "projects/hexproperty/locations/us-central1/operations/o1";

/// An API that applies a patch and then answers `patched`; afterwards the service's condition is `condition`.
async fn applying(patched: Reaction, condition: &'static str) -> Server {
    let applied = Arc::new(AtomicBool::new(false));
    Server::start(move |asked, _| match asked.method.as_str() {
        "PATCH" => {
            applied.store(true, Ordering::SeqCst);
            patched.clone()
        }
        _ if asked.path.contains("/operations/") => Reaction::json(200, json!({"name": OPERATION, "done": true})),
        "POST" => Reaction::json(200, json!({"permissions": ["run.services.update"]})),
        _ if asked.path.contains("/revisions/") => {
            Reaction::json(200, json!({"conditions": [{"type": "Ready", "state": "CONDITION_SUCCEEDED"}]}))
        }
        _ if applied.load(Ordering::SeqCst) => Reaction::json(200, service(25, condition)),
        _ => Reaction::json(200, service(0, "CONDITION_SUCCEEDED")),
    })
    .await
}

async fn write(server: &Server) -> Outcome {
    let driver = driver(server);
    let version = driver.read().await.unwrap().version;
    driver.write(Change::Split { to: &split(250), claim: None }, &version, &intent(), Taken::told().0).await.outcome
}

#[tokio::test]
async fn a_write_sends_etag_mask_and_the_whole_list() {
    let server = applying(Reaction::json(200, json!({"name": OPERATION})), "CONDITION_SUCCEEDED").await;
    let outcome = write(&server).await;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    let patch = server.asked().into_iter().find(|asked| asked.method == "PATCH").unwrap();
    assert_eq!(patch.path, "/v2/projects/hexproperty/locations/us-central1/services/frontend?updateMask=traffic");
    assert_eq!((&patch.json()["etag"], patch.json()["traffic"].as_array().unwrap().len()), (&json!("\"e0\""), 2));
    assert_eq!(patch.header("x-goog-request-reason"), Some("cutover night-1/17.0/ab12"));
}

#[tokio::test]
async fn of_a_lost_reply_only_the_service_tells_what_became() {
    for (condition, done) in [("CONDITION_SUCCEEDED", true), ("CONDITION_RECONCILING", false)] {
        let server = applying(Reaction::Close, condition).await;
        let outcome = write(&server).await;
        assert_eq!(matches!(outcome, Outcome::Done(_)), done, "{outcome:?}");
        assert_eq!(matches!(outcome, Outcome::Unknown(_)), !done, "{outcome:?}");
        assert_eq!(server.asked().iter().filter(|asked| asked.method == "PATCH").count(), 2);
    }
}

#[tokio::test]
async fn done_is_believed_only_when_the_service_serves_so() {
    let failed = applying(Reaction::json(200, json!({"name": OPERATION, "done": true})), "CONDITION_FAILED").await;
    assert!(matches!(write(&failed).await, Outcome::Unknown(fault) if fault.message.as_str().contains("no route")));
    let pending = applying(Reaction::json(200, json!({"name": OPERATION, "done": true})), "CONDITION_RECONCILING").await;
    assert!(matches!(write(&pending).await, Outcome::Unknown(fault) if fault.kind == FaultKind::TimedOut));
}

#[tokio::test]
async fn a_failed_operation_is_not_done() {
    let error = json!({"name": OPERATION, "done": true, "error": {"code": 10, "message": "etag mismatch"}});
    let server = applying(Reaction::json(200, error), "CONDITION_SUCCEEDED").await;
    assert!(matches!(write(&server).await, Outcome::NotDone(fault) if fault.kind == FaultKind::Conflict));
}

#[tokio::test]
async fn half_percents_are_refused_before_anything_is_sent() {
    let server = applying(Reaction::Close, "CONDITION_SUCCEEDED").await;
    let driver = driver(&server);
    let version = driver.read().await.unwrap().version;
    let outcome = driver.write(Change::Split { to: &split(5), claim: None }, &version, &intent(), Taken::told().0).await.outcome;
    assert!(matches!(outcome, Outcome::NotDone(fault) if fault.kind == FaultKind::Unsupported));
    assert!(server.asked().iter().all(|asked| asked.method != "PATCH"));
}

#[tokio::test]
async fn a_revision_that_is_gone_or_not_ready_and_a_missing_permission_are_said_at_each_read() {
    let failed = json!({"conditions": [{"type": "Ready", "state": "CONDITION_FAILED", "message": "image not found"}]});
    let server = Server::start(move |asked, _| match asked.path.as_str() {
        path if path.ends_with(":testIamPermissions") => Reaction::json(200, json!({})),
        path if path.ends_with("/revisions/frontend-00041-kaz") => Reaction::json(404, json!({"error": {"message": "gone"}})),
        path if path.ends_with("/revisions/frontend-00042-bim") => Reaction::json(200, failed.clone()),
        _ => Reaction::json(200, service(25, "CONDITION_SUCCEEDED")),
    })
    .await;
    let seen = driver(&server).read().await.unwrap();
    assert_eq!(seen.weights, split(250));
    let expected = [
        Hindrance::RevisionGone { backend: id("run"), name: "frontend-00041-kaz".into() },
        Hindrance::RevisionNotReady { backend: id("gke"), name: "frontend-00042-bim".into(), why: "image not found".into() },
        Hindrance::Forbidden { permission: "run.services.update".into(), why: None },
    ];
    assert_eq!(seen.hindrances, expected);
}

async fn looked(service: Value, revision: impl Fn(&str) -> Reaction + Send + Sync + 'static) -> Result<Workload, Fault> {
    let server = Server::start(move |asked, _| match asked.path.split("/revisions/").nth(1) {
        Some(name) => revision(name),
        None => Reaction::json(200, service.clone()),
    })
    .await;
    let config = SensorConfig {
        source: "platform/run".parse().unwrap(),
        backend: id("run"),
        service: ServiceName { project: "hexproperty".to_owned(), region: "us-central1".to_owned(), service: "frontend".to_owned() },
        backs: Backs::Service,
        every: Millis::from_secs(5),
    };
    let facts = ServiceSensor::new(config, client(&server)).look().await?;
    let Some(Fact::Workload { workload, .. }) = facts.into_iter().next() else { panic!("a workload comes first") };
    Ok(workload)
}

/// Fields that are missing prove nothing, least of all that nobody answers.
#[tokio::test]
async fn an_answer_that_describes_nothing_is_a_gap() {
    let fault = looked(json!({}), |_| Reaction::Close).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unreadable, "{fault}");
}

#[tokio::test]
async fn a_revision_that_may_not_be_read_is_named_and_the_rest_is_told() {
    let refused = json!({"error": {"code": 403, "message": "Permission 'run.revisions.get' denied", "status": "PERMISSION_DENIED"}});
    let ready = json!({"name": "x/revisions/frontend-00041-kaz", "conditions": [{"type": "Ready", "state": "CONDITION_SUCCEEDED"}]});
    let answer = move |name: &str| {
        if name == "frontend-00041-kaz" { Reaction::json(200, ready.clone()) } else { Reaction::json(403, refused.clone()) }
    };
    let workload = looked(service(25, "CONDITION_SUCCEEDED"), answer).await.unwrap();
    let told: Vec<_> = workload.revisions.iter().map(|revision| (revision.name.as_str(), revision.share.get(), revision.state)).collect();
    assert_eq!(told, [("frontend-00041-kaz", 750, RevisionState::Ready), ("frontend-00042-bim", 250, RevisionState::Untold)]);
    let [unread] = &workload.unread[..] else { panic!("{workload:?}") };
    assert_eq!((&unread.part, unread.fault.kind), (&Part::Revision("frontend-00042-bim".into()), FaultKind::Forbidden));
}

#[tokio::test]
async fn a_claim_is_an_annotation_beside_all_others() {
    let patched = Arc::new(std::sync::Mutex::new(None::<Value>));
    let server = Server::start(move |asked, _| match asked.method.as_str() {
        "PATCH" => {
            *patched.lock().unwrap() = Some(asked.json());
            Reaction::json(200, json!({"name": OPERATION}))
        }
        _ if asked.path.contains("/operations/") => Reaction::json(200, json!({"name": OPERATION, "done": true})),
        "POST" => Reaction::json(200, json!({"permissions": ["run.services.update"]})),
        _ if asked.path.contains("/revisions/") => Reaction::json(200, json!({"conditions": []})),
        _ => {
            let newer = patched.lock().unwrap().clone();
            let mut service = service(if newer.is_some() { 25 } else { 0 }, "CONDITION_SUCCEEDED");
            service["annotations"] = newer.map_or_else(|| json!({"team": "web  infra", "empty": ""}), |newer| newer["annotations"].clone());
            Reaction::json(200, service)
        }
    })
    .await;
    let driver = driver(&server);
    let before = driver.read().await.unwrap();
    assert_eq!(before.claimed, Claimed::Nobody);
    let text = "[cutover claim/1 night 00000001 epoch 1 since 1795900000 on ops-1 by - steers]";
    let claim: Claim = text.parse().unwrap();
    let to = split(250);
    let outcome = driver.write(Change::Split { to: &to, claim: Some(&claim) }, &before.version, &intent(), Taken::told().0).await.outcome;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    let sent: Vec<_> = server.asked().into_iter().filter(|asked| asked.method == "PATCH").collect();
    assert!(sent[0].path.ends_with("updateMask=traffic%2Cannotations"), "{}", sent[0].path);
    assert_eq!(sent[0].json()["annotations"], json!({"team": "web  infra", "empty": "", "cutover-claim": text}));
    let after = driver.read().await.unwrap();
    assert_eq!(after.claimed, Claimed::By(Box::new(claim.clone())));
    let outcome = driver.write(Change::Claim(&claim), &after.version, &intent(), Taken::told().0).await.outcome;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    let sent: Vec<_> = server.asked().into_iter().filter(|asked| asked.method == "PATCH").collect();
    assert!(sent[1].path.ends_with("updateMask=annotations") && sent[1].json().get("traffic").is_none(), "{}", sent[1].path);
}

/// What a service's template holds is nobody's business: people put their secrets there.
#[tokio::test]
async fn a_host_that_was_just_started_writes_against_what_the_one_before_has_left_and_that_holds_no_secret() {
    let text = "[cutover claim/1 night 00000001 epoch 1 since 1795900000 on ops-1 by - steers]";
    let patched = Arc::new(AtomicBool::new(false));
    let server = Server::start(move |asked, _| match asked.method.as_str() {
        "PATCH" => {
            patched.store(true, Ordering::SeqCst);
            Reaction::json(200, json!({"name": OPERATION, "done": true}))
        }
        "POST" => Reaction::json(200, json!({"permissions": ["run.services.update"]})),
        _ if asked.path.contains("/revisions/") => Reaction::json(200, json!({"conditions": []})),
        _ => {
            let is_patched = patched.load(Ordering::SeqCst);
            let mut service = service(if is_patched { 25 } else { 0 }, "CONDITION_SUCCEEDED");
            service["template"] = json!({"containers": [{"env": [{"name": "DB_PASSWORD", "value": "correct-horse"}]}]});
            service["annotations"] = json!({"team": "web  infra"});
            if is_patched {
                service["annotations"]["cutover-claim"] = text.into();
            }
            Reaction::json(200, service)
        }
    })
    .await;
    let kept = Arc::new(std::sync::Mutex::new(Vec::new()));
    let keeps = Arc::clone(&kept);
    let first = driver(&server);
    let keeper = move |text| {
        keeps.lock().unwrap().push(text);
        true
    };
    first.take_up(None, Box::new(keeper));
    let version = first.read().await.unwrap().version;
    let left: String = kept.lock().unwrap().pop().expect("it is kept");
    assert!(!left.contains("correct-horse") && !left.contains("template"), "{left}");
    let asked_before = server.asked().len();
    let next = driver(&server);
    next.take_up(Some(&left), Box::new(|_| true));
    let claim: Claim = text.parse().unwrap();
    let outcome = next.write(Change::Split { to: &split(250), claim: Some(&claim) }, &version, &intent(), Taken::told().0).await.outcome;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    let asked = server.asked().split_off(asked_before);
    assert_eq!(asked[0].method, "PATCH", "nothing was read before");
    assert_eq!(asked[0].json()["annotations"], json!({"team": "web  infra", "cutover-claim": text}));
}
