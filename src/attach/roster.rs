//! The roster: which Unix account is which person, and what he may do.
//!
//! It is a file of the host's owner and not part of the plan, because whoever may edit a plan must not be able to make himself a pilot. The
//! kernel says which account is connected; the roster says who that is. All problems are reported at once, each with its line. A roster
//! with a problem admits nobody by it: half a roster would silently lock out, or let in, the wrong people.
//!
//! People who share an account are told apart by their SSH keys, or not at all: then the roster is refused.
//!
//! Without a roster the owner of the host is its pilot and nobody else may attach.

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::Read,
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags};
use serde::Deserialize;
use toml::Spanned;

use crate::{
    attach::{
        proof::{self, Candidate},
        sshsig::PublicKey,
    },
    core::event::{self, Listed},
    domain::{digest::Digest, id::OperatorId, role::Role, shown::Shown},
};

/// Longest roster, in bytes; some hundred people with their keys.
const ROSTER_BYTES_MAX: u64 = 64 * 1024;

/// Who is connected, as the host knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub uid: u32,
    pub who: OperatorId,
    pub role: Role,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roster {
    by_uid: BTreeMap<u32, Vec<Candidate>>,
    /// Of the file's text.
    digest: Option<Digest>,
}

/// Whether somebody has a key to prove who he is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signs {
    Yes,
    No,
}

/// Why a roster can't be used.
#[derive(Debug, thiserror::Error)]
pub enum RosterError {
    #[error("the roster {path} can't be read ({error}); nobody is admitted by it; create it or leave it out")]
    Io { path: PathBuf, error: std::io::Error },
    #[error("the roster {path} {why}; nobody is admitted by it; it must be a plain file of its owner that nobody else can write")]
    Unsafe { path: PathBuf, why: &'static str },
    #[error("the roster has {} problem(s); nobody is admitted by it; correct them all\n{}", .0.len(), lines(.0))]
    Problems(Vec<Problem>),
}

/// One thing that is wrong, and where. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub line: usize,
    pub text: String,
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.text)
    }
}

/// As typed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    person: Vec<Spanned<Typed>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    name: Spanned<String>,
    uid: Option<Spanned<i64>>,
    user: Option<Spanned<String>>,
    role: Spanned<String>,
    key: Option<Spanned<String>>,
}

impl Roster {
    /// The owner of the host alone, as its pilot.
    pub fn of_owner(uid: u32, passwd: &str) -> Roster {
        let who = user_of(uid, passwd).unwrap_or_else(|| format!("uid-{uid}")).parse().ok();
        let who = who.unwrap_or_else(|| format!("uid-{uid}").parse().expect("digits after a letter are a name"));
        let owner = Candidate { login: login_of(uid, passwd), ..Candidate::known(Identity { uid, who, role: Role::Pilot }) };
        Roster { by_uid: BTreeMap::from([(uid, vec![owner])]), digest: None }
    }

    /// Reads `text`, looking up account names in `passwd` (the text of `/etc/passwd`).
    ///
    /// # Errors
    /// [`RosterError::Problems`], all of them.
    pub fn parse(text: &str, passwd: &str) -> Result<Roster, RosterError> {
        let document: Document = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            RosterError::Problems(vec![Problem { line: line_at(text, at), text: error.message().to_owned() }])
        })?;
        let mut roster = Roster { digest: Some(Digest::of(text.as_bytes())), ..Roster::default() };
        let mut problems = Vec::new();
        for person in &document.person {
            let mut say = |at: usize, what: String| problems.push(Problem { line: line_at(text, at), text: what });
            roster.add(person, passwd, &mut say);
        }
        if document.person.is_empty() {
            problems.push(Problem { line: 1, text: "it lists nobody; add a [[person]] with name, uid or user, and role".to_owned() });
        }
        if problems.is_empty() { Ok(roster) } else { Err(RosterError::Problems(problems)) }
    }

    fn add(&mut self, person: &Spanned<Typed>, passwd: &str, say: &mut impl FnMut(usize, String)) {
        let start = person.span().start;
        let Typed { name, uid, user, role, key } = person.get_ref();
        let who = name.get_ref().parse::<OperatorId>().map_err(|why| say(name.span().start, format!("name: {why}"))).ok();
        let role = role_of(role.get_ref()).map_err(|why| say(role.span().start, why)).ok();
        let uid = match (uid, user) {
            (Some(uid), None) => u32::try_from(*uid.get_ref())
                .map_err(|_| say(uid.span().start, format!("uid: {} is no account number; use 0 to {}", uid.get_ref(), u32::MAX)))
                .ok(),
            (None, Some(user)) => uid_of(user.get_ref(), passwd).or_else(|| {
                say(user.span().start, format!("user: {:?} is not in /etc/passwd; give the number as uid instead", user.get_ref()));
                None
            }),
            (Some(_), Some(_)) => {
                say(start, "give uid or user, not both".to_owned());
                None
            }
            (None, None) => {
                say(start, "give the account: uid (a number) or user (a name)".to_owned());
                None
            }
        };
        let key = match key.as_ref().map(|key| (key.get_ref().parse::<PublicKey>(), key.span().start)) {
            Some((Err(why), at)) => return say(at, format!("key: {why}")),
            Some((Ok(key), _)) => Some(key),
            None => None,
        };
        let (Some(who), Some(role), Some(uid)) = (who, role, uid) else { return };
        let sharing = self.by_uid.get(&uid).into_iter().flatten();
        if let Some(other) = sharing.clone().find(|other| key.is_none() || other.key.is_none()) {
            let other = &other.identity.who;
            let why =
                format!("uid {uid} is {other} already; two people on one account can't be told apart; give each an account, or each a key");
            return say(start, why);
        }
        if key.is_some() && self.candidates().any(|other| other.key == key) {
            return say(start, "key: somebody else has the same; a key is one person's".to_owned());
        }
        if self.people().any(|other| other.who == who) {
            return say(
                name.span().start,
                format!("name: {who} is listed twice; approvals by two accounts of one person are no two people"),
            );
        }
        self.by_uid.entry(uid).or_default().push(Candidate { identity: Identity { uid, who, role }, key, login: login_of(uid, passwd) });
    }

    /// Reads the file at `path`, which must belong to `owner` or to root and be writable by nobody else.
    ///
    /// # Errors
    /// When it can't be read, could have been written by others, or has problems.
    pub fn load(path: &Path, owner: u32) -> Result<Roster, RosterError> {
        let io = |error: std::io::Error| RosterError::Io { path: path.to_owned(), error };
        let file = rustix::fs::open(path, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty())
            .map_err(|error| io(error.into()))?;
        let stat = rustix::fs::fstat(file.as_fd()).map_err(|error| io(error.into()))?;
        let unsafely = |why| Err(RosterError::Unsafe { path: path.to_owned(), why });
        if !rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file() {
            return unsafely("is not a plain file");
        }
        if stat.st_uid != owner && stat.st_uid != 0 {
            return unsafely("belongs to somebody else than the host's owner");
        }
        if stat.st_mode & 0o022 != 0 {
            return unsafely("can be written by others");
        }
        let mut text = String::new();
        let read = fs::File::from(file).take(ROSTER_BYTES_MAX + 1).read_to_string(&mut text).map_err(io)?;
        if read as u64 > ROSTER_BYTES_MAX {
            return unsafely("is longer than 64 KiB");
        }
        Roster::parse(&text, &passwd())
    }

    /// Who `uid` is, or nobody. Root is a watcher unless it is listed: it could read everything anyway, and acts under no name.
    ///
    /// Of an account that several share it is the first; who of them it is, his key says.
    pub fn identify(&self, uid: u32) -> Option<Identity> {
        self.may_be(uid).into_iter().next().map(|one| one.identity)
    }

    /// Everybody who `uid` may be; nobody for a stranger.
    pub fn may_be(&self, uid: u32) -> Vec<Candidate> {
        let root = || Identity { uid: 0, who: "root".parse().expect("root is a name"), role: Role::Watcher };
        match self.by_uid.get(&uid) {
            Some(candidates) => candidates.clone(),
            None if uid == 0 => vec![Candidate::known(root())],
            None => Vec::new(),
        }
    }

    /// Whether the host would let somebody in who comes from account `uid`, says that he is `person`, and can sign or not.
    /// # Errors
    /// Why not.
    pub fn would_admit(&self, uid: u32, person: Option<&OperatorId>, signs: Signs) -> Result<(), String> {
        let candidates = self.may_be(uid);
        if candidates.is_empty() {
            return Err(format!("account {uid} is not in the roster; add it there"));
        }
        let chosen = proof::choose(&candidates, person).map_err(|refused| refused.why.to_string())?;
        match (&chosen.key, signs) {
            (Some(_), Signs::No) => Err(format!("{} has to prove who that is; say it with --person and --key", chosen.identity.who)),
            (Some(_), Signs::Yes) | (None, _) => Ok(()),
        }
    }

    pub fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.by_uid.values().flatten()
    }

    /// The roster as it is recorded.
    pub fn recorded(&self) -> event::Roster {
        let listed = |one: &Candidate| {
            let Identity { uid, who, role } = one.identity.clone();
            Listed { who, role, uid, login: one.login.clone(), key: one.key.as_ref().map(PublicKey::fingerprint) }
        };
        event::Roster { digest: self.digest, people: self.candidates().map(listed).collect() }
    }

    pub fn people(&self) -> impl Iterator<Item = &Identity> {
        self.candidates().map(|one| &one.identity)
    }
}

/// The text of `/etc/passwd`, empty where there is none. Accounts that only a directory service knows are listed by number.
pub fn passwd() -> String {
    fs::read_to_string("/etc/passwd").unwrap_or_default()
}

fn role_of(text: &str) -> Result<Role, String> {
    let valid = Role::ALL.map(|role| role.to_string());
    let found = Role::ALL.into_iter().find(|role| role.to_string() == text);
    found.ok_or_else(|| format!("role: {text:?} is none; use one of {}", valid.join(", ")))
}

fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

fn accounts(passwd: &str) -> impl Iterator<Item = (&str, u32)> {
    passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        Some((fields.next()?, fields.nth(1)?.parse().ok()?))
    })
}

fn uid_of(user: &str, passwd: &str) -> Option<u32> {
    accounts(passwd).find(|(name, _)| *name == user).map(|(_, uid)| uid)
}

/// The account name of `uid`, as it is written.
pub fn login_of(uid: u32, passwd: &str) -> Option<Shown> {
    accounts(passwd).find(|(_, other)| *other == uid).map(|(name, _)| Shown::new(name))
}

/// The account name of `uid`, in the form that names have here.
pub fn user_of(uid: u32, passwd: &str) -> Option<String> {
    accounts(passwd).find(|(_, other)| *other == uid).map(|(name, _)| name.to_lowercase())
}
