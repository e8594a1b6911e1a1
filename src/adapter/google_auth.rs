//! Where the bearer token comes from.
//!
//! The demo's token is a word that is worth nothing. Live, Application Default Credentials are used: a service account, a workload identity,
//! a user's login. Credentials that run a program of somebody's choice are code execution and refused by the library unless the
//! environment allows them. Nothing here writes a token anywhere but into a request header.

use std::{error::Error, io, path::Path, sync::Arc};

use google_cloud_auth::credentials::{Builder, CacheableResource, Credentials};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use tokio::sync::OnceCell;

use crate::{
    adapter::{http::causes, token_file},
    domain::{
        fault::{Fault, FaultKind},
        secret::Secret,
        shown::Shown,
        universe::Universe,
    },
};

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// What the library tells those to do who have no credentials.
const SIGN_IN: &str = "gcloud auth application-default login";
const HIDDEN: &[u8] = b"[hidden]";

/// A source of tokens; bound to an origin by the client that holds it.
#[derive(Debug, Clone)]
pub enum Token {
    /// No credential is sent at all.
    None,
    /// Always the same word.
    Static(Secret),
    /// What stands in this file at the moment of each request, so that it may be replaced.
    File(Arc<Path>),
    /// Application Default Credentials.
    ApplicationDefault(Google),
}

/// Google's credentials, and the universe in which alone they are sent; headers are cached and refreshed by the library.
#[derive(Debug, Clone)]
pub struct Google {
    credentials: Credentials,
    universe: Universe,
    /// Whether they are of that universe, as they said once.
    agrees: Arc<OnceCell<()>>,
}

impl Token {
    /// For the APIs of this universe. Must be called within a tokio runtime, since the library refreshes in the background.
    /// # Errors
    /// [`FaultKind::Forbidden`] if there are no credentials to be found, with the library's hint at what to do.
    pub fn application_default(universe: Universe) -> Result<Token, Fault> {
        let built = Builder::default().with_scopes([SCOPE]).build();
        built
            .map(|credentials| Token::ApplicationDefault(Google { credentials, universe, agrees: Arc::default() }))
            .map_err(|error| Fault::new(FaultKind::Forbidden, format!("no Google credentials: {}{}", causes(&error), elsewhere())))
    }

    /// # Errors
    /// If the token can't be had now; nothing was sent. [`FaultKind::Unreachable`] if it may be had later, else [`FaultKind::Forbidden`].
    pub(super) async fn headers(&self) -> Result<HeaderMap, Fault> {
        match self {
            Token::None => Ok(HeaderMap::new()),
            Token::Static(secret) => bearer(secret),
            Token::File(path) => bearer(&token_file::read(path).await?),
            Token::ApplicationDefault(google) => google.headers().await,
        }
    }
}

impl Google {
    async fn headers(&self) -> Result<HeaderMap, Fault> {
        let headers = match self.credentials.headers(Default::default()).await {
            Ok(CacheableResource::New { data, .. }) => data,
            Ok(CacheableResource::NotModified) => HeaderMap::new(),
            Err(error) => return Err(no_token(&error, error.is_transient())),
        };
        self.agrees.get_or_try_init(|| self.agreed()).await?;
        Ok(headers)
    }

    /// What a plan names as its universe is where it has the credentials sent, so they have to be of that one by their own word.
    async fn agreed(&self) -> Result<(), Fault> {
        let theirs = self.credentials.universe_domain().await;
        let theirs = theirs.map_or_else(|| Universe::default().to_string(), |theirs| theirs.trim().to_owned());
        if theirs == self.universe.as_str() {
            return Ok(());
        }
        let message = format!(
            "the Google credentials here are of the universe {theirs}, and what is asked for is of {}; nothing was sent: say which it is by \
             `universe_domain` in the plan or by GOOGLE_CLOUD_UNIVERSE_DOMAIN, or take credentials of that universe",
            self.universe
        );
        Err(Fault::new(FaultKind::Forbidden, message))
    }
}

/// Why no token could be had. Where the one who gives them can't be reached, nobody has denied us one.
fn no_token(error: &(dyn Error + 'static), passing: bool) -> Fault {
    // Without credentials of any kind the library asks the machine's metadata server last of all, and says so where there is none.
    if chain(error).any(|cause| cause.to_string().contains(SIGN_IN)) {
        return Fault::new(
            FaultKind::Forbidden,
            format!("no Google credentials; nothing was sent: sign in with `{SIGN_IN}`{}", elsewhere()),
        );
    }
    let kind = if passing || is_unreached(error) { FaultKind::Unreachable } else { FaultKind::Forbidden };
    Fault::new(kind, format!("no Google token; nothing was sent: {}", causes(error)))
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |cause: &&'a (dyn Error + 'static)| (*cause).source())
}

/// Whether the wire failed beneath: a name that does not resolve, a refused connection. A key file that isn't there is no such thing.
fn is_unreached(error: &(dyn Error + 'static)) -> bool {
    chain(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied))
}

/// Where gcloud keeps its own, if somebody has moved that: it is not looked at, and a login that went there is not found.
fn elsewhere() -> String {
    let Some(folder) = std::env::var_os("CLOUDSDK_CONFIG") else { return String::new() };
    let file = Path::new(&folder).join("application_default_credentials.json");
    format!("; CLOUDSDK_CONFIG is not looked at: set GOOGLE_APPLICATION_CREDENTIALS={}", Shown::new(&file.to_string_lossy()))
}

/// `body` without the token of `headers`, should the other side have echoed it: an error's words end up on screens and in journals.
pub(super) fn hidden_in(body: Vec<u8>, headers: &HeaderMap) -> Vec<u8> {
    let value = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    let word = value.strip_prefix(b"Bearer ").unwrap_or(value);
    if word.is_empty() || !body.windows(word.len()).any(|part| part == word) {
        return body;
    }
    let mut clean = Vec::with_capacity(body.len());
    let mut rest = body.as_slice();
    while let Some(first) = rest.first() {
        if rest.starts_with(word) {
            clean.extend_from_slice(HIDDEN);
            rest = &rest[word.len()..];
        } else {
            clean.push(*first);
            rest = &rest[1..];
        }
    }
    clean
}

fn bearer(secret: &Secret) -> Result<HeaderMap, Fault> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", secret.expose()))
        .map_err(|_| Fault::new(FaultKind::Forbidden, "the token holds characters that no header can carry; nothing was sent"))?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of the library's errors, with what was beneath it.
    #[derive(Debug)]
    struct Failed(&'static str, io::Error);

    impl std::fmt::Display for Failed {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }
    impl Error for Failed {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.1)
        }
    }

    #[test]
    fn a_name_that_does_not_resolve_is_no_missing_permission() {
        let kind = |words, error, passing| no_token(&Failed(words, error), passing).kind;
        let dns = || io::Error::other("failed to lookup address information");
        assert_eq!(kind("failed to refresh the token", dns(), false), FaultKind::Unreachable);
        assert_eq!(kind("failed", io::Error::new(io::ErrorKind::ConnectionRefused, "refused"), false), FaultKind::Unreachable);
        assert_eq!(kind("the server answered 503", io::Error::new(io::ErrorKind::NotFound, "x"), true), FaultKind::Unreachable);
        assert_eq!(kind("no key file", io::Error::new(io::ErrorKind::NotFound, "no such file"), false), FaultKind::Forbidden);
        assert_eq!(kind("run `gcloud auth application-default login`", dns(), true), FaultKind::Forbidden, "there is nothing to be shown");
    }

    #[test]
    fn an_echoed_token_does_not_get_through() {
        let headers = bearer(&Secret::new("canary-55")).unwrap();
        assert_eq!(hidden_in(b"you sent canary-55!".to_vec(), &headers), b"you sent [hidden]!");
        assert_eq!(hidden_in(b"you sent nothing".to_vec(), &HeaderMap::new()), b"you sent nothing");
        assert!(!format!("{headers:?}{:?}", Token::Static(Secret::new("canary-55"))).contains("canary"));
    }
}
