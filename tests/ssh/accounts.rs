//! Accounts of the system for as long as a test runs: a group and three users in it, removed with everything they still run.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

/// Every name of ours begins with this, the number of the test's process follows.
const PREFIX: &str = "ctv";

/// People of the tests, each with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// The pilot, who owns the host.
    Anna,
    /// The co-pilot.
    Ben,
    /// She watches.
    Eva,
}

impl Who {
    pub(crate) const ALL: [Who; 3] = [Who::Anna, Who::Ben, Who::Eva];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Who::Anna => "anna",
            Who::Ben => "ben",
            Who::Eva => "eva",
        }
    }
    pub(crate) fn role(self) -> &'static str {
        match self {
            Who::Anna => "pilot",
            Who::Ben => "operator",
            Who::Eva => "watcher",
        }
    }
    pub(crate) fn account(self) -> String {
        format!("{PREFIX}{}{}", std::process::id(), self.name())
    }
}

pub(crate) fn group() -> String {
    format!("{PREFIX}{}", std::process::id())
}

/// Accounts that exist while this does.
pub(crate) struct Accounts;

impl Accounts {
    /// Their homes lie in `homes`.
    pub(crate) fn make(homes: &Path) -> Accounts {
        sweep();
        run("groupadd", &[&group()]);
        let accounts = Accounts;
        for who in Who::ALL {
            let (name, home) = (who.account(), homes.join(who.name()));
            fs::create_dir(&home).unwrap();
            // A password that can't be typed; without one sshd takes the account for a locked one.
            run("useradd", &["-M", "-d", home.to_str().unwrap(), "-s", "/bin/sh", "-g", &group(), "-p", "*", &name]);
            run("chown", &[&format!("{name}:"), home.to_str().unwrap()]);
        }
        accounts
    }

    pub(crate) fn uid(&self, who: Who) -> u32 {
        let output = Command::new("id").args(["-u", &who.account()]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().expect("the account exists")
    }
}

impl Drop for Accounts {
    fn drop(&mut self) {
        let uids: Vec<u32> = Who::ALL.into_iter().map(|who| self.uid(who)).collect();
        for process in processes().into_iter().filter(|process| uids.contains(&process.uid)) {
            // It may have ended by itself.
            Command::new("kill").args(["-KILL", &process.pid.to_string()]).stderr(Stdio::null()).status().ok();
        }
        for who in Who::ALL {
            remove("userdel", &who.account());
        }
        remove("groupdel", &group());
    }
}

/// Removes what an earlier run has left that was killed before it could.
fn sweep() {
    let leftover = |name: &str| {
        let number: String = name.strip_prefix(PREFIX)?.chars().take_while(char::is_ascii_digit).collect();
        (!number.is_empty() && !Path::new("/proc").join(number).exists()).then(|| name.to_owned())
    };
    let names = |file: &str| -> Vec<String> {
        let text = fs::read_to_string(file).unwrap_or_default();
        text.lines().filter_map(|line| leftover(line.split(':').next()?)).collect()
    };
    names("/etc/passwd").iter().for_each(|name| remove("userdel", name));
    names("/etc/group").iter().for_each(|name| remove("groupdel", name));
}

/// One process of the machine.
pub(crate) struct Process {
    pub pid: u32,
    pub uid: u32,
    pub command: String,
}

pub(crate) fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let process = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let uid = entry.metadata().ok()?.uid();
        let command = fs::read(entry.path().join("cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command).replace('\0', " ").trim().to_owned();
        // What has ended and was not waited for has no command line any more.
        (!command.is_empty()).then_some(Process { pid, uid, command })
    };
    entries.filter_map(process).collect()
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Tries for a while: an account counts as in use for as long as its last process is dying.
fn remove(program: &str, name: &str) {
    for _ in 0..100 {
        let status = Command::new(program).arg(name).stdout(Stdio::null()).stderr(Stdio::null()).status();
        // 6 says that there is no such account.
        if status.is_ok_and(|status| matches!(status.code(), Some(0 | 6))) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
