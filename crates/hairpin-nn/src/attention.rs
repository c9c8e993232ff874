//! Attention of many heads over padded strings.

use crate::feed_forward::{Dense, DenseConfig};
use crate::precision::product;
use crate::rotary::Rotary;
use burn::config::Config;
use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::{Bool, Device, Tensor, activation};

#[cfg(feature = "flex")]
use crate::dropout;
#[cfg(feature = "flex")]
use crate::kernel::{attention, op, rotary};
#[cfg(feature = "flex")]
use std::sync::Arc;

/// Hyper-parameters of a [`MultiHeadAttention`] layer.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `d_model` | required | features per position | a multiple of `n_heads` |
/// | `n_heads` | required | heads | 1.. |
/// | `dropout` | 0.0 | share of the attention weights that training drops | 0 up to, not including, 1 |
#[derive(Config, Debug)]
pub struct MultiHeadAttentionConfig {
    /// Features per position.
    pub d_model: usize,
    /// Heads.
    pub n_heads: usize,
    /// Share of the attention weights that training drops.
    #[config(default = 0.0)]
    pub dropout: f64,
}

impl MultiHeadAttentionConfig {
    /// A layer whose projections start as [`DenseConfig::init`] says.
    ///
    /// # Panics
    ///
    /// When `d_model` is not a multiple of `n_heads`, a size is 0, or `dropout` outside 0..1.
    pub fn init(&self, device: &Device) -> MultiHeadAttention {
        let (d, heads) = (self.d_model, self.n_heads);
        assert!(
            heads > 0 && d.is_multiple_of(heads),
            "MultiHeadAttentionConfig: d_model ({d}) must be a multiple of n_heads ({heads})"
        );
        MultiHeadAttention {
            input: DenseConfig::new(d, 3 * d).init(device),
            output: DenseConfig::new(d, d).init(device),
            dropout: DropoutConfig::new(self.dropout).init(),
            n_heads: heads,
        }
    }
}

/// Attention of many heads (Vaswani et al. 2017, arXiv:1706.03762): each head, of `d_head = d_model / n_heads` features, has
///
/// ```text
/// softmax(Q Kᵀ / sqrt(d_head) + bias) V
/// ```
///
/// over the keys that are not padded. A query of which every key is padded gets zeros, before the output projection, and no NaN.
///
/// On Burn's `flex` backend the scores are made for 64 queries of a head at a time and made again for the backward pass, so that
/// nothing of the size `[batch_size, n_heads, length, length]` is ever in memory (Dao et al. 2022, arXiv:2205.14135).
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use hairpin_nn::{AttentionInput, MultiHeadAttentionConfig, mask_pad};
///
/// let device = Device::flex();
/// let layer = MultiHeadAttentionConfig::new(32, 4).init(&device);
/// let x = Tensor::<3>::ones([2, 41, 32], &device);
/// let input = AttentionInput::new(x).with_mask_pad(mask_pad(&[41, 30], 41, &device));
/// assert_eq!(layer.forward(input).dims(), [2, 41, 32]);
/// ```
#[derive(Module, Debug)]
pub struct MultiHeadAttention {
    /// To queries, keys and values side by side, `d_model` to `3 d_model`.
    pub input: Dense,
    /// Of the heads' results, `d_model` to `d_model`.
    pub output: Dense,
    dropout: Dropout,
    n_heads: usize,
}

/// A padded batch with what attention is to know of it.
#[derive(Debug, Clone)]
pub struct AttentionInput {
    x: Tensor<3>,
    context: Option<Tensor<3>>,
    mask_pad: Option<Tensor<2, Bool>>,
    bias: Option<Tensor<4>>,
    rotary: Option<Rotary>,
}

impl AttentionInput {
    /// `x`, `[batch_size, length, d_model]`, whose positions attend to each other.
    pub fn new(x: Tensor<3>) -> Self {
        Self {
            x,
            context: None,
            mask_pad: None,
            bias: None,
            rotary: None,
        }
    }

    /// What the positions of `x` attend to instead, `[batch_size, keys, d_model]`.
    pub fn with_context(mut self, context: Tensor<3>) -> Self {
        self.context = Some(context);
        self
    }

    /// Which keys are padded, `[batch_size, keys]`, true where they are.
    pub fn with_mask_pad(mut self, mask_pad: Tensor<2, Bool>) -> Self {
        self.mask_pad = Some(mask_pad);
        self
    }

    /// Added to the scores, `[batch_size or 1, n_heads or 1, length, keys]`: such as base-pair probabilities, or distances.
    pub fn with_bias(mut self, bias: Tensor<4>) -> Self {
        self.bias = Some(bias);
        self
    }

    /// By which queries and keys are turned before they are multiplied, each from position 0 on.
    pub fn with_rotary(mut self, rotary: Rotary) -> Self {
        self.rotary = Some(rotary);
        self
    }
}

impl MultiHeadAttention {
    /// Applies the layer.
    ///
    /// # Shapes
    ///
    /// As [`AttentionInput`] says -> `[batch_size, length, d_model]`
    ///
    /// # Panics
    ///
    /// When a shape does not match.
    pub fn forward(&self, input: AttentionInput) -> Tensor<3> {
        self.check(&input);
        self.output.forward(self.heads(input))
    }

    /// How much each position attends to each key: what [`forward`](Self::forward) multiplies the values by, made again for looking
    /// at, and in memory as a whole. Dropout plays no part. Keys that are padded get 0; so does a query of which every key is padded.
    ///
    /// They are those of PyTorch's `MultiheadAttention(..., need_weights=True, average_attn_weights=False)`.
    ///
    /// # Shapes
    ///
    /// As [`AttentionInput`] says -> `[batch_size, n_heads, length, keys]`; the last dimension adds up to 1
    ///
    /// # Panics
    ///
    /// When a shape does not match.
    pub fn weights(&self, input: AttentionInput) -> Tensor<4> {
        self.check(&input);
        self.plain_weights(input).0
    }

    /// Refuses shapes that do not match.
    fn check(&self, input: &AttentionInput) {
        let [batch, queries, d_model] = input.x.dims();
        let keys = match &input.context {
            None => queries,
            Some(context) => {
                let [own_batch, keys, own_d_model] = context.dims();
                assert_eq!(
                    [own_batch, own_d_model],
                    [batch, d_model],
                    "MultiHeadAttention: batch_size and d_model of the context"
                );
                keys
            }
        };
        if let Some(mask) = &input.mask_pad {
            assert_eq!(mask.dims(), [batch, keys], "MultiHeadAttention: mask_pad");
        }
        if let Some(rotary) = &input.rotary {
            rotary.check(d_model / self.n_heads, queries.max(keys));
        }
        if let Some(bias) = &input.bias {
            let [of_batch, of_heads, of_queries, of_keys] = bias.dims();
            assert!(
                [1, batch].contains(&of_batch)
                    && [1, self.n_heads].contains(&of_heads)
                    && [of_queries, of_keys] == [queries, keys],
                "MultiHeadAttention: bias is {:?}, expected [{batch} or 1, {} or 1, {queries}, {keys}]",
                bias.dims(),
                self.n_heads
            );
        }
    }

    /// The heads' results side by side, before the output projection.
    fn heads(&self, input: AttentionInput) -> Tensor<3> {
        #[cfg(feature = "flex")]
        {
            let on_flex = op::on_flex(&input.x)
                && op::on_flex(&self.input.weight.val())
                && input.bias.as_ref().is_none_or(op::on_flex)
                && input.context.as_ref().is_none_or(op::on_flex);
            if on_flex {
                return self.fast(input);
            }
        }
        self.plain(input)
    }

    #[cfg(feature = "flex")]
    fn fast(&self, input: AttentionInput) -> Tensor<3> {
        let AttentionInput {
            x,
            context,
            mask_pad,
            bias,
            rotary,
        } = input;
        let [batch, queries, d_model] = x.dims();
        let keys = context
            .as_ref()
            .map_or(queries, |context| context.dims()[1]);
        let d_head = d_model / self.n_heads;
        let mask_pad =
            mask_pad.map(|mask| mask.into_data().iter::<bool>().collect::<Arc<[bool]>>());
        let settings = attention::Attention {
            batch,
            queries,
            keys,
            n_heads: self.n_heads,
            d_head,
            scale: 1.0 / (d_head as f32).sqrt(),
            bias: bias.as_ref().map(|bias| {
                let [batch, heads, ..] = bias.dims();
                [batch, heads]
            }),
            mask_pad: mask_pad.filter(|mask| mask.contains(&true)),
            dropout: dropout::draw(&self.dropout, &x),
        };
        let bias = match bias {
            Some(bias) => bias.into(),
            // Not read.
            None => Tensor::<1>::zeros([1], &x.device().without_autodiff()).into(),
        };
        let turned = |x: Tensor<3>, heads: usize| match &rotary {
            None => x,
            Some(rotary) => {
                let operation = rotary::Rotate {
                    rotary: rotary.clone(),
                    dims: x.dims(),
                    heads,
                };
                op::run(operation, [x.into()])
            }
        };
        match context {
            None => {
                let all = turned(self.input.forward(x), 2 * self.n_heads);
                op::run(attention::SelfAttention(settings), [all.into(), bias])
            }
            Some(context) => {
                let [queries, keys, values] = self.projected(x, context);
                let (queries, keys) = (turned(queries, self.n_heads), turned(keys, self.n_heads));
                let operation = attention::CrossAttention(settings);
                op::run(
                    operation,
                    [queries.into(), keys.into(), values.into(), bias],
                )
            }
        }
    }

    /// Queries of `x`, keys and values of `context`.
    fn projected(&self, x: Tensor<3>, context: Tensor<3>) -> [Tensor<3>; 3] {
        let d = x.dims()[2];
        let project = |x: Tensor<3>, from: usize| {
            let weight = self.input.weight.val().slice([0..d, from..from + d]);
            let bias = self.input.bias.val().slice(from..from + d);
            let [batch, length, _] = x.dims();
            let x = product(x.reshape([batch * length, d]), weight) + bias.unsqueeze();
            x.reshape([batch, length, d])
        };
        [
            project(x, 0),
            project(context.clone(), d),
            project(context, 2 * d),
        ]
    }

    pub(crate) fn plain(&self, input: AttentionInput) -> Tensor<3> {
        let dims = input.x.dims();
        let (weights, values) = self.plain_weights(input);
        product(self.dropout.forward(weights), values)
            .swap_dims(1, 2)
            .reshape(dims)
    }

    /// The weights of every head, `[batch_size, n_heads, length, keys]`, and its values, `[batch_size, n_heads, keys, d_head]`.
    fn plain_weights(&self, input: AttentionInput) -> (Tensor<4>, Tensor<4>) {
        let AttentionInput {
            x,
            context,
            mask_pad,
            bias,
            rotary,
        } = input;
        let [batch, queries, d_model] = x.dims();
        let (heads, d_head) = (self.n_heads, d_model / self.n_heads);
        let context = context.unwrap_or_else(|| x.clone());
        let keys = context.dims()[1];
        let [q, k, v] = self.projected(x, context).map(|part| {
            let length = part.dims()[1];
            part.reshape([batch, length, heads, d_head]).swap_dims(1, 2)
        });
        let [q, k] = [q, k].map(|part| match &rotary {
            None => part,
            Some(rotary) => rotary.plain(part),
        });
        let mut scores = product(q, k.swap_dims(2, 3)) * (1.0 / (d_head as f64).sqrt());
        if let Some(bias) = bias {
            scores = scores + bias;
        }
        let mask = mask_pad.map(|mask| {
            mask.reshape([batch, 1, 1, keys])
                .expand([batch, heads, queries, keys])
        });
        let weights = match mask {
            None => activation::softmax(scores, 3),
            // A score that is finite, so that a row of padded keys alone is no NaN; its weights are taken away afterwards.
            Some(mask) => {
                activation::softmax(scores.mask_fill(mask.clone(), -1e30), 3).mask_fill(mask, 0.0)
            }
        };
        (weights, v)
    }

    /// Heads.
    pub fn n_heads(&self) -> usize {
        self.n_heads
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::check::{assert_same, close, random};
    use crate::mask_pad;
    use burn::tensor::Gradients;

    fn parameters(layer: &MultiHeadAttention, grads: &Gradients) -> Vec<burn::tensor::TensorData> {
        let weight = layer.input.weight.val().grad(grads).unwrap();
        let bias = layer.input.bias.val().grad(grads).unwrap();
        vec![weight.into_data(), bias.into_data()]
    }

    #[test]
    fn fast_and_plain_agree_in_values_and_gradients() {
        let device = Device::flex().autodiff();
        for (batch, length, d_model, heads) in
            [(1, 1, 1, 1), (3, 7, 12, 3), (2, 70, 8, 2), (19, 5, 6, 1)]
        {
            let layer = MultiHeadAttentionConfig::new(d_model, heads).init(&device);
            let x: Tensor<3> = random([batch, length, d_model], 1, &device);
            let lengths: Vec<usize> = (0..batch).map(|row| row * 5 % (length + 1)).collect();
            for masked in [false, true] {
                for bias in [
                    None,
                    Some([1, 1]),
                    Some([1, heads]),
                    Some([batch, 1]),
                    Some([batch, heads]),
                ] {
                    let bias = bias.map(|[of_batch, of_heads]| {
                        random([of_batch, of_heads, length, length], 2, &device).require_grad()
                    });
                    let input = |x: Tensor<3>| AttentionInput {
                        x,
                        context: None,
                        mask_pad: masked.then(|| mask_pad(&lengths, length, &device)),
                        bias: bias.clone(),
                        rotary: None,
                    };
                    assert_same(
                        x.clone(),
                        |x| layer.heads(input(x)),
                        |x| layer.plain(input(x)),
                        |grads| {
                            let mut all = parameters(&layer, grads);
                            all.extend(
                                bias.iter()
                                    .map(|bias| bias.grad(grads).unwrap().into_data()),
                            );
                            all
                        },
                    );
                }
            }
        }
    }

    #[test]
    fn fast_and_plain_agree_over_a_context() {
        let device = Device::flex().autodiff();
        for (queries, keys) in [(1, 4), (70, 3), (5, 90)] {
            let layer = MultiHeadAttentionConfig::new(12, 3).init(&device);
            let x: Tensor<3> = random([2, queries, 12], 1, &device);
            let context: Tensor<3> = random([2, keys, 12], 3, &device).require_grad();
            let bias: Tensor<4> = random([1, 3, queries, keys], 2, &device).require_grad();
            let input = |x: Tensor<3>| {
                AttentionInput::new(x)
                    .with_context(context.clone())
                    .with_mask_pad(mask_pad(&[keys, 2], keys, &device))
                    .with_bias(bias.clone())
            };
            assert_same(
                x,
                |x| layer.heads(input(x)),
                |x| layer.plain(input(x)),
                |grads| {
                    let mut all = parameters(&layer, grads);
                    all.push(context.grad(grads).unwrap().into_data());
                    all.push(bias.grad(grads).unwrap().into_data());
                    all
                },
            );
        }
    }

    #[test]
    fn fast_and_plain_agree_with_rotary_positions() {
        let device = Device::flex().autodiff();
        for (batch, length, d_model, heads) in [(1, 1, 2, 1), (3, 70, 12, 3), (19, 5, 16, 2)] {
            let layer = MultiHeadAttentionConfig::new(d_model, heads).init(&device);
            let rotary = Rotary::new(&Rotary::frequencies(d_model / heads, 100.0), 80);
            let x: Tensor<3> = random([batch, length, d_model], 1, &device);
            let lengths: Vec<usize> = (0..batch).map(|row| length - row * 5 % length).collect();
            let context: Tensor<3> = random([batch, length + 9, d_model], 3, &device);
            for context in [None, Some(context.require_grad())] {
                let keys = length + if context.is_some() { 9 } else { 0 };
                let input = |x: Tensor<3>| AttentionInput {
                    x,
                    context: context.clone(),
                    mask_pad: Some(mask_pad(&lengths, keys, &device)),
                    bias: None,
                    rotary: Some(rotary.clone()),
                };
                assert_same(
                    x.clone(),
                    |x| layer.heads(input(x)),
                    |x| layer.plain(input(x)),
                    |grads| {
                        let mut all = parameters(&layer, grads);
                        let context = context.iter();
                        all.extend(context.map(|c| c.grad(grads).unwrap().into_data()));
                        all
                    },
                );
            }
        }
    }

    #[test]
    fn a_query_without_a_key_is_zero_and_has_no_gradient() {
        let device = Device::flex().autodiff();
        let layer = MultiHeadAttentionConfig::new(4, 2).init(&device);
        let x: Tensor<3> = random([1, 3, 4], 1, &device).require_grad();
        let input = AttentionInput::new(x.clone()).with_mask_pad(mask_pad(&[0], 3, &device));
        let output = layer.heads(input);
        let grads = output.clone().sum().backward();
        let zero = output.into_data().iter::<f32>().all(|v| v == 0.0);
        assert!(
            zero && x
                .grad(&grads)
                .unwrap()
                .into_data()
                .iter::<f32>()
                .all(|v| v == 0.0)
        );
    }

    #[test]
    fn what_lies_in_the_padding_changes_nothing() {
        let device = Device::flex();
        let layer = MultiHeadAttentionConfig::new(8, 2).init(&device);
        let x: Tensor<3> = random([1, 5, 8], 1, &device);
        let alone = layer.forward(AttentionInput::new(x.clone()));
        let padded = Tensor::cat(vec![x, random([1, 4, 8], 2, &device) * 50.0], 1);
        let input = AttentionInput::new(padded).with_mask_pad(mask_pad(&[5], 9, &device));
        let found = layer.forward(input).slice([0..1, 0..5]);
        close("padded", found.into_data(), alone.into_data());
    }

    #[test]
    fn dropped_weights_are_the_same_forward_and_backward() {
        // With values that are all one, a head's result is the sum of the weights that were kept; its derivative by a value is the
        // weight itself, so that the sum of derivatives must be the result.
        let device = Device::flex().autodiff();
        let settings = attention::Attention {
            batch: 2,
            queries: 70,
            keys: 9,
            n_heads: 2,
            d_head: 3,
            scale: 1.0,
            bias: None,
            mask_pad: None,
            dropout: crate::kernel::dropout::Dropout::new(0.3, 5),
        };
        let q: Tensor<3> = random([2, 70, 6], 1, &device);
        let k: Tensor<3> = random([2, 9, 6], 2, &device);
        let v: Tensor<3> = Tensor::ones([2, 9, 6], &device).require_grad();
        let bias = Tensor::<1>::zeros([1], &device);
        let run = |q: Tensor<3>, v: Tensor<3>| -> Tensor<3> {
            let operation = attention::CrossAttention(settings.clone());
            op::run(
                operation,
                [q.into(), k.clone().into(), v.into(), bias.clone().into()],
            )
        };
        let output = run(q.clone(), v.clone());
        let mean = output.clone().mean().into_scalar::<f32>();
        assert!((mean - 1.0).abs() < 0.05, "{mean}");
        let grads = output.clone().sum().backward();
        let sums = v.grad(&grads).unwrap().sum().into_scalar::<f32>();
        let expected = output.sum().into_scalar::<f32>();
        assert!((sums - expected).abs() < 1e-2, "{sums} and {expected}");
        // And the derivative by a query by finite differences, with the same weights dropped.
        let v: Tensor<3> = random([2, 9, 6], 4, &device);
        let q = q.require_grad();
        let grads = run(q.clone(), v.clone()).sum().backward();
        let found = q
            .grad(&grads)
            .unwrap()
            .into_data()
            .iter::<f32>()
            .nth(8)
            .unwrap();
        let moved = |step: f32| {
            let mut values = q.clone().into_data().iter::<f32>().collect::<Vec<f32>>();
            values[8] += step;
            let data = burn::tensor::TensorData::new(values, [2, 70, 6]);
            let sum = run(Tensor::from_data(data, &device), v.clone()).sum();
            f64::from(sum.into_scalar::<f32>())
        };
        let expected = (moved(0.05) - moved(-0.05)) / 0.1;
        assert!(
            (f64::from(found) - expected).abs() < 5e-3,
            "{found} and {expected}"
        );
    }

    #[test]
    fn the_number_of_threads_changes_no_byte() {
        let device = Device::flex().autodiff();
        let layer = MultiHeadAttentionConfig::new(32, 4).init(&device);
        let x: Tensor<3> = random([19, 40, 32], 1, &device);
        let bias: Tensor<4> = random([1, 4, 40, 40], 2, &device).require_grad();
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            pool.build().unwrap().install(|| {
                let y = layer.forward(AttentionInput::new(x.clone()).with_bias(bias.clone()));
                let grads = y.clone().sum().backward();
                let mut all = parameters(&layer, &grads);
                all.push(bias.grad(&grads).unwrap().into_data());
                all.push(y.into_data());
                all
            })
        };
        let one = run(1);
        assert_eq!(one, run(2));
        assert_eq!(one, run(3));
    }
}
