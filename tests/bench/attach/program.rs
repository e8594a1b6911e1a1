//! The program itself: what a watcher costs on the line and in the host's memory, and how long a client outlives its terminal.

use std::{
    fs,
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
    sync::mpsc,
    time::{Duration, Instant},
};

use cutover::attach::{
    frame::Outgoing,
    protocol::{Hello, VERSION, Wants},
};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use crate::{PATIENCE, ms, world::World};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_cutover");
const IDLE: Duration = Duration::from_secs(60);
const HANG_UPS: usize = 10;

pub(crate) struct Account {
    pub folder: PathBuf,
    /// The argument that points a host to the world.
    pub simulated: String,
}

impl Account {
    pub(crate) fn run(&self, words: &[&str]) -> String {
        let output = Command::new(PROGRAM).args(words).envs(self.variables()).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn variables(&self) -> [(&'static str, PathBuf); 4] {
        let at = |name: &str| self.folder.join(name);
        [("HOME", at("")), ("XDG_CONFIG_HOME", at("config")), ("XDG_STATE_HOME", at("state")), ("CUTOVER_RUNTIME_DIR", at("run"))]
    }

    pub(crate) fn open(&self) -> String {
        let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/hexproperty.yaml");
        self.run(&["open", plan.to_str().unwrap(), &self.simulated, "--no-attach"])
    }

    pub(crate) fn host(&self) -> u32 {
        let listed: serde_json::Value = serde_json::from_str(&self.run(&["sessions", "--json"])).unwrap();
        u32::try_from(listed[0]["card"]["pid"].as_u64().unwrap()).unwrap()
    }

    fn watcher(&self, session: &str) -> UnixStream {
        let mut stream = UnixStream::connect(self.folder.join("run").join(format!("{session}.sock"))).unwrap();
        let hello = Hello { version: VERSION, wants: Wants::Watch, terminal: None, person: None };
        stream.write_all(&Outgoing::of(&hello).into_bytes()).unwrap();
        stream
    }
}

pub(crate) fn measure(folder: &Path) {
    let world = World::start(Path::new(PROGRAM));
    let account = Account { folder: folder.to_owned(), simulated: world.argument() };
    let session = account.open();
    // Until every window is full, there is less to tell.
    std::thread::sleep(Duration::from_secs(30));
    bytes(&account, &session);
    memory(&account, &session);
    hang_ups(&account);
    account.run(&["stop", &session, "--abandon", "frontend"]);
}

/// Reads for so long, beating as a client does, and counts.
fn read_for(stream: &mut UnixStream, span: Duration) -> usize {
    let beat = Outgoing::of(&cutover::attach::protocol::FromWatcher::Beat).into_bytes();
    let until = Instant::now() + span;
    let mut beat_at = Instant::now();
    let (mut count, mut bytes) = (0, vec![0u8; 1 << 16]);
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    while Instant::now() < until {
        if beat_at <= Instant::now() {
            stream.write_all(&beat).unwrap();
            beat_at = Instant::now() + Duration::from_secs(5);
        }
        count += stream.read(&mut bytes).unwrap_or(0);
    }
    count
}

fn bytes(account: &Account, session: &str) {
    let mut watcher = account.watcher(session);
    let first = read_for(&mut watcher, Duration::from_secs(2));
    let idle = read_for(&mut watcher, IDLE);
    println!("bytes to one watcher: {first} to join, {idle} in an idle minute ({} B/s)", idle as u64 / IDLE.as_secs());
    let rolling = std::thread::scope(|scope| {
        let homeward = scope.spawn(|| account.run(&["rollback", "--wait", "20"]));
        let count = read_for(&mut watcher, Duration::from_secs(20));
        homeward.join().unwrap();
        count
    });
    let beyond = rolling.saturating_sub(idle * 20 / IDLE.as_secs() as usize);
    println!("    a rollback, from its key to home: {beyond} bytes beyond those of the same 20 s at rest");
}

fn resident_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn memory(account: &Account, session: &str) {
    let host = account.host();
    let alone = resident_kb(host);
    let mut reading: Vec<UnixStream> = (0..48).map(|_| account.watcher(session)).collect();
    let stuck: Vec<UnixStream> = (0..16).map(|_| account.watcher(session)).collect();
    let mut most = alone;
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until {
        for stream in &mut reading {
            read_for(stream, Duration::from_millis(10));
        }
        most = most.max(resident_kb(host));
    }
    println!(
        "memory of the host: {alone} kB alone, at most {most} kB with 64 watchers of which 16 don't read: {} kB for each",
        most.saturating_sub(alone) / 64
    );
    drop((reading, stuck));
}

fn hang_ups(account: &Account) {
    let mut took: Vec<Duration> = (0..HANG_UPS).map(|_| hang_up(account)).collect();
    took.sort();
    println!(
        "a client after its terminal hung up: gone in {:.0} ms, at most {:.0} ms of {HANG_UPS}",
        ms(took[HANG_UPS / 2]),
        ms(took[HANG_UPS - 1])
    );
}

fn hang_up(account: &Account) -> Duration {
    let pair = native_pty_system().openpty(PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 }).unwrap();
    let mut command = CommandBuilder::new(PROGRAM);
    command.args(["watch"]);
    account.variables().into_iter().for_each(|(name, value)| command.env(name, value));
    command.env("TERM", "xterm-256color");
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().unwrap();
    // A read of a terminal can't be given up, so it has a thread of its own.
    let (drawn, first_screen) = mpsc::channel();
    let reading = std::thread::spawn(move || {
        let (mut seen, mut bytes) = (Vec::new(), [0u8; 4096]);
        while let Ok(count @ 1..) = reader.read(&mut bytes) {
            seen.extend_from_slice(&bytes[..count]);
            if String::from_utf8_lossy(&seen).contains("HexProperty") {
                drawn.send(()).ok();
                return;
            }
        }
    });
    if first_screen.recv_timeout(PATIENCE).is_err() {
        child.kill().ok();
        panic!("`cutover watch` drew no screen within {} s", PATIENCE.as_secs());
    }
    reading.join().unwrap();
    let began = Instant::now();
    drop(pair.master);
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > PATIENCE {
            child.kill().ok();
            panic!("`cutover watch` was still there {} s after its terminal", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    began.elapsed()
}
