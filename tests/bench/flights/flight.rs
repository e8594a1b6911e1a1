//! One flight from nothing to home again, by the real program on real names: what is looked at, what is done, and what must be true.
//!
//! Until the fault nothing happens that would be a reason to go home, however much happens; whoever goes home then has gone in vain. From the
//! fault on, everybody has to be home by himself. What is really the case says the world, not the program.

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use cutover::sim::{
    faults::{Api, Fault, Trouble as ApiTrouble},
    simulation::{Config, Control, Simulation},
    world::{Leg, propagation::Span},
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    front::Front,
    identity::{self, Issuer, Kind},
    instances::{Instances, Prometheus},
    namespace, out,
    pilot::{Pilot, SESSION},
    pty::Pty,
    strangers,
};

pub(crate) const PLAN: &str = include_str!("plan.yaml");
const ENDPOINTS: [&str; 3] = ["public", "private", "dns"];
/// Until every window of the plan is full.
const WINDOW: Duration = Duration::from_secs(34);
/// Real time that anything may take which needs no luck.
const PATIENCE: Duration = Duration::from_secs(120);
/// A fault of which nobody has gone home by then is missed.
const MISSED_AFTER: Duration = Duration::from_secs(120);
/// How often the world is looked at, and how often the program is asked.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const ASK_EVERY: Duration = Duration::from_millis(700);
const RUNGS: [u16; 4] = [1, 25, 50, 100];

/// The judge's own proof: flights that have to be found bad. In one the errors that are said to be few are many; in the other the fault is
/// below every limit.
pub(crate) const IN_VAIN: u64 = 1_000_001;
pub(crate) const UNSEEN: u64 = 1_000_002;

/// Why a flight was none.
pub(crate) enum Failure {
    FalseRollback(String),
    Missed(String),
    Other(String),
}

impl Failure {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Failure::FalseRollback(_) => "false rollback",
            Failure::Missed(_) => "missed",
            Failure::Other(_) => "failed",
        }
    }
    pub(crate) fn text(&self) -> &str {
        match self {
            Failure::FalseRollback(text) | Failure::Missed(text) | Failure::Other(text) => text,
        }
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Failure {
        Failure::Other(text)
    }
}

/// What is no reason to go home.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    /// Every pod's process begins anew, and so do its counters.
    PodsRestart,
    /// Two more pods.
    MorePods,
    /// Two instances of Cloud Run give way to others, which bring errors of before along.
    InstancesReplaced,
    /// Prometheus stands still for some seconds.
    PrometheusStands,
    /// Errors, and fewer of them than the limit.
    FewErrors,
    /// Every second answer is an error, for a moment.
    ShortBurst,
    /// Compute's API takes its time.
    SlowApi,
}

const TROUBLES: [Trouble; 7] = [
    Trouble::PodsRestart,
    Trouble::InstancesReplaced,
    Trouble::FewErrors,
    Trouble::PrometheusStands,
    Trouble::MorePods,
    Trouble::ShortBurst,
    Trouble::SlowApi,
];

/// What is one.
#[derive(Debug, Clone, Copy)]
enum Breach {
    /// So many of a hundred answers are errors.
    Errors(u8),
    /// Everything takes so many times as long.
    Slow(u8),
}

const BREACHES: [Breach; 5] = [Breach::Errors(30), Breach::Errors(12), Breach::Slow(12), Breach::Errors(100), Breach::Errors(60)];

pub(crate) struct Flight {
    seed: u64,
    began: Instant,
    pub control: Control,
    instances: Arc<Instances>,
    pub prometheus: Prometheus,
    pub front: Arc<Front>,
    pilot: Pilot,
    cockpit: Option<Pty>,
    troubles: Vec<&'static str>,
    /// Keeps the world and everything before it alive.
    runtime: Runtime,
    _world: Simulation,
}

/// Flies. The machine that it is run on is one of its own.
pub(crate) fn fly(seed: u64, folder: &Path) -> Result<Value, Failure> {
    let plan = PLAN.replace("endpoint: public", &format!("endpoint: {}", endpoint(seed)));
    let mut flight = Flight::begin(seed, folder, &plan)?;
    flight.check()?;
    flight.open()?;
    let last = RUNGS[1 + (seed % 3) as usize];
    for (place, share) in RUNGS.into_iter().enumerate().take_while(|(_, share)| *share <= last) {
        flight.climb(share)?;
        let trouble = if seed == IN_VAIN { Trouble::FewErrors } else { TROUBLES[(seed as usize * 3 + place) % TROUBLES.len()] };
        flight.suffer(trouble)?;
    }
    let breach = if seed == UNSEEN { Breach::Errors(1) } else { BREACHES[(seed / 3) as usize % BREACHES.len()] };
    let [asked, home] = flight.breach(breach)?;
    let seen = flight.seen_home()?;
    flight.land(folder)?;
    let seen_by = flight.front.seen.lock().unwrap();
    Ok(json!({
        "seed": seed,
        "credentials": flight.kind().name(),
        "endpoint": endpoint(seed),
        "at": last,
        "breach": format!("{breach:?}"),
        "troubles": flight.troubles,
        "asked_ms": asked.as_millis() as u64,
        "home_ms": home.as_millis() as u64,
        "seen_ms": seen.as_millis() as u64,
        "took_s": flight.began.elapsed().as_secs(),
        "requests": seen_by.asked.values().sum::<u64>(),
        "tokens": flight.front.issuer.issued.load(std::sync::atomic::Ordering::Relaxed),
        "errors": seen_by.errors,
    }))
}

impl Flight {
    /// Everything stands, and nothing of the program runs yet.
    pub(crate) fn begin(seed: u64, folder: &Path, plan: &str) -> Result<Flight, Failure> {
        let said = |error: std::io::Error| error.to_string();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(said)?;
        namespace::set_up(folder, &crate::front::names())?;
        let kind = Kind::ALL[(seed % Kind::ALL.len() as u64) as usize];
        let issuer = Issuer::new(folder)?;
        let credentials = identity::write(kind, folder)?;
        let config = Config { seed, propagation: Span { min_ms: 1_500.0, max_ms: 7_000.0 }, ..Config::default() };
        let world = runtime.block_on(Simulation::start(config)).map_err(said)?;
        let (instances, pages) = runtime.block_on(Instances::serve(world.control())).map_err(said)?;
        let prometheus = Prometheus::start(folder, pages)?;
        let (front, authority) = runtime.block_on(Front::open(*world.endpoints(), prometheus.address, issuer)).map_err(said)?;
        let pilot = Pilot::new(folder, plan, &authority, credentials).map_err(said)?;
        runtime.block_on(strangers::are_refused(&front, &authority))?;
        // Their requests were not the program's.
        front.seen.lock().unwrap().refused.clear();
        let (control, began) = (world.control(), Instant::now());
        let troubles = Vec::new();
        Ok(Flight { seed, began, control, instances, prometheus, front, pilot, cockpit: None, troubles, runtime, _world: world })
    }

    /// Asks one of the flight's own servers, in plain text.
    pub(crate) fn ask(&self, url: reqwest::Url) -> Result<Value, String> {
        let asked = async {
            let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
            client.get(url).send().await?.json::<Value>().await
        };
        self.runtime.block_on(asked).map_err(|error| format!("{error:?}"))
    }

    fn kind(&self) -> Kind {
        Kind::ALL[(self.seed % Kind::ALL.len() as u64) as usize]
    }

    pub(crate) fn note(&self, text: &str) {
        out::note(&format!("{:>6.1}s {text}", self.began.elapsed().as_secs_f64()));
    }

    /// Whether it may fly, before and with a look at everything.
    fn check(&self) -> Result<(), Failure> {
        let plan = self.pilot.plan.display().to_string();
        self.pilot.done(&["check", &plan])?;
        std::thread::sleep(WINDOW.saturating_sub(self.began.elapsed()));
        let mut said = self.pilot.done(&["check", &plan, "--live"]);
        // A machine that is busy answers late, and then it is asked again, as anybody would.
        for _ in 0..2 {
            if said.is_err() {
                self.note("it is looked at again");
                said = self.pilot.done(&["check", &plan, "--live"]);
            }
        }
        let said = said?;
        self.note(&said);
        if said.trim_end().ends_with("\nmay fly") { Ok(()) } else { Err(Failure::Other(said)) }
    }

    /// Begins the session, and takes the controls in a cockpit.
    pub(crate) fn open(&mut self) -> Result<(), Failure> {
        let plan = self.pilot.plan.display().to_string();
        self.pilot.done(&["open", &plan, "--session", SESSION, "--no-attach"])?;
        let ready = |status: &Value| {
            let route = &status["routes"]["frontend"];
            route["motion"] == "settled" && route["against_going_back"].as_array().is_some_and(Vec::is_empty)
        };
        let status = self.until("the session can go back", ready)?;
        if status["world"] != "live" {
            return Err(Failure::Other(format!("the session is no live one: {}", status["world"])));
        }
        self.cockpit = Some(self.pilot.cockpit());
        self.cockpit().wait_for("Live flight");
        self.cockpit().keys("c");
        self.until("the controls are taken", |status| !status["controls"].is_null())?;
        Ok(())
    }

    fn cockpit(&mut self) -> &mut Pty {
        self.cockpit.as_mut().expect("a cockpit was opened")
    }

    /// Asks the program until it is so. Nobody has a reason to go home meanwhile.
    fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Result<Value, Failure> {
        self.until_within(what, PATIENCE, holds)
    }

    fn until_within(&self, what: &str, patience: Duration, holds: impl Fn(&Value) -> bool) -> Result<Value, Failure> {
        let until = Instant::now() + patience;
        loop {
            let status = self.pilot.status();
            if status["routes"]["frontend"]["latched"] == true {
                return Err(Failure::FalseRollback(self.story("it went home in vain")));
            }
            if holds(&status) {
                self.note(what);
                return Ok(status);
            }
            if Instant::now() > until {
                return Err(Failure::Other(self.story(&format!("waited in vain for: {what}\n{status:#}"))));
            }
            std::thread::sleep(ASK_EVERY);
        }
    }

    /// Everything that somebody needs who has to understand a failure.
    fn story(&self, what: &str) -> String {
        let told = self.pilot.done(&["audit", "show", SESSION]).unwrap_or_else(|error| error);
        let screen = self.cockpit.as_ref().map_or_else(String::new, Pty::text);
        let seen = self.front.seen.lock().unwrap();
        let troubles = self.troubles.join(", ");
        format!(
            "{what}\ntroubles: {troubles}\nrefused: {:?}\nerrors: {:?}\n--- screen\n{screen}\n--- journal\n{told}",
            seen.refused, seen.errors
        )
    }

    /// By the keys that README names.
    fn climb(&mut self, share: u16) -> Result<(), Failure> {
        self.cockpit().keys("]");
        self.cockpit().wait_for(&format!("draft {share}%"));
        let wanted = f64::from(share) / 100.0;
        let is =
            |status: &Value, what: &str| status["routes"]["frontend"][what]["gke"].as_f64().is_some_and(|is| (is - wanted).abs() < 1e-9);
        let until = Instant::now() + PATIENCE;
        loop {
            self.cockpit().keys("\r");
            match self.until_within(&format!("{share} % are wanted"), Duration::from_secs(8), |status| is(status, "wanted")) {
                Ok(_) => break,
                // What stands against it may pass: a window that fills, a look that is awaited.
                Err(Failure::Other(_)) if Instant::now() < until => {}
                Err(failure) => return Err(failure),
            }
        }
        let settled = |status: &Value| is(status, "accepted") && status["routes"]["frontend"]["motion"] == "settled";
        self.until(&format!("settled at {share} %"), settled)?;
        Ok(())
    }

    fn suffer(&mut self, trouble: Trouble) -> Result<(), Failure> {
        let (errors, seconds) = (|rate| Fault::Errors { leg: Leg::Gke, rate }, Duration::from_secs);
        self.troubles.push(named(trouble));
        self.note(named(trouble));
        match trouble {
            Trouble::PodsRestart => self.control.inject(&Fault::Restart { leg: Leg::Gke }),
            Trouble::MorePods => self.control.with(|world| world.kubernetes.scale("frontend", 8)),
            Trouble::InstancesReplaced => [self.seed % 4, (self.seed + 1) % 4].into_iter().for_each(|place| self.instances.begin(place)),
            Trouble::PrometheusStands => {
                self.prometheus.stop();
                std::thread::sleep(seconds(6));
                self.prometheus.go_on();
            }
            Trouble::FewErrors => {
                self.control.inject(&errors(if self.seed == IN_VAIN { 0.4 } else { 0.02 }));
                self.calm_for(seconds(15))?;
                self.control.inject(&errors(0.0));
            }
            Trouble::ShortBurst => {
                self.control.inject(&errors(0.5));
                std::thread::sleep(Duration::from_millis(1_500));
                self.control.inject(&errors(0.0));
            }
            Trouble::SlowApi => {
                self.control.inject(&Fault::Api { api: Api::Compute, trouble: ApiTrouble::Slow { ms: 1_500.0 }, for_s: 10.0 });
            }
        }
        self.calm_for(seconds(12))
    }

    /// Nobody goes home for so long.
    fn calm_for(&self, span: Duration) -> Result<(), Failure> {
        let until = Instant::now() + span;
        self.until_within("it is still out there", span + PATIENCE, |_| Instant::now() >= until).map(drop)
    }

    /// From the fault to the write, and to the last user who is home.
    fn breach(&mut self, breach: Breach) -> Result<[Duration; 2], Failure> {
        self.note(&format!("{breach:?}"));
        let began = Instant::now();
        self.control.inject(&match breach {
            Breach::Errors(percent) => Fault::Errors { leg: Leg::Gke, rate: f64::from(percent) / 100.0 },
            Breach::Slow(factor) => Fault::Latency { leg: Leg::Gke, factor: f64::from(factor) },
        });
        let mut asked = None;
        while began.elapsed() < MISSED_AFTER {
            let (accepted, propagated) = self.control.with(|world| (world.load_balancer.weights(), world.load_balancer.edge.split()));
            let at_home = accepted.iter().all(|(name, weight)| name.contains("run") || *weight == 0);
            if at_home && asked.is_none() {
                asked = Some(began.elapsed());
                self.note("the load balancer has home's weights");
            }
            if let Some(asked) = asked.filter(|_| propagated.gke <= 0.0) {
                self.note("the last user is home");
                return Ok([asked, began.elapsed()]);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Err(Failure::Missed(self.story("nobody is home two minutes after the fault")))
    }

    /// The program says itself that everybody is home and seen there. How long that took since the last one was.
    fn seen_home(&mut self) -> Result<Duration, Failure> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let status = self.pilot.status();
            let route = &status["routes"]["frontend"];
            let is_seen = ["proven", "fits"].iter().any(|word| route["requests_say"] == *word);
            if route["latched"] == true && route["motion"] == "settled" && route["accepted"]["gke"] == 0.0 && is_seen {
                self.note("the program has seen everybody at home");
                return Ok(began.elapsed());
            }
            std::thread::sleep(ASK_EVERY);
        }
        Err(Failure::Other(self.story("the program does not see that everybody is home")))
    }

    /// Ends the session; its journal is proved, and agrees with the cloud's own log.
    fn land(&mut self, folder: &Path) -> Result<(), Failure> {
        self.cockpit().keys("q");
        self.pilot.done(&["stop", SESSION])?;
        self.pilot.done(&["audit", "verify", SESSION])?;
        let log = folder.join("log.json");
        fs::write(&log, Value::from(self.control.audit_log()).to_string()).map_err(|error| error.to_string())?;
        let said = self.pilot.done(&["audit", "cross-check", SESSION, "--log", &log.display().to_string()])?;
        self.note(&said);
        let seen = self.front.seen.lock().unwrap();
        if !seen.refused.is_empty() || !seen.leaked.is_empty() {
            return Err(Failure::Other(format!("refused: {:?}\nsent where none belongs: {:?}", seen.refused, seen.leaked)));
        }
        Ok(())
    }
}

/// Which way to the cluster this flight's plan says.
fn endpoint(seed: u64) -> &'static str {
    ENDPOINTS[(seed % ENDPOINTS.len() as u64) as usize]
}

fn named(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::PodsRestart => "every pod restarts",
        Trouble::MorePods => "two more pods",
        Trouble::InstancesReplaced => "two instances replaced",
        Trouble::PrometheusStands => "Prometheus stands still for 6 s",
        Trouble::FewErrors => "2 % errors for 15 s",
        Trouble::ShortBurst => "50 % errors for 1.5 s",
        Trouble::SlowApi => "Compute takes 1.5 s an answer",
    }
}
