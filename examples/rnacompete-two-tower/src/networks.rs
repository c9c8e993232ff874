//! Trained networks that answer together: every pair of some proteins and probes.

use crate::learn::Fitted;
use crate::residues::Residues;
use crate::rows::{Proteins, Rows};
use anyhow::Result;
use hairpin::models::{ResidueTowers, TwoTower};
use hairpin::seq::Rna;
use hairpin::targets::TargetMatrix;
use hairpin::train::history::History;
use hairpin::train::{AnnotatedSequences, Dataset, Device, Member, PairVectors, Vectors};
use ndarray::Array2;

/// Probes that go through the tower at once where nothing is learned.
pub(crate) const BATCH: usize = 512;

/// Proteins whose residues are read at once: few enough that long ones fit into memory.
const PIECE: usize = 16;

/// A network, by what it reads of a protein.
pub(crate) enum Network {
    /// A vector.
    Vectors(Box<TwoTower>),
    /// Its residues.
    Residues(Box<ResidueTowers>),
}

impl Network {
    pub(crate) fn towers(&self) -> &TwoTower {
        match self {
            Self::Vectors(towers) => towers,
            Self::Residues(model) => &model.towers,
        }
    }

    /// What goes into the protein's tower: the vectors of these proteins, or those that are made of their residues.
    pub(crate) fn vectors(&self, proteins: &Proteins, device: &Device) -> Result<Vectors> {
        let Self::Residues(model) = self else {
            return Ok(Vectors::new(proteins.vectors.clone()));
        };
        let residues = proteins.residues()?;
        let dataset = residues.dataset()?;
        let every: Vec<usize> = (0..dataset.len()).collect();
        let mut values = Vec::new();
        for rows in every.chunks(PIECE) {
            let batch = dataset.batch(rows, None, device);
            let vectors = model.residues.forward(&batch, None);
            values.extend(vectors.into_data().iter::<f32>());
        }
        let width = values.len() / dataset.len().max(1);
        Ok(Vectors::new(Array2::from_shape_vec(
            (dataset.len(), width),
            values,
        )?))
    }
}

/// Networks of one kind that answer together, by their mean.
pub(crate) struct Networks(pub(crate) Vec<Network>);

impl Networks {
    pub(crate) fn of(fitted: Vec<Fitted>) -> (Self, Vec<Member>, Vec<History>) {
        let mut parts = (Vec::new(), Vec::new(), Vec::new());
        for own in fitted {
            parts.0.push(own.network);
            parts.1.push(own.member);
            parts.2.push(own.history);
        }
        (Self(parts.0), parts.1, parts.2)
    }

    /// Proteins and probes in the space of the head, of each network.
    pub(crate) fn pairs(
        &self,
        proteins: &Proteins,
        probes: &AnnotatedSequences<'_, Rna>,
        device: &Device,
    ) -> Result<Vec<PairVectors>> {
        let read = |network: &Network| {
            let proteins = network.vectors(proteins, device)?;
            let towers = network.towers();
            let pairs = PairVectors::new(towers, &proteins, probes, BATCH, device, |_, _| ());
            anyhow::Ok(pairs?)
        };
        self.0.iter().map(read).collect()
    }

    /// How much each residue of a protein that is read counts, the mean over the networks.
    pub(crate) fn attention(
        &self,
        residues: &Residues,
        row: usize,
        device: &Device,
    ) -> Result<Vec<f32>> {
        let batch = residues.dataset()?.batch(&[row], None, device);
        let mut mean = vec![0.0; residues.positions(row).len()];
        for network in &self.0 {
            if let Network::Residues(model) = network {
                let weights = model.residues.weights(&batch, None).into_data();
                for (sum, weight) in mean.iter_mut().zip(weights.iter::<f32>()) {
                    *sum += weight / self.0.len() as f32;
                }
            }
        }
        Ok(mean)
    }
}

/// What networks say of every pair of a side, `[probes, proteins]`: their mean and, of several, each of them.
pub(crate) fn answers(
    networks: &Networks,
    rows: &Rows,
    names: &[String],
    device: &Device,
) -> Result<(TargetMatrix, Vec<TargetMatrix>)> {
    let pairs = networks.pairs(&rows.proteins, &rows.probes()?, device)?;
    let scores = |pairs: &PairVectors| {
        TargetMatrix::new(pairs.scores(0..pairs.n_proteins()), names.to_vec())
    };
    let each = match pairs.len() {
        1 => Vec::new(),
        _ => pairs.iter().map(scores).collect::<Result<_, _>>()?,
    };
    Ok((scores(&PairVectors::mean(pairs))?, each))
}
