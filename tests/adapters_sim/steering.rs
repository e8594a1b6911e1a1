//! Who steers, and what others do to what is steered: claims beside people's text on both objects of the simulated world.

use cutover::{
    adapter::url_map::{self, UrlMapDriver},
    domain::{
        claim::{Claim, Claimed},
        fault::{FaultKind, Outcome},
        hindrance::Hindrance,
        position::Position,
    },
    port::{Change, Driver, Taken},
    sim::{
        faults::{self, Edit},
        simulation::Simulation,
    },
};

use super::{edited, google, id, intent, revision_split, revisions, split, to, world};

pub(super) fn driver(world: &Simulation) -> UrlMapDriver {
    let config = url_map::Config {
        route: "frontend".parse().unwrap(),
        project: "hexproperty".to_owned(),
        region: None,
        url_map: "hexproperty-lb".to_owned(),
        position: Position::Default,
        beside: vec![],
        backends: vec![(id("run"), "frontend-run".into()), (id("gke"), "frontend-gke".into())],
        host: Some("api.hexproperty.com".to_owned()),
        path: "/".to_owned(),
        patience: url_map::PATIENCE,
    };
    let beside = url_map::Beside { logging: Some(google(world)), projects: Some(google(world)), ..url_map::Beside::default() };
    UrlMapDriver::new(config, google(world), beside)
}

fn claim(epoch: u64) -> Claim {
    format!("[cutover claim/1 night 00000001 epoch {epoch} since 1795900000 on ops-1 by ada steers]").parse().unwrap()
}
fn by(claim: &Claim) -> Claimed {
    Claimed::By(Box::new(claim.clone()))
}

#[tokio::test]
async fn the_url_map_bears_a_claim_beside_its_description_in_one_compare_and_set() {
    let world = world().await;
    let (driver, first, second) = (driver(&world), claim(1), claim(2));
    let before = driver.read().await.unwrap();
    assert_eq!(before.claimed, Claimed::Nobody);
    let (ours, theirs) = (split(50), split(250));
    let outcome =
        driver.write(Change::Split { to: &ours, claim: Some(&first) }, &before.version, &intent(1), Taken::told().0).await.outcome;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    let claimed = driver.read().await.unwrap();
    assert_eq!((claimed.claimed.clone(), claimed.weights.clone()), (by(&first), ours.clone()));
    // Whoever has seen what was before writes neither weights nor claim.
    let stale =
        driver.write(Change::Split { to: &theirs, claim: Some(&second) }, &before.version, &intent(2), Taken::told().0).await.outcome;
    assert!(matches!(&stale, Outcome::NotDone(fault) if fault.kind == FaultKind::Conflict), "{stale:?}");
    // Taking over moves nothing, and a move without a claim leaves the one that stands there.
    let outcome = driver.write(Change::Claim(&second), &claimed.version, &intent(3), Taken::told().0).await.outcome;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    let taken = driver.read().await.unwrap();
    assert_eq!((taken.claimed, taken.weights), (by(&second), ours));
    let outcome = driver.write(to(&theirs), &taken.version, &intent(4), Taken::told().0).await.outcome;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert_eq!(driver.read().await.unwrap().claimed, by(&second));
    world.stop().await;
}

#[tokio::test]
async fn a_person_may_move_weights_beside_a_claim_take_it_away_or_be_another_session() {
    let world = world().await;
    let (driver, ours, to) = (driver(&world), claim(1), split(50));
    let before = driver.read().await.unwrap();
    driver.write(Change::Split { to: &to, claim: Some(&ours) }, &before.version, &intent(1), Taken::told().0).await;
    world.control().inject(&faults::Fault::ForeignWriter { gke_per_mille: 300, principal: "eve@hexproperty.com".to_owned() });
    let moved = driver.read().await.unwrap();
    assert_eq!((moved.claimed, moved.weights), (by(&ours), split(300)));
    edited(&world, Edit::OtherSession);
    let taken = driver.read().await.unwrap();
    let Claimed::By(other) = taken.claimed else { panic!("another steers") };
    assert_eq!((other.epoch.get(), other.by.session.as_str(), taken.weights), (2, "hexproperty-second", split(300)));
    edited(&world, Edit::Unclaimed);
    assert_eq!(driver.read().await.unwrap().claimed, Claimed::Nobody);
    world.stop().await;
}

#[tokio::test]
async fn a_service_bears_a_claim_as_an_annotation_and_makes_no_revision_of_it() {
    let world = world().await;
    let (driver, first, to) = (revisions(&world), claim(1), revision_split(900));
    let before = driver.read().await.unwrap();
    let outcome = driver.write(Change::Split { to: &to, claim: Some(&first) }, &before.version, &intent(1), Taken::told().0).await.outcome;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    let claimed = driver.read().await.unwrap();
    assert_eq!((claimed.claimed, claimed.weights, claimed.hindrances), (by(&first), to.clone(), vec![]));
    let outcome = driver.write(Change::Claim(&claim(2)), &claimed.version, &intent(2), Taken::told().0).await.outcome;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    let taken = driver.read().await.unwrap();
    assert_eq!((taken.claimed, taken.weights), (by(&claim(2)), to));
    world.stop().await;
}

#[tokio::test]
async fn a_deployed_revision_has_its_share_and_a_deleted_one_cannot_be_gone_back_to() {
    let world = world().await;
    let driver = revisions(&world);
    let before = driver.read().await.unwrap();
    assert!(matches!(driver.write(to(&revision_split(400)), &before.version, &intent(1), Taken::told().0).await.outcome, Outcome::Done(_)));
    world.control().inject(&faults::Fault::Deployed { percent: 60 });
    let seen = driver.read().await.unwrap();
    let strangers: Vec<_> = seen.weights.iter().filter(|(id, _)| id.as_str().starts_with("frontend-00043-")).collect();
    let [(stranger, share)] = strangers.as_slice() else { panic!("{}", seen.weights) };
    assert_eq!(share.get(), 600);
    assert!(matches!(seen.hindrances.as_slice(), [Hindrance::Stranger { backend, .. }] if backend == *stranger), "{:?}", seen.hindrances);
    assert!(matches!(driver.write(to(&revision_split(1000)), &seen.version, &intent(2), Taken::told().0).await.outcome, Outcome::Done(_)));
    assert_eq!(driver.read().await.unwrap().weights, revision_split(1000));
    world.control().inject(&faults::Fault::RevisionDeleted { revision: "frontend-00041-kaz".to_owned() });
    let gone = Hindrance::RevisionGone { backend: id("old"), name: "frontend-00041-kaz".into() };
    assert_eq!(driver.read().await.unwrap().hindrances, [gone]);
    world.stop().await;
}
