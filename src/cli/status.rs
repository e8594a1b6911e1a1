//! `cutover status [SESSION]`: where everything stands, in a few lines or as JSON, without a cockpit.
//!
//! The JSON is this file's own shape and not the state's: scripts may rely on it while the state changes.

use std::collections::{BTreeMap, BTreeSet};

use color_eyre::eyre::Result;
use serde::Serialize;
use serde_json::json;

use crate::{
    cli::{
        Exit,
        absent::{Absent, Known},
        place::{Meant, Place, glance},
        print,
    },
    core::{
        event::WorldKind,
        fails::stranded,
        outlook::{self, Attention, Outlook, Then},
        reason::Mover,
        state::{ItemStatus, Motion, Reading, RouteState, Share, State},
    },
    domain::{id::RouteId, time::Timestamp, weight::Weights},
    plan::model::{Route, Trigger},
    words::{self, Names},
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
    host: Host,
    /// Number of the newest entry.
    seq: u64,
    /// Milliseconds since 1970, as every time here. Where the host is gone, nobody knows more since then.
    at: i64,
    /// Whether somebody should look now; the exit code says the same.
    needs_human: bool,
    /// What somebody should know of, worst first.
    attention: Vec<AttentionLine>,
    routes: BTreeMap<String, RouteStatus>,
    triggers: BTreeMap<String, TriggerStatus>,
    checklist_done: usize,
    checklist_items: usize,
    controls: Option<String>,
    people: Vec<Present>,
    approvals_open: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Host {
    Here,
    /// All of it is as old as the journal's last entry; nothing happens by itself.
    Gone,
}

#[derive(Debug, Serialize)]
struct AttentionLine {
    urgent: bool,
    text: String,
}

/// Every share is a fraction of the whole, 0.0 to 1.0.
#[derive(Debug, Serialize)]
struct RouteStatus {
    wanted: Option<Shares>,
    accepted: Option<Shares>,
    /// What requests of the newest window met; without one, nothing has been seen yet.
    seen: Option<Seen>,
    /// `unread`, `settled`, `writing`, `resolving`, `returning`, `propagating` or `needs-human`.
    motion: &'static str,
    motion_text: String,
    latched: bool,
    held: bool,
    drift: Option<DriftStatus>,
    /// Empty when going back is assured.
    against_going_back: Vec<String>,
    /// The command for a shell that brings it home without us.
    by_hand: Option<String>,
    /// Where home fails those who are there and nothing speaks against the target: the command that moves them there, past what we do.
    out_by_hand: Option<String>,
}

type Shares = BTreeMap<String, f64>;

#[derive(Debug, Serialize)]
struct Seen {
    requests: u64,
    failed: u64,
    shares: BTreeMap<String, Share>,
}

/// What somebody else made of the weights.
#[derive(Debug, Serialize)]
struct DriftStatus {
    found: Shares,
    expected: Shares,
    /// Empty until the cloud's audit log tells.
    by: Option<String>,
    since: i64,
}

#[derive(Debug, Serialize)]
struct TriggerStatus {
    /// `ok`, `breach`, `unknown` or `none`.
    reading: &'static str,
    /// Why it is unknown.
    gap: Option<String>,
    /// In the metric's own unit: a fraction, milliseconds, a rate; the newest usable one.
    value: Option<f64>,
    limit: f64,
    /// When it acts by itself, if its clock runs and nothing changes.
    acts_at: Option<i64>,
    text: String,
}

#[derive(Debug, Serialize)]
struct Present {
    who: String,
    role: String,
}

/// # Errors
/// None; what keeps it from an answer is an exit code.
pub async fn run(args: Args) -> Result<Exit> {
    let found = match args.place.meant(args.session.as_deref()) {
        Ok(Meant::Running(found)) => found,
        Ok(Meant::Absent(absent)) => return without_host(&absent, args.json),
        Err(exit) => return Ok(exit),
    };
    let seen = match glance(&found).await {
        Ok(seen) => seen,
        Err(exit) => return Ok(exit),
    };
    let status = status(&seen.state, seen.me.session.to_string(), seen.me.plan.to_string());
    print::out(&if args.json { format!("{}\n", serde_json::to_string_pretty(&status)?) } else { text(&status, &stuck(&seen.state)) });
    Ok(if status.needs_human { Exit::Unsettled } else { Exit::Done })
}

fn status(state: &State, session: String, plan: String) -> Status {
    let names = Names::of(state);
    let plan_of = state.opened.as_ref().map(|opened| &*opened.plan);
    let planned = |id: &RouteId| plan_of.and_then(|plan| Some((plan, plan.routes.iter().find(|route| route.id == *id)?)));
    let by_hand = |id: &RouteId| ByHand {
        home: planned(id).map(|(plan, route)| plan.home_by_hand(route)),
        out: planned(id).and_then(|(plan, route)| stranded(state, route).map(|stranded| plan.all_by_hand(route, stranded.target))),
    };
    let of = |(id, route)| (RouteId::to_string(id), route_status(route, by_hand(id), state.now, names));
    let routes = state.routes.iter().map(of).collect();
    let attention = outlook::attention(state);
    Status {
        session,
        plan,
        host: Host::Here,
        world: state.opened.as_ref().map_or(WorldKind::Live, |opened| opened.world),
        seq: state.seq.0,
        at: state.now.0,
        needs_human: attention.iter().any(Attention::is_urgent),
        attention: attention.iter().map(|what| told(what, state)).collect(),
        routes,
        triggers: triggers(state, names),
        checklist_done: state.checklist.values().filter(|item| item.status == ItemStatus::Done).count(),
        checklist_items: state.checklist.len(),
        controls: state.controls.holder.as_ref().map(|holder| holder.who.to_string()),
        people: state.people.values().map(|one| Present { who: one.who.to_string(), role: one.role.to_string() }).collect(),
        approvals_open: state.approvals.len(),
    }
}

fn told(what: &Attention, state: &State) -> AttentionLine {
    AttentionLine { urgent: what.is_urgent(), text: words::attention(what, state.now, Names::of(state)) }
}

fn shares(weights: &Weights) -> Shares {
    weights.iter().map(|(backend, share)| (backend.to_string(), share.fraction())).collect()
}

/// A session whose host is gone, by its journal. Triggers judge nothing then, and nobody is here.
fn without_host(absent: &Absent, json: bool) -> Result<Exit> {
    if !json {
        return Ok(absent.tell(None));
    }
    let plan = absent.plan().map_or_else(String::new, |plan| plan.name.to_string());
    let gone = AttentionLine { urgent: true, text: format!("the host is gone; {}", absent.back) };
    let Known::Journal(state) = &absent.known else {
        let by_hand = |route: &Route| absent.plan().map(|plan| plan.home_by_hand(route));
        let plan = absent.plan();
        let routes = plan.iter().flat_map(|plan| &plan.routes);
        let routes: BTreeMap<_, _> = routes.map(|route| (route.id.as_str(), json!({ "by_hand": by_hand(route) }))).collect();
        let known = AttentionLine { urgent: true, text: absent.since() };
        let session = absent.session.as_str();
        let told = json!({ "session": session, "host": Host::Gone, "needs_human": true, "attention": [gone, known], "routes": routes });
        print::out(&format!("{}\n", serde_json::to_string_pretty(&told)?));
        return Ok(Exit::Nobody);
    };
    let status = Status {
        host: Host::Gone,
        needs_human: true,
        attention: vec![gone],
        triggers: BTreeMap::new(),
        controls: None,
        people: Vec::new(),
        approvals_open: 0,
        ..status(state, absent.session.to_string(), plan)
    };
    print::out(&format!("{}\n", serde_json::to_string_pretty(&status)?));
    Ok(Exit::Nobody)
}

/// Commands for a shell.
struct ByHand {
    home: Option<String>,
    out: Option<String>,
}

fn route_status(route: &RouteState, by_hand: ByHand, now: Timestamp, names: Names) -> RouteStatus {
    let seen = route.observed.as_ref().filter(|observed| observed.requests > 0).map(|observed| Seen {
        requests: observed.requests,
        failed: observed.failed,
        shares: observed.shares.iter().map(|(backend, share)| (backend.to_string(), *share)).collect(),
    });
    RouteStatus {
        wanted: route.wanted.as_ref().map(shares),
        accepted: route.accepted.as_ref().map(|accepted| shares(&accepted.weights)),
        seen,
        motion: motion(&route.motion),
        motion_text: words::following(route, now),
        latched: route.latch.is_some(),
        held: route.hold.is_some(),
        drift: route.drift.as_ref().map(|drift| DriftStatus {
            found: shares(&drift.found),
            expected: shares(&drift.expected),
            by: match &drift.by {
                Mover::Foreign { actor: None } => None,
                by @ (Mover::Us(_) | Mover::Adopted { .. } | Mover::OurLateWrite | Mover::Foreign { .. }) => Some(words::mover(by, names)),
            },
            since: drift.since.0,
        }),
        against_going_back: route.readiness.against.iter().map(|why| words::objection(why, names)).collect(),
        by_hand: by_hand.home,
        out_by_hand: by_hand.out,
    }
}

/// For scripts, which must not read English.
fn motion(motion: &Motion) -> &'static str {
    match motion {
        Motion::Unread => "unread",
        Motion::Settled => "settled",
        Motion::Writing { .. } => "writing",
        Motion::Resolving { .. } => "resolving",
        Motion::Returning(_) => "returning",
        Motion::Propagating { .. } => "propagating",
        Motion::NeedsHuman { .. } => "needs-human",
    }
}

fn triggers(state: &State, names: Names) -> BTreeMap<String, TriggerStatus> {
    let planned = state.opened.iter().flat_map(|opened| &opened.plan.triggers);
    let status = |trigger: &Trigger| {
        let known = state.triggers.get(&trigger.id)?;
        let outlook = outlook::outlook(state, &trigger.id)?;
        let acts_at = match &outlook {
            Outlook::Running { acts_at, then: Then::GoesHome, .. } | Outlook::Blind { acts_at, then: Then::GoesHome, .. } => {
                Some(acts_at.0)
            }
            Outlook::Running { .. }
            | Outlook::Unproven { .. }
            | Outlook::Blind { .. }
            | Outlook::Quiet
            | Outlook::Idle
            | Outlook::Unjudged(_)
            | Outlook::Fired { .. }
            | Outlook::GoingHome => None,
        };
        let (reading, gap) = match &known.reading {
            Reading::None => ("none", None),
            Reading::Ok => ("ok", None),
            Reading::Breach => ("breach", None),
            Reading::Unknown { gap } => ("unknown", Some(words::gap(*gap))),
        };
        let text = words::outlook(&outlook, &trigger.id, state.now, names);
        Some((trigger.id.to_string(), TriggerStatus { reading, gap, value: known.value, limit: trigger.above, acts_at, text }))
    };
    planned.filter_map(status).collect()
}

fn split(shares: &Shares) -> String {
    shares.iter().map(|(backend, share)| format!("{backend} {}", words::share(*share))).collect::<Vec<_>>().join(", ")
}

/// The routes that the session can't bring home by itself, or has not for longer than that takes.
fn stuck(state: &State) -> BTreeSet<String> {
    let route = |what: Attention| match what {
        Attention::NotHome { route, .. } | Attention::NeedsHuman { route, .. } => Some(route.to_string()),
        Attention::Breach { .. }
        | Attention::AtDoor { .. }
        | Attention::FailingForNobody { .. }
        | Attention::ConnectionsDropped { .. }
        | Attention::WeightsUnread { .. }
        | Attention::Drifted { .. }
        | Attention::RollingBack { .. }
        | Attention::HomeNotSeen { .. }
        | Attention::Hindered { .. }
        | Attention::RequestsDisagree { .. }
        | Attention::HomeNotReady { .. }
        | Attention::Unresolved { .. }
        | Attention::Unread { .. }
        | Attention::WritesAtRisk { .. }
        | Attention::ReplicaUnsound { .. }
        | Attention::SourceSilent { .. }
        | Attention::ItemFailing { .. }
        | Attention::Latched { .. }
        | Attention::Blind { .. }
        | Attention::Unjudged { .. }
        | Attention::ApprovalOpen { .. } => None,
    };
    outlook::attention(state).into_iter().filter_map(route).collect()
}

fn text(status: &Status, stuck: &BTreeSet<String>) -> String {
    let world = match status.world {
        WorldKind::Live => "live",
        WorldKind::Demo { .. } => "demo",
    };
    let mut lines = vec![format!("{}  {}  {world}  entry {}", status.session, status.plan, status.seq)];
    lines.extend(status.attention.iter().map(|what| format!("  {} {}", if what.urgent { "!" } else { "-" }, what.text)));
    for (id, route) in &status.routes {
        let accepted = route.accepted.as_ref().map_or("unknown".to_owned(), split);
        let by = route.drift.as_ref().and_then(|drift| drift.by.as_deref()).unwrap_or("somebody else");
        let changed = format!("changed by {by}");
        let marks = [(route.latched, "latched"), (route.held, "held"), (route.drift.is_some(), &changed)];
        let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| format!(", {mark}")).collect();
        lines.push(format!("  route {id}: accepted {accepted} ({}{marks})", route.motion_text));
        lines.push(match &route.seen {
            Some(seen) => {
                let met: Shares = seen.shares.iter().map(|(backend, share)| (backend.clone(), share.fraction)).collect();
                format!("    {} requests met {}; {} failed", seen.requests, split(&met), seen.failed)
            }
            None => "    what requests meet has not been seen yet".to_owned(),
        });
        let by_hand = route.by_hand.as_ref().filter(|_| stuck.contains(id));
        lines.extend(by_hand.map(|command| format!("    to bring it home by hand:\n      {command}")));
        let out = route.out_by_hand.as_ref();
        let out =
            out.map(|command| format!("    home fails; to move everybody out of it by hand, past what cutover does:\n      {command}"));
        lines.extend(out);
    }
    lines.extend(status.triggers.iter().map(|(id, trigger)| format!("  trigger {id}: {}", trigger.text)));
    lines.push(format!("  checklist: {} of {}", status.checklist_done, status.checklist_items));
    lines.push(format!("  controls: {}", status.controls.as_deref().unwrap_or("free")));
    let people: Vec<String> = status.people.iter().map(|one| format!("{} ({})", one.who, one.role)).collect();
    lines.push(format!("  here: {}", if people.is_empty() { "nobody".to_owned() } else { people.join(", ") }));
    lines.join("\n") + "\n"
}
