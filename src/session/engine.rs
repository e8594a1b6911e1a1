//! The loop: whatever happens is stamped, stepped, recorded, and only then seen and acted upon.
//!
//! The order is the safety: a transition with an effect is on disk (`fdatasync`) before its effect starts and before anybody sees it. What only
//! tells (a reading, a look around) is recorded without waiting for the disk and written out within a second. The disk is waited for by a
//! thread of its own (`scribe`), while the engine takes in what happens next; what is not kept yet waits to be seen and to leave.
//!
//! A disk that has not answered for a second hangs: from then on what happens is shown at once, and nothing leaves any more but looks
//! and a rollback, until everything is kept after all. When the journal fails, the session goes on so for as long as somebody is away from
//! home ([`keeping`]). Then the engine ends, and says which commands would bring traffic home by hand.

mod record;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    core::{
        command::Command,
        decision::{Effect, IssuedEffect, Transition},
        event::{Alarm, Entry, Event},
        record::{Keeping, is_over},
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
    port::Sensor,
    session::{
        clock::{Clock, STOOD_STILL},
        dispatch::Executors,
        engine::record::Unkept,
        keeping::{self, Broken, EngineError},
        recorder::{Recorder, Weight},
        refold::recorded,
        scribe::Scribe,
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

/// As [`record::HANGS_AFTER`](crate::core::record::HANGS_AFTER), for what nobody waits for.
const FLUSH_PATIENCE: Duration = Duration::from_millis(1_500);
/// So much may be under way to the disk; with more, what is only told waits.
const UNKEPT_MAX: usize = 64;
/// A session without a record that has brought everybody home stays for so long, in real time, that whoever watches sees it.
const SEEN_OUT_AFTER: Duration = Duration::from_secs(3);

/// The engine with everything it owns.
pub struct Engine {
    state: State,
    next: Seq,
    clock: Clock,
    scribe: Scribe,
    /// What happened, and is not known to be kept; in the order in which it happened.
    unkept: VecDeque<Unkept>,
    /// The disk did not answer in time, and not everything is kept since.
    hangs: bool,
    /// Since when what is buffered is being written out.
    flushing: Option<Instant>,
    /// The state of the next segment was asked for and is not taken yet.
    is_preparing: bool,
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
    /// When this process was last seen to go on.
    went_on_at: Timestamp,
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
    let sealing = recorder.sealing();
    let scribe = Scribe::start(recorder).map_err(EngineError::Thread)?;
    let mut keeping = JoinSet::new();
    keeping.spawn_blocking(move || Kept::Sealed(sealing.run()));
    let next = scribe.next_seq();
    let engine = Engine {
        state,
        next,
        clock,
        scribe,
        unkept: VecDeque::new(),
        hangs: false,
        flushing: None,
        is_preparing: false,
        broken: None,
        over_since: None,
        executors,
        timers: Timers::new(clock),
        events,
        watching,
        acting: JoinSet::new(),
        keeping,
        waiting: VecDeque::new(),
        following: VecDeque::new(),
        transitions: inside.transitions.clone(),
        heads: inside.heads.clone(),
        beat_recorded: None,
        went_on_at: clock.now(),
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
            self.begun(begins).await?;
        }
        let mut flush = tokio::time::interval(FLUSH_EVERY);
        flush.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.went_on_at = self.clock.now();
        loop {
            // Biased: what can bring us home comes before what can take us further out. A question that leads home is taken out of the
            // line as it comes in; others wait until nothing that was seen is left to be told.
            let (hangs_at, has_room) = (self.hangs_at(), self.hangs || self.unkept.len() < UNKEPT_MAX);
            let event = tokio::select! {
                biased;
                _ = from.stop.wait_for(|stop| *stop) => break,
                Some(done) = self.scribe.answered() => {
                    self.done(done);
                    None
                }
                () = sleep_until(hangs_at.unwrap_or_else(Instant::now)), if hangs_at.is_some() => {
                    self.go_on()?;
                    self.hang_if_due();
                    None
                }
                Some(event) = from.happened.recv() => Some(event),
                Some(request) = from.inside.requests.recv(), if self.waiting.len() < WAITING_MAX => self.sorted(request),
                alarm = self.timers.next() => Some(Event::Rang(alarm)),
                Some(observation) = from.observations.recv(), if has_room => Some(Event::Observed(observation)),
                // As long as there is room, a client's questions are taken in before it can leave.
                Some(presence) = from.inside.presence.recv(), if has_room && self.waiting.len() < WAITING_MAX => self.presence(presence),
                () = std::future::ready(()), if has_room && !self.waiting.is_empty() => self.waiting.pop_front().map(|behind| match behind {
                    Behind::Asked(request) => asked(request),
                    Behind::Left(client) => Event::Left { client },
                }),
                Some(reply) = from.inside.snapshots.recv(), if self.has_told_all() => {
                    self.go_on()?;
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
            self.go_on()?;
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
        // Whoever opens the journal next finds nobody at work in it.
        let at_work = async { while self.keeping.join_next().await.is_some() {} };
        if timeout(PATIENCE_AT_END, at_work).await.is_err() {
            tracing::warn!("work for the journal waits for a disk that does not answer");
        }
        match self.broken.take() {
            Some(broken) => Err(self.ended(broken)),
            None => self.closed().await,
        }
    }

    /// What is under way may come to its end, so that the next host need not find out what became of it.
    async fn let_end(&mut self, happened: &mut mpsc::Receiver<Event>) -> Result<(), EngineError> {
        let deadline = Instant::now() + PATIENCE_AT_END;
        loop {
            tokio::select! {
                biased;
                Some(done) = self.scribe.answered() => {
                    self.done(done);
                    self.follow()?;
                }
                Some(event) = happened.recv() => self.happen(event)?,
                // Its events are in the channel by now; a closed set gives nothing and leaves the line to the last branch.
                Some(_) = self.acting.join_next() => {}
                () = std::future::ready(()), if self.acting.is_empty() && self.unkept.is_empty() => return Ok(()),
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
                self.scribe.go_on_in(at, ready);
            }
            Ok(Kept::Ready(Ok(_))) => {}
            Ok(Kept::Ready(Err(error))) => {
                tracing::warn!(%error, "no new segment of the journal");
                self.scribe.not_ready(at);
            }
            Ok(Kept::Sealed(Err(error))) => tracing::warn!(%error, "the journal takes more room than it should"),
            Ok(Kept::Sealed(Ok(())) | Kept::Shown) => {}
            Err(error) => {
                tracing::error!(%error, "work for the journal was cut short; the journal goes on as it is");
                self.scribe.not_ready(at);
            }
        }
    }

    /// What nobody needs for going home doesn't take the room that is kept for it.
    fn is_spared(&self, event: &Event) -> bool {
        let is_scarce = matches!(self.state.record.keeping, Keeping::Low { .. } | Keeping::Hanging { .. });
        is_scarce && matches!(event, Event::Resized { .. } | Event::Looked { .. })
    }

    /// Whether nothing is left to be done without a record, for as long as it takes to see it.
    fn has_been_seen_home(&mut self) -> bool {
        self.over_since = if is_over(&self.state) { self.over_since.or_else(|| Some(Instant::now())) } else { None };
        self.over_since.is_some_and(|since| since.elapsed() >= SEEN_OUT_AFTER)
    }

    fn ended(&self, broken: Broken) -> EngineError {
        keeping::ended(broken, &self.state, &self.executors)
    }

    /// A host that did not run says so before anything else happens: nothing was watched then, and whose silence it was is not a client's or a disk's.
    fn go_on(&mut self) -> Result<(), EngineError> {
        let now = self.clock.now();
        let since = std::mem::replace(&mut self.went_on_at, now);
        if self.clock.real(now.since(since)) < STOOD_STILL {
            return Ok(());
        }
        self.wait_anew();
        self.happen(Event::StoodStill { since })
    }

    /// What follows from what has just happened.
    fn follow(&mut self) -> Result<(), EngineError> {
        while let Some(event) = self.following.pop_front() {
            self.take_in(event)?;
        }
        Ok(())
    }

    fn happen(&mut self, event: Event) -> Result<(), EngineError> {
        self.take_in(event)?;
        self.follow()
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
        let json = recorded(&transition)?.into();
        self.next = Seq(self.next.0 + 1);
        if !tick {
            self.timers.touch();
        }
        for effect in &transition.decision.effects {
            if let Effect::Wake { at, alarm } = &effect.what {
                self.timers.wake(*at, alarm.clone());
            }
        }
        self.record(at, transition, json);
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
            Presence::SupervisorGone { process } => Some(Event::SupervisorGone { process }),
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
        Effect::Write { again: None, .. }
        | Effect::Claim { .. }
        | Effect::Act { .. }
        | Effect::Read { .. }
        | Effect::Inject { .. }
        | Effect::Wake { .. } => effect.id,
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
        | Event::Hosted(_)
        | Event::Roster(_) => Weight::Durable,
        _ if acts => Weight::Durable,
        Event::Looked { .. }
        | Event::Observed(_)
        | Event::Taken { .. }
        | Event::Rang(_)
        | Event::Joined { .. }
        | Event::Resized { .. }
        | Event::Beat { .. }
        | Event::Left { .. }
        | Event::StoodStill { .. }
        | Event::TurnedAway(_)
        | Event::SupervisorGone { .. } => Weight::Buffered,
    }
}
