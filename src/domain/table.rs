//! A small table of named things, which is asked many times at every entry and hardly ever gets another name.

use std::{collections::BTreeMap, iter::Map, ops::Index, slice};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A map as a list in the order of its keys: of a handful of names the first comparison or the second finds the right one. Written as the map
/// that it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Table<K, V>(Vec<(K, V)>);

impl<K, V> Default for Table<K, V> {
    fn default() -> Table<K, V> {
        Table(Vec::new())
    }
}

impl<K: Ord, V> Table<K, V> {
    pub fn get(&self, key: &K) -> Option<&V> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.0.iter_mut().find(|(known, _)| known == key).map(|(_, value)| value)
    }
    pub fn get_or_insert_with(&mut self, key: &K, made: impl FnOnce() -> V) -> &mut V
    where
        K: Clone,
    {
        let place = self.0.binary_search_by(|(known, _)| known.cmp(key)).unwrap_or_else(|place| {
            self.0.insert(place, (key.clone(), made()));
            place
        });
        &mut self.0[place].1
    }
    pub fn insert(&mut self, key: K, value: V) {
        match self.0.binary_search_by(|(known, _)| known.cmp(&key)) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.0.insert(place, (key, value)),
        }
    }
}

impl<K, V> Table<K, V> {
    pub fn iter(&self) -> <&Table<K, V> as IntoIterator>::IntoIter {
        self.into_iter()
    }
    pub fn keys(&self) -> impl Iterator<Item = &K> + Clone {
        self.0.iter().map(|(key, _)| key)
    }
    pub fn values(&self) -> impl Iterator<Item = &V> + Clone {
        self.0.iter().map(|(_, value)| value)
    }
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }
}

impl<K: Ord, V> Index<&K> for Table<K, V> {
    type Output = V;
    fn index(&self, key: &K) -> &V {
        self.get(key).expect("whoever asks like this knows that it is there")
    }
}

impl<'a, K, V> IntoIterator for &'a Table<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Map<slice::Iter<'a, (K, V)>, fn(&'a (K, V)) -> (&'a K, &'a V)>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(key, value)| (key, value))
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Table<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(items: I) -> Table<K, V> {
        Table(BTreeMap::from_iter(items).into_iter().collect())
    }
}

impl<K: Serialize, V: Serialize> Serialize for Table<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Deserialize<'de> for Table<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Table<K, V>, D::Error> {
        Ok(BTreeMap::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is put in, in whatever order: it is the map of the same, and is written as that.
        #[test]
        fn it_is_the_map_that_it_stands_for(put in proptest::collection::vec(("[a-d]{1,2}", 0_u8..9, any::<bool>()), 0..12)) {
            let (mut table, mut map) = (Table::default(), BTreeMap::new());
            for (key, value, replaces) in put {
                if replaces {
                    table.insert(key.clone(), value);
                    map.insert(key.clone(), value);
                } else {
                    prop_assert_eq!(table.get_or_insert_with(&key, || value), map.entry(key.clone()).or_insert(value));
                }
                prop_assert_eq!(table.get(&key), map.get(&key));
            }
            prop_assert!(table.iter().eq(map.iter()));
            let written = serde_json::to_string(&map).unwrap();
            prop_assert_eq!(&serde_json::to_string(&table).unwrap(), &written);
            prop_assert_eq!(&serde_json::from_str::<Table<String, u8>>(&written).unwrap(), &table);
        }
    }
}
