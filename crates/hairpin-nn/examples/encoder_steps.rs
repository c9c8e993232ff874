//! Peak memory of a process that takes some training steps of a transformer encoder, for `fixtures/make/bench_layers.py --memory`; prints the
//! line `VmHWM` of Linux:
//!
//! ```sh
//! cargo run --release --workspace --example encoder_steps -- 256 4 1024 2 256 41 3
//! ```
//!
//! The arguments: `d_model`, heads, `d_ff`, layers, batch, length, steps. A step is forward, backward of the sum of squares, and Adam;
//! dropout is 0.1. Without steps it is what the process itself takes.

#![allow(clippy::print_stdout, reason = "a program prints")]

use burn::optim::GradientsParams;
use burn::tensor::{Device, Distribution, Tensor};
use hairpin_nn::{AdamConfig, EncoderInput, TransformerEncoderConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let numbers: Vec<usize> = std::env::args()
        .skip(1)
        .map(|n| n.parse())
        .collect::<Result<_, _>>()?;
    let [d_model, heads, d_ff, layers, batch, length, steps] = numbers[..] else {
        return Err("seven numbers: d_model heads d_ff layers batch length steps".into());
    };
    let device = Device::flex().autodiff();
    let config = TransformerEncoderConfig::new(d_model, heads, d_ff, layers);
    let mut model = config.init(&device);
    let mut optimizer = AdamConfig::new().init();
    let uniform = Distribution::Uniform(-1.0, 1.0);
    let x = Tensor::<3>::random([batch, length, d_model], uniform, &device);
    for _ in 0..steps {
        let y = model.forward(EncoderInput::new(x.clone()));
        let grads = GradientsParams::from_grads(y.square().sum().backward(), &model);
        model = optimizer.step(1e-6, model, grads);
    }
    let status = std::fs::read_to_string("/proc/self/status")?;
    println!(
        "{}",
        status
            .lines()
            .find(|line| line.starts_with("VmHWM"))
            .unwrap_or_default()
    );
    Ok(())
}
