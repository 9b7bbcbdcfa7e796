"""The sandbox: a bank, an identity check, a credit bureau and an SMS gateway as one program that speaks HTTP.

Run it as a process of its own; the server meets it only over HTTP, through the clients in providers/.
What differs from production: the people and accounts are invented (magic.py), a deduction is decided at
once instead of in the bank's own time, there is one API key and no TLS (it listens beside the server), and
a visitor may turn faults on (controls.py).
"""
