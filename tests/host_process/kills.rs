//! Lives of a host that each end with `kill -9`, at any moment of a flight: what is promised of the journal and of traffic holds in all of them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use cutover::{
    attach::{
        client::{self, Link, Reply, ToHost},
        dial::Dial,
        peer,
        protocol::Wants,
    },
    core::{
        command::{Command, ControlsCommand},
        decision::{Cause, Effect, Transition, Verdict},
        event::Event,
        state::{Motion, State},
    },
    domain::{id::AskId, weight::Weights},
    journal::{
        reader::Tail,
        verify::{Verdict as Proof, verify_journal},
    },
};

use crate::account::Account;

/// A life ends this long after its host answered, at the latest.
const LIFE_MAX: Duration = Duration::from_millis(2_000);
/// A host that has not answered for so long has not come back.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// What came of some lives.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub lives: usize,
    /// From the start of the process to the first state that it showed.
    pub back: Vec<Duration>,
    /// Journals that ended in the middle of a line, which the next host cuts off.
    pub torn: usize,
    pub asked: usize,
    pub writes: usize,
    /// Writes of which nobody knew whether they were done when the host died.
    pub overtaken: usize,
}

/// Lives so many times, then goes home, and judges the whole journal.
pub(crate) fn fly(account: &Account, lives: usize, seed: u64) -> Figures {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut figures, mut chance) = (Figures::default(), seed);
    for _ in 0..lives {
        runtime.block_on(one(account, &mut figures, &mut chance));
        match verify_journal(&account.journal(), &[]).unwrap() {
            Proof::Proved(proof) => figures.torn += usize::from(!matches!(proof.tail, Tail::Clean { .. })),
            Proof::Broken { at, .. } => panic!("life {} broke the journal: {at:?}", figures.lives),
        }
        figures.lives += 1;
    }
    runtime.block_on(last(account));
    judge(&account.transitions(), &mut figures);
    figures
}

/// A number below `below`, and the next state of what it is drawn from.
fn drawn(chance: &mut u64, below: u64) -> u64 {
    *chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*chance >> 33) % below
}

fn started(account: &Account) -> Child {
    let mut host = account.command(&["host", &Account::plan(), &account.world.argument()]);
    host.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn socket(folder: &Path) -> Option<PathBuf> {
    let found = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    found
        .into_iter()
        .find_map(|path| if path.is_dir() { socket(&path) } else { path.extension().is_some_and(|end| end == "sock").then_some(path) })
}

async fn attached(account: &Account) -> Link {
    let began = Instant::now();
    loop {
        if let Some(path) = socket(&account.at("run")) {
            let dial = Dial::Path { path, owner: peer::own_uid() };
            if let Ok(link) = client::connect(dial, Wants::Cockpit, None).await {
                return link;
            }
        }
        assert!(began.elapsed() < PATIENCE, "no host came back");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn one(account: &Account, figures: &mut Figures, chance: &mut u64) {
    let began = Instant::now();
    let mut host = started(account);
    let mut link = attached(account).await;
    figures.back.push(began.elapsed());
    let ends = Instant::now() + Duration::from_millis(drawn(chance, LIFE_MAX.as_millis() as u64));
    let mut asks = 0;
    while Instant::now() < ends {
        let state = link.view.borrow_and_update().state.clone();
        if let Some(command) = next(&state, &link) {
            asks += 1;
            link.asks.send(ToHost::Ask { ask: AskId(asks), key: None, command }).await.ok();
            // The answer, if the host lives to give it.
            tokio::time::timeout_at(ends.into(), link.replies.recv()).await.ok();
        }
        tokio::time::timeout_at(ends.into(), link.view.changed()).await.ok();
    }
    host.kill().unwrap();
    host.wait().unwrap();
}

/// What a pilot who wants out and home again asks for next.
fn next(state: &State, link: &Link) -> Option<Command> {
    let me = link.view.borrow().me.client;
    if state.controls.holder.as_ref().is_none_or(|holder| holder.client != me) {
        return Some(Command::Controls(ControlsCommand::Take));
    }
    let (id, route) = state.routes.iter().next()?;
    let out = route.accepted.as_ref()?.weights.clone();
    let home = Weights::all_on(&"run".parse().unwrap(), &["run".parse().unwrap(), "gke".parse().unwrap()]);
    match &route.motion {
        _ if route.latch.is_some() && !route.motion.is_returning() => {
            Some(Command::Rearm { route: id.clone(), reason: "it was killed, not broken".into() })
        }
        _ if route.hold.is_some() => Some(Command::Resume { route: id.clone() }),
        Motion::Settled if out == home => {
            let to = serde_json::from_str(r#"{"run":990,"gke":10}"#).unwrap();
            Some(Command::Shift { route: id.clone(), from: home, to })
        }
        Motion::Settled | Motion::Propagating { .. } if out != home => Some(Command::Rollback { route: None, reason: None }),
        _ => None,
    }
}

/// The last life brings everybody home, and ends as it is told to.
async fn last(account: &Account) {
    let mut host = started(account);
    let mut link = attached(account).await;
    link.asks.send(ToHost::Ask { ask: AskId(1), key: None, command: Command::Rollback { route: None, reason: None } }).await.unwrap();
    let answer = tokio::time::timeout(PATIENCE, link.replies.recv()).await.unwrap();
    let taken = [Verdict::Accepted, Verdict::HomeAlready, Verdict::Joined];
    assert!(matches!(&answer, Some(Reply::Answered { verdict, .. }) if taken.contains(verdict)), "{answer:?}");
    let is_home = |state: &State| {
        let known = |route: &cutover::core::state::RouteState| {
            let home = route.accepted.as_ref().is_some_and(|known| known.weights.of(&"run".parse().unwrap()).get() == 1000);
            home && route.unresolved.is_empty() && !route.motion.is_returning()
        };
        state.routes.values().all(known)
    };
    let home = tokio::time::timeout(PATIENCE, link.view.wait_for(|view| is_home(&view.state))).await.is_ok_and(|seen| seen.is_ok());
    assert!(home, "not home: {:?}", link.view.borrow().state.routes);
    assert_eq!(link.view.borrow().disagreements, 0);
    end(&mut host);
}

/// Tells a host to end, which it does in order.
fn end(host: &mut Child) {
    rustix::process::kill_process(rustix::process::Pid::from_child(host), rustix::process::Signal::TERM).unwrap();
    let ended = host.wait().unwrap();
    assert!(ended.success(), "{ended:?}");
}

/// Nothing went out that was not asked for in the same life, every write was looked after, and each life but the first is on record.
fn judge(transitions: &[Transition], figures: &mut Figures) {
    let (mut wishes, mut restarts, mut open) = (Vec::new(), 0, BTreeSet::new());
    for transition in transitions {
        match &transition.entry.event {
            Event::Restarted => {
                restarts += 1;
                wishes.clear();
                figures.overtaken += open.len();
                open.clear();
            }
            Event::Asked { command, .. } => {
                figures.asked += 1;
                if let Command::Shift { to, .. } = command {
                    wishes.push(to.clone());
                }
            }
            Event::Finished { effect, .. } => drop(open.remove(effect)),
            _ => {}
        }
        for effect in &transition.decision.effects {
            if let Effect::Write { to, cause, .. } = &effect.what {
                figures.writes += 1;
                open.insert(effect.id);
                let homeward = to.of(&"run".parse().unwrap()).get() == 1000;
                assert!(homeward || wishes.contains(to), "entry {} goes out, and nobody asked for it in this life", transition.entry.seq);
                assert!(!homeward || !matches!(cause, Cause::Blind { .. }), "nothing was blind");
            }
        }
    }
    // A life that ended before its first record left none.
    assert!(restarts <= figures.lives && restarts > figures.lives / 2, "{restarts} returns in {} lives", figures.lives);
}

#[test]
fn a_host_that_is_killed_again_and_again_loses_nothing_and_sends_nobody_out() {
    let account = Account::new();
    let figures = fly(&account, 12, 7);
    println!("{figures:?}");
    assert!(figures.lives == 12 && figures.asked > 0);
}

#[test]
fn a_host_that_is_told_to_end_as_soon_as_it_lets_somebody_in_ends_in_order() {
    let account = Account::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for _ in 0..20 {
        let mut host = started(&account);
        runtime.block_on(attached(&account));
        end(&mut host);
    }
}
