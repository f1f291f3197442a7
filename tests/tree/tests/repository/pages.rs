//! The pages of the documentation: the README's program runs, links lead somewhere, and what is made by
//! a script is what the script makes.

use std::path::Path;
use std::process::Command;

use super::{read, root};

mod readme {
    include!(concat!(env!("OUT_DIR"), "/readme.rs"));

    pub fn run() -> Result<(), holdall::Error> {
        main()
    }
}

/// Every page, by its path from the root.
fn pages() -> Vec<String> {
    let (mut found, mut dirs) = (Vec::new(), vec![root()]);
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let skipped =
                ["target", "node_modules", "venv", "site-packages", "build", "fuzz"].contains(&name);
            if path.is_dir() && !skipped && !name.starts_with('.') {
                dirs.push(path);
            } else if name.ends_with(".md") {
                found.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// The blocks of code of a page, each with its language.
fn blocks(text: &str) -> Vec<(&str, &str)> {
    let pieces: Vec<&str> = text.split("```").collect();
    pieces.chunks_exact(2).filter_map(|pair| pair[1].split_once('\n')).collect()
}

/// A page without its blocks and spans of code.
fn prose(text: &str) -> String {
    let outside = text.split("```").step_by(2).collect::<Vec<_>>().join("\n");
    outside.split('`').step_by(2).collect::<Vec<_>>().join("code")
}

#[test]
fn the_program_of_the_readme_is_the_example_and_runs() {
    let example = read("core/examples/quick_start.rs");
    let shown = example.split_once('\n').unwrap().1;
    for page in ["README.md", "core/README.md"] {
        let text = read(page);
        let rust: Vec<&str> =
            blocks(&text).into_iter().filter(|block| block.0 == "rust").map(|b| b.1).collect();
        assert_eq!(rust, [shown], "{page} shows core/examples/quick_start.rs");
    }
    let dir = tempfile::tempdir().unwrap();
    let before = std::env::current_dir().unwrap();
    std::env::set_current_dir(&dir).unwrap();
    let outcome = readme::run();
    std::env::set_current_dir(before).unwrap();
    outcome.unwrap();
    assert!(dir.path().join("files/STORE").exists());
}

#[test]
fn the_readme_is_short() {
    let readme = read("README.md");
    let words = readme.split("```").step_by(2).map(|text| text.split_whitespace().count()).sum::<usize>();
    assert!(words <= 900, "the README has {words} words: about 800 is the aim");
    for (language, block) in blocks(&readme) {
        assert!(block.lines().count() <= 18, "a block of {language} has more than 18 lines");
    }
}

/// The targets of the links of a page.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let behind = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    behind.map(str::to_owned).collect()
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

fn has_anchor(text: &str, wanted: &str) -> bool {
    let outside = text.split("```").step_by(2).collect::<Vec<_>>().join("\n");
    outside
        .lines()
        .filter(|line| line.starts_with('#'))
        .any(|line| anchor(line.trim_start_matches('#')) == wanted)
}

#[test]
fn links_of_pages_lead_to_files_and_headings() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = read(&page);
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').map_or((link.as_str(), None), |(f, a)| (f, Some(a)));
            let folder = Path::new(&page).parent().unwrap();
            let to = if file.is_empty() { root().join(&page) } else { root().join(folder).join(file) };
            let there = to.exists()
                && anchor.is_none_or(|anchor| {
                    std::fs::read_to_string(&to).is_ok_and(|text| has_anchor(&text, anchor))
                });
            if !there {
                broken.push(format!("{page}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

/// The files of this repository that the spans of code of a page name.
fn named(text: &str) -> Vec<String> {
    let outside = text.split("```").step_by(2).collect::<Vec<_>>().join("\n");
    let spans = outside.split('`').skip(1).step_by(2).filter(|span| !span.contains(char::is_whitespace));
    let is_file = |span: &&str| {
        let source = [".rs", ".py", ".json", ".toml", ".csv", ".md"].iter().any(|end| span.ends_with(end));
        let inside = ["core/", "tests/", "docs/", "cli/", "ffi/", "import/", "fuzz/"]
            .iter()
            .any(|dir| span.starts_with(dir));
        span.contains('/') && (source || inside) && !span.contains(['*', '<', '{', ':'])
    };
    spans.filter(is_file).map(str::to_owned).collect()
}

#[test]
fn files_that_pages_name_are_there() {
    let mut gone = Vec::new();
    for page in pages()
        .iter()
        .filter(|page| !page.contains("python/") && !page.contains("docs/api") && *page != "CHANGELOG.md")
    {
        for name in named(&read(page)) {
            let folder = root().join(page).parent().unwrap().to_owned();
            let places = [root(), root().join("core/src"), folder];
            if !places.iter().any(|place| place.join(&name).exists()) {
                gone.push(format!("{page}: {name}"));
            }
        }
    }
    assert!(gone.is_empty(), "files that are not there:\n{}", gone.join("\n"));
}

#[test]
fn a_broken_link_is_found() {
    let text = "# A b\n[x](gone.md) `[y](code)`\n```\n[z](code)\n```\n## C `d`?\n[e](#a-b)";
    assert_eq!(links(text), ["gone.md", "#a-b"]);
    assert_eq!(named("`a/b.rs` `core/x` `c.rs` `d e/f.rs` `tests/*.json`"), ["a/b.rs", "core/x"]);
    assert!(has_anchor(text, "a-b") && has_anchor(text, "c-d") && !has_anchor(text, "c"));
}

#[test]
fn the_plot_of_the_figures_is_what_its_script_draws() {
    let script = root().join("docs/figures/plot.py");
    let done = Command::new("python3").arg(script).arg("--check").status().expect("this test needs python3");
    assert!(done.success());
}

#[test]
fn the_page_of_the_import_explains_every_cause() {
    let (page, source) = (read("docs/import.md"), read("import/src/report.rs"));
    let lines =
        source.lines().skip_while(|line| !line.starts_with("causes! {")).take_while(|line| *line != "}");
    let codes: Vec<&str> =
        lines.filter(|line| line.starts_with("    ") && !line.starts_with("     ")).collect();
    let codes = codes.iter().map(|line| line.split('"').nth(1).unwrap()).chain(["renamed", "no-place"]);
    let codes: Vec<&str> = codes.collect();
    assert!(codes.len() > 15, "{codes:?}");
    let row =
        |code: &&str| page.lines().any(|line| line.starts_with('|') && line.contains(&format!("`{code}`")));
    let missing: Vec<&str> = codes.into_iter().filter(|code| !row(code)).collect();
    assert!(missing.is_empty(), "docs/import.md says nothing of {missing:?}");
}
