//! Who gets a place, how fast and how many: storms of connections wait at the door, and none keeps anybody from the way home.
//!
//! Each account is let in at a steady pace and has so many places, and watchers can't take the places of those who steer. Whoever comes for
//! one question only has places of his account's own beyond all these, which nobody else can take, and which are given for what was said and
//! not for having come: where no other place is free, a connection is heard, and only then has a place or none. A crowd that says nothing
//! so keeps nobody from being heard, not even in its own account. How fast the queue is taken from, whoever stands in it, is `attach/queue.rs`'s.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustix::net::{RecvFlags, SendFlags};
use tokio::{
    net::UnixStream,
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::Instant,
};

use crate::{
    attach::{
        frame::Outgoing,
        pace::Bucket,
        peer,
        proof::Candidate,
        protocol::{Greeting, Refused, Then, Wants},
        roster::Roster,
        turned_away::Tally,
    },
    core::event::Intrusion,
    domain::{role::Role, shown::Shown},
};

/// Terminals at one time.
const CLIENTS_MAX: usize = 128;
/// Of these, accounts that may only watch.
const WATCHERS_MAX: usize = 96;
/// Of one account, however many people it stands for.
pub const OF_AN_ACCOUNT_MAX: usize = 96;
/// Beyond all these, for each account's single questions.
pub const ERRANDS_OF_AN_ACCOUNT_MAX: usize = 8;
/// Connections of one account that are heard without a place, and as many that have yet to say something.
const HEARD_OF_AN_ACCOUNT_MAX: usize = 16;
/// Who has no place says at once what he wants, as our own clients do.
const HEARD_WITHIN: Duration = Duration::from_secs(1);
/// Connections of one account a second, after a burst of as many, that have said what they want.
const ADMITTED_PER_SECOND: u32 = 20;
/// Refusals a second, after a burst of as many, that an account outside the roster is told why; beyond that it is closed without a word.
const TOLD_PER_SECOND: u32 = 5;
/// Accounts outside the roster that are remembered, each alone.
const STRANGERS_MAX: usize = 256;

const FULL: &str = "the session is full; try again when somebody has left (`cutover rollback` still finds a place)";

/// Where a connection stands before it has said what it wants.
pub(super) enum Seat {
    /// One that nobody can take: of the host's own process.
    Kept,
    /// An ordinary one, in the turn of its account.
    Any { pace: Arc<Mutex<Bucket>>, places: Vec<OwnedSemaphorePermit>, errands: Arc<Semaphore> },
    /// None was free: it is heard, and may find one for a single question.
    Heard { hearing: OwnedSemaphorePermit, errands: Arc<Semaphore> },
}

impl Seat {
    /// How long it may take to say what it wants, `usually` where it takes nobody's place meanwhile.
    pub(super) fn hello_within(&self, usually: Duration) -> Duration {
        match self {
            Seat::Kept | Seat::Any { .. } => usually,
            Seat::Heard { .. } => HEARD_WITHIN,
        }
    }

    /// The places that are held as long as the connection lasts.
    ///
    /// # Errors
    /// There is none for what it wants.
    pub(super) async fn taken_for(self, wants: Wants) -> Result<Vec<OwnedSemaphorePermit>, Refused> {
        let for_an_errand = |errands: &Arc<Semaphore>| match wants {
            // Nobody waits for his own crowd on the way home.
            Wants::Errand | Wants::Glance => errands.clone().try_acquire_owned().ok().map(|place| vec![place]),
            Wants::Cockpit | Wants::Watch => None,
        };
        match self {
            Seat::Kept => Ok(Vec::new()),
            Seat::Any { pace, places, errands } => match for_an_errand(&errands) {
                Some(place) => Ok(place),
                None => {
                    // Who came and went without a word takes nobody's turn.
                    let wait = pace.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now());
                    tokio::time::sleep(wait).await;
                    Ok(places)
                }
            },
            Seat::Heard { hearing, errands } => {
                let place = for_an_errand(&errands);
                drop(hearing);
                place.ok_or_else(|| Refused { why: Shown::new(FULL), then: Then::ComeBack })
            }
        }
    }
}

/// The door of a session.
pub(super) struct Entrance {
    accounts: BTreeMap<u32, AtTheDoor>,
    /// How often accounts outside the roster are told so.
    strangers: BTreeMap<u32, Bucket>,
    places: Arc<Semaphore>,
    watcher_places: Arc<Semaphore>,
}

/// What one account has taken.
struct AtTheDoor {
    pace: Arc<Mutex<Bucket>>,
    places: Arc<Semaphore>,
    errands: Arc<Semaphore>,
    /// Without a place, and heard: those that have said something, and those that have not.
    speaking: Arc<Semaphore>,
    silent: Arc<Semaphore>,
}

impl AtTheDoor {
    fn new() -> AtTheDoor {
        let bounded = |most| Arc::new(Semaphore::new(most));
        AtTheDoor {
            pace: Arc::new(Mutex::new(Bucket::new(ADMITTED_PER_SECOND, ADMITTED_PER_SECOND))),
            places: bounded(OF_AN_ACCOUNT_MAX),
            errands: bounded(ERRANDS_OF_AN_ACCOUNT_MAX),
            speaking: bounded(HEARD_OF_AN_ACCOUNT_MAX),
            silent: bounded(HEARD_OF_AN_ACCOUNT_MAX),
        }
    }
}

pub(super) struct Admitted {
    /// Who the account may be; at least one.
    pub candidates: Vec<Candidate>,
    pub seat: Seat,
}

impl Entrance {
    pub(super) fn new() -> Entrance {
        let (places, watcher_places) = (Arc::new(Semaphore::new(CLIENTS_MAX)), Arc::new(Semaphore::new(WATCHERS_MAX)));
        Entrance { accounts: BTreeMap::new(), strangers: BTreeMap::new(), places, watcher_places }
    }

    /// `None` closes the connection: nothing of what it sent has been looked at.
    pub(super) fn admit(&mut self, stream: &UnixStream, roster: &watch::Receiver<Arc<Roster>>, turned_away: &Tally) -> Option<Admitted> {
        let uid = peer::uid_of(stream).ok()?;
        let candidates = roster.borrow().may_be(uid);
        if candidates.is_empty() {
            turned_away.note(uid, Intrusion::Stranger, None);
            if self.may_be_told(uid) {
                tell(stream, format!("account {uid} is not in the host's roster; ask its owner to add it"), Then::StayAway).ok();
            }
            return None;
        }
        let only_watch = candidates.iter().all(|one| one.identity.role == Role::Watcher);
        let account = self.accounts.entry(uid).or_insert_with(AtTheDoor::new);
        let wanted = [Some(&account.places), Some(&self.places), only_watch.then_some(&self.watcher_places)];
        let places: Option<Vec<_>> = wanted.into_iter().flatten().map(|places| places.clone().try_acquire_owned().ok()).collect();
        let errands = account.errands.clone();
        if let Some(places) = places {
            return Some(Admitted { candidates, seat: Seat::Any { pace: account.pace.clone(), places, errands } });
        }
        let heard = if has_spoken(stream) { &account.speaking } else { &account.silent };
        let Ok(hearing) = heard.clone().try_acquire_owned() else {
            tell(stream, FULL.to_owned(), Then::ComeBack).ok();
            return None;
        };
        Some(Admitted { candidates, seat: Seat::Heard { hearing, errands } })
    }

    /// A person who meets the refusal reads it; a storm is not worth the words.
    fn may_be_told(&mut self, stranger: u32) -> bool {
        if self.strangers.len() >= STRANGERS_MAX && !self.strangers.contains_key(&stranger) {
            self.strangers.clear();
        }
        let told = self.strangers.entry(stranger).or_insert_with(|| Bucket::new(TOLD_PER_SECOND, TOLD_PER_SECOND));
        told.has_one(Instant::now())
    }
}

/// Whether something of it can be read already.
fn has_spoken(stream: &UnixStream) -> bool {
    let mut byte = [0];
    let seen = rustix::net::recv(stream, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT);
    seen.is_ok_and(|(read, _)| read > 0)
}

/// One refusal without waiting: an empty socket buffer takes it whole, and nobody is waited for. The kernel is asked directly, because the
/// runtime has not seen yet whether this new socket can be written.
fn tell(stream: &UnixStream, why: String, then: Then) -> io::Result<usize> {
    let bytes = Outgoing::of(&Greeting::Refused(Refused { why: Shown::new(&why), then })).into_bytes();
    Ok(rustix::net::send(stream, &bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?)
}
