//! A session's claim within text that people wrote: found, put there, and put in the place of an older one, all else bit for bit as it was.
//!
//! Where a text has several, the one of the highest epoch counts, which a write then replaces; the others stay as people's text.
//!
//! Some parts of an object have no text of their own, and share one: a claim to such a part says its name, as
//! `[cutover claim/1 for /api/* night …]`. Whoever asks for the text's own claim, or for another part's, takes it for people's text.

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
/// Before the name of the part that a claim is to.
const FOR: &str = "for ";

/// Whose claim stands in `text`.
pub(super) fn claimed(text: &str) -> Claimed {
    claimed_of(text, &[])
}

/// The text with `claim` in the place of the one that stands in it, or behind it.
pub(super) fn beside(text: &str, claim: &Claim) -> String {
    beside_of(text, &[], claim)
}

/// That people's own text at `place` leaves no room for any claim beside it within `limit` bytes.
pub(super) fn no_room(text: &str, limit: usize, place: &str) -> Option<Hindrance> {
    no_room_of(text, &[], limit, place)
}

/// Whose claim to the part stands in `text` that has any of these names; with none, to what the text itself is of.
pub(super) fn claimed_of(text: &str, part: &[&str]) -> Claimed {
    found(text, part).map_or(Claimed::Nobody, |(_, claim)| Claimed::By(Box::new(claim)))
}

/// As [`beside`], for a part, under the first of its names.
pub(super) fn beside_of(text: &str, part: &[&str], claim: &Claim) -> String {
    let claim =
        part.first().map_or_else(|| claim.to_string(), |name| claim.to_string().replacen(BEGINS, &format!("{BEGINS}{FOR}{name} "), 1));
    match found(text, part) {
        Some((place, _)) => format!("{}{claim}{}", &text[..place.start], &text[place.end..]),
        None if text.is_empty() => claim,
        None => format!("{text}{GAP}{claim}"),
    }
}

/// As [`no_room`], for a part.
pub(super) fn no_room_of(text: &str, part: &[&str], limit: usize, place: &str) -> Option<Hindrance> {
    let beyond = u32::try_from(beyond(text, part, limit)).unwrap_or(u32::MAX);
    (beyond > 0).then(|| Hindrance::NoRoom { place: Shown::new(place), beyond })
}

/// Whether an object bears what `change` was to make of its claim. Of one that had no room nothing can be read.
pub(super) fn bears(claimed: &Claimed, change: Change<'_>, no_room: Option<Hindrance>) -> bool {
    let claim = change.claim().filter(|_| no_room.is_none());
    claim.is_none_or(|claim| *claimed == Claimed::By(Box::new(claim.clone())))
}

/// By how many bytes people's own text is too long to have any claim beside it within `limit`; zero if it is not.
fn beyond(text: &str, part: &[&str], limit: usize) -> usize {
    let own = text.len() - found(text, part).map_or(0, |(place, _)| place.len());
    (own + GAP.len() + bytes_max(part.first().copied())).saturating_sub(limit)
}

/// Longest claim under this name.
fn bytes_max(name: Option<&str>) -> usize {
    CLAIM_BYTES_MAX + name.map_or(0, |name| FOR.len() + name.len() + 1)
}

fn found(text: &str, part: &[&str]) -> Option<(Range<usize>, Claim)> {
    let longest = bytes_max(part.iter().copied().max_by_key(|name| name.len()));
    let begins = text.match_indices(BEGINS).map(|(at, _)| at);
    let whole = begins.filter_map(|from| {
        let length = text[from..].bytes().take(longest).position(|byte| ENDS.as_bytes() == [byte])? + ENDS.len();
        let claim = read(&text[from..from + length], part)?;
        Some((from..from + length, claim))
    });
    whole.max_by_key(|(_, claim): &(Range<usize>, Claim)| claim.epoch)
}

/// A text that is a claim to the part and nothing else.
fn read(text: &str, part: &[&str]) -> Option<Claim> {
    if part.is_empty() {
        return text.parse().ok();
    }
    let named = text.strip_prefix(BEGINS)?.strip_prefix(FOR)?;
    let rest = part.iter().find_map(|name| named.strip_prefix(name)?.strip_prefix(' '))?;
    format!("{BEGINS}{rest}").parse().ok()
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
        assert_eq!(beyond("abc", &[], 3 + 1 + CLAIM_BYTES_MAX), 0);
        assert_eq!(beyond("abcd", &[], 3 + 1 + CLAIM_BYTES_MAX), 1);
        let long = beside(&"x".repeat(2000), &claim(1));
        assert_eq!(beyond(&long, &[], 2048), beyond(&"x".repeat(2001), &[], 2048), "the gap that was put there is people's now");
    }

    #[test]
    fn parts_that_share_a_text_have_claims_of_their_own_under_their_names() {
        let (first, second) = (["/api/*", "/api"], ["/static/*"]);
        let text = beside_of("the shop", &first, &claim(1));
        assert_eq!(text, format!("the shop {}", claim(1).to_string().replace("claim/1 ", "claim/1 for /api/* ")));
        assert_eq!((claimed(&text), claimed_of(&text, &second)), (Claimed::Nobody, Claimed::Nobody), "people's text to all others");
        assert_eq!(claimed_of(&text, &["/api", "/api/*"]), by(claim(1)), "whichever of the names it was written under");
        let all = beside_of(&beside(&text, &claim(5)), &second, &claim(3));
        assert_eq!([claimed(&all), claimed_of(&all, &first), claimed_of(&all, &second)], [by(claim(5)), by(claim(1)), by(claim(3))]);
        let again = beside_of(&all, &first, &claim(2));
        assert_eq!(again, all.replace("/api/* night 00000007 epoch 1", "/api/* night 00000007 epoch 2"));
        assert_eq!(beyond("abc", &first, 3 + 1 + CLAIM_BYTES_MAX), "for /api/* ".len());
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
