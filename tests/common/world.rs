//! The simulated world in a process of its own: it outlives every host that steers it, as a cloud does.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

pub(crate) struct World {
    child: Child,
    /// Kept, or its next line would be its end.
    _says: BufReader<ChildStdout>,
    /// The first of its five ports; `--simulated=PORT` points a host here.
    pub port: u16,
}

impl World {
    /// A host is told one port and counts on from it, so five in a row are needed. Who else has one of them is left in peace: the world
    /// says that it can't have them, and the next five are tried.
    pub(crate) fn start(program: &Path) -> World {
        let first = std::process::id() % 900;
        for attempt in 0..40 {
            let port = 20_000 + u16::try_from((first + attempt * 23) % 900).unwrap() * 10;
            let mut child = Command::new(program)
                .args(["sim", "--port", &port.to_string()])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .expect("the program that was built can be started");
            let mut line = String::new();
            let mut says = BufReader::new(child.stdout.take().unwrap());
            says.read_line(&mut line).unwrap();
            if line.starts_with("# the simulated world") {
                return World { child, _says: says, port };
            }
            child.kill().ok();
            child.wait().unwrap();
        }
        panic!("no five free ports in a row were found");
    }

    pub(crate) fn argument(&self) -> String {
        format!("--simulated={}", self.port)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
