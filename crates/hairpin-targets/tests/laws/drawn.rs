//! Sequences drawn so that some are similar: all descend from a few by a few edits.

use hairpin_seq::{Dna, Seq};
use proptest::prelude::*;

/// From 2 to `max` sequences of 0 to about 40 positions, unknown ones among them.
pub(crate) fn family(max: usize) -> impl Strategy<Value = Vec<Seq<Dna>>> {
    let ancestors = prop::collection::vec(prop::collection::vec(0u8..5, 0..40), 1..5);
    let edit = (any::<prop::sample::Index>(), 0u8..4, 0u8..3);
    let child = (
        any::<prop::sample::Index>(),
        prop::collection::vec(edit, 0..9),
    );
    (ancestors, prop::collection::vec(child, 2..=max)).prop_map(|(ancestors, children)| {
        let child = |(ancestor, edits): (prop::sample::Index, Vec<_>)| {
            let mut codes = ancestors[ancestor.index(ancestors.len())].clone();
            for (place, code, kind) in edits {
                let place: prop::sample::Index = place;
                match kind {
                    0 => codes.insert(place.index(codes.len() + 1), code),
                    _ if codes.is_empty() => {}
                    1 => drop(codes.remove(place.index(codes.len()))),
                    _ => {
                        let place = place.index(codes.len());
                        codes[place] = code;
                    }
                }
            }
            Seq::from_codes(codes).unwrap()
        };
        children.into_iter().map(child).collect()
    })
}
