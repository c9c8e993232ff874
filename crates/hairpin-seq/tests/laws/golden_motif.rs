//! Motifs against Biopython, lightmotif, MOODS and memelite's Tomtom; `fixtures/make/golden_motifs.py` made the values.

use hairpin_golden::{fixture, golden_json};

use hairpin_seq::motif::{
    Background, CountMatrix, FrequencyMatrix, Motif, Scanner, ScoreDistribution, Tomtom, read_meme,
};
use hairpin_seq::{Dna, Rna, Seq};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    matrices: Vec<Matrix>,
    tomtom: Search,
}

#[derive(Deserialize)]
struct Matrix {
    counts: Vec<[f64; 4]>,
    background: Vec<f64>,
    pseudocount: f64,
    frequencies: Vec<[f64; 4]>,
    scores: Vec<[f64; 4]>,
    consensus: String,
    iupac: String,
    information: Vec<f64>,
    sequence: String,
    forward: Vec<f64>,
    reverse: Vec<f64>,
    lightmotif_threshold: f64,
    lightmotif_hits: Vec<(usize, f64)>,
    lightmotif_p_values: Vec<(f64, f64)>,
    moods_thresholds: Vec<(f64, f64)>,
}

#[derive(Deserialize)]
struct Search {
    queries: Vec<String>,
    p_values: Vec<Vec<f64>>,
    offsets: Vec<Vec<isize>>,
    overlaps: Vec<Vec<usize>>,
}

fn golden() -> Golden {
    golden_json("hairpin-seq", "motifs.json")
}

fn rnacompete() -> Vec<Motif<FrequencyMatrix<Rna>>> {
    read_meme(&fixture("motifs/rnacompete_transite.meme"))
        .unwrap()
        .motifs
}

fn close(ours: &[f64], theirs: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), theirs.len());
    for (a, b) in ours.iter().zip(theirs) {
        assert!((a - b).abs() <= tolerance, "{a} is not {b}");
    }
}

#[test]
fn matrices_scores_and_consensus_are_biopythons() {
    for golden in golden().matrices {
        let background = Background::<Dna>::new(&golden.background).unwrap();
        let counts = CountMatrix::new(golden.counts.concat()).unwrap();
        let frequencies = counts
            .to_frequencies(golden.pseudocount, &background)
            .unwrap();
        close(frequencies.values(), &golden.frequencies.concat(), 1e-12);
        let scores = frequencies.to_scoring(&background);
        close(scores.values(), &golden.scores.concat(), 1e-12);

        // Biopython takes these two from the counts.
        let raw = counts.to_frequencies(0.0, &background).unwrap();
        assert_eq!(raw.consensus().to_string(), golden.consensus);
        assert_eq!(raw.iupac_consensus(), golden.iupac);
        close(
            &frequencies.information(&background),
            &golden.information,
            1e-12,
        );

        // Biopython scores in f32.
        let seq: Seq<Dna> = golden.sequence.parse().unwrap();
        let reverse = scores.reverse_complement();
        let at = |i| {
            (
                scores.score_at(&seq, i).unwrap(),
                reverse.score_at(&seq, i).unwrap(),
            )
        };
        let (ours, other): (Vec<f64>, Vec<f64>) = (0..golden.forward.len()).map(at).unzip();
        close(&ours, &golden.forward, 1e-4);
        close(&other, &golden.reverse, 1e-4);
    }
}

#[test]
fn hits_are_lightmotifs_and_thresholds_those_of_moods() {
    for golden in golden().matrices {
        let background = Background::<Dna>::new(&golden.background).unwrap();
        let counts = CountMatrix::new(golden.counts.concat()).unwrap();
        let frequencies = counts
            .to_frequencies(golden.pseudocount, &background)
            .unwrap();
        let scores = frequencies.to_scoring(&background);
        let seq: Seq<Dna> = golden.sequence.parse().unwrap();
        let uniform = Background::uniform();
        let plain = counts
            .to_frequencies(golden.pseudocount, &uniform)
            .unwrap()
            .to_scoring(&uniform);
        let hits = Scanner::new(&plain)
            .scan(&seq, golden.lightmotif_threshold)
            .unwrap();
        assert!(hits.len() >= 2);
        let (places, sums): (Vec<usize>, Vec<f64>) = golden.lightmotif_hits.into_iter().unzip();
        assert_eq!(
            hits.iter().map(|hit| hit.position).collect::<Vec<_>>(),
            places
        );
        close(
            &hits.iter().map(|hit| hit.score).collect::<Vec<_>>(),
            &sums,
            1e-4,
        );

        // lightmotif cuts the scores of a position into 1000 steps, MOODS the range into 1/2000 bits: p-values lie within the bounds of
        // a grid as coarse as theirs.
        let fine = ScoreDistribution::new(&scores, 0.0005).unwrap();
        for (p, threshold) in golden.moods_thresholds {
            assert!((fine.threshold(p).unwrap() - threshold).abs() < 0.02, "{p}");
            let rarer = fine.p_value(threshold + 0.01);
            assert!(rarer <= p && fine.p_value(threshold - 0.02) >= rarer);
        }
        let coarse = ScoreDistribution::new(&plain, 0.02).unwrap();
        for (score, p) in golden.lightmotif_p_values {
            let (low, high) = coarse.bounds(score);
            assert!(
                low * 0.999 <= p && p <= high * 1.001,
                "{low} <= {p} <= {high}"
            );
        }
    }
}

#[test]
fn tomtom_agrees_with_memelite() {
    let golden = golden().tomtom;
    let motifs = rnacompete();
    let targets: Vec<_> = motifs.iter().map(|motif| motif.matrix.clone()).collect();
    let tomtom = Tomtom::new(&targets).unwrap().bins(250).unwrap();
    let (mut compared, mut same_place) = (0, 0);
    for (q, id) in golden.queries.iter().enumerate() {
        let query = motifs.iter().find(|motif| &motif.id == id).unwrap();
        for found in tomtom.search(&query.matrix).unwrap() {
            let theirs = golden.p_values[q][found.target];
            // The two cut the range of the scores into steps of their own, which decides the p-value of a motif with itself.
            let apart = (found.p_value / theirs).ln().abs();
            let alike = apart < 0.1 || found.p_value.max(theirs) < 1e-9;
            assert!(
                alike,
                "{id} {}: {} against {theirs}",
                found.target, found.p_value
            );
            // memelite counts the query's start along the target.
            let same = found.offset == -golden.offsets[q][found.target];
            same_place += usize::from(same && found.overlap == golden.overlaps[q][found.target]);
            compared += 1;
        }
    }
    assert_eq!(compared, 665);
    assert!(same_place > 650, "{same_place}");
}

#[test]
fn the_rnacompete_motifs_read_as_published() {
    let motifs = rnacompete();
    assert_eq!(motifs.len(), 133);
    let consensus = |name: &str| -> Vec<String> {
        let named = motifs.iter().filter(|motif| {
            let names = motif.name.as_deref().unwrap_or_default();
            names.split(',').any(|protein| protein == name)
        });
        named
            .map(|motif| motif.matrix.consensus().to_string())
            .collect()
    };
    // Ray et al. 2013, figure 1.
    for (protein, core) in [
        ("QKI", "ACUAA"),
        ("A2BP1", "GCAUG"),
        ("MBNL1", "GCUU"),
        ("CELF3", "UGU"),
        ("PABPN1", "AGA"),
        ("ELAVL1", "UUU"),
    ] {
        let found = consensus(protein);
        assert!(
            !found.is_empty() && found.iter().all(|seq| seq.contains(core)),
            "{protein}: {found:?}"
        );
    }
}
