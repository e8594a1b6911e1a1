//! A plan's file and the manifests beside it, as they lie on the disk now.
//!
//! A manifest lies in the folder of the plan's own name and is found by its own, so that what is opened is never a path that a plan has chosen.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::{
    domain::{digest::Digest, id::ManifestId},
    plan::{
        bundle::{self, Remarks},
        diagnostic, lexical, manifest,
        model::Plan,
    },
};

/// How the files of manifests end.
const ENDING: &str = "yaml";
/// Files of a folder that are looked through for some that the plan does not name.
const FILES_MAX: usize = 200;

/// Everything that a plan's file and its folder hold.
#[derive(Debug)]
pub(super) struct Bundle {
    path: PathBuf,
    pub bytes: Vec<u8>,
    pub files: Vec<bundle::File>,
}

impl Bundle {
    /// Reads the plan at `path`, and what it names.
    /// # Errors
    /// The plan's own file can't be read. Of a manifest that can't be, the bundle's reading says so.
    pub(super) fn load(path: &Path) -> io::Result<Bundle> {
        let bytes = load(path, lexical::BYTES_MAX)?;
        let files = bundle::names(&bytes).into_iter().map(|id| {
            let found = load(&file_of(path, &id), manifest::BYTES_MAX).map_err(|error| error.to_string());
            bundle::File { id, found }
        });
        Ok(Bundle::new(path, files.collect(), bytes))
    }

    pub(super) fn new(path: &Path, files: Vec<bundle::File>, bytes: Vec<u8>) -> Bundle {
        Bundle { path: path.to_owned(), bytes, files }
    }

    pub(super) fn hash(&self) -> Digest {
        bundle::hash(&self.bytes, &self.files)
    }

    /// # Errors
    /// As [`bundle::read`].
    pub(super) fn read(&self) -> Result<(Plan, Vec<Remarks>), Vec<Remarks>> {
        bundle::read(&self.bytes, &self.files)
    }

    /// The text of the plan, or of one of its manifests, as far as it is one.
    pub(super) fn text(&self, of: Option<&ManifestId>) -> String {
        let bytes = match of {
            None => Some(&self.bytes),
            Some(id) => self.files.iter().find(|file| file.id == *id).and_then(|file| file.found.as_ref().ok()),
        };
        bytes.map(|bytes| String::from_utf8_lossy(&bytes[..bytes.len().min(lexical::BYTES_MAX)]).into_owned()).unwrap_or_default()
    }

    /// What a file of it is called.
    pub(super) fn name(&self, of: Option<&ManifestId>) -> String {
        of.map_or_else(|| self.path.clone(), |id| file_of(&self.path, id)).display().to_string()
    }

    /// All that is minded, each file with its own snippets and count. Of a manifest that is in order nothing is said.
    pub(super) fn rendered(&self, remarks: &[Remarks]) -> String {
        let worth = remarks.iter().filter(|found| found.of.is_none() || !found.remarks.is_empty());
        worth.map(|found| diagnostic::render_all(&found.remarks, &self.name(found.of.as_ref()), &self.text(found.of.as_ref()))).collect()
    }

    /// The names of files in the folder that the plan does not name.
    pub(super) fn unnamed(&self) -> Vec<String> {
        let entries = fs::read_dir(folder_of(&self.path)).into_iter().flatten().flatten().take(FILES_MAX);
        let names = entries.map(|entry| PathBuf::from(entry.file_name())).filter(|file| {
            let is_manifest = file.extension().is_some_and(|ending| ending == ENDING || ending == "yml" || ending == "json");
            let stem = file.file_stem().and_then(|stem| stem.to_str());
            let is_named =
                || file.extension().is_some_and(|ending| ending == ENDING) && self.files.iter().any(|one| Some(one.id.as_str()) == stem);
            is_manifest && !is_named()
        });
        let mut names: Vec<String> = names.map(|file| file.display().to_string()).collect();
        names.sort();
        names
    }
}

/// What the bundle of `path` is known by now, if its plan can be read.
pub(super) fn hash(path: &Path) -> Option<Digest> {
    Bundle::load(path).ok().map(|bundle| bundle.hash())
}

/// Where the manifests of a plan lie.
pub(super) fn folder_of(plan: &Path) -> PathBuf {
    plan.with_extension("")
}

fn file_of(plan: &Path, id: &ManifestId) -> PathBuf {
    folder_of(plan).join(format!("{id}.{ENDING}"))
}

/// The bytes of a file, never more than one beyond `bytes_max`.
fn load(path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    // Asked before opening, because opening a pipe that nobody writes to would wait.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
