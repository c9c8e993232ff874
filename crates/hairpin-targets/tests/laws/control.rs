//! Laws of the controls of numbers: limits in which one becomes another, order, masks, and what they refuse.

use hairpin_seq::{Dna, Seq};
use hairpin_targets::control::{
    Classifier, ColumnAverage, Constant, GroupAverage, LinearKmers, Neighbours, Regressor, Ridge,
    RowAverage, Strength, TwoWay, euclidean,
};
use hairpin_targets::{ClassLabels, TargetError, TargetMatrix};
use ndarray::{Array2, array};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn names(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("gene {i}")).collect()
}

/// Features, two groups of each row, and targets of which some are missing.
#[derive(Clone, Debug)]
struct Data {
    features: Array2<f32>,
    groups: Vec<(usize, usize)>,
    targets: TargetMatrix,
}

fn data() -> impl Strategy<Value = Data> {
    (4usize..20, 1usize..4, 1usize..6, any::<u64>()).prop_map(|(n, columns, p, seed)| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut draw = |m| Array2::from_shape_simple_fn((n, m), || rng.random::<f32>() * 4.0 - 1.0);
        let (features, values) = (draw(p), draw(columns));
        let groups = (0..n).map(|_| (rng.random_range(0..3), rng.random_range(0..4)));
        let groups = groups.collect();
        // The first row is complete, so that no column is empty.
        let measured = Array2::from_shape_fn((n, columns), |(row, _)| {
            row == 0 || rng.random::<f32>() < 0.8
        });
        let targets = TargetMatrix::with_mask(values, measured, names(columns)).unwrap();
        Data {
            features,
            groups,
            targets,
        }
    })
}

fn features(data: &Data) -> Vec<Vec<f32>> {
    data.features
        .rows()
        .into_iter()
        .map(|row| row.to_vec())
        .collect()
}

fn close(a: &TargetMatrix, b: &TargetMatrix, tolerance: f32) -> bool {
    let pairs = a.values().iter().zip(b.values());
    a.names() == b.names()
        && a.n_rows() == b.n_rows()
        && pairs.into_iter().all(|(a, b)| (a - b).abs() <= tolerance)
}

// Rows are vectors here, and a distance takes two rows.
#[allow(clippy::ptr_arg)]
fn distance(a: &Vec<f32>, b: &Vec<f32>) -> f64 {
    euclidean(a, b)
}

proptest! {
    #[test]
    fn in_the_limit_all_are_the_column_mean(data in data()) {
        let n = data.targets.n_rows();
        let mean = ColumnAverage::MEAN.fit(&data.targets).unwrap().predict(&data.features).unwrap();
        let one_group = vec![3; n];
        let group = GroupAverage::MEAN.fit(&data.targets, &one_group).unwrap();
        prop_assert!(close(&group.predict(&one_group[..]).unwrap(), &mean, 1e-5));
        prop_assert!(close(&group.predict(&vec![8; n][..]).unwrap(), &mean, 1e-5)); // never seen
        let ridge = Ridge::new(Strength::Fixed(1e12)).fit(&data.features, &data.targets).unwrap();
        prop_assert!(close(&ridge.predict(&data.features).unwrap(), &mean, 1e-4));
        let pairs = vec![(1, 2); n];
        let two_way = TwoWay.fit(&data.targets, &pairs).unwrap();
        prop_assert!(close(&two_way.predict(&pairs[..]).unwrap(), &mean, 1e-4));
        prop_assert!(close(&two_way.predict(&vec![(7, 7); n][..]).unwrap(), &mean, 1e-4));
        let rows = features(&data);
        let neighbours = Neighbours::new(n).fit(rows.clone(), &data.targets, distance).unwrap();
        prop_assert!(close(&neighbours.predict(&rows[..]).unwrap(), &mean, 1e-4));
    }

    #[test]
    fn one_of_two_ways_is_the_group_mean(data in data()) {
        let n = data.targets.n_rows();
        let groups: Vec<usize> = data.groups.iter().map(|pair| pair.0).collect();
        let pairs: Vec<(usize, usize)> = groups.iter().map(|&group| (group, 0)).collect();
        let two_way = TwoWay.fit(&data.targets, &pairs).unwrap().predict(&pairs[..]).unwrap();
        let mean = GroupAverage::MEAN.fit(&data.targets, &groups).unwrap().predict(&groups[..]).unwrap();
        for row in 0..n {
            for column in 0..data.targets.n_columns() {
                // A group without a measured value is another story: the fallbacks differ in their weights.
                let seen = (0..n).any(|i| groups[i] == groups[row] && data.targets.measured()[[i, column]]);
                let (a, b) = (two_way.values()[[row, column]], mean.values()[[row, column]]);
                prop_assert!(!seen || (a - b).abs() < 1e-4, "{a} {b}");
            }
        }
    }

    #[test]
    fn two_way_residuals_add_up_to_nothing_in_every_group(data in data()) {
        let fitted = TwoWay.fit(&data.targets, &data.groups).unwrap().predict(&data.groups[..]).unwrap();
        for column in 0..data.targets.n_columns() {
            let mut sums = [[0.0f64; 4]; 2];
            for (row, &(a, b)) in data.groups.iter().enumerate() {
                if data.targets.measured()[[row, column]] {
                    let residual = f64::from(data.targets.values()[[row, column]] - fitted.values()[[row, column]]);
                    sums[0][a] += residual;
                    sums[1][b] += residual;
                }
            }
            prop_assert!(sums.iter().flatten().all(|sum| sum.abs() < 1e-4), "{sums:?}");
        }
    }

    #[test]
    fn rows_in_another_order_are_answers_in_another_order(data in data(), seed: u64) {
        let n = data.targets.n_rows();
        let mut order: Vec<usize> = (0..n).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (1..n).rev().for_each(|i| order.swap(i, rng.random_range(0..=i)));
        let moved_targets = data.targets.select(&order).unwrap();
        let moved_features = data.features.select(ndarray::Axis(0), &order);
        let moved_groups: Vec<_> = order.iter().map(|&row| data.groups[row]).collect();
        let ridge = Ridge::new(Strength::LeaveOneOut(vec![0.1, 10.0]));
        let before = ridge.fit(&data.features, &data.targets).unwrap();
        let after = ridge.fit(&moved_features, &moved_targets).unwrap();
        if before.strength() == after.strength() {
            prop_assert!(close(&before.predict(&data.features).unwrap(), &after.predict(&data.features).unwrap(), 1e-4));
        }
        let before = TwoWay.fit(&data.targets, &data.groups).unwrap().predict(&data.groups[..]).unwrap();
        let after = TwoWay.fit(&moved_targets, &moved_groups).unwrap().predict(&data.groups[..]).unwrap();
        for (row, &(a, b)) in data.groups.iter().enumerate() {
            for column in 0..data.targets.n_columns() {
                // Only what was measured is sure to be determined by the data.
                let seen = data.groups.iter().enumerate().any(|(i, &pair)| pair == (a, b) && data.targets.measured()[[i, column]]);
                let gap = (before.values()[[row, column]] - after.values()[[row, column]]).abs();
                prop_assert!(!seen || gap < 1e-4);
            }
        }
    }

    #[test]
    fn a_column_with_gaps_is_fitted_to_the_rows_it_has(data in data()) {
        let asked = features(&data);
        let settings = Ridge::new(Strength::Fixed(0.5));
        let all = settings.fit(&data.features, &data.targets).unwrap().predict(&data.features).unwrap();
        let near = Neighbours::new(1).with_distance_weights().fit(asked.clone(), &data.targets, distance).unwrap();
        let near = near.predict(&asked[..]).unwrap();
        for column in 0..data.targets.n_columns() {
            let rows: Vec<usize> = (0..data.targets.n_rows()).filter(|&row| data.targets.measured()[[row, column]]).collect();
            let values = Array2::from_shape_fn((rows.len(), 1), |(i, _)| data.targets.values()[[rows[i], column]]);
            let one = TargetMatrix::new(values, names(1)).unwrap();
            let kept = data.features.select(ndarray::Axis(0), &rows);
            let alone = settings.fit(&kept, &one).unwrap().predict(&data.features).unwrap();
            let kept: Vec<Vec<f32>> = rows.iter().map(|&row| asked[row].clone()).collect();
            let near_alone = Neighbours::new(1).fit(kept, &one, distance).unwrap().predict(&asked[..]).unwrap();
            for row in 0..data.targets.n_rows() {
                prop_assert!((all.values()[[row, column]] - alone.values()[[row, 0]]).abs() < 1e-4);
                prop_assert_eq!(near.values()[[row, column]], near_alone.values()[[row, 0]]);
            }
        }
    }
}

#[test]
fn averages_by_hand() {
    let values = array![[1.0, 5.0], [2.0, 7.0], [9.0, f32::NAN]];
    let measured = values.mapv(|value| !value.is_nan());
    let train = TargetMatrix::with_mask(values, measured, names(2)).unwrap();
    let predict = |control: &dyn Regressor<[usize]>, rows: &[usize]| {
        control.predict(rows).unwrap().values().clone()
    };
    let of = |control| predict(&ColumnAverage::fit(control, &train).unwrap(), &[0]);
    assert_eq!(of(ColumnAverage::MEAN), array![[4.0, 6.0]]);
    assert_eq!(of(ColumnAverage::MEDIAN), array![[2.0, 6.0]]);
    let rows = RowAverage::MEAN.fit(&train).unwrap();
    assert_eq!(predict(&rows, &[2, 0]), array![[9.0, 9.0], [3.0, 3.0]]);
    assert!(matches!(
        Regressor::predict(&rows, &[3][..]),
        Err(TargetError::Row { row: 3, n_rows: 3 })
    ));
    let groups = GroupAverage::MEDIAN.fit(&train, &[4, 4, 7]).unwrap();
    assert_eq!(
        predict(&groups, &[7, 4, 1]),
        array![[9.0, 6.0], [1.5, 6.0], [2.0, 6.0]]
    );
    assert_eq!(
        predict(&Constant(2.5).fit(&train), &[0]),
        array![[2.5, 2.5]]
    );
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let none = Array2::from_elem((2, 1), false);
    let empty = TargetMatrix::with_mask(Array2::zeros((2, 1)), none, names(1)).unwrap();
    let full = TargetMatrix::new(Array2::zeros((2, 1)), names(1)).unwrap();
    let x = array![[1.0], [2.0]];
    let one = Ridge::new(Strength::Fixed(1.0));
    let empty_column = |error: TargetError| matches!(error, TargetError::EmptyColumn { .. });
    assert!(empty_column(ColumnAverage::MEAN.fit(&empty).unwrap_err()));
    assert!(empty_column(
        TwoWay.fit(&empty, &[(0, 0), (0, 1)]).unwrap_err()
    ));
    assert!(empty_column(one.fit(&x, &empty).unwrap_err()));
    let far = |_: &usize, _: &usize| 1.0;
    assert!(empty_column(
        Neighbours::new(1)
            .fit(vec![0, 1], &empty, far)
            .err()
            .unwrap()
    ));
    for k in [0, 3] {
        let error = Neighbours::new(k)
            .fit(vec![0, 1], &full, far)
            .err()
            .unwrap();
        assert!(matches!(error, TargetError::Neighbours { n_rows: 2, .. }));
    }
    for strength in [
        Strength::Fixed(0.0),
        Strength::Fixed(f64::NAN),
        Strength::LeaveOneOut(vec![]),
        Strength::GeneralisedCrossValidation(vec![1.0, -1.0]),
    ] {
        let error = Ridge::new(strength).fit(&x, &full).unwrap_err();
        assert!(matches!(error, TargetError::Strength { .. }));
    }
    let error = one.fit(&array![[1.0], [f32::INFINITY]], &full).unwrap_err();
    assert_eq!(
        error.to_string(),
        "row 1, feature 0: the value is inf, expected a finite number"
    );
    let fitted = one.fit(&x, &full).unwrap();
    assert!(matches!(
        fitted.predict(&Array2::zeros((1, 2))),
        Err(TargetError::Shape { .. })
    ));
    assert!(matches!(
        one.fit(&Array2::zeros((3, 1)), &full),
        Err(TargetError::Length { .. })
    ));
}

#[test]
fn the_strength_that_predicts_new_rows_is_chosen() {
    // Noise alone wants the strongest penalty, a clean line the weakest.
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut draw = || Array2::from_shape_simple_fn((60, 8), || rng.random::<f32>() - 0.5);
    let (x, valid_x, noise) = (draw(), draw(), draw());
    let column = |matrix: &Array2<f32>| {
        let values = matrix.slice(ndarray::s![.., 0..1]).to_owned();
        TargetMatrix::new(values, names(1)).unwrap()
    };
    let grid = [1e-4, 1.0, 1e4];
    for (targets, expected) in [(column(&x), 1e-4), (column(&noise), 1e4)] {
        for strength in [
            Strength::LeaveOneOut(grid.to_vec()),
            Strength::GeneralisedCrossValidation(grid.to_vec()),
        ] {
            let fitted = Ridge::new(strength).fit(&x, &targets).unwrap();
            assert_eq!(fitted.strength(), expected);
        }
    }
    let (clean, valid) = (column(&x), column(&valid_x));
    let fitted = Ridge::fit_validated(&grid, &x, &clean, &valid_x, &valid).unwrap();
    assert_eq!(fitted.strength(), 1e-4);
}

#[test]
fn controls_of_sequences_stand_in_one_list() {
    let parse = |texts: &[&str]| -> Vec<Seq<Dna>> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    };
    let train = parse(&["AAAA", "AAAC", "CCCA", "CCCC"]);
    let labels = ClassLabels::new(vec![0, 0, 1, 1], 2).unwrap();
    let far = |a: &Seq<Dna>, b: &Seq<Dna>| {
        let differ = a.codes().iter().zip(b.codes()).filter(|(a, b)| a != b);
        differ.count() as f64
    };
    let kmers = LinearKmers::new(2, Strength::Fixed(0.01));
    let controls: Vec<Box<dyn Classifier<Dna>>> = vec![
        Box::new(kmers.fit_classes(&train, &labels).unwrap()),
        Box::new(
            Neighbours::new(1)
                .fit_classes(train.clone(), &labels, far)
                .unwrap(),
        ),
    ];
    for control in &controls {
        let probabilities = control.predict_proba(&train);
        assert!(probabilities.rows().into_iter().all(|row| row.sum() == 1.0));
        assert_eq!(
            control.predict(&parse(&["AAAA", "CACC"])),
            [0, 1],
            "{}",
            control.name()
        );
    }
    assert_eq!(controls[0].name(), "linear on 2-mers, strength 0.01");
    let targets = TargetMatrix::new(array![[0.], [1.], [2.], [3.]], names(1)).unwrap();
    let controls: Vec<Box<dyn Regressor<[Seq<Dna>]>>> = vec![
        Box::new(Constant::ZERO.fit(&targets)),
        Box::new(ColumnAverage::MEDIAN.fit(&targets).unwrap()),
        Box::new(kmers.fit(&train, &targets).unwrap()),
        Box::new(
            Neighbours::new(1)
                .fit(train.clone(), &targets, far)
                .unwrap(),
        ),
    ];
    let errors: Vec<f32> = controls
        .iter()
        .map(|control| {
            (control.predict(&train).unwrap().values() - targets.values())
                .mapv(f32::abs)
                .sum()
        })
        .collect();
    assert_eq!(errors[0], 6.0);
    assert_eq!(errors[1], 4.0);
    assert!(errors[2] < 1.0, "{}", errors[2]);
    assert_eq!(errors[3], 0.0);
}
