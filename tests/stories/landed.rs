//! What a flight leaves behind, and what must be true of it whatever happened in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use cutover::core::news::News;
use cutover::{
    cli::{
        Exit,
        audit::{Format, cross},
    },
    core::{
        decision::{Cause, Effect, Transition},
        event::Event,
        state::State,
        step::step,
    },
    domain::{
        fact::{Fact, Known},
        fault::{Outcome, Version},
        id::{EffectId, RouteId},
        time::Timestamp,
        weight::Weights,
    },
    journal::{
        reader::Tail,
        verify::{Verdict, verify_journal},
        walk::entries,
    },
    sim::world::{Truth, audit::Mutation, neighbours::NEIGHBOURS},
};
use serde_json::Value;

use crate::session::route_id;

pub(crate) struct Landed {
    pub state: State,
    pub truth: Truth,
    pub transitions: Vec<Line>,
    name: &'static str,
    story: String,
    folder: PathBuf,
}

/// One line of the journal with the hash of its record.
pub(crate) struct Line {
    pub transition: Transition,
    hash: String,
}

/// What was read of a route, and when.
#[derive(Default)]
struct Looks {
    /// The newest version, where no outcome has come since.
    fresh: Option<Version>,
    known: Option<Version>,
    seen_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
}

/// A write that left.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub effect: EffectId,
    pub route: RouteId,
    /// Itself, or the write that it repeats.
    first: EffectId,
    pub to: Weights,
    pub cause: Cause,
    pub outcome: Option<Outcome>,
}

impl Landed {
    pub(crate) fn judge(
        name: &'static str,
        story: String,
        folder: PathBuf,
        journal: &Path,
        state: State,
        truth: Truth,
        log: Vec<Value>,
    ) -> Landed {
        let head = proved(journal);
        seconded(journal, &head);
        let transitions = read(journal);
        let landed = Landed { state, truth, transitions, name, story, folder };
        landed.folds_again();
        landed.never_writes_blindly();
        landed.knows_every_change();
        landed.agrees_with_the_clouds_log(journal, log);
        landed
    }

    /// `audit cross-check` finds what is so, and misses neither a change that is gone from the log nor one whose record is not the journal's.
    fn agrees_with_the_clouds_log(&self, journal: &Path, log: Vec<Value>) {
        let export = self.folder.join("audit-log.json");
        let check = |log: &[Value]| {
            std::fs::write(&export, serde_json::to_vec(log).unwrap()).unwrap();
            let mut out = Vec::new();
            let exit = cross::check(journal, Some(&export), Format::Json, &mut out).unwrap();
            (exit, serde_json::from_slice::<Value>(&out).unwrap())
        };
        let (exit, told) = check(&log);
        let foreign = told["foreign"].as_array().unwrap();
        let expected = if foreign.is_empty() { Exit::Done } else { Exit::Drift };
        assert_eq!(exit, expected, "{}: {told:#}\n{}", self.name, self.story);
        let done: BTreeSet<&str> = self.ours().iter().map(|mutation| mutation.actor.reason.as_deref().unwrap()).collect();
        let is_known = |entry: &Value| done.iter().any(|reason| entry.to_string().contains(*reason));
        let (ours, others): (Vec<Value>, Vec<Value>) = log.into_iter().partition(is_known);
        let began = |entry: &&Value| entry["operation"]["last"] != true && entry["severity"] != "ERROR";
        let others_began: Vec<&Value> = others.iter().filter(began).collect();
        assert!(foreign.len() <= others_began.len(), "{}: {told:#}", self.name);
        let Some(last) = ours.last() else { return };
        // Each change that somebody else made of the same object meanwhile is named.
        let at = |entry: &Value| entry["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let span = told["from"].as_i64().unwrap()..=told["to"].as_i64().unwrap();
        let object = &last["protoPayload"]["resourceName"];
        let meant = others_began.iter().filter(|entry| entry["protoPayload"]["resourceName"] == *object && span.contains(&at(entry)));
        assert_eq!(foreign.len(), meant.count(), "{}: {told:#}", self.name);
        if !self.writes().iter().any(|write| matches!(write.outcome, Some(Outcome::Done(_)))) {
            return;
        }
        let without: Vec<Value> = others.iter().filter(|entry| entry["operation"]["id"] != last["operation"]["id"]).cloned().collect();
        assert_eq!(check(&without).0, Exit::Failed, "{}: a log without our writes", self.name);
        let mut renamed: Vec<Value> = ours.iter().chain(&others).cloned().collect();
        let at = ours.len() - 1;
        let metadata = &mut renamed[at]["protoPayload"]["requestMetadata"];
        // A cluster's log has it in the name of the program alone.
        let place =
            if metadata["requestAttributes"]["reason"].is_string() { "/requestAttributes/reason" } else { "/callerSuppliedUserAgent" };
        let reason = metadata.pointer_mut(place).unwrap();
        let (before, hash) = reason.as_str().unwrap().rsplit_once('/').unwrap();
        let closing = if hash.ends_with(')') { ")" } else { "" };
        *reason = format!("{before}/{}{closing}", "0".repeat(64)).into();
        let (exit, told) = check(&renamed);
        let is_forged = told["foreign"].as_array().unwrap().iter().any(|stranger| stranger["whose"] == "in-our-name");
        assert!(exit == Exit::Failed && is_forged, "{}: {told:#}", self.name);
    }

    /// Each write with its outcome, in the order in which they left.
    pub(crate) fn writes(&self) -> Vec<Write> {
        let mut writes: Vec<Write> = Vec::new();
        for Line { transition, .. } in &self.transitions {
            if let Event::Finished { effect, outcome, .. } = &transition.entry.event
                && let Some(write) = writes.iter_mut().find(|write| write.effect == *effect)
            {
                write.outcome = Some(outcome.clone());
            }
            for effect in &transition.decision.effects {
                if let Effect::Write { route, to, cause, again, .. } = &effect.what {
                    let first = again.unwrap_or(effect.id);
                    writes.push(Write {
                        effect: effect.id,
                        route: route.clone(),
                        first,
                        to: to.clone(),
                        cause: cause.clone(),
                        outcome: None,
                    });
                }
            }
        }
        writes
    }

    /// How often news of this kind were told.
    pub(crate) fn told(&self, which: impl Fn(&News) -> bool) -> usize {
        let news = self.transitions.iter().flat_map(|told| &told.transition.decision.news);
        news.filter(|news| which(news)).count()
    }

    /// Changes of the world by this session, oldest first.
    pub(crate) fn ours(&self) -> Vec<&Mutation> {
        let ours = format!("cutover story-{}/", self.name);
        self.truth.mutations.iter().filter(|mutation| mutation.actor.reason.as_ref().is_some_and(|why| why.starts_with(&ours))).collect()
    }

    /// The states before and after each entry but the first, which opens the session.
    pub(crate) fn replay(&self, mut look: impl FnMut(&State, &State)) {
        let mut state = State::default();
        for Line { transition, .. } in &self.transitions {
            let before = state.clone();
            step(&mut state, &transition.entry);
            if before.opened.is_some() {
                look(&before, &state);
            }
        }
    }

    fn folds_again(&self) {
        let mut state = State::default();
        for Line { transition, .. } in &self.transitions {
            let decision = step(&mut state, &transition.entry);
            assert_eq!(decision, transition.decision, "{}: entry {} is decided alike again", self.name, transition.entry.seq);
        }
        assert!(state == self.state, "{}: the journal folds to the state that the engine had", self.name);
    }

    /// No write leaves but against a version that was read after the newest outcome of its route, or as what it repeats letter for letter.
    fn never_writes_blindly(&self) {
        let mut looks: BTreeMap<RouteId, Looks> = BTreeMap::new();
        let mut writing: BTreeMap<EffectId, RouteId> = BTreeMap::new();
        let mut sent: BTreeMap<EffectId, (Weights, Version)> = BTreeMap::new();
        for Line { transition, .. } in &self.transitions {
            match &transition.entry.event {
                Event::Finished { effect, outcome, .. } => {
                    if let Some(route) = writing.remove(effect) {
                        let looks = looks.entry(route).or_default();
                        (looks.fresh, looks.ended_at) = (None, Some(transition.entry.at));
                        // A look that tells nothing new tells what the write made.
                        if let Outcome::Done(receipt) = outcome {
                            looks.known = receipt.version.clone().or(looks.known.take());
                        }
                    }
                }
                Event::Observed(seen) => {
                    for fact in seen.result.iter().flatten() {
                        let (route, read) = match fact {
                            Fact::Accepted(accepted) => (&accepted.route, Some(accepted.version.clone())),
                            Fact::Same(Known::Accepted(route)) => (route, None),
                            _ => continue,
                        };
                        let looks = looks.entry(route.clone()).or_default();
                        if Some(seen.asked_at) >= looks.seen_at.max(looks.ended_at) {
                            looks.known = read.or(looks.known.take());
                            (looks.fresh, looks.seen_at) = (looks.known.clone(), Some(seen.asked_at));
                        }
                    }
                }
                _ => {}
            }
            for effect in &transition.decision.effects {
                let is_fresh = |route: &RouteId, version: &Version| {
                    let fresh = looks.get(route).and_then(|looks| looks.fresh.as_ref());
                    assert_eq!(fresh, Some(version), "{}: {} rests on no look\n{}", self.name, effect.id, self.story);
                };
                match &effect.what {
                    Effect::Claim { route, version, .. } => {
                        is_fresh(route, version);
                        writing.insert(effect.id, route.clone());
                    }
                    Effect::Write { route, to, version, again, .. } => {
                        match again {
                            // A way home for which no look comes goes by what was known last.
                            None if *to == crate::session::split(0)
                                && looks.get(route).and_then(|looks| looks.known.as_ref()) == Some(version) => {}
                            None => is_fresh(route, version),
                            Some(first) => {
                                assert_eq!(sent.get(first), Some(&(to.clone(), version.clone())), "{}: {}", self.name, effect.id)
                            }
                        }
                        sent.insert(effect.id, (to.clone(), version.clone()));
                        writing.insert(effect.id, route.clone());
                    }
                    _ => {}
                }
            }
        }
    }

    /// Every change that the world attributes to us names the record of its intent, happened once, and is what was intended; and what
    /// the journal calls done was done.
    fn knows_every_change(&self) {
        let hashes: BTreeMap<String, &str> = self
            .transitions
            .iter()
            .flat_map(|told| told.transition.decision.effects.iter().map(|effect| (effect.id.to_string(), told.hash.as_str())))
            .collect();
        let writes = self.writes();
        let mut done = BTreeSet::new();
        for mutation in self.ours() {
            let reason = mutation.actor.reason.as_deref().unwrap_or_default();
            let [session, effect, head] = reason.split('/').collect::<Vec<_>>()[..] else { panic!("{}: {reason}", self.name) };
            assert_eq!(session, format!("cutover story-{}", self.name));
            assert_eq!(hashes.get(effect), Some(&head), "{}: the cloud's log names the record of {effect}", self.name);
            assert!(done.insert(effect.to_owned()), "{}: {effect} was done twice\n{}", self.name, self.story);
            // A write of who steers alone changes no weight.
            let Some(write) = writes.iter().find(|write| write.effect.to_string() == effect) else { continue };
            let routes = &self.state.opened.as_ref().expect("it was opened").plan.routes;
            let own = &routes.iter().find(|route| route.id == write.route).expect("it is planned").backends;
            let wanted = own.iter().map(|backend| (backend.target.to_string(), u32::from(write.to.of(&backend.id).get())));
            let wanted: BTreeMap<_, _> = wanted.filter(|(_, share)| *share > 0).collect();
            let mut made = shares(&mutation.became);
            // What stands elsewhere in the same map is another's.
            let service = |target: &str| target.split('-').next().map(str::to_owned);
            let is_beside = |target: &String| {
                let services = std::iter::once("frontend").chain(NEIGHBOURS.iter().map(|neighbour| neighbour.service));
                let mut others =
                    services.filter(|name| own.iter().all(|backend| service(backend.target.as_str()).as_deref() != Some(*name)));
                others.any(|other| service(target).as_deref() == Some(other))
            };
            made.retain(|target, _| !is_beside(target));
            assert_eq!(made, wanted, "{}: {effect}", self.name);
        }
        for write in writes {
            if matches!(write.outcome, Some(Outcome::Done(_))) {
                let copies = [write.effect, write.first].map(|copy| done.contains(&copy.to_string()));
                assert!(copies.contains(&true), "{}: {} is called done\n{}", self.name, write.effect, self.story);
            }
        }
        let Some(frontend) = self.state.routes.get(&route_id()) else { return };
        let accepted = &frontend.accepted.as_ref().expect("the weights are known").weights;
        let mut held: BTreeMap<&str, u32> = BTreeMap::new();
        for (service, weight) in &self.truth.accepted {
            *held.entry(service).or_default() += weight;
        }
        for (service, weight) in &held {
            // One of another project is known by that and its name, ours by the plan's.
            let namesake = service
                .split_once("projects/")
                .and_then(|(_, place)| Some(format!("{}/{}", place.split('/').next()?, place.rsplit('/').next()?)));
            let id = namesake.unwrap_or_else(|| service.trim_start_matches("frontend-").to_owned()).parse().unwrap();
            assert_eq!(u32::from(accepted.of(&id).get()), *weight, "{}: {service} is where the session says\n{}", self.name, self.story);
        }
    }
}

impl Drop for Landed {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _stays = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// Our own verifier's word; gives the head.
fn proved(journal: &Path) -> String {
    match verify_journal(journal, &[]).unwrap() {
        Verdict::Proved(proof) => {
            assert!(matches!(proof.tail, Tail::Clean { .. }), "{:?}", proof.tail);
            proof.head.to_string()
        }
        Verdict::Broken { at, .. } => panic!("the journal is broken: {at:?}"),
    }
}

/// The word of the verifier in another language. Where there is no Python it says so and judges nothing.
fn seconded(journal: &Path, head: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journal/verify.py");
    match Command::new("python3").arg(script).arg(journal).output() {
        Ok(output) => {
            let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!((&verdict["verdict"], &verdict["head"]), (&"proved".into(), &head.into()), "{verdict}");
        }
        Err(error) => eprintln!("SKIPPED the second verifier: python3 can't be started ({error}); install it to have this journal judged"),
    }
}

fn read(journal: &Path) -> Vec<Line> {
    let entries = entries::<Transition>(journal).unwrap();
    entries.into_iter().map(|(hash, transition)| Line { transition, hash: hash.to_string() }).collect()
}

/// What a change made of the split: who has how much of it, whatever entries it stands in.
fn shares(became: &str) -> BTreeMap<String, u32> {
    let mut shares = BTreeMap::new();
    for (service, weight) in became.split(' ').filter_map(|entry| entry.split_once('=')) {
        *shares.entry(service.to_owned()).or_default() += weight.parse::<u32>().expect("a weight");
    }
    shares.retain(|_, weight| *weight > 0);
    shares
}
