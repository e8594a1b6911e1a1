//! A cluster by a context of the kubeconfig that the host's owner keeps.
//!
//! A plan names a context and nothing else: which files are read is the owner's environment (`KUBECONFIG`, else `~/.kube/config`), and which
//! contexts plans may use is a list of his, so that a plan from somebody else chooses no credentials. Files are merged as `kubectl` merges
//! them: what stands first counts. A kubeconfig may name a program that is run for a token, and none is run here: Google's own one only prints
//! what our Google credentials are, so they stand in for it, and every other is refused. So is whatever would have a server believed unseen.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};

use super::access::Access;
use crate::{
    adapter::{
        google_auth::Token,
        http::{Identity, Origin, Reach, Terms, Trust, of_its_own},
    },
    domain::{
        by_hand::quoted,
        fault::{Fault, FaultKind},
        secret::Secret,
    },
};

mod files;
mod nesting;
mod wire;

use wire::{Cluster, Context, Document, Exec, User};

/// The one program that somebody may name for a token.
const GOOGLES: &str = "gke-gcloud-auth-plugin";

/// Where the owner's word stands, and what a plan asked for.
#[derive(Debug, Clone)]
pub struct Kubeconfig {
    /// As the environment names them; what stands first counts, and one that is not there is passed over.
    pub files: Vec<PathBuf>,
    /// The contexts that plans may use, one a line.
    pub allowed: PathBuf,
    pub context: String,
    /// What Google's own plugin would have brought.
    pub google: Token,
}

/// Something of a file, with the file.
#[derive(Clone)]
struct Of<T> {
    what: T,
    file: PathBuf,
    is_shared: bool,
}

impl<T> Of<T> {
    /// Relative paths lie beside the file that names them.
    fn path(&self, named: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("/")).join(named)
    }
}

/// What all files say together.
#[derive(Default)]
struct Merged {
    clusters: BTreeMap<String, Of<Cluster>>,
    users: BTreeMap<String, Of<User>>,
    contexts: BTreeMap<String, Of<Context>>,
}

impl Kubeconfig {
    /// By which command the owner lets plans use the context.
    pub fn allowing(&self) -> String {
        format!("echo {} >> {}", quoted(&self.context), quoted(&self.allowed.to_string_lossy()))
    }

    /// # Errors
    /// [`FaultKind::Refused`] if the owner does not let plans use the context, or if it asks for what is not done here;
    /// [`FaultKind::NotFound`] without it. Nothing was sent then.
    pub(super) async fn access(&self) -> Result<Access, Fault> {
        self.is_allowed().await?;
        let merged = self.merged().await?;
        let (cluster, user) = self.chosen(&merged)?;
        let url = self.server(&cluster.what)?;
        let terms = self.terms(cluster, user).await?;
        let (token, program) = self.token(user)?;
        if matches!(token, Token::None) && terms.identity.is_none() {
            return Err(self.refused("names neither a certificate nor a token"));
        }
        let access = Access::secured(url, terms, token);
        Ok(match program {
            Some(program) => access.standing_in(program),
            None => access,
        })
    }

    async fn is_allowed(&self) -> Result<(), Fault> {
        let list = files::read(&self.allowed).await?;
        let words = list.as_ref().map(|list| list.text.as_str()).unwrap_or_default();
        let mut lines = words.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        if lines.any(|line| line == self.context) {
            return Ok(());
        }
        Err(self.refused(&format!("is none that this host's owner lets plans use; if that is you: {}", self.allowing())))
    }

    async fn merged(&self) -> Result<Merged, Fault> {
        let mut merged = Merged::default();
        for file in &self.files {
            if file.is_relative() {
                let why = "is no absolute path, and a host does not stand where your shell does; nothing was sent";
                return Err(Fault::new(FaultKind::Refused, format!("{} in KUBECONFIG {why}", file.display())));
            }
            let Some(found) = files::read(file).await? else { continue };
            if let Some(line) = nesting::too_deep(&found.text) {
                let why = "has more brackets open than any kubeconfig; nothing was sent";
                return Err(Fault::new(FaultKind::Refused, format!("{} at line {line} {why}", file.display())));
            }
            let document: Document = serde_yaml::from_str(&found.text).map_err(|error| {
                // Its words could quote a secret.
                let place = error.location().map_or_else(String::new, |place| format!(" at line {}", place.line()));
                Fault::new(FaultKind::Refused, format!("{} is no kubeconfig{place}; nothing was sent", file.display()))
            })?;
            let of = Of { what: (), file: file.clone(), is_shared: found.is_shared };
            add(&mut merged.clusters, "clusters", &of, document.clusters.into_iter().map(|named| (named.name, named.cluster)))?;
            add(&mut merged.users, "users", &of, document.users.into_iter().map(|named| (named.name, named.user)))?;
            add(&mut merged.contexts, "contexts", &of, document.contexts.into_iter().map(|named| (named.name, named.context)))?;
        }
        Ok(merged)
    }

    fn chosen<'m>(&self, merged: &'m Merged) -> Result<(&'m Of<Cluster>, &'m Of<User>), Fault> {
        let missing = |what: &str| Fault::new(FaultKind::NotFound, format!("{what}; nothing was sent"));
        let Some(context) = merged.contexts.get(&self.context) else {
            let files: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
            let names: Vec<&str> = merged.contexts.keys().map(String::as_str).collect();
            let there = if names.is_empty() { "there is none at all".to_owned() } else { format!("there is {}", names.join(", ")) };
            return Err(missing(&format!("there is no context `{}` in {}; {there}", self.context, files.join(", "))));
        };
        let Context { cluster, user } = &context.what;
        let of = |kind: &str, name: &str| {
            missing(&format!("the kubeconfig context `{}` names the {kind} `{name}`, which is not there", self.context))
        };
        let found = merged.clusters.get(cluster).ok_or_else(|| of("cluster", cluster))?;
        Ok((found, merged.users.get(user).ok_or_else(|| of("user", user))?))
    }

    fn server(&self, cluster: &Cluster) -> Result<reqwest::Url, Fault> {
        if cluster.insecure_skip_tls_verify {
            return Err(self
                .refused("says insecure-skip-tls-verify: whoever answers there would be believed; name a certificate-authority instead"));
        }
        if cluster.server.starts_with("http://") {
            return Err(self.refused("names a server without TLS; one on this machine is a `proxy` of the plan"));
        }
        Origin::below(&cluster.server, Reach::Live)?;
        Ok(Origin::split(&cluster.server, Reach::Live)?.1)
    }

    async fn terms(&self, cluster: &Of<Cluster>, user: &Of<User>) -> Result<Terms, Fault> {
        let Cluster { certificate_authority: file, certificate_authority_data: data, tls_server_name, proxy_url, .. } = &cluster.what;
        let pem = match (data.as_str(), file.as_str()) {
            ("", "") => None,
            ("", file) => Some(files::named(&cluster.path(file)).await?.text),
            (data, _) => Some(self.decoded(data, "certificate-authority-data")?),
        };
        let trust = match pem {
            None => Trust::Machine,
            Some(pem) => {
                let found = CertificateDer::pem_slice_iter(pem.as_bytes()).filter_map(Result::ok).map(|der| der.to_vec());
                let authorities: Vec<Vec<u8>> = found.collect();
                if authorities.is_empty() {
                    return Err(self.refused("names a certificate authority that is no certificate"));
                }
                Trust::Only(authorities)
            }
        };
        let called = match tls_server_name.as_str() {
            "" => None,
            name => Some(ServerName::try_from(name.to_owned()).map_err(|_| self.refused("has a tls-server-name that is no name"))?),
        };
        if called.is_some() && matches!(trust, Trust::Machine) {
            return Err(self.refused("has a tls-server-name and no certificate-authority; both are needed here"));
        }
        let proxy = proxy_url.as_ref().map(|url| of_its_own(url.expose())).transpose()?;
        Ok(Terms { trust, called, identity: self.identity(user).await?, proxy })
    }

    async fn identity(&self, user: &Of<User>) -> Result<Option<Identity>, Fault> {
        let User { client_certificate, client_certificate_data, client_key, client_key_data, .. } = &user.what;
        let certificate = match (client_certificate_data.as_str(), client_certificate.as_str()) {
            ("", "") => None,
            ("", file) => Some(files::named(&user.path(file)).await?.text),
            (data, _) => Some(self.decoded(data, "client-certificate-data")?),
        };
        let key = match (client_key_data, client_key.as_str()) {
            (None, "") => None,
            (None, file) => {
                let path = user.path(file);
                let found = files::named(&path).await?;
                Some(Secret::new(kept(&path, found.is_shared, found.text)?))
            }
            (Some(data), _) => Some(Secret::new(kept(&user.file, user.is_shared, self.decoded(data.expose(), "client-key-data")?)?)),
        };
        match (certificate, key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Ok(Some(Identity { certificate, key })),
            (None, Some(_)) | (Some(_), None) => Err(self.refused("has only one of a client certificate and its key")),
        }
    }

    /// With the program whose place our Google credentials take, if they do. As for `kubectl`, a file comes before a word, and either before
    /// a program.
    fn token(&self, user: &Of<User>) -> Result<(Token, Option<&'static str>), Fault> {
        let User { token, token_file, username, acts_as, as_uid, as_groups, auth_provider, exec, .. } = &user.what;
        if !username.is_empty() {
            return Err(self.refused("has a user name with a password, which no cluster takes any more"));
        }
        if !acts_as.is_empty() || !as_uid.is_empty() || !as_groups.is_empty() {
            return Err(self
                .refused("acts as somebody else (`as`, `as-uid`, `as-groups`), which is not done here; give this account what it needs"));
        }
        // kubectl would take the token; whoever reads the file sees a program that is never asked.
        if let (Some(Exec { command }), true) = (exec, token.is_some() || !token_file.is_empty()) {
            let which = if token_file.is_empty() { "a token" } else { "a tokenFile" };
            return Err(
                self.refused(&format!("has both {which} and an exec (`{command}`), so which of them is meant is not known; leave one"))
            );
        }
        if !token_file.is_empty() {
            return Ok((Token::File(user.path(token_file).into()), None));
        }
        if let Some(token) = token {
            return Ok((Token::Static(kept(&user.file, user.is_shared, token.clone())?), None));
        }
        match (exec, auth_provider) {
            (Some(Exec { command }), _) if is_googles(command) => Ok((self.google.clone(), Some(GOOGLES))),
            (Some(Exec { command }), _) => Err(self.refused(&format!(
                "runs `{command}` for a token, and no program is run here but for {GOOGLES}, in whose place our Google credentials are sent; \
                 use a token, a tokenFile or a client certificate, or let `kubectl proxy` speak for it"
            ))),
            (None, Some(provider)) => Err(self.refused(&format!(
                "has the auth-provider `{}`, which kubectl itself has given up; write the context anew (gcloud container clusters get-credentials)",
                provider.name
            ))),
            (None, None) => Ok((Token::None, None)),
        }
    }

    fn decoded(&self, data: &str, what: &str) -> Result<String, Fault> {
        let bytes = STANDARD.decode(data.trim()).ok();
        bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| self.refused(&format!("has a {what} that is no PEM in base64")))
    }

    fn refused(&self, why: &str) -> Fault {
        Fault::new(FaultKind::Refused, format!("the kubeconfig context `{}` {why}; nothing was sent", self.context))
    }
}

/// Whether that is how gcloud names its program: by its name alone, or by its whole path. A path beside the file or from somewhere is another's.
fn is_googles(command: &str) -> bool {
    let path = Path::new(command);
    command == GOOGLES || (path.is_absolute() && path.file_name().is_some_and(|name| name == GOOGLES) && !command.ends_with('/'))
}

/// # Errors
/// [`FaultKind::Refused`] if one file has a name twice; which is meant, nobody can know.
fn add<T>(known: &mut BTreeMap<String, Of<T>>, kind: &str, of: &Of<()>, found: impl Iterator<Item = (String, T)>) -> Result<(), Fault> {
    let mut own: BTreeMap<String, T> = BTreeMap::new();
    for (name, what) in found {
        if own.contains_key(&name) {
            let message = format!("{} has `{name}` twice in its {kind}; nothing was sent", of.file.display());
            return Err(Fault::new(FaultKind::Refused, message));
        }
        own.insert(name, what);
    }
    for (name, what) in own {
        known.entry(name).or_insert_with(|| Of { what, file: of.file.clone(), is_shared: of.is_shared });
    }
    Ok(())
}

/// A secret of a file that is its owner's alone.
/// # Errors
/// [`FaultKind::Refused`] for any other.
fn kept<T>(file: &Path, is_shared: bool, secret: T) -> Result<T, Fault> {
    if !is_shared {
        return Ok(secret);
    }
    let message = format!("{} holds a secret and can be read by others; chmod 600; nothing was sent", file.display());
    Err(Fault::new(FaultKind::Refused, message))
}
