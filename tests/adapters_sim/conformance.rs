//! What every driver is held to, whoever holds the weights: one suite, run for each driver against its own object in the simulated world.
//!
//! A new driver is one more subject here. What is particular to a vendor is tested beside its adapter; what the core rests on is tested here.

use std::{sync::Arc, time::Duration};

use cutover::{
    adapter::{
        Patience,
        google_auth::Token,
        http::{Ask, Client, Limits},
        http_route::{self, HttpRouteDriver},
        kubernetes::{Access, Way},
        url_map::{self, UrlMapDriver},
    },
    domain::{
        by_hand::Kubectl,
        claim::{Claim, Claimed},
        fault::{FaultKind, Outcome, Version},
        hindrance::Hindrance,
        http_route::{RefKind, Rule},
        position::{MapRule, Matcher, Position},
        weight::{PerMille, Weights},
    },
    port::{Change, Driver, Taken},
    sim::{
        faults::{self, Api, Edit, Trouble},
        simulation::Simulation,
        world::{
            actor::Actor,
            audit::Audit,
            kubernetes::{resource::Resource, store::Key, write::Part},
            load_balancer::Write,
        },
    },
};
use serde_json::Value;

use super::{driver, edited, google, id, intent, origin, revisions, world};

/// A driver, and the object of the world whose weights it holds.
struct Subject {
    name: &'static str,
    make: fn(&Simulation) -> Arc<dyn Driver>,
    /// Where everything is at first, and where it may go.
    backends: [&'static str; 2],
    api: Api,
    /// Where the object is read.
    object: fn(&Simulation) -> (Client, &'static [&'static str]),
    /// Somebody else gives the second backend a share.
    meddles: fn(&Simulation),
    /// Somebody puts the object's weights where this driver finds them, before anything else.
    begins: fn(&Simulation),
    /// Somebody gives 400 per mille to a backend that nobody planned.
    strays: fn(&Simulation),
}

const SUBJECTS: [Subject; 5] = [
    Subject {
        name: "url map",
        make: |world| Arc::new(driver(world)),
        backends: ["run", "gke"],
        api: Api::Compute,
        object: |world| (google(world), &["compute", "v1", "projects", "hexproperty", "global", "urlMaps", "hexproperty-lb"]),
        meddles: |world| {
            world.control().inject(&faults::Fault::ForeignWriter { gke_per_mille: 300, principal: "eve@hexproperty.com".to_owned() });
        },
        begins: |_| {},
        strays: |world| edited(world, Edit::Stranger { per_mille: 400 }),
    },
    Subject {
        name: "route rule",
        make: |world| Arc::new(of_rule(world, "backend", &MapRule::Route { priority: 20 }, "/")),
        backends: ["backend-run", "backend-gke"],
        api: Api::Compute,
        object: |world| (google(world), &["compute", "v1", "projects", "hexproperty", "global", "urlMaps", "hexproperty-lb"]),
        meddles: |world| ruled(world, "/pathMatchers/0/routeRules/0", |entries| entries[1]["weight"] = 300.into()),
        begins: |world| world.control().prepare(Edit::Rules),
        strays: |world| ruled(world, "/pathMatchers/0/routeRules/0", strayed),
    },
    Subject {
        name: "path rule",
        make: |world| Arc::new(of_rule(world, "api", &MapRule::Path { path: "/v2".into() }, "/v2/orders")),
        backends: ["api-run", "api-gke"],
        api: Api::Compute,
        object: |world| (google(world), &["compute", "v1", "projects", "hexproperty", "global", "urlMaps", "hexproperty-lb"]),
        meddles: |world| ruled(world, "/pathMatchers/1/pathRules/1", |entries| entries[1]["weight"] = 300.into()),
        begins: |world| world.control().prepare(Edit::Rules),
        strays: |world| ruled(world, "/pathMatchers/1/pathRules/1", strayed),
    },
    Subject {
        name: "revisions",
        make: |world| Arc::new(revisions(world)),
        backends: ["new", "old"],
        api: Api::Run,
        object: |world| (google(world), &["v2", "projects", "hexproperty", "locations", "us-central1", "services", "frontend"]),
        meddles: |world| world.control().inject(&faults::Fault::Deployed { percent: 60 }),
        begins: |_| {},
        strays: |world| world.control().inject(&faults::Fault::Deployed { percent: 40 }),
    },
    Subject {
        name: "http route",
        make: |world| Arc::new(http_route(world)),
        backends: ["cluster-1", "cluster-2"],
        api: Api::Kubernetes,
        object: |world| (cluster(world), &["apis", "gateway.networking.k8s.io", "v1", "namespaces", "hexproperty", "httproutes", "api"]),
        meddles: |world| rerouted(world, |route| route["spec"]["rules"][1]["backendRefs"][1]["weight"] = 43.into()),
        begins: |_| {},
        strays: |world| {
            rerouted(world, |route| {
                let entries = route["spec"]["rules"][1]["backendRefs"].as_array_mut().unwrap();
                entries[0]["weight"] = 60.into();
                entries.push(serde_json::json!({"name": "api-hotfix", "port": 80, "weight": 40}));
            });
        },
    },
];

/// The driver of a service beside the frontend whose split stands in a rule of its matcher.
fn of_rule(world: &Simulation, service: &str, rule: &MapRule, path: &str) -> UrlMapDriver {
    let host = if service == "backend" { "backend.hexproperty.com" } else { "partners.hexproperty.com" };
    let config = url_map::Config {
        route: service.parse().unwrap(),
        project: "hexproperty".to_owned(),
        region: None,
        url_map: "hexproperty-lb".to_owned(),
        position: Position::Rule { of: Matcher::Host { host: host.into() }, rule: rule.clone() },
        beside: vec![],
        backends: ["run", "gke"].map(|leg| format!("{service}-{leg}")).map(|name| (id(&name), name.as_str().into())).to_vec(),
        host: Some(host.to_owned()),
        path: path.to_owned(),
        patience: url_map::PATIENCE,
    };
    let beside = url_map::Beside { logging: Some(google(world)), projects: Some(google(world)), ..url_map::Beside::default() };
    UrlMapDriver::new(config, google(world), beside)
}

/// Somebody writes the entries of a rule of the URL map otherwise.
fn ruled(world: &Simulation, rule: &str, edit: impl Fn(&mut Vec<Value>)) {
    world.control().with(|world| {
        let mut matchers = world.load_balancer.url_map()["pathMatchers"].clone();
        let rule = rule.strip_prefix("/pathMatchers").unwrap();
        let entries = matchers.pointer_mut(&format!("{rule}/routeAction/weightedBackendServices")).unwrap();
        edit(entries.as_array_mut().unwrap());
        let (patch, eve) = (serde_json::json!({"pathMatchers": matchers}), Actor::person("eve@hexproperty.com"));
        world.load_balancer.write(world.now_ms, Write::Patch, &patch, None, &eve).unwrap();
    });
}

fn strayed(entries: &mut Vec<Value>) {
    entries[0]["weight"] = 600.into();
    let link = "https://www.googleapis.com/compute/v1/projects/hexproperty/global/backendServices/frontend-hotfix";
    entries.push(serde_json::json!({"backendService": link, "weight": 400}));
}

fn cluster(world: &Simulation) -> Client {
    Client::new(origin(world.endpoints().kubernetes), Token::None).unwrap()
}

pub(super) fn http_route(world: &Simulation) -> HttpRouteDriver {
    let backend = |id: &str, name: &str| http_route::Backend { id: self::id(id), kind: RefKind::ServiceImport, name: name.to_owned() };
    let config = http_route::Config {
        route: "api".parse().unwrap(),
        place: http_route::Place {
            project: "hexproperty".to_owned(),
            region: "us-central1".to_owned(),
            cluster: "hexproperty-prod".to_owned(),
        },
        kubectl: Kubectl::Context { name: "hexproperty".into() },
        namespace: "hexproperty".to_owned(),
        http_route: "api".to_owned(),
        rule: Rule::At { index: 1 },
        backends: vec![backend("cluster-1", "api-1"), backend("cluster-2", "api-2")],
        shared_with: vec![],
        host: Some("api.internal.hexproperty.com".to_owned()),
        path: "/".to_owned(),
        patience: Patience { first: Duration::from_millis(10), most: Duration::from_millis(100), total: Duration::from_secs(20) },
    };
    let way = Way::Known(Access::loopback(&format!("http://{}/", world.endpoints().kubernetes)).unwrap());
    HttpRouteDriver::new(config, way)
}

/// Somebody writes the HTTPRoute otherwise.
pub(super) fn rerouted(world: &Simulation, edit: impl Fn(&mut Value)) {
    world.control().with(|world| {
        let key = Key::new(Resource::HttpRoute, "hexproperty", "api");
        let mut next = Value::clone(world.kubernetes.store().get(&key).unwrap());
        edit(&mut next);
        world.kubernetes.update(&key, next, Part::Main).unwrap();
    });
}

impl Subject {
    async fn world(&self) -> Simulation {
        let world = world().await;
        (self.begins)(&world);
        // Nobody is named for what was there before.
        world.control().with(|world| world.audit = Audit::default());
        world
    }

    /// So many per mille on the second backend.
    fn split(&self, share: u16) -> Weights {
        let all = Weights::all_on(&id(self.backends[0]), &[id(self.backends[0]), id(self.backends[1])]);
        all.with(&id(self.backends[1]), PerMille::new(share).unwrap()).unwrap()
    }

    async fn read_object(&self, world: &Simulation) -> Value {
        let (client, path) = (self.object)(world);
        client.send(Ask::get(client.at(path), Limits::READ)).await.unwrap().json().unwrap()
    }

    fn troubles(&self, world: &Simulation, trouble: Trouble) {
        world.control().inject(&faults::Fault::Api { api: self.api, trouble, for_s: 1e6 });
    }
}

pub(super) fn claim(epoch: u64) -> Claim {
    format!("[cutover claim/1 night 00000001 epoch {epoch} since 1795900000 on ops-1 by ada steers]").parse().unwrap()
}

fn by(claim: &Claim) -> Claimed {
    Claimed::By(Box::new(claim.clone()))
}

async fn write(driver: &dyn Driver, change: Change<'_>, version: &Version, seq: u64) -> Outcome {
    driver.write(change, version, &intent(seq), Taken::told().0).await.outcome
}

fn to(to: &Weights) -> Change<'_> {
    Change::Split { to, claim: None }
}

fn is_conflict(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::NotDone(fault) if fault.kind == FaultKind::Conflict)
}

/// What our writes may change of an object, and what its vendor counts, taken out of it.
fn without_ours(mut object: Value) -> Value {
    const OURS: [&str; 5] = ["weight", "percent", "traffic", "trafficStatuses", "cutover-claim"];
    const COUNTED: [&str; 8] =
        ["fingerprint", "etag", "resourceVersion", "generation", "observedGeneration", "managedFields", "updateTime", "lastModifier"];
    /// What the vendor says of how it follows.
    const TOLD: [&str; 5] = ["status", "conditions", "terminalCondition", "client", "clientVersion"];
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                OURS.iter().chain(&COUNTED).chain(&TOLD).for_each(|name| drop(fields.shift_remove(*name)));
                fields.values_mut().for_each(strip);
                if fields.get("annotations").and_then(Value::as_object).is_some_and(serde_json::Map::is_empty) {
                    fields.shift_remove("annotations");
                }
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            Value::String(text) => *text = text.split(" [cutover claim/1 ").next().unwrap_or_default().to_owned(),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    strip(&mut object);
    object
}

#[tokio::test]
async fn what_is_read_is_what_stands_there_and_reads_alike_again() {
    for subject in &SUBJECTS {
        let world = subject.world().await;
        let driver = (subject.make)(&world);
        let first = driver.read().await.unwrap();
        assert_eq!((&first.weights, &first.hindrances, &first.claimed), (&subject.split(0), &vec![], &Claimed::Nobody), "{}", subject.name);
        assert_eq!(driver.read().await.unwrap(), first, "{}", subject.name);
        world.stop().await;
    }
}

#[tokio::test]
async fn a_write_is_done_by_the_objects_own_word_and_touches_nothing_else_of_it() {
    for subject in &SUBJECTS {
        let world = subject.world().await;
        let (driver, ours, half) = ((subject.make)(&world), claim(1), subject.split(500));
        let (before, untouched) = (driver.read().await.unwrap(), without_ours(subject.read_object(&world).await));
        let outcome = write(&*driver, Change::Split { to: &half, claim: Some(&ours) }, &before.version, 1).await;
        let Outcome::Done(receipt) = outcome else { panic!("{}: {outcome:?}", subject.name) };
        let after = driver.read().await.unwrap();
        assert_eq!((receipt.version, receipt.operation.is_some()), (Some(after.version.clone()), true), "{}", subject.name);
        assert_eq!((&after.weights, &after.claimed, &after.hindrances), (&half, &by(&ours), &vec![]), "{}", subject.name);
        assert_ne!(after.version, before.version, "{}", subject.name);
        // Nothing is left out, nothing is added, and no list has another order.
        assert_eq!(without_ours(subject.read_object(&world).await), untouched, "{}", subject.name);
        let mutations = world.control().truth().mutations;
        let of_ours = mutations.iter().filter(|mutation| mutation.actor.reason.as_deref() == Some("cutover s1/1.0/ab12"));
        assert!(of_ours.count() >= 1, "{}: the cloud's log names the intent: {mutations:?}", subject.name);
        world.stop().await;
    }
}

#[tokio::test]
async fn an_older_version_writes_nothing_neither_away_nor_home() {
    for subject in &SUBJECTS {
        let world = subject.world().await;
        let driver = (subject.make)(&world);
        let before = driver.read().await.unwrap();
        let away = subject.split(100);
        assert!(matches!(write(&*driver, to(&away), &before.version, 1).await, Outcome::Done(_)), "{}", subject.name);
        let met = driver.read().await.unwrap();
        (subject.meddles)(&world);
        let meddled = driver.read().await.unwrap();
        assert!(meddled.version != met.version && meddled.weights != met.weights, "{}", subject.name);
        for version in [&before.version, &met.version, &Version("999999999".to_owned())] {
            for share in [0, 500] {
                let outcome = write(&*driver, to(&subject.split(share)), version, 2).await;
                assert!(is_conflict(&outcome), "{}: {share} against {version:?}: {outcome:?}", subject.name);
            }
        }
        assert_eq!(driver.read().await.unwrap().weights, meddled.weights, "{}: nothing was written", subject.name);
        // From what is read now there is a way home, whoever moved it.
        let outcome = write(&*driver, to(&subject.split(0)), &meddled.version, 3).await;
        assert!(matches!(outcome, Outcome::Done(_)), "{}: {outcome:?}", subject.name);
        assert_eq!(driver.read().await.unwrap().weights, subject.split(0), "{}", subject.name);
        world.stop().await;
    }
}

#[tokio::test]
async fn another_drivers_newer_claim_fences_whoever_has_not_read_it() {
    for subject in &SUBJECTS {
        let world = subject.world().await;
        let (ours, theirs) = ((subject.make)(&world), (subject.make)(&world));
        let (first, second, mut seq) = (claim(1), claim(2), 0);
        let mut next = || {
            seq += 1;
            seq
        };
        let before = ours.read().await.unwrap();
        let tenth = subject.split(100);
        let outcome = write(&*ours, Change::Split { to: &tenth, claim: Some(&first) }, &before.version, next()).await;
        let Outcome::Done(receipt) = outcome else { panic!("{}: {outcome:?}", subject.name) };
        // The other takes over and moves nothing.
        let seen = theirs.read().await.unwrap();
        let outcome = write(&*theirs, Change::Claim(&second), &seen.version, next()).await;
        assert!(matches!(outcome, Outcome::Done(_)), "{}: {outcome:?}", subject.name);
        let taken = theirs.read().await.unwrap();
        assert_eq!((&taken.claimed, &taken.weights), (&by(&second), &tenth), "{}", subject.name);
        // We know nothing of it, and write neither weights nor claim.
        let half = subject.split(500);
        let outcome = write(&*ours, Change::Split { to: &half, claim: Some(&first) }, &receipt.version.unwrap(), next()).await;
        assert!(is_conflict(&outcome), "{}: {outcome:?}", subject.name);
        let met = ours.read().await.unwrap();
        assert_eq!((&met.claimed, &met.weights), (&by(&second), &tenth), "{}", subject.name);
        // A move without a claim leaves the one that stands there.
        let outcome = write(&*ours, to(&subject.split(0)), &met.version, next()).await;
        assert!(matches!(outcome, Outcome::Done(_)), "{}: {outcome:?}", subject.name);
        assert_eq!(ours.read().await.unwrap().claimed, by(&second), "{}", subject.name);
        world.stop().await;
    }
}

#[tokio::test]
async fn a_lost_answer_is_never_called_not_done_and_the_write_is_done_once() {
    for subject in &SUBJECTS {
        let world = subject.world().await;
        let driver = (subject.make)(&world);
        let before = driver.read().await.unwrap();
        subject.troubles(&world, Trouble::LostReplies);
        let outcome = write(&*driver, to(&subject.split(100)), &before.version, 7).await;
        assert!(!matches!(outcome, Outcome::NotDone(_)), "{}: {outcome:?}", subject.name);
        world.control().calm();
        // What came of it is read back.
        assert_eq!(driver.read().await.unwrap().weights, subject.split(100), "{}: {outcome:?}", subject.name);
        // Whoever asks for the same again, against the same version, changes nothing more.
        let again = write(&*driver, to(&subject.split(100)), &before.version, 7).await;
        assert!(matches!(again, Outcome::Done(_)) || is_conflict(&again), "{}: {again:?}", subject.name);
        let mutations = world.control().truth().mutations;
        let times = mutations.iter().filter(|mutation| mutation.actor.reason.as_deref() == Some("cutover s1/7.0/ab12"));
        let service = |mutation: &&cutover::sim::world::audit::Mutation| match subject.api {
            Api::Compute => mutation.service == "compute.googleapis.com",
            Api::Kubernetes => mutation.service == "k8s.io",
            _ => mutation.service == "run.googleapis.com",
        };
        assert_eq!(times.filter(service).count(), 1, "{}: {mutations:?}", subject.name);
        world.stop().await;
    }
}

#[tokio::test]
async fn a_server_that_fails_leaves_a_write_unknown_and_one_that_forbids_it_says_so_until_it_allows_it() {
    for subject in &SUBJECTS {
        let world = subject.world().await;
        let driver = (subject.make)(&world);
        let before = driver.read().await.unwrap();
        subject.troubles(&world, Trouble::Unavailable);
        assert_eq!(driver.read().await.unwrap_err().kind, FaultKind::Unavailable, "{}", subject.name);
        let outcome = write(&*driver, to(&subject.split(100)), &before.version, 1).await;
        assert!(matches!(&outcome, Outcome::Unknown(fault) if fault.kind == FaultKind::Unavailable), "{}: {outcome:?}", subject.name);
        world.control().calm();
        subject.troubles(&world, Trouble::ReadOnly);
        let outcome = write(&*driver, to(&subject.split(100)), &before.version, 2).await;
        assert!(matches!(&outcome, Outcome::NotDone(fault) if fault.kind == FaultKind::Forbidden), "{}: {outcome:?}", subject.name);
        let told = driver.read().await.unwrap();
        assert_eq!(told.weights, before.weights, "{}", subject.name);
        assert!(
            told.hindrances.iter().any(|found| matches!(found, Hindrance::Forbidden { .. })),
            "{}: {:?}",
            subject.name,
            told.hindrances
        );
        // Whoever is new asks before he writes.
        let newcomer = (subject.make)(&world).read().await.unwrap();
        let forbidden = |found: &Hindrance| matches!(found, Hindrance::Forbidden { why: None, .. });
        assert!(newcomer.hindrances.iter().any(forbidden), "{}: {:?}", subject.name, newcomer.hindrances);
        world.control().calm();
        assert!(matches!(write(&*driver, to(&subject.split(100)), &told.version, 3).await, Outcome::Done(_)), "{}", subject.name);
        assert_eq!(driver.read().await.unwrap().hindrances, [], "{}", subject.name);
        world.stop().await;
    }
}

#[tokio::test]
async fn the_next_host_writes_home_from_what_the_one_before_has_left_while_reads_fail() {
    for subject in &SUBJECTS {
        let world = subject.world().await;
        let (first, left) = ((subject.make)(&world), Arc::new(std::sync::Mutex::new(None)));
        let kept = Arc::clone(&left);
        first.take_up(
            None,
            Box::new(move |text| {
                *kept.lock().unwrap() = Some(text);
                true
            }),
        );
        let before = first.read().await.unwrap();
        assert!(matches!(write(&*first, to(&subject.split(500)), &before.version, 1).await, Outcome::Done(_)), "{}", subject.name);
        let version = first.read().await.unwrap().version;
        drop(first);
        subject.troubles(&world, Trouble::ReadsThrottled);
        let next = (subject.make)(&world);
        let left = left.lock().unwrap().take();
        next.take_up(left.as_deref(), Box::new(|_| true));
        assert!(next.read().await.is_err(), "{}", subject.name);
        let home = subject.split(0);
        let at_home = async {
            let mutations = || world.control().truth().mutations;
            while !mutations().iter().any(|mutation| mutation.actor.reason.as_deref() == Some("cutover s1/2.0/ab12")) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        // Its end can't be seen before reads are answered again; that it left is seen in the world.
        tokio::select! {
            outcome = write(&*next, to(&home), &version, 2) => assert!(!matches!(outcome, Outcome::NotDone(_)), "{}: {outcome:?}", subject.name),
            () = at_home => {}
        }
        world.control().calm();
        assert_eq!(next.read().await.unwrap().weights, home, "{}", subject.name);
        // What another has left of something else is not believed.
        let stranger = (subject.make)(&world);
        stranger.take_up(left.map(|text| text.replace("hexproperty", "hexproperty-2")).as_deref(), Box::new(|_| true));
        subject.troubles(&world, Trouble::Unavailable);
        assert!(matches!(write(&*stranger, to(&home), &version, 3).await, Outcome::NotDone(_) | Outcome::Unknown(_)), "{}", subject.name);
        world.control().calm();
        world.stop().await;
    }
}

#[tokio::test]
async fn a_backend_that_nobody_planned_has_its_share_and_loses_it_on_the_way_home() {
    for subject in &SUBJECTS {
        let world = subject.world().await;
        (subject.strays)(&world);
        let driver = (subject.make)(&world);
        let seen = driver.read().await.unwrap();
        let stranger = seen.hindrances.iter().find_map(|found| match found {
            Hindrance::Stranger { backend, share, .. } => Some((backend.clone(), share.get())),
            _ => None,
        });
        let Some((stranger, 400)) = stranger else { panic!("{}: {:?}", subject.name, seen.hindrances) };
        assert_eq!(seen.weights.of(&stranger).get(), 400, "{}", subject.name);
        let outcome = write(&*driver, to(&subject.split(0)), &seen.version, 1).await;
        let is_unheard = subject.api == Api::Kubernetes && matches!(outcome, Outcome::Unknown(_));
        // A Gateway goes on to say that an entry leads to nothing, though that has no weight any more.
        assert!(matches!(outcome, Outcome::Done(_)) || is_unheard, "{}: {outcome:?}", subject.name);
        assert_eq!(driver.read().await.unwrap().weights, subject.split(0), "{}", subject.name);
        world.stop().await;
    }
}
