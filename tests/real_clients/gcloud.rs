//! The real `gcloud`, by the very commands that `cutover sim` prints.

use crate::{is_here, simulation::Simulation};

/// The world's seconds in a real one: `gcloud` polls once a second, so a faster world keeps it waiting less.
const SPEED: u32 = 20;

#[test]
fn gcloud_takes_every_command_that_is_printed_for_it() {
    if !is_here("gcloud", "its view of Cloud Run, the URL map and Cloud SQL was not checked") {
        return;
    }
    let simulation = Simulation::start(SPEED);
    let environment = simulation.environment("ana");
    simulation.pasted(
        &environment,
        "look, and move the split inside Cloud Run",
        &[
            ("gcloud run services list", "frontend"),
            ("gcloud run services describe frontend", "100% "),
            ("gcloud run revisions list", "frontend-00041-kaz"),
            ("gcloud run services update-traffic frontend", "10% "),
        ],
    );
    simulation.pasted(
        &environment,
        "look at the route",
        &[
            ("gcloud compute url-maps list", "hexproperty-lb"),
            ("gcloud compute url-maps describe", "weight: 1000"),
            ("gcloud compute url-maps import", "done."),
            ("gcloud compute backend-services get-health", "healthState: HEALTHY"),
        ],
    );
    simulation.pasted(
        &environment,
        "the database",
        &[
            ("gcloud sql instances list", "hexproperty-replica"),
            ("gcloud sql instances describe", "instanceType: READ_REPLICA_INSTANCE"),
            ("gcloud sql operations list", "BACKUP"),
        ],
    );
}
