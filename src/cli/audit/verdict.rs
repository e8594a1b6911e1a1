//! `cutover audit verify`: what a journal proves, and what it can't, for somebody who was not there.
//!
//! The text never promises more than the format does: without a witness from outside it says so, each time. It reads the file alone,
//! needs no session, and changes nothing.

use std::{
    io::{self, Write},
    path::Path,
};

use serde_json::json;

use crate::{
    cli::{
        Exit,
        audit::{Format, time},
    },
    domain::shown::Shown,
    journal::{
        broken::Break,
        chain::Witness,
        encode::ascii_json,
        files::{open_to_read, read_checkpoint_beside},
        reader::Tail,
        verify::{Proof, Verdict, verify as verify_bytes},
    },
};

/// Proves the journal at `path`, against `witnesses` and the checkpoint file beside it, and writes the verdict to `out`.
///
/// `Done` if all is proved, `Failed` if the journal is broken or contradicts a witness, `Usage` if it can't be read.
///
/// # Errors
/// Only if `out` takes no more.
pub fn verify(path: &Path, witnesses: &[Witness], format: Format, out: &mut dyn Write) -> io::Result<Exit> {
    let file = match open_to_read(path) {
        Ok(file) => file,
        Err(error) => return refuse(&error, format, out),
    };
    let beside = read_checkpoint_beside(path);
    match (verify_bytes(file, witnesses.iter().copied().chain(beside)), format) {
        (Ok(Verdict::Proved(proof)), Format::Text) => {
            write!(out, "{}", proved_text(&proof, witnesses, beside))?;
            Ok(Exit::Done)
        }
        (Ok(Verdict::Proved(proof)), Format::Json) => {
            print_json(&json!({ "verdict": "proved", "proof": proof_json(&proof) }), out)?;
            Ok(Exit::Done)
        }
        (Ok(Verdict::Broken { held, at }), Format::Text) => {
            write!(out, "{}", broken_text(held.as_ref(), &at))?;
            Ok(Exit::Failed)
        }
        (Ok(Verdict::Broken { held, at }), Format::Json) => {
            let held = held.as_ref().map(proof_json);
            let broken = json!({ "seq": at.seq, "offset": at.offset, "code": at.why.code(), "why": at.why.to_string() });
            print_json(&json!({ "verdict": "broken", "broken": broken, "held": held }), out)?;
            Ok(Exit::Failed)
        }
        (Err(error), _) => refuse(&error, format, out),
    }
}

/// Says why nothing was checked.
pub(super) fn refuse(error: &dyn std::error::Error, format: Format, out: &mut dyn Write) -> io::Result<Exit> {
    match format {
        Format::Text => writeln!(out, "error: {}", Shown::new(&error.to_string()))?,
        Format::Json => print_json(&json!({ "verdict": "unread", "error": error.to_string() }), out)?,
    }
    Ok(Exit::Usage)
}

fn print_json(value: &serde_json::Value, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", ascii_json(value)?)
}

fn proved_text(proof: &Proof, witnesses: &[Witness], beside: Option<Witness>) -> String {
    let mut text = format!(
        "PROVED   {} records, {} checkpoints, {} recoveries\n\
         session  {}\n\
         plan     {}\n\
         from     {}\n\
         to       {}\n\
         head     {}\n\
         end      {}\n",
        proof.records,
        proof.checkpoints,
        proof.recoveries,
        Shown::new(&proof.session),
        proof.plan,
        time(proof.first_at_ms),
        time(proof.last_at_ms),
        proof.head,
        tail_text(proof.tail),
    );
    if proof.clock_steps_back > 0 {
        text += &format!(
            "clock    stepped back {} times; records are in the order in which they happened all the same\n",
            proof.clock_steps_back
        );
    }
    text += &match (witnesses.iter().max_by_key(|witness| witness.seq), beside) {
        (Some(witness), _) => {
            format!("witness  record {} is the one that was remembered; everything up to it is as it was seen\n", witness.seq)
        }
        (None, Some(beside)) => format!(
            "witness  only the checkpoint file beside it (record {}): it shows accidents; against an attacker give --since with a head \
             that somebody else kept\n",
            beside.seq
        ),
        (None, None) => {
            "witness  none: the records belong together, but that the end was not cut off, or all of it written anew, takes a head \
             that somebody else kept (--since SEQ:HASH)\n"
                .to_owned()
        }
    };
    text
}

fn broken_text(held: Option<&Proof>, at: &Break) -> String {
    let mut text = format!("BROKEN   record {}, byte {}: {}\n", at.seq, at.offset, Shown::new(&at.why.to_string()));
    match held {
        Some(proof) => {
            let upto = time(proof.last_at_ms);
            text += &format!("held     {} records of session {} up to {upto}\n", proof.records, Shown::new(&proof.session));
            text += &format!("head     {}\n", proof.head);
        }
        None => text += "held     nothing\n",
    }
    text + "next     keep the file as it is, and compare it with a copy or with a head that somebody else kept\n"
}

pub(super) fn tail_text(tail: Tail) -> String {
    match tail {
        Tail::Clean { bytes } => format!("clean, at byte {bytes}"),
        Tail::Torn { offset, bytes, shape } => {
            format!("{bytes} bytes from byte {offset} on are no record ({shape}): a write that did not finish, or a cut")
        }
    }
}

fn proof_json(proof: &Proof) -> serde_json::Value {
    let tail = match proof.tail {
        Tail::Clean { bytes } => json!({ "shape": "clean", "offset": bytes, "bytes": 0 }),
        Tail::Torn { offset, bytes, shape } => json!({ "shape": shape.as_str(), "offset": offset, "bytes": bytes }),
    };
    json!({
        "session": proof.session,
        "plan": proof.plan,
        "records": proof.records,
        "checkpoints": proof.checkpoints,
        "recoveries": proof.recoveries,
        "first_at": proof.first_at_ms,
        "last_at": proof.last_at_ms,
        "clock_steps_back": proof.clock_steps_back,
        "head": proof.head.to_string(),
        "tail": tail,
        "witnesses": proof.witnesses.iter().map(Witness::to_string).collect::<Vec<_>>(),
    })
}
