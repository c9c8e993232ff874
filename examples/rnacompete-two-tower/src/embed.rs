//! Vectors of proteins from the published weights of an ESM-2 model.

use crate::cli::EmbedArgs;
use crate::embeddings::{self, Rows};
use anyhow::{Context, Result, bail, ensure};
use hairpin::models::esm2::{EmbedConfig, Esm2, Esm2Config};
use hairpin::nn::weights;
use hairpin::seq::{EncodeAs, Encode, Esm2Tokens, Protein, Seq};
use hairpin::tasks::rnacompete::{Reading, Stray, read_proteins};
use hairpin::seq::{Ambiguous, Policy};
use hairpin::train::Device;
use hairpin::train::manifest::DataFile;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Proteins between two times that all so far is written: what a kill costs at most.
const PIECE: usize = 16;

/// What is said where there are no weights.
const HOW_TO_GET_WEIGHTS: &str = "\
give the folder of an ESM-2 model with --weights. Of the models on https://huggingface.co/facebook download into one folder
  config.json and model.safetensors    of esm2_t6_8M_UR50D (30 MB), esm2_t12_35M_UR50D (0.13 GB), esm2_t30_150M_UR50D (0.6 GB),
                                       esm2_t33_650M_UR50D (2.6 GB); the shards of esm2_t36_3B_UR50D (11 GB) or
                                       esm2_t48_15B_UR50D (60 GB), which the published pipeline used
for example
  weights/esm2_t33_650M_UR50D/config.json
  weights/esm2_t33_650M_UR50D/model.safetensors
and call `embed RBP_FILE FILE.npy --weights weights/esm2_t33_650M_UR50D`. Without weights `train` uses features that need none.";

pub(crate) fn embed(args: &EmbedArgs) -> Result<()> {
    let began = Instant::now();
    let Some(folder) = &args.weights else {
        bail!("no weights: {HOW_TO_GET_WEIGHTS}");
    };
    ensure!(args.tokens > 0, "--tokens is 0, expected at least 1");
    // An unknown residue is a letter of the language model.
    let strict = Reading::default();
    let reading = Reading {
        proteins: Policy {
            ambiguous: Ambiguous::Unknown,
            ..strict.proteins
        },
        stray: Stray::Refuse,
        ..strict
    };
    let proteins = read_proteins(&args.proteins, reading)?;
    let files = weight_files(folder)?;
    let hash = hash(&files)?;
    let device = args.device.device()?;
    let (n, kept) = match args.out.exists() {
        false => (0, None),
        true => kept(&args.out, &hash)?,
    };
    let mut missing: Vec<String> = Vec::new();
    let texts: Vec<String> = proteins.iter().map(Seq::to_string).collect();
    let mut found: HashMap<String, Vec<f32>> = kept.unwrap_or_default();
    for text in &texts {
        if !found.contains_key(text) && !missing.contains(text) {
            missing.push(text.clone());
        }
    }
    eprintln!(
        "{} proteins, {} distinct ones without a vector ({n} vectors in {})",
        proteins.len(),
        missing.len(),
        args.out.display()
    );
    // The longest first: if memory does not suffice, that shows at once.
    missing.sort_by_key(|text| std::cmp::Reverse(text.len()));
    if !missing.is_empty() {
        let model = load(folder, &files, &device)?;
        let mut done = 0;
        for piece in missing.chunks(PIECE) {
            for (text, vector) in piece.iter().zip(read(&model, piece, args.tokens)?) {
                found.insert(text.clone(), vector);
            }
            done += piece.len();
            write(&args.out, &hash, &texts, &found)?;
            eprintln!(
                "{done} of {} proteins, {:.0} s",
                missing.len(),
                began.elapsed().as_secs_f64()
            );
        }
    }
    write(&args.out, &hash, &texts, &found)?;
    let width = found.values().next().map_or(0, Vec::len);
    if args.json {
        let found = serde_json::json!({
            "proteins": texts.len(),
            "width": width,
            "weights": hash,
            "file": args.out,
            "seconds": began.elapsed().as_secs_f64(),
        });
        println!("{found}");
    } else {
        println!(
            "{} proteins x {width} values in {}",
            texts.len(),
            args.out.display()
        );
    }
    Ok(())
}

/// The vectors of a file that was begun before, by protein.
type Kept = (usize, Option<HashMap<String, Vec<f32>>>);

fn kept(path: &Path, hash: &str) -> Result<Kept> {
    let (array, rows) = embeddings::open(path)?;
    ensure!(
        rows.weights == hash,
        "{}: holds vectors made with other weights; give another name or remove it",
        path.display()
    );
    let places: Vec<usize> = (0..rows.proteins.len()).collect();
    let mut values = vec![0.0; places.len() * rows.width];
    array.read(&places, &mut values)?;
    let vectors = values.chunks_exact(rows.width.max(1)).map(<[f32]>::to_vec);
    Ok((
        places.len(),
        Some(rows.proteins.into_iter().zip(vectors).collect()),
    ))
}

/// What there is, in the order of the proteins, each once; then what the file held beside them.
fn write(
    path: &Path,
    hash: &str,
    texts: &[String],
    found: &HashMap<String, Vec<f32>>,
) -> Result<()> {
    let (mut rows, mut values) = (Rows::default(), Vec::new());
    let mut others: Vec<&String> = found.keys().collect();
    others.sort();
    let mut written = std::collections::HashSet::new();
    for text in texts.iter().chain(others) {
        if let Some(vector) = found.get(text)
            && written.insert(text)
        {
            rows.width = vector.len();
            rows.proteins.push(text.clone());
            values.extend_from_slice(vector);
        }
    }
    rows.weights = hash.to_owned();
    embeddings::write(path, &rows, &values)
}

/// The mean vector of each protein.
fn read(model: &Esm2, texts: &[String], tokens: usize) -> Result<Vec<Vec<f32>>> {
    let encoded = texts.iter().map(|text| {
        let policy = Policy {
            ambiguous: Ambiguous::Unknown,
            ..Policy::default()
        };
        let protein: Seq<Protein> = Seq::parse(text, policy)?;
        let mut out = vec![0_i64; Encode::positions(&Esm2Tokens, protein.len())];
        Esm2Tokens.encode_as_into(&protein, &mut out);
        Ok(out)
    });
    let encoded = encoded.collect::<Result<Vec<_>>>()?;
    let config = EmbedConfig::new().with_tokens_per_batch(tokens);
    let vectors = model.embed(&encoded, &config, |_, _| ())?;
    let width = model.config().d_model;
    let values: Vec<f32> = vectors.iter::<f32>().collect();
    Ok(values.chunks_exact(width).map(<[f32]>::to_vec).collect())
}

/// The files of weights in a folder: one, or the shards.
fn weight_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| {
        format!(
            "{}: cannot be opened as a folder; {HOW_TO_GET_WEIGHTS}",
            folder.display()
        )
    })?;
    let mut all = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| folder.display().to_string())?.path();
        if path.is_file() {
            all.push(path);
        }
    }
    all.sort();
    // Published beside each other are the same weights in several formats.
    for format in ["safetensors", "pt", "bin"] {
        let ending = |path: &&PathBuf| path.extension().is_some_and(|own| own == format);
        let of_format: Vec<PathBuf> = all.iter().filter(ending).cloned().collect();
        if !of_format.is_empty() {
            return Ok(of_format);
        }
    }
    bail!(
        "{}: holds no .safetensors, .pt or .bin file; {HOW_TO_GET_WEIGHTS}",
        folder.display()
    )
}

fn hash(files: &[PathBuf]) -> Result<String> {
    let hashes = files.iter().map(|path| Ok(DataFile::read(path)?.sha256));
    Ok(hashes.collect::<Result<Vec<_>>>()?.join("+"))
}

fn load(folder: &Path, files: &[PathBuf], device: &Device) -> Result<Esm2> {
    let mut tensors = BTreeMap::new();
    for path in files {
        tensors.extend(weights::read(path)?);
    }
    let path = folder.join("config.json");
    let config = match path.exists() {
        true => {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("{}: cannot be read", path.display()))?;
            Esm2Config::from_json(&text).with_context(|| path.display().to_string())?
        }
        false => {
            Esm2Config::from_weights(&tensors).with_context(|| folder.display().to_string())?
        }
    };
    Esm2::from_weights(&config, tensors, device).with_context(|| folder.display().to_string())
}
