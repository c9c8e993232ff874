//! Stacks, bulges and internal loops, one at a time.

use crate::recursion::{LINE, Lookup};

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Stack,
    Bulge,
    Internal,
}

pub(super) fn kind(left: usize, right: usize) -> Kind {
    match (left, right) {
        (0, 0) => Kind::Stack,
        (0, _) | (_, 0) => Kind::Bulge,
        _ => Kind::Internal,
    }
}

/// The factor of the loop with `left` and `right` unpaired bases between the closing corner `outer` and the entering corner `inner`.
#[inline(always)]
pub(super) fn interior(
    lookup: &Lookup<f64>,
    (outer, inner): (usize, usize),
    left: usize,
    right: usize,
) -> f64 {
    let stack = || lookup.stack[outer / 25 * 7 + inner / 25];
    match (left, right) {
        (0, 0) => stack(),
        (0, 1) | (1, 0) => lookup.bulge_one * stack(),
        (0, length) | (length, 0) => {
            lookup.bulge[length - 2] * lookup.terminal[outer / 25] * lookup.terminal[inner / 25]
        }
        (1, 1) => lookup.int11[outer * 7 + inner / 25],
        (1, 2) => lookup.int21[outer * 35 + inner / 5],
        (2, 1) => lookup.int21[inner * 35 + outer / 5],
        (1, length) | (length, 1) => {
            lookup.one_n[length - 2] * lookup.internal_1n[outer] * lookup.internal_1n[inner]
        }
        (2, 2) => lookup.int22[outer * 175 + inner],
        (2, 3) | (3, 2) => {
            lookup.lengths_23 * lookup.internal_23[outer] * lookup.internal_23[inner]
        }
        _ => {
            lookup.lengths[left * LINE + right - 2]
                * lookup.internal[outer]
                * lookup.internal[inner]
        }
    }
}
