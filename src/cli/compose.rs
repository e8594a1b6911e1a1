//! From a plan and the places where its systems answer to drivers and sensors.
//!
//! The same adapters are made for a live session and for the demo; only the origins and the tokens differ. Making them asks nothing of
//! anybody: a system that is away when the session begins is a source that can't see, and never keeps the others, or the way home, waiting.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::Duration,
};

use color_eyre::eyre::{Result, eyre};
use reqwest::header::HeaderName;

use crate::{
    adapter::{
        Now, Patience,
        cloud_run::{Backs, DriverConfig, RevisionsDriver, SensorConfig, ServiceName, ServiceSensor},
        google_auth::Token,
        http::{Client, Origin, Reach},
        http_route::{self, HttpRouteDriver},
        kubernetes::{self, Access, GkeCluster, Kubeconfig, KubernetesSensor, Way},
        metrics::{
            self, Families, MetricsSensor,
            pods::{self, PodsSensor},
        },
        prober::{BackendConfig, BackendProber, FrontDoorConfig, FrontDoorProber, Pace},
        prometheus::{self, PrometheusSensor, Scale},
        url_map::{self, Book, UrlMapDriver},
    },
    cli::paths::{self, Paths},
    domain::{
        age,
        answer::{Expect, SERVED_BY},
        http_route::RefKind,
        id::{BackendId, RouteId},
        metric::{self, Metric, Unit},
        position::Position,
        secret::Secret,
        shown::Shown,
        time::Millis,
        universe::Universe,
    },
    plan::model::{
        Backend, Driver, MapPart, Plan, Route, RulePart, WorkloadRef,
        clusters::ClusterWay,
        readings::{Auth, Author, Cadence, LatencyUnit, PodPages, Readings, Server, Source},
    },
    port::{self, FaultInjector, Reconciler, Sensor},
    session::{
        clock::Clock,
        dispatch::Executors,
        sensors::{StepSensor, WeightsSensor},
    },
    sim::{
        simulation::Endpoints,
        world::{gateway, neighbours},
    },
};

mod address;
mod databases;
mod series;
mod steps;

use address::{host_of, path_and_query_of, path_of};

/// Where the plan's systems answer.
pub enum Places {
    /// Google's own endpoints, with Application Default Credentials.
    Live,
    /// The simulated world on loopback.
    Simulated(Endpoints),
}

impl Places {
    /// Who we are there.
    /// # Errors
    /// If there are no credentials to be found for a live session.
    pub fn token(&self, universe: &Universe) -> Result<Token> {
        match self {
            Places::Live => Ok(Token::application_default(universe.clone())?),
            Places::Simulated(_) => Ok(Token::Static(Secret::new(DEMO_TOKEN))),
        }
    }

    /// One of Google's APIs, by the name of its service.
    /// # Errors
    /// If no client can be made for it.
    pub fn google(&self, universe: &Universe, service: &str, token: &Token) -> Result<Client> {
        let origin = match self {
            Places::Live => Origin::new(&format!("https://{}", universe.host(service)), Reach::Live)?,
            Places::Simulated(at) => Origin::new(&format!("http://{}", at.google), Reach::Loopback)?,
        };
        Ok(Client::new(origin, token.clone())?)
    }
}

/// The universe that is meant: the plan's, else the environment's, by the variable that Google's own clients read.
/// # Errors
/// If the variable holds no domain.
pub fn universe(plan: Option<&Plan>) -> Result<Universe> {
    let named = || std::env::var(UNIVERSE).ok().filter(|named| !named.is_empty());
    match plan.and_then(|plan| plan.universe_domain.clone()) {
        Some(universe) => Ok(universe),
        None => named().map_or_else(
            || Ok(Universe::default()),
            |named| named.parse().map_err(|why| eyre!("{UNIVERSE}={} is no universe: {why}; nothing was asked", Shown::new(&named))),
        ),
    }
}

const UNIVERSE: &str = "GOOGLE_CLOUD_UNIVERSE_DOMAIN";
/// The word by which the simulated world knows us.
const DEMO_TOKEN: &str = "cutover-demo";
/// How long traffic inside Cloud Run may take to settle; the service's own operations give up sooner.
const REVISIONS_PATIENCE: Duration = Duration::from_secs(180);

/// What a session can do and see.
pub struct World {
    pub executors: Executors,
    pub sensors: Vec<Box<dyn Sensor>>,
    pub proxied: Proxied,
}

/// The proxies of the environment that carry something, each with the origins whose requests it carries.
pub type Proxied = BTreeMap<String, BTreeSet<String>>;

/// Makes every driver and sensor that the plan asks for.
/// # Errors
/// If an address is refused or credentials are missing.
pub fn compose(plan: &Plan, places: &Places, clock: Clock, fault_injector: Option<Arc<dyn FaultInjector>>) -> Result<World> {
    let composer = Composer::new(plan, places, clock)?;
    let mut sensors: Vec<Box<dyn Sensor>> = Vec::new();
    let mut drivers: BTreeMap<_, Arc<dyn port::Driver>> = BTreeMap::new();
    for route in &plan.routes {
        let driver = composer.driver(route)?;
        let every = plan.limits.read_every;
        sensors.push(Box::new(WeightsSensor { route: route.id.clone(), driver: driver.clone(), every }));
        drivers.insert(route.id.clone(), driver);
        sensors.extend(composer.front_door(route)?);
        for backend in &route.backends {
            sensors.extend(composer.watch(route, backend)?);
        }
    }
    sensors.extend(composer.databases()?);
    let mut reconcilers: BTreeMap<_, Arc<dyn Reconciler>> = BTreeMap::new();
    for step in plan.steps() {
        let reconciler = composer.reconciler(step)?;
        sensors.push(Box::new(StepSensor { step: step.id.clone(), reconciler: reconciler.clone(), every: age::STEP_EVERY }));
        reconcilers.insert(step.id.clone(), reconciler);
    }
    let executors = Executors { drivers, reconcilers, fault_injector, read_every: plan.limits.read_every };
    Ok(World { executors, sensors, proxied: composer.proxied.into_inner() })
}

/// What everything is made of.
pub struct Composer<'a> {
    plan: &'a Plan,
    places: &'a Places,
    clock: Clock,
    token: Token,
    universe: Universe,
    proxied: RefCell<Proxied>,
    books: RefCell<Vec<(MapPart, Arc<Book>)>>,
}

impl<'a> Composer<'a> {
    /// # Errors
    /// If there are no credentials to be found for a live session.
    pub fn new(plan: &'a Plan, places: &'a Places, clock: Clock) -> Result<Self> {
        let universe = universe(Some(plan))?;
        let token = places.token(&universe)?;
        Ok(Composer { plan, places, clock, token, universe, proxied: RefCell::default(), books: RefCell::default() })
    }

    /// What carries what was made so far.
    pub(in crate::cli) fn proxied(&self) -> Proxied {
        self.proxied.borrow().clone()
    }

    /// One of Google's APIs, by the name of its service.
    pub fn google(&self, service: &str) -> Result<Client> {
        Ok(self.noted(self.places.google(&self.universe, service, &self.token)?))
    }

    pub(in crate::cli) fn universe(&self) -> &Universe {
        &self.universe
    }

    /// Keeps which proxy carries what `client` sends, for whoever asks why nothing answers.
    fn noted(&self, client: Client) -> Client {
        if let Some(proxy) = client.proxy() {
            self.proxied.borrow_mut().entry(proxy).or_default().insert(client.origin().to_string());
        }
        client
    }

    fn driver(&self, route: &Route) -> Result<Arc<dyn port::Driver>> {
        Ok(match &route.driver {
            Driver::UrlMap(part) => Arc::new(self.map_driver(route, part)?),
            Driver::CloudRunRevisions { service } => Arc::new(self.revisions_driver(route, service)?),
            Driver::HttpRoute(part) => Arc::new(self.http_route(route, part)?),
        })
    }

    /// What holds the weights of a route that a URL map splits.
    pub(in crate::cli) fn map_driver(&self, route: &Route, part: &MapPart) -> Result<UrlMapDriver> {
        let patience = match self.places {
            Places::Live => url_map::PATIENCE,
            // The simulated operations end within virtual seconds; their pauses are real ones.
            Places::Simulated(_) => {
                Patience { first: Duration::from_millis(100), most: Duration::from_secs(1), total: Duration::from_secs(60) }
            }
        };
        let project = self.plan.project_of_map(part).to_string();
        let config = url_map::Config {
            route: route.id.clone(),
            project: project.clone(),
            region: part.region.as_ref().map(ToString::to_string),
            url_map: part.url_map.to_string(),
            position: part.position.clone(),
            beside: self.beside(route, part),
            backends: route.backends.iter().map(|backend| (backend.id.clone(), backend_service(backend, &project, self.plan))).collect(),
            host: host_of(route.front_door.as_ref()),
            path: path_and_query_of(route.front_door.as_ref()),
            patience,
        };
        let (logging, projects) = (self.google("logging.googleapis.com")?, self.google("cloudresourcemanager.googleapis.com")?);
        let beside = url_map::Beside { logging: Some(logging), projects: Some(projects), book: self.book(part) };
        Ok(UrlMapDriver::new(config, self.google("compute.googleapis.com")?, beside))
    }

    /// What holds the weights of a route between revisions.
    pub(in crate::cli) fn revisions_driver(&self, route: &Route, service: &Shown) -> Result<RevisionsDriver> {
        let service = self.service(&self.plan.project, service);
        let config = DriverConfig { route: route.id.clone(), service, backends: targets(route), patience: REVISIONS_PATIENCE };
        Ok(RevisionsDriver::new(config, self.google(RUN)?))
    }

    pub(in crate::cli) fn http_route(&self, route: &Route, part: &RulePart) -> Result<HttpRouteDriver> {
        let patience = match self.places {
            Places::Live => http_route::PATIENCE,
            // The simulated gateways follow within virtual seconds; the pauses are real ones.
            Places::Simulated(_) => Patience { first: Duration::from_millis(50), most: Duration::from_secs(1), ..http_route::PATIENCE },
        };
        let backends = route.backends.iter().map(|backend| http_route::Backend {
            id: backend.id.clone(),
            kind: backend.ref_kind.unwrap_or(RefKind::Service),
            name: backend.target.to_string(),
        });
        let at = self.plan.locates(&part.cluster);
        let config = http_route::Config {
            route: route.id.clone(),
            place: http_route::Place {
                project: at.project.to_string(),
                region: at.location.to_string(),
                cluster: part.cluster.to_string(),
            },
            kubectl: self.plan.kubectl(&part.cluster),
            namespace: part.namespace.to_string(),
            http_route: part.http_route.to_string(),
            rule: part.rule.clone(),
            backends: backends.collect(),
            shared_with: part.shared_with.iter().map(ToString::to_string).collect(),
            host: host_of(route.front_door.as_ref()),
            path: path_of(route.front_door.as_ref()),
            patience,
        };
        Ok(HttpRouteDriver::new(config, self.cluster(&part.cluster)?))
    }

    /// What the plan's other routes steer of the same map.
    fn beside(&self, route: &Route, part: &MapPart) -> Vec<(RouteId, Position)> {
        let others = self.plan.routes.iter().filter(|other| other.id != route.id);
        let of_map = others.filter_map(|other| match &other.driver {
            Driver::UrlMap(found) if self.plan.is_one_map(found, part) => Some((other.id.clone(), found.position.clone())),
            Driver::UrlMap(_) | Driver::CloudRunRevisions { .. } | Driver::HttpRoute(_) => None,
        });
        of_map.collect()
    }

    /// What is written to a map, by whichever route.
    fn book(&self, part: &MapPart) -> Arc<Book> {
        let mut books = self.books.borrow_mut();
        if let Some((_, book)) = books.iter().find(|(known, _)| self.plan.is_one_map(known, part)) {
            return book.clone();
        }
        let book = Arc::new(Book::default());
        books.push((part.clone(), book.clone()));
        book
    }

    /// A Cloud Run service of a project.
    pub(in crate::cli) fn service(&self, project: &Shown, service: &Shown) -> ServiceName {
        ServiceName { project: project.to_string(), region: self.plan.region.to_string(), service: service.to_string() }
    }

    fn front_door(&self, route: &Route) -> Result<Option<Box<dyn Sensor>>> {
        // Revisions are steered within their service, whose own address is what is asked then.
        let simulated = |at: &Endpoints| match &route.driver {
            Driver::UrlMap(_) => (
                at.front_door,
                neighbours::door(host_of(route.front_door.as_ref()).as_deref(), &path_and_query_of(route.front_door.as_ref())),
            ),
            Driver::CloudRunRevisions { .. } => (at.run_direct, "/".to_owned()),
            Driver::HttpRoute(_) => (at.front_door, gateway::door(host_of(route.front_door.as_ref()).as_deref())),
        };
        let Some((client, url)) = self.page(route.front_door.as_ref(), simulated)? else { return Ok(None) };
        let config = FrontDoorConfig {
            source: format!("front-door/{}", route.id).parse()?,
            route: route.id.clone(),
            url,
            served_by: HeaderName::from_static(SERVED_BY),
            marks: marks(route),
            text: self.text(route.expect.as_ref()),
            pace: Pace { every: Millis::from_secs(4), requests: 20, concurrency: 4 },
            now: self.now(),
        };
        Ok(Some(Box::new(FrontDoorProber::new(config, client))))
    }

    /// The text that an answer must hold; the simulated world's pages hold none of anybody's site.
    fn text(&self, expect: Option<&Expect>) -> Option<Shown> {
        match self.places {
            Places::Live => expect.and_then(|expect| expect.text.clone()),
            Places::Simulated(_) => None,
        }
    }

    /// A page of the plan as the client that asks it and its full address; in a simulated world, that world's page instead.
    fn page(&self, url: Option<&Shown>, simulated: impl Fn(&Endpoints) -> (SocketAddr, String)) -> Result<Option<(Client, reqwest::Url)>> {
        // What a live session could not ask is asked in no rehearsal: one would look better than the night.
        let Some(url) = url else { return Ok(None) };
        let (text, reach) = match self.places {
            Places::Simulated(at) => {
                let (address, path) = simulated(at);
                (format!("http://{address}{path}"), Reach::Loopback)
            }
            // Plain HTTP is spoken to this machine alone.
            Places::Live if url.as_str().starts_with("http://") => (url.to_string(), Reach::Loopback),
            Places::Live => (url.to_string(), Reach::Live),
        };
        let (origin, url) = Origin::split(&text, reach)?;
        // A kept connection would stay with one backend, or with one of the processes behind a page.
        let client = self.noted(Client::fresh(origin)?);
        Ok(Some((client, url)))
    }

    fn now(&self) -> Now {
        let clock = self.clock;
        Arc::new(move || clock.now())
    }

    /// Everything that is watched of one backend.
    fn watch(&self, route: &Route, backend: &Backend) -> Result<Vec<Box<dyn Sensor>>> {
        let mut sensors: Vec<Box<dyn Sensor>> = vec![self.workload(route, backend)?];
        if let Some(readings) = &backend.readings {
            sensors.push(Box::new(self.prometheus(backend, readings)?));
        } else if let (Some(pods), WorkloadRef::Deployment { cluster, namespace, deployment }) = (&backend.pods, &backend.workload) {
            let shown = kubernetes::Shown {
                namespace: namespace.to_string(),
                deployment: deployment.to_string(),
                port: pods.port,
                path: pods.path.to_string(),
            };
            let pages = kubernetes::Pages::new(self.cluster(cluster)?, shown);
            sensors.push(Box::new(PodsSensor::new(self.pods(backend, pods)?, pages)));
        } else if let Some((client, url)) = self.page(backend.metrics_url.as_ref(), |at| direct(at, backend, "/metrics"))? {
            let source = format!("scrape/{}", backend.id).parse()?;
            let mut config = metrics::Config::new(source, backend.id.clone(), url, self.plan.limits.scrape_every, self.now());
            config.must_tell = self.thresholds(backend);
            config.families.gauges = series::gauges(backend);
            config.twins = TWINS;
            sensors.push(Box::new(MetricsSensor::new(config, client)));
        }
        sensors.extend(self.series(backend)?);
        if let Some((client, url)) = self.probed(backend)? {
            let pace = Pace { every: Millis::from_secs(5), requests: 2, concurrency: 2 };
            let source = format!("probe/{}", backend.id).parse()?;
            let expect = backend.probe_expect.clone().unwrap_or_else(Expect::success);
            let expect = Expect { text: self.text(Some(&expect)), ..expect };
            let config = BackendConfig { source, backend: backend.id.clone(), url, expect, pace };
            sensors.push(Box::new(BackendProber::new(config, client)));
        }
        Ok(sensors)
    }

    /// How the pages of a backend's pods are read.
    fn pods(&self, backend: &Backend, pods: &PodPages) -> Result<pods::Config> {
        let every = self.plan.limits.scrape_every;
        let texts = |texts: &[Shown]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let pairs = |pairs: &[(Shown, Shown)]| pairs.iter().map(|(label, text)| (label.to_string(), text.to_string())).collect();
        let usual = Families::default();
        let families = Families {
            requests: pods.requests.to_string(),
            status_labels: pods.status_label.as_ref().map_or(usual.status_labels, |label| vec![label.to_string()]),
            failed: Some(texts(&pods.failed_when)).filter(|failed| !failed.is_empty()),
            duration: pods.latency.as_ref().map_or(usual.duration, |latency| latency.family.to_string()),
            unit: match pods.latency.as_ref().map(|latency| latency.unit) {
                Some(LatencyUnit::Milliseconds) => metrics::Unit::Milliseconds,
                Some(LatencyUnit::Seconds) | None => metrics::Unit::Seconds,
            },
            dropped: pods.dropped.as_ref().map(ToString::to_string),
            only: pairs(&pods.only),
            without: pairs(&pods.without),
            gauges: series::gauges(backend),
        };
        Ok(pods::Config {
            source: format!("pods/{}", backend.id).parse()?,
            backend: backend.id.clone(),
            every,
            families,
            window: metric::window(every),
            must_tell: self.thresholds(backend),
            now: self.now(),
        })
    }

    /// Where the plan asks a backend past the front door, and the client that does.
    pub(in crate::cli) fn probed(&self, backend: &Backend) -> Result<Option<(Client, reqwest::Url)>> {
        self.page(backend.probe_url.as_ref(), |at| direct(at, backend, "/ready"))
    }

    /// The server that is asked for a backend's figures, with the plan's own queries.
    fn prometheus(&self, backend: &Backend, readings: &Readings) -> Result<PrometheusSensor> {
        let (client, base) = self.server(&readings.source)?;
        let cadence = Cadence::of(readings, self.plan.limits.scrape_every);
        let asked = match readings.author {
            Author::LoadBalancer => "load-balancer",
            Author::CloudRun => "cloud-run",
            Author::Plan | Author::Preset(_) => "prometheus",
        };
        let text = |query: &Option<Shown>| query.as_ref().map(ToString::to_string);
        let latencies = readings.latencies.as_ref();
        let queries = prometheus::Queries {
            newest: readings.newest.to_string(),
            requests: readings.requests.to_string(),
            failures: text(&readings.failures),
            dropped: text(&readings.dropped),
            latencies: latencies.into_iter().flat_map(|told| &told.quantiles).map(|(metric, query)| (*metric, query.to_string())).collect(),
            scale: match latencies.map(|told| told.unit) {
                Some(LatencyUnit::Seconds) | None => Scale::SecondsToMillis,
                Some(LatencyUnit::Milliseconds) => Scale::AsIs,
            },
            top_bucket: latencies.and_then(|told| told.top_bucket).map(|top| top.0 as f64),
        };
        let config = prometheus::Config {
            source: format!("{asked}/{}", backend.id).parse()?,
            backend: backend.id.clone(),
            base,
            queries,
            window: cadence.window,
            every: cadence.every,
            stale_after: cadence.stale_after,
            now: self.now(),
        };
        Ok(PrometheusSensor::new(config, client))
    }

    /// Where a source answers and who we are there; in a simulated world every source is that world's own.
    fn server(&self, source: &Source) -> Result<(Client, reqwest::Url)> {
        let google = |project: &str| format!("v1/projects/{project}/location/global/prometheus");
        let (text, reach, token) = match (self.places, &source.server) {
            (Places::Simulated(at), _) => {
                (format!("http://{}/{}", at.google, google(self.plan.project.as_str())), Reach::Loopback, self.token.clone())
            }
            (Places::Live, Server::Google { project }) => {
                let host = self.universe.host("monitoring.googleapis.com");
                (format!("https://{host}/{}", google(project.as_str())), Reach::Live, self.token.clone())
            }
            (Places::Live, Server::Prometheus { url, auth }) => {
                let reach = if url.as_str().starts_with("http://") { Reach::Loopback } else { Reach::Live };
                let token = match auth {
                    Auth::None => Token::None,
                    Auth::Google => self.token.clone(),
                    Auth::Bearer => Token::File(self.token_of(url)?),
                };
                (url.to_string(), reach, token)
            }
        };
        let (origin, base) = Origin::split(&text, reach)?;
        Ok((self.noted(Client::new(origin, token)?), base))
    }

    /// The file in which the host keeps the token of a server. It is found by the server's name, and not by the plan's word, so that no plan
    /// can send one server's token, or any other file, to another.
    fn token_of(&self, url: &Shown) -> Result<Arc<Path>> {
        let url = reqwest::Url::parse(url.as_str())?;
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        let name = url.port().map_or(host.clone(), |port| format!("{host}:{port}"));
        Ok(Paths::find()?.token(&name).into())
    }

    /// The highest latencies that a trigger has to be able to see of a backend.
    fn thresholds(&self, backend: &Backend) -> BTreeMap<Metric, f64> {
        let mut highest = BTreeMap::new();
        let of_backend = self.plan.triggers.iter().filter(|trigger| trigger.backend == backend.id);
        for trigger in of_backend.filter(|trigger| trigger.metric.unit() == Unit::Milliseconds) {
            let known: &mut f64 = highest.entry(trigger.metric).or_default();
            *known = known.max(trigger.limit);
        }
        highest
    }

    /// The platform's own word on a backend.
    fn workload(&self, route: &Route, backend: &Backend) -> Result<Box<dyn Sensor>> {
        let source = format!("platform/{}", backend.id).parse()?;
        match &backend.workload {
            WorkloadRef::CloudRunService { service } => {
                let (service, every) = (self.service(self.plan.project_of(backend), service), Millis::from_secs(5));
                let backs = match &route.driver {
                    Driver::CloudRunRevisions { .. } => Backs::Revision(backend.target.to_string()),
                    Driver::UrlMap(_) | Driver::HttpRoute(_) => Backs::Service,
                };
                let config = SensorConfig { source, backend: backend.id.clone(), service, backs, every };
                Ok(Box::new(ServiceSensor::new(config, self.google(RUN)?)))
            }
            WorkloadRef::Deployment { cluster, namespace, deployment } => {
                let mut config = kubernetes::Config::new(source, backend.id.clone(), namespace.as_str(), deployment.as_str());
                // Watches live in real time; in a hasty world they must live shorter to keep the evidence young.
                config.life = self.clock.real(Millis::from_secs(60));
                Ok(Box::new(KubernetesSensor::new(config, self.cluster(cluster)?)))
            }
        }
    }

    /// The way to a cluster. The one of a simulated world is found there, whatever the plan says of another.
    pub(in crate::cli) fn cluster(&self, name: &Shown) -> Result<Way> {
        let told = match self.places {
            Places::Live => self.plan.clusters.get(name).cloned().unwrap_or_default(),
            Places::Simulated(_) => ClusterWay::default(),
        };
        match told {
            ClusterWay::Proxy { url } => Ok(Way::Known(Access::loopback(url.as_str())?)),
            ClusterWay::Kubeconfig { context } => Ok(Way::Kubeconfig(Kubeconfig {
                files: paths::kubeconfigs()?,
                allowed: Paths::find()?.kubeconfig_contexts(),
                context: context.to_string(),
                google: self.token.clone(),
            })),
            ClusterWay::Gke { endpoint, project, location } => Ok(Way::Gke(GkeCluster {
                container: self.google("container.googleapis.com")?,
                token: self.token.clone(),
                project: project.as_ref().unwrap_or(&self.plan.project).to_string(),
                region: location.as_ref().unwrap_or(&self.plan.region).to_string(),
                name: name.to_string(),
                endpoint,
            })),
        }
    }
}

/// Each backend with what its driver calls it.
fn targets(route: &Route) -> Vec<(BackendId, String)> {
    route.backends.iter().map(|backend| (backend.id.clone(), backend.target.to_string())).collect()
}

/// What a map of this project calls a backend.
fn backend_service(backend: &Backend, of_map: &str, plan: &Plan) -> url_map::Service {
    let project = plan.project_of(backend).as_str();
    url_map::Service { name: backend.target.to_string(), project: (project != of_map).then(|| project.to_owned()) }
}

/// A page of a backend in the simulated world, which has one address for each platform; of its revisions it tells only in sum.
fn direct(at: &Endpoints, backend: &Backend, page: &str) -> (SocketAddr, String) {
    match &backend.workload {
        // Both clusters have it by the same name.
        WorkloadRef::Deployment { .. } if backend.ref_kind.is_some() => (at.gke_direct, gateway::page(backend.target.as_str(), page)),
        WorkloadRef::CloudRunService { service } => (at.run_direct, neighbours::page(service.as_str(), page)),
        WorkloadRef::Deployment { deployment, .. } => (at.gke_direct, neighbours::page(deployment.as_str(), page)),
    }
}

/// What answers say of who gave them: the backend's name in the plan, or its revision's, which a program on Cloud Run knows by itself.
pub(in crate::cli) fn marks(route: &Route) -> BTreeMap<String, BackendId> {
    let names = route.backends.iter().map(|backend| (backend.id.to_string(), backend.id.clone()));
    let revisions = route.backends.iter().filter(|_| matches!(route.driver, Driver::CloudRunRevisions { .. }));
    let revisions = revisions.map(|backend| (backend.target.to_string(), backend.id.clone()));
    revisions.chain(names).collect()
}

pub(in crate::cli) const RUN: &str = "run.googleapis.com";
/// Two minutes of the default interval: of two processes behind a page, one look in four meets both in falling order.
const TWINS: u32 = 24;
