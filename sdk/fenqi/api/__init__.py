"""The HTTP side of the SDK: one transport, typed results, and the resources of `fenqi.Client`."""
