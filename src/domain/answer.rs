//! What an answer looks like from outside, in few bytes, and which answers a plan counts as good.
//!
//! Two backends behind the same door are compared by the kinds of their answers: status, media type, where a redirect leads, whether the
//! plan's text was found. A kind is bounded in length and a tally in number, since all of it comes from outside and is kept. Nothing here
//! says what is normal for a door; that is learned from home's own answers.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::{as_text, shown::Shown, table::Table};

/// Longest media type and host kept, in characters; what is longer or strangely spelled is kept as `?`.
const WORD_CHARS_MAX: usize = 64;
/// Kinds that one [`Answers`] tells apart; what comes beyond them is counted by its hundred of status alone.
pub const KINDS_MAX: usize = 8;

/// The kind of one answer. As text it is one line: `200 text/html`, `302 - >login.example.com`, `200 text/html -text`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AnswerKind {
    status: u16,
    /// Media type without parameters, in lower case; `-` when none was said. The state keeps hundreds of each, and they share it.
    media: Arc<str>,
    redirect: Redirect,
    text: TextMatch,
}

/// Where an answer sends its reader.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Redirect {
    Nowhere,
    /// Another page of the host that was asked.
    SameHost,
    OtherHost(Arc<str>),
}

/// Whether the text that the plan expects was in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TextMatch {
    NotAsked,
    Found,
    Missing,
}

/// What users call an answer of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AnswerClass {
    /// 2xx.
    Success,
    /// 3xx that stays with the host that was asked.
    Redirect,
    /// 3xx that leads to another host: a login page, as a rule.
    Elsewhere,
    /// 4xx.
    ClientError,
    /// 5xx.
    ServerError,
    /// A status that HTTP doesn't know as an answer.
    Strange,
}

impl AnswerKind {
    pub fn new(status: u16, media: &str, redirect: Redirect, text: TextMatch) -> AnswerKind {
        let redirect = match redirect {
            Redirect::OtherHost(host) => Redirect::OtherHost(word(&host)),
            Redirect::Nowhere | Redirect::SameHost => redirect,
        };
        AnswerKind { status, media: word(media), redirect, text }
    }
    pub fn status(&self) -> u16 {
        self.status
    }
    pub fn media(&self) -> &str {
        &self.media
    }
    pub fn redirect(&self) -> &Redirect {
        &self.redirect
    }
    pub fn text(&self) -> TextMatch {
        self.text
    }
    pub fn class(&self) -> AnswerClass {
        match (self.status / 100, &self.redirect) {
            (2, _) => AnswerClass::Success,
            (3, Redirect::OtherHost(_)) => AnswerClass::Elsewhere,
            (3, Redirect::Nowhere | Redirect::SameHost) => AnswerClass::Redirect,
            (4, _) => AnswerClass::ClientError,
            (5, _) => AnswerClass::ServerError,
            (_, _) => AnswerClass::Strange,
        }
    }

    /// The hundred of the status and nothing else, for what comes beyond the kinds that are told apart.
    fn coarse(&self) -> AnswerKind {
        AnswerKind { status: self.status / 100 * 100, media: "?".into(), redirect: self.redirect.coarse(), text: self.text }
    }
}

impl Redirect {
    fn coarse(&self) -> Redirect {
        match self {
            Redirect::OtherHost(_) => Redirect::OtherHost("?".into()),
            Redirect::Nowhere | Redirect::SameHost => self.clone(),
        }
    }
}

/// A media type or a host in its own grammar; `-` for nothing.
fn word(text: &str) -> Arc<str> {
    let text = text.trim();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&^_.+-/:[]*?".contains(&byte);
    match text.len() {
        0 => "-".into(),
        1..=WORD_CHARS_MAX if text.bytes().all(allowed) && text.bytes().any(|byte| byte.is_ascii_uppercase()) => {
            text.to_ascii_lowercase().into()
        }
        1..=WORD_CHARS_MAX if text.bytes().all(allowed) => text.into(),
        _ => "?".into(),
    }
}

impl fmt::Display for AnswerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.media)?;
        match &self.redirect {
            Redirect::Nowhere => {}
            Redirect::SameHost => f.write_str(" >")?,
            Redirect::OtherHost(host) => write!(f, " >{host}")?,
        }
        match self.text {
            TextMatch::NotAsked => Ok(()),
            TextMatch::Found => f.write_str(" +text"),
            TextMatch::Missing => f.write_str(" -text"),
        }
    }
}

impl Serialize for AnswerKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for AnswerKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<AnswerKind, D::Error> {
        as_text::parsed(deserializer)
    }
}

/// A text that is no kind of answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no kind of answer; write a status and a media type, such as `200 text/html`")]
pub struct NotAKind(String);

impl FromStr for AnswerKind {
    type Err = NotAKind;

    fn from_str(text: &str) -> Result<AnswerKind, NotAKind> {
        let wrong = || NotAKind(text.chars().take(WORD_CHARS_MAX).collect());
        let mut words = text.split(' ');
        let status = words.next().and_then(|word| word.parse().ok()).ok_or_else(wrong)?;
        let media = words.next().ok_or_else(wrong)?;
        let (mut redirect, mut match_) = (Redirect::Nowhere, TextMatch::NotAsked);
        for word in words {
            match (word, word.strip_prefix('>')) {
                ("+text", _) => match_ = TextMatch::Found,
                ("-text", _) => match_ = TextMatch::Missing,
                (_, Some("")) => redirect = Redirect::SameHost,
                (_, Some(host)) => redirect = Redirect::OtherHost(host.into()),
                (_, None) => return Err(wrong()),
            }
        }
        Ok(AnswerKind::new(status, media, redirect, match_))
    }
}

/// How many answers of each kind there were; tells at most [`KINDS_MAX`] kinds apart beside the coarse ones.
///
/// Most looks meet one kind or two, and the state keeps hundreds of looks: a sorted list takes a tenth of the room of a map's first node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "Table<AnswerKind, u64>")]
pub struct Answers(Vec<(AnswerKind, u64)>);

impl From<Table<AnswerKind, u64>> for Answers {
    fn from(kinds: Table<AnswerKind, u64>) -> Answers {
        Answers(kinds.into_iter().collect())
    }
}

impl Serialize for Answers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// The header by which an answer says which backend gave it; its value is the backend's name in the plan.
pub const SERVED_BY: &str = "x-served-by";

impl Answers {
    pub fn add(&mut self, kind: &AnswerKind, count: u64) {
        if count == 0 {
            return;
        }
        match self.place(kind) {
            Ok(known) => self.0[known].1 = self.0[known].1.saturating_add(count),
            Err(place) if self.0.len() < KINDS_MAX => self.0.insert(place, (kind.clone(), count)),
            Err(_) => self.add_coarse(kind.coarse(), count),
        }
    }
    /// What finds no room of its own, even if its hundred has none yet.
    fn add_coarse(&mut self, kind: AnswerKind, count: u64) {
        match self.place(&kind) {
            Ok(known) => self.0[known].1 = self.0[known].1.saturating_add(count),
            Err(place) => self.0.insert(place, (kind, count)),
        }
    }
    /// Where a kind stands, or would.
    fn place(&self, kind: &AnswerKind) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.cmp(kind))
    }
    pub fn add_all(&mut self, others: &Answers) {
        others.iter().for_each(|(kind, count)| self.add(kind, count));
    }
    pub fn iter(&self) -> impl Iterator<Item = (&AnswerKind, u64)> {
        self.0.iter().map(|(kind, count)| (kind, *count))
    }
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    pub fn total(&self) -> u64 {
        self.count(|_| true)
    }
    pub fn of(&self, kind: &AnswerKind) -> u64 {
        self.place(kind).map_or(0, |known| self.0[known].1)
    }
    pub fn of_class(&self, class: AnswerClass) -> u64 {
        self.count(|kind| kind.class() == class)
    }
    pub fn count(&self, wanted: impl Fn(&AnswerKind) -> bool) -> u64 {
        self.iter().filter(|(kind, _)| wanted(kind)).fold(0, |sum, (_, count)| sum.saturating_add(count))
    }
    /// The kind that was met most often.
    pub fn most(&self) -> Option<(&AnswerKind, u64)> {
        self.iter().max_by_key(|(_, count)| *count)
    }
}

impl FromIterator<(AnswerKind, u64)> for Answers {
    fn from_iter<I: IntoIterator<Item = (AnswerKind, u64)>>(kinds: I) -> Answers {
        let mut answers = Answers::default();
        kinds.into_iter().for_each(|(kind, count)| answers.add(&kind, count));
        answers
    }
}

/// Statuses that a plan names: one of them, or a whole hundred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Statuses {
    One(u16),
    /// `2` for 200 to 299.
    Hundred(u16),
}

impl Statuses {
    pub fn hold(self, status: u16) -> bool {
        match self {
            Statuses::One(one) => status == one,
            Statuses::Hundred(hundred) => status / 100 == hundred,
        }
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Statuses::One(one) => write!(f, "{one}"),
            Statuses::Hundred(hundred) => write!(f, "{hundred}xx"),
        }
    }
}

/// What a plan expects of an answer. A redirect to another host is never expected: what is asked is what must answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expect {
    /// Any of these.
    pub statuses: Vec<Statuses>,
    /// Somewhere in the body.
    pub text: Option<Shown>,
}

impl Expect {
    /// What a probe expects when the plan says nothing: any 2xx.
    pub fn success() -> Expect {
        Expect { statuses: vec![Statuses::Hundred(2)], text: None }
    }
    pub fn accepts(&self, kind: &AnswerKind) -> bool {
        self.statuses.iter().any(|statuses| statuses.hold(kind.status))
            && kind.text != TextMatch::Missing
            && !matches!(kind.redirect, Redirect::OtherHost(_))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kind(text: &str) -> AnswerKind {
        text.parse().unwrap()
    }

    #[test]
    fn a_kind_reads_as_it_prints() {
        for text in ["200 text/html", "302 - >login.example.com", "301 text/html >", "200 application/json +text", "200 text/html -text"] {
            assert_eq!(kind(text).to_string(), text);
        }
        for text in ["", "200", "two text/html", "200 text/html login"] {
            assert!(text.parse::<AnswerKind>().is_err(), "{text}");
        }
    }

    #[test]
    fn classes_tell_a_login_from_a_redirect() {
        let class = |text: &str| kind(text).class();
        assert_eq!(class("302 - >login.example.com"), AnswerClass::Elsewhere);
        assert_eq!(class("302 - >"), AnswerClass::Redirect);
        assert_eq!(class("304 -"), AnswerClass::Redirect);
        assert_eq!(class("404 text/plain"), AnswerClass::ClientError);
        assert_eq!(class("599 -"), AnswerClass::ServerError);
        assert_eq!(class("999 -"), AnswerClass::Strange);
    }

    #[test]
    fn what_a_plan_expects_is_status_text_and_no_other_host() {
        let expect = Expect { statuses: vec![Statuses::Hundred(2), Statuses::One(302)], text: None };
        let accepted = ["200 text/html", "204 -", "302 - >", "200 - +text"].map(|text| expect.accepts(&kind(text)));
        assert_eq!(accepted, [true; 4]);
        let refused = ["302 - >login.example.com", "404 -", "200 - -text"].map(|text| expect.accepts(&kind(text)));
        assert_eq!(refused, [false; 3]);
    }

    proptest! {
        #[test]
        fn whatever_comes_from_outside_is_bounded_and_survives_the_journal(
            answers in proptest::collection::vec((any::<u16>(), ".{0,80}", proptest::option::of(".{0,80}")), 0..100)
        ) {
            let mut counted = Answers::default();
            for (status, media, host) in &answers {
                let redirect = host.as_deref().map_or(Redirect::Nowhere, |host| Redirect::OtherHost(host.into()));
                let kind = AnswerKind::new(*status, media, redirect, TextMatch::NotAsked);
                prop_assert_eq!(&kind, &kind.to_string().parse::<AnswerKind>().unwrap());
                counted.add(&kind, 1);
            }
            prop_assert_eq!(counted.total(), answers.len() as u64);
            let text = serde_json::to_string(&counted).unwrap();
            prop_assert_eq!(serde_json::from_str::<Answers>(&text).unwrap(), counted);
        }
    }
}
