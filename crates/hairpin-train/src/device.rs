//! [`DeviceKind`]: the one place that names backends; [`Devices`]: several at once.

use crate::TrainError;
use burn::tensor::Device;
use std::fmt;
use std::str::FromStr;

/// A device as a program's user names it: `flex`, `ndarray`, `vulkan`, `vulkan:1`, `cuda`, `cuda:0`.
///
/// | name | cargo feature | what it is | same seed, same bytes |
/// |---|---|---|---|
/// | `flex` | `flex` (default) | Burn's pure-Rust CPU backend, with the fused kernels of `hairpin-nn` | yes, at any number of threads |
/// | `ndarray` | `ndarray` | the CPU backend that upstream marked deprecated in 0.22; a second opinion | yes |
/// | `vulkan:i` | `vulkan` | discrete GPU `i` through Vulkan; without `:i`, the best there is | not promised |
/// | `cuda:i` | `cuda` | NVIDIA GPU `i` | not promised |
///
/// ```
/// use hairpin_train::DeviceKind;
/// let kind: DeviceKind = "flex".parse()?;
/// let device = kind.device()?;
/// assert_eq!(kind.to_string(), "flex");
/// # Ok::<(), hairpin_train::TrainError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceKind {
    /// Burn's pure-Rust CPU backend.
    #[default]
    Flex,
    /// `burn-ndarray`.
    NdArray,
    /// A GPU through Vulkan, by index among the discrete ones, or the best.
    Vulkan(Option<usize>),
    /// An NVIDIA GPU by index.
    Cuda(usize),
}

impl DeviceKind {
    /// The device itself, without autodiff.
    ///
    /// # Errors
    ///
    /// [`TrainError::Device`] when the program was built without the backend's feature.
    pub fn device(self) -> Result<Device, TrainError> {
        match self {
            #[cfg(feature = "flex")]
            Self::Flex => Ok(Device::flex()),
            #[cfg(feature = "ndarray")]
            #[allow(deprecated)] // By upstream; kept as the second CPU oracle.
            Self::NdArray => Ok(Device::ndarray()),
            #[cfg(feature = "vulkan")]
            Self::Vulkan(index) => {
                use burn::tensor::DeviceKind as Gpu;
                Ok(Device::vulkan(
                    index.map_or(Gpu::DefaultDevice, Gpu::DiscreteGpu),
                ))
            }
            #[cfg(feature = "cuda")]
            Self::Cuda(index) => Ok(Device::cuda(index)),
            #[allow(unreachable_patterns)]
            absent => {
                let feature = absent.feature();
                Err(TrainError::Device {
                    name: absent.to_string(),
                    reason: format!(
                        "this program was built without it: build again with `--features {feature}`"
                    ),
                })
            }
        }
    }

    /// The backends that the program was built with, by their cargo features: what a [`Manifest`](crate::manifest::Manifest) records.
    pub fn features() -> Vec<&'static str> {
        [
            ("flex", cfg!(feature = "flex")),
            ("ndarray", cfg!(feature = "ndarray")),
            ("vulkan", cfg!(feature = "vulkan")),
            ("cuda", cfg!(feature = "cuda")),
        ]
        .into_iter()
        .filter_map(|(name, built)| built.then_some(name))
        .collect()
    }

    fn feature(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::NdArray => "ndarray",
            Self::Vulkan(_) => "vulkan",
            Self::Cuda(_) => "cuda",
        }
    }
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vulkan(Some(index)) | Self::Cuda(index) => {
                write!(f, "{}:{index}", self.feature())
            }
            _ => f.write_str(self.feature()),
        }
    }
}

impl FromStr for DeviceKind {
    type Err = TrainError;

    fn from_str(text: &str) -> Result<Self, TrainError> {
        let refuse = || TrainError::Device {
            name: text.to_owned(),
            reason: "expected flex, ndarray, vulkan, vulkan:INDEX, cuda or cuda:INDEX".to_owned(),
        };
        let (name, index) = match text.split_once(':') {
            None => (text, None),
            Some((name, index)) => (name, Some(index.parse().map_err(|_| refuse())?)),
        };
        match (name, index) {
            ("flex", None) => Ok(Self::Flex),
            ("ndarray", None) => Ok(Self::NdArray),
            ("vulkan", index) => Ok(Self::Vulkan(index)),
            ("cuda", index) => Ok(Self::Cuda(index.unwrap_or(0))),
            _ => Err(refuse()),
        }
    }
}

/// The devices of a training: one, or several joined by commas, `cuda:0,cuda:1`, which share the batches of a step
/// ([`Session::replicas`](crate::Session)).
///
/// ```
/// use hairpin_train::Devices;
/// let devices: Devices = "flex,flex".parse()?;
/// let (first, others) = devices.open()?;
/// assert_eq!((others.len(), devices.to_string().as_str()), (1, "flex,flex"));
/// # Ok::<(), hairpin_train::TrainError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Devices {
    /// The one that holds the weights, judges and predicts.
    pub first: DeviceKind,
    /// Those that take their share of the batches.
    pub others: Vec<DeviceKind>,
}

impl Devices {
    /// The devices themselves, without autodiff.
    ///
    /// # Errors
    ///
    /// As [`DeviceKind::device`].
    pub fn open(&self) -> Result<(Device, Vec<Device>), TrainError> {
        let others = self.others.iter().map(|kind| kind.device());
        Ok((self.first.device()?, others.collect::<Result<_, _>>()?))
    }
}

impl Default for Devices {
    fn default() -> Self {
        DeviceKind::default().into()
    }
}

impl From<DeviceKind> for Devices {
    fn from(first: DeviceKind) -> Self {
        Self {
            first,
            others: Vec::new(),
        }
    }
}

impl fmt::Display for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        self.others.iter().try_for_each(|kind| write!(f, ",{kind}"))
    }
}

impl FromStr for Devices {
    type Err = TrainError;

    fn from_str(text: &str) -> Result<Self, TrainError> {
        let mut kinds = text.split(',').map(str::parse);
        let first = kinds.next().unwrap_or_else(|| "".parse())?;
        Ok(Self {
            first,
            others: kinds.collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_a_round_trip() {
        for name in ["flex", "ndarray", "vulkan", "vulkan:1", "cuda:0", "cuda:3"] {
            let kind: DeviceKind = name.parse().unwrap();
            assert_eq!(kind.to_string(), name);
        }
        assert_eq!("cuda".parse::<DeviceKind>().unwrap(), DeviceKind::Cuda(0));
    }

    #[test]
    fn several_devices_are_joined_by_commas() {
        for name in ["flex", "cuda:0,cuda:1", "vulkan,flex,ndarray"] {
            let devices: Devices = name.parse().unwrap();
            assert_eq!(devices.to_string(), name);
        }
        for name in ["", ",", "cuda:0,", "cuda:0;cuda:1"] {
            assert!(name.parse::<Devices>().is_err(), "{name}");
        }
    }

    #[test]
    fn another_name_is_refused_with_the_list() {
        for name in ["", "gpu", "flex:0", "cuda:x", "cuda:-1", "vulkan:"] {
            let error = name.parse::<DeviceKind>().unwrap_err().to_string();
            assert!(error.contains("expected flex, ndarray"), "{error}");
        }
    }

    #[test]
    fn the_features_are_the_devices_that_can_be_had() {
        for kind in [DeviceKind::Flex, DeviceKind::NdArray] {
            let built = DeviceKind::features().contains(&kind.feature());
            assert_eq!(kind.device().is_ok(), built, "{kind}");
        }
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_backend_left_out_names_its_feature() {
        let error = DeviceKind::Cuda(0).device().unwrap_err().to_string();
        assert!(error.contains("--features cuda"), "{error}");
    }
}
