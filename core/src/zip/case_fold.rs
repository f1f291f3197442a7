//! Case folding: when would two names be one file on a file system that ignores case?

use unicode_normalization::UnicodeNormalization;

/// Appends to `out` the text that all names share that a case-insensitive file system may take for
/// `name`.
///
/// The key is canonically decomposed, without default-ignorable code points, and lower case of
/// upper case of lower case, flat and without a locale. That merges everything that Unicode's full
/// case folding merges (sharp s is `ss`, final sigma is sigma), and so covers ext4's case-folding
/// folders, APFS, HFS+ and the simpler one-to-one table of NTFS. It merges slightly more, such as
/// dotless i with i, which costs a needless suffix and no data.
pub(super) fn fold(name: &str, out: &mut String) {
    if name.is_ascii() {
        let start = out.len();
        out.push_str(name);
        if let Some(added) = out.get_mut(start..) {
            added.make_ascii_lowercase();
        }
        return;
    }
    let folded = name
        .nfd()
        .filter(|c| !is_ignorable(*c))
        .flat_map(char::to_lowercase)
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase);
    out.extend(folded.nfd());
}

/// Returns whether `c` is of Unicode's property Default_Ignorable_Code_Point: ext4 and HFS+ compare
/// names as though it were not there.
fn is_ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{AD}'
            | '\u{34F}'
            | '\u{61C}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFF8}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}
