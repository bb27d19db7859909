"""A user's arrays and tables: npz, npy, safetensors, CSV and Parquet, pinned by checksums."""
