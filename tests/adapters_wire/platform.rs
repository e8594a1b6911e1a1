//! A cluster and an address against answers as the real APIs give them: what exactly is asked for, and what odd answers are taken as.

use cutover::{
    adapter::{
        address::AddressStep,
        cloud_run::{
            ServiceName,
            floor::{FloorConfig, FloorStep},
        },
        gke_cluster::GkeClusterStep,
    },
    domain::{
        cluster::{Autoscaling, NodePrice, ReleaseChannel, WantedCluster},
        fault::{FaultKind, Outcome, Version},
        shown::Shown,
        standing::{Act, Standing},
    },
    port::Reconciler,
};
use serde_json::{Value, json};

use super::{
    client, intent,
    server::{Asked, Reaction, Server},
};

const CREATED: &str = "operation-1788740019919-91932dd4-ab38-43ef-b1ff-d0d1d1b0d385";

fn wanted() -> WantedCluster {
    WantedCluster {
        name: "hexproperty-prod".into(),
        location: "us-central1".into(),
        zones: ["a", "b", "c"].map(|zone| Shown::new(&format!("us-central1-{zone}"))).to_vec(),
        machine_type: "e2-standard-2".into(),
        nodes_per_zone: 3,
        autoscaling: Some(Autoscaling::PerZone { min: 3, max: 6 }),
        channel: Some(ReleaseChannel::Regular),
        workload_pool: Some("hexproperty.svc.id.goog".into()),
        node_price: Some(NodePrice { currency: "USD".into(), micros_per_hour: 67_000 }),
    }
}

fn missing() -> Reaction {
    let message = "Not found: projects/hexproperty/locations/us-central1/clusters/hexproperty-prod.";
    Reaction::json(404, json!({"error": {"code": 404, "message": message, "status": "NOT_FOUND"}}))
}

/// A real one, cut to what counts.
fn creation(status: &str) -> Value {
    json!({"name": CREATED, "operationType": "CREATE_CLUSTER", "status": status, "startTime": "2026-09-07T00:13:39.919126772Z",
        "selfLink": format!("https://container.googleapis.com/v1/projects/764460891170/locations/us-central1/operations/{CREATED}"),
        "targetLink": "https://container.googleapis.com/v1/projects/764460891170/locations/us-central1/clusters/hexproperty-prod",
        "zone": "us-central1"})
}

fn running() -> Value {
    json!({"name": "hexproperty-prod", "location": "us-central1", "status": "RUNNING", "etag": "6f1c2f64", "createTime": "2026-09-07T00:13:39+00:00",
        "currentMasterVersion": "1.33.4-gke.1245000", "locations": ["us-central1-c", "us-central1-a", "us-central1-b"],
        "releaseChannel": {"channel": "REGULAR"}, "workloadIdentityConfig": {"workloadPool": "hexproperty.svc.id.goog"},
        "nodePools": [{"name": "default-pool", "status": "RUNNING", "initialNodeCount": 3,
            "autoscaling": {"enabled": true, "minNodeCount": 3, "maxNodeCount": 6}, "config": {"machineType": "e2-standard-2"}}]})
}

fn path(asked: &Asked) -> (String, String) {
    (asked.method.clone(), asked.path.split('?').next().unwrap_or_default().to_owned())
}

const CLUSTERS: &str = "/v1/projects/hexproperty/locations/us-central1/clusters";
const OPERATIONS: &str = "/v1/projects/hexproperty/locations/us-central1/operations";

/// A server that has this cluster, or none, and these operations; whatever is asked for, it begins a creation.
async fn gke(cluster: Option<Value>, operations: Vec<Value>) -> (Server, GkeClusterStep) {
    let server = Server::start(move |asked, _| match path(asked) {
        (method, at) if method == "GET" && at == format!("{CLUSTERS}/hexproperty-prod") => {
            cluster.clone().map_or_else(missing, |cluster| Reaction::json(200, cluster))
        }
        (method, at) if method == "GET" && at == OPERATIONS => Reaction::json(200, json!({ "operations": operations })),
        (_, _) => Reaction::json(200, creation("RUNNING")),
    })
    .await;
    let step = GkeClusterStep::new("hexproperty".to_owned(), wanted(), client(&server));
    (server, step)
}

fn writes(server: &Server) -> Vec<Asked> {
    server.asked().into_iter().filter(|asked| asked.method != "GET").collect()
}

#[tokio::test]
async fn a_creation_asks_for_exactly_what_the_plan_wants_and_says_why() {
    let (server, step) = gke(None, vec![]).await;
    let standing = step.look().await.unwrap();
    let Standing::Apart { version, changes, failed: None } = &standing else { panic!("{standing:?}") };
    let price = changes.iter().find(|change| change.what.as_str() == "price of the nodes").unwrap();
    assert_eq!(price.to, Some("0.603 USD/h, at most 1.206 USD/h".into()));
    let outcome = step.act(Act::Run, version, &intent()).await;
    assert!(matches!(&outcome, Outcome::Done(receipt) if receipt.operation == Some(CREATED.into())), "{outcome:?}");
    let [asked]: [Asked; 1] = writes(&server).try_into().unwrap();
    assert_eq!(path(&asked), ("POST".to_owned(), CLUSTERS.to_owned()));
    assert_eq!(asked.header("x-goog-request-reason"), Some("cutover night-1/17.0/ab12"));
    let scopes = ["devstorage.read_only", "logging.write", "monitoring", "service.management.readonly", "servicecontrol", "trace.append"];
    let cluster = json!({
        "name": "hexproperty-prod",
        "locations": ["us-central1-a", "us-central1-b", "us-central1-c"],
        "nodePools": [{
            "name": "default-pool",
            "initialNodeCount": 3,
            "config": {"machineType": "e2-standard-2", "oauthScopes": scopes.map(|scope| format!("https://www.googleapis.com/auth/{scope}"))},
            "management": {"autoRepair": true, "autoUpgrade": true},
            "upgradeSettings": {"maxSurge": 1},
            "autoscaling": {"enabled": true, "minNodeCount": 3, "maxNodeCount": 6},
        }],
        "ipAllocationPolicy": {"useIpAliases": true},
        "releaseChannel": {"channel": "REGULAR"},
        "workloadIdentityConfig": {"workloadPool": "hexproperty.svc.id.goog"},
    });
    assert_eq!(asked.json(), json!({"parent": "projects/hexproperty/locations/us-central1", "cluster": cluster}));
    let by_hand = "gcloud container clusters create hexproperty-prod --location=us-central1 --project=hexproperty \
                   --node-locations=us-central1-a,us-central1-b,us-central1-c --machine-type=e2-standard-2 --num-nodes=3 \
                   --enable-autoscaling --min-nodes=3 --max-nodes=6 --release-channel=regular --workload-pool=hexproperty.svc.id.goog \
                   --enable-ip-alias";
    assert_eq!(step.by_hand(Act::Run).as_deref(), Some(by_hand));
}

#[tokio::test]
async fn a_name_that_somebody_took_meanwhile_is_a_conflict_and_no_cluster_of_ours() {
    let server = Server::start(|asked, _| match path(asked) {
        (method, at) if method == "GET" && at == OPERATIONS => Reaction::json(200, json!({})),
        (method, _) if method == "GET" => missing(),
        (_, _) => {
            let message = "Already exists: projects/hexproperty/locations/us-central1/clusters/hexproperty-prod.";
            Reaction::json(409, json!({"error": {"code": 409, "message": message, "status": "ALREADY_EXISTS"}}))
        }
    })
    .await;
    let step = GkeClusterStep::new("hexproperty".to_owned(), wanted(), client(&server));
    let outcome = step.act(Act::Run, &Version("absent".to_owned()), &intent()).await;
    assert!(matches!(&outcome, Outcome::NotDone(fault) if fault.kind == FaultKind::Conflict), "{outcome:?}");
}

#[tokio::test]
async fn a_cluster_that_is_not_as_it_was_seen_is_asked_for_nothing() {
    for (cluster, operations) in [(None, vec![creation("DONE")]), (Some(running()), vec![]), (None, vec![creation("RUNNING")])] {
        let (server, step) = gke(cluster, operations).await;
        let outcome = step.act(Act::Run, &Version("absent".to_owned()), &intent()).await;
        assert!(matches!(&outcome, Outcome::NotDone(fault) if fault.kind == FaultKind::Conflict), "{outcome:?}");
        assert!(writes(&server).is_empty());
    }
}

#[tokio::test]
async fn a_state_that_is_new_to_us_is_never_taken_for_done() {
    let with = |edit: fn(&mut Value)| {
        let mut cluster = running();
        edit(&mut cluster);
        Some(cluster)
    };
    let (_server, step) = gke(with(|_| {}), vec![]).await;
    assert!(matches!(step.look().await.unwrap(), Standing::Reached { .. }), "the order of zones says nothing");
    let edits: [fn(&mut Value); 7] = [
        |cluster| cluster["status"] = json!("HIBERNATING"),
        |cluster| cluster["status"] = json!("STATUS_UNSPECIFIED"),
        |cluster| cluster["nodePools"] = json!([]),
        |cluster| cluster["nodePools"][0]["status"] = json!("RUNNING_WITH_ERROR"),
        |cluster| cluster["autopilot"] = json!({"enabled": true}),
        |cluster| cluster["workloadIdentityConfig"] = Value::Null,
        |cluster| cluster["nodePools"][0]["config"]["workloadMetadataConfig"] = json!({"mode": "GCE_METADATA"}),
    ];
    for edit in edits {
        let (_server, step) = gke(with(edit), vec![]).await;
        let standing = step.look().await.unwrap();
        assert!(matches!(standing, Standing::Foreign { .. }), "{standing:?}");
    }
    for status in ["PROVISIONING", "RECONCILING", "STOPPING"] {
        let mut cluster = running();
        cluster["status"] = json!(status);
        let (_server, step) = gke(Some(cluster), vec![]).await;
        let standing = step.look().await.unwrap();
        assert!(matches!(&standing, Standing::Underway(work) if work.operation.as_str() == status), "{standing:?}");
    }
}

#[tokio::test]
async fn a_change_names_the_etag_and_without_one_nothing_is_changed() {
    let mut narrow = running();
    narrow["nodePools"][0]["autoscaling"] = json!({"enabled": true, "maxNodeCount": 4});
    let (server, step) = gke(Some(narrow.clone()), vec![]).await;
    let Standing::Apart { version, changes, .. } = step.look().await.unwrap() else { panic!("a bound differs") };
    assert_eq!(changes[0].from, Some("0–12 (0–4 × 3 zones)".into()));
    step.act(Act::Run, &version, &intent()).await;
    let [asked]: [Asked; 1] = writes(&server).try_into().unwrap();
    assert_eq!(path(&asked), ("PUT".to_owned(), format!("{CLUSTERS}/hexproperty-prod")));
    let update = json!({"etag": "6f1c2f64", "desiredNodePoolId": "default-pool",
        "desiredNodePoolAutoscaling": {"enabled": true, "minNodeCount": 3, "maxNodeCount": 6}});
    assert_eq!(asked.json(), json!({ "update": update }));
    narrow["etag"] = json!("");
    let (server, step) = gke(Some(narrow), vec![]).await;
    let outcome = step.act(Act::Run, &Version(String::new()), &intent()).await;
    assert!(matches!(&outcome, Outcome::NotDone(fault) if fault.kind == FaultKind::Unsupported), "{outcome:?}");
    assert!(writes(&server).is_empty());
}

#[tokio::test]
async fn an_answer_that_can_t_be_read_leaves_a_creation_unknown() {
    let empty = Reaction::json(200, json!({}));
    for reaction in [Reaction::Close, Reaction::text(200, "text/html", "<html>"), Reaction::json(502, json!({})), empty] {
        let server = Server::start(move |asked, _| match path(asked) {
            (method, at) if method == "GET" && at == OPERATIONS => Reaction::json(200, json!({})),
            (method, _) if method == "GET" => missing(),
            (_, _) => reaction.clone(),
        })
        .await;
        let step = GkeClusterStep::new("hexproperty".to_owned(), wanted(), client(&server));
        let outcome = step.act(Act::Run, &Version("absent".to_owned()), &intent()).await;
        assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
        assert_eq!(writes(&server).len(), 1);
    }
}

/// Compute's own documents.
async fn compute(address: Option<Value>, operations: Vec<Value>) -> (Server, AddressStep) {
    let server = Server::start(move |asked, _| match path(asked) {
        (method, at) if method == "GET" && at.ends_with("/addresses/hexproperty-ip") => address.clone().map_or_else(
            || {
                Reaction::json(
                    404,
                    json!({"error": {"code": 404, "message": "The resource was not found", "errors": [{"reason": "notFound"}]}}),
                )
            },
            |address| Reaction::json(200, address),
        ),
        (method, at) if method == "GET" && at.ends_with("/operations") => Reaction::json(200, json!({ "items": operations })),
        (_, _) => Reaction::json(200, json!({"name": "operation-1", "operationType": "insert", "status": "RUNNING"})),
    })
    .await;
    let step = AddressStep::new("hexproperty".to_owned(), "hexproperty-ip".to_owned(), None, client(&server));
    (server, step)
}

fn reserved(status: &str) -> Value {
    json!({"kind": "compute#address", "id": "7214000000000000001", "name": "hexproperty-ip", "address": "34.120.8.9", "status": status,
        "description": "cutover night-1/12.0/ab12", "addressType": "EXTERNAL", "creationTimestamp": "2026-11-01T02:00:00.000-07:00"})
}

#[tokio::test]
async fn an_address_is_asked_for_and_given_back_under_a_request_id() {
    let (server, step) = compute(None, vec![]).await;
    step.act(Act::Run, &Version("absent".to_owned()), &intent()).await;
    let [asked]: [Asked; 1] = writes(&server).try_into().unwrap();
    let (at, query) = asked.path.split_once('?').unwrap();
    assert_eq!((asked.method.as_str(), at), ("POST", "/compute/v1/projects/hexproperty/global/addresses"));
    let id = query.strip_prefix("requestId=").unwrap();
    assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    let body = json!({"name": "hexproperty-ip", "description": "cutover night-1/17.0/ab12", "addressType": "EXTERNAL"});
    assert_eq!(asked.json(), body);

    let (server, step) = compute(Some(reserved("RESERVED")), vec![]).await;
    let standing = step.look().await.unwrap();
    let outcome = step.act(Act::Undo, standing.version().unwrap(), &intent()).await;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    let [asked]: [Asked; 1] = writes(&server).try_into().unwrap();
    assert_eq!((asked.method.as_str(), asked.path.contains("requestId=")), ("DELETE", true));
    assert_eq!(step.by_hand(Act::Undo).as_deref(), Some("gcloud compute addresses delete hexproperty-ip --global --project=hexproperty"));
}

#[tokio::test]
async fn an_address_is_done_only_where_compute_says_so() {
    let insert = |status: &str, target: &str| {
        json!({"name": "operation-7", "operationType": "insert", "status": status, "insertTime": "2026-11-01T02:00:00.000-07:00",
            "targetLink": format!("https://www.googleapis.com/compute/v1/projects/hexproperty/{target}")})
    };
    let own = "global/addresses/hexproperty-ip";
    let is_underway = async |address, operations| {
        let (_server, step) = compute(address, operations).await;
        matches!(step.look().await.unwrap(), Standing::Underway(_))
    };
    assert!(is_underway(None, vec![insert("RUNNING", own)]).await);
    assert!(is_underway(Some(reserved("RESERVING")), vec![]).await);
    assert!(!is_underway(None, vec![insert("RUNNING", "global/addresses/another-ip"), insert("DONE", own)]).await);
    let mut six = reserved("RESERVED");
    six["ipVersion"] = json!("IPV6");
    for foreign in [six, reserved("LOST"), reserved("")] {
        let (_server, step) = compute(Some(foreign), vec![]).await;
        assert!(matches!(step.look().await.unwrap(), Standing::Foreign { .. }));
    }
    let (server, step) = compute(Some(reserved("IN_USE")), vec![]).await;
    assert!(matches!(step.look().await.unwrap(), Standing::Reached { .. }));
    let outcome = step.act(Act::Undo, &Version("7214000000000000001".to_owned()), &intent()).await;
    assert!(matches!(&outcome, Outcome::NotDone(fault) if fault.kind == FaultKind::Conflict), "{outcome:?}");
    assert!(writes(&server).is_empty());
}

#[tokio::test]
async fn a_floor_keeps_what_else_is_set_of_a_services_scaling() {
    let service = |scaling: Value| {
        json!({"name": "projects/hexproperty/locations/us-central1/services/frontend", "etag": "\"CLabc\"", "generation": "42", "observedGeneration": "42",
            "scaling": scaling, "terminalCondition": {"type": "Ready", "state": "CONDITION_SUCCEEDED"}})
    };
    let floor = async |scaling: Value| {
        let document = service(scaling);
        let server = Server::start(move |asked, _| match path(asked) {
            (method, at) if method == "GET" && at.ends_with("/services/frontend") => Reaction::json(200, document.clone()),
            (method, _) if method == "GET" => Reaction::json(200, json!({})),
            (_, _) => Reaction::json(200, json!({"name": "projects/hexproperty/locations/us-central1/operations/7", "metadata": {}})),
        })
        .await;
        let service = ServiceName { project: "hexproperty".to_owned(), region: "us-central1".to_owned(), service: "frontend".to_owned() };
        let step = FloorStep::new(FloorConfig { service, instances: 6, afterwards: 0 }, client(&server));
        let standing = step.look().await.unwrap();
        let act = if matches!(standing, Standing::Reached { .. }) { Act::Undo } else { Act::Run };
        let outcome = step.act(act, standing.version().unwrap(), &intent()).await;
        assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        let [asked]: [Asked; 1] = writes(&server).try_into().unwrap();
        assert_eq!((asked.method.as_str(), asked.path.split_once('?').unwrap().1), ("PATCH", "updateMask=scaling"));
        asked.json()
    };
    let kept = floor(json!({"maxInstanceCount": 20, "scalingMode": "AUTOMATIC"})).await;
    let scaling = json!({"maxInstanceCount": 20, "scalingMode": "AUTOMATIC", "minInstanceCount": 6});
    assert_eq!(kept, json!({"etag": "\"CLabc\"", "scaling": scaling}));
    assert_eq!(floor(json!({"minInstanceCount": 9})).await["scaling"], json!({"minInstanceCount": 0}), "taken back to what the plan says");
}

#[tokio::test]
async fn an_answer_that_names_no_work_leaves_an_address_unknown() {
    let server = Server::start(|asked, _| match path(asked) {
        (method, at) if method == "GET" && at.ends_with("/operations") => Reaction::json(200, json!({})),
        (method, _) if method == "GET" => Reaction::json(404, json!({"error": {"code": 404, "message": "The resource was not found"}})),
        (_, _) => Reaction::json(200, json!({})),
    })
    .await;
    let step = AddressStep::new("hexproperty".to_owned(), "hexproperty-ip".to_owned(), None, client(&server));
    let outcome = step.act(Act::Run, &Version("absent".to_owned()), &intent()).await;
    assert!(matches!(&outcome, Outcome::Unknown(fault) if fault.kind == FaultKind::Unreadable), "{outcome:?}");
}
