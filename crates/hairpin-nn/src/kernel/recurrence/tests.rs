//! The fused kernel against the tensor operations, and the laws both must keep.

use super::{Recurrence, flex, plain};
use crate::Cell;
use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// Sizes of a case.
#[derive(Clone, Copy, Debug)]
struct Case {
    batch: usize,
    length: usize,
    d_hidden: usize,
    directions: usize,
    ragged: bool,
    cell: Cell,
    d_input: usize,
}

fn uniform<const D: usize>(rng: &mut ChaCha8Rng, dims: [usize; D], device: &Device) -> Tensor<D> {
    let count = dims.iter().product();
    let values: Vec<f32> = (0..count)
        .map(|_| (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0)
        .collect();
    Tensor::from_data(TensorData::new(values, dims), device)
}

fn inputs(case: Case, device: &Device) -> (Recurrence, Tensor<3>, Tensor<4>) {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let Case {
        batch,
        length,
        d_hidden,
        directions,
        ragged,
        cell,
        d_input,
    } = case;
    let width = directions * cell.gates() * d_hidden;
    let parts = if cell == Cell::Lstm { 2 } else { 1 };
    let lengths: Vec<usize> = (0..batch)
        .map(|_| {
            if ragged {
                1 + rng.next_u32() as usize % length
            } else {
                length
            }
        })
        .collect();
    let recurrence = Recurrence {
        x: uniform(&mut rng, [batch, length, d_input], device),
        weight_ih: uniform(&mut rng, [d_input, width], device),
        weight_hh: uniform(
            &mut rng,
            [directions, d_hidden, cell.gates() * d_hidden],
            device,
        ) * 0.5,
        bias: uniform(&mut rng, [directions * 4 * d_hidden], device),
        state: uniform(&mut rng, [parts, directions, batch, d_hidden], device),
        lengths: lengths.into(),
    };
    let g_output = uniform(&mut rng, [batch, length, directions * d_hidden], device);
    let g_state = uniform(&mut rng, [parts, directions, batch, d_hidden], device);
    (recurrence, g_output, g_state)
}

type Run = fn(Cell, Recurrence) -> (Tensor<3>, Tensor<4>);

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().unwrap()
}

/// Output, state, and the gradients of gates, weights, bias and initial state.
fn all(case: Case, device: &Device, run: Run) -> Vec<Vec<f32>> {
    let (recurrence, g_output, g_state) = inputs(case, device);
    let recurrence = Recurrence {
        x: recurrence.x.require_grad(),
        weight_ih: recurrence.weight_ih.require_grad(),
        weight_hh: recurrence.weight_hh.detach().require_grad(),
        bias: recurrence.bias.require_grad(),
        state: recurrence.state.require_grad(),
        lengths: recurrence.lengths,
    };
    let (output, state) = run(case.cell, recurrence.clone());
    let loss = (output.clone() * g_output).sum() + (state.clone() * g_state).sum();
    let grads = loss.backward();
    vec![
        values(output),
        values(state),
        values(recurrence.x.grad(&grads).unwrap()),
        values(recurrence.weight_ih.grad(&grads).unwrap()),
        values(recurrence.weight_hh.grad(&grads).unwrap()),
        values(recurrence.bias.grad(&grads).unwrap()),
        values(recurrence.state.grad(&grads).unwrap()),
    ]
}

fn close(expected: &[Vec<f32>], found: &[Vec<f32>], case: Case) {
    let names = [
        "output",
        "state",
        "d x",
        "d weight_ih",
        "d weight_hh",
        "d bias",
        "d state",
    ];
    for ((name, expected), found) in names.iter().zip(expected).zip(found) {
        assert_eq!(expected.len(), found.len(), "{case:?}: {name}");
        let scale = expected.iter().fold(1f32, |m, v| m.max(v.abs()));
        for (index, (e, f)) in expected.iter().zip(found).enumerate() {
            assert!(
                (e - f).abs() <= 1e-5 * scale,
                "{case:?}: {name}[{index}] is {f}, expected {e}"
            );
        }
    }
}

/// One row of a state.
fn own_state(state: &Tensor<4>, row: usize) -> Tensor<4> {
    let [parts, directions, _, _] = state.dims();
    state.clone().slice([0..parts, 0..directions, row..row + 1])
}

const CELLS: [Cell; 3] = [Cell::Lstm, Cell::Gru, Cell::GruResetBefore];

fn cases() -> impl Iterator<Item = Case> {
    let sizes = [
        (1, 1, 1),
        (1, 7, 3),
        (3, 5, 16),
        (5, 9, 17),
        (9, 4, 8),
        (17, 6, 33),
        (8, 3, 129),
    ];
    let ways = [(1, false), (2, false), (1, true), (2, true)];
    let all = sizes
        .into_iter()
        .flat_map(move |size| ways.map(|way| (size, way)));
    all.flat_map(|((batch, length, d_hidden), (directions, ragged))| {
        CELLS.map(|cell| Case {
            batch,
            length,
            d_hidden,
            directions,
            ragged,
            cell,
            // A narrow and a wide input.
            d_input: if batch % 2 == 0 { 11 } else { 3 },
        })
    })
}

#[test]
fn the_fused_kernel_equals_the_tensor_operations() {
    for device in [
        Device::flex().autodiff(),
        Device::flex().autodiff().gradient_checkpointing(),
    ] {
        for case in cases() {
            close(
                &all(case, &device, plain::run),
                &all(case, &device, flex::run),
                case,
            );
        }
    }
}

#[test]
fn a_constant_input_leaves_the_gradient_of_the_weights() {
    for cell in CELLS {
        let case = Case {
            batch: 3,
            length: 5,
            d_hidden: 4,
            directions: 2,
            ragged: true,
            cell,
            d_input: 3,
        };
        let device = Device::flex().autodiff();
        let expected = all(case, &device, plain::run);
        let (recurrence, g_output, g_state) = inputs(case, &device);
        let weight_hh = recurrence.weight_hh.clone().detach().require_grad();
        // Gates, bias and state come from the plain device, as constants of a graph do.
        let (output, state) = flex::run(
            case.cell,
            Recurrence {
                x: recurrence.x.inner(),
                weight_ih: recurrence.weight_ih.inner(),
                weight_hh: weight_hh.clone(),
                bias: recurrence.bias.inner(),
                state: recurrence.state.inner(),
                lengths: recurrence.lengths,
            },
        );
        let grads = ((output * g_output).sum() + (state * g_state).sum()).backward();
        close(
            &[expected[4].clone()],
            &[values(weight_hh.grad(&grads).unwrap())],
            case,
        );
    }
}

#[test]
fn a_strided_input_is_read_by_its_strides() {
    for cell in CELLS {
        let case = Case {
            batch: 4,
            length: 6,
            d_hidden: 5,
            directions: 1,
            ragged: false,
            cell,
            d_input: 3,
        };
        let device = Device::flex();
        let (recurrence, ..) = inputs(case, &device);
        let (expected, _) = flex::run(case.cell, recurrence.clone());
        let strided = Recurrence {
            x: recurrence
                .x
                .clone()
                .swap_dims(0, 1)
                .mul_scalar(1.0)
                .swap_dims(0, 1),
            ..recurrence
        };
        assert_eq!(values(expected), values(flex::run(case.cell, strided).0));
    }
}

#[test]
fn a_padded_row_gives_exactly_what_it_gives_alone() {
    for cell in CELLS {
        let case = Case {
            batch: 11,
            length: 13,
            d_hidden: 20,
            directions: 2,
            ragged: true,
            cell,
            d_input: 3,
        };
        let device = Device::flex();
        let (recurrence, ..) = inputs(case, &device);
        let (output, state) = flex::run(case.cell, recurrence.clone());
        for (row, &own) in recurrence.lengths.clone().iter().enumerate() {
            let alone = Recurrence {
                x: recurrence.x.clone().slice([row..row + 1, 0..own]),
                state: own_state(&recurrence.state, row),
                lengths: vec![own].into(),
                ..recurrence.clone()
            };
            let (alone_output, alone_state) = flex::run(case.cell, alone);
            assert_eq!(
                values(output.clone().slice([row..row + 1, 0..own])),
                values(alone_output)
            );
            assert_eq!(values(own_state(&state, row)), values(alone_state));
            let beyond = values(output.clone().slice([row..row + 1, own..case.length]));
            assert!(beyond.iter().all(|&v| v == 0.0));
        }
    }
}

#[test]
fn nan_in_one_row_stays_in_that_row() {
    for cell in CELLS {
        let case = Case {
            batch: 6,
            length: 8,
            d_hidden: 9,
            directions: 2,
            ragged: true,
            cell,
            d_input: 3,
        };
        let device = Device::flex();
        let (recurrence, ..) = inputs(case, &device);
        let (clean, _) = flex::run(case.cell, recurrence.clone());
        let width = case.d_input;
        let poison = Tensor::full([1, case.length, width], f32::NAN, &device);
        let x = recurrence
            .x
            .clone()
            .slice_assign([2..3, 0..case.length, 0..width], poison);
        let (dirty, _) = flex::run(case.cell, Recurrence { x, ..recurrence });
        for row in (0..case.batch).filter(|&row| row != 2) {
            let at = |t: &Tensor<3>| values(t.clone().slice(row..row + 1));
            assert_eq!(at(&clean), at(&dirty), "row {row}");
        }
        assert!(values(dirty.slice([2..3, 0..1])).iter().all(|v| v.is_nan()));
    }
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    for cell in CELLS {
        let case = Case {
            batch: 21,
            length: 17,
            d_hidden: 40,
            directions: 2,
            ragged: true,
            cell,
            d_input: 3,
        };
        let device = Device::flex().autodiff();
        let with = |threads: usize| {
            rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap()
                .install(|| all(case, &device, flex::run))
        };
        assert_eq!(with(1), with(3));
    }
}

#[test]
fn the_order_of_the_batch_changes_nothing_but_the_order() {
    for cell in CELLS {
        let case = Case {
            batch: 19,
            length: 7,
            d_hidden: 12,
            directions: 2,
            ragged: true,
            cell,
            d_input: 3,
        };
        let device = Device::flex();
        let (recurrence, ..) = inputs(case, &device);
        let (output, state) = flex::run(cell, recurrence.clone());
        // Rows move to other tasks and to other places of a tile.
        let shuffled = Recurrence {
            x: recurrence.x.clone().flip([0]),
            state: recurrence.state.clone().flip([2]),
            lengths: recurrence.lengths.iter().rev().copied().collect(),
            ..recurrence
        };
        let (other_output, other_state) = flex::run(cell, shuffled);
        assert_eq!(values(output), values(other_output.flip([0])), "{cell:?}");
        assert_eq!(values(state), values(other_state.flip([2])), "{cell:?}");
    }
}

#[test]
fn a_reversed_string_swaps_the_directions() {
    for cell in CELLS {
        let case = Case {
            batch: 3,
            length: 6,
            d_hidden: 5,
            directions: 2,
            ragged: false,
            cell,
            d_input: 4,
        };
        let device = Device::flex();
        let (recurrence, ..) = inputs(case, &device);
        let (output, _) = flex::run(cell, recurrence.clone());
        let width = cell.gates() * case.d_hidden;
        let swapped = Recurrence {
            x: recurrence.x.clone().flip([1]),
            weight_ih: swap_halves(recurrence.weight_ih, width),
            weight_hh: recurrence.weight_hh.flip([0]),
            bias: swap_halves(recurrence.bias.unsqueeze::<2>(), 4 * case.d_hidden).squeeze_dim(0),
            state: recurrence.state.flip([1]),
            lengths: recurrence.lengths,
        };
        let (other, _) = flex::run(cell, swapped);
        let [batch, length, _] = other.dims();
        let other = other.flip([1]).reshape([batch * length, 2 * case.d_hidden]);
        let expected = output.reshape([batch * length, 2 * case.d_hidden]);
        assert_eq!(
            values(expected),
            values(swap_halves(other, case.d_hidden)),
            "{cell:?}"
        );
    }
}

/// The two halves of `width` columns in the other order.
fn swap_halves(matrix: Tensor<2>, width: usize) -> Tensor<2> {
    let [rows, columns] = matrix.dims();
    assert_eq!(columns, 2 * width);
    let first = matrix.clone().slice([0..rows, 0..width]);
    let second = matrix.slice([0..rows, width..columns]);
    Tensor::cat(vec![second, first], 1)
}
