//! From a plan and the places where its systems answer to drivers and sensors.
//!
//! The same adapters are made for a live session and for the demo; only the origins and the tokens differ.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use color_eyre::eyre::{Result, bail, eyre};
use reqwest::header::HeaderName;

use crate::{
    adapter::{
        Now,
        cloud_run::{SensorConfig, ServiceName, ServiceSensor},
        cloud_sql::{self, CloudSqlSensor},
        google_auth::Token,
        http::{Client, Origin, Reach},
        kubernetes::{self, Access, KubernetesSensor},
        metrics::{self, MetricsSensor},
        prober::{BackendConfig, BackendProber, FrontDoorConfig, FrontDoorProber, Pace},
        url_map::{self, Patience, UrlMapDriver},
    },
    domain::{id::BackendId, secret::Secret, time::Millis},
    plan::model::{Backend, Driver, Plan, Route, WorkloadRef},
    port::{self, Sensor, Stirrer},
    session::{clock::Clock, dispatch::Hands, sensors::WeightsSensor},
    sim::simulation::Endpoints,
};

/// Where the plan's systems answer.
pub enum Places {
    /// Google's own endpoints, with Application Default Credentials.
    Live,
    /// The simulated world on loopback.
    Simulated(Endpoints),
}

/// The word by which the simulated world knows us.
const DEMO_TOKEN: &str = "cutover-demo";
/// The header by which an answer says which backend gave it.
const SERVED_BY: &str = "x-served-by";

/// What a session can do and see.
pub struct World {
    pub hands: Hands,
    pub sensors: Vec<Box<dyn Sensor>>,
}

/// Makes every driver and sensor that the plan asks for.
/// # Errors
/// If an address is refused, credentials are missing, or the plan asks for something that has no adapter.
pub fn compose(plan: &Plan, places: &Places, clock: Clock, stirrer: Option<Arc<dyn Stirrer>>) -> Result<World> {
    let mut sensors: Vec<Box<dyn Sensor>> = Vec::new();
    let mut drivers: BTreeMap<_, Arc<dyn port::Driver>> = BTreeMap::new();
    for route in &plan.routes {
        let driver = driver(plan, route, places)?;
        let every = plan.limits.read_every;
        sensors.push(Box::new(WeightsSensor { route: route.id.clone(), driver: driver.clone(), every }));
        drivers.insert(route.id.clone(), driver);
        sensors.extend(front_door(route, places, clock)?);
        for backend in &route.backends {
            sensors.extend(watch(plan, backend, places, clock)?);
        }
    }
    sensors.extend(databases(plan, places, clock)?);
    Ok(World { hands: Hands { drivers, stirrer, read_every: plan.limits.read_every }, sensors })
}

fn google(places: &Places, host: &str) -> Result<Client> {
    let client = match places {
        Places::Live => Client::new(Origin::new(&format!("https://{host}"), Reach::Live)?, Token::application_default()?)?,
        Places::Simulated(at) => Client::new(loopback(at.google)?, Token::Static(Secret::new(DEMO_TOKEN)))?,
    };
    Ok(client)
}

fn loopback(address: SocketAddr) -> Result<Origin> {
    Ok(Origin::new(&format!("http://{address}"), Reach::Loopback)?)
}

fn driver(plan: &Plan, route: &Route, places: &Places) -> Result<Arc<dyn port::Driver>> {
    match &route.driver {
        Driver::UrlMap { url_map } => {
            let config = url_map::Config {
                route: route.id.clone(),
                project: plan.project.to_string(),
                url_map: url_map.to_string(),
                backends: route.backends.iter().map(|backend| (backend.id.clone(), backend.target.to_string())).collect(),
                patience: match places {
                    Places::Live => Patience::default(),
                    // The simulated operations end within virtual seconds; their pauses are real ones.
                    Places::Simulated(_) => {
                        Patience { first: Duration::from_millis(100), most: Duration::from_secs(1), total: Duration::from_secs(60) }
                    }
                },
            };
            let logging = google(places, "logging.googleapis.com")?;
            Ok(Arc::new(UrlMapDriver::new(config, google(places, "compute.googleapis.com")?, Some(logging))))
        }
        Driver::CloudRunRevisions { service } => {
            bail!("route {}: a split between revisions of {service} can't be steered by this version; use a URL map", route.id)
        }
    }
}

/// A page of the plan as the client that asks it and its full address.
fn page(url: Option<&str>, simulated: Option<(SocketAddr, &str)>, fresh: Connections) -> Result<Option<(Client, reqwest::Url)>> {
    let (text, reach) = match (simulated, url) {
        (Some((address, path)), _) => (format!("http://{address}{path}"), Reach::Loopback),
        (None, Some(url)) => (url.to_owned(), Reach::Live),
        (None, None) => return Ok(None),
    };
    let (origin, url) = Origin::split(&text, reach)?;
    let client = match fresh {
        Connections::Kept => Client::new(origin, Token::None)?,
        Connections::Fresh => Client::fresh(origin)?,
    };
    Ok(Some((client, url)))
}

#[derive(Clone, Copy)]
enum Connections {
    Kept,
    /// One a request: a kept connection would stay with one backend.
    Fresh,
}

fn front_door(route: &Route, places: &Places, clock: Clock) -> Result<Option<Box<dyn Sensor>>> {
    let simulated = match places {
        Places::Live => None,
        Places::Simulated(at) => Some((at.front_door, "/")),
    };
    let url = route.front_door.as_ref().map(|url| url.as_str());
    let Some((client, url)) = page(url, simulated, Connections::Fresh)? else { return Ok(None) };
    let config = FrontDoorConfig {
        source: format!("front-door/{}", route.id).parse()?,
        route: route.id.clone(),
        url,
        served_by: HeaderName::from_static(SERVED_BY),
        marks: route.backend_ids().map(|backend| (backend.to_string(), backend.clone())).collect(),
        pace: Pace { every: Millis::from_secs(4), requests: 20, concurrency: 4 },
        now: now(clock),
    };
    Ok(Some(Box::new(FrontDoorProber::new(config, client))))
}

fn now(clock: Clock) -> Now {
    Arc::new(move || clock.now())
}

/// Everything that is watched of one backend.
fn watch(plan: &Plan, backend: &Backend, places: &Places, clock: Clock) -> Result<Vec<Box<dyn Sensor>>> {
    let direct = match places {
        Places::Live => None,
        Places::Simulated(at) => Some(direct(at, &backend.id)?),
    };
    let mut sensors: Vec<Box<dyn Sensor>> = vec![workload(plan, backend, places, clock)?];
    let metrics_url = backend.metrics_url.as_ref().map(|url| url.as_str());
    if let Some((client, url)) = page(metrics_url, direct.map(|address| (address, "/metrics")), Connections::Kept)? {
        let source = format!("scrape/{}", backend.id).parse()?;
        let config = metrics::Config::new(source, backend.id.clone(), url, plan.limits.scrape_every, now(clock));
        sensors.push(Box::new(MetricsSensor::new(config, client)));
    }
    let probe_url = backend.probe_url.as_ref().map(|url| url.as_str());
    if let Some((client, url)) = page(probe_url, direct.map(|address| (address, "/ready")), Connections::Fresh)? {
        let pace = Pace { every: Millis::from_secs(5), requests: 2, concurrency: 2 };
        let config = BackendConfig { source: format!("probe/{}", backend.id).parse()?, backend: backend.id.clone(), url, pace };
        sensors.push(Box::new(BackendProber::new(config, client)));
    }
    Ok(sensors)
}

/// The platform's own word on a backend.
fn workload(plan: &Plan, backend: &Backend, places: &Places, clock: Clock) -> Result<Box<dyn Sensor>> {
    let source = format!("platform/{}", backend.id).parse()?;
    match &backend.workload {
        WorkloadRef::CloudRunService { service } => {
            let host = format!("{}-run.googleapis.com", plan.region);
            let client = match places {
                Places::Live => google(places, "run.googleapis.com")?,
                Places::Simulated(_) => google(places, &host)?,
            };
            let service = ServiceName { project: plan.project.to_string(), region: plan.region.to_string(), service: service.to_string() };
            let config = SensorConfig { source, backend: backend.id.clone(), service, every: Millis::from_secs(5) };
            Ok(Box::new(ServiceSensor::new(config, client)))
        }
        WorkloadRef::Deployment { cluster, namespace, deployment } => match places {
            Places::Simulated(at) => {
                let access = Access::loopback(&format!("http://{}", at.kubernetes))?;
                let mut config = kubernetes::Config::new(source, backend.id.clone(), namespace.as_str(), deployment.as_str());
                // The heartbeat is in real time; in a hasty world it must be shorter to keep the evidence young.
                config.heartbeat = clock.real(Millis::from_secs(5));
                Ok(Box::new(KubernetesSensor::new(config, access.client()?)))
            }
            Places::Live => {
                bail!("the cluster {cluster} can't be reached yet: live access to GKE is not part of this version; use the demo")
            }
        },
    }
}

/// The plan's primary and replicas.
fn databases(plan: &Plan, places: &Places, clock: Clock) -> Result<Vec<Box<dyn Sensor>>> {
    let mut sensors: Vec<Box<dyn Sensor>> = Vec::new();
    for instance in plan.database.iter().flat_map(|database| std::iter::once(&database.primary).chain(&database.replicas)) {
        let config = cloud_sql::Config {
            source: format!("sql/{instance}").parse()?,
            project: plan.project.to_string(),
            instance: instance.clone(),
            every: Millis::from_secs(10),
            now: now(clock),
        };
        let (sql, monitoring) = (google(places, "sqladmin.googleapis.com")?, google(places, "monitoring.googleapis.com")?);
        sensors.push(Box::new(CloudSqlSensor::new(config, sql, monitoring)));
    }
    Ok(sensors)
}

/// The simulated backends' own addresses.
fn direct(at: &Endpoints, backend: &BackendId) -> Result<SocketAddr> {
    match backend.as_str() {
        "run" => Ok(at.run_direct),
        "gke" => Ok(at.gke_direct),
        other => Err(eyre!("the simulated world has no backend {other}; it knows run and gke; use plans/hexproperty.yaml")),
    }
}
