//! The engine with a driver that is a gate, and no world.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::{Notify, watch};

use crate::{
    core::{
        command::{Command, ControlsCommand},
        decision::{Effect, Refusal, Transition, Verdict},
        event::{Asker, Event, WorldKind},
        record::{Keeping, RecordChange},
        state::State,
    },
    domain::{
        claim::Claimed,
        fact::Accepted,
        fault::{Fault, FaultKind, Outcome, Receipt, Version, Written},
        id::{AskId, ClientId},
        role::Role,
        time::Millis,
        weight::{PerMille, Weights},
    },
    door::{Door, OnRecord, Presence, Published, Request, Wanted, door},
    journal::{
        memory::Memory,
        segment::Form,
        walk::entries,
        writer::{Cadence, Writer},
    },
    plan::{self, model::Plan},
    port::{Answer, Change, Driver, Intent, Sensor, Taken},
    session::{
        clock::Clock,
        dispatch::Executors,
        engine::{self, Parts},
        recorder::Recorder,
        sensors::WeightsSensor,
    },
};

/// A folder of its own for a test, removed when the test ends well.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("cutover-engine-{name}-{}", std::process::id()));
        let _was_there = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Scratch(path)
    }

    fn journal(&self) -> PathBuf {
        self.0.join("journal")
    }

    fn transitions(&self) -> Vec<Transition> {
        entries(&self.journal()).unwrap().into_iter().map(|(_, transition)| transition).collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _stays = std::fs::remove_dir_all(&self.0);
        }
    }
}

fn the_plan() -> Plan {
    plan::read(include_bytes!("../../plans/hexproperty.yaml")).unwrap().0
}

fn split(gke: u16) -> Weights {
    let share = |share| PerMille::new(share).unwrap();
    Weights::new([("run".parse().unwrap(), share(1000 - gke)), ("gke".parse().unwrap(), share(gke))].into()).unwrap()
}

/// Everything is on GKE; a write is not answered before the gate is opened.
#[derive(Default)]
struct Gate {
    asked: Notify,
    open: Notify,
    writes: AtomicU64,
}

impl Driver for Gate {
    fn read(&self) -> Answer<'_, Result<Accepted, Fault>> {
        let (weights, version) = match self.writes.load(Ordering::SeqCst) {
            0 => (split(1000), Version("1".to_owned())),
            _ => (split(0), Version("2".to_owned())),
        };
        let accepted = Accepted {
            route: "frontend".parse().unwrap(),
            weights,
            version,
            actor: None,
            changed_at: None,
            hindrances: Vec::new(),
            claimed: Claimed::Untold,
        };
        Box::pin(std::future::ready(Ok(accepted)))
    }
    fn write<'a>(&'a self, _: Change<'a>, _: &'a Version, _: &'a Intent, _: Taken) -> Answer<'a, Written> {
        Box::pin(async {
            self.asked.notify_one();
            self.open.notified().await;
            self.writes.fetch_add(1, Ordering::SeqCst);
            Outcome::Done(Receipt { version: Some(Version("2".to_owned())), operation: None }).into()
        })
    }
    fn by_hand(&self, _: &Weights) -> String {
        "nothing by hand".to_owned()
    }
}

struct Hosted {
    door: Door,
    stop: watch::Sender<bool>,
    engine: tokio::task::JoinHandle<State>,
}

/// Runs an engine; what is put into the door before is there when it begins.
async fn host(scratch: &Scratch, driver: &Arc<Gate>, watched: Vec<Box<dyn Sensor>>, segment_bytes: u64, before: Vec<Request>) -> Hosted {
    let plan = the_plan();
    let clock = Clock::live();
    let session = "engine".parse().unwrap();
    let recorder = Recorder::create(&scratch.journal(), clock.now(), &session, &plan.hash.to_string(), "test").unwrap();
    let first = vec![Event::Opened { session, plan: Box::new(plan), world: WorldKind::Live }];
    let (door, inside) = door();
    for request in before {
        door.requests.send(request).await.unwrap();
    }
    let (stop, stopped) = watch::channel(false);
    let drivers = [("frontend".parse().unwrap(), Arc::clone(driver) as Arc<dyn Driver>)].into();
    let executors = Executors { drivers, reconcilers: Default::default(), fault_injector: None, read_every: Millis::from_secs(5) };
    let parts = Parts { clock, executors, sensors: watched, inside, stop: stopped };
    let recorder = recorder.with_segments_of(segment_bytes);
    let engine = tokio::spawn(async move { engine::run(State::default(), recorder, first, parts).await.unwrap() });
    Hosted { door, stop, engine }
}

fn asks(ask: u64, command: Command) -> Request {
    let by = Asker { client: ClientId(1), who: "ana".parse().unwrap(), role: Role::Pilot };
    Request { by, key: None, what: Wanted::Ask { ask: AskId(ask), command }, credentials: None }
}

fn says(ask: u64) -> Request {
    asks(ask, Command::Say { text: "hello".into() })
}

fn home(ask: u64) -> Request {
    asks(ask, Command::Rollback { route: None, reason: None })
}

fn asked(transitions: &[Transition]) -> Vec<u64> {
    let ask = |transition: &Transition| if let Event::Asked { ask, .. } = &transition.entry.event { Some(ask.0) } else { None };
    transitions.iter().filter_map(ask).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_leads_home_passes_what_was_asked_before_it() {
    let scratch = Scratch::new("order");
    let before = (1..=20).map(says).chain([home(21)]).collect();
    let hosted = host(&scratch, &Arc::default(), Vec::new(), u64::MAX, before).await;
    // An answer to a request for the state comes after everything that was in the door.
    let (reply, state) = tokio::sync::oneshot::channel();
    hosted.door.snapshots.send(reply).await.unwrap();
    state.await.unwrap();
    hosted.stop.send_replace(true);
    hosted.engine.await.unwrap();
    assert_eq!(asked(&scratch.transitions()), [21].into_iter().chain(1..=20).collect::<Vec<u64>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_has_left_before_what_he_asked_for_was_asked() {
    let scratch = Scratch::new("left");
    let hosted = host(&scratch, &Arc::default(), Vec::new(), u64::MAX, (1..=20).map(says).collect()).await;
    hosted.door.presence.send(Presence::Left { client: ClientId(1) }).await.unwrap();
    let (reply, state) = tokio::sync::oneshot::channel();
    hosted.door.snapshots.send(reply).await.unwrap();
    state.await.unwrap();
    hosted.stop.send_replace(true);
    hosted.engine.await.unwrap();
    let transitions = scratch.transitions();
    let left = transitions.iter().position(|transition| matches!(transition.entry.event, Event::Left { .. })).unwrap();
    assert_eq!(asked(&transitions[..left]), (1..=20).collect::<Vec<u64>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_under_way_comes_to_its_end_before_the_host_does() {
    let scratch = Scratch::new("patience");
    let driver: Arc<Gate> = Arc::default();
    let sensor = WeightsSensor { route: "frontend".parse().unwrap(), driver: driver.clone(), every: Millis(20) };
    let hosted = host(&scratch, &driver, vec![Box::new(sensor)], u64::MAX, vec![home(1)]).await;
    driver.asked.notified().await;
    hosted.stop.send_replace(true);
    driver.open.notify_one();
    let state = hosted.engine.await.unwrap();
    assert!(state.in_flight.is_empty(), "{:?}", state.in_flight);
    let transitions = scratch.transitions();
    let done = transitions.iter().filter(|transition| matches!(&transition.entry.event, Event::Finished { outcome: Outcome::Done(_), .. }));
    assert!(done.count() >= 1, "its outcome is on the record");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn segments_follow_each_other_while_the_session_runs_and_the_next_host_goes_on() {
    let scratch = Scratch::new("segments");
    let hosted = host(&scratch, &Arc::default(), Vec::new(), 4096, Vec::new()).await;
    for ask in 1..=400 {
        hosted.door.requests.send(says(ask)).await.unwrap();
        if ask % 20 == 0 {
            // Somebody joins meanwhile, and is shown the state as it is then.
            let (reply, snapshot) = tokio::sync::oneshot::channel();
            hosted.door.snapshots.send(reply).await.unwrap();
            let snapshot = snapshot.await.unwrap();
            let state: State = serde_json::from_str(&snapshot.json).unwrap();
            assert_eq!(state.seq, snapshot.seq);
        }
    }
    let (reply, state) = tokio::sync::oneshot::channel();
    hosted.door.snapshots.send(reply).await.unwrap();
    state.await.unwrap();
    hosted.stop.send_replace(true);
    let state = hosted.engine.await.unwrap();
    assert_eq!(asked(&scratch.transitions()), (1..=400).collect::<Vec<u64>>());
    let segments = crate::journal::segment::list(&scratch.journal()).unwrap().len();
    assert!(segments > 3, "{segments} segments");
    let (recorder, folded) = Recorder::open(&scratch.journal(), "test").unwrap();
    assert!(folded.state == state && folded.differs.is_none());
    assert_eq!(recorder.next_seq(), folded.next);
}

#[test]
fn a_late_sealing_leaves_alone_what_was_written_in_when_it_was_asked_for() {
    let scratch = Scratch::new("late");
    let (session, plan) = ("engine".parse().unwrap(), the_plan());
    let at = Clock::live().now();
    let mut recorder = Recorder::create(&scratch.journal(), at, &session, &plan.hash.to_string(), "test").unwrap();
    let late = recorder.sealing();
    let ready = recorder.prepare(State::default()).run().unwrap();
    let due = recorder.go_on_in(at, ready).unwrap().unwrap();
    let forms = || crate::journal::segment::list(&scratch.journal()).unwrap().into_iter().map(|piece| piece.form).collect::<Vec<_>>();
    late.run().unwrap();
    assert_eq!(forms(), [Form::Plain, Form::Plain]);
    due.run().unwrap();
    assert_eq!(forms(), [Form::Sealed, Form::Plain]);
}

/// A session whose journal is in memory, with the first look at the weights behind it.
async fn in_memory(scratch: &Scratch, memory: &Memory, driver: &Arc<Gate>) -> Hosted {
    let (plan, clock, session) = (the_plan(), Clock::live(), "engine".parse().unwrap());
    let recorder = Recorder::create_in(memory, &scratch.journal(), clock.now(), &session, &plan.hash.to_string());
    let first = vec![Event::Opened { session, plan: Box::new(plan), world: WorldKind::Live }];
    let (door, inside) = door();
    let (stop, stopped) = watch::channel(false);
    let drivers = [("frontend".parse().unwrap(), Arc::clone(driver) as Arc<dyn Driver>)].into();
    let executors = Executors { drivers, reconcilers: Default::default(), fault_injector: None, read_every: Millis::from_secs(5) };
    let sensor = WeightsSensor { route: "frontend".parse().unwrap(), driver: driver.clone(), every: Millis(20) };
    let parts = Parts { clock, executors, sensors: vec![Box::new(sensor)], inside, stop: stopped };
    let engine = tokio::spawn(async move { engine::run(State::default(), recorder, first, parts).await.unwrap() });
    let hosted = Hosted { door, stop, engine };
    while state_of(&hosted).await.routes.values().all(|route| route.accepted.is_none()) {}
    hosted
}

async fn state_of(hosted: &Hosted) -> State {
    let (reply, state) = tokio::sync::oneshot::channel();
    hosted.door.snapshots.send(reply).await.unwrap();
    serde_json::from_str(&state.await.unwrap().json).unwrap()
}

/// The next transition of the kind that is looked for, and whether it was on record when it was told.
async fn told(
    heard: &mut tokio::sync::broadcast::Receiver<Arc<Published>>,
    wanted: impl Fn(&Transition) -> bool,
) -> (Transition, OnRecord) {
    loop {
        let published = heard.recv().await.unwrap();
        let transition: Transition = serde_json::from_str(&published.json).unwrap();
        if wanted(&transition) {
            return (transition, published.on_record);
        }
    }
}

fn is_change(transition: &Transition, wanted: impl Fn(&RecordChange) -> bool) -> bool {
    matches!(&transition.entry.event, Event::Record(change) if wanted(change))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_hangs_is_told_and_holds_up_neither_the_screen_nor_the_way_home() {
    let (scratch, memory, driver) = (Scratch::new("hangs"), Memory::default(), Arc::<Gate>::default());
    let hosted = in_memory(&scratch, &memory, &driver).await;
    let mut heard = hosted.door.transitions.upgrade().unwrap().subscribe();
    memory.hang();
    let kept = memory.durable();
    hosted.door.requests.send(home(1)).await.unwrap();
    let (asked, on_record) = told(&mut heard, |transition| matches!(transition.entry.event, Event::Asked { .. })).await;
    assert!(on_record == OnRecord::No && asked.decision.answer.unwrap().verdict == Verdict::Accepted);
    told(&mut heard, |transition| is_change(transition, |change| matches!(change, RecordChange::Hangs { .. }))).await;
    // The write home has left without a record, and the next state is seen.
    driver.asked.notified().await;
    assert!(matches!(state_of(&hosted).await.record.keeping, Keeping::Hanging { .. }));
    // What leads further out, or only says something, is refused.
    hosted.door.requests.send(says(2)).await.unwrap();
    let (said, _) = told(&mut heard, |transition| matches!(transition.entry.event, Event::Asked { ask: AskId(2), .. })).await;
    assert!(matches!(said.decision.answer.unwrap().verdict, Verdict::Refused(Refusal::RecordHangs { .. })));
    assert_eq!(memory.durable(), kept, "the disk has taken nothing meanwhile");

    memory.answer();
    told(&mut heard, |transition| is_change(transition, |change| *change == RecordChange::Answers)).await;
    driver.open.notify_one();
    hosted.door.requests.send(says(3)).await.unwrap();
    let (said, on_record) = told(&mut heard, |transition| matches!(transition.entry.event, Event::Asked { ask: AskId(3), .. })).await;
    assert!(on_record == OnRecord::Yes && said.decision.answer.unwrap().verdict == Verdict::Accepted);
    hosted.stop.send_replace(true);
    let state = hosted.engine.await.unwrap();
    // Nothing is missing: what was told without a record is kept, in its place.
    let (_, proof) = Writer::open_in(&memory, Cadence::default()).unwrap();
    let written = String::from_utf8(memory.durable()).unwrap();
    assert!(proof.records > 0 && written.contains("\"hangs\"") && written.contains("\"answers\""), "{written}");
    assert_eq!(state.record.keeping, Keeping::Kept);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_leads_further_out_never_leaves_a_disk_that_hung_meanwhile() {
    let (scratch, memory, driver) = (Scratch::new("hung"), Memory::default(), Arc::<Gate>::default());
    let hosted = in_memory(&scratch, &memory, &driver).await;
    let mut heard = hosted.door.transitions.upgrade().unwrap().subscribe();
    let held = hosted.door.requests.send(asks(1, Command::Controls(ControlsCommand::Take)));
    held.await.unwrap();
    told(&mut heard, |transition| matches!(transition.entry.event, Event::Asked { ask: AskId(1), .. })).await;
    memory.hang();
    let shift = Command::Shift { route: "frontend".parse().unwrap(), from: split(1000), to: split(900) };
    hosted.door.requests.send(asks(2, shift)).await.unwrap();
    let (shift, _) = told(&mut heard, |transition| matches!(transition.entry.event, Event::Asked { ask: AskId(2), .. })).await;
    let writes = shift.decision.effects.iter().filter(|effect| matches!(effect.what, Effect::Write { .. })).count();
    if writes > 0 {
        let ended = |transition: &Transition| matches!(&transition.entry.event, Event::Finished { outcome: Outcome::NotDone(fault), .. } if fault.kind == FaultKind::Unrecorded);
        told(&mut heard, ended).await;
    }
    memory.answer();
    told(&mut heard, |transition| is_change(transition, |change| *change == RecordChange::Answers)).await;
    hosted.stop.send_replace(true);
    hosted.engine.await.unwrap();
    assert_eq!(driver.writes.load(Ordering::SeqCst), 0);
    assert!(writes > 0, "{:?}", shift.decision.answer);
}
