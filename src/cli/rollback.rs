//! `cutover rollback [SESSION]`: everything home, with one command, from anywhere that can run one. `ssh host cutover rollback` is enough.
//!
//! It asks, waits until the request is recorded, then until home is accepted *and* requests meet it alone, and says each as it comes. What is
//! accepted and not seen is said so, and ends well only when the plan's time is over and nobody asks through the front door. A rollback
//! that doesn't come is shown with its reason and the command by hand. Where the host is gone, it says what the journal knows, and gives the
//! command by hand. Leaving early changes nothing: the session drives it.

use std::{collections::BTreeMap, time::Duration};

use color_eyre::eyre::Result;
use tokio::time::{Instant, timeout_at};

use crate::{
    attach::client::{Connection, Link, Reply, ToHost, View},
    cli::{
        Exit,
        place::{Meant, Place, said},
        print,
    },
    core::{
        command::Command,
        decision::Verdict,
        home::{Home, home},
        reason::Obstacle,
    },
    domain::{
        id::{AskId, RouteId},
        shown::Shown,
    },
    plan::model::{Plan, Route},
    words::{Names, absence, home as home_words, refusal as refusal_words},
};

/// Between two words on the same thing.
const SAY_EVERY: Duration = Duration::from_secs(10);

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
    let reason = Some(Shown::new(args.reason.as_deref().unwrap_or("asked for on the command line")));
    let command = Command::Rollback { route: args.route.clone(), reason };
    let ask = AskId(1);
    let key = Some(Shown::new("cutover rollback"));
    let deadline = Instant::now() + Duration::from_secs(args.wait);
    let hanging = || said("the host has not answered; the rollback may have been taken or not; see `cutover status`", Exit::Unsettled);
    if link.asks.send(ToHost::Ask { ask, key, command }).await.is_err() {
        return Err(hanging());
    }
    match timeout_at(deadline, link.replies.recv()).await {
        Ok(Some(Reply::Answered { verdict, .. })) => taken(&verdict, Names::of(&link.view.borrow().state))?,
        Ok(Some(Reply::NotSent { why, .. })) => print::err(&format!("{why}; nothing was sent yet")),
        Ok(Some(Reply::Lost { why, .. })) => print::err(&format!("the answer was lost ({why}); looking at what happens instead")),
        Ok(None) | Err(_) => return Err(hanging()),
    }
    arrive(&mut link, args.route.as_ref(), deadline).await
}

/// Says that the request is on record, or why it is not.
fn taken(verdict: &Verdict, names: Names<'_>) -> Result<(), Exit> {
    match verdict {
        Verdict::Accepted => print::out("recorded: going home\n"),
        Verdict::HomeAlready => print::out("recorded: a rollback has brought everything home already; nothing was written\n"),
        Verdict::Joined => print::out("recorded: joined to a rollback that runs already\n"),
        Verdict::Queued => print::out("recorded: queued\n"),
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

/// Watches until every route that was meant is seen at home.
async fn arrive(link: &mut Link, only: Option<&RouteId>, deadline: Instant) -> Result<Exit, Exit> {
    let mut told: BTreeMap<RouteId, LastLine> = BTreeMap::new();
    loop {
        let view = link.view.borrow_and_update().clone();
        if let Connection::Closed { why } = &view.connection {
            by_hand(&view, only);
            return Err(said(format!("the host is gone ({why}); what was recorded goes on when it comes back"), Exit::Unsettled));
        }
        let homes: Vec<Home> = meant(&view, only).map(|(_, route)| say(&view, route, &mut told)).collect();
        if homes.iter().any(is_stuck) {
            return Err(said("the session can't bring it home by itself; its reason stands above", Exit::Unsettled));
        }
        if !homes.is_empty() && homes.iter().all(Home::is_reached) {
            print::out("everything is home; the routes stay latched until somebody re-arms them with a reason\n");
            return Ok(Exit::Done);
        }
        if !matches!(timeout_at(deadline.min(Instant::now() + SAY_EVERY), link.view.changed()).await, Ok(Err(_)))
            && Instant::now() < deadline
        {
            continue;
        }
        return Err(said("not everybody is seen at home yet; the session goes on with it; see `cutover status`", Exit::Unsettled));
    }
}

/// Says where a route's users are, when that is news, and gives the command by hand with the first word that it is not home.
fn say(view: &View, route: &Route, told: &mut BTreeMap<RouteId, LastLine>) -> Home {
    let stands = home(&view.state, route);
    let kind = std::mem::discriminant(&stands);
    let known = told.get(&route.id);
    if known.is_none_or(|known| known.kind != kind || known.at.elapsed() >= SAY_EVERY) {
        let words = home_words(&stands, route, view.state.now, Names::of(&view.state));
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
            Obstacle::Underway | Obstacle::WriteFailed { .. } | Obstacle::OutcomeUnknown { .. } | Obstacle::Unread { .. } => false,
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
