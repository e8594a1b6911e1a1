//! Connections that look alive and are dead.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{Ask, Client, Limits, Origin, Reach};
use crate::{adapter::google_auth::Token, domain::fault::FaultKind};

/// A server that keeps connections, behind a flow that can be made to swallow what it is given, as a middlebox does that has forgotten it.
struct Peer {
    address: SocketAddr,
    /// Flows that are open now are dead from here on; the next ones are not.
    frozen: Arc<AtomicU64>,
    flows: Arc<AtomicU64>,
    _tasks: JoinSet<()>,
}

impl Peer {
    async fn start() -> Peer {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let behind = server.local_addr().unwrap();
        let relay = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = relay.local_addr().unwrap();
        let (frozen, flows) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = server.accept().await {
                let answer = service_fn(|_: Request<Incoming>| async { Ok::<_, hyper::Error>(Response::new(Full::<&[u8]>::new(b"{}"))) });
                connections.spawn(async move {
                    // A client that goes away is part of the test.
                    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
        let (dead, opened) = (Arc::clone(&frozen), Arc::clone(&flows));
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = relay.accept().await {
                let number = opened.fetch_add(1, Ordering::SeqCst) + 1;
                let far = TcpStream::connect(behind).await.unwrap();
                let (dead, (near_in, near_out), (far_in, far_out)) = (Arc::clone(&dead), near.into_split(), far.into_split());
                connections.spawn(pass(near_in, far_out, Arc::clone(&dead), number));
                connections.spawn(pass(far_in, near_out, dead, number));
            }
        });
        Peer { address, frozen, flows, _tasks: tasks }
    }

    fn freeze(&self) {
        self.frozen.store(self.flows.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    fn client(&self) -> Client {
        let origin = Origin::new(&format!("http://{}", self.address), Reach::Loopback).unwrap();
        Client::new(origin, Token::None).unwrap()
    }
}

async fn pass(mut from: tokio::net::tcp::OwnedReadHalf, mut to: tokio::net::tcp::OwnedWriteHalf, dead: Arc<AtomicU64>, number: u64) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if number > dead.load(Ordering::SeqCst) && to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_write_that_a_dead_connection_swallows_is_answered_on_a_fresh_one() {
    let peer = Peer::start().await;
    let client = peer.client();
    let get = || Ask::get(client.at(&["x"]), Limits::READ);
    client.send(get()).await.unwrap();
    client.send(get()).await.unwrap();
    assert_eq!(peer.flows.load(Ordering::SeqCst), 1, "the connection is kept");
    peer.freeze();
    let sent = client.send_hedged(|| Ask::patch(client.at(&["x"]), &"weights", Limits::WRITE)).await;
    sent.answer.unwrap();
    assert_eq!(sent.attempts.len(), 2, "{:?}", sent.attempts);
    // Reads go on the fresh one too, without a deadline in between.
    client.send(get()).await.unwrap();
    assert_eq!(peer.flows.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_request_that_is_not_answered_in_time_retires_its_connection() {
    let peer = Peer::start().await;
    let client = peer.client();
    let get = || Ask::get(client.at(&["x"]), Limits::READ.within(Duration::from_millis(300)));
    client.send(get()).await.unwrap();
    peer.freeze();
    let late = client.send(get()).await.expect_err("nothing comes back");
    assert_eq!(late.fault.kind, FaultKind::TimedOut);
    client.send(get()).await.unwrap();
}
