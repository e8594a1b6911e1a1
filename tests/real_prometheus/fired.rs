//! When something fired on a series, and how two who judge the same one compare.

use super::series::Better;

/// When, from the first scrape on, and whether for want of figures. Of one table all are in the same unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fired {
    Never,
    At(usize),
    Blind(usize),
}

impl Fired {
    /// Whether it differs from what Prometheus does so.
    pub(crate) fn is(self, better: Better, theirs: Fired) -> bool {
        match (better, theirs, self) {
            (Better::Sooner, Fired::At(theirs), Fired::At(ours)) => ours < theirs,
            (Better::Unproven, Fired::At(_), Fired::Never | Fired::Blind(_)) | (Better::Blind, Fired::Never, Fired::Blind(_)) => true,
            (Better::Sooner | Better::Unproven | Better::Blind, _, _) => false,
        }
    }

    /// Whether both fire within an evaluation of each other, which is `evaluation` long, or neither does.
    pub(crate) fn is_near(self, other: Fired, evaluation: usize) -> bool {
        match (self, other) {
            (Fired::Never, Fired::Never) => true,
            (Fired::At(one), Fired::At(other)) => one.abs_diff(other) <= evaluation,
            (Fired::Never | Fired::At(_) | Fired::Blind(_), _) => false,
        }
    }
}
