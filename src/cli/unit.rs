//! The systemd unit of a host, and the command line that starts one. Both say the same things in two grammars.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
};

use color_eyre::eyre::{Result, eyre};

use crate::cli::{environment::Environment, host::Options, witness::Told};

/// What a host reads of its environment beside what its arguments say.
const ENVIRONMENT: [&str; 16] = [
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
    "CUTOVER_LOG",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CLOUD_UNIVERSE_DOMAIN",
    "KUBECONFIG",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
];

/// The arguments by which a host gets exactly these options.
pub fn arguments(options: &Options) -> Vec<OsString> {
    let Options { plan, session, new, keep_plan, take_over, roster, syslog, environment, place } = options;
    let mut arguments: Vec<OsString> = vec!["host".into()];
    let mut give = |name: &str, value: OsString| arguments.extend([OsString::from(name), value]);
    if let Some(session) = session {
        give("--session", session.as_str().into());
    }
    if let Some(reason) = take_over {
        give("--take-over", reason.as_str().into());
    }
    if let Some(roster) = roster {
        give("--roster", roster.into());
    }
    match syslog {
        Some(Told::Socket(path)) => give("--syslog", path.into()),
        Some(Told::Nobody) => give("--syslog", "none".into()),
        None => {}
    }
    if let Some(directory) = &place.runtime_dir {
        give("--runtime-dir", directory.into());
    }
    if let Some(port) = environment.simulated {
        let Environment { seed, speed, scenario, simulated: _ } = environment;
        let said = [
            ("--seed", seed.map(|seed| seed.to_string())),
            ("--speed", speed.map(|speed| speed.to_string())),
            ("--scenario", scenario.map(|scenario| scenario.to_string())),
        ];
        said.into_iter().filter_map(|(name, value)| Some((name, value?))).for_each(|(name, value)| give(name, value.into()));
        let port = port.map_or("--simulated".to_owned(), |port| format!("--simulated={port}"));
        arguments.push(port.into());
    }
    if *new {
        arguments.push("--new".into());
    }
    if *keep_plan {
        arguments.push("--keep-plan".into());
    }
    // Last and behind the end of options, whatever it begins with.
    arguments.extend([OsString::from("--"), plan.into()]);
    arguments
}

/// A user unit. It is started again when it dies and takes the session up where the journal ends, under the plan that it began with:
/// an edited file must not leave traffic without a host.
/// # Errors
/// When a path can't be written in a unit file.
pub fn text(program: &Path, options: &Options, is_set: impl Fn(&str) -> bool) -> Result<String> {
    // A word that was meant once is not said again at each start.
    let options = &Options { keep_plan: true, take_over: None, ..options.clone() };
    // No variable is looked for in the program's own path.
    let program = [plain(program.as_os_str())?].into_iter().map(Ok);
    let command = program.chain(arguments(options).iter().map(|word| quoted(word))).collect::<Result<Vec<_>>>()?;
    let plan = shown(options.plan.as_os_str())?.replace('%', "%%");
    let missing = ENVIRONMENT.into_iter().filter(|name| is_set(name)).collect::<Vec<_>>().join(" ");
    let missing = match missing.as_str() {
        "" => String::new(),
        names => format!(
            "# A service has not the environment of this shell, of which a host reads {names}: name the values as Environment= by\n\
             # `systemctl --user edit cutover`, or before each start by `systemctl --user import-environment {names}`.\n"
        ),
    };
    Ok(format!(
        "# ~/.config/systemd/user/cutover.service; then: systemctl --user enable --now cutover\n\
         # To let it outlive your logout: loginctl enable-linger\n\
         {missing}\
         [Unit]\n\
         Description=cutover session host for \"{plan}\"\n\
         StartLimitIntervalSec=300\n\
         StartLimitBurst=8\n\
         \n\
         [Service]\n\
         ExecStart={}\n\
         Restart=on-failure\n\
         RestartSec=1\n\
         # The slower the more often it dies (systemd 254 and later), and not for ever.\n\
         RestartSteps=5\n\
         RestartMaxDelaySec=30\n\
         # Wrong usage, a refusal and a session that is open elsewhere do not get better by trying again.\n\
         RestartPreventExitStatus=2 3 6\n\
         KillSignal=SIGTERM\n\
         TimeoutStopSec=20\n\
         UMask=0077\n\
         LimitCORE=0\n\
         NoNewPrivileges=yes\n\
         \n\
         [Install]\n\
         WantedBy=default.target\n",
        command.join(" ")
    ))
}

/// One word of a command in the unit file's grammar: quoted, with its own signs doubled.
fn quoted(word: &OsStr) -> Result<String> {
    Ok(plain(word)?.replace('$', "$$"))
}

/// The same where no variables are looked for.
fn plain(word: &OsStr) -> Result<String> {
    let escaped = shown(word)?.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    Ok(format!("\"{escaped}\""))
}

fn shown(word: &OsStr) -> Result<&str> {
    let text = word.to_str().filter(|text| !text.chars().any(char::is_control));
    text.ok_or_else(|| eyre!("{} can't be written in a unit file; rename it", Path::new(word).display()))
}
