//! A bastion: sshd with its own configuration, keys and port, and the program on everybody's path.

use std::{
    fs,
    io::Write,
    net::{TcpListener, TcpStream},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use portable_pty::CommandBuilder;

use crate::{
    accounts::{Accounts, Process, Who, group, processes},
    pty::Pty,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Accounts are the machine's, so tests that make some take turns.
static TURN: Mutex<()> = Mutex::new(());

pub(crate) struct Machine {
    accounts: Accounts,
    sshd: Child,
    port: u16,
    folder: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl Machine {
    /// `None` when this can't be had here; says so loudly, around the test harness, which keeps to itself what passing tests say.
    pub(crate) fn start() -> Option<Machine> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let sshd = Path::new("/usr/sbin/sshd");
        let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        if !is_root || !sshd.exists() {
            let why = if is_root { "there is no /usr/sbin/sshd" } else { "only root can make the accounts it needs" };
            writeln!(std::io::stderr(), "SKIPPED: a test over ssh proves nothing here: {why}").ok();
            return None;
        }
        let folder = std::env::temp_dir().join(format!("cutover-ssh-{}", std::process::id()));
        fs::remove_dir_all(&folder).ok();
        for name in ["", "bin", "keys", "homes"] {
            fs::create_dir(folder.join(name)).unwrap();
            open_to_all(&folder.join(name));
        }
        fs::copy(env!("CARGO_BIN_EXE_cutover"), folder.join("bin/cutover")).unwrap();
        open_to_all(&folder.join("bin/cutover"));
        let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/hexproperty.yaml");
        fs::copy(&plan, folder.join("plan.yaml")).unwrap();
        fs::create_dir(folder.join("plan")).unwrap();
        open_to_all(&folder.join("plan"));
        for manifest in fs::read_dir(plan.with_extension("")).unwrap() {
            let manifest = manifest.unwrap();
            fs::copy(manifest.path(), folder.join("plan").join(manifest.file_name())).unwrap();
        }
        let accounts = Accounts::make(&folder.join("homes"));
        Machine::make_keys(&folder);
        Machine::make_runtime_directory(&folder);
        let (sshd, port) = start_sshd(sshd, &folder);
        let machine = Machine { accounts, sshd, port, folder, _turn: turn };
        machine.write_roster();
        Some(machine)
    }

    fn make_keys(folder: &Path) {
        for name in ["host", "anna", "ben", "eva"] {
            let path = folder.join("keys").join(name);
            let output = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&path).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        // sshd looks them up by the account's name.
        for who in Who::ALL {
            let authorized = folder.join("keys").join(format!("{}.authorized", who.account()));
            fs::copy(folder.join("keys").join(format!("{}.pub", who.name())), &authorized).unwrap();
            open_to_all(&authorized);
        }
    }

    /// What an administrator does once for a machine with several pilots: a directory of the host's owner, for one group.
    fn make_runtime_directory(folder: &Path) {
        let run = folder.join("run");
        fs::create_dir(&run).unwrap();
        let chown = Command::new("chown").arg(format!("{}:{}", Who::Anna.account(), group())).arg(&run).status().unwrap();
        assert!(chown.success());
        fs::set_permissions(&run, fs::Permissions::from_mode(0o2750)).unwrap();
    }

    fn write_roster(&self) {
        let people =
            Who::ALL.map(|who| format!("[[person]]\nname = \"{}\"\nuser = \"{}\"\nrole = \"{}\"\n", who.name(), who.account(), who.role()));
        let script = "mkdir -p .config/cutover && cat > .config/cutover/roster.toml && cutover roster check";
        let output = self.ssh_with(Who::Anna, &[script], people.concat().as_bytes());
        assert!(output.status.success(), "{output:?}");
    }

    pub(crate) fn plan(&self) -> String {
        self.folder.join("plan.yaml").display().to_string()
    }
    pub(crate) fn program(&self) -> PathBuf {
        self.folder.join("bin/cutover")
    }
    pub(crate) fn runtime_directory(&self) -> PathBuf {
        self.folder.join("run")
    }
    pub(crate) fn uid(&self, who: Who) -> u32 {
        self.accounts.uid(who)
    }

    /// The arguments of `ssh` for this person, up to the host's name.
    pub(crate) fn arguments(&self, who: Who) -> Vec<String> {
        let key = self.folder.join("keys").join(who.name()).display().to_string();
        let (port, login) = (self.port.to_string(), format!("{}@127.0.0.1", who.account()));
        let mut arguments: Vec<String> = ["-F", "none", "-i", &key, "-p", &port].map(str::to_owned).to_vec();
        for option in [
            "IdentitiesOnly=yes",
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "GlobalKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
            "BatchMode=yes",
        ] {
            arguments.extend(["-o".to_owned(), option.to_owned()]);
        }
        arguments.push(login);
        arguments
    }

    /// `ssh host WORDS...` without a terminal, to its end.
    pub(crate) fn ssh(&self, who: Who, words: &[&str]) -> Output {
        self.ssh_with(who, words, b"")
    }

    fn ssh_with(&self, who: Who, words: &[&str], input: &[u8]) -> Output {
        let mut child = self.spawn(who, &["-T"], words);
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap()
    }

    /// `ssh OPTIONS host WORDS...` with pipes, running.
    pub(crate) fn spawn(&self, who: Who, options: &[&str], words: &[&str]) -> Child {
        let mut command = Command::new("ssh");
        command.args(options).args(self.arguments(who)).args(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("there is an ssh where there is an sshd")
    }

    /// `ssh -t host cutover WORDS...` in a terminal of this size.
    pub(crate) fn cockpit(&self, who: Who, words: &[&str], (columns, rows): (u16, u16)) -> Pty {
        let mut command = CommandBuilder::new("ssh");
        command.arg("-tt");
        command.args(self.arguments(who));
        command.arg("cutover");
        command.args(words);
        Pty::start(command, columns, rows)
    }

    /// The processes of this person that run our program with this subcommand.
    pub(crate) fn cutovers(&self, who: Who, subcommand: &str) -> Vec<Process> {
        let (uid, wanted) = (self.uid(who), format!("cutover {subcommand}"));
        processes().into_iter().filter(|one| one.uid == uid && one.command.starts_with(&wanted)).collect()
    }

    /// Waits until this person has no such process any more.
    pub(crate) fn wait_until_gone(&self, who: Who, subcommand: &str) -> Duration {
        let began = Instant::now();
        while !self.cutovers(who, subcommand).is_empty() {
            assert!(began.elapsed() < PATIENCE, "{}'s `cutover {subcommand}` lives on without a terminal", who.name());
            std::thread::sleep(Duration::from_millis(10));
        }
        began.elapsed()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.sshd.kill().ok();
        self.sshd.wait().ok();
        if !std::thread::panicking() {
            fs::remove_dir_all(&self.folder).ok();
        }
    }
}

fn open_to_all(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// sshd can't be told "any port", so a free one is asked for and another one tried when somebody else was quicker.
fn start_sshd(program: &Path, folder: &Path) -> (Child, u16) {
    // sshd's own rule: where it drops its privileges must exist and be root's.
    fs::create_dir_all("/run/sshd").unwrap();
    for _ in 0..10 {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let at = folder.display();
        let configuration = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {at}/keys/host\nPidFile none\nUsePAM no\nStrictModes no\n\
             PasswordAuthentication no\nAuthorizedKeysFile {at}/keys/%u.authorized\nMaxSessions 200\nMaxStartups 200\n\
             SetEnv PATH={at}/bin:/usr/bin:/bin CUTOVER_RUNTIME_DIR={at}/run LANG=C.UTF-8\n"
        );
        fs::write(folder.join("sshd_config"), configuration).unwrap();
        let log = fs::File::create(folder.join("sshd.log")).unwrap();
        let mut child = Command::new(program)
            .args(["-D", "-e", "-f"])
            .arg(folder.join("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let deadline = Instant::now() + PATIENCE;
        while child.try_wait().unwrap().is_none() && Instant::now() < deadline {
            let says = fs::read_to_string(folder.join("sshd.log")).unwrap_or_default();
            if says.contains("Server listening") && TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return (child, port);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        child.kill().ok();
        child.wait().unwrap();
    }
    panic!("sshd does not start: {}", fs::read_to_string(folder.join("sshd.log")).unwrap_or_default());
}
