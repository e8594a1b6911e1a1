//! The host's side: lets people in, gives each connection exactly what its role may have, and sees everybody out.
//!
//! Who somebody is comes from the kernel before a byte of his is parsed. Then the roster gives the role, and the role decides which of the
//! door's senders the connection's task is handed. Who gets a place is [`super::entrance`]'s.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{UnixListener, UnixStream},
    sync::{OwnedSemaphorePermit, broadcast, mpsc, watch},
    task::JoinSet,
    time::timeout,
};

use crate::{
    attach::{
        connection::{self, Account, Errand, Farewell, Sight, Speaker},
        entrance::{Admitted, Entrance, Seat},
        frame::{self, FROM_CLIENT_BYTES_MAX, Frames, Outgoing},
        peer,
        proof::{self, Candidate, Unproven},
        protocol::{Greeting, Hello, Refused, Then, VERSION, Wants, Welcome},
        queue::Queue,
        roster::{Identity, Roster, login_of, passwd},
        snapshots::SnapshotCache,
        turned_away::{Tally, Visitor},
    },
    core::{
        command::Command,
        event::{Asker, WorldKind},
    },
    domain::{
        credentials::{Credentials, Proven},
        head::Head,
        id::{AskId, ClientId, OperatorId, RouteId, SessionId},
        role::Role,
        shown::Shown,
    },
    door::{Door, Presence, Published, Request, Wanted},
};

/// A client that doesn't introduce itself within this time is cut.
const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// How often it is looked whether it is time to tell of those who were turned away.
const TURNED_AWAY_TOLD_EVERY: Duration = Duration::from_secs(5);
/// How long the last words may take when the host ends.
const FAREWELL_WITHIN: Duration = Duration::from_secs(2);

/// Comes true when somebody inside is to go.
type Leave = futures::future::BoxFuture<'static, Farewell>;

/// What the host tells everybody about the session.
#[derive(Debug, Clone)]
pub struct About {
    pub session: SessionId,
    /// The plan's name.
    pub plan: Shown,
    pub world: WorldKind,
    /// One above the highest number in the journal, so that nobody inherits the controls of somebody who died with the last host.
    pub first_client: ClientId,
}

/// The session's outer side for all its clients. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Host {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    presence: mpsc::Sender<Presence>,
    requests: mpsc::Sender<Request>,
    transitions: broadcast::WeakSender<Arc<Published>>,
    snapshots: Arc<SnapshotCache>,
    heads: watch::Receiver<Option<Head>>,
    turned_away: Arc<Tally>,
    about: About,
    next_client: AtomicU64,
    /// Set once, when the host ends.
    closing: watch::Receiver<Option<Farewell>>,
}

impl Host {
    /// `closing` is set by the owner when everybody is to be seen out.
    pub fn new(door: Door, about: About, closing: watch::Receiver<Option<Farewell>>) -> Host {
        let Door { presence, requests, snapshots, transitions, heads } = door;
        let next_client = AtomicU64::new(about.first_client.0);
        let snapshots = Arc::new(SnapshotCache::new(snapshots));
        let turned_away = Arc::new(Tally::new(presence.clone()));
        let shared = Shared { presence, requests, transitions, snapshots, heads, turned_away, about, next_client, closing };
        Host { shared: Arc::new(shared) }
    }

    /// Has it recorded who may come in from now on, and waits until it is. Only then may anybody be let in by it: whoever was added is known
    /// to be new before he can ask or approve anything.
    pub async fn announce(&self, roster: &Roster) {
        // A session that hears nobody any more has ended, and lets nobody in.
        self.shared.presence.send(Presence::Roster(roster.recorded())).await.ok();
        // Presences come before snapshots.
        self.shared.snapshots.snapshot().await;
    }

    /// Lets people in until the host closes, then sees them out. A change of the roster takes effect at once, for those inside too.
    pub async fn serve(&self, listener: UnixListener, mut moved: mpsc::Receiver<UnixListener>, roster: watch::Receiver<Arc<Roster>>) {
        let (mut queue, mut entrance) = (Queue::new(listener), Entrance::new());
        let mut inside = JoinSet::new();
        let mut closing = self.shared.closing.clone();
        let mut telling = tokio::time::interval(TURNED_AWAY_TOLD_EVERY);
        loop {
            let handful = tokio::select! {
                biased;
                _ = closing.wait_for(Option::is_some) => break,
                _ = telling.tick() => {
                    self.shared.turned_away.tell_due();
                    continue;
                }
                Some(_) = inside.join_next() => continue,
                Some(again) = moved.recv() => {
                    queue.move_to(again);
                    continue;
                }
                handful = queue.handful() => handful,
            };
            match handful {
                Ok(handful) => handful.into_iter().for_each(|stream| {
                    if let Some(admitted) = entrance.admit(&stream, &roster, &self.shared.turned_away) {
                        inside.spawn(self.clone().receive(stream, admitted, roster.clone()));
                    }
                }),
                // No file descriptors left, most likely: those inside are served on, and some will leave.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted; those inside are served on");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(queue);
        self.shared.turned_away.tell_all();
        let seeing_out = async { while inside.join_next().await.is_some() {} };
        timeout(FAREWELL_WITHIN, seeing_out).await.ok();
    }

    /// Asks for the session's end on behalf of whoever sent this process a signal: the kernel lets that only its own account do, and root. Whoever
    /// sends one asks nobody, so all `routes` are named; it is recorded like every other question.
    pub async fn stop_on_signal(&self, who: OperatorId, signal: &'static str, routes: Vec<RouteId>) {
        let client = ClientId(self.shared.next_client.fetch_add(1, Ordering::Relaxed));
        let by = Asker { client, who, role: Role::Pilot };
        let what = Wanted::Ask { ask: AskId(1), command: Command::Stop { abandon: routes } };
        let uid = peer::own_uid();
        let credentials = Some(Box::new(Credentials { uid, login: login_of(uid, &passwd()), proven: Proven::Signal }));
        // A session that hears nobody any more has ended.
        self.shared.requests.send(Request { by, key: Some(Shown::new(signal)), what, credentials }).await.ok();
    }

    /// Has it recorded that nobody starts the host again any more, which `process` would have done.
    pub async fn supervisor_gone(&self, process: u32) {
        // A session that hears nobody any more has ended.
        self.shared.presence.send(Presence::SupervisorGone { process }).await.ok();
    }

    /// Serves one client that shares this process, over the same frames as everybody else.
    pub async fn serve_stream(&self, stream: impl AsyncRead + AsyncWrite + Send, identity: Identity) {
        let mut closing = self.shared.closing.clone();
        let leave = |_| Box::pin(async move { farewell(&mut closing).await }) as Leave;
        self.converse(stream, &[Candidate::known(identity)], Seat::Kept, leave).await;
    }

    async fn receive(self, stream: UnixStream, admitted: Admitted, mut roster: watch::Receiver<Arc<Roster>>) {
        let mut closing = self.shared.closing.clone();
        let leave = |known: Candidate| {
            Box::pin(async move {
                tokio::select! {
                    bye = farewell(&mut closing) => bye,
                    Ok(_) = roster.wait_for(|roster| !roster.may_be(known.identity.uid).contains(&known)) =>
                        Farewell::new("the roster has changed and you are somebody else in it now; attach again", Then::ComeBack),
                }
            }) as Leave
        };
        self.converse(stream, &admitted.candidates, admitted.seat, leave).await;
    }

    /// From the hello to the end.
    async fn converse(
        &self,
        stream: impl AsyncRead + AsyncWrite,
        candidates: &[Candidate],
        seat: Seat,
        leave: impl FnOnce(Candidate) -> Leave,
    ) {
        let (reader, mut writer) = tokio::io::split(stream);
        let mut frames = Frames::new(reader, FROM_CLIENT_BYTES_MAX);
        let (hello, _places) = match heard(seat, &mut frames).await {
            Some(Ok((hello, places))) => (Ok(hello), places),
            Some(Err(refused)) => (Err(refused), Vec::new()),
            None => return,
        };
        let greeting = match hello {
            Ok(hello) => {
                let who = proof::who_is_it(candidates, &hello, &self.shared.about.session, &mut frames, &mut writer).await;
                who.map(|candidate| (hello, candidate))
            }
            Err(refused) => Err(refused.into()),
        };
        let (hello, candidate) = match greeting {
            Ok(both) => both,
            Err(Unproven { refused, what }) => {
                if let (Some((what, who)), Some(one)) = (what, candidates.first()) {
                    self.shared.turned_away.note(one.identity.uid, what, Some(&who));
                }
                let refusal = [Outgoing::of(&Greeting::Refused(refused))];
                timeout(HELLO_WITHIN, frame::write(&mut writer, &refusal)).await.ok();
                return;
            }
        };
        let welcome = self.welcome(&candidate.identity, hello.wants);
        let Welcome { who, role, client, .. } = welcome.clone();
        if !matches!(timeout(HELLO_WITHIN, frame::write(&mut writer, &[Outgoing::of(&Greeting::Welcome(welcome))])).await, Ok(Ok(()))) {
            return;
        }
        let Shared { presence, requests, transitions, snapshots, heads, turned_away, .. } = &*self.shared;
        if hello.wants == Wants::Glance {
            return connection::glance(writer, snapshots, heads.clone()).await;
        }
        let Some(transitions) = transitions.upgrade().map(|living| living.subscribe()) else {
            return connection::bye(writer, connection::over()).await;
        };
        let visitor = Visitor { tally: turned_away.clone(), uid: candidate.identity.uid, who: who.clone() };
        let leave = leave(candidate.clone());
        let sight = Sight { transitions, snapshots: snapshots.clone(), heads: heads.clone(), visitor, leave };
        let credentials = Box::new(candidate.credentials());
        if hello.wants == Wants::Errand {
            let asker = Asker { client, who, role };
            let account = if candidate.identity.uid == peer::own_uid() { Account::Hosts } else { Account::Another };
            return connection::errand(frames, writer, sight, presence.clone(), requests.clone(), Errand { asker, account, credentials })
                .await;
        }
        let joined = Presence::Joined { client, who: who.clone(), role, terminal: hello.terminal, credentials };
        if presence.send(joined).await.is_err() {
            return;
        }
        match role {
            Role::Watcher => connection::watch(frames, writer, sight, presence.clone(), client).await,
            Role::Approver | Role::Operator | Role::Pilot => {
                let asker = Asker { client, who, role };
                connection::cockpit(frames, writer, sight, presence.clone(), requests.clone(), Speaker { asker, key: candidate.key }).await;
            }
        }
        presence.send(Presence::Left { client }).await.ok();
    }

    fn welcome(&self, identity: &Identity, wants: Wants) -> Welcome {
        let role = match wants {
            Wants::Cockpit | Wants::Errand => identity.role,
            Wants::Watch | Wants::Glance => Role::Watcher,
        };
        let about = &self.shared.about;
        Welcome {
            version: VERSION,
            session: about.session.clone(),
            plan: about.plan.clone(),
            world: about.world,
            who: identity.who.clone(),
            role,
            client: ClientId(self.shared.next_client.fetch_add(1, Ordering::Relaxed)),
            beat_every: connection::BEAT_EVERY,
        }
    }
}

/// What somebody says that he wants, with the places that are his as long as he stays; `None` of one who left without a word.
async fn heard(seat: Seat, frames: &mut Frames<impl AsyncRead + Unpin>) -> Option<Result<(Hello, Vec<OwnedSemaphorePermit>), Refused>> {
    let hello = match timeout(seat.hello_within(HELLO_WITHIN), frames.next::<serde_json::Value>()).await {
        Ok(Ok(Some(hello))) => understand(hello),
        Ok(Ok(None)) => return None,
        Ok(Err(error)) => Err(Refused { why: Shown::new(&error.to_string()), then: Then::StayAway }),
        Err(_) => Err(Refused { why: Shown::new("no hello came in time; attach again"), then: Then::ComeBack }),
    };
    Some(match hello {
        Ok(hello) => seat.taken_for(hello.wants).await.map(|places| (hello, places)),
        Err(refused) => Err(refused),
    })
}

fn understand(hello: serde_json::Value) -> Result<Hello, Refused> {
    let stay_away = |why: String| Refused { why: Shown::new(&why), then: Then::StayAway };
    // The version first and alone: of another version's hello nothing else may be understood.
    let version = hello.get("version").and_then(serde_json::Value::as_u64);
    if version != Some(u64::from(VERSION)) {
        let theirs = version.map_or("none".to_owned(), |version| version.to_string());
        let why = format!("this host speaks version {VERSION} of the protocol, you speak {theirs}; use the cutover that the host runs");
        return Err(stay_away(why));
    }
    serde_json::from_value(hello).map_err(|error| stay_away(format!("that is no hello: {error}")))
}

async fn farewell(closing: &mut watch::Receiver<Option<Farewell>>) -> Farewell {
    match closing.wait_for(Option::is_some).await {
        Ok(words) => words.clone().expect("waited for"),
        Err(_) => Farewell::new("the host has ended without a word; it may come back", Then::ComeBack),
    }
}
