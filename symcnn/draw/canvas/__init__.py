"""What all pictures are drawn with: geometry, the widths of texts, colours and styles, SVG."""
