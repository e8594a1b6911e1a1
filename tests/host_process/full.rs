//! A session that is full: the way home finds a place as soon as there is one, and says what needs no host when there is none.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    process::Stdio,
};

use cutover::attach::{
    entrance::{ERRANDS_OF_AN_ACCOUNT_MAX, OF_AN_ACCOUNT_MAX},
    protocol::{Hello, VERSION, Wants},
};

use crate::account::Account;

fn frame(hello: &Hello) -> Vec<u8> {
    let json = serde_json::to_vec(hello).unwrap();
    [&u32::try_from(json.len()).unwrap().to_be_bytes()[..], &json].concat()
}

/// Everything that an account may have.
fn fill(socket: &Path) -> Vec<UnixStream> {
    let hello = |wants| frame(&Hello { version: VERSION, wants, terminal: None, person: None });
    let mut taken: Vec<UnixStream> = Vec::new();
    for wants in std::iter::repeat_n(Wants::Errand, ERRANDS_OF_AN_ACCOUNT_MAX).chain(std::iter::repeat_n(Wants::Watch, OF_AN_ACCOUNT_MAX)) {
        let mut stream = UnixStream::connect(socket).unwrap();
        stream.write_all(&hello(wants)).unwrap();
        taken.push(stream);
    }
    // Each has its place when the host has answered it.
    taken.iter_mut().for_each(|stream| stream.read_exact(&mut [0; 4]).unwrap());
    taken
}

#[test]
fn a_rollback_waits_for_a_place_as_long_as_it_may_and_then_says_what_needs_no_host() {
    let account = Account::new();
    let session = account.open();
    account.wait_until_ready();
    let socket = account.at("run").join(format!("{session}.sock"));
    let taken = fill(&socket);
    let output = account.run(&["rollback", "--wait", "0"]);
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    assert_eq!(output.status.code(), Some(7), "{told}");
    for words in ["lets nobody in now", "nothing was asked for", "gcloud compute url-maps", "need no host"] {
        assert!(told.contains(words), "{words:?} in\n{told}");
    }
    let mut waiting = account.command(&["rollback", "--wait", "60"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(waiting.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("url-maps")), "what needs no host is said while it waits");
    drop(taken);
    assert!(lines.any(|line| line.contains("everything is home")));
    assert!(waiting.wait().unwrap().success());
}
