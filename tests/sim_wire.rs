//! The simulated world over real sockets: the APIs keep their contracts, and faults look on the wire as they should.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets a surprise has failed, and says what it saw"
)]

use std::net::SocketAddr;

use cutover::sim::{
    faults::{
        Api, Damage, Edit, Fault, Manner, Probing, Trouble,
        setup::{Flaw, Setup},
    },
    simulation::{Config, Simulation, Start},
    world::{
        Leg,
        propagation::{Edge, Span, Split},
    },
};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[path = "sim_wire/platform.rs"]
mod platform;

const RUN: &str = "/v2/projects/hexproperty/locations/us-central1";
const KNATIVE: &str = "/apis/serving.knative.dev/v1/namespaces/hexproperty";
const MAPS: &str = "/compute/v1/projects/hexproperty/global/urlMaps/hexproperty-lb";
const GLOBAL: &str = "/compute/v1/projects/hexproperty/global";

struct Bench {
    simulation: Simulation,
    client: Client,
}

impl Bench {
    /// A fast world whose edge follows at once.
    async fn start() -> Self {
        // A second test in this process finds it installed already.
        rustls::crypto::ring::default_provider().install_default().ok();
        let config = Config {
            speed: 200.0,
            start: Start::At(1_795_000_000_000),
            propagation: Span { min_ms: 0.0, max_ms: 0.0 },
            ..Config::default()
        };
        let simulation = Simulation::start(config).await.unwrap();
        let client = Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        Self { simulation, client }
    }

    fn google(&self) -> SocketAddr {
        self.simulation.endpoints().google
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.google())).bearer_auth("cutover-demo")
    }

    async fn get(&self, path: &str) -> Value {
        self.request(Method::GET, path).send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let response = self.request(method, path).json(body).send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    async fn ramp(&self, run: u32, gke: u32) -> Value {
        let mut map = self.get(MAPS).await;
        let entries = map["defaultRouteAction"]["weightedBackendServices"].as_array_mut().unwrap();
        entries[0]["weight"] = json!(run);
        entries[1]["weight"] = json!(gke);
        json!({"fingerprint": map["fingerprint"], "defaultRouteAction": map["defaultRouteAction"]})
    }
}

fn split(old: u32, new: u32) -> Value {
    json!([
        {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": "frontend-00041-kaz", "percent": old},
        {"type": 2, "revision": "frontend-00042-bim", "percent": new},
    ])
}

#[tokio::test]
async fn a_split_written_through_v2_is_read_through_v1_and_has_its_author() {
    let bench = Bench::start().await;
    let service = bench.get(&format!("{RUN}/services/frontend")).await;
    let body = json!({"etag": service["etag"], "traffic": split(25, 75)});
    let (status, operation) = bench.send(Method::PATCH, &format!("{RUN}/services/frontend?updateMask=traffic"), &body).await;
    assert_eq!(status, 200, "{operation}");
    let name = operation["name"].as_str().unwrap();
    let (_, done) = bench.send(Method::POST, &format!("/v2/{name}:wait"), &json!({})).await;
    assert_eq!(done["done"], true, "{done}");
    assert_eq!(done["response"]["@type"], "type.googleapis.com/google.cloud.run.v2.Service");
    let knative = bench.get(&format!("{KNATIVE}/services/frontend")).await;
    let expected = json!([{"revisionName": "frontend-00041-kaz", "percent": 25}, {"revisionName": "frontend-00042-bim", "percent": 75}]);
    assert_eq!(knative["status"]["traffic"], expected);
    assert_eq!(knative["metadata"]["annotations"]["serving.knative.dev/lastModifier"], "cutover@hexproperty.iam.gserviceaccount.com");
}

#[tokio::test]
async fn stale_tokens_are_conflicts_in_both_versions_of_cloud_run() {
    let bench = Bench::start().await;
    let path = format!("{RUN}/services/frontend");
    let old = bench.get(&path).await;
    let old_knative = bench.get(&format!("{KNATIVE}/services/frontend")).await;
    let body = json!({"etag": old["etag"], "traffic": split(1, 99)});
    assert_eq!(bench.send(Method::PATCH, &format!("{path}?updateMask=traffic"), &body).await.0, 200);
    let (status, answer) = bench.send(Method::PATCH, &format!("{path}?updateMask=traffic"), &body).await;
    assert_eq!((status.as_u16(), answer["error"]["status"].as_str()), (409, Some("ABORTED")));
    let (status, answer) = bench.send(Method::PUT, &format!("{KNATIVE}/services/frontend"), &old_knative).await;
    assert_eq!((status.as_u16(), answer["error"]["status"].as_str()), (409, Some("ABORTED")));
}

#[tokio::test]
async fn a_patch_without_traffic_and_without_mask_sends_everything_to_the_newest_revision() {
    let bench = Bench::start().await;
    let path = format!("{RUN}/services/frontend");
    bench.send(Method::PATCH, &format!("{path}?updateMask=traffic"), &json!({"traffic": split(50, 50)})).await;
    let (_, operation) = bench.send(Method::PATCH, &path, &json!({})).await;
    bench.send(Method::POST, &format!("/v2/{}:wait", operation["name"].as_str().unwrap()), &json!({})).await;
    let service = bench.get(&path).await;
    assert_eq!(service["traffic"], json!([]));
    assert_eq!(service["trafficStatuses"][0]["percent"], 100);
    assert_eq!(service["trafficStatuses"][0]["revision"], "frontend-00042-bim");
}

#[tokio::test]
async fn an_unknown_revision_fails_in_the_operation_and_the_old_split_serves() {
    let bench = Bench::start().await;
    let traffic = json!([{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": "previous", "percent": 100}]);
    let (status, operation) =
        bench.send(Method::PATCH, &format!("{RUN}/services/frontend?updateMask=traffic"), &json!({"traffic": traffic})).await;
    assert_eq!(status, 200);
    let (_, done) = bench.send(Method::POST, &format!("/v2/{}:wait", operation["name"].as_str().unwrap()), &json!({})).await;
    assert_eq!(done["error"]["code"], 9, "{done}");
    let service = bench.get(&format!("{RUN}/services/frontend")).await;
    assert_eq!(service["terminalCondition"]["state"], "CONDITION_FAILED");
    assert_eq!(service["trafficStatuses"][0]["percent"], 100);
}

#[tokio::test]
async fn revisions_come_in_pages_and_enums_as_numbers_when_asked() {
    let bench = Bench::start().await;
    let path = format!("{RUN}/services/frontend/revisions?pageSize=1");
    let first = bench.get(&path).await;
    assert!(first["revisions"][0]["name"].as_str().unwrap().ends_with("frontend-00042-bim"));
    let second = bench.get(&format!("{path}&pageToken={}", first["nextPageToken"].as_str().unwrap())).await;
    assert!(second["revisions"][0]["name"].as_str().unwrap().ends_with("frontend-00041-kaz"));
    assert_eq!(second.get("nextPageToken"), None);
    let numbers = bench.get(&format!("{RUN}/services/frontend?%24alt=json%3Benum-encoding%3Dint")).await;
    assert_eq!(numbers["terminalCondition"]["state"], 4);
}

#[tokio::test]
async fn a_ramp_is_accepted_once_against_its_fingerprint() {
    let bench = Bench::start().await;
    let body = bench.ramp(990, 10).await;
    let once = format!("{MAPS}?requestId=7f1a2c4e-0d1b-4c8e-9a3f-5b6c7d8e9f00");
    let (status, operation) = bench.send(Method::PATCH, &once, &body).await;
    assert_eq!(status, 200, "{operation}");
    assert_eq!(operation["user"], "cutover@hexproperty.iam.gserviceaccount.com");
    let (status, again) = bench.send(Method::PATCH, &once, &body).await;
    assert_eq!((status.as_u16(), &again["name"]), (200, &operation["name"]));
    let (status, stale) = bench.send(Method::PATCH, MAPS, &body).await;
    assert_eq!((status.as_u16(), stale["error"]["errors"][0]["reason"].as_str()), (412, Some("conditionNotMet")));
    let (_, done) =
        bench.send(Method::POST, &format!("{GLOBAL}/operations/{}/wait", operation["name"].as_str().unwrap()), &json!({})).await;
    assert_eq!(done["status"], "DONE");
    let truth = bench.simulation.control().truth();
    assert_eq!(truth.accepted, [("frontend-run".to_owned(), 990), ("frontend-gke".to_owned(), 10)]);
    assert!((truth.propagated.gke - 0.01).abs() < 1e-9);
    assert_eq!(truth.mutations.len(), 1);
}

#[tokio::test]
async fn a_replacement_needs_the_fingerprint_and_the_whole_document() {
    let bench = Bench::start().await;
    let mut map = bench.get(MAPS).await;
    map["description"] = json!("replaced");
    let (status, answer) = bench.send(Method::PUT, MAPS, &map).await;
    assert_eq!(status, 200, "{answer}");
    map.as_object_mut().unwrap().remove("fingerprint");
    assert_eq!(bench.send(Method::PUT, MAPS, &map).await.0, 412);
    assert_eq!(bench.get(MAPS).await["description"], "replaced");
}

#[tokio::test]
async fn bad_weights_are_refused_and_validate_says_so_beforehand() {
    let bench = Bench::start().await;
    let zero = bench.ramp(0, 0).await;
    assert_eq!(bench.send(Method::PATCH, MAPS, &zero).await.0, 400);
    let mut resource = bench.get(MAPS).await;
    let (_, good) = bench
        .send(Method::POST, &format!("{MAPS}/validate"), &json!({"resource": resource, "loadBalancingSchemes": ["EXTERNAL_MANAGED"]}))
        .await;
    assert_eq!(good["result"]["loadSucceeded"], true, "{good}");
    resource["defaultRouteAction"] = zero["defaultRouteAction"].clone();
    let (_, bad) = bench.send(Method::POST, &format!("{MAPS}/validate"), &json!({"resource": resource})).await;
    assert_eq!(bad["result"]["loadSucceeded"], false, "{bad}");
}

#[tokio::test]
async fn the_author_of_a_foreign_change_is_in_the_audit_log() {
    let bench = Bench::start().await;
    bench.simulation.control().inject(&Fault::ForeignWriter { gke_per_mille: 400, principal: "dana.ops@hexproperty.com".to_owned() });
    let filter = "protoPayload.resourceName=\"projects/hexproperty/global/urlMaps/hexproperty-lb\"";
    let body = json!({"resourceNames": ["projects/hexproperty"], "filter": filter, "orderBy": "timestamp desc", "pageSize": 5});
    loop {
        // The log is some virtual seconds late, as the real one is.
        let (_, answer) = bench.send(Method::POST, "/v2/entries:list", &body).await;
        let Some(entry) = answer["entries"].get(0) else { continue };
        assert_eq!(entry["protoPayload"]["authenticationInfo"]["principalEmail"], "dana.ops@hexproperty.com");
        assert_eq!(entry["protoPayload"]["methodName"], "v1.compute.urlMaps.patch");
        break;
    }
}

#[tokio::test]
async fn lag_is_sampled_by_the_minute_and_shown_late() {
    let bench = Bench::start().await;
    let now = jiff::Timestamp::from_millisecond(bench.simulation.clock().now_ms()).unwrap();
    let start = now - jiff::Span::new().minutes(20);
    let filter = "metric.type = \"cloudsql.googleapis.com/database/replication/replica_lag\"";
    let request = bench.request(Method::GET, "/v3/projects/hexproperty/timeSeries");
    let query = [("filter", filter), ("interval.startTime", &start.to_string()), ("interval.endTime", &now.to_string()), ("view", "FULL")];
    let answer: Value = request.query(&query).send().await.unwrap().json().await.unwrap();
    let points = answer["timeSeries"][0]["points"].as_array().unwrap();
    assert!(points.len() >= 15, "{}", points.len());
    let end = |point: &Value| point["interval"]["endTime"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(points.windows(2).all(|pair| end(&pair[0]).as_second() - end(&pair[1]).as_second() == 60));
    assert!(points[0]["value"]["doubleValue"].as_f64().unwrap() < 1.0);
}

#[tokio::test]
async fn an_unavailable_api_leaves_the_others_alone_and_applies_nothing() {
    let bench = Bench::start().await;
    let body = bench.ramp(900, 100).await;
    bench.simulation.control().inject(&Fault::Api { api: Api::Compute, trouble: Trouble::Unavailable, for_s: 1e6 });
    assert_eq!(bench.send(Method::PATCH, MAPS, &body).await.0, 503);
    bench.get(&format!("{RUN}/services/frontend")).await;
    assert_eq!(bench.simulation.control().truth().mutations, []);
    bench.simulation.control().calm();
    assert_eq!(bench.send(Method::PATCH, MAPS, &body).await.0, 200);
}

#[tokio::test]
async fn a_lost_reply_is_an_applied_change() {
    let bench = Bench::start().await;
    let body = bench.ramp(900, 100).await;
    bench.simulation.control().inject(&Fault::Api { api: Api::Compute, trouble: Trouble::LostReplies, for_s: 1e6 });
    assert!(bench.request(Method::PATCH, MAPS).json(&body).send().await.is_err());
    assert_eq!(bench.get(MAPS).await["defaultRouteAction"]["weightedBackendServices"][1]["weight"], 100);
    assert_eq!(bench.simulation.control().truth().mutations.len(), 1);
}

#[tokio::test]
async fn the_front_door_really_splits_and_says_who_served() {
    let bench = Bench::start().await;
    bench.simulation.control().inject(&Fault::ForeignWriter { gke_per_mille: 500, principal: "dana.ops@hexproperty.com".to_owned() });
    let before = bench.simulation.control().truth();
    let mut by_gke = 0;
    for _ in 0..200 {
        let response = bench.client.get(format!("http://{}/", bench.simulation.endpoints().front_door)).send().await.unwrap();
        by_gke += usize::from(response.headers()["x-served-by"] == "gke");
    }
    // Six standard deviations around the half.
    assert!((58..=142).contains(&by_gke), "{by_gke}");
    let after = bench.simulation.control().truth();
    assert!(after.run.served + after.gke.served >= before.run.served + before.gke.served + 200);
}

/// The faults that every pane once called healthy, as a user meets them.
#[tokio::test]
async fn a_leg_can_answer_with_something_that_is_not_the_site() {
    let bench = Bench::start().await;
    let (control, at) = (bench.simulation.control(), *bench.simulation.endpoints());
    control.with(|world| world.load_balancer.edge = Edge::new(1, Split { run: 0.0, gke: 1.0, other: 0.0 }, Span::default()));
    let client = Client::builder().no_proxy().tls_certs_only([]).redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let get = async |address: SocketAddr, path: &str| {
        for _ in 0..10 {
            let response = client.get(format!("http://{address}{path}")).send().await.unwrap();
            let header = |name: &str| response.headers().get(name).map_or("-", |value| value.to_str().unwrap()).to_owned();
            // One answer in five hundred is a 500 on a good day.
            if response.status() != 500 {
                return (response.status().as_u16(), header("content-type"), header("location"), header("x-served-by"));
            }
        }
        panic!("{address}{path} fails too often");
    };
    let answer = |status, media: &str, location: &str, mark: &str| (status, media.to_owned(), location.to_owned(), mark.to_owned());
    let (login, text) = ("https://login.hexproperty.com/?next=%2F", "text/plain; charset=utf-8");
    let inject = |manner| control.inject(&Fault::Answers { leg: Leg::Gke, manner });
    inject(Manner::NotFound);
    assert_eq!(get(at.front_door, "/").await, answer(404, text, "-", "gke"));
    assert_eq!(get(at.gke_direct, "/ready").await, answer(404, text, "-", "-"));
    let counted = bench.client.get(format!("http://{}/metrics", at.gke_direct)).send().await.unwrap().text().await.unwrap();
    assert!(!counted.contains("code=\"404\"} 0\n"), "its own counter says so too");
    inject(Manner::LoginRedirect);
    assert_eq!(get(at.front_door, "/").await, answer(302, "text/html; charset=utf-8", login, "gke"));
    inject(Manner::LoginPage);
    assert_eq!(get(at.front_door, "/").await, answer(200, "text/html; charset=UTF-8", "-", "gke"));
    control.inject(&Fault::BadGateway { leg: Leg::Gke, fraction: 1.0 });
    assert_eq!(get(at.front_door, "/").await, answer(502, "text/html; charset=UTF-8", "-", "-"));
    assert_eq!(get(at.gke_direct, "/ready").await.0, 200, "the leg knows nothing of it");
    for (probing, status) in [(Probing::WrongPath, 404), (Probing::TurnedAway, 403), (Probing::Answered, 200)] {
        control.inject(&Fault::Probes { leg: Leg::Run, probing });
        assert_eq!(get(at.run_direct, "/health").await.0, status);
    }
}

#[tokio::test]
async fn the_front_door_marks_answers_only_as_the_url_map_says() {
    let bench = Bench::start().await;
    let mark = async || {
        let response = bench.client.get(format!("http://{}/", bench.simulation.endpoints().front_door)).send().await.unwrap();
        response.headers().get("x-served-by").map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(mark().await.as_deref(), Some("run"));
    let mut map = bench.get(MAPS).await;
    map["defaultRouteAction"]["weightedBackendServices"][0]["headerAction"].take();
    let body = json!({"fingerprint": map["fingerprint"], "defaultRouteAction": map["defaultRouteAction"]});
    assert_eq!(bench.send(Method::PATCH, MAPS, &body).await.0, 200);
    let own = mark().await;
    assert_eq!(own.as_deref(), Some("frontend-00042-bim"), "the program says its revision's name, and no map puts another there");
}

#[tokio::test]
async fn a_frozen_page_stands_still_while_requests_go_on() {
    let bench = Bench::start().await;
    let control = bench.simulation.control();
    let page = async || {
        let at = bench.simulation.endpoints().run_direct;
        let text = bench.client.get(format!("http://{at}/metrics")).send().await.unwrap().text().await.unwrap();
        text.lines().filter(|line| line.starts_with("http_requests_total")).map(str::to_owned).collect::<Vec<_>>()
    };
    control.inject(&Fault::Metrics { leg: Leg::Run, damage: Damage::StandsStill });
    let (before, served) = (page().await, control.truth().run.served);
    control.with(|world| world.tick(world.now_ms + 10_000));
    assert_eq!(page().await, before);
    assert!(control.truth().run.served > served + 500);
    control.calm();
    assert_ne!(page().await, before);
}

#[tokio::test]
async fn metrics_parse_and_their_damage_shows() {
    let bench = Bench::start().await;
    let page = async |leg: Leg| {
        let at = match leg {
            Leg::Run => bench.simulation.endpoints().run_direct,
            Leg::Gke => bench.simulation.endpoints().gke_direct,
        };
        let response = bench.client.get(format!("http://{at}/metrics")).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let scrape = |text: &str| prometheus_parse::Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap();
    let (_, text) = page(Leg::Run).await;
    let parsed = scrape(&text);
    let histogram = parsed.samples.iter().find(|sample| sample.metric == "http_request_duration_seconds").unwrap();
    let prometheus_parse::Value::Histogram(buckets) = &histogram.value else { panic!("no histogram") };
    assert!([0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 5.0].iter().all(|bound| buckets.iter().any(|bucket| bucket.less_than == *bound)));
    let control = bench.simulation.control();
    control.inject(&Fault::Metrics { leg: Leg::Run, damage: Damage::Vanished });
    assert_eq!(page(Leg::Run).await, (200, String::new()));
    control.inject(&Fault::Metrics { leg: Leg::Run, damage: Damage::NotANumber });
    assert!(page(Leg::Run).await.1.contains("sessions_active{backend=\"run\"} NaN"));
    control.inject(&Fault::Metrics { leg: Leg::Run, damage: Damage::Failing });
    assert_eq!((page(Leg::Run).await.0, page(Leg::Gke).await.0), (500, 200));
}

#[tokio::test]
async fn absolute_form_request_lines_work_as_a_proxy_gets_them() {
    let bench = Bench::start().await;
    let mut stream = TcpStream::connect(bench.google()).await.unwrap();
    let request = format!(
        "GET http://us-central1-run.googleapis.com{KNATIVE}/services/frontend?alt=json HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"kind\":\"Service\""), "{answer}");
}

#[tokio::test]
async fn a_backend_without_ready_pods_says_so_and_its_health_check_too() {
    let bench = Bench::start().await;
    let group = "https://www.googleapis.com/compute/v1/projects/hexproperty/zones/us-central1-a/networkEndpointGroups/frontend-gke-neg";
    let path = format!("{GLOBAL}/backendServices/frontend-gke/getHealth");
    let (_, healthy) = bench.send(Method::POST, &path, &json!({"group": group})).await;
    assert!(healthy["healthStatus"].as_array().unwrap().iter().all(|endpoint| endpoint["healthState"] == "HEALTHY"), "{healthy}");
    bench.simulation.control().inject(&Fault::BadPods { fraction: 1.0 });
    let ready = format!("http://{}/ready", bench.simulation.endpoints().gke_direct);
    while bench.client.get(&ready).send().await.unwrap().status() != 503 {}
    let (_, sick) = bench.send(Method::POST, &path, &json!({"group": group})).await;
    assert!(sick["healthStatus"].as_array().unwrap().iter().all(|endpoint| endpoint["healthState"] == "UNHEALTHY"), "{sick}");
}

#[tokio::test]
async fn what_is_refused_for_want_of_a_permission_is_refused_in_googles_words() {
    let bench = Bench::start().await;
    let lacks = |name: &str| Fault::Setup(Setup::Lacks { permission: name.to_owned() });
    let control = bench.simulation.control();
    control.inject(&lacks("compute.urlMaps.update"));
    control.inject(&lacks("run.services.update"));
    control.inject(&lacks("cloudsql.instances.get"));
    let body = bench.ramp(500, 500).await;
    let (status, said) = bench.send(Method::PATCH, MAPS, &body).await;
    let message = "Required 'compute.urlMaps.update' permission for 'projects/hexproperty/global/urlMaps/hexproperty-lb'";
    let errors = json!([{"message": message, "domain": "global", "reason": "forbidden"}]);
    assert_eq!((status.as_u16(), said), (403, json!({"error": {"code": 403, "message": message, "errors": errors}})));
    let asked = json!({"permissions": ["compute.urlMaps.update", "compute.urlMaps.get"]});
    let (_, held) = bench.send(Method::POST, "/v1/projects/hexproperty:testIamPermissions", &asked).await;
    assert_eq!(held, json!({"permissions": ["compute.urlMaps.get"]}));
    let path = format!("{RUN}/services/frontend");
    let (status, said) =
        bench.send(Method::PATCH, &format!("{path}?updateMask=traffic&validateOnly=true"), &json!({"traffic": split(1, 99)})).await;
    assert_eq!((status.as_u16(), &said["error"]["status"]), (403, &json!("PERMISSION_DENIED")));
    assert!(said["error"]["message"].as_str().unwrap().starts_with("Permission 'run.services.update' denied on resource"), "{said}");
    let (_, held) = bench.send(Method::POST, &format!("{path}:testIamPermissions"), &json!({"permissions": ["run.services.update"]})).await;
    assert_eq!(held, json!({}), "an empty list is left out");
    let sql = bench.request(Method::GET, "/v1/projects/hexproperty/instances/hexproperty-prod").send().await.unwrap();
    let said: Value = sql.json().await.unwrap();
    assert_eq!(said["error"]["errors"][0]["reason"], "notAuthorized", "{said}");
}

#[tokio::test]
async fn the_gate_before_an_api_says_why_it_lets_nobody_in() {
    let bench = Bench::start().await;
    let control = bench.simulation.control();
    let path = format!("{RUN}/services/frontend");
    let service = "/v1/projects/hexproperty/services/run.googleapis.com";
    assert_eq!(bench.get(service).await["state"], "ENABLED");
    control.inject(&Fault::Setup(Setup::Disabled { api: Api::Run }));
    assert_eq!(bench.get(service).await["state"], "DISABLED");
    let refused = |path: String| {
        let asked = bench.request(Method::GET, &path).send();
        async move {
            let answer = asked.await.unwrap();
            (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
        }
    };
    let (status, said) = refused(path.clone()).await;
    let info = &said["error"]["details"][0];
    assert_eq!((status, &info["reason"], &info["metadata"]["service"]), (403, &json!("SERVICE_DISABLED"), &json!("run.googleapis.com")));
    assert!(
        said["error"]["message"].as_str().unwrap().starts_with("Cloud Run Admin API has not been used in project 604187332190 before"),
        "{said}"
    );
    control.calm();
    control.inject(&Fault::Setup(Setup::SignedOut { api: Api::Run }));
    let (status, said) = refused(path.clone()).await;
    assert_eq!((status, &said["error"]["status"]), (401, &json!("UNAUTHENTICATED")));
    control.calm();
    // Compute alone refuses with 403 what is a matter of the next minute.
    for (api, path, wanted) in [(Api::Compute, MAPS.to_owned(), 403), (Api::Run, path.clone(), 429)] {
        control.inject(&Fault::Setup(Setup::QuotaUsedUp { api }));
        let (status, said) = refused(path).await;
        assert_eq!((status, &said["error"]["errors"][0]["reason"]), (wanted, &json!("rateLimitExceeded")));
    }
    control.calm();
    assert_eq!(bench.get(&path).await["latestReadyRevision"].as_str().map(|name| name.ends_with("frontend-00042-bim")), Some(true));
}

#[tokio::test]
async fn groups_and_a_maps_own_tests_are_told_as_compute_tells_them() {
    let bench = Bench::start().await;
    let project = "/compute/v1/projects/hexproperty";
    let neg = |place: &str, name: &str| format!("{project}/{place}/networkEndpointGroups/{name}");
    let run = bench.get(&neg("regions/us-central1", "frontend-run-neg")).await;
    assert_eq!((&run["networkEndpointType"], &run["cloudRun"]["service"]), (&json!("SERVERLESS"), &json!("frontend")));
    let gke = bench.get(&neg("zones/us-central1-b", "frontend-gke-neg")).await;
    assert_eq!(gke["networkEndpointType"], "GCE_VM_IP_PORT");
    let nowhere = bench.request(Method::GET, &neg("zones/us-central1-b", "frontend-run-neg")).send().await.unwrap();
    assert_eq!(nowhere.status(), 404, "a serverless group is regional");
    let group = format!("https://www.googleapis.com{}", neg("zones/us-central1-a", "backend-gke-neg"));
    let health = format!("{GLOBAL}/backendServices/backend-gke/getHealth");
    let (_, health) = bench.send(Method::POST, &health, &json!({"group": group})).await;
    assert_eq!(health["kind"], "compute#backendServiceGroupHealth", "{health}");
    let control = bench.simulation.control();
    control.inject(&Fault::Setup(Setup::Service { leg: Leg::Gke, flaw: Flaw::NoGroups }));
    assert_eq!(bench.get(&format!("{GLOBAL}/backendServices/frontend-gke")).await.get("backends"), None, "empty lists are left out");

    control.inject(&Fault::Edit { edit: Edit::FailingTest, principal: "dana".to_owned() });
    let map = bench.get(MAPS).await;
    let (_, said) = bench
        .send(Method::POST, &format!("{MAPS}/validate"), &json!({"resource": map, "loadBalancingSchemes": ["EXTERNAL_MANAGED"]}))
        .await;
    let result = &said["result"];
    assert_eq!((&result["loadSucceeded"], &result["testPassed"]), (&json!(true), &json!(false)), "{said}");
    assert!(result["testFailures"][0]["actualService"].as_str().unwrap().ends_with("/frontend-run"), "{said}");
    let (status, _) = bench.send(Method::PATCH, MAPS, &bench.ramp(900, 100).await).await;
    assert_eq!(status, 400, "no update is taken that fails a test");
}

#[tokio::test]
async fn after_stop_nobody_listens() {
    let bench = Bench::start().await;
    let google = bench.google();
    let pending = TcpStream::connect(google).await.unwrap();
    bench.simulation.stop().await;
    drop(pending);
    assert!(TcpStream::connect(google).await.is_err());
}
