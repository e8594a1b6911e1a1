//! The faults that are in force right now.
//!
//! Faults come in as values and are folded into plain numbers, so that the traffic model only multiplies.

use super::{Leg, setup::Project};
use crate::sim::faults::{Api, Damage, Fault, Manner, Probing, Scaling, Trouble};

/// The state of everything that can go wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Conditions {
    /// Faults of Cloud Run as a place to serve from.
    pub run: LegConditions,
    /// Faults of GKE as a place to serve from.
    pub gke: LegConditions,
    /// Share of connections that the front door closes.
    pub drops: f64,
    /// The most instances that Cloud Run may hold, when that is less than usual.
    pub instances_max: Option<u32>,
    /// The fewest instances that Cloud Run keeps, when that is another number than usual.
    pub instances_min: Option<u32>,
    /// Share of GKE pods that is never ready.
    pub bad_pods: f64,
    /// Seconds that the replica is kept behind.
    pub lag_s: Option<f64>,
    /// Whether the load balancer is of the kind that knows no weights.
    pub classic: bool,
    /// Whether what a URL map leaves out is written as `null`.
    pub null_fields: bool,
    /// How the project is set up.
    pub project: Project,
    /// The most that a page of a list holds, whatever is asked for.
    pub page_max: usize,
    apis: Vec<ApiTrouble>,
}

/// Faults of one leg.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LegConditions {
    /// Share of requests that ends with a 500 on top of the baseline.
    pub errors: f64,
    /// Factor on latencies.
    pub latency: f64,
    /// What is wrong with `/metrics`.
    pub damage: Damage,
    /// Since when, virtual milliseconds.
    pub damaged_ms: i64,
    /// At which age its processes crash, virtual milliseconds.
    pub crash_after_ms: Option<i64>,
    /// What users are answered with.
    pub manner: Manner,
    /// Share of the leg's requests that the load balancer answers with a 502 of its own.
    pub bad_gateway: f64,
    /// What direct requests to the health address meet.
    pub probing: Probing,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct ApiTrouble {
    api: Api,
    trouble: Trouble,
    since_ms: i64,
    until_ms: i64,
}

impl Default for Conditions {
    fn default() -> Self {
        let calm = LegConditions {
            errors: 0.0,
            latency: 1.0,
            damage: Damage::None,
            damaged_ms: 0,
            crash_after_ms: None,
            manner: Manner::Proper,
            bad_gateway: 0.0,
            probing: Probing::Answered,
        };
        Self {
            run: calm,
            gke: calm,
            drops: 0.0,
            instances_max: None,
            instances_min: None,
            bad_pods: 0.0,
            lag_s: None,
            classic: false,
            null_fields: false,
            project: Project::default(),
            page_max: usize::MAX,
            apis: Vec::new(),
        }
    }
}

impl Conditions {
    /// The conditions of one leg.
    #[must_use]
    pub fn of(&self, leg: Leg) -> LegConditions {
        match leg {
            Leg::Run => self.run,
            Leg::Gke => self.gke,
        }
    }

    /// Puts a lasting fault in force. Faults that are events (a restart, a foreign write, a cold start) leave no trace here.
    pub fn set(&mut self, now_ms: i64, fault: &Fault) {
        match fault {
            Fault::Errors { leg, rate } => self.leg(*leg).errors = rate.clamp(0.0, 1.0),
            Fault::Latency { leg, factor } => self.leg(*leg).latency = factor.clamp(0.01, 10_000.0),
            Fault::Metrics { leg, damage } => {
                let leg = self.leg(*leg);
                (leg.damage, leg.damaged_ms) = (*damage, now_ms);
            }
            Fault::CrashLoop { leg, every_s } => {
                self.leg(*leg).crash_after_ms = (*every_s > 0.0).then_some((every_s * 1000.0) as i64);
            }
            Fault::Answers { leg, manner } => self.leg(*leg).manner = *manner,
            Fault::BadGateway { leg, fraction } => self.leg(*leg).bad_gateway = fraction.clamp(0.0, 1.0),
            Fault::Probes { leg, probing } => self.leg(*leg).probing = *probing,
            Fault::BadPods { fraction } => self.bad_pods = fraction.clamp(0.0, 1.0),
            Fault::ReplicaLag { seconds } => self.lag_s = Some(seconds.max(0.0)),
            Fault::SourceShrunk { max_instances } => self.instances_max = Some(*max_instances),
            Fault::Scaling(Scaling::ToZero) => self.instances_min = Some(0),
            Fault::Scaling(Scaling::Manual { instances }) => {
                (self.instances_min, self.instances_max) = (Some(*instances), Some(*instances))
            }
            Fault::Scaling(Scaling::Off) => (self.instances_min, self.instances_max) = (Some(0), Some(0)),
            Fault::FrontDoorDrops { fraction } => self.drops = fraction.clamp(0.0, 1.0),
            Fault::Api { api, trouble, for_s } => {
                self.apis.retain(|known| known.until_ms > now_ms && known.api != *api);
                let until_ms = now_ms.saturating_add((for_s * 1000.0) as i64);
                self.apis.push(ApiTrouble { api: *api, trouble: *trouble, since_ms: now_ms, until_ms });
            }
            Fault::Classic => self.classic = true,
            Fault::NullFields => self.null_fields = true,
            Fault::Setup(setup) => self.project.set(setup.clone()),
            Fault::ForeignWriter { .. }
            | Fault::SourceCold
            | Fault::Restart { .. }
            | Fault::Edit { .. }
            | Fault::Robot { .. }
            | Fault::LateReadings { .. }
            | Fault::SlowEdge { .. }
            | Fault::Deployed { .. }
            | Fault::RevisionDeleted { .. }
            | Fault::Database(_)
            | Fault::Gateway(_)
            | Fault::Platform(_)
            | Fault::Cluster(_) => {}
        }
    }

    /// How an API misbehaves now, if it does, towards a connection that was open when that began.
    #[must_use]
    pub fn trouble(&self, now_ms: i64, api: Api) -> Option<Trouble> {
        self.trouble_on(now_ms, api, i64::MIN)
    }

    /// The same towards a connection that was opened then.
    #[must_use]
    pub fn trouble_on(&self, now_ms: i64, api: Api, connected_ms: i64) -> Option<Trouble> {
        let concerns = |known: &&ApiTrouble| {
            let spared = known.trouble == Trouble::DeadConnections && connected_ms > known.since_ms;
            let is_meant = known.api == api || (known.api == Api::Every && api != Api::Kubernetes);
            known.until_ms > now_ms && is_meant && !spared
        };
        self.apis.iter().rev().find(concerns).map(|known| known.trouble)
    }

    /// From when what this API's reads tell is: now, or some time ago.
    #[must_use]
    pub fn read_as_of(&self, now_ms: i64, api: Api) -> i64 {
        match self.trouble(now_ms, api) {
            Some(Trouble::OldReads { ms }) => now_ms.saturating_sub(ms as i64),
            Some(
                Trouble::Unavailable
                | Trouble::LostReplies
                | Trouble::Slow { .. }
                | Trouble::HalfOpen
                | Trouble::ReadOnly
                | Trouble::ReadsThrottled
                | Trouble::ReadsHang
                | Trouble::DeadConnections,
            )
            | None => now_ms,
        }
    }

    fn leg(&mut self, leg: Leg) -> &mut LegConditions {
        match leg {
            Leg::Run => &mut self.run,
            Leg::Gke => &mut self.gke,
        }
    }
}
