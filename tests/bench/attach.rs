//! What attaching costs, printed: `cargo bench --bench attach`, or of `keys`, `strangers`, `joining`, `program` and `pages` only those that are named.
//!
//! The key-to-request figure runs the real engine, journal, host and client over a Unix socket; only the world is replaced by a driver that
//! notes when it was asked. Bytes, memory and hang-ups are measured on the program itself. Nothing here is an assertion about time, and
//! nothing here waits for ever: what does not come within [`PATIENCE`] is said, with what the session says of it.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets a surprise has failed, and says what it saw"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use cutover::{
    attach::{
        client::{self, Link, Reply, ToHost, View},
        connection::Farewell,
        dial::Dial,
        frame::{self, Outgoing},
        host::{About, Host},
        peer,
        protocol::{Hello, VERSION, Wants},
        roster::Roster,
    },
    core::{
        command::{Command, ControlsCommand},
        decision::{Transition, Verdict},
        event::{Entry, Event, WorldKind},
        state::{Motion, State},
        step::step,
    },
    domain::{
        claim::Claimed,
        fact::{Accepted, Fact, Observation},
        fault::{Fault, Outcome, Receipt, Version, Written},
        id::{AskId, ClientId, RouteId, Seq, SessionId},
        time::{Millis, Timestamp},
        weight::Weights,
    },
    door::door,
    plan::{self, model::Plan},
    port::{Answer, Change, Driver, Intent, Taken},
    session::{
        clock::Clock,
        dispatch::Executors,
        engine::{self, Parts},
        recorder::{Recorder, Weight},
        refold::Folded,
        sensors::{WeightsSensor, weights_source},
    },
};
use tokio::{io::AsyncReadExt, net::UnixListener, net::UnixStream, runtime::Runtime, sync::watch, time::timeout};

#[path = "attach/pages.rs"]
mod pages;
#[path = "attach/program.rs"]
mod program;
#[path = "attach/strangers.rs"]
mod strangers;
#[path = "../common/world.rs"]
mod world;

const SHIFTS: u16 = 200;
const RECORDS: u64 = 100_000;
/// Whatever is waited for here takes milliseconds; after so long it does not come.
const PATIENCE: Duration = Duration::from_secs(20);

type Section = (&'static str, fn(&Path));
const SECTIONS: [Section; 5] =
    [("keys", keys), ("strangers", strangers::measure), ("joining", joining), ("program", program::measure), ("pages", pages::measure)];

fn main() -> ExitCode {
    // Cargo says `--bench` to every benchmark.
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    if let [first, manner, nice, socket] = &asked[..]
        && first == strangers::STORM
    {
        strangers::storm(manner, nice, Path::new(socket));
        return ExitCode::SUCCESS;
    }
    if let Some(word) = asked.iter().find(|word| SECTIONS.iter().all(|(name, _)| name != word)) {
        eprintln!("there are no figures called {word:?}; choose of keys, strangers, joining, program, pages");
        return ExitCode::from(2);
    }
    let folder = std::env::temp_dir().join(format!("cutover-bench-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    for (name, section) in SECTIONS {
        if asked.is_empty() || asked.iter().any(|word| word == name) {
            section(&folder);
        }
    }
    fs::remove_dir_all(&folder).ok();
    ExitCode::SUCCESS
}

fn keys(folder: &Path) {
    for (readers, stuck) in [(0, 0), (12, 4), (48, 16)] {
        let watchers = readers + stuck;
        match key_to_request(folder, readers, stuck) {
            Ok((took, behind)) => {
                println!("key to request, {watchers:>2} watchers ({stuck:>2} stuck): {}", told(took));
                if let Some(oldest_view) = behind {
                    println!("    every reader follows: the one furthest behind has entry {oldest_view}");
                }
            }
            Err(why) => println!("key to request, {watchers:>2} watchers ({stuck:>2} stuck): no figure: {why}"),
        }
    }
}

fn told(mut took: Vec<Duration>) -> String {
    took.sort();
    format!(
        "p50 {:>6.2} ms  p99 {:>6.2} ms  max {:>6.2} ms  of {} shifts",
        ms(quantile(&took, 0.5)),
        ms(quantile(&took, 0.99)),
        ms(took[took.len() - 1]),
        took.len()
    )
}

fn runtime(threads: usize) -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap()
}

fn the_plan() -> Plan {
    let text = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/hexproperty.yaml")).unwrap();
    plan::read(&text).unwrap().0
}

fn route() -> RouteId {
    "frontend".parse().unwrap()
}

fn weights(gke: u16) -> Weights {
    serde_json::from_value(serde_json::json!({ "run": 1000 - gke, "gke": gke })).unwrap()
}

/// Holds weights as an API does, and notes when a write got to it.
struct Noting {
    holds: Mutex<(u16, u64)>,
    written: Mutex<Vec<Instant>>,
}

impl Driver for Noting {
    fn read(&self) -> Answer<'_, Result<Accepted, Fault>> {
        let (gke, version) = *self.holds.lock().unwrap();
        let version = Version(version.to_string());
        let accepted = Accepted {
            route: route(),
            weights: weights(gke),
            version,
            actor: None,
            changed_at: None,
            hindrances: Vec::new(),
            claimed: Claimed::Untold,
        };
        Box::pin(std::future::ready(Ok(accepted)))
    }
    fn write<'a>(&'a self, change: Change<'a>, _: &'a Version, _: &'a Intent, _: Taken) -> Answer<'a, Written> {
        let Change::Split { to, .. } = change else { panic!("nobody takes over here") };
        self.written.lock().unwrap().push(Instant::now());
        let mut holds = self.holds.lock().unwrap();
        *holds = (to.of(&"gke".parse().unwrap()).get(), holds.1 + 1);
        let receipt = Receipt { version: Some(Version(holds.1.to_string())), operation: None };
        Box::pin(std::future::ready(Outcome::Done(receipt).into()))
    }
    fn by_hand(&self, _: &Weights) -> String {
        "nothing by hand".to_owned()
    }
}

/// A session with everything but a world, on a socket.
struct Hosted {
    _runtime: Runtime,
    driver: Arc<Noting>,
    socket: PathBuf,
    _ends: (watch::Sender<bool>, watch::Sender<Option<Farewell>>, watch::Sender<Arc<Roster>>),
}

impl Hosted {
    /// `read_every` sets how much there is to tell to everybody.
    fn start(folder: &Path, recorder: Recorder, state: State, first: Event, read_every: Millis) -> Hosted {
        let runtime = runtime(2);
        let driver = Arc::new(Noting { holds: Mutex::new((1000, 1)), written: Mutex::default() });
        let socket = folder.join("bench.sock");
        fs::remove_file(&socket).ok();
        let (outside, inside) = door();
        let (stop, stopped) = watch::channel(false);
        let (close, closing) = watch::channel(None);
        let owner = peer::own_uid();
        let (roster, rostered) = watch::channel(Arc::new(Roster::of_owner(owner, "")));
        let executors = Executors {
            drivers: [(route(), driver.clone() as Arc<dyn Driver>)].into(),
            reconcilers: Default::default(),
            fault_injector: None,
            read_every,
        };
        let sensor = WeightsSensor { route: route(), driver: driver.clone(), every: read_every };
        let parts = Parts { clock: Clock::live(), executors, sensors: vec![Box::new(sensor)], inside, stop: stopped };
        let about = About { session: session(), plan: "bench".into(), world: WorldKind::Live, first_client: ClientId(1) };
        let listener = runtime.block_on(async { UnixListener::bind(&socket).unwrap() });
        runtime.spawn(engine::run(state, recorder, vec![first], parts));
        let host = Host::new(outside, about, closing);
        runtime.spawn(async move { host.serve(listener, tokio::sync::mpsc::channel(1).1, rostered).await });
        Hosted { _runtime: runtime, driver, socket, _ends: (stop, close, roster) }
    }

    fn dial(&self) -> Dial {
        Dial::Path { path: self.socket.clone(), owner: peer::own_uid() }
    }
}

fn session() -> SessionId {
    "bench".parse().unwrap()
}

fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}

fn new_book(folder: &Path, name: &str, plan: &Plan) -> Recorder {
    let path = folder.join(name);
    fs::remove_dir_all(&path).ok();
    fs::remove_file(folder.join(format!("{name}.checkpoint"))).ok();
    Recorder::create(&path, now(), &session(), &plan.hash.to_string(), "bench").unwrap()
}

fn opened(plan: &Plan) -> Event {
    Event::Opened { session: session(), plan: Box::new(plan.clone()), world: WorldKind::Live }
}

/// From the pilot's key to the write that leaves, intent on disk in between, while others watch and some of them don't read. And the entry
/// that the reader furthest behind has come to.
fn key_to_request(folder: &Path, readers: usize, stuck: usize) -> Result<(Vec<Duration>, Option<u64>), String> {
    let plan = the_plan();
    let recorder = new_book(folder, &format!("keys-{readers}.jsonl"), &plan);
    let hosted = Hosted::start(folder, recorder, State::default(), opened(&plan), Millis(20));
    let crowd = runtime(2);
    let join = |at| crowd.block_on(client::connect(hosted.dial(), Wants::Watch, None)).map_err(|error| format!("watcher {at}: {error}"));
    let watching: Vec<Link> = (1..=readers).map(join).collect::<Result<_, _>>()?;
    let idle: Vec<UnixStream> = (0..stuck).map(|_| crowd.block_on(never_reading(&hosted.socket))).collect();
    let took = runtime(1).block_on(fly(&hosted))?;
    let newest = watching.iter().map(|link| link.view.borrow().state.seq.0).min();
    drop((watching, idle));
    Ok((took, newest))
}

async fn never_reading(socket: &Path) -> UnixStream {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    let hello = Hello { version: VERSION, wants: Wants::Watch, terminal: None, person: None };
    frame::write(&mut stream, &[Outgoing::of(&hello)]).await.unwrap();
    stream
}

/// Home in small steps, each when the one before was read back; or what keeps it from going on.
async fn fly(hosted: &Hosted) -> Result<Vec<Duration>, String> {
    let mut link = client::connect(hosted.dial(), Wants::Cockpit, None).await.map_err(|error| format!("the pilot: {error}"))?;
    let take = ToHost::Ask { ask: AskId(1), key: None, command: Command::Controls(ControlsCommand::Take) };
    link.asks.send(take).await.unwrap();
    until(&mut link, "the controls", |view| view.state.controls.holder.is_some()).await?;
    let mut asked = Vec::new();
    for step in 0..SHIFTS {
        let (from, to) = (weights(1000 - step), weights(999 - step));
        let stands = |state: &State| {
            let route = &state.routes[&route()];
            let is_read = route.accepted_seq > route.outcome_seq || route.outcome_seq.is_none();
            let at_rest = matches!(route.motion, Motion::Settled | Motion::Propagating { .. });
            at_rest && is_read && route.accepted.as_ref().is_some_and(|accepted| accepted.weights == from)
        };
        until(&mut link, &format!("rest at {from}"), |view| stands(&view.state)).await?;
        let command = Command::Shift { route: route(), from: from.clone(), to: to.clone() };
        asked.push(Instant::now());
        link.asks.send(ToHost::Ask { ask: AskId(u64::from(step) + 2), key: None, command }).await.unwrap();
        let count = asked.len();
        until(&mut link, &format!("the write to {to}"), |_| hosted.driver.written.lock().unwrap().len() == count).await?;
    }
    let written = hosted.driver.written.lock().unwrap();
    Ok(written.iter().zip(&asked).map(|(written, asked)| written.duration_since(*asked)).collect())
}

/// Waits until the view is as wanted. What is refused meanwhile is not waited for any more.
async fn until(link: &mut Link, what: &str, mut wanted: impl FnMut(&View) -> bool) -> Result<(), String> {
    let Link { view, replies, .. } = link;
    let refused = async {
        loop {
            match replies.recv().await {
                Some(Reply::Answered { verdict: Verdict::Accepted, .. }) => {}
                Some(other) => return format!("{other:?}"),
                None => return "the link has ended".to_owned(),
            }
        }
    };
    let why = tokio::select! {
        biased;
        seen = timeout(PATIENCE, view.wait_for(|view| wanted(view))) => match seen {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(_)) => "the link has ended".to_owned(),
            Err(_) => format!("not within {} s", PATIENCE.as_secs()),
        },
        why = refused => why,
    };
    let view = view.borrow();
    let route = view.state.routes.get(&route());
    let stood = route.map(|route| (&route.motion, &route.drift, route.accepted.as_ref().map(|accepted| accepted.weights.to_string())));
    Err(format!("{what} did not come: {why}; line: {:?}; entry {}; the route: {stood:?}", view.connection, view.state.seq))
}

/// A host that comes up on a long journal, and a cockpit that joins it.
fn joining(folder: &Path) {
    let plan = the_plan();
    let path = folder.join("long.jsonl");
    let first = now();
    let mut recorder = new_book(folder, "long.jsonl", &plan);
    let mut state = State::default();
    for seq in 0..RECORDS {
        let at = Timestamp(first.0 - 1000 * (RECORDS - seq) as i64);
        let event = if seq == 0 { opened(&plan) } else { Event::Observed(reading(at)) };
        let entry = Entry { seq: Seq(seq), at, event };
        let decision = step(&mut state, &entry);
        let json = serde_json::to_string(&Transition { entry, decision }).unwrap();
        recorder.append(at, Weight::Buffered, &json).unwrap();
    }
    recorder.flush().unwrap();
    drop(recorder);
    let began = Instant::now();
    let (recorder, Folded { state, .. }) = Recorder::open(&path, "bench").unwrap();
    println!("taking up a journal of {RECORDS} records, verified and folded: {:.0} ms", ms(began.elapsed()));
    let hosted = Hosted::start(folder, recorder, state, Event::Restarted, Millis(1000));
    let joiner = runtime(1);
    let mut took: Vec<Duration> = (0..40)
        .map(|_| {
            // The host lets an account in twenty times a second; that wait is not the join's.
            std::thread::sleep(Duration::from_millis(60));
            let began = Instant::now();
            let link = joiner.block_on(client::connect(hosted.dial(), Wants::Watch, None)).unwrap();
            let took = began.elapsed();
            drop(link);
            took
        })
        .collect();
    took.sort();
    println!("joining it, connect to first state: p50 {:.2} ms  p99 {:.2} ms", ms(quantile(&took, 0.5)), ms(quantile(&took, 0.99)));
    let bytes = joiner.block_on(async {
        let mut stream = never_reading(&hosted.socket).await;
        let mut bytes = vec![0u8; 1 << 20];
        let mut count = 0;
        while let Ok(Ok(more @ 1..)) = tokio::time::timeout(Duration::from_millis(300), stream.read(&mut bytes)).await {
            count += more;
        }
        count
    });
    println!("    the first state is {} kB on the line", bytes / 1000);
}

fn reading(at: Timestamp) -> Observation {
    let accepted = Accepted {
        route: route(),
        weights: weights(1000),
        version: Version("1".to_owned()),
        actor: None,
        changed_at: None,
        hindrances: Vec::new(),
        claimed: Claimed::Untold,
    };
    Observation { source: weights_source(&route()), asked_at: at, stale_after: Millis(20_000), result: Ok(vec![Fact::Accepted(accepted)]) }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn quantile(sorted: &[Duration], quantile: f64) -> Duration {
    sorted[((sorted.len() - 1) as f64 * quantile).round() as usize]
}
