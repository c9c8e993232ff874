//! Laws of ESM-2 that hold for any weights.

use burn::tensor::{Device, Int, Tensor, TensorData};
use hairpin_models::ModelError;
use hairpin_models::esm2::{EmbedConfig, Esm2, Esm2Config, Esm2OnDisk};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;

/// A model whose weights do not come from Burn's own generator, which other tests draw from too.
fn model(config: &Esm2Config, device: &Device) -> Esm2 {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut tensors = config.init(device).unwrap().to_hugging_face();
    for (name, data) in &mut tensors {
        if !name.ends_with("inv_freq") {
            let dims = data.shape().to_vec();
            let count: usize = dims.iter().product();
            let values = (0..count).map(|_| (rng.next_u32() >> 8) as f32 / (1 << 24) as f32 - 0.5);
            *data = TensorData::new(values.collect::<Vec<f32>>(), dims);
        }
    }
    Esm2::from_weights(config, tensors, device).unwrap()
}

fn small() -> Esm2Config {
    Esm2Config::new(12, 2, 3, 20)
}

/// `<cls>`, residues, `<eos>`.
fn protein(residues: usize, seed: u64) -> Vec<i64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut tokens = vec![0];
    tokens.extend((0..residues).map(|_| 4 + i64::from(rng.next_u32() % 20)));
    tokens.push(2);
    tokens
}

fn batch(rows: &[Vec<i64>], length: usize) -> Tensor<2, Int> {
    let padded = rows.iter().flat_map(|row| {
        let padding = std::iter::repeat_n(1, length - row.len());
        row.iter().copied().chain(padding)
    });
    let data = TensorData::new(padded.collect::<Vec<i64>>(), [rows.len(), length]);
    Tensor::from_data(data, &Device::flex())
}

fn close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 2e-5, "{found}, {expected}");
    }
}

fn values(data: TensorData) -> Vec<f32> {
    data.try_into_vec().unwrap()
}

#[test]
fn padding_and_the_other_rows_change_nothing() {
    let model = model(&small(), &Device::flex());
    let rows = [protein(7, 1), protein(1, 2), protein(30, 3)];
    let together = model.forward(batch(&rows, 41));
    for (index, row) in rows.iter().enumerate() {
        let alone = model.forward(batch(std::slice::from_ref(row), row.len()));
        let found = together.clone();
        let found = found.slice([index..index + 1, 0..row.len()]);
        close(&values(found.into_data()), &values(alone.into_data()));
    }
    // A row of padding alone is no NaN.
    let empty = model.forward(batch(&[vec![]], 5)).into_data();
    assert!(empty.iter::<f32>().all(|value| value.is_finite()));
}

#[test]
fn every_layer_can_be_pooled() {
    let model = model(&small(), &Device::flex());
    let row = protein(9, 4);
    let all = model.hidden_states(batch(std::slice::from_ref(&row), 11));
    assert_eq!(all.len(), 3);
    for (layer, states) in all.into_iter().enumerate() {
        let expected = states.slice([0..1, 1..10]).mean_dim(1);
        let config = EmbedConfig::new().with_layer(Some(layer));
        let found = model.embed(&[&row[..]], &config, |_, _| ()).unwrap();
        close(&values(found), &values(expected.into_data()));
    }
}

#[test]
fn a_long_protein_is_the_mean_of_its_windows() {
    // Windows of 6 residues that share 2 at least: 0..6, 2..8 and 5..11 of 11 residues.
    let model = model(&small().with_max_positions(10), &Device::flex());
    assert_eq!(model.config().max_residues(), 6);
    let long = protein(11, 5);
    let config = EmbedConfig::new().with_overlap(2);
    let (mut sums, mut counts) = (vec![0f32; 11 * 12], [0f32; 11]);
    for start in [0, 2, 5] {
        let mut own = vec![0];
        own.extend(&long[1 + start..7 + start]);
        own.push(2);
        let states = values(model.forward(batch(&[own], 8)).into_data());
        for residue in start..start + 6 {
            counts[residue] += 1.0;
            for feature in 0..12 {
                sums[residue * 12 + feature] += states[(residue - start + 1) * 12 + feature];
            }
        }
    }
    for (index, sum) in sums.iter_mut().enumerate() {
        *sum /= counts[index / 12];
    }
    let found = model.embed_residues(&long, &config).unwrap();
    assert_eq!(found.shape().as_slice(), [11, 12]);
    close(&values(found), &sums);
    let mean = (0..12).map(|feature| (0..11).map(|r| sums[r * 12 + feature]).sum::<f32>() / 11.0);
    let found = model.embed(&[&long[..]], &config, |_, _| ()).unwrap();
    close(&values(found), &mean.collect::<Vec<f32>>());
}

#[test]
fn progress_reaches_the_number_of_windows() {
    let model = model(&small().with_max_positions(10), &Device::flex());
    let rows = [protein(11, 5), protein(3, 6), protein(6, 7)];
    let mut seen = Vec::new();
    let config = EmbedConfig::new().with_overlap(2).with_tokens_per_batch(16);
    let progress = |done, all| seen.push((done, all));
    model.embed(&rows, &config, progress).unwrap();
    assert_eq!(seen, [(2, 5), (4, 5), (5, 5)]);
    let none: [Vec<i64>; 0] = [];
    let found = model.embed(&none, &config, |_, _| ()).unwrap();
    assert_eq!(found.shape().as_slice(), [0, 12]);
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let config = Esm2Config::new(64, 2, 4, 256);
    // Also of a model that is made for training.
    let model = model(&config, &Device::flex().autodiff());
    let rows: Vec<_> = (0..9)
        .map(|seed| protein(20 + 17 * seed, seed as u64))
        .collect();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let embed = || model.embed(&rows, &EmbedConfig::new(), |_, _| ());
        pool.build().unwrap().install(embed).unwrap()
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(3));
}

#[test]
fn the_head_has_a_gradient_down_to_the_embedding() {
    let device = Device::flex().autodiff();
    let model = model(&small(), &device);
    let tokens = Tensor::<2, Int>::from_data([[0_i64, 20, 32, 4, 2]], &device);
    let logits = model.logits(model.forward(tokens)).unwrap();
    let grads = logits.square().mean().backward();
    let layer = &model.encoder.layers[0].attention.input.weight;
    for gradient in [
        model.embedding.weight.val().grad(&grads),
        layer.val().grad(&grads),
    ] {
        let values = gradient.unwrap().into_data();
        assert!(values.iter::<f32>().any(|value| value != 0.0));
        assert!(values.iter::<f32>().all(|value| value.is_finite()));
    }
}

#[test]
fn weights_come_back_as_they_were() {
    let device = Device::flex();
    let first = model(&small(), &device).to_hugging_face();
    let again = Esm2::from_weights(&small(), first.clone(), &device).unwrap();
    assert_eq!(again.to_hugging_face(), first);
    assert_eq!(Esm2Config::from_weights(&first).unwrap(), small());
}

#[test]
fn tokens_that_are_no_protein_are_refused() {
    let model = model(&small(), &Device::flex());
    let refused = |tokens: &[i64]| {
        let rows = [&protein(3, 1)[..], tokens];
        let error = model.embed(&rows, &EmbedConfig::new(), |_, _| ());
        match error.unwrap_err() {
            ModelError::Tokens {
                sequence, position, ..
            } => (sequence, position),
            other => panic!("{other}"),
        }
    };
    assert_eq!(refused(&[]), (1, 0));
    assert_eq!(refused(&[0]), (1, 2));
    assert_eq!(refused(&[0, 2]), (1, 2));
    assert_eq!(refused(&[5, 6, 2]), (1, 0));
    assert_eq!(refused(&[0, 6, 6]), (1, 2));
    for token in [0, 1, 2, 33, -1, i64::MAX] {
        assert_eq!(refused(&[0, 6, token, 7, 2]), (1, 2));
    }
    let wrong = [
        EmbedConfig::new().with_layer(Some(3)),
        EmbedConfig::new().with_tokens_per_batch(0),
        EmbedConfig::new().with_overlap(1022),
    ];
    for config in wrong {
        let error = model.embed(&[protein(3, 1)], &config, |_, _| ());
        assert!(matches!(error, Err(ModelError::OutOfRange { .. })));
    }
}

#[test]
fn a_configuration_of_another_model_is_refused() {
    let json = |from: &str, to: &str| {
        let text = r#"{"model_type": "esm", "hidden_size": 320, "num_hidden_layers": 6, "num_attention_heads": 20,
            "intermediate_size": 1280, "vocab_size": 33, "pad_token_id": 1, "mask_token_id": 32, "token_dropout": true,
            "max_position_embeddings": 1026, "layer_norm_eps": 1e-05, "position_embedding_type": "rotary"}"#;
        assert!(text.contains(from));
        Esm2Config::from_json(&text.replace(from, to))
    };
    assert!(json("rotary", "rotary").is_ok());
    for (from, to, name) in [
        ("\"esm\"", "\"bert\"", "model_type"),
        ("rotary", "absolute", "position_embedding_type"),
        ("320", "310", "d_model"),
        ("20,", "0,", "n_heads"),
        ("320", "99999999999", "d_model"),
        (": 6", ": 4000000000", "n_layers"),
        ("32,", "33,", "mask_token"),
        ("1e-05", "0", "norm_epsilon"),
    ] {
        match json(from, to) {
            Err(ModelError::OutOfRange { name: found, .. }) => assert_eq!(found, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    match json("320", "\"many\"") {
        Err(ModelError::Json { line, column, .. }) => assert!(line == 1 && column > 20),
        other => panic!("{other:?}"),
    }
    assert!(Esm2Config::from_json("").is_err());
}

/// The tensors that are wanted, as a file on disk gives them.
fn wanted(
    all: &BTreeMap<String, TensorData>,
    wanted: &dyn Fn(&str) -> bool,
) -> BTreeMap<String, TensorData> {
    let own = all.iter().filter(|(name, _)| wanted(name));
    own.map(|(name, data)| (name.clone(), data.clone()))
        .collect()
}

#[test]
fn a_model_on_disk_gives_the_same_bytes_and_never_reads_two_layers_at_once() {
    let device = Device::flex();
    let config = Esm2Config::new(12, 3, 3, 20).with_max_positions(14);
    let whole = model(&config, &device);
    let files = whole.to_hugging_face();
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    // One is longer than a window.
    let proteins = [protein(5, 1), protein(23, 2), protein(9, 3), protein(1, 4)];
    for layer in [None, Some(0), Some(2), Some(3)] {
        let embed = EmbedConfig {
            layer,
            ..EmbedConfig::new().with_tokens_per_batch(20).with_overlap(3)
        };
        let mut reads = Vec::new();
        let read = |asked: &dyn Fn(&str) -> bool| {
            let own = wanted(&files, asked);
            reads.push(own.keys().cloned().collect::<Vec<String>>());
            Ok::<_, ModelError>(own)
        };
        let mut on_disk = Esm2OnDisk::new(config.clone(), &names, &device, read).unwrap();
        let mut steps = Vec::new();
        let found = on_disk
            .embed(&proteins, &embed, |done, all| steps.push((done, all)))
            .unwrap();
        drop(on_disk);
        assert_eq!(found, whole.embed(&proteins, &embed, |_, _| ()).unwrap());
        let layers = layer.unwrap_or(3);
        assert_eq!(
            steps,
            (1..=layers).map(|done| (done, layers)).collect::<Vec<_>>()
        );
        assert_eq!(reads.len(), 1 + layers);
        assert!(reads[0].iter().all(|name| !name.contains("layer.")));
        for (index, own) in reads[1..].iter().enumerate() {
            let prefix = format!("esm.encoder.layer.{index}.");
            assert!(!own.is_empty() && own.iter().all(|name| name.starts_with(&prefix)));
        }
    }
}

#[test]
fn a_model_on_disk_refuses_what_is_missing_or_has_no_place() {
    let device = Device::flex();
    let files = model(&small(), &device).to_hugging_face();
    let message = |files: &BTreeMap<String, TensorData>| {
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        let read = |asked: &dyn Fn(&str) -> bool| Ok::<_, ModelError>(wanted(files, asked));
        let mut on_disk = Esm2OnDisk::new(small(), &names, &device, read).unwrap();
        let found = on_disk.embed(&[protein(3, 1)], &EmbedConfig::new(), |_, _| ());
        found.unwrap_err().to_string()
    };
    for name in [
        "esm.embeddings.word_embeddings.weight",
        "esm.encoder.layer.1.output.dense.bias",
        "esm.encoder.emb_layer_norm_after.weight",
    ] {
        let mut less = files.clone();
        less.remove(name);
        assert!(message(&less).contains(name), "{}", message(&less));
        let mut other = files.clone();
        other.insert(name.to_owned(), TensorData::zeros::<f32, _>([1]));
        assert!(message(&other).contains(name), "{}", message(&other));
    }
    let mut more = files.clone();
    let name = "esm.encoder.layer.0.adapter.weight";
    more.insert(name.to_owned(), TensorData::zeros::<f32, _>([1]));
    assert!(message(&more).contains(name), "{}", message(&more));
}
