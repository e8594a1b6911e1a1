//! `cutover rollback [SESSION]`: everything home, with one command, from anywhere that can run one. `ssh host cutover rollback` is enough.
//!
//! It asks, waits until the request is recorded, then until home is accepted *and* requests meet it alone, and says each as it comes. What is
//! accepted and not seen is said so, and ends well only when the plan's time is over and nobody asks through the front door. A rollback
//! that doesn't come is shown with its reason and the command by hand. Where the host is gone, or goes meanwhile, it says what the journal knows, and gives the
//! command by hand. Leaving early changes nothing: the session drives it.

use std::{collections::BTreeMap, time::Duration};

use color_eyre::eyre::Result;
use tokio::time::{Instant, timeout_at};

use crate::{
    attach::{
        client::{Connection, Link, Reply, ToHost, View},
        sessions::Found,
    },
    cli::{
        Exit,
        place::{Meant, Place, Still, said},
        print,
    },
    core::{
        command::Command,
        decision::Verdict,
        home::{Home, home, is_home_now},
        reason::Obstacle,
        record::is_broken,
    },
    domain::{
        id::{AskId, RouteId},
        shown::Shown,
    },
    plan::model::{Plan, Route},
    words::{Names, absence, home_now, refusal as refusal_words},
};

/// Between two words on the same thing.
const SAY_EVERY: Duration = Duration::from_secs(10);
/// A line that broke is looked after this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A host that has said goodbye is gone within this time.
const ENDS_WITHIN: Duration = Duration::from_secs(8);
const SEE_STATUS: &str = "see `cutover status`";

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
    /// Seconds to wait until everybody is seen at home; the rollback goes on after that, too
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
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
    let found = match args.place.meant(args.session.as_deref())? {
        Meant::Running(found) => found,
        Meant::Absent(absent) => return Err(absent.tell(args.route.as_ref())),
    };
    let mut link = args.place.errand(&found).await?;
    let only = args.route.clone();
    let reason = Some(Shown::new(args.reason.as_deref().unwrap_or("asked for on the command line")));
    let command = Command::Rollback { route: args.route.clone(), reason };
    let ask = AskId(1);
    let key = Some(Shown::new("cutover rollback"));
    let deadline = Instant::now() + Duration::from_secs(args.wait);
    let hanging = || said("the host has not answered; the rollback may have been taken or not; see `cutover status`", Exit::Unsettled);
    if link.asks.send(ToHost::Ask { ask, key, command }).await.is_err() {
        return Err(hanging());
    }
    let recorded = match timeout_at(deadline, link.replies.recv()).await {
        Ok(Some(Reply::Answered { verdict, .. })) => {
            let view = link.view.borrow();
            let recorded = if is_broken(&view.state) { Recorded::No } else { Recorded::Yes };
            taken(&verdict, recorded, Names::of(&view.state))?;
            recorded
        }
        Ok(Some(Reply::NotSent { why, .. })) => {
            return Err(match args.place.still(&found)? {
                Still::Absent(absent) => absent.tell(only.as_ref()),
                Still::Running | Still::Over => said(format!("{why}; nothing was asked for; ask once more"), Exit::Unsettled),
            });
        }
        Ok(Some(Reply::Lost { why, .. })) => {
            print::err(&format!("the answer was lost ({why}); looking at what happens instead"));
            Recorded::Unknown
        }
        Ok(None) | Err(_) => return Err(hanging()),
    };
    Asked { place: args.place, found: *found, link, only, recorded, deadline }.arrive().await
}

/// Says that the request is on record, or why it is not.
fn taken(verdict: &Verdict, recorded: Recorded, names: Names<'_>) -> Result<(), Exit> {
    let told = |what: &str| match recorded {
        Recorded::Yes => print::out(&format!("recorded: {what}\n")),
        Recorded::No | Recorded::Unknown => print::out(&format!("taken, and on no record, for the record is broken: {what}\n")),
    };
    match verdict {
        Verdict::Accepted => told("going home"),
        Verdict::HomeAlready => told("a rollback has brought everything home already; nothing was written"),
        Verdict::Joined => told("joined to a rollback that runs already"),
        Verdict::Queued => told("queued"),
        Verdict::NeedsApproval { .. } => return Err(said("a rollback never needs an approval, yet the host asks for one", Exit::Failed)),
        Verdict::Refused(refusal) => return Err(said(refusal_words(refusal, names), Exit::Refused)),
    }
    Ok(())
}

/// What was said of a route last, and when.
struct LastLine {
    kind: std::mem::Discriminant<Home>,
    at: Instant,
}

/// A rollback that was asked for, and the line to the host that was asked.
struct Asked {
    place: Place,
    found: Found,
    link: Link,
    only: Option<RouteId>,
    recorded: Recorded,
    deadline: Instant,
}

/// What is known of the request.
#[derive(Clone, Copy)]
enum Recorded {
    Yes,
    /// It was taken, and the session has no record any more.
    No,
    /// The answer didn't come.
    Unknown,
}

impl Asked {
    /// Watches until every route that was meant is seen at home.
    async fn arrive(mut self) -> Result<Exit, Exit> {
        let mut told: BTreeMap<RouteId, LastLine> = BTreeMap::new();
        loop {
            let view = self.link.view.borrow_and_update().clone();
            let has_ended = matches!(view.connection, Connection::Closed { .. });
            if has_ended && is_broken(&view.state) && meant(&view, self.only.as_ref()).all(|(_, route)| is_home_now(&view.state, route)) {
                print::out("everything is home, and with that the host has ended, for its record is broken; see `cutover audit verify`\n");
                return Ok(Exit::Done);
            }
            if let Some(why) = cut_off(&view.connection) {
                self.look_for_the_host(&view, &why).await?;
            } else {
                let homes: Vec<Home> = meant(&view, self.only.as_ref()).map(|(_, route)| say(&view, route, &mut told)).collect();
                if homes.iter().any(is_stuck) {
                    return Err(said("the session can't bring it home by itself; its reason stands above", Exit::Unsettled));
                }
                if !homes.is_empty() && meant(&view, self.only.as_ref()).all(|(_, route)| is_home_now(&view.state, route)) {
                    print::out("everything is home; the routes stay latched until somebody re-arms them with a reason\n");
                    return Ok(Exit::Done);
                }
            }
            let next = self.deadline.min(Instant::now() + LOOK_EVERY);
            let is_closed = matches!(timeout_at(next, self.link.view.changed()).await, Ok(Err(_)));
            if is_closed || Instant::now() >= self.deadline {
                return Err(self.too_late().await);
            }
        }
    }

    /// The line broke or is silent. As long as the host is there, it may come back; else nobody goes on with what was asked.
    async fn look_for_the_host(&self, view: &View, why: &Shown) -> Result<(), Exit> {
        let asked = match self.recorded {
            Recorded::Yes => "the rollback is on record, and whoever takes the session up again goes on with it",
            Recorded::No => "the rollback was taken and is on no record; ask for it again when the session is taken up",
            Recorded::Unknown => "whether the rollback was recorded is not known; ask for it again when the session is taken up",
        };
        match self.what_became(&view.connection).await? {
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
            let became = self.place.still(&self.found)?;
            if !matches!(became, Still::Running) || Instant::now() >= until {
                return Ok(became);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The time that somebody wanted to wait is over.
    async fn too_late(&self) -> Exit {
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

/// Says where a route's users are, when that is news, and gives the command by hand with the first word that it is not home.
fn say(view: &View, route: &Route, told: &mut BTreeMap<RouteId, LastLine>) -> Home {
    let stands = home(&view.state, route);
    let kind = std::mem::discriminant(&stands);
    let known = told.get(&route.id);
    if known.is_none_or(|known| known.kind != kind || known.at.elapsed() >= SAY_EVERY) {
        let words = home_now(&stands, &view.state, route, view.state.now, Names::of(&view.state));
        print::out(&format!("{}: {words}\n", route.id));
        if matches!(stands, Home::NotHome { .. }) && known.is_none_or(|known| known.kind != kind) {
            by_hand(view, Some(&route.id));
        }
        told.insert(route.id.clone(), LastLine { kind, at: Instant::now() });
    }
    stands
}

/// Whether nothing that the session does by itself will bring it home.
fn is_stuck(stands: &Home) -> bool {
    match stands {
        Home::NotHome { why, .. } => match why {
            Obstacle::Hindered { .. } | Obstacle::MovedAway { .. } | Obstacle::Contended | Obstacle::RequestsDisagree { .. } => true,
            Obstacle::Underway
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
        print::out(&format!("{}\n  {}\n", absence::by_hand(&route.id, Some(view.me.world)), plan.home_by_hand(route)));
    }
}

/// The routes that were meant.
fn meant<'a>(view: &'a View, only: Option<&'a RouteId>) -> impl Iterator<Item = (&'a Plan, &'a Route)> {
    let plan = view.state.opened.as_ref().map(|opened| &*opened.plan);
    let all = plan.into_iter().flat_map(|plan| plan.routes.iter().map(move |route| (plan, route)));
    all.filter(move |(_, route)| only.is_none_or(|only| route.id == *only))
}
