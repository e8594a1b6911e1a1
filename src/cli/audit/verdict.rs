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
        audit::{
            Format, damage,
            judged::{Judged, Unjudged, Word, break_text, tail_text},
            time,
        },
        stop::{AFTER_A_DEATH, CLEARS_AWAY},
    },
    domain::shown::Shown,
    journal::{
        broken::Break,
        chain::Witness,
        checkpoint::Mark,
        damage::Damage,
        encode::ascii_json,
        files::{LastWriter, last_writer},
        reader::Tail,
        verify::{Proof, Verdict},
    },
};

/// Proves the journal at `path`, all of its segments, against `witnesses` and the checkpoint that is noted of it, and writes the verdict
/// to `out`.
///
/// `Done` if all is proved, `Damaged` if it ends in mid-record or lacks sectors, `Failed` if it is broken, is gone, or contradicts a witness,
/// `Usage` if it can't be read.
///
/// # Errors
/// Only if `out` takes no more.
pub fn verify(path: &Path, witnesses: &[Witness], format: Format, out: &mut dyn Write) -> io::Result<Exit> {
    let Judged { word, verdict, damage, beside } = match Judged::of(path, witnesses) {
        Ok(judged) => judged,
        Err(unjudged) => return tell(&unjudged, format, out),
    };
    match format {
        Format::Text => {
            let text = match &verdict {
                Verdict::Proved(proof) => proved_text(word, proof, witnesses, beside, &last_writer(path)),
                Verdict::Broken { held, at } => broken_text(word, held.as_ref(), at),
            };
            let known = damage.as_ref().map_or_else(String::new, |damage| damage::text(damage, &verdict));
            write!(out, "{text}{known}{}", next_text(word, &verdict, damage.as_ref()))?;
        }
        Format::Json => {
            let mut told = match &verdict {
                Verdict::Proved(proof) => json!({ "proof": proof_json(proof), "writer": writer_json(&last_writer(path)) }),
                Verdict::Broken { held, at } => {
                    let (code, why) = (at.why.code(), at.why.to_string());
                    let broken = json!({ "seq": at.seq, "offset": at.offset, "file": at.file, "code": code, "why": why });
                    json!({ "broken": broken, "held": held.as_ref().map(proof_json) })
                }
            };
            told["verdict"] = json!(word.code());
            if let Some(damage) = &damage {
                told["damage"] = damage::json(damage, &verdict);
            }
            print_json(&told, out)?;
        }
    }
    Ok(word.exit())
}

/// Says why nothing was judged: all that is left of a journal may be its checkpoint.
pub(super) fn tell(unjudged: &Unjudged, format: Format, out: &mut dyn Write) -> io::Result<Exit> {
    match unjudged {
        Unjudged::Gone(path, mark) => gone(path, *mark, format, out),
        Unjudged::Journal(error) => refuse(error, format, out),
    }
}

/// The checkpoint remembers a journal that is not there.
fn gone(path: &Path, mark: Mark, format: Format, out: &mut dyn Write) -> io::Result<Exit> {
    let path = Shown::new(&path.display().to_string());
    match format {
        Format::Text => write!(
            out,
            "GONE     {path} is not there; its checkpoint remembers record {}\n\
             held     nothing\n\
             next     put the journal back where it was, or compare a copy of it with the checkpoint: --witness {}\n",
            mark.witness.seq, mark.witness
        )?,
        Format::Json => print_json(&json!({ "verdict": "gone", "remembered": mark.witness.to_string() }), out)?,
    }
    Ok(Exit::Failed)
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

fn proved_text(word: Word, proof: &Proof, witnesses: &[Witness], beside: Option<Witness>, writer: &LastWriter) -> String {
    let verdict = word.text();
    let sealed = if proof.sealed > 0 { format!(" ({} sealed)", proof.sealed) } else { String::new() };
    let mut text = format!(
        "{verdict}  {} records in {} segments{sealed}, {} checkpoints, {} recoveries\n\
         session  {}\n\
         plan     {}\n\
         from     {}\n\
         to       {}\n\
         head     {}\n\
         end      {}\n",
        proof.records,
        proof.segments,
        proof.checkpoints,
        proof.recoveries,
        Shown::new(proof.session()),
        proof.plan().map_or_else(String::new, |plan| plan.to_string()),
        time(proof.first_at_ms),
        time(proof.last_at_ms),
        proof.head,
        tail_text(proof.tail),
    );
    text += &format!("writer   {}\n", writer_text(writer));
    if proof.clock_steps_back > 0 {
        text += &format!(
            "clock    stepped back {} times; records are in the order in which they happened all the same\n",
            proof.clock_steps_back
        );
    }
    text += &match (witnesses.iter().max_by_key(|witness| witness.seq), beside) {
        (Some(witness), _) => {
            let others = match witnesses.len() {
                1 => String::new(),
                several => format!(" (and {} before it)", several - 1),
            };
            format!("witness  record {} is the one that was remembered{others}; everything up to it is as it was seen\n", witness.seq)
        }
        (None, Some(beside)) => format!(
            "witness  only the checkpoint file beside it (record {}): it shows accidents; against an attacker give --witness with a head \
             that somebody else kept\n",
            beside.seq
        ),
        (None, None) => {
            "witness  none: the records belong together, but that the end was not cut off, or all of it written anew, takes a head \
             that somebody else kept (--witness SEQ:HASH)\n"
                .to_owned()
        }
    };
    text
}

fn broken_text(word: Word, held: Option<&Proof>, at: &Break) -> String {
    let mut text = format!("{}  {}\n", word.text(), break_text(word, held, at));
    match held {
        Some(proof) => {
            let upto = time(proof.last_at_ms);
            text += &format!("held     {} records of session {} up to {upto}\n", proof.records, Shown::new(proof.session()));
            text += &format!("head     {}\n", proof.head);
        }
        None => text += "held     nothing\n",
    }
    text
}

/// What to do about it.
fn next_text(word: Word, verdict: &Verdict, damage: Option<&Damage>) -> String {
    let behind = damage.and_then(|damage| damage.behind.as_ref());
    match (word, verdict, behind) {
        (Word::Proved, ..) => String::new(),
        (_, Verdict::Proved(_), Some(behind)) => format!(
            "next     copy the journal before a host takes it up: it would set the end aside from there on, and with it records {} to {}\n",
            behind.first, behind.last.seq
        ),
        (Word::Torn | Word::Broken, Verdict::Proved(_), None) => "next     the records up to the head hold; if no host was killed there, the end was \
             cut: compare it with a copy or a head that somebody else kept; the next host sets these bytes aside and goes on\n"
            .to_owned(),
        (Word::Zeroed, Verdict::Proved(_), None) => "next     the records up to the head hold; if no power failed there, look at the disk, or at who \
             can write the file, and compare it with a head that somebody else kept; the next host sets these bytes aside and goes on\n"
            .to_owned(),
        (Word::Torn | Word::Zeroed | Word::Broken, Verdict::Broken { .. }, _) => {
            "next     keep the file as it is, and compare it with a copy or with a head that somebody else kept; no host takes it up as it is\n"
                .to_owned()
        }
    }
}

/// Whether the journal goes on, and how it ended if not. None of it is proved.
fn writer_text(writer: &LastWriter) -> String {
    match writer {
        LastWriter::Writing { by } => format!("still being written by {}; more may follow", Shown::new(by)),
        // Whoever clears a session away records that in the place of a host that is gone.
        LastWriter::Closed { by } if by.ends_with(AFTER_A_DEATH) => format!(
            "closed by {}: that host ended without a word of parting, so what it saw in its last second may be missing, from which nothing followed; \
             what became of traffic between is not here",
            Shown::new(by)
        ),
        LastWriter::Closed { by } if by.ends_with(CLEARS_AWAY) => {
            format!("closed by {}, which cleared the session away: its host had ended in order before", Shown::new(by))
        }
        LastWriter::Closed { by } => format!("closed by {}: its host ended in order", Shown::new(by)),
        LastWriter::Lost { by } => format!(
            "ended without a word of parting: {} wrote to it last, and is gone; what it \
             saw in its last second may be missing, from which nothing followed; what became of traffic after that is not here",
            Shown::new(by)
        ),
        LastWriter::WithoutRecord { by, kept, since_ms } => format!(
            "its last writer went on without it since {}: {} could keep nothing behind record {kept}, and is gone; what became of traffic after \
             that is not here",
            time(*since_ms),
            Shown::new(by)
        ),
        LastWriter::Unknown => "nobody writes to it, and no note beside it says how the last writer ended".to_owned(),
    }
}

fn writer_json(writer: &LastWriter) -> serde_json::Value {
    let (state, by) = match writer {
        LastWriter::Writing { by } => ("writing", Some(by)),
        LastWriter::Closed { by } => ("closed", Some(by)),
        LastWriter::Lost { by } => ("lost", Some(by)),
        LastWriter::WithoutRecord { by, .. } => ("without-record", Some(by)),
        LastWriter::Unknown => ("unknown", None),
    };
    json!({ "state": state, "by": by })
}

fn proof_json(proof: &Proof) -> serde_json::Value {
    let tail = match proof.tail {
        Tail::Clean { bytes } => json!({ "shape": "clean", "offset": bytes, "bytes": 0 }),
        Tail::Torn { offset, bytes, shape } => json!({ "shape": shape.as_str(), "offset": offset, "bytes": bytes }),
    };
    json!({
        "session": proof.session(),
        "plan": proof.plan(),
        "records": proof.records,
        "segments": proof.segments,
        "sealed": proof.sealed,
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
