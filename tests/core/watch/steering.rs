//! Who steers (I7), by the watchman's own reading of what looks found: what may be written over whose claim, and under which epoch.

use std::collections::BTreeMap;

use cutover::{
    core::{
        command::Command,
        decision::{Effect, Verdict},
        event::Event,
    },
    domain::{
        claim::{Claim, Claimed, Claims, Token},
        fault::Outcome,
        id::{EffectId, RouteId},
    },
    plan::model::Route,
};

use super::{Check, Seen, require, writes::way_home};

#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    /// The session's own; without one nothing is claimed.
    token: Option<Token>,
    ordered: bool,
    routes: BTreeMap<RouteId, Known>,
    intents: BTreeMap<EffectId, (RouteId, Claim)>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    holder: Holder,
    /// The highest epoch that was seen or sent, and the highest that was sent.
    highest: u64,
    sent: u64,
}

#[derive(Debug, Clone, Default)]
enum Holder {
    #[default]
    Free,
    Ours(Claim),
    Others(Claim),
    Lost,
}

impl Ledger {
    pub(super) fn look(&mut self, seen: &Seen) -> Check {
        if let Event::Hosted(hosted) = &seen.entry.event {
            self.token = self.token.or(Some(hosted.token));
            self.ordered = hosted.takes_over.is_some();
        }
        self.learn(seen);
        for effect in &seen.decision.effects {
            match &effect.what {
                Effect::Write { route, claim, again, .. } => {
                    let planned = seen.plan.routes.iter().find(|planned| planned.id == *route).expect("a route of the plan");
                    self.written(seen, planned, effect.id, claim.as_deref(), *again)?;
                }
                Effect::Claim { route, claim, reason, .. } => self.claimed(seen, route, effect.id, claim, reason.is_some())?,
                Effect::Act { .. } | Effect::Read { .. } | Effect::Wake { .. } | Effect::Inject { .. } => {}
            }
        }
        Ok(())
    }

    fn learn(&mut self, seen: &Seen) {
        if let Event::Finished { effect, outcome: Outcome::Done(_), .. } = &seen.entry.event
            && seen.before.in_flight.contains(effect)
            && let Some((route, claim)) = self.intents.get(effect)
        {
            let known = self.routes.entry(route.clone()).or_default();
            if claim.epoch.get() >= known.highest {
                known.holder = if claim.claims == Claims::Ended { Holder::Free } else { Holder::Ours(claim.clone()) };
            }
        }
        if !matches!(seen.entry.event, Event::Observed(_)) {
            return;
        }
        for (id, route) in &seen.after.routes {
            if route.accepted_seq != Some(seen.entry.seq) {
                continue;
            }
            let known = self.routes.entry(id.clone()).or_default();
            match route.accepted.as_ref().map(|accepted| &accepted.claimed) {
                None | Some(Claimed::Untold) => {}
                Some(Claimed::Nobody) => {
                    known.holder = match known.holder {
                        Holder::Ours(_) | Holder::Lost => Holder::Lost,
                        Holder::Free | Holder::Others(_) => Holder::Free,
                    };
                }
                Some(Claimed::By(claim)) => {
                    let ours =
                        self.token == Some(claim.by.token) && claim.by.session.as_str() == "night" && claim.epoch.get() <= known.sent;
                    known.highest = known.highest.max(claim.epoch.get());
                    known.holder = match (claim.claims, ours) {
                        (Claims::Ended, _) => Holder::Free,
                        (Claims::Steers, true) => Holder::Ours((**claim).clone()),
                        (Claims::Steers, false) => Holder::Others((**claim).clone()),
                    };
                }
            }
        }
    }

    fn written(&mut self, seen: &Seen, route: &Route, id: EffectId, claim: Option<&Claim>, again: Option<EffectId>) -> Check {
        if self.token.is_none() {
            return Ok(());
        }
        let Some(claim) = claim else { return require(false, "I7", || format!("{id} claims nothing")) };
        if let Some(first) = again {
            let same = self.intents.get(&first).is_some_and(|(_, known)| known == claim);
            return require(same, "I7", || format!("{id} repeats {first} under another claim"));
        }
        let holder = self.routes.entry(route.id.clone()).or_default().holder.clone();
        let free = matches!(holder, Holder::Free | Holder::Ours(_));
        let home = way_home(&seen.after.routes[&route.id].motion) == Some(id);
        require(home || free, "I7", || format!("{id} moves {} past {holder:?}", route.id))?;
        self.epoch_is_right(id, &route.id, claim)
    }

    fn claimed(&mut self, seen: &Seen, route: &RouteId, id: EffectId, claim: &Claim, takes: bool) -> Check {
        let known = self.routes.entry(route.clone()).or_default().clone();
        let accepted = seen.decision.answer.as_ref().is_some_and(|answer| answer.verdict == Verdict::Accepted);
        let asked = match &seen.entry.event {
            Event::Asked { by, command: Command::TakeOver { route: of, from, reason }, .. } => {
                let holder = seen.after.controls.holder.as_ref();
                let saw = match (&known.holder, from) {
                    (Holder::Others(stands), Some(saw)) => stands == &**saw,
                    (Holder::Lost, None) => true,
                    (Holder::Free | Holder::Ours(_) | Holder::Others(_) | Holder::Lost, _) => false,
                };
                let says = !reason.as_str().trim().is_empty() && holder.is_some_and(|holder| holder.client == by.client);
                takes && accepted && of == route && says && saw
            }
            Event::Asked { command: Command::Stop { .. }, .. } => !takes && accepted && matches!(known.holder, Holder::Ours(_)),
            Event::Observed(_) => takes && std::mem::take(&mut self.ordered),
            _ => false,
        };
        require(asked, "I7", || format!("{id} claims {route} as {claim} past {:?}, and nobody asked for it", known.holder))?;
        require(takes == (claim.claims == Claims::Steers), "I7", || format!("{id} claims {claim}"))?;
        self.epoch_is_right(id, route, claim)
    }

    /// Its own epoch that stands there, or one above all that it has seen or sent.
    fn epoch_is_right(&mut self, id: EffectId, route: &RouteId, claim: &Claim) -> Check {
        let known = self.routes.entry(route.clone()).or_default();
        let goes_on = matches!(&known.holder, Holder::Ours(stands) if stands == claim) && known.sent == claim.epoch.get();
        let newer = claim.epoch.get() > known.highest.max(known.sent) && self.token == Some(claim.by.token);
        require(goes_on || newer, "I7", || format!("{id} claims {route} as {claim} after {known:?}"))?;
        (known.highest, known.sent) = (known.highest.max(claim.epoch.get()), claim.epoch.get());
        self.intents.insert(id, (route.clone(), claim.clone()));
        Ok(())
    }
}
