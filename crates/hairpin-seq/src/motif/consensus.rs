//! One letter per position.

use super::frequency::FrequencyMatrix;
use crate::{Alphabet, Nucleotide, Seq};

/// IUPAC codes by the set of bases they stand for, one bit per code: bit 0 is A, 1 is C, 2 is G; 3, T or U, is filled in.
const IUPAC: &[u8; 16] = b".ACMGRSVTWYHKDBN";

impl<A: Alphabet> FrequencyMatrix<A> {
    /// The most frequent symbol of every position; of equals, the first in the order of the codes.
    pub fn consensus(&self) -> Seq<A> {
        let codes = self.rows.iter().map(|row| {
            let mut best = 0;
            for (code, &f) in row.iter().enumerate() {
                if f > row[best] {
                    best = code;
                }
            }
            best as u8
        });
        Seq::from_checked(codes.collect())
    }
}

impl<A: Nucleotide> FrequencyMatrix<A> {
    /// The consensus in IUPAC codes, by the rules of Cavener (1987, doi:10.1093/nar/15.4.1353):
    ///
    /// | the letter stands for | when |
    /// |---|---|
    /// | one base | it has more than half, and more than twice as much as the next |
    /// | two bases | together they have more than three quarters |
    /// | three bases | the fourth never occurs |
    /// | any base, `N` | otherwise |
    ///
    /// ```
    /// use hairpin_seq::motif::FrequencyMatrix;
    /// use hairpin_seq::Rna;
    ///
    /// let frequencies = vec![0.9, 0.1, 0.0, 0.0, 0.4, 0.0, 0.1, 0.5, 0.25, 0.25, 0.25, 0.25];
    /// assert_eq!(FrequencyMatrix::<Rna>::new(frequencies)?.iupac_consensus(), "AWN");
    /// # Ok::<(), hairpin_seq::SeqError>(())
    /// ```
    pub fn iupac_consensus(&self) -> String {
        let letter = |row: &[f64]| {
            let mut order = [0, 1, 2, 3];
            order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
            let f = order.map(|code| row[code]);
            let taken = if f[0] > f[1] + f[2] + f[3] && f[0] > 2.0 * f[1] {
                1
            } else if 4.0 * (f[0] + f[1]) > 3.0 * f.iter().sum::<f64>() {
                2
            } else if f[3] <= 0.0 {
                3
            } else {
                4
            };
            let set = order[..taken].iter().fold(0, |set, code| set | 1 << code);
            match IUPAC[set] {
                b'T' => char::from(A::SYMBOLS[3]),
                symbol => char::from(symbol),
            }
        };
        self.rows.iter().map(letter).collect()
    }
}
