"""What the measured paths need around them: a filled database, recordings of its SQL, servers, and load."""
