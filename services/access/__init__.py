"""Who may use the product: users, sessions, tokens, and what they did."""
