//! Weights on a vendor's own scale as shares of a route.

use std::collections::BTreeMap;

use crate::domain::{
    fault::{Fault, FaultKind},
    id::BackendId,
    weight::{PerMille, WHOLE, Weights},
};

/// Any weights as per mille: rounded down, and what is left over goes to the largest remainders. Nobody's share that is above nothing
/// becomes nothing while somebody else has one to give: a stranger that gets one request in ten thousand is still seen.
/// # Errors
/// [`FaultKind::Unsupported`] if nobody holds anything: then there is no split.
pub(super) fn scaled(held: &BTreeMap<BackendId, u32>) -> Result<Weights, Fault> {
    let sum: u64 = held.values().map(|weight| u64::from(*weight)).sum();
    if sum == 0 {
        return Err(Fault::new(FaultKind::Unsupported, "nobody receives any traffic of this route"));
    }
    let parts = held.iter().map(|(id, weight)| (id, u64::from(*weight) * u64::from(WHOLE)));
    let mut shares: BTreeMap<BackendId, u16> = parts.clone().map(|(id, part)| (id.clone(), (part / sum) as u16)).collect();
    let mut by_remainder: Vec<(u64, &BackendId)> = parts.map(|(id, part)| (part % sum, id)).collect();
    by_remainder.sort_by_key(|(remainder, _)| std::cmp::Reverse(*remainder));
    let missing = WHOLE - shares.values().sum::<u16>();
    for (_, id) in by_remainder.into_iter().take(missing.into()) {
        shares.entry(id.clone()).and_modify(|share| *share += 1);
    }
    for (id, _) in held.iter().filter(|(_, weight)| **weight > 0) {
        if shares.get(id) == Some(&0)
            && let Some(largest) =
                shares.iter().max_by_key(|(_, share)| **share).map(|(id, _)| id.clone()).filter(|_| held.len() < WHOLE.into())
        {
            shares.entry(largest).and_modify(|share| *share -= 1);
            shares.insert(id.clone(), 1);
        }
    }
    let shares: Result<BTreeMap<_, _>, _> = shares.into_iter().map(|(id, share)| PerMille::new(share).map(|share| (id, share))).collect();
    shares.and_then(Weights::new).map_err(|error| Fault::new(FaultKind::Unreadable, format!("the weights make no split: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(held: &[(&str, u32)]) -> Vec<u16> {
        let held = held.iter().map(|(id, weight)| (id.parse().unwrap(), *weight)).collect();
        scaled(&held).unwrap().iter().map(|(_, share)| share.get()).collect()
    }

    #[test]
    fn proportions_are_kept_and_nobody_who_gets_requests_vanishes() {
        assert_eq!(shares(&[("a", 1), ("b", 1), ("c", 1)]), [334, 333, 333]);
        assert_eq!(shares(&[("a", 40), ("b", 60)]), [400, 600]);
        assert_eq!(shares(&[("a", 10_000), ("b", 1), ("c", 0)]), [999, 1, 0]);
    }
}
