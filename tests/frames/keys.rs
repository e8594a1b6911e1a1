//! The loop of a cockpit under a hand of keys: what is asked, what is only drawn, and how often.
//!
//! Session and terminal are channels and paper; nothing waits for a clock except to prove that time alone does nothing. That
//! nothing was asked is proven by what is asked next: wishes keep their order.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use cutover::{
    attach::{
        client::{Approving, Connection, Link, Listens, Reply, ToHost, View as Heard},
        protocol::{VERSION, Welcome},
    },
    core::{command::Command, event::WorldKind, state::State},
    domain::{
        fault::Version,
        id::{AskId, ClientId, Seq},
        role::Role,
        shown::Shown,
        standing::Act,
        time::Millis,
    },
    tui::{
        app::{Appearance, End, Left, fly},
        input::{Arrived, Code, Gesture, Input, Key, Mouse},
        keymap::{Keymap, table::TABLE},
        terminal::Size,
    },
};
use ratatui::{buffer::Buffer, style::Color};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{
    catalogue,
    paper::{Paper, Silence},
    plain, scenes,
};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);
const ROLLBACK: Key = Key::plain(Code::F(9));

/// What was drawn.
#[derive(Default)]
struct Page {
    text: String,
    ground: Option<Color>,
    drawn: u64,
}

impl Page {
    fn draw(&mut self, next: &Buffer, before: &mut Buffer) {
        self.drawn += 1;
        if next != before {
            self.text = plain(next);
            self.ground = Some(next[(0, 20)].bg);
            before.clone_from(next);
        }
    }
}

struct Cockpit {
    hands: mpsc::Sender<Arrived>,
    asks: mpsc::Receiver<ToHost>,
    session: watch::Sender<Arc<Heard>>,
    page: Arc<Mutex<Page>>,
    /// What went to the clipboard.
    copied: Arc<Mutex<Vec<String>>>,
    flight: JoinHandle<Left>,
    /// Kept so that the line stays open.
    replies: mpsc::Sender<Reply>,
}

fn heard(state: State, role: Role) -> Arc<Heard> {
    let me = Welcome {
        version: VERSION,
        session: scenes::id("hexproperty-20261124-0100"),
        plan: Shown::new("HexProperty"),
        world: WorldKind::Live,
        who: scenes::id("ada"),
        role,
        client: ClientId(1),
        beat_every: Millis::from_secs(1),
    };
    Arc::new(Heard { state: Arc::new(state), connection: Connection::Connected, me, disagreements: 0, head: None })
}

impl Cockpit {
    fn over(state: State, role: Role) -> Cockpit {
        Cockpit::with_keys(state, role, Keymap::builtin())
    }

    fn with_keys(state: State, role: Role, keys: Keymap) -> Cockpit {
        let (hands, inputs) = mpsc::channel(4096);
        let (sender, asks) = mpsc::channel(4096);
        let (session, view) = watch::channel(heard(state, role));
        let (answers, replies) = mpsc::channel(16);
        let page = Arc::new(Mutex::new(Page::default()));
        let copied = Arc::new(Mutex::new(Vec::new()));
        let (drawn, mut before) = (Arc::clone(&page), Buffer::default());
        let mut paper = Paper {
            size: Size { columns: 120, rows: 40 },
            drawn: move |next: &Buffer| drawn.lock().unwrap().draw(next, &mut before),
            copied: Arc::clone(&copied),
        };
        let themes = catalogue();
        let theme = themes.first();
        let appearance = Appearance { keys: Arc::new(keys), ..Appearance::plain(themes, theme) };
        let link = Link { view, asks: sender, replies, approving: Approving::Asked };
        let flight = tokio::spawn(async move { fly(link, appearance, inputs, Silence, &mut paper).await });
        Cockpit { hands, asks, session, page, copied, flight, replies: answers }
    }

    fn does(&self, at: Instant, input: Input) {
        self.hands.try_send(Arrived { at, input }).expect("the loop reads its inputs");
    }

    /// One key, as a hand presses it: alone.
    async fn key(&self, key: Key) {
        sleep(Duration::from_millis(25)).await;
        self.does(Instant::now(), Input::Key(key));
    }

    async fn types(&self, text: &str) {
        for character in text.chars() {
            self.key(Key::char(character)).await;
        }
    }

    fn mouse(&self, what: Gesture, column: u16, row: u16) {
        self.does(Instant::now(), Input::Mouse(Mouse { what, column, row }));
    }

    /// The next request; what only looks is left out.
    async fn asked(&mut self) -> Command {
        loop {
            match timeout(PATIENCE, self.asks.recv()).await.expect("something is asked").expect("the loop runs") {
                ToHost::Ask { command, .. } => return command,
                ToHost::Look { .. } | ToHost::Resize(_) => {}
            }
        }
    }

    async fn goes_home(&mut self) {
        self.key(ROLLBACK).await;
        assert_eq!(self.asked().await, Command::Rollback { route: None, reason: None });
    }

    async fn until(&self, what: &str, holds: impl Fn(&Page) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds(&self.page.lock().unwrap()) {
            assert!(Instant::now() < end, "{what}; the screen is\n{}", self.page.lock().unwrap().text);
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn sees(&self, words: &str) {
        self.until(&format!("{words:?} never comes"), |page| page.text.contains(words)).await;
    }

    async fn sees_no(&self, words: &str) {
        self.until(&format!("{words:?} stays"), |page| !page.text.contains(words)).await;
    }
}

#[tokio::test]
async fn a_step_of_the_ladder_is_drafted_and_asked_for() {
    let mut cockpit = Cockpit::over(scenes::calm(), Role::Pilot);
    cockpit.key(Key::char(']')).await;
    cockpit.sees("draft 50%").await;
    cockpit.key(Key::plain(Code::Enter)).await;
    let shift = Command::Shift { route: scenes::id("frontend"), from: scenes::gke(25), to: scenes::gke(50) };
    assert_eq!(cockpit.asked().await, shift);
    cockpit.sees_no("draft 50%").await;
}

#[tokio::test]
async fn arrows_digits_and_escape_only_draft() {
    let mut cockpit = Cockpit::over(scenes::calm(), Role::Pilot);
    for (key, share) in [
        (Key::plain(Code::Right), 26),
        (Key::shift(Code::Right), 31),
        (Key::shift(Code::Left), 26),
        (Key::char('7'), 70),
        (Key::char('f'), 100),
        (Key::char('['), 50),
    ] {
        cockpit.key(key).await;
        cockpit.sees(&format!("draft {share}%")).await;
    }
    cockpit.key(Key::plain(Code::Esc)).await;
    cockpit.sees_no("◆ draft").await;
    cockpit.goes_home().await;
}

#[tokio::test]
async fn the_way_home_is_open_under_everything_that_can_be_opened() {
    let openers = ["?", ":", "T", "a", "t", "/", "m", "J", "w", "z", "?jjj", ":inject", "afixed the pods", "/gke"];
    for opener in openers {
        for home in [ROLLBACK, Key::ctrl('\\')] {
            let mut cockpit = Cockpit::over(scenes::rollback(), Role::Pilot);
            cockpit.types(opener).await;
            cockpit.key(home).await;
            assert_eq!(cockpit.asked().await, Command::Rollback { route: None, reason: None }, "after {opener}");
        }
    }
}

#[tokio::test]
async fn a_request_for_approval_does_not_stand_in_the_way_home() {
    let mut cockpit = Cockpit::over(scenes::approval(), Role::Pilot);
    cockpit.key(Key::char('v')).await;
    cockpit.sees("F9 still rolls back").await;
    cockpit.types("front").await;
    cockpit.goes_home().await;
}

#[tokio::test]
async fn a_reason_rearms_and_an_empty_one_does_nothing() {
    let mut cockpit = Cockpit::over(scenes::rollback(), Role::Pilot);
    cockpit.key(Key::char('a')).await;
    cockpit.sees("Why is it safe").await;
    cockpit.key(Key::plain(Code::Enter)).await;
    // The line stays open, so that what is typed next is not taken for keys.
    cockpit.sees("nothing was done").await;
    cockpit.types("pool was too small").await;
    cockpit.key(Key::plain(Code::Enter)).await;
    let rearm = Command::Rearm { route: scenes::id("frontend"), reason: Shown::new("pool was too small") };
    assert_eq!(cockpit.asked().await, rearm);
}

#[tokio::test]
async fn a_paste_never_acts_and_fills_only_a_line() {
    let mut cockpit = Cockpit::over(scenes::calm(), Role::Pilot);
    cockpit.does(Instant::now(), Input::Paste("]\r\u{1b}[20~c\r".to_owned()));
    cockpit.sees("pasted text does nothing here").await;
    cockpit.sees_no("◆ draft").await;
    cockpit.key(Key::char(':')).await;
    cockpit.sees("Commands").await;
    cockpit.does(Instant::now(), Input::Paste("rollback\r".to_owned()));
    cockpit.sees("> rollback").await;
    cockpit.key(Key::plain(Code::Esc)).await;
    cockpit.sees_no("Commands").await;
    cockpit.key(Key::char('p')).await;
    assert_eq!(cockpit.asked().await, Command::Hold { route: scenes::id("frontend") });
}

#[tokio::test]
async fn a_burst_that_no_hand_types_moves_nothing() {
    let mut cockpit = Cockpit::over(scenes::calm(), Role::Pilot);
    let at = Instant::now();
    // What a paste without brackets looks like: it drafts, and that is all that it may do.
    for key in ["]", "p", "c", "d", "a", "s", "C", "!", "]"].map(|text| Key::char(text.chars().next().unwrap())) {
        cockpit.does(at, Input::Key(key));
    }
    cockpit.does(at, Input::Key(Key::plain(Code::Enter)));
    cockpit.sees("came faster than a hand types").await;
    cockpit.key(Key::char('p')).await;
    assert_eq!(cockpit.asked().await, Command::Hold { route: scenes::id("frontend") });
}

#[tokio::test]
async fn the_way_home_goes_through_a_burst_and_through_a_standstill() {
    let mut cockpit = Cockpit::over(scenes::calm(), Role::Pilot);
    let long_ago = Instant::now().checked_sub(Duration::from_secs(90)).expect("this machine runs for longer");
    for key in ["]", "p", "c", "d", "a", "s", "C", "!", "]"].map(|text| Key::char(text.chars().next().unwrap())) {
        cockpit.does(long_ago, Input::Key(key));
    }
    for _ in 0..3 {
        cockpit.does(long_ago, Input::Key(ROLLBACK));
    }
    cockpit.does(long_ago, Input::Key(Key::char('p')));
    for _ in 0..3 {
        assert_eq!(cockpit.asked().await, Command::Rollback { route: None, reason: None });
    }
    cockpit.sees("waited too long to be meant for this screen").await;
    cockpit.key(Key::char('p')).await;
    assert_eq!(cockpit.asked().await, Command::Hold { route: scenes::id("frontend") });
}

#[tokio::test]
async fn the_way_home_is_asked_again_when_the_line_lost_it() {
    let mut cockpit = Cockpit::over(scenes::calm(), Role::Pilot);
    let since = Instant::now();
    let broken = Connection::Reconnecting { since, attempts: 1, why: Shown::new("the host closed the line"), listens: Listens::NotKnown };
    cockpit.key(ROLLBACK).await;
    assert_eq!(cockpit.asked().await, Command::Rollback { route: None, reason: None });
    cockpit.session.send_modify(|heard| *heard = Arc::new(Heard { connection: broken, ..Heard::clone(heard) }));
    cockpit.sees("THE HOST IS GONE").await;
    cockpit.replies.send(Reply::Lost { ask: AskId(1), why: Shown::new("the host closed the line") }).await.unwrap();
    cockpit.sees("F9 is kept and asked again").await;
    // The message goes after a while; that it is not asked yet, and for how long it will be, stays.
    cockpit.sees("Not asked yet; asked the moment the host is back, if that is within 1m").await;
    cockpit.sees("F9: roll back every route, asked at ").await;
    cockpit.session.send_modify(|heard| *heard = Arc::new(Heard { connection: Connection::Connected, ..Heard::clone(heard) }));
    assert_eq!(cockpit.asked().await, Command::Rollback { route: None, reason: None });
}

#[tokio::test]
async fn a_short_line_that_comes_at_once_is_a_paste_and_the_way_home_beside_it_is_not() {
    let mut cockpit = Cockpit::over(scenes::calm(), Role::Pilot);
    let at = Instant::now();
    for key in [Key::char('p'), Key::plain(Code::Enter), ROLLBACK] {
        cockpit.does(at, Input::Key(key));
    }
    assert_eq!(cockpit.asked().await, Command::Rollback { route: None, reason: None });
    cockpit.sees("came faster than a hand types").await;
    cockpit.key(Key::char('p')).await;
    assert_eq!(cockpit.asked().await, Command::Hold { route: scenes::id("frontend") });
}

#[tokio::test]
async fn the_keys_of_a_person_are_pressed_and_printed_everywhere() {
    let keys = Keymap::from_file("[keys]\nrollback = \"F12\"\nzoom = \"F9\"\nhold = \"y\"\n").expect("valid");
    let mut cockpit = Cockpit::with_keys(scenes::calm(), Role::Pilot, keys);
    cockpit.sees("F12 ROLL BACK").await;
    cockpit.sees_no("F9").await;
    cockpit.key(ROLLBACK).await;
    cockpit.sees_no("Automatic rollback").await;
    cockpit.key(ROLLBACK).await;
    cockpit.sees("Automatic rollback").await;
    cockpit.key(Key::char('p')).await;
    cockpit.key(Key::char('y')).await;
    assert_eq!(cockpit.asked().await, Command::Hold { route: scenes::id("frontend") });
    cockpit.key(Key::char(':')).await;
    cockpit.types("rollback").await;
    cockpit.sees("F12").await;
    cockpit.key(Key::plain(Code::F(12))).await;
    assert_eq!(cockpit.asked().await, Command::Rollback { route: None, reason: None });
}

#[tokio::test]
async fn an_insistent_hand_on_the_way_home_counts() {
    let mut cockpit = Cockpit::over(scenes::calm(), Role::Pilot);
    let at = Instant::now();
    for _ in 0..20 {
        cockpit.does(at, Input::Key(ROLLBACK));
    }
    assert_eq!(cockpit.asked().await, Command::Rollback { route: None, reason: None });
}

#[tokio::test]
async fn a_watchers_keys_ask_for_nothing() {
    let mut cockpit = Cockpit::over(scenes::calm(), Role::Watcher);
    for binding in TABLE.iter().filter(|binding| binding.action != cutover::tui::keymap::Action::Quit) {
        for key in binding.keys.iter() {
            cockpit.key(*key).await;
            cockpit.key(Key::plain(Code::Esc)).await;
            // Escape takes back the draft or screen that a key may have made.
        }
    }
    cockpit.key(Key::ctrl('c')).await;
    assert_eq!(timeout(PATIENCE, &mut cockpit.flight).await.expect("it leaves").unwrap().end, End::Quit);
    while let Some(sent) = cockpit.asks.recv().await {
        assert!(!matches!(sent, ToHost::Ask { .. }), "a watcher asked {sent:?}");
    }
}

#[tokio::test]
async fn a_theme_is_worn_while_it_is_chosen_and_put_back() {
    let cockpit = Cockpit::over(scenes::calm(), Role::Pilot);
    cockpit.sees("Traffic").await;
    let dark = cockpit.page.lock().unwrap().ground;
    cockpit.key(Key::char('T')).await;
    cockpit.sees("colorblind").await;
    cockpit.key(Key::plain(Code::Down)).await;
    cockpit.until("the next theme is never tried on", |page| page.ground != dark).await;
    cockpit.key(Key::plain(Code::Esc)).await;
    cockpit.until("the old theme never comes back", |page| page.ground == dark && !page.text.contains("colorblind")).await;
}

/// The row and column of the first cell of `words`.
fn place(page: &Arc<Mutex<Page>>, words: &str) -> (u16, u16) {
    let page = page.lock().unwrap();
    let found = page.text.lines().enumerate().find_map(|(row, line)| Some((line.split_once(words)?.0.chars().count() as u16, row as u16)));
    found.unwrap_or_else(|| panic!("{words:?} is not in\n{}", page.text))
}

#[tokio::test]
async fn the_mouse_drafts_focuses_and_presses_hints_but_fires_nothing() {
    let mut cockpit = Cockpit::over(scenes::calm(), Role::Pilot);
    cockpit.sees("Cloud Run").await;
    let bar = place(&cockpit.page, "█");
    cockpit.mouse(Gesture::Press, bar.0 + 45, bar.1);
    cockpit.mouse(Gesture::Release, bar.0 + 45, bar.1);
    cockpit.sees("◆ draft").await;
    let (column, row) = place(&cockpit.page, "Checklist");
    cockpit.mouse(Gesture::Press, column, row);
    cockpit.sees("┏ Checklist").await;
    let (column, row) = place(&cockpit.page, "? help");
    cockpit.mouse(Gesture::Press, column, row);
    cockpit.sees("Anywhere, while typing too").await;
    cockpit.mouse(Gesture::WheelDown, 60, 20);
    cockpit.sees_no("Anywhere, while typing too").await;
    cockpit.key(Key::plain(Code::Esc)).await;
    cockpit.sees("┏ Checklist").await;
    let (column, row) = place(&cockpit.page, "F9 ROLL BACK");
    cockpit.mouse(Gesture::Press, column + 2, row);
    cockpit.sees("F9 does this").await;
    cockpit.key(Key::char('p')).await;
    assert_eq!(cockpit.asked().await, Command::Hold { route: scenes::id("frontend") });
}

#[tokio::test]
async fn a_hundred_keys_at_once_are_a_frame_or_two() {
    let cockpit = Cockpit::over(scenes::calm(), Role::Pilot);
    cockpit.sees("settled").await;
    let before = cockpit.page.lock().unwrap().drawn;
    let at = Instant::now();
    // The loop gets its turn only after all of them: this runtime has one thread.
    for _ in 0..50 {
        cockpit.does(at, Input::Key(Key::plain(Code::Right)));
        cockpit.does(at, Input::Key(Key::plain(Code::Right)));
    }
    cockpit.sees("draft 100%").await;
    let frames = cockpit.page.lock().unwrap().drawn - before;
    assert!(frames <= 3, "{frames} frames");
}

#[tokio::test]
async fn data_is_drawn_at_most_ten_times_a_second_and_the_newest_wins() {
    let cockpit = Cockpit::over(scenes::calm(), Role::Pilot);
    cockpit.sees("settled").await;
    let (start, before) = (Instant::now(), cockpit.page.lock().unwrap().drawn);
    let mut state = scenes::calm();
    for number in 0..300 {
        state.seq = Seq(5_000 + number);
        state.now = state.now + Millis(20);
        cockpit.session.send_replace(heard(state.clone(), Role::Pilot));
        sleep(Duration::from_millis(2)).await;
    }
    cockpit.sees("entry 5299").await;
    let (drawn, tenths) = (cockpit.page.lock().unwrap().drawn - before, start.elapsed().as_millis() as u64 / 100);
    assert!(drawn <= tenths * 11 / 10 + 3, "{drawn} frames in {tenths} tenths of a second");
}

#[tokio::test]
async fn what_is_shown_grows_older_while_nothing_is_heard() {
    let cockpit = Cockpit::over(scenes::calm(), Role::Pilot);
    cockpit.sees("03:12:40Z").await;
    // Further than any session that speaks is silent.
    cockpit.sees("03:12:44Z").await;
}

#[tokio::test]
async fn the_command_by_hand_is_copied_also_when_the_host_is_gone() {
    let cockpit = Cockpit::over(scenes::stuck(), Role::Pilot);
    cockpit.sees("y copies it").await;
    cockpit.key(Key::char('y')).await;
    cockpit.sees("in your terminal's clipboard").await;
    let copied = cockpit.copied.lock().unwrap().clone();
    assert!(matches!(&copied[..], [command] if command.starts_with("gcloud compute url-maps export")), "{copied:?}");
}

#[tokio::test]
async fn a_line_that_proves_itself_and_one_that_nobody_signed_say_so_before_anything_is_typed() {
    let mut state = scenes::calm();
    let signed = state.checklist.values_mut().find(|known| known.signed_by.is_some()).expect("one is signed");
    (signed.signed_by, signed.status) = (None, cutover::core::state::ItemStatus::Open);
    let mut cockpit = Cockpit::over(state, Role::Pilot);
    cockpit.key(Key::char('s')).await;
    cockpit.sees("choose a line").await;
    for _ in 0..20 {
        cockpit.key(Key::char('s')).await;
        cockpit.key(Key::char('S')).await;
        cockpit.key(Key::plain(Code::Esc)).await;
        cockpit.key(Key::plain(Code::Down)).await;
    }
    cockpit.goes_home().await;
}

#[tokio::test]
async fn a_move_that_the_api_refuses_is_said_to_whoever_asked_for_it() {
    use cutover::core::{news::News, state::FeedLine};
    let cockpit = Cockpit::over(scenes::calm(), Role::Pilot);
    cockpit.sees("settled").await;
    let mut state = scenes::calm();
    state.seq = Seq(4_800);
    let why = cutover::domain::fault::Fault::new(cutover::domain::fault::FaultKind::Forbidden, "no permission");
    let news = News::NotMoved { route: scenes::id("frontend"), at: scenes::gke(25), why };
    state.feed.push_back(FeedLine { seq: Seq(4_800), at: scenes::NOW, who: None, news, repeats: None });
    cockpit.session.send_replace(heard(state, Role::Pilot));
    cockpit
        .until("the refusal is never said above the keys", |page| {
            page.text.lines().rev().take(3).any(|line| line.contains("no permission"))
        })
        .await;
}

#[tokio::test]
async fn a_draft_begins_where_the_session_stands_while_a_write_runs() {
    let mut state = scenes::calm();
    let route = state.routes.get_mut(&scenes::id("frontend")).expect("of the plan");
    route.wanted = Some(scenes::gke(50));
    let mut cockpit = Cockpit::over(state, Role::Pilot);
    cockpit.key(Key::plain(Code::Right)).await;
    cockpit.sees("draft 51%").await;
    cockpit.key(Key::plain(Code::Enter)).await;
    let shift = Command::Shift { route: scenes::id("frontend"), from: scenes::gke(50), to: scenes::gke(51) };
    assert_eq!(cockpit.asked().await, shift);
}

#[tokio::test]
async fn a_step_is_shown_first_and_enter_asks_for_just_what_was_shown() {
    let mut cockpit = Cockpit::over(crate::runbook::before(), Role::Pilot);
    // Without the focus nothing is asked: nobody acts on a step that he has not looked at.
    cockpit.key(Key::char('r')).await;
    cockpit.sees("choose a step of the runbook").await;
    cockpit.key(Key::char('r')).await;
    cockpit.sees("Run \"Backup before anything moves\"?").await;
    cockpit.key(Key::plain(Code::Esc)).await;
    cockpit.sees_no("Enter does just this").await;
    cockpit.key(Key::char('r')).await;
    cockpit.sees("Enter does just this").await;
    cockpit.key(Key::plain(Code::Enter)).await;
    let (step, version) = (scenes::id("backup"), Version(String::new()));
    assert_eq!(cockpit.asked().await, Command::Act { step, act: Act::Run, version, named: None });
}

#[tokio::test]
async fn the_runbook_fills_the_screen_and_its_cursor_chooses_what_is_copied_and_skipped() {
    let mut cockpit = Cockpit::over(crate::runbook::before(), Role::Pilot);
    cockpit.key(Key::char('R')).await;
    cockpit.sees("By the plan").await;
    cockpit.key(Key::char('b')).await;
    cockpit.sees("clipboard").await;
    assert_eq!(*cockpit.copied.lock().unwrap(), ["gcloud sql backups create --instance=hexproperty-prod --project=hexproperty"]);
    cockpit.key(Key::plain(Code::Down)).await;
    // What waits is refused with its reason, and asks nobody for anything.
    cockpit.key(Key::char('r')).await;
    cockpit.sees("first the plan needs \"Backup before anything moves\"").await;
    cockpit.key(Key::char('X')).await;
    cockpit.sees("Why is it not to be done?").await;
    cockpit.types("a zonal one is enough").await;
    cockpit.key(Key::plain(Code::Enter)).await;
    let skip = Command::Skip { step: scenes::id("standby"), reason: Shown::new("a zonal one is enough") };
    assert_eq!(cockpit.asked().await, skip);
    cockpit.key(Key::plain(Code::Esc)).await;
    cockpit.sees_no("By the plan").await;
    cockpit.goes_home().await;
}

#[tokio::test]
async fn a_draft_that_is_out_of_sight_is_not_asked_for() {
    let mut cockpit = Cockpit::over(crate::runbook::before(), Role::Pilot);
    cockpit.key(Key::char(']')).await;
    cockpit.sees("draft 50%").await;
    cockpit.key(Key::char('R')).await;
    cockpit.sees("By the plan").await;
    cockpit.key(Key::plain(Code::Enter)).await;
    cockpit.sees("Run \"Backup before anything moves\"?").await;
    cockpit.key(Key::plain(Code::Esc)).await;
    cockpit.sees_no("Enter does just this").await;
    cockpit.goes_home().await;
}

#[tokio::test]
async fn what_takes_something_away_is_asked_for_by_whoever_types_its_name() {
    let mut cockpit = Cockpit::over(crate::runbook::after(), Role::Pilot);
    cockpit.key(Key::char('R')).await;
    cockpit.sees("By the plan").await;
    cockpit.key(Key::plain(Code::End)).await;
    cockpit.key(Key::char('u')).await;
    cockpit.sees("Type hexproperty-gke:").await;
    cockpit.key(Key::plain(Code::Enter)).await;
    cockpit.sees("type hexproperty-gke if you mean it").await;
    // A word that proves that somebody has read is typed, not pasted.
    cockpit.does(Instant::now(), Input::Paste("hexproperty-gke".to_owned()));
    cockpit.sees("pasted text does nothing here").await;
    cockpit.types("hexproperty-gke").await;
    cockpit.key(Key::plain(Code::Enter)).await;
    let (step, version, named) = (scenes::id("replica"), Version("etag-3".to_owned()), Some(Shown::new("hexproperty-gke")));
    assert_eq!(cockpit.asked().await, Command::Act { step, act: Act::Undo, version, named });
}
