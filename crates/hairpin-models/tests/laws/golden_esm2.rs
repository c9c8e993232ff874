//! States, pooled vectors and logits against Hugging Face's `EsmForMaskedLM`: see `fixtures/make/golden_esm2.py`.

use burn::tensor::{Device, Int, Tensor, TensorData};
use hairpin_golden::{Golden, Tolerance, assert_close};
use hairpin_models::ModelError;
use hairpin_models::esm2::{EmbedConfig, Esm2, Esm2Config};
use hairpin_nn::weights;
use std::collections::BTreeMap;
use std::path::PathBuf;

const STATES: Tolerance = Tolerance {
    absolute: 2e-5,
    relative: 0.0,
};
const LOGITS: Tolerance = Tolerance {
    absolute: 5e-5,
    relative: 0.0,
};

fn fixture(name: &str) -> PathBuf {
    let golden = "../../fixtures/golden/hairpin-models";
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join(golden)
        .join(name)
}

fn config() -> Esm2Config {
    let json = std::fs::read_to_string(fixture("esm2_config.json")).unwrap();
    Esm2Config::from_json(&json).unwrap()
}

fn published(name: &str) -> BTreeMap<String, TensorData> {
    weights::read(fixture(name)).unwrap()
}

fn model() -> Esm2 {
    let tensors = published("esm2_weights.safetensors");
    Esm2::from_weights(&config(), tensors, &Device::flex()).unwrap()
}

fn tokens(golden: &Golden, case: &str) -> (Tensor<2, Int>, Vec<Vec<i64>>) {
    let ids = golden.i64(&format!("{case}.input_ids"));
    let rows = ids.values.chunks_exact(ids.shape[1]);
    let rows = rows.map(|row| row.iter().copied().filter(|&token| token != 1).collect());
    let rows = rows.collect();
    let data = TensorData::new(ids.values, ids.shape);
    (Tensor::from_data(data, &Device::flex()), rows)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().unwrap()
}

/// The values at positions that are not padded: at the others, states are not defined.
fn kept(golden: &Golden, case: &str, all: &[f32]) -> Vec<f32> {
    let ids = golden.i64(&format!("{case}.input_ids")).values;
    let width = all.len() / ids.len();
    let rows = all.chunks_exact(width).zip(ids);
    rows.filter(|(_, token)| *token != 1)
        .flat_map(|(row, _)| row)
        .copied()
        .collect()
}

#[test]
fn states_and_logits_agree() {
    let (model, golden) = (model(), Golden::load("hairpin-models", "esm2.safetensors"));
    for case in ["short", "long", "padded", "masked"] {
        let (input, _) = tokens(&golden, case);
        let same = |name: &str, found: Vec<f32>, tolerance| {
            let expected = golden.f32(&format!("{case}.{name}")).values;
            let (expected, found) = (kept(&golden, case, &expected), kept(&golden, case, &found));
            assert_close(&format!("{case} {name}"), &expected, &found, tolerance);
        };
        let all = model.hidden_states(input.clone());
        assert_eq!(all.len(), 3);
        for (index, states) in all.into_iter().enumerate() {
            same(&format!("hidden.{index}"), values(states), STATES);
        }
        let states = model.forward(input);
        same("hidden.2", values(states.clone()), STATES);
        same("logits", values(model.logits(states).unwrap()), LOGITS);
    }
}

#[test]
fn pooled_vectors_agree() {
    let (model, golden) = (model(), Golden::load("hairpin-models", "esm2.safetensors"));
    let (mut rows, mut expected) = (Vec::new(), Vec::new());
    for case in ["short", "long", "padded", "masked"] {
        rows.extend(tokens(&golden, case).1);
        expected.extend(golden.f32(&format!("{case}.mean_pooled")).values);
    }
    for budget in [1, 30, 4096] {
        let config = EmbedConfig::new().with_tokens_per_batch(budget);
        let found = model.embed(&rows, &config, |_, _| ()).unwrap();
        assert_eq!(found.shape().as_slice(), [7, 32]);
        assert_close("pooled", &expected, &found.try_into_vec().unwrap(), STATES);
    }
}

#[test]
fn a_checkpoint_of_fair_esm_agrees() {
    let tensors = published("esm2_weights.pt");
    let sizes = Esm2Config::from_weights(&tensors).unwrap();
    assert_eq!(sizes, config());
    let model = Esm2::from_weights(&sizes, tensors, &Device::flex()).unwrap();
    let golden = Golden::load("hairpin-models", "esm2.safetensors");
    let (input, _) = tokens(&golden, "short");
    let logits = model.logits(model.forward(input)).unwrap();
    let expected = golden.f32("half.logits").values;
    assert_close("half.logits", &expected, &values(logits), LOGITS);
}

#[test]
fn an_encoder_alone_has_no_logits() {
    // Hugging Face's EsmModel: no prefix, no head, a pooler.
    let mut tensors = weights::under(&published("esm2_weights.safetensors"), "esm.");
    let more = TensorData::zeros::<f32, _>([32, 32]);
    tensors.insert("pooler.dense.weight".to_owned(), more.clone());
    let name = "embeddings.position_embeddings.weight";
    tensors.insert(name.to_owned(), more);
    assert_eq!(Esm2Config::from_weights(&tensors).unwrap(), config());
    let alone = Esm2::from_weights(&config(), tensors, &Device::flex()).unwrap();
    let golden = Golden::load("hairpin-models", "esm2.safetensors");
    let (input, _) = tokens(&golden, "short");
    let states = alone.forward(input.clone());
    let both = model().forward(input);
    assert_eq!(states.clone().into_data(), both.into_data());
    assert!(alone.logits(states).is_none());
}

#[test]
fn weights_that_are_not_the_models_are_refused_by_name() {
    let load = |change: &dyn Fn(&mut BTreeMap<String, TensorData>)| {
        let mut tensors = published("esm2_weights.safetensors");
        change(&mut tensors);
        Esm2::from_weights(&config(), tensors, &Device::flex()).unwrap_err()
    };
    let name = "esm.encoder.layer.1.attention.self.key.bias";
    let missing = ModelError::MissingTensor {
        name: name.to_owned(),
        expected: vec![32],
    };
    assert_eq!(load(&|t| drop(t.remove(name))), missing);

    let wide = TensorData::zeros::<f32, _>([33]);
    let found = load(&|t| drop(t.insert(name.to_owned(), wide.clone())));
    let shape = format!("tensor `{name}` has the shape [33], expected [32]");
    assert_eq!(found.to_string(), shape);

    let whole = TensorData::zeros::<i64, _>([32]);
    let found = load(&|t| drop(t.insert(name.to_owned(), whole.clone())));
    assert!(found.to_string().contains("holds I64, expected f32"));

    let found = load(&|t| drop(t.insert("classifier.out_proj.bias".to_owned(), wide.clone())));
    let extra = ModelError::ExtraTensor {
        name: "classifier.out_proj.bias".to_owned(),
        found: vec![33],
        count: 1,
    };
    assert_eq!(found, extra);

    let other = TensorData::zeros::<f32, _>([33, 32]);
    let found = load(&|t| drop(t.insert("lm_head.decoder.weight".to_owned(), other.clone())));
    assert!(found.to_string().contains("`lm_head.decoder.weight`"));

    let other = TensorData::zeros::<f32, _>([4]);
    let one = "esm.encoder.layer.0.attention.self.rotary_embeddings.inv_freq";
    let found = load(&|t| drop(t.insert(one.to_owned(), other.clone())));
    assert!(found.to_string().contains("inv_freq"), "{found}");

    let found = load(&|t| t.retain(|name, _| !name.contains("word_embeddings")));
    let missing = ModelError::MissingTensor {
        name: "esm.embeddings.word_embeddings.weight".to_owned(),
        expected: vec![33, 32],
    };
    assert_eq!(found, missing);

    // Fewer layers than the weights have.
    let short = Esm2Config {
        n_layers: 1,
        ..config()
    };
    let tensors = published("esm2_weights.safetensors");
    match Esm2::from_weights(&short, tensors, &Device::flex()) {
        Err(ModelError::ExtraTensor { name, count, .. }) => {
            assert!(name.starts_with("esm.encoder.layer.1."));
            assert_eq!(count, 16);
        }
        other => panic!("{other:?}"),
    }
}
