//! Gives the shared library the soname that its file has: the name that cargo gives it, or the one it is to be
//! installed by, such as `libholdall.so.0.1`, which the build says as HOLDALL_SONAME.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=HOLDALL_SONAME");
    let part = |name: &str| std::env::var(name).unwrap_or_default();
    if part("CARGO_CFG_TARGET_OS") == "linux" {
        let name = Some(part("HOLDALL_SONAME")).filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| String::from("libholdall_c.so"));
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,{name}");
        // glibc has looked names up by the other table since 2006.
        println!("cargo::rustc-cdylib-link-arg=-Wl,--hash-style=gnu");
    }
}
