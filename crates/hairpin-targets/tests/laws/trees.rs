//! Laws of boosted trees, what they reach beside scikit-learn's, and the controls of sequences made of k-mers.
//! `fixtures/make/golden_trees.py` made the values.

use hairpin_golden::{fixture, golden_json};

use hairpin_seq::{Encode, KmerCounts, Rna, Seq};
use hairpin_targets::control::{
    BoostedKmers, BoostedTrees, NeighbourKmers, Neighbours, Regressor, euclidean,
};
use hairpin_targets::metrics::Metric;
use hairpin_targets::{Groups, TargetError, TargetMatrix};
use ndarray::{Array2, array};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

fn column(values: Vec<f32>) -> TargetMatrix {
    let values = Array2::from_shape_vec((values.len(), 1), values).unwrap();
    TargetMatrix::new(values, vec!["y".to_owned()]).unwrap()
}

/// One tree of two leaves that takes over their means.
const STUMP: BoostedTrees = BoostedTrees {
    rounds: 1,
    learning_rate: 1.0,
    leaves: 2,
    depth: 1,
    leaf_rows: 1,
    l2: 0.0,
    rows: 1.0,
    features: 1.0,
    bins: 64,
    valid: 0.0,
    patience: 1,
    seed: 0,
};

#[test]
fn a_stump_by_hand() {
    let features = array![[5., 0.], [5., 0.], [5., 1.], [5., 3.]];
    let targets = column(vec![1.0, 3.0, 5.0, 9.0]);
    // Residuals -3.5 -1.5 0.5 4.5: the second feature up to 0 gains 25/2 + 25/2 = 25, up to 1 gains 20.25/3 + 20.25 = 27.
    let fitted = STUMP.fit(&features, &targets).unwrap();
    let asked = array![[0., 1.9], [9., 2.1]];
    assert_eq!(
        fitted.predict(&asked).unwrap().values(),
        array![[3.0], [9.0]]
    );
    assert_eq!(fitted.gains(), array![[0.0], [27.0]]);
    // With two rows in a leaf it is the other split: leaves of 2 and 7. A value at the threshold goes left.
    let fitted = BoostedTrees {
        leaf_rows: 2,
        ..STUMP
    }
    .fit(&features, &targets)
    .unwrap();
    let asked = array![[0., 0.5], [0., 0.51]];
    assert_eq!(
        fitted.predict(&asked).unwrap().values(),
        array![[2.0], [7.0]]
    );
    // λ = 2 rows more of residual 0: 4.5 - 5 / (2 + 2) and 4.5 + 5 / 4, and half of that.
    let shrunk = BoostedTrees {
        leaf_rows: 2,
        l2: 2.0,
        learning_rate: 0.5,
        ..STUMP
    };
    let fitted = shrunk.fit(&features, &targets).unwrap();
    assert_eq!(
        fitted.predict(&asked).unwrap().values(),
        array![[3.875], [5.125]]
    );
}

#[test]
fn features_that_say_nothing_leave_the_mean() {
    let features = Array2::from_elem((4, 3), 1.5);
    let fitted = STUMP
        .fit(&features, &column(vec![1.0, 2.0, 3.0, 4.0]))
        .unwrap();
    assert_eq!(fitted.n_trees(), [0]);
    assert_eq!(
        fitted.predict(&features).unwrap().values(),
        Array2::from_elem((4, 1), 2.5)
    );
    let none = Array2::zeros((4, 0));
    let fitted = STUMP.fit(&none, &column(vec![1.0, 2.0, 3.0, 4.0])).unwrap();
    assert_eq!(fitted.predict(&none).unwrap().values()[[3, 0]], 2.5);
}

#[test]
fn enough_trees_learn_the_training_rows_by_heart() {
    let features = Array2::from_shape_fn((60, 1), |(row, _)| row as f32);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let truth: Vec<f32> = (0..60).map(|_| rng.random()).collect();
    let trees = BoostedTrees {
        rounds: 300,
        learning_rate: 0.3,
        leaves: 8,
        depth: 8,
        ..STUMP
    };
    let predicted = trees
        .fit(&features, &column(truth.clone()))
        .unwrap()
        .predict(&features)
        .unwrap();
    let r2 = Metric::R2.evaluate(predicted.values().as_slice().unwrap(), &truth);
    assert!(r2.unwrap() > 0.9999, "{r2:?}");
}

#[test]
fn noise_stops_the_trees_early_and_rows_set_aside_are_not_grown_on() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let features = Array2::from_shape_simple_fn((200, 5), || rng.random::<f32>());
    let noise = column((0..200).map(|_| rng.random()).collect());
    let fitted = BoostedTrees::default().fit(&features, &noise).unwrap();
    assert!(fitted.n_trees()[0] < 100, "{:?}", fitted.n_trees());
    // What is set aside are whole groups: a group of one value of its own cannot tell anything of another.
    let groups = Groups::by((0..200).map(|row| row / 20));
    let features = Array2::from_shape_fn((200, 1), |(row, _)| (row / 20) as f32);
    let by_group = column(
        (0..200)
            .map(|row| [0.0, 3.0, 1.0, 9.0, 4.0][row / 20 % 5])
            .collect(),
    );
    let rows = BoostedTrees {
        features: 1.0,
        ..BoostedTrees::default()
    };
    let alone = rows.fit(&features, &by_group).unwrap().n_trees()[0];
    let whole = rows
        .fit_grouped(&features, &by_group, &groups)
        .unwrap()
        .n_trees()[0];
    assert!(
        whole < alone,
        "{whole} trees for whole groups, {alone} for rows"
    );
    let one = Groups::by([0; 200]);
    let all = BoostedTrees { rounds: 7, ..rows };
    assert_eq!(
        all.fit_grouped(&features, &by_group, &one)
            .unwrap()
            .n_trees(),
        [7]
    );
}

#[test]
fn what_cannot_be_is_refused() {
    let (features, targets) = (array![[1.], [2.]], column(vec![1.0, 2.0]));
    let default = BoostedTrees::default();
    for (setting, trees) in [
        (
            "rounds",
            BoostedTrees {
                rounds: 0,
                ..default
            },
        ),
        (
            "learning_rate",
            BoostedTrees {
                learning_rate: f64::NAN,
                ..default
            },
        ),
        (
            "leaves",
            BoostedTrees {
                leaves: 1,
                ..default
            },
        ),
        (
            "depth",
            BoostedTrees {
                depth: 0,
                ..default
            },
        ),
        (
            "leaf_rows",
            BoostedTrees {
                leaf_rows: 0,
                ..default
            },
        ),
        (
            "l2",
            BoostedTrees {
                l2: -1.0,
                ..default
            },
        ),
        (
            "rows",
            BoostedTrees {
                rows: 0.0,
                ..default
            },
        ),
        (
            "features",
            BoostedTrees {
                features: 1.5,
                ..default
            },
        ),
        (
            "bins",
            BoostedTrees {
                bins: 257,
                ..default
            },
        ),
        (
            "valid",
            BoostedTrees {
                valid: 1.0,
                ..default
            },
        ),
        (
            "patience",
            BoostedTrees {
                patience: 0,
                ..default
            },
        ),
    ] {
        let error = trees.fit(&features, &targets).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("boosted trees: {setting} is ")),
            "{error}"
        );
    }
    assert!(matches!(
        default.fit(&array![[1.]], &targets),
        Err(TargetError::Length { .. })
    ));
    assert!(matches!(
        default.fit(&array![[1.], [f32::NAN]], &targets),
        Err(TargetError::Feature { row: 1, .. })
    ));
    let empty = TargetMatrix::from_nan(array![[f32::NAN], [f32::NAN]], vec!["y".to_owned()]);
    assert!(matches!(
        default.fit(&features, &empty.unwrap()),
        Err(TargetError::EmptyColumn { .. })
    ));
    assert!(matches!(
        default.fit_grouped(&features, &targets, &Groups::by([0])),
        Err(TargetError::Length { .. })
    ));
    let fitted = default.fit(&features, &targets).unwrap();
    assert!(matches!(
        fitted.predict(&array![[1., 2.]]),
        Err(TargetError::Shape { .. })
    ));
}

fn drawn() -> impl Strategy<Value = (Array2<f32>, Vec<f32>, u64)> {
    (12usize..60, 1usize..5, any::<u64>()).prop_map(|(n, p, seed)| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // Few values of each feature, so that there are ties.
        let features = Array2::from_shape_simple_fn((n, p), || rng.random_range(0..7) as f32);
        // Eighths, whose sums are exact.
        let targets = (0..n)
            .map(|_| rng.random_range(0..64) as f32 / 8.0)
            .collect();
        (features, targets, seed)
    })
}

fn some(seed: u64) -> BoostedTrees {
    BoostedTrees {
        rounds: 12,
        leaf_rows: 2,
        features: 0.6,
        seed,
        ..BoostedTrees::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_number_of_threads_grows_the_same_trees((features, targets, seed) in drawn()) {
        let wide = Array2::from_shape_fn((features.nrows(), 200), |(row, column)| features[[row, column % features.ncols()]]);
        let fit = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| some(seed).fit(&wide, &column(targets.clone())).unwrap())
        };
        prop_assert_eq!(fit(1), fit(3));
    }

    #[test]
    fn only_the_order_of_a_feature_counts((features, targets, seed) in drawn()) {
        let targets = column(targets);
        // Between the values of the training rows thresholds do move, so no row is set aside.
        let trees = BoostedTrees { valid: 0.0, ..some(seed) };
        let bent = features.mapv(|x| x * x * x - 100.0);
        let plain = trees.fit(&features, &targets).unwrap().predict(&features).unwrap();
        let of_bent = trees.fit(&bent, &targets).unwrap().predict(&bent).unwrap();
        prop_assert_eq!(plain.values(), of_bent.values());
    }

    #[test]
    fn targets_scaled_are_predictions_scaled((features, targets, seed) in drawn()) {
        let plain = some(seed).fit(&features, &column(targets.clone())).unwrap().predict(&features).unwrap();
        let doubled = column(targets.iter().map(|y| -2.0 * y).collect());
        let of_doubled = some(seed).fit(&features, &doubled).unwrap().predict(&features).unwrap();
        prop_assert_eq!(plain.values() * -2.0, of_doubled.values());
    }

    #[test]
    fn rows_that_were_not_measured_do_not_count((features, targets, seed) in drawn(), gap in 2usize..5) {
        let gaps: Vec<f32> = targets.iter().enumerate().map(|(row, &y)| if row % gap == 0 { f32::NAN } else { y }).collect();
        let kept: Vec<usize> = (0..gaps.len()).filter(|row| row % gap != 0).collect();
        let masked = TargetMatrix::from_nan(Array2::from_shape_vec((gaps.len(), 1), gaps).unwrap(), vec!["y".to_owned()]).unwrap();
        let without = features.select(ndarray::Axis(0), &kept);
        let trees = some(seed);
        let a = trees.fit(&features, &masked).unwrap().predict(&features).unwrap();
        let b = trees.fit(&without, &column(kept.iter().map(|&row| targets[row]).collect())).unwrap().predict(&features).unwrap();
        prop_assert_eq!(a.values(), b.values());
    }

    #[test]
    fn more_trees_fit_the_training_rows_better((features, targets, seed) in drawn()) {
        let error = |rounds| {
            let trees = BoostedTrees { rounds, rows: 1.0, valid: 0.0, ..some(seed) };
            let predicted = trees.fit(&features, &column(targets.clone())).unwrap().predict(&features).unwrap();
            Metric::Mse.evaluate(predicted.values().as_slice().unwrap(), &targets).unwrap()
        };
        prop_assert!(error(4) <= error(1) + 1e-6);
        prop_assert!(error(12) <= error(4) + 1e-6);
    }
}

#[derive(Deserialize)]
struct Golden {
    settings: BoostedTrees,
    friedman: Friedman,
    rnas: Reached,
}

#[derive(Deserialize)]
struct Friedman {
    features: Vec<Vec<f32>>,
    targets: Vec<f32>,
    r2: f64,
}

#[derive(Deserialize)]
struct Reached {
    r2: f64,
}

fn golden() -> Golden {
    let mut golden: Golden = golden_json("hairpin-targets", "trees.json");
    // scikit-learn's trees see all rows and all features, and no row is set aside.
    golden.settings = BoostedTrees {
        rows: 1.0,
        features: 1.0,
        valid: 0.0,
        ..golden.settings
    };
    golden
}

/// R2 must be within this of scikit-learn's.
const MARGIN: f64 = 0.015;

fn assert_reaches(what: &str, ours: f64, theirs: f64) {
    assert!(
        (ours - theirs).abs() < MARGIN,
        "{what}: R2 {ours}, scikit-learn's {theirs}"
    );
}

#[test]
fn scikit_learn_is_reached_on_a_known_function() {
    let Golden {
        settings, friedman, ..
    } = golden();
    let (features, targets) = (friedman.features, friedman.targets);
    let half = features.len() / 2;
    let part = |from: usize| {
        Array2::from_shape_fn((half, features[0].len()), |(row, feature)| {
            features[from + row][feature]
        })
    };
    let known = column(targets[..half].to_vec());
    let fitted = settings.fit(&part(0), &known).unwrap();
    let predicted = fitted.predict(&part(half)).unwrap();
    let r2 = Metric::R2.evaluate(predicted.values().as_slice().unwrap(), &targets[half..]);
    assert_reaches("friedman", r2.unwrap(), friedman.r2);
}

/// The fixture's sequences and targets.
fn rnas() -> (Vec<Seq<Rna>>, Vec<f32>) {
    let text = fixture("tasks/sequence-csv/train.csv");
    let rows = text.lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        (
            fields[1].parse::<Seq<Rna>>().unwrap(),
            fields[2].parse::<f32>().unwrap(),
        )
    });
    rows.unzip()
}

#[test]
fn scikit_learn_is_reached_on_rnas() {
    let golden = golden();
    let (seqs, targets) = rnas();
    let encoders = [1, 2, 3].map(|k| KmerCounts::new(k).unwrap());
    let row = |seq: &Seq<Rna>| encoders.each_ref().map(|e| e.encode(seq)).concat();
    let counts: Vec<Vec<f32>> = seqs.iter().map(row).collect();
    let mut predicted = vec![0.0; seqs.len()];
    for fold in 0..5 {
        let (test, train): (Vec<usize>, Vec<usize>) =
            (0..seqs.len()).partition(|row| row % 5 == fold);
        let part = |rows: &[usize]| {
            Array2::from_shape_fn((rows.len(), counts[0].len()), |(i, feature)| {
                counts[rows[i]][feature]
            })
        };
        let known = column(train.iter().map(|&row| targets[row]).collect());
        let fitted = golden.settings.fit(&part(&train), &known).unwrap();
        let answers = fitted.predict(&part(&test)).unwrap();
        for (&row, &value) in test.iter().zip(answers.values()) {
            predicted[row] = value;
        }
    }
    let r2 = Metric::R2.evaluate(&predicted, &targets).unwrap();
    assert_reaches("rnas", r2, golden.rnas.r2);
}

#[test]
fn trees_see_positions_only_where_all_lengths_are_the_same() {
    let seqs =
        |texts: &[&str]| -> Vec<Seq<Rna>> { texts.iter().map(|t| t.parse().unwrap()).collect() };
    let targets = column(vec![1.0, 2.0, 3.0]);
    let same = BoostedKmers::new(2, STUMP)
        .fit(&seqs(&["ACG", "CGA", "GAC"]), &targets)
        .unwrap();
    assert_eq!(same.name(), "boosted trees on 2-mers and positions");
    assert_eq!(same.trees().gains().nrows(), 4 + 16 + 12);
    let other = BoostedKmers::new(2, STUMP)
        .fit(&seqs(&["ACG", "CGAA", "G"]), &targets)
        .unwrap();
    assert_eq!(other.name(), "boosted trees on 2-mers");
    assert_eq!(other.trees().gains().nrows(), 4 + 16);
    // Any length can be asked for.
    assert_eq!(
        same.predict(&seqs(&["", "A", "ACGUACGU"])[..])
            .unwrap()
            .n_rows(),
        3
    );
    let kmer = |k| {
        BoostedKmers::new(k, STUMP)
            .fit(&seqs(&["ACG", "CGA", "GAC"]), &targets)
            .unwrap_err()
    };
    assert!(matches!(kmer(0), TargetError::Seq(_)));
    assert!(matches!(kmer(99), TargetError::Seq(_)));
}

#[test]
fn neighbours_by_kmers_are_neighbours_by_their_frequencies() {
    let (seqs, targets) = rnas();
    let (train, test) = seqs.split_at(350);
    let known = column(targets[..350].to_vec());
    let encoder = KmerCounts::new(3).unwrap().with_frequencies(true);
    let rows = |seqs: &[Seq<Rna>]| {
        seqs.iter()
            .map(|seq| encoder.encode(seq))
            .collect::<Vec<_>>()
    };
    let neighbours = Neighbours::new(4).with_distance_weights();
    let by_hand = neighbours
        .fit(rows(train), &known, |a: &Vec<f32>, b: &Vec<f32>| {
            euclidean(a, b)
        })
        .unwrap();
    let control = NeighbourKmers::new(neighbours, 3)
        .fit(train, &known)
        .unwrap();
    let expected = by_hand.predict(&rows(test)[..]).unwrap();
    assert_eq!(control.predict(test).unwrap().values(), expected.values());
    assert_eq!(
        control.name(),
        "4 nearest neighbours, weighted by distance on 3-mers"
    );
}
