"""What travels: events, commands and configuration, as frozen msgspec Structs. Imports nothing of ours."""
