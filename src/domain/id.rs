//! Names of things: short, printable, comparable, each kind a type of its own.
//!
//! A route's name can't be handed to something that wants a backend's. All kinds share one grammar, so that a name can stand in a
//! file name, in a URL path and on one line of a log: 1 to 63 characters out of `a-z 0-9 . _ - /`, beginning with a letter or digit.
//! A name is copied far more often than it is made, so its copies share their text.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::as_text;

/// Longest name, in characters; the limit that DNS labels and most Google resource names share.
pub const ID_CHARS_MAX: usize = 63;

/// Why a text can't be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("a name can't be empty; use 1 to {ID_CHARS_MAX} of a-z 0-9 . _ - /")]
    Empty,
    #[error("a name of {0} characters is too long; use at most {ID_CHARS_MAX}")]
    Long(usize),
    #[error("a name can't begin with {0:?}; begin it with a letter a-z or a digit")]
    Begin(char),
    #[error("a name can't contain {0:?}; use only a-z 0-9 . _ - / and begin with a letter or digit")]
    Character(char),
}

fn checked(text: &str) -> Result<(), IdError> {
    let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'/');
    let begins = text.bytes().next().is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit());
    // Each record that is read back holds names, and nearly none of them is anything else; what is wrong is then looked for.
    if begins && text.len() <= ID_CHARS_MAX && text.bytes().all(fits) {
        return Ok(());
    }
    let count = text.chars().count();
    if count > ID_CHARS_MAX {
        return Err(IdError::Long(count));
    }
    let first = text.chars().next().ok_or(IdError::Empty)?;
    let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-' | '/');
    match text.chars().find(|c| !allowed(*c)) {
        Some(wrong) => Err(IdError::Character(wrong)),
        None if first.is_ascii_alphanumeric() => Ok(()),
        None => Err(IdError::Begin(first)),
    }
}

/// A name's text, with its beginning beside it: maps ask for names all the time, and hardly ever for two that begin alike.
#[derive(Clone, Eq)]
struct Name {
    /// The first eight characters, and zeros where it has fewer; they order as the texts do, since no name contains a zero.
    begin: u64,
    text: Arc<str>,
}

impl Name {
    fn new(text: &str) -> Result<Name, IdError> {
        checked(text)?;
        let mut begin = [0; 8];
        begin.iter_mut().zip(text.bytes()).for_each(|(place, byte)| *place = byte);
        Ok(Name { begin: u64::from_be_bytes(begin), text: text.into() })
    }

    /// How two that begin alike compare.
    fn cmp_rest(&self, other: &Name) -> Ordering {
        let is_begin = |name: &Name| name.text.len() <= 8;
        let same = Arc::ptr_eq(&self.text, &other.text) || (is_begin(self) && is_begin(other));
        if same { Ordering::Equal } else { self.text.cmp(&other.text) }
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    #[inline(always)]
    fn cmp(&self, other: &Self) -> Ordering {
        self.begin.cmp(&other.begin).then_with(|| self.cmp_rest(other))
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Name);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0.text
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.as_str()).finish()
            }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Name::new(text).map(Self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                as_text::parsed(deserializer)
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.as_str().to_owned()
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

id!(/// One run of a plan, for example `hexproperty-20261123-2200`.
    SessionId);
id!(/// A named split of traffic, for example `frontend`.
    RouteId);
id!(/// A leg that can receive traffic, for example `run` or `gke`.
    BackendId);
id!(/// A rule that rolls back by itself, for example `error-rate`.
    TriggerId);
id!(/// A line of the checklist, for example `replication-lag`.
    ItemId);
id!(/// A step of the plan, for example `backup`.
    StepId);
id!(/// A phase of the plan, for example `cutover`.
    PhaseId);
id!(/// A manifest of the plan, by its file's name without the ending, for example `frontend`.
    ManifestId);
id!(/// A database instance, for example `hexproperty-replica`.
    InstanceId);
id!(/// Where readings come from, for example `scrape/gke`; one sensor is one source.
    SourceId);
id!(/// A person, by the name that the roster or the kernel gives.
    OperatorId);

/// Number of an entry in the journal; the first is 0 and each next is one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

/// Number that a cockpit gives to one of its questions, so that the answer finds its way back. Unique within one client only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AskId(pub u64);

/// One attached terminal. The host numbers them upwards from 1 and never reuses a number within a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientId(pub u64);

/// An effect is named by the entry that caused it and its place among that entry's effects, so a replay names it alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EffectId {
    pub seq: Seq,
    pub index: u16,
}

impl fmt::Display for EffectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.seq.0, self.index)
    }
}
impl Serialize for EffectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for EffectId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        as_text::parsed(deserializer)
    }
}
impl FromStr for EffectId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('.').and_then(|(seq, index)| Some((seq.parse().ok()?, index.parse().ok()?)));
        let (seq, index) =
            parsed.ok_or_else(|| format!("{text:?} names no effect; write the entry's number, a dot and the place, as in 17.0"))?;
        Ok(Self { seq: Seq(seq), index })
    }
}
impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_outside_the_grammar_are_refused_with_the_reason() {
        assert_eq!("".parse::<RouteId>(), Err(IdError::Empty));
        assert_eq!("Front".parse::<RouteId>(), Err(IdError::Character('F')));
        assert_eq!("a b".parse::<RouteId>(), Err(IdError::Character(' ')));
        for begin in ['.', '_', '-', '/'] {
            let error = format!("{begin}x").parse::<RouteId>().unwrap_err();
            assert_eq!(error, IdError::Begin(begin));
            assert!(!error.to_string().contains("can't contain"), "{error}");
        }
        assert_eq!("x".repeat(64).parse::<RouteId>(), Err(IdError::Long(64)));
        assert_eq!("scrape/gke-1.a_b".parse::<SourceId>().map(String::from), Ok("scrape/gke-1.a_b".to_owned()));
    }

    proptest::proptest! {
        #[test]
        fn names_order_as_their_texts_do(one in "[a-c][a-c/]{0,10}", other in "[a-c][a-c/]{0,10}") {
            let name = |text: &str| text.parse::<RouteId>().unwrap();
            proptest::prop_assert_eq!(name(&one).cmp(&name(&other)), one.cmp(&other));
            proptest::prop_assert_eq!(name(&one) == name(&other), one == other);
        }
    }

    #[test]
    fn effect_ids_survive_json() {
        let id = EffectId { seq: Seq(17), index: 2 };
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, "\"17.2\"");
        assert_eq!(serde_json::from_str::<EffectId>(&json).unwrap(), id);
    }
}
