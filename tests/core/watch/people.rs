//! People: who steers, who approves, and that each question has one answer (I6, I9, I13).

use std::collections::{BTreeMap, BTreeSet};

use cutover::core::state::ShiftTerms;
use cutover::domain::digest::Digest;
use cutover::{
    core::{
        command::{Command, ControlsCommand},
        decision::{Effect, Refusal, Verdict},
        event::{Asker, Event, Roster},
        state::Holder,
    },
    domain::{
        id::{AskId, ClientId, OperatorId},
        role::Role,
        time::{Millis, Timestamp},
    },
};

use super::{Check, Seen, require};

const HOLD_LASTS: Millis = Millis::from_secs(15);
const APPROVAL_LASTS: Millis = Millis::from_mins(5);

#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    answered: BTreeSet<(ClientId, AskId)>,
    /// Digests with the words that they stand for; equal words have equal digests and different words different ones.
    digests: BTreeMap<Digest, String>,
    beats: BTreeMap<ClientId, Timestamp>,
    roster: Option<Roster>,
    /// Whose entry in the roster is another one since a request was opened.
    changed: BTreeMap<Digest, BTreeSet<OperatorId>>,
}

impl Ledger {
    pub(super) fn look(&mut self, seen: &Seen) -> Check {
        self.answers_once(seen)?;
        if let Event::Roster(roster) = &seen.entry.event {
            self.rostered(seen, roster);
        }
        if let Event::Asked { by, command, .. } = &seen.entry.event
            && let Some(answer) = &seen.decision.answer
        {
            role_allows(seen, by, command, &answer.verdict)?;
            self.second_person(seen, by, command, &answer.verdict)?;
        }
        self.controls(seen)?;
        self.open_requests(seen)
    }

    /// I13: exactly one answer to a question, and none to anything else.
    fn answers_once(&mut self, seen: &Seen) -> Check {
        let answer = seen.decision.answer.as_ref();
        match &seen.entry.event {
            Event::Asked { by, ask, .. } => {
                let fits = answer.is_some_and(|answer| (answer.client, answer.ask) == (by.client, *ask));
                require(fits && self.answered.insert((by.client, *ask)), "I13", || format!("{:?} was answered {answer:?}", seen.entry))
            }
            _ => require(answer.is_none(), "I13", || format!("an answer to nobody: {answer:?}")),
        }
    }

    /// I6: one holder; his number rises with each grant; he loses his hold with his terminal's life.
    fn controls(&mut self, seen: &Seen) -> Check {
        let (before, after) = (&seen.before.controls, &seen.after.controls);
        let now = seen.after.now;
        if now < seen.before.now {
            let back = seen.before.now.since(now);
            self.beats.values_mut().for_each(|at| *at = at.before(back));
        }
        let client = |holder: &Holder| holder.client;
        let told = || format!("{before:?} became {after:?} by {:?}", seen.entry.event);
        let kept = before.holder.as_ref().map(client) == after.holder.as_ref().map(client);
        let granted = after.holder.is_some() && (!kept || after.epoch != before.epoch);
        require(after.epoch == before.epoch + u64::from(granted), "I6", told)?;
        if granted {
            let asked = matches!(
                &seen.entry.event,
                Event::Asked { command: Command::Controls(ControlsCommand::Take | ControlsCommand::HandTo(_)), .. }
            );
            require(asked, "I6", told)?;
        }
        if let (Some(holder), true) = (&before.holder, kept && !granted) {
            let last = self.beats.get(&holder.client).copied().unwrap_or(holder.since);
            let young = now.since(last) < HOLD_LASTS;
            require(young, "I6", || format!("{holder:?} was last heard of at {last:?} and still has the controls at {now:?}"))?;
        }
        self.hear(seen, granted);
        let unheld = after.holder.is_none();
        require(!unheld || seen.after.routes.values().all(|route| route.queued.is_none()), "I6", || "a request of nobody waits".to_owned())
    }

    fn hear(&mut self, seen: &Seen, granted: bool) {
        let now = seen.after.now;
        match &seen.entry.event {
            Event::Asked { by, .. } | Event::Looked { by, .. } => {
                self.beats.insert(by.client, now);
            }
            Event::Beat { client } => {
                self.beats.insert(*client, now);
            }
            _ => {}
        }
        if let (Some(holder), true) = (&seen.after.controls.holder, granted) {
            self.beats.insert(holder.client, now);
        }
    }

    fn rostered(&mut self, seen: &Seen, now: &Roster) {
        let Some(before) = self.roster.replace(now.clone()) else { return };
        let names = before.people.iter().chain(&now.people).map(|listed| listed.who.clone());
        let entry = |roster: &Roster, who: &OperatorId| roster.people.iter().find(|listed| listed.who == *who).cloned();
        let others: BTreeSet<OperatorId> = names.filter(|who| entry(&before, who) != entry(now, who)).collect();
        for digest in seen.before.approvals.keys() {
            self.changed.entry(*digest).or_default().extend(others.iter().cloned());
        }
    }

    /// I9: an approval is somebody else's, of exactly this, in time, and used once.
    fn second_person(&mut self, seen: &Seen, by: &Asker, command: &Command, verdict: &Verdict) -> Check {
        if let Verdict::NeedsApproval { digest } = verdict {
            self.changed.remove(digest);
            let words = format!("{:?}", seen.after.approvals.get(digest).map(|approval| &approval.terms));
            let known = self.digests.entry(*digest).or_insert_with(|| words.clone());
            require(*known == words, "I9", || format!("{digest} stands for {known} and for {words}"))?;
            let acts = seen.decision.effects.iter().any(|effect| matches!(&effect.what, Effect::Write { cause, .. } if is_of(cause, by)));
            require(!acts, "I9", || "a request that waits for approval was carried out".to_owned())?;
        }
        let Command::Approve { digest } = command else { return Ok(()) };
        let is_another = self.changed.get(digest).is_some_and(|changed| changed.contains(&by.who));
        if let Verdict::Refused(Refusal::Barred { .. }) = verdict {
            return require(is_another, "I9", || format!("{} was there when it was asked for, and was answered {verdict:?}", by.who));
        }
        let counts = *verdict == Verdict::Accepted;
        require(!is_another || !counts, "I9", || format!("{} was made a second person after it was asked for", by.who))?;
        require(!seen.after.approvals.contains_key(digest) || *verdict != Verdict::Accepted, "I9", || "it can be used twice".to_owned())?;
        if *verdict != Verdict::Accepted {
            return Ok(());
        }
        let Some(request) = seen.before.approvals.get(digest) else {
            return require(false, "I9", || format!("{digest} was approved and never asked for"));
        };
        require(request.by.who != by.who, "I9", || format!("{} approved a request of his own", by.who))?;
        require(seen.after.now < request.expires_at, "I9", || format!("approved at {:?}: {request:?}", seen.after.now))?;
        require(request.terms.epoch() == seen.before.controls.epoch, "I9", || format!("approved under another grant: {request:?}"))?;
        Ok(())
    }

    /// What is open can still be approved: young, of the present grant, and of a route that stands where it stood.
    fn open_requests(&self, seen: &Seen) -> Check {
        for (digest, request) in &seen.after.approvals {
            let named = |what: &str| format!("{what}: {request:?}");
            require(*digest == request.digest, "I9", || named("kept under another digest"))?;
            require(request.expires_at.since(request.at) == APPROVAL_LASTS, "I9", || named("lasts otherwise"))?;
            require(seen.after.now < request.expires_at, "I9", || named("open after its time"))?;
            require(request.terms.epoch() == seen.after.controls.epoch, "I9", || named("of another grant"))?;
            let Some(ShiftTerms { route, from, .. }) = request.terms.shift() else { continue };
            let state = &seen.after.routes[route];
            require(state.wanted.as_ref() == Some(from) && state.latch.is_none(), "I9", || named("of a route that has moved"))?;
        }
        Ok(())
    }
}

fn is_of(cause: &cutover::core::decision::Cause, by: &Asker) -> bool {
    matches!(cause, cutover::core::decision::Cause::Operator { who, .. } if *who == by.who)
}

/// I5 and I13: whom the role does not allow it, nothing of his is done.
fn role_allows(seen: &Seen, by: &Asker, command: &Command, verdict: &Verdict) -> Check {
    let needed = match command {
        Command::Stop { .. } => Role::Operator,
        Command::Approve { .. } | Command::Deny { .. } | Command::Say { .. } | Command::LookHere { .. } => Role::Approver,
        _ => Role::Operator,
    };
    let refused = matches!(verdict, Verdict::Refused(_));
    require(by.role >= needed || refused, "I5", || format!("a {} was answered {verdict:?}", by.role))?;
    if refused {
        let of_his = |effect: &&cutover::core::decision::IssuedEffect| matches!(&effect.what, Effect::Inject { .. });
        require(seen.decision.effects.iter().find(of_his).is_none(), "I13", || format!("refused and done: {:?}", seen.decision))?;
    }
    Ok(())
}
