//! Taking pseudoknots apart, as bpRNA does before it names the loops.

use std::collections::BTreeMap;

use super::Structure;

/// A helix that bulges and internal loops may interrupt: pairs that follow one another on both strands with no other paired
/// base between them. Pairs of one segment cross the same pairs outside it.
struct Segment {
    pairs: Vec<(usize, usize)>,
}

impl Segment {
    fn weight(&self) -> usize {
        self.pairs.len()
    }
}

impl Structure {
    /// Whether any two pairs cross: `(i, j)` and `(k, l)` with `i < k < j < l`.
    pub fn has_pseudoknots(&self) -> bool {
        let mut open = Vec::new();
        (0..self.len()).any(|base| match self.partner(base) {
            Some(partner) if partner > base => {
                open.push(partner);
                false
            }
            Some(_) => open.pop() != Some(base),
            None => false,
        })
    }

    /// The same without the pairs that make pseudoknots, chosen as bpRNA does.
    ///
    /// The pairs are gathered into segments (helices with their bulges and internal loops); segments that cross are
    /// neighbours in a graph. Two neighbours, or a path of them, keep the set that does not cross and has the most pairs; on
    /// a tie the more 3' segment stays. Any other component loses one segment after another: the one with most neighbours
    /// in the whole graph among those with fewer pairs than their remaining neighbours together (ties: the largest
    /// difference, then the more 5'), or, if there is none, the one with fewest pairs.
    ///
    /// After Danaee et al. 2018 (doi:10.1093/nar/gky285). Where the program itself follows the order of a hash, at ties in
    /// paths of five segments or more and in larger tangles, the choice can differ. Linear in the length without
    /// pseudoknots; with them, memory goes with the number of crossings between segments, at worst the square of the
    /// segments, and time with that times the segments of the largest tangle.
    ///
    /// ```
    /// use hairpin_seq::structure::Structure;
    ///
    /// // An H-type pseudoknot: the helix of three pairs stays, that of two goes.
    /// let structure: Structure = "(((..[[..)))..]].".parse()?;
    /// assert_eq!(structure.without_pseudoknots().to_string(), "(((......))).....");
    /// # Ok::<(), hairpin_seq::SeqError>(())
    /// ```
    pub fn without_pseudoknots(&self) -> Self {
        let mut structure = self.clone();
        if !self.has_pseudoknots() {
            return structure;
        }
        let segments = segments(self);
        for segment in knots(&segments) {
            for &(i, j) in &segments[segment].pairs {
                structure.part(i, j);
            }
        }
        structure
    }
}

/// The segments by their first base.
fn segments(structure: &Structure) -> Vec<Segment> {
    let paired: Vec<usize> = (0..structure.len())
        .filter(|&base| structure.partner(base).is_some())
        .collect();
    // The rank of a base among the paired ones: neighbours in rank have no paired base between them.
    let mut rank = vec![0; structure.len()];
    for (place, &base) in paired.iter().enumerate() {
        rank[base] = place;
    }
    let mut segments: Vec<Segment> = Vec::new();
    let mut last = None;
    for pair in structure.pairs() {
        let (i, j) = (rank[pair.0], rank[pair.1]);
        match segments.last_mut() {
            Some(segment) if last == Some((i.wrapping_sub(1), j + 1)) => segment.pairs.push(pair),
            _ => segments.push(Segment { pairs: vec![pair] }),
        }
        last = Some((i, j));
    }
    segments
}

/// The segments to take out.
fn knots(segments: &[Segment]) -> Vec<usize> {
    let graph = crossings(segments);
    let mut present = vec![true; segments.len()];
    let mut removed = Vec::new();
    let mut pending: Vec<usize> = (0..segments.len()).rev().collect();
    // Each component is settled by itself; one that lost a segment is looked at again.
    let mut seen = vec![false; segments.len()];
    while let Some(start) = pending.pop() {
        if !present[start] || seen[start] {
            continue;
        }
        let component = component(start, &graph, &present, &mut seen);
        if component.len() < 2 {
            continue;
        }
        let neighbours = |v: usize| graph[v].iter().copied().filter(|&w| present[w]);
        let out = match path(&component, neighbours) {
            Some(path) => lighter(&path, segments),
            None => vec![heaviest_tangle(&component, &graph, neighbours, segments)],
        };
        for &segment in &out {
            present[segment] = false;
        }
        for &segment in component.iter().rev() {
            seen[segment] = false;
            pending.push(segment);
        }
        removed.extend(out);
    }
    removed
}

/// Which segments cross which.
fn crossings(segments: &[Segment]) -> Vec<Vec<usize>> {
    let mut graph = vec![Vec::new(); segments.len()];
    // The segments that are open, by where they close.
    let mut open: BTreeMap<usize, usize> = BTreeMap::new();
    for (segment, (start, end)) in segments.iter().map(|s| s.pairs[0]).enumerate() {
        for (_, &earlier) in open.range(start..end) {
            graph[earlier].push(segment);
            graph[segment].push(earlier);
        }
        open.insert(end, segment);
    }
    graph
}

/// The segments joined to `start` by crossings, ascending.
fn component(
    start: usize,
    graph: &[Vec<usize>],
    present: &[bool],
    seen: &mut [bool],
) -> Vec<usize> {
    let mut component = vec![start];
    seen[start] = true;
    let mut next = 0;
    while let Some(&v) = component.get(next) {
        for &w in &graph[v] {
            if present[w] && !seen[w] {
                seen[w] = true;
                component.push(w);
            }
        }
        next += 1;
    }
    component.sort_unstable();
    component
}

/// The component in the order of its path, from the more 5' end, if it is one.
fn path<I: Iterator<Item = usize>>(
    component: &[usize],
    neighbours: impl Fn(usize) -> I,
) -> Option<Vec<usize>> {
    let degree = |v| neighbours(v).take(3).count();
    if component.iter().any(|&v| degree(v) > 2) {
        return None;
    }
    // A component whose degrees are at most two is a path or a cycle, and a cycle has no end.
    let start = *component.iter().find(|&&v| degree(v) == 1)?;
    let (mut path, mut previous) = (vec![start], None);
    let mut at = start;
    while let Some(next) = neighbours(at).find(|&w| Some(w) != previous) {
        path.push(next);
        (previous, at) = (Some(at), next);
    }
    Some(path)
}

/// The complement of a path's heaviest set without two neighbours; on a tie the later one is kept.
fn lighter(path: &[usize], segments: &[Segment]) -> Vec<usize> {
    let weight = |place: usize| segments[path[place]].weight();
    // best[n]: the most pairs that the first n segments can keep.
    let mut best = vec![0; path.len() + 1];
    best[1] = weight(0);
    for n in 2..=path.len() {
        best[n] = best[n - 1].max(best[n - 2] + weight(n - 1));
    }
    let mut out = Vec::new();
    let mut n = path.len();
    while n > 0 {
        if n == 1 || best[n - 2] + weight(n - 1) >= best[n - 1] {
            if n >= 2 {
                out.push(path[n - 2]);
            }
            n = n.saturating_sub(2);
        } else {
            out.push(path[n - 1]);
            n -= 1;
        }
    }
    out
}

/// The one segment of a tangle that goes next.
fn heaviest_tangle<I: Iterator<Item = usize>>(
    component: &[usize],
    graph: &[Vec<usize>],
    neighbours: impl Fn(usize) -> I,
    segments: &[Segment],
) -> usize {
    let mut best = None;
    for &v in component {
        let around: usize = neighbours(v).map(|w| segments[w].weight()).sum();
        if let Some(excess) = around.checked_sub(segments[v].weight()).filter(|&x| x > 0) {
            let key = (graph[v].len(), excess);
            if best.is_none_or(|(found, _)| key > found) {
                best = Some((key, v));
            }
        }
    }
    match best {
        Some((_, v)) => v,
        None => component
            .iter()
            .copied()
            .min_by_key(|&v| segments[v].weight())
            .unwrap_or(component[0]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn leaves(text: &str, expected: &str) {
        let structure: Structure = text.parse().unwrap();
        assert_eq!(structure.without_pseudoknots().to_string(), expected);
    }

    #[test]
    fn the_smaller_of_two_crossing_helices_goes_and_on_a_tie_the_more_5_prime() {
        leaves("((..[[[..))..]]]", "....(((......)))");
        leaves("(((..[[..)))..]]", "(((......)))....");
        leaves("((..[[..))..]]", "....((......))");
    }

    #[test]
    fn bulges_and_internal_loops_do_not_split_a_segment() {
        // Two pairs and a bulge and one pair are three, against two.
        leaves("((.(..[[..)))..]]", "((.(......)))....");
    }

    #[test]
    fn a_path_keeps_the_heaviest_set() {
        // Three helices in a row, the middle one crossing both: 2 + 2 against 3, 2 + 2 against 4 (a tie), 2 + 2 against 5.
        leaves("((.[[[.)).((.]]].))", "((.....)).((.....))");
        leaves("((.[[[[.)).((.]]]].))", "((......)).((......))");
        leaves("((.[[[[[.)).((.]]]]].))", "...(((((.......)))))...");
    }

    #[test]
    fn a_tangle_loses_the_segment_with_most_crossings_first() {
        // Three helices that cross each other (a cycle): all have two neighbours; the lightest differs most from the others.
        leaves("((.[[[.{{{{.)).]]].}}}}", ".......((((........))))");
    }

    #[test]
    fn what_is_nested_stays_as_it_is() {
        leaves("((..((...))..((...))))..()", "((..((...))..((...))))..()");
        leaves("<<..[[..]]..>>", "((..((..))..))");
        leaves("", "");
    }
}
