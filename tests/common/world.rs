//! The simulated world in a process of its own: it outlives every host that steers it, as a cloud does.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

pub(crate) struct World {
    /// Kept with what it says, or its next line would be its end; none where the test holds the world itself.
    process: Option<(Child, BufReader<ChildStdout>)>,
    /// The first of its five ports; `--simulated=PORT` points a host here.
    pub port: u16,
}

impl World {
    /// A host is told one port and counts on from it, so five in a row are asked for; the world says where they begin.
    pub(crate) fn start(program: &Path) -> World {
        let mut child = Command::new(program)
            .args(["sim", "--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program that was built can be started");
        let mut says = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("--simulated=") {
            assert_ne!(says.read_line(&mut said).unwrap(), 0, "it says where it listens: {said}");
        }
        let port = said.rsplit_once("--simulated=").unwrap().1.trim().parse().unwrap();
        World { process: Some((child, says)), port }
    }

    /// One that listens already, on five ports from this one.
    #[allow(dead_code, reason = "not every test reaches into its world")]
    pub(crate) fn at(port: u16) -> World {
        World { process: None, port }
    }

    pub(crate) fn argument(&self) -> String {
        format!("--simulated={}", self.port)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some((child, _says)) = &mut self.process {
            child.kill().ok();
            child.wait().ok();
        }
    }
}
