"""What keeps people safe without trusting the model: stop words, policy, digests. Pure."""
