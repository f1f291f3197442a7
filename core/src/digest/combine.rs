//! The checksum of a concatenation from the checksums of its parts.
//!
//! A CRC is a remainder of polynomials over GF(2), so appending `n` bytes multiplies what came
//! before by x^(8n). The all-ones values before and after cancel out (Adler, zlib `crc32_combine`).

/// The polynomial of CRC-64/XZ (ECMA-182), reflected: the highest bit is x^0.
const POLYNOMIAL: u64 = 0xc96c_5795_d787_0f42;

/// x^(8 * 2^k) modulo the polynomial, for each bit k of a length in bytes.
static POWERS: [u64; 64] = powers();

/// Returns the CRC-64/XZ of `A` followed by `B`, from `a` of `A`, `b` of `B` and the length of
/// `B` in bytes. Costs a few microseconds at most, whatever the length.
///
/// # Example
/// ```
/// use holdall::digest::{Digest, crc64_combine};
///
/// let (hello, world) = (Digest::of(b"hello "), Digest::of(b"world"));
/// assert_eq!(crc64_combine(hello.crc64, world.crc64, world.len), 5981764153023615706);
/// ```
pub fn crc64_combine(a: u64, b: u64, len_b: u64) -> u64 {
    let bits = POWERS.iter().enumerate().filter(|(bit, _)| len_b >> bit & 1 == 1);
    bits.fold(a, |product, (_, power)| multiply(product, *power)) ^ b
}

/// Returns the CRC-32 of `A` followed by `B`, from `a` of `A`, `b` of `B` and the length of `B`
/// in bytes. `b` is 0 where `B` is empty.
///
/// # Example
/// ```
/// use holdall::digest::{Digest, crc32_combine};
///
/// let (hello, world) = (Digest::of(b"hello "), Digest::of(b"world"));
/// assert_eq!(crc32_combine(hello.crc32, world.crc32, world.len), 0x0d4a1185);
/// ```
pub fn crc32_combine(a: u32, b: u32, len_b: u64) -> u32 {
    let mut whole = crc32fast::Hasher::new_with_initial(a);
    whole.combine(&crc32fast::Hasher::new_with_initial_len(b, len_b));
    whole.finalize()
}

/// Multiplies two remainders, term by term of `a` from x^0 up.
const fn multiply(a: u64, b: u64) -> u64 {
    let (mut terms, mut shifted, mut product) = (a, b, 0);
    while terms != 0 {
        product ^= shifted & (terms >> 63).wrapping_neg();
        shifted = (shifted >> 1) ^ (POLYNOMIAL & (shifted & 1).wrapping_neg());
        terms <<= 1;
    }
    product
}

const fn powers() -> [u64; 64] {
    let mut table = [0; 64];
    let mut unset: &mut [u64] = &mut table;
    let mut power = 1 << (63 - 8);
    while let Some((first, rest)) = unset.split_first_mut() {
        *first = power;
        power = multiply(power, power);
        unset = rest;
    }
    table
}
