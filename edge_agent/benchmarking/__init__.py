"""What claims of speed stand on: one sentence decided in several ways by one model; a node from socket to socket."""
