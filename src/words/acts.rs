//! What was asked and done, in words, and what a line of the journal is about.

use crate::{
    core::{
        acts::{Act, What},
        decision::{Effect, Verdict},
        news::Tone,
        topic::Topic,
    },
    domain::{claim::Claim, fault::Outcome, shown::Shown, time::Timestamp},
    words::{Names, asked, refusal, steps},
};

/// An act as one sentence; the name of who asked stands before it.
pub fn act(act: &Act, now: Timestamp, names: Names) -> String {
    match &act.what {
        What::Answered { by, command, verdict } => {
            format!("{} asked to {}: {}", by.who, asked::command(command, names), verdict_told(verdict, names))
        }
        What::Sent { what, ended, .. } => format!("{}; {}", sent(what, names), outcome(act.at, ended.as_ref(), now)),
    }
}

/// What a rollback is told that changes nothing: the weights are home; whether users are is another question.
pub const HOME_ALREADY: &str = "home is accepted already, so nothing was written";

fn verdict_told(verdict: &Verdict, names: Names) -> String {
    match verdict {
        Verdict::Accepted => "accepted".to_owned(),
        Verdict::Queued => "queued behind the move in flight".to_owned(),
        Verdict::HomeAlready => HOME_ALREADY.to_owned(),
        Verdict::Joined => "joined to the rollback that runs".to_owned(),
        Verdict::NeedsApproval { .. } => "waits for a second person's approval".to_owned(),
        Verdict::Refused(why) => refusal(why, names),
    }
}

fn sent(effect: &Effect, names: Names) -> String {
    match effect {
        Effect::Write { route, from, to, again, .. } => {
            let again = if again.is_some() { " again, as no look can be had" } else { "" };
            format!("write {}: from {} to {}{again}", names.route(route), names.split(route, from), names.split(route, to))
        }
        Effect::Claim { route, claim, reason, .. } => claims(names.route(route), claim, reason.as_ref()),
        Effect::Act { step, act, .. } => format!("{} \"{}\"", steps::act(*act), names.step(step)),
        Effect::Read { route } => format!("read {}", names.route(route)),
        Effect::Wake { .. } => "wait".to_owned(),
        Effect::Inject { inject } => format!("inject {inject} into the simulated world"),
    }
}

/// A write of who steers, and of nothing else.
pub fn claims(route: String, claim: &Claim, reason: Option<&Shown>) -> String {
    match reason {
        Some(reason) => format!("write that this session steers {route} from here on, epoch {}: {reason}", claim.epoch),
        None => format!("write that nobody steers {route} from here on"),
    }
}

fn outcome(left: Timestamp, ended: Option<&(Timestamp, Outcome)>, now: Timestamp) -> String {
    match ended {
        None => format!("no word of its outcome for {}", now.since(left)),
        Some((at, Outcome::Done(_))) => format!("done after {}", at.since(left)),
        Some((at, Outcome::NotDone(why))) => format!("not done after {}: {why}", at.since(left)),
        Some((at, Outcome::Unknown(why))) => format!("nobody knows whether it was done, after {}: {why}", at.since(left)),
    }
}

/// How much an act matters.
pub fn act_tone(act: &Act) -> Tone {
    match &act.what {
        What::Answered { verdict, .. } => match **verdict {
            Verdict::Refused(_) | Verdict::NeedsApproval { .. } => Tone::Warning,
            Verdict::Accepted | Verdict::Queued | Verdict::Joined | Verdict::HomeAlready => Tone::Plain,
        },
        What::Sent { ended, .. } => match ended {
            None => Tone::Plain,
            Some((_, Outcome::Done(_))) => Tone::Good,
            Some((_, Outcome::NotDone(_) | Outcome::Unknown(_))) => Tone::Warning,
        },
    }
}

/// What an act is about, in one word that a filter finds.
pub fn act_topic(act: &Act) -> &'static str {
    match &act.what {
        What::Answered { verdict, .. } => match **verdict {
            Verdict::Refused(_) => "refused",
            Verdict::NeedsApproval { .. } => "approval",
            Verdict::Accepted | Verdict::Queued | Verdict::Joined | Verdict::HomeAlready => "answer",
        },
        What::Sent { .. } => "effect",
    }
}

/// The same for news.
pub fn topic(topic: Topic) -> &'static str {
    match topic {
        Topic::Session => "session",
        Topic::People => "people",
        Topic::Controls => "controls",
        Topic::Approval => "approval",
        Topic::Move => "move",
        Topic::Rollback => "rollback",
        Topic::Drift => "drift",
        Topic::Trigger => "trigger",
        Topic::FrontDoor => "door",
        Topic::Checklist => "checklist",
        Topic::Source => "source",
        Topic::Workload => "workload",
        Topic::Database => "database",
        Topic::Steps => "steps",
    }
}
