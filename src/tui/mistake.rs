//! A mistake in a file of the person's own, a theme or a key map: where it is, what is allowed and what was probably meant.
//!
//! How it looks on a terminal is the command line's affair; it shows them as it shows a plan's.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::domain::suggest;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Byte of the text at which it begins.
    pub at: usize,
    pub message: String,
    pub allowed: Option<String>,
    pub help: Option<String>,
}

impl Mistake {
    pub(super) fn new(at: Range<usize>, message: impl Into<String>) -> Mistake {
        Mistake { at: at.start, message: message.into(), allowed: None, help: None }
    }
    pub(super) fn allowed(self, allowed: impl Into<String>) -> Mistake {
        Mistake { allowed: Some(allowed.into()), ..self }
    }
    pub(super) fn help(self, help: impl Into<String>) -> Mistake {
        Mistake { help: Some(help.into()), ..self }
    }
    /// Names what is allowed, and which of it was probably meant.
    pub(super) fn one_of<'a>(self, typed: &str, known: impl IntoIterator<Item = &'a str>) -> Mistake {
        let known: Vec<&str> = known.into_iter().collect();
        let meant = suggest::closest(typed, known.iter().copied()).map(|word| format!("did you mean `{word}`?"));
        Mistake { help: meant.or(self.help), allowed: Some(known.join(", ")), ..self }
    }
}

/// The text as a tree whose every part knows its place.
pub(super) fn tree(text: &str) -> Result<DeTable<'_>, Mistake> {
    DeTable::parse(text).map(Spanned::into_inner).map_err(|error| Mistake::new(error.span().unwrap_or_default(), error.message()))
}

/// What was written instead of what was expected, in words.
pub(super) fn expected(what: &str, found: &Spanned<DeValue<'_>>) -> Mistake {
    Mistake::new(found.span(), format!("expected {what}, found a value of the kind {}", found.get_ref().type_str()))
}
