//! `cutover run STEP`: runs a step of the plan, or takes it back, without a cockpit.
//!
//! It first shows what would change, as the cockpit's dialog does, and asks for nothing. `--seen` with the version that was shown, or `--yes`,
//! asks for just that: the session refuses what is not as it was seen any more. The controls are taken where they are free, and given up as soon
//! as the step has begun; while a second person is waited for they are kept, since what was asked for without them is void.

use std::time::Duration;

use color_eyre::eyre::Result;
use tokio::time::{Instant, timeout, timeout_at};

use crate::{
    attach::{
        client::{Connection, Link, Reply, ToHost, View},
        protocol::Wants,
    },
    cli::{
        Exit, bounds,
        place::{Place, said},
        print,
        silence::ANSWERS_WITHIN,
    },
    core::{
        command::{Command, ControlsCommand},
        decision::{Refusal, Verdict},
        news::News,
        outlook,
        runbook::{Acted, Doing, Ended, StepRefusal},
        state::{FeedLine, State},
    },
    domain::{
        by_hand::quoted,
        digest::Digest,
        fault::Version,
        id::{AskId, Seq, StepId},
        shown::Shown,
        standing::{Act, Change},
        suggest,
    },
    plan::model::{
        Plan,
        steps::{Consent, Step},
    },
    words::{Names, refusal as refusal_words, runbook as say, steps as words},
};

/// A session looks at each step within this time of its beginning.
const FIRST_LOOK_WITHIN: Duration = Duration::from_secs(15);
/// A second person has this long, and then somebody has to see it.
const SECOND_PERSON_WITHIN: Duration = Duration::from_secs(330);
const GOES_ON: &str = "the session goes on with it; see `cutover steps`";

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The step, by its name in the plan
    step: String,
    /// The session; may be left out when only one runs
    #[arg(long, value_name = "SESSION")]
    session: Option<String>,
    /// Take it back instead
    #[arg(long)]
    undo: bool,
    /// Do it, if it still has the version that was shown
    #[arg(long, value_name = "VERSION")]
    seen: Option<String>,
    /// Do it, whatever is there now
    #[arg(long, conflicts_with = "seen")]
    yes: bool,
    /// The name of the target, where it can't be taken back
    #[arg(long, value_name = "TARGET")]
    named: Option<String>,
    /// Seconds to wait for its end [default: as long as the plan has patience]; with 0 it is left once it has begun
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = bounds::wait_seconds)]
    wait: Option<u64>,
    #[command(flatten)]
    place: Place,
}

/// # Errors
/// None; what came of it is an exit code.
pub async fn run(args: Args) -> Result<Exit> {
    Ok(act(&args).await.unwrap_or_else(|exit| exit))
}

async fn act(args: &Args) -> Result<Exit, Exit> {
    let act = if args.undo { Act::Undo } else { Act::Run };
    let found = args.place.find(args.session.as_deref())?;
    let is_meant = args.yes || args.seen.is_some();
    if !is_meant {
        let seen = args.place.glance(&found).await.map_err(crate::cli::place::Unheard::tell)?;
        return show(args, act, &seen.state);
    }
    let link = args.place.attach(&found, Wants::Cockpit, None).await?;
    let mut line = Line { link, asks: 0, holds: false };
    let step = line.looked_at(args).await?;
    let state = std::sync::Arc::clone(&line.view().state);
    let version = match &args.seen {
        Some(seen) => Version(seen.clone()),
        None => seen_version(&state, &step.id),
    };
    let changes = match outlook::may_act(&state, &step.id, act, &version) {
        Ok((_, changes)) => changes,
        Err(why) => return Err(refused(&why, &state)),
    };
    print::out(&terms(&step, act, &changes, &state));
    line.take_controls().await?;
    let before = state.steps.get(&step.id).and_then(|known| known.last.clone());
    let named = args.named.as_deref().map(Shown::new);
    let verdict = line.ask(Command::Act { step: step.id.clone(), act, version, named }).await?;
    let deadline = Instant::now() + args.wait.map_or(Duration::from_millis(step.patience.0), Duration::from_secs);
    let asked = Asked { line, step, before, told: state.seq };
    match verdict {
        Verdict::Refused(why) => {
            let exit = refused(&why, &asked.line.view().state);
            asked.line.leave().await;
            Err(exit)
        }
        Verdict::NeedsApproval { digest } => asked.approved(digest, deadline, args.wait).await,
        Verdict::Accepted | Verdict::Queued | Verdict::HomeAlready | Verdict::Joined => asked.follow(deadline).await,
    }
}

/// What would happen, and the command that does it. Asks for nothing.
fn show(args: &Args, act: Act, state: &State) -> Result<Exit, Exit> {
    let step = planned(args, state)?;
    let version = seen_version(state, &step.id);
    let (consent, changes) = match outlook::may_act(state, &step.id, act, &version) {
        Ok(may) => may,
        Err(why) => return Err(refused(&why, state)),
    };
    print::out(&terms(&step, act, &changes, state));
    if consent == Consent::SecondPerson {
        print::out("a second person has to approve it\n");
    }
    let undo = if act == Act::Undo { " --undo" } else { "" };
    let named = if step.is_final(act) { format!(" --named {}", quoted(step.desired.target())) } else { String::new() };
    let session = args.session.as_ref().map_or_else(String::new, |session| format!(" --session {}", quoted(session)));
    print::out(&format!(
        "nothing was asked for; this does it, as long as it is what stands above:\n  cutover run {}{undo}{session}{named} --seen {}\n",
        step.id,
        quoted(&version.0)
    ));
    Ok(Exit::Done)
}

fn planned(args: &Args, state: &State) -> Result<Step, Exit> {
    let plan: Option<&Plan> = state.opened.as_ref().map(|opened| &*opened.plan);
    let found = plan.and_then(|plan| plan.steps().find(|step| step.id.as_str() == args.step));
    found.cloned().ok_or_else(|| {
        let names: Vec<&str> = plan.into_iter().flat_map(Plan::steps).map(|step| step.id.as_str()).collect();
        let near = suggest::closest(&args.step, names.iter().copied()).map_or_else(String::new, |near| format!("; did you mean {near}?"));
        let there = if names.is_empty() { "it has no steps".to_owned() } else { format!("there is: {}", names.join(", ")) };
        said(format!("the plan has no step {}{near} ({there}); nothing was asked for", args.step), Exit::Usage)
    })
}

fn seen_version(state: &State, step: &StepId) -> Version {
    let seen = state.steps.get(step).and_then(|known| known.seen.as_ref());
    seen.and_then(|seen| seen.standing.version()).cloned().unwrap_or_else(|| Version(String::new()))
}

/// Says why it is not done. What is so already is as well as done.
fn refused(why: &Refusal, state: &State) -> Exit {
    let is_so = matches!(why, Refusal::Step(why) if matches!(**why, StepRefusal::Reached | StepRefusal::NotReached));
    let unnamed = matches!(why, Refusal::Step(why) if matches!(**why, StepRefusal::NotNamed { .. }));
    let named = if unnamed { "; say it with --named" } else { "" };
    said(format!("{}{named}", refusal_words(why, Names::of(state))), if is_so { Exit::Done } else { Exit::Refused })
}

/// The same that the cockpit's dialog says.
fn terms(step: &Step, act: Act, changes: &[Change], state: &State) -> String {
    let mut lines = vec![format!("{} \"{}\" of {}", words::act(act), step.title, step.desired.target())];
    let verb = if act == Act::Undo { "undoes " } else { "wants  " };
    lines.push(format!("  {verb}  {}", words::desired(&step.desired)));
    lines.extend(changes.iter().map(|change| format!("  changes  {}", words::change(change))));
    let expected = step.expected.filter(|_| act == Act::Run).map_or_else(String::new, |span| format!("about {span}; "));
    lines.push(format!("  time     {expected}people are told when it is under way for {}", step.patience));
    match act {
        Act::Run => lines.push(format!("  undo     {}", say::undoing(step.desired.undoing()))),
        Act::Undo if step.is_final(act) => lines.push(format!("  beware   {}", say::undoing(step.desired.undoing()))),
        Act::Undo => {}
    }
    let by_hand = say::by_hand(state, step, act);
    lines.extend(by_hand.map(|command| format!("  by hand  {command}")));
    lines.join("\n") + "\n"
}

/// The line to the host, and what was asked on it.
struct Line {
    link: Link,
    asks: u64,
    /// Whether this command has taken the controls, and so gives them up.
    holds: bool,
}

impl Line {
    fn view(&self) -> std::sync::Arc<View> {
        self.link.view.borrow().clone()
    }

    /// The step, once the session has looked at it; a session that has just begun takes a moment.
    async fn looked_at(&mut self, args: &Args) -> Result<Step, Exit> {
        let until = Instant::now() + FIRST_LOOK_WITHIN;
        loop {
            let view = self.link.view.borrow_and_update().clone();
            let step = planned(args, &view.state)?;
            let is_seen = view.state.steps.get(&step.id).is_some_and(|known| known.seen.is_some());
            // One that was not looked at is refused with its reason.
            if is_seen || !matches!(timeout_at(until, self.link.view.changed()).await, Ok(Ok(()))) {
                return Ok(step);
            }
        }
    }

    /// Takes the controls where they are free; whoever has them keeps them.
    async fn take_controls(&mut self) -> Result<(), Exit> {
        let view = self.view();
        match outlook::has_controls(&view.state, Some(view.me.client)) {
            Ok(()) => return Ok(()),
            Err(Refusal::ControlsFree) => {}
            Err(why) => {
                let told = refusal_words(&why, Names::of(&view.state));
                return Err(said(format!("{told}; nothing was asked for"), Exit::Refused));
            }
        }
        match self.ask(Command::Controls(ControlsCommand::Take)).await? {
            Verdict::Refused(why) => Err(said(refusal_words(&why, Names::of(&self.view().state)), Exit::Refused)),
            Verdict::Accepted | Verdict::Queued | Verdict::HomeAlready | Verdict::Joined | Verdict::NeedsApproval { .. } => {
                self.holds = true;
                Ok(())
            }
        }
    }

    async fn ask(&mut self, command: Command) -> Result<Verdict, Exit> {
        self.asks += 1;
        let wanted = AskId(self.asks);
        let question = ToHost::Ask { ask: wanted, key: Some(Shown::new("cutover run")), command };
        let unanswered = || said("the host has not answered; it may have been taken or not; see `cutover steps`", Exit::Unsettled);
        if self.link.asks.send(question).await.is_err() {
            return Err(unanswered());
        }
        loop {
            match timeout(ANSWERS_WITHIN, self.link.replies.recv()).await {
                Ok(Some(Reply::Answered { ask, verdict, .. })) if ask == wanted => return Ok(verdict),
                Ok(Some(Reply::NotSent { ask, why })) if ask == wanted => {
                    return Err(said(format!("{why}; nothing was asked for"), Exit::Unsettled));
                }
                Ok(Some(Reply::Lost { ask, .. })) if ask == wanted => return Err(unanswered()),
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return Err(unanswered()),
            }
        }
    }

    /// Gives the controls up, where this command took them. They are freed by leaving too, so nobody waits for the answer in vain.
    async fn give_up(&mut self) {
        if std::mem::take(&mut self.holds) {
            let _ = self.ask(Command::Controls(ControlsCommand::GiveUp)).await;
        }
    }

    async fn leave(mut self) {
        self.give_up().await;
    }
}

/// A step that was asked for.
struct Asked {
    line: Line,
    step: Step,
    /// Its newest act before that.
    before: Option<Acted>,
    /// What was told up to this entry was said, or is older than the question.
    told: Seq,
}

/// How far a step is that was asked for.
enum Course {
    Goes,
    Over(Exit),
}

impl Asked {
    /// Keeps the controls until a second person has answered.
    async fn approved(mut self, digest: Digest, deadline: Instant, wait: Option<u64>) -> Result<Exit, Exit> {
        print::out("a second person is asked; this waits, since the request is void without whoever asked\n");
        let until = if wait.is_some() { deadline } else { Instant::now() + SECOND_PERSON_WITHIN };
        loop {
            let Some(view) = self.next_view(until).await? else {
                return Err(said("nobody has approved it in this time, and with this command the request ends", Exit::Unsettled));
            };
            self.say(&view.state);
            // The answer may come before the state in which the request stands.
            if !view.state.ended.iter().any(|ended| ended.digest == digest) {
                continue;
            }
            let is_begun = self.is_begun(&view.state);
            self.line.give_up().await;
            if !is_begun {
                return Err(Exit::Refused);
            }
            let patience = Instant::now() + Duration::from_millis(self.step.patience.0);
            return self.follow(if wait.is_some() { deadline } else { patience }).await;
        }
    }

    /// Whether it has begun since it was asked for.
    fn is_begun(&self, state: &State) -> bool {
        let known = state.steps.get(&self.step.id);
        known.is_some_and(|known| known.doing != Doing::Nothing || known.last != self.before)
    }

    /// Follows it to its end.
    async fn follow(mut self, deadline: Instant) -> Result<Exit, Exit> {
        self.line.give_up().await;
        loop {
            let view = self.line.link.view.borrow_and_update().clone();
            self.say(&view.state);
            if let Course::Over(exit) = self.course(&view.state) {
                return Ok(exit);
            }
            if self.next_view(deadline).await?.is_none() {
                return Err(said(format!("it has not ended yet; {GOES_ON}"), Exit::Unsettled));
            }
        }
    }

    /// The next thing that the session tells; nothing once the time is over.
    async fn next_view(&mut self, until: Instant) -> Result<Option<std::sync::Arc<View>>, Exit> {
        match timeout_at(until, self.line.link.view.changed()).await {
            Err(_) => Ok(None),
            Ok(Err(_)) => Err(said(format!("the line to the host has ended; {GOES_ON}"), Exit::Unsettled)),
            Ok(Ok(())) => {
                let view = self.line.link.view.borrow_and_update().clone();
                match &view.connection {
                    Connection::Closed { why } => Err(said(format!("the host has closed the line ({why}); {GOES_ON}"), Exit::Unsettled)),
                    Connection::Connected | Connection::Silent { .. } | Connection::Reconnecting { .. } => Ok(Some(view)),
                }
            }
        }
    }

    /// Says what is new of this step, and of a request for it.
    fn say(&mut self, state: &State) {
        let names = Names::of(state);
        let told = self.told;
        let is_own = |news: &News| matches!(news, News::Step { step, .. } if *step == self.step.id);
        let ends_request = |news: &News| {
            matches!(news, News::Denied { .. } | News::Withdrawn { .. } | News::ApprovedNotStarted { .. } | News::RequestVoid { .. })
        };
        let is_about = |line: &&FeedLine| is_own(&line.news) || ends_request(&line.news);
        for line in state.feed.iter().filter(|line| line.seq > told).filter(is_about) {
            print::out(&format!("{}\n", crate::words::news(&line.news, names)));
        }
        self.told = state.seq;
    }

    fn course(&self, state: &State) -> Course {
        let Some(known) = state.steps.get(&self.step.id) else { return Course::Goes };
        if known.doing != Doing::Nothing || known.last == self.before {
            return Course::Goes;
        }
        match known.last.as_ref().map(|last| &last.how) {
            Some(Ended::Done) => Course::Over(Exit::Done),
            Some(Ended::NotDone(_)) => Course::Over(Exit::Failed),
            Some(Ended::DidNotHappen) | None => Course::Over(Exit::Unsettled),
        }
    }
}
