//! No two files of a crate need each other, by way of whatever others.

use holdall_tree::{Tree, circles};

use super::root;

#[test]
fn files_run_in_no_circle() {
    for krate in ["cli", "core", "ffi", "import", "python"] {
        let tree = Tree::read(&root().join(krate).join("src"));
        assert!(tree.len() > 10, "{krate} has {} files: the sources moved", tree.len());
        assert_eq!(circles(&tree.arrows()), Vec::<Vec<String>>::new(), "in {krate}");
    }
}

#[test]
fn a_planted_circle_is_found() {
    let cases: [(&str, &[(&str, &str)]); 6] = [
        ("by paths", &[("a.rs", "fn f() { crate::b::g() }"), ("b.rs", "fn g() { crate::a::f() }")]),
        ("by imports", &[("a.rs", "use super::b::B; struct A;"), ("b.rs", "use crate::a::A; struct B;")]),
        (
            "through a face",
            &[
                ("m/mod.rs", "mod a; mod b; pub use a::A; pub(crate) use b::*;"),
                ("m/a.rs", "use super::B; pub struct A;"),
                ("m/b.rs", "use crate::m::A as Other; pub struct B;"),
            ],
        ),
        (
            "through an imported module",
            &[("a.rs", "use crate::b; fn f() { b::g() }"), ("b.rs", "use crate::a; fn g() { a::f() }")],
        ),
        (
            "of three",
            &[
                ("a.rs", "use crate::b::B; struct A;"),
                ("b.rs", "use crate::c::C; struct B;"),
                ("c.rs", "impl From<crate::a::A> for C {} struct C;"),
            ],
        ),
        (
            "between folders",
            &[
                ("m/mod.rs", "mod low; pub struct M;"),
                ("m/low.rs", "use crate::n; fn f() { n::deep::g() }"),
                ("n/mod.rs", "pub mod deep;"),
                ("n/deep.rs", "use crate::m::low; pub fn g() { low::f() }"),
            ],
        ),
    ];
    for (how, files) in cases {
        assert_eq!(circles(&Tree::of(files.iter().copied()).arrows()).len(), 1, "{how}");
    }
}

#[test]
fn what_is_no_circle_is_not_taken_for_one() {
    let files = [
        ("lib.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
        ("a.rs", "use std::fmt; use crate::b::B; pub struct A;"),
        ("b.rs", "pub struct B; #[cfg(test)] mod tests { use crate::A; }"),
        ("b/tests.rs", "use crate::a::A;"),
        ("c/mod.rs", "mod d; pub struct C; pub use d::D;"),
        ("c/d.rs", "use super::C; pub struct D;"),
        ("e.rs", "use number::number; fn f() { number::of() }"),
    ];
    let arrows = Tree::of(files).arrows();
    assert_eq!(circles(&arrows), Vec::<Vec<String>>::new());
    assert!(arrows["a"].contains("b") && arrows["c::d"].contains("c"), "{arrows:?}");
}
