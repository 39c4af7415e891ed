"""The product: one room per noun."""
