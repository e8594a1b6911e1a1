//! A deployment of so many pods that a world of ours would take its time to start them: lists of them are made of one pod that is there.
//!
//! As an API server gives them: in pages of no more than what was asked for, each with where the next one begins, all of one version, from which
//! the world's own watch goes on, and packed for whoever takes gzip. What a pod of the crowd shows is the page of the one that it is made of.

use std::{
    io::Write,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use flate2::{Compression, write::GzEncoder};
use hyper::{
    Request, Uri,
    body::{Bytes, Incoming},
    header::ACCEPT_ENCODING,
};
use serde_json::{Value, json};

const PODS: &str = "/api/v1/namespaces/hexproperty/pods";
const NAMED: &str = "frontend-crowd-";

#[derive(Debug, Default)]
pub(crate) struct Crowd {
    /// None at all: the world's own are shown.
    pub pods: AtomicU32,
    /// The one that all are made of.
    model: OnceLock<String>,
}

/// Which of them are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    from: u32,
    most: u32,
    /// Whoever asks takes it so.
    is_packed: bool,
}

impl Crowd {
    /// The page that a request asks for, if it is for a list; the request is for the world's own list then, or for its pod's page.
    pub(crate) fn page_of(&self, request: &mut Request<Incoming>) -> Option<Page> {
        if self.pods.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let uri = request.uri().clone();
        if let (Some(rest), Some(model)) = (uri.path().strip_prefix(&format!("{PODS}/{NAMED}")), self.model.get()) {
            let (_, behind) = rest.split_once(':')?;
            *request.uri_mut() = format!("{PODS}/{model}:{behind}").parse().unwrap_or(uri);
            return None;
        }
        let query = uri.query().unwrap_or_default();
        if uri.path() != PODS || query.contains("watch=") {
            return None;
        }
        let given = |name: &str| {
            let (_, value) = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?;
            value.parse::<u32>().ok()
        };
        let accepted = request.headers().get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_packed = accepted.split(',').any(|encoding| encoding.trim() == "gzip");
        let page = Page { from: given("continue").unwrap_or(0), most: given("limit").unwrap_or(u32::MAX), is_packed };
        // What is asked of the world is read here, and goes on as a page of the crowd.
        request.headers_mut().remove(ACCEPT_ENCODING);
        *request.uri_mut() = Uri::from_static(PODS);
        Some(page)
    }

    /// The world's list with this page of the crowd in it.
    pub(crate) fn list(&self, page: Page, mut list: Value) -> Value {
        let pods = self.pods.load(Ordering::Relaxed);
        let is_of_frontend = |pod: &&Value| pod["metadata"]["name"].as_str().is_some_and(|name| name.starts_with("frontend-"));
        let model = list["items"].as_array().and_then(|items| items.iter().find(is_of_frontend)).cloned().unwrap_or_default();
        self.model.get_or_init(|| model["metadata"]["name"].as_str().unwrap_or_default().to_owned());
        let until = page.from.saturating_add(page.most).min(pods);
        let one = |number: u32| {
            let mut pod = model.clone();
            pod["metadata"]["name"] = json!(format!("{NAMED}{number}"));
            let drawn = |place: u64| mixed(u64::from(number) << 8 | place);
            pod["metadata"]["uid"] = json!(format!("{:08x}-{:04x}-4000-8000-{:012x}", drawn(0) >> 32, drawn(1) >> 48, drawn(2) >> 16));
            pod["status"]["podIP"] = json!(format!("10.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255));
            for container in pod["status"]["containerStatuses"].as_array_mut().into_iter().flatten() {
                let digits: String = (4..8).map(|place| format!("{:016x}", drawn(place))).collect();
                container["containerID"] = json!(format!("containerd://{digits}"));
            }
            pod
        };
        list["items"] = (page.from..until).map(one).collect();
        list["metadata"]["continue"] = if until < pods { json!(until.to_string()) } else { json!("") };
        list["metadata"]["remainingItemCount"] = json!(pods - until);
        list
    }

    /// A page's bytes, and whether they are packed: as a real server does it, those of more than 128 KiB are, quickly rather than well.
    pub(crate) fn bytes(page: Page, list: &Value) -> (Bytes, bool) {
        let text = list.to_string();
        if !page.is_packed || text.len() <= 128 * 1024 {
            return (text.into(), false);
        }
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        let packed = packer.write_all(text.as_bytes()).and_then(|()| packer.finish()).expect("memory takes everything");
        (packed.into(), true)
    }
}

/// As good as drawn: by the steps of SplitMix64, so that what can't be packed well of real pods can't be of these.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
