//! ESM-2 in less memory than its weights take.

use super::embed::{add_means, batches};
use super::names::Names;
use super::published::{Part, for_each_of_layer, frequencies};
use super::{EmbedConfig, Esm2, Esm2Config};
use crate::ModelError;
use burn::tensor::{Device, Tensor, TensorData};
use hairpin_nn::{EncoderInput, Rotary};
use std::collections::BTreeMap;

/// An ESM-2 whose weights stay where they are: [`embed`](Self::embed) reads its layers one after the other, each for all proteins, so
/// that a model of 60 GB needs the memory of its largest layer and of the proteins' states.
///
/// `read` gives the tensors whose names it is told are wanted, as `hairpin_nn::weights::WeightFiles::read` does.
///
/// ```
/// use burn::tensor::Device;
/// use hairpin_models::ModelError;
/// use hairpin_models::esm2::{EmbedConfig, Esm2Config, Esm2OnDisk};
///
/// let device = Device::flex();
/// let config = Esm2Config::new(32, 2, 4, 64);
/// // Or WeightFiles::open(&["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"])?
/// let files = config.init(&device)?.to_hugging_face();
/// let names: Vec<&str> = files.keys().map(String::as_str).collect();
/// let mut model = Esm2OnDisk::new(config, &names, &device, |wanted| {
///     let own = files.iter().filter(|(name, _)| wanted(name));
///     Ok::<_, ModelError>(own.map(|(name, data)| (name.clone(), data.clone())).collect())
/// })?;
/// let vectors = model.embed(&[[0, 20, 15, 4, 2]], &EmbedConfig::new(), |_, _| ())?;
/// assert_eq!(vectors.shape().as_slice(), [1, 32]);
/// # Ok::<(), ModelError>(())
/// ```
#[derive(Debug)]
pub struct Esm2OnDisk<R> {
    config: Esm2Config,
    names: Names,
    device: Device,
    read: R,
}

impl<R, E> Esm2OnDisk<R>
where
    R: FnMut(&dyn Fn(&str) -> bool) -> Result<BTreeMap<String, TensorData>, E>,
    E: From<ModelError>,
{
    /// A model of these sizes, whose tensors have these names; nothing is read yet.
    ///
    /// # Errors
    ///
    /// [`Esm2Config::validate`]'s.
    pub fn new(
        config: Esm2Config,
        names: &[&str],
        device: &Device,
        read: R,
    ) -> Result<Self, ModelError> {
        config.validate()?;
        Ok(Self {
            names: Names::of(|name| names.contains(&name)),
            config,
            device: device.clone(),
            read,
        })
    }

    /// What [`Esm2::embed`] gives of the same weights, byte for byte. `progress` is called with the layers done and their number.
    ///
    /// In memory are one layer and, of every position of every window, one state: `4 d_model` bytes. The weights are read once a call.
    ///
    /// # Errors
    ///
    /// As [`Esm2::embed`] before anything is read; those of `read`; [`Esm2::from_weights`]' of a tensor that is missing, has no place in
    /// its layer, or another shape.
    pub fn embed<S: AsRef<[i64]>>(
        &mut self,
        sequences: &[S],
        config: &EmbedConfig,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<TensorData, E> {
        let batches = batches(&self.config, sequences, config)?;
        let last = self.config.n_layers;
        let layers = config.layer.unwrap_or(last);
        let ends = self.ends()?;
        let mut states = Vec::with_capacity(batches.len());
        let mut surroundings = Vec::with_capacity(batches.len());
        for batch in &batches {
            let tokens = batch.tokens(&self.device);
            let [_, length] = tokens.dims();
            surroundings.push((
                ends.mask_pad(&tokens),
                Rotary::new(&ends.frequencies, length),
            ));
            states.push(ends.embedded(tokens));
        }
        for index in 0..layers {
            let layer = self.layer(index)?;
            for (state, (mask_pad, rotary)) in states.iter_mut().zip(&surroundings) {
                // The state before is not kept.
                let before = std::mem::replace(state, Tensor::empty([0, 0, 0], &self.device));
                let input = EncoderInput::new(before)
                    .with_mask_pad(mask_pad.clone())
                    .with_rotary(rotary.clone());
                *state = layer.encoder.layers[0].forward(input);
            }
            progress(index + 1, layers);
        }
        let d_model = self.config.d_model;
        let mut sums = vec![0f32; sequences.len() * d_model];
        for (batch, state) in batches.iter().zip(states) {
            let state = match &ends.encoder.norm {
                Some(norm) if layers == last => norm.forward(state),
                _ => state,
            };
            let (model, windows) = (&self.config, &batch.windows);
            add_means(model, sequences, config, windows, state, &mut sums);
        }
        Ok(TensorData::new(sums, [sequences.len(), d_model]))
    }

    /// What stands before the layers and after them, without any; parameters that nobody reads are never made.
    fn ends(&mut self) -> Result<Esm2, E> {
        let mut model = self.config.init(&self.device)?;
        let names = &self.names;
        let own = [names.embedding(), names.norm("weight"), names.norm("bias")];
        let mut tensors =
            (self.read)(&|name| name.ends_with(".inv_freq") || own.iter().any(|own| own == name))?;
        if let Some(found) = frequencies(&self.config, names, &tensors)? {
            model.frequencies = found;
        }
        let device = &self.device;
        Part::Table(names.embedding(), &mut model.embedding.weight).read(&mut tensors, device)?;
        if let Some(norm) = &mut model.encoder.norm {
            Part::norm_weight(names.norm("weight"), norm).read(&mut tensors, device)?;
            Part::norm_bias(names.norm("bias"), norm).read(&mut tensors, device)?;
        }
        Ok(model)
    }

    /// A model of one layer, the one at `index`.
    fn layer(&mut self, index: usize) -> Result<Esm2, E> {
        let one = Esm2Config {
            n_layers: 1,
            ..self.config.clone()
        };
        let mut model = one.init(&self.device)?;
        let prefix = self.names.layer_prefix(index);
        let mut tensors =
            (self.read)(&|name| name.starts_with(&prefix) && !name.ends_with(".inv_freq"))?;
        let layer = &mut model.encoder.layers[0];
        for_each_of_layer(layer, &self.names.layer(index), |part| {
            part.read(&mut tensors, &self.device)
        })?;
        match tensors.first_key_value() {
            None => Ok(model),
            Some((name, data)) => Err(E::from(ModelError::ExtraTensor {
                name: name.clone(),
                found: data.shape().to_vec(),
                count: tensors.len(),
            })),
        }
    }
}
