//! A network of its own between the host and the world, in which packets are lost: a namespace, the kernel's own TCP, and rules of nftables.
//!
//! Linux alone has it, and only for whom it lets have a namespace: `unshare` (util-linux), `ip` (iproute2) and `nft` (nftables) must be there.
//! The namespace is entered before anything is measured, so nothing of the machine's own network is touched, and it goes with the process.

use std::{
    fs,
    io::Write,
    net::SocketAddr,
    process::{Command, ExitCode, Stdio},
};

/// The word by which the program starts itself inside of the namespace.
pub(crate) const INSIDE: &str = "network-inside";

const RULES: &str = "
table ip way {
    set dead { type inet_service . inet_service; }
    set holes { type inet_service; }
    set mute { type inet_service; }
    set lossy { type inet_service; }
    chain between {
        type filter hook input priority 0;
        tcp sport . tcp dport @dead drop
        tcp dport @holes drop
        tcp sport @holes drop
        tcp sport @mute drop
        tcp dport @lossy numgen random mod 100 < 20 drop
        tcp sport @lossy numgen random mod 100 < 20 drop
    }
}";

/// Starts this program again in a network of its own; or says what it lacks for that.
pub(crate) fn enter(runs: &str) -> ExitCode {
    let program = std::env::current_exe().expect("a program knows where it is");
    // Root needs no other user; who is nobody special becomes root of the namespace alone.
    let ways: [&[&str]; 2] = [&["--net"], &["--net", "--map-root-user"]];
    let able = |way: &&&[&str]| {
        Command::new("unshare").args(**way).args(["ip", "link", "set", "lo", "up"]).output().is_ok_and(|ran| ran.status.success())
    };
    let Some(way) = ways.iter().find(able) else {
        eprintln!(
            "nothing was measured: `unshare --net --map-root-user ip link set lo up` fails here; it needs util-linux, iproute2, and the right to a network namespace"
        );
        return ExitCode::from(3);
    };
    let inside = Command::new("unshare").args(*way).arg(program).args([INSIDE, runs]).status();
    match inside.map(|status| status.code()) {
        Ok(Some(0)) => ExitCode::SUCCESS,
        Ok(code) => ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
        Err(error) => {
            eprintln!("nothing was measured: {error}");
            ExitCode::from(3)
        }
    }
}

/// Brings the namespace up.
/// # Errors
/// What is lacking, for people.
pub(crate) fn set_up() -> Result<(), String> {
    let up = Command::new("ip").args(["link", "set", "lo", "up"]).status().map_err(|error| format!("no `ip`: {error}"))?;
    if !up.success() {
        return Err("this network has no loopback that can be brought up".to_owned());
    }
    nft(RULES)
}

/// The flows to `peer` that are open now are forgotten between: what either side sends on them is lost.
pub(crate) fn drop_flows(peer: SocketAddr) {
    let port = peer.port();
    let flows: Vec<String> = open_ports(port).into_iter().flat_map(|own| [format!("{own} . {port}"), format!("{port} . {own}")]).collect();
    if !flows.is_empty() {
        add("dead", &flows.join(", "));
    }
}

/// What is lost between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Every packet, in both directions.
    Everything,
    /// Every packet that comes back.
    Answers,
    /// One packet of five, in both directions.
    ByChance,
}

impl Loss {
    fn set(self) -> &'static str {
        match self {
            Loss::Everything => "holes",
            Loss::Answers => "mute",
            Loss::ByChance => "lossy",
        }
    }
    pub(crate) fn begin(self, peer: SocketAddr) {
        add(self.set(), &peer.port().to_string());
    }
    pub(crate) fn end(self, peer: SocketAddr) {
        // Whoever ends it twice ends it once.
        drop(nft(&format!("delete element ip way {} {{ {} }}", self.set(), peer.port())));
    }
}

fn add(set: &str, elements: &str) {
    nft(&format!("add element ip way {set} {{ {elements} }}")).expect("our own rules");
}

fn nft(script: &str) -> Result<(), String> {
    let lacks = |error: std::io::Error| format!("no `nft`: {error}");
    let mut nft = Command::new("nft").args(["-f", "-"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(lacks)?;
    nft.stdin.take().expect("it is piped").write_all(script.as_bytes()).map_err(lacks)?;
    let ended = nft.wait_with_output().map_err(lacks)?;
    if ended.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&ended.stderr).into_owned()) }
}

/// The own ports of connections to `port` that are established.
fn open_ports(port: u16) -> Vec<u16> {
    const ESTABLISHED: &str = "01";
    let table = fs::read_to_string("/proc/net/tcp").expect("Linux");
    let port_of = |address: &str| u16::from_str_radix(address.rsplit(':').next()?, 16).ok();
    let flow = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let (own, peer, state) = (port_of(words.next()?)?, port_of(words.next()?)?, words.next()?);
        (peer == port && state == ESTABLISHED).then_some(own)
    };
    table.lines().skip(1).filter_map(flow).collect()
}
