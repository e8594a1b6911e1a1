//! A kubeconfig as `kubectl` writes it (`v1`, kind `Config`), as far as it decides how a cluster is met. What is only for people is left out;
//! what would change who we are there and is not done here is read all the same, so that it can be refused.

use serde::{Deserialize, Deserializer};

use crate::{adapter::lenient, domain::secret::Secret};

#[derive(Deserialize)]
pub(super) struct Document {
    #[serde(default, deserialize_with = "lenient")]
    pub clusters: Vec<NamedCluster>,
    #[serde(default, deserialize_with = "lenient")]
    pub users: Vec<NamedUser>,
    #[serde(default, deserialize_with = "lenient")]
    pub contexts: Vec<NamedContext>,
}

#[derive(Deserialize)]
pub(super) struct NamedCluster {
    pub name: String,
    #[serde(default, deserialize_with = "lenient")]
    pub cluster: Cluster,
}

#[derive(Deserialize)]
pub(super) struct NamedUser {
    pub name: String,
    #[serde(default, deserialize_with = "lenient")]
    pub user: User,
}

#[derive(Deserialize)]
pub(super) struct NamedContext {
    pub name: String,
    #[serde(default, deserialize_with = "lenient")]
    pub context: Context,
}

#[derive(Clone, Default, Deserialize)]
pub(super) struct Context {
    #[serde(default, deserialize_with = "lenient")]
    pub cluster: String,
    #[serde(default, deserialize_with = "lenient")]
    pub user: String,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Cluster {
    #[serde(default, deserialize_with = "lenient")]
    pub server: String,
    #[serde(default, deserialize_with = "lenient")]
    pub tls_server_name: String,
    #[serde(default, deserialize_with = "lenient")]
    pub insecure_skip_tls_verify: bool,
    #[serde(default, deserialize_with = "lenient")]
    pub certificate_authority: String,
    #[serde(default, deserialize_with = "lenient")]
    pub certificate_authority_data: String,
    /// It may hold a password.
    #[serde(default, deserialize_with = "hidden")]
    pub proxy_url: Option<Secret>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct User {
    #[serde(default, deserialize_with = "lenient")]
    pub client_certificate: String,
    #[serde(default, deserialize_with = "lenient")]
    pub client_certificate_data: String,
    #[serde(default, deserialize_with = "lenient")]
    pub client_key: String,
    #[serde(default, deserialize_with = "hidden")]
    pub client_key_data: Option<Secret>,
    #[serde(default, deserialize_with = "hidden")]
    pub token: Option<Secret>,
    #[serde(default, rename = "tokenFile", deserialize_with = "lenient")]
    pub token_file: String,
    #[serde(default, deserialize_with = "lenient")]
    pub username: String,
    #[serde(default, rename = "as", deserialize_with = "lenient")]
    pub acts_as: String,
    #[serde(default, deserialize_with = "lenient")]
    pub as_uid: String,
    #[serde(default, deserialize_with = "lenient")]
    pub as_groups: Vec<String>,
    pub auth_provider: Option<AuthProvider>,
    pub exec: Option<Exec>,
}

#[derive(Clone, Deserialize)]
pub(super) struct AuthProvider {
    #[serde(default, deserialize_with = "lenient")]
    pub name: String,
}

#[derive(Clone, Deserialize)]
pub(super) struct Exec {
    #[serde(default, deserialize_with = "lenient")]
    pub command: String,
}

/// An empty one is none.
fn hidden<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()).map(Secret::new))
}
