//! Proteins as their residues, each with those around it or with a language model's vector, inside domains where those are known.

use crate::rows::Proteins;
use anyhow::{Result, ensure};
use hairpin::seq::{Alphabet, Protein, Seq};
use hairpin::train::AnnotatedSequences;
use ndarray::Array2;
use std::ops::Range;

/// Letters of a residue.
const LETTERS: usize = Protein::SYMBOLS.len();

/// What is seen of a residue beside its letter.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Beside<'a> {
    /// The letters of so many residues before and behind it.
    Window(usize),
    /// The vectors of all residues of every protein, `[residues, width]` each.
    Vectors(&'a [Array2<f32>]),
}

/// Channels of a residue with so many before and behind it.
pub(crate) fn channels_of_window(window: usize) -> usize {
    LETTERS * (1 + 2 * window)
}

/// Channels of a residue with a vector of this width.
pub(crate) fn channels_of_vector(width: usize) -> usize {
    LETTERS + width
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
    /// `[proteins, longest, width]`: of the residues before and behind each, one-hot, or its vector.
    beside: Vec<f32>,
    longest: usize,
    width: usize,
    /// None where vectors are read.
    window: Option<usize>,
}

impl Residues {
    /// Of proteins and, if known, their domains.
    pub(crate) fn new(
        proteins: &[Seq<Protein>],
        domains: Option<&[Vec<Range<usize>>]>,
        seen: Beside<'_>,
    ) -> Result<Self> {
        let inside = |(row, protein): (usize, &Seq<Protein>)| match domains {
            Some(domains) => domains[row].iter().cloned().flatten().collect(),
            None => (0..protein.len()).collect(),
        };
        let positions: Vec<Vec<usize>> = proteins.iter().enumerate().map(inside).collect();
        let longest = positions.iter().map(Vec::len).max().unwrap_or(0);
        let (width, window) = match seen {
            Beside::Window(window) => (LETTERS * 2 * window, Some(window)),
            Beside::Vectors(vectors) => (vectors.first().map_or(0, Array2::ncols), None),
        };
        let mut beside = vec![0.0; proteins.len() * longest * width];
        let mut sequences = Vec::with_capacity(proteins.len());
        for (row, (protein, positions)) in proteins.iter().zip(&positions).enumerate() {
            let codes = protein.codes();
            if let Beside::Vectors(vectors) = seen {
                let (found, expected) = (vectors[row].dim(), (codes.len(), width));
                ensure!(
                    found == expected,
                    "protein {} has vectors {found:?}, expected {expected:?}: one for each residue",
                    row + 1
                );
            }
            for (place, &position) in positions.iter().enumerate() {
                let own = &mut beside[(row * longest + place) * width..][..width];
                match seen {
                    Beside::Window(window) => one_hot_around(codes, position, window, own),
                    Beside::Vectors(vectors) => {
                        let vector = vectors[row].row(position);
                        own.iter_mut()
                            .zip(vector)
                            .for_each(|(own, &value)| *own = value);
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
            beside,
            longest,
            width,
            window,
        })
    }

    /// Ready to be read.
    pub(crate) fn dataset(&self) -> Result<AnnotatedSequences<'_, Protein>> {
        Ok(AnnotatedSequences::new(
            &self.sequences,
            &self.beside,
            self.longest,
            self.width,
        )?)
    }

    /// Where in the protein of a row its residues stand, from 0.
    pub(crate) fn positions(&self, row: usize) -> &[usize] {
        &self.positions[row]
    }

    /// Whether another protein can be read: not where that takes vectors of a language model.
    pub(crate) fn can_change(&self) -> bool {
        self.window.is_some()
    }

    /// The protein of a row with others in the place of the residues that are read; none where it [cannot change](Self::can_change).
    pub(crate) fn changed(&self, row: usize, read: &[Seq<Protein>]) -> Result<Option<Proteins>> {
        let Some(window) = self.window else {
            return Ok(None);
        };
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
        let residues = Self::new(&proteins, Some(&domains), Beside::Window(window))?;
        Ok(Some(Proteins::of_residues(residues)))
    }

    /// The residues of a row that are read.
    pub(crate) fn read(&self, row: usize) -> &Seq<Protein> {
        &self.sequences[row]
    }
}

/// The letters before and behind a position, one-hot; zeros beyond the ends.
fn one_hot_around(codes: &[u8], position: usize, window: usize, out: &mut [f32]) {
    let offsets = (-(window as isize)..=window as isize).filter(|own| *own != 0);
    for (letters, offset) in out.chunks_exact_mut(LETTERS).zip(offsets) {
        let other = position.checked_add_signed(offset);
        let code = other.and_then(|other| codes.get(other));
        if let Some(letter) = code.and_then(|&code| letters.get_mut(usize::from(code))) {
            *letter = 1.0;
        }
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
        let all = Residues::new(&proteins, None, Beside::Window(1)).unwrap();
        assert_eq!(channels_of_window(1), 60);
        // Itself, the one before it, the one behind it.
        assert_eq!(letters(&all, 0, 0), [Some(b'A'), None, Some(b'C')]);
        assert_eq!(letters(&all, 0, 2), [Some(b'D'), Some(b'C'), Some(b'E')]);
        assert_eq!(letters(&all, 1, 2), [Some(b'W'), Some(b'Y'), None]);

        let domains = [vec![0..1, 3..5], vec![0..1, 2..3]];
        let some = Residues::new(&proteins, Some(&domains), Beside::Window(1)).unwrap();
        assert_eq!(
            (some.positions(0), some.positions(1)),
            (&[0, 3, 4][..], &[0, 2][..])
        );
        assert_eq!(some.read(0).to_string(), "AEF");
        assert_eq!(letters(&some, 0, 1), [Some(b'E'), Some(b'D'), Some(b'F')]);
        assert_eq!(letters(&some, 1, 1), [Some(b'W'), Some(b'Y'), None]);
        assert_eq!(letters(&some, 1, 2), [None; 3], "padding");
    }

    #[test]
    fn a_residue_is_seen_with_its_vector() {
        let proteins: Vec<Seq<Protein>> = ["ACD", "WY"].map(|own| own.parse().unwrap()).to_vec();
        let vectors =
            [3, 2].map(|n| Array2::from_shape_fn((n, 2), |(at, to)| (at * 2 + to) as f32));
        let domains = [vec![1..2, 2..3], vec![0..0, 0..1]];
        let found = Residues::new(&proteins, Some(&domains), Beside::Vectors(&vectors)).unwrap();
        let device = DeviceKind::Flex.device().unwrap();
        let batch = found.dataset().unwrap().batch(&[0, 1], None, &device);
        assert_eq!(batch.x.dims(), [2, 2, channels_of_vector(2)]);
        let values = batch.x.into_data().try_into_vec::<f32>().unwrap();
        let beside = |row: usize, place: usize| {
            let own = &values[(row * 2 + place) * 22..][..22];
            own[20..].to_vec()
        };
        assert_eq!((beside(0, 0), beside(0, 1)), (vec![2., 3.], vec![4., 5.]));
        assert_eq!((beside(1, 0), beside(1, 1)), (vec![0., 1.], vec![0., 0.]));
        assert!(
            found
                .changed(0, &["AC".parse().unwrap()])
                .unwrap()
                .is_none()
        );
        let short = [vectors[0].clone(), vectors[0].clone()];
        let error = Residues::new(&proteins, None, Beside::Vectors(&short)).unwrap_err();
        assert!(error.to_string().contains("protein 2 has vectors (3, 2)"));
    }
}
