//! A rollback that was asked for is carried until it has an answer.
//!
//! Any other command is sent once, and is lost where the line is: it was meant for what stood on the screen. Going home is the safe
//! direction from everywhere, and whoever asks twice joins the rollback that runs, so this one is kept over a line that is full or broken and asked again.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    attach::client::Reply,
    core::{command::Command, news::Tone},
    domain::{
        id::AskId,
        time::{Millis, Timestamp},
    },
    tui::{
        app::{App, unanswered::age},
        view::{Fate, Hearing, Then, Unanswered},
    },
};

/// After this long it is given up with a word: by then whoever asked has gone another way.
const KEPT_FOR: Duration = Duration::from_secs(120);

#[derive(Debug)]
pub(super) struct WayHome {
    key: String,
    command: Command,
    since: Instant,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The line has not taken it, or has lost it.
    Waits,
    Asked(AskId),
    /// It has waited for its whole time, and is asked no more.
    GivenUp,
}

impl WayHome {
    fn unasked(&self) -> Option<Unanswered> {
        let (age, now) = (age(self.since), Timestamp(jiff::Timestamp::now().as_millisecond()));
        let fate = match self.stage {
            Stage::Waits => Fate::Kept { left: Millis(KEPT_FOR.saturating_sub(self.since.elapsed()).as_secs() * 1000) },
            Stage::GivenUp => Fate::GivenUp,
            Stage::Asked(_) => return None,
        };
        Some(Unanswered { key: self.key.clone(), command: self.command.clone(), at: now.before(age), age, fate })
    }
}

impl App {
    pub(super) fn ask_home(&mut self, key: &str, command: Command) {
        self.way_home = Some(WayHome { key: key.to_owned(), command, since: Instant::now(), stage: Stage::Waits });
        self.press_on();
        if self.home_waits() {
            self.notify(Tone::Alarm, format!("{key} waits for the line to the session and is asked as soon as that takes it"));
        }
    }

    /// Whether a rollback waits for the host to be heard again.
    fn home_waits(&self) -> bool {
        self.way_home.as_ref().is_some_and(|home| home.stage == Stage::Waits)
    }

    /// Asks for the way home as soon as it can be asked for.
    pub(super) fn press_on(&mut self) {
        let Some(WayHome { key, command, since, stage: Stage::Waits }) = &self.way_home else { return };
        let (key, command, late) = (key.clone(), command.clone(), since.elapsed() >= KEPT_FOR && self.may_come_back());
        if late {
            self.way_home.iter_mut().for_each(|home| home.stage = Stage::GivenUp);
            let told =
                format!("{key} could not be asked for {}s, so it is given up; press it again, or go home by hand", KEPT_FOR.as_secs());
            return self.notify(Tone::Alarm, told);
        }
        let heard = match self.view.hearing {
            Hearing::Connected | Hearing::Lost { then: Then::Listen | Then::Nothing, .. } => true,
            Hearing::Lost { then: Then::TryAgain { .. }, .. } => false,
        };
        if heard && self.send(&key, command) {
            let asked = AskId(self.asks);
            self.way_home.iter_mut().for_each(|home| home.stage = Stage::Asked(asked));
        }
    }

    /// A rollback that still waits for the line, for the last words of a cockpit that leaves.
    pub(super) fn kept_home(&self) -> Option<Unanswered> {
        let kept = self.way_home.as_ref().and_then(WayHome::unasked)?;
        (kept.fate != Fate::GivenUp).then_some(Unanswered { fate: Fate::Lost, ..kept })
    }

    /// A rollback that was not asked yet, or never was, for whoever looks at the screen.
    pub(super) fn unasked_home(&self) -> Option<Unanswered> {
        self.way_home.as_ref().and_then(WayHome::unasked)
    }

    /// What became of it, once the host is back; one that was given up is told of once, and pressed again or not.
    pub(super) fn home_at_reunion(&mut self) -> Option<String> {
        let home = self.way_home.as_ref()?;
        let (key, ago, stage) = (home.key.clone(), age(home.since), home.stage);
        match stage {
            Stage::GivenUp => {
                self.way_home = None;
                Some(format!("{key}, pressed {ago} ago, was given up before the host was back: it was never asked"))
            }
            Stage::Waits | Stage::Asked(_) => Some(format!("{key}, pressed {ago} ago, is asked now")),
        }
    }

    /// Whether the line may yet reach the session.
    fn may_come_back(&self) -> bool {
        !self.over && !matches!(self.view.hearing, Hearing::Lost { then: Then::Nothing, .. })
    }

    /// Takes what became of a rollback that was asked for; whether it is asked again, so that nothing else is to be told.
    pub(super) fn goes_on_home(&mut self, reply: &Reply) -> bool {
        let (Reply::Answered { ask, .. } | Reply::NotSent { ask, .. } | Reply::Lost { ask, .. }) = reply;
        let (asked, may_come_back) = (Stage::Asked(*ask), self.may_come_back());
        let Some(home) = self.way_home.as_mut().filter(|home| home.stage == asked) else { return false };
        match reply {
            Reply::NotSent { why, .. } | Reply::Lost { why, .. } if may_come_back => {
                home.stage = Stage::Waits;
                // The next question takes its place.
                self.unanswered.remove(ask);
                let told = format!("{} is kept and asked again the moment the host is heard ({why})", home.key);
                self.notify(Tone::Alarm, told);
                true
            }
            Reply::Answered { .. } | Reply::NotSent { .. } | Reply::Lost { .. } => {
                self.way_home = None;
                false
            }
        }
    }
}
