"""What keeps people safe without trusting the model: stop words, objections, policy, digests. Pure."""
