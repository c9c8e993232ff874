//! Laws of the networks of single-cell perturbation that hold for any weights.

use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams};
use burn::store::ModuleRecord;
use burn::tensor::{Device, Tensor, TensorData};
use hairpin_models::{
    AttentionOver, Autoencoder, AutoencoderConfig, EncodingHead, EncodingNet, EncodingNetConfig,
    LatentRegressor, LatentRegressorConfig, Model, ModelError, PerturbationTransformer,
    PerturbationTransformerConfig,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

fn random(dims: [usize; 2], seed: u64, device: &Device) -> Tensor<2> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let count = dims[0] * dims[1];
    let values = (0..count).map(|_| (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0);
    Tensor::from_data(TensorData::new(values.collect::<Vec<f32>>(), dims), device)
}

fn values(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap()
}

fn apart(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let pairs = a.iter().zip(b);
    pairs.fold(0.0, |most, (a, b)| most.max((a - b).abs()))
}

fn transformer(attention: AttentionOver) -> PerturbationTransformerConfig {
    PerturbationTransformerConfig::new(2, 3, vec![4, 4, 1], 6)
        .with_attention(attention)
        .with_d_model(8)
        .with_n_heads(2)
        .with_n_layers(2)
        .with_d_ff(12)
}

fn autoencoder() -> AutoencoderConfig {
    AutoencoderConfig::new(5, 9)
        .with_d_hidden(16)
        .with_d_latent(8)
}

fn latent(attention: AttentionOver) -> LatentRegressorConfig {
    LatentRegressorConfig::new(14)
        .with_attention(attention)
        .with_d_latent(6)
        .with_d_hidden(16)
        .with_n_heads(4)
        .with_d_ff(8)
}

fn net(head: EncodingHead) -> EncodingNetConfig {
    EncodingNetConfig::new(14, 6)
        .with_head(head)
        .with_steps(7)
        .with_d_head(5)
        .with_d_hidden(16)
}

const HEADS: [EncodingHead; 4] = [
    EncodingHead::Dense,
    EncodingHead::Lstm,
    EncodingHead::Gru,
    EncodingHead::Convolution,
];

/// Every network, all with 14 inputs, each to be made as often as is asked for.
fn each(mut work: impl Work) {
    use AttentionOver::{AcrossSamples, WithinSample};
    for attention in [WithinSample, AcrossSamples] {
        let config = transformer(attention);
        let zero = config.clone().with_dropout(0.0);
        work.on(
            attention,
            |d| config.init(d).unwrap(),
            |d| zero.init(d).unwrap(),
        );
        let config = latent(attention);
        let zero = config.clone().with_dropout(0.0);
        work.on(
            attention,
            |d| config.init(d).unwrap(),
            |d| zero.init(d).unwrap(),
        );
    }
    let config = autoencoder();
    let zero = config.clone().with_dropout(0.0);
    work.on(
        WithinSample,
        |d| config.init(d).unwrap(),
        |d| zero.init(d).unwrap(),
    );
    for head in HEADS {
        let config = net(head);
        let zero = config.clone().with_dropout(0.0);
        work.on(
            WithinSample,
            |d| config.init(d).unwrap(),
            |d| zero.init(d).unwrap(),
        );
    }
}

/// What is checked of any network: `fresh` makes one as configured, `sure` one without dropout.
trait Work {
    fn on<M: Model<Input = Tensor<2>>>(
        &mut self,
        attention: AttentionOver,
        fresh: impl Fn(&Device) -> M,
        sure: impl Fn(&Device) -> M,
    );
}

struct Company;

impl Work for Company {
    fn on<M: Model<Input = Tensor<2>>>(
        &mut self,
        attention: AttentionOver,
        fresh: impl Fn(&Device) -> M,
        _: impl Fn(&Device) -> M,
    ) {
        let device = Device::flex();
        let model = fresh(&device);
        let x = random([5, 14], 1, &device);
        let together = model.forward(x.clone());
        let alone = model.forward(x.clone().slice(2..3));
        let moved = apart(&values(together.clone().slice(2..3)), &values(alone));
        match attention {
            AttentionOver::WithinSample => assert!(moved < 1e-5, "{moved}"),
            AttentionOver::AcrossSamples => assert!(moved > 1e-4, "{moved}"),
        }
        // In either case the order of the rows is the order of the answers.
        let turned = values(model.forward(x.flip([0])).flip([0]));
        assert!(apart(&values(together), &turned) < 1e-5);
    }
}

#[test]
fn company_changes_an_answer_only_across_samples() {
    each(Company);
}

struct Heart;

impl Work for Heart {
    fn on<M: Model<Input = Tensor<2>>>(
        &mut self,
        _: AttentionOver,
        _: impl Fn(&Device) -> M,
        sure: impl Fn(&Device) -> M,
    ) {
        let device = Device::flex().autodiff();
        device.seed(1);
        let mut model = sure(&device).train();
        let x = random([8, 14], 2, &device);
        let targets = random([8, model.n_outputs()], 3, &device);
        let mut optimizer = AdamConfig::new().init();
        let mut losses = Vec::new();
        // Other tests draw from the same generator: the first weights are not always the same.
        for _ in 0..400 {
            let loss = (model.forward(x.clone()) - targets.clone()).square().mean();
            losses.push(loss.clone().into_scalar::<f32>());
            if losses[losses.len() - 1] < losses[0] / 8.0 {
                return;
            }
            let grads = GradientsParams::from_grads(loss.backward(), &model);
            model = optimizer.step(0.01, model, grads);
        }
        panic!("{} to {}", losses[0], losses[losses.len() - 1]);
    }
}

#[test]
fn eight_rows_are_learned_by_heart() {
    each(Heart);
}

struct Bytes;

impl Work for Bytes {
    fn on<M: Model<Input = Tensor<2>>>(
        &mut self,
        _: AttentionOver,
        fresh: impl Fn(&Device) -> M,
        _: impl Fn(&Device) -> M,
    ) {
        let device = Device::flex();
        let model = fresh(&device);
        let x = random([5, 14], 4, &device);
        let expected = values(model.forward(x.clone()));
        let bytes = model.into_record().into_bytes().unwrap();
        let other = fresh(&device);
        assert_ne!(expected, values(other.forward(x.clone())));
        let other = other.load_record(ModuleRecord::from_bytes(bytes).unwrap());
        assert_eq!(expected, values(other.forward(x)));
    }
}

#[test]
fn weights_survive_as_bytes_bit_by_bit() {
    each(Bytes);
}

#[test]
fn the_genes_of_what_is_decoded_stand_behind_the_conditions() {
    let device = Device::flex();
    let config = autoencoder();
    let model = config.init(&device).unwrap();
    assert_eq!(model.gene_columns(), 5..14);
    let codes = random([4, 8], 5, &device);
    let rows = values(model.decode(codes.clone()));
    let genes = values(model.genes(codes));
    for (row, own) in genes.chunks(9).enumerate() {
        assert_eq!(own, &rows[row * 14 + 5..(row + 1) * 14]);
    }

    // Trained to copy rows whose genes all are 3 and whose conditions are 0 or 1, it says 3 of genes: read from the first column on, 5 of
    // the 9 would be conditions.
    let device = Device::flex().autodiff();
    device.seed(1);
    let mut model = config.with_dropout(0.0).init(&device).unwrap();
    let mut rows = vec![3.0f32; 4 * 14];
    for (row, own) in rows.chunks_mut(14).enumerate() {
        own[..5].fill(0.0);
        own[row] = 1.0;
    }
    let rows = Tensor::<2>::from_data(TensorData::new(rows, [4, 14]), &device);
    let mut optimizer = AdamConfig::new().init();
    for _ in 0..400 {
        let loss = (model.forward(rows.clone()) - rows.clone()).square().mean();
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        model = optimizer.step(0.01, model, grads);
    }
    let model = model.valid();
    let genes = values(model.genes(model.encode(rows.without_autodiff())));
    assert!(
        genes.iter().all(|gene| (gene - 3.0).abs() < 0.7),
        "{genes:?}"
    );
}

#[test]
fn only_training_drops() {
    let device = Device::flex().autodiff();
    let config = net(EncodingHead::Gru).with_dropout_input(0.5);
    let model: EncodingNet = config.init(&device).unwrap();
    let x = random([6, 14], 7, &device);
    let twice = [0; 2].map(|_| values(model.forward(x.clone())));
    assert_ne!(twice[0], twice[1]);
    let (model, x) = (model.valid(), x.without_autodiff());
    let twice = [0; 2].map(|_| values(model.forward(x.clone())));
    assert_eq!(twice[0], twice[1]);
}

fn refused<M: std::fmt::Debug>(found: Result<M, ModelError>, expected: &str) {
    match found {
        Err(ModelError::OutOfRange { name, .. }) => assert_eq!(name, expected),
        other => panic!("{expected}: {other:?}"),
    }
}

#[test]
fn a_wrong_size_is_named() {
    let device = Device::flex();
    let base = || transformer(AttentionOver::WithinSample);
    let new = PerturbationTransformerConfig::new;
    for (config, name) in [
        (new(0, 3, vec![1], 2), "n_cell_types"),
        (new(2, 0, vec![1], 2), "n_compounds"),
        (new(2, 3, vec![], 2), "statistics"),
        (new(2, 3, vec![4, 0], 2), "statistics"),
        (new(2, 3, vec![1], 1 << 40), "n_genes"),
        (base().with_n_heads(3), "d_model"),
        (base().with_n_layers(65), "n_layers"),
        (base().with_dropout(1.0), "dropout"),
    ] {
        refused::<PerturbationTransformer>(config.init(&device), name);
    }
    for (config, name) in [
        (AutoencoderConfig::new(5, 0), "n_genes"),
        (AutoencoderConfig::new(1 << 30, 3), "n_conditions"),
        (autoencoder().with_d_latent(0), "d_latent"),
        (autoencoder().with_dropout(f64::NAN), "dropout"),
    ] {
        refused::<Autoencoder>(config.init(&device), name);
    }
    for (config, name) in [
        (LatentRegressorConfig::new(0), "n_conditions"),
        (LatentRegressorConfig::new(3).with_n_heads(7), "d_hidden"),
        (LatentRegressorConfig::new(3).with_d_ff(1 << 20), "d_ff"),
    ] {
        refused::<LatentRegressor>(config.init(&device), name);
    }
    for (config, name) in [
        (net(EncodingHead::Lstm).with_steps(4), "d_input"),
        (net(EncodingHead::Convolution).with_kernel(4), "kernel"),
        (
            net(EncodingHead::Dense).with_dropout_input(-0.1),
            "dropout_input",
        ),
        (EncodingNetConfig::new(3, 0), "n_outputs"),
    ] {
        refused::<EncodingNet>(config.init(&device), name);
    }
}

#[test]
#[should_panic(expected = "PerturbationTransformer: d_input")]
fn a_row_of_another_width_is_named() {
    let device = Device::flex();
    let model = transformer(AttentionOver::WithinSample)
        .init(&device)
        .unwrap();
    model.forward(random([2, 13], 1, &device));
}
