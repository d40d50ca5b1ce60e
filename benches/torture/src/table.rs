//! A table of verdicts.

/// What an experiment found.
pub struct Cell {
    pub right: bool,
    pub found: String,
}

impl Cell {
    pub fn new(right: bool, found: impl ToString) -> Self {
        Self { right, found: found.to_string() }
    }
}

pub struct Table {
    title: &'static str,
    peers: Vec<&'static str>,
    rows: Vec<(&'static str, Vec<Option<Cell>>)>,
}

impl Table {
    pub fn new(title: &'static str, peers: &[&'static str]) -> Self {
        Self { title, peers: peers.to_vec(), rows: Vec::new() }
    }

    /// A row: what is measured, and what each peer was found to do; nothing where it claims nothing.
    pub fn row(&mut self, what: &'static str, cells: Vec<Option<Cell>>) {
        assert_eq!(cells.len(), self.peers.len());
        self.rows.push((what, cells));
    }

    pub fn print(&self) {
        println!("\n{}\n", self.title);
        let shown = |cell: &Option<Cell>| match cell {
            None => "-".to_owned(),
            Some(Cell { right, found }) => {
                format!("{} {found}", if *right { "right" } else { "WRONG" })
            }
        };
        let first = self.rows.iter().map(|(what, _)| what.len()).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().map(|(_, cells)| shown(&cells[column]).len());
            cells.chain([self.peers[column].len()]).max().unwrap_or(0)
        };
        print!("{:<first$}", "");
        for (column, peer) in self.peers.iter().enumerate() {
            print!("  {peer:<width$}", width = width(column));
        }
        println!();
        for (what, cells) in &self.rows {
            print!("{what:<first$}");
            for (column, cell) in cells.iter().enumerate() {
                print!("  {:<width$}", shown(cell), width = width(column));
            }
            println!();
        }
    }
}
