//! The record of the session as something that can fail: how much room it has, whether it broke, whether a time is missing from it.
//!
//! Low on room, nothing goes further out: what is left is for looking and going home. While its disk does not answer, nothing leaves but a rollback
//! and looks, what happens is told before it is known to be kept, and is kept when the disk answers. Broken, nothing leaves any more but a rollback and looks;
//! what happens then is folded and shown as always and is recorded nowhere, so each answer but a rollback's is a refusal. A host that comes
//! back after such a time can't know what the one before did in it: every route is held until a person has looked. What a disk is and how
//! it fails is not known here; the entry says what became of it.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    core::{
        approval,
        command::Command,
        decision::{Effect, IssuedEffect, Refusal},
        home,
        news::{News, Tone},
        reason::{Drop, Void},
        restart,
        state::{Held, Motion, State},
        turn::Turn,
    },
    domain::{
        id::RouteId,
        shown::Shown,
        time::{Millis, Timestamp},
    },
    plan::model::Route,
};

/// What comes back within this time belongs together: the disk is slow, and each time of it is no news of its own.
const EPISODE: Millis = Millis::from_mins(10);
/// A disk that has not answered for so long is no slow one: it is told, whatever was told before, and nothing waits for it any more.
const LASTS: Millis = Millis::from_secs(5);
/// A disk that has not answered for so long, in people's time, hangs: nobody waits for it any longer, and it is said.
pub const HANGS_AFTER: Millis = Millis::from_secs(1);

/// What became of the record, or of the room that it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordChange {
    /// There is room again.
    Roomy,
    /// The disk refused more; so many bytes are left. `place` is where room has to be made.
    Low { bytes: u64, place: Shown },
    /// The disk does not answer: what happens waits to be kept, behind record `kept`.
    Hangs { kept: RecordNumber, place: Shown },
    /// It answered, and everything that waited is kept.
    Answers,
    /// A record could not be kept, and from here on none is. Never recorded itself.
    Broken { why: Shown, kept: RecordNumber, place: Shown },
    /// The host before went on for a while without a record.
    Missing { since: Timestamp, kept: RecordNumber },
}

/// The number of a record in the journal, as `audit show` prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordNumber(pub u64);

impl fmt::Display for RecordNumber {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// How the record of a session is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Record {
    pub keeping: Keeping,
    /// The time that is missing from it, until every route has been looked at since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<MissingTime>,
    /// How often its disk did not answer in time of late, and answered after all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow: Option<Slow>,
}

/// A disk that lets the record wait now and then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slow {
    /// Since when it does.
    pub since: Timestamp,
    pub times: u32,
    /// The longest that it was waited for.
    pub longest: Millis,
    /// When it answered the last time.
    pub answered_at: Timestamp,
    pub place: Shown,
}

/// Room that was refused before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    pub bytes: u64,
    pub since: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keeping {
    #[default]
    Kept,
    Low {
        bytes: u64,
        since: Timestamp,
        place: Shown,
    },
    /// Nothing is lost yet, and nothing is known to be kept behind record `kept`.
    Hanging {
        kept: RecordNumber,
        since: Timestamp,
        place: Shown,
        /// It was low on room when it fell silent, and nobody can have asked since.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        low: Option<Room>,
    },
    Broken {
        why: Shown,
        /// The last record that is known to be kept.
        kept: RecordNumber,
        since: Timestamp,
        place: Shown,
    },
}

/// A time in which a host went on without a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingTime {
    pub since: Timestamp,
    pub kept: RecordNumber,
    /// Routes whose weights have not been read since.
    pub unread: BTreeSet<RouteId>,
    /// Routes that nobody has resumed since.
    pub held: BTreeSet<RouteId>,
}

impl RecordChange {
    pub fn tone(&self) -> Tone {
        match self {
            RecordChange::Roomy | RecordChange::Answers => Tone::Good,
            RecordChange::Low { .. } | RecordChange::Hangs { .. } | RecordChange::Broken { .. } | RecordChange::Missing { .. } => {
                Tone::Alarm
            }
        }
    }
}

impl Record {
    /// Whether nothing is to be told of it; not written then, so that a state is written as it was before this was known.
    pub(super) fn is_untold(&self) -> bool {
        *self == Record::default()
    }

    pub(super) fn rebase(&mut self, shift: impl Fn(&mut Timestamp)) {
        match &mut self.keeping {
            Keeping::Kept => {}
            Keeping::Low { since, .. } | Keeping::Broken { since, .. } => shift(since),
            Keeping::Hanging { since, low, .. } => {
                shift(since);
                low.iter_mut().for_each(|room| shift(&mut room.since));
            }
        }
        if let Some(slow) = &mut self.slow {
            shift(&mut slow.since);
            shift(&mut slow.answered_at);
        }
        self.missing.iter_mut().for_each(|missing| shift(&mut missing.since));
    }

    /// A person has looked at `route` and resumed it.
    pub(super) fn resumed(&mut self, route: &RouteId) {
        if let Some(missing) = &mut self.missing {
            missing.held.remove(route);
        }
        self.missing = self.missing.take().filter(|missing| !missing.held.is_empty());
    }

    /// Whether the weights of `route` are read for the first time since a time that nothing is known of.
    pub(super) fn read_anew(&mut self, route: &RouteId) -> bool {
        self.missing.as_mut().is_some_and(|missing| missing.unread.remove(route))
    }
}

/// Another host is back. What the one before it did behind a disk that did not answer may have been lost with it.
pub(super) fn returned(turn: &mut Turn) {
    if let Keeping::Hanging { since, kept, .. } = turn.state.record.keeping {
        turn.state.record.keeping = Keeping::Kept;
        changed(turn, &RecordChange::Missing { since, kept });
    }
}

pub(super) fn changed(turn: &mut Turn, change: &RecordChange) {
    // Nothing mends a record that broke: its disk may forget what it says that it kept.
    if is_broken(turn.state) {
        return;
    }
    let now = turn.now;
    let was = turn.state.record.keeping.clone();
    let low = match &was {
        Keeping::Low { bytes, since, .. } => Some(Room { bytes: *bytes, since: *since }),
        Keeping::Hanging { low, .. } => *low,
        Keeping::Kept | Keeping::Broken { .. } => None,
    };
    let tells = is_news(turn, &was, change);
    match change {
        RecordChange::Roomy => turn.state.record.keeping = Keeping::Kept,
        RecordChange::Answers => answers(turn, was),
        RecordChange::Hangs { kept, place } => {
            turn.state.record.keeping = Keeping::Hanging { kept: *kept, since: now, place: place.clone(), low };
        }
        RecordChange::Low { bytes, place } => {
            let since = low.map_or(now, |room| room.since);
            turn.state.record.keeping = Keeping::Low { bytes: *bytes, since, place: place.clone() };
        }
        RecordChange::Broken { why, kept, place } => {
            turn.state.record.keeping = Keeping::Broken { why: why.clone(), kept: *kept, since: now, place: place.clone() };
        }
        RecordChange::Missing { since, kept } => {
            let routes: BTreeSet<RouteId> = turn.plan.routes.iter().map(|route| route.id.clone()).collect();
            turn.state.record.missing = Some(MissingTime { since: *since, kept: *kept, unread: routes.clone(), held: routes });
            for route in &turn.plan.routes {
                turn.route_mut(route).hold.get_or_insert_with(|| Held { by: restart::taker(), at: now, otherwise: None });
            }
            approval::void_all(turn, Void::Held);
        }
    }
    if tells {
        turn.tell(News::Record(change.clone()));
    }
    if let RecordChange::Broken { .. } = change {
        give_up_what_waits(turn, Void::RecordBroken);
    }
}

/// Whether it is told: that still less is left is a figure, and of a slow disk it was told that it is.
fn is_news(turn: &Turn, was: &Keeping, change: &RecordChange) -> bool {
    match (change, was) {
        (RecordChange::Low { .. }, Keeping::Low { .. }) => false,
        (RecordChange::Hangs { .. }, _) => !is_slow(turn, turn.now),
        // Only what was told can be over.
        (RecordChange::Answers, Keeping::Hanging { since, .. }) => !is_slow(turn, *since) || turn.earlier.since(*since) >= lasts(turn),
        (RecordChange::Answers, Keeping::Kept | Keeping::Low { .. } | Keeping::Broken { .. }) => false,
        (RecordChange::Low { .. } | RecordChange::Roomy | RecordChange::Broken { .. } | RecordChange::Missing { .. }, _) => true,
    }
}

/// Whether it had been told lately, at `at`, that the disk did not answer, and that it did again.
fn is_slow(turn: &Turn, at: Timestamp) -> bool {
    let episode = turn.world.of_people(EPISODE);
    turn.state.record.slow.as_ref().is_some_and(|slow| at.since(slow.answered_at) < episode)
}

fn lasts(turn: &Turn) -> Millis {
    turn.world.of_people(LASTS)
}

/// What waited is kept. How long that took is remembered, for a disk of which that is so again and again is about to fail, or shared.
fn answers(turn: &mut Turn, was: Keeping) {
    let Keeping::Hanging { since, place, low, .. } = was else { return };
    let (now, waited) = (turn.now, turn.world.of_people(HANGS_AFTER));
    let took = Millis(now.since(since).0.saturating_add(waited.0));
    let before = turn.state.record.slow.take();
    let (first, times, longest) = before.map_or((since, 0, took), |slow| (slow.since, slow.times, slow.longest.max(took)));
    turn.state.record.slow = Some(Slow { since: first, times: times.saturating_add(1), longest, answered_at: now, place: place.clone() });
    turn.state.record.keeping = match low {
        Some(Room { bytes, since }) => Keeping::Low { bytes, since, place },
        None => Keeping::Kept,
    };
}

/// What time alone brings: a disk that does not answer for long is told, and what waited for it is given up; one that was slow is not for ever.
pub(super) fn watch(turn: &mut Turn) {
    match turn.state.record.keeping.clone() {
        Keeping::Hanging { kept, since, place, .. } => {
            if !turn.crossed(since, lasts(turn)) {
                return;
            }
            if is_slow(turn, since) {
                turn.tell(News::Record(RecordChange::Hangs { kept, place }));
            }
            give_up_what_waits(turn, Void::RecordHangs);
        }
        Keeping::Kept | Keeping::Low { .. } | Keeping::Broken { .. } => {
            if !is_slow(turn, turn.now) {
                turn.state.record.slow = None;
            }
        }
    }
}

/// What waits has not left, whichever way it leads.
fn give_up_what_waits(turn: &mut Turn, void: Void) {
    let Err(refusal) = kept(turn.state) else { return };
    for route in &turn.plan.routes {
        if let Some(pending) = turn.route_mut(route).queued.take() {
            let why = Drop::Refused(Box::new(refusal.clone()));
            turn.tell(News::QueuedDropped { route: route.id.clone(), to: pending.to, why });
        }
    }
    approval::void_all(turn, void);
}

/// Whether what happens is not recorded any more.
pub fn is_broken(state: &State) -> bool {
    match state.record.keeping {
        Keeping::Broken { .. } => true,
        Keeping::Kept | Keeping::Low { .. } | Keeping::Hanging { .. } => false,
    }
}

/// Whether what happens now is known to be kept before it is told.
pub(super) fn is_kept(state: &State) -> bool {
    kept(state).is_ok()
}

/// Whether `command` may be asked for at all: without a record that is kept, only for the way home.
pub(super) fn may(state: &State, command: &Command) -> Result<(), Refusal> {
    match command {
        Command::Rollback { .. } => Ok(()),
        Command::Shift { .. }
        | Command::Hold { .. }
        | Command::Resume { .. }
        | Command::Rearm { .. }
        | Command::AdoptDrift { .. }
        | Command::TakeOver { .. }
        | Command::Controls(_)
        | Command::Sign { .. }
        | Command::Unsign { .. }
        | Command::Act { .. }
        | Command::Skip { .. }
        | Command::Approve { .. }
        | Command::Deny { .. }
        | Command::Withdraw { .. }
        | Command::Say { .. }
        | Command::LookHere { .. }
        | Command::Stop { .. }
        | Command::Inject { .. } => kept(state),
    }
}

/// Whether what happens now is kept before anything follows from it.
/// # Errors
/// The record is broken, or its disk does not answer.
pub(super) fn kept(state: &State) -> Result<(), Refusal> {
    match &state.record.keeping {
        Keeping::Broken { kept, since, .. } => Err(Refusal::RecordBroken { since: *since, kept: *kept }),
        Keeping::Hanging { kept, since, .. } => Err(Refusal::RecordHangs { since: *since, kept: *kept }),
        Keeping::Kept | Keeping::Low { .. } => Ok(()),
    }
}

/// What keeps any route from going further out.
pub(super) fn forbids(state: &State) -> Option<Refusal> {
    match &state.record.keeping {
        Keeping::Low { bytes, since, place } => Some(Refusal::RecordLow { bytes: *bytes, since: *since, place: place.clone() }),
        Keeping::Kept | Keeping::Hanging { .. } | Keeping::Broken { .. } => kept(state).err(),
    }
}

/// Whether `effect` may leave although nothing tells of it: looks, and what brings a route home that a rollback is bringing there.
pub fn leaves_unrecorded(state: &State, effect: &IssuedEffect) -> bool {
    match &effect.what {
        Effect::Read { .. } | Effect::Wake { .. } => true,
        Effect::Write { route, to, .. } => state.routes.get(route).is_some_and(|known| match &known.motion {
            Motion::Returning(back) => back.to == *to,
            Motion::Unread
            | Motion::Settled
            | Motion::Writing { .. }
            | Motion::Resolving { .. }
            | Motion::Propagating { .. }
            | Motion::NeedsHuman { .. } => false,
        }),
        Effect::Claim { .. } | Effect::Act { .. } | Effect::Inject { .. } => false,
    }
}

/// Whether nothing is left to be done without a record: every route is home and seen there, and nothing of ours is on its way.
pub fn is_over(state: &State) -> bool {
    let Some(opened) = &state.opened else { return true };
    let quiet = |route: &Route| state.routes.get(&route.id).is_some_and(|known| known.unresolved.is_empty());
    let writes =
        state.in_flight.values().any(|flight| matches!(flight.deal, Effect::Write { .. } | Effect::Claim { .. } | Effect::Act { .. }));
    is_broken(state) && !writes && opened.plan.routes.iter().all(|route| quiet(route) && home::is_home_now(state, route))
}
