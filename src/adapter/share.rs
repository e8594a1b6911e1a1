//! Weights on a vendor's own scale as shares of a route.

use std::collections::BTreeMap;

use crate::domain::{
    fault::{Fault, FaultKind},
    id::BackendId,
    weight::{PerMille, WHOLE, Weights},
};

/// Any weights as per mille: rounded down, and what is left over goes to the largest remainders.
/// # Errors
/// [`FaultKind::Unsupported`] if nobody holds anything: then there is no split.
pub(super) fn scaled(held: &BTreeMap<BackendId, u32>) -> Result<Weights, Fault> {
    let sum: u64 = held.values().map(|weight| u64::from(*weight)).sum();
    if sum == 0 {
        return Err(Fault::new(FaultKind::Unsupported, "none of the plan's backends receives any traffic of this route"));
    }
    let parts = held.iter().map(|(id, weight)| (id, u64::from(*weight) * u64::from(WHOLE)));
    let mut shares: BTreeMap<BackendId, u16> = parts.clone().map(|(id, part)| (id.clone(), (part / sum) as u16)).collect();
    let mut by_remainder: Vec<(u64, &BackendId)> = parts.map(|(id, part)| (part % sum, id)).collect();
    by_remainder.sort_by_key(|(remainder, _)| std::cmp::Reverse(*remainder));
    let missing = WHOLE - shares.values().sum::<u16>();
    for (_, id) in by_remainder.into_iter().take(missing.into()) {
        shares.entry(id.clone()).and_modify(|share| *share += 1);
    }
    let shares: Result<BTreeMap<_, _>, _> = shares.into_iter().map(|(id, share)| PerMille::new(share).map(|share| (id, share))).collect();
    shares.and_then(Weights::new).map_err(|error| Fault::new(FaultKind::Unreadable, format!("the weights make no split: {error}")))
}
