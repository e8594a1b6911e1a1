//! The state line: where traffic is, the worst thing that is true, what happens by itself and when, and what going home takes.
//!
//! Its parts only; how they are joined, shortened and what key stands before the way home is the face's business.

use crate::{
    core::{
        condition::{Condition, condition},
        has::{has, strangers},
        home::{Home, home},
        news::Tone,
        outlook::{Attention, Outlook, Then, attention},
        state::{Goal, Motion, Proof, RouteState, Share, State},
    },
    domain::{id::BackendId, time::Timestamp, weight::PerMille},
    plan::model::Route,
    words::{
        Names,
        short::{self, Said},
    },
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateLine {
    pub place: Said,
    pub worst: Said,
    /// What happens by itself, and when.
    pub next: Option<Said>,
    /// How long going home takes, or why it is not assured; nothing where all are home.
    pub home: Option<Said>,
}

/// `now` is the face's own estimate, so that what counts down does so between two entries.
pub fn state_line(state: &State, route: &Route, now: Timestamp) -> StateLine {
    let unread = RouteState::default();
    let known = state.routes.get(&route.id).unwrap_or(&unread);
    let found = attention(state);
    let stands = home(state, route);
    StateLine {
        place: place(state, route, known, &stands),
        worst: worst(&found, state, route, known, now),
        next: next(&found, state, known, now),
        home: way_home(known, &stands, state),
    }
}

/// A share as requests show it: one decimal only where the first digit says little.
pub fn gets(share: Share) -> String {
    let percent = share.fraction * 100.0;
    if percent >= 9.95 || percent == 0.0 { format!("{percent:.0}") } else { format!("{percent:.1}") }
}

fn place(state: &State, route: &Route, known: &RouteState, stands: &Home) -> Said {
    let names = Names::of(state);
    let at_home = names.backend(&route.home);
    match stands {
        Home::Unread => Said::new(Tone::Warning, "where traffic is was not read yet", "traffic unread"),
        Home::Seen { .. } => Said::new(Tone::Good, format!("all on {at_home}, accepted and seen"), format!("all on {at_home}")),
        Home::Unasked { .. } => Said::new(
            Tone::Warning,
            format!("home on {at_home} is accepted; too few requests to see it"),
            format!("{at_home} accepted, not seen"),
        ),
        Home::Accepted { elsewhere, at_most, left, .. } => {
            let more = left.map_or_else(String::new, |left| format!(", about {left} more"));
            match elsewhere.filter(|share| share.fraction > 0.0) {
                Some(share) => {
                    let still = gets(share);
                    let elsewhere = names.backend(&others(route, known));
                    Said::new(
                        Tone::Warning,
                        format!("home accepted; {still}% still meet {elsewhere}{more}"),
                        format!("home accepted, {still}% not yet"),
                    )
                }
                None if *at_most == PerMille::ZERO => Said::new(Tone::Warning, "home accepted, not seen yet", "home not seen yet"),
                None => Said::new(
                    Tone::Warning,
                    format!("home accepted, not seen yet; up to {at_most} may meet something else{more}"),
                    "home not seen yet",
                ),
            }
        }
        Home::NotHome { .. } | Home::Away { .. } | Home::Going { .. } => shares(state, route, known),
    }
}

/// The backend beside home that users may meet most.
fn others(route: &Route, known: &RouteState) -> BackendId {
    let seen = known.observed.iter().flat_map(|observed| &observed.shares).filter(|(id, _)| **id != route.home);
    let most = seen.max_by(|(_, one), (_, two)| one.fraction.total_cmp(&two.fraction));
    most.map_or_else(|| route.target.clone(), |(id, _)| id.clone())
}

/// `GKE 25% (gets 24.7)`, and whoever else has something beside home, strangers by their own name.
pub fn shares(state: &State, route: &Route, known: &RouteState) -> Said {
    let names = Names::of(state);
    let outside = strangers(known, route);
    let planned = route.backend_ids().filter(|id| **id != route.home);
    let wanted = planned.filter(|id| **id == route.target || !has(state, &route.id, id).is_nothing());
    let one = |id: &BackendId| {
        let has = has(state, &route.id, id);
        let given = has.given.map_or_else(|| "?".to_owned(), |share| share.to_string());
        let name = names.backend(id);
        match has.gets {
            Some(share) => (format!("{name} {given} (gets {})", gets(share)), format!("{name} {given} ({})", gets(share))),
            None => (format!("{name} {given} (not seen yet)"), format!("{name} {given} (?)")),
        }
    };
    let tone = if outside.is_empty() { Tone::Plain } else { Tone::Warning };
    let planned: Vec<(String, String)> = wanted.map(one).collect();
    let strange: Vec<(String, String)> =
        outside.into_iter().map(one).map(|(long, short)| (format!("{long} outside the plan"), short)).collect();
    let (long, short): (Vec<String>, Vec<String>) = planned.into_iter().chain(strange).unzip();
    Said::new(tone, long.join(", "), short.join(", "))
}

fn worst(found: &[Attention], state: &State, route: &Route, known: &RouteState, now: Timestamp) -> Said {
    // What users meet outranks what is only to be known.
    let urgent = found
        .first()
        .is_some_and(|first| first.is_urgent() && !matches!(first, Attention::RollingBack { .. } | Attention::HomeNotSeen { .. }));
    if let Some(said) = route.backend_ids().find_map(|id| failing(state, route, id)).filter(|_| !urgent) {
        return said;
    }
    if let Some(first) = found.first() {
        let said = short::attention(first, state, now);
        let more = found.iter().skip(1).filter(|other| other.is_urgent()).count();
        let more = if more > 0 { format!(" +{more}") } else { String::new() };
        return Said { tone: said.tone, long: format!("{}{more}", said.long), short: format!("{}{more}", said.short) };
    }
    if known.motion != Motion::Settled {
        let moving = crate::words::motion(&known.motion, now);
        return Said::new(Tone::Plain, moving, "moving");
    }
    match (known.proof, known.against_since) {
        (Proof::Proven { .. } | Proof::Fits, None) => Said::new(Tone::Good, "nothing is beyond its limit", "all quiet"),
        (Proof::Unproven | Proof::Unasked, None) | (_, Some(_)) => {
            let following = crate::words::following(known, now);
            Said::new(Tone::Warning, following.clone(), following)
        }
    }
}

/// A backend that fails its users while it is given or gets any; of the unhealthy ones the first.
fn failing(state: &State, route: &Route, backend: &BackendId) -> Option<Said> {
    let names = Names::of(state);
    match condition(state, route, backend) {
        Condition::Breached { trigger } => {
            let (value, limit) = short::figures(state, &trigger);
            let long = format!("{} {value} of {limit}", names.watched_short(&trigger));
            Some(Said::new(Tone::Alarm, long, format!("{} {value} of {limit}", names.metric(&trigger))))
        }
        Condition::FailsAtDoor { breach } => {
            let short = format!("{}: {} of {} fail", names.backend(backend), breach.failed, breach.answers);
            Some(Said::new(Tone::Alarm, crate::words::met_at_door(&breach, names), short))
        }
        // Where nobody is, a failing probe is only to be known.
        Condition::ProbeFails { .. } if has(state, &route.id, backend).is_nothing() => None,
        Condition::ProbeFails { failed, sent } => {
            let name = names.backend(backend);
            Some(Said::new(
                Tone::Alarm,
                format!("{failed} of {sent} probes of {name} fail"),
                format!("{name}: {failed} of {sent} probes fail"),
            ))
        }
        Condition::Blind { .. } | Condition::Unjudged { .. } | Condition::Idle | Condition::Well => None,
    }
}

/// The soonest thing that happens by itself.
fn next(found: &[Attention], state: &State, known: &RouteState, now: Timestamp) -> Option<Said> {
    let names = Names::of(state);
    let outlooks = found.iter().filter_map(|found| match found {
        Attention::Breach { outlook, .. } | Attention::Blind { outlook, .. } => Some(outlook),
        Attention::AtDoor { breach, .. } => Some(&breach.outlook),
        Attention::NotHome { .. }
        | Attention::NeedsHuman { .. }
        | Attention::Drifted { .. }
        | Attention::RollingBack { .. }
        | Attention::HomeNotSeen { .. }
        | Attention::FailingForNobody { .. }
        | Attention::RequestsDisagree { .. }
        | Attention::WritesAtRisk { .. }
        | Attention::ReplicaUnsound { .. }
        | Attention::Hindered { .. }
        | Attention::HomeNotReady { .. }
        | Attention::Unresolved { .. }
        | Attention::Unread { .. }
        | Attention::SourceSilent { .. }
        | Attention::ItemFailing { .. }
        | Attention::Latched { .. }
        | Attention::ApprovalOpen { .. } => None,
    });
    let mut outlooks: Vec<&Outlook> = outlooks.collect();
    // What goes home comes before what only holds, and the soonest first.
    outlooks.sort_by_key(|outlook| match outlook {
        Outlook::Running { acts_at, then, .. } | Outlook::Blind { acts_at, then, .. } => (*then != Then::GoesHome, Some(*acts_at)),
        Outlook::Quiet | Outlook::Unseen { .. } | Outlook::Idle | Outlook::Unproven { .. } | Outlook::Fired { .. } => (true, None),
    });
    let soonest = outlooks.into_iter().find_map(|outlook| short::outcome(outlook, names, now));
    soonest.or_else(|| match &known.motion {
        Motion::Returning(back) if back.failures > 0 => Some(Said::new(Tone::Plain, "trying again by itself", "trying again")),
        Motion::Returning(_) => Some(Said::new(Tone::Plain, "going home by itself", "going home")),
        Motion::Propagating { until, goal, .. } if now < *until => {
            let left = until.since(now);
            let long = match goal {
                Goal::Advance => format!("settles within {left}"),
                Goal::Rollback => format!("home within {left}"),
            };
            Some(Said::new(Tone::Plain, long.clone(), long))
        }
        Motion::Unread
        | Motion::Settled
        | Motion::Writing { .. }
        | Motion::Resolving { .. }
        | Motion::Propagating { .. }
        | Motion::NeedsHuman { .. } => None,
    })
}

fn way_home(known: &RouteState, stands: &Home, state: &State) -> Option<Said> {
    match stands {
        Home::Unread | Home::Accepted { .. } | Home::Unasked { .. } | Home::Seen { .. } | Home::Going { .. } => None,
        Home::Away { .. } | Home::NotHome { .. } => Some(match known.readiness.against.first() {
            None => Said::plain(known.readiness.takes.to_string()),
            Some(why) => {
                let why = crate::words::objection(why, Names::of(state));
                Said::new(Tone::Warning, format!("{}, not assured ({why})", known.readiness.takes), "not assured")
            }
        }),
    }
}
