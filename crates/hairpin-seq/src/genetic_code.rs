//! Translation under NCBI's genetic codes.

use crate::NucleicAcid;
use crate::{Alphabet, Protein, Seq, SeqError};

/// A genetic code: which amino acid each codon stands for, which codons stop and which start.
///
/// All of NCBI's translation tables are here, 1 to 6, 9 to 16 and 21 to 33, by NCBI's numbers
/// (<https://www.ncbi.nlm.nih.gov/Taxonomy/Utils/wprintgc.cgi>); 7, 8 and 17 to 20 do not exist.
///
/// In tables 27, 28 and 31 some codons stop or not depending on where they stand
/// ([`is_context_dependent`](Self::is_context_dependent)). They are translated as their amino acid, as NCBI and Biopython do.
///
/// ```
/// use hairpin_seq::{Dna, GeneticCode, Seq, Stop};
///
/// let seq: Seq<Dna> = "ATGGCCTGAAAA".parse()?;
/// let standard = GeneticCode::ncbi(1)?;
/// assert_eq!(standard.translate(&seq, Stop::End)?.to_string(), "MA");
/// assert_eq!(standard.translate(&seq, Stop::Unknown)?.to_string(), "MAXK");
/// assert!(standard.translate(&seq, Stop::Refuse).is_err());
///
/// // In the mitochondria of vertebrates, TGA is tryptophan.
/// assert_eq!(GeneticCode::ncbi(2)?.translate(&seq, Stop::Refuse)?.to_string(), "MAWK");
/// # Ok::<(), hairpin_seq::SeqError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GeneticCode {
    table: u8,
    name: &'static str,
    /// By codon index: the residue's code in [`Protein`], or [`STOP`].
    residues: [u8; 64],
    /// Bit `i`: the codon of index `i` may start a protein.
    starts: u64,
    /// Bit `i`: the codon of index `i` is an amino acid or a stop.
    context_dependent: u64,
}

/// What a stop codon becomes in a [translation](GeneticCode::translate); the protein alphabet has no letter for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stop {
    /// An error that names the position, wherever it stands.
    #[default]
    Refuse,
    /// Nothing when it is the last codon, as in a complete coding sequence; an error anywhere else.
    OnlyLast,
    /// The end: the protein is what stands before the first one.
    End,
    /// The unknown residue, and translation goes on: positions stay thirds of those of the bases.
    Unknown,
}

/// A stop codon among residues.
const STOP: u8 = u8::MAX;

/// The index of a codon of known bases: a number in base 4, first base most significant.
const fn index(codon: [u8; 3]) -> usize {
    (codon[0] as usize) << 4 | (codon[1] as usize) << 2 | codon[2] as usize
}

/// The codes of `A C G T`.
const fn base(letter: u8) -> u8 {
    match letter {
        b'A' => 0,
        b'C' => 1,
        b'G' => 2,
        _ => 3,
    }
}

const fn codon_bits(codons: &[&[u8; 3]]) -> u64 {
    let mut bits = 0;
    let mut i = 0;
    while i < codons.len() {
        let codon = codons[i];
        bits |= 1 << index([base(codon[0]), base(codon[1]), base(codon[2])]);
        i += 1;
    }
    bits
}

/// A table as NCBI prints it: the residues of the 64 codons in the order of `TCAG`, first base slowest.
const fn code(
    table: u8,
    name: &'static str,
    ncbi: &[u8; 64],
    starts: &[&[u8; 3]],
    context_dependent: &[&[u8; 3]],
) -> GeneticCode {
    let order = [3, 1, 0, 2];
    let mut residues = [STOP; 64];
    let mut place = 0;
    while place < 64 {
        let codon = [order[place >> 4], order[place >> 2 & 3], order[place & 3]];
        let mut residue = 0;
        while residue < Protein::SYMBOLS.len() {
            if Protein::SYMBOLS[residue] == ncbi[place] {
                residues[index(codon)] = residue as u8;
            }
            residue += 1;
        }
        place += 1;
    }
    GeneticCode {
        table,
        name,
        residues,
        starts: codon_bits(starts),
        context_dependent: codon_bits(context_dependent),
    }
}

#[rustfmt::skip]
static CODES: [GeneticCode; 27] = [
    code(1, "Standard", b"FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", &[b"TTG", b"CTG", b"ATG"], &[]),
    code(2, "Vertebrate Mitochondrial", b"FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIMMTTTTNNKKSS**VVVVAAAADDEEGGGG", &[b"ATT", b"ATC", b"ATA", b"ATG", b"GTG"], &[]),
    code(3, "Yeast Mitochondrial", b"FFLLSSSSYY**CCWWTTTTPPPPHHQQRRRRIIMMTTTTNNKKSSRRVVVVAAAADDEEGGGG", &[b"ATA", b"ATG", b"GTG"], &[]),
    code(4, "Mold, Protozoan and Coelenterate Mitochondrial; Mycoplasma; Spiroplasma", b"FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", &[b"TTA", b"TTG", b"CTG", b"ATT", b"ATC", b"ATA", b"ATG", b"GTG"], &[]),
    code(5, "Invertebrate Mitochondrial", b"FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIMMTTTTNNKKSSSSVVVVAAAADDEEGGGG", &[b"TTG", b"ATT", b"ATC", b"ATA", b"ATG", b"GTG"], &[]),
    code(6, "Ciliate, Dasycladacean and Hexamita Nuclear", b"FFLLSSSSYYQQCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", &[b"ATG"], &[]),
    code(9, "Echinoderm and Flatworm Mitochondrial", b"FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIIMTTTTNNNKSSSSVVVVAAAADDEEGGGG", &[b"ATG", b"GTG"], &[]),
    code(10, "Euplotid Nuclear", b"FFLLSSSSYY**CCCWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", &[b"ATG"], &[]),
    code(11, "Bacterial, Archaeal and Plant Plastid", b"FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", &[b"TTG", b"CTG", b"ATT", b"ATC", b"ATA", b"ATG", b"GTG"], &[]),
    code(12, "Alternative Yeast Nuclear", b"FFLLSSSSYY**CC*WLLLSPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", &[b"CTG", b"ATG"], &[]),
    code(13, "Ascidian Mitochondrial", b"FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIMMTTTTNNKKSSGGVVVVAAAADDEEGGGG", &[b"TTG", b"ATA", b"ATG", b"GTG"], &[]),
    code(14, "Alternative Flatworm Mitochondrial", b"FFLLSSSSYYY*CCWWLLLLPPPPHHQQRRRRIIIMTTTTNNNKSSSSVVVVAAAADDEEGGGG", &[b"ATG"], &[]),
    code(15, "Blepharisma Macronuclear", b"FFLLSSSSYY*QCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", &[b"ATG"], &[]),
    code(16, "Chlorophycean Mitochondrial", b"FFLLSSSSYY*LCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", &[b"ATG"], &[]),
    code(21, "Trematode Mitochondrial", b"FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIMMTTTTNNNKSSSSVVVVAAAADDEEGGGG", &[b"ATG", b"GTG"], &[]),
    code(22, "Scenedesmus obliquus Mitochondrial", b"FFLLSS*SYY*LCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", &[b"ATG"], &[]),
    code(23, "Thraustochytrium Mitochondrial", b"FF*LSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", &[b"ATT", b"ATG", b"GTG"], &[]),
    code(24, "Rhabdopleuridae Mitochondrial", b"FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSSKVVVVAAAADDEEGGGG", &[b"TTG", b"CTG", b"ATG", b"GTG"], &[]),
    code(25, "Candidate Division SR1 and Gracilibacteria", b"FFLLSSSSYY**CCGWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", &[b"TTG", b"ATG", b"GTG"], &[]),
    code(26, "Pachysolen tannophilus Nuclear", b"FFLLSSSSYY**CC*WLLLAPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", &[b"CTG", b"ATG"], &[]),
    code(27, "Karyorelict Nuclear", b"FFLLSSSSYYQQCCWWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", &[b"ATG"], &[b"TGA"]),
    code(28, "Condylostoma Nuclear", b"FFLLSSSSYYQQCCWWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", &[b"ATG"], &[b"TAA", b"TAG", b"TGA"]),
    code(29, "Mesodinium Nuclear", b"FFLLSSSSYYYYCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", &[b"ATG"], &[]),
    code(30, "Peritrich Nuclear", b"FFLLSSSSYYEECC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", &[b"ATG"], &[]),
    code(31, "Blastocrithidia Nuclear", b"FFLLSSSSYYEECCWWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", &[b"ATG"], &[b"TAA", b"TAG"]),
    code(32, "Balanophoraceae Plastid", b"FFLLSSSSYY*WCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG", &[b"TTG", b"CTG", b"ATT", b"ATC", b"ATA", b"ATG", b"GTG"], &[]),
    code(33, "Cephalodiscidae Mitochondrial UAA-Tyr", b"FFLLSSSSYYY*CCWWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSSKVVVVAAAADDEEGGGG", &[b"TTG", b"CTG", b"ATG", b"GTG"], &[]),
];

impl GeneticCode {
    /// The code with NCBI's number `table`; 1 is the standard code.
    ///
    /// # Errors
    ///
    /// [`SeqError::GeneticCode`] when NCBI has no such table.
    pub fn ncbi(table: u8) -> Result<&'static Self, SeqError> {
        CODES
            .iter()
            .find(|code| code.table == table)
            .ok_or(SeqError::GeneticCode { table })
    }

    /// All of them, by rising number.
    pub fn all() -> &'static [Self] {
        &CODES
    }

    /// NCBI's number.
    pub fn table(&self) -> u8 {
        self.table
    }

    /// NCBI's name, such as `Standard`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The amino acid of a codon of codes 0 to 3 (`A C G T`), as a letter; `None` when it is a stop codon or has an unknown base.
    ///
    /// ```
    /// use hairpin_seq::GeneticCode;
    ///
    /// let standard = GeneticCode::ncbi(1)?;
    /// assert_eq!(standard.amino_acid([0, 3, 2]), Some(b'M')); // ATG
    /// assert_eq!(standard.amino_acid([3, 2, 0]), None); // TGA
    /// # Ok::<(), hairpin_seq::SeqError>(())
    /// ```
    pub fn amino_acid(&self, codon: [u8; 3]) -> Option<u8> {
        let residue = *self.residues.get(known(codon)?)?;
        Protein::SYMBOLS.get(usize::from(residue)).copied()
    }

    /// Whether a codon of codes 0 to 3 always stops.
    pub fn is_stop(&self, codon: [u8; 3]) -> bool {
        known(codon).is_some_and(|index| self.residues[index] == STOP)
    }

    /// Whether a codon of codes 0 to 3 may start a protein; it is translated as its own amino acid all the same.
    pub fn is_start(&self, codon: [u8; 3]) -> bool {
        known(codon).is_some_and(|index| self.starts >> index & 1 == 1)
    }

    /// Whether a codon of codes 0 to 3 is an amino acid in one place and a stop in another.
    pub fn is_context_dependent(&self, codon: [u8; 3]) -> bool {
        known(codon).is_some_and(|index| self.context_dependent >> index & 1 == 1)
    }

    /// The protein of the codons from the first base on; one or two bases behind the last whole codon are not translated.
    ///
    /// A codon with an unknown base, or a code for several, is its amino acid when all the codons it may be have the same (`GCN` is
    /// alanine), a stop when they all stop, and else the unknown residue. Start codons are translated like any other.
    ///
    /// # Errors
    ///
    /// [`SeqError::StopCodon`] at a stop codon that `stop` refuses.
    pub fn translate<A: NucleicAcid>(
        &self,
        seq: &Seq<A>,
        stop: Stop,
    ) -> Result<Seq<Protein>, SeqError> {
        self.translate_codes::<A>(seq.codes(), stop)
    }

    /// The translations of the six reading frames: three of this strand, starting at its first, second and third base, then three of the
    /// reverse complement.
    ///
    /// ```
    /// use hairpin_seq::{Dna, GeneticCode, Seq, Stop};
    ///
    /// let seq: Seq<Dna> = "ATGGCC".parse()?;
    /// let frames = GeneticCode::ncbi(1)?.six_frames(&seq, Stop::Unknown)?;
    /// assert_eq!(frames.map(|protein| protein.to_string()), ["MA", "W", "G", "GH", "A", "P"]);
    /// # Ok::<(), hairpin_seq::SeqError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`translate`](Self::translate), in the first frame with such a codon; its position counts from the frame's first base.
    pub fn six_frames<A: NucleicAcid>(
        &self,
        seq: &Seq<A>,
        stop: Stop,
    ) -> Result<[Seq<Protein>; 6], SeqError> {
        let other = seq.reverse_complement();
        let frame = |seq: &Seq<A>, start: usize| {
            self.translate_codes::<A>(seq.codes().get(start..).unwrap_or_default(), stop)
        };
        Ok([
            frame(seq, 0)?,
            frame(seq, 1)?,
            frame(seq, 2)?,
            frame(&other, 0)?,
            frame(&other, 1)?,
            frame(&other, 2)?,
        ])
    }

    fn translate_codes<A: NucleicAcid>(
        &self,
        codes: &[u8],
        stop: Stop,
    ) -> Result<Seq<Protein>, SeqError> {
        let (codons, _) = codes.as_chunks::<3>();
        let mut protein = Vec::with_capacity(codons.len());
        for (place, &codon) in codons.iter().enumerate() {
            let residue = match known(codon) {
                Some(index) => self.residues[index],
                None => self.ambiguous::<A>(codon),
            };
            if residue != STOP {
                protein.push(residue);
                continue;
            }
            match stop {
                Stop::End => break,
                Stop::OnlyLast if place + 1 == codons.len() => break,
                Stop::Unknown => protein.push(Seq::<Protein>::UNKNOWN_CODE),
                Stop::Refuse | Stop::OnlyLast => {
                    return Err(SeqError::StopCodon {
                        position: 3 * place + 1,
                        codon: codon.iter().map(|&code| letter::<A>(code)).collect(),
                        table: self.table,
                    });
                }
            }
        }
        Ok(Seq::from_checked(protein))
    }

    /// The residue that all the codons have which this one may be.
    #[cold]
    fn ambiguous<A: NucleicAcid>(&self, codon: [u8; 3]) -> u8 {
        let bases = codon.map(bases::<A>);
        let mut common = None;
        for first in bits(bases[0]) {
            for second in bits(bases[1]) {
                for third in bits(bases[2]) {
                    let residue = self.residues[index([first, second, third])];
                    if *common.get_or_insert(residue) != residue {
                        return Seq::<Protein>::UNKNOWN_CODE;
                    }
                }
            }
        }
        common.unwrap_or(Seq::<Protein>::UNKNOWN_CODE)
    }
}

/// The index of a codon whose bases are all known.
fn known(codon: [u8; 3]) -> Option<usize> {
    ((codon[0] | codon[1] | codon[2]) < 4).then(|| index(codon))
}

/// The bases that a code may be, bit `b` for base `b`.
fn bases<A: Alphabet>(code: u8) -> u8 {
    match A::stands_for(code) {
        Some(members) => members.iter().fold(0, |bits, base| bits | 1 << base),
        None if code < 4 => 1 << code,
        None => 0b1111,
    }
}

fn bits(set: u8) -> impl Iterator<Item = u8> {
    (0..4).filter(move |base| set >> base & 1 == 1)
}

fn letter<A: Alphabet>(code: u8) -> char {
    char::from(
        A::SYMBOLS
            .get(usize::from(code))
            .copied()
            .unwrap_or(A::UNKNOWN),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ambiguous, Dna, IupacDna, Policy, Rna};

    fn standard(text: &str, stop: Stop) -> Result<String, SeqError> {
        let policy = Policy {
            ambiguous: Ambiguous::Unknown,
            ..Policy::default()
        };
        let seq = Seq::<Dna>::parse(text, policy)?;
        Ok(GeneticCode::ncbi(1)?.translate(&seq, stop)?.to_string())
    }

    #[test]
    fn the_stop_policy() {
        assert_eq!(standard("ATGTAAATG", Stop::End).as_deref(), Ok("M"));
        assert_eq!(standard("ATGTAAATG", Stop::Unknown).as_deref(), Ok("MXM"));
        assert_eq!(standard("ATGTAA", Stop::OnlyLast).as_deref(), Ok("M"));
        assert_eq!(standard("ATGTAAC", Stop::OnlyLast).as_deref(), Ok("M"));
        let refused = Err(SeqError::StopCodon {
            position: 4,
            codon: "TAA".to_owned(),
            table: 1,
        });
        assert_eq!(standard("ATGTAAATG", Stop::OnlyLast), refused);
        assert_eq!(standard("ATGTAA", Stop::Refuse), refused);
        assert_eq!(standard("ATGGC", Stop::Refuse).as_deref(), Ok("M"));
        assert_eq!(standard("AT", Stop::Refuse).as_deref(), Ok(""));
    }

    #[test]
    fn a_codon_is_known_when_all_it_may_be_are_the_same() {
        assert_eq!(standard("GCNAANNNN", Stop::Refuse).as_deref(), Ok("AXX"));
        let seq: Seq<IupacDna> = "TARTRAYTRMGRAAY".parse().expect("valid");
        let code = GeneticCode::ncbi(1).expect("exists");
        // TAR and TRA stop, YTR is leucine, MGR arginine, AAY asparagine.
        let protein = code
            .translate(&seq, Stop::Unknown)
            .expect("nothing refused");
        assert_eq!(protein.to_string(), "XXLRN");
        assert_eq!(
            code.translate(&seq, Stop::Refuse).map_err(|e| e.to_string()),
            Err("position 1: TAR is a stop codon of genetic code 1; translate with Stop::End to end the protein there, \
                 or with Stop::Unknown to write X and go on"
                .to_owned())
        );
    }

    #[test]
    fn rna_translates_as_its_dna() {
        let seq: Seq<Rna> = "AUGGCC".parse().expect("valid");
        let code = GeneticCode::ncbi(1).expect("exists");
        assert_eq!(code.translate(&seq, Stop::Refuse), "MA".parse());
    }

    #[test]
    fn there_are_the_tables_of_ncbi() {
        let numbers: Vec<u8> = GeneticCode::all().iter().map(GeneticCode::table).collect();
        let expected: Vec<u8> = (1..=6).chain(9..=16).chain(21..=33).collect();
        assert_eq!(numbers, expected);
        for table in [0, 7, 8, 17, 20, 34] {
            assert_eq!(
                GeneticCode::ncbi(table),
                Err(SeqError::GeneticCode { table })
            );
        }
    }
}
