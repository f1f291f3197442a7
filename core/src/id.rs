//! Typed ids and their text form.
//!
//! The ids of drives, files, blobs and uploads are drawn from one sequence, so that a number never names
//! two things; they are short and can be guessed, and nothing rests on their secrecy. What is reached
//! without a login, shares, direct links and archives, has random ids of 64 bits. The text is a
//! letter for the type and the number in Crockford's base 32, lower case.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

fn write_text(f: &mut fmt::Formatter<'_>, letter: char, number: u64) -> fmt::Result {
    write!(f, "{letter}")?;
    let digits = (64 - number.leading_zeros()).div_ceil(5).max(1);
    for position in (0..digits).rev() {
        let digit = usize::try_from((number >> (5 * position)) & 31).unwrap_or(0);
        let byte = DIGITS.get(digit).copied().unwrap_or(b'0');
        write!(f, "{}", char::from(byte))?;
    }
    Ok(())
}

fn read_text(text: &str, letter: char) -> Option<u64> {
    let digits = text.strip_prefix(letter)?;
    let canonical = digits.len() == 1 || !digits.starts_with('0');
    if digits.is_empty() || digits.len() > 13 || !canonical {
        return None;
    }
    let mut number = 0_u64;
    for byte in digits.bytes() {
        let digit = DIGITS.iter().position(|known| *known == byte)?;
        number = number.checked_mul(32)?.checked_add(u64::try_from(digit).ok()?)?;
    }
    Some(number)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $letter:literal $noun:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u64);

        impl $name {
            /// Returns the id as a key: 8 bytes, big-endian, so that rows sort by number.
            pub const fn to_key(self) -> [u8; 8] {
                self.0.to_be_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_text(f, $letter, self.0)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                read_text(text, $letter).map($name).ok_or_else(|| {
                    Error::invalid(format!(
                        concat!("{:?} is not the id of a ", $noun, "; one looks like {}"),
                        text.chars().take(40).collect::<String>(),
                        $name(1234),
                    ))
                })
            }
        }
    )*};
}

ids! {
    /// Names a drive.
    DriveId 'd' "drive";
    /// Names a file or folder. Below 2^44, so that a version id holds it.
    FileId 'f' "file";
    /// Names a version: its file's id and its number in that file, in one integer.
    VersionId 'v' "version";
    /// Names a blob.
    BlobId 'b' "blob";
    /// Names a direct link; random.
    LinkId 'l' "link";
    /// Names a share; random.
    ShareId 's' "share";
    /// Names an archive; random.
    ArchiveId 'a' "archive";
    /// Names an upload in parts.
    UploadId 'u' "upload";
}

impl VersionId {
    /// How many bits of a version id hold the number within the file.
    pub const NUMBER_BITS: u32 = 20;
    /// The highest number a version can have: a file keeps at most so many versions in its life.
    pub const MAX_NUMBER: u32 = (1 << Self::NUMBER_BITS) - 1;

    /// Makes the id of version `number` (1 to [`VersionId::MAX_NUMBER`]) of `file`.
    pub const fn new(file: FileId, number: u32) -> VersionId {
        VersionId((file.0 << Self::NUMBER_BITS) | (number & Self::MAX_NUMBER) as u64)
    }

    /// Returns the file that the version belongs to.
    pub const fn file(self) -> FileId {
        FileId(self.0 >> Self::NUMBER_BITS)
    }

    /// Returns the number within the file: 1 is the first.
    #[allow(clippy::cast_possible_truncation)] // masked to 20 bits
    pub const fn number(self) -> u32 {
        (self.0 & Self::MAX_NUMBER as u64) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_short_and_reads_back() {
        for number in [0, 1, 31, 32, 1023, 1024, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let text = FileId(number).to_string();
            assert_eq!(text.parse::<FileId>().unwrap(), FileId(number), "{text}");
        }
        assert_eq!(FileId(1234).to_string(), "f16j");
    }

    #[test]
    fn one_number_has_one_text() {
        for text in
            ["", "f", "f01", "f00", "F1", "fI", "fi", "fu", "f 1", "v1", "fzzzzzzzzzzzzz", "fg000000000000"]
        {
            assert!(text.parse::<FileId>().is_err(), "{text:?}");
        }
        assert_eq!("ffzzzzzzzzzzzz".parse::<FileId>().unwrap(), FileId(u64::MAX));
    }

    #[test]
    fn a_version_id_holds_its_file_and_number() {
        let id = VersionId::new(FileId(77), 3);
        assert_eq!((id.file(), id.number()), (FileId(77), 3));
        let last = VersionId::new(FileId((1 << 44) - 1), VersionId::MAX_NUMBER);
        assert_eq!(last, VersionId(u64::MAX));
    }
}
