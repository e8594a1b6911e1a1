//! Actions, and what of them the session is asked.
//!
//! Nothing is decided here that the core decides: a command is sent even where it will be refused, because the refusal explains itself and
//! is in the journal. Only what can't be put into a command is answered on the spot.

use crate::{
    core::{
        command::{Command, ControlsCommand, Look},
        decision::Refusal,
        event::WorldKind,
        fails::stranded,
        news::Tone,
        outlook,
        state::Approval,
    },
    domain::{
        id::{AskId, RouteId},
        role::Role,
        shown::Shown,
        standing::Act,
        weight::{PerMille, Weights},
    },
    plan::model::{Proof, Route},
    tui::{
        app::{App, Asked, End, Flow},
        keymap::{Action, Needs, Way},
        overlay::{Came, Overlay, Purpose, entries},
        panes::{checklist, steps, words},
        view::{Injects, Pane, Screen, Zoom},
        widgets::line::LineEdit,
    },
    words::{Names, absence},
};

impl App {
    /// Does `action`; `key` is what was pressed or picked, for the journal.
    pub(super) fn act(&mut self, action: Action, key: &str) -> Flow {
        if let Some(refused) = self.not_for_me(action) {
            self.notify(Tone::Warning, refused);
            return Flow::Stay;
        }
        match action {
            Action::Quit => return Flow::Leave(End::Quit),
            Action::Redraw => return Flow::Redraw,
            Action::Rollback => self.ask(key, Command::Rollback { route: None, reason: None }),
            Action::Draft(by) => self.draft(key, |share| share.saturating_add_signed(by).min(1000)),
            Action::DraftTo(to) => self.draft(key, |_| to),
            Action::Ladder(way) => self.ladder(key, way),
            // A draft that nobody sees is not asked for; whoever presses Enter here means the step.
            Action::Ask if steps::is_whole(&self.view) => self.wants_step(key, Act::Run),
            Action::Ask => self.shift(key),
            Action::Drop => self.drop_one(key),
            Action::NextRoute => self.turn_route(1),
            Action::PreviousRoute => self.turn_route(-1),
            Action::Hold | Action::Rearm | Action::AdoptDrift => self.steer(key, action),
            Action::TakeOver => self.take_over(),
            Action::Controls => self.controls(key),
            Action::TakeControls => self.ask(key, Command::Controls(ControlsCommand::Take)),
            Action::GiveUpControls => self.ask(key, Command::Controls(ControlsCommand::GiveUp)),
            Action::Sign | Action::Unsign => self.sign(key, action),
            Action::Runbook => self.runbook(key),
            Action::RunStep => self.wants_step(key, Act::Run),
            Action::UndoStep => self.wants_step(key, Act::Undo),
            Action::SkipStep => self.skips_step(key),
            Action::CopyStep => return self.copy_step(key),
            Action::Review | Action::Withdraw => self.approvals(key, action),
            Action::Say => self.open(Overlay::Typing { purpose: Purpose::Say, line: LineEdit::default() }),
            Action::LookHere => self.ask(key, Command::LookHere { pane: Shown::new(self.place_name()) }),
            Action::GoLook => self.go_look(key),
            Action::Follow => self.turn_follow(),
            Action::People => self.open(Overlay::People { chosen: 0 }),
            Action::Inject if self.view.injects == Injects::No => {
                let why = match self.world() {
                    Some(WorldKind::Demo { .. }) => {
                        "this session's world runs by itself: what goes wrong there, its cutover sim is told with --scenario".to_owned()
                    }
                    Some(WorldKind::Live) | None => crate::words::refusal(&Refusal::NotADemo, Names::of(&self.state)),
                };
                self.notify(Tone::Warning, why);
            }
            Action::Inject => self.palette("inject "),
            Action::Focus(way) => self.turn_focus(key, way),
            Action::FocusOn(pane) => self.focus(key, pane),
            Action::Zoom => self.zoom(key),
            Action::Scroll(scroll) => self.scroll(scroll),
            Action::Show(screen) => self.show(key, screen),
            Action::Span(way) => self.charts_span(way),
            Action::Pan(way) => self.charts_pan(way),
            Action::Mark(way) => self.charts_mark(way),
            Action::ReadMark => self.read_mark(key),
            Action::Filter => {
                let line = LineEdit::with(&self.view.filter);
                self.open(Overlay::Typing { purpose: Purpose::Filter, line });
            }
            Action::Palette => self.palette(""),
            Action::Help => self.open(Overlay::Help { scroll: 0 }),
            Action::CopyByHand => return self.copy_by_hand(),
            Action::CopyAwayByHand => return self.copy_away_by_hand(),
            Action::Themes => self.choose_theme(),
            Action::NextTheme => self.next_theme(key),
        }
        Flow::Stay
    }

    /// What this person's role can never do is said here already; a watcher's link could not send it anyway.
    fn not_for_me(&self, action: Action) -> Option<String> {
        let binding = self.view.keys.binding(action)?;
        let role = self.role();
        let who = match binding.needs {
            Needs::Nothing => return None,
            Needs::Approver => "an approver",
            Needs::Operator | Needs::Controls => "an operator",
            Needs::Pilot => "a pilot",
        };
        (!binding.is_for(role)).then(|| format!("a {role} can't do that; nothing was changed; ask {who}"))
    }

    pub(super) fn role(&self) -> Role {
        self.view.me.as_ref().map_or(Role::Watcher, |me| me.role)
    }

    pub(super) fn route(&self) -> Option<&Route> {
        words::route(&self.state, self.view.route)
    }

    /// Where a draft of `route` begins: where the session stands, which is ahead of what the API says while a write runs.
    fn stands(&self, route: &RouteId) -> Result<Weights, Refusal> {
        self.state.routes.get(route).map_or(Err(Refusal::NotKnown), outlook::stands)
    }

    /// Moves the draft of the slider; it begins where the route stands.
    pub(super) fn draft(&mut self, key: &str, to: impl FnOnce(u16) -> u16) {
        let Some(route) = self.route().cloned() else { return };
        let stands = self.stands(&route.id);
        let base = match (self.view.drafts.get(&route.id), &stands) {
            (Some(draft), _) => draft.clone(),
            (None, Ok(stands)) => stands.clone(),
            (None, Err(why)) => {
                let why = crate::words::refusal(why, Names::of(&self.state));
                return self.notify(Tone::Warning, why);
            }
        };
        let share = PerMille::new(to(base.of(&route.target).get())).unwrap_or(PerMille::ALL);
        // Whoever is outside the plan has no place in what is asked for.
        let base = route.planned(&base);
        let Ok(draft) = base.with(&route.target, share) else { return };
        if self.view.drafts.get(&route.id) == Some(&draft) {
            return;
        }
        if stands.is_ok_and(|stands| stands == draft) {
            self.view.drafts.remove(&route.id);
            self.look(key, Look::Draft { route: route.id, to: None });
        } else {
            self.view.drafts.insert(route.id.clone(), draft.clone());
            self.look(key, Look::Draft { route: route.id, to: Some(draft) });
        }
    }

    fn ladder(&mut self, key: &str, way: Way) {
        let Some(route) = self.route() else { return };
        let steps: Vec<u16> = std::iter::once(0).chain(route.ladder.iter().map(|share| share.get())).collect();
        self.draft(key, |share| {
            let next = match way {
                Way::Forward => steps.iter().find(|step| **step > share),
                Way::Back => steps.iter().rev().find(|step| **step < share),
            };
            next.copied().unwrap_or(share)
        });
    }

    fn shift(&mut self, key: &str) {
        let Some(route) = self.route().map(|route| route.id.clone()) else { return };
        let Some(to) = self.view.drafts.get(&route).cloned() else {
            let keys = (words::key(&self.view, Action::Draft(10)), words::key(&self.view, Action::Ladder(Way::Forward)));
            return self.notify(Tone::Warning, format!("there is no draft; {} or {} makes one", keys.0, keys.1));
        };
        let from = match self.stands(&route) {
            Ok(from) => from,
            Err(why) => return self.notify(Tone::Warning, crate::words::refusal(&why, Names::of(&self.state))),
        };
        self.view.drafts.remove(&route);
        self.ask(key, Command::Shift { route: route.clone(), from, to: to.clone() });
        self.look(key, Look::Draft { route: route.clone(), to: None });
        self.asked = Some(Asked { ask: AskId(self.asks), route, to });
    }

    /// The command that brings the route home without us goes to the terminal's clipboard.
    fn copy_by_hand(&mut self) -> Flow {
        let Some((plan, route)) = words::plan(&self.state).zip(self.route()) else { return Flow::Stay };
        let (command, title) = (absence::command_home(plan, route, self.world()), route.title.clone());
        let told = format!("the command that brings {title} home is in your terminal's clipboard, if it lets programs write it");
        self.notify(Tone::Plain, format!("{told}{}", self.commented()));
        Flow::Copy(command)
    }

    pub(super) fn world(&self) -> Option<WorldKind> {
        self.state.opened.as_ref().map(|opened| opened.world)
    }

    /// Why a copied command is a comment, where it is one.
    pub(super) fn commented(&self) -> String {
        absence::caution(self.world()).map_or_else(String::new, |caution| format!("; as a comment, for {caution}"))
    }

    /// The command that leaves a home which fails; where home does not, nobody needs it, and what it does is done by a draft.
    fn copy_away_by_hand(&mut self) -> Flow {
        let Some((plan, route)) = words::plan(&self.state).zip(self.route()) else { return Flow::Stay };
        let names = Names::of(&self.state);
        let (there, home) = (names.backend(&route.target), names.backend(&route.home));
        if stranded(&self.state, route).is_none() {
            let told =
                format!("nothing was copied: this is the way out of a home that fails, and {home} is not seen to; a draft moves traffic");
            self.notify(Tone::Plain, told);
            return Flow::Stay;
        }
        let command = absence::command(plan, route, &route.target, self.world());
        let latched = self.state.routes.get(&route.id).is_some_and(|known| known.latch.is_some());
        let first = if latched { format!("; first {} re-arms the route", words::key(&self.view, Action::Rearm)) } else { String::new() };
        let adopts = words::key(&self.view, Action::AdoptDrift);
        let told = format!(
            "the command that moves everybody to {there} is in your terminal's clipboard, if it lets programs write it; cutover did not judge it{first}; after it {adopts} adopts what it finds{}",
            self.commented()
        );
        self.notify(Tone::Warning, told);
        Flow::Copy(command)
    }

    /// The innermost thing that is open: another screen, a zoomed pane, the filter, the draft.
    fn drop_one(&mut self, key: &str) {
        let home = self.view.home();
        if self.view.screen != home {
            self.show(key, home);
        } else if self.view.zoomed == Zoom::Focused {
            self.view.zoomed = Zoom::All;
        } else if !self.view.filter.is_empty() {
            self.view.filter.clear();
        } else if let Some(route) = self.route().map(|route| route.id.clone())
            && self.view.drafts.remove(&route).is_some()
        {
            self.look(key, Look::Draft { route, to: None });
        }
        self.view.notice = None;
    }

    pub(super) fn turn_route(&mut self, by: isize) {
        let count = words::plan(&self.state).map_or(1, |plan| plan.routes.len().max(1));
        if count == 1 {
            self.notify(Tone::Plain, "this plan has one route".to_owned());
        }
        self.view.route = (self.view.route + count).saturating_add_signed(by) % count;
    }

    fn take_over(&mut self) {
        let Some(route) = self.route().map(|route| route.id.clone()) else { return };
        match self.steers().and_then(|()| outlook::may_take_over(&self.state, &route)) {
            Ok(()) => {
                let from = self.state.routes.get(&route).and_then(|known| known.steering.another()).cloned().map(Box::new);
                self.open(Overlay::Typing { purpose: Purpose::TakeOver { route, from }, line: LineEdit::default() });
            }
            Err(Refusal::NoChange) => {
                self.notify(Tone::Plain, "no other session steers this route, or taking it over is being written".to_owned())
            }
            Err(why) => self.notify(Tone::Plain, crate::words::refusal(&why, Names::of(&self.state))),
        }
    }

    /// Nobody is asked for a reason of what he may not do.
    pub(super) fn steers(&self) -> Result<(), Refusal> {
        outlook::has_controls(&self.state, self.view.me.as_ref().map(|me| me.client))
    }

    fn steer(&mut self, key: &str, action: Action) {
        let Some(route) = self.route().map(|route| route.id.clone()) else { return };
        let known = self.state.routes.get(&route);
        let drift = known.and_then(|known| known.drift.as_ref());
        match (action, drift) {
            (Action::Rearm, _) if let Err(why) = self.steers().and_then(|()| outlook::may_rearm(&self.state, &route)) => {
                self.notify(Tone::Plain, crate::words::refusal(&why, Names::of(&self.state)));
            }
            (Action::Rearm, _) => self.open(Overlay::Typing { purpose: Purpose::Rearm { route }, line: LineEdit::default() }),
            (Action::AdoptDrift, Some(drift)) => {
                let found = drift.found.clone();
                self.ask(key, Command::AdoptDrift { route, found });
            }
            (Action::AdoptDrift, None) => self.notify(Tone::Warning, "nobody else has changed this route".to_owned()),
            _ if known.is_some_and(|known| known.hold.is_some()) => self.ask(key, Command::Resume { route }),
            _ => self.ask(key, Command::Hold { route }),
        }
    }

    /// One key for the whole dance: take what is free, ask whoever holds, hand to whoever asked.
    fn controls(&mut self, key: &str) {
        let me = self.view.me.as_ref().map(|me| me.client);
        let command = match &self.state.controls.holder {
            None => ControlsCommand::Take,
            Some(holder) if Some(holder.client) != me => ControlsCommand::AskFor,
            Some(_) => match self.state.controls.asked_by.first() {
                Some(first) => ControlsCommand::HandTo(first.clone()),
                None => {
                    let keys = (words::key(&self.view, Action::People), words::key(&self.view, Action::GiveUpControls));
                    let text =
                        format!("you have the controls, and nobody asks for them; {} hands them over, {} gives them up", keys.0, keys.1);
                    self.notify(Tone::Plain, text);
                    return;
                }
            },
        };
        self.ask(key, Command::Controls(command));
    }

    /// Says before anything is typed what would be refused after it.
    fn sign(&mut self, key: &str, action: Action) {
        let state = std::sync::Arc::clone(&self.state);
        let Some(item) = checklist::items(&state).get(self.view.item).copied().filter(|_| self.view.focus == Pane::Checklist) else {
            self.focus(key, Pane::Checklist);
            return self.notify(Tone::Plain, "choose a line of the checklist with up and down, then press the key again".to_owned());
        };
        let signed_by = state.checklist.get(&item.id).and_then(|known| known.signed_by.as_ref());
        let names = Names::of(&state);
        let id = item.id.clone();
        match (action, &item.proof, signed_by) {
            (_, Proof::Collected(_), _) => {
                let evidence = state.checklist.get(&id).map(|known| crate::words::evidence(&known.evidence, names)).unwrap_or_default();
                self.notify(Tone::Plain, format!("{} ({evidence})", crate::words::refusal(&Refusal::NotSignable, names)));
            }
            (Action::Unsign, Proof::Signed, None) => {
                self.notify(
                    Tone::Plain,
                    format!("nobody has signed \"{}\"; {} signs it", item.title, words::key(&self.view, Action::Sign)),
                );
            }
            (Action::Unsign, Proof::Signed, Some(_)) => {
                self.open(Overlay::Typing { purpose: Purpose::Unsign { item: id }, line: LineEdit::default() });
            }
            (_, Proof::Signed, _) => self.open(Overlay::Typing { purpose: Purpose::Sign { item: id }, line: LineEdit::default() }),
        }
    }

    fn approvals(&mut self, key: &str, action: Action) {
        let me = self.view.me.as_ref().map(|me| me.who.clone());
        let is_mine = |open: &Approval| Some(&open.by.who) == me.as_ref();
        let own = self.state.approvals.values().filter(|open| is_mine(open)).min_by_key(|open| open.at);
        let others = self.state.approvals.values().filter(|open| !is_mine(open)).min_by_key(|open| open.at);
        let meant = if action == Action::Withdraw { own } else { others.or(own) };
        match (action, meant.cloned()) {
            (Action::Withdraw, Some(open)) => self.ask(key, Command::Withdraw { digest: open.digest }),
            (_, Some(open)) => {
                self.open(Overlay::Review { approval: Box::new(open), line: LineEdit::default(), came: Came::Asked, page: 0 })
            }
            (Action::Withdraw, None) => self.notify(Tone::Plain, "you have no open request".to_owned()),
            (_, None) => self.notify(Tone::Plain, "nobody asks for an approval".to_owned()),
        }
    }

    fn turn_focus(&mut self, key: &str, way: Way) {
        let has_steps = steps::rows(&self.state).is_some();
        let ring: Vec<Pane> = Pane::ALL.into_iter().filter(|pane| *pane != Pane::Steps || has_steps).collect();
        let place = ring.iter().position(|pane| *pane == self.view.focus).unwrap_or(0);
        let next = match way {
            Way::Forward => place + 1,
            Way::Back => place + ring.len() - 1,
        };
        self.focus(key, ring[next % ring.len()]);
    }

    pub(super) fn focus(&mut self, key: &str, pane: Pane) {
        self.view.focus = pane;
        self.look(key, Look::Focus { pane: Shown::new(pane.name()) });
    }

    fn zoom(&mut self, key: &str) {
        self.view.zoomed = match self.view.zoomed {
            Zoom::All => Zoom::Focused,
            Zoom::Focused => Zoom::All,
        };
        self.look(key, Look::Other { action: Shown::new("zoom") });
    }

    pub(super) fn show(&mut self, key: &str, screen: Screen) {
        self.view.screen = if self.view.screen == screen { self.view.home() } else { screen };
        // The main screen is the one with all its panes.
        if screen == Screen::Main {
            self.view.zoomed = Zoom::All;
        }
        self.view.screen_scroll = 0;
        self.view.line = None;
        self.look(key, Look::Focus { pane: Shown::new(self.place_name()) });
    }

    fn palette(&mut self, typed: &str) {
        let entries = entries(&self.view.keys, self.role(), &self.appearance.faults, self.appearance.themes.words());
        self.open(Overlay::Palette { line: LineEdit::with(typed), chosen: 0, entries });
    }

    pub(super) fn open(&mut self, overlay: Overlay) {
        self.view.overlay = Some(overlay);
        self.overlay_drawn = None;
    }
    pub(super) fn close(&mut self) {
        self.view.overlay = None;
        self.overlay_drawn = None;
    }
}
