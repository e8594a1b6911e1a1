//! Steps of the plan in words: what an act does, what happened, and why something was not done.

use crate::{
    core::{
        outlook::Trouble,
        reason::StepEvidence,
        runbook::{Act, StepNews, StepRefusal, StepTerms, Unmet, Why},
    },
    domain::{
        id::StepId,
        shown::Shown,
        standing::{Change, Known, Standing},
        time::Timestamp,
    },
    plan::model::steps::{Desired, Need},
    words::{Names, credentials, evidence::replica_terms},
};

/// What a step wants, as a clause after `it wants`.
pub fn desired(desired: &Desired) -> String {
    match desired {
        Desired::SqlBackup { instance, younger_than } => format!("a successful backup of {instance}, not older than {younger_than}"),
        Desired::SqlHighAvailability { instance } => format!("{instance} with a standby in another zone, which may restart it once"),
        Desired::SqlReplica { instance, primary, .. } => format!("a read replica {instance} that follows {primary}"),
        Desired::GkeCluster(wanted) => {
            let scaled = wanted.autoscaling.map_or_else(String::new, |scaling| format!(", {}", scaling.told(wanted.zones.len())));
            let (name, location, machine) = (&wanted.name, &wanted.location, &wanted.machine_type);
            format!("the GKE cluster {name} in {location}, {} nodes of {machine}{scaled}", wanted.nodes_told())
        }
        Desired::HomeFloor { service, instances, .. } => {
            format!("{service} with at least {instances} instances, with and without requests")
        }
        Desired::Address { name, region: None } => format!("the global static address {name}"),
        Desired::Address { name, region: Some(region) } => format!("the static address {name} in {region}"),
    }
}

pub fn act(act: Act) -> &'static str {
    match act {
        Act::Run => "run",
        Act::Undo => "take back",
    }
}

/// `availabilityType: ZONAL → REGIONAL`, one after the other.
pub fn changes(changes: &[Change]) -> String {
    changes.iter().map(change).collect::<Vec<_>>().join("; ")
}

pub fn change(change: &Change) -> String {
    match (&change.from, &change.to) {
        (Some(from), Some(to)) => format!("{}: {from} → {to}", change.what),
        (None, Some(to)) => format!("{}: nothing → {to}", change.what),
        (Some(from), None) => format!("{}: {from} → nothing", change.what),
        (None, None) => change.what.to_string(),
    }
}

/// What a look found.
pub fn standing(standing: &Standing) -> String {
    match standing {
        Standing::Apart { changes: wanted, .. } => format!("not so yet ({})", changes(wanted)),
        Standing::Underway(work) => format!("under way as {}", work.operation),
        Standing::Reached { evidence: seen, .. } => format!("reached ({})", evidence(seen)),
        Standing::Foreign { why } => format!("no act of the step leads on from there ({why})"),
    }
}

/// `backup of 02:10, 1h12m old`.
pub fn evidence(evidence: &[Known]) -> String {
    evidence.iter().map(|known| format!("{} {}", known.what, known.value)).collect::<Vec<_>>().join(", ")
}

/// What a line that rests on a step has to show.
pub fn rests(step: impl std::fmt::Display, how: &StepEvidence) -> String {
    match how {
        StepEvidence::Reached { known } => evidence(known),
        StepEvidence::Apart { changes: wanted } => format!("\"{step}\" is not so yet ({})", changes(wanted)),
        StepEvidence::Underway => format!("\"{step}\" is under way"),
        StepEvidence::Foreign { why } => format!("no act of \"{step}\" leads on from what stands there ({why})"),
        StepEvidence::Skipped { by } => format!("\"{step}\" was skipped by {by}, which shows nothing"),
        StepEvidence::Unseen => format!("nobody has looked at \"{step}\" lately"),
    }
}

/// What happened with the step of this id.
pub fn news(id: &StepId, what: &StepNews, names: Names) -> String {
    let step = names.step(id);
    match what {
        StepNews::Begins { act: Act::Run, by, approved_by, changes: wanted } => {
            let second = approved_by.as_ref().map_or_else(String::new, |who| format!(", approved by {who}"));
            format!("{by} runs \"{step}\"{second} ({})", changes(wanted))
        }
        StepNews::Begins { act: Act::Undo, by, approved_by, .. } => {
            let second = approved_by.as_ref().map_or_else(String::new, |who| format!(", approved by {who}"));
            format!("{by} takes \"{step}\" back{second}")
        }
        StepNews::Accepted { operation: Some(operation), .. } => format!("\"{step}\" is accepted and under way, as {operation}"),
        StepNews::Accepted { operation: None, .. } => format!("\"{step}\" is accepted and under way"),
        StepNews::Ended { act: Act::Run, took, evidence: seen } if seen.is_empty() => format!("\"{step}\" is reached after {took}"),
        StepNews::Ended { act: Act::Run, took, evidence: seen } => format!("\"{step}\" is reached after {took}: {}", evidence(seen)),
        StepNews::Ended { act: Act::Undo, took, .. } => format!("\"{step}\" is taken back, after {took}"),
        StepNews::NotDone { act: Act::Run, why } => format!("\"{step}\" was not done: {}; look, then run it again or skip it", why),
        StepNews::NotDone { act: Act::Undo, why } => format!("\"{step}\" was not taken back: {}", why),
        StepNews::OutcomeUnknown { why: Some(why), .. } => {
            format!("nobody knows whether \"{step}\" was accepted; looking ({})", why)
        }
        StepNews::OutcomeUnknown { why: None, .. } => {
            format!("nobody knows whether \"{step}\" was accepted, for nobody was there to hear it; looking")
        }
        StepNews::DidNotHappen { .. } => format!("\"{step}\" did not happen after all: looks see it as it was before"),
        StepNews::TakesLong { .. } => {
            format!("\"{step}\" takes longer than the plan has patience; nothing is given up, look at its operation")
        }
        StepNews::FoundReached { evidence: seen } => {
            format!("\"{step}\" is as the plan wants it, and nobody here did that: {}", evidence(seen))
        }
        StepNews::FoundApart { changes: found } => {
            format!("\"{step}\" was reached and is not any more, by no act of this session ({})", changes(found))
        }
        StepNews::Skipped { by, reason } => format!("{by} skips \"{step}\": {reason}"),
        StepNews::Approved { by, asked_by, approver, asker, .. } => {
            let known = |who: &Option<Box<crate::domain::credentials::Credentials>>| {
                who.as_deref().map_or_else(String::new, |known| format!(" ({})", credentials(known)))
            };
            format!("{by}{} approved \"{step}\", which {asked_by}{} asked for", known(approver), known(asker))
        }
        StepNews::ApprovalAsked { by, act: what, changes: wanted, within } => {
            let wanted = if wanted.is_empty() { String::new() } else { format!(" ({})", changes(wanted)) };
            format!("{by} asks for a second person within {within}: to {} \"{step}\"{wanted}", act(*what))
        }
    }
}

/// Why not, and what to do.
pub fn refusal(why: &StepRefusal, names: Names) -> String {
    match why {
        StepRefusal::NotSeen { ago: None } => "nobody has looked at it yet; wait for the first look".to_owned(),
        StepRefusal::NotSeen { ago: Some(ago) } => {
            format!("it was last looked at {ago} ago; wait for a look, or see whether its API answers")
        }
        StepRefusal::Changed => "it is not what you saw any more; look again, then ask again".to_owned(),
        StepRefusal::Reached => "it is so already".to_owned(),
        StepRefusal::NotReached => "there is nothing to take back: it is not as the step wants it".to_owned(),
        StepRefusal::Underway { operation: Some(operation) } => format!("it is under way already, as {operation}; wait for its end"),
        StepRefusal::Underway { operation: None } => "it is under way already; wait for its end".to_owned(),
        StepRefusal::Foreign { why } => format!("no act of this step leads on from what stands there; see to it by hand ({why})"),
        StepRefusal::Needs { unmet } => {
            format!("first the plan needs {}", unmet.iter().map(|one| need(one, names)).collect::<Vec<_>>().join(" and "))
        }
        StepRefusal::Needed { by } => {
            let by: Vec<String> = by.iter().map(|step| format!("\"{}\"", names.step(step))).collect();
            format!("{} rests on it; take that back first", by.join(" and "))
        }
        StepRefusal::GoingHome => "a rollback is under way, and no step begins before it is over".to_owned(),
        StepRefusal::NotNamed { target } => format!("it can't be taken back, so its name is wanted: type {target}"),
        StepRefusal::NotOurs => "this session has not made it so, and takes back nothing else; see to it by hand".to_owned(),
        StepRefusal::NoUndo => "there is no way to take it back".to_owned(),
    }
}

pub fn need(need: &Need, names: Names) -> String {
    match need {
        Need::Step(step) => format!("\"{}\"", names.step(step)),
        Need::Line(line) => format!("the line \"{}\"", names.item(line)),
        Need::Share { route, away_min } => format!("{away_min} of {} away from home", names.route(route)),
    }
}

/// A need and why it is not met.
pub fn unmet(one: &Unmet<'_>, names: Names) -> String {
    let what = need(one.need, names);
    match &one.why {
        Why::NotReached(_) => format!("{what} is not reached"),
        Why::NotDone(_) => format!("{what} is not done"),
        Why::Away(away) => format!("{what}; {away} is"),
        Why::NotKnown => format!("{what}; its weights are not known, or move"),
    }
}

/// What an approval rests on, as `(name, value)` for a dialog.
pub fn terms(terms: &StepTerms, names: Names) -> Vec<(&'static str, String)> {
    vec![
        ("action", format!("{} \"{}\"", act(terms.act), names.step(&terms.step))),
        ("target", terms.target.to_string()),
        ("changes", changes(&terms.changes)),
        ("version", terms.version.0.clone()),
        ("replication", replica_terms(&terms.replication)),
        ("plan", terms.plan.short()),
        ("controls", format!("grant {}", terms.epoch)),
    ]
}

/// What keeps a step from its end.
pub fn trouble(step: &StepId, trouble: &Trouble, now: Timestamp, names: Names) -> String {
    let step = names.step(step);
    match trouble {
        Trouble::NotDone { why } => format!("\"{step}\" was not done: {}; look, then run it again or skip it", why),
        Trouble::Unknown { since } => {
            format!("nobody knows since {} ago whether \"{step}\" was accepted; its looks will tell", now.since(*since))
        }
        Trouble::TakesLong { since } => format!("\"{step}\" is under way for {}, longer than the plan has patience", now.since(*since)),
        Trouble::Foreign { why } => format!("no act of \"{step}\" leads on from what stands there; see to it by hand ({why})"),
        Trouble::DidNotHappen => format!("\"{step}\" was asked for, and looks see nothing of it; run it again or skip it"),
    }
}

pub fn trouble_in_short(trouble: &Trouble) -> &'static str {
    match trouble {
        Trouble::NotDone { .. } => "not done",
        Trouble::Unknown { .. } => "accepted or not, nobody knows",
        Trouble::TakesLong { .. } => "takes long",
        Trouble::Foreign { .. } => "see to it by hand",
        Trouble::DidNotHappen => "did not happen",
    }
}

/// A skip as the end of `asks to`.
pub fn skips(id: &StepId, reason: &Shown, names: Names) -> String {
    format!("skip \"{}\": {reason}", names.step(id))
}
