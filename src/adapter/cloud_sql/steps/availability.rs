//! A primary with a standby in another zone.
//!
//! Setting it up, and taking it away, may restart the instance.

use serde::Serialize;

use super::{super::wire::Role, StepConfig};
use crate::{
    adapter::http::{Ask, Client, Limits},
    domain::{
        by_hand,
        database::Serving,
        fault::{Fault, Outcome, Version},
        shown::Shown,
        standing::{Act, Change, Known, Standing},
    },
    port::{Answer, Intent, Reconciler},
};

pub struct AvailabilityStep {
    config: StepConfig,
    sql: Client,
}

const REGIONAL: &str = "REGIONAL";
const ZONAL: &str = "ZONAL";
/// What the API calls a change of settings.
const KINDS: [&str; 1] = ["UPDATE"];

#[derive(Serialize)]
struct Patch<'a> {
    settings: PatchedSettings<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PatchedSettings<'a> {
    settings_version: &'a str,
    availability_type: &'a str,
}

impl AvailabilityStep {
    pub fn new(config: StepConfig, sql: Client) -> AvailabilityStep {
        AvailabilityStep { config, sql }
    }

    async fn examine(&self) -> Result<Standing, Fault> {
        let described = self.config.described(&self.sql, &self.config.instance);
        let (instance, operations) = tokio::join!(described, self.config.operations(&self.sql));
        let (instance, operations) = (instance?, operations?);
        // Its settings may be told before they are in force, so an operation that changes them counts first.
        if let Some(open) = operations.open(&KINDS) {
            return Ok(Standing::Underway(open.underway()));
        }
        if instance.role() != Role::Primary || instance.serving() != Serving::Running {
            return Ok(Standing::Foreign { why: instance.described() });
        }
        let (version, told) = (instance.version()?, Shown::new(&instance.settings.availability_type));
        if told.as_str() == REGIONAL {
            let mut evidence = vec![Known { what: "availabilityType".into(), value: told }];
            let standby = instance.secondary_gce_zone.as_deref().map(Shown::new);
            evidence.extend(standby.map(|value| Known { what: "secondaryGceZone".into(), value }));
            return Ok(Standing::Reached { version, evidence });
        }
        let failed = operations.of(&KINDS).next().and_then(|last| last.failed());
        let change = Change { what: "availabilityType".into(), from: Some(told), to: Some(REGIONAL.into()) };
        Ok(Standing::Apart { version, changes: vec![change], failed })
    }

    async fn change(&self, availability: &str, version: &Version, intent: &Intent) -> Outcome {
        let patch = Patch { settings: PatchedSettings { settings_version: &version.0, availability_type: availability } };
        self.sql
            .begin(Ask::patch(self.sql.at(&self.config.path(&[])), &patch, Limits::WRITE).because(intent), self.config.instance.as_str())
            .await
    }
}

impl Reconciler for AvailabilityStep {
    fn look(&self) -> Answer<'_, Result<Standing, Fault>> {
        Box::pin(self.examine())
    }

    fn act<'a>(&'a self, act: Act, version: &'a Version, intent: &'a Intent) -> Answer<'a, Outcome> {
        let availability = match act {
            Act::Run => REGIONAL,
            Act::Undo => ZONAL,
        };
        Box::pin(self.change(availability, version, intent))
    }

    fn by_hand(&self, act: Act) -> Option<String> {
        let StepConfig { project, instance, .. } = &self.config;
        Some(by_hand::sql_availability(project, instance.as_str(), act == Act::Run))
    }
}
