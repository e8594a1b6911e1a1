//! One person's account for a test: folders of its own, a world, and the program's commands as they would be typed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use cutover::{
    core::decision::Transition,
    journal::{record::Body, walk::Whole},
};
use portable_pty::CommandBuilder;
use serde_json::Value;

use crate::{pty::Pty, world::World};

const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(30);
const PROGRAM: &str = env!("CARGO_BIN_EXE_cutover");

pub(crate) struct Account {
    pub world: World,
    folder: PathBuf,
}

impl Account {
    pub(crate) fn new() -> Account {
        Account::of(World::start(Path::new(PROGRAM)))
    }

    /// One whose hosts steer this world.
    pub(crate) fn of(world: World) -> Account {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("cutover-host-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::remove_dir_all(&folder).ok();
        fs::create_dir(&folder).unwrap();
        Account { world, folder }
    }

    fn variables(&self) -> [(&'static str, PathBuf); 4] {
        let at = |name: &str| self.folder.join(name);
        [("HOME", at("")), ("XDG_CONFIG_HOME", at("config")), ("XDG_STATE_HOME", at("state")), ("CUTOVER_RUNTIME_DIR", at("run"))]
    }

    /// A place in this account's home.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        // What is printed names the program as it is called from where one stands: here that is always its whole path.
        command.args(words).envs(self.variables()).current_dir(&self.folder);
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// A plan file of this account's own, which a test may change.
    pub(crate) fn own_plan(&self) -> PathBuf {
        let plan = self.folder.join("my plan.yaml");
        fs::copy(Account::plan(), &plan).unwrap();
        let (shipped, own) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/hexproperty"), plan.with_extension(""));
        fs::create_dir_all(&own).unwrap();
        for manifest in fs::read_dir(shipped).unwrap() {
            let manifest = manifest.unwrap();
            fs::copy(manifest.path(), own.join(manifest.file_name())).unwrap();
        }
        plan
    }

    /// A line that the program printed, typed into a shell.
    pub(crate) fn typed(&self, line: &str) -> Output {
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).envs(self.variables()).current_dir(&self.folder);
        shell.output().unwrap()
    }

    pub(crate) fn plan() -> String {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/hexproperty.yaml").display().to_string()
    }

    pub(crate) fn opening(&self) -> Command {
        self.command(&["open", &Account::plan(), &self.world.argument(), "--no-attach", "--no-restart"])
    }

    /// The same with somebody who starts the host again when it dies.
    pub(crate) fn open_for_good(&self) -> String {
        let output = self.run(&["open", &Account::plan(), &self.world.argument(), "--no-attach"]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Sees to it that the session runs; its name.
    pub(crate) fn open(&self) -> String {
        let output = self.opening().output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn cockpit(&self) -> Pty {
        self.in_terminal(&["attach"])
    }

    pub(crate) fn in_terminal(&self, words: &[&str]) -> Pty {
        let mut command = CommandBuilder::new(PROGRAM);
        command.args(words);
        self.variables().into_iter().for_each(|(name, value)| command.env(name, value));
        command.env("LANG", "C.UTF-8");
        command.env("TERM", "xterm-256color");
        Pty::start(command, 120, 40)
    }

    /// A cockpit that has taken the controls and asked for the first step, as soon as the session can be steered.
    pub(crate) fn cockpit_that_steps_out(&self) -> Pty {
        self.wait_until_ready();
        let mut cockpit = self.cockpit();
        cockpit.wait_for("HexProperty");
        cockpit.keys("c");
        self.wait_until("the controls are taken", |status| !status["controls"].is_null());
        // One key after the other: both in one write would be a paste.
        cockpit.keys("]");
        cockpit.wait_for("draft 1%");
        cockpit.keys("\r");
        cockpit
    }

    pub(crate) fn listed(&self) -> Vec<Value> {
        let output = self.run(&["sessions", "--json"]);
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The session that has a card: its host runs, or has died.
    pub(crate) fn card(&self) -> Option<Value> {
        self.listed().into_iter().find(|listed| !listed["card"].is_null())
    }

    pub(crate) fn host_pid(&self) -> u32 {
        u32::try_from(self.card().unwrap()["card"]["pid"].as_u64().unwrap()).unwrap()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.host_pid().to_string()]).status().unwrap();
        assert!(status.success());
    }

    pub(crate) fn status(&self) -> Value {
        let output = self.run(&["status", "--json"]);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    pub(crate) fn wait_until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        wait_until(what, || Some(self.status()).filter(|status| holds(status)))
    }

    pub(crate) fn wait_until_ready(&self) {
        self.wait_until("the session can go back", |status| {
            let route = &status["routes"]["frontend"];
            route["motion"] == "settled" && route["against_going_back"].as_array().is_some_and(Vec::is_empty)
        });
    }

    pub(crate) fn journal(&self) -> PathBuf {
        let folder = fs::read_dir(self.folder.join("state/cutover/journals")).unwrap();
        let journal = folder.flatten().map(|entry| entry.path()).find(|path| path.is_dir());
        journal.expect("a session has a journal")
    }

    /// Processes of this program whose command line names this account's folder.
    fn left_behind(&self) -> Vec<String> {
        let ours = |pid: &String| {
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let words = String::from_utf8_lossy(&words).into_owned();
            words.starts_with(PROGRAM) && words.split('\0').any(|word| Path::new(word).starts_with(&self.folder))
        };
        let running = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
        running.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).filter(ours).collect()
    }

    /// Everything that the journal holds by now; the newest line may be half written.
    pub(crate) fn transitions(&self) -> Vec<Transition> {
        let records = Whole::<Transition>::open(&self.journal()).expect("a journal").map_while(Result::ok);
        records.filter_map(|record| if let Body::Entry { payload, .. } = record.body { Some(payload) } else { None }).collect()
    }
}

pub(crate) fn wait_until<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it did not come true: {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if let Some(card) = self.card().map(|found| found["card"].clone())
            && let Some(name) = card["session"].as_str()
        {
            // A test that failed may have left it stopped.
            Command::new("kill").args(["-CONT", &card["pid"].to_string()]).stderr(std::process::Stdio::null()).status().ok();
            self.run(&["stop", name, "--abandon", "frontend"]);
        }
        // A host with a runtime directory of its own, or of somebody else's roster, is not among those that are listed.
        for pid in self.left_behind() {
            Command::new("kill").args(["-KILL", &pid]).stderr(std::process::Stdio::null()).status().ok();
        }
        if !std::thread::panicking() {
            fs::remove_dir_all(&self.folder).ok();
        }
    }
}
