//! A server that does what a test tells it to, byte by byte, and remembers what it was asked.
//!
//! It is written against the sockets alone, so that it can break the rules of HTTP where a real peer might.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

/// What to do with one request.
#[derive(Debug, Clone)]
pub(crate) enum Reaction {
    /// Answer and close.
    Answer { status: u16, headers: Vec<(&'static str, String)>, body: Vec<u8> },
    /// Answer piece by piece, each sent by itself, and close.
    Pieces { headers: Vec<(&'static str, String)>, pieces: Vec<Vec<u8>> },
    /// Close without a word.
    Close,
    /// Keep the connection open and say nothing.
    Silence,
    /// Begin an answer and go on with one byte every so often, for ever.
    Drip,
    /// Begin an answer, send this many mebibytes, or stop when nobody reads any more.
    Flood { mebibytes: usize },
    /// Promise more than is sent, then close.
    CutShort,
}

impl Reaction {
    pub(crate) fn json(status: u16, body: serde_json::Value) -> Reaction {
        Reaction::Answer { status, headers: vec![("content-type", "application/json".to_owned())], body: body.to_string().into_bytes() }
    }
    pub(crate) fn text(status: u16, content_type: &str, body: &str) -> Reaction {
        Reaction::Answer { status, headers: vec![("content-type", content_type.to_owned())], body: body.as_bytes().to_vec() }
    }
    pub(crate) fn with(self, name: &'static str, value: &str) -> Reaction {
        match self {
            Reaction::Answer { status, mut headers, body } => {
                headers.push((name, value.to_owned()));
                Reaction::Answer { status, headers, body }
            }
            other => other,
        }
    }
}

/// One request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub method: String,
    /// With the query.
    pub path: String,
    /// As sent, names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str())
    }
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }
}

type Script = Arc<dyn Fn(&Asked, usize) -> Reaction + Send + Sync>;

/// Dropping it ends every connection.
pub(crate) struct Server {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    _tasks: JoinSet<()>,
}

impl Server {
    /// The script is given each request and how many came before it.
    pub(crate) async fn start(script: impl Fn(&Asked, usize) -> Reaction + Send + Sync + 'static) -> Server {
        Server::listen(None, script).await
    }

    /// The same within TLS. Who can't agree on it has asked nothing.
    pub(crate) async fn secured(config: ServerConfig, script: impl Fn(&Asked, usize) -> Reaction + Send + Sync + 'static) -> Server {
        Server::listen(Some(TlsAcceptor::from(Arc::new(config))), script).await
    }

    async fn listen(tls: Option<TlsAcceptor>, script: impl Fn(&Asked, usize) -> Reaction + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, tls, Arc::new(script), asked.clone()));
        Server { address, asked, _tasks: tasks }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, script: Script, asked: Arc<Mutex<Vec<Asked>>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (script, asked, tls) = (script.clone(), asked.clone(), tls.clone());
        stream.set_nodelay(true).unwrap();
        connections.spawn(async move {
            // A peer that goes away in the middle is part of the tests.
            let _ = match tls {
                None => converse(stream, script, asked).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => converse(stream, script, asked).await,
                    Err(error) => Err(error),
                },
            };
        });
    }
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, script: Script, asked: Arc<Mutex<Vec<Asked>>>) -> std::io::Result<()> {
    let Some(request) = read(&mut stream).await? else { return Ok(()) };
    let place = {
        let mut asked = asked.lock().unwrap();
        asked.push(request.clone());
        asked.len() - 1
    };
    match script(&request, place) {
        Reaction::Answer { status, headers, body } => {
            let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let head = format!("HTTP/1.1 {status} Status\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&body).await?;
        }
        Reaction::Pieces { headers, pieces } => {
            let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            stream.write_all(format!("HTTP/1.1 200 OK\r\n{headers}transfer-encoding: chunked\r\n\r\n").as_bytes()).await?;
            for piece in pieces {
                stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await?;
                stream.write_all(&piece).await?;
                stream.write_all(b"\r\n").await?;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            stream.write_all(b"0\r\n\r\n").await?;
        }
        Reaction::Close => {}
        Reaction::Silence => std::future::pending::<()>().await,
        Reaction::Drip => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n").await?;
            loop {
                stream.write_all(b"#").await?;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Reaction::Flood { mebibytes } => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n").await?;
            for _ in 0..mebibytes {
                stream.write_all(&[b'#'; 1 << 20]).await?;
            }
        }
        Reaction::CutShort => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"na").await?
        }
    }
    stream.shutdown().await
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Option<Asked>> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or("").split(' ');
    let (method, path) = (words.next().unwrap_or("").to_owned(), words.next().unwrap_or("").to_owned());
    let headers: Vec<(String, String)> =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap_or(0));
    while bytes.len() < head_end + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
    let body = String::from_utf8_lossy(&bytes[head_end..head_end + length]).into_owned();
    Ok(Some(Asked { method, path, headers, body }))
}
