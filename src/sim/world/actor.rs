//! Who makes a change: what the platforms write into `lastModifier`, `user` and their audit log.

/// The product's own service account, known by the demo's bearer token.
pub const PRODUCT: &str = "cutover@hexproperty.iam.gserviceaccount.com";
/// Anybody else who comes by console or command line without saying who.
pub const CONSOLE: &str = "console-user@hexproperty.com";

/// One caller of an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The identity that the platform attributes a change to.
    pub principal: String,
    /// The caller's program, from `User-Agent`.
    pub agent: String,
    /// `X-Goog-Request-Reason`, which the audit log keeps.
    pub reason: Option<String>,
}

impl Actor {
    /// The caller behind these headers.
    #[must_use]
    pub fn of(authorization: Option<&str>, agent: Option<&str>, reason: Option<&str>) -> Self {
        let token = authorization.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
        let principal = match token {
            Some("cutover-demo") => PRODUCT.to_owned(),
            Some(name) if is_name(name) => format!("{name}@hexproperty.com"),
            Some(_) | None => CONSOLE.to_owned(),
        };
        Self { principal, agent: agent.unwrap_or_default().to_owned(), reason: reason.map(str::to_owned) }
    }

    /// A person who acts outside of any session of ours.
    #[must_use]
    pub fn person(principal: &str) -> Self {
        Self { principal: principal.to_owned(), agent: "cloud-console".to_owned(), reason: None }
    }
}

/// In this world a token that is a plain name is that person's.
fn is_name(token: &str) -> bool {
    let plain = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || ['.', '_', '-'].contains(&sign);
    token.len() <= 32 && token.starts_with(|sign: char| sign.is_ascii_lowercase()) && token.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::{Actor, CONSOLE, PRODUCT};

    #[test]
    fn a_token_says_who_asks() {
        let principal = |token| Actor::of(token, None, None).principal;
        assert_eq!(principal(Some("Bearer cutover-demo")), PRODUCT);
        assert_eq!(principal(Some("Bearer ana")), "ana@hexproperty.com");
        assert_eq!(principal(Some("Bearer ya29.Aow\"x")), CONSOLE);
        assert_eq!(principal(None), CONSOLE);
    }
}
