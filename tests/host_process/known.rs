//! Who it was: what the record holds of those who come, of the roster by which they come, and what somebody can keep of the record.

use std::{fs, os::unix::fs::MetadataExt};

use cutover::{
    core::{
        event::{Event, Roster},
        news::News,
        roster::Change,
    },
    domain::credentials::Proven,
};

use crate::{
    account::{Account, wait_until},
    join::open,
};

fn person(name: &str, uid: u32, role: &str) -> String {
    format!("[[person]]\nname = \"{name}\"\nuid = {uid}\nrole = \"{role}\"\n")
}

fn rosters(account: &Account) -> Vec<Roster> {
    let read = |event: Event| if let Event::Roster(roster) = event { Some(roster) } else { None };
    account.transitions().into_iter().filter_map(|transition| read(transition.entry.event)).collect()
}

#[test]
fn the_record_knows_who_came_and_who_may_and_whoever_keeps_its_end_can_prove_it() {
    let account = Account::new();
    let plan = account.own_plan();
    let own = fs::metadata("/proc/self").unwrap().uid();
    let file = plan.with_file_name("roster.toml");
    fs::write(&file, person("anna", own, "pilot")).unwrap();
    let begun = open(&account, &plan, &[&account.world.argument(), "--roster", file.to_str().unwrap()]);
    assert!(begun.status.success(), "{begun:?}");
    let session = String::from_utf8(begun.stdout).unwrap().trim().to_owned();
    let first = rosters(&account).pop().expect("the roster is an entry from the start");
    assert_eq!(first.people.iter().map(|listed| (listed.who.as_str(), listed.uid)).collect::<Vec<_>>(), [("anna", own)]);

    account.wait_until_ready();
    let asked = account.run(&["rollback"]);
    assert!(asked.status.code().is_some(), "{asked:?}");
    let asked = account.transitions().into_iter().find_map(|transition| match transition.entry.event {
        Event::Asked { credentials, .. } => credentials,
        _ => None,
    });
    let asked = asked.expect("a command line that has not joined is known too");
    assert_eq!((asked.uid, asked.proven), (own, Proven::Account));

    fs::write(&file, person("anna", own, "pilot") + &person("anna2", 4_000_000, "approver")).unwrap();
    let changed = wait_until("the change is on record", || {
        let told = account.transitions().into_iter().flat_map(|transition| transition.decision.news);
        told.filter_map(|news| if let News::RosterChanged { changed, .. } = news { Some(changed) } else { None }).next()
    });
    assert!(matches!(changed.as_slice(), [one] if one.who.as_str() == "anna2" && matches!(one.how, Change::Added { .. })), "{changed:?}");
    let shown = String::from_utf8(account.run(&["audit", "show", &session]).stdout).unwrap();
    assert!(shown.contains("anna2 is new as approver (uid 4000000)") && shown.contains(&format!("anna pilot \u{b7} uid {own}")), "{shown}");

    let head = account.status()["head"].as_str().expect("the end of the record is told").to_owned();
    let proved = account.run(&["audit", "verify", &session, "--against", &head]);
    assert!(proved.status.success(), "{proved:?}");
    let kept = plan.with_file_name("kept.txt");
    fs::write(&kept, format!("seen at three o'clock: {head}\n")).unwrap();
    let proved = account.run(&["audit", "verify", &session, "--against", kept.to_str().unwrap()]);
    assert!(proved.status.success(), "{proved:?}");
    let (seq, _) = head.split_once(':').unwrap();
    let another = format!("{seq}:{}", "0".repeat(64));
    assert_eq!(account.run(&["audit", "verify", &session, "--against", &another]).status.code(), Some(1));
}
