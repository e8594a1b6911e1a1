//! `cutover init` against a project as Google's lists show it: several maps, pages, a classic load balancer, APIs that are switched off.

use std::net::SocketAddr;

use cutover::{
    cli::{
        Exit,
        compose::Places,
        init::{Made, Nothing, Wish, discover},
    },
    sim::simulation::Endpoints,
};
use serde_json::{Value, json};

use super::server::{Asked, Reaction, Server};

const LINK: &str = "https://www.googleapis.com/compute/v1/projects/my-project";

fn places(google: SocketAddr) -> Places {
    Places::Simulated(Endpoints { google, kubernetes: google, front_door: google, run_direct: google, gke_direct: google })
}

async fn looked(server: &Server, wish: Wish<'_>) -> Result<Made, Nothing> {
    discover("my-project", &places(server.address), wish).await.unwrap()
}

/// What stands in the project, by the last part of the path.
struct Project {
    maps: Value,
    services: Value,
    groups: Value,
    clusters: Reaction,
    sql: Reaction,
}

fn aggregated(name: &str, scopes: Value) -> Value {
    let items: serde_json::Map<String, Value> =
        scopes.as_object().unwrap().iter().map(|(scope, items)| (scope.clone(), json!({ name: items }))).collect();
    json!({"kind": "compute#list", "id": "x", "items": items})
}

fn service(name: &str, groups: &[&str], scheme: &str) -> Value {
    let backends: Vec<Value> = groups.iter().map(|group| json!({"group": format!("{LINK}/{group}")})).collect();
    json!({"name": name, "selfLink": format!("{LINK}/global/backendServices/{name}"), "loadBalancingScheme": scheme, "backends": backends})
}

fn map(name: &str, place: &str, default: &str) -> Value {
    json!({"name": name, "selfLink": format!("{LINK}/{place}/urlMaps/{name}"), "defaultService": format!("{LINK}/global/backendServices/{default}")})
}

fn run_group(name: &str, service: &str) -> Value {
    json!({"name": name, "selfLink": format!("{LINK}/regions/us-east1/networkEndpointGroups/{name}"), "networkEndpointType": "SERVERLESS", "cloudRun": {"service": service}})
}

fn pod_group(name: &str, zone: &str, description: &str) -> Value {
    json!({"name": name, "selfLink": format!("{LINK}/zones/{zone}/networkEndpointGroups/{name}"), "networkEndpointType": "GCE_VM_IP_PORT", "description": description})
}

/// A project where nothing has been prepared: one Cloud Run service behind a classic load balancer, pods in a service beside it.
fn unprepared() -> Project {
    let owner = r#"{"cluster-uid":"7d5f","namespace":"shop","service-name":"web","port":"80"}"#;
    Project {
        maps: json!({"global": [map("shop-lb", "global", "web-run")]}),
        services: json!({"global": [
            service("web-run", &["regions/us-east1/networkEndpointGroups/web-run-neg"], "EXTERNAL"),
            service("web-gke", &["zones/us-east1-b/networkEndpointGroups/web-neg"], "EXTERNAL_MANAGED"),
        ]}),
        groups: json!({
            "regions/us-east1": [run_group("web-run-neg", "web")],
            "zones/us-east1-b": [pod_group("web-neg", "us-east1-b", owner)],
            "zones/us-east1-c": [pod_group("web-neg", "us-east1-c", owner)],
        }),
        clusters: disabled("Kubernetes Engine API", "container.googleapis.com"),
        sql: disabled("Cloud SQL Admin API", "sqladmin.googleapis.com"),
    }
}

/// As Google answers when an API was never switched on.
fn disabled(title: &str, name: &str) -> Reaction {
    let message = format!(
        "{title} has not been used in project my-project before or it is disabled. Enable it by visiting \
         https://console.developers.google.com/apis/api/{name}/overview?project=my-project then retry."
    );
    let details = json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED", "domain": "googleapis.com", "metadata": {"service": name}}]);
    Reaction::json(403, json!({"error": {"code": 403, "message": message, "status": "PERMISSION_DENIED", "details": details}}))
}

fn shop_prod() -> Value {
    let ways = json!({"ipEndpointsConfig": {"enablePublicEndpoint": false, "privateEndpoint": "10.0.0.2"}, "dnsEndpointConfig": {"allowExternalTraffic": false}});
    json!({"name": "shop-prod", "location": "us-east1", "endpoint": "10.0.0.2", "controlPlaneEndpointsConfig": ways})
}

impl Project {
    async fn serve(self) -> Server {
        Server::start(move |asked, _| self.answer(asked)).await
    }
    fn answer(&self, asked: &Asked) -> Reaction {
        assert_eq!(asked.method, "GET", "nothing is written: {}", asked.path);
        let path = asked.path.split('?').next().unwrap();
        match path.rsplit('/').next().unwrap() {
            "urlMaps" => Reaction::json(200, aggregated("urlMaps", self.maps.clone())),
            "backendServices" => Reaction::json(200, aggregated("backendServices", self.services.clone())),
            "networkEndpointGroups" => Reaction::json(200, aggregated("networkEndpointGroups", self.groups.clone())),
            "services" => Reaction::json(200, json!({"services": [{"name": "projects/my-project/locations/us-east1/services/web"}]})),
            "clusters" => self.clusters.clone(),
            // One that names no authority can't be trusted, so nobody asks it anything.
            "shop-prod" => Reaction::json(200, shop_prod()),
            "instances" => self.sql.clone(),
            other => panic!("nobody asks for {other}: {}", asked.path),
        }
    }
}

#[tokio::test]
async fn a_project_where_nothing_is_prepared_gets_a_plan_and_the_commands_that_prepare_it() {
    let server = unprepared().serve().await;
    let text = looked(&server, Wish::default()).await.unwrap().text;
    // Remarks go on from one line to the next.
    let flat: Vec<&str> = text.lines().map(|line| line.trim().trim_start_matches("# ")).collect();
    let flat = flat.join(" ");
    let has = |what: &str| assert!(flat.contains(what), "{what:?} is not in\n{text}");
    has("region: us-east1");
    has("- name: run ");
    has("backend_service: web-gke");
    has("namespace: shop");
    has("DECIDE: which cluster has the pods? none could be listed");
    has("DECIDE: which deployment's pods does the Kubernetes service web select?");
    has("NOT READ: Cloud SQL instances: not allowed");
    has("NOT READ: GKE clusters: not allowed");
    has(
        "it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/sqladmin.googleapis.com/overview?project=my-project",
    );
    has("leads to web-run alone, without weights");
    has("gcloud compute url-maps import shop-lb --global --project=my-project --source=edited.yaml");
    has("gcloud compute backend-services update web-run --global --project=my-project --external-managed-migration-state=PREPARE");
    has("gcloud compute backend-services update web-gke --global --project=my-project --enable-logging");
    has("web-gke lacks groups of the workload");
    has("--network-endpoint-group=web-neg --network-endpoint-group-zone=us-east1-c");
    // A load balancer that takes no weights is moved before anything gets some.
    assert!(flat.find("EXTERNAL, which takes no weights") < flat.find("alone, without weights"), "{text}");
}

#[tokio::test]
async fn of_several_maps_one_has_to_be_named_and_each_is_named_with_its_command() {
    // Two pages, and the second has the other map.
    let pages = |asked: &Asked, _| {
        if !asked.path.contains("/urlMaps") {
            return Reaction::json(200, json!({"items": {}}));
        }
        assert!(asked.path.contains("returnPartialSuccess=true"), "{}", asked.path);
        let (maps, next) = if asked.path.contains("pageToken=two") {
            (json!({"regions/us-east1": [map("shop-lb", "regions/us-east1", "a")]}), "")
        } else {
            (json!({"global": [map("shop-lb", "global", "a"), map("api-lb", "global", "a")], "regions/us-east1": []}), "two")
        };
        let mut page = aggregated("urlMaps", maps);
        page["nextPageToken"] = json!(next);
        Reaction::json(200, page)
    };
    let server = Server::start(pages).await;
    let Nothing { why, exit } = looked(&server, Wish::default()).await.unwrap_err();
    assert_eq!(exit, Exit::Usage);
    for command in ["--url-map api-lb\n", "--url-map shop-lb\n", "--url-map shop-lb --region us-east1"] {
        assert!(why.contains(&format!("cutover init --project my-project {command}")), "{why}");
    }
    let simulated = Wish { at: " --simulated 20000", ..Wish::default() };
    let Nothing { why, .. } = looked(&server, simulated).await.unwrap_err();
    assert!(why.contains("--url-map shop-lb --region us-east1 --simulated 20000"), "{why}");
    // The one that is named is taken, and leads nowhere here.
    let named = |url_map, region| Wish { url_map: Some(url_map), region, ..Wish::default() };
    for wish in [named("api-lb", None), named("shop-lb", Some("us-east1"))] {
        let Nothing { why, exit } = looked(&server, wish).await.unwrap_err();
        assert!(exit == Exit::Failed && why.contains("leads to Cloud Run"), "{why}");
    }
    let Nothing { why, exit } = looked(&server, named("sho-lb", None)).await.unwrap_err();
    assert!(exit == Exit::Usage && why.contains("has no URL map sho-lb; it has"), "{why}");
}

#[tokio::test]
async fn a_list_that_leads_on_to_itself_ends() {
    let server = Server::start(|asked, _| {
        let mut page = json!({"items": {}});
        if asked.path.contains("/urlMaps") {
            page = aggregated("urlMaps", json!({"global": [map("lb", "global", "web-run")]}));
            page["nextPageToken"] = json!("again");
        }
        Reaction::json(200, page)
    })
    .await;
    let Nothing { why, .. } = looked(&server, Wish::default()).await.unwrap_err();
    assert!(why.contains("URL maps, and a plan is for one") || why.contains("leads on to itself"), "{why}");
    assert!(server.asked().len() < 20);
}

#[tokio::test]
async fn names_that_others_chose_stay_names() {
    let evil = "web\"\nroutes: []\u{1b}[2J";
    let mut project = unprepared();
    project.groups["regions/us-east1"] = json!([run_group("web-run-neg", evil)]);
    let server = project.serve().await;
    let text = looked(&server, Wish::default()).await.unwrap().text;
    assert_eq!(text.lines().filter(|line| line.starts_with("routes:")).count(), 1, "{text}");
    assert!(!text.contains('\u{1b}') && text.contains(r#"service: "web\" routes: []^[[2J""#), "{text}");
    assert!(cutover::plan::read(text.as_bytes()).is_err());
}

#[tokio::test]
async fn where_nothing_leads_to_pods_yet_the_other_end_stays_open() {
    let mut project = unprepared();
    project.services["global"].as_array_mut().unwrap().truncate(1);
    project.groups = json!({"regions/us-east1": [run_group("web-run-neg", "web")]});
    let server = project.serve().await;
    let text = looked(&server, Wish::default()).await.unwrap().text;
    for line in ["# backend_service: web-gke", "# namespace: default", "# deployment: my-deployment", "home: run", "target: gke"] {
        assert!(text.lines().any(|found| found.trim_start().starts_with(line)), "{line:?} is missing:\n{text}");
    }
    assert!(text.contains("gcloud compute health-checks create http web-gke-ready --global --project=my-project"), "{text}");
    // A classic scheme is not carried on.
    assert!(text.contains("create web-gke --global --project=my-project --load-balancing-scheme=EXTERNAL_MANAGED"), "{text}");
    assert!(text.contains("kubectl annotate service SERVICE --namespace=NAMESPACE 'cloud.google.com/neg="), "{text}");
    let errors: Vec<String> = cutover::plan::read(text.as_bytes()).unwrap_err().into_iter().map(|problem| problem.message).collect();
    assert!(errors.iter().any(|error| error == "`backend_service` is missing"), "{errors:#?}");
}

#[tokio::test]
async fn several_services_find_their_workloads_by_name_and_foreign_ones_are_left_out() {
    let owner = |service: &str| json!({"cluster-uid": "7d5f", "namespace": "shop", "service-name": service, "port": "80"}).to_string();
    let lb = json!({
        "name": "shop-lb", "selfLink": format!("{LINK}/regions/us-east1/urlMaps/shop-lb"),
        "defaultService": format!("{LINK}/regions/us-east1/backendServices/web-run"),
        "hostRules": [{"hosts": ["*.example.com", "api.example.com"], "pathMatcher": "api"}, {"hosts": ["other.example.com"], "pathMatcher": "theirs"}],
        "pathMatchers": [
            {"name": "api", "defaultService": format!("{LINK}/regions/us-east1/backendServices/api-run"), "pathRules": [{}]},
            {"name": "theirs", "defaultService": "https://www.googleapis.com/compute/v1/projects/their-project/regions/us-east1/backendServices/web-run"},
            {"name": "old", "defaultUrlRedirect": {"hostRedirect": "www.example.com"}},
        ],
    });
    let service = |name: &str, group: &str, kind: &str| {
        let mut service = service(name, &[&format!("{kind}/networkEndpointGroups/{group}")], "INTERNAL_MANAGED");
        service["selfLink"] = json!(format!("{LINK}/regions/us-east1/backendServices/{name}"));
        service
    };
    let mut outside = service("outside", "web-neg", "zones/us-east1-b");
    outside["loadBalancingScheme"] = json!("EXTERNAL_MANAGED");
    let services = json!({"regions/us-east1": [
        outside, service("web-run", "web-run-neg", "regions/us-east1"), service("api-run", "api-run-neg", "regions/us-east1"),
        service("blue", "web-neg", "zones/us-east1-b"), service("green", "api-neg", "zones/us-east1-b"), service("grey", "other-neg", "zones/us-east1-b"),
    ]});
    let pods = |name: &str, service: &str| pod_group(name, "us-east1-b", &owner(service));
    let project = Project {
        maps: json!({"regions/us-east1": [lb]}),
        services,
        groups: json!({
            "regions/us-east1": [run_group("web-run-neg", "web"), run_group("api-run-neg", "api")],
            "zones/us-east1-b": [pods("web-neg", "web"), pods("api-neg", "api"), pods("other-neg", "other")],
        }),
        clusters: disabled("Kubernetes Engine API", "container.googleapis.com"),
        sql: Reaction::json(
            200,
            json!({"items": [
                {"name": "one", "region": "us-east1", "state": "RUNNABLE", "databaseVersion": "MYSQL_8_4"}, {"name": "two", "region": "us-east1"},
                {"name": "one-replica", "region": "us-east1", "masterInstanceName": "my-project:one"},
            ]}),
        ),
    };
    let server = project.serve().await;
    let text = looked(&server, Wish::default()).await.unwrap().text;
    let has = |what: &str| assert!(text.contains(what), "{what:?} is not in\n{text}");
    has("      region: us-east1 ");
    has("        backend_service: blue ");
    has("        backend_service: green ");
    has("      path_matcher: api ");
    has("    front_door: https://api.example.com/");
    has("    # path matcher api has 1 rules that go before its default");
    has("      - name: api-gke ");
    has("Left out: path matcher theirs: does not lead to Cloud Run (web-run, a backend service of another project)");
    has("Left out: path matcher old: redirects");
    has("/^- defaultService:.*\\/api-run$/");
    has("gcloud compute url-maps export shop-lb --region=us-east1 --project=my-project");
    has("Cloud SQL has several primaries: one (MYSQL_8_4, us-east1, RUNNABLE); two (");
    assert!(!text.contains("\ndatabase:"), "which of them nobody has said:\n{text}");
}

#[tokio::test]
async fn a_command_to_paste_holds_no_other_command_and_overwrites_no_header_of_others() {
    let mut project = unprepared();
    let entry = |name: &str, weight: u32, action: Value| json!({"backendService": format!("{LINK}/global/backendServices/{name}"), "weight": weight, "headerAction": action});
    let theirs = json!({"requestHeadersToAdd": [{"headerName": "x-a", "headerValue": "b"}]});
    project.maps = json!({"global": [{
        "name": "lb'; rm -rf ~; '", "selfLink": format!("{LINK}/global/urlMaps/x"),
        "defaultRouteAction": {"weightedBackendServices": [entry("web-run", 1000, theirs), entry("web-gke", 0, Value::Null)]},
    }]});
    let server = project.serve().await;
    let text = looked(&server, Wish::default()).await.unwrap().text;
    assert!(
        text.contains(r"#   gcloud compute url-maps export 'lb'\''; rm -rf ~; '\''' --global --project=my-project --destination="),
        "{text}"
    );
    assert!(!text.contains("| awk"), "{text}");
}

#[tokio::test]
async fn a_cluster_that_takes_nobody_from_outside_is_asked_and_written_as_one() {
    let mut project = unprepared();
    project.clusters = Reaction::json(200, json!({"clusters": [shop_prod()], "missingZones": ["us-east1-d"]}));
    let server = project.serve().await;
    let text = looked(&server, Wish::default()).await.unwrap().text;
    assert!(text.contains("\n  shop-prod: { endpoint: private }"), "{text}");
    assert!(text.contains("          cluster: shop-prod                         # the only cluster of the project"), "{text}");
    assert!(text.contains("NOT READ: GKE clusters: unavailable: the answer leaves out us-east1-d."), "{text}");
    assert!(text.contains("NOT READ: services and deployments of the cluster shop-prod: unreadable answer"), "{text}");
}
