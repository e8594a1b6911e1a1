//! Losing the host and finding it again: what this cockpit remembers of before, and what it says happened in between.

use std::time::Instant;

use crate::{
    attach::client::Connection,
    core::{
        news::Tone,
        state::{Ending, State},
    },
    domain::{id::ClientId, time::Millis},
    tui::{
        app::App,
        keymap::Action,
        panes::words,
        view::{Back, Hearing, Then, Unanswered},
    },
    words::Names,
};

/// Shorter absences are told in the footer and not in a notice of their own, unless something happened meanwhile.
const BLIP: Millis = Millis::from_secs(5);
/// Remarks of the session that are repeated, at most.
const REMARKS_MAX: usize = 4;

/// What was known when the host was last heard.
#[derive(Debug)]
pub(super) struct Before {
    since: Instant,
    state: std::sync::Arc<State>,
    client: Option<ClientId>,
}

impl App {
    /// Takes over how the line is. Call with the former state and number still in place, and `heard` as what comes next.
    pub(super) fn hear_line(&mut self, connection: &Connection, next: &State) {
        let (why, then) = match connection {
            Connection::Connected => {
                self.reunite(next);
                self.view.hearing = Hearing::Connected;
                return;
            }
            Connection::Silent { .. } => (crate::words::SILENT.to_owned(), Then::Listen),
            Connection::Reconnecting { why, attempts, .. } => (why.to_string(), Then::TryAgain { attempts: *attempts }),
            Connection::Closed { why } => (why.to_string(), Then::Nothing),
        };
        let since = match connection {
            Connection::Silent { since } | Connection::Reconnecting { since, .. } => *since,
            Connection::Connected | Connection::Closed { .. } => Instant::now(),
        };
        let client = self.view.me.as_ref().map(|me| me.client);
        let before = self.before.get_or_insert_with(|| Before { since, state: self.state.clone(), client });
        self.view.back = None;
        self.view.hearing = Hearing::Lost { why, then, gone: age(before.since) };
    }

    /// Lets the absence grow on the screen.
    pub(super) fn age_absence(&mut self) {
        if let (Hearing::Lost { gone, .. }, Some(before)) = (&mut self.view.hearing, &self.before) {
            *gone = age(before.since);
        }
    }

    fn reunite(&mut self, next: &State) {
        let Some(before) = self.before.take() else { return };
        let gone = age(before.since);
        let take = words::key(&self.view, Action::Controls);
        let (mut news, weight) = news(&before, &self.view.hearing, next, &take);
        let lost: Vec<_> = self.take_lost().iter().map(|asked| (Tone::Warning, asked_before(asked, Names::of(next)))).collect();
        let weight = if lost.is_empty() { weight } else { Weight::Something };
        news.extend(lost);
        if gone < BLIP && weight == Weight::Nothing {
            self.notify(Tone::Good, format!("the line is back after {gone}; nothing that matters happened meanwhile"));
            return;
        }
        if !self.view.drafts.is_empty() {
            news.push((Tone::Plain, "your draft is kept; nothing of it was sent".to_owned()));
        }
        self.view.back = Some(Back { gone, news });
        self.back_since = tokio::time::Instant::now();
    }
}

/// A question whose answer was lost with the line.
fn asked_before(asked: &Unanswered, names: Names) -> String {
    let what = crate::words::command(&asked.command, names);
    format!("{} to {what} had no answer before the line broke; the journal tells whether it was taken", asked.key)
}

fn age(since: Instant) -> Millis {
    Millis(u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX))
}

/// Whether an absence deserves a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    Nothing,
    Something,
}

/// `was` is how the line was before, and `take` the key that takes the controls.
fn news(before: &Before, was: &Hearing, next: &State, take: &str) -> (Vec<(Tone, String)>, Weight) {
    let old = &before.state;
    let mut news = Vec::new();
    let restarts = |state: &State| state.opened.as_ref().map_or(0, |opened| opened.restarts);
    let missed = next.seq.0.saturating_sub(old.seq.0);
    let records = match missed {
        0 => "no record was missed".to_owned(),
        1 => "1 record came meanwhile; it is in what you see now".to_owned(),
        more => format!("{more} records came meanwhile; they are in what you see now"),
    };
    match restarts(next).saturating_sub(restarts(old)) {
        // A host that stood still judged nothing meanwhile, and one that only could not speak did; from here both look alike.
        0 if matches!(was, Hearing::Lost { then: Then::Listen, .. }) => {
            let told = format!("the host was silent and goes on; whether it watched meanwhile is not known; {records}");
            news.push((Tone::Warning, told));
        }
        0 => news.push((Tone::Good, format!("the session ran on, only the line was lost; {records}"))),
        _ => {
            news.push((Tone::Warning, "the host had ended and was started again; nobody watched in between".to_owned()));
            news.push((Tone::Plain, records));
        }
    }
    let names = Names::of(next);
    let first_of_weight = news.len();
    for (id, now) in &next.routes {
        let then = old.routes.get(id).and_then(|known| known.accepted.as_ref()).map(|accepted| &accepted.weights);
        let Some(accepted) = &now.accepted else { continue };
        if then != Some(&accepted.weights) {
            let by = now.moved_by.as_ref().map_or_else(String::new, |by| format!(", moved by {}", crate::words::mover(by, names)));
            news.push((Tone::Warning, format!("{} stands at {} now{by}", names.route(id), names.split(id, &accepted.weights))));
        } else {
            news.insert(
                first_of_weight.min(news.len()),
                (Tone::Plain, format!("{} stands where it stood: {}", names.route(id), names.split(id, &accepted.weights))),
            );
        }
    }
    let moved = next.routes.iter().any(|(id, now)| {
        let then = old.routes.get(id);
        then.map(|then| (&then.latch, then.accepted.as_ref().map(|accepted| &accepted.weights)))
            != Some((&now.latch, now.accepted.as_ref().map(|accepted| &accepted.weights)))
    });
    let controls = controls(before, next, take);
    let ended: Vec<_> = next.ended.iter().filter(|ended| !old.ended.contains(ended)).collect();
    for ended in &ended {
        if let Ending::Void { why } = &ended.how {
            news.push((Tone::Warning, format!("the request of {} is void: {}", ended.by.who, crate::words::void(*why))));
        }
    }
    let remarks = next.feed.iter().filter(|line| line.seq > old.seq && line.news.tone() >= Tone::Alarm);
    let remarks: Vec<_> =
        remarks.map(|line| (line.news.tone(), format!("{} {}", words::clock(line.at), crate::words::news(&line.news, names)))).collect();
    let skip = remarks.len().saturating_sub(REMARKS_MAX);
    let is_quiet = !moved && remarks.is_empty() && ended.is_empty() && controls.is_none() && restarts(next) == restarts(old);
    news.extend(remarks.into_iter().skip(skip));
    news.extend(controls);
    (news, if is_quiet { Weight::Nothing } else { Weight::Something })
}

/// What became of the controls, where something did.
fn controls(before: &Before, next: &State, take: &str) -> Option<(Tone, String)> {
    let then = before.state.controls.holder.as_ref();
    let mine = then.is_some_and(|holder| Some(holder.client) == before.client);
    match (then, &next.controls.holder) {
        (Some(_), None) if mine => Some((Tone::Warning, format!("you had the controls; they are free now, {take} takes them"))),
        (Some(then), None) => Some((Tone::Warning, format!("{} had the controls; they are free now", then.who))),
        (then, Some(now)) if then.map(|then| &then.who) != Some(&now.who) => {
            Some((Tone::Warning, format!("{} has the controls now", now.who)))
        }
        (_, Some(now)) if then.map(|then| then.client) != Some(now.client) => {
            Some((Tone::Plain, format!("{} has the controls, at another terminal", now.who)))
        }
        (_, Some(_)) | (None, None) => None,
    }
}
