//! The Merkle tree of RFC 6962 over all records of a log, kept as its right edge.
//!
//! Leaf = SHA-256(0x00 || record), node = SHA-256(0x01 || left || right). The frontier holds the
//! roots of the complete subtrees, largest first: at most 64 hashes for any log, and enough both
//! to append the next leaf and to compute the root.

use std::ops::RangeInclusive;

use sha2::{Digest, Sha256};

use crate::values::canonical::Hash;

/// Hash of one record.
pub fn leaf_hash(record: &[u8]) -> Hash {
    Sha256::new()
        .chain_update([0x00])
        .chain_update(record)
        .finalize()
        .into()
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new()
        .chain_update([0x01])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// The right edge of the tree over the first `size` leaves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// One root for each 1 bit of `size`, from the highest bit down.
    roots: Vec<Hash>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a Merkle frontier of {size} leaves takes {expected} bytes; found {found}")]
pub struct FrontierError {
    size: u64,
    expected: usize,
    found: usize,
}

impl Frontier {
    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        // Each trailing 1 bit is a complete subtree of the same size as `node`: merge it.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.roots.push(node);
        self.size += 1;
    }

    /// Root of the tree; SHA-256 of nothing for an empty log.
    pub fn root(&self) -> Hash {
        let mut from_smallest = self.roots.iter().rev();
        match from_smallest.next() {
            None => Sha256::digest([]).into(),
            Some(smallest) => from_smallest.fold(*smallest, |right, left| node_hash(left, &right)),
        }
    }

    /// The first run of leaves, counted from 1, that two frontiers of the same size disagree on.
    pub fn first_difference(&self, other: &Self) -> Option<RangeInclusive<u64>> {
        let mut first = 1;
        let bits = (0..u64::BITS).rev().filter(|bit| self.size >> bit & 1 == 1);
        for (bit, (ours, theirs)) in bits.zip(self.roots.iter().zip(&other.roots)) {
            let last = first + ((1 << bit) - 1);
            if ours != theirs {
                return Some(first..=last);
            }
            first = last + 1;
        }
        None
    }

    /// The roots one after the other, as stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.roots.concat()
    }

    pub fn from_bytes(size: u64, bytes: &[u8]) -> Result<Self, FrontierError> {
        let expected = size.count_ones() as usize * size_of::<Hash>();
        let (roots, rest) = bytes.as_chunks::<{ size_of::<Hash>() }>();
        if bytes.len() != expected || !rest.is_empty() {
            return Err(FrontierError {
                size,
                expected,
                found: bytes.len(),
            });
        }
        Ok(Self {
            size,
            roots: roots.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Leaves and roots published with the Certificate Transparency reference implementation.
    const LEAVES: [&str; 8] = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn roots_equal_the_published_ones() {
        let mut frontier = Frontier::default();
        assert_eq!(hex::encode(frontier.root()), ROOTS[0]);
        for (leaf, root) in LEAVES.iter().zip(&ROOTS[1..]) {
            frontier.push(leaf_hash(&hex::decode(leaf).expect("hex")));
            assert_eq!(hex::encode(frontier.root()), *root);
        }
    }

    /// RFC 6962, section 2.1, word for word: split at the largest power of two below n.
    fn naive_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [one] => *one,
            many => {
                let split = many.len().next_power_of_two() / 2;
                node_hash(&naive_root(&many[..split]), &naive_root(&many[split..]))
            }
        }
    }

    proptest! {
        #[test]
        fn the_frontier_agrees_with_the_definition(records in prop::collection::vec(any::<[u8; 4]>(), 0..200)) {
            let leaves: Vec<_> = records.iter().map(|r| leaf_hash(r)).collect();
            let mut frontier = Frontier::default();
            for leaf in &leaves {
                frontier.push(*leaf);
            }
            prop_assert_eq!(frontier.root(), naive_root(&leaves));
            let stored = Frontier::from_bytes(frontier.size(), &frontier.to_bytes());
            prop_assert_eq!(stored, Ok(frontier));
        }
    }

    #[test]
    fn a_difference_is_narrowed_to_a_subtree() {
        let of = |leaves: &[&[u8]]| {
            let mut frontier = Frontier::default();
            leaves
                .iter()
                .for_each(|leaf| frontier.push(leaf_hash(leaf)));
            frontier
        };
        let whole = of(&[b"a", b"b", b"c", b"d", b"e", b"f", b"g"]);
        assert_eq!(whole.first_difference(&whole), None);
        let early = of(&[b"a", b"x", b"c", b"d", b"e", b"f", b"g"]);
        assert_eq!(whole.first_difference(&early), Some(1..=4));
        let middle = of(&[b"a", b"b", b"c", b"d", b"x", b"f", b"g"]);
        assert_eq!(whole.first_difference(&middle), Some(5..=6));
        let last = of(&[b"a", b"b", b"c", b"d", b"e", b"f", b"x"]);
        assert_eq!(whole.first_difference(&last), Some(7..=7));
    }

    #[test]
    fn a_frontier_of_the_wrong_length_is_refused() {
        assert!(Frontier::from_bytes(3, &[0; 32]).is_err());
        assert!(Frontier::from_bytes(1, &[0; 33]).is_err());
    }
}
