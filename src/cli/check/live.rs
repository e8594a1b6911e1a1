//! `cutover check PLAN --live`: looks once at everything that the plan names, and changes nothing.
//!
//! It looks with the very drivers and sensors that a session would have, so what answers here answers there, and what stands against going
//! back stands here first: a missing permission, a classic load balancer, a host rule past the split, a revision that is gone.

use std::{collections::BTreeMap, time::Duration};

use color_eyre::eyre::Result;
use futures::future::join_all;

use crate::{
    cli::compose::{Places, Proxied, SERVED_BY, compose},
    core::{
        replication::{self, Soundness},
        state::ReplicationState,
    },
    domain::{
        answer::{AnswerClass, AnswerKind, Answers},
        claim::{Claimed, Claims},
        fact::{Accepted, Fact, Probed, Replication, Served},
        fault::{Fault, FaultKind},
        id::BackendId,
        metric::{Gap, Measured, Metric},
        platform::{Scale, Workload},
        time::Timestamp,
    },
    plan::model::{Plan, readings::Author},
    port::Sensor,
    session::clock::Clock,
    words::{self, Names, hindrance},
};

/// Every look has a deadline of its own; this one is for several of them in a row.
const DEADLINE: Duration = Duration::from_secs(30);
/// Each look at a page is two: of four processes that are nearly alike, eight looks miss all others once in forty.
const PAGE_LOOKS: u32 = 8;
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// What one source came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Well,
    /// It answers, and something about the answer would stand in the way.
    Doubtful,
    /// A session would not see it.
    Missing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub source: String,
    pub verdict: Verdict,
    pub what: String,
}

/// What one look at everything came to.
#[derive(Debug)]
pub struct Survey {
    /// In the plan's order.
    pub findings: Vec<Finding>,
    pub proxied: Proxied,
}

/// Looks at everything at once.
/// # Errors
/// If there are no credentials, or an address is refused; nothing was asked then.
pub async fn survey(plan: &Plan, places: &Places, clock: Clock) -> Result<Survey> {
    let world = compose(plan, places, clock, None)?;
    let findings = join_all(world.sensors.into_iter().map(|sensor| looked(plan, sensor, clock))).await;
    Ok(Survey { findings, proxied: world.proxied })
}

/// The findings for the terminal.
pub fn report(Survey { findings, proxied }: &Survey) -> String {
    let width = findings.iter().map(|finding| finding.source.len()).max().unwrap_or_default();
    let mut text = String::new();
    for (proxy, origins) in proxied {
        let origins: Vec<&str> = origins.iter().map(String::as_str).collect();
        text.push_str(&format!("  the proxy {proxy} (HTTPS_PROXY) carries what is sent to {}\n", origins.join(", ")));
    }
    for Finding { source, verdict, what } in findings {
        let word = match verdict {
            Verdict::Well => "ok",
            Verdict::Doubtful => "doubt",
            Verdict::Missing => "MISSING",
        };
        text.push_str(&format!("  {word:<7} {source:<width$}  {what}\n"));
    }
    let count = |wanted| findings.iter().filter(|finding| finding.verdict == wanted).count();
    let (well, doubtful, missing) = (count(Verdict::Well), count(Verdict::Doubtful), count(Verdict::Missing));
    text.push_str(&format!("{well} of {} answer well, {doubtful} with a doubt, {missing} not; nothing was changed\n", findings.len()));
    text
}

async fn looked(plan: &Plan, mut sensor: Box<dyn Sensor>, clock: Clock) -> Finding {
    let source = sensor.source().to_string();
    let seen = match tokio::time::timeout(DEADLINE, look(sensor.as_mut())).await {
        Ok(seen) => seen,
        Err(_) => Err(Fault::new(FaultKind::TimedOut, format!("no answer within {}s", DEADLINE.as_secs()))),
    };
    match seen {
        Ok(facts) => {
            let told: Vec<(Verdict, String)> = facts.iter().filter_map(|fact| told(plan, fact, clock.now())).collect();
            let verdict = told.iter().map(|(verdict, _)| *verdict).max().unwrap_or(Verdict::Doubtful);
            let what: Vec<String> = told.into_iter().map(|(_, what)| what).collect();
            Finding { source, verdict, what: if what.is_empty() { "it answered with nothing".to_owned() } else { what.join("; ") } }
        }
        Err(fault) => Finding { source, verdict: Verdict::Missing, what: format!("{}: {}{}", fault.kind, fault.message, help(fault.kind)) },
    }
}

/// One look; at a page of figures several, since one alone can't tell whether other processes would answer as well.
async fn look(sensor: &mut dyn Sensor) -> Result<Vec<Fact>, Fault> {
    let mut seen = sensor.look().await?;
    for _ in 1..PAGE_LOOKS {
        if !seen.iter().any(|fact| matches!(fact, Fact::Measured { .. })) {
            break;
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
        seen = sensor.look().await?;
    }
    Ok(seen)
}

/// What a person could do about a fault.
fn help(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Forbidden => "; give this account the permission, or sign in: gcloud auth application-default login",
        FaultKind::NotFound => "; compare the name with the plan",
        FaultKind::Unreachable | FaultKind::TimedOut => "; is there a way from this machine? look at firewall, VPN and private endpoints",
        FaultKind::Unreadable => "; is that the right address?",
        FaultKind::Broken | FaultKind::Unavailable => "; try again in a moment",
        FaultKind::Conflict | FaultKind::Rejected | FaultKind::Refused | FaultKind::Unsupported | FaultKind::Unrecorded => "",
    }
}

fn told(plan: &Plan, fact: &Fact, now: Timestamp) -> Option<(Verdict, String)> {
    match fact {
        Fact::Accepted(accepted) => Some(weights(accepted, Names::in_plan(plan))),
        Fact::Served(served) => Some(front_door(served)),
        Fact::Probed(probed) => Some(probe(probed)),
        Fact::Measured { backend, values } => Some(figures(plan, backend, values)),
        Fact::Workload { workload, .. } => Some(pods(workload)),
        // No sensor says what only the record does.
        Fact::Filling { .. } | Fact::Happened { .. } | Fact::Same(_) | Fact::PodsChanged(_) => None,
        Fact::Replication(replication) => Some(database(plan, replication, now)),
    }
}

fn weights(accepted: &Accepted, names: Names) -> (Verdict, String) {
    let mut found: Vec<String> = accepted.hindrances.iter().map(|found| hindrance(found, names)).collect();
    // A session of this plan that is open steers it too; whoever begins another has to take it over.
    let another = matches!(&accepted.claimed, Claimed::By(claim) if claim.claims == Claims::Steers);
    found.extend(words::who_steers(&accepted.claimed));
    if found.is_empty() {
        return (Verdict::Well, accepted.weights.to_string());
    }
    let verdict = if accepted.hindrances.is_empty() && !another { Verdict::Well } else { Verdict::Doubtful };
    (verdict, format!("{}; {}", accepted.weights, found.join("; ")))
}

fn front_door(served: &Served) -> (Verdict, String) {
    let marked: u64 = served.by_backend.values().sum();
    let all = marked + served.unmarked + served.dropped;
    if served.unmarked > 0 {
        let what =
            format!("{} of {all} answers do not say in {SERVED_BY} which backend gave them, so the split can't be seen", served.unmarked);
        return (Verdict::Doubtful, what);
    }
    let odd: u64 = served.answers.values().map(|answers| answers.count(|kind| !is_page(kind))).sum();
    let verdict = if odd + served.dropped == 0 { Verdict::Well } else { Verdict::Doubtful };
    let told: Vec<String> = served.answers.iter().map(|(backend, answers)| format!("{backend} {}", kinds(answers))).collect();
    (verdict, format!("{all} requests, {}, {} dropped", told.join("; "), served.dropped))
}

/// Whether a user would have got something of this site.
fn is_page(kind: &AnswerKind) -> bool {
    matches!(kind.class(), AnswerClass::Success | AnswerClass::Redirect)
}

fn kinds(answers: &Answers) -> String {
    answers.iter().map(|(kind, count)| format!("{count}× {kind}")).collect::<Vec<_>>().join(", ")
}

fn probe(probed: &Probed) -> (Verdict, String) {
    let bad = probed.failed + probed.dropped;
    let verdict = if bad == 0 { Verdict::Well } else { Verdict::Doubtful };
    let as_expected = format!("{} of {} answered as the plan expects", probed.sent.saturating_sub(bad), probed.sent);
    (verdict, if bad == 0 { as_expected } else { format!("{as_expected}: {}, {} dropped", kinds(&probed.answers), probed.dropped) })
}

/// A first look has no rates yet. What the page can never tell is another matter, and a trigger that rests on it would be blind.
fn figures(plan: &Plan, backend: &BackendId, values: &BTreeMap<Metric, Measured>) -> (Verdict, String) {
    let untold = |metric: &Metric| values.get(metric).and_then(|value| value.err()).filter(|gap| !fills(*gap));
    let triggers = plan.triggers.iter().filter(|trigger| trigger.backend == *backend);
    let blind: Vec<String> = triggers
        .filter_map(|trigger| {
            let why = words::gap(untold(&trigger.metric)?);
            Some(format!("trigger `{}` would be blind, for the {} can't be told ({why})", trigger.id, trigger.metric))
        })
        .collect();
    if !blind.is_empty() {
        return (Verdict::Missing, blind.join("; "));
    }
    let asked = values.keys().filter(|metric| is_asked(plan, backend, **metric));
    let absent: Vec<String> = asked.filter_map(|metric| Some(format!("{metric} ({})", words::gap(untold(metric)?)))).collect();
    if absent.is_empty() {
        return (Verdict::Well, "every figure is there".to_owned());
    }
    (Verdict::Doubtful, format!("there is nothing for {}", absent.join(", ")))
}

/// Whether somebody could have asked for a figure: what the load balancer or an exporter doesn't count is no want of the plan's.
fn is_asked(plan: &Plan, backend: &BackendId, metric: Metric) -> bool {
    let Some(backend) = plan.routes.iter().find_map(|route| route.backend(backend)) else { return true };
    let written = backend.readings.as_ref().is_none_or(|readings| readings.author == Author::Plan || readings.tells(metric));
    written && backend.pods.as_ref().is_none_or(|pods| pods.preset.is_none() || pods.tells(metric))
}

/// Whether a gap is only that of a window which fills, or of a backend that nobody asks.
fn fills(gap: Gap) -> bool {
    match gap {
        Gap::TooEarly | Gap::LowVolume => true,
        Gap::Missing
        | Gap::NotANumber
        | Gap::Infinite
        | Gap::Ambiguous
        | Gap::Unreadable
        | Gap::Unreachable
        | Gap::TimedOut
        | Gap::Partial
        | Gap::Stale
        | Gap::FromTheFuture
        | Gap::Capped
        | Gap::Restarted
        | Gap::StatusNotTold
        | Gap::StatusAmbiguous
        | Gap::SeveralProcesses
        | Gap::TopBucketLow
        | Gap::TooManySeries
        | Gap::LineTooLong
        | Gap::PageTooLong
        | Gap::StandsStill
        | Gap::BelowShare
        | Gap::Undecided => false,
    }
}

fn pods(workload: &Workload) -> (Verdict, String) {
    let told = format!("{}, {}", words::platform::scale(workload.scale), workload.version);
    let doubts: Vec<String> =
        workload.trouble.iter().map(ToString::to_string).chain(workload.unread.iter().map(words::platform::unread)).collect();
    let few = match workload.scale {
        Scale::Counted { ready, desired } => ready < desired || desired == 0,
        Scale::Off | Scale::Untold => true,
        Scale::Automatic { .. } | Scale::Manual { .. } => false,
    };
    let verdict = if doubts.is_empty() && !few { Verdict::Well } else { Verdict::Doubtful };
    (verdict, std::iter::once(told).chain(doubts).collect::<Vec<_>>().join("; "))
}

/// Judged by the same rules as in a session, as of this one look.
fn database(plan: &Plan, replication: &Replication, now: Timestamp) -> (Verdict, String) {
    let Some(database) = &plan.database else { return (Verdict::Doubtful, "the plan names no database".to_owned()) };
    let known = ReplicationState::seen(replication, now);
    let standing = replication::standing(database, &replication.instance, Some(&known), now);
    let verdict = match standing.soundness() {
        Soundness::Sound => Verdict::Well,
        Soundness::Unsound | Soundness::Unproven => Verdict::Doubtful,
    };
    let measure = replication.engine.filter(|_| standing.lag().is_some()).map(|engine| format!(" ({})", words::measure(engine)));
    (verdict, words::database(&standing) + &measure.unwrap_or_default())
}
