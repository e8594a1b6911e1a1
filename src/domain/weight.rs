//! Shares of traffic: per mille per backend, always summing to exactly 1000.
//!
//! One scale serves every driver: a Compute URL map takes 0 to 1000 as it is, Cloud Run takes whole percents, so weights that Cloud Run
//! can't express are refused by its driver and not rounded here.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize, Serializer};

use crate::domain::id::BackendId;

/// The whole of a route's traffic, in per mille.
pub const WHOLE: u16 = 1000;

/// A share in per mille, 0 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct PerMille(u16);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WeightError {
    #[error("a share of {0} per mille is more than everything; use 0 to 1000")]
    Above(u32),
    #[error("the shares sum to {0} per mille and must sum to 1000; nothing was changed")]
    Sum(u32),
    #[error("a route needs at least one backend")]
    Empty,
    #[error("{0} is no backend of this route; nothing was changed")]
    Stranger(BackendId),
}

impl PerMille {
    pub const ZERO: PerMille = PerMille(0);
    pub const ALL: PerMille = PerMille(WHOLE);
    pub const FIVE_PERCENT: PerMille = PerMille(50);

    pub fn new(share: u16) -> Result<PerMille, WeightError> {
        if share > WHOLE { Err(WeightError::Above(share.into())) } else { Ok(PerMille(share)) }
    }
    /// Whole percents, 0 to 100.
    pub fn percent(percent: u16) -> Result<PerMille, WeightError> {
        Self::new(percent.checked_mul(10).ok_or(WeightError::Above(u32::from(percent) * 10))?)
    }
    pub fn get(self) -> u16 {
        self.0
    }
    /// As a fraction of one, 0.0 to 1.0.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / f64::from(WHOLE)
    }
    pub fn saturating_add(self, more: u16) -> PerMille {
        PerMille(self.0.saturating_add(more).min(WHOLE))
    }
    pub fn saturating_sub(self, less: u16) -> PerMille {
        PerMille(self.0.saturating_sub(less))
    }
}

impl TryFrom<u16> for PerMille {
    type Error = WeightError;
    fn try_from(share: u16) -> Result<Self, WeightError> {
        Self::new(share)
    }
}
impl From<PerMille> for u16 {
    fn from(share: PerMille) -> u16 {
        share.0
    }
}
/// Prints percents, with one decimal only where it is not zero: `5 %` is `5%`, 12.5 % is `12.5%`.
impl fmt::Display for PerMille {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.0.is_multiple_of(10) { format!("{}%", self.0 / 10) } else { format!("{}.{}%", self.0 / 10, self.0 % 10) };
        f.pad(&text)
    }
}

/// The split of one route. Every backend of the route is named, even with share 0, and the shares sum to 1000.
///
/// A split is copied and asked far more often than it is made, and names few backends: copies share one list, in the order of the names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "BTreeMap<BackendId, PerMille>")]
pub struct Weights(Arc<[(BackendId, PerMille)]>);

impl Weights {
    /// # Errors
    /// [`WeightError::Empty`] without a backend, [`WeightError::Sum`] when the shares don't sum to 1000.
    pub fn new(shares: BTreeMap<BackendId, PerMille>) -> Result<Weights, WeightError> {
        let sum: u32 = shares.values().map(|share| u32::from(share.0)).sum();
        match (shares.is_empty(), sum) {
            (true, _) => Err(WeightError::Empty),
            (false, sum) if sum != u32::from(WHOLE) => Err(WeightError::Sum(sum)),
            (false, _) => Ok(Weights(shares.into_iter().collect())),
        }
    }

    /// Everything on `only`; the other backends are named with 0.
    pub fn all_on<'a>(only: &BackendId, backends: impl IntoIterator<Item = &'a BackendId>) -> Weights {
        let others = backends.into_iter().filter(|backend| *backend != only).map(|backend| (backend.clone(), PerMille::ZERO));
        let mut shares: Vec<_> = others.chain([(only.clone(), PerMille::ALL)]).collect();
        shares.sort();
        shares.dedup();
        Weights(shares.into())
    }

    /// Whether it is what [`Weights::all_on`] makes of the same.
    pub fn is_all_on<'a>(&self, only: &BackendId, backends: impl IntoIterator<Item = &'a BackendId> + Clone) -> bool {
        let is_named = |backend: &BackendId| self.0.iter().any(|(id, _)| id == backend);
        let fits = |(id, share): &(BackendId, PerMille)| match id == only {
            true => *share == PerMille::ALL,
            false => *share == PerMille::ZERO && backends.clone().into_iter().any(|backend| backend == id),
        };
        self.0.iter().all(fits) && is_named(only) && backends.clone().into_iter().all(is_named)
    }

    /// The same split with `backend` at `share`; the others keep their proportions and take up the difference.
    ///
    /// Rounding goes by largest remainder, so the sum stays 1000. Where the others hold nothing, the first other takes all of the rest.
    /// # Errors
    /// [`WeightError::Stranger`] if `backend` is not of this route, [`WeightError::Sum`] if it is the only one and `share` is not 1000.
    pub fn with(&self, backend: &BackendId, share: PerMille) -> Result<Weights, WeightError> {
        if !self.0.iter().any(|(id, _)| id == backend) {
            return Err(WeightError::Stranger(backend.clone()));
        }
        let rest = u32::from(WHOLE - share.0);
        let others: Vec<_> = self.0.iter().filter(|(id, _)| id != backend).collect();
        let held: u32 = others.iter().map(|(_, other)| u32::from(other.0)).sum();
        let mut shares = BTreeMap::from([(backend.clone(), share)]);
        let mut remainders = Vec::new();
        for (place, (id, other)) in others.iter().enumerate() {
            let (portion, remainder) = match held {
                0 if place == 0 => (rest, 0),
                0 => (0, 0),
                _ => (u32::from(other.0) * rest / held, u32::from(other.0) * rest % held),
            };
            shares.insert(id.clone(), PerMille(portion as u16));
            remainders.push((std::cmp::Reverse(remainder), id.clone()));
        }
        let given: u32 = shares.values().map(|portion| u32::from(portion.0)).sum();
        remainders.sort();
        for (_, id) in remainders.into_iter().take((u32::from(WHOLE).saturating_sub(given)) as usize) {
            shares.entry(id).and_modify(|portion| portion.0 += 1);
        }
        Weights::new(shares)
    }

    /// The share of `backend`; zero for one that is not of this route.
    pub fn of(&self, backend: &BackendId) -> PerMille {
        self.0.iter().find(|(id, _)| id == backend).map_or(PerMille::ZERO, |(_, share)| *share)
    }
    pub fn iter(&self) -> impl Iterator<Item = (&BackendId, PerMille)> {
        self.0.iter().map(|(id, share)| (id, *share))
    }
    /// The largest change of any one backend's share, in per mille.
    pub fn distance(&self, other: &Weights) -> u16 {
        let ids = self.0.iter().chain(other.0.iter());
        ids.map(|(id, _)| self.of(id).0.abs_diff(other.of(id).0)).max().unwrap_or(0)
    }
}

impl TryFrom<BTreeMap<BackendId, PerMille>> for Weights {
    type Error = WeightError;
    fn try_from(shares: BTreeMap<BackendId, PerMille>) -> Result<Self, WeightError> {
        Weights::new(shares)
    }
}
impl Serialize for Weights {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}
impl From<Weights> for BTreeMap<BackendId, PerMille> {
    fn from(weights: Weights) -> Self {
        weights.0.iter().cloned().collect()
    }
}
/// `gke 25% · run 75%`
impl fmt::Display for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (id, share)) in self.0.iter().enumerate() {
            let gap = if place == 0 { "" } else { " · " };
            write!(f, "{gap}{id} {share}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> BackendId {
        text.parse().unwrap()
    }

    #[test]
    fn shares_that_do_not_sum_to_the_whole_are_refused() {
        let shares = BTreeMap::from([(id("run"), PerMille(600)), (id("gke"), PerMille(300))]);
        assert_eq!(Weights::new(shares), Err(WeightError::Sum(900)));
        assert_eq!(serde_json::from_str::<Weights>("{\"run\":600,\"gke\":401}").map_err(|e| e.to_string().contains("1001")), Err(true));
    }

    proptest::proptest! {
        #[test]
        fn moving_one_share_keeps_the_whole(first in 0u16..=1000, second in 0u16..=1000, share in 0u16..=1000) {
            let (low, high) = (first.min(second), first.max(second));
            let shares = BTreeMap::from([(id("a"), PerMille(low)), (id("b"), PerMille(high - low)), (id("c"), PerMille(1000 - high))]);
            let moved = Weights::new(shares).unwrap().with(&id("b"), PerMille(share)).unwrap();
            proptest::prop_assert_eq!(moved.of(&id("b")), PerMille(share));
            proptest::prop_assert_eq!(moved.iter().map(|(_, s)| u32::from(s.get())).sum::<u32>(), 1000);
        }

        #[test]
        fn what_is_all_on_one_is_so_of_the_same_backends_alone(
            split in proptest::collection::btree_map(0_usize..4, 0_usize..2, 1..4), only in 0_usize..4, named in proptest::collection::vec(0_usize..4, 0..5),
        ) {
            let of = |place: usize| id(["a", "b", "c", "d"][place]);
            let shares: Vec<_> = split.iter().map(|(place, share)| (of(*place), PerMille([0, WHOLE][*share]))).collect();
            let (weights, named): (_, Vec<BackendId>) = (Weights(shares.into()), named.into_iter().map(of).collect());
            proptest::prop_assert_eq!(weights.is_all_on(&of(only), &named), weights == Weights::all_on(&of(only), &named));
        }
    }
}
