//! Two hosts on one object, in any order: paused for however long, cut off, resumed and restarted, with writes that arrive late.
//!
//! Each host is a run of its own with a watchman of its own; they share nothing but the object and the time. The object itself knows in
//! which order writes have reached it, so it tells whether one of an older epoch has come after a newer one's (I7).

use cutover::{
    core::{decision::Effect, home::home},
    domain::claim::{Claim, Claimed, Claims},
};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner},
};

use crate::{
    chance::{
        self,
        object::{Done, Object},
        ops::{Class, Op, Request, Side, Span, Who, op},
        run::Run,
    },
    watch::{Check, Violation, require},
};

/// Writes that two rollbacks at once may take, of each object, until both are home.
const WRITES_MOST: usize = 6;

struct Pair {
    hosts: [Run; 2],
    /// Which of them holds the objects now.
    at: usize,
}

impl Pair {
    fn open() -> Result<Pair, Violation> {
        let mut first = Run::hosted(chance::plan(), chance::objects(), 1)?;
        first.everybody_joins()?;
        first.ask(Who::Ana, Request::Take)?;
        let objects = std::mem::take(&mut first.objects);
        let mut second = Run::hosted(chance::plan(), objects, 2)?;
        second.everybody_joins()?;
        second.ask(Who::Ana, Request::Take)?;
        Ok(Pair { hosts: [first, second], at: 1 })
    }

    /// The host that something happens on; the other one stands still meanwhile.
    fn on(&mut self, host: usize) -> &mut Run {
        let objects = std::mem::take(&mut self.hosts[self.at].objects);
        let now = self.hosts[self.at].now.max(self.hosts[host].now);
        self.at = host;
        self.hosts[host].objects = objects;
        self.hosts[host].now = now;
        &mut self.hosts[host]
    }

    fn apply(&mut self, host: usize, op: &Op) -> Check {
        self.on(host).apply_and_ask(op)?;
        self.hosts[self.at].objects.iter().try_for_each(older_never_follows_newer)
    }

    fn objects(&self) -> &[Object] {
        &self.hosts[self.at].objects
    }

    /// Faults stop, and a person at each host goes home, at once.
    fn both_go_home(&mut self) -> Check {
        self.hosts[self.at].objects.iter_mut().for_each(Object::drop_open);
        // Each has looked, so that neither takes what it knew before for where the object is.
        for host in [0, 1] {
            self.on(host).promoted = false;
            self.on(host).calm(4)?;
        }
        let before: Vec<usize> = self.objects().iter().map(|object| object.done.len()).collect();
        for host in [0, 1] {
            self.on(host).ask(Who::Ben, Request::RollbackAll)?;
        }
        for _ in 0..45 {
            for host in [0, 1] {
                self.on(host).calm(4)?;
            }
        }
        for (object, before) in self.objects().iter().zip(before) {
            older_never_follows_newer(object)?;
            let wrote = object.done.len() - before;
            require(wrote <= WRITES_MOST, "I7", || format!("{wrote} writes of {} until both were home", object.route))?;
            require(object.share() == 0, "I10", || format!("{} stands at {}", object.route, object.weights()))?;
        }
        for host in &self.hosts {
            for route in &host.plan.routes {
                let stands = home(&host.state, route);
                require(stands.is_reached(), "I10", || format!("{} is not home there: {stands:?}", route.id))?;
            }
        }
        Ok(())
    }
}

/// As the object has seen it. What a person has done to the line by hand begins another count.
fn older_never_follows_newer(object: &Object) -> Check {
    let mut newest: Option<(u32, &Claim)> = None;
    for Done { effect, claim, found, edits, .. } in &object.done {
        let Some(claim) = claim else { return require(false, "I7", || format!("{effect} bears no claim")) };
        if let Claimed::By(stood) = found
            && stood.by.token != claim.by.token
            && stood.claims == Claims::Steers
        {
            require(claim.epoch > stood.epoch, "I7", || format!("{effect}: {claim} came over {stood}"))?;
        }
        if let Some((since, newer)) = newest.filter(|(since, _)| since == edits) {
            let follows = claim.epoch > newer.epoch || claim.epoch == newer.epoch && claim.by.token == newer.by.token;
            require(follows, "I7", || format!("{effect} after {since} edits: {claim} came after {newer}"))?;
        }
        newest = Some((*edits, claim));
    }
    Ok(())
}

fn holds(ops: &[(bool, Op)]) -> Check {
    let mut pair = Pair::open()?;
    for (second, op) in ops {
        pair.apply(usize::from(*second), op)?;
    }
    pair.both_go_home()
}

/// Stretches on one host, as a pause of the other makes them.
fn orders() -> impl Strategy<Value = Vec<(bool, Op)>> {
    let stretch = (any::<bool>(), vec(op(), 1..14)).prop_map(|(host, ops)| ops.into_iter().map(move |op| (host, op)).collect::<Vec<_>>());
    vec(stretch, 1..14).prop_map(|stretches| stretches.into_iter().flatten().collect())
}

#[test]
fn two_hosts_in_any_order_never_write_an_older_epoch_after_a_newer() {
    let cases = std::env::var("CUTOVER_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(250);
    let seed = std::env::var("CUTOVER_SEED").ok().and_then(|text| text.parse::<u64>().ok()).unwrap_or(11);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let test = |ops: Vec<(bool, Op)>| holds(&ops).map_err(|violation| TestCaseError::fail(violation.to_string()));
    runner.run(&orders(), test).unwrap_or_else(|error| panic!("{error}"));
}

/// The first host climbs, stands still with a write on its way, and the second takes over and climbs on; then the first goes on.
#[test]
fn a_host_that_was_paused_writes_nothing_after_it_was_taken_over() {
    let mut pair = Pair::open().unwrap();
    let well = |pair: &mut Pair, host| pair.on(host).calm(8).unwrap();
    let pilot = |pair: &mut Pair, host, wish| {
        pair.apply(host, &Op::Ask(Who::Ana, Request::Take)).unwrap();
        pair.apply(host, &Op::Ask(Who::Ana, wish)).unwrap();
    };
    let stands = |pair: &Pair| {
        let Claimed::By(claim) = pair.objects()[0].claimed().clone() else { panic!("somebody steers") };
        (claim.epoch.get(), claim.by.token.to_string(), pair.objects()[0].share())
    };
    well(&mut pair, 0);
    pilot(&mut pair, 0, Request::Shift(10));
    well(&mut pair, 0);
    assert_eq!(stands(&pair), (1, "00000001".to_owned(), 10));
    well(&mut pair, 1);
    pilot(&mut pair, 1, Request::Next);
    well(&mut pair, 1);
    assert_eq!(stands(&pair), (1, "00000001".to_owned(), 10), "the second host moves nothing that the first steers");
    // The first sends a write and is paused before that arrives.
    pair.on(0).calm(70).unwrap();
    pilot(&mut pair, 0, Request::Next);
    let sent = pair.hosts[0].flights.iter().filter(|flight| matches!(flight.deal, Effect::Write { .. })).count();
    well(&mut pair, 1);
    pilot(&mut pair, 1, Request::TakeOver);
    well(&mut pair, 1);
    assert_eq!((sent, stands(&pair)), (1, (2, "00000002".to_owned(), 10)));
    // It goes on: what it sent meets another version, and from its next look on it fences itself.
    let before = pair.objects()[0].done.len();
    well(&mut pair, 0);
    for wish in [Request::Next, Request::Shift(500), Request::Shift(0), Request::Resume, Request::Adopt] {
        pilot(&mut pair, 0, wish);
        well(&mut pair, 0);
    }
    assert_eq!(pair.objects()[0].done.len(), before, "nothing of the older epoch");
    // It may still go home, and with it the other one is fenced.
    pair.apply(0, &Op::Ask(Who::Ben, Request::Rollback)).unwrap();
    well(&mut pair, 0);
    assert_eq!(stands(&pair), (3, "00000001".to_owned(), 0));
    well(&mut pair, 1);
    pilot(&mut pair, 1, Request::Shift(10));
    well(&mut pair, 1);
    assert_eq!(stands(&pair), (3, "00000001".to_owned(), 0), "the second host is fenced now");
}

/// The sample of before lies ahead for a moment after the clock went back, and is the same sample when its time comes round (I3).
#[test]
fn one_sample_beyond_a_limit_is_one_however_the_clock_of_a_host_goes() {
    let mut pair = Pair::open().unwrap();
    let told = |pair: &Pair| {
        let known = &pair.hosts[1].state.triggers[&"home-errors".parse().unwrap()];
        (known.breaches, known.pending_since.is_some())
    };
    let tick = [Op::Pass(Span::Second), Op::Tick];
    pair.apply(1, &Op::Reading(Side::Home, Class::Bad)).unwrap();
    tick.iter().chain(&tick).for_each(|op| pair.apply(1, op).unwrap());
    assert_eq!(told(&pair), (1, true));
    pair.apply(1, &Op::Back(8)).unwrap();
    pair.apply(1, &Op::Ask(Who::Ana, Request::Shift(0))).unwrap();
    let mut counted = vec![told(&pair)];
    for _ in 0..12 {
        tick.iter().for_each(|op| pair.apply(1, op).unwrap());
        counted.push(told(&pair));
    }
    assert!(counted.iter().all(|(samples, breached)| *samples <= 1 && *breached), "{counted:?}");
    assert_eq!(counted.last(), Some(&(1, true)), "it counts again once it is of the past");
    // Another one proves together with it, over the whole time, counted from before.
    tick.iter().cycle().take(2 * 22).for_each(|op| pair.apply(1, op).unwrap());
    pair.apply(1, &Op::Reading(Side::Home, Class::Bad)).unwrap();
    assert_eq!(told(&pair), (2, true));
}
