//! Controls that know a sequence from its nearest neighbours, by alignment or by features, and features as controls of sequences.

use std::fmt;

use hairpin_seq::align::{Aligner, Per};
use hairpin_seq::{Alphabet, Encode, Seq};
use ndarray::Array2;

use super::neighbours::{FittedNeighbours, Neighbours};
use super::regressor::{Regressor, check_finite};
use crate::{TargetError, TargetMatrix};

/// The features of sequences, `[seqs.len(), channels]`, by an encoder that writes one position.
///
/// # Panics
///
/// If the encoder writes another number of positions.
///
/// ```
/// use hairpin_seq::protein::{GappedKmers, Residues};
/// use hairpin_seq::{Protein, Seq};
/// use hairpin_targets::control::features;
///
/// let proteins: Vec<Seq<Protein>> = vec!["MKVLA".parse()?, "MPLRN".parse()?];
/// assert_eq!(features(&GappedKmers::triples(Residues::Seven), &proteins).dim(), (2, 1029));
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
pub fn features<A: Alphabet>(encoder: &impl Encode<A>, seqs: &[Seq<A>]) -> Array2<f32> {
    let mut features = Array2::zeros((seqs.len(), encoder.channels()));
    for (mut row, seq) in features.rows_mut().into_iter().zip(seqs) {
        if let Some(row) = row.as_slice_mut() {
            encoder.encode_into(seq, row);
        }
    }
    features
}

/// A control of features as a control of sequences: an encoder before it.
///
/// So all controls of unseen proteins have one shape, whether they know sequences, k-mers or vectors of a language model:
///
/// ```
/// use hairpin_seq::align::{Aligner, Ends, Per, Scoring};
/// use hairpin_seq::protein::{GappedKmers, Residues};
/// use hairpin_seq::{Protein, Seq};
/// use hairpin_targets::TargetMatrix;
/// use hairpin_targets::control::{ColumnAverage, Encoded, NeighbourCosine, NeighbourIdentity, Neighbours, Regressor, features};
/// use ndarray::array;
///
/// let proteins: Vec<Seq<Protein>> = vec!["MKVLAGHE".parse()?, "MKVLAGHD".parse()?, "WWPRTWPR".parse()?];
/// let probes = ["UGCAUG", "ACUAAC", "GGGGGG"].map(str::to_string).to_vec();
/// let profiles = TargetMatrix::new(array![[9., 1., 0.], [7., 1., 0.], [0., 0., 5.]], probes)?;
///
/// let nearest = Neighbours::new(1);
/// let kmers = GappedKmers::triples(Residues::Twenty);
/// let aligner = Aligner::new(Scoring::blosum62()).with_ends(Ends::Free);
/// let controls: Vec<Box<dyn Regressor<[Seq<Protein>]>>> = vec![
///     Box::new(ColumnAverage::MEAN.fit(&profiles)?),
///     Box::new(NeighbourIdentity::new(nearest, aligner, Per::Shorter).fit(&proteins, &profiles)?),
///     Box::new(Encoded::new("gapped 3-mers", kmers.clone(), NeighbourCosine::new(nearest).fit(&features(&kmers, &proteins), &profiles)?)),
/// ];
/// let asked: Vec<Seq<Protein>> = vec!["MKVLAGHEE".parse()?];
/// let first: Vec<f32> = controls.iter().map(|c| c.predict(&asked[..]).unwrap().values()[[0, 0]]).collect();
/// assert_eq!(first, [16. / 3., 9., 9.]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded<E, R> {
    features: String,
    encoder: E,
    control: R,
}

impl<E, R> Encoded<E, R> {
    /// `features` is what to call the encoder's features in a table.
    pub fn new(features: &str, encoder: E, control: R) -> Self {
        Self {
            features: features.to_owned(),
            encoder,
            control,
        }
    }

    /// The control behind the encoder.
    pub fn control(&self) -> &R {
        &self.control
    }
}

impl<A: Alphabet, E: Encode<A>, R: Regressor<Array2<f32>>> Regressor<[Seq<A>]> for Encoded<E, R> {
    fn name(&self) -> String {
        format!("{} on {}", self.control.name(), self.features)
    }

    fn predict(&self, seqs: &[Seq<A>]) -> Result<TargetMatrix, TargetError> {
        self.control.predict(&features(&self.encoder, seqs))
    }
}

/// [`Neighbours`] by the identity of the best alignment; of equally near ones the first.
///
/// | name | default | meaning |
/// |---|---|---|
/// | `neighbours` | required | how many are asked, and how they are weighted ([`Neighbours`]) |
/// | `aligner` | required | scoring, ends, and a band if wanted ([`Aligner`]) |
/// | `per` | required | what identity is the share of ([`Per`]) |
///
/// With free ends and [`Per::Shorter`], a domain finds the protein that holds it. Every asked sequence is aligned with every training one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeighbourIdentity<A> {
    neighbours: Neighbours,
    aligner: Aligner<A>,
    per: Per,
}

type Distance<A> = Box<dyn Fn(&Seq<A>, &Seq<A>) -> f64 + Send + Sync>;

impl<A: Alphabet> NeighbourIdentity<A> {
    /// Asks neighbours by identity; the settings are checked by [`fit`](Self::fit).
    pub fn new(neighbours: Neighbours, aligner: Aligner<A>, per: Per) -> Self {
        Self {
            neighbours,
            aligner,
            per,
        }
    }

    /// Keeps the training sequences and their targets.
    ///
    /// # Errors
    ///
    /// For the reasons of [`Neighbours::fit`].
    pub fn fit(
        &self,
        train: &[Seq<A>],
        targets: &TargetMatrix,
    ) -> Result<FittedNeighbourIdentity<A>, TargetError> {
        let (aligner, per) = (self.aligner.clone(), self.per);
        // What is too long to be aligned is farther than any, and refused where that is known.
        let distance: Distance<A> = Box::new(move |a, b| {
            aligner
                .align(a, b)
                .map_or(f64::NAN, |alignment| 1.0 - alignment.identity(per))
        });
        Ok(FittedNeighbourIdentity {
            neighbours: self.neighbours.fit(train.to_vec(), targets, distance)?,
        })
    }
}

/// [`NeighbourIdentity`] that has seen its training rows.
pub struct FittedNeighbourIdentity<A> {
    neighbours: FittedNeighbours<Seq<A>, Distance<A>>,
}

impl<A> fmt::Debug for FittedNeighbourIdentity<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FittedNeighbourIdentity")
            .finish_non_exhaustive()
    }
}

impl<A: Alphabet> Regressor<[Seq<A>]> for FittedNeighbourIdentity<A> {
    fn name(&self) -> String {
        let name = Regressor::<[Seq<A>]>::name(&self.neighbours);
        format!("{name} by alignment identity")
    }

    fn predict(&self, seqs: &[Seq<A>]) -> Result<TargetMatrix, TargetError> {
        self.neighbours.predict(seqs)
    }
}

/// [`Neighbours`] by the cosine of features, `1 - a b / (‖a‖ ‖b‖)`; features that are all 0 are at distance 1 from any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeighbourCosine {
    neighbours: Neighbours,
}

type Row = Vec<f32>;

impl NeighbourCosine {
    /// Asks neighbours by cosine; the settings are checked by [`fit`](Self::fit).
    pub fn new(neighbours: Neighbours) -> Self {
        Self { neighbours }
    }

    /// Keeps the training features and their targets.
    ///
    /// # Shapes
    ///
    /// - `features`: `[n_rows, n_features]`
    /// - `targets`: `[n_rows, n_columns]`
    ///
    /// # Errors
    ///
    /// If a feature is not finite, or for the reasons of [`Neighbours::fit`].
    pub fn fit(
        &self,
        features: &Array2<f32>,
        targets: &TargetMatrix,
    ) -> Result<FittedNeighbourCosine, TargetError> {
        check_finite(features)?;
        let distance: fn(&Row, &Row) -> f64 = cosine_distance;
        Ok(FittedNeighbourCosine {
            width: features.ncols(),
            neighbours: self.neighbours.fit(rows(features), targets, distance)?,
        })
    }
}

fn rows(features: &Array2<f32>) -> Vec<Row> {
    features
        .rows()
        .into_iter()
        .map(|row| row.to_vec())
        .collect()
}

fn cosine_distance(a: &Row, b: &Row) -> f64 {
    let (mut product, mut of_a, mut of_b) = (0.0, 0.0, 0.0);
    for (&a, &b) in a.iter().zip(b) {
        let (a, b) = (f64::from(a), f64::from(b));
        product += a * b;
        of_a += a * a;
        of_b += b * b;
    }
    let lengths = of_a.sqrt() * of_b.sqrt();
    if lengths > 0.0 {
        // Rounding must not make a row nearer than itself.
        (1.0 - product / lengths).max(0.0)
    } else {
        1.0
    }
}

/// [`NeighbourCosine`] that has seen its training rows.
#[derive(Clone, Debug)]
pub struct FittedNeighbourCosine {
    width: usize,
    neighbours: FittedNeighbours<Row, fn(&Row, &Row) -> f64>,
}

impl Regressor<Array2<f32>> for FittedNeighbourCosine {
    fn name(&self) -> String {
        format!("{} by cosine", Regressor::<[Row]>::name(&self.neighbours))
    }

    fn predict(&self, features: &Array2<f32>) -> Result<TargetMatrix, TargetError> {
        check_width(features, self.width)?;
        self.neighbours.predict(&rows(features)[..])
    }
}

/// Refuses features of another number than were trained on, or that are not finite.
pub(super) fn check_width(features: &Array2<f32>, width: usize) -> Result<(), TargetError> {
    if features.ncols() != width {
        return Err(TargetError::Length {
            what: "features of a row",
            expected: width,
            found: features.ncols(),
        });
    }
    check_finite(features)
}
