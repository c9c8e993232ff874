//! Clusters the RNAcompete motifs of `fixtures/motifs` into families and draws them: `docs/motifs.md` and `docs/motifs/*.svg`.
//!
//! `cargo run --release -p hairpin-seq --example motif_families` from the repository's root.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use hairpin_seq::Rna;
use hairpin_seq::motif::{
    ColumnScore, Comparison, FrequencyMatrix, Logo, Motif, Share, Strand, read_meme,
};
use kodama::{Method, linkage};

/// Families are cut where the mean similarity of two of them falls below this.
const THRESHOLD: f64 = 0.70;

fn main() -> Result<(), Box<dyn Error>> {
    let text = fs::read_to_string("fixtures/motifs/rnacompete_transite.meme")?;
    let motifs = read_meme::<Rna>(&text)?.motifs;
    let comparison = Comparison::default()
        .column(ColumnScore::Pearson)
        .share(Share::Span)
        .min_overlap(4)?;
    let families = cluster(&motifs, &comparison);

    let folder = Path::new("docs/motifs");
    fs::create_dir_all(folder)?;
    let several: Vec<_> = families.iter().filter(|family| family.len() > 1).collect();
    let alone: Vec<usize> = families
        .iter()
        .filter(|family| family.len() == 1)
        .map(|f| f[0])
        .collect();
    let mut page = head(motifs.len(), several.len(), alone.len());
    for (number, family) in several.iter().enumerate() {
        let file = format!("family-{:02}.svg", number + 1);
        fs::write(
            folder.join(&file),
            sheet(&motifs, family, Some(&comparison), 1),
        )?;
        let middle = &motifs[family[0]].matrix;
        let _ = writeln!(
            page,
            "\n## {}. {}: {}\n\n{} motifs: {}\n\n![{} motifs, one above the other](motifs/{file})",
            number + 1,
            proteins(&motifs, family, 4),
            middle.iupac_consensus(),
            family.len(),
            members(&motifs, family),
            family.len()
        );
    }
    fs::write(folder.join("alone.svg"), sheet(&motifs, &alone, None, 4))?;
    let _ = writeln!(
        page,
        "\n## Alone\n\n{} motifs: {}\n\n![the motifs without a family](motifs/alone.svg)",
        alone.len(),
        members(&motifs, &alone)
    );
    fs::write("docs/motifs.md", page)?;
    Ok(())
}

/// Families by average linkage, largest first; in each the motif most like the others stands first.
fn cluster(motifs: &[Motif<FrequencyMatrix<Rna>>], comparison: &Comparison) -> Vec<Vec<usize>> {
    let n = motifs.len();
    let similarity = |a: usize, b: usize| {
        comparison
            .compare(&motifs[a].matrix, &motifs[b].matrix)
            .score
    };
    let mut distances: Vec<f64> = Vec::with_capacity(n * (n - 1) / 2);
    for a in 0..n {
        distances.extend((a + 1..n).map(|b| 1.0 - similarity(a, b)));
    }
    // Each step joins two clusters: 0..n are motifs, n + i what step i made.
    let mut clusters: BTreeMap<usize, Vec<usize>> = (0..n).map(|i| (i, vec![i])).collect();
    for (i, step) in linkage(&mut distances, n, Method::Average)
        .steps()
        .iter()
        .enumerate()
    {
        if step.dissimilarity > 1.0 - THRESHOLD {
            break;
        }
        let mut joined = clusters.remove(&step.cluster1).unwrap_or_default();
        joined.extend(clusters.remove(&step.cluster2).unwrap_or_default());
        clusters.insert(n + i, joined);
    }
    let mut families: Vec<Vec<usize>> = clusters.into_values().collect();
    for family in &mut families {
        let members = family.clone();
        let middle = |a: usize| members.iter().map(|&b| similarity(a, b)).sum::<f64>();
        family.sort_by(|&a, &b| middle(b).total_cmp(&middle(a)).then(a.cmp(&b)));
    }
    families.sort_by(|a, b| b.len().cmp(&a.len()).then(a[0].cmp(&b[0])));
    families
}

/// The proteins that most motifs of a family name first, at most `most` of them.
fn proteins(motifs: &[Motif<FrequencyMatrix<Rna>>], family: &[usize], most: usize) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for &i in family {
        let first = motifs[i]
            .name
            .as_deref()
            .and_then(|name| name.split(',').next());
        let first = first.unwrap_or(&motifs[i].id);
        match counts.iter_mut().find(|(name, _)| *name == first) {
            Some((_, count)) => *count += 1,
            None => counts.push((first, 1)),
        }
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let names: Vec<&str> = counts.iter().take(most).map(|(name, _)| *name).collect();
    names.join(", ")
}

fn label(motif: &Motif<FrequencyMatrix<Rna>>) -> String {
    let names = motif.name.as_deref().unwrap_or_default().split(',');
    let names: Vec<&str> = names
        .filter(|name| !name.starts_with("ENSG"))
        .take(3)
        .collect();
    format!("{} {}", names.join(", "), motif.id)
}

fn members(motifs: &[Motif<FrequencyMatrix<Rna>>], family: &[usize]) -> String {
    let labels: Vec<String> = family.iter().map(|&i| label(&motifs[i])).collect();
    labels.join("; ")
}

/// Logos in columns, each moved to where it lies along the first when there is a comparison.
fn sheet(
    motifs: &[Motif<FrequencyMatrix<Rna>>],
    family: &[usize],
    comparison: Option<&Comparison>,
    columns: usize,
) -> String {
    let logo = |i: usize| Logo {
        title: Some(label(&motifs[i])),
        height: 48.0,
        position_width: 22.0,
        axes: false,
        ..Logo::default()
    };
    let offset = |i: usize| match comparison {
        Some(comparison) => {
            let best = comparison.compare(&motifs[family[0]].matrix, &motifs[i].matrix);
            debug_assert_eq!(best.strand, Strand::Forward);
            best.offset
        }
        None => 0,
    };
    let offsets: Vec<isize> = family.iter().map(|&i| offset(i)).collect();
    let first = offsets.iter().copied().min().unwrap_or(0);
    let columns = if family.len() > 6 {
        columns.max(2)
    } else {
        columns
    };
    let (cell, line) = (300, 78);
    let lines = family.len().div_ceil(columns);
    let (width, height) = (cell * columns, line * lines);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    for (place, (&i, offset)) in family.iter().zip(offsets).enumerate() {
        let x = (place / lines * cell) as f64 + (offset - first) as f64 * 22.0;
        let y = place % lines * line;
        let _ = writeln!(
            svg,
            "<g transform=\"translate({x} {y})\">\n{}</g>",
            logo(i).svg(&motifs[i].matrix)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn head(motifs: usize, families: usize, alone: usize) -> String {
    format!(
        "# Families of RNAcompete motifs\n\n\
         The {motifs} RNAcompete motifs of `fixtures/motifs/rnacompete_transite.meme` (Ray et al. 2013, doi:10.1038/nature12311; through Transite, MIT) in \
         {families} families and {alone} motifs that stand alone. Made by\n\n\
         ```sh\ncargo run --release -p hairpin-seq --example motif_families\n```\n\n\
         Two motifs are as similar as the mean Pearson correlation of their positions at the best offset without gaps, where positions that hang \
         over count as 0 and at least 4 overlap (`Comparison` with `Share::Span`). Average linkage (`kodama`) joins families while their mean similarity is {THRESHOLD:.2} \
         or more; that threshold was chosen by looking at the families (at 0.50 QKI joined HNRNPL, and HNRNPH and TARDBP joined SRSF1). A family is named by the proteins that its motifs name first, and by the IUPAC consensus of the motif most like the others, which is drawn \
         first; the others lie along it. Letters are as high as their information, 2 bits for a full stack.\n\n\
         Known binding sites to look for: UUUU of ELAVL1 (HuR) and TIA1, GCAUG of RBFOX, GCUU of MBNL, UGU of CELF and BRUNOL, ACUAA of QKI, CCC and CU of \
         PCBP and PTBP, UAGGG of HNRNPA1, UAG of MSI, GGAGGA of SRSF1, AAAA of PABP, AUAUA of RBMS, UAAA of KHDRBS. PUM (UGUA) is \
         not among the 133. MBNL stands with RBFOX because GCUUG is one base from GCAUG; the protein families differ.\n"
    )
}
