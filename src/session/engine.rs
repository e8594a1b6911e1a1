//! The loop: whatever happens is stamped, stepped, recorded, and only then seen and acted upon.
//!
//! The order is the safety: a transition with an effect is on disk (`fdatasync`) before its effect starts and before anybody sees it. What only
//! tells (a reading, a look around) is recorded without waiting for the disk and written out within a second. When the journal fails, the
//! session goes on without it for as long as somebody is away from home: what happens is folded and shown, and nothing leaves any more but
//! looks and a rollback ([`keeping`]). Then the engine ends, and says which commands would bring traffic home by hand.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::Instant,
};

use crate::{
    core::{
        command::Command,
        decision::{Effect, IssuedEffect, Transition},
        event::{Alarm, Entry, Event},
        record::{Keeping, RecordChange, is_over, leaves_unrecorded},
        state::State,
        step::step,
        thin::thin,
    },
    domain::{
        fact::Observation,
        head::Head,
        id::{ClientId, EffectId, Seq},
        time::Timestamp,
    },
    door::{Inside, Presence, Published, Request, Snapshot, Wanted},
    journal::{
        folder::{Ready, ReadyError},
        sealed::SealError,
    },
    port::{Intent, Sensor},
    session::{
        clock::Clock,
        dispatch::{Executors, dispatch},
        keeping::{self, Broken, EngineError},
        recorder::{Recorder, RecorderError, Weight},
        refold::{names_client, recorded},
        sensors,
        timers::Timers,
    },
};

/// Observations that may wait for the engine; a sensor waits when it is full, so it looks less often and never floods.
const OBSERVATIONS_MAX: usize = 64;
/// What is recorded without waiting for the disk is on disk this much later at the latest, in real time.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// Questions that may wait behind what was seen; with more, their senders wait.
const WAITING_MAX: usize = crate::door::REQUESTS_MAX;
/// A holder of the controls is recorded as alive at most this often, in real time; he beats every 5 s.
const BEAT_EVERY: Duration = Duration::from_secs(4);
/// What is under way when the host is told to end gets this long, in real time; whose outcome is not known then is read back by the next host.
const PATIENCE_AT_END: Duration = Duration::from_secs(5);

/// A session without a record that has brought everybody home stays for so long, in real time, that whoever watches sees it.
const SEEN_OUT_AFTER: Duration = Duration::from_secs(3);

/// The engine with everything it owns.
pub struct Engine {
    state: State,
    next: Seq,
    clock: Clock,
    recorder: Recorder,
    /// Since the journal failed.
    broken: Option<Broken>,
    /// Since when nothing is left to be done without a record.
    over_since: Option<Instant>,
    executors: Executors,
    timers: Timers,
    events: mpsc::Sender<Event>,
    /// Who looks at the world.
    watching: JoinSet<()>,
    /// Effects that left.
    acting: JoinSet<()>,
    /// Work for the journal that waits for a disk and holds nobody up.
    keeping: JoinSet<Kept>,
    /// Questions that wait behind what was seen, and who left behind his own.
    waiting: VecDeque<Behind>,
    /// What follows from the entry that is being taken in, before anything else happens.
    following: VecDeque<Event>,
    transitions: tokio::sync::broadcast::Sender<Arc<Published>>,
    heads: watch::Sender<Option<Head>>,
    beat_recorded: Option<Instant>,
}

/// What waits until nothing that was seen is left to be told.
enum Behind {
    Asked(Request),
    /// Nobody has left before what he asked for was asked.
    Left(ClientId),
}

/// What came of work for the journal.
enum Kept {
    Ready(Result<Ready, ReadyError>),
    Sealed(Result<(), SealError>),
    /// Somebody got a snapshot.
    Shown,
}

/// What a session is made of, beside its journal.
pub struct Parts {
    pub clock: Clock,
    pub executors: Executors,
    pub sensors: Vec<Box<dyn Sensor>>,
    pub inside: Inside,
    /// Turns true when the host is to end.
    pub stop: watch::Receiver<bool>,
}

/// Runs a session until somebody ends it, its host is told to stop, or its journal fails and everybody is home.
///
/// `state` is the fold of what `recorder` holds already; `first` is what happens first: `Opened` for a new journal, `Restarted` for an old one, and
/// `TakenOver` before it where this program decides otherwise than the one that wrote it.
/// # Errors
/// [`EngineError`] when the journal could not take a record, and nobody is away from home any more; or the session has not begun yet.
pub async fn run(state: State, recorder: Recorder, first: Vec<Event>, parts: Parts) -> Result<State, EngineError> {
    let Parts { clock, executors, sensors: watched, inside, stop } = parts;
    let (events, happened) = mpsc::channel(crate::door::REQUESTS_MAX);
    let (seen, observations) = mpsc::channel(OBSERVATIONS_MAX);
    let mut watching = JoinSet::new();
    sensors::start(watched, clock, &seen, &mut watching);
    let next = recorder.next_seq();
    let engine = Engine {
        state,
        next,
        clock,
        recorder,
        broken: None,
        over_since: None,
        executors,
        timers: Timers::new(clock),
        events,
        watching,
        acting: JoinSet::new(),
        keeping: JoinSet::new(),
        waiting: VecDeque::new(),
        following: VecDeque::new(),
        transitions: inside.transitions.clone(),
        heads: inside.heads.clone(),
        beat_recorded: None,
    };
    engine.turn(first, Sources { happened, observations, inside, stop }).await
}

struct Sources {
    happened: mpsc::Receiver<Event>,
    observations: mpsc::Receiver<Observation>,
    inside: Inside,
    stop: watch::Receiver<bool>,
}

impl Engine {
    async fn turn(mut self, first: Vec<Event>, mut from: Sources) -> Result<State, EngineError> {
        for event in first {
            let begins = matches!(event, Event::Opened { .. });
            self.happen(event)?;
            if let Some(broken) = self.broken.take_if(|_| begins) {
                // Nothing has been asked of the world, and nothing can be taken up again.
                return Err(self.ended(broken));
            }
        }
        let sealing = self.recorder.sealing();
        self.keeping.spawn_blocking(move || Kept::Sealed(sealing.run()));
        let mut flush = tokio::time::interval(FLUSH_EVERY);
        flush.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            // Biased: what can bring us home comes before what can take us further out. A question that leads home is taken out of the
            // line as it comes in; others wait until nothing that was seen is left to be told.
            let event = tokio::select! {
                biased;
                _ = from.stop.wait_for(|stop| *stop) => break,
                Some(event) = from.happened.recv() => Some(event),
                Some(request) = from.inside.requests.recv(), if self.waiting.len() < WAITING_MAX => self.sorted(request),
                alarm = self.timers.next() => Some(Event::Rang(alarm)),
                Some(observation) = from.observations.recv() => Some(Event::Observed(observation)),
                // As long as there is room, a client's questions are taken in before it can leave.
                Some(presence) = from.inside.presence.recv(), if self.waiting.len() < WAITING_MAX => self.presence(presence),
                () = std::future::ready(()), if !self.waiting.is_empty() => self.waiting.pop_front().map(|behind| match behind {
                    Behind::Asked(request) => asked(request),
                    Behind::Left(client) => Event::Left { client },
                }),
                Some(reply) = from.inside.snapshots.recv() => {
                    self.show(reply);
                    None
                }
                Some(kept) = self.keeping.join_next(), if !self.keeping.is_empty() => {
                    self.kept(kept);
                    None
                }
                _ = flush.tick() => {
                    self.flush();
                    None
                }
            };
            if let Some(event) = event.filter(|event| !self.is_spared(event)) {
                self.happen(event)?;
            }
            self.follow()?;
            if self.state.stopped.is_some() || self.has_been_seen_home() {
                break;
            }
        }
        self.watching.abort_all();
        self.let_end(&mut from.happened).await?;
        self.flush();
        self.follow()?;
        // Whoever opens the journal next finds nobody at work in it.
        while self.keeping.join_next().await.is_some() {}
        if let Some(broken) = self.broken.take() {
            return Err(self.ended(broken));
        }
        let (kept, Engine { recorder, state, executors, .. }) = (self.recorder.kept(), self);
        let closed = tokio::task::block_in_place(|| recorder.close());
        closed.map_err(|error| keeping::ended(Broken { error, kept }, &state, &executors))?;
        Ok(state)
    }

    /// What is under way may come to its end, so that the next host need not find out what became of it.
    async fn let_end(&mut self, happened: &mut mpsc::Receiver<Event>) -> Result<(), EngineError> {
        let deadline = Instant::now() + PATIENCE_AT_END;
        loop {
            tokio::select! {
                biased;
                Some(event) = happened.recv() => self.happen(event)?,
                // Its events are in the channel by now; a closed set gives nothing and leaves the line to the last branch.
                Some(_) = self.acting.join_next() => {}
                () = std::future::ready(()), if self.acting.is_empty() => return Ok(()),
                () = tokio::time::sleep_until(deadline) => {
                    self.acting.abort_all();
                    return Ok(());
                }
            }
        }
    }

    /// A question that leads home is asked at once, any other takes its place in the line.
    fn sorted(&mut self, request: Request) -> Option<Event> {
        if leads_home(&request) {
            return Some(asked(request));
        }
        self.waiting.push_back(Behind::Asked(request));
        None
    }

    /// Gives somebody the state as it is now; writing it out is not the engine's work.
    fn show(&mut self, reply: tokio::sync::oneshot::Sender<Snapshot>) {
        let state = self.state.clone();
        self.keeping.spawn_blocking(move || {
            match serde_json::to_string(&state) {
                // The asker may have gone meanwhile; then nobody wants it.
                Ok(json) => drop(reply.send(Snapshot { seq: state.seq, json: json.into() })),
                Err(error) => tracing::error!(%error, "the state could not be written as JSON; nobody can join"),
            }
            Kept::Shown
        });
    }

    fn kept(&mut self, kept: Result<Kept, tokio::task::JoinError>) {
        let at = self.clock.now();
        match kept {
            Ok(Kept::Ready(Ok(ready))) if self.broken.is_none() => {
                match tokio::task::block_in_place(|| self.recorder.go_on_in(at, ready)) {
                    Ok(Some(sealing)) => {
                        self.keeping.spawn_blocking(move || Kept::Sealed(sealing.run()));
                    }
                    Ok(None) => {}
                    Err(error) => self.breaks(error),
                }
            }
            Ok(Kept::Ready(Ok(_))) => {}
            Ok(Kept::Ready(Err(error))) => {
                tracing::warn!(%error, "no new segment of the journal");
                self.recorder.not_ready(at);
            }
            Ok(Kept::Sealed(Err(error))) => tracing::warn!(%error, "the journal takes more room than it should"),
            Ok(Kept::Sealed(Ok(())) | Kept::Shown) => {}
            Err(error) => {
                tracing::error!(%error, "work for the journal was cut short; the journal goes on as it is");
                self.recorder.not_ready(at);
            }
        }
    }

    /// Writes out what is buffered, and looks how much room is left.
    fn flush(&mut self) {
        if self.broken.is_some() {
            return;
        }
        match tokio::task::block_in_place(|| self.recorder.flush()) {
            Ok(()) => {
                tokio::task::block_in_place(|| self.recorder.ask_for_room());
                self.look_at_room();
            }
            Err(error) => self.breaks(error),
        }
    }

    /// What nobody needs for going home doesn't take the room that is kept for it.
    fn is_spared(&self, event: &Event) -> bool {
        let is_low = matches!(self.state.record.keeping, Keeping::Low { .. });
        is_low && matches!(event, Event::Resized { .. } | Event::Looked { .. })
    }

    fn look_at_room(&mut self) {
        if !self.following.iter().any(|event| matches!(event, Event::Record(_))) {
            self.following.extend(keeping::room(&self.state.record.keeping, &self.recorder).map(Event::Record));
        }
    }

    /// From here on nothing is recorded; that it is so happens next.
    fn breaks(&mut self, error: RecorderError) {
        tracing::error!(%error, "the record broke; the session goes on without it until everybody is home");
        let (kept, place) = (self.recorder.kept(), self.recorder.place());
        self.recorder.go_without(self.clock.now());
        self.following.push_front(Event::Record(RecordChange::Broken { why: keeping::why(&error), kept, place }));
        self.broken = Some(Broken { error, kept });
    }

    /// Whether nothing is left to be done without a record, for as long as it takes to see it.
    fn has_been_seen_home(&mut self) -> bool {
        self.over_since = if is_over(&self.state) { self.over_since.or_else(|| Some(Instant::now())) } else { None };
        self.over_since.is_some_and(|since| since.elapsed() >= SEEN_OUT_AFTER)
    }

    fn ended(&self, broken: Broken) -> EngineError {
        keeping::ended(broken, &self.state, &self.executors)
    }

    /// What follows from what has just happened.
    fn follow(&mut self) -> Result<(), EngineError> {
        while let Some(event) = self.following.pop_front() {
            self.take_in(event)?;
        }
        Ok(())
    }

    /// Everybody may keep where the journal ends; what is not on the disk yet is not shown, because a host that dies may lose it.
    fn show_head(&self) {
        let durable = Some(self.recorder.durable_head());
        self.heads.send_if_modified(|shown| std::mem::replace(shown, durable) != durable);
    }

    fn happen(&mut self, event: Event) -> Result<(), EngineError> {
        self.take_in(event)?;
        self.follow()
    }

    /// The hash of the entry's record; where there is none, of the newest one before.
    fn record(&mut self, at: Timestamp, weight: Weight, json: &str) -> String {
        if self.broken.is_none() {
            let recorded = match self.recorder.will_sync(weight, json) {
                true => tokio::task::block_in_place(|| self.recorder.append(at, weight, json)),
                false => self.recorder.append(at, weight, json),
            };
            match recorded {
                Ok(head) => {
                    self.look_at_room();
                    return head;
                }
                Err(error) => self.breaks(error),
            }
        }
        self.recorder.head()
    }

    /// One event, all the way.
    fn take_in(&mut self, event: Event) -> Result<(), EngineError> {
        let tick = event == Event::Rang(Alarm::Tick);
        // A host that came back may have a clock that was set back meanwhile; the core knows what to do about that, and we must not hide it.
        let at = self.clock.now();
        // What isn't recorded isn't folded: it is made small before it is either.
        let event = if let Event::Observed(observation) = event { Event::Observed(thin(&self.state, observation)) } else { event };
        let entry = Entry { seq: self.next, at, event };
        let decision = step(&mut self.state, &entry);
        let transition = Transition { entry, decision };
        let json = recorded(&transition)?;
        let weight = weigh(&transition);
        let head = self.record(at, weight, &json);
        self.show_head();
        self.next = Seq(self.next.0 + 1);
        if let Some(client) = names_client(&transition.entry.event) {
            self.recorder.note_client(client);
        }
        if !tick {
            self.timers.touch();
        }
        if self.broken.is_none() && self.state.record.keeping == Keeping::Kept && self.recorder.wants_segment(at) {
            let preparation = self.recorder.prepare(self.state.clone());
            self.keeping.spawn_blocking(move || Kept::Ready(preparation.run()));
        }
        // Nobody listening is no error.
        let _ = self.transitions.send(Arc::new(Published { seq: transition.entry.seq, json: json.into() }));
        for effect in transition.decision.effects {
            if self.broken.is_some() && !leaves_unrecorded(&self.state, &effect) {
                self.following.push_back(keeping::nothing_left(&effect));
                continue;
            }
            match effect.what {
                Effect::Wake { at, alarm } => self.timers.wake(at, alarm),
                Effect::Write { .. } | Effect::Read { .. } | Effect::Inject { .. } => {
                    let session = self.state.opened.as_ref().map(|opened| opened.session.to_string()).unwrap_or_default();
                    let intent = Intent { session, effect: effect.id, first: repeated(&effect), head: head.clone() };
                    dispatch(effect, intent, &self.executors, self.clock, &self.events, &mut self.acting);
                }
            }
        }
        while self.acting.try_join_next().is_some() {}
        Ok(())
    }

    /// A beat is an entry only when it renews somebody's hold on the controls.
    fn presence(&mut self, presence: Presence) -> Option<Event> {
        match presence {
            Presence::Joined { client, who, role, terminal, credentials } => {
                Some(Event::Joined { client, who, role, terminal, credentials: Some(credentials) })
            }
            Presence::Roster(roster) => Some(Event::Roster(roster)),
            Presence::TurnedAway(turned) => Some(Event::TurnedAway(turned)),
            Presence::Resized { client, terminal } => Some(Event::Resized { client, terminal }),
            Presence::Left { client } => {
                let has_asked = self.waiting.iter().any(|behind| matches!(behind, Behind::Asked(request) if request.by.client == client));
                if has_asked {
                    self.waiting.push_back(Behind::Left(client));
                    return None;
                }
                Some(Event::Left { client })
            }
            Presence::Beat { client } => {
                let holds = self.state.controls.holder.as_ref().is_some_and(|holder| holder.client == client);
                let due = self.beat_recorded.is_none_or(|at| at.elapsed() >= BEAT_EVERY);
                (holds && due).then(|| {
                    self.beat_recorded = Some(Instant::now());
                    Event::Beat { client }
                })
            }
        }
    }
}

/// Under whose request id an effect leaves.
fn repeated(effect: &IssuedEffect) -> EffectId {
    match effect.what {
        Effect::Write { again: Some(first), .. } => first,
        Effect::Write { again: None, .. } | Effect::Read { .. } | Effect::Inject { .. } | Effect::Wake { .. } => effect.id,
    }
}

/// What brings traffic home, or keeps it from going further out.
fn leads_home(request: &Request) -> bool {
    match &request.what {
        Wanted::Ask { command: Command::Rollback { .. } | Command::Hold { .. }, .. } => true,
        Wanted::Ask { .. } | Wanted::Look(_) => false,
    }
}

fn asked(request: Request) -> Event {
    let Request { by, key, what, credentials } = request;
    match what {
        Wanted::Ask { ask, command } => Event::Asked { by, ask, key, command, credentials },
        Wanted::Look(look) => Event::Looked { by, key, look },
    }
}

/// What must be on disk before anybody sees it, and what need not.
fn weigh(transition: &Transition) -> Weight {
    let acts = transition.decision.effects.iter().any(|effect| !matches!(effect.what, Effect::Wake { .. }));
    match &transition.entry.event {
        Event::Opened { .. }
        | Event::Restarted
        | Event::TakenOver { .. }
        | Event::Asked { .. }
        | Event::Finished { .. }
        | Event::Record(_)
        | Event::Roster(_) => Weight::Durable,
        _ if acts => Weight::Durable,
        Event::Looked { .. }
        | Event::Observed(_)
        | Event::Rang(_)
        | Event::Joined { .. }
        | Event::Resized { .. }
        | Event::Beat { .. }
        | Event::Left { .. }
        | Event::TurnedAway(_) => Weight::Buffered,
    }
}
