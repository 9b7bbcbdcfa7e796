"""After the signature: deductions, what the bank says of them, and the books."""
