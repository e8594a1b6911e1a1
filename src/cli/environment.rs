//! What a host steers: the plan's real systems, a simulated world of its own, or one that `cutover sim` runs.

use std::sync::Arc;

use color_eyre::eyre::{Result, WrapErr};

use crate::{
    attach::sessions::Simulated,
    cli::{
        Exit, bounds,
        compose::Places,
        inject::{self, Hand},
        place::said,
    },
    core::event::WorldKind,
    domain::time::Timestamp,
    plan::model::Plan,
    port::FaultInjector,
    session::clock::Clock,
    sim::{
        scenario::Scenario,
        simulation::{Config, Endpoints, Simulation},
    },
};

#[derive(Debug, Clone, clap::Args)]
pub struct Environment {
    /// Steer a simulated world instead of what the plan names: its own, or the one of `cutover sim --port PORT` at speed 1
    #[arg(long, num_args = 0..=1, value_name = "PORT", allow_negative_numbers = true, value_parser = bounds::world_port)]
    pub simulated: Option<Option<u16>>,
    /// What chance is drawn from in a simulated world of its own [default: 1]
    #[arg(long, requires = "simulated")]
    pub seed: Option<u64>,
    /// World seconds in one real second there, 1 to 100 [default: 1]
    #[arg(long, requires = "simulated", allow_negative_numbers = true, value_parser = bounds::session_speed)]
    pub speed: Option<f64>,
    /// What goes wrong there by itself [default: calm]
    #[arg(long, requires = "simulated")]
    pub scenario: Option<Scenario>,
}

impl Environment {
    /// Which simulated world, if one.
    pub fn world(&self) -> Option<Simulated> {
        self.simulated.map(|port| port.map_or(Simulated::Own, Simulated::Port))
    }

    /// Whether the world will live in the host's own process, and end with it.
    pub fn is_in_the_host(&self) -> bool {
        self.world() == Some(Simulated::Own)
    }

    /// The options that were given and are for a world that begins.
    pub fn of_a_world_that_begins(&self) -> Vec<&'static str> {
        let given = [("--seed", self.seed.is_some()), ("--speed", self.speed.is_some()), ("--scenario", self.scenario.is_some())];
        given.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect()
    }

    /// Whether everything that was given has a meaning; says so if not.
    /// # Errors
    /// [`Exit::Usage`].
    pub fn is_consistent(&self) -> Result<(), Exit> {
        let given = self.of_a_world_that_begins().join(" and ");
        match self.simulated {
            Some(Some(port)) if !given.is_empty() => {
                let why = format!("the world on port {port} runs already; nothing was started; give {given} to its `cutover sim`");
                Err(said(why, Exit::Usage))
            }
            Some(Some(_) | None) | None => Ok(()),
        }
    }
}

/// Where the host has ended up.
pub enum World {
    Live(Clock),
    Own { simulation: Simulation, clock: Clock },
    Elsewhere { endpoints: Endpoints, clock: Clock },
}

impl World {
    /// # Errors
    /// When a world of its own can't start.
    pub async fn enter(environment: &Environment) -> Result<World> {
        match environment.simulated {
            None => Ok(World::Live(Clock::live())),
            Some(Some(first)) => Ok(World::Elsewhere { endpoints: Endpoints::in_a_row(first), clock: Clock::live() }),
            Some(None) => {
                let Config { seed, speed, scenario, .. } = Config::default();
                let seed = environment.seed.unwrap_or(seed);
                let speed = environment.speed.unwrap_or(speed);
                let scenario = environment.scenario.unwrap_or(scenario);
                World::own(Config { seed, speed, scenario, ..Config::default() }).await
            }
        }
    }

    /// A simulated world in this process.
    /// # Errors
    /// It can't start.
    pub async fn own(config: Config) -> Result<World> {
        let simulation = Simulation::start(config).await.wrap_err("the simulated world could not start; nothing was begun")?;
        let clock = Clock::paced(Timestamp(simulation.clock().now_ms()), simulation.clock().speed());
        Ok(World::Own { simulation, clock })
    }

    pub fn clock(&self) -> Clock {
        match self {
            World::Live(clock) | World::Own { clock, .. } | World::Elsewhere { clock, .. } => *clock,
        }
    }
    pub fn places(&self) -> Places {
        match self {
            World::Live(_) => Places::Live,
            World::Own { simulation, .. } => Places::Simulated(*simulation.endpoints()),
            World::Elsewhere { endpoints, .. } => Places::Simulated(*endpoints),
        }
    }
    pub fn kind(&self) -> WorldKind {
        match self {
            World::Live(_) => WorldKind::Live,
            World::Own { simulation, .. } => WorldKind::Demo { speed: simulation.clock().speed().round() as u32 },
            World::Elsewhere { .. } => WorldKind::Demo { speed: 1 },
        }
    }
    /// A world of one's own ends with the host, so its sessions can't be taken up again.
    pub fn is_our_own(&self) -> bool {
        matches!(self, World::Own { .. })
    }
    /// Makes of a world of one's own what the plan takes it to be.
    pub fn suit(&self, plan: &Plan) {
        match self {
            World::Own { simulation, .. } => inject::suit(&simulation.control(), plan),
            World::Live(_) | World::Elsewhere { .. } => {}
        }
    }
    pub fn fault_injector(&self, plan: &Plan) -> Option<Arc<dyn FaultInjector>> {
        match self {
            World::Own { simulation, .. } => Some(Arc::new(Hand { control: simulation.control(), plan: plan.clone() })),
            World::Live(_) | World::Elsewhere { .. } => None,
        }
    }
    pub async fn leave(self) {
        if let World::Own { simulation, .. } = self {
            simulation.stop().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_a_hand_in_a_world_that_runs_by_itself() {
        let (plan, _) = crate::plan::read(include_bytes!("../../plans/minimal.yaml")).expect("a plan of the project is valid");
        let elsewhere = World::Elsewhere { endpoints: Endpoints::in_a_row(20_000), clock: Clock::live() };
        assert_eq!((elsewhere.kind(), elsewhere.fault_injector(&plan).is_none()), (WorldKind::Demo { speed: 1 }, true));
    }
}
