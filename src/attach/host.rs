//! The host's side: lets people in, gives each connection exactly what its role may have, and sees everybody out.
//!
//! Who somebody is comes from the kernel before a byte of his is parsed. Then the roster gives the role, and the role decides which of the
//! door's senders the connection's task is handed. Storms of connections wait at the door: each account is let in at a steady pace and has
//! so many places, watchers can't take the places of those who steer, and a few are kept for whoever only asks for the way home.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustix::net::SendFlags;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{UnixListener, UnixStream},
    sync::{OwnedSemaphorePermit, Semaphore, broadcast, mpsc, watch},
    task::JoinSet,
    time::{Instant, timeout},
};

use crate::{
    attach::{
        connection::{self, Account, Errand, Farewell, Sight, Speaker},
        frame::{self, FROM_CLIENT_BYTES_MAX, Frames, Outgoing},
        pace::Bucket,
        peer,
        proof::{self, Candidate, Unproven},
        protocol::{Greeting, Hello, Refused, Then, VERSION, Wants, Welcome},
        roster::{Identity, Roster, login_of, passwd},
        snapshots::SnapshotCache,
        turned_away::{Tally, Visitor},
    },
    core::{
        command::Command,
        event::{Asker, Intrusion, WorldKind},
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

/// Terminals at one time.
const CLIENTS_MAX: usize = 128;
/// Of these, accounts that may only watch.
const WATCHERS_MAX: usize = 96;
/// Of one account, however many people it stands for.
pub const OF_AN_ACCOUNT_MAX: usize = 96;
/// Beyond all these, for whoever has come for one question only: going home must find a place in a session that is full.
const ERRANDS_MAX: usize = 16;
/// New connections of one account a second, after a burst of as many.
const ADMITTED_PER_SECOND: u32 = 20;
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
    pub async fn serve(&self, mut listener: UnixListener, mut moved: mpsc::Receiver<UnixListener>, roster: watch::Receiver<Arc<Roster>>) {
        let mut entrance = Entrance::new();
        let mut inside = JoinSet::new();
        let mut closing = self.shared.closing.clone();
        let mut telling = tokio::time::interval(TURNED_AWAY_TOLD_EVERY);
        loop {
            let accepted = tokio::select! {
                biased;
                _ = closing.wait_for(Option::is_some) => break,
                _ = telling.tick() => {
                    self.shared.turned_away.tell_due();
                    continue;
                }
                Some(_) = inside.join_next() => continue,
                Some(again) = moved.recv() => {
                    listener = again;
                    continue;
                }
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let Some(admitted) = entrance.admit(&stream, &roster, &self.shared.turned_away) else { continue };
                    inside.spawn(self.clone().receive(stream, admitted, roster.clone()));
                }
                // No file descriptors left, most likely: those inside are served on, and some will leave.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted; those inside are served on");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(listener);
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

    /// Serves one client that shares this process, over the same frames as everybody else.
    pub async fn serve_stream(&self, stream: impl AsyncRead + AsyncWrite + Send, identity: Identity) {
        let mut closing = self.shared.closing.clone();
        let leave = |_| Box::pin(async move { farewell(&mut closing).await }) as Leave;
        self.converse(stream, &[Candidate::known(identity)], Seat::Any, leave).await;
    }

    async fn receive(self, stream: UnixStream, admitted: Admitted, mut roster: watch::Receiver<Arc<Roster>>) {
        tokio::time::sleep(admitted.wait).await;
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
        drop(admitted.places);
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
        let hello = match timeout(HELLO_WITHIN, frames.next::<serde_json::Value>()).await {
            Ok(Ok(Some(hello))) => understand(hello).and_then(|hello| seat.allows(hello)),
            Ok(Ok(None)) => return,
            Ok(Err(error)) => Err(Refused { why: Shown::new(&error.to_string()), then: Then::StayAway }),
            Err(_) => Err(Refused { why: Shown::new("no hello came within 5 s; attach again"), then: Then::ComeBack }),
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

/// What a place may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seat {
    Any,
    /// One that is kept for a single question.
    Errand,
}

impl Seat {
    fn allows(self, hello: Hello) -> Result<Hello, Refused> {
        match (self, hello.wants) {
            (Seat::Any, _) | (Seat::Errand, Wants::Errand | Wants::Glance) => Ok(hello),
            (Seat::Errand, Wants::Cockpit | Wants::Watch) => Err(Refused { why: Shown::new(FULL), then: Then::ComeBack }),
        }
    }
}

const FULL: &str = "the session is full; try again when somebody has left (`cutover rollback` still finds a place)";

/// Who may come in, how fast and how many.
struct Entrance {
    accounts: BTreeMap<u32, AtTheDoor>,
    places: Arc<Semaphore>,
    watcher_places: Arc<Semaphore>,
    errand_places: Arc<Semaphore>,
}

/// What one account has taken.
struct AtTheDoor {
    pace: Bucket,
    places: Arc<Semaphore>,
}

struct Admitted {
    /// Who the account may be; at least one.
    candidates: Vec<Candidate>,
    /// Its turn in the queue of its account.
    wait: Duration,
    seat: Seat,
    places: Vec<OwnedSemaphorePermit>,
}

impl Entrance {
    fn new() -> Entrance {
        let places = Arc::new(Semaphore::new(CLIENTS_MAX));
        let (watcher_places, errand_places) = (Arc::new(Semaphore::new(WATCHERS_MAX)), Arc::new(Semaphore::new(ERRANDS_MAX)));
        Entrance { accounts: BTreeMap::new(), places, watcher_places, errand_places }
    }

    /// `None` closes the connection: nothing of what it sent has been looked at.
    fn admit(&mut self, stream: &UnixStream, roster: &watch::Receiver<Arc<Roster>>, turned_away: &Tally) -> Option<Admitted> {
        let uid = peer::uid_of(stream).ok()?;
        let candidates = roster.borrow().may_be(uid);
        if candidates.is_empty() {
            turned_away.note(uid, Intrusion::Stranger, None);
            tell(stream, format!("account {uid} is not in the host's roster; ask its owner to add it"), Then::StayAway).ok();
            return None;
        }
        let only_watch = candidates.iter().all(|one| one.identity.role == Role::Watcher);
        let account = self.accounts.entry(uid).or_insert_with(|| AtTheDoor {
            pace: Bucket::new(ADMITTED_PER_SECOND, ADMITTED_PER_SECOND),
            places: Arc::new(Semaphore::new(OF_AN_ACCOUNT_MAX)),
        });
        let wanted = [Some(&account.places), Some(&self.places), only_watch.then_some(&self.watcher_places)];
        let places: Option<Vec<_>> = wanted.into_iter().flatten().map(|places| places.clone().try_acquire_owned().ok()).collect();
        let kept = || self.errand_places.clone().try_acquire_owned().ok().map(|place| (Seat::Errand, vec![place]));
        let Some((seat, places)) = places.map(|places| (Seat::Any, places)).or_else(kept) else {
            tell(stream, FULL.to_owned(), Then::ComeBack).ok();
            return None;
        };
        let wait = match seat {
            Seat::Any => account.pace.take(Instant::now()),
            // There are few of them, and nobody waits for his own crowd on the way home.
            Seat::Errand => Duration::ZERO,
        };
        Some(Admitted { candidates, wait, seat, places })
    }
}

/// One refusal without waiting: an empty socket buffer takes it whole, and nobody is waited for. The kernel is asked directly, because the
/// runtime has not seen yet whether this new socket can be written.
fn tell(stream: &UnixStream, why: String, then: Then) -> io::Result<usize> {
    let bytes = Outgoing::of(&Greeting::Refused(Refused { why: Shown::new(&why), then })).into_bytes();
    Ok(rustix::net::send(stream, &bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?)
}
