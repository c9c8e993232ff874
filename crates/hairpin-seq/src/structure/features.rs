//! Numbers for a network: brackets, mountain and distances.

use super::Structure;
use crate::encode::check_out;

impl Structure {
    /// Channels of [`one_hot_into`](Self::one_hot_into): opens, closes, unpaired.
    pub const CHANNELS: usize = 3;

    /// Writes one-hot rows, row-major `[length, 3]`, the channels in the order `( ) .`: paired with a later base, with an
    /// earlier base, unpaired. Pseudoknot pairs count like any other; what `out` held does not matter.
    ///
    /// # Panics
    ///
    /// When `out.len()` is not `length * 3`.
    pub fn one_hot_into(&self, out: &mut [f32]) {
        check_out("Structure", out.len(), self.len(), Self::CHANNELS);
        out.fill(0.0);
        for (base, row) in out.chunks_exact_mut(Self::CHANNELS).enumerate() {
            let channel = match self.partner(base) {
                Some(partner) if partner > base => 0,
                Some(_) => 1,
                None => 2,
            };
            row[channel] = 1.0;
        }
    }

    /// Writes the mountain: at each base, the number of pairs that enclose it.
    ///
    /// ```text
    /// m(k) = |{ (i, j) paired : i < k < j }|
    /// ```
    ///
    /// The mountain representation of Hogeweg and Hesper 1984 (doi:10.1093/nar/12.1Part1.67): helices are slopes, loops
    /// plateaus. Pseudoknot pairs count like any other.
    ///
    /// ```
    /// use hairpin_seq::structure::Structure;
    ///
    /// let structure: Structure = ".((...))".parse()?;
    /// let mut mountain = [0.0; 8];
    /// structure.mountain_into(&mut mountain);
    /// assert_eq!(mountain, [0., 0., 1., 2., 2., 2., 1., 0.]);
    /// # Ok::<(), hairpin_seq::SeqError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// When `out.len()` is not the length.
    pub fn mountain_into(&self, out: &mut [f32]) {
        check_out("mountain", out.len(), self.len(), 1);
        let mut height = 0_usize;
        for (base, value) in out.iter_mut().enumerate() {
            let partner = self.partner(base);
            if partner.is_some_and(|partner| partner < base) {
                height -= 1;
            }
            *value = height as f32;
            if partner.is_some_and(|partner| partner > base) {
                height += 1;
            }
        }
    }

    /// Writes the distances on the structure, row-major `[length, length]`: the fewest steps from base to base, where a step
    /// goes to the next base, the one before, or the partner.
    ///
    /// Symmetric, with zeros on the diagonal and at most `|i - j|` everywhere. Breadth-first search from every base:
    /// O(length^2) time.
    ///
    /// ```
    /// use hairpin_seq::structure::Structure;
    ///
    /// let structure: Structure = "(...)".parse()?;
    /// let mut distances = [0.0; 25];
    /// structure.distances_into(&mut distances);
    /// assert_eq!(distances[..5], [0., 1., 2., 2., 1.]);
    /// # Ok::<(), hairpin_seq::SeqError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// When `out.len()` is not `length * length`.
    pub fn distances_into(&self, out: &mut [f32]) {
        let len = self.len();
        check_out("distances", out.len(), len, len);
        if len == 0 {
            return;
        }
        // One queue for all rows: bases in the order in which they are reached.
        let mut queue = vec![0; len];
        for (start, row) in out.chunks_exact_mut(len).enumerate() {
            self.distances_from(start, row, &mut queue);
        }
    }

    fn distances_from(&self, start: usize, row: &mut [f32], queue: &mut [usize]) {
        const UNREACHED: f32 = -1.0;
        row.fill(UNREACHED);
        row[start] = 0.0;
        queue[0] = start;
        let (mut next, mut reached) = (0, 1);
        while next < reached {
            let base = queue[next];
            next += 1;
            let distance = row[base] + 1.0;
            // Wraps to a base that does not exist at the first one; an unpaired base reaches itself, which it has.
            for neighbour in [
                base.wrapping_sub(1),
                base + 1,
                self.partner(base).unwrap_or(base),
            ] {
                if let Some(value) = row.get_mut(neighbour)
                    && *value == UNREACHED
                {
                    *value = distance;
                    queue[reached] = neighbour;
                    reached += 1;
                }
            }
        }
    }
}
