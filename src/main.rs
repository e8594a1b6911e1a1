//! The binary: installs what must be installed once, then hands over to [`cutover::cli`].

#![forbid(unsafe_code)]

use std::{fmt, panic::PanicHookInfo, process::ExitCode};

use color_eyre::{
    config::{HookBuilder, Theme},
    eyre::Result,
    section::PanicMessage,
};
use cutover::{
    cli::{self, Exit, print},
    domain::shown::Shown,
};

fn main() -> ExitCode {
    if let Err(report) = install() {
        print::failure(&report);
        return Exit::Failed.into();
    }
    match cli::run(std::env::args_os().collect()) {
        Ok(exit) => exit.into(),
        Err(report) => {
            print::failure(&report);
            Exit::Failed.into()
        }
    }
}

fn install() -> Result<()> {
    // A theme without styles: a defect is told in plain text, too.
    HookBuilder::default().display_env_section(false).theme(Theme::new()).panic_message(Defect).install()?;
    // Fails only if a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(())
}

/// A panic is a mistake of ours. What it quotes may be somebody else's text.
struct Defect;

impl PanicMessage for Defect {
    fn display(&self, panic: &PanicHookInfo<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = panic.payload_as_str().unwrap_or("nothing more is known");
        write!(f, "cutover has a defect and stopped here: {}", Shown::new(said))?;
        match panic.location() {
            Some(place) => write!(f, " ({place})"),
            None => Ok(()),
        }
    }
}
