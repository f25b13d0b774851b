"""What we tell: which touchpoints move loyalty, by how much, and how sure that is."""
