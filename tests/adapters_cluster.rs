//! The Kubernetes sensor against the simulated cluster's API server: following a rollout of trouble, and watches that are not honest.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets a surprise has failed, and says what it saw"
)]

use std::time::Duration;

use cutover::{
    adapter::{
        google_auth::Token,
        http::{Client, Origin, Reach},
        kubernetes::{Access, Config, GkeCluster, KubernetesSensor, Way},
    },
    domain::{
        fact::Fact,
        fault::{Fault, FaultKind},
        platform::{Endpoint, Happening, Part, Readiness, RolloutStage, Scale, Workload},
        secret::Secret,
    },
    port::Sensor,
    sim::{
        server::{Shared, container::Cluster, http, router::Google, tls::Authority},
        simulation::{self, Simulation},
        world::{
            World,
            clock::Clock,
            kubernetes::{
                Kubernetes,
                fault::{EmptyLists, WatchFault},
                resource::Resource,
            },
            propagation::Span,
        },
    },
};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Virtual seconds in a real one.
const SPEED: f64 = 20.0;

struct Watched {
    world: Simulation,
    sensor: KubernetesSensor,
}

impl Watched {
    async fn new() -> Watched {
        Watched::at(SPEED).await
    }

    async fn at(speed: f64) -> Watched {
        let world = Simulation::start(simulation::Config { speed, ..simulation::Config::default() }).await.unwrap();
        let sensor = Watched::reader(&world);
        Watched { world, sensor }
    }

    fn reader(world: &Simulation) -> KubernetesSensor {
        Watched::sensor(Way::Known(Access::loopback(&format!("http://{}", world.endpoints().kubernetes)).unwrap()))
    }

    /// As in a live session: by the cluster's name, from the Container API, over TLS.
    async fn by_name(region: &str, name: &str) -> Watched {
        Watched::at_endpoint(region, name, Endpoint::Public).await
    }

    async fn at_endpoint(region: &str, name: &str, endpoint: Endpoint) -> Watched {
        let world = Simulation::start(simulation::Config { speed: SPEED, ..simulation::Config::default() }).await.unwrap();
        let google = Origin::new(&format!("http://{}", world.endpoints().google), Reach::Loopback).unwrap();
        let token = Token::Static(Secret::new("cutover-demo"));
        let container = Client::new(google, token.clone()).unwrap();
        let (project, region, name) = ("hexproperty".to_owned(), region.to_owned(), name.to_owned());
        let sensor = Watched::sensor(Way::Gke(GkeCluster { container, token, project, region, name, endpoint }));
        Watched { world, sensor }
    }

    fn sensor(way: Way) -> KubernetesSensor {
        let mut config = Config::new("workload/gke".parse().unwrap(), "gke".parse().unwrap(), "hexproperty", "frontend");
        config.life = Duration::from_millis(900);
        KubernetesSensor::new(config, way)
    }

    fn cluster(&self, work: impl FnOnce(&mut Kubernetes)) {
        self.world.control().with(|world| work(&mut world.kubernetes));
    }

    async fn look(&mut self) -> Result<(Workload, Vec<Happening>), Fault> {
        let mut facts = self.sensor.look().await?.into_iter();
        let Some(Fact::Workload { workload, .. }) = facts.next() else { panic!("a workload comes first") };
        match facts.next() {
            Some(Fact::Happened { happenings, .. }) => Ok((workload, happenings)),
            _ => Ok((workload, Vec::new())),
        }
    }

    /// Appearance until the workload is as wanted; gives the faults and events on the way.
    async fn until(&mut self, wanted: impl Fn(&Workload, &[Happening]) -> bool) -> (Vec<Fault>, Vec<Happening>) {
        let (mut faults, mut happened) = (Vec::new(), Vec::new());
        for _ in 0..200 {
            match self.look().await {
                Ok((workload, happenings)) => {
                    happened.extend(happenings);
                    if wanted(&workload, &happened) {
                        return (faults, happened);
                    }
                }
                Err(fault) => faults.push(fault),
            }
        }
        panic!("the workload never became as wanted; on the way: {faults:?}");
    }
}

const ALL_READY: Scale = Scale::Counted { ready: 6, desired: 6 };

fn is_well(workload: &Workload, _happened: &[Happening]) -> bool {
    workload.scale == ALL_READY && workload.trouble.is_none()
}

#[tokio::test]
async fn a_calm_deployment_is_told_whole_and_again_while_its_watches_live() {
    let mut watched = Watched::new().await;
    let (workload, _) = watched.look().await.unwrap();
    assert_eq!((workload.scale, workload.version.as_str()), (ALL_READY, "1.42.0"));
    assert_eq!(workload.pods.iter().filter(|pod| pod.ready == Readiness::Ready && pod.status.as_str() == "Running").count(), 6);
    assert!(workload.pods.iter().all(|pod| !pod.node.is_empty() && pod.created_at.is_some() && pod.containers.to_string() == "1/1"));
    assert_eq!(workload.rollout.as_ref().unwrap().stage, RolloutStage::Complete);
    assert_eq!(watched.look().await.unwrap().0, workload);
}

#[tokio::test]
async fn a_cluster_is_found_by_its_name_and_trusted_by_its_authority() {
    for region in ["us-central1", "europe-west1"] {
        let (workload, _) = Watched::by_name(region, "hexproperty-prod").await.look().await.unwrap();
        assert_eq!(workload.scale, ALL_READY, "looked for in {region}");
    }
    let fault = Watched::by_name("us-central1", "hexproperty-test").await.look().await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::NotFound);
    let said = fault.message.as_str();
    assert!(said.contains("no cluster hexproperty-test; it has hexproperty-prod (us-central1)"), "{said}");
}

#[tokio::test]
async fn a_cluster_is_reached_at_the_endpoint_that_the_plan_chooses_or_says_how_it_could_be() {
    let (workload, _) = Watched::at_endpoint("us-central1", "hexproperty-prod", Endpoint::Private).await.look().await.unwrap();
    assert_eq!(workload.scale, ALL_READY);
    let fault = Watched::at_endpoint("us-central1", "hexproperty-prod", Endpoint::Dns).await.look().await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Forbidden);
    let enable = "`gcloud container clusters update hexproperty-prod --location us-central1 --project hexproperty --enable-dns-access`";
    assert!(fault.message.as_str().contains(enable), "{fault}");
}

/// What the Container API says of one world's cluster, with the authority of another.
#[tokio::test]
async fn a_cluster_that_another_authority_has_signed_is_not_believed() {
    let (mut here, there) = (Watched::by_name("us-central1", "hexproperty-prod").await, Authority::new().unwrap());
    let impostor = Cluster { address: here.world.endpoints().kubernetes, next: None, authority: there };
    let google = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = google.local_addr().unwrap();
    let world = World::new(0, 1, Span::default());
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let apis = Google { shared: Shared::new(world, Clock::new(0, 1.0)), cluster: impostor, stop: stop.clone() };
    tasks.spawn(http::serve(google, apis, tasks.clone(), stop.clone()));
    let container = Client::new(Origin::new(&format!("http://{address}"), Reach::Loopback).unwrap(), Token::None).unwrap();
    let (project, region, name) = ("hexproperty".to_owned(), "us-central1".to_owned(), "hexproperty-prod".to_owned());
    let config = Config::new("workload/gke".parse().unwrap(), "gke".parse().unwrap(), "hexproperty", "frontend");
    here.sensor = KubernetesSensor::new(
        config,
        Way::Gke(GkeCluster { container, token: Token::None, project, region, name, endpoint: Endpoint::Public }),
    );
    let fault = here.look().await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unreachable, "{fault}");
    assert!(fault.message.as_str().contains("certificate"), "{fault}");
    stop.cancel();
}

#[tokio::test]
async fn sick_pods_are_seen_with_their_events() {
    let mut watched = Watched::new().await;
    watched.until(is_well).await;
    watched.cluster(|cluster| cluster.set_bad_pods("frontend", 0.6));
    let warned = |happened: &[Happening]| happened.iter().any(|happening| happening.kind.as_str() == "Warning");
    let sick = |workload: &Workload| workload.scale.ready() <= Some(3) && workload.trouble.is_some() && workload.restarts > 0;
    let (_, happened) = watched.until(|workload, happened| sick(workload) && warned(happened)).await;
    assert!(happened.iter().all(|happening| happening.object.as_str().contains("frontend")), "{happened:?}");
    watched.cluster(Kubernetes::calm);
    watched.until(is_well).await;
}

#[tokio::test]
async fn an_expired_history_is_listed_anew_without_a_fault() {
    let mut watched = Watched::new().await;
    watched.until(is_well).await;
    watched.cluster(Kubernetes::expire_watches);
    watched.cluster(|cluster| cluster.set_bad_pods("frontend", 0.6));
    let (faults, _) = watched.until(|workload, _| workload.scale.ready() <= Some(3)).await;
    assert!(faults.is_empty(), "{faults:?}");
}

#[tokio::test]
async fn a_watch_that_says_nothing_is_found_out() {
    let mut watched = Watched::new().await;
    watched.until(is_well).await;
    watched.cluster(|cluster| {
        cluster.set_watch_fault(WatchFault::Mute);
        cluster.set_bad_pods("frontend", 0.6);
    });
    let (faults, _) = watched.until(|workload, _| workload.scale.ready() <= Some(3)).await;
    assert!(faults.is_empty(), "what a silent watch has missed is in the list: {faults:?}");
}

#[tokio::test]
async fn watches_that_keep_closing_still_tell_the_truth() {
    let mut watched = Watched::new().await;
    watched.cluster(|cluster| cluster.set_watch_fault(WatchFault::Closes));
    watched.until(is_well).await;
    watched.cluster(|cluster| cluster.set_bad_pods("frontend", 0.6));
    watched.until(|workload, _| workload.scale.ready() <= Some(3)).await;
}

/// The Deployment does not change, so nothing but the pods' own watch could tell.
#[tokio::test]
async fn pods_that_change_behind_a_connection_that_died_without_a_word_are_seen() {
    let mut watched = Watched::new().await;
    watched.until(is_well).await;
    watched.cluster(|cluster| {
        cluster.set_watch_fault(WatchFault::Freezes);
        cluster.evict("frontend", 37);
    });
    let (faults, _) = watched.until(|workload, _| !workload.ended.is_empty()).await;
    assert!(faults.is_empty(), "{faults:?}");
}

#[tokio::test]
async fn pods_with_a_native_sidecar_are_as_healthy_as_they_are() {
    let mut watched = Watched::new().await;
    watched.until(is_well).await;
    watched.cluster(|cluster| cluster.add_sidecar("frontend"));
    let all_two = |workload: &Workload| {
        workload.pods.len() == 6 && workload.pods.iter().all(|pod| pod.containers.to_string() == "2/2" && pod.status.as_str() == "Running")
    };
    watched.until(|workload, _| all_two(workload) && workload.trouble.is_none()).await;
}

#[tokio::test]
async fn evicted_pods_are_one_line_and_the_living_stay_the_first() {
    let mut watched = Watched::new().await;
    watched.until(is_well).await;
    watched.cluster(|cluster| cluster.evict("frontend", 37));
    watched.until(|workload, _| matches!(&workload.ended[..], [ended] if ended.count == 37 && ended.status.as_str() == "Evicted")).await;
    let (workload, _) = watched.look().await.unwrap();
    assert_eq!((workload.pods.len(), workload.restarts, workload.scale), (6, 0, ALL_READY));
    assert_eq!(workload.trouble, None);
}

#[tokio::test]
async fn a_pause_in_the_middle_of_a_rollout_is_trouble_until_it_ends() {
    let mut watched = Watched::new().await;
    watched.until(is_well).await;
    watched.cluster(|cluster| cluster.pause_rollout("frontend", "1.43.0", 2));
    let half = |workload: &Workload| {
        workload.rollout.as_ref().is_some_and(|rollout| rollout.stage == RolloutStage::Paused && (2..6).contains(&rollout.updated))
    };
    watched.until(|workload, _| half(workload) && workload.trouble.is_some()).await;
    watched.cluster(Kubernetes::calm);
    watched.until(|workload, _| is_well(workload, &[]) && workload.rollout.as_ref().unwrap().stage == RolloutStage::Complete).await;
}

#[tokio::test]
async fn a_rollout_that_is_stuck_says_so_after_its_deadline() {
    // Its deadline is ten minutes.
    let mut watched = Watched::at(10.0 * SPEED).await;
    watched.until(is_well).await;
    watched.cluster(|cluster| cluster.release("frontend", "typo"));
    watched.until(|workload, _| workload.trouble.as_ref().is_some_and(|trouble| trouble.as_str().contains("ImagePullBackOff"))).await;
    watched.until(|workload, _| workload.rollout.as_ref().unwrap().stage == RolloutStage::DeadlineExceeded).await;
    let (workload, _) = watched.look().await.unwrap();
    assert!(workload.trouble.unwrap().as_str().starts_with("ProgressDeadlineExceeded: "));
}

#[tokio::test]
async fn without_the_right_to_list_events_the_rest_is_told() {
    let mut watched = Watched::new().await;
    watched.cluster(|cluster| cluster.forbid(Resource::Event));
    watched.until(is_well).await;
    watched.until(|workload, _| matches!(&workload.unread[..], [unread] if unread.part == Part::Events)).await;
    let (workload, _) = watched.look().await.unwrap();
    assert_eq!((workload.pods.len(), workload.unread[0].fault.kind), (6, FaultKind::Forbidden));
    watched.cluster(Kubernetes::calm);
    watched.until(|workload, _| workload.unread.is_empty()).await;
}

#[tokio::test]
async fn without_the_right_to_list_pods_the_deployment_s_own_counts_are_told() {
    let mut watched = Watched::new().await;
    watched.cluster(|cluster| cluster.forbid(Resource::Pod));
    watched.until(|workload, _| matches!(&workload.unread[..], [unread] if unread.part == Part::Pods)).await;
    let (workload, _) = watched.look().await.unwrap();
    assert_eq!((workload.scale, workload.pods.len()), (ALL_READY, 0));
}

#[tokio::test]
async fn lists_that_are_null_are_empty() {
    let mut watched = Watched::new().await;
    watched.cluster(|cluster| cluster.set_empty_lists(EmptyLists::Nulls));
    watched.until(is_well).await;
    let (workload, _) = watched.look().await.unwrap();
    assert_eq!((workload.pods.len(), workload.unread), (6, vec![]));
}

fn count(workload: &Workload) -> usize {
    workload.pods.len() + workload.pods_more as usize
}

#[tokio::test]
async fn a_long_list_is_read_though_it_comes_packed() {
    let mut watched = Watched::new().await;
    watched.cluster(|cluster| cluster.scale("frontend", 120));
    watched.until(|workload, _| count(workload) == 120).await;
    // Whoever comes now lists them.
    watched.sensor = Watched::reader(&watched.world);
    let (workload, _) = watched.look().await.unwrap();
    assert_eq!(count(&workload), 120);
    assert_eq!(workload.unread, []);
}
