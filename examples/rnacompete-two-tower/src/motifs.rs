//! What each protein is predicted to bind: a motif of the k-mers whose probes score highest, beside the known one that is most like it.

use anyhow::Result;
use hairpin::seq::kmer::word_seq;
use hairpin::seq::motif::{
    Background, FrequencyMatrix, KmerMotif, Logo, Meme, Motif, Tomtom, read_meme, write_meme,
};
use hairpin::seq::{Rna, Seq, kmers};
use hairpin::targets::TargetMatrix;
use hairpin::train::report::{Figure, Svg};
use std::collections::HashSet;

/// 133 motifs measured by RNAcompete.
const KNOWN: &str = include_str!("../../../fixtures/motifs/rnacompete_transite.meme");

/// Probes that a k-mer must be in, for its mean to mean anything.
const LEAST: usize = 5;

/// The motif of a protein's predictions, and what it is most like.
pub(crate) struct Found {
    pub(crate) protein: String,
    pub(crate) motif: FrequencyMatrix<Rna>,
    pub(crate) consensus: String,
    pub(crate) nearest: Option<Nearest>,
}

pub(crate) struct Nearest {
    pub(crate) name: String,
    pub(crate) q_value: f64,
}

/// A motif for each column of predictions `[probes, proteins]` that has one.
pub(crate) fn find(probes: &[Seq<Rna>], predicted: &TargetMatrix) -> Result<Vec<Found>> {
    let known = read_meme::<Rna>(KNOWN)?.motifs;
    let matrices: Vec<FrequencyMatrix<Rna>> = known.iter().map(|own| own.matrix.clone()).collect();
    let tomtom = Tomtom::new(&matrices)?.min_overlap(4)?;
    // As long as the probes hold each often enough.
    let k = if probes.len() >= 20_000 { 7 } else { 5 };
    let words: Vec<Vec<usize>> = probes
        .iter()
        .map(|probe| {
            kmers(probe, k)
                .collect::<HashSet<usize>>()
                .into_iter()
                .collect()
        })
        .collect();
    let mut found = Vec::new();
    for (column, protein) in predicted
        .values()
        .columns()
        .into_iter()
        .zip(predicted.names())
    {
        let scores: Vec<f64> = column.iter().map(|&score| f64::from(score)).collect();
        let scored = z_scores(&words, &scores, k);
        let Ok(counts) = KmerMotif::default().fit(&scored) else {
            // Predictions that are all the same have no k-mer above the others.
            continue;
        };
        let motif = counts.to_frequencies(0.1, &Background::uniform())?;
        let best = tomtom.search(&motif)?.into_iter().next();
        found.push(Found {
            protein: protein.clone(),
            consensus: motif.iupac_consensus(),
            nearest: best.map(|own| Nearest {
                name: match &known[own.target].name {
                    Some(name) => format!("{} ({})", known[own.target].id, name),
                    None => known[own.target].id.clone(),
                },
                q_value: own.q_value,
            }),
            motif,
        });
    }
    Ok(found)
}

/// How far the mean score of the probes with each k-mer is above that of all, in standard errors.
fn z_scores(words: &[Vec<usize>], scores: &[f64], k: usize) -> Vec<(Seq<Rna>, f64)> {
    let n = scores.len().max(1) as f64;
    let mean = scores.iter().sum::<f64>() / n;
    let variance = scores
        .iter()
        .map(|score| (score - mean) * (score - mean))
        .sum::<f64>()
        / n;
    let mut sums = vec![(0.0, 0_usize); 1 << (2 * k)];
    for (words, score) in words.iter().zip(scores) {
        for &word in words {
            sums[word].0 += score - mean;
            sums[word].1 += 1;
        }
    }
    let often = sums.iter().enumerate().filter(|(_, own)| own.1 >= LEAST);
    often
        .map(|(word, &(sum, count))| {
            let z = match variance > 0.0 {
                true => sum / (variance * count as f64).sqrt(),
                false => 0.0,
            };
            (word_seq(word as u64, k), z)
        })
        .collect()
}

/// A logo of each.
pub(crate) fn figures(found: &[Found]) -> Result<Vec<Figure>> {
    let figure = |own: &Found| {
        let nearest = match &own.nearest {
            None => String::new(),
            Some(nearest) => {
                format!(
                    "; of the known motifs nearest {}, q = {:.2}",
                    nearest.name, nearest.q_value
                )
            }
        };
        Ok(Figure {
            caption: format!(
                "{}: motif of the k-mers predicted to bind best, {}{nearest}",
                own.protein, own.consensus
            ),
            svg: Svg::parse(&Logo::default().svg(&own.motif))?,
        })
    };
    found.iter().map(figure).collect()
}

/// All of them as a file in MEME format.
pub(crate) fn to_meme(found: &[Found]) -> Result<String> {
    let motifs = found.iter().map(|own| Motif {
        id: own.protein.clone(),
        name: own.nearest.as_ref().map(|nearest| {
            format!(
                "like_{}",
                nearest
                    .name
                    .replace(|c: char| !c.is_ascii_alphanumeric(), "_")
            )
        }),
        matrix: own.motif.clone(),
    });
    Ok(write_meme(&Meme {
        background: Background::uniform(),
        motifs: motifs.collect(),
    })?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn what_makes_a_probe_score_is_found_and_named() {
        // Every second probe holds UGCAUG, the motif of RBFOX1, and scores; the third column says nothing.
        let probes: Vec<Seq<Rna>> = (0..300)
            .map(|row: usize| {
                let code = |place: usize| {
                    ((row * 2_654_435_761 + place * 40_503 * (row + 7)) >> 7 & 3) as u8
                };
                let mut codes: Vec<u8> = (0..30).map(code).collect();
                if row.is_multiple_of(2) {
                    codes[10..16].copy_from_slice(&[3, 2, 1, 0, 3, 2]);
                }
                Seq::from_codes(codes).unwrap()
            })
            .collect();
        let values = Array2::from_shape_fn((300, 2), |(row, column)| match column {
            0 => ((row + 1) % 2) as f32,
            _ => 1.0,
        });
        let names = vec!["fox".to_owned(), "nothing".to_owned()];
        let predicted = TargetMatrix::new(values, names).unwrap();
        let found = find(&probes, &predicted).unwrap();
        assert_eq!(found.len(), 1);
        assert!(
            found[0].consensus.contains("GCAU"),
            "{}",
            found[0].consensus
        );
        let nearest = found[0].nearest.as_ref().unwrap();
        assert!(
            nearest.name.contains("RBFOX") || nearest.q_value < 0.1,
            "{}",
            nearest.name
        );
        assert_eq!(figures(&found).unwrap().len(), 1);
        assert!(to_meme(&found).unwrap().contains("MOTIF fox"));
    }
}
