//! `cutover rollback [SESSION]`: everything home, with one command, from anywhere that can run one. `ssh host cutover rollback` is enough.
//!
//! It asks, waits until the request is recorded, then until home is accepted *and* requests meet it alone, and says each as it comes. What is
//! accepted and not seen is said so, and ends well only when the plan's time is over and nobody asks through the front door. A rollback
//! that doesn't come is shown with its reason and the command by hand. Where the host is gone, or goes meanwhile, it says what the journal knows, and gives the
//! command by hand. A host that does not answer may come back: the same is said at once, and it is waited for as long as `--wait` says. Between two
//! hosts the next one is waited for however little `--wait` says, for nobody else takes what is asked. Leaving early changes nothing: the session
//! drives it.

use std::{collections::BTreeMap, time::Duration};

use color_eyre::eyre::Result;
use tokio::time::{Instant, timeout, timeout_at};

use crate::{
    attach::{
        client::{ConnectError, Connection, Link, Reply, ToHost, View},
        peer,
        protocol::{Refused, Then},
        roster::Signs,
        sessions::Found,
    },
    cli::{
        Exit,
        absent::{Absent, Host},
        bounds, living,
        paths::Paths,
        place::{Meant, Place, Still, Unheard, said},
        print, reading, rostering,
        silence::ANSWERS_WITHIN,
    },
    core::{
        command::Command,
        decision::Verdict,
        home::{Home, home, is_home_now, wants_a_hand},
        reason::Obstacle,
        record::is_broken,
        state::State,
    },
    domain::{
        id::{AskId, RouteId, SessionId},
        shown::Shown,
    },
    door::OnRecord,
    plan::model::{Plan, Route},
    words::{HOME_ALREADY, Names, absence, home_now, off_record, refusal as refusal_words},
};

mod end;

use end::{failing_home, say_of_others};

/// Between two words on the same thing.
const SAY_EVERY: Duration = Duration::from_secs(10);
/// What is said of a rollback that waits for its host.
const NOT_YET_ASKED: &str = "nothing was asked for yet; it is tried again";
const LOOKED_AFTER: &str = "nobody watches over it, and nothing was done; for 3 s it is looked whether somebody starts another";
const NOT_TAKEN: &str = "the host has not taken it, and nothing was asked for; the commands above need no host";
/// A way home that stands still when it is asked for begins anew; so long is waited for that.
const STUCK_FOR: Duration = Duration::from_secs(3);
/// A line that broke is looked after this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A session that is full is asked again this often, and for so long before anything is said, whatever `--wait` says.
const ASKS_AGAIN: Duration = Duration::from_millis(100);
const FULL_PATIENCE: Duration = Duration::from_secs(2);
/// A host whose line broke while it was asked is seen to be gone, or answers again, within this time.
const GOES_WITHIN: Duration = Duration::from_secs(5);
/// A host that has said goodbye is gone within this time.
const ENDS_WITHIN: Duration = Duration::from_secs(8);
const KEPT_AWAY: &str = "it is kept from home, and its reason stands above; the session goes on trying by itself";
const SEE_STATUS: &str = "see `cutover status`";
/// A session tells something every second; when nothing came for so long its host is asked whether it answers.
const QUIET_FOR: Duration = Duration::from_secs(2);
const UNANSWERED: &str = "the host has not answered; the rollback may have been taken or not; see `cutover status`";

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The session; may be left out when only one runs
    session: Option<String>,
    /// Only this route
    #[arg(long)]
    route: Option<RouteId>,
    /// Why, for the journal
    #[arg(long)]
    reason: Option<String>,
    /// Seconds to wait until everybody is seen at home; the rollback goes on after that, too. With 0 it is asked for, and left once it is on
    /// record: exit 8, or 0 where everybody is seen at home already. A host that is just started again is waited for all the same
    #[arg(long, default_value = "300", value_name = "SECONDS", allow_negative_numbers = true, value_parser = bounds::wait_seconds)]
    wait: u64,
    #[command(flatten)]
    place: Place,
}

/// # Errors
/// None; what came of it is an exit code.
pub async fn run(args: Args) -> Result<Exit> {
    Ok(go_home(args).await.unwrap_or_else(|exit| exit))
}

async fn go_home(args: Args) -> Result<Exit, Exit> {
    let deadline = Instant::now() + Duration::from_secs(args.wait);
    let mut patience = Patience { deadline, until: None, told: None, meant: None, is_asker_looked_at: false };
    let ended = bring_home(&args, &mut patience).await;
    let Some(meant) = patience.meant.filter(|_| args.session.is_none()) else { return ended };
    match (ended, args.place.tells_of_others(&meant)) {
        // What was asked for is done, and it is not everything that whoever names no session means.
        (Ok(Exit::Done), true) => Ok(Exit::Unsettled),
        (ended, _) => ended,
    }
}

async fn bring_home(args: &Args, patience: &mut Patience) -> Result<Exit, Exit> {
    loop {
        let found = meant_in_time(args, patience).await?;
        let link = reach(args, &found, patience).await?;
        let silent = Silent { place: args.place.clone(), found: *found, only: args.route.clone() };
        if let Some(asked) = ask(args, silent, link, patience).await? {
            return asked.arrive().await;
        }
    }
}

/// Asks for it. `None` where the host went before it was known to have taken it, and a next one comes: a rollback that is asked for again joins the
/// one that runs.
async fn ask(args: &Args, silent: Silent, mut link: Link, patience: &mut Patience) -> Result<Option<Asked>, Exit> {
    let (only, deadline) = (args.route.clone(), patience.deadline);
    let reason = Some(Shown::new(args.reason.as_deref().unwrap_or("asked for on the command line")));
    let command = Command::Rollback { route: args.route.clone(), reason };
    let ask = AskId(1);
    let key = Some(Shown::new("cutover rollback"));
    if link.asks.send(ToHost::Ask { ask, key, command }).await.is_err() {
        return Err(said(UNANSWERED, Exit::Unsettled));
    }
    let mut answer = timeout(ANSWERS_WITHIN, link.replies.recv()).await;
    if answer.is_err() {
        silent.tell("the rollback was asked for, and is not known to be on record; if it comes back it takes it").await;
        answer = timeout_at(deadline, link.replies.recv()).await;
    }
    let recorded = match answer {
        Ok(Some(Reply::Answered { verdict, on_record, .. })) => {
            let view = link.view.borrow();
            let recorded = match on_record {
                OnRecord::Yes => Recorded::Yes,
                OnRecord::No => Recorded::No,
            };
            taken(&verdict, on_record, &view.state)?;
            recorded
        }
        Ok(Some(Reply::NotSent { why, .. })) => {
            return match silent.place.still(&silent.found)? {
                Still::Absent(absent) => patience.waits_for(&absent, NOT_YET_ASKED, args.route.as_ref()).map(|()| None),
                Still::Running | Still::Over => Err(said(format!("{why}; nothing was asked for; ask once more"), Exit::Unsettled)),
            };
        }
        Ok(Some(Reply::Lost { why, .. })) => match silent.place.still(&silent.found)? {
            Still::Absent(absent) if absent.next_within().is_some() => {
                let what = "whether it was asked for is not known; it is asked for again";
                return patience.waits_for(&absent, what, args.route.as_ref()).map(|()| None);
            }
            Still::Absent(_) | Still::Running | Still::Over => {
                print::err(&format!("the answer was lost ({why}); looking at what happens instead"));
                Recorded::Unknown
            }
        },
        Ok(None) => return Err(said(UNANSWERED, Exit::Unsettled)),
        Err(_) => return Err(said(UNANSWERED, Exit::Nobody)),
    };
    Ok(Some(Asked { host: silent, link, only, recorded, deadline, heard_at: Instant::now(), is_silent: false }))
}

/// Whom the host would not let in as he comes is told before he waits for it, and not by it. It may read another roster by then, so nothing is
/// refused here; nor is a disk waited for that does not answer.
async fn about_who_asks(args: &Args, absent: &Absent, patience: &mut Patience) {
    if std::mem::replace(&mut patience.is_asker_looked_at, true) {
        return;
    }
    let (journal, person) = (absent.journal.clone(), args.place.person.clone());
    let signs = if args.place.key.is_some() { Signs::Yes } else { Signs::No };
    let look = move || {
        let card = living::noted(&journal)?;
        let roster = rostering::read(card.roster.as_deref(), &Paths::find().ok()?).ok()?;
        roster.would_admit(peer::own_uid(), person.as_ref(), signs).err()
    };
    if let Some(Some(why)) = reading::read(look).await {
        print::err(&format!("note: its host will not take it from you as you ask now: {why}"));
    }
}

/// How long a host that can't be asked is waited for: as long as `--wait` says, and between two hosts until the next one is there, since nothing
/// but a request that was taken is driven by anybody.
struct Patience {
    deadline: Instant,
    /// When a next host should be there, where one comes; looked at anew when it is otherwise absent.
    until: Option<(Absence, Instant)>,
    /// What was said last of why it can't be asked.
    told: Option<Absence>,
    /// The session that is asked, once one is found.
    meant: Option<SessionId>,
    /// Whether whoever asks would be let in was looked at.
    is_asker_looked_at: bool,
}

/// Of what kind an absence is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Absence {
    /// Nobody is known to start another host.
    Gone,
    /// Its next host comes.
    Comes,
    Silent,
}

impl Patience {
    /// Says once why it can't be asked, with what needs no host, and whether it is waited for.
    /// # Errors
    /// It isn't, or not any longer.
    fn waits_for(&mut self, absent: &Absent, then: &str, only: Option<&RouteId>) -> Result<(), Exit> {
        let (kind, now) = (kind(absent), Instant::now());
        self.meant = Some(absent.session.clone());
        let until = match self.until {
            // The time that it was given runs; one that is to come later is given more.
            Some((known, until)) if known == kind && kind != Absence::Comes => Some(until),
            Some(_) | None => absent.next_within().map(|span| now + span),
        };
        self.until = until.map(|until| (kind, until));
        let waits = until.is_some_and(|until| now < until) || absent.may_come_back() && now < self.deadline;
        match (waits, self.told == Some(kind)) {
            (true, true) => Ok(()),
            (true, false) => {
                self.told = Some(kind);
                absent.tell_of(if kind == Absence::Gone { LOOKED_AFTER } else { then }, only);
                Ok(())
            }
            (false, false) => Err(absent.tell(only)),
            (false, true) => Err(said(NOT_TAKEN, Exit::Nobody)),
        }
    }

    /// When to look again.
    fn next(&self) -> Instant {
        let end = self.until.map_or(self.deadline, |(_, until)| until.max(self.deadline));
        end.min(Instant::now() + LOOK_EVERY)
    }
}

fn kind(absent: &Absent) -> Absence {
    match absent.host {
        Host::Gone if absent.may_come_back() => Absence::Comes,
        Host::Gone => Absence::Gone,
        Host::Silent(_) => Absence::Silent,
    }
}

/// The session that is meant; a host that is started again is waited for.
async fn meant_in_time(args: &Args, patience: &mut Patience) -> Result<Box<Found>, Exit> {
    loop {
        match args.place.meant(args.session.as_deref())? {
            Meant::Running(found) => {
                patience.meant = Some(found.card.session.clone());
                return Ok(found);
            }
            Meant::Absent(absent) => {
                about_who_asks(args, &absent, patience).await;
                patience.waits_for(&absent, NOT_YET_ASKED, args.route.as_ref())?;
            }
        }
        tokio::time::sleep_until(patience.next()).await;
    }
}

/// A line to the host, which is waited for where it does not answer.
async fn reach(args: &Args, found: &Found, patience: &mut Patience) -> Result<Link, Exit> {
    let (mut is_told, begun_at) = (false, Instant::now());
    loop {
        match args.place.errand(found).await {
            Ok(link) => return Ok(link),
            Err(Unheard::Absent(absent)) => {
                about_who_asks(args, &absent, patience).await;
                patience.waits_for(&absent, NOT_YET_ASKED, args.route.as_ref())?;
            }
            // Whoever is asked again soon finds a place when somebody leaves his.
            Err(Unheard::Kept(ConnectError::Refused(Refused { then: Then::ComeBack, .. }))) => {
                let is_over = Instant::now() + ASKS_AGAIN >= patience.deadline.max(begun_at + FULL_PATIENCE);
                if !is_told && (is_over || begun_at.elapsed() >= FULL_PATIENCE) {
                    let then = if args.wait == 0 { "nothing was asked for" } else { NOT_YET_ASKED };
                    Absent::full(found, &args.place).await.tell_of(then, args.route.as_ref());
                    is_told = true;
                }
                if is_over {
                    return Err(said(NOT_TAKEN, Exit::Nobody));
                }
                tokio::time::sleep(ASKS_AGAIN).await;
                continue;
            }
            // It went while it was asked; the next look tells what became of it, and whether another comes.
            Err(Unheard::Kept(ConnectError::Broken(_) | ConnectError::NoSnapshot)) if begun_at.elapsed() < GOES_WITHIN => {
                tokio::time::sleep(ASKS_AGAIN).await;
                continue;
            }
            Err(kept @ Unheard::Kept(_)) => return Err(kept.tell()),
        }
        tokio::time::sleep_until(patience.next()).await;
    }
}

/// The host that was asked, for when it does not answer any more.
struct Silent {
    place: Place,
    found: Found,
    only: Option<RouteId>,
}

impl Silent {
    /// Says that it does not answer, what is known, and what can be done without it. `what` became of what it was asked.
    async fn tell(&self, what: &str) -> Exit {
        Absent::silent(&self.found, &self.place).await.tell_of(what, self.only.as_ref())
    }
}

/// Says that the request is on record, or why it is not.
fn taken(verdict: &Verdict, on_record: OnRecord, state: &State) -> Result<(), Exit> {
    let told = |what: &str| match on_record {
        OnRecord::Yes => print::out(&format!("recorded: {what}\n")),
        OnRecord::No => print::out(&format!("taken, and {}: {what}\n", off_record(&state.record.keeping))),
    };
    match verdict {
        Verdict::Accepted => told("going home"),
        Verdict::HomeAlready => told(HOME_ALREADY),
        Verdict::Joined => told("joined to a rollback that runs already"),
        Verdict::Queued => told("queued"),
        Verdict::NeedsApproval { .. } => return Err(said("a rollback never needs an approval, yet the host asks for one", Exit::Failed)),
        Verdict::Refused(refusal) => return Err(said(refusal_words(refusal, Names::of(state)), Exit::Refused)),
    }
    Ok(())
}

/// What was said of a route last, and when.
struct LastLine {
    kind: std::mem::Discriminant<Home>,
    at: Instant,
    /// The command by hand stands above.
    by_hand: bool,
}

/// A rollback that was asked for, and the line to the host that was asked.
struct Asked {
    host: Silent,
    link: Link,
    only: Option<RouteId>,
    recorded: Recorded,
    deadline: Instant,
    /// When the host told or answered something last.
    heard_at: Instant,
    /// It was said that it does not answer.
    is_silent: bool,
}

/// What is known of the request.
#[derive(Clone, Copy)]
enum Recorded {
    Yes,
    /// It was taken, and the session has no record any more, or none that is known to be kept.
    No,
    /// The answer didn't come.
    Unknown,
}

impl Asked {
    /// What was to be brought home, as the beginning of a sentence.
    fn what(&self) -> String {
        self.only.as_ref().map_or_else(|| "everything is".to_owned(), |route| format!("{route} is"))
    }

    /// Watches until every route that was meant is seen at home.
    async fn arrive(mut self) -> Result<Exit, Exit> {
        let mut told: BTreeMap<RouteId, LastLine> = BTreeMap::new();
        let mut stuck_since = None;
        loop {
            let view = self.link.view.borrow_and_update().clone();
            let has_ended = matches!(view.connection, Connection::Closed { .. });
            if has_ended && is_broken(&view.state) && meant(&view, self.only.as_ref()).all(|(_, route)| is_home_now(&view.state, route)) {
                print::out(&format!(
                    "{} home, and with that the host has ended, for its record is broken; see `cutover audit verify`\n",
                    self.what()
                ));
                return Ok(Exit::Done);
            }
            if let Some(why) = cut_off(&view.connection) {
                self.look_for_the_host(&view, &why).await?;
            } else {
                let homes: Vec<Home> = meant(&view, self.only.as_ref()).map(|(_, route)| say(&view, route, &mut told)).collect();
                if !homes.iter().any(is_stuck) {
                    stuck_since = None;
                } else if stuck_since.get_or_insert_with(Instant::now).elapsed() >= STUCK_FOR {
                    let tries = meant(&view, self.only.as_ref()).any(|(_, route)| goes_on(&view.state, route));
                    return Err(match tries {
                        true => said(format!("{KEPT_AWAY}; {SEE_STATUS}"), Exit::Unsettled),
                        false => said("the session can't bring it home by itself; its reason stands above", Exit::Unsettled),
                    });
                }
                if !homes.is_empty() && meant(&view, self.only.as_ref()).all(|(_, route)| is_home_now(&view.state, route)) {
                    if let Some(fails) = failing_home(&view, self.only.as_ref()) {
                        return Err(said(fails, Exit::Unsettled));
                    }
                    let what = self.what();
                    print::out(&match (is_broken(&view.state), &self.only) {
                        (false, None) => format!("{what} home; the routes stay latched until somebody re-arms them with a reason\n"),
                        (false, Some(_)) => format!("{what} home; it stays latched until somebody re-arms it with a reason\n"),
                        (true, _) => {
                            format!("{what} home; with that the host ends, for its record is broken, and the next one holds every route\n")
                        }
                    });
                    say_of_others(&view, self.only.as_ref());
                    return Ok(Exit::Done);
                }
            }
            let next = self.deadline.min(Instant::now() + LOOK_EVERY);
            let is_closed = match timeout_at(next, self.link.view.changed()).await {
                Ok(Ok(())) => {
                    // That a line is silent or is dialled again is this process's own news.
                    if self.link.view.borrow().connection == Connection::Connected {
                        (self.heard_at, self.is_silent) = (Instant::now(), false);
                    }
                    false
                }
                Ok(Err(_)) => true,
                Err(_) => false,
            };
            if is_closed || Instant::now() >= self.deadline {
                return Err(self.too_late().await);
            }
            if self.heard_at.elapsed() >= QUIET_FOR {
                self.look_whether_it_answers().await?;
            }
        }
    }

    /// Nothing came for a while. A host that does not answer is said at once, and waited for.
    async fn look_whether_it_answers(&mut self) -> Result<(), Exit> {
        match self.host.place.glance(&self.host.found).await {
            Ok(_) | Err(Unheard::Kept(_)) => (self.heard_at, self.is_silent) = (Instant::now(), false),
            Err(Unheard::Absent(absent)) => match absent.host {
                Host::Gone if absent.may_come_back() => {}
                Host::Gone => return Err(absent.tell_of(&format!("nobody watches over it; {}", self.asked()), self.only.as_ref())),
                Host::Silent(_) if self.is_silent => {}
                Host::Silent(_) => {
                    absent.tell_of(self.asked(), self.only.as_ref());
                    self.is_silent = true;
                }
            },
        }
        Ok(())
    }

    /// What became of what was asked for.
    fn asked(&self) -> &'static str {
        match self.recorded {
            Recorded::Yes => "the rollback is on record, and whoever takes the session up again goes on with it",
            Recorded::No => "the rollback was taken and is on no record; ask for it again when the session is taken up",
            Recorded::Unknown => "whether the rollback was recorded is not known; ask for it again when the session is taken up",
        }
    }

    /// The line broke or is silent. As long as the host is there, it may come back; else nobody goes on with what was asked.
    async fn look_for_the_host(&mut self, view: &View, why: &Shown) -> Result<(), Exit> {
        let asked = self.asked();
        match self.what_became(&view.connection).await? {
            // Its line is dialled again by itself.
            Still::Absent(absent) if absent.may_come_back() && !matches!(view.connection, Connection::Closed { .. }) => {
                if !self.is_silent {
                    absent.tell_of(&format!("its next one is waited for; {asked}"), self.only.as_ref());
                    self.is_silent = true;
                }
                Ok(())
            }
            Still::Absent(absent) => Err(absent.tell_of(&format!("nobody watches over it; {asked}"), self.only.as_ref())),
            Still::Over => {
                by_hand(view, self.only.as_ref());
                Err(said(format!("the session is over ({why}); nobody brings it home any more"), Exit::Nobody))
            }
            Still::Running => match &view.connection {
                Connection::Closed { .. } => {
                    by_hand(view, self.only.as_ref());
                    Err(said(format!("the host has closed the line ({why}); {SEE_STATUS}"), Exit::Unsettled))
                }
                Connection::Connected | Connection::Silent { .. } | Connection::Reconnecting { .. } => Ok(()),
            },
        }
    }

    /// A host that has said goodbye may still be on its way out.
    async fn what_became(&self, connection: &Connection) -> Result<Still, Exit> {
        let until = match connection {
            Connection::Closed { .. } => Instant::now() + ENDS_WITHIN,
            Connection::Connected | Connection::Silent { .. } | Connection::Reconnecting { .. } => Instant::now(),
        };
        loop {
            let became = self.host.place.still(&self.host.found)?;
            if !matches!(became, Still::Running) || Instant::now() >= until {
                return Ok(became);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The time that somebody wanted to wait is over.
    async fn too_late(&mut self) -> Exit {
        if self.is_silent {
            return said(format!("the host still does not answer; {}", self.asked()), Exit::Nobody);
        }
        let view = self.link.view.borrow().clone();
        match cut_off(&view.connection) {
            None => said(format!("not everybody is seen at home yet; the session goes on with it; {SEE_STATUS}"), Exit::Unsettled),
            Some(why) => match self.look_for_the_host(&view, &why).await {
                Err(exit) => exit,
                Ok(()) => {
                    by_hand(&view, self.only.as_ref());
                    let what = "its process is there, and whether it goes on with the rollback is not known";
                    said(format!("the host does not answer ({why}); {what}; {SEE_STATUS}"), Exit::Unsettled)
                }
            },
        }
    }
}

/// Why what is shown is not how it is now.
fn cut_off(connection: &Connection) -> Option<Shown> {
    match connection {
        Connection::Connected => None,
        Connection::Silent { since } => Some(Shown::new(&format!("silent for {} s", since.elapsed().as_secs()))),
        Connection::Reconnecting { why, .. } | Connection::Closed { why } => Some(why.clone()),
    }
}

/// Says where a route's users are, when that is news, and gives the command by hand once something keeps them from home.
fn say(view: &View, route: &Route, told: &mut BTreeMap<RouteId, LastLine>) -> Home {
    let stands = home(&view.state, route);
    let kind = std::mem::discriminant(&stands);
    let known = told.get(&route.id);
    if known.is_none_or(|known| known.kind != kind || known.at.elapsed() >= SAY_EVERY) {
        let words = home_now(&stands, &view.state, route, view.state.now);
        print::out(&format!("{}: {words}\n", route.id));
        told.insert(route.id.clone(), LastLine { kind, at: Instant::now(), by_hand: known.is_some_and(|known| known.by_hand) });
    }
    if let Some(told) = told.get_mut(&route.id).filter(|told| !told.by_hand && wants_a_hand(&view.state, route)) {
        told.by_hand = true;
        by_hand(view, Some(&route.id));
    }
    stands
}

/// Whether the session goes on trying to bring it home.
fn goes_on(state: &State, route: &Route) -> bool {
    state.routes.get(&route.id).is_some_and(|known| known.motion.is_returning())
}

/// Whether something keeps it from home that a person has to see to.
fn is_stuck(stands: &Home) -> bool {
    match stands {
        Home::NotHome { why, .. } => match why {
            Obstacle::Hindered { .. } | Obstacle::MovedAway { .. } | Obstacle::Contended | Obstacle::RequestsDisagree { .. } => true,
            Obstacle::Underway
            | Obstacle::NoOutcome { .. }
            | Obstacle::NotSeenYet { .. }
            | Obstacle::WriteFailed { .. }
            | Obstacle::ChangedFirst { .. }
            | Obstacle::OutcomeUnknown { .. }
            | Obstacle::Unread { .. } => false,
        },
        Home::Unread | Home::Away { .. } | Home::Going { .. } | Home::Accepted { .. } | Home::Unasked { .. } | Home::Seen { .. } => false,
    }
}

fn by_hand(view: &View, only: Option<&RouteId>) {
    for (plan, route) in meant(view, only) {
        print::out(&format!(
            "{}\n  {}\n",
            absence::by_hand(&route.id, Some(view.me.world)),
            absence::command_home(plan, route, Some(view.me.world))
        ));
    }
}

/// The routes that were meant.
fn meant<'a>(view: &'a View, only: Option<&'a RouteId>) -> impl Iterator<Item = (&'a Plan, &'a Route)> {
    let plan = view.state.opened.as_ref().map(|opened| &*opened.plan);
    let all = plan.into_iter().flat_map(|plan| plan.routes.iter().map(move |route| (plan, route)));
    all.filter(move |(_, route)| only.is_none_or(|only| route.id == *only))
}
