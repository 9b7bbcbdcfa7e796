"""After the capture: payouts, whose money loans are, statements, and the bank's file held against the books."""
