//! A read replica that is there and replicates, by its engine's own word.
//!
//! A name can be given only once, so that of two who create it only the first does. Whatever stands there already and follows the same primary
//! is as good, whoever made it. It is deleted only while it is still a replica without replicas of its own and bears the label with which this
//! session created it: what somebody has promoted, or made, is nobody's to delete here. A delete has no version to be made against, so
//! it is looked at once more right before; a promotion that begins in between takes longer than that look may, and an instance that
//! is being promoted takes no delete.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    super::{
        running,
        series::Monitoring,
        wire::{Instance, Operations, Role, Wanted},
    },
    StepConfig, changed,
};
use crate::{
    adapter::http::{Ask, Client, Limits},
    domain::{
        age, by_hand,
        database::Serving,
        fact::ReplicaState,
        fault::{Fault, FaultKind, Outcome, Version},
        id::InstanceId,
        shown::Shown,
        standing::{Act, Change, Known, Standing, Underway},
    },
    port::{Answer, Intent, Reconciler},
};

/// What the replica is to be.
#[derive(Clone)]
pub struct ReplicaConfig {
    pub step: StepConfig,
    pub primary: InstanceId,
    pub region: String,
    /// The machine; the primary's if left out.
    pub tier: Option<String>,
}

pub struct ReplicaStep {
    config: ReplicaConfig,
    sql: Client,
    monitoring: Client,
}

/// By this it is known which session created an instance.
const LABEL: &str = "cutover-session";
const CREATE: &str = "CREATE_REPLICA";
const DELETE: &str = "DELETE";
/// After these it is no replica any more, or another primary's.
const TURNS: [&str; 5] = ["PROMOTE_REPLICA", "SWITCHOVER", "SWITCHOVER_TO_REPLICA", "RECONFIGURE_OLD_PRIMARY", "RECREATE_REPLICA"];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewReplica<'a> {
    name: &'a str,
    region: &'a str,
    database_version: &'a str,
    master_instance_name: &'a str,
    settings: NewSettings<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewSettings<'a> {
    tier: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    edition: Option<&'a str>,
    availability_type: &'a str,
    user_labels: BTreeMap<&'a str, String>,
}

/// What one look found.
struct Seen {
    standing: Standing,
    replica: Option<Instance>,
    primary: Instance,
}

impl ReplicaStep {
    pub fn new(config: ReplicaConfig, sql: Client, monitoring: Client) -> ReplicaStep {
        ReplicaStep { config, sql, monitoring }
    }

    async fn examine(&self) -> Result<Seen, Fault> {
        let ReplicaConfig { step, primary, .. } = &self.config;
        let (replica, operations, primary) =
            tokio::join!(step.described(&self.sql, &step.instance), step.operations(&self.sql), step.described(&self.sql, primary));
        let replica = match replica {
            Err(fault) if fault.kind == FaultKind::NotFound => None,
            replica => Some(replica?),
        };
        let (operations, primary) = (operations?, primary?);
        let standing = match &replica {
            None => self.absent(&primary, &operations)?,
            Some(replica) => self.present(replica, &operations).await?,
        };
        Ok(Seen { standing, replica, primary })
    }

    /// There is no such instance.
    fn absent(&self, primary: &Instance, operations: &Operations) -> Result<Standing, Fault> {
        let ReplicaConfig { step, primary: of, region, .. } = &self.config;
        if let Some(open) = operations.open(&[CREATE, DELETE]) {
            return Ok(Standing::Underway(open.underway()));
        }
        if primary.role() != Role::Primary || primary.serving() != Serving::Running {
            return Ok(Standing::Foreign { why: Shown::new(&format!("{of}, which it would follow, is {}", primary.described())) });
        }
        // What would be created is made after the primary, so it rests on how that one is set.
        let version = Version(format!("absent/{}", primary.version()?.0));
        let new = |what: &str, value: &str| Change { what: Shown::new(what), from: None, to: Some(Shown::new(value)) };
        let mut changes = vec![
            new("name", step.instance.as_str()),
            new("masterInstanceName", of.as_str()),
            new("region", region),
            new("tier", self.tier(primary)),
        ];
        changes.extend(primary.settings.edition.as_deref().map(|edition| new("edition", edition)));
        let failed = operations.of(&[CREATE]).next().and_then(|last| last.failed());
        Ok(Standing::Apart { version, changes, failed })
    }

    async fn present(&self, replica: &Instance, operations: &Operations) -> Result<Standing, Fault> {
        let ReplicaConfig { step, primary: of, region, .. } = &self.config;
        let foreign = |why: &str| Ok(Standing::Foreign { why: Shown::new(why) });
        if let Some(open) = operations.open(&TURNS) {
            return foreign(&format!("it is being made something else: {}", open.underway().operation));
        }
        if let Some(open) = operations.open(&[CREATE, DELETE]) {
            return Ok(Standing::Underway(open.underway()));
        }
        let (Role::Replica(wanted), Some(followed)) = (replica.role(), replica.primary(&step.project)) else {
            return foreign(replica.described().as_str());
        };
        if followed != *of {
            return foreign(replica.described().as_str());
        }
        if replica.region != *region {
            return foreign(&format!("it is in {}, not in {region}", replica.region));
        }
        match replica.serving() {
            Serving::Running => {}
            Serving::PendingCreate | Serving::PendingDelete => {
                let underway = Underway { operation: replica.described(), since: None, progress: None, doing: None };
                return Ok(Standing::Underway(underway));
            }
            Serving::Stopped | Serving::Suspended | Serving::Maintenance | Serving::Failed | Serving::Repairing | Serving::Untold => {
                return foreign(replica.described().as_str());
            }
        }
        if wanted == Wanted::Stands || operations.was_stopped() {
            return foreign("its replication was stopped by hand");
        }
        self.streaming(replica, operations).await
    }

    /// It stands there and is meant to replicate; whether it does, its engine says through Cloud Monitoring.
    async fn streaming(&self, replica: &Instance, operations: &Operations) -> Result<Standing, Fault> {
        let StepConfig { project, instance, now } = &self.config.step;
        let Some(engine) = replica.engine() else { return Ok(Standing::Foreign { why: Shown::new(&replica.database_version) }) };
        let (now, stale_after) = (now(), age::of_lag(age::STEP_EVERY));
        let monitoring = Monitoring { client: &self.monitoring, project, now, stale_after };
        let broken = |why: &str| Ok(Standing::Foreign { why: Shown::new(why) });
        match running::read(&monitoring, instance, engine).await.state {
            ReplicaState::Replicating => {
                let known = |what: &str, value: &str| Known { what: Shown::new(what), value: Shown::new(value) };
                let followed = known("masterInstanceName", self.config.primary.as_str());
                let evidence = vec![followed, known("region", &replica.region), known("replication/state", "Running")];
                Ok(Standing::Reached { version: replica.version()?, evidence })
            }
            ReplicaState::Stopped => broken("replication/state Stopped"),
            ReplicaState::Broken(_) => broken("its replication is broken"),
            ReplicaState::Untold | ReplicaState::Primary | ReplicaState::Unknown => {
                // Samples of a new one come some minutes after it.
                let created = operations.of(&[CREATE]).next();
                let is_new = created.and_then(|created| created.done_at()).is_some_and(|at| now.since(at) < stale_after);
                match created.filter(|_| is_new) {
                    Some(created) => {
                        let doing = Some("created; replication/state is not told yet".into());
                        Ok(Standing::Underway(Underway { doing, ..created.underway() }))
                    }
                    None => {
                        Err(Fault::new(FaultKind::Unavailable, format!("Cloud Monitoring does not tell whether {instance} replicates")))
                    }
                }
            }
        }
    }

    fn tier<'a>(&'a self, primary: &'a Instance) -> &'a str {
        self.config.tier.as_deref().unwrap_or(&primary.settings.tier)
    }

    async fn create(&self, version: &Version, intent: &Intent) -> Outcome {
        let ReplicaConfig { step, primary: of, region, .. } = &self.config;
        // Nothing has left yet, so whatever keeps it from looking keeps it from acting.
        let primary = match self.examine().await {
            Err(fault) => return Outcome::NotDone(fault),
            Ok(Seen { standing: Standing::Apart { version: found, .. }, primary, .. }) if found == *version => primary,
            Ok(_) => return changed(&step.instance, "is there, or the primary has other settings,"),
        };
        let new = NewReplica {
            name: step.instance.as_str(),
            region,
            database_version: &primary.database_version,
            master_instance_name: of.as_str(),
            settings: NewSettings {
                tier: self.tier(&primary),
                edition: primary.settings.edition.as_deref(),
                availability_type: "ZONAL",
                user_labels: BTreeMap::from([(LABEL, label(&intent.session))]),
            },
        };
        self.sql
            .begin(
                Ask::post(self.sql.at(&["v1", "projects", &step.project, "instances"]), &new, Limits::WRITE).because(intent),
                step.instance.as_str(),
            )
            .await
    }

    async fn delete(&self, version: &Version, intent: &Intent) -> Outcome {
        let step = &self.config.step;
        let replica = match self.examine().await {
            Err(fault) => return Outcome::NotDone(fault),
            Ok(Seen { standing: Standing::Reached { version: found, .. }, replica: Some(replica), .. }) if found == *version => replica,
            Ok(_) => return changed(&step.instance, "is gone, or has become something else,"),
        };
        let kept = |why: String| {
            let by_hand = self.by_hand(Act::Undo).unwrap_or_default();
            Outcome::NotDone(Fault::new(FaultKind::Refused, format!("{} {why}; if it is to go, by hand: {by_hand}", step.instance)))
        };
        match replica.settings.user_labels.get(LABEL) {
            Some(session) if *session == label(&intent.session) => {}
            Some(other) => return kept(format!("was created by the session {other} and not by this one")),
            None => return kept("was not created by this session".to_owned()),
        }
        if !replica.replica_names.is_empty() {
            return kept(format!("has replicas of its own ({})", replica.replica_names.join(", ")));
        }
        self.sql.begin(Ask::delete(self.sql.at(&step.path(&[])), Limits::WRITE).because(intent), step.instance.as_str()).await
    }
}

/// A session's name in the grammar of labels, which has fewer signs.
fn label(session: &str) -> String {
    let plain = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '-' || sign == '_';
    session.chars().map(|sign| if plain(sign) { sign } else { '-' }).take(63).collect()
}

impl Reconciler for ReplicaStep {
    fn look(&self) -> Answer<'_, Result<Standing, Fault>> {
        Box::pin(async { Ok(self.examine().await?.standing) })
    }

    fn act<'a>(&'a self, act: Act, version: &'a Version, intent: &'a Intent) -> Answer<'a, Outcome> {
        Box::pin(async move {
            match act {
                Act::Run => self.create(version, intent).await,
                Act::Undo => self.delete(version, intent).await,
            }
        })
    }

    fn by_hand(&self, act: Act) -> Option<String> {
        let ReplicaConfig { step: StepConfig { project, instance, .. }, primary, region, tier } = &self.config;
        Some(match act {
            Act::Run => by_hand::sql_replica(project, (instance.as_str(), primary.as_str()), region, tier.as_deref()),
            Act::Undo => by_hand::sql_delete(project, instance.as_str()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn a_session_is_named_in_the_grammar_of_labels() {
        assert_eq!(label("night_2026-11-29"), "night_2026-11-29");
        assert_eq!(label("team.a/night"), "team-a-night");
        assert_eq!(label(&"n".repeat(80)).len(), 63);
    }
}
