//! Compute's JSON, as far as the driver looks into it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::adapter::lenient;

/// A URL map. The default route's action and the path matchers are kept whole, so that what we don't know of them goes back as it came.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UrlMap {
    pub fingerprint: String,
    /// What people wrote of the map, and a session's claim beside it.
    #[serde(default, deserialize_with = "lenient")]
    pub description: String,
    pub default_service: Option<String>,
    pub default_url_redirect: Option<Value>,
    pub default_route_action: Option<RouteAction>,
    #[serde(default, deserialize_with = "lenient")]
    pub host_rules: Vec<HostRule>,
    #[serde(default, deserialize_with = "lenient")]
    pub path_matchers: Vec<Value>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HostRule {
    #[serde(default, deserialize_with = "lenient")]
    pub hosts: Vec<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub path_matcher: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RouteAction {
    #[serde(default, deserialize_with = "lenient")]
    pub weighted_backend_services: Vec<WeightedBackendService>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WeightedBackendService {
    /// A full URL or a partial one, ending in `backendServices/NAME`.
    pub backend_service: String,
    /// 0 to 1000; absent means 0.
    #[serde(default, deserialize_with = "lenient")]
    pub weight: u32,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// What a PATCH sends. Arrays in a merge patch replace whole arrays, so the action goes back complete.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Patch {
    pub fingerprint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A map may have only one of these three; what else stands there is taken away by an explicit null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_service: Option<Nothing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_url_redirect: Option<Nothing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_route_action: Option<RouteAction>,
    /// All of them, where one is changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_matchers: Option<Vec<Value>>,
}

impl Patch {
    /// One that changes nothing of the map with this fingerprint.
    pub(super) fn of(fingerprint: String) -> Patch {
        Patch {
            fingerprint,
            description: None,
            default_service: None,
            default_url_redirect: None,
            default_route_action: None,
            path_matchers: None,
        }
    }
}

/// Written as `null`.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Nothing;

/// A backend service, as far as its kind of load balancer goes.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BackendService {
    #[serde(default)]
    pub load_balancing_scheme: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Operation {
    pub name: String,
    #[serde(default)]
    pub status: String,
    pub error: Option<OperationError>,
    pub http_error_status_code: Option<u16>,
    pub http_error_message: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct OperationError {
    #[serde(default)]
    pub errors: Vec<OperationFault>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct OperationFault {
    #[serde(default)]
    pub code: String,
    #[serde(default)]
    pub message: String,
}

impl Operation {
    pub(super) fn is_done(&self) -> bool {
        self.status == "DONE"
    }

    /// The status and the words of a failed operation; 400 where it gives no status.
    pub(super) fn failure(&self) -> Option<(u16, String)> {
        let fault = self.error.as_ref().map(|error| error.errors.first());
        let status = self.http_error_status_code.filter(|status| *status >= 400);
        let words = match (fault, status) {
            (Some(Some(first)), _) => format!("{} {}", first.code, first.message),
            (Some(None), _) | (None, Some(_)) => self.http_error_message.clone().unwrap_or_else(|| "without words".to_owned()),
            (None, None) => return None,
        };
        Some((status.unwrap_or(400), words))
    }
}
