//! The Kubernetes sensor against the simulated cluster's API server: following a rollout of trouble, and watches that are not honest.

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
        platform::{Happening, Readiness, Workload},
        secret::Secret,
    },
    port::Sensor,
    sim::{
        server::{Shared, container::Cluster, http, router::Google, tls::Authority},
        simulation::{self, Simulation},
        world::{
            World,
            clock::Clock,
            kubernetes::{Kubernetes, fault::WatchFault},
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
        let world = Simulation::start(simulation::Config { speed: SPEED, ..simulation::Config::default() }).await.unwrap();
        let url = format!("http://{}", world.endpoints().kubernetes);
        Watched::by(world, Way::Known(Access::loopback(&url).unwrap()))
    }

    /// As in a live session: by the cluster's name, from the Container API, over TLS.
    async fn by_name(region: &str, name: &str) -> Watched {
        let world = Simulation::start(simulation::Config { speed: SPEED, ..simulation::Config::default() }).await.unwrap();
        let google = Origin::new(&format!("http://{}", world.endpoints().google), Reach::Loopback).unwrap();
        let token = Token::Static(Secret::new("cutover-demo"));
        let container = Client::new(google, token.clone()).unwrap();
        let (project, region, name) = ("hexproperty".to_owned(), region.to_owned(), name.to_owned());
        Watched::by(world, Way::Gke(GkeCluster { container, token, project, region, name }))
    }

    fn by(world: Simulation, way: Way) -> Watched {
        let mut config = Config::new("workload/gke".parse().unwrap(), "gke".parse().unwrap(), "hexproperty", "frontend");
        config.heartbeat = Duration::from_millis(300);
        let sensor = KubernetesSensor::new(config, way);
        Watched { world, sensor }
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

    /// Looks until the workload is as wanted; gives the faults and events on the way.
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

fn is_well(workload: &Workload, _happened: &[Happening]) -> bool {
    workload.ready == 6 && workload.trouble.is_none()
}

#[tokio::test]
async fn a_calm_deployment_is_told_whole_and_again_at_each_heartbeat() {
    let mut watched = Watched::new().await;
    let (workload, _) = watched.look().await.unwrap();
    assert_eq!((workload.desired, workload.ready, workload.version.as_str()), (6, 6, "1.42.0"));
    assert_eq!(workload.pods.iter().filter(|pod| pod.ready == Readiness::Ready && pod.status.as_str() == "Running").count(), 6);
    assert!(workload.pods.iter().all(|pod| !pod.node.is_empty() && pod.started_at.is_some()));
    assert_eq!(watched.look().await.unwrap().0, workload);
}

#[tokio::test]
async fn a_cluster_is_found_by_its_name_and_trusted_by_its_authority() {
    for region in ["us-central1", "europe-west1"] {
        let (workload, _) = Watched::by_name(region, "hexproperty-prod").await.look().await.unwrap();
        assert_eq!((workload.desired, workload.ready), (6, 6), "looked for in {region}");
    }
    let fault = Watched::by_name("us-central1", "hexproperty-test").await.look().await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::NotFound);
    let said = fault.message.as_str();
    assert!(said.contains("no cluster hexproperty-test; it has hexproperty-prod (us-central1)"), "{said}");
}

/// What the Container API says of one world's cluster, with the authority of another.
#[tokio::test]
async fn a_cluster_that_another_authority_has_signed_is_not_believed() {
    let (mut here, there) = (Watched::by_name("us-central1", "hexproperty-prod").await, Authority::new().unwrap());
    let impostor = Cluster { address: here.world.endpoints().kubernetes, authority: there };
    let google = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = google.local_addr().unwrap();
    let world = World::new(0, 1, Span::default());
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let apis = Google { shared: Shared::new(world, Clock::new(0, 1.0)), cluster: impostor, stop: stop.clone() };
    tasks.spawn(http::serve(google, apis, tasks.clone(), stop.clone()));
    let container = Client::new(Origin::new(&format!("http://{address}"), Reach::Loopback).unwrap(), Token::None).unwrap();
    let (project, region, name) = ("hexproperty".to_owned(), "us-central1".to_owned(), "hexproperty-prod".to_owned());
    let config = Config::new("workload/gke".parse().unwrap(), "gke".parse().unwrap(), "hexproperty", "frontend");
    here.sensor = KubernetesSensor::new(config, Way::Gke(GkeCluster { container, token: Token::None, project, region, name }));
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
    let sick = |workload: &Workload| workload.ready <= 3 && workload.trouble.is_some() && workload.restarts > 0;
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
    let (faults, _) = watched.until(|workload, _| workload.ready <= 3).await;
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
    let (faults, _) = watched.until(|workload, _| workload.ready <= 3).await;
    assert!(!faults.is_empty(), "a silent watch can't be trusted, and it is said");
}

#[tokio::test]
async fn watches_that_keep_closing_still_tell_the_truth() {
    let mut watched = Watched::new().await;
    watched.cluster(|cluster| cluster.set_watch_fault(WatchFault::Closes));
    watched.until(is_well).await;
    watched.cluster(|cluster| cluster.set_bad_pods("frontend", 0.6));
    watched.until(|workload, _| workload.ready <= 3).await;
}
