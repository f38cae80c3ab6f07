"""Everything that reads what others wrote, as functions of bytes that raise only where a promise is broken."""
