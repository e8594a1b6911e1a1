//! The binary: installs what must be installed once, then hands over to [`cutover::cli`].

#![forbid(unsafe_code)]

use std::process::ExitCode;

use color_eyre::eyre::Result;

fn main() -> Result<ExitCode> {
    color_eyre::config::HookBuilder::default().display_env_section(false).install()?;
    // Fails only if a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    cutover::cli::run(std::env::args_os()).map(ExitCode::from)
}
