//! Shares of the traffic in the one way that all of them are told, so that what is given and what is got can be held against each other.

use crate::{
    core::{
        fails::{Fails, Gravity, Meets, Site},
        has::Has,
        news::Tone,
        state::Share,
    },
    domain::{
        metric::Unit,
        time::Millis,
        weight::{PerMille, WHOLE},
    },
    words::short::Said,
};

/// The prober looks every few seconds; a figure from further back says how far.
const AGED: Millis = Millis::from_secs(10);

/// A share as weights are told, to a tenth of a percent where that is not zero. What was met is never rounded to nothing, nor what was
/// missed to everything.
pub fn share(fraction: f64) -> String {
    let mille = (fraction.clamp(0.0, 1.0) * f64::from(WHOLE)).round() as u16;
    match mille {
        0 if fraction > 0.0 => "<0.1%".to_owned(),
        WHOLE if fraction < 1.0 => ">99.9%".to_owned(),
        mille => PerMille::ZERO.saturating_add(mille).to_string(),
    }
}

/// What a backend is given, or by a write of ours whose outcome is not known.
pub fn given(has: &Has) -> String {
    let given = has.given.map_or_else(|| "?".to_owned(), |share| share.to_string());
    match has.or_given {
        Some(other) => format!("{given} or {other}"),
        None => given,
    }
}

/// What requests show that a backend gets. That none of a sample was met is not nothing where some may be there: then it is told how many those
/// may be.
pub fn got(has: &Has) -> Option<String> {
    let got = has.gets?;
    Some(match got.fraction > 0.0 || has.is_nothing() {
        true => share(got.fraction),
        false => none_met(got.high, has.at_most),
    })
}

/// The share of which nothing was met: it may reach from nothing to the end of the band, and no further than what can have been given.
pub fn none_met(high: f64, at_most: PerMille) -> String {
    let high = (high.min(at_most.fraction()) * f64::from(WHOLE)).ceil() as u16;
    format!("0-{}", PerMille::ZERO.saturating_add(high.max(1)))
}

/// That requests don't show what a backend gets: not yet, or not any more.
pub fn unseen(has: &Has) -> String {
    has.unseen_for.map_or_else(|| "not seen yet".to_owned(), |span| format!("not seen for {span}"))
}

/// The band of a share; it is not symmetric, so both ends are told.
pub fn band(share_of: &Share) -> String {
    format!("{}-{}", share(share_of.low), share(share_of.high))
}

/// What of a backend's requests fails, each figure with its witness, in the scale of error rates; nothing where nothing is seen to fail.
pub fn fails(fails: &Fails) -> Option<Said> {
    let rate = |fraction: f64| Unit::Fraction.show(fraction);
    let tone = match fails.gravity {
        Gravity::Beyond => Tone::Alarm,
        Gravity::Tolerated => Tone::Plain,
    };
    let door = fails.at_door.filter(|met| met.failed > 0 || met.site == Site::UnlikeHome);
    let own = fails.own.filter(|sample| sample.value > 0.0 || door.is_some());
    let losing = fails.losing.map(|losing| rate(losing.share()));
    let (door, own) = match (door, own) {
        (None, _) if losing.is_some() => {
            let (losing, own) = (losing.unwrap_or_default(), own.map(|own| rate(own.value)));
            let own = own.map_or_else(String::new, |own| format!(", {own} fail by its own count"));
            return Some(Said::new(tone, format!("{losing} of connections dropped{own}"), format!("{losing} dropped")));
        }
        (None, None) => return None,
        (None, Some(own)) => {
            let own = rate(own.value);
            return Some(Said::new(tone, format!("{own} fail by its own count"), format!("{own} fail, own count")));
        }
        (Some(door), own) => (door, own),
    };
    let met = match (door.failed, door.site) {
        (0, _) => "unlike home".to_owned(),
        (_, Site::UnlikeHome | Site::LikeHome) => {
            let of = door.newest.map_or_else(|| door.answers.to_string(), |newest| format!("newest {}", newest.answers));
            format!("{} of its {of}", rate(door.share_now()))
        }
    };
    let (met, met_short) = match door.failed {
        0 => (met.clone(), met),
        _ => (format!("{met} answers fail"), format!("fails {}", rate(door.share_now()))),
    };
    if door.meets == Meets::NoMore {
        let (ago, counted) = (door.ago, own.map_or_else(String::new, |own| format!(", {} by its own count", rate(own.value))));
        let was = match door.failed {
            0 => "was unlike home".to_owned(),
            _ => format!("failed {}", rate(door.share_now())),
        };
        return Some(Said::new(tone, format!("{was} at the front door {ago} ago, gets nothing now{counted}"), format!("{was} {ago} ago")));
    }
    let aged = if door.ago >= AGED { format!(" {} ago", door.ago) } else { String::new() };
    let counted = own.map_or_else(String::new, |own| format!(", {} by its own count", rate(own.value)));
    let lost = losing.as_ref().map_or_else(String::new, |losing| format!(", {losing} of connections dropped"));
    Some(Said::new(
        tone,
        format!("{met} at the front door{aged}{counted}{lost}"),
        format!("{met_short} at the door{}", losing.map_or_else(String::new, |losing| format!(", {losing} dropped"))),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::fails::MetAtDoor;

    #[test]
    fn that_none_was_met_of_a_backend_that_may_have_some_is_never_told_as_nothing() {
        let mille = |share| PerMille::new(share).unwrap();
        let has = |fraction, high, at_most| Has {
            given: Some(mille(50)),
            or_given: None,
            gets: Some(Share { fraction, low: 0.0, high }),
            at_most: mille(at_most),
            unseen_for: None,
        };
        let told = [has(0.0, 0.0211, 50), has(0.0, 0.31, 50), has(0.012, 0.05, 50), has(0.0, 0.02, 0), has(0.0, 0.0, 50)];
        assert_eq!(told.map(|has| got(&has).unwrap()), ["0-2.2%", "0-5%", "1.2%", "0%", "0-0.1%"]);
    }

    #[test]
    fn a_share_that_was_met_is_never_nothing_and_one_that_was_missed_never_all() {
        let told = [0.0, 0.0004, 0.012, 0.125, 0.25, 0.3384, 0.9996, 1.0].map(share);
        assert_eq!(told, ["0%", "<0.1%", "1.2%", "12.5%", "25%", "33.8%", ">99.9%", "100%"]);
    }

    /// What was met where nobody is any more is told as of then, beside a share of nothing.
    #[test]
    fn failures_of_a_backend_that_requests_meet_no_more_are_told_of_then() {
        let share = Share { fraction: 1.0, low: 0.6, high: 1.0 };
        let met = |meets| MetAtDoor { failed: 6, answers: 6, share, newest: None, site: Site::LikeHome, ago: Millis::from_secs(8), meets };
        let told = |meets| fails(&Fails { at_door: Some(met(meets)), own: None, losing: None, gravity: Gravity::Beyond }).unwrap();
        assert_eq!(told(Meets::Now).short, "fails 100.00% at the door");
        let gone = told(Meets::NoMore);
        assert_eq!(
            (gone.long.as_str(), gone.short.as_str()),
            ("failed 100.00% at the front door 8s ago, gets nothing now", "failed 100.00% 8s ago",)
        );
    }
}
