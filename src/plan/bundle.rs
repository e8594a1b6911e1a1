//! A plan together with the manifests that it names: reviewed, hashed and recorded as one.
//!
//! A manifest is named by its file's name without the ending, and lies in the folder of the plan's own name: `plans/shop.yaml` and
//! `plans/shop/frontend.yaml`. A plan holds no paths, so that a name can lead nowhere else. This file opens nothing: whoever calls it has read
//! the files, and says what he found.

use crate::{
    domain::{digest::Digest, id::ManifestId},
    plan::{
        self,
        diagnostic::{Diagnostic, Severity},
        document::{self, Node, Place},
        lexical,
        manifest::{self, Document},
        model::{Plan, manifests::Manifest},
    },
};

/// Manifests that a plan may name.
pub const MANIFESTS_MAX: usize = 32;
/// Bytes of all manifests of a plan together: with the plan they have to fit into one record of the journal, every line end written as two
/// characters there.
pub const BYTES_MAX: usize = 256 * 1024;

pub(super) const NAMED_ALLOWED: &str = "the file's name without `.yaml`: 1 to 63 of a-z 0-9 -, beginning with a letter or digit";

/// A manifest as it was found beside the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub id: ManifestId,
    /// Its bytes, never more than one beyond the largest manifest; or why there are none.
    pub found: Result<Vec<u8>, String>,
}

/// What somebody should know of one file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remarks {
    /// `None` for the plan's own file.
    pub of: Option<ManifestId>,
    pub remarks: Vec<Diagnostic>,
}

impl Remarks {
    pub fn have_errors(&self) -> bool {
        self.remarks.iter().any(|remark| remark.severity == Severity::Error)
    }
}

/// `text` as the name of a manifest, if it is one.
pub(super) fn named(text: &str) -> Option<ManifestId> {
    let fits = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') && !text.ends_with('-');
    if fits { text.parse().ok() } else { None }
}

/// The manifests that a plan's bytes name, each once, whatever else is wrong with them.
pub fn names(bytes: &[u8]) -> Vec<ManifestId> {
    let Some(root) = lexical::text(bytes).ok().and_then(readable) else { return Vec::new() };
    let mut names: Vec<ManifestId> = Vec::new();
    for name in root.get("manifests").map(Node::items).unwrap_or_default().iter().filter_map(|item| named(item.text()?)) {
        if !names.contains(&name) && names.len() < MANIFESTS_MAX {
            names.push(name);
        }
    }
    names
}

/// The tree of a text that is safe to parse.
fn readable(text: &str) -> Option<Node> {
    let is_safe = lexical::scan(text, lexical::Dialect::Plan).nesting == lexical::Nesting::Bounded;
    if is_safe { document::read(text).ok() } else { None }
}

/// What a bundle is known by. Of a plan without manifests it is that of its bytes; else that of the lines that `sha256sum` prints of plan and
/// manifests, in the plan's order, each under its name in here: `plan` and the manifests' own.
pub fn hash(bytes: &[u8], files: &[File]) -> Digest {
    if files.is_empty() {
        return Digest::of(bytes);
    }
    let mut lines = format!("{}  plan\n", Digest::of(bytes));
    for File { id, found } in files {
        let digest = found.as_ref().map_or_else(|_| "-".to_owned(), |bytes| Digest::of(bytes).to_string());
        lines.push_str(&format!("{digest}  {id}\n"));
    }
    Digest::of(lines.as_bytes())
}

/// Reads a plan with the manifests that [`names`] found in it. With the plan come the warnings.
/// # Errors
/// Every problem of every file, the plan's own first; at least one is an error.
pub fn read(bytes: &[u8], files: &[File]) -> Result<(Plan, Vec<Remarks>), Vec<Remarks>> {
    let (plan, mut of_plan) = match plan::read(bytes) {
        Ok((plan, warnings)) => (Some(plan), warnings),
        Err(problems) => (None, problems),
    };
    let mut found = Vec::new();
    let mut manifests = Vec::new();
    let mut bytes_left = BYTES_MAX;
    for (at, File { id, found: file }) in files.iter().enumerate() {
        let file = match file {
            Ok(file) if file.len() <= bytes_left => file,
            Ok(_) => {
                let why = format!("with the manifest `{id}` there are more bytes than a plan's manifests may have");
                of_plan.push(unusable(bytes, at, why, &format!("at most {BYTES_MAX} bytes (256 KiB) in all")));
                continue;
            }
            Err(why) => {
                let why = format!("the manifest `{id}` can't be read: {why}");
                of_plan.push(unusable(bytes, at, why, "a file of that name, with the ending .yaml, in the folder of the plan's own name"));
                continue;
            }
        };
        bytes_left -= file.len();
        match manifest::read(file) {
            Ok(_) => manifests.push(Manifest { id: id.clone(), text: String::from_utf8_lossy(file).into_owned() }),
            Err(remarks) => found.push(Remarks { of: Some(id.clone()), remarks }),
        }
    }
    of_plan.sort_by_key(|remark| (remark.line, remark.column));
    found.insert(0, Remarks { of: None, remarks: of_plan });
    match plan {
        Some(plan) if !found.iter().any(Remarks::have_errors) => Ok((Plan { hash: hash(bytes, files), manifests, ..plan }, found)),
        Some(_) | None => Err(found),
    }
}

/// Where the plan names the manifest at `at`, and what is wrong with it.
fn unusable(bytes: &[u8], at: usize, message: String, allowed: &str) -> Diagnostic {
    let text = String::from_utf8_lossy(bytes);
    let place = readable(&text).and_then(|root| Some(document::locate(&text, root.get("manifests")?.items().get(at)?.id)));
    let Place { line, column } = place.unwrap_or(Place { line: 1, column: 1 });
    Diagnostic {
        severity: Severity::Error,
        line,
        column,
        path: format!("manifests[{at}]"),
        message,
        allowed: Some(allowed.to_owned()),
        suggestion: None,
    }
}

/// The documents of a plan's manifest, which was read before.
pub fn documents(manifest: &Manifest) -> Vec<Document> {
    manifest::read(manifest.text.as_bytes()).unwrap_or_default()
}
