//! Who is who in a flight: credentials of every kind that the product takes, and the servers that give tokens for them and check each one.
//!
//! Written from Google's documents of each kind (AIP-4110 to 4118, RFC 6749, RFC 8693, the IAM Credentials API, the metadata server). Tokens
//! live for half a minute, so that a flight of some minutes lives through many of them; what has expired, or was never given, is refused.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::{SecureRandom, SystemRandom},
    rsa,
    signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde_json::{Value, json};
use strum::EnumCount;

const LIFETIME: Duration = Duration::from_secs(30);
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const EMAIL: &str = "cutover@hexproperty.iam.gserviceaccount.com";
const AUDIENCE: &str = "//iam.googleapis.com/projects/604187332190/locations/global/workloadIdentityPools/flight/providers/oidc";
const JWT_TYPE: &str = "urn:ietf:params:oauth:token-type:jwt";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// What a person's login holds, and that of one who may only become somebody else.
const REFRESH: [(&str, Purpose); 2] = [("1//flight-person", Purpose::Cloud), ("1//flight-source", Purpose::Impersonation)];

/// The kinds of Application Default Credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumCount)]
pub(crate) enum Kind {
    /// A service account's key, which signs tokens itself.
    ServiceAccount,
    /// A person's login, where gcloud puts it.
    AuthorizedUser,
    /// A workload's own token from a file, exchanged for one that may become a service account.
    ExternalAccount,
    /// A login that becomes a service account.
    Impersonated,
    /// The machine's own.
    Metadata,
}

impl Kind {
    pub(crate) const ALL: [Kind; Kind::COUNT] =
        [Kind::ServiceAccount, Kind::AuthorizedUser, Kind::ExternalAccount, Kind::Impersonated, Kind::Metadata];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::ServiceAccount => "service_account",
            Kind::AuthorizedUser => "authorized_user",
            Kind::ExternalAccount => "external_account",
            Kind::Impersonated => "impersonated_service_account",
            Kind::Metadata => "metadata server",
        }
    }
}

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Cloud,
    /// To be given another account's token, and for nothing else.
    Impersonation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Missing,
    Expired,
    Foreign,
}

/// What an identity server answers.
pub(crate) struct Told {
    pub status: u16,
    pub body: Value,
}

fn told(status: u16, body: Value) -> Told {
    Told { status, body }
}

/// One request to an identity server.
pub(crate) struct Wish<'a> {
    pub host: &'a str,
    pub path: &'a str,
    pub authorization: Option<&'a str>,
    /// The header that a metadata server asks for.
    pub flavor: Option<&'a str>,
    pub body: &'a [u8],
}

struct Grant {
    until: Instant,
    purpose: Purpose,
}

/// Gives tokens, and knows each that it gave.
pub(crate) struct Issuer {
    grants: Mutex<BTreeMap<String, Grant>>,
    /// Of the service account's key.
    public: Vec<u8>,
    subject: String,
    pub issued: AtomicU64,
}

impl Issuer {
    /// With a key and a workload's token in `folder`.
    pub(crate) fn new(folder: &Path) -> Result<Issuer, String> {
        let key = folder.join("key.pem");
        let mut made = Command::new("ssh-keygen");
        made.args(["-q", "-t", "rsa", "-b", "2048", "-m", "PKCS8", "-N", "", "-C", EMAIL, "-f"]).arg(&key);
        let made = made.output().map_err(|error| format!("no `ssh-keygen`: {error}"))?;
        if !made.status.success() {
            return Err(format!("ssh-keygen: {}", String::from_utf8_lossy(&made.stderr)));
        }
        let der = PrivatePkcs8KeyDer::from_pem_file(&key).map_err(|error| format!("the key that was made: {error}"))?;
        let pair = rsa::KeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|error| format!("the key that was made: {error}"))?;
        let subject = format!("eyJhbGciOiJSUzI1NiJ9.{}.c2lnbmF0dXJl", random());
        fs::write(folder.join("subject-token"), &subject).map_err(|error| error.to_string())?;
        let public = pair.public_key().as_ref().to_vec();
        Ok(Issuer { grants: Mutex::default(), public, subject, issued: AtomicU64::new(0) })
    }

    /// A token that lives for so long.
    pub(crate) fn issue(&self, purpose: Purpose, lives: Duration) -> String {
        self.issued.fetch_add(1, Ordering::Relaxed);
        let token = format!("ya29.{}", random());
        self.grants.lock().unwrap().insert(token.clone(), Grant { until: Instant::now() + lives, purpose });
        token
    }

    /// Whether a header holds a token that is good for this now.
    pub(crate) fn verify(&self, authorization: Option<&str>, purpose: Purpose) -> Result<(), Refusal> {
        let token = authorization.and_then(|value| value.strip_prefix("Bearer ")).ok_or(Refusal::Missing)?;
        if let Some(grant) = self.grants.lock().unwrap().get(token) {
            return match grant.purpose == purpose {
                _ if grant.until <= Instant::now() => Err(Refusal::Expired),
                true => Ok(()),
                false => Err(Refusal::Foreign),
            };
        }
        if purpose == Purpose::Cloud { self.verify_signed(token) } else { Err(Refusal::Foreign) }
    }

    /// A token that the service account has signed itself.
    fn verify_signed(&self, token: &str) -> Result<(), Refusal> {
        let (message, signature) = token.rsplit_once('.').ok_or(Refusal::Foreign)?;
        let (head, claims) = message.split_once('.').ok_or(Refusal::Foreign)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Refusal::Foreign)?;
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public);
        key.verify(message.as_bytes(), &signature).map_err(|_| Refusal::Foreign)?;
        let read = |part: &str| -> Option<Value> { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok() };
        let (head, claims) = read(head).zip(read(claims)).ok_or(Refusal::Foreign)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let [issued, expires] = ["iat", "exp"].map(|name| claims[name].as_u64().unwrap_or_default());
        if expires <= now {
            return Err(Refusal::Expired);
        }
        let is_ours = head["alg"] == "RS256" && claims["iss"] == EMAIL && claims["sub"] == EMAIL && claims["scope"] == SCOPE;
        // A minute for clocks that differ, and an hour of life, as the documents say.
        let lives = expires.saturating_sub(issued) <= 3600 + 60 && issued <= now + 60;
        if is_ours && lives { Ok(()) } else { Err(Refusal::Foreign) }
    }

    /// Answers for the servers that give tokens.
    pub(crate) fn answer(&self, wish: &Wish<'_>) -> Told {
        match (wish.host, wish.path) {
            ("oauth2.googleapis.com", "/token") => self.refreshed(wish.body),
            ("sts.googleapis.com", "/v1/token") => self.exchanged(wish.body),
            ("iamcredentials.googleapis.com", path) if path == format!("/v1/projects/-/serviceAccounts/{EMAIL}:generateAccessToken") => {
                self.become_account(wish)
            }
            ("metadata.google.internal", path) if wish.flavor == Some("Google") => self.metadata(path),
            ("metadata.google.internal", _) => told(403, json!({"error": "Missing Metadata-Flavor:Google header."})),
            _ => told(404, json!({"error": {"code": 404, "message": "Requested entity was not found.", "status": "NOT_FOUND"}})),
        }
    }

    fn refreshed(&self, body: &[u8]) -> Told {
        let asked: Value = serde_json::from_slice(body).unwrap_or_default();
        let is_known = asked["grant_type"] == "refresh_token" && asked["client_id"] == "flight" && asked["client_secret"] == "d-FL1q";
        match REFRESH.into_iter().find(|(token, _)| is_known && asked["refresh_token"] == *token) {
            Some((_, purpose)) => told(
                200,
                json!({"access_token": self.issue(purpose, LIFETIME), "expires_in": LIFETIME.as_secs(), "scope": SCOPE, "token_type": "Bearer"}),
            ),
            None => told(400, json!({"error": "invalid_grant", "error_description": "Bad Request"})),
        }
    }

    fn exchanged(&self, body: &[u8]) -> Told {
        let form = format!("https://sts.googleapis.com/?{}", String::from_utf8_lossy(body));
        let form: BTreeMap<String, String> =
            reqwest::Url::parse(&form).map(|url| url.query_pairs().into_owned().collect()).unwrap_or_default();
        let wanted =
            [("grant_type", EXCHANGE), ("audience", AUDIENCE), ("subject_token_type", JWT_TYPE), ("subject_token", self.subject.as_str())];
        if let Some((name, _)) = wanted.into_iter().find(|(name, value)| form.get(*name).map(String::as_str) != Some(value)) {
            return told(400, json!({"error": "invalid_grant", "error_description": format!("The {name} is not valid.")}));
        }
        let token = self.issue(Purpose::Impersonation, LIFETIME);
        let kind = "urn:ietf:params:oauth:token-type:access_token";
        told(200, json!({"access_token": token, "issued_token_type": kind, "token_type": "Bearer", "expires_in": LIFETIME.as_secs()}))
    }

    fn become_account(&self, wish: &Wish<'_>) -> Told {
        if self.verify(wish.authorization, Purpose::Impersonation).is_err() {
            let message = "Request had invalid authentication credentials.";
            return told(401, json!({"error": {"code": 401, "message": message, "status": "UNAUTHENTICATED"}}));
        }
        let asked: Value = serde_json::from_slice(wish.body).unwrap_or_default();
        if !asked["scope"].as_array().is_some_and(|scopes| scopes.iter().any(|scope| scope == SCOPE)) {
            let message = "Request contains an invalid argument.";
            return told(400, json!({"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}));
        }
        let until = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(LIFETIME.as_secs() as i64);
        told(200, json!({"accessToken": self.issue(Purpose::Cloud, LIFETIME), "expireTime": format!("{until:.0}")}))
    }

    fn metadata(&self, path: &str) -> Told {
        match path {
            "/computeMetadata/v1/instance/service-accounts/default/token" => told(
                200,
                json!({"access_token": self.issue(Purpose::Cloud, LIFETIME), "expires_in": LIFETIME.as_secs(), "token_type": "Bearer"}),
            ),
            _ => told(404, json!({"error": "Not Found"})),
        }
    }
}

/// Puts credentials of this kind where the product looks for them. Says which file the environment has to name, if it must.
pub(crate) fn write(kind: Kind, folder: &Path) -> Result<Option<PathBuf>, String> {
    let login = |refresh: &str| json!({"type": "authorized_user", "client_id": "flight", "client_secret": "d-FL1q", "refresh_token": refresh, "universe_domain": "googleapis.com"});
    let url = format!("https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{EMAIL}:generateAccessToken");
    let document = match kind {
        Kind::Metadata => return Ok(None),
        Kind::ServiceAccount => json!({
            "type": "service_account",
            "project_id": "hexproperty",
            "private_key_id": "3f1c9a52b7d04e8896a1",
            "private_key": fs::read_to_string(folder.join("key.pem")).map_err(|error| error.to_string())?,
            "client_email": EMAIL,
            "client_id": "104857600000000000001",
            "token_uri": "https://oauth2.googleapis.com/token",
            "universe_domain": "googleapis.com",
        }),
        Kind::AuthorizedUser => login(REFRESH[0].0),
        Kind::ExternalAccount => json!({
            "type": "external_account",
            "audience": AUDIENCE,
            "subject_token_type": JWT_TYPE,
            "token_url": "https://sts.googleapis.com/v1/token",
            "service_account_impersonation_url": url,
            "credential_source": {"file": folder.join("subject-token"), "format": {"type": "text"}},
            "universe_domain": "googleapis.com",
        }),
        Kind::Impersonated => json!({
            "type": "impersonated_service_account",
            "service_account_impersonation_url": url,
            "source_credentials": login(REFRESH[1].0),
            "delegates": [],
        }),
    };
    // A person's login lies where gcloud puts it, and everything else where the environment says.
    let is_login = kind == Kind::AuthorizedUser;
    let place = folder.join(if is_login { ".config/gcloud/application_default_credentials.json" } else { "credentials.json" });
    let made = place.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&place, document.to_string()));
    made.map_err(|error| format!("{}: {error}", place.display()))?;
    Ok(if is_login { None } else { Some(place) })
}

fn random() -> String {
    let mut bytes = [0; 24];
    SystemRandom::new().fill(&mut bytes).expect("the system gives randomness");
    URL_SAFE_NO_PAD.encode(bytes)
}
