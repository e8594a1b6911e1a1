//! What the vendor calls things, as names of ours.

use crate::domain::id::{BackendId, ID_CHARS_MAX};

/// Before the name of a stranger that is called like one of the plan's own backends.
const OTHER: &str = "other/";

/// The name under which a backend outside the plan is shown: the vendor's own, as far as our grammar allows, and never one of the plan's.
pub(super) fn stranger<'a>(name: &str, mut planned: impl Iterator<Item = &'a BackendId>) -> BackendId {
    let lower = name.chars().map(|character| character.to_ascii_lowercase());
    let allowed: String =
        lower.map(|character| if character.is_ascii_alphanumeric() || "._-/".contains(character) { character } else { '-' }).collect();
    let begun = allowed.trim_start_matches(['.', '_', '-', '/']);
    let begun = if begun.is_empty() { "unnamed" } else { begun };
    let taken = planned.any(|id| id.as_str() == begun);
    let full = if taken { format!("{OTHER}{begun}") } else { begun.to_owned() };
    let cut: String = full.chars().take(ID_CHARS_MAX).collect();
    cut.parse().expect("only allowed characters, a letter or digit first, not too long")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_becomes_a_name_of_ours_and_none_of_the_plans() {
        let planned: Vec<BackendId> = vec!["run".parse().unwrap()];
        let named = |name: &str| stranger(name, planned.iter()).to_string();
        assert_eq!(named("frontend-hotfix"), "frontend-hotfix");
        assert_eq!(named("run"), "other/run");
        assert_eq!(named("-Übel name"), "bel-name");
        assert_eq!(named(""), "unnamed");
        assert_eq!(named(&"x".repeat(200)).len(), ID_CHARS_MAX);
    }
}
