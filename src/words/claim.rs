//! Which session steers an object, in words.

use crate::{
    core::{
        event::Hosted,
        steer::{Order, Steering, Steers},
    },
    domain::claim::{Claim, Claimed, Claims},
    words::absence,
};

/// `session night on ops-1`: whose claim it is.
pub fn claimant(claim: &Claim) -> String {
    format!("session {} on {}", claim.by.session, claim.by.machine)
}

/// The same with since when, by its own clock, and at whose word.
pub fn steers(claim: &Claim) -> String {
    let person = claim.person.as_ref().map_or_else(String::new, |who| format!(" by {who}"));
    format!("{} since {}{person}, epoch {}", claimant(claim), absence::moment(claim.since), claim.epoch)
}

/// The same as a sentence's part.
pub fn steered_by(claim: &Claim) -> String {
    format!("steered by {}", steers(claim))
}

/// Whose claim stands on an object, for whoever has only looked at it.
pub fn who_steers(claimed: &Claimed) -> Option<String> {
    match claimed {
        Claimed::Untold | Claimed::Nobody => None,
        Claimed::By(claim) => match claim.claims {
            Claims::Steers => Some(steered_by(claim)),
            Claims::Ended => Some(format!("steered until its end by {}", claimant(claim))),
        },
    }
}

/// Who steers, as a session knows it.
pub fn steering(steering: &Steering) -> String {
    let told = match &steering.stands {
        Steers::Untold => "not told".to_owned(),
        Steers::Nobody => "nobody; the next write of this session claims it".to_owned(),
        Steers::Us { claim } => format!("this session since {}, epoch {}", absence::moment(claim.since), claim.epoch),
        Steers::Another { claim, .. } => format!("{}; here only a rollback leaves", steers(claim)),
        Steers::Lost { .. } => "not known: the line of this session has gone from the object".to_owned(),
    };
    let writes = if steering.writing.is_some() { "; a change of that is being written" } else { "" };
    format!("{told}{writes}")
}

/// The start of a host.
pub fn hosted(hosted: &Hosted) -> String {
    let order = hosted.takes_over.as_ref().map_or_else(String::new, |Order { by, reason }| {
        format!("; {by}, who started it, takes over what another session steers: {reason}")
    });
    format!("the host runs on {}{order}", hosted.machine)
}
