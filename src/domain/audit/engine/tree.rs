//! The Merkle tree of RFC 6962: roots, proofs that an entry is in it, proofs that a later tree only adds to an earlier one.
//! What a proof needs is asked for by level and index, so that whoever keeps the nodes reads only those. No I/O.

use std::future::Future;

use super::hash::{Hash, empty_root, node};
use crate::kernel::fault::Fault;

/// Whoever keeps the nodes of complete subtrees: node `index` of `level` is the root over the leaves from
/// `index << level` to `(index + 1) << level`.
pub trait Nodes {
    /// The hash of a complete subtree.
    fn node(&mut self, level: u32, index: u64) -> impl Future<Output = Result<Hash, Fault>> + Send;
}

/// The complete subtrees that make up the leaves from `from` to `to`, from left to right, each as level and index.
#[must_use]
pub fn subtrees(mut from: u64, to: u64) -> Vec<(u32, u64)> {
    let mut all = Vec::new();
    while from < to {
        // As large as fits between here and the end, and as begins here.
        let fits = (to - from).ilog2();
        let level = if from == 0 { fits } else { fits.min(from.trailing_zeros()) };
        all.push((level, from >> level));
        from += 1 << level;
    }
    all
}

/// The root over the first leaves.
///
/// # Errors
/// When a node cannot be read.
pub async fn root(nodes: &mut (impl Nodes + Send), size: u64) -> Result<Hash, Fault> {
    if size == 0 {
        return Ok(empty_root());
    }
    part(nodes, 0, size).await
}

/// The root over a part of the leaves that begins where a subtree of its size may.
async fn part(nodes: &mut (impl Nodes + Send), from: u64, to: u64) -> Result<Hash, Fault> {
    let mut whole: Option<Hash> = None;
    for (level, index) in subtrees(from, to).into_iter().rev() {
        let hash = nodes.node(level, index).await?;
        whole = Some(match whole {
            None => hash,
            Some(right) => node(&hash, &right),
        });
    }
    Ok(whole.unwrap_or_else(empty_root))
}

/// The largest power of two below a number of leaves that is more than one.
const fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// The proof that a leaf is in the tree of a size: from the leaf's side to the root's.
///
/// # Errors
/// When a node cannot be read.
pub async fn inclusion(nodes: &mut (impl Nodes + Send), leaf: u64, size: u64) -> Result<Vec<Hash>, Fault> {
    let (mut from, mut to) = (0, size);
    let mut beside = Vec::new();
    while to - from > 1 {
        let middle = from + split(to - from);
        if leaf < middle {
            beside.push((middle, to));
            to = middle;
        } else {
            beside.push((from, middle));
            from = middle;
        }
    }
    let mut proof = Vec::with_capacity(beside.len());
    for (from, to) in beside.into_iter().rev() {
        proof.push(part(nodes, from, to).await?);
    }
    Ok(proof)
}

/// The proof that the tree of `size` begins with the tree of `earlier`, which has leaves.
///
/// # Errors
/// When a node cannot be read.
pub async fn consistency(nodes: &mut (impl Nodes + Send), earlier: u64, size: u64) -> Result<Vec<Hash>, Fault> {
    let (mut from, mut to) = (0, size);
    let mut is_whole = true;
    let mut beside = Vec::new();
    while earlier != to {
        let middle = from + split(to - from);
        if earlier <= middle {
            beside.push((middle, to));
            to = middle;
        } else {
            beside.push((from, middle));
            from = middle;
            is_whole = false;
        }
    }
    if !is_whole {
        beside.push((from, to));
    }
    let mut proof = Vec::with_capacity(beside.len());
    for (from, to) in beside.into_iter().rev() {
        proof.push(part(nodes, from, to).await?);
    }
    Ok(proof)
}

/// Whether a proof shows that a leaf is in the tree of a size and root.
#[must_use]
pub fn is_included(leaf: u64, leaf_hash: &Hash, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if leaf >= size {
        return false;
    }
    let (mut place, mut last) = (leaf, size - 1);
    let mut hash = *leaf_hash;
    for beside in proof {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            hash = node(beside, &hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, beside);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether a proof shows that the tree of `size` begins with that of `earlier`.
#[must_use]
pub fn is_consistent((earlier, earlier_root): (u64, &Hash), (size, root): (u64, &Hash), proof: &[Hash]) -> bool {
    if earlier == size {
        return proof.is_empty() && earlier_root == root;
    }
    if earlier == 0 || earlier > size {
        return earlier == 0 && proof.is_empty();
    }
    let mut rest = proof.iter();
    let begin = if earlier.is_power_of_two() { Some(earlier_root) } else { rest.next() };
    let Some(begin) = begin else { return false };
    let (mut place, mut last) = (earlier - 1, size - 1);
    while place & 1 == 1 {
        place >>= 1;
        last >>= 1;
    }
    let (mut of_earlier, mut of_later) = (*begin, *begin);
    for beside in rest {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            of_earlier = node(beside, &of_earlier);
            of_later = node(beside, &of_later);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            of_later = node(&of_later, beside);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && of_earlier == *earlier_root && of_later == *root
}

/// A tree that grows at its right edge and knows its root: what is kept is one hash for each complete subtree of the edge.
#[derive(Debug, Clone, Default)]
pub struct Edge {
    size: u64,
    hashes: Vec<(u32, Hash)>,
}

impl Edge {
    /// How many leaves it has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        self.push_subtree(0, leaf);
    }

    /// Adds a complete subtree. False where one of its size may not begin at the edge.
    #[must_use]
    pub fn push_whole(&mut self, level: u32, hash: Hash) -> bool {
        let fits = level < 63 && self.size.trailing_zeros() >= level || self.size == 0;
        if fits {
            self.push_subtree(level, hash);
        }
        fits
    }

    fn push_subtree(&mut self, level: u32, hash: Hash) {
        self.size += 1 << level;
        let (mut level, mut hash) = (level, hash);
        while let Some((_, left)) = self.hashes.pop_if(|(other, _)| *other == level) {
            hash = node(&left, &hash);
            level += 1;
        }
        self.hashes.push((level, hash));
    }

    /// The root over all leaves.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut from_right = self.hashes.iter().rev().map(|(_, hash)| *hash);
        let Some(last) = from_right.next() else { return empty_root() };
        from_right.fold(last, |right, left| node(&left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::super::hash::{from_hex, leaf};
    use super::*;

    /// The leaves of the test vectors of Certificate Transparency, and the roots over the first one, two … eight of them.
    const LEAVES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    struct InMemory(Vec<Hash>);

    impl Nodes for InMemory {
        async fn node(&mut self, level: u32, index: u64) -> Result<Hash, Fault> {
            let (from, to) = (index << level, (index + 1) << level);
            Ok(reference(&self.0[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()]))
        }
    }

    /// The definition of RFC 6962, word for word.
    fn reference(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [only] => *only,
            _ => {
                let middle = usize::try_from(split(u64::try_from(leaves.len()).unwrap())).unwrap();
                node(&reference(&leaves[..middle]), &reference(&leaves[middle..]))
            }
        }
    }

    #[tokio::test]
    async fn roots_are_those_of_the_test_vectors() {
        let leaves: Vec<Hash> = LEAVES.iter().map(|data| leaf(data)).collect();
        let mut edge = Edge::default();
        for (size, wanted) in (1_u64..).zip(ROOTS) {
            let wanted = from_hex(wanted).unwrap();
            edge.push(leaves[usize::try_from(size - 1).unwrap()]);
            assert_eq!(root(&mut InMemory(leaves.clone()), size).await.unwrap(), wanted, "{size}");
            assert_eq!((edge.size(), edge.root()), (size, wanted));
        }
    }

    #[tokio::test]
    async fn every_proof_holds_and_no_other() {
        let leaves: Vec<Hash> = (0_u32..70).map(|number| leaf(&number.to_be_bytes())).collect();
        let mut nodes = InMemory(leaves.clone());
        let roots: Vec<Hash> = (0..=leaves.len()).map(|size| reference(&leaves[..size])).collect();
        for size in 1..=70_u64 {
            let whole = &roots[usize::try_from(size).unwrap()];
            for place in 0..size {
                let own = &leaves[usize::try_from(place).unwrap()];
                let proof = inclusion(&mut nodes, place, size).await.unwrap();
                assert!(is_included(place, own, size, &proof, whole), "{place} of {size}");
                assert!(!is_included(place, &[9; 32], size, &proof, whole));
                assert!(size == 1 || !is_included((place + 1) % size, own, size, &proof, whole));
                if !proof.is_empty() {
                    assert!(!is_included(place, own, size, &proof[1..], whole));
                }
            }
            for earlier in 1..=size {
                let part = &roots[usize::try_from(earlier).unwrap()];
                let proof = consistency(&mut nodes, earlier, size).await.unwrap();
                assert!(is_consistent((earlier, part), (size, whole), &proof), "{earlier} in {size}");
                assert!(!is_consistent((earlier, &[9; 32]), (size, whole), &proof));
                assert!(!is_consistent((earlier, part), (size, &[9; 32]), &proof));
            }
        }
    }

    #[test]
    fn parts_are_made_up_of_complete_subtrees() {
        for from in 0..40 {
            for to in from..40 {
                let mut at = from;
                for (level, index) in subtrees(from, to) {
                    assert_eq!(index << level, at);
                    at += 1 << level;
                }
                assert_eq!(at, to);
            }
        }
    }
}
