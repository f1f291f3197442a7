//! Several processes on one upload. Workers are this test binary again.

use super::*;

const ROLE: &str = "HOLDALL_PDS_WORKER";

/// Puts the parts that the environment says; without it, does nothing.
#[test]
fn worker() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let mut words = role.split(' ');
    let store = crate::opened::open(words.next().unwrap(), options()).unwrap();
    let api = Api::new(&store).prefix("/pds").unwrap();
    for word in words {
        let (number, url) = word.split_once('=').unwrap();
        let bytes = part(number.parse().unwrap());
        let reply = api.answer(&Caller::anonymous(), &Request::new("PUT", url), &bytes[..]).unwrap();
        assert_eq!(reply.status, 200, "{word}");
    }
}

fn part(number: usize) -> Vec<u8> {
    noise(if number.is_multiple_of(3) { 30 * KIB } else { 1000 + number }, number as u64)
}

#[test]
fn parts_of_one_upload_are_put_by_several_processes_at_once() {
    let world = World::new();
    let (processes, each) = (4, 6);
    let parts: Vec<Value> = (1..=processes * each).map(|number| json!({ "part_number": number })).collect();
    let made = world.create("big", json!({ "part_info_list": parts })).good();
    let mut workers = Vec::new();
    for process in 0..processes {
        let mut role = world.dir.path().join("store").to_str().unwrap().to_owned();
        for at in (0..each).map(|at| at * processes + process) {
            let url = made["part_info_list"][at]["upload_url"].as_str().unwrap();
            role.push_str(&format!(" {}={url}", at + 1));
        }
        let command = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "pds::processes::worker", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .stdout(std::process::Stdio::piped())
            .spawn();
        workers.push(command.unwrap());
    }
    for worker in workers {
        let output = worker.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    }
    let expected: Vec<u8> = (1..=processes * each).flat_map(part).collect();
    let file = world.complete(&made, json!({ "crc64_hash": digest(&expected).crc64.to_string() })).good();
    assert_eq!(read(&world.get(file["url"].as_str().unwrap())), expected);
    world.sound();
}

#[test]
fn an_upload_completed_by_several_threads_at_once_becomes_one_version() {
    let world = World::new();
    let bytes = noise(90 * KIB, 1);
    let parts = json!([{ "part_number": 1 }, { "part_number": 2 }, { "part_number": 3 }]);
    let made = world.create("a", json!({ "part_info_list": parts })).good();
    for (at, chunk) in bytes.chunks(30 * KIB).enumerate() {
        world.put_part(&made["part_info_list"][at]["upload_url"], chunk).good();
    }
    let message: Vec<Answer> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| world.complete(&made, json!({})))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    // One puts the parts together; the others are told the same, or to ask again.
    let (message, busy): (Vec<_>, Vec<_>) = message.into_iter().partition(|message| message.status == 200);
    assert!(busy.iter().all(|message| message.bad() == (409, "StateConflict")), "{busy:?}");
    let mut message: Vec<Value> = message.into_iter().map(Answer::good).collect();
    assert!(!message.is_empty());
    message.push(world.complete(&made, json!({})).good());
    assert!(message.iter().all(|file| file["revision_id"] == message[0]["revision_id"]), "{message:?}");
    assert_eq!(world.alice.versions("a", None, 9).unwrap().len(), 1);
    world.store.gc().unwrap();
    assert_eq!(world.files_in("blob"), 1);
    world.sound();
}
