//! The tables are made once, whoever comes first, and those of a later version are left alone.

use std::thread;

use super::super::connect::Use;
use super::super::failure::Failure;
use super::server::{address, pooled, shared};
use super::{ROWS, fresh, get, open};
use crate::ErrorKind;
use crate::kv::postgres::PostgresKv;
use crate::kv::{Commit, Kv, Write};

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
