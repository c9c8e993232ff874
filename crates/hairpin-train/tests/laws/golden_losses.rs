//! Losses and their gradients against PyTorch; `fixtures/make/golden_losses.py` made the values.

use burn::module::{ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use hairpin_golden::{Tolerance, assert_close, golden_json};
use hairpin_targets::{ClassLabels, TargetMatrix};
use hairpin_train::{
    BinaryClassification, Classification, GaussianRegression, InfoNce, Loss, Objective,
    TargetBatch, Variance,
};
use ndarray::{Array2, ArrayView2};
use serde::Deserialize;

const TOLERANCE: Tolerance = Tolerance {
    absolute: 1e-6,
    relative: 1e-5,
};

/// `null` is what is not there.
type Matrix = Vec<Vec<Option<f32>>>;

#[derive(Deserialize)]
struct Golden {
    numbers: Numbers,
    classes: Classes,
    binary: Binary,
    gaussian: Gaussian,
    contrastive: Contrastive,
}

#[derive(Deserialize)]
struct Numbers {
    outputs: Matrix,
    targets: Matrix,
    targets_masked: Matrix,
    cases: Vec<NumberCase>,
}

#[derive(Deserialize)]
struct NumberCase {
    loss: Loss,
    weights: Option<Matrix>,
    value: f32,
    gradient: Matrix,
}

#[derive(Deserialize)]
struct Classes {
    outputs: Matrix,
    labels: Vec<usize>,
    cases: Vec<ClassCase>,
}

#[derive(Deserialize)]
struct ClassCase {
    label_smoothing: f64,
    class_weights: Option<Vec<f32>>,
    row_weights: Option<Vec<f32>>,
    focal_gamma: f64,
    value: f32,
    gradient: Matrix,
}

#[derive(Deserialize)]
struct Binary {
    outputs: Matrix,
    targets: Matrix,
    targets_masked: Matrix,
    cases: Vec<BinaryCase>,
}

#[derive(Deserialize)]
struct BinaryCase {
    pos_weight: Option<Vec<f32>>,
    row_weights: Option<Vec<f32>>,
    masked: bool,
    value: f32,
    gradient: Matrix,
}

#[derive(Deserialize)]
struct Gaussian {
    outputs: Matrix,
    targets: Matrix,
    targets_masked: Matrix,
    standard_errors: Matrix,
    floor: f64,
    unknown: f64,
    cases: Vec<GaussianCase>,
}

#[derive(Deserialize)]
struct GaussianCase {
    learned: bool,
    row_weights: Option<Vec<f32>>,
    masked: bool,
    value: f32,
    gradient: Matrix,
}

#[derive(Deserialize)]
struct Contrastive {
    similarity: Matrix,
    cases: Vec<ContrastiveCase>,
}

#[derive(Deserialize)]
struct ContrastiveCase {
    temperature: f64,
    row_weights: Option<Vec<f32>>,
    value: f32,
    gradient: Matrix,
    gradient_of_log_scale: f32,
}

fn golden() -> Golden {
    golden_json("hairpin-train", "losses.json")
}

fn array(matrix: &Matrix, missing: f32) -> Array2<f32> {
    let shape = (matrix.len(), matrix[0].len());
    let values = matrix.iter().flatten();
    let values = values.map(|value| value.unwrap_or(missing)).collect();
    Array2::from_shape_vec(shape, values).unwrap()
}

fn tensor(values: ArrayView2<'_, f32>) -> Tensor<2> {
    let shape = [values.nrows(), values.ncols()];
    let data = TensorData::new(values.iter().copied().collect::<Vec<f32>>(), shape);
    Tensor::from_data(data, &Device::flex().autodiff())
}

fn target(matrix: &Matrix) -> TargetMatrix {
    let names = (0..matrix[0].len()).map(|column| format!("task {column}"));
    TargetMatrix::from_nan(array(matrix, f32::NAN), names.collect()).unwrap()
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap()
}

/// Compares a loss of `outputs` and its gradient; returns all gradients.
#[track_caller]
fn compare(
    case: &str,
    outputs: &Tensor<2>,
    loss: Tensor<1>,
    value: f32,
    gradient: &Matrix,
) -> Gradients {
    assert_close(case, &[value], &values(loss.clone()), TOLERANCE);
    let gradients = loss.backward();
    let found = values(outputs.grad(&gradients).expect("the loss uses the outputs"));
    let expected: Vec<f32> = array(gradient, f32::NAN).into_iter().collect();
    assert_close(&format!("gradient of {case}"), &expected, &found, TOLERANCE);
    gradients
}

#[test]
fn losses_of_numbers() {
    let Numbers {
        outputs,
        targets,
        targets_masked,
        cases,
    } = golden().numbers;
    assert_eq!(cases.len(), 22);
    for case in cases {
        let name = format!("{} (weighted: {})", case.loss, case.weights.is_some());
        let weights = case.weights.as_ref().map(|weights| array(weights, 0.0));
        // NaN where nothing was measured.
        let y = match weights {
            None => array(&targets, f32::NAN),
            Some(_) => array(&targets_masked, f32::NAN),
        };
        let x = array(&outputs, f32::NAN);
        let on_device = tensor(x.view()).require_grad();
        let w = weights.as_ref().map(|weights| tensor(weights.view()));
        let loss = case.loss.forward(on_device.clone(), tensor(y.view()), w);
        compare(&name, &on_device, loss, case.value, &case.gradient);
        let w = weights.as_ref().map(|weights| weights.view());
        let whole = case.loss.value(x.view(), y.view(), w) as f32;
        assert_close(&name, &[case.value], &[whole], TOLERANCE);
    }
}

#[test]
fn cross_entropy_and_focal_loss() {
    let Classes {
        outputs,
        labels,
        cases,
    } = golden().classes;
    assert_eq!(cases.len(), 24);
    let rows: Vec<usize> = (0..labels.len()).collect();
    let labels = ClassLabels::new(labels, outputs[0].len()).unwrap();
    for case in cases {
        let objective = Classification {
            label_smoothing: case.label_smoothing,
            class_weights: case.class_weights,
            focal_gamma: case.focal_gamma,
        };
        objective.check(&labels).unwrap();
        let batch = TargetBatch {
            target: &labels,
            rows: &rows,
            weights: case.row_weights.as_deref(),
        };
        let x = tensor(array(&outputs, f32::NAN).view()).require_grad();
        let loss = objective.loss(x.clone(), batch);
        let name = format!("{objective:?}, rows {:?}", case.row_weights);
        compare(&name, &x, loss, case.value, &case.gradient);
        if case.row_weights.is_none() {
            let probabilities = values(objective.activate(x.clone()));
            let shape = x.dims();
            let probabilities =
                Array2::from_shape_vec((shape[0], shape[1]), probabilities).unwrap();
            let whole = objective.evaluate(&probabilities, &labels).unwrap().loss as f32;
            assert_close(&name, &[case.value], &[whole], TOLERANCE);
        }
    }
}

/// The loss of an objective on numbers, in a batch and over the split.
fn of_targets<O: Objective<Target = TargetMatrix>>(
    name: &str,
    objective: &O,
    target: &TargetMatrix,
    outputs: &Array2<f32>,
    row_weights: Option<&[f32]>,
    value: f32,
    gradient: &Matrix,
) {
    objective.check(target).unwrap();
    let rows: Vec<usize> = (0..target.n_rows()).collect();
    let x = tensor(outputs.view()).require_grad();
    let batch = TargetBatch {
        target,
        rows: &rows,
        weights: row_weights,
    };
    compare(name, &x, objective.loss(x.clone(), batch), value, gradient);
    if row_weights.is_none() {
        let predictions = values(objective.activate(x));
        let predictions = Array2::from_shape_vec(outputs.dim(), predictions).unwrap();
        let whole = objective.evaluate(&predictions, target).unwrap().loss as f32;
        assert_close(name, &[value], &[whole], TOLERANCE);
    }
}

#[test]
fn binary_cross_entropy() {
    let Binary {
        outputs,
        targets,
        targets_masked,
        cases,
    } = golden().binary;
    assert_eq!(cases.len(), 8);
    for case in cases {
        let objective = BinaryClassification {
            pos_weight: case.pos_weight,
            ..BinaryClassification::default()
        };
        of_targets(
            &format!("{objective:?}, masked: {}", case.masked),
            &objective,
            &target(if case.masked {
                &targets_masked
            } else {
                &targets
            }),
            &array(&outputs, f32::NAN),
            case.row_weights.as_deref(),
            case.value,
            &case.gradient,
        );
    }
}

#[test]
fn gaussian_likelihood() {
    let Gaussian {
        outputs,
        targets,
        targets_masked,
        standard_errors,
        floor,
        unknown,
        cases,
    } = golden().gaussian;
    assert_eq!(cases.len(), 8);
    for case in cases {
        let truth = target(if case.masked {
            &targets_masked
        } else {
            &targets
        })
        .with_standard_errors(array(&standard_errors, f32::NAN))
        .unwrap();
        let mut x = array(&outputs, f32::NAN);
        let variance = if case.learned {
            Variance::Learned { floor: 1e-6 }
        } else {
            x = x.slice(ndarray::s![.., ..3]).to_owned();
            Variance::Known { floor, unknown }
        };
        let objective = GaussianRegression {
            variance,
            ..GaussianRegression::default()
        };
        of_targets(
            &format!("{objective:?}, masked: {}", case.masked),
            &objective,
            &truth,
            &x,
            case.row_weights.as_deref(),
            case.value,
            &case.gradient,
        );
    }
}

#[test]
fn contrastive_loss_and_its_temperature() {
    struct LogScale<'a> {
        gradients: &'a Gradients,
        found: Vec<f32>,
    }
    impl ModuleVisitor for LogScale<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let gradient = param.val().grad(self.gradients).unwrap();
            self.found.extend(values(gradient));
        }
    }
    let Contrastive { similarity, cases } = golden().contrastive;
    assert_eq!(cases.len(), 4);
    let device = Device::flex().autodiff();
    for case in cases {
        let module = InfoNce::new(case.temperature, &device).unwrap();
        let mut s = array(&similarity, f32::NAN);
        let weights = case.row_weights.as_ref().map(|weights| {
            for (pair, _) in weights.iter().enumerate().filter(|&(_, &w)| w == 0.0) {
                s.row_mut(pair).fill(f32::NAN);
                s.column_mut(pair).fill(f32::NAN);
            }
            Tensor::from_data(weights.as_slice(), &device)
        });
        let x = tensor(s.view()).require_grad();
        let loss = module.forward(x.clone(), weights);
        let name = format!(
            "temperature {}, rows {:?}",
            case.temperature, case.row_weights
        );
        let gradients = compare(&name, &x, loss, case.value, &case.gradient);
        let mut log_scale = LogScale {
            gradients: &gradients,
            found: Vec::new(),
        };
        burn::module::Module::visit(&module, &mut log_scale);
        let expected = [case.gradient_of_log_scale];
        assert_close(&name, &expected, &log_scale.found, TOLERANCE);
    }
}
