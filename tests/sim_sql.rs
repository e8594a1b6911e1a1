//! The simulated Cloud SQL Admin API over real sockets, in both of its versions.
//!
//! Virtual time runs fast, so operations are waited for as a client waits: by asking for them.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets a surprise has failed, and says what it saw"
)]

use cutover::sim::{
    faults::{DatabaseFault, Down, Fault, Member},
    simulation::{Config, Simulation, Start},
    world::sql::instance::Engine,
};
use reqwest::{Client, Method};
use serde_json::{Value, json};

const V1: &str = "/v1/projects/hexproperty";
const BETA: &str = "/sql/v1beta4/projects/hexproperty";

struct Bench {
    simulation: Simulation,
    client: Client,
}

impl Bench {
    async fn start() -> Self {
        // A second test in this process finds it installed already.
        rustls::crypto::ring::default_provider().install_default().ok();
        let config = Config { speed: 400.0, start: Start::At(1_795_000_000_000), ..Config::default() };
        let simulation = Simulation::start(config).await.expect("loopback has free ports");
        let client = Client::builder().no_proxy().tls_certs_only([]).build().expect("a plain client needs nothing");
        Self { simulation, client }
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("http://{}{path}", self.simulation.endpoints().google);
        let request = self.client.request(method, url).header("host", "sqladmin.googleapis.com").bearer_auth("cutover-demo");
        let request = if body.is_null() { request } else { request.json(body) };
        let response = request.send().await.expect("the world answers");
        let code = response.status().as_u16();
        (code, response.json().await.expect("the answer is a document"))
    }

    async fn get(&self, path: &str) -> Value {
        let (code, document) = self.send(Method::GET, path, &Value::Null).await;
        assert_eq!(code, 200, "{path}: {document}");
        document
    }

    /// Asks for an operation until it has ended.
    async fn done(&self, operation: &Value) -> Value {
        let name = operation["name"].as_str().expect("operations have names");
        loop {
            let document = self.get(&format!("{V1}/operations/{name}")).await;
            if document["status"] == "DONE" {
                return document;
            }
            tokio::task::yield_now().await;
        }
    }
}

fn reason(document: &Value) -> &str {
    document["error"]["errors"][0]["reason"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn both_versions_show_the_same_instances() {
    let bench = Bench::start().await;
    let mut lists = Vec::new();
    for root in [V1, BETA] {
        let list = bench.get(&format!("{root}/instances")).await;
        let items = list["items"].as_array().expect("a list has items").clone();
        let own = |item: &Value| item["selfLink"].as_str().is_some_and(|link| link.contains(&format!("googleapis.com{root}/")));
        assert!(items.iter().all(own), "links stay in their version");
        lists.push(items.iter().map(|item| (item["name"].clone(), item["instanceType"].clone())).collect::<Vec<_>>());
    }
    assert_eq!(lists[0], lists[1]);
    assert_eq!(
        lists[0],
        [(json!("hexproperty-prod"), json!("CLOUD_SQL_INSTANCE")), (json!("hexproperty-replica"), json!("READ_REPLICA_INSTANCE"))]
    );
    let primary = bench.get(&format!("{V1}/instances/hexproperty-prod")).await;
    assert_eq!((&primary["state"], &primary["settings"]["availabilityType"]), (&json!("RUNNABLE"), &json!("REGIONAL")));
    assert_eq!(primary["replicaNames"], json!(["hexproperty-replica"]));
}

#[tokio::test]
async fn a_patch_is_an_operation_of_its_asker_and_excludes_others_until_it_is_done() {
    let bench = Bench::start().await;
    let path = format!("{V1}/instances/hexproperty-prod");
    let before = bench.get(&path).await["settings"]["settingsVersion"].clone();
    let request = json!({"settings": {"settingsVersion": before, "availabilityType": "ZONAL"}});
    let (code, operation) = bench.send(Method::PATCH, &path, &request).await;
    assert_eq!((code, operation["operationType"].as_str(), operation["status"].as_str()), (200, Some("UPDATE"), Some("PENDING")));
    assert_eq!(operation["user"], "cutover@hexproperty.iam.gserviceaccount.com");
    let (code, busy) = bench.send(Method::POST, &format!("{V1}/instances/hexproperty-replica/promoteReplica"), &Value::Null).await;
    assert_eq!((code, reason(&busy)), (409, "operationInProgress"));
    let ended = bench.done(&operation).await;
    assert!(ended.get("error").is_none() && ended["endTime"].is_string(), "{ended}");
    let after = bench.get(&path).await;
    assert_eq!(after["settings"]["availabilityType"], "ZONAL");
    assert_ne!(after["settings"]["settingsVersion"], before);
    let (code, stale) = bench.send(Method::PATCH, &path, &request).await;
    assert_eq!((code, reason(&stale)), (412, "staleData"));
    let listed = bench.get(&format!("{BETA}/operations?instance=hexproperty-prod")).await;
    let updates = listed["items"].as_array().unwrap().iter().filter(|item| item["operationType"] == "UPDATE");
    assert_eq!(updates.count(), 1);
    assert_eq!(listed["items"][0]["operationType"], "UPDATE", "newest first, before the nightly backups");
}

#[tokio::test]
async fn a_promotion_makes_a_second_primary_and_shows_in_the_audit_log() {
    let bench = Bench::start().await;
    let path = format!("{BETA}/instances/hexproperty-replica");
    let (code, operation) = bench.send(Method::POST, &format!("{path}/promoteReplica"), &Value::Null).await;
    assert_eq!((code, operation["operationType"].as_str()), (200, Some("PROMOTE_REPLICA")));
    bench.done(&operation).await;
    let promoted = bench.get(&path).await;
    assert_eq!((&promoted["instanceType"], promoted.get("masterInstanceName")), (&json!("CLOUD_SQL_INSTANCE"), None));
    let (code, again) = bench.send(Method::POST, &format!("{path}/promoteReplica"), &Value::Null).await;
    assert_eq!((code, reason(&again)), (400, "invalid"));
    let mutations = bench.simulation.control().truth().mutations;
    let promotion = mutations.iter().find(|mutation| mutation.method == "cloudsql.instances.promoteReplica").expect("it was noted");
    assert_eq!(promotion.resource, "projects/hexproperty/instances/hexproperty-replica");
}

#[tokio::test]
async fn a_distant_replica_can_be_made_and_switched_to_and_back() {
    let bench = Bench::start().await;
    let request = json!({
        "name": "hexproperty-dr", "region": "us-east1", "masterInstanceName": "hexproperty-prod",
        "databaseVersion": "POSTGRES_15", "settings": {"tier": "db-perf-optimized-N-4"},
    });
    let (code, operation) = bench.send(Method::POST, &format!("{V1}/instances"), &request).await;
    assert_eq!((code, operation["targetId"].as_str()), (200, Some("hexproperty-dr")));
    assert_eq!(bench.done(&operation).await["operationType"], "CREATE_REPLICA");
    for (to, from) in [("hexproperty-dr", "hexproperty-prod"), ("hexproperty-prod", "hexproperty-dr")] {
        let (code, operation) = bench.send(Method::POST, &format!("{V1}/instances/{to}/switchover"), &Value::Null).await;
        assert_eq!(code, 200, "{operation}");
        bench.done(&operation).await;
        assert_eq!(bench.get(&format!("{V1}/instances/{to}")).await["instanceType"], "CLOUD_SQL_INSTANCE");
        let follower = bench.get(&format!("{V1}/instances/{from}")).await;
        assert_eq!(follower["masterInstanceName"], format!("hexproperty:{to}"));
    }
    let (code, refused) = bench.send(Method::POST, &format!("{V1}/instances/hexproperty-replica/switchover"), &Value::Null).await;
    assert_eq!((code, reason(&refused)), (400, "invalid"));
}

#[tokio::test]
async fn evidence_of_recovery_can_be_read() {
    let bench = Bench::start().await;
    let runs = bench.get(&format!("{V1}/instances/hexproperty-prod/backupRuns")).await;
    let newest = &runs["items"][0];
    assert_eq!((&newest["status"], &newest["type"]), (&json!("SUCCESSFUL"), &json!("AUTOMATED")));
    let latest = bench.get(&format!("{V1}/instances/hexproperty-prod/getLatestRecoveryTime")).await;
    assert!(latest["latestRecoveryTime"].is_string());
    let (code, none) = bench.send(Method::GET, &format!("{V1}/instances/nobody"), &Value::Null).await;
    assert_eq!((code, reason(&none)), (404, "instanceDoesNotExist"));
    let (code, none) = bench.send(Method::GET, &format!("{V1}/operations/nothing"), &Value::Null).await;
    assert_eq!((code, reason(&none)), (404, "operationDoesNotExist"));
    let (code, refused) = bench.send(Method::DELETE, &format!("{V1}/instances/hexproperty-prod"), &Value::Null).await;
    assert_eq!((code, reason(&refused)), (400, "invalid"));
}

impl Bench {
    /// The series of one metric of an instance, as the monitoring tells them now.
    async fn series(&self, metric: &str, instance: &str) -> Vec<Value> {
        let now = jiff::Timestamp::from_millisecond(self.simulation.clock().now_ms()).expect("a time");
        let start = now - jiff::Span::new().minutes(10);
        let filter = format!(
            "metric.type = \"cloudsql.googleapis.com/database/{metric}\" AND resource.labels.database_id = \"hexproperty:{instance}\""
        );
        let query = [("filter", filter), ("interval.startTime", start.to_string()), ("interval.endTime", now.to_string())];
        let url = format!("http://{}/v3/projects/hexproperty/timeSeries", self.simulation.endpoints().google);
        let request = self.client.get(url).header("host", "monitoring.googleapis.com").bearer_auth("cutover-demo").query(&query);
        let answer: Value = request.send().await.expect("the world answers").json().await.expect("a document");
        answer["timeSeries"].as_array().cloned().unwrap_or_default()
    }

    /// Waits until the newest point of a series is this.
    async fn newest(&self, metric: &str, instance: &str, wanted: impl Fn(&Value) -> bool) {
        loop {
            let series = self.series(metric, instance).await;
            if series.first().is_some_and(|series| wanted(&series["points"][0]["value"])) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn each_engine_has_its_own_series_and_no_others() {
    let (all, only) = (["replication/network_lag", "replication/state"], "hexproperty-replica");
    for (engine, has, has_not) in [
        (
            Engine::Postgres,
            vec!["replication/replica_lag"],
            vec!["mysql/replication/slave_io_running", "replication/seconds_behind_master", "sqlserver/replication/redone_bytes_count"],
        ),
        (
            Engine::MySql,
            vec!["replication/replica_lag", "mysql/replication/slave_io_running", "mysql/innodb_os_log_fsyncs"],
            vec!["replication/seconds_behind_master"],
        ),
        (
            Engine::SqlServer,
            vec!["replication/seconds_behind_master", "sqlserver/replication/redone_bytes_count"],
            vec!["replication/replica_lag"],
        ),
    ] {
        let bench = Bench::start().await;
        bench.simulation.control().with(|world| world.sql.set_engine(engine));
        for metric in has.into_iter().chain(all) {
            assert!(!bench.series(metric, only).await.is_empty(), "{engine:?} tells {metric}");
        }
        for metric in has_not {
            assert!(bench.series(metric, only).await.is_empty(), "{engine:?} does not tell {metric}");
        }
        let states = bench.series("replication/state", only).await;
        let now = |series: &Value| (series["metric"]["labels"]["state"].clone(), series["points"][0]["value"]["boolValue"].clone());
        let told: Vec<_> = states.iter().map(now).collect();
        assert_eq!(told, [(json!("Running"), json!(true)), (json!("Stopped"), json!(false)), (json!("Error"), json!(false))]);
    }
}

#[tokio::test]
async fn the_primary_of_postgres_knows_the_position_of_a_replica_that_asks() {
    let bench = Bench::start().await;
    let positions = bench.series("postgresql/replication/replica_byte_lag", "hexproperty-prod").await;
    assert_eq!(positions.len(), 4);
    assert!(positions.iter().all(|one| one["metric"]["labels"]["replica_name"] == "hexproperty-replica"));
    bench.simulation.control().inject(&Fault::Database(DatabaseFault::OtherPrimary));
    loop {
        let positions = bench.series("postgresql/replication/replica_byte_lag", "hexproperty-staging").await;
        if !positions.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_broken_replication_serves_a_lag_of_nothing() {
    let bench = Bench::start().await;
    bench.simulation.control().with(|world| world.sql.set_engine(Engine::MySql));
    bench.simulation.control().inject(&Fault::Database(DatabaseFault::ReceivesNothing));
    bench.newest("mysql/replication/slave_io_running", "hexproperty-replica", |value| value["stringValue"] == "No").await;
    bench.newest("replication/replica_lag", "hexproperty-replica", |value| value["doubleValue"] == 0.0).await;
    bench.newest("mysql/innodb_os_log_fsyncs", "hexproperty-replica", |value| value["int64Value"] == "0").await;
    bench.newest("mysql/innodb_os_log_fsyncs", "hexproperty-prod", |value| value["int64Value"] != "0").await;
}

#[tokio::test]
async fn an_instance_that_is_down_says_so() {
    let bench = Bench::start().await;
    let state = async || bench.get(&format!("{V1}/instances/hexproperty-prod")).await["state"].clone();
    let inject = |down| {
        let fault = DatabaseFault::IsDown { member: Member::Primary, down };
        bench.simulation.control().inject(&Fault::Database(fault));
    };
    let told = [
        (Down::Suspended, "SUSPENDED"),
        (Down::Maintenance, "MAINTENANCE"),
        (Down::Failed, "FAILED"),
        (Down::BeingCreated, "PENDING_CREATE"),
    ];
    for (down, expected) in told {
        inject(down);
        assert_eq!(state().await, expected);
        bench.simulation.control().calm();
    }
    inject(Down::StoppedByOwner);
    let off = bench.get(&format!("{V1}/instances/hexproperty-prod")).await;
    assert_eq!((&off["state"], &off["settings"]["activationPolicy"]), (&json!("RUNNABLE"), &json!("NEVER")), "as the service calls it");
}
