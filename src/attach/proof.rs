//! Who of an account's people is at the other end: the account says it where it is one person's, a key of his own where several share it.
//!
//! The host hands out a text that was never signed before, and whoever can sign it with the key that the roster lists for a person is
//! that person. So two people on one account are two people for everything that follows, approvals included.

use ring::rand::{SecureRandom, SystemRandom};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

use std::time::Duration;

use crate::{
    attach::{
        frame::{self, Frames, Outgoing},
        protocol::{Challenge, Greeting, Hello, Proof, Refused, Then, Wants},
        roster::Identity,
        sshsig::{PublicKey, SignatureError, TO_ATTACH},
    },
    core::event::Intrusion,
    domain::{
        credentials::{Credentials, Proven},
        id::{OperatorId, SessionId},
        shown::Shown,
    },
};

/// An agent may wait for a touch.
pub(super) const PROVEN_WITHIN: Duration = Duration::from_secs(40);

/// One of the people that an account may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub identity: Identity,
    /// What proves that it is he; without one, the account alone does.
    pub key: Option<PublicKey>,
    /// What the host calls the account.
    pub login: Option<Shown>,
}

impl Candidate {
    /// By the account alone.
    pub fn known(identity: Identity) -> Candidate {
        Candidate { identity, key: None, login: None }
    }

    /// What stands behind his name once he is let in under it.
    pub fn credentials(&self) -> Credentials {
        let proven = self.key.as_ref().map_or(Proven::Account, |key| Proven::Key(key.fingerprint()));
        Credentials { uid: self.identity.uid, login: self.login.clone(), proven }
    }
}

fn stay_away(why: impl AsRef<str>) -> Refused {
    Refused { why: Shown::new(why.as_ref()), then: Then::StayAway }
}

/// Somebody who is not let in, and what the record is told of it; nothing, where he was only asked for more.
pub(super) struct Unproven {
    pub refused: Refused,
    pub what: Option<(Intrusion, OperatorId)>,
}

impl From<Refused> for Unproven {
    fn from(refused: Refused) -> Unproven {
        Unproven { refused, what: None }
    }
}

/// The one who says hello, proven where that is asked of him.
pub(super) async fn who_is_it(
    candidates: &[Candidate],
    hello: &Hello,
    session: &SessionId,
    frames: &mut Frames<impl AsyncRead + Unpin>,
    writer: &mut (impl AsyncWrite + Unpin),
) -> Result<Candidate, Unproven> {
    // Whoever only glances gets no name and may nothing; that he is one of them is enough.
    if let (Wants::Glance, Some(anybody)) = (hello.wants, candidates.first()) {
        return Ok(anybody.clone());
    }
    let chosen = choose(candidates, hello.person.as_ref())
        .map_err(|refused| Unproven { refused, what: hello.person.clone().map(|person| (Intrusion::AnotherName, person)) })?;
    let unproven = |what, why| Unproven { refused: stay_away(why), what: Some((what, chosen.identity.who.clone())) };
    let Some(key) = &chosen.key else { return Ok(chosen.clone()) };
    let text = challenge(session)?;
    let challenge = Greeting::Prove(Challenge { text: text.clone() });
    let asked = timeout(PROVEN_WITHIN, async {
        frame::write(writer, &[Outgoing::of(&challenge)]).await.ok()?;
        frames.next::<Proof>().await.ok()?
    });
    let no_proof = || unproven(Intrusion::NoProof, "no proof came of who you are; nothing was opened; attach again".to_owned());
    let proof = asked.await.ok().flatten().ok_or_else(no_proof)?;
    key.verify(TO_ATTACH, text.as_bytes(), &proof.signature).map_err(|why| {
        let what = if why == SignatureError::Text { Intrusion::ReplayedProof } else { Intrusion::NoProof };
        unproven(what, format!("you did not prove that you are {}: {why}; nothing was opened", chosen.identity.who))
    })?;
    Ok(chosen.clone())
}

/// Which of an account's people is meant.
/// # Errors
/// Nobody of them is, or it was not said who of several.
pub fn choose<'a>(candidates: &'a [Candidate], person: Option<&OperatorId>) -> Result<&'a Candidate, Refused> {
    let names = || candidates.iter().map(|one| one.identity.who.to_string()).collect::<Vec<_>>().join(", ");
    match (person, candidates) {
        (Some(person), _) => candidates
            .iter()
            .find(|one| one.identity.who == *person)
            .ok_or_else(|| stay_away(format!("this account is not {person} but {}; nothing was opened", names()))),
        (None, [only]) => Ok(only),
        (None, _) => Err(stay_away(format!("this account is shared by {}; say who you are with --person and --key", names()))),
    }
}

fn challenge(session: &SessionId) -> Result<String, Refused> {
    let mut chance = [0u8; 32];
    SystemRandom::new().fill(&mut chance).map_err(|_| stay_away("the host has no randomness to ask for a proof with"))?;
    let chance: String = chance.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("attach to {session}: {chance}"))
}
