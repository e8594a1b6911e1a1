//! Takes in a journal of one file, as earlier programs wrote it (`NAME.jsonl`), as the first segment of a folder `NAME`.
//!
//! The file is proved first and moved as it is: it is renamed into a folder that has not got its name yet, and then that folder is. Killed
//! between the two, the next one finishes it.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::journal::checkpoint;
use crate::journal::error::{JournalError, ReadError};
use crate::journal::files::{Spot, beside};
use crate::journal::recover::Options;
use crate::journal::segment::{self, Form};
use crate::journal::verify::{Verdict, verify_journal};

const ENDING: &str = ".jsonl";

fn single(path: &Path) -> PathBuf {
    path.with_file_name(beside(path.file_name().unwrap_or_default(), ENDING))
}

fn half_made(path: &Path) -> PathBuf {
    path.with_file_name(beside(path.file_name().unwrap_or_default(), ".adopting"))
}

/// Whether there is no journal at `path`, but one of one file beside it.
pub(super) fn is_adoptable(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err() && fs::symlink_metadata(single(path)).is_ok_and(|facts| facts.is_file())
}

/// Finishes what a killed host began.
pub(super) fn finish(spot: &Spot<'_>) -> Result<(), JournalError> {
    let half = half_made(spot.path);
    if half.join(segment::name(1, Form::Plain)).is_file() && fs::symlink_metadata(spot.path).is_err() {
        publish(spot, &half)?;
    }
    Ok(())
}

/// Proves the journal of one file and moves it into a folder.
pub(super) fn adopt(spot: &Spot<'_>, options: &Options) -> Result<(), JournalError> {
    let (single, half) = (single(spot.path), half_made(spot.path));
    // The lock keeps an earlier program from writing to it meanwhile.
    let _lock = Spot::find(&single)?.open()?;
    let witnesses: Vec<_> = options.witness.into_iter().collect();
    if let Verdict::Broken { at, .. } = verify_journal(&single, &witnesses)? {
        return Err(ReadError::from(at).into());
    }
    let failed = || spot.failed("take in the journal of one file for");
    let _was_none = fs::remove_dir(&half);
    fs::DirBuilder::new().mode(0o700).create(&half).map_err(failed())?;
    fs::rename(&single, half.join(segment::name(1, Form::Plain))).map_err(failed())?;
    publish(spot, &half)
}

fn publish(spot: &Spot<'_>, half: &Path) -> Result<(), JournalError> {
    let failed = || spot.failed("take in the journal of one file for");
    let noted = single(spot.path).with_file_name(checkpoint::beside(single(spot.path).file_name().unwrap_or_default()));
    let beside = spot.path.with_file_name(checkpoint::beside(&spot.name));
    // It may not be there; then nothing is remembered, as before.
    let _kept = fs::rename(noted, beside);
    fs::File::open(half).and_then(|folder| folder.sync_all()).map_err(failed())?;
    fs::rename(half, spot.path).map_err(failed())?;
    spot.sync_directory()
}
