"""A small shop: a catalogue, carts, stock, card payments and an HTTP API."""
