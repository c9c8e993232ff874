//! Rows of a file are the rows of the array, whatever the order; pairs are those of the matrix; broken files are refused.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData};
use hairpin_models::Model;
use hairpin_targets::{TargetError, TargetMatrix};
use hairpin_train::{
    BinaryClassification, ColumnSample, Dataset, NpyMatrix, NpyRows, NpySequences, Objective,
    PairDataset, PairInput, Regression, Sampled, TargetBatch, TrainError, Vectors, predict,
};
use ndarray::{Array2, Array3};
use ndarray_npy::write_npy;
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeSet;
use std::path::PathBuf;

fn saved(array: &Array2<f32>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    write_npy(&path, array).unwrap();
    (folder, path)
}

fn numbers(rows: usize, columns: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, columns), |(row, column)| (row * 10 + column) as f32)
}

/// A `.npy` file of version 1 with this dictionary and these data.
fn npy(dictionary: &str, data: &[u8]) -> Vec<u8> {
    let text = format!("{dictionary}\n");
    let length = (text.len() as u16).to_le_bytes();
    [
        b"\x93NUMPY\x01\x00",
        length.as_slice(),
        text.as_bytes(),
        data,
    ]
    .concat()
}

fn open(content: &[u8]) -> Result<NpyRows, TrainError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    std::fs::write(&path, content).unwrap();
    NpyRows::open(path)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rows_come_as_they_are_asked_for(
        rows in prop::collection::vec(0usize..20, 0..30), columns in 1usize..5,
    ) {
        let array = numbers(20, columns);
        let (_folder, path) = saved(&array);
        let file = NpyRows::open(path).unwrap();
        let mut found = vec![f32::NAN; rows.len() * columns];
        file.read(&rows, &mut found).unwrap();
        let expected = array.select(ndarray::Axis(0), &rows);
        prop_assert_eq!(found, expected.iter().copied().collect::<Vec<f32>>());
    }

    #[test]
    fn no_bytes_make_it_panic(mut content in prop::collection::vec(any::<u8>(), 0..200), place in 0usize..80, byte: u8) {
        let _ = open(&content);
        content = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", &[0; 16]);
        if let Some(found) = content.get_mut(place) {
            *found = byte;
        }
        let _ = open(&content);
    }

    #[test]
    fn a_sample_has_each_column_once_and_all_of_them_in_time(n in 1usize..30, size in 0usize..40, seed: u64) {
        let sample = ColumnSample::new(n, size, seed);
        let mut seen = BTreeSet::new();
        for row in 0..1500 {
            let columns = sample.draw(&[row, 3]);
            prop_assert_eq!(columns.len(), size.clamp(1, n));
            prop_assert!(columns.is_sorted_by(|a, b| a < b));
            seen.extend(columns);
        }
        prop_assert_eq!(seen.len(), n);
    }
}

#[test]
fn batches_of_a_matrix_and_of_sequences() {
    let device = Device::flex();
    let (_folder, path) = saved(&numbers(5, 3));
    let matrix = NpyMatrix::new(NpyRows::open(&path).unwrap()).unwrap();
    assert_eq!((matrix.len(), matrix.length(0)), (5, 1));
    let found = matrix.batch(&[4, 1], None, &device).into_data();
    assert_eq!(
        found,
        TensorData::from([[40f32, 41.0, 42.0], [10.0, 11.0, 12.0]])
    );
    assert!(matches!(
        NpySequences::new(NpyRows::open(&path).unwrap()),
        Err(TrainError::Npy { .. })
    ));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    let array = Array3::from_shape_fn((3, 4, 2), |(row, position, channel)| {
        (100 * row + 10 * position + channel) as f32
    });
    write_npy(&path, &array).unwrap();
    let whole = NpySequences::new(NpyRows::open(&path).unwrap()).unwrap();
    assert_eq!(whole.batch(&[2], None, &device).x.dims(), [1, 4, 2]);
    assert!(matches!(
        NpyMatrix::new(NpyRows::open(&path).unwrap()),
        Err(TrainError::Npy { .. })
    ));
    // Padded to the longest of the batch with zeros, whatever the file has there.
    let cut = whole.with_lengths(vec![1, 4, 2]).unwrap();
    let batch = cut.batch(&[2, 0], None, &device);
    assert_eq!(*batch.lengths, [2, 1]);
    let expected = TensorData::from([[[200f32, 201.0], [210.0, 211.0]], [[0.0, 1.0], [0.0, 0.0]]]);
    assert_eq!(batch.x.into_data(), expected);
    for lengths in [vec![1, 2], vec![0, 1, 2], vec![1, 2, 5]] {
        let rows = NpyRows::open(&path).unwrap();
        assert!(
            NpySequences::new(rows)
                .unwrap()
                .with_lengths(lengths)
                .is_err()
        );
    }
}

#[test]
fn half_precision_is_read_exactly() {
    let bits = [0x3c00u16, 0xc000, 0x0001, 0x7bff]; // 1, -2, 2⁻²⁴, 65504
    let data: Vec<u8> = bits.iter().flat_map(|bits| bits.to_le_bytes()).collect();
    let file = open(&npy(
        "{'descr': '<f2', 'fortran_order': False, 'shape': (2, 2), }",
        &data,
    ));
    let mut found = [0.0; 4];
    file.unwrap().read(&[0, 1], &mut found).unwrap();
    assert_eq!(found, [1.0, -2.0, 2f32.powi(-24), 65504.0]);
}

#[test]
fn a_file_that_is_no_such_array_is_refused() {
    let header = |descr: &str, order: &str, shape: &str| {
        format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}")
    };
    let deep = format!(
        "{{'descr': {}'<f4'{}, }}",
        "[".repeat(3000),
        "]".repeat(3000)
    );
    for (content, message) in [
        (
            b"PK\x03\x04".to_vec(),
            "the file does not start as NumPy's do, expected an array that numpy.save wrote",
        ),
        (
            b"\x93NUMPY\x09\x00\x10\x00".to_vec(),
            "the format's version is not known",
        ),
        (
            b"\x93NUMPY\x01\x00\x10\x00{".to_vec(),
            "the header is cut short",
        ),
        (
            b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec(),
            "the header is longer than NumPy's limit",
        ),
        (npy(&deep, &[]), "the header has too many brackets"),
        (npy("{'descr': '<f4'}", &[]), "the header is broken"),
        (
            npy(&header("<f8", "False", "(1, 1)"), &[0; 8]),
            "expected `<f4` (float32) or `<f2` (float16)",
        ),
        (
            npy(&header(">f4", "False", "(1, 1)"), &[0; 4]),
            "expected `<f4` (float32) or `<f2` (float16)",
        ),
        (
            npy(&header("<f4", "True", "(2, 2)"), &[0; 16]),
            "the array is in Fortran order, expected C order",
        ),
        (
            npy(&header("<f4", "False", "(4,)"), &[0; 16]),
            "the shape is [4], expected two or three dimensions",
        ),
        (
            npy(&header("<f4", "False", "(4, 0)"), &[]),
            "the shape is [4, 0], expected two or three dimensions, none of them empty",
        ),
        (
            npy(&header("<f4", "False", "(2, 2)"), &[0; 15]),
            "bytes for the shape [2, 2]",
        ),
        (
            npy(&header("<f4", "False", "(2, 2)"), &[0; 17]),
            "bytes for the shape [2, 2]",
        ),
        (
            npy(
                &header(
                    "<f4",
                    "False",
                    "(9223372036854775807, 9223372036854775807, 9223372036854775807)",
                ),
                &[],
            ),
            "expected a shape that fits a file",
        ),
    ] {
        let error = open(&content).unwrap_err().to_string();
        assert!(
            error.contains(message) && error.contains("x.npy"),
            "{error}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(NpyRows::open(folder.path()).is_err());
    assert!(matches!(
        NpyRows::open(folder.path().join("absent.npy")),
        Err(TrainError::Read { .. })
    ));
}

#[test]
fn a_disk_that_fails_in_the_middle_is_told() {
    let device = Device::flex();
    let (_folder, path) = saved(&numbers(50, 4));
    let dataset = NpyMatrix::new(NpyRows::open(&path).unwrap()).unwrap();
    assert!(dataset.failure().is_none());
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(200).unwrap();
    let batch = dataset.batch(&[0, 49], None, &device);
    let values = batch.into_data().try_into_vec::<f32>().unwrap();
    assert!(values.iter().all(|value| value.is_nan()));
    for _ in 0..2 {
        let error = dataset.failure().unwrap().to_string();
        assert!(
            error.contains("x.npy: cannot read rows of the array"),
            "{error}"
        );
    }
    let again = NpyRows::open(&path);
    assert!(matches!(again, Err(TrainError::Npy { .. })));
}

#[test]
fn a_block_of_pairs_is_that_of_the_matrix() {
    let device = Device::flex();
    let (_left, left) = saved(&numbers(6, 2));
    let (_right, right) = saved(&numbers(9, 3));
    let left = NpyMatrix::new(NpyRows::open(left).unwrap()).unwrap();
    let right = NpyMatrix::new(NpyRows::open(right).unwrap()).unwrap();
    let sample = ColumnSample::new(6, 2, 7);
    let pairs = PairDataset::new(&left, &right, sample);
    assert_eq!((pairs.len(), pairs.length(3)), (9, 1));
    let rows = [8, 0, 3];
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let block = pairs.batch(&rows, Some(&mut rng), &device);
    assert_eq!(block.columns, sample.draw(&rows));
    assert_eq!(block.right.dims(), [3, 3]);
    let lefts = block.left.into_data().try_into_vec::<f32>().unwrap();
    let expected = [
        block.columns[0] as f32 * 10.0,
        block.columns[1] as f32 * 10.0,
    ];
    assert_eq!([lefts[0], lefts[2]], expected);

    // Outputs that are right in all but one measured pair, by 2.
    let values = Array2::from_shape_fn((9, 6), |(row, column)| (row * 6 + column) as f32);
    let mut measured = Array2::from_elem((9, 6), true);
    measured[[0, block.columns[1]]] = false;
    let names = (0..6)
        .map(|column| format!("protein {column}"))
        .collect::<Vec<_>>();
    let target = TargetMatrix::with_mask(values.clone(), measured, names).unwrap();
    let mut outputs = Vec::new();
    for &row in &rows {
        outputs.extend(block.columns.iter().map(|&column| values[[row, column]]));
    }
    outputs[3] = 1e6; // row 0, the pair that was not measured
    outputs[4] += 2.0; // row 3
    let outputs = Tensor::<2>::from_data(TensorData::new(outputs, [3, 2]), &device);
    let objective = Sampled {
        objective: Regression::default(),
        sample,
    };
    objective.check(&target).unwrap();
    let batch = TargetBatch {
        target: &target,
        rows: &rows,
        weights: None,
    };
    let loss = objective.loss(outputs.clone(), batch).into_scalar::<f32>();
    assert_eq!(loss, 4.0 / 5.0);
    let mut weights = [1.0; 9];
    weights[3] = 0.5;
    let batch = TargetBatch {
        weights: Some(&weights),
        ..batch
    };
    let loss = objective.loss(outputs, batch).into_scalar::<f32>();
    assert_eq!(loss, 2.0 / 4.0);
    assert_eq!(objective.n_outputs(&target), 6);
    let all = pairs.batch(&rows, None, &device);
    assert_eq!((all.columns.len(), all.left.dims()), (6, [6, 2]));
    let narrow = Sampled {
        sample: ColumnSample::new(5, 2, 7),
        ..objective
    };
    assert!(matches!(
        narrow.check(&target),
        Err(TargetError::Length { .. })
    ));
    let bits = TargetMatrix::new(values.mapv(|value| value % 2.0), target.names().to_vec());
    let by_column = Sampled {
        objective: BinaryClassification {
            pos_weight: Some(vec![2.0; 6]),
            ..BinaryClassification::default()
        },
        sample,
    };
    // Every second column is constant, and the objective minds only if all are.
    let mut values = bits.unwrap().into_arrays().0;
    values[[0, 0]] = 1.0;
    let bits = TargetMatrix::new(values, target.names().to_vec()).unwrap();
    assert!(matches!(
        by_column.check(&bits),
        Err(TargetError::Length { .. })
    ));
}

/// The agreement of a left and a right, each through a layer of its own.
#[derive(Module, Debug)]
struct TwoTower {
    left: Linear,
    right: Linear,
    n_left: usize,
}

impl Model for TwoTower {
    type Input = PairInput<Tensor<2>, Tensor<2>>;

    fn forward(&self, input: Self::Input) -> Tensor<2> {
        let left = self.left.forward(input.left);
        self.right.forward(input.right).matmul(left.transpose())
    }

    fn n_outputs(&self) -> usize {
        self.n_left
    }

    fn min_length(&self) -> usize {
        1
    }
}

#[test]
fn two_towers_learn_from_blocks_and_predict_every_pair() {
    let spread = |row: usize, column: usize| ((row * 7 + column * 3) % 11) as f32 / 5.0 - 1.0;
    let (lefts, rights) = (
        Array2::from_shape_fn((6, 3), |(row, column)| spread(row, column)),
        Array2::from_shape_fn((40, 4), |(row, column)| spread(row, column + 5)),
    );
    let truth = Array2::from_shape_fn((40, 6), |(right, left)| {
        rights[[right, 0]] * lefts[[left, 1]] - 0.5 * rights[[right, 3]] * lefts[[left, 0]]
    });
    let measured = Array2::from_shape_fn((40, 6), |(right, left)| (right + left) % 4 > 0);
    let names = (0..6).map(|left| format!("protein {left}")).collect();
    let seen = TargetMatrix::with_mask(truth.clone(), measured.clone(), names).unwrap();
    let (_left, left) = saved(&lefts);
    let (_right, right) = saved(&rights);
    let left = NpyMatrix::new(NpyRows::open(left).unwrap()).unwrap();
    let right = NpyMatrix::new(NpyRows::open(right).unwrap()).unwrap();
    let sample = ColumnSample::new(6, 3, 11);
    let pairs = PairDataset::new(&left, &right, sample);
    let objective = Sampled {
        objective: Regression::default(),
        sample,
    };
    objective.check(&seen).unwrap();

    let device = Device::flex().autodiff();
    let weights = |rows: usize, shift: usize| {
        let values = (0..rows * 3).map(|place| spread(place, shift) * 0.5);
        let data = TensorData::new(values.collect::<Vec<f32>>(), [rows, 3]);
        burn::module::Param::from_tensor(Tensor::from_data(data, &device))
    };
    let layer = |rows, shift| Linear {
        weight: weights(rows, shift),
        ..LinearConfig::new(rows, 3).with_bias(false).init(&device)
    };
    let mut model = TwoTower {
        left: layer(3, 1),
        right: layer(4, 2),
        n_left: 6,
    };
    let mut optimizer = AdamConfig::new().init();
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let order: Vec<usize> = (0..40).map(|row| row * 17 % 40).collect();
    for epoch in 0..150 {
        for (index, rows) in order.chunks(8).enumerate() {
            // The order within the batch is what an epoch's shuffle changes.
            let mut rows = rows.to_vec();
            rows.rotate_left((epoch + index) % 8);
            let input = pairs.batch(&rows, Some(&mut rng), &device);
            let batch = TargetBatch {
                target: &seen,
                rows: &rows,
                weights: None,
            };
            let loss = objective.loss(model.forward(input), batch);
            let gradients = GradientsParams::from_grads(loss.backward(), &model);
            model = optimizer.step(0.02, model, gradients);
        }
    }
    assert!(pairs.failure().is_none());
    let predictions = predict(&model.valid(), &objective, &pairs, 7, &Device::flex()).unwrap();
    assert_eq!(predictions.dim(), (40, 6));
    // Pairs that were never measured are predicted as well as the others.
    let worst = |of_measured: bool| {
        let errors = predictions.iter().zip(&truth).zip(&measured);
        errors
            .filter(|(_, measured)| **measured == of_measured)
            .map(|((x, y), _)| (x - y).abs())
            .fold(0.0, f32::max)
    };
    assert!(
        worst(true) < 0.05 && worst(false) < 0.05,
        "{} {}",
        worst(true),
        worst(false)
    );
    let found = objective.evaluate(&predictions, &seen).unwrap();
    assert!(found.score > 0.99 && found.loss < 1e-3, "{found:?}");

    // Lefts that no batch has seen: as many outputs as there are of them.
    let others = Array2::from_shape_fn((2, 3), |(row, column)| spread(row + 9, column));
    let unseen = Vectors::new(others.clone());
    let held_out = PairDataset::new(&unseen, &right, ColumnSample::new(2, 2, 1));
    let found = predict(&model.valid(), &objective, &held_out, 7, &Device::flex()).unwrap();
    assert_eq!(found.dim(), (40, 2));
    for ((right, left), value) in found.indexed_iter() {
        let (right, left) = (rights.row(right), others.row(left));
        let expected = right[0] * left[1] - 0.5 * right[3] * left[0];
        assert!((value - expected).abs() < 0.1, "{value} {expected}");
    }
}
