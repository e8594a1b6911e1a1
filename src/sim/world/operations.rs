//! Long-running operations: a change is accepted, runs for a while, and is done or failed.
//!
//! Each API keeps its own list. The wire form differs from API to API and is the servers' business.

/// Finished operations beyond this many are forgotten, as the real services do after some days.
const KEPT: usize = 2_000;

/// One accepted change on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// Unique within its API.
    pub id: u64,
    /// What it does, in the API's own word (`patch`, `UpdateService`).
    pub kind: String,
    /// Name of the object that changes.
    pub target: String,
    /// Who asked.
    pub principal: String,
    /// When it was accepted, virtual milliseconds.
    pub started_ms: i64,
    /// When it ends, virtual milliseconds.
    pub ends_ms: i64,
    /// Why it fails, if it does.
    pub failure: Option<String>,
}

impl Operation {
    /// Whether it has ended, in success or failure.
    #[must_use]
    pub fn done(&self, now_ms: i64) -> bool {
        now_ms >= self.ends_ms
    }
}

/// The operations of one API, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Operations {
    list: Vec<Operation>,
    last_id: u64,
}

impl Operations {
    /// Accepts an operation; its `id` is given here.
    pub fn begin(&mut self, mut operation: Operation) -> Operation {
        self.last_id += 1;
        operation.id = self.last_id;
        if self.list.len() >= KEPT {
            self.list.remove(0);
        }
        self.list.push(operation.clone());
        operation
    }

    /// What would never end ends then.
    pub fn end_by(&mut self, at_ms: i64) {
        self.list.iter_mut().filter(|operation| operation.ends_ms == i64::MAX).for_each(|operation| operation.ends_ms = at_ms);
    }

    /// One operation, while it is remembered.
    #[must_use]
    pub fn find(&self, id: u64) -> Option<&Operation> {
        self.list.iter().find(|operation| operation.id == id)
    }

    /// All remembered operations, oldest first.
    #[must_use]
    pub fn all(&self) -> &[Operation] {
        &self.list
    }
}
