//! A running world: its clock, its addresses, and the tasks that keep both alive.
//!
//! All servers listen on 127.0.0.1 and nowhere else. Stopping ends every connection and every task.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    faults::{Edit, Fault},
    scenario::Scenario,
    server::{Second, Shared, container::Cluster, front_door::Door, http, kubernetes, logging, router::Google, tls::Authority},
    world::{Leg, Truth, World, clock::Clock, propagation::Span},
};

/// When nobody looks and nothing is due in the cluster, the world moves on in steps of this much real time. They are no coarser in its own:
/// it goes from moment to moment however long a step is.
const QUIET_MAX: Duration = Duration::from_secs(1);

/// Which world to start.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// What chance is drawn from.
    pub seed: u64,
    /// Virtual seconds in one real second; from 0.01 to 1000.
    pub speed: f64,
    /// What goes wrong, and when.
    pub scenario: Scenario,
    /// Where to listen.
    pub ports: Ports,
    /// Where virtual time begins, in milliseconds since the Unix epoch.
    pub start: Start,
    /// How long the edge takes to follow the API.
    pub propagation: Span,
}

impl Default for Config {
    fn default() -> Self {
        Self { seed: 1, speed: 1.0, scenario: Scenario::Calm, ports: Ports::Any, start: Start::Now, propagation: Span::default() }
    }
}

/// Which ports to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// Whatever is free.
    Any,
    /// Five in a row that are free, in the order of [`Endpoints`].
    AnyRow,
    /// Five ports from this one, in the same order.
    Fixed(u16),
}

impl Ports {
    /// As a command line names them: the first of five, 0 for any row.
    #[must_use]
    pub fn of(first: Option<u16>) -> Self {
        match first {
            None => Self::Any,
            Some(0) => Self::AnyRow,
            Some(first) => Self::Fixed(first),
        }
    }
}

/// Where virtual time begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the machine's wall clock.
    Now,
    /// At these milliseconds since the Unix epoch.
    At(i64),
}

/// The addresses of a running world, all on loopback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoints {
    /// Every Google API, told apart by Host and path.
    pub google: SocketAddr,
    /// The cluster's API server.
    pub kubernetes: SocketAddr,
    /// Where users come in.
    pub front_door: SocketAddr,
    /// Cloud Run's own address: the application, `/metrics`, `/health`, `/ready`.
    pub run_direct: SocketAddr,
    /// The GKE service's own address, with the same paths.
    pub gke_direct: SocketAddr,
}

impl Endpoints {
    /// Of a world on five ports from this one, on this machine.
    #[must_use]
    pub fn in_a_row(first: u16) -> Self {
        let at = |offset: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, first.saturating_add(offset)));
        Self { google: at(0), kubernetes: at(1), front_door: at(2), run_direct: at(3), gke_direct: at(4) }
    }
}

/// A running world. Dropping it stops its tasks too, without waiting for them.
#[derive(Debug)]
pub struct Simulation {
    shared: Shared,
    endpoints: Endpoints,
    second: SocketAddr,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// The hand in the bottle: makes things go wrong, and knows what is really the case.
#[derive(Debug, Clone)]
pub struct Control {
    shared: Shared,
}

impl Simulation {
    /// Starts the world and its servers.
    ///
    /// # Errors
    /// If a port can't be had; nothing is left running then.
    pub async fn start(config: Config) -> io::Result<Self> {
        let start_ms = match config.start {
            Start::Now => jiff::Timestamp::now().as_millisecond(),
            Start::At(ms) => ms,
        };
        let [google, kubernetes, front_door, run_direct, gke_direct] = listen(config.ports).await?;
        let endpoints = Endpoints {
            google: google.local_addr()?,
            kubernetes: kubernetes.local_addr()?,
            front_door: front_door.local_addr()?,
            run_direct: run_direct.local_addr()?,
            gke_direct: gke_direct.local_addr()?,
        };
        // Whoever wants to reach it learns from GKE where it is, so it needs no place in the row.
        let next = bind(0).await?;
        let second = next.local_addr()?;
        let mut world = World::new(start_ms, config.seed, config.propagation);
        world.join_clusters(config.seed, config.propagation);
        world.follow(config.scenario, config.seed);
        let shared = Shared::new(world, Clock::new(start_ms, config.speed));
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let authority = Authority::new()?;
        let cluster = Cluster { address: endpoints.kubernetes, next: Some(second), authority: authority.clone() };
        let apis = Google { shared: shared.clone(), cluster, stop: stop.clone() };
        tasks.spawn(http::serve(google, apis, tasks.clone(), stop.clone()));
        for (listener, leg) in [(front_door, None), (run_direct, Some(Leg::Run)), (gke_direct, Some(Leg::Gke))] {
            let door = Door { shared: shared.clone(), leg, stop: stop.clone() };
            tasks.spawn(http::serve(listener, door, tasks.clone(), stop.clone()));
        }
        tasks.spawn(kubernetes::serve(Second(shared.clone()), next, authority.clone(), tasks.clone(), stop.clone()));
        tasks.spawn(kubernetes::serve(shared.clone(), kubernetes, authority, tasks.clone(), stop.clone()));
        tasks.spawn(keep_moving(shared.clone(), stop.clone()));
        Ok(Self { shared, endpoints, second, tasks, stop })
    }

    /// Where the world listens.
    #[must_use]
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Where the second cluster's API server listens, which GKE tells too.
    #[must_use]
    pub fn second_cluster(&self) -> SocketAddr {
        self.second
    }

    /// The clock that the world lives by.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.shared.clock()
    }

    /// A hand in the bottle; any number of them may exist.
    #[must_use]
    pub fn control(&self) -> Control {
        Control { shared: self.shared.clone() }
    }

    /// Stops the world and waits until its last task has ended.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Control {
    /// Makes something go wrong, now.
    pub fn inject(&self, fault: &Fault) {
        self.shared.with(|world| world.inject(fault));
    }

    /// Makes the URL map be so from the beginning: no fault, and nothing that `calm` would take back.
    pub fn prepare(&self, edit: Edit) {
        self.shared.with(|world| world.prepare(edit));
    }

    /// Ends every fault, also those that the scenario would still bring.
    pub fn calm(&self) {
        self.shared.with(World::calm);
    }

    /// Reaches into the world, for what has no fault of its own: watches that lie, operations that hang.
    pub fn with<R>(&self, work: impl FnOnce(&mut World) -> R) -> R {
        self.shared.with(work)
    }

    /// The audit log as it will be when all that happened until now can be read: what `gcloud logging read --format=json` would export.
    #[must_use]
    pub fn audit_log(&self) -> Vec<serde_json::Value> {
        self.shared.with(|world| logging::all(world, i64::MAX / 2))
    }

    /// What is really the case.
    #[must_use]
    pub fn truth(&self) -> Truth {
        self.shared.with(|world| world.truth())
    }
}

/// What listens on each of the five ports, in their order.
const DOORS: [&str; 5] = ["Google's APIs", "the cluster's API", "the front door", "Cloud Run", "GKE"];

/// Rows that are looked at before it is given up; on a machine where one in two ports is taken, one in 32 rows is free.
const ROWS_MAX: u32 = 200;

type Listeners = [TcpListener; DOORS.len()];

async fn listen(ports: Ports) -> io::Result<Listeners> {
    match ports {
        Ports::Any => Ok([bind(0).await?, bind(0).await?, bind(0).await?, bind(0).await?, bind(0).await?]),
        Ports::Fixed(first) => row(first).await,
        Ports::AnyRow => {
            for _ in 0..ROWS_MAX {
                // Free until a moment ago; somebody else may be quicker.
                let first = bind(0).await?.local_addr()?.port();
                if let Ok(listeners) = row(first).await {
                    return Ok(listeners);
                }
            }
            Err(io::Error::new(io::ErrorKind::AddrInUse, "no five free ports in a row were found; choose them by --port"))
        }
    }
}

async fn row(first: u16) -> io::Result<Listeners> {
    let Some(last) = first.checked_add(DOORS.len() as u16 - 1) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "five ports from there must end below 65536; choose a lower --port"));
    };
    let at = async |door: usize| {
        let port = first + door as u16;
        bind(port).await.map_err(|error| {
            let what = DOORS[door];
            let why = format!(
                "port {port} of 127.0.0.1, for {what}, can't be had ({error}); the world takes {first} to {last}; choose another --port, or \
                 none for free ones"
            );
            io::Error::new(error.kind(), why)
        })
    };
    Ok([at(0).await?, at(1).await?, at(2).await?, at(3).await?, at(4).await?])
}

async fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await
}

async fn keep_moving(shared: Shared, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = shared.keep_moving(QUIET_MAX) => {}
        }
    }
}
