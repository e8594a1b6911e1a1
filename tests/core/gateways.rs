//! Errors of what stands before both backends, and bears nobody's mark: whose they are.

use cutover::core::{decision::Cause, outlook::at_door};

use crate::{
    door::{NOTHING, SITE, latched, look},
    session::{Session, gke, route},
};

/// A Gateway fails one request in twenty by itself, before it chooses where to send it: home is met within what chance allows, and GKE as often as
/// its share of the others. Where GKE lacks what fails, it is laid at its door.
#[test]
fn a_gateway_s_own_errors_are_laid_at_nobody_s_door_while_nobody_lacks_them() {
    let failing = |own: u64, failed: u64, from_run: u64| {
        let mut session = Session::at(100);
        look(&mut session, 15, &[(SITE, 18)], &[(SITE, 2)], NOTHING);
        look(&mut session, 45, &[(SITE, from_run)], &[(SITE, own)], &[("500 text/plain", failed)]);
        session
    };
    // Of twenty requests a look one fails, and two of the others meet GKE.
    let nobodys = failing(2, 1, 17);
    assert_eq!((latched(&nobodys), nobodys.writes().len(), at_door(&nobodys.state, &route())), (None, 0, vec![]));
    let told = nobodys.route().front_door.nobodys.as_ref().expect("they are told");
    assert_eq!((told.failed, told.answers), (16, 320));
    // Of two that are meant for GKE one comes back.
    let its_own = failing(1, 1, 18);
    assert!(matches!(latched(&its_own), Some(Cause::FailingAtDoor { backend, .. }) if backend == gke()));
}
