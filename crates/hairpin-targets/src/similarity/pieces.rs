//! Where sequences are cut so that a shared piece says much.

use hairpin_seq::{Alphabet, Seq};

/// How many bits the symbol at each position tells, among these sequences.
pub(super) fn entropies<A: Alphabet>(length: usize, items: &[u32], seqs: &[&Seq<A>]) -> Vec<f64> {
    let symbols = usize::from(Seq::<A>::UNKNOWN_CODE) + 1;
    let mut counts = vec![0_u32; length * symbols];
    for &item in items {
        let codes = seqs[item as usize].codes();
        for (counts, &code) in counts.chunks_exact_mut(symbols).zip(codes) {
            counts[usize::from(code)] += 1;
        }
    }
    let bits = |&count: &u32| match f64::from(count) / items.len() as f64 {
        0.0 => 0.0,
        share => -share * share.log2(),
    };
    let counts = counts.chunks_exact(symbols);
    counts.map(|counts| counts.iter().map(bits).sum()).collect()
}

/// Start and length of `n` pieces that cover all positions and tell about as much each: where all sequences begin alike, as those of
/// a library do, a piece of the usual length would propose every pair.
pub(super) fn cut(entropies: &[f64], n: usize) -> Vec<(usize, usize)> {
    // A little for every position, so that positions that tell nothing are shared out, too.
    let tells = |position: usize| entropies[position] + 0.01;
    let each = (0..entropies.len()).map(tells).sum::<f64>() / n.max(1) as f64;
    let (mut end, mut told) = (0, 0.0);
    (0..n)
        .map(|piece| {
            let start = end;
            // At least one position for each piece that comes.
            let last = entropies.len() - (n - 1 - piece);
            while end < last
                && (end == start
                    || piece + 1 == n
                    || told + tells(end) / 2.0 <= each * (piece + 1) as f64)
            {
                told += tells(end);
                end += 1;
            }
            (start, end - start)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn pieces_tell_the_same() {
        assert_eq!(cut(&[2.0; 12], 3), [(0, 4), (4, 4), (8, 4)]);
        let adapter = [0.0, 0.0, 0.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0];
        assert_eq!(cut(&adapter, 3), [(0, 5), (5, 2), (7, 2)]);
        let tail = [2.0, 2.0, 2.0, 0.0, 0.0, 0.0];
        assert_eq!(cut(&tail, 3), [(0, 1), (1, 1), (2, 4)]);
    }

    #[test]
    fn pieces_cover_every_position_once() {
        for length in 1..40 {
            for n in 1..=length {
                for kind in 0..3 {
                    let tells =
                        |position: usize| f64::from(u8::from(kind == 1 || position % 7 < kind));
                    let pieces = cut(&(0..length).map(tells).collect::<Vec<_>>(), n);
                    assert_eq!(pieces.len(), n);
                    let mut end = 0;
                    for (start, len) in pieces {
                        assert!(start == end && len > 0, "{length} {n}");
                        end = start + len;
                    }
                    assert_eq!(end, length);
                }
            }
        }
    }
}
