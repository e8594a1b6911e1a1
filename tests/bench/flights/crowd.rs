//! A deployment of so many pods that a world of ours would take its time to start them: lists of them are made of one pod that is there.
//!
//! As an API server gives them: in pages of no more than what was asked for, each with where the next one begins, all of one version, from which
//! the world's own watch goes on. What a pod of the crowd shows is the page of the one that it is made of.

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};

use hyper::{Request, Uri, body::Incoming};
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
        let page = Page { from: given("continue").unwrap_or(0), most: given("limit").unwrap_or(u32::MAX) };
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
            pod["metadata"]["uid"] = json!(format!("00000000-0000-4000-8000-{number:012}"));
            pod
        };
        list["items"] = (page.from..until).map(one).collect();
        list["metadata"]["continue"] = if until < pods { json!(until.to_string()) } else { json!("") };
        list["metadata"]["remainingItemCount"] = json!(pods - until);
        list
    }
}
