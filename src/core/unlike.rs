//! A target that answers otherwise than home does through the same door: not found, a login page, another media type.
//!
//! No counter of errors sees it, because every process works. It is judged on counts: a kind of answer is unlike home's when even the
//! lower end of its share at the target lies above the upper end of its share at home, so a few 404s that home has as well are none.
//! Server errors are left to the error rate. It stops every advance; above the smallest rung it goes home once it has lasted, like a
//! trigger, unless the plan says otherwise with a reason.

use crate::{
    core::{
        at_door,
        door::{Difference, Finding, Met, Proof},
        news::News,
        reason::DoorRule,
        seen,
        turn::Turn,
    },
    domain::{
        answer::{AnswerClass, AnswerKind, Answers},
        id::BackendId,
        time::Millis,
    },
    plan::model::Route,
};

/// It goes home after this long.
pub(super) const LASTING: Millis = Millis::from_secs(30);
/// One answer may be anything.
const ODD_MIN: u64 = 2;
/// Home must have shown what it answers, and a target with so many answers that fit is like it.
const ANSWERS_MIN: u64 = 20;

/// Compares what a backend answered with what home answers there. So many good answers more, that bear nobody's mark, may be its own.
pub(super) fn find(target: &Answers, maybe_own: u64, home: Option<&Answers>) -> Finding<Difference> {
    let (of, home_of) = (judged(target), home.map_or(0, judged));
    let Some((usual, _)) = home.and_then(Answers::most).filter(|_| home_of >= ANSWERS_MIN) else { return Finding::Unknown };
    let at_home = |kind: &AnswerKind| home.map_or(0, |home| home.of(kind));
    let low = |count: u64| seen::share(count, of.saturating_add(maybe_own)).low;
    let differs = |count: u64, at_home: u64| count >= ODD_MIN && low(count) > seen::share(at_home, home_of).high;
    let odd = target.iter().filter(|(kind, count)| is_judged(kind) && differs(*count, at_home(kind)));
    let known_nowhere = target.count(|kind| is_judged(kind) && at_home(kind) == 0);
    let never = target.iter().filter(|(kind, _)| is_judged(kind) && at_home(kind) == 0 && differs(known_nowhere, 0));
    match odd.chain(never).max_by_key(|(_, count)| *count) {
        Some((answer, count)) => Finding::Breach(Difference { answer: answer.clone(), count, of, home: usual.clone() }),
        None if of >= ANSWERS_MIN || (of >= ODD_MIN && known_nowhere == 0) => Finding::Clear,
        None => Finding::Unknown,
    }
}

/// Whether an answer speaks for a difference: home never gives it, or it is the one that was found.
pub(super) fn is_odd(kind: &AnswerKind, difference: Option<&Difference>, home: Option<&Answers>) -> bool {
    let is_known = home.is_some_and(|home| home.of(kind) > 0);
    !is_known || difference.is_some_and(|difference| difference.answer == *kind)
}

fn is_judged(kind: &AnswerKind) -> bool {
    match kind.class() {
        AnswerClass::Success | AnswerClass::Redirect | AnswerClass::Elsewhere | AnswerClass::ClientError => true,
        AnswerClass::ServerError | AnswerClass::Strange => false,
    }
}

fn judged(answers: &Answers) -> u64 {
    answers.count(is_judged)
}

/// Says that it began, or that it is over.
pub(super) fn tell(turn: &mut Turn, route: &Route, backend: &BackendId, met: &Met, was: Option<Proof>) {
    match (was, &met.unlike) {
        (None, Some(unlike)) => {
            let acts_in = at_door::acts_in(&turn.sight(), route, backend, DoorRule::Unlike);
            let (backend, difference) = (backend.clone(), unlike.difference.clone());
            turn.tell(News::UnlikeHome { route: route.id.clone(), backend, difference, acts_in });
        }
        (Some(_), None) => turn.tell(News::LikeHomeAgain { route: route.id.clone(), backend: backend.clone() }),
        (None, None) | (Some(_), Some(_)) => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answers(kinds: &[(&str, u64)]) -> Answers {
        kinds.iter().map(|(kind, count)| (kind.parse().unwrap(), *count)).collect()
    }
    fn found(target: &[(&str, u64)], home: &[(&str, u64)]) -> Option<String> {
        match find(&answers(target), 0, Some(&answers(home))) {
            Finding::Breach(difference) => Some(difference.answer.to_string()),
            Finding::Clear => Some("clear".to_owned()),
            Finding::Unknown => None,
        }
    }

    const SITE: &[(&str, u64)] = &[("200 text/html", 290), ("404 text/plain", 6), ("500 text/plain", 4)];

    #[test]
    fn another_site_is_unlike_home_from_its_second_answer_on() {
        for kind in ["404 text/plain", "302 - >login.example.com", "200 application/json", "302 text/html >", "403 text/html"] {
            assert_eq!(found(&[(kind, 2)], SITE), Some(kind.to_owned()), "{kind}");
            assert_eq!(found(&[(kind, 1)], SITE), None, "one answer may be anything");
        }
    }

    #[test]
    fn what_home_has_as_well_is_not_unlike_it() {
        assert_eq!(found(&[("200 text/html", 290), ("404 text/plain", 9)], SITE), Some("clear".to_owned()));
        assert_eq!(found(&[("200 text/html", 28), ("404 text/plain", 2)], SITE), Some("clear".to_owned()));
        assert_eq!(found(&[("200 text/html", 260), ("404 text/plain", 40)], SITE), Some("404 text/plain".to_owned()));
        assert_eq!(found(&[("500 text/plain", 40)], SITE), None, "server errors are the error rate's");
        assert_eq!(found(&[("404 text/plain", 40)], &[("404 text/plain", 400)]), Some("clear".to_owned()));
        assert_eq!(find(&answers(&[("404 text/plain", 40)]), 0, Some(&answers(&[("200 text/html", 5)]))), Finding::Unknown);
    }

    #[test]
    fn good_answers_that_may_be_its_own_prove_no_difference() {
        let differs = |maybe| matches!(find(&answers(&[("404 text/plain", 6)]), maybe, Some(&answers(SITE))), Finding::Breach(_));
        assert!(differs(0) && differs(6) && !differs(400));
    }

    #[test]
    fn logins_that_each_lead_elsewhere_are_one_difference() {
        let hosts: Vec<_> = (0..6).map(|place| format!("302 - >login-{place}.example.com")).collect();
        let target: Vec<_> = hosts.iter().map(|host| (host.as_str(), 1)).chain([("200 text/html", 6)]).collect();
        assert!(found(&target, SITE).is_some_and(|kind| kind.starts_with("302")));
    }

    proptest! {
        /// The same site on both sides is never called unlike on what home's own share makes likely.
        #[test]
        fn a_target_with_home_s_own_shares_is_like_home(total in 20_u64..2_000, share in 0.0_f64..=1.0) {
            let odd = (total as f64 * share) as u64;
            let site = [("200 text/html", total - odd), ("404 text/plain", odd)];
            prop_assert_eq!(found(&site, &site), Some("clear".to_owned()));
        }
        /// However the rest is mixed: more of what home never answers can't make a target more like home.
        #[test]
        fn more_of_another_site_is_never_more_like_home(good in 0_u64..500, odd in 2_u64..500) {
            let differs = |odd| matches!(find(&answers(&[("200 text/html", good), ("404 -", odd)]), 0, Some(&answers(&[("200 text/html", 300)]))), Finding::Breach(_));
            prop_assert!(!differs(odd) || differs(odd + 1));
        }
    }
}
