//! Median time in ms of a step of the recurrent layer, for `fixtures/make/bench_length.py`, which also measures this process's memory:
//!
//! ```sh
//! cargo run --release --workspace --example recurrent_step -- train hairpin 64 32 400 4 5
//! ```
//!
//! The arguments: `train` or `infer`, `hairpin` or `burn`, hidden units, batch, length, input channels, runs. The layer is a
//! bidirectional LSTM; a training step is forward and backward of the sum of squares.

#![allow(clippy::print_stdout, reason = "a program prints")]

use burn::nn::BiLstmConfig;
use burn::tensor::{Device, Distribution, Tensor};
use hairpin_nn::{RecurrentConfig, RecurrentInput};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, whose, numbers @ ..] = &arguments[..] else {
        return Err("arguments: train|infer hairpin|burn hidden batch length input runs".into());
    };
    let numbers: Vec<usize> = numbers
        .iter()
        .map(|n| n.parse())
        .collect::<Result<_, _>>()?;
    let [hidden, batch, length, input, runs] = numbers[..] else {
        return Err("five numbers: hidden batch length input runs".into());
    };
    let train = what == "train";
    let device = match train {
        true => Device::flex().autodiff(),
        false => Device::flex(),
    };
    let x = Tensor::<3>::random(
        [batch, length, input],
        Distribution::Uniform(-1.0, 1.0),
        &device,
    );
    let ours = RecurrentConfig::new(input, hidden).with_bidirectional(true);
    let ours = ours.init(&device);
    let theirs = BiLstmConfig::new(input, hidden, true).init(&device);
    let mut times: Vec<f64> = (0..runs.max(1))
        .map(|_| {
            let start = Instant::now();
            let out = match whose.as_str() {
                "hairpin" => ours.forward(RecurrentInput::new(x.clone())).output,
                _ => theirs.forward(x.clone(), None).0,
            };
            if train {
                drop(out.square().sum().backward());
            } else {
                drop(out.into_data());
            }
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{:.2}", times[times.len() / 2]);
    Ok(())
}
