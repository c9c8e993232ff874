//! What is known of a molecule beforehand.

use crate::FoldError;
use crate::bases::{Bases, MIN_HAIRPIN};

/// Pairs and unpaired bases that every structure must have, and energies of single bases, such as those of a SHAPE experiment.
///
/// ```
/// use hairpin_fold::{Constraints, Folder, Settings, Workspace};
///
/// let folder = Folder::turner_2004(Settings::default())?;
/// let mut workspace = Workspace::default();
/// let constraints = Constraints::default().with_unpaired(2);
/// let mfe = folder.mfe_with(&mut workspace, b"GGCAUCGAAAGAUGCC", &constraints)?;
/// assert_eq!(mfe.structure().to_string(), "..((((....))))..");
/// # Ok::<(), hairpin_fold::FoldError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Constraints {
    pairs: Vec<(usize, usize)>,
    unpaired: Vec<usize>,
    unpaired_kcal: Vec<f64>,
    paired_kcal: Vec<f64>,
}

impl Constraints {
    /// Also with the pair of `i` and `j`, from 1.
    pub fn with_pair(mut self, i: usize, j: usize) -> Self {
        self.pairs.push((i, j));
        self
    }

    /// Also with `position`, from 1, unpaired.
    pub fn with_unpaired(mut self, position: usize) -> Self {
        self.unpaired.push(position);
        self
    }

    /// With pseudo-energies in kcal/mol, one for every base: what it costs to leave that base unpaired. The minimum of energy rounds them to 0.01.
    pub fn with_unpaired_kcal(mut self, kcal: Vec<f64>) -> Self {
        self.unpaired_kcal = kcal;
        self
    }

    /// With pseudo-energies in kcal/mol, one for every base: what it costs to pair that base.
    pub fn with_paired_kcal(mut self, kcal: Vec<f64>) -> Self {
        self.paired_kcal = kcal;
        self
    }

    /// What this means for `bases`.
    pub(crate) fn resolve(&self, bases: &Bases) -> Result<Resolved, FoldError> {
        let n = bases.len();
        let mut resolved = Resolved {
            state: vec![State::Free; n + 2],
            region: vec![0; n + 2],
            unpaired_dcal: energies("unpaired pseudo-energies", &self.unpaired_kcal, n)?,
            paired_dcal: energies("paired pseudo-energies", &self.paired_kcal, n)?,
            span: usize::MAX,
        };
        for &(i, j) in &self.pairs {
            let (i, j) = (i.min(j), i.max(j));
            let refuse = |reason| Err(FoldError::NoPair { i, j, reason });
            if i == 0 || j > n {
                return refuse("a position is outside of the sequence");
            }
            if bases.pair_type(i, j) == 0 {
                return refuse("only AU, CG and GU do");
            }
            if j - i <= MIN_HAIRPIN {
                return refuse("a hairpin has three bases at least");
            }
            for position in [i, j] {
                if resolved.state[position] != State::Free {
                    return Err(FoldError::Constraint {
                        position,
                        reason: "the base is to be in two pairs",
                    });
                }
            }
            resolved.state[i] = State::With(j);
            resolved.state[j] = State::With(i);
        }
        for &position in &self.unpaired {
            if position == 0 || position > n {
                return Err(FoldError::Constraint {
                    position,
                    reason: "there is no such base",
                });
            }
            if let State::With(_) = resolved.state[position] {
                return Err(FoldError::Constraint {
                    position,
                    reason: "the base is to be paired and unpaired",
                });
            }
            resolved.state[position] = State::Unpaired;
        }
        // Two bases can pair if the same forced pair is the innermost around both.
        let mut open = vec![0];
        for position in 1..=n {
            if let State::With(partner) = resolved.state[position] {
                if partner > position {
                    open.push(position);
                } else if open.pop() != Some(partner) {
                    return Err(FoldError::NoPair {
                        i: partner,
                        j: position,
                        reason: "the pair crosses another one",
                    });
                }
            }
            resolved.region[position] = open.last().copied().unwrap_or(0);
        }
        Ok(resolved)
    }
}

fn energies(what: &'static str, kcal: &[f64], n: usize) -> Result<Option<Vec<f64>>, FoldError> {
    if kcal.is_empty() {
        return Ok(None);
    }
    if kcal.len() != n {
        return Err(FoldError::Length {
            what,
            expected: n,
            found: kcal.len(),
        });
    }
    // Beyond 1000 kcal/mol the sums of the recursion would lose their meaning.
    if let Some(at) = kcal.iter().position(|x| !x.is_finite() || x.abs() > 1000.0) {
        return Err(FoldError::NotFinite {
            position: at + 1,
            value: kcal[at],
        });
    }
    Ok(Some(kcal.iter().map(|x| x * 100.0).collect()))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    Unpaired,
    With(usize),
}

/// Constraints that were found to be possible, position by position.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    state: Vec<State>,
    region: Vec<usize>,
    /// From position 1 at index 0.
    unpaired_dcal: Option<Vec<f64>>,
    paired_dcal: Option<Vec<f64>>,
    /// Most bases from the one to the other end of a pair, both counted.
    span: usize,
}

impl Resolved {
    /// Nothing but that no pair spans more than `span` of `n` bases.
    pub(crate) fn within(n: usize, span: usize) -> Self {
        Self {
            state: vec![State::Free; n + 2],
            region: vec![0; n + 2],
            unpaired_dcal: None,
            paired_dcal: None,
            span,
        }
    }

    /// Whether the pair may form.
    pub(crate) fn allows(&self, i: usize, j: usize) -> bool {
        match (self.state[i], self.state[j]) {
            (State::Free, State::Free) => self.region[i] == self.region[j] && j - i < self.span,
            (State::With(partner), _) => partner == j,
            _ => false,
        }
    }

    pub(crate) fn must_pair(&self, position: usize) -> bool {
        matches!(self.state[position], State::With(_))
    }

    pub(crate) fn unpaired_dcal(&self, position: usize) -> f64 {
        self.unpaired_dcal
            .as_ref()
            .map_or(0.0, |dcal| dcal[position - 1])
    }

    pub(crate) fn paired_dcal(&self, position: usize) -> f64 {
        self.paired_dcal
            .as_ref()
            .map_or(0.0, |dcal| dcal[position - 1])
    }
}
