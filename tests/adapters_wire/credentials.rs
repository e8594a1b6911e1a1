//! Application Default Credentials of several kinds, from a file as gcloud writes it to the header that an API gets: others' by impersonation,
//! a workload's by federation, and none that are of another universe than what is asked.
//!
//! The environment belongs to the whole process, so each kind is tried in a process of its own: this program again.

use std::{os::unix::fs::PermissionsExt, path::PathBuf};

use cutover::adapter::{
    google_auth::Token,
    http::{Ask, Client, Limits, Origin, Reach},
};
use serde_json::{Value, json};

use super::server::{Asked, Reaction, Server};

const INSIDE: &str = "credentials::inside";
const IMPERSONATE: &str = "/v1/projects/-/serviceAccounts/cutover@p.iam.gserviceaccount.com:generateAccessToken";

/// Google's token endpoints and one API, all in one.
async fn google() -> Server {
    Server::start(|asked, _| match asked.path.as_str() {
        "/token" => Reaction::json(200, json!({"access_token": "canary-user", "expires_in": 3599, "token_type": "Bearer"})),
        "/sts" => {
            let issued = "urn:ietf:params:oauth:token-type:access_token";
            Reaction::json(
                200,
                json!({"access_token": "canary-federated", "issued_token_type": issued, "token_type": "Bearer", "expires_in": 3599}),
            )
        }
        IMPERSONATE => Reaction::json(200, json!({"accessToken": "canary-impersonated", "expireTime": "2099-01-01T00:00:00Z"})),
        "/compute/v1" => Reaction::json(200, json!({})),
        other => panic!("nobody asks for {other}"),
    })
    .await
}

/// What an API was asked with these credentials in this universe, and what was said.
async fn tried(google: &Server, name: &str, credentials: &Value, universe: &str) -> (Vec<Asked>, String) {
    let file = std::env::temp_dir().join(format!("cutover-adc-{}-{name}.json", std::process::id()));
    std::fs::write(&file, credentials.to_string()).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let before = google.asked().len();
    let mut inside = tokio::process::Command::new(std::env::current_exe().unwrap());
    for name in
        ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES"]
    {
        inside.env_remove(name);
    }
    // Whatever the library asks of Google itself beside that stays on this machine.
    inside.env("HTTPS_PROXY", "http://127.0.0.1:9");
    inside.env("GOOGLE_APPLICATION_CREDENTIALS", &file).env("CUTOVER_TEST_API", google.url("")).env("CUTOVER_TEST_UNIVERSE", universe);
    let ended = inside.args([INSIDE, "--exact", "--ignored", "--nocapture"]).output().await.unwrap();
    std::fs::remove_file(&file).unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(ended.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&ended.stderr));
    (google.asked()[before..].to_vec(), said)
}

#[tokio::test]
#[ignore = "run by the tests below, in a process whose environment names credentials"]
async fn inside() {
    let named = |name: &str| std::env::var(name).unwrap();
    let origin = Origin::new(&named("CUTOVER_TEST_API"), Reach::Loopback).unwrap();
    match Token::application_default(named("CUTOVER_TEST_UNIVERSE").parse().unwrap()) {
        Err(fault) => println!("no credentials: {fault}"),
        Ok(token) => {
            let api = Client::new(origin, token).unwrap();
            match api.send(Ask::get(api.at(&["compute", "v1"]), Limits::READ)).await {
                Ok(reply) => println!("answered {}", reply.status),
                Err(failure) => println!("{}", failure.fault),
            }
        }
    }
}

fn user(google: &Server) -> Value {
    json!({"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r", "token_uri": google.url("/token")})
}

fn federated(google: &Server, subject: &PathBuf) -> Value {
    std::fs::write(subject, "canary-subject").unwrap();
    json!({
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": google.url("/sts"),
        "credential_source": {"file": subject},
    })
}

fn sent(asked: &[Asked]) -> Vec<(&str, &str)> {
    let to_api = asked.iter().filter(|asked| asked.path == "/compute/v1");
    to_api.map(|asked| (asked.method.as_str(), asked.header("authorization").unwrap_or_default())).collect()
}

const GOOGLES: &str = "googleapis.com";

#[tokio::test]
async fn who_acts_as_a_service_account_sends_its_token_and_shows_his_own_only_to_get_it() {
    let google = google().await;
    let subject = std::env::temp_dir().join(format!("cutover-subject-{}", std::process::id()));
    let impersonated = json!({
        "type": "impersonated_service_account",
        "service_account_impersonation_url": google.url(IMPERSONATE),
        "source_credentials": user(&google),
        "delegates": [],
    });
    let mut by_federation = federated(&google, &subject);
    by_federation["service_account_impersonation_url"] = json!(google.url(IMPERSONATE));
    for (name, credentials, first) in [("imp", impersonated, "Bearer canary-user"), ("fed", by_federation, "Bearer canary-federated")] {
        let (asked, said) = tried(&google, name, &credentials, GOOGLES).await;
        assert!(said.contains("answered 200"), "{said}");
        assert_eq!(sent(&asked), [("GET", "Bearer canary-impersonated")], "{name}");
        let asks: Vec<&Asked> = asked.iter().filter(|asked| asked.path == IMPERSONATE).collect();
        let [ask] = asks.as_slice() else { panic!("{asks:?}") };
        assert_eq!(ask.header("authorization"), Some(first));
        assert_eq!(ask.json()["scope"], json!(["https://www.googleapis.com/auth/cloud-platform"]));
        assert!(!said.contains("canary"), "{said}");
    }
    // Without another's account the workload's own token is what is sent.
    let (asked, said) = tried(&google, "own", &federated(&google, &subject), GOOGLES).await;
    assert_eq!(sent(&asked), [("GET", "Bearer canary-federated")], "{said}");
    std::fs::remove_file(subject).unwrap();
}

#[tokio::test]
async fn credentials_are_sent_in_their_own_universe_and_in_no_other() {
    let google = google().await;
    let subject = std::env::temp_dir().join(format!("cutover-subject-u-{}", std::process::id()));
    let mut elsewhere = federated(&google, &subject);
    elsewhere["universe_domain"] = json!("apis-tpc.goog");
    for (name, credentials, universe, theirs) in
        [("evil", user(&google), "evil.example.com", GOOGLES), ("strayed", elsewhere.clone(), GOOGLES, "apis-tpc.goog")]
    {
        let (asked, said) = tried(&google, name, &credentials, universe).await;
        assert_eq!(sent(&asked), [], "{said}");
        assert!(
            said.contains(&format!("are of the universe {theirs}, and what is asked for is of {universe}; nothing was sent")),
            "{said}"
        );
    }
    let (asked, said) = tried(&google, "at-home", &elsewhere, "apis-tpc.goog").await;
    assert_eq!(sent(&asked), [("GET", "Bearer canary-federated")], "{said}");
    std::fs::remove_file(subject).unwrap();
}

#[tokio::test]
async fn credentials_that_run_a_program_are_refused_and_the_program_is_not_run() {
    let google = google().await;
    let subject = std::env::temp_dir().join(format!("cutover-subject-x-{}", std::process::id()));
    let trace = subject.with_extension("ran");
    let mut runs = federated(&google, &subject);
    runs["credential_source"] = json!({"executable": {"command": format!("/usr/bin/touch {}", trace.display()), "timeout_millis": 5000}});
    let (asked, said) = tried(&google, "exec", &runs, GOOGLES).await;
    assert_eq!(sent(&asked), [], "{said}");
    assert!(said.contains("nothing was sent") || said.contains("no credentials"), "{said}");
    assert!(!trace.exists());
    std::fs::remove_file(subject).unwrap();
}
