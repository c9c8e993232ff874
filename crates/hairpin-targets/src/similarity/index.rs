//! What proposes and confirms similar pairs.

use crate::TargetError;

/// An index over distinct sequences that finds the similar ones of each.
pub(super) trait Index: Sync {
    /// The items similar to `item`, each unordered pair from at least one of its two ends.
    ///
    /// `roots` is the component of each item so far. Of a component that is `item`'s own nothing is returned, and of any other at
    /// least one similar item if there is one.
    fn links(
        &self,
        item: usize,
        roots: &[u32],
        scratch: &mut Scratch,
    ) -> Result<Vec<u32>, TargetError>;

    /// Working memory of one thread.
    fn scratch(&self) -> Scratch;
}

/// Marks, valid for one item each, that need no clearing between items.
pub(super) struct Scratch {
    now: u32,
    marks: Vec<u32>,
    linked: Vec<u32>,
    /// How often something was met, by item.
    pub(super) counts: Vec<u32>,
    /// The items met.
    pub(super) met: Vec<u32>,
}

impl Scratch {
    pub(super) fn new(items: usize) -> Self {
        Self {
            now: 0,
            marks: vec![0; items],
            linked: vec![0; items],
            counts: vec![0; items],
            met: Vec::new(),
        }
    }

    /// Forgets all marks.
    pub(super) fn next(&mut self) {
        if self.now == u32::MAX {
            self.marks.fill(0);
            self.linked.fill(0);
            self.now = 0;
        }
        self.now += 1;
    }

    /// Marks an item; false if it was marked already.
    pub(super) fn mark(&mut self, item: u32) -> bool {
        let mark = &mut self.marks[item as usize];
        let new = *mark != self.now;
        *mark = self.now;
        new
    }

    /// Whether a component has been linked to.
    pub(super) fn is_linked(&self, root: u32) -> bool {
        self.linked[root as usize] == self.now
    }

    /// Marks a component as linked to.
    pub(super) fn link(&mut self, root: u32) {
        self.linked[root as usize] = self.now;
    }
}
