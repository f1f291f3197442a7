//! The tables are made once, whoever comes first, and those of a later version are left alone.

use std::thread;

use super::super::connect::Use;
use super::super::failure::Failure;
use super::server::{address, pooled, shared};
use super::{COUNTERS, PostgresOptions, ROWS, fresh, get, open};
use crate::ErrorKind;
use crate::catalog::prefetch::{self, ServedRows};
use crate::id::FileId;
use crate::kv::postgres::PostgresKv;
use crate::kv::{Commit, Kv, Read, Write};

#[test]
fn many_that_open_at_once_make_the_tables_once() {
    for port in [shared().port, pooled().port] {
        let address = address(port);
        thread::scope(|scope| {
            for number in 0..12_u8 {
                let address = &address;
                scope.spawn(move || {
                    let kv = open(address);
                    kv.write(Commit::Synced, |writer| writer.put(ROWS, &[number], b"")).unwrap();
                });
            }
        });
        let reader = open(&address).reader().unwrap();
        assert!((0..12_u8).all(|number| get(&reader, &[number]).is_some()));
    }
}

/// Executes a statement on the server, and returns the first number that it has in return.
pub(super) fn execute(kv: &PostgresKv, statement: String) -> i64 {
    let database = kv.database.clone();
    let number = kv.database.run(async move {
        let connection = database.client(Use::Writing).await.map_err(Failure::into_error)?;
        let rows = connection.query_typed(&statement, &[]).await.unwrap();
        Ok(rows.first().map_or(0, |row| row.get(0)))
    });
    number.unwrap()
}

/// A user who may make no functions sends the statements as they are.
#[test]
fn functions_are_made_once_and_statements_work_without_them() {
    let address = address(shared().port);
    let (_, schema) = address.split_once("schema=").unwrap();
    let options = || PostgresOptions { counters: Some(&[COUNTERS]), links: &prefetch::LINKS, ..fresh() };
    let kv = PostgresKv::open(&address, options()).unwrap();
    let count = format!(
        "SELECT count(*) FROM pg_proc WHERE pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = '{schema}')"
    );
    assert_eq!(execute(&kv, count.clone()), 1 + i64::try_from(prefetch::LINKS.len()).unwrap());
    let put = |kv: &PostgresKv, key: &[u8]| {
        kv.write(Commit::Synced, |writer| {
            assert_eq!(writer.get(ROWS, key, |_| Ok(()))?, None);
            writer.put(ROWS, key, b"value")?;
            writer.add(COUNTERS, b"n", 1)
        })
    };
    put(&kv, b"by a function").unwrap();
    let reads = PostgresKv::open(&address, options()).unwrap();
    let functions = format!(
        "SELECT string_agg(oid::regprocedure::text, ', ') FROM pg_proc WHERE pronamespace = '{schema}'::regnamespace"
    );
    let of = format!("\"{schema}\"");
    execute(
        &kv,
        format!(
            "DO $$ BEGIN EXECUTE 'DROP FUNCTION ' || ({}); END $$",
            functions.replace(&format!("'{schema}'"), &format!("'{of}'"))
        ),
    );
    // Who had them goes on, as where a database is restored that had none.
    put(&kv, b"after the functions").unwrap();
    let rows = || prefetch::served(ServedRows::File(FileId(7)));
    reads.reader().unwrap().prefetch(rows).unwrap();
    for statement in [
        format!("CREATE ROLE \"{schema}\" LOGIN"),
        format!("GRANT USAGE ON SCHEMA {of} TO {of}"),
        format!("GRANT ALL ON ALL TABLES IN SCHEMA {of} TO {of}"),
    ] {
        execute(&kv, statement);
    }
    let guest = PostgresKv::open(&address.replace("holdall@", &format!("{schema}@")), options()).unwrap();
    put(&guest, b"by a statement").unwrap();
    assert_eq!(execute(&guest, count.clone()), 0);
    // The next one who may makes them again.
    let again = PostgresKv::open(&address, options()).unwrap();
    put(&again, b"by a function again").unwrap();
    assert_ne!(execute(&again, count), 0);
    let reader = open(&address).reader().unwrap();
    let keys: [&[u8]; 4] =
        [b"by a function", b"after the functions", b"by a statement", b"by a function again"];
    assert!(keys.iter().all(|key| get(&reader, key).is_some()));
    assert_eq!(super::count(&reader, b"n"), 4);
}

#[test]
fn tables_of_a_later_version_are_refused() {
    let address = address(shared().port);
    let kv = open(&address);
    let (_, schema) = address.split_once("schema=").unwrap();
    let later = format!("INSERT INTO \"{schema}\".migration (version) VALUES (1000)");
    let database = kv.database.clone();
    let made = kv.database.run(async move {
        let connection = database.client(Use::Writing).await.map_err(Failure::into_error)?;
        connection.batch_execute(&later).await.unwrap();
        Ok(())
    });
    made.unwrap();
    let refused = PostgresKv::open(&address, fresh()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert!(refused.to_string().contains("1000"), "{refused}");
}

#[test]
fn a_schema_of_any_name_is_a_store_of_its_own() {
    let plain = address(shared().port);
    let odd = plain.replace("schema=", "schema=%22odd%3B%20%27name%27%22-");
    for (address, value) in [(&plain, b"1"), (&odd, b"2")] {
        open(address).write(Commit::Synced, |writer| writer.put(ROWS, b"key", value)).unwrap();
    }
    for (address, value) in [(&plain, b"1"), (&odd, b"2")] {
        assert_eq!(get(&open(address).reader().unwrap(), b"key").unwrap(), value);
    }
}
