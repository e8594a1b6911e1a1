//! Named nights: which faults come when, counted in virtual seconds from the start.
//!
//! A scenario is a list of timed faults and nothing more; whatever it does can also be injected by hand.

use std::{fmt, str::FromStr};

use strum::EnumCount;

use super::{
    faults::{Api, Damage, Fault, Manner, Probing, Trouble},
    world::{Leg, random::Random},
};

/// One fault and its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Virtual seconds from the start.
    pub at_s: f64,
    /// What happens then.
    pub fault: Fault,
}

/// The nights to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, EnumCount)]
pub enum Scenario {
    /// Nothing goes wrong.
    #[default]
    Calm,
    /// GKE answers every eighth request with a 500 for four minutes.
    ErrorBurst,
    /// GKE becomes twenty times slower for four minutes.
    Latency,
    /// Two thirds of the GKE pods stop being ready.
    BadPods,
    /// The read replica falls behind, then catches up.
    ReplicaLag,
    /// Compute's API answers 503 for a minute, Monitoring's for three.
    Api503,
    /// Writes to Compute are applied, but their answers are lost.
    LostReplies,
    /// Somebody else moves the weights, twice.
    ForeignWriter,
    /// A bit of everything for an hour, drawn from the seed.
    Storm,
}

/// A name that is no scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no scenario '{given}'; choose one of {}", Scenario::names().join(", "))]
pub struct UnknownScenario {
    given: String,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Calm,
        Self::ErrorBurst,
        Self::Latency,
        Self::BadPods,
        Self::ReplicaLag,
        Self::Api503,
        Self::LostReplies,
        Self::ForeignWriter,
        Self::Storm,
    ];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::ErrorBurst => "error-burst",
            Self::Latency => "latency",
            Self::BadPods => "bad-pods",
            Self::ReplicaLag => "replica-lag",
            Self::Api503 => "api-503",
            Self::LostReplies => "lost-replies",
            Self::ForeignWriter => "foreign-writer",
            Self::Storm => "storm",
        }
    }

    /// All names.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        Self::ALL.map(Self::name).to_vec()
    }

    /// The faults with their times, earliest first.
    #[must_use]
    pub fn steps(self, seed: u64) -> Vec<Step> {
        let errors = |rate| Fault::Errors { leg: Leg::Gke, rate };
        let latency = |factor| Fault::Latency { leg: Leg::Gke, factor };
        let api = |api, trouble, for_s| Fault::Api { api, trouble, for_s };
        let foreign = |gke_per_mille, who: &str| Fault::ForeignWriter { gke_per_mille, principal: who.to_owned() };
        match self {
            Self::Calm => Vec::new(),
            Self::ErrorBurst => timed([(120.0, errors(0.125)), (360.0, errors(0.0))]),
            Self::Latency => timed([(120.0, latency(20.0)), (360.0, latency(1.0))]),
            Self::BadPods => timed([(120.0, Fault::BadPods { fraction: 0.67 }), (480.0, Fault::BadPods { fraction: 0.0 })]),
            Self::ReplicaLag => timed(
                [3.0, 12.0, 45.0, 8.0, 0.1]
                    .into_iter()
                    .enumerate()
                    .map(|(index, seconds)| (90.0 + 60.0 * index as f64, Fault::ReplicaLag { seconds })),
            ),
            Self::Api503 => {
                timed([(90.0, api(Api::Compute, Trouble::Unavailable, 60.0)), (240.0, api(Api::Monitoring, Trouble::Unavailable, 180.0))])
            }
            Self::LostReplies => timed([(60.0, api(Api::Compute, Trouble::LostReplies, 240.0))]),
            Self::ForeignWriter => timed([
                (150.0, foreign(500, "dana.ops@hexproperty.com")),
                (600.0, foreign(50, "terraform-ci@hexproperty.iam.gserviceaccount.com")),
            ]),
            Self::Storm => storm(seed),
        }
    }
}

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|scenario| scenario.name() == given).ok_or_else(|| UnknownScenario { given: given.to_owned() })
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

fn timed(steps: impl IntoIterator<Item = (f64, Fault)>) -> Vec<Step> {
    steps.into_iter().map(|(at_s, fault)| Step { at_s, fault }).collect()
}

fn storm(seed: u64) -> Vec<Step> {
    let mut random = Random::named(seed, "storm");
    let mut steps = Vec::new();
    let mut at_s = 60.0;
    while at_s < 3_600.0 {
        let length_s = random.between(20.0, 180.0);
        let (fault, end) = squall(&mut random, length_s);
        steps.push(Step { at_s, fault });
        steps.extend(end.map(|fault| Step { at_s: at_s + length_s, fault }));
        at_s += random.between(20.0, 150.0);
    }
    steps.sort_by(|one, other| one.at_s.total_cmp(&other.at_s));
    steps
}

/// One fault of a storm, and what ends it where it does not end by itself.
fn squall(random: &mut Random, length_s: f64) -> (Fault, Option<Fault>) {
    const APIS: [Api; 5] = [Api::Run, Api::Compute, Api::Monitoring, Api::Sql, Api::Every];
    let leg = if random.chance(0.7) { Leg::Gke } else { Leg::Run };
    match random.index(14) {
        0 => (Fault::Errors { leg, rate: random.between(0.01, 0.3) }, Some(Fault::Errors { leg, rate: 0.0 })),
        1 => (Fault::Latency { leg, factor: random.between(2.0, 30.0) }, Some(Fault::Latency { leg, factor: 1.0 })),
        2 => (Fault::BadPods { fraction: random.between(0.1, 1.0) }, Some(Fault::BadPods { fraction: 0.0 })),
        3 => (Fault::ReplicaLag { seconds: random.between(1.0, 120.0) }, Some(Fault::ReplicaLag { seconds: 0.1 })),
        4 => {
            let slow = Trouble::Slow { ms: random.between(500.0, 20_000.0) };
            let old = Trouble::OldReads { ms: random.between(200.0, 12_000.0) };
            let troubles = [
                Trouble::Unavailable,
                Trouble::LostReplies,
                slow,
                Trouble::HalfOpen,
                Trouble::ReadsThrottled,
                Trouble::DeadConnections,
                old,
                old,
            ];
            (Fault::Api { api: APIS[random.index(APIS.len())], trouble: troubles[random.index(troubles.len())], for_s: length_s }, None)
        }
        5 => (
            Fault::ForeignWriter {
                gke_per_mille: random.index(1001) as u32,
                principal: "terraform-ci@hexproperty.iam.gserviceaccount.com".to_owned(),
            },
            None,
        ),
        6 => (Fault::SourceCold, None),
        7 => (Fault::Restart { leg }, None),
        8 => (Fault::CrashLoop { leg, every_s: random.between(10.0, 60.0) }, Some(Fault::CrashLoop { leg, every_s: 0.0 })),
        9 => (Fault::FrontDoorDrops { fraction: random.between(0.005, 0.1) }, Some(Fault::FrontDoorDrops { fraction: 0.0 })),
        10 => {
            let manners = [Manner::NotFound, Manner::LoginRedirect, Manner::LoginPage];
            let manner = manners[random.index(manners.len())];
            (Fault::Answers { leg: Leg::Gke, manner }, Some(Fault::Answers { leg: Leg::Gke, manner: Manner::Proper }))
        }
        11 => (Fault::BadGateway { leg, fraction: random.between(0.05, 1.0) }, Some(Fault::BadGateway { leg, fraction: 0.0 })),
        12 => {
            let probings = [Probing::WrongPath, Probing::TurnedAway];
            let probing = probings[random.index(probings.len())];
            (Fault::Probes { leg, probing }, Some(Fault::Probes { leg, probing: Probing::Answered }))
        }
        _ => {
            let damages = [
                Damage::Vanished,
                Damage::NotANumber,
                Damage::Failing,
                Damage::NoStatus,
                Damage::WordStatus,
                Damage::TwoStatuses,
                Damage::Seconds,
                Damage::StampsStandStill,
                Damage::StandsStill,
                Damage::NewSeries,
                Damage::Workers,
                Damage::LowBuckets,
                Damage::Slow,
            ];
            (Fault::Metrics { leg, damage: damages[random.index(damages.len())] }, Some(Fault::Metrics { leg, damage: Damage::None }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Scenario;

    #[test]
    fn every_scenario_is_found_by_its_name_and_is_in_order() {
        for scenario in Scenario::ALL {
            assert_eq!(scenario.name().parse(), Ok(scenario));
            let steps = scenario.steps(5);
            assert!(steps.windows(2).all(|pair| pair[0].at_s <= pair[1].at_s), "{scenario}");
        }
        assert!("thunder".parse::<Scenario>().unwrap_err().to_string().contains("error-burst"));
    }

    #[test]
    fn a_storm_depends_on_its_seed() {
        assert_eq!(Scenario::Storm.steps(1), Scenario::Storm.steps(1));
        assert_ne!(Scenario::Storm.steps(1), Scenario::Storm.steps(2));
    }
}
