//! The program from outside: what it writes, what it refuses, and that it can be stopped.

use hairpin_golden::{Program, text, unread};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

const PROGRAM: Program = Program::new(
    env!("CARGO_BIN_EXE_rnacompete-two-tower"),
    env!("CARGO_MANIFEST_DIR"),
);

/// The official files, simulated.
const FIXTURE: &str = "../../fixtures/tasks/rnacompete";

/// The weights that a run predicts with.
const MODEL: &str = "members/all-proteins-1/model.bpk";

fn temporary() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    (folder, run)
}

fn tiny<'a>(run: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let arguments = ["train", "--config", "configs/tiny.toml", "--run", text(run)];
    [&arguments[..], more].concat()
}

/// A run to predict with.
fn trained(run: &Path) {
    PROGRAM.succeeds(&tiny(run, &[]));
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(FIXTURE)
        .join(name)
}

/// Proteins, probes and intensities that a file each is made of, with something to learn: a protein of many R likes G.
fn write_data(folder: &Path, n_proteins: usize, n_probes: usize) {
    fs::create_dir_all(folder).unwrap();
    let (mut proteins, mut probes, mut matrix) = (String::new(), String::new(), String::new());
    for protein in 0..n_proteins {
        let tail = ["MKVLA", "GSTNQ", "WYFHD"][protein % 3].repeat(2 + protein % 5);
        let _ = writeln!(proteins, "{}{tail}", "R".repeat(protein % 7 + 1));
    }
    for probe in 0..n_probes {
        let letter = |place: usize| b"ACGU"[(probe * 7 + place * (probe % 5 + 3)) % 4] as char;
        let own: String = (0..30 + probe % 6).map(letter).collect();
        let g = own.matches('G').count() as f32;
        let _ = writeln!(probes, "{own}");
        let row = (0..n_proteins).map(|protein| {
            let liked = g * (protein % 7) as f32;
            format!(
                "{:.3}",
                1.0 + liked / 50.0 + ((probe * 31 + protein * 17) % 13) as f32 / 40.0
            )
        });
        let _ = writeln!(matrix, "{}", row.collect::<Vec<_>>().join("\t"));
    }
    fs::write(folder.join("training_RBPs2.txt"), proteins).unwrap();
    fs::write(folder.join("training_seqs.txt"), probes).unwrap();
    fs::write(folder.join("training_data2.txt"), matrix).unwrap();
}

fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_run_on_files_of_the_repository_predicts_by_the_three_arguments() {
    let (folder, run) = temporary();
    let stdout = PROGRAM.succeeds(&tiny(&run, &[]));
    for part in [
        "column mean",
        "identity",
        "affinity regression",
        "(the model)",
        "median Pearson",
    ] {
        assert!(stdout.contains(part), "no {part:?} in {stdout}");
    }
    for name in [
        "run.toml",
        "ensemble.json",
        "members/all-proteins-1/targets.json",
        "members/all-proteins-1/model.bpk",
        "probe_effects.npy",
        "split.json",
        "judgement.json",
        "motifs.meme",
        "trainings/network-1/metrics.csv",
        "launches.json",
        "report.html",
        "answer/RBP1.txt",
    ] {
        assert!(run.join(name).exists(), "{name}");
    }
    for training in ["network-1", "all-proteins-1"] {
        assert!(
            !run.join("trainings")
                .join(training)
                .join("checkpoint")
                .exists()
        );
    }
    let report = fs::read_to_string(run.join("report.html")).unwrap();
    for part in [
        "median Pearson",
        "SHA-256",
        "held out",
        "means of their kin",
        "each single change",
        "nothing was held out of it",
    ] {
        assert!(report.contains(part), "no {part:?} in the report");
    }

    // Without a subcommand and with it, into a folder that is there already and one that is not.
    let (proteins, probes) = (fixture("test_RBPs2.txt"), fixture("training_seqs.txt"));
    let files = [text(&proteins), text(&probes), "--run", text(&run)];
    let (bare, named) = (folder.path().join("bare"), folder.path().join("a/named"));
    PROGRAM.succeeds(&[&[text(&bare)], &files[..]].concat());
    fs::write(bare.join("RBP99.txt"), "1\n").unwrap();
    PROGRAM.succeeds(&[&[text(&bare)], &files[..]].concat());
    PROGRAM.succeeds(&[&["predict", text(&named)], &files[..], &["--average", "0"]].concat());
    let n_proteins = lines(&proteins).len();
    let of_folder = fs::read_dir(&bare).unwrap().count();
    assert_eq!(of_folder, n_proteins, "what an earlier answer left is gone");
    for protein in 1..=n_proteins {
        let name = format!("RBP{protein}.txt");
        let found = lines(&bare.join(&name));
        assert_eq!(found.len(), lines(&probes).len());
        let decimals = |line: &String| line.split_once('.').map(|(_, rest)| rest.len());
        assert!(found.iter().all(|line| decimals(line) == Some(8)));
        assert!(found.iter().any(|line| *line != found[0]));
        assert_eq!(found, lines(&named.join(&name)));
        assert_eq!(found, lines(&run.join("answer").join(&name)));
    }
    // Noise on the proteins' vectors changes a little.
    let noisy = folder.path().join("noisy");
    PROGRAM.succeeds(&[&["predict", text(&noisy)], &files[..], &["--average", "5"]].concat());
    let first = |folder: &Path| lines(&folder.join("RBP1.txt"))[0].parse::<f32>().unwrap();
    let apart = (first(&noisy) - first(&bare)).abs();
    assert!(apart > 0.0 && apart < 0.3, "{apart}");

    let truth = fixture("test_data2.txt");
    let score = PROGRAM.succeeds(&["evaluate", text(&bare), "--labels", text(&truth), "--json"]);
    let score: serde_json::Value = serde_json::from_str(&score).unwrap();
    assert_eq!(score["pearson"].as_array().unwrap().len(), n_proteins);
    assert!(score["median_pearson"]["value"].as_f64().unwrap().abs() <= 1.0);

    // The run's own configuration makes the same run.
    let again = folder.path().join("again");
    let config = run.join("run.toml");
    PROGRAM.succeeds(&["train", "--config", text(&config), "--run", text(&again)]);
    for name in [MODEL, "probe_effects.npy", "run.toml", "answer/RBP1.txt"] {
        let bytes = |run: &Path| fs::read(run.join(name)).unwrap();
        assert_eq!(bytes(&run), bytes(&again), "{name}");
    }
}

#[test]
fn a_run_that_is_killed_goes_on_and_ends_alike() {
    let (folder, run) = temporary();
    let data = folder.path().join("data");
    write_data(&data, 24, 300);
    let config = folder.path().join("own.toml");
    let own = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/tiny.toml"));
    let own = own.unwrap().replace("epochs = 2", "epochs = 6");
    let own = own + "\n[ensemble]\nnetworks = 2\n";
    fs::write(&config, own).unwrap();
    let arguments = |run: &Path| {
        let all = [
            "train",
            "--data",
            text(&data),
            "--config",
            text(&config),
            "--run",
            text(run),
        ];
        all.map(str::to_owned)
    };
    let whole = folder.path().join("whole");
    let done = PROGRAM.command().args(arguments(&whole)).output().unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let mut killed = 0;
    loop {
        let mut command = PROGRAM.command();
        command.args(arguments(&run)).arg("--resume");
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(100 + 150 * killed));
        if killed < 5 {
            // It has no time to write anything: whatever is there must serve.
            let _ = child.kill();
        }
        killed += 1;
        if child.wait().unwrap().success() {
            break;
        }
        assert!(killed < 12, "it never ends");
    }
    for name in [
        MODEL,
        "members/all-proteins-2/model.bpk",
        "probe_effects.npy",
        "split.json",
    ] {
        let bytes = |run: &Path| fs::read(run.join(name)).unwrap();
        assert_eq!(bytes(&run), bytes(&whole), "{name}, killed {killed} times");
    }
}

#[test]
fn the_answer_is_refused_with_its_place_or_written_whole() {
    let (folder, run) = temporary();
    trained(&run);
    let (rbps, rnas) = (
        folder.path().join("rbps.txt"),
        folder.path().join("rnas.txt"),
    );
    let out = folder.path().join("out");
    let good_rna = "GGAUCCAUGCAUGCAUGCAUUUGCAUGAAA\nACGUACGUACGUACGUACGUACGUACGUAC\n";
    let good_rbp = "MKVLAARGGRGGYDS\nMPLRNWYFDE\n";
    let refuses = |proteins: &str, probes: &str, parts: &[&str]| {
        fs::write(&rbps, proteins).unwrap();
        fs::write(&rnas, probes).unwrap();
        PROGRAM.refuses(
            &[text(&out), text(&rbps), text(&rnas), "--run", text(&run)],
            parts,
        );
        assert!(!out.exists(), "half an answer");
    };
    let with = |second: &str| good_rna.replace("ACGUACGUACGUACGUACGUACGUACGUAC", second);
    refuses(good_rbp, &with("ACGUNACGU"), &["rnas.txt", "line 2", "N"]);
    refuses(
        good_rbp,
        &with("acguacgu"),
        &["rnas.txt", "line 2", "lower case"],
    );
    refuses(
        good_rbp,
        &with(&"ACGU".repeat(2500)),
        &["rnas.txt", "line 2", "10000"],
    );
    refuses(
        good_rbp,
        &with(&"ACGU".repeat(100)),
        &["rnas.txt", "probe 2", "400 nt", "max_length"],
    );
    refuses(
        good_rbp,
        &good_rna.replace('\n', "\n\n"),
        &["rnas.txt", "line 2"],
    );
    refuses(good_rbp, "", &["rnas.txt"]);
    refuses("", good_rna, &["rbps.txt"]);
    for stray in ["X", "U", "*", "7"] {
        let proteins = good_rbp.replace("RNWY", &format!("RN{stray}WY"));
        refuses(&proteins, good_rna, &["rbps.txt", "line 2", stray]);
    }
    fs::write(&rbps, good_rbp).unwrap();
    fs::write(&rnas, good_rna).unwrap();
    let arguments = |out: &Path, run: &Path| {
        [text(out), text(&rbps), text(&rnas), "--run", text(run)].map(str::to_owned)
    };
    let call = |out: &Path, run: &Path, parts: &[&str]| {
        let arguments = arguments(out, run);
        PROGRAM.refuses(&arguments.each_ref().map(String::as_str), parts);
    };
    call(&rbps, &run, &["rbps.txt", "is a file"]);
    call(&rbps.join("below"), &run, &["rbps.txt"]);
    let foreign = folder.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("thesis.tex"), "years of work").unwrap();
    call(&foreign, &run, &["thesis.tex"]);
    assert_eq!(fs::read_dir(&foreign).unwrap().count(), 1);
    call(&out, &folder.path().join("nowhere"), &["no such folder"]);
    let missing = folder.path().join("missing.txt");
    let more = [text(&out), text(&missing), text(&rnas), "--run", text(&run)];
    PROGRAM.refuses(&more, &["missing.txt", "no such file"]);
    let more = [
        text(&out),
        text(&rbps),
        text(&rnas),
        "--run",
        text(&run),
        "--embeddings",
        "x.npy",
    ];
    PROGRAM.refuses(&more, &["trained without embeddings"]);

    // Windows line ends, T for U and a blank last line change nothing.
    let plain = folder.path().join("plain");
    PROGRAM.succeeds(&arguments(&plain, &run).each_ref().map(String::as_str));
    let windows = |text: &str| text.replace('\n', "\r\n") + "\r\n";
    fs::write(&rbps, windows(good_rbp)).unwrap();
    fs::write(&rnas, windows(&good_rna.replace('U', "T"))).unwrap();
    PROGRAM.succeeds(&arguments(&out, &run).each_ref().map(String::as_str));
    for name in ["RBP1.txt", "RBP2.txt"] {
        let bytes = |folder: &Path| fs::read(folder.join(name)).unwrap();
        assert_eq!(bytes(&plain), bytes(&out));
    }
}

#[test]
fn training_files_are_refused_with_their_place() {
    let (folder, run) = temporary();
    let data = folder.path().join("data");
    let refuses = |file: &str, change: &dyn Fn(String) -> String, parts: &[&str]| {
        write_data(&data, 12, 40);
        let path = data.join(file);
        fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
        PROGRAM.refuses(
            &tiny(&run, &["--data", text(&data)]),
            &[&[file], parts].concat(),
        );
        assert!(!run.join("ensemble.json").exists());
    };
    let matrix = "training_data2.txt";
    refuses(
        matrix,
        &|text| {
            text.lines()
                .skip(1)
                .map(|line| format!("{line}\n"))
                .collect()
        },
        &["39", "40"],
    );
    refuses(
        matrix,
        &|text| text.replacen('\t', "\t1.0\t", 1),
        &["line 1", "13", "12"],
    );
    refuses(matrix, &|text| text.replacen("1.", "NaN", 1), &["line 1"]);
    refuses(
        matrix,
        &|text| {
            text.replacen('\t', "\thigh\t", 1)
                .replacen("high\t1", "high", 1)
        },
        &["line 1", "high"],
    );
    refuses(
        "training_seqs.txt",
        &|text| text.replacen('A', "N", 1),
        &["line 1", "N"],
    );
    refuses(
        "training_RBPs2.txt",
        &|text| text.replacen("RR", "R4", 1),
        &["line 2", "4"],
    );

    // Copies of one protein: nothing is left to hold out.
    write_data(&data, 4, 40);
    let same = "MKVLA\n".repeat(4);
    fs::write(data.join("training_RBPs2.txt"), same).unwrap();
    PROGRAM.refuses(&tiny(&run, &["--data", text(&data)]), &["1 protein"]);

    let config = folder.path().join("own.toml");
    fs::write(&config, "[data]\nprobe = 3\n").unwrap();
    let arguments = ["train", "--config", text(&config), "--run", text(&run)];
    PROGRAM.refuses(&arguments, &["own.toml", "line 2", "data.probes"]);
}

#[test]
fn proteins_that_were_measured_are_judged_by_held_out_probes() {
    let (folder, run) = temporary();
    let data = folder.path().join("data");
    write_data(&data, 6, 400);
    let stdout = PROGRAM.succeeds(&tiny(&run, &["--seen", "--data", text(&data), "--json"]));
    let found: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(found["proteins"].as_array().unwrap().len(), 6);
    assert!(
        found["predictors"][0]["name"]
            .as_str()
            .unwrap()
            .contains("5-mers")
    );
    // Such a run knows nothing of other proteins.
    let (rbps, rnas) = (
        data.join("training_RBPs2.txt"),
        data.join("training_seqs.txt"),
    );
    let out = folder.path().join("out");
    let arguments = [text(&out), text(&rbps), text(&rnas), "--run", text(&run)];
    PROGRAM.refuses(&arguments, &["--seen"]);
}

#[test]
fn blocks_are_drawn_from_pools() {
    let (folder, run) = temporary();
    let data = folder.path().join("data");
    write_data(&data, 24, 300);
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let [tiny, contrastive] = ["tiny.toml", "contrastive.toml"]
        .map(|name| fs::read_to_string(configs.join(name)).unwrap());
    let contrast = contrastive.split("\n[contrast]\n").nth(1).unwrap();
    let contrast = contrast.split("\n[fit]").next().unwrap();
    let config = folder.path().join("own.toml");
    let train = |contrast: &str| {
        fs::write(&config, format!("{tiny}\n[contrast]\n{contrast}")).unwrap();
        let call = ["train", "--data", text(&data), "--config", text(&config)];
        [&call[..], &["--run", text(&run)]].concat()
    };
    let call = train(&contrast.replace("high = 0.60", "high = 0.70"));
    PROGRAM.refuses(&call, &["own.toml", "contrast.pools", "add up to 1"]);
    PROGRAM.succeeds(&train(contrast));
    assert!(run.join("report.html").exists());
}

#[test]
fn residues_are_read_inside_domains_and_explained() {
    let (folder, run) = temporary();
    let data = folder.path().join("data");
    write_data(&data, 24, 300);
    let config = folder.path().join("own.toml");
    let own = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/tiny.toml"));
    let residues = "[proteins]\nreads = \"residues\"\nwindow = 2\nd_residue = 8\n";
    fs::write(&config, own.unwrap().replace("[proteins]\n", residues)).unwrap();
    let domains = folder.path().join("domains.txt");
    let proteins = lines(&data.join("training_RBPs2.txt"));
    let half = |protein: &String| format!("2-4,{}-{}", protein.len() - 2, protein.len());
    let ranges: Vec<String> = proteins.iter().map(half).collect();
    fs::write(&domains, ranges.join("\n")).unwrap();
    let train = |run: &Path, domains: &Path| {
        let all = ["train", "--data", text(&data), "--config", text(&config)];
        let more = ["--domains", text(domains), "--run", text(run)];
        [&all[..], &more]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let call = train(&run, &domains);
    PROGRAM.succeeds(&call.iter().map(String::as_str).collect::<Vec<_>>());
    let report = fs::read_to_string(run.join("report.html")).unwrap();
    for part in [
        "share of the attention",
        "each single change of a residue",
        "by attention",
    ] {
        assert!(report.contains(part), "no {part:?} in the report");
    }
    let mut sums: BTreeMap<String, f64> = BTreeMap::new();
    for line in &lines(&run.join("attention.csv"))[1..] {
        let fields: Vec<&str> = line.split(',').collect();
        let row: usize = fields[0].trim_start_matches("RBP").parse().unwrap();
        let (protein, position) = (&proteins[row - 1], fields[1].parse::<usize>().unwrap());
        assert_eq!(&protein[position - 1..position], fields[2]);
        assert!(
            (2..=4).contains(&position) || position + 2 >= protein.len(),
            "{line}"
        );
        *sums.entry(fields[0].to_owned()).or_default() += fields[3].parse::<f64>().unwrap();
    }
    assert!(
        !sums.is_empty() && sums.values().all(|sum| (sum - 1.0).abs() < 1e-4),
        "{sums:?}"
    );

    // Whole proteins are read otherwise than their domains.
    let (rbps, rnas) = (
        data.join("training_RBPs2.txt"),
        data.join("training_seqs.txt"),
    );
    let answer = |name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        let call = [text(&out), text(&rbps), text(&rnas), "--run", text(&run)];
        PROGRAM.succeeds(&[&call[..], more].concat());
        lines(&out.join("RBP3.txt"))
    };
    let whole = answer("whole", &[]);
    assert_ne!(whole, answer("inside", &["--domains", text(&domains)]));

    fs::write(&domains, ranges.join("\n").replacen("2-4", "4-2", 1)).unwrap();
    let other = folder.path().join("other");
    let call = train(&other, &domains);
    let call: Vec<&str> = call.iter().map(String::as_str).collect();
    PROGRAM.refuses(&call, &["domains.txt", "line 1", "4-2"]);
    PROGRAM.refuses(
        &tiny(
            &other,
            &["--data", text(&data), "--domains", text(&domains)],
        ),
        &["--domains", "proteins.reads"],
    );
}

#[test]
fn residues_are_read_by_their_embeddings() {
    use hairpin::models::esm2::Esm2Config;
    use hairpin::nn::weights;
    use hairpin::tasks::embeddings::{Embeddings, ResidueEmbeddings};

    let (folder, run) = temporary();
    let data = folder.path().join("data");
    write_data(&data, 24, 300);
    let rbps = data.join("training_RBPs2.txt");
    let proteins = lines(&rbps);
    let device = hairpin::train::DeviceKind::Flex.device().unwrap();
    let published = folder.path().join("weights");
    fs::create_dir(&published).unwrap();
    let model = Esm2Config::new(16, 2, 2, 32).init(&device).unwrap();
    let file = published.join("model.safetensors");
    weights::write_safetensors(file, &model.to_hugging_face()).unwrap();
    let [each, mean] = ["each.npy", "mean.npy"].map(|name| folder.path().join(name));
    let weights = ["--weights", text(&published)];
    let of_each = ["embed", text(&rbps), text(&each), "--per-residue"];
    let said = PROGRAM.succeeds(&[&of_each[..], &weights].concat());
    assert!(said.contains("each residue x 16 values"), "{said}");
    let bytes = fs::read(&each).unwrap();
    PROGRAM.succeeds(&[&of_each[..], &weights].concat());
    assert_eq!(fs::read(&each).unwrap(), bytes);
    let of_mean = ["embed", text(&rbps), text(&mean)];
    PROGRAM.succeeds(&[&of_mean[..], &weights].concat());
    let (residues, means) = (
        ResidueEmbeddings::read(&each).unwrap(),
        Embeddings::read(&mean).unwrap(),
    );
    let ids = means.ids().iter().zip(means.vectors().rows());
    let all: BTreeMap<&str, _> = residues.iter().collect();
    assert_eq!(all.len(), means.ids().len());
    for (id, mean) in ids {
        let own = all[id.as_str()].mean_axis(ndarray::Axis(0)).unwrap();
        let apart = (&own - &mean).mapv(f32::abs);
        assert!(apart.iter().all(|apart| *apart < 1e-5), "{apart}");
    }

    let config = folder.path().join("own.toml");
    let own = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/tiny.toml"));
    let reads = "[proteins]\nreads = \"residues\"\nd_residue = 8\n";
    fs::write(&config, own.unwrap().replace("[proteins]\n", reads)).unwrap();
    let domains = folder.path().join("domains.txt");
    let half = |protein: &String| format!("2-4,{}-{}", protein.len() - 2, protein.len());
    let ranges: Vec<String> = proteins.iter().map(half).collect();
    fs::write(&domains, ranges.join("\n")).unwrap();
    let all = ["train", "--data", text(&data), "--config", text(&config)];
    let train = [&all[..], &["--run", text(&run), "--embeddings"]].concat();
    PROGRAM.refuses(
        &[&train[..], &[text(&mean)]].concat(),
        &["mean.npy.json", "--per-residue"],
    );
    PROGRAM.succeeds(&[&train[..], &[text(&each), "--domains", text(&domains)]].concat());
    let report = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(report.contains("share of the attention"));
    assert!(report.contains("embeddings of 16 values"));
    assert!(!report.contains("each single change of a residue"));
    assert!(lines(&run.join("attention.csv")).len() > 6);

    let rnas = data.join("training_seqs.txt");
    let out = folder.path().join("answer");
    let predict = [text(&out), text(&rbps), text(&rnas), "--run", text(&run)];
    PROGRAM.refuses(&predict, &["embed --per-residue"]);
    PROGRAM.refuses(
        &[&predict[..], &["--embeddings", text(&mean)]].concat(),
        &["mean.npy.json", "--per-residue"],
    );
    PROGRAM.succeeds(&[&predict[..], &["--embeddings", text(&each)]].concat());
    let whole = lines(&out.join("RBP3.txt"));
    let more = ["--embeddings", text(&each), "--domains", text(&domains)];
    PROGRAM.succeeds(&[&predict[..], &more].concat());
    assert_ne!(lines(&out.join("RBP3.txt")), whole);
}

#[test]
fn embeddings_are_made_kept_and_checked() {
    use hairpin::models::esm2::Esm2Config;
    use hairpin::nn::weights;
    use hairpin::tasks::embeddings::Embeddings;

    let (folder, run) = temporary();
    let data = folder.path().join("data");
    write_data(&data, 24, 300);
    let rbps = data.join("training_RBPs2.txt");
    let vectors = folder.path().join("out/vectors.npy");
    // Without weights the program says what to get and where to put it.
    let call = ["embed", text(&rbps), text(&vectors)];
    PROGRAM.refuses(
        &call,
        &[
            "--weights",
            "huggingface.co/facebook",
            "esm2_t33_650M_UR50D/model.safetensors",
        ],
    );
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    PROGRAM.refuses(
        &[&call[..], &["--weights", text(&empty)]].concat(),
        &["empty", "no .safetensors"],
    );

    let device = hairpin::train::DeviceKind::Flex.device().unwrap();
    let folders = ["first", "second"].map(|name| folder.path().join(name));
    for path in &folders {
        fs::create_dir(path).unwrap();
        let model = Esm2Config::new(16, 2, 2, 32).init(&device).unwrap();
        weights::write_safetensors(path.join("model.safetensors"), &model.to_hugging_face())
            .unwrap();
    }
    let first = [&call[..], &["--weights", text(&folders[0]), "--json"]].concat();
    let made: serde_json::Value = serde_json::from_str(&PROGRAM.succeeds(&first)).unwrap();
    assert_eq!(
        (made["proteins"].as_u64(), made["width"].as_u64()),
        (Some(24), Some(16))
    );
    let bytes = fs::read(&vectors).unwrap();
    let again: serde_json::Value = serde_json::from_str(&PROGRAM.succeeds(&first)).unwrap();
    assert_eq!(again["embedded"].as_u64(), Some(0), "all of them are kept");
    assert_eq!(fs::read(&vectors).unwrap(), bytes);
    let second = [&call[..], &["--weights", text(&folders[1])]].concat();
    PROGRAM.refuses(&second, &["other weights"]);
    PROGRAM.refuses(&[&first[..], &["--bf16"]].concat(), &["other weights"]);
    let lower = folder.path().join("lower.npy");
    let call_lower = ["embed", text(&rbps), text(&lower), "--bf16", "--weights"];
    PROGRAM.succeeds(&[&call_lower[..], &[text(&folders[0])]].concat());
    let [full, lower] = [&vectors, &lower].map(|path| Embeddings::read(path).unwrap());
    let greatest = |other: &Embeddings| {
        let apart = (full.vectors() - other.vectors()).mapv(f32::abs);
        apart.fold(0f32, |most, own| most.max(*own))
    };
    let apart = greatest(&lower);
    assert!(apart > 0.0 && apart < 0.05, "{apart}");

    // The same weights in two files, a layer at a time.
    let shards = folder.path().join("shards");
    fs::create_dir(&shards).unwrap();
    let all = weights::read(folders[0].join("model.safetensors")).unwrap();
    let (one, two): (BTreeMap<_, _>, BTreeMap<_, _>) =
        all.into_iter().partition(|(name, _)| name.contains(".0."));
    for (name, own) in [("model-1.safetensors", one), ("model-2.safetensors", two)] {
        weights::write_safetensors(shards.join(name), &own).unwrap();
    }
    let by_layer = folder.path().join("by_layer.npy");
    let call = [
        "embed",
        text(&rbps),
        text(&by_layer),
        "--layer-by-layer",
        "--weights",
        text(&shards),
    ];
    PROGRAM.refuses(&call, &["config.json", "--layer-by-layer"]);
    let config = serde_json::json!({
        "model_type": "esm", "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
        "vocab_size": 33, "pad_token_id": 1, "mask_token_id": 32, "token_dropout": true, "max_position_embeddings": 1026,
        "layer_norm_eps": 1e-5, "position_embedding_type": "rotary"
    });
    fs::write(shards.join("config.json"), config.to_string()).unwrap();
    PROGRAM.succeeds(&call);
    assert!(greatest(&Embeddings::read(&by_layer).unwrap()) < 1e-5);

    let with = ["--data", text(&data), "--embeddings", text(&vectors)];
    PROGRAM.succeeds(&tiny(&run, &with));
    let rnas = data.join("training_seqs.txt");
    let out = folder.path().join("answer");
    let plain = [
        "predict",
        text(&out),
        text(&rbps),
        text(&rnas),
        "--run",
        text(&run),
    ];
    PROGRAM.refuses(&plain, &["trained with embeddings", "embed"]);
    PROGRAM.succeeds(&[&plain[..], &["--embeddings", text(&vectors)]].concat());
    // Of other proteins, of other weights.
    let others = folder.path().join("others.txt");
    fs::write(&others, "MKVLAWYF\n").unwrap();
    let of_others = [
        "predict",
        text(&out),
        text(&others),
        text(&rnas),
        "--run",
        text(&run),
    ];
    PROGRAM.refuses(
        &[&of_others[..], &["--embeddings", text(&vectors)]].concat(),
        &["vectors.npy"],
    );
    let strange = folder.path().join("strange.npy");
    let call = [
        "embed",
        text(&rbps),
        text(&strange),
        "--weights",
        text(&folders[1]),
    ];
    PROGRAM.succeeds(&call);
    PROGRAM.refuses(
        &[&plain[..], &["--embeddings", text(&strange)]].concat(),
        &["strange.npy", "weights"],
    );
}

#[test]
fn the_structure_of_probes_is_written() {
    let (folder, _) = temporary();
    let probes = folder.path().join("probes.txt");
    fs::write(&probes, "GGGGAAAACCCC\nACGT\n").unwrap();
    let out = folder.path().join("new/structure.npy");
    let stdout = PROGRAM.succeeds(&["structure", text(&probes), text(&out)]);
    assert!(stdout.contains("[2, 12, 5]"), "{stdout}");
    let array: ndarray::Array3<f32> = ndarray_npy::read_npy(&out).unwrap();
    assert!(array[[0, 5, 1]] > 0.9 && array[[0, 0, 0]] > 0.9);
    assert_eq!(array[[1, 7, 0]], 0.0);

    // Whoever reads has had enough: no reason for a message.
    let call = ["structure", text(&probes), text(&out)];
    let output = unread(PROGRAM.command().args(call));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("panicked"), "{stderr}");
}
