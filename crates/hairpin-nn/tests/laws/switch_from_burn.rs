//! Weights of Burn's own layers give what they gave there.

use burn::nn::gru::{BiGruConfig, GruConfig};
use burn::nn::{BiLstmConfig, LstmConfig};
use burn::tensor::{Device, Distribution, Tensor};
use hairpin_nn::{ConvertError, Recurrent, RecurrentInput};

const D_INPUT: usize = 5;
const D_HIDDEN: usize = 7;

fn input(device: &Device) -> Tensor<3> {
    Tensor::random([3, 11, D_INPUT], Distribution::Uniform(-1.0, 1.0), device)
}

#[track_caller]
fn equal(ours: Tensor<3>, theirs: Tensor<3>) {
    assert_eq!(ours.dims(), theirs.dims());
    let floats = |t: Tensor<3>| t.into_data().try_into_vec::<f32>().unwrap();
    for (ours, theirs) in floats(ours).into_iter().zip(floats(theirs)) {
        assert!((ours - theirs).abs() < 1e-6, "{ours}, Burn says {theirs}");
    }
}

fn converted<'a, L>(layer: &'a L) -> Recurrent
where
    Recurrent: TryFrom<&'a L, Error = ConvertError>,
{
    Recurrent::try_from(layer).unwrap()
}

#[test]
fn every_layer_of_burn_comes_over() {
    let device = Device::flex();
    let x = input(&device);
    let run = |layer: Recurrent| layer.forward(RecurrentInput::new(x.clone())).output;
    for bias in [true, false] {
        let lstm = LstmConfig::new(D_INPUT, D_HIDDEN, bias).init(&device);
        equal(run(converted(&lstm)), lstm.forward(x.clone(), None).0);
        let both = BiLstmConfig::new(D_INPUT, D_HIDDEN, bias).init(&device);
        equal(run(converted(&both)), both.forward(x.clone(), None).0);
        for reset_after in [true, false] {
            let gru = GruConfig::new(D_INPUT, D_HIDDEN, bias).with_reset_after(reset_after);
            let gru = gru.init(&device);
            equal(run(converted(&gru)), gru.forward(x.clone(), None));
            let both = BiGruConfig::new(D_INPUT, D_HIDDEN, bias).with_reset_after(reset_after);
            let both = both.init(&device);
            equal(run(converted(&both)), both.forward(x.clone(), None).0);
        }
    }
}

#[test]
fn what_has_no_counterpart_is_refused_by_name() {
    let device = Device::flex();
    let config = || LstmConfig::new(D_INPUT, D_HIDDEN, true);
    let refused = |config: LstmConfig| {
        let layer = config.init(&device);
        Recurrent::try_from(&layer).unwrap_err().to_string()
    };
    assert!(refused(config().with_clip(Some(1.0))).contains("`clip`"));
    assert!(refused(config().with_reverse(true)).contains("`reverse`"));
    assert!(refused(config().with_input_forget(true)).contains("`input_forget`"));
    let relu = burn::nn::activation::ActivationConfig::Relu;
    assert!(refused(config().with_cell_activation(relu)).contains("`cell_activation`"));
}
