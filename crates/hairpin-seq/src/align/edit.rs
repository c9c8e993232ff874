//! Edit distance, sixty-four rows of the table at a time.

use std::ops::Range;

use crate::{Alphabet, Seq};

/// A sequence prepared for its edit distance to many others.
///
/// The edit (Levenshtein) distance is the least number of substitutions, insertions and deletions of one symbol that turn
/// one sequence into the other. Codes are compared as they are: an unknown position equals another unknown position.
///
/// It is computed by bit-parallel columns: Myers, A fast bit-vector algorithm for approximate string matching, J. ACM 1999
/// (doi:10.1145/316542.316550), in the global form and the blocks of Hyyrö, A bit-vector algorithm for computing Levenshtein
/// and Damerau edit distances, Nordic J. Computing 2003. A pair of lengths n and m takes `m * ceil(n / 64)` steps of a dozen
/// instructions.
///
/// ```
/// use hairpin_seq::{Dna, Seq, align::EditPattern};
///
/// let pattern = EditPattern::new(&"GATTACA".parse::<Seq<Dna>>()?);
/// let other: Seq<Dna> = "GCATTAA".parse()?;
/// assert_eq!(pattern.distance(&other), 2); // insert C, delete C
/// assert_eq!(pattern.distance_within(&other, 2), Some(2));
/// assert_eq!(pattern.distance_within(&other, 1), None);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Debug)]
pub struct EditPattern<A> {
    len: usize,
    blocks: usize,
    /// Bit `i` of `equal[code * blocks + block]`: position `64 * block + i` holds `code`.
    equal: Vec<u64>,
    alphabet: std::marker::PhantomData<A>,
}

impl<A: Alphabet> EditPattern<A> {
    /// Prepares a sequence.
    pub fn new(seq: &Seq<A>) -> Self {
        let blocks = seq.len().div_ceil(64);
        let mut equal = vec![0; (usize::from(Seq::<A>::UNKNOWN_CODE) + 1) * blocks];
        for (position, &code) in seq.codes().iter().enumerate() {
            equal[usize::from(code) * blocks + position / 64] |= 1 << (position % 64);
        }
        Self {
            len: seq.len(),
            blocks,
            equal,
            alphabet: std::marker::PhantomData,
        }
    }

    /// The edit distance to `other`.
    pub fn distance(&self, other: &Seq<A>) -> usize {
        // No distance is above the longer length.
        self.distance_within(other, self.len.max(other.len()))
            .unwrap_or(self.len.max(other.len()))
    }

    /// The edit distance to `other` if it is at most `max`, else nothing; a distant pair is given up early.
    pub fn distance_within(&self, other: &Seq<A>, max: usize) -> Option<usize> {
        self.codes_within(other.codes(), max)
    }

    /// The same for the codes of a sequence or of a part of one.
    ///
    /// # Panics
    ///
    /// If a code is not one of the alphabet's.
    #[inline]
    pub fn codes_within(&self, codes: &[u8], max: usize) -> Option<usize> {
        if self.len.abs_diff(codes.len()) > max {
            return None;
        }
        match self.blocks {
            0 => Some(codes.len()),
            1 => self.within_one_block(codes, max),
            _ => self.within_blocks(codes, max),
        }
    }

    /// Prepares a part of another pattern's sequence, in the memory of this one.
    ///
    /// For the two sides of a piece that two sequences share: most pairs are told apart by the shorter of them.
    ///
    /// ```
    /// use hairpin_seq::{Dna, Seq, align::EditPattern};
    ///
    /// let whole = EditPattern::new(&"GATTACA".parse::<Seq<Dna>>()?);
    /// let other: Seq<Dna> = "GTTACCC".parse()?;
    /// let mut part = whole.clone();
    /// part.set_part(&whole, 0..5); // GATTA
    /// assert_eq!(part.codes_within(&other.codes()[..4], 2), Some(1)); // GTTA
    /// # Ok::<(), hairpin_seq::SeqError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If the part reaches past the end of the sequence.
    pub fn set_part(&mut self, whole: &Self, part: Range<usize>) {
        assert!(part.end <= whole.len, "part: past the end of the sequence");
        self.len = part.len();
        self.blocks = self.len.div_ceil(64);
        self.equal.clear();
        if self.blocks == 0 {
            return;
        }
        let (first, shift) = (part.start / 64, part.start % 64);
        // Bits behind the end of the part are never looked at: carries go from low to high.
        for words in whole.equal.chunks_exact(whole.blocks) {
            self.equal.extend((first..first + self.blocks).map(|word| {
                let above = words.get(word + 1).filter(|_| shift > 0);
                words[word] >> shift | above.map_or(0, |above| above << (64 - shift))
            }));
        }
    }

    fn within_one_block(&self, text: &[u8], max: usize) -> Option<usize> {
        let last = self.len - 1;
        let (mut plus, mut minus) = (u64::MAX, 0);
        let mut distance = self.len;
        for (column, &code) in text.iter().enumerate() {
            let equal = self.equal[usize::from(code)];
            let (up, down) = step(&mut plus, &mut minus, equal, (1, 0), last);
            distance = distance + up as usize - down as usize;
            // Every column left can lower the distance by one.
            if distance > max + (text.len() - 1 - column) {
                return None;
            }
        }
        (distance <= max).then_some(distance)
    }

    fn within_blocks(&self, text: &[u8], max: usize) -> Option<usize> {
        let mut deltas = vec![(u64::MAX, 0); self.blocks];
        let mut distance = self.len;
        for (column, &code) in text.iter().enumerate() {
            let start = usize::from(code) * self.blocks;
            let equal = &self.equal[start..start + self.blocks];
            let mut carry = (1, 0);
            for (block, ((plus, minus), &equal)) in deltas.iter_mut().zip(equal).enumerate() {
                let last = if block + 1 == self.blocks {
                    (self.len - 1) % 64
                } else {
                    63
                };
                carry = step(plus, minus, equal, carry, last);
            }
            distance = distance + carry.0 as usize - carry.1 as usize;
            if distance > max + (text.len() - 1 - column) {
                return None;
            }
        }
        (distance <= max).then_some(distance)
    }
}

/// One column of one block: `plus` and `minus` are the rows where the table grows or shrinks by one from the row above; `carry` is
/// whether it does so from the column before in the row above the block, and the result the same for row `last`.
#[inline(always)]
fn step(
    plus: &mut u64,
    minus: &mut u64,
    equal: u64,
    (carry_up, carry_down): (u64, u64),
    last: usize,
) -> (u64, u64) {
    let vertical = equal | *minus;
    let equal = equal | carry_down;
    let horizontal = ((equal & *plus).wrapping_add(*plus) ^ *plus) | equal;
    let up = *minus | !(horizontal | *plus);
    let down = *plus & horizontal;
    let out = ((up >> last) & 1, (down >> last) & 1);
    let up = (up << 1) | carry_up;
    let down = (down << 1) | carry_down;
    *plus = down | !(vertical | up);
    *minus = up & vertical;
    out
}
