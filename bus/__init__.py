"""How events travel: the NATS client, the in-process bus, streams, server, identities, clock and logs."""
