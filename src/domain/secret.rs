//! A credential that can't be printed, compared or written to a file by accident.
//!
//! There is no `Debug` that shows it, no `Display`, no `Serialize`. The one way to its text is [`Secret::expose`], which is easy to find
//! in a review. The bytes are overwritten when the value goes; without `unsafe` that is best effort, and the short life of tokens does the rest.

use std::fmt;

/// A token or password.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into().into_bytes())
    }
    /// The text itself, for the one place that puts it into a request.
    pub fn expose(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a secret is made from a String and never changed")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.fill(0);
        std::hint::black_box(&self.0);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_nothing_of_itself() {
        let secret = Secret::new("canary-7421");
        assert_eq!(format!("{secret:?}"), "Secret(hidden)");
        assert_eq!(secret.expose(), "canary-7421");
    }
}
