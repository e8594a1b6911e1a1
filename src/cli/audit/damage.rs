//! What `audit verify` tells of a place where a journal does not hold: zeros, and what holds behind it.

use std::path::Path;

use serde_json::json;

use crate::journal::{
    broken::Why,
    chain::Witness,
    damage::{Behind, Damage, Zeros, survey},
    reader::Tail,
    verify::{Proof, Verdict},
};

/// The place that `verdict` names, looked at; `None` where there is none, or where it lies in a sealed segment.
pub(super) fn at(path: &Path, verdict: &Verdict, witnesses: &[Witness]) -> Option<Damage> {
    let (file, from, seq) = match verdict {
        Verdict::Proved(Proof { tail: Tail::Clean { .. }, .. }) => return None,
        Verdict::Proved(proof @ Proof { tail: Tail::Torn { offset, .. }, .. }) => (newest(path), *offset, proof.records),
        Verdict::Broken { held, at } => match at.why {
            // The segment's first line is at fault, which stands before the record that says so.
            Why::Meaning(_) if at.file.is_some() && held.as_ref().is_none_or(|held| held.records == at.seq) => (at.file.clone(), 0, at.seq),
            Why::WitnessMissing(_) => (at.file.clone(), at.offset, held.as_ref().map_or(0, |held| held.records)),
            Why::WitnessDiffers { .. } | Why::SegmentMissing { .. } | Why::Sealed(_) | Why::SealDiffers { .. } => return None,
            Why::Empty
            | Why::TooLong
            | Why::Grammar { .. }
            | Why::Seq { .. }
            | Why::Prev { .. }
            | Why::Crc { .. }
            | Why::Hash { .. }
            | Why::Kind { .. }
            | Why::Body(_)
            | Why::Meaning(_)
            | Why::SegmentUnfinished
            | Why::SegmentShorter { .. } => (at.file.clone(), at.offset, at.seq),
        },
    };
    let file = file.map_or_else(|| path.to_owned(), |file| path.join(file));
    if file.extension().is_some_and(|extension| extension == "gz") {
        return None;
    }
    let damage = survey(&file, from, seq, witnesses).ok()?;
    (damage != Damage::default()).then_some(damage)
}

/// The name of the newest segment, where the journal is a folder.
fn newest(path: &Path) -> Option<String> {
    path.is_dir().then(|| crate::journal::segment::list(path).ok()?.pop().map(|piece| piece.to_string())).flatten()
}

/// How many records stood between what holds and what holds behind.
fn lost(verdict: &Verdict, behind: &Behind) -> Option<(u64, u64)> {
    let held = match verdict {
        Verdict::Proved(proof) => proof.records,
        Verdict::Broken { held, .. } => held.as_ref().map_or(0, |held| held.records),
    };
    (held < behind.first).then(|| (held, behind.first - 1))
}

pub(super) fn text(damage: &Damage, verdict: &Verdict) -> String {
    let mut text = String::new();
    if let Some(Zeros { offset, bytes }) = damage.zeros {
        text += &format!("zeros    {bytes} zero bytes from byte {offset} on: sectors that a disk lost, or that somebody wiped\n");
    }
    let Some(behind) = &damage.behind else { return text };
    if let Some((first, last)) = lost(verdict, behind) {
        text += &format!("lost     records {first} to {last}\n");
    }
    text += &format!("behind   records {} to {}, from byte {} on, hold together", behind.first, behind.last.seq, behind.offset);
    text += &match behind.witnessed.iter().max_by_key(|witness| witness.seq) {
        Some(witness) => format!("; record {} is one that was remembered, so they are what was written up to it\n", witness.seq),
        None => "; that they are what was written is not proved: a head of one of them would prove it\n".to_owned(),
    };
    text
}

pub(super) fn json(damage: &Damage, verdict: &Verdict) -> serde_json::Value {
    let zeros = damage.zeros.map(|Zeros { offset, bytes }| json!({ "offset": offset, "bytes": bytes }));
    let behind = damage.behind.as_ref().map(|behind| {
        json!({
            "offset": behind.offset,
            "first": behind.first,
            "last": behind.last.to_string(),
            "witnesses": behind.witnessed.iter().map(Witness::to_string).collect::<Vec<_>>(),
        })
    });
    let lost = damage.behind.as_ref().and_then(|behind| lost(verdict, behind));
    json!({ "zeros": zeros, "behind": behind, "lost": lost.map(|(first, last)| json!({ "first": first, "last": last })) })
}
