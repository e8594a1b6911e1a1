//! Every process of both platforms with a page of its own, and a real Prometheus that finds and scrapes each.
//!
//! GKE's pods are the world's, which count each for itself. Cloud Run's instances are made here of what that leg counts: each has its part of
//! it, so that all together grow as the leg does. Both sorts have a bad past: whoever takes what a process counted before it was first seen
//! for what happens now sees errors that never were.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use cutover::sim::{
    faults::Damage,
    server::metrics,
    simulation::Control,
    world::{
        Leg,
        meter::{Code, Meter},
        scrapes::Exposed,
    },
};
use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::net::TcpListener;

/// Instances of Cloud Run at a time.
const AT_A_TIME: u64 = 4;
/// What each of them has counted before anybody looked, and how many of these failed.
const PAST: [u64; 2] = [30_000, 12_000];
const READY_WITHIN: Duration = Duration::from_secs(30);

struct Instance {
    name: String,
    place: u64,
    /// What the leg had counted when it began.
    born_at: Meter,
    started_ms: i64,
}

/// All processes' pages.
pub(crate) struct Instances {
    control: Control,
    of_run: Mutex<Vec<Instance>>,
    begun: Mutex<u32>,
}

impl Instances {
    /// Serves the pages on a port of this machine.
    pub(crate) async fn serve(control: Control) -> io::Result<(Arc<Instances>, SocketAddr)> {
        let instances = Arc::new(Instances { control, of_run: Mutex::default(), begun: Mutex::default() });
        (0..AT_A_TIME).for_each(|place| instances.begin(place));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let serving = instances.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let instances = serving.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let answer = instances.answer(address, &request);
                        async move { Ok::<_, io::Error>(answer) }
                    });
                    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
                });
            }
        });
        Ok((instances, address))
    }

    /// An instance begins in this place, and whichever had it is gone.
    pub(crate) fn begin(&self, place: u64) {
        let (born_at, started_ms) = self.control.with(|world| (world.traffic.meter(Leg::Run).clone(), world.now_ms));
        let mut begun = self.begun.lock().unwrap();
        *begun += 1;
        let mut instances = self.of_run.lock().unwrap();
        instances.retain(|instance| instance.place != place);
        instances.push(Instance { name: format!("run-{begun}"), place, born_at, started_ms });
    }

    fn answer(&self, own: SocketAddr, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let parts: Vec<&str> = request.uri().path().split('/').filter(|part| !part.is_empty()).collect();
        let (kind, body) = match parts.as_slice() {
            ["sd", platform] => ("application/json", Some(self.targets(own, platform))),
            ["run", name, "metrics"] => ("text/plain; version=0.0.4", self.page_of_run(name)),
            ["gke", pod, "metrics"] => {
                ("text/plain; version=0.0.4", self.control.with(|world| world.exposed_pod(pod).map(|exposed| metrics::text(&exposed))))
            }
            _ => ("text/plain", None),
        };
        let mut answer = Response::new(Full::new(Bytes::from(body.clone().unwrap_or_default())));
        if body.is_none() {
            *answer.status_mut() = hyper::StatusCode::NOT_FOUND;
        }
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        answer
    }

    /// As Prometheus' discovery by HTTP wants it.
    fn targets(&self, own: SocketAddr, platform: &str) -> String {
        let names: Vec<String> = match platform {
            "run" => self.of_run.lock().unwrap().iter().map(|instance| instance.name.clone()).collect(),
            _ => self.control.with(|world| world.kubernetes.running("frontend").into_iter().map(|pod| pod.name).collect()),
        };
        let target = |name: &String| {
            let labels = json!({"__metrics_path__": format!("/{platform}/{name}/metrics"), "instance": name});
            json!({"targets": [own.to_string()], "labels": labels})
        };
        json!(names.iter().map(target).collect::<Vec<_>>()).to_string()
    }

    fn page_of_run(&self, name: &str) -> Option<String> {
        let (meter, at_ms) = self.control.with(|world| (world.traffic.meter(Leg::Run).clone(), world.now_ms));
        let instances = self.of_run.lock().unwrap();
        let instance = instances.iter().find(|instance| instance.name == name)?;
        let own = |now: u64, then: u64| (now + instance.place) / AT_A_TIME - (then + instance.place) / AT_A_TIME;
        let mut counted = Meter::new(instance.started_ms);
        for code in Code::ALL {
            counted.requests[code as usize] = own(meter.requests[code as usize], instance.born_at.requests[code as usize]);
        }
        for (place, bucket) in counted.buckets.iter_mut().enumerate() {
            *bucket = own(meter.buckets[place], instance.born_at.buckets[place]);
        }
        let [past, failed] = PAST;
        counted.requests[Code::Fine as usize] += past - failed;
        counted.requests[Code::Broken as usize] += failed;
        // All of them took long.
        counted.buckets[10] += past;
        counted.sum_s = (meter.sum_s - instance.born_at.sum_s) / AT_A_TIME as f64 + past as f64 * 4.0;
        let exposed = Exposed { leg: Leg::Run, at_ms, damage: Damage::None, damaged_ms: 0, meter: counted, instances: 1.0, worker: 0 };
        Some(metrics::text(&exposed))
    }
}

/// The real program; it ends with the value.
pub(crate) struct Prometheus {
    child: Child,
    pub address: SocketAddr,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    /// One that finds both platforms' processes at `pages`, and scrapes each every two seconds.
    pub(crate) fn start(folder: &Path, pages: SocketAddr) -> Result<Prometheus, String> {
        let job = |platform: &str| {
            format!(
                "  - job_name: frontend-{platform}\n    http_sd_configs: [{{url: 'http://{pages}/sd/{platform}', refresh_interval: 2s}}]\n"
            )
        };
        let config = format!("global: {{scrape_interval: 2s, scrape_timeout: 2s}}\nscrape_configs:\n{}{}", job("run"), job("gke"));
        let file = folder.join("prometheus.yml");
        fs::write(&file, config).map_err(|error| error.to_string())?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 9090));
        let log = fs::File::create(folder.join("prometheus.log")).map_err(|error| error.to_string())?;
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("prometheus").display()))
            .arg(format!("--web.listen-address={address}"))
            .env("GOMAXPROCS", "1")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("no `prometheus`: {error}"))?;
        let prometheus = Prometheus { child, address };
        let until = Instant::now() + READY_WITHIN;
        while std::net::TcpStream::connect(address).is_err() {
            if Instant::now() > until {
                return Err("prometheus does not listen".to_owned());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(prometheus)
    }

    /// It stands still, as on a machine that swaps, or goes on.
    pub(crate) fn stop(&self) {
        self.signal(Signal::STOP);
    }
    pub(crate) fn go_on(&self) {
        self.signal(Signal::CONT);
    }
    fn signal(&self, signal: Signal) {
        // It is our own child, and one that has ended stands still already.
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }
}
