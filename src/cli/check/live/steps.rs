//! Steps of the plan: whom they ask, how their things stand, and whether we may do what they do.
//!
//! A step that is not reached is no finding: that is what it is in the plan for. What is in its way is one.

use std::collections::BTreeMap;

use color_eyre::eyre::Result;

use super::{Api, Context, Found, fix};
use crate::{
    adapter::{
        http::{Client, Failure},
        preflight,
    },
    cli::check::finding::{Finding, Id, Severity},
    domain::id::InstanceId,
    plan::model::{
        Plan,
        steps::{Desired, Step},
    },
};

/// The APIs that whoever looks at it asks, the one that holds it first.
pub(super) fn asks(desired: &Desired) -> Vec<Api> {
    match desired {
        Desired::SqlBackup { .. } | Desired::SqlHighAvailability { .. } => vec![Api::Sql],
        Desired::SqlReplica { .. } => vec![Api::Sql, Api::Monitoring],
        Desired::GkeCluster(_) => vec![Api::Container],
        Desired::Address { .. } => vec![Api::Compute],
        Desired::HomeFloor { .. } => vec![Api::Run],
    }
}

/// A question to an API of which only steps ask anything: each asks for the work on its thing, or for the thing.
/// # Errors
/// What the API says; nothing where no step asks it.
pub(super) async fn asked(plan: &Plan, client: &Client, api: Api) -> std::result::Result<(), Failure> {
    let project = plan.project.as_str();
    let of_step = |step: &'_ Step| -> Option<Vec<String>> {
        let place: Vec<&str> = match (&step.desired, api) {
            (Desired::GkeCluster(wanted), Api::Container) => {
                vec!["v1", "projects", project, "locations", wanted.location.as_str(), "operations"]
            }
            (Desired::Address { region: None, .. }, Api::Compute) => vec!["compute", "v1", "projects", project, "global", "operations"],
            (Desired::Address { region: Some(region), .. }, Api::Compute) => {
                vec!["compute", "v1", "projects", project, "regions", region.as_str(), "operations"]
            }
            (Desired::HomeFloor { service, region, .. }, Api::Run) => {
                let region = region.as_ref().unwrap_or(&plan.region);
                vec!["v2", "projects", project, "locations", region.as_str(), "services", service.as_str()]
            }
            (
                Desired::SqlBackup { .. }
                | Desired::SqlHighAvailability { .. }
                | Desired::SqlReplica { .. }
                | Desired::GkeCluster(_)
                | Desired::Address { .. }
                | Desired::HomeFloor { .. },
                _,
            ) => return None,
        };
        Some(place.into_iter().map(str::to_owned).collect())
    };
    let Some(place) = plan.steps().find_map(of_step) else { return Ok(()) };
    preflight::door(client, &place.iter().map(String::as_str).collect::<Vec<_>>(), &[]).await
}

/// A Cloud SQL instance that has to be there for it.
pub(super) fn instance(desired: &Desired) -> Option<&InstanceId> {
    match desired {
        Desired::SqlBackup { instance, .. } | Desired::SqlHighAvailability { instance } => Some(instance),
        Desired::SqlReplica { primary, .. } => Some(primary),
        Desired::GkeCluster(_) | Desired::Address { .. } | Desired::HomeFloor { .. } => None,
    }
}

/// What doing it needs.
fn needs(desired: &Desired) -> &'static [&'static str] {
    match desired {
        Desired::SqlBackup { .. } => &["cloudsql.backupRuns.create"],
        Desired::SqlHighAvailability { .. } => &["cloudsql.instances.update"],
        Desired::SqlReplica { .. } => &["cloudsql.instances.create"],
        Desired::GkeCluster(_) => &["container.clusters.create"],
        Desired::Address { region: None, .. } => &["compute.globalAddresses.create"],
        Desired::Address { region: Some(_), .. } => &["compute.addresses.create"],
        Desired::HomeFloor { .. } => &["run.services.update"],
    }
}

/// What of it the account lacks by the project's word.
/// # Errors
/// If no client can be made.
pub(super) async fn permitted(ctx: Context<'_>) -> Result<Vec<Found>> {
    let mut wanted: BTreeMap<&'static str, &Step> = BTreeMap::new();
    for step in ctx.plan.steps() {
        for permission in needs(&step.desired) {
            wanted.entry(permission).or_insert(step);
        }
    }
    let Some((_, first)) = wanted.first_key_value() else { return Ok(Vec::new()) };
    let (project, client) = (ctx.plan.project.as_str(), ctx.composer.google(Api::Projects.host())?);
    let permissions: Vec<&str> = wanted.keys().copied().collect();
    let place = |step: &Step| ctx.spots.step(&step.id);
    let found = |permission: &str| {
        let step = wanted.get(permission)?;
        let why = format!("this account lacks the permission {permission} by the project's word, so this step could not be run");
        let finding = Finding::new(Id::PermissionMissing, format!("step/{}", step.id), why).graver(Severity::Warning);
        Some(Found::told(finding.mend(fix::grant(project, permission)).at(place(step))))
    };
    let at = client.at(&["v1", "projects", &format!("{project}:testIamPermissions")]);
    Ok(match preflight::lacking(&client, at, &permissions).await {
        Ok(lacking) => lacking.into_iter().filter_map(found).collect(),
        Err(failure) => {
            let why = format!("whether this account has {} can't be told ({})", permissions.join(", "), failure.fault.message);
            let finding = Finding::new(Id::PermissionUntold, format!("projects/{project}"), why);
            vec![Found::failed(Api::Projects, finding.at(place(first)))]
        }
    })
}
