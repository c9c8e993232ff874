//! Controls of unseen proteins against NumPy and scikit-learn, which go another way; `fixtures/make/golden_profile.py` made the values.

use hairpin_golden::golden_json;

use hairpin_seq::{Rna, Seq};
use hairpin_targets::TargetMatrix;
use hairpin_targets::control::{
    AffinityRegression, JointEmbedding, NeighbourCosine, Neighbours, Regressor,
};
use ndarray::Array2;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    features: Vec<Vec<f32>>,
    asked: Vec<Vec<f32>>,
    profiles: Vec<Vec<f32>>,
    probes: Vec<String>,
    k: usize,
    joint_embedding: Vec<Joint>,
    affinity_regression: Vec<Affinity>,
    neighbours: Vec<Cosine>,
}

#[derive(Deserialize)]
struct Joint {
    share: f64,
    feature_weight: f64,
    strength: f64,
    neighbours: Option<usize>,
    rank: usize,
    predicted: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct Affinity {
    strength: f64,
    share: f64,
    predicted: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct Cosine {
    k: usize,
    predicted: Vec<Vec<f64>>,
}

fn golden() -> Golden {
    golden_json("hairpin-targets", "profile.json")
}

fn matrix(rows: &[Vec<f32>]) -> Array2<f32> {
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
}

fn profiles(golden: &Golden) -> TargetMatrix {
    let values = matrix(&golden.profiles);
    let names = (0..values.ncols()).map(|i| format!("probe {i}")).collect();
    TargetMatrix::new(values, names).unwrap()
}

#[track_caller]
fn assert_close(predicted: &TargetMatrix, expected: &[Vec<f64>], tolerance: f64) {
    assert_eq!(predicted.n_rows(), expected.len());
    for ((row, column), &value) in predicted.values().indexed_iter() {
        let expected = expected[row][column];
        assert!(
            (f64::from(value) - expected).abs() < tolerance * (1.0 + expected.abs()),
            "row {row}, column {column}: {value}, expected {expected}"
        );
    }
}

#[test]
fn a_joint_embedding() {
    let golden = golden();
    for case in &golden.joint_embedding {
        let control = JointEmbedding {
            share: case.share,
            feature_weight: case.feature_weight,
            strength: case.strength,
            neighbours: case.neighbours,
        }
        .fit(&matrix(&golden.features), &profiles(&golden))
        .unwrap();
        assert_eq!(control.rank(), case.rank);
        let predicted = control.predict(&matrix(&golden.asked)).unwrap();
        assert_close(&predicted, &case.predicted, 1e-6);
    }
}

#[test]
fn an_affinity_regression() {
    let golden = golden();
    let probes: Vec<Seq<Rna>> = golden.probes.iter().map(|p| p.parse().unwrap()).collect();
    for case in &golden.affinity_regression {
        let control = AffinityRegression {
            k: golden.k,
            strength: case.strength,
            share: case.share,
        }
        .fit(&probes, &matrix(&golden.features), &profiles(&golden))
        .unwrap();
        let predicted = control.predict(&matrix(&golden.asked)).unwrap();
        assert_close(&predicted, &case.predicted, 1e-6);
    }
}

#[test]
fn nearest_neighbours_by_cosine() {
    let golden = golden();
    for case in &golden.neighbours {
        let control = NeighbourCosine::new(Neighbours::new(case.k))
            .fit(&matrix(&golden.features), &profiles(&golden))
            .unwrap();
        let predicted = control.predict(&matrix(&golden.asked)).unwrap();
        assert_close(&predicted, &case.predicted, 1e-6);
    }
}
