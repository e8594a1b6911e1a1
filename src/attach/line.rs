//! What keeps a cockpit's link alive: one task with two states, connected and reconnecting.
//!
//! It folds transitions, publishes views, carries questions and matches answers to them. It ends when the cockpit drops its end of the questions,
//! or when the host says that there is nothing to come back to.

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use futures::FutureExt;
use tokio::{
    io::{ReadHalf, WriteHalf},
    sync::{mpsc, watch},
    time::{Instant, sleep_until, timeout},
};

use crate::{
    attach::{
        client::{Approving, ConnectError, Connection, Glance, Link, Listens, Reply, ToHost, View},
        dial::{Dial, Line},
        fold::{Fold, Folded},
        frame::{self, FROM_HOST_BYTES_MAX, FrameError, Frames, Outgoing},
        proof::PROVEN_WITHIN,
        protocol::{Challenge, FromCockpit, FromHost, FromWatcher, Greeting, Hello, Proof, Refused, Then, Welcome},
        signer::Signer,
        sshsig::{TO_APPROVE, TO_ATTACH},
    },
    core::{
        command::Command,
        decision::{Refusal, Transition, Verdict},
        state::State,
    },
    domain::{digest::Digest, head::Head, id::AskId, role::Role, shown::Shown},
    door::OnRecord,
};

const BEAT_EVERY: Duration = Duration::from_secs(5);
/// A host that has missed so many beats is shown as silent.
const BEATS_MISSED: u32 = 3;
/// The whole greeting, the snapshot included.
const GREETING_WITHIN: Duration = Duration::from_secs(10);
/// A host that takes no question for this long is as good as gone.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// An answer that has not come this long after a gap was in the gap.
const LOST_AFTER: Duration = Duration::from_secs(5);
const BACK_OFF_FIRST: Duration = Duration::from_millis(200);
const BACK_OFF_MAX: Duration = Duration::from_secs(5);
/// Questions and answers that may wait; a cockpit asks with a key press each.
const QUESTIONS_MAX: usize = 64;
/// Deeds folded before a view is published, so that a long burst is seen on its way too.
const FOLDED_MAX: usize = 256;

/// Greeted and shown the state once.
struct Joined {
    frames: Frames<ReadHalf<Box<dyn Line>>>,
    writer: WriteHalf<Box<dyn Line>>,
    welcome: Welcome,
    state: Box<State>,
}

/// Connects and waits for the first snapshot; what comes after that is the spawned task's.
pub(super) async fn open(mut dial: Dial, hello: Hello) -> Result<Link, ConnectError> {
    let Joined { frames, writer, welcome, state } = join(&mut dial, &hello).await?;
    let fold = Fold::new(*state);
    let first = View {
        state: fold.state().expect("nothing was folded yet").clone(),
        connection: Connection::Connected,
        me: welcome,
        disagreements: 0,
        head: None,
    };
    let (view, views) = watch::channel(Arc::new(first));
    let (asks, questions) = mpsc::channel(QUESTIONS_MAX);
    let (answers, replies) = mpsc::channel(4 * QUESTIONS_MAX);
    let (sign, signed) = mpsc::channel(QUESTIONS_MAX);
    let approving = if dial.signer().is_some() { Approving::Signed } else { Approving::Asked };
    let keeper = Keeper { dial, hello, fold, view, head: None, questions, answers, waiting: BTreeMap::new(), sign, signed };
    tokio::spawn(keeper.keep(frames, writer));
    Ok(Link { view: views, asks, replies, approving })
}

/// Greeted and shown the state, and gone again.
pub(super) async fn glance(mut dial: Dial, hello: Hello) -> Result<Glance, ConnectError> {
    let Joined { mut frames, welcome, state, .. } = join(&mut dial, &hello).await?;
    let head = match timeout(GREETING_WITHIN, frames.next::<FromHost>()).await {
        Ok(Ok(Some(FromHost::Head(head)))) => Some(head),
        Ok(_) | Err(_) => None,
    };
    Ok(Glance { me: welcome, state, head })
}

async fn join(dial: &mut Dial, hello: &Hello) -> Result<Joined, ConnectError> {
    let within = if dial.signer().is_some() { PROVEN_WITHIN } else { GREETING_WITHIN };
    let greeting = async {
        let (reader, mut writer) = tokio::io::split(dial.dial().await.map_err(ConnectError::Unreachable)?);
        let mut frames = Frames::new(reader, FROM_HOST_BYTES_MAX);
        // A host that refuses at the door closes before it reads: its words count more than our broken write.
        let sent = frame::write(&mut writer, &[Outgoing::of(hello)]).await;
        let mut greeting = frames.next::<Greeting>().await;
        if let Ok(Some(Greeting::Prove(Challenge { text }))) = &greeting {
            let signer = dial.signer().ok_or_else(|| ConnectError::NoProof(io::Error::other("no key was named")))?;
            let signature = signer.sign(TO_ATTACH, text).await.map_err(ConnectError::NoProof)?;
            frame::write(&mut writer, &[Outgoing::of(&Proof { signature })]).await.map_err(ConnectError::Unreachable)?;
            greeting = frames.next::<Greeting>().await;
        }
        let welcome = match greeting {
            Ok(Some(Greeting::Prove(_))) => return Err(ConnectError::NoProof(io::Error::other("the host asks again and again"))),
            Ok(Some(Greeting::Welcome(welcome))) => welcome,
            Ok(Some(Greeting::Refused(refused))) => return Err(ConnectError::Refused(refused)),
            Ok(None) => return Err(ConnectError::Unreachable(sent.err().unwrap_or(io::ErrorKind::ConnectionReset.into()))),
            Err(error) => return Err(ConnectError::Broken(error)),
        };
        match frames.next::<FromHost>().await.map_err(ConnectError::Broken)? {
            Some(FromHost::Snapshot { state, .. }) => Ok(Joined { frames, writer, welcome, state }),
            Some(FromHost::Bye { why, then }) => Err(ConnectError::Refused(Refused { why, then })),
            Some(FromHost::Transition(_) | FromHost::Unrecorded(_) | FromHost::Beat | FromHost::Head(_)) | None => {
                Err(ConnectError::NoSnapshot)
            }
        }
    };
    timeout(within, greeting).await.unwrap_or(Err(ConnectError::Unreachable(io::ErrorKind::TimedOut.into())))
}

/// Whether anything of two needs a snapshot.
fn worse(one: Folded, other: Folded) -> Folded {
    match (one, other) {
        (Folded::Disagreed, _) | (_, Folded::Disagreed) => Folded::Disagreed,
        (Folded::Newer | Folded::Skipped, Folded::Newer | Folded::Skipped) => one,
    }
}

/// What becomes of the link after a state of it has ended.
enum Over {
    /// The line is gone, and may come back.
    Broke(Shown),
    /// There is nothing to come back to.
    Ended(Shown),
    /// The cockpit has left.
    Left,
}

struct Keeper {
    dial: Dial,
    hello: Hello,
    fold: Fold,
    view: watch::Sender<Arc<View>>,
    head: Option<Head>,
    questions: mpsc::Receiver<ToHost>,
    answers: mpsc::Sender<Reply>,
    /// Questions without an answer; with a time once there was a gap in which it may have been.
    waiting: BTreeMap<AskId, Option<Instant>>,
    /// Signing takes its time, and holds up nothing: what was signed comes back here.
    sign: mpsc::Sender<Signed>,
    signed: mpsc::Receiver<Signed>,
}

/// An approval that was signed, or could not be.
struct Signed {
    ask: AskId,
    approval: io::Result<FromCockpit>,
}

impl Keeper {
    async fn keep(mut self, mut frames: Frames<ReadHalf<Box<dyn Line>>>, mut writer: WriteHalf<Box<dyn Line>>) {
        loop {
            let over = self.connected(&mut frames, &mut writer).await;
            let over = match over {
                Over::Broke(why) => {
                    self.give_up_waiting(&why);
                    match self.reconnecting(why).await {
                        Ok(joined) => {
                            (frames, writer) = (joined.frames, joined.writer);
                            self.fold.replace(*joined.state);
                            self.publish(Connection::Connected, Some(joined.welcome));
                            continue;
                        }
                        Err(over) => over,
                    }
                }
                over @ (Over::Ended(_) | Over::Left) => over,
            };
            if let Over::Ended(why) | Over::Broke(why) = over {
                self.give_up_waiting(&why);
                self.connection(Connection::Closed { why });
                while let Some(question) = self.questions.recv().await {
                    self.not_sent(question, "the session is closed for this cockpit");
                }
            }
            return;
        }
    }

    async fn connected(&mut self, frames: &mut Frames<ReadHalf<Box<dyn Line>>>, writer: &mut WriteHalf<Box<dyn Line>>) -> Over {
        let mut heard_at = Instant::now();
        let mut beat_at = heard_at + BEAT_EVERY;
        let silent_after = Duration::from_millis(self.view.borrow().me.beat_every.0) * BEATS_MISSED;
        loop {
            let lost_at = self.waiting.values().flatten().min().copied();
            let silent_at = (self.view.borrow().connection == Connection::Connected).then_some(heard_at + silent_after);
            let wake_at = [Some(beat_at), lost_at, silent_at].into_iter().flatten().min().unwrap_or(beat_at);
            let mut out = Vec::new();
            tokio::select! {
                biased;
                question = self.questions.recv() => match question {
                    Some(question) => out.extend(self.take(question)),
                    None => {
                        timeout(WRITE_WITHIN, frame::write(writer, &[self.simple(FromCockpit::Bye, FromWatcher::Bye)])).await.ok();
                        return Over::Left;
                    }
                },
                Some(Signed { ask, approval }) = self.signed.recv() => match approval {
                    Ok(approval) => out.push(Outgoing::of(&approval)),
                    Err(error) => {
                        self.waiting.remove(&ask);
                        self.reply(Reply::Lost { ask, why: Shown::new(&format!("{error}; nothing was approved")) });
                    }
                },
                said = frames.next::<FromHost>() => {
                    heard_at = Instant::now();
                    match self.hear(said, frames) {
                        Ok(Folded::Newer | Folded::Skipped) => {}
                        Ok(Folded::Disagreed) => out.push(self.simple(FromCockpit::Resync, FromWatcher::Resync)),
                        Err(over) => return over,
                    }
                }
                () = sleep_until(wake_at) => {
                    let now = Instant::now();
                    if beat_at <= now {
                        beat_at = now + BEAT_EVERY;
                        out.push(self.simple(FromCockpit::Beat, FromWatcher::Beat));
                    }
                    if silent_at.is_some_and(|at| at <= now) {
                        self.connection(Connection::Silent { since: heard_at.into_std() });
                    }
                    self.lose_overdue(now);
                }
            }
            if !out.is_empty() && !matches!(timeout(WRITE_WITHIN, frame::write(writer, &out)).await, Ok(Ok(()))) {
                return Over::Broke(Shown::new("the host takes nothing any more"));
            }
        }
    }

    /// Folds what was said and whatever else has come already, then publishes once.
    fn hear(
        &mut self,
        mut said: Result<Option<FromHost>, FrameError>,
        frames: &mut Frames<ReadHalf<Box<dyn Line>>>,
    ) -> Result<Folded, Over> {
        let mut worst = Folded::Skipped;
        for _ in 0..FOLDED_MAX {
            match said {
                Ok(Some(FromHost::Transition(transition))) => worst = worse(worst, self.happened(&transition, OnRecord::Yes)),
                Ok(Some(FromHost::Unrecorded(transition))) => worst = worse(worst, self.happened(&transition, OnRecord::No)),
                Ok(Some(FromHost::Snapshot { state, .. })) => {
                    self.fold.replace(*state);
                    let overdue_at = Instant::now() + LOST_AFTER;
                    self.waiting.values_mut().for_each(|at| *at = Some(at.unwrap_or(overdue_at)));
                    worst = Folded::Skipped;
                }
                Ok(Some(FromHost::Beat)) => {}
                Ok(Some(FromHost::Head(head))) => self.head = Some(head),
                Ok(Some(FromHost::Bye { why, then: Then::ComeBack })) => return Err(Over::Broke(why)),
                Ok(Some(FromHost::Bye { why, then: Then::StayAway })) => return Err(Over::Ended(why)),
                Ok(None) => return Err(Over::Broke(Shown::new("the host closed the line"))),
                Err(error) => return Err(Over::Broke(Shown::new(&error.to_string()))),
            }
            match frames.next::<FromHost>().now_or_never() {
                Some(next) => said = next,
                None => break,
            }
        }
        self.publish(Connection::Connected, None);
        Ok(worst)
    }

    /// Takes in one transition, and gives the answer in it to whoever asked here.
    fn happened(&mut self, transition: &Transition, on_record: OnRecord) -> Folded {
        if let Some(answer) = transition.decision.answer.as_ref().filter(|answer| answer.client == self.view.borrow().me.client) {
            self.waiting.remove(&answer.ask);
            self.reply(Reply::Answered { ask: answer.ask, verdict: answer.verdict.clone(), on_record });
        }
        let folded = self.fold.apply(transition);
        if folded == Folded::Disagreed {
            tracing::warn!(seq = %transition.entry.seq, "this cockpit's fold disagrees with the host's; a snapshot is asked for");
        }
        folded
    }

    /// Tries again until it works, for as long as there is something to come back to.
    async fn reconnecting(&mut self, why: Shown) -> Result<Joined, Over> {
        if !self.dial.can_dial_again() {
            return Err(Over::Ended(why));
        }
        let since = Instant::now();
        let mut pause = BACK_OFF_FIRST;
        let (mut why, mut listens) = (why, Listens::NotKnown);
        for attempts in 1u32.. {
            self.connection(Connection::Reconnecting { since: since.into_std(), attempts, why: why.clone(), listens });
            let again_at = Instant::now() + pause;
            loop {
                tokio::select! {
                    question = self.questions.recv() => match question {
                        Some(question) => self.not_sent(question, "the host can't be reached"),
                        None => return Err(Over::Left),
                    },
                    () = sleep_until(again_at) => break,
                }
            }
            match join(&mut self.dial, &self.hello).await {
                Ok(joined) if joined.welcome.session == self.view.borrow().me.session => return Ok(joined),
                Ok(joined) => {
                    let why = format!("another session ({}) answers here now; attach to the one that you mean", joined.welcome.session);
                    return Err(Over::Ended(Shown::new(&why)));
                }
                Err(ConnectError::Refused(Refused { why, then: Then::StayAway })) => return Err(Over::Ended(why)),
                Err(error) => {
                    listens = listening(&error);
                    why = match listens {
                        Listens::Nobody => Shown::new("the host's process has ended, for nobody listens at its socket any more"),
                        Listens::NotKnown => Shown::new(&error.to_string()),
                    };
                }
            }
            pause = (pause * 2).min(BACK_OFF_MAX);
        }
        Err(Over::Ended(Shown::new("the host did not come back")))
    }

    /// A question on its way out, if this client's role lets it ask at all.
    fn take(&mut self, question: ToHost) -> Option<Outgoing> {
        let role = self.view.borrow().me.role;
        match (role, question) {
            (Role::Watcher, ToHost::Resize(terminal)) => {
                self.hello.terminal = Some(terminal);
                Some(Outgoing::of(&FromWatcher::Resize { terminal }))
            }
            (Role::Watcher, ToHost::Ask { ask, .. }) => {
                self.reply(Reply::Answered { ask, verdict: Verdict::Refused(Refusal::Role { role }), on_record: OnRecord::Yes });
                None
            }
            (Role::Watcher, ToHost::Look { .. }) => None,
            (_, ToHost::Resize(terminal)) => {
                self.hello.terminal = Some(terminal);
                Some(Outgoing::of(&FromCockpit::Resize { terminal }))
            }
            (_, ToHost::Ask { ask, key, command }) => {
                self.waiting.insert(ask, None);
                if let (Some(signer), Command::Approve { digest }) = (self.dial.signer().cloned(), &command) {
                    self.approve(signer, ask, key, *digest);
                    return None;
                }
                Some(Outgoing::of(&FromCockpit::Ask { ask, key, command }))
            }
            (_, ToHost::Look { key, look }) => Some(Outgoing::of(&FromCockpit::Look { key, look })),
        }
    }

    fn approve(&self, signer: Signer, ask: AskId, key: Option<Shown>, digest: Digest) {
        let back = self.sign.clone();
        tokio::spawn(async move {
            let signature = signer.sign(TO_APPROVE, &digest.to_string()).await;
            let approval = signature.map(|signature| FromCockpit::Approve { ask, key, digest, signature });
            // Nobody waits for it any more when the cockpit has left.
            back.send(Signed { ask, approval }).await.ok();
        });
    }

    fn simple(&self, cockpit: FromCockpit, watcher: FromWatcher) -> Outgoing {
        match self.view.borrow().me.role {
            Role::Watcher => Outgoing::of(&watcher),
            Role::Approver | Role::Operator | Role::Pilot => Outgoing::of(&cockpit),
        }
    }

    fn publish(&self, connection: Connection, me: Option<Welcome>) {
        let before = self.view.borrow().clone();
        let state = self.fold.state().unwrap_or(&before.state).clone();
        let me = me.unwrap_or_else(|| before.me.clone());
        let now = View { state, connection, me, disagreements: self.fold.disagreements(), head: self.head };
        // The state is compared by identity: a fold that moved made a new one, because the view holds the old.
        let is_same = Arc::ptr_eq(&now.state, &before.state)
            && now.connection == before.connection
            && now.me == before.me
            && now.head == before.head
            && now.disagreements == before.disagreements;
        if !is_same {
            self.view.send_replace(Arc::new(now));
        }
    }

    fn connection(&self, connection: Connection) {
        self.publish(connection, None);
    }

    fn reply(&self, reply: Reply) {
        if self.answers.try_send(reply).is_err() {
            tracing::warn!("an answer found no room because the cockpit doesn't read them; the state tells the same");
        }
    }

    fn not_sent(&mut self, question: ToHost, why: &str) {
        match question {
            ToHost::Ask { ask, .. } => self.reply(Reply::NotSent { ask, why: Shown::new(why) }),
            ToHost::Resize(terminal) => self.hello.terminal = Some(terminal),
            ToHost::Look { .. } => {}
        }
    }

    fn lose_overdue(&mut self, now: Instant) {
        let overdue: Vec<AskId> = self.waiting.iter().filter(|(_, at)| at.is_some_and(|at| at <= now)).map(|(ask, _)| *ask).collect();
        for ask in overdue {
            self.waiting.remove(&ask);
            self.reply(Reply::Lost {
                ask,
                why: Shown::new("its answer was passed over because this cockpit fell behind; look at the state"),
            });
        }
    }

    fn give_up_waiting(&mut self, why: &Shown) {
        for ask in std::mem::take(&mut self.waiting).into_keys() {
            self.reply(Reply::Lost { ask, why: why.clone() });
        }
    }
}

fn listening(error: &ConnectError) -> Listens {
    match error {
        // Where the socket itself is gone somebody may have taken it away from a host that lives.
        ConnectError::Unreachable(error) if error.kind() == io::ErrorKind::ConnectionRefused => Listens::Nobody,
        ConnectError::Unreachable(_)
        | ConnectError::Refused(_)
        | ConnectError::Broken(_)
        | ConnectError::NoProof(_)
        | ConnectError::NoSnapshot => Listens::NotKnown,
    }
}
