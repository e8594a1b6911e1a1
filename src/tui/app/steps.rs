//! The runbook's keys: what they ask for is what was shown, and whatever would be refused is said before anything is typed.

use std::sync::Arc;

use crate::{
    core::{
        command::Command,
        decision::Refusal,
        news::{News, Tone},
        outlook,
        runbook::{self, StepNews},
        state::State,
    },
    domain::{
        fault::Version,
        id::StepId,
        shown::Shown,
        standing::{Act, Change},
    },
    plan::model::steps::Step,
    tui::{
        app::{App, Flow},
        draw::places::places,
        overlay::{Overlay, Purpose},
        panes::{steps, words},
        view::{Pane, Screen, Zoom},
        widgets::line::LineEdit,
    },
    words::{Names, runbook as say},
};

impl App {
    /// The runbook on the whole screen, or back from there.
    pub(super) fn runbook(&mut self, key: &str) {
        if steps::is_whole(&self.view) {
            self.view.zoomed = Zoom::All;
            self.view.screen = self.view.home();
            return self.focus(key, Pane::Steps);
        }
        if steps::rows(&self.state).is_none() {
            return self.notify(Tone::Plain, "this plan has no steps; its phases say `steps:`".to_owned());
        }
        if self.view.focus != Pane::Steps {
            self.choose_next();
        }
        (self.view.screen, self.view.zoomed) = (Screen::Main, Zoom::Focused);
        self.focus(key, Pane::Steps);
    }

    /// A step that this person has asked for and that was not done is said to him at once, whatever he looks at.
    pub(super) fn hear_of_steps(&mut self, before: &State) {
        let state = Arc::clone(&self.state);
        let me = self.view.me.as_ref().map(|me| me.who.clone());
        let is_mine = |id: &StepId| {
            let known = state.steps.get(id);
            let by = known.and_then(|known| known.doing.act().map(|(_, by, _)| by).or(known.last.as_ref().map(|last| &last.by)));
            by.is_some() && by == me.as_ref()
        };
        let fresh = state.feed.iter().filter(|line| line.seq > before.seq);
        let is_missed =
            |what: &StepNews| matches!(what, StepNews::NotDone { .. } | StepNews::OutcomeUnknown { .. } | StepNews::DidNotHappen { .. });
        let mut missed = fresh.filter(|line| matches!(&line.news, News::Step { step, what } if is_missed(what) && is_mine(step)));
        if let Some(line) = missed.next_back() {
            self.notify(Tone::Alarm, crate::words::news(&line.news, Names::of(&state)));
        }
    }

    /// Puts the cursor on what comes next.
    fn choose_next(&mut self) {
        let next = runbook::next(&self.state).first().map(|step| step.id.clone());
        let place = steps::steps(&self.state).iter().position(|step| Some(&step.id) == next.as_ref());
        self.view.step = place.unwrap_or(self.view.step);
    }

    /// The step under the cursor. Nobody acts on one that he does not see: without the focus it is only shown.
    fn step_in_sight(&mut self, key: &str) -> Option<Step> {
        if steps::rows(&self.state).is_none() {
            self.notify(Tone::Plain, "this plan has no steps; its phases say `steps:`".to_owned());
            return None;
        }
        let is_placed = || places(self.scene(), self.size.area()).panes.iter().any(|(pane, _)| *pane == Pane::Steps);
        if self.view.focus == Pane::Steps && is_placed() {
            return steps::chosen(&self.state, &self.view).cloned();
        }
        self.choose_next();
        self.focus(key, Pane::Steps);
        if !places(self.scene(), self.size.area()).panes.iter().any(|(pane, _)| *pane == Pane::Steps) {
            self.view.zoomed = Zoom::Focused;
        }
        self.notify(Tone::Plain, "choose a step of the runbook with up and down, then press the key again".to_owned());
        None
    }

    /// Asks whether it is meant, with what it would change; or says why it can't be.
    pub(super) fn wants_step(&mut self, key: &str, act: Act) {
        let Some(step) = self.step_in_sight(key) else { return };
        let seen = self.state.steps.get(&step.id).and_then(|known| known.seen.as_ref());
        let version = seen.and_then(|seen| seen.standing.version()).cloned().unwrap_or_else(|| Version(String::new()));
        let may = self.steers().and_then(|()| outlook::may_act(&self.state, &step.id, act, &version));
        match may {
            Ok((_, changes)) => self.open(Overlay::Step { step: step.id, act, version, changes, line: LineEdit::default() }),
            Err(why) => self.step_refused(&why),
        }
    }

    fn step_refused(&mut self, why: &Refusal) {
        let way_on = super::news::way_on(why, &self.state, &self.view);
        self.notify(Tone::Plain, format!("{}{way_on}", crate::words::refusal(why, Names::of(&self.state))));
    }

    /// Enter: asks for just what the dialog has shown.
    pub(super) fn step_entered(&mut self, step: StepId, act: Act, version: Version, changes: Vec<Change>, line: LineEdit) {
        let planned = words::plan(&self.state).and_then(|plan| plan.step(&step));
        let target = planned.filter(|step| step.is_final(act)).map(|step| step.desired.target().to_owned());
        let typed = line.text();
        if let Some(target) = target.as_deref().filter(|target| *target != typed.trim()) {
            self.notify(Tone::Warning, format!("type {target} if you mean it, or Esc leaves it; nothing was done"));
            self.view.overlay = Some(Overlay::Step { step, act, version, changes, line: LineEdit::default() });
            return;
        }
        self.close();
        let named = target.map(|target| Shown::new(&target));
        self.ask("Enter", Command::Act { step, act, version, named });
    }

    pub(super) fn skips_step(&mut self, key: &str) {
        let Some(step) = self.step_in_sight(key) else { return };
        match self.steers() {
            Ok(()) => self.open(Overlay::Typing { purpose: Purpose::Skip { step: step.id }, line: LineEdit::default() }),
            Err(why) => self.step_refused(&why),
        }
    }

    /// The command that does the step under the cursor goes to the terminal's clipboard; of one that is reached, the command that takes it back.
    pub(super) fn copy_step(&mut self, key: &str) -> Flow {
        let Some(step) = self.step_in_sight(key) else { return Flow::Stay };
        let act = if say::stands(&self.state, &step).word == say::Word::Reached { Act::Undo } else { Act::Run };
        let command = say::by_hand(&self.state, &step, act);
        let does = crate::words::steps::act(act);
        let Some(command) = command else {
            self.notify(Tone::Plain, format!("no command would {does} \"{}\"; nothing was copied", step.title));
            return Flow::Stay;
        };
        let told = format!("the command to {does} \"{}\" is in your terminal's clipboard, if it lets programs write it", step.title);
        self.notify(Tone::Plain, format!("{told}{}", self.commented()));
        Flow::Copy(command)
    }
}
