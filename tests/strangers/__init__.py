"""Meters written by hand from the standards, sharing no codec with the project: what a customer's meter may do."""
