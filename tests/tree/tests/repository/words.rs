//! Sources, pages and messages use the field's terms: the words that `docs/style.md` replaces are gone.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::{files, read};

/// Where a word is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// In no text at all, not as a part of a name either.
    Everywhere,
    /// Not in sources and pages; comments of tests may.
    Product,
    /// Not as the name of a value in Rust, but in tests; a function may be called so.
    Values,
    /// Not as the name of a type in Rust.
    Types,
}

/// A word or phrase that is not used, and what is.
#[derive(Clone, Debug)]
struct Word {
    text: String,
    instead: String,
    reach: Reach,
}

/// The files that show words in order to replace them, or that list what was called by them once.
const LISTS: [&str; 3] = ["CHANGELOG.md", "docs/style.md", "tests/tree/tests/repository/words.rs"];
/// The kinds of files that are read.
const KINDS: [&str; 14] =
    ["rs", "py", "pyi", "c", "cc", "cpp", "h", "hpp", "in", "md", "mjs", "sh", "toml", "yml"];

/// Names that stay: of a site in examples, and of tables, which are on disk.
const NAMES: [&str; 3] = ["shop.example", "doomed-blob-1", "doomed-file-1"];

/// The table of words in `docs/style.md`.
fn words(page: &str) -> Vec<Word> {
    let table = page.split("<!-- words: begin -->").nth(1).unwrap();
    let table = table.split("<!-- words: end -->").next().unwrap();
    let mut found = Vec::new();
    for row in table.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [not, instead, reach] = cells[..] else { panic!("{row}") };
        let reach = match reach {
            "everywhere" => Reach::Everywhere,
            "sources, pages" => Reach::Product,
            "names of values" => Reach::Values,
            "names of types" => Reach::Types,
            other => panic!("{other:?} in {row}"),
        };
        for text in not.split(", ") {
            found.push(Word { text: text.to_owned(), instead: instead.to_owned(), reach });
        }
    }
    found
}

/// The words of a text in lower case, names taken apart, with a space around each.
fn spaced(line: &str) -> String {
    let mut out = String::from(" ");
    let mut before = ' ';
    for letter in line.chars() {
        match letter {
            _ if !letter.is_ascii_alphabetic() => out.push(' '),
            'A'..='Z' if before.is_ascii_lowercase() => out.extend([' ', letter.to_ascii_lowercase()]),
            _ => out.push(letter.to_ascii_lowercase()),
        }
        before = letter;
    }
    out.push(' ');
    out.split_whitespace().fold(" ".to_owned(), |text, word| text + word + " ")
}

/// Whether a path is of tests or of measurements.
fn is_test(path: &str) -> bool {
    let part = |part: &str| ["tests", "benches", "findings"].contains(&part) || part.starts_with("suite");
    path.split(['/', '.']).any(part)
}

/// Notes the names of types and values in Rust that are words of the list.
fn names(tokens: TokenStream, words: &[Word], found: &mut Vec<String>) {
    let mut tokens = tokens.into_iter().peekable();
    let mut before = String::new();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) => names(group.stream(), words, found),
            TokenTree::Ident(name) => {
                let name = name.to_string();
                let called = matches!(tokens.peek(), Some(TokenTree::Group(next)) if next.delimiter() == Delimiter::Parenthesis);
                let is_type = ["struct", "enum", "trait", "type", "union"].contains(&before.as_str());
                for word in words.iter().filter(|word| word.text == name) {
                    if (word.reach == Reach::Types && is_type) || (word.reach == Reach::Values && !called) {
                        found.push(format!("{name}: say {}", word.instead));
                    }
                }
                before = name;
                continue;
            }
            _ => (),
        }
        before.clear();
    }
}

/// The words of the list that a file uses.
fn used(path: &str, text: &str, words: &[Word]) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = spaced(&NAMES.iter().fold(line.to_owned(), |line, name| line.replace(name, "")));
        for word in words {
            let reached = match word.reach {
                Reach::Everywhere => true,
                Reach::Product => !is_test(path),
                Reach::Values | Reach::Types => false,
            };
            if reached && line.contains(&format!(" {} ", word.text)) {
                found.push(format!("{path}:{}: {}: say {}", number + 1, word.text, word.instead));
            }
        }
    }
    if path.ends_with(".rs") && !is_test(path) {
        let mut in_code = Vec::new();
        names(text.parse().unwrap(), words, &mut in_code);
        found.extend(in_code.into_iter().map(|name| format!("{path}: {name}")));
    }
    found
}

#[test]
fn no_text_uses_a_word_that_was_replaced() {
    let words = words(&read("docs/style.md"));
    assert!(words.len() > 25, "{} words: the table moved", words.len());
    let (mut found, mut count) = (Vec::new(), 0);
    for file in files() {
        let kind = file.rsplit('.').next().unwrap();
        let data = file.contains("/fixtures/") || file.starts_with("fuzz/corpus/");
        if KINDS.contains(&kind) && !data && !LISTS.contains(&file.as_str()) {
            found.extend(used(&file, &read(&file), &words));
            count += 1;
        }
    }
    assert!(count > 650, "{count} files: the sources moved");
    assert!(found.is_empty(), "docs/style.md has the terms to use:\n{}", found.join("\n"));
}

#[test]
fn planted_words_are_found() {
    let words = words(
        "<!-- words: begin -->
| not | but | where |
|---|---|---|
| dice, doomed | a random generator, deleted | everywhere |
| is told of | gets | sources, pages |
| place | location | names of values |
| Moment | Snapshot | names of types |
<!-- words: end -->",
    );
    let find = |path: &str, text: &str| used(path, text, &words).len();
    for (path, text) in [
        ("a/b.md", "One throws the dice.\n"),
        ("core/src/table.rs", "const DOOMED_FILE: u8 = 1;"),
        ("core/tests/x/y.rs", "let my_dice = 1;"),
        ("core/src/a.rs", "/// Whoever is told of it.\nstruct A;"),
        ("core/src/a.rs", "fn f(place: u8) {}"),
        ("core/src/a.rs", "pub(crate) struct Moment;"),
    ] {
        assert_eq!(find(path, text), 1, "{path}: {text}");
    }
    for (path, text) in [
        ("core/tests/a.rs", "// Whoever is told of it."),
        ("core/src/a.rs", "/// In place of it.\nfn place() { it.place(1); let placement = Reply::Moment; }"),
        ("core/src/a.rs", "let redoomed = 1;"),
    ] {
        assert_eq!(find(path, text), 0, "{path}: {text}");
    }
}
