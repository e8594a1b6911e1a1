//! Several people on one account, told apart by their SSH keys; the real `ssh-keygen` signs, and checks what we have recorded.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command as Program, Stdio},
    sync::Arc,
    time::Duration,
};

use cutover::{
    attach::{
        client::{self, ConnectError, ToHost},
        dial::Dial,
        frame::{self, FROM_HOST_BYTES_MAX, Frames, Outgoing},
        peer,
        protocol::{Challenge, FromCockpit, FromHost, Greeting, Hello, Proof, Then, Wants},
        roster::{Roster, RosterError},
        signer::Signer,
        sshsig::{PublicKey, SignatureError, TO_APPROVE, TO_ATTACH},
    },
    core::{
        command::Command,
        event::{Intrusion, TurnedAway},
    },
    domain::{digest::Digest, id::AskId, role::Role},
    door::{Presence, Wanted},
};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::watch,
    time::timeout,
};

use crate::{
    doorstep::tempfolder,
    engine::{Session, hello, stays},
};

/// A folder with the keys of `names`; `None` where there is no ssh-keygen, which is said around the test harness.
fn keys(test: &str, names: &[&str]) -> Option<PathBuf> {
    let folder = tempfolder(test);
    for name in names {
        let made = Program::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(folder.join(name)).status();
        if made.is_err() {
            writeln!(std::io::stderr(), "SKIPPED: shared accounts prove nothing here: there is no ssh-keygen").ok();
            return None;
        }
        assert!(made.unwrap().success());
    }
    Some(folder)
}

fn public(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(format!("{name}.pub"))).unwrap().trim().to_owned()
}

fn signer(folder: &Path, person: &str, key: &str) -> Signer {
    Signer { person: person.parse().unwrap(), key: folder.join(key) }
}

/// Anna and Ben on this test's own account, each with a key.
fn roster(folder: &Path) -> Roster {
    let uid = peer::own_uid();
    let person =
        |name: &str| format!("[[person]]\nname = \"{name}\"\nuid = {uid}\nrole = \"operator\"\nkey = \"{}\"\n", public(folder, name));
    Roster::parse(&format!("{}{}", person("anna"), person("ben")), "").unwrap()
}

/// What somebody approves.
fn digest() -> Digest {
    Digest::of(b"a step of 75 %")
}

#[tokio::test]
async fn a_signature_of_ssh_keygen_holds_for_its_key_purpose_and_text_alone() {
    let Some(folder) = keys("sshsig", &["anna", "ben"]) else { return };
    let key = |name: &str| public(&folder, name).parse::<PublicKey>().unwrap();
    let signature = signer(&folder, "anna", "anna").sign(TO_APPROVE, "00ff").await.unwrap();
    assert_eq!(key("anna").verify(TO_APPROVE, b"00ff", &signature), Ok(()));
    assert_eq!(key("ben").verify(TO_APPROVE, b"00ff", &signature), Err(SignatureError::Key));
    assert_eq!(key("anna").verify(TO_ATTACH, b"00ff", &signature), Err(SignatureError::Namespace));
    assert_eq!(key("anna").verify(TO_APPROVE, b"00fe", &signature), Err(SignatureError::Text));
    // No bit of it can be another.
    let body = signature.lines().nth(2).unwrap();
    for place in 0..body.len() {
        let other = if body.as_bytes()[place] == b'A' { "B" } else { "A" };
        let forged = signature.replacen(body, &format!("{}{other}{}", &body[..place], &body[place + 1..]), 1);
        assert!(key("anna").verify(TO_APPROVE, b"00ff", &forged).is_err(), "place {place}");
    }
    let listed = Program::new("ssh-keygen").args(["-l", "-f"]).arg(folder.join("anna.pub")).output().unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).contains(&key("anna").to_string()), "the same fingerprint");
}

#[test]
fn two_on_one_account_need_a_key_each() {
    let person = |name: &str, key: &str| format!("[[person]]\nname = \"{name}\"\nuid = 7\nrole = \"operator\"\n{key}\n");
    let problems = |text: &str| match Roster::parse(text, "") {
        Err(RosterError::Problems(problems)) => problems.into_iter().map(|problem| problem.to_string()).collect::<Vec<_>>().join("\n"),
        other => panic!("{other:?}"),
    };
    let ed25519 = "key = \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1d5R6gqY2yG5sO0cJw3yIu7ZrTzq3zvJv0mJt5nHkA anna\"";
    let said = problems(&(person("anna", ed25519) + &person("ben", "")));
    assert!(said.contains("uid 7 is anna already") && said.contains("each a key"), "{said}");
    let said = problems(&(person("anna", ed25519) + &person("ben", ed25519)));
    assert!(said.contains("one person's"), "{said}");
    let said = problems(&person("anna", "key = \"ssh-rsa AAAA\""));
    assert!(said.starts_with("line 5: key: ssh-rsa") && said.contains("ed25519"), "{said}");
}

#[tokio::test]
async fn people_of_one_account_are_who_their_keys_say() {
    let Some(folder) = keys("shared", &["anna", "ben"]) else { return };
    let session = Session::start();
    let (host, _close) = session.host(1);
    let (path, owner) = (folder.join("s.sock"), peer::own_uid());
    let listener = UnixListener::bind(&path).unwrap();
    let (_kept, rostered) = watch::channel(Arc::new(roster(&folder)));
    tokio::spawn(async move { host.serve(listener, stays(), rostered).await });
    let dial = |person: &str, key: &str| Dial::Signing { path: path.clone(), owner, signer: signer(&folder, person, key) };

    let anna = client::connect(dial("anna", "anna"), Wants::Cockpit, None).await.unwrap();
    assert_eq!((anna.view.borrow().me.who.as_str(), anna.view.borrow().me.role), ("anna", Role::Operator));
    for (person, key, says) in [("ben", "anna", "another key"), ("eva", "anna", "is not eva")] {
        match client::connect(dial(person, key), Wants::Cockpit, None).await {
            Err(ConnectError::Refused(refused)) => {
                assert!(refused.why.as_str().contains(says) && refused.then == Then::StayAway, "{}", refused.why);
            }
            other => panic!("{other:?}"),
        }
    }
    match client::connect(Dial::Path { path: path.clone(), owner }, Wants::Watch, None).await {
        Err(ConnectError::Refused(refused)) => assert!(refused.why.as_str().contains("shared by anna, ben"), "{}", refused.why),
        other => panic!("{other:?}"),
    }
    let seen = client::glance(Dial::Path { path: path.clone(), owner }).await.unwrap();
    assert_eq!(seen.me.role, Role::Watcher, "how it stands, anybody of them may ask");
}

#[tokio::test]
async fn an_approval_from_a_shared_account_is_signed_and_the_signature_is_kept() {
    let Some(folder) = keys("approval", &["anna", "ben"]) else { return };
    let mut session = Session::start();
    let (host, _close) = session.host(1);
    let (path, owner) = (folder.join("s.sock"), peer::own_uid());
    let listener = UnixListener::bind(&path).unwrap();
    let (_kept, rostered) = watch::channel(Arc::new(roster(&folder)));
    tokio::spawn(async move { host.serve(listener, stays(), rostered).await });
    let dial = Dial::Signing { path: path.clone(), owner, signer: signer(&folder, "ben", "ben") };
    let ben = client::connect(dial, Wants::Cockpit, None).await.unwrap();
    let command = Command::Approve { digest: digest() };
    ben.asks.send(ToHost::Ask { ask: AskId(1), key: Some("Enter".into()), command: command.clone() }).await.unwrap();
    let request = timeout(Duration::from_secs(60), session.requests.recv()).await.unwrap().unwrap();
    assert_eq!((request.by.who.as_str(), request.what), ("ben", Wanted::Ask { ask: AskId(1), command }));

    // What is in the journal convinces somebody who has never heard of us.
    let key = request.key.unwrap();
    let body = key.as_str().strip_prefix("Enter signed ").expect("the key and the signature");
    let armored = format!("-----BEGIN SSH SIGNATURE-----\n{body}\n-----END SSH SIGNATURE-----\n");
    std::fs::write(folder.join("signature"), armored).unwrap();
    std::fs::write(folder.join("allowed"), format!("ben {}\n", public(&folder, "ben"))).unwrap();
    let mut check = Program::new("ssh-keygen")
        .args(["-Y", "verify", "-I", "ben", "-n", TO_APPROVE, "-f"])
        .arg(folder.join("allowed"))
        .arg("-s")
        .arg(folder.join("signature"))
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    check.stdin.take().unwrap().write_all(digest().to_string().as_bytes()).unwrap();
    assert!(check.wait().unwrap().success());
}

#[tokio::test]
async fn an_unsigned_approval_from_a_shared_account_reaches_nobody() {
    let Some(folder) = keys("unsigned", &["anna", "ben"]) else { return };
    let frames = [
        FromCockpit::Ask { ask: AskId(1), key: None, command: Command::Approve { digest: digest() } },
        FromCockpit::Approve { ask: AskId(1), key: None, digest: digest(), signature: "none".to_owned() },
    ];
    for (place, frame) in frames.into_iter().enumerate() {
        let mut session = Session::start();
        let (host, _close) = session.host(1);
        let path = folder.join(format!("{place}.sock"));
        let listener = UnixListener::bind(&path).unwrap();
        let (_kept, rostered) = watch::channel(Arc::new(roster(&folder)));
        tokio::spawn(async move { host.serve(listener, stays(), rostered).await });
        let words = as_anna(&path, &folder, &frame).await;
        assert!(words.contains("nothing was approved"), "{words}");
        session.state().await;
        assert!(session.requests.try_recv().is_err());
        let turned = turned_away(&mut session);
        assert_eq!(turned, [(Some(peer::own_uid()), Intrusion::ForgedApproval, Some("anna".to_owned()))], "and it is on record");
    }
}

/// Who was turned away, as the session hears it.
fn turned_away(session: &mut Session) -> Vec<(Option<u32>, Intrusion, Option<String>)> {
    let mut turned = Vec::new();
    while let Ok(presence) = session.presences.try_recv() {
        if let Presence::TurnedAway(TurnedAway { uid, refused, .. }) = presence {
            turned.extend(refused.into_iter().map(|one| (uid, one.what, one.who.map(|who| who.to_string()))));
        }
    }
    turned
}

/// Attaches by hand, proves to be Anna, says `frame`, and hears the host out.
async fn as_anna(path: &Path, folder: &Path, frame: &FromCockpit) -> String {
    let (reader, mut writer) = tokio::io::split(UnixStream::connect(path).await.unwrap());
    let mut frames = Frames::new(reader, FROM_HOST_BYTES_MAX);
    let hello = Hello { person: Some("anna".parse().unwrap()), ..hello(Wants::Cockpit) };
    frame::write(&mut writer, &[Outgoing::of(&hello)]).await.unwrap();
    let Some(Greeting::Prove(Challenge { text })) = frames.next::<Greeting>().await.unwrap() else { panic!("no proof was asked for") };
    let signature = signer(folder, "anna", "anna").sign(TO_ATTACH, &text).await.unwrap();
    frame::write(&mut writer, &[Outgoing::of(&Proof { signature })]).await.unwrap();
    assert!(matches!(frames.next::<Greeting>().await.unwrap(), Some(Greeting::Welcome(_))));
    frame::write(&mut writer, &[Outgoing::of(frame)]).await.unwrap();
    loop {
        match frames.next::<FromHost>().await.unwrap().expect("a goodbye comes before the end") {
            FromHost::Bye { why, .. } => return why.to_string(),
            FromHost::Snapshot { .. } | FromHost::Transition(_) | FromHost::Unrecorded(_) | FromHost::Beat | FromHost::Head(_) => {}
        }
    }
}
