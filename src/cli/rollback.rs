//! `cutover rollback [SESSION]`: everything home, with one command, from anywhere that can run one. `ssh host cutover rollback` is enough.
//!
//! It asks, waits until the wish is recorded, then until the API has said that everything is home, and says each as it comes. Leaving
//! early changes nothing: what was accepted is driven by the session.

use std::{collections::BTreeMap, time::Duration};

use color_eyre::eyre::Result;
use tokio::time::{Instant, timeout_at};

use crate::{
    attach::{
        client::{Connection, Link, Reply, ToHost, View},
        protocol::Wants,
    },
    cli::{
        Exit,
        place::{Place, said},
        print,
    },
    core::{command::Command, decision::Verdict, state::Motion},
    domain::{
        id::{AskId, RouteId},
        shown::Shown,
        weight::Weights,
    },
    words::{Names, motion, need, refusal as refusal_words},
};

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
    /// Seconds to wait until the API has taken everything home; the rollback goes on after that, too
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
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
    let found = args.place.find(args.session.as_deref())?;
    let mut link = args.place.attach(&found, Wants::Cockpit, None).await?;
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
        Ok(Some(Reply::Lost { why, .. })) => print::err(&format!("the answer was lost ({why}); looking at what happens instead")),
        Ok(None) | Err(_) => return Err(hanging()),
    }
    arrive(&mut link, args.route.as_ref(), deadline).await
}

/// Says that the wish is on record, or why it is not.
fn taken(verdict: &Verdict, names: Names<'_>) -> Result<(), Exit> {
    match verdict {
        Verdict::Accepted => print::out("recorded: going home\n"),
        Verdict::Joined => print::out("recorded: joined to a rollback that runs already, or has just ended\n"),
        Verdict::Queued => print::out("recorded: queued\n"),
        Verdict::NeedsApproval { .. } => return Err(said("a rollback never needs an approval, yet the host asks for one", Exit::Failed)),
        Verdict::Refused(refusal) => return Err(said(refusal_words(refusal, names), Exit::Refused)),
    }
    Ok(())
}

/// Watches until every route that was meant stands at home.
async fn arrive(link: &mut Link, route: Option<&RouteId>, deadline: Instant) -> Result<Exit, Exit> {
    let mut told: BTreeMap<RouteId, String> = BTreeMap::new();
    loop {
        let view = link.view.borrow_and_update().clone();
        if let Connection::Closed { why } = &view.connection {
            return Err(said(format!("the host is gone ({why}); what was recorded goes on when it comes back"), Exit::Unsettled));
        }
        let routes = meant(&view, route);
        for (id, _) in &routes {
            let now = progress(&view, id);
            if told.get(id) != Some(&now) {
                print::out(&format!("{id}: {now}\n"));
                told.insert(id.clone(), now);
            }
        }
        let stands = |id: &RouteId| view.state.routes.get(id);
        if routes.iter().any(|(id, _)| stands(id).is_some_and(|route| matches!(route.motion, Motion::NeedsHuman { .. }))) {
            return Err(said("the session can't bring it home by itself; its reason stands above; use the second lever", Exit::Unsettled));
        }
        let is_home = |id: &RouteId, home: &Weights| {
            stands(id).is_some_and(|route| !route.motion.is_returning() && route.accepted.as_ref().is_some_and(|now| now.weights == *home))
        };
        if routes.iter().all(|(id, home)| is_home(id, home)) {
            print::out("everything is home; the routes stay latched until somebody re-arms them with a reason\n");
            return Ok(Exit::Done);
        }
        if !matches!(timeout_at(deadline, link.view.changed()).await, Ok(Ok(()))) {
            return Err(said("not everything is home yet; the session goes on with it; see `cutover status`", Exit::Unsettled));
        }
    }
}

/// The routes that were meant, with their homes.
fn meant(view: &View, only: Option<&RouteId>) -> Vec<(RouteId, Weights)> {
    let plan = view.state.opened.as_ref().map(|opened| &opened.plan);
    let routes = plan.into_iter().flat_map(|plan| &plan.routes).filter(|route| only.is_none_or(|only| route.id == *only));
    routes.map(|route| (route.id.clone(), Weights::all_on(&route.home, route.backend_ids()))).collect()
}

fn progress(view: &View, id: &RouteId) -> String {
    let Some(route) = view.state.routes.get(id) else { return "not read yet".to_owned() };
    let accepted = route.accepted.as_ref().map_or("unknown".to_owned(), |accepted| accepted.weights.to_string());
    match &route.motion {
        Motion::NeedsHuman { why, .. } => format!("{accepted}, needs a human: {}", need(why)),
        other => format!("{accepted}, {}", motion(other, view.state.now)),
    }
}
