//! What is known of each metric, found by its place instead of by a search: readings ask for a few of them at every entry.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::{metric::Metric, series::Series};

/// At most one value of each metric. Written as the map that it is.
#[derive(Debug, Clone, PartialEq)]
pub struct ByMetric<T> {
    standard: [Option<T>; Metric::STANDARD.len()],
    /// Of the few that a plan declares.
    declared: BTreeMap<Series, T>,
}

impl<T> Default for ByMetric<T> {
    fn default() -> ByMetric<T> {
        ByMetric { standard: std::array::from_fn(|_| None), declared: BTreeMap::new() }
    }
}

impl<T> ByMetric<T> {
    pub fn get(&self, metric: &Metric) -> Option<&T> {
        match metric.place() {
            Ok(place) => self.standard[place].as_ref(),
            Err(series) => self.declared.get(&series),
        }
    }
    pub fn insert(&mut self, metric: Metric, value: T) {
        match metric.place() {
            Ok(place) => self.standard[place] = Some(value),
            Err(series) => drop(self.declared.insert(series, value)),
        }
    }
    pub fn iter(&self) -> impl Iterator<Item = (Metric, &T)> {
        let standard = Metric::STANDARD.into_iter().zip(&self.standard).filter_map(|(metric, value)| Some((metric, value.as_ref()?)));
        standard.chain(self.declared.iter().map(|(series, value)| (Metric::Declared(*series), value)))
    }
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.standard.iter().flatten().chain(self.declared.values())
    }
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.standard.iter_mut().flatten().chain(self.declared.values_mut())
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
    use crate::domain::{metric::Unit, series::Bad};

    #[test]
    fn each_metric_has_a_place_of_its_own_and_it_is_written_as_a_map() {
        let declared = ["queue-depth", "connections"].map(|name| Metric::Declared(Series::new(name, Unit::Count, Bad::Above).unwrap()));
        let all: BTreeMap<Metric, usize> = Metric::STANDARD.into_iter().chain(declared).zip(1..).collect();
        let table: ByMetric<usize> = all.clone().into_iter().collect();
        assert!(all.iter().all(|(metric, value)| table.get(metric) == Some(value)));
        assert_eq!(serde_json::to_string(&table).unwrap(), serde_json::to_string(&all).unwrap());
        assert_eq!(serde_json::from_str::<ByMetric<usize>>(&serde_json::to_string(&table).unwrap()).unwrap(), table);
        let one: ByMetric<usize> = serde_json::from_str(r#"{"p95_latency":3}"#).unwrap();
        assert_eq!(one.iter().collect::<Vec<_>>(), [(Metric::P95Latency, &3)]);
    }
}
