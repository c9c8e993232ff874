//! Weights of PyTorch's `nn.TransformerEncoder`, and back to its names.

use super::{TransformerEncoder, TransformerEncoderConfig};
use crate::convert::{ConvertError, sized, transposed, vector};
use crate::feed_forward::Dense;
use crate::norm::LayerNorm;
use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use std::collections::BTreeMap;

impl TransformerEncoder {
    /// The encoder of a PyTorch state dict: `layers.0.self_attn.in_proj_weight`, `layers.0.linear1.weight`, `layers.0.norm1.weight`
    /// and so on; with [`NormPlace::Pre`](super::NormPlace::Pre) also `norm.weight` and `norm.bias`. What the names do not say (heads,
    /// dropout, activation, where the norms stand) is the configuration's; other names are left alone.
    ///
    /// # Errors
    ///
    /// [`ConvertError`] when a tensor is missing, or has another shape or type than the configuration asks for.
    ///
    /// # Panics
    ///
    /// As [`TransformerEncoderConfig::init`].
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use hairpin_nn::{TransformerEncoder, TransformerEncoderConfig};
    ///
    /// let device = Device::flex();
    /// let config = TransformerEncoderConfig::new(8, 2, 16, 1);
    /// let encoder = config.init(&device);
    /// // Or weights::read("encoder.pt")?
    /// let tensors = encoder.to_pytorch();
    /// assert_eq!(tensors["layers.0.linear1.weight"].shape().as_slice(), [16, 8]);
    /// let same = TransformerEncoder::from_pytorch(&tensors, &config, &device)?;
    /// assert_eq!(same.to_pytorch(), tensors);
    /// # Ok::<(), hairpin_nn::ConvertError>(())
    /// ```
    pub fn from_pytorch(
        tensors: &BTreeMap<String, TensorData>,
        config: &TransformerEncoderConfig,
        device: &Device,
    ) -> Result<Self, ConvertError> {
        let mut encoder = config.init(device);
        encoder.for_each(|name, part| {
            match part {
                Part::Matrix(weight) => {
                    let [d_in, d_out] = weight.dims();
                    let (values, _) = sized(tensors, &name, [d_out, d_in])?;
                    set(weight, transposed(&values, d_in), device);
                }
                Part::Vector(values) => {
                    let [length] = values.dims();
                    set(values, vector(tensors, &name, length)?, device);
                }
            }
            Ok(())
        })?;
        Ok(encoder)
    }

    /// The weights by PyTorch's names.
    pub fn to_pytorch(&self) -> BTreeMap<String, TensorData> {
        let mut tensors = BTreeMap::new();
        let done: Result<(), std::convert::Infallible> = self.clone().for_each(|name, part| {
            let data = match part {
                Part::Matrix(weight) => weight.val().transpose().into_data(),
                Part::Vector(values) => values.val().into_data(),
            };
            tensors.insert(name, data);
            Ok(())
        });
        match done {
            Ok(()) => tensors,
        }
    }

    /// Calls `work` with each parameter and its name.
    fn for_each<E>(
        &mut self,
        mut work: impl FnMut(String, Part<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let path = format!("layers.{index}");
            for (name, separator, dense) in [
                ("self_attn.in_proj", "_", &mut layer.attention.input),
                ("self_attn.out_proj", ".", &mut layer.attention.output),
                ("linear1", ".", &mut layer.feed_forward.inner),
                ("linear2", ".", &mut layer.feed_forward.outer),
            ] {
                let Dense { weight, bias, .. } = dense;
                work(
                    format!("{path}.{name}{separator}weight"),
                    Part::Matrix(weight),
                )?;
                work(format!("{path}.{name}{separator}bias"), Part::Vector(bias))?;
            }
            for (name, norm) in [
                ("norm1", &mut layer.norm_attention),
                ("norm2", &mut layer.norm_feed_forward),
            ] {
                of_norm(&format!("{path}.{name}"), norm, &mut work)?;
            }
        }
        match &mut self.norm {
            Some(norm) => of_norm("norm", norm, &mut work),
            None => Ok(()),
        }
    }
}

/// A parameter.
enum Part<'a> {
    /// Ours is the transpose of PyTorch's.
    Matrix(&'a mut Param<Tensor<2>>),
    Vector(&'a mut Param<Tensor<1>>),
}

fn of_norm<E>(
    path: &str,
    norm: &mut LayerNorm,
    work: &mut impl FnMut(String, Part<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let LayerNorm { gamma, beta, .. } = norm;
    work(format!("{path}.weight"), Part::Vector(gamma))?;
    work(format!("{path}.bias"), Part::Vector(beta))
}

fn set<const D: usize>(parameter: &mut Param<Tensor<D>>, values: Vec<f32>, device: &Device) {
    let data = TensorData::new(values, parameter.dims());
    *parameter = Param::from_tensor(Tensor::from_data(data, device));
}
