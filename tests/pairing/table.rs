//! A table with several cockpits at one session: real loops of the cockpit, the real fold, and nothing in between but channels.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use cutover::{
    attach::{
        client::{Approving, Connection, Link, Reply, ToHost, View},
        protocol::{VERSION, Welcome},
    },
    core::event::{Asker, Event, WorldKind},
    domain::{id::ClientId, role::Role, time::Millis},
    door::OnRecord,
    tui::{
        app::{Appearance, Left, fly},
        input::{Arrived, Code, Input, Key},
        terminal::Size,
        theme::{Catalogue, Charset, Depth},
        view::Follow,
    },
};
use ratatui::buffer::Buffer;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use crate::{
    core_session::{Session, ana, ben, person},
    paper::{Paper, Silence},
};

/// Long enough for any machine; nothing waits for it unless it fails.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Seat {
    pub by: Asker,
    inputs: mpsc::Sender<Arrived>,
    view: watch::Sender<Arc<View>>,
    asks: mpsc::Receiver<ToHost>,
    replies: mpsc::Sender<Reply>,
    page: Arc<Mutex<String>>,
    task: JoinHandle<Left>,
    /// Everything that left this cockpit.
    pub sent: Vec<ToHost>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) const ANA: usize = 0;
pub(crate) const BEN: usize = 1;
pub(crate) const EVE: usize = 2;

pub(crate) const LARGE: Size = Size { columns: 120, rows: 40 };

pub(crate) struct Table {
    pub session: Session,
    pub seats: Vec<Seat>,
    hands_off: Duration,
}

impl Table {
    /// Ana at the controls, ben beside her, eve watching; `share` per mille on the target.
    pub(crate) async fn set(share: u16) -> Table {
        Table::set_with(share, Duration::ZERO).await
    }

    /// The same where a dialog that comes up by itself takes no key for so long.
    pub(crate) async fn set_with(share: u16, hands_off: Duration) -> Table {
        Table::set_before(share, hands_off, [LARGE; 3]).await
    }

    /// The same before terminals of such sizes.
    pub(crate) async fn set_before(share: u16, hands_off: Duration, sizes: [Size; 3]) -> Table {
        let session = Session::at(share);
        let mut table = Table { session, seats: Vec::new(), hands_off };
        let eve = person(3, "eve", Role::Watcher);
        table.session.step(Event::Joined { client: eve.client, who: eve.who.clone(), role: eve.role, terminal: None, credentials: None });
        for (by, size) in [ana(), ben(), eve].into_iter().zip(sizes) {
            let seat = table.seat(by, size);
            table.seats.push(seat);
        }
        table.publish();
        for seat in [ANA, BEN, EVE] {
            table.see(seat, "25%").await;
        }
        table
    }

    fn welcome(&self, by: &Asker) -> Welcome {
        let opened = self.session.state.opened.as_ref().expect("opened");
        Welcome {
            version: VERSION,
            session: opened.session.clone(),
            plan: opened.plan.name.clone(),
            world: WorldKind::Live,
            who: by.who.clone(),
            role: by.role,
            client: by.client,
            beat_every: Millis::from_secs(1),
        }
    }

    fn seat(&self, by: Asker, size: Size) -> Seat {
        let first = View {
            state: Arc::new(self.session.state.clone()),
            connection: Connection::Connected,
            me: self.welcome(&by),
            disagreements: 0,
            head: None,
        };
        let (view, views) = watch::channel(Arc::new(first));
        let (asks_in, asks) = mpsc::channel(64);
        let (replies, replies_out) = mpsc::channel(64);
        let (inputs, inputs_out) = mpsc::channel(256);
        let page = Arc::new(Mutex::new(String::new()));
        let themes = Catalogue::new(Depth::Truecolor, Charset::Unicode);
        let appearance = Appearance { follow: Follow::Yes, hands_off: self.hands_off, ..Appearance::plain(themes.clone(), themes.first()) };
        let link = Link { view: views, asks: asks_in, replies: replies_out, approving: Approving::Asked };
        let drawn = Arc::clone(&page);
        let mut paper = Paper {
            copied: Arc::default(),
            size,
            drawn: move |next: &Buffer| {
                let row = |row: ratatui::layout::Rect| row.positions().map(|at| next[at].symbol()).collect::<String>();
                *drawn.lock().unwrap() = next.area.rows().map(row).collect::<Vec<_>>().join("\n");
            },
        };
        let task = tokio::spawn(async move { fly(link, appearance, inputs_out, Silence, &mut paper).await });
        Seat { by, inputs, view, asks, replies, page, task, sent: Vec::new() }
    }

    /// Shows the state as it is to everybody whose line stands.
    pub(crate) fn publish(&mut self) {
        for index in 0..self.seats.len() {
            if self.seats[index].view.borrow().connection == Connection::Connected {
                self.connection(index, Connection::Connected);
            }
        }
    }

    /// Shows one cockpit the state over a line in this condition.
    pub(crate) fn connection(&mut self, seat: usize, connection: Connection) {
        let me = self.welcome(&self.seats[seat].by);
        let state = Arc::new(self.session.state.clone());
        self.seats[seat].view.send_replace(Arc::new(View { state, connection, me, disagreements: 0, head: None }));
    }

    /// The host knows this cockpit under another number now.
    pub(crate) fn renumber(&mut self, seat: usize, client: ClientId) {
        self.seats[seat].by.client = client;
    }

    /// Carries what left the cockpits to the session, and what came of it back.
    pub(crate) fn carry(&mut self) {
        let mut moved = false;
        for index in 0..self.seats.len() {
            while let Ok(sent) = self.seats[index].asks.try_recv() {
                moved = true;
                let by = self.seats[index].by.clone();
                self.seats[index].sent.push(sent.clone());
                match sent {
                    ToHost::Ask { ask, key, command } => {
                        let decision = self.session.step(Event::Asked { by, ask, key, command, credentials: None });
                        let verdict = decision.answer.expect("each question has an answer").verdict;
                        self.seats[index].replies.try_send(Reply::Answered { ask, verdict, on_record: OnRecord::Yes }).unwrap();
                    }
                    ToHost::Look { key, look } => {
                        self.session.step(Event::Looked { by, key, look });
                    }
                    ToHost::Resize(terminal) => {
                        self.session.step(Event::Resized { client: by.client, terminal });
                    }
                }
            }
        }
        if moved {
            self.publish();
        }
    }

    /// Something happens in the session by itself.
    pub(crate) fn happen(&mut self, happen: impl FnOnce(&mut Session)) {
        happen(&mut self.session);
        self.publish();
    }

    pub(crate) fn page(&self, seat: usize) -> String {
        self.seats[seat].page.lock().unwrap().clone()
    }

    async fn wait(&mut self, what: &str, seat: usize, done: impl Fn(&Table) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.carry();
            if done(self) {
                return;
            }
            assert!(Instant::now() < deadline, "{what}; the screen of {}:\n{}", self.seats[seat].by.who, self.page(seat));
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }

    /// Waits until `words` are on the screen.
    pub(crate) async fn see(&mut self, seat: usize, words: &str) {
        self.wait(&format!("{words:?} is not shown"), seat, |table| table.page(seat).contains(words)).await;
    }
    pub(crate) async fn not_see(&mut self, seat: usize, words: &str) {
        self.wait(&format!("{words:?} is still shown"), seat, |table| !table.page(seat).contains(words)).await;
    }
    /// Waits until the session has come to where `done` says.
    pub(crate) async fn until(&mut self, done: impl Fn(&Session) -> bool) {
        self.wait("it did not come to pass", ANA, |table| done(&table.session)).await;
    }

    pub(crate) async fn send(&mut self, seat: usize, input: Input) {
        // Slower than what the cockpit takes for a burst.
        tokio::time::sleep(Duration::from_millis(6)).await;
        self.seats[seat].inputs.send(Arrived { at: Instant::now(), input }).await.unwrap();
    }
    pub(crate) async fn key(&mut self, seat: usize, key: Key) {
        self.send(seat, Input::Key(key)).await;
    }
    pub(crate) async fn press(&mut self, seat: usize, code: Code) {
        self.key(seat, Key::plain(code)).await;
    }
    pub(crate) async fn keys(&mut self, seat: usize, text: &str) {
        for character in text.chars() {
            self.key(seat, Key::char(character)).await;
        }
    }
    /// Types a line and ends it.
    pub(crate) async fn enter(&mut self, seat: usize, text: &str) {
        self.keys(seat, text).await;
        self.press(seat, Code::Enter).await;
    }
}
