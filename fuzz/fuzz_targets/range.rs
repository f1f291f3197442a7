#![no_main]

holdall_fuzz::target!("range");
