//! A session's claim within text that people wrote: found, put there, and put in the place of an older one, all else bit for bit as it was.
//!
//! Where a text has several, the one of the highest epoch counts, which a write then replaces; the others stay as people's text.

use std::ops::Range;

use crate::{
    domain::{
        claim::{BEGINS, CLAIM_BYTES_MAX, Claim, Claimed, ENDS},
        hindrance::Hindrance,
        shown::Shown,
    },
    port::Change,
};

/// Between people's text and a claim that is put behind it.
const GAP: &str = " ";

/// Whose claim stands in `text`.
pub(super) fn claimed(text: &str) -> Claimed {
    found(text).map_or(Claimed::Nobody, |(_, claim)| Claimed::By(Box::new(claim)))
}

/// The text with `claim` in the place of the one that stands in it, or behind it.
pub(super) fn beside(text: &str, claim: &Claim) -> String {
    match found(text) {
        Some((place, _)) => format!("{}{claim}{}", &text[..place.start], &text[place.end..]),
        None if text.is_empty() => claim.to_string(),
        None => format!("{text}{GAP}{claim}"),
    }
}

/// That people's own text at `place` leaves no room for any claim beside it within `limit` bytes.
pub(super) fn no_room(text: &str, limit: usize, place: &str) -> Option<Hindrance> {
    let beyond = u32::try_from(beyond(text, limit)).unwrap_or(u32::MAX);
    (beyond > 0).then(|| Hindrance::NoRoom { place: Shown::new(place), beyond })
}

/// Whether an object bears what `change` was to make of its claim. Of one that had no room nothing can be read.
pub(super) fn bears(claimed: &Claimed, change: Change<'_>, no_room: Option<Hindrance>) -> bool {
    let claim = change.claim().filter(|_| no_room.is_none());
    claim.is_none_or(|claim| *claimed == Claimed::By(Box::new(claim.clone())))
}

/// By how many bytes people's own text is too long to have any claim beside it within `limit`; zero if it is not.
fn beyond(text: &str, limit: usize) -> usize {
    let own = text.len() - found(text).map_or(0, |(place, _)| place.len());
    (own + GAP.len() + CLAIM_BYTES_MAX).saturating_sub(limit)
}

fn found(text: &str) -> Option<(Range<usize>, Claim)> {
    let begins = text.match_indices(BEGINS).map(|(at, _)| at);
    let whole = begins.filter_map(|from| {
        let length = text[from..].bytes().take(CLAIM_BYTES_MAX).position(|byte| ENDS.as_bytes() == [byte])? + ENDS.len();
        let claim = text[from..from + length].parse().ok()?;
        Some((from..from + length, claim))
    });
    whole.max_by_key(|(_, claim): &(Range<usize>, Claim)| claim.epoch)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{
        claim::{Claimant, Claims, Epoch, Machine, Token},
        time::Timestamp,
    };

    fn claim(epoch: u64) -> Claim {
        let by = Claimant { session: "night".parse().unwrap(), token: Token::new(7), machine: Machine::new("ops-1") };
        Claim { by, epoch: Epoch::new(epoch), since: Timestamp(1_795_900_000_000), person: None, claims: Claims::Steers }
    }
    fn by(claim: Claim) -> Claimed {
        Claimed::By(Box::new(claim))
    }

    #[test]
    fn a_claim_is_put_behind_and_then_in_the_place_of_the_older_one() {
        let first = beside("api.hexproperty.com", &claim(1));
        assert_eq!(first, format!("api.hexproperty.com {}", claim(1)));
        let edited = format!("{first}; ask ada before you touch it");
        assert_eq!(claimed(&edited), by(claim(1)));
        assert_eq!(beside(&edited, &claim(2)), format!("api.hexproperty.com {}; ask ada before you touch it", claim(2)));
        assert_eq!(beside("", &claim(1)), claim(1).to_string());
    }

    #[test]
    fn what_only_looks_like_a_claim_is_peoples_text() {
        let (whole, hostile) = (claim(5).to_string(), "[cutover claim/1 \u{1b}]0;x\u{7}]");
        for text in
            ["", "cutover steers this", hostile, &whole[..whole.len() - 1], &whole.replace("epoch 5", "epoch 5e3"), &BEGINS.repeat(500)]
        {
            assert_eq!(claimed(text), Claimed::Nobody, "{text:?}");
            let written = beside(text, &claim(9));
            assert!(written.starts_with(text) && claimed(&written) == by(claim(9)), "{written:?}");
        }
        let open = format!("{BEGINS}{whole}");
        assert_eq!(claimed(&open), by(claim(5)), "one within another that never ends");
    }

    #[test]
    fn of_several_the_highest_epoch_counts_and_is_replaced() {
        let text = format!("a {} b {} c", claim(7), claim(3));
        assert_eq!(claimed(&text), by(claim(7)));
        assert_eq!(beside(&text, &claim(8)), format!("a {} b {} c", claim(8), claim(3)));
    }

    #[test]
    fn room_is_for_any_claim_or_for_none() {
        assert_eq!(beyond("abc", 3 + 1 + CLAIM_BYTES_MAX), 0);
        assert_eq!(beyond("abcd", 3 + 1 + CLAIM_BYTES_MAX), 1);
        let long = beside(&"x".repeat(2000), &claim(1));
        assert_eq!(beyond(&long, 2048), beyond(&"x".repeat(2001), 2048), "the gap that was put there is people's now");
    }

    proptest! {
        #[test]
        fn whatever_stands_there_is_kept_bit_for_bit(before in "\\PC{0,40}", after in "\\PC{0,40}", first in 1u64..99, more in 1u64..99) {
            let text = beside(&before, &claim(first));
            let edited = format!("{text}{after}");
            let again = beside(&edited, &claim(first + more));
            prop_assert_eq!(&again.replace(&claim(first + more).to_string(), &claim(first).to_string()), &edited);
            prop_assert!(again.starts_with(&before) && again.ends_with(&after));
            prop_assert_eq!(claimed(&again), by(claim(first + more)));
        }
    }
}
