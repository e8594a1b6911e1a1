//! What people and tools do to the databases, with what the audit log notes of it.

use serde_json::json;

use super::{
    World,
    actor::Actor,
    audit::Mutation,
    sql::{
        PRIMARY, PROJECT,
        operation::Operation,
        request::{Refusal, Request},
        work::Work,
    },
};
use crate::sim::faults::{DatabaseFault, SqlAsk};

/// Who else works on the databases.
const DANA: &str = "dana.ops@hexproperty.com";

impl World {
    /// Begins the work of a request, and notes who asked for it.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot begin; nothing has changed then, and nothing is noted.
    pub fn ask_database(&mut self, instance: &str, request: Request, actor: &Actor) -> Result<Operation, Refusal> {
        let operation = self.sql.ask(instance, request, &actor.principal)?.clone();
        let work = &operation.work;
        let became = if let Work::Update { settings } = work { settings.to_string() } else { work.kind().to_owned() };
        self.audit.note(Mutation {
            at_ms: self.now_ms,
            service: "cloudsql.googleapis.com",
            method: work.method(),
            resource: format!("projects/{PROJECT}/instances/{}", operation.instance),
            actor: actor.clone(),
            became,
            operation: number(&operation.name),
        });
        Ok(operation)
    }

    /// Makes something go wrong with the databases, or somebody else do something to them.
    pub(super) fn suffer_database(&mut self, fault: DatabaseFault) {
        let DatabaseFault::Colleague { asks } = fault else { return self.sql.suffer(fault) };
        let (instance, request) = match asks {
            SqlAsk::Backup => (PRIMARY, Request::Backup { description: None }),
            SqlAsk::Standby => (PRIMARY, patched("REGIONAL")),
            SqlAsk::NoStandby => (PRIMARY, patched("ZONAL")),
            SqlAsk::Replica { name, region } => {
                let settings = json!({"userLabels": {"owner": "dana"}});
                (PRIMARY, Request::CreateReplica { name: name.to_owned(), region: region.to_owned(), settings })
            }
        };
        // Whom the service is too busy for has to come again, like anybody.
        drop(self.ask_database(instance, request, &Actor::person(DANA)));
    }
}

fn patched(availability: &str) -> Request {
    Request::Patch { settings: json!({"availabilityType": availability}), settings_version: None }
}

/// The audit log knows operations by number; names here are longer, and their first part is enough.
fn number(operation: &str) -> u64 {
    operation.split('-').next().and_then(|part| u64::from_str_radix(part, 16).ok()).unwrap_or_default()
}
