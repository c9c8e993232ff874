//! Proteins and probes of one side of a division, as networks read them.

use crate::data::{Material, Side};
use crate::networks::Networks;
use crate::proteins::{self, ProteinVectors, Source};
use crate::residues::{Beside, Residues};
use crate::settings::{Reads, Settings};
use crate::structure::Structure;
use anyhow::{Context, Result};
use hairpin::seq::{Protein, Rna, Seq};
use hairpin::tasks::embeddings::{Embeddings, ResidueEmbeddings, sequence_id};
use hairpin::train::{AnnotatedSequences, Device, PairVectors};
use ndarray::{Array2, Axis};
use std::ops::Range;
use std::path::Path;

/// Vectors of proteins as they come from their source.
pub(crate) enum Raw {
    /// One for each, `[proteins, width]`; without columns where the source is the sequence.
    Proteins(Array2<f32>),
    /// One for each residue of each, `[residues, width]`.
    Residues(Vec<Array2<f32>>),
}

impl Raw {
    /// Of a file, with the hash of the weights that made them; `expected` are the width and the weights that a model was trained with.
    pub(crate) fn read(
        path: &Path,
        proteins: &[Seq<Protein>],
        of_residues: bool,
        expected: Option<(usize, &str)>,
    ) -> Result<(Self, String)> {
        let ids = proteins.iter().map(sequence_id);
        if of_residues {
            let found = ResidueEmbeddings::read(path)?;
            if let Some((width, weights)) = expected {
                found.check(path, width, weights)?;
            }
            let ids: Vec<_> = ids.zip(proteins.iter().map(Seq::len)).collect();
            let vectors = Self::Residues(found.of(path, &ids)?);
            return Ok((vectors, found.weights().to_owned()));
        }
        let found = Embeddings::read(path)?;
        if let Some((width, weights)) = expected {
            found.check(path, width, weights)?;
        }
        let vectors = Self::Proteins(found.rows(path, &ids.collect::<Vec<_>>())?);
        Ok((vectors, found.weights().to_owned()))
    }

    /// Those of some proteins, by row.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        match self {
            Self::Proteins(vectors) => Self::Proteins(vectors.select(Axis(0), rows)),
            Self::Residues(vectors) => {
                Self::Residues(rows.iter().map(|&row| vectors[row].clone()).collect())
            }
        }
    }
}

/// Proteins as a network reads them.
pub(crate) struct Proteins {
    /// `[proteins, width]`; without columns where residues are read.
    pub(crate) vectors: Array2<f32>,
    pub(crate) residues: Option<Residues>,
}

impl Proteins {
    /// `raw` are their vectors as they come from the source.
    pub(crate) fn new(
        learned: &ProteinVectors,
        raw: Raw,
        sequences: Option<&[Seq<Protein>]>,
        domains: Option<&[Vec<Range<usize>>]>,
    ) -> Result<Self> {
        let of_residues = |beside| {
            let sequences = sequences.context("residues are read of sequences")?;
            anyhow::Ok(Self::of_residues(Residues::new(
                sequences, domains, beside,
            )?))
        };
        match (&learned.source, raw) {
            (&Source::Residues { window }, _) => of_residues(Beside::Window(window)),
            (_, Raw::Residues(vectors)) => {
                of_residues(Beside::Vectors(&learned.read_residues(vectors)?))
            }
            (_, Raw::Proteins(vectors)) => Ok(Self {
                vectors: learned.read(vectors, sequences)?,
                residues: None,
            }),
        }
    }

    /// Proteins of which nothing but residues is read.
    pub(crate) fn of_residues(residues: Residues) -> Self {
        Self {
            vectors: Array2::zeros((0, 0)),
            residues: Some(residues),
        }
    }

    pub(crate) fn residues(&self) -> Result<&Residues> {
        let residues = self.residues.as_ref();
        residues.context("a network of residues is shown residues")
    }
}

/// Raw vectors of all proteins of a material: embeddings with the hash of their weights if given, or what the settings say, or each its own
/// place.
pub(crate) fn vectors(
    material: &Material,
    embeddings: Option<(Raw, String)>,
    settings: &Settings,
) -> Result<(Source, Raw)> {
    let n = material.intensities.n_columns();
    let Some(sequences) = &material.proteins else {
        return Ok((Source::Columns, Raw::Proteins(proteins::columns(n))));
    };
    let nothing = || Raw::Proteins(proteins::nothing(n));
    let lags = settings.proteins.lags;
    Ok(match (embeddings, settings.proteins.reads) {
        (Some((raw @ Raw::Proteins(_), weights)), _) => (Source::Embeddings { weights }, raw),
        (Some((raw, weights)), _) => (Source::ResidueEmbeddings { weights }, raw),
        (None, Reads::Kin) => (Source::Kin, nothing()),
        (None, Reads::Residues) => {
            let window = settings.proteins.window;
            (Source::Residues { window }, nothing())
        }
        (None, Reads::Features) => {
            let features = proteins::peptides(sequences, lags)?;
            (Source::Peptides { lags }, Raw::Proteins(features))
        }
    })
}

/// One side of a division as the network reads it.
pub(crate) struct Rows {
    pub(crate) proteins: Proteins,
    /// Their vectors by their neighbours alone.
    pub(crate) without_themselves: Option<Array2<f32>>,
    probes: Vec<Seq<Rna>>,
    structure: Vec<f32>,
    length: usize,
    channels: usize,
}

impl Rows {
    /// `raw` are the vectors of all proteins as they come from their source.
    pub(crate) fn new(
        material: &Material,
        structure: &Structure,
        (vectors, raw): (&ProteinVectors, &Raw),
        side: &Side,
    ) -> Result<Self> {
        let probes = side.probes.iter().map(|&row| material.probes[row].clone());
        let raw = raw.select(&side.proteins);
        let proteins = material.sequences(&side.proteins);
        let without_themselves = match &raw {
            Raw::Proteins(raw) => {
                vectors.read_without_themselves(raw.clone(), proteins.as_deref())?
            }
            Raw::Residues(_) => None,
        };
        Ok(Self {
            without_themselves,
            proteins: Proteins::new(
                vectors,
                raw,
                proteins.as_deref(),
                material.domains(&side.proteins).as_deref(),
            )?,
            probes: probes.collect(),
            structure: structure.select(&side.probes),
            length: structure.length,
            channels: structure.channels,
        })
    }

    /// One of the probes.
    pub(crate) fn probe(&self, row: usize) -> &Seq<Rna> {
        &self.probes[row]
    }

    /// What the networks say of one of the proteins and other probes, folded for it.
    pub(crate) fn scores(
        &self,
        networks: &Networks,
        protein: usize,
        probes: &[Seq<Rna>],
        device: &Device,
    ) -> Result<Vec<f32>> {
        let structure = match self.channels {
            0 => Structure::none(probes),
            _ => Structure::fold(probes)?,
        };
        let (length, channels) = (structure.length, structure.channels);
        let probes = AnnotatedSequences::new(probes, &structure.values, length, channels)?;
        let pairs = PairVectors::mean(networks.pairs(&self.proteins, &probes, device)?);
        Ok(pairs.scores(protein..protein + 1).into_iter().collect())
    }

    /// What the networks say of one of the probes and other proteins, of which residues are read.
    pub(crate) fn scores_of_proteins(
        &self,
        networks: &Networks,
        probe: usize,
        proteins: &Proteins,
        device: &Device,
    ) -> Result<Vec<f32>> {
        let width = self.length * self.channels;
        let structure = &self.structure[probe * width..][..width];
        let probes = &self.probes[probe..=probe];
        let probes = AnnotatedSequences::new(probes, structure, self.length, self.channels)?;
        let pairs = PairVectors::mean(networks.pairs(proteins, &probes, device)?);
        Ok(pairs.scores(0..pairs.n_proteins()).into_iter().collect())
    }

    pub(crate) fn probes(&self) -> Result<AnnotatedSequences<'_, Rna>> {
        let (structure, length) = (&self.structure, self.length);
        Ok(AnnotatedSequences::new(
            &self.probes,
            structure,
            length,
            self.channels,
        )?)
    }
}
