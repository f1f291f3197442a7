//! The table of the matrix: every call of both formats, and who makes it. A test holds it to the
//! routes in the source, so that a new one without a row fails.

use crate::world::{CALLERS, Who, World};

type Run = fn(&mut World, Who);

/// Every call: the routes that it goes to, and what makes and judges it.
pub const CALLS: &[(&[&str], Run)] = &[
    (&["/drive/get", "/drive/get_default_drive", "/drive/list_my_drives"], World::pds_drives),
    (&["/file/get"], World::pds_get),
    (&["/file/list"], World::pds_list),
    (&["/file/get_download_url"], World::pds_get_download_url),
    (&["/file/download"], World::pds_download),
    (&["/file/archive_files"], World::pds_archive_files),
    (&["/async_task/get", "/file/get_download_url"], World::pds_archive_by_id),
    (&["/file/create"], World::pds_create_folder),
    (&["/file/create"], World::pds_create_upload),
    (&["/file/create"], World::pds_rapid),
    (&["/file/get_upload_url"], World::pds_get_upload_url),
    (&["/upload/"], World::pds_put_part),
    (&["/file/list_uploaded_parts"], World::pds_list_uploaded_parts),
    (&["/file/complete"], World::pds_complete),
    (&["/file/delete"], World::pds_delete),
    (&["/file/revision/list"], World::pds_list_revisions),
    (
        &["/file/revision/get", "/file/revision/update", "/file/revision/restore", "/file/revision/delete"],
        World::pds_revision,
    ),
    (&["/recyclebin/trash"], World::pds_trash),
    (&["/recyclebin/restore"], World::pds_restore),
    (&["/recyclebin/list"], World::pds_list_recyclebin),
    (&["/share_link/get_share_token"], World::pds_share_token),
    (&["POST file/url"], World::cr_urls),
    (&["POST file/url"], World::cr_archive),
    (&["PUT file/source"], World::cr_make_link),
    (&["DELETE file/source/_"], World::cr_delete_link),
    (&["POST file/version/current", "DELETE file/version"], World::cr_version),
    (&["GET file/content/_/_/_", "GET file/archive/_/_", "GET f/_/_", "GET f/d/_/_"], |world, who| {
        crate::urls::use_some(world, 1);
        world.cr_options(who);
    }),
];

/// Makes some calls, by whoever.
pub fn some(world: &mut World, most: usize) {
    for _ in 0..most {
        let (_, run) = CALLS[world.rng.below(CALLS.len() as u64) as usize];
        let who = *world.rng.pick(&CALLERS).expect("a caller");
        run(world, who);
    }
}

/// Makes every call once by everybody.
pub fn all(world: &mut World) {
    for (_, run) in CALLS {
        for who in CALLERS {
            run(world, who);
        }
    }
}

#[test]
fn every_route_of_both_formats_has_a_row() {
    let known: std::collections::BTreeSet<&str> =
        CALLS.iter().flat_map(|(routes, _)| *routes).copied().collect();
    let mut routes = pds_routes();
    routes.extend(cloudreve_routes());
    assert!(routes.len() >= 33, "the source is not read as it is written now: {routes:?}");
    for route in &routes {
        assert!(known.contains(route.as_str()), "no row of the matrix makes the call {route}");
    }
    for row in known {
        assert!(routes.contains(&row.to_owned()), "a row of the matrix makes the call {row}, which is none");
    }
}

fn source(path: &str) -> String {
    std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path)).unwrap()
}

/// The calls of PDS: those in the table, and the two that are not answered with JSON.
fn pds_routes() -> Vec<String> {
    let text = source("api/pds/routes.rs");
    let table = text.split("const CALLS").nth(1).unwrap().split("];").next().unwrap();
    let mut routes: Vec<String> =
        table.split("(\"").skip(1).map(|row| row.split('"').next().unwrap().to_owned()).collect();
    for other in ["/file/download", "/upload/"] {
        assert!(text.contains(&format!("\"{other}\"")), "{other}");
        routes.push(other.to_owned());
    }
    routes
}

/// The arms of the match that names a method, or that goes to content; and the direct links.
fn cloudreve_routes() -> Vec<String> {
    let mut routes = Vec::new();
    for line in source("api/cloudreve/routes.rs").lines() {
        let Some(arm) = line.trim().strip_prefix('(') else { continue };
        let Some((head, rest)) = arm.split_once(", [") else { continue };
        let Some((parts, done)) = rest.split_once("]) =>") else { continue };
        if done.contains("not_allowed") {
            continue;
        }
        let method = if head == "_" { "GET" } else { head.trim_matches('"') };
        let parts: Vec<&str> = parts
            .split(", ")
            .map(|part| if part.starts_with('"') { part.trim_matches('"') } else { "_" })
            .collect();
        routes.push(format!("{method} {}", parts.join("/")));
    }
    let links = source("api/cloudreve/link.rs");
    for (arm, route) in [("[\"d\", id, name]", "GET f/d/_/_"), ("[id, name]", "GET f/_/_")] {
        assert!(links.contains(arm), "{arm}");
        routes.push(route.to_owned());
    }
    routes
}

/// Reads the variants of an enum.
fn variants(path: &str, name: &str) -> Vec<String> {
    let text = source(path);
    let body = text.split(&format!("enum {name}")).nth(1).unwrap().split("\n}").next().unwrap().to_owned();
    let lines = body.lines().map(str::trim).filter(|line| line.starts_with(char::is_uppercase));
    lines.map(|line| line.split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned()).collect()
}

#[test]
fn every_kind_of_url_has_a_row() {
    let kinds: Vec<&str> =
        crate::urls::KINDS.iter().map(|(name, _)| name.split(',').next().unwrap()).collect();
    let mut known = variants("token/claims.rs", "Purpose");
    // The parts of uploads have a row among the calls.
    known.retain(|purpose| purpose != "Upload");
    assert!(known.len() >= 5, "{known:?}");
    let routes = variants("serve/route.rs", "Route<'a>");
    assert!(routes.len() >= 4, "{routes:?}");
    // A token is of a purpose, and a link is made by the history.
    known.extend(routes.into_iter().filter(|route| route != "Token" && route != "Link"));
    for kind in known {
        assert!(kinds.contains(&kind.as_str()), "no row of the matrix makes a URL of the kind {kind}");
    }
}
