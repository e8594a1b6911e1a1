//! The names of the manifests that lie beside the plan.

use crate::{
    domain::id::ManifestId,
    plan::{
        bundle,
        lower::name::Names,
        reader::{self, At, Problems},
    },
};

/// Notes what is no name of a manifest, or is named twice. What they hold is read with the whole bundle.
pub(super) fn named(problems: &mut Problems, at: &At<'_>) {
    let Some(entries) = reader::list(problems, at, "names of manifests") else { return };
    if entries.len() > bundle::MANIFESTS_MAX {
        let message = format!("{} manifests are named", entries.len());
        problems.at(at, message).allowed(format!("at most {} of them", bundle::MANIFESTS_MAX)).error();
    }
    let mut names = Names::new("manifest");
    for entry in &entries {
        let Some(text) = reader::text(problems, entry) else { continue };
        if bundle::named(text).is_some() {
            names.take::<ManifestId>(problems, entry);
            continue;
        }
        let bare = text.rsplit('/').next().unwrap_or_default();
        let bare = bare.strip_suffix(".yaml").or_else(|| bare.strip_suffix(".yml")).unwrap_or(bare);
        let meant = bundle::named(bare).map(|name| format!("did you mean `{name}`? it lies in the folder of the plan's name"));
        problems.at(entry, format!("`{text}` is no name of a manifest")).allowed(bundle::NAMED_ALLOWED).maybe_help(meant).error();
    }
}
