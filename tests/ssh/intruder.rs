//! A watcher who doesn't use our program: whatever bytes she sends to the socket, as herself, the session does nothing of it.
//!
//! Her own sshd process connects to the socket for her, so the kernel names her to the host, and this test can speak with her tongue.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Child,
    time::{Duration, Instant},
};

use cutover::attach::{
    frame::Outgoing,
    protocol::{Greeting, Hello, VERSION, Wants},
};

use crate::{accounts::Who, flight::Flight, operator};

/// The socket of the session as this person's own processes reach it.
struct Tunnel {
    ssh: Child,
    path: PathBuf,
}

impl Tunnel {
    fn dig(flight: &Flight, who: Who) -> Tunnel {
        let machine = &flight.machine;
        let path = machine.program().with_file_name(format!("tunnel-{}", who.name()));
        let socket = machine.runtime_directory().join(format!("{}.sock", flight.session));
        let forward = format!("{}:{}", path.display(), socket.display());
        let ssh = machine.spawn(who, &["-N", "-L", &forward], &[]);
        let deadline = Instant::now() + Duration::from_secs(60);
        while !path.exists() {
            assert!(Instant::now() < deadline, "the tunnel does not stand");
            std::thread::sleep(Duration::from_millis(20));
        }
        Tunnel { ssh, path }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.ssh.kill().ok();
        self.ssh.wait().ok();
    }
}

/// Says all of `bytes`, closes the line, and hears the host out.
fn say(path: &Path, bytes: &[u8]) -> Vec<u8> {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // A host that has heard enough closes before it has heard all.
    stream.write_all(bytes).ok();
    stream.shutdown(std::net::Shutdown::Write).ok();
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).ok();
    heard
}

fn greeting(heard: &[u8]) -> Greeting {
    let length = u32::from_be_bytes(heard[..4].try_into().unwrap()) as usize;
    serde_json::from_slice(&heard[4..4 + length]).unwrap()
}

/// Numbers that look like chance and are the same each time.
fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn nothing_that_a_watcher_sends_has_an_effect() {
    let Some(flight) = Flight::begin() else { return };
    // Somebody has the controls, and there is something to be spoilt.
    let mut anna = flight.machine.cockpit(Who::Anna, &["attach"], (120, 40));
    anna.wait_for("HexProperty");
    anna.keys("c");
    flight.wait_for_controls(Some(Who::Anna));
    let before = flight.actions();

    let tunnel = Tunnel::dig(&flight, Who::Eva);
    let hello = Outgoing::of(&Hello { version: VERSION, wants: Wants::Cockpit, terminal: None, person: None }).into_bytes();
    for frame in operator::frames() {
        let heard = say(&tunnel.path, &[hello.clone(), Outgoing::of(&frame).into_bytes()].concat());
        match greeting(&heard) {
            Greeting::Welcome(welcome) => assert_eq!((welcome.who.as_str(), welcome.role.to_string().as_str()), ("eva", "watcher")),
            other => panic!("{other:?}"),
        }
        let words = String::from_utf8_lossy(&heard);
        assert!(words.contains("bye") && words.contains("the line was cut"), "{frame:?}: {words}");
    }
    for seed in 0..24 {
        let bytes = noise(seed, 3000);
        say(&tunnel.path, &bytes);
        // The same behind a hello, and as the payload of a frame of the right length.
        say(&tunnel.path, &[hello.as_slice(), &bytes].concat());
        say(&tunnel.path, &[hello.as_slice(), &3000u32.to_be_bytes(), &bytes].concat());
    }
    drop(tunnel);

    assert_eq!(flight.actions(), before, "the journal holds no action more");
    flight.wait_for_controls(Some(Who::Anna));
    anna.keys("C");
    flight.wait_for_controls(None);
    assert_eq!(flight.actions().len(), before.len() + 1, "and Anna's own are heard as before");
}

#[test]
fn a_watcher_can_hold_up_nothing_that_belongs_to_the_host() {
    let Some(flight) = Flight::begin() else { return };
    let at = flight.machine.runtime_directory();
    for words in [
        format!("flock -s -n {}/{}.lock true", at.display(), flight.session),
        format!("touch {}/intruder", at.display()),
        format!("rm {}/{}.sock", at.display(), flight.session),
        format!("cat {}/{}.lock", at.display(), flight.session),
    ] {
        let output = flight.machine.ssh(Who::Eva, &[&words]);
        assert!(!output.status.success(), "{words}: {output:?}");
    }
    let listed = flight.machine.ssh(Who::Eva, &["cutover", "sessions"]);
    let said = String::from_utf8_lossy(&listed.stdout);
    assert!(said.contains(&flight.session) && said.contains("runs as process"), "{listed:?}");
}
