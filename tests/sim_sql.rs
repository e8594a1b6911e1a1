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
    faults::{DatabaseFault, Down, Fault, Member, SqlAsk, setup::Setup},
    simulation::{Config, Simulation, Start},
    world::sql::{OperationFault, instance::Engine},
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
    assert_eq!(stale["error"]["errors"][0]["location"], "If-Match");
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

#[tokio::test]
async fn a_backup_is_a_run_with_a_number_from_the_moment_at_which_it_is_asked_for() {
    let bench = Bench::start().await;
    let runs = format!("{V1}/instances/hexproperty-prod/backupRuns");
    let inject = |end| bench.simulation.control().inject(&Fault::Database(DatabaseFault::Operations { end }));
    for (end, status) in [(OperationFault::Honest, "SUCCESSFUL"), (OperationFault::Failing, "FAILED"), (OperationFault::Hollow, "SKIPPED")]
    {
        inject(OperationFault::Stuck);
        let (code, operation) = bench.send(Method::POST, &runs, &json!({"description": "before the night"})).await;
        assert_eq!((code, operation["operationType"].as_str()), (200, Some("BACKUP_VOLUME")));
        let id = operation["backupContext"]["backupId"].as_str().expect("the operation names the run").to_owned();
        let run = async || bench.get(&format!("{runs}/{id}")).await;
        let begun = run().await;
        assert!(["ENQUEUED", "RUNNING"].contains(&begun["status"].as_str().unwrap()), "{begun}");
        assert_eq!((&begun["type"], &begun["description"], begun.get("endTime")), (&json!("ON_DEMAND"), &json!("before the night"), None));
        inject(end);
        bench.simulation.control().with(|world| world.sql.release());
        let ended = bench.done(&operation).await;
        assert_eq!(ended.get("error").is_some(), status == "FAILED", "{ended}");
        let run = run().await;
        assert_eq!(
            (run["status"].as_str(), run["endTime"].is_string(), run.get("error").is_some()),
            (Some(status), true, status == "FAILED")
        );
        let newest = bench.get(&format!("{runs}?maxResults=1")).await;
        assert_eq!((&newest["items"][0]["id"], newest["items"].as_array().unwrap().len()), (&json!(id), 1));
        assert!(newest["nextPageToken"].is_string(), "last night's are on the next page");
    }
    let of_replica = format!("{V1}/instances/hexproperty-replica/backupRuns");
    let (code, refused) = bench.send(Method::POST, &of_replica, &json!({})).await;
    assert_eq!((code, reason(&refused)), (400, "invalid"));
}

#[tokio::test]
async fn a_replica_more_or_less_gives_its_primarys_settings_another_version() {
    let bench = Bench::start().await;
    let version = async || bench.get(&format!("{V1}/instances/hexproperty-prod")).await["settings"]["settingsVersion"].clone();
    let mut seen = vec![version().await];
    let request = json!({"name": "hexproperty-dr", "region": "us-east1", "masterInstanceName": "hexproperty-prod", "settings": {"tier": "db-perf-optimized-N-4"}});
    let (_, operation) = bench.send(Method::POST, &format!("{V1}/instances"), &request).await;
    let made = format!("{V1}/instances/hexproperty-dr");
    assert_eq!(bench.get(&made).await["state"], "PENDING_CREATE");
    bench.done(&operation).await;
    seen.push(version().await);
    bench.newest("replication/state", "hexproperty-dr", |value| value["boolValue"] == true).await;
    bench.simulation.control().inject(&Fault::Database(DatabaseFault::Operations { end: OperationFault::Stuck }));
    let (code, operation) = bench.send(Method::DELETE, &made, &Value::Null).await;
    assert_eq!((code, operation["operationType"].as_str()), (200, Some("DELETE")));
    while bench.get(&made).await["state"] != "PENDING_DELETE" {
        tokio::task::yield_now().await;
    }
    bench.simulation.control().calm();
    bench.done(&operation).await;
    let (code, gone) = bench.send(Method::GET, &made, &Value::Null).await;
    assert_eq!((code, reason(&gone)), (404, "instanceDoesNotExist"));
    seen.push(version().await);
    let numbers: Vec<u64> = seen.iter().map(|version| version.as_str().unwrap().parse().unwrap()).collect();
    assert!(numbers[0] < numbers[1] && numbers[1] < numbers[2], "{numbers:?}");
}

#[tokio::test]
async fn each_request_needs_its_own_permission() {
    let bench = Bench::start().await;
    let instance = format!("{V1}/instances/hexproperty-prod");
    let asks = [
        (Method::GET, instance.clone(), "cloudsql.instances.get"),
        (Method::GET, format!("{V1}/instances"), "cloudsql.instances.list"),
        (Method::GET, format!("{instance}/backupRuns"), "cloudsql.backupRuns.list"),
        (Method::POST, format!("{instance}/backupRuns"), "cloudsql.backupRuns.create"),
        (Method::PATCH, instance.clone(), "cloudsql.instances.update"),
        (Method::POST, format!("{V1}/instances"), "cloudsql.instances.create"),
        (Method::DELETE, instance.clone(), "cloudsql.instances.delete"),
        (Method::POST, format!("{BETA}/instances/hexproperty-replica/promoteReplica"), "cloudsql.instances.promoteReplica"),
    ];
    for (method, path, permission) in asks {
        bench.simulation.control().inject(&Fault::Setup(Setup::Lacks { permission: permission.to_owned() }));
        let (code, refused) = bench.send(method.clone(), &path, &Value::Null).await;
        assert_eq!((code, reason(&refused)), (403, "notAuthorized"), "{method} {path}");
        bench.simulation.control().calm();
        let (code, answer) = bench.send(method.clone(), &path, &Value::Null).await;
        assert_ne!(code, 403, "{method} {path}: {answer}");
        bench.simulation.control().calm();
    }
}

#[tokio::test]
async fn a_mysql_primary_without_its_binary_log_gets_no_standby() {
    let bench = Bench::start().await;
    bench.simulation.control().with(|world| world.sql.set_engine(Engine::MySql));
    let path = format!("{V1}/instances/hexproperty-prod");
    let (code, refused) = bench.send(Method::PATCH, &path, &json!({"settings": {"availabilityType": "REGIONAL"}})).await;
    assert_eq!((code, reason(&refused)), (400, "invalid"));
    let with_log = json!({"settings": {"availabilityType": "REGIONAL", "backupConfiguration": {"binaryLogEnabled": true}}});
    assert_eq!(bench.send(Method::PATCH, &path, &with_log).await.0, 200);
}

#[tokio::test]
async fn what_somebody_else_asks_for_is_in_the_audit_log_by_his_name() {
    let bench = Bench::start().await;
    let asks = SqlAsk::Replica { name: "hexproperty-dr", region: "us-east1" };
    bench.simulation.control().inject(&Fault::Database(DatabaseFault::Colleague { asks }));
    let listed = bench.get(&format!("{V1}/operations?instance=hexproperty-dr")).await;
    assert_eq!(
        (&listed["items"][0]["operationType"], &listed["items"][0]["user"]),
        (&json!("CREATE_REPLICA"), &json!("dana.ops@hexproperty.com"))
    );
    let mutations = bench.simulation.control().truth().mutations;
    let told: Vec<_> = mutations.iter().map(|mutation| (mutation.method, mutation.actor.principal.as_str())).collect();
    assert_eq!(told, [("cloudsql.instances.create", "dana.ops@hexproperty.com")]);
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
