//! Tables without lines: a dim heading, two spaces between columns.

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Row, Table, presets};

use super::dim;

/// What becomes of text that is wider than the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    Wrap,
    Cut,
}

/// A table as wide as the terminal; without one (`width` is none) each row is one line, whatever its length. Columns in `right`
/// are numbers.
pub fn table(headings: &[&str], rows: Vec<Vec<String>>, right: &[usize], overflow: Overflow, width: Option<usize>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_truncation_indicator("…");
    match width {
        Some(width) => {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(u16::try_from(width).unwrap_or(u16::MAX));
        }
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    table.set_header(headings.iter().map(|heading| dim(heading)).collect::<Vec<_>>());
    for cells in rows {
        let mut row = Row::from(cells.into_iter().map(Cell::new_owned).collect::<Vec<_>>());
        if overflow == Overflow::Cut {
            row.max_height(1);
        }
        table.add_row(row);
    }
    let last = headings.len().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        // Ids and names are for copying: only what comes last gives way.
        if index < last {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    for &index in right {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("{}\n", table.trim_fmt())
}
