//! The Kubernetes sensor against the simulated cluster's API server: following a rollout of trouble, and watches that are not honest.

use std::time::Duration;

use cutover::{
    adapter::kubernetes::{Access, Config, KubernetesSensor},
    domain::{
        fact::Fact,
        fault::Fault,
        platform::{Happening, Readiness, Workload},
    },
    port::Sensor,
    sim::{
        simulation::{self, Simulation},
        world::kubernetes::{Kubernetes, fault::WatchFault},
    },
};

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
        let mut config = Config::new("workload/gke".parse().unwrap(), "gke".parse().unwrap(), "hexproperty", "frontend");
        config.heartbeat = Duration::from_millis(300);
        let sensor = KubernetesSensor::new(config, Access::loopback(&url).unwrap().client().unwrap());
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
