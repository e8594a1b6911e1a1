//! Who makes a change: what the platforms write into `lastModifier`, `user` and their audit log.

/// The product's own service account, known by the demo's bearer token.
pub const PRODUCT: &str = "cutover@hexproperty.iam.gserviceaccount.com";
/// Anybody else who comes by console or command line.
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
            Some("cutover-demo") => PRODUCT,
            _ => CONSOLE,
        };
        Self { principal: principal.to_owned(), agent: agent.unwrap_or_default().to_owned(), reason: reason.map(str::to_owned) }
    }

    /// A person who acts outside of any session of ours.
    #[must_use]
    pub fn person(principal: &str) -> Self {
        Self { principal: principal.to_owned(), agent: "cloud-console".to_owned(), reason: None }
    }
}
