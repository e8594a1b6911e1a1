//! Whether a session is the one that was asked for, before it is joined or taken up.
//!
//! A plan's file is how a session is found; what it flies is another matter. It may fly in another kind of world, or an older version of
//! the file, and whoever joins it steers that. So both are compared, both are named, and the way on is a command.

use std::{fmt, path::Path};

use crate::{
    attach::sessions::{Card, Found, Simulated},
    cli::{
        Exit,
        environment::Environment,
        host::Options,
        place::said,
        predecessor, print,
        way::{self, Opening, World},
    },
    core::{
        event::WorldKind,
        state::{Opened, State},
    },
    domain::{digest::Digest, id::SessionId, shown::Shown},
    plan::{
        difference::{Difference, differences},
        model::Plan,
    },
};

/// More differences than these are only counted.
const DIFFERENCES_MAX: usize = 6;

/// Why a session is left alone.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Mismatch {
    #[error("session {session} flies {flies}, and you asked for {asked}; nothing was joined, started or changed")]
    World { session: SessionId, flies: Flies, asked: Flies },
    #[error(
        "session {session} flies another version of this plan: {}, and the file is {} now; nothing was joined, started or changed",
        .flies.short(),
        .file.short()
    )]
    Plan { session: SessionId, flies: Digest, file: Digest, differences: Vec<Difference> },
    #[error("this plan's session {session} runs already, and one plan has one host; nothing was joined or started")]
    Another { session: SessionId },
    #[error(
        "the simulated world of session {session} ended with its host, so it can't be taken up again; nothing was started; its journal stays"
    )]
    WorldGone { session: SessionId },
    #[error(
        "in which simulated world session {session} flew is not known here, and a new one would be another; nothing was started; name the \
         port of its world with --simulated=PORT"
    )]
    WorldUnknown { session: SessionId },
    #[error("session {session} is of another plan, {flies}, and this file is {file}; nothing was joined, started or changed")]
    OtherPlan { session: SessionId, flies: Shown, file: Shown },
}

/// A world in a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flies {
    Live,
    Own,
    Port(u16),
    /// A simulated world, which one is not known.
    Somewhere {
        speed: u32,
    },
}

impl fmt::Display for Flies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flies::Live => f.write_str("LIVE"),
            Flies::Own => f.write_str("a simulated world of its own"),
            Flies::Port(port) => write!(f, "the simulated world on port {port}"),
            Flies::Somewhere { speed: 0 | 1 } => f.write_str("a simulated world"),
            Flies::Somewhere { speed } => write!(f, "a simulated world at speed {speed}"),
        }
    }
}

impl Flies {
    fn asked(environment: &Environment) -> Flies {
        match environment.simulated {
            None => Flies::Live,
            Some(None) => Flies::Own,
            Some(Some(port)) => Flies::Port(port),
        }
    }
    fn of(world: WorldKind, simulated: Option<Simulated>) -> Flies {
        match (world, simulated) {
            (WorldKind::Live, _) => Flies::Live,
            (WorldKind::Demo { .. }, Some(Simulated::Own)) => Flies::Own,
            (WorldKind::Demo { .. }, Some(Simulated::Port(port))) => Flies::Port(port),
            (WorldKind::Demo { speed }, None) => Flies::Somewhere { speed },
        }
    }
    /// What is not known to be another world counts as the same; live and simulated are always told apart.
    fn is_where(self, asked: Flies) -> bool {
        match (self, asked) {
            (Flies::Live, Flies::Live) | (Flies::Own, Flies::Own) => true,
            (Flies::Port(one), Flies::Port(other)) => one == other,
            (Flies::Somewhere { .. }, Flies::Own | Flies::Port(_) | Flies::Somewhere { .. }) => true,
            (Flies::Live, Flies::Own | Flies::Port(_) | Flies::Somewhere { .. })
            | (Flies::Own, Flies::Live | Flies::Port(_) | Flies::Somewhere { .. })
            | (Flies::Port(_), Flies::Live | Flies::Own | Flies::Somewhere { .. })
            | (Flies::Somewhere { .. }, Flies::Live) => false,
        }
    }
}

/// Whether a running session of the plan's file is what `options` ask for.
/// # Errors
/// [`Exit::Refused`], with the reason and the way on on standard error. `flown` is the state that its host showed, if it showed one.
/// `plan` is what the file says now, where that matters.
pub fn running(found: &Found, flown: Option<&State>, options: &Options, plan: Option<&Plan>) -> Result<(), Exit> {
    let (card, asked) = (&found.card, Flies::asked(&options.environment));
    let (session, flies) = (card.session.clone(), Flies::of(card.world, card.simulated));
    let attach = || ("join it as it is", way::with_session("attach", &card.session, &options.place));
    let after_stop = |opening: Opening<'_>| {
        let stop = way::with_session("stop", &card.session, &options.place);
        ("or end it first", format!("{stop} && {}", opening.line(&options.plan, &options.place)))
    };
    let again = Opening { world: world_of(&options.environment), roster: options.roster.as_deref(), ..Opening::default() };
    if !flies.is_where(asked) {
        return Err(refused(&Mismatch::World { session, flies, asked }, &[attach(), after_stop(again)]));
    }
    if options.new || options.session.as_ref().is_some_and(|wanted| *wanted != card.session) {
        let again = Opening { session: options.session.as_ref(), more: options.new.then_some("--new"), ..again };
        return Err(refused(&Mismatch::Another { session }, &[attach(), after_stop(again)]));
    }
    if let Some(plan) = plan.filter(|plan| card.plan_hash != plan.hash && !options.keep_plan) {
        // A host that does not let us look flies another version all the same; then the hashes are all that is said.
        let flown = flown.and_then(|state| state.opened.as_ref());
        let differences = flown.map(|opened| differences(&opened.plan, plan));
        let (flies, file) = (card.plan_hash, plan.hash);
        let mismatch = Mismatch::Plan { session, flies, file, differences: differences.unwrap_or_default() };
        return Err(refused(&mismatch, &[attach(), after_stop(again)]));
    }
    Ok(())
}

/// What was asked for and has no say in a session that runs already, in words; it was joined all the same.
pub fn unheard(card: &Card, options: &Options) -> Vec<String> {
    let mut notes = Vec::new();
    let Environment { speed, .. } = options.environment;
    let runs_at = match card.world {
        WorldKind::Live => None,
        WorldKind::Demo { speed } => Some(f64::from(speed.max(1))),
    };
    if let (Some(asked), Some(runs_at)) = (speed, runs_at)
        && (asked - runs_at).abs() >= 0.5
    {
        notes.push(format!("its world runs at speed {runs_at} and goes on so; --speed {asked} is for one that begins"));
    }
    let begins = options.environment.of_a_world_that_begins();
    let drawn: Vec<&str> = begins.into_iter().filter(|name| *name != "--speed").collect();
    if !drawn.is_empty() {
        notes.push(format!("its world was begun before; {} did nothing, as it is for one that begins", drawn.join(" and ")));
    }
    if let Some(asked) = options.roster.as_ref().filter(|asked| card.roster.as_ref() != Some(asked)) {
        let reads = card.roster.as_ref().map_or_else(|| "the default roster".to_owned(), |path| path.display().to_string());
        notes.push(format!("its host reads {reads} and goes on so; --roster {} did nothing", asked.display()));
    }
    notes
}

/// Whether a session whose host is gone is what `options` ask for. `card` is what that host left behind, if anything.
/// # Errors
/// As for a running one.
pub fn taken_up(
    session: &SessionId,
    state: &State,
    opened: &Opened,
    card: Option<&Card>,
    options: &Options,
    plan: Option<&Plan>,
) -> Result<(), Exit> {
    let asked = Flies::asked(&options.environment);
    let flies = Flies::of(opened.world, card.and_then(|card| card.simulated));
    let roster = options.roster.as_deref();
    let other = |what, world| {
        let opening = Opening { world, roster, more: Some("--new"), ..Opening::default() };
        (what, predecessor::over(session, state, options) + &opening.line(&options.plan, &options.place))
    };
    let itself = |what, world, more| {
        let opening = Opening { session: Some(session), world, roster, more };
        (what, opening.line(&options.plan, &options.place))
    };
    let session_name = session.clone();
    if !flies.is_where(asked) {
        let its = card.and_then(World::of).or(matches!(flies, Flies::Live).then_some(World::Live));
        let mut ways: Vec<_> = its.map(|world| itself("take it up where it was", world, None)).into_iter().collect();
        ways.push(other("or begin another", world_of(&options.environment)));
        return Err(refused(&Mismatch::World { session: session_name, flies, asked }, &ways));
    }
    if asked == Flies::Own {
        let mismatch = match flies {
            Flies::Own => Mismatch::WorldGone { session: session_name },
            Flies::Live | Flies::Port(_) | Flies::Somewhere { .. } => Mismatch::WorldUnknown { session: session_name },
        };
        return Err(refused(&mismatch, &[other("begin another", world_of(&options.environment))]));
    }
    if let Some(plan) = plan.filter(|plan| opened.plan.name != plan.name && opened.plan.hash != plan.hash && !options.keep_plan) {
        let mismatch = Mismatch::OtherPlan { session: session_name, flies: opened.plan.name.clone(), file: plan.name.clone() };
        return Err(refused(&mismatch, &[]));
    }
    if let Some(plan) = plan.filter(|plan| opened.plan.hash != plan.hash && !options.keep_plan) {
        let (flies, file) = (opened.plan.hash, plan.hash);
        let mismatch = Mismatch::Plan { session: session_name, flies, file, differences: differences(&opened.plan, plan) };
        let world = world_of(&options.environment);
        let ways = [itself("go on under its version", world, Some("--keep-plan")), other("or begin another", world)];
        return Err(refused(&mismatch, &ways));
    }
    Ok(())
}

fn world_of(environment: &Environment) -> World {
    match environment.simulated {
        None => World::Live,
        Some(None) => World::Simulated(Simulated::Own),
        Some(Some(port)) => World::Simulated(Simulated::Port(port)),
    }
}

/// Says why, what differs and how to go on.
fn refused(mismatch: &Mismatch, ways: &[(&str, String)]) -> Exit {
    let exit = match mismatch {
        Mismatch::Another { .. } => Exit::Locked,
        Mismatch::World { .. }
        | Mismatch::Plan { .. }
        | Mismatch::WorldGone { .. }
        | Mismatch::WorldUnknown { .. }
        | Mismatch::OtherPlan { .. } => Exit::Refused,
    };
    said(mismatch, exit);
    if let Mismatch::Plan { differences, .. } = mismatch {
        print::err(&told(differences));
    }
    let width = ways.iter().map(|(what, _)| what.len()).max().unwrap_or_default();
    ways.iter().for_each(|(what, line)| print::err(&format!("  {what:<width$}  {line}")));
    exit
}

fn told(differences: &[Difference]) -> String {
    let lines = differences.iter().take(DIFFERENCES_MAX).map(|difference| format!("  {difference}"));
    let more = differences.len().saturating_sub(DIFFERENCES_MAX);
    let rest = (more > 0).then(|| format!("  and {more} more"));
    let lines: Vec<String> = lines.chain(rest).collect();
    if lines.is_empty() { "  no value of it is known to differ".to_owned() } else { lines.join("\n") }
}

/// What is said of a session that goes on under its own version of the plan.
pub fn note(opened: &Opened, plan: Option<&Plan>, path: &Path) -> String {
    let Some(plan) = plan else {
        let (path, flies) = (path.display(), opened.plan.hash.short());
        return format!("note: {path} holds no valid plan now; this session goes on under the one in its journal ({flies})");
    };
    let differences = told(&differences(&opened.plan, plan));
    let (flies, file) = (opened.plan.hash.short(), plan.hash.short());
    format!(
        "note: {} is another version by now ({file}); this session goes on under the one in its journal ({flies})\n{differences}",
        path.display()
    )
}
