//! Clusters and addresses on the wire: what is asked twice, what is refused and in which words, and what work on them tells.

use std::time::Duration;

use cutover::sim::faults::{
    Fault,
    platform::{Ending, PlatformFault},
    setup::Setup,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Bench;

const PLACE: &str = "/v1/projects/hexproperty/locations/us-central1";
const GLOBAL: &str = "/compute/v1/projects/hexproperty/global";
const REGION: &str = "/compute/v1/projects/hexproperty/regions/us-central1";

/// What `gcloud container clusters create` sends for the seed's own command, as it was recorded.
fn of_the_seed(name: &str) -> Value {
    let scopes = ["devstorage.read_only", "logging.write", "monitoring", "service.management.readonly", "servicecontrol", "trace.append"];
    let scopes = scopes.map(|scope| format!("https://www.googleapis.com/auth/{scope}"));
    json!({"parent": "projects/hexproperty/locations/us-central1", "cluster": {"name": name, "nodePools": [{
        "name": "default-pool", "initialNodeCount": 3,
        "autoscaling": {"enabled": true, "minNodeCount": 3, "maxNodeCount": 6},
        "config": {"machineType": "e2-standard-2", "oauthScopes": scopes},
        "management": {"autoRepair": true, "autoUpgrade": true},
        "upgradeSettings": {"maxSurge": 1},
    }]}})
}

async fn until(bench: &Bench, path: &str, is_it: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut seen = Vec::new();
    for _ in 0..600 {
        let answer = bench.get(path).await;
        let is_over = is_it(&answer);
        seen.push(answer);
        if is_over {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{path} stays {:?}", seen.last())
}

#[tokio::test]
async fn a_cluster_is_made_from_the_seeds_own_request_and_its_name_is_taken_once() {
    let bench = Bench::start().await;
    let clusters = format!("{PLACE}/clusters");
    let (status, taken) = bench.send(Method::POST, &clusters, &of_the_seed("hexproperty-prod")).await;
    let message = "Already exists: projects/hexproperty/locations/us-central1/clusters/hexproperty-prod.";
    assert_eq!((status, taken), (StatusCode::CONFLICT, json!({"error": {"code": 409, "message": message, "status": "ALREADY_EXISTS"}})));

    let (status, begun) = bench.send(Method::POST, &clusters, &of_the_seed("hexproperty-blue")).await;
    assert_eq!(
        (status, begun["operationType"].as_str(), begun["status"].as_str()),
        (StatusCode::OK, Some("CREATE_CLUSTER"), Some("RUNNING"))
    );
    let target = "https://container.googleapis.com/v1/projects/604187332190/locations/us-central1/clusters/hexproperty-blue";
    assert_eq!((begun["targetLink"].as_str(), begun["zone"].as_str()), (Some(target), Some("us-central1")));
    let coming = bench.get(&format!("{clusters}/hexproperty-blue")).await;
    assert_eq!((coming["status"].as_str(), coming.get("endpoint")), (Some("PROVISIONING"), None), "no server yet");
    let (status, again) = bench.send(Method::POST, &clusters, &of_the_seed("hexproperty-blue")).await;
    assert_eq!((status, again["error"]["status"].as_str()), (StatusCode::CONFLICT, Some("ALREADY_EXISTS")));

    let operation = format!("{PLACE}/operations/{}", begun["name"].as_str().unwrap());
    let seen = until(&bench, &operation, |operation| operation["status"] == "DONE").await;
    let done = seen.last().unwrap();
    let names: Vec<&str> = done["progress"]["metrics"].as_array().unwrap().iter().map(|metric| metric["name"].as_str().unwrap()).collect();
    let stages = ["CLUSTER_CONFIGURING", "CLUSTER_DEPLOYING", "CLUSTER_HEALTHCHECKING"];
    let wanted: Vec<String> = stages.iter().flat_map(|stage| [(*stage).to_owned(), format!("{stage}_TOTAL")]).collect();
    assert_eq!(names, wanted);
    assert!(done["endTime"].is_string() && done.get("error").is_none(), "{done}");
    let made = bench.get(&format!("{clusters}/hexproperty-blue")).await;
    assert_eq!((made["status"].as_str(), made["currentNodeCount"].as_u64()), (Some("RUNNING"), Some(9)), "three a zone are nine");
    assert_eq!(made["nodePools"][0]["locations"], json!(["us-central1-a", "us-central1-b", "us-central1-c"]));
}

#[tokio::test]
async fn what_is_no_cluster_is_turned_away_and_what_fails_says_why() {
    let bench = Bench::start().await;
    let clusters = format!("{PLACE}/clusters");
    let mut both = of_the_seed("hexproperty-blue");
    both["cluster"]["initialNodeCount"] = json!(3);
    let mut none = of_the_seed("hexproperty-blue");
    none["cluster"]["nodePools"][0]["initialNodeCount"] = json!(0);
    for wrong in [both, none, of_the_seed("Blue"), json!({})] {
        let (status, answer) = bench.send(Method::POST, &clusters, &wrong).await;
        assert_eq!((status, answer["error"]["status"].as_str()), (StatusCode::BAD_REQUEST, Some("INVALID_ARGUMENT")), "{wrong}");
    }
    let control = bench.simulation.control();
    control.inject(&Fault::Platform(PlatformFault::ClusterWork { ending: Ending::Failing }));
    let (_, begun) = bench.send(Method::POST, &clusters, &of_the_seed("hexproperty-blue")).await;
    let operation = format!("{PLACE}/operations/{}", begun["name"].as_str().unwrap());
    let seen = until(&bench, &operation, |operation| operation["status"] == "DONE").await;
    let done = seen.last().unwrap();
    assert_eq!((done["error"]["code"].as_i64(), &done["error"]["message"]), (Some(8), &done["statusMessage"]));
    assert_eq!(done["clusterConditions"][0]["code"], "GCE_STOCKOUT");
    let listed = bench.get(&format!("{PLACE}/operations")).await;
    assert_eq!(listed["operations"][0]["name"], begun["name"]);
    assert_eq!(
        bench.request(Method::GET, &format!("{PLACE}/operations/operation-1")).send().await.unwrap().status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_cluster_is_changed_one_field_a_request_and_only_as_it_was_read() {
    let bench = Bench::start().await;
    let prod = format!("{PLACE}/clusters/hexproperty-prod");
    let etag = bench.get(&prod).await["etag"].clone();
    let bounds = json!({"enabled": true, "totalMinNodeCount": 9, "totalMaxNodeCount": 18});
    let update =
        |etag: &Value| json!({"update": {"etag": etag, "desiredNodePoolId": "default-pool", "desiredNodePoolAutoscaling": bounds}});
    let (status, answer) = bench.send(Method::PUT, &prod, &update(&json!("00000000"))).await;
    assert_eq!((status, answer["error"]["status"].as_str()), (StatusCode::CONFLICT, Some("ABORTED")));
    let mut two = update(&etag);
    two["update"]["desiredReleaseChannel"] = json!({"channel": "STABLE"});
    let (status, _) = bench.send(Method::PUT, &prod, &two).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "one field a request");
    let (status, _) = bench.send(Method::PUT, &prod, &update(&etag)).await;
    assert_eq!(status, StatusCode::OK);
    let (status, answer) = bench.send(Method::DELETE, &prod, &Value::Null).await;
    assert_eq!((status, answer["error"]["status"].as_str()), (StatusCode::BAD_REQUEST, Some("FAILED_PRECONDITION")));
    let seen = until(&bench, &prod, |cluster| cluster["status"] == "RUNNING").await;
    let after = seen.last().unwrap();
    assert_eq!(after["nodePools"][0]["autoscaling"], bounds);
    assert_ne!(after["etag"], etag);
    let (status, begun) = bench.send(Method::DELETE, &prod, &Value::Null).await;
    assert_eq!((status, begun["operationType"].as_str()), (StatusCode::OK, Some("DELETE_CLUSTER")));
    let operation = format!("{PLACE}/operations/{}", begun["name"].as_str().unwrap());
    until(&bench, &operation, |operation| operation["status"] == "DONE").await;
    assert_eq!(bench.request(Method::GET, &prod).send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_address_is_reserved_once_by_its_request_and_kept_while_it_is_used() {
    for place in [GLOBAL, REGION] {
        let bench = Bench::start().await;
        let (addresses, own) = (format!("{place}/addresses"), place.rsplit_once("hexproperty/").unwrap().1);
        let body = json!({"name": "hexproperty-ip", "addressType": "EXTERNAL"});
        let asked = format!("{addresses}?requestId=5f0c6f3e-5b5d-5b0e-8a53-0d9f1b8f0a11");
        let (status, begun) = bench.send(Method::POST, &asked, &body).await;
        assert_eq!((status, begun["operationType"].as_str()), (StatusCode::OK, Some("insert")));
        let (_, repeated) = bench.send(Method::POST, &asked, &body).await;
        assert_eq!(repeated["name"], begun["name"], "one request, one operation");
        let (status, taken) = bench.send(Method::POST, &addresses, &body).await;
        let message = format!("The resource 'projects/hexproperty/{own}/addresses/hexproperty-ip' already exists");
        let error =
            json!({"code": 409, "message": message, "errors": [{"message": message, "domain": "global", "reason": "alreadyExists"}]});
        assert_eq!((status, taken), (StatusCode::CONFLICT, json!({ "error": error })));
        let one = format!("{addresses}/hexproperty-ip");
        assert_eq!(bench.get(&one).await["status"], "RESERVING");
        let wait = format!("{place}/operations/{}/wait", begun["name"].as_str().unwrap());
        let (_, done) = bench.send(Method::POST, &wait, &Value::Null).await;
        assert_eq!((done["status"].as_str(), done["progress"].as_u64()), (Some("DONE"), Some(100)));
        let reserved = bench.get(&one).await;
        assert_eq!((reserved["status"].as_str(), reserved["id"].as_str()), (Some("RESERVED"), done["targetId"].as_str()));
        let listed = bench.get(&format!("{place}/operations")).await;
        assert_eq!(listed["items"][0]["name"], begun["name"]);
        assert_eq!(bench.get(&addresses).await["items"].as_array().unwrap().len(), 1);

        let rule = format!("https://www.googleapis.com{place}/forwardingRules/hexproperty-https");
        bench.simulation.control().with(|world| world.addresses.occupy("hexproperty-ip", &rule));
        let (status, used) = bench.send(Method::DELETE, &one, &Value::Null).await;
        assert_eq!(
            (status, used["error"]["errors"][0]["reason"].as_str()),
            (StatusCode::BAD_REQUEST, Some("resourceInUseByAnotherResource"))
        );
        bench.simulation.control().with(|world| world.addresses.vacate("hexproperty-ip"));
        let (status, begun) = bench.send(Method::DELETE, &one, &Value::Null).await;
        assert_eq!((status, begun["operationType"].as_str()), (StatusCode::OK, Some("delete")));
        let wait = format!("{place}/operations/{}/wait", begun["name"].as_str().unwrap());
        bench.send(Method::POST, &wait, &Value::Null).await;
        assert_eq!(bench.request(Method::GET, &one).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn each_verb_of_the_platform_wants_a_permission_of_its_own() {
    let lacking = async |permission: &str, method: Method, path: String, body: Value| {
        let bench = Bench::start().await;
        bench.simulation.control().inject(&Fault::Setup(Setup::Lacks { permission: permission.to_owned() }));
        let (status, answer) = bench.send(method, &path, &body).await;
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(status == StatusCode::FORBIDDEN && message.contains(permission), "{permission}: {status} {answer}");
    };
    lacking("container.clusters.create", Method::POST, format!("{PLACE}/clusters"), of_the_seed("hexproperty-blue")).await;
    lacking("container.clusters.update", Method::PUT, format!("{PLACE}/clusters/hexproperty-prod"), json!({})).await;
    lacking("container.operations.list", Method::GET, format!("{PLACE}/operations"), Value::Null).await;
    lacking("compute.globalAddresses.create", Method::POST, format!("{GLOBAL}/addresses"), json!({"name": "hexproperty-ip"})).await;
    lacking("compute.addresses.get", Method::GET, format!("{REGION}/addresses/hexproperty-ip"), Value::Null).await;
}
