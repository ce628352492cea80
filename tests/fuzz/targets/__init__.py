"""One module per decoder: `SEEDS: list[bytes]` and `one(data)`, which raises nothing for any bytes."""
