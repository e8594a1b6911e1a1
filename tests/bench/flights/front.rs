//! What stands before the simulated world in a flight: TLS on the real names, and nobody who passes without a token that is good.
//!
//! Each request is checked, noted and passed on as it is, with the world's own word for who asks in place of the token; answers come back while
//! they are made, so that watches flow. Of GKE's answers the cluster's address and authority are those that stand here.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use cutover::sim::{server::tls::Authority, simulation::Endpoints};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1 as client,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};

use crate::{
    crowd::Crowd,
    identity::{Issuer, Purpose, Refusal, Wish},
    namespace::{CLUSTER, METADATA, METADATA_NAME, NAMED},
    wire::{Counted, Wire},
};

type Body = BoxBody<Bytes, hyper::Error>;

/// The cluster's name in DNS.
const CLUSTER_NAME: &str = "gke-4b7c1f20a9e34d5c8f11-482913370577.us-central1.gke.goog";
pub(crate) const PROMETHEUS: &str = "prometheus.hexproperty.com";
/// The token that the flight's Prometheus knows.
pub(crate) const PROMETHEUS_TOKEN: &str = "flight-prometheus-5d1f";
/// By which the simulated world knows the product's account.
const KNOWN_AS: HeaderValue = HeaderValue::from_static("Bearer cutover-demo");

const GOOGLE: [&str; 8] = [
    "compute.googleapis.com",
    "run.googleapis.com",
    "container.googleapis.com",
    "monitoring.googleapis.com",
    "sqladmin.googleapis.com",
    "logging.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "serviceusage.googleapis.com",
];
const IDENTITY: [&str; 3] = ["oauth2.googleapis.com", "sts.googleapis.com", "iamcredentials.googleapis.com"];
/// What users, and probes, ask.
const PUBLIC: [&str; 3] = ["api.hexproperty.com", "frontend-run.hexproperty.com", "frontend-gke.hexproperty.com"];

/// Every name under which something answers.
pub(crate) fn names() -> Vec<&'static str> {
    GOOGLE.into_iter().chain(IDENTITY).chain(PUBLIC).chain([PROMETHEUS, CLUSTER_NAME]).collect()
}

/// What was seen on the wire.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Requests by host.
    pub asked: BTreeMap<String, u64>,
    /// Requests whose token was not good, each with why.
    pub refused: Vec<String>,
    /// Credentials that were sent where none belongs.
    pub leaked: Vec<String>,
    /// Answers of 400 and more from the world itself.
    pub errors: BTreeMap<String, u64>,
    /// What Prometheus was asked, in PromQL.
    pub queries: BTreeMap<String, u64>,
    /// Every connection there ever was.
    pub wires: Vec<Arc<Wire>>,
}

impl Seen {
    /// Requests and bytes so far, by host.
    pub(crate) fn load(&self) -> BTreeMap<String, [u64; 2]> {
        let mut load: BTreeMap<String, [u64; 2]> = self.asked.iter().map(|(host, requests)| (host.clone(), [*requests, 0])).collect();
        for wire in &self.wires {
            if let Some(host) = wire.host.get() {
                load.entry(host.clone()).or_default()[1] += wire.bytes();
            }
        }
        load
    }
}

pub(crate) struct Front {
    world: Endpoints,
    prometheus: SocketAddr,
    pub issuer: Issuer,
    /// The cluster's authority, as GKE shows it.
    cluster_authority: String,
    pub crowd: Crowd,
    pub seen: Mutex<Seen>,
}

/// By which address somebody came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Named,
    Cluster,
    Metadata,
}

/// Who has to answer.
enum Answers {
    World(SocketAddr, Checks),
    Identity,
    Nobody,
}

/// What a request must hold, and what is passed on of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Checks {
    Google,
    Kubernetes,
    Prometheus,
    NoCredentials,
}

impl Front {
    /// Opens every door; what this machine has to trust, in PEM.
    pub(crate) async fn open(world: Endpoints, prometheus: SocketAddr, issuer: Issuer) -> io::Result<(Arc<Front>, String)> {
        let public = Authority::named("flight", &names())?;
        let cluster = Authority::named("flight's cluster", &[&CLUSTER.to_string()])?;
        let cluster_authority = STANDARD.encode(cluster.pem());
        let front = Arc::new(Front { world, prometheus, issuer, cluster_authority, crowd: Crowd::default(), seen: Mutex::default() });
        let doors = [
            (NAMED, 443, Door::Named, Some(public.acceptor())),
            (CLUSTER, 443, Door::Cluster, Some(cluster.acceptor())),
            (METADATA, 80, Door::Metadata, None),
        ];
        for (address, port, door, tls) in doors {
            let listener = TcpListener::bind((address, port)).await?;
            let front = front.clone();
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    stream.set_nodelay(true).ok();
                    let (front, tls, wire) = (front.clone(), tls.clone(), Arc::new(Wire::default()));
                    front.seen.lock().unwrap().wires.push(wire.clone());
                    let stream = Counted::new(stream, wire.clone());
                    tokio::spawn(async move {
                        match tls {
                            Some(tls) => {
                                if let Ok(stream) = tls.accept(stream).await {
                                    serve(front, door, wire, stream).await;
                                }
                            }
                            None => serve(front, door, wire, stream).await,
                        }
                    });
                }
            });
        }
        Ok((front, public.pem().to_owned()))
    }

    fn place(&self, door: Door, host: &str) -> Answers {
        match (door, host) {
            (Door::Metadata, METADATA_NAME) => Answers::Identity,
            (Door::Cluster, _) if host == CLUSTER.to_string() => Answers::World(self.world.kubernetes, Checks::Kubernetes),
            (Door::Named, CLUSTER_NAME) => Answers::World(self.world.kubernetes, Checks::Kubernetes),
            (Door::Named, PROMETHEUS) => Answers::World(self.prometheus, Checks::Prometheus),
            (Door::Named, "api.hexproperty.com") => Answers::World(self.world.front_door, Checks::NoCredentials),
            (Door::Named, "frontend-run.hexproperty.com") => Answers::World(self.world.run_direct, Checks::NoCredentials),
            (Door::Named, "frontend-gke.hexproperty.com") => Answers::World(self.world.gke_direct, Checks::NoCredentials),
            (Door::Named, host) if IDENTITY.contains(&host) => Answers::Identity,
            (Door::Named, host) if GOOGLE.contains(&host) => Answers::World(self.world.google, Checks::Google),
            (Door::Named | Door::Cluster | Door::Metadata, _) => Answers::Nobody,
        }
    }

    /// Whether a request may pass; what it is answered if not.
    fn refusal(&self, checks: Checks, about: &str, authorization: Option<&str>) -> Option<Response<Body>> {
        let refused = match checks {
            Checks::Google | Checks::Kubernetes => self.issuer.verify(authorization, Purpose::Cloud).err(),
            Checks::Prometheus => match authorization.and_then(|value| value.strip_prefix("Bearer ")) {
                Some(PROMETHEUS_TOKEN) => None,
                Some(_) => Some(Refusal::Foreign),
                None => Some(Refusal::Missing),
            },
            Checks::NoCredentials => {
                if authorization.is_some() {
                    self.seen.lock().unwrap().leaked.push(about.to_owned());
                }
                None
            }
        }?;
        self.seen.lock().unwrap().refused.push(format!("{about}: {refused:?}"));
        let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.";
        let body = match checks {
            Checks::Kubernetes => {
                json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "Unauthorized", "reason": "Unauthorized", "code": 401})
            }
            Checks::Google => json!({"error": {"code": 401, "message": message, "status": "UNAUTHENTICATED"}}),
            Checks::Prometheus | Checks::NoCredentials => json!("Unauthorized"),
        };
        Some(document(401, &body))
    }

    async fn answer(&self, door: Door, wire: &Wire, mut request: Request<Incoming>) -> io::Result<Response<Body>> {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let host = header("host").unwrap_or_default().split(':').next().unwrap_or_default().to_ascii_lowercase();
        let (authorization, flavor) = (header("authorization"), header("metadata-flavor"));
        let about = format!("{} {host}{}", request.method(), request.uri().path());
        wire.host.get_or_init(|| host.clone());
        {
            let mut seen = self.seen.lock().unwrap();
            *seen.asked.entry(host.clone()).or_default() += 1;
            if let Some(query) = query_of(&request).filter(|_| host == PROMETHEUS) {
                *seen.queries.entry(query).or_default() += 1;
            }
        }
        let (to, checks) = match self.place(door, &host) {
            Answers::World(to, checks) => (to, checks),
            Answers::Nobody => return Ok(document(404, &json!("nobody has this name here"))),
            Answers::Identity => {
                let path = request.uri().path().to_owned();
                let body = request.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
                let (authorization, flavor) = (authorization.as_deref(), flavor.as_deref());
                let told = self.issuer.answer(&Wish { host: &host, path: &path, authorization, flavor, body: &body });
                let mut answer = document(told.status, &told.body);
                answer.headers_mut().insert("metadata-flavor", HeaderValue::from_static("Google"));
                return Ok(answer);
            }
        };
        if let Some(refusal) = self.refusal(checks, &about, authorization.as_deref()) {
            return Ok(refusal);
        }
        let page = self.crowd.page_of(&mut request).filter(|_| checks == Checks::Kubernetes);
        let answer = passed_on(to, checks, request).await?;
        if let Some(page) = page {
            let bytes = answer.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
            let (bytes, is_packed) = Crowd::bytes(page, &self.crowd.list(page, serde_json::from_slice(&bytes)?));
            let mut answer = document(200, &Value::Null);
            *answer.body_mut() = Full::new(bytes).map_err(|never: Infallible| match never {}).boxed();
            if is_packed {
                answer.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            return Ok(answer);
        }
        if answer.status().as_u16() >= 400 {
            *self.seen.lock().unwrap().errors.entry(format!("{about}: {}", answer.status().as_u16())).or_default() += 1;
        }
        if host == "container.googleapis.com" && answer.status().is_success() {
            return self.moved(answer).await;
        }
        Ok(answer.map(BodyExt::boxed))
    }

    /// GKE's answer with the cluster where it stands here.
    async fn moved(&self, answer: Response<Incoming>) -> io::Result<Response<Body>> {
        let (mut head, body) = answer.into_parts();
        let bytes = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let mut told: Value = serde_json::from_slice(&bytes)?;
        let change = |cluster: &mut Value| {
            let address = json!(CLUSTER.to_string());
            cluster["endpoint"] = address.clone();
            for place in ["/privateClusterConfig", "/controlPlaneEndpointsConfig/ipEndpointsConfig"] {
                if let Some(at) = cluster.pointer_mut(place) {
                    at["privateEndpoint"] = address.clone();
                    at["publicEndpoint"] = address.clone();
                }
            }
            cluster["controlPlaneEndpointsConfig"]["dnsEndpointConfig"] = json!({"endpoint": CLUSTER_NAME, "allowExternalTraffic": true});
            cluster["masterAuth"]["clusterCaCertificate"] = json!(self.cluster_authority);
        };
        if told.get("endpoint").is_some() {
            change(&mut told);
        } else if let Some(clusters) = told.get_mut("clusters").and_then(Value::as_array_mut) {
            clusters.iter_mut().for_each(change);
        }
        head.headers.remove(CONTENT_LENGTH);
        Ok(Response::from_parts(head, whole(told.to_string())))
    }
}

/// The PromQL that a request asks.
fn query_of(request: &Request<Incoming>) -> Option<String> {
    let url = reqwest::Url::parse(&format!("https://{PROMETHEUS}{}", request.uri())).ok()?;
    url.query_pairs().find(|(name, _)| name == "query").map(|(_, query)| query.into_owned())
}

async fn serve(front: Arc<Front>, door: Door, wire: Arc<Wire>, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let service = service_fn(move |request| {
        let (front, wire) = (front.clone(), wire.clone());
        async move { front.answer(door, &wire, request).await }
    });
    // A connection that fails is its peer's news.
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

async fn passed_on(to: SocketAddr, checks: Checks, mut request: Request<Incoming>) -> io::Result<Response<Incoming>> {
    match checks {
        Checks::Google | Checks::Kubernetes => drop(request.headers_mut().insert(AUTHORIZATION, KNOWN_AS)),
        Checks::Prometheus | Checks::NoCredentials => drop(request.headers_mut().remove(AUTHORIZATION)),
    }
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = client::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(async move { drop(connection.await) });
    sender.send_request(request).await.map_err(io::Error::other)
}

fn whole(text: String) -> Body {
    Full::new(Bytes::from(text)).map_err(|never: Infallible| match never {}).boxed()
}

fn document(status: u16, body: &Value) -> Response<Body> {
    let mut answer = Response::new(whole(body.to_string()));
    *answer.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"));
    answer
}
