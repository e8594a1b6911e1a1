//! The people of a night: a pilot who wants to get on, and a second one who looks over her shoulder. They do what people do.

use cutover::{
    core::{
        command::{Command, ControlsCommand},
        event::{Asker, Event},
        outlook,
        state::{Motion, RouteState},
    },
    domain::{
        id::{AskId, ClientId},
        role::Role,
        shown::Shown,
        time::{Millis, Timestamp},
        weight::{PerMille, Weights},
    },
    plan::model::Route,
    sim::world::random::Random,
};

use super::night::Night;
use crate::watch::Check;

#[derive(Debug, Default)]
pub(crate) struct Crew {
    acts_at: Timestamp,
    beats_at: Timestamp,
}

impl Night {
    /// Each host numbers its terminals on; nobody gets another's number.
    fn person(&self, name: &str) -> Asker {
        let (place, role) = if name == "ana" { (1, Role::Pilot) } else { (2, Role::Operator) };
        Asker { client: ClientId(self.host * 10 + place), who: name.parse().expect("a name"), role }
    }

    pub(crate) fn crew_joins(&mut self) -> Check {
        for name in ["ana", "ben"] {
            let Asker { client, who, role } = self.person(name);
            self.happen(Event::Joined { client, who, role, terminal: None, credentials: None })?;
        }
        Ok(())
    }

    pub(crate) fn crew_beats(&mut self) -> Check {
        if self.now < self.crew.beats_at {
            return Ok(());
        }
        self.crew.beats_at = self.now + Millis::from_secs(4);
        // Once in a while a terminal hangs for longer than the controls are held for it.
        if self.random.chance(0.01) {
            self.crew.beats_at = self.now + Millis::from_secs(20);
        }
        let client = self.person("ana").client;
        self.happen(Event::Beat { client })
    }

    fn say(&mut self, name: &str, command: Command) -> Check {
        self.asks += 1;
        let (by, ask) = (self.person(name), AskId(self.asks));
        self.happen(Event::Asked { by, ask, key: None, command, credentials: None })
    }

    pub(crate) fn crew_goes_home(&mut self) -> Check {
        self.say("ben", Command::Rollback { route: None, reason: Some(Shown::new("nothing is recorded any more")) })
    }

    pub(crate) fn crew_acts(&mut self) -> Check {
        self.crew_beats()?;
        if self.now < self.crew.acts_at {
            return Ok(());
        }
        self.crew.acts_at = self.now + Millis(500 + self.random.index(1_500) as u64);
        if self.random.chance(0.002) {
            return self.say("ben", Command::Rollback { route: None, reason: Some(Shown::new("it smells")) });
        }
        self.ben_looks_over()?;
        let step = if self.random.chance(0.1) { self.pilot_wants_a_step() } else { None };
        match step.or_else(|| self.pilot_wants()) {
            Some(command) => self.say("ana", command),
            None => Ok(()),
        }
    }

    fn ben_looks_over(&mut self) -> Check {
        let open = self.state.approvals.keys().next().cloned();
        match open {
            Some(digest) if self.random.chance(0.3) => {
                let deny = self.random.chance(0.2);
                let command = if deny { Command::Deny { digest, reason: None } } else { Command::Approve { digest } };
                self.say("ben", command)
            }
            Some(_) | None => Ok(()),
        }
    }

    fn pilot_wants(&mut self) -> Option<Command> {
        let id = self.plan.routes[0].id.clone();
        if self.state.controls.holder.is_none() {
            return Some(Command::Controls(ControlsCommand::Take));
        }
        // Lent beside the dice, which are thrown while it is looked at.
        let (known, random) = (&self.state.routes[&id], &mut self.random);
        if outlook::may_take_over(&self.state, &id).is_ok() {
            let from = known.steering.another().cloned().map(Box::new);
            let reason = Shown::new("it is ours");
            return random.chance(0.05).then_some(Command::TakeOver { route: id, from, reason });
        }
        if known.latch.is_some() {
            let rested = !known.motion.is_returning() && known.drift.is_none();
            let reason = Shown::new("the cause is gone");
            return (rested && random.chance(0.03)).then_some(Command::Rearm { route: id, reason });
        }
        if let Some(drift) = &known.drift {
            let found = drift.found.clone();
            return random.chance(0.05).then_some(Command::AdoptDrift { route: id, found });
        }
        if known.hold.is_some() {
            return random.chance(0.1).then_some(Command::Resume { route: id });
        }
        if random.chance(0.002) {
            return Some(Command::Hold { route: id });
        }
        let eager = match known.motion {
            Motion::Settled => 0.3,
            Motion::Propagating { .. } | Motion::Writing { .. } => 0.01,
            Motion::Unread | Motion::Resolving { .. } | Motion::Returning(_) | Motion::NeedsHuman { .. } => 0.005,
        };
        if !random.chance(eager) {
            return None;
        }
        let from = known.wanted.clone()?;
        let to = next_stop(&self.plan.routes[0], known, &from, random)?;
        Some(Command::Shift { route: id, from, to })
    }
}

/// The next stop of the ladder; sometimes too far, sometimes back.
fn next_stop(route: &Route, known: &RouteState, from: &Weights, random: &mut Random) -> Option<Weights> {
    let now = known.queued.as_ref().map_or(from, |wish| &wish.to).of(&route.target);
    let share = if random.chance(0.03) {
        PerMille::new(random.index(1001) as u16).expect("at most 1000")
    } else {
        *route.ladder.iter().find(|share| **share > now)?
    };
    from.with(&route.target, share).ok()
}
