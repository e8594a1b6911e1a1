//! Reasons in words: gaps, objections against going home, evidence of the checklist, terms of an approval.

use crate::{
    core::{
        reason::{Blindness, Evidence, Need, Objection, Void},
        state::{ReplicaTerm, Terms},
    },
    domain::{
        id::{BackendId, InstanceId},
        metric::{Gap, Metric},
    },
    words::{
        Names,
        cause::{not_met, unlike},
        database,
        database::{NOW, behind},
        hindrance, steps,
    },
};

/// Why there is no figure.
pub fn gap(gap: Gap) -> String {
    gap.to_string()
}

/// The same in the thirteen columns that the narrowest card has for a figure.
pub fn gap_in_short(gap: Gap) -> &'static str {
    match gap {
        Gap::Missing => "no series",
        Gap::NotANumber => "NaN",
        Gap::Infinite => "infinite",
        Gap::Ambiguous => "many series",
        Gap::Unreadable => "unreadable",
        Gap::Unreachable => "unreachable",
        Gap::TimedOut => "timed out",
        Gap::Partial => "partial",
        Gap::Stale => "stale",
        Gap::FromTheFuture => "clock ahead",
        Gap::LowVolume => "few requests",
        Gap::Capped => "beyond bucket",
        Gap::Restarted => "counter fell",
        Gap::TooEarly => "filling",
        Gap::StatusNotTold => "status untold",
        Gap::StatusAmbiguous => "two statuses",
        Gap::SeveralProcesses => "many answer",
        Gap::TopBucketLow => "bucket low",
        Gap::TooManySeries => "excess series",
        Gap::LineTooLong => "line too long",
        Gap::PageTooLong => "page too long",
        Gap::StandsStill => "stands still",
        Gap::BelowShare => "below share",
        Gap::Undecided => "undecided",
    }
}

/// What a trigger lacks to judge: a figure, for a reason that was told, or any reading so far.
pub fn lack(why: Option<Gap>) -> String {
    why.map_or_else(|| "no reading yet".to_owned(), gap)
}

pub fn blindness(why: &Blindness, names: Names) -> String {
    match why {
        Blindness::NoReadingYet => lack(None),
        Blindness::Gap(why) => gap(*why),
        Blindness::StandsTooShort { gap: why, share, left } => format!("{}; it must stand at {share} for another {left}", gap(*why)),
        Blindness::NotCleared { gap: why, .. } => lack(*why),
        Blindness::NoSignOfLife { backend } => format!("{} has no traffic, and nothing proves that it answers", names.backend(backend)),
    }
}

/// What stands against going home.
pub fn objection(objection: &Objection, names: Names) -> String {
    match objection {
        Objection::HomeUnknown => "home is not known yet".to_owned(),
        Objection::TooFewReady { home, ready, needed } => format!("{} has {ready} ready, {needed} are needed", names.backend(home)),
        Objection::SwitchedOff { home } => format!("{} is switched off; set its scaling back to automatic", names.backend(home)),
        Objection::NotShown { home } => {
            format!(
                "nothing shows that {} answers: no figures of its own, no answer through the front door, no direct one",
                names.backend(home)
            )
        }
        Objection::NothingKept { home, told: Some(_) } => {
            format!("{} keeps no instance without traffic; give it a minimum of at least 1", names.backend(home))
        }
        Objection::NothingKept { home, told: None } => {
            format!("it isn't told how many instances {} keeps without traffic", names.backend(home))
        }
        Objection::NotSeen { home, ago } => format!("{} was last seen {ago} ago", names.backend(home)),
        Objection::NeverSeen { home } => format!("nothing is known of the instances of {} yet", names.backend(home)),
        Objection::ProbesFail { home, failed, sent } => {
            format!("{failed} of {sent} direct requests to {} fail, and nothing else shows that it answers", names.backend(home))
        }
        Objection::AnswersNoRequest { home } => format!("{} answers no direct request", names.backend(home)),
        Objection::BeyondLimit { home, metric, value, limit } => format!(
            "the {metric} of {} is {}, {} {}",
            names.backend(home),
            Names::figure(*metric, *value),
            metric.bad().name(),
            Names::figure(*metric, *limit)
        ),
        Objection::WeightsOld { ago } => format!("the weights were last read {ago} ago"),
        Objection::Hindered { why } => hindrance(why, names),
        Objection::Promoted { instance } => format!("{instance} was promoted, and home may write to the old primary"),
    }
}

pub fn need(need: &Need) -> String {
    match need {
        Need::RequestsDisagree { after } => format!("requests don't follow the weights, {after} after they were accepted"),
        Need::Contended => "others keep changing the weights".to_owned(),
    }
}

/// Why a request for approval is void.
pub fn void(why: Void) -> &'static str {
    match why {
        Void::Replaced => "a newer request took its place",
        Void::InTime => "nobody approved it in time",
        Void::StoodStill => "its time ran out while the host did not run, and nobody could act on it; ask again",
        Void::TermsChanged => "what it rests on has changed",
        Void::RollbackBegan => "a rollback began",
        Void::Held => "the route is held",
        Void::ControlsPassed => "the controls passed on",
        Void::HostRestarted => "the host was restarted",
        Void::RecordHangs => "the disk of the record did not answer",
        Void::RecordBroken => "the record broke",
        Void::AskerLeft => "who asked for it left",
        Void::Empty => "it asks for nothing that can be approved",
        Void::Gone => "it expired, was withdrawn, or what it rests on changed",
    }
}

/// What an approval rests on, as `(name, value)` for a dialog.
pub fn terms(terms: &Terms, names: Names) -> Vec<(&'static str, String)> {
    let terms = match terms {
        Terms::Shift(terms) => terms,
        Terms::Step(terms) => return steps::terms(terms, names),
    };
    vec![
        ("action", format!("shift {}", names.route(&terms.route))),
        ("target", names.backend(&terms.target)),
        ("from", names.split(&terms.route, &terms.from)),
        ("to", names.split(&terms.route, &terms.to)),
        ("version", terms.version.0.clone()),
        ("replication", replica_terms(&terms.replication)),
        ("plan", terms.plan.short()),
        ("controls", format!("grant {}", terms.epoch)),
    ]
}

pub(super) fn replica_terms(replication: &[(InstanceId, ReplicaTerm)]) -> String {
    if replication.is_empty() {
        return "no database in the plan".to_owned();
    }
    replication.iter().map(|(instance, term)| format!("{instance} {}", replica_term(*term))).collect::<Vec<_>>().join(", ")
}

fn replica_term(term: ReplicaTerm) -> &'static str {
    match term {
        ReplicaTerm::AcceptsWrites => "accepts writes",
        ReplicaTerm::WithinBounds => "within bounds",
        ReplicaTerm::Behind => "behind",
        ReplicaTerm::Stopped => "stopped",
        ReplicaTerm::Broken => "broken",
        ReplicaTerm::Down => "down",
        ReplicaTerm::Primary => "is a primary",
        ReplicaTerm::NoPrimary => "is no primary",
        ReplicaTerm::OfAnotherPrimary => "follows another primary",
        ReplicaTerm::Unknown => "unknown",
    }
}

/// What a line of the checklist rests on; empty where there is nothing.
pub fn evidence(evidence: &Evidence, names: Names) -> String {
    let backends = |values: &[(BackendId, f64)], metric: Metric| {
        values.iter().map(|(id, value)| format!("{} {}", names.backend(id), Names::figure(metric, *value))).collect::<Vec<_>>().join(", ")
    };
    let lags = |values: &[(InstanceId, f64)]| values.iter().map(|(id, lag)| format!("{id} {lag:.1}s")).collect::<Vec<_>>().join(", ");
    match evidence {
        Evidence::None => String::new(),
        Evidence::Note(note) => note.to_string(),
        Evidence::SourceSilent { source, why } => format!("{source}: {}", why.map_or_else(|| "stale".to_owned(), |kind| kind.to_string())),
        Evidence::TriggerBlind { trigger } => format!("nobody can judge the {}", names.watched(trigger)),
        Evidence::WeightsUnread { route } => format!("the weights of {} are not read", names.route(route)),
        Evidence::NoSourceYet => "no source has answered yet".to_owned(),
        Evidence::Monitored { sources, triggers, of } => format!("{sources} sources answer, {triggers} of {of} triggers see"),
        Evidence::NobodyServes => "no backend is known to take traffic".to_owned(),
        Evidence::NoSample { backend, within } => format!("{}: no usable sample within {within}", names.backend(backend)),
        Evidence::TooFewRequests { backend, requests, needed } => {
            format!("{}: {requests} requests are too few, {needed} are needed", names.backend(backend))
        }
        Evidence::BeyondLimit { metric, backend, value, limit } => {
            format!("{} on {}, the limit is {}", Names::figure(*metric, *value), names.backend(backend), Names::figure(*metric, *limit))
        }
        Evidence::WithinLimit { metric, values } => backends(values, *metric),
        Evidence::AtDoor { backend: Some(backend), unlike: Some(difference), .. } => unlike(&names.backend(backend), difference),
        Evidence::AtDoor { backend: Some(backend), failed, answers, unlike: None } => {
            format!("{failed} of {answers} requests through the front door fail on {}", names.backend(backend))
        }
        Evidence::AtDoor { backend: None, failed, answers, .. } => {
            format!("{failed} of {answers} requests through the front door fail, and no answer says whose")
        }
        Evidence::CountsWrongAnswers { metric, backend } => format!(
            "what {} answers at the front door is not what users come for, so its {} proves nothing",
            names.backend(backend),
            metric
        ),
        Evidence::NotMetAnyMore { backend, ago } => not_met(&names.backend(backend), *ago),
        Evidence::NoDatabase => "the plan names no database".to_owned(),
        Evidence::NoReplica => "the plan names no replica".to_owned(),
        Evidence::Instance { instance, standing } => format!("{instance} {}", database(standing)),
        Evidence::LagBeyond { instance, seconds, limit, age } => {
            let verb = if *age < NOW { "is" } else { "was" };
            format!("{instance} {verb} {}, the limit is {limit}", behind(*seconds, *age))
        }
        Evidence::LagOld { instance, age, holds } => format!("{instance} last told its lag {age} ago, and this line holds for {holds}"),
        Evidence::LagWithin { seconds } => lags(seconds),
        Evidence::Dropped { ago } => format!("a connection was dropped {ago} ago"),
        Evidence::NoDrops { span, probers: 0, .. } => format!("none in {span}"),
        Evidence::NoDrops { span, probers, uncounted } => {
            let by = if *probers == 1 { "1 prober".to_owned() } else { format!("{probers} probers") };
            let uncounted: Vec<String> = uncounted.iter().map(|id| names.backend(id)).collect();
            let but = if uncounted.is_empty() { String::new() } else { format!("; nobody counts those of {}", uncounted.join(" and ")) };
            format!("none in {span} by {by}{but}")
        }
        Evidence::NoDropsSoFar { watched, needed } => format!("none in the {watched} that were watched, {needed} are needed"),
        Evidence::NobodyWatches => "nobody watches connections".to_owned(),
        Evidence::FewerWatch { watching, of } => format!("only {watching} of {of} probers report"),
        Evidence::NotAllOnTarget { route, target, share } => format!("{}: {share} on {}", names.route(route), names.backend(target)),
        Evidence::RequestsElsewhere { route } => format!("{}: requests still meet other backends", names.route(route)),
        Evidence::RequestsTooFew { route } => format!("{}: too few requests to see it", names.route(route)),
        Evidence::AcceptedNotSeen { route } => format!("{}: accepted, traffic follows", names.route(route)),
        Evidence::AllOnTarget => "accepted and seen".to_owned(),
        Evidence::StabilityLater { route, target } => {
            format!("counts once everything of {} is on {}", names.route(route), names.backend(target))
        }
        Evidence::NotShownStable { target } => format!("{} is not shown to be stable", names.backend(target)),
        Evidence::StableSoFar { lasted, needed } => format!("stable for {lasted}, {needed} are needed"),
        Evidence::StableFor { span } => format!("within bounds for {span} without a break"),
        Evidence::Step { step, how } => steps::rests(names.step(step), how),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The narrowest card has thirteen columns, and what is cut there is another word.
    #[test]
    fn the_short_words_of_gaps_fit_a_card_and_are_told_apart() {
        let short: std::collections::BTreeSet<&str> = Gap::ALL.into_iter().map(gap_in_short).collect();
        assert_eq!(short.len(), Gap::ALL.len());
        assert!(short.iter().all(|word| word.len() <= 13), "{short:?}");
    }
}
