//! What a cluster remembers: every object, one version counter, and a bounded history of changes.
//!
//! Each write takes the next version; a watch is a reader of the history. Old history is forgotten, and a
//! reader who is behind it is told so, because that is what forces real clients to list again. There is no
//! durability: the store lives as long as the world.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde_json::{Value, json};

use super::{document, resource::Resource};

/// How many changes are remembered.
const HISTORY: usize = 2000;

/// Where an object is found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Its kind.
    pub resource: Resource,
    /// Its namespace; empty for objects of the cluster.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Key {
    /// The key of the object with this name.
    #[must_use]
    pub fn new(resource: Resource, namespace: &str, name: &str) -> Self {
        Self { resource, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// The key under which this document belongs.
    #[must_use]
    pub fn of(resource: Resource, document: &Value) -> Self {
        Self::new(resource, document::namespace(document), document::name(document))
    }
}

/// What one change did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// The object is new.
    Added,
    /// The object changed.
    Modified,
    /// The object is gone.
    Deleted,
}

/// One entry of the history.
#[derive(Debug, Clone)]
pub struct Change {
    /// The version that this change made.
    pub version: u64,
    /// Which object.
    pub key: Key,
    /// What happened.
    pub transition: ChangeKind,
    /// The object after the change; for a deletion, its last state with the version of the deletion.
    pub object: Arc<Value>,
    /// The object before the change.
    pub previous: Option<Arc<Value>>,
}

/// The history no longer reaches back to the version that a reader asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too old resource version: {asked} ({oldest}); the objects themselves are all here, list them again")]
pub struct Expired {
    /// What the reader asked for.
    pub asked: u64,
    /// The oldest version that can still be asked for.
    pub oldest: u64,
}

/// Objects and history.
#[derive(Debug, Clone)]
pub struct Store {
    objects: BTreeMap<Key, Arc<Value>>,
    history: VecDeque<Change>,
    version: u64,
    oldest: u64,
}

impl Store {
    /// An empty store whose next write makes the version after this one.
    #[must_use]
    pub fn new(version: u64) -> Self {
        Self { objects: BTreeMap::new(), history: VecDeque::new(), version, oldest: version }
    }

    /// The version of the newest write.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// One object.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Arc<Value>> {
        self.objects.get(key)
    }

    /// The objects of a kind, in the order of their names; `namespace` empty means all of them.
    pub fn list(&self, resource: Resource, namespace: &str) -> impl Iterator<Item = &Arc<Value>> {
        let from = Key::new(resource, namespace, "");
        let wanted = namespace.to_owned();
        self.objects
            .range(from..)
            .take_while(move |(key, _)| key.resource == resource && (wanted.is_empty() || key.namespace == wanted))
            .map(|(_, object)| object)
    }

    /// The objects of a kind as they were at a past version.
    ///
    /// # Errors
    /// [`Expired`] when the history no longer reaches back that far.
    pub fn list_at(&self, resource: Resource, namespace: &str, version: u64) -> Result<Vec<Arc<Value>>, Expired> {
        let mut objects: BTreeMap<Key, Arc<Value>> =
            self.list(resource, namespace).map(|object| (Key::of(resource, object), Arc::clone(object))).collect();
        let later: Vec<&Change> = self.changes_after(version)?.collect();
        for change in later.into_iter().rev() {
            if change.key.resource != resource || !(namespace.is_empty() || change.key.namespace == namespace) {
                continue;
            }
            match &change.previous {
                Some(previous) => objects.insert(change.key.clone(), Arc::clone(previous)),
                None => objects.remove(&change.key),
            };
        }
        Ok(objects.into_values().collect())
    }

    /// The changes after a version, oldest first.
    ///
    /// # Errors
    /// [`Expired`] when the history no longer reaches back that far.
    pub fn changes_after(&self, version: u64) -> Result<impl Iterator<Item = &Change>, Expired> {
        if version < self.oldest {
            return Err(Expired { asked: version, oldest: self.oldest });
        }
        let start = self.history.partition_point(|change| change.version <= version);
        Ok(self.history.range(start..))
    }

    /// Writes an object under the next version. Writing what is already there changes nothing.
    pub fn put(&mut self, key: Key, mut object: Value) -> Arc<Value> {
        let previous = self.objects.get(&key).cloned();
        if let Some(previous) = &previous {
            object["metadata"]["resourceVersion"] = previous["metadata"]["resourceVersion"].clone();
            if object == **previous {
                return Arc::clone(previous);
            }
        }
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let object = Arc::new(object);
        let transition = if previous.is_some() { ChangeKind::Modified } else { ChangeKind::Added };
        self.objects.insert(key.clone(), Arc::clone(&object));
        self.remember(Change { version: self.version, key, transition, object: Arc::clone(&object), previous });
        object
    }

    /// Removes an object; its last state is returned with the version of the removal.
    pub fn remove(&mut self, key: &Key) -> Option<Arc<Value>> {
        let previous = self.objects.remove(key)?;
        self.version += 1;
        let mut last = Value::clone(&previous);
        last["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let object = Arc::new(last);
        self.remember(Change {
            version: self.version,
            key: key.clone(),
            transition: ChangeKind::Deleted,
            object: Arc::clone(&object),
            previous: Some(previous),
        });
        Some(object)
    }

    /// Forgets the whole history, as a compaction does: only the newest version can be watched from.
    pub fn forget(&mut self) {
        self.history.clear();
        self.oldest = self.version;
    }

    fn remember(&mut self, change: Change) {
        self.history.push_back(change);
        if self.history.len() > HISTORY
            && let Some(forgotten) = self.history.pop_front()
        {
            self.oldest = forgotten.version;
        }
    }
}
