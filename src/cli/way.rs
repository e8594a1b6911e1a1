//! Commands that are printed to be pasted: each works as it stands, in the shell that it is read in.

use std::path::Path;

use crate::{
    attach::sessions::{Card, Found, Life, Simulated},
    cli::{place::Place, print},
    core::event::WorldKind,
    domain::{
        digest::Digest,
        id::{RouteId, SessionId},
    },
};

/// Puts words together to a line for the shell.
pub fn line(words: impl IntoIterator<Item = String>) -> String {
    let words = std::iter::once(print::program()).chain(words);
    words.map(|word| quoted(&word)).collect::<Vec<_>>().join(" ")
}

/// A word as a shell reads it back.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// `cutover WHAT SESSION`, where that session is looked for.
pub fn with_session(what: &str, session: &SessionId, place: &Place) -> String {
    line([what.to_owned(), session.to_string()].into_iter().chain(place.words()))
}

/// `cutover open PLAN …`: which session, of which world, and what else has to be said.
#[derive(Debug, Clone, Default)]
pub struct Opening<'a> {
    pub session: Option<&'a SessionId>,
    pub world: World,
    pub roster: Option<&'a Path>,
    pub more: Option<&'static str>,
}

/// A world as the command line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum World {
    #[default]
    Live,
    Simulated(Simulated),
}

impl World {
    /// Where a session flies, by its card. An older card does not say which simulated world it was.
    pub fn of(card: &Card) -> Option<World> {
        match (card.world, card.simulated) {
            (WorldKind::Live, _) => Some(World::Live),
            (WorldKind::Demo { .. }, Some(simulated)) => Some(World::Simulated(simulated)),
            (WorldKind::Demo { .. }, None) => None,
        }
    }
}

impl Opening<'_> {
    pub fn line(&self, plan: &Path, place: &Place) -> String {
        let mut words = vec!["open".to_owned(), plan.display().to_string()];
        words.extend(self.session.into_iter().flat_map(|session| ["--session".to_owned(), session.to_string()]));
        words.extend(self.roster.into_iter().flat_map(|roster| ["--roster".to_owned(), roster.display().to_string()]));
        words.extend(self.more.map(str::to_owned));
        words.extend(place.words());
        match self.world {
            World::Live => {}
            World::Simulated(Simulated::Own) => words.push("--simulated".to_owned()),
            World::Simulated(Simulated::Port(port)) => words.push(format!("--simulated={port}")),
        }
        line(words)
    }
}

/// What can be done about a session, in a command that works as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// It runs: join it.
    Join(String),
    /// Its host died: this takes it up again.
    TakeUp(String),
    /// Its host is gone, and its simulated world's port is not known: the command works with that.
    TakeUpAt(String),
    /// Its host died, and its simulated world with it: this clears it away.
    ClearAway(String),
    /// Its host died, and its journal is broken: this says where, and the other clears it away and begins another session.
    Anew { verify: String, line: String },
    /// Its host died, and it is this other account's.
    TheirsAlone(u32),
}

impl Next {
    /// The command, where one can do anything.
    pub fn command(&self) -> Option<&str> {
        match self {
            Next::Join(line) | Next::TakeUp(line) | Next::TakeUpAt(line) | Next::ClearAway(line) | Next::Anew { line, .. } => Some(line),
            Next::TheirsAlone(_) => None,
        }
    }
}

/// What is left where nobody can take up `session`: its journal stays, and another session begins where its traffic stands. `routes` are those
/// that nobody watches over until then.
pub fn anew(session: &SessionId, routes: &[RouteId], plan: &Path, opening: Opening<'_>, place: &Place) -> Next {
    let abandon: String = routes.iter().map(|id| format!(" --abandon {id}")).collect();
    let stop = with_session("stop", session, place);
    let open = Opening { session: None, more: None, ..opening }.line(plan, place);
    let audit = ["audit", "verify", session.as_str()].map(str::to_owned);
    Next::Anew { verify: line(audit), line: format!("{stop}{abandon} && {open}") }
}

/// What comes next for a session. `us` is the account that asks, `hash` of the plan file as it is now, if it is there.
pub fn next(found: &Found, us: u32, hash: Option<Digest>, place: &Place) -> Next {
    let card = &found.card;
    match (found.life, World::of(card)) {
        (Life::Running, _) => Next::Join(with_session("attach", &card.session, place)),
        (Life::Dead, _) if found.owner != us => Next::TheirsAlone(found.owner),
        (Life::Dead, None | Some(World::Simulated(Simulated::Own))) => Next::ClearAway(with_session("stop", &card.session, place)),
        (Life::Dead, Some(world)) => {
            // The recorded plan suffices, whatever became of the file.
            let more = (hash != Some(card.plan_hash)).then_some("--keep-plan");
            let opening = Opening { session: Some(&card.session), world, roster: card.roster.as_deref(), more };
            Next::TakeUp(opening.line(&card.plan_path, place))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_the_shell_would_read_otherwise_is_quoted() {
        assert_eq!(quoted("plans/my-plan.yaml"), "plans/my-plan.yaml");
        assert_eq!(quoted("/srv/o'brien/a plan.yaml"), "'/srv/o'\\''brien/a plan.yaml'");
        assert_eq!(quoted(""), "''");
    }
}
