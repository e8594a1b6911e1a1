//! A roster admits exactly those whom it lists, and says everything that is wrong with it.

use std::os::unix::fs::PermissionsExt;

use cutover::{
    attach::roster::{Identity, Roster, RosterError},
    domain::role::Role,
};

use crate::doorstep::tempfolder;

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nAnna:x:1001:1001::/srv/anna:/bin/sh\nbob:x:1002:1002::/srv/bob:/bin/sh\n";

#[test]
fn people_are_found_by_account_and_strangers_are_nobody() {
    let text = "[[person]]\nname = \"anna\"\nuser = \"Anna\"\nrole = \"pilot\"\n[[person]]\nname = \"sue\"\nuid = 77\nrole = \"watcher\"\n";
    let roster = Roster::parse(text, PASSWD).unwrap();
    let anna = Identity { uid: 1001, who: "anna".parse().unwrap(), role: Role::Pilot };
    assert_eq!(roster.identify(1001), Some(anna));
    assert_eq!(roster.identify(77).map(|sue| sue.role), Some(Role::Watcher));
    assert_eq!(roster.identify(1002), None);
    assert_eq!(roster.identify(0).map(|root| root.role), Some(Role::Watcher), "root sees everything and acts under no name");
}

#[test]
fn without_a_roster_the_owner_alone_is_pilot() {
    let roster = Roster::of_owner(1001, PASSWD);
    let anna = Identity { uid: 1001, who: "anna".parse().unwrap(), role: Role::Pilot };
    assert_eq!(roster.people().collect::<Vec<_>>(), [&anna]);
    assert_eq!(Roster::of_owner(5, PASSWD).identify(5).unwrap().who.as_str(), "uid-5");
}

#[test]
fn all_problems_come_at_once_with_their_lines() {
    let text = "\
[[person]]
name = \"Anna\"
uid = 1001
role = \"captain\"

[[person]]
name = \"bob\"
role = \"operator\"

[[person]]
name = \"carl\"
user = \"nobody-here\"
role = \"operator\"

[[person]]
name = \"dora\"
uid = 5
role = \"operator\"

[[person]]
name = \"dora\"
uid = 6
role = \"approver\"

[[person]]
name = \"eve\"
uid = 5
role = \"approver\"

[[person]]
name = \"fred\"
uid = -1
role = \"approver\"
";
    let Err(RosterError::Problems(problems)) = Roster::parse(text, PASSWD) else { panic!("that roster is wrong") };
    let found: Vec<(usize, &str)> = problems.iter().map(|one| (one.line, one.text.split([':', ';']).next().unwrap())).collect();
    let expected =
        [(2, "name"), (4, "role"), (6, "give the account"), (12, "user"), (21, "name"), (25, "uid 5 is dora already"), (32, "uid")];
    assert_eq!(found, expected);
    assert!(problems[1].text.contains("watcher, approver, operator, pilot"), "the valid choices are named: {}", problems[1].text);
}

#[test]
fn unknown_fields_and_empty_rosters_are_problems() {
    for (text, line) in [("[[person]]\nname = \"a\"\nuid = 1\nrole = \"pilot\"\nsudo = true\n", 5), ("", 1), ("[[person]\n", 1)] {
        let Err(RosterError::Problems(problems)) = Roster::parse(text, PASSWD) else { panic!("{text:?} is no roster") };
        assert_eq!((problems.len(), problems[0].line), (1, line), "{problems:?}");
    }
}

#[test]
fn a_roster_that_others_can_write_is_not_believed() {
    let path = tempfolder("roster-modes").join("roster.toml");
    let owner = rustix::process::geteuid().as_raw();
    std::fs::write(&path, format!("[[person]]\nname = \"anna\"\nuid = {owner}\nrole = \"pilot\"\n")).unwrap();
    let with_mode = |mode| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        Roster::load(&path, owner)
    };
    assert!(with_mode(0o644).is_ok());
    assert!(matches!(with_mode(0o664), Err(RosterError::Unsafe { .. })));
    assert!(matches!(with_mode(0o646), Err(RosterError::Unsafe { .. })));
    assert!(with_mode(0o600).is_ok());
    let link = path.with_extension("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(matches!(Roster::load(&link, owner), Err(RosterError::Io { .. })), "a link could be turned elsewhere");
}
