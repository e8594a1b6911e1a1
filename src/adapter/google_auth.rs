//! Where the bearer token comes from.
//!
//! The demo's token is a word that is worth nothing. Live, Application Default Credentials are used: a service account, a workload identity,
//! a user's login. Credentials that run a program of somebody's choice are code execution and refused by the library unless the
//! environment allows them. Nothing here writes a token anywhere but into a request header.

use std::{path::Path, sync::Arc};

use google_cloud_auth::credentials::{Builder, CacheableResource, Credentials};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use crate::{
    adapter::{http::causes, token_file},
    domain::{
        fault::{Fault, FaultKind},
        secret::Secret,
        shown::Shown,
    },
};

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
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
    /// Application Default Credentials; headers are cached and refreshed by the library.
    ApplicationDefault(Credentials),
}

impl Token {
    /// Must be called within a tokio runtime, since the library refreshes in the background.
    /// # Errors
    /// [`FaultKind::Forbidden`] if there are no credentials to be found, with the library's hint at what to do.
    pub fn application_default() -> Result<Token, Fault> {
        let built = Builder::default().with_scopes([SCOPE]).build();
        built
            .map(Token::ApplicationDefault)
            .map_err(|error| Fault::new(FaultKind::Forbidden, format!("no Google credentials: {}{}", causes(&error), elsewhere())))
    }

    /// # Errors
    /// If the token can't be had now; nothing was sent.
    pub(super) async fn headers(&self) -> Result<HeaderMap, Fault> {
        match self {
            Token::None => Ok(HeaderMap::new()),
            Token::Static(secret) => bearer(secret),
            Token::File(path) => bearer(&token_file::read(path).await?),
            Token::ApplicationDefault(credentials) => match credentials.headers(Default::default()).await {
                Ok(CacheableResource::New { data, .. }) => Ok(data),
                Ok(CacheableResource::NotModified) => Ok(HeaderMap::new()),
                Err(error) => Err(Fault::new(FaultKind::Forbidden, format!("no Google token; nothing was sent: {}", causes(&error)))),
            },
        }
    }
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

    #[test]
    fn an_echoed_token_does_not_get_through() {
        let headers = bearer(&Secret::new("canary-55")).unwrap();
        assert_eq!(hidden_in(b"you sent canary-55!".to_vec(), &headers), b"you sent [hidden]!");
        assert_eq!(hidden_in(b"you sent nothing".to_vec(), &HeaderMap::new()), b"you sent nothing");
        assert!(!format!("{headers:?}{:?}", Token::Static(Secret::new("canary-55"))).contains("canary"));
    }
}
