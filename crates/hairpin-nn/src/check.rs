//! What the tests of the layers share: the fast way against the plain one.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// Values in -1..1.
pub(crate) fn random<const D: usize>(dims: [usize; D], seed: u64, device: &Device) -> Tensor<D> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f32> = (0..dims.iter().product())
        .map(|_| (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0)
        .collect();
    Tensor::from_data(TensorData::new(values, dims), device)
}

/// A layer with weights that are drawn in -0.3..0.3, about one for the scales of norms: the same ones whatever else draws.
pub(crate) fn drawn<M: Module>(layer: M, seed: u64) -> M {
    layer.map(&mut Drawn(seed))
}

struct Drawn(u64);

impl ModuleMapper for Drawn {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.0 += 1;
        let seed = self.0;
        param.map(|old| {
            let values = random(old.dims(), seed, &old.device()) * 0.3;
            // What a norm begins with is one, what a bias begins with nearer to zero.
            let about = match D {
                1 => old.detach().round(),
                _ => old.zeros_like(),
            };
            (about + values).detach().require_grad()
        })
    }
}

/// Asserts that two functions of `x` have the same values, and the same gradients of `x` and of what `parameters` takes out.
pub(crate) fn assert_same<const D: usize, const E: usize>(
    x: Tensor<D>,
    fast: impl Fn(Tensor<D>) -> Tensor<E>,
    plain: impl Fn(Tensor<D>) -> Tensor<E>,
    parameters: impl Fn(&Gradients) -> Vec<TensorData>,
) {
    let run = |f: &dyn Fn(Tensor<D>) -> Tensor<E>| {
        let x = x.clone().detach().require_grad();
        let y = f(x.clone());
        let weights = random(y.dims(), 77, &y.device());
        let grads = (y.clone() * weights).sum().backward();
        let mut all = vec![y.into_data(), x.grad(&grads).unwrap().into_data()];
        all.extend(parameters(&grads));
        all
    };
    for (part, (found, expected)) in run(&fast).into_iter().zip(run(&plain)).enumerate() {
        close(&format!("{:?}: part {part}", x.dims()), found, expected);
    }
}

/// Asserts that values differ by no more than rounding, measured by the greatest.
pub(crate) fn close(what: &str, found: TensorData, expected: TensorData) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    let greatest = expected
        .iter::<f32>()
        .fold(1f32, |max, value| max.max(value.abs()));
    for (index, (found, expected)) in found.iter::<f32>().zip(expected.iter::<f32>()).enumerate() {
        assert!(
            (found - expected).abs() <= 2e-5 * greatest,
            "{what} [{index}]: {found}, expected {expected}"
        );
    }
}
