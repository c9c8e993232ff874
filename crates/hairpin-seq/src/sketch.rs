//! How alike two sequences are by their k-mers: Jaccard index, MinHash sketches, Mash distance.

use std::collections::BinaryHeap;
use std::collections::HashSet;

use crate::kmer::{canonical, mix};
use crate::{Alphabet, Nucleotide, Seq, SeqError};

/// The distinct k-mers of a sequence, as sorted numbers.
///
/// A k-mer is a number whose digits are the codes, in as many bits each as the alphabet needs: 2 for nucleotides (`k` up to 32), 5
/// for proteins (`k` up to 12). Windows that hold an unknown position are skipped.
///
/// ```
/// use hairpin_seq::{Dna, Seq, sketch::KmerSet};
///
/// let a = KmerSet::new(&"GATTACA".parse::<Seq<Dna>>()?, 3)?; // GAT ATT TTA TAC ACA
/// let b = KmerSet::new(&"GATTAGA".parse::<Seq<Dna>>()?, 3)?; // GAT ATT TTA TAG AGA
/// assert_eq!(a.jaccard(&b)?, 3. / 7.);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KmerSet {
    kind: Kind,
    words: Vec<u64>,
}

/// The smallest `size` hashes of the distinct k-mers of a sequence (MinHash, bottom-`size`).
///
/// ```text
/// j = |A' and B' among the size smallest of A u B| / size          an estimate of the Jaccard index, +- 1 / sqrt(size)
/// D = -1/k * ln(2 j / (1 + j))                                     the Mash distance: substitutions per position
/// ```
///
/// Ondov et al., Mash: fast genome and metagenome distance estimation using MinHash, Genome Biology 2016
/// (doi:10.1186/s13059-016-0997-x). Where both sequences have fewer than `size` distinct k-mers the index is exact. The hash is
/// [`mix`], a permutation of 64-bit numbers, not Mash's MurmurHash3: sketches of the two programs cannot be
/// compared with each other.
///
/// ```
/// use hairpin_seq::{Dna, Seq, sketch::Sketch};
///
/// let a = Sketch::new(&"GATTACAGATTACAGG".parse::<Seq<Dna>>()?, 4, 1000)?;
/// assert_eq!(a.mash_distance(&a)?, 0.);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketch {
    kind: Kind,
    size: usize,
    hashes: Vec<u64>,
}

/// What two sets must share to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind {
    alphabet: &'static str,
    k: usize,
    canonical: bool,
}

impl KmerSet {
    /// The k-mers of one strand.
    ///
    /// # Errors
    ///
    /// [`SeqError::KmerWord`] when `k` is 0 or the k-mer does not fit 64 bits.
    pub fn new<A: Alphabet>(seq: &Seq<A>, k: usize) -> Result<Self, SeqError> {
        let mut words = Vec::with_capacity((seq.len() + 1).saturating_sub(k));
        for_each_word(seq, k, |word| words.push(word))?;
        Ok(Self::of(words, Kind::of::<A>(k, false)))
    }

    /// The k-mers of both strands: of a k-mer and its reverse complement, the smaller number.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn canonical<A: Nucleotide>(seq: &Seq<A>, k: usize) -> Result<Self, SeqError> {
        let mut words = Vec::with_capacity((seq.len() + 1).saturating_sub(k));
        for_each_word(seq, k, |word| words.push(canonical(word, k)))?;
        Ok(Self::of(words, Kind::of::<A>(k, true)))
    }

    fn of(mut words: Vec<u64>, kind: Kind) -> Self {
        words.sort_unstable();
        words.dedup();
        Self { kind, words }
    }

    /// The k-mers, ascending.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// How many distinct k-mers there are.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there is no k-mer.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The Jaccard index `|A n B| / |A u B|`, 0 to 1; two empty sets are equal: 1.
    ///
    /// # Errors
    ///
    /// [`SeqError::SketchKind`] when the two are of different alphabets, `k` or strands.
    pub fn jaccard(&self, other: &Self) -> Result<f64, SeqError> {
        let shared = self.shared(other)?;
        let union = self.len() + other.len() - shared;
        Ok(share(shared, union))
    }

    /// The share of this set's k-mers that `other` has too, 0 to 1; an empty set is contained in any: 1.
    ///
    /// # Errors
    ///
    /// As for [`jaccard`](Self::jaccard).
    pub fn containment(&self, other: &Self) -> Result<f64, SeqError> {
        Ok(share(self.shared(other)?, self.len()))
    }

    fn shared(&self, other: &Self) -> Result<usize, SeqError> {
        self.kind.check(&other.kind)?;
        let mut shared = 0;
        merge(&self.words, &other.words, |in_both| {
            shared += usize::from(in_both);
            true
        });
        Ok(shared)
    }
}

impl Sketch {
    /// The sketch of one strand with at most `size` hashes.
    ///
    /// # Errors
    ///
    /// [`SeqError::KmerWord`] when `k` is 0 or the k-mer does not fit 64 bits, [`SeqError::SketchSize`] when `size` is 0.
    pub fn new<A: Alphabet>(seq: &Seq<A>, k: usize, size: usize) -> Result<Self, SeqError> {
        let mut smallest = Smallest::new(size)?;
        for_each_word(seq, k, |word| smallest.push(mix(word)))?;
        Ok(smallest.into_sketch(Kind::of::<A>(k, false)))
    }

    /// The sketch of both strands, as Mash makes it; see [`KmerSet::canonical`].
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn canonical<A: Nucleotide>(seq: &Seq<A>, k: usize, size: usize) -> Result<Self, SeqError> {
        let mut smallest = Smallest::new(size)?;
        for_each_word(seq, k, |word| smallest.push(mix(canonical(word, k))))?;
        Ok(smallest.into_sketch(Kind::of::<A>(k, true)))
    }

    /// The hashes, ascending.
    pub fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// The estimate of the Jaccard index, 0 to 1; two sketches without a hash are equal: 1.
    ///
    /// Sketches of two sizes are compared at the smaller one.
    ///
    /// # Errors
    ///
    /// [`SeqError::SketchKind`] when the two are of different alphabets, `k` or strands.
    pub fn jaccard(&self, other: &Self) -> Result<f64, SeqError> {
        self.kind.check(&other.kind)?;
        let size = self.size.min(other.size);
        let (mut shared, mut seen) = (0, 0);
        merge(&self.hashes, &other.hashes, |in_both| {
            shared += usize::from(in_both);
            seen += 1;
            seen < size
        });
        Ok(share(shared, seen))
    }

    /// The Mash distance, 0 to 1; see [`mash_distance`].
    ///
    /// # Errors
    ///
    /// As for [`jaccard`](Self::jaccard).
    pub fn mash_distance(&self, other: &Self) -> Result<f64, SeqError> {
        Ok(mash_distance(self.jaccard(other)?, self.kind.k))
    }
}

/// The Mash distance of a Jaccard index of k-mers: an estimate of the substitutions per position, at most 1.
///
/// ```text
/// D = -1/k * ln(2 j / (1 + j)), and 1 for j = 0
/// ```
///
/// ```
/// use hairpin_seq::sketch::mash_distance;
///
/// assert_eq!(mash_distance(1., 21), 0.);
/// assert!((mash_distance(0.5, 21) - 1.5_f64.ln() / 21.).abs() < 1e-15); // 2 * 0.5 / 1.5 = 2/3
/// ```
pub fn mash_distance(jaccard: f64, k: usize) -> f64 {
    if jaccard <= 0.0 {
        return 1.0;
    }
    let distance = -(2.0 * jaccard / (1.0 + jaccard)).ln() / k as f64;
    distance.clamp(0.0, 1.0)
}

impl Kind {
    fn of<A: Alphabet>(k: usize, canonical: bool) -> Self {
        Self {
            alphabet: A::NAME,
            k,
            canonical,
        }
    }

    fn check(&self, other: &Self) -> Result<(), SeqError> {
        if self == other {
            return Ok(());
        }
        let say = |kind: &Self| {
            let strands = if kind.canonical {
                "both strands"
            } else {
                "one strand"
            };
            format!("{}-mers of {}, {strands}", kind.k, kind.alphabet)
        };
        Err(SeqError::SketchKind {
            first: say(self),
            second: say(other),
        })
    }
}

/// Collects the smallest distinct hashes.
struct Smallest {
    size: usize,
    heap: BinaryHeap<u64>,
    members: HashSet<u64>,
}

impl Smallest {
    fn new(size: usize) -> Result<Self, SeqError> {
        if size == 0 {
            return Err(SeqError::SketchSize);
        }
        Ok(Self {
            size,
            heap: BinaryHeap::new(),
            members: HashSet::new(),
        })
    }

    fn push(&mut self, hash: u64) {
        let full = self.heap.len() == self.size;
        if full && self.heap.peek().is_some_and(|&largest| hash >= largest) {
            return;
        }
        if self.members.insert(hash) {
            self.heap.push(hash);
            if full && let Some(largest) = self.heap.pop() {
                self.members.remove(&largest);
            }
        }
    }

    fn into_sketch(self, kind: Kind) -> Sketch {
        Sketch {
            kind,
            size: self.size,
            hashes: self.heap.into_sorted_vec(),
        }
    }
}

/// Hands every window of `k` known positions to `take` as a number.
fn for_each_word<A: Alphabet>(
    seq: &Seq<A>,
    k: usize,
    mut take: impl FnMut(u64),
) -> Result<(), SeqError> {
    let bits = A::SYMBOLS.len().max(2).next_power_of_two().trailing_zeros() as usize;
    let max = 64 / bits;
    if !(1..=max).contains(&k) {
        return Err(SeqError::KmerWord {
            k,
            max,
            alphabet: A::NAME,
        });
    }
    let mask = u64::MAX >> (64 - k * bits);
    let (mut word, mut known) = (0, 0);
    for &code in seq.codes() {
        if code == Seq::<A>::UNKNOWN_CODE {
            known = 0;
            continue;
        }
        word = ((word << bits) | u64::from(code)) & mask;
        known += 1;
        if known >= k {
            take(word);
        }
    }
    Ok(())
}

/// Walks the union of two ascending lists, telling `next` of each member whether both have it, until it says stop.
fn merge(a: &[u64], b: &[u64], mut next: impl FnMut(bool) -> bool) {
    let (mut i, mut j) = (0, 0);
    loop {
        let in_both = match (a.get(i), b.get(j)) {
            (None, None) => return,
            (Some(x), Some(y)) if x == y => {
                i += 1;
                j += 1;
                true
            }
            (Some(x), Some(y)) if x > y => {
                j += 1;
                false
            }
            (None, Some(_)) => {
                j += 1;
                false
            }
            (Some(_), _) => {
                i += 1;
                false
            }
        };
        if !next(in_both) {
            return;
        }
    }
}

/// `part / whole`, and 1 of nothing.
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        1.0
    } else {
        part as f64 / whole as f64
    }
}
