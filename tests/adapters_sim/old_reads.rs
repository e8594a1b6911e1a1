//! Reads of both objects that lag behind the writes: what a driver makes of them.

use cutover::{
    domain::fault::{FaultKind, Outcome},
    port::{Driver, Taken},
    sim::{
        faults::{self, Api, Trouble},
        simulation::Simulation,
    },
};

use super::{driver, intent, revision_split, revisions, split, to, world};

/// Reads tell what stood before each write for as long as the fault lasts.
fn reads_lag(world: &Simulation, api: Api) {
    world.control().inject(&faults::Fault::Api { api, trouble: Trouble::OldReads { ms: 1e6 }, for_s: 1e6 });
}

#[tokio::test]
async fn old_reads_leave_a_write_unknown_and_keep_none_from_following_what_was_made() {
    let world = world().await;
    let driver = driver(&world);
    let before = driver.read().await.unwrap();
    let Outcome::Done(made) = driver.write(to(&split(50)), &before.version, &intent(1), Taken::told().0).await.outcome else {
        panic!("calm")
    };
    reads_lag(&world, Api::Compute);
    assert_eq!(driver.read().await.unwrap(), before, "as it was");
    let outcome = driver.write(to(&split(20)), &made.version.unwrap(), &intent(2), Taken::told().0).await.outcome;
    assert!(matches!(&outcome, Outcome::Unknown(fault) if fault.kind == FaultKind::Conflict), "{outcome:?}");
    assert!(world.control().truth().accepted.contains(&("frontend-gke".to_owned(), 20)), "it was done all the same");
    world.control().calm();
    assert_eq!(driver.read().await.unwrap().weights, split(20));
    world.stop().await;
}

#[tokio::test]
async fn old_reads_of_a_service_keep_no_write_from_following_what_was_made() {
    let world = world().await;
    let driver = revisions(&world);
    let before = driver.read().await.unwrap();
    let Outcome::Done(made) = driver.write(to(&revision_split(100)), &before.version, &intent(1), Taken::told().0).await.outcome else {
        panic!("calm")
    };
    reads_lag(&world, Api::Run);
    let old = driver.read().await.unwrap();
    assert_eq!((&old.version, &old.weights), (&before.version, &before.weights), "as it was");
    let outcome = driver.write(to(&before.weights), &made.version.unwrap(), &intent(2), Taken::told().0).await.outcome;
    assert!(!matches!(&outcome, Outcome::NotDone(_)), "{outcome:?}");
    world.control().calm();
    let after = driver.read().await.unwrap();
    assert_eq!(after.weights, before.weights);
    assert_ne!(after.version, before.version);
    world.stop().await;
}
