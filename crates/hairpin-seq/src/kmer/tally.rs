//! The counting loop: the word of every window of a block at once, then a histogram.
//!
//! A rolling word waits for the one before it. Here the words of a block of windows are put together from pairs and quads of
//! neighbouring bases by shifts and ors over whole arrays, which compile to vector instructions, and only the histogram is left for
//! one base at a time. Several histograms take turns, so that a repeated k-mer does not wait for its own last increment.

use std::ops::{BitOr, Shl};

use super::{MAX_SPAN, Pattern};

/// Windows in a block: its arrays stay in the first-level cache.
const BLOCK: usize = 1024;

/// Bytes of histograms that take turns: more would fall out of the first-level cache.
const CACHE: usize = 32 << 10;

/// Windows that 32-bit histograms can take before they are emptied.
const MAX_WINDOWS: usize = u32::MAX as usize;

/// What counts in a table.
pub(crate) trait Cell: Copy {
    fn increment(&mut self);
}

impl Cell for u32 {
    fn increment(&mut self) {
        *self += 1;
    }
}

impl Cell for u64 {
    fn increment(&mut self) {
        *self += 1;
    }
}

/// Exact to 2^24, which the caller sees to.
impl Cell for f32 {
    fn increment(&mut self) {
        *self += 1.0;
    }
}

/// Adds the k-mers of `codes` under `pattern` to `table`, which has 4^weight places; the weight is at most 12.
pub(crate) fn tally<C: Cell>(codes: &[u8], pattern: &Pattern, table: &mut [C]) {
    if pattern.weight() <= 8 {
        Blocks::<u16>::new(pattern).each(codes, |indices| count(indices, table));
    } else {
        Blocks::<u32>::new(pattern).each(codes, |indices| count(indices, table));
    }
}

/// [`tally`] for a sequence that is long beside its table.
pub(crate) fn tally_long(codes: &[u8], pattern: &Pattern, table: &mut [u64]) {
    let size = table.len();
    let lanes = (CACHE / (size * size_of::<u32>())).clamp(1, 4);
    let mut tables = vec![0_u32; lanes * size];
    let overlap = pattern.span() - 1;
    let mut start = 0;
    while start + overlap < codes.len() {
        let end = codes.len().min(start + MAX_WINDOWS + overlap);
        let piece = &codes[start..end];
        match (lanes, pattern.weight() <= 8) {
            (4, _) => Blocks::<u16>::new(pattern).each(piece, |i| count_4(i, &mut tables, size)),
            (2 | 3, _) => {
                Blocks::<u16>::new(pattern).each(piece, |i| count_2(i, &mut tables, size))
            }
            (_, true) => Blocks::<u16>::new(pattern).each(piece, |i| count(i, &mut tables)),
            (_, false) => Blocks::<u32>::new(pattern).each(piece, |i| count(i, &mut tables)),
        }
        for part in tables.chunks_exact_mut(size) {
            for (total, count) in table.iter_mut().zip(part) {
                *total += u64::from(std::mem::take(count));
            }
        }
        start = end - overlap;
    }
}

fn count<C: Cell, T: Index>(indices: &[T], table: &mut [C]) {
    for &index in indices {
        table[index.index()].increment();
    }
}

fn count_2<T: Index>(indices: &[T], tables: &mut [u32], size: usize) {
    let (first, rest) = tables.split_at_mut(size);
    let second = &mut rest[..size];
    let (pairs, last) = indices.as_chunks::<2>();
    for [a, b] in pairs {
        first[a.index()] += 1;
        second[b.index()] += 1;
    }
    count(last, first);
}

fn count_4<T: Index>(indices: &[T], tables: &mut [u32], size: usize) {
    let (first, rest) = tables.split_at_mut(size);
    let (second, rest) = rest.split_at_mut(size);
    let (third, rest) = rest.split_at_mut(size);
    let fourth = &mut rest[..size];
    let (fours, last) = indices.as_chunks::<4>();
    for [a, b, c, d] in fours {
        first[a.index()] += 1;
        second[b.index()] += 1;
        third[c.index()] += 1;
        fourth[d.index()] += 1;
    }
    count(last, first);
}

/// An index into a table, as narrow as the table allows: narrow ones make more of a vector register.
trait Index: Copy + Default + From<u8> + Shl<usize, Output = Self> + BitOr<Output = Self> {
    fn index(self) -> usize;
}

impl Index for u16 {
    fn index(self) -> usize {
        usize::from(self)
    }
}

impl Index for u32 {
    fn index(self) -> usize {
        self as usize
    }
}

/// `width` neighbouring bases of a pattern, first one at `offset`.
#[derive(Clone, Copy)]
struct Term {
    offset: usize,
    width: Width,
}

#[derive(Clone, Copy)]
enum Width {
    One = 1,
    Two = 2,
    Four = 4,
}

/// The arrays of one block.
struct Blocks<T> {
    terms: Vec<Term>,
    span: usize,
    indices: [T; BLOCK],
    /// Two bases from each position on, then four.
    twos: [u8; BLOCK + MAX_SPAN],
    fours: [u8; BLOCK + MAX_SPAN],
    /// Whether a window needs an unknown base.
    skipped: [u8; BLOCK],
}

impl<T: Index> Blocks<T> {
    fn new(pattern: &Pattern) -> Self {
        Self {
            terms: terms(pattern),
            span: pattern.span(),
            indices: [T::default(); BLOCK],
            twos: [0; BLOCK + MAX_SPAN],
            fours: [0; BLOCK + MAX_SPAN],
            skipped: [0; BLOCK],
        }
    }

    /// Calls `f` with the indices of the windows of every block.
    fn each(&mut self, codes: &[u8], mut f: impl FnMut(&[T])) {
        let windows = (codes.len() + 1).saturating_sub(self.span);
        for start in (0..windows).step_by(BLOCK) {
            let windows = BLOCK.min(windows - start);
            let codes = &codes[start..start + windows + self.span - 1];
            if codes.iter().fold(0, |all, &code| all | code) < 4 {
                self.join(codes, windows);
                f(&self.indices[..windows]);
            } else {
                let kept = self.join_known(codes, windows);
                f(&self.indices[..kept]);
            }
        }
    }

    /// The indices of the windows of a block without unknown bases.
    fn join(&mut self, codes: &[u8], windows: usize) {
        if self.terms.iter().any(|t| !matches!(t.width, Width::One)) {
            // What reaches past the last base is never read.
            for (two, pair) in self.twos.iter_mut().zip(codes.windows(2)) {
                *two = pair[0] << 2 | pair[1];
            }
            let twos = &self.twos[..codes.len()];
            for (four, pair) in self.fours.iter_mut().zip(twos.windows(3)) {
                *four = pair[0] << 4 | pair[2];
            }
        }
        let indices = &mut self.indices[..windows];
        for (n, term) in self.terms.iter().enumerate() {
            let source: &[u8] = match term.width {
                Width::One => codes,
                Width::Two => &self.twos,
                Width::Four => &self.fours,
            };
            let source = &source[term.offset..term.offset + windows];
            if n == 0 {
                for (index, &part) in indices.iter_mut().zip(source) {
                    *index = T::from(part);
                }
            } else {
                let bits = 2 * term.width as usize;
                for (index, &part) in indices.iter_mut().zip(source) {
                    *index = *index << bits | T::from(part);
                }
            }
        }
    }

    /// The indices of the windows of a block that need no unknown base, moved to the front; how many there are.
    fn join_known(&mut self, codes: &[u8], windows: usize) -> usize {
        let skipped = &mut self.skipped[..windows];
        skipped.fill(0);
        for term in &self.terms {
            for offset in term.offset..term.offset + term.width as usize {
                for (skip, &code) in skipped.iter_mut().zip(&codes[offset..]) {
                    *skip |= code >> 2;
                }
            }
        }
        let mut known = [0; BLOCK + MAX_SPAN];
        let known = &mut known[..codes.len()];
        for (base, &code) in known.iter_mut().zip(codes) {
            *base = code & 3;
        }
        self.join(known, windows);
        let mut kept = 0;
        for window in 0..windows {
            self.indices[kept] = self.indices[window];
            kept += usize::from(self.skipped[window] == 0);
        }
        kept
    }
}

/// The positions that count, four, two or one neighbours at a time.
fn terms(pattern: &Pattern) -> Vec<Term> {
    let mut terms = Vec::new();
    for (mut offset, mut left) in pattern.runs() {
        while left > 0 {
            let width = match left {
                4.. => Width::Four,
                2..4 => Width::Two,
                _ => Width::One,
            };
            terms.push(Term { offset, width });
            offset += width as usize;
            left -= width as usize;
        }
    }
    terms
}
