//! What belongs to this one cockpit and to nobody else: where the focus is, what is scrolled, the draft of the slider.
//!
//! Everything that is true for all is in the core's `State`. A view is never journaled as such; what others should see of it (focus,
//! draft) is told to the session as a `Look`.

use std::{collections::BTreeMap, sync::Arc};

use strum::EnumCount;

use crate::{
    attach::client::Listens,
    core::command::Command,
    domain::{
        digest::Digest,
        head::Head,
        id::{ClientId, OperatorId, RouteId, Seq},
        role::Role,
        time::{Millis, Timestamp},
        weight::Weights,
    },
    tui::{draw::watch::Matter, keymap::Keymap, overlay::Overlay},
};

/// The panes of the main screen, in the order of the focus ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumCount)]
pub enum Pane {
    Traffic,
    Platforms,
    Triggers,
    Replication,
    Checklist,
    Journal,
    Log,
    /// The runbook. The last one, so that a plan without steps lacks no digit.
    Steps,
}

impl Pane {
    pub const ALL: [Pane; Pane::COUNT] =
        [Pane::Traffic, Pane::Platforms, Pane::Triggers, Pane::Replication, Pane::Checklist, Pane::Journal, Pane::Log, Pane::Steps];

    /// The name in titles, in the journal and in "look here".
    pub fn name(self) -> &'static str {
        match self {
            Pane::Traffic => "traffic",
            Pane::Platforms => "platforms",
            Pane::Triggers => "triggers",
            Pane::Replication => "replication",
            Pane::Checklist => "checklist",
            Pane::Journal => "journal",
            Pane::Log => "log",
            Pane::Steps => "runbook",
        }
    }
    pub fn by_name(name: &str) -> Option<Pane> {
        Pane::ALL.into_iter().find(|pane| pane.name() == name)
    }
}

/// What fills the screen between header and footer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumCount)]
pub enum Screen {
    Main,
    /// The watcher's face.
    Watch,
    Metrics,
    Journal,
    Kubernetes,
    Log,
}

impl Screen {
    pub const ALL: [Screen; Screen::COUNT] =
        [Screen::Main, Screen::Watch, Screen::Metrics, Screen::Journal, Screen::Kubernetes, Screen::Log];

    pub fn name(self) -> &'static str {
        match self {
            Screen::Main => "main",
            Screen::Watch => "watch",
            Screen::Metrics => "metrics",
            Screen::Journal => "journal",
            Screen::Kubernetes => "workloads",
            Screen::Log => "log",
        }
    }
}

/// What becomes of the session when this cockpit is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    Detaches,
    /// The cockpit holds the session and its world, as the demo's does.
    Ends,
}

/// Whether this cockpit can make something go wrong in the session's world: only where that world lives with the host, or with the cockpit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Injects {
    No,
    Yes,
}

/// Who sits at this cockpit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    pub client: ClientId,
    pub who: OperatorId,
    pub role: Role,
}

/// How this cockpit hears of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hearing {
    Connected,
    /// Nothing is heard of the host; what is shown is old.
    Lost {
        why: String,
        then: Then,
        /// For so long, in real time.
        gone: Millis,
    },
}

/// What is done about a line that is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The line is open; the host may speak again any moment.
    Listen,
    TryAgain {
        attempts: u32,
        listens: Listens,
    },
    /// There is nothing to come back to.
    Nothing,
}

/// What was asked for and has no answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Unanswered {
    pub key: String,
    pub command: Command,
    /// When it was asked, in real time, and how long ago that is.
    pub at: Timestamp,
    pub age: Millis,
    pub fate: Fate,
}

/// Where a question is that has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It lies before the host, which takes it in when it goes on, whatever has become of the cockpit then.
    Sent,
    /// The line broke: it may have been taken in before, or not.
    Lost,
    /// A way home that the line has not taken; it is asked the moment the host is heard, for so long yet.
    Kept { left: Millis },
    /// A way home that was kept for its whole time, and is asked no more.
    GivenUp,
}

/// An answer is due within this time; a person who has waited longer is told that there is none.
pub const ANSWER_DUE: Millis = Millis::from_secs(1);

/// What happened while the host was gone, told once it is back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Back {
    pub gone: Millis,
    pub news: Vec<(crate::core::news::Tone, String)>,
}

/// A remark to this person only: an answer, a refusal, a key that did nothing and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub tone: crate::core::news::Tone,
    pub text: String,
    pub holds: Holds,
}

/// For how long a remark is true, beside the time for which it is shown at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holds {
    ForItsTime,
    /// Until the session tells more of this route.
    UntilNewsOf(RouteId),
    /// As long as this request waits.
    WhileOpen(Digest),
}

/// Which time the charts of this cockpit show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charts {
    pub span: Millis,
    /// The end of what is shown; now where there is none.
    pub until: Option<Timestamp>,
    /// The mark that is looked at, by its entry.
    pub mark: Option<Seq>,
}

impl Charts {
    /// Spans that one can choose.
    pub const SPANS: [Millis; 8] = [
        Millis::from_mins(5),
        Millis::from_mins(15),
        Millis::from_mins(30),
        Millis::from_mins(60),
        Millis::from_mins(240),
        Millis::from_mins(720),
        Millis::from_mins(1440),
        Millis::from_mins(2880),
    ];

    pub fn new() -> Charts {
        Charts { span: Charts::SPANS[1], until: None, mark: None }
    }
}

impl Default for Charts {
    fn default() -> Charts {
        Charts::new()
    }
}

/// State of one cockpit.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    pub me: Option<Me>,
    pub hearing: Hearing,
    /// What this person asked for and has no answer, oldest first.
    pub unanswered: Vec<Unanswered>,
    /// Until the next key after a return of the host; on the watcher's face, where nobody presses one, for some seconds.
    pub back: Option<Back>,
    pub screen: Screen,
    pub focus: Pane,
    /// Whether what matters comes up by itself on the watcher's face.
    pub follow: Follow,
    /// What the watcher's face shows; calm where nobody follows.
    pub matter: Matter,
    /// Whether the focused pane fills the screen.
    pub zoomed: Zoom,
    /// Rows scrolled away: from the top of a list, from the newest line of a journal or log.
    pub scroll: BTreeMap<Pane, usize>,
    /// The same for the screens beside the main one.
    pub screen_scroll: usize,
    /// Which time the charts show.
    pub charts: Charts,
    /// The line of the journal under the cursor, by its entry and its place in it; the newest where there is none.
    pub line: Option<(Seq, usize)>,
    /// The route that the slider moves, by its place in the plan.
    pub route: usize,
    /// The checklist line under the cursor.
    pub item: usize,
    /// The step of the runbook under the cursor, by its place in the plan.
    pub step: usize,
    pub drafts: BTreeMap<RouteId, Weights>,
    /// What lies above the screen: help, palette, a line to type, a dialog.
    pub overlay: Option<Overlay>,
    /// Shows only lines that contain this, without regard to case; empty shows all.
    pub filter: String,
    pub notice: Option<Notice>,
    /// The session's time now, estimated between entries, so that ages grow while nothing happens.
    pub now: Timestamp,
    /// The real time then, by which logs are stamped.
    pub wall: Timestamp,
    /// World seconds in a real one; shown when it is not 1.
    pub speed: f64,
    pub leaving: Leaving,
    pub injects: Injects,
    /// Where the journal ends, as far as it is on the disk; `None` until the host has said it.
    pub head: Option<Head>,
    /// The keys that are in force here; whatever prints one asks it.
    pub keys: Arc<Keymap>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    No,
    Yes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zoom {
    All,
    Focused,
}

impl View {
    pub fn new() -> View {
        View {
            me: None,
            hearing: Hearing::Connected,
            unanswered: Vec::new(),
            back: None,
            screen: Screen::Main,
            focus: Pane::Traffic,
            follow: Follow::No,
            matter: Matter::Calm,
            zoomed: Zoom::All,
            scroll: BTreeMap::new(),
            screen_scroll: 0,
            charts: Charts::new(),
            line: None,
            route: 0,
            item: 0,
            step: 0,
            drafts: BTreeMap::new(),
            overlay: None,
            filter: String::new(),
            notice: None,
            now: Timestamp(0),
            wall: Timestamp(0),
            speed: 1.0,
            leaving: Leaving::Detaches,
            injects: Injects::No,
            head: None,
            keys: Arc::new(Keymap::builtin()),
        }
    }
    /// The screen that one comes back to: a watcher has a face of his own.
    pub fn home(&self) -> Screen {
        if self.me.as_ref().is_some_and(|me| me.role == Role::Watcher) { Screen::Watch } else { Screen::Main }
    }
    pub fn age(&self, at: Timestamp) -> Millis {
        self.now.since(at)
    }
}

impl Default for View {
    fn default() -> View {
        View::new()
    }
}
