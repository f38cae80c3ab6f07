"""What a model needs of a machine before it is loaded: memory, layers on a card, milliseconds."""
