//! `cutover demo` in a pseudo-terminal of its own, with folders of its own.

use std::{
    fs::{self, File},
    io::{Read, Write},
    num::NonZero,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use cutover::{
    core::decision::Transition,
    journal::{record::Body, walk::Whole},
    tui::terminal::restore::RESTORE,
};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};
use rustix::{
    process::{Pid, Signal, kill_process},
    termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr},
};

/// Real time that anything may take before a test is given up; the machine may be busy with something else.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two keys of a hand; many at once are taken for a paste.
const KEY_EVERY: Duration = Duration::from_millis(25);

pub(crate) const CUTOVER: &str = env!("CARGO_BIN_EXE_cutover");

/// What came out of the terminal so far.
struct Seen {
    screen: vt100::Parser,
    bytes: Vec<u8>,
}

pub(crate) struct Cockpit {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    /// Held open, so that what was written last can be read after the program has ended.
    slave: Box<dyn SlavePty + Send>,
    seen: Arc<Mutex<Seen>>,
    /// Tells the reading thread to let go of the terminal after its next read.
    enough: Arc<AtomicBool>,
    reader: JoinHandle<()>,
    tty: PathBuf,
    folder: PathBuf,
    pub journal: PathBuf,
}

/// How a program ended, and what it left on the terminal.
pub(crate) struct Ended {
    pub code: u32,
    pub took: Duration,
    /// Processor time from the cause to the end, as far as it was seen.
    pub cpu: Duration,
    pub bytes: Vec<u8>,
    pub folder: PathBuf,
    pub journal: PathBuf,
}

/// Whether the kernel tells the program by a signal that its terminal is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bond {
    Controlling,
    /// As under `nohup`, or with a terminal that is another session's.
    Loose,
}

/// The environment of a usual terminal.
pub(crate) const USUAL: &[(&str, &str)] = &[("TERM", "xterm-256color"), ("LANG", "C.UTF-8")];

pub(crate) fn size(cols: u16, rows: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

fn cells(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap_or(NonZero::<u16>::MIN)
}

/// A new folder under the system's place for such.
pub(crate) fn folder() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("cutover-terminal-{}-{number}", std::process::id()));
    let _was_there = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    folder
}

/// The names of the program's folders, all below one.
pub(crate) const FOLDERS: [&str; 6] = ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "TMPDIR"];

impl Cockpit {
    pub(crate) fn start(size: PtySize) -> Cockpit {
        Cockpit::start_with(size, USUAL, Bond::Controlling)
    }

    pub(crate) fn start_with(size: PtySize, env: &[(&str, &str)], bond: Bond) -> Cockpit {
        Cockpit::launch(folder(), size, env, bond, &[])
    }

    /// Starts one with files of the person's own and waits for its first frame.
    pub(crate) fn flying_with_files(files: &[(&str, &str)]) -> Cockpit {
        let home = folder();
        for (name, text) in files {
            let path = home.join("cutover").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let mut cockpit = Cockpit::launch(home, size(100, 30), USUAL, Bond::Controlling, &[]);
        cockpit.until("a first frame", |cockpit| cockpit.screen().contains("frontend"));
        cockpit
    }

    /// One of the person's own files.
    pub(crate) fn file(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folder.join("cutover").join(name)).ok()
    }

    /// Starts one as a job of a shell and waits for its first frame. When it is stopped, the shell says "shell:" and waits for a line; then
    /// it continues the job in front.
    pub(crate) fn flying_as_a_job() -> Cockpit {
        let script = "set -m; \"$0\" \"$@\"; echo shell:; read line; fg; echo over";
        let mut cockpit = Cockpit::launch(folder(), size(100, 30), USUAL, Bond::Controlling, &["/bin/sh", "-c", script]);
        cockpit.until("a first frame", |cockpit| cockpit.screen().contains("frontend"));
        cockpit
    }

    /// `before` is what stands before the program on its command line.
    fn launch(folder: PathBuf, size: PtySize, env: &[(&str, &str)], bond: Bond, before: &[&str]) -> Cockpit {
        let pair = native_pty_system().openpty(size).unwrap();
        let journal = folder.join("flight.jsonl");
        let mut words = before.iter().copied().chain([CUTOVER]);
        let mut command = CommandBuilder::new(words.next().unwrap());
        command.args(words);
        command.env_clear();
        FOLDERS.iter().for_each(|name| command.env(name, &folder));
        env.iter().for_each(|(name, value)| command.env(name, value));
        command.args(["demo", "--speed", "20", "--journal"]);
        command.arg(&journal);
        command.set_controlling_tty(bond == Bond::Controlling);
        let child = pair.slave.spawn_command(command).unwrap();
        let tty = pair.master.tty_name().unwrap();
        let (rows, cols) = if size.rows == 0 || size.cols == 0 { (24, 80) } else { (size.rows, size.cols) };
        let screen = vt100::Parser::new(cells(rows), cells(cols), 0);
        let seen = Arc::new(Mutex::new(Seen { screen, bytes: Vec::new() }));
        let enough = Arc::new(AtomicBool::new(false));
        let reader = read(pair.master.try_clone_reader().unwrap(), Arc::clone(&seen), Arc::clone(&enough));
        let writer = pair.master.take_writer().unwrap();
        Cockpit { child, master: pair.master, writer, slave: pair.slave, seen, enough, reader, tty, folder, journal }
    }

    /// Starts one of a usual size and waits for its first frame.
    pub(crate) fn flying() -> Cockpit {
        Cockpit::flying_with(Bond::Controlling)
    }

    pub(crate) fn flying_with(bond: Bond) -> Cockpit {
        let mut cockpit = Cockpit::start_with(size(100, 30), USUAL, bond);
        cockpit.until("a first frame", |cockpit| cockpit.screen().contains("frontend"));
        cockpit
    }

    pub(crate) fn screen(&self) -> String {
        self.seen.lock().unwrap().screen.screen().contents()
    }
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.seen.lock().unwrap().bytes.clone()
    }

    /// Types like a hand: one key after the other.
    pub(crate) fn press(&mut self, keys: &[&str]) {
        for key in keys {
            self.send(key.as_bytes());
            thread::sleep(KEY_EVERY);
        }
    }

    /// Presses a key until the program has ended: what stood in a long line for too long is not acted upon.
    pub(crate) fn press_until_it_ends(&mut self, key: &str) {
        let began = Instant::now();
        while self.child.try_wait().unwrap().is_none() && began.elapsed() < PATIENCE {
            self.press(&[key]);
            thread::sleep(Duration::from_millis(200));
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        // A program that has gone takes nothing, which the test will notice elsewhere.
        let _ = self.writer.write_all(bytes).and_then(|()| self.writer.flush());
    }

    pub(crate) fn resize(&mut self, cols: u16, rows: u16) {
        self.seen.lock().unwrap().screen.screen_mut().set_size(cells(rows), cells(cols));
        self.master.resize(size(cols, rows)).unwrap();
    }

    pub(crate) fn until(&mut self, what: &str, wanted: impl Fn(&Cockpit) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !wanted(self) {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < end, "waited in vain for {what} ({ended:?}); on the screen:\n{}", self.screen());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the journal tells so far; its newest line may still be under way.
    pub(crate) fn transitions(&self) -> Vec<Transition> {
        let Ok(records) = Whole::<Transition>::open(&self.journal) else { return Vec::new() };
        let records = records.map_while(Result::ok);
        records.filter_map(|record| if let Body::Entry { payload, .. } = record.body { Some(payload) } else { None }).collect()
    }

    /// Waits until some transition of the journal is as wanted.
    pub(crate) fn until_deed(&mut self, what: &str, wanted: impl Fn(&Transition) -> bool) {
        self.until(what, |cockpit| cockpit.transitions().iter().any(&wanted));
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Signals the program that the shell has as its job.
    pub(crate) fn signal_job(&mut self, signal: Signal) {
        let shell = self.pid().as_raw_nonzero();
        let children = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
        let job = children.split_whitespace().next().unwrap_or_else(|| panic!("the shell has no job; {}", self.screen()));
        kill_process(Pid::from_raw(job.parse().unwrap()).unwrap(), signal).unwrap();
    }

    /// Whether the kernel has the program standing still.
    pub(crate) fn is_stopped(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid().as_raw_nonzero())).unwrap();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
    }

    pub(crate) fn is_raw(&self) -> bool {
        !tcgetattr(File::open(&self.tty).unwrap()).unwrap().local_modes.intersects(LocalModes::ICANON | LocalModes::ECHO)
    }

    /// Does to the terminal what a shell does that gets it back without a word: its own modes, and its own text on the screen.
    pub(crate) fn taken_over(&mut self) {
        let mut tty = File::options().read(true).write(true).open(&self.tty).unwrap();
        let mut modes = tcgetattr(&tty).unwrap();
        modes.local_modes |= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
        tcsetattr(&tty, OptionalActions::Now, &modes).unwrap();
        tty.write_all(b"\x1b[?1000l\x1b[?1049l\x1b[2Jshell:").unwrap();
        self.until("the shell's own text", |cockpit| cockpit.screen().trim() == "shell:");
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.process_id().unwrap()).unwrap()).unwrap()
    }

    /// Hangs up: nobody holds the terminal's other end any more.
    pub(crate) fn hang_up(self) -> Ended {
        let Cockpit { child, master, writer, slave, seen, enough, reader, folder, journal, .. } = self;
        enough.store(true, Ordering::SeqCst);
        // The screen changes at least once a second, so the reader comes round.
        reader.join().unwrap();
        drop(slave);
        let began = Instant::now();
        drop(writer);
        drop(master);
        ended(child, began, seen, folder, journal)
    }

    /// Waits for an end that gave the program no chance to put the terminal back.
    pub(crate) fn killed(self) -> Ended {
        let Cockpit { child, seen, folder, journal, .. } = self;
        ended(child, Instant::now(), seen, folder, journal)
    }

    /// Waits for the end that was caused just now.
    pub(crate) fn wait(self) -> Ended {
        let Cockpit { child, seen, enough, reader, slave, folder, journal, tty, .. } = self;
        let mut ended = ended(child, Instant::now(), Arc::clone(&seen), folder, journal);
        let local = tcgetattr(File::open(&tty).unwrap()).unwrap().local_modes;
        assert!(local.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG), "the terminal was left raw: {local:?}");
        enough.store(true, Ordering::SeqCst);
        drop(slave);
        reader.join().unwrap();
        ended.bytes = seen.lock().unwrap().bytes.clone();
        ended
    }
}

impl Ended {
    /// The terminal was put back by exactly the sequence that does it, once, and nothing but plain lines came after it.
    pub(crate) fn assert_restored(&self) {
        let times = self.bytes.windows(RESTORE.len()).filter(|window| *window == RESTORE).count();
        assert_eq!(times, 1, "the terminal is put back once: {:?}", self.tail());
        let at = self.bytes.windows(RESTORE.len()).position(|window| window == RESTORE).unwrap();
        let after = &self.bytes[at + RESTORE.len()..];
        assert!(after.iter().all(|byte| !byte.is_ascii_control() || matches!(byte, b'\r' | b'\n')), "{:?}", self.tail());
        for mode in ["?1049", "?1000", "?1002", "?1006", "?1004", "?2004"] {
            assert!(self.last_of(mode) == Some('l'), "mode {mode} is off: {:?}", self.tail());
        }
        assert_eq!(self.last_of("?25"), Some('h'), "the cursor is back: {:?}", self.tail());
    }

    /// What the terminal was last told about a mode: `h` on, `l` off.
    fn last_of(&self, mode: &str) -> Option<char> {
        let text = String::from_utf8_lossy(&self.bytes);
        let at = text.rfind(&format!("\x1b[{mode}h")).max(text.rfind(&format!("\x1b[{mode}l")))?;
        text[at + 2 + mode.len()..].chars().next()
    }

    pub(crate) fn tail(&self) -> String {
        String::from_utf8_lossy(&self.bytes[self.bytes.len().saturating_sub(400)..]).into_owned()
    }

    /// The journal is proved by the program itself.
    pub(crate) fn assert_proved(&self) {
        let mut command = std::process::Command::new(CUTOVER);
        command.env_clear().args(["audit", "verify"]).arg(&self.journal);
        command.envs(FOLDERS.map(|name| (name, &self.folder)));
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        if !thread::panicking() {
            let _stays = fs::remove_dir_all(&self.folder);
        }
    }
}

fn read(mut master: Box<dyn Read + Send>, seen: Arc<Mutex<Seen>>, enough: Arc<AtomicBool>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = master.read(&mut buffer) {
            let mut seen = seen.lock().unwrap();
            seen.screen.process(&buffer[..length]);
            seen.bytes.extend_from_slice(&buffer[..length]);
            if enough.load(Ordering::SeqCst) {
                return;
            }
        }
    })
}

fn ended(mut child: Box<dyn Child + Send + Sync>, began: Instant, seen: Arc<Mutex<Seen>>, folder: PathBuf, journal: PathBuf) -> Ended {
    let pid = child.process_id().unwrap();
    let (first, mut last) = (cpu(pid), None);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            let cpu = last.zip(first).map_or(Duration::ZERO, |(last, first): (Duration, Duration)| last.saturating_sub(first));
            let bytes = seen.lock().unwrap().bytes.clone();
            return Ended { code: status.exit_code(), took: began.elapsed(), cpu, bytes, folder, journal };
        }
        last = cpu(pid).or(last);
        if began.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("it never ended; on the screen:\n{}", seen.lock().unwrap().screen.screen().contents());
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Processor time of a process so far, in user and kernel mode.
fn cpu(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // After the name, which may hold anything, in parentheses: state is the first field, the two times are the 12th and 13th.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().ok()? + fields[12].parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10)) // 100 ticks a second on every Linux
}
