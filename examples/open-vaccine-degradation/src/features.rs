//! What the network reads of a molecule: its bases, its structure, and how it folds in the ensemble.

use crate::settings::FeatureConfig;
use anyhow::{Context, Result};
use hairpin::fold::{self, Beam, Folder, LoopContext, Workspace};
use hairpin::seq::structure::{LoopType, Structure, loop_types};
use hairpin::seq::{Encode, OneHot, Rna, Seq, SeqError};
use hairpin::tasks::open_vaccine::Molecule;
use hairpin::train::PerBaseFeatures;
use ndarray::{Array2, Array3, ArrayViewMut2, s};
use rayon::prelude::*;

/// Longer molecules are folded by a beam.
const EXACT: usize = 1500;

/// Bases | structure | loop types, all of the given structure: what can be hidden and filled in.
const OF_STRUCTURE: usize = 4 + Structure::CHANNELS + LoopType::ALL.len();

impl FeatureConfig {
    /// Kinds of pair matrices.
    pub(crate) const PAIRS: usize = 3;

    /// Features of a base.
    pub(crate) fn channels(&self) -> usize {
        let given = |on: bool, channels| if on { channels } else { 0 };
        4 + given(self.structure, Structure::CHANNELS)
            + given(self.loops, LoopType::ALL.len())
            + given(self.contexts, LoopContext::COUNT + 1)
    }
}

/// A molecule with the structure that a network is shown.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(crate) sequence: &'a Seq<Rna>,
    pub(crate) structure: &'a Structure,
    pub(crate) loops: &'a [LoopType],
}

impl<'a> From<&'a Molecule> for Shown<'a> {
    fn from(molecule: &'a Molecule) -> Self {
        Self {
            sequence: &molecule.sequence,
            structure: &molecule.structure,
            loops: &molecule.loops,
        }
    }
}

/// Features of molecules, and of the same molecules under other structures.
pub(crate) struct Encoded {
    pub(crate) molecules: Vec<PerBaseFeatures>,
    pub(crate) alternatives: Vec<Vec<PerBaseFeatures>>,
}

/// Folds and encodes.
pub(crate) struct Encoder {
    config: FeatureConfig,
    folder: Folder,
    beam: Beam,
}

/// What folding says of a molecule.
struct Ensemble {
    /// `[length, 5]`.
    contexts: Vec<f32>,
    /// With their probabilities, positions from 0.
    pairs: Vec<(usize, usize, f64)>,
    samples: Vec<fold::Structure>,
}

impl Encoder {
    pub(crate) fn new(config: FeatureConfig) -> Result<Self> {
        Ok(Self {
            config,
            folder: Folder::turner_2004(fold::Settings::default())?,
            beam: Beam::new(100)?,
        })
    }

    /// Features of every molecule, and of each under `samples` structures that are drawn from its ensemble.
    pub(crate) fn encode(
        &self,
        molecules: &[Shown<'_>],
        samples: usize,
        seed: u64,
    ) -> Result<Encoded> {
        let all = molecules
            .par_iter()
            .enumerate()
            .map_init(Workspace::default, |workspace, (row, &molecule)| {
                let seed = seed.wrapping_add(row as u64);
                let ensemble = self
                    .ensemble(workspace, molecule.sequence, samples, seed)
                    .with_context(|| format!("molecule {} cannot be folded", row + 1))?;
                let own = self.features(molecule, &ensemble);
                let other = |sample: &fold::Structure| {
                    let structure = read(sample)?;
                    let loops = loop_types(&structure);
                    Ok(self.features(
                        Shown {
                            structure: &structure,
                            loops: &loops,
                            ..molecule
                        },
                        &ensemble,
                    ))
                };
                let others: Result<Vec<_>> = ensemble.samples.iter().map(other).collect();
                Ok((own, others?))
            })
            .collect::<Result<Vec<_>>>()?;
        let (molecules, alternatives) = all.into_iter().unzip();
        Ok(Encoded {
            molecules,
            alternatives,
        })
    }

    /// The structure of least free energy of a molecule that comes without one.
    pub(crate) fn structure(&self, sequence: &Seq<Rna>) -> Result<(Structure, Vec<LoopType>)> {
        let text = sequence.to_string();
        let found = self
            .folder
            .mfe(&mut Workspace::default(), text.as_bytes())?;
        let structure = read(found.structure())?;
        let loops = loop_types(&structure);
        Ok((structure, loops))
    }

    fn ensemble(
        &self,
        workspace: &mut Workspace,
        sequence: &Seq<Rna>,
        samples: usize,
        seed: u64,
    ) -> Result<Ensemble> {
        let FeatureConfig {
            contexts, pairs, ..
        } = self.config;
        let mut found = Ensemble {
            contexts: vec![0.0; sequence.len() * LoopContext::COUNT],
            pairs: Vec::new(),
            samples: Vec::new(),
        };
        if !contexts && !pairs && samples == 0 {
            return Ok(found);
        }
        let text = sequence.to_string();
        if text.len() > EXACT {
            let beam = self.folder.beam(text.as_bytes(), &self.beam)?;
            beam.probabilities().contexts_into(&mut found.contexts);
            found.pairs = from_0(beam.probabilities().pairs().iter().copied());
            return Ok(found);
        }
        let ensemble = self.folder.ensemble(workspace, text.as_bytes())?;
        ensemble.contexts_into(&mut found.contexts);
        found.pairs = from_0(ensemble.pairs());
        if samples > 0 {
            found.samples = ensemble.sample(seed, samples)?;
        }
        Ok(found)
    }

    fn features(&self, molecule: Shown<'_>, ensemble: &Ensemble) -> PerBaseFeatures {
        let length = molecule.sequence.len();
        let mut x = Array2::zeros((length, self.config.channels()));
        let mut columns = Columns {
            x: x.view_mut(),
            at: 0,
        };
        columns.put(&OneHot::default().encode(molecule.sequence), 4);
        if self.config.structure {
            let mut rows = vec![0.0; length * Structure::CHANNELS];
            molecule.structure.one_hot_into(&mut rows);
            columns.put(&rows, Structure::CHANNELS);
        }
        if self.config.loops {
            let mut rows = vec![0.0; length * LoopType::ALL.len()];
            LoopType::one_hot_into(molecule.loops, &mut rows);
            columns.put(&rows, LoopType::ALL.len());
        }
        if self.config.contexts {
            columns.put(&ensemble.contexts, LoopContext::COUNT);
            let mut likeliest = vec![0f32; length];
            for &(i, j, probability) in &ensemble.pairs {
                for base in [i, j] {
                    likeliest[base] = likeliest[base].max(probability as f32);
                }
            }
            columns.put(&likeliest, 1);
        }
        let features = PerBaseFeatures::new(x);
        match self.config.pairs {
            true => features.with_pairs(of_pairs(molecule.structure, ensemble)),
            false => features,
        }
    }
}

/// A structure with positions from 0, as features count them; folding counts from 1.
fn read(folded: &fold::Structure) -> Result<Structure, SeqError> {
    let pairs = folded.pairs().map(|(i, j)| (i - 1, j - 1));
    Structure::from_pairs(folded.len(), pairs)
}

fn from_0(pairs: impl Iterator<Item = (usize, usize, f64)>) -> Vec<(usize, usize, f64)> {
    pairs.map(|(i, j, p)| (i - 1, j - 1, p)).collect()
}

/// The channels of a matrix, filled from the left.
struct Columns<'a> {
    x: ArrayViewMut2<'a, f32>,
    at: usize,
}

impl Columns<'_> {
    fn put(&mut self, rows: &[f32], channels: usize) {
        let mut out = self.x.slice_mut(s![.., self.at..self.at + channels]);
        out.iter_mut().zip(rows).for_each(|(out, &own)| *out = own);
        self.at += channels;
    }
}

/// `[3, length, length]`: probability of the pair, `1 / (1 + steps on the structure)`, `1 / (1 + |i - j|)`.
fn of_pairs(structure: &Structure, ensemble: &Ensemble) -> Array3<f32> {
    let length = structure.len();
    let mut pairs = Array3::zeros((FeatureConfig::PAIRS, length, length));
    for &(i, j, probability) in &ensemble.pairs {
        pairs[[0, i, j]] = probability as f32;
        pairs[[0, j, i]] = probability as f32;
    }
    let mut steps = vec![0.0; length * length];
    structure.distances_into(&mut steps);
    for (at, &steps) in steps.iter().enumerate() {
        let (i, j) = (at / length, at % length);
        pairs[[1, i, j]] = 1.0 / (1.0 + steps);
        pairs[[2, i, j]] = 1.0 / (1.0 + i.abs_diff(j) as f32);
    }
    pairs
}

/// What a pre-trained network is to fill in: the channels of bases, structure and loop types, where they are shown.
pub(crate) fn to_fill_in(features: &PerBaseFeatures) -> Array2<f32> {
    let channels = features.x.ncols().min(OF_STRUCTURE);
    features.x.slice(s![.., ..channels]).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn a_hairpin_channel_by_channel() {
        let config = Settings::default().features;
        let encoder = Encoder::new(config.clone()).unwrap();
        let sequence: Seq<Rna> = "GGGGAAAACCCC".parse().unwrap();
        let (structure, loops) = encoder.structure(&sequence).unwrap();
        assert_eq!(structure.to_dot_bracket().unwrap(), "((((....))))");
        let shown = Shown {
            sequence: &sequence,
            structure: &structure,
            loops: &loops,
        };
        let Encoded {
            molecules,
            alternatives,
        } = encoder.encode(&[shown], 2, 1).unwrap();
        let x = &molecules[0].x;
        assert_eq!(x.dim(), (12, config.channels()));
        // G, opens; the sixth is an unpaired A in a hairpin, which the ensemble says as well.
        assert_eq!(x.slice(s![0, ..7]).to_vec(), [0., 0., 1., 0., 1., 0., 0.]);
        assert_eq!(x.slice(s![5, ..7]).to_vec(), [1., 0., 0., 0., 0., 0., 1.]);
        assert_eq!(x.slice(s![5, 7..14]).sum(), 1.0);
        let likely = [x[[1, 14]], x[[5, 15]], x[[1, 19]]];
        assert!(likely.iter().all(|own| *own > 0.6), "{likely:?}");
        let pairs = molecules[0].pairs.as_ref().unwrap();
        assert!(pairs[[0, 1, 10]] > 0.6 && pairs[[0, 10, 1]] > 0.6);
        assert_eq!((pairs[[1, 0, 11]], pairs[[1, 0, 10]]), (0.5, 1.0 / 3.0));
        assert_eq!(pairs[[2, 0, 11]], 1.0 / 12.0);
        assert_eq!(alternatives[0].len(), 2);
        assert_eq!(to_fill_in(&molecules[0]).dim(), (12, 14));

        let plain = FeatureConfig {
            structure: false,
            loops: false,
            contexts: false,
            pairs: false,
        };
        let encoder = Encoder::new(plain).unwrap();
        let own = &encoder.encode(&[shown], 0, 1).unwrap().molecules[0];
        assert_eq!(own.x.dim(), (12, 4));
        assert!(own.pairs.is_none());
    }
}
