//! What is kept of the intervals that end with each base.

/// An interval by its first base, with its value and the adjoint of that.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pub(super) first: u32,
    pub(super) value: f64,
    pub(super) bar: f64,
}

impl State {
    #[inline(always)]
    pub(super) fn first(&self) -> usize {
        self.first as usize
    }
}

/// The intervals that end with one base, each list by their first base.
#[derive(Clone, Debug, Default)]
pub(super) struct Column {
    /// `B`: first and last base pair.
    pub(super) pairs: Vec<State>,
    /// `M`: at least one branch of a multiloop, the first one begins the interval.
    pub(super) multi: Vec<State>,
    /// `M2`: at least two.
    pub(super) two: Vec<State>,
}

/// All of them. Everything is relative to the exterior `C[k]` of the bases `1..=k`: an interval from `i` to `j` has the value `X C[i-1] / C[j]`, which is
/// the weight it was judged by, and stays within the range of a float however long the molecule.
pub(super) struct Columns {
    /// By last base, from 1.
    pub(super) of: Vec<Column>,
    /// `C[k-1] / C[k]`.
    pub(super) steps: Vec<f64>,
}

impl Columns {
    pub(super) fn new(n: usize) -> Self {
        Self {
            of: vec![Column::default(); n + 1],
            steps: vec![1.0; n + 1],
        }
    }
}

/// Sums by first base, of which few are not zero.
pub(super) struct Gather {
    sums: Vec<f64>,
    touched: Vec<u32>,
}

impl Gather {
    pub(super) fn new(n: usize) -> Self {
        Self {
            sums: vec![0.0; n + 2],
            touched: Vec::new(),
        }
    }

    #[inline(always)]
    pub(super) fn add(&mut self, first: usize, value: f64) {
        if value == 0.0 {
            return;
        }
        let sum = &mut self.sums[first];
        if *sum == 0.0 {
            self.touched.push(first as u32);
        }
        *sum += value;
    }

    /// Of the sums times what each is promised, the `width` largest, by first base; all sums are zero afterwards.
    pub(super) fn take(&mut self, width: usize, promise: impl Fn(usize) -> f64) -> Vec<State> {
        let sums = &mut self.sums;
        let mut states: Vec<State> = (self.touched.drain(..))
            .map(|first| State {
                first,
                value: std::mem::take(&mut sums[first as usize]),
                bar: 0.0,
            })
            .collect();
        if states.len() > width {
            // Until they are chosen, the adjoint's place holds what they are judged by.
            for state in &mut states {
                state.bar = state.value * promise(state.first());
            }
            // Of equals the one that begins first, so that the order of arrival decides nothing.
            let order =
                |a: &State, b: &State| (b.bar.total_cmp(&a.bar)).then(a.first.cmp(&b.first));
            states.select_nth_unstable_by(width - 1, order);
            states.truncate(width);
            states.iter_mut().for_each(|state| state.bar = 0.0);
        }
        states.sort_unstable_by_key(|state| state.first);
        states.shrink_to_fit();
        states
    }
}

/// One number for every first base, to look up.
pub(super) struct Dense {
    values: Vec<f64>,
}

impl Dense {
    pub(super) fn new(n: usize) -> Self {
        Self {
            values: vec![0.0; n + 2],
        }
    }

    pub(super) fn fill(&mut self, states: &[State]) {
        for state in states {
            self.values[state.first()] = state.bar;
        }
    }

    pub(super) fn add(&mut self, first: usize, value: f64) {
        self.values[first] += value;
    }

    pub(super) fn clear(&mut self, states: &[State]) {
        for state in states {
            self.values[state.first()] = 0.0;
        }
    }

    #[inline(always)]
    pub(super) fn at(&self, first: usize) -> f64 {
        self.values[first]
    }
}

/// One step of [`trail`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// The 5' base of a closing pair.
    pub(super) base: usize,
    /// The sum over all first branches after it.
    pub(super) sum: f64,
    /// Index of the interval that begins with the next base, if there is one.
    pub(super) two: Option<usize>,
}

/// For every base to the left of the intervals `two`, within `reach` of one, the sum over them with unpaired bases between:
/// `T[h] = C[h-1] / C[h] (unpaired T[h+1] + M2[h+1])`. From right to left; where bases are left out the sum begins anew.
pub(super) fn trail(
    two: &[State],
    steps: &[f64],
    unpaired: f64,
    reach: usize,
    out: &mut Vec<Step>,
) {
    out.clear();
    let mut rest = two.len();
    let mut sum = 0.0;
    let mut anchor = 0;
    let mut base = match two.last() {
        Some(state) => state.first() - 1,
        None => return,
    };
    while base > 0 {
        let next = (rest > 0 && two[rest - 1].first() == base + 1).then(|| rest - 1);
        let begins = match next {
            Some(at) => {
                rest = at;
                anchor = base + 1;
                two[at].value
            }
            None => 0.0,
        };
        if anchor - base > reach + 1 {
            if rest == 0 {
                return;
            }
            sum = 0.0;
            base = two[rest - 1].first() - 1;
            continue;
        }
        sum = steps[base] * (unpaired * sum + begins);
        out.push(Step {
            base,
            sum,
            two: next,
        });
        base -= 1;
    }
}
