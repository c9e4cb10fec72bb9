"""Where everything in a picture stands: columns, rows, bands, lines."""
