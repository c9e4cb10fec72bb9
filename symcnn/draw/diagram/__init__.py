"""The diagram of a sweep: what it shows, where everything stands, and how it is written as SVG and DOT."""
