//! Names: distinct, inside the root, whatever was asked for.

use std::collections::HashSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRng, TestRunner};
use unicode_normalization::UnicodeNormalization;

use super::super::case_fold::fold;
use super::super::steps;
use super::*;

/// Claims names; one that ends with `/` is a folder.
fn claim(paths: &[&str]) -> Vec<String> {
    let mut names = Names::default();
    let claimed = paths.iter().map(|path| {
        let mut out = String::new();
        let kind = if path.ends_with('/') { Kind::Folder } else { Kind::File };
        names.claim(path, kind, &mut out).unwrap();
        out
    });
    claimed.collect()
}

fn folded(name: &str) -> String {
    let mut out = String::new();
    fold(name, &mut out);
    out
}

/// No two names are one on any file system, and none is a folder on the way to another.
fn assert_distinct(names: &[String]) {
    let keys = |name: &str| -> [String; 2] {
        let plain: String = name.nfc().collect::<String>().to_lowercase().nfc().collect();
        [folded(name), plain]
    };
    for which in 0..2 {
        let mut seen = HashSet::new();
        let mut files = HashSet::new();
        let mut folders = HashSet::new();
        for name in names {
            let key = keys(name.trim_end_matches('/'))[which].clone();
            for (slash, _) in key.match_indices('/') {
                folders.insert(key[..slash].to_owned());
            }
            if !name.ends_with('/') {
                files.insert(key.clone());
            }
            assert!(seen.insert(key), "{name:?} twice in {names:?}");
        }
        assert!(files.is_disjoint(&folders), "a file is also a folder: {names:?}");
    }
}

#[test]
fn a2_duplicates_twins_by_case_form_or_trailing_dot_are_told_apart() {
    let names = claim(&[
        "a.txt",
        "a.txt",
        "A.TXT",
        "a.txt.",
        "a.txt ",
        "caf\u{E9}",
        "cafe\u{301}",
        "CAFE\u{301}",
        "stra\u{DF}e",
        "STRASSE",
        "x",
        "x (2)",
        "x",
        ".bashrc",
        ".bashrc",
        "b.tar.gz",
        "b.tar.gz",
    ]);
    let expected = [
        "a.txt",
        "a (2).txt",
        "A (3).TXT",
        "a (4).txt",
        "a (5).txt",
        "caf\u{E9}",
        "caf\u{E9} (2)",
        "CAF\u{C9} (3)",
        "stra\u{DF}e",
        "STRASSE (2)",
        "x",
        "x (2)",
        "x (3)",
        ".bashrc",
        ".bashrc (2)",
        "b.tar.gz",
        "b.tar (2).gz",
    ];
    assert_eq!(names, expected);
    assert_distinct(&names);
}

#[test]
fn a4_a_file_is_never_a_folder_on_the_way_to_another() {
    assert_eq!(claim(&["a", "a/b", "a/c", "A/d"]), ["a", "a (2)/b", "a (2)/c", "A (3)/d"]);
    assert_eq!(claim(&["a/b", "a", "a/c"]), ["a/b", "a (2)", "a/c"]);
    assert_eq!(claim(&["a/", "a", "a/", "a/x"]), ["a/", "a (2)", "a (3)/", "a/x"]);
    assert_eq!(claim(&["a/b/c", "a/b/", "a/", "a/b"]), ["a/b/c", "a/b/", "a/", "a/b (2)"]);
    assert_eq!(claim(&["a.b", "a.b/c"]), ["a.b", "a.b (2)/c"]);
}

#[test]
fn folders_stay_apart_and_whole() {
    let names = claim(&["a/1", "A/1", "a/2", "A/2", "./a//3", "x./y", "x/y", "con/", "con/f", "../a/4"]);
    let expected = ["a/1", "A (2)/1", "a/2", "A (2)/2", "a/3", "x/y", "x (2)/y", "_con/", "_con/f", "a/4"];
    assert_eq!(names, expected);
}

#[test]
fn the_same_members_in_the_same_order_get_the_same_names() {
    let paths = ["A", "a", "a/b", "c/D", "c/d", "C/d", ""];
    assert_eq!(claim(&paths), claim(&paths));
}

#[test]
fn many_equal_names_and_deep_paths_stay_apart_and_take_a_few_looks_each() {
    let long = "x".repeat(255);
    let mut names = Names::default();
    let mut seen = HashSet::new();
    let mut looks = 0;
    for index in 0..30_000 {
        // Equal, equal once cut, and in pairs that are equal once cut.
        for path in ["same.txt".to_owned(), long.clone(), format!("{}{:05}", "y".repeat(250), index / 2)] {
            let mut out = String::new();
            looks += steps::of(|| names.claim(&path, Kind::File, &mut out).unwrap());
            assert!(out.len() <= 255);
            assert!(seen.insert(out));
        }
    }
    assert!((90_000..=4 * 90_000).contains(&looks), "{looks} looks for 90,000 names");
    let deep = "d/".repeat(32_000);
    for index in 0..20 {
        let mut out = String::new();
        let looks = steps::of(|| names.claim(&format!("{index}/{deep}x"), Kind::File, &mut out).unwrap());
        assert!((32_000..=4 * 32_002).contains(&looks), "{looks} looks for 32,002 names");
    }
}

#[test]
fn folding_merges_whatever_unicode_case_folding_merges() {
    let script = "import unicodedata as u\n\
        for p in range(0x110000):\n\
        \x20   if not 0xD800 <= p < 0xE000:\n\
        \x20       c = chr(p)\n\
        \x20       k = u.normalize('NFD', u.normalize('NFD', c).casefold())\n\
        \x20       if k != c: print(p, *map(ord, k))";
    let mut compared = 0;
    for line in python(script, "").lines() {
        let mut characters = line.split(' ').map(|n| char::from_u32(n.parse().unwrap()).unwrap());
        let one = characters.next().unwrap().to_string();
        let key: String = characters.collect();
        assert_eq!(folded(&one), folded(&key), "{one:?} {key:?}");
        compared += 1;
    }
    assert!(compared > 10_000);
    assert_eq!(folded("a\u{200D}b\u{FE0F}"), folded("AB"));
    assert_ne!(folded("e"), folded("\u{E9}"));
}

/// Texts that are likely to be trouble, alone and beside each other.
fn trouble() -> impl Strategy<Value = Vec<String>> {
    let path = prop_oneof![
        any::<String>(),
        "(\\.\\.?/|/|[aA]|b|\\\\|C:|CON|nul\\.txt|\u{E9}|e\u{301}|\u{202E}|\u{DF}|ss|SS| \\(2\\)|[. ]|x{120}){0,6}",
    ];
    proptest::collection::vec(path, 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn any_set_of_texts_gives_distinct_names(paths in trouble()) {
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let names = claim(&paths);
        assert_distinct(&names);
        for name in &names {
            // A name that is safe stays as it is.
            prop_assert_eq!(safe_name(name), name.trim_end_matches('/'));
        }
    }
}

#[test]
fn control_names_that_are_not_told_apart_are_noticed() {
    for names in [["a", "A"], ["a", "a/b"], ["\u{E9}", "e\u{301}"], ["a/", "a"]] {
        let names = names.map(str::to_owned);
        assert!(std::panic::catch_unwind(|| assert_distinct(&names)).is_err(), "{names:?}");
    }
}

/// Extracts an archive and says what is there: every file, and its content.
const EXTRACT: &str = r#"
import json, os, sys, tempfile, unicodedata, zipfile
with tempfile.TemporaryDirectory() as top:
    root = os.path.join(top, "deep", "er", "root")
    with zipfile.ZipFile(sys.stdin.read()) as z:
        z.extractall(root)
        names = z.namelist()
    keys = [unicodedata.normalize("NFC", unicodedata.normalize("NFC", n.rstrip("/")).casefold()) for n in names]
    assert len(set(keys)) == len(keys)
    for name in names:
        assert os.path.exists(os.path.join(root, name)), name
    files = {}
    for folder, _, here in os.walk(top):
        for name in here:
            path = os.path.join(folder, name)
            assert os.path.realpath(path).startswith(root + os.sep), path
            files[os.path.relpath(path, root)] = open(path, "rb").read().decode()
    print(json.dumps(files))
"#;

#[test]
fn a1_a2_a3_a4_hostile_names_are_extracted_inside_the_root() {
    let mut paths: Vec<String> = [
        "../x",
        "/x",
        "C:\\x",
        "\\\\srv\\x",
        "..%2f",
        "a/../../b",
        "../../../../../../tmp/evil",
        "~/x",
        "$HOME/x",
        "-rf",
        "CON.txt",
        "com\u{B9}",
        "name:stream",
        "space ",
        "a",
        "a/b",
        "A",
        "a/",
        "\u{202E}exe.txt",
        "\0",
        "",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    for case in 0..60 {
        let set = trouble().new_tree(&mut runner).unwrap().current();
        paths.extend(set.iter().map(|path| format!("case {case}/{path}")));
        paths.extend(set);
    }
    let contents: Vec<Vec<u8>> = (0..paths.len()).map(|index| format!("{index}").into_bytes()).collect();
    let files: Vec<(&str, &[u8])> =
        paths.iter().zip(&contents).map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    let zip = archive(&files);
    let members: Vec<String> = zip.plan().members().map(|member| member.name.to_owned()).collect();
    assert_distinct(&members);
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("hostile.zip");
    std::fs::write(&path, read(&zip)).unwrap();
    let found: serde_json::Value = serde_json::from_str(&python(EXTRACT, path.to_str().unwrap())).unwrap();
    let found = found.as_object().unwrap();
    let files: Vec<_> = zip.plan().members().filter(|member| member.kind == Kind::File).collect();
    assert_eq!(found.len(), files.len());
    for member in files {
        assert_eq!(found[member.name], member.content.to_string(), "{}", member.name);
    }
    tool("unzip", &["-tq", path.to_str().unwrap()]);
    tool("bsdtar", &["-tf", path.to_str().unwrap()]);
    tool("7z", &["t", path.to_str().unwrap()]);
}
