//! Any text as JASPAR motifs of DNA, RNA and protein: finite matrices, which are written as MEME text and read again.
#![no_main]

mod matrices;

use hairpin_seq::motif::read_jaspar;
use hairpin_seq::{Alphabet, Dna, Protein, Rna};
use libfuzzer_sys::fuzz_target;

fn check<A: Alphabet>(text: &str) {
    matrices::counts::<A>(read_jaspar(text));
}

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    check::<Dna>(&text);
    check::<Rna>(&text);
    check::<Protein>(&text);
});
