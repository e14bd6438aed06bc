//! A graph as numbers: the nodes from 0 on, and to which others each leads.

/// The nodes to which each node leads, one list after the other.
pub(super) struct Lists {
    begins: Vec<usize>,
    all: Vec<u32>,
}

impl Lists {
    fn of(nodes: usize, pairs: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut begins = vec![0; nodes + 1];
        for (from, _) in pairs.clone() {
            begins[from as usize + 1] += 1;
        }
        for at in 0..nodes {
            begins[at + 1] += begins[at];
        }
        let mut next = begins.clone();
        let mut all = vec![0; begins[nodes]];
        for (from, to) in pairs {
            all[next[from as usize]] = to;
            next[from as usize] += 1;
        }
        for at in 0..nodes {
            all[begins[at]..begins[at + 1]].sort_unstable();
        }
        Self { begins, all }
    }

    /// The nodes to which a node leads, in order; one twice where two relations lead there.
    pub(super) fn from(&self, node: usize) -> &[u32] {
        &self.all[self.begins[node]..self.begins[node + 1]]
    }
}

/// A graph.
pub(super) struct Net {
    /// From the beginning of each relation to its end.
    pub(super) out: Lists,
    /// Either way; a relation from a node to itself once.
    pub(super) both: Lists,
    nodes: usize,
}

impl Net {
    /// Of so many nodes with these relations.
    pub(super) fn of(nodes: usize, links: &[(u32, u32)]) -> Self {
        let out = links.iter().copied();
        let back = links.iter().filter(|(from, to)| from != to).map(|(from, to)| (*to, *from));
        Self { both: Lists::of(nodes, out.clone().chain(back)), out: Lists::of(nodes, out), nodes }
    }

    /// How many nodes.
    pub(super) const fn len(&self) -> usize {
        self.nodes
    }

    /// How many relations each has.
    #[expect(clippy::cast_precision_loss, reason = "counts of relations are far below 2^52")]
    pub(super) fn degrees(&self) -> Vec<f64> {
        (0..self.nodes).map(|node| self.both.from(node).len() as f64).collect()
    }
}
