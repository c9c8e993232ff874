//! What is known of a molecule beforehand.

use std::str::FromStr;

use crate::bases::{Bases, MIN_HAIRPIN};
use crate::{FoldError, Structure};

/// Pairs, paired and unpaired bases that every structure must have, and energies of single bases, such as those of a SHAPE experiment.
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
///
/// # As text
///
/// One symbol for each base, those of RNAfold's `-C`, all of them binding (there brackets are with `--enforceConstraint`, and bases with `<` and `>` may stay
/// unpaired):
///
/// | symbol | the base |
/// |---|---|
/// | `.` | is free |
/// | `x` | is unpaired |
/// | `\|` | is paired |
/// | `<` | is paired with one downstream of it |
/// | `>` | is paired with one upstream of it |
/// | `(`, `)` | are paired with each other |
///
/// ```
/// # use hairpin_fold::{Constraints, Folder, Settings, Workspace};
/// # let folder = Folder::turner_2004(Settings::default())?;
/// # let mut workspace = Workspace::default();
/// let constraints: Constraints = ".x(..........)|.".parse()?;
/// let mfe = folder.mfe_with(&mut workspace, b"GGCAUCGAAAGAUGCC", &constraints)?;
/// assert_eq!(mfe.structure().to_string(), "(.((((....))))).");
/// # Ok::<(), hairpin_fold::FoldError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Constraints {
    pairs: Vec<(usize, usize)>,
    bases: Vec<(usize, State)>,
    /// Of the molecule, where a text said so.
    length: Option<usize>,
    unpaired_kcal: Vec<f64>,
    paired_kcal: Vec<f64>,
    stacked_kcal: Vec<f64>,
}

impl Constraints {
    /// Also with the pair of `i` and `j`, from 1.
    pub fn with_pair(mut self, i: usize, j: usize) -> Self {
        self.pairs.push((i, j));
        self
    }

    /// Also with `position`, from 1, unpaired.
    pub fn with_unpaired(mut self, position: usize) -> Self {
        self.bases.push((position, State::Unpaired));
        self
    }

    /// Also with `position`, from 1, paired, whichever the partner.
    pub fn with_paired(mut self, position: usize) -> Self {
        self.bases.push((position, State::Paired));
        self
    }

    /// Also with `position`, from 1, paired with a base downstream of it, on its 3' side.
    pub fn with_downstream_partner(mut self, position: usize) -> Self {
        self.bases.push((position, State::Downstream));
        self
    }

    /// Also with `position`, from 1, paired with a base upstream of it, on its 5' side.
    pub fn with_upstream_partner(mut self, position: usize) -> Self {
        self.bases.push((position, State::Upstream));
        self
    }

    /// With pseudo-energies in kcal/mol, one for every base: what it costs to leave that base unpaired. The minimum of energy rounds them to 0.01.
    pub fn with_unpaired_kcal(mut self, kcal: Vec<f64>) -> Self {
        self.unpaired_kcal = kcal;
        self
    }

    /// With pseudo-energies in kcal/mol, one for every base: what it costs to pair that base. The minimum of energy rounds them to 0.01.
    pub fn with_paired_kcal(mut self, kcal: Vec<f64>) -> Self {
        self.paired_kcal = kcal;
        self
    }

    /// With pseudo-energies in kcal/mol, one for every base: what it costs in each stack of two pairs that the base is part of, so twice inside of a helix, once
    /// at its ends, and not in a pair that stands alone. [`Deigan`](crate::Deigan) gives them from SHAPE reactivities. The minimum of energy rounds
    /// them to 0.01.
    pub fn with_stacked_kcal(mut self, kcal: Vec<f64>) -> Self {
        self.stacked_kcal = kcal;
        self
    }

    /// What this means for `bases`.
    pub(crate) fn resolve(&self, bases: &Bases) -> Result<Resolved, FoldError> {
        let n = bases.len();
        if let Some(found) = self.length.filter(|&found| found != n) {
            return Err(FoldError::Length {
                what: "the constraint",
                expected: n,
                found,
            });
        }
        let mut resolved = Resolved {
            state: vec![State::Free; n + 2],
            region: vec![0; n + 2],
            unpaired_dcal: energies("unpaired pseudo-energies", &self.unpaired_kcal, n)?,
            paired_dcal: energies("paired pseudo-energies", &self.paired_kcal, n)?,
            stacked_dcal: energies("stacked pseudo-energies", &self.stacked_kcal, n)?,
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
        for &(position, asked) in &self.bases {
            let refuse = |reason| Err(FoldError::Constraint { position, reason });
            if position == 0 || position > n {
                return refuse("there is no such base");
            }
            match (resolved.state[position], asked) {
                (State::Free, _) => resolved.state[position] = asked,
                (State::With(_), State::Paired) => {}
                (known, asked) if known == asked => {}
                (State::Unpaired, _) | (_, State::Unpaired) => {
                    return refuse("the base is to be paired and unpaired");
                }
                _ => return refuse("the base is asked for two kinds of partners"),
            }
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

    /// The pseudo-energies of `structure` together, in kcal/mol: what [`Energy::evaluate`](crate::Energy::evaluate) does not know of. Whether it has the pairs
    /// that are asked for does not matter.
    ///
    /// ```
    /// use hairpin_fold::Constraints;
    ///
    /// let constraints = Constraints::default().with_paired_kcal(vec![-0.5; 7]);
    /// assert_eq!(constraints.pseudo_kcal(&"((...))".parse()?)?, -2.0);
    /// # Ok::<(), hairpin_fold::FoldError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`FoldError::Length`] if the pseudo-energies are those of another length; [`FoldError::NotFinite`].
    pub fn pseudo_kcal(&self, structure: &Structure) -> Result<f64, FoldError> {
        let n = structure.len();
        let [unpaired, paired, stacked] = [
            energies("unpaired pseudo-energies", &self.unpaired_kcal, n)?,
            energies("paired pseudo-energies", &self.paired_kcal, n)?,
            energies("stacked pseudo-energies", &self.stacked_kcal, n)?,
        ]
        .map(Option::unwrap_or_default);
        let dcal = pseudo_dcal(&unpaired, &paired, &stacked, structure);
        Ok(dcal.iter().sum::<f64>() / 100.0)
    }
}

impl FromStr for Constraints {
    type Err = FoldError;

    /// Reads one symbol for each base; see [above](Self#as-text).
    fn from_str(text: &str) -> Result<Self, FoldError> {
        let mut constraints = Self::default();
        let mut open = Vec::new();
        let mut length = 0;
        for symbol in text.chars() {
            length += 1;
            constraints = match symbol {
                '.' => constraints,
                'x' => constraints.with_unpaired(length),
                '|' => constraints.with_paired(length),
                '<' => constraints.with_downstream_partner(length),
                '>' => constraints.with_upstream_partner(length),
                '(' => {
                    open.push(length);
                    constraints
                }
                ')' => match open.pop() {
                    Some(partner) => constraints.with_pair(partner, length),
                    None => return Err(FoldError::Unbalanced { position: length }),
                },
                found => {
                    return Err(FoldError::ConstraintSymbol {
                        position: length,
                        found,
                    });
                }
            };
        }
        if let Some(position) = open.pop() {
            return Err(FoldError::Unbalanced { position });
        }
        constraints.length = Some(length);
        Ok(constraints)
    }
}

/// Every base's share of the pseudo-energies of a structure; empty slices are zeros.
fn pseudo_dcal(
    unpaired: &[f64],
    paired: &[f64],
    stacked: &[f64],
    structure: &Structure,
) -> Vec<f64> {
    let of = |dcal: &[f64], k: usize| dcal.get(k - 1).copied().unwrap_or(0.0);
    let partner = |k: usize| {
        let inside = (1..=structure.len()).contains(&k);
        inside.then(|| structure.partner(k)).flatten()
    };
    let share = |k: usize| match partner(k) {
        None => of(unpaired, k),
        Some(mate) => {
            // The pair outside of this one and the pair inside of it, whichever side the base is on.
            let stacks = [(k + 1, mate.wrapping_sub(1)), (k.wrapping_sub(1), mate + 1)];
            let stacks = stacks.into_iter().filter(|&(a, b)| partner(a) == Some(b));
            of(paired, k) + stacks.count() as f64 * of(stacked, k)
        }
    };
    (1..=structure.len()).map(share).collect()
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
    Paired,
    /// With a base on its 3' side.
    Downstream,
    /// With a base on its 5' side.
    Upstream,
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
    stacked_dcal: Option<Vec<f64>>,
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
            stacked_dcal: None,
            span,
        }
    }

    /// Whether the pair may form.
    pub(crate) fn allows(&self, i: usize, j: usize) -> bool {
        use State::{Downstream, Free, Paired, Upstream, With};
        match (self.state[i], self.state[j]) {
            (Free | Paired | Downstream, Free | Paired | Upstream) => {
                self.region[i] == self.region[j] && j - i < self.span
            }
            (With(partner), _) => partner == j,
            _ => false,
        }
    }

    pub(crate) fn must_pair(&self, position: usize) -> bool {
        !matches!(self.state[position], State::Free | State::Unpaired)
    }

    pub(crate) fn unpaired_dcal(&self, position: usize) -> f64 {
        entry(&self.unpaired_dcal, position)
    }

    pub(crate) fn paired_dcal(&self, position: usize) -> f64 {
        entry(&self.paired_dcal, position)
    }

    pub(crate) fn stacked_dcal(&self, position: usize) -> f64 {
        entry(&self.stacked_dcal, position)
    }

    /// Every base's share of the pseudo-energies of a structure, from position 1 at index 0.
    pub(crate) fn pseudo_dcal(&self, structure: &Structure) -> Vec<f64> {
        let [unpaired, paired, stacked] =
            [&self.unpaired_dcal, &self.paired_dcal, &self.stacked_dcal]
                .map(|dcal| dcal.as_deref().unwrap_or_default());
        pseudo_dcal(unpaired, paired, stacked, structure)
    }
}

fn entry(dcal: &Option<Vec<f64>>, position: usize) -> f64 {
    dcal.as_ref().map_or(0.0, |dcal| dcal[position - 1])
}
