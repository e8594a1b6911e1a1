//! What this cockpit does because others are here: dialogs that come up by themselves, calls that are followed, controls that are passed,
//! and telling the others where this person looks.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    core::{
        command::{Command, ControlsCommand, Look},
        news::Tone,
    },
    domain::{digest::Digest, shown::Shown},
    tui::{
        app::App,
        draw::{
            people::{self, Pass},
            places,
            watch::{Matter, matter::matter},
        },
        input::{Code, Key},
        keymap::Action,
        overlay::{Came, Overlay},
        panes::words,
        view::{Follow, Hearing, Pane, Screen, Zoom},
        widgets::line::LineEdit,
    },
};

/// What mattered stays before a follower's eyes for so long after it is over.
const LINGERS: Duration = Duration::from_secs(8);

impl App {
    /// Puts the oldest request before whoever may approve it, once, and as soon as nothing else lies above the screen.
    pub(super) fn offer_review(&mut self) {
        self.put_aside.retain(|digest| self.state.approvals.contains_key(digest));
        let Some(me) = self.view.me.as_ref().filter(|me| me.role.may_approve()) else { return };
        if self.view.overlay.is_some() || self.view.hearing != Hearing::Connected {
            return;
        }
        let open = self.state.approvals.values().filter(|open| open.by.who != me.who && !self.put_aside.contains(&open.digest));
        if let Some(open) = open.min_by_key(|open| open.at).cloned() {
            self.dragging = None;
            self.open(Overlay::Review { approval: Box::new(open), line: LineEdit::default(), came: Came::ByItself, page: 0 });
        }
    }

    /// Whether the request under one's eyes has ended; then there is nothing to type.
    pub(super) fn is_over(&self, digest: &Digest) -> bool {
        !self.state.approvals.contains_key(digest)
    }

    pub(super) fn put_aside(&mut self, digest: &Digest) {
        self.put_aside.insert(*digest);
        if !self.is_over(digest) {
            self.notify(Tone::Plain, format!("put aside, nothing was decided; {} brings it back", words::key(&self.view, Action::Review)));
        }
    }

    /// What the others are told of where this person is: after attaching, and again when the host knows her under another number.
    pub(super) fn tell_presence(&mut self) {
        self.look("attach", Look::Focus { pane: Shown::new(self.place_name()) });
        for (route, draft) in self.view.drafts.clone() {
            self.look("attach", Look::Draft { route, to: Some(draft) });
        }
    }

    /// What the person looks at: the pane with the focus, or another screen as a whole.
    pub(super) fn place_name(&self) -> &'static str {
        let screen = self.view.screen;
        if screen == Screen::Main { self.view.focus.name() } else { screen.name() }
    }

    /// Goes to where somebody calls attention to.
    pub(super) fn go_look(&mut self, key: &str) {
        let Some(pane) = self.state.look_here.as_ref().map(|look| look.pane.clone()) else {
            self.notify(Tone::Plain, "nobody has called attention to anything".to_owned());
            return;
        };
        if let Some(pane) = Pane::by_name(pane.as_str()) {
            self.view.screen = Screen::Main;
            self.view.zoomed = Zoom::All;
            self.focus(key, pane);
            let places = places::places(self.scene(), self.size.area());
            if places.panes.iter().all(|(placed, _)| *placed != pane) {
                self.view.zoomed = Zoom::Focused;
            }
        } else if let Some(screen) = Screen::ALL.into_iter().find(|screen| screen.name() == pane.as_str()) {
            self.view.screen = Screen::Main;
            self.show(key, screen);
        }
    }

    /// Lets the watcher's face show what matters by itself, or stay calm.
    pub(super) fn turn_follow(&mut self) {
        let (follow, text) = match self.view.follow {
            Follow::No => (Follow::Yes, "what matters comes up by itself now"),
            Follow::Yes => (Follow::No, "the face stays as it is; nothing comes up by itself"),
        };
        self.view.follow = follow;
        self.view.screen = Screen::Watch;
        self.notify(Tone::Plain, text.to_owned());
    }

    /// What weighs more comes up at once; what is over stays a while, so that nothing flickers away under one's eyes.
    pub(super) fn follow(&mut self) {
        let now = match self.view.follow {
            Follow::Yes => matter(&self.state, &self.view),
            Follow::No => Matter::Calm,
        };
        if now.weight() >= self.view.matter.weight() || self.view.follow == Follow::No {
            self.matter_until = Instant::now() + LINGERS;
            self.view.matter = now;
        } else if Instant::now() >= self.matter_until {
            self.view.matter = now;
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "a key that means nothing here changes nothing")]
    pub(super) fn people_key(&mut self, key: Key, chosen: usize) {
        let last = self.state.people.len().saturating_sub(1);
        let chosen = match key.code {
            Code::Up | Code::Char('k') => chosen.min(last).saturating_sub(1),
            Code::Down | Code::Tab | Code::Char('j') => (chosen + 1).min(last),
            Code::Home => 0,
            Code::End => last,
            Code::Char('q' | 'P') => return self.close(),
            Code::Enter if self.meant(chosen) != Some(Pass::GiveUp) => {
                self.close();
                return self.pass(chosen, "Enter");
            }
            Code::Enter => {
                let key_of = words::key(&self.view, Action::GiveUpControls);
                self.notify(Tone::Plain, format!("nothing was changed; {key_of} gives the controls up"));
                chosen
            }
            _ if self.meant(chosen) == Some(Pass::GiveUp) && self.gives_up(key) => {
                self.close();
                return self.pass(chosen, &key.to_string());
            }
            _ => chosen.min(last),
        };
        self.view.overlay = Some(Overlay::People { chosen });
    }

    fn gives_up(&self, key: Key) -> bool {
        self.view.keys.binding(Action::GiveUpControls).is_some_and(|binding| binding.keys.contains(&key))
    }

    /// What the list announces of whom is chosen.
    fn meant(&self, chosen: usize) -> Option<Pass> {
        let (client, _) = *people::order(&self.state).get(chosen)?;
        Some(people::pass(&self.state, &self.view, client))
    }

    /// Passes the controls the way that the list has announced.
    fn pass(&mut self, chosen: usize, key: &str) {
        let state = Arc::clone(&self.state);
        let Some((client, person)) = people::order(&state).get(chosen).copied() else { return };
        let command = match people::pass(&state, &self.view, client) {
            Pass::Take | Pass::TakeOver => ControlsCommand::Take,
            Pass::AskFor => ControlsCommand::AskFor,
            Pass::HandOver => ControlsCommand::HandTo(person.who.clone()),
            Pass::GiveUp => ControlsCommand::GiveUp,
            Pass::Nothing(why) => return self.notify(Tone::Plain, format!("{why}; nothing was changed")),
        };
        self.ask(key, Command::Controls(command));
    }
}
