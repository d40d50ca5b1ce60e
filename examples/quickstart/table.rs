//! Text in columns: the first and the last to the left, the numbers between them to the right.

pub(crate) fn aligned<const N: usize>(heading: [&str; N], rows: Vec<[String; N]>) -> String {
    let rows: Vec<_> = [heading.map(str::to_owned)].into_iter().chain(rows).collect();
    let widths: [usize; N] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0));
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            match column == 0 || column == N - 1 {
                true => format!("{cell:width$}"),
                false => format!("{cell:>width$}"),
            }
        });
        let cells: Vec<_> = cells.collect();
        format!("  {}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
