//! The weights of ESM-2 as Hugging Face and fair-esm publish them.

use super::names::{Layer, Names};
use super::{Esm2, Esm2Config};
use crate::ModelError;
use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use hairpin_nn::{Dense, LayerNorm, TransformerEncoderLayer};
use std::collections::BTreeMap;

impl Esm2 {
    /// The model of published weights, such as `hairpin_nn::weights::read` takes out of a file: Hugging Face's names (`model.safetensors`,
    /// `pytorch_model.bin`) or fair-esm's (`esm2_t6_8M_UR50D.pt`); of a model in several files, all of them in one map.
    ///
    /// | | Hugging Face, under `esm.` | fair-esm |
    /// |---|---|---|
    /// | embedding | `embeddings.word_embeddings.weight` | `embed_tokens.weight` |
    /// | layer `i` | `encoder.layer.{i}.` | `layers.{i}.` |
    /// | its attention | `attention.self.{query,key,value}`, `attention.output.dense` | `self_attn.{q,k,v,out}_proj` |
    /// | its norms | `attention.LayerNorm`, `LayerNorm` | `self_attn_layer_norm`, `final_layer_norm` |
    /// | its feed-forward block | `intermediate.dense`, `output.dense` | `fc1`, `fc2` |
    /// | last norm | `encoder.emb_layer_norm_after` | `emb_layer_norm_after` |
    /// | head | `lm_head.{dense,layer_norm}`, `lm_head.bias` | the same |
    ///
    /// Rotary frequencies that the weights bring (`inv_freq`) are used in the place of computed ones. A decoder that is stored beside the
    /// embedding must be the same. Learned positions, the pooler and the contact head have no part in the states and are left alone;
    /// every other tensor must have its place: the classifier of a fine-tuned model is to be taken out of the map first. A model without
    /// `lm_head` is one without logits.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use hairpin_models::esm2::{Esm2, Esm2Config};
    ///
    /// let device = Device::flex();
    /// let config = Esm2Config::new(32, 2, 4, 64);
    /// // Or weights::read("model.safetensors")?
    /// let tensors = config.init(&device)?.to_hugging_face();
    /// assert_eq!(tensors["esm.encoder.layer.1.intermediate.dense.weight"].shape().as_slice(), [64, 32]);
    /// let model = Esm2::from_weights(&config, tensors, &device)?;
    /// assert!(model.head.is_some());
    /// # Ok::<(), hairpin_models::ModelError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ModelError::MissingTensor`], [`ModelError::ExtraTensor`], [`ModelError::TensorShape`] and [`ModelError::TensorContent`] name the
    /// tensor; [`Esm2Config::validate`]'s.
    pub fn from_weights(
        config: &Esm2Config,
        mut tensors: BTreeMap<String, TensorData>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        // Nothing is as large as a configuration says before a tensor has shown it: parameters are made when they are first read.
        let mut model = config.init(device)?;
        let names = Names::of(|name| tensors.contains_key(name));
        let has_head = tensors
            .keys()
            .any(|name| name.starts_with(&names.head("")) && !names.tied().contains(name));
        if !has_head {
            model.head = None;
        }
        if let Some(frequencies) = frequencies(config, &names, &tensors)? {
            model.frequencies = frequencies;
        }
        let embedding = [config.n_tokens, config.d_model];
        for name in names.tied() {
            let same = tensors.get(&names.embedding());
            match (tensors.get(&name), same) {
                (Some(own), Some(same)) if own.shape() == same.shape() && own != same => {
                    return Err(ModelError::TensorContent {
                        name,
                        found: "has other values than the embedding".to_owned(),
                        expected: "the same: ESM-2's decoder is tied to it",
                    });
                }
                (Some(_), _) => drop(take(&mut tensors, name, &embedding)?),
                (None, _) => {}
            }
        }
        model.for_each(&names, |part| part.read(&mut tensors, device))?;
        tensors.retain(|name, _| !names.ignored(name) && !name.ends_with(".inv_freq"));
        match tensors.first_key_value() {
            None => Ok(model),
            Some((name, data)) => Err(ModelError::ExtraTensor {
                name: name.clone(),
                found: data.shape().to_vec(),
                count: tensors.len(),
            }),
        }
    }

    /// The weights by Hugging Face's names; the rotary frequencies are those of the model.
    pub fn to_hugging_face(&self) -> BTreeMap<String, TensorData> {
        let names = Names::of(|_| false);
        let mut tensors = BTreeMap::new();
        let half = self.frequencies.len();
        let frequencies = TensorData::new(self.frequencies.clone(), [half]);
        tensors.insert("esm.rotary_embeddings.inv_freq".to_owned(), frequencies);
        let done: Result<(), std::convert::Infallible> = self.clone().for_each(&names, |part| {
            part.write(&mut tensors);
            Ok(())
        });
        match done {
            Ok(()) => tensors,
        }
    }

    /// Calls `work` with each parameter and its names.
    fn for_each<E>(
        &mut self,
        names: &Names,
        mut work: impl FnMut(Part<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        work(Part::Table(names.embedding(), &mut self.embedding.weight))?;
        for (index, layer) in self.encoder.layers.iter_mut().enumerate() {
            for_each_of_layer(layer, &names.layer(index), &mut work)?;
        }
        if let Some(norm) = &mut self.encoder.norm {
            work(Part::norm_weight(names.norm("weight"), norm))?;
            work(Part::norm_bias(names.norm("bias"), norm))?;
        }
        if let Some(head) = &mut self.head {
            work(Part::Matrix(
                vec![names.head("dense.weight")],
                &mut head.dense.weight,
            ))?;
            work(Part::Vector(
                vec![names.head("dense.bias")],
                &mut head.dense.bias,
            ))?;
            work(Part::norm_weight(
                names.head("layer_norm.weight"),
                &mut head.norm,
            ))?;
            work(Part::norm_bias(
                names.head("layer_norm.bias"),
                &mut head.norm,
            ))?;
            work(Part::Vector(vec![names.head("bias")], &mut head.bias))?;
        }
        Ok(())
    }
}

/// Calls `work` with each parameter of one layer and its names.
pub(super) fn for_each_of_layer<E>(
    layer: &mut TransformerEncoderLayer,
    own: &Layer<'_>,
    mut work: impl FnMut(Part<'_>) -> Result<(), E>,
) -> Result<(), E> {
    work(Part::norm_weight(
        own.norm_attention("weight"),
        &mut layer.norm_attention,
    ))?;
    work(Part::norm_bias(
        own.norm_attention("bias"),
        &mut layer.norm_attention,
    ))?;
    work(Part::norm_weight(
        own.norm_feed_forward("weight"),
        &mut layer.norm_feed_forward,
    ))?;
    work(Part::norm_bias(
        own.norm_feed_forward("bias"),
        &mut layer.norm_feed_forward,
    ))?;
    let Dense { weight, bias, .. } = &mut layer.attention.input;
    work(Part::Matrix(own.projections("weight").into(), weight))?;
    work(Part::Vector(own.projections("bias").into(), bias))?;
    for (weight_name, bias_name, dense) in [
        (
            own.attention_output("weight"),
            own.attention_output("bias"),
            &mut layer.attention.output,
        ),
        (
            own.inner("weight"),
            own.inner("bias"),
            &mut layer.feed_forward.inner,
        ),
        (
            own.outer("weight"),
            own.outer("bias"),
            &mut layer.feed_forward.outer,
        ),
    ] {
        work(Part::Matrix(vec![weight_name], &mut dense.weight))?;
        work(Part::Vector(vec![bias_name], &mut dense.bias))?;
    }
    Ok(())
}

/// A parameter with the names of the tensors that it is made of.
pub(super) enum Part<'a> {
    /// As it is stored.
    Table(String, &'a mut Param<Tensor<2>>),
    /// `[d_in, d_out]`, the transposes of `[d_out, d_in]` side by side.
    Matrix(Vec<String>, &'a mut Param<Tensor<2>>),
    /// One after the other.
    Vector(Vec<String>, &'a mut Param<Tensor<1>>),
}

impl<'a> Part<'a> {
    pub(super) fn norm_weight(name: String, norm: &'a mut LayerNorm) -> Self {
        Self::Vector(vec![name], &mut norm.gamma)
    }

    pub(super) fn norm_bias(name: String, norm: &'a mut LayerNorm) -> Self {
        Self::Vector(vec![name], &mut norm.beta)
    }

    /// Takes the tensors out of the map.
    pub(super) fn read(
        self,
        tensors: &mut BTreeMap<String, TensorData>,
        device: &Device,
    ) -> Result<(), ModelError> {
        match self {
            Self::Table(name, table) => {
                let dims = table.dims();
                let values = take(tensors, name, &dims)?;
                *table = Param::from_data(TensorData::new(values, dims), device);
            }
            Self::Matrix(names, matrix) => {
                let [d_in, d_out] = matrix.dims();
                let own = d_out / names.len();
                let parts = names
                    .into_iter()
                    .map(|name| take(tensors, name, &[own, d_in]))
                    .collect::<Result<Vec<_>, _>>()?;
                let mut values: Vec<f32> = Vec::with_capacity(d_in * d_out);
                for row in 0..d_in {
                    for part in &parts {
                        values.extend(part[row..].iter().step_by(d_in));
                    }
                }
                *matrix = Param::from_data(TensorData::new(values, [d_in, d_out]), device);
            }
            Self::Vector(names, vector) => {
                let [length] = vector.dims();
                let own = length / names.len();
                let parts = names
                    .into_iter()
                    .map(|name| take(tensors, name, &[own]))
                    .collect::<Result<Vec<_>, _>>()?;
                *vector = Param::from_data(TensorData::new(parts.concat(), [length]), device);
            }
        }
        Ok(())
    }

    /// Puts the tensors into the map.
    fn write(self, tensors: &mut BTreeMap<String, TensorData>) {
        match self {
            Self::Table(name, table) => {
                tensors.insert(name, table.val().into_data());
            }
            Self::Matrix(names, matrix) => {
                let parts = matrix.val().transpose().chunk(names.len(), 0);
                let parts = parts.into_iter().map(Tensor::into_data);
                tensors.extend(names.into_iter().zip(parts));
            }
            Self::Vector(names, vector) => {
                let parts = vector.val().chunk(names.len(), 0);
                let parts = parts.into_iter().map(Tensor::into_data);
                tensors.extend(names.into_iter().zip(parts));
            }
        }
    }
}

/// Takes a tensor of `f32` of the shape that it must have.
fn take(
    tensors: &mut BTreeMap<String, TensorData>,
    name: String,
    expected: &[usize],
) -> Result<Vec<f32>, ModelError> {
    let Some(data) = tensors.remove(&name) else {
        return Err(ModelError::MissingTensor {
            name,
            expected: expected.to_vec(),
        });
    };
    if data.shape().as_slice() != expected {
        return Err(ModelError::TensorShape {
            name,
            found: data.shape().to_vec(),
            expected: expected.to_vec(),
        });
    }
    let dtype = data.dtype();
    data.try_into_vec::<f32>()
        .map_err(|_| ModelError::TensorContent {
            name,
            found: format!("holds {dtype:?}"),
            expected: "f32",
        })
}

/// The rotary frequencies that the weights bring: one buffer, or one per layer, all alike.
pub(super) fn frequencies(
    config: &Esm2Config,
    names: &Names,
    tensors: &BTreeMap<String, TensorData>,
) -> Result<Option<Vec<f32>>, ModelError> {
    let mut found: Option<Vec<f32>> = None;
    for (name, data) in names.rotary(tensors) {
        let mut own = BTreeMap::from([(name.clone(), data.clone())]);
        let own = take(&mut own, name.clone(), &[config.d_head() / 2])?;
        let problem = |found: &str, expected| {
            Err(ModelError::TensorContent {
                name: name.clone(),
                found: found.to_owned(),
                expected,
            })
        };
        if own.iter().any(|value| !value.is_finite()) {
            return problem("holds numbers that are not finite", "rotary frequencies");
        }
        if found.as_ref().is_some_and(|other| *other != own) {
            return problem(
                "has other frequencies than another layer",
                "the same ones in every layer",
            );
        }
        found = Some(own);
    }
    Ok(found)
}
