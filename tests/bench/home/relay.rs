//! A process between the host and the world, as a load balancer is one: it can be stopped, and its kernel goes on acknowledging.

use std::{
    io::{BufRead, BufReader, Read, Write, copy, stdin},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, ExitCode, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

/// The word by which the program starts itself as a relay.
pub(crate) const RELAY: &str = "relay";

/// A relay in a process of its own. It ends when this is dropped.
pub(crate) struct Relay {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Relay {
    /// Listens at `own`, or at any port where that is 0, and passes on to `to`.
    pub(crate) fn start(own: u16, to: SocketAddr) -> Relay {
        let program = std::env::current_exe().expect("a program knows where it is");
        let words = [RELAY.to_owned(), own.to_string(), to.to_string()];
        let mut child = Command::new(program).args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("our own program");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line).expect("it says where it listens");
        Relay { child, address: line.trim().parse().expect("an address") }
    }

    pub(crate) fn stop(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    /// From here on nobody new is let in, so that another can take its address.
    pub(crate) fn close_door(&mut self) {
        self.child.stdin.as_mut().expect("it is piped").write_all(b"\n").expect("it listens");
        while TcpListener::bind(self.address).is_err() {
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("our own child");
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What such a process does.
pub(crate) fn run(own: &str, to: &str) -> ExitCode {
    let (Ok(own), Ok(to)) = (own.parse::<u16>(), to.parse::<SocketAddr>()) else { return ExitCode::from(2) };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, own)).expect("the address is free");
    listener.set_nonblocking(true).expect("a socket");
    println!("{}", listener.local_addr().expect("a socket"));
    let closed = Arc::new(AtomicBool::new(false));
    let told = closed.clone();
    thread::spawn(move || {
        // One byte closes the door; the end of the parent ends this too.
        let mut one = [0];
        while stdin().read(&mut one).is_ok_and(|bytes| bytes > 0) {
            told.store(true, Ordering::Release);
        }
        std::process::exit(0);
    });
    let mut listener = Some(listener);
    loop {
        if closed.load(Ordering::Acquire) {
            listener = None;
        }
        match listener.as_ref().map(TcpListener::accept) {
            Some(Ok((client, _))) => _ = thread::spawn(move || between(client, to)),
            Some(Err(_)) | None => thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn between(client: TcpStream, to: SocketAddr) {
    let Ok(server) = TcpStream::connect(to) else { return };
    client.set_nonblocking(false).expect("a socket");
    client.set_nodelay(true).expect("a socket");
    server.set_nodelay(true).expect("a socket");
    let (Ok(mut from_client), Ok(mut to_client)) = (client.try_clone(), client.try_clone()) else { return };
    let (Ok(mut from_server), Ok(mut to_server)) = (server.try_clone(), server.try_clone()) else { return };
    let back = thread::spawn(move || {
        drop(copy(&mut from_server, &mut to_client));
        drop(to_client.shutdown(Shutdown::Write));
    });
    drop(copy(&mut from_client, &mut to_server));
    drop(to_server.shutdown(Shutdown::Write));
    drop(back.join());
}
