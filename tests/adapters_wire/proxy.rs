//! A proxy that the environment names carries every client's requests alike, and none that go to this machine.
//!
//! The environment belongs to the whole process, so what is tried behind the proxy runs in a process of its own: this program again.

use std::os::unix::fs::PermissionsExt;

use cutover::{
    adapter::{
        google_auth::Token,
        http::{Ask, Client, Limits, Origin, Reach},
        kubernetes::{Config, GkeCluster, Kubeconfig, KubernetesSensor, Way},
    },
    domain::platform::Endpoint,
    port::{Driver, Sensor},
};
use serde_json::json;

use super::{
    client,
    http_route::driver_by,
    id,
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
    let everything = ["api", "cluster", "context", "name", "private", "routes"].map(|host| format!("CONNECT {host}.test:443"));
    assert_eq!(asked_for(&[("HTTPS_PROXY", "http://PROXY")]).await, everything);
    assert_eq!(asked_for(&[("https_proxy", "http://PROXY")]).await, everything);
    assert_eq!(asked_for(&[("ALL_PROXY", "http://PROXY")]).await, everything);
    assert_eq!(asked_for(&[("HTTPS_PROXY", "http://PROXY"), ("NO_PROXY", "api.test,.example.com")]).await, everything[1..]);
    let clusters = [("HTTPS_PROXY", "http://PROXY"), ("NO_PROXY", "cluster.test,context.test,routes.test,private.test,name.test")];
    assert_eq!(asked_for(&clusters).await, everything[..1], "and none of a cluster's that needs no proxy");
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

    // By a kubeconfig without a proxy of its own, and by whoever writes.
    let folder = std::env::temp_dir().join(format!("cutover-proxied-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let by = |host: &str| {
        let text = format!(
            "clusters: [{{ name: c, cluster: {{ server: 'https://{host}' }} }}]\nusers: [{{ name: u, user: {{ token: x }} }}]\n\
             contexts: [{{ name: x, context: {{ cluster: c, user: u }} }}]\n"
        );
        let (file, allowed) = (folder.join(host), folder.join("allowed"));
        for (path, text) in [(&file, text.as_str()), (&allowed, "x\n")] {
            std::fs::write(path, text).unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        Way::Kubeconfig(Kubeconfig { files: vec![file], allowed, context: "x".to_owned(), google: Token::None })
    };
    let config = Config::new("workload/gke".parse().unwrap(), id("gke"), "hexproperty", "frontend");
    println!("{:?}", KubernetesSensor::new(config, by("context.test")).look().await.expect_err("nobody answers there"));
    println!("{:?}", driver_by(by("routes.test")).read().await.expect_err("nobody answers there"));
    std::fs::remove_dir_all(folder).unwrap();
}

fn base64(bytes: &[u8]) -> String {
    serde_json::to_value(k8s_openapi::ByteString(bytes.to_vec())).unwrap().as_str().unwrap().to_owned()
}
