//! One attached terminal, on the host's side.
//!
//! Two loops of one task: one shows, one listens. They share nothing but a request for a snapshot, so a client that doesn't read is still
//! heard and one that floods us still sees; and one that has gone is heard to the end of what it had sent. What a connection may do is decided once, by which listening loop it is given: a watcher's
//! has a sender of [`Presence`] and no other, an operator's has one of [`Request`] too.
//!
//! No queue belongs to a client. It reads the session's own broadcast, and when it is too far behind it is shown the newest state instead.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{
        Notify,
        broadcast::{self, error::RecvError},
        mpsc, oneshot, watch,
    },
    time::{Instant, sleep_until, timeout, timeout_at},
};

use crate::{
    attach::{
        frame::{self, Frames, Outgoing},
        pace::Bucket,
        protocol::{FromCockpit, FromHost, FromWatcher, Then},
        snapshots::SnapshotCache,
        sshsig::{PublicKey, SignatureError, TO_APPROVE},
        turned_away::Visitor,
    },
    core::{
        command::Command,
        event::{Asker, Intrusion, TerminalSize},
    },
    domain::{
        credentials::Credentials,
        digest::Digest,
        head::Head,
        id::{ClientId, Seq},
        role::Role,
        shown::Shown,
        time::Millis,
    },
    door::{Presence, Published, Request, Wanted},
};

/// A client that takes nothing for this long is dropped.
const WRITE_WITHIN: Duration = Duration::from_secs(30);
/// A client that says nothing whole for this long is dropped; it should beat every 5 s.
const HEARD_WITHIN: Duration = Duration::from_secs(30);
/// What a client that takes nothing any more has sent lies before us and is read within this time; nothing more is waited for.
const HEARD_OUT_WITHIN: Duration = Duration::from_secs(5);
/// After the session has ended, for why it did.
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(2);
/// After this long without news a client is told that the host lives.
pub(super) const BEAT_EVERY: Millis = Millis::from_secs(1);
/// Beats of one cockpit reach the session no more often than this; they only renew a hold that lasts 15 s.
const BEAT_FORWARD_EVERY: Duration = Duration::from_secs(4);
/// Of a storm of resizes the session hears the newest one this often.
const RESIZE_EVERY: Duration = Duration::from_millis(500);
/// A client that claims to disagree again and again gets a snapshot this often at most.
const RESYNC_EVERY: Duration = Duration::from_secs(5);
/// Further behind than this a snapshot is less to send and to fold than the transitions.
const BEHIND_MAX: usize = 256;
/// A client is told no more often where the journal ends.
const HEAD_EVERY: Duration = Duration::from_secs(1);
/// Deeds that go out with one system call.
const BATCH_MAX: usize = 32;

/// Last words to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Farewell {
    pub why: Shown,
    pub then: Then,
}

impl Farewell {
    pub fn new(why: impl AsRef<str>, then: Then) -> Farewell {
        Farewell { why: Shown::new(why.as_ref()), then }
    }
}

/// What any connection may see of the session. There is nothing in it that could be asked of the session but its state.
pub(super) struct Sight {
    pub transitions: broadcast::Receiver<Arc<Published>>,
    pub snapshots: Arc<SnapshotCache>,
    /// Where the journal ends.
    pub heads: watch::Receiver<Option<Head>>,
    pub visitor: Visitor,
    /// Comes true when the host wants this client gone.
    pub leave: BoxFuture<'static, Farewell>,
}

/// Who an operator's connection speaks for.
pub(super) struct Speaker {
    pub asker: Asker,
    /// His approvals carry a signature of this key, because others share his account.
    pub key: Option<PublicKey>,
}

/// Serves a watcher until it is over. Whatever it sends, the session hears of nothing but its presence.
pub(super) async fn watch(
    frames: Frames<impl AsyncRead + Unpin>,
    writer: impl AsyncWrite + Unpin,
    sight: Sight,
    presence: mpsc::Sender<Presence>,
    client: ClientId,
) {
    let resync = Notify::new();
    let suspicion = Suspicion { visitor: sight.visitor.clone(), unreadable: Intrusion::WatcherAsked };
    let mut reader = ClientReader::new(frames, Bucket::new(20, 40), presence, client, suspicion);
    let listening = async {
        loop {
            match reader.next::<FromWatcher>().await {
                Ok(FromWatcher::Beat) => {}
                Ok(FromWatcher::Resize { terminal }) => reader.resize(terminal),
                Ok(FromWatcher::Resync) => resync.notify_one(),
                Ok(FromWatcher::Bye) => return Ended::Gone,
                Err(ended) => return ended,
            }
        }
    };
    both(listening, writer, sight, &resync).await;
}

/// Serves a cockpit that may ask until it is over. Whether a command is granted is the core's to say.
pub(super) async fn cockpit(
    frames: Frames<impl AsyncRead + Unpin>,
    writer: impl AsyncWrite + Unpin,
    sight: Sight,
    presence: mpsc::Sender<Presence>,
    requests: mpsc::Sender<Request>,
    Speaker { asker, key: signs }: Speaker,
) {
    let resync = Notify::new();
    let visitor = sight.visitor.clone();
    let suspicion = Suspicion { visitor: visitor.clone(), unreadable: Intrusion::NotHisToAsk };
    let mut reader = ClientReader::new(frames, Bucket::new(200, 400), presence.clone(), asker.client, suspicion);
    let mut forward_at = Instant::now();
    let listening = async {
        loop {
            let request = match reader.next::<FromCockpit>().await {
                Ok(FromCockpit::Ask { command: Command::Approve { .. }, .. }) if signs.is_some() => {
                    visitor.refused(Intrusion::ForgedApproval);
                    return Ended::Cut(Farewell::new(
                        "an approval from a shared account has to be signed; nothing was approved",
                        Then::StayAway,
                    ));
                }
                Ok(FromCockpit::Ask { command: Command::Stop { .. }, .. }) => {
                    visitor.refused(Intrusion::NotHisToAsk);
                    return Ended::Cut(Farewell::new("a cockpit ends no session; nothing was stopped; use `cutover stop`", Then::StayAway));
                }
                Ok(FromCockpit::Approve { ask, key, digest, signature }) => match signed(signs.as_ref(), key, &digest, &signature) {
                    Ok(key) => {
                        let what = Wanted::Ask { ask, command: Command::Approve { digest } };
                        Request { by: asker.clone(), key: Some(key), what, credentials: None }
                    }
                    Err((forged, why)) => {
                        visitor.refused(forged);
                        return Ended::Cut(Farewell::new(format!("{why}; nothing was approved"), Then::StayAway));
                    }
                },
                Ok(FromCockpit::Ask { ask, key, command }) => {
                    Request { by: asker.clone(), key, what: Wanted::Ask { ask, command }, credentials: None }
                }
                Ok(FromCockpit::Look { key, look }) => Request { by: asker.clone(), key, what: Wanted::Look(look), credentials: None },
                Ok(FromCockpit::Beat) => {
                    if forward_at <= Instant::now() {
                        forward_at = Instant::now() + BEAT_FORWARD_EVERY;
                        presence.send(Presence::Beat { client: asker.client }).await.ok();
                    }
                    continue;
                }
                Ok(FromCockpit::Resize { terminal }) => {
                    reader.resize(terminal);
                    continue;
                }
                Ok(FromCockpit::Resync) => {
                    resync.notify_one();
                    continue;
                }
                Ok(FromCockpit::Bye) => return Ended::Gone,
                Err(ended) => return ended,
            };
            if requests.send(request).await.is_err() {
                return Ended::Over;
            }
        }
    };
    both(listening, writer, sight, &resync).await;
}

/// Whose account is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    /// The one that the host runs as.
    Hosts,
    Another,
}

/// Who comes with one question.
pub(super) struct Errand {
    pub asker: Asker,
    pub account: Account,
    pub credentials: Box<Credentials>,
}

/// Serves a command line until it is over: it may ask for the way home, and the host's own account for the session's end. It is nobody's
/// presence, so nothing of it is told.
pub(super) async fn errand(
    frames: Frames<impl AsyncRead + Unpin>,
    writer: impl AsyncWrite + Unpin,
    sight: Sight,
    presence: mpsc::Sender<Presence>,
    requests: mpsc::Sender<Request>,
    Errand { asker, account, credentials }: Errand,
) {
    let resync = Notify::new();
    let visitor = sight.visitor.clone();
    let unreadable = if asker.role == Role::Watcher { Intrusion::WatcherAsked } else { Intrusion::NotHisToAsk };
    let suspicion = Suspicion { visitor: visitor.clone(), unreadable };
    let mut reader = ClientReader::new(frames, Bucket::new(20, 40), presence, asker.client, suspicion);
    let listening = async {
        loop {
            let (ask, key, command) = match reader.next::<FromCockpit>().await {
                Ok(FromCockpit::Ask { ask, key, command: command @ Command::Stop { .. } })
                    if asker.role != Role::Watcher && account == Account::Hosts =>
                {
                    (ask, key, command)
                }
                Ok(FromCockpit::Ask { ask, key, command: command @ Command::Rollback { .. } }) if asker.role != Role::Watcher => {
                    (ask, key, command)
                }
                Ok(FromCockpit::Ask { .. } | FromCockpit::Approve { .. }) => {
                    visitor.refused(unreadable);
                    let why = "a command line may ask for the way home and for nothing else; nothing was done";
                    return Ended::Cut(Farewell::new(why, Then::StayAway));
                }
                Ok(FromCockpit::Resync) => {
                    resync.notify_one();
                    continue;
                }
                Ok(FromCockpit::Beat | FromCockpit::Look { .. } | FromCockpit::Resize { .. }) => continue,
                Ok(FromCockpit::Bye) => return Ended::Gone,
                Err(ended) => return ended,
            };
            let what = Wanted::Ask { ask, command };
            if requests.send(Request { by: asker.clone(), key, what, credentials: Some(credentials.clone()) }).await.is_err() {
                return Ended::Over;
            }
        }
    };
    both(listening, writer, sight, &resync).await;
}

/// Shows the state once, and where the journal ends.
pub(super) async fn glance(mut writer: impl AsyncWrite + Unpin, snapshots: &SnapshotCache, mut heads: watch::Receiver<Option<Head>>) {
    if let Ok(Some(snapshot)) = timeout(WRITE_WITHIN, snapshots.snapshot()).await {
        let frames: Vec<Outgoing> = [Outgoing::snapshot(&snapshot)].into_iter().chain(head(&mut heads)).collect();
        timeout(WRITE_WITHIN, frame::write(&mut writer, &frames)).await.ok();
    }
}

/// Where the journal ends now, for whoever keeps it.
fn head(heads: &mut watch::Receiver<Option<Head>>) -> Option<Outgoing> {
    heads.borrow_and_update().map(|head| Outgoing::of(&FromHost::Head(head)))
}

/// Tells a client why it is cut.
pub(super) async fn bye(mut writer: impl AsyncWrite + Unpin, Farewell { why, then }: Farewell) {
    timeout(WRITE_WITHIN, frame::write(&mut writer, &[Outgoing::of(&FromHost::Bye { why, then })])).await.ok();
}

pub(super) fn over() -> Farewell {
    Farewell::new("the session's engine has stopped; what was journaled holds", Then::ComeBack)
}

/// How the approval of `digest` was given, for the journal: the key that was pressed and the signature, on one line.
fn signed(signs: Option<&PublicKey>, key: Option<Shown>, digest: &Digest, signature: &str) -> Result<Shown, (Intrusion, String)> {
    let Some(public) = signs else { return Err((Intrusion::ForgedApproval, "this account is one person's and signs nothing".to_owned())) };
    public.verify(TO_APPROVE, digest.to_string().as_bytes(), signature).map_err(|why| {
        let what = if why == SignatureError::Text { Intrusion::ReplayedApproval } else { Intrusion::ForgedApproval };
        (what, why.to_string())
    })?;
    let body: String = signature.lines().filter(|line| !line.starts_with('-')).collect();
    let pressed = key.map_or_else(String::new, |key| format!("{key} "));
    Ok(Shown::new(&format!("{pressed}signed {body}")))
}

/// Why listening ended.
enum Ended {
    /// The client has left, or can't be reached.
    Gone,
    /// The client is told why, and cut.
    Cut(Farewell),
    /// The session is over; whoever shows it hears that too, and why.
    Over,
}

/// Why showing ended.
enum ShowEnded {
    /// The client was told goodbye, or could not be any more.
    Goodbye,
    /// The client has closed its end, or takes nothing. What it asked for before that is asked for all the same, unless it is made to leave.
    NotTaken { within: Duration, leave: BoxFuture<'static, Farewell> },
}

async fn both(listening: impl Future<Output = Ended>, writer: impl AsyncWrite + Unpin, sight: Sight, resync: &Notify) {
    let (cut, last_words) = oneshot::channel();
    tokio::pin!(listening);
    let showing = show(writer, sight, resync, last_words);
    tokio::pin!(showing);
    let shown = tokio::select! {
        biased;
        ended = &mut listening => {
            match ended {
                Ended::Gone => return,
                Ended::Cut(farewell) => drop(cut.send(farewell)),
                Ended::Over => {}
            }
            showing.await;
            return;
        }
        shown = &mut showing => shown,
    };
    if let ShowEnded::NotTaken { within, leave } = shown {
        // A write fails at once when the other side has closed, while what it had sent still waits to be read.
        tokio::select! {
            _ = timeout(within, listening) => {}
            _ = leave => {}
        }
    }
}

/// Of whom to tell, and as what, if he sends what can't be read as anything that he may send.
struct Suspicion {
    visitor: Visitor,
    unreadable: Intrusion,
}

/// What the client says, no faster than it may say it.
struct ClientReader<R> {
    frames: Frames<R>,
    bucket: Bucket,
    presence: mpsc::Sender<Presence>,
    client: ClientId,
    suspicion: Suspicion,
    resized: Option<TerminalSize>,
    resize_at: Instant,
}

impl<R: AsyncRead + Unpin> ClientReader<R> {
    fn new(frames: Frames<R>, bucket: Bucket, presence: mpsc::Sender<Presence>, client: ClientId, suspicion: Suspicion) -> ClientReader<R> {
        ClientReader { frames, bucket, presence, client, suspicion, resized: None, resize_at: Instant::now() }
    }

    fn resize(&mut self, terminal: TerminalSize) {
        self.resized = Some(terminal);
    }

    /// The next thing said. Pending resizes are passed on meanwhile.
    async fn next<T: DeserializeOwned>(&mut self) -> Result<T, Ended> {
        tokio::time::sleep(self.bucket.take(Instant::now())).await;
        let deadline = Instant::now() + HEARD_WITHIN;
        loop {
            let said = tokio::select! {
                said = timeout_at(deadline, self.frames.next::<T>()) => said,
                () = sleep_until(self.resize_at), if self.resized.is_some() => {
                    self.pass_on_resize().await;
                    continue;
                }
            };
            return match said {
                Ok(Ok(Some(said))) => Ok(said),
                Ok(Ok(None) | Err(frame::FrameError::Broken(_))) => Err(Ended::Gone),
                Ok(Err(error @ frame::FrameError::Unreadable(_))) => {
                    self.suspicion.visitor.refused(self.suspicion.unreadable);
                    Err(Ended::Cut(Farewell::new(error.to_string(), Then::StayAway)))
                }
                Ok(Err(error @ frame::FrameError::TooLong { .. })) => Err(Ended::Cut(Farewell::new(error.to_string(), Then::StayAway))),
                Err(_) => Err(Ended::Cut(Farewell::new("nothing was heard from this cockpit for 30 s; attach again", Then::ComeBack))),
            };
        }
    }

    async fn pass_on_resize(&mut self) {
        if let Some(terminal) = self.resized.take() {
            self.resize_at = Instant::now() + RESIZE_EVERY;
            self.presence.send(Presence::Resized { client: self.client, terminal }).await.ok();
        }
    }
}

/// What goes out next.
enum Next {
    Snapshot,
    Deeds(Vec<Outgoing>),
    Beat,
    Bye(Farewell),
}

/// Shows the session to one client until the client can't take it any more or is told goodbye.
async fn show(mut writer: impl AsyncWrite + Unpin, mut sight: Sight, resync: &Notify, mut cut: oneshot::Receiver<Farewell>) -> ShowEnded {
    let mut next = Next::Snapshot;
    let mut shown = Seq(0);
    let mut resync_at = Instant::now();
    let mut head_at = Instant::now();
    loop {
        let is_snapshot = matches!(next, Next::Snapshot);
        let mut frames = match next {
            Next::Snapshot => {
                // A fresh subscription first: what is published while the snapshot is made must not be missed.
                sight.transitions = sight.transitions.resubscribe();
                let Ok(Some(snapshot)) = timeout(WRITE_WITHIN, sight.snapshots.snapshot()).await else {
                    next = Next::Bye(over());
                    continue;
                };
                resync_at = Instant::now() + RESYNC_EVERY;
                shown = snapshot.seq;
                vec![Outgoing::snapshot(&snapshot)]
            }
            Next::Deeds(frames) => frames,
            Next::Beat => vec![Outgoing::of(&FromHost::Beat)],
            Next::Bye(farewell) => {
                bye(writer, farewell).await;
                return ShowEnded::Goodbye;
            }
        };
        if is_snapshot || (head_at <= Instant::now() && sight.heads.has_changed().unwrap_or(false)) {
            head_at = Instant::now() + HEAD_EVERY;
            frames.extend(head(&mut sight.heads));
        }
        match timeout(WRITE_WITHIN, frame::write(&mut writer, &frames)).await {
            Ok(Ok(())) => {}
            // It has closed, so what it sent has an end; it is read at the pace of any client.
            Ok(Err(_)) => return ShowEnded::NotTaken { within: HEARD_WITHIN, leave: sight.leave },
            Err(_) => return ShowEnded::NotTaken { within: HEARD_OUT_WITHIN, leave: sight.leave },
        }
        drop(frames);
        next = tokio::select! {
            biased;
            Ok(farewell) = &mut cut => Next::Bye(farewell),
            farewell = &mut sight.leave => Next::Bye(farewell),
            () = asked_again(resync, resync_at) => Next::Snapshot,
            next = gather(&mut sight.transitions, &mut shown) => match next {
                Some(next) => next,
                // The owner knows why, and says so in a moment.
                None => Next::Bye(timeout(LAST_WORDS_WITHIN, &mut sight.leave).await.unwrap_or_else(|_| over())),
            },
            () = tokio::time::sleep(Duration::from_millis(BEAT_EVERY.0)) => Next::Beat,
        };
    }
}

/// Ends when the client wants a snapshot and may have one.
async fn asked_again(resync: &Notify, not_before: Instant) {
    sleep_until(not_before).await;
    resync.notified().await;
}

/// The transitions that are there now, at least one; or what takes their place when there are too many. Only the wait for the first can be
/// abandoned, so nothing is lost when it is. None once the session has ended.
async fn gather(transitions: &mut broadcast::Receiver<Arc<Published>>, shown: &mut Seq) -> Option<Next> {
    let mut first = loop {
        match transitions.recv().await {
            Ok(transition) if transition.seq <= *shown => {}
            Ok(transition) => break Some(transition),
            Err(RecvError::Lagged(_)) => return Some(Next::Snapshot),
            Err(RecvError::Closed) => return None,
        }
    };
    if transitions.len() > BEHIND_MAX {
        return Some(Next::Snapshot);
    }
    let mut frames = Vec::new();
    while let Some(transition) = first.take().or_else(|| transitions.try_recv().ok()) {
        *shown = transition.seq;
        frames.push(Outgoing::transition(&transition));
        if frames.len() >= BATCH_MAX {
            break;
        }
    }
    Some(Next::Deeds(frames))
}
