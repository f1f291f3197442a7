//! The header for those who read C without a preprocessor, as PHP's FFI, koffi and cffi do: the same
//! declarations, one a line, with constants as an enum and without remarks.

use std::fmt::Write;
use std::process::Command;

use crate::build::{root, run};
use crate::header::committed;

/// Makes it from the header.
fn plain(header: &str) -> String {
    let (_, declarations) = header.split_once("*/\n").unwrap();
    let mut code = String::new();
    let mut constants = String::new();
    let mut lines = declarations.lines().peekable();
    while let Some(line) = lines.next() {
        let line = line.split("//").next().unwrap().trim();
        if let Some(constant) = line.strip_prefix("#define HOLDALL_") {
            // What takes a preprocessor or a compiler to compute is left out: the guard, a macro, a sum.
            if let Some((name, value)) =
                constant.split_once(' ').filter(|(_, value)| value.parse::<i64>().is_ok())
            {
                writeln!(constants, "    HOLDALL_{name} = {value},").unwrap();
            }
        } else if line == "#ifdef __cplusplus" {
            lines.find(|line| line.starts_with("#endif"));
        } else if !line.starts_with('#') && !line.starts_with("/*") && !line.is_empty() {
            code += line;
            code.push(if line.ends_with(',') { ' ' } else { '\n' });
        }
    }
    format!("enum {{\n{constants}}};\n{code}")
}

#[test]
fn the_plain_header_is_what_the_header_says() {
    let made = plain(&committed("holdall.h"));
    if std::env::var_os("HOLDALL_BLESS").is_some() {
        std::fs::write(root().join("include/holdall-plain.h"), &made).unwrap();
    }
    assert!(
        made == committed("holdall-plain.h"),
        "include/holdall-plain.h is old; run this with HOLDALL_BLESS=1"
    );
    assert!(!made.contains(['#', '"']) && !made.contains("/*") && !made.contains("//"));
}

/// Whatever reads it finds the same sizes, offsets and values, and the same functions.
#[test]
fn the_plain_header_declares_what_the_header_does() {
    let dir = tempfile::tempdir().unwrap();
    let text = committed("holdall-plain.h");
    let constants = text.lines().filter_map(|line| line.trim().strip_suffix(',')?.split_once(" = "));
    let constants: Vec<&str> = constants.map(|(name, _)| name).collect();
    let structs: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("} ")?.strip_suffix(';')).collect();
    let functions: Vec<&str> = text
        .lines()
        .filter(|line| line.ends_with(");") && !line.starts_with("typedef"))
        .filter_map(|line| line.split_once('(')?.0.split([' ', '*']).next_back())
        .collect();
    assert!(constants.len() > 50 && structs.len() > 20 && functions.len() > 100);
    let mut body = String::new();
    for name in constants {
        writeln!(body, "    printf(\"{name} %lld\\n\", (long long){name});").unwrap();
    }
    for name in structs {
        writeln!(body, "    printf(\"{name} %zu\\n\", sizeof({name}));").unwrap();
    }
    for name in functions {
        writeln!(body, "    used = sizeof(&{name});").unwrap();
    }
    let answer = ["holdall.h", "holdall-plain.h"].map(|name| {
        let (source, program) = (dir.path().join("a.c"), dir.path().join("a"));
        let includes = "#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n";
        let main = format!("int main(void) {{\n    size_t used;\n{body}    return used == 0;\n}}\n");
        std::fs::write(&source, format!("{includes}#include <{name}>\n{main}")).unwrap();
        let mut cc = Command::new("cc");
        cc.args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"])
            .arg(&source)
            .arg("-o")
            .arg(&program);
        run(cc.arg(format!("-I{}", root().join("include").display())));
        String::from_utf8(run(&mut Command::new(program)).stdout).unwrap()
    });
    assert_eq!(answer[0], answer[1]);
    assert!(answer[0].contains("HOLDALL_GONE 15\n"), "{}", answer[0]);
}
