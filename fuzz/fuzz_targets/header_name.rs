#![no_main]

holdall_fuzz::target!("header_name");
