//! ESM-2 of 8 million random weights on 16 proteins of 200 to 400 residues, on flex.
//!
//! `cargo bench --workspace --bench esm2`; `fixtures/make/bench_esm2.py` times PyTorch in the same run.

use burn::tensor::{Device, Int, Tensor, TensorData};
use criterion::{Criterion, criterion_group, criterion_main};
use hairpin_models::esm2::{EmbedConfig, Esm2Config};
use std::hint::black_box;

fn esm2(criterion: &mut Criterion) {
    let device = Device::flex();
    let model = Esm2Config::new(320, 6, 20, 1280).init(&device);
    let model = model.expect("the published sizes are in range");
    let proteins: Vec<Vec<i64>> = (0..16)
        .map(|row| {
            let residues = 200 + row * 200 / 15;
            let own = (0..residues).map(|at| 4 + (at * 7 + row * 3) % 20);
            let own = own.map(|token| token as i64);
            std::iter::once(0).chain(own).chain([2]).collect()
        })
        .collect();
    let length = 402;
    let padded = proteins.iter().flat_map(|row| {
        let padding = std::iter::repeat_n(1, length - row.len());
        row.iter().copied().chain(padding)
    });
    let data = TensorData::new(padded.collect::<Vec<i64>>(), [16, length]);
    let tokens = Tensor::<2, Int>::from_data(data, &device);
    criterion.bench_function("esm2_8m/forward", |bencher| {
        bencher.iter(|| black_box(model.forward(tokens.clone()).into_data()));
    });
    criterion.bench_function("esm2_8m/embed", |bencher| {
        bencher.iter(|| black_box(model.embed(&proteins, &EmbedConfig::new(), |_, _| ())));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = esm2
}
criterion_main!(benches);
