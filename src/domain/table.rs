//! A small table of named things, which is asked many times at every entry and hardly ever gets another name.

use std::{collections::BTreeMap, fmt, iter::Map, marker::PhantomData, ops::Index, slice, vec};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};

/// A map as a list in the order of its keys: of a handful of names the first comparison or the second finds the right one. Written as the map
/// that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let place = self.0.iter().position(|(known, _)| known == key)?;
        Some(self.0.remove(place).1)
    }
    /// Puts in what comes behind all that is there, which needs no search.
    fn put_behind(&mut self, key: K, value: V) {
        match self.0.last() {
            Some((last, _)) if *last >= key => self.insert(key, value),
            Some(_) | None => self.0.push((key, value)),
        }
    }
}

impl<K, V> Table<K, V> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    pub fn len(&self) -> usize {
        self.0.len()
    }
    pub fn clear(&mut self) {
        self.0.clear();
    }
    pub fn retain(&mut self, mut keeps: impl FnMut(&K, &mut V) -> bool) {
        self.0.retain_mut(|(key, value)| keeps(key, value));
    }
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

impl<K, V> IntoIterator for Table<K, V> {
    type Item = (K, V);
    type IntoIter = vec::IntoIter<(K, V)>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Table<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(items: I) -> Table<K, V> {
        let mut table = Table::default();
        items.into_iter().for_each(|(key, value)| table.put_behind(key, value));
        table
    }
}

impl<K: Ord, V> From<BTreeMap<K, V>> for Table<K, V> {
    fn from(map: BTreeMap<K, V>) -> Table<K, V> {
        Table(map.into_iter().collect())
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for Table<K, V> {
    fn from(items: [(K, V); N]) -> Table<K, V> {
        items.into_iter().collect()
    }
}

impl<K: Serialize, V: Serialize> Serialize for Table<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Deserialize<'de> for Table<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Table<K, V>, D::Error> {
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

/// Reads the entries of a map. They stand in their order as a rule; of a key that comes again the last value counts, as in a map.
struct Entries<K, V>(PhantomData<(K, V)>);

impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Visitor<'de> for Entries<K, V> {
    type Value = Table<K, V>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Table<K, V>, A::Error> {
        let mut table = Table::default();
        while let Some((key, value)) = entries.next_entry()? {
            table.put_behind(key, value);
        }
        Ok(table)
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
            prop_assert_eq!(&map.clone().into_iter().rev().collect::<Table<_, _>>(), &table);
            if let Some(gone) = map.keys().next_back().cloned() {
                let (mut fewer, mut rest) = (table.clone(), map.clone());
                prop_assert_eq!(fewer.remove(&gone), rest.remove(&gone));
                prop_assert_eq!(fewer, rest.into());
            }
            let written = serde_json::to_string(&map).unwrap();
            prop_assert_eq!(&serde_json::to_string(&table).unwrap(), &written);
            prop_assert_eq!(&serde_json::from_str::<Table<String, u8>>(&written).unwrap(), &table);
        }
    }
}
