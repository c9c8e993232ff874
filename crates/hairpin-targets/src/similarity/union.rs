//! Connected components by union and find.

/// Disjoint sets of the items from 0 up (Tarjan, Efficiency of a good but not linear set union algorithm, J. ACM 1975,
/// doi:10.1145/321879.321884). The root of a set is its smallest item, so that the result does not depend on the order of the joins.
pub(crate) struct Components {
    parent: Vec<u32>,
}

impl Components {
    pub(crate) fn new(items: usize) -> Self {
        Self {
            parent: (0..items as u32).collect(),
        }
    }

    pub(crate) fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a as u32), self.root(b as u32));
        self.parent[a.max(b) as usize] = a.min(b);
    }

    fn root(&mut self, mut item: u32) -> u32 {
        while self.parent[item as usize] != item {
            let above = self.parent[item as usize];
            self.parent[item as usize] = self.parent[above as usize];
            item = above;
        }
        item
    }

    /// The root of every item.
    pub(crate) fn roots(&mut self) -> Vec<u32> {
        (0..self.parent.len() as u32)
            .map(|item| self.root(item))
            .collect()
    }
}
