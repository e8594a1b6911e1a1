//! Claims about the cluster that hold without any server.

use serde_json::{Value, json};

use super::{
    Kubernetes, NAMESPACE,
    document::{self, list, number, text},
    logs::Life,
    resource::Resource,
    store::Key,
    write::{Deletion, Owned, Part, Refusal},
};

const NOW: i64 = 1_790_000_000_000;

fn deployment(name: &str) -> Key {
    Key::new(Resource::Deployment, NAMESPACE, name)
}

fn read(cluster: &Kubernetes, key: &Key) -> Value {
    Value::clone(cluster.store().get(key).expect("the object is there"))
}

fn release(cluster: &mut Kubernetes, name: &str, tag: &str) {
    let mut next = read(cluster, &deployment(name));
    let image = format!("us-central1-docker.pkg.dev/hexproperty/web/{name}:{tag}");
    next["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
    cluster.update(&deployment(name), next, Part::Main).expect("the deployment is sound");
}

fn pods(cluster: &Kubernetes, app: &str) -> Vec<Value> {
    let pods = cluster.store().list(Resource::Pod, NAMESPACE);
    pods.filter(|pod| text(pod, "/metadata/labels/app") == app).map(|pod| Value::clone(pod)).collect()
}

fn progressing(cluster: &Kubernetes, name: &str) -> String {
    let found = read(cluster, &deployment(name));
    let condition = list(&found, "/status/conditions").iter().find(|condition| condition["type"] == "Progressing").cloned();
    text(&condition.expect("deployments say whether they progress"), "/reason").to_owned()
}

#[test]
fn a_new_cluster_is_calm_and_complete() {
    let cluster = Kubernetes::new(NOW, 1);
    assert_eq!((cluster.ready_pods("frontend"), cluster.desired("frontend")), (6, 6));
    assert_eq!((cluster.ready_pods("backend"), cluster.ready_pods("api")), (3, 3));
    assert!((cluster.ready_fraction("api") - 1.0).abs() < f64::EPSILON);
    assert_eq!(cluster.ready_pods("nobody"), 0);
    assert_eq!(progressing(&cluster, "frontend"), "NewReplicaSetAvailable");
}

#[test]
fn one_long_tick_and_many_short_ones_give_the_same_cluster() {
    let mut long = Kubernetes::new(NOW, 3);
    let mut short = Kubernetes::new(NOW, 3);
    for cluster in [&mut long, &mut short] {
        cluster.set_bad_pods("api", 0.5);
        cluster.scale("backend", 5);
        release(cluster, "frontend", "1.43.0");
    }
    long.tick(NOW + 300_000);
    for step in 1..=3000 {
        short.tick(NOW + step * 100);
    }
    assert_eq!(format!("{:?}", long.store()), format!("{:?}", short.store()));
}

#[test]
fn a_rollout_never_has_fewer_ready_pods_than_desired_nor_more_than_one_extra() {
    let mut cluster = Kubernetes::new(NOW, 4);
    release(&mut cluster, "frontend", "1.43.0");
    let mut seen_extra = false;
    for step in 1..=1800 {
        cluster.tick(NOW + step * 100);
        assert!(cluster.ready_pods("frontend") >= 6, "at step {step}");
        let running = pods(&cluster, "frontend").iter().filter(|pod| pod["metadata"].get("deletionTimestamp").is_none()).count();
        assert!((6..=7).contains(&running), "{running} pods at step {step}");
        seen_extra |= running == 7;
    }
    assert!(seen_extra, "a surge pod was there");
    let images = pods(&cluster, "frontend");
    assert_eq!(images.len(), 6);
    assert!(images.iter().all(|pod| text(pod, "/spec/containers/0/image").ends_with(":1.43.0")));
}

#[test]
fn going_back_to_an_old_template_takes_its_replica_set_again_under_a_new_revision() {
    let mut cluster = Kubernetes::new(NOW, 5);
    release(&mut cluster, "api", "3.6.0");
    cluster.tick(NOW + 120_000);
    let sets = cluster.store().list(Resource::ReplicaSet, NAMESPACE).count();
    release(&mut cluster, "api", "3.5.2");
    cluster.tick(NOW + 240_000);
    assert_eq!(cluster.store().list(Resource::ReplicaSet, NAMESPACE).count(), sets);
    let found = read(&cluster, &deployment("api"));
    assert_eq!(found["metadata"]["annotations"][super::deployment::REVISION], "4");
    assert_eq!(number(&found, "/status/readyReplicas"), 3);
}

#[test]
fn an_image_that_does_not_exist_stops_the_rollout_and_keeps_the_old_pods() {
    let mut cluster = Kubernetes::new(NOW, 6);
    release(&mut cluster, "frontend", "typo");
    cluster.tick(NOW + 590_000);
    assert_eq!(progressing(&cluster, "frontend"), "ReplicaSetUpdated");
    cluster.tick(NOW + 620_000);
    assert_eq!(progressing(&cluster, "frontend"), "ProgressDeadlineExceeded");
    assert_eq!(cluster.ready_pods("frontend"), 6);
    let reasons: Vec<String> = pods(&cluster, "frontend")
        .iter()
        .map(|pod| text(pod, "/status/containerStatuses/0/state/waiting/reason").to_owned())
        .filter(|reason| !reason.is_empty())
        .collect();
    assert_eq!(reasons, ["ImagePullBackOff"]);
}

#[test]
fn bad_pods_show_in_status_and_events_and_recover_when_calm() {
    let mut cluster = Kubernetes::new(NOW, 7);
    cluster.set_bad_pods("frontend", 0.5);
    cluster.tick(NOW + 60_000);
    assert_eq!(cluster.ready_pods("frontend"), 3);
    let sick = pods(&cluster, "frontend");
    let restarts = sick.iter().map(|pod| number(pod, "/status/containerStatuses/0/restartCount")).max();
    assert!(restarts > Some(1), "{restarts:?}");
    let reasons: Vec<&str> = cluster.store().list(Resource::Event, NAMESPACE).map(|event| text(event, "/reason")).collect();
    assert!(reasons.contains(&"Unhealthy") && reasons.contains(&"BackOff"), "{reasons:?}");
    cluster.calm();
    cluster.tick(NOW + 90_000);
    assert_eq!(cluster.ready_pods("frontend"), 6);
    assert_eq!(progressing(&cluster, "frontend"), "NewReplicaSetAvailable");
}

#[test]
fn a_sick_share_stays_when_pods_are_replaced() {
    let mut cluster = Kubernetes::new(NOW, 8);
    cluster.set_bad_pods("backend", 1.0);
    cluster.tick(NOW + 60_000);
    let whole = Deletion { grace_s: None, owned: Owned::Removed, uid: None, version: None };
    for pod in pods(&cluster, "backend") {
        cluster.delete(&Key::of(Resource::Pod, &pod), &whole).expect("the pod is there");
    }
    cluster.tick(NOW + 180_000);
    assert_eq!((cluster.ready_pods("backend"), pods(&cluster, "backend").len()), (0, 3));
}

#[test]
fn more_pods_than_fit_wait_for_a_node() {
    let mut cluster = Kubernetes::new(NOW, 9);
    cluster.scale("frontend", 80);
    cluster.tick(NOW + 120_000);
    let waiting = pods(&cluster, "frontend").iter().filter(|pod| text(pod, "/spec/nodeName").is_empty()).count();
    // Nine nodes hold seven pods of a quarter core each; six pods belong to the other deployments.
    assert_eq!(waiting, 80 - (9 * 7 - 6));
    assert_eq!(cluster.ready_pods("frontend"), 57);
}

#[test]
fn a_stale_write_is_refused_and_changes_nothing() {
    let mut cluster = Kubernetes::new(NOW, 10);
    let read_before = read(&cluster, &deployment("frontend"));
    cluster.scale("frontend", 7);
    let mut stale = read_before;
    stale["spec"]["replicas"] = json!(1);
    let refused = cluster.update(&deployment("frontend"), stale, Part::Main);
    assert!(matches!(refused, Err(Refusal::Conflict { .. })), "{refused:?}");
    assert_eq!(cluster.desired("frontend"), 7);
}

#[test]
fn the_history_gives_every_change_once_and_says_when_it_forgot() {
    let mut cluster = Kubernetes::new(NOW, 11);
    let start = cluster.store().version();
    cluster.scale("api", 4);
    cluster.tick(NOW + 30_000);
    let versions: Vec<u64> = cluster.store().changes_after(start).expect("it is all there").map(|change| change.version).collect();
    let expected: Vec<u64> = (start + 1..=cluster.store().version()).collect();
    assert_eq!(versions, expected);
    cluster.expire_watches();
    assert!(cluster.store().changes_after(start).is_err());
    assert_eq!(cluster.store().changes_after(cluster.store().version()).map(Iterator::count), Ok(0));
}

#[test]
fn a_past_state_can_be_listed_as_it_was() {
    let mut cluster = Kubernetes::new(NOW, 12);
    let before: Vec<Value> = pods(&cluster, "frontend");
    let version = cluster.store().version();
    release(&mut cluster, "frontend", "1.43.0");
    cluster.tick(NOW + 20_000);
    let past = cluster.store().list_at(Resource::Pod, NAMESPACE, version).expect("the history reaches back");
    let past: Vec<Value> = past.iter().filter(|pod| text(pod, "/metadata/labels/app") == "frontend").map(|pod| Value::clone(pod)).collect();
    assert_eq!(past, before);
}

#[test]
fn endpoints_follow_readiness() {
    let mut cluster = Kubernetes::new(NOW, 13);
    cluster.set_bad_pods("api", 1.0);
    cluster.tick(NOW + 30_000);
    let slice = cluster
        .store()
        .list(Resource::EndpointSlice, NAMESPACE)
        .find(|slice| document::name(slice).starts_with("api-"))
        .expect("each service has a slice");
    let ready = list(slice, "/endpoints").iter().filter(|endpoint| endpoint["conditions"]["ready"] == true).count();
    assert_eq!((ready, list(slice, "/endpoints").len()), (0, 3));
}

#[test]
fn a_log_reads_the_same_twice_and_follows_the_rate() {
    let mut cluster = Kubernetes::new(NOW, 14);
    let pod = Key::of(Resource::Pod, &pods(&cluster, "frontend")[0]);
    cluster.set_request_rate("frontend", 60.0);
    cluster.tick(NOW + 60_000);
    let read = |cluster: &Kubernetes, from: i64, to: i64| cluster.log(&pod, Life::Present, NOW + from, NOW + to, 10_000).expect("it runs");
    let all = read(&cluster, 0, 60_000);
    let mut halves = read(&cluster, 0, 30_000);
    halves.extend(read(&cluster, 30_000, 60_000));
    assert_eq!(all, halves);
    // Ten requests a second fall to this pod.
    assert!((500..700).contains(&all.len()), "{}", all.len());
    assert_eq!(cluster.log(&pod, Life::Present, 0, i64::MAX, 3).map(|lines| lines.len()), Some(3));
    assert_eq!(cluster.log(&pod, Life::Previous, 0, i64::MAX, 3), None);
}

#[test]
fn deleting_a_deployment_removes_what_it_owned() {
    let mut cluster = Kubernetes::new(NOW, 15);
    let whole = Deletion { grace_s: None, owned: Owned::Removed, uid: None, version: None };
    cluster.delete(&deployment("api"), &whole).expect("it is there");
    cluster.tick(NOW + 60_000);
    assert!(pods(&cluster, "api").is_empty());
    assert!(cluster.store().list(Resource::ReplicaSet, NAMESPACE).all(|set| text(set, "/metadata/labels/app") != "api"));
    assert_eq!(cluster.ready_pods("frontend"), 6);
}

#[test]
fn a_storm_outruns_the_history_and_ends_when_calm() {
    let mut cluster = Kubernetes::new(NOW, 16);
    let start = cluster.store().version();
    cluster.set_storm(1000.0);
    cluster.inflate("api", 1_000_000);
    cluster.tick(NOW + 1000);
    assert!((900..1100).contains(&(cluster.store().version() - start)), "{}", cluster.store().version() - start);
    assert!(read(&cluster, &deployment("api")).to_string().len() > 1_000_000);
    cluster.tick(NOW + 5000);
    assert!(cluster.store().changes_after(start).is_err(), "the history is bounded");
    cluster.calm();
    let after = cluster.store().version();
    cluster.tick(NOW + 60_000);
    assert_eq!(cluster.store().version(), after);
    assert!(read(&cluster, &deployment("api")).to_string().len() < 10_000);
    assert_eq!(cluster.ready_pods("frontend"), 6);
}
