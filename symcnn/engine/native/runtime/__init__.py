"""Running compiled code: objects, threads, memory, interrupts."""
