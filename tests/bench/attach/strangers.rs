//! What the operator notices of an account outside the roster that connects as fast as it can, and what turning it away costs the host.
//!
//! The stranger is a process of another account, which only root can start; as anybody else this is not measured, and says so. Quiet and
//! storm take turns, so that what the machine does besides falls on both. What the stranger's own work takes from a small machine is not the
//! host's: so he is also started at the lowest priority, and the host's processor time is told by itself.

use std::{
    collections::VecDeque,
    fs,
    io::{Read, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream, process::CommandExt},
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use cutover::{
    attach::{client, protocol::Wants},
    domain::time::Millis,
};
use rustix::time::{ClockId, clock_gettime};

use crate::{Hosted, State, fly, ms, new_book, opened, quantile, runtime, the_plan, told};

/// The word by which this program is the stranger.
pub(crate) const STORM: &str = "storm";
/// Nobody, as most systems number him.
const NOBODY: u32 = 65_534;
const AT_ONCE: usize = 4;
const ROUNDS: usize = 3;
/// Connections that one who waits for nothing leaves behind him at a time.
const LEFT_OPEN: usize = 128;
/// How often somebody joins while it storms.
const JOINS: usize = 20;

/// How a stranger storms.
#[derive(Clone, Copy)]
struct Manner {
    /// As this program is told, and as it is printed: whether he waits until he is turned away.
    word: &'static str,
    nice: i32,
}

const MANNERS: [Manner; 4] = [
    Manner { word: "waits", nice: 0 },
    Manner { word: "waits", nice: 19 },
    Manner { word: "floods", nice: 0 },
    Manner { word: "floods", nice: 19 },
];

/// Flights, with what they took of the processors.
#[derive(Default)]
struct Flown {
    took: Vec<Duration>,
    lasted: Duration,
    used: Duration,
    knocks: u64,
    joins: Vec<Duration>,
}

pub(crate) fn measure(folder: &Path) {
    if !rustix::process::geteuid().is_root() {
        println!("the operator while a stranger storms: not measured, only root can start a process of another account");
        return;
    }
    for manner in MANNERS {
        match rounds(folder, manner) {
            Ok((quiet, stormed)) => print(manner, quiet, stormed),
            Err(why) => println!("key to request while a stranger storms ({}, nice {}): no figure: {why}", manner.word, manner.nice),
        }
    }
}

fn print(manner: Manner, mut quiet: Flown, mut stormed: Flown) {
    [&mut quiet.took, &mut stormed.took, &mut stormed.joins].into_iter().for_each(|took| took.sort());
    let p99 = |took: &[Duration]| ms(quantile(took, 0.99));
    println!("a stranger who {} (nice {}):", manner.word, manner.nice);
    println!("    key to request, nobody storms:     {}", told(quiet.took.clone()));
    println!("    key to request, a stranger storms: {}", told(stormed.took.clone()));
    let rate = stormed.knocks as f64 / stormed.lasted.as_secs_f64();
    println!("    {:+.2} ms at p99, with {rate:.0} knocks a second", p99(&stormed.took) - p99(&quiet.took));
    let of = |flown: &Flown| flown.used.as_secs_f64() / flown.lasted.as_secs_f64();
    let for_the_storm = of(&stormed) - of(&quiet);
    let each = for_the_storm * stormed.lasted.as_secs_f64() * 1e6 / stormed.knocks as f64;
    println!("    the storm took {:.1} % of one processor of the host: {each:.1} us for each knock", for_the_storm * 100.0);
    let joins = &stormed.joins;
    println!("    to join meanwhile: p50 {:.2} ms  max {:.2} ms", ms(quantile(joins, 0.5)), ms(joins[joins.len() - 1]));
}

fn rounds(folder: &Path, manner: Manner) -> Result<(Flown, Flown), String> {
    let (mut quiet, mut stormed) = (Flown::default(), Flown::default());
    for _ in 0..ROUNDS {
        quiet.add(&hosted(folder), || 0)?;
        let hosted = hosted(folder);
        let stranger = Stranger::start(folder, &hosted.socket, manner);
        stormed.add(&hosted, || stranger.end())?;
    }
    Ok((quiet, stormed))
}

impl Flown {
    /// One flight, and some who join behind it. `ends` ends what happens besides, and says how often somebody knocked meanwhile.
    fn add(&mut self, hosted: &Hosted, ends: impl FnOnce() -> u64) -> Result<(), String> {
        let (began, used) = (Instant::now(), used());
        let flown = runtime(1).block_on(fly(hosted));
        let joined: Result<Vec<_>, _> = (0..JOINS).map(|_| join(hosted)).collect();
        self.lasted += began.elapsed();
        self.used += crate::strangers::used().saturating_sub(used);
        self.knocks += ends();
        self.took.extend(flown?);
        self.joins.extend(joined?);
        Ok(())
    }
}

/// What this process has had of the processors.
fn used() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// How long somebody takes to join.
fn join(hosted: &Hosted) -> Result<Duration, String> {
    // The host lets an account in twenty times a second; that wait is not the join's.
    thread::sleep(Duration::from_millis(60));
    let began = Instant::now();
    let link = runtime(1).block_on(client::connect(hosted.dial(), Wants::Watch, None)).map_err(|error| format!("to join: {error}"))?;
    let took = began.elapsed();
    drop(link);
    Ok(took)
}

fn hosted(folder: &Path) -> Hosted {
    let plan = the_plan();
    let recorder = new_book(folder, "strangers.jsonl", &plan);
    let hosted = Hosted::start(folder, recorder, State::default(), opened(&plan), Millis(20));
    fs::set_permissions(&hosted.socket, fs::Permissions::from_mode(0o777)).unwrap();
    hosted
}

struct Stranger(Child);

impl Stranger {
    fn start(folder: &Path, socket: &Path, manner: Manner) -> Stranger {
        // Where this program lies, another account may not come.
        let program = folder.join("stranger");
        if !program.exists() {
            fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        }
        let child = Command::new(program)
            .args([STORM, manner.word, &manner.nice.to_string()])
            .arg(socket)
            .uid(NOBODY)
            .gid(NOBODY)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Stranger(child)
    }

    /// How often he knocked.
    fn end(mut self) -> u64 {
        drop(self.0.stdin.take());
        let said = self.0.wait_with_output().unwrap();
        String::from_utf8_lossy(&said.stdout).trim().parse().unwrap()
    }
}

/// Connects again and again until its input ends, then says how often it did. It waits each time until it is turned away, or for nothing.
pub(crate) fn storm(manner: &str, nice: &str, socket: &Path) {
    rustix::process::nice(nice.parse().unwrap()).unwrap();
    let left_open = if manner == MANNERS[0].word { 0 } else { LEFT_OPEN };
    let (ended, knocks) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let mut open = VecDeque::new();
                while !ended.load(Ordering::Relaxed) {
                    let Ok(mut stream) = UnixStream::connect(socket) else { continue };
                    stream.set_read_timeout(Some(Duration::from_secs(1))).ok();
                    stream.write_all(b"let me in").ok();
                    knocks.fetch_add(1, Ordering::Relaxed);
                    open.push_back(stream);
                    if open.len() > left_open
                        && let Some(mut first) = open.pop_front()
                        && left_open == 0
                    {
                        first.read_to_end(&mut Vec::new()).ok();
                    }
                }
            });
        }
        std::io::stdin().read_to_end(&mut Vec::new()).ok();
        ended.store(true, Ordering::Relaxed);
    });
    println!("{}", knocks.load(Ordering::Relaxed));
}
