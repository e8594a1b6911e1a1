//! A session without a world: it steps the real core, publishes, and remembers what it was asked.

use std::sync::Arc;

use cutover::core::decision::{Effect, IssuedEffect};
use cutover::domain::id::EffectId;
use cutover::{
    attach::{
        connection::Farewell,
        frame::{self, FROM_HOST_BYTES_MAX, Frames, Outgoing},
        host::{About, Host},
        protocol::{FromHost, Greeting, Hello, VERSION, Wants, Welcome},
        roster::Identity,
    },
    core::{
        decision::Transition,
        event::{Alarm, Entry, Event, WorldKind},
        state::State,
        step::step,
    },
    domain::{
        id::{ClientId, Seq},
        role::Role,
        time::Timestamp,
    },
    door::{self, Door, Inside, OnRecord, Presence, Published, Request, Snapshot, Wanted},
    plan::model::Plan,
};
use serde::Serialize;
use tokio::{
    io::{DuplexStream, ReadHalf, WriteHalf},
    net::UnixListener,
    sync::{mpsc, oneshot, watch},
};

/// What a test tells the session to do.
pub(crate) enum Order {
    /// So many ticks, published without a pause.
    Ticks(u64),
    /// One tick whose published decision is not what the core decides.
    Lie,
    State(oneshot::Sender<State>),
}

/// A test's end of the session.
pub(crate) struct Session {
    pub door: Door,
    pub requests: mpsc::UnboundedReceiver<Request>,
    pub presences: mpsc::UnboundedReceiver<Presence>,
    orders: mpsc::Sender<Order>,
}

impl Session {
    pub(crate) fn start() -> Session {
        let (door, inside) = door::door();
        let (asked, requests) = mpsc::unbounded_channel();
        let (seen, presences) = mpsc::unbounded_channel();
        let (orders, ordered) = mpsc::channel(8);
        let mut engine = Engine { state: State::default(), next: 0, inside, asked, seen, ordered };
        engine.happen(Event::Opened { session: session_id(), plan: Box::new(plan()), world: WorldKind::Demo { speed: 1 } });
        tokio::spawn(engine.run());
        Session { door, requests, presences, orders }
    }

    pub(crate) async fn ticks(&self, count: u64) {
        self.orders.send(Order::Ticks(count)).await.unwrap();
    }
    pub(crate) async fn lie(&self) {
        self.orders.send(Order::Lie).await.unwrap();
    }
    pub(crate) async fn state(&self) -> State {
        let (reply, state) = oneshot::channel();
        self.orders.send(Order::State(reply)).await.unwrap();
        state.await.unwrap()
    }

    /// A host before this session, and what ends it.
    pub(crate) fn host(&self, first_client: u64) -> (Host, watch::Sender<Option<Farewell>>) {
        let (close, closing) = watch::channel(None);
        let about =
            About { session: session_id(), plan: "test".into(), world: WorldKind::Demo { speed: 1 }, first_client: ClientId(first_client) };
        (Host::new(self.door.clone(), about, closing), close)
    }
}

fn session_id() -> cutover::domain::id::SessionId {
    "hexproperty-20261123-2200".parse().unwrap()
}

fn plan() -> Plan {
    let json = r#"{"name":"test","hash":"0000000000000000000000000000000000000000000000000000000000000000","project":"hexproperty","region":"us-central1","routes":[],"triggers":[],"checklist":[],
        "database":null,"phases":[],"limits":{"scrape_every":2000,"read_every":5000,"home_ready_min":1000}}"#;
    serde_json::from_str(json).unwrap()
}

struct Engine {
    state: State,
    next: u64,
    inside: Inside,
    asked: mpsc::UnboundedSender<Request>,
    seen: mpsc::UnboundedSender<Presence>,
    ordered: mpsc::Receiver<Order>,
}

impl Engine {
    async fn run(mut self) {
        loop {
            tokio::select! {
                biased;
                Some(presence) = self.inside.presence.recv() => {
                    self.seen.send(presence.clone()).ok();
                    self.happen(match presence {
                        Presence::Joined { client, who, role, terminal, credentials } => {
                            Event::Joined { client, who, role, terminal, credentials: Some(credentials) }
                        }
                        Presence::Roster(roster) => Event::Roster(roster),
                        Presence::TurnedAway(turned) => Event::TurnedAway(turned),
                        Presence::SupervisorGone { process } => Event::SupervisorGone { process },
                        Presence::Resized { client, terminal } => Event::Resized { client, terminal },
                        Presence::Beat { client } => Event::Beat { client },
                        Presence::Left { client } => Event::Left { client },
                    });
                }
                Some(request) = self.inside.requests.recv() => {
                    self.asked.send(request.clone()).ok();
                    let Request { by, key, what, credentials } = request;
                    self.happen(match what {
                        Wanted::Ask { ask, command } => Event::Asked { by, ask, key, command, credentials },
                        Wanted::Look(look) => Event::Looked { by, key, look },
                    });
                }
                Some(reply) = self.inside.snapshots.recv() => {
                    let json = serde_json::to_string(&self.state).unwrap().into();
                    reply.send(Snapshot { seq: self.state.seq, json }).ok();
                }
                order = self.ordered.recv() => match order {
                    Some(Order::Ticks(count)) => (0..count).for_each(|_| self.happen(Event::Rang(Alarm::Tick))),
                    Some(Order::Lie) => self.lie(),
                    Some(Order::State(reply)) => drop(reply.send(self.state.clone())),
                    None => return,
                },
            }
        }
    }

    fn happen(&mut self, event: Event) {
        let entry = self.stamp(event);
        let decision = step(&mut self.state, &entry);
        self.publish(&Transition { entry, decision });
    }

    fn lie(&mut self) {
        let entry = self.stamp(Event::Rang(Alarm::Tick));
        let mut decision = step(&mut self.state, &entry);
        let ring = IssuedEffect { id: EffectId { seq: entry.seq, index: 7 }, what: Effect::Wake { at: entry.at, alarm: Alarm::Tick } };
        decision.effects.push(ring);
        self.publish(&Transition { entry, decision });
    }

    fn stamp(&mut self, event: Event) -> Entry {
        let seq = Seq(self.next);
        self.next += 1;
        Entry { seq, at: Timestamp(1_795_471_200_000 + seq.0 as i64 * 1000), event }
    }

    fn publish(&self, transition: &Transition) {
        let json = serde_json::to_string(transition).unwrap().into();
        self.inside.transitions.send(Arc::new(Published { seq: transition.entry.seq, on_record: OnRecord::Yes, json })).ok();
    }
}

pub(crate) fn identity(who: &str, role: Role) -> Identity {
    Identity { uid: 1000, who: who.parse().unwrap(), role }
}

pub(crate) fn hello(wants: Wants) -> Hello {
    Hello { version: VERSION, wants, terminal: None, person: None }
}

/// A client that speaks frames by hand.
pub(crate) struct Raw {
    pub frames: Frames<ReadHalf<DuplexStream>>,
    pub writer: WriteHalf<DuplexStream>,
    pub serving: tokio::task::JoinHandle<()>,
}

impl Raw {
    /// Connects without a hello; `room_bytes` is what the line holds in each direction.
    pub(crate) fn dial(host: &Host, who: Identity, room_bytes: usize) -> Raw {
        let (ours, theirs) = tokio::io::duplex(room_bytes);
        let host = host.clone();
        let serving = tokio::spawn(async move { host.serve_stream(theirs, who).await });
        let (reader, writer) = tokio::io::split(ours);
        Raw { frames: Frames::new(reader, FROM_HOST_BYTES_MAX), writer, serving }
    }

    pub(crate) async fn join(host: &Host, who: Identity, wants: Wants, room_bytes: usize) -> (Raw, Welcome) {
        let mut raw = Raw::dial(host, who, room_bytes);
        raw.say(&hello(wants)).await;
        match raw.frames.next::<Greeting>().await.unwrap() {
            Some(Greeting::Welcome(welcome)) => (raw, welcome),
            other => panic!("{other:?} is no welcome"),
        }
    }

    pub(crate) async fn say(&mut self, message: &impl Serialize) {
        frame::write(&mut self.writer, &[Outgoing::of(message)]).await.unwrap();
    }

    pub(crate) async fn hear(&mut self) -> Option<FromHost> {
        self.frames.next::<FromHost>().await.unwrap()
    }

    /// Reads on until the host has said its last word, and returns that.
    pub(crate) async fn last_words(&mut self) -> Option<String> {
        let mut words = None;
        while let Ok(Some(said)) = self.frames.next::<FromHost>().await {
            if let FromHost::Bye { why, .. } = said {
                words = Some(why.to_string());
            }
        }
        words
    }
}

/// A host's socket that stays where it is.
pub(crate) fn stays() -> mpsc::Receiver<UnixListener> {
    mpsc::channel(1).1
}
