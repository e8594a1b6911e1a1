//! What the cloud's own audit log and the machine's log remember of a session, against what the real program's journal says.

use std::{
    io::{Read, Write},
    net::TcpStream,
    os::unix::net::UnixDatagram,
};

use serde_json::Value;

use crate::account::{Account, wait_until};

/// What the simulated world's own audit log answers, as `gcloud logging read --format=json` asks for it.
fn audit_log(account: &Account, filter: &str) -> Vec<u8> {
    let body = serde_json::json!({"resourceNames": ["projects/hexproperty"], "filter": filter, "pageSize": 500}).to_string();
    let port = account.world.argument().split_once('=').unwrap().1.to_owned();
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    let length = body.len();
    write!(stream, "POST /v2/entries:list HTTP/1.1\r\nHost: logging.googleapis.com\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let at = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    answer[at + 4..].to_vec()
}

#[test]
fn the_clouds_own_log_and_the_journal_agree_and_a_stranger_is_named() {
    let account = Account::new();
    let session = account.open();
    let _cockpit = account.cockpit_that_steps_out();
    account.wait_until("the step is accepted", |status| status["routes"]["frontend"]["accepted"]["gke"] == 0.01);
    assert!(matches!(account.run(&["rollback", "--wait", "30"]).status.code(), Some(0 | 8)));

    let command = account.run(&["audit", "cross-check", &session]);
    let command = String::from_utf8(command.stdout).unwrap();
    assert!(
        command.starts_with("gcloud logging read '") && command.contains("projects/hexproperty/global/urlMaps/hexproperty-lb"),
        "{command}"
    );
    let filter = command.split('\'').nth(1).unwrap().to_owned();

    let file = account.at("log.json");
    let against = file.to_str().unwrap();
    let check = || {
        std::fs::write(&file, audit_log(&account, &filter)).unwrap();
        account.run(&["audit", "cross-check", &session, "--log", against])
    };
    let agreed = wait_until("the log shows what was done", || Some(check()).filter(|output| output.status.success()));
    let told = String::from_utf8(agreed.stdout).unwrap();
    assert!(told.starts_with("AGREE    2 writes in the journal, 2 changes in the log"), "{told}");
    assert_eq!(told.matches("done; in the log as ").count(), 2, "{told}");

    let missing = {
        std::fs::write(&file, "[]").unwrap();
        account.run(&["audit", "cross-check", &session, "--log", against, "--json"])
    };
    let told: Value = serde_json::from_slice(&missing.stdout).unwrap();
    assert_eq!((missing.status.code(), &told["verdict"], &told["writes"][0]["finding"]), (Some(1), &"differ".into(), &"not-in-log".into()));

    std::fs::write(&file, "PERMISSION_DENIED").unwrap();
    assert_eq!(account.run(&["audit", "cross-check", &session, "--log", against]).status.code(), Some(2));

    // Somebody else's change, by the same wire.
    let map = "/compute/v1/projects/hexproperty/global/urlMaps/hexproperty-lb";
    let port = account.world.argument().split_once('=').unwrap().1.to_owned();
    let ask = |request: String| {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    };
    let head = "Host: compute.googleapis.com\r\nAuthorization: Bearer mallory\r\nConnection: close\r\n";
    let read = || serde_json::from_str::<Value>(&ask(format!("GET {map} HTTP/1.1\r\n{head}\r\n"))).unwrap();
    let before = read();
    let body = serde_json::json!({"fingerprint": before["fingerprint"], "defaultRouteAction": before["defaultRouteAction"]}).to_string();
    let length = body.len();
    ask(format!("PATCH {map} HTTP/1.1\r\n{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"));
    let drifted = wait_until("a stranger is named", || Some(check()).filter(|output| output.status.code() == Some(5)));
    let told = String::from_utf8(drifted.stdout).unwrap();
    assert!(told.starts_with("FOREIGN") && told.contains("mallory@hexproperty.com changed projects/hexproperty/global/urlMaps/"), "{told}");
}

#[test]
fn the_last_line_in_the_machines_log_is_of_the_journals_end() {
    let account = Account::new();
    let log = account.at("log");
    let collector = UnixDatagram::bind(&log).unwrap();
    collector.set_nonblocking(true).unwrap();
    let opened = account.opening().arg("--syslog").arg(&log).output().unwrap();
    assert!(opened.status.success(), "{opened:?}");
    let session = String::from_utf8(opened.stdout).unwrap().trim().to_owned();
    account.wait_until_ready();
    account.signal("-TERM");
    let last = wait_until("the host says that it ends", || {
        let mut told = [0; 2048];
        let bytes = collector.recv(&mut told).ok()?;
        Some(String::from_utf8_lossy(&told[..bytes]).into_owned()).filter(|line| line.ends_with(" ends here for now"))
    });
    let proved = wait_until("the journal is closed", || {
        let output = account.run(&["audit", "verify", &session]);
        Some(String::from_utf8(output.stdout).unwrap()).filter(|told| told.contains("closed by process"))
    });
    let head = proved.lines().find_map(|line| line.strip_prefix("head     ")).unwrap();
    assert!(last.contains(&format!(" head {head} ")), "{last}\n{proved}");
}
