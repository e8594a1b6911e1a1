//! I15: what is not kept lets nothing happen but looks and the way home, little room leads nobody further out, and nobody is told ten times.

use cutover::{
    core::{
        command::Command,
        decision::{Effect, Verdict},
        event::Event,
        news::News,
        record::{Keeping, RecordChange},
    },
    domain::{
        time::{Millis, Timestamp},
        weight::Weights,
    },
};

use super::{Check, Seen, require};

/// What was told within this time is told again only of a disk that hangs for long.
const EPISODE: Millis = Millis::from_mins(10);
const LONG: Millis = Millis::from_secs(5);

/// What was told of the disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    hangs_since: Option<Timestamp>,
    answered_at: Option<Timestamp>,
}

impl Ledger {
    pub(super) fn look(&mut self, seen: &Seen) -> Check {
        let (before, after) = (&seen.before.keeping, &seen.after.record.keeping);
        match (before, after) {
            (Keeping::Hanging { .. }, Keeping::Hanging { .. }) | (Keeping::Broken { .. }, Keeping::Broken { .. }) => not_kept(seen)?,
            (Keeping::Low { .. }, Keeping::Low { .. }) => low(seen)?,
            (Keeping::Kept | Keeping::Low { .. } | Keeping::Hanging { .. } | Keeping::Broken { .. }, _) => {}
        }
        if let Event::Record(RecordChange::Hangs { .. }) = seen.entry.event {
            self.hangs_since = Some(seen.after.now);
        }
        self.told_once(seen)?;
        if seen.entry.event == Event::Record(RecordChange::Answers) {
            self.answered_at = Some(seen.after.now);
            let room = matches!(after, Keeping::Kept | Keeping::Low { .. } | Keeping::Broken { .. });
            require(room, "I15", || format!("the disk answers, and the record is {after:?}"))?;
        }
        Ok(())
    }

    fn told_once(&self, seen: &Seen) -> Check {
        let now = seen.after.now;
        let told = seen.decision.news.iter().filter(|news| matches!(news, News::Record(RecordChange::Hangs { .. }))).count();
        let lately = self.answered_at.is_some_and(|at| now.since(at) < EPISODE);
        let long = self.hangs_since.is_some_and(|since| now.since(since) >= LONG);
        require(told == 0 || told == 1 && (!lately || long), "I15", || {
            format!("told {told} times of a disk that was slow before: since {:?}", self.hangs_since)
        })
    }
}

/// The ways home among what was decided, and nothing else.
fn not_kept(seen: &Seen) -> Check {
    for effect in &seen.decision.effects {
        let Effect::Write { route, to, .. } = &effect.what else { continue };
        let planned = seen.plan.routes.iter().find(|planned| planned.id == *route);
        let is_home = planned.is_some_and(|route| *to == Weights::all_on(&route.home, route.backend_ids()));
        require(is_home, "I15", || format!("{route} goes to {to}, and nothing is kept"))?;
    }
    if let (Event::Asked { command, .. }, Some(answer)) = (&seen.entry.event, &seen.decision.answer) {
        let refused = matches!(answer.verdict, Verdict::Refused(_)) || matches!(command, Command::Rollback { .. });
        require(refused, "I15", || format!("{command:?} is answered {:?}, and nothing is kept", answer.verdict))?;
    }
    let opened = seen.after.approvals.keys().find(|digest| !seen.before.approvals.contains_key(digest));
    require(opened.is_none(), "I15", || format!("{opened:?} is opened, and nothing is kept"))
}

/// Nothing that leads further out than where it stands.
fn low(seen: &Seen) -> Check {
    for effect in &seen.decision.effects {
        let Effect::Write { route, from, to, .. } = &effect.what else { continue };
        let Some(planned) = seen.plan.routes.iter().find(|planned| planned.id == *route) else { continue };
        require(to.of(&planned.home) >= from.of(&planned.home), "I15", || format!("{route} goes from {from} to {to} on the last room"))?;
    }
    Ok(())
}
