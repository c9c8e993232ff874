//! Memory of the kernels: whole cache lines, and large pages for what is large.

use memmap2::MmapMut;
use pulp::bytemuck::{cast_slice, cast_slice_mut};

/// Floats that begin where a cache line does, so that no vector lies across two.
///
/// Alignment decides about speed alone: the values are found by an offset, wherever they lie.
#[derive(Debug)]
pub(crate) struct Buffer {
    store: Store,
    start: usize,
    used: usize,
}

#[derive(Debug)]
enum Store {
    Heap(Vec<f32>),
    /// What a training step keeps is hundreds of megabytes, new at every step. In ordinary pages of 4 KiB the system hands it out in
    /// a hundred thousand faults, a quarter of the step's time; in large pages in some hundred.
    Pages(MmapMut),
}

impl Buffer {
    /// Bytes of a cache line.
    const LINE: usize = 64;

    /// Bytes from which on large pages are asked for: two of them.
    const LARGE: usize = 4 << 20;

    /// Room for `count` floats, none of them in use.
    pub(super) fn with_capacity(count: usize) -> Self {
        let bytes = count * size_of::<f32>();
        let pages = (bytes >= Self::LARGE).then(|| MmapMut::map_anon(bytes));
        let (store, start) = match pages {
            Some(Ok(pages)) => {
                // Advice: whoever does not take it still has the memory.
                #[cfg(target_os = "linux")]
                let _ = pages.advise(memmap2::Advice::HugePage);
                (Store::Pages(pages), 0)
            }
            Some(Err(_)) | None => {
                let line = Self::LINE / size_of::<f32>();
                let values = vec![0f32; count + line];
                let start = values.as_ptr().align_offset(Self::LINE).min(line);
                (Store::Heap(values), start)
            }
        };
        Self {
            store,
            start,
            used: 0,
        }
    }

    /// `count` zeros.
    pub(super) fn zeros(count: usize) -> Self {
        Self {
            used: count,
            ..Self::with_capacity(count)
        }
    }

    /// Appends within the room asked for.
    #[inline(always)]
    pub(super) fn extend(&mut self, values: &[f32]) {
        let from = self.used;
        self.used += values.len();
        self.get_mut()[from..].copy_from_slice(values);
    }

    /// What is in use.
    #[inline(always)]
    pub(crate) fn get(&self) -> &[f32] {
        let all = match &self.store {
            Store::Heap(values) => values,
            Store::Pages(pages) => cast_slice(pages),
        };
        &all[self.start..][..self.used]
    }

    /// What is in use.
    #[inline(always)]
    pub(super) fn get_mut(&mut self) -> &mut [f32] {
        let all = match &mut self.store {
            Store::Heap(values) => values,
            Store::Pages(pages) => cast_slice_mut(pages),
        };
        &mut all[self.start..][..self.used]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_buffers_hold_what_was_put_in_and_are_aligned() {
        for count in [0, 1, 1000, Buffer::LARGE / 4 + 16] {
            let values: Vec<f32> = (0..count).map(|i| i as f32).collect();
            let mut buffer = Buffer::with_capacity(count);
            assert!(buffer.get().is_empty());
            let (head, tail) = values.split_at(count / 3);
            buffer.extend(head);
            buffer.extend(tail);
            assert_eq!(buffer.get(), values);
            assert_eq!(buffer.get().as_ptr().align_offset(Buffer::LINE), 0);
            assert_eq!(Buffer::zeros(count).get(), vec![0.0; count]);
        }
    }
}
