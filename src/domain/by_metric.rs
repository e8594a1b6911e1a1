//! What is known of each metric, found by its place instead of by a search: readings ask for a few of them at every entry.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strum::EnumCount;

use crate::domain::metric::Metric;

/// At most one value of each metric. Written as the map that it is.
#[derive(Debug, Clone, PartialEq)]
pub struct ByMetric<T>([Option<T>; Metric::COUNT]);

impl<T> Default for ByMetric<T> {
    fn default() -> ByMetric<T> {
        ByMetric(std::array::from_fn(|_| None))
    }
}

impl<T> ByMetric<T> {
    pub fn get(&self, metric: &Metric) -> Option<&T> {
        self.0[*metric as usize].as_ref()
    }
    pub fn insert(&mut self, metric: Metric, value: T) {
        self.0[metric as usize] = Some(value);
    }
    pub fn iter(&self) -> impl Iterator<Item = (Metric, &T)> {
        Metric::ALL.into_iter().zip(&self.0).filter_map(|(metric, value)| Some((metric, value.as_ref()?)))
    }
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().flatten()
    }
}

impl<T> FromIterator<(Metric, T)> for ByMetric<T> {
    fn from_iter<I: IntoIterator<Item = (Metric, T)>>(values: I) -> ByMetric<T> {
        let mut table = ByMetric::default();
        values.into_iter().for_each(|(metric, value)| table.insert(metric, value));
        table
    }
}

impl<T: Serialize> Serialize for ByMetric<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for ByMetric<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ByMetric<T>, D::Error> {
        Ok(BTreeMap::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_has_a_place_of_its_own_and_it_is_written_as_a_map() {
        let all: BTreeMap<Metric, usize> = Metric::ALL.into_iter().zip(1..).collect();
        let table: ByMetric<usize> = all.clone().into_iter().collect();
        assert!(all.iter().all(|(metric, value)| table.get(metric) == Some(value)));
        assert_eq!(serde_json::to_string(&table).unwrap(), serde_json::to_string(&all).unwrap());
        let one: ByMetric<usize> = serde_json::from_str(r#"{"p95_latency":3}"#).unwrap();
        assert_eq!(one.iter().collect::<Vec<_>>(), [(Metric::P95Latency, &3)]);
    }
}
