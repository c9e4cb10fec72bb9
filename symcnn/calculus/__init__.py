"""Derivatives made of gradients: products with Jacobians, Jacobians, Hessians, gradients of each example."""
