//! The recorder on a thread of its own: what is to be kept goes there in order, and what became of it comes back in the same order.
//!
//! A disk can hang for minutes, and a call that waits for one can't be given up. So the engine never makes such a call: it goes on while
//! the scribe waits, and knows by the absence of an answer that it does.

use std::{
    io,
    sync::{Arc, mpsc},
};

use tokio::sync::mpsc as answers;

use crate::{
    core::{record::RecordNumber, state::State},
    domain::{
        head::Head,
        id::{ClientId, Seq},
        shown::Shown,
        time::Timestamp,
    },
    journal::{folder::Ready, room::Space},
    session::recorder::{Preparation, Recorder, RecorderError, Sealing, Weight},
};

/// Something to be done with the journal.
enum Job {
    Append { at: Timestamp, weight: Weight, json: Arc<str>, client: Option<ClientId> },
    Flush,
    Prepare { state: Box<State> },
    GoOnIn { at: Timestamp, ready: Box<Ready> },
    NotReady { at: Timestamp },
    GoWithout { since: Timestamp },
}

/// What the thread is told. Somebody who only drops his end is a host that dies: nothing is written out then.
enum Order {
    Do(Job),
    Close,
}

/// What became of a job.
pub(super) enum Done {
    /// It is kept, as far as it has to be; the hash of its record.
    Appended {
        hash: String,
    },
    Prepared(Box<Preparation>),
    /// The journal goes on in a new segment, and what lies behind it can be sealed.
    Segment(Option<Sealing>),
    Flushed,
    /// Nothing that anybody waits for.
    Noted,
    Closed,
    /// The disk has failed, and fails every job from here on.
    Failed(RecorderError),
}

/// How the journal stands after a job.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// The last record that is on the disk.
    pub durable: Head,
    pub space: Space,
    /// It is time for the next segment, and none is being made.
    pub wants_segment: bool,
}

/// The engine's end of the thread.
pub(super) struct Scribe {
    orders: mpsc::Sender<Order>,
    answers: answers::UnboundedReceiver<(Done, Standing)>,
    standing: Standing,
    place: Shown,
    next: Seq,
}

impl Scribe {
    /// # Errors
    /// The system has no more threads.
    pub(super) fn start(recorder: Recorder) -> io::Result<Scribe> {
        let (standing, place, next) = (standing(&recorder, None), recorder.place(), recorder.next_seq());
        let ((orders, todo), (done, answers)) = (mpsc::channel(), answers::unbounded_channel());
        std::thread::Builder::new().name("record".to_owned()).spawn(move || work(recorder, &todo, &done))?;
        Ok(Scribe { orders, answers, standing, place, next })
    }

    /// The number of the entry that came next when the journal was taken up.
    pub(super) fn next_seq(&self) -> Seq {
        self.next
    }

    /// Where the journal lies, for whoever sees to its disk.
    pub(super) fn place(&self) -> Shown {
        self.place.clone()
    }

    /// How the journal stood after the last job that was done.
    pub(super) fn standing(&self) -> Standing {
        self.standing
    }

    /// The last record that is known to be kept.
    pub(super) fn kept(&self) -> RecordNumber {
        RecordNumber(self.standing.durable.seq)
    }

    pub(super) fn append(&self, at: Timestamp, weight: Weight, json: Arc<str>, client: Option<ClientId>) {
        self.todo(Job::Append { at, weight, json, client });
    }

    /// Writes out what is buffered, and asks once more for room where it was refused.
    pub(super) fn flush(&self) {
        self.todo(Job::Flush);
    }

    /// Begins to make the next segment, which begins with `state`: the state after everything that was appended.
    pub(super) fn prepare(&self, state: State) {
        self.todo(Job::Prepare { state: Box::new(state) });
    }

    pub(super) fn go_on_in(&self, at: Timestamp, ready: Ready) {
        self.todo(Job::GoOnIn { at, ready: Box::new(ready) });
    }

    pub(super) fn not_ready(&self, at: Timestamp) {
        self.todo(Job::NotReady { at });
    }

    /// Leaves word for the next host that what happens from `since` on is not recorded.
    pub(super) fn go_without(&self, since: Timestamp) {
        self.todo(Job::GoWithout { since });
    }

    /// Everything is made durable and the journal left as closed; the answer to it is the last one.
    pub(super) fn close(&self) {
        self.order(Order::Close);
    }

    /// The next answer; `None` when there will be none any more. Given up, it loses nothing.
    pub(super) async fn answered(&mut self) -> Option<Done> {
        let (done, standing) = self.answers.recv().await?;
        self.standing = standing;
        Some(done)
    }

    fn todo(&self, job: Job) {
        self.order(Order::Do(job));
    }

    fn order(&self, order: Order) {
        // Its thread ends only after it has closed the journal, and nothing is asked of it then.
        let _closed = self.orders.send(order);
    }
}

fn work(mut recorder: Recorder, todo: &mpsc::Receiver<Order>, done: &answers::UnboundedSender<(Done, Standing)>) {
    while let Ok(order) = todo.recv() {
        let Order::Do(job) = order else {
            let flushed = recorder.flush();
            let last = standing(&recorder, None);
            let closed = flushed.and_then(|()| recorder.close()).map_or_else(Done::Failed, |()| Done::Closed);
            let _nobody_waits = done.send((closed, last));
            return;
        };
        let at = match &job {
            Job::Append { at, .. } => Some(*at),
            Job::Flush | Job::Prepare { .. } | Job::GoOnIn { .. } | Job::NotReady { .. } | Job::GoWithout { .. } => None,
        };
        let answer = one(&mut recorder, job).unwrap_or_else(Done::Failed);
        if done.send((answer, standing(&recorder, at))).is_err() {
            return;
        }
    }
}

fn one(recorder: &mut Recorder, job: Job) -> Result<Done, RecorderError> {
    match job {
        Job::Append { at, weight, json, client } => {
            let hash = recorder.append(at, weight, &json)?;
            client.into_iter().for_each(|client| recorder.note_client(client));
            Ok(Done::Appended { hash })
        }
        Job::Flush => {
            recorder.flush()?;
            recorder.ask_for_room();
            Ok(Done::Flushed)
        }
        Job::Prepare { state } => Ok(Done::Prepared(Box::new(recorder.prepare(*state)))),
        Job::GoOnIn { at, ready } => recorder.go_on_in(at, *ready).map(Done::Segment),
        Job::NotReady { at } => {
            recorder.not_ready(at);
            Ok(Done::Noted)
        }
        Job::GoWithout { since } => {
            recorder.go_without(since);
            Ok(Done::Noted)
        }
    }
}

fn standing(recorder: &Recorder, at: Option<Timestamp>) -> Standing {
    let wants_segment = at.is_some_and(|at| recorder.wants_segment(at));
    Standing { durable: recorder.durable_head(), space: recorder.space(), wants_segment }
}
