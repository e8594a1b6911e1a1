//! A transition in one line, in words: who or what happened, what was decided on it, and what left for the world.

use crate::{
    cli::audit::list::Summary,
    core::{
        decision::{Decision, Effect, Transition, Verdict},
        event::{Alarm, Asker, Event},
    },
    domain::{
        fact::{Fact, Known, Observation},
        fault::{Attempt, Outcome},
        metric::{Measured, Metric},
        shown::Shown,
        time::Timestamp,
    },
    words::{self, Names},
};

/// In a file, a thing has its id.
const IDS: Names<'static> = Names::unknown();

/// What of a session's own records is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Story {
    Everything,
    /// Without readings, heartbeats and ticks from which nothing followed.
    WithoutReadings,
}

impl Summary for Story {
    fn of(&self, _kind: &str, body: &[u8]) -> Option<String> {
        let Ok(transition) = serde_json::from_slice::<Transition>(body) else { return Some(String::from_utf8_lossy(body).into_owned()) };
        let told = match self {
            Story::Everything => true,
            Story::WithoutReadings => !is_routine(&transition),
        };
        told.then(|| line(&transition))
    }
}

fn is_routine(transition: &Transition) -> bool {
    let Decision { answer, effects, news } = &transition.decision;
    let silent = answer.is_none() && effects.is_empty() && news.is_empty();
    silent
        && match &transition.entry.event {
            Event::Observed(_) | Event::Rang(_) | Event::Beat { .. } | Event::Resized { .. } => true,
            Event::Opened { .. }
            | Event::Restarted
            | Event::TakenOver { .. }
            | Event::Asked { .. }
            | Event::Looked { .. }
            | Event::Finished { .. }
            | Event::Record(_)
            | Event::Joined { .. }
            | Event::Left { .. }
            | Event::Roster(_)
            | Event::TurnedAway(_) => false,
        }
}

fn line(transition: &Transition) -> String {
    let happened = event(&transition.entry.event);
    // What happened need not be said twice.
    let told = transition.decision.news.iter().map(|news| words::news(news, IDS)).filter(|told| *told != happened);
    let mut parts = vec![happened.clone()];
    parts.extend(transition.decision.answer.as_ref().map(|answer| verdict(&answer.verdict)));
    parts.extend(told);
    parts.extend(transition.decision.effects.iter().map(|effect| format!("effect {}: {}", effect.id, sent(&effect.what))));
    parts.join(" | ")
}

fn event(event: &Event) -> String {
    match event {
        Event::Opened { session, plan, .. } => format!("session {session} of plan {} is opened", plan.name),
        Event::Restarted => "the host came back".to_owned(),
        Event::TakenOver { from, to, digest } => format!("fold {to} took over from fold {from}, state {}", digest.short()),
        Event::Asked { by, key, command, credentials, .. } => {
            let behind = credentials.as_ref().map_or_else(String::new, |known| format!(" \u{b7} {}", words::credentials(known)));
            format!("{}{behind} asks: {}", who(by, key.as_ref()), words::command(command, IDS))
        }
        Event::Looked { by, key, look: seen } => format!("{} {}", who(by, key.as_ref()), words::look(seen, IDS)),
        Event::Observed(seen) => observed(seen),
        Event::Finished { effect, outcome, attempts } => format!("effect {effect} ended: {}{}", ended(outcome), copies(attempts)),
        Event::Record(change) => words::record_change(change),
        Event::Rang(Alarm::Tick) => "time passed".to_owned(),
        Event::Rang(Alarm::Retry { route }) => format!("time to try {route} again"),
        Event::Joined { who, role, credentials, .. } => words::joined(who, *role, credentials.as_deref()),
        Event::Resized { client, terminal } => format!("the terminal of client {} is {}x{}", client.0, terminal.columns, terminal.rows),
        Event::Beat { client } => format!("client {} lives", client.0),
        Event::Left { client } => format!("client {} left", client.0),
        Event::Roster(read) => words::roster(read),
        Event::TurnedAway(turned) => words::turned_away(turned),
    }
}

/// The person, and the key that was pressed where one was.
fn who(by: &Asker, key: Option<&Shown>) -> String {
    key.map_or_else(|| by.who.to_string(), |key| format!("{} [{key}]", by.who))
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Accepted => "accepted".to_owned(),
        Verdict::Queued => "queued behind the move in flight".to_owned(),
        Verdict::HomeAlready => "home already".to_owned(),
        Verdict::Joined => "joined to the rollback that runs".to_owned(),
        Verdict::NeedsApproval { digest } => format!("needs another person's approval of {}", digest.short()),
        Verdict::Refused(refusal) => format!("REFUSED: {}", words::refusal(refusal, IDS)),
    }
}

fn sent(effect: &Effect) -> String {
    match effect {
        Effect::Write { route, from, to, cause, again, .. } => {
            let again = again.map(|first| format!(" again, as effect {first}")).unwrap_or_default();
            format!("write {route} from {from} to {to}{again}: {}", words::cause(cause, IDS))
        }
        Effect::Read { route } => format!("read {route}"),
        Effect::Wake { alarm: Alarm::Tick, .. } => "wake up later".to_owned(),
        Effect::Wake { alarm: Alarm::Retry { route }, .. } => format!("try {route} again later"),
        Effect::Inject { inject } => format!("inject {inject}"),
    }
}

fn ended(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done(receipt) => receipt.operation.as_ref().map_or_else(|| "done".to_owned(), |name| format!("done, as {name}")),
        Outcome::NotDone(fault) => format!("not done: {fault}"),
        Outcome::Unknown(fault) => format!("NOT KNOWN: {fault}"),
    }
}

/// When a write was sent again because nobody had answered.
fn copies(attempts: &[Attempt]) -> String {
    let later: Vec<String> = attempts.iter().skip(1).map(|copy| copy.after.to_string()).collect();
    if later.is_empty() { String::new() } else { format!("; not answered, so sent again on fresh connections after {}", later.join(", ")) }
}

fn observed(seen: &Observation) -> String {
    match &seen.result {
        Err(fault) => format!("{} saw nothing: {fault}", seen.source),
        Ok(facts) if facts.is_empty() => format!("{} saw nothing new", seen.source),
        Ok(facts) => format!("{} saw {}", seen.source, facts.iter().map(|saw| fact(saw, seen.asked_at)).collect::<Vec<_>>().join("; ")),
    }
}

fn fact(fact: &Fact, at: Timestamp) -> String {
    match fact {
        Fact::Accepted(accepted) => {
            let by = accepted.actor.as_ref().map_or_else(String::new, |actor| format!(" by {actor}"));
            format!("{}{by}", accepted.weights)
        }
        Fact::Served(served) => {
            let counts: Vec<String> = served.by_backend.iter().map(|(backend, count)| format!("{backend} {count}")).collect();
            let nameless =
                if served.unmarked == 0 { String::new() } else { format!(", {} answered by no backend of the plan", served.unmarked) };
            format!("requests: {}{nameless}, {} failed, {} dropped", counts.join(" "), served.failed, served.dropped)
        }
        Fact::Probed(probed) => format!("{} of {} requests answered", probed.sent.saturating_sub(probed.dropped), probed.sent),
        Fact::Measured { values, .. } => {
            values.iter().map(|(metric, value)| format!("{metric} {}", measured(*metric, *value))).collect::<Vec<_>>().join(", ")
        }
        Fact::Workload { workload, .. } => words::platform::scale(workload.scale),
        Fact::Same(Known::Accepted(known)) => format!("{known}: as before"),
        Fact::Same(Known::Workload(known)) => format!("{known}: as before"),
        Fact::Same(Known::Replication(known)) => format!("{known}: as before"),
        Fact::PodsChanged(change) => {
            format!("{}, {} pods are others", words::platform::scale(change.workload.scale), change.gone.len().max(change.came.len()))
        }
        Fact::Happened { happenings, .. } => format!("{} events", happenings.len()),
        Fact::Replication(replication) => words::replication(replication, at),
    }
}

fn measured(metric: Metric, value: Measured) -> String {
    match value {
        Ok(sample) => metric.unit().show(sample.value),
        Err(gap) => words::gap(gap),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_through_the_front_door_names_everybody_who_answered() {
        let seen = serde_json::json!({"served": {
            "route": "frontend", "span": 1000, "by_backend": {"gke": 6, "run": 8}, "failed": 0, "dropped": 0, "unmarked": 6}});
        let seen: Fact = serde_json::from_value(seen).unwrap();
        let told = fact(&seen, Timestamp(0));
        assert_eq!(told, "requests: gke 6 run 8, 6 answered by no backend of the plan, 0 failed, 0 dropped");
    }
}
