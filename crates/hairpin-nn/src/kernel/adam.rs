//! A step of Adam in one pass.

use super::vector;
use crate::adam::Step;
use burn::backend::Flex;
use burn::tensor::Tensor;
use burn_flex::FlexTensor;
use rayon::prelude::*;

/// Values of a task.
const TASK: usize = 1 << 14;

/// Weight, mean and square after the step, from weight, gradient, mean and square before it, all on flex. What nobody else holds is
/// changed in place.
pub(crate) fn step<const D: usize>(step: &Step, all: [Tensor<D>; 4]) -> [Tensor<D>; 3] {
    let [mut weight, gradient, mut mean, mut square] = all.map(plain);
    {
        let gradient = gradient
            .as_slice::<f32>()
            .expect("a contiguous f32 tensor on flex");
        let (beta_1, beta_2) = (step.beta_1 as f32, step.beta_2 as f32);
        let (other_1, other_2) = ((1.0 - step.beta_1) as f32, (1.0 - step.beta_2) as f32);
        let (keep, rate) = (step.keep as f32, step.rate as f32);
        let (root, epsilon) = (step.root as f32, step.epsilon as f32);
        weight
            .storage_mut::<f32>()
            .par_chunks_mut(TASK)
            .zip(mean.storage_mut::<f32>().par_chunks_mut(TASK))
            .zip(square.storage_mut::<f32>().par_chunks_mut(TASK))
            .zip(gradient.par_chunks(TASK))
            .for_each(|(((weight, mean), square), gradient)| {
                vector::run(
                    #[inline(always)]
                    || {
                        let all = weight.iter_mut().zip(mean).zip(square).zip(gradient);
                        for (((weight, mean), square), &gradient) in all {
                            *mean = *mean * beta_1 + gradient * other_1;
                            *square = *square * beta_2 + gradient * gradient * other_2;
                            let change = *mean * rate / (square.sqrt() * root + epsilon);
                            *weight = *weight * keep - change;
                        }
                    },
                );
            });
    }
    [weight, mean, square].map(Tensor::from_primitive::<Flex>)
}

/// The tensor by itself: contiguous, and all of what it is stored in.
fn plain<const D: usize>(tensor: Tensor<D>) -> FlexTensor {
    let tensor = tensor
        .try_into_primitive::<Flex>()
        .expect("a step of Adam was given a tensor on flex")
        .to_contiguous();
    let whole = tensor.storage::<f32>().len();
    match tensor.as_slice::<f32>() {
        Some(values) if values.len() != whole => {
            let dims = burn::backend::TensorMetadata::shape(&tensor);
            FlexTensor::from_data(burn::tensor::TensorData::new(values.to_vec(), dims))
        }
        _ => tensor,
    }
}
