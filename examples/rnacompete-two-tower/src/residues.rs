//! Proteins as their residues, each with those around it, inside domains where those are known.

use crate::learn::Proteins;
use anyhow::Result;
use hairpin::seq::{Alphabet, Protein, Seq};
use hairpin::train::AnnotatedSequences;
use std::ops::Range;

/// Letters of a residue.
const LETTERS: usize = Protein::SYMBOLS.len();

/// Channels of a residue with so many before and behind it.
pub(crate) fn channels(window: usize) -> usize {
    LETTERS * (1 + 2 * window)
}

/// What a network that reads residues sees of proteins.
///
/// Attention passes over what it is not shown: a residue outside the domains is not among the rows, but those at a domain's edge see it in
/// their window.
#[derive(Debug, Clone)]
pub(crate) struct Residues {
    proteins: Vec<Seq<Protein>>,
    /// The residues that are read.
    sequences: Vec<Seq<Protein>>,
    /// Where in its protein each stands, from 0.
    positions: Vec<Vec<usize>>,
    /// `[proteins, longest, 2 window letters]`: one-hot, of the residues before and behind each.
    around: Vec<f32>,
    longest: usize,
    window: usize,
}

impl Residues {
    /// Of proteins and, if known, their domains.
    pub(crate) fn new(
        proteins: &[Seq<Protein>],
        domains: Option<&[Vec<Range<usize>>]>,
        window: usize,
    ) -> Result<Self> {
        let inside = |(row, protein): (usize, &Seq<Protein>)| match domains {
            Some(domains) => domains[row].iter().cloned().flatten().collect(),
            None => (0..protein.len()).collect(),
        };
        let positions: Vec<Vec<usize>> = proteins.iter().enumerate().map(inside).collect();
        let longest = positions.iter().map(Vec::len).max().unwrap_or(0);
        let width = LETTERS * 2 * window;
        let mut around = vec![0.0; proteins.len() * longest * width];
        let mut sequences = Vec::with_capacity(proteins.len());
        for (row, (protein, positions)) in proteins.iter().zip(&positions).enumerate() {
            let codes = protein.codes();
            for (place, &position) in positions.iter().enumerate() {
                let own = &mut around[(row * longest + place) * width..][..width];
                let offsets = (-(window as isize)..=window as isize).filter(|own| *own != 0);
                for (letters, offset) in own.chunks_exact_mut(LETTERS).zip(offsets) {
                    let other = position.checked_add_signed(offset);
                    let code = other.and_then(|other| codes.get(other));
                    if let Some(letter) = code.and_then(|&code| letters.get_mut(usize::from(code)))
                    {
                        *letter = 1.0;
                    }
                }
            }
            let read = positions.iter().map(|&position| codes[position]);
            sequences.push(Seq::from_codes(read.collect())?);
        }
        Ok(Self {
            proteins: proteins.to_vec(),
            sequences,
            positions,
            around,
            longest,
            window,
        })
    }

    /// Ready to be read.
    pub(crate) fn dataset(&self) -> Result<AnnotatedSequences<'_, Protein>> {
        let width = LETTERS * 2 * self.window;
        Ok(AnnotatedSequences::new(
            &self.sequences,
            &self.around,
            self.longest,
            width,
        )?)
    }

    /// Where in the protein of a row its residues stand, from 0.
    pub(crate) fn positions(&self, row: usize) -> &[usize] {
        &self.positions[row]
    }

    /// The protein of a row with others in the place of the residues that are read.
    pub(crate) fn changed(&self, row: usize, read: &[Seq<Protein>]) -> Result<Proteins> {
        let positions = &self.positions[row];
        let with = |read: &Seq<Protein>| {
            let mut codes = self.proteins[row].codes().to_vec();
            for (&position, &code) in positions.iter().zip(read.codes()) {
                codes[position] = code;
            }
            Seq::from_codes(codes)
        };
        let proteins = read.iter().map(with).collect::<Result<Vec<_>, _>>()?;
        let domain: Vec<Range<usize>> = positions.iter().map(|&at| at..at + 1).collect();
        let domains = vec![domain; proteins.len()];
        Ok(Proteins::of_residues(Self::new(
            &proteins,
            Some(&domains),
            self.window,
        )?))
    }

    /// The residues of a row that are read.
    pub(crate) fn read(&self, row: usize) -> &Seq<Protein> {
        &self.sequences[row]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hairpin::train::{Dataset, DeviceKind};

    #[test]
    fn a_residue_is_seen_with_its_neighbours_and_only_inside_domains() {
        let proteins: Vec<Seq<Protein>> = ["ACDEF", "WYW"].map(|own| own.parse().unwrap()).to_vec();
        let device = DeviceKind::Flex.device().unwrap();
        let letters = |residues: &Residues, row: usize, place: usize| -> Vec<Option<u8>> {
            let batch = residues.dataset().unwrap().batch(&[0, 1], None, &device);
            let [_, length, channels] = batch.x.dims();
            let values = batch.x.into_data().try_into_vec::<f32>().unwrap();
            let own = &values[(row * length + place) * channels..][..channels];
            let letter = |block: &[f32]| block.iter().position(|&value| value == 1.0);
            let letter = |block| letter(block).map(|at| Protein::SYMBOLS[at]);
            own.chunks_exact(LETTERS).map(letter).collect()
        };
        let all = Residues::new(&proteins, None, 1).unwrap();
        assert_eq!(channels(1), 60);
        // Itself, the one before it, the one behind it.
        assert_eq!(letters(&all, 0, 0), [Some(b'A'), None, Some(b'C')]);
        assert_eq!(letters(&all, 0, 2), [Some(b'D'), Some(b'C'), Some(b'E')]);
        assert_eq!(letters(&all, 1, 2), [Some(b'W'), Some(b'Y'), None]);

        let domains = [vec![0..1, 3..5], vec![0..1, 2..3]];
        let some = Residues::new(&proteins, Some(&domains), 1).unwrap();
        assert_eq!(
            (some.positions(0), some.positions(1)),
            (&[0, 3, 4][..], &[0, 2][..])
        );
        assert_eq!(some.read(0).to_string(), "AEF");
        assert_eq!(letters(&some, 0, 1), [Some(b'E'), Some(b'D'), Some(b'F')]);
        assert_eq!(letters(&some, 1, 1), [Some(b'W'), Some(b'Y'), None]);
        assert_eq!(letters(&some, 1, 2), [None; 3], "padding");
    }
}
