"""Reports as documents of plain text, drawn as HTML and set as PDF."""
