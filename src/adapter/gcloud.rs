//! Settings by which `gcloud` would act otherwise than this program does: as somebody else, in another universe, by another way out. Like
//! Google's own client libraries we read none of them; whoever is used to them has to be told, and which word of ours says the same.
//!
//! A setting is a variable of the environment, or else a line of the configuration that is active. Nothing is asked of `gcloud` itself.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::domain::{by_hand::quoted, shown::Shown};

/// One that is made and does nothing here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unused {
    /// As `gcloud config set` calls it.
    pub property: &'static str,
    pub value: Shown,
    /// What gcloud does for it and we don't.
    pub what: &'static str,
    /// What says the same to us.
    pub instead: String,
}

/// What somebody has set, by the environment of this process.
#[derive(Debug)]
pub struct Settings {
    environment: BTreeMap<String, String>,
    /// Of the active configuration, by `section/name`.
    configured: BTreeMap<String, String>,
    /// What the credentials that are used say of themselves.
    credentials: String,
}

const PROPERTIES: [(&str, &str); 7] = [
    ("auth/impersonate_service_account", "gcloud acts as that service account"),
    ("auth/access_token_file", "gcloud sends the token in that file"),
    ("auth/credential_file_override", "gcloud takes the credentials in that file"),
    ("core/universe_domain", "gcloud speaks to that universe"),
    ("core/custom_ca_certs_file", "gcloud believes the authorities in that file"),
    ("proxy/address", "gcloud goes through that proxy"),
    ("api_endpoint_overrides", "gcloud speaks to that address in the API's place"),
];

impl Settings {
    /// A file that can't be read sets nothing.
    pub fn of(environment: BTreeMap<String, String>) -> Settings {
        let folder = folder(&environment);
        let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
        let active = environment.get("CLOUDSDK_ACTIVE_CONFIG_NAME").cloned().filter(|name| !name.is_empty());
        let active =
            active.or_else(|| Some(read(&folder.as_ref()?.join("active_config")).trim().to_owned()).filter(|name| !name.is_empty()));
        let active = active.unwrap_or_else(|| "default".to_owned());
        let configured = folder.as_ref().map(|folder| sections(&read(&folder.join("configurations").join(format!("config_{active}")))));
        let credentials = credentials(&environment).map(|path| read(&path)).unwrap_or_default();
        Settings { environment, configured: configured.unwrap_or_default(), credentials }
    }

    /// Those that gcloud would follow; `universe` is the one that we ask.
    pub fn unused(&self, universe: &str) -> Vec<Unused> {
        let set = |name: &str| self.environment.get(name).is_some_and(|value| !value.is_empty());
        let mut unused = Vec::new();
        for (property, what) in PROPERTIES {
            let Some(value) = self.value(property) else { continue };
            let is_same = match property {
                "auth/impersonate_service_account" => self.credentials.contains(&format!("/{value}:generateAccessToken")),
                "auth/credential_file_override" => self.environment.get("GOOGLE_APPLICATION_CREDENTIALS") == Some(&value),
                "core/universe_domain" => value == universe,
                "core/custom_ca_certs_file" => set("SSL_CERT_FILE") || set("SSL_CERT_DIR"),
                "proxy/address" => ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"].into_iter().any(set),
                _ => false,
            };
            if is_same {
                continue;
            }
            let port = self.value("proxy/port").unwrap_or_else(|| "3128".to_owned());
            let instead = match property {
                "auth/impersonate_service_account" => {
                    format!("gcloud auth application-default login --impersonate-service-account={}", quoted(&value))
                }
                "auth/credential_file_override" => format!("export GOOGLE_APPLICATION_CREDENTIALS={}", quoted(&value)),
                "core/universe_domain" => format!("export GOOGLE_CLOUD_UNIVERSE_DOMAIN={}", quoted(&value)),
                "core/custom_ca_certs_file" => format!("export SSL_CERT_FILE={}", quoted(&value)),
                "proxy/address" => format!("export HTTPS_PROXY={}", quoted(&format!("http://{value}:{port}"))),
                _ => format!("gcloud config unset {property}"),
            };
            unused.push(Unused { property, value: Shown::new(&value), what, instead });
        }
        unused
    }

    /// The environment comes before the configuration, as for gcloud.
    fn value(&self, property: &str) -> Option<String> {
        let variable = format!("CLOUDSDK_{}", property.replace('/', "_").to_ascii_uppercase());
        if property.contains('/') {
            let named = self.environment.get(&variable).or_else(|| self.configured.get(property));
            return named.filter(|value| !value.is_empty()).cloned();
        }
        // A whole section, of which any line is one.
        let of_environment = self.environment.iter().find(|(name, value)| name.starts_with(&format!("{variable}_")) && !value.is_empty());
        let of_section = self.configured.iter().find(|(name, _)| name.starts_with(&format!("{property}/")));
        of_environment.or(of_section).map(|(_, value)| value.clone())
    }
}

/// Where gcloud keeps its own.
fn folder(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    let named = environment.get("CLOUDSDK_CONFIG").filter(|named| !named.is_empty()).map(PathBuf::from);
    named.or_else(|| Some(Path::new(environment.get("HOME")?).join(".config/gcloud")))
}

/// The file of the credentials that are used, as the library that uses them finds it.
fn credentials(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    let named = environment.get("GOOGLE_APPLICATION_CREDENTIALS").map(PathBuf::from);
    named.or_else(|| Some(Path::new(environment.get("HOME")?).join(".config/gcloud/application_default_credentials.json")))
}

/// An INI file's lines by `section/name`.
fn sections(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut section = "";
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        } else if let Some((name, value)) = line.split_once('=') {
            found.insert(format!("{section}/{}", name.trim()), value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(name: &str, configuration: &str) -> (BTreeMap<String, String>, PathBuf) {
        let home = std::env::temp_dir().join(format!("cutover-gcloud-{name}-{}", std::process::id()));
        let folder = home.join(".config/gcloud/configurations");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(home.join(".config/gcloud/active_config"), "work\n").unwrap();
        std::fs::write(folder.join("config_work"), configuration).unwrap();
        std::fs::write(folder.join("config_default"), "[auth]\nimpersonate_service_account = nobody@p\n").unwrap();
        (BTreeMap::from([("HOME".to_owned(), home.to_string_lossy().into_owned())]), home)
    }

    fn told(environment: &BTreeMap<String, String>) -> Vec<(&'static str, String)> {
        let unused = Settings::of(environment.clone()).unused("googleapis.com");
        unused.into_iter().map(|unused| (unused.property, unused.instead)).collect()
    }

    const ACCOUNT: &str = "cutover@my-project.iam.gserviceaccount.com";

    #[test]
    fn what_the_active_configuration_says_is_told_with_the_word_of_ours_that_says_the_same() {
        let text = format!(
            "[core]\naccount = ada@example.com\nproject = my-project\nuniverse_domain = apis-tpc.goog\n\n[auth]\n# as whom\n\
             impersonate_service_account = {ACCOUNT}\n[proxy]\naddress = proxy.example.com\nport = 8080\n[api_endpoint_overrides]\ncompute = https://x/\n"
        );
        let (environment, home) = home("all", &text);
        let login = format!("gcloud auth application-default login --impersonate-service-account='{ACCOUNT}'");
        assert_eq!(
            told(&environment),
            [
                ("auth/impersonate_service_account", login),
                ("core/universe_domain", "export GOOGLE_CLOUD_UNIVERSE_DOMAIN=apis-tpc.goog".to_owned()),
                ("proxy/address", "export HTTPS_PROXY=http://proxy.example.com:8080".to_owned()),
                ("api_endpoint_overrides", "gcloud config unset api_endpoint_overrides".to_owned()),
            ]
        );
        std::fs::remove_dir_all(home).unwrap();
    }

    #[test]
    fn a_variable_comes_before_the_configuration_and_what_is_used_all_the_same_is_not_told() {
        let (mut environment, home) = home("same", &format!("[auth]\nimpersonate_service_account = {ACCOUNT}\n[proxy]\naddress = p\n"));
        let mut set = |name: &str, value: &str| environment.insert(name.to_owned(), value.to_owned());
        set("CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT", "other@p");
        set("HTTPS_PROXY", "http://p:3128");
        set("CLOUDSDK_CORE_UNIVERSE_DOMAIN", "googleapis.com");
        set("CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "/ca.pem");
        assert_eq!(
            told(&environment),
            [
                (
                    "auth/impersonate_service_account",
                    "gcloud auth application-default login --impersonate-service-account='other@p'".to_owned()
                ),
                ("core/custom_ca_certs_file", "export SSL_CERT_FILE=/ca.pem".to_owned())
            ]
        );
        // Credentials that act as the same account are what was asked for.
        let url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/other@p:generateAccessToken";
        let file = home.join("adc.json");
        std::fs::write(&file, format!("{{\"type\": \"impersonated_service_account\", \"service_account_impersonation_url\": \"{url}\"}}"))
            .unwrap();
        environment.insert("GOOGLE_APPLICATION_CREDENTIALS".to_owned(), file.to_string_lossy().into_owned());
        environment.insert("SSL_CERT_FILE".to_owned(), "/ca.pem".to_owned());
        assert_eq!(told(&environment), []);
        std::fs::remove_dir_all(home).unwrap();
    }

    #[test]
    fn without_a_configuration_nothing_is_told() {
        let environment = BTreeMap::from([("HOME".to_owned(), "/there/is/nobody".to_owned())]);
        assert_eq!(told(&environment), []);
        assert_eq!(told(&BTreeMap::new()), []);
    }
}
