//! How the steps of a plan stand, in words: one for each stage, what there is to say behind it, who and how long.

use crate::{
    core::{
        runbook::{Act, Acted, Ended, Stage, StepState, stage},
        state::{Approval, State, Terms},
    },
    domain::{
        fault::Fault,
        id::StepId,
        standing::{Change, Standing, Underway},
        time::{Millis, Timestamp},
    },
    plan::model::steps::{Consent, Desired, Step, Undoing},
    words::{Names, absence, clock, steps},
};

/// The one word for how a step stands; each is also what `cutover steps --json` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Unseen,
    Waits,
    Ready,
    /// It can be run again, and the newest attempt was not done.
    Failed,
    /// A second person is asked.
    Approval,
    Asked,
    Unknown,
    Running,
    /// Somebody else has the vendor work on it.
    Others,
    /// It is being taken back.
    Undoing,
    /// It runs for longer than the plan has patience.
    Late,
    Reached,
    Foreign,
    Skipped,
}

impl Word {
    /// Whether somebody has asked for something that has no end yet.
    pub fn is_open(self) -> bool {
        match self {
            Word::Unseen | Word::Waits | Word::Ready | Word::Failed | Word::Reached | Word::Foreign | Word::Skipped => false,
            Word::Approval | Word::Asked | Word::Unknown | Word::Running | Word::Others | Word::Undoing | Word::Late => true,
        }
    }

    /// The same, or that it did not end well.
    pub fn is_begun(self) -> bool {
        self.is_open() || matches!(self, Word::Failed | Word::Foreign)
    }
    pub fn name(self) -> &'static str {
        match self {
            Word::Unseen => "unseen",
            Word::Waits => "waits",
            Word::Ready => "ready",
            Word::Failed => "failed",
            Word::Approval => "approval",
            Word::Asked => "asked",
            Word::Unknown => "unknown",
            Word::Running => "running",
            Word::Others => "others",
            Word::Undoing => "undoing",
            Word::Late => "late",
            Word::Reached => "reached",
            Word::Foreign => "foreign",
            Word::Skipped => "skipped",
        }
    }
}

/// How a step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stands {
    pub word: Word,
    /// What there is to say behind the word; empty where that says it all.
    pub told: String,
}

/// The request for a step that waits for a second person.
pub fn approval_of<'a>(state: &'a State, id: &StepId) -> Option<&'a Approval> {
    state.approvals.values().find(|open| matches!(&open.terms, Terms::Step(terms) if terms.step == *id))
}

pub fn stands(state: &State, step: &Step) -> Stands {
    let names = Names::of(state);
    if let Some(open) = approval_of(state, &step.id) {
        let told = format!("{} waits for a second person until {}Z", open.by.who, clock(open.expires_at));
        return Stands { word: Word::Approval, told };
    }
    let (word, told) = match stage(state, step) {
        Stage::Unseen { ago: None } => (Word::Unseen, "nobody has looked at it yet".to_owned()),
        Stage::Unseen { ago: Some(ago) } => (Word::Unseen, format!("looked at {ago} ago; before the next look nothing is done")),
        Stage::Waiting { on, .. } => (Word::Waits, on.iter().map(|unmet| steps::unmet(unmet, names)).collect::<Vec<_>>().join("; ")),
        Stage::Ready { failed: Some(why), .. } => (Word::Failed, why.to_string()),
        Stage::Ready { failed: None, .. } if state.steps.get(&step.id).is_some_and(StepState::vanished) => {
            (Word::Failed, "it was asked for, and looks see nothing of it".to_owned())
        }
        Stage::Ready { changes, failed: None } => (Word::Ready, steps::changes(changes)),
        Stage::Acting { unknown: None, .. } => (Word::Asked, "it has left, and no answer has come yet".to_owned()),
        Stage::Acting { unknown: Some(why), .. } => (Word::Unknown, unknown(why)),
        Stage::Underway { act, work, is_late, .. } => {
            let word = match (is_late, act) {
                (true, _) => Word::Late,
                (false, Some(Act::Undo)) => Word::Undoing,
                (false, Some(Act::Run)) => Word::Running,
                (false, None) => Word::Others,
            };
            (word, underway(act, work))
        }
        Stage::Reached { evidence } => (Word::Reached, steps::evidence(evidence)),
        Stage::Foreign { why } => (Word::Foreign, format!("no act leads on from there: {why}")),
        Stage::Skipped(skipped) => (Word::Skipped, format!("by {}: {}", skipped.by, skipped.reason)),
    };
    Stands { word, told }
}

fn unknown(why: Option<&Fault>) -> String {
    let why = why.map_or_else(String::new, |why| format!(" ({why})"));
    format!("nobody knows whether it was accepted; its looks tell{why}")
}

/// What the vendor works on, as it says itself.
fn underway(act: Option<Act>, work: Option<&Underway>) -> String {
    let whose = if act.is_none() { "not asked for here; " } else { "" };
    let Some(work) = work else { return format!("{whose}accepted; the next look tells more") };
    let doing = work.doing.as_ref().map_or_else(|| work.operation.to_string(), ToString::to_string);
    let percent = work.progress.map_or_else(String::new, |done| format!(", {done}"));
    format!("{whose}{doing}{percent}")
}

/// Who has to do with how it stands now: who runs it, who did, who skipped it.
pub fn by(state: &State, step: &Step) -> Option<String> {
    let known = state.steps.get(&step.id)?;
    if let Some(open) = approval_of(state, &step.id) {
        return Some(open.by.who.to_string());
    }
    let found = stage(state, step);
    let skipped = if let Stage::Skipped(skipped) = &found { Some(&skipped.by) } else { None };
    let doing = known.doing.act().map(|(_, by, _)| by);
    let did = done_by(known, &found).map(|did| &did.by);
    doing.or(skipped).or(did).map(ToString::to_string)
}

/// The act of this session to which the step owes how it stands; nothing where somebody else did it.
fn done_by<'a>(known: &'a StepState, stage: &Stage<'_>) -> Option<&'a Acted> {
    let last = known.last.as_ref()?;
    let is_it = match stage {
        Stage::Reached { .. } => last.act == Act::Run && last.how == Ended::Done,
        Stage::Ready { failed: Some(_), .. } => last.act == Act::Run && matches!(last.how, Ended::NotDone(_)),
        Stage::Ready { failed: None, .. }
        | Stage::Unseen { .. }
        | Stage::Waiting { .. }
        | Stage::Acting { .. }
        | Stage::Underway { .. }
        | Stage::Foreign { .. }
        | Stage::Skipped(_) => false,
    };
    is_it.then_some(last)
}

/// Since when it stands so, where that is known: an act or a skip of this session, or work by the vendor's own clock.
pub fn since(state: &State, step: &Step) -> Option<Timestamp> {
    let known = state.steps.get(&step.id)?;
    if let Some(open) = approval_of(state, &step.id) {
        return Some(open.at);
    }
    match stage(state, step) {
        Stage::Acting { since, .. } => Some(since),
        Stage::Underway { since, .. } => since,
        Stage::Skipped(skipped) => Some(skipped.at),
        found @ (Stage::Reached { .. } | Stage::Ready { .. }) => done_by(known, &found).map(|last| last.at),
        Stage::Unseen { .. } | Stage::Waiting { .. } | Stage::Foreign { .. } => None,
    }
}

/// How long its newest act of this session took, or takes already.
pub fn takes(state: &State, step: &Step, now: Timestamp) -> Option<Millis> {
    let known = state.steps.get(&step.id)?;
    match stage(state, step) {
        Stage::Acting { since, .. } | Stage::Underway { since: Some(since), .. } => Some(now.since(since)),
        found @ (Stage::Reached { .. } | Stage::Ready { .. }) => done_by(known, &found).map(|last| last.took),
        Stage::Underway { since: None, .. } | Stage::Unseen { .. } | Stage::Waiting { .. } | Stage::Foreign { .. } | Stage::Skipped(_) => {
            None
        }
    }
}

/// `3m10s of 10m00s`, `3m10s`, `about 10m00s`: real beside expected time, as far as either is known.
pub fn time(state: &State, step: &Step, now: Timestamp) -> String {
    // What somebody else has asked for may be anything, and nobody knows how long that takes.
    let is_ours = !matches!(stage(state, step), Stage::Underway { act: None, .. });
    match (takes(state, step, now), step.expected.filter(|_| is_ours)) {
        (Some(took), Some(expected)) => format!("{took} of {expected}"),
        (Some(took), None) => took.to_string(),
        (None, Some(expected)) => format!("about {expected}"),
        (None, None) => String::new(),
    }
}

/// How much of it is done: what the vendor tells, or nothing.
pub fn progress(state: &State, step: &Step) -> Option<f64> {
    match stage(state, step) {
        Stage::Underway { work: Some(work), .. } => work.progress.map(|done| f64::from(done.get()) / 1000.0),
        Stage::Underway { work: None, .. }
        | Stage::Unseen { .. }
        | Stage::Waiting { .. }
        | Stage::Ready { .. }
        | Stage::Acting { .. }
        | Stage::Reached { .. }
        | Stage::Foreign { .. }
        | Stage::Skipped(_) => None,
    }
}

/// The newest act of this session whose end is known.
pub fn last(acted: &Acted, now: Timestamp) -> String {
    let how = match &acted.how {
        Ended::Done => "done".to_owned(),
        Ended::NotDone(why) => format!("not done: {why}"),
        Ended::DidNotHappen => "it did not happen after all".to_owned(),
    };
    let does = match acted.act {
        Act::Run => "run",
        Act::Undo => "taken back",
    };
    format!("{does} by {}, ended {} ago after {}: {how}", acted.by, now.since(acted.at), acted.took)
}

pub fn undoing(undoing: Undoing) -> &'static str {
    match undoing {
        Undoing::Possible => "an act of its own takes it back",
        Undoing::Destroys => "taking it back deletes what it has made, and what was put there since",
        Undoing::Needless => "nothing is to be taken back: it only adds something",
        Undoing::Impossible => "it can't be taken back; its target's name has to be typed",
    }
}

pub fn consent(consent: Consent) -> &'static str {
    match consent {
        Consent::Alone => "whoever has the controls runs it",
        Consent::SecondPerson => "a second person has to approve it",
    }
}

/// The command that does it without us. In a simulated world it is a comment, as the one that goes home is.
pub fn by_hand(state: &State, step: &Step, act: Act) -> Option<String> {
    let opened = state.opened.as_ref()?;
    // The command makes a cluster; where there is one, another is needed for each property.
    let seen = state.steps.get(&step.id).and_then(|known| known.seen.as_ref()).map(|seen| &seen.standing);
    let changes: &[Change] = if let Some(Standing::Apart { changes, .. }) = seen { changes } else { &[] };
    if matches!(step.desired, Desired::GkeCluster(_)) && changes.iter().any(|change| change.from.is_some()) {
        return None;
    }
    let command = opened.plan.step_by_hand(step, act)?;
    Some(match absence::caution(Some(opened.world)) {
        Some(_) => format!("# {command}"),
        None => command,
    })
}
