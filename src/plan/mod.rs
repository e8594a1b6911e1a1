//! From a YAML file to a [`model::Plan`].
//!
//! Four passes, each of which knows nothing of the next: [`lexical`] looks at the bytes, [`document`] makes a tree of them, `lower`
//! makes a plan of the tree, and what anybody minds becomes a [`Diagnostic`] with its line, what is allowed and what was probably meant.
//! All problems come at once: nobody should need ten runs to find ten mistakes.
//!
//! A plan names things and bounds. It can't run commands, include files, read the environment or carry credentials, and nothing in it is
//! ever expanded, so what was reviewed is what runs. What a plan says about the world is not checked here; that needs the world.
//!
//! A plan that names manifests is a [`bundle`]: it and what lies in the folder of its name are reviewed, hashed and recorded as one.

pub mod address;
pub mod bundle;
mod by_hand;
pub mod diagnostic;
pub mod difference;
pub mod document;
pub mod lexical;
mod lower;
pub mod manifest;
pub mod model;
pub mod preset;
pub mod promql;
mod reader;
pub mod schema;
mod syntax;
pub mod units;

use crate::{
    domain::digest::Digest,
    plan::{
        diagnostic::{Diagnostic, Severity},
        lexical::{Dialect, Nesting},
        model::Plan,
        reader::{At, Problems},
    },
};

/// Reads a plan file's bytes alone: of manifests that it names the plan then has none, which is for [`bundle::read`]. With the plan come
/// the warnings.
/// # Errors
/// Every problem of the file, in the order of the text, warnings included; at least one is an error.
pub fn read(bytes: &[u8]) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
    let text = lexical::text(bytes)?;
    let scanned = lexical::scan(text, Dialect::Plan);
    let mut diagnostics = scanned.flaws;
    if scanned.nesting == Nesting::TooDeep {
        return Err(diagnostics);
    }
    let root = match document::read(text) {
        Ok(root) => root,
        Err(unreadable) => {
            // The first fence has usually said it already, and better.
            if diagnostics.is_empty() {
                diagnostics.push(syntax::diagnosed(unreadable, text));
            }
            return Err(diagnostics);
        }
    };
    let mut problems = Problems::default();
    let plan = lower::plan(&mut problems, &At { node: &root, path: String::new() }, Digest::of(bytes));
    diagnostics.extend(problems.located(text));
    diagnostics.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
    let faultless = diagnostics.iter().all(|diagnostic| diagnostic.severity == Severity::Warning);
    match plan {
        Some(plan) if faultless => Ok((plan, diagnostics)),
        Some(_) | None => Err(diagnostics),
    }
}
