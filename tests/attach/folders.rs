//! The directory of the sockets: made right, refused when wrong, and the living told from the dead.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink},
    path::Path,
};

use cutover::{
    attach::{
        sessions::{Card, ClaimError, Life, PickError, pick},
        socket::{Folder, FolderError, default_folder},
    },
    core::event::WorldKind,
    domain::{id::SessionId, time::Timestamp},
};

use crate::doorstep::tempfolder;

fn session(name: &str) -> SessionId {
    name.parse().unwrap()
}

fn card(name: &str) -> Card {
    Card {
        session: session(name),
        plan: "HexProperty".into(),
        plan_path: "/srv/plans/hexproperty.yaml".into(),
        plan_hash: "ab".repeat(32).parse().unwrap(),
        world: WorldKind::Live,
        simulated: None,
        roster: None,
        pid: std::process::id(),
        journal: "/srv/journals/x.jsonl".into(),
        started_at: Timestamp(0),
        version: "0.1.0".to_owned(),
    }
}

#[tokio::test]
async fn a_new_folder_and_its_socket_are_the_owners_alone() {
    let path = tempfolder("fresh").join("sockets");
    let folder = Folder::own(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o700);
    let lease = folder.claim_session(&session("night")).unwrap();
    let _listener = folder.listen_for(&lease).unwrap();
    let socket = fs::symlink_metadata(path.join("night.sock")).unwrap();
    assert!(socket.file_type().is_socket());
    assert_eq!(socket.mode() & 0o7777, 0o600);
    folder.verify("night.sock").unwrap();
}

#[tokio::test]
async fn a_folder_for_a_group_makes_sockets_for_that_group() {
    let path = tempfolder("group").join("sockets");
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o2750)).unwrap();
    let folder = Folder::own(&path).unwrap();
    let lease = folder.claim_session(&session("night")).unwrap();
    let _listener = folder.listen_for(&lease).unwrap();
    let socket = fs::symlink_metadata(path.join("night.sock")).unwrap();
    assert_eq!((socket.mode() & 0o7777, socket.gid()), (0o660, fs::metadata(&path).unwrap().gid()));
}

#[test]
fn folders_that_others_could_use_are_refused() {
    let path = tempfolder("modes").join("sockets");
    fs::create_dir(&path).unwrap();
    for mode in [0o777, 0o755, 0o770, 0o701, 0o1777, 0o500, 0o4700] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        assert!(matches!(Folder::own(&path), Err(FolderError::Unsafe { .. })), "{mode:o} was taken");
    }
    fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
    Folder::own(&path).unwrap();
    let link = path.with_extension("link");
    symlink(&path, &link).unwrap();
    assert!(matches!(Folder::own(&link), Err(FolderError::Io { .. })), "a link was followed");
    let file = path.with_extension("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(Folder::own(&file), Err(FolderError::Io { .. })));
}

#[test]
fn somebody_elses_folder_is_refused_to_a_host() {
    let theirs = Path::new("/proc/1");
    assert!(Folder::own(theirs).is_err());
}

#[tokio::test]
async fn a_later_look_finds_what_was_changed() {
    let path = tempfolder("later").join("sockets");
    let folder = Folder::own(&path).unwrap();
    let lease = folder.claim_session(&session("night")).unwrap();
    let _listener = folder.listen_for(&lease).unwrap();
    fs::set_permissions(path.join("night.sock"), Permissions::from_mode(0o666)).unwrap();
    assert!(matches!(folder.verify("night.sock"), Err(FolderError::Unsafe { .. })));
    fs::set_permissions(path.join("night.sock"), Permissions::from_mode(0o600)).unwrap();
    folder.verify("night.sock").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(folder.verify("night.sock"), Err(FolderError::Unsafe { .. })));
    fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
    fs::rename(&path, path.with_extension("aside")).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(matches!(folder.verify("night.sock"), Err(FolderError::Unsafe { .. })));
}

#[tokio::test]
async fn a_stale_socket_gives_way_to_the_holder_of_the_lease_and_a_file_does_not() {
    let path = tempfolder("stale").join("sockets");
    let folder = Folder::own(&path).unwrap();
    let lease = folder.claim_session(&session("night")).unwrap();
    drop(folder.listen_for(&lease).unwrap());
    assert!(path.join("night.sock").exists(), "a dead host leaves its socket behind");
    drop(folder.listen_for(&lease).unwrap());
    fs::remove_file(path.join("night.sock")).unwrap();
    fs::write(path.join("night.sock"), "precious").unwrap();
    assert!(folder.listen_for(&lease).is_err());
    assert_eq!(fs::read_to_string(path.join("night.sock")).unwrap(), "precious");
}

#[test]
fn one_session_and_one_plan_have_one_host() {
    let path = tempfolder("leases").join("sockets");
    let folder = Folder::own(&path).unwrap();
    let lease = folder.claim_session(&session("a/b")).unwrap();
    assert!(matches!(folder.claim_session(&session("a/b")), Err(ClaimError::Held { .. })));
    let plan = folder.claim_plan(&"cd".repeat(32)).unwrap();
    assert!(matches!(folder.claim_plan(&"cd".repeat(32)), Err(ClaimError::Held { .. })));
    drop(plan);
    folder.claim_plan(&"cd".repeat(32)).unwrap();
    folder.retire(lease);
    folder.claim_session(&session("a/b")).unwrap();
}

#[test]
fn the_living_are_told_from_the_dead() {
    let path = tempfolder("living").join("sockets");
    let folder = Folder::own(&path).unwrap();
    let (one, two) = (folder.claim_session(&session("one")).unwrap(), folder.claim_session(&session("two")).unwrap());
    folder.put_up(&one, &card("one")).unwrap();
    folder.put_up(&two, &card("two")).unwrap();
    fs::write(path.join("junk.json"), "{").unwrap();
    let lives = || folder.sessions().unwrap().into_iter().map(|found| (found.card.session.to_string(), found.life)).collect::<Vec<_>>();
    assert_eq!(lives(), [("one".to_owned(), Life::Running), ("two".to_owned(), Life::Running)]);
    assert_eq!(pick(folder.sessions().unwrap(), None), Err(PickError::Several(vec!["one (LIVE)".to_owned(), "two (LIVE)".to_owned()])));
    drop(two);
    assert_eq!(lives(), [("one".to_owned(), Life::Running), ("two".to_owned(), Life::Dead)]);
    assert_eq!(pick(folder.sessions().unwrap(), None).unwrap().card, card("one"));
    let dead = pick(folder.sessions().unwrap(), Some("two"));
    assert!(matches!(&dead, Err(PickError::Dead(found)) if found.card == card("two")), "{dead:?}");
    assert!(matches!(pick(folder.sessions().unwrap(), Some("three")), Err(PickError::NoSuch { .. })));
    folder.retire(one);
    assert_eq!(lives(), [("two".to_owned(), Life::Dead)]);
    assert_eq!(pick(Vec::new(), None), Err(PickError::None));
}

#[test]
fn a_folder_of_somebody_else_is_not_ones_own() {
    let path = tempfolder("theirs");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    let owner = fs::metadata(&path).unwrap().uid();
    assert!(Folder::open(&path).unwrap().of(owner).is_ok());
    let error = Folder::open(&path).unwrap().of(owner + 1).unwrap_err();
    assert!(matches!(&error, FolderError::Unsafe { why, .. } if why.contains("not to you")), "{error}");
}

#[test]
fn sockets_go_where_the_login_keeps_such_things() {
    assert_eq!(default_folder(Some(Path::new("/run/user/7")), 7), Path::new("/run/user/7/cutover"));
    assert_eq!(default_folder(Some(Path::new("relative")), 4_000_000), Path::new("/tmp/cutover-4000000"));
    assert_eq!(default_folder(None, 4_000_000), Path::new("/tmp/cutover-4000000"));
}
