//! What matters at this moment, and the sentences about it. All of it is the core's attention and the words' sentences; nothing is judged
//! here.

use ratatui::style::Style;

use crate::{
    core::{
        home::home,
        news::Tone,
        outlook::{Attention, Outlook, Then, attention},
        state::{Latch, State},
    },
    domain::{
        id::{BackendId, RouteId, TriggerId},
        time::Millis,
    },
    tui::{draw::watch::Face, panes::words, theme::Theme, view::View},
    words::{Names, short, state_line},
};

/// A rollback that has arrived is still what matters for so long, in real time.
const AFTER_ROLLBACK: Millis = Millis::from_secs(60);

/// What a follower is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matter {
    Calm,
    Move(RouteId),
    /// What is met at the front door of a route.
    Door(RouteId, BackendId),
    Breach(TriggerId),
    Rollback(RouteId),
}

impl Matter {
    pub fn weight(&self) -> u8 {
        match self {
            Matter::Calm => 0,
            Matter::Move(_) => 1,
            // The one that acts first comes first, whoever noticed it.
            Matter::Door(..) | Matter::Breach(_) => 2,
            Matter::Rollback(_) => 3,
        }
    }
}

/// The weightiest of what goes on; of two that weigh the same, the worse.
pub fn matter(state: &State, view: &View) -> Matter {
    let found = attention(state);
    let weightiest = found.iter().filter_map(|found| weighs(found, view)).reduce(|one, other| match other.weight() > one.weight() {
        true => other,
        false => one,
    });
    let moving = || state.routes.iter().find(|(_, known)| known.motion.is_under_way()).map(|(route, _)| Matter::Move(route.clone()));
    weightiest.or_else(moving).unwrap_or(Matter::Calm)
}

fn weighs(found: &Attention, view: &View) -> Option<Matter> {
    match found {
        // It has led home already, or nobody is there.
        Attention::Breach { outlook: Outlook::Running { then: Then::Done | Then::NobodyThere, .. }, .. } => None,
        Attention::Breach { trigger, .. } => Some(Matter::Breach(trigger.clone())),
        Attention::AtDoor { route, breach } => Some(Matter::Door(route.clone(), breach.backend.clone())),
        Attention::NotHome { route, .. } | Attention::RollingBack { route, .. } | Attention::HomeNotSeen { route, .. } => {
            Some(Matter::Rollback(route.clone()))
        }
        Attention::Latched { route, at, .. } => {
            let fresh = view.age(*at).as_secs_f64() < AFTER_ROLLBACK.as_secs_f64() * view.speed.max(1.0);
            fresh.then(|| Matter::Rollback(route.clone()))
        }
        Attention::RecordBroken { .. }
        | Attention::RecordHangs { .. }
        | Attention::RecordLow { .. }
        | Attention::RecordSlow { .. }
        | Attention::SupervisorGone { .. }
        | Attention::MoveLost { .. }
        | Attention::RecordMissing { .. }
        | Attention::FailingForNobody { .. }
        | Attention::AnswersUnmarked { .. }
        | Attention::ConnectionsDropped { .. }
        | Attention::ProbeFails { .. }
        | Attention::OtherRevision { .. }
        | Attention::WeightsUnread { .. }
        | Attention::NeedsHuman { .. }
        | Attention::TakenOver { .. }
        | Attention::SteeredElsewhere { .. }
        | Attention::ClaimLost { .. }
        | Attention::Drifted { .. }
        | Attention::Hindered { .. }
        | Attention::RequestsDisagree { .. }
        | Attention::HomeNotReady { .. }
        | Attention::WritesAtRisk { .. }
        | Attention::Blind { .. }
        | Attention::Unjudged { .. }
        | Attention::Unresolved { .. }
        | Attention::Unread { .. }
        | Attention::ReplicaUnsound { .. }
        | Attention::SourceSilent { .. }
        | Attention::ItemFailing { .. }
        | Attention::Held { .. }
        | Attention::StepApprovalOpen { .. }
        | Attention::StepTrouble { .. }
        | Attention::ApprovalOpen { .. } => None,
    }
}

/// One sentence with its sign.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    pub glyph: &'static str,
    pub text: String,
    pub style: Style,
}

/// What is to be said of safety, worst first; one good word where nothing is to be said.
pub fn verdicts(face: &Face<'_>) -> Vec<Verdict> {
    let names = Names::of(face.scene.state);
    let say = |(glyph, style): (&'static str, Style), text: String| Verdict { glyph, text: sentence(&text), style };
    let found = attention(face.scene.state);
    let mut told: Vec<Verdict> = Vec::new();
    for found in &found {
        let tone = short::attention(found, face.scene.state, face.scene.view.now).tone;
        if found.way_home() == Some(&face.route.id) {
            let stands = home(face.scene.state, face.route);
            told.push(say(sign(tone, face.scene.theme), crate::words::home(&stands, face.scene.state, face.route, face.scene.view.now)));
            // While it is under way no attention tells what a rollback is for.
            let cause = face.known.latch.as_ref().filter(|_| face.known.motion.is_returning());
            let because = |latch: &Latch| format!("the rollback began because {}", words::cause(face.scene.state, &latch.cause));
            told.extend(cause.map(|latch| say(sign(Tone::Warning, face.scene.theme), because(latch))));
        } else {
            told.push(say(sign(tone, face.scene.theme), crate::words::attention(found, face.scene.view.now, names)));
        }
    }
    if !told.is_empty() {
        return told;
    }
    let worst = state_line::state_line(face.scene.state, face.route, face.scene.view.now).worst;
    match worst.tone {
        Tone::Good => vec![say(words::tone(Tone::Good, face.scene.theme), format!("all is well: {}", worst.long))],
        Tone::Plain if face.known.motion.is_under_way() => {
            vec![say(words::tone(Tone::Good, face.scene.theme), "nothing is beyond its limit so far".to_owned())]
        }
        Tone::Plain | Tone::Warning | Tone::Alarm => vec![say(sign(worst.tone, face.scene.theme), worst.long)],
    }
}

fn sign(tone: Tone, theme: &Theme) -> (&'static str, Style) {
    match tone {
        Tone::Plain => (theme.glyphs.unknown, theme.unknown),
        Tone::Good | Tone::Warning | Tone::Alarm => words::tone(tone, theme),
    }
}

/// Words as a sentence. A name of an account or an object at its beginning stays as it is written.
pub fn sentence(words: &str) -> String {
    let word = words.split(' ').next().unwrap_or_default();
    if word.trim_end_matches([',', ':', ';', '.']).contains(['@', '.', '/', '_', '-', ':']) {
        return format!("{words}.");
    }
    let mut rest = words.chars();
    let first: String = rest.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", rest.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_at_the_beginning_of_a_sentence_stays_as_it_is() {
        assert_eq!(sentence("dana.ops@hexproperty.com set it"), "dana.ops@hexproperty.com set it.");
        assert_eq!(sentence("frontend-hotfix has 40%"), "frontend-hotfix has 40%.");
        assert_eq!(sentence("home: accepted"), "Home: accepted.");
    }
}
