//! What a process of ours gives up before it speaks with anybody: core files, new rights, and starting programs.

use color_eyre::eyre::Result;
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

/// What the process can give up by itself: files for others, core files, being looked into, and rights that a program could bring.
pub(super) fn give_up_rights() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let given_up = rustix::process::setrlimit(Resource::Core, none)
        .and_then(|()| rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable))
        .and_then(|()| rustix::thread::set_no_new_privs(true));
    if let Err(error) = given_up {
        tracing::warn!(%error, "core files and new rights could not be switched off; keep this account's files to yourself");
    }
}

/// From here on no thread of the process can start a program, whoever may come to speak in its name.
pub(super) fn start_no_programs() {
    let applied = programs_denied().and_then(|filter| Ok(seccompiler::apply_filter_all_threads(&filter)?));
    if let Err(error) = applied {
        tracing::warn!(%error, "the kernel takes no filter of system calls; the session goes on without one");
    }
}

fn programs_denied() -> Result<BpfProgram> {
    // Both are asked for by number; an empty list of conditions is every call.
    let [execve, execveat] = if cfg!(target_arch = "x86_64") { [59, 322] } else { [221, 281] };
    let denied = [(execve, Vec::new()), (execveat, Vec::new())].into_iter().collect();
    let refusal = SeccompAction::Errno(rustix::io::Errno::PERM.raw_os_error().unsigned_abs());
    let filter = SeccompFilter::new(denied, SeccompAction::Allow, refusal, std::env::consts::ARCH.try_into()?)?;
    Ok(filter.try_into()?)
}
