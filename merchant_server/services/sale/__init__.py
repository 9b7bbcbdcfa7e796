"""From the offer to the signature: what a merchant asks for and what a consumer does on the phone."""
