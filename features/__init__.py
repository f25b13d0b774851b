"""What we know of a customer at a moment: tables, journey vocabulary, features as values, and the kernel with its hosts."""
