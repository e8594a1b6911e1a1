//! A cluster by a context of a kubeconfig: against an API server within TLS, under a throwaway authority, what is shown to it; and what is
//! refused before anything is sent.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::STANDARD};
use cutover::{
    adapter::{
        google_auth::Token,
        kubernetes::{Config, Kubeconfig, KubernetesSensor, Pages, Shown, Way},
    },
    domain::{
        fault::{Fault, FaultKind},
        secret::Secret,
    },
    port::Sensor,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use serde_json::json;

use super::{
    id,
    server::{Reaction, Server},
};

/// A folder of one test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("cutover-kubeconfig-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Signs whatever a test needs.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
struct Signed {
    certificate: String,
    key: String,
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        params.distinguished_name.push(DnType::CommonName, "throwaway");
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    fn signs(&self, names: &[&str], usage: ExtendedKeyUsagePurpose) -> Signed {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        params.extended_key_usages = vec![usage];
        Signed { certificate: params.signed_by(&key, &self.0).unwrap().pem(), key: key.serialize_pem() }
    }

    /// A server of these names, which lets in whoever shows a certificate of ours, or everybody.
    fn server(&self, names: &[&str], clients: Clients) -> ServerConfig {
        let Signed { certificate, key } = self.signs(names, ExtendedKeyUsagePurpose::ServerAuth);
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
        let builder = match clients {
            Clients::Anybody => builder.with_no_client_auth(),
            Clients::OfOurs => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_slice(self.pem().as_bytes()).unwrap()).unwrap();
                builder.with_client_cert_verifier(WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap())
            }
        };
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
        builder.with_single_cert(vec![certificate], PrivatePkcs8KeyDer::from_pem_slice(key.as_bytes()).unwrap().into()).unwrap()
    }
}

enum Clients {
    Anybody,
    OfOurs,
}

/// An API server that has no such deployment, and so shows that it was reached.
async fn cluster(config: ServerConfig) -> Server {
    Server::secured(config, |_, _| {
        Reaction::json(200, json!({"kind": "DeploymentList", "apiVersion": "apps/v1", "metadata": {"resourceVersion": "7"}, "items": []}))
    })
    .await
}

fn kubeconfig(folder: &Folder, files: Vec<PathBuf>) -> Kubeconfig {
    let allowed = folder.file("allowed", "# who may be taken\nops@prod\n", 0o600);
    Kubeconfig { files, allowed, context: "ops@prod".to_owned(), google: Token::Static(Secret::new("canary-google")) }
}

/// One look at the cluster, which can only end with a fault.
async fn look(kubeconfig: Kubeconfig) -> Fault {
    let config = Config::new("platform/gke".parse().unwrap(), id("gke"), "shop", "web");
    KubernetesSensor::new(config, Way::Kubeconfig(kubeconfig)).look().await.expect_err("there is no such deployment")
}

fn text(cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: another\npreferences: {{}}\nclusters:\n- name: prod\n  cluster: {{ {cluster} }}\n\
         contexts:\n- name: ops@prod\n  context: {{ cluster: prod, user: ops, namespace: other }}\nusers:\n- name: ops\n  user: {{ {user} }}\n"
    )
}

/// What a look at such a kubeconfig comes to.
async fn looked(folder: &Folder, cluster: &str, user: &str) -> Fault {
    let file = folder.file("config", &text(cluster, user), 0o600);
    look(kubeconfig(folder, vec![file])).await
}

fn reached(fault: &Fault) {
    assert_eq!(fault.kind, FaultKind::NotFound, "{fault}");
    assert!(fault.message.as_str().contains("no deployment web in its namespace"), "{fault}");
}

fn shown(server: &Server) -> Option<String> {
    server.asked().last().unwrap().header("authorization").map(str::to_owned)
}

#[tokio::test]
async fn a_token_a_file_with_one_and_googles_own_plugin_each_lead_to_the_server_that_the_authority_signed_for() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let server = cluster(authority.server(&["127.0.0.1"], Clients::Anybody)).await;
    let data = STANDARD.encode(authority.pem());
    let by_data = format!("server: 'https://{}', certificate-authority-data: {data}", server.address);
    folder.file("ca.pem", &authority.pem(), 0o644);
    // Beside the file that names it.
    let by_file = format!("server: 'https://{}', certificate-authority: ca.pem", server.address);
    folder.file("token", "canary-file\n", 0o600);
    for (cluster, user, sent) in [
        (&by_data, "token: canary-31", "Bearer canary-31"),
        (&by_file, "token: canary-31", "Bearer canary-31"),
        (&by_data, "tokenFile: token", "Bearer canary-file"),
        (&by_data, "token: canary-31, tokenFile: token", "Bearer canary-file"),
        (
            &by_data,
            "exec: { apiVersion: client.authentication.k8s.io/v1beta1, command: gke-gcloud-auth-plugin, provideClusterInfo: true }",
            "Bearer canary-google",
        ),
        (&by_data, "exec: { command: /usr/lib/google-cloud-sdk/bin/gke-gcloud-auth-plugin }", "Bearer canary-google"),
    ] {
        let before = server.asked().len();
        reached(&looked(&folder, cluster, user).await);
        assert_eq!(shown(&server).as_deref(), Some(sent), "{user}");
        assert_eq!(server.asked().len(), before + 1);
    }
    let asked = server.asked();
    assert!(asked[0].path.starts_with("/apis/apps/v1/namespaces/shop/deployments?"), "the namespace is the plan's: {}", asked[0].path);
    // A token that is renewed in its file is the next look's, without a restart.
    folder.file("token", "canary-renewed\n", 0o600);
    reached(&looked(&folder, &by_data, "tokenFile: token").await);
    assert_eq!(shown(&server).as_deref(), Some("Bearer canary-renewed"));
}

#[tokio::test]
async fn a_server_that_another_authority_signed_for_or_of_another_name_is_not_believed() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let server = cluster(authority.server(&["kubernetes.default.svc"], Clients::Anybody)).await;
    let of = |authority: &Authority| {
        format!("server: 'https://{}', certificate-authority-data: {}", server.address, STANDARD.encode(authority.pem()))
    };
    let user = "token: canary-32";
    let misnamed = looked(&folder, &of(&authority), user).await;
    assert_eq!(misnamed.kind, FaultKind::Unreachable, "{misnamed}");
    let named = |authority: &Authority, name: &str| format!("{}, tls-server-name: {name}", of(authority));
    reached(&looked(&folder, &named(&authority, "kubernetes.default.svc"), user).await);
    assert_eq!(server.asked().last().unwrap().header("host"), Some(server.address.to_string().as_str()), "the address stays what it is");
    for cluster in [named(&authority, "kubernetes.other.svc"), named(&Authority::new(), "kubernetes.default.svc")] {
        let fault = looked(&folder, &cluster, user).await;
        assert_eq!(fault.kind, FaultKind::Unreachable, "{fault}");
    }
    assert_eq!(server.asked().len(), 1, "nothing was said to a server that is not believed");
}

#[tokio::test]
async fn a_client_certificate_is_shown_from_data_or_files_also_to_a_server_of_another_name() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let server = cluster(authority.server(&["127.0.0.1", "kubernetes"], Clients::OfOurs)).await;
    let Signed { certificate, key } = authority.signs(&["ops"], ExtendedKeyUsagePurpose::ClientAuth);
    folder.file("ops.crt", &certificate, 0o644);
    folder.file("ops.key", &key, 0o600);
    let (certificate, key) = (STANDARD.encode(certificate), STANDARD.encode(key));
    let at = format!("server: 'https://{}', certificate-authority-data: {}", server.address, STANDARD.encode(authority.pem()));
    for cluster in [at.clone(), format!("{at}, tls-server-name: kubernetes")] {
        reached(&looked(&folder, &cluster, &format!("client-certificate-data: {certificate}, client-key-data: {key}")).await);
        reached(&looked(&folder, &cluster, "client-certificate: ops.crt, client-key: ops.key").await);
        assert_eq!(shown(&server), None, "and no token beside it");
    }
    let nameless = looked(&folder, &at, "token: canary-33").await;
    assert!(matches!(nameless.kind, FaultKind::Broken | FaultKind::Unreachable), "{nameless}");
    assert_eq!(server.asked().len(), 4);
}

/// A server may say anything of what was sent to it; what it says ends up on screens and in journals.
#[tokio::test]
async fn a_server_that_echoes_the_token_is_told_without_it() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let server = Server::secured(authority.server(&["127.0.0.1"], Clients::Anybody), |asked, _| {
        let message = format!("you sent {}", asked.header("authorization").unwrap_or_default());
        Reaction::json(
            403,
            json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403, "message": message}),
        )
    })
    .await;
    let at = format!("server: 'https://{}', certificate-authority-data: {}", server.address, STANDARD.encode(authority.pem()));
    let fault = looked(&folder, &at, "token: canary-36").await;
    assert_eq!(shown(&server).as_deref(), Some("Bearer canary-36"));
    assert!(fault.kind == FaultKind::Forbidden && fault.message.as_str().contains("you sent Bearer [hidden]"), "{fault}");
}

/// The server of a fleet's gateway has a path, below which all else lies; the driver's client and the pages' go the same way.
#[tokio::test]
async fn a_server_below_a_path_is_asked_below_it() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let server = cluster(authority.server(&["127.0.0.1"], Clients::Anybody)).await;
    let at =
        format!("server: 'https://{}/k8s/clusters/c-1', certificate-authority-data: {}", server.address, STANDARD.encode(authority.pem()));
    let file = folder.file("config", &text(&at, "token: canary-34"), 0o600);
    reached(&look(kubeconfig(&folder, vec![file.clone()])).await);
    let of = |text: &str| text.to_owned();
    let page = Shown { namespace: of("shop"), deployment: of("web"), port: 80, path: of("/metrics") };
    Pages::new(Way::Kubeconfig(kubeconfig(&folder, vec![file])), page).ready(100).await.expect_err("there is no such deployment");
    assert_eq!(server.asked().len(), 2);
    for asked in server.asked() {
        assert!(asked.path.starts_with("/k8s/clusters/c-1/apis/apps/v1/"), "{}", asked.path);
    }
}

#[tokio::test]
async fn its_own_proxy_carries_what_is_sent_there_with_its_password_and_tells_nobody() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let proxy = Server::start(|_, _| Reaction::text(503, "text/plain", "not today")).await;
    let at = format!(
        "server: 'https://cluster.test', proxy-url: 'http://user:canary@{}', certificate-authority-data: {}",
        proxy.address,
        STANDARD.encode(authority.pem())
    );
    for cluster in [at.clone(), format!("{at}, tls-server-name: kubernetes")] {
        let fault = looked(&folder, &cluster, "token: canary-35").await;
        assert_eq!(fault.kind, FaultKind::Unreachable, "{fault}");
        assert!(!fault.message.as_str().contains("canary"), "{fault}");
    }
    let asked: Vec<String> = proxy.asked().iter().map(|asked| format!("{} {}", asked.method, asked.path)).collect();
    assert_eq!(asked, ["CONNECT cluster.test:443", "CONNECT cluster.test:443"]);
    let basic = format!("Basic {}", STANDARD.encode("user:canary"));
    assert_eq!(proxy.asked()[0].header("proxy-authorization"), Some(basic.as_str()));
}

#[tokio::test]
async fn what_stands_first_in_kubeconfig_counts_and_a_file_that_is_not_there_is_passed_over() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let server = cluster(authority.server(&["127.0.0.1"], Clients::Anybody)).await;
    let at = format!("server: 'https://{}', certificate-authority-data: {}", server.address, STANDARD.encode(authority.pem()));
    let users = folder.file("users", "users:\n- name: ops\n  user: { token: canary-first }\nclusters: null\ncontexts: []\n", 0o600);
    let config = folder.file("config", &text(&at, "token: canary-second"), 0o600);
    reached(&look(kubeconfig(&folder, vec![folder.0.join("missing"), users, config])).await);
    assert_eq!(shown(&server).as_deref(), Some("Bearer canary-first"));
}

#[tokio::test]
async fn what_would_be_believed_unseen_or_run_is_refused_with_words_and_nothing_is_sent() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let server = cluster(authority.server(&["127.0.0.1"], Clients::Anybody)).await;
    let data = STANDARD.encode(authority.pem());
    let good = format!("server: 'https://{}', certificate-authority-data: {data}", server.address);
    let token = "token: canary-36";
    let exec = |command: &str| format!("exec: {{ apiVersion: client.authentication.k8s.io/v1, command: '{command}', args: [canary] }}");
    for (cluster, user, why) in [
        (good.clone(), exec("/usr/bin/aws"), "runs `/usr/bin/aws` for a token, and no program is run here"),
        (good.clone(), exec("./gke-gcloud-auth-plugin.sh"), "no program is run here"),
        (good.clone(), exec("./gke-gcloud-auth-plugin"), "no program is run here"),
        (good.clone(), exec("bin/gke-gcloud-auth-plugin"), "no program is run here"),
        (good.clone(), exec("/opt/gke-gcloud-auth-plugin/.."), "no program is run here"),
        (good.clone(), format!("{token}, {}", exec("gke-gcloud-auth-plugin")), "both a token and an exec"),
        (good.clone(), format!("tokenFile: t, {}", exec("/usr/bin/aws")), "both a tokenFile and an exec"),
        ("server: 'https://[::ffff:0:a9fe:a9fe]/'".to_owned(), token.to_owned(), "link-local or metadata"),
        ("server: 'https://[::ffff:a9fe:a9fe]/'".to_owned(), token.to_owned(), "link-local or metadata"),
        ("server: 'https://[64:ff9b::a9fe:a9fe]/'".to_owned(), token.to_owned(), "link-local or metadata"),
        ("server: 'https://[fd00:ec2::254]/'".to_owned(), token.to_owned(), "link-local or metadata"),
        ("server: 'https://100.100.100.200/'".to_owned(), token.to_owned(), "link-local or metadata"),
        ("server: 'https://metadata.google.internal/'".to_owned(), token.to_owned(), "link-local or metadata"),
        ("server: 'https://metadata/'".to_owned(), token.to_owned(), "link-local or metadata"),
        ("server: 'https://a.metadata.google.internal/'".to_owned(), token.to_owned(), "link-local or metadata"),
        (good.clone(), "auth-provider: { name: gcp }".to_owned(), "auth-provider `gcp`"),
        (good.clone(), "username: admin, password: canary".to_owned(), "a user name with a password"),
        (good.clone(), format!("{token}, as: root"), "acts as somebody else"),
        (good.clone(), "client-certificate-data: eA==".to_owned(), "only one of a client certificate and its key"),
        (good.clone(), String::new(), "neither a certificate nor a token"),
        (format!("server: 'https://{}', insecure-skip-tls-verify: true", server.address), token.to_owned(), "insecure-skip-tls-verify"),
        (format!("server: 'http://{}'", server.address), token.to_owned(), "a server without TLS"),
        ("server: 'https://169.254.169.254/'".to_owned(), token.to_owned(), "link-local or metadata"),
        ("server: 'https://user:canary@example.com/'".to_owned(), token.to_owned(), "user name or password"),
        ("server: 'https://example.com/?x=canary'".to_owned(), token.to_owned(), "more than a path"),
        (format!("{good}, proxy-url: 'http://169.254.169.254'"), token.to_owned(), "link-local or metadata"),
        (format!("{good}, proxy-url: 'socks5://u:canary@127.0.0.1:1'"), token.to_owned(), "neither http:// nor https://"),
        ("server: 'https://example.com', certificate-authority-data: bm8=".to_owned(), token.to_owned(), "no certificate"),
        ("server: 'https://example.com', certificate-authority-data: '*'".to_owned(), token.to_owned(), "no PEM in base64"),
        ("server: 'https://example.com', tls-server-name: x".to_owned(), token.to_owned(), "no certificate-authority"),
        (
            "server: 'https://example.com', tls-server-name: 'a b', certificate-authority-data: ".to_owned() + &data,
            token.to_owned(),
            "is no name",
        ),
    ] {
        let fault = looked(&folder, &cluster, &user).await;
        let said = fault.message.as_str();
        assert!(fault.kind == FaultKind::Refused && said.contains(why), "{why}: {fault}");
        assert!(said.contains("nothing was sent") && !said.contains("canary"), "{fault}");
    }
    let missing = looked(&folder, "server: 'https://example.com', certificate-authority: gone.pem", token).await;
    assert!(missing.kind == FaultKind::NotFound && missing.message.as_str().contains("gone.pem is not there"), "{missing}");
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_file_that_somebody_else_could_have_written_or_a_secret_that_others_can_read_is_refused() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let server = cluster(authority.server(&["127.0.0.1"], Clients::Anybody)).await;
    let at = |authority: &str| format!("server: 'https://{}', {authority}", server.address);
    let by_data = at(&format!("certificate-authority-data: {}", STANDARD.encode(authority.pem())));
    let refused = async |file: PathBuf, why: &str| {
        let fault = look(kubeconfig(&folder, vec![file])).await;
        assert!(fault.kind == FaultKind::Refused && fault.message.as_str().contains(why), "{why}: {fault}");
        assert!(!fault.message.as_str().contains("canary"), "{fault}");
    };
    refused(folder.file("world", &text(&by_data, "token: canary-37"), 0o602), "can be written by others").await;
    refused(folder.file("group", &text(&by_data, "token: canary-37"), 0o620), "can be written by others").await;
    refused(folder.file("read", &text(&by_data, "token: canary-37"), 0o644), "holds a secret and can be read by others").await;
    refused(folder.file("no", "clusters: canary\n", 0o600), "is no kubeconfig").await;
    refused(folder.file("deep", &format!("extensions: {}\n", "[".repeat(300_000)), 0o600), "more brackets open").await;
    refused(folder.file("twice", "users:\n- name: ops\n- name: ops\n", 0o600), "has `ops` twice in its users").await;
    refused(folder.0.clone(), "is no regular file").await;
    refused(Path::new("config").to_owned(), "is no absolute path").await;
    folder.file("ca.pem", &authority.pem(), 0o606);
    refused(folder.file("ca", &text(&at("certificate-authority: ca.pem"), "token: canary-37"), 0o600), "ca.pem can be written by others")
        .await;
    folder.file("token", "canary-38", 0o640);
    let file = folder.file("token-file", &text(&by_data, "tokenFile: token"), 0o600);
    let fault = look(kubeconfig(&folder, vec![file])).await;
    assert!(fault.kind == FaultKind::Forbidden && fault.message.as_str().contains("can be read by others"), "{fault}");
    assert!(server.asked().is_empty());
    // A file without a secret is nobody's to hide.
    let file = folder.file("plugin", &text(&by_data, "exec: { command: gke-gcloud-auth-plugin }"), 0o644);
    reached(&look(kubeconfig(&folder, vec![file])).await);
}

#[tokio::test]
async fn a_context_is_taken_if_its_owner_says_so_and_else_the_command_that_would_say_it_is_told() {
    let folder = Folder::new();
    let file = folder.file("config", &text("server: 'https://example.com'", "token: canary-39"), 0o600);
    let take = kubeconfig(&folder, vec![file]);
    let advice = format!("echo 'ops@prod' >> {}", take.allowed.display());
    let refused = |fault: &Fault| fault.kind == FaultKind::Refused && fault.message.as_str().contains(&advice);
    fs::remove_file(&take.allowed).unwrap();
    assert!(refused(&look(take.clone()).await), "{}", look(take.clone()).await);
    for list in ["", "#ops@prod\n", "ops@prod2\n", "ops\n"] {
        folder.file("allowed", list, 0o600);
        assert!(refused(&look(take.clone()).await), "{list}");
    }
    folder.file("allowed", "ops@prod\n", 0o666);
    assert!(look(take.clone()).await.message.as_str().contains("can be written by others"));
    folder.file("allowed", "gone\nops@prod\n", 0o644);
    let gone = look(Kubeconfig { context: "gone".to_owned(), ..take }).await;
    assert!(
        gone.kind == FaultKind::NotFound
            && gone.message.as_str().contains("no context `gone`")
            && gone.message.as_str().contains("there is ops@prod"),
        "{gone}"
    );
}

#[tokio::test]
async fn a_token_that_is_renewed_in_the_kubeconfig_is_the_next_looks() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let server = Server::secured(authority.server(&["127.0.0.1"], Clients::Anybody), |asked, _| match asked.header("authorization") {
        Some("Bearer canary-new") => Reaction::json(200, json!({"metadata": {"resourceVersion": "7"}, "items": []})),
        _ => Reaction::json(401, json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "Unauthorized", "reason": "Unauthorized", "code": 401})),
    })
    .await;
    let at = format!("server: 'https://{}', certificate-authority-data: {}", server.address, STANDARD.encode(authority.pem()));
    let file = folder.file("config", &text(&at, "token: canary-old"), 0o600);
    let config = Config::new("platform/gke".parse().unwrap(), id("gke"), "shop", "web");
    let mut sensor = KubernetesSensor::new(config, Way::Kubeconfig(kubeconfig(&folder, vec![file])));
    assert_eq!(sensor.look().await.unwrap_err().kind, FaultKind::Forbidden);
    folder.file("config", &text(&at, "token: canary-new"), 0o600);
    reached(&sensor.look().await.unwrap_err());
}
