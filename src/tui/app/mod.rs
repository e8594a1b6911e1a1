//! The loop of one cockpit: keys in, requests out, frames when something changed.
//!
//! A key is drawn at once, data at most ten times a second, and once a second because ages grow; nothing is drawn that is not dirty, and
//! a frame that can't leave holds up nothing. Input, session and canvas come in as parameters, so a test flies the same loop.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use ratatui::buffer::Buffer;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use crate::{
    attach::client::{Connection, Link, Reply, ToHost, View as Heard},
    core::{
        command::{Command, Look},
        decision::Verdict,
        news::Tone,
        outlook,
        state::State,
    },
    domain::{
        digest::Digest,
        id::{AskId, RouteId},
        shown::Shown,
        time::{Millis, Timestamp},
        weight::Weights,
    },
    door::OnRecord,
    tui::{
        draw,
        input::{Arrived, guard::Guard},
        keymap::Keymap,
        overlay::Offer,
        panes::{log, words},
        scene::Scene,
        terminal::{
            Drawn, MouseReports, Size, Stats, Terminal, TerminalError,
            signals::{SignalEvent, Signals},
        },
        theme::{Catalogue, Theme},
        view::{Follow, Holds, Injects, Leaving, Me, Notice, Screen, Unanswered, View},
    },
    words::Names,
};

mod act;
mod company;
mod input_queue;
mod looks;
mod mouse;
mod news;
mod overlays;
mod reunion;
mod scroll;
mod steps;
mod unanswered;
mod way_home;

pub use unanswered::Left;

/// Frames because of data, at most one in this time.
const DATA_EVERY: Duration = Duration::from_millis(100);
/// Ages grow while nothing else happens.
const TICK: Duration = Duration::from_secs(1);
const NOTICE: Duration = Duration::from_secs(8);
/// As long as a hand needs to see that something else lies before it.
const HANDS_OFF: Duration = Duration::from_millis(500);
/// For how long a face that nobody touches says that the host is back.
const BACK: Duration = Duration::from_secs(10);

/// What a cockpit needs beside its link.
pub struct Appearance {
    pub themes: Catalogue,
    pub theme: Theme,
    /// What can be injected in the session's world. Empty in a live session, and where that world runs by itself.
    pub faults: Vec<Offer>,
    /// World seconds in a real one.
    pub speed: f64,
    pub mouse: MouseReports,
    pub leaving: Leaving,
    /// For so long a dialog that came up by itself takes no key: that one was meant for what lay there before.
    pub hands_off: Duration,
    /// Whether a watcher is shown what matters by itself.
    pub follow: Follow,
    pub keys: Arc<Keymap>,
    /// Takes the word of each theme that is chosen.
    pub keeper: Option<std::sync::mpsc::Sender<String>>,
    /// What was wrong with the person's own files; said once at the start.
    pub remark: Option<String>,
}

impl Appearance {
    /// A live session's, with nothing of the person's own.
    pub fn plain(themes: Catalogue, theme: Theme) -> Appearance {
        Appearance {
            themes,
            theme,
            faults: Vec::new(),
            speed: 1.0,
            mouse: MouseReports::On,
            leaving: Leaving::Detaches,
            hands_off: HANDS_OFF,
            follow: Follow::No,
            keys: Arc::new(Keymap::builtin()),
            keeper: None,
            remark: None,
        }
    }
}

/// Why a cockpit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Quit,
    /// The terminal hung up.
    Gone,
    /// A signal, by its number, told us to leave.
    Signal(i32),
}

/// How a flight ended and what drawing it cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Flown {
    pub left: Left,
    pub stats: Stats,
}

/// Where frames go: a terminal, or a test's notebook.
pub trait Canvas {
    fn size(&self) -> Size;
    fn draw(&mut self, next: &mut Buffer) -> Drawn;
    /// The next frame is sent whole.
    fn forget(&mut self);
    /// Puts `text` into the terminal's clipboard, where it has one that programs may write.
    fn copy(&mut self, text: &str);
    /// Gives the terminal back and stands still until somebody continues us.
    fn stop(&mut self);
    /// Takes the terminal again.
    fn resume(&mut self);
    /// Waits until a frame can be sent again after [`Drawn::Busy`].
    fn free(&self) -> impl Future<Output = ()>;
    fn stats(&self) -> Stats;
}

impl Canvas for Terminal {
    fn size(&self) -> Size {
        Terminal::size(self)
    }
    fn draw(&mut self, next: &mut Buffer) -> Drawn {
        Terminal::draw(self, next)
    }
    fn forget(&mut self) {
        Terminal::forget(self);
    }
    fn copy(&mut self, text: &str) {
        Terminal::copy(self, text);
    }
    fn stop(&mut self) {
        Terminal::stop(self);
    }
    fn resume(&mut self) {
        Terminal::resume(self);
    }
    fn free(&self) -> impl Future<Output = ()> {
        Terminal::free(self)
    }
    fn stats(&self) -> Stats {
        Terminal::stats(self)
    }
}

/// Runs on standard input and output until the person leaves or the terminal does. `leave` ends the process; it is called only when
/// the terminal has been gone for a while and this has not returned.
/// # Errors
/// If the terminal can't be taken over; it is as it was then.
pub async fn run(
    link: Link,
    appearance: Appearance,
    signals: Signals,
    leave: impl FnOnce() + Send + 'static,
) -> Result<Flown, TerminalError> {
    let mut terminal = Terminal::open(appearance.mouse)?;
    terminal.restorer().on_panic();
    let (sender, inputs) = mpsc::channel(crate::tui::input::reader::INPUTS_MAX);
    terminal.read(sender, leave)?;
    let left = fly(link, appearance, inputs, signals, &mut terminal).await;
    Ok(Flown { left, stats: terminal.stats() })
}

/// A shift on its way: the draft that it was, should it come back refused.
struct Asked {
    ask: AskId,
    route: RouteId,
    to: Weights,
}

/// What the system tells; a test tells nothing.
pub trait Tells {
    fn next(&mut self) -> impl Future<Output = SignalEvent>;
}

impl Tells for Signals {
    fn next(&mut self) -> impl Future<Output = SignalEvent> {
        Signals::next(self)
    }
}

/// The loop itself.
pub async fn fly(
    link: Link,
    appearance: Appearance,
    inputs: mpsc::Receiver<Arrived>,
    signals: impl Tells,
    canvas: &mut impl Canvas,
) -> Left {
    let mut app = App::new(link, appearance, canvas.size());
    let end = turn(&mut app, inputs, signals, canvas).await;
    app.leave(end).await
}

async fn turn(app: &mut App, mut inputs: mpsc::Receiver<Arrived>, mut signals: impl Tells, canvas: &mut impl Canvas) -> End {
    let mut dirty = true;
    let mut busy = false;
    let mut draw_at = Instant::now();
    let mut tick_at = Instant::now() + TICK;
    loop {
        if dirty && !busy && Instant::now() >= draw_at {
            match app.frame(canvas) {
                Drawn::Sent => (dirty, draw_at) = (false, Instant::now() + DATA_EVERY),
                Drawn::Busy => busy = true,
                Drawn::Gone => return End::Gone,
            }
        }
        let draw_wake = (dirty && !busy).then_some(draw_at);
        let wakes = [Some(tick_at), draw_wake, app.ripe_at(), app.looks.due(), app.unanswered_due()];
        let wake = wakes.into_iter().flatten().min().unwrap_or(tick_at);
        tokio::select! {
            biased;
            told = signals.next() => match told {
                SignalEvent::Leave(number) => return End::Signal(number),
                SignalEvent::Resized => app.resize(canvas.size()),
                SignalEvent::Stop => canvas.stop(),
                SignalEvent::Continued => {
                    canvas.resume();
                    app.resize(canvas.size());
                }
            },
            arrived = inputs.recv() => {
                let Some(arrived) = arrived else { return End::Gone };
                app.arrived(arrived);
                // Everything that waits is read before one frame is drawn.
                while let Ok(more) = inputs.try_recv() {
                    app.arrived(more);
                }
                draw_at = Instant::now();
            }
            changed = app.link.view.changed(), if app.host_lives() => app.hear(changed.is_err()),
            Some(reply) = app.link.replies.recv() => {
                app.answered(reply);
                draw_at = Instant::now();
            }
            () = canvas.free(), if busy => busy = false,
            () = sleep_until(wake) => {
                if Instant::now() >= tick_at {
                    tick_at = Instant::now() + TICK;
                } else {
                    draw_at = draw_at.min(Instant::now());
                }
            }
        }
        dirty = true;
        app.tell_looks();
        app.press_on();
        match app.work() {
            Flow::Stay => {}
            Flow::Redraw => canvas.forget(),
            Flow::Copy(text) => canvas.copy(&text),
            Flow::Leave(end) => return end,
        }
    }
}

/// What the loop does after a key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Flow {
    Stay,
    Redraw,
    Copy(String),
    Leave(End),
}

struct App {
    link: Link,
    appearance: Appearance,
    view: View,
    state: Arc<State>,
    size: Size,
    input_queue: input_queue::InputQueue,
    looks: looks::Looks,
    guard: Guard,
    asks: u64,
    /// What was asked for and has no answer, and since when.
    unanswered: BTreeMap<AskId, (Instant, Unanswered)>,
    /// A rollback that was asked for and has no answer yet.
    way_home: Option<way_home::WayHome>,
    /// The newest shift that was asked for and has no answer yet.
    asked: Option<Asked>,
    /// Nothing more will be heard.
    over: bool,
    /// When the newest state came, to let ages grow in between.
    heard_at: Instant,
    notice_until: Instant,
    /// Since when the host is heard again.
    back_since: Instant,
    /// The theme in use, by its word.
    theme: String,
    /// When what lies above the screen was first drawn; what was typed before that was meant for something else.
    overlay_drawn: Option<std::time::Instant>,
    /// Requests for approval that this person has seen and put aside, by digest; they don't come up by themselves again.
    put_aside: BTreeSet<Digest>,
    /// What was known when the host was last heard, while it is gone.
    before: Option<reunion::Before>,
    /// What the notice of the host's return tells of.
    absence: Option<reunion::Absence>,
    /// Until then the follower's face keeps what it shows, unless something weightier comes.
    matter_until: std::time::Instant,
    /// The mouse holds the slider of this route.
    dragging: Option<usize>,
    spare: Buffer,
}

impl App {
    fn new(mut link: Link, appearance: Appearance, size: Size) -> App {
        let heard = link.view.borrow_and_update().clone();
        let mut view = View::new();
        view.speed = appearance.speed;
        view.follow = appearance.follow;
        view.leaving = appearance.leaving;
        view.injects = if appearance.faults.is_empty() { Injects::No } else { Injects::Yes };
        view.keys = Arc::clone(&appearance.keys);
        let theme = appearance
            .themes
            .words()
            .iter()
            .find(|word| appearance.themes.theme(word).is_ok_and(|theme| theme.name == appearance.theme.name));
        let mut app = App {
            state: heard.state.clone(),
            theme: theme.cloned().unwrap_or_default(),
            link,
            appearance,
            view,
            size,
            input_queue: input_queue::InputQueue::default(),
            looks: looks::Looks::default(),
            guard: Guard::default(),
            asks: 0,
            unanswered: BTreeMap::new(),
            way_home: None,
            asked: None,
            over: false,
            heard_at: Instant::now(),
            notice_until: Instant::now(),
            back_since: Instant::now(),
            overlay_drawn: None,
            put_aside: BTreeSet::new(),
            before: None,
            absence: None,
            matter_until: std::time::Instant::now(),
            dragging: None,
            spare: Buffer::default(),
        };
        app.adopt(&heard);
        app.view.screen = app.view.home();
        app.tell_size();
        if let Some(remark) = app.appearance.remark.take() {
            app.notify(Tone::Warning, remark);
        }
        app
    }

    fn adopt(&mut self, heard: &Heard) {
        self.hear_line(&heard.connection, &heard.state);
        if heard.state.seq != self.state.seq {
            self.heard_at = Instant::now();
        }
        let before = std::mem::replace(&mut self.state, heard.state.clone());
        self.take_news(&before);
        let known_as = self.view.me.as_ref().map(|me| me.client);
        self.view.head = heard.head.or(self.view.head);
        self.view.me = Some(Me { client: heard.me.client, who: heard.me.who.clone(), role: heard.me.role });
        self.drop_what_is_over();
        if known_as != Some(heard.me.client) {
            self.tell_presence();
        }
    }

    fn host_lives(&self) -> bool {
        !self.over
    }

    fn hear(&mut self, over: bool) {
        let heard = self.link.view.borrow_and_update().clone();
        self.adopt(&heard);
        if over {
            self.over = true;
            self.hear_line(&Connection::Closed { why: Shown::new("the session has ended") }, &heard.state);
        }
    }

    /// A draft that has become true is over.
    fn drop_what_is_over(&mut self) {
        let state = Arc::clone(&self.state);
        self.view.drafts.retain(|route, draft| {
            let stands = state.routes.get(route).and_then(|known| outlook::stands(known).ok());
            stands.is_none_or(|stands| stands != *draft)
        });
    }

    fn resize(&mut self, size: Size) {
        self.size = size;
        self.tell_size();
    }

    /// What is drawn of this cockpit.
    fn scene(&self) -> Scene<'_> {
        Scene { state: &self.state, view: &self.view, theme: &self.appearance.theme }
    }

    fn frame(&mut self, canvas: &mut impl Canvas) -> Drawn {
        let speed = self.view.speed;
        let span = |real: Duration| Millis((real.as_secs_f64() * 1000.0 * speed) as u64);
        let since = self.heard_at.elapsed();
        // Also while nothing is heard: whatever is shown grows older.
        self.view.now = self.state.now + span(since);
        self.view.wall = Timestamp(jiff::Timestamp::now().as_millisecond());
        if Instant::now() >= self.notice_until {
            self.view.notice = None;
        }
        if self.view.screen == Screen::Watch && self.back_since.elapsed() >= BACK {
            self.view.back = None;
        }
        self.age_absence();
        self.retell_absence();
        self.age_unanswered();
        self.follow();
        self.offer_review();
        log::take_in();
        let mut next = std::mem::take(&mut self.spare);
        next.resize(self.size.area());
        next.reset();
        draw::draw(self.scene(), self.size.area(), &mut next);
        let drawn = canvas.draw(&mut next);
        self.spare = next;
        match (&self.view.overlay, self.overlay_drawn, drawn) {
            (None, ..) => self.overlay_drawn = None,
            (Some(_), None, Drawn::Sent) => self.overlay_drawn = Some(std::time::Instant::now()),
            (Some(_), ..) => {}
        }
        drawn
    }

    fn notify(&mut self, tone: Tone, text: String) {
        self.say(tone, text, Holds::ForItsTime);
    }

    fn say(&mut self, tone: Tone, text: String, holds: Holds) {
        self.view.notice = Some(Notice { tone, text, holds });
        self.notice_until = Instant::now() + NOTICE;
    }

    fn ask(&mut self, key: &str, command: Command) {
        // What was looked at before it was asked is told before it.
        if self.looks.due().is_some() {
            self.tell_all_looks();
        }
        if let Command::Rollback { .. } = command {
            return self.ask_home(key, command);
        }
        if !self.send(key, command) {
            self.notify(Tone::Alarm, "the session can't be asked now; nothing was changed; it is tried to reach it again".to_owned());
        }
    }

    /// Whether the line has taken it.
    fn send(&mut self, key: &str, command: Command) -> bool {
        self.asks += 1;
        let asked = ToHost::Ask { ask: AskId(self.asks), key: Some(Shown::new(key)), command: command.clone() };
        let taken = self.link.asks.try_send(asked).is_ok();
        if taken {
            self.wait_for(AskId(self.asks), key, command);
        }
        taken
    }

    fn answered(&mut self, reply: Reply) {
        self.note(&reply);
        if self.goes_on_home(&reply) {
            return;
        }
        let (Reply::Answered { ask, .. } | Reply::NotSent { ask, .. } | Reply::Lost { ask, .. }) = &reply;
        let shift = self.asked.take_if(|asked| asked.ask == *ask);
        let route = shift.as_ref().map(|asked| asked.route.clone());
        let until_news = || route.clone().map_or(Holds::ForItsTime, Holds::UntilNewsOf);
        let (tone, text, holds) = match reply {
            Reply::Answered { verdict: Verdict::Refused(refusal), .. } => {
                // What was wished for is still on the slider: most refusals pass, and nobody likes to aim twice.
                if let Some(Asked { route, to, .. }) = shift {
                    self.view.drafts.insert(route.clone(), to.clone());
                    self.look("refused", Look::Draft { route, to: Some(to) });
                }
                let text = crate::words::refusal(&refusal, Names::of(&self.state));
                (Tone::Alarm, format!("{text}{}", news::way_on(&refusal, &self.state, &self.view)), Holds::ForItsTime)
            }
            Reply::Answered { verdict: Verdict::Accepted, on_record: OnRecord::No, .. } => {
                let why = crate::words::off_record(&self.state.record.keeping);
                (Tone::Warning, format!("accepted, and {why}"), until_news())
            }
            Reply::Answered { verdict: Verdict::Accepted, .. } => (Tone::Good, "accepted and recorded".to_owned(), until_news()),
            Reply::Answered { verdict: Verdict::Queued, .. } => (Tone::Good, "queued behind the move in flight".to_owned(), until_news()),
            Reply::Answered { verdict: Verdict::HomeAlready, .. } => (Tone::Good, crate::words::HOME_ALREADY.to_owned(), Holds::ForItsTime),
            Reply::Answered { verdict: Verdict::Joined, .. } => (Tone::Good, "joined the rollback that runs".to_owned(), Holds::ForItsTime),
            Reply::Answered { verdict: Verdict::NeedsApproval { digest }, .. } => {
                let route = route.as_ref().and_then(|id| words::plan(&self.state)?.routes.iter().find(|route| route.id == *id));
                let why = route.map_or_else(String::new, |route| format!("; {} at once needs none", route.step_max));
                (Tone::Warning, format!("waits for a second person's approval{why}"), Holds::WhileOpen(digest))
            }
            Reply::NotSent { why, .. } => {
                (Tone::Alarm, format!("{why}; nothing was sent, so nothing happens by this key"), Holds::ForItsTime)
            }
            Reply::Lost { why, .. } => {
                (Tone::Alarm, format!("no answer came, and it may have been taken; the journal tells ({why})"), Holds::ForItsTime)
            }
        };
        self.say(tone, text, holds);
    }
}
