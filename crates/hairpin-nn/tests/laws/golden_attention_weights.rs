//! The attention weights of an encoder's layers against PyTorch's `need_weights`: see `fixtures/make/golden_explain.py`.

use burn::tensor::{Device, Tensor, TensorData};
use hairpin_golden::{Golden, Tolerance, assert_close};
use hairpin_nn::{EncoderInput, NormPlace, TransformerEncoder, TransformerEncoderConfig, mask_pad};

#[test]
fn weights_of_every_head() {
    let device = Device::flex();
    for (name, norm) in [("post", NormPlace::Post), ("pre", NormPlace::Pre)] {
        let golden = Golden::load(
            "hairpin-nn",
            &format!("attention_weights_{name}.safetensors"),
        );
        let data = |name: &str| {
            let found = golden.f32(name);
            TensorData::new(found.values, found.shape)
        };
        let tensors = golden
            .names()
            .filter(|name| name.starts_with("layers.") || name.starts_with("norm."))
            .map(|name| (name.to_owned(), data(name)))
            .collect();
        let config = TransformerEncoderConfig::new(8, 2, 12, 2).with_norm(norm);
        let encoder = TransformerEncoder::from_pytorch(&tensors, &config, &device).unwrap();
        let lengths: Vec<usize> = golden
            .i64("lengths")
            .values
            .iter()
            .map(|&own| own as usize)
            .collect();
        let x = Tensor::<3>::from_data(data("x"), &device);
        let bias = Tensor::<4>::from_data(data("bias"), &device);
        let input = EncoderInput::new(x)
            .with_mask_pad(mask_pad(&lengths, 6, &device))
            .with_bias(bias);
        let found = encoder.attention_weights(input);
        assert_eq!(found.len(), 2);
        for (number, found) in found.into_iter().enumerate() {
            let what = format!("{name}: weights.{number}");
            let expected = golden.f32(&format!("weights.{number}"));
            assert_eq!(found.dims().to_vec(), expected.shape, "{what}");
            let found: Vec<f32> = found.into_data().iter::<f32>().collect();
            // The rows of padded queries are compared too: they read the same keys.
            let tolerance = Tolerance {
                absolute: 1e-6,
                relative: 1e-5,
            };
            assert_close(&what, &expected.values, &found, tolerance);
            for (row, found) in found.chunks_exact(6).enumerate() {
                let own = lengths[row / (2 * 6)];
                assert!(found[own..].iter().all(|&weight| weight == 0.0));
                assert!((found.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            }
        }
    }
}
