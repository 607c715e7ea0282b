"""Who acts: one actor a file. Actors import schemas, bus and kernels."""
