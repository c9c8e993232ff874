//! The transformer encoder, the dilated convolution and the dense block beside Burn's own layers, on flex: a training step (forward,
//! backward, Adam) and inference.
//!
//! `cargo bench --workspace --bench layers`; `fixtures/make/bench_layers.py` times PyTorch in the same run. Names are
//! `<what>/<case>/<whose>`.

use burn::module::Module;
use burn::nn::conv::{Conv1d as BurnConv1d, Conv1dConfig as BurnConv1dConfig};
use burn::nn::transformer::{
    TransformerEncoder as BurnEncoder, TransformerEncoderConfig as BurnEncoderConfig,
    TransformerEncoderInput,
};
use burn::nn::{Gelu, Linear, LinearConfig, PaddingConfig1d};
use burn::optim::{AdamConfig as BurnAdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor, TensorData};
use criterion::{Bencher, Criterion, criterion_group, criterion_main};
use hairpin_nn::{
    Activation, AdamConfig, Conv1dConfig, Dense, DenseConfig, EncoderInput,
    TransformerEncoderConfig,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::hint::black_box;

/// As in the programs; Burn's layers have it, too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn random<const D: usize>(dims: [usize; D], device: &Device) -> Tensor<D> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let values: Vec<f32> = (0..dims.iter().product())
        .map(|_| (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0)
        .collect();
    Tensor::from_data(TensorData::new(values, dims), device)
}

/// One step of training on the sum of squares of the output.
fn train<M: Module, const D: usize, const E: usize>(
    bencher: &mut Bencher<'_>,
    mut model: M,
    x: &Tensor<D>,
    forward: impl Fn(&M, Tensor<D>) -> Tensor<E>,
    mut optimizer: ModuleOptimizer,
) {
    bencher.iter(|| {
        let loss = forward(&model, x.clone()).square().sum();
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        model = optimizer.step(1e-6, model.clone(), grads);
    });
}

/// A model made on a device, in training and in inference.
fn both<M: Module, const D: usize, const E: usize>(
    criterion: &mut Criterion,
    name: &str,
    dims: [usize; D],
    model: impl Fn(&Device) -> M,
    forward: impl Fn(&M, Tensor<D>) -> Tensor<E>,
) {
    let plain = Device::flex();
    let device = plain.clone().autodiff();
    let x = random(dims, &device);
    criterion.bench_function(&format!("train/{name}"), |bencher| {
        // Each layer with the optimizer of its own library.
        let optimizer = match name.ends_with("burn") {
            true => BurnAdamConfig::new().init(),
            false => AdamConfig::new().init(),
        };
        train(bencher, model(&device), &x, &forward, optimizer);
    });
    let (x, model) = (random(dims, &plain), model(&plain));
    criterion.bench_function(&format!("infer/{name}"), |bencher| {
        bencher.iter(|| black_box(forward(&model, x.clone()).into_data()));
    });
}

fn encoders(criterion: &mut Criterion) {
    let dims = [256, 41, 256];
    for dropout in [0.1, 0.0] {
        let name = format!("encoder 256, 4 heads, 2 layers, 256 x 41, dropout {dropout}");
        both(
            criterion,
            &format!("{name}/hairpin"),
            dims,
            |device| {
                TransformerEncoderConfig::new(256, 4, 1024, 2)
                    .with_dropout(dropout)
                    .init(device)
            },
            |model, x| model.forward(EncoderInput::new(x)),
        );
        both(
            criterion,
            &format!("{name}/burn"),
            dims,
            |device| -> BurnEncoder {
                BurnEncoderConfig::new(256, 1024, 4, 2)
                    .with_dropout(dropout)
                    .init(device)
            },
            |model, x| model.forward(TransformerEncoderInput::new(x)),
        );
    }
    let bias = random([64, 8, 130, 130], &Device::flex());
    both(
        criterion,
        "encoder 128, 8 heads, 6 layers, 64 x 130, bias, dropout 0.1/hairpin",
        [64, 130, 128],
        |device| TransformerEncoderConfig::new(128, 8, 512, 6).init(device),
        |model, x| model.forward(EncoderInput::new(x).with_bias(bias.clone())),
    );
}

fn convolution(criterion: &mut Criterion) {
    let name = "conv 256 to 256, kernel 9, dilation 2, 256 x 41";
    both(
        criterion,
        &format!("{name}/hairpin"),
        [256, 41, 256],
        |device| Conv1dConfig::new(256, 256, 9).with_dilation(2).init(device),
        |model, x| model.forward(x),
    );
    both(
        criterion,
        &format!("{name}/burn"),
        [256, 256, 41],
        |device| -> BurnConv1d {
            BurnConv1dConfig::new(256, 256, 9)
                .with_dilation(2)
                .with_padding(PaddingConfig1d::Explicit(8, 8))
                .init(device)
        },
        |model, x| model.forward(x),
    );
}

fn dense(criterion: &mut Criterion) {
    let name = "dense 5120 to 512 to 256, 1024 rows";
    both(
        criterion,
        &format!("{name}/hairpin"),
        [1024, 5120],
        |device| -> (Dense, Dense) {
            let first = DenseConfig::new(5120, 512).with_activation(Activation::Gelu);
            (first.init(device), DenseConfig::new(512, 256).init(device))
        },
        |model, x| model.1.forward(model.0.forward(x)),
    );
    both(
        criterion,
        &format!("{name}/burn"),
        [1024, 5120],
        |device| -> (Linear, Linear) {
            let first = LinearConfig::new(5120, 512).init(device);
            (first, LinearConfig::new(512, 256).init(device))
        },
        |model, x| model.1.forward(Gelu::new().forward(model.0.forward(x))),
    );
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = encoders, convolution, dense
}
criterion_main!(benches);
