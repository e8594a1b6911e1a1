//! What is asked before a flight, word for word, and why a page can't be reached: its name, its certificate, or neither.

use cutover::{
    adapter::{
        http::{Client, Origin, Reach, Reason},
        preflight::{self, GroupKind, Health, Locus},
        url_map::{self, Beside, Config, UrlMapDriver},
    },
    domain::{fault::FaultKind, position::Position},
    sim::simulation::{self, Simulation},
};
use reqwest::{Url, header::HeaderName};
use serde_json::{Value, json};

use super::{
    client, id,
    server::{Reaction, Server},
    split,
};

async fn reason(url: &str) -> (Reason, FaultKind) {
    let (origin, url) = Origin::split(url, Reach::Live).unwrap();
    let failure = preflight::ask(&Client::fresh(origin).unwrap(), &url, &HeaderName::from_static("x-served-by")).await.unwrap_err();
    (failure.reason, failure.fault.kind)
}

#[tokio::test]
async fn a_certificate_that_nobody_here_trusts_is_told_from_a_wire_that_is_down() {
    // The simulated cluster has an authority of its own.
    let world = Simulation::start(simulation::Config::default()).await.unwrap();
    let at = format!("https://{}/version", world.endpoints().kubernetes);
    assert_eq!(reason(&at).await, (Reason::Certificate, FaultKind::Unreachable));
    world.stop().await;
    assert_eq!(reason(&at).await, (Reason::Untold, FaultKind::Unreachable), "nobody listens any more");
}

/// The name is kept for names that there never are (RFC 6761), so no resolver knows it and none is asked outside. It runs where no proxy is
/// set: a proxy would be asked for it.
#[tokio::test]
async fn a_name_that_leads_nowhere_is_told_from_a_wire_that_is_down() {
    let inside = std::env::var("CUTOVER_TEST_NO_PROXY").is_ok();
    if inside {
        let url = Url::parse("https://frontend.invalid/health").unwrap();
        assert_eq!(reason(url.as_str()).await, (Reason::NameUnknown, FaultKind::Unreachable));
        return;
    }
    let mut again = tokio::process::Command::new(std::env::current_exe().unwrap());
    for name in ["HTTPS_PROXY", "ALL_PROXY"] {
        again.env_remove(name).env_remove(name.to_ascii_lowercase());
    }
    let name = "preflight::a_name_that_leads_nowhere_is_told_from_a_wire_that_is_down";
    let ended = again.env("CUTOVER_TEST_NO_PROXY", "1").args([name, "--exact", "--nocapture"]).output().await.unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&ended.stderr));
}

const GROUP: &str = "https://www.googleapis.com/compute/v1/projects/hexproperty/zones/us-central1-a/networkEndpointGroups/web-neg";

/// A regional load balancer, whose proxy writes `null` where nothing is.
#[tokio::test]
async fn a_regional_backend_service_is_asked_where_it_is() {
    let server = Server::start(|asked, _| match asked.path.as_str() {
        path if path.ends_with("/getHealth") => {
            Reaction::json(200, json!({"healthStatus": [{"healthState": "HEALTHY"}, {"healthState": "UNHEALTHY"}, {"healthState": null}]}))
        }
        path if path.ends_with("/networkEndpointGroups/web-neg") => Reaction::json(200, json!({"networkEndpointType": "GCE_VM_IP_PORT"})),
        path if path.ends_with("/testIamPermissions") => Reaction::json(200, json!({})),
        _ => Reaction::json(
            200,
            json!({"sessionAffinity": null, "logConfig": null, "connectionDraining": null, "healthChecks": null, "timeoutSec": null,
                "backends": [{"group": GROUP}], "loadBalancingScheme": "INTERNAL_MANAGED"}),
        ),
    })
    .await;
    let (client, locus) = (client(&server), Locus { project: "hexproperty", region: Some("us-central1") });
    let service = preflight::backend_service(&client, locus, "web").await.unwrap();
    assert_eq!((service.timeout_sec, service.log_config.enable, service.connection_draining.draining_timeout_sec), (None, false, 0));
    let group = &service.groups[0];
    assert_eq!(preflight::kind_of_group(&client, group).await, Ok(GroupKind::Endpoints));
    assert_eq!(preflight::health(&client, locus, "web", group).await, Ok(Health { healthy: 1, unhealthy: 2 }));
    let wanted = ["compute.backendServices.use"];
    assert_eq!(preflight::lacking(&client, locus.permissions_at(&client, "web"), &wanted).await, Ok(wanted.to_vec()));
    let asked: Vec<String> = server.asked().iter().map(|asked| format!("{} {}", asked.method, asked.path)).collect();
    let regional = "/compute/v1/projects/hexproperty/regions/us-central1/backendServices/web";
    let neg = "/compute/v1/projects/hexproperty/zones/us-central1-a/networkEndpointGroups/web-neg";
    let posts = [format!("POST {regional}/getHealth"), format!("POST {regional}/testIamPermissions")];
    assert_eq!(asked, [format!("GET {regional}"), format!("GET {neg}"), posts[0].clone(), posts[1].clone()]);
    assert_eq!(server.asked()[2].json(), json!({"group": GROUP}));
}

/// The whole map as it would be goes to be validated, with what nobody here knows of it, and nothing is patched.
#[tokio::test]
async fn the_first_step_is_validated_and_not_made() {
    let link = |name: &str| format!("https://www.googleapis.com/compute/v1/projects/hexproperty/global/backendServices/{name}");
    let map = json!({
        "name": "hexproperty-lb", "fingerprint": "AAAA", "futureField": {"a": 1.50}, "defaultService": link("frontend-run"),
        "tests": [{"host": "a", "path": "/", "service": link("frontend-run")}],
    });
    let held = map.clone();
    let server = Server::start(move |asked, _| match asked.method.as_str() {
        "POST" => Reaction::json(200, json!({"result": {"loadSucceeded": false, "loadErrors": ["no such service"]}})),
        _ => Reaction::json(200, held.clone()),
    })
    .await;
    let config = Config {
        route: "frontend".parse().unwrap(),
        project: "hexproperty".to_owned(),
        region: None,
        url_map: "hexproperty-lb".to_owned(),
        position: Position::Default,
        beside: vec![],
        backends: vec![(id("run"), "frontend-run".into()), (id("gke"), "frontend-gke".into())],
        host: None,
        path: "/".to_owned(),
        patience: url_map::PATIENCE,
    };
    let driver = UrlMapDriver::new(config, client(&server), Beside::default());
    let rehearsal = driver.rehearse(&split(10), "EXTERNAL_MANAGED", "x-served-by").await.unwrap();
    assert_eq!(rehearsal.objections, Ok(vec!["no such service".into()]));
    let asked = server.asked();
    let [read, validated] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(read.method, "GET");
    assert_eq!(validated.path, "/compute/v1/projects/hexproperty/global/urlMaps/hexproperty-lb/validate");
    let sent = validated.json();
    assert_eq!(sent["loadBalancingSchemes"], json!(["EXTERNAL_MANAGED"]));
    let resource = &sent["resource"];
    assert_eq!((&resource["futureField"], &resource["tests"]), (&map["futureField"], &map["tests"]));
    assert_eq!(resource.get("defaultService"), None, "a split stands in its place");
    let weights: Vec<&Value> =
        resource["defaultRouteAction"]["weightedBackendServices"].as_array().unwrap().iter().map(|entry| &entry["weight"]).collect();
    assert_eq!(weights, [&json!(990), &json!(10)]);
}
