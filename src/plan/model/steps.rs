//! Steps of a plan: everything of a migration that is not traffic. Each names the state that one outside thing is to have.

use serde::{Deserialize, Serialize};
use strum::EnumCount;

use crate::domain::{
    cluster::WantedCluster,
    id::{InstanceId, ItemId, RouteId, StepId},
    shown::Shown,
    standing::Act,
    time::Millis,
    weight::PerMille,
};

/// A step of a phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub id: StepId,
    pub title: Shown,
    pub desired: Desired,
    /// All of them have to be so before it begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    pub consent: Consent,
    /// For how long it may be under way before people are told that it takes too long. Nothing is given up by itself.
    pub patience: Millis,
    /// Who sees to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Shown>,
    /// How long whoever wrote the plan expects it to take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Millis>,
}

/// What is to be so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Desired {
    /// A successful backup of a Cloud SQL instance that is not older than this.
    SqlBackup { instance: InstanceId, younger_than: Millis },
    /// A Cloud SQL instance with a standby in another zone.
    SqlHighAvailability { instance: InstanceId },
    /// A read replica of a Cloud SQL instance.
    SqlReplica {
        instance: InstanceId,
        primary: InstanceId,
        /// The plan's region if left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        region: Option<Shown>,
        /// The machine; the primary's if left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tier: Option<Shown>,
    },
    /// A GKE cluster that runs, of these nodes.
    GkeCluster(Box<WantedCluster>),
    /// A static external IPv4 address of this name.
    Address {
        name: Shown,
        /// Where it is; a global one where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        region: Option<Shown>,
    },
    /// A Cloud Run service that keeps at least so many instances, for as long as it must be able to take all traffic.
    HomeFloor {
        service: Shown,
        /// The plan's region if left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        region: Option<Shown>,
        /// 1 to 1000.
        instances: u32,
        /// Once it is taken back; less.
        afterwards: u32,
    },
}

/// What has to be so before a step begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// Another step is reached, or was skipped.
    Step(StepId),
    /// A line of the checklist is done.
    Line(ItemId),
    /// So much of a route's traffic has left home: accepted, and not less than this.
    Share { route: RouteId, away_min: PerMille },
}

/// Who has to want it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumCount, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consent {
    /// Whoever has the controls.
    Alone,
    /// And somebody else, who approves exactly that.
    SecondPerson,
}

/// Whether what a step does can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undoing {
    /// By an act of its own.
    Possible,
    /// By an act that takes away what the step has made, and with it what was put there since.
    Destroys,
    /// There is nothing to take back: it leaves a thing more, and changes none.
    Needless,
    /// A point of no return.
    Impossible,
}

impl Step {
    /// Who has to want `act`: what nobody can take back, or what takes something away, no plan leaves to one person alone.
    pub fn consent(&self, act: Act) -> Consent {
        if self.is_final(act) { Consent::SecondPerson } else { self.consent }
    }

    /// Whether whoever asks for `act` has to type the name of its target.
    pub fn is_final(&self, act: Act) -> bool {
        match (act, self.desired.undoing()) {
            (Act::Run, Undoing::Impossible) | (Act::Undo, Undoing::Destroys) => true,
            (Act::Run, Undoing::Possible | Undoing::Destroys | Undoing::Needless)
            | (Act::Undo, Undoing::Possible | Undoing::Needless | Undoing::Impossible) => false,
        }
    }
}

impl Desired {
    pub fn undoing(&self) -> Undoing {
        match self {
            Desired::SqlBackup { .. } => Undoing::Needless,
            Desired::SqlHighAvailability { .. } => Undoing::Possible,
            Desired::SqlReplica { .. } => Undoing::Destroys,
            // That nothing runs there any more, nobody can prove from here; whoever knows it deletes the cluster by hand.
            Desired::GkeCluster(_) => Undoing::Needless,
            // Once it is given back, somebody else may have it.
            Desired::Address { .. } => Undoing::Destroys,
            Desired::HomeFloor { .. } => Undoing::Possible,
        }
    }

    /// The name of the thing itself, which whoever runs what can't be taken back has to type.
    pub fn target(&self) -> &str {
        match self {
            Desired::SqlBackup { instance, .. } | Desired::SqlHighAvailability { instance } | Desired::SqlReplica { instance, .. } => {
                instance.as_str()
            }
            Desired::GkeCluster(wanted) => wanted.name.as_str(),
            Desired::Address { name, .. } => name.as_str(),
            Desired::HomeFloor { service, .. } => service.as_str(),
        }
    }
}
