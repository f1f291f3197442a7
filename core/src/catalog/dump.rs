//! A portable dump of every row, for backups and for moving a store to another driver.
//!
//! ```text
//! "holdall dump 1\n"
//! row*   table byte (not 0), length of the key, length of the value, key, value
//! end    0, number of rows, BLAKE3 [32] of everything before it
//! ```
//! Numbers are LEB128: 7 bits a byte, the lowest first, the top bit set on all but the last. What is
//! truncated, damaged or out of order is detected by its end. The rows of META come last and are loaded only
//! once the end was checked: a store without them is not a store, so half a load is never taken for one.

use std::io;

use crate::catalog::{row, table};
use crate::kv::{Commit, Kv, Read, Scan, Table, Write};
use crate::{Error, ErrorKind, Result};

const MAGIC: &[u8] = b"holdall dump 1\n";
/// Longest key and value in bytes: what every driver takes.
const MAX_KEY: u64 = 2_000;
const MAX_VALUE: u64 = 100_000;
/// How many bytes of rows a transaction of a load is made of, and one row more at most.
const BATCH: usize = 512 << 10;
/// What a row costs a transaction beside its bytes.
const ROW: usize = 32;

/// Is given a row: its table, its key and its value.
pub(crate) type VisitDump<'a> = dyn FnMut(Table, &[u8], &[u8]) -> Result<()> + 'a;

/// Visits every row, in the order of a dump, and returns how many there are.
pub(crate) fn dump(tx: &impl Read, visit: &mut VisitDump<'_>) -> Result<u64> {
    let mut count = 0_u64;
    let others = table::ALL.iter().filter(|table| **table != table::META);
    for table in others.chain([&table::META]) {
        tx.scan(*table, row::ALL, false, &mut |key, value| {
            count = count.saturating_add(1);
            visit(*table, key, value)?;
            Ok(Scan::Next)
        })?;
    }
    Ok(count)
}

/// Writes a dump, in many small pieces (give it a buffer), and returns how many rows it holds.
///
/// # Errors
/// `Io` when `out` refuses a write.
pub(crate) fn write(tx: &impl Read, out: &mut dyn io::Write) -> Result<u64> {
    let mut hash = blake3::Hasher::new();
    let mut put = |bytes: &[u8]| {
        hash.update(bytes);
        out.write_all(bytes).map_err(|cause| Error::io("writing a dump", cause))
    };
    put(MAGIC)?;
    let mut head = Vec::new();
    let count = dump(tx, &mut |table, key, value| {
        head.clear();
        head.push(table.byte);
        put_number(&mut head, u64::try_from(key.len()).unwrap_or(u64::MAX));
        put_number(&mut head, u64::try_from(value.len()).unwrap_or(u64::MAX));
        put(&head)?;
        put(key)?;
        put(value)
    })?;
    let mut end = vec![0];
    put_number(&mut end, count);
    put(&end)?;
    let hash = hash.finalize();
    out.write_all(hash.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|cause| Error::io("writing a dump", cause))?;
    Ok(count)
}

/// Reads a dump, visits its rows as they come and returns how many they were. Only when it returns
/// is it known that they are what was written. Bytes after the end are not read.
///
/// # Errors
/// `Corrupt` when the dump is cut short or damaged, `Unsupported` when it holds a table that this
/// build does not know, `Io` when `input` refuses a read.
pub(crate) fn read(input: &mut dyn io::Read, visit: &mut VisitDump<'_>) -> Result<u64> {
    let mut source = DumpSource { input, hash: blake3::Hasher::new() };
    let mut magic = [0; MAGIC.len()];
    source.fill(&mut magic)?;
    if magic != MAGIC {
        return Err(Error::corrupt("this is not a dump of a store: it does not begin like one"));
    }
    let (mut key, mut value) = (Vec::new(), Vec::new());
    let mut count = 0_u64;
    loop {
        let byte = source.byte()?;
        if byte == 0 {
            break;
        }
        let Some(table) = table::ALL.iter().find(|table| table.byte == byte) else {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("a dump holds a table {byte} that this build does not know"),
            ));
        };
        key.resize(source.len(MAX_KEY, "key")?, 0);
        value.resize(source.len(MAX_VALUE, "value")?, 0);
        source.fill(&mut key)?;
        source.fill(&mut value)?;
        count = count.saturating_add(1);
        visit(*table, &key, &value)?;
    }
    let written = source.number()?;
    let hash = source.hash.finalize();
    let mut expected = [0; 32];
    source.fill(&mut expected)?;
    if written != count || hash != blake3::Hash::from_bytes(expected) {
        return Err(Error::corrupt("a dump is not what was written: its hash is another one"));
    }
    Ok(count)
}

/// Loads a dump into a store without rows, in transactions of bounded size, and returns how many
/// rows it held. What an error leaves behind is not a store and is to be thrown away.
///
/// # Errors
/// `Exists` when the store has rows, and those of [`read`].
pub(crate) fn load<K: Kv>(kv: &K, input: &mut dyn io::Read) -> Result<u64> {
    refuse_rows(&kv.reader()?)?;
    let (mut batch, mut last) = (Batch::default(), Batch::default());
    let count = read(input, &mut |table, key, value| {
        if table == table::META {
            last.push(table, key, value);
            if last.bytes > BATCH {
                return Err(Error::corrupt("a dump holds more of the store itself than fits a transaction"));
            }
            return Ok(());
        }
        batch.push(table, key, value);
        if batch.bytes >= BATCH { batch.commit(kv, Commit::Unsynced) } else { Ok(()) }
    })?;
    batch.commit(kv, Commit::Unsynced)?;
    last.commit(kv, Commit::Synced)?;
    Ok(count)
}

fn refuse_rows(tx: &impl Read) -> Result<()> {
    for table in table::ALL {
        tx.scan(*table, row::ALL, false, &mut |_, _| {
            Err(Error::new(ErrorKind::Exists, "a dump is loaded into an empty store only; this one has rows"))
        })?;
    }
    Ok(())
}

/// Rows that are committed together.
#[derive(Default)]
struct Batch {
    rows: Vec<(Table, Vec<u8>, Vec<u8>)>,
    bytes: usize,
}

impl Batch {
    fn push(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.bytes = self.bytes.saturating_add(ROW).saturating_add(key.len()).saturating_add(value.len());
        self.rows.push((table, key.to_vec(), value.to_vec()));
    }

    fn commit<K: Kv>(&mut self, kv: &K, how: Commit) -> Result<()> {
        let mut writer = kv.writer()?;
        for (table, key, value) in self.rows.drain(..) {
            writer.put(table, &key, &value)?;
        }
        self.bytes = 0;
        kv.commit(writer, how)
    }
}

/// Bytes of a dump, hashed as they are read.
struct DumpSource<'a> {
    input: &'a mut dyn io::Read,
    hash: blake3::Hasher,
}

impl DumpSource<'_> {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.input.read_exact(bytes).map_err(|cause| match cause.kind() {
            io::ErrorKind::UnexpectedEof => Error::corrupt("a dump is cut short"),
            _ => Error::io("reading a dump", cause),
        })?;
        self.hash.update(bytes);
        Ok(())
    }

    fn byte(&mut self) -> Result<u8> {
        let mut byte = [0];
        self.fill(&mut byte)?;
        let [byte] = byte;
        Ok(byte)
    }

    fn number(&mut self) -> Result<u64> {
        let mut number = 0_u64;
        for group in 0..10 {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            let placed = bits << (7 * group);
            if placed >> (7 * group) != bits {
                break;
            }
            number |= placed;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Error::corrupt("a dump holds a number over 64 bits"))
    }

    fn len(&mut self, max: u64, noun: &str) -> Result<usize> {
        let len = self.number()?;
        match usize::try_from(len) {
            Ok(fits) if len <= max => Ok(fits),
            _ => Err(Error::corrupt(format!("a dump holds a {noun} of {len} bytes; {max} is the most"))),
        }
    }
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(0x80 | u8::try_from(number & 0x7f).unwrap_or(0));
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap_or(0));
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;
    use crate::catalog::suite_public::rows;
    use crate::kv::memory::{MemoryKv, MemoryReader, MemoryWriter};

    fn filled(rows: &[(Table, &[u8], &[u8])]) -> MemoryKv {
        let kv = MemoryKv::default();
        let mut writer = kv.writer().unwrap();
        for (table, key, value) in rows {
            writer.put(*table, key, value).unwrap();
        }
        kv.commit(writer, Commit::Synced).unwrap();
        kv
    }

    fn dumped(kv: &MemoryKv) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&kv.reader().unwrap(), &mut bytes).unwrap();
        bytes
    }

    fn small() -> Vec<u8> {
        dumped(&filled(&[
            (table::META, b"uuid", &[1; 16]),
            (table::DRIVE, b"", b""),
            (table::DRIVE, b"a", &[2; 130]),
            (table::USE, &[9; 16], b"x"),
        ]))
    }

    fn check(mut bytes: &[u8]) -> Result<u64> {
        read(&mut bytes, &mut |_, _, _| Ok(()))
    }

    /// The dump of an empty store, byte by byte: the format as it is for ever.
    #[test]
    fn the_format_is_fixed() {
        let kv = filled(&[(table::DRIVE, b"key", b"value"), (table::META, b"m", &[3; 200])]);
        let mut expected = b"holdall dump 1\n\x02\x03\x05keyvalue\x01\x01\xc8\x01m".to_vec();
        expected.extend([3; 200]);
        expected.extend([0, 2]);
        let hash = blake3::hash(&expected);
        expected.extend(hash.as_bytes());
        assert_eq!(dumped(&kv), expected);
    }

    #[test]
    fn s8_a_dump_cut_anywhere_is_corrupt_and_leaves_no_store() {
        let whole = small();
        assert_eq!(check(&whole).unwrap(), 4);
        for len in 0..whole.len() {
            assert_eq!(check(&whole[..len]).unwrap_err().kind(), ErrorKind::Corrupt, "at {len}");
            let kv = MemoryKv::default();
            assert!(load(&kv, &mut &whole[..len]).is_err());
            assert!(rows(&kv.reader().unwrap()).iter().all(|(table, ..)| *table != table::META.byte));
        }
    }

    #[test]
    fn s8_a_flipped_bit_anywhere_is_noticed() {
        let whole = small();
        for position in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[position / 8] ^= 1 << (position % 8);
            let kind = check(&damaged).unwrap_err().kind();
            assert!(matches!(kind, ErrorKind::Corrupt | ErrorKind::Unsupported), "bit {position}");
        }
    }

    /// The fault planted: a reader that stops at the end mark, and so trusts what it has read.
    #[test]
    fn control_without_the_hash_damage_goes_unnoticed() {
        let mut damaged = small();
        let position = damaged.iter().position(|byte| *byte == 2).unwrap() + 20;
        damaged[position] ^= 1;
        let mut source = DumpSource { input: &mut &damaged[MAGIC.len()..], hash: blake3::Hasher::new() };
        let mut count = 0;
        while source.byte().unwrap() != 0 {
            let len = source.len(MAX_KEY, "key").unwrap() + source.len(MAX_VALUE, "value").unwrap();
            source.fill(&mut vec![0; len]).unwrap();
            count += 1;
        }
        assert_eq!(count, 4);
        assert_eq!(check(&damaged).unwrap_err().kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn what_claims_to_be_huge_is_refused_before_it_is_read() {
        for tail in
            [&b"\x02\xd1\x0f"[..], b"\x02\x01\xa1\x8d\x06", b"\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"]
        {
            let bytes = [MAGIC, tail].concat();
            let message = check(&bytes).unwrap_err().to_string();
            assert!(message.contains("is the most"), "{message}");
        }
        let bytes = [MAGIC, b"\x02", &[0xff; 10]].concat();
        assert!(check(&bytes).unwrap_err().to_string().contains("over 64 bits"));
        assert_eq!(check(&[MAGIC, b"\xfe"].concat()).unwrap_err().kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn a_wrong_number_of_rows_is_corrupt_even_under_a_right_hash() {
        for (count, is_right) in [(0, true), (1, false)] {
            let mut bytes = [MAGIC, &[0, count]].concat();
            let hash = blake3::hash(&bytes);
            bytes.extend(hash.as_bytes());
            assert_eq!(check(&bytes).is_ok(), is_right);
        }
    }

    #[test]
    fn numbers_read_back() {
        for number in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut bytes = Vec::new();
            put_number(&mut bytes, number);
            let mut source = DumpSource { input: &mut bytes.as_slice(), hash: blake3::Hasher::new() };
            assert_eq!(source.number().unwrap(), number);
        }
    }

    /// A driver that notes how large each commit is.
    #[derive(Default)]
    struct Measured {
        kv: MemoryKv,
        sizes: Mutex<Vec<usize>>,
    }

    fn size(tx: &impl Read) -> usize {
        rows(tx).iter().map(|(_, key, value)| key.len() + value.len()).sum()
    }

    impl Kv for Measured {
        type Reader = MemoryReader;
        type Writer = MemoryWriter;

        fn reader(&self) -> Result<MemoryReader> {
            self.kv.reader()
        }

        fn writer(&self) -> Result<MemoryWriter> {
            self.kv.writer()
        }

        fn commit(&self, writer: MemoryWriter, how: Commit) -> Result<()> {
            let grown = size(&writer) - size(&self.kv.reader()?);
            self.sizes.lock().unwrap().push(grown);
            self.kv.commit(writer, how)
        }
    }

    #[test]
    fn a_load_is_made_of_bounded_transactions() {
        let value = vec![5; 99_000];
        let keys: Vec<_> = (0..50_u8).map(|key| [key]).collect();
        let many: Vec<_> = keys.iter().map(|key| (table::BLOB, key.as_slice(), value.as_slice())).collect();
        let bytes = dumped(&filled(&many));
        let kv = Measured::default();
        assert_eq!(load(&kv, &mut bytes.as_slice()).unwrap(), 50);
        let sizes = kv.sizes.lock().unwrap();
        assert!(sizes.len() >= 8 && sizes.iter().all(|size| *size < 1_000_000), "{sizes:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_store_reads_back(
            content in proptest::collection::vec(
                (0..table::ALL.len(), proptest::collection::vec(any::<u8>(), 0..40),
                 proptest::collection::vec(any::<u8>(), 0..300)),
                0..60,
            )
        ) {
            let content: Vec<_> =
                content.iter().map(|(at, key, value)| (table::ALL[*at], key.as_slice(), value.as_slice())).collect();
            let kv = filled(&content);
            let bytes = dumped(&kv);
            let copy = MemoryKv::default();
            let count = load(&copy, &mut bytes.as_slice()).unwrap();
            prop_assert_eq!(count, u64::try_from(rows(&kv.reader().unwrap()).len()).unwrap());
            prop_assert!(rows(&copy.reader().unwrap()) == rows(&kv.reader().unwrap()));
        }
    }
}
