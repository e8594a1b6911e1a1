//! Faults of a cluster as its API tells them: sidecars and the dead, missing rights, nulls, watches that die without a word.

use cutover::sim::world::kubernetes::{
    Kubernetes,
    fault::{EmptyLists, WatchFault},
    resource::Resource,
};
use serde_json::Value;

use super::{Lab, PODS, http};

const EVENTS: &str = "/api/v1/namespaces/hexproperty/events";

#[tokio::test]
async fn kubectl_prints_sidecars_and_the_dead_as_a_real_server_does() {
    let lab = Lab::fast(21).await;
    lab.with(|cluster| {
        cluster.add_sidecar("frontend");
        // A roll-over of six pods takes about a minute.
        cluster.tick(cluster.now_ms() + 180_000);
        cluster.evict("frontend", 3);
    });
    let table = http().get(format!("http://{}{PODS}?labelSelector=app%3Dfrontend", lab.address));
    let table = table.header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io").send().await.expect("the server answers");
    let table: Value = table.json().await.expect("a document");
    let rows = table["rows"].as_array().expect("rows");
    let count = |ready: &str, status: &str| rows.iter().filter(|row| row["cells"][1] == ready && row["cells"][2] == status).count();
    assert_eq!((count("2/2", "Running"), count("0/2", "Evicted")), (6, 3), "{rows:#?}");
    let printed = lab.prints(&["get", "pods", "--selector=app=frontend", "--no-headers"]).await;
    if !printed.is_empty() {
        assert_eq!(printed.lines().filter(|line| line.contains("Evicted")).count(), 3, "{printed}");
        assert_eq!(printed.lines().filter(|line| line.contains("2/2") && line.contains("Running")).count(), 6, "{printed}");
    }
}

#[tokio::test]
async fn what_may_not_be_read_is_refused_in_the_server_s_words() {
    let lab = Lab::held(22).await;
    lab.with(|cluster| cluster.forbid(Resource::Event));
    let (code, status) = lab.get(EVENTS).await;
    assert_eq!((code, status["reason"].as_str()), (403, Some("Forbidden")));
    let said = "cannot list resource \"events\" in API group \"\" in the namespace \"hexproperty\"";
    assert!(status["message"].as_str().unwrap().contains(said), "{status}");
    assert_eq!(lab.get(PODS).await.0, 200);
    lab.with(Kubernetes::calm);
    assert_eq!(lab.get(EVENTS).await.0, 200);
}

#[tokio::test]
async fn lists_without_items_may_be_null() {
    let lab = Lab::held(23).await;
    lab.with(|cluster| cluster.set_empty_lists(EmptyLists::Nulls));
    let (_, none) = lab.get(&format!("{PODS}?labelSelector=app%3Dnobody")).await;
    assert_eq!(none["items"], Value::Null);
    let (_, some) = lab.get(PODS).await;
    assert_eq!(some["items"][0]["spec"].get("initContainers"), Some(&Value::Null));
}

/// A watch that is to live for three seconds says after one of them how far it is.
#[tokio::test]
async fn a_bookmark_comes_shortly_before_a_watch_ends() {
    let lab = Lab::held(24).await;
    let mut watch = lab.watch(&format!("{PODS}?watch=1&allowWatchBookmarks=true&timeoutSeconds=3&resourceVersion=0")).await;
    let seen = watch.until("BOOKMARK").await;
    assert!(seen.len() > 12, "the pods come first: {seen:#?}");
    assert_eq!(watch.next().await, None);
}

#[tokio::test]
async fn a_connection_that_died_without_a_word_leaves_new_ones_alone() {
    let lab = Lab::held(25).await;
    let version = lab.get(PODS).await.1["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let path = format!("{PODS}?watch=1&allowWatchBookmarks=true&timeoutSeconds=4&resourceVersion={version}");
    let mut dead = lab.watch(&path).await;
    lab.with(|cluster| {
        cluster.set_watch_fault(WatchFault::Freezes);
        cluster.evict("frontend", 1);
    });
    lab.pass(1000);
    let mut alive = lab.watch(&path).await;
    assert_eq!(alive.next().await.expect("a change")["type"], "ADDED");
    assert_eq!(dead.next().await, None);
}
