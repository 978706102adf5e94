//! BookVault: one binary, one service per call.

fn main() {}
