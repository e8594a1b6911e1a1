//! Labels, and what selects by them.

use crate::plan::document::Node;

/// The labels of an object, or of a workload's pods.
pub(super) struct Labels<'a>(Option<&'a Node>);

impl<'a> Labels<'a> {
    /// Those in the `metadata` of an object or of a template.
    pub(super) fn of(object: &'a Node) -> Labels<'a> {
        Labels(object.at(&["metadata", "labels"]))
    }

    fn value(&self, label: &str) -> Option<&'a str> {
        self.0?.get(label)?.text()
    }

    /// By a Service's selector: labels with their values. An empty one selects nothing.
    pub(super) fn have_all_of(&self, selector: &Node) -> bool {
        let wanted = selector.entries();
        !wanted.is_empty() && wanted.iter().all(|entry| self.value(&entry.key).is_some() && self.value(&entry.key) == entry.value.text())
    }

    /// By the selector of a workload, a policy or a budget. An empty one selects everything.
    pub(super) fn fit(&self, selector: &Node) -> bool {
        let is_fit = |expression: &Node| {
            let value = expression.get("key").and_then(Node::text).and_then(|key| self.value(key));
            let listed = || {
                expression.get("values").map(Node::items).unwrap_or_default().iter().any(|one| one.text().is_some() && one.text() == value)
            };
            match expression.get("operator").and_then(Node::text) {
                Some("In") => listed(),
                Some("NotIn") => !listed(),
                Some("Exists") => value.is_some(),
                Some("DoesNotExist") => value.is_none(),
                // The API refuses any other.
                Some(_) | None => false,
            }
        };
        let labels = selector.get("matchLabels").is_none_or(|labels| labels.entries().is_empty() || self.have_all_of(labels));
        labels && selector.get("matchExpressions").map(Node::items).unwrap_or_default().iter().all(is_fit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::document;

    #[test]
    fn selectors_select_as_the_api_does() {
        let pod = document::read("metadata: { labels: { app: web, tier: front } }").unwrap();
        let labels = Labels::of(&pod);
        let read = |text: &str| document::read(text).unwrap();
        assert!(labels.have_all_of(&read("{ app: web }")) && !labels.have_all_of(&read("{ app: web, tier: back }")));
        assert!(!labels.have_all_of(&read("{}")) && labels.fit(&read("{}")));
        let by = |expression: &str| labels.fit(&read(&format!("{{ matchExpressions: [{expression}] }}")));
        assert!(by("{ key: app, operator: In, values: [web, api] }") && !by("{ key: app, operator: NotIn, values: [web] }"));
        assert!(by("{ key: tier, operator: Exists }") && by("{ key: none, operator: DoesNotExist }"));
        assert!(by("{ key: none, operator: NotIn, values: [web] }") && !by("{ key: none, operator: In, values: [web] }"));
        assert!(!labels.fit(&read("{ matchLabels: { app: api } }")));
    }
}
