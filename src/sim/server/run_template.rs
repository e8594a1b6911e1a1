//! A revision template in both of Cloud Run's spellings; the world keeps the Knative one.

use serde_json::{Value, json};

use crate::sim::world::cloud_run::image;

/// The address of a service, or of one of its tagged targets.
#[must_use]
pub fn uri(service: &str, tag: Option<&str>) -> String {
    let prefix = tag.map(|tag| format!("{tag}---")).unwrap_or_default();
    format!("https://{prefix}{service}-5kq2xv7aba-uc.a.run.app")
}

/// The v2 spelling of a Knative template.
#[must_use]
pub fn to_v2(template: &Value) -> Value {
    let note =
        |name: &str| template.get("metadata").and_then(|metadata| metadata.get("annotations")?.get(name)?.as_str()?.parse::<u32>().ok());
    let spec = &template["spec"];
    // What is zero is left out.
    let mut scaling = json!({"maxInstanceCount": note("autoscaling.knative.dev/maxScale").unwrap_or(100)});
    if let Some(least) = note("autoscaling.knative.dev/minScale").filter(|least| *least > 0) {
        scaling["minInstanceCount"] = json!(least);
    }
    json!({
        "scaling": scaling,
        "timeout": format!("{}s", spec["timeoutSeconds"].as_u64().unwrap_or(300)),
        "serviceAccount": spec["serviceAccountName"],
        "containers": [{
            "image": image(template),
            "resources": {"limits": spec["containers"][0]["resources"]["limits"], "cpuIdle": true},
            "ports": spec["containers"][0]["ports"],
        }],
        "maxInstanceRequestConcurrency": spec["containerConcurrency"].as_u64().unwrap_or(80),
    })
}

/// The Knative spelling of a v2 template: the current one with what v2 says about image and scaling.
#[must_use]
pub fn from_v2(template: &Value, current: &Value) -> Value {
    let mut next = current.clone();
    if let Some(image) = template.pointer("/containers/0/image").filter(|image| image.is_string()) {
        next["spec"]["containers"][0]["image"] = image.clone();
    }
    for (field, annotation) in
        [("minInstanceCount", "autoscaling.knative.dev/minScale"), ("maxInstanceCount", "autoscaling.knative.dev/maxScale")]
    {
        if let Some(count) = template.get("scaling").and_then(|scaling| scaling.get(field)?.as_u64()) {
            next["metadata"]["annotations"][annotation] = json!(count.to_string());
        }
    }
    next
}
