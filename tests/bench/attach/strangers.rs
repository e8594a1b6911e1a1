//! What the operator notices of an account outside the roster that connects as fast as it can.
//!
//! The stranger is a process of another account, which only root can start; as anybody else this is not measured, and says so. Quiet and
//! storm take turns, so that what the machine does besides falls on both.

use std::{
    fs,
    io::{Read, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream, process::CommandExt},
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{Hosted, State, fly, ms, new_book, opened, quantile, runtime, the_plan, told};
use cutover::domain::time::Millis;

/// The word by which this program is the stranger.
pub(crate) const STORM: &str = "storm";
/// Nobody, as most systems number him.
const NOBODY: u32 = 65_534;
const AT_ONCE: usize = 4;
const ROUNDS: usize = 3;

pub(crate) fn measure(folder: &Path) {
    if !rustix::process::geteuid().is_root() {
        println!("the operator while a stranger storms: not measured, only root can start a process of another account");
        return;
    }
    match rounds(folder) {
        Ok((quiet, stormed, turned_away, lasted)) => {
            let p99 = |took: &[Duration]| ms(quantile(&sorted(took), 0.99));
            println!("key to request, nobody storms:     {}", told(quiet.clone()));
            println!("key to request, a stranger storms: {}", told(stormed.clone()));
            let rate = turned_away as f64 / lasted.as_secs_f64();
            println!("    {:+.2} ms at p99, with {rate:.0} strangers a second turned away", p99(&stormed) - p99(&quiet));
        }
        Err(why) => println!("key to request while a stranger storms: no figure: {why}"),
    }
}

fn sorted(took: &[Duration]) -> Vec<Duration> {
    let mut took = took.to_vec();
    took.sort();
    took
}

type Rounds = (Vec<Duration>, Vec<Duration>, u64, Duration);

fn rounds(folder: &Path) -> Result<Rounds, String> {
    let (mut quiet, mut stormed, mut turned_away, mut lasted) = (Vec::new(), Vec::new(), 0, Duration::ZERO);
    for _ in 0..ROUNDS {
        quiet.extend(runtime(1).block_on(fly(&hosted(folder)))?);
        let hosted = hosted(folder);
        let stranger = Stranger::start(folder, &hosted.socket);
        let began = Instant::now();
        let flown = runtime(1).block_on(fly(&hosted));
        turned_away += stranger.end();
        lasted += began.elapsed();
        stormed.extend(flown?);
    }
    Ok((quiet, stormed, turned_away, lasted))
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
    fn start(folder: &Path, socket: &Path) -> Stranger {
        // Where this program lies, another account may not come.
        let program = folder.join("stranger");
        if !program.exists() {
            fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        }
        let child = Command::new(program)
            .arg(STORM)
            .arg(socket)
            .uid(NOBODY)
            .gid(NOBODY)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Stranger(child)
    }

    /// How often he was turned away.
    fn end(mut self) -> u64 {
        drop(self.0.stdin.take());
        let said = self.0.wait_with_output().unwrap();
        String::from_utf8_lossy(&said.stdout).trim().parse().unwrap()
    }
}

/// Connects again and again until its input ends, then says how often it was turned away.
pub(crate) fn storm(socket: &Path) {
    let (ended, turned_away) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    let Ok(mut stream) = UnixStream::connect(socket) else { continue };
                    let mut said = Vec::new();
                    stream.set_read_timeout(Some(Duration::from_secs(1))).ok();
                    stream.write_all(b"let me in").ok();
                    stream.read_to_end(&mut said).ok();
                    turned_away.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        std::io::stdin().read_to_end(&mut Vec::new()).ok();
        ended.store(true, Ordering::Relaxed);
    });
    println!("{}", turned_away.load(Ordering::Relaxed));
}
