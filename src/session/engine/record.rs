//! What the engine does with the record: nothing is seen or leaves before it is kept, unless the disk lets it wait too long.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, timeout, timeout_at};

use super::{Engine, FLUSH_PATIENCE, Kept, PATIENCE_AT_END};
use crate::{
    core::{
        decision::{Effect, IssuedEffect, Transition},
        event::Event,
        record::{HANGS_AFTER, Keeping, RecordChange, leaves_unrecorded},
        state::State,
    },
    domain::{
        id::Seq,
        time::{Millis, Timestamp},
    },
    door::{OnRecord, Published},
    port::Intent,
    session::{
        dispatch::dispatch,
        keeping::{self, Broken, EngineError},
        recorder::RecorderError,
        refold::names_client,
        scribe::Done,
    },
};

/// A session that begins gets this long to write its first record; without one it does not begin.
const BEGINS_WITHIN: Duration = Duration::from_secs(30);
/// So much may wait for a disk that does not answer; at a calm session's rates about an hour's worth. With more, the record counts as broken.
const UNKEPT_MAX_HANGING: usize = 20_000;

/// What happened, and is not known to be kept.
pub(super) struct Unkept {
    since: Instant,
    told: Told,
}

enum Told {
    /// Neither seen nor acted upon.
    Not(Untold),
    /// Everybody has seen it, and what may leave without a record has left.
    All,
}

struct Untold {
    seq: Seq,
    json: Arc<str>,
    effects: Vec<IssuedEffect>,
}

impl Engine {
    /// Gives a transition to the record; it is seen and acted upon when it is kept.
    pub(super) fn record(&mut self, at: Timestamp, transition: Transition, json: Arc<str>) {
        let weight = super::weigh(&transition);
        let (seq, client) = (transition.entry.seq, names_client(&transition.entry.event));
        let effects = transition.decision.effects;
        if self.broken.is_none() {
            self.scribe.append(at, weight, Arc::clone(&json), client);
        }
        let untold = Untold { seq, json, effects };
        let told = match (&self.broken, self.hangs) {
            (None, false) => Told::Not(untold),
            (Some(_), _) | (None, true) => {
                self.tell_unrecorded(untold);
                Told::All
            }
        };
        if self.broken.is_none() {
            self.unkept.push_back(Unkept { since: Instant::now(), told });
        }
        if self.hangs && self.unkept.len() > UNKEPT_MAX_HANGING {
            self.breaks(RecorderError::Overdue { waiting: self.unkept.len() });
        }
    }

    /// What became of something that was asked of the record.
    pub(super) fn done(&mut self, done: Done) {
        match done {
            Done::Appended { hash } => self.kept_one(hash),
            Done::Prepared(preparation) => {
                self.is_preparing = false;
                self.keeping.spawn_blocking(move || Kept::Ready(preparation.run()));
            }
            Done::Segment(sealing) => {
                sealing.into_iter().for_each(|sealing| drop(self.keeping.spawn_blocking(move || Kept::Sealed(sealing.run()))));
            }
            Done::Flushed => self.flushing = None,
            Done::Noted | Done::Closed => {}
            Done::Failed(error) if self.broken.is_none() => self.breaks(error),
            Done::Failed(_) => {}
        }
        if self.broken.is_none() {
            self.show_head();
            self.look_at_room();
        }
    }

    /// The oldest of what was waiting is kept.
    fn kept_one(&mut self, hash: String) {
        if let Some(Unkept { told: Told::Not(Untold { seq, json, effects }), .. }) = self.unkept.pop_front() {
            self.tell(seq, json, OnRecord::Yes);
            effects.into_iter().for_each(|effect| self.leave(effect, hash.clone()));
        }
        if self.hangs && self.unkept.is_empty() {
            self.hangs = false;
            self.following.push_back(Event::Record(RecordChange::Answers));
        }
        let may = self.broken.is_none() && !self.hangs && !self.is_preparing && self.state.record.keeping == Keeping::Kept;
        if may && self.scribe.standing().wants_segment {
            self.is_preparing = true;
            self.scribe.prepare(self.state.clone());
        }
    }

    /// When the disk counts as hanging, if it does not answer until then.
    pub(super) fn hangs_at(&self) -> Option<Instant> {
        let waits = self.broken.is_none() && !self.hangs;
        let oldest = self.unkept.front().map(|unkept| unkept.since + HANGS_AFTER.duration());
        let flush = self.flushing.map(|since| since + FLUSH_PATIENCE);
        oldest.into_iter().chain(flush).min().filter(|_| waits)
    }

    /// A disk that could not be waited for is waited for as if it had been asked now.
    pub(super) fn wait_anew(&mut self) {
        let now = Instant::now();
        self.unkept.iter_mut().for_each(|unkept| unkept.since = now);
        self.flushing = self.flushing.map(|_| now);
    }

    pub(super) fn hang_if_due(&mut self) {
        if self.hangs_at().is_some_and(|at| at <= Instant::now()) {
            self.hang();
        }
    }

    /// From here on what happens is seen before it is kept, and only what leads home leaves.
    pub(super) fn hang(&mut self) {
        tracing::error!(kept = self.scribe.kept().0, "the disk of the record does not answer");
        self.hangs = true;
        self.forget_changes();
        self.following.push_front(Event::Record(RecordChange::Hangs { kept: self.scribe.kept(), place: self.scribe.place() }));
        self.tell_all();
    }

    /// From here on nothing is recorded; that it is so happens next.
    pub(super) fn breaks(&mut self, error: RecorderError) {
        tracing::error!(%error, "the record broke; the session goes on without it until everybody is home");
        let (kept, place) = (self.scribe.kept(), self.scribe.place());
        self.scribe.go_without(self.clock.now());
        self.forget_changes();
        self.following.push_front(Event::Record(RecordChange::Broken { why: keeping::why(&error), kept, place }));
        self.hangs = false;
        self.broken = Some(Broken { error, kept });
        self.tell_all();
        self.unkept.clear();
    }

    /// A change of the record that was noticed before and has not happened yet is no change any more.
    fn forget_changes(&mut self) {
        self.following.retain(|event| !matches!(event, Event::Record(_)));
    }

    /// Whether everything that happened is seen, so that whoever is given the state learns nothing that others don't.
    pub(super) fn has_told_all(&self) -> bool {
        self.unkept.back().is_none_or(|unkept| matches!(unkept.told, Told::All))
    }

    fn tell_all(&mut self) {
        let untold: Vec<Untold> = self
            .unkept
            .iter_mut()
            .filter_map(|unkept| match std::mem::replace(&mut unkept.told, Told::All) {
                Told::Not(untold) => Some(untold),
                Told::All => None,
            })
            .collect();
        untold.into_iter().for_each(|untold| self.tell_unrecorded(untold));
    }

    fn tell_unrecorded(&mut self, Untold { seq, json, effects }: Untold) {
        self.tell(seq, json, OnRecord::No);
        // The newest record that is known to be kept stands for the one that isn't.
        let newest = self.scribe.standing().durable.hash.to_string();
        for effect in effects {
            if leaves_unrecorded(&self.state, &effect) {
                self.leave(effect, newest.clone());
            } else {
                self.following.push_back(keeping::nothing_left(&effect));
            }
        }
    }

    fn tell(&self, seq: Seq, json: Arc<str>, on_record: OnRecord) {
        // Nobody listening is no error.
        let _ = self.transitions.send(Arc::new(Published { seq, on_record, json }));
    }

    fn leave(&mut self, effect: IssuedEffect, head: String) {
        match effect.what {
            // It was set when it was decided: it leaves nobody.
            Effect::Wake { .. } => {}
            Effect::Write { .. } | Effect::Claim { .. } | Effect::Act { .. } | Effect::Read { .. } | Effect::Inject { .. } => {
                let session = self.state.opened.as_ref().map(|opened| opened.session.to_string()).unwrap_or_default();
                let intent = Intent { session, effect: effect.id, first: super::repeated(&effect), head };
                dispatch(effect, intent, &self.executors, self.clock, &self.events, &mut self.acting);
            }
        }
        while self.acting.try_join_next().is_some() {}
    }

    /// Everybody may keep where the journal ends; what is not on the disk yet is not shown, because a host that dies may lose it.
    fn show_head(&self) {
        let durable = Some(self.scribe.standing().durable);
        self.heads.send_if_modified(|shown| std::mem::replace(shown, durable) != durable);
    }

    fn look_at_room(&mut self) {
        if !self.following.iter().any(|event| matches!(event, Event::Record(_))) {
            let change = keeping::room(&self.state.record.keeping, self.scribe.standing().space, || self.scribe.place());
            self.following.extend(change.map(Event::Record));
        }
    }

    /// Writes out what is buffered, and looks how much room is left.
    pub(super) fn flush(&mut self) {
        if self.broken.is_none() && self.flushing.is_none() {
            self.flushing = Some(Instant::now());
            self.scribe.flush();
        }
    }

    /// Waits until what happened first is kept, or its disk hangs. A session that begins without a record does not begin.
    pub(super) async fn begun(&mut self, begins: bool) -> Result<(), EngineError> {
        let patience = if begins { BEGINS_WITHIN } else { HANGS_AFTER.duration() };
        while !self.unkept.is_empty() && !self.hangs && self.broken.is_none() {
            match timeout(patience, self.scribe.answered()).await {
                Ok(Some(done)) => self.done(done),
                Ok(None) | Err(_) if begins => self.breaks(RecorderError::NoAnswer { within: Millis::from_secs(BEGINS_WITHIN.as_secs()) }),
                Ok(None) | Err(_) => self.hang(),
            }
        }
        if let Some(broken) = self.broken.take_if(|_| begins) {
            // Nothing has been asked of the world, and nothing can be taken up again.
            return Err(self.ended(broken));
        }
        self.follow()
    }

    /// Leaves the journal as closed, and gives the last state.
    pub(super) async fn closed(mut self) -> Result<State, EngineError> {
        self.scribe.close();
        let deadline = Instant::now() + PATIENCE_AT_END;
        let error = loop {
            match timeout_at(deadline, self.scribe.answered()).await {
                Ok(Some(Done::Closed)) => {
                    // Witnesses keep the end, and not what was on the disk a moment before it.
                    self.show_head();
                    return Ok(self.state);
                }
                Ok(Some(Done::Failed(error))) => break error,
                Ok(Some(done)) => self.done(done),
                Ok(None) | Err(_) => break RecorderError::NoAnswer { within: Millis::from_secs(PATIENCE_AT_END.as_secs()) },
            }
        };
        let kept = self.scribe.kept();
        Err(self.ended(Broken { error, kept }))
    }
}
