//! Who steers an object, as the object itself says it: a line beside what people wrote there.
//!
//! A claim is written in the same compare-and-set as the weights, so whoever holds the object's newest version knows whose it is. It is
//! text that anybody may read and anybody with the right to may write: it is read strictly, and what is not exactly a claim is people's
//! text and nobody's claim. Epochs order claims of one object; clocks of other machines order nothing here, and `since` is for people.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::{
    as_text,
    id::{OperatorId, SessionId},
    time::Timestamp,
};

/// Longest text of a claim, in bytes: each name in it is bounded.
pub const CLAIM_BYTES_MAX: usize = 320;
/// How a claim begins and ends in a longer text.
pub const BEGINS: &str = "[cutover claim/1 ";
pub const ENDS: &str = "]";

/// Rises with each taking over of an object; no write of an older one follows a newer one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(u64);

impl Epoch {
    /// A claim with more was not written by this program.
    const MAX: u64 = 999_999_999_999;

    pub fn new(number: u64) -> Epoch {
        Epoch(number.min(Epoch::MAX))
    }
    pub fn get(self) -> u64 {
        self.0
    }
    #[must_use]
    pub fn next(self) -> Epoch {
        Epoch::new(self.0 + 1)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Tells sessions of one name apart: two hosts may begin one of the same plan within the same minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token(u32);

impl Token {
    pub fn new(number: u32) -> Token {
        Token(number)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl FromStr for Token {
    type Err = NotAClaim;
    fn from_str(text: &str) -> Result<Token, NotAClaim> {
        let exact = text.len() == 8 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = u32::from_str_radix(text, 16).ok().filter(|_| exact);
        number.map(Token).ok_or(NotAClaim)
    }
}

/// The machine that a host runs on, in the grammar of host names; what is not of it is left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Machine(String);

impl Machine {
    const BYTES_MAX: usize = 63;

    pub fn new(name: &str) -> Machine {
        let kept = name.chars().map(|c| c.to_ascii_lowercase()).filter(|c| Machine::allows(*c)).take(Machine::BYTES_MAX);
        let kept: String = kept.collect();
        Machine(if kept.is_empty() { "unknown".to_owned() } else { kept })
    }

    fn allows(c: char) -> bool {
        matches!(c, 'a'..='z' | '0'..='9' | '.' | '-')
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Machine {
    type Err = NotAClaim;
    fn from_str(text: &str) -> Result<Machine, NotAClaim> {
        let machine = Machine::new(text);
        if machine.0 == text { Ok(machine) } else { Err(NotAClaim) }
    }
}

/// A session on a machine, as claims name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimant {
    pub session: SessionId,
    pub token: Token,
    pub machine: Machine,
}

/// Whether the session that claims goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claims {
    /// It steers. Nothing but its own word, or a person's, says otherwise: no clock does.
    Steers,
    /// It has ended, and nobody steers.
    Ended,
}

/// One session's claim to one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub by: Claimant,
    pub epoch: Epoch,
    /// When that session wrote this epoch first, by its own clock; whole seconds.
    pub since: Timestamp,
    /// At whose word, where it was a person's.
    pub person: Option<OperatorId>,
    pub claims: Claims,
}

/// A text is no claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not the claim of a session")]
pub struct NotAClaim;

impl Claim {
    /// Whether both are of one session, whatever their epochs.
    pub fn is_of(&self, session: &SessionId, token: Token) -> bool {
        self.by.session == *session && self.by.token == token
    }
    /// Whether both are the same host's in the same epoch.
    pub fn is_same(&self, other: &Claim) -> bool {
        self.epoch == other.epoch && self.claims == other.claims && self.by == other.by
    }
}

/// `[cutover claim/1 hexproperty-20261128-2104 7f3a09c2 epoch 3 since 1795900000 on ops-1 by ada steers]`
impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Claim { by: Claimant { session, token, machine }, epoch, since, person, claims } = self;
        let person = person.as_ref().map_or("-", OperatorId::as_str);
        let claims = match claims {
            Claims::Steers => "steers",
            Claims::Ended => "ended",
        };
        let seconds = since.0.div_euclid(1000);
        write!(f, "{BEGINS}{session} {token} epoch {epoch} since {seconds} on {machine} by {person} {claims}{ENDS}")
    }
}

impl FromStr for Claim {
    type Err = NotAClaim;
    fn from_str(text: &str) -> Result<Claim, NotAClaim> {
        let inner = text.strip_prefix(BEGINS).and_then(|rest| rest.strip_suffix(ENDS)).filter(|_| text.len() <= CLAIM_BYTES_MAX);
        let words: Vec<&str> = inner.ok_or(NotAClaim)?.split(' ').collect();
        let [session, token, "epoch", epoch, "since", seconds, "on", machine, "by", person, claims] = words.as_slice() else {
            return Err(NotAClaim);
        };
        let claims = match *claims {
            "steers" => Claims::Steers,
            "ended" => Claims::Ended,
            _ => return Err(NotAClaim),
        };
        let person = match *person {
            "-" => None,
            name => Some(name.parse().map_err(|_| NotAClaim)?),
        };
        let epoch: u64 = epoch.parse().map_err(|_| NotAClaim)?;
        let seconds: i64 = seconds.parse().map_err(|_| NotAClaim)?;
        let by = Claimant { session: session.parse().map_err(|_| NotAClaim)?, token: token.parse()?, machine: machine.parse()? };
        let claim = Claim { by, epoch: Epoch::new(epoch), since: Timestamp(seconds.saturating_mul(1000)), person, claims };
        // Exactly as it would be written: no other spelling of the same is one.
        if claim.to_string() == text { Ok(claim) } else { Err(NotAClaim) }
    }
}

impl Serialize for Claim {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Claim {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        as_text::parsed(deserializer)
    }
}
impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        as_text::parsed(deserializer)
    }
}
impl Serialize for Machine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
impl<'de> Deserialize<'de> for Machine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        as_text::parsed(deserializer)
    }
}

/// Whose claim a look found on the object.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claimed {
    /// Whoever looked does not tell, as nobody did in older records.
    #[default]
    Untold,
    Nobody,
    By(Box<Claim>),
}

impl Claimed {
    pub fn is_untold(&self) -> bool {
        *self == Claimed::Untold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn claim(epoch: u64) -> Claim {
        let by = Claimant { session: "night-20261128-2104".parse().unwrap(), token: Token(0x7f3a), machine: Machine::new("Ops-1.Example") };
        Claim {
            by,
            epoch: Epoch::new(epoch),
            since: Timestamp(1_795_900_000_000),
            person: Some("ada".parse().unwrap()),
            claims: Claims::Steers,
        }
    }

    #[test]
    fn a_claim_reads_as_it_prints_and_no_other_spelling_is_one() {
        let text = claim(3).to_string();
        assert_eq!(text, "[cutover claim/1 night-20261128-2104 00007f3a epoch 3 since 1795900000 on ops-1.example by ada steers]");
        assert_eq!(text.parse(), Ok(claim(3)));
        let ended = Claim { person: None, claims: Claims::Ended, ..claim(4) };
        assert_eq!(ended.to_string().parse(), Ok(ended));
        let spoilt = [
            text.replace("epoch 3", "epoch 03"),
            text.replace("epoch 3", "epoch 18446744073709551615"),
            text.replace("epoch 3", "epoch -3"),
            text.replace("claim/1", "claim/2"),
            text.replace("steers", "steers "),
            text.replace("ops-1", "ops\u{1b}[31m"),
            text.replace("ada", "ADA"),
            text.replace("00007f3a", "7f3a"),
            text[1..].to_owned(),
        ];
        for text in spoilt {
            assert_eq!(text.parse::<Claim>(), Err(NotAClaim), "{text}");
        }
    }

    #[test]
    fn a_claim_is_never_longer_than_its_bound() {
        let long = "a".repeat(63);
        let by = Claimant { session: long.parse().unwrap(), token: Token(u32::MAX), machine: Machine::new(&"b".repeat(99)) };
        let person = Some(long.parse().unwrap());
        let claim = Claim { by, epoch: Epoch::new(u64::MAX), since: Timestamp(i64::MIN), person, claims: Claims::Steers };
        assert!(claim.to_string().len() <= CLAIM_BYTES_MAX, "{}", claim.to_string().len());
        assert_eq!(claim.epoch.next(), claim.epoch, "the greatest stays the greatest");
    }
}
