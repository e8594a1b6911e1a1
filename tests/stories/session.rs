//! A session in one process, composed as the demo composes it, and a client's executors on it.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use cutover::words;
use cutover::{
    attach::{
        client::{self, Link, Reply, ToHost},
        connection::Farewell,
        dial::Dial,
        host::{About, Host},
        protocol::Wants,
        roster::Identity,
    },
    cli::{
        compose,
        inject::{self, Hand},
    },
    core::{
        command::{Command, ControlsCommand},
        decision::{Refusal, Verdict},
        event::{Event, Hosted, WorldKind},
        home::home,
        record::Keeping,
        state::{Motion, RouteState, State},
    },
    domain::{
        claim::{Machine, Token},
        id::{AskId, BackendId, ClientId, RouteId, SessionId},
        role::Role,
        shown::Shown,
        time::Timestamp,
        weight::{PerMille, Weights},
    },
    door::door,
    plan::{self, model::Plan},
    session::{
        clock::Clock,
        engine::{self, Parts},
        keeping::EngineError,
        memory,
        recorder::{self, Recorder},
        refold::Folded,
    },
    sim::{
        scenario::Scenario,
        simulation::{Config, Control, Endpoints, Simulation},
        world::propagation::Span,
    },
};
use tokio::{net::UnixStream, sync::watch, task::JoinHandle};

use crate::landed::Landed;

/// Real time that anything may take before a story is given up; generous, because the machine may be busy with something else.
/// The plan's smallest step, in per mille: no first step goes further.
const FIRST_RUNG: u16 = 10;
const PATIENCE: Duration = Duration::from_secs(120);
const PLAN: &str = include_str!("../../plans/hexproperty.yaml");
/// Three services behind one load balancer.
pub(crate) const SERVICES: &str = include_str!("../../plans/services.yaml");
/// A service that moves from one cluster to another.
pub(crate) const CLUSTERS: &str = include_str!("../../plans/gke-to-gke.yaml");
/// The first one with figures from Prometheus.
pub(crate) const PROMETHEUS: &str = include_str!("../../plans/prometheus.yaml");
/// The first one with figures from the load balancer.
pub(crate) const LOAD_BALANCER: &str = include_str!("../../plans/load_balancer.yaml");

/// What a story wants otherwise than the demo has it.
pub(crate) struct Sky {
    pub name: &'static str,
    /// World seconds in a real one.
    pub speed: f64,
    /// How long the edge takes to follow.
    pub edge: Span,
    /// What goes wrong by itself, and what chance it is drawn from.
    pub scenario: Scenario,
    pub seed: u64,
    /// The plan's text.
    pub text: &'static str,
    /// Changes of it, where its own times would only make a story longer: what stands there, and what shall.
    pub plan: &'static [(&'static str, &'static str)],
}

impl Sky {
    pub(crate) const fn calm(name: &'static str) -> Sky {
        let edge = Span { min_ms: 5_000.0, max_ms: 20_000.0 };
        Sky { name, speed: 25.0, edge, scenario: Scenario::Calm, seed: 1, text: PLAN, plan: &[("settle: 2m", "settle: 45s")] }
    }
}

/// A story's own folder and names.
struct Place {
    name: &'static str,
    folder: PathBuf,
    journal: PathBuf,
    /// Where the world is reached.
    ways: Endpoints,
}

impl Place {
    fn session(&self) -> SessionId {
        format!("story-{}", self.name).parse().unwrap()
    }
}

pub(crate) struct Session {
    place: Place,
    pub world: Arc<Simulation>,
    clock: Clock,
    link: Link,
    asks: u64,
    stop: watch::Sender<bool>,
    _closing: watch::Sender<Option<Farewell>>,
    engine: JoinHandle<Result<State, EngineError>>,
    served: JoinHandle<()>,
}

impl Session {
    /// Starts world, engine and host, and attaches one pilot who holds the controls.
    pub(crate) async fn begin(sky: Sky) -> Session {
        let config = Config { speed: sky.speed, propagation: sky.edge, scenario: sky.scenario, seed: sky.seed, ..Config::default() };
        let world = Simulation::start(config).await.expect("loopback ports are to be had");
        Session::begin_in(Arc::new(world), sky, 1).await
    }

    /// The same where Google's APIs are reached through somebody else's address.
    #[allow(dead_code, reason = "the benchmarks' own")]
    pub(crate) async fn begin_behind(google: SocketAddr, world: Arc<Simulation>, sky: Sky) -> Session {
        let ways = Endpoints { google, ..*world.endpoints() };
        Session::begin_on(ways, world, sky, 1).await
    }

    /// The same in a world that others steer too, with a token of its own.
    pub(crate) async fn begin_in(world: Arc<Simulation>, sky: Sky, token: u32) -> Session {
        Session::begin_on(*world.endpoints(), world, sky, token).await
    }

    async fn begin_on(ways: Endpoints, world: Arc<Simulation>, sky: Sky, token: u32) -> Session {
        let plan = plan(sky.text, sky.plan);
        let clock = Clock::paced(Timestamp(world.clock().now_ms()), world.clock().speed());
        let folder = std::env::temp_dir().join(format!("cutover-story-{}-{}", sky.name, std::process::id()));
        let _was_there = std::fs::remove_dir_all(&folder);
        let place = Place { name: sky.name, journal: folder.join("flight.journal"), folder, ways };
        let recorder = Recorder::create(&place.journal, clock.now(), &place.session(), &plan.hash.to_string(), "anna").unwrap();
        let opened = Event::Opened { session: place.session(), plan: Box::new(plan.clone()), world: kind(&world) };
        let hosted = Hosted { machine: Machine::new(sky.name), token: Token::new(token), takes_over: None };
        let first = vec![opened, Event::Hosted(hosted)];
        let mut session = Session::host(place, world, plan, clock, recorder, State::default(), first).await;
        session.take_controls().await;
        session.until("the first readings", |state| matches!(route_of(state).motion, Motion::Settled)).await;
        session
    }

    async fn host(
        place: Place,
        world: Arc<Simulation>,
        plan: Plan,
        clock: Clock,
        recorder: Recorder,
        state: State,
        first: Vec<Event>,
    ) -> Session {
        let places = compose::Places::Simulated(place.ways);
        inject::suit(&world.control(), &plan);
        let composed =
            compose::compose(&plan, &places, clock, Some(Arc::new(Hand { control: world.control(), plan: plan.clone() }))).unwrap();
        memory::take_up(&composed.executors.drivers, &place.journal);
        let (outside, inside) = door();
        let (stop, stopped) = watch::channel(false);
        let (closing, closed) = watch::channel(None);
        let first_client = ClientId(recorder.last_client().0 + 1);
        let about = About { session: place.session(), plan: plan.name.clone(), world: kind(&world), first_client };
        let host = Host::new(outside, about, closed);
        let parts = Parts { clock, executors: composed.executors, sensors: composed.sensors, inside, stop: stopped };
        let engine = tokio::spawn(engine::run(state, recorder, first, parts));
        let (ours, theirs) = UnixStream::pair().unwrap();
        let who = Identity { uid: 1000, who: "anna".parse().unwrap(), role: Role::Pilot };
        let served = tokio::spawn(async move { host.serve_stream(theirs, who).await });
        let link = client::connect(Dial::once(ours), Wants::Cockpit, None).await.unwrap();
        Session { place, world, clock, link, asks: 0, stop, _closing: closing, engine, served }
    }

    /// Ends the host between two entries, as a kill does, and starts another on the same journal and world.
    pub(crate) async fn die_and_come_back(self) -> Session {
        let Session { place, world, clock, engine, served, .. } = self;
        engine.abort();
        assert!(engine.await.is_err_and(|error| error.is_cancelled()), "it was still at work");
        served.abort();
        let (recorder, Folded { state, differs, .. }) = Recorder::open(&place.journal, "anna").unwrap();
        assert_eq!(differs, None);
        let plan = (*state.opened.as_ref().expect("it was opened").plan).clone();
        Session::host(place, world, plan, clock, recorder, state, vec![Event::Restarted]).await
    }

    /// Takes the journal away from under the host, as somebody does who clears up.
    pub(crate) fn lose_journal(&self) {
        std::fs::rename(&self.place.journal, self.place.folder.join("elsewhere")).unwrap();
    }

    /// Waits until the host has ended without its record, puts the journal back, and starts another host on it.
    pub(crate) async fn end_and_come_back(self) -> (EngineError, Session) {
        let Session { place, world, clock, engine, served, .. } = self;
        let ended = tokio::time::timeout(PATIENCE, engine).await.expect("the engine ends by itself").unwrap();
        let error = ended.expect_err("its record broke");
        served.abort();
        std::fs::rename(place.folder.join("elsewhere"), &place.journal).unwrap();
        let (recorder, folded) = Recorder::open(&place.journal, "anna").unwrap();
        let first = recorder::returning(&folded).into_iter().chain(recorder.missing()).collect();
        let plan = (*folded.state.opened.as_ref().expect("it was opened").plan).clone();
        (error, Session::host(place, world, plan, clock, recorder, folded.state, first).await)
    }

    pub(crate) async fn take_controls(&mut self) {
        assert_eq!(self.ask(Command::Controls(ControlsCommand::Take)).await, Verdict::Accepted);
    }

    pub(crate) fn control(&self) -> Control {
        self.world.control()
    }

    /// The newest state that the client knows.
    pub(crate) fn state(&self) -> Arc<State> {
        self.link.view.borrow().state.clone()
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn ask(&mut self, command: Command) -> Verdict {
        loop {
            let sent = self.send(command.clone()).await;
            match self.answer(sent).await {
                // The machine may be busy with something else, and its disk slow: what it refuses then is asked once more, as anybody would.
                Verdict::Refused(Refusal::RecordHangs { .. }) => {
                    let answers = |state: &State| !matches!(state.record.keeping, Keeping::Hanging { .. });
                    self.until("the disk of the record answers", answers).await;
                }
                verdict => return verdict,
            }
        }
    }

    pub(crate) async fn send(&mut self, command: Command) -> AskId {
        self.asks += 1;
        let ask = AskId(self.asks);
        self.link.asks.send(ToHost::Ask { ask, key: Some(Shown::new("Enter")), command }).await.unwrap();
        ask
    }

    pub(crate) async fn answer(&mut self, sent: AskId) -> Verdict {
        match tokio::time::timeout(PATIENCE, self.link.replies.recv()).await {
            Ok(Some(Reply::Answered { ask, verdict, .. })) if ask == sent => verdict,
            other => panic!("{}: {other:?} is no answer to {sent:?}\n{}", self.place.name, self.story()),
        }
    }

    pub(crate) fn shift(&self, to: u16) -> Command {
        self.shift_of(&route_id(), split(to))
    }

    pub(crate) fn shift_of(&self, id: &RouteId, to: Weights) -> Command {
        let state = self.state();
        let route = &state.routes[id];
        let from = match &route.drift {
            Some(drift) => drift.found.clone(),
            None => route.wanted.clone().expect("the route was read"),
        };
        Command::Shift { route: id.clone(), from, to }
    }

    /// Asks for a share until it is taken. What passes by itself (too early for a first reading, a starved machine) is waited for; every
    /// other refusal ends the story.
    pub(crate) async fn advance(&mut self, to: u16) {
        self.advance_of(&route_id(), split(to)).await;
    }

    /// The same of another route, to a split of its own.
    pub(crate) async fn advance_of(&mut self, id: &RouteId, to: Weights) {
        let began = Instant::now();
        loop {
            let request = self.shift_of(id, to.clone());
            match self.ask(request).await {
                Verdict::Accepted | Verdict::Queued => return,
                Verdict::Refused(refusal) if passes_by_itself(&refusal) && began.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                other => panic!("{}: {id} to {to}: {other:?}\n{}", self.place.name, self.story()),
            }
        }
    }

    /// Advances and waits until requests agree. From home the first step is a small one.
    pub(crate) async fn fly_to(&mut self, to: u16) {
        let stands = route_of(&self.state()).wanted.clone();
        if to > FIRST_RUNG && stands.is_some_and(|stands| stands == split(0)) {
            self.goes_to(FIRST_RUNG).await;
        }
        self.goes_to(to).await;
    }

    /// Asked for once more where a slow disk kept it from leaving.
    async fn goes_to(&mut self, to: u16) {
        loop {
            let before = hangs(&self.state());
            self.advance(to).await;
            let stayed = move |state: &State| {
                let route = route_of(state);
                let rests = route.motion == Motion::Settled && route.queued.is_none();
                hangs(state) > before && rests && route.wanted.as_ref() != Some(&split(to))
            };
            let there = is_settled_at(to);
            let state = self.until(&format!("settled at {to} per mille"), move |state| there(state) || stayed(state)).await;
            if !stayed(&state) {
                return;
            }
        }
    }

    pub(crate) async fn settled_at(&mut self, to: u16) -> Arc<State> {
        self.until(&format!("settled at {to} per mille"), is_settled_at(to)).await
    }

    /// Waits until the state is as wanted.
    pub(crate) async fn until(&mut self, what: &str, wanted: impl Fn(&State) -> bool) -> Arc<State> {
        let found = tokio::time::timeout(PATIENCE, self.link.view.wait_for(|view| wanted(&view.state))).await;
        if let Some(state) = found.ok().and_then(Result::ok).map(|view| view.state.clone()) {
            return state;
        }
        panic!("{}: waited in vain for: {what}\n{}", self.place.name, self.story());
    }

    /// What the feed tells, for whoever has to understand a failure.
    pub(crate) fn story(&self) -> String {
        let state = self.state();
        let opened = state.opened.as_ref().map_or(state.now, |opened| opened.at);
        let lines = state
            .feed
            .iter()
            .map(|line| format!("{:>8}  {}\n", line.at.since(opened).to_string(), words::news(&line.news, words::Names::of(&state))));
        let route = route_of(&state);
        let items = state.checklist.iter().map(|(id, item)| format!("{id}: {:?} {:?}\n", item.status, item.evidence));
        format!(
            "{}motion: {:?}\nreadiness: {:?}\ntriggers: {:#?}\n{}",
            lines.collect::<String>(),
            route.motion,
            route.readiness.against,
            state.triggers,
            items.collect::<String>()
        )
    }

    /// Ends a flight whose journal doesn't tell all of it.
    pub(crate) async fn leave(self) {
        let Session { place, world, link, stop, engine, served, .. } = self;
        drop(link);
        tokio::time::timeout(PATIENCE, served).await.expect("the host lets a client go").unwrap();
        stop.send(true).unwrap();
        tokio::time::timeout(PATIENCE, engine).await.expect("the engine ends when it is told to").unwrap().unwrap();
        stopped(world).await;
        std::fs::remove_dir_all(place.folder).unwrap();
    }

    /// Ends the flight and judges what it left behind.
    pub(crate) async fn land(self) -> Landed {
        let story = self.story();
        let Session { place: Place { name, folder, journal, .. }, world, link, stop, engine, served, .. } = self;
        assert_eq!(link.view.borrow().disagreements, 0, "{name}: the client folds as the host does");
        drop(link);
        tokio::time::timeout(PATIENCE, served).await.expect("the host lets a client go").unwrap();
        stop.send(true).unwrap();
        let state = tokio::time::timeout(PATIENCE, engine).await.expect("the engine ends when it is told to").unwrap().unwrap();
        let (truth, log) = (world.control().truth(), world.control().audit_log());
        stopped(world).await;
        Landed::judge(name, story, folder, &journal, state, truth, log)
    }
}

/// Whoever leaves last stops the world.
async fn stopped(world: Arc<Simulation>) {
    if let Some(world) = Arc::into_inner(world) {
        world.stop().await;
    }
}

fn kind(world: &Simulation) -> WorldKind {
    WorldKind::Demo { speed: world.clock().speed().round() as u32 }
}

/// Whether the users of every route are home.
pub(crate) fn all_home(state: &State) -> bool {
    let plan = &state.opened.as_ref().expect("it is open").plan;
    plan.routes.iter().all(|route| home(state, route).is_reached())
}

/// What is over without anybody's doing: too early for a first reading, a machine that is short of time.
pub(crate) fn passes_by_itself(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::Blind { .. }
            | Refusal::NotReady { .. }
            | Refusal::NotKnown
            | Refusal::Unresolved
            | Refusal::RequestsDisagree { .. }
            | Refusal::Breached { .. }
    )
}

fn plan(text: &str, changes: &[(&str, &str)]) -> Plan {
    let mut text = text.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "the plan says {from:?}");
        text = text.replace(from, to);
    }
    plan::read(text.as_bytes()).expect("the plan is in order").0
}

pub(crate) fn route_id() -> RouteId {
    "frontend".parse().unwrap()
}

/// How often the disk of the record has let something wait, and answered after all.
fn hangs(state: &State) -> u32 {
    state.record.slow.as_ref().map_or(0, |slow| slow.times)
}

fn is_settled_at(to: u16) -> impl Fn(&State) -> bool {
    let split = split(to);
    move |state| {
        let route = route_of(state);
        route.motion == Motion::Settled && route.queued.is_none() && route.accepted.as_ref().is_some_and(|known| known.weights == split)
    }
}

/// The frontend, or the only route of a plan without it.
pub(crate) fn route_of(state: &State) -> &RouteState {
    let first = || state.routes.values().next().expect("a plan has routes");
    state.routes.get(&route_id()).unwrap_or_else(first)
}

pub(crate) fn backend(name: &str) -> BackendId {
    name.parse().unwrap()
}

/// So many per mille on GKE, the rest on Cloud Run.
pub(crate) fn split(gke: u16) -> Weights {
    Weights::all_on(&backend("run"), &[backend("run"), backend("gke")]).with(&backend("gke"), PerMille::new(gke).unwrap()).unwrap()
}
