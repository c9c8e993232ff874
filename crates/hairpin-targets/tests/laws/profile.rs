//! Laws of the controls of unseen proteins, of scores in bins, and of repeats.

use hairpin_seq::align::{Aligner, Ends, Per, Scoring};
use hairpin_seq::protein::{GappedKmers, Residues};
use hairpin_seq::{Protein, Rna, Seq};
use hairpin_targets::control::{
    AffinityRegression, ColumnAverage, Encoded, JointEmbedding, NeighbourCosine, NeighbourIdentity,
    Neighbours, Regressor, features,
};
use hairpin_targets::metrics::{Bootstrap, Metric, binned, repeat_correlation};
use hairpin_targets::{Groups, TargetError, TargetMatrix};
use ndarray::{Array2, array};
use proptest::prelude::*;

fn proteins(texts: &[&str]) -> Vec<Seq<Protein>> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn named(values: Array2<f32>) -> TargetMatrix {
    let names = (0..values.ncols()).map(|i| format!("probe {i}")).collect();
    TargetMatrix::new(values, names).unwrap()
}

/// Features of 4 to 8 rows with 6 columns, and profiles of 10.
fn rows() -> impl Strategy<Value = (Array2<f32>, TargetMatrix)> {
    (4_usize..8).prop_flat_map(|n| {
        let drawn = |width: usize| {
            prop::collection::vec(0.05_f32..1.0, n * width)
                .prop_map(move |v| Array2::from_shape_vec((n, width), v).unwrap())
        };
        (drawn(6), drawn(10).prop_map(named))
    })
}

#[test]
fn a_family_is_found_in_every_way() {
    let train = proteins(&["MKVLAGHEWW", "MKVLAGHDWW", "PRTPRTPRTPRT", "PRTPRSPRTPRT"]);
    let targets = named(array![
        [5., 0., 0.],
        [5., 0., 0.],
        [0., 7., 1.],
        [0., 7., 1.]
    ]);
    let kmers = GappedKmers::triples(Residues::Twenty);
    let encoded = features(&kmers, &train);
    let probes: Vec<Seq<Rna>> = ["GGUUUG", "ACACAC", "CACACA"]
        .iter()
        .map(|p| p.parse().unwrap())
        .collect();
    let aligner = Aligner::new(Scoring::blosum62()).with_ends(Ends::Free);
    let on = "gapped 3-mers";
    let controls: Vec<Box<dyn Regressor<[Seq<Protein>]>>> = vec![
        Box::new(
            NeighbourIdentity::new(Neighbours::new(1), aligner, Per::Shorter)
                .fit(&train, &targets)
                .unwrap(),
        ),
        Box::new(Encoded::new(
            on,
            kmers.clone(),
            NeighbourCosine::new(Neighbours::new(2))
                .fit(&encoded, &targets)
                .unwrap(),
        )),
        Box::new(Encoded::new(
            on,
            kmers.clone(),
            JointEmbedding::default().fit(&encoded, &targets).unwrap(),
        )),
        Box::new(Encoded::new(
            on,
            kmers.clone(),
            JointEmbedding {
                neighbours: Some(2),
                ..JointEmbedding::default()
            }
            .fit(&encoded, &targets)
            .unwrap(),
        )),
        Box::new(Encoded::new(
            on,
            kmers.clone(),
            AffinityRegression::new(2)
                .fit(&probes, &encoded, &targets)
                .unwrap(),
        )),
    ];
    for control in &controls {
        let predicted = control
            .predict(&proteins(&["MKVLAGHEW", "TPRTPRTPR"])[..])
            .unwrap();
        for (row, expected) in [[5.0, 0.0, 0.0], [0.0, 7.0, 1.0]].iter().enumerate() {
            let found = predicted.values().row(row).to_vec();
            let correlation = Metric::Pearson.evaluate(&found, expected).unwrap();
            assert!(correlation > 0.98, "{}: {found:?}", control.name());
        }
    }
    let names: Vec<String> = controls.iter().map(|control| control.name()).collect();
    assert_eq!(
        names,
        [
            "1 nearest neighbour by alignment identity",
            "2 nearest neighbours by cosine on gapped 3-mers",
            "joint embedding, rank 2, decoded from all on gapped 3-mers",
            "joint embedding, rank 2, decoded from the 2 nearest on gapped 3-mers",
            "affinity regression on 2-mers of the probes, strength 0.001 on gapped 3-mers",
        ]
    );
}

#[test]
fn what_cannot_be_learned_from_is_refused() {
    let (x, y) = (
        array![[1., 0.], [0., 1.], [1., 1.]],
        named(array![[1., 2.], [2., 1.], [0., 0.]]),
    );
    let joint = JointEmbedding::default();
    let probes: Vec<Seq<Rna>> = vec!["ACGU".parse().unwrap(), "GGGG".parse().unwrap()];
    let affinity = AffinityRegression::new(2);
    assert!(joint.fit(&x, &y).is_ok() && affinity.fit(&probes, &x, &y).is_ok());
    for bad in [
        JointEmbedding {
            share: 0.0,
            ..joint
        },
        JointEmbedding {
            share: f64::NAN,
            ..joint
        },
        JointEmbedding {
            feature_weight: 0.0,
            ..joint
        },
        JointEmbedding {
            strength: -1.0,
            ..joint
        },
        JointEmbedding {
            neighbours: Some(4),
            ..joint
        },
    ] {
        assert!(bad.fit(&x, &y).is_err(), "{bad:?}");
    }
    for bad in [
        AffinityRegression { k: 7, ..affinity },
        AffinityRegression {
            strength: 0.0,
            ..affinity
        },
        AffinityRegression {
            share: 2.0,
            ..affinity
        },
    ] {
        assert!(bad.fit(&probes, &x, &y).is_err(), "{bad:?}");
    }
    assert!(matches!(
        affinity.fit(&probes[..1], &x, &y),
        Err(TargetError::Length { .. })
    ));
    assert!(matches!(
        joint.fit(&x.slice(ndarray::s![..2, ..]).to_owned(), &y),
        Err(TargetError::Length { .. })
    ));
    assert!(matches!(
        joint.fit(&array![[1., 0.], [2., 0.], [3., 0.]], &y),
        Err(TargetError::Undefined { .. })
    ));
    assert!(matches!(
        joint.fit(&x, &named(Array2::ones((3, 2)))),
        Err(TargetError::Undefined { .. })
    ));
    assert!(matches!(
        affinity.fit(&probes, &x, &named(Array2::ones((3, 2)))),
        Err(TargetError::Undefined { .. })
    ));
    assert!(matches!(
        joint.fit(&(&x * f32::NAN), &y),
        Err(TargetError::Feature { .. })
    ));
    let fitted = joint.fit(&x, &y).unwrap();
    assert!(matches!(
        fitted.predict(&array![[1., 0., 0.]]),
        Err(TargetError::Length { .. })
    ));
    assert!(
        NeighbourCosine::new(Neighbours::new(1))
            .fit(&x, &y)
            .unwrap()
            .predict(&array![[1.]])
            .is_err()
    );
}

#[test]
fn scores_fall_into_the_bins_of_their_numbers() {
    let scores = [Some(1.0), Some(2.0), Some(3.0), None, Some(5.0)];
    let by = [0.0, 0.3, 1.0, 0.5, f64::NAN];
    let bins = binned(&scores, &by, &[0.0, 0.3, 0.7, 1.0], Bootstrap::default()).unwrap();
    let found: Vec<_> = bins
        .iter()
        .map(|bin| (bin.rows, bin.median.map(|m| m.value)))
        .collect();
    assert_eq!(found, [(1, Some(1.0)), (1, Some(2.0)), (1, Some(3.0))]);
    assert!(
        bins[1]
            .to_string()
            .starts_with("0.3 to 0.7: 2.000 (95 % interval")
    );
    for edges in [&[][..], &[0.0], &[0.0, 0.0], &[1.0, 0.0], &[0.0, f64::NAN]] {
        assert!(
            binned(&scores, &by, edges, Bootstrap::default()).is_err(),
            "{edges:?}"
        );
    }
    assert!(binned(&scores, &by[..2], &[0.0, 1.0], Bootstrap::default()).is_err());
}

#[test]
fn what_is_not_measured_counts_as_the_mean() {
    let x = array![[1., 0.], [0., 1.], [1., 1.]];
    let gaps = array![[1., f32::NAN], [2., 1.], [0., 5.]];
    let filled = array![[1., 3.], [2., 1.], [0., 5.]];
    let names = || vec!["a".to_owned(), "b".to_owned()];
    let predict = |targets: TargetMatrix| {
        let control = JointEmbedding::default().fit(&x, &targets).unwrap();
        control.predict(&array![[2., 1.]]).unwrap().into_arrays().0
    };
    assert_eq!(
        predict(TargetMatrix::from_nan(gaps, names()).unwrap()),
        predict(TargetMatrix::new(filled, names()).unwrap())
    );
}

proptest! {
    #[test]
    fn the_mean_profile_is_what_a_protein_like_none_gets((x, y) in rows()) {
        // All components, no penalty: a training row comes back as it was.
        let all = JointEmbedding { share: 1.0, strength: 0.0, ..JointEmbedding::default() };
        let found = all.fit(&x, &y).unwrap().predict(&x).unwrap();
        // More features than rows would be needed for every place to be known from them alone.
        if x.nrows() <= 6 {
            for (a, b) in found.values().iter().zip(y.values()) {
                prop_assert!((a - b).abs() < 1e-2, "{a} {b}");
            }
        }
        // So strong a penalty leaves the mean.
        let mean = ColumnAverage::MEAN.fit(&y).unwrap();
        let mean: TargetMatrix = Regressor::<Array2<f32>>::predict(&mean, &x).unwrap();
        let none = JointEmbedding { strength: 1e12, ..JointEmbedding::default() };
        let found = none.fit(&x, &y).unwrap().predict(&x).unwrap();
        for (a, b) in found.values().iter().zip(mean.values()) {
            prop_assert!((a - b).abs() < 1e-5);
        }
    }

    #[test]
    fn the_order_of_training_rows_and_the_length_of_features_do_not_matter((x, y) in rows(), scale in 0.1_f32..10.0) {
        let order: Vec<usize> = (0..x.nrows()).rev().collect();
        let turned = x.select(ndarray::Axis(0), &order) * scale;
        let probes: Vec<Seq<Rna>> = (0..10_u8)
            .map(|i| Seq::from_codes((0..6).map(|j| (i * (j + 3) + j) % 4).collect()).unwrap())
            .collect();
        let joint = JointEmbedding::default();
        let affinity = AffinityRegression { strength: 0.1, share: 1.0, k: 2 };
        let pairs = [
            (
                joint.fit(&x, &y).unwrap().predict(&x).unwrap(),
                joint.fit(&turned, &y.select(&order).unwrap()).unwrap().predict(&x).unwrap(),
            ),
            (
                affinity.fit(&probes, &x, &y).unwrap().predict(&x).unwrap(),
                affinity.fit(&probes, &turned, &y.select(&order).unwrap()).unwrap().predict(&x).unwrap(),
            ),
        ];
        for (a, b) in pairs {
            for (a, b) in a.values().iter().zip(b.values()) {
                prop_assert!((a - b).abs() < 1e-3 * (1.0 + a.abs()), "{a} {b}");
            }
        }
    }

    #[test]
    fn repeats_agree_whichever_comes_first(values in prop::collection::vec((0.0_f32..1.0, 0.0_f32..1.0), 3..20)) {
        let groups = Groups::by((0..values.len()).flat_map(|i| [i, i]));
        let flat: Vec<f32> = values.iter().flat_map(|&(a, b)| [a, b]).collect();
        let turned: Vec<f32> = values.iter().flat_map(|&(a, b)| [b, a]).collect();
        let (found, other) = (repeat_correlation(&flat, &groups), repeat_correlation(&turned, &groups));
        prop_assert!((found.unwrap() - other.unwrap()).abs() < 1e-9);
        let equal: Vec<f32> = values.iter().flat_map(|&(a, _)| [a, a]).collect();
        prop_assert!((repeat_correlation(&equal, &groups).unwrap() - 1.0).abs() < 1e-9);
        prop_assert!(repeat_correlation(&flat, &Groups::by(0..flat.len())).is_none());
    }

    #[test]
    fn a_matrix_transposed_twice_is_itself((_, y) in rows()) {
        let ids: Vec<String> = (0..y.n_rows()).map(|i| format!("RBP{i}")).collect();
        let y = y.with_row_ids(ids).unwrap();
        let twice = y.transposed().transposed();
        prop_assert_eq!(twice.values(), y.values());
        prop_assert_eq!(twice.names(), y.names());
        prop_assert_eq!(twice.row_ids(), y.row_ids());
    }
}
