//! Whoever flies: an account with folders of its own, the program's commands as they are typed, and a cockpit in a terminal.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use portable_pty::CommandBuilder;
use serde_json::Value;

use crate::{front::PROMETHEUS_TOKEN, pty::Pty};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cutover");
pub(crate) const SESSION: &str = "flight";

pub(crate) struct Pilot {
    folder: PathBuf,
    variables: Vec<(&'static str, PathBuf)>,
    pub plan: PathBuf,
}

impl Pilot {
    /// In `folder`, which is his home; `credentials` is what the environment names.
    pub(crate) fn new(folder: &Path, plan: &str, authority: &str, credentials: Option<PathBuf>) -> std::io::Result<Pilot> {
        let at = |name: &str| folder.join(name);
        fs::write(at("plan.yaml"), plan)?;
        fs::write(at("authority.pem"), authority)?;
        let tokens = at("config/cutover/tokens");
        fs::create_dir_all(&tokens)?;
        let token = tokens.join("prometheus.hexproperty.com");
        fs::write(&token, PROMETHEUS_TOKEN)?;
        fs::set_permissions(&token, fs::Permissions::from_mode(0o600))?;
        let mut variables = vec![
            ("HOME", folder.to_owned()),
            ("XDG_CONFIG_HOME", at("config")),
            ("XDG_STATE_HOME", at("state")),
            ("CUTOVER_RUNTIME_DIR", at("run")),
            ("SSL_CERT_FILE", at("authority.pem")),
        ];
        variables.extend(credentials.map(|path| ("GOOGLE_APPLICATION_CREDENTIALS", path)));
        Ok(Pilot { folder: folder.to_owned(), variables, plan: at("plan.yaml") })
    }

    pub(crate) fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new(PROGRAM);
        command.args(words).current_dir(&self.folder).env_clear().envs(self.variables.iter().cloned());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LANG", "C.UTF-8");
        command.output().expect("the program that was built can be started")
    }

    /// Runs it, and says all that it printed where it ends otherwise than well.
    pub(crate) fn done(&self, words: &[&str]) -> Result<String, String> {
        let output = self.run(words);
        let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
        if output.status.success() { Ok(said) } else { Err(format!("cutover {}: {}\n{said}", words.join(" "), output.status)) }
    }

    pub(crate) fn status(&self) -> Value {
        let output = self.run(&["status", SESSION, "--json"]);
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    pub(crate) fn cockpit(&self) -> Pty {
        let mut command = CommandBuilder::new(PROGRAM);
        command.args(["attach", SESSION]);
        self.variables.iter().for_each(|(name, value)| command.env(name, value));
        command.env("LANG", "C.UTF-8");
        command.env("TERM", "xterm-256color");
        Pty::start(command, 140, 45)
    }
}
