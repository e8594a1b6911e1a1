//! `cutover status [SESSION]`: where everything stands, in a few lines or as JSON, without a cockpit.
//!
//! The JSON is this file's own shape and not the state's: scripts may rely on it while the state changes.

use std::collections::BTreeMap;

use color_eyre::eyre::Result;
use serde::Serialize;

use crate::{
    cli::{
        Exit,
        place::{Place, glance},
        print,
    },
    core::{
        event::WorldKind,
        reason::Mover,
        state::{ItemStatus, Motion, Reading, RouteState, State},
    },
    domain::{time::Timestamp, weight::Weights},
    words::{Names, gap, motion, mover, objection},
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The session; may be left out when only one runs
    session: Option<String>,
    /// As one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Serialize)]
struct Status {
    session: String,
    plan: String,
    world: WorldKind,
    /// Number of the newest entry.
    seq: u64,
    /// Milliseconds since 1970.
    at: i64,
    /// Whether somebody should look now; the exit code says the same.
    needs_human: bool,
    routes: BTreeMap<String, RouteStatus>,
    triggers: BTreeMap<String, String>,
    checklist_done: usize,
    checklist_items: usize,
    controls: Option<String>,
    people: Vec<Present>,
    approvals_open: usize,
}

#[derive(Debug, Serialize)]
struct RouteStatus {
    wanted: Option<Weights>,
    accepted: Option<Weights>,
    /// Fractions of the requests that were seen.
    observed: Option<BTreeMap<String, f64>>,
    motion: String,
    latched: bool,
    held: bool,
    drifted: bool,
    drift: Option<DriftStatus>,
    /// Empty when going back is assured.
    against_going_back: Vec<String>,
}

/// What somebody else made of the weights.
#[derive(Debug, Serialize)]
struct DriftStatus {
    found: Weights,
    expected: Weights,
    /// Empty until the cloud's audit log tells.
    by: Option<String>,
    since: i64,
}

#[derive(Debug, Serialize)]
struct Present {
    who: String,
    role: String,
}

/// # Errors
/// None; what keeps it from an answer is an exit code.
pub async fn run(args: Args) -> Result<Exit> {
    let found = match args.place.find(args.session.as_deref()) {
        Ok(found) => found,
        Err(exit) => return Ok(exit),
    };
    let seen = match glance(&found).await {
        Ok(seen) => seen,
        Err(exit) => return Ok(exit),
    };
    let status = status(&seen.state, seen.me.session.to_string(), seen.me.plan.to_string());
    print::out(&if args.json { format!("{}\n", serde_json::to_string_pretty(&status)?) } else { text(&status) });
    Ok(if status.needs_human { Exit::Unsettled } else { Exit::Done })
}

fn status(state: &State, session: String, plan: String) -> Status {
    let routes: BTreeMap<String, RouteStatus> =
        state.routes.iter().map(|(id, route)| (id.to_string(), route_status(route, state.now, Names::of(state)))).collect();
    let stuck = |route: &RouteState| matches!(route.motion, Motion::NeedsHuman { .. } | Motion::Unread) || route.drift.is_some();
    let stuck = state.routes.values().any(stuck);
    // Too few requests where there can't be more is no blindness; the core tells the two apart.
    let alarmed = state.triggers.values().any(|trigger| trigger.reading == Reading::Breach || trigger.blind_since.is_some());
    Status {
        session,
        plan,
        world: state.opened.as_ref().map_or(WorldKind::Live, |opened| opened.world),
        seq: state.seq.0,
        at: state.now.0,
        needs_human: stuck || alarmed,
        routes,
        triggers: state.triggers.iter().map(|(id, trigger)| (id.to_string(), reading(&trigger.reading))).collect(),
        checklist_done: state.checklist.values().filter(|item| item.status == ItemStatus::Done).count(),
        checklist_items: state.checklist.len(),
        controls: state.controls.holder.as_ref().map(|holder| holder.who.to_string()),
        people: state.people.values().map(|one| Present { who: one.who.to_string(), role: one.role.to_string() }).collect(),
        approvals_open: state.approvals.len(),
    }
}

fn route_status(route: &RouteState, now: Timestamp, names: Names) -> RouteStatus {
    let observed = |route: &RouteState| {
        let observed = route.observed.as_ref()?;
        Some(observed.shares.iter().map(|(backend, share)| (backend.to_string(), share.fraction)).collect())
    };
    RouteStatus {
        wanted: route.wanted.clone(),
        accepted: route.accepted.as_ref().map(|accepted| accepted.weights.clone()),
        observed: observed(route),
        motion: motion(&route.motion, now),
        latched: route.latch.is_some(),
        held: route.hold.is_some(),
        drifted: route.drift.is_some(),
        drift: route.drift.as_ref().map(|drift| DriftStatus {
            found: drift.found.clone(),
            expected: drift.expected.clone(),
            by: match &drift.by {
                Mover::Foreign { actor: None } => None,
                by => Some(mover(by, names)),
            },
            since: drift.since.0,
        }),
        against_going_back: route.readiness.against.iter().map(|why| objection(why, names)).collect(),
    }
}

fn reading(reading: &Reading) -> String {
    match reading {
        Reading::None => "no sample yet".to_owned(),
        Reading::Ok => "ok".to_owned(),
        Reading::Breach => "breach".to_owned(),
        Reading::Unknown { gap: why } => format!("unknown: {}", gap(*why)),
    }
}

fn text(status: &Status) -> String {
    let world = match status.world {
        WorldKind::Live => "live",
        WorldKind::Demo { .. } => "demo",
    };
    let mut lines = vec![format!("{}  {}  {world}  entry {}", status.session, status.plan, status.seq)];
    for (id, route) in &status.routes {
        let accepted = route.accepted.as_ref().map_or("unknown".to_owned(), ToString::to_string);
        let by = route.drift.as_ref().and_then(|drift| drift.by.as_deref()).unwrap_or("somebody else");
        let changed = format!("changed by {by}");
        let marks = [(route.latched, "latched"), (route.held, "held"), (route.drifted, &changed)];
        let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| format!(", {mark}")).collect();
        lines.push(format!("  route {id}: {accepted} ({}{marks})", route.motion));
        lines.extend(route.against_going_back.iter().map(|why| format!("    going back is not assured: {why}")));
    }
    lines.extend(status.triggers.iter().map(|(id, reading)| format!("  trigger {id}: {reading}")));
    lines.push(format!("  checklist: {} of {}", status.checklist_done, status.checklist_items));
    lines.push(format!("  controls: {}", status.controls.as_deref().unwrap_or("free")));
    let people: Vec<String> = status.people.iter().map(|one| format!("{} ({})", one.who, one.role)).collect();
    lines.push(format!("  here: {}", people.join(", ")));
    if status.approvals_open > 0 {
        lines.push(format!("  waiting for an approval: {}", status.approvals_open));
    }
    lines.join("\n") + "\n"
}
