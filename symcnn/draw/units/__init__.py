"""The tutorial's figure 1: the units of a network, what each reads, and which weights are tied."""
