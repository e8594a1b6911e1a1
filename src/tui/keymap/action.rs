//! What a key can mean. What of it reaches the session is the app's business.

use crate::tui::view::{Pane, Screen};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Everything back home, now, from wherever one is.
    Rollback,
    /// Move the draft of the slider by this many per mille of the target, backwards if negative.
    Draft(i16),
    /// Put the draft at this many per mille of the target.
    DraftTo(u16),
    /// Step the draft along the plan's presets.
    Ladder(Way),
    /// Ask the session for what the draft says.
    Ask,
    /// Drop the draft, close what is open, go back to the main screen.
    Drop,
    NextRoute,
    PreviousRoute,
    /// Refuse to advance, or allow it again.
    Hold,
    Rearm,
    AdoptDrift,
    /// Take the route's object over from the session that steers it.
    TakeOver,
    Sign,
    Unsign,
    /// The runbook with everything of the chosen step, on the whole screen.
    Runbook,
    /// Run the chosen step, again too.
    RunStep,
    /// Take the chosen step back.
    UndoStep,
    SkipStep,
    /// The command that does the chosen step without us, into the terminal's clipboard.
    CopyStep,
    /// Take free controls, ask the holder for them, or hand them to who asked.
    Controls,
    /// A pilot takes them from the holder.
    TakeControls,
    GiveUpControls,
    Review,
    Withdraw,
    Say,
    LookHere,
    /// To where somebody calls everybody's attention.
    GoLook,
    /// Let what matters come up by itself on the watcher's face.
    Follow,
    /// Who is here, and who may have the controls.
    People,
    Focus(Way),
    FocusOn(Pane),
    Zoom,
    Scroll(Scroll),
    Show(Screen),
    /// Charts: a longer span of time, or a shorter one.
    Span(Way),
    /// Charts: on in time, or back.
    Pan(Way),
    /// Charts: to the next mark, or the one before.
    Mark(Way),
    /// To the journal's line of the mark that is looked at.
    ReadMark,
    Filter,
    Palette,
    Help,
    Themes,
    NextTheme,
    Inject,
    /// The command that brings the route home without us, into the terminal's clipboard.
    CopyByHand,
    /// The command that leaves a home which fails, past this session.
    CopyAwayByHand,
    Redraw,
    Quit,
}

impl Action {
    /// Whether it may be done where nothing of what it does can be shown: the ways home, and away from here.
    pub fn works_unseen(self) -> bool {
        matches!(self, Action::Rollback | Action::CopyByHand | Action::Redraw | Action::Quit)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Forward,
    Back,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scroll {
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
}

/// What an action can do to others. What acts is never done by a paste or a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Danger {
    /// Changes only what this screen shows.
    Appearance,
    /// Others see it, nothing moves.
    Tells,
    /// Can move traffic or change who may.
    Acts,
    /// Brings traffic home.
    Home,
}

/// What one needs for an action to be taken; the session checks it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// The role of an approver or more.
    Approver,
    /// The role of an operator or a pilot.
    Operator,
    Pilot,
    /// The controls.
    Controls,
}
