"""Running graphs: a program is a flat plan, made once and run often, on a backend of choice."""
