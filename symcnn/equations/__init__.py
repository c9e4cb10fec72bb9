"""How values and errors are written: names, formulas, equations as text, LaTeX and MathML."""
