//! A session that runs in this process: what `cutover host` and `cutover demo` have in common, which is everything but who comes in and how.
//!
//! The host listens on a socket for whoever its roster lets in, the demo has one cockpit at the other end of a pair of sockets; plan, journal,
//! drivers, sensors, engine and door are put together here, and taken apart again.

use std::path::{Path, PathBuf};

use color_eyre::eyre::{Result, eyre};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
};

use crate::{
    attach::{
        connection::Farewell,
        host::{About, Host},
        protocol::Then,
        roster::Roster,
    },
    cli::{compose, environment::World, witness::Seen},
    core::{
        event::{Event, Hosted},
        state::State,
        steer::Order,
    },
    domain::{
        claim::{Machine, Token},
        id::{ClientId, OperatorId, SessionId},
    },
    door::door,
    journal::held::Noted,
    plan::model::Plan,
    session::{
        engine::{self, Parts},
        keeping::EngineError,
        memory,
        recorder::{self, Found, Recorder, RecorderError},
    },
};

/// What a session begins with, or is taken up with.
pub(super) struct Opening {
    pub session: SessionId,
    /// The one that it flies, whatever the file says by now.
    pub plan: Plan,
    recorder: Recorder,
    state: State,
    first: Vec<Event>,
    pub journal: PathBuf,
    /// Whoever starts the host takes over what another session steers.
    pub takes_over: Option<Order>,
}

impl Opening {
    /// A new session with a new journal.
    /// # Errors
    /// The journal can't be begun there.
    pub(super) fn new(session: SessionId, plan: Plan, journal: &Path, holder: &str, world: &World) -> Result<Opening, RecorderError> {
        let recorder = Recorder::create(journal, world.clock().now(), &session, &plan.hash.to_string(), holder)?;
        // One of the same name may have been there, whose journal somebody took away.
        memory::forget(journal);
        Ok(Opening::first(session, plan, recorder, State::default(), journal, world))
    }

    /// A session where its journal ends. One whose host died before its first entry was on disk begins now: nothing has happened in it yet.
    /// # Errors
    /// The disk refuses.
    pub(super) fn again(session: SessionId, plan: Plan, journal: &Path, found: Found<'_>, world: &World) -> Result<Opening, RecorderError> {
        let (recorder, folded) = found.take_up()?;
        let first = recorder::returning(&folded).into_iter().chain(recorder.missing()).collect();
        Ok(match &folded.state.opened {
            Some(opened) => {
                let plan = (*opened.plan).clone();
                Opening { session, plan, recorder, state: folded.state, first, journal: journal.to_owned(), takes_over: None }
            }
            None => Opening::first(session, plan, recorder, folded.state, journal, world),
        })
    }

    /// What is noted beside its journal of who writes it.
    pub(super) fn noted(&self) -> Noted {
        self.recorder.noted()
    }

    fn first(session: SessionId, plan: Plan, recorder: Recorder, state: State, journal: &Path, world: &World) -> Opening {
        let first = vec![Event::Opened { session: session.clone(), plan: Box::new(plan.clone()), world: world.kind() }];
        Opening { session, plan, recorder, state, first, journal: journal.to_owned(), takes_over: None }
    }
}

/// Where this process runs, and a token of which no other session has the like.
fn hosted(takes_over: Option<Order>) -> Result<Hosted> {
    let mut drawn = [0; 4];
    SystemRandom::new().fill(&mut drawn).map_err(|_| eyre!("this machine has no randomness to tell its sessions from others' with"))?;
    let machine = Machine::new(&rustix::system::uname().nodename().to_string_lossy());
    Ok(Hosted { machine, token: Token::new(u32::from_be_bytes(drawn)), takes_over })
}

/// How an engine ended that nobody told to.
pub(super) enum Ended {
    /// Somebody stopped the session; that is on record.
    Stopped(OperatorId),
    Failed(String),
}

/// A session with its engine at work.
pub(super) struct Running {
    /// Lets people in.
    pub host: Host,
    seen: Seen,
    world: World,
    engine: JoinHandle<Result<State, EngineError>>,
    stop: watch::Sender<bool>,
    closing: watch::Sender<Option<Farewell>>,
}

impl Running {
    /// Makes what the plan asks for, sets the engine to work, and waits until what happens first is on record.
    /// # Errors
    /// An address of the plan is refused, or credentials are missing, and nothing was recorded or asked of the world; or the journal takes no
    /// record.
    pub(super) async fn start(opening: Opening, world: World, roster: &Roster) -> Result<Running> {
        let Opening { session, plan, recorder, state, mut first, journal, takes_over } = opening;
        first.push(Event::Hosted(hosted(takes_over)?));
        first.push(Event::Roster(roster.recorded()));
        world.suit(&plan);
        let composed = compose::compose(&plan, &world.places(), world.clock(), world.fault_injector(&plan))?;
        let (outside, inside) = door();
        let (stop, stopped) = watch::channel(false);
        let (closing, closed) = watch::channel(None);
        let first_client = ClientId(recorder.last_client().0 + 1);
        let snapshots = outside.snapshots.clone();
        let seen = Seen { session: session.clone(), heads: outside.heads.clone(), transitions: outside.transitions.clone() };
        let about = About { session, plan: plan.name, world: world.kind(), first_client };
        memory::take_up(&composed.executors.drivers, &journal);
        let sensors = memory::remembering(composed.sensors, &journal);
        let parts = Parts { clock: world.clock(), executors: composed.executors, sensors, inside, stop: stopped };
        let last_words = closing.clone();
        let engine = tokio::spawn(async move {
            let ended = engine::run(state, recorder, first, parts).await;
            // Whoever is inside reads why before the line ends.
            let why = match &ended {
                Err(error) => Some(error.last_words()),
                Ok(state) => state.stopped.as_ref().map(|stopped| format!("the session was stopped by {}", stopped.by)),
            };
            if let Some(why) = why {
                last_words.send_replace(Some(Farewell::new(why, Then::StayAway)));
            }
            ended
        });
        let mut running = Running { host: Host::new(outside, about, closed), seen, world, engine, stop, closing };
        // The engine shows nobody anything before its first entries are done.
        let (reply, shown) = oneshot::channel();
        snapshots.send(reply).await.ok();
        tokio::select! {
            Ok(_) = shown => Ok(running),
            ended = running.ended() => Err(eyre!(match ended {
                Ended::Failed(why) => why,
                Ended::Stopped(_) => "the session was stopped before it began".to_owned(),
            })),
        }
    }

    /// What of it can be witnessed.
    pub(super) fn seen(&self) -> Seen {
        self.seen.clone()
    }

    /// Comes true when the engine has ended by itself: why.
    pub(super) async fn ended(&mut self) -> Ended {
        match (&mut self.engine).await {
            Ok(Ok(state)) => match state.stopped {
                Some(stopped) => Ended::Stopped(stopped.by),
                None => Ended::Failed("the engine has ended by itself".to_owned()),
            },
            Ok(Err(error)) => Ended::Failed(error.to_string()),
            Err(error) => Ended::Failed(error.to_string()),
        }
    }

    /// Tells everybody inside that it is over; whoever lets people in ends then.
    pub(super) fn see_out(&self, last_words: Farewell) {
        self.closing.send_replace(Some(last_words));
    }

    /// The same where nobody was told why yet: an engine that could not say it itself.
    pub(super) fn see_out_untold(&self, last_words: Farewell) {
        self.closing.send_if_modified(|told| {
            let untold = told.is_none();
            if untold {
                *told = Some(last_words);
            }
            untold
        });
    }

    /// What is left to do when the engine has ended by itself.
    pub(super) async fn leave(self) {
        self.world.leave().await;
    }

    /// Lets what is under way come to its end, and gives the state in which the journal was closed.
    /// # Errors
    /// The journal took no more.
    pub(super) async fn end(self) -> Result<State> {
        // An engine that has ended by itself hears nothing any more.
        let _ = self.stop.send(true);
        let state = self.engine.await??;
        self.world.leave().await;
        Ok(state)
    }
}
