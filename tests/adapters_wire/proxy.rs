//! A proxy that the environment names carries every client's requests alike, and none that go to this machine.
//!
//! The environment belongs to the whole process, so what is tried behind the proxy runs in a process of its own: this program again.

use cutover::{
    adapter::{
        google_auth::Token,
        http::{Ask, Client, Limits, Origin, Reach},
        kubernetes::{Config, GkeCluster, KubernetesSensor, Way},
    },
    domain::platform::Endpoint,
    port::Sensor,
};
use serde_json::json;

use super::{
    client, id,
    server::{Reaction, Server},
};

const INSIDE: &str = "proxy::inside";

/// What a proxy was asked for.
async fn asked_for(variables: &[(&str, &str)]) -> Vec<String> {
    let proxy = Server::start(|_, _| Reaction::text(503, "text/plain", "not today")).await;
    let mut inside = tokio::process::Command::new(std::env::current_exe().unwrap());
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        inside.env_remove(name).env_remove(name.to_ascii_lowercase());
    }
    for (name, value) in variables {
        inside.env(name, value.replace("PROXY", &format!("user:canary@{}", proxy.address)));
    }
    let ended = inside.args([INSIDE, "--exact", "--ignored", "--nocapture"]).output().await.unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(ended.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&ended.stderr));
    assert!(!said.contains("canary"), "the proxy's password is nobody's to read: {said}");
    let mut asked: Vec<String> = proxy.asked().iter().map(|one| format!("{} {}", one.method, one.path)).collect();
    asked.sort();
    asked.dedup();
    asked
}

#[tokio::test]
async fn every_client_takes_the_proxy_and_none_to_this_machine() {
    let everything = ["CONNECT api.test:443", "CONNECT cluster.test:443", "CONNECT name.test:443", "CONNECT private.test:443"];
    assert_eq!(asked_for(&[("HTTPS_PROXY", "http://PROXY")]).await, everything);
    assert_eq!(asked_for(&[("https_proxy", "http://PROXY")]).await, everything);
    assert_eq!(asked_for(&[("ALL_PROXY", "http://PROXY")]).await, everything);
    assert_eq!(asked_for(&[("HTTPS_PROXY", "http://PROXY"), ("NO_PROXY", "api.test,.example.com")]).await, everything[1..]);
    assert!(asked_for(&[]).await.is_empty());
}

#[tokio::test]
#[ignore = "run by the test above, in a process whose environment names a proxy"]
async fn inside() {
    // A Google API, and the same on this machine.
    let live = Client::new(Origin::new("https://api.test", Reach::Live).unwrap(), Token::None).unwrap();
    println!("{:?} carries {}", live.proxy(), live.origin());
    println!("{:?}", live.send(Ask::get(live.at(&["x"]), Limits::READ)).await.expect_err("nobody answers there"));
    let here = Server::start(|_, _| Reaction::Close).await;
    let local = Client::new(Origin::new(&format!("https://{}", here.address), Reach::Live).unwrap(), Token::None).unwrap();
    assert_eq!(local.proxy(), None);
    local.send(Ask::get(local.at(&["x"]), Limits::READ)).await.expect_err("it speaks no TLS");

    // A cluster, which GKE on this machine names.
    let authority = rcgen::generate_simple_self_signed(["cluster.test".to_owned()]).unwrap();
    let pem = base64(authority.cert.pem().as_bytes());
    let cluster = json!({
        "name": "prod",
        "location": "r",
        "endpoint": "cluster.test",
        "masterAuth": {"clusterCaCertificate": pem},
        "privateClusterConfig": {"privateEndpoint": "old.test"},
        "controlPlaneEndpointsConfig": {
            "ipEndpointsConfig": {"enabled": true, "publicEndpoint": "cluster.test", "privateEndpoint": "private.test"},
            "dnsEndpointConfig": {"endpoint": "name.test", "allowExternalTraffic": true},
        },
    });
    let gke = Server::start(move |_, _| Reaction::json(200, cluster.clone())).await;
    for endpoint in [Endpoint::Public, Endpoint::Private, Endpoint::Dns] {
        let (project, region, name) = ("p".to_owned(), "r".to_owned(), "prod".to_owned());
        let way = Way::Gke(GkeCluster { container: client(&gke), token: Token::None, project, region, name, endpoint });
        let config = Config::new("workload/gke".parse().unwrap(), id("gke"), "hexproperty", "frontend");
        println!("{:?}", KubernetesSensor::new(config, way).look().await.expect_err("nobody answers there"));
    }
    assert!(!gke.asked().is_empty(), "GKE itself was asked");
}

fn base64(bytes: &[u8]) -> String {
    serde_json::to_value(k8s_openapi::ByteString(bytes.to_vec())).unwrap().as_str().unwrap().to_owned()
}
