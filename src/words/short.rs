//! What somebody should look at, and what then happens by itself, each in a long form and in one for a narrow line.

use crate::{
    core::{
        follows::Follows,
        news::Tone,
        outlook::{self, Actor, Attention, Awaited, Outlook, Silence, Then, Uncleared},
        reason::Need,
        state::{Reading, State},
        unjudged::Unjudged,
    },
    domain::{
        id::{RouteId, TriggerId},
        metric::Gap,
        time::Timestamp,
        weight::PerMille,
    },
    words::{
        Names, claim::claimant, clock, database, hindrance, hindrance_in_short, home::never_read, kept_away_in_short, lack, loss, lost,
        met_at_door, mover_name, need, objection, obstacle, record, share, steps,
    },
};

/// Something said twice: as it should be, and as short as it can be without another meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub tone: Tone,
    pub long: String,
    pub short: String,
}

impl Said {
    pub fn new(tone: Tone, long: impl Into<String>, short: impl Into<String>) -> Said {
        Said { tone, long: long.into(), short: short.into() }
    }
    pub fn plain(text: impl Into<String>) -> Said {
        let text = text.into();
        Said { tone: Tone::Plain, long: text.clone(), short: text }
    }
}

/// What is wrong, or is to be known.
#[expect(clippy::too_many_lines, reason = "a list of a closed enum's cases is read like a table")]
pub fn attention(found: &Attention, state: &State, now: Timestamp) -> Said {
    let names = Names::of(state);
    let alarm = |long: String, short: String| Said::new(Tone::Alarm, long, short);
    let warning = |long: String, short: String| Said::new(Tone::Warning, long, short);
    match found {
        Attention::NotHome { since, why, .. } => {
            let span = now.since(*since);
            alarm(format!("NOT HOME for {span}: {}", obstacle(why, names)), format!("NOT HOME for {span}"))
        }
        Attention::RecordBroken { kept, since, .. } => {
            let span = now.since(*since);
            alarm(
                format!("THE RECORD BROKE {span} ago, confirmed up to {kept}; only a rollback leaves"),
                format!("record broke {span} ago"),
            )
        }
        Attention::RecordHangs { kept, since, .. } => {
            let span = now.since(*since);
            alarm(
                format!("THE RECORD'S DISK HANGS for {span}, confirmed up to {kept}; only a rollback leaves"),
                format!("record's disk hangs for {span}"),
            )
        }
        Attention::RecordLow { bytes, .. } => {
            let left = record::room_left(*bytes);
            alarm(
                format!("the record's disk is nearly full: {left} left, for looking and going home"),
                format!("disk nearly full: {left} left"),
            )
        }
        Attention::RecordSlow { times, longest, .. } => {
            warning(format!("the record's disk is slow: {times} times, {longest} at most"), format!("record's disk is slow, {times} times"))
        }
        Attention::MoveLost { route, lost } => {
            let span = now.since(lost.at);
            let to = lost.to.as_ref().map_or_else(String::new, |to| format!(" to {}", names.split(route, to)));
            warning(format!("the step{to} was not made, {span} ago: {}", lost::because(&lost.why, names)), format!("step{to} not made"))
        }
        Attention::SupervisorGone { since, .. } => {
            let span = now.since(*since);
            warning(format!("for {span} nobody would start this host again if it died"), "host is not started again".to_owned())
        }
        Attention::RecordMissing { since, kept, .. } => alarm(
            format!("nothing is recorded of {} ago, behind {kept}; held, look and resume", now.since(*since)),
            "held: a time is not recorded".to_owned(),
        ),
        Attention::Breach { trigger, .. } => {
            let (value, limit) = figures(state, trigger);
            let metric = names.metric(trigger);
            match outlook::within_unjudged(state, trigger).map(|last| now.since(last)) {
                Some(ago) => alarm(
                    format!("{} was beyond {limit} {ago} ago, not judged since", names.watched_short(trigger)),
                    format!("{metric} was beyond {limit}"),
                ),
                None => alarm(format!("{} {value} of {limit}", names.watched_short(trigger)), format!("{metric} {value} of {limit}")),
            }
        }
        Attention::AtDoor { breach, .. } => {
            let (name, failed, of) = (names.backend(&breach.backend), breach.failed_now(), breach.answers_now());
            if breach.is_unknown() {
                return warning(met_at_door(breach, names), format!("{name}: not known at the door"));
            }
            let short = if breach.unlike.is_some() { format!("{name} is unlike home") } else { format!("{name}: {failed} of {of} fail") };
            alarm(met_at_door(breach, names), short)
        }
        Attention::FailingForNobody { failed, answers, .. } => {
            let short = format!("{failed} of {answers} requests fail");
            alarm(format!("{short}, and no answer says whose"), short)
        }
        Attention::AnswersUnmarked { unmarked, answers, .. } => {
            warning(format!("{unmarked} of {answers} answers say nobody's name"), "answers say nobody's name".to_owned())
        }
        Attention::ConnectionsDropped { losses, .. } => loss::losses_in_short(losses, names),
        Attention::WeightsUnread { since, .. } => {
            let span = now.since(*since);
            warning(format!("weights unknown: last read {span} ago"), format!("weights unread {span}"))
        }
        Attention::NeedsHuman { why, .. } => {
            let short = match why {
                Need::RequestsDisagree { .. } => "requests don't follow the weights",
                Need::Contended => "others keep changing the weights",
            };
            alarm(format!("needs a human: {}", need(why)), short.to_owned())
        }
        Attention::TakenOver { apart, .. } => {
            let apart = if apart.is_some() { " and left traffic elsewhere" } else { "" };
            alarm(format!("another version decided otherwise{apart}; held, look and resume"), "held: another version decided".to_owned())
        }
        Attention::SteeredElsewhere { claim, .. } => {
            alarm(format!("steered by {}; here only a rollback leaves", claimant(claim)), "another session steers".to_owned())
        }
        Attention::ClaimLost { .. } => {
            alarm("this session's line has gone from the object; look, then take over".to_owned(), "who steers is not known".to_owned())
        }
        Attention::Drifted { route, by, found, expected, .. } => {
            let set = format!("{} set {}", mover_name(by, names), names.split(route, found));
            alarm(format!("{set}, meant was {}", names.split(route, expected)), set)
        }
        Attention::RollingBack { since, attempts, why, .. } if why.keeps_away() => {
            let span = now.since(*since);
            let failed = kept_away_in_short(why, *attempts);
            alarm(format!("rolling back for {span}, {failed}: {}", obstacle(why, names)), format!("rolling back {span}, {failed}"))
        }
        Attention::RollingBack { since, .. } => {
            let span = now.since(*since);
            alarm(format!("rolling back for {span}"), format!("rolling back {span}"))
        }
        // How long that may take is told by what comes next.
        Attention::HomeNotSeen { at_most, .. } => {
            if *at_most == PerMille::ZERO {
                return warning("home accepted, not seen yet".to_owned(), "home not seen yet".to_owned());
            }
            warning(format!("up to {at_most} may still not be home"), format!("up to {at_most} not home"))
        }
        Attention::OtherRevision { backend, beside, .. } => {
            let (share, name) = (share(beside.share.fraction()), names.backend(backend));
            let new = if beside.is_new { ", new since the session began" } else { "" };
            warning(format!("{share} of {name} is on {}{new}", beside.name), format!("{name}: {share} on {}", beside.name))
        }
        Attention::ProbeFails { backend, failed, sent, .. } => {
            let name = names.backend(backend);
            warning(format!("{failed} of {sent} probes of {name} fail"), format!("{name}: {failed} of {sent} probes fail"))
        }
        Attention::RequestsDisagree { since, .. } => {
            let span = now.since(*since);
            warning(format!("requests meet something else than the weights say, for {span}"), "requests disagree with weights".to_owned())
        }
        Attention::WritesAtRisk { instance, standing } => {
            alarm(format!("writes at risk: {instance} {}", database(standing)), format!("writes at risk: {instance}"))
        }
        Attention::ReplicaUnsound { instance, standing } => {
            warning(format!("{instance} {}", database(standing)), format!("{instance} does not follow"))
        }
        Attention::Hindered { why, .. } => warning(hindrance(why, names), hindrance_in_short(why, names)),
        Attention::HomeNotReady { why, .. } => {
            warning(format!("going back is not assured: {}", objection(why, names)), "going back not assured".to_owned())
        }
        Attention::Blind { trigger, outlook } => {
            let why_short = if let Outlook::Blind { uncleared: Some(_), .. } = outlook { Some("was beyond its limit") } else { None };
            let why = match outlook {
                Outlook::Blind { uncleared: Some(Uncleared { last, .. }), .. } => {
                    format!("beyond its limit {} ago, not judged since", now.since(*last))
                }
                Outlook::Blind { gap: why, uncleared: None, .. } => lack(*why),
                Outlook::Quiet
                | Outlook::Idle
                | Outlook::Unjudged(_)
                | Outlook::Running { .. }
                | Outlook::Unproven { .. }
                | Outlook::Fired { .. }
                | Outlook::GoingHome => lack(None),
            };
            Said::new(
                Tone::Warning,
                format!("blind: {} ({why})", names.watched_short(trigger)),
                format!("blind: {}", why_short.unwrap_or(&why)),
            )
        }
        Attention::Unjudged { trigger, why } => {
            let (said, what) = (unjudged(why, now), names.watched_short(trigger));
            Said::new(
                Tone::Plain,
                format!("{what} not judged: {}", said.long),
                format!("{} not judged: {}", names.metric(trigger), said.short),
            )
        }
        Attention::Unresolved { .. } => {
            let long = "nobody knows what became of a write; it is being read back".to_owned();
            warning(long, "a write's outcome is unknown".to_owned())
        }
        Attention::Unread { why, .. } => warning(format!("the weights {}", never_read(why.as_ref())), "weights not read yet".to_owned()),
        Attention::SourceSilent { source, silence: Silence::Asked } => {
            warning(format!("{source} is silent"), format!("{source} is silent"))
        }
        Attention::SourceSilent { source, silence: Silence::StoodStill } => {
            warning(format!("{source} not asked since the host stood still"), format!("{source} not asked yet"))
        }
        Attention::ItemFailing { item } => {
            let title = names.item(item);
            warning(format!("the checklist fails: {title}"), format!("fails: {title}"))
        }
        Attention::Latched { at, was_home: true, .. } => {
            let span = now.since(*at);
            warning(
                format!("a rollback found it home {span} ago, latched until somebody re-arms it"),
                format!("latched {span} ago, stood at home"),
            )
        }
        Attention::Latched { at, .. } => {
            let span = now.since(*at);
            warning(format!("rolled back {span} ago, latched until somebody re-arms it"), format!("rolled back {span} ago, latched"))
        }
        Attention::Held { by, since, .. } => {
            let span = now.since(*since);
            warning(format!("held by {by} for {span}; nothing advances until it is resumed"), format!("held by {by} for {span}"))
        }
        Attention::StepApprovalOpen { by, step, until, .. } => {
            let (step, until) = (names.step(step), clock(*until));
            warning(format!("{by} waits for a second person until {until}Z: {step}"), format!("{by} waits for approval: {step}"))
        }
        Attention::StepTrouble { step, trouble } => {
            warning(steps::trouble(step, trouble, now, names), format!("step {}: {}", names.step(step), steps::trouble_in_short(trouble)))
        }
        Attention::ApprovalOpen { by, route, to, until, .. } => {
            let (to, until) = (names.split(route, to), clock(*until));
            warning(format!("{by} waits for a second person until {until}Z: {to}"), format!("{by} waits for approval: {to}"))
        }
    }
}

/// When a trigger whose window fills can judge; once that time is over it waits for a look.
pub fn armed(at: Timestamp, now: Timestamp) -> String {
    if now < at { format!("armed in {}", at.since(now)) } else { "armed with the next look".to_owned() }
}

/// What a trigger lacks to judge.
pub fn unjudged(why: &Unjudged, now: Timestamp) -> Said {
    let what = lack(why.gap);
    if let Some(at) = why.armed_at {
        let armed = armed(at, now);
        return Said::new(Tone::Plain, format!("{armed}, {what}"), armed);
    }
    match (why.gap, why.counted) {
        (Some(Gap::Undecided), Some(counted)) => Said::plain(format!("{what}, {} requests", counted.requests)),
        (Some(_), Some(counted)) => {
            let of = format!("{} of {}", counted.requests, counted.needed);
            Said::new(Tone::Plain, format!("{what}, {of}"), format!("{of} requests"))
        }
        (Some(_) | None, _) => Said::plain(what),
    }
}

/// Value and limit of a trigger, in its unit.
pub(super) fn figures(state: &State, id: &TriggerId) -> (String, String) {
    let names = Names::of(state);
    let unknown = || "unknown".to_owned();
    let limit = names.trigger_planned(id).map_or_else(unknown, |known| names.value(id, known.limit));
    (value(state, id).unwrap_or_else(unknown), limit)
}

/// The newest value of a trigger; of one that can't be judged any more, with its age.
pub fn value(state: &State, id: &TriggerId) -> Option<String> {
    let known = state.triggers.get(id)?;
    let value = Names::of(state).value(id, known.value?);
    Some(match (&known.reading, known.value_at) {
        (Reading::Ok | Reading::Breach, _) => value,
        (Reading::None | Reading::Unknown { .. }, Some(at)) => format!("{value} {} ago", state.now.since(at)),
        (Reading::None | Reading::Unknown { .. }, None) => format!("{value} long ago"),
    })
}

/// What `outlook` brings, and when; nothing where nothing follows.
pub fn outcome(outlook: &Outlook, names: Names, now: Timestamp) -> Option<Said> {
    let (acts_at, next, lapses_at, awaits) = match outlook {
        Outlook::Running { acts_at, then, lapses_at, awaits, .. } => (*acts_at, then, *lapses_at, *awaits),
        Outlook::Blind { acts_at, then, .. } => (*acts_at, then, None, Awaited::Nothing),
        Outlook::Unproven { .. } => {
            return Some(Said::new(Tone::Warning, "its clock begins anew with the next sample beyond its limit", "not proven now"));
        }
        Outlook::Quiet | Outlook::Idle | Outlook::Unjudged(_) | Outlook::Fired { .. } | Outlook::GoingHome => return None,
    };
    let due = due(acts_at, awaits, now);
    Some(match next {
        Then::GoesHome => {
            let unproven = if lapses_at.is_some() { " if proven" } else { "" };
            Said::new(Tone::Alarm, format!("home by itself {due}{}", lapses(lapses_at, now)), format!("home {due}{unproven}"))
        }
        Then::NobodyThere | Then::Done => return None,
        // Something else may lead home all the same.
        Then::Holds => Said::new(Tone::Warning, then(next, names), "stops advances only"),
        Then::Withheld { .. } | Then::Disarmed { .. } | Then::HomeNotProven { .. } => {
            Said::new(Tone::Warning, then(next, names), "nothing goes home by itself")
        }
    })
}

/// Behind what a clock brings: that it stops unless a figure proves the breach anew.
pub fn lapses(at: Option<Timestamp>, now: Timestamp) -> String {
    at.map_or_else(String::new, |at| format!(" if proven again within {}", at.since(now)))
}

/// What follows if a trigger that can't judge now goes on so, and is blind.
pub fn if_unseen(acts_at: Timestamp, now: Timestamp) -> Said {
    let due = due(acts_at, Awaited::Nothing, now);
    Said::new(Tone::Warning, format!("home by itself {due} if nobody can judge until then"), format!("home {due} if blind"))
}

/// That users follow somebody else's change by themselves: whose, to what, and for how long at most.
pub fn follows(change: &Follows, route: &RouteId, names: Names, now: Timestamp) -> Said {
    let whose = change.by.as_ref().map_or_else(|| "somebody else".to_owned(), |by| mover_name(by, names));
    let (to, left) = (names.split(route, &change.to), change.left(now));
    Said::new(Tone::Warning, format!("users follow {whose} to {to}, within {left}"), format!("users follow within {left}"))
}

/// What acts by itself, as a name behind what it does.
pub fn actor(by: Actor, names: Names) -> Said {
    match by {
        Actor::Trigger(trigger) => Said::new(Tone::Plain, names.watched_short(trigger), names.metric(trigger)),
        Actor::Blindness(trigger) => {
            let blind = |what: String| format!("blind: {what}");
            Said::new(Tone::Plain, blind(names.watched_short(trigger)), blind(names.metric(trigger)))
        }
        Actor::FrontDoor(backend) => {
            let name = names.backend(backend);
            Said::new(Tone::Plain, format!("{name} at the front door"), format!("{name} at the door"))
        }
    }
}

/// When what is due comes: once its time is over it waits for a sample that proves it, and a count that stands at nothing would lie.
pub fn due(acts_at: Timestamp, awaits: Awaited, now: Timestamp) -> String {
    match awaits {
        Awaited::Nothing if now < acts_at => format!("in {}", acts_at.since(now)),
        Awaited::Nothing => "with the next proof".to_owned(),
        Awaited::FailingAnswer { .. } if now < acts_at => format!("with the first failing answer after {}", acts_at.since(now)),
        Awaited::FailingAnswer { .. } => "with the next failing answer".to_owned(),
    }
}

/// A consequence as a clause of its own.
pub fn then(then: &Then, names: Names) -> String {
    match then {
        Then::GoesHome => "rolls back by itself".to_owned(),
        Then::Holds => "nothing advances; nobody is moved by itself".to_owned(),
        Then::Withheld { home } => {
            format!("not rolled back, for {} answers nobody; it goes home as soon as that does", names.backend(home))
        }
        Then::Disarmed { instance } => format!("nothing goes home by itself: {instance} was promoted"),
        Then::HomeNotProven { why } => format!("nothing goes home by itself: {}", objection(why, names)),
        Then::NobodyThere => "nobody is sent there".to_owned(),
        Then::Done => "the route goes home already".to_owned(),
    }
}
