//! Models go out to other programs and come in from them.

#![allow(clippy::unwrap_used, reason = "tests may stop")]

use crate::common::Room;

/// A file that PyTorch wrote.
fn fixture(name: &str) -> String {
    format!(
        "{}/../elman/tests/exchange/fixtures/{name}",
        env!("CARGO_MANIFEST_DIR")
    )
}

#[test]
fn a_model_goes_out_and_comes_back() {
    let room = Room::new();
    room.train(
        "run",
        "4",
        &["--cell", "elman", "--activation", "relu", "--layers", "2"],
    );
    let id = room.json(&["info", "run/model", "--json"])["model"]["id"].clone();

    let shown = room.stdout(&["export", "run", "-o", "lm.safetensors"]);
    assert!(
        shown.contains("lm.safetensors") && shown.contains(id.as_str().unwrap()),
        "{shown}"
    );
    let shown = room.stdout(&[
        "import",
        "lm.safetensors",
        "--vocab-from",
        "run",
        "-o",
        "back",
    ]);
    assert!(
        shown.contains("elman (relu), 2 layers of 8 units"),
        "{shown}"
    );
    let info = room.json(&["info", "back", "--json"]);
    assert_eq!(info["model"]["id"], id);
    assert_eq!(
        info["model"]["imported"],
        "lm.safetensors (a state dict of nn.RNN)"
    );
    assert!(
        room.stdout(&["info", "back"])
            .contains("from lm.safetensors (a state dict of nn.RNN)")
    );

    let json = room.json(&["export", "run", "--to", "pytorch", "-o", "torch", "--json"]);
    assert_eq!((&json["form"], &json["model_id"]), (&"pytorch".into(), &id));
    assert!(
        room.read("torch/elman_torch.py")
            .contains("def load(directory)")
    );
    assert_eq!(room.json(&["info", "torch", "--json"])["model"]["id"], id);

    room.stdout(&["export", "run", "-o", "lm.onnx"]);
    let plain = std::fs::read(room.path("lm.onnx")).unwrap();
    room.stdout(&["export", "run", "-o", "lm.onnx", "--log-probs", "--force"]);
    assert!(std::fs::read(room.path("lm.onnx")).unwrap().len() > plain.len());
}

#[test]
fn a_directory_for_transformers_is_the_same_model() {
    let room = Room::new();
    room.train("run", "3", &["--vocab", "whitespace"]);
    let out = ["export", "run", "--to", "transformers", "-o", "hf"];
    let shown = room.stdout(&out);
    assert!(
        shown.contains("from_pretrained(\"hf\", trust_remote_code=True)"),
        "{shown}"
    );
    let module = room.read("hf/modeling_elman.py");
    assert!(module.contains("class ElmanForCausalLM(PreTrainedModel, GenerationMixin)"));
    for what in ["score", "tokenize"] {
        let own = room.stdout(&[what, "run", "other.txt"]);
        assert_eq!(own, room.stdout(&[what, "hf", "other.txt"]));
    }
    // Nothing is replaced unasked.
    room.write("hf/modeling_elman.py", "changed");
    let says = room.fails(1, &out);
    assert!(says.contains("replace it with --force"), "{says}");
    assert_eq!(room.read("hf/modeling_elman.py"), "changed");
    room.stdout(&[&out[..], &["--force"]].concat());
    assert_eq!(room.read("hf/modeling_elman.py"), module);
    let says = room.fails(2, &[&out[..], &["--force", "--log-probs"]].concat());
    assert!(says.contains("--log-probs is for ONNX"), "{says}");
}

#[test]
fn exports_for_pytorch_and_transformers_replace_each_other() {
    let room = Room::new();
    room.train("run", "2", &[]);
    let export = |form: &str, directory: &str| {
        let args = [
            "export", "run", "--to", form, "-o", directory, "--force", "--json",
        ];
        room.json(&args);
        let entries = std::fs::read_dir(room.path(directory)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut files: Vec<(String, String)> = names
            .filter(|name| name != "model.safetensors")
            .map(|name| (name.clone(), room.read(&format!("{directory}/{name}"))))
            .collect();
        files.sort();
        files
    };
    let (pytorch, transformers) = (export("pytorch", "torch"), export("transformers", "hf"));
    assert_ne!(pytorch, transformers);
    assert_eq!(export("pytorch", "hf"), pytorch);
    assert_eq!(export("transformers", "hf"), transformers);
    // A file that elman did not write stays, even under the name of a module of elman's.
    room.write("torch/modeling_elman.py", "print(1)\n");
    room.write("torch/notes.txt", "mine\n");
    let files = export("pytorch", "torch");
    assert_eq!(files.len(), pytorch.len() + 2);
    assert_eq!(room.read("torch/modeling_elman.py"), "print(1)\n");
}

#[test]
fn a_language_model_for_a_recogniser_has_its_symbols() {
    let room = Room::new();
    room.train("run", "2", &["--vocab", "fields"]);
    room.train("gru", "2", &["--cell", "gru"]);
    let list = "<blk> 0\n<sos/eos> 1\n<unk> 2\nThe 3\nking 4\nqueen 5\n";
    room.write("tokens.txt", list);
    let out = ["export", "run", "--to", "sherpa-onnx", "-o", "lm"];
    let says = room.fails(2, &out);
    assert!(says.contains("--tokens FILE"), "{says}");
    let out = [&out[..], &["--tokens", "tokens.txt"]].concat();
    let assert = room.elman(&out).assert().success();
    let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(
        said.contains("1 of the recogniser's symbols") && said.contains("\"queen\""),
        "{said}"
    );
    let shown = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    assert!(shown.contains("lm/no-state.onnx"), "{shown}");
    let online = std::fs::read(room.path("lm/with-state.onnx")).unwrap();
    // Nothing is replaced unasked, and the two are written together.
    std::fs::remove_file(room.path("lm/no-state.onnx")).unwrap();
    let says = room.fails(1, &out);
    assert!(says.contains("replace it with --force"), "{says}");
    assert!(!room.path("lm/no-state.onnx").exists());
    room.stdout(&[&out[..], &["--force"]].concat());
    assert_eq!(
        std::fs::read(room.path("lm/with-state.onnx")).unwrap(),
        online
    );
    assert!(room.path("lm/no-state.onnx").exists());

    let refused = |model: &str, output: &str, tokens: &str| {
        let args = [
            "export",
            model,
            "--to",
            "sherpa-onnx",
            "-o",
            output,
            "--tokens",
            tokens,
        ];
        let output = room.elman(&args).assert().failure().get_output().clone();
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let says = refused("gru", "lm2", "tokens.txt");
    assert!(says.contains("the cell is gru"), "{says}");
    let says = refused("run", "tokens.txt", "tokens.txt");
    assert!(says.contains("tokens.txt is a file"), "{says}");
    room.write("bad.txt", "<blk> 0\nThe king 1\n");
    let says = refused("run", "lm2", "bad.txt");
    assert!(says.contains("bad.txt, line 2: "), "{says}");
    let says = refused("run", "lm2", "none.txt");
    assert!(says.contains("none.txt"), "{says}");
    assert!(!room.path("lm2").exists());
    let says = room.fails(
        2,
        &["export", "run", "-o", "lm.onnx", "--tokens", "tokens.txt"],
    );
    assert!(says.contains("go together"), "{says}");
}

#[test]
fn a_network_of_pytorch_is_a_model_like_any_other() {
    let room = Room::new();
    let (lstm, tokens) = (fixture("lstm_tied.safetensors"), fixture("tokens.txt"));
    let args = [
        "import",
        &lstm,
        "--vocab-file",
        &tokens,
        "-o",
        "models/lm",
        "--layout",
        "sentences",
        "--json",
    ];
    let json = room.json(&args);
    assert_eq!(json["layout"], "sentences");
    assert_eq!(
        (&json["cell"], &json["tied"]),
        (&"lstm".into(), &true.into())
    );
    assert_eq!(
        (&json["vocab_kind"], &json["vocab_entries"]),
        (&"whitespace".into(), &7.into())
    );
    room.write("verse", "the cat sat on the mat\n");
    assert_eq!(
        room.json(&["eval", "models/lm", "verse", "--json"])["oov"],
        0
    );
    room.stdout(&["generate", "models/lm", "--max-tokens", "5"]);
    let shown = room.stdout(&["info", "models/lm"]);
    assert!(!shown.contains("after step"), "{shown}");
}

#[test]
fn what_cannot_be_done_says_why() {
    let room = Room::new();
    let (rnn, tokens) = (fixture("relu_f16.safetensors"), fixture("tokens.txt"));
    room.write("lm.pt", b"PK\x03\x04 and so on");
    let says = room.fails(1, &["import", "lm.pt", "--vocab-file", &tokens, "-o", "m"]);
    assert!(
        says.contains("python pickle_to_safetensors.py \"lm.pt\" \"lm.safetensors\""),
        "{says}"
    );
    fn importing<'a>(rnn: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        [&["import", rnn, "-o", "m"], more].concat()
    }
    let says = room.fails(2, &importing(&rnn, &[]));
    assert!(says.contains("--vocab-file FILE"), "{says}");
    let says = room.fails(1, &importing(&rnn, &["--vocab-file", &tokens]));
    assert!(
        says.contains("`rnn.weight_hh_l0`") && says.contains("--activation tanh"),
        "{says}"
    );
    let says = room.fails(
        2,
        &importing(&rnn, &["--vocab-file", &tokens, "--eos", "x", "--unk", "x"]),
    );
    assert!(says.contains("two different tokens"), "{says}");
    let says = room.fails(
        1,
        &importing(
            &rnn,
            &[
                "--vocab-file",
                &tokens,
                "--eos",
                "</s>",
                "--activation",
                "relu",
            ],
        ),
    );
    assert!(says.contains("\"<eos>\" is not one token"), "{says}");
    let says = room.fails(
        1,
        &importing(&rnn, &["--vocab", "bytes", "--activation", "relu"]),
    );
    assert!(says.contains("no matrix has 257 rows"), "{says}");
    assert!(!room.path("m").exists());

    room.train("run", "2", &[]);
    let says = room.fails(2, &["export", "run", "-o", "lm.bin"]);
    assert!(
        says.contains("--to onnx, safetensors, pytorch, transformers or sherpa-onnx"),
        "{says}"
    );
    let says = room.fails(2, &["export", "run", "-o", "lm.safetensors", "--log-probs"]);
    assert!(says.contains("--log-probs is for ONNX"), "{says}");
    room.stdout(&["export", "run", "-o", "lm.onnx"]);
    let says = room.fails(1, &["export", "run", "-o", "lm.onnx"]);
    assert!(says.contains("replace it with --force"), "{says}");
    let says = room.fails(
        1,
        &["export", "run", "--to", "pytorch", "-o", "run", "--force"],
    );
    assert!(says.contains("run is a run"), "{says}");
    let says = room.fails(
        1,
        &["export", "run", "--to", "pytorch", "-o", ".", "--force"],
    );
    assert!(says.contains("holds other things"), "{says}");
    let says = room.fails(
        1,
        &[
            "export", "run", "--to", "pytorch", "-o", "lm.onnx", "--force",
        ],
    );
    assert!(says.contains("lm.onnx is a file"), "{says}");
    let says = room.fails(
        1,
        &["export", "run", "--to", "onnx", "-o", "run", "--force"],
    );
    assert!(says.contains("run is a directory"), "{says}");
    room.elman(&["ngram", "train", "text.txt", "-o", "lm.bin"])
        .assert()
        .success();
    let says = room.fails(2, &["export", "lm.bin", "-o", "n.onnx"]);
    assert!(says.contains("elman ngram convert"), "{says}");
}

#[test]
fn a_network_without_an_end_token_writes_and_is_evaluated() {
    let room = Room::new();
    room.train("run", "3", &["--vocab", "whitespace", "--no-tied"]);
    room.stdout(&["export", "run", "-o", "lm.safetensors"]);
    let v = room.json(&["info", "run/model", "--json"])["model"]["vocabulary"]["entries"].as_u64();
    // The same rows under a list in which no token ends anything.
    let list: String = (0..v.unwrap()).map(|i| format!("w{i}\n")).collect();
    room.write("list.txt", list);
    let import = [
        "import",
        "plain.safetensors",
        "--vocab-file",
        "list.txt",
        "-o",
        "model",
    ];
    strip_header(&room, "lm.safetensors", "plain.safetensors");
    let assert = room.elman(&import).assert().success();
    let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(
        said.contains("no <eos>") && said.contains("no <unk>"),
        "{said}"
    );
    room.write("words.txt", "w3 w4 w5\nw6\n");
    let found = room.json(&["eval", "model", "words.txt", "--json"]);
    let nats = found["total_nats"].as_f64().unwrap();
    assert!((60.0..200.0).contains(&nats), "{nats}");
    let text = room.stdout(&["generate", "model", "-n", "50", "--no-echo"]);
    assert_eq!(text.split_whitespace().count(), 50);

    // A name that the list does not have is a mistake.
    for (option, name) in [("--eos", "</s>"), ("--unk", "<UNK>")] {
        let said = room.fails(2, &[&import[..], &["--force", option, name]].concat());
        assert!(said.contains("there is no such line"), "{said}");
    }
}

/// The tensors of a safetensors file without what elman says about them.
fn strip_header(room: &Room, from: &str, to: &str) {
    let bytes = std::fs::read(room.path(from)).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    header.as_object_mut().unwrap().remove("__metadata__");
    let mut text = serde_json::to_vec(&header).unwrap();
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut plain = (text.len() as u64).to_le_bytes().to_vec();
    plain.extend(&text);
    plain.extend(&bytes[8 + length..]);
    room.write(to, plain);
}
