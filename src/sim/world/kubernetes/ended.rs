//! Pods that have ended and that nobody has cleaned up.
//!
//! A node that runs short of something ends pods by itself and leaves their documents behind; their replica set makes others in their
//! place. The documents stay until a controller collects them, which real clusters do only when there are thousands.

use serde_json::{Value, json};

use super::{
    Kubernetes, NAMESPACE,
    document::{set, stamp, text},
    resource::Resource,
    store::Key,
};

/// How long before the present the pods were made that are left behind.
const AGE_MS: i64 = 3 * 86_400_000;

/// Whether a pod has come to its end.
pub(super) fn has_ended(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), "Failed" | "Succeeded")
}

impl Kubernetes {
    /// Leaves this many evicted pods of the deployment behind, as a node that was short of disk some days ago.
    pub fn evict(&mut self, deployment: &str, count: u32) {
        let model =
            self.store.list(Resource::Pod, NAMESPACE).find(|pod| text(pod, "/metadata/labels/app") == deployment && !has_ended(pod));
        let Some(model) = model.cloned() else { return };
        for _ in 0..count {
            let mut pod = Value::clone(&model);
            let set_name = text(&model, "/metadata/generateName").to_owned();
            let name = format!("{set_name}{}", self.new_suffix(5));
            set(&mut pod, &["metadata", "name"], json!(name));
            set(&mut pod, &["metadata", "uid"], json!(self.new_uid()));
            let made = stamp(self.clock_ms - AGE_MS);
            set(&mut pod, &["metadata", "creationTimestamp"], made.clone());
            let message = "The node was low on resource: ephemeral-storage. Threshold quantity: 4706007147, available: 3914772Ki.";
            pod["status"] = json!({"phase": "Failed", "reason": "Evicted", "message": message, "startTime": made});
            self.store.put(Key::of(Resource::Pod, &pod), pod);
        }
        self.touch();
    }
}

/// Removes what is left of pods that ended.
pub(super) fn collect(cluster: &mut Kubernetes) {
    let ended: Vec<Key> =
        cluster.store.list(Resource::Pod, NAMESPACE).filter(|pod| has_ended(pod)).map(|pod| Key::of(Resource::Pod, pod)).collect();
    for key in ended {
        cluster.store.remove(&key);
    }
}
