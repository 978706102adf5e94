//! `freehold engines`: the support matrix, derived from the code.

use crate::output::{Output, Tone, columns};

pub(crate) fn run(output: &Output) {
    let matrix = freehold_builtin::support_matrix();
    if output.json {
        output.value(&matrix);
        return;
    }
    let head = [
        "engine",
        "versions run",
        "not run",
        "tables",
        "schema",
        "database",
        "instance",
        "schema changes",
    ];
    let head = head.map(str::to_owned).to_vec();
    let rows: Vec<_> = std::iter::once(head)
        .chain(matrix.iter().map(|row| row.cells().to_vec()))
        .collect();
    for line in columns(output, &rows, |row, column| {
        if row == 0 {
            Tone::Dim
        } else if column == 0 {
            Tone::Strong
        } else {
            Tone::Plain
        }
    }) {
        output.line(&line);
    }
}
