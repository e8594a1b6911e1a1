//! A session whose host is gone: where its traffic was last known to be, the ways home that need no host, and how to bring the host back.
//!
//! All of it comes from the journal, which is read and not taken up. Where that can't be read, because it is another account's or broken, the
//! plan's file still gives the commands, if it is the version that the session flew.

use std::path::PathBuf;

use crate::{
    attach::sessions::Found,
    cli::{
        Exit, check,
        current::{self, Open},
        paths::{self, Paths},
        place::{self, Place, said},
        print,
        way::{Opening, World},
    },
    core::{event::WorldKind, state::State},
    domain::{
        digest::Digest,
        id::{RouteId, SessionId},
    },
    plan::{
        self,
        model::{Plan, Route},
    },
    session::{clock::Clock, refold},
    words::{Names, absence},
};

/// A session whose host is gone.
pub struct Absent {
    pub session: SessionId,
    /// What is known of it.
    pub known: Known,
    /// How its host is brought back, in words, with the command on a line of its own.
    pub back: String,
}

/// What is known of it, and whence.
pub enum Known {
    Journal(Box<State>),
    /// Why the journal can't be read, and the plan that it flew.
    PlanAlone(String, Box<Plan>),
    Nothing(String),
}

impl Absent {
    /// What a host that died has left behind.
    pub fn of(found: &Found, place: &Place) -> Absent {
        let card = &found.card;
        let known = match fold(card.journal.clone()) {
            Ok(state) => Known::Journal(state),
            Err(why) => match flown(&card.plan_path, card.plan_hash) {
                Some(plan) => Known::PlanAlone(why, Box::new(plan)),
                None => Known::Nothing(why),
            },
        };
        Absent { session: card.session.clone(), known, back: place::dead(found, place) }
    }

    /// A session of this account that was begun and not ended, and whose host left nothing behind: it was ended, or the machine was. Without a
    /// name, the only one.
    pub fn without_card(wanted: Option<&str>, place: &Place) -> Option<Absent> {
        let paths = Paths::find().ok()?;
        let mut open = current::all(&paths);
        open.retain(|one| wanted.is_none_or(|wanted| one.session.as_str() == wanted));
        let Open { session, plan } = open.pop().filter(|_| open.is_empty())?;
        let known = match fold(paths.journal(session.as_str())) {
            Ok(state) => Known::Journal(state),
            Err(why) => Known::Nothing(why),
        };
        let back = back(&session, plan, &known, place);
        Some(Absent { session, known, back })
    }

    pub fn plan(&self) -> Option<&Plan> {
        match &self.known {
            Known::Journal(state) => state.opened.as_ref().map(|opened| &*opened.plan),
            Known::PlanAlone(_, plan) => Some(plan),
            Known::Nothing(_) => None,
        }
    }

    /// Says what is known and what can be done; `only` of one route.
    pub fn tell(&self, only: Option<&RouteId>) -> Exit {
        let exit =
            said(format!("the host of session {} is gone; nobody watches over it, and nothing was done", self.session), Exit::Nobody);
        print::out(&self.lines(only));
        exit
    }

    pub fn lines(&self, only: Option<&RouteId>) -> String {
        let mut lines = vec![self.since()];
        let names = self.plan().map_or(Names::unknown(), Names::in_plan);
        let meant = |route: &&Route| only.is_none_or(|only| route.id == *only);
        for route in self.plan().into_iter().flat_map(|plan| &plan.routes).filter(meant) {
            if let Known::Journal(state) = &self.known {
                let known = state.routes.get(&route.id);
                lines.push(format!("  {}: {}", route.title, absence::stood(known, route, names)));
                lines.extend(absence::begun(known, route, names).map(|begun| format!("    {begun}")));
            }
        }
        if let Some(plan) = self.plan() {
            let command = |route: &Route| format!("to bring {} home by hand:\n  {}", route.id, plan.home_by_hand(route));
            lines.extend(plan.routes.iter().filter(meant).map(command));
        }
        lines.push(self.back.clone());
        lines.join("\n") + "\n"
    }

    /// Since when nobody knows more.
    pub fn since(&self) -> String {
        match &self.known {
            Known::Journal(state) => {
                let ago = match state.opened.as_ref().map(|opened| opened.world) {
                    Some(WorldKind::Live | WorldKind::Demo { speed: 0 | 1 }) => format!(", {} ago", Clock::live().now().since(state.now)),
                    Some(WorldKind::Demo { .. }) | None => String::new(),
                };
                format!("nobody knows more since {}{ago}; traffic stays where it was, and no trigger acts:", absence::moment(state.now))
            }
            Known::PlanAlone(why, _) => format!("where its traffic is, is not known: its journal can't be read ({why})"),
            Known::Nothing(why) => {
                format!("where its traffic is, is not known: its journal can't be read ({why}), nor the plan that it flew")
            }
        }
    }
}

fn fold(journal: PathBuf) -> Result<Box<State>, String> {
    let journal = paths::readable(journal);
    if !journal.exists() {
        return Err(format!("it is not at {} any more; put it back there first", journal.display()));
    }
    let folded = refold::look(&journal).map_err(|error| error.to_string())?;
    let state = Some(folded.state).filter(|state| state.opened.is_some());
    state.map(Box::new).ok_or_else(|| "nothing had happened in it yet".to_owned())
}

/// The plan in its file, if it is the version that was flown.
fn flown(path: &std::path::Path, hash: Digest) -> Option<Plan> {
    let bytes = check::load(path).ok().filter(|bytes| Digest::of(bytes) == hash)?;
    plan::read(&bytes).ok().map(|(plan, _)| plan)
}

fn back(session: &SessionId, plan: Option<PathBuf>, known: &Known, place: &Place) -> String {
    let world = match known {
        Known::Journal(state) => state.opened.as_ref().map(|opened| opened.world),
        Known::PlanAlone(..) | Known::Nothing(_) => None,
    };
    let plan = plan.unwrap_or_else(|| PathBuf::from("PLAN"));
    let line = Opening { session: Some(session), world: World::Live, ..Opening::default() }.line(&plan, place);
    match world {
        Some(WorldKind::Demo { .. }) => format!("this takes it up again, with the port of its simulated world:\n  {line} --simulated=PORT"),
        Some(WorldKind::Live) | None => format!("this takes it up again:\n  {line}"),
    }
}
