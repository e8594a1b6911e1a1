//! A transition in one line, in words: who or what happened, what was decided on it, and what left for the world.

use std::cell::OnceCell;

use crate::{
    cli::audit::list::Summary,
    core::{
        decision::{Decision, Effect, Transition, Verdict},
        event::{Alarm, Asker, Event},
    },
    domain::{
        answer::Answers,
        fact::{Fact, Known, Observation},
        fault::{Attempt, Outcome},
        id::BackendId,
        metric::{Measured, Metric},
        shown::Shown,
        time::Timestamp,
    },
    plan::model::Plan,
    words::{self, Names, absence},
};

/// What of a session's own records is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    Everything,
    /// Without readings, heartbeats and ticks from which nothing followed.
    WithoutReadings,
}

/// Tells the records of one journal, by the names and units of the plan that it was opened with.
#[derive(Debug)]
pub struct Story {
    told: Told,
    /// Of the record that opens the session, once that was read.
    plan: OnceCell<Box<Plan>>,
}

impl Story {
    pub fn new(told: Told) -> Story {
        Story { told, plan: OnceCell::new() }
    }
    fn read(&self, body: &[u8]) -> Option<Transition> {
        let transition = serde_json::from_slice::<Transition>(body).ok()?;
        if let Event::Opened { plan, .. } = &transition.entry.event {
            self.plan.get_or_init(|| plan.clone());
        }
        Some(transition)
    }
    fn names(&self) -> Names<'_> {
        self.plan.get().map_or(Names::unknown(), |plan| Names::in_plan(plan))
    }
}

impl Summary for Story {
    fn of(&self, _kind: &str, body: &[u8]) -> Option<String> {
        let Some(transition) = self.read(body) else { return Some(String::from_utf8_lossy(body).into_owned()) };
        let told = match self.told {
            Told::Everything => true,
            Told::WithoutReadings => !is_routine(&transition),
        };
        told.then(|| line(&transition, self.names()))
    }
    fn passed_over(&self, _kind: &str, body: &[u8]) {
        if self.plan.get().is_none() {
            let _opens_or_not = self.read(body);
        }
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
            | Event::StoodStill { .. }
            | Event::TakenOver { .. }
            | Event::Asked { .. }
            | Event::Looked { .. }
            | Event::Finished { .. }
            | Event::Taken { .. }
            | Event::Record(_)
            | Event::Joined { .. }
            | Event::Left { .. }
            | Event::Hosted(_)
            | Event::Roster(_)
            | Event::TurnedAway(_)
            | Event::SupervisorGone { .. } => false,
        }
}

fn line(transition: &Transition, names: Names) -> String {
    let happened = event(&transition.entry.event, names);
    // What happened need not be said twice.
    let told = transition.decision.news.iter().map(|news| words::news(news, names)).filter(|told| *told != happened);
    let mut parts = vec![happened.clone()];
    parts.extend(transition.decision.answer.as_ref().map(|answer| verdict(&answer.verdict, names)));
    parts.extend(told);
    parts.extend(transition.decision.effects.iter().map(|effect| format!("effect {}: {}", effect.id, sent(&effect.what, names))));
    parts.join(" | ")
}

fn event(event: &Event, names: Names) -> String {
    match event {
        Event::Opened { session, plan, .. } => format!("session {session} of plan {} is opened", plan.name),
        Event::Restarted => "the host came back".to_owned(),
        Event::StoodStill { since } => format!("the host goes on; it did not run since {}", absence::moment(*since)),
        Event::TakenOver { from, to, digest } => format!("fold {to} took over from fold {from}, state {}", digest.short()),
        Event::Asked { by, key, command, credentials, .. } => {
            let behind = credentials.as_ref().map_or_else(String::new, |known| format!(" \u{b7} {}", words::credentials(known)));
            format!("{}{behind} asks: {}", who(by, key.as_ref()), words::command(command, names))
        }
        Event::Looked { by, key, look: seen } => format!("{} {}", who(by, key.as_ref()), words::look(seen, names)),
        Event::Observed(seen) => observed(seen, names),
        Event::Finished { effect, outcome, attempts } => format!("effect {effect} ended: {}{}", ended(outcome), copies(attempts)),
        Event::Taken { effect, operation } => format!("effect {effect} was taken by the API, as {operation}; its outcome is still to come"),
        Event::Record(change) => words::record_change(change),
        Event::Rang(Alarm::Tick) => "time passed".to_owned(),
        Event::Rang(Alarm::Retry { route }) => format!("time to try {} again", names.route(route)),
        Event::Joined { who, role, credentials, .. } => words::joined(who, *role, credentials.as_deref()),
        Event::Resized { client, terminal } => format!("the terminal of client {} is {}x{}", client.0, terminal.columns, terminal.rows),
        Event::Beat { client } => format!("client {} lives", client.0),
        Event::Left { client } => format!("client {} left", client.0),
        Event::Hosted(hosted) => words::hosted(hosted),
        Event::Roster(read) => words::roster(read),
        Event::TurnedAway(turned) => words::turned_away(turned),
        Event::SupervisorGone { process } => words::supervisor_gone(*process),
    }
}

/// The person, and the key that was pressed where one was.
fn who(by: &Asker, key: Option<&Shown>) -> String {
    key.map_or_else(|| by.who.to_string(), |key| format!("{} [{key}]", by.who))
}

fn verdict(verdict: &Verdict, names: Names) -> String {
    match verdict {
        Verdict::Accepted => "accepted".to_owned(),
        Verdict::Queued => "queued behind the move in flight".to_owned(),
        Verdict::HomeAlready => "home is accepted already".to_owned(),
        Verdict::Joined => "joined to the rollback that runs".to_owned(),
        Verdict::NeedsApproval { digest } => format!("needs another person's approval of {}", digest.short()),
        Verdict::Refused(refusal) => format!("REFUSED: {}", words::refusal(refusal, names)),
    }
}

fn sent(effect: &Effect, names: Names) -> String {
    match effect {
        Effect::Write { route, from, to, cause, again, .. } => {
            let again = again.map(|first| format!(" again, as effect {first}")).unwrap_or_default();
            let (from, to) = (names.split(route, from), names.split(route, to));
            format!("write {}: from {from} to {to}{again}: {}", names.route(route), words::cause(cause, names))
        }
        Effect::Claim { route, claim, reason, .. } => words::claims(names.route(route), claim, reason.as_ref()),
        Effect::Act { step, act, .. } => format!("{} \"{}\"", words::steps::act(*act), names.step(step)),
        Effect::Read { route } => format!("read {}", names.route(route)),
        Effect::Wake { alarm: Alarm::Tick, .. } => "wake up later".to_owned(),
        Effect::Wake { alarm: Alarm::Retry { route }, .. } => format!("try {} again later", names.route(route)),
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

fn observed(seen: &Observation, names: Names) -> String {
    match &seen.result {
        Err(fault) => format!("{} saw nothing: {fault}", seen.source),
        Ok(facts) if facts.is_empty() => format!("{} saw nothing new", seen.source),
        Ok(facts) => {
            format!("{} saw {}", seen.source, facts.iter().map(|saw| fact(saw, seen.asked_at, names)).collect::<Vec<_>>().join("; "))
        }
    }
}

fn fact(fact: &Fact, at: Timestamp, names: Names) -> String {
    match fact {
        Fact::Accepted(accepted) => {
            let by = accepted.actor.as_ref().map_or_else(String::new, |actor| format!(" by {actor}"));
            let steered = words::who_steers(&accepted.claimed).map_or_else(String::new, |who| format!(", {who}"));
            format!("{}{by}{steered}", names.split(&accepted.route, &accepted.weights))
        }
        Fact::Served(served) => {
            // What counts as failed the plan says, and what was answered stands here.
            let kinds = |backend: &BackendId| {
                let kinds = served.answers.get(backend).into_iter().flat_map(Answers::iter).filter(|(_, count)| *count > 0);
                let kinds: Vec<String> = kinds.map(|(kind, count)| format!("{} {count}", words::answer(kind))).collect();
                if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) }
            };
            let count = |(backend, count): (&BackendId, &u64)| format!("{} {count}{}", names.backend(backend), kinds(backend));
            let counts: Vec<String> = served.by_backend.iter().map(count).collect();
            let nameless =
                if served.unmarked == 0 { String::new() } else { format!(", {} answered by no backend of the plan", served.unmarked) };
            format!("requests: {}{nameless}; {} server errors, {} dropped", counts.join(", "), served.failed, served.dropped)
        }
        Fact::Probed(probed) => {
            let as_expected = probed.sent.saturating_sub(probed.dropped).saturating_sub(probed.failed);
            let otherwise = |count: u64, how: &str| if count > 0 { format!(", {count} {how}") } else { String::new() };
            let (failed, dropped) = (otherwise(probed.failed, "answered otherwise"), otherwise(probed.dropped, "not answered"));
            format!("{as_expected} of {} requests answered as expected{failed}{dropped}", probed.sent)
        }
        Fact::Measured { values, .. } => {
            values.iter().map(|(metric, value)| format!("{metric} {}", measured(*metric, *value))).collect::<Vec<_>>().join(", ")
        }
        Fact::Filling { full_at, .. } => format!("its window is full at {}", absence::moment(*full_at)),
        Fact::Workload { workload, .. } => words::platform::scale(workload.scale),
        Fact::Same(Known::Accepted(known)) => format!("{known}: as before"),
        Fact::Same(Known::Workload(known)) => format!("{known}: as before"),
        Fact::Step { step, standing } => format!("\"{}\": {}", names.step(step), words::steps::standing(standing)),
        Fact::Same(Known::Step(known)) => format!("{known}: as before"),
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
    use crate::{
        core::{
            decision::{Cause, Fired},
            event::{Entry, WorldKind},
            news::News,
        },
        domain::{id::Seq, time::Millis, weight::Weights},
    };

    #[test]
    fn a_look_through_the_front_door_names_everybody_who_answered() {
        let seen = serde_json::json!({"served": {
            "route": "frontend", "span": 1000, "by_backend": {"gke": 6, "run": 8}, "failed": 0, "dropped": 0, "unmarked": 6}});
        let seen: Fact = serde_json::from_value(seen).unwrap();
        let told = fact(&seen, Timestamp(0), Names::unknown());
        assert_eq!(told, "requests: gke 6, run 8, 6 answered by no backend of the plan; 0 server errors, 0 dropped");
        let seen = serde_json::json!({"served": {
            "route": "frontend", "span": 1000, "by_backend": {"gke": 2, "run": 8}, "failed": 0, "dropped": 0, "unmarked": 0,
            "answers": {"gke": {"404 text/plain": 2}}}});
        let seen: Fact = serde_json::from_value(seen).unwrap();
        let told = fact(&seen, Timestamp(0), Names::unknown());
        assert_eq!(told, "requests: gke 2 (404 text/plain 2), run 8; 0 server errors, 0 dropped");
    }

    /// The session's own record: opened with the seed's plan, then a breach and what it led to.
    #[test]
    fn a_record_is_told_in_the_plan_s_names_and_units_also_where_the_opening_is_not_shown() {
        let (plan, _) = crate::plan::read(include_bytes!("../../../plans/hexproperty.yaml")).unwrap();
        let (trigger, route) = (plan.triggers[0].clone(), plan.routes[0].clone());
        let home = Weights::all_on(&route.home, route.backend_ids());
        let fired = vec![Fired { trigger: trigger.id.clone(), value: Some(0.116_607_773) }];
        let decision = |news| Decision { answer: None, effects: Vec::new(), news };
        let transition = |seq, event, news| {
            let transition = Transition { entry: Entry { seq: Seq(seq), at: Timestamp(0), event }, decision: decision(news) };
            serde_json::to_vec(&transition).unwrap()
        };
        let breached = News::Breached { trigger: trigger.id.clone(), value: 0.075_873_288, acts_in: Some(Millis::from_secs(119)) };
        let moving = News::Moving { route: route.id.clone(), from: home.clone(), to: home, cause: Cause::Triggers(fired) };
        let session = "night".parse().unwrap();
        let opened = Event::Opened { session, plan: Box::new(plan), world: WorldKind::Live };
        let story = Story::new(Told::Everything);
        story.passed_over("transition", &transition(0, opened, vec![]));
        let told = story.of("transition", &transition(1, Event::Rang(Alarm::Tick), vec![breached, moving])).unwrap();
        assert!(told.contains("the error rate of GKE is 7.59%, above 5.00%; it acts in 1m59s"), "{told}");
        assert!(told.contains("the error rate of GKE was 11.66%, above 5.00%") && told.contains("Web frontend"), "{told}");
    }
}
