//! The state line: where traffic is, the worst thing that is true, what happens by itself and when, and what going home takes.
//!
//! Its parts only; how they are joined, shortened and what key stands before the way home is the face's business.

use crate::{
    core::{
        condition::{Condition, condition},
        fails::{Gravity, exchange, fails},
        follows::follows,
        has::{has, strangers},
        home::{Home, home, is_met_by_writing},
        news::Tone,
        outlook::{self, Attention, Awaited, Leads, Outlook, Soonest, Then, attention},
        reason::Obstacle,
        requests::requests,
        state::{Goal, Motion, RouteState, State},
    },
    domain::{id::BackendId, time::Timestamp},
    plan::model::Route,
    words::{
        Names,
        home::{due, perhaps_elsewhere},
        loss::rate,
        short::{self, Said},
    },
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateLine {
    pub place: Said,
    pub worst: Said,
    /// What happens by itself, and when; where that is not for the worst, it names what it is for.
    pub next: Option<Next>,
    /// How long going home takes, or why it is not assured; nothing where all are home.
    pub home: Option<Said>,
}

/// What happens by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    pub said: Said,
    /// The clock that runs until then.
    pub clock: Option<Clock>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    pub since: Timestamp,
    pub acts_at: Timestamp,
}

/// The worst that is true, and which of what was found that is.
struct Worst<'a> {
    said: Said,
    of: Option<&'a Attention>,
}

/// `now` is the face's own estimate, so that what counts down does so between two entries.
pub fn state_line(state: &State, route: &Route, now: Timestamp) -> StateLine {
    let unread = RouteState::default();
    let known = state.routes.get(&route.id).unwrap_or(&unread);
    let found = attention(state);
    let stands = home(state, route);
    let worst = worst(&found, state, route, known, now);
    let next = next(&found, worst.of, &stands, state, (route, known), now);
    StateLine { place: place(state, route, known, &stands, now), worst: worst.said, next, home: way_home(known, &stands, state, route) }
}

fn place(state: &State, route: &Route, known: &RouteState, stands: &Home, now: Timestamp) -> Said {
    let names = Names::of(state);
    let at_home = names.backend(&route.home);
    match stands {
        Home::Unread => Said::new(Tone::Warning, "where traffic is was not read yet", "traffic unread"),
        Home::Seen { .. } if outlook::answers_unmarked(state, route).is_some() => Said::new(
            Tone::Warning,
            format!("home on {at_home} is accepted; answers that say nobody's name show nothing"),
            format!("{at_home} accepted, answers unmarked"),
        ),
        Home::Seen { .. } => {
            let tone = match fails(state, route, &route.home).gravity {
                Gravity::Tolerated => Tone::Good,
                Gravity::Beyond => Tone::Plain,
            };
            Said::new(tone, format!("all on {at_home}, accepted and seen"), format!("all on {at_home}"))
        }
        Home::Unasked { .. } => Said::new(
            Tone::Warning,
            format!("home on {at_home} is accepted; too few requests to see it"),
            format!("{at_home} accepted, not seen"),
        ),
        Home::Accepted { elsewhere, at_most, due: by, .. } => {
            // After a rollback what comes next tells it.
            let more = if comes_home(known) { String::new() } else { due(*by, now) };
            match elsewhere.filter(|share| share.fraction > 0.0) {
                Some(share) => {
                    let still = crate::words::share(share.fraction);
                    let elsewhere = match others(route, known).as_slice() {
                        [] => format!("meet {}", names.backend(&route.target)),
                        [(only, _)] => format!("meet {}", names.backend(only)),
                        several => {
                            let one = |(id, met): &(&BackendId, f64)| format!("{} {}", names.backend(id), crate::words::share(*met));
                            format!("elsewhere: {}", several.iter().map(one).collect::<Vec<_>>().join(", "))
                        }
                    };
                    Said::new(
                        Tone::Warning,
                        format!("home accepted; {still} still {elsewhere}{more}"),
                        format!("home accepted, {still} not yet"),
                    )
                }
                None => {
                    // After a rollback what is worst tells it.
                    let perhaps = perhaps_elsewhere(*at_most).filter(|_| !comes_home(known));
                    let perhaps = perhaps.map_or_else(String::new, |perhaps| format!("; {perhaps}"));
                    Said::new(Tone::Warning, format!("home accepted, not seen yet{perhaps}{more}"), "home not seen yet")
                }
            }
        }
        Home::NotHome { .. } | Home::Away { .. } | Home::Going { .. } => shares(state, route, known),
    }
}

/// Everybody beside home whom requests meet, and how often; who is met most first.
fn others<'a>(route: &Route, known: &'a RouteState) -> Vec<(&'a BackendId, f64)> {
    let seen = known.observed.iter().flat_map(|observed| &observed.shares).filter(|(id, met)| **id != route.home && met.fraction > 0.0);
    let mut others: Vec<_> = seen.map(|(id, met)| (id, met.fraction)).collect();
    others.sort_by(|(_, one), (_, two)| two.total_cmp(one));
    others
}

/// `GKE 25% (gets 24.7%)`, and whoever else has something beside home, strangers by their own name.
pub fn shares(state: &State, route: &Route, known: &RouteState) -> Said {
    let outside = strangers(known, route);
    let planned = route.backend_ids().filter(|id| **id != route.home);
    let wanted = planned.filter(|id| **id == route.target || !has(state, &route.id, id).is_nothing());
    let one = |id: &BackendId| shares_of(state, route, id);
    let tone = if outside.is_empty() { Tone::Plain } else { Tone::Warning };
    let planned: Vec<(String, String)> = wanted.map(one).collect();
    let strange: Vec<(String, String)> =
        outside.into_iter().map(one).map(|(long, short)| (format!("{long} outside the plan"), short)).collect();
    let (long, short): (Vec<String>, Vec<String>) = planned.into_iter().chain(strange).unzip();
    Said::new(tone, long.join(", "), short.join(", "))
}

/// What one backend is given and gets.
pub fn share_of(state: &State, route: &Route, id: &BackendId) -> String {
    shares_of(state, route, id).0
}

fn shares_of(state: &State, route: &Route, id: &BackendId) -> (String, String) {
    let has = has(state, &route.id, id);
    let given = crate::words::given(&has);
    let name = Names::of(state).backend(id);
    match crate::words::got(&has) {
        Some(got) => (format!("{name} {given} (gets {got})"), format!("{name} {given} ({got})")),
        None => {
            // That what is known is old is said in the short form too.
            let short = has.unseen_for.map_or_else(|| "?".to_owned(), |span| format!("unseen {span}"));
            (format!("{name} {given} ({})", crate::words::unseen(&has)), format!("{name} {given} ({short})"))
        }
    }
}

fn worst<'a>(found: &'a [Attention], state: &State, route: &Route, known: &RouteState, now: Timestamp) -> Worst<'a> {
    // What users meet outranks what is only to be known.
    let urgent = found.first().is_some_and(|first| {
        let is_under_way =
            matches!(first, Attention::HomeNotSeen { .. }) || matches!(first, Attention::RollingBack { why, .. } if !why.keeps_away());
        first.is_urgent() && !is_under_way
    });
    if let Some(said) = route.backend_ids().find_map(|id| failing(state, route, id)).filter(|_| !urgent) {
        return Worst { said, of: None };
    }
    // What is only not judged yet is less than a move that is under way.
    if let Some(first) = found.first().filter(|first| !matches!(first, Attention::Unjudged { .. })) {
        let said = short::attention(first, state, now);
        let at = elsewhere(first, state, route).map_or_else(String::new, |title| format!("{title}: "));
        let more = found.iter().skip(1).filter(|other| other.counts()).count();
        let more = if more > 0 { format!(" +{more}") } else { String::new() };
        let told = |text: &str| format!("{at}{text}{more}");
        return Worst { said: Said { tone: said.tone, long: told(&said.long), short: told(&said.short) }, of: Some(first) };
    }
    Worst { said: at_rest(found, state, route, known, now), of: None }
}

/// What is said where nothing is wrong.
fn at_rest(found: &[Attention], state: &State, route: &Route, known: &RouteState, now: Timestamp) -> Said {
    if known.motion != Motion::Settled {
        let moving = crate::words::motion(&known.motion, now);
        let to = known.wanted.as_ref().map(|to| Names::of(state).split(&route.id, to));
        let long = to.as_ref().map_or_else(|| moving.clone(), |to| format!("{to}: {moving}"));
        return Said::new(Tone::Plain, long, to.map_or(moving, |to| format!("moving to {to}")));
    }
    if let Some(unjudged) = found.first() {
        return short::attention(unjudged, state, now);
    }
    match requests(known).agree() {
        true => Said::new(Tone::Good, "nothing is beyond its limit", "all quiet"),
        false => {
            let following = crate::words::following(known, &home(state, route), now);
            Said::new(Tone::Warning, following.clone(), following)
        }
    }
}

/// The title of the other route that it is about, where it is.
fn elsewhere(found: &Attention, state: &State, route: &Route) -> Option<String> {
    let about = found.route(&state.opened.as_ref()?.plan)?;
    (*about != route.id).then(|| Names::of(state).route(about))
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
            let short = format!("{}: {} of {} fail", names.backend(backend), breach.failed_now(), breach.answers_now());
            Some(Said::new(Tone::Alarm, crate::words::met_at_door(&breach, names), short))
        }
        // Where users are it is among what somebody should know; elsewhere it is the pane's to tell.
        Condition::ProbeFails { .. } => None,
        Condition::HomeBeyond { metric, value, limit } => {
            let (name, figure) = (names.backend(backend), |value| metric.unit().show(value));
            let long = format!("{name} {metric} {} of {}", figure(value), figure(limit));
            Some(Said::new(Tone::Alarm, long.clone(), long))
        }
        // Users' loss has a line of its own.
        Condition::Drops { .. } => None,
        // What is not known any more is among what somebody should know.
        Condition::NotMet { .. } => None,
        Condition::Blind { .. } | Condition::Unjudged { .. } | Condition::Untold | Condition::Idle | Condition::Well => None,
    }
}

/// The soonest thing that happens by itself; `worst` is what the line names before it.
fn next(
    found: &[Attention],
    worst: Option<&Attention>,
    stands: &Home,
    state: &State,
    (route, known): (&Route, &RouteState),
    now: Timestamp,
) -> Option<Next> {
    let soonest = outlook::soonest(found).and_then(|soonest| {
        let said = match soonest.leads {
            Leads::Outlook(outlook) => short::outcome(outlook, Names::of(state), now)?,
            Leads::IfUnseen { acts_at } => short::if_unseen(acts_at, now),
        };
        // Where home fails too, nobody takes it for a cure.
        let worse = exchange(state, route).filter(|_| said.tone == Tone::Alarm && elsewhere(soonest.of, state, route).is_none());
        let to = worse.map_or_else(String::new, |worse| format!(", to {} errors", rate(worse.there)));
        let said = Said { long: format!("{}{to}", said.long), ..said };
        let named = if worst == Some(soonest.of) { said } else { with_actor(said, &soonest, state, route) };
        let clock = match soonest.leads {
            Leads::Outlook(outlook) => clock(outlook),
            Leads::IfUnseen { .. } => None,
        };
        Some(Next { said: named, clock })
    });
    // The line is about another route then, and so is what it says of the time.
    let there = worst.is_some_and(|worst| elsewhere(worst, state, route).is_some());
    if there && soonest.is_some() {
        return soonest;
    }
    let told = |said| Next { said, clock: None };
    // What brings the route home already comes before what only holds.
    if let Home::Accepted { due, .. } = stands
        && comes_home(known)
        && now < *due
    {
        let left = due.since(now);
        return Some(told(Said::new(Tone::Plain, format!("home in about {left}"), format!("home in {left}"))));
    }
    let follows = || follows(state, route).map(|change| told(short::follows(&change, &route.id, Names::of(state), now)));
    let last = || match stands {
        // Nothing is written any more, and whoever follows does.
        Home::NotHome { why: Obstacle::RequestsDisagree { .. }, .. } => Some(told(Said::new(
            Tone::Plain,
            "home is accepted; users follow it without another write, or somebody has to look",
            "nothing more is written",
        ))),
        // Nobody knows when; what it waits for stands there instead of a time that is over.
        Home::Accepted { due, .. } if comes_home(known) => {
            let late = now.since(*due);
            Some(told(Said::new(
                Tone::Plain,
                format!("home as soon as requests show it, expected {late} ago"),
                format!("home expected {late} ago"),
            )))
        }
        Home::Unread
        | Home::Away { .. }
        | Home::Going { .. }
        | Home::Accepted { .. }
        | Home::Unasked { .. }
        | Home::Seen { .. }
        | Home::NotHome { .. } => None,
    };
    let moves = || by_motion(&known.motion, now).map(told);
    soonest.filter(|_| !known.motion.is_returning()).or_else(follows).or_else(moves).or_else(last)
}

/// With the name of what it happens for, which is not what stands before it.
fn with_actor(said: Said, soonest: &Soonest, state: &State, route: &Route) -> Said {
    let actor = short::actor(soonest.by, Names::of(state));
    let at = elsewhere(soonest.of, state, route).map_or_else(String::new, |title| format!("{title}: "));
    Said { tone: said.tone, long: format!("{} ({at}{})", said.long, actor.long), short: format!("{} ({at}{})", said.short, actor.short) }
}

fn clock(outlook: &Outlook) -> Option<Clock> {
    match outlook {
        Outlook::Running { since, acts_at, then: Then::GoesHome, awaits: Awaited::Nothing, .. }
        | Outlook::Blind { since, acts_at, then: Then::GoesHome, .. } => Some(Clock { since: *since, acts_at: *acts_at }),
        Outlook::Running { .. }
        | Outlook::Blind { .. }
        | Outlook::Quiet
        | Outlook::Idle
        | Outlook::Unjudged(_)
        | Outlook::Unproven { .. }
        | Outlook::Fired { .. }
        | Outlook::GoingHome => None,
    }
}

/// Whether users follow a rollback that is accepted. That somebody has re-armed the route meanwhile brings nobody home sooner or later.
fn comes_home(known: &RouteState) -> bool {
    let follows = matches!(known.motion, Motion::Propagating { goal: Goal::Rollback, .. });
    known.latch.is_some() || follows
}

fn by_motion(motion: &Motion, now: Timestamp) -> Option<Said> {
    match motion {
        Motion::Returning(back) if back.fault.is_some() => Some(Said::new(Tone::Plain, "trying again by itself", "trying again")),
        Motion::Returning(_) => Some(Said::new(Tone::Plain, "going home by itself", "going home")),
        Motion::Propagating { until, goal: Goal::Advance, .. } if now < *until => {
            let long = format!("should settle in {}", until.since(now));
            Some(Said::new(Tone::Plain, long.clone(), long))
        }
        // When home is seen is home's own to tell, and a second time beside it would contradict it.
        Motion::Unread
        | Motion::Settled
        | Motion::Writing { .. }
        | Motion::Resolving { .. }
        | Motion::Propagating { .. }
        | Motion::NeedsHuman { .. } => None,
    }
}

fn way_home(known: &RouteState, stands: &Home, state: &State, route: &Route) -> Option<Said> {
    match stands {
        Home::Unread | Home::Accepted { .. } | Home::Unasked { .. } | Home::Seen { .. } | Home::Going { .. } => None,
        // It is being tried already, and nobody knows when it gets there.
        Home::NotHome { .. } if known.motion.is_returning() || !is_met_by_writing(stands) => None,
        Home::Away { .. } | Home::NotHome { .. } => Some(match outlook::against_home(state, route).first() {
            None => Said::plain(known.readiness.takes.to_string()),
            Some(why) => {
                let why = crate::words::objection(why, Names::of(state));
                if let Some(worse) = exchange(state, route) {
                    let rates = worse.here.map_or_else(String::new, |here| format!("from {} ", rate(here)));
                    let long = format!("{rates}to {} errors ({why})", rate(worse.there));
                    return Some(Said::new(Tone::Warning, long, format!("to {} errors", rate(worse.there))));
                }
                Said::new(Tone::Warning, format!("{}, not assured ({why})", known.readiness.takes), "not assured")
            }
        }),
    }
}
