//! Losing the host and finding it again: what this cockpit remembers of before, and what it says happened in between.

use std::time::Instant;

use crate::{
    attach::client::Connection,
    core::{
        assurance::unread_for,
        home::{Home, home},
        news::Tone,
        standstill::Standstill,
        state::{Ending, State},
    },
    domain::{
        id::ClientId,
        time::{Millis, Timestamp},
    },
    plan::model::Route,
    tui::{
        app::App,
        keymap::Action,
        panes::words,
        view::{Back, Hearing, Then, Unanswered},
    },
    words::{Names, absence},
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

/// An absence that is over.
#[derive(Debug)]
pub(super) struct Absence {
    before: Before,
    gone: Millis,
    /// Records that were not seen here when they came.
    missed: u64,
    /// The line was open all the time, and nothing came over it.
    silent: bool,
    /// What was asked for and had no answer.
    lost: Vec<(Tone, String)>,
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
            Connection::Reconnecting { why, attempts, listens, .. } => {
                (why.to_string(), Then::TryAgain { attempts: *attempts, listens: *listens })
            }
            Connection::Closed { why } => (why.to_string(), Then::Nothing),
        };
        let since = match connection {
            Connection::Silent { since } | Connection::Reconnecting { since, .. } => *since,
            Connection::Connected | Connection::Closed { .. } => Instant::now(),
        };
        let client = self.view.me.as_ref().map(|me| me.client);
        let before = self.before.get_or_insert_with(|| Before { since, state: self.state.clone(), client });
        self.view.back = None;
        self.absence = None;
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
        let missed = next.seq.0.saturating_sub(before.state.seq.0);
        let silent = matches!(self.view.hearing, Hearing::Lost { then: Then::Listen, .. });
        let home = self.home_at_reunion().map(|told| (Tone::Alarm, told));
        let lost = self.take_lost().iter().map(|asked| (Tone::Warning, asked_before(asked, Names::of(next)))).chain(home).collect();
        let absence = Absence { before, gone, missed, silent, lost };
        let (news, weight) = self.news_of(&absence, next, next.now);
        if gone < BLIP && weight == Weight::Nothing {
            self.notify(Tone::Good, format!("the line is back after {gone}; nothing that matters happened meanwhile"));
            return;
        }
        self.view.back = Some(Back { gone, news });
        self.absence = Some(absence);
        self.back_since = tokio::time::Instant::now();
    }

    /// What the notice says is so is so now, however long it lies there.
    pub(super) fn retell_absence(&mut self) {
        let Some(absence) = self.absence.take_if(|_| self.view.back.is_some()) else { return };
        let (news, _) = self.news_of(&absence, &self.state, self.view.now);
        self.view.back = Some(Back { gone: absence.gone, news });
        self.absence = Some(absence);
    }

    fn news_of(&self, absence: &Absence, next: &State, now: Timestamp) -> (Vec<(Tone, String)>, Weight) {
        let (mut news, weight) = news(absence, next, now, &words::key(&self.view, Action::Controls));
        news.extend(absence.lost.iter().cloned());
        if !self.view.drafts.is_empty() {
            news.push((Tone::Plain, "your draft is kept; nothing of it was sent".to_owned()));
        }
        (news, if absence.lost.is_empty() { weight } else { Weight::Something })
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

/// What can be said of it by `next`, and `take` is the key that takes the controls.
fn news(absence: &Absence, next: &State, now: Timestamp, take: &str) -> (Vec<(Tone, String)>, Weight) {
    let (before, old) = (&absence.before, &absence.before.state);
    let names = Names::of(next);
    let mut news = watched(absence, next);
    let restarts = |state: &State| state.opened.as_ref().map_or(0, |opened| opened.restarts);
    let plan = next.opened.as_ref().map(|opened| opened.plan.clone());
    let stands: Vec<_> = plan.iter().flat_map(|plan| &plan.routes).filter_map(|route| stands(old, next, route, now)).collect();
    let stood = stands.iter().all(|(tone, _)| *tone == Tone::Plain);
    news.extend(stands);
    let latched = |state: &State| -> Vec<_> { state.routes.values().map(|known| known.latch.clone()).collect() };
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
    let ran = restarts(next) == restarts(old) && next.stood_still == old.stood_still;
    let is_quiet = stood && latched(next) == latched(old) && remarks.is_empty() && ended.is_empty() && controls.is_none() && ran;
    news.extend(remarks.into_iter().skip(skip));
    news.extend(controls);
    (news, if is_quiet { Weight::Nothing } else { Weight::Something })
}

/// Whether the host ran meanwhile, and watched. That something was recorded proves neither: it may all have happened since.
fn watched(absence: &Absence, next: &State) -> Vec<(Tone, String)> {
    let old = &absence.before.state;
    let records = match absence.missed {
        0 => "no record was missed".to_owned(),
        1 => "1 record came meanwhile; it is in what you see now".to_owned(),
        more => format!("{more} records came meanwhile; they are in what you see now"),
    };
    let restarts = |state: &State| state.opened.as_ref().map_or(0, |opened| opened.restarts);
    if restarts(next) > restarts(old) {
        let ended = "the host had ended and was started again; nobody watched in between".to_owned();
        return vec![(Tone::Warning, ended), (Tone::Plain, records)];
    }
    if let Some(Standstill { since, until }) = next.stood_still.filter(|still| Some(*still) != old.stood_still) {
        let (since, until) = (words::clock(since), words::clock(until));
        let told = format!("the host did not run from {since}Z to {until}Z: no trigger watched, and nothing was read meanwhile");
        return vec![(Tone::Warning, told)];
    }
    let unread = next.routes.values().any(|known| unread_for(known, next.now).is_some());
    vec![match (absence.silent, unread) {
        (true, _) => (Tone::Warning, format!("the host was silent and goes on; whether it watched meanwhile is not known; {records}")),
        (false, true) => (Tone::Warning, format!("the line was lost, and whether the session watched meanwhile is not known; {records}")),
        (false, false) => (Tone::Good, format!("the session ran on, only the line was lost; {records}")),
    }]
}

/// Where `route` stands now; plain where nothing has become of it.
fn stands(old: &State, next: &State, route: &Route, now: Timestamp) -> Option<(Tone, String)> {
    let (id, names) = (&route.id, Names::of(next));
    let known = next.routes.get(id)?;
    let accepted = known.accepted.as_ref()?;
    let (title, split) = (names.route(id), names.split(id, &accepted.weights));
    let then = old.routes.get(id).and_then(|known| known.accepted.as_ref()).map(|accepted| &accepted.weights);
    let by = known.moved_by.as_ref().map_or_else(String::new, |by| format!(", moved by {}", crate::words::mover(by, names)));
    let stands = home(next, route);
    let going = || crate::words::home(&stands, next, route, now);
    let may_be = absence::may_be(next, route, names);
    let has_changed = then != Some(&accepted.weights);
    Some(match (&stands, unread_for(known, now)) {
        (Home::Going { .. } | Home::NotHome { .. }, _) => (Tone::Alarm, format!("{title} stands at {split}; {}", going())),
        (_, Some(ago)) => {
            let told = format!("{title} stood at {split} when its weights were last read, {ago} ago; what they are now is not known");
            (Tone::Warning, told)
        }
        (_, None) if !may_be.is_empty() => (Tone::Warning, format!("{title} stands at {split} or {may_be}, as a write is on its way")),
        (Home::Accepted { .. }, None) if has_changed => (Tone::Warning, format!("{title} stands at {split} now{by}; {}", going())),
        (_, None) if has_changed => (Tone::Warning, format!("{title} stands at {split} now{by}")),
        (_, None) => (Tone::Plain, format!("{title} stands where it stood: {split}")),
    })
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
