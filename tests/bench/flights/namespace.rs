//! A machine of its own for one flight: a network without a way out, names that lead to us, and processes that end with it.
//!
//! Linux alone has it, and only for whom it lets have namespaces. Addresses are of those that are kept for documents, so nothing is taken for
//! this machine that a real server would not be; the metadata service has the address that it has everywhere. `/etc/hosts` is covered for
//! this flight alone, and nothing of the machine's own is touched.

use std::{
    fs,
    net::Ipv4Addr,
    path::Path,
    process::{Command, Stdio},
};

/// The word by which the program starts itself inside.
pub(crate) const INSIDE: &str = "inside";

/// Where everything with a name answers.
pub(crate) const NAMED: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
/// Where the cluster's API server does, which has no name.
pub(crate) const CLUSTER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 10);
pub(crate) const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
pub(crate) const METADATA_NAME: &str = "metadata.google.internal";

/// Programs that a flight needs beside ours, and the package of each.
const PROGRAMS: [(&str, &str); 5] =
    [("unshare", "util-linux"), ("mount", "mount"), ("ip", "iproute2"), ("prometheus", "prometheus"), ("ssh-keygen", "openssh-client")];

/// How to start something in a machine of its own, for whoever runs this.
pub(crate) struct Way(&'static [&'static str]);

/// Root needs no other user; who is nobody special becomes root of the namespaces alone.
const WAYS: [&[&str]; 2] = [
    &["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"],
    &["--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"],
];

impl Way {
    /// # Errors
    /// What is lacking, for people.
    pub(crate) fn find() -> Result<Way, String> {
        for (program, package) in PROGRAMS {
            let paths = std::env::var_os("PATH").unwrap_or_default();
            let sought = std::env::split_paths(&paths).chain(["/usr/sbin".into(), "/sbin".into()]);
            if !sought.map(|folder| folder.join(program)).any(|path| path.is_file()) {
                return Err(format!("there is no `{program}` here; it is in the package {package}"));
            }
        }
        let able = |way: &&&[&str]| {
            let tried = Command::new("unshare").args(**way).args(["ip", "link", "set", "lo", "up"]).stdin(Stdio::null()).output();
            tried.is_ok_and(|ran| ran.status.success())
        };
        let way = WAYS.iter().find(able).ok_or("`unshare --net --mount --pid` fails here; it needs the right to namespaces")?;
        Ok(Way(way))
    }

    /// This program again, inside.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new("unshare");
        command.args(self.0).arg(std::env::current_exe().expect("a program knows where it is")).arg(INSIDE);
        command
    }
}

/// Brings the network up and lets these names lead to us.
/// # Errors
/// What failed, for people.
pub(crate) fn set_up(folder: &Path, names: &[&str]) -> Result<(), String> {
    run("ip", &["link", "set", "lo", "up"])?;
    for address in [NAMED, CLUSTER, METADATA] {
        run("ip", &["address", "add", &format!("{address}/32"), "dev", "lo"])?;
    }
    let mut hosts = format!("127.0.0.1 localhost\n{METADATA} {METADATA_NAME}\n");
    for name in names {
        hosts.push_str(&format!("{NAMED} {name}\n"));
    }
    let file = folder.join("hosts");
    fs::write(&file, hosts).map_err(|error| format!("{}: {error}", file.display()))?;
    run("mount", &["--bind", &file.display().to_string(), "/etc/hosts"])
}

fn run(program: &str, words: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(words).output().map_err(|error| format!("no `{program}`: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{program} {}: {said}", words.join(" "))) }
}
