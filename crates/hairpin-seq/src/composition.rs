//! What a sequence is made of: GC content and Shannon entropy.

use std::collections::HashMap;

use crate::NucleicAcid;
use crate::{Alphabet, Nucleotide, Seq, SeqError, kmers};

/// The share of G and C among the bases that are known, from 0 to 1; `None` when none is.
///
/// A code for several bases of [`IupacDna`](crate::IupacDna) counts as the share of its bases that are G or C: `S` as 1, `R` as 1/2. An
/// unknown base is left out of both counts.
///
/// ```
/// use hairpin_seq::{Dna, Seq, gc_content};
///
/// assert_eq!(gc_content(&"GATTACA".parse::<Seq<Dna>>()?), Some(2. / 7.));
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
pub fn gc_content<A: NucleicAcid>(seq: &Seq<A>) -> Option<f64> {
    let counts = count_codes(seq);
    // A, C, G, T have codes 0 to 3 in every alphabet of nucleic acids.
    let (mut known, mut gc) = (0.0, 0.0);
    for (code, &count) in (0..Seq::<A>::UNKNOWN_CODE).zip(&counts) {
        let own = [code];
        let bases = A::stands_for(code).unwrap_or(&own);
        let strong = bases.iter().filter(|&&base| base == 1 || base == 2).count();
        known += count as f64;
        gc += count as f64 * strong as f64 / bases.len() as f64;
    }
    (known > 0.0).then(|| gc / known)
}

/// The Shannon entropy of the symbols, in bits per position:
///
/// ```text
/// H = - sum over symbols of f log2 f         0 <= H <= log2(number of symbols)
/// ```
///
/// `f` is the frequency of the symbol among the known positions (Shannon 1948, doi:10.1002/j.1538-7305.1948.tb01338.x); 0 when there is
/// none.
///
/// ```
/// use hairpin_seq::{Dna, Seq, shannon_entropy};
///
/// assert_eq!(shannon_entropy(&"ACGT".parse::<Seq<Dna>>()?), 2.0);
/// assert_eq!(shannon_entropy(&"AAAA".parse::<Seq<Dna>>()?), 0.0);
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
pub fn shannon_entropy<A: Alphabet>(seq: &Seq<A>) -> f64 {
    let counts = count_codes(seq);
    entropy(counts[..A::SYMBOLS.len()].iter().copied())
}

/// The Shannon entropy of the overlapping k-mers, in bits per k-mer: from 0 to `2k`.
///
/// Low where a short motif repeats itself though all bases are there: `ACACACAC` has two dinucleotides. Windows over an unknown base are
/// left out.
///
/// # Errors
///
/// [`SeqError::KmerLength`] when `k` is not in `1..=12`.
pub fn kmer_entropy<A: Nucleotide>(seq: &Seq<A>, k: usize) -> Result<f64, SeqError> {
    if !(1..=crate::kmer::MAX_K).contains(&k) {
        return Err(SeqError::KmerLength { k });
    }
    let mut counts: HashMap<usize, usize> = HashMap::new();
    for index in kmers(seq, k) {
        *counts.entry(index).or_default() += 1;
    }
    // In an order of their own, so that the sum is the same every time.
    let mut counts: Vec<usize> = counts.into_values().collect();
    counts.sort_unstable();
    Ok(entropy(counts.into_iter()))
}

/// The [Shannon entropy](shannon_entropy) of every window of `window` positions, from left to right: `len - window + 1` values, none when
/// the sequence is shorter.
///
/// # Errors
///
/// [`SeqError::Setting`] when `window` is 0.
pub fn windowed_entropy<A: Alphabet>(seq: &Seq<A>, window: usize) -> Result<Vec<f64>, SeqError> {
    if window == 0 {
        return Err(SeqError::Setting {
            name: "window",
            value: window.to_string(),
            expected: "1 or more",
        });
    }
    let codes = seq.codes();
    if codes.len() < window {
        return Ok(Vec::new());
    }
    let mut counts = [0; 256];
    for &code in &codes[..window] {
        counts[usize::from(code)] += 1;
    }
    let symbols = A::SYMBOLS.len();
    let mut entropies = vec![entropy(counts[..symbols].iter().copied())];
    for (&old, &new) in codes.iter().zip(&codes[window..]) {
        counts[usize::from(old)] -= 1;
        counts[usize::from(new)] += 1;
        entropies.push(entropy(counts[..symbols].iter().copied()));
    }
    Ok(entropies)
}

fn count_codes<A: Alphabet>(seq: &Seq<A>) -> [usize; 256] {
    let mut counts = [0; 256];
    for &code in seq.codes() {
        counts[usize::from(code)] += 1;
    }
    counts
}

/// In bits.
fn entropy(counts: impl Iterator<Item = usize> + Clone) -> f64 {
    let total: usize = counts.clone().sum();
    let total = total as f64;
    let bits: f64 = counts
        .filter(|&count| count > 0)
        .map(|count| count as f64 / total * (total / count as f64).log2())
        .sum();
    bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ambiguous, Dna, IupacDna, Policy, Protein};

    fn lenient<A: Alphabet>(text: &str) -> Seq<A> {
        let policy = Policy {
            ambiguous: Ambiguous::Unknown,
            ..Policy::default()
        };
        Seq::parse(text, policy).expect("valid")
    }

    #[test]
    fn gc_on_paper() {
        assert_eq!(gc_content(&lenient::<Dna>("GGCNNA")), Some(0.75));
        assert_eq!(gc_content(&lenient::<Dna>("NN")), None);
        assert_eq!(gc_content(&lenient::<Dna>("")), None);
        // S is G or C; R half; W none; B two of three; N left out.
        let iupac = gc_content(&lenient::<IupacDna>("SRWBN")).expect("four are known");
        assert!((iupac - (1.0 + 0.5 + 0.0 + 2.0 / 3.0) / 4.0).abs() < 1e-15);
    }

    #[test]
    fn entropy_on_paper() {
        assert_eq!(shannon_entropy(&lenient::<Dna>("AACC")), 1.0);
        assert_eq!(shannon_entropy(&lenient::<Dna>("AANN")), 0.0);
        assert_eq!(shannon_entropy(&lenient::<Dna>("")), 0.0);
        let all = shannon_entropy(&lenient::<Protein>("ACDEFGHIKLMNPQRSTVWY"));
        assert!((all - 20_f64.log2()).abs() < 1e-12);
        // AC x 4, CA x 3.
        let expected = 4.0 / 7.0 * (7_f64 / 4.0).log2() + 3.0 / 7.0 * (7_f64 / 3.0).log2();
        let found = kmer_entropy(&lenient::<Dna>("ACACACAC"), 2).expect("in range");
        assert!((found - expected).abs() < 1e-12);
        assert_eq!(
            kmer_entropy(&lenient::<Dna>("A"), 13),
            Err(SeqError::KmerLength { k: 13 })
        );
    }

    #[test]
    fn windows_are_those_of_slices() {
        let seq = lenient::<Dna>("ACGTNNAAATACCCAG");
        for window in 1..=seq.len() {
            let entropies = windowed_entropy(&seq, window).expect("in range");
            assert_eq!(entropies.len(), seq.len() - window + 1);
            for (start, &entropy) in entropies.iter().enumerate() {
                assert_eq!(entropy, shannon_entropy(&seq.slice(start..start + window)));
            }
        }
        assert_eq!(windowed_entropy(&seq, 17), Ok(Vec::new()));
        assert!(windowed_entropy(&seq, 0).is_err());
    }
}
