#![no_main]

holdall_fuzz::target!("cloudreve_json");
