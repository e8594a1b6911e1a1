//! `cutover status [SESSION]`: where everything stands, in a few lines or as JSON, without a cockpit.
//!
//! Both say the same: the text is made of what the JSON holds, whose shape has a file of its own.

use std::collections::{BTreeMap, BTreeSet};

use color_eyre::eyre::Result;
use serde_json::json;

use crate::{
    attach::sessions::Found,
    cli::{
        Exit,
        absent::{self, Absent, Known},
        place::{Meant, Place, Unheard},
        print,
    },
    core::{
        event::WorldKind,
        figures,
        home::wants_a_hand,
        outlook::goes_blind,
        state::{Motion, State},
    },
    domain::time::Timestamp,
    plan::model::Route,
    words::{self, Names, absence},
};
use shape::{AttentionLine, Failing, FailingOf, Host, RouteStatus, Shares, Status, TriggerStatus, status};

mod shape;

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

/// # Errors
/// None; what keeps it from an answer is an exit code.
pub async fn run(args: Args) -> Result<Exit> {
    let (ended, meant) = match args.place.meant(args.session.as_deref()) {
        Ok(Meant::Running(found)) => (running(&args, &found).await?, found.card.session),
        Ok(Meant::Absent(absent)) => (without_host(&absent, args.json)?, absent.session),
        Err(exit) => return Ok(exit),
    };
    let has_others = args.session.is_none() && args.place.tells_of_others(&meant);
    Ok(if has_others && ended == Exit::Done { Exit::Unsettled } else { ended })
}

async fn running(args: &Args, found: &Found) -> Result<Exit> {
    let seen = match args.place.glance(found).await {
        Ok(seen) => seen,
        Err(Unheard::Absent(absent)) => return without_host(&absent, args.json),
        Err(kept @ Unheard::Kept(_)) => return Ok(kept.tell()),
    };
    let mut status = status(&seen.state, seen.me.session.to_string(), seen.me.plan.to_string());
    status.head = seen.head.map(|head| head.to_string());
    print::out(&if args.json { format!("{}\n", serde_json::to_string_pretty(&status)?) } else { text(&status, &stuck(&seen.state)) });
    // Nobody is called for a look that failed, and nothing is settled before there is one that did not.
    Ok(if status.needs_human || goes_blind(&seen.state) { Exit::Unsettled } else { Exit::Done })
}

/// A session whose host is gone or does not answer, by its journal. Nothing is promised of its triggers then, and nobody is here.
fn without_host(absent: &Absent, json: bool) -> Result<Exit> {
    if !json {
        return Ok(absent.tell(None));
    }
    let plan = absent.plan().map_or_else(String::new, |plan| plan.name.to_string());
    let (host, kind) = match absent.host {
        absent::Host::Gone => (Host::Gone, "host-gone"),
        absent::Host::Silent(_) => (Host::Silent, "host-silent"),
    };
    let gone = AttentionLine { urgent: true, kind, about: None, text: format!("{}; {}", absent.why(), absent.back()) };
    let Known::Journal(state) = &absent.known else {
        let by_hand = |route: &Route| absent.plan().map(|plan| absence::command_home(plan, route, absent.world));
        let plan = absent.plan();
        let routes = plan.iter().flat_map(|plan| &plan.routes);
        let routes: BTreeMap<_, _> = routes.map(|route| (route.id.as_str(), json!({ "by_hand": by_hand(route) }))).collect();
        let known = AttentionLine { urgent: true, kind: "not-known", about: None, text: absent.since() };
        let session = absent.session.as_str();
        let told = json!({ "session": session, "host": host, "needs_human": true, "attention": [gone, known], "routes": routes });
        print::out(&format!("{}\n", serde_json::to_string_pretty(&told)?));
        return Ok(Exit::Nobody);
    };
    let status = Status {
        host,
        needs_human: true,
        attention: std::iter::once(gone).chain(without_outcome(state)).collect(),
        triggers: BTreeMap::new(),
        controls: None,
        people: Vec::new(),
        approvals_open: 0,
        approvals: Vec::new(),
        head: absent.head.map(|head| head.to_string()),
        ..status(state, absent.session.to_string(), plan)
    };
    print::out(&format!("{}\n", serde_json::to_string_pretty(&status)?));
    Ok(Exit::Nobody)
}

/// The writes whose outcome nobody will learn without a host.
fn without_outcome(state: &State) -> impl Iterator<Item = AttentionLine> {
    let names = Names::of(state);
    let routes = state.opened.iter().flat_map(|opened| &opened.plan.routes);
    routes.filter(move |route| !absence::may_be(state, route, names).is_empty()).map(move |route| AttentionLine {
        urgent: true,
        kind: "unresolved-write",
        about: Some(route.id.to_string()),
        text: format!("{}: {}", route.title, absence::begun(state, route, names).join("; ")),
    })
}

fn split(shares: &Shares) -> String {
    shares.iter().map(|(backend, share)| format!("{backend} {}", words::share(*share))).collect::<Vec<_>>().join(", ")
}

/// The routes that the session can't bring home by itself, or that something keeps from there.
fn stuck(state: &State) -> BTreeSet<String> {
    let needs_human = |route: &Route| {
        let motion = state.routes.get(&route.id).map(|known| &known.motion);
        motion.is_some_and(|motion| matches!(motion, Motion::NeedsHuman { .. }))
    };
    let routes = state.opened.iter().flat_map(|opened| &opened.plan.routes);
    let stuck = routes.filter(|route| needs_human(route) || wants_a_hand(state, route));
    stuck.map(|route| route.id.to_string()).collect()
}

/// What else is so of a route. What another version left it at is nobody's change.
fn marks(route: &RouteStatus) -> String {
    let held = match (&route.taken_over, &route.held_by) {
        (Some(otherwise), _) => Some(format!("held: fold {} decided otherwise than fold {} would", otherwise.from, otherwise.to)),
        (None, Some(by)) => Some(format!("held by {by}")),
        (None, None) => None,
    };
    let changed = route.drift.as_ref().map(|drift| match route.taken_over {
        Some(_) => "elsewhere than this version would have it".to_owned(),
        None => format!("changed by {}", drift.by.as_deref().unwrap_or("somebody else")),
    });
    let latched = route.latched.then(|| "latched".to_owned());
    [latched, held, changed].into_iter().flatten().map(|mark| format!(", {mark}")).collect()
}

/// What a trigger's figure is, where it has one.
fn figure(trigger: &TriggerStatus) -> String {
    let unit = trigger.metric.unit();
    let of = trigger.requests.map_or_else(String::new, |requests| format!(", of {requests} requests"));
    match (trigger.reading, trigger.value) {
        ("ok" | "breach", Some(value)) => format!(" ({} of {}{of})", unit.show(value), unit.show(trigger.limit)),
        _ => String::new(),
    }
}

fn text(status: &Status, stuck: &BTreeSet<String>) -> String {
    let world = match status.world {
        WorldKind::Live => "live",
        WorldKind::Demo { .. } => "demo",
    };
    let mut lines = vec![format!("{}  {}  {world}  entry {}", status.session, status.plan, status.seq)];
    lines.extend(status.head.as_ref().map(|head| format!("  the record ends at {head}")));
    lines.extend(status.attention.iter().map(|what| format!("  {} {}", if what.urgent { "!" } else { "-" }, what.text)));
    for (id, route) in &status.routes {
        let accepted = route.accepted.as_ref().map_or("unknown".to_owned(), split);
        let may_be: String =
            route.may_be.iter().map(|shares| format!(", or {} by a write without an outcome yet", split(shares))).collect();
        let marks = marks(route);
        let ago = |at: i64| Timestamp(status.at).since(Timestamp(at));
        let old = route.accepted_at.filter(|at| figures::is_old(Timestamp(*at), Timestamp(status.at)));
        let read = old.map_or_else(String::new, |at| format!(", read {} ago", ago(at)));
        lines.push(format!("  route {id}: accepted {accepted}{read}{may_be} ({}{marks})", route.motion_text));
        let met = match &route.seen {
            Some(seen) => {
                let met: Shares = seen.shares.iter().map(|(backend, share)| (backend.clone(), share.fraction)).collect();
                format!("{} requests met {}, {} ago", seen.requests, split(&met), ago(seen.at))
            }
            None => "what requests meet since the last change has not been seen yet".to_owned(),
        };
        let fail = match &route.failing {
            Some(Failing { failed, answers, at, by_backend }) => {
                let one = |(id, own): (&String, &FailingOf)| format!("{id} {} of {}", own.failed, own.answers);
                let own: Vec<_> = by_backend.iter().filter(|(_, own)| own.failed > 0).map(one).collect();
                let own = if own.is_empty() { String::new() } else { format!(" ({})", own.join(", ")) };
                let (all, planned, unjudged) = match route.outside.as_slice() {
                    [] => ("all ", "", String::new()),
                    outside => {
                        ("", " of the plan's backends", format!("; nobody judges those of {}, outside the plan", outside.join(", ")))
                    }
                };
                format!("{failed} of {all}{answers} answers{planned} fail{own}, {} ago{unjudged}", ago(*at))
            }
            None => "how many answers fail is not known yet".to_owned(),
        };
        lines.push(format!("    {met}; {fail}"));
        let by_hand = route.by_hand.as_ref().filter(|_| stuck.contains(id));
        let heading = || absence::by_hand(id, Some(status.world));
        lines.extend(by_hand.map(|command| format!("    {}\n      {command}", heading())));
        let out = route.out_by_hand.as_ref();
        let out =
            out.map(|command| format!("    home fails; to move everybody out of it by hand, past what cutover does:\n      {command}"));
        lines.extend(out);
    }
    lines.extend(status.triggers.iter().map(|(id, trigger)| format!("  trigger {id}: {}{}", trigger.text, figure(trigger))));
    lines.push(format!("  checklist: {} of {}", status.checklist_done, status.checklist_items));
    lines.push(format!("  controls: {}", status.controls.as_deref().unwrap_or("free")));
    let people: Vec<String> = status.people.iter().map(|one| format!("{} ({})", one.who, one.role)).collect();
    lines.push(format!("  here: {}", if people.is_empty() { "nobody".to_owned() } else { people.join(", ") }));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        core::{
            decision::Cause,
            event::{Asker, Entry, Event},
            reason::Mover,
            state::{Approval, Drift, Held, Proof, Return, ReturnStage, ShiftTerms, Terms},
            step::step,
        },
        domain::{
            digest::Digest,
            fault::{Fault, FaultKind, Version},
            id::{AskId, ClientId, Seq},
            role::Role,
            time::{Millis, Timestamp},
            weight::Weights,
        },
        plan,
    };

    /// A session of the seed's plan that was taken over by a version which decides otherwise.
    fn taken_over() -> State {
        let (plan, _) = plan::read(include_bytes!("../../plans/hexproperty.yaml")).expect("the seed's plan is valid");
        let session = "seed".parse().expect("a name");
        let mut state = State::default();
        let opened = Event::Opened { session, plan: Box::new(plan), world: WorldKind::Live };
        let events = [opened, Event::TakenOver { from: 0, to: 1, digest: Digest::of(b"") }, Event::Restarted];
        for (seq, event) in (0..).zip(events) {
            step(&mut state, &Entry { seq: Seq(seq), at: Timestamp(0) + Millis::from_secs(seq), event });
        }
        state
    }

    #[test]
    fn another_versions_decisions_are_said_with_what_to_do() {
        let state = taken_over();
        let told = status(&state, "seed".to_owned(), "plan".to_owned());
        assert!(told.needs_human);
        let said = text(&told, &stuck(&state));
        assert!(said.contains("(fold 0) decided otherwise than this one (fold 1) would, so Web frontend is held"), "{said}");
        assert!(said.contains("then resume it; the way home is open"), "{said}");
        assert!(said.contains("held: fold 0 decided otherwise than fold 1 would") && !said.contains("changed by"), "{said}");
        let json = serde_json::to_value(&told).expect("plain data");
        assert_eq!(json["routes"]["frontend"]["taken_over"], json!({ "from": 0, "to": 1 }));
        assert_eq!((&json["attention"][0]["kind"], &json["attention"][0]["about"]), (&json!("taken-over"), &json!("frontend")), "{json}");
    }

    /// The seed's route, on its way home for six seconds, with what came of that so far.
    fn going_home(failures: u32, fault: Option<FaultKind>, stage: ReturnStage) -> State {
        let mut state = taken_over();
        let (id, home) = {
            let route = &state.opened.as_ref().expect("opened").plan.routes[0];
            (route.id.clone(), Weights::all_on(&route.home, route.backend_ids()))
        };
        let cause = Cause::Operator { who: "ada".parse().expect("a name"), reason: None, approved_by: None };
        let fault = fault.map(|kind| Fault::new(kind, "compute.urlMaps.update"));
        let since = state.now.before(Millis::from_secs(6));
        let back = Return {
            to: home,
            since,
            cause,
            writes: 1,
            failures,
            fault,
            came_first: None,
            fences: None,
            escalated_at: None,
            sent: None,
            stage,
        };
        state.routes.get_mut(&id).expect("of the plan").motion = Motion::Returning(back);
        state
    }

    #[test]
    fn the_command_by_hand_is_told_from_the_first_write_home_that_is_refused_or_not_answered() {
        let said = |state: &State| text(&status(state, String::new(), String::new()), &stuck(state));
        let at = Timestamp(0) + Millis::from_secs(3);
        let kept = [
            going_home(1, Some(FaultKind::Forbidden), ReturnStage::Retry { at }),
            going_home(0, Some(FaultKind::TimedOut), ReturnStage::Resolve { since: at }),
        ];
        for state in kept {
            let said = said(&state);
            assert!(said.contains("gcloud compute url-maps export") && said.contains("by hand"), "{said}");
            assert!(said.contains("has been going home for 6s") && said.contains("compute.urlMaps.update"), "{said}");
        }
        let said = said(&going_home(0, None, ReturnStage::Look));
        assert!(!said.contains("gcloud"), "nothing keeps it from home: {said}");
    }

    #[test]
    fn nothing_is_settled_that_somebody_moved_or_that_nobody_has_read() {
        let motion = |state: &State| {
            let told = status(state, String::new(), String::new());
            let said = text(&told, &stuck(state));
            (serde_json::to_value(&told).expect("plain data")["routes"]["frontend"]["motion"].clone(), said)
        };
        let mut state = taken_over();
        let id = state.opened.as_ref().expect("opened").plan.routes[0].id.clone();
        let known = state.routes.get_mut(&id).expect("of the plan");
        known.motion = Motion::Settled;
        let split = Weights::all_on(&"gke".parse().expect("a name"), []);
        let since = Timestamp(0);
        let drift = Drift { found: split.clone(), expected: split, by: Mover::Foreign { actor: None }, since, flips: [].into() };
        known.accepted_at = Some(state.now);
        assert_eq!(motion(&state).0, json!("unseen"), "no request has shown it");
        state.routes.get_mut(&id).expect("of the plan").proof = Proof::Proven { at: since };
        assert_eq!(motion(&state).0, json!("settled"));
        let known = state.routes.get_mut(&id).expect("of the plan");
        known.drift = Some(drift);
        let (told, said) = motion(&state);
        assert!(told == json!("drifted") && said.contains("moved by somebody else"), "{told} {said}");
        state.routes.get_mut(&id).expect("of the plan").drift = None;
        state.now = state.now + Millis::from_mins(5);
        let (told, said) = motion(&state);
        assert!(told == json!("unknown") && said.contains("weights not read for 5m00s"), "{told} {said}");
    }

    #[test]
    fn what_people_read_of_a_trigger_a_machine_reads_too() {
        let json = serde_json::to_value(status(&taken_over(), String::new(), String::new())).expect("plain data");
        let trigger = json["triggers"]["error-rate"].as_object().expect("the plan's trigger");
        let fields: Vec<&str> = trigger.keys().map(String::as_str).collect();
        for field in
            ["reading", "gap_kind", "limit", "value", "value_at", "requests", "requests_min", "since", "outlook", "then", "acts_at"]
        {
            assert!(fields.contains(&field), "{field} is not in {fields:?}");
        }
        assert_eq!((&trigger["requests_min"], &trigger["limit"]), (&json!(100), &json!(0.05)));
    }

    #[test]
    fn a_hold_and_a_request_are_told_to_people_and_machines() {
        let mut state = taken_over();
        let route = state.opened.as_ref().expect("opened").plan.routes[0].clone();
        let known = state.routes.get_mut(&route.id).expect("of the plan");
        known.hold = Some(Held { by: "bob".parse().expect("a name"), at: state.now.before(Millis::from_secs(40)), otherwise: None });
        let home = Weights::all_on(&route.home, route.backend_ids());
        let terms = Terms::Shift(ShiftTerms {
            route: route.id.clone(),
            target: route.target.clone(),
            from: home.clone(),
            to: Weights::all_on(&route.target, route.backend_ids()),
            version: Version("v".to_owned()),
            replication: Vec::new(),
            plan: state.opened.as_ref().expect("opened").plan.hash,
            epoch: 1,
        });
        let by = Asker { client: ClientId(2), who: "ada".parse().expect("a name"), role: Role::Operator };
        let (digest, expires_at) = (Digest::of(b"step"), Timestamp(0) + Millis::from_mins(5));
        let (at, stood_still, barred) = (Timestamp(0), Millis(0), BTreeMap::new());
        state.approvals.insert(digest, Approval { digest, by, ask: AskId(1), terms, at, expires_at, stood_still, barred });
        let told = status(&state, "seed".to_owned(), "plan".to_owned());
        let said = text(&told, &stuck(&state));
        assert!(said.contains("Web frontend is held by bob for 40s"), "{said}");
        assert!(said.contains("ada asks to move Web frontend") && said.contains("100% on") && said.contains("until 00:05:00Z"), "{said}");
        let json = serde_json::to_value(&told).expect("plain data");
        let open = &json["approvals"][0];
        assert_eq!((&open["by"], &open["route"], &open["expires_at"]), (&json!("ada"), &json!("frontend"), &json!(300_000)), "{json}");
        assert_eq!((&open["to"]["gke"], &json["routes"]["frontend"]["held_by"]), (&json!(1.0), &json!("bob")), "{json}");
    }
}
