"""Evidence of a signed agreement, checked offline: `verify_bundle(zip_bytes, root_pem)`.

Trusts the published root and nothing in the bundle. Needs `pip install 'fenqi[verify]'`.
"""
