//! One night: time, the world, the host with its journal, and whatever is on its way between them.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, LazyLock},
};

use cutover::{
    core::{
        decision::{Decision, Effect, IssuedEffect, Transition},
        event::{Alarm, Entry, Event, Hosted, WorldKind},
        record::{Keeping, RecordChange, RecordNumber, is_broken, is_over},
        state::State,
        step::step,
        thin::thin,
    },
    domain::{
        claim::{Machine, Token},
        id::{EffectId, Seq},
        shown::Shown,
        time::{Millis, Timestamp},
        weight::Weights,
    },
    journal::{
        chain::{Hash, Head},
        memory::{Asked, Fault, Memory},
        reader::Records,
        record::{Body, Genesis, Kind},
        writer::{Cadence, Durability, Writer},
    },
    plan::{self, model::Plan},
    sim::{
        scenario::Scenario,
        world::{World, kubernetes::Kubernetes, propagation::Span, random::Random},
    },
};

use super::{
    crew::Crew,
    disk::{Disk, DiskFaults},
    intents::Intents,
    network::Request,
    senses::Senses,
};
use crate::watch::{Before, Check, Violation, Watch, require, settled, what_if};

const START_MS: i64 = 1_800_000_000_000;
const STEP: Millis = Millis(250);
/// Our own plan, read once for all nights, with a series that it declares: requests that pile up at GKE.
static PLAN: LazyLock<Arc<Plan>> = LazyLock::new(|| {
    let changes = [
        ("    to: 0%\n", super::steps::STEPS),
        ("\nroutes:\n", "\nseries: [{ name: concurrency, unit: count, bad: above }]\n\nroutes:\n"),
        (
            "        metrics: https://frontend-gke.hexproperty.com/metrics\n",
            "        metrics: https://frontend-gke.hexproperty.com/metrics\n        series: { concurrency: { gauge: http_requests_in_flight, over: sum } }\n",
        ),
        (
            "\ntriggers:\n",
            "\ntriggers:\n  - { name: concurrency, route: frontend, backend: gke, metric: concurrency, threshold: 60, duration: 2m, action: rollback, on_blind: rollback }\n",
        ),
    ];
    let mut text = include_str!("../../../plans/hexproperty.yaml").to_owned();
    for (there, wanted) in changes {
        assert!(text.contains(there), "our own plan has {there:?}");
        text = text.replacen(there, wanted, 1);
    }
    let (plan, _) = plan::read(text.as_bytes()).expect("our own plan");
    Arc::new(plan)
});
/// The days before a night are the same for all and lived through once; what happens to the cluster in it depends on its seed.
static CLUSTER: LazyLock<Kubernetes> = LazyLock::new(|| Kubernetes::new(START_MS, 0));
/// A death loses the newest second or two of records, and the ledgers of 64 entries ago are then old enough.
const LEDGERS_KEPT: usize = 4;
/// A storm of twelve minutes has hardly more.
const ENTRIES_USUAL: usize = 4_096;

/// How long a night is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Course {
    pub storm: Millis,
    pub scenario: Scenario,
    /// Deaths of the host in an hour, on average.
    pub deaths: f64,
    pub disk: DiskFaults,
}

impl Course {
    #[allow(dead_code, reason = "the tests' own")]
    pub(crate) const STORM: Course =
        Course { storm: Millis::from_mins(12), scenario: Scenario::Storm, deaths: 6.0, disk: DiskFaults::None };
    /// A whole migration on a calm night.
    #[allow(dead_code, reason = "the benchmarks' own")]
    pub(crate) const CALM: Course = Course { storm: Millis::from_mins(15), scenario: Scenario::Calm, deaths: 0.0, disk: DiskFaults::None };
    /// A storm in which the journal breaks.
    #[allow(dead_code, reason = "the tests' own")]
    pub(crate) const BREAKING: Course = Course { disk: DiskFaults::Breaks, ..Course::STORM };
    /// A storm in which the disk hangs, is slow and has little room, by turns.
    #[allow(dead_code, reason = "the tests' own")]
    pub(crate) const WAVERING: Course = Course { disk: DiskFaults::Wavers, ..Course::STORM };
}

/// Every such night is folded once more as a whole, from its records alone. In the others each record is read back and is what happened,
/// and what is folded from the same entries by the same function is the same; a host that died folds its records in any of them.
const FOLDED_ANEW_EACH: u64 = 4;

/// Whether the watchman looks at every entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "the benchmarks use both")]
pub(crate) enum Checks {
    On,
    Off,
}

/// What came of a night.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub entries: u64,
    pub writes: u64,
    pub rollbacks: u64,
    pub restarts: u64,
    pub journal_bytes: u64,
    /// Rollbacks that left after the disk had failed.
    pub unrecorded: u64,
    /// How often the disk did not answer in time.
    pub hangs: u64,
    /// The highest share of the target that was accepted, in per mille.
    pub furthest: u16,
    /// Hash over every record of the night: equal nights have equal ones (I22).
    pub head: String,
}

/// Something that will reach the world or the host.
pub(crate) enum Coming {
    Event {
        host: u64,
        event: Event,
    },
    /// A write arrives at the API.
    Write(Request),
    /// The API's answer to a look is made now, and arrives at once.
    Answer {
        host: u64,
        effect: EffectId,
        asked_at: Timestamp,
    },
}

pub(crate) struct Night {
    pub world: World,
    pub state: State,
    pub random: Random,
    pub plan: Arc<Plan>,
    pub now: Timestamp,
    pub host: u64,
    pub asks: u64,
    pub senses: Senses,
    pub crew: Crew,
    pub summary: Summary,
    course: Course,
    checks: Checks,
    watch: Watch,
    /// The watchman's ledgers as they were behind some records, by the number of the next one; the newest last.
    ledgers: VecDeque<(u64, Watch)>,
    replayed: Replayed,
    folds_anew: bool,
    /// What was recorded since the records were last read.
    lived: Vec<Transition>,
    memory: Memory,
    pub writer: Writer,
    kind: Kind,
    pub next: Seq,
    quiet_since: Timestamp,
    coming: BTreeMap<(Timestamp, u64), Coming>,
    order: u64,
    intents: Intents,
    /// Writes that took effect, each by the intent that asked for it.
    pub mutations: BTreeSet<EffectId>,
    /// The entry with which the disk has too little room, and the one with which it fails.
    pub low_at: Seq,
    breaks_at: Seq,
    /// Ways home that left without a record.
    pub unrecorded: BTreeSet<EffectId>,
    pub disk: Disk,
}

impl Night {
    pub(crate) fn begin(seed: u64, course: Course, checks: Checks) -> Result<Night, Violation> {
        let plan = Arc::clone(&PLAN);
        let mut world = World::around(CLUSTER.fated(seed), START_MS, seed, Span::default());
        world.follow(course.scenario, seed);
        let memory = Memory::default();
        let genesis = Genesis::new("night", plan.hash.to_string().parse::<Hash>().expect("a SHA-256"));
        let writer = Writer::create_in(&memory, START_MS as u64, &genesis, Cadence::default()).expect("a disk that is well");
        let now = Timestamp(START_MS);
        let mut disk = Random::named(seed, "disk");
        let breaks_at = match course.disk {
            DiskFaults::None | DiskFaults::Wavers => Seq(u64::MAX),
            DiskFaults::Breaks => Seq(200 + disk.index(6_000) as u64),
        };
        let low_at = Seq(breaks_at.0.saturating_sub(disk.index(400) as u64));
        let folds_anew = seed.is_multiple_of(FOLDED_ANEW_EACH) || course.disk != DiskFaults::None;
        let mut night = Night {
            world,
            state: State::default(),
            random: Random::named(seed, "night"),
            plan: Arc::clone(&plan),
            now,
            host: 0,
            asks: 0,
            senses: Senses::new(&plan),
            crew: Crew::default(),
            summary: Summary::default(),
            course,
            checks,
            watch: Watch::default(),
            ledgers: VecDeque::new(),
            replayed: Replayed::default(),
            folds_anew,
            lived: Vec::with_capacity(if folds_anew || checks == Checks::Off { 0 } else { ENTRIES_USUAL }),
            memory,
            writer,
            kind: Kind::new("transition").expect("a word"),
            next: Seq(0),
            quiet_since: now,
            coming: BTreeMap::new(),
            order: 0,
            intents: Intents::default(),
            mutations: BTreeSet::new(),
            low_at,
            breaks_at,
            unrecorded: BTreeSet::new(),
            disk: Disk::new(Random::named(seed, "wavering disk")),
        };
        let plan = Box::new(Plan::clone(&plan));
        night.happen(Event::Opened { session: "night".parse().expect("a name"), plan, world: WorldKind::Live })?;
        night.happen(Event::Hosted(Hosted { machine: Machine::new("ops"), token: Token::new(1), takes_over: None }))?;
        night.crew_joins()?;
        Ok(night)
    }

    /// The storm, then the calm, then the reckoning.
    pub(crate) fn run(&mut self) -> Result<Summary, Violation> {
        let end = Timestamp(START_MS) + self.course.storm;
        while self.now < end {
            self.pass(Weather::Foul)?;
        }
        self.world.calm();
        self.breaks_at = Seq(u64::MAX);
        self.disk_recovers()?;
        if is_broken(&self.state) {
            self.crew_goes_home()?;
        }
        let rest = self.now + Millis(60_000 + self.plan.routes[0].settle.0 + 65_000);
        while self.now < rest {
            self.pass(Weather::Calm)?;
        }
        self.has_settled()?;
        require(!is_broken(&self.state), "I15", || format!("not home without a record: {:?}", self.state.routes))?;
        self.writer.flush().map_err(|error| lost(&error.to_string()))?;
        self.replays()?;
        self.summary.journal_bytes = self.memory.read(|written| written.len() as u64);
        self.summary.head = self.writer.head().hash.to_string();
        Ok(self.summary.clone())
    }

    pub(crate) fn clock(&self) -> String {
        Millis(self.now.since(Timestamp(START_MS)).0).to_string()
    }

    fn pass(&mut self, weather: Weather) -> Check {
        self.now = self.now + STEP;
        self.world.tick(self.now.0);
        self.arrive()?;
        self.sense()?;
        // Nothing is left to be done without a record: the engine ends, and the next one begins with a disk that is well.
        if is_over(&self.state) {
            self.die_and_come_back()?;
        }
        if weather == Weather::Foul {
            if self.course.disk == DiskFaults::Wavers {
                self.disk_passes()?;
            }
            self.crew_acts()?;
            let deaths = self.course.deaths * STEP.as_secs_f64() / 3600.0;
            if self.random.chance(deaths) {
                self.die_and_come_back()?;
            }
        } else {
            self.crew_beats()?;
        }
        if self.now.since(self.quiet_since) >= Millis::from_secs(1) {
            self.happen(Event::Rang(Alarm::Tick))?;
        }
        Ok(())
    }

    /// Everything that is due by now, in the order of its time.
    fn arrive(&mut self) -> Check {
        while let Some(entry) = self.coming.first_entry().filter(|entry| entry.key().0 <= self.now) {
            match entry.remove() {
                Coming::Event { host, event } if host == self.host => self.happen(event)?,
                Coming::Event { .. } => {}
                Coming::Write(request) => self.write_arrives(request)?,
                Coming::Answer { host, effect, asked_at } if host == self.host => self.look_is_answered(effect, asked_at)?,
                Coming::Answer { .. } => {}
            }
        }
        Ok(())
    }

    pub(crate) fn later(&mut self, after: Millis, coming: Coming) {
        self.order += 1;
        self.coming.insert((self.now + after, self.order), coming);
    }

    /// One entry, as the engine does it: stepped, recorded, and only then are its effects on their way.
    pub(crate) fn happen(&mut self, event: Event) -> Check {
        let (event, of_whole) = self.thinned(event);
        let entry = Entry { seq: self.next, at: self.now, event };
        let before = (self.checks == Checks::On).then(|| Before::of(&self.state));
        let decision = step(&mut self.state, &entry);
        let same = of_whole.is_none_or(|of_whole| of_whole.0 == self.state && of_whole.1 == decision);
        require(same, "I4", || format!("entry {} means another when it is thin", entry.seq))?;
        self.quiet_since = self.now;
        self.next = Seq(self.next.0 + 1);
        self.summary.entries += 1;
        let transition = Transition { entry, decision };
        let acts = transition.decision.effects.iter().any(|effect| !matches!(effect.what, Effect::Wake { .. }));
        let durable = acts
            || matches!(
                transition.entry.event,
                Event::Opened { .. } | Event::Restarted | Event::TakenOver { .. } | Event::Asked { .. } | Event::Finished { .. }
            );
        let durability = if durable { Durability::Durable } else { Durability::Buffered };
        let waits = self.disk_is_silent();
        let breaks = !waits && self.record(durability, &transition);
        if let Some(before) = before {
            self.watch.look(&before, &transition.entry, &transition.decision, &self.state)?;
            if self.next.0.is_multiple_of(64) {
                what_if(&self.state)?;
                self.keep_ledgers();
            }
        }
        let share = |accepted: &cutover::domain::fact::Accepted| accepted.weights.of(&self.plan.routes[0].target).get();
        let reached = self.state.routes.values().filter_map(|route| route.accepted.as_ref()).map(share).max();
        self.summary.furthest = self.summary.furthest.max(reached.unwrap_or(0));
        if breaks {
            self.breaks_at = Seq(u64::MAX);
            let kept = RecordNumber(self.writer.durable_head().seq);
            self.happen(Event::Record(RecordChange::Broken { why: Shown::new("no space"), kept, place: Shown::new("here") }))?;
        }
        let seq = transition.entry.seq;
        if waits {
            return self.waits(durability, transition);
        }
        let effects = self.has_lived(transition);
        for effect in effects {
            self.leave(effect)?;
        }
        if seq == self.low_at && !is_broken(&self.state) {
            self.happen(Event::Record(RecordChange::Low { bytes: 65_536, place: Shown::new("here") }))?;
        }
        Ok(())
    }

    /// What it asks for; the rest is kept for whoever reads the records.
    fn has_lived(&mut self, mut transition: Transition) -> Vec<IssuedEffect> {
        if self.folds_anew || self.checks == Checks::Off {
            return std::mem::take(&mut transition.decision.effects);
        }
        let effects = transition.decision.effects.clone();
        self.lived.push(transition);
        effects
    }

    /// Whether the disk fails with it.
    pub(crate) fn record(&mut self, durability: Durability, transition: &Transition) -> bool {
        if is_broken(&self.state) {
            return false;
        }
        if transition.entry.seq == self.breaks_at {
            let torn = self.random.index(200);
            self.memory.fail(Asked::Write, Fault::Torn(torn, std::io::ErrorKind::StorageFull));
        }
        let at_ms = u64::try_from(self.now.0).expect("after 1970");
        match self.writer.append(at_ms, durability, &self.kind, transition) {
            Ok(_) => false,
            Err(error) => {
                assert!(error.is_loss() && transition.entry.seq >= self.breaks_at, "a disk that is well: {error}");
                true
            }
        }
    }

    /// As the engine lets effects leave.
    pub(crate) fn leave(&mut self, effect: IssuedEffect) -> Check {
        if !is_broken(&self.state) {
            return self.send(effect);
        }
        self.leave_unrecorded(effect)
    }

    fn keep_ledgers(&mut self) {
        self.ledgers.push_back((self.writer.head().seq + 1, self.watch.clone()));
        if self.ledgers.len() > LEDGERS_KEPT {
            self.ledgers.pop_front();
        }
    }

    /// What the engine records of an event, and now and then what the whole of it comes to, which the thin one must come to as well.
    fn thinned(&self, event: Event) -> (Event, Option<(State, Decision)>) {
        let Event::Observed(whole) = event else { return (event, None) };
        if self.checks == Checks::Off || !self.next.0.is_multiple_of(16) {
            return (Event::Observed(thin(&self.state, whole)), None);
        }
        let thin = thin(&self.state, whole.clone());
        let of_whole = (thin != whole).then(|| {
            let mut state = self.state.clone();
            let decision = step(&mut state, &Entry { seq: self.next, at: self.now, event: Event::Observed(whole) });
            (state, decision)
        });
        (Event::Observed(thin), of_whole)
    }

    /// I1: what is about to change the world stands in the journal, on the disk and not only in memory.
    pub(crate) fn has_intent(&mut self, effect: EffectId) -> Check {
        if self.checks == Checks::Off {
            return Ok(());
        }
        if self.unrecorded.contains(&effect) {
            return Ok(());
        }
        self.intents.read(&self.memory);
        require(self.intents.writes.contains(&effect.to_string()), "I1", || format!("{effect} changed the world and has no durable intent"))
    }

    /// kill -9, perhaps with a torn tail; then the journal is all there is.
    fn die_and_come_back(&mut self) -> Check {
        let missing = match &self.state.record.keeping {
            Keeping::Broken { since, kept, .. } => Some(RecordChange::Missing { since: *since, kept: *kept }),
            Keeping::Kept | Keeping::Low { .. } | Keeping::Hanging { .. } => None,
        };
        self.dies_behind_the_disk();
        // Counters that a sensor did not leave behind are gone with it.
        if self.random.chance(0.5) {
            self.senses.forget();
        }
        self.memory.power_cut(self.random.index(4096));
        // A torn tail goes again, so what was read may be no more.
        self.intents = Intents::default();
        let (writer, _) = Writer::open_in(&self.memory, Cadence::default()).map_err(|error| lost(&error.to_string()))?;
        self.writer = writer;
        // Ledgers that know of a record which is lost go with it. Reading has appended one record at most.
        let newest = self.writer.head().seq;
        self.ledgers.retain(|(behind, _)| *behind <= newest);
        self.replay(self.checks, Read::Opened)?;
        self.lived.clear();
        (self.state, self.next, self.watch) = (self.replayed.state.clone(), self.replayed.next, self.replayed.watch.clone());
        self.host += 1;
        self.summary.restarts += 1;
        self.now = self.now + Millis(self.random.index(30_000) as u64);
        self.world.tick(self.now.0);
        self.happen(Event::Restarted)?;
        if let Some(missing) = missing {
            self.happen(Event::Record(missing))?;
        }
        if self.state.record.keeping != Keeping::Kept {
            self.happen(Event::Record(RecordChange::Roomy))?;
        }
        self.crew_joins()
    }

    #[allow(dead_code, reason = "the benchmarks' own")]
    pub(crate) fn transitions(&self) -> Result<Vec<Transition>, Violation> {
        let mut transitions = Vec::new();
        for record in Records::<_, Transition>::new(self.memory.written().as_slice()) {
            if let Body::Entry { payload, .. } = record.map_err(|error| lost(&error.to_string()))?.body {
                transitions.push(payload);
            }
        }
        Ok(transitions)
    }

    /// I4: the records give the same decisions again, and with them the state and the watchman's ledgers. What was read, proved and
    /// stepped once is not gone through again as long as it stands there as it stood. What he wrote down live of a record that gives the
    /// same decision is what he would write down of it now, so his ledgers are taken up where he kept them last.
    fn replay(&mut self, ledgers: Checks, read: Read) -> Check {
        let (replayed, kept) = (&mut self.replayed, self.ledgers.back());
        self.memory.read(|written| replayed.go_on(written, read, ledgers, kept))
    }

    fn replays(&mut self) -> Check {
        if self.checks == Checks::Off {
            return Ok(());
        }
        if !self.folds_anew {
            let (replayed, lived) = (&self.replayed, &self.lived);
            return self.memory.read(|written| replayed.reads_back(written, lived));
        }
        // Nobody comes back after this, so nobody needs the ledgers.
        self.replay(Checks::Off, Read::FirstTime)?;
        require(self.replayed.state == self.state, "I4", || "the journal folds to another state".to_owned())
    }

    fn has_settled(&self) -> Check {
        if self.checks == Checks::Off {
            return Ok(());
        }
        let truth = self.truth();
        settled(&self.state, |_| truth.clone())?;
        self.steps_rest()
    }

    /// What the load balancer really says.
    pub(crate) fn truth(&self) -> Weights {
        super::network::split(self.world.load_balancer.url_map())
    }
}

/// What the journal came to when it was last read, and how far that went.
struct Replayed {
    bytes: Vec<u8>,
    head: Head,
    state: State,
    next: Seq,
    watch: Watch,
}

impl Default for Replayed {
    /// Before the first record.
    fn default() -> Replayed {
        Replayed { bytes: Vec::new(), head: Head::START, state: State::default(), next: Seq(0), watch: Watch::default() }
    }
}

impl Replayed {
    fn go_on(&mut self, written: &[u8], read: Read, ledgers: Checks, kept: Option<&(u64, Watch)>) -> Check {
        if !written.starts_with(&self.bytes) {
            *self = Replayed::default();
        }
        let Replayed { bytes, head, state, next, watch } = self;
        let mut looks_from = head.next_seq;
        if let Some((behind, kept)) = kept.filter(|(behind, _)| *behind >= looks_from && ledgers == Checks::On) {
            (looks_from, *watch) = (*behind, kept.clone());
        }
        let new = &written[bytes.len()..];
        let records = Records::<_, Transition>::resume(new, bytes.len() as u64, *head);
        let mut records = match read {
            Read::FirstTime => records,
            Read::Opened => records.proved(),
        };
        for record in records.by_ref() {
            let record = record.map_err(|error| lost(&error.to_string()))?;
            let Body::Entry { payload: Transition { entry, decision: recorded }, .. } = record.body else { continue };
            let before = (ledgers == Checks::On && record.seq >= looks_from).then(|| Before::of(state));
            let decision = step(state, &entry);
            require(decision == recorded, "I4", || format!("entry {} is decided otherwise in a replay", entry.seq))?;
            *next = Seq(entry.seq.0 + 1);
            if let Some(before) = before {
                // It has been checked when it happened.
                let _known = watch.look(&before, &entry, &decision, state);
            }
        }
        *head = *records.head();
        bytes.extend_from_slice(new);
        Ok(())
    }
}

impl Replayed {
    /// What stands behind what was read is what happened since, each record of it.
    fn reads_back(&self, written: &[u8], lived: &[Transition]) -> Check {
        require(written.starts_with(&self.bytes), "I4", || "what was read is not what is written".to_owned())?;
        let mut lived = lived.iter();
        for record in Records::<_, Transition>::resume(&written[self.bytes.len()..], self.bytes.len() as u64, self.head) {
            let Body::Entry { payload, .. } = record.map_err(|error| lost(&error.to_string()))?.body else { continue };
            let happened = lived.next();
            require(happened == Some(&payload), "I4", || format!("entry {} reads back otherwise: {happened:?}", payload.entry.seq))?;
        }
        require(lived.len() == 0, "I4", || format!("{} entries are not in the journal", lived.len()))
    }
}

/// Whether the chain of what is read was proved from its first byte just now, by whoever opened the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    FirstTime,
    Opened,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    Foul,
    Calm,
}

fn lost(what: &str) -> Violation {
    Violation { invariant: "I4", what: what.to_owned() }
}
