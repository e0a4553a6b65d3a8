"""A plan in all its forms: as text, as JSON; as a page it is among those of HTML."""
