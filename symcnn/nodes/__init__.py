"""What nodes there are, one family a file. Each node type states its shape rule, forward rule,
local backward rule, formula and samples; everything else is derived from those five."""
