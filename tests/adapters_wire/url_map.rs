//! The URL map's driver when the API loses replies, conflicts, lies or stands still.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use cutover::{
    adapter::{
        Patience,
        url_map::{Beside, Config, UrlMapDriver},
    },
    domain::{
        claim::{Claim, Claimed},
        fact::Accepted,
        fault::{FaultKind, Outcome, Version},
        hindrance::Hindrance,
        position::Position,
    },
    port::{Change, Driver, Taken},
};
use serde_json::{Value, json};

use super::{
    client, id, intent,
    server::{Asked, Reaction, Server},
    split,
};

const FINGERPRINT: &str = "Zm9vYmFyMDE=";

fn driver(server: &Server) -> UrlMapDriver {
    UrlMapDriver::new(config(), client(server), Beside::default())
}

fn config() -> Config {
    Config {
        route: "frontend".parse().unwrap(),
        project: "hexproperty".to_owned(),
        region: None,
        url_map: "hexproperty-lb".to_owned(),
        position: Position::Default,
        beside: vec![],
        backends: vec![(id("run"), "frontend-run".into()), (id("gke"), "frontend-gke".into())],
        host: Some("api.hexproperty.com".to_owned()),
        path: "/".to_owned(),
        patience: Patience { first: Duration::from_millis(5), most: Duration::from_millis(20), total: Duration::from_millis(200) },
    }
}

fn map(gke: u16, fingerprint: &str) -> Value {
    let service = |name: &str| format!("https://www.googleapis.com/compute/v1/projects/hexproperty/global/backendServices/{name}");
    json!({"kind": "compute#urlMap", "id": "42", "name": "hexproperty-lb", "fingerprint": fingerprint,
        "defaultRouteAction": {"timeout": {"seconds": "30"}, "weightedBackendServices": [
            {"backendService": service("frontend-run"), "weight": 1000 - gke, "headerAction": {"responseHeadersToAdd": [{"headerName": "x-served-by", "headerValue": "run"}]}},
            {"backendService": service("frontend-gke"), "weight": gke, "headerAction": {"responseHeadersToAdd": [{"headerName": "x-served-by", "headerValue": "gke"}]}}]}})
}

fn operation(status: &str) -> Value {
    json!({"kind": "compute#operation", "name": "operation-1", "operationType": "patch", "status": status, "user": "cutover@hexproperty.iam.gserviceaccount.com"})
}

fn conflict() -> Reaction {
    Reaction::json(412, json!({"error": {"code": 412, "message": "Invalid fingerprint.", "errors": [{"reason": "conditionNotMet"}]}}))
}

/// An API that applies each patch; `patch` says what it answers then, given how many patches came before.
async fn applying(patch: impl Fn(usize) -> Reaction + Send + Sync + 'static, polled: Reaction) -> Server {
    let held = Arc::new(AtomicU16::new(0));
    let patches = Arc::new(AtomicU16::new(0));
    Server::start(move |asked, _| match asked.method.as_str() {
        "PATCH" => {
            let before = patches.fetch_add(1, Ordering::SeqCst);
            let weight = asked.json()["defaultRouteAction"]["weightedBackendServices"][1]["weight"].as_u64().unwrap();
            if before == 0 {
                held.store(weight as u16, Ordering::SeqCst);
            }
            patch(before.into())
        }
        _ if asked.path.contains("/operations/") => polled.clone(),
        _ => match held.load(Ordering::SeqCst) {
            0 => Reaction::json(200, map(0, FINGERPRINT)),
            gke => Reaction::json(200, map(gke, "bmV3ZXI=")),
        },
    })
    .await
}

async fn write(server: &Server) -> Outcome {
    let driver = driver(server);
    let version = driver.read().await.unwrap().version;
    driver.write(Change::Split { to: &split(250), claim: None }, &version, &intent(), Taken::told().0).await.outcome
}

fn patches(server: &Server) -> Vec<Asked> {
    server.asked().into_iter().filter(|asked| asked.method == "PATCH").collect()
}

#[tokio::test]
async fn a_write_is_one_patch_with_fingerprint_id_and_reason() {
    let server = applying(|_| Reaction::json(200, operation("RUNNING")), Reaction::json(200, operation("DONE"))).await;
    let Outcome::Done(receipt) = write(&server).await else { panic!("it was accepted") };
    assert_eq!(receipt.version, Some(Version("bmV3ZXI=".to_owned())));
    assert_eq!(receipt.operation.unwrap().as_str(), "operation-1");
    let patches = patches(&server);
    let [patch] = patches.as_slice() else { panic!("{patches:?}") };
    assert!(patch.path.starts_with("/compute/v1/projects/hexproperty/global/urlMaps/hexproperty-lb?requestId="), "{}", patch.path);
    assert_eq!(patch.header("x-goog-request-reason"), Some("cutover night-1/17.0/ab12"));
    let mut wanted = map(250, FINGERPRINT)["defaultRouteAction"].clone();
    assert_eq!(patch.json(), json!({"fingerprint": FINGERPRINT, "defaultRouteAction": wanted.take()}));
}

#[tokio::test]
async fn a_stale_fingerprint_is_a_conflict_and_not_repeated() {
    let server =
        Server::start(|asked, _| if asked.method == "PATCH" { conflict() } else { Reaction::json(200, map(0, FINGERPRINT)) }).await;
    let outcome = write(&server).await;
    assert!(matches!(&outcome, Outcome::NotDone(fault) if fault.kind == FaultKind::Conflict), "{outcome:?}");
    assert_eq!(patches(&server).len(), 1);
}

#[tokio::test]
async fn a_lost_reply_is_asked_for_once_more_under_the_same_id() {
    let answer = |before| if before == 0 { Reaction::Close } else { Reaction::json(200, operation("DONE")) };
    let server = applying(answer, Reaction::Close).await;
    assert!(matches!(write(&server).await, Outcome::Done(_)));
    let paths: Vec<String> = patches(&server).into_iter().map(|asked| asked.path).collect();
    assert!(paths.len() == 2 && paths[0] == paths[1], "{paths:?}");
}

#[tokio::test]
async fn a_write_that_nobody_answers_is_sent_again_under_the_same_id() {
    let answer = |before| if before == 0 { Reaction::Silence } else { Reaction::json(200, operation("DONE")) };
    let server = applying(answer, Reaction::Close).await;
    let driver = driver(&server);
    let version = driver.read().await.unwrap().version;
    let written = driver.write(Change::Split { to: &split(250), claim: None }, &version, &intent(), Taken::told().0).await;
    assert!(matches!(written.outcome, Outcome::Done(_)), "{written:?}");
    let after: Vec<u64> = written.attempts.iter().map(|attempt| attempt.after.0 / 1000).collect();
    assert_eq!(after, [0, 2]);
    let paths: Vec<String> = patches(&server).into_iter().map(|asked| asked.path).collect();
    assert!(paths.len() == 2 && paths[0] == paths[1], "{paths:?}");
}

#[tokio::test]
async fn a_conflict_after_a_lost_reply_may_be_our_own_doing() {
    let server = applying(|before| if before == 0 { Reaction::Close } else { conflict() }, Reaction::Close).await;
    assert!(matches!(write(&server).await, Outcome::Done(_)), "the map reads as wanted");
    let patches = AtomicU16::new(0);
    let never_applied = Server::start(move |asked, _| match asked.method.as_str() {
        "PATCH" if patches.fetch_add(1, Ordering::SeqCst) == 0 => Reaction::Close,
        "PATCH" => conflict(),
        _ => Reaction::json(200, map(0, FINGERPRINT)),
    })
    .await;
    assert!(matches!(write(&never_applied).await, Outcome::Unknown(_)), "nobody knows");
}

#[tokio::test]
async fn an_error_after_applying_is_unknown_and_not_repeated() {
    for status in [500, 502, 503] {
        let server = applying(move |_| Reaction::text(status, "text/html", "<html>error</html>"), Reaction::Close).await;
        assert!(matches!(write(&server).await, Outcome::Unknown(_)), "{status}");
        assert_eq!(patches(&server).len(), 1, "{status}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_operation_is_unknown() {
    for reaction in [
        Reaction::text(200, "text/html", "<html>hello</html>"),
        Reaction::text(200, "application/json", "{\"name\":"),
        Reaction::json(200, json!([])),
    ] {
        let server = applying(move |_| reaction.clone(), Reaction::Close).await;
        assert!(matches!(write(&server).await, Outcome::Unknown(fault) if fault.kind == FaultKind::Unreadable));
    }
}

/// Whoever waits is told that it has arrived, and where it can be followed; of what is done at once there is nothing to tell.
#[tokio::test]
async fn a_write_that_the_api_works_on_is_told_before_its_end() {
    for (first, told) in [("RUNNING", Some("operation-1")), ("DONE", None)] {
        let server = applying(move |_| Reaction::json(200, operation(first)), Reaction::json(200, operation("DONE"))).await;
        let driver = driver(&server);
        let version = driver.read().await.unwrap().version;
        let (taken, mut hears) = Taken::told();
        let change = Change::Split { to: &split(250), claim: None };
        assert!(matches!(driver.write(change, &version, &intent(), taken).await.outcome, Outcome::Done(_)));
        assert_eq!(hears.try_recv().ok().flatten().as_ref().map(|operation| operation.as_str()), told, "{first}");
    }
}

#[tokio::test]
async fn a_stuck_operation_is_unknown_and_named() {
    let server = applying(|_| Reaction::json(200, operation("RUNNING")), Reaction::json(200, operation("RUNNING"))).await;
    let outcome = write(&server).await;
    let Outcome::Unknown(fault) = outcome else { panic!("{outcome:?}") };
    assert!(fault.message.as_str().contains("operation-1"), "{fault}");
}

/// Reads that fail after the end of an operation accuse nobody of having changed the map.
#[tokio::test]
async fn a_map_that_can_not_be_read_after_the_operation_is_no_conflict() {
    let (reads, written) = (AtomicU16::new(0), AtomicU16::new(0));
    let server = Server::start(move |asked, _| match asked.method.as_str() {
        "PATCH" => {
            written.store(1, Ordering::SeqCst);
            Reaction::json(200, operation("DONE"))
        }
        _ if written.load(Ordering::SeqCst) == 1 && reads.fetch_add(1, Ordering::SeqCst) < 100 => {
            Reaction::json(429, json!({"error": {"code": 429, "message": "Quota exceeded"}}))
        }
        _ => Reaction::json(200, map(0, FINGERPRINT)),
    })
    .await;
    let outcome = write(&server).await;
    let Outcome::Unknown(fault) = outcome else { panic!("{outcome:?}") };
    assert!(fault.kind != FaultKind::Conflict && fault.message.as_str().contains("Quota exceeded"), "{fault}");
}

#[tokio::test]
async fn a_vanished_operation_is_unknown() {
    let gone = Reaction::json(404, json!({"error": {"code": 404, "message": "The resource was not found"}}));
    let server = applying(|_| Reaction::json(200, operation("RUNNING")), gone).await;
    assert!(matches!(write(&server).await, Outcome::Unknown(fault) if fault.kind == FaultKind::NotFound));
}

#[tokio::test]
async fn a_failed_operation_is_not_done() {
    let mut failed = operation("DONE");
    failed["error"] = json!({"errors": [{"code": "INVALID_FIELD", "message": "tests failed"}]});
    failed["httpErrorStatusCode"] = json!(400);
    let server = applying(|_| Reaction::json(200, operation("PENDING")), Reaction::json(200, failed)).await;
    let outcome = write(&server).await;
    assert!(matches!(&outcome, Outcome::NotDone(fault) if fault.message.as_str().contains("tests failed")), "{outcome:?}");
}

/// The server's own trouble says nothing of how far it came.
#[tokio::test]
async fn an_operation_that_a_server_error_ended_is_unknown() {
    let mut failed = operation("DONE");
    failed["error"] = json!({"errors": [{"code": "INTERNAL_ERROR", "message": "try again"}]});
    failed["httpErrorStatusCode"] = json!(503);
    let server = applying(|_| Reaction::json(200, operation("PENDING")), Reaction::json(200, failed)).await;
    let outcome = write(&server).await;
    assert!(matches!(&outcome, Outcome::Unknown(fault) if fault.message.as_str().contains("try again")), "{outcome:?}");
}

/// A driver that has not read the version that it shall write against reads once, and writes against no other.
#[tokio::test]
async fn a_map_that_has_changed_since_is_not_overwritten() {
    let server = applying(|_| Reaction::json(200, operation("RUNNING")), Reaction::json(200, operation("DONE"))).await;
    let old = Version("b2xkZXI=".to_owned());
    let outcome = driver(&server).write(Change::Split { to: &split(250), claim: None }, &old, &intent(), Taken::told().0).await.outcome;
    assert!(matches!(&outcome, Outcome::NotDone(fault) if fault.kind == FaultKind::Conflict), "{outcome:?}");
    assert_eq!(patches(&server).len(), 0);
}

#[tokio::test]
async fn an_operation_that_lies_is_not_believed() {
    let server = Server::start(|asked, _| match asked.method.as_str() {
        "PATCH" => Reaction::json(200, operation("DONE")),
        _ => Reaction::json(200, map(0, FINGERPRINT)),
    })
    .await;
    assert!(matches!(write(&server).await, Outcome::Unknown(fault) if fault.kind == FaultKind::Conflict));
}

#[tokio::test]
async fn a_map_that_cannot_be_read_gives_a_fault_and_no_weights() {
    for (reaction, kind) in [
        (Reaction::text(200, "text/html", "<html>sign in</html>"), FaultKind::Unreadable),
        (Reaction::json(200, json!({"fingerprint": 7})), FaultKind::Unreadable),
        (Reaction::json(200, json!({"fingerprint": FINGERPRINT})), FaultKind::Unsupported),
        (Reaction::text(200, "application/json", &"[".repeat(100_000)), FaultKind::Unreadable),
        (Reaction::text(200, "application/json", "{\"fingerprint\":\"a\",\"fingerprint\":\"b\"}"), FaultKind::Unreadable),
        (Reaction::json(403, json!({"error": {"message": "Required 'compute.urlMaps.get' permission"}})), FaultKind::Forbidden),
        (Reaction::json(404, json!({"error": {"message": "not found"}})), FaultKind::NotFound),
    ] {
        let server = Server::start(move |_, _| reaction.clone()).await;
        assert_eq!(driver(&server).read().await.expect_err("it can't be read").kind, kind);
    }
}

#[tokio::test]
async fn a_refused_write_stands_against_the_next_one_in_the_apis_own_words() {
    let refused = json!({"error": {"code": 403, "message": "Required 'compute.urlMaps.update' permission for 'hexproperty-lb'"}});
    let server = Server::start(move |asked, _| match asked.method.as_str() {
        "PATCH" => Reaction::json(403, refused.clone()),
        _ => Reaction::json(200, map(0, FINGERPRINT)),
    })
    .await;
    let driver = driver(&server);
    let before = driver.read().await.unwrap();
    assert_eq!(before.hindrances, []);
    let outcome = driver.write(Change::Split { to: &split(250), claim: None }, &before.version, &intent(), Taken::told().0).await.outcome;
    assert!(matches!(&outcome, Outcome::NotDone(fault) if fault.kind == FaultKind::Forbidden), "{outcome:?}");
    let after = driver.read().await.unwrap().hindrances;
    let [Hindrance::Forbidden { permission, why: Some(why) }] = after.as_slice() else { panic!("{after:?}") };
    assert_eq!(permission.as_str(), "compute.urlMaps.update");
    assert!(why.as_str().contains("Required 'compute.urlMaps.update' permission"), "{why}");
}

#[tokio::test]
async fn a_permission_that_we_lack_is_known_before_any_write() {
    for (held, lacking) in [(json!({}), true), (json!({"permissions": ["compute.urlMaps.update"]}), false)] {
        let server = Server::start(move |asked, _| match asked.method.as_str() {
            "POST" => Reaction::json(200, held.clone()),
            _ => Reaction::json(200, map(0, FINGERPRINT)),
        })
        .await;
        let driver = UrlMapDriver::new(config(), client(&server), Beside { projects: Some(client(&server)), ..Beside::default() });
        let found = driver.read().await.unwrap().hindrances;
        let forbidden = Hindrance::Forbidden { permission: "compute.urlMaps.update".into(), why: None };
        assert_eq!(found, if lacking { vec![forbidden] } else { vec![] });
        let asked = server.asked().into_iter().find(|asked| asked.method == "POST").unwrap();
        assert_eq!(asked.path, "/v1/projects/hexproperty:testIamPermissions");
        assert_eq!(asked.json(), json!({"permissions": ["compute.urlMaps.update"]}));
    }
}

#[tokio::test]
async fn a_question_that_nobody_answers_holds_nothing_against_anybody() {
    let server = Server::start(|asked, _| match asked.path.as_str() {
        path if path.contains("/backendServices/") => Reaction::text(500, "text/plain", "oops"),
        path if path.ends_with(":testIamPermissions") => Reaction::json(403, json!({"error": {"message": "API disabled"}})),
        _ => Reaction::json(200, map(0, FINGERPRINT)),
    })
    .await;
    let driver = UrlMapDriver::new(config(), client(&server), Beside { projects: Some(client(&server)), ..Beside::default() });
    assert_eq!(driver.read().await.unwrap().hindrances, []);
}

#[tokio::test]
async fn a_classic_load_balancer_is_named() {
    let server = Server::start(|asked, _| match asked.path.as_str() {
        path if path.ends_with("/backendServices/frontend-gke") => Reaction::json(200, json!({"loadBalancingScheme": "EXTERNAL"})),
        path if path.contains("/backendServices/") => Reaction::json(200, json!({"loadBalancingScheme": "EXTERNAL_MANAGED"})),
        _ => Reaction::json(200, map(0, FINGERPRINT)),
    })
    .await;
    let classic = Hindrance::ClassicLoadBalancer { service: "frontend-gke".into(), scheme: "EXTERNAL".into() };
    assert_eq!(driver(&server).read().await.unwrap().hindrances, [classic]);
}

const CLAIM: &str = "[cutover claim/1 night 00000001 epoch 1 since 1795900000 on ops-1 by ada steers]";

/// A map with this description, which takes any patch; what it was patched with is asked for.
async fn described(description: Value) -> Server {
    let patched = Arc::new(std::sync::Mutex::new(None::<Value>));
    Server::start(move |asked, _| match asked.method.as_str() {
        "PATCH" => {
            *patched.lock().unwrap() = Some(asked.json());
            Reaction::json(200, operation("DONE"))
        }
        _ => {
            let newer = patched.lock().unwrap().clone();
            let mut map = map(if newer.is_some() { 250 } else { 0 }, if newer.is_some() { "bmV3ZXI=" } else { FINGERPRINT });
            map["description"] = newer.and_then(|newer| newer.get("description").cloned()).unwrap_or_else(|| description.clone());
            Reaction::json(200, map)
        }
    })
    .await
}

/// What was read, what came of writing a claim, with a split or alone, and what was sent.
async fn claims(description: Value, to: Option<u16>) -> (Accepted, Outcome, Value) {
    let server = described(description).await;
    let driver = driver(&server);
    let before = driver.read().await.unwrap();
    let (claim, to): (Claim, _) = (CLAIM.parse().unwrap(), to.map(split));
    let change = to.as_ref().map_or(Change::Claim(&claim), |to| Change::Split { to, claim: Some(&claim) });
    let outcome = driver.write(change, &before.version, &intent(), Taken::told().0).await.outcome;
    let sent = patches(&server).first().map_or(Value::Null, Asked::json);
    (before, outcome, sent)
}

#[tokio::test]
async fn a_claim_goes_with_the_weights_beside_what_people_wrote_bit_for_bit() {
    let text = "  api.hexproperty.com \u{2014} owned by web-infra\tp1 ";
    let (before, outcome, sent) = claims(json!(text), Some(250)).await;
    assert_eq!((before.claimed, before.hindrances), (Claimed::Nobody, vec![]));
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert_eq!(sent["description"], json!(format!("{text} {CLAIM}")));
    assert_eq!(sent["defaultRouteAction"]["weightedBackendServices"][1]["weight"], 250);
    assert_eq!(claims(Value::Null, Some(250)).await.2["description"], json!(CLAIM));
}

#[tokio::test]
async fn a_claim_alone_touches_no_weight_and_takes_the_place_of_the_older_one() {
    let older = CLAIM.replace("epoch 1", "epoch 0").replace("night 00000001", "other 0badcafe");
    let (before, outcome, sent) = claims(json!(format!("api {older}, ask ada")), None).await;
    let Claimed::By(found) = before.claimed else { panic!("it bears one") };
    assert_eq!(found.to_string(), older);
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert_eq!(sent, json!({"fingerprint": FINGERPRINT, "description": format!("api {CLAIM}, ask ada")}));
}

#[tokio::test]
async fn a_description_without_room_bars_an_advance_and_never_the_way_home() {
    let long = "x".repeat(2048);
    let (before, outcome, sent) = claims(json!(long), Some(250)).await;
    assert!(matches!(before.hindrances.as_slice(), [Hindrance::NoRoom { beyond: 321, .. }]), "{:?}", before.hindrances);
    let home = "run".parse().unwrap();
    assert!(before.hindrances[0].bars_advance(&home) && !before.hindrances[0].bars_home(&home));
    assert_eq!(sent.get("description"), None);
    // What was read back is the split alone.
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    let (_, outcome, sent) = claims(json!(long), None).await;
    assert!(matches!(&outcome, Outcome::NotDone(fault) if fault.kind == FaultKind::Unsupported) && sent.is_null(), "{outcome:?}");
}

#[tokio::test]
async fn hostile_text_is_nobodys_claim_and_stays_where_it_is() {
    for text in [
        "[cutover claim/1 \u{1b}[2J epoch 1]",
        "[cutover claim/1 night 1 epoch 99 since x on y by z steers]",
        "[cutover claim/1 [cutover claim/1 ",
    ] {
        let (before, _, sent) = claims(json!(text), Some(250)).await;
        assert_eq!((before.claimed, &sent["description"]), (Claimed::Nobody, &json!(format!("{text} {CLAIM}"))));
    }
}

/// A driver that goes on with what another one has left, and what it leaves itself.
fn taking_up(server: &Server, left: Option<&str>) -> (UrlMapDriver, Arc<Mutex<Vec<String>>>) {
    let (driver, kept) = (driver(server), Arc::new(Mutex::new(Vec::new())));
    let keeps = Arc::clone(&kept);
    let keeper = move |text| {
        keeps.lock().unwrap().push(text);
        true
    };
    driver.take_up(left, Box::new(keeper));
    (driver, kept)
}

#[tokio::test]
async fn a_host_that_was_just_started_writes_against_what_the_one_before_has_left() {
    let server = applying(|_| Reaction::json(200, operation("DONE")), Reaction::Close).await;
    let (first, left) = taking_up(&server, None);
    let version = first.read().await.unwrap().version;
    first.read().await.unwrap();
    let left = std::mem::take(&mut *left.lock().unwrap());
    assert_eq!(left.len(), 1, "what has not changed is kept once");
    let asked_before = server.asked().len();
    let (next, newer) = taking_up(&server, left.first().map(String::as_str));
    let written = next.write(Change::Split { to: &split(250), claim: None }, &version, &intent(), Taken::told().0).await;
    assert!(matches!(written.outcome, Outcome::Done(_)), "{written:?}");
    let asked = server.asked().split_off(asked_before);
    assert_eq!(asked[0].method, "PATCH", "nothing was read before");
    let mut wanted = map(250, FINGERPRINT)["defaultRouteAction"].clone();
    assert_eq!((&asked[0].json()["fingerprint"], &asked[0].json()["defaultRouteAction"]), (&json!(FINGERPRINT), &wanted.take()));
    assert_eq!(newer.lock().unwrap().len(), 1, "what the write has made is left for the next one");
}

/// Whatever lies there, nothing is written but against what was seen: what can't be believed is read anew.
#[tokio::test]
async fn what_was_left_of_another_map_or_is_damaged_is_read_anew() {
    let server = applying(|_| Reaction::json(200, operation("DONE")), Reaction::Close).await;
    let (first, left) = taking_up(&server, None);
    let version = first.read().await.unwrap().version;
    let left = left.lock().unwrap().pop().unwrap();
    let elsewhere = applying(|_| Reaction::json(200, operation("DONE")), Reaction::Close).await;
    for (server, left) in
        [(&server, &left[..left.len() - 1]), (&server, &left.replace("frontend-gke", "frontend-abc")), (&elsewhere, &left)]
    {
        let asked_before = server.asked().len();
        let (next, _) = taking_up(server, Some(left));
        next.write(Change::Split { to: &split(250), claim: None }, &version, &intent(), Taken::told().0).await;
        assert_eq!(server.asked()[asked_before].method, "GET", "{left}");
    }
}

/// An old map is harmless: the API refuses what was made of it, and a look tells.
#[tokio::test]
async fn a_write_against_an_old_map_is_refused_and_changes_nothing() {
    let server =
        Server::start(|asked, _| if asked.method == "PATCH" { conflict() } else { Reaction::json(200, map(0, FINGERPRINT)) }).await;
    let (first, left) = taking_up(&server, None);
    let version = first.read().await.unwrap().version;
    let left = left.lock().unwrap().pop();
    let (next, _) = taking_up(&server, left.as_deref());
    let outcome = next.write(Change::Split { to: &split(250), claim: None }, &version, &intent(), Taken::told().0).await.outcome;
    assert!(matches!(&outcome, Outcome::NotDone(fault) if fault.kind == FaultKind::Conflict), "{outcome:?}");
    assert_eq!(patches(&server).len(), 1);
}
