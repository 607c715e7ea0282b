"""What travels between actors: events, commands and configuration, as frozen msgspec Structs. Imports nothing of ours."""
