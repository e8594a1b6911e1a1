//! What happens to work on the databases: it fails, hangs or does nothing, or somebody else is quicker.

use super::{Choice, DatabaseFault, Fault, SqlAsk, setup::Setup};
use crate::sim::world::sql::OperationFault;

/// Those that can be picked by name.
pub(super) fn choices() -> Vec<Choice> {
    let choice = |name, what, fault| Choice { name, what, fault };
    let ends = |name, what, end| choice(name, what, Fault::Database(DatabaseFault::Operations { end }));
    let dana = |name, what, asks| choice(name, what, Fault::Database(DatabaseFault::Colleague { asks }));
    let lacks = |permission: &str| Fault::Setup(Setup::Lacks { permission: permission.to_owned() });
    vec![
        ends("sql-fails", "what is asked of Cloud SQL ends with an error and changes nothing", OperationFault::Failing),
        ends("sql-hangs", "what is asked of Cloud SQL never ends", OperationFault::Stuck),
        ends("sql-hollow", "what is asked of Cloud SQL ends well and changes nothing", OperationFault::Hollow),
        choice("no-standby", "the primary has no standby in another zone", Fault::Database(DatabaseFault::NoStandby)),
        dana("backup-by-dana", "dana.ops takes a backup of the primary", SqlAsk::Backup),
        dana("standby-by-dana", "dana.ops sets the primary's standby up", SqlAsk::Standby),
        dana("standby-gone", "dana.ops takes the primary's standby away", SqlAsk::NoStandby),
        dana(
            "replica-by-dana",
            "dana.ops creates the replica hexproperty-dr in us-east1",
            SqlAsk::Replica { name: "hexproperty-dr", region: "us-east1" },
        ),
        choice("backup-forbidden", "our account may not take backups", lacks("cloudsql.backupRuns.create")),
        choice("sql-forbidden", "our account may not change Cloud SQL instances", lacks("cloudsql.instances.update")),
        choice("replica-forbidden", "our account may not create Cloud SQL instances", lacks("cloudsql.instances.create")),
    ]
}
