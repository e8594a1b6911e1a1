//! Where things live, after the XDG conventions, on every Unix.

use std::path::PathBuf;

use color_eyre::eyre::{Result, WrapErr, bail};
use etcetera::{BaseStrategy, choose_base_strategy};

/// The program's folders. None of them is created here.
#[derive(Clone)]
pub struct Paths {
    /// Themes, key map, roster, tokens, allowed contexts: `$XDG_CONFIG_HOME/cutover`.
    pub config: PathBuf,
    /// Journals and logs: `$XDG_STATE_HOME/cutover`.
    pub state: PathBuf,
}

impl Paths {
    /// # Errors
    /// When there is no home directory to derive them from.
    pub fn find() -> Result<Paths> {
        let base = choose_base_strategy().wrap_err("no home directory: set HOME, or XDG_CONFIG_HOME and XDG_STATE_HOME")?;
        let state = base.state_dir().unwrap_or_else(|| base.data_dir());
        let paths = Paths { config: base.config_dir().join("cutover"), state: state.join("cutover") };
        let relative = [&paths.config, &paths.state].into_iter().find(|path| path.is_relative());
        if let Some(relative) = relative {
            // It would be another folder from each directory that a command is run in, and a session that one begins no other finds.
            bail!("{} is no absolute path; set HOME, or XDG_CONFIG_HOME and XDG_STATE_HOME, to one", relative.display());
        }
        Ok(paths)
    }
    /// The folder of a session's journal.
    pub fn journal(&self, session: &str) -> PathBuf {
        self.journals().join(session.replace('/', "%"))
    }
    /// The bearer token of a server, by its host name.
    pub fn token(&self, server: &str) -> PathBuf {
        self.config.join("tokens").join(server)
    }
    /// The contexts of the owner's kubeconfig that plans may use, one a line.
    pub fn kubeconfig_contexts(&self) -> PathBuf {
        self.config.join("kubeconfig-contexts")
    }
    pub fn journals(&self) -> PathBuf {
        self.state.join("journals")
    }
    pub fn log(&self, name: &str) -> PathBuf {
        self.state.join("log").join(format!("{name}.log"))
    }
}

/// The owner's kubeconfigs, as `kubectl` looks for them.
/// # Errors
/// As [`Paths::find`].
pub fn kubeconfigs() -> Result<Vec<PathBuf>> {
    let named = std::env::var_os("KUBECONFIG").filter(|named| !named.is_empty());
    if let Some(named) = named {
        return Ok(std::env::split_paths(&named).filter(|path| !path.as_os_str().is_empty()).collect());
    }
    let base = choose_base_strategy().wrap_err("no home directory: set HOME, or KUBECONFIG")?;
    Ok(vec![base.home_dir().join(".kube").join("config")])
}

/// The journal of a session to read: its folder, or the single file that an earlier program wrote.
pub fn readable(journal: PathBuf) -> PathBuf {
    let mut single = journal.clone().into_os_string();
    single.push(".jsonl");
    let single = PathBuf::from(single);
    if !journal.exists() && single.exists() { single } else { journal }
}
