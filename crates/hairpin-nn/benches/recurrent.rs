//! Our recurrent layer beside Burn's own, on flex: a training step (forward, backward, Adam) and inference.
//!
//! `cargo bench --workspace --bench recurrent`; `fixtures/make/bench_torch.py` times PyTorch in the same run. Names are
//! `<what>/<cell> <hidden> <batch>x<length>x<input>/<whose>`.

use burn::module::Module;
use burn::nn::gru::{BiGru, BiGruConfig};
use burn::nn::{BiLstm, BiLstmConfig, Lstm, LstmConfig};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData};
use criterion::{Criterion, criterion_group, criterion_main};
use hairpin_nn::{Cell, RecurrentConfig, RecurrentInput};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::hint::black_box;

/// As in the programs; Burn's layers have it, too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `(cell, bidirectional, hidden, batch, length, input)`.
type Case = (Cell, bool, usize, usize, usize, usize);

const TRAIN: [Case; 4] = [
    (Cell::Lstm, true, 64, 32, 400, 4),
    (Cell::Lstm, true, 64, 32, 2000, 4),
    (Cell::Lstm, true, 256, 64, 107, 128),
    (Cell::Gru, true, 256, 64, 107, 128),
];
const INFER: [Case; 3] = [
    (Cell::Lstm, true, 64, 32, 400, 4),
    (Cell::Lstm, true, 64, 32, 2000, 4),
    (Cell::Lstm, false, 64, 1, 2000, 4),
];

fn name(what: &str, (cell, both, hidden, batch, length, input): Case, whose: &str) -> String {
    let cell = match cell {
        Cell::Lstm => "LSTM",
        Cell::Gru | Cell::GruResetBefore => "GRU",
    };
    let both = if both { "Bi" } else { "" };
    format!("{what}/{both}{cell} {hidden}, {batch} x {length} x {input}/{whose}")
}

fn batch((_, _, _, batch, length, input): Case, device: &Device) -> Tensor<3> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let values: Vec<f32> = (0..batch * length * input)
        .map(|_| (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0)
        .collect();
    Tensor::from_data(TensorData::new(values, [batch, length, input]), device)
}

/// Burn's layer of the same cell and directions.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one of them at a time")]
enum Theirs {
    BiLstm(BiLstm),
    Lstm(Lstm),
    BiGru(BiGru),
}

impl Theirs {
    fn new((cell, both, hidden, _, _, input): Case, device: &Device) -> Self {
        match (cell, both) {
            (Cell::Lstm, true) => Self::BiLstm(BiLstmConfig::new(input, hidden, true).init(device)),
            (Cell::Lstm, false) => Self::Lstm(LstmConfig::new(input, hidden, true).init(device)),
            _ => Self::BiGru(BiGruConfig::new(input, hidden, true).init(device)),
        }
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        match self {
            Self::BiLstm(layer) => layer.forward(x, None).0,
            Self::Lstm(layer) => layer.forward(x, None).0,
            Self::BiGru(layer) => layer.forward(x, None).0,
        }
    }
}

/// One step of training on the sum of squares of the output.
fn train<M: Module>(
    bencher: &mut criterion::Bencher<'_>,
    model: M,
    x: Tensor<3>,
    forward: impl Fn(&M, Tensor<3>) -> Tensor<3>,
) {
    let mut model = model;
    let mut optimizer = AdamConfig::new().init();
    bencher.iter(|| {
        let loss = forward(&model, x.clone()).square().sum();
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        model = optimizer.step(1e-6, model.clone(), grads);
    });
}

fn recurrent(criterion: &mut Criterion) {
    let plain = Device::flex();
    let device = plain.clone().autodiff();
    let ours = |(cell, both, hidden, _, _, input): Case, device: &Device| {
        RecurrentConfig::new(input, hidden)
            .with_cell(cell)
            .with_bidirectional(both)
            .init(device)
    };
    for case in TRAIN {
        let x = batch(case, &device);
        criterion.bench_function(&name("train", case, "hairpin"), |bencher| {
            train(bencher, ours(case, &device), x.clone(), |layer, x| {
                layer.forward(RecurrentInput::new(x)).output
            });
        });
        criterion.bench_function(&name("train", case, "burn"), |bencher| {
            train(
                bencher,
                Theirs::new(case, &device),
                x.clone(),
                Theirs::forward,
            );
        });
    }
    for case in INFER {
        let x = batch(case, &plain);
        let (layer, theirs) = (ours(case, &plain), Theirs::new(case, &plain));
        criterion.bench_function(&name("infer", case, "hairpin"), |bencher| {
            bencher.iter(|| {
                let out = layer.forward(RecurrentInput::new(x.clone())).output;
                black_box(out.into_data())
            });
        });
        criterion.bench_function(&name("infer", case, "burn"), |bencher| {
            bencher.iter(|| black_box(theirs.forward(x.clone()).into_data()));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = recurrent
}
criterion_main!(benches);
