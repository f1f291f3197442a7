//! What the header generator leaves to be done: the remark on a constant or a field goes behind it, a
//! pointer and its length share a line, short functions stand together, and paragraphs and declarations
//! are broken at a width, so that the header can be read.

/// Columns of a line.
const WIDTH: usize = 120;

/// What the remark on a field begins with that goes with the one before: a length, a count, a context.
const JOINED: [&str; 3] = ["Its length", "How many there are", "Handed to it"];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// A constant.
    Constant,
    /// A type that is never defined.
    Opaque,
    /// A function.
    Function,
    Other,
}

impl Kind {
    fn of(line: &str) -> Kind {
        if line.starts_with("#define HOLDALL_") && !line.contains("(literal)") {
            return Kind::Constant;
        }
        match line.strip_prefix("typedef struct ") {
            Some(rest) if rest.ends_with(';') => Kind::Opaque,
            None if line.ends_with(");") && !line.contains("(*") => Kind::Function,
            _ => Kind::Other,
        }
    }
}

/// Tidies the header behind its leading comment.
pub fn tidy(header: &str) -> String {
    let at = header.find("*/\n").map_or(0, |at| at + 3);
    let (manual, rest) = header.split_at(at);
    let mut tidied = manual.to_owned();
    let mut remark: Vec<&str> = Vec::new();
    let mut before = Kind::Other;
    let mut lines = rest.lines().peekable();
    while let Some(line) = lines.next() {
        let text = line.trim_start();
        if let Some(said) = text.strip_prefix("// ") {
            remark.push(said);
            continue;
        }
        let kind = Kind::of(line);
        let indent = &line[..line.len() - text.len()];
        let next = lines.clone().find(|next| !next.starts_with("//")).unwrap_or_default();
        if line.is_empty() && matches!(before, Kind::Constant | Kind::Opaque) && Kind::of(next) == before {
            // Constants stand together, and so do the types of handles.
            continue;
        }
        if line.is_empty() && tidied.ends_with("\n\n") {
            continue;
        }
        let field = !indent.is_empty() && text.ends_with(';');
        if field && remark.first().is_some_and(|said| JOINED.iter().any(|one| said.starts_with(one))) {
            join(&mut tidied, text);
            remark.clear();
            continue;
        }
        let said = std::mem::take(&mut remark);
        let joined = said.join(" ");
        let behind = format!("{line} // {}", joined.trim_end_matches('.'));
        if (field || kind != Kind::Other || line == "typedef struct {")
            && !joined.is_empty()
            && behind.len() <= WIDTH
        {
            tidied += &behind;
            tidied.push('\n');
        } else {
            fill(&mut tidied, &paragraphs(&said), &format!("{indent}// "));
            declare(&mut tidied, line);
        }
        before = kind;
    }
    gather(&tidied)
}

/// Puts the length of a text or of an array, or the context of a callback, on the line of its pointer, before the remark.
fn join(to: &mut String, length: &str) {
    let at = to.trim_end().rfind('\n').map_or(0, |at| at + 1);
    let pointer = to.split_off(at);
    let (field, remark) = pointer.split_once(';').unwrap_or((&pointer, ""));
    let joined = format!("{field}; {length}{}", remark.trim_end());
    if joined.len() <= WIDTH {
        *to += &joined;
    } else {
        *to += &format!("   {}\n{field}; {length}", remark.trim_end());
    }
    to.push('\n');
}

/// Takes out the empty lines between functions of one line each.
fn gather(tidied: &str) -> String {
    let short = |line: &&str| line.contains("); // ") && !line.starts_with([' ', '/', '#']);
    let lines: Vec<&str> = tidied.lines().collect();
    let mut gathered = String::new();
    for (at, line) in lines.iter().enumerate() {
        let between = line.is_empty()
            && at.checked_sub(1).and_then(|at| lines.get(at)).is_some_and(short)
            && lines.get(at + 1).is_some_and(short);
        if !between {
            gathered += line;
            gathered.push('\n');
        }
    }
    gathered
}

/// Joins the lines of a remark; the codes are a paragraph of their own.
fn paragraphs(lines: &[&str]) -> Vec<String> {
    let mut made: Vec<String> = Vec::new();
    for line in lines {
        match made.last_mut() {
            Some(last) if !line.starts_with("Codes: ") => {
                last.push(' ');
                last.push_str(line);
            }
            _ => made.push((*line).to_owned()),
        }
    }
    made
}

/// Fills lines with paragraphs. One that has room behind the one before stands there.
fn fill(to: &mut String, paragraphs: &[String], prefix: &str) {
    let mut column = 0;
    for text in paragraphs {
        let fits = column + 1 + text.len() <= WIDTH;
        for (at, word) in text.split(' ').enumerate() {
            if column > 0 && column + 1 + word.len() <= WIDTH && (at > 0 || fits) {
                to.push(' ');
                column += 1;
            } else {
                if column > 0 {
                    to.push('\n');
                }
                to.push_str(prefix);
                column = prefix.len();
            }
            to.push_str(word);
            column += word.len();
        }
    }
    if column > 0 {
        to.push('\n');
    }
}

/// Breaks a declaration between its arguments.
fn declare(to: &mut String, line: &str) {
    let mut column = 0;
    for (at, piece) in line.split_inclusive(", ").enumerate() {
        if at > 0 && column + piece.trim_end().len() > WIDTH && line.ends_with(");") {
            to.truncate(to.trim_end().len());
            to.push_str("\n    ");
            column = 4;
        }
        to.push_str(piece);
        column += piece.len();
    }
    to.push('\n');
}
